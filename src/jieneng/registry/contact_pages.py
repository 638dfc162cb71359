"""The liaison list, who may see it (promise P14), and the hand-over note of one institution."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.queries import area_offices
from jieneng.people.scope import require, scope
from jieneng.records.rules import book
from jieneng.records.workbook import Column, list_workbook, workbook_response

from . import contacts, queries, vouchers
from .contacts import ROLES, Person
from .given import given
from .models import Contact, Standing
from .pages import area_name, area_names, visible, year_asked


def _rows(request: HttpRequest, on: dt.date) -> Any:
    """The institutions of the filter of which this person may see names and numbers, in scope or covered."""
    mine = queries.inside_scope(request.user)
    rows = queries.search(queries.seen(mine, on).filter(in_scope=True), request.GET.get("q", ""))
    if area := request.GET.get("area", ""):
        rows = rows.filter(area=area)
    present = Contact.objects.filter(until=None)
    if request.GET.get("show") == "none":
        rows = rows.exclude(institution__in=present.filter(role="liaison").values("institution"))
    elif request.GET.get("show") == "some":
        rows = rows.filter(institution__in=present.values("institution"))
    return rows.order_by("office__path", "institution__key")


def _held(standings: list[Standing]) -> list[dict[str, Any]]:
    """Who holds which part at each of some institutions."""
    table: dict[int, dict[str, Contact]] = {}
    areas = area_names()
    for c in Contact.objects.filter(institution__in=[s.institution_id for s in standings], until=None).order_by("since"):
        table.setdefault(c.institution_id, {})[c.role] = c
    return [{"s": s, "area": areas.get(s.area, s.area), "people": [(ROLES[r], table.get(s.institution_id, {}).get(r)) for r in ROLES]} for s in standings]


@needs("review", "edit_register", "file")
def liaison(request: HttpRequest) -> HttpResponse:
    """Whom to call: leader, head of statistics, liaison officer, with office and landline, of each institution one reviews or keeps."""
    rows = _rows(request, timezone.localdate())
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    mine = queries.inside_scope(request.user)
    areas = [o for o in area_offices() if any(o.path.startswith(x) or x.startswith(o.path) for x in mine.lines)]
    without = queries.seen(mine, timezone.localdate()).filter(in_scope=True).exclude(
        institution__in=Contact.objects.filter(until=None, role="liaison").values("institution")).count()
    return render(request, "registry/liaison.html", {
        "title": T("联络员名单", "Liaison list"), "page": page, "rows": _held(list(page.object_list)), "roles": ROLES.values(), "without": without, "areas": areas,
        "filters": request.GET, "may_export": "review" in _verbs(request)})


def _verbs(request: HttpRequest) -> set[str]:
    return {v for v in queries.INSIDERS if scope(request.user, v)}


@needs("review", "edit_register", "file")
def liaison_xlsx(request: HttpRequest) -> HttpResponse:
    """Without names and numbers: who has somebody to call and who has not. With them only by ``POST``, which leaves an event."""
    personal = request.method == "POST"
    rows = list(_rows(request, timezone.localdate()))
    if personal:
        mine = scope(request.user, "review")
        require(request.user, "review")
        rows = [s for s in rows if mine.covers_line(s.office.path)]
        contacts.told_export(request.user, mine.lines[0], len(rows))
    data = []
    for r in _held(rows):
        line: list[Any] = [r["s"].institution.key, r["s"].name, r["area"], r["s"].department]
        for _, c in r["people"]:
            line += [c.name, c.office_name, c.phone] if c and personal else ["", "", ""] if personal else [str(T("有", "yes") if c else T("缺", "missing"))]
        data.append(line)
    columns = [Column(T("统一社会信用代码", "credit code"), 22), Column(T("单位", "institution"), 30), Column(T("统计归口", "line"), 12), Column(T("主管部门", "department"), 18)]
    for label in ROLES.values():
        columns += [Column(label, 10), *([Column(T("科室、职务", "office, post"), 14), Column(T("办公电话", "landline"), 16)] if personal else [])]
    note = T("含个人信息，只用于工作联系，用后删除", "holds personal data: for work only, delete after use") if personal else T("不含姓名和电话", "without names and numbers")
    return workbook_response(list_workbook(T("联络员名单", "Liaison list"), columns, data, notes=[str(note)]), "联络员名单.xlsx")


@require_POST
@needs("edit_register", "file")
def set_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """Who holds a part from a day on."""
    institution, _ = visible(request, pk)
    post = request.POST
    try:
        since = dt.date.fromisoformat(post.get("since", ""))
    except ValueError:
        raise refuse("contact.day", T("“{d}”不是日期", "“{d}” is not a date", d=post.get("since", "")), expected=T("2022-09-01", "2022-09-01"), where=Place(field="since")) from None
    made = contacts.set_contact(request.user, institution, Person(post.get("role", ""), post.get("name", ""), post.get("office_name", ""), post.get("phone", "")), since)
    messages.success(request, str(T("已登记{r}（{d} 起）", "{r} entered (from {d})", r=str(ROLES[made.role]), d=since.isoformat())))
    return HttpResponseRedirect(reverse("liaison-handover", args=[institution.pk]))


@needs("review", "edit_register", "file")
def handover(request: HttpRequest, pk: int) -> HttpResponse:
    """交接单, printable on one A4 page: who hands over to whom, what the institution is, which returns are open, which papers are missing."""
    institution, standing = visible(request, pk)
    rules, (year, _) = book(), year_asked(request)
    held = list(Contact.objects.filter(institution=institution).order_by("role", "-since"))
    present = {c.role: c for c in held if c.until is None}
    former = [c for c in held if c.until is not None]
    open_ = given("owed", [institution.pk], dt.date(2000, 1, 1)).get(institution.pk, 0)
    used = given("used", [institution.pk], year).get(institution.pk)
    missing = [w.kind.label for w in vouchers.contents(standing, vouchers.folder(institution, year), used, rules.vouchers) if w.missing]
    covered = list(queries.standings(timezone.localdate()).filter(covered_by=institution))
    return render(request, "registry/handover.html", {
        "title": T("{n} 交接单", "Hand-over note: {n}", n=standing.name), "institution": institution, "standing": standing, "area": area_name(standing.area), "year": year,
        "type": rules.types.get(standing.type), "present": [(r, label, present.get(r)) for r, label in ROLES.items()], "former": [(ROLES.get(c.role, c.role), c) for c in former[:10]],
        "open": open_, "missing": missing, "covered": covered, "today": timezone.localdate(), "roles": ROLES.items(),
        "may": any(scope(request.user, v).covers(standing.office.path, institution.key) for v in ("edit_register", "file"))})
