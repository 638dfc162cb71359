"""How much there is to find: a learner that is shown planted errors, as an estimate of what a ranking can catch in a set at best.

Gradient boosting (scikit-learn) is trained on errors planted with other seeds into *other institutions* of the same set, and ranks
the institutions it has never seen; five parts, each ranked by what was learned from the four others. It is given everything:
changes, levels, own spread, the months beside, last year's residual, the size and its share of the group, digits, Hidiroglou–
Berthelot, and all that the product itself works out. No office has labelled errors in such numbers, so this is no method to
compete with; where it too misses a goal, the goal likely asks for more than the set holds (no proof: a better learner may exist). Left out on purpose: digits after the
decimal point, by which the planting itself would be recognised (0.7 × a whole number).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jieneng.review import patterns
from jieneng.review.errors import Prior, judge
from jieneng.review.forecast import Knobs, logs, monthly, yearly
from jieneng.review.robust import by_group, hb, median, spread

from .reviewplants import Planted, forest, measure, plant
from .reviewsets import Set

FOLDS, ROUNDS, TAUGHT = 5, 20, 0.03
Array = np.ndarray[Any, Any]


def features(s: Set, values: Array, score: Array) -> Array:
    """Everything known of every value of the review year, one row each: (n · periods, features). ``score``: the product's."""
    y = logs(values).reshape(len(values), values.shape[1], -1)
    n, years, periods = y.shape
    now, flat = y[:, -1], y.reshape(n, -1)
    expected = (monthly if periods == 12 else yearly)(values, s.groups, s.sizes, Knobs())
    mu, scale, _ = expected.best()
    cols: list[Array] = [now, score.reshape(n, periods), now - mu, (now - mu) / scale, scale, *_judged(s, values, expected), forest(values, s.groups, s.sizes).reshape(n, periods)]
    cols += [(now - p.mu) / p.scale for p in expected.parts[1:]]
    size = s.sizes[0] if s.sizes else np.zeros(n)
    per, codes = now - size[:, None], s.groups[:1]
    cols += [per - by_group(per, codes, 8)[0], np.broadcast_to(size[:, None], now.shape), np.broadcast_to(codes[0][:, None], now.shape)]
    raw = np.nan_to_num(values[:, -1].reshape(n, -1))
    cols += [raw / np.maximum(np.bincount(codes[0], raw.sum(axis=1))[codes[0]][:, None], 1e-9), np.log10(np.maximum(raw, 1)) // 1, raw == 0]
    cols += [np.broadcast_to(c[:, None], now.shape) for c in (spread(flat), np.nanstd(flat, axis=1), np.sum(np.isfinite(flat), axis=1))]
    for back in range(2, min(years, 5) + 1):
        d = now - y[:, -back]
        cols += [d, d - by_group(d, codes, 8)[0], np.sign(d) * np.sqrt(np.abs(d)) * np.exp(0.2 * now)]
    for t in range(1, years - 1):
        cols.append(y[:, t] - y[:, t - 1])
    if years > 1:
        old, this = values[:, -2].reshape(n, -1), values[:, -1].reshape(n, -1)
        cols += [np.stack([hb(this[:, m], old[:, m]) for m in range(periods)], axis=1), (this == old) & (this > 0)]
    if years > 2:
        steps = np.abs(np.diff(y[:, :-1], axis=1))
        cols += [np.nanmax(np.nan_to_num(steps), axis=1), np.nanmean(steps, axis=1)]
    if periods == 12:
        cols += _beside(y, now - mu, scale)
    return np.stack([np.asarray(c, float).ravel() for c in cols], axis=1)


def _judged(s: Set, values: Array, expected: Any) -> list[Array]:
    """The product's suspicion, the likeliest slip, how far it leads away, and its expected error."""
    now = values[:, -1].reshape(len(values), -1)
    same, usual = patterns.copied(values) if values.shape[1] > 1 else (None, 0.001)
    j = judge(now, expected, Prior(), copied=same, usual=usual, step=patterns.step_of(now))
    kinds = {k: n for n, k in enumerate(sorted(set(j.kind.tolist())))}
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.log(now.ravel()[j.rows] / j.suggested)
    return [j.full(c, now.size).reshape(now.shape) for c in (j.suspicion, np.array([kinds[k] + 1.0 for k in j.kind.tolist()]), away, np.log1p(j.absolute))]


def _beside(y: Array, r: Array, scale: Array) -> list[Array]:
    """The months before and after, their residuals, the same residual a year ago, the year without this month."""
    n = len(y)
    gap = np.full((n, 1), np.nan)
    before, after = np.concatenate([gap, r[:, :-1]], axis=1), np.concatenate([r[:, 1:], gap], axis=1)
    now = y[:, -1]
    last = np.concatenate([y[:, -2, 11:] if y.shape[1] > 1 else gap, now[:, :-1]], axis=1)
    level = median(y, 2)
    return [before, after, r - np.nanmean(np.stack([before, after]), axis=0), now - last, now - np.concatenate([now[:, 1:], gap], axis=1),
            np.broadcast_to(spread(r)[:, None], r.shape), np.abs(r) / scale - median(np.abs(r) / scale)[:, None], now - level[:, -1][:, None],
            np.broadcast_to((level[:, -1] - level[:, max(0, y.shape[1] - 2)])[:, None], r.shape), np.broadcast_to(np.arange(12)[None], r.shape)]


def bound(s: Set, rate: float, seeds: int, kinds: list[str], score_of: Any, opened: float) -> dict[str, dict[str, float]]:
    """Means over the seeds of what the learner catches, by chance of an error, by that and the product's score together, and by chance × size."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    periods = 12 if s.values.ndim == 3 else 1
    part = np.repeat(np.random.default_rng(7).permutation(len(s.values)) % FOLDS, periods)
    x, t = [], []
    rounds = 6 if s.values.shape[0] * periods > 5000 else ROUNDS * (8 if s.values.shape[0] * periods < 100 else 1)
    for k in range(rounds):
        p = plant(s.values, TAUGHT, 50_000 + k, kinds)
        x.append(features(s, p.values, score_of(p.values)))
        wrong = np.zeros(len(x[-1]))
        wrong[p.cells] = 1
        t.append(wrong)
    known = np.isfinite(s.values[:, -1].reshape(-1)) & (s.values[:, -1].reshape(-1) > 0)
    taught, labels = np.stack(x)[:, known], np.stack(t)[:, known]
    models = [HistGradientBoostingClassifier(max_iter=120, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=100, l2_regularization=20.0, max_features=0.3, random_state=0).fit(
        taught[:, part[known] != f].reshape(-1, taught.shape[2]), labels[:, part[known] != f].ravel()) for f in range(FOLDS)]
    many: dict[str, dict[str, list[float]]] = {}
    for seed in range(seeds):
        p = plant(s.values, rate, seed, kinds)
        table = features(s, p.values, score_of(p.values))
        chance = np.zeros(len(table))
        for f, model in enumerate(models):
            chance[part == f] = model.predict_proba(table[part == f])[:, 1]
        both = np.log(np.maximum(chance, 1e-6)) + np.log(np.maximum(np.nan_to_num(score_of(p.values).ravel()), 1e-6))
        for name, score in (("bound: taught by planted errors", chance), ("bound: taught, and ours", both), ("bound: taught × size", chance * _size(s, p))):
            for what, v in measure(score, p, opened).items():
                many.setdefault(name, {}).setdefault(what, []).append(v)
    return {name: {what: float(np.nanmean(v)) for what, v in found.items()} for name, found in many.items()}


def _size(s: Set, p: Planted) -> Array:
    """The root of what a value, or last year's, is: what an error in it may move."""
    now = np.nan_to_num(p.values[:, -1].reshape(-1))
    old = np.nan_to_num(p.values[:, -2].reshape(-1)) if p.values.shape[1] > 1 else now
    found: Array = np.sqrt(np.maximum(np.maximum(now, old), 1.0))
    return found
