"""Register changes handed out, and whether they were done: lines kept by an export, ticked by the next import of the platform's register.

A line asks for one or more things (a new name, another line …). Each is compared with what the platform's register says of the body;
what its table does not say is left open. A body that the table lacks counts only where the table is the platform's whole register.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import Scope, require, scope
from jieneng.records.events import action, hold, record
from jieneng.records.workbook import Column, list_workbook
from jieneng.registry.models import Standing
from jieneng.registry.naming import plain
from jieneng.registry.queries import by_identifier
from jieneng.returns.models import Import

from . import books
from .models import LINE_STATES, RegisterLine

WHAT: dict[str, T] = {
    "new": T("新开账号", "open an account"), "closed": T("注销账号", "close the account"), "renamed": T("改名称", "rename"), "moved": T("改归口", "move to another line"),
    "type": T("改类型", "other type"), "territory": T("改所在地", "other place"), "covered": T("改为代报", "covered by another"), "uncovered": T("恢复自报", "reports itself again"),
}
"""What is to be done on the platform."""


@dataclass(frozen=True)
class RegisterChange:
    """One body that stands otherwise than before: what to do, from what to what, from which day, on what paper."""

    what: tuple[str, ...]
    before: Standing | None
    after: Standing
    into: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return said(self.what)


def said(what: Iterable[str]) -> str:
    """What is to be done, in words."""
    return "、".join(str(WHAT[w]) for w in what)


def what_of(before: Standing | None, now: Standing) -> tuple[str, ...]:
    was_in, is_in = bool(before and before.in_scope), now.in_scope
    if not was_in or before is None:
        return ("new",) if is_in else ()
    if not is_in:
        return ("closed",)
    said = [("renamed", before.name != now.name), ("moved", (before.office_id, before.department) != (now.office_id, now.department)), ("type", before.type != now.type),
            ("territory", before.territory != now.territory), ("covered", now.covered_by_id is not None and before.covered_by_id != now.covered_by_id),
            ("uncovered", before.covered_by_id is not None and now.covered_by_id is None)]
    return tuple(name for name, yes in said if yes)


LEFT = ("open", "not_done", "other")
"""States in which something is still to be done on the platform."""
ABSENT = T("表里没有这家", "not in the table")
STILL = T("还在用", "still in use")


@dataclass(frozen=True)
class Seen:
    """What the platform's register says of one body. Empty texts and None: its table does not say. ``covered_by``: the identifier as printed."""

    name: str = ""
    area: str = ""
    department: str = ""
    type: str = ""
    territory: str = ""
    in_scope: bool | None = None
    covered_by: int | None = None


# --- what an export keeps --------------------------------------------------------------------------------------------


def keep(person: User, found: Sequence[RegisterChange]) -> int:
    """Keep what is handed out, for the bodies whose register the person keeps. Returns how many lines are new.

    The same standing again is the same line. What an earlier line of the body still asks goes into the new one, from where that one began;
    a body that stands as the platform has it is asked nothing any more.
    """
    mine = scope(person, "edit_register")
    found = [x for x in found if any(mine.covers_line(s.office.path) for s in (x.before, x.after) if s is not None)]
    if not found:
        return 0
    hold()  # two exports at the same moment: the second finds the lines of the first
    rows = RegisterLine.objects.filter(institution__in={x.after.institution_id for x in found}).exclude(state="withdrawn")
    have: set[int] = set()
    left: dict[int, list[RegisterLine]] = {}
    for row in rows.select_related("before__office", "after__office"):
        have.add(row.after_id)
        if row.state in LEFT:
            left.setdefault(row.institution_id, []).append(row)
    made: list[RegisterLine] = []
    gone: list[int] = []
    for x in found:
        if x.after.pk in have:
            continue
        older = left.get(x.after.institution_id, [])
        before = older[0].before if older else x.before
        what = what_of(before, x.after) if older else x.what
        gone += [row.pk for row in older]
        if what:
            made.append(RegisterLine(institution_id=x.after.institution_id, what=list(what), before=before, after=x.after, into=list(x.into), by=person))
    RegisterLine.objects.filter(pk__in=gone).update(state="withdrawn", reason=str(T("并入后来的变更", "went into a later change")))
    RegisterLine.objects.bulk_create(made, batch_size=500)
    return len(made)


def withdraw(person: User, row: RegisterLine, reason: str) -> None:
    """Say that a change need not be done on the platform, with a reason."""
    require(person, "edit_register", row.after.office.path)
    if not reason.strip():
        raise refuse("exchange.reason", T("没有写理由", "no reason given"), do=T("写一句为什么不用办", "say in a line why it need not be done"), where=Place(field="reason"))
    with action():
        if RegisterLine.objects.filter(pk=row.pk).exclude(state="withdrawn").update(state="withdrawn", reason=reason.strip()[:300]):
            record(person, "register_line.withdraw", "register-line", row.pk, line=row.after.office.path, data={
                "institution": row.institution_id, "what": row.what, "reason": reason.strip()[:300]})


# --- what an import finds --------------------------------------------------------------------------------------------


def of_bodies(bodies: Iterable[Any]) -> dict[int, Seen]:
    """The bodies of a register that was read, by institution; those that nobody knows are left out."""
    known = by_identifier()
    return {pk: Seen(b.name, b.area, b.department, b.type, b.territory, b.in_scope, known.get((b.scheme, b.covered_by)) if b.covered_by else None)
            for b in bodies if (pk := known.get((b.scheme, b.identifier)))}


def of_answers(drafts: Iterable[Any]) -> dict[int, Seen]:
    """What an export of figures tells: that the body has an account, under which name."""
    known = by_identifier()
    return {pk: Seen(d.name) for d in drafts if (pk := known.get((d.scheme, d.identifier)))}


def tick(person: User, seen: Mapping[int, Seen], batch: Import, office: Office, *, whole: bool = False, only_done: bool = False, always: bool = False) -> dict[str, int]:
    """Look at every line of the office that is not done: done, in part, or not. Returns how many of each were found.

    ``whole``: the table is the whole register of the areas it names, so that a body it lacks has no account. ``only_done``: figures, from
    which a name that is still the old one proves nothing. ``always``: leave the event though no line was looked at.
    """
    areas = {s.area for s in seen.values() if s.area}
    counts: Counter[str] = Counter()
    looked: dict[str, list[int]] = {}
    with action():
        rows = RegisterLine.objects.filter(state__in=LEFT).select_for_update(of=("self",)).select_related("before__office", "after__office").order_by("pk")
        for row in rows:
            if not any(s.office.path.startswith(office.path) for s in (row.before, row.after) if s is not None):
                continue
            one = seen.get(row.institution_id)
            if one is None and not (whole and row.after.area in areas and (row.before is None or row.before.area in areas)):
                continue
            found = {w: verdict(w, row.after, one) for w in row.what}
            state = _state([done for done, _ in found.values()])
            if not state or (only_done and state != "done"):
                continue
            row.state, row.checked = state, batch
            row.found = {w: text for w, (done, text) in found.items() if done is not None}
            row.save(update_fields=["state", "checked", "found"])
            counts[state] += 1
            looked.setdefault(state, []).append(row.pk)
        if counts or always:
            record(person, "platform.register", "import", batch.pk, line=office.path, data={
                "import": batch.pk, "file": batch.file.sha256, "layout": batch.layout, "bodies": len(seen), "ticked": dict(counts), "lines": looked})
    return dict(counts)


def _state(done: Sequence[bool | None]) -> str:
    """A line's state from what it asks: None where the table does not say; empty where it says nothing of it at all."""
    if all(d is None for d in done):
        return ""
    if all(done):
        return "done"
    return "other" if any(done) else "not_done"


def verdict(what: str, after: Standing, seen: Seen | None) -> tuple[bool | None, str]:
    """Whether one thing was done, and what the table says. None: the table does not say."""
    if seen is None:
        return what == "closed", str(ABSENT)
    here = seen.in_scope is not False
    if what in ("new", "uncovered"):
        return here and (what == "new" or seen.covered_by is None), seen.name
    if what == "closed":
        return (not here, str(STILL) if here else seen.name) if seen.in_scope is not None else (None, "")
    if what == "covered":
        return (seen.covered_by == after.covered_by_id, seen.name) if seen.covered_by is not None else (None if here else True, seen.name)
    if what == "moved":
        said = [(x, y) for x, y in ((seen.area, after.area), (seen.department, after.department)) if x]
        return (all(plain(x) == plain(y) for x, y in said), " ".join(x for x, _ in said)) if said else (None, "")
    said_, wanted = {"renamed": (seen.name, after.name), "type": (seen.type, after.type), "territory": (seen.territory, after.territory)}[what]
    return (plain(said_) == plain(wanted), said_) if said_ else (None, "")


# --- what may be read ------------------------------------------------------------------------------------------------


def listed(mine: Scope, *, closed: Collection[int] = (), left: bool = False, state: str = "", area: str = "") -> list[RegisterLine]:
    """The lines of a scope, what is left first; the sensitive units of ``closed`` are left out."""
    rows = RegisterLine.objects.exclude(state="withdrawn").select_related("institution", "before__office", "after__office", "checked__file", "by")
    rows = rows.filter(state__in=LEFT) if left else rows.filter(state=state) if state else rows
    found = [r for r in rows if r.institution_id not in closed and (not area or r.after.area == area)
             and any(mine.covers(s.office.path, r.institution.key) for s in (r.before, r.after) if s is not None)]
    return sorted(found, key=lambda r: (r.state == "done", r.after.office.path, r.after.name, r.pk))


def _place(s: Standing | None, names: dict[str, str]) -> str:
    return f"{names.get(s.area, s.area)} {s.department}".strip() if s else ""


def shown(lines: Iterable[RegisterLine]) -> list[dict[str, Any]]:
    """Lines in words: what is to be done, from where to where, whether it was, and what the platform's register says instead."""
    names = books.areas()
    return [{"x": x, "words": said(x.what), "before": _place(x.before, names), "after": _place(x.after, names), "state": LINE_STATES[x.state],
             "found": "；".join(f"{WHAT[w]}：{text}" for w, text in x.found.items() if text) if x.state != "done" else ""} for x in lines]


def workbook(rows: Sequence[dict[str, Any]]) -> bytes:
    """Lines as shown, one a row."""
    data = [[n, r["words"], r["x"].institution.key, r["x"].before.name if r["x"].before else "", r["x"].after.name, r["before"], r["after"], r["x"].after.since.isoformat(),
             r["x"].after.document, timezone.localtime(r["x"].at).date().isoformat(), str(r["state"]), r["found"],
             timezone.localtime(r["x"].checked.at).date().isoformat() if r["x"].checked else ""] for n, r in enumerate(rows, 1)]
    columns = [Column(T("序", "no."), 5), Column(T("在平台上要办的", "to be done on the platform"), 16), Column(T("统一社会信用代码", "credit code"), 22), Column(T("原名称", "name before"), 26),
               Column(T("现名称", "name now"), 26), Column(T("原归口", "line before"), 16), Column(T("现归口", "line now"), 16), Column(T("从哪天起", "from"), 12), Column(T("依据", "paper"), 24),
               Column(T("交出", "handed out"), 12), Column(T("办了没有", "done or not"), 12), Column(T("平台名录上写的", "what its register says"), 32), Column(T("核对", "checked"), 12)]
    return list_workbook(T("平台名录变更办理情况", "Register changes on the platform"), columns, data)
