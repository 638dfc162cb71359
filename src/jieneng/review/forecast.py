"""Forecasts of a review year from history and peers: yearly values, and twelve months side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .expect import BETWEEN, LAST_YEAR, OWN_LEVEL, OWN_YEAR, PEERS, Expected, Forecast, shrunk, student
from .robust import SIGMA, Array, by_group, median, spread

if TYPE_CHECKING:
    from .pricing import Local

LOCAL = "local-price"


@dataclass(frozen=True)
class Knobs:
    """The parameters of the forecasts (rulebook ``reviews/``, block ``forecast``)."""

    least: int = 8
    """Peers a group must hold before it is widened."""
    strength: float = 4.0
    """How many values of its own an institution needs for its own spread to weigh as much as its group's."""
    floor: float = 0.02
    """Smallest spread of ln(value): 2 %."""
    nu: float = 3.0
    """Degrees of freedom: heavy tails."""
    weights: tuple[float, float, float] = (0.75, 0.17, 0.08)
    """Leading own forecast, second own forecast, a real change."""
    fit: bool = True
    """Let the weights and spreads follow the data under review (few wrong values cannot move them)."""
    bills: bool = True
    tails: bool = True
    size_bins: int = 4
    """Classes of size within which spreads are pooled (Hidiroglou and Berthelot: the small may move more)."""


def logs(values: Array) -> Array:
    """ln(value); NaN where missing, zero or negative."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.where(values > 0, np.log(np.where(values > 0, values, 1.0)), np.nan)
    return found


def size_class(level: Array, bins: int) -> Array:
    """Class of size 0 … bins − 1 by quantiles of ln(value); −1 where unknown."""
    known = np.isfinite(level)
    if known.sum() < 2 * bins:
        return np.where(known, 0, -1)
    edges = np.quantile(level[known], np.linspace(0, 1, bins + 1)[1:-1])
    return np.where(known, np.searchsorted(edges, np.where(known, level, 0.0)), -1)


def pooled(residuals: Array, groups: Sequence[Array], size: Array, knobs: Knobs) -> Array:
    """Spread of residuals (n, k) among institutions alike in group and size, one number each (n,)."""
    rows = spread(residuals, 1, centre=0.0) if residuals.shape[1] > 1 else SIGMA * np.abs(residuals[:, 0])
    keys = [g.astype(np.int64) * 64 + size + 1 for g in groups[:1]] + [size + 1]
    found, _, _ = by_group(rows, keys, knobs.least * 2)
    return np.maximum(np.where(np.isfinite(found), found, 0.3), knobs.floor)


def peers_forecast(y: Array, sizes: Sequence[Array], groups: Sequence[Array], knobs: Knobs) -> tuple[Array, Array, Array, Array]:
    """Level by peers: the group's median of ln(value per size) times own size, by the first size that is known.

    y: (n, periods). sizes: ln(m²), ln(persons), each (n,) or (n, periods). Returns centre, spread, level and number of the group.
    """
    mu, scale = np.full(y.shape, np.nan), np.full(y.shape, np.nan)
    level, count = np.full(y.shape, -1), np.zeros(y.shape, int)
    for size in [*sizes, np.zeros(len(y))]:
        per = y - (size[:, None] if size.ndim == 1 else size)
        middle, used, n = by_group(per, groups, knobs.least)
        away = per - middle
        wide, _, _ = by_group(median(np.abs(away), 1), groups, knobs.least)
        guess = middle + (size[:, None] if size.ndim == 1 else size)
        fill = np.isnan(mu) & np.isfinite(guess)
        mu = np.where(fill, guess, mu)
        scale = np.where(fill, np.maximum(SIGMA * wide, 0.3)[:, None], scale)
        level, count = np.where(fill, used, level), np.where(fill, n, count)
    return mu, scale, level, count


DAYS = np.log(np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]))


def prices(quantity: Array, cost: Array, groups: Sequence[Array], knobs: Knobs, local: Local | None = None) -> Expected:
    """ln(cost ÷ quantity) of the last year of (n, years, periods): own usual price moved as the peers' prices moved, then the peers'.

    Own: the median of the earlier years (of this one where there are none) plus the group's median departure from it in each
    period, so that a price that rose for everybody is no finding; the spread is that of the own earlier departures, shrunk to
    that of its like, at least 1 %. Where fewer than ``least`` of its kind, here and in the region round it, say what they paid, the
    local price table says what is usual, if one is loaded.
    """
    z = logs(cost) - logs(quantity)
    n, years, periods = z.shape
    earlier = z[:, :-1].reshape(n, -1)
    old = np.sum(np.isfinite(earlier), axis=1) >= max(2, periods // 2)
    own = median(np.where(old[:, None], np.concatenate([earlier, np.full((n, periods), np.nan)], axis=1), z.reshape(n, -1)))
    away = z - own[:, None, None]
    moved = np.zeros(away.shape)
    for y in range(years):
        drift, _, _ = by_group(away[:, y], groups[:1], knobs.least * 2)
        moved[:, y] = np.where(np.isfinite(drift), drift, 0.0)
    r = np.where(old[:, None], (away - moved)[:, :-1].reshape(n, -1), np.nan) if years > 1 else np.full((n, 1), np.nan)
    mine, known = SIGMA * median(np.abs(r)), np.sum(np.isfinite(r), axis=1) / 3
    alike, _, _ = by_group(np.where(np.isfinite(mine), mine, SIGMA * median(np.abs(away[:, -1] - moved[:, -1]))), groups, knobs.least * 2)
    scale = shrunk(mine, known, np.where(np.isfinite(alike), alike, 0.05), knobs.strength, 0.01)
    scale = np.fmax(scale, quantile(np.abs(r), 0.9) / 1.645)
    now = z[:, -1]
    peers, level, count = by_group(now, groups, knobs.least)
    wide, _, _ = by_group(median(np.abs(now - peers)), groups, knobs.least)
    # without earlier years its own level of this year speaks for single periods only
    centre = np.where(np.isfinite(own)[:, None] & (old[:, None] | (periods > 1)), own[:, None] + moved[:, -1], np.nan)
    parts = [Forecast("own-price", centre, np.broadcast_to(scale[:, None], now.shape), 0.85),
             Forecast("peers-price", peers, np.broadcast_to(np.maximum(SIGMA * wide, 0.05)[:, None], now.shape), 0.15)]
    if local is not None:
        mu, span = local.forecast()
        few = (count < knobs.least) | (level >= len(groups))
        parts.insert(1, Forecast(LOCAL, np.where(few, mu, np.nan), span, np.where(np.isfinite(centre), 0.05, 0.9)))
    return Expected(parts, knobs.nu, level, count)


def of_year(price: Expected) -> Expected:
    """Prices of months as the price of a year: the middle month, half as spread."""
    parts = [Forecast(p.basis, median(p.mu)[:, None], np.maximum(median(p.scale)[:, None] / 2, 0.01), p.weight[:, :1] if isinstance(p.weight, np.ndarray) else p.weight)
             for p in price.parts]
    return Expected(parts, price.nu, price.level[:, :1], price.size[:, :1])


def levels(values: Array, least: int = 4) -> Array:
    """Twelve months of some years (n, years, 12) as one amount a year (n, years) that a few wrong months cannot move.

    The last year but one counts as the sum of its months (the last one where that is empty); every other year is as much
    larger as the median of the months that two years have in common. NaN where they have fewer than ``least`` in common.
    """
    y = logs(values)
    n, years, _ = values.shape
    total = np.full((n, years), np.nan)
    base = years - 2 if years > 1 else 0

    def step(a: int, b: int) -> Array:
        d = y[:, b] - y[:, a]
        found: Array = np.where(np.sum(np.isfinite(d), axis=1) >= least, median(d), np.nan)
        return found

    with np.errstate(invalid="ignore"):
        some = np.sum(values > 0, axis=2) >= least
        total[:, base] = np.where(some[:, base], np.nansum(values[:, base], axis=1), np.nan)
        for t in range(base - 1, -1, -1):
            total[:, t] = total[:, t + 1] * np.exp(-step(t, t + 1))
        if years > 1:
            total[:, -1] = total[:, base] * np.exp(step(base, years - 1))
            alone = np.isnan(total[:, base]) & some[:, -1]
            total[alone, -1] = np.nansum(values[alone, -1], axis=1)
    return total


def quantile(values: Array, q: float) -> Array:
    """Quantile along the last axis, NaN left out (nearest lower rank)."""
    ordered = np.sort(values, axis=-1)
    n = np.sum(~np.isnan(values), axis=-1)
    found: Array = np.take_along_axis(ordered, np.maximum((q * (n - 1)).astype(int), 0)[..., None], -1)[..., 0]
    return found


def billing(y: Array, knobs: Knobs) -> list[Forecast]:
    """What bills say: between the months beside it (see ``_between``); then months that share a bill, with the same use per day as the
    month before, or after, almost to the digit.

    y: ln(value) (n, years, 12). How often an institution's months are so in its earlier years is its weight; it is none where
    that hardly ever happens, so that institutions with a bill a month are not touched.
    """
    n, years, _ = y.shape
    rate = (y - DAYS).reshape(n, -1)
    step = np.diff(rate, axis=1)
    alike = np.abs(step[:, : 12 * (years - 1) - 1]) < 0.02 if years > 1 else np.abs(step) < 0.02
    pairs = np.sum(np.isfinite(step[:, : alike.shape[1]]), axis=1)
    own = (np.sum(alike, axis=1) + 0.0) / np.maximum(pairs, 1)
    share = np.where(pairs >= 6, own, 0.0)
    now = rate[:, -12:]
    before = np.concatenate([rate[:, -13:-12] if years > 1 else np.full((n, 1), np.nan), now[:, :-1]], axis=1)
    after = np.concatenate([now[:, 1:], np.full((n, 1), np.nan)], axis=1)
    tight = np.full(now.shape, 0.01)
    on = (share > 0.1)[:, None]
    made = [Forecast("bill", np.where(on, other + DAYS, np.nan), tight, np.where(on, 0.5 * (1 / (1 - np.minimum(share, 0.8)[:, None]) ** 2 - 1), 0.0)) for other in (before, after)]
    return [_between(rate, before, after), *made]


def _between(rate: Array, before: Array, after: Array, usual: float = 0.8, most: float = 10.0) -> Forecast:
    """Meters that are read within the month: its use per day lies between that of the months beside it, since each bill is spread over its days.

    rate: ln(use per day), all months in a row. Only for institutions whose earlier months were so in more than ``usual`` of the cases
    (of twelve or more; of months that merely follow the seasons it is two thirds).
    """
    old = rate[:, :-12]
    low, high, middle = np.minimum(old[:, :-2], old[:, 2:]), np.maximum(old[:, :-2], old[:, 2:]), old[:, 1:-1]
    known = np.isfinite(low + middle + high)
    with np.errstate(invalid="ignore"):
        inside = known & (middle > low - 0.02) & (middle < high + 0.02)
    n = known.sum(axis=1)
    often = np.where(n >= 12, (inside.sum(axis=1) + 1) / (n + 2), 0.0)
    on = (often > usual)[:, None]
    mu = np.where(on, (before + after) / 2 + DAYS, np.nan)
    return Forecast(BETWEEN, mu, np.maximum(np.abs(after - before) / 4, 0.01), np.where(on, np.minimum(often / (1 - often), most)[:, None], 0.0))


def fitted(parts: list[Forecast], y: Array, knobs: Knobs, most: int = 20_000) -> list[Forecast]:
    """The parts with weights and spreads that suit the data: a few rounds of expectation–maximisation, with a flat part for errors."""
    if not knobs.fit or np.isfinite(y).sum() < 200:
        return parts
    cells = np.flatnonzero(np.isfinite(y.ravel()))
    if len(cells) > most:
        cells = cells[:: len(cells) // most + 1]
    values = y.ravel()[cells]
    free = [n for n, p in enumerate(parts) if not isinstance(p.weight, np.ndarray)]
    z = [(values - parts[n].mu.ravel()[cells]) for n in free]
    scale = [parts[n].scale.ravel()[cells] for n in free]
    weight = np.array([float(parts[n].weight) for n in free])
    wide = np.ones(len(free))
    for _ in range(8):
        dens = np.stack([np.nan_to_num(w * student(d / (s * k), knobs.nu) / (s * k)) for w, d, s, k in zip(weight, z, scale, wide, strict=True)])
        post = dens / (dens.sum(axis=0) + 0.01 / 24)
        weight = post.mean(axis=1)
        weight = np.maximum(weight / weight.sum(), 0.01)
        for i in range(len(free)):
            d2 = (z[i] / (scale[i] * wide[i])) ** 2
            ok = np.isfinite(d2)
            u = (knobs.nu + 1) / (knobs.nu + d2[ok])
            p = post[i][ok]
            if p.sum() > 30:
                wide[i] *= np.sqrt(np.clip((p * u * d2[ok]).sum() / p.sum(), 0.25, 4.0))
    weight = weight / weight.sum()
    made = list(parts)
    for i, n in enumerate(free):
        made[n] = Forecast(parts[n].basis, parts[n].mu, np.maximum(parts[n].scale * wide[i], knobs.floor), float(weight[i]))
    return made


def moved_or_peers(own: Array, mu: Array, wide: Array, peers: Array, spread_: Array, knobs: Knobs) -> list[Forecast]:
    """What else may be right: a real change of any size, round the own level; the level of the peers, mainly where there is no own."""
    return [Forecast("moved", np.where(own, mu, np.nan), wide, knobs.weights[2]), Forecast(PEERS, peers, spread_, np.where(own, 0.2 * knobs.weights[2], 1.0))]


def yearly(values: Array, groups: Sequence[Array], sizes: Sequence[Array] = (), knobs: Knobs = Knobs()) -> Expected:
    """Expected values of the last year of ``values`` (n, years): shape (n, 1).

    ln x_t ≈ ln x_{t−1} + peers' median change, leaning on the mean of the years before by θ; θ is the one of a grid that
    makes the median error least over all institutions (few wrong values cannot move it). Own spread comes from own earlier
    changes, shrunk to that of institutions of like group and size.
    """
    y = logs(values)
    n, years = y.shape
    if years == 1:
        mu, scale, level, count = peers_forecast(y, sizes, groups, knobs)
        return Expected([Forecast(PEERS, mu, scale, 1.0)], knobs.nu, level, count)
    drift, level, count = by_group(y[:, 1:] - y[:, :-1], groups, knobs.least)
    drift = np.where(np.isfinite(drift), drift, 0.0)
    moved = np.concatenate([np.zeros((n, 1)), np.cumsum(drift, axis=1)], axis=1)
    flat = y - moved  # without the peers' common movement

    def long_run(t: int) -> Array:
        return median(flat[:, max(0, t - 4):t], 1)

    def error(theta: float, t: int) -> Array:
        last = flat[:, t - 1]
        lean = np.where(np.isfinite(long_run(t - 1)) if t > 1 else np.zeros(n, bool), theta, 0.0)
        base = long_run(t - 1) if t > 1 else last
        mu = np.where(lean > 0, (1 - lean) * last + lean * np.where(np.isfinite(base), base, last), last)
        mu = np.where(np.isfinite(mu), mu, long_run(t))
        found: Array = mu
        return found

    last = years - 1
    theta = min((0.0, 0.1, 0.2, 0.3, 0.4, 0.5), key=lambda q: float(np.nanmedian(np.abs(flat[:, last] - error(q, last)))))
    mu = error(theta, last)
    history = np.stack([flat[:, t] - error(theta, t) for t in range(1, years)], axis=1)
    size = size_class(long_run(last), knobs.size_bins)
    alike = pooled(history[:, -1:], groups, size, knobs)
    own = SIGMA * median(np.abs(history[:, :-1]), 1) if years > 2 else np.full(n, np.nan)
    known = np.sum(np.isfinite(history[:, :-1]), axis=1) if years > 2 else np.zeros(n, int)
    scale = shrunk(own, known, alike, knobs.strength, knobs.floor)
    away = flat[:, last] - long_run(last)
    wide = np.maximum(pooled(away[:, None], groups, size, knobs), scale)
    parts = [Forecast(LAST_YEAR, (mu + moved[:, last])[:, None], scale[:, None], knobs.weights[0])]
    if years > 2:
        parts.append(Forecast(OWN_LEVEL, (long_run(last) + moved[:, last])[:, None], wide[:, None], knobs.weights[1]))
    pmu, pscale, plevel, pcount = peers_forecast(y[:, last:], sizes, groups, knobs)
    known_own = np.isfinite(mu)
    parts += moved_or_peers(known_own[:, None], parts[0].mu, np.maximum(scale[:, None] * 3, 0.5), pmu, np.maximum(pscale, scale[:, None]), knobs)
    return Expected(parts, knobs.nu, np.where(known_own, level[:, -1], plevel[:, 0])[:, None], np.where(known_own, count[:, -1], pcount[:, 0])[:, None])


def monthly(values: Array, groups: Sequence[Array], sizes: Sequence[Array] = (), knobs: Knobs = Knobs(), phi: Sequence[float] = (0.0, 0.25, 0.5, 0.75)) -> Expected:
    """Expected values of the last year of ``values`` (n, years, 12): shape (n, 12).

    ln x = level(institution, year) + season(institution, month) + peers' movement(group, month) + e. The season is the median
    of the own earlier years and the group's season; the level of the year the median over its months; what the two months
    beside it have in common is carried over by φ (the one of a grid with the least median error).
    """
    y = logs(values)
    n, years, _ = y.shape
    common = np.zeros((n, years, 12))
    size0 = np.full((n, 12), -1)
    counts = np.zeros((n, 12), int)
    for t in range(1, years):
        change = y[:, t] - y[:, t - 1]
        # what the months of this institution have in common is its own level, not the peers' movement
        change = change - median(change, 1)[:, None]
        drift, size0, counts = by_group(change, groups, knobs.least)
        common[:, t] = common[:, t - 1] + np.where(np.isfinite(drift), drift, 0.0)
    flat = y - common
    level = median(flat, 2)
    group_season, _, _ = by_group(median(flat - level[:, :, None], 1), groups, knobs.least)
    season = np.where(np.isfinite(group_season), group_season, 0.0)
    for _ in range(2):
        level = median(flat - season[:, None, :], 2)
        own = (flat - level[:, :, None])[:, :-1]
        three = np.concatenate([own, group_season[:, None, :]], axis=1)
        season = median(three, 1)
        season = np.where(np.isfinite(season), season, 0.0)
    level = median(flat - season[:, None, :], 2)
    r = flat - level[:, :, None] - season[:, None, :]
    # spread: own over all months, by month of the year as the group shows it
    mine = spread(r.reshape(n, -1), 1, centre=0.0)
    if knobs.tails:
        mine = np.sqrt((mine**2 + (quantile(np.abs(r.reshape(n, -1)), 0.9) / 1.645) ** 2) / 2)
    known = np.sum(np.isfinite(r.reshape(n, -1)), axis=1) / 3
    size = size_class(median(level, 1), knobs.size_bins)
    alike = pooled(r.reshape(n, -1), groups, size, knobs)
    scale = shrunk(mine, known, alike, knobs.strength, knobs.floor)
    by_month, _, _ = by_group(median(np.abs(r) / scale[:, None, None], 1), groups, knobs.least)
    shape = SIGMA * np.where(np.isfinite(by_month), by_month, 1 / SIGMA)
    scales = np.maximum(scale[:, None] * np.clip(shape, 0.5, 4.0), knobs.floor)
    now = r[:, -1]
    tame = np.clip(now, -2 * scales, 2 * scales)
    gap = np.full((n, 1), np.nan)
    before = np.concatenate([np.clip(r[:, -2, 11:], -2 * scales[:, 11:], 2 * scales[:, 11:]) if years > 1 else gap, tame[:, :-1]], axis=1)
    after = np.concatenate([tame[:, 1:], gap], axis=1)
    beside = np.nan_to_num(np.nanmean(np.stack([np.nan_to_num(before), np.nan_to_num(after)]), axis=0))
    best = min(phi, key=lambda f: float(np.nanmedian(np.abs(now - f * beside) / scales)))
    centre = (common[:, -1] + season) + level[:, -1][:, None] + best * beside
    if best:
        ratio = float(np.nanmedian(np.abs(now - best * beside) / scales) / np.nanmedian(np.abs(now) / scales))
        scales = np.maximum(scales * ratio, knobs.floor)
    parts = [Forecast(OWN_YEAR, centre, scales, knobs.weights[0])]
    if years > 1:
        again = flat[:, -2] + common[:, -1] + (level[:, -1] - level[:, -2])[:, None]
        parts.append(Forecast(LAST_YEAR, again, scales * 1.4, knobs.weights[1] / 2))
        old = flat[:, -2] + common[:, -1]
        parts.append(Forecast(OWN_LEVEL, old, np.maximum(scales * 2, 0.1), knobs.weights[1] / 2))
    if knobs.bills:
        between, *bills = billing(y, knobs)
        parts = [between, *parts, *bills]  # where it is known, it knows best: it leads
    pmu, pscale, plevel, pcount = peers_forecast(y[:, -1], sizes, groups, knobs)
    parts += moved_or_peers(np.isfinite(centre), centre, np.maximum(scales * 3, 0.5), pmu, np.maximum(pscale, scales), knobs)
    parts = fitted(parts, y[:, -1], knobs)
    own_known = np.isfinite(centre) & (size0 >= 0)
    return Expected(parts, knobs.nu, np.where(own_known, size0, plevel), np.where(own_known, counts, pcount))
