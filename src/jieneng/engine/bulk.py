"""Returns in bulk: what a record store hands over as lines of JSON becomes the columns of a snapshot, in Arrow.

A national year is 19 million returns: no row of it may become a Python object on its way. Only what Arrow does not take
(an unknown item, a number that does not fit) goes the slow way, row by row, and is refused there by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T

from . import tables

KEYS = (("institution", pa.int64()), ("period", pa.string()), ("return_id", pa.int64()), ("revision", pa.int64()), ("status", pa.string()))
"""What stands in a line beside its answers."""
STANDING = ("code", "name", "line", "area", "department", "territory", "type")
BLOCK = 4 << 20
AHEAD = 2
"""Pieces that wait while one is written: the memory of a freeze."""

Standing = tuple[int, str, str, str, str, str, str, str, str]


@dataclass(frozen=True)
class Piece:
    """The returns of some institutions in one year.

    ``lines``: one JSON object a line, ``KEYS`` and ``"answers": {item: "text" or null}``. ``standings``: institution, day
    since which it holds, and ``STANDING``, by institution and day. A return without a standing on the last day of its
    period is left out. ``due``: institution and the periods in which it had to answer, as bits (``due_bit``).
    """

    lines: str
    standings: Sequence[Standing]
    due: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Pieces:
    """Where the rows of a file come from in bulk."""

    pieces: Iterable[Piece]


def piece_tables(source: Pieces, columns: Sequence[tuple[str, str]], items: Sequence[str]) -> Iterator[pa.Table]:
    """The pieces as tables, in order."""
    return ahead(lambda piece: table(piece, columns, items), source.pieces)


def ahead(work: Callable[[Any], pa.Table], source: Iterable[Any]) -> Iterator[pa.Table]:
    """``work`` on each, in order, in a thread of its own: meanwhile the next is read and the last one written here."""
    with ThreadPoolExecutor(1, thread_name_prefix="columns") as pool:
        waiting: list[Future[pa.Table]] = []
        for each in source:
            waiting.append(pool.submit(work, each))
            if len(waiting) > AHEAD:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()


def table(piece: Piece, columns: Sequence[tuple[str, str]], items: Sequence[str]) -> pa.Table:
    """One piece as the columns of a returns file, by institution and period. Raises ``Refused`` for what does not fit."""
    found = _read(piece.lines, items)
    periods = {p: Period.parse(p) for p in pc.unique(found["period"]).to_pylist()}
    where = _places(piece.standings, found, {p: str(period.last_day) for p, period in periods.items()})
    if where.null_count:
        found, where = found.filter(where.is_valid()), where.drop_null()
    at = pc.index_in(found["period"], value_set=pa.array(list(periods), pa.string()))
    made = {
        "year": pa.array([p.year for p in periods.values()], pa.int32()).take(at),
        "month": pa.array([p.index if p.kind == "month" else None for p in periods.values()], pa.int32()).take(at),
        "due": _due(piece.due, found["institution"]),
        **{name: pa.array([s[n] for s in piece.standings], pa.string()).take(where) for n, name in enumerate(STANDING, 2)},
    }
    whole = pa.table([made[name] if name in made else found[name] for name, _ in columns], schema=tables.schema(columns))
    return _in_order(whole, ("institution", "period"))


def _due(due: Sequence[tuple[int, int]], institutions: pa.ChunkedArray) -> pa.Array:
    """What was due of the institution of each row; nothing where it has answered and had not to."""
    at = pc.index_in(institutions, value_set=pa.array([who for who, _ in due], pa.int64()))
    return pc.fill_null(pa.array([bits for _, bits in due], pa.int64()).take(at), 0)


def _places(standings: Sequence[Standing], rows: pa.Table, last_day: Mapping[str, str]) -> pa.Array:
    """For each row the number of the standing its institution had on the last day of its period; null for none."""
    first: dict[int, int] = {}
    moved: dict[int, list[int]] = {}
    early = min(last_day.values())
    for n, (who, since, *_) in enumerate(standings):
        if who in first or since > early:
            moved.setdefault(who, [first[who]] if who in first else []).append(n)
        first.setdefault(who, n)
    places = pa.array(first.values(), pa.int64()).take(pc.index_in(rows["institution"], value_set=pa.array(first, pa.int64()))).combine_chunks()
    if moved:
        mask = pc.is_in(rows["institution"], value_set=pa.array(moved, pa.int64())).combine_chunks()
        some = rows.select(["institution", "period"]).filter(mask)
        pairs = zip(some["institution"].to_pylist(), some["period"].to_pylist(), strict=True)
        then = [max((n for n in moved[who] if standings[n][1] <= last_day[period]), default=None) for who, period in pairs]
        places = pc.replace_with_mask(places, mask, pa.array(then, pa.int64()))
    return places


def _in_order(rows: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Rows by two keys; the store mostly gives them so, and looking is cheaper than sorting."""
    one, two = (rows[k].combine_chunks() for k in keys)
    n = max(len(rows) - 1, 0)
    rising = pc.or_(pc.less(one[:n], one[1:]), pc.and_(pc.equal(one[:n], one[1:]), pc.less_equal(two[:n], two[1:])))
    return rows if pc.all(rising).as_py() is not False else rows.take(pc.sort_indices(rows, [(k, "ascending") for k in keys]))


def _read(lines: str, items: Sequence[str]) -> pa.Table:
    """Keys and items of all lines."""
    texts = pa.struct([(i, pa.string()) for i in items])
    try:
        found = pyarrow.json.read_json(
            BytesIO(lines.encode()), read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=BLOCK),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=pa.schema([*KEYS, ("answers", texts)]), unexpected_field_behavior="error"))
        answers = found["answers"].combine_chunks()
        if answers.null_count:
            raise pa.ArrowInvalid("answers missing")
        values = dict(zip(items, answers.flatten(), strict=True))
    except pa.ArrowInvalid:
        return _read_slowly(lines, items)
    return pa.table({**{k: found[k] for k, _ in KEYS}, **{i: tables.numbers(v, i) for i, v in values.items()}})


def _read_slowly(lines: str, items: Sequence[str]) -> pa.Table:
    """The same row by row: says what is wrong with which column."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines.split("\n")]
    known = frozenset(items)
    for row in rows:
        if strange := sorted(set(row["answers"]) - known):
            raise refuse("table.column", T("报表里没有列 {c}", "the returns have no column {c}", c="、".join(strange)),
                         expected=T("只有声明过的列", "declared columns only"))
    keys = {k: pa.array([r[k] for r in rows], kind) for k, kind in KEYS}
    return pa.table({**keys, **{i: tables.column([r["answers"].get(i) for r in rows], "number", i) for i in items}})
