"""What is sent back in a round filed on the platform is a line of the list of corrections: ticked when the value moved, settled when it is passed."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from jieneng.core.problem import Refused
from jieneng.desk.ops.replay import returns as replayed
from jieneng.desk.ops.replay import tell
from jieneng.desk.telling import tell as words
from jieneng.exchange import actions, exporting, queries
from jieneng.exchange.models import Correction
from jieneng.people.scope import scope
from jieneng.records.models import Event
from jieneng.returns import asks
from jieneng.returns.actions import act
from jieneng.returns.asks import Ask
from jieneng.returns.intake import parse_layout
from jieneng.returns.models import Return, ReturnAsk, ReturnFinding, Round
from jieneng.returns.plan.actions import set_office
from jieneng.returns.queries import book
from tests.exchange.make import off_by_ten, take
from tests.exchange.test_register_changes import LIST
from tests.figures.make import file_all
from tests.people_by_name import JIXI_SCHOOL, SCHOOL_ONE

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(city: dict[str, Any]) -> dict[str, Any]:
    """Filed and waiting for review; the platform holds the same, and says one value ten times too much of 泾县's school."""
    file_all(city, 2022, accept=False, change=lambda key, m, a: {**a, "electricity_kwh": (a["electricity_kwh"] or Decimal(0)) * 10} if (key, m) == (SCHOOL_ONE, 3) else a)
    take(city, off_by_ten(SCHOOL_ONE))
    ReturnFinding.objects.all().delete()  # what the edition's own rules say of these small numbers is not the matter here
    return city


def ret(key: str = SCHOOL_ONE, period: str = "2022-03") -> Any:
    return Return.objects.filter(institution__key=key, period=period)


def doubt(*items: str, period: str = "2022-03") -> None:
    row = ret(period=period).get()
    ReturnFinding.objects.create(ret=row, revision=row.revision, rule="T1", severity="explain", items=list(items), says={"zh": "偏大", "en": "high"}, rulebook="x")


def lines() -> list[tuple[str, str | None, str | None, str]]:
    return [(c.item, c.old, c.new, c.state) for c in Correction.objects.exclude(state="withdrawn")]


def test_the_items_in_doubt_are_lines_and_a_moved_value_ticks_them(stage: dict[str, Any]) -> None:
    doubt("electricity_kwh")
    act(stage["people"]["wangli"], "send_back", ret(), reason="用电比上月大十倍")
    assert lines() == [("electricity_kwh", "10030", None, "open")]
    line = Correction.objects.get()
    assert line.reason == "用电比上月大十倍" and line.origin == "returned" and line.by.username == "wangli"
    take(stage, off_by_ten(SCHOOL_ONE))
    assert lines() == [("electricity_kwh", "10030", None, "not_done")]
    take(stage)
    assert lines() == [("electricity_kwh", "10030", None, "done")]
    take(stage)  # the same export again: what was done stays done
    assert lines()[0][3] == "done" and replayed(tell())[1] == []


def test_without_a_finding_the_whole_return_is_the_line_on_page_and_paper(stage: dict[str, Any], sign_in: Any) -> None:
    act(stage["people"]["wangli"], "send_back", ret(), reason="和凭证对不上")
    assert lines() == [("", None, None, "open")]
    client = sign_in("wangli")
    page = client.get(reverse("corrections") + "?year=2022").content.decode()
    assert "整份报表" in page and "请核实" in page and "和凭证对不上" in page
    assert "整份报表" in client.get(reverse("compare") + "?year=2022&show=open").content.decode()
    issued = actions.issue(stage["people"]["wangli"], stage["offices"]["341823"], form="consumption", year=2022)
    sheet = load_workbook(io.BytesIO(client.get(reverse("correction-list", args=[issued.pk]) + "?xlsx=1").content)).active
    assert {"整份报表", "请核实"} <= {c.value for row in sheet.iter_rows() for c in row}
    rows = queries.listed(scope(stage["people"]["wangli"], "see"), "consumption", 2022)
    table = list(load_workbook(io.BytesIO(exporting.corrections(parse_layout(LIST), 2022, rows))).active.iter_rows(values_only=True))
    assert table[1][2:4] == ("整份报表", "请核实")
    both = load_workbook(io.BytesIO(client.get(reverse("compare-xlsx") + "?year=2022").content)).active
    assert "整份报表" in {c.value for row in both.iter_rows() for c in row}
    take(stage)
    assert lines() == [("", None, None, "done")]


def test_passing_it_as_it_stands_settles_what_was_only_to_be_checked(stage: dict[str, Any]) -> None:
    doubt("electricity_kwh", "water_m3")
    act(stage["people"]["wangli"], "send_back", ret(), reason="再核")
    assert len(lines()) == 2 and queries.blockers(Round.objects.get(), stage["offices"]["341823"])
    actions.correct(stage["people"]["wangli"], book(), stage["institutions"][SCHOOL_ONE], form="consumption", period="2022-03", item="water_m3", new="7", reason="账单", word="王秀英")
    Return.objects.filter(pk=ret().get().pk).update(state="filed")  # the unit filed it again as it was
    act(stage["people"]["wangli"], "pass_county", ret())
    assert lines() == [("water_m3", "10", "7", "open")]  # what the unit gave its word on stays asked
    said = [words(e) for e in Event.objects.filter(verb__in=("correction.ask", "correction.settle")).order_by("seq")]
    assert len(said) == 2 and all(w.says is not None for w in said)


def test_a_line_with_a_value_is_left_as_it_is(stage: dict[str, Any]) -> None:
    made = actions.correct(stage["people"]["wangli"], book(), stage["institutions"][SCHOOL_ONE], form="consumption", period="2022-03", item="electricity_kwh", new="1003", reason="账单", word="王秀英")
    doubt("electricity_kwh")
    act(stage["people"]["wangli"], "send_back", ret(), reason="再核")
    assert Correction.objects.exclude(state="withdrawn").get() == made


def test_a_suggested_value_is_the_value_asked(stage: dict[str, Any]) -> None:
    mine = ret().get().pk
    act(stage["people"]["wangli"], "send_back", ret(), asks=[Ask(mine, "electricity_kwh", "比上月大十倍", "1003"), Ask(mine, "water_m3", "请看水表")])
    assert sorted(x for x in lines() if x[0] == "electricity_kwh") == [("electricity_kwh", "10030", "1003", "open")]
    assert [(i, new) for i, _, new, _ in lines() if i == "water_m3"] == [("water_m3", None)], "without a value: to be checked"


def confirmed(stage: dict[str, Any], new: str = "1003") -> Correction:
    return actions.correct(stage["people"]["wangli"], book(), stage["institutions"][SCHOOL_ONE], form="consumption", period="2022-03", item="electricity_kwh", new=new, reason="账单",
                           word="王秀英", confirmed_on=dt.date(2023, 1, 5))


def last(verb: str) -> Event:
    return Event.objects.filter(verb=verb).order_by("-seq")[0]


def test_what_the_unit_confirmed_is_not_taken_away_by_a_suggestion(stage: dict[str, Any]) -> None:
    line, mine = confirmed(stage), ret().get().pk
    act(stage["people"]["chengang"], "send_back", ret(), asks=[Ask(mine, "electricity_kwh", "抄表日期不同", "1004")])
    assert lines() == [("electricity_kwh", "10030", "1003", "open")] and Correction.objects.get() == line
    event = last("correction.ask")
    assert [c["line"] for c in event.data["kept"]] == [line.pk] and "replaced" not in event.data
    told = words(event)
    assert told.object.startswith("示例第一小学") and "单位已确认的 1 条不动：10030→1003（王秀英 2023-01-05）" in told.says


def test_a_doubt_of_what_was_confirmed_and_done_is_one_of_the_whole_return(stage: dict[str, Any]) -> None:
    confirmed(stage)
    take(stage)
    assert lines() == [("electricity_kwh", "10030", "1003", "done")]
    doubt("electricity_kwh")
    act(stage["people"]["wangli"], "send_back", ret(), reason="再核")
    assert lines() == [("electricity_kwh", "10030", "1003", "done"), ("", None, None, "open")]


def test_what_is_replaced_the_event_says_whoever_replaces_it(stage: dict[str, Any]) -> None:
    first = actions.correct(stage["people"]["wangli"], book(), stage["institutions"][SCHOOL_ONE], form="consumption", period="2022-03", item="electricity_kwh", new="1002", reason="账单", word="建议值")
    act(stage["people"]["wangli"], "send_back", ret(), asks=[Ask(ret().get().pk, "electricity_kwh", "再核", "1004")])
    said = last("correction.ask")
    assert [(c["line"], c["new"], c["word"]) for c in said.data["replaced"]] == [(first.pk, "1002", "建议值")]
    assert "替代了原来的 1 条：10030→1002（建议值）" in words(said).says
    second = Correction.objects.get(state="open")
    third = confirmed(stage)
    assert [c["line"] for c in last("correction.add").data["replaced"]] == [second.pk] and "替代了原来的 1 条：10030→1004" in words(last("correction.add")).says
    take(stage, off_by_ten(SCHOOL_ONE))
    differing = queries.Difference(stage["institutions"][SCHOOL_ONE].pk, "2022-03", "electricity_kwh", "10030", "1")
    actions.explain(stage["people"]["wangli"], [differing], holder="platform", form="consumption", year=2022, reason="含商铺")
    assert [(c["line"], c["confirmed_on"]) for c in last("difference.explain").data["replaced"]] == [(third.pk, "2023-01-05")] and lines() == []


def test_one_item_asked_twice_is_refused_and_nothing_is_kept(stage: dict[str, Any]) -> None:
    mine = ret().get().pk
    with pytest.raises(Refused) as refused:
        act(stage["people"]["wangli"], "send_back", ret(), asks=[Ask(mine, "water_m3", "a", "1"), Ask(mine, "electricity_kwh", "b"), Ask(mine, "water_m3", "c", "2")])
    assert [(p.code, p.where.field) for p in refused.value.problems] == [("ask.twice", "ask-2")] and "water_m3" in str(refused.value)
    assert not ReturnAsk.objects.exists() and lines() == [] and ret().get().state == "filed"


def test_beyond_the_limit_nothing_reaches_the_list_unchecked(stage: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asks, "MANY", 2)
    mine = ret().get().pk
    act(stage["people"]["wangli"], "send_back", ret(), asks=[Ask(mine, "water_m3", "a"), Ask(mine, "electricity_kwh", "b"), Ask(mine, "no_such_item", "c", "12")])
    kept = set(ReturnAsk.objects.values_list("item", flat=True))
    assert kept == {i for i, *_ in lines()} == {"water_m3", "electricity_kwh"} and ret().get().state == "returned"
    assert last("returns.send_back").data["reason"] == "a；b；c", "what more there is is said in the reason"


def test_what_is_filed_here_needs_no_list(stage: dict[str, Any]) -> None:
    set_office(stage["people"]["zhoumin"], Round.objects.get(), stage["offices"]["341823"], mode="C", deadline=None)
    set_office(stage["people"]["zhoumin"], Round.objects.get(), stage["offices"]["341824"], mode="B", deadline=None)
    act(stage["people"]["zhoumin"], "send_back", ret(), reason="再核")
    assert lines() == []
    act(stage["people"]["zhoumin"], "send_back", ret(JIXI_SCHOOL), reason="再核")
    assert Correction.objects.get().institution.key == JIXI_SCHOOL
