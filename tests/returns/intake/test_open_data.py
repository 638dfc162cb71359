"""Real files that nobody on the team wrote: two cities' buildings by layout alone, and a council's supplier files."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from jieneng import rulebook
from jieneng.core.problem import Refused
from jieneng.returns.intake import IntakeResult, load_layout, parse_layout, read_file
from jieneng.returns.intake.opening import open_table
from tests.shared import shared

from . import corpus

LAYOUTS = Path(__file__).parents[3] / "examples/layouts"


def total(result: IntakeResult, item: str, year: int | None = None) -> Decimal:
    return sum((d.answers.get(item) or Decimal(0) for d in result.drafts if year in (None, d.period.year)), Decimal(0))


def answered(result: IntakeResult, item: str) -> int:
    return sum(d.answers.get(item) is not None for d in result.drafts)


@pytest.fixture(scope="module")
def philadelphia() -> IntakeResult:
    return read_file(shared("data/phila-municipal-2011-2013/phila_municipal_2011_2013.csv"),
                     load_layout(LAYOUTS / "philadelphia-2011-2013.yaml"), rulebook.load("open-benchmarking"))


@pytest.fixture(scope="module")
def seattle() -> IntakeResult:
    return read_file(shared("data/seattle-benchmarking-2015/2015-building-energy-benchmarking.csv"),
                     load_layout(LAYOUTS / "seattle-2015.yaml"), rulebook.load("open-benchmarking"))


def test_philadelphia_is_69_records_in_208_lines(philadelphia: IntakeResult) -> None:
    path = shared("data/phila-municipal-2011-2013/phila_municipal_2011_2013.csv")
    assert len(path.read_bytes().splitlines()) == 208
    assert philadelphia.counts["rows"] == len(philadelphia.drafts) == 69 and not philadelphia.problems
    assert Counter(d.period.year for d in philadelphia.drafts) == {2011: 23, 2012: 23, 2013: 23}
    assert len(philadelphia.bodies) == 23 and {d.area for d in philadelphia.drafts} == {"philadelphia"}


def test_philadelphia_sums_of_columns(philadelphia: IntakeResult) -> None:
    """Electricity by year to the kWh, as the data's README has it."""
    assert [round(total(philadelphia, "electricity_kwh", y)) for y in (2011, 2012, 2013)] == [158_386_716, 169_822_818, 166_796_419]
    for year, kwh in ((2011, 158_386_716), (2012, 169_822_818), (2013, 166_796_419)):
        assert abs(total(philadelphia, "site_electricity_kbtu", year) / Decimal("3.412142") - kwh) < kwh / Decimal(20_000)
    assert [answered(philadelphia, i) for i in ("site_electricity_kbtu", "site_gas_kbtu", "site_oil2_kbtu", "site_steam_kbtu", "site_other_kbtu")] == [
        67, 64, 10, 18, 0]
    fuels = ("site_electricity_kbtu", "site_gas_kbtu", "site_oil2_kbtu", "site_steam_kbtu", "site_other_kbtu")
    close = 0
    for draft in philadelphia.drafts:
        published = draft.answers["published_site_energy_kbtu"]
        ours = sum((draft.answers[f] or Decimal(0) for f in fuels), Decimal(0))
        close += published is not None and abs(ours - published) <= published / 1000
    assert close == 67
    one = next(d for d in philadelphia.drafts if d.name == "One Parkway Building" and d.period.year == 2011)
    assert one.sources["site_electricity_kbtu"] == {"sheet": "", "cell": "U2", "raw": "47325634.2", "unit": "kBtu", "rounded": False}


def test_seattle_is_3340_records(seattle: IntakeResult) -> None:
    assert seattle.counts["rows"] == len(seattle.drafts) == len(seattle.bodies) == 3340 and not seattle.problems
    assert answered(seattle, "site_electricity_kbtu") == 3330 and seattle.encoding == "utf-8"


def test_seattle_sums_of_columns(seattle: IntakeResult) -> None:
    assert total(seattle, "electricity_kwh") == 3_389_597_759
    close = 0
    for d in seattle.drafts:
        fuels = [d.answers[f"site_{f}_kbtu"] for f in ("electricity", "gas", "steam", "other")]
        published = d.answers["published_site_energy_kbtu"]
        if published and None not in fuels:
            close += abs(sum(f for f in fuels if f is not None) - published) <= published / 100
    assert close == 3325


# --- supplier files --------------------------------------------------------------------------------------------------

AMR = """\
layout: amr
title: {zh: 电表日读数, en: Meter readings by day}
book: test
reads: answers
form: consumption
file: {kind: csv}
identifier: {column: Meter Number, scheme: meter}
period: {column: Reading Date, format: DD/MM/YY}
items: [{column: "00:00", item: electricity_kwh, unit: kWh, basis: site}]
"""
SAYS = {  # what the file is, or how many rows it has
    "row-per-day/all-missing-readings.csv": 2, "row-per-day/duplicate-rows.csv": 3, "row-per-day/empty-msft.csv": 0,
    "row-per-day/empty-with-header.csv": 1, "row-per-day/empty.csv": "file-empty", "row-per-day/incomplete-row.csv": 2,
    "row-per-day/malformed.csv": "text-broken", "row-per-day/no-readings.csv": 2, "row-per-day/some-missing-readings.csv": 4,
    "row-per-day/valid-no-header.csv": 1, "row-per-day/valid.csv": 2, "row-per-reading/empty-msft.csv": 0,
    "row-per-reading/empty-with-header.csv": 1, "row-per-reading/empty.csv": "file-empty", "row-per-reading/some-missing-readings.csv": 95,
    "row-per-reading/valid.csv": 49, "amr_upload_data_files/date-test.xlsx": 16, "amr_upload_data_files/energy_assets_invalid.csv": "file-disguised",
    "amr_upload_data_files/example-bad-sheffield-file.csv": 3, "amr_upload_data_files/example-highlands-file.csv": 49,
    "amr_upload_data_files/example-sheffield-file.csv": 3, "amr_upload_data_files/not_a_csv.csv": "file-disguised",
    "amr_upload_data_files/with-carriage-return-line-endings.csv": 10, "amr_upload_data_files/with-mixed-line-endings.csv": 3,
    "amr_upload_data_files/with-nulls-and-empty-lines.csv": "file-disguised", "amr_upload_data_files/with-nulls-empty-lines-invalid-chars.csv": 7,
}


@pytest.mark.parametrize("name", SAYS)
def test_supplier_files_are_read_or_named_for_what_they_are(name: str) -> None:
    root = shared("data/energysparks-amr-files-a")
    path = next(p for p in root.rglob("*") if str(p).endswith(name))
    expected = SAYS[name]
    if isinstance(expected, str):
        with pytest.raises(Refused) as refused, open_table(path) as table:
            [list(s.rows) for s in table.sheets]
        assert refused.value.problems[0].code == expected
    else:
        with open_table(path) as table:
            assert sum(len(list(s.rows)) for s in table.sheets) == expected


def test_every_supplier_file_is_in_the_list() -> None:
    root = shared("data/energysparks-amr-files-a")
    files = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.name != "README.md"]
    assert len(files) == len(SAYS) and all(any(f.endswith(s) for s in SAYS) for f in files)


@pytest.mark.parametrize(("name", "rows", "problems"), [
    ("valid.csv", 1, []), ("duplicate-rows.csv", 2, ["rows-differ"]), ("incomplete-row.csv", 1, []), ("no-readings.csv", 1, [])])
def test_readings_by_a_layout(name: str, rows: int, problems: list[str]) -> None:
    """Two-digit years are read where the layout says so; a year by itself stands in for a file of one year."""
    path = shared(f"data/energysparks-amr-files-a/amr_data/row-per-day/{name}")
    assert parse_layout(AMR).period
    result = read_file(path, parse_layout(AMR.replace("{column: Reading Date, format: DD/MM/YY}", "{value: 2018}")), corpus.a_book())
    assert result.counts["rows"] == rows and [p.code for p in result.problems] == problems


def test_a_portfolio_manager_workbook_with_title_rows() -> None:
    path = shared("data/seed-portfolio-manager-a/PM_Meter_Data.xlsx")
    layout = parse_layout("""\
layout: pm-meters
title: {zh: 计量表读数, en: Meter entries}
book: test
reads: answers
form: consumption
file: {kind: xlsx}
header: {row: auto}
identifier: {columns: [Portfolio Manager ID, Portfolio Manager Meter ID], scheme: portfolio-manager}
name: Property Name
period: {column: End Date, format: [date, YYYY-M-D]}
missing: [Not Available]
unit: {column: Usage Units}
items: [{column: Usage/Quantity, item: electricity_kwh, basis: site}]
""")
    result = read_file(path, layout, corpus.a_book())
    assert result.counts["sheets"] == 1 and result.counts["rows"] > 80
    assert set(result.problem_counts) == {"unit-unknown"}, "kBtu and therms are not in the little book: named, row by row"
    with open_table(path) as table:
        assert [s.name for s in table.sheets] == ["Empty Sheet 1", "Meter Entries", "Empty Sheet 2"]
