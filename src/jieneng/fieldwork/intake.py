"""Bring a file in by its layout: kept as received, read in a limited child process, applied whole or not at all."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, refuse
from jieneng.core.words import T
from jieneng.exchange import actions as exchange
from jieneng.exchange import register_lines
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records import files
from jieneng.records.events import action
from jieneng.records.models import ReceivedFile
from jieneng.registry import actions as register
from jieneng.returns import actions as returns
from jieneng.returns.intake import IntakeResult, Layout, parse_layout, read_file, unpack
from jieneng.returns.models import Import
from jieneng.returns.queries import book as the_book

from . import actions as ledgers

Progress = Callable[[int, int, T | None], None]
RIGHTS = {"answers": "import", "register": "edit_register", "ledger": "ledger"}
TAKEN: dict[str, T] = {
    "ours": T("本库的报表", "our own returns"),
    "both": T("国家平台的数，本库跟着更新", "what the platform holds, and ours follow"),
    "platform": T("国家平台的数，只用来对照", "what the platform holds, to compare only"),
    "province": T("省审定数", "the province's reviewed figures"), "nation": T("国家核定数", "the nation's approved figures"),
}
"""What a table of answers is taken as. ``both``: kept as the platform's word, and our own values follow where nobody changed them."""


def needed_rights(layout: Layout) -> list[str]:
    """The rights that a layout's reading takes."""
    return [RIGHTS["ledger" if r.startswith("ledger") else r] for r in layout.reads]


def _entries(result: IntakeResult) -> list[register.Entry]:
    """The lines of a register as the register's verbs take them."""
    found = []
    for b in result.bodies:
        contact = b.extra.get("contact") if b.extra else None
        found.append(register.Entry(
            key=b.identifier, scheme=b.scheme, name=b.name, since=b.since or dt.date(2000, 1, 1), area=b.area,
            department=b.department, territory=b.territory, type=b.type,
            in_scope=True if b.in_scope is None else b.in_scope, covered_by=b.covered_by or "",
            sensitive=_yes(b.extra.get("sensitive", "")) if b.extra else False,
            reason=(b.extra or {}).get("reason", ""), document=(b.extra or {}).get("document", ""),
            aliases=tuple(sorted(b.aliases.items())),
            contact=(contact, (b.extra or {}).get("contact_office", ""), (b.extra or {}).get("contact_phone", ""))
            if contact else None,
            place=Place(file=b.file, sheet=b.sheet, cell=b.cell)))
    return found


def _yes(text: str) -> bool:
    return text.strip().lower() in ("是", "yes", "true", "1", "y")


def _check_book(layout: Layout) -> None:
    book = the_book()
    if layout.book != book.code:
        raise refuse(
            "layout.book", T("表样“{code}”是给规则库 {theirs} 写的", "layout “{code}” was written for book {theirs}",
                             code=layout.code, theirs=layout.book),
            expected=T("本工作区的规则库 {ours}", "this workspace's book {ours}", ours=book.code))


def bring_in(person: User, received: ReceivedFile, layout_text: str, *, office: Office, accept: bool = False,
             layout_name: str = "", open_rounds: bool = False, take: str = "", progress: Progress | None = None) -> Import:
    """Read one received file by a layout and apply it on behalf of ``office``.

    ``take``: what answers are taken as, one of ``TAKEN``; "" = what the layout says (its ``holder``), else our own returns. A register
    (and nothing else) taken as "platform" is only looked at: which register changes were keyed in there.
    Everything the file brings (register, answers or ledger lines) goes in inside one transaction; rows that cannot be
    read or do not belong are listed with sheet and cell. Raises ``Refused`` when the file as a whole cannot be read.
    """
    layout = parse_layout(layout_text, layout_name or "layout.yaml")
    _check_book(layout)
    for right in needed_rights(layout):
        require(person, right, office.path)
    book = the_book()

    def reading(done: int, total: int) -> None:
        if progress:
            progress(done, total, T("正在读取", "reading"))

    result = read_file(files.path_of(received.sha256), layout, book, name=received.name, progress=reading)

    def writing(done: int, total: int) -> None:
        if progress:
            progress(done, total, T("正在写入", "writing"))

    with action():
        batch = Import.objects.create(
            file=received, layout=layout.code, layout_hash=layout.hash, layout_text=layout_text,
            reads=" ".join(layout.reads), on_behalf=office, by=person)
        counts: dict[str, Any] = {"read": result.counts}
        problems: list[Problem] = list(result.problems)
        unread = len(problems)  # told by the event of the first part alone, so that events add up to the import's problems
        taken = take or layout.holder or "ours"
        only_looked_at = layout.reads == ("register",) and take == "platform"
        if "register" in layout.reads and not only_looked_at:
            done = register.import_register(person, _entries(result), office=office, types=book.types, batch=batch.pk,
                                            progress=writing, unread=unread)
            unread = 0
            counts["register"] = {"new": done.new, "changed": done.changed, "same": done.same,
                                  "refused": len(done.problems)}
            problems += done.problems
        if ticked := _ticked(person, layout, taken, result, batch, office, only_looked_at):
            counts["register_lines"] = ticked
        if "answers" in layout.reads:
            if open_rounds and not any(f.part_of for f in book.forms.values() if f.code == layout.form):
                _open_rounds(person, layout.form, result, office)
            for what, done_ in _answers(person, layout, taken, result, batch, office, accept, writing, unread):
                unread = 0
                counts[what] = done_.counts()
                problems += [p for p in done_.problems if p not in problems]
        if layout.ledger:
            lines = ledgers.import_ledger(person, book.ledgers[layout.ledger], result.ledger_rows, batch=batch,
                                          office=office, progress=writing, unread=unread)
            counts["ledger"] = lines.counts()
            problems += lines.problems
        batch.counts, batch.problems = counts, [p.as_json() for p in problems]
        batch.save(update_fields=["counts", "problems"])
    return batch


def _ticked(person: User, layout: Layout, taken: str, result: IntakeResult, batch: Import, office: Office, only_looked_at: bool) -> dict[str, int]:
    """Register changes that were handed out, ticked by what the file says of the bodies: a register, or the platform's figures.

    A register taken as the platform's own is only looked at: our register is not written, and a body it lacks has no account there.
    """
    if "register" in layout.reads:
        return register_lines.tick(person, register_lines.of_bodies(result.bodies), batch, office, whole=only_looked_at, always=only_looked_at)
    if "answers" in layout.reads and taken in ("platform", "both"):
        return register_lines.tick(person, register_lines.of_answers(result.drafts), batch, office, only_done=True)
    return {}


def _answers(person: User, layout: Layout, take: str, result: IntakeResult, batch: Import, office: Office, accept: bool,
             progress: Callable[[int, int], None], unread: int) -> list[tuple[str, Any]]:
    """Answers to where they belong: what a holder says, our own returns, or both. Ours are read before the holder's rows move."""
    if take not in ("ours", "") and any(f.part_of for f in the_book().forms.values() if f.code == layout.form):
        raise refuse("import.take", T("机房、热源的表只收为本处的数", "a table of machine rooms or heating sources is taken as our own"), do=T("take 选 ours", "choose take: ours"))
    if take not in TAKEN:
        raise refuse("import.take", T("不认识“{t}”", "unknown “{t}”", t=take), T("{a}", "{a}", a="、".join(TAKEN)))
    holder = {"both": "platform", "ours": ""}.get(take, take)
    done: list[tuple[str, Any]] = []
    drafts = [d for d in result.drafts if any(v is not None for v in d.answers.values())]
    if take == "both":
        drafts = exchange.followed(layout.form, holder, drafts)
    if holder:
        done.append(("platform", exchange.take_platform(person, form=layout.form, holder=holder, drafts=result.drafts, batch=batch, office=office,
                                                        progress=progress, unread=unread)))
        unread = 0
    if take in ("ours", "both"):
        done.append(("answers", returns.import_answers(person, the_book(), form=layout.form, drafts=drafts, batch=batch, office=office,
                                                       accept=accept, progress=progress, unread=unread)))
    return done


def _open_rounds(person: User, form: str, result: IntakeResult, office: Office) -> None:
    """Open the rounds of the years a file speaks of, in the rhythm its periods have."""
    periods: dict[int, Period] = {}
    for draft in result.drafts:
        periods.setdefault(draft.period.year, draft.period)
    for year, period in sorted(periods.items()):
        returns.open_round(person, the_book(), form=form, year=year, office=office,
                           rhythm="month" if period.kind == "month" else "year")


def receive_path(person: User, path: Path) -> ReceivedFile:
    """Keep a file from disk as received."""
    return files.receive(path, path.name, person)


def tables_of(person: User, received: ReceivedFile) -> list[ReceivedFile]:
    """The tables a received file brings: itself, or, for an archive of several, each of them, kept as received.

    Raises ``Refused`` for an archive beyond the limits or without a table. Content decides what is an archive, not its name.
    """
    found = unpack(files.path_of(received.sha256), name=received.name)
    if found is None:
        return [received]
    return [files.receive(io.BytesIO(data), name, person) for name, data in found]


def import_key(received: ReceivedFile, layout_text: str, office: Office, accept: bool, take: str = "") -> str:
    """The same file by the same layout asked for twice within a minute is one job (P2)."""
    import hashlib

    stamp = timezone.now().strftime("%Y%m%d%H%M")
    text = f"{received.sha256}|{hashlib.sha256(layout_text.encode()).hexdigest()}|{office.pk}|{accept}|{take}|{stamp}"
    return "import:" + hashlib.sha256(text.encode()).hexdigest()[:48]
