"""Delegation (委托): one person lets another act for him in one of his roles, over a scope, until a day.

Who acts for another chooses so at the top of the page, then sees and does what was delegated and nothing else; every event says
李四（代周敏）. The administrators' roles are not delegated, and what was delegated is not handed on.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Q
from django.utils import timezone

from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Delegation, Office, User
from jieneng.people.queries import CONSOLE
from jieneng.people.roles import APART, ROLES
from jieneng.people.scope import delegated, held
from jieneng.records.events import action, record

from .accounts import current, line_of, reach

LONGEST = dt.timedelta(days=366)


def nobody(username: str) -> Refused:
    """One answer for a name that is no account's and for one that cannot act for others."""
    return refuse("delegation.to", T("没有可以受托的账号“{u}”", "there is no account “{u}” that could act for you", u=username[:60] or "—"),
                  do=T("写一位在用的同事的用户名", "write the user name of a colleague whose account is active"))


def delegate(person: User, to: User, role: str, *, office: Office | None = None, institution_key: str = "", until: dt.date,
             since: dt.date | None = None, reason: str = "") -> Delegation:
    """Let ``to`` act for ``person`` in ``role`` over an office or institution inside what the person holds, to the end of a day.

    Raises ``Refused`` for a role or scope that is not one's own, an administrator's role on either side, a day that has passed or
    lies more than a year ahead, oneself, a stopped account, a missing reason.
    """
    today = timezone.localdate()
    since = since or today
    if person.acting is not None:
        raise refuse("delegation.on", T("代办的事不能再委托给别人", "what was delegated cannot be handed on"), do=T("请委托人自己委托", "ask the person who delegated it"))
    if role in APART or role not in ROLES:
        raise refuse("delegation.role", T("这个角色不能委托", "this role cannot be delegated"), do=T("三员的职责不能委托，请安全管理员另外任命", "appoint another administrator instead"))
    if to.pk == person.pk or not to.is_active or to.username == CONSOLE or hasattr(to, "api_client"):
        raise nobody(to.username)
    if any(a.role in ("system_admin", "security_admin") for a in current(to)):
        raise refuse("account.apart", T("系统管理员、安全管理员不办业务，不能受托", "system and security administrators do no business and cannot act for others"))
    if not since <= until <= since + LONGEST or until < today:
        raise refuse("delegation.until", T("到期日 {d} 不对", "the last day {d} is not right", d=until), T("从今天起一年以内", "from today, within a year"))
    if not reason.strip():
        raise refuse("delegation.reason", T("没有写原因", "no reason given"), do=T("写明为什么委托（出差、休假、抽调……）", "say why (travel, leave, secondment …)"))
    made = Delegation(giver=person, to=to, role=role, office=office, institution_key=institution_key, since=since, until=until, reason=reason.strip()[:200])
    with action():
        if not _inside(person, made):
            raise refuse("delegation.scope", T("您在这个范围里没有“{r}”的职责，不能委托", "you do not hold the role “{r}” there", r=str(ROLES[role].label)),
                         do=T("只能委托自己的职责、自己的范围", "only one's own role and scope can be delegated"))
        made.save()
        record(person, "account.delegate", "account", person.username, line=line_of(office, institution_key), data={
            "to": to.username, "role": role, "office": office.code if office else "", "institution": institution_key,
            "since": since.isoformat(), "until": until.isoformat(), "reason": made.reason})
    return made


def _inside(person: User, made: Delegation) -> bool:
    """Whether the giver holds the role over all of it today."""
    line = made.office.path if made.office else ""
    for a in held(person):
        if a.role != made.role:
            continue
        if (line and a.office is not None and line.startswith(a.office.path)) or (not line and made.institution_key and a.institution_key == made.institution_key):
            return True
    return False


def end(person: User | None, delegation: Delegation) -> None:
    """End a delegation at once: by who gave it, by who holds it, or by who keeps the giver's account."""
    if person is None or person.pk not in (delegation.giver_id, delegation.to_id):
        reach(person, delegation.giver)
    with action():
        if Delegation.objects.filter(pk=delegation.pk, ended_at__isnull=True).update(ended_at=timezone.now()):
            record(person, "account.delegate_end", "account", delegation.giver.username, data={
                "to": delegation.to.username, "role": delegation.role, "office": delegation.office.code if delegation.office else "",
                "institution": delegation.institution_key})


def open_(user: User) -> tuple[list[Delegation], list[Delegation]]:
    """Delegations not yet over: those the person gave, and those under which he may act today."""
    rows = Delegation.objects.select_related("giver", "to", "office").filter(Q(giver=user) | Q(to=user), ended_at__isnull=True, until__gte=timezone.localdate())
    given = [d for d in rows if d.giver_id == user.pk]
    return given, [d for d in rows if d.to_id == user.pk and delegated(d)]


def usable(user: User, pk: Any) -> Delegation | None:
    """The delegation under which the person now acts, if it is still in force."""
    if not isinstance(pk, int):
        return None
    found = Delegation.objects.select_related("giver", "to", "office").filter(pk=pk, to=user).first()
    return found if found is not None and delegated(found) else None
