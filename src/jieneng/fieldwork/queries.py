"""What may be read of ledgers, always from a scope."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, QuerySet

from jieneng.people.scope import Scope
from jieneng.rulebook.types import Book, Ledger

from .models import LedgerRecord, LedgerRevision


def records(scope: Scope, kind: str) -> QuerySet[LedgerRecord]:
    """The lines of a ledger inside a scope. A reporter's scope is one institution, so ledgers show nothing there."""
    inside = Q(pk__in=[])
    for prefix in scope.lines:
        inside |= Q(office__path__startswith=prefix)
    return LedgerRecord.objects.filter(inside, kind=kind, withdrawn=False).select_related("office")


def current(rows: QuerySet[LedgerRecord]) -> dict[int, LedgerRevision]:
    """The current revision of each record."""
    found = LedgerRevision.objects.filter(record__in=rows, number=F("record__revision")).select_related("by", "batch__file")
    return {r.record_id: r for r in found}


def typed(ledger: Ledger, values: dict[str, Any]) -> dict[str, Any]:
    """Stored texts as values: numbers as Decimal, the rest as text; missing ones as None."""
    result: dict[str, Any] = {}
    for f in ledger.fields:
        raw = values.get(f.code)
        result[f.code] = None if raw in (None, "") else Decimal(raw) if f.type == "number" else raw
    return result


def tables(book: Book) -> dict[str, tuple[Ledger, Iterator[dict[str, Any]]]]:
    """Every ledger as it stands, for a snapshot: kind → (its declaration, its rows)."""
    return {kind: (ledger, _rows(kind, ledger)) for kind, ledger in book.ledgers.items()}


def _rows(kind: str, ledger: Ledger) -> Iterator[dict[str, Any]]:
    rows = LedgerRecord.objects.filter(kind=kind, withdrawn=False).select_related("office").order_by("key")
    revisions = current(rows)
    for r in rows:
        yield {"record": r.pk, "revision": r.revision, "key": r.key, "line": r.office.path,
               **typed(ledger, revisions[r.pk].values)}
