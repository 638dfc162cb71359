"""Returns follow the register: what a body that left the scope need not answer any more is exempt, what it answers again is due again.

Given to the register's verbs (``registry.given``), which run it in their own transaction: a closing and what follows from it are one.
A body answers for a period when it is in scope on the period's last day, as when a round is opened (``actions.open_round``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from jieneng.core.period import Period
from jieneng.people.models import User
from jieneng.records.models import Event
from jieneng.registry.given import gives
from jieneng.registry.models import Standing

from .actions import act
from .models import Return
from .ranges import unpacked

OPEN = ("expected", "draft", "returned")
"""States in which something is still asked of the body."""


@gives("follow")
def follow(person: User, institutions: Iterable[int], reason: str) -> dict[str, int]:
    """Exempt the open returns of periods at whose end a body is out of scope; take back such exemptions where it is in again.

    What a person exempted by hand stays exempt. Returns how many were exempted and how many are due again.
    """
    wanted = set(institutions)
    rows = list(Return.objects.filter(institution__in=wanted, state__in=(*OPEN, "exempt")).order_by("pk"))
    if not rows:
        return {"exempt": 0, "due": 0}
    standings: dict[int, list[Standing]] = {}
    for s in Standing.objects.filter(institution__in=wanted).order_by("since"):
        standings.setdefault(s.institution_id, []).append(s)
    now = {r.pk: _at(standings.get(r.institution_id, []), Period.parse(r.period).last_day) for r in rows}
    out = [r.pk for r in rows if r.state in OPEN and (s := now[r.pk]) is not None and not s.in_scope]
    by_register = exempted_by_register({r.pk for r in rows if r.state == "exempt"})
    back = [r.pk for r in rows if r.pk in by_register and (s := now[r.pk]) is not None and s.in_scope and s.covered_by_id is None]
    if out:
        act(person, "exempt", Return.objects.filter(pk__in=out), reason=reason, more={"register": True})
    if back:
        due_again(person, Return.objects.filter(pk__in=back), reason, more={"register": True})
    return {"exempt": len(out), "due": len(back)}


def due_again(person: User, returns: Any, reason: str, more: Mapping[str, Any] | None = None) -> int:
    """Take exemptions back: what never held anything is expected again, what had been sent back is with its unit again."""
    rows = returns.filter(state="exempt")
    never, sent = list(rows.filter(revision=0).values_list("pk", flat=True)), list(rows.filter(revision__gt=0).values_list("pk", flat=True))
    done = 0
    for verb, ids in (("include", never), ("reopen", sent)):
        if ids:
            done += act(person, verb, Return.objects.filter(pk__in=ids), reason=reason, more=more)
    return done


def _at(mine: list[Standing], day: dt.date) -> Standing | None:
    return next((s for s in reversed(mine) if s.since <= day), None)


def exempted_by_register(exempt: set[int]) -> set[int]:
    """Those of the exempt returns whose last exemption followed from the register."""
    found: dict[int, bool] = {}
    if exempt:
        for data in Event.objects.filter(verb="returns.exempt").order_by("seq").values_list("data", flat=True):
            for pk in exempt & unpacked(data.get("returns", "")):
                found[pk] = bool(data.get("register"))
    return {pk for pk, yes in found.items() if yes}
