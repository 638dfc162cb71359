"""``jieneng restore``: check the archive, unpack it beside the home, migrate and verify the copy, then swap by rename.

The swap is two renames (for PostgreSQL also two renames of databases) under a journal beside the home. Killed before the journal
is written, the home is untouched; killed after, the next command on the home finishes the swap before it opens anything. The old
home is kept as ``<home>.before-restore-<time>``; its backups go on in the new one.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jieneng import __version__
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T

from . import workspace

Say = Callable[[T], None]
Progress = Callable[[int, int], None]
SPARE = 16 << 20
"""Bytes beyond the files themselves that migrating and verifying may take."""


@dataclass(frozen=True)
class Done:
    """Where the old home is, both heads of the chain, and the faults that were restored with the data."""

    kept: Path | None
    head_then: dict[str, Any]
    head_now: dict[str, Any]
    faults: list[str]


def _journal(home: Path) -> Path:
    return home.with_name(f".{home.name}.restore.json")


@contextmanager
def _one_restore(home: Path, wait: float = 0) -> Iterator[None]:
    """Only one process swaps a home. The lock lies beside it, since the home itself is moved."""
    words = refuse("restore.busy", T("{h} 正在恢复", "{h} is being restored", h=str(home)), do=T("等它办完再来", "try again when that is done"))
    with workspace.locked(home.with_name(f".{home.name}.restore.lock"), alone=True, words=words, wait=wait):
        yield


def finish(home: Path) -> bool:
    """Finish a swap that was interrupted. Returns whether there was one. Called before anything opens the home."""
    if not _journal(home).exists():
        return False
    with _one_restore(home, wait=10):
        return _finish(home)


def _finish(home: Path) -> bool:
    """Both renames, each only if it is still to be done; undone when the new home is gone."""
    journal = _journal(home)
    if not journal.exists():
        return False
    plan = json.loads(journal.read_text(encoding="utf-8"))
    fresh, kept = Path(plan["fresh"]), Path(plan["kept"])
    if plan.get("database"):
        from .postgresql import swap

        swap(**plan["database"])
    if fresh.exists():
        if home.exists() and not kept.exists():
            os.rename(home, kept)
        if not home.exists():
            os.rename(fresh, home)
    elif not home.exists() and kept.exists():
        os.rename(kept, home)
    _carry_backups(kept, home)
    workspace.sync_folder(home.parent)
    journal.unlink()
    workspace.sync_folder(home.parent)
    return True


def _carry_backups(kept: Path, home: Path) -> None:
    """Backups stay with the workspace: who deletes the old home later must not delete them with it."""
    old, new = kept / "backups", home / "backups"
    if not (old.exists() and home.exists()) or old.is_mount():
        return
    if new.is_dir() and not any(new.iterdir()):
        new.rmdir()
    if not new.exists():
        os.rename(old, new)
        workspace.sync_folder(home)


def restore(home: Path, archive: Path, say: Say, *, with_faults: bool = False, progress: Progress | None = None) -> Done:
    """Put ``archive`` in place of ``home``. Raises ``Refused`` before touching anything that is there.

    ``with_faults``: restore although the copy does not verify (the workspace was damaged already when it was backed up).
    """
    from .archive import check, read_manifest

    if not archive.is_file():
        raise refuse("restore.file", T("没有文件 {f}", "there is no file {f}", f=str(archive)))
    _place(home)
    with ExitStack() as held:
        held.enter_context(_one_restore(home))
        _finish(home)
        manifest = read_manifest(archive)
        _fits(home, manifest)
        check(archive)
        say(T("备份完好：{n} 个文件，{d}", "the backup is whole: {n} files, {d}", n=len(manifest["files"]), d=manifest["made_at"]))
        needed = sum(int(f["bytes"]) for f in manifest["files"].values()) + workspace.RESERVE_SIZE + SPARE
        workspace.need_space(home.parent, needed)
        exists = (home / "workspace.json").exists()
        alone = ExitStack()
        held.callback(alone.close)
        if exists:
            alone.enter_context(workspace.using(home, alone=True))
        clear(home)
        fresh = home.with_name(f".{home.name}.restoring-{os.getpid()}")
        database: dict[str, Any] | None = None
        try:
            fresh.mkdir(mode=0o700)
            check(archive, into=fresh, progress=progress)
            _complete(home, fresh)
            if manifest["database"] != workspace.DATABASE:
                from .postgresql import load

                database = load(fresh / manifest["database"])
            note = {"from": archive.name, "made_at": manifest["made_at"], "head_then": manifest["chain"], "head_now": _head(home, database is not None),
                    "with_faults": with_faults}
            say(T("核对恢复出来的数据", "verifying the restored data"))
            faults = _prepare(fresh, note, database)
            if database is not None:
                (fresh / manifest["database"]).unlink()
            workspace.sync_tree(fresh)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        if os.name == "nt":
            alone.close()  # a folder with an open file in it cannot be moved there
        kept = _swap(home, fresh, database)
    return Done(kept if exists else None, note["head_then"], note["head_now"], faults)


def _place(home: Path) -> None:
    """Refuse, before anything, a place in which folders cannot be swapped, or that holds something else."""
    if home.is_mount():
        raise refuse("restore.mount", T("{h} 是一个挂载点，不能整个换掉", "{h} is a mount point and cannot be swapped as a whole", h=str(home)),
                     do=T("把工作区放在它下面的一个文件夹里，恢复到那里", "keep the workspace in a folder below it and restore there"))
    if home.exists() and not (home / "workspace.json").exists() and (not home.is_dir() or any(home.iterdir())):
        raise refuse("restore.foreign", T("{h} 里有别的文件，不是工作区", "{h} holds other files and is not a workspace", h=str(home)),
                     do=T("恢复到一个空文件夹", "restore into an empty folder"))
    home.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(home.parent, os.W_OK | os.X_OK):
        raise refuse("restore.parent", T("不能在 {p} 里建文件夹", "no folder can be made in {p}", p=str(home.parent)),
                     do=T("用能写它的用户运行", "run it as a user who may write there"))


def _fits(home: Path, manifest: dict[str, Any]) -> None:
    """Refuse a backup of a newer program, of another workspace, or of another kind of database."""
    known = {f"{p.parent.parent.name}.{p.stem}" for p in Path(__file__).parents[2].glob("*/migrations/0*.py")}
    rooms = {k.partition(".")[0] for k in known}
    if unknown := [m for m in manifest["migrations"] if m.partition(".")[0] in rooms and m not in known]:
        raise refuse("restore.newer", T("备份是更新的版本 {a} 写的，本程序是 {b}（不认识 {m}）", "the backup was written by the newer version {a}, this is {b} (unknown: {m})",
                                        a=str(manifest["version"]), b=__version__, m="、".join(unknown[:3])),
                     do=T("先换新版程序；现有的数据没有动", "use the newer program first; nothing was touched"))
    if (home / "workspace.json").exists() and (ours := _identity(home)) and ours != manifest["workspace"].get("id"):
        raise refuse("restore.foreign", T("这是另一个工作区的备份", "this is a backup of another workspace"),
                     do=T("恢复到一个空文件夹：jieneng --home 新文件夹 restore {f}", "restore it into an empty folder: jieneng --home NEW restore {f}", f="…"))
    sqlite = not os.environ.get("JIENENG_DATABASE_URL")
    if sqlite != (manifest["database"] == workspace.DATABASE):
        raise refuse("restore.database", T("备份里是 {a}，这里用的是 {b}", "the backup holds {a}, here {b} is used", a="SQLite" if not sqlite else "PostgreSQL",
                                           b="PostgreSQL" if not sqlite else "SQLite"),
                     do=T("设好或去掉 JIENENG_DATABASE_URL 再办", "set or unset JIENENG_DATABASE_URL and try again"))


def _identity(home: Path) -> str | None:
    """The id of the workspace that is there; None when its description is damaged: then anything may take its place."""
    try:
        return workspace.described(home).get("id")
    except Refused:
        return None


def clear(home: Path) -> None:
    """Remove copies that a killed restore left beside the home. Called by whoever holds the lock of restores."""
    for path in home.parent.glob(f".{home.name}.restoring-*"):
        shutil.rmtree(path, ignore_errors=True)


def _complete(home: Path, fresh: Path) -> None:
    """What a backup does not hold: folders, and the key (the old one where there is one: it is no secret from this machine)."""
    for sub in workspace.FOLDERS:
        (fresh / sub).mkdir(exist_ok=True)
    try:
        key = (home / "secret.key").read_bytes()
    except OSError:
        key = secrets.token_urlsafe(60).encode()
    workspace.write_durably(fresh / "secret.key", key)


def _head(home: Path, postgresql: bool) -> dict[str, Any]:
    """The head of the chain that is about to be put aside, where it can still be read."""
    nothing = {"seq": 0, "hash": "0" * 64}
    try:
        if postgresql:
            from .postgresql import head

            return head()
        import sqlite3

        if not (home / workspace.DATABASE).exists():
            return nothing
        with sqlite3.connect(f"file:{home / workspace.DATABASE}?mode=ro", uri=True) as link:
            row = link.execute("SELECT seq, hash FROM records_chainhead WHERE id = 1").fetchone()
        link.close()
        return {"seq": row[0], "hash": row[1]} if row else nothing
    except Exception:
        return nothing  # a damaged database is a reason to restore, not an obstacle to it


def _prepare(fresh: Path, note: dict[str, Any], database: dict[str, Any] | None) -> list[str]:
    """Migrate and verify the copy in a process of its own. Returns the faults that were let pass. Raises ``Refused``."""
    env = {**os.environ, "JIENENG_HOME": str(fresh), "DJANGO_SETTINGS_MODULE": "jieneng.desk.settings"}
    if database is not None:
        from .postgresql import url_of

        env["JIENENG_DATABASE_URL"] = url_of(database["fresh"])
    done = subprocess.run([sys.executable, "-m", "jieneng.desk.ops.prepare"], input=json.dumps(note), env=env, capture_output=True, text=True)
    lines = done.stdout.strip().splitlines()
    faults = list(json.loads(lines[-1])["faults"]) if lines and lines[-1].startswith("{") else []
    if done.returncode == 3:
        raise refuse("restore.verify", T("恢复出来的数据通不过核对：{f}", "the restored data does not verify: {f}", f="；".join(faults[:5])),
                     do=T("换另一份备份；备份时就已损坏的，可加 --with-faults。现有的数据没有动",
                          "use another backup; what was damaged when it was backed up may be restored with --with-faults. Nothing was touched"))
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["?"])[-1]
        raise refuse("restore.prepare", T("恢复没有办成：{e}", "the restore failed: {e}", e=last), do=T("现有的数据没有动", "nothing was touched"))
    return faults


def _swap(home: Path, fresh: Path, database: dict[str, Any] | None) -> Path:
    """Write down what is to be renamed, then rename: killed at any moment, ``finish`` completes it."""
    stamp, n = time.strftime("%Y%m%d-%H%M%S"), 0
    kept = home.with_name(f"{home.name}.before-restore-{stamp}")
    while kept.exists():
        n += 1
        kept = home.with_name(f"{home.name}.before-restore-{stamp}-{n}")
    plan = {"fresh": str(fresh), "kept": str(kept), "database": {**database, "kept": f"{database['target']}_before_{stamp}".replace("-", "_")} if database else None}
    if home.exists() and not any(home.iterdir()):
        home.rmdir()  # an empty folder is nothing to keep
    workspace.write_durably(_journal(home), json.dumps(plan).encode())
    _finish(home)
    return kept
