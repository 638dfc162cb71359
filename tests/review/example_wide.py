"""The example city as wide years, made from its own answers without a workspace: what the first screening and the full review both read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from jieneng.desk.example.answers import true_answers
from jieneng.desk.example.city import YEARS, build_city
from jieneng.desk.example.items import AT
from jieneng.desk.example.planted import plant_errors
from jieneng.desk.example.rows import entered
from jieneng.engine import wide_arrays
from jieneng.engine.tables import column_names, schema, writer
from jieneng.engine.wide import wide_schema
from jieneng.review.panel import Panel, grouped
from jieneng.rulebook.types import Book

SEED = 2022


class Files:
    """The wide files of a folder, asked as a snapshot is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def wide(self, form: str) -> list[str]:
        return sorted(p.name for p in self.folder.glob("*.parquet"))

    def columns(self, name: str) -> list[str]:
        return column_names(self.folder / name)

    def file(self, name: str) -> Path:
        return self.folder / name


def decimals(values: np.ndarray) -> pa.Array:
    """Doubles as the decimals of a snapshot, NaN as not answered."""
    digits = pa.array(np.round(np.nan_to_num(values) * 10_000).astype(np.int64), mask=np.isnan(values)).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(digits), digits.buffers(), digits.null_count)


def write(path: Path, year: int, ids: list[int], areas: list[str], types: list[str], values: dict[str, np.ndarray]) -> None:
    """One year: values item → (n, 12)."""
    wanted = wide_schema(sorted(values))
    made = schema(wanted)
    columns = {"institution": ids, "year": [year] * len(ids), "area": areas, "type": types, **{f"{i}__{m + 1:02}": decimals(v[:, m]) for i, v in values.items() for m in range(12)}}
    with writer(path, made) as out:
        out.write_table(pa.table([columns[c] if c in columns else pa.nulls(len(ids), made.field(c).type) for c, _ in wanted], schema=made))


def write_city(folder: Path) -> Files:
    """Three years of 1,130 institutions with the planted errors, as entered."""
    city = build_city(SEED)
    answers = true_answers(SEED, city)
    planted = plant_errors(city, answers)
    number = {code: n for n, code in enumerate(sorted(city.bodies), 1)}
    for year in YEARS:
        rows: dict[str, list[list[float]]] = {}
        bodies = {}
        for area in sorted({b.area for b in city.reporting[year]}):
            for row in entered(city, answers, planted, area, year):
                bodies[row.body.code] = row.body
                rows.setdefault(row.body.code, []).append([float("nan") if c in (None, "") else float(c) for c in row.cells])
        codes = sorted(bodies, key=number.__getitem__)
        cube = np.array([rows[c] for c in codes])
        write(folder / f"consumption@{year}.parquet", year, [number[c] for c in codes], [bodies[c].area for c in codes], [bodies[c].type for c in codes],
              {item: cube[:, :, at] for item, at in AT.items() if at < cube.shape[2]})
    return Files(folder)


def panel(files: Files, book: Book, items: list[str]) -> Panel:
    """The same years for the full review."""
    part = wide_arrays([files.file(n) for n in files.wide("consumption")], items, YEARS)
    regions = {d.code: (d.name.zh, d.name.en) for d in book.divisions.values()}
    kinds = {t.code: (t.label.zh, t.label.en) for t in book.types.values()}
    made = Panel(tuple(YEARS), 12, part.institutions, [str(i) for i in part.institutions], part.areas, part.types, grouped(
        part.areas, part.types, regions, {d.code: d.parent for d in book.divisions.values()}, kinds, {t.code: t.parent for t in book.types.values()}))
    made.values = {k: v for k, v in part.values.items() if np.isfinite(v).any()}
    return made
