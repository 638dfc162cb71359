"""Like for like over a merger: the base of the merged body is the sum of its parents; proved; snapshots made before stay as they were."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from jieneng import engine
from jieneng.core.period import Period
from jieneng.desk.ops import invariants
from jieneng.engine.plain import Plain
from jieneng.figures.compare import year_on_year
from jieneng.figures.prove import prove
from jieneng.registry import changes
from jieneng.registry.planning import Line
from jieneng.returns.freeze import freeze
from jieneng.returns.queries import book, opened
from tests.figures.make import file_all
from tests.people_by_name import JINGXIAN, SCHOOL_ONE, SCHOOL_TWO

pytestmark = pytest.mark.django_db
YEAR = Period("year", 2022)
PAPER = ("撤并", "示例教体〔2021〕9号")
N = {SCHOOL_ONE: 1, SCHOOL_TWO: 2}


def kwh(n: int) -> int:
    return 12_000 * n + 78


def merged(city: dict[str, Any], day: dt.date) -> None:
    changes.apply(city["people"]["zhoumin"], [Line("merge", SCHOOL_TWO, day, *PAPER, other=SCHOOL_ONE)])


def file_2022(city: dict[str, Any], keys: list[str]) -> None:
    """2022 of some institutions; the merged school reports what both used."""
    file_all({**city, "institutions": {k: city["institutions"][k] for k in keys}}, 2022,
             change=lambda key, month, given: {**given, "electricity_kwh": Decimal(3000)} if key == SCHOOL_ONE else given)


def like(record: Any, name: str, by: str | None = None, on: Any = None) -> dict[str, Any]:
    found = year_on_year(book(), on or engine.connect(), opened(record), [name], period=YEAR, by=by)
    return {y.now.subject.get("code", ""): y.like for y in found}


def test_the_base_of_a_merged_body_is_the_sum_of_its_parents(city: dict[str, Any]) -> None:
    file_all(city, 2021)
    merged(city, dt.date(2022, 1, 1))
    others = [k for k in city["institutions"] if k != SCHOOL_TWO]
    file_2022(city, others)
    record = freeze(city["people"]["zhoumin"], book(), 2022)
    found = like(record, "electricity_kwh", "area")
    assert found[JINGXIAN].exact == Fraction(36_000, kwh(1) + kwh(2)) - 1
    for name in ("electricity_kwh", "energy_tce", "energy_per_area", "energy_per_person"):
        if name not in {*book().items, *book().composites, *book().indicators}:
            continue
        for by in (None, "area"):
            for code, figure in like(record, name, by).items():
                proof = prove(book(), engine.connect(), opened(record), figure)
                assert proof.ok and (figure.exact is not None or code not in ("", JINGXIAN)), (name, by, code, proof.faults)
    plain = like(record, "electricity_kwh", "area", Plain())
    assert {k: f.exact for k, f in plain.items()} == {k: f.exact for k, f in found.items()}
    assert [r.faults for r in invariants.run(deep=True) if r.id == "I6"] == [[]]


def test_without_the_link_the_closed_school_is_left_out(city: dict[str, Any]) -> None:
    file_all(city, 2021)
    changes.apply(city["people"]["zhoumin"], [Line("close", SCHOOL_TWO, dt.date(2022, 1, 1), *PAPER)])
    file_2022(city, [k for k in city["institutions"] if k != SCHOOL_TWO])
    first = freeze(city["people"]["zhoumin"], book(), 2022)
    assert like(first, "electricity_kwh", "area")[JINGXIAN].exact == Fraction(36_000, kwh(1)) - 1
    changes.apply(city["people"]["zhoumin"], [Line("into", SCHOOL_TWO, dt.date(2022, 1, 1), *PAPER, other=SCHOOL_ONE)])
    assert like(first, "electricity_kwh", "area")[JINGXIAN].exact == Fraction(36_000, kwh(1)) - 1  # what is frozen does not move
    second = freeze(city["people"]["zhoumin"], book(), 2022)
    assert like(second, "electricity_kwh", "area")[JINGXIAN].exact == Fraction(36_000, kwh(1) + kwh(2)) - 1


def test_a_merger_inside_the_year_adds_use_and_never_counts_area_twice(city: dict[str, Any]) -> None:
    file_all(city, 2021)
    file_2022(city, list(city["institutions"]))
    merged(city, dt.date(2022, 9, 1))
    record = freeze(city["people"]["zhoumin"], book(), 2022)
    assert like(record, "electricity_kwh", "area")[JINGXIAN].exact == Fraction(36_000 + kwh(2), kwh(1) + kwh(2)) - 1
    assert like(record, "area_m2", "area")[JINGXIAN].exact is None  # nobody else is there to compare
