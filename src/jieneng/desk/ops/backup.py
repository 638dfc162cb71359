"""``jieneng backup``: one file with everything of a workspace, consistent while people work.

The database is copied through SQLite's own backup API (``pg_dump`` for PostgreSQL, in an exported snapshot). Received files and
snapshots are named by content, written before their rows and never changed, so those that the copy speaks of are copied after it
and checked against its hashes. Written under a temporary name, read back and checked, synced, renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from jieneng import __version__
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T
from jieneng.people.queries import root_office
from jieneng.records.events import action, record

from . import workspace
from .archive import DATABASES, FORMAT, SUFFIX, Progress, check, postgresql_tool

WALKED = ("layouts", "rulebooks")
PACKED = {".parquet", ".xlsx", ".docx", ".zip", ".jpg", ".jpeg", ".png", ".pdf"}
"""Files that are compressed already: stored as they are."""


@dataclass
class Facts:
    """What the copied database says: the head of its chain, its migrations, how much it holds, and the files it speaks of."""

    chain: dict[str, Any]
    migrations: list[str]
    counts: dict[str, int]
    expected: dict[str, str] = field(default_factory=dict)


COUNTED = ("people_user", "records_event", "records_receivedfile", "registry_institution", "registry_standing", "returns_return", "returns_revision",
           "returns_snapshotrecord", "fieldwork_ledgerrecord", "fieldwork_ledgerrevision", "figures_figurerecord")


def _facts(ask: Callable[[str], list[tuple]]) -> Facts:
    """Read the facts with ``ask``, which runs one SELECT in the copy (or in the snapshot that is dumped)."""
    head = ask("SELECT seq, hash FROM records_chainhead WHERE id = 1")
    counts = {t: int(ask(f"SELECT count(*) FROM {t}")[0][0]) for t in COUNTED}  # noqa: S608  our own names
    migrations = sorted(f"{a}.{n}" for a, n in ask("SELECT app, name FROM django_migrations"))
    facts = Facts({"seq": head[0][0], "hash": head[0][1]} if head else {"seq": 0, "hash": "0" * 64}, migrations, counts)
    for (sha,) in ask("SELECT sha256 FROM records_receivedfile ORDER BY sha256"):
        facts.expected[f"received/{sha[:2]}/{sha}"] = sha
    for name, manifest in ask("SELECT id, manifest_hash FROM returns_snapshotrecord ORDER BY id"):
        facts.expected[f"snapshots/{name}/manifest.json"] = manifest
    return facts


def _copy_sqlite(target: Path) -> Facts:
    """Copy the database through SQLite's backup API while people write, and check the copy."""
    from django.db.backends.sqlite3.base import Database

    source = Database.connect(f"file:{settings.DATABASES['default']['NAME']}?mode=ro", uri=True, timeout=20)
    copy = Database.connect(str(target))
    try:
        source.backup(copy)
        wrong = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if wrong != "ok":
            raise refuse("backup.database", T("数据库已损坏，没有备份：{w}", "the database is damaged, no backup was made: {w}", w=wrong),
                         do=workspace.restore_words(Path(settings.HOME)))
        return _facts(lambda sql: copy.execute(sql).fetchall())
    finally:
        copy.close()
        source.close()


def postgresql_call(name: str, *arguments: str, database: str) -> None:
    """Run a PostgreSQL tool on a database of the server in the settings. Raises ``Refused`` with what it said."""
    db = settings.DATABASES["default"]
    command = [postgresql_tool(name), f"--host={db['HOST']}", f"--port={db['PORT']}", f"--username={db['USER']}", "--no-password",
               f"--dbname={database}", *arguments]
    done = subprocess.run(command, env={**os.environ, "PGPASSWORD": str(db["PASSWORD"])}, capture_output=True, text=True)
    if done.returncode:
        raise refuse(f"backup.{name}", T("{n} 没有办成：{e}", "{n} failed: {e}", n=name, e=done.stderr.strip()[:400]))


def _dump_postgresql(target: Path) -> Facts:
    """Dump the database in one exported snapshot, and read the facts inside the same snapshot."""
    import psycopg

    db = settings.DATABASES["default"]
    with psycopg.connect(host=db["HOST"], port=db["PORT"], user=db["USER"], password=db["PASSWORD"], dbname=db["NAME"]) as link:
        link.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        row = link.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        postgresql_call("pg_dump", "--format=custom", f"--file={target}", f"--snapshot={row[0]}", "--no-owner", "--no-acl", database=str(db["NAME"]))
        return _facts(lambda sql: link.execute(sql.encode()).fetchall())


def _members(home: Path, facts: Facts, faults: list[str]) -> list[tuple[str, Path]]:
    """The files that go in beside the database, in order. What the database speaks of and is not there is a fault."""
    members = [("workspace.json", home / "workspace.json")]
    for name in [n for n in facts.expected if n.endswith("/manifest.json")]:
        try:
            listed = json.loads((home / name).read_bytes())["files"]
        except (OSError, ValueError, KeyError):
            continue  # named below, or by its hash when it is read
        facts.expected.update({f"{name.rpartition('/')[0]}/{file}": known["sha256"] for file, known in listed.items()})
    for name in facts.expected:
        if (home / name).is_file():
            members.append((name, home / name))
        else:
            faults.append(name)
    for folder in WALKED:
        for path in sorted((home / folder).rglob("*")) if (home / folder).is_dir() else []:
            relative = path.relative_to(home)
            if path.is_file() and not path.is_symlink() and not any(p.startswith(".") for p in relative.parts):
                members.append((relative.as_posix(), path))
    return members


def _put(archive: zipfile.ZipFile, member: str, path: Path, count: Callable[[int], None]) -> tuple[str, int]:
    """One file into the archive, in pieces. Returns SHA-256 and size of what went in."""
    info = zipfile.ZipInfo.from_file(path, member, strict_timestamps=False)
    info.compress_type = zipfile.ZIP_STORED if path.suffix in PACKED or member.startswith("received/") else zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as source, archive.open(info, "w") as target:
        while chunk := source.read(1 << 20):
            digest.update(chunk)
            target.write(chunk)
            size += len(chunk)
            count(len(chunk))
    return digest.hexdigest(), size


def _whole(path: Path, wanted: str | None) -> bool:
    """Whether a file is what its name, or the manifest of its snapshot, says (True where nothing is said)."""
    if wanted is None:
        return True
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() == wanted


@contextmanager
def _staging(home: Path, folder: Path) -> Iterator[Path]:
    """A hidden folder beside the target. One backup at a time; what a killed one left is cleared away first."""
    prefix = f".backup-{str(workspace.described(home).get('id', ''))[:8]}-"
    words = refuse("backup.busy", T("另一个备份正在进行", "another backup is under way"), do=T("等它办完", "wait for it"))
    with workspace.locked(home / "locks" / "backup", alone=True, words=words):
        for left in folder.glob(prefix + "*"):
            shutil.rmtree(left, ignore_errors=True)
        staging = folder / f"{prefix}{os.getpid()}"
        staging.mkdir(mode=0o700)
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _target(home: Path, out: Path | None) -> Path:
    if out is not None and not out.is_dir():
        target = out.resolve()
        if target.exists():
            raise refuse("backup.exists", T("{f} 已经有了", "{f} is already there", f=str(target)), do=T("换一个文件名", "choose another name"))
        if not target.parent.is_dir():
            raise refuse("backup.folder", T("没有文件夹 {f}", "there is no folder {f}", f=str(target.parent)))
        return target
    folder = (home / "backups" if out is None else out).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # a name of our own choosing never collides: two backups in one second are told apart
    stem = f"jieneng-{timezone.localtime().strftime('%Y%m%d-%H%M%S')}"
    return next(path for n in count(1) if not (path := folder / f"{stem}{f'-{n}' if n > 1 else ''}{SUFFIX}").exists())


def backup(home: Path, out: Path | None, progress: Progress) -> tuple[Path, dict[str, Any]]:
    """Write a backup. ``out``: a file, a folder, or None for the workspace's own ``backups``. Returns path and manifest.

    What is missing or damaged in the workspace is left out and listed as ``faults`` in the manifest: a backup of what is left is
    better than none. A damaged database is refused.
    """
    target = _target(home, out)
    workspace.need_space(target.parent, 2 * workspace.size(home))
    with _staging(home, target.parent) as staging:
        sqlite = connection.vendor == "sqlite"
        database = DATABASES[0] if sqlite else DATABASES[1]
        facts = (_copy_sqlite if sqlite else _dump_postgresql)(staging / database)
        faults: list[str] = []
        members = [(database, staging / database), *_members(home, facts, faults)]
        total, done = sum(p.stat().st_size for _, p in members), [0]

        def counted(n: int) -> None:
            done[0] += n
            progress(done[0], total)

        manifest: dict[str, Any] = {
            "format": FORMAT, "version": __version__, "workspace": workspace.described(home), "database": database, "chain": facts.chain,
            "made_at": timezone.localtime().isoformat(timespec="seconds"), "migrations": facts.migrations, "counts": facts.counts,
            "files": {}, "faults": faults}
        part = staging / "part.zip"
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            for member, path in members:
                if not _whole(path, facts.expected.get(member)):
                    faults.append(member)
                    continue
                sha, size = _put(archive, member, path, counted)
                manifest["files"][member] = {"sha256": sha, "bytes": size}
            archive.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1))
        _read_back(part)
        os.chmod(part, 0o600)
        with open(part, "rb+") as f:
            os.fsync(f.fileno())
        if target.exists():  # another's, made under that name while this one was written: never overwritten
            target = _target(home, out)
        os.replace(part, target)
        workspace.sync_folder(target.parent)
    return target, manifest


def _read_back(part: Path) -> None:
    try:
        check(part)
    except Refused as refusal:
        raise refuse("backup.read_back", T("写下的备份读回来不一样，没有留下", "what was written did not read back; no backup was kept"),
                     do=T("检查磁盘，再备份一次", "check the disk, then back up again")) from refusal


def note(path: Path, manifest: dict[str, Any]) -> None:
    """The event of a backup: which file, by its hash, with the head it anchors."""
    with open(path, "rb") as f:
        sha = hashlib.file_digest(f, "sha256").hexdigest()
    office = root_office()
    with action():
        record(None, "backup.make", "workspace", path.name, line=office.path if office else "", data={
            "sha256": sha, "bytes": path.stat().st_size, "chain": manifest["chain"], "files": len(manifest["files"]), "faults": len(manifest["faults"])})
