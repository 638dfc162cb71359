"""Questions of integrity: each kind is found where it is planted and nowhere else."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from jieneng.returns.models import Return, Revision, Round
from jieneng.returns.queries import book
from jieneng.sitting import integrity
from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, JIXI_SCHOOL, SCHOOL_ONE, SCHOOL_TWO

pytestmark = pytest.mark.django_db


def vary(key: str, month: int, a: dict[str, Any], year: int) -> dict[str, Any]:
    """Months that differ between institutions and years, so that nothing looks copied by itself."""
    step = Decimal(10000 * [SCHOOL_ONE, SCHOOL_TWO, HOSPITAL, JIXI_SCHOOL].index(key) + year * 7 + month * 13)
    return {k: v + step if isinstance(v, Decimal) and k.endswith(("_kwh", "_m3", "_yuan")) and v else v for k, v in a.items()}


def asked(kind: str) -> list[integrity.Asked]:
    return [q for q in integrity.questions(book(), Round.objects.get(year=2022)) if q.kind == kind]


def test_nothing_is_asked_where_nothing_is_odd(city: dict[str, Any]) -> None:
    for year in (2021, 2022):
        file_all(city, year, change=lambda k, m, a, year=year: vary(k, m, a, year))
    assert integrity.questions(book(), Round.objects.get(year=2022)) == []


def test_a_copy_of_another_schools_months_is_asked_about(city: dict[str, Any]) -> None:
    def copied(key: str, month: int, a: dict[str, Any]) -> dict[str, Any]:
        own = vary(key, month, a, 2022)
        return {**own, "water_m3": Decimal(100 + month)} if key in (SCHOOL_ONE, SCHOOL_TWO) else own

    file_all(city, 2022, change=copied)
    (found,) = asked("copy")
    assert set(found.names) == {"示例第一小学", "示例第二小学"} and found.number == 12 and "水" in found.item


def test_one_that_says_last_year_again_is_asked_about(city: dict[str, Any]) -> None:
    for year in (2021, 2022):
        file_all(city, year, change=lambda k, m, a, year=year: vary(k, m, a, 2021 if k == HOSPITAL else year))
    (found,) = asked("repeat-one")
    assert found.names == ("示例市医院",)


def test_edits_in_a_row_before_the_deadline_are_asked_about(city: dict[str, Any]) -> None:
    for n in range(3):
        file_all(city, 2022, change=lambda k, m, a, n=n: {**vary(k, m, a, 2022), **({"water_m3": Decimal(500 + n)} if (k, m) == (SCHOOL_ONE, 5) else {})})
    round_ = Round.objects.get(year=2022)
    round_.deadline = dt.date(2023, 2, 28)
    round_.save()
    row = Return.objects.get(institution__key=SCHOOL_ONE, period="2022-05")
    assert row.revision == 3
    for n, day in enumerate((26, 27, 28), 1):
        Revision.objects.filter(ret=row, number=n).update(at=dt.datetime(2023, 2, day, 3, tzinfo=dt.UTC))
    (found,) = asked("edits")
    assert found.names == ("示例第一小学",) and found.number == 3 and found.item == "2022-05"
    Revision.objects.filter(ret=row, number=1).update(at=dt.datetime(2023, 2, 1, 3, tzinfo=dt.UTC))
    assert asked("edits") == []


def test_the_city_and_the_auditor_see_them_and_the_county_does_not(city: dict[str, Any], sign_in: Any) -> None:
    file_all(city, 2022)
    url = f"/review/{Round.objects.get(year=2022).pk}/integrity/"
    assert [sign_in(p).get(url).status_code for p in ("zhoumin", "suncha", "wangli", "wusheng", "wangxiuying")] == [200, 200, 403, 403, 403]
