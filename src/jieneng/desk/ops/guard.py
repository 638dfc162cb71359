"""Who serves a workspace says so: holds it open against restore and upgrade, and ends when its server is gone.

``jieneng serve`` starts processes that start processes. When it is killed, none of them may go on writing or keep the
port (faults.md K4); a parent's process number proves nothing two levels down, so each looks at the server's lock.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from . import workspace

TOKEN = "JIENENG_SERVER"  # noqa: S105  the name of a variable
_held = ExitStack()


def alive(home: Path) -> bool:
    """Whether the server that started this process still runs (always, for a process that no server started)."""
    token = os.environ.get(TOKEN, "")
    return not token or workspace.served_by(home, token)


def enter(home: Path) -> None:
    """Called once by each process that answers requests. Raises ``Refused`` while the workspace is restored or upgraded."""
    if (home / "workspace.json").exists():  # checks may load the application without one
        _held.enter_context(workspace.using(home))
        watch(home)


def watch(home: Path, every: float = 1.0) -> None:
    """End this process, at once and whatever it is doing, when the server that started it is gone."""
    if os.environ.get(TOKEN):
        threading.Thread(target=_watch, args=(home, every), name="guard", daemon=True).start()


def _watch(home: Path, every: float) -> None:
    while alive(home):
        time.sleep(every)
    os._exit(75)
