"""The methods, each against a plain answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jieneng.review import patterns
from jieneng.review.errors import COST, DIGIT, FACTOR, SWAPPED, Prior, digit_candidates, judge
from jieneng.review.expect import Expected, Forecast, below, student
from jieneng.review.forecast import Knobs, levels, monthly, prices, yearly
from jieneng.review.robust import by_group, hb, median, spread
from tests.review.make import panel

numbers = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=15)


@settings(deadline=None)
@given(numbers)
def test_median_is_that_of_the_values_there_are(values: list[float]) -> None:
    known = [v for v in values if v == v]
    found = median(np.array(values))
    assert np.isnan(found) if not known else found == pytest.approx(np.median(known))


def test_a_few_wrong_values_do_not_move_the_spread() -> None:
    clean = np.random.default_rng(1).normal(0, 1, 2000)
    dirty = np.where(np.arange(2000) % 20 == 0, 1e6, clean)
    assert spread(clean) == pytest.approx(1, abs=0.06) and spread(dirty) == pytest.approx(1.07, abs=0.08)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.floats(-5, 5)), min_size=3, max_size=60))
def test_small_groups_widen_to_their_parent_and_say_so(rows: list[tuple[int, int, float]]) -> None:
    fine, wide, values = (np.array(c) for c in zip(*rows, strict=True))
    found, level, n = by_group(values, [fine * 2 + wide, wide], least=4)
    for i in range(len(rows)):
        own = values[(fine == fine[i]) & (wide == wide[i])]
        parent = values[wide == wide[i]]
        group, used = (own, 0) if len(own) >= 4 else (parent, 1) if len(parent) >= 4 else (values, 2)
        assert (level[i], n[i]) == (used, len(group)) and found[i] == pytest.approx(np.median(group))


def test_hidiroglou_berthelot_lets_the_small_move_and_not_the_large() -> None:
    old = np.array([100.0] * 40 + [100_000.0] * 2)
    now = old * np.concatenate([np.linspace(0.9, 1.1, 40), [1.0, 1.3]])
    now[0] = 130.0
    e = hb(now, old, u=0.5)
    assert e[41] > 10 > e[0] > 0 and abs(e[20]) < 1
    assert np.isnan(hb(np.array([0.0, 5.0, 5.0]), np.array([1.0, 5.0, 5.0]))[0])


def test_the_distribution_function_is_that_of_the_density() -> None:
    x = np.linspace(-60, 2.5, 200_001)
    assert np.sum(student(x, 3.0)) * (x[1] - x[0]) == pytest.approx(float(below(np.array(2.5))), abs=1e-4)


@settings(deadline=None, max_examples=40)
@given(st.integers(10, 10**7))
def test_one_wrong_digit_leads_back_to_the_true_value(true: int) -> None:
    text = str(true)
    wrong = {int(text[:i] + text[i] + text[i:]) for i in range(len(text))} | {int(text[:i] + text[i + 1:]) for i in range(len(text))}
    wrong |= {int(text[:i] + text[i + 1] + text[i] + text[i + 2:]) for i in range(len(text) - 1)}
    for w in wrong - {true}:
        if w >= 10 and len(str(w)) >= len(text) - 1:
            found, weight = digit_candidates(np.array([float(w)]))
            assert float(true) in found[0][weight[0] > 0], (true, w)


def ahead(mu: float, scale: float = 0.1) -> Expected:
    return Expected([Forecast("own-year", np.full((1, 1), np.log(mu)), np.full((1, 1), scale), 1.0)], 3.0, np.zeros((1, 1)), np.full((1, 1), 20))


@pytest.mark.parametrize("reported, kind, name, suggested", [
    (2.2, FACTOR, "÷10^4", 22_000), (220_000.0, FACTOR, "×10^1", 22_000), (22.0, FACTOR, "÷10^3", 22_000)])
def test_a_wrong_unit_is_named_and_put_right(reported: float, kind: str, name: str, suggested: float) -> None:
    found = judge(np.array([[reported]]), ahead(22_000), Prior(digit=1e-9))
    assert (found.kind[0], found.name[0]) == (kind, name) and found.suspicion[0] > 0.85 and found.suggested[0] == pytest.approx(suggested)


def test_a_price_in_order_speaks_for_both_and_one_out_of_order_says_which_is_wrong() -> None:
    price = ahead(0.58, 0.01)
    both = judge(np.array([[11_000.0]]), ahead(22_000), Prior(), cost=np.array([[11_000 * 0.58]]), price=price)
    assert both.field[0] == "both"
    quantity = judge(np.array([[2.2]]), ahead(22_000), Prior(), cost=np.array([[22_000 * 0.58]]), price=price)
    assert (quantity.field[0], quantity.kind[0], quantity.suggested[0]) == ("quantity", FACTOR, pytest.approx(22_000))
    cost = judge(np.array([[22_000.0]]), ahead(22_000), Prior(), cost=np.array([[1.276]]), price=price)
    assert (cost.field[0], cost.suggested_cost[0]) == (COST, pytest.approx(12_760))
    swapped = judge(np.array([[22_000 * 0.58]]), ahead(22_000), Prior(), cost=np.array([[22_000.0]]), price=price)
    assert (swapped.kind[0], swapped.suggested[0], swapped.suggested_cost[0]) == (SWAPPED, pytest.approx(22_000), pytest.approx(12_760))


def test_a_transposed_digit_is_suggested() -> None:
    found = judge(np.array([[82_612.0]]), ahead(28_600, 0.03), Prior())
    assert found.kind[0] == DIGIT and found.suggested[0] == pytest.approx(28_612)


def test_what_fits_is_not_suspicious() -> None:
    found = judge(np.array([[23_000.0]]), ahead(22_000), Prior())
    assert not len(found.rows)


def test_the_expected_value_follows_the_peers_and_ignores_a_wild_month() -> None:
    p = panel()
    values = p.values["electricity_kwh"].copy()
    values[:, 2, 6] *= 1.5  # a hot July for everybody
    true = values[3, 2, 6]
    values[3, 2, 2] *= 1000
    expected = monthly(values, p.groups)
    mu, scale, _ = expected.best()
    assert np.exp(mu[3, 6]) == pytest.approx(true, rel=0.25) and np.exp(mu[3, 2]) == pytest.approx(values[3, 2, 2] / 1000, rel=0.25) and (scale > 0).all()


def test_a_year_is_known_by_its_middle_months() -> None:
    p = panel()
    values = p.values["electricity_kwh"].copy()
    clean = levels(values)[:, 2].copy()
    values[5, 2, 3] *= 10_000
    assert levels(values)[5, 2] == pytest.approx(clean[5], rel=0.05)
    values[6, 2] *= 0.0001
    assert levels(values)[6, 2] == pytest.approx(clean[6] * 0.0001, rel=1e-6)


def test_short_series_are_judged_by_their_peers() -> None:
    """A z-score over three values can never reach 1.16; a tenfold year is found all the same."""
    values = np.round(np.exp(np.random.default_rng(3).normal(10, 1, (40, 1)) + np.random.default_rng(4).normal(0, 0.05, (40, 3))))
    values[7, 2] *= 10
    assert abs((values[7] - values[7].mean()) / values[7].std())[2] < 1.5
    found = judge(values[:, -1:], yearly(values, [np.zeros(40, int)]), Prior())
    assert found.rows[found.suspicion.argmax()] == 7


def test_a_price_that_rose_for_everybody_is_no_finding() -> None:
    p = panel()
    kwh, cost = p.values["electricity_kwh"], p.values["electricity_cost_yuan"].copy()
    cost[:, 2] *= 1.3
    expected = prices(kwh, cost, p.groups, Knobs())
    assert np.median(np.exp(expected.best()[0])) == pytest.approx(0.58 * 1.3, rel=0.03)


def test_patterns() -> None:
    p = panel()
    values = p.values["electricity_kwh"].copy()
    values[0, 2] = values[0, 1]
    values[1, 2, 3:7] = values[1, 2, 3]
    values[2, 2, 4] = np.nan
    values[3, 2, 4] = 0
    assert patterns.copied_year(values).sum(axis=1).argmax() == 0 and patterns.copied_year(values)[0].all()
    assert patterns.flat(values)[1, 3:7].all() and patterns.flat(values).sum() == 4
    missing, zero = patterns.gaps(values)
    assert [tuple(c) for c in np.argwhere(missing)] == [(2, 4)] and [tuple(c) for c in np.argwhere(zero)] == [(3, 4)]
    values[10:40, 2] = values[10:40, 1]
    assert patterns.batches(values, np.zeros(60, int))[2] == [0] and patterns.batches(p.values["electricity_kwh"], np.zeros(60, int))[2] == []


def test_a_meter_read_every_second_month_has_no_gaps() -> None:
    values = np.tile(np.array([0.0, 40.0] * 6), (10, 3, 1))
    missing, zero = patterns.gaps(values)
    assert not missing.any() and not zero.any()
