"""Small snapshots for tests: rows from plain tuples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jieneng.core.period import Period
from jieneng.engine import Snapshot, write_snapshot

ITEMS = ["electricity_kwh", "water_m3", "area_m2", "people"]


def row(institution: int, period: str, area: str = "341802", **answers: Any) -> dict[str, Any]:
    """A return as a snapshot holds it."""
    p = Period.parse(period)
    return {
        "institution": institution, "code": f"c{institution}", "name": f"示例{institution}", "period": period, "year": p.year,
        "month": p.index if p.kind == "month" else None, "line": f"/341800/{area}/", "area": area, "department": "",
        "territory": area, "type": "organ" if institution % 2 else "education", "status": "original",
        "return_id": institution * 1000 + p.year % 100 * 12 + (p.index if p.kind == "month" else 0), "revision": 1, "due": None, **answers,
    }


def snapshot(home: Path, rows: Iterable[Mapping[str, Any]] | Mapping[str, tuple[list[str], Iterable[Mapping[str, Any]]]], *,
             items: list[str] = ITEMS, form: str = "consumption@2022", ledgers: Mapping[str, Any] | None = None,
             cutoff: str = "2023-03-14T09:00:00+08:00") -> Snapshot:
    """Write a snapshot of one form (or of several, given as a mapping)."""
    returns = rows if isinstance(rows, Mapping) else {form: (items, list(rows))}
    return write_snapshot(home, cutoff=cutoff, rulebook={"code": "cn", "hash": "x"}, round={"year": 2022}, returns=returns,
                          bodies=[], ledgers=ledgers or {}, left_out=[], chain_head={"seq": 1, "hash": "0" * 64})
