"""Periods: a month, quarter, half-year or year."""

from __future__ import annotations

import calendar
import datetime as dt
import functools
import re
from dataclasses import dataclass

from .words import T

_MONTHS = {"month": 1, "quarter": 3, "half": 6, "year": 12}
_FORMS = (
    (re.compile(r"(\d{4})-(0[1-9]|1[0-2])"), "month"),
    (re.compile(r"(\d{4})Q([1-4])"), "quarter"),
    (re.compile(r"(\d{4})H([12])"), "half"),
    (re.compile(r"(\d{4})"), "year"),
)

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Not those of the machine's locale, and asked for with every return that is read."""


@dataclass(frozen=True)
class Period:
    """A span of whole months. ``index`` counts from 1 within the year (1 for a year).

    >>> Period.parse("2022Q1").months[-1]
    Period.parse('2022-03')
    >>> Period.parse("2022-03").last_year
    Period.parse('2021-03')
    """

    kind: str
    year: int
    index: int = 1

    def __post_init__(self) -> None:
        if self.kind not in _MONTHS or not 1 <= self.index <= 12 // _MONTHS[self.kind] or not 1900 <= self.year <= 2200:
            raise ValueError(f"no such period: {self.kind} {self.year} {self.index}")

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read ``2022-03``, ``2022Q1``, ``2022H1`` or ``2022``. Raises ``ValueError`` naming what was found."""
        for form, kind in _FORMS:
            if found := form.fullmatch(str(text).strip()):
                groups = found.groups()
                return cls(kind, int(groups[0]), int(groups[1]) if len(groups) > 1 else 1)
        raise ValueError(f"period {text!r}: expected 2022-03, 2022Q1, 2022H1 or 2022")

    @classmethod
    def month(cls, year: int, month: int) -> Period:
        return cls("month", year, month)

    def __str__(self) -> str:
        mark = {"month": f"-{self.index:02}", "quarter": f"Q{self.index}", "half": f"H{self.index}", "year": ""}
        return f"{self.year}{mark[self.kind]}"

    def __repr__(self) -> str:
        return f"Period.parse({str(self)!r})"

    def __lt__(self, other: Period) -> bool:
        return (self.first_day, self.last_day) < (other.first_day, other.last_day)

    @property
    def label(self) -> T:
        """As people write it: 2022年3月, 2022年一季度, 2022年上半年, 2022年."""
        y, i = self.year, self.index
        if self.kind == "month":
            return T(f"{y}年{i}月", f"{_NAMES[i - 1]} {y}")
        if self.kind == "quarter":
            return T(f"{y}年{'一二三四'[i - 1]}季度", f"Q{i} {y}")
        if self.kind == "half":
            return T(f"{y}年{'上下'[i - 1]}半年", f"H{i} {y}")
        return T(f"{y}年", str(y))

    @property
    def months(self) -> tuple[Period, ...]:
        """The months inside, in order."""
        return _months(self)

    @property
    def of_year(self) -> Period:
        """The year it lies in."""
        return Period("year", self.year)

    @property
    def last_year(self) -> Period:
        """The same span one year before (去年同期)."""
        return Period(self.kind, self.year - 1, self.index)

    @property
    def previous(self) -> Period:
        """The span just before (上期)."""
        if self.index > 1:
            return Period(self.kind, self.year, self.index - 1)
        return Period(self.kind, self.year - 1, 12 // _MONTHS[self.kind])

    @property
    def first_day(self) -> dt.date:
        return dt.date(self.year, self.months[0].index if self.kind != "month" else self.index, 1)

    @property
    def last_day(self) -> dt.date:
        month = self.index if self.kind == "month" else self.months[-1].index
        return dt.date(self.year, month, calendar.monthrange(self.year, month)[1])

    def __contains__(self, other: object) -> bool:
        return (
            isinstance(other, Period)
            and self.first_day <= other.first_day
            and other.last_day <= self.last_day
        )


@functools.lru_cache(maxsize=512)
def _months(period: Period) -> tuple[Period, ...]:
    n = _MONTHS[period.kind]
    return tuple(Period("month", period.year, n * (period.index - 1) + k) for k in range(1, n + 1))
