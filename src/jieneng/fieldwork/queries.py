"""What may be read of ledgers, always from a scope."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, QuerySet

from jieneng.people.scope import Scope
from jieneng.returns.models import SnapshotRecord
from jieneng.rulebook.types import Book, Ledger, LedgerField

from .models import LedgerRecord, LedgerRevision

SHARED = ("quotas", "prices", "temperatures")
"""Tables of a place: what an office above keeps holds below too, and is seen there."""


def records(scope: Scope, kind: str) -> QuerySet[LedgerRecord]:
    """The lines of a ledger inside a scope. A reporter's scope is one institution, so ledgers show nothing there."""
    inside = Q(pk__in=[])
    for prefix in scope.lines:
        inside |= Q(office__path__startswith=prefix)
        if kind in SHARED:
            parts = prefix.strip("/").split("/")
            inside |= Q(office__path__in=[f"/{'/'.join(parts[:n])}/" for n in range(1, len(parts))])
    return LedgerRecord.objects.filter(inside, kind=kind, withdrawn=False).select_related("office")


def current(rows: QuerySet[LedgerRecord]) -> dict[int, LedgerRevision]:
    """The current revision of each record."""
    found = LedgerRevision.objects.filter(record__in=rows, number=F("record__revision")).select_related("by", "batch__file")
    return {r.record_id: r for r in found}


def frozen_in(row: LedgerRecord) -> str:
    """The newest snapshot that holds a line, or "": from then on figures and documents rest on it."""
    first = row.revisions.order_by("number").first()
    return SnapshotRecord.objects.filter(cutoff__gte=first.at).values_list("pk", flat=True).first() or "" if first else ""


@dataclass(frozen=True)
class Origin:
    """Where the value of a field comes from: the revision that brought it, and the cell if it came with a file."""

    revision: LedgerRevision
    cell: dict[str, Any] | None


def origins(ledger: Ledger, revisions: Sequence[LedgerRevision]) -> dict[str, Origin]:
    """Of each filled field, where its value comes from. ``revisions``: up to the one asked about, newest first.

    A value that did not change keeps its source: the newest file that said it, else the revision in which it was entered.
    """
    found: dict[str, Origin] = {}
    for f in ledger.fields:
        value = revisions[0].values.get(f.code, "") if revisions else ""
        if value == "":
            continue
        for revision in revisions:
            if revision.values.get(f.code, "") != value:
                break
            found[f.code] = Origin(revision, revision.sources.get(f.code))
            if f.code in revision.sources:
                break
    return found


def words_of(f: LedgerField, raw: Any) -> str:
    """A stored value as people read it: the words of a choice, separators in a number."""
    if raw in ("", None):
        return ""
    if f.type == "choice":
        return str(f.choices.get(raw, raw))
    return f"{Decimal(raw):,f}" if f.type == "number" else str(raw)


def differences(ledger: Ledger, before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, str]]:
    """Every field that differs, in words: label, old, new. A field that the ledger no longer has stands by its code."""
    fields = {f.code: f for f in ledger.fields}
    found = []
    for code in [*fields, *sorted({*before, *after} - set(fields))]:
        old, new = before.get(code) or "", after.get(code) or ""
        if old != new:
            f = fields.get(code)
            found.append({"label": str(f.label) if f else code, "old": words_of(f, old) if f else str(old), "new": words_of(f, new) if f else str(new)})
    return found


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
