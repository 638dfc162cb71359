"""The bench of planted errors over several items measures what it says: what is planted, what counts as found, what a total is off by."""

from __future__ import annotations

import numpy as np
import pytest
from bench.reviewcity import FAMILIES, Cells, Sower, cells_of, measure, off_after, ours, planted_panel, proposed
from bench.reviewpanels import PanelSet

from jieneng.review.found import Found
from tests.review.make import WEIGHTS, review
from tests.review.test_exchanged import returns


@pytest.fixture(scope="module")
def schools() -> PanelSet:
    return PanelSet("schools", returns(), review(), WEIGHTS, [("electricity_kwh", "water_m3"), ("water_m3", "gas_m3")])


@pytest.fixture(scope="module")
def sower(schools: PanelSet) -> Sower:
    made = Sower(schools, 3, 0.2)
    made.sow(0.2)
    return made


def test_every_family_is_planted_and_every_cell_with_its_true_value(schools: PanelSet, sower: Sower) -> None:
    errors, panel = sower.sown.errors, planted_panel(schools, sower.sown)
    assert {e.family for e in errors} == set(FAMILIES) and len(errors) == 144 and len({e.kind for e in errors if e.family == "swapped"}) > 5
    cells = [c for e in errors for c in e.true]
    assert len(cells) == len(set(cells)), "no cell is wrong twice"
    back = {i: v.copy() for i, v in panel.values.items()}
    for e in errors:
        for (item, row, month), true in e.true.items():
            assert back[item][row, -1, month] != true
            back[item][row, -1, month] = true
    assert all(np.array_equal(v, schools.panel.values[i], equal_nan=True) for i, v in back.items()), "nothing else was touched"


def test_who_knows_finds_all_and_who_knows_nothing_next_to_nothing(schools: PanelSet) -> None:
    """One in fifty returns wrong: the knowing order has average precision 1, the reversed one little, and opening finds what it opens."""
    sower = Sower(schools, 5, 0.02)
    sown, cells = sower.sow(0.02), Cells(schools)
    knowing = np.zeros(cells.total)
    for e in sown.errors:
        for c in e.true:
            knowing[cells.at(c)] = 1.0
    best, worst = (measure(schools, cells, s, sown, 1, opened=0.2) for s in (knowing, -knowing))
    assert best["ap"] == 1.0 and all(best[f] == 1.0 for f in FAMILIES if f in best) and worst["ap"] < 0.05 and not any(worst[f] for f in FAMILIES if f in worst)
    half = measure(schools, cells, knowing, sown, 1, opened=1 / 720)
    assert sum(half[f] for f in FAMILIES if f in half) < sum(best[f] for f in FAMILIES if f in best)


def test_ours_is_the_list_of_the_product(schools: PanelSet, sower: Sower) -> None:
    cells, panel = Cells(schools), planted_panel(schools, sower.sown)
    score, made = ours(schools, cells, panel)
    first = made.found[0]
    assert all(score[cells.at(c)] == 0 for c in cells_of(first, 12)) and np.isinf(score).sum() > 0
    assert 0.3 < proposed(made, sower.sown, 12) <= 1 and measure(schools, cells, score, sower.sown, 1)["ap"] > 0.5
    before = made.line.count
    made.line.count = 0
    untouched = off_after(schools, made, sower.sown)
    made.line.count = before
    assert untouched > 0.05 and off_after(schools, made, sower.sown) < untouched
    made.found = [Found(e[1], e[0], "share", (e[2] + 1,), 0.0) for x in sower.sown.errors for e in x.true]
    made.line.count = len(made.found)
    assert off_after(schools, made, sower.sown) == 0
