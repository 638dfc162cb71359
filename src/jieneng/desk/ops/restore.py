"""``jieneng restore``: unpack beside the home, check everything, migrate and verify the copy, then swap by rename.

The swap is two renames under a journal file beside the home: killed between them, the next start of any command that
takes the home finishes the swap. The old home is kept as ``<home>.before-restore-<time>``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from jieneng import __version__
from jieneng.core.problem import refuse
from jieneng.core.words import T

from . import workspace

Say = Callable[[T], None]


def _journal(home: Path) -> Path:
    return home.with_name(f".{home.name}.restore.json")


def _sync(folder: Path) -> None:
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def finish(home: Path) -> bool:
    """Finish a swap that was interrupted. Returns whether there was one. Called before anything opens the home."""
    journal = _journal(home)
    if not journal.exists():
        return False
    plan = json.loads(journal.read_text())
    fresh, kept = Path(plan["fresh"]), Path(plan["kept"])
    if fresh.exists():
        if home.exists() and not kept.exists():
            os.rename(home, kept)
        if not home.exists():
            os.rename(fresh, home)
    _sync(home.parent)
    journal.unlink()
    _sync(home.parent)
    return True


def restore(home: Path, archive: Path, say: Say) -> Path | None:
    """Put ``archive`` in place of ``home``. Returns where the old home is kept. Raises ``Refused`` before touching anything."""
    from .backup import check, damaged

    if not archive.is_file():
        raise refuse("restore.file", T("没有文件 {f}", "there is no file {f}", f=str(archive)))
    finish(home)
    clear(home)
    manifest = check(archive)
    say(T("备份完好：{n} 个文件，{d}", "the backup is whole: {n} files, {d}", n=len(manifest["files"]), d=manifest["made_at"]))
    if manifest["database"] != "records.sqlite3":
        raise refuse("restore.postgresql", T("这是 PostgreSQL 的备份", "this is a backup of PostgreSQL"),
                     do=T("用 pg_restore 装回 records.pgdump，再把其余文件放回工作区", "put records.pgdump back with pg_restore and the other files into the workspace"))
    _newer(manifest)
    home.parent.mkdir(parents=True, exist_ok=True)
    with workspace.lock(home) if (home / "workspace.json").exists() else nullcontext():
        fresh = home.with_name(f".{home.name}.restoring-{os.getpid()}")
        try:
            _unpack(archive, manifest, fresh)
            if (home / "secret.key").exists():
                shutil.copy2(home / "secret.key", fresh / "secret.key")
            _prepare(fresh, manifest, archive, say)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        if damage := [m for m in manifest["files"] if m != "records.sqlite3" and not (fresh / m).exists()]:
            raise damaged(archive, damage[0])
        return _swap(home, fresh)


def clear(home: Path) -> None:
    """Remove copies that an interrupted restore left beside the home."""
    for path in home.parent.glob(f".{home.name}.restoring-*") if home.parent.is_dir() else []:
        shutil.rmtree(path, ignore_errors=True)


def _newer(manifest: dict[str, Any]) -> None:
    """Refuse a backup of a newer release: its migrations are not known here (M3)."""
    known = {f"{p.parent.parent.name}.{p.stem}" for p in Path(__file__).parents[2].glob("*/migrations/0*.py")}
    rooms = {k.split(".")[0] for k in known}
    unknown = [m for m in manifest["migrations"] if m.split(".")[0] in rooms and m not in known]
    if unknown:
        raise refuse("restore.newer", T("备份来自更新的版本 {v}，本机是 {w}", "the backup is of the newer version {v}, this is {w}", v=manifest["version"], w=__version__),
                     do=T("先升级程序", "upgrade the program first"))


def _unpack(archive: Path, manifest: dict[str, Any], fresh: Path) -> None:
    fresh.mkdir(mode=0o700)
    with zipfile.ZipFile(archive) as source:
        for member in manifest["files"]:
            path = fresh / member
            path.parent.mkdir(parents=True, exist_ok=True)
            with source.open(member) as f, open(path, "wb") as out:
                shutil.copyfileobj(f, out, 1 << 20)
                out.flush()
                os.fsync(out.fileno())
    for sub in workspace.FOLDERS:
        (fresh / sub).mkdir(exist_ok=True)


PREPARE = """
import json, sys, django
django.setup()
from django.core.management import call_command
from jieneng.desk.ops import invariants, workspace
from jieneng.records.events import action, head, record
from jieneng.people.queries import root_office
from django.conf import settings
from django.contrib.sessions.models import Session
call_command("migrate", verbosity=0)
workspace.keep_reserve(settings.HOME)
bad = [r for r in invariants.run(deep=True) if not r.ok]
if bad:
    print(json.dumps([f"{r.id} {r.label}: {'; '.join(r.faults[:2])}" for r in bad], ensure_ascii=False))
    sys.exit(3)
Session.objects.all().delete()
office = root_office()
with action():
    record(None, "backup.restore", "workspace", "restore", line=office.path if office else "", data=json.loads(sys.argv[1]))
"""


def _prepare(fresh: Path, manifest: dict[str, Any], archive: Path, say: Say) -> None:
    """Migrate and verify the copy in a process of its own, end all sessions, and write the event with both heads."""
    if not (fresh / "secret.key").exists():
        import secrets

        workspace.write_durably(fresh / "secret.key", secrets.token_urlsafe(60).encode())
    say(T("核对恢复出来的数据", "verifying the restored data"))
    note = json.dumps({"from": archive.name, "head_then": manifest["chain"], "made_at": manifest["made_at"]}, ensure_ascii=False)
    env = {**os.environ, "JIENENG_HOME": str(fresh), "DJANGO_SETTINGS_MODULE": "jieneng.desk.settings"}
    env.pop("JIENENG_DATABASE_URL", None)
    done = subprocess.run([sys.executable, "-c", PREPARE, note], env=env, capture_output=True, text=True)
    if done.returncode == 3:
        faults = "；".join(json.loads(done.stdout.strip().splitlines()[-1]))
        raise refuse("restore.verify", T("恢复出来的数据通不过核对：{f}", "the restored data does not verify: {f}", f=faults.replace("{", "(").replace("}", ")")),
                     do=T("换另一份备份；现有的数据没有动", "use another backup; nothing was touched"))
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1].replace("{", "(").replace("}", ")")
        raise refuse("restore.prepare", T("恢复没有办成：{e}", "the restore failed: {e}", e=last), do=T("现有的数据没有动", "nothing was touched"))


def _swap(home: Path, fresh: Path) -> Path | None:
    """Two renames under a journal: after a kill at any moment ``finish`` completes them."""
    kept = home.with_name(f"{home.name}.before-restore-{time.strftime('%Y%m%d-%H%M%S')}")
    existed = home.exists()
    workspace.write_durably(_journal(home), json.dumps({"fresh": str(fresh), "kept": str(kept)}).encode())
    finish(home)
    return kept if existed else None
