"""The workspace and its book of rules: what every room reads of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.rulebook import load
from jieneng.rulebook.types import Book


def workspace() -> dict[str, Any]:
    """What ``jieneng init`` wrote about this workspace."""
    path = Path(settings.HOME) / "workspace.json"
    if not path.exists():
        raise refuse(
            "workspace.none", T("{home} 还不是工作区", "{home} is not a workspace yet", home=settings.HOME.name),
            do=T("先运行 jieneng --home 目录 init --book cn", "run jieneng --home DIR init --book cn first"))
    return json.loads(path.read_text(encoding="utf-8"))


def book() -> Book:
    """The book of rules of this workspace, with the editions dropped into its folder ``rulebooks``, as they are now.

    A folder whose name begins with a dot is not read: it is still being copied.
    """
    extra = Path(settings.HOME) / "rulebooks"
    folders = tuple(sorted(p for p in extra.iterdir() if p.is_dir() and not p.name.startswith("."))) if extra.is_dir() else ()
    files = (p for folder in folders for p in sorted(folder.rglob("*.yaml")))
    return load(workspace()["book"], folders, tuple((str(p), s.st_mtime_ns, s.st_size) for p in files for s in [p.stat()]))
