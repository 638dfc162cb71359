"""``./run bench register``: the register of a nation's province: list, search and check over 60,000 institutions, with the plans.

The store is the one that JIENENG_DATABASE_URL names (a throw-away schema of its own there), else a temporary SQLite file. Nothing of a
workspace is touched.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

QUESTIONS = ("page 1 of everything", "count of everything", "by name 中学", "by a name that nobody has", "by initials slz", "by code", "of one department", "line ≠ territory",
             "tree of offices with counts", "pairs that look alike")


def _setup() -> None:
    if not os.environ.get("JIENENG_DATABASE_URL"):
        os.environ["JIENENG_HOME"] = tempfile.mkdtemp(prefix="jieneng-bench-")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jieneng.desk.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS bench_register CASCADE")
            cursor.execute("CREATE SCHEMA bench_register")
            cursor.execute("SET search_path TO bench_register")
    call_command("migrate", verbosity=0, interactive=False)


def _fill(count: int) -> None:
    """``count`` institutions in 100 areas of 12 departments; every tenth was renamed once, every fiftieth lies elsewhere."""
    from jieneng.people.models import Office
    from jieneng.registry.actions import initials
    from jieneng.registry.models import Institution, Standing

    root = Office.objects.create(code="340000", name="省", kind="province", path="/340000/", area="340000")
    lines = []
    for n in range(1, 101):
        area = Office.objects.create(code=f"34{n:04}", name=f"示例县{n}", kind="county", parent=root, path=f"/340000/34{n:04}/", area=f"34{n:04}")
        lines += [Office(code=f"{area.code}-{m}", name=f"示例局{m}", kind="department", parent=area, path=f"{area.path}{area.code}-{m}/", area=area.code) for m in range(12)]
    lines = list(Office.objects.bulk_create(lines))
    sorts = ("第{n}中学", "第{n}小学", "人民医院{n}", "图书馆{n}", "示例局办公室{n}")
    short = {s: initials(s.replace("{n}", "")) for s in sorts}
    bodies = Institution.objects.bulk_create([Institution(key=f"12340000{n:09}X") for n in range(count)], batch_size=5000)
    rows = []
    for n, body in enumerate(bodies):
        line, sort = lines[n % len(lines)], sorts[n % 5]
        more: dict[str, Any] = {"office": line, "area": line.area, "department": line.name, "territory": "340001" if n % 50 == 0 else line.area, "type": "education"}
        name = f"示例{sort.format(n=n)}"
        rows.append(Standing(institution=body, since=dt.date(2019, 1, 1), name=name, initials="sl" + short[sort] + str(n), **more))
        if n % 10 == 0:
            rows.append(Standing(institution=body, since=dt.date(2022, 1, 1), name=name + "（新）", initials="slx" + short[sort] + str(n), **more))
    Standing.objects.bulk_create(rows, batch_size=5000)


def _questions() -> dict[str, Callable[[], Any]]:
    from jieneng.people.scope import Scope
    from jieneng.registry import queries
    from jieneng.registry.pages import _of_kind

    day, mine = dt.date(2022, 12, 31), Scope(lines=("/340000/",))

    def seen() -> Any:
        return _of_kind(queries.seen(mine, day), "in", 2022).order_by("office__path", "institution__key")

    def found(text: str) -> Callable[[], Any]:
        return lambda: list(queries.search(seen(), text)[:25])

    asks = (lambda: list(seen()[:25]), lambda: seen().count(), found("中学"), found("没有的名字"), found("slz"), found("12340000000000777"),
            lambda: list(seen().filter(department="示例局3", area="340007")[:25]), lambda: _of_kind(queries.seen(mine, day), "apart", 2022).count(),
            lambda: queries.tree(mine.lines, day), lambda: queries.alike(list(seen())))
    return dict(zip(QUESTIONS, asks, strict=True))


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench register")
    parser.add_argument("--institutions", type=int, default=60_000)
    parser.add_argument("--plans", action="store_true", help="print the plan of each question")
    args = parser.parse_args(words)
    _setup()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    begin = time.perf_counter()
    _fill(args.institutions)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(f"{connection.vendor}: {args.institutions:,} institutions in {time.perf_counter() - begin:.1f} s")
    for name, ask in _questions().items():
        ask()
        with CaptureQueriesContext(connection, ) as captured:
            begin, cpu = time.perf_counter(), time.process_time()
            ask()
            took = time.perf_counter() - begin
        print(f"{name:32} {took * 1000:8.1f} ms   own CPU {(time.process_time() - cpu) * 1000:7.1f} ms   {len(captured)} queries")
        if args.plans and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + captured.captured_queries[0]["sql"])
                print("\n".join("    " + r[0] for r in cursor.fetchall()))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA bench_register CASCADE")
    return 0
