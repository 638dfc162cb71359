"""What may be wrong though nothing shows it: the doubt that every value keeps, how many errors there are in all, and what must be opened for it.

A value that lies where it was expected may still be wrong: the wider an institution's own values scatter, the less that says.
For a value x with forecast density f, P(wrong | x) = π·s(x) ÷ (π·s(x) + (1 − π)·f(x)) with s the density of a share error
(uniform in ln within ± ``reach`` of the truth). π, how often values are wrong in these returns, is the one under which they are
likeliest (a few rounds of expectation–maximisation), with one error more than that: that none was seen does not prove that there is
none. Given that it is wrong, the truth scatters round the forecast as the institution's own values do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from .errors import Judged, Prior
from .expect import Expected, below, student
from .robust import Array
from .stakes import CERTAIN

NAMES = ("rows", "suspicion", "size", "jitter", "blind")


@dataclass
class Rest:
    """Values that are no finding: row, how likely wrong, how far off then (signed), how far that scatters, in the item's unit, and
    how much of a usual error would not show (``blind``, 0–1)."""

    rows: Array
    suspicion: Array
    size: Array
    jitter: Array
    blind: Array

    @staticmethod
    def of(parts: list[Rest]) -> Rest:
        """Several put together."""
        return Rest(*(np.concatenate([getattr(p, name) for p in parts]) for name in NAMES))


def keep(now: Array, expected: Expected, prior: Prior, judged: Judged, wanted: Array) -> Rest:
    """The doubt of all values of ``now`` (n, periods) but the ``wanted`` of those judged."""
    periods = now.shape[1]
    mu, scale, _ = (table.ravel() for table in expected.best())
    out = np.zeros(now.size, bool)
    out[judged.rows] = True
    p = np.maximum(judged.suspicion[~wanted], 1e-12)
    rows = judged.rows[~wanted]
    looked = Rest(rows // periods, p, np.sign(judged.error[~wanted]) * np.sqrt(judged.square[~wanted] / p), np.nan_to_num(np.exp(mu[rows]) * np.minimum(scale[rows], 1.0)), blind(scale[rows], prior))
    cells = np.flatnonzero((now.ravel() > 0) & np.isfinite(mu) & ~out)
    y, mu, scale = np.log(now.ravel()[cells]), mu[cells], scale[cells]
    near = (below((y + prior.reach - mu) / scale) - below((y - prior.reach - mu) / scale)) / (2 * prior.reach)
    odds = prior.share * near / (student((y - mu) / scale, expected.nu) / scale)
    meant = np.exp(mu)
    return Rest.of([looked, Rest(cells // periods, odds / (1 + odds), np.exp(y) - meant, meant * np.minimum(scale, 1.0), blind(scale, prior))])


def blind(scale: Array, prior: Prior) -> Array:
    """How much of the errors within ± ``reach`` lies nearer than two and a half spreads, where it is not told from use."""
    found: Array = np.minimum(1.0, 2.5 * np.nan_to_num(scale, nan=1.0) / prior.reach) ** 2
    return found


def fewer(suspicion: Array, blind: Array, prior: Prior, doubt: float) -> Array:
    """The suspicions as they are with as many errors as the returns allow: the most that they contradict with no more than 1 − ``doubt``.

    By the profile of the likelihood, one-sided: where every error would be seen, that is about three more than are. Where none would be
    (``blind``), the returns say nothing of how many there are, and the rulebook's shares stand. They are the most in any case. What lies
    beyond ``CERTAIN`` is not scaled: it has been seen.
    """
    if not len(suspicion):
        return suspicion
    s = np.clip(suspicion, 0, 1 - 1e-9)
    odds = s / (1 - s)
    share = prior.factor + prior.unit + prior.digit + prior.share + prior.copied + prior.swapped + prior.gross
    rivals = odds * (1 - share) - share

    def likely(r: float) -> float:
        return float(np.log1p(r * rivals).sum())

    r = most(likely, NormalDist().inv_cdf(1 - doubt) ** 2 / 2)
    odds = odds * (r + (1 - r) * blind)
    return np.where(s < CERTAIN, odds / (1 + odds), suspicion)


def most(likely: Callable[[float], float], drop: float, steps: int = 14) -> float:
    """The largest r in 0 … 1 whose log-likelihood lies no more than ``drop`` below the best. ``likely`` has one summit (it is concave)."""
    low, high = 0.0, 1.0
    for _ in range(steps):
        a, b = low + (high - low) * 0.382, low + (high - low) * 0.618
        low, high = (a, high) if likely(a) < likely(b) else (low, b)
    best = (low + high) / 2
    least = likely(best) - drop
    if likely(1.0) >= least:
        return 1.0
    low, high = best, 1.0
    for _ in range(steps):
        r = (low + high) / 2
        low, high = (r, high) if likely(r) >= least else (low, r)
    return low


def alone(size: Array, jitter: Array, most: Array) -> Array:
    """P(|error| > ``most``) of each, given that it is wrong."""
    j = np.maximum(jitter, 1e-12)
    found: Array = 1 - (below((most - size) / j) - below((-most - size) / j))
    return found
