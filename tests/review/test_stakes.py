"""Order, stopping line, error localisation."""

from __future__ import annotations

import itertools
from decimal import Decimal

import numpy as np
import pytest

from jieneng.review.assess import Assessor
from jieneng.review.locate import locate
from jieneng.review.stakes import Doubts, score, stopping_line
from jieneng.rulebook import load
from tests.review.make import WEIGHTS, panel, review


def test_a_sure_large_error_comes_before_a_sure_small_and_a_doubtful_large_one() -> None:
    a, b, c = score(np.array([0.99, 0.99, 0.3]), np.array([0.1, 0.001, 0.1]), 0.15)
    assert a > b and a > c


def test_the_line_lies_where_the_rest_is_small() -> None:
    doubts = Doubts(np.array([0, 0, 0, 0]), np.array([0, 1, 2, -1]), np.array([0.9, 0.9, 0.9, 0.9]), np.array([300.0, -40.0, 2.0, 1.0]))
    line = stopping_line(doubts, 3, np.array([1000.0]), 0.005)
    assert (line.count, line.reached) == (2, True) and line.left[0] <= 0.005 and len(line.steps) == 4 and line.steps == sorted(line.steps, reverse=True)


def test_what_cannot_be_promised_is_not() -> None:
    line = stopping_line(Doubts(np.array([0]), np.array([-1]), np.array([0.5]), np.array([100.0])), 0, np.array([1000.0]), 0.005)
    assert not line.reached and line.left[0] == pytest.approx(0.1)


def test_the_line_keeps_its_promise_on_panels_with_known_errors() -> None:
    """12 seeded panels of 60 schools: after the findings before the line are put right, no area is off by more than 0.5 %."""
    rules, kept = review(), 0
    for seed in range(12):
        p = panel(seed=seed)
        true = p.values["electricity_kwh"][:, 2].copy()
        dice = np.random.default_rng(seed)
        wrong = {(int(dice.integers(60)), int(dice.integers(12))): f for f in (10.0, 0.1, 0.7, 2.0, 1000.0)}
        for (row, month), f in wrong.items():
            p.values["electricity_kwh"][row, 2, month] *= f
        found = Assessor(p, rules, WEIGHTS).run()
        looked = {(f.row, m) for f in found.found[:found.line.count] for m in (f.months or range(1, 13))}
        off = dict.fromkeys(p.areas, 0.0)
        for row, month in wrong:
            if (row, month + 1) not in looked:
                off[p.areas[row]] += p.values["electricity_kwh"][row, 2, month] - true[row, month]
        total = {a: true[[i for i, x in enumerate(p.areas) if x == a]].sum() for a in off}
        kept += all(abs(off[a]) <= 0.005 * total[a] for a in off)
    assert kept == 12


CHECKS = {c.id: c for c in load("cn").forms["consumption@2022"].checks}


def answers(**values: float) -> dict[str, Decimal | None]:
    return {k: Decimal(str(v)) for k, v in values.items()}


def test_the_total_is_the_cheapest_to_change_when_its_parts_agree_with_all_else() -> None:
    given = answers(petrol_l=961.81, petrol_vehicle_l=661.81, petrol_other_l=0)
    found = locate([CHECKS["L03"]], given, {"petrol_vehicle_l": 2.0, "petrol_other_l": 2.0})
    assert list(found.fields) == ["petrol_l"] and found.fields["petrol_l"] == pytest.approx(661.81, abs=1.1)
    assert locate([CHECKS["L03"]], answers(petrol_l=600, petrol_vehicle_l=600, petrol_other_l=0)).fields == {}


def test_one_field_that_breaks_several_checks_is_found() -> None:
    given = answers(vehicles=3, petrol_vehicles=30, diesel_vehicles=0, new_energy_vehicles=0, authorised_staff=20, people=20)
    found = locate([CHECKS["L05"], CHECKS["L06"], CHECKS["P02e"]], given)
    assert len(found.fields) == 1 and found.fields.keys() <= {"vehicles", "petrol_vehicles"} and "P02e" in found.left_out


def test_the_set_is_as_small_as_trying_all_sets_finds() -> None:
    from jieneng.review.locate import bounds

    dice = np.random.default_rng(5)
    names = ["petrol_l", "petrol_vehicle_l", "petrol_other_l", "vehicles", "petrol_vehicles", "diesel_vehicles", "new_energy_vehicles"]
    checks = [CHECKS["L03"], CHECKS["L05"]]
    for _ in range(15):
        given = answers(**dict(zip(names, dice.integers(0, 60, len(names)), strict=True)))
        found = locate(checks, given)
        lines, _ = bounds(checks, given)

        def solvable(free: tuple[str, ...], given: dict = given, lines: list = lines) -> bool:
            from scipy.optimize import linprog

            rows, most = [], []
            for _, (terms, lo, hi) in lines:
                fixed = sum(c * float(given[i]) for i, c in terms.items() if i not in free)
                row = [terms.get(i, 0.0) for i in free]
                if np.isfinite(hi):
                    rows.append(row)
                    most.append(hi - fixed)
                if np.isfinite(lo):
                    rows.append([-c for c in row])
                    most.append(fixed - lo)
            if not free:
                return all(m >= -1e-9 for m in most)
            return bool(linprog(np.zeros(len(free)), A_ub=np.array(rows), b_ub=most, bounds=[(0, None)] * len(free)).success)

        smallest = next(k for k in range(len(names) + 1) if any(solvable(free) for free in itertools.combinations(names, k)))
        assert len(found.fields) == smallest, (given, found)


def test_one_field_is_named_without_a_search_where_the_search_names_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the short way answers, integer programming answers as well, with the same value; what it does not, it leaves to it."""
    from jieneng.review import locate as module

    dice, short, long = np.random.default_rng(11), module.single, module.several
    names = ["petrol_l", "petrol_vehicle_l", "petrol_other_l", "vehicles", "petrol_vehicles", "diesel_vehicles", "new_energy_vehicles"]
    checks, quick = [CHECKS["L03"], CHECKS["L05"]], 0
    for n in range(40):
        a, b, c, d, e = dice.integers(0, 40, 5)
        right = dict(zip(names, (a + b, a, b, c + d + e, c, d, e), strict=True))
        wrong = dice.choice(names, 1 + n % 2, replace=False)
        given = answers(**{k: v + (dice.integers(10, 50) if k in wrong else 0) for k, v in right.items()})
        trust = {names[k]: 0.5 for k in dice.integers(0, len(names), n % 3)}
        searches: list[bool] = []
        monkeypatch.setattr(module, "single", short)
        monkeypatch.setattr(module, "several", lambda *a, seen=searches: seen.append(True) or long(*a))
        found = locate(checks, given, trust)
        monkeypatch.setattr(module, "single", lambda *a: None)
        quick += not searches
        searched = locate(checks, given, trust)
        assert found.fields == pytest.approx(searched.fields, abs=1e-6), (given, trust)
    assert 10 < quick < 40
