"""Figures: conversion, indicators as ratios of sums, coverage, proof."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from jieneng import engine
from jieneng.core.figure import Figure, Selection
from jieneng.core.period import Period
from jieneng.figures.calculate import calculate, expand
from jieneng.figures.prove import prove, trace_lines
from jieneng.rulebook import load
from tests.engine.make import row, snapshot

BOOK = load("cn")
YEAR = Period.parse("2022")
ENERGY = [t.item for t in BOOK.composites["energy_tce"].terms]
ITEMS = [*ENERGY, "water_m3", "area_m2", "people"]


def full(institution: int, period: str, area: str = "341802", **more: Any) -> dict[str, Any]:
    return row(institution, period, area, **{**dict.fromkeys(ITEMS, "0"), "area_m2": "1000", "people": "50", **more})


@pytest.fixture
def made(tmp_path: Path) -> engine.Snapshot:
    rows = [full(i, f"2022-{m:02}", "341802" if i < 3 else "341821", electricity_kwh=str(100 * i + m), gas_m3="10", petrol_l="7",
                 diesel_l="3", coal_t="0.5", heat_gj="2", other_energy_tce="0.1", water_m3="9") for i in range(1, 5) for m in range(1, 13)]
    return snapshot(tmp_path, rows, items=ITEMS)


def figures(made: engine.Snapshot, names: list[str], by: str | None = None, period: Period = YEAR, **where: Any) -> list[Figure]:
    return calculate(BOOK, engine.connect(), made, names, period=period, by=by, where=where)


def test_standard_coal_by_the_settled_coefficients(made: engine.Snapshot) -> None:
    (f,) = figures(made, ["energy_tce"])
    kwh = sum(100 * i + m for i in range(1, 5) for m in range(1, 13))
    months = 4 * 12
    kg = (Fraction("0.1229") * kwh + months * (10 * Fraction("1.33") + 7 * Fraction("0.73") * Fraction("1.4714")
          + 3 * Fraction("0.85") * Fraction("1.4571") + 500 * Fraction("0.7143") + 2 * Fraction("34.12") + 100))
    assert f.exact == kg / 1000
    assert f.coverage is not None and f.coverage.full and f.unit == "tce"


def test_water_is_not_energy(made: engine.Snapshot) -> None:
    (f,) = figures(made, ["energy_tce"])
    assert "water_m3" not in {p.name for p in f.walk() if isinstance(p, Figure)}


def test_indicators_are_ratios_of_sums_not_means_of_ratios(tmp_path: Path) -> None:
    made = snapshot(tmp_path, [full(1, "2022-01", electricity_kwh="1000", area_m2="10"), full(2, "2022-01", electricity_kwh="1000", area_m2="990")],
                    items=ITEMS)
    (f,) = figures(made, ["electricity_per_area"])
    assert f.exact == Fraction(2000, 1000) and f.exact != (Fraction(1000, 10) + Fraction(1000, 990)) / 2


def test_a_missing_operand_is_never_silently_smaller(tmp_path: Path) -> None:
    rows = [full(1, "2022-01", electricity_kwh="1000"), full(2, "2022-01", electricity_kwh="500", area_m2=None)]
    made = snapshot(tmp_path, rows, items=ITEMS)
    (f,) = figures(made, ["electricity_per_area"])
    assert f.exact == 1 and f.coverage is not None and (f.coverage.covered, f.coverage.members) == (1, 2)
    (total,) = figures(made, ["electricity_kwh"])
    assert total.exact == 1500 and total.coverage is not None and total.coverage.full


def test_what_nobody_answered_is_unknown_and_named(tmp_path: Path) -> None:
    made = snapshot(tmp_path, [full(1, "2022-01", area_m2=None)], items=ITEMS)
    (f,) = figures(made, ["energy_per_area"])
    assert f.exact is None and "建筑面积" in f.note


@pytest.mark.parametrize("name", ["energy_tce", "co2_t", "co2_t_2021", "electricity_kwh", "area_m2", "people"])
@pytest.mark.parametrize("by", ["area", "type", "institution"])
def test_parts_equal_the_whole_exactly(made: engine.Snapshot, name: str, by: str) -> None:
    (whole,) = figures(made, [name])
    assert sum(f.exact for f in figures(made, [name], by)) == whole.exact


def test_months_and_quarters_add_up_to_the_year(made: engine.Snapshot) -> None:
    (year,) = figures(made, ["energy_tce"])
    assert sum(figures(made, ["energy_tce"], period=m)[0].exact for m in YEAR.months) == year.exact
    assert sum(figures(made, ["energy_tce"], period=Period.parse(f"2022Q{q}"))[0].exact for q in range(1, 5)) == year.exact


def test_the_grid_factor_is_of_the_data_year_and_the_frozen_one_is_a_second_series(made: engine.Snapshot) -> None:
    now, frozen = figures(made, ["co2_t", "co2_t_2021"])
    kwh = sum(100 * i + m for i in range(1, 5) for m in range(1, 13))
    assert frozen.exact - now.exact == kwh * (Fraction("0.7075") - Fraction("0.6782")) / 1000
    used = {f.vintage for p in now.walk() if isinstance(p, Figure) for f in p.factors if f.name == "co2.grid"}
    assert used == {"2022"}


def test_a_year_before_the_first_factor_says_which_one_stood_in(tmp_path: Path) -> None:
    made = snapshot(tmp_path, [full(1, "2020-01", electricity_kwh="1000")], items=ITEMS)
    (f,) = figures(made, ["co2_t"], period=Period.parse("2020"))
    assert f.exact == Fraction("0.7075") and "2021" in f.note


def test_a_factor_that_changes_in_july_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses
    import datetime as dt

    gas = BOOK.factors["tce.gas"]
    later = dataclasses.replace(gas.values[0], value=Decimal("1.2143"), since=dt.date(2022, 7, 1))
    changed = dataclasses.replace(BOOK, factors={**BOOK.factors, "tce.gas": dataclasses.replace(gas, values=(*gas.values, later))})
    made = snapshot(tmp_path, [full(1, f"2022-{m:02}", gas_m3="100") for m in range(1, 13)], items=ITEMS)
    (f,) = calculate(changed, engine.connect(), made, ["energy_tce"], period=YEAR)
    assert f.exact == (600 * Fraction("1.33") + 600 * Fraction("1.2143")) / 1000
    assert prove(changed, engine.connect(), made, f).ok


def test_both_engines_give_the_same_figures(made: engine.Snapshot) -> None:
    names = ["energy_tce", "energy_per_area", "energy_per_person", "water_per_person", "co2_per_area"]
    a = calculate(BOOK, engine.connect("duckdb:"), made, names, period=YEAR, by="area")
    b = calculate(BOOK, engine.connect("plain:"), made, names, period=YEAR, by="area")
    assert [x.as_json() for x in a] == [x.as_json() for x in b]


@pytest.mark.parametrize("name", ["energy_per_area", "energy_tce", "people", "co2_t"])
def test_a_figure_is_proved_and_survives_storage(made: engine.Snapshot, name: str) -> None:
    (f,) = figures(made, [name])
    again = Figure.from_json(f.as_json())
    assert again.as_json() == f.as_json()
    proof = prove(BOOK, engine.connect(), made, again)
    assert proof.ok and proof.leaves >= 1 and proof.cells > 0


def test_a_figure_that_was_altered_is_not_proved(made: engine.Snapshot) -> None:
    data = figures(made, ["energy_per_area"])[0].as_json()
    assert prove(BOOK, engine.connect(), made, Figure.from_json(data)).ok
    data["exact"] = "9"
    assert not prove(BOOK, engine.connect(), made, Figure.from_json(data)).ok
    data = figures(made, ["energy_tce"])[0].as_json()
    data["parts"][0]["factors"][0]["value"] = "0.31"
    assert not prove(BOOK, engine.connect(), made, Figure.from_json(data)).ok


def test_after_damage_nothing_is_proved(made: engine.Snapshot) -> None:
    (f,) = figures(made, ["energy_tce"])
    path = made.folder / "returns" / "consumption@2022.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    proof = prove(BOOK, engine.connect(), made, f)
    assert not proof.ok and "损坏" in proof.faults[0]


def test_a_leaf_unfolds_by_area_then_institution_then_cells(made: engine.Snapshot) -> None:
    (f,) = figures(made, ["electricity_kwh"])
    leaf = f.selections()[0]
    areas = expand(engine.connect(), made, leaf, "area")
    assert sum(a.exact for a in areas) == f.exact and sum(a.share for a in areas) == 1
    schools = expand(engine.connect(), made, leaf, "institution", {"area": areas[0].code})
    assert sum(s.exact for s in schools) == areas[0].exact and schools[0].name.startswith("示例")
    cells = engine.connect().cells(made, leaf.column, form="consumption", period=YEAR, where={**leaf.where, "institution": int(schools[0].code)})
    assert sum(Fraction(c.value) for c in cells) == schools[0].exact and cells[0].return_id


def test_the_trace_ends_in_a_proof_line(made: engine.Snapshot) -> None:
    (f,) = figures(made, ["energy_per_area"], "area", area="341802")
    lines = trace_lines(f, made, engine.connect())
    leaves = [x for x in lines if "快照" in x]
    assert lines[0].startswith("单位建筑面积能耗 = ") and len(leaves) == len(f.selections()) and all(x.endswith("已核对") for x in leaves)
    assert sum(x.endswith(", proved") for x in trace_lines(f, made, engine.connect(), "en")) == len(leaves)


def test_every_selection_is_plain_data(made: engine.Snapshot) -> None:
    for leaf in figures(made, ["energy_per_area"])[0].selections():
        assert Selection.from_json(leaf.as_json()) == leaf
