"""Two items of one return in each other's rows: both strange where they stand, both as expected the other way round.

One more hypothesis in the mixture of ``errors``, over two items at once: p(reported | exchanged) = p(a as b) · p(b as a), with
their costs exchanged too, left where they are, or exchanged alone. Against it stands what all hypotheses over each item alone
make of the two, evidence(a) · evidence(b). How often rows are mistaken is a share of all returns in the rulebook (``exchanged``,
a sample), divided among the pairs of items and the three ways. An item in the row of another that is not used at all
is told by its value alone: a zero where there never is one, and the value that belongs there one row away.
Source: de Waal, Pannekoek & Scholtus, Handbook of Statistical Data Editing and Imputation, 2011, ch. 2 (interchanged values).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from jieneng.rulebook.reviews import Judging

from . import patterns
from .errors import Judged, Prior
from .expect import Expected
from .forecast import logs
from .found import Found
from .robust import Array, median
from .unseen import Rest

if TYPE_CHECKING:
    from .assess import Assessor

EXCHANGED = "exchanged"
ALL, AMOUNTS, COSTS, ROW = "all", "amounts", "costs", "row"
NEAR = 3.0
"""So many spreads from what is expected a value may lie that is taken for that of an item left at zero."""


LEAST = 0.02
"""One of the two is at least so doubtful by itself: what is as expected where it stands is not looked at further."""


@dataclass
class Slot:
    """One item judged: what is reported in the last year (n, periods), its cost, what is expected, what was made of it."""

    judging: Judging
    now: Array
    cost: Array | None
    expected: Expected
    price: Expected | None
    judged: Judged


@dataclass
class Work:
    """One quantity on its way through the review. ``values``, ``costs``: (n, years, periods), put right as the review goes on."""

    judging: Judging
    values: Array
    costs: Array | None
    price: Expected | None
    year: Slot | None = None
    months: Slot | None = None
    clean: Array = field(default_factory=lambda: np.zeros((0, 0)))
    rest: list[Rest] = field(default_factory=list)


@dataclass(frozen=True)
class Exchange:
    """Slots ``a`` and ``b`` of a row and period in each other's place: all, amounts, costs, or one in the row of an unused one."""

    row: int
    period: int
    a: int
    b: int
    what: str
    suspicion: float


def _density(slot: Slot, y: Array, c: Array, rows: Array) -> Array:
    """p(ln quantity) · p(ln price) of values put into a slot; the price counts where its cost is known."""
    p = np.exp(slot.expected.density(y, rows))
    if slot.price is not None:
        q = np.exp(slot.price.density(c - y, rows))
        p = p * np.where(np.isfinite(q), q, 1.0)
    found: Array = np.nan_to_num(p)
    return found


def find(slots: Sequence[Slot], prior: Prior, least: float) -> list[Exchange]:
    """The pairs more likely than ``least`` to stand in each other's place, one for each row and period."""
    pairs = list(combinations(range(len(slots)), 2))
    best: dict[tuple[int, int], Exchange] = {}
    for a, b in pairs:
        one, other = slots[a], slots[b]
        rows, i, j = np.intersect1d(one.judged.rows, other.judged.rows, assume_unique=True, return_indices=True)
        odd = np.maximum(one.judged.suspicion[i], other.judged.suspicion[j]) > LEAST
        rows, i, j = rows[odd], i[odd], j[odd]
        if not len(rows):
            continue
        each = prior.exchanged / len(pairs) / 3
        ya, yb = (logs(s.now).ravel()[rows] for s in (one, other))
        ca, cb = (logs(s.cost).ravel()[rows] if s.cost is not None else np.full(len(rows), np.nan) for s in (one, other))
        paid = np.isfinite(ca) & np.isfinite(cb)
        ways = {AMOUNTS: _density(one, yb, ca, rows) * _density(other, ya, cb, rows),
                ALL: np.where(paid, _density(one, yb, cb, rows) * _density(other, ya, ca, rows), 0.0),
                COSTS: np.where(paid, _density(one, ya, cb, rows) * _density(other, yb, ca, rows), 0.0)}
        whole = one.judged.evidence[i] * other.judged.evidence[j] + each * sum(ways.values())
        periods = one.now.shape[1]
        for what, p in ways.items():
            likely = np.divide(each * p, whole, out=np.zeros(len(rows)), where=whole > 0)
            for k in np.flatnonzero(likely > least).tolist():
                at = (int(rows[k]) // periods, int(rows[k]) % periods)
                if at not in best or likely[k] > best[at].suspicion:
                    best[at] = Exchange(*at, a, b, what, float(likely[k]))
    return list(best.values())


def left_empty(works: Sequence[Work]) -> list[Exchange]:
    """Months in which an item that always has a value is empty and another that never had one holds what belongs there."""
    found = []
    unused = [np.nansum(w.values[:, :-1], axis=(1, 2)) == 0 for w in works]
    now = [logs(w.values[:, -1]) for w in works]
    for a, one in enumerate(works):
        if one.months is None or one.values.shape[1] < 2:
            continue
        mu, scale, _ = one.months.expected.best()
        empty = np.logical_or(*patterns.gaps(one.values)) & np.isfinite(mu)
        rows, months = np.nonzero(empty)
        for b in range(len(works)):
            with np.errstate(invalid="ignore"):
                fits = unused[b][rows] & (np.abs(now[b][rows, months] - mu[rows, months]) < NEAR * scale[rows, months])
            found += [Exchange(int(r), int(m), a, b, ROW, 0.95) for r, m in zip(rows[fits], months[fits], strict=True)]
    return found


def told(a: Assessor, slots: Sequence[Slot], found: Iterable[Exchange], before: Sequence[Array], months: bool) -> list[Found]:
    """The findings, one for all periods in which the same two stand in each other's place the same way."""
    many: dict[tuple[int, int, int, str], list[Exchange]] = {}
    for e in found:
        many.setdefault((e.row, e.a, e.b, e.what), []).append(e)
    made = []
    for (row, one, other, what), each in many.items():
        at = sorted(e.period for e in each)

        def off(slot: int, by: int, row: int = row, at: list[int] = at) -> float:
            return float(np.nansum(slots[slot].now[row, at]) - np.nansum(slots[by].now[row, at]))

        size = {s: abs(off(s, by)) * a.weights.get(slots[s].judging.item, 1.0) / max(_total(a, slots[s].judging, row), 1e-12) for s, by in ((one, other), (other, one))}
        first, second = (one, other) if size[one] >= size[other] else (other, one)
        x, y = slots[first], slots[second]
        meant, money = float(np.nansum(y.now[row, at])), what == COSTS
        mu, scale, basis = (t[row, at] for t in x.expected.best())
        f = Found(row, x.judging.beside if money else x.judging.item, EXCHANGED, tuple(m + 1 for m in at) if months else (), float(np.nansum((x.cost if money and x.cost is not None else x.now)[row, at])),
                  float(np.nansum(np.exp(mu))), float(np.nansum(np.exp(mu - 2.5 * scale))), float(np.nansum(np.exp(mu + 2.5 * scale))),
                  float(1 - np.prod([1 - min(e.suspicion, 1 - 1e-12) for e in each])), what, "both", x.expected.parts[int(basis[0])].basis if basis[0] >= 0 else "",
                  int(x.expected.level[row, at[0]]), int(x.expected.size[row, at[0]]), float(np.nansum(before[first][row, at])), y.judging.beside if money else y.judging.item)
        f.suggested = _suggested(x, y, row, at, what, months)
        if money:
            f.expected = f.low = f.high = sum(v for _, i, v in f.suggested if i == f.item)
            f.amount = abs(f.found - f.expected)
        else:
            f.mean, f.amount = f.suspicion * (f.found - meant), f.suspicion * abs(f.found - meant)
            f.square = f.suspicion * (f.found - meant) ** 2
            f.twin = (y.judging.item, off(second, first))
        if what == ROW:
            f.expected = f.low = f.high = meant
        made.append(f)
    return made


def _total(a: Assessor, q: Judging, row: int) -> float:
    """About what the area of a row has in the total an item feeds; for a size, the size of all."""
    return float(a.rough[q.cell][row]) if q.cell in a.rough else float(np.nansum(a.panel.of(q.item)[:, -1]))


def _suggested(x: Slot, y: Slot, row: int, at: Sequence[int], what: str, months: bool) -> list[tuple[int, str, float]]:
    """What belongs where: (month or 0, item, value)."""
    found = []
    for m in at:
        number = m + 1 if months else 0
        for one, other in ((x, y), (y, x)):
            if what != COSTS:
                found.append((number, one.judging.item, float(np.nan_to_num(other.now[row, m]))))
            if what != AMOUNTS and one.cost is not None and other.cost is not None and one.judging.beside:
                found.append((number, one.judging.beside, float(np.nan_to_num(other.cost[row, m]))))
    return found


def replace(a: Assessor, made: Sequence[Found], slots: Sequence[Slot]) -> None:
    """Put the findings in the place of what was said of each of the two items alone in the same months."""
    cost = {s.judging.item: s.judging.beside for s in slots}
    back = {v: k for k, v in cost.items() if v}
    for f in made:
        amounts = {back.get(f.item, f.item), back.get(f.other, f.other)}
        both = amounts | {cost[i] for i in amounts}

        def covered(g: Found, f: Found = f, both: set[str] = both) -> bool:
            return g.row == f.row and g.item in both and g.kind != EXCHANGED and bool(g.months) == bool(f.months) and set(g.months) <= set(f.months)

        a.found = [g for g in a.found if not covered(g)]
    a.found += made


def of_years(a: Assessor, works: Sequence[Work], least: float) -> None:
    """Items that stand in each other's rows all year: told, and put right before single months are looked at."""
    slots = [w.year for w in works if w.year is not None]
    found = find(slots, a.prior, a.show)
    made = told(a, slots, found, [_last(w.values) for w in works], False)
    replace(a, made, slots)
    for e in found:
        if e.suspicion <= least:
            continue
        one, other = works[e.a], works[e.b]
        for w in (one, other):  # whatever was put right for one of them alone
            w.values[e.row, -1] = a.panel.of(w.judging.item)[e.row, -1]
            if w.costs is not None:
                w.costs[e.row, -1] = a.panel.of(w.judging.beside)[e.row, -1]
        if e.what != COSTS:
            one.values[e.row, -1], other.values[e.row, -1] = other.values[e.row, -1].copy(), one.values[e.row, -1].copy()
        if e.what != AMOUNTS and one.costs is not None and other.costs is not None:
            one.costs[e.row, -1], other.costs[e.row, -1] = other.costs[e.row, -1].copy(), one.costs[e.row, -1].copy()
    for f in made:
        _in_sums(a, f, works)


def _last(values: Array) -> Array:
    """The year before as one sum, (n, 1)."""
    table: Array = values[:, -2] if values.shape[1] > 1 else np.full(values[:, -1].shape, np.nan)
    return np.nansum(table, axis=1)[:, None]


def _in_sums(a: Assessor, f: Found, works: Sequence[Work]) -> None:
    """A year is judged by its middle months; what is said and proposed are the sums of what was reported."""
    if a.panel.periods == 1:
        return
    sums = {}
    for w in works:
        sums[w.judging.item] = float(np.nansum(a.panel.of(w.judging.item)[f.row, -1]))
        if w.judging.beside:
            sums[w.judging.beside] = float(np.nansum(a.panel.of(w.judging.beside)[f.row, -1]))
    pair = {f.item: f.other, f.other: f.item}
    beside = {w.judging.item: w.judging.beside for w in works}
    if f.item in beside:
        pair |= {beside[f.item]: beside[f.other], beside[f.other]: beside[f.item]}
    f.found = sums.get(f.item, f.found)
    f.suggested = [(m, i, sums.get(pair.get(i, i), v)) for m, i, v in f.suggested]


def of_stocks(a: Assessor, slots: Sequence[Slot]) -> None:
    """Sizes in each other's rows, such as people and floor area."""
    before = [_last(median(a.panel.of(s.judging.item), 2)[:, :, None]) for s in slots]
    replace(a, told(a, slots, find(slots, a.prior, a.show), before, False), slots)


def of_months(a: Assessor, works: Sequence[Work], least: float) -> None:
    """Items that stand in each other's rows in single months."""
    slots = [w.months for w in works if w.months is not None]
    if len(slots) < len(works):
        return
    found = [*find(slots, a.prior, a.show), *left_empty(works)]
    before = [w.values[:, -2] if w.values.shape[1] > 1 else np.full(w.values[:, -1].shape, np.nan) for w in works]
    replace(a, told(a, slots, found, before, True), slots)
    for e in found:
        if e.suspicion > least and e.what != COSTS:
            one, other = works[e.a], works[e.b]
            one.clean[e.row, e.period], other.clean[e.row, e.period] = other.values[e.row, -1, e.period], one.values[e.row, -1, e.period]
