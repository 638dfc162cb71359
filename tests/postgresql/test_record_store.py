"""The record store on PostgreSQL: the same tests, in a process of their own that is told to use it.

``./run test`` starts a throw-away server on loopback and names it in JIENENG_TEST_POSTGRESQL.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["tests/records", "tests/people", "tests/registry", "tests/returns/test_returns.py", "tests/returns/test_moves.py", "tests/returns/test_rounds.py", "tests/fieldwork",
         "tests/access", "tests/open_data"]


@pytest.mark.postgresql
def test_the_record_stores_tests_hold_on_postgresql_too() -> None:
    url = os.environ.get("JIENENG_TEST_POSTGRESQL")
    if not url:
        pytest.skip("no PostgreSQL server: ./run test starts one where it is installed (apt-get install postgresql)")
    env = {**os.environ, "JIENENG_DATABASE_URL": url}
    env.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--no-header", *ROOMS], cwd=ROOT, env=env,
                          capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert " passed" in done.stdout.splitlines()[-1]
