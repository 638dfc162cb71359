"""What is at stake, in which order to look, and where one may stop.

A finding is worth its share of the published cell (county × kind) it feeds. The list runs by suspicion × share^0.15: on the set
the parameters were chosen on, this found more errors than the share itself and no less of the tce
(docs/benchmarks-review.md). Source of the idea: Latouche & Berthelot, Journal of Official Statistics 8, 1992 (selective editing).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .robust import Array

DRAWS = 1000
SURE = 0.99
CERTAIN = 0.5
"""From here on a month's suggested value stands in for it when the year is judged; smaller suspicions are scaled for the line."""
FAR = 6.0
"""No truth lies more of its spreads from where it is expected."""


def score(suspicion: Any, share: Any, power: float) -> Any:
    """suspicion 0–1 × (share of the cell)^power."""
    return np.asarray(suspicion) * np.maximum(np.asarray(share), 1e-12) ** power


@dataclass
class Doubts:
    """What may still be wrong, one entry each: the published total it feeds, its finding (−1: on no list), how likely it is wrong,
    by how much the total would be off then (signed, in the unit of the total), and how far that scatters (``jitter``; none given: not at all)."""

    place: Array
    finding: Array
    suspicion: Array
    size: Array
    jitter: Array | None = None


@dataclass
class Line:
    """Where one may stop: after ``count`` findings of the list. ``left``: per total the share that what is left may move it by.

    ``reached`` False: even with every finding looked at, some total may be off by more than ``share``.
    """

    count: int
    reached: bool
    left: Array
    share: float
    steps: list[float] = field(default_factory=list)
    """After 0, 1, 2 … findings: the largest share of any total that is not exceeded in 99 of 100 draws."""
    fewer: float = 1.0
    """What suspicions below ``CERTAIN`` were multiplied by for the draws, on the whole (``unseen.fewer``)."""


def stopping_line(doubts: Doubts, findings: int, totals: Array, share: float, seed: int = 20221231) -> Line:
    """The first place in the list after which no total is off by more than ``share``, 99 times of 100.

    Each doubt comes true with its suspicion, independent of the others, in ``DRAWS`` draws with a fixed seed; a draw's worst
    total is what counts, so that all totals together keep the promise.
    """
    dice = np.random.default_rng(seed)
    places = len(totals)
    jitter = doubts.jitter if doubts.jitter is not None else np.zeros(len(doubts.size))
    with np.errstate(divide="ignore", invalid="ignore"):
        size, wide = (np.where(totals[doubts.place] > 0, v / totals[doubts.place], 0.0) for v in (doubts.size, jitter))
    off = np.zeros((places, DRAWS))

    def come_true(which: Array) -> None:
        """Add what these doubts do to the totals in the draws in which they come true."""
        likely = which[doubts.suspicion[which] > 0.02]
        for k in likely:
            much = size[k] + wide[k] * dice.standard_t(3, DRAWS).clip(-FAR, FAR) if wide[k] else size[k]
            off[doubts.place[k]] += much * (dice.random(DRAWS) < doubts.suspicion[k])
        # the many small ones: how often, then in which draws (twice in the same one is too rare to matter)
        which = which[doubts.suspicion[which] <= 0.02]
        hits = dice.binomial(DRAWS, np.clip(doubts.suspicion[which], 0, 1))
        at = np.repeat(which, hits)
        np.add.at(off, (doubts.place[at], dice.integers(0, DRAWS, len(at))), size[at] + wide[at] * dice.standard_t(3, len(at)).clip(-FAR, FAR))

    matters = np.abs(size) + FAR * wide > 1e-6
    come_true(np.flatnonzero(matters & (doubts.finding < 0)))
    order = np.argsort(doubts.finding, kind="stable")
    starts = np.searchsorted(doubts.finding[order], np.arange(findings + 1))
    steps, left = [_worst(off)], [off.copy()]
    for n in range(findings - 1, -1, -1):
        which = order[starts[n]:starts[n + 1]]
        which = which[matters[which]]
        if len(which):
            come_true(which)
            steps.append(_worst(off))
        else:
            steps.append(steps[-1])
        if steps[-1] <= share:
            left.append(off.copy())
    steps.reverse()
    count = next((n for n, s in enumerate(steps) if s <= share and max(steps[n:]) <= share), -1)
    if count < 0:
        return Line(findings, False, np.quantile(np.abs(left[0]), SURE, axis=1) if places else np.zeros(0), share, steps)
    return Line(count, True, np.quantile(np.abs(left[findings - count]), SURE, axis=1) if places else np.zeros(0), share, steps)


def _worst(off: Array) -> float:
    return float(np.quantile(np.abs(off).max(axis=0), SURE)) if len(off) else 0.0
