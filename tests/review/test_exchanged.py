"""Two items in each other's rows, a cost that is none, a size wrong for a month, a price unlike the place's: told as such, with what belongs where."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from jieneng.review import edits, pricing
from jieneng.review.assess import Assessor
from jieneng.review.forecast import Knobs, prices
from jieneng.review.found import Found
from jieneng.review.one import one, ready, say
from jieneng.review.panel import Panel, grouped
from jieneng.review.pricing import Local
from jieneng.review.wording import Said, Speaker
from jieneng.rulebook import load
from jieneng.rulebook.reviews import Price
from jieneng.rulebook.types import Source
from tests.review.make import WEIGHTS, panel, review

KWH, YUAN, WATER, WATER_YUAN = "electricity_kwh", "electricity_cost_yuan", "water_m3", "water_cost_yuan"


def returns() -> Panel:
    """Sixty schools with electricity, water and a gas row that the first thirty do not use, each at its price."""
    p, dice = panel(), np.random.default_rng(11)
    people = p.values["people"]
    for item, cost, per, price in ((WATER, WATER_YUAN, 1.2, 2.8), ("gas_m3", "gas_cost_yuan", 0.5, 3.3)):
        amount = np.round(people * per * np.exp(dice.normal(0, 0.06, people.shape)))
        if item == "gas_m3":
            amount[:30] = 0.0
        p.values[item] = amount
        p.values[cost] = np.round(amount * price * np.exp(dice.normal(0, 0.005, people.shape)), 2)
    return p


def judged(p: Panel) -> list[Found]:
    """The doubtful findings."""
    return [f for f in Assessor(p, review(), WEIGHTS).run().found if f.suspicion >= 0.5]


def words(p: Panel, f: Found) -> Said:
    said = Speaker(load("cn"), review(), p).say(f)
    assert said is not None
    return said


def exchange(p: Panel, a: str, b: str, row: int, months: slice | int = 4) -> None:
    one, other = p.values[a], p.values[b]
    one[row, -1, months], other[row, -1, months] = other[row, -1, months].copy(), one[row, -1, months].copy()


ALL, AMOUNTS, COSTS, YEAR, ROW, TWO, SAME, ANY, SIZES, LASTING = range(2, 12)
SLIPS = {12: (10.0, "×10^1"), 13: (0.1, "÷10^1"), 14: (4.4, "")}
TRUE = returns().values


@pytest.fixture(scope="module")
def wrong() -> Panel:
    """Every error in an institution of its own."""
    p = returns()
    for row, pairs in ((ALL, ((KWH, WATER), (YUAN, WATER_YUAN))), (AMOUNTS, ((KWH, WATER),)), (COSTS, ((YUAN, WATER_YUAN),)), (ROW, ((WATER, "gas_m3"), (WATER_YUAN, "gas_cost_yuan")))):
        for pair in pairs:
            exchange(p, *pair, row)
    for pair in ((KWH, WATER), (YUAN, WATER_YUAN)):
        exchange(p, *pair, YEAR, slice(None))
    p.values[WATER][YEAR, -1, 7] *= 10  # in the row of water: electricity of August, tenfold
    p.values[KWH][TWO, -1, 4] *= 10
    p.values[WATER][TWO, -1, 4] *= 10
    p.values[WATER_YUAN][SAME, -1, 4] = p.values[WATER][SAME, -1, 4]
    p.values[WATER_YUAN][ANY, -1, 4] *= 37
    exchange(p, "people", "area_m2", SIZES, slice(None))
    p.values["people"][LASTING, -1, 8:] *= 4
    for row, (times, _) in SLIPS.items():
        p.values["area_m2"][row, -1, 4] *= times
    return p


@pytest.fixture(scope="module")
def found(wrong: Panel) -> list[Found]:
    return judged(wrong)


def of(found: list[Found], row: int) -> list[Found]:
    return [f for f in found if f.row == row]


@pytest.mark.parametrize("row, way, pairs", [(ALL, "all", ((KWH, WATER), (YUAN, WATER_YUAN))), (AMOUNTS, "amounts", ((KWH, WATER),)), (COSTS, "costs", ((YUAN, WATER_YUAN),))])
def test_two_items_in_each_others_rows_are_one_finding_with_both_values(wrong: Panel, found: list[Found], row: int, way: str, pairs: tuple[tuple[str, str], ...]) -> None:
    mine = of(found, row)
    assert [(f.kind, f.name, f.months) for f in mine] == [("exchanged", way, (5,))], mine
    assert {(m, i): v for m, i, v in mine[0].suggested} == {(5, i): TRUE[i][row, -1, 4] for pair in pairs for i in pair}
    said = words(wrong, mine[0])
    assert said.rule.id == "H20" and "填串了行" in said.says.say("zh") and "水" in said.says.say("zh") and "each stood in the other's row" in said.says.say("en") and "{" not in said.why.say("en")


def test_rows_mistaken_all_year_are_told_once_and_put_right_before_the_months(found: list[Found]) -> None:
    mine = of(found, YEAR)
    whole = next(f for f in mine if f.kind == "exchanged")
    assert whole.months == () and {i: round(v) for _, i, v in whole.suggested if i == WATER} == {WATER: round(TRUE[WATER][YEAR, -1].sum())}
    assert [(f.kind, f.item, f.months) for f in mine if f is not whole] == [("factor", KWH, (8,))], mine


def test_a_value_in_the_row_of_an_item_that_is_not_used_is_told_with_the_empty_one(found: list[Found]) -> None:
    mine = of(found, ROW)
    assert [(f.kind, f.name) for f in mine] == [("exchanged", "row")]
    assert (5, WATER, TRUE[WATER][ROW, -1, 4]) in mine[0].suggested and (5, "gas_m3", 0.0) in mine[0].suggested


def test_two_errors_in_one_return_are_no_exchange(found: list[Found]) -> None:
    mine = of(found, TWO)
    assert {f.item for f in mine} == {KWH, WATER} and {f.kind for f in mine} <= {"factor", "digit"}, mine


def test_people_and_floor_area_in_each_others_rows(found: list[Found]) -> None:
    mine = [f for f in of(found, SIZES) if f.kind == "exchanged"]
    assert len(mine) == 1 and {i for _, i, _ in mine[0].suggested} == {"people", "area_m2"}


@pytest.mark.parametrize("row", [SAME, ANY])
def test_a_cost_that_is_none_is_found_beside_an_amount_in_order(wrong: Panel, found: list[Found], row: int) -> None:
    mine = of(found, row)
    assert [(f.kind, f.item, f.months) for f in mine] == [("cost", WATER_YUAN, (5,))] and mine[0].suggested[0][2] == pytest.approx(TRUE[WATER_YUAN][row, -1, 4], rel=0.05)
    assert ("把数量又填进了费用" in words(wrong, mine[0]).says.say("zh")) == (row == SAME)


@pytest.mark.parametrize("row", SLIPS)
def test_a_size_wrong_in_one_month_is_told_with_the_month(wrong: Panel, found: list[Found], row: int) -> None:
    mine = [f for f in of(found, row) if f.item == "area_m2"]
    assert [(f.kind, f.months, f.name) for f in mine] == [("slip", (5,), SLIPS[row][1])] and mine[0].suggested == [(5, "area_m2", pytest.approx(TRUE["area_m2"][row, -1, 4]))]
    said = words(wrong, mine[0])
    assert "2022年5月" in said.says.say("zh") and "其他月份" in said.says.say("zh") and "other months" in said.why.say("en")


def test_what_is_right_and_what_changes_for_good_is_told_as_neither(found: list[Found]) -> None:
    wrong_rows = {ALL, AMOUNTS, COSTS, YEAR, ROW, SIZES, *SLIPS}
    assert not [f for f in found if f.kind in ("exchanged", "slip") and f.row not in wrong_rows]


def test_how_often_rows_are_mistaken_stands_in_the_rulebook(wrong: Panel) -> None:
    never = replace(review(), errors={**review().errors, "exchanged": "1e-300"})
    assert {f.name for f in Assessor(wrong, never, WEIGHTS).run().found if f.kind == "exchanged"} == {"row"}


def test_while_it_is_typed_two_rows_mistaken_are_one_finding() -> None:
    p = returns()
    made = ready(p, review(), WEIGHTS)
    true = {i: float(p.values[i][4, -1, 4]) for i in (KWH, YUAN, WATER, WATER_YUAN)}
    mine = one(made, 104, 5, {KWH: true[WATER], YUAN: true[WATER_YUAN], WATER: true[KWH], WATER_YUAN: true[YUAN]})
    assert [(f.kind, f.months, f.row) for f in mine] == [("exchanged", (5,), 4)] and {i: v for _, i, v in mine[0].suggested} == true
    assert one(made, 104, 5, true) == [] and say(load("cn"), made, mine)[0].rule.id == "H20"


def alone() -> Panel:
    """Three institutions in their first year, too few to say what is usual, beside the table of the place; the first pays a third."""
    p = returns()
    rows = slice(0, 3)
    made = Panel((2022,), 1, p.ids[rows], p.names[rows], p.areas[rows], p.types[rows], [])
    made.values = {i: v[rows, -1:].sum(axis=2, keepdims=True) for i, v in p.values.items() if i in (KWH, YUAN)}
    made.levels = grouped(made.areas, made.types, {}, {}, {}, {})
    made.values[YUAN][0] /= 3
    pricing.lay(made, [Price(KWH, "341824", "", Decimal("0.5"), Decimal("0.7"), dt.date(2022, 1, 1), Source("示例价目"), Decimal("0.58"), sample=True),
                       Price(KWH, "341823", "", Decimal("0.5"), Decimal("0.7"), dt.date(2022, 1, 1), Source("示例价目"), Decimal("0.58"), sample=True)], {})
    return made


def test_where_nobody_can_say_what_is_usual_the_table_of_the_place_does() -> None:
    p = alone()
    local = prices(p.values[KWH], p.values[YUAN], p.groups, Knobs(), p.prices[KWH])
    assert [part.basis for part in local.parts] == ["own-price", "local-price", "peers-price"] and np.exp(local.best()[0]).ravel() == pytest.approx([0.58] * 3)
    many = prices(panel().values[KWH], panel().values[YUAN], panel().groups, Knobs(), Local(*(np.full((60, 12), v) for v in (9.0, 8.0, 10.0)), [("", "")] * 60))
    assert np.exp(many.best()[0]).max() < 0.7, "its own bills and its like go before the table"
    assessor = Assessor(p, review(), WEIGHTS)
    made = [f for f in assessor.run().found if f.row == 0 and f.kind == "cost"]
    assert made and "本地价格表（示例价目（样例））" in words(p, made[0]).why.say("zh") and "local price table" in words(p, made[0]).why.say("en")


def test_a_price_outside_the_table_is_told_once(wrong: Panel, found: list[Found]) -> None:
    """Beside what is told of the same months already; by itself where nothing else is."""
    p = replace(wrong, prices={})
    pricing.lay(p, [Price(KWH, a, "", Decimal("0.56"), Decimal("0.7"), dt.date(2022, 1, 1), Source("示例价目")) for a in ("341823", "341824")], {})
    made = [replace(f) for f in found]
    more = edits.local_prices(p, review(), made)
    beside = [f for f in made if f.outside_price]
    assert {f.row for f in beside} >= {AMOUNTS, COSTS} and not {(f.row, m) for f in beside for m in f.months} & {(f.row, m) for f in more for m in f.months}
    assert "也不在本地价格表" in words(p, beside[0]).why.say("zh") and all(f.kind == "price" for f in more)
