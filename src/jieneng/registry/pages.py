"""The register: its list, one institution with its whole history, the tree of offices."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone

from jieneng.core.asked import year as asked_year
from jieneng.core.period import Period
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.models import Office
from jieneng.people.queries import area_offices
from jieneng.people.scope import forbidden, scope
from jieneng.records.rules import book
from jieneng.records.workbook import Column, list_workbook, workbook_response

from . import credit_code, offices, queries
from .contacts import ROLES
from .given import given
from .models import Contact, Institution, OfficeChange, Standing
from .planning import HOW, TOLD

KINDS = ("in", "covered", "out", "apart", "sensitive", "changed", "all")


def year_asked(request: HttpRequest) -> tuple[int, list[int]]:
    """The year in the address if it has a round, else the newest; and all years with rounds."""
    years = given("years")
    text = request.GET.get("year", "")
    found = asked_year(text)
    year = found if found is not None and found in years else (years[0] if years else timezone.localdate().year)
    return year, years


def area_names() -> dict[str, str]:
    """Area code → its name: fetched once for a list, not once a row."""
    return {o.area: o.name for o in area_offices()}


def area_name(code: str) -> str:
    return area_names().get(code, code)


def _of_kind(rows: Any, kind: str, year: int) -> Any:
    """Narrow a list of standings: in scope, covered, not counted, line ≠ territory, sensitive, changed in the year."""
    if kind == "covered":
        return rows.exclude(covered_by=None)
    if kind == "out":
        return rows.filter(in_scope=False, covered_by=None)
    if kind == "apart":
        return rows.filter(in_scope=True, covered_by=None).exclude(territory="").exclude(territory=F("area"))
    if kind == "sensitive":
        return rows.filter(sensitive=True)
    if kind == "changed":
        return rows.filter(since__year=year)
    return rows if kind == "all" else rows.filter(in_scope=True, covered_by=None)


def narrowed(request: HttpRequest) -> tuple[Any, dt.date, int]:
    """The standings that the filters in the address show, on which day, for which year."""
    year, _ = year_asked(request)
    day = Period("year", year).last_day
    rows = queries.search(queries.seen(request.scope, day), request.GET.get("q", ""))
    for name in ("area", "type", "department", "territory"):
        if value := request.GET.get(name, ""):
            rows = rows.filter(**{name: value})
            if name == "territory":
                rows = rows.exclude(institution__in=queries.closed_to(request.user))
    if office := request.GET.get("office", ""):
        rows = rows.filter(office__path__startswith=next((o.path for o in Office.objects.filter(code=office)), "-"))
    rows = _of_kind(rows, request.GET.get("kind", "in"), year)
    orders = {"name": "name", "area": "office__path", "type": "type", "code": "institution__key"}
    sort = request.GET.get("sort", "area")
    key = orders.get(sort.lstrip("-"), "office__path")
    return rows.order_by(("-" if sort.startswith("-") else "") + key, "institution__key"), day, year


@needs("see")
def register(request: HttpRequest) -> HttpResponse:
    """The register: search, filters, statistical line and territory apart."""
    rows, day, year = narrowed(request)
    page = Paginator(rows, 100 if request.GET.get("per") == "100" else 25).get_page(request.GET.get("page"))
    sizes = given("sizes", [s.institution_id for s in page.object_list], year)
    mine = queries.inside_scope(request.user)
    names = _liaisons([s.institution_id for s in page.object_list if mine.covers(s.office.path, s.institution.key)])
    closed = queries.closed_to(request.user, [s.institution_id for s in page.object_list])
    everything, rules, areas_ = queries.seen(request.scope, day), book(), area_names()
    shown = [{"s": s, "size": {} if s.institution_id in closed else sizes.get(s.institution_id, {}), "type": rules.types.get(s.type), "area": areas_.get(s.area, s.area),
              "territory": None if s.sensitive else rules.divisions.get(s.territory), "liaison": names.get(s.institution_id, ""), "notes": _notes(s, year)}
             for s in page.object_list]
    on, address = request.GET.get("on", ""), request.GET.copy()
    for r in shown:
        address["on"] = str(r["s"].institution_id)
        r["on"] = "?" + address.urlencode() + "#card"
    chosen = next((s for s in page.object_list if on == str(s.institution_id)), page.object_list[0] if page.object_list else None)
    areas = [o for o in area_offices() if any(o.path.startswith(x) or x.startswith(o.path) for x in request.scope.lines)]
    return render(request, "registry/register.html", {
        "title": T("名录库", "Register"), "page": page, "day": day, "year": year, "filters": request.GET, "rows": shown, "total": page.paginator.count,
        "areas": areas, "types": rules.types.values(), "office": Office.objects.filter(code=request.GET.get("office") or "-").first(),
        "kinds": {k: _of_kind(everything, k, year).count() for k in KINDS}, "years": given("years"), "see_people": bool(mine),
        "d": card(request, chosen.institution, chosen, year) if chosen else None})


def _liaisons(institutions: list[int]) -> dict[int, str]:
    """Names of liaison officers of some institutions."""
    return {c.institution_id: c.name for c in _present(institutions).filter(role="liaison").order_by("since")}


def _present(institutions: Any) -> Any:
    today = timezone.localdate()
    return Contact.objects.filter(Q(until=None) | Q(until__gte=today), institution__in=institutions)


def _notes(s: Standing, year: int) -> list[T]:
    """What the last column says, as short marks."""
    notes: list[T] = []
    if s.covered_by_id:
        notes.append(T("代报", "covered"))
    elif not s.in_scope:
        notes.append(T("不计入", "not counted"))
    elif s.territory and s.territory != s.area and not s.sensitive:
        notes.append(T("归口 ≠ 所在地", "line ≠ territory"))
    if s.sensitive:
        notes.append(T("只报合计", "totals only"))
    if s.since.year == year and s.change_id:
        notes.append(T("{y} 年变更", "changed in {y}", y=year))
    return notes


@needs("see")
def register_xlsx(request: HttpRequest) -> HttpResponse:
    """What the filter shows, as a workbook. Names and phones of people stay out (P14), places of sensitive units too."""
    rows, day, year = narrowed(request)
    rules, names = book(), {o.area: o.name for o in area_offices()}
    rows = list(rows)
    closed = queries.closed_to(request.user)
    sizes = given("sizes", [s.institution_id for s in rows if s.institution_id not in closed], year)
    data = [[s.institution.key, s.name, names.get(s.area, s.area), s.department, _place(s, rules),
             str(rules.types[s.type].label) if s.type in rules.types else s.type, s.since.isoformat(), str(T("是", "yes") if s.in_scope else T("否", "no")),
             *(Decimal(v) if (v := sizes.get(s.institution_id, {}).get(i)) is not None else None for i in ("area_m2", "people")),
             "；".join([*(str(n) for n in _notes(s, year)), *([s.reason] if s.reason else [])])] for s in rows]
    columns = [Column(T("统一社会信用代码", "credit code"), 22), Column(T("单位名称", "name"), 32), Column(T("统计归口", "line"), 12),
               Column(T("主管部门", "department"), 16), Column(T("所在地", "territory"), 12), Column(T("类型", "type"), 12),
               Column(T("登记起", "since"), 12), Column(T("纳入统计", "in scope"), 10),
               Column(T("面积（m²）", "area (m²)"), 14), Column(T("人数", "people"), 10), Column(T("备注", "note"), 24)]
    return workbook_response(list_workbook(T("名录库", "Register"), columns, data, notes=[str(T("{d} 时点", "as of {d}", d=day.isoformat()))]), "名录库.xlsx")


def _place(s: Standing, rules: Any) -> str:
    if s.sensitive:
        return ""
    return str(rules.divisions[s.territory].name) if s.territory in rules.divisions else s.territory


def visible(request: HttpRequest, pk: int) -> tuple[Institution, Standing]:
    """An institution in the person's scope with its present standing, or 404."""
    row = get_object_or_404(Institution, pk=pk)
    standing = queries.standing_of(row, timezone.localdate()) or row.standings.select_related("office").order_by("since").first()
    if standing is None or not request.scope.covers(standing.office.path, row.key):
        raise Http404
    standing.institution = row
    return row, standing


@needs("see")
def institution(request: HttpRequest, pk: int) -> HttpResponse:
    """One institution: standing, every dated change with its paper, who it covers, who came from it, its returns and figures."""
    row, standing = visible(request, pk)
    year = year_asked(request)[0]
    found = card(request, row, standing, year)
    return render(request, "registry/institution.html", {**found, "d": found, "title": standing.name, "institution": row,
                                                         **given("panels", request, row, found["inside"])})


def card(request: HttpRequest, row: Institution, standing: Standing, year: int) -> dict[str, Any]:
    """What is shown of one institution beside the list and on its own page."""
    today, rules = timezone.localdate(), book()
    inside, insider = queries.sees_inside(request.user, standing), queries.insider(request.user, standing.office.path, row.key)
    history = list(row.standings.select_related("office", "covered_by", "change").order_by("-since"))
    covered = list(queries.standings(today).filter(covered_by=row))
    keeps = scope(request.user, "edit_register").covers_line(standing.office.path)
    return {
        "standing": standing, "type": rules.types.get(standing.type), "inside": inside, "insider": insider, "aliases": list(row.aliases.all()),
        "area": area_name(standing.area), "territory": None if standing.sensitive else rules.divisions.get(standing.territory), "keeps": keeps,
        "cover": queries.standing_of(standing.covered_by, today) if standing.covered_by else None, "how": HOW.get(standing.covered_how),
        "history": differences(history, standing.sensitive), "covered": [(s, HOW.get(s.covered_how)) for s in covered], "family": _family(request, row),
        "code": _code_words(row), "size": given("sizes", [row.pk], year).get(row.pk, {}) if inside else {},
        "contacts": [(ROLES.get(c.role, c.role), c) for c in sorted(_present([row.pk]), key=lambda c: [*ROLES, c.role].index(c.role))] if insider else [],
        "folder_year": year, "papers": row.vouchers.filter(year=year, withdrawn="").count() if inside else None}


def _code_words(row: Institution) -> T | None:
    """What is to be said about an institution's code: what is wrong with it, or where it was registered; None when nothing is."""
    if row.scheme != "uscc":
        return None
    if (wrong := credit_code.fault(row.key)) is not None:
        return wrong
    return credit_code.registered(row.key, {c: str(d.name) for c, d in book().divisions.items()})


def _family(request: HttpRequest, row: Institution) -> list[dict[str, Any]]:
    """Mergers and splits that touch an institution: when, from whom, into whom; those outside the scope without a link."""
    found = []
    for parent, child, since, kind in queries.lineage():
        if row.pk in (parent, child):
            other = child if row.pk == parent else parent
            standing = Standing.objects.filter(institution=other).select_related("office", "institution").order_by("-since").first()
            seen = standing is not None and request.scope.covers(standing.office.path, standing.institution.key)
            found.append({"since": since, "kind": TOLD[kind], "into": row.pk == parent, "pk": other if seen else None,
                          "name": standing.name if standing and seen else T("（范围外的单位）", "(outside your scope)")})
    return found


LABELS = {"name": T("名称", "name"), "office": T("归口", "line"), "territory": T("所在地", "territory"), "type": T("类型", "type"),
          "in_scope": T("纳入统计", "in scope"), "covered_by": T("代报单位", "covered by"), "department": T("主管部门", "department"), "sensitive": T("敏感单位", "sensitive")}


def differences(history: list[Standing], sensitive: bool = False) -> list[dict[str, Any]]:
    """Dated standings, newest first, each with what changed from the one before it."""
    rules = book()
    names: dict[int, str] = {}
    wanted = {s.covered_by_id for s in history if s.covered_by_id}
    for s in Standing.objects.filter(institution__in=wanted).order_by("since"):
        names[s.institution_id] = s.name

    def word(field: str, s: Standing) -> str:
        value = getattr(s, field)
        if field == "covered_by":
            return names.get(s.covered_by_id or 0, "—")
        if field == "type":
            return str(rules.types[value].label) if value in rules.types else value or "—"
        if field == "territory":
            return str(rules.divisions[value].name) if value in rules.divisions else value or "—"
        if isinstance(value, bool):
            return str(T("是", "yes") if value else T("否", "no"))
        return str(value or "—")

    result = []
    for n, s in enumerate(history):
        before = history[n + 1] if n + 1 < len(history) else None
        changes = [] if before is None else [
            {"label": LABELS[f], "old": word(f, before), "new": word(f, s)}
            for f in LABELS if getattr(before, f) != getattr(s, f) and not (sensitive and f == "territory")]
        result.append({"standing": s, "changes": changes, "first": before is None, "kind": TOLD.get(s.change.kind) if s.change else None})
    return result


# ---- the tree of offices ----

def _office_verb(request: HttpRequest) -> T:
    """One of add, rename, move, close, from the form; what was done, in words."""
    post = request.POST
    office = next((o for o in Office.objects.filter(code=post.get("office", "-"), active=True) if request.scope.covers_line(o.path)), None)
    if office is None:
        raise Http404
    try:
        since = dt.date.fromisoformat(post.get("since", ""))
    except ValueError:
        raise refuse("office.day", T("“{d}”不是日期", "“{d}” is not a date", d=post.get("since", "")), expected=T("2022-09-01", "2022-09-01")) from None
    verb, paper = post.get("verb", ""), (since, post.get("reason", ""), post.get("document", ""))
    name = post.get("name", "").strip()
    if verb == "add":
        offices.add(request.user, office, post.get("code", ""), name, post.get("kind", ""), *paper)
        return T("已在“{p}”下新设“{n}”", "“{n}” added under “{p}”", p=office.name, n=name)
    if verb == "rename":
        offices.rename(request.user, office, name, *paper)
        return T("“{o}”已更名为“{n}”", "“{o}” is now “{n}”", o=office.name, n=name)
    if verb == "move":
        parent = next((o for o in Office.objects.filter(code=post.get("parent", "-"), active=True) if request.scope.covers_line(o.path)), None)
        if parent is None:
            raise Http404
        offices.move(request.user, office, parent, *paper)
        return T("“{o}”已移到“{p}”下", "“{o}” moved under “{p}”", o=office.name, p=parent.name)
    if verb == "close":
        offices.close(request.user, office, *paper)
        return T("“{o}”已撤销", "“{o}” closed", o=office.name)
    raise Http404


@needs("edit_register", "see")
def office_tree(request: HttpRequest) -> HttpResponse:
    """The offices as a tree with counts; who keeps the register adds, renames, moves and closes them, with day and paper."""
    refused: Refused | None = None
    keeps = scope(request.user, "edit_register")
    if request.method == "POST":
        if not keeps:
            raise forbidden(request.user, "edit_register")
        request.scope = keeps
        try:
            done = _office_verb(request)
        except Refused as refusal:
            if any(p.code == "people.forbidden" for p in refusal.problems):
                raise
            refused = refusal
        else:
            messages.success(request, str(done))
            return HttpResponseRedirect(reverse("offices"))
    seen = scope(request.user, "see")
    year, years = year_asked(request)
    day = Period("year", year).last_day
    nodes = queries.tree(seen.lines, day)
    closed = OfficeChange.objects.filter(office__in=Office.objects.filter(_under(seen.lines))).select_related("office", "by")
    return render(request, "registry/offices.html", {
        "title": T("归口机构", "Offices"), "nodes": nodes, "keeps": [n for n in nodes if keeps.covers_line(n.office.path)], "changes": closed[:50], "day": day,
        "year": year, "years": years, "problems": refused.problems if refused else [], "given": request.POST, "kinds": dict(Office.KINDS),
        "open": ["add", "rename", "move", "close"]}, status=422 if refused else 200)


def _under(lines: Any) -> Q:
    inside = Q(pk__in=[])
    for line in lines:
        inside |= Q(path__startswith=line)
    return inside


@needs("see")
def offices_xlsx(request: HttpRequest) -> HttpResponse:
    """The tree of offices with codes, as a workbook: codes are what the workbook of changes asks for."""
    year, _ = year_asked(request)
    kinds = dict(Office.KINDS)
    data = [[n.office.code, "　" * n.depth + n.office.name, kinds.get(n.office.kind, n.office.kind), n.office.parent.name if n.office.parent else "", n.own, n.whole, n.covered]
            for n in queries.tree(request.scope.lines, Period("year", year).last_day)]
    columns = [Column(T("代码", "code"), 22), Column(T("机构", "office"), 40), Column(T("类别", "kind"), 12), Column(T("上级", "under"), 24),
               Column(T("直接归口（家）", "reporting to it"), 12), Column(T("含下级（家）", "with those below"), 12), Column(T("代报（个）", "covered"), 12)]
    return workbook_response(list_workbook(T("归口机构", "Offices"), columns, data, notes=[str(year)]), "归口机构.xlsx")
