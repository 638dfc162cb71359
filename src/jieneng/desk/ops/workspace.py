"""The workspace: one folder with everything of one office: database, received files, snapshots, layouts, key.

    home/
      workspace.json      which book, which office, which version, its own id; written last: without it there is no workspace
      secret.key          signs sessions; never in a backup
      records.sqlite3     the records (or a PostgreSQL database named by JIENENG_DATABASE_URL)
      received/ snapshots/ layouts/ rulebooks/
      backups/ logs/      made here, not backed up
      locks/              who is at work: ``serve``, ``use``, ``backup``; a lock dies with its process
      reserve             64 MiB to give back when the disk is full
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from jieneng import __version__
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T

FOLDERS = ("received", "snapshots", "layouts", "rulebooks", "backups", "logs", "locks")
DATABASE = "records.sqlite3"
DATABASE_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal")
RESERVE = "reserve"
RESERVE_SIZE = 64 << 20
READERS = 200
"""How many processes may use one workspace at a time (Windows locks bytes; elsewhere there is no limit)."""


def floor() -> int:
    """Bytes that must stay free: below it imports, freezes and backups are refused, so that saving goes on (faults.md D6)."""
    text = os.environ.get("JIENENG_FLOOR_MB", "256")
    if not text.isdigit():
        raise refuse("workspace.floor", T("JIENENG_FLOOR_MB={t} 不是整数", "JIENENG_FLOOR_MB={t} is not a whole number", t=text),
                     expected=T("兆字节数，如 256", "megabytes, such as 256"))
    return int(text) << 20


# --- what is written must be whole -------------------------------------------------------------------------------------


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that a name in it survives a power cut (Windows has no such call)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(top: Path) -> None:
    """fsync every file and folder under ``top``."""
    for path in [*top.rglob("*"), top]:
        if path.is_symlink():
            continue
        if path.is_dir():
            sync_folder(path)
        else:
            with open(path, "rb+") as f:
                os.fsync(f.fileno())


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file so that under its name it is whole or not there: temporary name, fsync, rename, fsync of the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(fd, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


# --- making and describing ---------------------------------------------------------------------------------------------


def none_here(home: Path) -> Refused:
    """The words for a folder that is not a workspace."""
    return refuse("workspace.none", T("{h} 还不是工作区", "{h} is not a workspace yet", h=str(home)),
                  do=T("先运行 jieneng --home {h} init --book cn", "run jieneng --home {h} init --book cn first", h=str(home)))


def _ours(name: str) -> bool:
    """Whether a name may lie in a workspace whose making was interrupted."""
    known = (*FOLDERS, *DATABASE_FILES, "secret.key", "workspace.json", RESERVE)
    return name in known or (name.startswith(".") and name[1:].rpartition(".")[0] in known)


def prepare(home: Path) -> None:
    """Folders, secret key and reserve file of a new workspace. Refuses a folder that holds something else."""
    if (home / "workspace.json").exists():
        raise refuse("workspace.exists", T("{h} 已经是工作区", "{h} is a workspace already", h=str(home)))
    if home.exists() and not home.is_dir():
        raise refuse("workspace.foreign", T("{h} 是一个文件", "{h} is a file", h=str(home)), do=T("换一个文件夹", "use a folder"))
    if home.exists() and (others := sorted(p.name for p in home.iterdir() if not _ours(p.name))):
        raise refuse("workspace.foreign", T("{h} 里有别的文件：{f}", "{h} holds other files: {f}", h=str(home), f="、".join(others[:3])),
                     do=T("换一个空文件夹", "use an empty folder"))
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    for sub in FOLDERS:
        (home / sub).mkdir(exist_ok=True)
    if not (home / "secret.key").exists():
        write_durably(home / "secret.key", secrets.token_urlsafe(60).encode())
    keep_reserve(home)


def describe(home: Path, book: str, office: str) -> dict[str, Any]:
    """Write ``workspace.json``: the last step of making a workspace, so that a killed ``init`` leaves none."""
    data = {"id": uuid.uuid4().hex, "book": book, "office": office, "version": __version__}
    write_durably(home / "workspace.json", json.dumps(data, ensure_ascii=False, indent=1).encode())
    return data


def described(home: Path) -> dict[str, Any]:
    """What ``workspace.json`` says. Raises ``Refused`` when there is none or it cannot be read."""
    try:
        data = json.loads((home / "workspace.json").read_text(encoding="utf-8"))
        if isinstance(data, dict) and "book" in data:
            return data
        raise ValueError
    except FileNotFoundError:
        raise none_here(home) from None
    except ValueError as error:
        raise refuse("workspace.damaged", T("{h} 的 workspace.json 已损坏", "workspace.json of {h} is damaged", h=str(home)),
                     do=restore_words(home)) from error


def set_version(home: Path) -> None:
    """Note that this version has brought the workspace up to date."""
    write_durably(home / "workspace.json", json.dumps({**described(home), "version": __version__}, ensure_ascii=False, indent=1).encode())


def require_whole(home: Path, sqlite: bool = True) -> None:
    """Refuse to open a workspace whose database file is gone: SQLite would make an empty one in its place."""
    described(home)
    if sqlite and not (home / DATABASE).exists():
        raise refuse("workspace.database", T("{h} 的数据库文件不见了", "the database file of {h} is gone", h=str(home)), do=restore_words(home))


def last_backup(home: Path) -> Path | None:
    """The newest backup in the workspace's own folder ``backups``."""
    folder = home / "backups"
    files = [p for p in folder.glob("*.jieneng.zip") if p.is_file()] if folder.is_dir() else []
    return max(files, key=lambda p: p.stat().st_mtime, default=None)


def restore_words(home: Path) -> T:
    """What to do about damage: the last backup, by name, where there is one."""
    path = last_backup(home)
    if path is None:
        return T("从备份恢复：jieneng restore 备份文件（工作区里没有备份，到存放备份的地方找）",
                 "restore from a backup: jieneng restore FILE (the workspace holds none; look where backups are kept)")
    return T("从最近的备份恢复：jieneng --home {h} restore {f}", "restore the last backup: jieneng --home {h} restore {f}", h=str(home), f=str(path))


# --- room --------------------------------------------------------------------------------------------------------------


def free_space(home: Path) -> int:
    """Bytes free where ``home`` lies (or will lie)."""
    return shutil.disk_usage(_nearest(home)).free


def free_inodes(home: Path) -> int | None:
    """Files that may still be made; None where the file system has no such limit."""
    if os.name == "nt":
        return None
    found = os.statvfs(_nearest(home))
    return found.f_favail if found.f_files else None


def _nearest(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def need_space(home: Path, extra: int = 0) -> None:
    """Refuse in words before the disk is full: ``extra`` bytes for the step, and the floor above them."""
    free, needed = free_space(home), floor() + extra
    if free < needed:
        raise refuse("disk.full", T("磁盘只剩 {f} MB，这一步至少要 {n} MB", "{f} MB free on the disk, this step needs {n} MB", f=free >> 20, n=(needed >> 20) + 1),
                     do=T("腾出空间后再办；已有的数据都在", "make room and try again; nothing was lost"))


def keep_reserve(home: Path) -> bool:
    """Make the reserve file where there is room for it. Returns whether it is there (faults.md X6)."""
    path = home / RESERVE
    if path.exists() and path.stat().st_size >= RESERVE_SIZE:
        return True
    if free_space(home) < RESERVE_SIZE + floor():
        return False
    temporary = home / f".{RESERVE}.{os.getpid()}"
    try:
        with open(temporary, "wb") as f:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(f.fileno(), 0, RESERVE_SIZE)  # really taken: a hole would give nothing back
            else:
                for _ in range(RESERVE_SIZE >> 20):
                    f.write(b"\0" * (1 << 20))
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        return False
    return True


def give_back_reserve(home: Path) -> bool:
    """Delete the reserve once the disk is all but full, so that SQLite can still open and close. Returns whether it was given."""
    path = home / RESERVE
    if path.exists() and free_space(home) < RESERVE_SIZE // 4:
        path.unlink(missing_ok=True)
        return True
    return False


def size(home: Path, without: tuple[str, ...] = ("backups", RESERVE)) -> int:
    """Bytes of everything that a copy of the workspace would need. Files that go away meanwhile do not matter."""
    total = 0
    for folder, names, files in os.walk(home):
        names[:] = [n for n in names if n not in without]
        for name in files:
            if name not in without:
                with suppress(OSError):
                    total += os.stat(os.path.join(folder, name)).st_size
    return total


# --- who is at work ----------------------------------------------------------------------------------------------------


def _take(handle: IO[bytes], alone: bool) -> bool:
    """Try to lock an open file, shared or alone. The lock dies with the process."""
    if os.name == "nt":
        import msvcrt

        # byte locks are never shared: a reader takes one byte of many, who wants to be alone takes them all
        for start in (0,) if alone else range(READERS):
            handle.seek(start)
            try:
                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, READERS if alone else 1)  # type: ignore[attr-defined]
                return True
            except OSError:
                continue
        return False
    import fcntl

    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _there(handle: IO[bytes], path: Path) -> bool:
    """Whether the open file still lies under its name: a restore may have put another workspace there meanwhile."""
    if os.name == "nt":
        return True  # a folder with open files cannot be moved there
    try:
        found, ours = os.stat(path), os.fstat(handle.fileno())
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)


@contextmanager
def locked(path: Path, *, alone: bool, words: Refused, wait: float = 0) -> Iterator[IO[bytes]]:
    """Hold a lock file. Raises ``words`` when somebody else holds it and did not let go within ``wait`` seconds."""
    until = time.monotonic() + wait
    while True:
        path.parent.mkdir(exist_ok=True)
        handle = open(path, "a+b")  # noqa: SIM115  closed below; closing lets go
        if _take(handle, alone) and _there(handle, path):
            break
        handle.close()
        if time.monotonic() >= until:
            raise words
        time.sleep(0.05)
    try:
        yield handle
    finally:
        handle.close()


@contextmanager
def using(home: Path, *, alone: bool = False) -> Iterator[None]:
    """Be at work in a workspace: many may, unless one is there alone (restore, upgrade), who waits for nobody."""
    words = held(home) if alone else refuse(
        "workspace.busy", T("{h} 正在恢复或升级", "{h} is being restored or upgraded", h=str(home)), do=T("办完再来", "try again when that is done"))
    with locked(home / "locks" / "use", alone=alone, words=words, wait=0 if alone else 2):
        yield


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Be the one server of a workspace. Gives a token; who was started by this server ends when ``served_by`` denies it."""
    token = uuid.uuid4().hex
    words = refuse("workspace.served", T("{h} 已经有一个 jieneng serve 在运行", "jieneng serve is already running on {h}", h=str(home)),
                   do=T("先停掉那一个，或换一个工作区", "stop it first, or use another workspace"))
    with locked(home / "locks" / "serve", alone=True, words=words, wait=2):
        write_durably(home / "locks" / "server", token.encode())
        yield token


def served_by(home: Path, token: str) -> bool:
    """Whether the server with this token is alive: its lock is held and its token still stands there."""
    try:
        if (home / "locks" / "server").read_text() != token:
            return False
        with open(home / "locks" / "serve", "a+b") as handle:
            return not _take(handle, alone=False)
    except OSError:
        return False


def held(home: Path) -> Refused:
    return refuse("workspace.busy", T("{h} 正被另一个 jieneng 使用", "{h} is in use by another jieneng", h=str(home)),
                  do=T("先停掉 serve 和正在运行的命令，再办", "stop serve and running commands first"))
