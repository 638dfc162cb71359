"""The story of March in a real browser: the messy export taught, imported, asked about, handed back, keyed in by the simulator, imported again.

The same story through the test client, to the last value, is ``tests/exchange/test_messy_story.py``; here is what a person sees.
Pictures of the pages go to the folder that JIENENG_PICTURES names, if any.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jieneng.desk.example import messy
from jieneng.desk.example.build import layout_path
from jieneng.desk.example.exports import write_register
from tests.browser.serving import CHROMIUM, NEW_PASSWORD, browsing, jieneng, served
from tests.simulator import Platform, asked_in, platform

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
COUNTIES = (messy.JING, messy.JIXI, messy.JINGDE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A workspace with the register of three counties and an open round, served with its worker."""
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    folder = tmp_path_factory.mktemp("messy")
    home, p = folder / "home", platform()
    p.rows = [r for r in p.rows if r.body.area in COUNTIES]
    bodies = {r.code: r.body for r in p.rows}
    write_register(folder / "名录.xlsx", [(messy.area_name(a), [b for b in bodies.values() if b.area == a]) for a in COUNTIES], "公共机构名录（示例）")
    jieneng(home, "init")
    jieneng(home, "import", str(folder / "名录.xlsx"), "--layout", str(layout_path("register")))
    jieneng(home, "open", "--year", "2022", "--rhythm", "month")
    out = folder / "user.json"
    jieneng(home, "user", "add", "zhoumin", "--name", "周敏", "--role", "city", "--office", "341800", "--json", str(out))
    with served(home) as url:
        yield {"url": url, "folder": folder, "platform": p, "password": json.loads(out.read_text())["password"]}


@pytest.fixture
def page() -> Iterator[Any]:
    with browsing() as view:
        yield view


def picture(page: Any, name: str) -> None:
    """The page as it is, on a desk and on a phone, for people to look at."""
    if folder := os.environ.get("JIENENG_PICTURES"):
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=str(Path(folder) / f"{name}-{width}.png"), full_page=width == 1440)
        page.set_viewport_size({"width": 1440, "height": 900})


def bring(page: Any, url: str, file: Path) -> None:
    """Import one file as what the platform holds, ours following; then the page that says what was read."""
    page.goto(url + "/imports/")
    page.set_input_files("input[type=file]", str(file))
    page.select_option("select[name=layout]", "platform-book")
    page.select_option("select[name=take]", "both")
    page.click("button:has-text('开始导入')")
    page.wait_for_selector("text=看读入的结果")
    page.click("text=看读入的结果")
    page.wait_for_load_state("networkidle")


def hand_over(page: Any, url: str, area: str) -> bytes:
    """The list of a county, as the browser downloads it."""
    page.goto(f"{url}/corrections/?year=2022&office={area}")
    page.click("button:has-text('发清单')")
    page.wait_for_selector("text=第 ")
    with page.expect_download() as download:
        page.click("a:has-text('xlsx')")
    return Path(download.value.path()).read_bytes()


def test_the_story_of_march(site: dict[str, Any], page: Any) -> None:
    url, p = site["url"], site["platform"]
    assert isinstance(p, Platform)
    mess = p.export(site["folder"] / "一")
    page.goto(url + "/layouts/")
    page.fill("input[name=username]", "zhoumin")
    page.fill("input[name=password]", site["password"])
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/password/")
    for name, value in (("old", site["password"]), ("new", NEW_PASSWORD), ("again", NEW_PASSWORD)):
        page.fill(f"input[name={name}]", value)
    page.press("input[name=again]", "Enter")
    page.wait_for_url(url + "/")
    # the table is taught once: three sheets are read alike, electricity in two units
    page.goto(url + "/layouts/")
    page.set_input_files("input[type=file]", str(mess.folder / messy.BOOK))
    page.click("main form button")
    page.wait_for_selector("text=每一列是什么")
    text = page.inner_text("main")
    assert "泾县、绩溪县、旌德县" in text and "电/消费量 （万千瓦时）" in text
    page.fill("#code", "platform-book")
    page.click("button[value=try]")
    page.wait_for_selector("text=照这样读")
    picture(page, "1-guess")
    page.click("button[value=save]")
    page.wait_for_selector("text=已保存")
    # imported: what cannot be read is named by sheet and cell, with what it probably is
    bring(page, url, mess.folder / messy.BOOK)
    text = page.inner_text("main")
    picture(page, "2-import")
    letter = next(s for s in mess.slips if s.kind == "code-letter" and s.file == messy.BOOK)
    assert letter.code in text and letter.cell in text and "1.2341825" in text
    bring(page, url, mess.folder / messy.AGAIN)
    # what the units confirm goes on the list
    here = {k: v for k, v in p.mistakes.items() if any(r.code == k[0] for r in p.rows)}
    for (code, month, item), (right, _) in here.items():
        page.goto(url + "/corrections/new/?year=2022")
        page.fill("[name=unit]", code)
        for name, value in (("period", f"2022-{month:02d}"), ("item", item)):
            field = page.locator(f"[name={name}]")
            field.select_option(value) if field.evaluate("e => e.tagName") == "SELECT" else field.fill(value)
        page.fill("[name=new]", str(right))
        page.fill("[name=reason]", "对照电费单，多写一位")
        page.fill("[name=word]", "联络员电话确认")
        page.click("main form button.btn-primary")
        page.wait_for_url("**/corrections/?**")
    asked = [line for area in COUNTIES for line in asked_in(hand_over(page, url, area))]
    assert {(a.code, a.month, a.item) for a in asked} == set(here)
    # keyed in, one wrong and one forgotten; the next import says so
    p.mend_codes()
    p.key_in(asked, wrong=[0], forgotten=[1])
    bring(page, url, p.export(site["folder"] / "二").folder / messy.BOOK)
    bring(page, url, site["folder"] / "二" / messy.AGAIN)
    page.goto(url + "/corrections/?year=2022")
    picture(page, "3-corrections")
    assert f"已改 {len(asked) - 2}，还没改 1，改成别的数 1" in page.inner_text("main, body")
    p.key_in(asked)
    bring(page, url, p.export(site["folder"] / "三").folder / messy.BOOK)
    bring(page, url, site["folder"] / "三" / messy.AGAIN)
    page.goto(url + "/corrections/?year=2022")
    assert f"已改 {len(asked)}，还没改 0" in page.inner_text("body")
    page.goto(url + "/compare/?year=2022")
    picture(page, "4-compare")
    text = page.inner_text("main")
    assert "可以审定" in text and "没有未清的" in text and "100.0%" in text
