"""The review by keyboard in a real browser: next, send back, undo; and no letter alone decides anything."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from jieneng.sitting.models import Decision
from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, SCHOOL_ONE, SCHOOL_TWO
from tests.sitting.make import add, make_run

CHROMIUM = os.environ.get("JIENENG_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.django_db(transaction=True)]


def press(url: str, cookie: dict[str, str]) -> dict[str, Any]:
    """The walk by keys. What was seen on the way: titles, whether a form was open, what stood under the focus."""
    from playwright.sync_api import sync_playwright

    seen: dict[str, Any] = {"errors": []}
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([cookie])
        page = context.new_page()
        page.on("console", lambda m: seen["errors"].append(m.text) if m.type == "error" else None)
        page.goto(url)
        page.locator("#main").focus()
        seen["first"] = page.locator("#finding > .ch h2").inner_text()
        page.keyboard.press("ArrowDown")
        page.wait_for_url("**f=*")
        seen["second"] = page.locator("#finding > .ch h2").inner_text()
        page.keyboard.press("ArrowUp")
        page.locator("#finding > .ch h2:has-text('第一小学')").wait_for()
        page.keyboard.press("r")
        seen["open"] = page.locator("details[data-key=r]").evaluate("d => d.open")
        seen["others"] = page.locator("details[data-key][open]").count()
        seen["focus"] = page.evaluate("document.activeElement.innerText")
        page.keyboard.press("Enter")
        page.wait_for_url("**done=*")
        page.locator("#finding > .ch h2:has-text('示例市医院')").wait_for()
        seen["after"] = page.locator("#finding > .ch h2").inner_text()
        page.locator("#main").focus()
        page.keyboard.press("u")
        page.locator("#finding > .ch h2:has-text('第一小学')").wait_for()
        page.keyboard.press("k")
        page.keyboard.type("r")  # in a field a letter is a letter
        seen["typed"] = page.evaluate("document.activeElement.value")
        browser.close()
    return seen


def test_keys_open_forms_and_only_enter_decides(city: dict[str, Any], live_server: Any) -> None:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    file_all(city, 2022)
    run = make_run(city)
    for rank, key in enumerate((SCHOOL_ONE, HOSPITAL, SCHOOL_TWO), 1):
        add(run, city, key, rank)
    client = Client()
    client.force_login(city["people"]["zhoumin"])
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value, "url": live_server.url}
    seen = press(f"{live_server.url}/review/{run.round_id}/", cookie)
    assert "示例第一小学" in seen["first"] and "示例市医院" in seen["second"] and "示例市医院" in seen["after"]
    assert seen["open"] and seen["others"] == 1 and "退回" in seen["focus"] and seen["typed"] == "r"
    assert seen["errors"] == []
    (decision,) = Decision.objects.all()  # one was made, and undone; opening forms made none
    assert decision.verdict == "sent_back" and decision.undone_at is not None
