"""The workspace: one folder with everything of one office: database, received files, snapshots, layouts, key."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jieneng import __version__
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T

FOLDERS = ("received", "snapshots", "layouts", "rulebooks", "backups", "logs")
RESERVE = "reserve"
RESERVE_SIZE = 64 << 20
FLOOR = 256 << 20
"""Below this much free space imports, freezes and backups are refused, so that saving goes on (faults.md D6)."""


def none_here(home: Path) -> Refused:
    """The words for a folder that is not a workspace."""
    return refuse("workspace.none", T("{h} 还不是工作区", "{h} is not a workspace yet", h=str(home)),
                  do=T("先运行 jieneng --home {h} init --book cn", "run jieneng --home {h} init --book cn first", h=str(home)))


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file so that under its name it is whole or not there: temporary name, fsync, rename, fsync of the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)
    if os.name != "nt":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def prepare(home: Path) -> None:
    """Folders, secret key and reserve file of a new workspace. Refuses a folder that holds something else."""
    if (home / "workspace.json").exists():
        raise refuse("workspace.exists", T("{h} 已经是工作区", "{h} is a workspace already", h=str(home)))
    if home.exists() and any(p.name not in FOLDERS and p.name not in ("secret.key", RESERVE, "records.sqlite3", "records.sqlite3-wal", "records.sqlite3-shm")
                             for p in home.iterdir()):
        raise refuse("workspace.foreign", T("{h} 里有别的文件", "{h} holds other files", h=str(home)), do=T("换一个空文件夹", "use an empty folder"))
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    for sub in FOLDERS:
        (home / sub).mkdir(exist_ok=True)
    if not (home / "secret.key").exists():
        write_durably(home / "secret.key", secrets.token_urlsafe(60).encode())
    keep_reserve(home)


def keep_reserve(home: Path) -> None:
    """A file that can be given back when the disk is full, so that SQLite can go on reading (faults.md X6)."""
    path = home / RESERVE
    if not path.exists() or path.stat().st_size < RESERVE_SIZE:
        with open(path, "wb") as f:
            f.write(b"\0" * RESERVE_SIZE)


def free_space(home: Path) -> int:
    import shutil

    return shutil.disk_usage(home).free


def need_space(home: Path, extra: int = 0) -> None:
    """Refuse in words before the disk is full."""
    free = free_space(home)
    if free < FLOOR + extra:
        raise refuse("disk.full", T("磁盘只剩 {f} MB，这一步至少要 {n} MB", "{f} MB free on the disk, this step needs {n} MB", f=free >> 20, n=(FLOOR + extra) >> 20),
                     do=T("腾出空间后再办；已有的数据都在", "make room and try again; nothing was lost"))


def describe(home: Path, book: str, office: str) -> dict[str, Any]:
    """Write ``workspace.json``: the last step of making a workspace, so that a killed ``init`` leaves none."""
    data = {"book": book, "office": office, "made_by": __version__}
    write_durably(home / "workspace.json", json.dumps(data, ensure_ascii=False, indent=1).encode())
    return data


@contextmanager
def lock(home: Path) -> Iterator[None]:
    """Hold the workspace for one server, restore or upgrade. The lock dies with its owner. Refuses in words if it is held."""
    path = home / "lock"
    handle = open(path, "a+b")  # noqa: SIM115  closed below
    try:
        if os.name == "nt":
            import msvcrt

            try:
                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            except OSError as error:
                raise held(home) from error
        else:
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise held(home) from error
        yield
    finally:
        handle.close()


def held(home: Path) -> Refused:
    return refuse("workspace.busy", T("{h} 正被另一个 jieneng 使用", "{h} is in use by another jieneng", h=str(home)),
                  do=T("先停掉那一个（serve、restore 或 upgrade）", "stop it first (serve, restore or upgrade)"))
