"""What is compared of each institution and item: a line of traits from the months of two years.

Months that are left out are multiplied by 0: sums over arrays of (months, n) are quicker than choosing.
"""

from __future__ import annotations

import numpy as np

from . import HISTORY, LARGE_COPY, Quantity
from .blocks import STEP, Block

WHOLE = ("at", "month", "nq", "nv", "same", "large", "flat", "again", "missing", "zeros")
Array = np.ndarray
Traits = dict[str, Array]


def traits(block: Block, q: Quantity) -> Traits:
    """Those of the block that have anything of the item in either year: ``at`` is their place in the block."""
    unknown = np.full_like(block.now[q.item], np.nan)
    n, o = block.now[q.item], block.old[q.item]
    paid = q.beside in block.now
    c, d = (years.get(q.beside, unknown) for years in (block.now, block.old))
    sizes = block.now.get(q.per, unknown) if q.per else None
    parts = []
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        at = np.flatnonzero(((n > 0) | (o > 0)).any(axis=0))
        for k in range(0, len(at), STEP):
            here = at[k:k + STEP]
            some = slice(here[0], here[-1] + 1) if here[-1] - here[0] + 1 == len(here) else here
            size = np.ones(len(here)) if sizes is None else _size(sizes[:, some])
            parts.append({"at": here, **_line(n[:, some], o[:, some], c[:, some] if paid else None, d[:, some] if paid else None, size)})
    if not parts:
        return {}
    made = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    return {name: v.astype(np.int16 if name != "at" else np.int32) if name in WHOLE else v for name, v in made.items()}


def count(mask: Array) -> Array:
    """How many of the months are so: added up in bytes, several times as quick as in whole numbers of eight."""
    many: Array = mask.view(np.int8).sum(axis=0, dtype=np.int8)
    return many


def _size(s: Array) -> Array:
    """The mean of the months in which the size is known."""
    known = s > 0
    return np.where(known, s, 0).sum(axis=0) / count(known)


def _line(n: Array, o: Array, c: Array | None, d: Array | None, size: Array) -> Traits:
    """The traits of (months, institutions). c, d None: no cost is kept of the item."""
    k = len(n)
    i, j = n > 0, o > 0
    x, y = np.where(i, n, 0.0), np.where(j, o, 0.0)
    b = i & j
    pn = count(i)
    sn, so, kb = x.sum(axis=0), y.sum(axis=0), count(b)
    bn, bo = (x * b).sum(axis=0), (y * b).sum(axis=0)
    safe = np.where(j, np.minimum(x, y), x).sum(axis=0)
    h = kb >= min(HISTORY, k)
    nq = np.where(h, kb, np.where(pn > 1, pn, 0))
    used = np.where(h, b, i) & (nq > 1)
    base = np.where(h, y, 1.0)
    changes = np.where(used, x * (np.where(h, bo, pn) - base) / (base * (np.where(h, bn, sn) - x)), 1.0)
    w, rest = farthest(changes, nq, k)
    hi, lo = changes.max(axis=0), changes.min(axis=0)
    q = np.where(hi * lo >= 1, hi, lo)
    is_q = changes == q
    none = np.full(len(sn), np.nan)
    paid = _paid(x, y, i, j, c, d) if c is not None and d is not None else {"v": none, "vrest": none, "nv": np.zeros(len(sn)), "uq": none, "uc": none, "p": none}
    return {"sn": sn, "so": so, "bn": bn, "bo": bo, "safe": safe, "q": q, "w": w, "rest": rest, "nq": nq, "month": k - is_q[::-1].argmax(axis=0), "monthly": (x * is_q).max(axis=0),
            "r": np.where(h, bn / bo, np.nan), "x": np.where(sn > 0, sn / size, np.nan), **paid, **patterns(n, o, i), **gaps(n, o, i)}


def farthest(quotients: Array, used: Array, k: int) -> tuple[Array, Array]:
    """The farthest of the months, either way, and the mean of the others; of ``k`` quotients those left out are 1."""
    each = np.maximum(quotients, 1 / quotients)
    top: Array = each.max(axis=0)
    return np.where(used > 1, top, np.nan), np.where(used > 1, (each.sum(axis=0) - (k - used) - top) / (used - 1), np.nan)


def _paid(x: Array, y: Array, i: Array, j: Array, c: Array, d: Array) -> Traits:
    """Prices of the months that have both amount and cost, now and a year ago."""
    now, old = i & (c > 0), j & (d > 0)
    paid, then = np.where(now, c, 0.0), np.where(old, d, 0.0)
    uq, uc, tq, tc = (x * now).sum(axis=0), paid.sum(axis=0), (y * old).sum(axis=0), then.sum(axis=0)
    kp = count(now)
    nv = np.where(kp > 2, kp, 0)
    prices = np.where(now & (nv > 0), paid * (uq - x) / (x * (uc - paid)), 1.0)
    v, rest = farthest(prices, nv, len(x))
    both = (kp > 0) & old.any(axis=0)
    return {"v": v, "vrest": rest, "nv": nv, "uq": uq, "uc": uc, "p": np.where(both, (uc * tq) / (uq * tc), np.nan)}


def patterns(n: Array, o: Array, i: Array) -> Traits:
    """Months equal to last year's, those large enough to mean something, months in runs of three, and those equal to the month before."""
    equal = i & (n == o)
    before = i[1:] & (n[1:] == n[:-1])
    large = equal & ((n >= LARGE_COPY) | (n != np.floor(n))) if equal.any() else equal
    return {"same": count(equal), "large": count(large), "flat": count(before[1:] & before[:-1]), "again": count(before & (n[1:] >= LARGE_COPY))}


def gaps(n: Array, o: Array, i: Array) -> Traits:
    """Months left out and zeros that stand for a gap, as ``review.patterns.gaps`` has them, over two years."""
    there, then = n == n, o == o
    missing = count(~there & (then | ~then.any(axis=0)))
    return {"missing": np.where(count(there) >= 0.75 * len(n), missing, 0), "zeros": np.where(i.any(axis=0), count((n == 0) & (o != 0)), 0)}
