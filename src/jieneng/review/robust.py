"""Medians, spreads and ratios that a few wrong values cannot move. Arrays of doubles; NaN is "no value" everywhere.

Sources: Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993 (median and MAD, factor 1.4826; a plain z-score over n
values cannot exceed (n − 1)/√n, so over nine values it never reaches 3); Hidiroglou & Berthelot, Survey Methodology 12, 1986.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
SIGMA = 1.4826
"""A MAD times this is the standard deviation of a normal distribution."""


def median(values: Array, axis: int = -1) -> Array:
    """Median along an axis, NaN left out; NaN where there is nothing. Shape: that of ``values`` without the axis."""
    values = np.sort(np.moveaxis(values, axis, -1), axis=-1)  # NaN come last
    n = np.count_nonzero(values == values, axis=-1)
    flat, last = values.ravel(), values.shape[-1]
    first = (last * np.arange(n.size)).reshape(n.shape)
    low, high = flat[first + np.maximum((n - 1) // 2, 0)], flat[first + np.minimum(n // 2, last - 1)]
    middle: Array = np.where(n > 0, (low + high) / 2, np.nan)
    return middle


def spread(values: Array, axis: int = -1, centre: float | None = None) -> Array:
    """1.4826 × MAD along an axis: the standard deviation as the middle half of the values shows it. ``centre``: known beforehand."""
    middle = np.expand_dims(median(values, axis), axis) if centre is None else centre
    return SIGMA * median(np.abs(values - middle), axis)


def by_group(values: Array, levels: Sequence[Array], least: int = 8) -> tuple[Array, Array, Array]:
    """The median of each one's group, column by column, widened until the group has ``least`` values.

    values: (n,) or (n, columns). levels: group numbers (n,), finest first; the whole is added as the last level.
    Returns the median, the level used and the number of values in that group, each of the shape of ``values``.
    """
    flat = np.ascontiguousarray((values[:, None] if values.ndim == 1 else values).T)  # a column in one piece: sorted and gathered quicker
    found, used, count = np.full(flat.shape, np.nan), np.full(flat.shape, -1), np.zeros(flat.shape, int)
    everyone = [*levels, np.zeros(flat.shape[1], int)]
    order, known = np.argsort(flat, axis=1), ~np.isnan(flat)  # NaN come last; sorted once, for every level
    for level, codes in enumerate(everyone):
        open_ = used < 0
        columns = np.flatnonzero(open_.any(axis=1))
        if not len(columns):
            break
        numbers = codes if level < len(levels) and codes.max(initial=0) < 4 * len(codes) and codes.min(initial=0) >= 0 else np.unique(codes, return_inverse=True)[1]
        middle, n = _medians(flat[columns], known[columns], order[columns], numbers)
        size = n[:, numbers]
        fill = open_[columns] & ((size >= least) | (level == len(levels)))
        for table, said in ((found, middle[:, numbers]), (used, np.broadcast_to(level, fill.shape)), (count, size)):
            table[columns] = np.where(fill, said, table[columns])
    if values.ndim == 1:
        return found[0], used[0], count[0]
    return found.T, used.T, count.T


def _medians(values: Array, known: Array, order: Array, numbers: Array) -> tuple[Array, Array]:
    """Median and count of the values (columns, n) in each group, (columns, groups). ``order``: each column's rows by value, NaN last."""
    columns, groups = len(values), int(numbers.max(initial=-1)) + 1
    flat = numbers + groups * np.arange(columns)[:, None]
    n = np.bincount(flat.ravel(), known.ravel(), groups * columns).astype(int).reshape(columns, groups)
    small = numbers.astype(np.int16 if groups < 2**15 else np.int64)  # small numbers are sorted by radix
    by_value = np.take_along_axis(order, np.argsort(small[order], axis=1, kind="stable"), axis=1)
    ordered = np.take_along_axis(values, by_value, axis=1)
    starts = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=groups))[:-1]])
    low = np.take_along_axis(ordered, starts + np.maximum((n - 1) // 2, 0), axis=1)
    high = np.take_along_axis(ordered, starts + np.maximum(n // 2, 0) * (n > 0), axis=1)
    return np.where(n > 0, (low + high) / 2, np.nan), n


def hb(now: Array, before: Array, u: float = 0.4, a: float = 0.05) -> Array:
    """Hidiroglou–Berthelot statistic of each change, in quartile distances: beyond ±c (4 to 40) is far out.

    r = now / before; s = 1 − r_med / r where r < r_med, r / r_med − 1 otherwise; e = s · max(now, before)^u;
    d = max(e_med − e_q1, |a · e_med|) below, max(e_q3 − e_med, |a · e_med|) above; returned is (e − e_med) / d.
    u between 0 (size does not matter) and 1. NaN where either value is missing or not positive.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where((now > 0) & (before > 0), now / before, np.nan)
        middle = np.nanmedian(r) if np.isfinite(r).any() else np.nan
        s = np.where(r < middle, 1 - middle / r, r / middle - 1)
        e = s * np.maximum(now, before) ** u
        if not np.isfinite(e).any():
            return np.full(len(r), np.nan)
        q1, m, q3 = np.nanquantile(e, [0.25, 0.5, 0.75])
        # the floor uses the size of effects too: where more than half do not change at all the quartiles are zero
        floor = max(abs(a * m), 1e-9 * float(np.nanmax(np.abs(e))), 1e-12)
        found: Array = np.where(e < m, (e - m) / max(m - q1, floor), (e - m) / max(q3 - m, floor))
        return found


def hb_bounds(now: Array, before: Array, u: float = 0.4, a: float = 0.05, c: float = 20.0) -> tuple[Array, Array]:
    """Between which values of ``now`` the statistic of ``hb`` lies within ±c: what the changes of all the others make plausible.

    Both are solved for with the size at hand, max(now, before)^u, held. Infinite where there is nothing to compare with.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.maximum(now, before) ** u
        r = np.where((now > 0) & (before > 0), now / before, np.nan)
        if not np.isfinite(r).any():
            return np.full(len(r), -np.inf), np.full(len(r), np.inf)
        middle = np.nanmedian(r)
        e = np.where(r < middle, 1 - middle / r, r / middle - 1) * size
        q1, m, q3 = np.nanquantile(e, [0.25, 0.5, 0.75])
        floor = max(abs(a * m), 1e-9 * float(np.nanmax(np.abs(e))), 1e-12)
        low, high = (m - c * max(m - q1, floor)) / size, (m + c * max(q3 - m, floor)) / size

        def back(s: Array) -> Array:
            made: Array = before * np.where(s < 0, middle / (1 - s), middle * (1 + s))
            return made

        return back(low), back(high)
