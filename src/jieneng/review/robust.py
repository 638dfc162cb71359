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
    n = np.sum(~np.isnan(values), axis=-1)
    low = np.take_along_axis(values, np.maximum((n - 1) // 2, 0)[..., None], -1)[..., 0]
    high = np.take_along_axis(values, np.minimum(n // 2, values.shape[-1] - 1)[..., None], -1)[..., 0]
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
    flat = values[:, None] if values.ndim == 1 else values
    found, used, count = np.full(flat.shape, np.nan), np.full(flat.shape, -1), np.zeros(flat.shape, int)
    everyone = [*levels, np.zeros(len(flat), int)]
    for level, codes in enumerate(everyone):
        numbers = np.unique(codes, return_inverse=True)[1]
        starts = np.searchsorted(np.sort(numbers), np.arange(numbers.max(initial=-1) + 1))
        for column in range(flat.shape[1]):
            open_ = used[:, column] < 0
            if not open_.any():
                continue
            middle, n = _medians(flat[:, column], numbers, starts)
            fill = open_ & ((n[numbers] >= least) | (level == len(levels)))
            found[fill, column], used[fill, column], count[fill, column] = middle[numbers][fill], level, n[numbers][fill]
    if values.ndim == 1:
        return found[:, 0], used[:, 0], count[:, 0]
    return found, used, count


def _medians(values: Array, numbers: Array, starts: Array) -> tuple[Array, Array]:
    """Median and count of the values in each group; ``starts``: where each group begins once sorted."""
    n = np.bincount(numbers, ~np.isnan(values), len(starts)).astype(int)
    ordered = values[np.lexsort((values, numbers))]  # NaN come last within each group
    low, high = ordered[starts + np.maximum((n - 1) // 2, 0)], ordered[starts + np.maximum(n // 2, 0) * (n > 0)]
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
