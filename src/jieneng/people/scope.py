"""Scope first: every query starts from the person."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T

from .roles import APART, ROLES, VERBS

if TYPE_CHECKING:
    from .models import Delegation, User


@dataclass(frozen=True)
class Scope:
    """What a person reaches with one verb: reporting lines (path prefixes) and single institutions (keys)."""

    lines: tuple[str, ...] = ()
    institutions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines or self.institutions)

    def covers_line(self, path: str) -> bool:
        """Whether the office path lies inside."""
        return any(path.startswith(line) for line in self.lines)

    def covers(self, path: str, key: str = "") -> bool:
        """Whether an institution with this reporting line and key lies inside."""
        return self.covers_line(path) or (bool(key) and key in self.institutions)

    def q(self, line: str, key: str) -> Q:
        """A condition for a query: ``line`` and ``key`` name the fields that hold the path and the key."""
        condition = Q(pk__in=[])
        for prefix in self.lines:
            condition |= Q(**{f"{line}__startswith": prefix})
        if self.institutions:
            condition |= Q(**{f"{key}__in": self.institutions})
        return condition


def held(user: User, on: dt.date | None = None) -> list:
    """The appointments a person holds on a day (today by default); of one who acts for another, what was delegated and no more.

    For the person of one request (``held_once``) they are asked for once, not by each verb a page looks at; inside a transaction, where
    something is decided, they are asked for anew.
    """
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return []
    on = on or timezone.localdate()
    if (acting := getattr(user, "acting", None)) is not None:
        return delegated(acting, on)
    once = getattr(user, "held_once", None)
    if once is None or transaction.get_connection().in_atomic_block:
        return _held(user, on)
    if on not in once:
        once[on] = _held(user, on)
    return list(once[on])


def _held(user: User, on: dt.date) -> list:
    rows = user.appointments.select_related("office").filter(since__lte=on)
    return [a for a in rows.filter(Q(until__isnull=True) | Q(until__gte=on)) if a.role in ROLES]


def delegated(delegation: Delegation, on: dt.date | None = None) -> list:
    """What a delegation gives on a day: its role over its scope, as long as the giver holds that himself; else nothing."""
    from .models import Appointment

    on = on or timezone.localdate()
    if delegation.ended_at is not None or not delegation.since <= on <= delegation.until or delegation.role in APART:
        return []
    giver = delegation.giver
    giver.acting = None  # what was delegated to the giver cannot be handed on
    line = delegation.office.path if delegation.office else ""
    for a in held(giver, on):
        inside = a.office is not None and line.startswith(a.office.path) if line else a.institution_key == delegation.institution_key
        if a.role == delegation.role and inside:
            return [Appointment(user=delegation.to, role=a.role, office=delegation.office, institution_key=delegation.institution_key,
                                since=delegation.since, until=delegation.until)]
    return []


def scope(user: User, verb: str = "see") -> Scope:
    """The scope in which ``user`` may do ``verb`` today. Empty when nowhere."""
    if verb not in VERBS:
        raise KeyError(verb)
    lines: list[str] = []
    keys: list[str] = []
    for a in held(user):
        if verb not in ROLES[a.role].verbs:
            continue
        if a.office is not None:
            lines.append(a.office.path)
        else:
            keys.append(a.institution_key)
    return Scope(tuple(sorted(set(lines))), tuple(sorted(set(keys))))


def require(user: User, verb: str, path: str | None = None, key: str = "") -> Scope:
    """Check a right before an action. Raises ``Refused`` in words when ``verb`` is not the person's (there).

    ``path`` None asks only whether the verb is held at all.
    """
    mine = scope(user, verb)
    if (path is None and mine) or (path is not None and mine.covers(path, key)):
        return mine
    raise forbidden(user, verb)


def forbidden(user: User, verb: str) -> Refused:
    """The words in which a missing right is told."""
    return refuse(
        "people.forbidden",
        T("账号“{name}”在这里不能办理：{verb}", "account “{name}” may not do this here: {verb}",
          name=getattr(user, "name", "") or "—", verb=str(VERBS[verb])),
        do=T("请本级机关事务部门的安全管理员授权，或换有权限的账号", "ask the security administrator of your office for the right, or use another account"),
    )
