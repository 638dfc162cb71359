"""Whether database and program are of one version (faults.md M3)."""

from __future__ import annotations

from pathlib import Path

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from jieneng import __version__
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T

from . import workspace


def steps() -> tuple[list[str], list[str]]:
    """Migrations this program has and the database lacks, and those the database has and this program does not know."""
    executor = MigrationExecutor(connection)
    missing = [f"{m.app_label}.{m.name}" for m, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    known, rooms = set(executor.loader.disk_migrations), executor.loader.migrated_apps
    unknown = [f"{app}.{name}" for app, name in executor.loader.applied_migrations if app in rooms and (app, name) not in known]
    return missing, sorted(unknown)


def newer(theirs: str, unknown: list[str]) -> Refused:
    """The words for data that a newer program wrote."""
    return refuse("workspace.newer", T("数据是更新的版本 {a} 写的，本程序是 {b}（不认识 {m}）", "the data was written by the newer version {a}, this program is {b} (unknown: {m})",
                                       a=theirs, b=__version__, m="、".join(unknown[:3])),
                  do=T("换新版程序；数据没有动", "use the newer program; nothing was touched"))


def require_in_step(home: Path) -> None:
    """Refuse to work on a database of another version, naming both; nothing is touched."""
    missing, unknown = steps()
    theirs = str(workspace.described(home).get("version", "?"))
    if unknown:
        raise newer(theirs, unknown)
    if missing:
        raise refuse("workspace.behind", T("数据库是版本 {a} 的，本程序是 {b}，还差 {n} 步", "the database is at version {a}, this program is {b}: {n} steps behind",
                                           a=theirs, b=__version__, n=len(missing)),
                     do=T("运行 jieneng upgrade（会先备份）", "run jieneng upgrade (it backs up first)"))
