"""A new reporter's year in a real browser: what it costs in clicks and keys, what a lost connection and an ended session cost (nothing)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.filling.live import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("JIENENG_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A workspace with a round to fill in, served."""
    home = tmp_path_factory.mktemp("filling") / "home"
    env = {**{k: v for k, v in os.environ.items() if not k.startswith(("JIENENG_HOME", "JIENENG_DATABASE_URL"))}, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    made = subprocess.run([sys.executable, "-m", "tests.filling.live", str(home)], cwd=ROOT, env=env, capture_output=True, text=True, timeout=280)
    assert made.returncode == 0, made.stdout + made.stderr
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "jieneng", "--home", str(home), "serve", "--port", str(port)], cwd=ROOT, env=env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    for _ in range(900):
        try:
            urllib.request.urlopen(url + "/health/", timeout=2).read()
            break
        except OSError:
            time.sleep(0.3)
    yield url
    server.terminate()
    server.wait(20)


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


def test_a_year_costs_one_act_for_each_value_and_five_more(site: str, browser: Any) -> None:
    """Twelve months of electricity, water and gas with their costs, area and people, the rest declared or as given: then filed."""
    page = signed_in(browser, site)
    hand, url = Hand(page), page.url
    for family in ("coal_t", "petrol_l", "diesel_l", "heat_gj", "other_energy_tce", "lpg_kg", "pv_generation_kwh"):
        # a school tells the families it has no use for once; a register that says so will spare it that
        if page.query_selector(f"button[name=unuse][value='{family}']"):
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            page.click(f"button[name=unuse][value='{family}']")
            page.wait_for_selector("table.fy")
    before = int(page.evaluate("+document.querySelector('#said').dataset.version"))
    for at, text in (("land_area_m2", "0"), ("area_m2", "2000"), ("people", "100"), ("authorised_staff", "10"), ("vehicles", "0"), ("petrol_vehicles", "0"), ("diesel_vehicles", "0"),
                     ("new_energy_vehicles", "0"), ("charging_posts", "0"), ("solar_thermal_m2", "0"), ("pv_capacity_kw", "0"), ("geothermal_kw", "0")):
        page.fill(f"input[name='all.{at}']", text)
    page.press("input[name='all.geothermal_kw']", "Tab")
    settled(page, before)
    page.reload()
    hand.click("input[name='2023-01.electricity_kwh']")  # once: Enter goes down, and from December to the next column
    for column in ("electricity_kwh", "electricity_cost_yuan", "water_m3", "water_cost_yuan", "gas_m3", "gas_cost_yuan"):
        assert page.evaluate("document.activeElement.name") == f"2023-01.{column}"
        for month in range(1, 13):
            hand.value(str({"electricity_kwh": 1000 + month, "electricity_cost_yuan": 600, "water_m3": 10, "water_cost_yuan": 20, "gas_m3": 3, "gas_cost_yuan": 10}[column]))
    until(page, "document.getElementById('sum-gas_cost_yuan').textContent === '120'")
    hand.click("button[name=do][value=file]")
    until(page, "document.body.textContent.indexOf('已报 12 份') >= 0 || document.querySelector('.es')")
    assert page.query_selector(".es") is None, page.inner_text(".es")
    assert page.url == url and hand.values == 72
    print(f"{hand.values} values, {hand.acts} acts besides the digits")
    assert hand.acts <= hand.values + 5
