"""D4: a sync or rename that fails ends the writing, and is never followed by success; the twins that go on, or write in place, are caught."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jieneng.core.problem import Refused
from jieneng.engine import snapshot as engine_snapshot
from jieneng.engine import verify_snapshot
from tests.engine.make import row, snapshot

ROWS = [row(i, f"2022-{m:02}", electricity_kwh=str(i * m), people="3") for i in range(3) for m in range(1, 13)]
CALLS = 10
"""Every file (returns, wide, bodies, manifest), three folders inside, the folder itself, the rename, the parent."""


def failing(monkeypatch: pytest.MonkeyPatch, at: int, error: int) -> list[str]:
    """Let the Nth sync or rename fail once. What was called after the failure is listed."""
    left, after = [at], []

    def bad(real: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                after.append(name)
            if left[0] == 0:
                raise OSError(error, os.strerror(error))
            return real(*args, **more)
        return call

    monkeypatch.setattr(os, "fsync", bad(os.fsync, "fsync"))
    monkeypatch.setattr(os, "rename", bad(os.rename, "rename"))
    return after


def named(home: Path) -> list[Path]:
    return [p for p in (home / "snapshots").iterdir() if not p.name.startswith(".tmp-")]


@pytest.mark.parametrize(("at", "error"), [(1, errno.EIO), (3, errno.EDQUOT), (5, errno.ENOSPC), (8, errno.EIO), (9, errno.EIO), (9, errno.ENOSPC), (10, errno.EIO)])
def test_a_failed_sync_is_never_followed_by_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, error: int) -> None:
    after = failing(monkeypatch, at, error)
    with pytest.raises((OSError, Refused)) as told:
        snapshot(tmp_path, ROWS)
    assert isinstance(told.value, Refused) == (error != errno.EIO), "a full disk is said in words where it is met, the rest by the command"
    assert after == [], "nothing is synced again, and no name is given"
    # only when the folder's name stands already may the last sync fail; no record is made of it, so that it is cleared away
    assert len(named(tmp_path)) == (1 if at == CALLS else 0)
    monkeypatch.undo()
    for path in named(tmp_path):
        shutil.rmtree(path)
    assert verify_snapshot(snapshot(tmp_path, ROWS).folder, deep=True)[1] == []


def test_the_twin_that_goes_on_after_a_failed_sync_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = engine_snapshot._sync

    def careless(path: Path) -> None:
        try:
            real(path)
        except OSError:
            pass

    monkeypatch.setattr(engine_snapshot, "_sync", careless)
    after = failing(monkeypatch, 2, errno.EIO)
    snapshot(tmp_path, ROWS)
    assert len(named(tmp_path)) == 1 and "rename" in after, "the name was given though a sync had failed: what the sweep above looks for"


def test_the_twin_that_writes_in_place_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K5: with the name given before the files are whole, what a kill leaves under it does not verify."""

    def in_place(root: Path, work: Path, manifest: Any) -> Path:
        data = engine_snapshot._canonical(manifest)
        final = root / engine_snapshot._id(manifest, data)
        os.rename(work, final)
        raise KeyboardInterrupt  # killed here, before the manifest

    monkeypatch.setattr(engine_snapshot, "_publish", in_place)
    with pytest.raises(KeyboardInterrupt):
        snapshot(tmp_path, ROWS)
    half = named(tmp_path)
    assert len(half) == 1 and verify_snapshot(half[0])[1] != []
