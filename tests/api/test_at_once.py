"""At the same moment, on SQLite and on PostgreSQL: one key is done once, one version is changed once, one code is taken once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.desk.conftest import CHECKOUT, Workspace
from tests.returns.test_two_writers import office

__all__ = ["office"]


@pytest.fixture(scope="module")
def stage() -> None:
    """Not the city of this folder: a workspace of its own."""


@pytest.fixture(autouse=True)
def home() -> None:
    """Likewise."""


@pytest.mark.fault
def test_eight_at_one_moment(office: Workspace) -> None:
    env = office.environment(JIENENG_HOME=str(office.path), DJANGO_SETTINGS_MODULE="jieneng.desk.settings")
    done = subprocess.run([sys.executable, "-m", "tests.api.at_once"], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    played = json.loads(done.stdout.splitlines()[-1])
    assert played["one_key"] == {"statuses": [200] * 8, "answers": 1, "revisions": 1, "imports": 1, "kept": 1}
    assert played["versions"] == {"statuses": [200, *[412] * 7], "events": 1, "state": "returned"}
    assert played["codes"] == [*[""] * 7, "code"]
    assert office.run("verify").failed <= {"I3"}, "the institution was planted for the test"
