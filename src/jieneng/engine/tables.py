"""Parquet in and out, so that no other room needs Arrow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BATCH = 20_000
TYPES: dict[str, pa.DataType] = {
    "text": pa.string(), "int": pa.int64(), "year": pa.int32(), "month": pa.int32(), "bool": pa.bool_(),
    "number": pa.decimal128(18, 4), "date": pa.date32(),
}


def _column(values: list[Any], kind: str) -> pa.Array:
    """One column. Numbers come as Decimal or as text of at most four places; dates as text or date."""
    if kind == "number":
        exact = [None if v is None else Decimal(v).quantize(Decimal("0.0001")) for v in values]
        return pa.array(exact, TYPES[kind])
    if kind == "date":
        return pa.array([dt.date.fromisoformat(v) if isinstance(v, str) and v else v or None for v in values], TYPES[kind])
    if kind in ("int", "year", "month"):
        return pa.array([None if v in (None, "") else int(v) for v in values], TYPES[kind])
    if kind == "text":
        return pa.array([None if v is None else str(v) for v in values], TYPES[kind])
    return pa.array(values, TYPES[kind])


def write_table(path: Path, columns: Sequence[tuple[str, str]], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as one Parquet file; ``columns`` are (name, kind). Returns the number of rows.

    kind: text, int, year, month, bool, number (decimal(18,4)), date. A key that a row lacks is null.
    """
    schema = pa.schema([(name, TYPES[kind]) for name, kind in columns])
    count, stream = 0, iter(rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as out:
        while batch := list(islice(stream, BATCH)):
            arrays = [_column([r.get(name) for r in batch], kind) for name, kind in columns]
            out.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(batch)
    return count


def read_table(path: Path, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """All rows of a Parquet file as dictionaries (decimals as ``Decimal``)."""
    return pq.read_table(path, columns=list(columns) if columns else None).to_pylist()


def row_count(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)


def column_names(path: Path) -> list[str]:
    return list(pq.read_schema(path).names)
