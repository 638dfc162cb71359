"""From a recipe to a figure of the snapshot: filters hold, the like-for-like is another number, what is ambiguous is unknown."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from jieneng import engine
from jieneng.core.figure import Figure
from jieneng.core.words import T
from jieneng.fieldwork import actions as ledgers
from jieneng.figures.prove import prove
from jieneng.reports.resolve import Resolver
from jieneng.reports.spec import Recipe, Shape
from jieneng.returns import queries as returns
from jieneng.returns.freeze import freeze
from jieneng.returns.queries import book
from tests.figures.make import file_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(city: dict[str, Any]) -> Any:
    """``ask(kind, …)`` gives the figure of a recipe, and proves it if it has a number."""
    absent = next(iter(city["institutions"]))

    def partly(key: str, month: int, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "area_m2": None} if key == absent else given

    file_all(city, 2020, change=partly)  # one institution without floor area: not covered in 2020
    file_all(city, 2021)
    for code, value, number in (("a", "第三个", "3"), ("b", "第五个", "5")):
        ledgers.save(city["people"]["zhoumin"], book().ledgers["external_facts"],
                     {"code": code, "year": "2022", "label": "名次", "value": value, "number": number, "source_document": "省局通报（样例）"},
                     office=city["offices"]["341800"])
    opened = returns.opened(freeze(city["people"]["zhoumin"], book(), 2021))
    resolver = Resolver(book(), engine.connect(), opened)

    def figure(kind: str, **more: Any) -> Figure:
        made = resolver(Recipe("x", T("数", "number"), kind, Shape(), **{"year": 2021, **more}))
        if made.exact is not None:
            proof = prove(book(), engine.connect(), opened, made)
            assert proof.ok and proof.leaves, proof.faults
        return made

    return figure


def test_a_filter_narrows_amounts_and_members(ask: Any) -> None:
    whole, part = ask("indicator", name="water_m3"), ask("indicator", name="water_m3", where={"area": "341823"})
    assert whole.exact == 12 * 10 * (1 + 2 + 3 + 4) and part.exact is not None and 0 < part.exact < whole.exact
    members, fewer = ask("members"), ask("members", where={"area": "341823"})
    assert members.exact == 4 and 0 < fewer.exact < 4
    assert ask("change", name="water_m3", where={"area": "341823"}).parts[0].exact == part.exact


def test_like_for_like_leaves_out_who_is_not_covered_in_both_years(ask: Any) -> None:
    change, like = ask("change", name="energy_per_area"), ask("change", name="energy_per_area", take="like")
    assert change.exact is not None and like.exact is not None and change.exact != like.exact
    assert (like.coverage.covered, like.coverage.members) == (3, 4)


def test_a_year_without_returns_is_unknown_with_its_reason(ask: Any) -> None:
    for made in (ask("members", year=2019), ask("indicator", name="water_m3", year=2019), ask("change", name="water_m3", year=2019)):
        assert made.exact is None and not made.text and "2019" in made.note
    assert ask("change", name="water_m3", year=2020).exact is None


def test_an_entered_fact_keeps_its_source_and_a_number_its_shape(ask: Any) -> None:
    fact = ask("external", ledger="external_facts", take="value", column="value", where={"code": "a", "year": 2022})
    assert fact.text == "第三个" and "省局通报" in fact.source
    number = ask("external", ledger="external_facts", take="value", column="number", where={"code": "b"})
    assert (number.exact, number.text) == (Fraction(5), "")


def test_two_facts_that_match_are_unknown_not_both(ask: Any) -> None:
    for column in ("value", "number"):
        made = ask("external", ledger="external_facts", take="value", column=column, where={"year": 2022})
        assert made.exact is None and not made.text and "2 条" in made.note
    listed = ask("ledger", ledger="external_facts", take="list", column="value", where={"year": 2022})
    assert listed.text == "第三个、第五个" and listed.exact == 2


def test_no_fact_is_unknown(ask: Any) -> None:
    made = ask("external", ledger="external_facts", take="value", column="value", where={"code": "a", "year": 2021})
    assert made.exact is None and not made.text and "没有符合条件" in made.note
