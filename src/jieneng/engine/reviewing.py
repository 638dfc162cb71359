"""The wide year as arrays for the review: a part of the nation at a time, in doubles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlglot import exp, select

from .duck import open_duckdb
from .sql import column


@dataclass
class WideArrays:
    """Institutions of a part, with their values: item → (n, years, 12), NaN where not answered."""

    institutions: np.ndarray
    areas: list[str]
    types: list[str]
    values: dict[str, np.ndarray]


def area_prefixes(paths: Sequence[Path], digits: int = 2) -> list[str]:
    """The beginnings of the area codes there are: provinces at two digits, cities at four."""
    connection = open_duckdb()
    try:
        connection.read_parquet([str(p) for p in paths], union_by_name=True).create_view("rows")
        part = exp.Substring(this=column("area"), start=exp.Literal.number(1), length=exp.Literal.number(digits))
        query = select(exp.alias_(part, "p", quoted=True)).distinct().from_("rows").order_by(exp.column("p", quoted=True))
        return [r[0] for r in connection.execute(query.sql(dialect="duckdb")).fetchall()]
    finally:
        connection.close()


def wide_arrays(paths: Sequence[Path], items: Sequence[str], years: Sequence[int], prefix: str = "") -> WideArrays:
    """The wide rows of the areas that begin with ``prefix``: who stands in the last of ``years``, with all ``years`` beside each other."""
    connection = open_duckdb()
    try:
        connection.read_parquet([str(p) for p in paths], union_by_name=True).create_view("rows")
        there = {r[0] for r in connection.execute("DESCRIBE rows").fetchall()}
        cells = [(i, m) for i in items for m in range(1, 13) if f"{i}__{m:02}" in there]
        head = [column("institution"), column("area"), column("type")]
        here = exp.EQ(this=column("year"), expression=exp.Literal.number(years[-1]))
        begins = [exp.StartsWith(this=column("area"), expression=exp.Literal.string(prefix))] if prefix else []  # "" is everybody, also who stands in no area
        members = select(*head).from_("rows").where(here, *begins).order_by(column("institution"))
        who = connection.execute(members.sql(dialect="duckdb")).fetchall()
        ids = np.array([r[0] for r in who], np.int64)
        values = {i: np.full((len(ids), len(years), 12), np.nan) for i in items}
        # areas of earlier years may differ: they are looked up by institution, not by place
        inside = exp.In(this=column("institution"), query=select(column("institution")).from_("members").subquery())
        for t, year in enumerate(years):
            doubles = [exp.alias_(exp.cast(column(f"{i}__{m:02}"), "double"), f"c{n}", quoted=True) for n, (i, m) in enumerate(cells)]
            query = select(column("institution"), *doubles, copy=False).from_("rows").where(
                exp.EQ(this=column("year"), expression=exp.Literal.number(year)), inside).with_("members", members)
            found: Any = connection.execute(query.sql(dialect="duckdb")).fetchnumpy()
            at = np.searchsorted(ids, found["institution"])
            for n, (i, m) in enumerate(cells):
                cell = found[f"c{n}"]
                values[i][at, t, m - 1] = np.ma.filled(cell, np.nan) if isinstance(cell, np.ma.MaskedArray) else cell
        return WideArrays(ids, [r[1] for r in who], [r[2] for r in who], values)
    finally:
        connection.close()
