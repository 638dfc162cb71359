"""A writer killed before every single sync and rename: whole or not there, and the next run gives the same bytes (K5)."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jieneng.core.problem import Refused
from jieneng.engine import Snapshot, clean_leftovers, leftovers, open_snapshot, verify_snapshot
from tests.engine.make import row, snapshot

ROWS = [row(i, f"2022-{m:02}", electricity_kwh=str(i * m), people="3") for i in range(5) for m in range(1, 13)]

KILLER = """
import os, signal, sys
from pathlib import Path
from tests.engine.test_kill import ROWS, snapshot

def deadly(real, at):
    def call(*args, **more):
        at[0] -= 1
        if at[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **more)
    return call

home = Path(sys.argv[1])
for n in range(100):
    child = os.fork()
    if child == 0:
        at = [n]
        os.fsync, os.rename = deadly(os.fsync, at), deadly(os.rename, at)
        snapshot(home / str(n), ROWS)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        print(n)
        break
"""


@pytest.mark.fault
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked writer: needs os.fork")
def test_killed_before_every_sync_and_rename(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    done = subprocess.run([sys.executable, "-c", KILLER, str(tmp_path)], env=env, cwd=root, capture_output=True, text=True, check=True)
    calls = int(done.stdout)
    # every file (returns, wide, bodies, manifest), three folders inside, the folder itself, the rename, the parent
    assert calls == 4 + 3 + 1 + 1 + 1
    good = snapshot(tmp_path / "undisturbed", ROWS)
    for n in range(calls):
        home, whole = tmp_path / str(n), n == calls - 1  # before the very last sync the name is already given
        assert [p.name for p in (home / "snapshots").iterdir() if not p.name.startswith(".tmp-")] == ([good.id] if whole else [])
        assert len(clean_leftovers(home, 0)) == (0 if whole else 1) and leftovers(home, 0) == []
        if whole:
            assert verify_snapshot(home / "snapshots" / good.id, deep=True)[1] == []
        else:
            assert _bytes(snapshot(home, ROWS)) == _bytes(good)


def _bytes(made: Snapshot) -> dict[str, str]:
    return {p.relative_to(made.folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in made.folder.rglob("*") if p.is_file()}


def test_every_file_is_synced_before_the_folder_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not synced may be lost in a power cut though the name is there."""
    synced: list[str] = []
    real_sync, real_rename = os.fsync, os.rename

    def sync(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        real_sync(fd)

    def rename(old: Any, new: Any) -> None:
        files = {str(p) for p in Path(old).rglob("*")} | {str(old)}
        assert files <= set(synced)
        synced.append("renamed")
        real_rename(old, new)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc to tell which file is synced")
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", rename)
    made = snapshot(tmp_path, ROWS)
    assert synced[-2:] == ["renamed", str(made.folder.parent)]


def test_a_full_disk_is_said_in_words_and_leaves_nothing(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield ROWS[0]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Refused, match="磁盘已满"):
        snapshot(tmp_path, {"consumption@2022": (["electricity_kwh", "people"], rows())})
    assert list((tmp_path / "snapshots").iterdir()) == []


def test_a_file_that_may_not_grow_is_no_snapshot(tmp_path: Path) -> None:
    """A limit of the system cuts the writing short, as a full disk does: no name is given."""
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    code = ("import resource, signal, sys; from pathlib import Path; from tests.engine.test_kill import ROWS, snapshot\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
            "snapshot(Path(sys.argv[1]), ROWS)")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=env, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert list((tmp_path / "snapshots").iterdir()) == []


@pytest.mark.parametrize(("value", "why"), [("1.23456", "列 people"), ("1e12", "列 people"), ("NaN", "列 people"), ("viel", "列 people"), (1.5e13, "列 people")])
def test_a_number_that_does_not_fit_is_refused_by_column(tmp_path: Path, value: Any, why: str) -> None:
    with pytest.raises(Refused, match=why):
        snapshot(tmp_path, [row(1, "2022-01", people="3"), row(2, "2022-01", people=value)])


def test_an_answer_to_what_was_not_asked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="pv_generation_kwh"):
        snapshot(tmp_path, [row(1, "2022-01", pv_generation_kwh="3")])


def test_what_is_read_back_must_be_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jieneng.engine import wide

    real = wide.control_totals

    def disk_that_lies(path: Path, items: Any) -> Any:
        found = real(path, items)
        found["items"]["people"]["2022-01"][0] = "99.0000"
        return found

    monkeypatch.setattr(wide, "control_totals", disk_that_lies)
    with pytest.raises(Refused, match="读回来的合计"):
        snapshot(tmp_path, ROWS)
    assert list((tmp_path / "snapshots").iterdir()) == []


def test_a_writer_at_work_is_not_a_leftover(tmp_path: Path) -> None:
    work = tmp_path / "snapshots" / ".tmp-1-1"
    (work / "returns").mkdir(parents=True)
    (work / "returns" / "x.parquet").write_bytes(b"x")
    for path in (work, work / "returns"):
        os.utime(path, (time.time() - 7200,) * 2)
    assert leftovers(tmp_path) == []
    os.utime(work / "returns" / "x.parquet", (time.time() - 7200,) * 2)
    assert leftovers(tmp_path) == [".tmp-1-1"] and work.exists()


def test_a_folder_under_another_name_is_refused(tmp_path: Path) -> None:
    made = snapshot(tmp_path, ROWS)
    other = made.folder.with_name("2024" + made.id[4:])
    made.folder.rename(other)
    with pytest.raises(Refused, match="清单被改过"):
        open_snapshot(other)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "{", "\x00"])
def test_a_manifest_of_rubbish_is_refused_in_words(tmp_path: Path, text: str) -> None:
    made = snapshot(tmp_path, ROWS)
    (made.folder / "manifest.json").write_text(text)
    count, problems = verify_snapshot(made.folder)
    assert count == 0 and problems[0].code == "snapshot.manifest"


def test_a_file_of_another_snapshot_is_noticed(tmp_path: Path) -> None:
    made = snapshot(tmp_path / "a", ROWS)
    other = snapshot(tmp_path / "b", ROWS[:-1])
    name = "returns/consumption@2022.parquet"
    (made.folder / name).write_bytes((other.folder / name).read_bytes())
    assert [str(p.where) for p in verify_snapshot(made.folder)[1]] == [f"{made.id}/{name}"]


def test_all_rewritten_to_fit_each_other_gives_another_id(tmp_path: Path) -> None:
    """Whoever changes a file and its hash in the manifest cannot keep the id that figures and events cite."""
    made = snapshot(tmp_path, ROWS)
    name = "bodies.parquet"
    (made.folder / name).write_bytes(b"other")
    manifest = json.loads((made.folder / "manifest.json").read_text())
    manifest["files"][name]["sha256"] = hashlib.sha256(b"other").hexdigest()
    (made.folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
    assert verify_snapshot(made.folder)[1][0].code == "snapshot.manifest"
