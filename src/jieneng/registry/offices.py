"""The verbs of the tree of offices: add, rename, move, close, each dated, with its paper and an event.

An office keeps its code for ever. Renaming a department gives each institution under it a standing with the new name from that
day, so that last year's table keeps the old one. Moving stays inside one area: what reports to another area from a day on is a
change of the institutions' line, which their standings hold.
"""

from __future__ import annotations

import datetime as dt
import re

from django.db.models import Value
from django.db.models.functions import Concat, Substr
from django.utils import timezone

from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records.events import action, hold, record, together

from .models import Change, OfficeChange, Standing
from .planning import FIELDS
from .queries import standings

INSIDE: dict[str, tuple[str, ...]] = {
    "city": ("county", "zone", "direct"), "county": ("department", "township"), "zone": ("department", "township"), "direct": ("department",),
    "department": ("department",), "township": ("department",),
}
"""What kinds of office may stand under which. 县市区 and 市直 are made with the workspace; a department may have subordinate units."""
CODE = re.compile(r"[0-9A-Za-z-]{2,40}")


def _paper(reason: str, document: str) -> None:
    missing = [w for w, v in ((T("原因", "reason"), reason), (T("依据文号", "paper"), document)) if not v.strip()]
    if missing:
        raise refuse("office.paper", T("没有写{w}", "missing: {w}", w="、".join(map(str, missing))), do=T("写明原因和依据的文件、文号", "say why, and on what paper"))


def _day(since: dt.date) -> None:
    if since > timezone.localdate():
        raise refuse("office.future", T("日期 {d} 还没有到", "{d} has not come yet", d=since.isoformat()), do=T("到那天再登记", "enter it on that day"),
                     where=Place(field="since"))


def _tell(person: User, office: Office, kind: str, since: dt.date, before: str, after: str, reason: str, document: str) -> OfficeChange:
    return OfficeChange.objects.create(office=office, kind=kind, since=since, before=before[:160], after=after[:160], reason=reason.strip()[:200],
                                       document=document.strip()[:200], by=person)


def add(person: User, parent: Office, code: str, name: str, kind: str, since: dt.date, reason: str, document: str) -> Office:
    """A new office under another one of the person's scope."""
    require(person, "edit_register", parent.path)
    code, name = code.strip(), name.strip()
    _paper(reason, document)
    _day(since)
    if kind not in INSIDE.get(parent.kind, ()):
        raise refuse("office.kind", T("“{p}”下面不能设这一类机构", "this kind of office cannot stand under “{p}”", p=parent.name), where=Place(field="kind"))
    if not CODE.fullmatch(code):
        raise refuse("office.code", T("代码“{c}”要用 2–40 位数字、字母或连字符", "code “{c}” must be 2 to 40 digits, letters or hyphens", c=code), where=Place(field="code"))
    if not name or len(name) > 120:
        raise refuse("office.name", T("名称要写，不超过 120 个字", "a name is needed, of at most 120 characters"), where=Place(field="name"))
    with action():
        hold()
        if Office.objects.filter(code=code).exists():
            raise refuse("office.taken", T("代码 {c} 已经有了（撤销的也不再用）", "code {c} is taken (also when closed)", c=code), where=Place(field="code"))
        if Office.objects.filter(parent=parent, name=name, active=True).exists():
            raise refuse("office.twice", T("“{p}”下面已有“{n}”", "“{n}” stands under “{p}” already", p=parent.name, n=name), where=Place(field="name"))
        made = Office.objects.create(code=code, name=name, kind=kind, parent=parent, path=f"{parent.path}{code}/", area=parent.area)
        row = _tell(person, made, "add", since, "", parent.name, reason, document)
        record(person, "office.add", "office", code, line=made.path, data={
            "change": row.pk, "name": name, "kind": kind, "parent": parent.code, "since": since.isoformat(), "reason": reason, "document": document})
    return made


def rename(person: User, office: Office, name: str, since: dt.date, reason: str, document: str) -> Office:
    """Another name from a day on; the institutions of a department carry it from that day in their standing."""
    require(person, "edit_register", office.path)
    name = name.strip()
    _paper(reason, document)
    _day(since)
    if not name or (len(name) > 40 and office.kind == "department") or len(name) > 120:
        raise refuse("office.name", T("名称要写，主管部门不超过 40 个字", "a name is needed, of a department at most 40 characters"), where=Place(field="name"))
    with action():
        hold()
        before = Office.objects.select_for_update().get(pk=office.pk)
        if before.name == name:
            raise refuse("office.same", T("名称没有变", "the name is the same"), where=Place(field="name"))
        if Office.objects.filter(parent=before.parent, name=name, active=True).exclude(pk=before.pk).exists():
            raise refuse("office.twice", T("同一级已有“{n}”", "“{n}” is there already", n=name), where=Place(field="name"))
        Office.objects.filter(pk=before.pk).update(name=name)
        row = _tell(person, before, "rename", since, before.name, name, reason, document)
        made = _carry(person, before, name, since, reason, document) if before.kind == "department" else []
        record(person, "office.rename", "office", before.code, line=before.path, data={
            "change": row.pk, "before": before.name, "after": name, "since": since.isoformat(), "reason": reason, "document": document,
            "institutions": [s.institution_id for s in made], "standings": [s.pk for s in made], "content": together(s.fingerprint() for s in made),
            "register_change": made[0].change_id if made else None})
    return Office.objects.get(pk=office.pk)


def _carry(person: User, office: Office, name: str, since: dt.date, reason: str, document: str) -> list[Standing]:
    """The new name in the standing of every institution of a department, from the day on."""
    rows = list(standings(dt.date.max).filter(office=office).exclude(department=name))
    if late := [s.name for s in rows if s.since >= since]:
        raise refuse("office.backdated", T("有单位在 {d} 或以后已有登记：{n}", "some have a standing from {d} or later: {n}", d=since.isoformat(), n="、".join(late[:3])),
                     do=T("用更晚的日期", "use a later day"), where=Place(field="since"))
    if not rows:
        return []
    change = Change.objects.create(kind="office", since=since, reason=reason.strip()[:200], document=document.strip()[:200], line=office.path, by=person)
    return [Standing.objects.create(institution_id=s.institution_id, since=since, change=change, reason=change.reason, document=change.document,
                                    initials=s.initials, **{**{f: getattr(s, f) for f in FIELDS}, "department": name}) for s in rows]


def move(person: User, office: Office, parent: Office, since: dt.date, reason: str, document: str) -> Office:
    """Under another office of the same area, with everything below it."""
    require(person, "edit_register", office.path)
    require(person, "edit_register", parent.path)
    _paper(reason, document)
    _day(since)
    if parent.area != office.area:
        raise refuse("office.area", T("“{o}”和“{p}”不在同一个统计归口", "“{o}” and “{p}” are not in one area", o=office.name, p=parent.name),
                     do=T("在新地区另设机构，再把单位从某日起调整归口：去年的数留在原地区", "add an office there and change the line of its institutions from a day on: last year stays where it was"))
    if office.kind not in INSIDE.get(parent.kind, ()) or parent.path.startswith(office.path):
        raise refuse("office.kind", T("“{o}”不能放到“{p}”下面", "“{o}” cannot stand under “{p}”", o=office.name, p=parent.name))
    with action():
        hold()
        old = Office.objects.select_for_update(of=("self",)).select_related("parent").get(pk=office.pk)
        if old.parent_id == parent.pk:
            raise refuse("office.same", T("本来就在“{p}”下面", "it stands under “{p}” already", p=parent.name))
        path = f"{parent.path}{old.code}/"
        Office.objects.filter(pk=old.pk).update(parent=parent)
        Office.objects.filter(path__startswith=old.path).update(path=Concat(Value(path), Substr("path", len(old.path) + 1)))
        row = _tell(person, old, "move", since, old.parent.name if old.parent else "", parent.name, reason, document)
        record(person, "office.move", "office", old.code, line=path, data={
            "change": row.pk, "before": old.parent.code if old.parent else "", "after": parent.code, "since": since.isoformat(), "reason": reason, "document": document})
    return Office.objects.get(pk=office.pk)


def close(person: User, office: Office, since: dt.date, reason: str, document: str) -> Office:
    """Close an office that nobody reports to any more. It stays in the records."""
    require(person, "edit_register", office.path)
    _paper(reason, document)
    _day(since)
    if office.kind in ("city", "county", "zone", "direct"):
        raise refuse("office.kind", T("“{o}”是统计归口，不能在这里撤销", "“{o}” is an area of the statistics and cannot be closed here", o=office.name))
    with action():
        hold()
        here = standings(dt.date.max).filter(office__path__startswith=office.path, in_scope=True).count()
        below = Office.objects.filter(path__startswith=office.path, active=True).exclude(pk=office.pk).count()
        if here or below:
            raise refuse("office.used", T("下面还有 {n} 家单位、{m} 个机构", "{n} institutions and {m} offices are still under it", n=here, m=below),
                         do=T("先把单位调整归口，把下级机构移走或撤销", "first change the line of the institutions and move or close the offices"))
        Office.objects.filter(pk=office.pk).update(active=False)
        row = _tell(person, office, "close", since, office.name, "", reason, document)
        record(person, "office.close", "office", office.code, line=office.path, data={
            "change": row.pk, "since": since.isoformat(), "reason": reason, "document": document})
    return Office.objects.get(pk=office.pk)
