"""Which field is wrong: the cheapest set of fields whose change satisfies every edit (Fellegi & Holt, JASA 71, 1976).

The edits are read as linear constraints from the very texts of the form; what is not linear (ratios, either-or) is left out
and said. Where one field mends it and no two can cost as little, that field is the answer; else a small mixed-integer program is
solved with HiGHS (scipy.optimize.milp).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from jieneng.core.formula import CannotRead, FormulaError, Needs, Value, read
from jieneng.core.words import T
from jieneng.rulebook.types import Check

from .robust import Array

Answers = Mapping[str, Decimal | None]
LOW = 1e-7
NEAR = 1e-7
BIG = 10.0
"""No field becomes more than this many times the largest value there is."""


@dataclass
class Line:
    """Σ coefficient × item + constant. ``folded``: the absolute value of it."""

    terms: dict[str, float] = field(default_factory=dict)
    constant: float = 0.0
    folded: bool = False

    def plus(self, other: Line, sign: float = 1.0) -> Line:
        if self.folded or other.folded:
            raise _odd()
        terms = dict(self.terms)
        for k, v in other.terms.items():
            terms[k] = terms.get(k, 0.0) + sign * v
        return Line(terms, self.constant + sign * other.constant)


def _odd() -> CannotRead:
    return CannotRead(T("不是线性关系", "not linear"), T("这条检查不参与定位", "the check takes no part in the search"))


Bound = tuple[dict[str, float], float, float]
"""Coefficients, least and most of their sum."""


class Linear:
    """Reads a formula as linear bounds. Tolerances (min, max, products with a number) are taken at the values as reported."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def number(self, value: Decimal) -> Any:
        return Line({}, float(value))

    def name(self, name: str) -> Any:
        if "." in name:
            value = self.answers.get(name)
            if value is None:
                raise _odd()
            return Line({}, float(value))
        if self.answers.get(name) is None:
            raise _odd()
        return Line({name: 1.0})

    def negative(self, value: Any) -> Any:
        return Line().plus(value, -1.0)

    def arithmetic(self, op: str, left: Any, right: Any) -> Any:
        if op in "+-":
            return left.plus(right, 1.0 if op == "+" else -1.0)
        for a, b in ((left, right), (right, left)):
            if not a.terms and not a.folded:
                if b.folded:
                    return Line({}, a.constant * abs(self._now(b)))  # only ever part of a tolerance
                return Line({k: a.constant * v for k, v in b.terms.items()}, a.constant * b.constant)
        raise _odd()

    def _now(self, line: Line) -> float:
        value = line.constant + sum(c * float(self.answers[i] or 0) for i, c in line.terms.items())
        return abs(value) if line.folded else value

    def compare(self, op: str, left: Any, right: Any) -> list[Bound]:
        if left.folded:
            if op not in ("<=", "<") or right.folded:
                raise _odd()
            most = self._now(right)
            return [(left.terms, -most - left.constant, most - left.constant)]
        if right.folded:
            raise _odd()
        both = left.plus(right, -1.0)
        if op in ("<=", "<"):
            return [(both.terms, -np.inf, -both.constant)]
        if op in (">=", ">"):
            return [(both.terms, -both.constant + (1e-6 if op == ">" else 0.0), np.inf)]
        if op == "==":
            return [(both.terms, -both.constant, -both.constant)]
        raise _odd()

    def logic(self, op: str, parts: Sequence[Any]) -> list[Bound]:
        if op != "and":
            raise _odd()
        return [b for p in parts for b in p]

    def negate(self, part: Any) -> Any:
        raise _odd()

    def call(self, function: str, parts: Sequence[Any], known: bool) -> Any:
        if function == "total":
            made = Line()
            for p in parts:
                made = made.plus(p)
            return made
        if function == "abs" and len(parts) == 1 and not parts[0].folded:
            return Line(parts[0].terms, parts[0].constant, True)
        if function in ("min", "max"):
            values = [self._now(p) for p in parts]
            return Line({}, min(values) if function == "min" else max(values))
        raise _odd()


@dataclass(frozen=True)
class Located:
    """The fields to change and what they would be; the checks that were used, and those that are not linear."""

    fields: dict[str, float]
    used: tuple[str, ...]
    left_out: tuple[str, ...]


def bounds(checks: Sequence[Check], answers: Answers) -> tuple[list[tuple[str, Bound]], tuple[str, ...]]:
    """The checks as linear bounds where they apply, and the ids of those that cannot be read so."""
    found: list[tuple[str, Bound]] = []
    odd: list[str] = []
    for check in checks:
        if check.process or check.let:
            continue
        try:
            if check.when:
                values = {n: answers.get(n) for n in read(check.when, Needs())}
                if read(check.when, Value(values)) is not True:
                    continue
            found += [(check.id, b) for b in read(check.holds, Linear(answers))]
        except (CannotRead, FormulaError):
            odd.append(check.id)
    return found, tuple(odd)


def _holds(line: Bound, answers: Answers) -> bool:
    terms, lo, hi = line
    return lo - 1e-6 <= sum(c * float(answers[i] or 0) for i, c in terms.items()) <= hi + 1e-6


def _touched(lines: list[tuple[str, Bound]], answers: Answers) -> list[tuple[str, Bound]]:
    """The lines that fail, and those that hold but share fields with them, directly or through others: the rest cannot be broken by mending."""
    found = [x for x in lines if not _holds(x[1], answers)]
    left, fields = [x for x in lines if _holds(x[1], answers)], {i for _, (terms, _, _) in found for i in terms}
    while found and (more := [x for x in left if fields & x[1][0].keys()]):
        found, left = found + more, [x for x in left if not fields & x[1][0].keys()]
        fields |= {i for _, (terms, _, _) in more for i in terms}
    return found


def fits(checks: Sequence[Check], answers: Answers) -> bool:
    """Whether every linear check holds, within its own tolerance."""
    lines, _ = bounds(checks, answers)
    return all(_holds(line, answers) for _, line in lines)


def locate(checks: Sequence[Check], answers: Answers, trust: Mapping[str, float] | None = None) -> Located:
    """The smallest weighted set of fields whose change satisfies all linear checks. ``trust``: weight of a field, 1 unless said.

    Among equal sets the one with the smallest change is taken. Fields not answered are left alone.
    """
    lines, odd = bounds(checks, answers)
    used = tuple(dict.fromkeys(i for i, _ in lines))
    lines = _touched(lines, answers)
    names = sorted({i for _, (terms, _, _) in lines for i in terms})
    if not names:
        return Located({}, used, odd)
    now = np.array([float(answers[i] or 0) for i in names])
    # a balance is aimed at itself, not at the edge of its tolerance
    aimed = [(terms, (lo + hi) / 2, (lo + hi) / 2) if np.isfinite(lo) and np.isfinite(hi) else (terms, lo, hi) for _, (terms, lo, hi) in lines]
    weight = np.array([(trust or {}).get(i, 1.0) + 1e-4 * k for k, i in enumerate(names)])  # of equal sets always the same one
    scale = max(1.0, float(np.abs(now).max()))
    new = single(aimed, names, now / scale, weight, scale)
    if new is None:
        new = several(aimed, names, now / scale, weight, scale)
    if new is None:
        return Located({}, (), odd)
    changed = {i: float(new[k] * scale) for k, i in enumerate(names) if abs(new[k] * scale - now[k]) > 1e-6 * scale + LOW}
    return Located(changed, used, odd)


def single(lines: Sequence[Bound], names: Sequence[str], v: Array, weight: Array, scale: float) -> Array | None:
    """The fields with one of them changed, if that satisfies every line and costs less than any two; None where it takes a search.

    v: values now, in units of ``scale``. The cost is that of ``several``: its weight and a thousandth of the change.
    """
    table = np.zeros((len(lines), len(names)))
    at = {i: k for k, i in enumerate(names)}
    for row, (terms, _, _) in zip(table, lines, strict=True):
        for i, c in terms.items():
            row[at[i]] = c
    low, high = (np.array([line[n] for line in lines]) / scale for n in (1, 2))
    where, value = -1, 0.0
    cost = np.inf
    for k in range(len(names)):
        of: Array = table[:, k]
        rest = table @ v - of * v[k]
        fixed = np.equal(of, 0)
        if fixed.all() or np.any(rest[fixed] < low[fixed] - NEAR) or np.any(rest[fixed] > high[fixed] + NEAR):
            continue
        ends = np.stack([low[~fixed] - rest[~fixed], high[~fixed] - rest[~fixed]]) / of[~fixed]
        least, most = max(0.0, float(ends.min(axis=0).max())), min(BIG, float(ends.max(axis=0).min()))
        if least > most + NEAR:
            continue
        x = min(max(float(v[k]), least), most)
        if (spent := weight[k] + 1e-3 * abs(x - v[k])) < cost:
            where, value, cost = k, x, float(spent)
    if where < 0 or (len(names) > 1 and cost >= np.sort(weight)[:2].sum()):
        return None
    made = v.copy()
    made[where] = value
    return made


def several(lines: Sequence[Bound], names: Sequence[str], v: Array, weight: Array, scale: float) -> Array | None:
    """The cheapest fields to change, in units of ``scale``, by mixed-integer programming; None where nothing satisfies every line."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    n, at = len(names), {i: k for k, i in enumerate(names)}
    # unknowns: new values x, changed or not z, size of change d
    rows, low, high = [], [], []
    for terms, lo, hi in lines:
        row = np.zeros(3 * n)
        for i, c in terms.items():
            row[at[i]] = c
        rows.append(row)
        low.append(lo / scale)
        high.append(hi / scale)
    for k in range(n):
        for sign in (1.0, -1.0):
            row = np.zeros(3 * n)
            row[k], row[2 * n + k] = sign, -1.0  # ±(x − v) ≤ d
            rows.append(row)
            low.append(-np.inf)
            high.append(sign * v[k])
        row = np.zeros(3 * n)
        row[2 * n + k], row[n + k] = 1.0, -BIG  # d ≤ big · z
        rows.append(row)
        low.append(-np.inf)
        high.append(0.0)
    found = milp(np.concatenate([np.zeros(n), weight, np.full(n, 1e-3)]), constraints=LinearConstraint(np.array(rows), low, high),
                 integrality=np.concatenate([np.zeros(n), np.ones(n), np.zeros(n)]),
                 bounds=Bounds(np.zeros(3 * n), np.concatenate([np.full(n, BIG), np.ones(n), np.full(n, BIG)])))
    return None if found.x is None else found.x[:n]
