"""A workspace that already holds a nation's accepted returns: rows put straight into the record store, as it keeps them.

What is measured afterwards (freezing) reads them as the product does. Putting them in is not measured: the product's own
way in is ``jieneng import``, which judges every return and is timed apart.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa

from .nation import EDITIONS, YEARS, Span, counties, path, spans

NOW = "2023-01-31 09:00:00"
HASH = "0" * 64
USER = "national"


def setup(home: Path, database: str = "") -> None:
    """Make the workspace if need be, and let this process use it."""
    import django

    os.environ |= {"JIENENG_HOME": str(home), "DJANGO_SETTINGS_MODULE": "jieneng.desk.settings"}
    if database:
        os.environ["JIENENG_DATABASE_URL"] = database
    from jieneng.desk.ops import workspace

    fresh = not (home / "workspace.json").exists()
    if fresh:
        workspace.prepare(home)
    django.setup()
    if fresh:
        from jieneng.desk.ops import making

        making.init(home, "cn")


def fill(home: Path, institutions: int, seed: int, database: str = "") -> int:
    """Make the workspace and put everything in. Returns the number of returns."""
    setup(home, database)
    from django.db import connection, transaction

    offices = _offices()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "ignore_check_constraints=ON", "foreign_keys=OFF"):
                cursor.execute(f"PRAGMA {pragma}")
    with transaction.atomic():
        rounds = _rounds()
        with connection.cursor() as cursor:
            for index in _indexes(cursor, connection.vendor):
                cursor.execute(f'DROP INDEX "{index}"')
        made = 0
        with ThreadPoolExecutor(1) as pool:
            for span, years in _ahead(pool, spans(institutions, seed)):
                _register(connection, span, offices)
                for year, (who, month, answers) in years.items():
                    _returns(connection, rounds[year], year, made, who.tolist(), month.tolist(), answers)
                    made += len(who)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
    connection.close()
    return made


def _ahead(pool: ThreadPoolExecutor, source: Iterable[Span]) -> Iterator[tuple[Span, dict[int, Any]]]:
    """Each span with its answers; the next is made while one is written."""
    waiting = None
    for span in source:
        coming = pool.submit(lambda s: (s, {y: s.answers(y) for y in YEARS}), span)
        if waiting is not None:
            yield waiting.result()
        waiting = coming
    if waiting is not None:
        yield waiting.result()


def _offices() -> dict[str, int]:
    """The tree of offices of the nation; county → id. The bench's own account may freeze at its top."""
    from jieneng.people.models import Appointment, Office, User

    nation = Office(code="100000", name="全国", kind="nation", path="/100000/")
    tree: dict[str, tuple[str, str, str]] = {}
    for county in counties():
        tree[f"{county[:2]}0000"] = ("100000", "province", "/100000/" + f"{county[:2]}0000/")
        tree[f"{county[:4]}00"] = (f"{county[:2]}0000", "city", f"/100000/{county[:2]}0000/{county[:4]}00/")
        tree[county] = (f"{county[:4]}00", "county", path(county))
    nation.save()
    have = {o.code: o for o in Office.objects.all()}
    for kind in ("province", "city", "county"):
        level = {c: t for c, t in tree.items() if t[1] == kind}
        for code in level.keys() & have.keys():
            Office.objects.filter(code=code).update(parent=have[level[code][0]], path=level[code][2], kind=kind, area=code)
        Office.objects.bulk_create([Office(code=c, name=f"示例{c}", kind=kind, parent=have[up], path=p, area=c)
                                    for c, (up, _, p) in level.items() if c not in have])
        have = {o.code: o for o in Office.objects.all()}
    user = User.objects.create(username=USER, name="全国")
    Appointment.objects.create(user=user, role="city", office=nation, since="2019-01-01")
    return {c: have[c].pk for c in counties()}


def _rounds() -> dict[int, int]:
    from jieneng.people.models import Office, User
    from jieneng.returns.models import Round

    user, office = User.objects.get(username=USER), Office.objects.get(code="100000")
    return {y: Round.objects.create(form="consumption", edition=EDITIONS[y], year=y, rhythm="month", office=office, by=user).pk for y in YEARS}


def _indexes(cursor: Any, vendor: str) -> list[str]:
    """The indexes that freezing does not use: left out so that rows go in fast."""
    if vendor == "sqlite":
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('returns_return', 'returns_revision')")
    else:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename IN ('returns_return', 'returns_revision') AND indexdef NOT LIKE '%UNIQUE%'")
    return [r[0] for r in cursor.fetchall()]


def _defaults(connection: Any, table: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the model gives to columns that must not be empty: a field that another room adds does not break the bench."""
    from django.apps import apps

    (model,) = (m for m in apps.get_models(include_auto_created=True) if m._meta.db_table == table)
    found: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if not field.null and not field.primary_key and field.column not in given:
            value = field.get_default()
            found[field.column] = json.dumps(value) if isinstance(value, (dict, list)) else (
                (_true if value else _false)(connection) if isinstance(value, bool) else value)
    return found


def _put(connection: Any, table: str, columns: dict[str, Any], rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows into a table; a column given as a text is the same in every row, one not given is as the model makes it."""
    columns = {**columns, **_defaults(connection, table, columns)}
    moving = [c for c, fixed in columns.items() if fixed is None]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            values = ", ".join("?" if fixed is None else f"'{fixed}'" if isinstance(fixed, str) else str(fixed) for fixed in columns.values())
            names = ", ".join(f'"{c}"' for c in columns)
            cursor.connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({values})", rows)
            return
        still = [c for c in columns if c not in moving]
        names = ", ".join(f'"{c}"' for c in (*moving, *still))
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            tail = tuple(columns[c] for c in still)
            for row in rows:
                copy.write_row((*row, *tail))


def _register(connection: Any, span: Span, offices: dict[str, int]) -> None:
    _put(connection, "registry_institution", {"id": None, "key": None, "scheme": "uscc", "created_at": NOW},
         ((n, f"{n:018}") for n in range(span.first, span.first + len(span))))
    _put(connection, "registry_standing", {
        "since": None, "name": None, "area": None, "territory": None, "department": None, "type": None, "institution_id": None, "office_id": None,
        "initials": "sl", "in_scope": _true(connection), "sensitive": _false(connection), "reason": "", "document": ""},
        ((since, f"示例{TYPE_NAMES[kind]}{who}", county, county, department, kind, who, offices[county])
         for who, since, county, department, kind in span.standings()))


def _returns(connection: Any, round_: int, year: int, made: int, who: list[int], month: list[int], answers: pa.Array) -> None:
    periods = [f"{year}-{m:02}" for m in range(13)]
    _put(connection, "returns_return", {"id": None, "institution_id": None, "period": None, "round_id": round_, "state": "accepted",
                                        "revision": 1, "accepted": 1},
         ((made + n, w, periods[m]) for n, (w, m) in enumerate(zip(who, month, strict=True), 1)))
    _put(connection, "returns_revision", {
        "id": None, "ret_id": None, "answers": None, "number": 1, "sources": "{}", "status": "original", "edition": EDITIONS[year], "rulebook": HASH,
        "at": NOW, "reason": "", "by_id": 1, "content": HASH},
        ((made + n, made + n, text) for n, text in enumerate(answers.to_pylist(), 1)))


def _true(connection: Any) -> Any:
    return 1 if connection.vendor == "sqlite" else True


def _false(connection: Any) -> Any:
    return 0 if connection.vendor == "sqlite" else False


TYPE_NAMES = {"organ": "机关", "education": "学校", "science": "研究所", "culture": "文化馆", "health": "医院", "sports": "体育馆",
              "other_service": "事业单位", "social_group": "社团"}
