"""The full method over a made-up nation, a province at a time, from wide Parquet: seconds, memory, beside a plain scan and a flat rule in pandas."""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jieneng.engine import area_prefixes, wide_arrays
from jieneng.review.assess import Assessor
from jieneng.review.panel import Panel, grouped
from jieneng.rulebook import load

from .nation import ITEMS, TYPES, UNIT, YEARS, counties, spans

SEED = 2022


def write(folder: Path, institutions: int) -> list[Path]:
    """The wide year of both years, as a snapshot lays it out: one row per institution and year, a column per item and month."""
    names, paths = counties(), []
    for year in YEARS:
        path, writer = folder / f"wide-{year}.parquet", None
        base = 12 * (year - YEARS[0])
        for span in spans(institutions, SEED):
            columns: dict[str, Any] = {"institution": np.arange(span.first, span.first + len(span)), "year": np.full(len(span), year, np.int32),
                                       "area": [names[c] for c in span.county], "type": [TYPES[t] for t in span.type]}
            for item in ITEMS:
                for m in range(12):
                    known = span.filed[:, base + m] & span.answered[item][:, base + m]
                    columns[f"{item}__{m + 1:02}"] = pa.array(span.values[item][:, base + m] / UNIT, mask=~known)
            table = pa.table(columns)
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
        if writer:
            writer.close()
        paths.append(path)
    return paths


def weights() -> dict[str, float]:
    return {"electricity_kwh": 0.0001229, "gas_m3": 0.00133, "coal_t": 0.7143, "petrol_l": 0.001074, "diesel_l": 0.001239, "heat_gj": 0.03412}


def timed(what: str, work: Any) -> dict[str, float]:
    begin, cpu = time.perf_counter(), time.process_time()
    answer = work()
    found = {"wall": time.perf_counter() - begin, "cpu": time.process_time() - cpu, "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}
    print(f"{what:34} wall {found['wall']:8.1f} s   cpu {found['cpu']:8.1f} s   peak so far {found['gib']:.2f} GiB   {answer}", flush=True)
    return found


def nation(institutions: int, out: Path | None) -> int:
    """Write, scan, review, compare."""
    review = load("cn").reviews["joint@2022"]
    wanted = list(ITEMS)
    results: dict[str, Any] = {"institutions": institutions, "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        paths: list[Path] = []
        results["write"] = timed("wide years written", lambda: paths.extend(write(Path(folder), institutions)))

        def scan() -> str:
            sums = ", ".join(f'sum("{i}__{m:02}")' for i in wanted for m in range(1, 13))
            duckdb.sql(f"SELECT {sums} FROM read_parquet([{', '.join(repr(str(p)) for p in paths)}])").fetchall()
            return ""

        results["scan"] = timed("plain scan: every cell added", scan)

        def flat() -> str:
            import pandas as pd

            flagged = 0
            now, old = (pd.read_parquet(p).set_index("institution") for p in reversed(paths))
            for item in wanted:
                for m in range(1, 13):
                    c = f"{item}__{m:02}"
                    flagged += int(((now[c] / old[c].reindex(now.index) - 1).abs() > 0.1).sum())
            return f"{flagged:,} values changed by more than 10 %"

        def all_of_it() -> str:
            found = opened = 0
            for prefix in area_prefixes(paths):
                part = wide_arrays(paths, wanted, YEARS, prefix)
                panel = Panel(YEARS, 12, part.institutions, [str(i) for i in part.institutions], part.areas, part.types,
                              grouped(part.areas, part.types, {}, {a: a[:4] for a in set(part.areas)}, {}, {}))
                panel.values = part.values
                made = Assessor(panel, review, weights()).run()
                found += len(made.found)
                opened += made.line.count
            return f"{found:,} findings, {opened:,} before the lines"

        results["review"] = timed("the review, province by province", all_of_it)
        results["pandas"] = timed("pandas: flat 10 % rule only", flat)
    ratio = results["review"]["wall"] / results["scan"]["wall"]
    print(f"{institutions:,} institutions: {results['review']['wall'] / institutions * 1e6:,.0f} µs each, {ratio:,.0f} × the plain scan "
          f"(goal for 1.6 million: 60 s, 6 ×); by this rate 1.6 million take {results['review']['wall'] / institutions * 1.6e6 / 60:,.0f} min on one core")
    if out:
        out.write_text(json.dumps(results, indent=1))
    return 0
