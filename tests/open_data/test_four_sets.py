"""Toronto, the Japanese colleges, Yale and Attica by layout files alone: what their READMEs publish must come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from jieneng.core.problem import Refused
from jieneng.engine import write_table
from jieneng.people.models import Office
from jieneng.returns.examine import Examiner
from jieneng.returns.freeze import freeze
from jieneng.returns.intake import IntakeResult, load_layout, parse_layout, read_file
from jieneng.returns.models import Return
from jieneng.rulebook import convert, form_for
from tests.shared import shared

from .test_philadelphia_seattle import BOOK, LAYOUTS, bring, by_body, office, whole, within

__all__ = ["office"]
TORONTO = "data/toronto-public-2011-2015/toronto_public_2011_2015.csv"
YALE = "data/yale-monthly-a/yale_monthly_energy_a.csv"
KOSEN = "data/kosen-energy-2020/kankyo2020_"
KWH = {2011: 808_851_741, 2012: 740_746_258, 2013: 902_697_850, 2014: 912_636_666, 2015: 967_310_235}


def read(data: str, layout: str) -> IntakeResult:
    return read_file(shared(data), load_layout(LAYOUTS / layout), BOOK)


def offices(root: Office, *codes: str) -> None:
    for code in codes:
        Office.objects.create(code=code, name=code, kind="county", parent=root, path=f"/open/{code}/", area=code)


def failing(result: IntakeResult) -> Counter[str]:
    """How many drafts each check of the form finds fault with."""
    found: Counter[str] = Counter()
    examiner = Examiner(form_for(BOOK, "benchmarking", 2015))
    last = {(d.identifier, d.period): d.answers for d in result.drafts}
    for d in result.drafts:
        for f in examiner.examine(d.answers, last.get((d.identifier, d.period.last_year))).findings:
            found[f.rule] += 1
    return found


# --- units ---


@pytest.mark.parametrize(("value", "a", "b", "result"), [
    ("1", "therms", "kBtu", 100), ("3412.141633127942", "kWh", "kBtu", None), ("1", "MMBtu", "kBtu", 1000), ("10", "CCF", "MCF", 1), ("1", "kgal", "gal", 1000),
    ("1", "ft²", "m2", Fraction("0.09290304")), ("1000", "Wh", "kWh", 1), ("1", "kWh", "MJ", Fraction("3.6")), ("1", "ft3", "m3 gas", Fraction("0.028316846592")),
    ("1", "kBtu", "MJ", Fraction("1.05505585262")), ("1", "gal", "L", Fraction("3.785411784"))])
def test_units_convert_exactly(value: str, a: str, b: str, result: Fraction | int | None) -> None:
    got = convert(BOOK, Decimal(value), a, b)
    assert convert(BOOK, Decimal(1), b, a) * got == Fraction(value)
    assert result is None or got == result


def test_a_volume_of_gas_is_not_energy() -> None:
    with pytest.raises(Refused, match="CCF"):
        convert(BOOK, Decimal(1), "CCF", "kBtu")


# --- Toronto ---


@pytest.mark.django_db
def test_toronto(office) -> None:  # type: ignore[no-untyped-def]
    offices(office[1], "toronto")
    batch = bring(office, TORONTO, "toronto-2011-2015.yaml")
    assert batch.problems == []
    counts = Counter(Return.objects.filter(state="accepted").values_list("round__year", flat=True))
    assert counts == {2011: 492, 2012: 858, 2013: 986, 2014: 1021, 2015: 1210}
    record, where, electric, no_area = freeze(office[0], BOOK, 2015), {"area": "toronto"}, [], 0
    for year, kwh in KWH.items():
        assert round(whole(record, "electricity_kwh", year, where).exact or 0) == kwh
        table = by_body(record, ["electricity_kwh", "area_ft2", "ghg_electricity_t", "published_ghg_t", "electricity_per_area"], year, where)
        rows = [r for r in table.values() if r["electricity_kwh"].exact]
        # within 1 %, or the four places in which tonnes are stored
        electric.append(sum(within(r["ghg_electricity_t"].exact, r["published_ghg_t"].exact, "0.01")
                            or abs((r["ghg_electricity_t"].exact or 0) - (r["published_ghg_t"].exact or 0)) <= Fraction("0.00005") for r in rows))
        bare = [r for r in table.values() if r["area_ft2"].exact == 0]
        no_area += len(bare)
        assert all(r["electricity_per_area"].exact is None for r in bare)
    assert electric == [32, 302, 394, 405, 596]  # all-electric rows; the others burnt what the file has lost
    assert no_area == 1082


def test_toronto_in_wh_is_not_taken_for_kwh() -> None:
    text = (LAYOUTS / "toronto-2011-2015.yaml").read_text(encoding="utf-8")
    wrong = text.replace("unit: Wh, basis: site", "unit: kWh, basis: site")
    with pytest.raises(Refused) as refused:
        read_file(shared(TORONTO), parse_layout(wrong, "wrong.yaml"), BOOK)
    assert "wh" in refused.value.problems[0].found.say("en") and refused.value.problems[0].where.line == 18
    # confirmed against the column's name, the magnitude still betrays it
    sure = read_file(shared(TORONTO), parse_layout(wrong.replace("unit: kWh, basis: site", "unit: kWh, basis: site, confirmed: true"), "sure.yaml"), BOOK)
    right = read(TORONTO, "toronto-2011-2015.yaml")
    assert failing(sure)["E2"] > 2000 and failing(right)["E2"] == 37 and failing(right)["E5"] == 1082


def test_names_that_repeat_in_a_year_are_numbered_and_said() -> None:
    result = read(TORONTO, "toronto-2011-2015.yaml")
    assert result.counts["repeated"] == 9 and sum(n.code == "code-repeated" for n in result.notes) == 9
    text = (LAYOUTS / "toronto-2011-2015.yaml").read_text(encoding="utf-8").replace(", repeats: number", "")
    plain = read_file(shared(TORONTO), parse_layout(text, "plain.yaml"), BOOK)
    assert plain.problem_counts["rows-differ"] == 4 and plain.counts["duplicates"] == 5


# --- the Japanese colleges ---


@pytest.mark.django_db
def test_kosen(office) -> None:  # type: ignore[no-untyped-def]
    offices(office[1], *(v.region for v in BOOK.factors["ghg.primary_electricity"].values))
    for part, file in (("energy", "energyinput"), ("co2", "co2"), ("area", "facilityarea")):
        assert bring(office, f"{KOSEN}{file}.csv", f"kosen-2020-{part}.yaml").problems == []
    assert Return.objects.filter(state="accepted").count() == 56
    record = freeze(office[0], BOOK, 2020)
    ours = whole(record, "ghg_primary_electricity_t", 2020, {})
    published = sum(whole(record, f"published_ghg_electricity_{p}_t", 2020, {}).exact or 0 for p in ("main", "dorm"))
    assert within(ours.exact, published, "0.0001")
    gj = sum(whole(record, f"primary_electricity_{p}_gj", 2020, {}).exact or 0 for p in ("main", "dorm"))
    back = whole(record, "electricity_of_primary_kwh", 2020, {}).exact
    assert within(back, gj * 1000 / Fraction("9.97"), "0.00000001")
    assert whole(record, "electricity_kwh", 2020, {}).exact is None
    factors = [v.value for v in BOOK.factors["ghg.primary_electricity"].values]
    assert len(factors) == 10 and max(factors) > Decimal("1.9") * min(factors)


def test_primary_energy_is_never_site_electricity() -> None:
    text = (LAYOUTS / "kosen-2020-energy.yaml").read_text(encoding="utf-8")
    with pytest.raises(Refused, match=r"basis|口径"):
        read_file(shared(f"{KOSEN}energyinput.csv"), parse_layout(text.replace("primary_electricity_main_gj", "electricity_kwh"), "k.yaml"), BOOK)


# --- Yale ---


@pytest.fixture(scope="module")
def yale() -> IntakeResult:
    return read(YALE, "yale-monthly.yaml")


def test_yale_without_units_is_refused_by_row(yale: IntakeResult) -> None:
    assert yale.counts["rows"] == 44_411 and yale.problem_counts == {"unit-missing": 1199}
    assert all(p.where.cell.startswith("F") and p.where.line for p in yale.problems)
    assert sum(failing(yale)[f"N{n}"] for n in range(1, 7)) == 9  # each negative value is asked about


def test_yale_mixed_units_and_the_published_sum() -> None:
    """12,276 of 12,490 months; a blank unit stands for one only where a layout says so."""
    said = read(YALE, "yale-monthly-gas-mcf.yaml")
    assert said.counts["blank_taken_as_MCF"] == 927  # 728 of Gas Firm, 199 of Gas Bundled
    assert said.counts["blank_taken_as_KWH"] == 189  # 150 of Electric, 39 of Cogen Electricity
    months = [d for d in said.drafts if (d.answers.get("published_site_energy_kbtu") or 0) > 0]
    assert len(months) == 12_490
    assert len(months) - failing(said)["E1"] == 12_276
    units = {d.sources["gas_firm_ccf"]["unit"] for d in said.drafts if "gas_firm_ccf" in d.sources}
    assert units == {"CCF", "MCF"}


def test_yale_buildings_named_under_several_categories() -> None:
    assert len(read("data/yale-monthly-a/yale_buildings_a.csv", "yale-buildings.yaml").bodies) == 230
    twice = read("data/yale-monthly-a/yale_buildings_with_duplicates_a.csv", "yale-buildings.yaml")
    assert twice.problem_counts["rows-differ"] > 100 and len({b.identifier for b in twice.bodies}) == len(twice.bodies)


# --- Attica ---


def test_attica() -> None:
    water = read("data/attica-school-water-a/attica_school_water_monthly_a.csv", "attica-water.yaml")
    assert len(water.drafts) == 149_353 and len({d.identifier for d in water.drafts}) == 1054 and not water.problems
    assert sum(d.sources["water_m3"]["rounded"] for d in water.drafts) > 100_000
    found = failing(water)
    assert found["N6"] == 0 and found["E3"] == 7145  # no negative month is left in these two thirds
    assert found["E4"] > 100
    schools = read("data/attica-school-water-a/attica_schools_a.csv", "attica-schools.yaml")
    # 0 stands where the publisher matched no pupils: they are unknown, and such a school is not covered per pupil
    known = [d for d in schools.drafts if d.answers["boys"] is not None and d.answers["girls"] is not None]
    assert (len(schools.bodies), len(schools.drafts), len(known)) == (1054, 801, 800)
    assert {t.missing for t in BOOK.composites["pupils"].terms} == {"unknown"}


# --- Parquet ---


def rows(result: IntakeResult) -> Iterator[tuple[str, str, Decimal | None]]:
    for d in result.drafts:
        yield from ((d.identifier, i, v) for i, v in d.answers.items())


def test_parquet_reads_as_the_same_table_in_csv(tmp_path: Path) -> None:
    text = (LAYOUTS / "attica-water.yaml").read_text(encoding="utf-8").replace('"YYYY-MM-DD 00:00:00"', "date")
    data = [{"school_id": str(n), "date": __import__("datetime").date(2020, 1, 1), "consumption": Decimal(n) / 8} for n in range(1, 12_001)]
    write_table(tmp_path / "w.parquet", [("school_id", "text"), ("date", "date"), ("consumption", "number")], data)
    got = read_file(tmp_path / "w.parquet", parse_layout(text.replace("kind: csv", "kind: parquet"), "p.yaml"), BOOK)
    assert list(rows(got)) == [(r["school_id"], "water_m3", r["consumption"]) for r in data]
    with pytest.raises(Refused, match="Parquet"):
        read_file(tmp_path / "w.parquet", parse_layout(text, "c.yaml"), BOOK)
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "w.parquet").read_bytes()[:-40])
    with pytest.raises(Refused, match="Parquet"):
        read_file(tmp_path / "cut.parquet", parse_layout(text.replace("kind: csv", "kind: parquet"), "p.yaml"), BOOK)
