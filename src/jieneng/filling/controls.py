"""Control totals typed from paper beside a grid: kept as typed, merged where two people type at once, compared with what was keyed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import timezone

from jieneng.core.asked import whole
from jieneng.core.period import Period
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records.events import action, record
from jieneng.registry.queries import day_for, standings
from jieneng.returns.models import Round
from jieneng.returns.queries import book
from jieneng.rulebook import form_for

from .actions import Other
from .amounts import number, same
from .models import Control, ControlSave
from .queries import at_version
from .shape import shape_of

if TYPE_CHECKING:
    from .grid import Grid

LONGEST = 40
"""Characters kept of a control total."""


@dataclass
class Kept:
    """What a save did. ``others``: changed elsewhere and taken over; ``conflicts``: changed elsewhere and here: theirs stands."""

    control: Control
    changed: int = 0
    others: list[Other] = field(default_factory=list)
    conflicts: list[Other] = field(default_factory=list)


def save_controls(person: User, round_: Round, office: Office, period: str, given: Mapping[str, str], *, seen: int) -> Kept:
    """Keep the control totals typed from paper, as typed.

    ``given``: fields as the page shows them now (``row.INSTITUTION``, ``column.ITEM``); ``seen``: the version that the page was made from.
    Only what differs from that version is this person's; what somebody else changed since stays as they made it and is told (P4).
    """
    require(person, "import", office.path)
    allowed = _fields(round_, office, period)
    wanted = {k: v.strip()[:LONGEST] for k, v in given.items() if k in allowed}
    with action():
        row, _ = Control.objects.select_for_update().get_or_create(round=round_, office=office, period=period, defaults={"by": person, "at": timezone.now()})
        base, now, kept = at_version(row, seen), dict(row.values), Kept(row)
        changes: dict[str, list[str | None]] = {}
        for k, v in wanted.items():
            if same(v, now.get(k, "")) or same(v, base.get(k, "")):
                continue
            if now.get(k, "") != base.get(k, ""):
                kept.conflicts.append(_other(row, k, base, now, v))
            else:
                changes[k] = [now.get(k), v]
        told = {*changes, *(c.field for c in kept.conflicts)}
        kept.others = [_other(row, k, base, now) for k in sorted(now.keys() | base.keys()) if now.get(k, "") != base.get(k, "") and k not in told]
        if changes:
            row.values = {k: v for k, v in {**now, **{k: v for k, (_, v) in changes.items()}}.items() if v}
            row.version, row.by, row.at = row.version + 1, person, timezone.now()
            row.save()
            ControlSave.objects.create(control=row, version=row.version, changes=changes, by=person, at=row.at)
            record(person, "filling.control", "control", row.pk, line=office.path, data={
                "year": round_.year, "period": period, "office": office.code, "version": row.version, "changes": changes})
        kept.changed = len(changes)
    return kept


def _fields(round_: Round, office: Office, period: str) -> set[str]:
    """Every control that a grid has: one of each unit, one of each item."""
    shape = shape_of(book(), form_for(book(), round_.form, round_.year))
    units = standings(day_for(Period.parse(period))).filter(office__path__startswith=office.path).values_list("institution_id", flat=True)
    return {f"row.{pk}" for pk in units} | {f"column.{code}" for code in shape.entries}


def _other(row: Control, key: str, base: Mapping[str, str], now: Mapping[str, str], mine: str = "") -> Other:
    last = next((s for s in row.saves.select_related("by").order_by("-version") if key in s.changes), None)
    return Other(key, base.get(key, ""), now.get(key, ""), last.by.shown if last else row.by.shown, last.at if last else row.at, mine)


def differences(grid: Grid) -> dict[str, Decimal]:
    """Control → typed sum minus paper's, where a control is given and they differ. A row's control adds up all that stands in it."""
    amounts = {r.pk: grid.amounts(r) for r in grid.rows}
    sums: dict[str, Decimal] = {f"row.{pk}": sum((v for v in a.values() if v is not None), Decimal(0)) for pk, a in amounts.items()}
    sums |= {f"column.{e.code}": sum((v for a in amounts.values() if (v := a[e.code]) is not None), Decimal(0)) for e in grid.columns}
    found = {k: sums[k] - paper for k, text in grid.controls.items() if k in sums and (paper := number(text)) is not None}
    return {k: d for k, d in found.items() if d}


def unreadable(grid: Grid) -> set[str]:
    """The controls that are no number: they compare with nothing until somebody mends or clears them."""
    return {k for k, text in grid.controls.items() if text.strip() and number(text) is None}


def unit_of(key: str) -> int | None:
    """The unit that a row's control is of; None for a column's."""
    kind, _, rest = key.partition(".")
    return whole(rest) if kind == "row" else None
