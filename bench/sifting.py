"""First screening of a made-up nation over the wide layout, beside the plain scan of the same files by DuckDB and pandas.

    ./run bench national --screening --institutions 200000 [--home DIR] [--repeat 1]

Each step in a process of its own (wall, CPU, peak memory): the wide years are written as a snapshot lays them out; ``scan`` adds every cell
of both years; ``screening`` is the product's: all items of the review and all checks of the form; ``pandas`` does one item of
it (electricity: year and month against the year before, medians and MAD by type and area, no prices, no patterns, no edits, no
order), and the medians of the year's change of both must be equal or the command fails.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from .nation import EDITIONS, ITEMS, TYPES, YEARS, counties, spans

SEED = 2022
PEER = "electricity_kwh"


class Files:
    """The wide files of a folder, asked as a snapshot is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def wide(self, form: str) -> list[str]:
        return sorted(p.name for p in self.folder.glob("*.parquet"))

    def columns(self, name: str) -> list[str]:
        import pyarrow.parquet as pq

        return list(pq.read_schema(self.folder / name).names)

    def file(self, name: str) -> Path:
        return self.folder / name


def _decimals(whole: np.ndarray, known: np.ndarray) -> pa.Array:
    """Whole ten-thousandths as the decimals of a snapshot."""
    digits = pa.array(whole, mask=~known).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(digits), digits.buffers(), digits.null_count)


def write(folder: Path, institutions: int) -> dict[str, Any]:
    """One file a year, a row per institution, a column per item and month, by the product's own writer."""
    from jieneng.engine.tables import schema, write_tables
    from jieneng.engine.wide import wide_schema

    names, size = counties(), 0
    for year in YEARS:
        base = 12 * (year - YEARS[0])

        def rows(year: int = year, base: int = base) -> Iterator[pa.Table]:
            for span in spans(institutions, SEED, 10_000):
                filed = span.filed[:, base:base + 12].any(axis=1)
                n = int(filed.sum())
                columns: dict[str, Any] = {"institution": np.arange(span.first, span.first + len(span))[filed], "year": np.full(n, year, np.int32),
                                           "area": [names[c] for c in span.county[filed]], "type": [TYPES[t] for t in span.type[filed]]}
                for item in ITEMS:
                    for m in range(12):
                        known = span.filed[:, base + m] & span.answered[item][:, base + m]
                        columns[f"{item}__{m + 1:02}"] = _decimals(span.values[item][filed, base + m], known[filed])
                wanted = wide_schema(ITEMS)
                made = schema(wanted)
                yield pa.table([columns[c] if c in columns else pa.nulls(n, made.field(c).type) for c, _ in wanted], schema=made)

        path = folder / f"consumption@{EDITIONS[year]}.parquet"
        write_tables(path, wide_schema(ITEMS), rows())
        size += path.stat().st_size
    return {"bytes": size}


def scan(folder: Path, institutions: int) -> dict[str, Any]:
    connection = duckdb.connect()
    connection.execute(f"SET threads = {os.cpu_count()}")
    sums = ", ".join(f'sum("{i}__{m:02}")' for i in ITEMS for m in range(1, 13))
    found = connection.execute(f"SELECT count(*), {sums} FROM read_parquet('{folder}/*.parquet')").fetchall()[0]
    return {"rows": found[0]}


def screening(folder: Path, institutions: int) -> dict[str, Any]:
    from jieneng.engine import connect
    from jieneng.review.sifting import order, sieve
    from jieneng.rulebook import load

    from .reviewnation import weights

    rules = load("cn")
    review = rules.reviews["joint@2022"]
    made = sieve(rules, review, YEARS[-1], weights())
    made = replace(made, up={a: a[:4] for a in counties()})
    engine = connect(fresh=True)
    begin = time.perf_counter()
    found = engine.sift(Files(folder), made)
    sifted = time.perf_counter() - begin
    table, line = order(found, review, weights())
    return {"institutions": found.institutions, "pairs": found.pairs, "candidates": len(table["item"]), "whose": len(np.unique(table["institution"])),
            "edits": len(found.edits), "line": line, "sifted": sifted, "items": {k: len(v["institution"]) for k, v in found.candidates.items()}}


def median(folder: Path, institutions: int) -> dict[str, Any]:
    """Of the year's change of electricity over all, by SQL: to be compared with the peer's."""
    months = [f"{PEER}__{m:02}" for m in range(1, 13)]
    both = [f'(n."{m}" > 0 AND o."{m}" > 0)' for m in months]
    sums = [" + ".join(f'CASE WHEN {b} THEN CAST({t}."{m}" AS DOUBLE) ELSE 0 END' for b, m in zip(both, months, strict=True)) for t in "no"]
    some = " + ".join(f"CASE WHEN {b} THEN 1 ELSE 0 END" for b in both)
    paths = [f"read_parquet('{folder}/consumption@{EDITIONS[y]}.parquet')" for y in YEARS]
    connection = duckdb.connect()
    return {"change": float(connection.execute(
        f"SELECT quantile_disc(({sums[0]}) / ({sums[1]}), 0.5) FROM {paths[1]} n JOIN {paths[0]} o USING (institution) WHERE {some} >= 4").fetchall()[0][0])}


def pandas(folder: Path, institutions: int) -> dict[str, Any]:
    """One item of the screening by pandas: year and months against the year before, medians and MAD by type and area."""
    import pandas as pd

    months = [f"{PEER}__{m:02}" for m in range(1, 13)]
    old, now = (pd.read_parquet(folder / f"consumption@{EDITIONS[y]}.parquet", columns=["institution", "area", "type", *months]).set_index("institution") for y in YEARS)
    old = old.reindex(now.index)
    n, o = (t[months].astype(float) for t in (now, old))
    both = (n > 0) & (o > 0)
    bn, bo = n.where(both).sum(axis=1), o.where(both).sum(axis=1)
    r = (bn / bo).where(both.sum(axis=1) >= 4)
    q = (n.mul(bo, axis=0) - n * o) / (o.mul(bn, axis=0) - n * o)
    w = np.maximum(q, 1 / q).where(both)
    keys = [now["area"], now["type"]]
    middle = r.groupby(keys).transform("median")
    away = np.log(r / middle).abs()
    z = away / (1.4826 * away.groupby(keys).transform("median")).clip(lower=0.02)
    far = np.log(w.max(axis=1)) / (1.2533 * np.log(w.mean(axis=1))).clip(lower=0.02)
    return {"flagged": int(((z > 3) | (far > 3)).sum()), "change": float(r.quantile(0.5, interpolation="lower"))}


STEPS: dict[str, Callable[[Path, int], dict[str, Any]]] = {"write": write, "scan": scan, "screening": screening, "median": median, "pandas": pandas}


def run_here(step: str, folder: Path, institutions: int, out: Path) -> None:
    begin, answer = time.perf_counter(), STEPS[step](folder, institutions)
    used = resource.getrusage(resource.RUSAGE_SELF)
    out.write_text(json.dumps({"wall": time.perf_counter() - begin, "cpu": used.ru_utime + used.ru_stime, "gib": used.ru_maxrss / 2**20, "answer": answer}))


def run(institutions: int, home: Path | None, repeat: int, skip: list[str], out: Path | None) -> int:
    """All steps, one after another; prints, and says whether the peer agrees."""
    folder = (home or Path(tempfile.mkdtemp(prefix="nation-"))) / "wide"
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    try:
        for step in STEPS:
            if step in skip or (step == "write" and any(folder.glob("*.parquet"))):
                continue
            runs = []
            for _ in range(1 if step == "write" else repeat):
                answer = folder / "out.json"
                if subprocess.run([sys.executable, "-m", "bench.sifting", step, str(folder), str(institutions), str(answer)]).returncode:
                    raise SystemExit(f"step {step} failed: see above")
                runs.append(json.loads(answer.read_text()))
            found[step] = {**min(runs, key=lambda r: r["wall"]), "load": os.getloadavg()[0]}
            f = found[step]
            print(f"{step:10} wall {f['wall']:8.2f} s   cpu {f['cpu']:8.2f} s   peak {f['gib']:.2f} GiB   load {f['load']:.1f}   {f['answer']}", flush=True)
        floor, ours = found["scan"], found["screening"]
        print(f"screening ÷ scan: {ours['wall'] / floor['wall']:.1f} by wall, {ours['cpu'] / floor['cpu']:.1f} by CPU; "
              f"{ours['cpu'] / institutions * 1e6:,.1f} µs of CPU an institution (goal for 1.6 million: 60 s, 6 ×)")
        print(f"{os.cpu_count()} cores  {ours['answer']['institutions']:,} institutions  peak {ours['gib']:.2f} GiB", flush=True)
        if out:
            out.write_text(json.dumps(found, indent=1))
        if "pandas" in found and abs(found["pandas"]["answer"]["change"] / found["median"]["answer"]["change"] - 1) > 1e-12:
            print("DIFFERS  median change")
            return 1
        return 0
    finally:
        if not home:
            shutil.rmtree(folder.parent, ignore_errors=True)


if __name__ == "__main__":
    run_here(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
