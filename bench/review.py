"""How well the review finds what is wrong: errors of known kind and size planted into real reported data, methods side by side.

    ./run bench review [--sets toronto,yale] [--rates 0.01,0.02,0.05] [--seeds 10] [--gain] [--bound] [--line 100] [--city HOME] [--out FILE.json]
    ./run bench review --sets city,yale-items,cambridge-items,toronto-area [--kinds]
    ./run bench review --national 100000

Per set, rate and method: share of the planted errors, and of their impact, among the 5 % of the values that are opened first, in
three families (units: ×10 … ×10⁴ and inverses; moderate: ±30 %, −50 %, ×2, one wrong digit, −30 % on a large one; other: copied,
entered twice, missing); average precision of the whole ranking; right factor proposed. ``--gain`` adds one idea after the other;
``--bound`` shows beside it what a learner taught by planted errors catches (``reviewbound.py``), which no office could have;
``--line`` counts how often the stopping line kept its promise, where it gave one; ``--city`` looks up the 40 errors
planted in the example city. The sets of the second line have several items, costs or sizes: kinds, cells and measures in ``reviewcity``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jieneng.review import patterns
from jieneng.review.errors import FACTOR, Prior, judge
from jieneng.review.expect import Expected, Forecast
from jieneng.review.forecast import Knobs, monthly, yearly

from . import reviewcity
from .reviewpanels import PANELS, PanelSet
from .reviewplants import METHODS, MODERATE, OTHER, UNITS, Planted, measure, plant
from .reviewsets import SETS, Set

POWER = 0.15
KNOBS, PRIOR = Knobs(), Prior()
OPENED = 0.05


def ours(s: Set, values: np.ndarray, knobs: Knobs = KNOBS, prior: Prior = PRIOR, power: float = POWER, gaps: bool = True,
         forecast: Callable[..., Expected] | None = None) -> tuple[np.ndarray, Any]:
    """The score of every value of the review year by the product's functions, and what was judged."""
    expected = (forecast or (monthly if values.ndim == 3 else yearly))(values, s.groups, s.sizes, knobs)
    now = values[:, -1].reshape(len(values), -1)
    same, usual = patterns.copied(values) if values.shape[1] > 1 else (None, 0.001)
    judged = judge(now, expected, prior, copied=same, usual=usual, step=patterns.step_of(now))
    score = np.zeros(now.size)
    score[judged.rows] = judged.suspicion * np.maximum(judged.absolute, 1e-9) ** power
    if gaps and values.ndim == 3:
        meant = np.exp(expected.best()[0])
        for table, p in zip(patterns.gaps(values), (0.9, 0.8), strict=True):
            score = np.where(table.ravel(), p * np.nan_to_num(meant.ravel()) ** power, score)
    return score, judged


def only_last_year(values: np.ndarray, groups: Any, sizes: Any, knobs: Knobs) -> Expected:
    """One forecast alone: last year's value moved by the peers, one spread for everybody."""
    now, old = values[:, -1].reshape(len(values), -1), values[:, -2].reshape(len(values), -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where((now > 0) & (old > 0), np.log(now) - np.log(old), np.nan)
        mu = np.where(old > 0, np.log(old), np.nan) + np.nanmedian(change)
    scale = 1.4826 * np.nanmedian(np.abs(change - np.nanmedian(change)))
    return Expected([Forecast("last-year", mu, np.full(mu.shape, max(scale, 0.02)), 1.0)], knobs.nu, np.zeros(mu.shape), np.zeros(mu.shape))


def gains(s: Set, values: np.ndarray) -> dict[str, np.ndarray]:
    """One idea after the other: what each adds."""
    steps: dict[str, np.ndarray] = {}
    none = Prior(factor=1e-9, unit=1e-9, digit=1e-9, copied=1e-9, swapped=1e-9)
    if values.shape[1] > 1:
        steps["1 last year, one spread"] = ours(s, values, prior=none, power=0.0, gaps=False, forecast=only_last_year)[0]
    plain = replace(Knobs(), fit=False, bills=False, tails=False)
    steps["2 + own variability, peers, season"] = ours(s, values, plain, none, 0.0, False)[0]
    steps["3 + error hypotheses"] = ours(s, values, plain, Prior(), 0.0, False)[0]
    steps["4 + stakes"] = ours(s, values, plain, Prior(), POWER, False)[0]
    steps["5 + tails, bills, fitted weights"] = ours(s, values, Knobs(), Prior(), POWER, False)[0]
    steps["6 + gaps"] = ours(s, values)[0]
    return steps


def right_factor(judged: Any, p: Planted) -> float:
    """Share of planted unit errors for which the right factor, or another slip that leads to the same value within 2 %, is proposed."""
    at = {int(r): k for k, r in enumerate(judged.rows)}
    hits = []
    for c, kind, true in zip(p.cells, p.kinds, p.true, strict=True):
        if kind in UNITS:
            k = at.get(int(c))
            hits.append(k is not None and ((judged.kind[k] == FACTOR and judged.name[k] == kind) or abs(judged.suggested[k] / true - 1) < 0.02))
    return float(np.mean(hits)) if hits else float("nan")


def kinds_of(s: Set) -> list[str]:
    return UNITS + MODERATE + (OTHER if s.values.shape[1] > 1 else [])


def run_set(s: Set, rate: float, seeds: int, gain: bool) -> dict[str, dict[str, float]]:
    """Means over the seeds, by method."""
    many: dict[str, dict[str, list[float]]] = {}
    for seed in range(seeds):
        p = plant(s.values, rate, seed, kinds_of(s))
        scores = {name: f(p.values, s.groups, s.sizes) for name, f in METHODS.items()}
        score, judged = ours(s, p.values)
        scores["ours"] = score
        if gain:
            scores |= gains(s, p.values)
        for name, values in scores.items():
            for what, v in measure(values, p, OPENED).items():
                many.setdefault(name, {}).setdefault(what, []).append(v)
        many["ours"].setdefault("right factor", []).append(right_factor(judged, p))
    return {name: {what: float(np.nanmean(v)) for what, v in found.items()} for name, found in many.items()}


def show(name: str, s: Set, rate: float, found: dict[str, dict[str, float]]) -> None:
    columns = ("units", "units impact", "moderate", "moderate impact", "other", "ap", "right factor")
    n = int(np.sum(np.isfinite(s.values[:, -1])))
    print(f"\n{name}  {n:,} values of {len(s.values):,} series, {s.year}; {rate:.0%} planted, {OPENED:.0%} opened", flush=True)
    print(" " * 38 + "".join(f"{c:>17}" for c in columns))
    for method, row in found.items():
        print(f"  {method:36}" + "".join(f"{row[c]:17.3f}" if c in row and row[c] == row[c] else f"{'—':>17}" for c in columns))
    best = max(row["ap"] for m, row in found.items() if m in METHODS)
    print(f"  average precision: {found['ours']['ap'] / best:.2f} × the best other method")


def panel_of(s: Set, values: np.ndarray) -> Any:
    """A set as a panel of the product: its first group stands for the published cell."""
    from jieneng.review.panel import Panel, grouped

    area = [str(a) for a in s.groups[0]]
    months = values.ndim == 3
    cube = values if months else values[:, :, None]
    made = Panel(tuple(range(s.year - values.shape[1] + 1, s.year + 1)), 12 if months else 1, np.arange(len(values)), s.keys, area, ["x"] * len(values),
                 grouped(area, ["x"] * len(values), {}, {}, {}, {}))
    made.values["electricity_kwh"] = cube.copy()
    return made


def line_kept(s: Set, rate: float, runs: int) -> dict[str, float]:
    """How often, once the findings before the line are put right, no total is off by more than the line's share (planted errors only)."""
    from jieneng.review.assess import Assessor
    from jieneng.rulebook import load

    review = load("cn").reviews["joint@2022"]
    review = replace(review, quantities=(replace(review.quantities[0], beside="", units={}, cell="electricity_kwh", per=()),), stocks=())
    kept, opened, worst, given = [], [], [], []
    periods = 12 if s.values.ndim == 3 else 1
    for seed in range(runs):
        p = plant(s.values, rate, 1000 + seed, kinds_of(s))
        made = Assessor(panel_of(s, p.values), review, {"electricity_kwh": 1.0}).run()
        looked = {(f.row, m) for f in made.found[:made.line.count] for m in (f.months or range(1, periods + 1))}
        now, area = p.values[:, -1].reshape(-1), s.groups[0]
        off = np.zeros(int(area.max()) + 1)
        for c, true in zip(p.cells, p.true, strict=True):
            if (int(c) // periods, int(c) % periods + 1) not in looked:
                off[area[int(c) // periods]] += now[c] - true
        truth = now.copy()
        truth[p.cells] = p.true
        total = np.bincount(area, np.nansum(truth.reshape(len(s.values), -1), axis=1), len(off))
        share = float(np.max(np.abs(off) / np.maximum(total, 1e-9)))
        given.append(made.line.reached)
        kept.append(share <= float(review.line))
        worst.append(share)
        opened.append(made.line.count / max(1, int(np.sum(now > 0))))
    # a review that says that its line is not reached promises nothing
    promised = [k for k, g in zip(kept, given, strict=True) if g]
    return {"kept": float(np.mean(kept)), "promised": float(np.mean(given)), "kept where promised": float(np.mean(promised)) if promised else float("nan"),
            "findings opened per value": float(np.mean(opened)), "worst": float(np.max(worst)), "median worst": float(np.median(worst))}


def top(s: Set, n: int = 5) -> list[str]:
    """The first findings with nothing planted: errors, or changes, of the real data."""
    score, judged = ours(s, s.values)
    now = s.values[:, -1].reshape(len(s.values), -1)
    at = {int(r): k for k, r in enumerate(judged.rows)}
    lines = []
    for c in np.argsort(-score)[:n]:
        row, month = divmod(int(c), now.shape[1])
        k = at.get(int(c))
        guess = f"{judged.kind[k]} {judged.name[k]} → {judged.suggested[k]:,.0f}, suspicion {judged.suspicion[k]:.2f}" if k is not None else "gap"
        before = s.values[row, :-1].reshape(s.values.shape[1] - 1, -1)[:, month] if s.values.shape[1] > 1 else []
        lines.append(f"{s.keys[row]} {s.year}{f'-{month + 1:02}' if now.shape[1] == 12 else ''}: {now[row, month]:,.0f} (before: {', '.join(f'{b:,.0f}' for b in before)}): {guess}")
    return lines


def city(home: Path) -> int:
    """The errors planted in the example city: which are found, at which rank."""
    os.environ["JIENENG_HOME"], os.environ["DJANGO_SETTINGS_MODULE"] = str(home.resolve()), "jieneng.desk.settings"
    import django

    django.setup()
    import yaml

    from jieneng.review.models import ReviewRun

    run = ReviewRun.objects.first()
    if run is None:
        print("no review yet: run jieneng review --period 2022 first")
        return 1
    by: dict[str, list[Any]] = {}
    for f in run.findings.select_related("institution"):
        by.setdefault(f.institution.key, []).append(f)
    key = yaml.safe_load((home / "example" / "key.yaml").read_text(encoding="utf-8"))["errors"]
    planted = [e for e in key if e["class"] == "review"]
    ranks = []
    for e in planted:
        items = {c["item"] for c in e["cells"]}
        hits = [f for f in by.get(e["code"], []) if items & set(f.items) or f.kind == "edit"]
        best = min(hits, key=lambda f: f.rank, default=None)
        ranks.append(best.rank if best else None)
        print(f"{e['id']} {e['kind']:24} {e['name']:16} {'rank ' + str(best.rank) + ' ' + best.rule if best else 'not found'}")
    found = [r for r in ranks if r]
    print(f"found {len(found)} of {len(planted)}; among the first 40: {sum(r <= 40 for r in found)}, the first 60: {sum(r <= 60 for r in found)}; "
          f"findings {run.counts['findings']}, line after {run.line['count']}, {run.seconds} s")
    return 0


def several(s: PanelSet, args: argparse.Namespace, results: dict[str, Any]) -> None:
    """A set of several items, at each rate; ``--line`` adds runs of ours alone, for the stopping line."""
    for rate in map(float, args.rates.split(",")):
        found = reviewcity.run(s, rate, range(args.seeds))
        results[f"{s.name} items {rate}"] = found
        reviewcity.show(s, rate, found, args.kinds)
    if args.line:
        mine = reviewcity.run(s, 0.01, range(1000, 1000 + args.line), only_ours=True)["ours"]
        results[f"{s.name} items line"] = mine
        print(f"  stopping line at 0.5 %: kept in {mine['line kept']:.0%} of {args.line} runs, {mine['opened before the line']:.1%} of the returns opened", flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="bench review")
    parser.add_argument("--sets", default=",".join([*SETS, *PANELS]))
    parser.add_argument("--kinds", action="store_true", help="of sets with several items: found by kind")
    parser.add_argument("--rates", default="0.01,0.02,0.05")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--gain", action="store_true", help="what each idea adds")
    parser.add_argument("--bound", action="store_true", help="what a learner taught by planted errors would catch")
    parser.add_argument("--line", type=int, default=0, metavar="RUNS", help="how often the stopping line is kept")
    parser.add_argument("--top", type=int, default=5, help="so many findings of the data as they are")
    parser.add_argument("--city", type=Path, metavar="HOME", help="look up the errors of the example city in a workspace that has been reviewed")
    parser.add_argument("--national", type=int, metavar="N", help="a made-up nation of N institutions, timed")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(argv)
    if args.city:
        return city(args.city)
    if args.national:
        from .reviewnation import nation

        return nation(args.national, args.out)
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    begin, results = time.perf_counter(), {}
    for name in args.sets.split(","):
        if name in PANELS:
            several(PANELS[name](), args, results)
            continue
        s = SETS[name]()
        for rate in map(float, args.rates.split(",")):
            seeds = args.seeds * (10 if name == "philadelphia" else 1)  # 50 values: one error a run
            found = run_set(s, rate, seeds, args.gain)
            if args.bound:
                from .reviewbound import bound

                found |= bound(s, rate, seeds, kinds_of(s), lambda v, s=s: ours(s, v)[0], OPENED)
            results[f"{name} {rate}"] = found
            show(name, s, rate, found)
        if args.line:
            kept = line_kept(s, 0.01, args.line)
            results[f"{name} line"] = kept
            print("  stopping line at 0.5 %:", ", ".join(f"{k} {v:.3f}" for k, v in kept.items()), flush=True)
        for line in top(s, args.top):
            print("  not planted:", line)
    print(f"\n{time.perf_counter() - begin:.0f} s")
    if args.out:
        args.out.write_text(json.dumps(results, indent=1, default=float))
    return 0


if __name__ == "__main__":
    sys.exit(main())
