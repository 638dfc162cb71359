"""A full disk: the verb fails in words, nothing is half done, and with room again it is done (faults.md D1, D2, D5, D6)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jieneng.core.problem import Refused
from jieneng.desk.ops import workspace as room
from jieneng.desk.ops.explain import explain
from tests.desk.conftest import CHECKOUT, Workspace

pytestmark = pytest.mark.fault


def private_disks() -> str:
    """Why a small disk of one's own cannot be mounted here, or nothing."""
    if os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "mounting a small disk needs root"
    if shutil.which("unshare") is None:
        return "no unshare (util-linux)"
    probe = subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"], capture_output=True, text=True)
    return "" if probe.returncode == 0 else f"no private mounts here: {probe.stderr.strip()}"


@pytest.fixture(scope="module")
def ran_full(template: Path, backed_up: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    if why := private_disks():
        pytest.skip(why)
    from tests.desk import small_home

    folder = tmp_path_factory.mktemp("full")
    small_home.write_inputs(folder / "inputs")
    (folder / "disk").mkdir()
    env = Workspace(folder).environment()
    done = subprocess.run(["unshare", "-m", sys.executable, "-m", "tests.desk.on_a_small_disk", str(folder / "disk"), str(template), str(backed_up),
                           str(folder / "inputs")], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_on_a_full_disk_every_verb_fails_in_words(ran_full: list[dict]) -> None:
    refused = [r for r in ran_full if r["full"]["code"] != 0]
    assert {r["verb"] for r in refused if r["leave"] == 0} == {"import", "freeze", "backup", "restore", "user", "upgrade"}
    for r in refused:
        assert r["full"]["code"] == 1, r
        assert any(t in r["full"]["err"] for t in ("磁盘", "打不开数据库")), r


def test_nothing_is_half_done_and_with_room_again_it_is_done(ran_full: list[dict]) -> None:
    for r in ran_full:
        assert r["verified"] == [], r
        assert r["again"]["code"] == 0, r
        assert r["after"] == [], r


def test_below_the_floor_big_steps_are_refused_and_small_ones_done(workspace: Workspace, inputs: Path) -> None:
    floor = {"JIENENG_FLOOR_MB": "99999999"}
    for words in (("backup",), ("upgrade",)):
        ran = workspace.run(*words, env=floor)
        assert ran.code == 1 and "磁盘只剩" in ran.err
    assert workspace.run("user", "add", "xin", "--name", "新", env=floor).code == 0
    assert workspace.run("verify", env=floor).failed == {"I9"}
    assert workspace.run("verify").failed == set()


def test_a_wrong_floor_is_told(workspace: Workspace) -> None:
    ran = workspace.run("backup", env={"JIENENG_FLOOR_MB": "lots"})
    assert ran.code == 1 and "JIENENG_FLOOR_MB" in ran.err


def test_the_reserve_is_given_back_and_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [1 << 40]
    monkeypatch.setattr(room, "free_space", lambda home: free[0])
    assert room.keep_reserve(tmp_path) and (tmp_path / "reserve").stat().st_size == room.RESERVE_SIZE
    if os.name != "nt":
        assert (tmp_path / "reserve").stat().st_blocks * 512 >= room.RESERVE_SIZE, "really taken, not a hole"
    assert not room.give_back_reserve(tmp_path) and (tmp_path / "reserve").exists()
    free[0] = 1 << 20
    assert room.give_back_reserve(tmp_path) and not (tmp_path / "reserve").exists()
    assert not room.keep_reserve(tmp_path), "not while there is no room for it"
    free[0] = 1 << 40
    assert room.keep_reserve(tmp_path)


@pytest.mark.parametrize("error, code", [
    (OSError(28, "No space left on device", "/x"), "disk.full"), (OSError(122, "Disk quota exceeded"), "disk.full"), (OSError(27, "File too large"), "disk.full"),
    (OSError(30, "Read-only file system", "/x"), "disk.read_only"), (PermissionError(13, "Permission denied", "/x"), "system.permission"),
    (OSError(5, "Input/output error", "/x"), "disk.error"), (OSError(24, "Too many open files"), "system.files"),
])
def test_what_the_machine_says_is_told_in_words(error: OSError, code: str, tmp_path: Path) -> None:
    found = explain(error, tmp_path)
    assert isinstance(found, Refused) and found.problems[0].code == code
    assert found.problems[0].do is not None
    assert found.problems[0].found.say("en") != found.problems[0].found.say("zh")


@pytest.mark.parametrize("text, code", [
    ("database or disk is full", "disk.full"), ("could not extend file: No space left on device", "disk.full"), ("database disk image is malformed", "database.damaged"),
    ("file is not a database", "database.damaged"), ("database is locked", "database.busy"), ("attempt to write a readonly database", "database.read_only"),
    ("unable to open database file", "database.open"), ("connection failed: Connection refused", "database.away"),
])
def test_what_the_database_says_is_told_in_words(text: str, code: str, tmp_path: Path) -> None:
    from django.db import OperationalError

    found = explain(OperationalError(text), tmp_path)
    assert found is not None and found.problems[0].code == code


def test_a_cause_deep_below_is_found_and_a_fault_of_ours_stays_one(tmp_path: Path) -> None:
    try:
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise ValueError("could not write") from error
    except ValueError as error:
        found = explain(error, tmp_path)
    assert found is not None and found.problems[0].code == "disk.full"
    assert explain(ValueError("x"), tmp_path) is None and explain(KeyError("disk is full"), tmp_path) is None
