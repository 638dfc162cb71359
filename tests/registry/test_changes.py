"""Changes in batches: what a plan says, what is done, what is refused with its place, and how it is taken back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from jieneng.core.problem import Place, Refused
from jieneng.desk.ops import replay
from jieneng.people.models import Office
from jieneng.records.models import Event
from jieneng.registry import changes, queries
from jieneng.registry.models import Change, Institution, Link, Standing
from jieneng.registry.planning import Line, plan
from tests.people_by_name import HOSPITAL, JIXI_SCHOOL, SCHOOL_ONE, SCHOOL_TWO
from tests.registry.test_register import code

pytestmark = pytest.mark.django_db
DAY = dt.date(2022, 9, 1)


def line(kind: str, key: str = SCHOOL_ONE, **more: Any) -> Line:
    return Line(**{"kind": kind, "key": key, "since": DAY, "reason": "撤并", "document": "示例编办〔2022〕9号", **more})


def at(key: str, day: dt.date = DAY) -> Standing:
    found = queries.standing_of(Institution.objects.get(key=key), day)
    assert found is not None
    return found


def wrong_with_the_register() -> list[str]:
    """What ``verify`` would say, but for the first standings of the small city, which no event made."""
    faults: list[str] = []
    replay._register(faults)
    return [f for f in faults if "unlike their events, institutions" not in f]


def nothing_wrong() -> bool:
    return wrong_with_the_register() == []


def test_a_rename_holds_from_its_day_and_the_past_stays(city: dict[str, Any]) -> None:
    changes.apply(city["people"]["wangli"], [line("rename", name="示例中心小学")])
    assert (at(SCHOOL_ONE).name, at(SCHOOL_ONE, dt.date(2022, 8, 31)).name) == ("示例中心小学", "示例第一小学")
    event = Event.objects.get(verb="register.batch")
    assert event.data["changes"][0]["document"] == "示例编办〔2022〕9号" and nothing_wrong()


def test_two_schools_merge_into_a_third_one(city: dict[str, Any]) -> None:
    lines = [line("merge", SCHOOL_ONE, other=code(7), name="示例联合小学"), line("merge", SCHOOL_TWO, other=code(7), name="示例联合小学")]
    done, made = changes.apply(city["people"]["zhoumin"], lines)
    assert [c.kind for c in done] == ["merge"] and made.units == 3
    assert (at(SCHOOL_ONE).in_scope, at(SCHOOL_TWO).in_scope, at(code(7)).in_scope) == (False, False, True)
    assert at(code(7)).office.code == "341823-jyj" and at(code(7)).type == "education"
    ids = {k: Institution.objects.get(key=k).pk for k in (SCHOOL_ONE, SCHOOL_TWO, code(7))}
    assert queries.families([(a, b) for a, b, _, _ in queries.lineage()]) == [frozenset(ids.values())] and nothing_wrong()


def test_a_merger_with_one_bad_line_is_left_out_whole_and_the_rest_goes_on(city: dict[str, Any]) -> None:
    lines = [line("merge", SCHOOL_ONE, other=HOSPITAL, place=Place(cell="B4", line=4)), line("merge", "000", other=HOSPITAL, place=Place(cell="B5", line=5)),
             line("rename", JIXI_SCHOOL, name="绩溪示例高中", place=Place(cell="B6", line=6))]
    with pytest.raises(Refused):
        changes.apply(city["people"]["zhoumin"], lines)
    assert Change.objects.count() == 0
    done, made = changes.apply(city["people"]["zhoumin"], lines, good_only=True)
    assert [c.kind for c in done] == ["rename"]
    assert [(p.code, p.where.cell) for p in made.problems] == [("change.group", "B4"), ("change.unit", "B5")]
    assert Link.objects.count() == 0 and at(SCHOOL_ONE).in_scope


def test_a_split_names_its_parts_and_may_end_the_body(city: dict[str, Any]) -> None:
    lines = [line("split", SCHOOL_ONE, other=code(n), name=f"示例分校{n}", ends=True) for n in (11, 12)]
    done, _ = changes.apply(city["people"]["zhoumin"], lines)
    assert len(done) == 1 and not at(SCHOOL_ONE).in_scope and {at(code(n)).in_scope for n in (11, 12)} == {True}
    assert Link.objects.filter(parent__key=SCHOOL_ONE).count() == 2 and nothing_wrong()


@pytest.mark.parametrize("wrong, problem", [
    (line("rename", name=""), "change.name"), (line("rename", name="新", reason=" "), "change.paper"), (line("rename", name="新", document=""), "change.paper"),
    (line("rename", name="示例第一小学"), "change.same"), (line("rename", JIXI_SCHOOL + "X", name="新"), "change.unit"),
    (line("rename", name="新", since=dt.date(2019, 1, 1)), "change.backdated"), (line("rename", name="新", present="示例第二小学"), "change.mismatch"),
    (line("merge", other=SCHOOL_ONE), "change.itself"), (line("split", other=SCHOOL_TWO, name="分校"), "change.taken"), (line("split", other="123", name="分校"), "change.code"),
    (line("cover", other=SCHOOL_ONE), "change.cover"), (line("cover", other=SCHOOL_TWO, how="because"), "change.how"), (line("move", office="999"), "change.office"),
    (line("type", type="palace"), "change.type"), (line("abolish"), "change.kind"), (line("open", "12341823MB0000018A", name="又一个", office="341823"), "change.taken")])
def test_what_cannot_be_done_is_told(city: dict[str, Any], wrong: Line, problem: str) -> None:
    made = plan(city["people"]["zhoumin"], [wrong], types=["education", "health"])
    assert [p.code for p in made.problems] == [problem] and made.steps == []
    assert str(made.problems[0].found)


def test_nobody_is_left_to_be_reported_by_a_closed_body(city: dict[str, Any]) -> None:
    zhou = city["people"]["zhoumin"]
    changes.apply(zhou, [line("cover", SCHOOL_TWO, other=SCHOOL_ONE, how="school")])
    later = DAY + dt.timedelta(days=30)
    assert at(SCHOOL_TWO).covered_by == Institution.objects.get(key=SCHOOL_ONE) and at(SCHOOL_TWO).covered_how == "school"
    assert [p.code for p in plan(zhou, [line("close", since=later)]).problems] == ["change.covers"]
    both = plan(zhou, [line("uncover", SCHOOL_TWO, since=later), line("close", since=later)])
    assert both.problems == [] and [s.kind for s in both.steps] == ["uncover", "close"]


def test_a_county_changes_its_own_and_no_others(city: dict[str, Any]) -> None:
    he = city["people"]["heping"]
    assert [p.code for p in plan(he, [line("rename", name="新")]).problems] == ["change.unit"]
    assert [p.code for p in plan(he, [line("merge", JIXI_SCHOOL, other=SCHOOL_ONE)]).problems] == ["change.unit"]
    with pytest.raises(Refused):
        changes.apply(city["people"]["wangxiuying"], [line("rename", name="新")])


def test_taken_back_by_a_later_day_and_only_once(city: dict[str, Any]) -> None:
    zhou = city["people"]["zhoumin"]
    (merger,), _ = changes.apply(zhou, [line("merge", SCHOOL_ONE, other=code(7), name="示例联合小学"), line("merge", SCHOOL_TWO, other=code(7), name="示例联合小学")])
    with pytest.raises(Refused, match="不晚于"):
        changes.undo(zhou, merger, DAY, "弄错了")
    later = DAY + dt.timedelta(days=20)
    changes.undo(zhou, merger, later, "弄错了", "更正（样例）")
    assert at(SCHOOL_ONE, later).in_scope and not at(SCHOOL_ONE, DAY).in_scope and not at(code(7), later).in_scope
    assert queries.lineage() == [] and nothing_wrong()
    with pytest.raises(Refused, match="已经撤回"):
        changes.undo(zhou, merger, later + dt.timedelta(days=1), "再来")


def test_what_came_later_stands_in_the_way_of_taking_back(city: dict[str, Any]) -> None:
    zhou = city["people"]["zhoumin"]
    (first,), _ = changes.apply(zhou, [line("rename", name="甲校")])
    changes.apply(zhou, [line("rename", name="乙校", since=DAY + dt.timedelta(days=5))])
    with pytest.raises(Refused, match="之后又登记"):
        changes.undo(zhou, first, DAY + dt.timedelta(days=9), "弄错了")


def test_a_change_past_the_system_is_found(city: dict[str, Any]) -> None:
    changes.apply(city["people"]["zhoumin"], [line("rename", name="甲校")])
    Standing.objects.filter(name="甲校").update(name="乙校")
    Link.objects.create(change=Change.objects.get(), parent=Institution.objects.get(key=SCHOOL_ONE), child=Institution.objects.get(key=SCHOOL_TWO))
    faults = wrong_with_the_register()
    assert len(faults) == 2 and "乙校" in faults[0] and "mergers and splits without an event" in faults[1]


def test_pairs_are_found_once_and_a_decision_is_remembered(city: dict[str, Any]) -> None:
    zhou = city["people"]["zhoumin"]
    county = Office.objects.get(code="341823")
    changes.apply(zhou, [line("open", code(21), name="示例 第一小学", office=county.code, type="education"), line("open", code(22), name="示例市民医院", office="341800SZ", type="health"),
                         line("open", code(23), name="示例第三小学", office=county.code, type="education")])
    rows = list(queries.standings(DAY).order_by("pk"))
    found = queries.alike(rows)
    assert [(p.why, {p.first.institution.key, p.second.institution.key}) for p in found] == [("name", {SCHOOL_ONE, code(21)})]
    changes.decide(zhou, found[0].first.institution, found[0].second.institution, False, "两个校区，各有法人证书")
    assert queries.alike(rows) == []
    changes.apply(zhou, [line("open", code(24), name="绩溪示例中雪", office="341824", type="education")])
    assert [p.why for p in queries.alike(list(queries.standings(DAY)))] == ["near"]  # 中学 and 中雪 sound alike
    with pytest.raises(Refused):
        changes.decide(city["people"]["heping"], found[0].first.institution, found[0].second.institution, True, "看着像")
