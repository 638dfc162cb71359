"""Files nobody was asked to support, by layout alone: Cambridge's estate, and what ENERGY STAR Portfolio Manager exports."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import openpyxl

from jieneng.returns.intake import parse_layout, read_file
from jieneng.rulebook import convert
from tests.shared import shared

from .test_four_sets import BOOK, LAYOUTS, read

CAMBRIDGE = "data/cambridge-estates-a/cambridge_monthly_a.csv"
METERS = "data/seed-portfolio-manager-a/PM_Meter_Data.xlsx"


def test_cambridge_by_month_is_the_file_added_up_and_a_gap_written_as_zero_is_unknown() -> None:
    result = read(CAMBRIDGE, "cambridge-monthly.yaml")
    with open(shared(CAMBRIDGE), encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    assert result.counts["rows"] == len(rows) == 17_988 and not result.problems
    for item, fuel, unit in (("electricity_kwh", "electricity", "kWh"), ("site_gas_kbtu", "gas", "kBtu")):
        theirs = [r for r in rows if r["fuel"] == fuel]
        got = {(d.identifier, str(d.period)): d.answers[item] for d in result.drafts if d.answers.get(item) is not None}
        assert len(got) == sum(r["kwh"] != "0.0" for r in theirs), "a month of 0.0 is no answer"
        ours, published = sum(got.values(), Decimal(0)), sum((Decimal(r["kwh"]) for r in theirs), Decimal(0))
        expected = convert(BOOK, published, "kWh", unit)
        # each amount is kept to four places, so that conversion may be off by half of the last place a row
        assert abs(Fraction(ours) - expected) <= len(got) * Fraction("0.00005"), (ours, expected)
    assert result.counts["missing"] == sum(r["kwh"] == "0.0" for r in rows) == 346
    # the twin: without the word of the layout the gaps are zeros that nobody measured
    text = (LAYOUTS / "cambridge-monthly.yaml").read_text(encoding="utf-8").replace('missing: ["", "0.0"]', 'missing: [""]')
    taken = read_file(shared(CAMBRIDGE), parse_layout(text, "zeros.yaml"), BOOK)
    assert sum(v == 0 for d in taken.drafts for v in d.answers.values()) == 346


def test_cambridge_areas_in_square_metres() -> None:
    result = read("data/cambridge-estates-a/building_floor_roof_areas_a.csv", "cambridge-buildings.yaml")
    assert len(result.bodies) == len(result.drafts) and not result.problems
    first = next(d for d in result.drafts if d.identifier == "b0")
    assert first.answers["area_ft2"] == Decimal("35483.2307") and first.sources["area_ft2"]["rounded"], "3,296.5 m², said to be rounded"


def test_portfolio_manager_meters_with_title_lines_and_empty_sheets() -> None:
    result = read(METERS, "portfolio-manager-meters.yaml")
    sheet = openpyxl.load_workbook(shared(METERS), read_only=True, data_only=True)["Meter Entries"]
    rows = [r for r in list(sheet.iter_rows(values_only=True))[6:] if r[0]]
    numbers = [r for r in rows if isinstance(r[9], (int, float))]
    assert result.counts["rows"] == len(rows)
    repeated = Counter((r[1], r[4], r[6].strftime("%Y-%m")) for r in numbers)
    answered = sum(len(d.answers) for d in result.drafts)
    assert answered + sum(result.problem_counts.values()) + result.counts.get("duplicates", 0) >= len(numbers), "each is taken, or told"
    units = {s["unit"] for d in result.drafts for s in d.sources.values()}
    assert units <= {r[10] for r in rows} and "kBtu (thousand Btu)" in units
    alone = [r for r in numbers if r[4] == "Electric - Grid" and repeated[r[1], r[4], r[6].strftime("%Y-%m")] == 1]
    by = {(d.identifier, str(d.period)): d.answers.get("site_electricity_kbtu") for d in result.drafts}
    for r in alone:
        exact = convert(BOOK, Decimal(str(r[9])), r[10], "kBtu")
        assert abs(Fraction(by[str(int(r[1])), r[6].strftime("%Y-%m")] or 0) - exact) <= Fraction("0.00005"), r
    assert alone


def test_portfolio_manager_properties_without_a_year_are_named() -> None:
    """512 properties; one ends its year in 1880, one has none: both by cell, all others in."""
    result = read("data/seed-portfolio-manager-a/portfolio-manager-sample.csv", "portfolio-manager-properties.yaml")
    assert len(result.bodies) == 512 and len(result.drafts) == 510
    assert {(p.code, p.where.cell) for p in result.problems} == {("cell-period", "C2"), ("period-missing", "C513")}
    first = next(d for d in result.drafts if d.identifier == "5766975")
    assert (str(first.period), first.answers["area_ft2"], first.answers["published_ghg_t"]) == ("2010", Decimal(322_701), Decimal("6223.4"))
