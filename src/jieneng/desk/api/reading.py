"""What may be read: register, rounds, returns, answers, findings, figures. Every query starts from the client's scope."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router

from jieneng import engine
from jieneng.core.period import Period
from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.figures import overview as view
from jieneng.figures.calculate import calculate
from jieneng.figures.prove import prove
from jieneng.people.access import found
from jieneng.records.events import fingerprint
from jieneng.registry import queries as register
from jieneng.registry.models import Standing
from jieneng.returns import queries as returns
from jieneng.returns.models import Return, ReturnFinding, Revision, Round, SnapshotRecord
from jieneng.returns.moves import STATES
from jieneng.rulebook import form_for

from . import door, shapes

router = Router()
GROUPINGS = ("", "area", "department", "type", "institution")


def _page(rows: Any, filters: shapes.Page) -> tuple[list[Any], dict[str, int]]:
    """One page; one beyond the last is empty."""
    pages = Paginator(rows, filters.size)
    lines = list(pages.get_page(filters.page).object_list) if filters.page <= pages.num_pages else []
    return lines, {"page": filters.page, "size": filters.size, "total": pages.count}


# ---- register ----

def _institution(s: Standing, covered: dict[int, str]) -> dict[str, Any]:
    return {"key": s.institution.key, "scheme": s.institution.scheme, "name": s.name, "office": s.office.code, "area": s.area,
            "territory": "" if s.sensitive else s.territory, "department": s.department, "type": s.type, "in_scope": s.in_scope,
            "covered_by": covered.get(s.covered_by_id or 0), "sensitive": s.sensitive, "since": s.since}


def _institutions(rows: Iterable[Standing]) -> list[dict[str, Any]]:
    rows = list(rows)
    covered = {s.covered_by_id: s.covered_by.key for s in rows if s.covered_by_id and s.covered_by}
    return [_institution(s, covered) for s in rows]


@router.get("/institutions", summary="名录：按名称、拼音首字母、代码、平台编号查找，或列出", response={200: shapes.Institutions, shapes.ERRORS: shapes.Problems}, tags=["名录库 / Register"])
def institutions(request: HttpRequest, filters: Query[shapes.InstitutionFilters]) -> Any:
    """List and search the register by name, pinyin initials, code or platform id."""
    mine = door.reach(request, "see")
    door.only(request, shapes.InstitutionFilters.model_fields)
    rows = register.search(register.seen(mine, filters.on or timezone.localdate()), filters.q)
    for name in ("area", "type", "department"):
        if value := getattr(filters, name):
            rows = rows.filter(**{name: value})
    if filters.in_scope is not None:
        rows = rows.filter(in_scope=filters.in_scope)
    lines, count = _page(rows.select_related("covered_by").order_by("institution__key"), filters)
    return {**count, "items": _institutions(lines)}


@router.get("/institutions/{key}", summary="一家单位现在的登记", response={200: shapes.InstitutionOut, shapes.ERRORS: shapes.Problems}, tags=["名录库 / Register"])
def institution(request: HttpRequest, response: HttpResponse, key: str) -> Any:
    """One institution by its key, as it stands today."""
    mine = door.reach(request, "see")
    door.only(request, ())
    row = found(register.seen(mine, timezone.localdate()).select_related("covered_by").filter(institution__key=key[:64]).first())
    response.headers["ETag"] = door.etag("i", row.pk)
    return _institutions([row])[0]


# ---- rounds, returns, answers, findings ----

@router.get("/rounds", summary="各年的统计任务", response={200: shapes.Rounds, shapes.ERRORS: shapes.Problems}, tags=["报表 / Returns"])
def rounds(request: HttpRequest) -> Any:
    """The rounds of this office."""
    door.reach(request, "see")
    door.only(request, ())
    return {"items": [{"form": r.form, "edition": r.edition, "year": r.year, "rhythm": r.rhythm, "mode": r.mode, "deadline": r.deadline} for r in Round.objects.all()]}


def _returns(request: HttpRequest) -> QuerySet[Return]:
    """The returns of the client's scope; of a sensitive unit, to who only looks on, there are totals alone."""
    return returns.returns_in(door.reach(request, "see")).exclude(institution__in=register.closed_to(request.user))


def tag_of(ret: Return) -> str:
    """The version of a return: its revision and its state."""
    return door.etag(ret.pk, ret.revision, ret.state)


def _names(rows: Iterable[Return]) -> dict[int, str]:
    now = register.standings(timezone.localdate()).filter(institution__in={r.institution_id for r in rows})
    return {s.institution_id: s.name for s in now}


def status(ret: Return, names: dict[int, str]) -> dict[str, Any]:
    """A return's status as it goes out."""
    return {"id": ret.pk, "institution": ret.institution.key, "name": names.get(ret.institution_id, ret.institution.key), "year": ret.round.year,
            "period": ret.period, "state": ret.state, "revision": ret.revision, "accepted": ret.accepted, "etag": tag_of(ret)}


@router.get("/returns", summary="报表状态：谁报了、谁被退回、谁已审", response={200: shapes.Returns, shapes.ERRORS: shapes.Problems}, tags=["报表 / Returns"])
def list_returns(request: HttpRequest, filters: Query[shapes.ReturnFilters]) -> Any:
    """The status of returns: who has filed, what was sent back, what is accepted."""
    door.only(request, shapes.ReturnFilters.model_fields)
    rows = _returns(request).select_related("round", "institution").order_by("pk")
    if filters.year:
        rows = rows.filter(round__year=filters.year)
    if filters.period:
        rows = rows.filter(period=filters.period)
    if filters.institution:
        rows = rows.filter(institution__key=filters.institution)
    if filters.state:
        if filters.state not in STATES:
            raise refuse("api.state", T("没有状态“{s}”", "there is no state “{s}”", s=filters.state), T("{l}", "{l}", l="、".join(STATES)), where=Place(field="state"))
        rows = rows.filter(state=filters.state)
    lines, count = _page(rows, filters)
    names = _names(lines)
    return {**count, "items": [status(r, names) for r in lines]}


def one(request: HttpRequest, pk: int) -> Return:
    """A return in scope, or 404."""
    row: Return = found(_returns(request).select_related("round", "institution").filter(pk=pk).first())
    return row


def _findings(rows: Iterable[ReturnFinding]) -> list[dict[str, Any]]:
    return [{"return_id": f.ret_id, "institution": f.ret.institution.key, "period": f.ret.period, "rule": f.rule, "severity": f.severity, "items": f.items,
             "part": f.part, "says": f.says, "do": f.do or None} for f in rows]


@router.get("/returns/{pk}", summary="一份报表：数、单位、审核问题；ETag 留着改的时候用", response={200: shapes.AnswersOut, 304: None, shapes.ERRORS: shapes.Problems}, tags=["报表 / Returns"])
def one_return(request: HttpRequest, response: HttpResponse, pk: shapes.Number) -> Any:
    """One return with its answers and findings. The ETag is what If-Match takes when you change it."""
    row = one(request, pk)
    door.only(request, ())
    tag = tag_of(row)
    if door.unchanged(request, tag):
        bare = HttpResponse(status=304)
        bare.headers["ETag"] = tag
        return bare
    response.headers["ETag"] = tag
    book = returns.book()
    current = row.revisions.order_by("-number").first()
    answers = current.answers if current else {}
    flagged = ReturnFinding.objects.filter(ret=row, revision=row.revision).select_related("ret__institution")
    return {**status(row, _names([row])), "edition": form_for(book, row.round.form, row.round.year).edition, "answers": answers,
            "parts": current.parts if current else {}, "units": {i: book.items[i].unit for i in (*answers, *_in_parts(current)) if i in book.items}, "findings": _findings(flagged)}


def _in_parts(revision: Revision | None) -> list[str]:
    """The items that the parts of a revision answer."""
    return [i for p in (revision.parts.values() if revision else ()) for i in p["answers"]]


@router.get("/findings", summary="现行各版报表的审核问题", response={200: shapes.Findings, shapes.ERRORS: shapes.Problems}, tags=["审核问题 / Findings"])
def findings(request: HttpRequest, filters: Query[shapes.FindingFilters]) -> Any:
    """Findings about the current revisions."""
    door.only(request, shapes.FindingFilters.model_fields)
    rows: QuerySet[ReturnFinding] = ReturnFinding.objects.filter(ret__in=_returns(request), revision=F("ret__revision"))
    if filters.year:
        rows = rows.filter(ret__round__year=filters.year)
    if filters.institution:
        rows = rows.filter(ret__institution__key=filters.institution)
    if filters.severity:
        if filters.severity not in ("must", "explain", "note"):
            raise refuse("api.severity", T("没有“{s}”这一级", "there is no severity “{s}”", s=filters.severity), T("must、explain、note", "must, explain, note"), where=Place(field="severity"))
        rows = rows.filter(severity=filters.severity)
    lines, count = _page(rows.select_related("ret__institution").order_by("pk"), filters)
    return {**count, "items": _findings(lines)}


# ---- figures ----

def _asked(request: HttpRequest, filters: shapes.FigureFilters) -> tuple[SnapshotRecord, list[Any]]:
    """The snapshot and the figures that the parameters name, computed inside the client's scope."""
    where = found(view.where_of(door.reach(request, "see")))
    book = returns.book()
    if filters.name not in {**book.indicators, **book.composites, **book.items}:
        raise refuse("api.figure", T("没有指标“{n}”", "there is no figure “{n}”", n=filters.name), do=T("名称见“规则与折标系数”页", "names are on the page of rules"), where=Place(field="name"))
    if filters.by not in GROUPINGS:
        raise refuse("api.by", T("不能按“{b}”分", "no grouping by “{b}”", b=filters.by), T("area、department、type、institution", "area, department, type, institution"), where=Place(field="by"))
    try:
        period = Period.parse(filters.period)
    except ValueError as error:
        raise refuse("api.period", T("统计期“{p}”不对", "“{p}” is no period", p=filters.period), T("2022、2022H1、2022Q1、2022-03", "2022, 2022H1, 2022Q1, 2022-03"), where=Place(field="period")) from error
    snapshot = SnapshotRecord.objects.filter(pk=filters.snapshot).first() if filters.snapshot else returns.latest_snapshot()
    snapshot = found(snapshot)
    figures = calculate(book, engine.connect(), returns.opened(snapshot), [filters.name], period=period, by=filters.by or None, where=where)
    return snapshot, [f for f in figures if not filters.code or f.subject.get("code", "") == filters.code]


def _figure_id(figure: Any) -> str:
    return fingerprint(figure.as_json())[:32]


@router.get("/figures", summary="快照里的指标，每个带算法编号和展开的网址", response={200: shapes.Figures, shapes.ERRORS: shapes.Problems}, tags=["指标 / Figures"])
def figures(request: HttpRequest, filters: Query[shapes.FigureFilters]) -> Any:
    """Figures of a frozen snapshot, each with the id of its recipe and the address that unfolds it."""
    door.only(request, shapes.FigureFilters.model_fields)
    snapshot, made = _asked(request, filters)
    items = [{"id": _figure_id(f), "name": f.name, "label": f.label, "unit": f.unit, "period": f.period, "subject": dict(f.subject),
              "value": None if f.value is None else str(f.value), "exact": None if f.exact is None else str(f.exact),
              "covered": f.coverage.covered if f.coverage else None, "members": f.coverage.members if f.coverage else None, "note": f.note,
              "recipe": "/api/v1/figures/recipe?" + urlencode({"name": f.name, "period": f.period, "by": filters.by, "code": f.subject.get("code", ""), "snapshot": snapshot.pk})}
             for f in made]
    return {"snapshot": snapshot.pk, "version": snapshot.version, "rulebook": returns.book().hash, "items": items}


@router.get("/figures/recipe", summary="一个指标是怎么算出来的，当场重算核对", response={200: shapes.Recipe, shapes.ERRORS: shapes.Problems}, tags=["指标 / Figures"])
def recipe(request: HttpRequest, filters: Query[shapes.FigureFilters]) -> Any:
    """How one figure came about, down to selections of the snapshot; computed again while you wait."""
    door.only(request, shapes.FigureFilters.model_fields)
    snapshot, made = _asked(request, filters)
    if len(made) != 1:
        raise Http404
    proof = prove(returns.book(), engine.connect(), returns.opened(snapshot), made[0])
    return {"id": _figure_id(made[0]), "snapshot": snapshot.pk, "proved": proof.ok, "cells": proof.cells, "faults": proof.faults, "figure": made[0].as_json()}
