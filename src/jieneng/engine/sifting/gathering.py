"""From blocks to the list: each block's traits and edits, put together, compared, and what deserves the full review."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from jieneng.rulebook.types import Check

from ..screening import usable
from . import FOUND, Quantity, Sieve, Sifted
from .blocks import Block, block, blocks, spans
from .likes import Places, candidates
from .rough import Edits, edits
from .traits import Traits, traits

Near = list[tuple[int, int, int]]
"""Institution, check (number) and month (from 0) that doubles cannot tell."""


@dataclass
class Part:
    """What is kept of a block: per item its traits, what its checks say, who they are and where each stands (``place`` in ``pairs``)."""

    institutions: np.ndarray
    pairs: list[tuple[str, str]]
    place: np.ndarray
    traits: dict[str, Traits]
    edits: Edits

    def packed(self) -> bytes:
        """As bytes for another machine: plain arrays, nothing that runs when it is read."""
        arrays = {"institutions": self.institutions, "place": self.place, "pairs": np.array(self.pairs, str), "near": np.array(self.edits.near, np.int64).reshape(-1, 3)}
        arrays |= {f"trait {item} {name}": v for item, t in self.traits.items() for name, v in t.items()}
        arrays |= {f"fails {k} {n}": np.stack([at, month, many]) for k, (n, at, month, many) in enumerate(self.edits.fails)}
        out = io.BytesIO()
        np.savez(out, allow_pickle=False, **arrays)
        return out.getvalue()

    @classmethod
    def unpacked(cls, data: bytes, quantities: Sequence[Quantity]) -> Part:
        held = np.load(io.BytesIO(data), allow_pickle=False)
        found: dict[str, Traits] = {q.item: {} for q in quantities}
        fails = []
        for key in held.files:
            what, *rest = key.split(" ")
            if what == "trait":
                found[rest[0]][rest[1]] = held[key]
            elif what == "fails":
                fails.append((int(rest[1]), *held[key]))
        return cls(held["institutions"], [(str(a), str(t)) for a, t in held["pairs"]], held["place"], found, Edits(fails, [tuple(n) for n in held["near"].tolist()]))


def part(block: Block, quantities: Sequence[Quantity], checks: Sequence[Check]) -> Part:
    return Part(block.institutions, block.pairs, block.place, {q.item: traits(block, q) for q in quantities}, edits(block, checks))


def processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parts_of(paths: Sequence[Path], sieve: Sieve, quantities: Sequence[Quantity], items: Sequence[str]) -> list[Part]:
    """Read and judged here, on all processors: arrays are worked on without Python's lock."""
    checks = usable(sieve.checks)

    def work(ranges: Sequence[tuple[int, int]]) -> list[Part]:
        return [part(b, quantities, checks) for b in blocks(paths, sieve.year, sieve.months, items, ranges)]

    with ThreadPoolExecutor(processors()) as pool:
        return [p for found in pool.map(work, spans(paths, processors())) for p in found]


def judged_batches(sieve: Sieve, quantities: Sequence[Quantity], items: Sequence[str]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """For an engine that has both years beside each other in Arrow batches (columns ``now_…`` and ``old_…``): one packed ``Part`` a batch."""
    checks = usable(sieve.checks)

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            table = pa.table(batch)
            now, old = (table.select([c for c in table.column_names if c.startswith(year)]).rename_columns(
                [c.removeprefix(year) for c in table.column_names if c.startswith(year)]) for year in ("now_", "old_"))
            if len(now):
                made = part(block(now, old.filter(old["institution"].is_valid()), sieve.months, items), quantities, checks)
                yield pa.RecordBatch.from_arrays([pa.array([made.packed()], pa.binary())], ["part"])

    return work


def gathered(parts: Iterable[Part], sieve: Sieve, quantities: Sequence[Quantity], exact: Callable[[Near], Iterable[bool]]) -> Sifted:
    """The list. ``exact`` says of each that is too near to tell whether it fails."""
    known = sorted((p for p in parts if len(p.institutions)), key=lambda p: int(p.institutions[0]))
    if not known:
        return Sifted({q.item: {name: np.zeros(0) for name in FOUND} for q in quantities}, [], 0, 0, {}, [])
    number: dict[tuple[str, str], int] = {}
    place = np.concatenate([np.array([number.setdefault(pair, len(number)) for pair in p.pairs], np.int32)[p.place] for p in known])
    places, who = Places.of(list(number), sieve), np.concatenate([p.institutions for p in known])
    first = np.cumsum([0, *(len(p.institutions) for p in known[:-1])])
    fine: dict[str, np.ndarray] = {q.cell: np.zeros(len(number)) for q in quantities}
    pairs = 0
    for q in quantities:
        for start, p in zip(first, known, strict=True):
            if t := p.traits[q.item]:
                fine[q.cell] += np.bincount(place[start + t["at"]], t["safe"], minlength=len(number)) * q.weight
                pairs += len(t["at"])

    def chosen(q: Quantity) -> dict[str, np.ndarray]:
        mine = [(start, t) for start, p in zip(first, known, strict=True) if (t := p.traits.pop(q.item))]
        if not mine:
            return {name: np.zeros(0) for name in FOUND}
        at = np.concatenate([start + t.pop("at") for start, t in mine])
        lines = {name: np.concatenate([t.pop(name) for _, t in mine]) for name in list(mine[0][1])}
        return candidates(q, lines, who[at], place[at], places, fine[q.cell], sieve)

    with ThreadPoolExecutor(processors()) as pool:
        found = dict(zip((q.item for q in quantities), pool.map(chosen, quantities), strict=True))
    totals = {(cell, places.areas[a]): float(v) for cell, sums in fine.items() for a, v in enumerate(np.bincount(places.area, sums, minlength=len(places.areas))) if v}
    return Sifted(found, failing(known, usable(sieve.checks), exact), len(who), pairs, totals, places.areas)


def failing(parts: Sequence[Part], checks: Sequence[Check], exact: Callable[[Near], Iterable[bool]]) -> list[tuple[int, str, int, int]]:
    """Institution, check, first month that fails it and how many do; by institution, then in the order of the checks."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    near: Near = []
    for p in parts:
        for n, places, month, many in p.edits.fails:
            found.update(zip(((i, n) for i in p.institutions[places].tolist()), zip(month.tolist(), many.tolist(), strict=True), strict=True))
        near += [(int(p.institutions[place]), n, m) for n, place, m in p.edits.near]
    for (who, n, m), fails in zip(near, exact(near) if near else (), strict=True):
        if fails:
            begin, times = found.get((who, n), (m + 1, 0))
            found[who, n] = min(begin, m + 1), times + 1
    return [(who, checks[n].id, *said) for (who, n), said in sorted(found.items())]
