"""C1: a snapshot damaged anywhere and anyhow is named by file, and no wrong number comes out of it; the twins are caught."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.engine import Ask, Snapshot, connect, open_snapshot, verify_snapshot
from jieneng.engine import snapshot as engine_snapshot
from tests.engine.make import row, snapshot

YEAR = Period.parse("2022")
RETURNS = "returns/consumption@2022.parquet"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, Snapshot]:
    """A snapshot, and another of the same shape with other numbers."""
    made = []
    for n in (1, 2):
        rows = [row(i, f"2022-{m:02}", electricity_kwh=str(i * m * n), people="3", area_m2="70", water_m3="1") for i in range(1, 31) for m in range(1, 13)]
        made.append(snapshot(tmp_path_factory.mktemp(f"s{n}"), rows))
    return made[0], made[1]


def flip(path: Path, dice: random.Random, other: Path) -> None:
    data = bytearray(path.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)


def zero_page(path: Path, dice: random.Random, other: Path) -> None:
    data = bytearray(path.read_bytes())
    at = dice.randrange(max(1, len(data) - 64))
    data[at:at + 512] = bytes(len(data[at:at + 512]))
    path.write_bytes(data)


def cut(path: Path, dice: random.Random, other: Path) -> None:
    os.truncate(path, dice.randrange(path.stat().st_size))


def swap_pages(path: Path, dice: random.Random, other: Path) -> None:
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[half:] + data[:half])


def garbage(path: Path, dice: random.Random, other: Path) -> None:
    path.write_bytes(path.read_bytes() + dice.randbytes(40))


def gone(path: Path, dice: random.Random, other: Path) -> None:
    path.unlink()


def of_another(path: Path, dice: random.Random, other: Path) -> None:
    shutil.copyfile(other, path)


DAMAGES: list[Callable[[Path, random.Random, Path], None]] = [flip, flip, flip, zero_page, cut, swap_pages, garbage, gone, of_another]


def damaged(two: tuple[Snapshot, Snapshot], folder: Path, seed: int) -> tuple[Path, str]:
    """A copy with one thing wrong in one file, chosen by the seed: its folder and the file. The time of the file stays as it was,
    as when a disk rots."""
    dice, (one, other) = random.Random(seed), two
    copy = folder / one.folder.name
    shutil.copytree(one.folder, copy)
    name = RETURNS if seed % 3 == 0 else dice.choice([RETURNS, "wide/consumption@2022.parquet", "bodies.parquet", "manifest.json"])
    damage, path = DAMAGES[seed % len(DAMAGES)], copy / name
    if damage is of_another and name == "bodies.parquet":
        name, path = RETURNS, copy / RETURNS  # neither of the two has bodies: theirs are alike
    before, stat = path.read_bytes(), path.stat()
    damage(path, dice, other.folder / name)
    if path.exists():
        assert path.read_bytes() != before
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return copy, name


def number(folder: Path) -> object:
    """The electricity of the year, or why there is none."""
    try:
        groups = connect().sums(open_snapshot(folder), [Ask("electricity_kwh")], form="consumption", period=YEAR)
        return groups[0].totals["electricity_kwh"].value
    except Refused as refusal:
        return refusal


@pytest.mark.parametrize("seed", range(27))
def test_any_damage_is_named_and_gives_no_wrong_number(two: tuple[Snapshot, Snapshot], tmp_path: Path, seed: int) -> None:
    folder, name = damaged(two, tmp_path, seed)
    true = number(two[0].folder)
    if name == "manifest.json":
        with pytest.raises(Refused) as told:
            open_snapshot(folder)
        assert two[0].id in str(told.value) or "清单" in str(told.value)
    else:
        problems = verify_snapshot(folder)[1]
        assert [p.where.file for p in problems] == [f"{two[0].id}/{name}"]
    got = number(folder)
    assert got == true or isinstance(got, Refused), "a wrong number"
    assert isinstance(got, Refused) or name not in (RETURNS, "manifest.json")
    assert not isinstance(got, Refused) or name == "manifest.json" or "verify" in str(got.problems[0].do), "with what to do"


def test_the_twin_without_hashes_a_wrong_number_comes_out(two: tuple[Snapshot, Snapshot], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sweep with the hash taken for the one in the manifest: another snapshot's file passes for this one's."""
    known = two[0].manifest["files"]
    believed = {name: f["sha256"] for name, f in known.items()}
    monkeypatch.setattr(engine_snapshot, "_digest", lambda path: next(h for n, h in believed.items() if str(path).endswith(n)))
    monkeypatch.setattr(engine_snapshot, "_hash", lambda path, mtime, size: next(h for n, h in believed.items() if path.endswith(n)))
    copy = tmp_path / two[0].folder.name
    shutil.copytree(two[0].folder, copy)
    shutil.copyfile(two[1].folder / RETURNS, copy / RETURNS)
    assert verify_snapshot(copy)[1] == [] and number(copy) == 2 * number(two[0].folder)  # type: ignore[operator]
