"""``jieneng verify``: the invariants (faults.md 2). Read-only; each says how many things it looked at."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Max, Min

from jieneng import engine
from jieneng.core.figure import Figure
from jieneng.core.problem import Refused
from jieneng.core.words import T
from jieneng.fieldwork.models import LedgerRecord, LedgerRevision
from jieneng.figures.models import FigureRecord
from jieneng.figures.prove import prove
from jieneng.records import events, files
from jieneng.records.models import Event, Job, ReceivedFile
from jieneng.returns import queries
from jieneng.returns.models import Import, Return, ReturnFinding, Revision, SnapshotRecord
from jieneng.returns.ranges import unpacked

from . import workspace

SAMPLE = 200
PROVED_VERBS = ("returns.import", "returns.accept", "returns.send_back", "returns.reopen", "returns.sign", "returns.pass_department", "returns.pass_county")


@dataclass
class Result:
    """One invariant: how many things were looked at and what is wrong, with what helps."""

    id: str
    label: T
    count: int = 0
    faults: list[str] = field(default_factory=list)
    hint: T | None = None

    @property
    def ok(self) -> bool:
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "ok": self.ok, "count": self.count, "faults": self.faults}


RESTORE = T("从备份恢复：jieneng restore", "restore from a backup: jieneng restore")


def database(deep: bool, anchors: list) -> Result:
    r = Result("I1", T("数据库", "database"), hint=RESTORE)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA integrity_check" if deep else "PRAGMA quick_check")
            rows = [x[0] for x in cursor.fetchall()]
            r.count += 1
            if rows != ["ok"]:
                r.faults += [str(x) for x in rows[:5]]
            cursor.execute("PRAGMA foreign_key_check")
            broken = cursor.fetchall()
            r.count += 1
            r.faults += [f"{x[0]} {x[1]} → {x[2]}" for x in broken[:5]]
        else:
            cursor.execute("SELECT count(*) FROM django_migrations")
            r.count += int(cursor.fetchone()[0])
    from . import doctor

    for check in (doctor.pragmas(), doctor.migrations()):
        r.count += 1
        if check.state == "fail":
            r.faults.append(f"{check.label}: {check.found}")
    return r


def returns(deep: bool, anchors: list) -> Result:
    """Each return has revisions 1…n without gap, n is its current one, what counts as accepted exists."""
    r = Result("I2", T("报表和历次填报", "returns and revisions"), hint=RESTORE)
    numbers = {row["ret"]: row for row in Revision.objects.values("ret").annotate(n=Count("id"), low=Min("number"), high=Max("number"))}
    for pk, current, accepted, state in Return.objects.values_list("pk", "revision", "accepted", "state").iterator(chunk_size=5000):
        r.count += 1
        row = numbers.get(pk)
        have = row["n"] if row else 0
        if have != current or (row and (row["low"] != 1 or row["high"] != have)):
            r.faults.append(f"return {pk}: {have} revisions, current {current}")
        if accepted > current or (state in ("accepted", "signed") and accepted != current):
            r.faults.append(f"return {pk}: {state}, accepted revision {accepted} of {current}")
    for pk, number in LedgerRecord.objects.annotate(n=Count("revisions"), high=Max("revisions__number")).exclude(
            n=F("revision"), high=F("revision")).values_list("key", "revision"):
        r.faults.append(f"ledger {pk}: revisions do not end at {number}")
    return r


def moved(deep: bool, anchors: list) -> Result:
    """Every revision and acceptance has its event, and each event its object."""
    r = Result("I3", T("办理记录与业务数据", "events and what they speak of"), hint=T("有人绕过系统改了数据：查办理记录", "data was changed past the system: read the event log"))
    imported: set[int] = set()
    touched: set[int] = set()
    for e in Event.objects.filter(verb__in=PROVED_VERBS).values("verb", "data", "object_id"):
        r.count += 1
        ids = unpacked(e["data"].get("returns", ""))
        touched |= ids
        if e["verb"] == "returns.import":
            imported.add(int(e["object_id"]))
    batches = set(Import.objects.values_list("pk", flat=True))
    if lost := imported - batches:
        r.faults.append(f"imports named by events are gone: {sorted(lost)[:5]}")
    used = set(Revision.objects.exclude(batch=None).values_list("batch_id", flat=True).distinct())
    if extra := used - imported:
        r.faults.append(f"revisions of imports without an event: {sorted(extra)[:5]}")
    changed = set(Return.objects.filter(revision__gt=0).values_list("pk", flat=True))
    if silent := changed - touched:
        r.faults.append(f"{len(silent)} returns changed without an event: {sorted(silent)[:5]}")
    frozen = set(Event.objects.filter(verb="snapshot.freeze").values_list("object_id", flat=True))
    known = set(SnapshotRecord.objects.values_list("pk", flat=True))
    if frozen != known:
        r.faults.append(f"snapshots and their events differ: {sorted(frozen ^ known)[:5]}")
    spoken = Event.objects.filter(verb__in=("ledger.save", "ledger.import")).count()
    if LedgerRevision.objects.exists() and not spoken:
        r.faults.append("ledger revisions without any event")
    r.count += len(changed) + len(known)
    return r


def chain(deep: bool, anchors: list) -> Result:
    r = Result("I4", T("办理记录的链", "chain of events"), hint=T("记录被删改：告诉审计，从备份比对", "the log was altered: tell the auditor, compare with a backup"))
    heads = [*anchors, *({**s.chain, "where": f"snapshot {s.pk}"} for s in SnapshotRecord.objects.all() if s.chain)]
    for path in sorted((Path(settings.HOME) / "snapshots").glob("*/manifest.json")):
        try:
            heads.append({**engine.open_snapshot(path.parent).manifest["chain"], "where": f"manifest {path.parent.name}"})
        except Refused:
            continue  # I6 names it
    r.count, r.faults = events.faults(heads)
    return r


def received(deep: bool, anchors: list) -> Result:
    r = Result("I5", T("收到的原件", "received files"), hint=RESTORE)
    rows = {f.sha256: f for f in ReceivedFile.objects.all()}
    for sha, row in rows.items():
        r.count += 1
        if not files.intact(row):
            r.faults.append(f"{row.name} ({sha[:12]}…): missing or changed")
    folder = files.folder()
    for path in folder.rglob("*") if folder.is_dir() else []:
        if path.is_file() and path.name not in rows and not path.name.startswith(".part-"):
            r.count += 1  # an orphan: kept before its row was written; harmless, listed by doctor
    return r


def snapshots(deep: bool, anchors: list) -> Result:
    r = Result("I6", T("快照", "snapshots"), hint=RESTORE)
    for s in SnapshotRecord.objects.all():
        folder = queries.snapshot_folder(s.pk)
        r.count += 1
        if not folder.is_dir():
            r.faults.append(f"{s.pk}: folder missing")
            continue
        _, problems = engine.verify_snapshot(folder, deep=deep)
        r.faults += [str(p) for p in problems]
        if not problems and engine.open_snapshot(folder).manifest_hash != s.manifest_hash:
            r.faults.append(f"{s.pk}: the record names another manifest")
    return r


def figures(deep: bool, anchors: list) -> Result:
    """Printed figures recompute from the snapshot: all of them deep, else a sample of 200."""
    r = Result("I7", T("印出的数字", "printed figures"), hint=T("打开文稿看是哪一个", "open the document to see which"))
    rows = list(FigureRecord.objects.select_related("snapshot"))
    if not deep and len(rows) > SAMPLE:
        rows = random.Random(0).sample(rows, SAMPLE)  # noqa: S311  a sample, no secret
    book = queries.book()
    for row in rows:
        r.count += 1
        try:
            figure = Figure.from_json(row.recipe)
            if figure.rulebook != book.hash:
                continue  # made under other rules: proved by the book of that time, kept in the backup of that time
            proof = prove(book, engine.connect(), engine.open_snapshot(queries.snapshot_folder(row.snapshot_id)), figure)
            if not proof.ok:
                r.faults.append(f"{row.place} {row.key} {row.printed}: {'；'.join(proof.faults[:2])}")
        except Refused as refusal:
            r.faults.append(f"{row.place} {row.key} {row.printed}: {refusal}")
    return r


def jobs(deep: bool, anchors: list) -> Result:
    from django.utils import timezone

    r = Result("I8", T("长任务", "long tasks"), hint=T("serve 运行时会自己接着办", "serve takes them up again by itself"))
    for job in Job.objects.all():
        r.count += 1
        if job.state == "running" and (job.lease_until is None or job.lease_until < timezone.now() - timezone.timedelta(minutes=5)):
            r.faults.append(f"job {job.pk} {job.kind}: running without a live lease")
        if job.state == "done" and job.result is None:
            r.faults.append(f"job {job.pk} {job.kind}: done without a result")
    return r


def room(deep: bool, anchors: list) -> Result:
    r = Result("I9", T("空间", "room"), count=2, hint=T("腾出空间；重启 serve 补备用文件", "make room; serve makes the reserve again"))
    if workspace.free_space(Path(settings.HOME)) < workspace.FLOOR:
        r.faults.append(str(T("磁盘剩余低于下限", "free space is below the floor")))
    if not (Path(settings.HOME) / workspace.RESERVE).exists():
        r.faults.append(str(T("没有备用空间文件", "no reserve file")))
    return r


def rulebooks(deep: bool, anchors: list) -> Result:
    """Findings, revisions and figures name the rules they were made by."""
    r = Result("I10", T("规则指纹", "rulebook hashes"))
    for model in (Revision, ReturnFinding):
        r.count += model.objects.count()
        n = model.objects.exclude(rulebook__regex=r"^[0-9a-f]{64}$").count()
        if n:
            r.faults.append(f"{n} {model.__name__} without a rulebook hash")
    return r


INVARIANTS: list[Callable[[bool, list], Result]] = [database, returns, moved, chain, received, snapshots, figures, jobs, room, rulebooks]


def run(*, deep: bool = False, anchors: list[dict[str, Any]] | None = None) -> list[Result]:
    """All invariants, in order. A check that itself breaks is a failure, never a pass."""
    results = []
    for n, check in enumerate(INVARIANTS, 1):
        try:
            results.append(check(deep, anchors or []))
        except Exception as error:
            results.append(Result(f"I{n}", T(check.__name__, check.__name__), 0, [f"{type(error).__name__}: {error}"]))
    return results


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
