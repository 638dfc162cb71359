"""Errors in returns of several items with costs and sizes: planted, and hunted by every method over the same cells.

    ./run bench review --sets city[,yale-items,cambridge-items,toronto-area] [--rates …] [--seeds N] [--line RUNS]

``rate`` is a share of the returns (institution × period), one error each; a size is wrong in a whole year or in one return. Each
error is a few cells (institution, item, period); it counts as found when one of its cells is among those that a person sees who
opens 5 % of the returns in the order of the method. The other methods score one column at a time, so each is applied to all columns alike,
amounts, costs and sizes, and once more (“+ price”) with cost ÷ amount as one more column. An amount, its cost and their price are one cell with the highest
of their scores: whoever looks at one has the bill in hand. The columns of each other method are put into one list by score and by rank within the column; the better list is shown. Ours is the list of
findings as ``Assessor`` hands it to the page: what is on no list comes behind all that is, in no order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from jieneng.review.assess import Assessor
from jieneng.review.forecast import logs
from jieneng.review.found import Assessed, Found
from jieneng.review.robust import median, spread
from jieneng.rulebook.reviews import Judging

from .reviewpanels import PanelSet
from .reviewplants import METHODS, MODERATE, UNITS, wrong

Array = np.ndarray[Any, Any]
Cell = tuple[str, int, int]
"""Item, row, period."""
OPENED = 0.05
COSTS = [f"cost {k}" for k in ("×10^1", "÷10^1", "×10^2", "÷10^2", "÷10^4", "dropped", "doubled", "transposed", "-30%", "×2")]
SWAPS = ["cost in both boxes", "amount in both boxes", "amount and cost exchanged", "two items exchanged", "amounts of two items exchanged", "costs of two items exchanged",
         "in the next item's row", "two items exchanged all year"]
SIZES = ["size ×10 all year", "size ÷10 all year", "size ×10 once", "size ÷10 once"]
OTHERS = ["copied", "twice", "missing"]
FAMILIES = ("units", "moderate", "moderate with cost", "other", "cost", "swapped", "size")
BY_RANK = " by rank"
USUAL = {"flat 10 %": 0.1, "z-score": 3.0, "modified z": 3.5, "plain HB": 20.0}
"""From which score on each is usually said to flag."""


@dataclass
class Error:
    """One planted error: its cells with what is true there. ``exact``: whether there is one right value to propose."""

    family: str
    kind: str
    true: dict[Cell, float]
    exact: bool


@dataclass
class Sown:
    """The last year's values with errors in them, and the errors."""

    now: dict[str, Array]
    """Item → (n, periods)."""
    errors: list[Error] = field(default_factory=list)
    used: set[Cell] = field(default_factory=set)
    """An amount and its cost are one bill, wrong once."""


class Sower:
    """Plants errors into a set. Which kinds: those for which the set has the items."""

    def __init__(self, s: PanelSet, seed: int, rate: float) -> None:
        self.s, self.dice = s, np.random.default_rng([seed, int(rate * 1000), 7])
        p = s.panel
        self.n, self.periods = len(p), p.periods
        self.sown = Sown({i: v[:, -1].copy() for i, v in p.values.items()})
        self.clean = {i: v[:, -1] for i, v in p.values.items()}
        self.amounts = {q.item: q.beside if q.beside in p.values else "" for q in s.amounts}
        self.bill = {j.beside: j.item for j in (*s.review.quantities, *s.review.stocks) if j.beside}
        able = [np.stack([np.full(k.size, a), k], 1) for a, i in enumerate(self.amounts) if (k := np.flatnonzero(self.clean[i].ravel() > 0)).size]
        self.able = np.concatenate(able)
        self.names = list(self.amounts)

    def kinds(self) -> list[tuple[str, str]]:
        """(family, kind), as often as each is planted."""
        found = [("units", k) for k in UNITS] + [("moderate", k) for k in MODERATE]
        if any(self.amounts.values()):
            found += [("moderate with cost", k) for k in MODERATE if k.endswith(("%", "×2", "large"))]
            found += [("cost", c) for c in COSTS] + [("swapped", k) for k in SWAPS[:3]] + [("swapped", k) for k in SWAPS[5:6]]
        if self.s.pairs:
            found += [("swapped", k) for k in (SWAPS[3], SWAPS[4], SWAPS[6], *(SWAPS[7:] if self.periods > 1 else ()))]
        if self.s.sizes:
            found += [("size", k) for k in (SIZES if self.periods > 1 else SIZES[:2])]
        return [*found, *(("other", k) for k in OTHERS)] if self.periods > 1 else found

    def sow(self, rate: float) -> Sown:
        wanted, kinds, tries = max(1, round(rate * self.n * self.periods)), self.kinds(), 0
        while len(self.sown.errors) < wanted and tries < 400 * wanted:
            family, kind = kinds[int(self.dice.integers(len(kinds)))]
            self._plant(family, kind)
            tries += 1
        return self.sown

    def _plant(self, family: str, kind: str) -> None:
        made = self._made(family, kind)
        cells = {c: v for c, v in (made or {}).items() if np.isfinite(v)}
        cells = {c: round(v, 4) for c, v in cells.items() if round(v, 4) != self.value(c)}
        bills = {(self.bill.get(i, i), row, k) for i, row, k in cells}
        if not cells or self.sown.used & bills or any(v < 0 for v in cells.values()) or (made and len(made) > 1 and len(cells) < 2):
            return
        true = {c: self.value(c) for c in cells}
        for (item, row, k), v in cells.items():
            self.sown.now[item][row, k] = v
        self.sown.used |= bills
        exact = family in ("units", "swapped", "size") or (family == "cost" and "10^" in kind)
        self.sown.errors.append(Error(family, kind, true, exact))

    def value(self, cell: Cell) -> float:
        return float(self.clean[cell[0]][cell[1], cell[2]])

    def _any(self, large: bool = False) -> Cell:
        """An amount above zero, each as likely; ``large``: of the largest tenth of its item."""
        a, flat = self.able[int(self.dice.integers(len(self.able)))]
        item = self.names[int(a)]
        if large:
            values = self.clean[item].ravel()
            top = np.flatnonzero(values >= np.nanquantile(values[values > 0], 0.9))
            flat = top[int(self.dice.integers(len(top)))]
        return item, int(flat) // self.periods, int(flat) % self.periods

    def _made(self, family: str, kind: str) -> dict[Cell, float] | None:
        """The cells of an error with what is put there; None where the one chosen has not what it takes."""
        if family == "size":
            return self._size(kind)
        if family == "swapped" and "item" in kind:
            return self._between(kind)
        item, row, k = self._any(kind.endswith("large"))
        beside = self.amounts[item]
        box, cost = (item, row, k), (beside, row, k)
        if family in ("units", "moderate"):
            return {box: self._slip(kind, box)}
        if not beside or not self.value(cost) > 0:
            return {box: self._slip(kind, box)} if family == "other" else None
        if family == "cost":
            return {cost: self._slip(kind[5:], cost)}
        if family == "swapped":
            a, b = self.value(box), self.value(cost)
            return {SWAPS[0]: {box: b}, SWAPS[1]: {cost: a}, SWAPS[2]: {box: b, cost: a}}[kind]
        return {box: self._slip(kind, box), cost: self._slip(kind, cost)}

    def _slip(self, kind: str, cell: Cell) -> float:
        item, row, k = cell
        v, old = self.value(cell), self.s.panel.values[item]
        before = float(old[row, -2, k]) if old.shape[1] > 1 else float("nan")
        beside = self.clean[item][row, k - 1] if k and self.clean[item][row, k - 1] > 0 else v
        shift = 10 ** self.s.places.get(item, 0) if kind in ("dropped", "doubled", "transposed") else 1
        return wrong(kind, v * shift, before, float(beside), self.dice, self.periods) / shift

    def _between(self, kind: str) -> dict[Cell, float] | None:
        """Two items of one return in each other's rows, or one in the row of another that the institution does not use."""
        a, b = self.s.pairs[int(self.dice.integers(len(self.s.pairs)))]
        if a not in self.amounts or b not in self.amounts:
            return None
        full, empty = (a, b) if self.dice.random() < 0.5 else (b, a)
        shifted = kind == SWAPS[6]
        both = (self.clean[full] > 0) & (np.nan_to_num(self.clean[empty]) == 0 if shifted else self.clean[empty] > 0)
        where = np.flatnonzero(both.ravel())
        if not len(where):
            return None
        row, month = divmod(int(where[int(self.dice.integers(len(where)))]), self.periods)
        months = np.flatnonzero(both[row]).tolist() if kind.endswith("year") else [month]
        pairs = [(full, empty)] if "costs" not in kind else []
        if not kind.startswith("amounts") and self.amounts[full] and self.amounts[empty]:
            pairs.append((self.amounts[full], self.amounts[empty]))
        found: dict[Cell, float] = {}
        for x, y in pairs:
            for k in months:
                one, other = (x, row, k), (y, row, k)
                found[one], found[other] = (0.0 if shifted else self.value(other)), self.value(one)
        return {c: v for c, v in found.items() if not (np.isnan(self.value(c)) and v == 0)} or None

    def _size(self, kind: str) -> dict[Cell, float] | None:
        item = self.s.sizes[int(self.dice.integers(len(self.s.sizes)))]
        row = int(self.dice.integers(self.n))
        months = range(self.periods) if kind.endswith("year") else [int(self.dice.integers(self.periods))]
        times = 10.0 if "×" in kind else 0.1
        found = {(item, row, k): float(np.round(self.value((item, row, k)) * times)) for k in months if self.value((item, row, k)) >= 10}
        return found or None


# -- the methods ------------------------------------------------------------------------------------------------------


class Cells:
    """Every cell that any method may be asked about, numbered: columns one after the other, each (n, periods) flat."""

    def __init__(self, s: PanelSet) -> None:
        self.s, p = s, s.panel
        amounts = s.amounts
        judged = [*amounts, *(j for j in s.review.stocks if j.item in p.values and np.nansum(p.of(j.item)) > 0)]
        self.columns = [j.item for j in judged]
        self.beside = {j.item: j.beside for j in judged if j.beside in p.values}
        self.column = {c: c for c in self.columns} | {v: k for k, v in self.beside.items()}
        self.start = {c: n * len(p) * p.periods for n, c in enumerate(self.columns)}
        self.each = len(p) * p.periods
        self.total = len(self.columns) * self.each

    def at(self, cell: Cell) -> int:
        return self.start[self.column[cell[0]]] + cell[1] * self.s.panel.periods + cell[2]

    def known(self, now: Mapping[str, Array]) -> Array:
        """Cells with something in them now or a year ago."""
        found = []
        for c in self.columns:
            there = [c, *([self.beside[c]] if c in self.beside else [])]
            found.append(np.any([self._some(i, now) for i in there], axis=0).ravel())
        return np.concatenate(found)

    def _some(self, item: str, now: Mapping[str, Array]) -> Array:
        values = self.s.panel.values[item]
        old = values[:, -2] if values.shape[1] > 1 else now[item]
        found: Array = (np.nan_to_num(now[item]) > 0) | (np.isfinite(now[item]) & (np.nan_to_num(old) > 0))
        return found


def planted_panel(s: PanelSet, sown: Sown) -> Any:
    return replace(s.panel, values={i: np.concatenate([v[:, :-1], sown.now[i][:, None]], axis=1) for i, v in s.panel.values.items()})


def modified_z(values: Array, groups: list[Array], sizes: list[Array]) -> Array:
    """The modified z-score; where more than half of a series is one value its median deviation is zero, and the mean one stands in (Iglewicz & Hoaglin 1993)."""
    if values.ndim == 2:
        return METHODS["modified z"](values, groups, sizes)
    whole = values.reshape(len(values), -1)
    middle = median(whole)[:, None]
    wide, mean = spread(whole), 1.2533 * np.nanmean(np.abs(whole - middle), axis=1)
    scale = np.where(wide > 0, wide, mean)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.where(scale > 0, np.abs(values[:, -1] - middle) / scale, 0.0)
    return found


SIDE = METHODS | {"modified z": modified_z}


def peers(s: PanelSet, cells: Cells, panel: Any) -> Iterator[tuple[str, Array]]:
    """The scores of every other method over all cells: of an amount and its cost the higher, then with their price; each as it is, and by rank within its column."""
    judged: dict[str, Judging] = {j.item: j for j in (*s.review.quantities, *s.review.stocks)}
    costs = {q.beside: q for q in s.amounts if q.beside}

    def shaped(v: Array) -> Array:
        return v if panel.periods > 1 else v[:, :, 0]

    def sizes(column: str) -> list[Array]:
        per = judged[column].per if column in judged else costs[column].per if column in costs else ()
        return [logs(median(panel.of(i).reshape(len(panel), -1)[:, -panel.periods:])) for i in per]

    def whole(scores: Mapping[str, Array]) -> Array:
        return np.concatenate([scores[c].ravel() for c in cells.columns])

    prices = {}
    for q in s.amounts:
        if q.beside in panel.values:
            with np.errstate(divide="ignore", invalid="ignore"):
                prices[q.item] = np.where((panel.of(q.item) > 0) & (panel.of(q.beside) > 0), panel.of(q.beside) / panel.of(q.item), np.nan)
    for name, method in SIDE.items():
        raw = {c: method(shaped(panel.values[c]), panel.groups, sizes(c)).reshape(len(panel), -1) for c in cells.column}
        priced = {c: method(shaped(v), panel.groups, []).reshape(len(panel), -1) for c, v in prices.items()}
        for way, pool in (("", np.asarray), (BY_RANK, _ranked)):
            scores = {c: pool(v) for c, v in raw.items()}
            scores = {c: np.fmax(scores[c], scores[cells.beside[c]]) if c in cells.beside else scores[c] for c in cells.columns}
            yield name + way, whole(scores)
            if prices:
                both = {c: np.fmax(scores[c], pool(v)) for c, v in priced.items()}
                yield f"{name} + price{way}", whole(scores | both)


def _ranked(score: Array) -> Array:
    """0 to 1: the share of a column's values with a lower score."""
    known = np.isfinite(score)
    found = np.full(score.shape, np.nan)
    found[known] = np.searchsorted(np.sort(score[known]), score[known]) / max(1, known.sum())
    return found


def ours(s: PanelSet, cells: Cells, panel: Any) -> tuple[Array, Assessed]:
    """The findings of the product in their order, as scores of the cells they name."""
    made = Assessor(panel, s.review, s.weights, others=s.others).run()
    score = np.full(cells.total, -np.inf)
    for rank, f in enumerate(made.found):
        for c in cells_of(f, panel.periods):
            if c[0] in cells.column:
                score[cells.at(c)] = max(score[cells.at(c)], -float(rank))
    return score, made


def cells_of(f: Found, periods: int) -> list[Cell]:
    """What a finding names: its item, and the other where it speaks of both, in its months."""
    items = dict.fromkeys([f.item, *(i for _, i, _ in f.suggested)])
    return [(i, f.row, m - 1) for i in items for m in (f.months or range(1, periods + 1))]


# -- the measures -----------------------------------------------------------------------------------------------------


def measure(s: PanelSet, cells: Cells, score: Array, sown: Sown, seed: int, opened: float = OPENED) -> dict[str, float]:
    """By family what is found when ``opened`` of the returns are opened, of moderate errors in energy also their tce; average precision of the whole order."""
    known = np.flatnonzero(cells.known(sown.now))
    score = np.where(np.isfinite(score), score, -np.inf)[known]
    order = known[np.lexsort((np.random.default_rng(seed).random(len(known)), -score))]
    which = np.full(cells.total, -1)
    for n, e in enumerate(sown.errors):
        which[[cells.at(c) for c in e.true]] = n
    firsts = np.sort(np.unique(order % cells.each, return_index=True)[1])
    k = max(1, int(np.ceil(opened * cells.each)))
    cut = firsts[k] if k < len(firsts) else len(order)
    hits = which[order]
    place = np.full(len(sown.errors), np.inf)
    marked = np.flatnonzero(hits >= 0)
    np.minimum.at(place, hits[marked], marked)
    caught = place < cut
    out = {"ap": _precision(hits, marked, place)}
    for family in FAMILIES:
        mine = np.array([e.family == family for e in sown.errors])
        if mine.any():
            out[family] = float(caught[mine].mean())
    energy = {q.item for q in s.review.quantities if q.cell == "energy_tce"} or set(s.weights)
    impact = np.array([sum(s.weights[i] * abs(sown.now[i][r, m] - v) for (i, r, m), v in e.true.items() if i in energy) if e.family.startswith("moderate") else 0.0
                       for e in sown.errors])
    if impact.sum() > 0:
        out["moderate impact"] = float((impact * caught).sum() / impact.sum())
    return out | {f"kind {kind}": float(np.mean([caught[n] for n, e in enumerate(sown.errors) if _kind(e) == kind])) for kind in {_kind(e) for e in sown.errors}}


def _kind(e: Error) -> str:
    return f"{e.family}: {e.kind}"


def _precision(hits: Array, marked: Array, place: Array) -> float:
    """Average precision: the first cell of an error is a hit, further ones of it are neither hit nor miss."""
    misses = np.cumsum(hits < 0)
    at = np.sort(place[np.isfinite(place)]).astype(int)
    precision = np.arange(1, len(at) + 1) / (np.arange(1, len(at) + 1) + misses[at])
    return float(precision.sum() / len(place))


def proposed(made: Assessed, sown: Sown, periods: int) -> float:
    """Of the errors with one right value: all their cells proposed within 2 % (a whole year by its sum, or by the size that holds all year)."""
    said: dict[Cell, float] = {}
    for f in made.found:
        for month, item, value in f.suggested:
            said.setdefault((item, f.row, month - 1), value)
    hits = []
    for e in sown.errors:
        if e.exact:
            right = [_near(said.get(c), true) for c, true in e.true.items()]
            hits.append(all(right) or _of_the_year(said, e, periods))
    return float(np.mean(hits)) if hits else float("nan")


def _near(value: float | None, true: float) -> bool:
    return value is not None and abs(value - true) <= 0.02 * max(abs(true), 1e-9)


def _of_the_year(said: Mapping[Cell, float], e: Error, periods: int) -> bool:
    """Whether a value for the whole year is right: the sum of what is true in its months, or of a size its value."""
    if periods > 1 and len({k for _, _, k in e.true}) < periods:
        return False
    whole: dict[tuple[str, int], list[float]] = {}
    for (item, row, _), true in e.true.items():
        whole.setdefault((item, row), []).append(true)
    return all(_near(said.get((*at, -1)), float(np.mean(v) if e.family == "size" else np.sum(v))) for at, v in whole.items())


def flagged(cells: Cells, score: Array, least: float) -> float:
    """The share of all returns with a cell at or above a score."""
    return len(np.unique(np.flatnonzero(score >= least) % cells.each)) / cells.each


def off_after(s: PanelSet, made: Assessed, sown: Sown) -> float:
    """The largest share by which a total (item's total × area) is off once what stands before the line is put right."""
    periods = s.panel.periods
    looked = {c for f in made.found[:made.line.count] for c in cells_of(f, periods)}
    cell = {q.item: q.cell for q in s.review.quantities}
    areas = np.unique(np.array(s.panel.areas), return_inverse=True)[1]
    off: dict[tuple[str, int], float] = {}
    for e in sown.errors:
        for (item, row, k), true in e.true.items():
            if item in cell and (item, row, k) not in looked:
                key = (cell[item], int(areas[row]))
                off[key] = off.get(key, 0.0) + s.weights[item] * (sown.now[item][row, k] - float(np.nan_to_num(true)))
    worst = 0.0
    for (name, area), v in off.items():
        total = sum(s.weights.get(i, 0.0) * float(np.nansum(s.panel.of(i)[areas == area, -1])) for i, c in cell.items() if c == name)
        worst = max(worst, abs(v) / total if total > 0 else 0.0)
    return worst


def run(s: PanelSet, rate: float, seeds: Sequence[int], only_ours: bool = False) -> dict[str, dict[str, float]]:
    """Means over the seeds, by method; of ours also the right values, the findings, the line and how far totals are off after it."""
    many: dict[str, dict[str, list[float]]] = {}
    cells = Cells(s)

    def keep(name: str, found: Mapping[str, float]) -> None:
        for what, v in found.items():
            many.setdefault(name, {}).setdefault(what, []).append(v)

    for seed in seeds:
        sown = Sower(s, seed, rate).sow(rate)
        panel = planted_panel(s, sown)
        if not only_ours:
            for name, score in peers(s, cells, panel):
                least = USUAL.get(name)
                keep(name, measure(s, cells, score, sown, seed) | ({"flags": flagged(cells, score, least)} if least else {}))
        score, made = ours(s, cells, panel)
        listed = sum(f.suspicion >= float(s.review.show) for f in made.found)
        keep("ours", measure(s, cells, score, sown, seed) | {
            "right value": proposed(made, sown, panel.periods), "flags": flagged(cells, score, -float(max(listed - 1, 0))), "findings": len(made.found), "before the line": made.line.count,
            "opened before the line": flagged(cells, score, -float(max(made.line.count - 1, 0))), "line kept": float(off_after(s, made, sown) <= float(s.review.line)),
            "errors": len(sown.errors)})
    means = {name: {what: float(np.nanmean(v)) for what, v in found.items()} for name, found in many.items()}
    return {name: _better(row, means.get(name + BY_RANK)) for name, row in means.items() if not name.endswith(BY_RANK)}


def _better(row: dict[str, float], by_rank: dict[str, float] | None) -> dict[str, float]:
    """Of the two ways to put the columns of another method into one list, the one with the better average precision."""
    return by_rank | {k: v for k, v in row.items() if k == "flags"} if by_rank and by_rank["ap"] > row["ap"] else row


def show(s: PanelSet, rate: float, found: Mapping[str, Mapping[str, float]], kinds: bool = False) -> None:
    """One table of methods × measures."""
    columns = (*FAMILIES, "moderate impact", "ap", "flags", "right value")
    mine = found["ours"]
    print(f"\n{s.name}  {len(s.panel):,} institutions × {s.panel.periods} returns; {rate:.0%} with an error ({mine['errors']:.0f}), {OPENED:.0%} opened", flush=True)
    print(" " * 26 + "".join(f"{c:>19}" for c in columns))
    for method, row in found.items():
        print(f"  {method:24}" + "".join(f"{row[c]:19.3f}" if c in row and row[c] == row[c] else f"{'—':>19}" for c in columns))
    others = {m: row["ap"] for m, row in found.items() if m != "ours"}
    if others:
        best = max(others, key=lambda m: others[m])
        print(f"  average precision: {mine['ap'] / others[best]:.2f} × the best other method ({best})")
    print(f"  ours: {mine['findings']:.0f} findings, {mine['before the line']:.0f} before the line ({mine['opened before the line']:.1%} of the returns); line kept in {mine['line kept']:.0%} of the runs")
    if kinds:
        for kind in sorted(k for k in mine if k.startswith("kind ")):
            top = max((row.get(kind, float("nan")) for m, row in found.items() if m != "ours"), default=float("nan"))
            print(f"    {kind[5:]:48} ours {mine[kind]:.2f}   best other {top:.2f}")
