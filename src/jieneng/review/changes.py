"""This year against last, among its like: whose ratio lies beyond the bounds that the changes of the others set (Hidiroglou & Berthelot 1986)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from jieneng.rulebook.reviews import Judging

from . import patterns
from .expect import Expected
from .found import Found
from .robust import Array, hb_bounds

if TYPE_CHECKING:
    from .assess import Assessor


def outside(a: Assessor, values: Array) -> Iterator[tuple[int, float, float, float, float, int]]:
    """Row, this year, last, the bounds, and how many it is compared with, of those beyond their bounds; over the months both years have.

    Among those of a kind in the parent region; a group of fewer than twice ``least`` says nothing.
    """
    f = a.review.forecast
    both = (values[:, -1] > 0) & (values[:, -2] > 0)
    enough = both.sum(axis=1) >= min(4, a.panel.periods)
    now, old = (np.where(enough, np.where(both, values[:, t], 0.0).sum(axis=1), np.nan) for t in (-1, -2))
    groups = a.panel.groups[level(a)] if a.panel.levels else np.zeros(len(now), int)
    u, least, c = (float(f[k]) for k in ("hb_u", "hb_a", "hb_c"))
    known = np.isfinite(now) & np.isfinite(old)
    for code in np.unique(groups[known]).tolist():
        rows = np.flatnonzero((groups == code) & known)
        if len(rows) < 2 * a.knobs.least:
            continue
        low, high = hb_bounds(now[rows], old[rows], u, least, c)
        for row, lo, hi in zip(rows.tolist(), low.tolist(), high.tolist(), strict=True):
            if not lo <= now[row] <= hi:
                yield row, float(now[row]), float(old[row]), lo, hi, len(rows)


def level(a: Assessor) -> int:
    """The level of grouping that changes are compared in: parent region and kind, where there is one."""
    return 1 if len(a.panel.levels) > 1 else 0


def told(a: Assessor, q: Judging) -> list[Found]:
    """What only this shows, as doubtful as ``show`` and no more: a large change among its like may well be real.

    Where the year of an institution is doubted already, it is told so beside it.
    """
    values, made = a.panel.of(q.item), []
    if values.shape[1] < 2:
        return []
    doubted: dict[int, list[Found]] = {}
    for f in a.found:
        if f.item in (q.item, q.beside) and f.suspicion >= a.least:
            doubted.setdefault(f.row, []).append(f)
    for row, now, old, low, high, peers in outside(a, values):
        for f in doubted.get(row, []):
            if f.item == q.item and (not f.months or len(f.months) > 5):
                f.outside = now / old - 1, level(a), peers
        if row in doubted:
            continue
        both = (values[row, -1] > 0) & (values[row, -2] > 0)
        months = () if both.all() or a.panel.periods == 1 else tuple((np.flatnonzero(both) + 1).tolist())
        made.append(Found(row, q.item, "ratio", months, now, float(np.sqrt(low * high)) if low > 0 else high / 2, low, high, a.show, basis="changes", level=level(a), peers=peers,
                          before=old, amount=0.1 * (now - high if now > high else low - now)))
    return made


def left_out(q: Judging, values: Array, expected: Expected) -> list[Found]:
    """Months left out and zeros by gap."""
    mu, scale, basis = expected.best()
    made: list[Found] = []
    for kind, table in zip(("missing", "zero"), patterns.gaps(values), strict=True):
        table = table & np.isfinite(mu)
        for row in np.flatnonzero(table.any(axis=1)):
            at = np.flatnonzero(table[row])
            if len(at) > 6:
                continue  # not used any more, rather than forgotten: the year tells
            meant = np.exp(mu[row, at])
            total = float(meant.sum())
            made.append(Found(
                int(row), q.item, kind, tuple(int(m) + 1 for m in at), 0.0, total, float((meant * np.exp(-2.5 * scale[row, at])).sum()),
                float((meant * np.exp(2.5 * scale[row, at])).sum()), 0.9 if kind == "missing" else 0.8, basis=expected.parts[int(basis[row, at[0]])].basis,
                level=int(expected.level[row, at[0]]), peers=int(expected.size[row, at[0]]), mean=-0.8 * total, square=0.8 * total**2, amount=0.8 * total))
    return made
