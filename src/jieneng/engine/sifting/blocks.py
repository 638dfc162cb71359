"""The wide files some thousands of institutions at a time: this year's months and last year's beside each other, as doubles."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

STEP = 4096
"""Institutions worked on at a time: their months stay in the processor's cache."""
KEPT = 2
"""Row groups of a file that are kept: those of two files seldom begin at the same institution."""


@dataclass
class Block:
    """Some institutions of a year in order, n of them. ``place``: a number in ``pairs`` of area and type. ``now``, ``old``: item → (months, n),
    NaN where not answered."""

    institutions: np.ndarray
    pairs: list[tuple[str, str]]
    place: np.ndarray
    now: dict[str, np.ndarray]
    old: dict[str, np.ndarray]

    def between(self, start: int, end: int) -> Block:
        """Some of them: views, nothing is copied."""
        return Block(self.institutions[start:end], self.pairs, self.place[start:end], *({i: v[:, start:end] for i, v in year.items()} for year in (self.now, self.old)))


def doubles(column: pa.ChunkedArray | pa.Array, out: np.ndarray) -> None:
    """The decimals of a column as the doubles next to them: whole ten-thousandths ÷ 10⁴, which is rounded once."""
    start = 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        n, part = len(chunk), out[start:start + len(chunk)]
        if pa.types.is_decimal(chunk.type):
            low = np.frombuffer(chunk.buffers()[1], np.int64)[2 * chunk.offset:2 * (chunk.offset + n):2]  # below 10¹⁶: the upper half says nothing new
            np.divide(low, 1e4, out=part)
        else:
            part[:] = chunk.to_numpy(zero_copy_only=False)
        if chunk.null_count:
            known = np.unpackbits(np.frombuffer(chunk.buffers()[0], np.uint8), bitorder="little")[chunk.offset:chunk.offset + n]
            part[known == 0] = np.nan
        start += n


class Reader:
    """A wide file, its row groups asked for by institution. Groups are in order of institution (``engine.wide``)."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.file = pq.ParquetFile(path, memory_map=True)
        self.names = self.file.schema_arrow.names
        self.columns = ["institution", "year", "area", "type", *(c for c in columns if c in set(self.names))]
        at, of = self.names.index("institution"), [self.file.metadata.row_group(g) for g in range(self.file.num_row_groups)]
        self.groups = [g for g, group in enumerate(of) if group.num_rows]  # a freeze writes one without rows where nothing is accepted of 10,000 institutions on end; it says nothing of its ends
        ends = [of[g].column(at).statistics for g in self.groups]
        self.first, self.last = [s.min for s in ends], [s.max for s in ends]
        self.kept: dict[int, Any] = {}

    def rows(self, year: int, first: int, last: int) -> pa.Table:
        """The rows of a year from one institution to another."""
        parts = []
        for g in range(bisect.bisect_left(self.last, first), len(self.groups)):
            if self.first[g] > last:
                break
            if g not in self.kept:
                while len(self.kept) >= KEPT:
                    del self.kept[min(self.kept)]
                self.kept[g] = self.file.read_row_group(self.groups[g], columns=self.columns, use_threads=False)
            table = self.kept[g]
            who, when = (table[c].to_numpy() for c in ("institution", "year"))
            wanted = (when == year) & (who >= first) & (who <= last)
            parts.append(table if wanted.all() else table.filter(pa.array(wanted)))
        return pa.concat_tables(parts) if parts else self.file.schema_arrow.empty_table().select(self.columns)


def spans(paths: Sequence[Path], parts: int) -> list[list[tuple[int, int]]]:
    """All institutions as ranges, those of the row groups of the file that has most of them, in ``parts`` lists of neighbours."""
    readers = [Reader(path, ()) for path in paths]
    starts = max((r.first for r in readers), key=len)
    if not starts:
        return []
    starts = [min(r.first[0] for r in readers if r.first), *starts[1:]]
    ranges = [(a, b - 1) for a, b in itertools.pairwise([*starts, max(r.last[-1] for r in readers if r.last) + 1])]
    size = -(-len(ranges) // parts)
    return [ranges[k:k + size] for k in range(0, len(ranges), size)]


def blocks(paths: Sequence[Path], year: int, months: Sequence[str], items: Sequence[str], ranges: Sequence[tuple[int, int]]) -> Iterator[Block]:
    """The institutions of ``year`` within these ranges; what they had the year before is looked up by institution."""
    readers = [Reader(path, [f"{i}__{m}" for i in items for m in months]) for path in paths]
    for first, last in ranges:
        made = [[r.rows(y, first, last) for r in readers] for y in (year, year - 1)]
        now, old = (pa.concat_tables([t for t in tables if len(t)] or tables[:1], promote_options="default") for tables in made)
        if len(now):
            yield block(now, old, months, items)


def block(now: pa.Table, old: pa.Table, months: Sequence[str], items: Sequence[str]) -> Block:
    """Two tables of the wide layout as a block."""
    who, then = now["institution"].to_numpy(), old["institution"].to_numpy()
    order = np.arange(len(who)) if (np.diff(who) > 0).all() else np.argsort(who, kind="stable")
    by = np.argsort(then, kind="stable")
    at = np.searchsorted(then, who[order], sorter=by) if len(then) else np.zeros(len(who), int)
    there = at < len(then)
    at = by[np.where(there, at, 0)] if len(then) else at
    there &= (then[at] == who[order]) if len(then) else False

    pairs, place = _places(now)
    return Block(who[order], pairs, place[order], _laid(now, months, items, order, np.ones(len(who), bool)), _laid(old, months, items, at, there))


def _places(table: pa.Table) -> tuple[list[tuple[str, str]], np.ndarray]:
    """The pairs of area and type that there are, and the number of each row's."""
    (areas, area), (types, kind) = ((c.dictionary.to_pylist(), c.indices.to_numpy()) for c in (
        pc.dictionary_encode(pc.fill_null(table[name].cast(pa.string()), "")).combine_chunks() for name in ("area", "type")))
    codes, place = np.unique(area * len(types) + kind, return_inverse=True)
    return [(areas[c // len(types)], types[c % len(types)]) for c in codes.tolist()], place


def _laid(table: pa.Table, months: Sequence[str], items: Sequence[str], place: np.ndarray, known: np.ndarray) -> dict[str, np.ndarray]:
    """Item → (months, institutions): the rows at ``place``, NaN where not ``known``."""
    at, found = {name: n for n, name in enumerate(table.column_names)}, {}
    straight = known.all() and np.array_equal(place, np.arange(len(table)))
    for item in items:
        out = np.empty((len(months), len(table)))
        for k, m in enumerate(months):
            n = at.get(f"{item}__{m}")
            if n is None:
                out[k] = np.nan
            else:
                doubles(table.column(n), out[k])
        if not straight:
            out = out[:, place] if len(table) else np.empty((len(months), len(place)))
            out[:, ~known] = np.nan
        found[item] = out
    return found
