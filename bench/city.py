"""Side by side on the same snapshot, in one run: our sums on DuckDB, a bare DuckDB scan (the floor), and plain Python.

    ./run bench [--institutions N]

Prints seconds, CPU seconds and ratios; asserts nothing but that all three give the same total.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from jieneng.core.period import Period
from jieneng.engine import Ask, connect, write_snapshot
from jieneng.rulebook import load

YEAR = Period.parse("2022")


def rows(institutions: int, items: list[str]) -> Iterator[dict[str, Any]]:
    """A made-up year: every item answered, one in fifty left out."""
    dice = random.Random(2022)
    for i in range(institutions):
        area = f"3418{i % 9:02}"
        for month in range(1, 13):
            yield {"institution": i, "code": str(i), "name": f"示例{i}", "period": f"2022-{month:02}", "year": 2022, "month": month,
                   "line": f"/341800/{area}/", "area": area, "department": "", "territory": area, "type": "organ", "status": "original",
                   "return_id": i * 12 + month, "revision": 1, **{k: None if dice.random() < 0.02 else f"{dice.random() * 1000:.2f}" for k in items}}


def timed(what: str, work: Callable[[], Any], repeat: int = 3) -> tuple[float, Any]:
    """Best of a few runs: wall and CPU seconds, and the answer."""
    best, cpu, answer = float("inf"), 0.0, None
    for _ in range(repeat):
        wall, process = time.perf_counter(), time.process_time()
        answer = work()
        took = time.perf_counter() - wall
        if took < best:
            best, cpu = took, time.process_time() - process
    print(f"{what:44} {best:8.3f} s   cpu {cpu:8.3f} s")
    return best, answer


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--institutions", type=int, default=1130)
    n = parser.parse_args().institutions
    book = load("cn")
    items = [i.item for i in book.forms["consumption@2022"].items]
    asks = [Ask(i, book.items[i].over_time) for i in items]
    with tempfile.TemporaryDirectory() as home:
        def write() -> Any:
            return write_snapshot(Path(home), cutoff=f"2023-01-01T00:00:{time.monotonic_ns()}", rulebook={}, round={}, bodies=[], ledgers={}, left_out=[],
                                  chain_head={}, returns={"consumption@2022": (items, rows(n, items))})
        filling, snapshot = timed(f"fill: {n * 12:,} returns × {len(items)} items", write, 1)
        path = snapshot.file("returns/consumption@2022.parquet")
        scan = "SELECT area, " + ", ".join(f'sum("{i}")' for i in items) + f" FROM read_parquet('{path}') GROUP BY area"
        floor, bare = timed("floor: bare DuckDB scan, sums by area", lambda: duckdb.sql(scan).fetchall())
        ours, mine = timed("ours: sums, last, means by area on DuckDB", lambda: connect(fresh=True).sums(snapshot, asks, form="consumption", period=YEAR, by=("area",)))
        plain, same = timed("peer: the same in plain Python", lambda: connect("plain:", fresh=True).sums(snapshot, asks, form="consumption", period=YEAR, by=("area",)), 1)
    assert mine == same, "the engines disagree"
    column = 1 + items.index("electricity_kwh")
    assert sum(r[column] for r in bare) == sum(g.totals["electricity_kwh"].value for g in mine)
    print(f"\nreturns a second written: {n * 12 / filling:,.0f}   ours / floor: {ours / floor:.1f}   plain / ours: {plain / ours:.0f}")


if __name__ == "__main__":
    main()
