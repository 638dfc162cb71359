"""The verbs of documents and tables. Composing keeps the docx by its hash, the proof beside it, and every figure as a record."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from django.db.models import Max
from django.utils import timezone

from jieneng import engine
from jieneng.core.period import Period
from jieneng.figures.calculate import calculate
from jieneng.figures.models import FigureRecord
from jieneng.figures.overview import group_names
from jieneng.people.models import User
from jieneng.people.queries import root_office
from jieneng.people.scope import require
from jieneng.records import files
from jieneng.records.events import action, head, record
from jieneng.returns import queries
from jieneng.returns.models import SnapshotRecord

from .compose import compose as make
from .models import Document, DocumentVersion
from .resolve import Resolver
from .spec import read_spec
from .table import layout_of, write_table


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


def docx_of(version: DocumentVersion) -> bytes:
    """The docx of a version as composed."""
    return files.path_of(version.file.sha256).read_bytes()


def table(person: User, code: str, year: int, snapshot: SnapshotRecord) -> bytes:
    """A summary table of a year from a snapshot, inside the person's scope."""
    mine = require(person, "see")
    book = queries.book()
    layout = layout_of(book, code)
    opened, by, names = queries.opened(snapshot), layout.by, layout.names
    period, where = Period("year", year), {"line": mine.lines} if mine.lines else {"code": mine.institutions}
    found: dict[str, dict[str, Any]] = {}
    for f in calculate(book, engine.connect(), opened, names, period=period, by=by, where=where):
        found.setdefault(f.subject["code"], {})[f.name] = f
    whole = {f.name: f for f in calculate(book, engine.connect(), opened, names, period=period, where=where)}
    labels = group_names(book, by)
    order = [c for c in labels if c in found] + sorted(set(found) - set(labels))
    rows = [(labels.get(c, c), [found[c].get(n) for n in names]) for c in order]
    members = max((f.coverage.members for f in whole.values() if f.coverage), default=0)
    scope = f"统计范围 {members} 家。" if members else ""
    return write_table(book, code, year, snapshot.pk, rows, [whole.get(n) for n in names], scope,
                       timezone.localtime(snapshot.cutoff).date().isoformat())
