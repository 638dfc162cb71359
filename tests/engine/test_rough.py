"""The checks in doubles: wherever they say true, false or unknown, the exact reading says the same; they are seldom too near to tell."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jieneng.core.formula import TRUTH_ANSWERS, TRUTH_CASES, Value, read
from jieneng.engine import connect
from jieneng.engine.sifting.blocks import Reader, blocks, spans
from jieneng.engine.sifting.rough import Amount, Rough, Truth, read_in
from jieneng.engine.tables import writer
from jieneng.rulebook import load
from tests.engine.test_sifting import SIEVE, same, town
from tests.review.example_wide import Files, write

CHECKS = load("cn").forms["consumption@2022"].checks


def said(text: str, names: dict[str, Decimal | None]) -> tuple[str, object]:
    """What a formula says of one row: near, unknown, or the answer."""
    found = read(text, Rough(lambda n: read_in(np.array([np.nan if names[n] is None else float(names[n] or 0)]))))
    if isinstance(found, Truth):
        yes, no, near = (bool(np.all(v)) for v in (found.yes, found.no, found.near))
        return ("near", None) if near else ("sure", True if yes else False if no else None)
    assert isinstance(found, Amount)
    return "sure", float(np.ravel(found.value)[0]) if np.all(found.known) else None


@pytest.mark.parametrize(("text", "answer"), TRUTH_CASES)
def test_the_truth_table(text: str, answer: object) -> None:
    assert said(text, dict(TRUTH_ANSWERS)) == ("sure", answer)


AMOUNTS = st.one_of(st.none(), st.integers(-3, 3).map(Decimal), st.decimals(-50, 50, places=1), st.decimals(0, 10**6, places=4), st.sampled_from(
    [Decimal("999999999999.9999"), Decimal("999999999999.9998"), Decimal("0.0001"), Decimal(10) ** 11]))


@given(x=AMOUNTS, y=AMOUNTS, z=AMOUNTS, text=st.sampled_from([
    *(c.holds for c in CHECKS), "ratio(x, y) <= 0.1", "abs(ratio(x, y) - 1) <= 0.1", "10 * x == y", "x + y == z", "0.1 * x >= y - z", "x * y > z", "ratio(x, y) == ratio(z, y)",
    "total(known(x, y, z)) == x", "min(x, y) < max(known(y, z)) <= 3", "not (x < y or missing(z)) and z >= 0", "-x <= abs(z)", "x * 0.33333 <= y * 0.33333"]))
@settings(max_examples=400, deadline=None)
def test_never_another_answer_than_the_exact_one(x: Decimal | None, y: Decimal | None, z: Decimal | None, text: str) -> None:
    class Names(dict[str, Decimal | None]):
        def __missing__(self, name: str) -> Decimal | None:
            return (x, y, z)[len(name) % 3]

        def __contains__(self, name: object) -> bool:
            return True

    how, answer = said(text, Names(x=x, y=y, z=z))
    if how == "sure":
        assert answer == read(text, Value(Names(x=x, y=y, z=z)))


def test_ties_are_left_to_the_decimals(tmp_path: Path) -> None:
    """A tenth more to the last digit, and a last digit more than that: doubles cannot tell, the list can."""
    area = np.full((8, 12), 1000.3)
    now = area.copy()
    now[0, 2], now[1, 2], now[2, 2] = 1100.33, 1100.3301, 1300
    for year, values in ((2021, area), (2022, now)):
        write(tmp_path / f"consumption@{year}.parquet", year, list(range(1, 9)), ["341823"] * 8, ["organ"] * 8, {"area_m2": values})
    few = replace(SIEVE, checks=tuple(c for c in CHECKS if c.id == "Y01a"))
    one, two = (connect(e).sift(Files(tmp_path), few) for e in ("duckdb:", "plain:"))
    same(one, two)
    assert one.edits == [(2, "Y01a", 3, 1), (3, "Y01a", 3, 1)]
    assert said("ratio(x, y) - 1 <= 0.1", {"x": Decimal("1100.33"), "y": Decimal("1000.3")})[0] == "near"


def test_blocks_of_files_that_begin_elsewhere_are_the_same_institutions(tmp_path: Path) -> None:
    """Both years in files of other row groups, and in one file: every institution once, its own year beside it."""
    files = town(tmp_path, 11, 60)
    paths = [files.file(n) for n in files.wide("")]
    tables = [Reader(p, Reader(p, ()).names).file.read() for p in paths]
    apart, together = tmp_path / "apart", tmp_path / "together"
    apart.mkdir()
    together.mkdir()
    for n, (path, table) in enumerate(zip(paths, tables, strict=True)):
        with writer(apart / path.name, table.schema) as out:
            out.write_table(table, row_group_size=(7, 9)[n])
    both = pa.concat_tables(tables).sort_by([("institution", "ascending"), ("year", "ascending")])
    with writer(together / "consumption@2021.parquet", both.schema) as out:
        out.write_table(both, row_group_size=13)
    whole = connect().sift(files, SIEVE)
    for folder in (apart, together):
        same(connect().sift(Files(folder), SIEVE), whole)
    ranges = spans([apart / p.name for p in paths], 3)
    assert len(ranges) > 1 and [b + 1 for r in ranges for _, b in r][:-1] == [a for r in ranges for a, _ in r][1:]
    found = [b for r in ranges for b in blocks([apart / p.name for p in paths], 2022, SIEVE.months, ["electricity_kwh"], r)]
    assert sorted(i for b in found for i in b.institutions) == tables[1]["institution"].to_pylist()
