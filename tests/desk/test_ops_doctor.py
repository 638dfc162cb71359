"""``jieneng doctor``: each check says ok on a good workspace, and names what is wrong and what helps on a bad one."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jieneng.desk.ops import doctor
from tests.desk.conftest import Ran, Workspace


def states(ran: Ran) -> dict[str, str]:
    return {c["id"].removeprefix("jieneng."): c["state"] for c in ran.json["checks"]}


def old_backup(w: Workspace, backed_up: Path) -> None:
    path = Path(shutil.copyfile(backed_up, w.path / "backups" / backed_up.name))
    os.utime(path, (time.time() - 3 * 86400,) * 2)


def good_backup(w: Workspace, backed_up: Path) -> None:
    shutil.copyfile(backed_up, w.path / "backups" / backed_up.name)


def stray(w: Workspace, backed_up: Path) -> None:
    (w.path / "snapshots" / "2022-01-01-000000000000").mkdir()


WRONG: dict[str, tuple[str, str, Callable[[Workspace, Path], object]]] = {
    # name: (check, state, what is done)
    "a migration missing": ("D003", "fail", lambda w, b: w.sql("DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'axes')")),
    "a newer database": ("D003", "fail", lambda w, b: w.sql("INSERT INTO django_migrations (app, name, applied) VALUES ('returns', '9999_x', '2030-01-01')")),
    "no reserve": ("D005", "warn", lambda w, b: (w.path / "reserve").unlink()),
    "a reserve that was cut": ("D005", "warn", lambda w, b: os.truncate(w.path / "reserve", 5)),
    "readable by others": ("D006", "warn", lambda w, b: w.path.chmod(0o755)),
    "a key readable by others": ("D006", "warn", lambda w, b: (w.path / "secret.key").chmod(0o644)),
    "a short key": ("D006", "fail", lambda w, b: (w.path / "secret.key").write_text("short")),
    "no key": ("D006", "fail", lambda w, b: (w.path / "secret.key").unlink()),
    "a book that is not there": ("D007", "fail", lambda w, b: (w.path / "workspace.json").write_text('{"book": "nowhere"}')),
    "a job that waits": ("D008", "warn", lambda w, b: w.sql("UPDATE records_job SET state = 'ready', created_at = '2022-01-01'")),
    "a job that fell silent": ("D008", "warn", lambda w, b: w.sql("UPDATE records_job SET state = 'running', lease_until = '2022-01-01'")),
    "no backup": ("D009", "warn", lambda w, b: None),
    "an old backup": ("D009", "warn", old_backup),
    "a damaged backup": ("D009", "fail", lambda w, b: (w.path / "backups" / "x.jieneng.zip").write_bytes(b"PK")),
    "a stray snapshot": ("D010", "warn", stray),
    "a copy left by a restore": ("D010", "warn", lambda w, b: (w.path.parent / ".w.restoring-1").mkdir()),
    "a clock behind the last event": ("D011", "warn", lambda w, b: w.sql("UPDATE records_event SET at = '2099-01-01T00:00:00+08:00' WHERE seq = (SELECT max(seq) FROM records_event)")),
}


def test_a_good_workspace(workspace: Workspace, backed_up: Path) -> None:
    """The twin of all below: nothing is found, nothing is changed, every check ran."""
    good_backup(workspace, backed_up)
    before = workspace.tree()
    ran = workspace.run("doctor")
    assert ran.code == 0 and set(states(ran)) == {f"D{n:03}" for n in range(1, len(doctor.CHECKS) + 1)}
    # whether this machine has Chinese fonts, and how full it is, is not the workspace's matter
    assert {k: v for k, v in states(ran).items() if v != "ok" and k not in ("D004", "D013")} == {}
    assert workspace.tree() == before


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named_with_what_helps(workspace: Workspace, backed_up: Path, what: str) -> None:
    id, state, damage = WRONG[what]
    damage(workspace, backed_up)
    ran = workspace.run("doctor")
    assert states(ran)[id] == state, ran.out
    assert ran.code == (1 if state == "fail" else 0)
    check = next(c for c in ran.json["checks"] if c["id"].endswith(id))
    assert check["hint"]["zh"] and check["hint"]["en"]
    assert str(check["hint"]["zh"]) in ran.out


@pytest.mark.parametrize("mb, state", [("99999999", "fail"), ("0", "ok")])
def test_space_against_the_floor(workspace: Workspace, mb: str, state: str) -> None:
    assert states(workspace.run("doctor", env={"JIENENG_FLOOR_MB": mb}))["D004"] == state


class Old:
    """An SQLite module of another version."""

    def __init__(self, version: str) -> None:
        self.sqlite_version = version


@pytest.mark.django_db
@pytest.mark.parametrize("version, state", [("3.40.1", {"fail", "warn"}), ("3.51.2", {"fail", "warn"}), ("3.51.3", {"ok"}), ("3.60.0", {"ok"})])
def test_an_sqlite_that_may_corrupt_wal_is_named(monkeypatch: pytest.MonkeyPatch, version: str, state: set[str]) -> None:
    from django.db import connection
    from django.db.backends.sqlite3 import base

    if connection.vendor != "sqlite":
        pytest.skip("SQLite only: PostgreSQL has no such library")
    monkeypatch.setattr(base, "Database", Old(version))
    assert doctor.sqlite_version().state in state


def test_a_check_that_breaks_is_a_failure_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> doctor.Check:
        raise ZeroDivisionError

    monkeypatch.setattr(doctor, "CHECKS", [breaks])
    (found,) = doctor.run()
    assert found.state == "fail" and "ZeroDivisionError" in str(found.found)


@pytest.mark.django_db
def test_settings_that_may_lose_what_was_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """D002: NORMAL instead of FULL, or foreign keys off."""
    from django.db import connection

    if connection.vendor != "sqlite":
        pytest.skip("SQLite's settings")
    good = {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"}
    for wrong, state in (({}, "ok"), ({"synchronous": "1"}, "fail"), ({"foreign_keys": "0"}, "fail"), ({"journal_mode": "off"}, "fail"), ({"journal_mode": "memory"}, "fail")):
        monkeypatch.setattr(doctor, "_shown", lambda s, now={**good, **wrong}: now[s.split()[1]])
        check = doctor.pragmas()
        assert (check.id, check.state) == ("jieneng.D002", state) and (check.hint is None) == (state == "ok")


def test_no_office_suite_and_no_fonts_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    assert doctor.office_suite().id == "jieneng.D012" and "docx" in str(doctor.office_suite().found)
    assert doctor.fonts().id == "jieneng.D013" and doctor.fonts().state == "ok", "cannot tell is no accusation"
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *a, **k: doctor.subprocess.CompletedProcess(a, 0, "", ""))
    check = doctor.fonts()
    assert check.state == "warn" and check.hint is not None and "fonts-noto-cjk" in str(check.hint)


class Server:
    """A connection to PostgreSQL."""

    vendor = "postgresql"


@pytest.mark.parametrize("tool, version, state", [(None, "", "fail"), ("pg_dump", "pg_dump (PostgreSQL) 13.4", "fail"), ("pg_dump", "pg_dump (PostgreSQL) 17.1", "ok")])
def test_a_backup_tool_missing_or_older_than_the_server(monkeypatch: pytest.MonkeyPatch, tool: str | None, version: str, state: str) -> None:
    from jieneng.core.problem import refuse
    from jieneng.core.words import T

    def found(name: str) -> str:
        if tool is None:
            raise refuse("backup.tool", T("没有", "none"), do=T("安装 postgresql-client", "install postgresql-client"))
        return tool

    monkeypatch.setattr(doctor, "connection", Server())
    monkeypatch.setattr(doctor.archive, "postgresql_tool", found)
    monkeypatch.setattr(doctor, "_shown", lambda s: "150004")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *a, **k: doctor.subprocess.CompletedProcess(a, 0, version, ""))
    check = doctor.postgresql_tools()
    assert (check.id, check.state) == ("jieneng.D014", state) and (state == "ok" or "postgresql-client" in str(check.hint))


def test_a_cluster_that_does_not_answer_is_told(settings: object) -> None:
    settings.ENGINE = "spark://127.0.0.1:1?spark.executor.memory=1g"  # type: ignore[attr-defined]
    check = doctor.numbers_engine()
    assert (check.id, check.state) == ("jieneng.D015", "fail") and "JIENENG_ENGINE" in str(check.hint)
    settings.ENGINE = "duckdb:"  # type: ignore[attr-defined]
    assert doctor.numbers_engine().state == "ok"


def test_an_engine_that_is_none_stops_the_start(workspace: Workspace) -> None:
    ran = workspace.run("doctor", env={"JIENENG_ENGINE": "oracle:"})
    assert ran.code != 0 and "JIENENG_ENGINE" in ran.err and "duckdb:" in ran.err and "Traceback" not in ran.err
