"""What freezing computes from the rows it has just written: control totals, and the year laid out wide for review."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from sqlglot import exp, select

from .duck import open_duckdb
from .sql import column, number

CHUNK = 20_000
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


def wide_query(items: Sequence[str], first: int, last: int) -> exp.Select:
    """The years of the institutions numbered first … last, twelve months side by side."""
    keys = ["institution", "year"]
    standing = ["code", "name", "line", "area", "department", "territory", "type"]
    columns: list[Any] = [column(k) for k in keys]
    columns += [exp.alias_(exp.ArgMax(this=column(k), expression=column("period")), k, quoted=True) for k in standing]
    for i in items:
        for month in range(1, 13):
            case = exp.Case(ifs=[exp.If(this=exp.EQ(this=column("month"), expression=exp.Literal.number(month)), true=column(i))])
            columns.append(exp.alias_(exp.Max(this=case), f"{i}__{month:02}", quoted=True))
        annual = exp.Case(ifs=[exp.If(this=exp.Is(this=column("month"), expression=exp.Null()), true=column(i))])
        columns.append(exp.alias_(exp.Max(this=annual), f"{i}__year", quoted=True))
    span = exp.Between(this=column("institution"), low=exp.Literal.number(first), high=exp.Literal.number(last))
    return select(*columns, copy=False).from_("rows").where(span).group_by(*[column(k) for k in keys]).order_by(
        *[column(k) for k in keys])


def write_wide(source: Path, target: Path, items: Sequence[str]) -> int:
    """One row per institution and year; ``item__03`` is March, ``item__year`` an annual answer. Returns the rows.

    Made for ``CHUNK`` institutions at a time, so that a nation's year needs no more memory than a province's.
    """
    connection = _open(source)
    try:
        numbers = [r[0] for r in connection.execute('SELECT DISTINCT "institution" FROM "rows" ORDER BY 1').fetchall()]
        spans = [(numbers[n], numbers[min(n + CHUNK, len(numbers)) - 1]) for n in range(0, len(numbers), CHUNK)] or [(0, 0)]
        tables = (connection.sql(wide_query(items, *span).sql(dialect="duckdb")).to_arrow_table() for span in spans)
        table = next(tables)
        with pq.ParquetWriter(target, table.schema, compression="zstd") as out:
            count = table.num_rows
            out.write_table(table)
            for table in tables:
                out.write_table(table)
                count += table.num_rows
        return count
    finally:
        connection.close()
