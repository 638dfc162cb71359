"""Modules that are announced arrive when something is looked up, once, also when threads ask together."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jieneng.core import late


def test_announced_modules_arrive_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    for name in ("late_one", "late_two"):
        (tmp_path / f"{name}.py").write_text(f"import time\nopen({str(log)!r}, 'a').write('{name} ')\ntime.sleep(0.05)\n"
                                             "from jieneng.core.late import arrive\narrive()\n")  # a module may look up while it is imported
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(late, "_waiting", [])
    late.later("late_one")
    late.later("late_two")
    seen: list[bool] = []
    threads = [threading.Thread(target=lambda: (late.arrive(), seen.append({"late_one", "late_two"} <= set(sys.modules)))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(10)
    assert seen == [True] * 4 and log.read_text() == "late_one late_two "


def test_a_command_that_asks_no_engine_loads_none() -> None:
    """What makes commands start quickly; ``jieneng user list`` on an old laptop."""
    text = ("import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'jieneng.desk.settings'; django.setup(); "
            "print([m for m in ('duckdb', 'pyarrow', 'numpy', 'sqlglot') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.strip() == "[]"
