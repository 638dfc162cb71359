"""An office's own table filled by a layout: read back it gives the same values, and nothing but the named cells has changed."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.exchange import office_template, queries
from jieneng.exchange.models import LayoutVersion
from jieneng.records import files
from jieneng.records.models import Event, ReceivedFile
from jieneng.registry.models import Standing
from jieneng.returns.intake import parse_layout, read_file
from jieneng.returns.queries import book
from tests.figures.make import file_all
from tests.people_by_name import SCHOOL_ONE

pytestmark = pytest.mark.django_db
LAYOUT = """layout: theirs
title: {zh: 省里的表, en: the province's table}
book: cn
reads: answers
form: consumption
file: {kind: xlsx}
sheets: 填报
header: {row: 3, rows: 2}
identifier: {column: 信用代码, scheme: uscc}
name: 单位名称
period: {title: '(\\d{4})年(\\d{1,2})月'}
items:
- {column: 电/数量（万千瓦时）, item: electricity_kwh, unit: 10^4 kWh}
- {column: 水/数量（立方米）, item: water_m3, unit: m3}
"""


@pytest.fixture
def stage(city: dict[str, Any]) -> dict[str, Any]:
    file_all(city, 2022)
    return city


def template(keys: list[str], change: Any = None) -> bytes:
    """A table as a province might send it: title, two head rows merged, a section, a total with formulas, notes on another sheet."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "填报"
    sheet["A1"] = "公共机构能耗 2022年3月"
    sheet["A1"].font = Font(bold=True, color="FF0000")
    sheet.merge_cells("A1:F1")
    for n, (top, below) in enumerate([("序号", "序号"), ("单位名称", "单位名称"), ("信用代码", "信用代码"), ("电", "数量（万千瓦时）"), ("水", "数量（立方米）"), ("备注", "备注")], 1):
        sheet.cell(3, n, top)
        sheet.cell(4, n, below)
    for row, key in enumerate(keys, 5):
        sheet.cell(row, 1, row - 4)
        sheet.cell(row, 2, f"表上的名称 {row}")
        sheet.cell(row, 3, key)
        sheet.cell(row, 4).fill = PatternFill("solid", fgColor="FFFF00")
        sheet.cell(row, 4).number_format = "0.0000"
    last = 5 + len(keys)
    sheet.cell(last, 2, "合计")
    sheet.cell(last, 4, f"=SUM(D5:D{last - 1})")
    sheet.cell(last, 5, f"=SUM(E5:E{last - 1})")
    check = DataValidation(type="list", formula1="说明!$A$1:$A$3")
    sheet.add_data_validation(check)
    check.add("F5:F9")
    notes = made.create_sheet("说明")
    notes["A1"], notes["A2"], notes["B1"] = "  先填  ", "=填报!D5*2", "只填黄格"
    if change:
        change(made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def kept(city: dict[str, Any], data: bytes, name: str = "省表.xlsx") -> ReceivedFile:
    return files.receive(io.BytesIO(data), name, city["people"]["zhoumin"])


def filled(city: dict[str, Any], data: bytes, who: str = "zhoumin", layout: str = LAYOUT, period: str = "2022-03", name: str = "省表.xlsx") -> office_template.Filling:
    return office_template.fill(city["people"][who], kept(city, data, name), parse_layout(layout), period=Period.parse(period))


def test_filled_and_read_back_gives_our_values_and_nothing_else_moved(stage: dict[str, Any], tmp_path: Path) -> None:
    keys = list(stage["institutions"])
    before = template(keys)
    made = filled(stage, before)
    assert not made.problems and not made.absent and not made.strangers and made.counts()["cells"] == 2 * len(keys)
    path = tmp_path / "out.xlsx"
    path.write_bytes(made.data)
    read = {(d.identifier, str(d.period)): {i: queries.amount_text(v) for i, v in d.answers.items()} for d in read_file(path, parse_layout(LAYOUT), book(), name="out.xlsx").drafts}
    ours = queries.our_answers("consumption", 2022)
    assert read == {(k, "2022-03"): {i: ours[u.pk, "2022-03"][i] for i in ("electricity_kwh", "water_m3")} for k, u in stage["institutions"].items()}
    _only_these(before, made.data, {(r, c) for r in range(5, 5 + len(keys)) for c in (4, 5)})


def _only_these(before: bytes, after: bytes, cells: set[tuple[int, int]]) -> None:
    """Everything but these cells of 填报 is the same: parts byte for byte, texts, formulas, styles, merged cells, lists."""
    with zipfile.ZipFile(io.BytesIO(before)) as a, zipfile.ZipFile(io.BytesIO(after)) as b:
        assert a.namelist() == b.namelist()
        moved = {n for n in a.namelist() if a.read(n) != b.read(n)}
        assert moved <= {"xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml", "xl/workbook.xml"}
        assert b'fullCalcOnLoad="1"' in b.read("xl/workbook.xml")
    old, new = openpyxl.load_workbook(io.BytesIO(before)), openpyxl.load_workbook(io.BytesIO(after))
    assert old.sheetnames == new.sheetnames
    for name in old.sheetnames:
        x, y = old[name], new[name]
        assert x.merged_cells.ranges == y.merged_cells.ranges and len(x.data_validations.dataValidation) == len(y.data_validations.dataValidation)
        for row in range(1, max(x.max_row, y.max_row) + 1):
            for column in range(1, max(x.max_column, y.max_column) + 1):
                p, q = x.cell(row, column), y.cell(row, column)
                assert [*(p._style or (0,) * 9)] == [*(q._style or (0,) * 9)]  # styles.xml is the same, so numbers of styles are comparable
                assert p.value == q.value or (name == "填报" and (row, column) in cells), (name, p.coordinate)


def test_rows_without_a_code_are_found_by_name_and_what_has_no_row_is_named(stage: dict[str, Any]) -> None:
    keys = list(stage["institutions"])

    def no_code(made: openpyxl.Workbook) -> None:
        made["填报"]["C5"] = None
        made["填报"]["B5"] = next(s.name for s in Standing.objects.filter(institution__key=SCHOOL_ONE))

    made = filled(stage, template([SCHOOL_ONE, "12341800MB00000000"], no_code))
    assert made.met == {stage["institutions"][SCHOOL_ONE].pk} and made.strangers == [("填报!A6", "表上的名称 6", "12341800MB00000000")]
    assert {s.institution.key for s in made.absent} == set(keys) - {SCHOOL_ONE}


def test_formulas_and_texts_in_the_cells_to_fill_are_left_alone_and_told(stage: dict[str, Any]) -> None:
    def occupied(made: openpyxl.Workbook) -> None:
        made["填报"]["D5"], made["填报"]["E5"] = "=1+1", "停用"

    made = filled(stage, template([SCHOOL_ONE], occupied))
    assert made.filled == [] and {(p.code, p.where.cell) for p in made.problems} == {("template.formula", "D5"), ("template.text", "E5")}
    sheet = openpyxl.load_workbook(io.BytesIO(made.data))["填报"]
    assert sheet["D5"].value == "=1+1" and sheet["E5"].value == "停用"


def test_months_make_a_year_and_another_period_is_not_filled(stage: dict[str, Any]) -> None:
    yearly = LAYOUT.replace("'(\\d{4})年(\\d{1,2})月'", "'(\\d{4})年'")
    made = filled(stage, template([SCHOOL_ONE]), layout=yearly, period="2022")
    ours = queries.our_answers("consumption", 2022, [stage["institutions"][SCHOOL_ONE].pk])
    water = sum(Decimal(a["water_m3"] or 0) for a in ours.values())
    assert {f.item: f.value for f in made.filled}["water_m3"] == water and len(ours) == 12
    other = filled(stage, template([SCHOOL_ONE]), period="2022-04")
    assert other.filled == [] and [p.code for p in other.problems] == ["template.period"]


def test_a_person_fills_what_is_in_his_scope(stage: dict[str, Any]) -> None:
    made = filled(stage, template(list(stage["institutions"])), who="wangxiuying")
    assert made.met == {stage["institutions"][SCHOOL_ONE].pk} and len(made.strangers) == len(stage["institutions"]) - 1 and made.absent == []


LONG = """layout: long
title: {zh: 长表, en: long}
book: cn
reads: answers
form: consumption
file: {kind: xlsx}
identifier: {column: 单位, scheme: name}
period: {column: 期, format: YYYY年M月}
shape: long
long: {item: 指标, value: 数值}
unit: {column: 计量, map: {度: kWh, 吨: m3}}
items:
- {column: 用电, item: electricity_kwh}
- {column: 用水, item: water_m3}
"""


def test_a_long_table_by_name_takes_unit_and_period_from_its_rows(stage: dict[str, Any], tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    name = Standing.objects.get(institution__key=SCHOOL_ONE).name
    for row in (["单位", "期", "指标", "计量", "数值"], [name, None, "用电", "度"], [name, "2022年3月", "用水", "吨"], [name, None, "用水", "桶"]):
        made.active.append(row)
    out = io.BytesIO()
    made.save(out)
    result = filled(stage, out.getvalue(), layout=LONG)
    ours = queries.our_answers("consumption", 2022)[stage["institutions"][SCHOOL_ONE].pk, "2022-03"]
    sheet = openpyxl.load_workbook(io.BytesIO(result.data)).active
    assert [[c.value for c in row] for row in sheet["B2:E3"]] == [["2022年3月", "用电", "度", float(ours["electricity_kwh"])], ["2022年3月", "用水", "吨", float(ours["water_m3"])]]
    assert sheet["E4"].value is None and [p.code for p in result.problems] == ["map"]


def test_what_is_no_clean_xlsx_is_refused_in_words(stage: dict[str, Any]) -> None:
    good = template([SCHOOL_ONE])
    for part, words in ((("xl/vbaProject.bin", b"x"), "宏"), (("xl/externalLinks/_rels/externalLink1.xml.rels", b'<Relationships><Relationship Type="x/externalLinkPath" Target="a" TargetMode="External"/></Relationships>'), "别的文件")):
        data = io.BytesIO(good)
        with zipfile.ZipFile(data, "a") as z:
            z.writestr(*part)
        with pytest.raises(Refused, match=words):
            filled(stage, data.getvalue(), name="省表.xlsm")
    with pytest.raises(Refused, match="CSV"):
        filled(stage, "信用代码,电\n".encode(), name="表.csv")
    bomb = io.BytesIO(good)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as z:
        z.writestr("xl/media/a.xml", b" " * 30_000_000)
    with pytest.raises(Refused, match="太大"):
        filled(stage, bomb.getvalue())
    with pytest.raises(Refused, match="缺列"):
        filled(stage, template([SCHOOL_ONE], lambda made: made["填报"].__setitem__("D4", "千瓦时")))


def test_writing_says_so_in_the_log(stage: dict[str, Any]) -> None:
    row = kept(stage, template([SCHOOL_ONE]))
    _, name = office_template.write(stage["people"]["zhoumin"], row, parse_layout(LAYOUT), period=Period.parse("2022-03"))
    event = Event.objects.get(verb="export.template")
    assert name == "省表-2022-03.xlsx" and event.data["cells"] == 2 and event.data["file"] == row.sha256


def test_the_page_shows_what_goes_where_by_the_guess_then_hands_out_the_copy(stage: dict[str, Any], sign_in: Any) -> None:
    def plain(made: openpyxl.Workbook) -> None:
        made["填报"]["D4"], made["填报"]["E4"] = "用电量（万千瓦时）", "用水量（立方米）"

    client = sign_in("zhoumin")
    sent = client.post(reverse("export-template"), {"file": SimpleUploadedFile("省表.xlsx", template([SCHOOL_ONE], plain))})
    assert sent.status_code == 302
    page = client.get(sent.url + "?period=2022-03").content.decode()
    assert "填报!D5" in page and "0.1003" in page and "示例第二小学" in page and "下载填好的表" in page
    copy = client.post(sent.url, {"period": "2022-03", "layout": "guess"})
    assert openpyxl.load_workbook(io.BytesIO(copy.content))["填报"]["D5"].value == 0.1003 and Event.objects.filter(verb="export.template").count() == 1
    learned = client.post(reverse("layout-guess", args=[sent.url.rstrip("/").rsplit("/", 1)[1]]) + "?for=template", {"code": "province", "zh": "省表", "verb": "save"})
    assert learned.url == sent.url + "?layout=province" and LayoutVersion.objects.count() == 1
    assert client.get(sent.url + "?period=二月").status_code == 422
    assert sign_in("wangxiuying").get(sent.url).status_code == 404
    assert client.post(reverse("export-template"), {"file": SimpleUploadedFile("表.csv", b"a,b")}).status_code == 422
