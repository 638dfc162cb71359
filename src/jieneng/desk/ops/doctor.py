"""``jieneng doctor``: what an operator should know about machine and workspace; each check with an id and what helps."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from jieneng.core.problem import Refused
from jieneng.core.words import T

from . import workspace

WAL_FIXED = (3, 51, 3)
BACKUP_AGE = 26 * 3600


@dataclass(frozen=True)
class Check:
    """One line: state ok, warn or fail."""

    id: str
    label: T
    state: str
    found: T
    hint: T | None = None

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "label": self.label.as_json(), "state": self.state, "found": self.found.as_json(),
                "hint": self.hint.as_json() if self.hint else None}


def _text(value: object) -> T:
    plain = str(value).replace("{", "(").replace("}", ")") or "—"
    return T(plain, plain)


def sqlite_version() -> Check:
    """X1: the WAL-reset bug of SQLite before 3.51.3."""
    import sys

    label = T("SQLite 版本", "SQLite version")
    if connection.vendor != "sqlite":
        return Check("jieneng.D001", label, "ok", T("用 PostgreSQL", "PostgreSQL is used"))
    module = sys.modules.get("sqlite3", sqlite3)
    found = tuple(int(p) for p in module.sqlite_version.split("."))
    if found >= WAL_FIXED:
        return Check("jieneng.D001", label, "ok", _text(module.sqlite_version))
    return Check("jieneng.D001", label, "fail", _text(module.sqlite_version), T(
        "3.51.3 以前的 SQLite 在 WAL 下多进程可能写坏文件：装 pysqlite3 或换系统", "SQLite before 3.51.3 may corrupt a WAL database used by several processes: install pysqlite3"))


def pragmas() -> Check:
    label = T("数据库设置", "database settings")
    if connection.vendor != "sqlite":
        return Check("jieneng.D002", label, "ok", T("不适用", "not applicable"))
    with connection.cursor() as cursor:
        found = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")}
    good = found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    return Check("jieneng.D002", label, "ok" if good else "fail", _text(", ".join(f"{k}={v}" for k, v in found.items())),
                 None if good else T("应为 wal、FULL（2）、外键开：断电才不丢已保存的", "expected wal, FULL (2), foreign keys on: else a power cut may lose what was saved"))


def migrations() -> Check:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    known = set(executor.loader.disk_migrations)
    unknown = [f"{a}.{n}" for a, n in executor.loader.applied_migrations if (a, n) not in known]
    label = T("数据库版本", "database version")
    if unknown:
        return Check("jieneng.D003", label, "fail", T("数据库比程序新：{m}", "the database is newer than the program: {m}", m="、".join(unknown[:3])),
                     T("换新版程序", "use the newer program"))
    return Check("jieneng.D003", label, "fail" if plan else "ok", T("还差 {n} 步", "{n} steps behind", n=len(plan)) if plan else T("一致", "in step"),
                 T("运行 jieneng upgrade", "run jieneng upgrade") if plan else None)


def space() -> Check:
    free = workspace.free_space(Path(settings.HOME))
    state = "ok" if free > 4 * workspace.FLOOR else "warn" if free > workspace.FLOOR else "fail"
    return Check("jieneng.D004", T("磁盘空间", "disk space"), state, T("剩 {n} MB", "{n} MB free", n=free >> 20),
                 None if state == "ok" else T("腾出空间；低于 {f} MB 时停收文件", "make room; below {f} MB files are no longer taken", f=workspace.FLOOR >> 20))


def reserve() -> Check:
    path = Path(settings.HOME) / workspace.RESERVE
    there = path.exists() and path.stat().st_size >= workspace.RESERVE_SIZE
    return Check("jieneng.D005", T("备用空间文件", "reserve file"), "ok" if there else "warn", T("在", "there") if there else T("不在", "not there"),
                 None if there else T("重启 serve 会补上；磁盘满时删掉它可救急", "serve makes it again; delete it when the disk is full"))


def permissions() -> Check:
    home, key = Path(settings.HOME), Path(settings.HOME) / "secret.key"
    label = T("权限和密钥", "permissions and key")
    if not key.exists() or len(key.read_text().strip()) < 50:
        return Check("jieneng.D006", label, "fail", T("密钥没有或太短", "the key is missing or short"), T("从备份找回，或重新 init", "take it from a backup or init again"))
    if os.name != "nt" and (stat.S_IMODE(home.stat().st_mode) & 0o077 or stat.S_IMODE(key.stat().st_mode) & 0o077):
        return Check("jieneng.D006", label, "warn", T("别的用户能读工作区", "other users can read the workspace"), T("chmod 700 {h}; chmod 600 {h}/secret.key", "chmod 700 {h}; chmod 600 {h}/secret.key", h=str(home)))
    return Check("jieneng.D006", label, "ok", T("只有本用户可读", "readable by this user only"))


def rules() -> Check:
    from jieneng.returns.queries import book

    label = T("规则库", "rulebook")
    try:
        found = book()
    except Refused as refusal:
        return Check("jieneng.D007", label, "fail", _text(refusal.problems[0]), T("运行 jieneng rulebook check", "run jieneng rulebook check"))
    return Check("jieneng.D007", label, "ok", _text(f"{found.code} {found.hash[:12]}"))


def stuck_jobs() -> Check:
    from django.utils import timezone

    from jieneng.records.models import Job

    waiting = Job.objects.filter(state="ready", created_at__lt=timezone.now() - timezone.timedelta(minutes=10)).count()
    failed = Job.objects.filter(state="failed").count()
    label = T("长任务", "long tasks")
    if waiting:
        return Check("jieneng.D008", label, "warn", T("{n} 件等了十分钟以上", "{n} waiting for over ten minutes", n=waiting), T("worker 可能没在运行：jieneng serve", "no worker may be running: jieneng serve"))
    return Check("jieneng.D008", label, "ok", T("没有卡住的；失败过 {n} 件", "none stuck; {n} failed", n=failed))


def last_backup() -> Check:
    folder = Path(settings.HOME) / "backups"
    files = sorted(folder.glob("*.jieneng.zip"), key=lambda p: p.stat().st_mtime) if folder.is_dir() else []
    label = T("最近的备份", "last backup")
    if not files:
        return Check("jieneng.D009", label, "warn", T("还没有备份", "there is none"), T("运行 jieneng backup，并存一份到别处", "run jieneng backup, and keep a copy elsewhere"))
    age = time.time() - files[-1].stat().st_mtime
    return Check("jieneng.D009", label, "ok" if age < BACKUP_AGE else "warn", T("{h} 小时前", "{h} hours ago", h=int(age // 3600)),
                 None if age < BACKUP_AGE else T("每天备份一次", "back up every day"))


def leftovers() -> Check:
    from jieneng.returns.models import SnapshotRecord

    folder = Path(settings.HOME) / "snapshots"
    known = set(SnapshotRecord.objects.values_list("pk", flat=True))
    strays = [p.name for p in folder.iterdir() if p.name not in known] if folder.is_dir() else []
    return Check("jieneng.D010", T("没做完的快照", "unfinished snapshots"), "warn" if strays else "ok", T("{n} 个", "{n}", n=len(strays)),
                 T("下一次封存会清掉", "the next freeze clears them away") if strays else None)


def clock() -> Check:
    from jieneng.records.models import Event

    last = Event.objects.order_by("-seq").first()
    from django.utils import timezone

    back = last is not None and last.at > timezone.localtime().isoformat()
    return Check("jieneng.D011", T("系统时钟", "clock"), "warn" if back else "ok", _text(timezone.localtime().strftime("%Y-%m-%d %H:%M %Z")),
                 T("时钟比最后一条记录还早：先校时", "the clock is behind the last event: set it") if back else None)


def office_suite() -> Check:
    path = shutil.which("soffice") or shutil.which("libreoffice")
    return Check("jieneng.D012", T("LibreOffice（生成 PDF 用）", "LibreOffice (for PDF)"), "ok", _text(path) if path else T("没有装；docx 不受影响", "not installed; docx is not affected"))


CHECKS: list[Callable[[], Check]] = [sqlite_version, pragmas, migrations, space, reserve, permissions, rules, stuck_jobs, last_backup, leftovers, clock, office_suite]


def run() -> list[Check]:
    """All checks; one that cannot run is a failure of its own, never a silent pass."""
    found = []
    for check in CHECKS:
        try:
            found.append(check())
        except Exception as error:
            found.append(Check(f"jieneng.{check.__name__}", _text(check.__name__), "fail", _text(f"{type(error).__name__}: {error}")))
    return found
