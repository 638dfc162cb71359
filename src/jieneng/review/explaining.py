"""Explanations at work: which one covers a finding, and how an accepted shift of level becomes the new history. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .found import Found
from .panel import Panel

LOWERS = 0.05
"""What the suspicion of a covered finding is multiplied by: it stays on the list, far down, with the explanation beside it."""


@dataclass(frozen=True)
class Explained:
    """The part of an explanation that matters here. ``row``: of the panel."""

    id: int
    row: int
    items: tuple[str, ...]
    direction: str
    low: float
    high: float
    since: dt.date
    until: dt.date | None
    shift: bool
    ratio: float


def covers(e: Explained, f: Found, year: int) -> bool:
    """Whether an explanation speaks of a finding: same institution and item, in time, same direction, no larger than it was accepted for."""
    if e.row != f.row or f.item not in e.items or f.kind in ("factor", "swapped", "exchanged", "cost-in", "digit", "missing"):
        return False
    first = dt.date(year, min(f.months) if f.months else 1, 1)
    last = dt.date(year, max(f.months) if f.months else 12, 28)
    if last < e.since or (e.until is not None and first > e.until):
        return False
    ratio = f.found / f.expected if f.expected > 0 else 0.0
    if (e.direction == "up" and ratio < 1) or (e.direction == "down" and ratio > 1):
        return False
    return e.low <= ratio <= e.high


def lower(found: Iterable[Found], known: Sequence[Explained], year: int) -> dict[int, int]:
    """Lower the suspicion of what is explained. Returns id(finding) → explanation."""
    by_row: dict[int, list[Explained]] = {}
    for e in known:
        by_row.setdefault(e.row, []).append(e)
    told: dict[int, int] = {}
    for f in found:
        for e in by_row.get(f.row, []):
            if covers(e, f, year):
                f.suspicion *= LOWERS
                f.square *= LOWERS
                f.mean *= LOWERS
                f.explanation = e.id
                told[id(f)] = e.id
                break
    return told


def rebase(panel: Panel, known: Sequence[Explained]) -> None:
    """Move the history of accepted level shifts: every value before ``since`` is multiplied by the ratio, in place."""
    for e in known:
        if not e.shift or not e.ratio > 0:
            continue
        for item in e.items:
            values = panel.values.get(item)
            if values is None:
                continue
            for t, year in enumerate(panel.years):
                for k in range(panel.periods):
                    end = dt.date(year, k + 1 if panel.periods == 12 else 12, 28)
                    if end < e.since and np.isfinite(values[e.row, t, k]):
                        values[e.row, t, k] *= e.ratio
