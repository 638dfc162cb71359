"""Parquet in and out, so that no other room needs Arrow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jieneng.core.amount import LIMIT, stored
from jieneng.core.problem import refuse
from jieneng.core.words import T

BATCH = 20_000
_WIDE = Context(prec=60)
TYPES: dict[str, pa.DataType] = {
    "text": pa.string(), "int": pa.int64(), "year": pa.int32(), "month": pa.int32(), "bool": pa.bool_(),
    "number": pa.decimal128(18, 4), "date": pa.date32(),
}


def _number(value: Any, name: str) -> Decimal | None:
    """One number as stored. Raises ``Refused`` naming the column: what does not fit is never rounded in silence."""
    if value is None:
        return None
    try:
        if isinstance(value, bool) or "_" in str(value):  # Python would take both for numbers
            raise ValueError(value)
        number, rounded = stored(Decimal(value))
    except (ArithmeticError, ValueError, TypeError):
        rounded = True
    if rounded:
        raise refuse("table.number", T("列 {c} 的值 {v!r} 存不下", "column {c}: {v!r} cannot be stored", c=name, v=str(value)[:60]),
                     expected=T("小于 10¹² 的十进制数，至多四位小数", "a decimal below 10¹² with at most four places"))
    return number


def numbers(texts: pa.Array, name: str) -> pa.Array:
    """Texts as decimals: in Arrow where each is short and fits, else one by one, where what does not fit is refused."""
    try:
        found = texts.cast(TYPES["number"])
        edges = pc.min_max(found).as_py().values()
        if not any(e is not None and abs(e) >= LIMIT for e in edges):
            return found
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        pass
    return pa.array([_number(v, name) for v in texts.to_pylist()], TYPES["number"])


def column(values: list[Any], kind: str, name: str) -> pa.Array:
    """One column. Numbers come as Decimal, whole number or text of at most four places; dates as text or date."""
    if kind == "number":
        if any(type(v) is str for v in values):
            try:
                texts = pa.array(values, pa.string())
            except (pa.ArrowInvalid, pa.ArrowTypeError):
                pass
            else:
                return numbers(texts, name)
        return pa.array([_number(v, name) for v in values], TYPES[kind])
    if kind == "date":
        return pa.array([dt.date.fromisoformat(v) if isinstance(v, str) and v else v or None for v in values], TYPES[kind])
    if kind in ("int", "year", "month"):
        return pa.array([None if v in (None, "") else int(v) for v in values], TYPES[kind])
    if kind == "text":
        return pa.array([None if v is None else str(v) for v in values], TYPES[kind])
    return pa.array(values, TYPES[kind])


def schema(columns: Sequence[tuple[str, str]]) -> pa.Schema:
    """The columns of a file, given as (name, kind)."""
    return pa.schema([(name, TYPES[kind]) for name, kind in columns])


def writer(path: Path, columns: pa.Schema) -> pq.ParquetWriter:
    """Decimals as whole numbers and without a dictionary: a third faster to write and to scan, and smaller."""
    texts = [f.name for f in columns if not pa.types.is_decimal(f.type)]
    return pq.ParquetWriter(path, columns, compression="zstd", store_decimal_as_integer=True, use_dictionary=texts)


def row_tables(columns: Sequence[tuple[str, str]], rows: Iterable[Mapping[str, Any]], file: str) -> Iterator[pa.Table]:
    """Rows as tables of ``BATCH`` rows. A key that a row lacks is null; one that is no column is ``Refused``."""
    known, stream, form = frozenset(name for name, _ in columns), iter(rows), schema(columns)
    while batch := list(islice(stream, BATCH)):
        for row in batch:
            if not known.issuperset(row):
                strange = sorted(set(row) - known)
                raise refuse("table.column", T("{f} 里没有列 {c}", "{f} has no column {c}", f=file, c="、".join(strange)),
                             expected=T("只有声明过的列", "declared columns only"))
        yield pa.Table.from_arrays([column([r.get(name) for r in batch], kind, name) for name, kind in columns], schema=form)


def write_tables(path: Path, columns: Sequence[tuple[str, str]], parts: Iterable[pa.Table],
                 seen: Callable[[pa.Table], None] | None = None) -> int:
    """Write tables one after another as one Parquet file. Returns the number of rows; ``seen`` is shown each as written."""
    count = 0
    with writer(path, schema(columns)) as out:
        for table in parts:
            out.write_table(table)
            if seen is not None:
                seen(table)
            count += len(table)
    return count


def write_table(path: Path, columns: Sequence[tuple[str, str]], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as one Parquet file; ``columns`` are (name, kind). Returns the number of rows.

    kind: text, int, year, month, bool, number (decimal(18,4)), date. A number that does not fit is ``Refused``.
    """
    return write_tables(path, columns, row_tables(columns, rows, path.name))


class Adder:
    """Adds up what is written, batch by batch: per period the rows, and per item the sum and the answers."""

    def __init__(self, items: Sequence[str]) -> None:
        self.items = list(items)
        self.rows: dict[str, int] = {}
        self.sums: dict[str, dict[str, tuple[Decimal, int]]] = {i: {} for i in items}

    def __call__(self, table: pa.Table) -> None:
        asked = [pair for i in self.items for pair in ((i, "sum"), (i, "count"))]
        for row in table.group_by("period").aggregate([("institution", "count"), *asked]).to_pylist():
            period = row["period"]
            self.rows[period] = self.rows.get(period, 0) + row["institution_count"]
            for i in self.items:
                if answers := row[f"{i}_count"]:
                    total, n = self.sums[i].get(period, (Decimal(0), 0))
                    self.sums[i][period] = (_WIDE.add(total, row[f"{i}_sum"]), n + answers)

    def totals(self) -> dict[str, Any]:
        """As ``wide.control_totals`` gives them."""
        return {"periods": dict(sorted(self.rows.items())),
                "items": {i: {p: [f"{s:.4f}", n] for p, (s, n) in sorted(found.items())} for i, found in self.sums.items()}}


def read_table(path: Path, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """All rows of a Parquet file as dictionaries (decimals as ``Decimal``)."""
    return pq.read_table(path, columns=list(columns) if columns else None).to_pylist()


def table_rows(file: Any, batch: int = 5000) -> Iterator[list[Any]]:
    """The names of the columns of a foreign Parquet file, then its rows, streamed; reads in one thread, for the limited child.

    Raises ``Refused`` for a file that is damaged or no Parquet.
    """
    try:
        table = pq.ParquetFile(file)
        yield list(table.schema_arrow.names)
        for part in table.iter_batches(batch_size=batch, use_threads=False):
            yield from map(list, zip(*(c.to_pylist() for c in part.columns), strict=True))
    except (pa.ArrowException, OSError) as error:
        raise refuse("file-damaged", T("Parquet 文件损坏或读不了：{e}", "the Parquet file is damaged or cannot be read: {e}", e=str(error)[:120]),
                     do=T("从原系统重新导出", "export it again from where it comes")) from error


def row_count(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)


def column_kinds(path: Path) -> dict[str, str]:
    """The columns of a file that was written here, with their kinds (a year stands for a month too: both are short whole numbers)."""
    kinds = {kind: name for name, kind in reversed(TYPES.items())}
    return {field.name: kinds[field.type] for field in pq.read_schema(path)}


def column_names(path: Path) -> list[str]:
    return list(pq.read_schema(path).names)
