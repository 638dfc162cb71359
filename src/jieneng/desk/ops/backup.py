"""``jieneng backup``: one file with everything of a workspace, consistent while people work.

The database is copied through SQLite's own backup API (``pg_dump`` for PostgreSQL); received files and snapshots are
content-named and only added, so copying them after the database makes the set consistent. Written under a temporary
name, read back and checked, synced, renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from jieneng import __version__
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T
from jieneng.records.events import head

from . import workspace

FORMAT = 1
SUFFIX = ".jieneng.zip"
FOLDERS = ("received", "snapshots", "layouts", "rulebooks")
Progress = Callable[[int, int], None]


def _database(target: Path) -> str:
    """Copy the database consistently. Returns its name inside the archive."""
    if connection.vendor == "sqlite":
        module: Any = sys.modules.get("sqlite3", sqlite3)
        source = module.connect(f"file:{settings.DATABASES['default']['NAME']}?mode=ro", uri=True)
        copy = module.connect(str(target / "records.sqlite3"))
        try:
            source.backup(copy)
            if copy.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise refuse("backup.database", T("数据库已损坏，没有备份", "the database is damaged, no backup was made"))
        finally:
            copy.close()
            source.close()
        return "records.sqlite3"
    db = settings.DATABASES["default"]
    command = ["pg_dump", "--format=custom", f"--file={target / 'records.pgdump'}", f"--host={db['HOST']}", f"--port={db['PORT']}",
               f"--username={db['USER']}", str(db["NAME"])]
    done = subprocess.run(command, env={**os.environ, "PGPASSWORD": str(db["PASSWORD"])}, capture_output=True, text=True)
    if done.returncode:
        raise refuse("backup.pg_dump", T("pg_dump 没有办成：{e}", "pg_dump failed: {e}", e=done.stderr.strip()[:300].replace("{", "(").replace("}", ")")))
    return "records.pgdump"


def _members(home: Path, staging: Path, database: str) -> list[tuple[str, Path]]:
    """What goes in: the database copy, workspace.json, and the folders; no secrets, no half-written files."""
    members = [(database, staging / database), ("workspace.json", home / "workspace.json")]
    for folder in FOLDERS:
        for path in sorted((home / folder).rglob("*")) if (home / folder).is_dir() else []:
            relative = path.relative_to(home)
            if path.is_file() and not any(part.startswith(".") for part in relative.parts):
                members.append((relative.as_posix(), path))
    return members


def backup(home: Path, out: Path | None, progress: Progress) -> tuple[Path, dict[str, Any]]:
    """Write a backup. ``out``: a file, a folder, or None for the workspace's own ``backups``. Returns path and manifest."""
    import tempfile

    stamp = timezone.localtime().strftime("%Y%m%d-%H%M%S")
    folder = out if out is not None and out.is_dir() else (out.parent if out is not None else home / "backups")
    target = out if out is not None and not out.is_dir() else folder / f"jieneng-{stamp}{SUFFIX}"
    if target.exists():
        raise refuse("backup.exists", T("{f} 已经有了", "{f} is already there", f=str(target)))
    folder.mkdir(parents=True, exist_ok=True)
    workspace.need_space(folder, sum(p.stat().st_size for p in home.rglob("*") if p.is_file() and "backups" not in p.parts) // 2)
    chain = head()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".backup-") as name:
        staging = Path(name)
        database = _database(staging)
        members = _members(home, staging, database)
        manifest = {
            "format": FORMAT, "version": __version__, "made_at": timezone.localtime().isoformat(timespec="seconds"), "chain": chain,
            "database": database, "migrations": sorted(f"{a}.{n}" for a, n in MigrationRecorder(connection).applied_migrations()), "files": {}}
        part = staging / "part.zip"
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            for n, (member, path) in enumerate(members):
                data = path.read_bytes()
                manifest["files"][member] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
                archive.writestr(member, data)
                progress(n + 1, len(members))
            archive.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, sort_keys=True))
        check(part)
        with open(part, "rb+") as f:
            os.fsync(f.fileno())
        os.chmod(part, 0o600)
        os.replace(part, target)
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return target, manifest


def check(path: Path) -> dict[str, Any]:
    """Read a backup whole: every member by name and hash. Raises ``Refused`` naming the member; changes nothing."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            manifest = json.loads(archive.read("manifest.json"))
            if manifest.get("format") != FORMAT:
                raise damaged(path, "manifest.json")
            expected = {*manifest["files"], "manifest.json"}
            if len(names) != len(set(names)) or set(names) != expected:
                raise damaged(path, "、".join(sorted(set(names) ^ expected)[:3]) or "manifest.json")
            for member, known in manifest["files"].items():
                if ".." in member.split("/") or member.startswith("/") or "\\" in member:
                    raise damaged(path, member)
                digest = hashlib.sha256()
                with archive.open(member) as f:
                    while chunk := f.read(1 << 20):
                        digest.update(chunk)
                if digest.hexdigest() != known["sha256"]:
                    raise damaged(path, member)
    except Refused:
        raise
    except Exception as error:  # a zip that is cut or altered fails in many ways; all mean the same to the person
        raise damaged(path, type(error).__name__) from error
    return manifest


def damaged(path: Path, member: str) -> Refused:
    return refuse("backup.damaged", T("备份 {f} 不完整或被改过（{m}）", "backup {f} is cut or altered ({m})", f=path.name, m=member.replace("{", "(").replace("}", ")")),
                  do=T("换另一份备份；现有的数据没有动", "use another backup; nothing was touched"))
