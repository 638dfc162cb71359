"""C2 and C5 on the database as a crash leaves it, with commits that stand in the WAL only: lost, torn, another's, cut, emptied, swapped.

``verify`` names what is wrong and the last good backup; a page of SQLite itself is looked after by I1, commits that are gone by the
heads of the chain that are kept outside (I4). The twin without such a head must pass: that is why they are kept.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk.conftest import Workspace, copy

DB, WAL, SHM = "records.sqlite3", "records.sqlite3-wal", "records.sqlite3-shm"
pytestmark = pytest.mark.fault


def crashed(template: Path, folder: Path, name: str, backup: bool = False) -> Path:
    """A workspace as found after a crash: an account made, which the WAL alone holds; with a backup made in between."""
    w = copy(template, folder / "at-work")
    link = sqlite3.connect(w.path / DB)
    link.execute("BEGIN")
    link.execute("SELECT 1 FROM people_user").fetchall()  # a reader keeps the WAL from being written back
    try:
        w.done("user", "add", name, "--name", "新人")
        if backup:
            w.done("backup")
        assert (w.path / WAL).stat().st_size > 0
        shutil.copytree(w.path, folder / "crashed")
    finally:
        link.close()
    (folder / "crashed" / SHM).unlink(missing_ok=True)
    return folder / "crashed"


@pytest.fixture(scope="module")
def after(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crashed(template, tmp_path_factory.mktemp("crash"), "xinren", backup=True)


@pytest.fixture(scope="module")
def foreign(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another workspace of the same beginning, with a WAL of its own."""
    return crashed(template, tmp_path_factory.mktemp("foreign"), "bieren")


def lost(home: Path, foreign: Path) -> None:
    (home / WAL).unlink()


def torn(home: Path, foreign: Path) -> None:
    data = bytearray((home / WAL).read_bytes())
    data[len(data) // 3] ^= 1
    (home / WAL).write_bytes(data)


def cut_wal(home: Path, foreign: Path) -> None:
    os.truncate(home / WAL, 32 + 100)


def another_wal(home: Path, foreign: Path) -> None:
    shutil.copyfile(foreign / WAL, home / WAL)


def another_database(home: Path, foreign: Path) -> None:
    for name in (DB, WAL):
        shutil.copyfile(foreign / name, home / name)


def cut(home: Path, foreign: Path) -> None:
    lost(home, foreign)
    os.truncate(home / DB, (home / DB).stat().st_size * 2 // 3)


def emptied(home: Path, foreign: Path) -> None:
    lost(home, foreign)
    os.truncate(home / DB, 0)


def flipped(home: Path, foreign: Path) -> None:
    """The header of a page in the middle."""
    lost(home, foreign)
    data = bytearray((home / DB).read_bytes())
    data[len(data) // 2 // 4096 * 4096] ^= 0x7F
    (home / DB).write_bytes(data)


DAMAGES: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "the WAL lost": (lost, "I4"), "a bit of the WAL": (torn, "I4"), "the WAL cut": (cut_wal, "I4"), "the WAL of another database": (another_wal, "I4"),
    "another workspace's database": (another_database, "I4"), "the database cut": (cut, "I1"), "the database emptied": (emptied, "I1"),
    "a page of the database": (flipped, "I1")}


def test_what_a_crash_leaves_is_whole(after: Path, tmp_path: Path) -> None:
    shutil.copytree(after, tmp_path / "w")
    w = Workspace(tmp_path / "w")
    assert w.run("verify").failed == set() and "xinren" in {r[0] for r in w.sql("SELECT username FROM people_user")}


@pytest.mark.parametrize("what", DAMAGES)
def test_it_is_named_with_the_last_good_backup(after: Path, foreign: Path, tmp_path: Path, what: str) -> None:
    damage, id = DAMAGES[what]
    shutil.copytree(after, tmp_path / "w")
    w = Workspace(tmp_path / "w")
    damage(w.path, foreign)
    ran = w.run("verify")
    assert ran.code == 1 and id in ran.failed, ran.out
    backup = next((w.path / "backups").glob("*.zip"))
    assert backup.name in ran.out, "what to go back to"
    if what in ("the WAL of another database", "the database cut"):
        w.done("restore", backup)
        assert w.run("verify").failed == set()


def test_the_twin_without_a_head_kept_outside_a_lost_wal_passes(after: Path, foreign: Path, tmp_path: Path) -> None:
    shutil.copytree(after, tmp_path / "w")
    w = Workspace(tmp_path / "w")
    lost(w.path, foreign)
    for backup in (w.path / "backups").glob("*.zip"):
        backup.unlink()
    assert w.run("verify").failed == set()


def test_the_twin_without_the_check_of_pages_a_damaged_one_is_served(after: Path, foreign: Path, tmp_path: Path) -> None:
    """SQLite reads what it can: a question that does not touch the page is answered as if nothing were wrong."""
    shutil.copytree(after, tmp_path / "w")
    w = Workspace(tmp_path / "w")
    flipped(w.path, foreign)
    assert w.sql("SELECT count(*) FROM people_user")[0][0] > 0
    assert "I1" in w.run("verify").failed
