"""Backup and restore: the same data comes back; what is damaged, foreign or newer is refused before anything is touched
(faults.md P8, C4, M3, section 6)."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.desk.conftest import CHECKOUT, Workspace, tree


def rebuilt(archive: Path, *, manifest: Callable[[dict[str, Any]], object] | None = None, rename: dict[str, str] | None = None,
            leave: str = "", add: dict[str, bytes] | None = None) -> None:
    """Write a backup again with something changed."""
    with zipfile.ZipFile(archive) as source:
        members = {n: source.read(n) for n in source.namelist()}
    data = json.loads(members.pop("manifest.json"))
    members = {(rename or {}).get(n, n): content for n, content in members.items() if not leave or leave not in n}
    if manifest:
        manifest(data)
    with zipfile.ZipFile(archive, "w") as target:
        for name, content in {**members, **(add or {}), "manifest.json": json.dumps(data).encode()}.items():
            target.writestr(name, content)


def flip_in(member: str) -> Callable[[Path], None]:
    """Turn one bit inside the stored bytes of a member."""

    def damage(archive: Path) -> None:
        with zipfile.ZipFile(archive) as z:
            info = next(i for i in z.infolist() if member in i.filename)
        data = bytearray(archive.read_bytes())
        data[info.header_offset + 30 + len(info.filename.encode()) + info.compress_size // 2] ^= 1
        archive.write_bytes(data)

    return damage


def renamed_member(name: str) -> Callable[[Path], None]:
    """Call a received file something that leads out of the folder, in the manifest too."""

    def damage(archive: Path) -> None:
        with zipfile.ZipFile(archive) as z:
            old = next(n for n in z.namelist() if n.startswith("received/"))
        rebuilt(archive, rename={old: name}, manifest=lambda m: m["files"].update({name: m["files"].pop(old)}))

    return damage


def cut(share: float) -> Callable[[Path], None]:
    return lambda archive: os.truncate(archive, int(archive.stat().st_size * share))


def zero_page(archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    start = len(data) // 2 // 4096 * 4096
    data[start:start + 4096] = bytes(4096)
    archive.write_bytes(data)


def a_bomb(archive: Path) -> None:
    """A member that unpacks to far more than the manifest says."""
    with zipfile.ZipFile(archive) as z:
        old = next(n for n in z.namelist() if n.startswith("received/"))
        files = {n: z.read(n) for n in z.namelist() if n != old}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in files.items():
            z.writestr(name, content)
        z.writestr(old, b"\0" * (20 << 20))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    # what is done to the archive, and a word of the answer
    "a bit of the database": (flip_in("records.sqlite3"), "records.sqlite3"),
    "a bit of a received file": (flip_in("received/"), "received/"),
    "a bit of the manifest": (flip_in("manifest.json"), "jieneng-"),
    "half of it": (cut(0.5), "jieneng-"),
    "all but the last bytes": (cut(0.999), "jieneng-"),
    "a page of zeroes": (zero_page, "jieneng-"),
    "an empty file": (lambda a: a.write_bytes(b""), "jieneng-"),
    "not an archive": (lambda a: a.write_text("节能" * 1000, encoding="utf-8"), "jieneng-"),
    "another's archive": (lambda a: zipfile.ZipFile(a, "w").writestr("x.txt", "x"), "不是 jieneng 的备份"),
    "a member missing": (lambda a: rebuilt(a, leave="bodies.parquet"), "bodies.parquet"),
    "a member too many": (lambda a: rebuilt(a, add={"received/aa/extra": b"x"}), "received/aa/extra"),
    "a member outside": (renamed_member("../outside"), "../outside"),
    "a member with a way out": (renamed_member("received/../../outside"), "outside"),
    "an absolute member": (renamed_member("/tmp/outside"), "/tmp/outside"),
    "the secret key": (renamed_member("secret.key"), "secret.key"),
    "a backslash": (renamed_member("received\\..\\x"), "received"),
    "a bomb": (a_bomb, "received/"),
    "a hash that is not the content's": (lambda a: rebuilt(a, manifest=lambda m: m["files"]["workspace.json"].update(sha256="0" * 64)), "workspace.json"),
    "a manifest that is a list": (lambda a: rebuilt(a, manifest=lambda m: m.clear()), "manifest.json"),
    "a newer kind of archive": (lambda a: rebuilt(a, manifest=lambda m: m.update(format=99, version="9.9.9")), "9.9.9"),
    "a newer program's data": (lambda a: rebuilt(a, manifest=lambda m: (m["migrations"].append("returns.9999_future"), m.update(version="9.9.9"))), "9.9.9"),
    "another workspace's": (lambda a: rebuilt(a, manifest=lambda m: m["workspace"].update(id="f" * 32)), "另一个工作区"),
    "a database of the other kind": (lambda a: rebuilt(a, rename={"records.sqlite3": "records.pgdump"}, manifest=lambda m: (
        m["files"].update({"records.pgdump": m["files"].pop("records.sqlite3")}), m.update(database="records.pgdump"))), "PostgreSQL"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_before_anything_is_touched(workspace: Workspace, backed_up: Path, what: str) -> None:
    damage, named = REFUSED[what]
    archive = Path(shutil.copyfile(backed_up, workspace.path.parent / backed_up.name))
    damage(archive)
    before = workspace.tree()
    ran = workspace.run("restore", archive)
    assert ran.code == 1 and ran.json["ok"] is False, ran.out + ran.err
    assert named in ran.err, ran.err
    assert workspace.tree() == before
    beside = {p.name for p in workspace.path.parent.iterdir()} - {"w", "home", archive.name, ".w.restore.lock", "answer.json"}
    assert beside == set(), "nothing is left beside the workspace"


def test_the_undamaged_one_restores(workspace: Workspace, backed_up: Path) -> None:
    """The twin of every refusal above."""
    workspace.done("restore", backed_up)
    assert workspace.run("verify", "--deep").failed == set()


def content(w: Workspace) -> dict[str, Any]:
    """What the records say, apart from the log of events and times of sign-in."""
    tables = [r[0] for r in w.sql("SELECT name FROM sqlite_master WHERE type = 'table' AND (name LIKE 'returns_%' OR name LIKE 'fieldwork_%' OR name LIKE 'people_%' "
                                  "OR name LIKE 'registry_%' OR name LIKE 'figures_%' OR name LIKE 'records_%')")]
    return {t: w.sql(f"SELECT * FROM {t} ORDER BY 1") for t in tables if t not in ("records_event", "records_chainhead")}


def test_what_comes_back_is_what_was_there(workspace: Workspace, tmp_path: Path) -> None:
    before = content(workspace), tree(workspace.path / "received"), tree(workspace.path / "snapshots")
    made = workspace.done("backup")
    archive = Path(made.json["file"])
    assert archive.parent == workspace.path / "backups"
    if os.name != "nt":
        assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    workspace.done("user", "add", "spaeter", "--name", "后来", "--role", "county", "--office", "341824")
    later = workspace.sql("SELECT max(seq) FROM records_event")[0][0]
    ran = workspace.done("restore", archive)
    kept = Path(ran.json["kept"])
    assert (content(workspace), tree(workspace.path / "received"), tree(workspace.path / "snapshots")) == before
    assert Workspace(kept).sql("SELECT count(*) FROM people_user WHERE username = 'spaeter'") == [(1,)], "the old one is kept whole"
    assert ran.json["head_then"] == made.json["chain"] and ran.json["head_now"]["seq"] == later
    verb, data = workspace.sql("SELECT verb, data FROM records_event ORDER BY seq DESC LIMIT 1")[0]
    assert verb == "backup.restore" and json.loads(data)["head_now"]["seq"] == later and json.loads(data)["head_then"] == made.json["chain"]
    assert archive.exists() and not (kept / "backups").exists(), "backups stay with the workspace"
    assert workspace.run("verify", "--deep").failed == set()
    assert (workspace.path / "secret.key").read_bytes() == (kept / "secret.key").read_bytes()


def test_the_backups_of_what_was_put_aside_are_no_roll_back(workspace: Workspace) -> None:
    """Restored to the first of three: the later two speak of events that the restore put aside, and says so; the log says it too."""
    first = workspace.done("backup", "--out", workspace.path / "backups" / "1.jieneng.zip").json["file"]
    for n in (2, 3):
        workspace.done("user", "add", f"u{n}", "--name", "某")
        workspace.done("backup", "--out", workspace.path / "backups" / f"{n}.jieneng.zip")
    workspace.done("restore", first)
    assert workspace.run("verify").failed == set()
    workspace.done("restore", workspace.path / "backups" / "3.jieneng.zip")
    assert workspace.run("verify").failed == set()
    assert workspace.sql("SELECT username FROM people_user WHERE username GLOB 'u[0-9]'") == [("u2",), ("u3",)]


def test_a_backup_holds_no_secret_and_says_what_it_holds(backed_up: Path) -> None:
    with zipfile.ZipFile(backed_up) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
    assert not [n for n in names if "secret" in n or n.startswith(("logs/", "locks/", "backups/", "reserve"))]
    assert manifest["counts"]["returns_return"] == 96 and manifest["counts"]["returns_snapshotrecord"] == 2
    assert manifest["chain"]["seq"] > 10 and len(manifest["chain"]["hash"]) == 64 and manifest["faults"] == []
    assert "returns.0001_initial" in manifest["migrations"] and manifest["version"] and manifest["made_at"].endswith("+08:00")


def test_restored_where_nothing_was(backed_up: Path, tmp_path: Path) -> None:
    """A new machine: a new key, no sessions, everything else as it was."""
    fresh = Workspace(tmp_path / "new" / "home")
    fresh.path.parent.mkdir()
    assert fresh.done("restore", backed_up).json["kept"] is None
    assert fresh.run("verify", "--deep").failed == set()
    assert len((fresh.path / "secret.key").read_text()) >= 50 and stat.S_IMODE(fresh.path.stat().st_mode) == 0o700
    assert {p.name for p in fresh.path.parent.iterdir() if not p.name.startswith(".")} == {"home", "answer.json"}


def test_sessions_end_with_a_restore(workspace: Workspace) -> None:
    workspace.sql("INSERT INTO django_session VALUES ('k', 'x', '2099-01-01')")
    archive = workspace.done("backup").json["file"]
    workspace.done("restore", archive)
    assert workspace.sql("SELECT count(*) FROM django_session") == [(0,)]


@pytest.mark.parametrize("there", ["a file in it", "a plain file"])
def test_nothing_foreign_is_replaced(backed_up: Path, tmp_path: Path, there: str) -> None:
    place = tmp_path / "place"
    if there == "a plain file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / "mine.txt").write_text("mine")
    before = tree(tmp_path)
    ran = Workspace(place).run("restore", backed_up)
    assert ran.code == 1 and ran.err
    (tmp_path / "answer.json").unlink()
    assert tree(tmp_path) == before


def test_what_was_damaged_when_backed_up_is_named_and_restored_only_on_request(workspace: Workspace) -> None:
    lost = next(p for p in sorted((workspace.path / "received").rglob("*")) if p.is_file())
    lost.unlink()
    made = workspace.done("backup")
    assert [Path(f).name for f in made.json["faults"]] == [lost.name] and lost.name in made.out
    refused = workspace.run("restore", made.json["file"])
    assert refused.code == 1 and "I5" in refused.err and "--with-faults" in refused.err
    ran = workspace.done("restore", made.json["file"], "--with-faults")
    assert any("I5" in f for f in ran.json["faults"])
    assert workspace.run("verify").failed == {"I5"}


def test_a_damaged_database_is_not_backed_up(workspace: Workspace) -> None:
    path = workspace.path / "records.sqlite3"
    data = bytearray(path.read_bytes())
    data[len(data) // 2: len(data) // 2 + 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    ran = workspace.run("backup")
    assert ran.code == 1 and "损坏" in ran.err and not list((workspace.path / "backups").iterdir())


def test_no_backup_without_room(workspace: Workspace) -> None:
    ran = workspace.run("backup", env={"JIENENG_FLOOR_MB": "999999999"})
    assert ran.code == 1 and "磁盘" in ran.err and not list((workspace.path / "backups").iterdir())


def test_a_backup_is_never_overwritten(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "b.jieneng.zip"
    workspace.done("backup", "--out", out)
    before = out.read_bytes()
    ran = workspace.run("backup", "--out", out)
    assert ran.code == 1 and out.read_bytes() == before


WRITER = """
import sys, time
from pathlib import Path
import django
django.setup()
from jieneng.desk import accounts
log = open(sys.argv[1], "a")
for n in range(100000):
    log.write(f"try u{n}\\n"); log.flush()
    accounts.create_user(None, f"u{n}", "写")
    log.write(f"ok u{n}\\n"); log.flush()
    if Path(sys.argv[2]).exists():
        break
"""


@pytest.mark.fault
def test_a_backup_taken_while_people_work_is_consistent(workspace: Workspace, tmp_path: Path) -> None:
    """P8: everything acknowledged before the backup began is in it, everything in it was tried, and it verifies."""
    log, stop = tmp_path / "acks", tmp_path / "stop"
    env = workspace.environment(JIENENG_HOME=str(workspace.path), DJANGO_SETTINGS_MODULE="jieneng.desk.settings")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(log), str(stop)], env=env, cwd=CHECKOUT)
    try:
        while not log.exists() or log.read_text().count("ok") < 5:
            assert writer.poll() is None
            time.sleep(0.05)
        pairs = []
        for n in range(2):
            acked = {line.split()[1] for line in log.read_text().splitlines() if line.startswith("ok")}
            made = workspace.done("backup", "--out", tmp_path / f"{n}.jieneng.zip")
            pairs.append((acked, Path(made.json["file"]), {line.split()[1] for line in log.read_text().splitlines() if line.startswith("try")}))
    finally:
        stop.touch()
        assert writer.wait(60) == 0
    for n, (acked, archive, tried) in enumerate(pairs):
        there = Workspace(tmp_path / f"restored-{n}")
        there.done("restore", archive)
        names = {r[0] for r in there.sql("SELECT username FROM people_user WHERE username GLOB 'u[0-9]*'")}
        assert acked <= names <= tried
        assert there.run("verify", "--deep").failed == set()
    assert workspace.run("verify").failed == set()


def test_backup_and_restore_in_english(workspace: Workspace) -> None:
    made = workspace.done("backup", "--lang", "en")
    assert "written and read back" in made.out
    assert "restored to" in workspace.done("restore", made.json["file"], "--lang", "en").out


def test_backups_in_one_second_get_names_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade killed right after its backup and run again at once must not stumble over the first one's name."""
    from jieneng.desk.ops import backup
    now = backup.timezone.localtime()
    monkeypatch.setattr(backup.timezone, "localtime", lambda: now)
    names = []
    for _ in range(3):
        path = backup._target(tmp_path, None)
        path.touch()
        names.append(path.name.removeprefix(f"jieneng-{now:%Y%m%d-%H%M%S}"))
    assert names == [".jieneng.zip", "-2.jieneng.zip", "-3.jieneng.zip"]
