"""The record store on PostgreSQL: the same tests, in processes of their own that are told to use it.

``./run test`` starts a throw-away server on loopback and names it in JIENENG_TEST_POSTGRESQL.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    # accounts, register, events and their chain, jobs, files, moves, ledgers, every page by role
    "rooms": ["tests/records", "tests/people", "tests/registry", "tests/returns/test_returns.py", "tests/returns/test_moves.py", "tests/returns/test_rounds.py", "tests/fieldwork",
              "tests/access", "tests/open_data/test_philadelphia_seattle.py",
              # what no store decides: headers; and of two persons of one role and kind of scope the second
              "--deselect=tests/access/test_walk.py::test_headers_of_all_pages", "-k", "not (test_walk and (heping or lihui))"],
    # the year's way: import, the platform's export, review, corrections, acceptance, freeze, figures and their pages, drafts of the document
    "year": ["tests/returns/test_errors_kept.py", "tests/returns/test_freeze_bulk.py", "tests/figures/test_pages.py", "tests/reports/test_drafts.py",
             "tests/exchange/test_sent_back.py"],
}


def on_postgresql(name: str, *paths: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run tests in a database of their own, so that several such runs may share a server. Skips where there is none."""
    server = os.environ.get("JIENENG_TEST_POSTGRESQL")
    if not server:
        pytest.skip("no PostgreSQL server: ./run test starts one where it is installed (apt-get install postgresql)")
    env = {**os.environ, "JIENENG_DATABASE_URL": urlsplit(server)._replace(path=f"/jieneng_{name}_{os.getpid()}").geturl(), **more}
    env.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--no-header", *paths], cwd=ROOT, env=env,
                          capture_output=True, text=True, timeout=1200)


@pytest.mark.postgresql
@pytest.mark.parametrize("name", ROOMS)
def test_the_record_stores_tests_hold_on_postgresql_too(name: str) -> None:
    done = on_postgresql(name, *ROOMS[name])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert " passed" in done.stdout.splitlines()[-1]
