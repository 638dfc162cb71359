"""How many members a figure rests on, who is not covered and why; the same members in two years."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from jieneng import engine
from jieneng.core.figure import Coverage, Figure
from jieneng.core.period import Period
from jieneng.figures.calculate import calculate, expand
from jieneng.figures.compare import year_on_year
from jieneng.figures.prove import prove, trace_lines
from jieneng.figures.scene import needs
from jieneng.rulebook import load
from tests.engine.make import row
from tests.engine.test_agreement import body
from tests.figures.test_calculate import BOOK, ITEMS, YEAR, figures, full, made, snapshot

__all__ = ["made"]
OPEN = load("open-benchmarking")
JANUARY = Period.parse("2022-01")


def frozen(home: Path, rows: list[dict[str, Any]], bodies: list[dict[str, Any]]) -> engine.Snapshot:
    return engine.write_snapshot(
        home, cutoff="2023-03-14T09:00:00+08:00", rulebook={"code": "cn", "hash": BOOK.hash}, round={"year": 2022}, ledgers={},
        returns={"consumption@2022": (ITEMS, rows)}, bodies=bodies, left_out=[], chain_head={"seq": 1, "hash": "0"})


def months(institution: int, year: int, area: str = "341802", **more: Any) -> list[dict[str, Any]]:
    return [full(institution, f"{year}-{m:02}", area, **more) for m in range(1, 13)]


def test_who_filed_nothing_is_a_member_and_is_named(tmp_path: Path) -> None:
    made = frozen(tmp_path, months(1, 2022, electricity_kwh="100") + months(2, 2022, heat_gj=None), [body(i, "341802") for i in (1, 2, 3)])
    for name in ("energy_tce", "energy_per_area"):
        (f,) = figures(made, [name])
        assert f.coverage == Coverage(1, 3)
        assert f"2 家没有填齐：名录3（未报）、示例2（缺{BOOK.items['heat_gj'].label}）" in f.note
    (area,) = figures(made, ["electricity_kwh"], "area")
    assert area.coverage == Coverage(2, 3) and area.subject == {"kind": "area", "code": "341802", "name": "宣州区"}


def test_one_institution_with_a_gap_is_unknown_and_says_which_item(tmp_path: Path) -> None:
    made = frozen(tmp_path, months(1, 2022) + months(2, 2022, heat_gj=None), [])
    one, two = figures(made, ["energy_tce"], "institution")
    assert one.exact == 0 and one.coverage == Coverage(1, 1)
    assert two.exact is None and two.coverage == Coverage(0, 1) and str(BOOK.items["heat_gj"].label) in two.note
    assert two.subject["name"] == "示例2"


def test_at_most_three_are_named(tmp_path: Path) -> None:
    made = frozen(tmp_path, [full(i, "2022-01", people=None) for i in range(9)], [])
    (f,) = figures(made, ["people"])
    assert f.exact is None and "9 家没有填齐：" in f.note and f.note.count("（缺") == 3 and "等" in f.note


def test_missing_months_are_said(tmp_path: Path) -> None:
    """The sum is of all there is; who lacks a month is named, not covered, and in no ratio and no comparison."""
    whole = [r for n in (1, 2) for r in months(n, 2022, electricity_kwh=str(n), area_m2="10", due=0xFFF)]
    made = frozen(tmp_path / "a", [r for r in whole if (r["institution"], r["month"]) != (1, 5)], [])
    (f,) = figures(made, ["electricity_kwh"])
    assert f.exact == 11 + 24 and f.coverage == Coverage(1, 2) and f.note == "1 家没有填齐：示例1（缺月）"
    (ratio,) = figures(made, ["electricity_per_area"])
    assert ratio.exact == Fraction(24, 10) and ratio.coverage == Coverage(1, 2) and "示例1（缺月）" in ratio.note
    assert prove(BOOK, engine.connect(), made, ratio).ok and prove(BOOK, engine.connect("plain:"), made, ratio).ok
    (full_year,) = figures(frozen(tmp_path / "b", whole, []), ["electricity_kwh"])
    assert full_year.exact == 36 and full_year.coverage == Coverage(2, 2) and full_year.note == ""


def test_a_part_of_a_year_is_never_compared_with_a_year(tmp_path: Path) -> None:
    """A clerk accepted one month of a hospital and froze: 17.5 tce against 477.3, and all were said to be covered."""
    before = [r for n in (1, 2) for r in months(n, 2021, electricity_kwh="10", due=0xFFF)]
    rows = [full(1, "2022-01", electricity_kwh="10", due=0xFFF), *months(2, 2022, electricity_kwh="9", due=0xFFF)]
    (y,) = year_on_year(BOOK, engine.connect(), frozen(tmp_path, before + rows, []), ["electricity_kwh"], period=YEAR)
    assert y.now.exact == 118 and y.now.coverage == Coverage(1, 2) and y.change.exact == Fraction(118, 240) - 1
    assert y.like.exact == Fraction(-1, 10) and y.like.coverage == Coverage(1, 2)


def test_a_part_of_a_year_is_said(tmp_path: Path) -> None:
    made = frozen(tmp_path, [full(1, f"2022-{m:02}") for m in (1, 2, 3)], [])
    assert "12 个月中有数据的 3 个月" in figures(made, ["energy_tce"])[0].note
    assert figures(made, ["energy_tce"], period=Period.parse("2022Q1"))[0].note == ""


def test_a_full_figure_has_nothing_to_say(made: engine.Snapshot) -> None:
    for f in figures(made, ["energy_tce", "co2_t", "energy_per_area", "people", "area_m2"], "area"):
        assert f.note == "" and f.coverage is not None and f.coverage.full


def changed_gas(value: str, since: dt.date) -> Any:
    gas = BOOK.factors["tce.gas"]
    later = dataclasses.replace(gas.values[0], value=Decimal(value), since=since)
    return dataclasses.replace(BOOK, factors={**BOOK.factors, "tce.gas": dataclasses.replace(gas, values=(*gas.values, later))})


def test_a_factor_that_changes_splits_the_year_in_two_provable_parts(tmp_path: Path) -> None:
    book = changed_gas("1.2143", dt.date(2022, 7, 1))
    rows = months(1, 2022, gas_m3="100") + months(2, 2022, "341821", gas_m3="10")
    # the second answers people only in autumn: it is covered in spring too, since covered is said of the whole year
    rows = [{**r, "people": None} if r["institution"] == 2 and r["month"] < 9 else r for r in rows]
    made = frozen(tmp_path, rows, [])
    per_month = {1: 100, 2: 10}
    (f,) = calculate(book, engine.connect(), made, ["energy_per_person"], period=YEAR)
    energy = next(p for p in f.parts if isinstance(p, Figure) and p.name == "energy_tce")
    gas = next(p for p in energy.parts if isinstance(p, Figure) and p.name == "gas_m3")
    assert [p.period for p in gas.parts if isinstance(p, Figure)] == ["2022-01/2022-06", "2022-07/2022-12"]
    assert energy.exact == sum(per_month.values()) * 6 * (Fraction("1.33") + Fraction("1.2143")) / 1000
    assert prove(book, engine.connect(), made, f).ok and prove(book, engine.connect("plain:"), made, f).ok
    assert sum(x.exact or 0 for x in calculate(book, engine.connect(), made, ["energy_tce"], period=YEAR, by="area")) == energy.exact
    quarter = calculate(book, engine.connect(), made, ["energy_tce"], period=Period.parse("2022Q3"))[0]
    assert quarter.exact == 110 * 3 * Fraction("1.2143") / 1000


def test_adding_then_multiplying_is_multiplying_then_adding(made: engine.Snapshot) -> None:
    (whole,) = figures(made, ["co2_t"])
    cells = engine.connect().cells(made, "electricity_kwh", form="consumption", period=YEAR, limit=1000)
    part = next(p for p in whole.parts if isinstance(p, Figure) and p.name == "electricity_kwh")
    assert len(cells) == 48 and part.exact == sum(Fraction(c.value) * Fraction("0.6782") / 1000 for c in cells)


def test_factors_of_a_region_are_used_where_it_is(tmp_path: Path) -> None:
    def building(n: int, area: str, **more: str) -> dict[str, Any]:
        return row(n, "2015", area, **more)

    rows = [building(1, "seattle", site_electricity_kbtu="1000", area_ft2="10"), building(2, "philadelphia", site_electricity_kbtu="1000", area_ft2="30")]
    made = snapshot(tmp_path, rows, items=[i.item for i in OPEN.forms["benchmarking@1"].items], form="benchmarking@1")
    seattle, philadelphia = Fraction("6.9711") / 1000, Fraction("126.637") / 1000
    year = Period.parse("2015")
    (whole,) = calculate(OPEN, engine.connect(), made, ["ghg_t"], period=year)
    assert whole.exact == seattle + philadelphia and prove(OPEN, engine.connect(), made, whole).ok
    assert {f.subject["code"]: f.exact for f in calculate(OPEN, engine.connect(), made, ["ghg_t"], period=year, by="area")} == {
        "seattle": seattle, "philadelphia": philadelphia}
    by_type = calculate(OPEN, engine.connect(), made, ["ghg_intensity"], period=year, by="type")
    assert {f.subject["code"]: f.exact for f in by_type} == {"organ": seattle * 100, "education": philadelphia * 1000 / 30}
    assert all(prove(OPEN, engine.connect(), made, f).ok for f in by_type)


def two_years(tmp_path: Path) -> engine.Snapshot:
    """1 stays and saves a tenth; 2 closes; 3 opens; 4 moves from 341802 to 341821; 5 does not answer electricity last year."""
    rows = []
    for m in (1, 2):
        rows += [full(1, f"2021-{m:02}", electricity_kwh="100"), full(1, f"2022-{m:02}", electricity_kwh="90"),
                 full(2, f"2021-{m:02}", electricity_kwh="50"), full(3, f"2022-{m:02}", electricity_kwh="70"),
                 full(4, f"2021-{m:02}", electricity_kwh="10"), full(4, f"2022-{m:02}", "341821", electricity_kwh="20"),
                 full(5, f"2021-{m:02}", electricity_kwh=None), full(5, f"2022-{m:02}", electricity_kwh="5")]
    return frozen(tmp_path, rows, [])


@pytest.mark.parametrize("address", ["duckdb:", "plain:"])
def test_year_on_year_beside_the_same_members(tmp_path: Path, address: str) -> None:
    made, it = two_years(tmp_path), engine.connect(address)
    (city,) = year_on_year(BOOK, it, made, ["electricity_kwh"], period=YEAR)
    assert city.change.exact == Fraction(370, 320) - 1
    assert city.like.exact == Fraction(220, 220) - 1 and city.like.coverage == Coverage(2, 4)
    areas = {y.now.subject["code"]: y for y in year_on_year(BOOK, it, made, ["electricity_kwh"], period=YEAR, by="area")}
    assert areas["341802"].change.exact == Fraction(330, 320) - 1
    assert areas["341802"].like.exact == Fraction(-1, 10) and areas["341802"].like.coverage == Coverage(1, 3)
    assert areas["341821"].before is None and areas["341821"].change.exact is None and areas["341821"].like.exact is None
    for change in (city.change, city.like, areas["341802"].like):
        proof = prove(BOOK, it, made, Figure.from_json(change.as_json()))
        assert proof.ok and proof.leaves == 2


def test_year_on_year_of_composites_and_indicators(tmp_path: Path) -> None:
    made = two_years(tmp_path)
    energy, per_area = year_on_year(BOOK, engine.connect(), made, ["energy_tce", "electricity_per_area"], period=YEAR)
    assert energy.like.exact == 0 and energy.like.coverage == Coverage(2, 4)
    # 1 saved a tenth, 4 doubled from ten: together unchanged, on the same floor area
    assert per_area.like.exact == 0 and per_area.change.exact == Fraction(370, 4000) / Fraction(320, 3000) - 1
    assert prove(BOOK, engine.connect(), made, per_area.like).ok and prove(BOOK, engine.connect(), made, energy.like).ok


def test_without_last_year_there_is_no_change(made: engine.Snapshot) -> None:
    (y,) = year_on_year(BOOK, engine.connect(), made, ["energy_tce"], period=YEAR)
    assert y.before is None and y.change.exact is None and y.change.note == "没有可比的去年数" and y.like.coverage == Coverage(0, 4)


def test_what_a_figure_needs() -> None:
    assert needs(BOOK, "electricity_kwh") == ("electricity_kwh",)
    assert set(needs(BOOK, "energy_per_area")) == {*needs(BOOK, "energy_tce"), "area_m2"}
    assert needs(OPEN, "site_energy_kbtu") == () and needs(OPEN, "site_eui") == ("area_ft2",)


def test_unfolding_shows_only_covered_members(tmp_path: Path) -> None:
    made = frozen(tmp_path, [full(1, "2022-01", electricity_kwh="3"), full(2, "2022-01", electricity_kwh="4", area_m2=None)], [])
    (f,) = figures(made, ["electricity_per_area"], period=JANUARY)
    leaf = next(s for s in f.selections() if s.column == "electricity_kwh")
    assert [(p.code, p.exact) for p in expand(engine.connect(), made, leaf, "institution")] == [("1", 3)]
    cells = engine.connect().cells(made, leaf.column, form="consumption", period=JANUARY, where=leaf.where, take=leaf.take, complete=leaf.complete)
    assert [c.institution for c in cells] == [1]


def tampered(figure: Figure, change: Any) -> Figure:
    data = figure.as_json()
    change(data)
    return Figure.from_json(data)


def test_a_consistent_forgery_of_a_factor_is_caught(made: engine.Snapshot) -> None:
    """All numbers redone with another factor: the arithmetic agrees, the rulebook does not."""
    (f,) = figures(made, ["energy_tce"])

    def forge(data: dict[str, Any]) -> None:
        part = data["parts"][0]
        old = Fraction(part["exact"])
        part["factors"][0]["value"] = "0.31"
        part["exact"] = str(old / Fraction("0.1229") * Fraction("0.31"))
        data["exact"] = str(Fraction(data["exact"]) - old + Fraction(part["exact"]))

    proof = prove(BOOK, engine.connect(), made, tampered(f, forge))
    assert not proof.ok and proof.faults == ["规则库里没有系数 tce.electricity = 0.31"]


@pytest.mark.parametrize(("change", "fault"), [
    (lambda d: d["parts"][0]["parts"][0].update(snapshot="2020-01-01-000000000000"), "取自快照"),
    (lambda d: d["parts"][0]["parts"][0].update(members=3), "48 / 3 ≠ 48 / 4"),
    (lambda d: d["parts"][0]["parts"][0].update(where={"nothing": 1}), "算法读不出来"),
    (lambda d: d["parts"][0]["parts"][0].update(period="2021"), "48 / 4 ≠ 0 / 0"),
    (lambda d: d.update(parts=[]), "没有取数依据"),
    (lambda d: d["parts"].pop(), "≠"),
])
def test_a_recipe_that_was_altered_is_caught(made: engine.Snapshot, change: Any, fault: str) -> None:
    (f,) = figures(made, ["energy_tce"])
    proof = prove(BOOK, engine.connect(), made, tampered(f, change))
    assert not proof.ok and any(fault in x for x in proof.faults), proof.faults


def test_an_old_figure_is_proved_by_its_own_recipe_after_the_rulebook_changed(made: engine.Snapshot) -> None:
    (f,) = figures(made, ["energy_per_area"])
    indicator = BOOK.indicators["energy_per_area"]
    newer = dataclasses.replace(
        BOOK, hash="newer", factors={k: v for k, v in BOOK.factors.items() if k != "tce.gas"},
        indicators={"energy_per_area": dataclasses.replace(indicator, formula="ratio(energy_tce * 2000, area_m2)")})
    proof = prove(newer, engine.connect(), made, Figure.from_json(f.as_json()))
    assert proof.ok and proof.notes and "规则库已更新" in proof.notes[0]


def test_damage_stops_trace_and_calculation_in_words(made: engine.Snapshot) -> None:
    from jieneng.core.problem import Refused

    (f,) = figures(made, ["energy_tce"])
    path = made.folder / "returns" / "consumption@2022.parquet"
    data = bytearray(path.read_bytes())
    data[100] ^= 4
    path.write_bytes(bytes(data))
    for act in (lambda: figures(made, ["energy_tce"]), lambda: trace_lines(f, made, engine.connect())):
        with pytest.raises(Refused, match="已损坏或丢失"):
            act()
