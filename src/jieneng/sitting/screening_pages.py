"""The first screening (初筛) of a frozen year: the table by place, the first candidates, and what the review of those alone finds."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.asked import year as asked_year
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.access import found, needs
from jieneng.people.queries import root_office
from jieneng.people.scope import Scope, scope
from jieneng.records.jobs import enqueue
from jieneng.records.models import Job
from jieneng.records.workbook import workbook_response
from jieneng.registry.queries import closed_to
from jieneng.returns.models import Return, Round, SnapshotRecord
from jieneng.returns.queries import book, latest_snapshot, main_form
from jieneng.review import screened
from jieneng.review.models import Candidate, ReviewFinding, Screening
from jieneng.review.queries import as_workbook, findings_in

PAGE = 25
MOST = 500
"""Candidates reviewed at once at most, as in ``review.screening``."""
SHOWN = 200
"""Findings shown on the page; the workbook holds all."""


def _looks(request: HttpRequest) -> Scope:
    """The scope of who looks over more than one area; else 404: a county's own review leaves nothing to screen."""
    if len(screened.areas_under(request.scope)) < 2:
        raise Http404
    return request.scope


def _screening(pk: int) -> Screening:
    return found(Screening.objects.select_related("snapshot", "round", "by").filter(pk=pk).first())


def _asked(request: HttpRequest) -> Screening | None:
    """The screening that the address names, or the newest of a year, or the newest."""
    if (pk := whole(request.GET.get("screening"))) is not None:
        return _screening(pk)
    return screened.latest_screening(asked_year(request.GET.get("year")))


def _may_run(request: HttpRequest) -> bool:
    root = root_office()
    return root is not None and scope(request.user, "review").covers_line(root.path)


@needs("review", "log")
def screening(request: HttpRequest) -> HttpResponse:
    """The table by place, the candidates of the place looked at, and the review of the first of them."""
    mine, chosen = _looks(request), _asked(request)
    year = chosen.round.year if chosen else asked_year(request.GET.get("year"))
    snapshot = latest_snapshot(year) or latest_snapshot()
    years = Screening.objects.order_by("-round__year").values_list("round__year", flat=True).distinct()
    job = Job.objects.filter(kind__in=("screening", "candidates"), state__in=("ready", "running"), by=request.user).order_by("-pk").first()
    base = {"title": T("初筛", "First screening"), "screening": chosen, "snapshot": snapshot, "years": list(years), "job": job, "may_run": _may_run(request), "may": bool(scope(request.user, "review"))}
    if chosen is None:
        return render(request, "sitting/screening.html", base)
    rulebook, place = book(), request.GET.get("place")
    table = screened.table_of(chosen, mine, rulebook, place)
    if table is None and place is None:
        return render(request, "sitting/screening.html", {**base, "screening": None, "outside": True})
    table = found(table)
    return render(request, "sitting/screening.html", {
        **base, "round": chosen.round, "older": screened.older(chosen, rulebook), "table": table, "cells": [(c, screened.label_of(c, rulebook)) for c in sorted(table.whole.totals)],
        "places": [_line(p, rulebook) for p in table.rows], "whole": _line(table.whole, rulebook), "line": chosen.counts["line"], "limit": chosen.counts["share"],
        **_candidates(request, chosen, mine, table, place), **_reviewed(request, chosen, mine)})


def _line(place: screened.Place, rulebook: Any) -> dict[str, Any]:
    cell, share = place.worst
    return {"p": place, "worst": share, "worst_cell": screened.label_of(cell, rulebook) if cell else "", "energy": place.share("energy_tce")}


def _of_place(chosen: Screening, mine: Scope, request: HttpRequest, table: screened.Table, place: str | None) -> Any:
    """The candidates of the place looked at."""
    rows = screened.candidates_in(chosen, mine, request.user)
    return rows.filter(area__in=screened.areas_in(chosen, table.place, book())) if place is not None else rows


def _candidates(request: HttpRequest, chosen: Screening, mine: Scope, table: screened.Table, place: str | None) -> dict[str, Any]:
    page = Paginator(_of_place(chosen, mine, request, table, place), PAGE).get_page(request.GET.get("page"))
    rows: list[Candidate] = list(page.object_list)
    names, rulebook, year = screened.named(chosen.round.year, {c.institution_id for c in rows}), book(), chosen.round.year
    months = {(c.institution_id, f"{year}-{c.month:02}") for c in rows if c.month}
    returns = {(r.institution_id, r.period): r.pk for r in Return.objects.filter(round=chosen.round, institution__in={i for i, _ in months}, period__in={p for _, p in months})}
    return {"page": page, "kept_first": screened.FIRST, "kept_of_area": screened.OF_AREA, "rows": [{
        "c": c, "name": names[c.institution_id].name if c.institution_id in names else c.institution.key, "area": screened.area_name(c.area, rulebook),
        "item": rulebook.items[c.item].label if c.item in rulebook.items else c.item, "unit": screened.unit_of(c.item, rulebook),
        "when": screened.when(year, c.month), "return": returns.get((c.institution_id, f"{year}-{c.month:02}")), "above": c.rank <= chosen.counts["line"]} for c in rows]}


def _reviewed(request: HttpRequest, chosen: Screening, mine: Scope) -> dict[str, Any]:
    """The newest review of candidates, with its findings inside the scope."""
    run = screened.reviewed(chosen, mine)
    if run is None:
        return {"run": None, "most": MOST}
    findings = list(findings_in(run, mine).exclude(institution__in=closed_to(request.user))[:SHOWN + 1])
    names, rulebook = screened.named(chosen.round.year, {f.institution_id for f in findings}), book()
    return {"run": run, "most": MOST, "more": len(findings) > SHOWN, "findings": [_finding(f, names, rulebook) for f in findings[:SHOWN]]}


def _finding(f: ReviewFinding, names: dict[int, Any], rulebook: Any) -> dict[str, Any]:
    return {"f": f, "name": names[f.institution_id].name if f.institution_id in names else f.institution.key, "area": screened.area_name(f.area, rulebook),
            "items": "、".join(str(rulebook.items[i].label) if i in rulebook.items else i for i in f.items)}


@require_POST
@needs("review")
def run(request: HttpRequest) -> HttpResponse:
    """Screen the newest snapshot (of a year): a job with progress."""
    if not _may_run(request):
        raise Http404
    year = asked_year(request.POST.get("year"))
    snapshot: SnapshotRecord | None = latest_snapshot(year)
    if snapshot is None or not Round.objects.filter(form=main_form(), year=snapshot.year).exists():
        raise refuse("cli.snapshot", T("还没有封存的快照", "there is no snapshot yet"), do=T("先封存一年的数", "freeze a year first"))
    root = found(root_office())
    stamp = timezone.now().strftime("%Y%m%d%H%M%S%f")
    job = enqueue("screening", {"snapshot": snapshot.pk}, by=request.user, line=root.path, key=f"screening:{snapshot.pk}:{stamp}")
    return HttpResponseRedirect(reverse("job", args=[job.pk]))


@require_POST
@needs("review")
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Review the first candidates of one's scope alone: a job with progress."""
    mine, chosen = _looks(request), _screening(pk)
    count = whole(request.POST.get("count")) or 0
    if not 1 <= count <= MOST:
        raise refuse("screening.count", T("会审几个候选没有写对：{n}", "how many candidates to review is not a usable number: {n}", n=request.POST.get("count", "")[:20]), T("1 到 {m}", "from 1 to {m}", m=MOST))
    stamp = timezone.now().strftime("%Y%m%d%H%M%S%f")
    job = enqueue("candidates", {"screening": chosen.pk, "count": count}, by=request.user, line=mine.lines[0], key=f"candidates:{chosen.pk}:{stamp}")
    return HttpResponseRedirect(reverse("job", args=[job.pk]))


@needs("review", "log")
def places_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The table by place as a workbook, each published total with a column of its own."""
    mine, chosen = _looks(request), _screening(pk)
    table = found(screened.table_of(chosen, mine, book(), request.GET.get("place")))
    return workbook_response(screened.places_workbook(chosen, table, book()), f"初筛分地区-{chosen.round.year}.xlsx")


@needs("review", "log")
def candidates_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The candidates that were kept, of the place looked at, as a workbook."""
    mine, chosen, place = _looks(request), _screening(pk), request.GET.get("place")
    table = found(screened.table_of(chosen, mine, book(), place))
    rows = list(_of_place(chosen, mine, request, table, place))
    return workbook_response(screened.candidates_workbook(chosen, rows, book()), f"初筛候选-{chosen.round.year}.xlsx")


@needs("review", "log")
def findings_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The findings of the newest review of candidates as a workbook."""
    mine, chosen = _looks(request), _screening(pk)
    run_ = found(screened.reviewed(chosen, mine))
    rows = findings_in(run_, mine).exclude(institution__in=closed_to(request.user))
    return workbook_response(as_workbook(run_, rows), f"初筛会审疑点-{chosen.round.year}.xlsx")
