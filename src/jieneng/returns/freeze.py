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
from django.db import connection
from django.db.models import F, QuerySet
from django.utils import timezone

from jieneng import engine
from jieneng.core.late import arrive
from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.queries import root_office
from jieneng.people.scope import require
from jieneng.records import events
from jieneng.registry.queries import standings
from jieneng.rulebook import form_for
from jieneng.rulebook.types import Book

from .frozen_parts import part_tables
from .models import Return, ReturnFinding, Round, SnapshotRecord
from .ranges import packed

Progress = Callable[[int, int], None]
Part = Callable[[], Mapping[str, Any]]
PARTS: dict[str, Part] = {}
"""What other rooms add to a snapshot: name → function giving {kind: (columns, rows)}. Named when Django starts."""


SPAN = 5_000
"""Institutions read at a time: 60,000 monthly returns, about 60 MB of answers."""
_LINES = """
    SELECT {join}('{{"institution":' || r.institution_id || ',"period":' || {period} || ',"return_id":' || r.id || ',"revision":' || v.number
        || ',"status":' || {status} || ',"answers":' || v.answers || '}}', {newline})
    FROM returns_return r JOIN returns_revision v ON v.ret_id = r.id AND v.number = r.accepted
    WHERE r.round_id = %s AND r.institution_id BETWEEN %s AND %s AND r.accepted > 0 AND r.state <> 'exempt'"""
_STANDINGS = """
    SELECT s.institution_id, s.since, i.key, s.name, o.path, s.area, s.department, s.territory, s.type
    FROM registry_standing s JOIN registry_institution i ON i.id = s.institution_id JOIN people_office o ON o.id = s.office_id
    WHERE s.institution_id BETWEEN %s AND %s AND s.since <= %s ORDER BY s.institution_id, s.since"""
_DUE = """
    SELECT r.institution_id, SUM({bits}) FROM returns_return r
    WHERE {where} AND r.state NOT IN ('covered', 'exempt') GROUP BY r.institution_id"""
_WORDS = {
    "sqlite": {"join": "group_concat", "period": "json_quote(r.period)", "status": "json_quote(v.status)", "newline": "char(10)"},
    "postgresql": {"join": "string_agg", "period": "to_json(r.period)::text", "status": "to_json(v.status)::text", "newline": "chr(10)"},
}


def part(name: str) -> Callable[[Part], Part]:
    """Name a function whose tables go into every snapshot."""

    def register(give: Part) -> Part:
        PARTS[name] = give
        return give

    return register


def _due(year: int, where: str, params: list[int]) -> list[tuple[int, int]]:
    """Institution and the periods of the year in which it had to answer, as bits: what tells a part of a year from a year."""
    every = [Period(kind, year, i) for kind, n in (("month", 12), ("quarter", 4), ("half", 2), ("year", 1)) for i in range(1, n + 1)]
    bits = "CASE r.period " + " ".join(f"WHEN '{p}' THEN {engine.due_bit(p)}" for p in every) + " ELSE 0 END"
    with connection.cursor() as cursor:
        cursor.execute(_DUE.format(bits=bits, where=where), params)
        return [(who, int(bits)) for who, bits in cursor.fetchall()]


def _pieces(round_: Round) -> Iterator[engine.Piece]:
    """The last accepted revisions of one round, a span of institutions at a time, joined into lines by the database itself."""
    accepted = counted([round_]).order_by("institution_id", "period").values_list("institution_id", flat=True)
    first, last = accepted.first(), accepted.last()
    if first is None or last is None:
        return
    query, until = _LINES.format(**_WORDS[connection.vendor]), Period("year", round_.year).last_day
    for start in range(first, last + 1, SPAN):
        with connection.cursor() as cursor:
            cursor.execute(query, [round_.pk, start, start + SPAN - 1])
            lines = cursor.fetchone()[0]
            if lines:
                cursor.execute(_STANDINGS, [start, start + SPAN - 1, until])
                standings = [(who, str(since), *rest) for who, since, *rest in cursor.fetchall()]
                due = _due(round_.year, "r.round_id = %s AND r.institution_id BETWEEN %s AND %s", [round_.pk, start, start + SPAN - 1])
                yield engine.Piece(lines, standings, due)


def _left_out(round_: Round) -> list[dict[str, Any]]:
    """How many returns of a round do not count, by state, with the reason."""
    by_state: dict[str, list[int]] = {}
    for state, pk in waiting(round_).values_list("state", "pk"):
        by_state.setdefault(state, []).append(pk)
    return [{"round": str(round_), "state": state, "returns": len(ids), "ids": packed(ids), "why": "not accepted at the cut-off"}
            for state, ids in by_state.items()]


def waiting(round_: Round) -> QuerySet[Return]:
    """The returns of a round that no snapshot would hold now."""
    return Return.objects.filter(round=round_, accepted=0).exclude(state__in=("covered", "exempt")).order_by("state", "pk")


def counted(rounds: Iterable[Round]) -> QuerySet[Return]:
    """The returns that a snapshot holds: accepted once, and not exempt since (a body closed while its figures were sent back)."""
    return Return.objects.filter(round__in=list(rounds), accepted__gt=0).exclude(state="exempt")


def kept(rounds: Iterable[Round]) -> QuerySet[ReturnFinding]:
    """The errors that go into a snapshot all the same, because someone confirmed and kept them."""
    return ReturnFinding.objects.filter(ret__round__in=rounds, severity="must", ret__accepted__gt=0, revision=F("ret__accepted")).exclude(ret__state="exempt")


def _bodies(year: int, rounds: list[Round]) -> Iterator[dict[str, Any]]:
    due: dict[int, int] = {}
    for r in rounds:
        for who, bits in _due(year, "r.round_id = %s", [r.pk]):
            due[who] = due.get(who, 0) | bits
    columns = {"institution": "institution_id", "code": "institution__key", "name": "name", "line": "office__path", "area": "area",
               "department": "department", "territory": "territory", "type": "type", "in_scope": "in_scope", "covered_by": "covered_by_id"}
    rows = standings(Period("year", year).last_day).select_related(None).values_list(*columns.values())
    for row in rows.iterator(chunk_size=20_000):
        yield {**dict(zip(columns, row, strict=True)), "expected": row[0] in due, "due": due.get(row[0], 0)}


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
        cutoff = timezone.localtime()
        left_out = [line for r in rounds for line in _left_out(r)]
        tables: dict[str, tuple[list[str], engine.Pieces]] = {}
        by_edition: dict[str, list[Round]] = {}
        for r in rounds:
            by_edition.setdefault(f"{r.form}@{r.edition}", []).append(r)
        for name, group in by_edition.items():
            items = [i.item for i in form_for(book, group[0].form, group[0].year).items]
            tables[name] = (items, engine.Pieces(piece for r in group for piece in _pieces(r)))
        sums, every = part_tables(book, rounds)
        ledgers: dict[str, Any] = {}
        arrive()
        for give in PARTS.values():
            ledgers.update(give())
        snapshot = engine.write_snapshot(
            Path(settings.HOME), cutoff=cutoff.isoformat(timespec="seconds"),
            rulebook={"code": book.code, "hash": book.hash}, round={"year": year, "version": version},
            returns={**tables, **sums}, parts=every, bodies=_bodies(year, [r for r in rounds if r.year == year]), ledgers=ledgers, left_out=left_out,
            chain_head=events.head(), progress=progress, expected_rows=counted(rounds).count())
        made = SnapshotRecord.objects.create(
            pk=snapshot.id, year=year, version=version, cutoff=cutoff, manifest_hash=snapshot.manifest_hash,
            counts=snapshot.counts, left_out=left_out, chain=events.head(), by=person)
        events.record(person, "snapshot.freeze", "snapshot", snapshot.id, line=office.path if office else "", data={
            "year": year, "version": version, "manifest": snapshot.manifest_hash, "counts": snapshot.counts,
            "left_out": left_out, "kept": packed(kept(rounds).values_list("ret_id", flat=True)), "rulebook": book.hash})
    return made
