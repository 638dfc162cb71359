"""Killed at any moment: the step is whole or not there, verify agrees, and doing it again gives what an undisturbed run gives
(faults.md K5, P7, P9)."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.desk.conftest import CHECKOUT, Workspace, copy

pytestmark = pytest.mark.fault
ROUNDS = 10


def killed_at(w: Workspace, n: int, *words: object, counted: Path | None = None) -> int:
    """Run a verb, killed before its Nth sync or rename."""
    env = w.environment(**({"COUNT_FILE": str(counted)} if counted else {}))
    return subprocess.run([sys.executable, "-m", "tests.desk.killed_at", str(n), "--home", str(w.path), *map(str, words)], cwd=CHECKOUT, env=env,
                          capture_output=True, timeout=300).returncode


def spread(total: int, rounds: int = ROUNDS) -> list[int]:
    """The last ones all, where the swap is; the others evenly."""
    last = set(range(max(1, total - 5), total + 1))
    return sorted(last | {1 + n * total // rounds for n in range(rounds)})


def users(w: Workspace) -> set[str]:
    return {r[0] for r in w.sql("SELECT username FROM people_user")}


def test_backup_killed_leaves_a_whole_file_or_none(template: Path, tmp_path: Path) -> None:
    w = copy(template, tmp_path / "w")
    count = tmp_path / "count"
    assert killed_at(w, 0, "backup", counted=count) == 0
    first, total = set((w.path / "backups").glob("*.zip")), int(count.read_text())
    assert total >= 3
    for n in range(1, total + 1):
        assert killed_at(w, n, "backup") == -signal.SIGKILL
        for made in set((w.path / "backups").glob("*.zip")) - first:
            copy_of = Workspace(tmp_path / f"r{n}")
            copy_of.done("restore", made)  # under its final name it is whole
        assert w.run("verify").failed == set()
        time.sleep(1.1)  # the next one has another name
    made = w.done("backup")
    assert [p.name for p in (w.path / "backups").iterdir() if p.name.startswith(".")] == [], "what was left was cleared away"
    assert Path(made.json["file"]).exists()


def test_restore_killed_is_the_old_or_the_new_whole(template: Path, backed_up: Path, tmp_path: Path) -> None:
    w = copy(template, tmp_path / "w")
    w.done("user", "add", "spaeter", "--name", "后来")
    (w.path / "backups" / "mine.txt").write_text("")
    trial, count = copy(w.path, tmp_path / "trial"), tmp_path / "count"
    assert killed_at(trial, 0, "restore", backed_up, counted=count) == 0
    total, seen = int(count.read_text()), set()
    for n in spread(total, 3):
        (tmp_path / f"k{n}").mkdir()
        one = copy(w.path, tmp_path / f"k{n}" / "w")
        before = {p.relative_to(one.path) for p in one.path.rglob("*")}
        assert killed_at(one, n, "restore", backed_up) == -signal.SIGKILL
        ran = one.run("verify")  # the next command finishes the swap, or finds nothing to finish
        assert ran.failed == set(), f"killed at {n} of {total}: {ran.out}{ran.err}"
        old = "spaeter" in users(one)
        seen.add(old)
        assert (one.path / "backups" / "mine.txt").exists(), "backups stay with the workspace"
        if old:
            assert before <= {p.relative_to(one.path) for p in one.path.rglob("*")}
        else:
            kept = [p for p in one.path.parent.iterdir() if ".before-restore-" in p.name]
            assert len(kept) == 1 and "spaeter" in users(Workspace(kept[0]))
        one.done("restore", backed_up)
        assert "spaeter" not in users(one)
        assert not [p.name for p in one.path.parent.iterdir() if ".restoring-" in p.name or p.name.endswith(".restore.json")]
    assert seen == {True, False}, "the sweep must have hit both sides of the swap"


def kill_while(w: Workspace, share: float, whole: float, *words: object) -> bool:
    """Kill a verb at a share of its usual time. Returns whether it was still running."""
    process = subprocess.Popen(w.command(*words), env=w.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(share * whole)
    hit = process.poll() is None
    process.kill()
    process.wait(30)
    return hit


def answers(w: Workspace) -> list[tuple]:
    return w.sql("SELECT ret_id, number, answers FROM returns_revision ORDER BY ret_id, number")


def test_import_killed_is_whole_or_not_there(template: Path, inputs: Path, tmp_path: Path) -> None:
    undisturbed = copy(template, tmp_path / "u")
    words = ("import", inputs / "more.csv", "--layout", inputs / "small.yaml")
    began = time.monotonic()
    undisturbed.done(*words)
    whole, before = time.monotonic() - began, len(answers(Workspace(template)))
    expected, dice, hits = answers(undisturbed), random.Random(2022), 0
    assert len(expected) == before + 48
    for n in range(ROUNDS // 2):
        w = copy(template, tmp_path / f"k{n}")
        hits += kill_while(w, dice.uniform(0.3, 1.0), whole, *words)
        assert len(answers(w)) in (before, len(expected)), "half an import"
        assert w.run("verify").failed == set()
        w.done(*words)
        assert answers(w) == expected
    assert hits, "at least one must have been killed under way"


def test_freeze_killed_is_whole_or_not_there(template: Path, tmp_path: Path) -> None:
    w, count = copy(template, tmp_path / "w"), tmp_path / "count"
    assert killed_at(copy(template, tmp_path / "trial"), 0, "freeze", "--period", "2022", counted=count) == 0
    total = int(count.read_text())
    for n in spread(total, 5):
        assert killed_at(w, n, "freeze", "--period", "2022") == -signal.SIGKILL
        assert w.sql("SELECT count(*) FROM returns_snapshotrecord") == [(2,)]
        assert w.run("verify").failed == set(), f"killed at {n} of {total}"
    w.done("freeze", "--period", "2022")
    assert w.run("verify", "--deep").failed == set()
    assert {p.name for p in (w.path / "snapshots").iterdir()} == {r[0] for r in w.sql("SELECT id FROM returns_snapshotrecord")}


def test_init_killed_and_run_again(tmp_path: Path) -> None:
    """A killed ``init`` is no workspace; again, it goes on and is like an undisturbed one."""
    count = tmp_path / "count"
    assert killed_at(Workspace(tmp_path / "u"), 0, "init", counted=count) == 0
    total = int(count.read_text())
    for n in range(1, total + 1):
        w = Workspace(tmp_path / f"k{n}")
        assert killed_at(w, n, "init") == -signal.SIGKILL
        if (w.path / "workspace.json").exists():
            assert n == total, "it is written last"
        else:
            w.done("init")
        assert w.run("verify").failed == set()
        assert w.sql("SELECT count(*) FROM records_event") == [(1,)]


def test_upgrade_killed_and_run_again(template: Path, tmp_path: Path) -> None:
    """A workspace one migration behind: killed at any sync or rename of the upgrade, then upgraded to the end."""
    count = tmp_path / "count"
    behind = copy(template, tmp_path / "behind")
    behind.sql("DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'reports')",
               "DROP TABLE reports_documentversion", "DROP TABLE reports_document")
    assert behind.run("figures", "--period", "2022").code == 1
    assert killed_at(copy(behind.path, tmp_path / "trial"), 0, "upgrade", counted=count) == 0
    for n in spread(int(count.read_text()), 4):
        w = copy(behind.path, tmp_path / f"k{n}")
        assert killed_at(w, n, "upgrade") == -signal.SIGKILL
        ran = w.done("upgrade")
        assert Path(ran.json["backup"]).exists()
        assert w.run("verify").failed == set()


def test_backup_and_restore_killed_at_random_moments(template: Path, backed_up: Path, tmp_path: Path) -> None:
    """Not only at syncs: while copying, packing, unpacking, and while a child process readies the copy."""
    dice, hits = random.Random(2022), 0
    w = copy(template, tmp_path / "w")
    w.done("user", "add", "spaeter", "--name", "后来")
    began = time.monotonic()
    first = Path(w.done("backup").json["file"])
    usual = time.monotonic() - began
    for n in range(ROUNDS // 2):
        hits += kill_while(w, dice.uniform(0.4, 1.0), usual, "backup", "--out", tmp_path / f"{n}.jieneng.zip")
        if (made := tmp_path / f"{n}.jieneng.zip").exists():
            Workspace(tmp_path / f"from{n}").done("restore", made)
    assert hits and w.run("verify").failed == set()
    trial = copy(w.path, tmp_path / "trial")
    began = time.monotonic()
    trial.done("restore", backed_up)
    usual, hits = time.monotonic() - began, 0
    (tmp_path / "k").mkdir()
    one = copy(w.path, tmp_path / "k" / "w")
    for _ in range(ROUNDS):
        hits += kill_while(one, dice.uniform(0.2, 1.0), usual, "restore", backed_up)
        ran = one.run("verify")
        assert ran.failed == set(), ran.out + ran.err
        if "spaeter" not in users(one):
            one.done("restore", first)
        assert "spaeter" in users(one)
    assert hits
    one.done("restore", backed_up)
    assert not [p.name for p in one.path.parent.iterdir() if ".restoring-" in p.name or p.name.endswith(".restore.json")]
