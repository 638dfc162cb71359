"""What freezing computes from the rows it has just written: control totals, and the year laid out wide for review."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp, select

from .sql import column, number, text


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
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


def write_wide(source: Path, target: Path, items: Sequence[str]) -> int:
    """One row per institution and year; ``item__03`` is March, ``item__year`` an annual answer."""
    keys = ["institution", "year"]
    last = ["code", "name", "line", "area", "department", "territory", "type"]
    columns: list[exp.Expression] = [column(k) for k in keys]
    columns += [exp.alias_(exp.Anonymous(this="arg_max", expressions=[column(k), column("period")]), k, quoted=True) for k in last]
    for i in items:
        for month in range(1, 13):
            case = exp.Case(ifs=[exp.If(this=exp.EQ(this=column("month"), expression=exp.Literal.number(month)), true=column(i))])
            columns.append(exp.alias_(exp.Max(this=case), f"{i}__{month:02}", quoted=True))
        annual = exp.Case(ifs=[exp.If(this=exp.Is(this=column("month"), expression=exp.Null()), true=column(i))])
        columns.append(exp.alias_(exp.Max(this=annual), f"{i}__year", quoted=True))
    query = select(*columns).from_("rows").group_by(*[column(k) for k in keys]).order_by(*[column(k) for k in keys])
    connection = _open(source)
    try:
        connection.execute("SET preserve_insertion_order=true")
        copy = f"COPY ({query.sql(dialect='duckdb')}) TO {text(str(target)).sql(dialect='duckdb')} (FORMAT PARQUET, COMPRESSION ZSTD)"
        connection.execute(copy)
        found = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(target)]).fetchone()
        return int(found[0]) if found else 0
    finally:
        connection.close()
