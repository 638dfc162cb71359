"""``jieneng doctor``: what an operator should know about machine and workspace; each check with an id and what helps.

A check reads and never changes. ``ok``: nothing to do; ``warn``: soon; ``fail``: now.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from jieneng import engine
from jieneng.core.problem import Refused
from jieneng.core.words import T

from . import archive, versions, workspace

WAL_FIXED = (3, 51, 3)
BACKUP_AGE = 26 * 3600
INODES = 10_000
STUCK = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Check:
    """One line: state ok, warn or fail; what was found; what helps."""

    id: str
    label: T
    state: str
    found: T
    hint: T | None = None

    def as_json(self) -> dict[str, Any]:
        """Both languages."""
        return {"id": self.id, "label": self.label.as_json(), "state": self.state, "found": self.found.as_json(),
                "hint": self.hint.as_json() if self.hint else None}


def _text(value: object) -> T:
    """A text that is the same in both languages."""
    return T("{v}", "{v}", v=str(value) or "—")


def _home() -> Path:
    return Path(settings.HOME)


def sqlite_version() -> Check:
    """X1: before 3.51.3 two processes that checkpoint and write a WAL database at the same moment can corrupt it."""
    label = T("SQLite 版本", "SQLite version")
    if connection.vendor != "sqlite":
        return Check("jieneng.D001", label, "ok", T("用 PostgreSQL", "PostgreSQL is used"))
    from django.db.backends.sqlite3.base import Database

    version = str(Database.sqlite_version)
    if tuple(int(p) for p in version.split(".")) >= WAL_FIXED:
        return Check("jieneng.D001", label, "ok", _text(version))
    mode = _shown("PRAGMA journal_mode")
    hint = T("3.51.3 以前的 SQLite 在 WAL 下多进程可能写坏数据库：装 pysqlite3 0.6.1 以上，或用 PostgreSQL",
             "SQLite before 3.51.3 may corrupt a WAL database used by several processes: install pysqlite3 0.6.1 or later, or use PostgreSQL")
    return Check("jieneng.D001", label, "fail" if mode == "wal" else "warn", _text(f"{version} ({mode})"), hint)


def _shown(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str(cursor.fetchone()[0])


def pragmas() -> Check:
    """X2: read back what every connection was told; FULL is what keeps an acknowledged write over a power cut."""
    label = T("数据库设置", "database settings")
    if connection.vendor == "sqlite":
        found = {name: _shown(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")}
        # a rollback journal is slower and as safe; the library before X1's mending needs it
        good = found["journal_mode"] in ("wal", "delete") and (found["synchronous"], found["foreign_keys"]) == ("2", "1")
        hint = T("应为 wal、FULL（2）、外键开：断电才不丢已保存的", "expected wal, FULL (2), foreign keys on: else a power cut may lose what was saved")
    else:
        found = {name: _shown(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")}
        good = found["synchronous_commit"] in ("on", "remote_apply", "remote_write", "local") and found["fsync"] == found["full_page_writes"] == "on"
        hint = T("fsync、full_page_writes、synchronous_commit 都应为 on：断电才不丢已保存的",
                 "fsync, full_page_writes and synchronous_commit should be on: else a power cut may lose what was saved")
    return Check("jieneng.D002", label, "ok" if good else "fail", _text(", ".join(f"{k}={v}" for k, v in found.items())), None if good else hint)


def migrations() -> Check:
    """Whether database and program are of one version."""
    missing, unknown = versions.steps()
    label = T("数据库版本", "database version")
    if unknown:
        return Check("jieneng.D003", label, "fail", T("数据库比程序新：{m}", "the database is newer than the program: {m}", m="、".join(unknown[:3])),
                     T("换新版程序", "use the newer program"))
    if missing:
        return Check("jieneng.D003", label, "fail", T("还差 {n} 步", "{n} steps behind", n=len(missing)), T("运行 jieneng upgrade", "run jieneng upgrade"))
    return Check("jieneng.D003", label, "ok", T("一致", "in step"))


def space() -> Check:
    """Bytes and files that may still be written."""
    free, inodes, floor = workspace.free_space(_home()), workspace.free_inodes(_home()), workspace.floor()
    few = inodes is not None and inodes < INODES
    state = "fail" if free < floor or (inodes is not None and inodes < 100) else "warn" if free < 4 * floor or few else "ok"
    found = T("剩 {n} MB，还可建 {i} 个文件", "{n} MB and {i} files free", n=f"{free >> 20:,}", i="—" if inodes is None else f"{inodes:,}")
    return Check("jieneng.D004", T("磁盘空间", "disk space"), state, found,
                 None if state == "ok" else T("腾出空间；低于 {f} MB 时不再导入、封存和备份", "make room; below {f} MB nothing is imported, frozen or backed up", f=floor >> 20))


def reserve() -> Check:
    """X6: with nothing left, not even reading a WAL database works."""
    path = _home() / workspace.RESERVE
    there = path.exists() and path.stat().st_size >= workspace.RESERVE_SIZE
    return Check("jieneng.D005", T("备用空间文件", "reserve file"), "ok" if there else "warn", T("在", "there") if there else T("不在", "not there"),
                 None if there else T("空间够时 serve 会自动补上", "serve makes it again once there is room"))


def permissions() -> Check:
    """Who can read the workspace, and whether the key is one."""
    home, key = _home(), _home() / "secret.key"
    label = T("权限和密钥", "permissions and key")
    if not key.exists() or len(key.read_text().strip()) < 50:
        return Check("jieneng.D006", label, "fail", T("密钥没有或太短：每次启动都要重新登录", "the key is missing or short: everybody must sign in again at each start"), T(
            "停下 serve，写一个 60 字以上的随机密钥到 {k}", "stop serve and write a random key of 60 characters or more to {k}", k=str(key)))
    if os.name != "nt" and (stat.S_IMODE(home.stat().st_mode) | stat.S_IMODE(key.stat().st_mode)) & 0o077:
        return Check("jieneng.D006", label, "warn", T("别的用户能读工作区", "other users can read the workspace"),
                     T("chmod 700 {h}; chmod 600 {h}/secret.key", "chmod 700 {h}; chmod 600 {h}/secret.key", h=str(home)))
    return Check("jieneng.D006", label, "ok", T("只有本用户可读", "readable by this user only"))


def rules() -> Check:
    """Whether the workspace's rulebook loads."""
    from jieneng.returns.queries import book

    label = T("规则库", "rulebook")
    try:
        found = book()
    except Refused as refusal:
        return Check("jieneng.D007", label, "fail", _text(refusal.problems[0]), T("运行 jieneng rulebook check", "run jieneng rulebook check"))
    return Check("jieneng.D007", label, "ok", _text(f"{found.code} {found.hash[:12]}"))


def stuck_jobs() -> Check:
    """Jobs that nobody does."""
    from jieneng.records.models import Job

    now = timezone.now()
    waiting = Job.objects.filter(state="ready", created_at__lt=now - STUCK).count()
    silent = Job.objects.filter(state="running", lease_until__lt=now - STUCK).count()
    failed = Job.objects.filter(state="failed").count()
    label = T("长任务", "long tasks")
    if waiting or silent:
        return Check("jieneng.D008", label, "warn", T("{n} 件等了十分钟以上，{s} 件中断了没有接着办", "{n} waiting for over ten minutes, {s} interrupted and not taken up", n=waiting, s=silent),
                     T("没有 worker 在运行：jieneng serve", "no worker is running: jieneng serve"))
    return Check("jieneng.D008", label, "ok", T("没有卡住的；失败过 {n} 件", "none stuck; {n} failed", n=failed))


def last_backup() -> Check:
    """The age of the newest backup in the workspace that reads as one."""
    label, hint = T("最近的备份", "last backup"), T("运行 jieneng backup，并存一份到别处", "run jieneng backup, and keep a copy elsewhere")
    path = workspace.last_backup(_home())
    if path is None:
        return Check("jieneng.D009", label, "warn", T("还没有备份", "there is none"), hint)
    try:
        archive.read_manifest(path)
    except Refused as refusal:
        return Check("jieneng.D009", label, "fail", _text(refusal.problems[0].found), hint)
    age = time.time() - path.stat().st_mtime
    return Check("jieneng.D009", label, "ok" if age < BACKUP_AGE else "warn", T("{f}，{h} 小时前", "{f}, {h} hours ago", f=path.name, h=int(age // 3600)),
                 None if age < BACKUP_AGE else T("每天备份一次", "back up every day"))


def leftovers() -> Check:
    """What killed commands left: harmless, but it takes room."""
    from jieneng.returns.models import SnapshotRecord

    home = _home()
    known = set(SnapshotRecord.objects.values_list("pk", flat=True))
    folder = home / "snapshots"
    found = [p.name for p in sorted(folder.iterdir()) if p.name not in known and not p.name.startswith(".tmp-")] if folder.is_dir() else []
    found += engine.leftovers(home)
    found += [p.name for p in old_parts(home / "received")]
    found += [p.name for p in home.parent.glob(f".{home.name}.restoring-*")]
    return Check("jieneng.D010", T("中断后的剩余", "left by interrupted commands"), "warn" if found else "ok", T("{n} 个：{f}", "{n}: {f}", n=len(found), f="、".join(found[:3]))
                 if found else T("没有", "none"), T("下一次封存、恢复、备份会清掉各自的；.part- 文件可删", "the next freeze, restore or backup clears its own; .part- files may be deleted") if found else None)


def old_parts(folder: Path, older_than: float = 3600) -> list[Path]:
    """Files under a half-written name in which nothing was written for an hour."""
    return [p for p in sorted(folder.glob(".part-*")) if time.time() - p.stat().st_mtime > older_than] if folder.is_dir() else []


def clock() -> Check:
    """Order goes by sequence, but dates in documents go by the clock."""
    from jieneng.records.models import Event

    label, now = T("系统时钟", "clock"), timezone.localtime()
    last = Event.objects.order_by("-seq").first()
    found = _text(now.strftime("%Y-%m-%d %H:%M %Z"))
    if last is not None and dt.datetime.fromisoformat(last.at) > now + dt.timedelta(minutes=2):
        return Check("jieneng.D011", label, "warn", found, T("时钟比最后一条办理记录还早：先校时", "the clock is behind the last event: set it"))
    return Check("jieneng.D011", label, "ok", found)


def office_suite() -> Check:
    """LibreOffice makes the PDF; the docx needs nothing."""
    path = shutil.which("soffice") or shutil.which("libreoffice")
    return Check("jieneng.D012", T("LibreOffice（生成 PDF 用）", "LibreOffice (for PDF)"), "ok", _text(path) if path else T("没有装；docx 不受影响", "not installed; docx is not affected"))


def fonts() -> Check:
    """A PDF needs a Chinese font on this machine."""
    label = T("中文字体（生成 PDF 用）", "Chinese fonts (for PDF)")
    tool = shutil.which("fc-list")
    if tool is None:
        return Check("jieneng.D013", label, "ok", T("不能判断（没有 fontconfig）", "cannot tell (no fontconfig)"))
    found = subprocess.run([tool, ":lang=zh", "family"], capture_output=True, text=True, timeout=20).stdout.strip().splitlines()
    if not found:
        return Check("jieneng.D013", label, "warn", T("没有", "none"), T("装 fonts-noto-cjk，或本单位有授权的字体", "install fonts-noto-cjk, or fonts your office is licensed for"))
    return Check("jieneng.D013", label, "ok", _text(sorted(found)[0].split(",")[0]))


def postgresql_tools() -> Check:
    """A backup of PostgreSQL needs pg_dump, not older than the server."""
    label = T("备份工具", "backup tools")
    if connection.vendor == "sqlite":
        return Check("jieneng.D014", label, "ok", T("不需要", "none needed"))
    try:
        tool = archive.postgresql_tool("pg_dump")
    except Refused as refusal:
        return Check("jieneng.D014", label, "fail", _text(refusal.problems[0].found), refusal.problems[0].do)
    version = subprocess.run([tool, "--version"], capture_output=True, text=True, timeout=20).stdout.split()
    server = int(_shown("SHOW server_version_num")) // 10_000
    ours = int(version[2].split(".")[0]) if len(version) > 2 and version[2].split(".")[0].isdigit() else 0
    good = ours >= server
    return Check("jieneng.D014", label, "ok" if good else "fail", _text(f"pg_dump {ours}, PostgreSQL {server}"), None if good else
                 T("装与服务器同版本的 postgresql-client", "install the postgresql-client of the server's version"))


def numbers_engine() -> Check:
    """Whether the engine that adds up the figures is there; a cluster is only greeted, nothing is run on it."""
    label = T("数值引擎", "engine of the figures")
    try:
        engine.check_engine(settings.ENGINE)
    except Refused as refusal:
        return Check("jieneng.D015", label, "fail", _text(refusal.problems[0].found), refusal.problems[0].do)
    return Check("jieneng.D015", label, "ok", _text(settings.ENGINE.partition("?")[0]))


CHECKS: list[Callable[[], Check]] = [
    sqlite_version, pragmas, migrations, space, reserve, permissions, rules, stuck_jobs, last_backup, leftovers, clock, office_suite, fonts, postgresql_tools,
    numbers_engine]


def quick_check() -> str | None:
    """What SQLite itself finds wrong with the database, or None."""
    if connection.vendor != "sqlite":
        return None
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(3)")
            rows = [str(r[0]) for r in cursor.fetchall()]
    except Exception as error:
        return str(error)
    return None if rows == ["ok"] else "；".join(rows)


def run() -> list[Check]:
    """All checks; one that cannot run is a failure of its own, never a silent pass."""
    found = []
    for n, check in enumerate(CHECKS, 1):
        try:
            found.append(check())
        except Exception as error:
            found.append(Check(f"jieneng.D{n:03}", _text(check.__name__), "fail", _text(f"{type(error).__name__}: {error}")))
    return found
