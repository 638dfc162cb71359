"""Where the values of a layout stand in a workbook that is to be filled: the same rows a reading would take, with their cells.

Nothing is filled here. What reading would refuse (a merged number over several rows, an unknown item or unit) is a problem here
too, so that what is filled can be read back by the same layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jieneng.core.period import Period
from jieneng.core.problem import Problem, Refused
from jieneng.core.words import T
from jieneng.rulebook.types import Book

from . import cells as c
from .drafts import IntakeResult
from .fields import Units
from .grid import shown
from .guard import Limits, shown_name
from .layout import Layout, PeriodSpec, Spec
from .lines import Line
from .opening import open_table
from .patch import only_xlsx
from .reader import Reading

NAME = "name"
"""The scheme of a layout whose identifier is the institution's name."""


@dataclass(frozen=True)
class Slot:
    """One cell that takes one value: ``item`` of ``period`` in ``unit``. ``held``: what stands in it, as a cell of grid.py."""

    row: int
    column: int
    item: str
    unit: str
    period: Period
    held: str


@dataclass
class SlotRow:
    """One row: whose it is by code and name ("" where it does not say), and its cells.

    ``blank``: (column, Spec, part) of a period the row leaves open; its part is "whole", "year" or "month".
    """

    sheet: str
    row: int
    code: str
    name: str
    slots: list[Slot] = field(default_factory=list)
    blank: list[tuple[int, Spec, str]] = field(default_factory=list)


def slots_of(path: Path, layout: Layout, book: Book, asked: Period, *, name: str = "", limits: Limits | None = None) -> tuple[list[SlotRow], IntakeResult]:
    """The rows of a workbook with the cells a layout fills, and what is wrong with some. Raises ``Refused`` when no sheet fits.

    A row that leaves its period open is one of ``asked``.
    """
    Units(book).check(layout)
    shown_as = shown_name(name or Path(path).name)
    if "answers" not in layout.reads or layout.ledger or layout.kind != "xlsx":
        raise Refused(Problem("template.layout", T("表样“{c}”不是报表的 xlsx 表样", "layout “{c}” is not one of returns in xlsx", c=layout.code),
                              T("reads: answers，file.kind: xlsx", "reads: answers, file.kind: xlsx"), T("换一个表样", "choose another layout")))
    only_xlsx(path, name, limits)
    walk = _Slots(layout, book, IntakeResult(layout.code, layout.hash, shown_as), asked)
    unread: list[Problem] = []
    with open_table(path, name=shown_as, limits=limits, sheets=layout.sheets) as table:
        for sheet in table.sheets:
            if walk.takes(sheet):
                unread += walk.sheet(sheet)
    if not walk.result.counts.get("sheets"):
        raise Refused(*(unread or [Problem("table-empty", T("文件里没有能填的表", "the file has no table that can be filled"), do=T("核对文件和表样", "check the file and the layout"))]))
    return walk.rows, walk.result


class _Slots(Reading):
    """A reading that keeps where values would be read from instead of the values."""

    def __init__(self, layout: Layout, book: Book, result: IntakeResult, asked: Period) -> None:
        super().__init__(layout, book, result)
        self.asked = asked
        self.rows: list[SlotRow] = []

    def takes(self, sheet: Any) -> bool:
        from .reader import _wanted

        return _wanted(self.layout, sheet.name) and (self.layout.hidden or not sheet.hidden)

    def _row(self, line: Line) -> None:
        self.result.count("rows")
        row = SlotRow(line.sheet.name, line.number, self._code(line), self._named(line))
        if not row.code and not row.name:
            return
        period = self._when(line, row)
        for item, column, when in self._columns(line, period) if period else ():
            slot = self._slot(line, item, column, when)
            if slot is not None:
                row.slots.append(slot)
        self.rows.append(row)

    def _named(self, line: Line) -> str:
        spec = self.layout.identifier if self.layout.scheme == NAME else self.layout.fields.get("name")
        try:
            return self._found(spec, line).strip() if spec else ""
        except c.Fault:
            return ""

    def _code(self, line: Line) -> str:
        """The row's code; "" where it has none or its code cannot be read (told)."""
        spec = self.layout.identifier
        if spec is None or self.layout.scheme == NAME:
            return ""
        try:
            text = c.identifier(self._raw(spec, line) if len(spec.columns) == 1 else "t" + self._found(spec, line), self.layout.scheme)
            return self._mapped(spec, "" if c.norm(text) in self.missing else text)
        except c.Fault as fault:
            self._fault(fault, self._place(spec, line), "identifier")
            return ""

    def _when(self, line: Line, row: SlotRow) -> Period | None:
        """The row's period; the one asked for where the row leaves it open (``row.blank`` says where it would stand). None: told."""
        layout = self.layout
        spec = PeriodSpec(year=layout.months.year) if layout.months else layout.period
        if spec is None:
            return None
        parts = [(s, what) for s, what in ((spec.whole, "whole"), (spec.year, "year"), (spec.month, "month")) if s is not None and len(s.columns) == 1]
        row.blank = [(line.column(s.columns[0]), s, what) for s, what in parts if line.column(s.columns[0]) and not shown(self._raw(s, line)).strip()]
        main = spec.whole or spec.year
        try:
            if row.blank and spec.month is not None and self.asked.kind != "month":
                raise c.Fault("period-missing", T("这一行没有写年、月", "the row says no year and month"), do=T("按月填：期间写成 2022-03", "fill a month: give the period as 2022-03"))
            if row.blank and len(row.blank) == len(parts):
                return self.asked.of_year if layout.months else self.asked
            row.blank = []
            if layout.months:
                return Period("year", self._number_of(layout.months.year, line))
        except c.Fault as fault:
            if main is not None:
                self._once(fault, main, line, "period")
            return None
        return self._period(spec, line)

    def _columns(self, line: Line, period: Period) -> Iterator[tuple[Any, str, Period]]:
        """(item of the layout, column, period) of a row."""
        layout = self.layout
        if layout.shape == "wide":
            for item in layout.items:
                if line.column(item.column):
                    yield item, item.column, period
            return
        named = layout.months or layout.long
        found = self._item(named.item, line) if named else None
        if found is None:
            return
        if layout.months:
            for month, column in enumerate(layout.months.columns, 1):
                yield found, column, Period.month(period.year, month)
        elif layout.long and layout.long.value.columns:
            yield found, layout.long.value.columns[0], period

    def _slot(self, line: Line, item: Any, column: str, when: Period) -> Slot | None:
        """The cell, at the head of its merged range. What cannot be filled is told."""
        at = line.column(column)
        try:
            self._merged_once(line, column)
            unit = self._unit(item.unit, line)
            if self.units.factor(unit, self.book.items[item.item].unit) is None:
                raise c.Fault("unit-unknown", T("计量单位“{u}”不认识，或不能换成“{w}”", "unit “{u}” is unknown, or cannot become “{w}”", u=c.brief(unit), w=self.book.items[item.item].unit))
        except c.Fault as fault:
            self._fault(fault, line.place(column), item.item)
            return None
        area = line.merged.around(line.number, at)
        top, left = (area[0], area[1]) if area else (line.number, at)
        return Slot(top, left, item.item, unit, when, line.cell(column))
