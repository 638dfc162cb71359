"""What the language holds: its limits, its errors, and what a reading must answer."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NoReturn, Protocol, TypeVar

from jieneng.core.words import T

MAX_LENGTH = 2000
MAX_NODES = 400
MAX_DEPTH = 30
MAX_CALLS = 6
"""Functions within functions: a column repeats some operands, so each level may double its SQL."""
PREFIXES = ("last_month", "last_year", "body", "threshold", "base", "year")
FUNCTIONS = {"missing": (1, 1), "ratio": (2, 2), "total": (1, 60), "abs": (1, 1), "min": (1, 60), "max": (1, 60),
             "known": (1, 60), "change_from_base": (1, 1)}
"""Function → least and most operands. ``known`` stands only directly inside total, min and max."""
PLACES = 9
"""Places of a ratio, and of both sides of a comparison (decisions, "Numbers")."""
WHOLE = 12
"""Whole digits of an amount and of a ratio: magnitudes are below 10¹² (``core.amount.LIMIT``)."""
STORED = 4
"""Places of an amount (``core.amount.PLACES``)."""
DIGITS = 38
"""The widest decimal of DuckDB and of Spark."""

Answer = Decimal | Fraction | bool | None
R = TypeVar("R")


class FormulaError(ValueError):
    """A text that is not a formula: the text, the column (from 1), what was found there, what to do."""

    def __init__(self, text: str, column: int, found: T, do: T) -> None:
        super().__init__(text, column, found, do)
        self.text, self.column, self.found, self.do = text, column, found, do

    def __str__(self) -> str:
        return str(T("第 {c} 列：{f}。{d}（{t}）", "column {c}: {f}. {d} ({t})", c=self.column, f=str(self.found),
                     d=str(self.do), t=self.text[:120]))


class CannotRead(Exception):
    """Raised by a reading that cannot answer; ``read`` adds the place and raises a ``FormulaError``."""

    def __init__(self, found: T, do: T) -> None:
        super().__init__(found, do)
        self.found, self.do = found, do


class Reading(Protocol[R]):
    """What each piece of a formula means to one reader. ``R`` is a number or a truth in that reader's terms."""

    def number(self, value: Decimal) -> R: ...
    def name(self, name: str) -> R: ...
    def negative(self, value: R) -> R: ...
    def arithmetic(self, op: str, left: R, right: R) -> R: ...
    def compare(self, op: str, left: R, right: R) -> R: ...
    def logic(self, op: str, parts: Sequence[R]) -> R: ...
    def negate(self, part: R) -> R: ...
    def call(self, function: str, parts: Sequence[R], known: bool) -> R: ...


def no_name(name: str) -> NoReturn:
    """Tell that a reading knows no such name."""
    raise CannotRead(T("没有“{n}”这个名字", "there is no name “{n}”", n=name), T("看看项目代码", "check the item's code"))
