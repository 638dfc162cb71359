"""Hand-over (交接): what a person holds goes to a successor in one action; the work that is open is listed and printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import F
from django.utils import timezone

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import Delegation, Handover, User
from jieneng.people.roles import APART, ROLES
from jieneng.people.scope import Scope
from jieneng.records.events import action, record
from jieneng.records.models import Job
from jieneng.returns.models import ReturnFinding
from jieneng.returns.moves import STATES
from jieneng.returns.queries import returns_in

from . import accounts, delegations, signing

Work = Callable[[User, Scope, frozenset[str]], list[dict[str, Any]]]
"""What a room adds to the list: lines {"what": {zh, en}, "n": count, "more": text}, for a scope and the verbs held over it."""


def returns_open(user: User, mine: Scope, verbs: frozenset[str]) -> list[dict[str, Any]]:
    """Returns that wait for whoever holds these rights: to be filed, or to be reviewed; and findings not dealt with."""
    waiting = [s for s, verb in (("expected", "file"), ("draft", "file"), ("returned", "file"), ("filed", "review"), ("dept_ok", "review"),
                                 ("county_ok", "review")) if verb in verbs]
    rows = returns_in(mine)
    found = []
    for state in waiting:
        mine_now = rows.filter(state=state)
        if n := mine_now.count():
            years = sorted(set(mine_now.values_list("round__year", flat=True)))
            found.append({"what": T("报表：{s}", "returns: {s}", s=str(STATES[state])).as_json(), "n": n, "more": "、".join(map(str, years))})
    if "review" in verbs and (n := ReturnFinding.objects.filter(ret__in=rows, revision=F("ret__revision"), severity="must").count()):
        found.append({"what": T("审核问题：错误", "findings: errors").as_json(), "n": n, "more": ""})
    return found


def jobs_open(user: User, mine: Scope, verbs: frozenset[str]) -> list[dict[str, Any]]:
    """Long work the person started and that is not done."""
    n = Job.objects.filter(by=user, state__in=("ready", "running")).count()
    return [{"what": T("进行中的长任务", "long tasks under way").as_json(), "n": n, "more": ""}] if n else []


WORK: list[Work] = [returns_open, jobs_open]
"""Rooms add theirs with ``WORK.append`` when Django starts."""


def listing(user: User) -> dict[str, Any]:
    """Rights, delegations and open work of a person, as they stand: what the printed note lists."""
    rights: list[dict[str, Any]] = []
    lines: list[str] = []
    keys: list[str] = []
    verbs: set[str] = set()
    for a in accounts.current(user):
        if a.role in APART:
            continue
        rights.append({"role": ROLES[a.role].label.as_json(), "code": a.role, "office": a.office.code if a.office else "",
                       "where": a.office.name if a.office else a.institution_key, "since": a.since.isoformat()})
        verbs |= ROLES[a.role].verbs
        (lines if a.office else keys).append(a.office.path if a.office else a.institution_key)
    mine = Scope(tuple(sorted(set(lines))), tuple(sorted(set(keys))))
    given, taken = delegations.open_(user)
    said = [{"with": d.to.name if d.giver_id == user.pk else d.giver.name, "given": d.giver_id == user.pk, "role": ROLES[d.role].label.as_json(),
             "until": d.until.isoformat()} for d in (*given, *taken)]
    work = [line for add in WORK for line in add(user, mine, frozenset(verbs))] if mine else []
    return {"rights": rights, "delegations": said, "work": work}


def hand_over(person: User | None, leaver: User, successor: User, *, note: str = "", disable: bool = True) -> Handover:
    """All business roles of ``leaver`` go to ``successor``: taken here, given there, delegations and sessions ended, in one action.

    Raises ``Refused`` when nothing is held, for oneself, and whenever one of the steps is refused; then nothing has happened.
    """
    accounts.reach(person, leaver)
    if successor.pk == leaver.pk or not successor.is_active or hasattr(successor, "api_client"):
        raise refuse("handover.successor", T("接任人“{n}”不行", "the successor “{n}” will not do", n=successor.name), T("另一个在用的账号", "another active account"))
    with action():
        User.objects.select_for_update().filter(pk__in=sorted((leaver.pk, successor.pk))).count()
        what = listing(leaver)
        mine = [a for a in accounts.current(leaver) if a.role not in APART]
        if not mine:
            raise refuse("handover.nothing", T("“{n}”没有可交接的职责", "“{n}” holds nothing to hand over", n=leaver.name), do=T("直接停用账号", "just disable the account"))
        has = {(a.role, a.office_id, a.institution_key) for a in accounts.current(successor)}
        for a in mine:
            accounts.dismiss(person, a)
            if (a.role, a.office_id, a.institution_key) not in has:
                accounts.appoint(person, successor, a.role, office=a.office, institution_key=a.institution_key)
        for d in Delegation.objects.filter(giver=leaver, ended_at__isnull=True) | Delegation.objects.filter(to=leaver, ended_at__isnull=True):
            Delegation.objects.filter(pk=d.pk).update(ended_at=timezone.now())
        ended = signing.end_sessions(person, leaver)
        made = Handover.objects.create(leaver=leaver, successor=successor, by=person, note=note.strip()[:400], listing=what)
        record(person, "account.handover", "account", leaver.username, data={
            "to": successor.username, "handover": made.pk, "rights": len(mine), "sessions": ended, "note": made.note})
        if disable and not accounts.current(leaver):
            accounts.disable(person, leaver)
    return made
