"""Two people at the same moment, on SQLite and on PostgreSQL, and the twin without locks (faults.md W1, W2, W5)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.desk.conftest import CHECKOUT, Workspace
from tests.desk.test_ops_postgresql import SERVER, InPostgresql, ask, databases

STORES = [pytest.param("sqlite", id="sqlite"), pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=STORES)
def office(request: Any, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace made by ``init`` and nothing more."""
    if request.param == "sqlite":
        w = Workspace(tmp_path / "w")
        w.done("init")
        yield w
        return
    if not SERVER:
        pytest.skip("no PostgreSQL server: ./run test starts one where it is installed (apt-get install postgresql)")
    name = f"jn_two_{tmp_path.name[-12:].lower()}_{request.param[:2]}"
    ask("postgres", f'CREATE DATABASE "{name}"')
    try:
        w = InPostgresql(tmp_path / "w", name)
        w.done("init")
        yield w
    finally:
        for database in databases():
            if database.startswith(name):
                ask("postgres", f'DROP DATABASE "{database}" WITH (FORCE)')


def play(w: Workspace, *words: str) -> dict[str, Any]:
    env = w.environment(JIENENG_HOME=str(w.path), DJANGO_SETTINGS_MODULE="jieneng.desk.settings")
    done = subprocess.run([sys.executable, "-m", "tests.returns.two_writers", *words], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.fault
def test_one_order_of_the_two_explains_what_came_out(office: Workspace) -> None:
    """No lost update, no fault of ours, no half: and the events told again give the records as they stand."""
    played = play(office)
    assert played["faults"] == [] and played["counts"]["returns"] > 100
    assert office.run("verify", "--deep").failed == set()


@pytest.mark.fault
def test_the_twin_without_locks_is_caught(office: Workspace) -> None:
    assert play(office, "--no-locks")["faults"] != []
