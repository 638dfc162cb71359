"""``jieneng verify``: the invariants (faults.md 2). Read-only; each says how many things it looked at and what is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from jieneng import engine
from jieneng.core.figure import Figure
from jieneng.core.problem import Refused
from jieneng.core.words import T
from jieneng.figures.models import FigureRecord
from jieneng.figures.prove import prove
from jieneng.records import events, files
from jieneng.records.models import Event, Job, ReceivedFile
from jieneng.reports.models import DocumentVersion
from jieneng.returns import frozen_parts, queries
from jieneng.returns.models import ReturnFinding, Revision, SnapshotRecord

from . import archive, doctor, replay, workspace

SAMPLE = 200
LEASE_GRACE = timezone.timedelta(minutes=5)
HASH = r"^[0-9a-f]{64}$"


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
        """For ``--json``."""
        return {"id": self.id, "label": self.label.as_json(), "ok": self.ok, "count": self.count, "faults": self.faults}


@dataclass
class Look:
    """What the checks share: how deep, the heads kept outside, and the events of returns, told once."""

    deep: bool = False
    anchors: list[dict[str, Any]] = field(default_factory=list)
    _told: replay.Told | None = None

    @property
    def told(self) -> replay.Told:
        if self._told is None:
            self._told = replay.tell()
        return self._told


def _restore() -> T:
    return workspace.restore_words(Path(settings.HOME))


def database(look: Look) -> Result:
    """I1: the database is sound, its foreign keys hold, it is at this program's version, its settings are as promised."""
    r = Result("I1", T("数据库", "database"), hint=_restore())
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA integrity_check(20)" if look.deep else "PRAGMA quick_check(20)")
            r.faults += [str(x[0]) for x in cursor.fetchall() if x[0] != "ok"]
            cursor.execute("PRAGMA foreign_key_check")
            r.faults += [f"{table} row {row}: nothing in {parent}" for table, row, parent, _ in cursor.fetchall()[:20]]
            cursor.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'")
        else:
            cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid OR NOT indisready")
            r.faults += [f"index {name}: not valid" for (name,) in cursor.fetchall()]
            cursor.execute("SELECT conname FROM pg_constraint WHERE NOT convalidated")
            r.faults += [f"constraint {name}: not validated" for (name,) in cursor.fetchall()]
            if look.deep:
                r.faults += _amcheck(cursor)
            cursor.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()")
        r.count = int(cursor.fetchone()[0])
    for check in (doctor.pragmas(), doctor.migrations()):
        if check.state == "fail":
            r.faults.append(f"{check.label}: {check.found}")
            r.hint = check.hint or r.hint
    return r


def _amcheck(cursor: Any) -> list[str]:
    """PostgreSQL's own look at its indexes, where the extension is installed."""
    cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'")
    if cursor.fetchone() is None:
        return []
    cursor.execute("SELECT c.oid::regclass::text FROM pg_class c JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree' "
                   "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'i' AND n.nspname = current_schema()")
    faults = []
    for (name,) in cursor.fetchall():
        try:
            cursor.execute("SELECT bt_index_check(%s::regclass)", [name])
        except Exception as error:
            faults.append(f"index {name}: {error}")
    return faults


def returns(look: Look) -> Result:
    """I2: revisions 1…n, one current; state, revision and acceptance as the events lead to them by the table of moves."""
    r = Result("I2", T("报表、历次填报和状态", "returns, revisions and states"), hint=T(
        "有人绕过系统改了数据：查办理记录，从备份比对", "data was changed past the system: read the event log, compare with a backup"))
    r.count, r.faults = replay.returns(look.told)
    return r


def moved(look: Look) -> Result:
    """I3: everything has the event that made it, and every event its object."""
    r = Result("I3", T("业务数据与办理记录", "records and their events"), hint=T(
        "有人绕过系统改了数据：查办理记录，从备份比对", "data was changed past the system: read the event log, compare with a backup"))
    r.count, r.faults = replay.objects(look.told)
    if look.deep:
        for s in SnapshotRecord.objects.all():
            count, faults = _still_said(s)
            r.count += count
            r.faults += faults
    return r


def _still_said(record: SnapshotRecord) -> tuple[int, list[str]]:
    """Whether the revisions that were frozen still say in the records what they said then."""
    folder = queries.snapshot_folder(record.pk)
    try:
        snapshot = engine.open_snapshot(folder)
        added = {n.partition("/")[2] for n in snapshot.manifest["files"] if n.startswith("parts/")}
        tables = [(n, engine.read_table(snapshot.file(n)), snapshot.items(n)) for n in snapshot.manifest["files"]
                  if n.startswith("returns/") and n.partition("/")[2] not in added]
        count, faults = frozen_parts.still_said(queries.book(), snapshot)
    except Refused:
        return 0, []  # I6 names it
    for name, rows, items in tables:
        frozen = {(row["return_id"], row["revision"]): row for row in rows}
        numbers = {n for _, n in frozen}
        for ret, number, answers in Revision.objects.filter(number__in=numbers).values_list("ret_id", "number", "answers").iterator(chunk_size=5000):
            row = frozen.pop((ret, number), None)
            if row is None:
                continue
            count += 1
            if any(_amount(answers.get(item)) != row[item] for item in items):
                faults.append(f"return {ret} #{number}: not what was frozen in {record.pk}")
        if frozen:
            faults.append(f"{record.pk} {name}: revisions that were frozen are gone: {replay.few(frozen)}")
    return count, faults


def _amount(text: str | None) -> Any:
    from decimal import Decimal

    return None if text is None else Decimal(text)


def chain(look: Look) -> Result:
    """I4: the chain is unbroken, each SM3 recomputes, and every head kept outside is in it."""
    r = Result("I4", T("办理记录的链", "chain of events"), hint=T("记录被删改，或数据库退回了旧的：告诉审计，从备份比对", "the log was altered or the database rolled back: tell the auditor, compare with a backup"))
    heads = list(look.anchors)
    for s in SnapshotRecord.objects.all():
        heads += [{**s.chain, "where": f"snapshot record {s.pk}"}] if s.chain else []
    for path in sorted((Path(settings.HOME) / "snapshots").glob("*/manifest.json")):
        try:
            heads.append({**engine.open_snapshot(path.parent).manifest["chain"], "where": f"snapshot {path.parent.name}"})
        except Refused:
            continue  # I6 names it
    for pk, proof in DocumentVersion.objects.values_list("pk", "proof"):
        if isinstance(proof.get("chain"), dict) and "seq" in proof["chain"]:
            heads.append({**proof["chain"], "where": f"document version {pk}"})
    aside = [(int(d["head_then"]["seq"]), int(d["head_now"]["seq"])) for d in
             Event.objects.filter(verb="backup.restore").values_list("data", flat=True) if d.get("head_now")]
    for path in sorted((Path(settings.HOME) / "backups").glob(f"*{archive.SUFFIX}")):
        try:
            head = archive.read_manifest(path)["chain"]
        except Refused:
            continue  # doctor D009 names the newest
        # a restore put the events after its backup aside, in the open: backups made in between speak of those
        if not any(then < head["seq"] <= now for then, now in aside):
            heads.append({**head, "where": f"backup {path.name}"})
    r.count, r.faults = events.faults(heads)
    return r


def received(look: Look) -> Result:
    """I5: each received file has the content its name says; none is half-written for long."""
    r = Result("I5", T("收到的原件", "received files"), hint=_restore())
    for row in ReceivedFile.objects.all():
        r.count += 1
        if not files.path_of(row.sha256).exists():
            r.faults.append(f"{row.name} ({row.sha256[:12]}…): missing")
        elif not files.intact(row):
            r.faults.append(f"{row.name} ({row.sha256[:12]}…): content changed")
    for path in doctor.old_parts(files.folder()):
        r.faults.append(f"received/{path.name}: half-written for more than an hour")
    return r


def snapshots(look: Look) -> Result:
    """I6: each snapshot is what its name, its manifest and its record say; deep: rows and control totals recomputed."""
    r = Result("I6", T("快照", "snapshots"), hint=_restore())
    for s in SnapshotRecord.objects.all():
        folder = queries.snapshot_folder(s.pk)
        r.count += 1
        if not folder.is_dir():
            r.faults.append(f"{s.pk}: folder missing")
            continue
        _, problems = engine.verify_snapshot(folder, deep=look.deep)
        r.faults += [str(p) for p in problems]
        if not problems and engine.open_snapshot(folder).manifest_hash != s.manifest_hash:
            r.faults.append(f"{s.pk}: the record names another manifest")
    for name in engine.leftovers(Path(settings.HOME)):
        r.faults.append(f"snapshots/{name}: unfinished for more than an hour")
    return r


def figures(look: Look) -> Result:
    """I7: printed figures recompute from their snapshot to the last digit: all of them deep, else a sample of 200."""
    r = Result("I7", T("印出的数字", "printed figures"), hint=T("打开那份文稿看是哪一个；快照损坏的从备份恢复", "open that document to see which; restore a damaged snapshot from a backup"))
    ids = list(FigureRecord.objects.values_list("pk", flat=True))
    if not look.deep and len(ids) > SAMPLE:
        ids = random.SystemRandom().sample(ids, SAMPLE)  # another sample each time: in the end every figure is looked at
    book, calculator = queries.book(), engine.connect()
    for row in FigureRecord.objects.filter(pk__in=ids).select_related("snapshot"):
        r.count += 1
        try:
            proof = prove(book, calculator, engine.open_snapshot(queries.snapshot_folder(row.snapshot_id)), Figure.from_json(row.recipe))
            if not proof.ok:
                r.faults.append(f"{row.place} {row.key} {row.printed}: {'；'.join(proof.faults[:2])}")
        except (Refused, KeyError, ValueError, TypeError) as error:
            r.faults.append(f"{row.place} {row.key} {row.printed}: {error}")
    return r


def jobs(look: Look) -> Result:
    """I8: nothing runs without a live lease; what is done has its result."""
    r = Result("I8", T("长任务", "long tasks"), hint=T("serve 运行时会自己接着办", "serve takes them up again by itself"))
    late = timezone.now() - LEASE_GRACE
    for job in Job.objects.all():
        r.count += 1
        if job.state == "running" and (job.lease_until is None or job.lease_until < late):
            r.faults.append(f"job {job.pk} {job.kind}: running without a live lease")
        if job.state == "done" and job.result is None:
            r.faults.append(f"job {job.pk} {job.kind}: done without a result")
        if job.state == "failed" and not job.error:
            r.faults.append(f"job {job.pk} {job.kind}: failed without a reason")
    return r


def room(look: Look) -> Result:
    """I9: there is room, and the reserve is there."""
    r = Result("I9", T("空间", "room"), count=3, hint=T("腾出空间；serve 会补上备用文件", "make room; serve makes the reserve again"))
    home = Path(settings.HOME)
    if workspace.free_space(home) < workspace.floor():
        r.faults.append(str(T("磁盘剩余低于下限", "free space is below the floor")))
    inodes = workspace.free_inodes(home)
    if inodes is not None and inodes < 100:
        r.faults.append(str(T("能建的文件不到 100 个", "fewer than 100 files can be made")))
    reserve = home / workspace.RESERVE
    if not reserve.exists() or reserve.stat().st_size < workspace.RESERVE_SIZE:
        r.faults.append(str(T("没有备用空间文件", "no reserve file")))
    return r


def rulebooks(look: Look) -> Result:
    """I10: revisions, findings, documents and figures name the rules they were made by."""
    r = Result("I10", T("规则指纹", "rulebook hashes"))
    for model in (Revision, ReturnFinding, DocumentVersion):
        r.count += model.objects.count()
        if n := model.objects.exclude(rulebook__regex=HASH).count():
            r.faults.append(f"{n} {model.__name__} without a rulebook hash")
    for pk, rulebook in FigureRecord.objects.values_list("pk", "recipe__rulebook"):
        r.count += 1
        if not isinstance(rulebook, str) or len(rulebook) != 64:
            r.faults.append(f"figure {pk} without a rulebook hash")
    return r


INVARIANTS: list[Callable[[Look], Result]] = [database, returns, moved, chain, received, snapshots, figures, jobs, room, rulebooks]


def run(*, deep: bool = False, anchors: list[dict[str, Any]] | None = None) -> list[Result]:
    """All invariants, in order. A check that itself breaks is a failure, never a pass."""
    look, results = Look(deep, list(anchors or [])), []
    for n, check in enumerate(INVARIANTS, 1):
        try:
            results.append(check(look))
        except Exception as error:
            results.append(Result(f"I{n}", T(check.__name__, check.__name__), 0, [f"{type(error).__name__}: {error}"], _restore()))
    return results
