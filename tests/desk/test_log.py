"""The event log in words: every recorded verb has words; sentences name unit, month and line; the certificate finds a change."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import jieneng
from jieneng.core.words import speaking
from jieneng.desk.telling import VERBS, tell
from jieneng.fieldwork import actions as ledgers
from jieneng.records.models import Event
from jieneng.registry import actions as register
from jieneng.returns import actions as returns
from jieneng.returns import moves
from jieneng.returns.models import Return
from jieneng.returns.queries import book
from jieneng.sitting.models import VERDICTS
from tests.figures.make import file_all
from tests.people_by_name import SCHOOL_ONE

LINE = {"no": "HT-1", "name": "示例屋顶光伏", "area": "341823", "type": "pv", "stage": "tendered", "tendered_on": "2022-03-18", "year": "2022",
        "investment_10k_yuan": "66.8", "capacity_kwp": "156"}


def recorded_verbs() -> set[str]:
    """The verbs in every call of ``record`` (and of helpers named ``_event``) in the product's code."""
    found: set[str] = set()
    for path in sorted(Path(jieneng.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) < 2:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name not in ("record", "_event"):
                continue
            verb = node.args[1]
            if isinstance(verb, ast.Constant):
                found.add(verb.value)
            elif isinstance(verb, ast.IfExp) and isinstance(verb.body, ast.Constant) and isinstance(verb.orelse, ast.Constant):
                found |= {verb.body.value, verb.orelse.value}
            elif isinstance(verb, ast.JoinedStr) and ast.unparse(verb) == "f'decision.{verdict}'":
                found |= {f"decision.{v}" for v in VERDICTS}
            elif isinstance(verb, ast.JoinedStr) and ast.unparse(verb) == "f'returns.{verb}'":
                found |= {f"returns.{v}" for v in moves.VERBS}
            elif not (isinstance(verb, ast.Name) and path.name == "accounts.py"):  # its helper hands the verb on
                raise AssertionError(f"{path.name}:{node.lineno}: which verb is recorded here?")
    return found


def test_every_recorded_verb_has_words() -> None:
    verbs = recorded_verbs()
    assert {"returns.send_back", "backup.make", "account.dismiss", "log.verify"} <= verbs
    missing = verbs - set(VERBS)
    assert not missing, f"give them words in desk/telling.py: {missing}"
    for words in VERBS.values():
        assert words.zh != words.en and "." not in words.zh


@pytest.fixture
def stage(city: dict[str, Any]) -> dict[str, Any]:
    file_all(city, 2022)
    return city


def sentence(verb: str) -> str:
    return tell(Event.objects.filter(verb=verb).latest("seq")).sentence


@pytest.mark.django_db
def test_sentences_name_unit_month_and_reason(stage: dict[str, Any]) -> None:
    zhou = stage["people"]["zhoumin"]
    one = Return.objects.filter(institution=stage["institutions"][SCHOOL_ONE], period="2022-02")
    Return.objects.filter(pk=one.get().pk).update(state="filed")
    returns.act(zhou, "send_back", one, reason="电量比去年同期多十倍")
    assert sentence("returns.send_back") == "周敏 退回 示例第一小学 2022年2月：电量比去年同期多十倍"
    told = tell(Event.objects.get(verb="returns.send_back"))
    assert told.url == f"/returns/{one.get().pk}/" and told.returns == [one.get().pk]
    with speaking("en"):
        assert sentence("returns.send_back").startswith("周敏 sent back 示例第一小学 Feb 2022")


@pytest.mark.django_db
def test_a_ledger_line_names_every_changed_field_in_words(stage: dict[str, Any]) -> None:
    zhou, office = stage["people"]["zhoumin"], stage["offices"]["341800"]
    contracts = book().ledgers["energy_contracts"]
    ledgers.save(zhou, contracts, LINE, office=office)
    ledgers.save(zhou, contracts, {**LINE, "capacity_kwp": "166", "stage": "operating", "remark": "扩容"}, office=office, key="HT-1", seen=1, reason="验收单")
    told = tell(Event.objects.filter(verb="ledger.save").latest("seq"))
    assert [c["label"] for c in told.changes] == ["阶段", "装机容量", "备注"]
    assert told.sentence == "周敏 登记台账 合同能源与光伏“示例屋顶光伏”：阶段 完成招标→运行；装机容量 156→166；备注 —→扩容；原因：验收单"
    assert told.url.startswith("/ledgers/energy_contracts/")


@pytest.mark.django_db
def test_a_changed_standing_is_told_in_words(stage: dict[str, Any]) -> None:
    import datetime as dt

    register.change_standing(stage["people"]["zhoumin"], stage["institutions"][SCHOOL_ONE], dt.date(2023, 1, 1), "更名批复", type="health")
    assert sentence("register.change") == "周敏 变更名录登记 示例第一小学：类型 教育事业→卫生事业；2023-01-01 起；原因：更名批复"


@pytest.mark.django_db
def test_numbers_outside_the_scope_are_named_and_foreign_events_do_not_open(stage: dict[str, Any], sign_in: Any) -> None:
    zhou, office = stage["people"]["zhoumin"], stage["offices"]["341800"]
    contracts = book().ledgers["energy_contracts"]
    ledgers.save(zhou, contracts, LINE, office=office)
    ledgers.save(zhou, contracts, {**LINE, "no": "HT-2", "name": "绩溪机密", "area": "341824"}, office=office)
    ledgers.save(zhou, contracts, {**LINE, "no": "HT-3"}, office=office)
    foreign = Event.objects.get(object_id="HT-2")
    text = sign_in("wangli").get("/events/").content.decode()
    assert "不在您的范围内" in text and f">{foreign.seq}</span>" in text and "不是被删掉的" in text and "绩溪机密" not in text
    assert sign_in("wangli").get(f"/events/{foreign.seq}/").status_code == 404
    assert "不在您的范围内" not in sign_in("suncha").get("/events/").content.decode()
    whole = sign_in("suncha").get(f"/events/{foreign.seq}/").content.decode()
    assert "绩溪机密" in whole and foreign.hash in whole and "…" not in whole.split('class="raw')[1].split("</pre>")[0]


@pytest.mark.django_db
def test_a_bulk_verb_lists_all_its_returns(stage: dict[str, Any], sign_in: Any) -> None:
    mine = Return.objects.filter(institution=stage["institutions"][SCHOOL_ONE])
    mine.update(state="filed")
    returns.act(stage["people"]["zhoumin"], "send_back", mine.all(), reason="重复上年")
    event = Event.objects.get(verb="returns.send_back")
    told = tell(event)
    assert told.object == "12 份报表（示例第一小学 2022年1月、示例第一小学 2022年2月、示例第一小学 2022年3月…）"
    page = sign_in("suncha").get(f"/events/{event.seq}/").content.decode()
    assert all(f"2022年{m}月" in page for m in range(1, 13)) and "重复上年" in page and page.count("/returns/") == 12


@pytest.mark.django_db
def test_the_certificate_says_head_and_count_and_finds_a_change(stage: dict[str, Any], sign_in: Any) -> None:
    auditor: Client = sign_in("suncha")
    last = Event.objects.latest("seq")
    page = auditor.post("/events/verify/", follow=True)
    text = page.content.decode()
    assert "全部相符" in text and last.hash in text and f"{last.seq}" in text and "孙查" in text
    assert tell(Event.objects.get(verb="log.verify")).sentence == f"孙查 校验办理记录：{last.seq} 条，链头 #{last.seq}，全部相符"
    victim = Event.objects.get(seq=3)
    Event.objects.filter(seq=3).update(actor_name="别人")  # planted
    text = auditor.post("/events/verify/", follow=True).content.decode()
    assert "查出 1 处不符" in text and f"{victim.seq}: content changed" in text
    assert sign_in("zhoumin").post("/events/verify/").status_code in (302, 403) and Event.objects.filter(verb="log.verify").count() == 2
