"""One table, figure × engine × record store: the same city filed, accepted and frozen in SQLite and in PostgreSQL, its figures made by
plain Python, DuckDB and Spark from both snapshots. Equal to the last digit. ``pytest -s`` shows the table."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from jieneng.core.figure import Figure
from jieneng.core.period import Period
from jieneng.engine import Snapshot, connect, open_snapshot
from jieneng.figures.calculate import calculate
from jieneng.figures.prove import prove
from jieneng.returns.queries import book
from tests.figures.make import frozen

from .test_record_store import on_postgresql

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql, pytest.mark.spark, pytest.mark.xdist_group("spark")]
YEAR = Period.parse("2022")
NAMES = ["electricity_kwh", "water_m3", "area_m2", "people", "energy_tce", "co2_t", "energy_per_area", "energy_per_person", "water_per_person"]
Row = tuple[str, str]


def numbers(engine: str, made: Snapshot) -> Iterator[tuple[Row, Figure]]:
    """Figures for the whole city and by county, and a like-for-like one: the members that answered the year before too."""
    on = connect(engine)
    for by in (None, "area"):
        for f in calculate(book(), on, made, NAMES, period=YEAR, by=by):
            yield (f.name, str(f.subject["code"]) if by else "全市"), f
    for f in calculate(book(), on, made, ["energy_tce"], period=YEAR, like=("2021:electricity_kwh",)):
        yield (f.name, "同口径"), f


def shown(value: Fraction | None) -> str:
    return "—" if value is None else f"{float(value):,.6f}"


def test_one_table_figure_by_engine_and_record_store(city: dict[str, Any], home: Path, tmp_path: Path, spark: str) -> None:
    assert connection.vendor == "sqlite"
    done = on_postgresql("figures", "tests/postgresql/frozen_city.py", JIENENG_TEST_OUT=str(tmp_path / "out"))
    assert done.returncode == 0, done.stdout[-3000:]
    (handed_out,) = (tmp_path / "out").iterdir()
    stores = {"SQLite": open_snapshot(home / "snapshots" / frozen(city).pk), "PostgreSQL": open_snapshot(handed_out)}
    engines = {"plain Python": "plain:", "DuckDB": "duckdb:", "Spark": spark}
    table: dict[Row, dict[tuple[str, str], Figure]] = {}
    for store, made in stores.items():
        for name, url in engines.items():
            for row, f in numbers(url, made):
                table.setdefault(row, {})[store, name] = f
    columns = [(s, e) for s in stores for e in engines]
    print("\n" + " | ".join(["figure", "of", *(f"{e}, {s}" for s, e in columns)]))
    for row, found in sorted(table.items()):
        print(" | ".join([*row, *(shown(found[c].exact) for c in columns)]))
    assert len(table) >= len(NAMES) * 4
    for row, found in table.items():
        assert set(found) == set(columns), row
        assert len({(f.exact, f.text, str(f.coverage)) for f in found.values()}) == 1, row
        assert sum(f.exact is not None for f in found.values()) in (0, len(columns))
    for store, made in stores.items():  # the recipe of a Spark figure holds when DuckDB adds it up again
        for row, found in table.items():
            if row[1] == "全市":
                assert prove(book(), connect(), made, found[store, "Spark"]).ok, row
