"""Modules that name what they give to rooms below (kinds of jobs, parts of a snapshot, weights …), imported when first asked for.

A command that lists accounts need not load Arrow and DuckDB: a second and a half on an old laptop. ``AppConfig.ready`` says
which module names something; whoever looks a name up calls ``arrive`` first.
"""

from __future__ import annotations

import threading
from importlib import import_module

_waiting: list[str] = []
_lock = threading.RLock()


def later(module: str) -> None:
    """Import ``module`` before anything it names is looked up."""
    _waiting.append(module)


def arrive() -> None:
    """Import what waits. Another thread waits until all are there; a module that looks something up while it is imported does not."""
    if not _waiting:
        return
    with _lock:
        for module in list(_waiting):
            import_module(module)
            if module in _waiting:
                _waiting.remove(module)
