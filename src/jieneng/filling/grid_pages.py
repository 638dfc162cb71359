"""The page of the grid: an office keys in its units' paper forms, by keyboard alone."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jieneng.core.asked import whole
from jieneng.core.period import Period
from jieneng.core.problem import Problem, Refused
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.models import Office
from jieneng.people.queries import offices_in
from jieneng.registry.models import Institution
from jieneng.registry.queries import day_for, standings
from jieneng.returns.asking import day
from jieneng.returns.models import Round
from jieneng.returns.queries import book, main_form

from . import grid as grids
from .actions import Other
from .controls import differences, save_controls, unreadable
from .shape import EVERY, unit_sign
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
    units = standings(day_for(Period("year", round_.year))).filter(office__path__startswith=office.path).values_list("institution_id", flat=True)
    period = request.GET.get("period") or request.POST.get("period") or grids.next_open(round_, units)
    if period not in known:
        raise Http404
    if request.method == "POST":
        return _posted(request, round_, office, period)
    return _page(request, grids.grid_of(request.user, round_, office, period))


def _page(request: HttpRequest, g: grids.Grid, problems: list[Problem] | None = None, status: int = 200) -> HttpResponse:
    apart, unread, amounts = differences(g), unreadable(g), {r.pk: g.amounts(r) for r in g.rows}
    columns = [{"e": e, "title": short(e) if e.item.kind != "cost" else T("费用", "cost"), "unit": unit_sign(book(), e.item.unit),
                "control": g.controls.get(f"column.{e.code}", ""), "apart": apart.get(f"column.{e.code}"), "unread": f"column.{e.code}" in unread,
                "sum": sum(v for a in amounts.values() if (v := a[e.code]) is not None)} for e in g.columns]
    rows = [{"r": r, "cells": [{"field": g.field(r, e.code), "value": r.values.get(g.field(r, e.code), ""), "code": e.code} for e in g.columns],
             "control": g.controls.get(f"row.{r.pk}", ""), "apart": apart.get(f"row.{r.pk}"), "unread": f"row.{r.pk}" in unread, "sum": sum(v for v in amounts[r.pk].values() if v is not None),
             "ticked": str(r.pk) in request.POST.getlist("unit") if request.POST.get("do") == "file" else any(v is not None for v in amounts[r.pk].values())} for r in g.rows]
    known = grids.periods_of(g.round)
    return render(request, "filling/grid.html", {
        "title": T("照纸表录入：{o}", "Keying in paper forms: {o}", o=g.office.name), "g": g, "round": g.round, "columns": columns, "rows": rows, "problems": problems or [],
        "periods": [{"p": p, "label": month_words(p)} for p in known] if len(known) > 1 else [], "left": sum(r.open for r in g.rows), "posted": request.POST,
        "done": sum(not r.open for r in g.rows)}, status=status)


def _posted(request: HttpRequest, round_: Round, office: Office, period: str) -> HttpResponse:
    post, here = request.POST, reverse("grid", args=[round_.pk, office.pk]) + f"?period={period}"
    if post.get("do") == "file":
        return _file(request, round_, office, period, here)
    fields, seen = {k: v for k, v in post.items() if "." in k}, whole(post.get("seen"), 9) or 0
    if post.get("row") == "control":
        return _controls(request, grids.grid_of(request.user, round_, office, period), fields, seen, here)
    institution = get_object_or_404(Institution, pk=whole(post.get("row")) or 0)
    try:
        saved = grids.save_row(request.user, round_, office, institution, period, fields, seen)
    except Refused as refused:
        if _quiet(request) and not any(p.code == "people.forbidden" for p in refused.problems):
            return JsonResponse({"refused": [str(p.found) for p in refused.problems]}, status=422)
        raise
    year, shown = saved.year, (period, EVERY)
    apart = [c for c in saved.conflicts if c.field.partition(".")[0] in shown]
    clashes = [_clash(field_label(year, c.field), c) for c in apart]
    if not _quiet(request):
        for words in clashes:
            messages.warning(request, words)
        return HttpResponseRedirect(here)
    judged = year.judge()
    marks = {k: m for k, m in invalid(judged).items() if k.partition(".")[0] in (period, "all")}
    says: list[str] = ["；".join(str(w) for w in (f"{field_label(year, k)}：{p.found}", p.do) if w) for k, p in judged.problems.items() if k.partition(".")[0] in (period, "all")]
    says += [str(f.finding.says) for f in judged.found if f.period == period]
    values = {c.field: c.now for c in (*saved.others, *apart) if c.field.partition(".")[0] in shown}
    return JsonResponse({"version": year.draft.version, "values": values, "marks": marks, "says": [*clashes, *says][:6], "left": len(judged.missing.get(period, []))})


def _clash(label: str, c: Other) -> str:
    """That somebody else changed what was typed here too: theirs stands, one's own is told so that it is not lost."""
    return str(T("{w} 同时把{x}改成 {n}，您录的是 {m}，没有覆盖；要用您的，再录一次", "{w} changed {x} to {n} meanwhile, you typed {m}; not overwritten: type it again to use yours",
                 w=c.who, x=label, n=c.now or "—", m=c.mine or "—"))


def _controls(request: HttpRequest, g: grids.Grid, fields: dict[str, str], seen: int, here: str) -> HttpResponse:
    """Keep the paper's totals; ``clear`` empties one that is no number."""
    if (clear := request.POST.get("clear", "")) in g.controls:
        fields[clear] = ""
    kept = save_controls(request.user, g.round, g.office, g.period, fields, seen=seen)
    labels = {f"column.{e.code}": str(e.label) for e in g.columns} | {f"row.{r.pk}": r.standing.name for r in g.rows}
    clashes = [_clash(str(T("{x}的纸表合计", "the paper's total of {x}", x=labels.get(c.field, c.field))), c) for c in kept.conflicts]
    if _quiet(request):
        return JsonResponse({"version": kept.control.version, "values": {c.field: c.now for c in (*kept.others, *kept.conflicts)}, "says": clashes})
    for words in clashes:
        messages.warning(request, words)
    return HttpResponseRedirect(here)


def _quiet(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "fetch"


def _file(request: HttpRequest, round_: Round, office: Office, period: str, here: str) -> HttpResponse:
    post, upload = request.POST, request.FILES.get("voucher")
    g = grids.grid_of(request.user, round_, office, period)
    units = {pk for x in post.getlist("unit") if (pk := whole(x))}
    seen = {pk: version for pk in units if (version := whole(post.get(f"seen-{pk}"), 9)) is not None}
    try:
        filed = grids.file_grid(
            request.user, g, units, seen=seen, word=post.get("word", ""), confirmed_on=day(post.get("confirmed_on", ""), "confirmed_on"),
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
