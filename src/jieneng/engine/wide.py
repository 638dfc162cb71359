"""What freezing computes from the rows it has just written: control totals, and the year laid out wide for review."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp, select

from . import tables
from .bulk import STANDING, ahead
from .duck import open_duckdb
from .sql import column, number

CHUNK = 10_000
"""Institutions laid out wide at a time."""


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    connection = open_duckdb()
    connection.read_parquet(str(path)).create_view("rows")
    return connection


def control_totals(path: Path, items: Sequence[str]) -> dict[str, Any]:
    """Per period: rows, and per item the exact sum and the number answered. Compares two snapshots by content."""
    measures = [exp.alias_(exp.Count(this=exp.Star()), "n", quoted=True)]
    for i in items:
        measures += [exp.Sum(this=number(column(i))), exp.Count(this=column(i))]
    query = select(column("period"), *measures).from_("rows").group_by(column("period")).order_by(column("period"))
    connection = _open(path)
    try:
        rows = connection.execute(query.sql(dialect="duckdb")).fetchall()
    finally:
        connection.close()
    return {
        "periods": {r[0]: r[1] for r in rows},
        "items": {i: {r[0]: [None if r[2 + 2 * k] is None else str(r[2 + 2 * k]), r[3 + 2 * k]] for r in rows if r[3 + 2 * k]}
                  for k, i in enumerate(items)},
    }


def wide_totals(path: Path, items: Sequence[str]) -> dict[str, Any]:
    """The item part of ``control_totals``, added up from a wide table."""
    months = [f"{m:02}" for m in range(1, 13)]
    measures: list[Any] = []
    for i in items:
        for m in [*months, "year"]:
            measures += [exp.Sum(this=number(column(f"{i}__{m}"))), exp.Count(this=column(f"{i}__{m}"))]
    query = select(column("year"), *[exp.alias_(c, f"c{n}", quoted=True) for n, c in enumerate(measures)], copy=False).from_(
        "rows").group_by(column("year")).order_by(column("year"))
    connection = _open(path)
    try:
        rows = connection.execute(query.sql(dialect="duckdb")).fetchall()
    finally:
        connection.close()
    found: dict[str, Any] = {i: {} for i in items}
    for year, *values in rows:
        for n, i in enumerate(items):
            for k, m in enumerate([*months, "year"]):
                total, cells = values[26 * n + 2 * k: 26 * n + 2 * k + 2]
                if cells:
                    found[i][str(year) if m == "year" else f"{year}-{m}"] = [str(total), cells]
    return found


SUFFIXES = (*(f"{m:02}" for m in range(1, 13)), "year")
"""After an item and two underscores: the month, or the annual answer."""


def wide_schema(items: Sequence[str]) -> list[tuple[str, str]]:
    """The columns of a wide table."""
    keys = [(k, kind) for k, kind in (("institution", "int"), ("year", "year"))]
    return [*keys, *((k, "text") for k in STANDING), *((f"{i}__{s}", "number") for i in items for s in SUFFIXES)]


def _wide(rows: pa.Table, year: int, items: Sequence[str]) -> pa.Table:
    """The rows of one year side by side: no row is looked at twice, a month's column is taken as it lies."""
    rows = rows.filter(pc.equal(rows["year"], year)).combine_chunks()
    numbers = pc.unique(rows["institution"])
    numbers = numbers.take(pc.sort_indices(numbers))
    columns: dict[str, Any] = {f"{i}__{s}": pa.nulls(len(numbers), tables.TYPES["number"]) for i in items for s in SUFFIXES}
    newest = pa.nulls(len(numbers), pa.int64())
    place = pa.array(range(len(rows)), pa.int64())
    for period in sorted(pc.unique(rows["period"]).to_pylist()):
        inside = place.filter(pc.equal(rows["period"], period).combine_chunks())
        at = inside.take(pc.index_in(numbers, value_set=rows["institution"].combine_chunks().take(inside)))
        newest = pc.coalesce(at, newest)  # periods come in order: where it stood in the last one counts
        month = rows["month"][inside[0].as_py()].as_py()
        for i in items:
            columns[f"{i}__{'year' if month is None else f'{month:02}'}"] = rows[i].take(at)
    columns |= {"institution": numbers, "year": pa.repeat(pa.scalar(year, pa.int32()), len(numbers)), **{k: rows[k].take(newest) for k in STANDING}}
    return pa.table([columns[name] for name, _ in wide_schema(items)], schema=tables.schema(wide_schema(items)))


def write_wide(source: Path, target: Path, items: Sequence[str]) -> int:
    """One row per institution and year; ``item__03`` is March, ``item__year`` an annual answer. Returns the rows.

    Made for ``CHUNK`` institutions at a time, so that a nation's year needs no more memory than a province's.
    """
    connection = _open(source)
    names = [column(k) for k in ("institution", "year", "month", "period", *STANDING, *items)]
    try:
        years = [r[0] for r in connection.execute('SELECT DISTINCT "year" FROM "rows" ORDER BY 1').fetchall()]
        first, last = connection.execute('SELECT min("institution"), max("institution") FROM "rows"').fetchall()[0]

        def spans() -> Iterator[pa.Table]:
            for start in range(first, last + 1, CHUNK) if years else ():
                span = exp.Between(this=column("institution"), low=exp.Literal.number(start), high=exp.Literal.number(start + CHUNK - 1))
                yield connection.sql(select(*names).from_("rows").where(span).sql(dialect="duckdb")).to_arrow_table()

        def laid(rows: pa.Table) -> pa.Table:
            both = pa.concat_tables([_wide(rows, year, items) for year in years])
            return both.take(pc.sort_indices(both, [("institution", "ascending"), ("year", "ascending")])) if len(years) > 1 else both

        return tables.write_tables(target, wide_schema(items), ahead(laid, spans()))
    finally:
        connection.close()
