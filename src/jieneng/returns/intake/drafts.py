"""What reading a file gives: drafts of returns, lines of a register, rows of a ledger, and everything that was wrong."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem
from jieneng.core.words import T

MAX_PROBLEMS = 5000


@dataclass(frozen=True)
class From:
    """Where a row came from: file, sheet, first telling cell, row (as a spreadsheet counts), line of a text file."""

    file: str
    sheet: str
    cell: str
    row: int
    line: int = 0

    @property
    def place(self) -> Place:
        return Place(file=self.file, line=self.line, sheet=self.sheet, cell=self.cell)


@dataclass
class Draft:
    """One return as received, not yet judged.

    ``answers``: item → amount in the item's unit (four places), or None where the table says that there is no answer.
    An item whose cell is a problem is absent: what is not named stays as it was. ``sources``: item → {"sheet", "cell",
    "raw" (as received), "unit" (as received), "rounded"}. ``facts``: what the table says beside the items (status, target …).
    ``part``: the name of the machine room or heating source that the row is about, in a table of a form that is a part of another.
    """

    identifier: str
    scheme: str
    period: Period
    at: From
    name: str = ""
    area: str = ""
    department: str = ""
    territory: str = ""
    type: str = ""
    line: str = ""
    part: str = ""
    answers: dict[str, Decimal | None] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    file = property(lambda self: self.at.file)
    sheet = property(lambda self: self.at.sheet)
    cell = property(lambda self: self.at.cell)
    row = property(lambda self: self.at.row)


@dataclass
class BodyRow:
    """One line of a register. Empty texts and None: the table does not say."""

    identifier: str
    scheme: str
    name: str
    at: From
    area: str = ""
    department: str = ""
    territory: str = ""
    type: str = ""
    line: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    in_scope: bool | None = None
    covered_by: str = ""
    aliases: dict[str, str] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    period: Period | None = None

    file = property(lambda self: self.at.file)
    sheet = property(lambda self: self.at.sheet)
    cell = property(lambda self: self.at.cell)
    row = property(lambda self: self.at.row)

    def says(self) -> tuple[Any, ...]:
        """Everything it says about the body, without where it stands."""
        return (
            self.name,
            self.area,
            self.department,
            self.territory,
            self.type,
            self.line,
            self.since,
            self.until,
            self.in_scope,
            self.covered_by,
            sorted(self.aliases.items()),
            sorted(self.extra.items()),
        )


@dataclass
class LedgerRow:
    """One row of a ledger: field → text, Decimal, date or whole number; absent where nothing is said."""

    kind: str
    key: tuple[str, ...]
    values: dict[str, Any]
    sources: dict[str, dict[str, Any]]
    at: From
    area: str = ""
    identifier: str = ""
    scheme: str = ""
    name: str = ""

    file = property(lambda self: self.at.file)
    sheet = property(lambda self: self.at.sheet)
    cell = property(lambda self: self.at.cell)
    row = property(lambda self: self.at.row)


@dataclass
class IntakeResult:
    """Everything one file gave. ``problems`` is cut at 5,000; ``problem_counts`` counts all, by code.

    ``counts``: sheets, rows (with data), drafts, bodies, ledger_rows, answered (cells), missing (cells), total_lines,
    section_lines, repeated_headers, skipped (by the layout), hidden_skipped, duplicates (equal rows), unnamed (rows
    without a code), unanswered (returns in which nothing is answered: they make no draft), problems.
    """

    layout: str
    layout_hash: str
    file: str
    drafts: list[Draft] = field(default_factory=list)
    bodies: list[BodyRow] = field(default_factory=list)
    ledger_rows: list[LedgerRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    problem_counts: Counter[str] = field(default_factory=Counter)
    encoding: str = ""

    def problem(self, problem: Problem) -> None:
        self.problem_counts[problem.code] += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def note(self, code: str, found: T, where: Place | None = None, do: T | None = None) -> None:
        if len(self.notes) < MAX_PROBLEMS:
            self.notes.append(Problem(code, found, do=do, where=where or Place(file=self.file)))

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by
