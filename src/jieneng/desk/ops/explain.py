"""What the machine says when it cannot go on, in words a person can act on (faults.md D1–D5, C2)."""

from __future__ import annotations

import errno
from pathlib import Path

from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T

from . import workspace

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def explain(error: BaseException, home: Path) -> Refused | None:
    """The refusal that says what happened, or None for what is a fault of ours. Follows the chain of causes."""
    seen: BaseException | None = error
    while seen is not None:
        found = _system(seen, home) if isinstance(seen, OSError) else _database(seen, home)
        if found is not None:
            return found
        seen = seen.__cause__ or seen.__context__
    return None


def _full(home: Path) -> Refused:
    return refuse("disk.full", T("磁盘已满，这一步没有办成，已有的数据都在", "the disk is full; this step was not done, nothing was lost"),
                  do=T("腾出空间再办；急用时可删掉 {r}，有 64 MB", "make room and try again; in need delete {r}, which gives 64 MB back",
                       r=str(home / workspace.RESERVE)))


def _system(error: OSError, home: Path) -> Refused | None:
    where = str(error.filename or home)
    if error.errno in FULL:
        return _full(home)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return refuse("system.files", T("打开的文件太多，系统不许再开", "too many open files: the system allows no more"),
                      do=T("调高限额（ulimit -n）再办", "raise the limit (ulimit -n) and try again"))
    if error.errno == errno.EROFS:
        return refuse("disk.read_only", T("{p} 所在的磁盘是只读的", "the disk of {p} is read-only", p=where),
                      do=T("检查磁盘和挂载方式", "check the disk and how it is mounted"))
    if error.errno in (errno.EACCES, errno.EPERM):
        return refuse("system.permission", T("没有权限：{p}", "no permission: {p}", p=where),
                      do=T("用拥有工作区的用户运行", "run it as the user who owns the workspace"))
    if error.errno == errno.EIO:
        return refuse("disk.error", T("读写磁盘出错：{p}", "the disk reported an error: {p}", p=where),
                      do=T("先备份，再换盘；不要重试", "back up first, then change the disk; do not retry"))
    return None


def _database(error: BaseException, home: Path) -> Refused | None:
    if type(error).__name__ not in ("OperationalError", "DatabaseError", "InterfaceError", "ProgrammingError"):
        return None
    text = str(error).lower()
    if "disk is full" in text or "no space left" in text:
        return _full(home)
    if "disk i/o error" in text:  # also what SQLite says when there is no room for its -shm file (faults.md X6)
        if workspace.free_space(home) < 1 << 20:
            return _full(home)
        return refuse("disk.error", T("读写磁盘出错", "the disk reported an error"), do=T("先备份，再换盘；不要重试", "back up first, then change the disk; do not retry"))
    if "malformed" in text or "not a database" in text or "checksum" in text or "invalid page" in text:
        return refuse("database.damaged", T("数据库已损坏", "the database is damaged"), do=workspace.restore_words(home))
    if "database is locked" in text or "lock timeout" in text:
        return refuse("database.busy", T("数据库一直被占用，这一步没有办成", "the database stayed busy; this step was not done"),
                      do=T("过一会儿再办", "try again in a while"))
    if "readonly" in text or "read-only" in text:
        return refuse("database.read_only", T("数据库不能写", "the database cannot be written"),
                      do=T("检查工作区的权限和磁盘", "check permissions and disk of the workspace"))
    if "unable to open database" in text:
        return refuse("database.open", T("打不开数据库", "the database cannot be opened"),
                      do=T("检查工作区的权限、磁盘空间；jieneng doctor", "check permissions and disk space; jieneng doctor"))
    if any(t in text for t in ("connection refused", "could not connect", "connection failed", "server closed the connection", "is starting up",
                               "terminating connection", "could not translate host")):
        return refuse("database.away", T("连不上 PostgreSQL", "PostgreSQL cannot be reached"),
                      do=T("检查它是否在运行，以及 JIENENG_DATABASE_URL", "check whether it runs, and JIENENG_DATABASE_URL"))
    return None
