"""The shapes in which the nine areas hand in their exports: title rows, several sheets, text for numbers, and all that.

Every writer takes rows by body and month and tells each mark where its cell came to stand. Files are the same byte for
byte for the same rows: the creation date is fixed.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from jieneng.records.quick_sheet import QuickSheet

from .dice import Dice
from .items import AT, ITEMS, Item, asked
from .planted import Mark
from .rows import TYPES, Cell, Row

CREATED = dt.datetime(2023, 3, 13, 8, 20)
FOOTER = "填表人：（示例）    审核人：（示例）    本表由表样样例生成"


class Writing:
    """A workbook being written, with the formats in use. A context manager: leaving it closes the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.book = xlsxwriter.Workbook(str(path))
        self.book.set_properties({"created": CREATED, "author": "示例", "title": path.stem})
        self.title = self.book.add_format({"bold": True, "font_size": 14, "align": "center"})
        self.head = self.book.add_format({"bold": True, "text_wrap": True, "align": "center", "valign": "vcenter", "border": 1})
        self.day = self.book.add_format({"num_format": 'yyyy"年"m"月"'})
        self.text = self.book.add_format({"num_format": "@"})

    def __enter__(self) -> Writing:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        self.book.close()

    def sheet(self, name: str, title: str = "", width: int = 12) -> Worksheet:
        sheet = self.book.add_worksheet(name, QuickSheet)
        if title:
            sheet.merge_range(0, 0, 0, width - 1, title, self.title)
        sheet.set_column(1, 2, 24)
        return sheet


def put(sheet: Worksheet, at: int, column: int, value: Cell) -> None:
    """One cell: a number as a number, a text as a text, None as nothing."""
    if isinstance(value, str):
        sheet.write_string(at, column, value)
    elif value is not None:
        sheet.write_number(at, column, value)


def tell(mark: Mark, file: Path, sheet: str, at: int, column: int, written: Cell) -> None:
    """Let a mark know where its cell stands and what is written there."""
    mark.file, mark.sheet, mark.cell = file.name, sheet, xl_rowcol_to_cell(at, column)
    mark.written = "" if written is None else str(written)


def as_text(value: Cell, dice: Dice) -> Cell:
    """A number as careless hands leave it: text, at times with separators, wide digits or a space."""
    if value is None or isinstance(value, str):
        return value
    plain = str(value)
    way = dice.whole(0, 3)
    if way == 1:
        return f"{value:,}"
    if way == 2:
        return plain.translate({ord(d): chr(0xFF10 + int(d)) for d in "0123456789"})
    return plain + " " if way == 3 else plain


def _group(row: Row) -> str:
    return {"organ": "机关", "education": "教育系统", "health": "卫生系统"}.get(row.body.type, "其他事业及团体")


def wide(path: Path, rows: Iterable[Row], *, title: str, head: Callable[[Item], str], lead: Sequence[str],
         leads: Callable[[Row], list[Cell]], by_sheet: Callable[[Row], str], header: int, careless: float = 0.0,
         scaled: dict[str, int] | None = None, codes: str = "统一社会信用代码") -> None:  # fmt: skip
    """A row per body and month, a column per item. ``lead``: the columns before the items; ``header``: its row from 1.

    ``scaled``: power of ten by which an item's numbers are divided (kWh shown as 万kWh).
    """
    listed = sorted(rows, key=by_sheet)
    dice = Dice("careless", path.name)
    with Writing(path) as writing:
        for name, group in itertools.groupby(listed, key=by_sheet):
            got = list(group)
            items = ITEMS[: len(got[0].cells)]
            labels = [*lead, *(head(i) for i in items)]
            sheet = writing.sheet(name, title, len(labels))
            if header > 2:
                sheet.write_string(header - 2, 0, "计量单位见表头；由平台导出（示例）")
            for column, label in enumerate(labels):
                sheet.write_string(header - 1, column, label, writing.head)
            for at, row in enumerate(got, header):
                before = leads(row)
                for column, value in enumerate(before):
                    put(sheet, at, column, value)
                _cells(sheet, path, name, at, len(before), row, items, dice, careless, scaled or {})
                for field in ("code", "period"):
                    if field in row.marks:
                        column = list(lead).index(codes if field == "code" else next(c for c in lead if "期" in c or c == "月"))
                        tell(row.marks[field], path, name, at, column, before[column])


def _cells(sheet: Worksheet, path: Path, name: str, at: int, start: int, row: Row, items: Sequence[Item], dice: Dice,
           careless: float, scaled: dict[str, int]) -> None:  # fmt: skip
    """The item cells of a row; now and then a number as text."""
    for column, (item, value) in enumerate(zip(items, row.cells, strict=True), start):
        if scaled and item.code in scaled and isinstance(value, int | float):
            value = float(Decimal(str(value)).scaleb(-scaled[item.code]))
        if careless and item.code not in row.marks and dice.chance(careless):
            value = as_text(value, dice)
        put(sheet, at, column, value)
        if item.code in row.marks:
            tell(row.marks[item.code], path, name, at, column, value)


_BLOCKS = (
    ("基本情况", ("land_area_m2", "area_m2", "people", "authorised_staff")),
    ("车辆（辆）", ("vehicles", "petrol_vehicles", "diesel_vehicles", "new_energy_vehicles")),
    ("充电桩", ("charging_posts",)),
    ("电", ("electricity_kwh", "electricity_cost_yuan")), ("水", ("water_m3", "water_cost_yuan")),
    ("煤炭", ("coal_t", "coal_cost_yuan")), ("天然气", ("gas_m3", "gas_cost_yuan")),
    ("汽油", ("petrol_l", "petrol_vehicle_l", "petrol_other_l", "petrol_cost_yuan", "petrol_vehicle_cost_yuan",
            "petrol_other_cost_yuan")),
    ("柴油", ("diesel_l", "diesel_vehicle_l", "diesel_other_l", "diesel_cost_yuan", "diesel_vehicle_cost_yuan",
            "diesel_other_cost_yuan")),
    ("热力", ("heat_gj", "heat_cost_yuan")), ("其他能源", ("other_energy_tce", "other_energy_cost_yuan")),
    ("可再生能源", ("solar_thermal_m2", "pv_capacity_kw", "geothermal_kw", "pv_generation_kwh")),
)  # fmt: skip
_UNDER = {
    "land_area_m2": "用地面积\n（㎡）", "area_m2": "建筑面积\n（㎡）", "people": "用能人数\n（人）", "authorised_staff": "其中：编制\n（人）",
    "vehicles": "合计", "petrol_vehicles": "其中：\n汽油车", "diesel_vehicles": "其中：\n柴油车", "new_energy_vehicles": "其中：\n新能源",
    "charging_posts": "数量\n（个）", "electricity_kwh": "数量\n（千瓦时）", "water_m3": "数量\n（吨水）", "coal_t": "数量\n（吨）",
    "gas_m3": "数量\n（立方米）", "heat_gj": "数量\n（吉焦）", "other_energy_tce": "数量\n（吨标煤）", "solar_thermal_m2": "集热器\n（㎡）",
    "pv_capacity_kw": "光伏装机\n（千瓦）", "geothermal_kw": "地热装机\n（千瓦）", "pv_generation_kwh": "光伏发电量\n（千瓦时）",
    **{f"{f}_{k}": t for f in ("petrol", "diesel") for k, t in (
        ("l", "数量\n（升）"), ("vehicle_l", "其中：车用\n（升）"), ("other_l", "其中：其他\n（升）"), ("cost_yuan", "费用\n（元）"),
        ("vehicle_cost_yuan", "其中：车用\n（元）"), ("other_cost_yuan", "其中：其他\n（元）"))},
}  # fmt: skip


def month_sheets(path: Path, rows: Iterable[Row], *, title: str, merged: Sequence[tuple[str, int, str]] = ()) -> None:
    """A sheet per month under a header of two rows with merged cells; a total line and a footer at the end.

    ``merged``: (first body's code, month, item): that cell is merged with the one below, as for a shared meter.
    """
    lead = ("序号", "单位名称", "统一社会信用代码", "主管部门", "单位性质")
    listed = sorted(rows, key=lambda r: r.month)
    with Writing(path) as writing:
        for month, group in itertools.groupby(listed, key=lambda r: r.month):
            got = list(group)
            year = got[0].year
            items = ITEMS[: len(got[0].cells)]
            name = f"{year}年{month}月"
            sheet = writing.sheet(name, f"{title}（{name}）", len(lead) + len(items))
            sheet.write_string(1, 0, "综合机关：（示例）    单位：见表头")
            columns = _two_row_header(sheet, writing, lead, items)
            for n, row in enumerate(got, 1):
                at = 3 + n
                b = row.body
                before: list[Cell] = [n, b.name, row.code, b.department, TYPES[b.type]]
                for column, value in enumerate(before):
                    put(sheet, at, column, value)
                for item, value in zip(items, row.cells, strict=True):
                    put(sheet, at, columns[item.code], value)
                    if item.code in row.marks:
                        tell(row.marks[item.code], path, name, at, columns[item.code], value)
                for code, of, item_code in merged:
                    if (code, of) == (row.code, month):
                        column = columns[item_code]
                        value = row.cells[AT[item_code]]
                        sheet.merge_range(at, column, at + 1, column, value, writing.head)
                        got[n].cells[AT[item_code]] = None
            at = 4 + len(got)
            sheet.write_string(at, 1, "合计")
            for item, column in zip(items, (columns[i.code] for i in items), strict=True):
                values = [r.cells[AT[item.code]] for r in got]
                put(sheet, at, column, round(sum(v for v in values if isinstance(v, int | float)), 3))
            sheet.write_string(at + 1, 0, FOOTER)


def _two_row_header(sheet: Worksheet, writing: Writing, lead: Sequence[str], items: Sequence[Item]) -> dict[str, int]:
    """Blocks over columns in rows 3 and 4; gives the column of each item."""
    for column, label in enumerate(lead):
        sheet.merge_range(2, column, 3, column, label, writing.head)
    asked_ = {i.code for i in items}
    columns: dict[str, int] = {}
    at = len(lead)
    for block, codes in _BLOCKS:
        here = [c for c in codes if c in asked_]
        if len(here) > 1:
            sheet.merge_range(2, at, 2, at + len(here) - 1, block, writing.head)
        else:
            sheet.write_string(2, at, block, writing.head)
        for code in here:
            sheet.write_string(3, at, _UNDER.get(code, "费用\n（元）"), writing.head)
            columns[code] = at
            at += 1
    return columns


def month_columns(path: Path, rows: Iterable[Row], *, title: str, broken_head: bool = False) -> None:
    """A row per body and item with twelve month columns; name and code stand on a body's first row only."""
    lead = ("序号", "单位名称", "统一社会信用代码", "主管部门", "代码", "指标\n名称" if broken_head else "指标", "计量单位")
    labels = [*lead, *(f"{m}月" for m in range(1, 13)), "合计"]
    order = {"机关": 0, "教育系统": 1, "卫生系统": 2}
    listed = sorted(rows, key=lambda r: order.get(_group(r), 3))
    with Writing(path) as writing:
        for name, group in itertools.groupby(listed, key=_group):
            bodies = [list(months) for _, months in itertools.groupby(group, key=lambda r: r.code)]
            sheet = writing.sheet(name, title, len(labels))
            sheet.write_string(1, 0, "报表范围：" + name)
            for column, label in enumerate(labels):
                sheet.write_string(3, column, label, writing.head)
            at = 4
            for n, months in enumerate(bodies, 1):
                first = months[0]
                before: list[Cell] = [n, first.body.name, first.code, first.body.department or "—"]
                for column, value in enumerate(before):
                    put(sheet, at, column, value)
                for which, item in enumerate(ITEMS[: len(first.cells)]):
                    for column, text in enumerate((item.number, item.label, item.unit), 4):
                        sheet.write_string(at, column, text)
                    for row in months:
                        value = row.cells[which]
                        put(sheet, at, 6 + row.month, value)
                        if item.code in row.marks:
                            tell(row.marks[item.code], path, name, at, 6 + row.month, value)
                    if item.unit in ("千瓦时", "元", "立方米", "升", "吨"):
                        numbers = [c for r in months if isinstance(c := r.cells[which], int | float)]
                        put(sheet, at, 19, round(sum(numbers), 3))
                    at += 1
            sheet.write_string(at, 0, FOOTER)


def long(path: Path, rows: Iterable[Row], *, title: str, units: dict[tuple[str, int, str], str] | None = None,
         extra: Sequence[tuple[Row, str, str, Cell, Mark]] = ()) -> None:  # fmt: skip
    """A row per body, month and item, with its unit. ``units``: another unit for (code, month, item).

    ``extra``: lines of an item the form does not have: row, name, unit, value, mark.
    """
    lead = ("单位名称", "统一社会信用代码", "统计月份", "指标代码", "指标名称", "计量单位", "数值")
    with Writing(path) as writing:
        sheet = writing.sheet("明细", title, len(lead))
        for column, label in enumerate(lead):
            sheet.write_string(1, column, label, writing.head)
        at = 2
        for row in rows:
            day = dt.datetime(row.year, row.month, 1)
            lines = [(i.number, i.code, i.label, (units or {}).get((row.code, row.month, i.code), i.unit), row.cells[n])
                     for n, i in enumerate(asked(row.year))]  # fmt: skip
            lines += [("", "", name, unit, value) for of, name, unit, value, _ in extra if of is row]
            for number, code, label, unit, value in lines:
                sheet.write_string(at, 0, row.body.name)
                sheet.write_string(at, 1, row.code)
                sheet.write_datetime(at, 2, day, writing.day)
                for column, text in enumerate((number, label, unit), 3):
                    sheet.write_string(at, column, text)
                put(sheet, at, 6, value)
                if code in row.marks:
                    mark = row.marks[code]
                    tell(mark, path, "明细", at, 6, unit if (row.code, row.month, code) in (units or {}) else value)
                for of, name, _, value_, mark in extra:
                    if of is row and not code and name == label:
                        tell(mark, path, "明细", at, 4, value_)
                        mark.written = name
                at += 1


def gb_csv(path: Path, rows: Iterable[Row], *, title: str) -> None:
    """A CSV in GB18030 with a title line, as an older system writes it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    got = list(rows)
    items = ITEMS[: len(got[0].cells)]
    lead = ("统计期", "单位名称", "统一社会信用代码", "主管部门", "单位性质")
    writer.writerow([title])
    writer.writerow([*lead, *(f"{i.label}({i.unit})" for i in items)])
    for at, row in enumerate(got, 2):
        b = row.body
        writer.writerow([f"{row.year}年{row.month}月", b.name, row.code, b.department, TYPES[b.type],
                         *("" if c is None else c for c in row.cells)])  # fmt: skip
        for which, item in enumerate(items):
            if item.code in row.marks:
                tell(row.marks[item.code], path, "", at, len(lead) + which, row.cells[which])
    path.write_bytes(out.getvalue().encode("gb18030"))
