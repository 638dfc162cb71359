"""What may be read of rounds and returns, always from a scope."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from jieneng import engine
from jieneng.core.period import Period
from jieneng.people.scope import Scope
from jieneng.records.rules import book
from jieneng.registry.models import Institution, Standing
from jieneng.registry.queries import lines_for

from .models import Return, Revision, Round, SnapshotRecord
from .moves import STATES


def main_form() -> str:
    """The form whose rounds this workspace runs: ``consumption`` in book cn."""
    return str(book().settings["main_form"])


def rounds(form: str | None = None) -> QuerySet[Round]:
    return Round.objects.filter(form=form) if form else Round.objects.all()


def returns_in(scope: Scope) -> QuerySet[Return]:
    """What a scope may look at: the returns of every institution that stands or once stood in it, not of those that will one day.

    Who takes a unit over sees what came before; who had it sees what became of it. What they may do: ``held_by``.
    """
    began = Scope(scope.lines).q("standings__office__path", "key") & Q(standings__since__lte=timezone.localdate())
    keys = Institution.objects.filter(began | Scope((), scope.institutions).q("standings__office__path", "key")).values("pk")
    return Return.objects.filter(institution__in=keys)


def held_by(scope: Scope, returns: QuerySet[Return]) -> QuerySet[Return]:
    """Those of some returns that report into the scope on the day that counts: what its people review, pass and send back.

    One query more where no institution ever moved across the scope's border; the returns of those that did are looked at one by one.
    """
    inside = returns_in(scope).values("pk")
    border = Standing.objects.exclude(Scope(scope.lines).q("office__path", "institution__key")).values("institution")
    moved = list(returns.filter(pk__in=inside, institution__in=border).exclude(institution__key__in=scope.institutions).only("pk", "institution_id", "period"))
    lines = lines_of(moved)
    elsewhere = [r.pk for r in moved if not scope.covers_line(lines.get(r.pk, ""))]
    return returns.filter(pk__in=inside).exclude(pk__in=elsewhere)


def lines_of(returns: Iterable[Return]) -> dict[int, str]:
    """Return → path of the office it reports to, on the day that counts for its period (``registry.queries.standing_for``)."""
    rows = [(r.pk, (r.institution_id, Period.parse(r.period))) for r in returns]
    lines = lines_for(pair for _, pair in rows)
    return {pk: lines[pair] for pk, pair in rows if pair in lines}


def answers_of(revision: Revision) -> dict[str, Decimal | None]:
    """The flat answers as decimals."""
    return {k: None if v is None else Decimal(v) for k, v in revision.answers.items()}


def institution_states(scope: Scope, round_: Round) -> dict[int, str]:
    """The state of each institution in a round: returned if any return was sent back, else that of its least advanced one.

    Who has filed some of its returns and not others is being filled in, not unheard of.
    """
    return folded(returns_in(scope).filter(round=round_).values_list("institution_id", "state"))


def folded(rows: Iterable[tuple[int, str]]) -> dict[int, str]:
    """The states of institutions out of those of their returns: (institution, state) of each."""
    order = {s: n for n, s in enumerate(("returned", *(s for s in STATES if s != "returned")))}
    result: dict[int, str] = {}
    begun: set[int] = set()
    for institution, state in rows:
        if state not in ("expected", "exempt", "covered"):
            begun.add(institution)
        if institution not in result or order[state] < order[result[institution]]:
            result[institution] = state
    return {i: "draft" if s == "expected" and i in begun else s for i, s in result.items()}


def snapshot_folder(snapshot_id: str) -> Path:
    return Path(settings.HOME) / "snapshots" / snapshot_id


@functools.lru_cache(maxsize=8)
def _opened(folder: str) -> Any:
    return engine.open_snapshot(Path(folder))


def opened(record: SnapshotRecord) -> Any:
    """The snapshot, opened and checked (its files are checked by hash before first use)."""
    return _opened(str(snapshot_folder(record.pk)))


def latest_snapshot(year: int | None = None) -> SnapshotRecord | None:
    """The newest snapshot of a statistics year (of any year when None)."""
    rows = SnapshotRecord.objects.all()
    return (rows.filter(year=year) if year else rows).first()


def shown_snapshot(year: int | None = None) -> SnapshotRecord | None:
    """The snapshot whose figures are shown: the newest of the version chosen for the year, else the newest of all."""
    newest = latest_snapshot(year)
    if newest is None:
        return None
    chosen = Round.objects.filter(year=newest.year).exclude(shown="").values_list("shown", flat=True).first()
    return SnapshotRecord.objects.filter(year=newest.year, version=chosen).first() or newest if chosen else newest


def snapshot_at(day: dt.date, year: int | None = None) -> SnapshotRecord | None:
    """What was in force at the end of a day: the newest snapshot (of a statistics year) with its cut-off by then."""
    end = timezone.make_aware(dt.datetime.combine(day + dt.timedelta(days=1), dt.time.min))
    rows = SnapshotRecord.objects.filter(cutoff__lt=end)
    return (rows.filter(year=year) if year else rows).first()


def snapshots() -> Sequence[SnapshotRecord]:
    return list(SnapshotRecord.objects.all())
