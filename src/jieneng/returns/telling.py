"""Messages inside the system that follow from what was done to returns: the other side hears of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.records.notify import notify

from .models import Return

KEEPERS = ("department", "county", "city")
"""Roles that keep the returns of an office and are told about them."""


def keepers_of(path: str) -> list[User]:
    """The people who keep the office of this path."""
    return _in_office(Q(appointments__office__path=path, appointments__role__in=KEEPERS))


def reporters_of(key: str) -> list[User]:
    """The people who report for an institution."""
    return _in_office(Q(appointments__institution_key=key, appointments__role="reporter"))


def _in_office(condition: Q) -> list[User]:
    today = timezone.localdate()
    now = Q(appointments__since__lte=today) & (Q(appointments__until=None) | Q(appointments__until__gte=today))
    return list(User.objects.filter(condition & now, is_active=True).distinct())


def say_returned(rows: Iterable[Return], lines: Mapping[int, str], reason: str) -> None:
    """Tell the office a return reports to (``lines``: return → path), and the unit's own reporters, that it came back. One message per office and unit."""
    units: dict[int, list[Return]] = {}
    for row in rows:
        units.setdefault(row.institution_id, []).append(row)
    offices: dict[str, list[Return]] = {}
    for returned in units.values():
        for row in returned:
            offices.setdefault(lines.get(row.pk, ""), []).append(row)
        key = returned[0].institution.key
        subject = T("{p}报表退回核实，共 {n} 份", "{n} returns came back to be checked: {p}", n=len(returned), p=str(Period.parse(returned[0].period).label))
        notify(reporters_of(key), f"returned:{returned[0].pk}:{returned[0].revision}:{timezone.now():%Y%m%d%H%M%S}", subject,
               T("{r}", "{r}", r=reason or "—"), reverse("return", args=[returned[0].pk]))
    for path, returned in offices.items():
        count = len({r.institution_id for r in returned})
        subject = T("退回 {n} 份报表（{u} 家）", "{n} returns of {u} institutions were sent back", n=len(returned), u=count)
        notify(keepers_of(path), f"returned:{path}:{returned[0].pk}:{timezone.now():%Y%m%d%H%M%S}", subject, T("{r}", "{r}", r=reason or "—"),
               reverse("chase", args=[returned[0].round_id]) + "?state=returned")
