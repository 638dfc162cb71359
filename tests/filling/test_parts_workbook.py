"""Machine rooms in the workbook of a unit: a sheet with a row for each, its checks in the cells, read back with findings by cell."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from jieneng.filling import actions, issue
from jieneng.filling.reading import Read, read_workbook
from jieneng.people.queries import root_office
from jieneng.records import files
from jieneng.returns.models import Revision
from jieneng.returns.queries import book
from tests.filling.make import good_values, open_year, the_year
from tests.filling.test_parts import ROOM, closing, room

pytestmark = pytest.mark.django_db


@pytest.fixture
def year(city: dict[str, Any]) -> Any:
    found = the_year(city, open_year(city, rhythm="year", last_year=False))
    actions.save(city["people"]["wangxiuying"], found.round, found.institution, {
        **good_values(found), "2022.electricity_kwh": "12,120", "2022.electricity_cost_yuan": "7,200", **room(1, "一号机房")}, seen=0)
    return the_year(city, found.round)


def filled(year: Any, change: Any) -> bytes:
    """The workbook as a person fills it in: a second room below the first."""
    made = openpyxl.load_workbook(io.BytesIO(issue.make(issue.institution_spec(year))))
    sheet = made["机房"]
    columns = {c.value: c.column for c in sheet[1]}
    rows = {str(r[0].value): r[0].row for r in sheet.iter_rows(min_row=4)}
    assert list(rows) == ["#data_centre-1", "#data_centre-+1", "#data_centre-+2", "#data_centre-+3"] and "热源" in made.sheetnames
    assert sheet.cell(rows["#data_centre-1"], 2).value == "一号机房" and sheet.cell(rows["#data_centre-1"], columns["dc_racks"]).value == 10
    for item, value in ROOM.items():
        sheet.cell(rows["#data_centre-+1"], columns[item]).value = int(value)
    sheet.cell(rows["#data_centre-+1"], 2).value = "二号机房"
    change(sheet, rows, columns)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def read_back(year: Any, data: bytes, tmp_path: Path) -> Read:
    path = tmp_path / "填报.xlsx"
    path.write_bytes(data)
    return read_workbook(path, path.name, book(), {year.shape.form.name: year.shape})


def test_rooms_of_a_workbook_come_into_the_draft_with_their_cells(city: dict[str, Any], year: Any, tmp_path: Path) -> None:
    def change(sheet: Any, rows: dict[str, int], columns: dict[str, int]) -> None:
        sheet.cell(rows["#data_centre-1"], columns["dc_racks"]).value = 12
        sheet.cell(rows["#data_centre-+1"], columns["dc_ups_kva"]).value = "三十"

    wang = city["people"]["wangxiuying"]
    data = filled(year, change)
    read = read_back(year, data, tmp_path)
    wrong = [c.problem for c in read.cells if c.problem]
    assert len(wrong) == 1 and wrong[0].where.sheet == "机房" and wrong[0].where.cell and "三十" in str(wrong[0].found)
    received = files.receive(io.BytesIO(data), "填报.xlsx", wang)
    actions.take_workbook(wang, year.round, year.institution, received, read)
    after = the_year(city, year.round)
    assert after.values["name.data_centre-2"] == "二号机房" and after.values["data_centre-1.dc_racks"] == "12" and after.values["data_centre-2.dc_ups_kva"] == "三十"
    assert after.draft.cells["data_centre-2.dc_racks"][1].endswith("机房")
    actions.save(wang, year.round, year.institution, {"data_centre-2.dc_ups_kva": "30"}, seen=after.draft.version)
    assert actions.file(wang, year.round, year.institution, after.periods, seen=after.draft.version + 1) == 1
    revision = Revision.objects.get(ret=closing(year))
    assert revision.parts["data_centre-2"]["name"] == "二号机房" and revision.sources["data_centre-2.dc_racks"][2]
    # the marked copy says it beside the cell
    notes = issue.remarks(year.shape, [read], {})
    marked = openpyxl.load_workbook(io.BytesIO(issue.make(issue.institution_spec(year, comments=notes, read=read))))["机房"]
    assert any(c.comment and "三十" in c.comment.text for row in marked.iter_rows() for c in row)


def test_workbooks_of_units_in_one_archive_bring_their_rooms(city: dict[str, Any], year: Any, tmp_path: Path) -> None:
    from jieneng.filling.many import read_archive

    def change(sheet: Any, rows: dict[str, int], columns: dict[str, int]) -> None:
        sheet.cell(rows["#data_centre-+1"], columns["dc_reserved_racks"]).value = 99

    path = tmp_path / "units.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("示例第一小学.xlsx", filled(year, change))
    zhou, office = city["people"]["zhoumin"], root_office()
    assert office is not None
    with path.open("rb") as f:
        received = files.receive(f, path.name, zhou)
    batch = actions.take_units(zhou, year.round, office, received, read_archive(path, path.name, book(), {year.shape.form.name: year.shape}))
    assert batch.problems == [] and batch.counts["data_centre"]["changed"] == 1
    revision = Revision.objects.filter(ret=closing(year)).last()
    assert revision is not None and [p["name"] for p in revision.parts.values()] == ["一号机房", "二号机房"]
    assert revision.ret.findings.filter(revision=revision.number, rule="L09").get().says["zh"] == "二号机房：预留机柜 99 个，多于机柜总数 10 个"
