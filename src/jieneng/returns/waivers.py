"""Waivers (豁免): a check that need not hold for one institution until a day, allowed by an office above it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.utils import timezone

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.scope import require
from jieneng.records.events import action, record
from jieneng.registry.models import Institution
from jieneng.registry.queries import standing_for
from jieneng.rulebook.types import Check, Form

from .models import Waiver
from .parts import part_forms
from .queries import book

LONGEST = 366
"""Days that a waiver lasts at most: a check that never fits is a matter of the rulebook."""


def _line(institution: Institution) -> str:
    """Whose a waiver is to give: it holds from today on, so the office of today's line."""
    found = standing_for(institution)
    return found.office.path if found else "?"


def checks_with_parts(form: Form) -> list[Check]:
    """The checks of a form and those of the forms that are parts of it, which one may let go."""
    found = [*form.checks, *(c for f in part_forms(book(), form.code, form.years_from) for c in (*f.checks, *f.across))]
    return [c for c in found if not c.process]


def grant(person: User, institution: Institution, form: Form, rule: str, *, until: dt.date | None, reason: str) -> Waiver:
    """Let a check go for an institution until a day. Needs ``accept`` over it; the reason goes with every return filed under it."""
    line, today = _line(institution), timezone.localdate()
    require(person, "accept", line, institution.key)
    wrong: list[Problem] = []
    if rule not in {c.id for c in checks_with_parts(form)}:
        wrong.append(Problem("waiver.rule", T("没有规则“{r}”", "there is no rule “{r}”", r=rule[:20]), where=Place(field="rule")))
    if not reason.strip():
        wrong.append(Problem("waiver.reason", T("没有写豁免的原因", "no reason given"), do=T("写明核对了什么、依据是什么", "say what was checked and on what ground"), where=Place(field="reason")))
    if until is None or not today <= until <= today + dt.timedelta(days=LONGEST):
        wrong.append(Problem("waiver.until", T("没有写截止日，或不在一年之内", "no last day, or none within a year"), T("今天起一年之内的日子", "a day within a year from today"), where=Place(field="until")))
    if wrong:
        raise Refused(*wrong)
    with action():
        made = Waiver.objects.create(institution=institution, form=form.code, rule=rule, reason=reason.strip()[:300], until=until, by=person)
        record(person, "waiver.grant", "institution", institution.pk, line=line, data={
            "waiver": made.pk, "form": form.code, "rule": rule, "until": str(until), "reason": made.reason})
    return made


def revoke(person: User, row: Waiver, reason: str) -> None:
    """End a waiver before its day. What was filed under it stays as it was filed."""
    line = _line(row.institution)
    require(person, "accept", line, row.institution.key)
    if not reason.strip():
        raise refuse("waiver.reason", T("没有写收回的原因", "no reason given"), where=Place(field="reason"))
    with action():
        if Waiver.objects.filter(pk=row.pk, revoked="").update(revoked=reason.strip()[:300]) != 1:
            raise refuse("waiver.gone", T("已经收回过", "it was revoked already"))
        record(person, "waiver.revoke", "institution", row.institution_id, line=line, data={"waiver": row.pk, "rule": row.rule, "reason": reason.strip()[:300]})


def waivers_of(institution: Institution, form: str) -> dict[str, Waiver]:
    """Rule → the waiver that holds today."""
    rows = Waiver.objects.filter(institution=institution, form=form, revoked="", until__gte=timezone.localdate()).select_related("by").order_by("id")
    return {w.rule: w for w in rows}


def waivers_by_body(bodies: Iterable[int], form: str) -> dict[int, dict[str, Waiver]]:
    """Institution → rule → the waiver that holds today, for the bodies that have one."""
    found: dict[int, dict[str, Waiver]] = {}
    wanted = set(bodies)
    for w in Waiver.objects.filter(form=form, revoked="", until__gte=timezone.localdate()).select_related("by").order_by("id"):
        if w.institution_id in wanted:
            found.setdefault(w.institution_id, {})[w.rule] = w
    return found


def waived() -> set[tuple[int, str]]:
    """(institution, rule) of every waiver that holds today: few, so all at once."""
    return set(Waiver.objects.filter(revoked="", until__gte=timezone.localdate()).values_list("institution_id", "rule"))


def says(row: Waiver) -> T:
    """Who allowed it, until when, why."""
    return T("{who} 豁免，至 {d}：{r}", "waived by {who} until {d}: {r}", who=row.by.shown, d=row.until.isoformat(), r=row.reason)
