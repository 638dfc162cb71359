"""A nation of N institutions, two years of twelve months and 14 items: from answers to figures, beside others, in one run.

    ./run bench national --institutions 100000 [--database postgresql://…] [--repeat 3] [--out FILE.json]

Steps, each in a process of its own, timed apart (wall, CPU, peak memory):

    records   the made-up nation put into the record store: not judged
    fill      answers → snapshot: the product's own freeze, with its wide year, control totals and bodies
    floor     every cell of the snapshot's returns read once and added by DuckDB: what nothing can be faster than
    edits     layer-1 edits: every check of the form over all returns of 2022, last year's beside them
    figures   conversion and roll-up: 14 items, tce, CO2 and five indicators for the nation and by county, department and type;
              counties rolled up to cities and provinces
    medians   of energy per floor area, by type and province: the engine's spread
    pandas, polars   checks, sums, indicators and medians by them, from the same files

Asserted: pandas, Polars and the product agree on every check, sum and indicator to the last digit, and on the medians to
twelve digits.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from . import peers
from .nation import ITEMS

SEED = 2022
YEAR = "2022"
FIGURES = [*ITEMS, "energy_tce", "co2_t", "energy_per_area", "energy_per_person", "water_per_person", "co2_per_area", "electricity_per_area"]
OURS = ("edits", "figures", "medians")
GOALS = {"fill": 200_000, "ratio": 6.0, "memory": 3.0}
MEMORY = "2GB"
"""What DuckDB may take for itself; Python and buffers come on top."""


def book() -> Any:
    """Book cn with its forms narrowed to the 14 items."""
    from jieneng.rulebook import load

    whole = load("cn")
    return replace(whole, forms={k: replace(f, items=tuple(i for i in f.items if i.item in ITEMS)) for k, f in whole.forms.items()})


def records(home: Path, institutions: int) -> dict[str, Any]:
    from .records import fill

    return {"returns": fill(home, institutions, SEED)}


def fill(home: Path, institutions: int) -> dict[str, Any]:
    from .records import USER, setup

    setup(home)
    from jieneng.people.models import User
    from jieneng.returns.freeze import freeze

    begin = time.perf_counter()
    made = freeze(User.objects.get(username=USER), book(), int(YEAR))
    took = time.perf_counter() - begin
    return {"returns": made.counts["returns"], "second": made.counts["returns"] / took}


def newest(home: Path) -> Any:
    from jieneng.engine import open_snapshot

    return open_snapshot(max((home / "snapshots").iterdir(), key=lambda p: p.stat().st_mtime))


def engine() -> Any:
    from jieneng.engine import connect

    found: Any = connect(fresh=True)
    found.connection.execute(f"SET threads = {os.cpu_count()}; SET memory_limit = '{MEMORY}'; SET preserve_insertion_order = false")
    return found


def edits(home: Path, institutions: int) -> dict[str, Any]:
    from jieneng.core.period import Period

    found = engine().screen(newest(home), "consumption", book().forms["consumption@2022"].checks, Period.parse(YEAR))
    return {"checks": {s.check: s.failed for s in found if s.check in peers.CHECKS}}


def figures(home: Path, institutions: int) -> dict[str, Any]:
    from jieneng.core.period import Period
    from jieneng.figures.calculate import calculate
    from jieneng.figures.scene import needs, owed

    snapshot, rules, on = newest(home), book(), engine()
    made = 0
    sums: dict[str, dict[str, str]] = {}
    indicators: dict[str, dict[str, str]] = {}
    for by in (None, "area", "department", "type"):
        for f in calculate(rules, on, snapshot, FIGURES, period=Period.parse(YEAR), by=by):
            made += 1
            key = f"{by} {f.subject['code']}" if by else "nation"
            if f.exact is None:
                continue
            if f.name in ITEMS:
                sums.setdefault(key, {})[f.name] = str(f.exact)
            elif f.name in peers.NEEDS:
                indicators.setdefault(key, {})[f.name] = str(f.exact)
    upper = _upper(on, snapshot, rules, lambda name: (needs(rules, name), owed(rules, needs(rules, name))), sums)
    return {"figures": made, "sums": {**sums, **upper["sums"]}, "indicators": {**indicators, **upper["indicators"]}}


def _upper(on: Any, snapshot: Any, rules: Any, asked: Callable[[str], tuple[Any, Any]], sums: dict[str, dict[str, str]]) -> peers.Answer:
    """Counties rolled up to cities and provinces, exactly: sums as they are, indicators as ratios of sums."""
    from jieneng.core.period import Period
    from jieneng.engine import Ask

    counties: dict[str, dict[str, Fraction]] = {k: {i: Fraction(v) for i, v in g.items()} for k, g in sums.items() if k.startswith("area ")}
    for name in peers.NEEDS:
        items, complete = asked(name)
        asks = [Ask(i, rules.items[i].over_time) for i in items]
        for group in on.sums(snapshot, asks, form="consumption", period=Period.parse(YEAR), by=("area",), complete=complete):
            totals = {f"{name}:{i}": t.value for i, t in group.totals.items() if t.value is not None}
            counties.setdefault(f"area {group.keys['area']}", {}).update(totals)
    rolled = peers.rolled_up(counties)
    return {kind: {k: v for k, v in rolled[kind].items() if k.startswith(("city ", "province "))} for kind in ("sums", "indicators")}


def medians(home: Path, institutions: int) -> dict[str, Any]:
    """By the engine's own ``spread``: energy per floor area of each institution, by type and province."""
    from jieneng.core.period import Period
    from jieneng.engine import Indicator, Term

    needed = peers.NEEDS["energy_per_area"]
    indicator = Indicator(tuple(Term(i, factor=Decimal(f)) for i, f in peers.KGCE.items()), (Term("area_m2", "last"),),
                          tuple(i if i == "area_m2" else f"{i}*" for i in needed))
    found = engine().spread(newest(home), indicator, form="consumption", period=Period.parse(YEAR), by=("type", "area:2"), quantiles=(0.5,))
    return {"medians": {" ".join(map(str, s.keys)): s.quantiles[0] for s in found}}


def peer(name: str) -> Callable[[Path, int], dict[str, Any]]:
    def run(home: Path, institutions: int) -> dict[str, Any]:
        snapshot = newest(home)
        return peers.PEERS[name](*(snapshot.file(f"returns/consumption@{e}.parquet") for e in ("2019", "2022")))

    return run


STEPS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "records": records, "fill": fill, "floor": peer("floor"), "edits": edits, "figures": figures, "medians": medians,
    "pandas": peer("pandas"), "polars": peer("polars")}


def run_here(step: str, home: Path, institutions: int, out: Path) -> None:
    """One step in this process; what it took and what it found go to a file."""
    begin, answer = time.perf_counter(), STEPS[step](home, institutions)
    used = resource.getrusage(resource.RUSAGE_SELF)
    out.write_text(json.dumps({"wall": time.perf_counter() - begin, "cpu": used.ru_utime + used.ru_stime, "gib": used.ru_maxrss / 2**20,
                               "answer": answer}))


def run_step(step: str, home: Path, institutions: int, repeat: int, database: str) -> dict[str, Any]:
    """One step in processes of its own, a few times: best and median wall, the CPU and memory of the best."""
    runs = []
    env = {**os.environ, **({"JIENENG_DATABASE_URL": database} if database else {})}
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.json"
            done = subprocess.run([sys.executable, "-m", "bench.national", "--institutions", str(institutions), "--home", str(home),
                                   "--step", step, "--out", str(out)], env=env)
            if done.returncode:
                raise SystemExit(f"step {step} ended with {done.returncode}: see above; --skip leaves a peer out that does not fit into memory")
            runs.append(json.loads(out.read_text()))
    best = min(runs, key=lambda r: r["wall"])
    found = {**best, "median": statistics.median(r["wall"] for r in runs), "load": os.getloadavg()[0]}
    print(f"{step:9} best {best['wall']:9.2f} s   median {found['median']:9.2f} s   cpu {best['cpu']:9.2f} s   peak {best['gib']:6.2f} GiB   "
          f"load {found['load']:.1f}", flush=True)
    return found


def check(found: dict[str, dict[str, Any]]) -> list[str]:
    """Where the answers of ours, pandas and Polars differ."""
    ours: dict[str, Any] = {}
    for step in OURS:
        ours |= found[step]["answer"]
    wrong = []
    for name in ("pandas", "polars"):
        theirs = found.get(name, {}).get("answer")
        if not theirs:
            continue
        wrong += [f"{name}: {kind} {key}" for kind in ("checks", "sums", "indicators") for key in {*ours[kind], *theirs[kind]}
                  if ours[kind].get(key) != theirs[kind].get(key)]
        wrong += [f"{name}: medians {key}" for key in {*ours["medians"], *theirs["medians"]}
                  if abs(ours["medians"].get(key, -1.0) - theirs["medians"].get(key, -2.0)) > 1e-12 * abs(ours["medians"].get(key, 0.0))]
    return wrong


def summary(found: dict[str, dict[str, Any]]) -> list[str]:
    """What is reached, beside the goals."""
    floor, ours = found["floor"], [found[s] for s in OURS]
    wall, cpu, gib = sum(s["wall"] for s in ours), sum(s["cpu"] for s in ours), max(s["gib"] for s in ours)
    lines = [f"ours, snapshot → figures: {wall:.1f} s, {cpu:.1f} s of CPU, peak {gib:.2f} GiB: {wall / floor['wall']:.1f} × the floor by wall, "
             f"{cpu / floor['cpu']:.1f} × by CPU (goal: {GOALS['ratio']:.0f} × and {GOALS['memory']:.0f} GiB)"]
    if "fill" in found:
        a = found["fill"]["answer"]
        lines.append(f"fill: {a['second']:,.0f} returns a second by wall, {a['returns'] / found['fill']['cpu']:,.0f} a second of CPU "
                     f"(goal: {GOALS['fill']:,})")
    for name in ("pandas", "polars"):
        if name in found:
            s = found[name]
            lines.append(f"{name}: {s['wall'] / wall:.2f} × ours by wall, {s['cpu'] / cpu:.2f} × by CPU, peak {s['gib']:.2f} GiB")
    return lines


def main(argv: list[str] | None = None) -> int:
    """Run all steps, print, and say whether all agree."""
    parser = argparse.ArgumentParser(prog="bench national", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--institutions", type=int, default=100_000)
    parser.add_argument("--home", type=Path, help="keep the workspace here, and use its records again when they are there")
    parser.add_argument("--database", default=os.environ.get("JIENENG_DATABASE_URL", ""), help="postgresql://… for the records instead of SQLite")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each step that reads the snapshot")
    parser.add_argument("--skip", nargs="*", default=[], choices=["fill", "pandas", "polars"], help="steps left out; fill needs a snapshot in --home")
    parser.add_argument("--step", choices=STEPS, help="one step only, in this process (used by the bench itself)")
    parser.add_argument("--screening", action="store_true", help="the first screening over the wide years instead (bench/sifting.py)")
    parser.add_argument("--out", type=Path, help="write the figures to this file as JSON")
    args = parser.parse_args(argv)
    if args.step:
        run_here(args.step, args.home, args.institutions, args.out)
        return 0
    if args.screening:
        from . import sifting

        return sifting.run(args.institutions, args.home, args.repeat, args.skip, args.out)
    home = args.home or Path(tempfile.mkdtemp(prefix="nation-"))
    try:
        print(f"{dt.date.today()}  {args.institutions:,} institutions  {platform.machine()}  {os.cpu_count()} cores  seed {SEED}  "
              f"load {os.getloadavg()[0]:.1f}", flush=True)
        found: dict[str, dict[str, Any]] = {}
        for step in STEPS:
            if step in args.skip or (step == "records" and (home / "workspace.json").exists()):
                continue
            found[step] = run_step(step, home, args.institutions, 1 if step in ("records", "fill") else args.repeat, args.database)
        wrong = check(found)
        for line in (*summary(found), *(f"DIFFERS  {w}" for w in wrong[:20])):
            print(line, flush=True)
        print("every check, sum and indicator equal" if not wrong else f"{len(wrong)} answers differ", flush=True)
        if args.out:
            args.out.write_text(json.dumps({s: {k: v for k, v in f.items() if k != "answer"} for s, f in found.items()}, indent=1))
        return 1 if wrong else 0
    finally:
        if not args.home:
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
