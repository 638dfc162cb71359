"""How far one has to look inside a part of a city: the stopping line of a county or department, counted within its own findings.

A run keeps one line for the whole city: its steps say what the worst of all totals may be off by, and a county's own findings are strewn
among everybody's, so that looking at one of them moves nothing there. Here only the totals that the own findings feed are asked, and only
the own findings may be wrong; what lies below the line stands for itself with the share that the run kept for each total. Same draws and
same certainty as the run's line (``jieneng.review.stakes``); never more than the run's own step, which holds for all totals together.
Small suspicions are scaled as the run scaled them (``line["fewer"]``, by how many errors were met); a run from before 2026-11-29 did not
keep by how much: there they are taken as they stand, and what is left is rather said too high.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

NOT_IN_A_TOTAL = frozenset({"level", "ratio"})
"""Kinds of finding whose doubt the run counts among what is on no list."""


class Doubtful(Protocol):
    """What is asked of a finding: its place in the city's list, the total it feeds, how doubtful, found, expected, and what hangs on it (tce)."""

    @property
    def rank(self) -> int: ...
    @property
    def area(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def items(self) -> tuple[str, ...]: ...
    @property
    def suspicion(self) -> float: ...
    @property
    def found(self) -> float | None: ...
    @property
    def expected(self) -> float | None: ...
    @property
    def tce(self) -> float: ...


class Doubt(NamedTuple):
    """A finding as the draws need it: total (an index), how likely it is wrong, by which share of the total (signed), and its rank in the city."""

    place: int
    suspicion: float
    size: float
    rank: int


class Own(NamedTuple):
    """The totals that a scope's findings feed: what each may be off by below the line, and the findings before it, by rank."""

    base: tuple[float, ...]
    doubts: tuple[Doubt, ...]


def own_doubts(line: Mapping[str, Any], cells: Mapping[str, str], findings: Sequence[Doubtful]) -> Own:
    """The part of a run's line that concerns these findings (of one scope, by rank).

    line: as ``ReviewRun.line``. cells: item → the total it feeds. A finding that moves no total (a floor area) has a doubt of size 0.
    """
    from jieneng.review.stakes import CERTAIN  # brings numpy, as the draws do

    areas = {f.area for f in findings}
    totals = [t for t in line.get("left") or [] if t["area"] in areas]
    at = {(t["cell"], t["area"]): n for n, t in enumerate(totals)}
    doubts, fewer = [], float(line.get("fewer", 1.0))
    for f in findings:
        if f.rank > int(line.get("count", 0)):
            continue
        place = at.get((cells.get(f.items[0], ""), f.area)) if f.items and f.kind not in NOT_IN_A_TOTAL else None
        if place is None:
            doubts.append(Doubt(0, 0.0, 0.0, f.rank))
        else:
            doubts.append(Doubt(place, f.suspicion * (fewer if f.suspicion < CERTAIN else 1.0), _share(f, totals[place]), f.rank))
    return Own(tuple(float(t["left"]) for t in totals), tuple(doubts))


def _share(f: Doubtful, total: Mapping[str, Any]) -> float:
    """By which share of the total it would be off if the finding is right: at most all of it. Above: too much was reported."""
    whole, off = float(total["total"]), (f.found or 0.0) - (f.expected or 0.0)
    if whole <= 0:
        return 0.0
    # what hangs on a finding is kept in tce as the amount expected to be wrong: the amount if it is wrong, times how likely that is
    amount = f.tce / max(f.suspicion, 1e-6) if f.tce else abs(off) if total["cell"] != "energy_tce" else 0.0
    return min(1.0, amount / whole) * (1 if off >= 0 else -1)


def steps(own: Own, of_the_run: Sequence[float], more_below: int = 0) -> tuple[float, ...]:
    """After 0, 1, 2 … of these findings: the largest share of any of their totals that is not exceeded in 99 of 100 draws.

    of_the_run: the run's own steps. more_below: the rank from which on nothing of the scope waits before the line.
    """
    drawn = _drawn(own)
    caps = [d.rank - 1 for d in own.doubts] + [more_below]
    last = len(of_the_run) - 1
    return tuple(min(s, float(of_the_run[min(max(c, 0), last)])) if last >= 0 else s for s, c in zip(drawn, caps, strict=True))


@functools.lru_cache(maxsize=64)
def _drawn(own: Own) -> tuple[float, ...]:
    if not own.base:
        return (0.0,) * (len(own.doubts) + 1)
    import numpy as np

    from jieneng.review.stakes import DRAWS, SURE

    dice = np.random.default_rng(20221231)
    base = np.array(own.base)[:, None]
    off = np.zeros((len(own.base), DRAWS))
    made = [float(max(own.base))]
    for d in reversed(own.doubts):
        off[d.place] += d.size * (dice.random(DRAWS) < d.suspicion)
        # errors that cancel out could make it fall as one looks at less: what is promised never does
        made.append(max(made[-1], float(np.quantile((base + np.abs(off)).max(axis=0), SURE))) if d.size else made[-1])
    return tuple(reversed(made))
