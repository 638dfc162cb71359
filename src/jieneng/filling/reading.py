"""Reading a workbook that comes back, from Excel, WPS or LibreOffice: by the marks it carries, wherever sheets, rows and columns went.

Nothing in the file is believed but what was typed: verdicts and sums are reckoned anew, and what the workbook says it is must bear our
signature. Every file is opened in the limited child process (``returns.intake``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils.crypto import constant_time_compare

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.returns.intake.grid import cell_name, shown
from jieneng.returns.intake.guard import Limits
from jieneng.returns.intake.opening import open_table
from jieneng.returns.parts import part_forms
from jieneng.rulebook.types import Book

from . import part_sheets
from .amounts import read_amount
from .shape import Shape, shape_of, unit_sign
from .workbook import FORMAT, sign

Rows = Iterable[tuple[int, list[str]]]
KEPT = ("form", "edition", "year", "round", "kind", "key", "rulebook", "format")
NOT_OURS = T("不是本系统发的填报工作簿，或者标识被删掉了", "not a workbook issued here, or its marks were removed")
FETCH = T("重新下载工作簿，把数粘贴过去再交", "download the workbook again and paste the numbers into it")


@dataclass(frozen=True)
class Cell:
    """What stands in one input cell: the number, its text as received, or what is wrong; and where."""

    sheet: str
    cell: str
    raw: str
    value: Decimal | None = None
    problem: Problem | None = None


@dataclass
class Read:
    """A workbook read back: what it says it is, the cells by (key, period) and item, what is wrong with it as a whole."""

    name: str
    identity: dict[str, str] = field(default_factory=dict)
    rows: dict[tuple[str, str], dict[str, Cell]] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    basis: dict[str, tuple[str, str]] = field(default_factory=dict)
    parts: dict[str, part_sheets.PartRow] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def cells(self) -> Iterator[Cell]:
        for row in self.rows.values():
            yield from row.values()
        for part in self.parts.values():
            yield from part.cells.values()


@dataclass
class _Sheet:
    name: str
    rows: list[tuple[int, list[str]]]

    def marks(self, word: str) -> bool:
        return any(cells and cells[0] == "t" + word for _, cells in self.rows[:40])


def read_workbook(path: Path, name: str, book: Book, shapes: dict[str, Shape], limits: Limits | None = None) -> Read:
    """One workbook. Raises ``Refused`` for a file that is none, damaged, dangerous, not ours, or of another edition."""
    with open_table(path, name=name, limits=limits or Limits(columns=1000)) as table:
        sheets = [(s.name, [(r.number, r.cells) for r in s.rows]) for s in table.sheets]
    return understand(sheets, name, book, shapes)


def understand(sheets: Iterable[tuple[str, list[tuple[int, list[str]]]]], name: str, book: Book, shapes: dict[str, Shape]) -> Read:
    """What the sheets of an opened workbook say. ``shapes``: edition's name → its shape, those that are taken now."""
    found = [_Sheet(n, rows) for n, rows in sheets]
    read = Read(name, _identity(found, name))
    edition = f"{read.identity['form']}@{read.identity['edition']}"
    if edition not in shapes:
        raise refuse("workbook.edition", T("这是 {e} 年版的工作簿", "this is a workbook of edition {e}", e=read.identity["edition"]),
                     T("{x}", "{x}", x="、".join(sorted(shapes)) or "—"), FETCH, Place(file=name))
    shape = shapes[edition]
    if read.identity["rulebook"] != book.hash:
        read.problems.append(Problem("workbook.rulebook", T("发工作簿以后审核规则更新过；按现在的规则重新核对了", "the rules changed since it was issued; it was checked by those of today"),
                                     where=Place(file=name)))
    data = [s for s in found if s.marks("#items")]
    if not data:
        raise refuse("workbook.no_sheet", T("工作簿里没有“填报”表", "the workbook has no sheet to fill in"), do=FETCH, where=Place(file=name))
    for s in data:
        _data(s, read, book, shape)
    kinds = {f.code: shape_of(book, f) for f in part_forms(book, shape.form.code, int(read.identity["year"]))}
    for s in (s for s in found if s.marks("#parts")):
        part_sheets.read_sheet(s.name, s.rows, read, kinds, lambda row, column, raw, e, s=s: _cell(read, s, row, column, raw, e, unit_sign(book, e.item.unit)), _text)  # type: ignore[misc]
    for s in found:
        if s.marks("#basis"):
            read.basis |= {cells[0][2:]: (_text(cells, 3), _text(cells, 4)) for _, cells in s.rows if cells and cells[0].startswith("t#") and cells[0] != "t#basis"}
    return read


def _text(cells: list[str], n: int) -> str:
    return shown(cells[n]) if n < len(cells) else ""


def _identity(sheets: list[_Sheet], name: str) -> dict[str, str]:
    for s in sheets:
        pairs = {_text(cells, 0): _text(cells, 1) for _, cells in s.rows[:40]}
        if pairs.get("format") == FORMAT and "signature" in pairs:
            signature = pairs.pop("signature")
            pairs = {k: v for k, v in pairs.items() if k}
            if not constant_time_compare(signature, sign(pairs)):
                raise refuse("workbook.signature", T("工作簿的标识被改过", "the marks of the workbook were changed"), do=FETCH, where=Place(file=name))
            if missing := [k for k in KEPT if k not in pairs]:
                raise refuse("workbook.identity", T("工作簿的标识不全：{x}", "marks are missing: {x}", x="、".join(missing)), do=FETCH, where=Place(file=name))
            return pairs
    raise refuse("workbook.foreign", NOT_OURS, do=T("别的表格请用“导入”按表样读入；填报请重新下载工作簿", "bring other tables in by a layout; to fill in, download the workbook again"),
                 where=Place(file=name))


def _data(s: _Sheet, read: Read, book: Book, shape: Shape) -> None:
    """The rows of a sheet with marks: inputs by item code, wherever their columns and rows now are."""
    head = next(cells for _, cells in s.rows if cells and cells[0] == "t#items")
    columns = {n: cells[1:] for n, cells in enumerate(head) if n and cells.startswith("t") and cells[1:] in shape.entries}
    typed = {n: shape.entries[code] for n, code in columns.items() if not shape.entries[code].parts}
    units = {e.code: unit_sign(book, e.item.unit) for e in typed.values()}
    if lost := [e.label for e in shape.entries.values() if not e.parts and e.required and e not in typed.values()]:
        read.problems.append(Problem("workbook.columns", T("少了 {n} 列：{x}", "{n} columns are missing: {x}", n=len(lost), x="、".join(map(str, lost[:5]))),
                                     do=T("缺的列当作没填；要填请重新下载工作簿", "they count as not answered; download the workbook again to fill them in"), where=Place(file=read.name, sheet=s.name)))
    begun, above = False, dict[str, dict[str, Cell]]()
    for number, cells in s.rows:
        if not cells:
            continue
        begun = begun or cells[0] == "t#items"
        mark = cells[0][2:] if cells[0].startswith("t#") else ""
        key, bar, period = mark.partition("|")
        where = Place(file=read.name, sheet=s.name, cell=f"A{number}")
        if not bar:
            if begun and number > 5 and any(n < len(cells) and cells[n][:1] == "n" for n in typed):
                read.problems.append(Problem("workbook.row", T("第 {n} 行没有行标，里面的数没有读", "row {n} has no mark; its numbers were not read", n=number),
                                             do=T("把数挪到原来的行里；新单位先在名录库登记", "move them to the rows that were there; a new unit goes into the register first"), where=where))
            continue
        if (key, period) in read.rows:
            read.problems.append(Problem("workbook.twice", T("第 {n} 行重复：{k} {p} 已经有一行", "row {n} repeats {k} {p}", n=number, k=key, p=period),
                                         do=T("留一行；读的是前一行", "keep one; the first was read"), where=where))
            continue
        read.names[key, period] = _text(cells, 1)
        row = {e.code: _cell(read, s, number, n, cells[n] if n < len(cells) else "", e, units[e.code]) for n, e in typed.items()}
        for n, e in typed.items():
            # our own “as in the row above”, saved by a program that does not calculate: it says what the row above says
            if n < len(cells) and cells[n] == "f" and e.item.over_time != "sum" and key in above:
                row[e.code] = replace(above[key][e.code], cell=cell_name(number, n + 1), problem=None)
        read.rows[key, period] = above[key] = row


def _cell(read: Read, s: _Sheet, row: int, column: int, raw: str, e: Any, unit: str) -> Cell:
    at = cell_name(row, column + 1)
    if not raw:
        return Cell(s.name, at, "")
    text = shown(raw)
    if raw[0] == "n" and (plain := Decimal(text)) < 10**11 and plain >= 0 and (plain == (whole := int(plain)) or e.item.kind != "count"):
        # what spreadsheets keep has fifteen digits: the noise after them is no answer
        value = Decimal(whole) if plain == whole else round(plain, 4).normalize()
        return Cell(s.name, at, f"{value:f}", value)
    where = Place(file=read.name, sheet=s.name, cell=at)
    kind = raw[:1]
    if kind == "n" and "E" in text:
        text = f"{Decimal(text):f}"
    if kind in ("e", "u") or kind in ("d", "h", "b"):
        said = {"e": T("公式出错 {x}", "a formula error {x}", x=text), "d": T("是日期 {x}", "a date, {x}", x=text)}.get(kind, T("“{x}”不是数字", "“{x}” is no number", x=text))
        return Cell(s.name, at, text, None, Problem("workbook.cell", said, T("数，单位 {u}", "a number of {u}", u=unit), T("把这一格改成数字", "put a number there"), where))
    if kind == "f":
        return Cell(s.name, at, "", None, Problem("workbook.uncalculated", T("公式没有算出结果", "a formula without a result"), T("数，单位 {u}", "a number of {u}", u=unit),
                                                  T("用 WPS 或 Excel 打开，保存一次再交", "open it in WPS or Excel and save it once"), where))
    got = read_amount(text, e.item, unit, e.code)
    if isinstance(got, Problem):
        return Cell(s.name, at, text, None, Problem(got.code, got.found, got.expected, got.do, where))
    return Cell(s.name, at, text, got)


__all__ = ["Cell", "Read", "Refused", "read_workbook", "understand"]
