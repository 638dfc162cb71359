"""The first screening: SQL over the wide rows gives the list that loops give, on every engine, and nothing the full review finds slips through."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieneng.engine import connect, wide_arrays
from jieneng.engine.sifting import Quantity, Sieve, Sifted
from jieneng.engine.sifting.plain import middle
from jieneng.engine.tables import writer
from jieneng.rulebook import load
from tests.review.example_wide import Files, write

CHECKS = {c.id: c for c in load("cn").forms["consumption@2022"].checks}
SIEVE = Sieve("consumption", 2022, tuple(f"{m:02}" for m in range(1, 13)),
              (Quantity("electricity_kwh", "electricity_cost_yuan", "energy_tce", 0.0001229, "area_m2"),
               Quantity("area_m2", "", "area_m2", 1.0, "people", 0.06, True)),
              tuple(CHECKS[c] for c in ("P02e", "Y01a", "U01e")), {"341823": "341800", "341824": "341800"}, {"school": "education"}, 4, 4.0, (0.4, 0.05, 20.0), 2.5, 1.2, 0.002)
ITEMS = ("electricity_kwh", "electricity_cost_yuan", "water_m3", "area_m2", "people", "authorised_staff")


def same(one: Sifted, two: Sifted) -> None:
    """The same list exactly; the numbers beside it to nine digits (engines add and take logarithms by their own steps)."""
    assert (one.institutions, one.pairs, one.edits) == (two.institutions, two.pairs, two.edits)
    assert one.candidates.keys() == two.candidates.keys()
    for item, columns in one.candidates.items():
        for name, values in columns.items():
            other = two.candidates[item][name]
            if name == "area":
                assert [one.areas[a] for a in values] == [two.areas[a] for a in other]
            elif values.dtype.kind == "i":
                assert values.tolist() == other.tolist(), (item, name)
            else:
                np.testing.assert_allclose(values, other, rtol=1e-9, atol=1e-9, equal_nan=True, err_msg=f"{item} {name}")
    assert one.totals == pytest.approx(two.totals)


def town(folder: Path, seed: int, n: int = 36) -> Files:
    """Institutions of two areas and three kinds over two years, with what goes wrong: powers of ten, copies, gaps, zeros, runs, new ones."""
    dice = np.random.default_rng(seed)
    size = np.exp(dice.normal(8, 0.7, n))
    before: dict[str, np.ndarray] = {}
    for year in (2021, 2022):
        kwh = np.round(size[:, None] * 2 * np.exp(dice.normal(0, 0.1, (n, 12))), int(dice.integers(0, 3)))
        values = {"electricity_kwh": kwh, "electricity_cost_yuan": np.round(kwh * 0.58, 2), "water_m3": np.round(size[:, None] / 9 * np.exp(dice.normal(0, 0.2, (n, 12)))),
                  "area_m2": np.repeat(np.round(size)[:, None], 12, 1), "people": np.repeat(np.ceil(size / 20)[:, None], 12, 1), "authorised_staff": np.repeat(np.ceil(size / 21)[:, None], 12, 1)}
        for item, cells in values.items():
            for factor in (10.0, 0.1, 10.0**4, 0.0, np.nan, 0.6):
                cells[dice.integers(n), dice.integers(12)] *= factor
            cells[dice.random(cells.shape) < 0.01] = np.nan
            row, m = dice.integers(n), dice.integers(9)
            cells[row, m:m + 3] = cells[row, m]
            cells[dice.integers(n)] *= 1.0 if item.endswith("staff") else 10
        if year == 2022:
            values["electricity_kwh"][3], values["water_m3"][5] = before["electricity_kwh"][3], before["water_m3"][5]
        before = values
        here = np.sort(dice.permutation(n)[:n - 4])
        ids = (here + 1).tolist()
        write(folder / f"consumption@{year}.parquet", year, ids, ["341823" if i % 3 else "341824" for i in ids], [("school", "education", "organ", "")[i % 4] for i in ids],
              {k: np.round(v[here], 4) for k, v in values.items()})
    return Files(folder)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
def test_sql_and_loops_give_one_list(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = town(Path(folder), seed)
        found = [connect(e).sift(files, SIEVE) for e in ("duckdb:", "plain:")]
        same(*found)
        assert found[0].pairs > 50 and sum(len(c["institution"]) for c in found[0].candidates.values()) > 10 and found[0].edits


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_spark_gives_the_same_list(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Its workers judge their batches; what doubles cannot tell is asked for again."""
    files = town(tmp_path, 7)
    same(connect(str(request.getfixturevalue("spark"))).sift(files, SIEVE), connect("plain:").sift(files, SIEVE))


def test_a_return_of_the_year_is_one_period_and_what_is_not_there_is_unknown(tmp_path: Path) -> None:
    """One period a year; no year before; nothing at all."""
    files = town(tmp_path, 3)
    few = replace(SIEVE, quantities=SIEVE.quantities[:1])
    for sieve in (replace(few, months=("03",), checks=SIEVE.checks[-1:]), replace(few, year=2021, checks=())):
        same(connect("duckdb:").sift(files, sieve), connect("plain:").sift(files, sieve))
    nothing = connect().sift(Files(tmp_path / "none"), SIEVE)
    assert nothing.candidates == {} and nothing.institutions == 0


def test_groups_without_rows_and_who_stands_in_no_area(tmp_path: Path) -> None:
    """Where nothing is accepted of ten thousand institutions on end, a freeze leaves a group of rows empty (``engine.wide``)."""
    cells = np.full((5, 12), 100.0)
    write(tmp_path / "consumption@2021.parquet", 2021, [], [], [], {"electricity_kwh": cells[:0]})
    write(tmp_path / "consumption@2022.parquet", 2022, [1, 2, 3, 4, 5], ["341823", "", None, "341823", None], ["organ"] * 5, {"electricity_kwh": cells})  # type: ignore[list-item]
    table = pq.read_table(tmp_path / "consumption@2022.parquet")
    with writer(tmp_path / "consumption@2022.parquet", table.schema) as out:
        for part in (table[:2], table[:0], table[2:]):
            out.write_table(part)
    files, sieve = Files(tmp_path), replace(SIEVE, quantities=(Quantity("electricity_kwh", cell="electricity_kwh"),), checks=())
    found = [connect(e).sift(files, sieve) for e in ("duckdb:", "plain:")]
    same(*found)
    assert found[0].institutions == 5 and connect().sift(files, replace(sieve, year=2021)).institutions == 0
    assert wide_arrays([files.file(n) for n in files.wide("consumption")], [], [2022]).institutions.tolist() == [1, 2, 3, 4, 5], "everybody, in whatever area"


def test_each_kind_of_error_is_a_candidate_and_says_why(tmp_path: Path) -> None:
    n = 30
    flat = np.round(1000 * np.exp(np.random.default_rng(1).normal(0, 0.03, (2, n, 12))))
    now = flat[1].copy()
    now[0, 4] *= 10_000  # one month in a wrong unit
    now[1] *= 10  # the whole year
    now[2, 3] = np.nan  # left out
    now[3, 3] = 0  # zero by gap
    now[4, 5:8] = 1234  # a run
    now[5, :6] = flat[0, 5, :6]  # copied
    for year, cells in ((2021, flat[0]), (2022, now)):
        write(tmp_path / f"consumption@{year}.parquet", year, list(range(1, n + 1)), ["341823"] * n, ["organ"] * n, {"electricity_kwh": cells})
    found = connect().sift(Files(tmp_path), replace(SIEVE, quantities=(Quantity("electricity_kwh", cell="electricity_kwh"),), large=9.0)).candidates["electricity_kwh"]
    at = {int(i): k for k, i in enumerate(found["institution"])}
    assert {1, 2, 3, 4, 5, 6} <= set(at) and len(at) < 20
    assert found["month"][at[1]] == 5 and found["q"][at[1]] == pytest.approx(10_000, rel=0.2) and found["r"][at[2]] == pytest.approx(10, rel=0.1)
    assert found["missing"][at[3]] == found["zeros"][at[4]] == 1 and found["flat"][at[5]] == 1 and found["same"][at[6]] == 6


def test_the_middle_is_one_of_the_values() -> None:
    dice = random.Random(4)
    values = [dice.random() for _ in range(10)]
    assert middle(values) == sorted(values)[4] and middle(values, 0.25) == sorted(values)[2] and middle([]) is None and middle([3.0]) == 3.0
