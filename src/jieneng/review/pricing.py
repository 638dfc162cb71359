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
    places: dict[tuple[str, str], list[int]] = {}
    for row, place in enumerate(zip(panel.areas, panel.types, strict=True)):
        places.setdefault(place, []).append(row)
    for item, known in by.items():
        none = np.full((n, len(days)), np.nan)
        made = Local(none, none.copy(), none.copy(), [("", "")] * n)
        told = {p: (float(p.typical), *((float(p.low), float(p.high)) if p.low is not None and p.high is not None else (np.nan, np.nan)), p.titles) for p in known}
        for (area, kind), rows in places.items():
            above = line_of(area, parents)
            fit = [p for p in known if p.region in above and (not p.within or p.within in above) and p.type in ("", kind)]
            fit.sort(key=lambda p: (p.type == "", above.index(p.region), -p.since.toordinal()))
            for m, day in enumerate(days):
                one = next((p for p in fit if p.since <= day and (p.until is None or day <= p.until)), None)
                if one is None:
                    continue
                made.usual[rows, m], made.low[rows, m], made.high[rows, m], titles = told[one]
                if made.titles[rows[0]] != titles:
                    for row in rows:
                        made.titles[row] = titles
        panel.prices[item] = made
