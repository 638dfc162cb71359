"""Values that follow a pattern no meter makes: copied, flat, repeated, left out, zero by gap, entered twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .robust import Array


def step_of(values: Array) -> float:
    """The last digit that is kept in most values: 1, 0.1, 0.01 or 0.001.

    >>> step_of(np.array([12.5, 3.0, 7.1]))
    0.1
    """
    known = values[np.isfinite(values) & (values > 0)].ravel()[:20_000]
    for step in (1.0, 0.1, 0.01):
        if len(known) and np.mean(np.abs(known / step - np.round(known / step)) < 1e-6) > 0.9:
            return step
    return 0.001


def copied(values: Array) -> tuple[Array, Array]:
    """Which values of the last year of (n, years, …) equal last year's to the last digit, and how usual that is for each (n, 1).

    Usual: the share of equal values in its own earlier years, shrunk to that of all; from the review year itself (of all, less
    one in a hundred) where there is no earlier pair.
    """
    n = len(values)
    now, old = values[:, -1].reshape(n, -1), values[:, -2].reshape(n, -1)
    same = (now == old) & (now > 0)
    earlier, later = values[:, :-2].reshape(n, -1), values[:, 1:-1].reshape(n, -1)
    pairs = np.sum((earlier > 0) & (later > 0), axis=1)
    equal = np.sum((earlier == later) & (later > 0), axis=1)
    if pairs.sum() >= 30:
        usual = equal.sum() / pairs.sum()
    else:
        usual = max(0.0, same.sum() / max(1, np.sum((now > 0) & (old > 0))) - 0.01)
    own = (equal + 10 * usual) / (pairs + 10)
    return same, np.maximum(own, 5e-4)[:, None]


def flat_runs(now: Array, least: int = 3) -> Array:
    """Length of the run of equal positive values each month lies in (n, 12); 0 where shorter than ``least``."""
    n, months = now.shape
    length = np.zeros((n, months), int)
    run = np.where(now[:, 0] > 0, 1, 0)
    forward = [run]
    for m in range(1, months):
        run = np.where((now[:, m] == now[:, m - 1]) & (now[:, m] > 0), run + 1, np.where(now[:, m] > 0, 1, 0))
        forward.append(run)
    length[:, -1] = forward[-1]
    for m in range(months - 2, -1, -1):
        length[:, m] = np.where((now[:, m] == now[:, m + 1]) & (now[:, m] > 0), length[:, m + 1], forward[m])
    found: Array = np.where(length >= least, length, 0)
    return found


def gaps(values: Array, usual: float = 0.75) -> tuple[Array, Array]:
    """Months left out and zeros that stand for a gap, in the last year of (n, years, 12).

    Missing: no value though at least ``usual`` of the other months of both years have one. Zero by gap: a zero though the same
    month last year and most others are above zero. Returns two tables of booleans (n, 12).
    """
    now = values[:, -1]
    before = values[:, -2] if values.shape[1] > 1 else np.full(now.shape, np.nan)
    years = values.reshape(len(values), -1)
    has = np.mean(np.isfinite(now), axis=1) >= usual
    positive = (np.sum(years > 0, axis=1) - 1) >= usual * np.sum(np.isfinite(years), axis=1) - 1
    missing = ~np.isfinite(now) & has[:, None] & (np.isfinite(before) | (values.shape[1] == 1))
    zero = (now == 0) & positive[:, None] & ((before > 0) | ~np.isfinite(before))
    return missing, zero


def twice(now: Array, mu: Array, scale: Array, most: float = 2.0) -> Array:
    """Whether a month is what it and the month before (or after) should be together, and the other one is there as well.

    now: (n, 12); mu, scale: centre and spread of ln(value). Told apart from ×2 by size alone only where neighbours differ.
    """
    meant = np.exp(mu)
    found = np.zeros(now.shape, bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        for shift in (-1, 1):
            other = np.roll(now, -shift, axis=1)
            other[:, 0 if shift == -1 else -1] = np.nan
            both = np.abs(np.log(now) - np.log(meant + other)) < most * scale
            found |= both & (np.abs(np.log(now / meant)) > most * scale) & (other > 0)
    return found


def repeats(values: Array, usual: float = 0.05) -> Array:
    """Months of the last year that equal the month before to the last digit, where that is not usual.

    values: (n, years, 12). Whose earlier months repeat in more than ``usual`` of the cases is left alone.
    """
    now = values[:, -1]
    equal = np.zeros(now.shape, bool)
    equal[:, 1:] = (now[:, 1:] == now[:, :-1]) & (now[:, 1:] > 0)
    return equal & ~_habit(values, usual)[:, None]


def _habit(values: Array, usual: float) -> Array:
    """Who repeated months in earlier years already."""
    earlier = values[:, :-1].reshape(len(values), -1)
    if earlier.shape[1] < 2:
        return np.zeros(len(values), bool)
    share = np.sum((earlier[:, 1:] == earlier[:, :-1]) & (earlier[:, 1:] > 0), axis=1) / np.maximum(np.sum(earlier > 0, axis=1), 1)
    found: Array = share > usual
    return found


def flat(values: Array, least: int = 3, usual: float = 0.05) -> Array:
    """Months of the last year that lie in a run of ``least`` or more equal ones, by those who did not do so before."""
    return (flat_runs(values[:, -1], least) > 0) & ~_habit(values, usual)[:, None]


def copied_year(values: Array, least: int = 6, usual: float = 0.05) -> Array:
    """Months equal to last year's of those who have ``least`` or more of them, and did not in the year before (n, 12)."""
    same, often = copied(values)
    return same & (same.sum(axis=1) >= least)[:, None] & (often <= max(usual, 0.02))


def batches(values: Array, areas: Array, least: int = 8, share: float = 0.3) -> tuple[Array, Array, list[int]]:
    """Areas in which ``share`` or more of the institutions (at least ``least``) repeat most of last year's values.

    Returns who repeats, the share per area, and the areas.
    """
    same, _ = copied(values)
    now = values[:, -1].reshape(len(values), -1)
    most = (same.sum(axis=1) >= np.maximum(1, 0.5 * np.sum(now > 0, axis=1))) & (np.sum(now > 0, axis=1) > 0)
    reporting = np.bincount(areas, np.sum(now > 0, axis=1) > 0)
    repeated = np.bincount(areas, most)
    part = np.divide(repeated, reporting, out=np.zeros(len(repeated)), where=reporting > 0)
    return most, part, [int(a) for a in np.flatnonzero((repeated >= least) & (part >= share))]


def same_rows(keys: Sequence[tuple[str, ...]], values: Array) -> list[tuple[int, int]]:
    """Rows entered twice: the same key and every number the same. Pairs of row numbers, the first and the later one."""
    first: dict[tuple[object, ...], int] = {}
    pairs = []
    for n, key in enumerate(keys):
        whole = (*key, *values[n].tolist())
        if whole in first:
            pairs.append((first[whole], n))
        else:
            first[whole] = n
    return pairs
