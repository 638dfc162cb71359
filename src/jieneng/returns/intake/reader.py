"""From the rows of an opened table to drafts, register lines and ledger rows, by a layout and a book.

``read_file`` does all of it; ``read_table`` is the pure part (rows in, results out). Good rows always go in; what is
wrong is named with sheet and cell, and nothing is guessed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from jieneng.core.amount import stored
from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T
from jieneng.rulebook import convert, unit_code
from jieneng.rulebook.types import Book

from . import cells as c
from .drafts import BodyRow, Draft, From, IntakeResult, LedgerRow
from .grid import Row, Sheet, Table, cell_name, shown
from .guard import Limits, look, shown_name
from .header import LOOK, Header, Merged, find_header
from .layout import Layout, PeriodSpec, Spec, check_layout
from .merging import Bodies, Drafts, Ledgers
from .opening import Progress, open_table


def read_file(
    path: Path,
    layout: Layout,
    book: Book,
    *,
    name: str | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> IntakeResult:
    """Read the file at ``path`` (received under ``name``) by a layout.

    Raises ``Refused`` when the file as a whole cannot be read or the layout asks for what the book does not have.
    ``progress(rows done, rows of the sheet or 0)`` is called now and then.
    """
    Units(book).check(layout)
    shown_as = shown_name(name or Path(path).name)
    seen = look(path, name or "", limits)
    result = IntakeResult(layout.code, layout.hash, shown_as)
    if seen.surprise:
        result.note("file-name", seen.surprise)
    if (layout.kind == "csv") != (seen.kind == "csv"):
        is_, wants = ("CSV" if k == "csv" else "xlsx" for k in (seen.kind, layout.kind))
        raise Refused(
            Problem(
                "file-layout",
                T("文件是 {a}，布局要的是 {b}", "the file is {a}, the layout wants {b}", a=is_, b=wants),
                do=T("选对应的布局", "choose the layout that fits"),
                where=Place(file=shown_as),
            )
        )
    with open_table(
        path,
        name=shown_as,
        limits=limits,
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        sheets=layout.sheets,
        progress=progress,
        seen=seen,
    ) as table:
        return read_table(table, layout, book, result)


def read_table(table: Table, layout: Layout, book: Book, result: IntakeResult) -> IntakeResult:
    """Read the sheets of an opened table. Raises ``Refused`` when no sheet fits the layout."""
    reading = _Reading(layout, book, result)
    for note in table.notes:
        result.note("limits", note)
    unread: list[Problem] = []
    found: list[str] = []
    for sheet in table.sheets:
        if not _wanted(layout, sheet.name):
            continue
        if sheet.hidden and not layout.hidden:
            result.note(
                "sheet-hidden", T("隐藏的工作表“{s}”没有读", "the hidden sheet “{s}” was not read", s=sheet.name)
            )
            continue
        found.append(sheet.name)
        unread += reading.sheet(sheet)
    result.encoding = table.encoding
    for name in layout.sheets:
        if name not in found:
            result.problem(
                Problem(
                    "sheet-missing",
                    T("没有工作表“{s}”", "there is no sheet “{s}”", s=name),
                    where=Place(file=result.file),
                )
            )
    if not result.counts.get("sheets"):
        raise Refused(
            *(
                unread
                or [
                    Problem(
                        "table-empty",
                        T("文件里没有能读的表", "the file has no table that can be read"),
                        do=T("核对是不是选对了文件和布局", "check the file and the layout"),
                        where=Place(file=result.file),
                    )
                ]
            )
        )
    named = bool(layout.sheets or layout.sheets_match)
    for problem in unread:
        if named or problem.code != "sheet-other":
            result.problem(problem)
        else:
            result.note(
                "sheet-other",
                T(
                    "工作表“{s}”不是这种表，没有读",
                    "sheet “{s}” is not such a table and was not read",
                    s=problem.where.sheet,
                ),
                problem.where,
            )
    reading.finish()
    return result


def _wanted(layout: Layout, sheet: str) -> bool:
    if layout.sheets_match:
        return re.search(layout.sheets_match, sheet) is not None
    return not layout.sheets or sheet in layout.sheets


_OWN = ("name", "area", "department", "territory", "type", "line")


class Units:
    """Factors between units of a book, each asked for once. None where a unit is unknown or of another family."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.known: dict[tuple[str, str], Fraction | None] = {}

    def factor(self, unit_from: str, unit_to: str) -> Fraction | None:
        key = (unit_from, unit_to)
        if key not in self.known:
            try:
                self.known[key] = Fraction(convert(self.book, Decimal(1), unit_code(self.book, unit_from), unit_to))
            except Refused:
                self.known[key] = None
        return self.known[key]

    def check(self, layout: Layout) -> None:
        """Raises ``Refused`` with everything in the layout that the book does not have."""
        wrong = check_layout(layout, self.book, lambda a, b: self.factor(a, b) is not None)
        if wrong:
            raise Refused(*wrong)


@dataclass
class Line:
    """A data row under its header: its cells with merged ones repeated, and where it stands."""

    number: int
    cells: list[str]
    line: int
    sheet: Sheet
    header: Header
    merged: Merged
    file: str
    own: dict[str, str] = field(default_factory=dict)

    def column(self, name: str) -> int:
        return self.header.columns.get(name, 0)

    def cell(self, name: str) -> str:
        at = self.column(name)
        return self.cells[at - 1] if 0 < at <= len(self.cells) else ""

    def place(self, name: str) -> Place:
        at = self.column(name) or 1
        return Place(file=self.file, line=self.line, sheet=self.sheet.name, cell=cell_name(self.number, at))

    def origin(self, name: str) -> From:
        return From(self.file, self.sheet.name, cell_name(self.number, self.column(name) or 1), self.number, self.line)


class _Reading:
    """The reading of one file: what is carried from row to row."""

    def __init__(self, layout: Layout, book: Book, result: IntakeResult) -> None:
        self.layout, self.book, self.result = layout, book, result
        self.units = Units(book)
        self.drafts, self.bodies = Drafts(layout.shape == "wide"), Bodies("answers" in layout.reads)
        self.ledger = book.ledgers.get(layout.ledger) if layout.ledger else None
        self.ledgers = Ledgers()
        self.missing = {c.norm(m) for m in layout.missing}
        self.totals = [c.norm(t) for t in layout.totals]
        self.items = {c.norm(i.column): i for i in layout.items}
        months = layout.months or layout.long
        self.not_wanted = {c.norm(s) for s in (months.skip if months else ())}
        self.above: dict[int, str] = {}
        self.maps: dict[int, dict[str, str]] = {}
        self.telling = self._telling()
        self.unmapped: set[str] = set()

    def _telling(self) -> list[str]:
        """The columns that say whose row it is."""
        specs = [self.layout.identifier, self.layout.fields.get("name")]
        if self.ledger is not None:
            specs = [f.spec for f in self.layout.ledger_fields if f.field in self.ledger.key]
        names = [n for s in specs if s for n in s.columns]
        return names or self.layout.columns()[:1]

    # --- sheets and rows ---

    def sheet(self, sheet: Sheet) -> list[Problem]:
        """Read one sheet; gives the problems for which it was not read."""
        rows = iter(sheet.rows)
        merged = Merged(sheet.merged)
        top = max(LOOK, self.layout.header_row + self.layout.header_rows) + 8
        begin = []
        for row in rows:
            begin.append(row)
            if row.number >= top:
                break
        if not begin:
            if sheet.name in self.layout.sheets or not sheet.name:
                return [Problem("table-empty", T("表是空的", "the table is empty"), where=self._at(sheet))]
            return []
        header = find_header(begin, sheet, self.layout, merged, self.result.file)
        if isinstance(header, list):
            return header
        self.result.count("sheets")
        self._say_hidden(sheet, header)
        self.above = {}
        read = 0
        for line in self._lines(itertools.chain(begin, rows), sheet, header, merged):
            read += 1
            self._row(line)
        if not read:
            self.result.note(
                "sheet-no-rows", T("表头下面没有数据", "there is no data below the header"), self._at(sheet)
            )
        return []

    def _at(self, sheet: Sheet, cell: str = "") -> Place:
        return Place(file=self.result.file, sheet=sheet.name, cell=cell)

    def _say_hidden(self, sheet: Sheet, header: Header) -> None:
        if sheet.hidden:
            self.result.note(
                "sheet-hidden",
                T("读了隐藏的工作表“{s}”", "the hidden sheet “{s}” was read", s=sheet.name),
                self._at(sheet),
            )
        used = [n for n, at in header.columns.items() if at in sheet.hidden_columns]
        if used:
            self.result.note(
                "columns-hidden",
                T("读了隐藏的列：{n}", "hidden columns were read: {n}", n="、".join(used)),
                self._at(sheet),
            )

    def _lines(self, rows: Iterator[Row], sheet: Sheet, header: Header, merged: Merged) -> Iterator[Line]:
        """The data rows: without totals, section titles, repeated headers, and rows the layout skips."""
        previous, hidden = header.last, []
        for row in rows:
            if row.number <= header.last:
                continue
            line = Line(row.number, merged.fill(row), row.line, sheet, header, merged, self.result.file)
            gap, previous = row.number - previous > 1, row.number
            if not any(line.cells) or all(not shown(x).strip() for x in line.cells):
                gap = True
            if self._ends(line, gap):
                break
            if all(not shown(x).strip() for x in line.cells):
                continue
            if row.number in sheet.hidden_rows:
                if not self.layout.hidden:
                    self.result.count("hidden_skipped")
                    continue
                hidden.append(row.number)
            if not self._skipped(line):
                yield line
        if hidden:
            text = ", ".join(map(str, hidden[:10])) + ("…" if len(hidden) > 10 else "")
            self.result.note(
                "rows-hidden",
                T("读了 {n} 个隐藏的行：{r}", "{n} hidden rows were read: {r}", n=len(hidden), r=text),
                self._at(sheet),
            )

    def _ends(self, line: Line, gap: bool) -> bool:
        """Whether the table ends at this row."""
        if self.layout.stop_blank and (gap or not line.cells or not shown(line.cells[0]).strip()):
            return True
        first = next((c.norm(shown(x)) for x in line.cells if x), "")
        return any(first.startswith(c.norm(mark)) for mark in self.layout.stop_at if mark)

    def _skipped(self, line: Line) -> bool:
        """Total lines, section titles, repeated headers and rows the layout does not want; counted by kind."""
        kind = ""
        if self._is_total(line):
            kind = "total_lines"
        elif self._is_header(line):
            kind = "repeated_headers"
        elif self._is_section(line):
            kind = "section_lines"
        elif any(self._test(test, line) for test in self.layout.skip):
            kind = "skipped"
        if kind:
            self.result.count(kind)
        return bool(kind)

    def _is_total(self, line: Line) -> bool:
        first = next((x for x in line.cells if x), "")
        texts = [c.norm(shown(x)).rstrip(":：") for x in (first, *(line.cell(n) for n in self.telling)) if x]
        if any(text in self.totals for text in texts):
            return True
        coded = self.layout.identifier is not None and any(line.cell(n) for n in self.layout.identifier.columns)
        labels = [t for t in self.totals if t and ord(t[0]) > 0x2E80]
        return not coded and any(text.endswith(t) or text.startswith(t) for text in texts for t in labels)

    def _is_header(self, line: Line) -> bool:
        at = [n for n in set(line.header.columns.values()) if n <= len(line.cells) and line.cells[n - 1]]
        same = [n for n in at if c.norm(shown(line.cells[n - 1])) in line.header.parts.get(n, ())]
        return bool(at) and len(same) == len(at) and (len(at) > 1 or len(line.header.columns) == 1)

    def _is_section(self, line: Line) -> bool:
        """A title that is merged across the table."""
        at = line.column(self.telling[0]) if self.telling else 0
        area = line.merged.around(line.number, at) if at else None
        if area is None or area[3] == area[1]:
            return False
        inside = [n for n in line.header.columns.values() if area[1] <= n <= area[3]]
        return len(inside) >= 2 and all(not x for n, x in enumerate(line.cells, 1) if not area[1] <= n <= area[3])

    def _test(self, test: Any, line: Line) -> bool:
        text = shown(line.cell(test.column)).strip()
        if test.blank:
            return not text
        if test.matches:
            return re.search(test.matches, text[:500]) is not None
        return c.norm(text) in {c.norm(e) for e in test.equals}

    # --- fields ---

    def _fault(self, fault: c.Fault, place: Place, name: str = "") -> None:
        self.result.problem(
            Problem(
                fault.code,
                fault.found,
                fault.expected,
                fault.do,
                Place(place.file, place.line, place.sheet, place.cell, name),
            )
        )

    def _place(self, spec: Spec, line: Line) -> Place:
        return line.place(spec.columns[0]) if spec.columns else self._at(line.sheet)

    def _raw(self, spec: Spec, line: Line) -> str:
        """The cell (typed) of a one-column spec, the blank filled from above where the layout says so."""
        cell = line.cell(spec.columns[0])
        if not spec.fill_down:
            return cell
        if shown(cell).strip():
            self.above[id(spec)] = cell
            return cell
        return self.above.get(id(spec), "")

    def _found(self, spec: Spec, line: Line) -> str:
        """The text a spec gives, before its map. Raises Fault."""
        if spec.value is not None:
            return spec.value
        if spec.pattern:
            return self._searched(spec, line)[0]
        if len(spec.columns) > 1:
            return spec.join.join(t for t in (c.text_of(line.cell(n)) for n in spec.columns) if t)
        return c.text_of(self._raw(spec, line))

    def _searched(self, spec: Spec, line: Line) -> tuple[str, ...]:
        """The groups of a pattern over the sheet's name, the file's name or the title; the whole match where it has none."""
        text = line.sheet.name if spec.sheet else self.result.file if spec.file else line.header.title
        found = re.search(spec.pattern, text)
        if found is None:
            what = (
                T("工作表名", "sheet name")
                if spec.sheet
                else T("文件名", "file name")
                if spec.file
                else T("标题", "title")
            )
            raise c.Fault(
                "pattern",
                T(
                    "{w}“{t}”里找不到“{p}”",
                    "“{p}” is not found in the {w} “{t}”",
                    w=what,
                    t=c.brief(text),
                    p=spec.pattern,
                ),
            )
        return tuple(g or "" for g in found.groups()) or (found.group(),)

    def _mapped(self, spec: Spec, text: str) -> str:
        """Through the spec's map. Raises Fault for what the map does not have."""
        if not spec.map or not text:
            return text
        if id(spec) not in self.maps:
            self.maps[id(spec)] = {c.norm(k): v for k, v in spec.map.items()}
        table = self.maps[id(spec)]
        if (key := c.norm(text)) in table:
            return table[key]
        if text in spec.map.values() or spec.keep:
            return text
        raise c.Fault(
            "map",
            T("“{v}”对不上代码", "“{v}” stands for no code", v=c.brief(text)),
            T("{a}", "{a}", a="、".join(list(spec.map)[:20])),
            T("改正这一格，或在布局的 map 里补上", "mend the cell, or add it to the layout’s map"),
        )

    def _field(self, name: str, line: Line) -> str:
        """A named field of the layout as text, "" where the layout or the row does not say; a fault becomes a problem."""
        spec = self.layout.fields.get(name)
        return self._text(spec, line, name) if spec else ""

    def _text(self, spec: Spec, line: Line, name: str) -> str:
        try:
            text = self._found(spec, line)
            return "" if c.norm(text) in self.missing else self._mapped(spec, text)
        except c.Fault as fault:
            self._once(fault, spec, line, name)
            return ""

    def _once(self, fault: c.Fault, spec: Spec, line: Line, name: str) -> None:
        """A problem of a pattern is told once per sheet, that of a cell each time."""
        if spec.columns:
            self._fault(fault, self._place(spec, line), name)
        elif (mark := f"{line.sheet.name}|{id(spec)}") not in self.unmapped:
            self.unmapped.add(mark)
            self._fault(fault, self._at(line.sheet), name)

    def _identifier(self, line: Line) -> str | None:
        """The row's code; None after the problem was told."""
        spec = self.layout.identifier
        if spec is None:
            return ""
        try:
            if len(spec.columns) == 1:
                text = c.identifier(self._raw(spec, line), self.layout.scheme)
            else:
                text = c.identifier("t" + self._found(spec, line), self.layout.scheme)
            text = self._mapped(spec, "" if c.norm(text) in self.missing else text)
        except c.Fault as fault:
            self._fault(fault, self._place(spec, line), "identifier")
            return None
        if not text:
            content = next((c.brief(shown(x)) for x in line.cells if x), "")
            self.result.count("unnamed")
            self._fault(
                c.Fault(
                    "identifier-missing",
                    T("这一行没有识别码（内容：{c}）", "the row has no code (it says: {c})", c=content),
                    do=T(
                        "补上识别码；如果是说明文字，用布局的 stop 或 rows 跳过",
                        "add the code; if it is a remark, skip it by the layout’s stop or rows",
                    ),
                ),
                self._place(spec, line),
                "identifier",
            )
            return None
        return text

    def _period(self, spec: PeriodSpec | None, line: Line) -> Period | None:
        """The row's period; None after the problem was told."""
        if spec is None:
            return None
        main = spec.whole or spec.year
        if main is None:
            return None
        try:
            if spec.whole is not None:
                return self._whole_period(spec.whole, spec.of, line)
            year = self._number_of(main, line)
            month = self._number_of(spec.month, line) if spec.month else None
            return c.make_period(year, month, f"{year}-{month}")
        except c.Fault as fault:
            self._once(fault, main, line, "period")
            return None

    def _whole_period(self, spec: Spec, of: str, line: Line) -> Period:
        if spec.value is not None:
            return Period.parse(spec.value)
        if spec.pattern:
            groups = self._searched(spec, line)
            month = groups[1] if len(groups) > 1 and of != "year" else ""
            return c.make_period(_whole(groups[0]), _whole(month) if month else None, "-".join(groups))
        cell = self._raw(spec, line)
        if len(spec.columns) > 1 or spec.map:
            cell = "t" + self._mapped(spec, self._found(spec, line))
        if not cell:
            raise c.Fault("period-missing", T("没有统计期", "the period is missing"))
        return c.period(cell, spec.formats, of, line.sheet.date1904)

    def _number_of(self, spec: Spec, line: Line) -> int:
        """A year or month that stands alone: 2022, 2022年, 3月."""
        return _whole(self._mapped(spec, self._found(spec, line)))

    # --- rows by kind ---

    def _row(self, line: Line) -> None:
        self.result.count("rows")
        if self.ledger is not None:
            self._ledger_row(line)
            return
        code = self._identifier(line)
        if code is None:
            return
        period: Period | None = None
        if "answers" in self.layout.reads:
            spec = PeriodSpec(year=self.layout.months.year) if self.layout.months else self.layout.period
            period = self._period(spec, line)
        if "register" in self.layout.reads:
            self._body(line, code, period)
        if period is not None:
            {"wide": self._wide, "long": self._long, "months": self._months}[self.layout.shape](line, code, period)

    def _own(self, line: Line) -> dict[str, str]:
        """What the row says of its institution, read (and complained about) once per row."""
        if not line.own:
            line.own = {n: self._field(n, line) for n in _OWN}
        return line.own

    def _draft(self, line: Line, code: str, period: Period) -> Draft:
        own = self._own(line)
        at = line.origin(self.telling[0] if self.telling else "")
        return Draft(
            code,
            self.layout.scheme,
            period,
            at,
            own["name"],
            own["area"],
            own["department"],
            own["territory"],
            own["type"],
            own["line"],
        )

    def _wide(self, line: Line, code: str, period: Period) -> None:
        draft = self._draft(line, code, period)
        for item in self.layout.items:
            if line.column(item.column):
                self._answer(draft, line, item.column, item.item, item.unit)
        self.drafts.add(draft, self.result)

    def _item(self, spec: Spec, line: Line) -> Any:
        """The item a row of the long or months shape is about; None when it is not wanted or not known (told)."""
        try:
            name = self._mapped(spec, self._found(spec, line))
            if not name:
                raise c.Fault("item-missing", T("没有指标名称", "the name of the item is missing"))
        except c.Fault as fault:
            self._fault(fault, self._place(spec, line))
            return None
        key = c.norm(name)
        if key in self.items:
            return self.items[key]
        if key in self.not_wanted:
            self.result.count("skipped")
        else:
            self._fault(
                c.Fault(
                    "item-unknown",
                    T("不认识的指标“{i}”", "unknown item “{i}”", i=c.brief(name)),
                    do=T("在布局的 items 里补上，或写进 skip", "add it to the layout’s items, or to skip"),
                ),
                self._place(spec, line),
            )
        return None

    def _long(self, line: Line, code: str, period: Period) -> None:
        spec = self.layout.long
        item = self._item(spec.item, line) if spec else None
        if spec and item:
            draft = self._draft(line, code, period)
            self._answer(draft, line, spec.value.columns[0] if spec.value.columns else "", item.item, item.unit)
            self.drafts.add(draft, self.result)

    def _months(self, line: Line, code: str, period: Period) -> None:
        spec = self.layout.months
        item = self._item(spec.item, line) if spec else None
        if spec and item:
            for month, column in enumerate(spec.columns, 1):
                draft = self._draft(line, code, Period.month(period.year, month))
                self._answer(draft, line, column, item.item, item.unit)
                self.drafts.add(draft, self.result)

    def _answer(self, draft: Draft, line: Line, column: str, item: str, unit_spec: Spec) -> None:
        """One cell as the answer to an item: converted, rounded to four places, with where it came from."""
        cell = line.cell(column)
        try:
            self._merged_once(line, column)
            if cell[:1] in ("", "t") and c.norm(shown(cell)) in self.missing:
                draft.answers[item] = None
                self.result.count("missing")
                return
            value = c.number(cell)
            unit = self._unit(unit_spec, line)
            wanted = self.book.items[item].unit
            factor = self.units.factor(unit, wanted)
            if factor is None:
                raise c.Fault(
                    "unit-unknown",
                    T(
                        "计量单位“{u}”不认识，或不能换成“{w}”",
                        "unit “{u}” is unknown, or cannot become “{w}”",
                        u=c.brief(unit),
                        w=wanted,
                    ),
                    do=T("改正单位，或请管理员在规则库里加上", "mend the unit, or have it added to the book"),
                )
            amount, rounded = self._stored(value, factor, cell)
        except c.Fault as fault:
            self._fault(fault, line.place(column), item)
            return
        draft.answers[item] = amount
        draft.sources[item] = {
            "sheet": line.sheet.name,
            "cell": cell_name(line.number, line.column(column)),
            "raw": shown(cell),
            "unit": unit,
            "rounded": rounded,
        }
        self.result.count("answered")

    def _stored(self, value: Decimal, factor: Fraction, cell: str) -> tuple[Decimal, bool]:
        try:
            return stored(value if factor == 1 else Fraction(value) * factor)
        except ValueError as error:
            raise c.magnitude(shown(cell)) from error

    def _unit(self, spec: Spec, line: Line) -> str:
        chosen = spec if spec.value is not None or spec.columns or spec.pattern else self.layout.unit
        unit = self._mapped(chosen, self._found(chosen, line)) if chosen else ""
        if not unit:
            raise c.Fault(
                "unit-missing", T("没有计量单位", "the unit is missing"), do=T("补上计量单位", "add the unit")
            )
        return unit

    def _merged_once(self, line: Line, column: str) -> None:
        """One number over several rows, or over several columns that are read, belongs to no one of them."""
        at = line.column(column)
        area = line.merged.around(line.number, at)
        if area is None:
            return
        read = [n for n in line.header.columns.values() if area[1] <= n <= area[3]]
        if area[2] > area[0] or len(read) > 1:
            raise c.Fault(
                "merged-value",
                T(
                    "一个数占了几格（{a}:{b} 合并）",
                    "one number stands over several cells ({a}:{b} merged)",
                    a=cell_name(area[0], area[1]),
                    b=cell_name(area[2], area[3]),
                ),
                T("每行每列各写各的数", "a number for each row and column"),
                T("拆开合并，分清各单位的数", "unmerge and divide the number"),
            )

    def _body(self, line: Line, code: str, period: Period | None) -> None:
        own = self._own(line)
        if not own["name"]:
            spec = self.layout.fields["name"]
            fault = c.Fault("name-missing", T("“{i}”没有名称", "“{i}” has no name", i=code))
            self._fault(fault, self._place(spec, line), "name")
            return
        body = BodyRow(
            code,
            self.layout.scheme,
            own["name"],
            line.origin(self.telling[0]),
            own["area"],
            own["department"],
            own["territory"],
            own["type"],
            own["line"],
            covered_by=self._field("covered_by", line),
            period=period,
        )
        body.aliases = {k: t for k, s in self.layout.aliases.items() if (t := self._alias(s, line, k))}
        body.extra = {k: t for k, s in self.layout.extra.items() if (t := self._text(s, line, k))}
        for name in ("since", "until", "in_scope"):
            spec_ = self.layout.fields.get(name)
            if spec_ is not None:
                setattr(body, name, self._typed(spec_, line, name))
        self.bodies.add(body, self.result)

    def _alias(self, spec: Spec, line: Line, name: str) -> str:
        try:
            if len(spec.columns) != 1:
                return self._text(spec, line, name)
            text = c.identifier(self._raw(spec, line), name)
            return "" if c.norm(text) in self.missing else self._mapped(spec, text)
        except c.Fault as fault:
            self._fault(fault, self._place(spec, line), name)
            return ""

    def _typed(self, spec: Spec, line: Line, kind: str) -> Any:
        """A date (since, until) or a truth (in_scope); None where the row does not say or says it wrongly (told)."""
        try:
            cell = (
                self._raw(spec, line)
                if len(spec.columns) == 1 and not spec.map
                else "t" + self._mapped(spec, self._found(spec, line))
            )
            if c.norm(shown(cell)) in self.missing:
                return None
            return c.truth(cell) if kind == "in_scope" else c.date(cell, spec.formats, line.sheet.date1904)
        except c.Fault as fault:
            self._once(fault, spec, line, kind)
            return None

    # --- ledgers ---

    def _ledger_row(self, line: Line) -> None:
        ledger = self.ledger
        if ledger is None:
            return
        fields = {f.code: f for f in ledger.fields}
        values: dict[str, Any] = {}
        sources: dict[str, dict[str, Any]] = {}
        bad: set[str] = set()
        for spec in self.layout.ledger_fields:
            if spec.spec.columns and not any(line.column(n) for n in spec.spec.columns):
                continue
            try:
                value, cell, unit = self._ledger_value(spec.spec, spec.unit, fields[spec.field], line)
            except c.Fault as fault:
                self._once(fault, spec.spec, line, spec.field)
                bad.add(spec.field)
                continue
            if value is None or value == "":
                continue
            values[spec.field] = value
            place = self._place(spec.spec, line)
            sources[spec.field] = {
                "sheet": place.sheet,
                "cell": place.cell,
                "raw": cell,
                "unit": unit,
                "rounded": False,
            }
        needed = [f for f in ledger.fields if (f.required or f.code in ledger.key) and f.code not in values]
        for f in needed:
            if f.code not in bad:
                at = next((s.spec for s in self.layout.ledger_fields if s.field == f.code), None)
                self._fault(
                    c.Fault(
                        "field-missing",
                        T("“{f}”没有填，这一行不收", "“{f}” is missing; the row is not taken", f=f.label),
                    ),
                    self._place(at, line) if at else self._at(line.sheet, cell_name(line.number, 1)),
                    f.code,
                )
        code = self._identifier(line) if self.layout.identifier else ""
        if needed or code is None:
            return
        row = LedgerRow(
            ledger.code,
            tuple(str(values[k]) for k in ledger.key),
            values,
            sources,
            line.origin(self.telling[0] if self.telling else ""),
            self._field("area", line),
            code,
            self.layout.scheme,
            self._field("name", line),
        )
        self.ledgers.add(row, self.result)

    def _ledger_value(self, spec: Spec, unit_spec: Spec | None, f: Any, line: Line) -> tuple[Any, str, str]:
        """A ledger's field by its type: value, raw text, unit as received."""
        cell = (
            self._raw(spec, line)
            if len(spec.columns) == 1 and not spec.map
            else "t" + self._mapped(spec, self._found(spec, line))
        )
        raw = shown(cell)
        if cell[:1] in ("", "t") and c.norm(raw) in self.missing:
            return None, raw, ""
        if f.type == "number":
            value = c.number(cell)
            unit = self._mapped(unit_spec, self._found(unit_spec, line)) if unit_spec else f.unit
            factor = self.units.factor(unit, f.unit) if unit_spec and unit != f.unit else Fraction(1)
            if factor is None:
                raise c.Fault(
                    "unit-unknown",
                    T(
                        "计量单位“{u}”不认识，或不能换成“{w}”",
                        "unit “{u}” is unknown, or cannot become “{w}”",
                        u=c.brief(unit),
                        w=f.unit,
                    ),
                )
            return self._stored(value, factor, cell)[0], raw, unit
        if f.type == "date":
            return c.date(cell, spec.formats, line.sheet.date1904), raw, ""
        if f.type == "year":
            return (
                c.period(
                    cell, spec.formats or ("YYYY", "YYYY年", "YYYY年度", "date"), "year", line.sheet.date1904
                ).year,
                raw,
                "",
            )
        text = (
            c.identifier(cell, "")
            if f.code in (self.ledger.key if self.ledger else ()) and cell[:1] == "n"
            else c.text_of(cell)
        )
        if f.type == "choice" and text not in f.choices:
            by_label = {c.norm(label.say(code)): k for k, label in f.choices.items() for code in ("zh", "en")}
            if c.norm(text) not in by_label:
                raise c.Fault(
                    "choice",
                    T("“{f}”没有“{v}”这一项", "“{f}” has no choice “{v}”", f=f.label, v=c.brief(text)),
                    T("{a}", "{a}", a="、".join(str(v) for v in f.choices.values())),
                )
            return by_label[c.norm(text)], raw, ""
        return text, raw, ""

    def finish(self) -> None:
        """Hand over what was collected, and count it."""
        everything = self.drafts.all()
        self.result.drafts = [d for d in everything if any(v is not None for v in d.answers.values())]
        if silent := len(everything) - len(self.result.drafts):
            self.result.count("unanswered", silent)
            self.result.note(
                "unanswered",
                T("{n} 份一项也没填，按未报处理", "{n} returns answer nothing and count as not filed", n=silent),
            )
        self.result.bodies = self.bodies.all()
        self.result.ledger_rows = self.ledgers.all()
        self.result.counts.update(
            drafts=len(self.result.drafts),
            bodies=len(self.result.bodies),
            ledger_rows=len(self.result.ledger_rows),
            problems=sum(self.result.problem_counts.values()),
        )


def _whole(text: str) -> int:
    """``2022``, ``2022年`` or ``3月`` as a whole number. Raises Fault."""
    found = re.fullmatch(r"(\d{1,4})(?:年度|年|月份|月)?", c.norm(text))
    if not found:
        raise c.Fault("cell-period", T("“{v}”不是年或月", "“{v}” is no year or month", v=c.brief(text)))
    return int(found.group(1))
