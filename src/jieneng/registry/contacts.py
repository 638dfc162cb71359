"""The verbs of the liaison list. Events name the institution and the part, never a name or a number (promise P14)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.scope import require, scope
from jieneng.records.events import action, record

from .models import Contact, Institution, Standing

ROLES: dict[str, T] = {"leader": T("分管领导", "leader in charge"), "statistics": T("统计负责人", "head of statistics"), "liaison": T("联络员", "liaison officer")}


@dataclass(frozen=True)
class Person:
    """What is entered of a person to call. ``office_name``: post and office; ``phone``: the office's own line where there is one."""

    role: str
    name: str
    office_name: str = ""
    phone: str = ""


def line_of(institution: Institution) -> Standing:
    """The newest standing of an institution. Raises ``Refused`` where there is none."""
    found = institution.standings.select_related("office").order_by("-since").first()
    if found is None:
        raise refuse("register.none", T("还没有登记", "not in the register"))
    return found


def _right(person: User, standing: Standing, key: str) -> None:
    if not any(scope(person, v).covers(standing.office.path, key) for v in ("edit_register", "file")):
        require(person, "edit_register", standing.office.path)


def set_contact(person: User, institution: Institution, given: Person, since: dt.date) -> Contact:
    """Who holds a part from a day on; whoever held it before has handed over on the day before."""
    standing = line_of(institution)
    _right(person, standing, institution.key)
    if given.role not in ROLES:
        raise refuse("contact.role", T("没有这个分工：{r}", "there is no such part: {r}", r=given.role), where=Place(field="role"))
    if not given.name.strip():
        raise refuse("contact.name", T("没有写姓名", "no name given"), where=Place(field="name"))
    digits = [c for c in given.phone if c.isdigit()]
    if given.phone.strip() and not (5 <= len(digits) <= 20 and all(c.isdigit() or c in " -()+转,，" for c in given.phone)):
        raise refuse("contact.phone", T("“{p}”不像电话", "“{p}” is no telephone number", p=given.phone), expected=T("0563-3021234 或 0563-3021234 转 8", "0563-3021234"),
                     where=Place(field="phone"))
    with action():
        before = Contact.objects.filter(institution=institution, role=given.role, until=None)
        if any(c.since > since for c in before):
            raise refuse("contact.backdated", T("日期早于现任的起始日", "the day is before the present one began"), do=T("用更晚的日期", "use a later day"),
                         where=Place(field="since"))
        handed = before.update(until=since - dt.timedelta(days=1))
        made = Contact.objects.create(institution=institution, role=given.role, name=given.name.strip()[:40], office_name=given.office_name.strip()[:60],
                                      phone=given.phone.strip()[:30], since=since)
        record(person, "contact.set", "institution", institution.pk, line=standing.office.path, data={
            "contact": made.pk, "role": given.role, "since": since.isoformat(), "handed_over": bool(handed)})
    return made


def told_export(person: User, path: str, count: int) -> None:
    """Leave a trace that names and numbers were taken out as a file."""
    require(person, "review", path)
    with action():
        record(person, "contact.export", "office", path.rstrip("/").rpartition("/")[2], line=path, data={"count": count})
