"""The data rows of a sheet: without totals, section titles, repeated headers and what the layout skips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from jieneng.core.problem import Place
from jieneng.core.words import T
from jieneng.rulebook.types import Book

from . import cells as c
from .drafts import From, IntakeResult
from .grid import Row, Sheet, cell_name, shown
from .header import Header, Merged
from .layout import Layout, RowTest


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


class Rows:
    """Which rows of a sheet are data, by a layout. What is left out is counted in the result by its kind."""

    def __init__(self, layout: Layout, book: Book, result: IntakeResult) -> None:
        self.layout, self.book, self.result = layout, book, result
        self.ledger = book.ledgers.get(layout.ledger) if layout.ledger else None
        self.totals = [c.norm(t) for t in layout.totals]
        self.telling = self._telling()

    def _telling(self) -> list[str]:
        """The columns that say whose row it is."""
        specs = [self.layout.identifier, self.layout.fields.get("name")]
        if self.ledger is not None:
            specs = [f.spec for f in self.layout.ledger_fields if f.field in self.ledger.key]
        names = [n for s in specs if s for n in s.columns]
        return names or self.layout.columns()[:1]

    def _at(self, sheet: Sheet, cell: str = "") -> Place:
        return Place(file=self.result.file, sheet=sheet.name, cell=cell)

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

        def same(n: int) -> bool:
            return c.norm(shown(line.cells[n - 1])) in line.header.parts.get(n, ())

        told = [line.column(n) for n in self.telling if line.column(n)]
        if len(told) > 1 and all(n in at and same(n) for n in told):
            return True  # a lower line of the head: its cells over code and name go on, under the items stand their numbers
        return bool(at) and all(same(n) for n in at) and (len(at) > 1 or len(line.header.columns) == 1)

    def _is_section(self, line: Line) -> bool:
        """A title that is merged across the table."""
        at = line.column(self.telling[0]) if self.telling else 0
        area = line.merged.around(line.number, at) if at else None
        if area is None or area[3] == area[1]:
            return False
        inside = [n for n in line.header.columns.values() if area[1] <= n <= area[3]]
        return len(inside) >= 2 and all(not x for n, x in enumerate(line.cells, 1) if not area[1] <= n <= area[3])

    def _test(self, test: RowTest, line: Line) -> bool:
        text = shown(line.cell(test.column)).strip()
        if test.blank:
            return not text
        if test.matches:
            return re.search(test.matches, text[:500]) is not None
        return c.norm(text) in {c.norm(e) for e in test.equals}
