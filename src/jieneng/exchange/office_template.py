"""A table an office was sent, filled by a layout: our values into the cells that the layout reads, everything else as received.

Rows are found by code, or by name where the row has none. Months of ours make a longer period by the item's own rule. What has no
row, rows that are not ours, and cells that were left alone are told by name and cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.scope import require
from jieneng.records import files
from jieneng.records.events import action, record
from jieneng.records.models import ReceivedFile
from jieneng.registry.models import Alias, Standing
from jieneng.registry.queries import closed_to
from jieneng.returns.intake import Layout, Slot, SlotRow, Units, fill_cells, slots_of
from jieneng.returns.intake import cells as c
from jieneng.returns.intake.grid import cell_name, shown
from jieneng.returns.queries import book
from jieneng.rulebook.types import Book

from . import queries
from .exporting import in_unit, written

Answers = dict[tuple[int, str], dict[str, str | None]]


@dataclass(frozen=True)
class Filled:
    """One cell that gets a value. ``before``: what stands there ("" nothing), ``value``: in the template's unit."""

    sheet: str
    cell: str
    unit_name: str
    period: str
    item: str
    value: Decimal
    unit: str
    before: str


@dataclass
class Filling:
    """The filled copy, and what is not filled, in words."""

    data: bytes = b""
    filled: list[Filled] = field(default_factory=list)
    rows: int = 0
    empty: int = 0
    """Cells of our units for which we hold no value."""
    absent: list[Standing] = field(default_factory=list)
    """Units that hold figures of the period and have no row."""
    strangers: list[tuple[str, str, str]] = field(default_factory=list)
    """(place, name, code) of rows that are no unit of the person's scope."""
    problems: list[Problem] = field(default_factory=list)
    met: set[int] = field(default_factory=set)
    cells: dict[str, dict[tuple[int, int], Decimal | str]] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        return {"cells": len(self.filled), "units": len(self.met), "rows": self.rows, "empty": self.empty, "absent": len(self.absent),
                "strangers": len(self.strangers), "problems": len(self.problems)}


def fill(person: User, received: ReceivedFile, layout: Layout, *, period: Period, area: str = "") -> Filling:
    """The filled copy and what goes where. Nothing is recorded: this is also the preview.

    Raises ``Refused`` when the file or the layout cannot be used at all.
    """
    mine, b, path = require(person, "see"), book(), files.path_of(received.sha256)
    rows, result = slots_of(path, layout, b, period, name=received.name)
    lines = [s for s in queries.lines_of(period.year).values() if mine.covers(s.office.path, s.institution.key) and (not area or s.area == area)]
    closed = closed_to(person, [s.institution_id for s in lines])
    lines = [s for s in lines if s.institution_id not in closed]
    answers = queries.our_answers(layout.form, period.year, [s.institution_id for s in lines])
    made, finder = Filling(problems=list(result.problems)), _Finder(layout, lines)
    writer = _Writer(made, layout, answers, period, b)
    for row in rows:
        made.rows += 1
        found = finder.find(row)
        if isinstance(found, Problem):
            made.problems.append(found)
        elif found is None:
            made.strangers.append((f"{row.sheet}!{cell_name(row.row, 1)}", row.name, row.code))
        else:
            writer.row(row, found)
    held = {i for (i, p) in answers if Period.parse(p) in period}
    made.absent = sorted((s for s in lines if s.institution_id in held - made.met), key=lambda s: (s.office.path, s.name))
    _patched(made, path, received.name)
    return made


def _patched(made: Filling, path: Path, name: str) -> None:
    """Fill the cells; those where a formula stands are taken back and told."""
    done = fill_cells(path, made.cells, name=name)
    made.data, left = done.data, set(done.formulas)
    made.filled = [f for f in made.filled if (f.sheet, f.cell) not in left]
    made.problems += [Problem("template.formula", T("这一格是公式，没有填", "a formula stands here; it was left alone"), do=T("要填数的格不要放公式", "keep formulas out of the cells to fill"),
                              where=Place(file=name, sheet=s, cell=at)) for s, at in done.formulas]


def write(person: User, received: ReceivedFile, layout: Layout, *, period: Period, area: str = "") -> tuple[Filling, str]:
    """The filled copy with the name it goes out under. The event says which template, by which layout, and how much."""
    made = fill(person, received, layout, period=period, area=area)
    mine = require(person, "see")
    with action():
        record(person, "export.template", "layout", layout.code, line=min((x for x in mine.lines), default=""), data={
            "file": received.sha256, "name": received.name, "layout": layout.code, "hash": layout.hash, "period": str(period), "area": area, **made.counts()})
    stem = received.name.rpartition(".")[0] or received.name
    return made, f"{stem}-{period}.xlsx"


class _Finder:
    """Whose a row is: by code, else by the name the register has this year, where only one unit has it."""

    def __init__(self, layout: Layout, lines: list[Standing]) -> None:
        by_pk = {s.institution_id: s for s in lines}
        self.codes = {s.institution.key: s for s in lines if s.institution.scheme == layout.scheme}
        self.codes |= {a.value: by_pk[a.institution_id] for a in Alias.objects.filter(institution__in=by_pk, scheme=layout.scheme)}
        self.names: dict[str, list[Standing]] = {}
        for s in lines:
            self.names.setdefault(c.norm(s.name), []).append(s)

    def find(self, row: SlotRow) -> Standing | Problem | None:
        if row.code:
            return self.codes.get(row.code)
        found = self.names.get(c.norm(row.name), [])
        if len(found) > 1:
            return Problem("template.name", T("名录里有 {n} 家叫“{u}”", "the register has {n} units named “{u}”", n=len(found), u=row.name),
                           do=T("在这一行写上信用代码", "put the credit code into the row"), where=Place(sheet=row.sheet, cell=cell_name(row.row, 1)))
        return found[0] if found else None


class _Writer:
    """Takes the cells of a row into the filling."""

    def __init__(self, made: Filling, layout: Layout, answers: Answers, period: Period, b: Book) -> None:
        self.made, self.layout, self.answers, self.period, self.book = made, layout, answers, period, b
        self.units, self.missing, self.told = Units(b), {c.norm(m) for m in layout.missing}, set[Period]()

    def row(self, row: SlotRow, s: Standing) -> None:
        self.made.met.add(s.institution_id)
        any_ = [self._cell(row, s, slot) for slot in row.slots]
        if any(any_) and row.blank:
            for column, spec, part in row.blank:
                text = written(self.period, spec.formats) if part == "whole" else str(self.period.year if part == "year" else self.period.index)
                self.made.cells[row.sheet][row.row, column] = text

    def _cell(self, row: SlotRow, s: Standing, slot: Slot) -> bool:
        if slot.period not in self.period:
            self._other(row, slot)
            return False
        value = in_unit(self._held(s.institution_id, slot), slot.item, slot.unit, self.book, self.units)
        if value is None:
            self.made.empty += 1
            return False
        if not self._free(slot):
            self.made.problems.append(Problem("template.text", T("这一格有字“{v}”，没有动", "“{v}” stands here; it was left alone", v=c.brief(shown(slot.held))),
                                              do=T("要填数的格留空", "leave the cells to fill blank"), where=Place(sheet=row.sheet, cell=cell_name(slot.row, slot.column))))
            return False
        self.made.cells.setdefault(row.sheet, {})[slot.row, slot.column] = value
        self.made.filled.append(Filled(row.sheet, cell_name(slot.row, slot.column), s.name, str(slot.period), slot.item, value, slot.unit, shown(slot.held)))
        return True

    def _other(self, row: SlotRow, slot: Slot) -> None:
        """A row of another period, told once for each period."""
        if slot.period not in self.told:
            self.told.add(slot.period)
            self.made.problems.append(Problem("template.period", T("表里是 {a}，要填的是 {b}，没有填", "the table says {a}, asked for was {b}; not filled", a=slot.period.label, b=self.period.label),
                                              do=T("换一个期间再填", "choose the other period"), where=Place(sheet=row.sheet, cell=cell_name(slot.row, slot.column))))

    def _held(self, institution: int, slot: Slot) -> str | None:
        """Our value of the slot's period; months as one value where only months are held."""
        said = self.answers.get((institution, str(slot.period)))
        if said is not None or slot.period.kind == "month":
            return (said or {}).get(slot.item)
        return queries.over_months(self.book.items[slot.item], [self.answers.get((institution, str(m)), {}).get(slot.item) for m in slot.period.months])

    def _free(self, slot: Slot) -> bool:
        """Whether the cell is blank, a mark for missing, or a number that ours replaces; other texts are never written over."""
        if c.norm(shown(slot.held)) in self.missing or slot.held[:1] == "f":
            return True
        try:
            c.number(slot.held)
        except c.Fault:
            return False
        return True
