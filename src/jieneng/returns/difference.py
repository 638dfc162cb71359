"""The difference between two snapshots: which returns moved, which values, and why (from the events in between)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from jieneng import engine
from jieneng.core.period import Period
from jieneng.people.scope import Scope
from jieneng.records.models import Event
from jieneng.registry.queries import standings
from jieneng.rulebook.types import Book

from . import parts
from .models import Import, Return, Revision, SnapshotRecord
from .queries import opened, returns_in
from .ranges import unpacked

KEYS = ["return_id", "revision"]


@dataclass(frozen=True)
class Moved:
    """One value of one return that differs. None: not answered, or not in that snapshot."""

    ret: int
    institution: int
    name: str
    area: str
    period: str
    item: str
    before: Decimal | None
    after: Decimal | None
    revisions: tuple[int, int]
    why: str
    part: str = ""
    """The machine room or heating source it is a value of."""

    @property
    def difference(self) -> Decimal | None:
        return None if self.before is None and self.after is None else (self.after or Decimal(0)) - (self.before or Decimal(0))


@dataclass
class Difference:
    """What moved between two snapshots, inside a scope."""

    lines: list[Moved] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    returns: int = 0

    def by_item(self) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for m in self.lines:
            sums[m.item] = sums.get(m.item, Decimal(0)) + (m.difference or 0)
        return sums


def _held(record: SnapshotRecord) -> dict[int, int]:
    """Return → revision that a snapshot holds."""
    snapshot = opened(record)
    return {row["return_id"]: row["revision"] for name in snapshot.manifest["files"] if name.startswith("returns/")
            for row in engine.read_table(snapshot.file(name), KEYS)}


def difference(book: Book, before: SnapshotRecord, after: SnapshotRecord, scope: Scope) -> Difference:
    """Values that differ: the revisions that two snapshots hold of each return, compared as they were frozen."""
    old, new = _held(before), _held(after)
    changed = sorted(pk for pk in old.keys() | new.keys() if old.get(pk, 0) != new.get(pk, 0))
    found = Difference()
    reasons = _reasons(before, after, set(changed))
    for row, first, second in _pairs(changed, old, new, scope):
        found.returns += 1
        found.added += row.pk not in old
        found.removed += row.pk not in new
        names = _names(row)
        why = reasons.get(row.pk) or _source(second)
        for item in sorted({*_answers(first), *_answers(second)}, key=list(book.items).index):
            a, b = _answers(first).get(item), _answers(second).get(item)
            if a != b:
                found.lines.append(Moved(row.pk, row.institution_id, names[0], names[1], row.period, item, _number(a), _number(b),
                                         (old.get(row.pk, 0), new.get(row.pk, 0)), why))
        for c in parts.changes(first.parts if first else {}, second.parts if second else {}):
            found.lines.append(Moved(row.pk, row.institution_id, names[0], names[1], row.period, c.item, _number(c.before), _number(c.after),
                                     (old.get(row.pk, 0), new.get(row.pk, 0)), why, c.name))
    return found


def _pairs(changed: list[int], old: dict[int, int], new: dict[int, int], scope: Scope) -> Iterator[tuple[Return, Revision | None, Revision | None]]:
    for start in range(0, len(changed), 500):
        span = changed[start:start + 500]
        rows = list(returns_in(scope).filter(pk__in=span).select_related("institution").order_by("institution_id", "period"))
        revisions = {(r.ret_id, r.number): r for r in Revision.objects.filter(ret__in=rows).select_related("batch__file")}
        for row in rows:
            yield row, revisions.get((row.pk, old.get(row.pk, 0))), revisions.get((row.pk, new.get(row.pk, 0)))


def _answers(revision: Revision | None) -> dict[str, str | None]:
    return revision.answers if revision else {}


def _number(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _names(row: Return) -> tuple[str, str]:
    standing = standings(Period.parse(row.period).last_day).filter(institution=row.institution).first()
    return (standing.name, standing.area) if standing else (row.institution.key, "")


def _reasons(before: SnapshotRecord, after: SnapshotRecord, changed: set[int]) -> dict[int, str]:
    """Return → the reasons given between the two cut-offs: sent back, reopened, kept."""
    first, last = sorted((int(before.chain.get("seq", 0)), int(after.chain.get("seq", 0))))
    found: dict[int, list[str]] = {}
    rows: Any = Event.objects.filter(verb__in=("returns.send_back", "returns.reopen", "returns.accept", "returns.exempt"), seq__gt=first, seq__lte=last)
    for data in rows.order_by("seq").values_list("data", flat=True):
        if not data.get("reason"):
            continue
        for pk in changed & unpacked(data.get("returns", "")):
            if data["reason"] not in found.setdefault(pk, []):
                found[pk].append(data["reason"])
    return {pk: "；".join(reasons) for pk, reasons in found.items()}


def _source(revision: Revision | None) -> str:
    batch: Import | None = revision.batch if revision else None
    return f"“{batch.file.name}”" if batch else revision.reason if revision else ""
