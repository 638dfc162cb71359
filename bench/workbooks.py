"""./run bench workbooks: a thousand workbooks in one archive read with findings, beside openpyxl; a department's workbook; one verdict at full size."""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from decimal import Decimal
from pathlib import Path


def _setup(home: Path) -> None:
    os.environ["JIENENG_HOME"] = str(home)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jieneng.desk.settings")
    import django

    django.setup()


def main(words: list[str]) -> int:
    """Print one line per measurement: what, how much, seconds, per second."""
    parser = argparse.ArgumentParser(prog="bench workbooks")
    parser.add_argument("--workbooks", type=int, default=1130)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--full", action="store_true", help="the differential test on 10,000 returns (needs LibreOffice)")
    args = parser.parse_args(words)
    folder = Path(tempfile.mkdtemp(prefix="jieneng-bench-"))
    try:
        _setup(folder)
        _run(args, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if args.full:
        return subprocess.call([sys.executable, "-m", "pytest", "-q", "-x", "tests/filling/test_one_verdict.py"], env={**os.environ, "JIENENG_RETURNS": "10000"})
    return 0


class _Clock:
    """Wall and processor seconds (children included) since it was made: on a shared machine the second is the one to compare."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), self.used()

    @staticmethod
    def used() -> float:
        t = os.times()
        return t.user + t.system + t.children_user + t.children_system

    def say(self, what: str, n: int) -> None:
        wall, cpu = time.perf_counter() - self.wall, self.used() - self.cpu
        print(f"{what:<66}{n:>7,}  {wall:8.2f} s  {n / wall:9,.1f} /s   cpu {cpu:7.2f} s {n / max(cpu, 0.001):9,.1f} /s", flush=True)


def _run(args: argparse.Namespace, folder: Path) -> None:
    import openpyxl

    from jieneng.filling import rules
    from jieneng.filling.issue import remarks
    from jieneng.filling.many import read_archive
    from jieneng.filling.shape import shape_of
    from jieneng.filling.workbook import Line, Spec, make
    from jieneng.rulebook import load

    book = load("cn")
    shape = shape_of(book, book.forms["consumption@2022"])
    facts = {"form": "consumption", "edition": "2022", "year": "2022", "round": "1", "kind": "institution", "rulebook": book.hash}
    dice = random.Random(1)

    def line(key: str, period: str) -> Line:
        values = {c: Decimal(dice.randrange(0, 10**6)) / (1 if e.item.kind == "count" else 100) for c, e in shape.entries.items()}
        return Line(key, f"示例{key}", period, values, {f"last_year.{c}": v for c, v in values.items()})

    periods = [f"2022-{m:02}" for m in range(1, 13)]
    clock = _Clock()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(args.workbooks):
            key = f"u{n}"
            texts = make(Spec(book, shape, key, {**facts, "key": key}, [line(key, p) for p in periods], beside_all=True, carry=True))
            archive.writestr(f"示例{n}.xlsx", texts)
    clock.say("workbooks of institutions written (12 months, all rules)", args.workbooks)
    path = folder / "all.zip"
    path.write_bytes(out.getvalue())
    clock = _Clock()
    reads = list(read_archive(path, "all.zip", book, {shape.form.name: shape}))
    clock.say("read from one archive in the limited child, every cell placed", args.workbooks)
    assert len(reads) == args.workbooks and all(len(r.rows) == 12 for r in reads), reads[0].problems
    clock = _Clock()
    notes = remarks(shape, reads, {})
    clock.say(f"  and every check reckoned anew ({sum(map(len, notes.values())):,} remarks on cells)", args.workbooks)
    some = max(1, min(60, args.workbooks))
    clock = _Clock()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist()[:some]:
            for sheet in openpyxl.load_workbook(io.BytesIO(archive.read(name)), data_only=True):
                for row in sheet.iter_rows(values_only=True):
                    len(row)
    clock.say(f"plain openpyxl, cells only, no limits and no checks (first {some})", some)

    lines = [line(f"d{n}", "2022-03") for n in range(args.rows)]
    clock = _Clock()
    data = make(Spec(book, shape, "部门", {**facts, "kind": "office", "key": "x"}, lines))
    clock.say(f"department workbook written, {len(rules.usable(shape.form))} rules a row, {len(data) / 1e6:.1f} MB", args.rows)
    path = folder / "department.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("部门.xlsx", data)
    clock = _Clock()
    read = next(read_archive(path, "department.zip", book, {shape.form.name: shape}))
    notes = remarks(shape, [read], {})
    assert len(read.rows) == args.rows
    clock.say(f"department workbook read, checked and reported ({sum(map(len, notes.values())):,} remarks)", args.rows)
