"""The kitchen sink: a page with every component, drawn by Chromium under the product's own policy.

What only a browser can tell: nothing violates the policy, nothing scrolls sideways, keys and switches work.
JIENENG_SHOTS=DIR keeps pictures for people to look at.
"""

from __future__ import annotations

import mimetypes
import os
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.core.paginator import Paginator
from django.forms import CharField, Form, TextInput
from django.template import engines
from django.test import RequestFactory, override_settings
from django.urls import path

from jieneng.core.problem import Place, Problem
from jieneng.core.words import T, speaking
from jieneng.desk.middleware import CSP

pytestmark = pytest.mark.browser
NAMES = ["search", "change-password", "sign-in", "sign-out", "set-language", "register", "rounds", "findings", "figures", "documents"]
urlpatterns = [path("", lambda request: None, name="home"), *(path(f"{name}/", lambda request: None, name=name) for name in (*NAMES, "messages", "me", "act-for"))]
"""Only the names that the frame needs: the components are tested without the rooms."""
CHROMIUM = os.environ.get("JIENENG_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
AREAS = ["宣州区", "广德市", "宁国市", "泾县", "郎溪县", "绩溪县", "旌德县", "市直", "经开区"]

SINK = """{% extends "desk/base.html" %}{% load jn %}
{% block crumbs %}<a href="/">能耗统计</a> / 2022 年度{% endblock %}
{% block title %}名录库　{{ total|num }} 家{% endblock %}
{% block chips %}{% status "signed" %} <span class="sm m2">2022-12-31 时点 · 另有代报 38 个</span>{% endblock %}
{% block actions %}<a class="btn" href="/x/">{% icon "file-spreadsheet" %}导出 xlsx</a><a class="btn btn-primary" href="/x/">{% icon "upload" %}导入平台名录</a>{% endblock %}
{% block content %}
<div class="g g-75 even">
<section class="card"><div class="ch"><h2>今天要办</h2><span class="m3 sm">按截止时间和影响排列</span><div class="push"><div class="seg" role="group" aria-label="范围"><button aria-pressed="true">全部 6</button><button aria-pressed="false">我的 4</button></div></div></div>
<ul class="todo">{% for x in todo %}<li><span class="ic {{ x.tone }}">{% icon x.icon True %}</span><div class="k">{{ x.n }}<small>{{ x.unit }}</small></div><div class="grow"><div class="b">{{ x.what }}</div><div class="sm m2">{{ x.detail }}</div></div><span class="sm m2">2 月 28 日截止</span><a class="btn btn-s" href="/x/">去处理</a></li>{% endfor %}</ul></section>
<div class="g"><section class="card"><div class="ch"><h2>2022 年度年报</h2>{% status "provisional" words %}<span class="push sm m3">还有 4 天</span></div><div class="cb"><div class="row-f sp nowrap"><div><span class="big">{% n 858 "/x/" %}</span><span class="m2"> / 1,130 家已报（退回不算）</span></div><div class="r"><div class="b">75.9%</div><div class="xs m3">上年同日 70.4%</div></div></div>
<div class="mt8">{% state_bar counts %}</div><div class="lg mt8">{% for s in counts %}<span>{% state_dot s %}{% state_word s %}</span>{% endfor %}</div>
<div class="g g3 mt12 tri"><div><b>{% n 37 "/x/" %}</b><span>昨日新报</span></div><div><b>{% n 42 "/x/" %}</b><span>退回待改</span></div><div><b>{% n 0 "/x/" %}</b><span>单独延期</span></div></div></div><div class="cf"><span>按能耗计已覆盖 <b>{{ 0.912|pct }}</b></span><a class="push" href="/x/">看完整率</a></div></section>
<section class="card"><div class="ch"><h2>四项指标</h2><span class="sm m3">国家核定版</span></div><div class="tw"><table class="t dense"><tbody><tr><th scope="row">单位建筑面积能耗</th><td class="num">{% n area "/x/" 3 "kgce/m²" %}</td><td class="num t-ok b">{{ change|signed }}</td></tr><tr><th scope="row">人均用水量</th><td class="num">{% unknown "缺 3 家的人数" %}</td><td class="num">—</td></tr></tbody></table></div></section></div></div>
<section class="card mt16"><div class="ch">{% filter_bar filters search="名称、首字母或代码" %}<span class="push sm m3">归口 = 数据报给谁</span></div>
<div class="tw"><table class="t dense"><thead><tr>{% sort_head "name" "单位" "Institution" %}{% sort_head "area" "统计归口" "Line" %}<th>所在地</th>{% sort_head "tce" "上年能耗 tce" "Energy" num=True %}<th class="num">面积 m²</th><th>状态</th><th>备注</th></tr></thead><tbody>
{% for r in page %}<tr><th scope="row"><a href="/x/">{{ r.name }}</a></th><td>{{ r.area }}</td><td>{{ r.area }}</td><td class="num">{% n r.tce "/x/" 1 %}</td><td class="num">{% value r.m2 0 %}</td><td>{% status r.state %}</td><td>{% if forloop.first %}<span class="chip o">归口 ≠ 所在地</span>{% endif %}</td></tr>{% endfor %}</tbody>
<tfoot><tr><th scope="row">合计（筛选所示）</th><td></td><td></td><td class="num">60,340.2</td><td></td><td></td><td></td></tr></tfoot></table></div>{% pager page sizes=True %}</section>
<div class="g g2 mt16">{% chart bars %}{% chart line %}</div>
<div class="g g2 mt16">{% chart stack %}{% chart fall %}</div>
<div class="mt16">{% include "desk/parts/proof.html" with ok=True head="已核对：从 1,130 家的记录重新计算，结果与公布值逐位一致" detail="146,900 个数据格 · 全部有数据来源" facts=facts url="/x/" button="现在重算一次" %}</div>
<div class="g g-tr mt12"><section class="card"><div class="ch"><h2>计算树</h2></div><ul class="tree"><li><div class="nd"><button class="tw-b" type="button" data-tree aria-expanded="true" aria-label="展开或收起">{% icon "chevron-down" %}</button><span class="op">÷</span><span class="lbl">单位建筑面积能耗 = 能耗总量 ÷ 建筑面积</span><span class="val">8.140<span class="u">kgce/m²</span></span><span class="sh"></span></div><ul><li><div class="nd on"><span class="tw-b"></span><span class="op">□</span><span class="lbl">2022-12　消费状况 110 电</span><span class="chip ok">账单一致</span><span class="val" id="v">9,214<span class="u">kWh</span></span><span class="sh">9.6%</span></div></li></ul></li>
<li><div class="nd"><button class="tw-b" id="more" type="button" aria-expanded="false" aria-label="按地区展开" hx-get="/branch/" hx-target="next ul" hx-swap="innerHTML">{% icon "chevron-right" %}</button><span class="op">Σ</span><span class="lbl">按地区展开</span><span class="val">60,340.2<span class="u">tce</span></span><span class="sh">100%</span></div><ul></ul></li>
<li><div class="nd"><button class="tw-b" id="gone" type="button" aria-expanded="false" aria-label="登录过期" hx-get="/gone/" hx-target="next ul" hx-swap="innerHTML">{% icon "chevron-right" %}</button><span class="op">Σ</span><span class="lbl">登录过期</span></div><ul></ul></li></ul></section>
<div class="g"><section class="card"><div class="ch"><h2>选中：9,214 kWh</h2><span class="push">{% mark "proved" %}</span></div><div class="cb">{% include "desk/parts/dl.html" with pairs=pairs %}</div></section>
<section class="card"><div class="ch"><h2>办理记录</h2></div>{% include "desk/parts/timeline.html" with events=events %}</section></div></div>
<section class="card mt12"><div class="cb">{% include "desk/parts/stages.html" with stages=stages %}</div></section>
<div class="g g2 mt12"><section class="card"><form class="cb" method="post">{% include "desk/parts/error_summary.html" %}{% for f in form %}{% field f %}{% endfor %}<button class="btn btn-primary">{% icon "device-floppy" %}保存</button></form></section>
<div class="g"><section class="card"><div class="ch"><h2>没有读入的</h2></div><div class="cb">{% include "desk/parts/problems.html" %}{% include "desk/parts/problems.html" with tone="w" %}</div></section><section class="card"><div class="cb">{% include "desk/parts/progress.html" with url="/x/" %}</div></section>
<section class="card">{% include "desk/parts/empty.html" with what="还没有 2023 年的统计任务。" why="新建以后，应报单位按名录库自动列出。" url="/x/" button="新建统计任务" %}</section></div></div>
{% endblock %}"""


class Line(Form):
    kwh = CharField(label="全年电量", help_text="按抄表日折到自然月", widget=TextInput(attrs={"data-unit": "kWh", "inputmode": "decimal"}))
    name = CharField(label="项目名称")
    remark = CharField(label="备注", required=False)


def _context() -> dict[str, Any]:
    def e(name: str, label: str, icon: str, count: int = 0) -> dict[str, Any]:
        return {"label": label, "url": {"home": "/"}.get(name, f"/{name}/"), "icon": icon, "current": name == "register", "count": count}
    months = [str(m) for m in range(1, 13)]
    values = [Decimal(v) for v in (38420, 30110, 31500, 28880, 27340, 41020, 56310, 57700, 42100, 29980, 31240, 39214)]
    sums = [Decimal("13240.5"), Decimal("9871.2"), Decimal("8110.0"), Decimal("6540.9"), Decimal("6320.1"), Decimal("4801.7"),
            Decimal("3120.4"), Decimal("7342.3"), Decimal("993.1")]
    return {
        "title": "名录库", "total": 1130, "product": T("公共机构节能", "Public-institution energy"), "version": "0.1.0",
        "office": {"name": "示例市机关事务管理局"}, "person": {"name": "周敏", "username": "zhoumin"},
        "words": {"provisional": T("收报中", "open")}, "area": Decimal("8.140"), "change": Decimal("-0.038"),
        "menu": [{"label": "工作", "entries": [e("home", "工作台", "layout-dashboard")]},
                 {"label": "能耗统计", "entries": [e("register", "名录库", "building-community", 1130), e("rounds", "统计任务", "clipboard-list"),
                                               e("findings", "审核问题", "list-search", 22), e("figures", "汇总与指标", "chart-histogram")]},
                 {"label": "材料与公文", "entries": [e("documents", "年度总结", "file-text")]}],
        "todo": [{"n": n, "unit": u, "what": w, "detail": d, "icon": i, "tone": t} for n, u, w, d, i, t in (
            (3, "件", "整改通知到期未回复", "泾县 2 件、宣州区 1 件 · 垃圾分类监督检查", "clock-exclamation", "e"),
            (272, "家", "2022 年度年报还没报完", "未报、填报中 230，退回待改 42；宣州区 86、泾县 68 家", "calendar-due", "w"),
            (22, "项", "审核问题待核实", "核实前 18 项，其余可不逐项核实（合计影响 ≤ 0.5%）", "list-search", ""),
            (1482, "户", "用能户号待确认归属", "供电公司 1 月清单 1,486 户", "bolt", "k"))],
        "counts": {"expected": 129, "draft": 101, "returned": 42, "filed": 307, "dept_ok": 349, "county_ok": 202},
        "filters": [{"name": "area", "label": "归口", "options": [("1", "宣州区"), ("2", "市直")]}, {"name": "type", "label": "类型", "options": [("03", "学校")]}],
        "page": Paginator([{"name": f"{a}示例中心小学", "area": a, "tce": s, "m2": None if a == "泾县" else 4860, "state": st} for a, s, st in zip(
            AREAS, sums, ["expected", "draft", "returned", "filed", "dept_ok", "county_ok", "accepted", "signed", "covered"], strict=True)] * 13, 9).page(1),
        "bars": {"kind": "bars", "label": "各地能耗", "unit": "tce", "x": AREAS, "places": 1, "series": [{"name": "2022", "values": sums}],
                 "targets": [s * Decimal("0.97") for s in sums], "source": "省审定版 2023-04-20"},
        "line": {"kind": "line", "label": "分月用电", "unit": "kWh", "x": months, "places": 0, "head": "月", "series": [
            {"name": "2022", "values": [*values[:9], None, None, None]}, {"name": "2021", "values": [v * Decimal("0.94") for v in values], "dashed": True}]},
        "stack": {"kind": "stack", "label": "填报状态", "unit": "家", "x": AREAS[:4], "series": [
            {"name": "未报", "fill": "#c3cdd7", "values": [41, 22, 11, 38]}, {"name": "已报", "fill": "#5b93d1", "values": [88, 61, 44, 46]},
            {"name": "县级已审", "fill": "#1a6b3b", "values": [12, 19, 31, 0]}]},
        "fall": {"kind": "waterfall", "label": "能耗为什么变了：2021 → 2022", "unit": "tce", "places": 1, "rest": 7,
                 "x": ["2021", "名录增减", "建筑面积", "用能人数", "天气", "用能结构", "更正上年", "其他变化", "2022"],
                 "values": [Decimal(v) for v in ("60912.4", "318.6", "742.1", "205.3", "1126.8", "-164.2", "-92.5", "-2708.3", "60340.2")]},
        "facts": [("1,130 / 1,130", "覆盖单位"), ("93.1%", "电量与账单相符")],
        "pairs": [("单位", "绩溪县示例卫生院"), ("位置", "工作表 消费状况，单元格 N7"), ("更正", "")],
        "events": [{"at": "2022-08-01", "what": {"zh": "教学点撤并，学生并入本部", "en": "merged"}, "who": "周敏", "more": "教体局文件（样例）"}],
        "stages": [{"name": n, "date": d, "state": s} for n, d, s in (("前期评估", "2021-11-08", "done"), ("中标", "2022-03-18", "done"), ("运行与结算", "2022-05-01", "now"), ("移交", None, "next"))],
        "form": Line({"kwh": "3.2万", "name": ""}),
        "problems": [Problem("x", T("“3.2万”要写成数字", "write it as a number"), T("32,000", "32,000"), T("单位已经印在框里，不用再写", "leave the unit out"), Place(sheet="消费状况", cell="N7"))],
        "job": {"state": "running", "done": 3210, "total": 13560, "message": {"zh": "已读", "en": "read"}},
    }


@pytest.fixture(scope="module", autouse=True)
def _addresses() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture(scope="module")
def sink() -> str:
    return engines["django"].from_string(SINK).render(_context(), RequestFactory().get("/register/"))


@pytest.fixture(scope="module")
def sign_in() -> str:
    return engines["django"].get_template("registration/login.html").render({"form": Line({"kwh": ""})}, RequestFactory().get("/sign-in/"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("no Chromium: install it or name it in JIENENG_CHROMIUM")
    with sync.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Site(BaseHTTPRequestHandler):
    """A page from memory and the static files, under the product's own policy."""

    html = b""
    missing: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        address = urlsplit(self.path).path
        if address == "/gone/":
            return self._answer(302, b"", "text/html", Location="/sign-in/")
        if address == "/branch/":
            return self._answer(200, '<li id="leaf"><div class="nd">宣州区</div></li>'.encode(), "text/html; charset=utf-8")
        if address == "/x/":
            return self._answer(204, b"", "text/html")
        if not address.startswith("/static/"):
            return self._answer(200, self.html, "text/html; charset=utf-8")
        found = finders.find(address.removeprefix("/static/"))
        if not found:
            self.missing.append(address)
            return self._answer(404, b"", "text/plain")
        return self._answer(200, Path(found).read_bytes(), mimetypes.guess_type(address)[0] or "text/plain")

    def _answer(self, code: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Security-Policy": CSP, "Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


Show = Callable[..., tuple[Any, list[str]]]


@pytest.fixture
def show(browser: Any, host: str) -> Iterator[Show]:
    """Opens a page in a window of a given width; gives the page and the list of what goes wrong in it."""
    opened: list[Any] = []

    def go(html: str, width: int, **more: Any) -> tuple[Any, list[str]]:
        wrong: list[str] = []
        Site.html, Site.missing = html.encode(), wrong
        tab = browser.new_page(viewport={"width": width, "height": 900}, **more)
        opened.append(tab)
        tab.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.goto(host + "/register/")
        return tab, wrong

    yield go
    for tab in opened:
        tab.close()


def _shot(tab: Any, name: str) -> None:
    if folder := os.environ.get("JIENENG_SHOTS"):
        tab.evaluate("scrollTo(0, 0)")
        tab.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def _sideways(tab: Any) -> int:
    return int(tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("width", [1440, 1100, 720, 390, 320])
def test_sink_obeys_the_policy_and_does_not_scroll_sideways(show: Show, sink: str, width: int) -> None:
    tab, wrong = show(sink, width)
    tab.wait_for_selector("[data-chart=waterfall] svg")
    assert tab.locator("[data-chart] svg").count() == 4
    assert wrong == []
    assert _sideways(tab) == 0
    _shot(tab, f"sink-{width}")


@pytest.mark.parametrize("width", [1440, 390, 320])
def test_sign_in_obeys_the_policy(show: Show, sign_in: str, width: int) -> None:
    tab, wrong = show(sign_in, width)
    assert wrong == [] and _sideways(tab) == 0
    assert tab.evaluate("document.activeElement.id") == "why"
    _shot(tab, f"sign-in-{width}")


@pytest.mark.parametrize("width", [1440, 320])
def test_the_frame_has_room_for_english(show: Show, width: int) -> None:
    with speaking("en"):
        sink = engines["django"].from_string(SINK).render(_context(), RequestFactory().get("/register/"))
        login = engines["django"].get_template("registration/login.html").render({}, RequestFactory().get("/sign-in/"))
    tab, wrong = show(sink, width)
    assert wrong == [] and _sideways(tab) == 0
    assert tab.evaluate("document.documentElement.lang") == "en"
    _shot(tab, f"english-{width}")
    tab, wrong = show(login, width)
    assert wrong == [] and _sideways(tab) == 0
    _shot(tab, f"english-sign-in-{width}")


def test_without_script_the_tables_and_the_menu_are_there(show: Show, sink: str) -> None:
    tab, wrong = show(sink, 390, java_script_enabled=False)
    assert wrong == []
    assert tab.locator(".chart-table").first.is_visible() and not tab.locator("[data-chart]").first.is_visible()
    assert tab.locator("#menu a").first.is_visible()
    _shot(tab, "sink-noscript")


def test_keys_find_help_go_and_chart_switch(show: Show, sink: str) -> None:
    tab, _ = show(sink, 1440)
    tab.wait_for_selector("[data-chart=waterfall] svg")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.hasAttribute('data-find')")
    tab.keyboard.press("t")
    assert tab.locator(".chart-card.as-table").count() == 0, "single keys must not work inside a field"
    tab.locator("h1").click()
    tab.keyboard.press("t")
    assert tab.locator(".chart-card.as-table").count() == 4 and tab.locator(".chart-table").first.is_visible()
    tab.keyboard.press("t")
    assert tab.locator("[data-chart=bars] svg").first.is_visible()
    tab.keyboard.press("?")
    assert tab.locator("#keys").is_visible()
    _shot(tab, "keys")
    tab.keyboard.press("Escape")
    tab.keyboard.press("g")
    tab.keyboard.press("f")
    tab.wait_for_url("**/rounds/")


def test_single_keys_can_be_turned_off(show: Show, sink: str) -> None:
    tab, _ = show(sink, 1440)
    tab.locator("[data-keys]").first.click()
    tab.locator("[data-keys-off]").check()
    tab.keyboard.press("Escape")
    tab.keyboard.press("t")
    assert tab.locator(".chart-card.as-table").count() == 0


def test_accessibility_bar_is_remembered(show: Show, sink: str) -> None:
    tab, wrong = show(sink, 1440)
    tab.locator("header [data-access]").first.click()
    tab.locator("[data-mode=bigger]").click()
    tab.locator("[data-mode=contrast]").click()
    tab.reload()
    tab.wait_for_selector("[data-chart=waterfall] svg")
    assert tab.evaluate("document.documentElement.className").split() == ["js", "z2", "hc"]
    assert _sideways(tab) == 0
    _shot(tab, "contrast")
    tab.locator("header [data-access]").first.click()
    for _ in range(5):
        tab.locator("[data-mode=bigger]").click()
    assert _sideways(tab) == 0
    _shot(tab, "largest")
    tab.locator("[data-mode=reset]").click()
    assert tab.evaluate("document.documentElement.className").split() == ["js"]
    assert wrong == []


def test_copied_numbers_lose_their_separators(show: Show, sink: str) -> None:
    tab, _ = show(sink, 1440)
    copied = tab.evaluate("""() => new Promise(done => {
        const range = document.createRange(); range.selectNodeContents(document.getElementById('v'));
        getSelection().removeAllRanges(); getSelection().addRange(range);
        const event = new ClipboardEvent('copy', {clipboardData: new DataTransfer(), bubbles: true, cancelable: true});
        document.body.dispatchEvent(event); done(event.clipboardData.getData('text/plain'));
    })""")
    assert copied == "9214kWh"


def test_tree_opens_and_closes_by_keyboard(show: Show, sink: str) -> None:
    tab, _ = show(sink, 1440)
    button = tab.locator(".tree [data-tree]").first
    button.focus()
    tab.keyboard.press("ArrowLeft")
    assert button.get_attribute("aria-expanded") == "false" and not tab.locator(".tree ul").first.is_visible()
    tab.keyboard.press("ArrowRight")
    assert tab.locator(".tree ul").first.is_visible()


def test_a_branch_is_fetched_once_then_opens_and_closes(show: Show, sink: str) -> None:
    tab, wrong = show(sink, 1440)
    asked: list[str] = []
    tab.on("request", lambda r: asked.append(r.url) if r.url.endswith("/branch/") else None)
    tab.locator("#more").click()
    tab.wait_for_selector("#leaf")
    assert tab.locator("#more").get_attribute("aria-expanded") == "true"
    tab.locator("#more").click()
    assert not tab.locator("#leaf").is_visible() and tab.locator("#more").get_attribute("aria-expanded") == "false"
    tab.locator("#more").click()
    assert tab.locator("#leaf").is_visible()
    assert len(asked) == 1 and wrong == []


def test_an_ended_session_reloads_the_page_instead_of_filling_a_part(show: Show, sink: str) -> None:
    tab, _ = show(sink, 1440)
    tab.evaluate("window.stays = true")
    with tab.expect_navigation():
        tab.locator("#gone").click()
    assert tab.evaluate("window.stays === undefined") and tab.locator("#gone").count() == 1


def test_menu_opens_on_a_phone(show: Show, sink: str) -> None:
    tab, _ = show(sink, 390)
    assert not tab.locator("#menu a").first.is_visible()
    tab.locator("[data-menu]").click()
    assert tab.locator("#menu a").first.is_visible() and tab.locator("[data-find]").is_visible()
    assert _sideways(tab) == 0
    _shot(tab, "menu-390")
    tab.keyboard.press("Escape")
    assert not tab.locator("#menu a").first.is_visible()


def test_print_hides_the_frame_and_shows_tables_beside_charts(show: Show, sink: str) -> None:
    tab, _ = show(sink, 794)
    tab.wait_for_selector("[data-chart=waterfall] svg")
    tab.emulate_media(media="print")
    assert not tab.locator("header.tb").is_visible() and not tab.locator("#menu").is_visible()
    assert tab.locator(".chart-table").first.is_visible() and tab.locator("[data-chart=bars]").is_visible()
    assert tab.locator(".print-only").inner_text().startswith("打印：周敏")
    _shot(tab, "print")
