"""The verbs of changes in batches: carry out a plan, take a change back, decide on pairs that look alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Max

from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.scope import require, scope
from jieneng.records.events import action, hold, record, together

from .actions import initials
from .given import given
from .models import Change, Institution, Link, Pair, Standing
from .planning import FIELDS, TOLD, Line, Plan, Step, plan


def apply(person: User, lines: Sequence[Line], *, types: Iterable[str] = (), places: Iterable[str] = (), good_only: bool = False) -> tuple[list[Change], Plan]:
    """Carry out a batch: all lines, or with ``good_only`` those that can be done. One event holds the whole batch.

    Raises ``Refused`` with every problem when not all can be done and ``good_only`` is not asked, or when nothing is left.
    """
    require(person, "edit_register")
    with action():
        hold()  # one batch at a time: what was planned is what is written
        made = plan(person, lines, types, places)
        if made.problems and (not good_only or not made.steps):
            raise Refused(*made.problems)
        if not made.steps:
            raise refuse("change.none", T("没有要办的变更", "there is nothing to change"))
        changes = [_write(person, step) for step in made.steps]
        _told(person, "register.batch", changes, refused=len(made.problems))
        for change in changes:
            _followed(person, change)
    return changes, made


def _write(person: User, step: Step) -> Change:
    """One step: its change, a standing for each body, and who came from whom."""
    change = Change.objects.create(kind=step.kind, since=step.since, reason=step.reason[:200], document=step.document[:200], line=step.line, by=person)
    ids: dict[str, int] = {}
    for effect in step.effects:
        institution, _ = Institution.objects.get_or_create(key=effect.key)
        ids[effect.key] = institution.pk
        _stand(change, institution.pk, dict(effect.after))
    for parent, child in step.links:
        for key in (parent, child):
            ids.setdefault(key, Institution.objects.get(key=key).pk)
        Link.objects.create(change=change, parent_id=ids[parent], child_id=ids[child])
    return change


def _stand(change: Change, institution: int, values: dict[str, Any]) -> Standing:
    """One standing of a change. What a column leaves open is empty, never unknown."""
    filled = {f: values.get(f) if f in ("covered_by_id", "office_id") else values.get(f) or "" for f in FIELDS if f not in ("in_scope", "sensitive")}
    return Standing.objects.create(
        institution_id=institution, since=change.since, change=change, reason=change.reason, document=change.document,
        initials=initials(str(filled["name"])), in_scope=bool(values.get("in_scope")), sensitive=bool(values.get("sensitive")), **filled)


def _told(person: User, verb: str, changes: Sequence[Change], **more: Any) -> None:
    """The event of a batch: which changes, which standings with their content, who came from whom."""
    standings = list(Standing.objects.filter(change__in=changes).order_by("pk"))
    data = {
        "changes": [{"id": c.pk, "kind": c.kind, "since": c.since.isoformat(), "reason": c.reason, "document": c.document, "undoes": c.undoes_id} for c in changes],
        "institutions": [s.institution_id for s in standings], "standings": [s.pk for s in standings],
        "content": together(s.fingerprint() for s in standings),
        "links": [list(x) for x in Link.objects.filter(change__in=changes).order_by("pk").values_list("parent_id", "child_id")], **more,
    }
    lines = {c.line for c in changes}
    shared = min(lines, key=len)
    while not all(x.startswith(shared) for x in lines):
        shared = shared[: shared.rstrip("/").rfind("/") + 1]
    if verb == "register.batch":
        record(person, "register.batch", "change", changes[0].pk, line=shared, data=data)
    else:
        record(person, "register.undo", "change", changes[0].pk, line=shared, data=data)


def _followed(person: User, change: Change) -> None:
    """What the bodies of a change need not answer any more, or answer again."""
    paper = f"（{change.document}）" if change.document else ""
    reason = f"{TOLD[change.kind].zh}，{change.since.isoformat()}起：{change.reason}{paper}"
    given("follow", person, list(change.standings.values_list("institution_id", flat=True)), reason[:300])


def undo(person: User, change: Change, since: dt.date, reason: str, document: str = "") -> Change:
    """Take a change back by a later-dated correction: from ``since`` each body stands as before; the days between keep what they had.

    A body that the change brought into the register leaves the scope. Refused once something later was entered for one of them.
    """
    require(person, "edit_register", change.line)
    if not reason.strip():
        raise refuse("change.paper", T("没有写原因", "no reason given"), do=T("写明为什么撤回", "say why it is taken back"))
    with action():
        hold()
        if Change.objects.filter(undoes=change).exists():
            raise refuse("change.undone", T("这项变更已经撤回", "this change was taken back already"))
        if change.kind in ("undo", "office"):
            raise refuse("change.no_undo", T("“{k}”不能撤回", "“{k}” cannot be taken back", k=str(TOLD[change.kind])), do=T("再登记一次变更", "enter another change"))
        written = list(change.standings.select_related("institution"))
        latest = dict(Standing.objects.filter(institution__in=[s.institution_id for s in written]).values_list("institution_id").annotate(last=Max("since")))
        if later := [s.name for s in written if latest[s.institution_id] > s.since]:
            raise refuse("change.later", T("之后又登记了变更：{n}", "something later was entered for: {n}", n="、".join(later[:3])),
                         do=T("先撤回后来的变更", "take the later change back first"))
        if since <= change.since:
            raise refuse("change.backdated", T("撤回日期 {d} 不晚于变更日期 {c}", "{d} is not later than the change of {c}", d=since.isoformat(), c=change.since.isoformat()),
                         do=T("用更晚的日期：中间的日子按当时的登记", "use a later day: the days between keep what was entered"))
        back = Change.objects.create(kind="undo", since=since, reason=reason.strip()[:200], document=document.strip()[:200], line=change.line, undoes=change, by=person)
        for s in written:
            before = Standing.objects.filter(institution=s.institution_id, since__lt=s.since).order_by("-since").first()
            source = before or s
            values = {f: getattr(source, f) for f in FIELDS} | ({} if before else {"in_scope": False, "covered_by_id": None, "covered_how": ""})
            _stand(back, s.institution_id, values)
        _told(person, "register.undo", [back], undoes=change.pk)
        _followed(person, back)
    return back


def decide(person: User, first: Institution, second: Institution, same: bool, reason: str) -> Pair:
    """Say that two entries are one body or two. Remembered; what is the same is then merged as a change, with its paper."""
    a, b = sorted((first, second), key=lambda i: i.pk)
    if a.pk == b.pk:
        raise refuse("pair.one", T("是同一条", "it is one and the same entry"))
    if not reason.strip():
        raise refuse("pair.reason", T("没有写理由", "no reason given"), do=T("写一句怎么判断的", "say in a line how you know"))
    lines = []
    for institution in (a, b):
        standing = institution.standings.select_related("office").order_by("-since").first()
        if standing is None or not scope(person, "edit_register").covers_line(standing.office.path):
            require(person, "edit_register", standing.office.path if standing else "-")
        assert standing is not None
        lines.append(standing.office.path)
    with action():
        row = Pair.objects.create(first=a, second=b, same=same, reason=reason.strip()[:200], by=person)
        record(person, "register.pair", "institution", a.pk, line=min(lines, key=len), data={
            "pair": row.pk, "second": b.pk, "same": same, "reason": row.reason})
    return row
