"""The verbs that change the plan of a round. Each checks the right, says what was wrong in words, and leaves its event."""

from __future__ import annotations

import datetime as dt
from typing import Any

from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records.events import action, record
from jieneng.registry.models import Institution
from jieneng.registry.queries import standing_of

from ..models import Extension, Round, RoundOffice, RoundStep

VERSIONS = ("", "city", "province", "nation")


def _said(round_: Round, **data: Any) -> dict[str, Any]:
    """What each event of a plan says of its round."""
    return {"year": round_.year, "form": f"{round_.form}@{round_.edition}", **data}


def set_office(person: User, round_: Round, office: Office, *, mode: str, deadline: dt.date | None) -> None:
    """Say what an office does differently; blank mode and no deadline: as the office above. The office of the round itself sets the default."""
    require(person, "sign", office.path)
    if mode not in ("", "A", "B", "C"):
        raise refuse("round.mode", T("没有方式“{m}”", "there is no mode “{m}”", m=mode), expected=T("A、B、C，或空白（沿用上级）", "A, B, C, or blank (as the office above)"), where=Place(field="mode"))
    if not office.path.startswith(round_.office.path):
        raise refuse("round.office", T("{o} 不在这次统计任务里", "{o} is not part of this round", o=office.name))
    with action():
        if office.pk == round_.office_id:
            before = {"mode": round_.mode, "deadline": str(round_.deadline or "")}
            round_.mode, round_.deadline = mode or "A", deadline or round_.deadline
            round_.save(update_fields=["mode", "deadline"])
        else:
            old = RoundOffice.objects.filter(round=round_, office=office).first()
            before = {"mode": old.mode if old else "", "deadline": str((old.deadline if old else None) or "")}
            if mode or deadline:
                RoundOffice.objects.update_or_create(round=round_, office=office, defaults={"mode": mode, "deadline": deadline})
            elif old:
                old.delete()
        record(person, "round.office", "round", round_.pk, line=office.path, data=_said(round_, office=office.code, before=before, after={"mode": mode, "deadline": str(deadline or "")}))


def set_step(person: User, round_: Round, code: str, name: T, since: dt.date, until: dt.date) -> RoundStep:
    """Add a step to the calendar or move one."""
    require(person, "sign", round_.office.path)
    if until < since:
        raise refuse("round.step", T("止日 {u} 早于起日 {s}", "the end {u} is before the start {s}", u=until.isoformat(), s=since.isoformat()),
                     do=T("改成不早于起日的日子", "name a day no earlier than the start"), where=Place(field="until"))
    with action():
        step, _ = RoundStep.objects.update_or_create(round=round_, code=code, defaults={"name": name.as_json(), "since": since, "until": until})
        record(person, "round.step", "round", round_.pk, line=round_.office.path, data=_said(round_, step=name.as_json(), since=since.isoformat(), until=until.isoformat()))
    return step


def remove_step(person: User, round_: Round, code: str) -> None:
    """Take a step out of the calendar. The one in which units file stays: deadlines hang on it."""
    require(person, "sign", round_.office.path)
    step = RoundStep.objects.filter(round=round_, code=code).first()
    if step is None or code == "units":
        raise refuse("round.step", T("这一步不能删", "this step cannot be removed"))
    with action():
        step.delete()
        record(person, "round.step", "round", round_.pk, line=round_.office.path, data=_said(round_, step=step.name, removed=True))


def extend(person: User, round_: Round, institution: Institution, until: dt.date | None, reason: str) -> Extension:
    """Let one institution file later (单独延期), with the reason; ``until`` None takes it back. Decided by the top office."""
    require(person, "sign", round_.office.path)
    standing = standing_of(institution, dt.date(round_.year, 12, 31))
    line = standing.office.path if standing else ""
    if not round_.returns.filter(institution=institution).exists():
        raise refuse("round.extend", T("“{n}”不在这次统计任务里", "“{n}” is not part of this round", n=standing.name if standing else institution.key))
    if not reason.strip():
        raise refuse("round.extend", T("没有写延期的原因", "no reason given"), do=T("写明原因和依据", "say why and on what ground"), where=Place(field="reason"))
    if until is not None and round_.deadline and until <= round_.deadline:
        raise refuse("round.extend", T("{d} 不晚于截止日 {e}", "{d} is not after the deadline {e}", d=until.isoformat(), e=round_.deadline.isoformat()),
                     do=T("写一个更晚的日子", "name a later day"), where=Place(field="until"))
    with action():
        row = Extension.objects.create(round=round_, institution=institution, until=until, reason=reason.strip()[:300], by=person)
        record(person, "round.extend", "extension", row.pk, line=line, data={
            "year": round_.year, "institution": institution.pk, "until": until.isoformat() if until else "", "reason": reason.strip()})
    return row


def set_strict(person: User, round_: Round, strict: bool) -> None:
    """Whether totals must come up office by office before the city signs."""
    require(person, "sign", round_.office.path)
    with action():
        round_.strict = strict
        round_.save(update_fields=["strict"])
        record(person, "round.strict", "round", round_.pk, line=round_.office.path, data=_said(round_, strict=strict))


def set_signatures(person: User, round_: Round, signatures: bool) -> None:
    """Whether units that file here (mode C) sign in turn before a return is filed: 填表人, 统计负责人, 单位负责人."""
    require(person, "sign", round_.office.path)
    with action():
        round_.signatures = signatures
        round_.save(update_fields=["signatures"])
        record(person, "round.signatures", "round", round_.pk, line=round_.office.path, data=_said(round_, signatures=signatures))


def show(person: User, round_: Round, version: str) -> None:
    """Choose the version whose newest snapshot the figures of the year show; blank: the newest of all."""
    require(person, "sign", round_.office.path)
    if version not in VERSIONS:
        raise refuse("round.show", T("没有版本“{v}”", "there is no version “{v}”", v=version), expected=T("市报送版、省审定版、国家核定版", "city, province, nation"))
    with action():
        round_.shown = version
        round_.save(update_fields=["shown"])
        record(person, "round.show", "round", round_.pk, line=round_.office.path, data=_said(round_, version=version))
