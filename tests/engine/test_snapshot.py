"""Snapshots: written whole or not at all, and any damage is named (faults.md I6, C1, K5)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.engine import Ask, Snapshot, clean_leftovers, connect, open_snapshot, read_table, verify_snapshot
from jieneng.rulebook import load
from tests.engine.make import row, snapshot


@pytest.fixture
def made(tmp_path: Path) -> Snapshot:
    ledger = load("cn").ledgers["waste_bins"]
    lines = [{"record": 1, "revision": 1, "key": "A1", "line": "/341800/", "no": "A1", "batch": "1", "issued_on": "2022-03-01",
              "unit": "示例单位", "kind": "two_way", "count": Decimal(12), "counted_as": "piece", "year": "2022"}]
    rows = [row(i, f"2022-{m:02}", electricity_kwh=str(i * m), people="3") for i in range(40) for m in range(1, 13)]
    return snapshot(tmp_path, rows, ledgers={"waste_bins": (ledger, lines)})


def test_what_was_written_is_read_back(made: Snapshot) -> None:
    rows = read_table(made.file("returns/consumption@2022.parquet"))
    assert len(rows) == 480 and rows[13]["electricity_kwh"] == Decimal("2.0000") and rows[0]["water_m3"] is None
    assert made.counts == {"returns": 480, "ledgers": 1, "bodies": 0}
    assert verify_snapshot(made.folder, deep=True) == (4, [])


def test_the_year_lies_wide(made: Snapshot) -> None:
    wide = read_table(made.file("wide/consumption@2022.parquet"))
    assert len(wide) == 40
    assert [wide[7][f"electricity_kwh__{m:02}"] for m in (1, 12)] == [7, 84] and wide[7]["electricity_kwh__year"] is None


def test_the_id_is_the_hash_of_the_manifest(made: Snapshot) -> None:
    assert made.id == f"2023-03-14-{made.manifest_hash[:12]}" == open_snapshot(made.folder).id


def test_control_totals_stand_in_the_manifest(made: Snapshot) -> None:
    totals = made.manifest["totals"]["consumption@2022"]
    assert totals["periods"]["2022-03"] == 40
    assert totals["items"]["electricity_kwh"]["2022-03"] == [f"{sum(3 * i for i in range(40))}.0000", 40]
    assert totals["items"]["water_m3"] == {}


def damage_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def damage_zero(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(b"\0" * min(512, len(data)) + data[512:])


def damage_append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"garbage")


DAMAGES = [damage_bit, damage_cut, damage_zero, damage_append, lambda p: p.unlink()]
FILES = ["returns/consumption@2022.parquet", "wide/consumption@2022.parquet", "bodies.parquet", "ledgers/waste_bins.parquet"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_damage_is_named_and_no_figure_is_made_from_it(made: Snapshot, damage, name: str) -> None:
    damage(made.folder / name)
    _, problems = verify_snapshot(made.folder)
    assert [p.where.file for p in problems] == [f"{made.id}/{name}"]
    with pytest.raises(Refused, match=name.split("/")[-1].split("@")[0]):
        open_snapshot(made.folder).file(name)
    if name.startswith("returns/"):
        with pytest.raises(Refused):
            connect().sums(made, [Ask("people")], form="consumption", period=Period.parse("2022"))


def test_an_edited_manifest_is_refused(made: Snapshot) -> None:
    path = made.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["bodies.parquet"]["rows"] = 5
    path.write_text(json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
    with pytest.raises(Refused, match="清单"):
        open_snapshot(made.folder)


def test_a_file_too_many_is_named(made: Snapshot) -> None:
    (made.folder / "returns" / "extra.parquet").write_bytes(b"x")
    assert [p.code for p in verify_snapshot(made.folder)[1]] == ["snapshot.extra"]


def test_it_is_never_overwritten(made: Snapshot, tmp_path: Path) -> None:
    before = {p: p.read_bytes() for p in made.folder.rglob("*") if p.is_file()}
    ledger = load("cn").ledgers["waste_bins"]
    del ledger
    again = [row(i, f"2022-{m:02}", electricity_kwh="1") for i in range(3) for m in range(1, 3)]
    one = snapshot(tmp_path, again)
    with pytest.raises(Refused, match="已经有了"):
        snapshot(tmp_path, again)
    assert one.folder.exists() and not list((tmp_path / "snapshots").glob(".tmp-*"))
    assert before == {p: p.read_bytes() for p in made.folder.rglob("*") if p.is_file()}


def test_a_fault_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def rows():
        yield row(1, "2022-01", electricity_kwh="1")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        snapshot(tmp_path, {"consumption@2022": (["electricity_kwh"], rows())})
    assert list((tmp_path / "snapshots").iterdir()) == []


def test_leftovers_are_cleared_by_age(tmp_path: Path) -> None:
    old = tmp_path / "snapshots" / ".tmp-1-1"
    old.mkdir(parents=True)
    assert clean_leftovers(tmp_path) == []
    os.utime(old, (time.time() - 7200,) * 2)
    assert clean_leftovers(tmp_path) == [".tmp-1-1"] and not old.exists()


WRITER = """
import sys
from pathlib import Path
from tests.engine.make import row, snapshot
print("go", flush=True)
rows = [row(i, f"2022-{m:02}", electricity_kwh=str(i * m)) for i in range(400) for m in range(1, 13)]
snapshot(Path(sys.argv[1]), rows)
print("done", flush=True)
"""


@pytest.mark.fault
@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_moment_it_is_whole_or_not_there(tmp_path: Path, seed: int) -> None:
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, env=env, cwd=root)
    assert process.stdout is not None and process.stdout.readline() == b"go\n"
    time.sleep(random.Random(seed).uniform(0.0, 0.9))
    process.send_signal(signal.SIGKILL)
    process.wait()
    folder = tmp_path / "snapshots"
    whole = [p for p in folder.iterdir() if not p.name.startswith(".tmp-")] if folder.exists() else []
    assert len(whole) <= 1
    for path in whole:
        assert verify_snapshot(path, deep=True)[1] == []
    clean_leftovers(tmp_path, older_than=0)
    assert list(folder.iterdir()) == whole if folder.exists() else True
