"""One walk in a real browser against the real server: from a file to a number in a document, and back to the cell.

``jieneng init``, ``user add`` and ``serve`` run as a person would run them; Chromium does the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from jieneng.registry.credit_code import check_digit, organisation_check
from tests.browser.serving import CHROMIUM, NEW_PASSWORD, browsing, jieneng, served

# one worker runs the whole walk, in order: each test goes on where the one before left off
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def code(n: int) -> str:
    body = "12341823" + f"{n:08}" + organisation_check(f"{n:08}")
    return body + check_digit(body)


REGISTER = """layout: small-register
title: {zh: 小名录, en: Small register}
book: cn
reads: register
file: {kind: csv}
identifier: {column: 信用代码, scheme: uscc}
name: 单位名称
area: {column: 归口, map: {泾县: 341823, 市直: 341800SZ}}
type: {column: 类型, map: {学校: education, 机关: organ}}
since: {value: 2020-01-01}
"""
ITEMS = {"电（万kWh）": ("electricity_kwh", "万kWh"), "电费": ("electricity_cost_yuan", "yuan"), "水": ("water_m3", "m3"), "水费": ("water_cost_yuan", "yuan"),
         "煤": ("coal_t", "t"), "气": ("gas_m3", "m3"), "汽油": ("petrol_l", "L"), "柴油": ("diesel_l", "L"), "热力": ("heat_gj", "GJ"), "其他": ("other_energy_tce", "tce"),
         "面积": ("area_m2", "m2"), "人数": ("people", "person")}
ANSWERS = """layout: small-year
title: {zh: 小年报, en: Small year}
book: cn
reads: answers
form: consumption
file: {kind: csv}
identifier: {column: 信用代码, scheme: uscc}
name: 单位名称
period: {column: 年, format: YYYY}
items:
""" + "".join(f"  - {{column: {c}, item: {i}, unit: {u}}}\n" for c, (i, u) in ITEMS.items())


def consumption(year: int, bad: bool = False) -> str:
    heads = ["信用代码", "单位名称", "年", *ITEMS]
    rows = [[code(n), f"示例第{n}小学", str(year), str(n + year - 2020), "6000", "120", "300", "0", "0", "0", "0", "0", "0", "2000", "100"] for n in range(1, 6)]
    if bad:
        rows[1][3] = "1.2万"
        rows.append([code(99), "示例不在名录", str(year), *["1"] * 12])
    return "\n".join(",".join(r) for r in [heads, *rows]) + "\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A workspace with a register and two earlier years, served with its worker."""
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    folder = tmp_path_factory.mktemp("browser")
    home = folder / "home"
    jieneng(home, "init")
    for name, text in (("small-register", REGISTER), ("small-year", ANSWERS)):
        (home / "layouts" / f"{name}.yaml").write_text(text, encoding="utf-8")
    register = folder / "名录.csv"
    register.write_text("信用代码,单位名称,归口,类型\n" + "".join(f"{code(n)},示例第{n}小学,{'泾县' if n < 4 else '市直'},学校\n" for n in range(1, 6)), encoding="utf-8")
    jieneng(home, "import", str(register), "--layout", str(home / "layouts" / "small-register.yaml"))
    for year in (2020, 2021):
        (folder / f"{year}.csv").write_text(consumption(year), encoding="utf-8")
        jieneng(home, "open", "--year", str(year), "--rhythm", "year")
        jieneng(home, "import", str(folder / f"{year}.csv"), "--layout", str(home / "layouts" / "small-year.yaml"), "--accept")
    jieneng(home, "open", "--year", "2022", "--rhythm", "year")
    (folder / "2022年报最终版(2).csv").write_text(consumption(2022, bad=True), encoding="utf-8")
    out = folder / "user.json"
    jieneng(home, "user", "add", "zhoumin", "--name", "周敏", "--role", "city", "--office", "341800", "--json", str(out))
    with served(home) as url:
        yield {"url": url, "home": home, "folder": folder, "password": json.loads(out.read_text())["password"]}


@pytest.fixture
def page(site: dict[str, Any]) -> Iterator[Any]:
    with browsing() as view:
        yield view


def test_from_a_file_to_a_number_and_back_to_its_cell(site: dict[str, Any], page: Any) -> None:
    url = site["url"]
    # a wrong password is told; the one-time password must be changed before anything else
    page.goto(url + "/register/")
    page.fill("input[name=username]", "zhoumin")
    page.fill("input[name=password]", "wrong")
    page.press("input[name=password]", "Enter")
    page.wait_for_selector("text=用户名或密码不对")
    page.fill("input[name=password]", site["password"])
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/password/")
    page.fill("input[name=old]", site["password"])
    page.fill("input[name=new]", NEW_PASSWORD)
    page.fill("input[name=again]", NEW_PASSWORD)
    page.press("input[name=again]", "Enter")
    page.wait_for_url(url + "/")
    # found by pinyin initials from the keyboard
    page.keyboard.press("/")
    page.keyboard.type("sldyxx".replace("y", "1"))
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('示例第1小学')")
    # a file through the page: progress, good rows in, bad cells named
    page.goto(url + "/imports/")
    page.set_input_files("input[type=file]", str(site["folder"] / "2022年报最终版(2).csv"))
    page.select_option("select[name=layout]", "small-year")
    page.click("button:has-text('开始导入')")
    page.wait_for_selector("text=看读入的结果")
    page.click("text=看读入的结果")
    text = page.inner_text("main")
    assert "1.2万" in text and "D3" in text and "示例不在名录" in text and "最终版(2)" in text
    # accept, see what would be left out, freeze with progress
    page.goto(url + "/rounds/")
    page.locator("section.card").first.locator("button:has-text('全部审核通过')").click()
    page.wait_for_selector("text=审核通过 5 份")
    freeze(page, url)
    page.click("text=看汇总与指标")
    # the institution whose electricity could not be read is said not to be covered
    assert "4 / 5" in page.inner_text("main")
    # a number opens its proof, down to sheet and cell
    page.goto(url + "/figures/trace/?name=electricity_kwh&period=2022&by=&code=")
    page.wait_for_selector("text=已核对")
    for _ in range(3):
        page.locator(".tree button[aria-expanded=false][hx-get]").last.click()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(300)
    page.locator(".tree button.btn-link").last.click()
    page.wait_for_selector("#cell dd:has-text('最终版(2)')")
    panel = page.inner_text("#cell")
    assert re.search(r"D[2-6]", panel) and "万kWh" in panel
    # English, complete
    page.click("button:has-text('English')")
    page.wait_for_selector("text=How it is made")
    assert "选中" not in page.inner_text("main")


def test_a_document_refuses_then_composes_and_one_capacity_moves_one_number(site: dict[str, Any], page: Any) -> None:
    url = site["url"]
    page.goto(url + "/sign-in/")
    page.fill("input[name=username]", "zhoumin")
    page.fill("input[name=password]", NEW_PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(url + "/")
    if page.locator("button:has-text('中文')").count():
        page.click("button:has-text('中文')")
    page.goto(url + "/documents/")
    page.click("button:has-text('编制')")
    page.wait_for_selector("text=缺“全部完成的全省名次”")
    for kind, values in (
        ("energy_contracts", {"no": "HT-1", "name": "示例光伏", "area": "341823", "type": "pv", "stage": "tendered", "tendered_on": "2022-03-01", "year": "2022",
                              "investment_10k_yuan": "582.73", "capacity_kwp": "1682.1"}),
        ("waste_bins", {"no": "B-1", "batch": "1", "issued_on": "2022-05-01", "unit": "示例单位", "kind": "two_way", "count": "128", "counted_as": "piece", "year": "2022"}),
        ("external_facts", {"code": "creation_rank", "year": "2022", "label": "名次", "value": "第三个", "source_document": "省局通报（样例）"})):
        page.goto(f"{url}/ledgers/{kind}/new/")
        for name, value in values.items():
            field = page.locator(f"[name={name}]")
            field.select_option(value) if field.evaluate("e => e.tagName") == "SELECT" else field.fill(value)
        page.click("button:has-text('保存')")
        page.wait_for_selector("text=已保存")
    before = compose(page, url)
    page.goto(url + "/ledgers/energy_contracts/")
    page.click("text=示例光伏")
    page.fill("[name=capacity_kwp]", "1700")
    page.fill("[name=reason]", "竣工核定")
    page.click("button:has-text('保存')")
    page.wait_for_selector("text=已保存")
    after = compose(page, url)
    assert {k for k in before if before[k] != after[k]} == {"capacity"} and (before["capacity"], after["capacity"]) == ("1.6821", "1.7000")
    page.click("a.n:has-text('1.7000')")
    page.wait_for_selector("#proof:has-text('示例光伏')")
    with page.expect_download() as download:
        page.click("text=清稿 docx")
    assert download.value.suggested_filename.endswith(".docx")


def freeze(page: Any, url: str) -> None:
    """Freeze the newest year from the page of rounds, past the page that says what would be left out."""
    page.goto(url + "/rounds/")
    page.locator("section.card").first.locator("a:has-text('封存 2022')").click()
    page.locator("form[action$='/rounds/2022/freeze/'] button").click()
    page.wait_for_selector("text=看汇总与指标")


def compose(page: Any, url: str) -> dict[str, str]:
    """Freeze, compose, and read the numbers on the page by their names."""
    freeze(page, url)
    page.goto(url + "/documents/")
    page.click("button:has-text('编制')")
    page.wait_for_selector("article.paper")
    return {a.get_attribute("href").split("figure=")[1].split("#")[0]: a.inner_text() for a in page.locator("article.paper a.n[href*='figure=']").all()}


@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_scrolls_sideways_or_complains(site: dict[str, Any], page: Any, width: int) -> None:
    url = site["url"]
    page.goto(url + "/sign-in/")
    page.fill("input[name=username]", "zhoumin")
    page.fill("input[name=password]", NEW_PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(url + "/")
    page.set_viewport_size({"width": width, "height": 844})
    for path in ("/", "/register/", "/rounds/", "/findings/", "/imports/", "/figures/", "/ledgers/energy_contracts/", "/ledgers/energy_contracts/new/", "/documents/",
                 "/rules/", "/events/", "/figures/trace/?name=energy_per_area&period=2022&by=&code="):
        page.goto(url + path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.locator("h1").count() == 1, path
