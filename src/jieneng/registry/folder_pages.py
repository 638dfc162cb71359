"""The folder of an institution and year, the list of what is missing, and papers as downloads."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.period import Period
from jieneng.core.problem import Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.queries import area_offices
from jieneng.records import files
from jieneng.records.rules import book
from jieneng.records.workbook import Column, list_workbook, workbook_response

from . import queries, vouchers
from .given import given
from .models import Institution, Standing, Voucher
from .pages import area_names, visible, year_asked


def _inside(request: HttpRequest, pk: int) -> tuple[Institution, Standing]:
    """An institution whose folder the person may open, or 404: of a sensitive unit nobody from outside."""
    row, standing = visible(request, pk)
    if not queries.sees_inside(request.user, standing):
        raise Http404
    return row, standing


def _contents(row: Institution, standing: Standing, year: int) -> list[vouchers.Wanted]:
    return vouchers.contents(standing, vouchers.folder(row, year), given("used", [row.pk], year).get(row.pk), book().vouchers)


@needs("see")
def folder(request: HttpRequest, pk: int, year: int) -> HttpResponse:
    """What is in the folder of a year, by kind, what is missing, and the form to put something in."""
    row, standing = _inside(request, pk)
    refused: Refused | None = None
    may = vouchers.rights_in(request.user, standing.office.path, row.key)
    if request.method == "POST":
        try:
            _put(request, row, year)
        except Refused as refusal:
            if any(p.code == "people.forbidden" for p in refusal.problems):
                raise
            refused = refusal
        else:
            return HttpResponseRedirect(reverse("vouchers", args=[row.pk, year]))
    found, items = _contents(row, standing, year), book().items
    return render(request, "registry/folder.html", {
        "title": T("{n} {y} 年佐证材料", "{n}: papers of {y}", n=standing.name, y=year), "institution": row, "standing": standing, "year": year, "found": [
            {"w": w, "items": [items[i].label for i in w.kind.items if i in items], "rows": [(v, [items[i].label for i in v.items if i in items]) for v in w.rows]} for w in found],
        "missing": sum(w.missing for w in found), "count": sum(len(w.rows) for w in found), "may": may, "problems": refused.problems if refused else [], "post": request.POST,
        "kinds": [k for k in book().vouchers.values() if not (k.photo and standing.sensitive)], "limit": vouchers.LIMIT >> 20, "accepted": "、".join(vouchers.ACCEPTED.values()),
        "years": sorted({year, *given("years")}, reverse=True), "withdrawn": row.vouchers.filter(year=year).exclude(withdrawn="").select_related("by"),
        "known": given("used", [row.pk], year).get(row.pk) is not None}, status=422 if refused else 200)


def _put(request: HttpRequest, row: Institution, year: int) -> None:
    """Each file of the form into the folder; good ones go in, the rest are told by name."""
    uploads = request.FILES.getlist("file")
    if not uploads:
        raise refuse("voucher.file", T("还没有选文件", "no file chosen"))
    problems: list[Problem] = []
    done = 0
    for upload in uploads:
        try:
            vouchers.add(request.user, row, year, request.POST.get("kind", ""), upload.file, upload.name or "", request.POST.get("label", ""))
            done += 1
        except Refused as refusal:
            problems += refusal.problems
    if done:
        messages.success(request, str(T("已收下 {n} 份", "{n} received", n=done)))
    if problems:
        raise Refused(*problems)


@require_POST
@needs("see")
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a paper out, with a reason."""
    row = get_object_or_404(Voucher.objects.select_related("institution"), pk=pk)
    _inside(request, row.institution_id)
    vouchers.withdraw(request.user, row, request.POST.get("reason", ""))
    messages.success(request, str(T("已撤下“{n}”，原件仍留存", "“{n}” taken out; the file stays as received", n=row.label)))
    return HttpResponseRedirect(reverse("vouchers", args=[row.institution_id, row.year]))


@needs("see")
def paper(request: HttpRequest, pk: int) -> HttpResponse:
    """One paper as a download of a fixed type, never shown in the page (U8)."""
    row = get_object_or_404(Voucher.objects.select_related("file"), pk=pk)
    _inside(request, row.institution_id)
    path = files.path_of(row.file.sha256)
    if not path.exists():
        raise Http404
    response = FileResponse(open(path, "rb"), as_attachment=True, filename=row.file.name, content_type="application/octet-stream")  # noqa: SIM115  closed by the response
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-File-Intact"] = "yes" if files.intact(row.file) else "no"
    return response


@needs("see")
def folder_zip(request: HttpRequest, pk: int, year: int) -> HttpResponse:
    """The whole folder as a zip with its index."""
    row, standing = _inside(request, pk)
    name = f"{standing.name}-{year}-佐证材料.zip"
    response = HttpResponse(vouchers.zipped(standing, year, _contents(row, standing, year)), content_type="application/zip")
    response.headers["Content-Disposition"] = f"attachment; filename=\"{quote(name)}\"; filename*=UTF-8''{quote(name)}"
    return response


def _lacking(request: HttpRequest, year: int, rows: list[Standing]) -> list[dict[str, Any]]:
    """Of each institution how many papers there are and which are missing."""
    ids = [s.institution_id for s in rows]
    used, kinds = given("used", ids, year), book().vouchers
    there: dict[int, list[Voucher]] = {}
    for v in Voucher.objects.filter(institution__in=ids, year=year, withdrawn="").select_related("file"):
        there.setdefault(v.institution_id, []).append(v)
    result, areas = [], area_names()
    for s in rows:
        mine = there.get(s.institution_id, [])
        missing = [w.kind.label for w in vouchers.contents(s, mine, used.get(s.institution_id), kinds) if w.missing]
        result.append({"s": s, "area": areas.get(s.area, s.area), "count": len(mine), "missing": missing, "filed": s.institution_id in used})
    return result


def _institutions(request: HttpRequest, year: int) -> Any:
    rows = queries.search(queries.seen(request.scope, Period("year", year).last_day).filter(in_scope=True, covered_by=None), request.GET.get("q", ""))
    rows = rows.exclude(institution__in=queries.closed_to(request.user))
    if area := request.GET.get("area", ""):
        rows = rows.filter(area=area)
    if request.GET.get("show") == "some":
        rows = rows.filter(institution__in=Voucher.objects.filter(year=year, withdrawn="").values("institution"))
    elif request.GET.get("show") == "none":
        rows = rows.exclude(institution__in=Voucher.objects.filter(year=year, withdrawn="").values("institution"))
    return rows.order_by("office__path", "institution__key")


@needs("see")
def missing(request: HttpRequest) -> HttpResponse:
    """Per institution and year: how many papers are there, which are missing."""
    year, years = year_asked(request)
    page = Paginator(_institutions(request, year), 25).get_page(request.GET.get("page"))
    areas = [o for o in area_offices() if any(o.path.startswith(x) or x.startswith(o.path) for x in request.scope.lines)]
    return render(request, "registry/missing.html", {
        "title": T("佐证材料", "Papers"), "page": page, "rows": _lacking(request, year, list(page.object_list)), "year": year, "years": years, "filters": request.GET, "areas": areas,
        "some": Voucher.objects.filter(year=year, withdrawn="", institution__in=_institutions(request, year).values("institution")).values("institution").distinct().count(),
        "kinds": book().vouchers.values(), "today": timezone.localdate()})


@needs("see")
def missing_xlsx(request: HttpRequest) -> HttpResponse:
    """缺材料清单 of the filter."""
    year, _ = year_asked(request)
    data = [[r["s"].institution.key, r["s"].name, r["area"], r["s"].department, r["count"], len(r["missing"]), "、".join(str(m) for m in r["missing"])]
            for r in _lacking(request, year, list(_institutions(request, year)))]
    columns = [Column(T("统一社会信用代码", "credit code"), 22), Column(T("单位", "institution"), 30), Column(T("统计归口", "line"), 12), Column(T("主管部门", "department"), 18),
               Column(T("已有（份）", "there"), 8), Column(T("缺（类）", "missing"), 8), Column(T("缺哪些", "which"), 60)]
    return workbook_response(list_workbook(T("佐证材料缺项清单", "Missing papers"), columns, data, notes=[str(year), str(T("材料目录为样例", "the list of papers is a sample"))]), "佐证材料缺项.xlsx")
