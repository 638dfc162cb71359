"""Planting errors of known kind and size into real reported data, and the methods they are hunted with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
UNITS = [f"×10^{k}" for k in (1, 2, 3, 4)] + [f"÷10^{k}" for k in (1, 2, 3, 4)]
MODERATE = ["-30%", "+30%", "-50%", "×2", "dropped", "doubled", "transposed", "-30% large"]
OTHER = ["copied", "twice", "missing"]
FAMILY = {**dict.fromkeys(UNITS, "units"), **dict.fromkeys(MODERATE, "moderate"), **dict.fromkeys(OTHER, "other")}


@dataclass
class Planted:
    """A set with errors in it: the cell (flat number in the review year), its kind, its true value."""

    values: Array
    cells: Array
    kinds: list[str]
    true: Array


def digits(value: float, how: str, dice: np.random.Generator) -> float:
    """One wrong digit in a whole number."""
    text = str(round(value))
    if len(text) < 2:
        return value
    i = int(dice.integers(0, len(text)))
    if how == "dropped":
        return float(text[:i] + text[i + 1:])
    if how == "doubled":
        return float(text[:i] + text[i] + text[i:])
    i = int(dice.integers(0, len(text) - 1))
    return float(text[:i] + text[i + 1] + text[i] + text[i + 2:])


def wrong(kind: str, value: float, before: float, neighbour: float, dice: np.random.Generator, months: int) -> float:
    if kind[0] in "×÷" and "10^" in kind:
        return value * 10.0 ** (int(kind[-1]) * (1 if kind[0] == "×" else -1))
    if kind in ("dropped", "doubled", "transposed"):
        return digits(value, kind, dice)
    if kind == "copied":
        return before
    if kind == "twice":
        return value + neighbour if months == 12 else value * 13 / 12
    if kind == "missing":
        return 0.0 if months == 12 else value * 11 / 12
    return value * {"-30%": 0.7, "+30%": 1.3, "-50%": 0.5, "×2": 2.0, "-30% large": 0.7}[kind]


def plant(values: Array, rate: float, seed: int, kinds: list[str]) -> Planted:
    """Plant into the last year of values (n, years) or (n, years, 12): ``rate`` of the cells that hold a positive value."""
    dice = np.random.default_rng([seed, int(rate * 1000)])
    values = values.copy()
    months = values.shape[2] if values.ndim == 3 else 1
    now = values[:, -1].reshape(len(values), -1)
    before = values[:, -2].reshape(len(values), -1) if values.shape[1] > 1 else np.full(now.shape, np.nan)
    flat, old = now.reshape(-1), before.reshape(-1)
    able = np.flatnonzero(flat > 0)
    large = able[flat[able] >= np.quantile(flat[able], 0.9)]
    n = max(1, round(rate * len(able)))
    cells, found, true, used = [], [], [], set()
    while len(cells) < n:
        kind = str(dice.choice(kinds))
        pool = large if kind.endswith("large") else able
        c = int(dice.choice(pool))
        v = flat[c]
        beside = flat[c - 1] if months == 12 and c % 12 and flat[c - 1] > 0 else v
        w = wrong(kind, float(v), float(old[c]), float(beside), dice, months)
        if c in used or not np.isfinite(w) or w == v or w < 0 or (w == 0 and kind != "missing"):
            continue
        used.add(c)
        cells.append(c)
        found.append(kind)
        true.append(v)
        flat[c] = w
    values[:, -1] = flat.reshape(values[:, -1].shape)
    return Planted(values, np.array(cells), found, np.array(true))


def log(v: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(v > 0, np.log(np.where(v > 0, v, 1)), np.nan)


def per_size(values: Array, sizes: list[Array]) -> Array:
    y = log(values[:, -1])
    y = y.reshape(len(y), -1)
    size = sizes[0] if sizes else np.zeros(len(y))
    return y - np.where(np.isfinite(size), size, np.nanmedian(size) if np.isfinite(size).any() else 0)[:, None]


def change(values: Array) -> Array:
    r = log(values[:, -1]) - log(values[:, -2])
    return r.reshape(len(values), -1)


def flat10(values: Array, groups: list[Array], sizes: list[Array]) -> Array:
    """Sorted by relative change from last year; without a year before, by distance from the median level."""
    if values.shape[1] == 1:
        y = per_size(values, sizes)
        return np.abs(np.expm1(y - np.nanmedian(y)))
    return np.abs(np.expm1(change(values)))


def zscore(values: Array, groups: list[Array], sizes: list[Array]) -> Array:
    if values.ndim == 3:  # a value against the mean of its own series, as DHIS2 does
        flat = values.reshape(len(values), -1)
        return np.abs((values[:, -1] - np.nanmean(flat, axis=1)[:, None]) / (np.nanstd(flat, axis=1)[:, None] + 1e-9))
    r = per_size(values, sizes) if values.shape[1] == 1 else change(values)
    return np.abs(r - np.nanmean(r)) / np.nanstd(r)


def modified_z(values: Array, groups: list[Array], sizes: list[Array]) -> Array:
    from jieneng.review.robust import median, spread

    if values.ndim == 3:
        flat = values.reshape(len(values), -1)
        return np.abs((values[:, -1] - median(flat)[:, None]) / (spread(flat)[:, None] + 1e-9))
    r = per_size(values, sizes) if values.shape[1] == 1 else change(values)
    return np.abs((r - np.nanmedian(r)) / spread(r.ravel()))


def plain_hb(values: Array, groups: list[Array], sizes: list[Array]) -> Array:
    from jieneng.review.robust import hb

    if values.shape[1] == 1:
        y = np.exp(per_size(values, sizes))
        return np.abs(hb(y.ravel(), np.full(y.size, np.nanmedian(y))).reshape(y.shape))
    now, old = values[:, -1].reshape(len(values), -1), values[:, -2].reshape(len(values), -1)
    return np.stack([np.abs(hb(now[:, m], old[:, m])) for m in range(now.shape[1])], axis=1)


def forest(values: Array, groups: list[Array], sizes: list[Array]) -> Array:
    from sklearn.ensemble import IsolationForest

    y = log(values[:, -1]).reshape(len(values), -1)
    features = [y, per_size(values, sizes)]
    if values.shape[1] > 1:
        features.append(change(values))
    if values.ndim == 3:
        flat = log(values.reshape(len(values), -1))
        features.append(y - np.nanmedian(flat, axis=1)[:, None])
    x = np.stack([f.ravel() for f in features], axis=1)
    x = np.where(np.isfinite(x), x, np.nanmedian(x, axis=0))
    found: Array = -IsolationForest(n_estimators=100, random_state=0, n_jobs=1).fit(x).score_samples(x).reshape(y.shape)
    return found


METHODS = {"flat 10 %": flat10, "z-score": zscore, "modified z": modified_z, "plain HB": plain_hb, "isolation forest": forest}


def measure(score: Array, p: Planted, opened: float = 0.05) -> dict[str, float]:
    """Shares caught among the ``opened`` best scored cells, by family and by impact; average precision of the whole ranking."""
    score = np.where(np.isfinite(score.ravel()), score.ravel(), -np.inf)
    now = p.values[:, -1].reshape(-1)
    cells = np.flatnonzero(np.isfinite(now))
    order = cells[np.argsort(-score[cells], kind="stable")]
    k = max(1, int(np.ceil(opened * len(cells))))
    top = set(order[:k].tolist())
    caught = np.array([c in top for c in p.cells])
    impact = np.abs(now[p.cells] - p.true)
    family = np.array([FAMILY[k] for k in p.kinds])
    out: dict[str, float] = {}
    for name in ("units", "moderate", "other"):
        mine = family == name
        if mine.any():
            out[name] = float(caught[mine].mean())
            out[f"{name} impact"] = float((impact[mine] * caught[mine]).sum() / impact[mine].sum())
    place = {c: r for r, c in enumerate(order.tolist(), 1)}
    ranks = np.sort([place[c] for c in p.cells])
    out["ap"] = float(np.mean(np.arange(1, len(ranks) + 1) / ranks))
    return out
