"""What may be wrong though nothing shows it: how many errors, how blind, what must be opened for the line; months between their neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from jieneng.review.assess import Assessor
from jieneng.review.errors import Prior, judge
from jieneng.review.expect import BETWEEN
from jieneng.review.forecast import DAYS, monthly
from jieneng.review.unseen import alone, blind, fewer, keep, most
from jieneng.review.wording import Speaker
from jieneng.rulebook import load
from tests.review.make import WEIGHTS, panel, review

PRIOR = Prior()


def test_where_every_error_would_show_few_more_are_assumed_than_are_seen() -> None:
    """Ten thousand values that fit as right ones do: the doubt falls from two hundred to about the rule of three."""
    fits = np.full(10_000, 0.002)
    assert fewer(fits, np.zeros(10_000), PRIOR, 0.05).sum() < 0.1 * fits.sum()
    assert fewer(fits, np.ones(10_000), PRIOR, 0.05) == pytest.approx(fits), "where none would show, the rulebook's shares stand"
    wrong = np.concatenate([np.full(9_700, 0.002), np.full(300, 0.97)])
    more = fewer(wrong, np.zeros(10_000), PRIOR, 0.05)
    assert more[0] > 5 * fewer(fits, np.zeros(10_000), PRIOR, 0.05)[0] and (more[-300:] == 0.97).all(), "many seen errors: more unseen ones; what was seen stays"
    assert not len(fewer(np.zeros(0), np.zeros(0), PRIOR, 0.05))


def test_a_surer_office_assumes_more() -> None:
    fits = np.full(2_000, 0.002)
    few, many = (fewer(fits, np.zeros(2_000), PRIOR, doubt).sum() for doubt in (0.2, 0.01))
    assert few < many <= fits.sum()


def test_the_most_is_found_on_a_known_curve() -> None:
    assert most(lambda r: -100 * (r - 0.3) ** 2, 1.0) == pytest.approx(0.4, abs=2e-3) and most(lambda r: r, 1.0) == 1.0


def test_a_wide_spread_hides_errors() -> None:
    found = blind(np.array([0.01, 0.1, 1.0, np.nan]), PRIOR)
    assert found[0] < 0.01 < found[1] < 0.1 and found[2] == found[3] == 1.0


def test_how_likely_an_error_alone_passes() -> None:
    found = alone(np.array([0.0, 10.0, 0.0]), np.array([1.0, 0.0, 1e-9]), np.array([3.182, 5.0, 1.0]))
    assert found[0] == pytest.approx(0.05, abs=1e-3), "the quantile of t with three degrees of freedom" and found[1] == pytest.approx(1) and found[2] == pytest.approx(0, abs=1e-6)


def test_every_value_keeps_a_doubt_and_the_volatile_a_larger_one() -> None:
    p = panel(noise=0.02)
    values = p.values["electricity_kwh"]
    values[:20] *= np.exp(np.random.default_rng(1).normal(0, 0.4, (20, values.shape[1], 12)))
    expected = monthly(values, p.groups)
    judged = judge(values[:, -1], expected, PRIOR)
    rest = keep(values[:, -1], expected, PRIOR, judged, np.zeros(len(judged.rows), bool))
    assert len(rest.rows) == values[:, -1].size, "no value is beyond doubt"
    by = np.bincount(rest.rows, rest.suspicion)
    assert np.median(by[:20]) > 3 * np.median(by[20:]) and (rest.jitter >= 0).all()


def test_what_a_total_hangs_on_is_opened_though_nothing_speaks_against_it() -> None:
    """One school that is most of its county and varies by a third: no line without it, and the finding says why."""
    p = panel(noise=0.02)
    size = p.values["electricity_kwh"]
    row = p.areas.index(sorted(set(p.areas))[0])
    dice = np.random.default_rng(4)
    for y in range(size.shape[1]):
        swing = np.exp(dice.normal(0, 0.35, 12))
        for item in ("electricity_kwh", "electricity_cost_yuan"):
            p.values[item][row, y] *= 40 * swing
    out = Assessor(p, review(), WEIGHTS).run()
    weighty = [f for f in out.found if f.kind == "weighty"]
    opened = [f for f in out.found[:out.line.count] if f.row == row and f.item == "electricity_kwh"]
    assert opened and all(f.suspicion < 0.2 and not f.months and f.low < f.found < f.high for f in weighty)
    assert weighty, [(f.kind, f.row, f.suspicion) for f in out.found]
    said = Speaker(load("cn"), review(), p).say(weighty[0])
    assert said is not None and said.rule.layer == 4 and "%" in said.says.zh and "县区合计" in said.says.zh and "bills" in said.do.en and "weight in the total" in said.why.say("en")


def test_bills_spread_over_their_days_put_each_month_between_its_neighbours() -> None:
    """A meter read in mid-month: the use per day of a month is a mean of two bills, so −30 % is told though the bills themselves vary by half."""
    dice = np.random.default_rng(9)
    bills = np.exp(dice.normal(5, 0.5, (40, 10)))  # four months each, from mid-month to mid-month
    daily = np.repeat(bills, 4, axis=1)
    rate = (daily[:, :-2] + daily[:, 1:-1]) / 2
    values = (rate[:, :36].reshape(40, 3, 12) * np.exp(DAYS)).copy()
    true = values[7, 2, 5]
    values[7, 2, 5] *= 0.55
    expected = monthly(values, [np.zeros(40, int)])
    lead = expected.parts[0]
    assert lead.basis == BETWEEN and np.isfinite(lead.mu[:, 1:11]).mean() > 0.9
    found = judge(values[:, -1], expected, PRIOR)
    suspicion = found.full(found.suspicion, 480).reshape(40, 12)
    low, high = sorted((values[7, 2, 4], values[7, 2, 6]))
    assert low * 0.9 < true < high * 1.1 and suspicion[7, 5] > 0.5 and suspicion[7, 5] >= np.quantile(suspicion, 0.98)
    plain = panel()
    assert np.isnan(monthly(plain.values["electricity_kwh"], plain.groups).parts[0].mu).mean() > 0.9, "seasons alone are no such meter"


def test_values_that_cancel_in_a_total_are_all_of_it() -> None:
    """One institution alone in its area, half of its months negative: nothing is divided by a total of nothing."""
    p = panel(1)
    p.values["electricity_kwh"][0, -1] = [9000.0] * 6 + [-9000.0] * 6
    weighty = [f for f in Assessor(p, review(), WEIGHTS).run().found if f.kind == "weighty" and f.item == "electricity_kwh"]
    assert weighty and all((f.ratio, f.share) == (1.0, 1.0) for f in weighty)
