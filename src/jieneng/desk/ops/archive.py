"""A backup file as such: what it holds, whether it is whole, unpacking it. Needs no workspace and no database.

    jieneng-20221124-203300.jieneng.zip
      manifest.json      format, version, workspace, time, chain head, migrations, counts, hash and size of every member, faults
      records.sqlite3    or records.pgdump
      workspace.json received/… snapshots/… layouts/… rulebooks/…
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jieneng import __version__
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T

from . import workspace

FORMAT = 1
SUFFIX = ".jieneng.zip"
DATABASES = (workspace.DATABASE, "records.pgdump")
MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOENT, errno.EROFS}
"""What is the machine's trouble and not the archive's."""
MEMBER = re.compile(r"(?:workspace\.json|records\.sqlite3|records\.pgdump|(?:received|snapshots|layouts|rulebooks)(?:/[^/\\\x00]+)+)")
LARGEST_MANIFEST = 256 << 20
Progress = Callable[[int, int], None]


def postgresql_tool(name: str) -> str:
    """The path of ``pg_dump`` or ``pg_restore``. Raises ``Refused`` naming the package to install."""
    found = shutil.which(name) or next(iter(sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), reverse=True)), None)
    if found is None:
        raise refuse("backup.tool", T("没有 {n}", "{n} is not installed", n=name), do=T("安装 postgresql-client，版本不低于服务器", "install postgresql-client, not older than the server"))
    return found


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a backup, without reading the rest. Raises ``Refused`` for what is no backup of ours, or a newer kind."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _manifest(path, archive)
    except Refused:
        raise
    except Exception as error:  # a zip that is cut or altered fails in many ways; all mean the same to the person
        if isinstance(error, OSError) and error.errno in MACHINE:
            raise
        raise damaged(path, type(error).__name__) from error


def _manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    """Read the manifest and compare it with the list of members; no member may have a name that leads elsewhere."""
    if "manifest.json" not in archive.namelist():
        raise refuse("backup.foreign", T("{f} 不是 jieneng 的备份", "{f} is not a backup of jieneng", f=path.name), do=T("换一个文件；现有的数据没有动", "use another file; nothing was touched"))
    if archive.getinfo("manifest.json").file_size > LARGEST_MANIFEST:
        raise damaged(path, "manifest.json")
    manifest = json.loads(archive.read("manifest.json"))
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
        raise damaged(path, "manifest.json")
    if manifest["format"] > FORMAT:
        raise refuse("backup.newer", T("备份是更新的版本 {a} 写的，本程序是 {b}", "the backup was written by the newer version {a}, this program is {b}",
                                       a=str(manifest.get("version")), b=__version__), do=T("先换新版程序；现有的数据没有动", "use the newer program first; nothing was touched"))
    names = [i.filename for i in archive.infolist()]
    if differ := set(names) ^ {*manifest["files"], "manifest.json"}:
        raise damaged(path, "、".join(sorted(differ)[:3]))
    if len(names) != len(set(names)) or manifest["database"] not in manifest["files"] or manifest["database"] not in DATABASES:
        raise damaged(path, "manifest.json")
    for member, known in manifest["files"].items():
        if not MEMBER.fullmatch(member) or any(p in (".", "..") or p.startswith(".") for p in member.split("/")):
            raise damaged(path, member)
        if archive.getinfo(member).file_size != known["bytes"]:
            raise damaged(path, member)
    return manifest


def check(path: Path, into: Path | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """Read a backup whole, every member by name, size and hash; with ``into`` also unpack it there, synced.

    Raises ``Refused`` naming the member that is damaged; outside ``into`` nothing is changed. Returns the manifest.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(path, archive)
            total, done = sum(int(f["bytes"]) for f in manifest["files"].values()), 0
            for member, known in manifest["files"].items():
                sha = _read(archive, member, int(known["bytes"]), into / member if into else None)
                if sha != known["sha256"]:
                    raise damaged(path, member)
                done += int(known["bytes"])
                if progress:
                    progress(done, total)
            return manifest
    except Refused:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in MACHINE:
            raise
        raise damaged(path, _member_of(error)) from error


def _member_of(error: Exception) -> str:
    """The member that zipfile names in its complaint, or the kind of the complaint."""
    found = re.search(r"file '([^']+)'", str(error))
    return found.group(1) if found else type(error).__name__


def _read(archive: zipfile.ZipFile, member: str, size: int, target: Path | None) -> str:
    """SHA-256 of one member, never reading more than it should hold; written and synced to ``target`` when given."""
    digest, left = hashlib.sha256(), size
    out = None
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        out = open(target, "xb")  # noqa: SIM115  closed below
    try:
        with archive.open(member) as source:
            while chunk := source.read(min(1 << 20, left + 1)):
                left -= len(chunk)
                if left < 0:
                    return "too long"
                digest.update(chunk)
                if out is not None:
                    out.write(chunk)
        if out is not None:
            out.flush()
            os.fsync(out.fileno())
    finally:
        if out is not None:
            out.close()
    return digest.hexdigest()


def damaged(path: Path, member: str) -> Refused:
    return refuse("backup.damaged", T("备份 {f} 不完整或被改过（{m}）", "backup {f} is cut or altered ({m})", f=path.name, m=member),
                  do=T("换另一份备份；现有的数据没有动", "use another backup; nothing was touched"))
