"""填报对照单: one A4 page a unit, in the order the platform asks in, from which the unit keys its figures in."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.scope import scope
from jieneng.records.workbook import workbook_response
from jieneng.registry.models import Standing
from jieneng.registry.queries import closed_to
from jieneng.returns.queries import book, main_form

from . import books, queries
from .pages import _year, years

MOST = 400
"""Units in one workbook."""


def _units(request: HttpRequest, year: int) -> list[Standing]:
    """The units of the scope that report themselves, narrowed by area, name or code."""
    mine, closed, area, q = scope(request.user, "see"), closed_to(request.user), request.GET.get("area", ""), request.GET.get("q", "").strip()
    found = [s for s in queries.lines_of(year).values() if s.in_scope and not s.covered_by_id and s.institution_id not in closed and mine.covers(s.office.path, s.institution.key)
             and (not area or s.area == area) and (not q or q in s.name or s.institution.key == q)]
    return sorted(found, key=lambda s: (s.office.path, s.name))


@needs("see")
def sheets(request: HttpRequest) -> HttpResponse:
    """The sheets on screen and on paper, one page each. ``?xlsx=1``: a workbook with a sheet for each unit."""
    year = _year(request)
    units = _units(request, year)
    if request.GET.get("xlsx"):
        if len(units) > MOST:
            raise refuse("sheets.many", T("一次最多 {m} 家，选了 {n} 家", "at most {m} units at once, {n} chosen", m=MOST, n=len(units)), do=T("先选县区", "choose a line first"))
        return workbook_response(books.sheets(year, units), f"填报对照单-{year}.xlsx")
    page = Paginator(units, 10).get_page(request.GET.get("page"))
    return render(request, "exchange/sheets.html", {
        "title": T("填报对照单", "Reference sheets"), "year": year, "years": years(), "page": page, "sheets": books.filled(year, list(page)), "filters": request.GET,
        "areas": books.areas(), "total": len(units), "form": next((f for f in book().forms.values() if f.code == main_form()), None)})
