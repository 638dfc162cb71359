"""Local price tables beside a panel: which price holds for whom in which month, and between which it should lie."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from jieneng.rulebook.reviews import Price

from .panel import Panel
from .robust import Array
from .weather import line_of

LOOSE = 0.15
"""Spread of ln(price) round a local price that is given without a span. A sample."""
LEAST = 0.03


@dataclass
class Local:
    """The local price of an item, (n, periods) of the last year, NaN where none holds: yuan per unit; ``titles``: whose, by row."""

    usual: Array
    low: Array
    high: Array
    titles: list[tuple[str, str]]

    def forecast(self) -> tuple[Array, Array]:
        """Centre and spread of ln(price): the span is taken to hold nine of ten."""
        with np.errstate(invalid="ignore", divide="ignore"):
            span = (np.log(self.high) - np.log(self.low)) / (2 * 1.645)
            return np.log(self.usual), np.maximum(np.where(np.isfinite(span), span, LOOSE), LEAST)


def lay(panel: Panel, prices: Iterable[Price], parents: Mapping[str, str]) -> None:
    """Put the local prices beside the panel: of those that hold in the middle of a month the one for the kind of institution goes
    before the one for all, the nearest region before those round it, the newer before the older."""
    by: dict[str, list[Price]] = {}
    for p in prices:
        by.setdefault(p.item, []).append(p)
    year, n = panel.years[-1], len(panel)
    days = [dt.date(year, m, 15) for m in range(1, 13)] if panel.periods == 12 else [dt.date(year, 12, 31)]
    for item, known in by.items():
        made = Local(np.full((n, len(days)), np.nan), np.full((n, len(days)), np.nan), np.full((n, len(days)), np.nan), [("", "")] * n)
        for area, kind in sorted(set(zip(panel.areas, panel.types, strict=True))):
            above = line_of(area, parents)
            fit = [p for p in known if p.region in above and (not p.within or p.within in above) and p.type in ("", kind)]
            fit.sort(key=lambda p: (p.type == "", above.index(p.region), -p.since.toordinal()))
            rows = [k for k in range(n) if panel.areas[k] == area and panel.types[k] == kind]
            for m, day in enumerate(days):
                one = next((p for p in fit if p.since <= day and (p.until is None or day <= p.until)), None)
                if one is None:
                    continue
                made.usual[rows, m] = float(one.typical)
                if one.low is not None and one.high is not None:
                    made.low[rows, m], made.high[rows, m] = float(one.low), float(one.high)
                for k in rows:
                    made.titles[k] = one.titles
        panel.prices[item] = made
