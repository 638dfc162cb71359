"""Institutions beside their like: medians of groups that widen until they are large enough, what lies far from them, and what hangs on it.

Groups are places: the finest is an area and a type, then the type in the region above, the kind above it there, and everybody. Each
level holds the one before, so that only what is too small is looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from . import COUNTS, FOUND, MEAN, PEERS_FLOOR, PRICE_FLOOR, SIGMA, SLIP, TRAITS, Quantity, Sieve

Array = np.ndarray


@dataclass
class Places:
    """The finest groups that there are, by number. ``levels``: per level the group of each; ``area``: a number in ``areas``."""

    levels: tuple[Array, Array, Array, Array]
    area: Array
    areas: list[str]

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]], sieve: Sieve) -> Places:
        """``pairs``: area and type of each finest group."""
        up = [(sieve.up.get(a) or a) for a, _ in pairs]
        wide = [(sieve.wide.get(t) or t) for _, t in pairs]
        areas = sorted({a for a, _ in pairs})
        number = {a: n for n, a in enumerate(areas)}
        levels = (np.arange(len(pairs)), _numbered([(u, t) for u, (_, t) in zip(up, pairs, strict=True)]), _numbered(list(zip(up, wide, strict=True))), np.zeros(len(pairs), int))
        return cls(levels, np.array([number[a] for a, _ in pairs], int), areas)


def _numbered(keys: Sequence[tuple[str, str]]) -> Array:
    seen: dict[tuple[str, str], int] = {}
    return np.array([seen.setdefault(k, len(seen)) for k in keys], int)


@dataclass
class Ordered:
    """Values in order within their groups: ``at`` gives the value at a share of each group, ``count`` how many it has."""

    values: Array
    start: Array
    count: Array

    @classmethod
    def by(cls, values: Array, group: Array, groups: int) -> Ordered:
        known = values == values
        if not known.all():
            values, group = values[known], group[known]
        order = np.argsort(values)
        short = group[order].astype(np.uint16 if groups < 2**16 else np.int64)  # numpy sorts 16 bits by counting
        order = order[np.argsort(short, kind="stable")]
        count = np.bincount(group, minlength=groups)
        return cls(values[order], np.cumsum(count) - count, count)

    def at(self, share: float = 0.5) -> Array:
        """The first value that has ``share`` of its group at or below it; NaN of an empty group."""
        some = self.count > 0
        found = np.full(len(self.count), np.nan)
        found[some] = self.values[(self.start + np.maximum(np.ceil(share * self.count).astype(int), 1) - 1)[some]]
        return found


@dataclass
class Like:
    """Per place: the median of the first group, widening, that has enough; the group's level and size."""

    median: Array
    level: Array
    count: Array


def like(values: Array, place: Array, places: Places, enough: int) -> Like:
    """``values`` of those who stand at ``place``, NaN where unknown."""
    n = len(places.area)
    made = Like(np.full(n, np.nan), np.full(n, 3), np.zeros(n, int))
    open_ = np.zeros(n, bool)
    open_[place] = True
    for level, group in enumerate(places.levels):
        groups = int(group.max(initial=-1)) + 1
        wanted = np.zeros(groups, bool)
        wanted[group[open_]] = True
        rows = slice(None) if wanted.all() else np.flatnonzero(wanted[group][place])
        here = Ordered.by(values[rows], group[place[rows]], groups)
        settled = open_ & ((here.count >= enough)[group] if level < 3 else True)
        made.median[settled], made.count[settled], made.level[settled] = here.at()[group[settled]], here.count[group[settled]], level
        open_ &= ~settled
        if not open_.any():
            break
    return made


def effect(r: Array, m: Array, size: Array, u: float) -> Array:
    """Hidiroglou–Berthelot's effect: how far a ratio lies from the middle, either way alike, with the size's weight."""
    return np.where(r < m, 1 - m / r, r / m - 1) * size**u


def outside(t: Mapping[str, Array], place: Array, places: Places, sieve: Sieve) -> Array:
    """1 where the change lies beyond the bounds of those of a kind in the region above."""
    known = np.flatnonzero(t["r"] == t["r"])
    found = np.zeros(len(place), np.int16)
    if not len(known):
        return found
    group = places.levels[1][place[known]]
    groups, r = int(group.max()) + 1, t["r"][known]
    u, floor, reach = sieve.hb
    middle = Ordered.by(r, group, groups)
    e = effect(r, middle.at()[group], np.maximum(t["bn"], t["bo"])[known], u)
    effects = Ordered.by(e, group, groups)
    low, at, high = (effects.at(share) for share in (0.25, 0.5, 0.75))
    least = np.maximum(np.abs(at * floor), 1e-12)
    below, above = at - np.maximum(at - low, least) * reach, at + np.maximum(high - at, least) * reach
    found[known] = (middle.count >= 2 * sieve.peers)[group] & ~((e >= below[group]) & (e <= above[group]))
    return found


def compared(q: Quantity, t: Mapping[str, Array], place: Array, places: Places, sieve: Sieve) -> tuple[dict[str, Array], Array]:
    """Each beside its like: the columns of ``FOUND`` that need no totals, and ``pattern``: who is to be looked at whatever hangs on it."""
    likes = {name: like(t[name], place, places, sieve.peers) for name in TRAITS}

    def apart(name: str) -> Array:
        a = t[name] / likes[name].median[place]
        return np.maximum(a, 1 / a)

    away = {name: apart(name) for name in ("r", "x", "p")}
    wide = {name: np.log(like(a, place, places, sieve.peers).median) for name, a in away.items()}
    logs = {name: np.log(a) for name, a in away.items()}

    def z(name: str, floor: float) -> Array:
        return logs[name] / np.maximum(wide[name] * SIGMA, floor)[place]

    def monthly(top: str, n: str, rest: str, floor: float) -> Array:
        """Own spread pulled to that of its like: √((n·own² + strength·group²) ÷ (n + strength))."""
        own, group = np.nan_to_num(np.log(t[rest])) * MEAN, (np.nan_to_num(np.log(likes[rest].median)) * MEAN)[place]
        pulled = np.sqrt((t[n] * own * own + sieve.strength * group * group) / (t[n] + sieve.strength))
        return np.log(t[top]) / np.maximum(pulled, floor)

    x = likes["x"]
    found = {"amount": t["sn"], "before": t["so"], "safe": t["safe"], "r": t["r"], "expected": t["so"] * likes["r"].median[place], "month": t["month"], "q": t["q"], "monthly": t["monthly"],
             "x": t["x"], "like": x.median[place], "level": x.level[place], "peers": x.count[place], "price": t["uc"] / t["uq"], "v": t["v"], "same": t["same"], "flat": t["flat"],
             "missing": t["missing"], "zeros": t["zeros"], "outside": outside(t, place, places, sieve), "zy": z("r", q.floor), "zx": z("x", PEERS_FLOOR),
             "zm": monthly("w", "nq", "rest", q.floor), "zp": z("p", PRICE_FLOOR), "zv": monthly("v", "nv", "vrest", PRICE_FLOOR)}
    far = logs["x"] > np.maximum(wide["x"] * (4.5 * SIGMA), float(np.log(3)))[place]
    pattern = (t["missing"] > 0) | (t["zeros"] > 0) | (found["outside"] > 0) | (far & (found["peers"] >= sieve.peers) & (found["level"] <= 1))
    if not q.stock:
        pattern |= (t["large"] > 0) | (t["flat"] > 0) | (t["again"] > 0) | (t["same"] > 2)
    return found, pattern


def farthest_out(found: Mapping[str, Array]) -> Array:
    """How many spreads out the most doubtful of it lies; 0 where nothing can be said."""
    history = found["r"] == found["r"]
    z = np.where(history, found["zy"], found["zx"])
    for name in ("zm", "zp", "zv"):
        z = np.fmax(z, found[name])
    return np.nan_to_num(z)


def candidates(q: Quantity, t: Mapping[str, Array], who: Array, place: Array, places: Places, fine: Array, sieve: Sieve) -> dict[str, Array]:
    """Who deserves the full review for this item, with what speaks for it: the columns of ``FOUND``, by institution. ``fine``: per place,
    what is published for the item's cell."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        found, pattern = compared(q, t, place, places, sieve)
        total = np.bincount(places.area, fine, minlength=len(places.areas))
        z = farthest_out(found)
        wanted = pattern | (z >= sieve.show)
        if not q.stock:
            off = np.fmax(np.abs(found["amount"] - found["expected"]), found["amount"] * SLIP) * q.weight
            wanted |= (z >= sieve.least) & (off >= total[places.area[place]] * sieve.large)
    at = np.flatnonzero(wanted)
    at = at[np.argsort(who[at], kind="stable")]
    here = place[at]
    made = {"institution": who[at], "area": places.area[here], "total": total[places.area[here]], "fine": fine[here], **{name: column[at] for name, column in found.items()}}
    return {name: made[name].astype(np.int64 if name == "institution" else np.int32 if name in COUNTS else np.float64) for name in FOUND}
