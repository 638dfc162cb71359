"""One form of message for everything that can go wrong: found, expected, where, what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from .words import T


@dataclass(frozen=True)
class Place:
    """Where a problem sits: a file with line, a file with sheet and cell, or a field. Unused parts are empty."""

    file: str = ""
    line: int = 0
    sheet: str = ""
    cell: str = ""
    field: str = ""

    def __str__(self) -> str:
        parts = [self.file + (f":{self.line}" if self.line else "")] if self.file else []
        if self.sheet or self.cell:
            parts.append("!".join(p for p in (self.sheet, self.cell) if p))
        if self.field:
            parts.append(self.field)
        return " ".join(p for p in parts if p)


NAMED = frozenset(("reason", "word", "voucher", "value", "new", "note", "reading", "result", "checked_on", "confirmed_on", "until", "since", "day", "period", "opinion", "advice", "place",
                   "minutes", "signed_by", "name", "phone", "file"))
"""Fields whose messages say themselves what is meant: a page need not print the name that the field has in the code."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input. ``code`` is stable; the texts are for people."""

    code: str
    found: T
    expected: T | None = None
    do: T | None = None
    where: Place = Place()

    def __str__(self) -> str:
        place = str(self.where)
        text = (place + ": " if place else "") + str(self.found)
        if self.expected is not None:
            text += str(T("；应为：", "; expected: ")) + str(self.expected)
        if self.do is not None:
            text += str(T("。怎么办：", ". What to do: ")) + str(self.do)
        return text

    @property
    def spoken(self) -> Problem:
        """The same as a page tells it: without a place that is only a field's name in the code."""
        return replace(self, where=Place()) if self.where == Place(field=self.where.field) and self.where.field in NAMED else self

    def as_json(self) -> dict[str, Any]:
        """Both languages, for storing and for ``--json``."""
        return {
            "code": self.code,
            "found": self.found.as_json(),
            "expected": self.expected.as_json() if self.expected else None,
            "do": self.do.as_json() if self.do else None,
            "where": {k: v for k, v in vars(self.where).items() if v},
        }


class Refused(Exception):
    """An action that was not done, with the reasons in words. The only exception that people are shown."""

    def __init__(self, *problems: Problem) -> None:
        if not problems:
            raise ValueError("Refused needs at least one problem")
        self.problems = problems
        super().__init__("; ".join(str(p) for p in problems))

    def __str__(self) -> str:
        return "\n".join(str(p) for p in self.problems)


def refuse(code: str, found: T, expected: T | None = None, do: T | None = None, where: Place | None = None) -> Refused:
    """A ``Refused`` with one problem, to be raised."""
    return Refused(Problem(code, found, expected, do, where or Place()))


class Severity(StrEnum):
    """What a finding asks of a person: mend it (错误), explain it (需核实), or just know it (提示)."""

    must = "must"
    explain = "explain"
    note = "note"

    @property
    def label(self) -> T:
        return {"must": T("错误", "error"), "explain": T("需核实", "to verify"), "note": T("提示", "note")}[self.value]


@dataclass(frozen=True)
class Finding:
    """What a rule says about one return (疑点 / 审核问题)."""

    rule: str
    severity: Severity
    items: tuple[str, ...]
    says: T
    do: T | None = None
    ground: str = ""
