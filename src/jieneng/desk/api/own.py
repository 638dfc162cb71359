"""A unit's own year, in rounds that are filed here (mode C): read the draft, save fields, file periods. By the verbs of the page a person fills in.

A field is named as on the page: ``2023-03.electricity_kwh``, ``all.area_m2`` for what holds all year, ``why.2023-03.R12`` for the reason of
a finding, ``unused.gas`` for what is not used. Texts are kept as typed, also where they are no number yet.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.filling import actions as filling
from jieneng.filling.queries import Year, year_of
from jieneng.people.access import found
from jieneng.people.scope import require
from jieneng.registry.models import Institution
from jieneng.returns import queries as returns
from jieneng.returns.models import Round
from jieneng.returns.moves import STATES

from . import door, shapes

router = Router()
KEY = {"in": "header", "name": "Idempotency-Key", "required": True, "schema": {"type": "string", "minLength": 8, "maxLength": 100, "pattern": "^[A-Za-z0-9_.:-]+$"}}


def _reached(request: HttpRequest, key: str, year: int, given: Any = None) -> Year:
    """The year of an institution that the client files for; 404 for any other, as for one that never was."""
    mine = door.reach(request, "file")
    institution = found(Institution.objects.filter(key=key[:64]).first())
    round_ = found(Round.objects.filter(form=returns.main_form(), year=year).first())
    made = year_of(returns.book(), round_, institution)
    if made is None or not mine.covers(made.standing.office.path, institution.key):
        found(None)
    assert made is not None
    require(request.user, "file", made.standing.office.path, institution.key)
    return made


def _own(request: HttpRequest, key: str, year: int) -> tuple[Round, Institution, Year]:
    """The same where it is filed here. Raises ``Refused`` in modes A and B."""
    made = _reached(request, key, year)
    if made.mode != "C":
        raise refuse("api.mode", T("{y} 年的统计任务是方式 {m}，不在这里报", "the round of {y} is of mode {m}: it is not filed here", y=year, m=made.mode), T("方式 C（本处填报）", "mode C (filed here)"),
                     T("在国家平台填报", "file it on the national platform"))
    return made.round, made.institution, made


def _said(year: Year) -> dict[str, Any]:
    judged = year.judge()
    return {"institution": year.institution.key, "year": year.round.year, "form": year.round.form, "version": year.draft.version, "open": year.open,
            "states": {p: r.state for p, r in year.returns.items()}, "fields": {k: v for k, v in year.values.items() if v},
            "problems": [p.as_json() for p in filling.problems_of(year, judged, year.open)]}


@router.get("/drafts/{key}/{year}", summary="本单位一年的填报稿：填了什么、还差什么（方式 C）", response={200: shapes.DraftOut, shapes.ERRORS: shapes.Problems}, tags=["填报 / Filling in"])
def draft(request: HttpRequest, key: str, year: shapes.Year) -> Any:
    """The draft of one's own institution: fields as typed, and what still stands in the way of filing."""
    door.only(request, ())
    return _said(_own(request, key, year)[2])


@router.post("/drafts/{key}/{year}", summary="保存填报稿的字段，不上报", response={200: shapes.DraftOut, shapes.ERRORS: shapes.Problems}, tags=["填报 / Filling in"], openapi_extra={"parameters": [KEY]})
@door.once(_reached)
def save(request: HttpRequest, key: str, year: shapes.Year, given: shapes.Typed) -> Any:
    """Save fields of the draft, nothing is filed. Whole or not at all: a field that somebody changed since ``seen`` refuses all (412)."""
    door.only(request, ())
    round_, institution, made = _own(request, key, year)
    known = filling.fields_of(made, given.fields)
    strange = sorted(set(given.fields) - known)
    if closed := [f for f in strange if f.partition(".")[0] in made.returns and f.partition(".")[0] not in made.open]:
        raise Refused(*[Problem("filling.closed", T("“{p}”的报表已经是“{s}”，不能再改", "the return for “{p}” is “{s}” and cannot be changed", p=f.partition(".")[0], s=STATES[made.returns[f.partition(".")[0]].state]),
                                do=T("要改，请审核的部门退回", "to change it, ask the reviewer to send it back"), where=Place(field=f[:80])) for f in closed[:20]])
    if strange:
        expected = T("期间.指标，如 2023-03.electricity_kwh；全年的用 all.指标", "period.item, as 2023-03.electricity_kwh; all.item for the year")
        raise Refused(*[Problem("api.field", T("没有字段“{f}”", "there is no field “{f}”", f=f[:80]), expected, where=Place(field=f[:80])) for f in strange[:20]])
    saved = filling.save(request.user, round_, institution, given.fields, seen=given.seen)
    if saved.conflicts:
        raise Refused(*[Problem("api.stale", T("“{f}”已被 {w} 改成“{n}”", "“{f}” was changed to “{n}” by {w}", f=c.field, w=c.who or "—", n=c.now),
                                T("第 {v} 版", "version {v}", v=saved.year.draft.version), T("重新读，核对以后再存", "read it again, check, then save"), Place(field=c.field)) for c in saved.conflicts[:20]])
    return _said(saved.year), ""


@router.post("/drafts/{key}/{year}/file", summary="上报填报稿里的一期或几期：全部报，或都不报", response={200: shapes.Filed, shapes.ERRORS: shapes.Problems}, tags=["填报 / Filling in"],
             openapi_extra={"parameters": [KEY]})
@door.once(_reached)
def file(request: HttpRequest, key: str, year: shapes.Year, given: shapes.File) -> Any:
    """File periods of the draft: all of them or none, with every problem and its field when they cannot be."""
    door.only(request, ())
    round_, institution, made = _own(request, key, year)
    if strange := sorted(set(given.periods) - set(made.periods)):
        raise refuse("api.period", T("没有这一期：{p}", "there is no such period: {p}", p="、".join(strange)[:80]), T("{l}", "{l}", l="、".join(made.periods)), where=Place(field="periods"))
    n = filling.file(request.user, round_, institution, given.periods, seen=given.seen)
    after = year_of(returns.book(), round_, institution)
    assert after is not None
    return {"filed": n, **_said(after)}, ""
