"""Import and freeze killed at any statement, sync or rename: whole or not there, and done again like an undisturbed run (K5, P7).

Each has a twin without transactions, which must be caught: a sweep that never fails proves nothing.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.desk.conftest import CHECKOUT, Workspace, copy

pytestmark = pytest.mark.fault
SEED = 2022
ROUNDS = 10


def run_to(w: Workspace, n: int, *words: object, **env: str) -> int:
    """Run a verb, killed before its Nth statement, sync or rename (0: to the end)."""
    command = [sys.executable, "-m", "tests.desk.killed_at", str(n), "--home", str(w.path), *map(str, words)]
    return subprocess.run(command, cwd=CHECKOUT, env=w.environment(STATEMENTS="1", **env), capture_output=True, timeout=300).returncode


def counted(w: Workspace, *words: object, **env: str) -> int:
    """How many moments there are in an undisturbed run."""
    file = w.path.parent / "count"
    assert run_to(w, 0, *words, COUNT_FILE=str(file), **env) == 0
    return int(file.read_text())


def moments(total: int, rounds: int = ROUNDS) -> list[int]:
    """Random ones in each tenth, always the last three: that is where the commit is."""
    dice, width = random.Random(SEED), max(1, total // rounds)
    return sorted({min(total, 1 + n * width + dice.randrange(width)) for n in range(rounds)} | {total - 2, total - 1, total})


def answers(w: Workspace) -> list[tuple]:
    """What every revision says, but for when it was written and what hangs on that."""
    return w.sql("SELECT ret_id, number, answers, json_remove(sources, '$[0]'), rulebook FROM returns_revision ORDER BY ret_id, number")


def states(w: Workspace) -> list[tuple]:
    return w.sql("SELECT id, state, revision, accepted FROM returns_return ORDER BY id")


def totals(w: Workspace, snapshot: str) -> Any:
    """The control totals, counts and what was left out of a snapshot."""
    manifest = json.loads((w.path / "snapshots" / snapshot / "manifest.json").read_text(encoding="utf-8"))
    return manifest["totals"], manifest["left_out"], {name: f["rows"] for name, f in manifest["files"].items() if "rows" in f}


def newest(w: Workspace) -> str:
    return str(w.sql("SELECT id FROM returns_snapshotrecord ORDER BY at DESC LIMIT 1")[0][0])


def import_words(inputs: Path) -> tuple[object, ...]:
    return "import", inputs / "more.csv", "--layout", inputs / "small.yaml"


FREEZE = ("freeze", "--period", "2022")


def test_import_killed_at_any_statement(template: Path, inputs: Path, tmp_path: Path) -> None:
    words = import_words(inputs)
    undisturbed = copy(template, tmp_path / "u")
    before, total = answers(undisturbed), counted(undisturbed, *words)
    expected, then = answers(undisturbed), states(undisturbed)
    for n in (points := moments(total)):
        w = copy(template, tmp_path / f"w{n}")
        assert run_to(w, n, *words) == -signal.SIGKILL, f"{n} of {total}"
        found = answers(w)
        assert found in (before, expected), f"half an import, killed at {n} of {total}"
        ran = w.run("verify")
        assert ran.failed == set(), f"killed at {n} of {total}: {ran.out}"
        if n in (points[0], points[5], total):
            w.done(*words)
            assert answers(w) == expected and states(w) == then
    w.done(*words)
    events = w.sql("SELECT count(*) FROM records_event WHERE verb = 'returns.import'")
    w.done(*words)
    assert answers(w) == expected, "once more changes nothing"
    assert w.sql("SELECT count(*) FROM records_event WHERE verb = 'returns.import'")[0][0] == events[0][0] + 1


def test_freeze_killed_at_any_statement(template: Path, inputs: Path, tmp_path: Path) -> None:
    base = copy(template, tmp_path / "base")
    base.done(*import_words(inputs), "--accept")
    undisturbed = copy(base.path, tmp_path / "u")
    total = counted(undisturbed, *FREEZE)
    expected, records = totals(undisturbed, newest(undisturbed)), undisturbed.sql("SELECT count(*) FROM returns_snapshotrecord")[0][0]
    assert expected != totals(base, newest(base)), "the new snapshot says something the old one does not"
    for n in (points := moments(total)):
        w = copy(base.path, tmp_path / f"w{n}")
        assert run_to(w, n, *FREEZE) == -signal.SIGKILL, f"{n} of {total}"
        have = w.sql("SELECT count(*) FROM returns_snapshotrecord")[0][0]
        assert have in (records - 1, records), f"killed at {n} of {total}"
        ran = w.run("verify")
        assert ran.failed == set(), f"killed at {n} of {total}: {ran.out}"
        if n in (points[0], points[5], total):
            w.done(*FREEZE)
            assert totals(w, newest(w)) == expected
            assert {p.name for p in (w.path / "snapshots").iterdir()} == {r[0] for r in w.sql("SELECT id FROM returns_snapshotrecord")}, "leftovers are cleared away"
    assert w.run("verify", "--deep").failed == set()


@pytest.mark.parametrize("what", ["import", "freeze"])
def test_the_twin_without_transactions_is_caught(template: Path, inputs: Path, tmp_path: Path, what: str) -> None:
    words = import_words(inputs) if what == "import" else FREEZE
    total = counted(copy(template, tmp_path / "u"), *words, AUTOCOMMIT="1")
    caught = []
    for n in [total - 4, total - 3, total - 2, total - 1, *reversed(moments(total))]:
        w = copy(template, tmp_path / f"w{n}")
        assert run_to(w, n, *words, AUTOCOMMIT="1") == -signal.SIGKILL
        caught += sorted(w.run("verify").failed)
        if caught:
            break
    assert set(caught) & {"I2", "I3"}, "verify must see what a run without transactions leaves half done"
