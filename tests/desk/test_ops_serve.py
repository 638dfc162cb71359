"""``jieneng serve``: one to a workspace, nobody survives it, a polite stop is polite, and nothing is swapped beneath it
(faults.md C6, K2, K4, K8, P9)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk.conftest import Workspace

pytestmark = pytest.mark.fault


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Server:
    """A running ``serve`` and what it started."""

    def __init__(self, w: Workspace) -> None:
        self.workspace, self.port = w, free_port()
        self.log = w.path.parent / f"serve-{self.port}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(w.command("serve", "--port", self.port), env=w.environment(), stdout=log, stderr=subprocess.STDOUT)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def up(self, within: float = 30) -> None:
        until = time.monotonic() + within
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
            time.sleep(0.1)

    def family(self) -> list[int]:
        """Every process that works on this workspace but the server itself."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) not in (self.process.pid, os.getpid()):
                try:
                    words = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if f"JIENENG_HOME={self.workspace.path}".encode() in words.split(b"\0") and (entry / "stat").read_text().split(") ")[1][0] != "Z":
                    found.append(int(entry.name))
        return found

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Server]:
    one = Server(workspace)
    try:
        one.up()
        yield one
    finally:
        one.stop()


def gone(server: Server, within: float) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not server.family():
            return True
        time.sleep(0.1)
    return False


def test_it_serves_and_stops_politely(server: Server) -> None:
    assert server.answers() and len(server.family()) >= 2
    assert str(server.port) in server.log.read_text()
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(25) == 0 and time.monotonic() - began < 25
    assert gone(server, 3) and server.workspace.run("verify").failed == set()


def test_a_second_server_is_refused(server: Server) -> None:
    ran = server.workspace.run("serve", "--port", free_port())
    assert ran.code == 1 and "serve" in ran.err
    assert server.answers()


def test_restore_and_upgrade_beside_a_server_are_refused(server: Server, backed_up: Path) -> None:
    before = server.workspace.tree()
    for words in (("restore", backed_up), ("upgrade",)):
        ran = server.workspace.run(*words)
        assert ran.code == 1 and "使用" in ran.err, ran.err
    assert server.workspace.tree() == before and server.answers()
    server.stop()
    assert server.workspace.run("restore", backed_up).code == 0, "the twin: without the server it is done"


def test_killed_outright_nothing_goes_on_and_the_next_start_works(server: Server) -> None:
    """K4: SIGKILL to the server alone."""
    assert server.family()
    server.process.kill()
    server.process.wait(5)
    assert gone(server, 5), server.family()
    again = Server(server.workspace)
    try:
        again.up()
        assert server.workspace.run("verify").failed == set()
    finally:
        again.stop()


def test_a_killed_site_process_is_replaced(server: Server) -> None:
    """K2: the process that answers is killed; another takes its place."""
    for pid in server.family():
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"desk.ops.server" in words and Path(f"/proc/{pid}/stat").read_text().split(") ")[1].split()[1] != str(server.process.pid):
            os.kill(pid, signal.SIGKILL)
            break
    else:
        pytest.fail("no process of the site found")
    server.up(15)


def test_a_killed_worker_is_replaced(server: Server) -> None:
    def workers() -> list[int]:
        return [p for p in server.family() if b"work" in Path(f"/proc/{p}/cmdline").read_bytes().split(b"\0")]

    (old,) = workers()
    os.kill(old, signal.SIGKILL)
    until = time.monotonic() + 10
    while not [p for p in workers() if p != old]:
        assert time.monotonic() < until, server.log.read_text()
        time.sleep(0.2)


def test_a_taken_port_is_told_in_words(workspace: Workspace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = workspace.run("serve", "--port", taken.getsockname()[1])
    assert ran.code == 1 and "--port" in ran.err


def test_a_damaged_database_is_not_served_and_the_last_backup_is_named(workspace: Workspace) -> None:
    made = workspace.done("backup")
    path = workspace.path / "records.sqlite3"
    data = bytearray(path.read_bytes())
    for start in range(len(data) // 4096 // 2 * 4096, len(data), 4096):
        data[start:start + 100] = b"\xa5" * 100
    path.write_bytes(data)
    ran = workspace.run("serve", "--port", free_port())
    assert ran.code == 1 and Path(made.json["file"]).name in ran.err


def test_long_work_asked_for_is_done(server: Server) -> None:
    """A job put into the table by anybody is taken up by the worker that serve started."""
    server.workspace.sql("INSERT INTO records_job (kind, args, key, state, done, total, message, attempts, fence, worker, line, created_at, by_id) "
                         "SELECT 'freeze', '{\"year\": 2021}', 'freeze:2021', 'ready', 0, 0, '{}', 0, 0, '', '/341800/', '2022-01-01', id FROM people_user WHERE username = 'zhoumin'")
    until = time.monotonic() + 30
    while server.workspace.sql("SELECT state FROM records_job WHERE key = 'freeze:2021'") != [("done",)]:
        assert time.monotonic() < until, server.workspace.sql("SELECT state, error FROM records_job")
        time.sleep(0.3)
    assert server.workspace.run("verify").failed == set()
