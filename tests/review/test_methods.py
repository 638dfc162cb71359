"""The methods, each against a plain answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jieneng.engine import answer_columns
from jieneng.review import changes, patterns
from jieneng.review.assess import Assessor
from jieneng.review.errors import COST, DIGIT, FACTOR, SWAPPED, Prior, digit_candidates, judge
from jieneng.review.expect import Expected, Forecast, below, student
from jieneng.review.forecast import Knobs, levels, monthly, prices, yearly
from jieneng.review.robust import by_group, hb, hb_bounds, median, spread
from jieneng.review.weather import moved
from jieneng.review.wording import Speaker
from jieneng.rulebook import load
from tests.review.make import WEIGHTS, panel, review

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


def test_the_bounds_of_changes_are_where_the_statistic_reaches_its_limit() -> None:
    dice = np.random.default_rng(3)
    old = dice.lognormal(8, 1, 200)
    now = old * dice.lognormal(0.02, 0.05, 200)
    now[0], now[1] = old[0] * 3, old[1] * 0.2
    low, high = hb_bounds(now, old, 0.4, 0.05, 20.0)
    e = hb(now, old)
    assert ((now < low) == (e < -20)).all() and ((now > high) == (e > 20)).all() and now[0] > high[0] and now[1] < low[1]
    big = old > np.quantile(old, 0.9)
    assert np.median((high / low)[big]) < np.median((high / low)[~big]), "large ones may move less"


def test_a_change_unlike_its_like_is_told_beside_the_year_and_alone_where_nothing_else_doubts_it() -> None:
    p = panel(noise=0.02)
    p.values["electricity_kwh"][4, 2] *= 1.6
    p.values["electricity_cost_yuan"][4, 2] *= 1.6
    found = Assessor(p, review(), WEIGHTS).run().found
    year = next(f for f in found if f.row == 4 and f.item == "electricity_kwh" and not f.months)
    assert year.outside is not None and year.outside[0] == pytest.approx(0.6 * 0.98 / 1.03 + 0.98 / 1.03 - 1, abs=0.1) and year.outside[2] == 60
    assert year.found == pytest.approx(p.values["electricity_kwh"][4, 2].sum()) and year.before == pytest.approx(p.values["electricity_kwh"][4, 1].sum()), "the sums that people add up"
    lone = Assessor(p, review(), WEIGHTS)
    alone = [f for f in changes.told(lone, review().quantities[0]) if f.row == 4]  # nothing was told before
    assert [f.kind for f in alone] == ["ratio"] and alone[0].suspicion == lone.show and not alone[0].low <= alone[0].found <= alone[0].high
    said = Speaker(load("cn"), review(), p).say(alone[0])
    assert said is not None and "同类单位都在变" in said.says.say("zh") and "60 家" in said.why.say("zh") and "Hidiroglou" in said.why.say("en")


def test_heating_is_moved_by_degree_days_and_nothing_else_is() -> None:
    hdd = np.full((1, 2, 12), 200.0)
    hdd[0, 1] = 300.0
    hdd[0, :, 6] = 0.0
    values = np.full((1, 2, 12), 100.0)
    made = moved(values, hdd, 0.8)
    assert made[0, 0, 0] == pytest.approx(140) and made[0, 0, 6] == 100 and (made[0, 1] == 100).all() and moved(values, hdd, 0.0) is values and moved(values, None, 1.0) is values
    hdd[0, 1] = 2000.0
    assert moved(values, hdd, 1.0)[0, 0, 0] == 150, "at most half as much again"


def test_answers_become_columns_whichever_way_they_are_kept() -> None:
    texts = ['{"a": "1.5", "b": null, "x": "9"}', '{"b": "2"}', "{}"]
    fast, slow = answer_columns(texts, ["a", "b"]), answer_columns([*texts, '{"a": 3}'], ["a", "b"])
    for name in "ab":
        assert np.array_equal(fast[name], slow[name][:3], equal_nan=True)
    assert np.array_equal(fast["a"], [1.5, np.nan, np.nan], equal_nan=True) and slow["a"][3] == 3 and answer_columns([], ["a"])["a"].shape == (0,)
