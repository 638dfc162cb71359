"""How much energy each institution used in a year: the weight that completeness is told in (as of the newest snapshot that holds it)."""

from __future__ import annotations

import functools

from jieneng.core.period import Period
from jieneng.people.scope import Scope
from jieneng.returns import queries as returns
from jieneng.returns.chase.queries import WEIGHTS
from jieneng.returns.models import SnapshotRecord

from .overview import compute, where_of

ENERGY = "energy_tce"


@functools.lru_cache(maxsize=16)
def _weights(snapshot: str, year: int, scope: Scope) -> dict[int, float]:
    """Institution → tce of one snapshot. It never changes, so it is kept."""
    record, where, book = SnapshotRecord.objects.get(pk=snapshot), where_of(scope), returns.book()
    if where is None or ENERGY not in book.composites:
        return {}
    found = compute(book, record, [ENERGY], Period("year", year), "institution", where)
    return {int(f.subject["code"]): float(f.exact) for f in found if f.exact is not None}


def weights(year: int, scope: Scope) -> dict[int, float]:
    """Last known energy of the institutions in scope for a year; empty where no snapshot holds it."""
    record = returns.shown_snapshot(year) or returns.shown_snapshot()
    if record is None or not any(p.startswith(str(year)) for p in returns.opened(record).periods):
        return {}
    return _weights(record.pk, year, scope)


WEIGHTS.append(weights)
