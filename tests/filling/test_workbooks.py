"""The workbook out and in: marks, locks, lists, re-saves, moved rows, an old edition, forgeries, bombs, many in one archive."""

from __future__ import annotations

import datetime as dt
import io
import random
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from jieneng.core.problem import Refused
from jieneng.filling import actions, issue, rules, workbook
from jieneng.filling.many import read_archive
from jieneng.filling.models import Draft
from jieneng.filling.reading import Read, read_workbook
from jieneng.filling.shape import shape_of
from jieneng.records import files, jobs
from jieneng.records.models import Event
from jieneng.returns import waivers
from jieneng.returns.models import Import, Return, Revision
from jieneng.returns.queries import book
from tests.filling.make import good_values, open_year, the_year
from tests.filling.office import needs_office, resave_all
from tests.people_by_name import SCHOOL_ONE, SCHOOL_TWO

pytestmark = pytest.mark.django_db
WANG = "wangxiuying"


@pytest.fixture
def year(city: dict[str, Any]) -> Any:
    return the_year(city, open_year(city))


def issued(year: Any) -> bytes:
    return issue.make(issue.institution_spec(year))


def opened(data: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(data))


def at(sheet: Any, mark: str, item: str) -> Any:
    """The cell of a mark and an item, wherever they are."""
    head = next(r for r in sheet.iter_rows(max_row=10) if r[0].value == "#items")
    column = next(c.column for c in head if c.value == item)
    row = next(r[0].row for r in sheet.iter_rows() if r[0].value == f"#{mark}")
    return sheet.cell(row, column)


def filled(year: Any, values: dict[tuple[str, str], Any], change: Any = None) -> bytes:
    """The issued workbook with values typed into it by another program."""
    made = opened(issued(year))
    sheet = made.worksheets[0]
    for (period, item), value in values.items():
        at(sheet, f"{year.institution.key}|{period}", item).value = value
    if change:
        change(made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def read_back(year: Any, data: bytes, tmp_path: Path, name: str = "填报.xlsx") -> Read:
    path = tmp_path / "w.xlsx"
    path.write_bytes(data)
    return read_workbook(path, name, book(), {year.shape.form.name: year.shape})


def test_it_has_last_year_units_lists_locks_and_its_identity(year: Any) -> None:
    made = opened(issued(year))
    sheet = made.worksheets[0]
    mark = f"{SCHOOL_ONE}|2022-07"
    assert at(sheet, mark, "last_year.electricity_kwh").value == 1007 and at(sheet, mark, "electricity_kwh").value is None
    assert at(sheet, mark, "electricity_kwh").protection.locked is False and at(sheet, mark, "petrol_l").protection.locked and sheet.protection.sheet
    assert str(at(sheet, mark, "petrol_l").value).startswith("=IF(COUNT(") and str(at(sheet, mark, "check.L03").value).startswith("=IF(")
    assert str(at(sheet, mark, "area_m2").value).startswith('=IF(') and at(sheet, f"{SCHOOL_ONE}|2022-01", "area_m2").value is None
    assert any(v.type == "list" for v in made["基本信息依据"].data_validations.dataValidation) and len(sheet.data_validations.dataValidation) > 20
    identity = {r[0].value: r[1].value for r in made["_jieneng"].iter_rows()}
    assert made["_jieneng"].sheet_state == "veryHidden" and identity["edition"] == "2022" and identity["rulebook"] == book().hash and identity["key"] == SCHOOL_ONE
    assert "kWh" in [c.value for c in sheet[5]]


def test_what_was_typed_comes_back_with_its_cell(year: Any, tmp_path: Path) -> None:
    read = read_back(year, filled(year, {("2022-03", "water_m3"): 12.5, ("2022-04", "water_m3"): "１，２００", ("2022-05", "water_m3"): 0}), tmp_path)
    cells = {p: read.rows[SCHOOL_ONE, p]["water_m3"] for p in ("2022-03", "2022-04", "2022-05", "2022-06")}
    assert [str(c.value) for c in cells.values()] == ["12.5", "1200", "0", "None"]
    assert cells["2022-03"].sheet == "填报" and cells["2022-03"].cell.endswith("8") and not read.problems


def test_sheets_renamed_and_moved_rows_inserted_and_sorted(year: Any, tmp_path: Path) -> None:
    def mess(made: openpyxl.Workbook) -> None:
        sheet = made.worksheets[0]
        sheet.title = "最终版(2)"
        made.move_sheet(sheet, 2)
        sheet.insert_rows(8, 2)
        sheet.cell(8, 8).value = 77

    read = read_back(year, filled(year, {("2022-03", "water_m3"): 12, ("2022-09", "gas_m3"): 4}, mess), tmp_path)
    assert read.rows[SCHOOL_ONE, "2022-03"]["water_m3"].value == 12 and read.rows[SCHOOL_ONE, "2022-09"]["gas_m3"].value == 4
    assert read.rows[SCHOOL_ONE, "2022-03"]["water_m3"].sheet == "最终版(2)"
    assert [p.code for p in read.problems] == ["workbook.row"] and read.problems[0].where.cell == "A8"


def test_findings_name_sheet_and_cell(year: Any, tmp_path: Path) -> None:
    read = read_back(year, filled(year, {("2022-03", "water_m3"): "三方", ("2022-04", "water_m3"): "=1/0", ("2022-05", "people"): 96.5, ("2022-06", "gas_m3"): -1}), tmp_path)
    told = {c.problem.where.cell: c.problem for c in read.cells if c.problem}
    assert len(told) == 4 and all(p.where.sheet == "填报" and p.where.file == "填报.xlsx" and p.do and p.expected for p in told.values())
    assert {p.code for p in told.values()} == {"filling.number", "workbook.uncalculated", "filling.whole", "filling.negative"}


def forge(**changes: str) -> Any:
    def change(made: openpyxl.Workbook) -> None:
        for row in made["_jieneng"].iter_rows():
            if row[0].value in changes:
                row[1].value = changes[row[0].value]

    return change


@pytest.mark.parametrize(("change", "code"), [
    (forge(key=SCHOOL_TWO), "workbook.signature"), (forge(year="2021"), "workbook.signature"), (forge(signature="x"), "workbook.signature"),
    (lambda made: made.remove(made["_jieneng"]), "workbook.foreign"), (lambda made: made.remove(made.worksheets[0]), "workbook.no_sheet")])
def test_a_forged_or_foreign_workbook_is_refused_in_words(year: Any, tmp_path: Path, change: Any, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read_back(year, filled(year, {}, change), tmp_path)
    assert refused.value.problems[0].code == code and refused.value.problems[0].do


def test_an_old_edition_is_told_to_fetch_the_new_one(city: dict[str, Any], year: Any, tmp_path: Path) -> None:
    old = the_year(city, open_year(city, 2021, last_year=False))
    with pytest.raises(Refused) as refused:
        read_back(year, issued(old), tmp_path)
    assert refused.value.problems[0].code == "workbook.edition" and "2019" in str(refused.value) and "重新下载" in str(refused.value)


@pytest.mark.parametrize(("data", "what"), [(b"\x89PNG\r\n\x1a\n" + b"0" * 64, "PNG"), (b"", "0 字节"), (b"PK\x03\x04" + b"junk" * 99, "")])
def test_pictures_and_ruins_are_refused_in_words(year: Any, tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(Refused) as refused:
        read_back(year, data, tmp_path)
    assert what in str(refused.value)


@needs_office
@pytest.mark.office
def test_saved_again_by_libreoffice_it_reads_the_same(year: Any, tmp_path: Path) -> None:
    path = tmp_path / "填报.xlsx"
    path.write_bytes(filled(year, {("2022-03", "water_m3"): 12.5, ("2022-04", "gas_m3"): 0.1, ("2022-01", "area_m2"): 2000}))
    (tmp_path / "xls").mkdir()
    for made in (resave_all([path], tmp_path)[0], resave_all([path], tmp_path / "xls", "xls")[0]):
        read = read_workbook(made, made.name, book(), {year.shape.form.name: year.shape})
        row = read.rows[SCHOOL_ONE, "2022-03"]
        assert str(row["water_m3"].value) == "12.5" and row["area_m2"].value == 2000  # carried down by the sheet's own formula
        assert str(read.rows[SCHOOL_ONE, "2022-04"]["gas_m3"].value) == "0.1" and not read.problems


def test_handed_in_by_its_reporter_it_goes_into_the_draft_and_is_filed_from_there(sign_in: Any, city: dict[str, Any], year: Any) -> None:
    client, url = sign_in(WANG), reverse("filling-upload", args=[year.round.pk, year.institution.pk])
    values = {(p, k.partition(".")[2]): float(v.replace(",", "")) for k, v in good_values(year).items() for p in year.periods if k.startswith((p + ".", "all."))}
    values |= {(p, e.code): 0 for p in year.periods for f, pairs in year.shape.families.items() if f not in ("electricity_kwh", "water_m3", "gas_m3")
               for pair in pairs for e in pair.entries if not e.parts}
    wrong = filled(year, {**values, ("2022-03", "water_m3"): "三方"})
    response = client.post(url, {"file": SimpleUploadedFile("填报.xlsx", wrong)})
    text = response.content.decode()
    assert response.status_code == 200 and "“三方”不是数字" in text and "单元格" in text and "marked.xlsx" in text
    draft = Draft.objects.get()
    assert draft.values["2022-03.water_m3"] == "三方" and draft.values["all.area_m2"] == "2000" and draft.cells["2022-04.water_m3"][1].endswith("填报")
    assert Event.objects.filter(verb="filling.workbook").count() == 1
    marked = client.get(url + f"{draft_file()}/marked.xlsx")
    comments = {c.coordinate: c.comment.text for row in opened(marked.content).worksheets[0].iter_rows() for c in row if c.comment}
    assert any("“三方”不是数字" in t for t in comments.values()) and len(comments) == 1
    sheet = reverse("filling-year", args=[year.round.pk, year.institution.pk])
    assert client.post(sheet, {"seen": "1", "do": "file", "2022-03.water_m3": "10"}).status_code == 302
    revision = Revision.objects.get(ret__round=year.round, ret__period="2022-04")
    assert revision.sources["water_m3"][2].startswith("") and "填报" in revision.sources["water_m3"][1]
    assert "water_m3" not in Revision.objects.get(ret__round=year.round, ret__period="2022-03").sources  # typed over on the page


def draft_file() -> str:
    return str(Event.objects.get(verb="filling.workbook").data["file"])


def test_a_stranger_cannot_hand_in_or_fetch_anothers(sign_in: Any, year: Any, city: dict[str, Any]) -> None:
    url = reverse("filling-upload", args=[year.round.pk, year.institution.pk])
    other = the_year(city, year.round, SCHOOL_TWO)
    assert sign_in("lihui").post(url, {"file": SimpleUploadedFile("a.xlsx", issued(year))}).status_code == 404
    response = sign_in(WANG).post(url, {"file": SimpleUploadedFile("a.xlsx", issued(other))})
    assert response.status_code == 422 and "这不是示例第一小学的工作簿" in response.content.decode() and not Draft.objects.exists()


@needs_office
def test_a_waived_check_says_who_let_it_go_and_the_row_is_ready(city: dict[str, Any], year: Any, tmp_path: Path) -> None:
    """The workbook's verdict is the page's: what fails a waived check is marked and stands in nobody's way, in the unit's workbook and the department's."""
    typed = actions.save(city["people"][WANG], year.round, year.institution, good_values(year) | {"2022-07.electricity_kwh": "1"}, seen=0).year
    grant = {"until": timezone.localdate() + dt.timedelta(days=30), "reason": "停电改造"}
    mark, wrong = f"{SCHOOL_ONE}|2022-07", issued(typed)
    made = waivers.grant(city["people"]["wangli"], year.institution, year.shape.form, "U01e", **grant)
    let_go = issued(the_year(city, year.round))
    office = issue.make(issue.office_spec(book(), year.round, city["offices"]["341823-jyj"]))
    paths = []
    for name, data in (("wrong", wrong), ("right", let_go)):
        paths.append(tmp_path / f"{name}.xlsx")
        paths[-1].write_bytes(data)
    before, after = (openpyxl.load_workbook(p, data_only=True).worksheets[0] for p in resave_all(paths, tmp_path))
    assert at(before, mark, "check.U01e").value == rules.FAILS and before.cell(at(before, mark, "check.U01e").row, 4).value.startswith("✗ 1")
    assert at(after, mark, "check.U01e").value == rules.LET_GO and after.cell(at(after, mark, "check.U01e").row, 4).value == "✓ 可以交"
    assert at(after, f"{SCHOOL_ONE}|2022-08", "check.U01e").value == rules.HOLDS
    for data in (let_go, office):
        said = at(opened(data).worksheets[0], mark, "check.U01e")
        assert said.comment.text == str(waivers.says(made)) and said.value.startswith("=CHOOSE(")
    assert at(opened(office).worksheets[0], f"{SCHOOL_TWO}|2022-07", "check.U01e").comment is None


def test_the_departments_workbook_files_its_units_and_marks_the_rest(sign_in: Any, city: dict[str, Any], year: Any) -> None:
    client, office = sign_in("chengang"), city["offices"]["341823-jyj"]
    page = client.get(reverse("filling-units", args=[year.round.pk])).content.decode()
    assert "教育局" in page and "绩溪" not in page
    made = opened(client.get(reverse("filling-units-workbook", args=[year.round.pk, office.pk])).content)
    sheet = made.worksheets[0]
    assert sum(str(r[0].value).startswith("#1") for r in sheet.iter_rows()) == 24
    for n, key in enumerate((SCHOOL_ONE, SCHOOL_TWO), 1):
        for item, value in (("electricity_kwh", 1000 * n), ("electricity_cost_yuan", 600), ("people", 100 * n)):
            at(sheet, f"{key}|2022-03", item).value = value
    at(sheet, f"{SCHOOL_TWO}|2022-04", "water_m3").value = "不清楚"
    at(sheet, f"{SCHOOL_ONE}|2022-03", "check.Y01p").value = 1  # a verdict in the file is never believed
    at(sheet, f"{SCHOOL_ONE}|2022-03", "people").value = 500
    out = io.BytesIO()
    made.save(out)
    response = client.post(reverse("filling-units", args=[year.round.pk]), {"office": office.pk, "file": SimpleUploadedFile("教育局.xlsx", out.getvalue())})
    assert response.status_code == 302
    done = jobs.run_one()
    assert done is not None and done.state == "done", done and done.error
    assert {(r.institution.key, r.period, r.state) for r in Return.objects.filter(round=year.round).exclude(state="expected")} == {
        (SCHOOL_ONE, "2022-03", "filed"), (SCHOOL_TWO, "2022-03", "filed")}
    batch = Import.objects.get(pk=done.result["import"])
    assert [p["found"]["zh"] for p in batch.problems] == ["“不清楚”不是数字"] and batch.problems[0]["where"]["sheet"] == "填报"
    assert Return.objects.get(round=year.round, institution__key=SCHOOL_ONE, period="2022-03").findings.filter(rule="Y01p").exists()
    revision = Revision.objects.get(ret__round=year.round, ret__institution__key=SCHOOL_ONE, ret__period="2022-03")
    assert revision.sources["people"][0] == batch.pk and revision.sources["people"][1] == "填报" and "water_m3" not in revision.answers
    marked = client.get(reverse("filling-units-marked", args=[year.round.pk, batch.file.sha256]))
    comments = " ".join(c.comment.text for row in opened(marked.content).worksheets[0].iter_rows() for c in row if c.comment)
    assert "不清楚" in comments and "Y01p" in comments
    assert sign_in("heping").get(reverse("filling-units-marked", args=[year.round.pk, batch.file.sha256])).status_code == 404
    assert client.get(reverse("import", args=[batch.pk])).status_code in (200, 404)


def archive(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items():
            z.writestr(name, data)
    return out.getvalue()


def test_many_in_one_archive_each_with_its_own_problems(city: dict[str, Any], year: Any, tmp_path: Path) -> None:
    one = filled(year, {("2022-03", "water_m3"): 12, ("2022-04", "water_m3"): "?"})
    two = issued(the_year(city, year.round, SCHOOL_TWO))
    bomb = archive({"xl/workbook.xml": b"0" * (60 << 20), "[Content_Types].xml": b"<x/>"})
    path = tmp_path / "all.zip"
    path.write_bytes(archive({"一小/最终版(2).xlsx": one, "二小.xlsx": two, "照片.xlsx": b"\x89PNG\r\n\x1a\n" + b"0" * 99, "炸弹.xlsx": bomb, "说明.txt": b"x", "空.xlsx": b""}))
    reads = list(read_archive(path, "all.zip", book(), {year.shape.form.name: year.shape}))
    assert [bool(r.rows) for r in reads] == [True, True, False, False, False, False]
    assert "最终版(2).xlsx" in reads[0].name and [c.problem.where.cell for c in reads[0].cells if c.problem]
    assert all(r.problems and r.problems[0].where.file for r in reads[2:])
    received = files.receive(path, "all.zip", city["people"]["chengang"])
    batch = actions.take_units(city["people"]["chengang"], year.round, city["offices"]["341823-jyj"], received, reads)
    assert batch.counts["answers"]["new"] == 1 and len(batch.problems) == 5
    with pytest.raises(Refused):
        list(read_archive(write(tmp_path / "bad.zip", b"PK\x03\x04nonsense"), "bad.zip", book(), {}))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_random_damage_never_breaks_the_reader(year: Any, tmp_path: Path) -> None:
    good, dice = filled(year, {("2022-03", "water_m3"): 12}), random.Random(5)
    members = {}
    for n in range(25):
        data = bytearray(good)
        for _ in range(dice.choice([1, 4, 40])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        members[f"{n}.xlsx"] = bytes(data[:dice.choice([len(data), len(data) // 2, len(data)])])
    path = write(tmp_path / "damaged.zip", archive(members))
    reads = list(read_archive(path, "damaged.zip", book(), {year.shape.form.name: year.shape}))
    assert len(reads) == 25 and all(r.rows or r.problems for r in reads)


def test_issued_again_from_what_came_back_it_is_the_same(year: Any, tmp_path: Path) -> None:
    read = read_back(year, filled(year, {("2022-03", "water_m3"): 12, ("2022-03", "petrol_vehicle_l"): 1, ("2022-03", "petrol_other_l"): 2}), tmp_path)
    again = read_back(year, issue.make(issue.institution_spec(year, read=read)), tmp_path)
    assert again.rows == read.rows and workbook.FORMAT in again.identity.values() and shape_of(book(), year.shape.form) is year.shape
