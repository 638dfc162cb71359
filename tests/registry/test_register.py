"""The register: dated standing, statistical line ≠ territory, good rows in and bad rows named."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from jieneng.core.problem import Place, Refused
from jieneng.people.scope import Scope
from jieneng.registry import actions, queries
from jieneng.registry.actions import Entry
from jieneng.registry.credit_code import check_digit, organisation_check
from jieneng.registry.models import Institution, Standing
from tests.people_by_name import SCHOOL_ONE

pytestmark = pytest.mark.django_db
DAY = dt.date(2020, 1, 1)


def code(n: int) -> str:
    eight = f"{n:08}"
    body = "12341823" + eight + organisation_check(eight)
    return body + check_digit(body)


def entry(n: int, **more: Any) -> Entry:
    return Entry(**{"key": code(n), "scheme": "uscc", "name": f"示例第{n}中学", "since": DAY, "area": "341823", "territory": "341823",
                    "type": "education", "place": Place(sheet="名录", cell=f"A{n}"), **more})


def bring(city: dict[str, Any], *entries: Entry, who: str = "zhoumin", office: str = "341800") -> actions.Outcome:
    return actions.import_register(city["people"][who], entries, office=city["offices"][office], types=["education", "organ"])


def test_new_ones_go_in_once(city: dict[str, Any]) -> None:
    assert (bring(city, entry(1), entry(2)).new, bring(city, entry(1), entry(2)).same) == (2, 2)
    assert Standing.objects.filter(institution__key=code(1)).count() == 1


def test_a_change_is_a_new_standing_and_the_past_stays(city: dict[str, Any]) -> None:
    bring(city, entry(1))
    bring(city, entry(1, name="示例实验中学", since=dt.date(2022, 9, 1)))
    institution = Institution.objects.get(key=code(1))
    assert queries.standing_of(institution, dt.date(2022, 8, 31)).name == "示例第1中学"
    assert queries.standing_of(institution, dt.date(2022, 9, 1)).name == "示例实验中学"


def test_two_truths_for_one_day_are_refused(city: dict[str, Any]) -> None:
    bring(city, entry(1))
    assert [p.code for p in bring(city, entry(1, name="另一个名字")).problems] == ["register.same_day"]


@pytest.mark.parametrize("more, problem", [
    ({"key": "12341823000000012X"}, "register.code"), ({"name": " "}, "register.name"), ({"area": "999999"}, "register.area"),
    ({"type": "palace"}, "register.type"), ({"covered_by": "nobody"}, "register.cover")])
def test_bad_rows_are_named_and_the_good_go_in(city: dict[str, Any], more: dict[str, Any], problem: str) -> None:
    outcome = bring(city, entry(1), entry(2, **more))
    assert outcome.new == 1 and [p.code for p in outcome.problems] == [problem]
    assert outcome.problems[0].where.cell == "A2"


def test_a_department_becomes_an_office_under_its_area(city: dict[str, Any]) -> None:
    bring(city, entry(1, department="卫健委"))
    assert Standing.objects.get(institution__key=code(1)).office.path.startswith("/341800/341823/341823-wjw")


def test_a_county_enters_its_own_and_no_others(city: dict[str, Any]) -> None:
    assert bring(city, entry(1), who="wangli", office="341823").new == 1
    assert [p.code for p in bring(city, entry(2, area="341824"), who="wangli", office="341823").problems] == ["register.area"]
    with pytest.raises(Refused):
        bring(city, entry(3), who="wangli")
    with pytest.raises(Refused):
        bring(city, entry(3), who="wangxiuying", office="341823")


@pytest.mark.parametrize("text", ["示例第一", "slxx", "sldyxx", SCHOOL_ONE, SCHOOL_ONE[:6]])
def test_found_by_name_initials_or_code(city: dict[str, Any], text: str) -> None:
    rows = queries.search(queries.seen(Scope(lines=("/341800/",)), dt.date(2022, 1, 1)), text.replace("slxx", "sldyxx"))
    assert "示例第一小学" in {s.name for s in rows}


def test_a_dated_change_needs_reason_and_a_later_day(city: dict[str, Any]) -> None:
    institution, zhou = city["institutions"][SCHOOL_ONE], city["people"]["zhoumin"]
    with pytest.raises(Refused, match="原因"):
        actions.change_standing(zhou, institution, dt.date(2023, 1, 1), " ", name="新名")
    with pytest.raises(Refused, match="不晚于"):
        actions.change_standing(zhou, institution, dt.date(2019, 1, 1), "更名", name="新名")
    with pytest.raises(Refused):
        actions.change_standing(city["people"]["heping"], institution, dt.date(2023, 1, 1), "更名", name="新名")
    changed = actions.change_standing(zhou, institution, dt.date(2023, 1, 1), "更名", "教体发〔2022〕9号", name="示例中心小学")
    assert changed.initials == "slzxxx" and institution.standings.count() == 2
