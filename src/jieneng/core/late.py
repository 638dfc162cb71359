"""Modules that name what they give to rooms below (kinds of jobs, parts of a snapshot, weights …), imported when first asked for.

A command that lists accounts need not load Arrow and DuckDB: a second and a half on an old laptop. ``AppConfig.ready`` says
which module names something; whoever looks a name up calls ``arrive`` first.
"""

from __future__ import annotations

import threading
from importlib import import_module

_waiting: dict[str, str] = {}
_lock = threading.RLock()
_arriving = False


def later(module: str, to: str = "") -> None:
    """Import ``module`` before anything it names is looked up. ``to``: the only module it gives anything to; that one need not wait for the rest."""
    _waiting[module] = to


def arrive(to: str = "") -> None:
    """Import what waits (of that, what gives to ``to`` alone). Another thread waits until all are there; a module that looks something up while it is imported does not.

    Nothing is struck off before all are there: a module that is still being imported has not named all it gives, and where one
    fails, the next look-up fails with the same error, rather than missing what that one would have given.
    """
    global _arriving
    if not _waiting:
        return
    with _lock:
        outermost, _arriving = not _arriving, True
        try:
            there: dict[str, None] = {}
            while left := [m for m, whom in _waiting.items() if m not in there and to in ("", whom)]:
                for module in left:
                    import_module(module)
                    there[module] = None
            if outermost:
                for module in there:
                    _waiting.pop(module, None)
        finally:
            if outermost:
                _arriving = False
