"""Run verbs on a disk that is all but full: ``unshare -m python -m tests.desk.on_a_small_disk DIR TEMPLATE BACKUP INPUTS``.

Mounts a small memory disk on DIR in a mount namespace of its own (gone when this ends), and prints one line of JSON for each
verb and each amount of free space: what the verb said when the disk was full, whether the workspace verifies once there is room,
and what the verb then said.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.desk.conftest import Ran, copy

DISK = 160 << 20
FREE = (0, 256 << 10)


def fill(disk: Path, leave: int) -> Path:
    """Take all room but ``leave`` bytes."""
    filler = disk / "filler"
    room = os.statvfs(disk)
    with open(filler, "wb") as f:
        try:
            f.write(b"x" * max(0, room.f_bavail * room.f_frsize - leave))
        except OSError:
            pass
    return filler


def said(ran: Ran) -> dict[str, Any]:
    return {"code": ran.code, "err": ran.err}


def main(disk: Path, template: Path, backup: Path, inputs: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)], check=True)
    few = {"JIENENG_FLOOR_MB": "0"}
    verbs: dict[str, tuple[object, ...]] = {
        "import": ("import", inputs / "more.csv", "--layout", inputs / "small.yaml"), "freeze": ("freeze", "--period", "2022"),
        "backup": ("backup",), "restore": ("restore", backup), "user": ("user", "add", "xin", "--name", "新"), "upgrade": ("upgrade",)}
    for name, words in verbs.items():
        for n, leave in enumerate(FREE):
            (disk / f"{name}{n}").mkdir()
            w = copy(template, disk / f"{name}{n}" / "w")
            filler = fill(disk, leave)
            full = w.run(*words, env=few)
            filler.unlink()
            with open(w.path / "reserve", "wb") as f:  # given back meanwhile; this disk is too small for a real one
                f.truncate(64 << 20)
            verified = w.run("verify", env=few)
            again = said(full) if full.code == 0 else said(w.run(*words, env=few))
            after = w.run("verify", env=few)
            print(json.dumps({"verb": name, "leave": leave, "full": said(full), "verified": sorted(verified.failed), "again": again,
                              "after": sorted(after.failed)}, ensure_ascii=False), flush=True)
            subprocess.run(["rm", "-rf", str(disk / f"{name}{n}")], check=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
