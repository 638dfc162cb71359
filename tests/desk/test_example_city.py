"""The example city: its files are the same every time, read without a problem, believable, and broken where the key says."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from jieneng.core.words import T
from jieneng.desk.example import Manifest, build, layout_path, mess, messy
from jieneng.desk.example.answers import true_answers
from jieneng.desk.example.city import build_city
from jieneng.desk.example.planted import plant_errors
from jieneng.registry.credit_code import fault
from jieneng.returns.intake import IntakeResult, guess_file, layout_text, load_layout, parse_layout, read_file
from jieneng.rulebook import factor_value, form_for, load
from jieneng.rulebook.types import Book

# in one worker, so that the city is built and read once
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("example-city")]
YEARS = ("2020", "2021", "2022")


@cache
def book() -> Book:
    return load("cn")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return build(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def read(city: Manifest) -> dict[str, IntakeResult]:
    """Every file as the intake reads it."""
    return {s.file: read_file(city.path(s), load_layout(layout_path(s.layout)), book()) for s in city.steps}


@pytest.fixture(scope="module")
def key(city: Manifest) -> list[dict[str, Any]]:
    return yaml.safe_load((city.folder / city.key).read_text(encoding="utf-8"))["errors"]


def clean(city: Manifest, read: dict[str, IntakeResult], reads: str) -> Iterator[tuple[str, IntakeResult]]:
    for step in city.steps:
        if step.clean and step.reads == reads:
            yield step.file, read[step.file]


def answers(city: Manifest, read: dict[str, IntakeResult]) -> dict[str, dict[str, list[Any]]]:
    """year → code → drafts by month, from the clean files."""
    found: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for _, result in clean(city, read, "answers"):
        for draft in result.drafts:
            found[str(draft.period.year)][draft.identifier].append(draft)
    return found


# --- files ---


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_seed_gives_the_same_bytes(city: Manifest, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    again = build(tmp_path / "again", progress=lambda done, total: seen.append((done, total)))
    assert hashes(again.folder) == hashes(city.folder)
    assert [n for n, _ in seen] == list(range(1, seen[-1][1] + 1))


def test_the_messy_export_to_try_is_recognised_read_and_its_spoilt_codes_named(city: Manifest) -> None:
    path = city.folder / mess.FOLDER / messy.BOOK
    guess = guess_file(path, book(), form="consumption", name=path.name)
    found = read_file(path, parse_layout(layout_text(guess, book(), form="consumption", code="try", title=T("试", "try")), "try.yaml"), book(), name=path.name)
    assert len(found.drafts) > 300 and len({p.where.cell for p in found.problems if p.code.startswith("identifier")}) >= 12
    assert (path.parent / "README.txt").read_text(encoding="utf-8").count(messy.BOOK) == 2


def test_another_seed_gives_another_city_of_the_same_size(city: Manifest) -> None:
    codes = {b.code for b in build_city(city.seed).base}
    for seed in (1, 7):
        other = build_city(seed)
        assert len(codes & {b.code for b in other.base}) < 20
        assert {str(y): len(b) for y, b in other.reporting.items()} == city.counts["reporting"]
        assert len(plant_errors(other, true_answers(seed, other)).plants) == 40


def test_clean_files_are_read_without_a_problem(city: Manifest, read: dict[str, IntakeResult]) -> None:
    wrong = {s.file: [str(p) for p in read[s.file].problems] for s in city.steps if s.clean and read[s.file].problems}
    assert wrong == {}
    assert read["泾县-2022年能源资源消费状况.csv"].encoding == "gb18030"


# --- register ---


def test_register_has_1130_in_scope_with_those_reported_for_and_the_vertical_ones(city: Manifest, read: dict[str, IntakeResult]) -> None:
    standings: dict[str, Any] = {}
    by_year = {}
    steps = [s for s in city.steps if s.clean and s.reads == "register"]
    assert [s.file for s in steps] == ["register.xlsx", *(f"register-changes-{y}.xlsx" for y in YEARS)]
    for step in steps:
        for body in sorted(read[step.file].bodies, key=lambda b: b.since):
            standings[body.identifier] = body
        if step.year:
            by_year[str(step.year)] = [b for b in standings.values() if b.in_scope and not b.covered_by]
    assert {y: len(b) for y, b in by_year.items()} == {"2020": 1127, "2021": 1130, "2022": 1130}
    for year in YEARS:
        assert sum(b.type == "organ" for b in by_year[year]) == 420
        assert len({b.name for b in by_year[year]}) == len(by_year[year])
    assert all("示例" in b.name for b in standings.values())
    now = list(standings.values())
    assert sum(bool(b.covered_by) for b in now) == 37  # one of 38 teaching points was given up in 2022
    assert all(b.covered_by in standings for b in now if b.covered_by)
    vertical = [b for b in now if "垂直" in b.department]
    assert len(vertical) == 21
    assert all(not b.in_scope and b.area == "341800SZ" for b in vertical)
    assert len({b.territory for b in vertical}) > 5  # statistical line is not territory
    direct = Counter(b.territory for b in by_year["2022"] if b.area == "341800SZ")
    assert direct == {"341802": 88, "341871": 7, "": 1}  # the sensitive one says no place
    sensitive = [b for b in now if b.extra.get("sensitive") == "是"]
    assert len(sensitive) == 12 and all(not b.territory for b in sensitive)
    assert {b.area for b in by_year["2022"]} == {*city.counts["areas"]}
    assert len({b.aliases["platform"] for b in now}) == len(now)


def test_every_code_is_valid_and_some_bear_another_division(read: dict[str, IntakeResult]) -> None:
    bodies = read["register.xlsx"].bodies
    assert [b.identifier for b in bodies if fault(b.identifier) is not None] == []
    elsewhere = [b for b in bodies if b.identifier[2:8] != b.area and b.area not in ("341800SZ", "341871")]
    assert 5 < len(elsewhere) < 60


def test_changes_have_days_reasons_and_papers(read: dict[str, IntakeResult]) -> None:
    changes = [b for y in YEARS for b in read[f"register-changes-{y}.xlsx"].bodies]
    reasons = Counter(b.extra["reason"] for b in changes)
    assert reasons["更名"] == 5 and reasons["新设立"] == 8 and reasons["撤并，不再填报"] == 5
    assert all(b.extra["document"].endswith("（样例）") for b in changes)
    # who begins or ends does so with a year, so that each of twelve months has the same number
    assert all((b.since.month, b.since.day) == (1, 1) for b in changes if b.extra["reason"] in ("新设立", "撤并，不再填报"))


# --- answers ---


def test_each_year_is_whole(city: Manifest, read: dict[str, IntakeResult], key: list[dict[str, Any]]) -> None:
    blank = {(e["code"], c["period"], c["item"]) for e in key if e["class"] == "review" for c in e["cells"] if c["wrong"] is None}
    for year, bodies in answers(city, read).items():
        assert len(bodies) == city.counts["reporting"][year]
        items = {i.item for i in form_for(book(), "consumption", int(year)).items} - {"lpg_kg", "lpg_cost_yuan"}
        assert ("pv_generation_kwh" in items) == (year == "2022")
        for code, drafts in bodies.items():
            assert sorted(d.period.index for d in drafts) == list(range(1, 13)), code
            for draft in drafts:
                assert set(draft.answers) == items
                for item, value in draft.answers.items():
                    assert (value is None) == ((code, str(draft.period), item) in blank), (code, str(draft.period), item)


def test_sums_of_parts_and_vehicles_hold_but_where_an_error_was_planted(city: Manifest, read: dict[str, IntakeResult],
                                                                       key: list[dict[str, Any]]) -> None:
    planted = {e["code"] for e in key if e["class"] == "review"}
    for bodies in answers(city, read).values():
        for code, drafts in bodies.items():
            for a in (d.answers for d in drafts if code not in planted):
                for fuel in ("petrol", "diesel"):
                    assert a[f"{fuel}_l"] == a[f"{fuel}_vehicle_l"] + a[f"{fuel}_other_l"]
                    assert a[f"{fuel}_cost_yuan"] == a[f"{fuel}_vehicle_cost_yuan"] + a[f"{fuel}_other_cost_yuan"]
                    assert not a[f"{fuel}_vehicle_l"] or a[f"{fuel}_vehicles"]
                assert a["vehicles"] == a["petrol_vehicles"] + a["diesel_vehicles"] + a["new_energy_vehicles"]
                assert a["authorised_staff"] <= a["people"]
                for item in ("electricity", "water", "gas"):
                    unit = "kwh" if item == "electricity" else "m3"
                    assert (a[f"{item}_{unit}"] > 0) == (a[f"{item}_cost_yuan"] > 0)


class Sizes:
    """Year's sizes of one body by the book's factors, from what was read."""

    def __init__(self, drafts: list[Any]) -> None:
        year = drafts[0].period.first_day.replace(month=12)
        self.name = drafts[0].name
        self.sums: dict[str, Fraction] = defaultdict(Fraction)
        for draft in drafts:
            for item, value in draft.answers.items():
                self.sums[item] += Fraction(value or 0)
        last = max(drafts, key=lambda d: d.period.index)
        self.area, self.people = Fraction(last.answers["area_m2"]), self.sums["people"] / 12
        self.tce = self.composite("energy_tce", year)
        self.co2 = self.composite("co2_t", year) if year.year > 2020 else Fraction(0)
        self.months = {d.period.index: d.answers["electricity_kwh"] for d in drafts}

    def composite(self, name: str, day: Any) -> Fraction:
        composite = book().composites[name]
        total = Fraction(0)
        for term in composite.terms:
            part = self.sums[term.item]
            for factor in term.factors:
                part *= Fraction(factor_value(book(), factor, day).value)
            total += part
        return total * Fraction(composite.scale)


@pytest.fixture(scope="module")
def sizes(city: Manifest, read: dict[str, IntakeResult]) -> dict[str, list[Sizes]]:
    return {year: [Sizes(drafts) for drafts in bodies.values()] for year, bodies in answers(city, read).items()}


def test_city_totals_are_believable(sizes: dict[str, list[Sizes]]) -> None:
    totals = {}
    for year, bodies in sizes.items():
        tce, area, people = (sum(getattr(b, n) for b in bodies) for n in ("tce", "area", "people"))
        water = sum(b.sums["water_m3"] for b in bodies)
        totals[year] = tce
        assert 7 < tce * 1000 / area < 9
        assert 110 < tce * 1000 / people < 125
        assert 22 < water / people < 26.5
        assert 0.7 < sum(b.sums["electricity_kwh"] for b in bodies) * Fraction("0.0001229") / tce < 0.8
        if year == "2022":
            assert 36 < sum(b.co2 for b in bodies) * 1000 / area < 40
            assert 57_500 < tce < 62_000
        assert sum(b.sums["heat_gj"] for b in bodies) == 0
    assert totals["2020"] > totals["2021"] > totals["2022"] > totals["2020"] * Fraction(94, 100)


def true_sizes(sizes: dict[str, list[Sizes]], key: list[dict[str, Any]], *words: str) -> list[Sizes]:
    planted = {e["name"] for e in key if e["class"] == "review"}
    return [b for b in sizes["2022"] if any(b.name.endswith(w) for w in words) and b.name not in planted]


def test_schools_are_small_and_empty_in_february_and_july(sizes: dict[str, list[Sizes]], key: list[dict[str, Any]]) -> None:
    villages = true_sizes(sizes, key, "镇中心小学", "乡中心小学", "示例中心小学")
    assert len(villages) > 60
    assert all(4 < b.tce < 17 for b in villages)
    assert sum(5 <= b.tce <= 15 for b in villages) > 0.9 * len(villages)
    middle = true_sizes(sizes, key, "初级中学", "示例中学")
    per_900 = sorted(b.tce / b.people * 900 for b in middle)[len(middle) // 2]
    assert 38 < per_900 < 52
    assert all(35 < b.sums["water_m3"] / b.people < 56 for b in middle)
    assert all(b.sums["vehicles"] == 0 for b in middle)
    for b in villages + middle:
        term = b.months[3] + b.months[5] + b.months[10]
        assert b.months[2] * 3 < term / 2 and b.months[7] * 3 < term / 2
        assert Fraction(55, 100) < b.sums["electricity_cost_yuan"] / b.sums["electricity_kwh"] < Fraction(61, 100)


def test_clinics_pay_more_and_hospitals_are_the_big_ones(sizes: dict[str, list[Sizes]], key: list[dict[str, Any]]) -> None:
    clinics = true_sizes(sizes, key, "卫生院")
    prices = [b.sums["electricity_cost_yuan"] / b.sums["electricity_kwh"] for b in clinics]
    assert len(clinics) > 70
    assert all(Fraction(64, 100) < p < Fraction(76, 100) for p in prices)
    assert all(5 < b.tce < 60 for b in clinics)
    biggest = sorted(sizes["2022"], key=lambda b: -b.tce)[:10]
    assert sum("医院" in b.name for b in biggest) >= 8
    assert biggest[0].name == "市直示例医院" and 3000 < biggest[0].tce < 5500


def test_years_differ_but_not_wildly(sizes: dict[str, list[Sizes]], key: list[dict[str, Any]]) -> None:
    planted = {e["name"] for e in key if e["class"] == "review"}
    before = {b.name: b.tce for b in sizes["2021"]}
    changes = [b.tce / before[b.name] - 1 for b in sizes["2022"] if b.name in before and b.name not in planted]
    assert all(abs(c) < Fraction(1, 2) for c in changes)
    assert 0.05 < sum(abs(c) > Fraction(1, 10) for c in changes) / len(changes) < 0.35


# --- planted errors ---


def test_key_has_forty_for_the_review_and_twelve_for_the_intake(key: list[dict[str, Any]]) -> None:
    assert Counter(e["class"] for e in key) == {"review": 40, "intake": 12}
    assert len({e["id"] for e in key}) == 52
    assert len({e["kind"] for e in key if e["class"] == "review"}) >= 20
    assert all("含错误" in e["file"] for e in key if e["class"] == "intake")


def test_every_review_error_stands_where_the_key_says(city: Manifest, read: dict[str, IntakeResult], key: list[dict[str, Any]]) -> None:
    found = {(d.identifier, str(d.period)): d for _, r in clean(city, read, "answers") for d in r.drafts}
    for error in (e for e in key if e["class"] == "review"):
        for cell in error["cells"]:
            draft = found[error["code"], cell["period"]]
            assert draft.file == error["file"]
            value = draft.answers[cell["item"]]
            if cell["wrong"] is None:
                assert value is None, error["id"]
                continue
            source = draft.sources[cell["item"]]
            assert (source["sheet"], source["cell"]) == (cell["sheet"], cell["cell"]), error["id"]
            assert value == Decimal(str(cell["wrong"])) != Decimal(str(cell["right"])), error["id"]


def test_what_was_read_and_not_planted_is_true(city: Manifest, read: dict[str, IntakeResult], key: list[dict[str, Any]]) -> None:
    """The sums of what was read, with the planted cells put right, are the generator's own sums to the last digit."""
    for year, bodies in answers(city, read).items():
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for drafts in bodies.values():
            for draft in drafts:
                for item, value in draft.answers.items():
                    sums[item] += value or 0
        for error in key:
            for cell in error["cells"]:
                if error["class"] == "review" and cell["period"].startswith(year):
                    sums[cell["item"]] += Decimal(str(cell["right"])) - Decimal(str(cell["wrong"] or 0))
        assert sums == {item: Decimal(total) for item, total in city.totals[year].items()}


def test_every_intake_error_is_refused_by_sheet_and_cell(read: dict[str, IntakeResult], key: list[dict[str, Any]]) -> None:
    known = {b.identifier for f in ("register.xlsx", *(f"register-changes-{y}.xlsx" for y in YEARS)) for b in read[f].bodies}
    expected = {
        "number-words": "cell-number", "number-unit": "cell-number", "identifier-eaten": "identifier-eaten",
        "duplicate-row": "rows-differ", "no-such-month": "cell-period", "unknown-unit": "unit-unknown",
        "unknown-item": "item-unknown", "merged-value": "merged-value",
    }  # fmt: skip
    for error in (e for e in key if e["class"] == "intake"):
        result, cell = read[error["file"]], error["cells"][0]
        if error["kind"] in ("check-digit", "organisation-check"):  # the register's own check sees these
            body = next(b for b in result.bodies if (b.sheet, b.cell) == (cell["sheet"], cell["cell"]))
            said = fault(body.identifier)
            assert said is not None and ("组织机构代码" in said.zh) == (error["kind"] == "organisation-check")
            assert body.identifier == cell["written"]
        elif error["kind"] == "unknown-institution":  # the import into the register's rounds sees this
            drafts = [d for d in result.drafts if d.identifier not in known]
            assert [(d.sheet, d.cell, d.identifier) for d in drafts] == [(cell["sheet"], cell["cell"], error["code"])]
        else:
            places = {(p.where.sheet, p.where.cell): p for p in result.problems}
            problem = places[cell["sheet"], cell["cell"]]
            assert problem.code == expected[error["kind"]]
            assert problem.where.file == error["file"]
            if "number" in error["kind"] or error["kind"] == "unknown-unit":
                assert cell["written"] in str(problem)
    assert sum(len(read[f].problems) for f in {e["file"] for e in key if e["class"] == "intake"}) == 10  # the merged cell twice


# --- ledgers ---


def rows_of(city: Manifest, read: dict[str, IntakeResult], ledger: str) -> list[dict[str, Any]]:
    ((_, result),) = clean(city, read, f"ledger:{ledger}")
    return [r.values for r in result.ledger_rows]


def test_nine_contracts_with_one_unsplit_investment(city: Manifest, read: dict[str, IntakeResult]) -> None:
    contracts = rows_of(city, read, "energy_contracts")
    assert Counter(c["type"] for c in contracts) == {"trusteeship": 1, "pv": 8}
    assert sum(c["investment_10k_yuan"] for c in contracts if "investment_10k_yuan" in c) == Decimal("582.73")
    assert sum("investment_10k_yuan" in c for c in contracts) == 1
    solar = [c for c in contracts if c["type"] == "pv"]
    assert sum(c["capacity_kwp"] for c in solar) / 1000 == Decimal("1.6821")
    assert {c["package"] for c in solar} == {"广德市屋顶光伏打捆项目"} and {c["area"] for c in solar} == {"341882"}
    assert all(c["tendered_on"].year == 2022 and c["year"] == 2022 for c in contracts)


def test_128_bins_in_seven_batches_to_six_units(city: Manifest, read: dict[str, IntakeResult]) -> None:
    bins = rows_of(city, read, "waste_bins")
    assert sum(b["count"] for b in bins) == 128
    assert len({b["batch"] for b in bins}) == 7 and len({b["unit"] for b in bins}) == 6
    assert {b["kind"] for b in bins} == {"two_way", "four_way"} and {b["counted_as"] for b in bins} == {"piece"}


def test_units_of_the_ledgers_are_in_the_register(city: Manifest, read: dict[str, IntakeResult]) -> None:
    names = {b.name for f in ("register.xlsx", *(f"register-changes-{y}.xlsx" for y in YEARS)) for b in read[f].bodies}
    assert {c["institution"] for c in rows_of(city, read, "energy_contracts")} <= names
    assert {b["unit"] for b in rows_of(city, read, "waste_bins")} <= names


def test_external_facts_name_their_source(city: Manifest, read: dict[str, IntakeResult]) -> None:
    facts = {f["code"]: f for f in rows_of(city, read, "external_facts")}
    assert facts["creation_rank"]["value"] == "第三个" and facts["creation_rank"]["number"] == 3
    assert all("样例" in f["source_document"] for f in facts.values())
