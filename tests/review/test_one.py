"""One return while it is typed: what the whole review says, in milliseconds."""

from __future__ import annotations

import time

import numpy as np
import pytest

from jieneng.review.assess import Assessor
from jieneng.review.one import one, ready, say
from jieneng.rulebook import load
from tests.review.make import WEIGHTS, panel, review


def test_a_wrong_unit_is_told_while_it_is_typed() -> None:
    made = ready(panel(), review(), WEIGHTS)
    kwh = made.panel.values["electricity_kwh"][4, 2, 5]
    found = one(made, 104, 6, {"electricity_kwh": kwh / 10_000, "electricity_cost_yuan": kwh * 0.58})
    assert [(f.item, f.kind, f.months) for f in found] == [("electricity_kwh", "factor", (6,))] and found[0].suggested[0][2] == pytest.approx(kwh)
    assert "万千瓦时" in say(load("cn"), made, found)[0].says.say("zh")
    assert one(made, 104, 6, {"electricity_kwh": kwh, "electricity_cost_yuan": kwh * 0.58}) == []
    assert one(made, 104, 6, {"electricity_kwh": None}) == [] and one(made, 999, 6, {"electricity_kwh": 1}) == []


def test_the_verdict_is_that_of_the_review() -> None:
    p = panel(seed=11)
    p.values["electricity_kwh"][8, 2, 9] *= 10
    whole = {(f.row, f.item, f.kind, f.name) for f in Assessor(p, review(), WEIGHTS).run().found if f.months == (10,) and f.suspicion > 0.5}
    made = ready(p, review(), WEIGHTS)
    now = {i: float(p.values[i][8, 2, 9]) for i in ("electricity_kwh", "electricity_cost_yuan")}
    assert {(f.row, f.item, f.kind, f.name) for f in one(made, 108, 10, now)} == {w for w in whole if w[0] == 8} != set()


def test_early_in_the_year_last_year_stands_in() -> None:
    p = panel()
    p.values["electricity_kwh"][:, 2, 1:] = np.nan
    p.values["electricity_cost_yuan"][:, 2, 1:] = np.nan
    made = ready(p, review(), WEIGHTS)
    february = p.values["electricity_kwh"][20, 1, 1]
    assert one(made, 120, 2, {"electricity_kwh": round(february * 1.02), "electricity_cost_yuan": february * 1.02 * 0.58}) == []
    assert one(made, 120, 2, {"electricity_kwh": february * 100, "electricity_cost_yuan": february * 58})[0].kind == "factor"


def test_it_takes_less_than_50_ms() -> None:
    made = ready(panel(n=200), review(), WEIGHTS)
    took = []
    for month in range(1, 13):
        begin = time.process_time()
        one(made, 150, month, {"electricity_kwh": 50.0, "electricity_cost_yuan": 5000.0})
        took.append(time.process_time() - begin)
    assert sorted(took)[6] < 0.05, took
