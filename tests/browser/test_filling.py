"""A new reporter's year in a real browser: what it costs in clicks and keys, what a lost connection and an ended session cost (nothing)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.serving import CHROMIUM, ROOT, environment, served
from tests.filling.live import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A workspace with a round to fill in, served."""
    home = tmp_path_factory.mktemp("filling") / "home"
    env = {**environment(), "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    made = subprocess.run([sys.executable, "-m", "tests.filling.live", str(home)], cwd=ROOT, env=env, capture_output=True, text=True, timeout=280)
    assert made.returncode == 0, made.stdout + made.stderr
    with served(home) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def signed_in(browser: Any, site: str) -> Any:
    page = browser.new_context(locale="zh-CN", viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(site + "/sign-in/?next=/filling/")
    page.fill("input[name=username]", "wangxiuying")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_selector("table.fy")
    return page


def until(page: Any, expression: str, seconds: float = 60) -> None:
    """Wait for an expression to be true. (Playwright's own waiting uses eval, which our policy forbids.)"""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if page.evaluate(expression):
                return
        except Exception as error:  # the page is just being left
            if "navigat" not in str(error) and "destroyed" not in str(error):
                raise
        time.sleep(0.1)
    raise AssertionError(f"did not come true: {expression}")


def kept(page: Any, version: int) -> None:
    """Wait until the server has acknowledged at least this many saves."""
    until(page, f"document.querySelector('#said') && +document.querySelector('#said').dataset.version >= {version}")


def settled(page: Any, after: int) -> None:
    """Wait until saves made since version ``after`` are acknowledged and no other is under way."""
    kept(page, after + 1)
    last, quiet = -1, 0
    while quiet < 4:
        page.wait_for_timeout(500)
        now = page.evaluate("+document.querySelector('#said').dataset.version")
        quiet = quiet + 1 if now == last and not page.evaluate("!!document.querySelector('.htmx-request')") else 0
        last = now


class Hand:
    """Counts what a person does: clicks, keys pressed beside the digits themselves, and values given."""

    def __init__(self, page: Any) -> None:
        self.page, self.acts, self.values = page, 0, 0

    def click(self, selector: str) -> None:
        self.page.click(selector)
        self.acts += 1

    def value(self, text: str) -> None:
        """Type a number where the focus is and go on with one key."""
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.values += 1
        self.acts += 1


def test_a_lost_connection_costs_nothing(site: str, browser: Any) -> None:
    page = signed_in(browser, site)
    url = page.url
    page.context.set_offline(True)
    page.fill("input[name='2023-07.water_m3']", "17")
    page.press("input[name='2023-07.water_m3']", "Tab")
    until(page, "document.querySelector('[data-state]').textContent.indexOf('没有网络') >= 0")
    page.context.set_offline(False)
    kept(page, 1)
    page.goto(url)
    assert page.input_value("input[name='2023-07.water_m3']") == "17"
    # an ended session: the text is offered after signing in again
    page.context.clear_cookies()
    page.fill("input[name='2023-08.water_m3']", "18")
    page.press("input[name='2023-08.water_m3']", "Tab")
    page.wait_for_selector("input[name=password]")
    page.fill("input[name=username]", "wangxiuying")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_selector("#fl-offer:not([hidden])")
    page.click("[data-restore]")
    kept(page, 2)
    page.goto(url)
    assert page.input_value("input[name='2023-08.water_m3']") == "18"
    page.fill("input[name='2023-07.water_m3']", "")
    page.fill("input[name='2023-08.water_m3']", "")
    page.press("input[name='2023-08.water_m3']", "Tab")
    kept(page, 3)


def test_a_column_pasted_fills_downwards_and_can_be_undone(site: str, browser: Any) -> None:
    page = signed_in(browser, site)
    column = "\\n".join(str(n) for n in range(1, 13))
    page.evaluate(f"""() => {{ const b = document.querySelector("input[name='2023-01.water_m3']"); const d = new DataTransfer();
        d.setData('text', "{column}"); b.dispatchEvent(new ClipboardEvent('paste', {{clipboardData: d, bubbles: true, cancelable: true}})); }}""")
    until(page, "document.getElementById('sum-water_m3').textContent === '78'")
    page.click("[data-unpaste]")
    until(page, "document.getElementById('sum-water_m3').textContent === ''")


STANDING = {"area_m2": "2000", "people": "100", "authorised_staff": "10"}
VALUES = {"electricity_kwh": 1000, "electricity_cost_yuan": 600, "water_m3": 10, "water_cost_yuan": 20, "gas_m3": 3, "gas_cost_yuan": 10}


def test_a_year_costs_one_act_for_each_value_and_five_more(site: str, browser: Any) -> None:
    """Everything a new reporter gives is counted: the basic facts, twelve months of electricity, water and gas with their costs, what was
    not used, and the filing."""
    page = signed_in(browser, site)
    hand, url = Hand(page), page.url
    facts = page.evaluate("[...document.querySelectorAll(\"#standing input[name^='all.']\")].map(b => b.name.slice(4))")
    assert len(facts) == 12
    hand.click(f"input[name='all.{facts[0]}']")
    for item in facts:  # Enter goes from fact to fact, past basis and reason, and from the last to the sheet
        assert page.evaluate("document.activeElement.name") == f"all.{item}"
        hand.value(STANDING.get(item, "0"))
    for column, value in VALUES.items():
        if page.evaluate("document.activeElement.name") != f"2023-01.{column}":
            hand.click(f"input[name='2023-01.{column}']")  # past the coal nobody burns
        for month in range(1, 13):
            hand.value(str(value + month if column == "electricity_kwh" else value))
    until(page, "document.getElementById('sum-gas_cost_yuan').textContent === '120'")
    hand.click("button[name=unuse][value='*']")
    until(page, "document.querySelectorAll('button[name=use]').length >= 6")
    hand.click("button[name=do][value=file]")
    until(page, "document.body.textContent.indexOf('已报 12 份') >= 0 || document.querySelector('.es:not(.calm)')")
    assert page.query_selector(".es") is None, page.inner_text(".es")
    assert page.url == url and hand.values == 84
    print(f"{hand.values} values, {hand.acts} acts besides the digits")
    assert hand.acts <= hand.values + 5


def test_a_grid_is_keyed_in_by_keyboard_alone(site: str, browser: Any) -> None:
    """A department's paper forms: Enter to the right, arrows, the paper's totals; saved as one goes, also over a lost connection."""
    page = browser.new_context(locale="zh-CN", viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(site + "/sign-in/?next=/rounds/")
    page.fill("input[name=username]", "zhoumin")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_selector("a[href*='/filling/workbooks/']")
    page.goto(site + page.get_attribute("a[href*='/filling/workbooks/']", "href"))
    page.goto(site + page.eval_on_selector_all("tr", "rows => rows.find(r => r.textContent.includes('教育局')).querySelector('a[href*=\"/grid/\"]').getAttribute('href')") + "?period=2023-02")
    here = "document.activeElement.name"
    row = page.get_attribute("tr:not(.done)[data-row]", "data-row")
    first = page.get_attribute(f"tr[data-row='{row}'] input.ci", "name")
    page.focus(f"tr[data-row='{row}'] input.ci")
    for text in ("1,200", "700"):
        page.keyboard.type(text)
        page.keyboard.press("Enter")
    assert page.evaluate(here) == "2023-02.water_m3"
    page.context.set_offline(True)
    page.keyboard.type("31")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(here) == "2023-02.water_cost_yuan"
    until(page, "document.querySelector('[data-state]').textContent.indexOf('没有网络') >= 0")
    page.context.set_offline(False)
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(here) == "2023-02.water_m3"
    page.focus("input[name='column.water_m3']")
    page.keyboard.type("30")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(here).endswith(".water_m3") and page.inner_text("[data-off='column.water_m3']").startswith("+")
    until(page, "document.querySelector('[data-state]').textContent.indexOf('已保存') >= 0")
    page.reload()
    values = page.evaluate(f"[...document.querySelectorAll(\"tr[data-row='{row}'] input[data-c]\")].slice(0, 3).map(b => b.value)")
    assert values == ["1,200", "700", "31"] and first == "2023-02.electricity_kwh"
    assert page.input_value("input[name='column.water_m3']") == "30"
