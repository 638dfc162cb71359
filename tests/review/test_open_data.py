"""Real errors that others labelled, found without being told: Seattle, Yale, Cambridge, Toronto, the Portfolio Manager sample."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from jieneng.core.problem import Severity
from jieneng.core.words import T
from jieneng.returns.examine import Examiner
from jieneng.review import patterns
from jieneng.review.errors import FACTOR, Prior, judge
from jieneng.review.forecast import monthly, yearly
from jieneng.rulebook.types import Check, Form, FormItem
from tests.shared import shared


def rows(path: str) -> list[dict[str, str]]:
    with shared("data/" + path).open(encoding="utf-8-sig", newline="") as f:
        return list(csv.DictReader(f))


def number(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return float("nan")


def test_seattle_most_labelled_outliers_are_among_the_first_five_per_cent() -> None:
    """82 labelled of 3,328 with energy: one year only, so peers of the same kind by floor area are all there is."""
    found = [r for r in rows("seattle-benchmarking-2015/2015-building-energy-benchmarking.csv") if number(r["SiteEnergyUse(kBtu)"]) > 0]
    values = np.array([[number(r["SiteEnergyUse(kBtu)"])] for r in found])
    kind = np.unique([r["PrimaryPropertyType"].strip() for r in found], return_inverse=True)[1]
    area = np.array([number(r["PropertyGFABuilding(s)"]) for r in found])
    area = np.where(area > 0, np.log(np.where(area > 0, area, 1)), np.nan)
    mu, scale, _ = yearly(values, [kind], [area]).best()
    z = ((np.log(values) - mu) / scale).ravel()
    label = np.array([r["Outlier"].split(" ")[0] for r in found])
    first = np.argsort(-np.abs(z))[: len(z) // 20]
    assert (label != "").sum() == 82 and np.isin(np.flatnonzero(label != ""), first).mean() >= 0.70
    assert (z[label == "High"] > 0).all() and (z[label == "Low"] < 0).mean() > 0.95


def test_yale_the_switch_from_ccf_to_mcf_is_named_as_tenfold() -> None:
    """In spring 2012 the gas meters went from CCF to MCF: the twelve months after against the same months before."""
    months = {m: n for n, m in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"])}
    series: dict[tuple[str, str], dict[int, tuple[float, str]]] = {}
    for r in rows("yale-monthly-a/yale_monthly_energy_a.csv"):
        if r["type"] in ("Gas Firm", "Gas Bundled") and r["unit"]:
            _, m, y = r["date"].split("-")
            series.setdefault((r["building"], r["type"]), {})[(2000 + int(y)) * 12 + months[m]] = (number(r["value"]), r["unit"])
    dice = np.random.default_rng(1)
    steady = np.round(np.exp(dice.normal(8, 1, (60, 1)) + dice.normal(0, 0.15, (60, 2))))
    named = listed = steps = 0
    for cells in series.values():
        times = sorted(cells)
        switch = [b for a, b in itertools.pairwise(times) if cells[a][1] != cells[b][1]]
        if len(switch) != 1 or cells[switch[0]][1] != "MCF":
            continue
        both = [(cells[t - 12][0], cells[t][0]) for t in range(switch[0], switch[0] + 12) if t in cells and t - 12 in cells and cells[t - 12][1] == "CCF"]
        if len(both) < 10 or sum(n for _, n in both) < 100:
            continue
        values = np.vstack([np.sum(both, axis=0)[None, :], steady])
        judged = judge(values[:, 1:], yearly(values, [np.zeros(61, int)]), Prior())
        steps += 1
        k = np.flatnonzero(judged.rows == 0)
        named += bool(len(k)) and judged.kind[k[0]] == FACTOR and judged.name[k[0]] == "÷10^1"
        listed += bool(len(k)) and judged.suspicion[k[0]] > 0.2
    assert steps >= 20 and named >= 0.9 * steps and listed >= 0.7 * steps, (named, listed, steps)


def test_yale_negative_amounts_never_count_as_amounts() -> None:
    negative = [r for r in rows("yale-monthly-a/yale_monthly_energy_a.csv") if number(r["value"]) < 0]
    assert len(negative) == 9
    check = Check("N", Severity.must, "electricity_kwh >= 0", T("负", "negative"), T("看", "look"))
    examiner = Examiner(form([check], ["electricity_kwh"]))
    assert all(examiner.examine({"electricity_kwh": Decimal(r["value"])}).findings for r in negative)


def test_cambridge_every_gap_stored_as_zero_is_found_where_there_is_a_history() -> None:
    found = rows("cambridge-estates-a/cambridge_monthly_a.csv")
    keys = sorted({(r["building"], r["fuel"]) for r in found})
    at, years = {k: n for n, k in enumerate(keys)}, (2017, 2018, 2019)
    values, empty = np.full((len(keys), 3, 12), np.nan), np.zeros((len(keys), 12))
    for r in found:
        y, m = int(r["month"][:4]), int(r["month"][5:7]) - 1
        if y in years:
            values[at[r["building"], r["fuel"]], y - 2017, m] = number(r["kwh"])
            if y == 2019:
                empty[at[r["building"], r["fuel"]], m] = float(r["zero_hours"]) / float(r["hours"])
    _, zero = patterns.gaps(values)
    labelled = (empty > 0.95) & (values[:, -1] == 0) & (values[:, -2] > 0)
    usual = (np.sum(values.reshape(len(keys), -1) > 0, axis=1) >= 0.75 * np.sum(np.isfinite(values.reshape(len(keys), -1)), axis=1))[:, None]
    assert (labelled & usual).sum() >= 12 and (zero & labelled & usual).sum() == (labelled & usual).sum() and not (zero & (empty < 0.5)).any()
    # a month with a third and more of its hours missing is told as too low, seldom one without
    fuel = np.unique([k[1] for k in keys], return_inverse=True)[1]
    judged = judge(values[:, -1], monthly(values, [fuel]), Prior())
    suspicion = judged.full(judged.suspicion, values[:, -1].size).reshape(values[:, -1].shape)
    part = (empty > 0.3) & (empty <= 0.95) & (fuel == 0)[:, None]
    assert (suspicion[part] > 0.2).mean() >= 0.5 and (suspicion[(empty < 0.05) & np.isfinite(values[:, -1])] > 0.2).mean() < 0.02


def test_toronto_operations_entered_twice_in_a_year_are_found() -> None:
    """Five operations stand twice in one year with every number the same."""
    found = rows("toronto-public-2011-2015/toronto_public_2011_2015.csv")
    pairs = patterns.same_rows([(r["operation_name"], r["year"]) for r in found], np.array([[number(r["electricity_wh"]), number(r["ghg_emissions_kg"])] for r in found]))
    names = sorted({found[i]["operation_name"] for i, _ in pairs})
    truth = Counter((r["operation_name"], r["year"], r["electricity_wh"], r["ghg_emissions_kg"]) for r in found)
    assert names == sorted(k[0] for k, n in truth.items() if n > 1) and len(pairs) == 5


def form(checks: list[Check], items: list[str]) -> Form:
    return Form("x", "1", T("表", "form"), "", "", 2000, None, ("year",), tuple(FormItem(i) for i in items), tuple(checks))


TEXTS = ("address_line_1", "tax_lot_id", "custom_id_1", "pm_property_id")
DAYS = ("year_ending", "generation_date", "recent_sale_date", "release_date")
RANGES: dict[str, tuple[float, float]] = {
    "year_built": (1700, 2019), "conditioned_floor_area": (100, 7_000_000), "energy_score": (10, 100), "gross_floor_area": (100, 7_000_000),
    "occupied_floor_area": (100, 7_000_000), "site_eui": (10, 1000), "site_eui_weather_normalized": (10, 1000), "source_eui": (10, 1000),
    "source_eui_weather_normalized": (10, 1000), **dict.fromkeys(DAYS, (18890101, 20201231))}
"""The sample's own limits, as its labels state them: least and most."""


def day(text: str) -> Decimal | None:
    if not text:
        return None
    m, d, y = (int(p) for p in text.split("/"))
    return Decimal((y if y > 99 else 2000 + y) * 10000 + m * 100 + d)


def sample() -> list[tuple[str, dict[str, Decimal | None]]]:
    made = []
    for r in rows("seed-portfolio-manager-a/data-quality-check-sample.csv"):
        given: dict[str, Decimal | None] = {t: Decimal(1) if r[t] else None for t in TEXTS}
        for name in RANGES:
            given[name] = day(r[name]) if name in DAYS else Decimal(r[name]) if r[name] else None
        made.append((r["error_type"], given))
    return made


def examiner() -> Examiner:
    says = T("错", "wrong")
    checks = [Check(f"M.{n}", Severity.must, f"not missing({n})", says, says) for n in (*TEXTS, *RANGES)]
    checks += [Check(f"R.{n}", Severity.explain, f"{n} >= {lo:.0f} and {n} <= {hi:.0f}", says, says) for n, (lo, hi) in RANGES.items()]
    return Examiner(form(checks, [*TEXTS, *RANGES]))


@pytest.mark.parametrize("n", range(36))
def test_each_of_the_36_labelled_faults_of_the_portfolio_manager_sample(n: int) -> None:
    label, given = sample()[n]
    found = {f.rule for f in examiner().examine(given).findings}
    words = label.lower().replace("flr", "floor").replace("weather norm", "weather normalized")
    if words.startswith("missing values"):
        assert sum(f.startswith("M.") for f in found) >= 3
    elif words.startswith("missing"):
        assert found == {"M." + words.removeprefix("missing ").replace(" ", "_")}
    else:
        name = "_".join(w for w in words.split() if w not in ("in-range", "error", "warning", "max", "min"))
        assert found == {"R." + name}, (label, found)


def test_the_row_without_an_error_has_none() -> None:
    label, given = sample()[36]
    assert label == "No error" and examiner().examine(given).findings == []


def test_what_is_not_answered_makes_a_range_unknown_and_not_wrong() -> None:
    _, given = sample()[36]
    verdict: Any = examiner().examine({**given, "site_eui": None})
    assert {f.rule for f in verdict.findings} == {"M.site_eui"} and verdict.not_applied == 1
