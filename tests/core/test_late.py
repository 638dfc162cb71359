"""Modules that are announced arrive when something is looked up, once, also when threads ask together."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jieneng.core import late


def test_announced_modules_arrive_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    for name in ("late_one", "late_two"):
        (tmp_path / f"{name}.py").write_text(f"import time\nopen({str(log)!r}, 'a').write('{name} ')\ntime.sleep(0.05)\n"
                                             "from jieneng.core.late import arrive\narrive()\n")  # a module may look up while it is imported
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(late, "_waiting", {})
    late.later("late_one")
    late.later("late_two")
    seen: list[bool] = []
    threads = [threading.Thread(target=lambda: (late.arrive(), seen.append({"late_one", "late_two"} <= set(sys.modules)))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(10)
    assert seen == [True] * 4 and log.read_text() == "late_one late_two "


@pytest.fixture
def announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """``announced(one="text of a module", …)``: modules that lie on the path and wait, in this order."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(late, "_waiting", {})
    made: list[str] = []

    def announce(**texts: str) -> None:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text)
            made.append(name)
            late.later(name)

    yield announce
    for name in made:
        sys.modules.pop(name, None)


def test_one_that_fails_fails_again_until_it_is_there(announced: Callable[..., None], tmp_path: Path) -> None:
    """A module that looked something up while it was imported, and then failed, was struck off for ever: what it names was missing without a word."""
    flag = tmp_path / "flag"
    announced(late_a="x = 1\n", late_b=f"from pathlib import Path\nfrom jieneng.core.late import arrive\narrive()\nif not Path({str(flag)!r}).exists(): raise RuntimeError('not yet')\n",
              late_c="y = 2\n")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not yet"):
            late.arrive()
        assert "late_b" not in sys.modules and list(late._waiting) == ["late_a", "late_b", "late_c"]
    flag.touch()
    late.arrive()
    assert {"late_a", "late_b", "late_c"} <= set(sys.modules) and late._waiting == {}


def test_another_thread_does_not_go_on_while_one_is_half_there(announced: Callable[..., None]) -> None:
    """Re-entry from inside the first module loads the others; the first is not there yet, so nobody else may go on."""
    announced(late_slow="import time\nfrom jieneng.core.late import arrive\narrive()\ntime.sleep(0.3)\nnamed = True\n", late_quick="z = 3\n")
    first = threading.Thread(target=late.arrive)
    first.start()
    while "late_quick" not in sys.modules:
        time.sleep(0.005)
    late.arrive()
    assert getattr(sys.modules["late_slow"], "named", False)
    first.join(10)


def test_what_is_announced_meanwhile_arrives_too(announced: Callable[..., None], tmp_path: Path) -> None:
    announced(late_first="from jieneng.core.late import later\nlater('late_second')\n")
    (tmp_path / "late_second.py").write_text("w = 4\n")
    late.arrive()
    assert sys.modules.pop("late_second").w == 4 and late._waiting == {}


def test_who_is_given_something_waits_for_its_givers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    come: list[str] = []
    monkeypatch.setattr(late, "_waiting", {})
    monkeypatch.setattr(late, "import_module", come.append)
    late.later("heavy")
    late.later("table", to="review.given")
    late.arrive("review.given")
    assert come == ["table"]
    late.arrive()
    late.arrive("review.given")
    assert come == ["table", "heavy"]


def test_a_command_that_asks_no_engine_loads_none() -> None:
    """What makes commands start quickly; ``jieneng user list`` on an old laptop."""
    text = ("import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'jieneng.desk.settings'; django.setup(); "
            "print([m for m in ('duckdb', 'pyarrow', 'numpy', 'sqlglot') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.strip() == "[]"
