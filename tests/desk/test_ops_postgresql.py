"""Backup and restore where the records lie in PostgreSQL: a dump in one snapshot with the files, loaded beside, two renames."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.desk.conftest import CHECKOUT, Workspace, copy, tree

# in one worker, so that the workspace is made once
pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("ops-postgresql")]
SERVER = os.environ.get("JIENENG_TEST_POSTGRESQL", "")


def ask(database: str, statement: str) -> list[tuple]:
    import psycopg

    parts = urlsplit(SERVER)
    with psycopg.connect(host=parts.hostname, port=parts.port, user=parts.username, dbname=database, autocommit=True) as link:
        cursor = link.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def databases() -> set[str]:
    return {r[0] for r in ask("postgres", "SELECT datname FROM pg_database")}


class InPostgresql(Workspace):
    """A workspace whose records lie in a database of the test's own."""

    def __init__(self, path: Path, database: str) -> None:
        super().__init__(path)
        self.database = database

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(**{"JIENENG_DATABASE_URL": urlsplit(SERVER)._replace(path=f"/{self.database}").geturl(), **more})

    def sql(self, *statements: str) -> list[tuple]:
        return [ask(self.database, s) for s in statements][-1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InPostgresql]:
    """The small city in PostgreSQL, made once by the product's own verbs; each test gets a copy."""
    if not SERVER:
        pytest.skip("no PostgreSQL server: ./run test starts one where it is installed (apt-get install postgresql)")
    name = f"jn_made_{os.getpid()}"
    ask("postgres", f'CREATE DATABASE "{name}"')
    w = InPostgresql(tmp_path_factory.mktemp("made") / "w", name)
    try:
        done = subprocess.run([sys.executable, "-m", "tests.desk.small_home", str(w.path)], cwd=CHECKOUT, env=w.environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        yield w
    finally:
        ask("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def there(made: InPostgresql, tmp_path: Path) -> Iterator[InPostgresql]:
    name = f"jn_{os.getpid()}_{tmp_path.name[-12:].lower()}"
    ask("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{made.database}"')
    try:
        yield InPostgresql(copy(made.path, tmp_path / "w").path, name)
    finally:
        for database in databases():
            if database.startswith(name):
                ask("postgres", f'DROP DATABASE "{database}" WITH (FORCE)')


def own_databases(w: InPostgresql) -> set[str]:
    """Only this workspace's: the server is shared, and what other tests make there at the same time is theirs."""
    return {d for d in databases() if d.startswith(w.database)}


def users(w: Workspace) -> set[str]:
    return {r[0] for r in w.sql("SELECT username FROM people_user")}


def test_all_invariants_hold(there: InPostgresql) -> None:
    ran = there.run("verify", "--deep")
    assert ran.failed == set() and all(r["count"] for r in ran.json["invariants"])
    assert there.run("doctor").code == 0


@pytest.mark.parametrize("id, statement", [
    ("I2", "UPDATE returns_return SET state = 'signed' WHERE id = (SELECT min(id) FROM returns_return)"),
    ("I3", "UPDATE people_user SET is_active = true WHERE username = 'jiuren'"), ("I4", "UPDATE records_event SET actor_name = '别人' WHERE seq = 5"),
    ("I8", "UPDATE records_job SET result = NULL"), ("I3+I10", "UPDATE returns_revision SET rulebook = ''"),
    ("I3", "UPDATE returns_revision SET answers = jsonb_set(answers, '{electricity_kwh}', '\"1\"') WHERE ret_id = 5")])
def test_damage_is_named_alike(there: InPostgresql, id: str, statement: str) -> None:
    there.sql(statement)
    assert there.run("verify").failed == set(id.split("+"))


def test_what_comes_back_is_what_was_there(there: InPostgresql) -> None:
    before = users(there), tree(there.path / "received"), tree(there.path / "snapshots"), there.sql("SELECT * FROM returns_revision ORDER BY id")
    made = there.done("backup")
    there.done("user", "add", "spaeter", "--name", "后来")
    ran = there.done("restore", made.json["file"])
    assert (users(there), tree(there.path / "received"), tree(there.path / "snapshots"), there.sql("SELECT * FROM returns_revision ORDER BY id")) == before
    assert ran.json["head_then"] == made.json["chain"] and ran.json["head_now"]["seq"] > made.json["chain"]["seq"]
    assert there.run("verify", "--deep").failed == set()
    (kept,) = [d for d in databases() if d.startswith(f"{there.database}_before_")]
    assert "spaeter" in {r[0] for r in ask(kept, "SELECT username FROM people_user")}, "the old database is kept beside it"
    assert not [d for d in databases() if d == f"{there.database}_restoring"]
    there.done("user", "add", "danach", "--name", "之后")


def test_killed_between_the_renames_the_next_command_finishes(there: InPostgresql) -> None:
    """Killed at each of the last steps: the old or the new, whole; then restored for good."""
    made = there.done("backup")
    there.done("user", "add", "spaeter", "--name", "后来")
    count = there.path.parent / "count"
    words = ["--home", str(there.path), "restore", made.json["file"]]

    def killed(n: int, **more: Any) -> int:
        done = subprocess.run([sys.executable, "-m", "tests.desk.killed_at", str(n), *words], cwd=CHECKOUT, env=there.environment(**more), capture_output=True)
        assert done.returncode <= 0, done.stderr.decode()
        return done.returncode

    seen = set()
    assert killed(0, COUNT_FILE=str(count)) == 0
    there.done("user", "add", "spaeter", "--name", "后来")
    total = int(count.read_text())
    for n in (total - 14, total - 7, total - 6, total - 5, total - 2, total):
        assert killed(n) < 0
        assert there.run("verify").failed == set(), n
        old = "spaeter" in users(there)
        seen.add(old)
        if not old:
            there.done("user", "add", "spaeter", "--name", "后来")
    assert seen == {True, False}


def test_a_damaged_dump_touches_nothing(there: InPostgresql) -> None:
    made = there.done("backup")
    path = Path(made.json["file"])
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    before, names = there.tree(), own_databases(there)
    ran = there.run("restore", path)
    assert ran.code == 1 and path.name in ran.err and there.tree() == before and own_databases(there) == names


def test_a_server_that_is_away_is_told_in_words(there: InPostgresql) -> None:
    ran = there.run("figures", "--period", "2022", env={"JIENENG_DATABASE_URL": "postgresql://jieneng@127.0.0.1:1/none"})
    assert ran.code == 1 and "PostgreSQL" in ran.err
