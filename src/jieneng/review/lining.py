"""Which little doubted values are listed at all, and where the line lies: every value's doubt against the totals it feeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .found import Found
from .robust import Array
from .stakes import CERTAIN, Doubts, Line, score, stopping_line
from .unseen import alone, blind, fewer

if TYPE_CHECKING:
    from .assess import Assessor

PASSES = ((1.0, 0.002), (0.5, 0.003), (0.25, 0.006), (0.1, 0.02))
"""Share of the line and chance: what is neither listed nor opened has together no more than this chance of holding an error that alone
moves a total by this share of the line. The next pair is taken where the line is not reached so: many small errors may pass it together."""


@dataclass
class _Rest:
    """The rest of all items side by side: item (number in ``items``), row, and the columns of ``Doubts``."""

    items: list[str]
    item: Array
    row: Array
    place: Array
    suspicion: Array
    size: Array
    jitter: Array
    blind: Array


def draw(a: Assessor, totals: Array, place: Callable[[str, Any], Any]) -> tuple[list[Found], Line]:
    """The list, with what must be opened for the line though little speaks against it, and the line."""
    line = float(a.review.line)
    rest = _side_by_side(a, place)
    counted = [f for f in a.found if f.item in a.rest and f.kind not in ("level", "ratio")]  # the doubt of those is in the rest already
    twins = [(f, *f.twin) for f in counted if f.twin and f.twin[0] in a.rest]  # what stands in another item's box moves its total too
    at = np.array([place(f.item, f.row) for f in counted] + [place(i, f.row) for f, i, _ in twins], int)
    size = np.array([a.size(f) for f in counted] + [a.weights.get(i, 1.0) * v for _, i, v in twins]) * 1.0
    jitter = np.array([_jitter(a, f) for f in counted] + [0.0 for _ in twins]) * 1.0
    counted += [f for f, _, _ in twins]
    told_blind = blind(np.array([_spread(f) for f in counted]) * 1.0, a.prior)
    raw = np.concatenate([np.array([f.suspicion for f in counted]) * 1.0, rest.suspicion])
    chance = fewer(raw, np.concatenate([told_blind, rest.blind]), a.prior, float(a.review.forecast["unseen"]))
    told, unseen = chance[:len(counted)], chance[len(counted):]
    doubtful = [f for f in a.found if f.suspicion >= a.show]
    yearly = {(f.row, f.item) for f in doubtful if not f.months and f.kind not in ("level", "ratio")}
    for part, most in PASSES:
        risk, hidden = told * alone(size, jitter, part * line * totals[at]), unseen * alone(rest.size, rest.jitter, part * line * totals[rest.place])
        little, weighty = _needed(a, counted, risk, rest, hidden, yearly, most)
        listed = [*doubtful, *little, *(_weighty(a, rest, k, hidden, totals) for k in weighty)]
        doubts = Doubts(np.concatenate([at, rest.place]), np.concatenate([_ranks(listed, counted), _opened(listed, rest)]), chance,
                        np.concatenate([size, rest.size]), np.concatenate([jitter, rest.jitter]))
        found = stopping_line(doubts, len(listed), totals, line)
        if found.reached:
            break
    small = (raw < CERTAIN) & (raw > 0) & (doubts.finding >= 0)
    found.fewer = float(chance[small].sum() / raw[small].sum()) if small.any() else 1.0  # on the whole: each by how blind it is
    return listed, found


def _ranks(listed: list[Found], counted: list[Found]) -> Array:
    """The place of each finding in the list; −1 where it is not on it."""
    rank = {id(f): n for n, f in enumerate(listed)}
    return np.array([rank.get(id(f), -1) for f in counted], int)


def _opened(listed: list[Found], rest: _Rest) -> Array:
    """The place of the finding with which each other value is looked at: who opens a year looks at its months. −1: none."""
    first: dict[tuple[int, str], int] = {}
    for n, f in enumerate(listed):
        if not f.months and f.kind not in ("level", "ratio"):
            first.setdefault((f.row, f.item), n)
    return np.array([first.get((r, rest.items[i]), -1) for r, i in zip(rest.row.tolist(), rest.item.tolist(), strict=True)], int)


def _side_by_side(a: Assessor, place: Callable[[str, Any], Any]) -> _Rest:
    items = list(a.rest)
    columns: dict[str, list[Array]] = {k: [np.zeros(0)] for k in ("item", "row", "place", "suspicion", "size", "jitter", "blind")}
    for n, item in enumerate(items):
        r, w = a.rest[item], a.weights.get(item, 1.0)
        for name, values in (("item", np.full(len(r.rows), n)), ("row", r.rows), ("place", place(item, r.rows)), ("suspicion", r.suspicion), ("size", w * r.size), ("jitter", w * r.jitter), ("blind", r.blind)):
            columns[name].append(values)
    c = {k: np.concatenate(v) for k, v in columns.items()}
    return _Rest(items, c["item"].astype(int), c["row"].astype(int), c["place"].astype(int), c["suspicion"], c["size"], c["jitter"], c["blind"])


def _jitter(a: Assessor, f: Found) -> float:
    """How far the truth of a finding scatters round what is expected: the span told is five spreads wide; a slip that is named leads to one value."""
    return 0.0 if f.suggested or not f.expected > 0 else float(a.weights.get(f.item, 1.0) * f.expected * min(1.0, _spread(f)))


def _spread(f: Found) -> float:
    """Of ln(value): the span that is told is five spreads wide."""
    return float(np.log(f.high / f.low) / 5) if f.low > 0 and f.high > 0 else 0.0


def _needed(a: Assessor, counted: list[Found], risk: Array, rest: _Rest, hidden: Array, opened: set[tuple[int, str]], most: float) -> tuple[list[Found], list[Array]]:
    """The little doubted findings, and the groups of other values of one institution and item, without which the chance is too high: the riskiest first."""
    whole: dict[tuple[int, int], list[int]] = {}
    for k in np.flatnonzero(hidden > 1e-9).tolist():
        if (int(rest.row[k]), rest.items[rest.item[k]]) not in opened:
            whole.setdefault((int(rest.row[k]), int(rest.item[k])), []).append(k)
    entries: list[tuple[float, Any]] = [(float(r), f) for f, r in zip(counted, risk.tolist(), strict=True) if f.suspicion < a.show]
    entries += [(float(hidden[ks].sum()), np.array(ks)) for ks in whole.values()]
    entries.sort(key=lambda e: e[0])
    left = np.cumsum([e[0] for e in entries])
    needed = [e[1] for e, tail in zip(entries, left, strict=True) if tail > most][::-1]
    return list({id(e): e for e in needed if not isinstance(e, np.ndarray)}.values()), [e for e in needed if isinstance(e, np.ndarray)]


def _weighty(a: Assessor, rest: _Rest, ks: Array, hidden: Array, totals: Array) -> Found:
    """A finding of values that fit, and that must be looked at because the total hangs on them."""
    row, item = int(rest.row[ks[0]]), rest.items[rest.item[ks[0]]]
    now, weight, total = float(np.nansum(a.panel.of(item)[row, -1])), a.weights.get(item, 1.0), float(totals[rest.place[ks[0]]])
    size = float(np.sqrt((hidden[ks] * (rest.size[ks] ** 2 + rest.jitter[ks] ** 2)).sum() / hidden[ks].sum())) / weight
    p = float(1 - np.prod(1 - rest.suspicion[ks]))
    made = Found(row, item, "weighty", (), now, now, max(0.0, now - size), now + size, p, basis="own-level", mean=p * size, square=p * size**2, amount=p * size)
    # positive and negative values that cancel leave nothing to be a share of: then all of it hangs on each
    made.ratio, made.share = (weight * now / total, min(1.0, weight * made.amount / total)) if total > 0 else (1.0, 1.0)
    made.tce = weight * made.amount if any(q.item == item and q.cell == "energy_tce" for q in a.review.quantities) else 0.0
    made.score = float(score(p, made.share, float(a.review.forecast["weight_of_stakes"])))
    return made


__all__ = ["draw"]
