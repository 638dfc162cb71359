"""The sample for checks on site, and questions of integrity."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.asked import year as asked_year
from jieneng.core.problem import Refused
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.queries import area_offices
from jieneng.people.scope import scope
from jieneng.records.workbook import Column, list_workbook, workbook_response
from jieneng.registry import contacts
from jieneng.registry.models import Contact
from jieneng.returns.asking import day, office, round_of
from jieneng.returns.models import Round
from jieneng.returns.queries import book, main_form
from jieneng.rulebook import form_for

from . import integrity, queries, rooms, sampling, sheets
from .models import Sample

KINDS = {"copy": T("几家逐月相同", "months alike between institutions"), "repeat": T("一批重复上年", "a batch repeats last year"), "repeat-one": T("重复上年", "repeats last year"),
         "edits": T("截止前连续改动", "edits in a row before the deadline")}


@needs("review", "log")
def samples(request: HttpRequest) -> HttpResponse:
    """The samples of offices in scope, and the draw."""
    years = list(Round.objects.filter(form=main_form()).order_by("-year").values_list("year", flat=True))
    mine = scope(request.user, "review")
    tops = list({r.office for r in Round.objects.select_related("office")})
    offices = [o for o in [*tops, *area_offices()] if mine.covers_line(o.path)]
    rows = [{"s": s, "checked": s.units.exclude(result="").count(), "n": s.units.count(), "differs": s.units.filter(result="differs").count()} for s in rooms.samples_of(request.user)]
    return render(request, "sitting/samples.html", {"title": T("抽查核实", "Checks on site"), "rows": rows, "years": years, "offices": offices, "percent": sampling.PERCENT})


@require_POST
@needs("review")
def draw(request: HttpRequest) -> HttpResponse:
    """Draw the sample of an office for a year, once."""
    where = office(request, request.scope)
    if (year := asked_year(request.POST.get("year"))) is None:
        raise Http404
    made = sampling.draw(request.user, where, year, request.POST.get("seed", ""))
    messages.success(request, str(T("抽出 {n} 家，种子 {s}", "{n} drawn, seed {s}", n=made.units.count(), s=made.seed)))
    return HttpResponseRedirect(reverse("sample", args=[made.pk]))


def _sample(request: HttpRequest, pk: int) -> Sample:
    found = next((s for s in rooms.samples_of(request.user) if s.pk == pk), None)
    if found is None:
        raise Http404
    return found


@needs("review", "log")
def sample(request: HttpRequest, pk: int) -> HttpResponse:
    """One sample: strata, units, what was found on site, and whether the seed gives it again."""
    row = _sample(request, pk)
    units = list(row.units.select_related("institution", "by", "voucher"))
    names = queries.names_of(row.year, {u.institution_id for u in units})
    areas, rulebook = {o.area: o.name for o in area_offices()}, book()
    labels: dict[str, Any] = {**areas, **{t.code: t.label for t in rulebook.types.values()}}
    kept = request.session.pop("sample.kept", {})
    asked = {i.item for i in form_for(rulebook, main_form(), row.year).items}
    return render(request, "sitting/sample.html", {
        "title": T("{o} {y} 年抽查", "Checks of {o} {y}", o=row.office.name, y=row.year), "sample": row, "again": sampling.drawn_again(row), "may": scope(request.user, "review").covers_line(row.office.path),
        "units": [{"u": u, "name": names[u.institution_id].name if u.institution_id in names else u.institution.key, "stratum": labels.get(u.stratum, u.stratum), "apart": sampling.apart(u),
                   "kept": kept if kept.get("unit") == u.pk else None, "reported": Decimal(u.reported) if u.reported else None, "reading": Decimal(u.reading) if u.reading else None,
                   "item": rulebook.items[u.item].label if u.item in rulebook.items else u.item, "unit": rulebook.items[u.item].unit if u.item in rulebook.items else ""} for u in units],
        "strata": [{**s, "label": labels.get(s["code"], s["code"])} for s in row.strata], "size": sum(s["size"] for s in row.strata), "drawn": len(units),
        "checked": sum(bool(u.result) for u in units), "differs": sum(u.result == "differs" for u in units), "today": timezone.localdate(), "period": f"{row.year}-12",
        "items": [i for i in rulebook.items.values() if i.code in asked and i.over_time == "sum" and i.kind == "quantity" and i.unit != "yuan"], "percent": row.percent})


@needs("review", "log")
def sample_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The list for going round, as a workbook. With names and numbers of whom to call only by ``POST``, which leaves an event."""
    row = _sample(request, pk)
    units = list(row.units.select_related("institution", "by"))
    names = queries.names_of(row.year, {u.institution_id for u in units})
    people: dict[int, dict[str, Contact]] | None = None
    if request.method == "POST":
        contacts.told_export(request.user, row.office.path, len(units))
        people = {}
        for c in Contact.objects.filter(institution__in=[u.institution_id for u in units], until=None).order_by("since"):
            people.setdefault(c.institution_id, {})[c.role] = c
    return workbook_response(sheets.sample_workbook(row, [(u, names.get(u.institution_id)) for u in units], people), f"抽查名单-{row.year}.xlsx")


@require_POST
@needs("review")
def sample_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter what was found on site at one unit."""
    row, post = _sample(request, pk), request.POST
    unit = get_object_or_404(row.units.select_related("sample__office", "institution"), pk=whole(post.get("unit")) or 0)
    upload = request.FILES.get("voucher")
    try:
        sampling.check(request.user, unit, item=post.get("item", ""), period=post.get("period", ""), reading=post.get("reading", ""), result=post.get("result", ""),
                       checked_on=day(post.get("checked_on", ""), "checked_on"), note=post.get("note", ""), voucher=(upload.file, upload.name or "") if upload else None)
    except Refused:
        request.session["sample.kept"] = {"unit": unit.pk, **{k: post.get(k, "")[:300] for k in ("item", "period", "reading", "result", "checked_on", "note")}}
        raise
    messages.success(request, str(T("核查结果已记下", "the check is kept")))
    return HttpResponseRedirect(f"{reverse('sample', args=[pk])}#u{unit.number}")


def _asked(request: HttpRequest, round_: Round) -> list[integrity.Asked]:
    if not request.scope.covers_line(round_.office.path):
        raise Http404
    rows = integrity.questions(book(), round_)
    kind = request.GET.get("kind", "")
    return [r for r in rows if r.kind == kind] if kind in KINDS else rows


@needs("integrity")
def integrity_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Questions of integrity, for the city's reviewers and the auditor only."""
    round_ = round_of(pk)
    rows = _asked(request, round_)
    return render(request, "sitting/integrity.html", {"title": T("诚信疑问", "Questions of integrity"), "round": round_, "kinds": list(KINDS.items()), "kind": request.GET.get("kind", ""),
                                                      "rows": [{"a": r, "kind": KINDS[r.kind], "who": list(zip(r.institutions, r.names, strict=True))[:12], "more": max(0, len(r.names) - 12)} for r in rows[:500]],
                                                      "count": len(rows), "limits": integrity})


@needs("integrity")
def integrity_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The same as a workbook."""
    round_ = round_of(pk)
    columns = [Column(T("种类", "kind"), 18), Column(T("单位", "institutions"), 60), Column(T("家数", "number"), 7), Column(T("指标或统计期", "item or period"), 24), Column(T("次数或月数", "count"), 9),
               Column(T("说明", "detail"), 36)]
    data = [[str(KINDS[r.kind]), "、".join(r.names[:60]), len(r.names), r.item, r.number, r.detail] for r in _asked(request, round_)]
    return workbook_response(list_workbook(T("{y} 年诚信疑问（内部）", "Questions of integrity {y} (internal)", y=round_.year), columns, data,
                                           [str(T("只供市级审核人员和审计查看；阈值为样例", "for the city’s reviewers and the auditor only; thresholds are samples"))]), f"诚信疑问-{round_.year}.xlsx")
