"""First screening (初筛) of a snapshot: the rulebook's parameters become a sieve, an engine sifts the wide year, what remains is ordered by stakes.

The candidates are meant for the full review (``assess``): the sieve has no say in what is a finding. Its parameters are those of
the review itself (``show``, ``line``, ``least``, ``strength``, ``floor``, ``hb_…``), its formulas those of the form's checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jieneng.engine.sifting import Quantity, Sieve, Sifted
from jieneng.rulebook import form_for
from jieneng.rulebook.reviews import Review
from jieneng.rulebook.types import Book

from .errors import powers
from .robust import Array
from .stakes import score

HALF = 5.0
"""Spreads at which a value is as likely wrong as right, before anything else is known of it: ``show`` 0.2 is two and a half spreads."""
LEAST = 1.2
"""Spreads from which a value is looked at because much hangs on it. Both chosen so that on the example city no finding is lost (tested)."""
STOCK_FLOOR = 0.06
"""A tenth more or less of floor area or people is the form's own check (as in ``assess.stock``)."""
LARGE = 0.4
"""The share of the line that a little doubted value must be able to move (as in ``assess``)."""
MONTHS = tuple(f"{m:02}" for m in range(1, 13))


def spreads(doubt: float) -> float:
    """How many spreads out a doubt is: the inverse of ``doubt``.

    >>> round(spreads(0.2), 6)
    2.5
    """
    return float(HALF * np.sqrt(doubt / (1 - doubt)))


def doubt(z: Any) -> Any:
    """0–1 for how many spreads a value lies out, as Student's t beside a flat rival would have it: z² ÷ (z² + half²)."""
    square = np.nan_to_num(np.asarray(z, float)) ** 2
    return square / (square + HALF**2)


def sieve(book: Book, review: Review, year: int, weights: Mapping[str, float], rhythm: str = "month") -> Sieve:
    """The sieve of a review for a year. ``weights``: item → what a unit counts in its total (``reading.weights``)."""
    f = review.forecast
    quantities = [Quantity(q.item, q.beside, q.cell, weights.get(q.item, 1.0), next(iter(q.per), ""), float(f["floor"])) for q in review.quantities]
    quantities += [Quantity(s.item, s.beside, s.item, 1.0, next(iter(s.per), ""), STOCK_FLOOR, True) for s in review.stocks]
    show = float(review.show)
    return Sieve(review.form, year, MONTHS if rhythm == "month" else ("year",), tuple(quantities), tuple(form_for(book, review.form, year).checks),
                 {d.code: d.parent for d in book.divisions.values()}, {t.code: t.parent for t in book.types.values()}, int(f["least"]), float(f["strength"]),
                 (float(f["hb_u"]), float(f["hb_a"]), float(f["hb_c"])), spreads(show), LEAST, LARGE * float(review.line))


def factor(q: float, units: Mapping[str, float]) -> str:
    """The power of ten or wrong unit that a quotient is, within a quarter either way; "" where it is none.

    >>> factor(0.00011, {"wan_kwh": 0.0001}), factor(9.0, {}), factor(2.0, {})
    ('wan_kwh', '×10^1', '')
    """
    return next((name for name, f in [*units.items(), *powers().items()] if f / 1.25 < q < f * 1.25), "")


def order(sifted: Sifted, review: Review, weights: Mapping[str, float]) -> tuple[dict[str, Array], int]:
    """The candidates of all items in one table, ordered by score: columns institution, item (number in the table's ``items``), area, doubt, off,
    share, score, place (a number of the published total); and the place of the line.

    Expected: last year's amount as its like changed, a month as the other months changed, the level of its like; the largest distance counts.
    """
    power, parts, cell_of = float(review.forecast["weight_of_stakes"]), [], {q.item: q.cell for q in review.quantities}
    names = list(sifted.candidates)
    cells: dict[str, int] = {}
    for n, (item, c) in enumerate(sifted.candidates.items()):
        w = weights.get(item, 1.0)
        history = np.isfinite(c["r"])
        z = np.nanmax(np.stack([np.where(history, c["zy"], c["zx"]), c["zm"], c["zp"], c["zv"], np.zeros(len(history))]), axis=0) if len(history) else np.zeros(0)
        pattern = (c["missing"] > 0) | (c["zeros"] > 0) | (c["flat"] > 0) | (c["same"] > 2) | (c["outside"] > 0)
        p = np.where(pattern & (item in cell_of), np.maximum(doubt(z), 0.5), doubt(z))
        with np.errstate(invalid="ignore", divide="ignore"):
            year = np.where(history, np.abs(c["amount"] - c["expected"]), np.abs(c["amount"] * (1 - c["like"] / c["x"])))
            month = np.minimum(np.abs(c["monthly"] * (1 - 1 / c["q"])), c["amount"] + c["before"])  # nothing of one month is more than the two years
            gaps = (c["missing"] + c["zeros"]) * c["before"] / 12
            off = w * np.nanmax(np.stack([np.nan_to_num(v) for v in (year, month, gaps)]), axis=0) if len(history) else np.zeros(0)
            share = np.where(c["fine"] > 0, np.minimum(1.0, p * off / c["fine"]), 0.0)
        parts.append({"institution": c["institution"], "item": np.full(len(p), n), "area": c["area"], "doubt": p, "off": off, "weight": np.full(len(p), w), "share": share, "score": score(p, share, power),
                      "total": c["total"] if item in cell_of else np.full(len(p), np.inf), "place": cells.setdefault(cell_of.get(item, item), len(cells)) * len(sifted.areas) + c["area"]})
    table = {k: np.concatenate([p[k] for p in parts]) if parts else np.zeros(0) for k in ("institution", "item", "area", "doubt", "off", "weight", "share", "score", "total", "place")}
    by = np.argsort(table["institution"], kind="stable")  # items stand in order already
    by = by[np.argsort(-np.round(table["score"][by], 9), kind="stable")]
    table = {k: v[by] for k, v in table.items()}
    return {**table, "items": np.array(names, object)}, line_of(table, float(review.line))


def listed(table: Mapping[str, Array], sifted: Sifted, review: Review, limit: int) -> list[dict[str, Any]]:
    """The first candidates in words of data: institution, item, month (0 for the year), off in the item's unit, doubt, share, the factor it looks like."""
    units = {q.item: {n: float(f) for n, (f, _) in q.units.items()} for q in (*review.quantities, *review.stocks)}
    found = []
    for n in range(min(limit, len(table["doubt"]))):
        item, who = str(table["items"][table["item"][n]]), int(table["institution"][n])
        c = sifted.candidates[item]
        k = int(np.searchsorted(c["institution"], who))
        month = min(abs(float(c["monthly"][k]) * (1 - 1 / float(c["q"][k]))), float(c["amount"][k] + c["before"][k]))
        year = not month > 0.5 * abs(float(c["amount"][k] - c["expected"][k]))  # one month that makes up most of the year's distance is told as such
        found.append({"institution": who, "item": item, "month": 0 if year else int(c["month"][k]), "off": float(table["off"][n] / table["weight"][n]), "doubt": float(table["doubt"][n]),
                      "share": float(table["share"][n]), "score": float(table["score"][n]), "factor": factor(float(c["r"][k] if year else c["q"][k]), units.get(item, {}))})
    return found


def line_of(table: Mapping[str, Array], line: float) -> int:
    """After how many candidates what is left (doubt × distance, added up) moves no area's total by more than ``line``."""
    n = len(table["doubt"])
    if not n:
        return 0
    totals = table["place"].astype(np.uint16 if table["place"].max() < 2**16 else np.int64)  # numpy sorts 16 bits by counting
    last = n - 1 - np.argsort(totals[::-1], kind="stable")  # by total, what stands last in the list first
    left = np.cumsum(np.asarray(table["doubt"] * table["off"], float)[last])
    starts = np.flatnonzero(np.diff(totals[last].astype(np.int64), prepend=-1))
    left -= np.repeat(np.concatenate([[0.0], left[starts[1:] - 1]]), np.diff(np.append(starts, n)))
    beyond = left > line * np.asarray(table["total"], float)[last]
    return int(last[beyond].max()) + 1 if beyond.any() else 0
