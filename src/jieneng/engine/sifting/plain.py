"""The first screening from loops: slow, obvious, and the list that every engine must give (``sifting``)."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from jieneng.rulebook.types import Check

from ..screening import FAILS, judge, usable
from . import (
    COUNTS,
    FOUND,
    HISTORY,
    LARGE_COPY,
    MEAN,
    PEERS_FLOOR,
    PRICE_FLOOR,
    SIGMA,
    SLIP,
    TRAITS,
    Quantity,
    Sieve,
    Sifted,
)

Row = Mapping[str, Any]
Traits = dict[str, Any]


def sift(rows: Iterable[Row], sieve: Sieve, there: frozenset[str]) -> Sifted:
    """``rows``: the wide rows of all years; ``there``: the columns they have."""
    by_year: dict[int, dict[int, Row]] = {}
    for row in rows:
        by_year.setdefault(row["year"], {})[row["institution"]] = row
    now, old = by_year.get(sieve.year, {}), by_year.get(sieve.year - 1, {})
    found: dict[str, list[Traits]] = {}
    quantities = [q for q in sieve.quantities if any(f"{q.item}__{m}" in there for m in sieve.months)]
    for q in quantities:
        found[q.item] = [t for who in sorted(now) if (t := traits(q, now[who], old.get(who, {}), sieve)) is not None]
    fine: dict[tuple[Any, str], float] = {}
    totals: dict[tuple[str, str], float] = {}
    for q in quantities:
        for t in found[q.item]:
            fine[t["g0"], q.cell] = fine.get((t["g0"], q.cell), 0.0) + t["safe"] * q.weight
    for (g0, cell), value in fine.items():
        totals[cell, g0[0]] = totals.get((cell, g0[0]), 0.0) + value
    areas = {a: n for n, a in enumerate(sorted({g0[0] for g0, _ in fine}))}
    candidates = {q.item: _columns([{**c, "area": areas[c["g0"][0]]} for c in _compared(q, found[q.item], sieve, fine, totals) if _wanted(q, c, sieve)]) for q in quantities}
    return Sifted(candidates, edits(now, old, sieve, there), len(now), sum(map(len, found.values())), totals, list(areas))


def _columns(found: Sequence[Traits]) -> dict[str, np.ndarray]:
    """As arrays: whole numbers, and doubles with NaN for what is unknown."""
    return {name: np.array([c[name] for c in found], np.int64 if name == "institution" else np.int32 if name in COUNTS else np.float64) for name in FOUND}


def _number(row: Row, item: str, month: str) -> float | None:
    value = row.get(f"{item}__{month}") if item else None
    return None if value is None else float(value)


def _over(upper: float | None, lower: float | None) -> float | None:
    return None if upper is None or not lower else upper / lower


def _most(*values: float | None) -> float | None:
    return max((v for v in values if v is not None), default=None)


def _log(value: float | None) -> float | None:
    return None if value is None else math.log(value) if value > 0 else -math.inf


def traits(q: Quantity, now: Row, old: Row, sieve: Sieve) -> Traits | None:
    """What is compared of one institution and item; None where it has nothing in either year."""
    n, c, s = ([_number(now, item, m) for m in sieve.months] for item in (q.item, q.beside, q.per))
    o, d = ([_number(old, item, m) for m in sieve.months] for item in (q.item, q.beside))
    k, months = len(n), range(len(n))
    i, j = ([v is not None and v > 0 for v in values] for values in (n, o))
    if not any(i) and not any(j):
        return None
    x, y = [v or 0.0 for v in n], [v or 0.0 for v in o]
    both = [m for m in months if i[m] and j[m]]
    area, kind = now.get("area") or "", now.get("type") or ""
    up, wide = sieve.up.get(area) or area, sieve.wide.get(kind) or kind
    sizes = [v for v in s if v is not None and v > 0]
    size = (sum(sizes) / len(sizes) if sizes else None) if q.per else 1.0
    sn, so = sum(x[m] for m in months if i[m]), sum(y[m] for m in months if j[m])
    bn, bo = sum(x[m] for m in both), sum(y[m] for m in both)
    history = len(both) >= min(HISTORY, k)
    used = both if history else [m for m in months if i[m]] if sum(i) > 1 else []
    top, base = (bn, bo) if history else (sn, float(sum(i)))
    changes = [x[m] * (base - (y[m] if history else 1.0)) / ((y[m] if history else 1.0) * (top - x[m])) if m in used and len(used) > 1 else 1.0 for m in months]
    paid = [m for m in months if i[m] and (c[m] or 0) > 0]
    paid_old = [m for m in months if j[m] and (d[m] or 0) > 0]
    uq, uc, tq, tc = (sum(values[m] or 0.0 for m in which) for values, which in ((n, paid), (c, paid), (o, paid_old), (d, paid_old)))
    costs = [v or 0.0 for v in c]
    prices = [costs[m] * (uq - x[m]) / (x[m] * (uc - costs[m])) if m in paid and len(paid) > 2 else 1.0 for m in months]
    w, rest = _farthest(changes, len(used), k)
    v, vrest = _farthest(prices, len(paid) if len(paid) > 2 else 0, k)
    q_ = max(changes) if max(changes) * min(changes) >= 1 else min(changes)
    at = [m for m in months if changes[m] == q_]
    return {
        "institution": now["institution"], "g0": (area, kind), "g1": (up, kind), "g2": (up, wide), "sn": sn, "so": so, "bn": bn, "bo": bo, "safe": _safe(x, y, i, j), "q": q_, "w": w, "rest": rest,
        "nq": len(used), "v": v, "vrest": vrest, "nv": len(paid) if len(paid) > 2 else 0, "uq": uq, "uc": uc, "r": _over(bn, bo) if history else None, "x": _over(sn, size) if sn > 0 else None,
        "p": _over(uc * tq, uq * tc) if paid and paid_old else None, "month": max(at) + 1, "monthly": max(x[m] if i[m] else 0.0 for m in at), **_patterns(n, o, i, k), **_gaps(n, o, i, k)}


def _safe(x: Sequence[float], y: Sequence[float], i: Sequence[bool], j: Sequence[bool]) -> float:
    return sum(min(x[m], y[m]) if j[m] else x[m] for m in range(len(x)) if i[m])


def _farthest(quotients: Sequence[float], used: int, k: int) -> tuple[float | None, float | None]:
    each = [max(v, 1 / v) for v in quotients]
    return (max(each), (sum(each) - (k - used) - max(each)) / (used - 1)) if used > 1 else (None, None)


def _patterns(n: Sequence[float | None], o: Sequence[float | None], i: Sequence[bool], k: int) -> Traits:
    equal = [m for m in range(k) if i[m] and n[m] == o[m]]
    again = [m for m in range(1, k) if i[m] and n[m] == n[m - 1]]
    large = [m for m in equal if (v := n[m]) is not None and (v >= LARGE_COPY or v != math.floor(v))]
    return {"same": len(equal), "large": len(large), "flat": sum(m + 1 in again for m in again), "again": sum((n[m] or 0) >= LARGE_COPY for m in again)}


def _gaps(n: Sequence[float | None], o: Sequence[float | None], i: Sequence[bool], k: int) -> Traits:
    known, then = sum(v is not None for v in n), any(v is not None for v in o)
    missing = sum(n[m] is None and (o[m] is not None or not then) for m in range(k))
    return {"missing": missing if known >= 0.75 * k else 0, "zeros": sum(n[m] == 0 and o[m] != 0 for m in range(k)) if any(i) else 0}


def middle(values: Sequence[float], at: float = 0.5) -> float | None:
    """The value at a share of the ordered values, as PERCENTILE_DISC: the first that has that share at or below it."""
    ordered = sorted(values)
    return ordered[max(math.ceil(at * len(ordered)), 1) - 1] if ordered else None


def like(found: Sequence[Traits], value: Callable[[Traits], float | None], sieve: Sieve) -> Callable[[Traits], tuple[float | None, int, int]]:
    """For each its group's median, the group's number and level: the first, widening, that has enough of them."""
    groups: dict[tuple[int, Any], list[float]] = {}
    for t in found:
        if (v := value(t)) is not None:
            for level in range(4):
                groups.setdefault((level, t.get(f"g{level}")), []).append(v)
    medians = {g: middle(values) for g, values in groups.items()}

    def of(t: Traits) -> tuple[float | None, int, int]:
        for level in range(4):
            key = level, t.get(f"g{level}")
            if len(groups.get(key, ())) >= sieve.peers or level == 3:
                return medians.get(key), len(groups.get(key, ())), level
        raise AssertionError

    return of


def _effect(t: Traits, m: float, sieve: Sieve) -> float:
    r = t["r"]
    return float((1 - m / r if r < m else r / m - 1) * max(t["bn"], t["bo"]) ** sieve.hb[0])


def _outside(found: Sequence[Traits], sieve: Sieve) -> Callable[[Traits], int]:
    """Hidiroglou–Berthelot among those of a kind in the parent region."""
    groups: dict[Any, list[Traits]] = {}
    for t in found:
        if t["r"] is not None:
            groups.setdefault(t["g1"], []).append(t)
    bounds = {}
    for key, group in groups.items():
        m = middle([t["r"] for t in group]) or 0.0
        q1, e, q3 = (middle([_effect(t, m, sieve) for t in group], at) or 0.0 for at in (0.25, 0.5, 0.75))
        floor = max(abs(e * sieve.hb[1]), 1e-12)
        bounds[key] = m, e - max(e - q1, floor) * sieve.hb[2], e + max(q3 - e, floor) * sieve.hb[2], len(group)

    def of(t: Traits) -> int:
        if t["r"] is None or bounds[t["g1"]][3] < 2 * sieve.peers:
            return 0
        m, low, high, _ = bounds[t["g1"]]
        return int(not low <= _effect(t, m, sieve) <= high)

    return of


def _compared(q: Quantity, found: Sequence[Traits], sieve: Sieve, fine: Mapping[tuple[Any, str], float], totals: Mapping[tuple[str, str], float]) -> Iterable[Traits]:
    """Each with its distance from its like."""
    medians = {name: like(found, operator.itemgetter(name), sieve) for name in TRAITS}

    def apart(t: Traits, name: str) -> float | None:
        a = _over(t[name], medians[name](t)[0])
        return None if a is None else max(a, 1 / a)

    spreads = {name: like(found, functools.partial(apart, name=name), sieve) for name in ("r", "x", "p")}
    outside = _outside(found, sieve)

    def z(t: Traits, name: str, floor: float) -> float | None:
        a, wide = _log(apart(t, name)), _log(spreads[name](t)[0])
        return None if a is None or wide is None else abs(a) / max(wide * SIGMA, floor)

    def monthly(t: Traits, top: str, n: str, rest: str, floor: float) -> float | None:
        if t[top] is None:
            return None
        own, group = ((_log(v) or 0.0) * MEAN for v in (t[rest], medians[rest](t)[0]))
        return math.log(t[top]) / max(math.sqrt((t[n] * own * own + sieve.strength * group * group) / (t[n] + sieve.strength)), floor)

    for t in found:
        middle_r, (middle_x, peers, level) = medians["r"](t)[0], medians["x"](t)
        far, wide = _log(apart(t, "x")), _log(spreads["x"](t)[0])
        yield {**t, "amount": t["sn"], "before": t["so"], "expected": None if middle_r is None else t["so"] * middle_r, "like": middle_x, "level": level, "peers": peers,
               "price": _over(t["uc"], t["uq"]), "outside": outside(t), "zy": z(t, "r", q.floor), "zx": z(t, "x", PEERS_FLOOR), "zp": z(t, "p", PRICE_FLOOR),
               "zm": monthly(t, "w", "nq", "rest", q.floor), "zv": monthly(t, "v", "nv", "vrest", PRICE_FLOOR), "total": totals[q.cell, t["g0"][0]], "fine": fine[t["g0"], q.cell],
               "far": far is not None and wide is not None and abs(far) > max(wide * (4.5 * SIGMA), math.log(3))}


def _wanted(q: Quantity, c: Traits, sieve: Sieve) -> bool:
    z = _most(c["zx"] if c["r"] is None else c["zy"], c["zm"], c["zp"], c["zv"])
    off = max(abs(c["amount"] - c["expected"]) if c["expected"] is not None else 0.0, c["amount"] * SLIP)
    hangs = not q.stock and z is not None and z >= sieve.least and off * q.weight >= c["total"] * sieve.large
    pattern = c["missing"] or c["zeros"] or c["outside"] or (not q.stock and (c["large"] or c["flat"] or c["again"] or c["same"] > 2))
    return bool(pattern or hangs or (z is not None and z >= sieve.show) or (c["far"] and c["peers"] >= sieve.peers and c["level"] <= 1))


class Months:
    """The months of one institution, for the checks of a form. ``now``, ``old``: its wide rows of both years."""

    def __init__(self, now: Row, old: Row, sieve: Sieve, there: frozenset[str]) -> None:
        self.now, self.old, self.months = now, old, sieve.months
        self.items = frozenset(c.rpartition("__")[0] for c in there if "__" in c)

    def _of(self, row: Row, m: int) -> dict[str, Decimal | None]:
        return {i: row.get(f"{i}__{self.months[m]}") for i in self.items}

    def fails(self, check: Check, m: int) -> bool:
        before, last = {"last_year": self._of(self.old, m)}, len(self.months) - 1
        if last:
            before["last_month"] = self._of(self.now, m - 1) if m else self._of(self.old, last)
        return judge(check, self._of(self.now, m), before, self.items) == FAILS


def edits(now: Mapping[int, Row], old: Mapping[int, Row], sieve: Sieve, there: frozenset[str]) -> list[tuple[int, str, int, int]]:
    """Who fails which check of the form: month by month, by ``screening.judge``."""
    found = []
    for who in sorted(now):
        mine = Months(now[who], old.get(who, {}), sieve, there)
        for check in usable(sieve.checks):
            if fails := [m + 1 for m in range(len(sieve.months)) if mine.fails(check, m)]:
                found.append((who, check.id, fails[0], len(fails)))
    return found
