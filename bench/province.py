"""``./run bench province``: a province of 60,000 institutions comes in; completeness page and register search; a plain peer beside each.

The store is the one that JIENENG_DATABASE_URL names (PostgreSQL: a throw-away schema of its own), else a temporary SQLite file. The
tables are CSV files as a platform would export them: the register, and one year's figures (a line per institution, 37 items). Each of
our steps goes the whole way of the product (file kept, limited child, layout, checks, revisions, event); each peer does the least that
gives the same rows or counts: csv and COPY (SQLite: executemany), or one SQL query. Counts of both must be equal.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCHEMA = "bench_province"
REGISTER = """layout: province-register
title: {zh: 全省名录, en: The province's register}
book: cn
reads: register
file: {kind: csv}
identifier: {column: 统一社会信用代码, scheme: uscc}
name: 单位名称
area: 归口
department: 主管部门
type: 类型
since: {value: 2019-01-01}
aliases: {platform: 平台编号}
"""


def setup(home: Path) -> None:
    """A workspace with an empty store."""
    os.environ["JIENENG_HOME"] = str(home)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jieneng.desk.settings")
    (home / "workspace.json").write_text(json.dumps({"book": "cn"}), encoding="utf-8")
    for sub in ("received", "snapshots", "layouts", "logs"):
        (home / sub).mkdir()
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            cursor.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.close()
        connection.settings_dict.setdefault("OPTIONS", {})["options"] = f"-c search_path={SCHEMA}"
    call_command("migrate", verbosity=0, interactive=False)


def people(counties: int) -> tuple[Any, Any]:
    """The province's office with its counties, and who works there."""
    from jieneng.people.models import Appointment, Office, User

    root = Office.objects.create(code="340000", name="示例省", kind="city", path="/340000/", area="340000")
    Office.objects.bulk_create([Office(code=f"34{n:04}", name=f"示例县{n}", kind="county", parent=root, path=f"/340000/34{n:04}/", area=f"34{n:04}") for n in range(1, counties + 1)])
    user = User.objects.create_user("bench", "bench-bench-bench-2022", name="测量")
    Appointment.objects.create(user=user, role="city", office=root, since=dt.date(2020, 1, 1))
    return root, user


def write_files(folder: Path, n: int, counties: int, items: list[tuple[str, str, str]]) -> tuple[Path, Path, str]:
    """The register, the year's figures, and the layout of the second. One unit in twenty has not filed; one figure in fifty is blank."""
    from jieneng.desk.example.codes import credit_code

    dice = random.Random(2022)
    register, figures = folder / "全省名录.csv", folder / "全省2022年度.csv"
    codes = []
    with register.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["统一社会信用代码", "单位名称", "归口", "主管部门", "类型", "平台编号"])
        for k in range(n):
            county = f"34{k % counties + 1:04}"
            codes.append(credit_code("12", "340001", f"{90000000 + k}"))
            what, kind = (("中学", "education"), ("小学", "education"), ("医院", "health"), ("图书馆", "culture"), ("局", "organ"))[k % 5]
            writer.writerow([codes[-1], f"示例第{k}{what}", county, f"示例局{k % 12}", kind, f"{county}{k:06}"])
    with figures.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["统一社会信用代码", "单位名称", "年度", *(f"{label}（{unit}）" for _, label, unit in items)])
        for k, code in enumerate(codes):
            if k % 20:
                writer.writerow([code, f"示例第{k}", "2022", *("" if dice.random() < 0.02 else f"{dice.random() * 1000:.1f}" for _ in items)])
    layout = ("layout: province-year\ntitle: {zh: 全省年报, en: The year}\nbook: cn\nreads: answers\nform: consumption\nfile: {kind: csv}\n"
              "identifier: {column: 统一社会信用代码, scheme: uscc}\nname: 单位名称\nperiod: {column: 年度, format: YYYY}\nitems:\n")
    layout += "".join(f'  - {{column: "{label}（{unit}）", item: {code}, unit: {unit}}}\n' for code, label, unit in items)
    return register, figures, layout


def copied(path: Path, table: str) -> int:
    """The peer of an import: the rows of a CSV in a plain table of texts."""
    from django.db import connection, transaction

    with path.open(newline="", encoding="utf-8") as file, transaction.atomic(), connection.cursor() as cursor:
        reader = csv.reader(file)
        width = len(next(reader))
        columns = ", ".join(f"c{k} text" for k in range(width))
        cursor.execute(f"CREATE TABLE {table} ({columns})")
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in reader:
                    copy.write_row(row)
        else:
            cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * width)})", list(reader))
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


class Sheet:
    """What was measured: wall, our CPU, number of queries, and the ratio to the peer."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def measure(self, what: str, ours: Callable[[], Any], peer: Callable[[], Any] | None, repeat: int = 1) -> Any:
        from django.db import connection

        best: tuple[float, float, int] = (1e9, 0.0, 0)
        answer: Any = None
        for _ in range(repeat):
            asked = [0]

            def count(execute: Any, text: Any, values: Any, many: Any, context: Any, asked: list[int] = asked) -> Any:
                asked[0] += 1
                return execute(text, values, many, context)

            with connection.execute_wrapper(count):
                wall, cpu = time.perf_counter(), time.process_time()
                answer = ours()
                took = time.perf_counter() - wall
                best = min(best, (took, time.process_time() - cpu, asked[0]))
        beside, theirs = 0.0, None
        if peer is not None:
            runs = []
            for _ in range(repeat):
                wall = time.perf_counter()
                theirs = peer()
                runs.append(time.perf_counter() - wall)
            beside = min(runs)
            if theirs != answer:
                raise SystemExit(f"{what}: ours says {answer}, the peer {theirs}")
        self.rows.append({"step": what, "seconds": best[0], "cpu": best[1], "queries": best[2], "peer": beside, "answer": str(answer)})
        ratio = f"peer {beside:8.3f} s   × {best[0] / beside:7.1f}" if beside else ""
        print(f"{what:38} {best[0]:8.3f} s   cpu {best[1]:8.3f} s   {best[2]:5} queries   {ratio}   = {answer}", flush=True)
        return answer


def pages(sheet: Sheet, user: Any, round_: Any) -> None:
    """Completeness by area, and the register searched, as a browser asks for them."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import setup_test_environment
    from django.urls import reverse

    setup_test_environment()
    client = Client()
    client.force_login(user)

    def page(address: str, pattern: str) -> Callable[[], Any]:
        def ask() -> int:
            response = client.get(address)
            if response.status_code != 200:
                raise SystemExit(f"{address}: {response.status_code}")
            return int(_number(response.context, pattern))
        return ask

    def sql(text: str, *values: Any) -> Callable[[], Any]:
        def ask() -> int:
            with connection.cursor() as cursor:
                cursor.execute(text, values)
                return sum(int(r[-1]) for r in cursor.fetchall())
        return ask

    states = ("SELECT s.area, r.state, count(*) FROM returns_return r JOIN registry_standing s ON s.institution_id = r.institution_id "
              "WHERE r.round_id = %s AND r.state IN ('filed', 'dept_ok', 'county_ok', 'accepted', 'signed') GROUP BY 1, 2")
    sheet.measure("completeness page", page(reverse("chase", args=[round_.pk]), "whole.done"), sql(states, round_.pk), 2)
    sheet.measure("completeness page, by department", page(reverse("chase", args=[round_.pk]) + "?by=department", "whole.done"), sql(states.replace("s.area", "s.department"), round_.pk), 2)
    # name search counts the institutions a name of any time fits
    named = "SELECT count(DISTINCT institution_id) FROM registry_standing WHERE upper(name) LIKE upper(%s)"
    for word in ("中学", "第4321", "没有的名字"):
        sheet.measure(f"register page, search {word}", page(reverse("register") + f"?q={word}", "page.paginator.count"), sql(named, f"%{word}%"), 2)
    key = "SELECT count(*) FROM registry_institution WHERE upper(key) LIKE upper(%s)"
    sheet.measure("register page, search by code", page(reverse("register") + "?q=1234000190000", "page.paginator.count"), sql(key, "1234000190000%"), 2)


def _number(context: Any, path: str) -> Any:
    first, _, rest = path.partition(".")
    value = context[first]
    for part in rest.split("."):
        value = getattr(value, part)
    return value


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench province")
    parser.add_argument("--institutions", type=int, default=60_000)
    parser.add_argument("--counties", type=int, default=100)
    parser.add_argument("--keep", action="store_true", help=f"leave the schema {SCHEMA} where it is, to look at plans")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="jieneng-province-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        setup(home)
        sheet = _measured(Path(folder), args.institutions, args.counties, args.keep)
    if args.json:
        args.json.write_text(json.dumps(sheet.rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


def _measured(folder: Path, n: int, counties: int, keep: bool) -> Sheet:
    from django.db import connection

    from jieneng.fieldwork.intake import bring_in, receive_path
    from jieneng.returns import actions as returns
    from jieneng.returns.queries import book
    from jieneng.rulebook import form_for

    root, user = people(counties)
    b = book()
    items = [(i.item, str(b.items[i.item].label), b.items[i.item].unit) for i in form_for(b, "consumption", 2022).items]
    register, figures, layout = write_files(folder, n, counties, items)
    print(f"{connection.vendor}: {n:,} institutions, {counties} counties, {len(items)} items; load {os.getloadavg()[0]:.1f}", flush=True)
    sheet = Sheet()

    def take(path: Path, text: str, what: str) -> Callable[[], int]:
        def go() -> int:
            batch = bring_in(user, receive_path(user, path), text, office=root, layout_name="x.yaml")
            if batch.problems:
                raise SystemExit(str(batch.problems[:3]))
            return int(batch.counts[what]["new"] + batch.counts[what]["same"])
        return go

    sheet.measure("import: register", take(register, REGISTER, "register"), lambda: copied(register, "peer_register"))
    sheet.measure("import: the same register again", take(register, REGISTER, "register"), None)
    made: list[Any] = []

    def opened() -> int:
        made.append(returns.open_round(user, b, form="consumption", year=2022, office=root, rhythm="year"))
        return int(made[0].returns.count())

    sheet.measure("open the round", opened, None)
    sheet.measure("import: a year's figures", take(figures, layout, "answers"), lambda: copied(figures, "peer_figures"))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    pages(sheet, user, made[0])
    peak = [resource.getrusage(who).ru_maxrss / 1024**2 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"peak memory {peak[0]:.2f} GiB, of a child {peak[1]:.2f} GiB; cpu of children {spent.ru_utime + spent.ru_stime:.1f} s; load {os.getloadavg()[0]:.1f}", flush=True)
    if connection.vendor == "postgresql" and not keep:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    return sheet
