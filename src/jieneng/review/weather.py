"""Degree days: how cold the same month was in another year, and what a heating item would have been in this year's cold.

HDD = Σ days max(0, 18 ℃ − mean of the day) (the base of GB 50176); where only a month's mean is known, days × max(0, 18 − mean),
which is the same unless days of the month lie on both sides of 18 ℃. Pure.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .robust import Array

if TYPE_CHECKING:
    from .panel import Panel

BASE = 18.0
COLD = 30.0
"""Months with fewer degree days than this (1 ℃ a day) are not heated: nothing is moved."""
MOST = 1.5
"""No month is moved by more than this, or its inverse: beyond that the temperatures are wrong, not the year."""


@dataclass(frozen=True)
class Degrees:
    """The heating degree days of one month. ``within``: counted only there (the area of the office that keeps it)."""

    region: str
    station: str
    year: int
    month: int
    hdd: float
    sample: bool = False
    within: str = ""


def of_days(means: Mapping[int, float], year: int, month: int) -> float | None:
    """Degree days from the means of the days of a month; None where a day is missing.

    >>> of_days({d: 10.0 for d in range(1, 32)}, 2022, 1)
    248.0
    """
    days = range(1, calendar.monthrange(year, month)[1] + 1)
    return sum(max(0.0, BASE - means[d]) for d in days) if all(d in means for d in days) else None


def of_month(mean: float, year: int, month: int) -> float:
    """Degree days from the mean of a month.

    >>> of_month(3.0, 2022, 1)
    465.0
    """
    return calendar.monthrange(year, month)[1] * max(0.0, BASE - mean)


def lay(panel: Panel, degrees: Iterable[Degrees], parents: Mapping[str, str]) -> None:
    """Put the degree days of each one's area beside the panel: the nearest region above it whose months are known."""
    by: dict[str, dict[tuple[int, int], Degrees]] = {}
    for d in degrees:
        by.setdefault(d.region, {})[d.year, d.month] = d
    if not by:
        return
    table = np.full((len(panel), len(panel.years), 12), np.nan)
    stations = [""] * len(panel)
    for area in sorted(set(panel.areas)):
        above = line_of(area, parents)
        near = next((by[r] for r in above if r in by and all(not d.within or d.within in above for d in by[r].values())), None)
        if near is None:
            continue
        rows = [n for n, a in enumerate(panel.areas) if a == area]
        table[rows] = [[near[y, m].hdd if (y, m) in near else np.nan for m in range(1, 13)] for y in panel.years]
        one = next(iter(near.values()))
        for n in rows:
            stations[n] = one.station
    panel.hdd, panel.stations = table if panel.periods == 12 else table.sum(axis=2, keepdims=True), stations


def line_of(area: str, parents: Mapping[str, str]) -> list[str]:
    """An area and what it lies in, nearest first."""
    found = [area]
    while (up := parents.get(found[-1], "")) and up not in found:
        found.append(up)
    return found


def moved(values: Array, hdd: Array | None, share: float) -> Array:
    """The values (n, years, periods) with earlier years as they would have been in the last year's cold; the same array where nothing is known.

    x' = x · (1 + share · (HDD now ÷ HDD then − 1)) for months that were heated in both years.
    """
    if hdd is None or not share or values.shape[1] < 2:
        return values
    now, then = hdd[:, -1:], hdd[:, :-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((now >= COLD) & (then >= COLD), now / then, 1.0)
    made = values.copy()
    made[:, :-1] *= 1 + share * (np.clip(ratio, 1 / MOST, MOST) - 1)
    return made
