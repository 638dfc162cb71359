"""What this room adds to every snapshot: all ledgers as they stand."""

from __future__ import annotations

from typing import Any

from jieneng.returns.freeze import part
from jieneng.returns.queries import book

from .queries import tables


@part("ledgers")
def ledgers() -> dict[str, Any]:
    """kind → (declaration, rows)."""
    return tables(book())
