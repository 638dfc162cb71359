"""A platform's export as it really comes: four counties in three files and a list of statuses, untidy in every way that is known.

Written from the words of those who receive such files, by someone who did not write the importer, and without knowing how
it reads. The national platform's formats are not public: the shapes are samples. ``write_messy`` gives a key of what was
planted (``Slip``): what must be read all the same, what must be named by sheet and cell, what must raise a question.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from .answers import Answers
from .city import Body, City
from .dice import Dice
from .items import AT, ITEMS, Item
from .places import BY_CODE
from .planted import Planted
from .rows import Cell, Row, entered
from .sheets import Writing, as_text, put

JING, JIXI, JINGDE, NINGGUO = "341823", "341824", "341825", "341881"
AREAS = (JING, JIXI, JINGDE, NINGGUO)
BOOK, AGAIN, CSV, STATUS = "平台导出-能耗明细-20230310.xlsx", "泾县-最终版(2).xlsx", "宁国市导出.csv", "填报状态一览.xlsx"
FILES = (BOOK, AGAIN, CSV, STATUS)
READ, NAMED, TWICE = "read", "named", "twice"
FORMER = {"泾县示例文化馆": "泾县示例群众艺术馆", "宁国市示例数据资源局": "宁国市示例信息化办公室"}
"""Names of last year that the platform still prints."""
BRACKETS = {"旌德县示例中学": "旌德县示例中学（东校区）", "绩溪县示例小学": "绩溪县示例小学（城东）"}
"""Bodies whose name in the register bears brackets; the platform prints them half-width."""
_BLOCKS = ((0, 9, "基本信息"), (9, 11, "电"), (11, 13, "水"), (13, 15, "煤炭"), (15, 17, "天然气"), (17, 23, "汽油"), (23, 29, "柴油"),
           (29, 31, "热力"), (31, 33, "其他能源"), (33, 37, "可再生能源"))  # fmt: skip
_LEAD = ("序号", "单位名称", "统一社会信用代码", "统计期")


@dataclass(frozen=True)
class Slip:
    """One thing planted in the export.

    ``fate``: ``read`` (harmless, the value must come in), ``named`` (must be named with its place and not come in under
    another's name), ``twice`` (two lines for one unit and month disagree: both places in ``cell`` and ``other``).
    ``code``: the unit's true code; ``right``: what the platform holds, in the item's unit; ``written``: what stands in the cell.
    """

    kind: str
    fate: str
    file: str
    sheet: str
    cell: str
    code: str
    month: int = 0
    item: str = ""
    right: Cell = None
    written: str = ""
    other: str = ""


@dataclass
class Mess:
    """What was written: the files in the order in which a clerk would take them, and the key."""

    folder: Path
    files: list[Path] = field(default_factory=list)
    slips: list[Slip] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Slip]:
        return [s for s in self.slips if s.kind in kinds]


@dataclass(frozen=True)
class Codes:
    """Units whose code the platform prints wrong, by how. Emptied when the register of the platform was mended."""

    letter: str = ""
    short: str = ""
    number: str = ""


def chosen(city: City, answers: Answers, per_kind: int = 1, year: int = 2022) -> list[Row]:
    """The rows of a year that the platform of the example holds: ``per_kind`` bodies of each kind in each of four counties."""
    wanted = {*FORMER, *BRACKETS}
    rows: list[Row] = []
    for area in AREAS:
        seen: dict[str, int] = {}
        for body in city.reporting[year]:
            if body.area == area:
                seen[body.kind] = seen.get(body.kind, 0) + 1
                if seen[body.kind] <= per_kind:
                    wanted.add(body.name)
        rows += [replace(r, body=named(r.body)) for r in entered(city, answers, Planted(), area, year) if r.body.name in wanted]
    return rows


def named(body: Body) -> Body:
    """The body with the name the register bears for it in this example (brackets)."""
    return replace(body, name=BRACKETS.get(body.name, body.name))


def codes_of(rows: Sequence[Row]) -> Codes:
    """Three units of 泾县, 绩溪县 and 旌德县 whose codes are spoilt: one with an O for a 0, one short of a digit, one turned to a number."""
    letter = next(r.code for r in rows if r.body.area == JING and "0" in r.code[8:17])
    short = next(r.code for r in rows if r.body.area == JIXI)
    number = next(r.code for r in rows if r.body.area == JINGDE)
    return Codes(letter, short, number)


def _printed(row: Row, codes: Codes) -> tuple[str, Cell, str]:
    """Kind of slip, the code as it is printed, its text."""
    code = row.code
    if code == codes.letter:
        at = code.index("0", 8)
        wrong = code[:at] + "O" + code[at + 1 :]
        return "code-letter", wrong, wrong
    if code == codes.short:
        return "code-short", code[:10] + code[11:], code[:10] + code[11:]
    if code == codes.number:
        return "code-number", 1.23418250009912e17, "1.23418250009912E+17"
    return "", code, code


def _shown(name: str) -> tuple[str, str]:
    """Kind of slip and the name as the platform prints it."""
    if name in FORMER:
        return "name-former", FORMER[name]
    if "（" in name:
        return "name-brackets", name.replace("（", "(").replace("）", ")")
    return "", name


def _head_lines(items: Sequence[Item], scaled: Mapping[str, int], per_10k: str) -> list[str]:
    """The lower line of the head: inside a block of two, quantity and cost without the carrier's name."""
    lines = []
    for item in items:
        unit = per_10k + item.unit if item.code in scaled else item.unit
        at = AT[item.code]
        alone = 9 <= at < 17 or 29 <= at < 33
        label = ("费用" if item.code.endswith("_cost_yuan") else "消费量") if alone else item.label
        lines.append(f"{label}\n（{unit}）")
    return lines


class _Sheet:
    """One sheet being written: where its rows stand, and what was planted in them."""

    def __init__(self, mess: Mess, writing: Writing, name: str, codes: Codes, scaled: Mapping[str, int]) -> None:
        self.mess, self.writing, self.name, self.codes, self.scaled = mess, writing, name, codes, scaled
        self.dice = Dice("messy", writing.path.name, name)
        self.sheet: Worksheet = writing.book.add_worksheet(name)
        self.at = 0
        self.columns: dict[str, int] = {}

    def slip(self, kind: str, fate: str, row: Row, column: int, **more: object) -> None:
        self.mess.slips.append(Slip(kind, fate, self.writing.path.name, self.name, xl_rowcol_to_cell(self.at, column), row.code, row.month, **more))  # type: ignore[arg-type]

    def head(self, items: Sequence[Item], numbers: bool, extra_after: str = "") -> None:
        """A title, a note, and a head of two lines (three with the items' numbers); ``extra_after``: a hidden column of last year."""
        w, s = self.writing, self.sheet
        width = len(_LEAD) + len(items)
        s.merge_range(0, 0, 0, width - 1, f"{self.name}2022年度公共机构能源资源消费统计（平台导出样例）", w.title)
        s.write_string(1, 0, "导出单位：示例　导出时间：2023-03-10 17:42　计量单位见表头，电按表头单位填列")
        deep = 4 if numbers else 3
        for column, label in enumerate(_LEAD):
            s.merge_range(2, column, deep, column, label, w.head)
        column = len(_LEAD)
        lines = _head_lines(items, self.scaled, "万")
        for first, last, block in _BLOCKS:
            start = column
            for item, line in zip(items[first:last], lines[first:last], strict=True):
                self.columns[item.code] = column
                s.write_string(3, column, line, w.head)
                if numbers:
                    s.write_string(4, column, item.number, w.head)
                column += 1
                if item.code == extra_after:
                    s.write_string(3, column, "上年同期\n（千瓦时）", w.head)
                    s.set_column(column, column, 12, None, {"hidden": True})
                    column += 1
            if column - start > 1:
                s.merge_range(2, start, 2, column - 1, block, w.head)
        self.at = deep + 1

    def lead(self, n: int, row: Row, number_format: bool) -> None:
        kind, code, text = _printed(row, self.codes)
        if kind:
            self.slip(kind, NAMED, row, 2, written=text)
        name_kind, name = _shown(row.body.name)
        if name_kind:
            self.slip(name_kind, READ, row, 1, written=name)
        period = row.year * 100 + row.month if number_format else f"{row.year}年{row.month}月"
        for column, value in enumerate((n, name, code, period)):
            put(self.sheet, self.at, column, value)

    def line(self, n: int, row: Row, number_format: bool = False, careless: float = 0.05, hidden: bool = False) -> None:
        self.lead(n, row, number_format)
        for item, value in zip(ITEMS, row.cells, strict=True):
            column, shown = self.columns[item.code], value
            if isinstance(value, int | float) and self.scaled.get(item.code):
                shown = round(value / 10 ** self.scaled[item.code], 6)
            if isinstance(shown, int | float) and shown and self.dice.chance(careless):
                shown = as_text(shown, self.dice)
                if isinstance(shown, str) and self.dice.chance(0.5):
                    shown = f" {shown}\u3000"
                if isinstance(shown, str):
                    self.slip("text-number", READ, row, column, item=item.code, right=value, written=shown)
            put(self.sheet, self.at, column, shown)
        if hidden:
            self.sheet.set_row(self.at, None, None, {"hidden": True})
        self.at += 1

    def sum(self, label: str, rows: Sequence[Row]) -> None:
        """A line of totals under the label; ``label`` stands where names stand."""
        put(self.sheet, self.at, 1, label)
        for item in ITEMS:
            total = sum(v for r in rows if isinstance(v := r.cells[AT[item.code]], int | float))
            put(self.sheet, self.at, self.columns[item.code], round(total / 10 ** self.scaled.get(item.code, 0), 6))
        self.mess.slips.append(Slip("totals-row", NAMED, self.writing.path.name, self.name, xl_rowcol_to_cell(self.at, 1), "", written=label))
        self.at += 1


def _units(rows: Iterable[Row], area: str) -> list[list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.body.area == area:
            found.setdefault(row.code, []).append(row)
    return list(found.values())


def _jing(mess: Mess, writing: Writing, rows: Sequence[Row], codes: Codes, again: bool) -> None:
    """泾县: a head of three lines with numbers, blank rows, 小计 and 合计. The older export lacks the last unit and holds two older values."""
    sheet = _Sheet(mess, writing, "泾县", codes, {})
    sheet.head(ITEMS, numbers=True)
    units = _units(rows, JING)
    for n, months in enumerate(units if again else units[:-1], 1):
        for row in months:
            old = _older(row, n)
            if old and not again:
                cell = xl_rowcol_to_cell(sheet.at, sheet.columns["water_m3"])
                mess.slips.append(Slip("county-twice", TWICE, BOOK, "泾县", cell, row.code, row.month, "water_m3", row.cells[AT["water_m3"]], str(old),
                                       AGAIN))  # fmt: skip
                row = replace(row, cells=[*row.cells[: AT["water_m3"]], old, *row.cells[AT["water_m3"] + 1 :]])
            sheet.line(n, row)
        if n % 4 == 0:
            sheet.sum("小计", months)
        if n % 3 == 0:
            sheet.at += 1
    sheet.sum("合  计", [r for u in units for r in u])
    put(sheet.sheet, sheet.at + 1, 0, "填表人：（示例）　审核人：（示例）")


def _older(row: Row, n: int) -> int:
    """What an older export holds of the second and third unit's water in May."""
    value = row.cells[AT["water_m3"]]
    return int(value) + 7 if n in (2, 3) and row.month == 5 and isinstance(value, int) and value > 0 else 0


def _jixi(mess: Mess, writing: Writing, rows: Sequence[Row], codes: Codes) -> None:
    """绩溪县: a head of two lines without numbers, electricity in 万千瓦时, months as 202203."""
    sheet = _Sheet(mess, writing, "绩溪县", codes, {"electricity_kwh": 4, "pv_generation_kwh": 4})
    sheet.head(ITEMS, numbers=False)
    for n, months in enumerate(_units(rows, JIXI), 1):
        for row in months:
            sheet.line(n, row, number_format=True, careless=0.02)
    sheet.sum("合计", [r for u in _units(rows, JIXI) for r in u])


def _jingde(mess: Mess, writing: Writing, rows: Sequence[Row], codes: Codes) -> None:
    """旌德县: a filter left on (one unit's rows are hidden but hold), a hidden older line of one month, hidden columns."""
    sheet = _Sheet(mess, writing, "旌德县", codes, {})
    sheet.head(ITEMS, numbers=True, extra_after="electricity_kwh")
    sheet.sheet.set_column(sheet.columns["land_area_m2"], sheet.columns["land_area_m2"], 12, None, {"hidden": True})
    units = _units(rows, JINGDE)
    for n, months in enumerate(units, 1):
        for row in months:
            if n == 3 and row.month == 4:
                old = replace(row, cells=[v + 90 if i == AT["electricity_kwh"] and isinstance(v, int) else v for i, v in enumerate(row.cells)])
                sheet.slip("hidden-older-row", TWICE, row, sheet.columns["electricity_kwh"], item="electricity_kwh",
                           right=row.cells[AT["electricity_kwh"]], written=str(old.cells[AT["electricity_kwh"]]),
                           other=xl_rowcol_to_cell(sheet.at + 1, sheet.columns["electricity_kwh"]))  # fmt: skip
                sheet.line(n, old, careless=0, hidden=True)
            if n == 5:
                sheet.slip("hidden-row", READ, row, 0)
            put(sheet.sheet, sheet.at, sheet.columns["electricity_kwh"] + 1, 1000 + row.month)
            sheet.line(n, row, hidden=n == 5)
    sheet.sum("合计", [r for u in units for r in u])


def _ningguo(mess: Mess, path: Path, rows: Sequence[Row]) -> None:
    """宁国市: a CSV in GB18030 with a title, a note, a blank line, totals, and units in brackets of both widths."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["宁国市2022年度公共机构能源资源消费统计（平台导出样例）"])
    writer.writerow(["导出时间：2023-03-10"])
    writer.writerow([])
    writer.writerow([*_LEAD, *(f"{i.number} {i.label}({i.unit})" if n % 2 else f"{i.number} {i.label}（{i.unit}）" for n, i in enumerate(ITEMS))])
    line = 4
    for n, months in enumerate(_units(rows, NINGGUO), 1):
        for row in months:
            kind, name = _shown(row.body.name)
            if kind:
                mess.slips.append(Slip(kind, READ, path.name, "", xl_rowcol_to_cell(line, 1), row.code, row.month, written=name))
            writer.writerow([n, name, row.code + "\t", f"{row.year}-{row.month:02d}", *("" if v is None else f"{v:,}" for v in row.cells)])
            line += 1
    writer.writerow(["", "合计"])
    mess.slips.append(Slip("totals-row", NAMED, path.name, "", xl_rowcol_to_cell(line, 1), "", written="合计"))
    path.write_bytes(out.getvalue().encode("gb18030"))


def _statuses(path: Path, rows: Sequence[Row], statuses: Mapping[str, str]) -> None:
    """Who has filed: a line per unit, under a title and a note."""
    with Writing(path) as writing:
        sheet = writing.sheet("填报状态", "2022年度填报状态一览（平台导出样例）", 6)
        sheet.write_string(1, 0, "状态：未报 / 已报 / 退回")
        for column, label in enumerate(("序号", "单位名称", "统一社会信用代码", "年度", "填报状态", "退回原因")):
            sheet.write_string(2, column, label, writing.head)
        at = 3
        for n, row in enumerate((r for r in rows if r.month == 1), 1):
            status = statuses.get(row.code, "已报")
            why = "请核对电量" if status == "退回" else ""
            for column, value in enumerate((n, _shown(row.body.name)[1], row.code, f"{row.year}年", status, why)):
                if value != "":
                    put(sheet, at, column, value)
            at += 1


def write_messy(folder: Path, rows: Sequence[Row], statuses: Mapping[str, str], codes: Codes) -> Mess:
    """Write the four files into ``folder`` (made if need be): the same byte for byte for the same rows, statuses (code → word) and codes."""
    folder.mkdir(parents=True, exist_ok=True)
    mess = Mess(folder)
    with Writing(folder / BOOK) as writing:
        notes = writing.book.add_worksheet("说明")
        for at, text in enumerate(("导出说明", "1. 本簿按县分表。", "2. 泾县另有最终版。")):
            notes.write_string(at, 0, text)
        _jing(mess, writing, rows, codes, again=False)
        _jixi(mess, writing, rows, codes)
        _jingde(mess, writing, rows, codes)
    with Writing(folder / AGAIN) as writing:
        _jing(mess, writing, rows, codes, again=True)
    _ningguo(mess, folder / CSV, rows)
    _statuses(folder / STATUS, rows, statuses)
    mess.files = [folder / name for name in FILES]
    return mess


def area_name(area: str) -> str:
    """The county's name as its sheet bears it."""
    return BY_CODE[area].name
