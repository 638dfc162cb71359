"""The page of the grid: an office keys in its units' paper forms, by keyboard alone."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jieneng.core.period import Period
from jieneng.core.problem import Problem, Refused
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.models import Office
from jieneng.people.queries import offices_in
from jieneng.registry.models import Institution
from jieneng.registry.queries import standings
from jieneng.returns.asking import day
from jieneng.returns.models import Round
from jieneng.returns.queries import book, main_form

from . import grid as grids
from .shape import unit_sign
from .show import field_label, invalid, month_words, short


@require_http_methods(["GET", "POST"])
@needs("import")
def grid(request: HttpRequest, round_pk: int, office_pk: int) -> HttpResponse:
    """The grid of an office in one period: rows saved one by one, control totals, and filing on the units' word."""
    round_ = get_object_or_404(Round, pk=round_pk, form=main_form())
    office = next((o for o in offices_in(request.user, "import") if o.pk == office_pk), None)
    if office is None:
        raise Http404
    known = grids.periods_of(round_)
    units = standings(Period("year", round_.year).last_day).filter(office__path__startswith=office.path).values_list("institution_id", flat=True)
    period = request.GET.get("period") or request.POST.get("period") or grids.next_open(round_, units)
    if period not in known:
        raise Http404
    if request.method == "POST":
        return _posted(request, round_, office, period)
    return _page(request, grids.grid_of(request.user, round_, office, period))


def _page(request: HttpRequest, g: grids.Grid, problems: list[Problem] | None = None, status: int = 200) -> HttpResponse:
    apart, amounts = grids.differences(g), {r.pk: g.amounts(r) for r in g.rows}
    columns = [{"e": e, "title": short(e) if e.item.kind != "cost" else T("费用", "cost"), "unit": unit_sign(book(), e.item.unit),
                "control": g.controls.get(f"column.{e.code}", ""), "apart": apart.get(f"column.{e.code}"),
                "sum": sum(v for a in amounts.values() if (v := a[e.code]) is not None)} for e in g.columns]
    rows = [{"r": r, "cells": [{"field": g.field(r, e.code), "value": r.values.get(g.field(r, e.code), ""), "code": e.code} for e in g.columns],
             "control": g.controls.get(f"row.{r.pk}", ""), "apart": apart.get(f"row.{r.pk}"), "sum": sum(v for v in amounts[r.pk].values() if v is not None),
             "begun": any(v is not None for v in amounts[r.pk].values())} for r in g.rows]
    known = grids.periods_of(g.round)
    return render(request, "filling/grid.html", {
        "title": T("照纸表录入：{o}", "Keying in paper forms: {o}", o=g.office.name), "g": g, "round": g.round, "columns": columns, "rows": rows, "problems": problems or [],
        "periods": [{"p": p, "label": month_words(p)} for p in known] if len(known) > 1 else [], "left": sum(r.open for r in g.rows), "posted": request.POST,
        "done": sum(not r.open for r in g.rows)}, status=status)


def _posted(request: HttpRequest, round_: Round, office: Office, period: str) -> HttpResponse:
    post, here = request.POST, reverse("grid", args=[round_.pk, office.pk]) + f"?period={period}"
    if post.get("do") == "file":
        return _file(request, round_, office, period, here)
    fields = {k: v for k, v in post.items() if "." in k}
    if post.get("row") == "control":
        grids.save_controls(request.user, round_, office, period, fields)
        return JsonResponse({"version": 0}) if _quiet(request) else HttpResponseRedirect(here)
    text = post.get("row", "")
    institution = get_object_or_404(Institution, pk=int(text) if text.isdigit() and len(text) < 10 else 0)
    try:
        saved = grids.save_row(request.user, round_, office, institution, period, fields, int(post.get("seen", "0")) if post.get("seen", "0").isdigit() else 0)
    except Refused as refused:
        if _quiet(request) and not any(p.code == "people.forbidden" for p in refused.problems):
            return JsonResponse({"refused": [str(p.found) for p in refused.problems]}, status=422)
        raise
    if not _quiet(request):
        return HttpResponseRedirect(here)
    year = saved.year
    judged = year.judge()
    marks = {k: m for k, m in invalid(judged).items() if k.partition(".")[0] in (period, "all")}
    says: list[str] = ["；".join(str(w) for w in (f"{field_label(year, k)}：{p.found}", p.do) if w) for k, p in judged.problems.items() if k.partition(".")[0] in (period, "all")]
    says += [str(f.finding.says) for f in judged.found if f.period == period]
    says += [str(T("{w} 同时改了 {x}：{n}，没有覆盖", "{w} changed {x} meanwhile to {n}; not overwritten", w=c.who, x=field_label(year, c.field), n=c.now)) for c in saved.conflicts]
    return JsonResponse({"version": year.draft.version, "marks": marks, "says": says[:6], "left": len(judged.missing.get(period, []))})


def _quiet(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "fetch"


def _file(request: HttpRequest, round_: Round, office: Office, period: str, here: str) -> HttpResponse:
    post, upload = request.POST, request.FILES.get("voucher")
    g = grids.grid_of(request.user, round_, office, period)
    try:
        filed = grids.file_grid(
            request.user, g, {int(x) for x in post.getlist("unit") if x.isdigit()}, word=post.get("word", ""), confirmed_on=day(post.get("confirmed_on", ""), "confirmed_on"),
            voucher=(upload.file, upload.name or "") if upload else None, blank_zero=post.get("blank_zero") == "1", note=post.get("note", ""))
    except Refused as refused:
        if any(p.code == "people.forbidden" for p in refused.problems):
            raise
        return _page(request, g, list(refused.problems), status=422)
    if filed.n:
        messages.success(request, str(T("已代报 {n} 家，纸表已收下；等审核", "{n} filed on their behalf, the paper is kept; they wait for review", n=filed.n)))
    if filed.problems:
        return _page(request, grids.grid_of(request.user, round_, office, period), filed.problems, status=422)
    return HttpResponseRedirect(here)
