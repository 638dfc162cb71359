"""The checks of a form over many institutions in doubles that know how far they may be wrong; what is too near to tell is judged exactly.

A reading of the formula language (``core.formula``) whose numbers are arrays with their slack, whose truths have a fourth answer: near.
Where it says true, false or unknown, the exact reading says the same. Amounts are decimals of four places below 10¹²; their doubles are
in the same order as they, and two amounts are equal exactly where their doubles are, up to 9 · 10¹¹.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from jieneng.core.formula import PLACES, STORED, Needs, read
from jieneng.rulebook.types import Check

from ..screening import BEFORE, usable
from .blocks import STEP, Block

EPS = float(np.finfo(float).eps)
SURE = 9e11
"""Below it, doubles of different amounts differ."""
LAST = 0.5 * 10.0**-PLACES
"""What rounding to the last place may move."""


@dataclass(frozen=True)
class Amount:
    """Numbers, where they are known, and by how much each may be wrong. ``places``: at most so many, if it is not wrong; ``stored``: an
    amount as it was read, or a constant of as few places."""

    value: Any
    known: Any = np.True_
    slack: Any = 0.0
    places: int = STORED
    stored: bool = False


@dataclass(frozen=True)
class Truth:
    """Where it is true, where false, where too near to tell; unknown elsewhere."""

    yes: Any
    no: Any
    near: Any = np.False_


Piece = Amount | Truth
UNKNOWN = Amount(0.0, np.False_)


def both(a: Any, b: Any) -> Any:
    """Where both are known; a single answer where one is nowhere known, so that nothing is reckoned for nothing."""
    return np.False_ if a is np.False_ or b is np.False_ else a & b


class Rough:
    """Formulas over arrays. ``find`` gives the amounts of a name, None where there are none: unknown."""

    def __init__(self, find: Callable[[str], Amount | None]) -> None:
        self.find = find

    def number(self, value: Decimal) -> Amount:
        double = float(value)
        places = max(0, -int(value.as_tuple().exponent))
        return Amount(double, np.True_, float(abs(Fraction(value) - Fraction(double))) * 2, places, places <= STORED and abs(double) < SURE)

    def name(self, name: str) -> Amount:
        return self.find(name) or UNKNOWN

    def negative(self, value: Piece) -> Amount:
        a = amount(value)
        return Amount(-a.value, a.known, a.slack, a.places, a.stored)

    def arithmetic(self, op: str, left: Piece, right: Piece) -> Amount:
        a, b = amount(left), amount(right)
        known = both(a.known, b.known)
        if known is np.False_:
            return UNKNOWN
        if op == "*":
            value = a.value * b.value
            whole = (a.value == np.floor(a.value)) & (b.value == np.floor(b.value)) & (np.abs(value) < 2.0**53)
            slack = np.where(whole, 0.0, np.abs(value) * EPS) + np.abs(a.value) * b.slack + np.abs(b.value) * a.slack + a.slack * b.slack
            return Amount(value, known, slack, a.places + b.places)
        other = b.value if op == "+" else -b.value
        value = a.value + other
        part = value - a.value
        lost = np.abs((a.value - (value - part)) + (other - part))  # exactly what the sum lost (Knuth)
        return Amount(value, known, a.slack + b.slack + lost, max(a.places, b.places))

    def compare(self, op: str, left: Piece, right: Piece) -> Truth:
        a, b = amount(left), amount(right)
        known = both(a.known, b.known)
        if known is np.False_:
            return Truth(known, known)
        x, y = a.value, b.value
        holds = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal}[op](x, y)
        if a.stored and b.stored:
            near = known & (np.equal(x, y) & (np.abs(x) >= SURE))
        else:
            slack = (a.slack + b.slack + (2 * LAST if max(a.places, b.places) > PLACES else 0.0)) * (1 + 8 * EPS)
            gap = np.abs(x - y)
            near = known & (slack > 0) & (gap <= slack + EPS * gap)
        sure = known & ~near
        return Truth(sure & holds, sure & ~holds, near)

    def logic(self, op: str, parts: Sequence[Piece]) -> Truth:
        truths = [truth(p) for p in parts]
        yes, no, near = (functools.reduce(f, [getattr(t, name) for t in truths]) for f, name in (
            (np.logical_and if op == "and" else np.logical_or, "yes"), (np.logical_or if op == "and" else np.logical_and, "no"), (np.logical_or, "near")))
        return Truth(yes, no, near & ~(no if op == "and" else yes))

    def negate(self, part: Piece) -> Truth:
        t = truth(part)
        return Truth(t.no, t.yes, t.near)

    def call(self, function: str, parts: Sequence[Piece], known: bool) -> Piece:
        if function == "missing":
            return self._missing(parts[0])
        numbers = [amount(p) for p in parts]
        if function == "abs":
            a = numbers[0]
            return Amount(np.abs(a.value), a.known, a.slack, a.places, a.stored)
        if function == "ratio":
            return self._ratio(*numbers)
        if function == "total":
            return functools.reduce(functools.partial(self._added, known), numbers)
        return functools.reduce(functools.partial(self._least if function == "min" else self._most, known), numbers)

    @staticmethod
    def _missing(part: Piece) -> Truth:
        known = part.known if isinstance(part, Amount) else part.yes | part.no | part.near
        return Truth(~known, known)

    @staticmethod
    def _ratio(a: Amount, b: Amount) -> Amount:
        if both(a.known, b.known) is np.False_:
            return UNKNOWN
        under = np.where(b.value == 0, 1.0, b.value)
        value = a.value / under
        slack = LAST * 1.001 + EPS * np.abs(value) + (a.slack + np.abs(value) * b.slack) / np.maximum(np.abs(under) - b.slack, 1e-300)
        unsure = ((b.slack > 0) & (np.abs(b.value) <= b.slack)) | (np.abs(np.abs(value) - 1e12) <= slack)
        return Amount(value, a.known & b.known & ((b.value != 0) | unsure) & ((np.abs(value) < 1e12) | unsure), np.where(unsure, np.inf, slack), PLACES)

    def _added(self, skip: bool, a: Amount, b: Amount) -> Amount:
        if not skip:
            return self.arithmetic("+", a, b)
        made = self.arithmetic("+", *(Amount(np.where(p.known, p.value, 0.0), np.True_, np.where(p.known, p.slack, 0.0), p.places) for p in (a, b)))
        return replace(made, known=a.known | b.known)

    @staticmethod
    def _chosen(skip: bool, a: Amount, b: Amount, first: Any) -> Amount:
        """a where ``first``, else b; of two known ones either may have been it."""
        two = both(a.known, b.known)
        if two is np.False_ and not skip:
            return UNKNOWN
        first = np.where(two, first, a.known)
        slack = np.where(two, np.maximum(a.slack, b.slack), np.where(first, a.slack, b.slack))
        return Amount(np.where(first, a.value, b.value), (a.known | b.known) if skip else two, slack, max(a.places, b.places), a.stored and b.stored)

    def _least(self, skip: bool, a: Amount, b: Amount) -> Amount:
        return self._chosen(skip, a, b, a.value <= b.value)

    def _most(self, skip: bool, a: Amount, b: Amount) -> Amount:
        return self._chosen(skip, a, b, a.value >= b.value)


def read_in(values: np.ndarray) -> Amount:
    """Amounts as they were read: NaN is not answered."""
    known = values == values
    value = np.where(known, values, 0.0)
    return Amount(value, known, np.where(value == np.floor(value), 0.0, np.abs(value) * EPS), STORED, True)


def amount(piece: Piece) -> Amount:
    if isinstance(piece, Amount):
        return piece
    raise TypeError("the grammar lets no condition stand for a number")


def truth(piece: Piece) -> Truth:
    if isinstance(piece, Truth):
        return piece
    raise TypeError("the grammar lets no number stand for a condition")


# -- a form's checks over a block -------------------------------------------------------------------------------------------

def items_of(checks: Sequence[Check]) -> set[str]:
    """The items that the checks read, of whatever year or month."""
    names = {n for c in usable(checks) for text in (c.holds, c.when, *c.let.values()) if text for n in read(text, Needs())}
    return {n.rpartition(".")[2] for n in names if n.rpartition(".")[0] in ("", *BEFORE)}


@dataclass
class Edits:
    """Per check (number) the institutions (place in the block) that fail it, the first month and how many; and the cells too near to tell."""

    fails: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]
    near: list[tuple[int, int, int]]
    """Check, place, month (from 0)."""


def edits(block: Block, checks: Sequence[Check]) -> Edits:
    """Judge the checks month by month, ``STEP`` institutions at a time."""
    found = Edits([], [])
    few = block.between(0, 0)
    with np.errstate(all="ignore"):
        known = [(n, c) for n, c in enumerate(checks) if any(np.ndim(v) for v in _judged(few, c, {}))]  # of the others, what they read is nowhere answered
        for start in range(0, len(block.institutions), STEP):
            some, read_before = block.between(start, start + STEP), dict[str, Amount]()
            for n, check in known:
                fails, near = (np.atleast_2d(v) for v in _judged(some, check, read_before))
                if near.any():
                    found.near += [(n, start + int(p), int(m)) for m, p in zip(*np.nonzero(near), strict=True)]
                at = np.flatnonzero(fails.any(axis=0))
                if len(at):
                    mine = fails[:, at]
                    found.fails.append((n, start + at, mine.argmax(axis=0) + 1, mine.sum(axis=0)))
    return found


def _judged(block: Block, check: Check, read_before: dict[str, Amount]) -> tuple[Any, Any]:
    """Where a check fails for sure, and where it is too near to tell: (months, n), or a single answer where what it reads is nowhere known."""
    lets: dict[str, Amount] = {}

    def find(name: str) -> Amount | None:
        if name in lets:
            return lets[name]
        if name not in read_before:
            prefix, _, item = name.rpartition(".")
            if item not in block.now or prefix not in ("", *BEFORE):
                return None
            now, old = block.now[item], block.old[item]
            if prefix == "last_month" and len(now) == 1:
                return None
            read_before[name] = read_in(np.concatenate([old[-1:], now[:-1]]) if prefix == "last_month" else old if prefix else now)
        return read_before[name]

    reading = Rough(find)
    for let, text in check.let.items():
        lets[let] = amount(read(text, reading))
    holds = truth(read(check.holds, reading))
    if not check.when:
        return holds.no, holds.near
    when = truth(read(check.when, reading))
    return when.yes & holds.no, (when.near & (holds.no | holds.near)) | (when.yes & holds.near)
