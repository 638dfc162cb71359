"""Freeze: the last accepted revision of every return at the cut-off becomes a snapshot, with the ledgers beside it.

Order of steps, so that a kill at any moment leaves the whole step or none of it: the folder is written under a
temporary name, checked and renamed (engine), and only then do the record and its event commit. A folder without a
record is not a snapshot: nothing reads it, and the next freeze clears it away.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from jieneng import engine
from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.queries import root_office
from jieneng.people.scope import require
from jieneng.records import events
from jieneng.registry.models import Institution, Standing
from jieneng.registry.queries import standings
from jieneng.rulebook import form_for
from jieneng.rulebook.types import Book

from .models import Return, Revision, Round, SnapshotRecord

Progress = Callable[[int, int], None]
Part = Callable[[], Mapping[str, Any]]
PARTS: dict[str, Part] = {}
"""What other rooms add to a snapshot: name → function giving {kind: (columns, rows)}. Named when Django starts."""


def part(name: str) -> Callable[[Part], Part]:
    """Name a function whose tables go into every snapshot."""

    def register(give: Part) -> Part:
        PARTS[name] = give
        return give

    return register


class _Places:
    """The standing of each institution at the end of each period, without a query per return."""

    def __init__(self) -> None:
        self.rows: dict[int, list[Standing]] = {}
        for s in Standing.objects.select_related("office").order_by("since"):
            self.rows.setdefault(s.institution_id, []).append(s)
        self.keys = dict(Institution.objects.values_list("pk", "key"))

    def at(self, institution: int, day: Any) -> Standing | None:
        best = None
        for s in self.rows.get(institution, ()):
            if s.since > day:
                break
            best = s
        return best


def _row(ret: Return, revision: Revision, standing: Standing, key: str) -> dict[str, Any]:
    period = Period.parse(ret.period)
    return {
        "institution": ret.institution_id, "code": key, "name": standing.name, "period": ret.period,
        "year": period.year, "month": period.index if period.kind == "month" else None, "line": standing.office.path,
        "area": standing.area, "department": standing.department, "territory": standing.territory,
        "type": standing.type, "status": revision.status, "return_id": ret.pk, "revision": revision.number,
        **revision.answers,
    }


def _returns(round_: Round, places: _Places, left_out: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of one round. What does not count is listed with the reason."""
    waiting: dict[str, int] = {}
    rows = Return.objects.filter(round=round_).order_by("institution_id", "period")
    accepted = {r.pk: r for r in rows if r.accepted}
    for ret in rows:
        if not ret.accepted and ret.state not in ("covered", "exempt"):
            waiting[ret.state] = waiting.get(ret.state, 0) + 1
    for state, n in sorted(waiting.items()):
        left_out.append({"round": str(round_), "state": state, "returns": n, "why": "not accepted at the cut-off"})
    wanted = Revision.objects.filter(ret__round=round_, ret__accepted__gt=0).order_by("ret__institution_id", "ret__period", "number")
    for revision in wanted.iterator(chunk_size=2000):
        ret = accepted.get(revision.ret_id)
        if ret is None or revision.number != ret.accepted:
            continue
        standing = places.at(ret.institution_id, Period.parse(ret.period).last_day)
        if standing is not None:
            yield _row(ret, revision, standing, places.keys[ret.institution_id])


def _bodies(year: int, expected: set[int]) -> Iterator[dict[str, Any]]:
    for s in standings(Period("year", year).last_day):
        yield {
            "institution": s.institution_id, "code": s.institution.key, "name": s.name, "line": s.office.path,
            "area": s.area, "department": s.department, "territory": s.territory, "type": s.type,
            "in_scope": s.in_scope, "covered_by": s.covered_by_id, "expected": s.institution_id in expected,
        }


def clear_leftovers() -> list[str]:
    """Remove snapshot folders that no record knows (a freeze that was killed before it committed)."""
    folder = Path(settings.HOME) / "snapshots"
    if not folder.is_dir():
        return []
    known = set(SnapshotRecord.objects.values_list("pk", flat=True))
    gone = [p for p in sorted(folder.iterdir()) if p.name not in known]
    for path in gone:
        shutil.rmtree(path)
    return [p.name for p in gone]


def freeze(person: User, book: Book, year: int, *, version: str = "city", progress: Progress | None = None
           ) -> SnapshotRecord:
    """Freeze the rounds up to a year, with all ledgers. Raises ``Refused`` when nothing has been accepted yet."""
    office = root_office()
    require(person, "freeze", office.path if office else None)
    rounds = list(Round.objects.filter(year__lte=year).order_by("year", "form"))
    if not Return.objects.filter(round__year=year, accepted__gt=0).exists():
        raise refuse("freeze.nothing", T("{year} 年还没有审核通过的报表", "no return of {year} has been accepted yet", year=year),
                     do=T("先导入并审核通过，再封存", "import and accept returns first"))
    with events.action():
        events.hold()  # one freeze at a time: another's folder is never taken for a leftover
        clear_leftovers()
        places, cutoff = _Places(), timezone.localtime()
        left_out: list[dict[str, Any]] = []
        expected = set(Return.objects.filter(round__year=year).exclude(state__in=("covered", "exempt"))
                       .values_list("institution_id", flat=True))
        tables: dict[str, tuple[list[str], Iterable[dict[str, Any]]]] = {}
        by_edition: dict[str, list[Round]] = {}
        for r in rounds:
            by_edition.setdefault(f"{r.form}@{r.edition}", []).append(r)
        for name, group in by_edition.items():
            items = [i.item for i in form_for(book, group[0].form, group[0].year).items]
            tables[name] = (items, (row for r in group for row in _returns(r, places, left_out)))
        ledgers: dict[str, Any] = {}
        for give in PARTS.values():
            ledgers.update(give())
        snapshot = engine.write_snapshot(
            Path(settings.HOME), cutoff=cutoff.isoformat(timespec="seconds"),
            rulebook={"code": book.code, "hash": book.hash}, round={"year": year, "version": version},
            returns=tables, bodies=_bodies(year, expected), ledgers=ledgers, left_out=left_out,
            chain_head=events.head(), progress=progress)
        made = SnapshotRecord.objects.create(
            pk=snapshot.id, year=year, version=version, cutoff=cutoff, manifest_hash=snapshot.manifest_hash,
            counts=snapshot.counts, left_out=left_out, chain=events.head(), by=person)
        events.record(person, "snapshot.freeze", "snapshot", snapshot.id, line=office.path if office else "", data={
            "year": year, "version": version, "manifest": snapshot.manifest_hash, "counts": snapshot.counts,
            "left_out": left_out, "rulebook": book.hash})
    return made
