"""The verbs of documents and tables. Composing keeps the docx by its hash, the proof beside it, and every figure as a record."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from django.db.models import Max
from django.utils import timezone

from jieneng import engine
from jieneng.core.figure import Figure
from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.figures.calculate import calculate
from jieneng.figures.models import FigureRecord
from jieneng.figures.overview import group_names
from jieneng.people.models import Office, User
from jieneng.people.queries import root_office
from jieneng.people.scope import Scope, require
from jieneng.records import files
from jieneng.records.events import action, head, record
from jieneng.returns import queries
from jieneng.returns.models import SnapshotRecord
from jieneng.rulebook import at_year
from jieneng.rulebook.types import Book

from .compose import compose as make
from .layout import layout_in
from .models import Document, DocumentVersion
from .resolve import Resolver
from .spec import read_spec
from .table import write_table


def compose(person: User, code: str, year: int, snapshot: SnapshotRecord, *, dated: dt.date | None = None) -> DocumentVersion:
    """Compose a document of a year from a snapshot. Raises ``Refused`` naming every missing figure.

    The numbers stand for the day the snapshot was cut off; ``dated`` is the day of signing, by default the same.
    """
    office = root_office()
    line = office.path if office else ""
    require(person, "compose", line)
    book = queries.book()
    spec = read_spec(book, code, year)
    day = timezone.localtime(snapshot.cutoff).date()
    made = make(spec, Resolver(book, engine.connect(), queries.opened(snapshot)), snapshot=snapshot.pk, as_of=day, rulebook=book.hash, chain=head(),
                dated=dated)
    with action():
        document, _ = Document.objects.get_or_create(code=code, year=year)
        number = (document.versions.aggregate(last=Max("number"))["last"] or 0) + 1
        kept = files.receive(io.BytesIO(made.docx), f"{code}-{year}-{number}.docx", person)
        version = DocumentVersion.objects.create(document=document, number=number, snapshot=snapshot, as_of=day, file=kept, proof=made.proof,
                                                 rulebook=book.hash, created_by=person)
        FigureRecord.objects.bulk_create([
            FigureRecord(snapshot=snapshot, place=f"document:{version.pk}", key=e["bookmark"], name=e["id"], printed=e["printed"], recipe=e["figure"])
            for e in made.proof["figures"]])
        record(person, "document.compose", "document", version.pk, line=line, data={
            "code": code, "year": year, "number": number, "snapshot": snapshot.pk, "docx": made.proof["docx"], "proof": made.proof["checksum"],
            "figures": len(made.proof["figures"])})
    return version


def confirm(person: User, version: DocumentVersion, wording: str, reason: str) -> None:
    """Confirm, by name and with what was looked at, words that no figure bears out."""
    office = root_office()
    line = office.path if office else ""
    require(person, "compose", line)
    found = next((w for w in version.proof.get("wordings", []) if w["id"] == wording and not w["holds"]), None)
    if found is None:
        raise refuse("document.wording", T("这份文稿里没有要确认的“{w}”", "this draft holds no such wording to confirm: “{w}”", w=wording))
    if not reason.strip():
        raise refuse("document.reason", T("没有写依据", "no ground given"), do=T("写明看了什么材料", "say what you looked at"))
    with action():
        record(person, "document.confirm", "document", version.pk, line=line, data={
            "code": version.document.code, "year": version.document.year, "number": version.number, "wording": wording, "text": found["text"], "reason": reason.strip()})


def docx_of(version: DocumentVersion) -> bytes:
    """The docx of a version as composed."""
    return files.path_of(version.file.sha256).read_bytes()


def table(person: User, code: str, period: Period, snapshot: SnapshotRecord) -> bytes:
    """A summary table of a period from a snapshot, inside the person's scope. Raises ``Refused`` for an unknown table.

    Every row and the total are calculated apart: that the rows add up to the total is found, not made.
    """
    mine = require(person, "see")
    book = queries.book()
    layout = layout_in(book, code, period.year)
    where = {"line": mine.lines} if mine.lines else {"code": mine.institutions}
    one = _one_department(mine) if layout.by == "department" else None
    by = "institution" if one else layout.by
    rows = _by_department(book, snapshot, layout.names, period, where) if by == "department" else _by_group(book, snapshot, layout.names, period, by, where)
    if one:
        rows.sort(key=lambda r: r[0] != one.name)  # 机关本级, where the department itself is registered under its own name
        rows = [(f"{name}（机关本级）" if name == one.name else name, figures) for name, figures in rows]
    whole = {f.name: f for f in calculate(book, engine.connect(), queries.opened(snapshot), layout.names, period=period, where=where)}
    members = max((f.coverage.members for f in whole.values() if f.coverage), default=0)
    scope = f"统计范围 {members} 家。" if members else ""
    return write_table(at_year(book, period.year), code, period, snapshot.pk, rows, [whole.get(n) for n in layout.names], scope,
                       timezone.localtime(snapshot.cutoff).date().isoformat(), by)


Rows = list[tuple[str, list[Figure | None]]]
NOBODY = "（没有登记）"
"""The row of institutions that have no code in the grouping."""


def _one_department(mine: Scope) -> Office | None:
    """The department whose own summary is asked for, or None where the scope is wider."""
    office = Office.objects.filter(path=mine.lines[0]).first() if len(mine.lines) == 1 else None
    return office if office is not None and office.kind == "department" else None


def _by_group(book: Book, snapshot: SnapshotRecord, names: list[str], period: Period, by: str, where: dict[str, Any]) -> Rows:
    """One row for each group, in the order of the book (or of the areas); unknown codes last, by themselves."""
    found: dict[str, dict[str, Figure]] = {}
    shown = dict(group_names(book, by))
    for f in calculate(book, engine.connect(), queries.opened(snapshot), names, period=period, by=by, where=where):
        found.setdefault(f.subject["code"], {})[f.name] = f
        if by == "institution":
            shown[f.subject["code"]] = f.subject.get("name") or f.subject["code"]
    order = [c for c in shown if c in found] + sorted(set(found) - set(shown))
    return [(shown.get(c) or c or NOBODY, [found[c].get(n) for n in names]) for c in order]


def _by_department(book: Book, snapshot: SnapshotRecord, names: list[str], period: Period, where: dict[str, Any]) -> Rows:
    """One row for each department of each area; departments of one name in two areas stay two."""
    areas, rows = group_names(book, "area"), []
    present = {f.subject["code"] for f in calculate(book, engine.connect(), queries.opened(snapshot), names[:1], period=period, by="area", where=where)}
    for area in [c for c in areas if c in present] + sorted(present - set(areas)):
        place = areas.get(area, area)
        for name, figures in _by_group(book, snapshot, names, period, "department", {**where, "area": area}):
            known = name != NOBODY
            rows.append((name if known and name.startswith(place) else f"{place} {name if known else '（直报，没有主管部门）'}", figures))
    return rows
