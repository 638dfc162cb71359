"""How a wrong value comes to be, and how likely each way is: Bayes over hypotheses.

For a hypothesis H that turns true values into what is reported, p(reported | H) = Σ p(true) over all it could have been: ten
thousand times too small, a digit left out, two digits swapped, quantity and cost in each other's boxes, last year's value
copied. Quantity and price are judged together, p(quantity) · p(cost ÷ quantity), so that a price in order speaks for both and
a price out of order says which of the two is wrong. Suspicion is 1 − P(right | reported); the most likely true value is the
suggested one. Sources: de Waal, Pannekoek & Scholtus, Handbook of Statistical Data Editing and Imputation, 2011, ch. 2
(errors as a mixture); Al-Hamad, Lewis & Silva, ONS 2008 (thousand-errors).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .expect import Expected
from .robust import Array

RIGHT, FACTOR, SHARE, GROSS, COPIED, DIGIT, SWAPPED, COST_IN = "right", "factor", "share", "gross", "copied", "digit", "swapped", "cost-in"
QUANTITY, COST, BOTH = "quantity", "cost", "both"
AMOUNT = "amount"
"""Name of the slip that leaves the quantity in the box of its cost."""


def powers() -> dict[str, float]:
    """Name → what the true value was multiplied by: ten to ten thousand and their inverses."""
    return {f"×10^{k}" if k > 0 else f"÷10^{-k}": 10.0**k for k in (1, 2, 3, 4, -1, -2, -3, -4)}


@dataclass(frozen=True)
class Prior:
    """How often each kind of error is made, as shares of all values (rulebook ``reviews/``, block ``errors``)."""

    factor: float = 0.002
    unit: float = 0.002
    """In one of the wrong units named for the item."""
    digit: float = 0.006
    share: float = 0.02
    """Between a third and three times the true value, in no special way: a meter forgotten, counted twice, misread."""
    copied: float = 0.002
    swapped: float = 0.001
    exchanged: float = 0.0005
    """Two items of a return in each other's rows, as a share of all returns (``exchanged``)."""
    gross: float = 0.0005
    """Anything at all."""
    one_sided: float = 0.3
    """How often a quantity is wrong while its cost is right, against both being wrong together."""
    reach: float = 1.1
    """A ``share`` error lies within ± this of ln(value)."""
    wide: float = 12.0
    """A ``gross`` one within ± this."""


@dataclass
class Judged:
    """Cells that do not fit at once: their flat numbers, and for each suspicion 0–1 and the leading wrong hypothesis.

    ``field`` says which value is wrong: quantity, cost or both; ``suggested`` and ``suggested_cost`` what was meant (the value
    itself where it is right). ``error`` is E(reported − true) over all hypotheses, ``square`` E(reported − true)², in the
    item's unit; ``cost_error`` the same as ``error`` for the cost.
    """

    rows: Array
    suspicion: Array
    kind: Array
    name: Array
    field: Array
    suggested: Array
    suggested_cost: Array
    error: Array
    absolute: Array
    square: Array
    cost_error: Array
    evidence: Array
    """The density of what is reported under all hypotheses together."""

    def full(self, values: Array, size: int) -> Array:
        """A column laid out over all cells, zero elsewhere."""
        out = np.zeros(size)
        out[self.rows] = values
        return out


def digit_candidates(values: Array) -> tuple[Array, Array]:
    """What could have been meant when one digit of a whole number was dropped, doubled, or two neighbours swapped.

    values: (cells,) of at most 12 digits. Returns candidates (cells, width), NaN where there is none, and how likely each slip
    was: a third per kind, shared among the places where it could have happened.

    >>> found, _ = digit_candidates(np.array([122.0]))
    >>> sorted(v for v in found[0] if v < 300 and v == v)
    [12.0, 212.0]
    """
    v = np.round(values).astype(np.int64)
    width = len(str(v.max(initial=1)))
    digits = np.sum(v[:, None] >= 10 ** np.arange(width), axis=1)
    found, weights = [], []

    def add(candidate: Array, fits: Array, weight: Array) -> None:
        found.append(np.where(fits, candidate, np.nan))
        weights.append(np.where(fits, weight / 3, 0.0))

    pairs = 1 / np.maximum(digits - 1, 1)
    for i in range(width - 1):
        p = 10**i
        a, b = v // p % 10, v // (10 * p) % 10
        inside = digits > i + 1
        add(v // (10 * p) * p + v % p, inside & (a == b), pairs)
        add(v + (a - b) * 9 * p, inside & (a != b) & ((a > 0) | (digits > i + 2)), pairs)
    for i in range(width + 1):
        p = 10**i
        high, low = v // p, v % p
        for d in range(10):
            # the same digit put in on either side of its like gives one number: counted once
            fresh = low // max(p // 10, 1) % 10 != d if i else np.ones(len(v), bool)
            add((high * 10 + d) * p + low, fresh & (i <= digits) & ((i < digits) | (d > 0)), 1 / (digits + 1))
    return np.stack(found, axis=1), np.stack(weights, axis=1)


@dataclass
class _Cells:
    """The cells under judgement: logs, densities and what each hypothesis weighs."""

    y: Array
    c: Array
    size: Array
    cost: Array
    quantity: Expected
    price: Expected | None
    names: list[tuple[str, str, str]] = field(default_factory=list)
    weights: list[Array] = field(default_factory=list)
    truths: list[Array] = field(default_factory=list)
    costs: list[Array] = field(default_factory=list)
    single: dict[int, Array] = field(default_factory=dict)
    """Hypothesis → the weight of its likeliest single true value, where it sums over many: what is suggested is one value."""

    def density(self, y: Array, c: Array) -> Array:
        """p(ln quantity) · p(ln price): the price counts only where it is known as reported."""
        total = np.exp(self.quantity.density(y))
        if self.price is not None:
            p = np.exp(self.price.density(c - y))
            total = total * np.where(np.isfinite(self.c) & np.isfinite(p), p, 1.0)
        return np.nan_to_num(total)

    def add(self, kind: str, name: str, where: str, weight: Array, truth: Array | None = None, cost: Array | None = None) -> None:
        self.names.append((kind, name, where))
        self.weights.append(np.nan_to_num(weight))
        self.truths.append(self.size if truth is None else truth)
        self.costs.append(self.cost if cost is None else cost)


def judge(reported: Array, expected: Expected, prior: Prior, *, cost: Array | None = None, price: Expected | None = None,
          factors: Mapping[str, float] | None = None, copied: Array | None = None,
          usual: Array | float = 0.001, step: float = 1.0, least: float = 1.5) -> Judged:
    """Judge all cells of ``reported`` (n, periods).

    factors: name → what the true value was multiplied by (with 10, 100, …). copied: True where a value equals last year's to
    the last digit; usual: how often that happens to right values; step: the last digit kept. A cell nearer than ``least``
    spreads to a forecast, with its price as near, is right and not looked at further.
    """
    y, c = _log(reported), _log(cost) if cost is not None else np.full(reported.shape, np.nan)
    same = np.zeros(reported.shape, bool) if copied is None else copied
    strange = _strange(y, expected, least) | same
    if price is not None:
        strange |= _strange(c - y, price, least + 0.5)
    strange &= np.isfinite(y)
    rows = np.flatnonzero(strange.ravel())
    cells = _Cells(y.ravel()[rows], c.ravel()[rows], reported.ravel()[rows],
                   (cost if cost is not None else np.full(reported.shape, np.nan)).ravel()[rows], expected.at(rows), price.at(rows) if price else None)
    _right_and_copied(cells, prior, same.ravel()[rows], np.broadcast_to(usual, reported.shape).ravel()[rows], step)
    _factors(cells, prior, factors or {})
    _shares(cells, prior)
    _digits(cells, prior)
    if cells.price is not None:
        _swaps(cells, prior)
    return _posterior(cells, rows)


def _log(values: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.where(values > 0, np.log(np.where(values > 0, values, 1.0)), np.nan)
    return found


def _strange(y: Array, expected: Expected, least: float) -> Array:
    """Cells that lie ``least`` spreads or more from the leading forecast."""
    mu, scale, _ = expected.best()
    with np.errstate(invalid="ignore"):
        found: Array = np.abs(y - mu) > least * scale
    return found


def _right_and_copied(cells: _Cells, prior: Prior, same: Array, usual: Array, step: float) -> None:
    """Right, or copied: an equal value is an atom with mass p(copied), or usual + p(value) · step ÷ value if it is right."""
    good = 1 - prior.factor - prior.unit - prior.digit - prior.share - prior.copied - prior.swapped - prior.gross
    mass = np.where(same, cells.size / step, 0.0)
    p = cells.density(cells.y, cells.c)
    cells.add(RIGHT, "", QUANTITY, good * (p + mass * usual))
    meant = np.exp(cells.quantity.best()[0])
    cells.add(COPIED, "", BOTH, prior.copied * mass, meant)
    cells.add(GROSS, "", QUANTITY, prior.gross / (2 * prior.wide) * _price(cells, 0.05), meant)


def _price(cells: _Cells, least: float = 0.0) -> Array:
    """Density of the price as reported, at least ``least``; 1 where it is unknown."""
    if cells.price is None:
        return np.ones(len(cells.y))
    p = np.exp(cells.price.density(cells.c - cells.y))
    return np.where(np.isfinite(p), np.maximum(p, least), 1.0)


def _factors(cells: _Cells, prior: Prior, units: Mapping[str, float]) -> None:
    """Powers of ten in the quantity, its cost or both; named wrong units of the quantity."""
    paired, known = cells.price is not None, np.isfinite(cells.c)
    alone = np.where(known, prior.one_sided, 1.0) if paired else np.ones(len(cells.y))
    for name, f in powers().items():
        each, d = prior.factor / 8, np.log(f)
        cells.add(FACTOR, name, QUANTITY, each * alone * cells.density(cells.y - d, cells.c), cells.size / f)
        if paired:
            cells.add(FACTOR, name, BOTH, np.where(known, each * (1 - prior.one_sided), 0) * cells.density(cells.y - d, cells.c - d), cells.size / f, cells.cost / f)
            cells.add(FACTOR, name, COST, np.where(known, each * prior.one_sided, 0) * cells.density(cells.y, cells.c - d), None, cells.cost / f)
    for name, f in units.items():
        cells.add(FACTOR, name, QUANTITY, prior.unit / len(units) * cells.density(cells.y - np.log(f), cells.c), cells.size / f)


def _shares(cells: _Cells, prior: Prior) -> None:
    """A share of the value, uniform in ln within ± ``reach``: of the quantity alone, of its cost alone, of both.

    Alone, the other side and the usual price say what it should be; of both, the price stays in order.
    """
    flat = 1 / (2 * prior.reach)
    meant = np.exp(cells.quantity.best()[0])
    whole = cells.quantity.mass(cells.y, prior.reach) * flat
    if cells.price is None:
        cells.add(SHARE, "", QUANTITY, prior.share * whole, meant)
        return
    usual = cells.price.best()[0]
    known = np.isfinite(cells.c) & np.isfinite(usual)
    by_price = cells.c - usual
    near = np.abs(by_price - cells.y) < prior.reach
    alone = np.where(near, np.nan_to_num(np.exp(cells.quantity.density(by_price))) * flat, 0.0)
    cells.add(SHARE, "", QUANTITY, prior.share * np.where(known, prior.one_sided * alone, whole), np.where(known, np.exp(by_price), meant))
    cells.add(SHARE, "", BOTH, np.where(known, prior.share * (1 - prior.one_sided) * whole * _price(cells), 0), meant, meant * np.exp(usual))
    fits = np.nan_to_num(np.exp(cells.quantity.density(cells.y)))
    cells.add(SHARE, "", COST, np.where(known & near, prior.share * prior.one_sided / 2 * fits * flat, 0), None, np.exp(cells.y + usual))


def _swaps(cells: _Cells, prior: Prior) -> None:
    """Quantity and cost in each other's boxes; one of them typed into both; a cost that is anything at all beside a quantity in order."""
    known = np.isfinite(cells.c)
    cells.add(SWAPPED, "", BOTH, np.where(known, prior.swapped * cells.density(cells.c, cells.y), 0), cells.cost, cells.size)
    assert cells.price is not None
    meant = np.exp(cells.c - cells.price.best()[0])
    same = known & (np.abs(cells.c - cells.y) < 1e-9)
    p = cells.density(np.where(np.isfinite(meant), np.log(meant), np.nan), cells.c)
    cells.add(COST_IN, "", QUANTITY, np.where(same, prior.swapped * p * cells.size, 0), meant)
    usual = np.exp(cells.y + cells.price.best()[0])
    fits = np.where(known & np.isfinite(usual), np.nan_to_num(np.exp(cells.quantity.density(cells.y))), 0)
    cells.add(COST_IN, AMOUNT, COST, np.where(same, prior.swapped * fits * cells.size, 0), None, usual)
    cells.add(GROSS, "", COST, prior.gross / (2 * prior.wide) * fits, None, usual)


def _digits(cells: _Cells, prior: Prior, near: float = 4.0, far: float = 3.0) -> None:
    """One wrong digit in the quantity, every one it could have been: p(x) with x whole has density p(ln x) ÷ x.

    Searched where the value or its price lies ``far`` spreads out: a slip within them cannot be told from use.
    """
    mu, scale, _ = cells.quantity.best()
    with np.errstate(invalid="ignore"):
        odd = np.abs(cells.y - mu) > far * scale
        if cells.price is not None:
            centre, wide, _ = cells.price.best()
            odd |= np.abs(cells.c - cells.y - centre) > far * wide
        rows = np.flatnonzero(odd & (np.abs(cells.y - mu) < near) & (cells.size >= 10) & (cells.size < 1e12))
    p, most, best = np.zeros(len(cells.y)), np.zeros(len(cells.y)), np.full(len(cells.y), np.nan)
    if len(rows):
        cand, weight = digit_candidates(cells.size[rows])
        # most of them are far from anything expected: only the near ones are weighed
        logs = np.log(np.maximum(cand, 1e-9))
        with np.errstate(invalid="ignore"):
            i, j = np.nonzero((np.abs(logs - mu[rows][:, None]) < 1.5) & (weight > 0))
        at = rows[i]
        dens = np.exp(cells.quantity.at(at).density(logs[i, j]))
        if cells.price is not None:
            prices = np.exp(cells.price.at(at).density(cells.c[at] - logs[i, j]))
            dens = dens * np.where(np.isfinite(prices), prices, 1.0)
        dens = np.where(np.isfinite(dens), dens * weight[i, j] * cells.size[at] / cand[i, j], 0.0)
        p[:] = np.bincount(at, dens, len(p))
        np.maximum.at(most, at, dens)
        rising = np.argsort(dens)
        best[at[rising]] = cand[i, j][rising]  # the likeliest comes last and stays
    cells.single[len(cells.names)] = prior.digit * most
    cells.add(DIGIT, "", QUANTITY, prior.digit * p, best)


def _posterior(cells: _Cells, rows: Array) -> Judged:
    table = np.stack(cells.weights) if len(rows) else np.zeros((len(cells.weights), 0))
    whole = table.sum(axis=0)
    post = np.divide(table, whole, out=np.zeros(table.shape), where=whole > 0)
    truths, costs = np.stack(cells.truths), np.stack(cells.costs)
    # what a hypothesis that is out of the question would have meant may be no number at all
    away = np.where(post > 1e-12, cells.size - truths, 0.0)
    cost_away = np.where(post > 1e-12, cells.cost - costs, 0.0)
    leading = table.copy()
    for n, weight in cells.single.items():
        leading[n] = weight
    with np.errstate(invalid="ignore"):
        far = np.abs(cells.y - cells.quantity.best()[0]) > np.log(4)
    for n, (kind, _, _) in enumerate(cells.names):
        if kind in (SHARE, GROSS):  # beyond fourfold a slip that explains the value is named before "anything at all"
            leading[n] = np.where(far, 0.1 * leading[n], leading[n])
    lead = np.argmax(leading[1:], axis=0) + 1 if len(rows) else np.zeros(0, int)
    at, names = np.arange(len(rows)), np.array(cells.names, dtype=object)
    chosen = names[lead] if len(rows) else np.zeros((0, 3), dtype=object)
    return Judged(rows, np.where(whole > 0, 1 - post[0], 0.0), chosen[:, 0], chosen[:, 1], chosen[:, 2], truths[lead, at], costs[lead, at],
                  np.nansum(post * away, axis=0), np.nansum(post * np.abs(away), axis=0), np.nansum(post * away**2, axis=0), np.nansum(post * np.abs(cost_away), axis=0), whole)


__all__ = ["BOTH", "COPIED", "COST", "COST_IN", "DIGIT", "FACTOR", "GROSS", "QUANTITY", "RIGHT", "SHARE", "SWAPPED", "Judged", "Prior", "digit_candidates",
           "judge", "powers"]
