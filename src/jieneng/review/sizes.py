"""Months in which a size (floor area, people, vehicles …) is unlike what it is all year: left at zero, or a digit too many or too few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jieneng.rulebook.reviews import Judging

from . import patterns
from .forecast import logs
from .found import Found
from .robust import Array, median

if TYPE_CHECKING:
    from .assess import Assessor

TIMES = 3.0
"""A month this many times the size of its year, or that small a part of it, is no change of use. A sample."""
LASTING = 3
"""So many months and more that differ alike are a change, and told as one by the year."""


def months(a: Assessor, s: Judging, values: Array, year: Array, mu: Array) -> list[Found]:
    """values: (n, years, 12); year: (n, years), the middle month; mu: ln of what is expected, (n, 1). Nothing of annual returns."""
    if a.panel.periods != 12:
        return []
    found = []
    _, zero = patterns.gaps(values, 0.6)
    for row in np.flatnonzero(zero.any(axis=1)):
        at = np.flatnonzero(zero[row])
        meant = float(year[row, -1]) if year[row, -1] > 0 else float(np.exp(mu[row, 0]))
        found.append(Found(int(row), s.item, "zero", tuple(int(m) + 1 for m in at), 0.0, meant, meant * 0.9, meant * 1.1, 0.9, basis="own-level", amount=meant * len(at) / 12))
    return [*found, *_slips(a, s, values)]


def _slips(a: Assessor, s: Judging, values: Array) -> list[Found]:
    """Single months far from the middle of the year and of the neighbours: what the others say is proposed."""
    now, found = values[:, -1], []
    away = logs(now) - median(logs(now))[:, None]
    with np.errstate(invalid="ignore"):
        far = (np.abs(away) > np.log(TIMES)) & (np.fmax(now, np.exp(median(logs(now)))[:, None]) >= 10)
    for row in np.flatnonzero(far.any(axis=1)).tolist():
        at = np.flatnonzero(far[row])
        if len(at) >= LASTING and np.ptp(away[row, at]) < 0.5:
            continue
        others = float(np.exp(median(logs(np.where(far[row], np.nan, now[row])))))
        if not np.isfinite(others):
            continue
        for m in at.tolist():
            value = float(now[row, m])
            power = round(float(np.log10(value / others)))
            exact = power != 0 and abs(value / others / 10.0**power - 1) < 0.05
            meant = value / 10.0**power if exact else others
            f = Found(row, s.item, "slip", (m + 1,), value, others, others * 0.9, others * 1.1, 0.95 if exact else 0.8, f"{'×' if power > 0 else '÷'}10^{abs(power)}" if exact and abs(power) <= 4 else "",
                      basis="own-level", before=others, amount=abs(value - others) / 12)
            f.suggested = [(m + 1, s.item, meant)]
            found.append(f)
    return found
