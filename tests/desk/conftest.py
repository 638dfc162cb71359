"""A real workspace on disk, made once and copied for each test, and the command run on it as people run it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.desk import small_home

CHECKOUT = Path(__file__).resolve().parents[2]
QUIET = ("-wal", "-shm", ".lock", ".log")
"""Names that reading may touch."""


@dataclass(frozen=True)
class Ran:
    """What a command did: its status, what it said, and what it wrote with ``--json``."""

    code: int
    out: str
    err: str
    json: dict[str, Any]

    @property
    def failed(self) -> set[str]:
        """The invariants that ``verify`` found broken."""
        return {r["id"] for r in self.json["invariants"] if not r["ok"]}

    def faults(self, id: str) -> str:
        return "\n".join(next(r["faults"] for r in self.json["invariants"] if r["id"] == id))


class Workspace:
    """A workspace of the test's own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JIENENG_", "DJANGO_"))}
        return {**kept, "PYTHONPATH": f"{CHECKOUT / 'src'}{os.pathsep}{CHECKOUT}", "PYTHONWARNINGS": "ignore", **more}

    def command(self, *words: object) -> list[str]:
        return [sys.executable, "-m", "jieneng", "--home", str(self.path), *map(str, words)]

    def run(self, *words: object, env: dict[str, str] | None = None, **more: Any) -> Ran:
        """Run one verb. A trace-back that a person would see fails the test whatever it is about."""
        answer = self.path.parent / "answer.json"
        answer.unlink(missing_ok=True)
        done = subprocess.run(self.command(*words, "--json", answer), env=self.environment(**(env or {})), capture_output=True, text=True, timeout=300, **more)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        data = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
        return Ran(done.returncode, done.stdout, done.stderr, data)

    def done(self, *words: object, **more: Any) -> Ran:
        """Run one verb that must succeed."""
        ran = self.run(*words, **more)
        assert ran.code == 0, ran.out + ran.err
        return ran

    def back(self, **to: str) -> None:
        """The database as an earlier program left it: apps and what stands on them, down to the migration named."""
        text = ("import django, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'jieneng.desk.settings'; django.setup(); "
                "from django.core.management import call_command as do; "
                f"[do('migrate', app, name, verbosity=0) for app, name in {sorted(to.items())!r}]")
        subprocess.run([sys.executable, "-c", text], env=self.environment(JIENENG_HOME=str(self.path)), check=True, timeout=300)

    def sql(self, *statements: str) -> list[tuple]:
        """Change the database past the product; rows of the last statement."""
        link = sqlite3.connect(self.path / "records.sqlite3")
        try:
            for statement in statements:
                rows = link.execute(statement).fetchall()
            link.commit()
            return rows
        finally:
            link.close()

    def tree(self) -> dict[str, str]:
        """Every file with its hash, but for what reading may touch."""
        return tree(self.path)


def tree(top: Path) -> dict[str, str]:
    return {p.relative_to(top).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(top.rglob("*"))
            if p.is_file() and not p.name.endswith(QUIET) and p.parent.name != "locks" and p.name != "reserve"}


def copy(source: Path, target: Path) -> Workspace:
    """A copy, its reserve file sparse to spare the disk."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("reserve"))
    target.chmod(0o700)
    with open(target / "reserve", "wb") as f:
        f.truncate(64 << 20)
    return Workspace(target)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small city, made once for a session by the product's own verbs."""
    folder = tmp_path_factory.mktemp("template") / "home"
    env = Workspace(folder).environment()
    done = subprocess.run([sys.executable, "-m", "tests.desk.small_home", str(folder)], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "reserve").unlink()
    return folder


@pytest.fixture
def workspace(template: Path, tmp_path: Path) -> Workspace:
    """The small city, for this test to do with as it likes."""
    return copy(template, tmp_path / "w")


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A folder with a layout and a table of more answers."""
    small_home.write_inputs(tmp_path / "inputs")
    return tmp_path / "inputs"


@pytest.fixture(scope="session")
def backed_up(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good backup of the small city."""
    folder = tmp_path_factory.mktemp("backup")
    there = copy(template, folder / "home")
    return Path(there.done("backup", "--out", folder).json["file"])
