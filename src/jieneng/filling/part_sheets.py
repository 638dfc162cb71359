"""Machine rooms and heating sources in the workbook of an institution: a sheet for each form, a row for each part, out and in again.

A row is marked ``#data_centre-1``; the empty ones below, for parts that are new, ``#data_centre-+1``. The checks of a form are in its cells;
those over forms are judged when the workbook comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_col_to_name

from jieneng.core.cell import LIMIT
from jieneng.core.problem import Place, Problem
from jieneng.core.words import T
from jieneng.records.workbook import Sheet
from jieneng.returns.parts import KEY, LONGEST_NAME, form_of, read_parts

from . import rules
from .parts import keys_of, next_key
from .shape import Shape, unit_sign

if TYPE_CHECKING:
    from .judge import Judged
    from .queries import Year
    from .reading import Cell, Read
    from .workbook import _Writer

HEAD, NAME, FIRST = 3, 1, 3
"""Rows above the data (codes, hidden; heads; units); the column of the name; the first column of an item."""
SPARE = 3
"""Empty rows for parts that are new."""


@dataclass
class PartLine:
    """A row: its mark, its name, what is known; texts that are no numbers as they came."""

    mark: str
    name: str = ""
    values: Mapping[str, Decimal | None] = field(default_factory=dict)
    before: Mapping[str, Decimal | None] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass
class PartSheet:
    """A sheet: the form of the parts and its rows. ``locked``: filed, not to be changed."""

    shape: Shape
    lines: Sequence[PartLine]
    locked: bool = False


@dataclass
class PartRow:
    """A row that came back: its name and its cells by item."""

    name: str
    cells: dict[str, Cell] = field(default_factory=dict)


def sheets_of(year: Year, judged: Judged, read: Read | None = None) -> list[PartSheet]:
    """The sheets of a year: its draft as it stands, or as a workbook that came back holds it, with rows to spare."""
    before = {p.key: p.answers for p in read_parts(year.last_parts)}
    found = []
    for code, shape in year.kinds.items():
        lines = [PartLine(p.key, p.name, p.answers, before.get(p.key, {}), {i: year.values[at] for i in p.answers if (at := f"{p.key}.{i}") in judged.problems})
                 for p in judged.parts if p.form == code]
        if read is not None:
            came = {m: r for m, r in read.parts.items() if form_of(m) == code}
            kept = {x.mark: x for x in lines}
            lines = [PartLine(m, r.name or (kept[m].name if m in kept else ""), {i: c.value for i, c in r.cells.items()}, before.get(m, {}),
                              {i: c.raw for i, c in r.cells.items() if c.problem and c.raw}) for m, r in came.items()]
        locked = year.closing not in year.open
        spare = [PartLine(f"{code}-+{n}") for n in range(1, SPARE + 1) if f"{code}-+{n}" not in {x.mark for x in lines}]
        found.append(PartSheet(shape, lines if locked else [*lines, *spare], locked))
    return found


def write(w: _Writer, part: PartSheet, comments: Mapping[tuple[str, str], Sequence[str]]) -> None:
    """One sheet: heads, rows with sums and verdicts as formulas, limits, locks."""
    form = part.shape.form
    sheet = w.book.add_worksheet(str(form.part or form.title)[:31])
    put, entries, checks = Sheet(w.book, sheet).put, list(part.shape.entries.values()), rules.usable(form)
    at = {e.code: n for n, e in enumerate(entries, FIRST)} | {f"check.{c.id}": n for n, c in enumerate(checks, FIRST + len(entries))}
    sheet.write_string(0, 0, "#parts")
    sheet.write_string(0, NAME, f"name:{form.code}")
    sheet.set_column(0, 0, 2, None, {"hidden": True})
    sheet.set_row(0, None, None, {"hidden": True})
    for n, (zh, en, width) in enumerate((("名称", "Name", 22), ("结果", "Result", 24)), NAME):
        put(1, n, str(T(zh, en)), w.head)
        sheet.write_blank(2, n, None, w.head)
        sheet.set_column(n, n, width)
    for e in entries:
        sheet.write_string(0, at[e.code], e.code)
        put(1, at[e.code], f"{e.number} {e.label}".strip() + (str(T("（自动相加）", " (computed)")) if e.parts else ""), w.head)
        put(2, at[e.code], unit_sign(w.spec.book, e.item.unit), w.head)
        sheet.set_column(at[e.code], at[e.code], 13)
    for c in checks:
        put(1, at[f"check.{c.id}"], c.id, w.head)
    sheet.set_row(1, 48)
    for row, line in enumerate(part.lines, HEAD):
        _row(w, sheet, put, part, line, row, at, comments)
    last = max(HEAD, HEAD + len(part.lines) - 1)
    for e in (e for e in entries if not e.parts):
        sheet.data_validation(HEAD, at[e.code], last, at[e.code], {
            "validate": "integer" if e.item.kind == "count" else "decimal", "criteria": "between", "minimum": 0, "maximum": int(LIMIT) - 1, "ignore_blank": True,
            "error_title": str(T("填的不是能用的数", "not a usable number")), "error_message": str(T("应为 0 或更大的数，单位 {u}", "0 or more, in {u}", u=unit_sign(w.spec.book, e.item.unit)))})
    sheet.freeze_panes(HEAD, FIRST)
    sheet.protect("", {"format_columns": True, "format_rows": True, "objects": True})
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _row(w: _Writer, sheet: Any, put: Any, part: PartSheet, line: PartLine, row: int, at: Mapping[str, int], comments: Mapping[tuple[str, str], Sequence[str]]) -> None:
    """One part: what is known, its sums, its verdicts and what they come to."""
    def there(name: str) -> str | None:
        return f"{xl_col_to_name(at[name])}{row + 1}" if name in at else None

    style = w.done if part.locked else w.input
    sheet.write_string(row, 0, f"#{line.mark}")
    put(row, NAME, line.name, w.done if part.locked else w.choose)
    required = []
    for e in part.shape.entries.values():
        value, column = line.values.get(e.code), at[e.code]
        if e.parts:
            cells = [str(there(p)) for p in e.parts]
            sheet.write_formula(row, column, f'=IF(COUNT({",".join(cells)})={len(cells)},{"+".join(cells)},"")', w.sum, "" if value is None else float(value))
            continue
        required += [str(there(e.code))] if e.required else []
        if e.code in line.texts:
            put(row, column, line.texts[e.code], style)
        elif value is None:
            sheet.write_blank(row, column, None, style)
        else:
            sheet.write_number(row, column, float(value), style)
        said = [*comments.get((line.mark, e.code), ()), *([str(T("去年 {v}", "last year {v}", v=f"{line.before[e.code]:,f}"))] if line.before.get(e.code) is not None else [])]
        if said:
            sheet.write_comment(row, column, "\n".join(said), {"x_scale": 2})
    marks = []
    for c in rules.usable(part.shape.form):
        column = at[f"check.{c.id}"]
        sheet.write_formula(row, column, "=" + rules.verdict(c, there), w.mark, 0)
        marks.append(f"{xl_col_to_name(column)}{row + 1}")
    fails = f"COUNTIF({marks[0]}:{marks[-1]},2)" if marks else "0"
    name, filled = f"{xl_col_to_name(NAME)}{row + 1}", f"COUNT({','.join(required)})"
    sheet.write_formula(row, NAME + 1, (f'=IF(AND({name}="",{filled}=0),"",IF({fails}>0,"✗ "&{fails}&"{T(" 处要看", " to look at")}",IF({name}="","{T("… 没写名称", "… no name")}",'
                                        f'IF({filled}<{len(required)},"… "&({len(required)}-{filled})&"{T(" 格还没填", " cells are empty")}","✓ {T("可以交", "ready")}"))))'), w.plain, "")


def read_sheet(name: str, rows: Sequence[tuple[int, list[str]]], read: Read, kinds: Mapping[str, Shape], cell: Callable[[int, int, str, Any], Cell], text: Callable[[list[str], int], str]) -> None:
    """The rows of a sheet of parts into ``read.parts``, wherever its columns went. ``cell``: row, column, raw, entry → what stands there."""
    head = next(cells for _, cells in rows if cells and cells[0] == "t#parts")
    named = next((n for n, c in enumerate(head) if c.startswith("tname:")), -1)
    shape = kinds.get(head[named][len("tname:"):]) if named > 0 else None
    if shape is None:
        read.problems.append(Problem("workbook.parts", T("这张表的标识不全，没有读", "the marks of this sheet are incomplete; it was not read"),
                                     do=T("重新下载工作簿", "download the workbook again"), where=Place(file=read.name, sheet=name)))
        return
    columns = {n: e for n, c in enumerate(head) if c[:1] == "t" and (e := shape.entries.get(c[1:])) is not None and not e.parts}
    for number, cells in rows:
        mark = cells[0][2:] if cells and cells[0].startswith("t#") else ""
        if form_of(mark.replace("+", "")) != shape.form.code or not KEY.fullmatch(mark.replace("+", "")):
            continue
        row = PartRow(text(cells, named).strip()[:LONGEST_NAME], {e.code: cell(number, n, cells[n] if n < len(cells) else "", e) for n, e in columns.items()})
        if mark in read.parts:
            read.problems.append(Problem("workbook.twice", T("第 {n} 行重复", "row {n} is there twice", n=number), do=T("留一行；读的是前一行", "keep one; the first was read"),
                                         where=Place(file=read.name, sheet=name, cell=f"A{number}")))
        elif row.name or any(c.raw for c in row.cells.values()):
            read.parts[mark] = row


def into_draft(year: Year, read: Read) -> tuple[dict[str, str], dict[str, list[Any]]]:
    """What a workbook says of parts, as fields of the draft and where each stood. An empty cell leaves the draft as it is; new rows take new numbers."""
    given: dict[str, str] = {}
    cells: dict[str, list[Any]] = {}
    if year.closing not in year.open:
        return given, cells
    fresh: dict[str, int] = {}
    for mark, row in read.parts.items():
        kind, key = form_of(mark), mark
        if "+" in mark or mark not in keys_of(year.values, year.kinds):
            first = int(next_key(year, kind).rpartition("-")[2] or 0)
            if not first:
                continue
            key = f"{kind}-{first + fresh.setdefault(kind, 0)}"
            fresh[kind] += 1
        given[f"part.{key}"] = "1"
        if row.name:
            given[f"name.{key}"] = row.name
        for code, c in row.cells.items():
            if c.raw:
                given[f"{key}.{code}"] = c.raw
                cells[f"{key}.{code}"] = [0, f"{read.name} {c.sheet}", c.cell, c.raw, ""]
    return given, cells
