"""Register changes out: what the clerk has to key in on the platform (accounts opened, renamed, moved, closed), since a day or the last export."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from django.db.models import Max
from django.utils import timezone

from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import Scope, require
from jieneng.records.events import action, record
from jieneng.records.models import Event
from jieneng.records.workbook import Column, list_workbook
from jieneng.registry.models import Alias, Institution, Link, Standing
from jieneng.registry.queries import closed_to, standings
from jieneng.returns.queries import book

from . import books, register_lines
from .models import PlatformRow
from .register_lines import RegisterChange, what_of


def last_export(person: User, office: Office | None = None) -> Event | None:
    """This person's last export of register changes (of one office, or of all)."""
    return Event.objects.filter(verb="export.register", actor=person, data__office=office.code if office else "").order_by("-seq").first()


def on_platform() -> dict[int, dt.date]:
    """Institutions that the platform is known to have, by what was imported from it or by the id it gave them → the day for which that is known."""
    days = dict.fromkeys(Alias.objects.filter(scheme="platform").values_list("institution_id", flat=True), dt.date.max)
    days.update((pk, dt.date(year, 12, 31)) for pk, year in PlatformRow.objects.filter(holder="platform").values_list("institution_id").annotate(y=Max("year")))
    return days


def changes(mine: Scope, *, since: dt.date | None = None, after: int = 0, closed: Collection[int] = ()) -> list[RegisterChange]:
    """What stands otherwise than before ``since``, or than when standing ``after`` was the last one entered.

    0, the first export: what the platform is known to have (``on_platform``) is where it begins, and only the rest needs an account.
    A body that came and went between is left out, as is one whose standing says the same again, and the sensitive units of ``closed``.
    """
    rows = Standing.objects.select_related("institution", "office", "covered_by").order_by("since", "pk")
    today = timezone.localdate()
    fresh = rows.filter(since__gte=since, since__lte=today) if since else rows.filter(pk__gt=after, since__lte=today)
    touched = {s.institution_id for s in fresh}
    earlier, latest = dict[int, Standing](), dict[int, Standing]()
    there = {} if since or after else on_platform()
    for s in rows.filter(institution__in=touched, since__lte=today):
        latest[s.institution_id] = s
        if (s.since < since) if since else (s.pk <= after or s.since <= there.get(s.institution_id, dt.date.min)):
            earlier[s.institution_id] = s
    into = _into(touched)
    found = []
    for pk, now in latest.items():
        before = earlier.get(pk)
        inside = [s for s in (before, now) if s is not None and mine.covers(s.office.path, s.institution.key)]
        what = what_of(before, now)
        if inside and what and pk not in closed:
            found.append(RegisterChange(what, before if before in inside else None, now, into.get(pk, ())))
    return sorted(found, key=lambda x: (x.after.since, x.after.office.path, x.after.name))


def _into(institutions: set[int]) -> dict[int, tuple[str, ...]]:
    """Into what a body went, by the links that hold: the names these have now."""
    links = list(Link.objects.filter(parent__in=institutions, change__undone_by=None).values_list("parent_id", "child_id"))
    names = {s.institution_id: s.name for s in Standing.objects.filter(institution__in={c for _, c in links}).order_by("since")}
    found: dict[int, tuple[str, ...]] = {}
    for parent, child in links:
        if child != parent:
            found[parent] = (*found.get(parent, ()), names.get(child, ""))
    return found


def workbook(found: Sequence[RegisterChange], note: str) -> bytes:
    """The list as it is worked through at the platform, with an empty column to tick."""
    b, areas = book(), books.areas()
    ids = [x.after.institution_id for x in found]
    platform = dict(Alias.objects.filter(institution__in=ids, scheme="platform").values_list("institution_id", "value"))
    covers = dict(Institution.objects.filter(pk__in=[x.after.covered_by_id for x in found if x.after.covered_by_id]).values_list("pk", "key"))

    def place(s: Standing | None) -> str:
        return f"{areas.get(s.area, s.area)} {s.department}".strip() if s else ""

    data = [[n, x.words, x.after.institution.key, platform.get(x.after.institution_id, ""), x.before.name if x.before else "", x.after.name, place(x.before), place(x.after),
             str(b.types[x.after.type].label) if x.after.type in b.types else x.after.type, covers.get(x.after.covered_by_id or 0, ""), "、".join(x.into),
             x.after.since.isoformat(), x.after.reason, x.after.document, ""] for n, x in enumerate(found, 1)]
    columns = [Column(T("序", "no."), 5), Column(T("在平台上要办的", "to be done on the platform"), 16), Column(T("统一社会信用代码", "credit code"), 22), Column(T("平台编号", "platform id"), 14),
               Column(T("原名称", "name before"), 26), Column(T("现名称", "name now"), 26), Column(T("原归口", "line before"), 16), Column(T("现归口", "line now"), 16),
               Column(T("单位性质", "type"), 12), Column(T("代报单位", "covered by"), 22), Column(T("去向", "went into"), 24), Column(T("从哪天起", "from"), 12),
               Column(T("原因", "reason"), 18), Column(T("依据", "paper"), 24), Column(T("已办", "done"), 7)]
    return list_workbook(T("平台账号和名录变更", "Accounts and register changes"), columns, data, notes=[note])


def said_since(since: dt.date | None, last: Event | None) -> T:
    """From when on the list speaks."""
    if since:
        return T("{d} 以来", "since {d}", d=since.isoformat())
    if last:
        return T("{d} 上次导出以来登记的", "entered since the export of {d}", d=dt.datetime.fromisoformat(last.at).astimezone(timezone.get_current_timezone()).date().isoformat())
    return T("第一次导出，平台已有的不用办", "first export: what the platform has already needs nothing")


def export(person: User, *, since: dt.date | None = None, office: Office | None = None) -> tuple[bytes, int]:
    """The workbook and how many lines it has; the next export without a day begins where this one ended.

    What a keeper of the register exports is kept as lines to be ticked (``register_lines``); one who only looks on takes a copy.
    """
    mine, last = require(person, "see"), last_export(person, office)
    if office is not None and mine.covers_line(office.path):
        mine = Scope(lines=(office.path,))
    found = changes(mine, since=since, after=_after(last), closed=closed_to(person))
    with action():
        kept = register_lines.keep(person, found)
        newest = Standing.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        record(person, "export.register", "register", "-", line=min(mine.lines, default=""), data={
            "office": office.code if office else "", "since": since.isoformat() if since else "", "after": _after(last), "standing": newest, "lines": len(found), "standings": [x.after.pk for x in found], "kept": kept})
    return workbook(found, str(said_since(since, last))), len(found)


def _after(last: Event | None) -> int:
    return int(last.data.get("standing", 0)) if last else 0


def listed(person: User, since: dt.date | None) -> tuple[list[RegisterChange], T]:
    """For the page: the lines and from when on they speak."""
    last = last_export(person)
    mine, closed = require(person, "see"), closed_to(person)
    found = changes(mine, since=since, after=_after(last), closed=closed)
    if since or last:
        return found, said_since(since, last)
    have, asked = on_platform(), {x.after.institution_id for x in found}
    n = sum(s.institution_id in have and s.institution_id not in asked and s.institution_id not in closed and mine.covers(s.office.path, s.institution.key)
            for s in standings(timezone.localdate()).filter(in_scope=True))
    return found, T("第一次导出：平台已有 {n} 家，不用办", "first export: {n} are on the platform already and need nothing", n=n)
