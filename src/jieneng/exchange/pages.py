"""Pages: the two-sided table, lists of corrections, what an import changed, what the platform says of each unit."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Collection, Iterable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.asked import year as asked_year
from jieneng.core.period import Period
from jieneng.core.problem import Place, Refused, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.models import Office
from jieneng.people.queries import verbs_of
from jieneng.people.scope import Scope, scope
from jieneng.records.workbook import Column, list_workbook, workbook_response
from jieneng.registry.models import Institution
from jieneng.registry.queries import closed_to
from jieneng.returns.models import Import, Round
from jieneng.returns.queries import book, main_form, returns_in

from . import actions, books, queries
from .models import HOLDERS, STATES, Correction, CorrectionList, PlatformRow

UNDECIDED_WORD = T("建议值，请单位核实", "suggested value, for the unit to check")


def _year(request: HttpRequest) -> int:
    """The year asked for, else the newest the platform's figures speak of, else that of the newest round."""
    asked = request.GET.get("year") or request.POST.get("year") or ""
    if found := asked_year(asked):
        return found
    row = PlatformRow.objects.order_by("-year").values_list("year", flat=True).first()
    round_ = Round.objects.filter(form=main_form()).order_by("-year").first()
    return row or (round_.year if round_ else dt.date.today().year - 1)


def _holder(request: HttpRequest) -> str:
    asked = request.GET.get("holder") or request.POST.get("holder") or ""
    return asked if asked in HOLDERS else "platform"


def years() -> list[int]:
    found = set(Round.objects.filter(form=main_form()).values_list("year", flat=True)) | set(PlatformRow.objects.values_list("year", flat=True).distinct())
    return sorted(found, reverse=True)


# --- the two-sided table ---------------------------------------------------------------------------------------------


def _narrowed(request: HttpRequest, lines: list[queries.Line]) -> list[queries.Line]:
    """The lines that the filters in the address leave."""
    get = request.GET
    show, area, item, verdict, q = (get.get(k, "").strip() for k in ("show", "area", "item", "verdict", "q"))
    lines = [x for x in lines if (not area or x.area == area) and (not item or x.item == item) and (not verdict or x.verdict == verdict)]
    if q:
        lines = [x for x in lines if q.lower() in x.name.lower()]
    if show == "open":
        return [x for x in lines if x.open]
    if show in ("explained", "same"):
        return [x for x in lines if x.verdict == show]
    return lines


def _open_to(request: HttpRequest, lines: list[queries.Line]) -> list[queries.Line]:
    """Without the lines of sensitive units, of which those who only look on see totals."""
    closed = closed_to(request.user)
    return [x for x in lines if x.institution not in closed]


def _table(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    year, holder = _year(request), _holder(request)
    mine = scope(request.user, "see")
    every = _open_to(request, queries.table(mine, holder, main_form(), year))
    shown, items, names = _narrowed(request, every), books.items(year), books.areas()
    page = Paginator(shown, 50).get_page(request.GET.get("page"))
    ours = {(r.institution_id, r.period): r.pk for r in returns_in(mine).filter(round__form=main_form(), round__year=year, institution__in={x.institution for x in page})}
    area = request.GET.get("area", "")
    round_ = Round.objects.filter(form=main_form(), year=year).first()
    batch = queries.last_import(holder, main_form(), year)
    asked = [x for x in every if x.correction is not None and x.correction.side == "platform" and (not area or x.area == area)]
    adoptable = [x for x in every if x.verdict == "ours" and x.correction is not None]
    return render(request, "exchange/compare.html", {
        "title": T("两边对照：本库与{h}", "Two sides: ours and the {h}", h=HOLDERS[holder]), "year": year, "years": years(), "holder": holder,
        "holder_word": HOLDERS[holder], "holders": HOLDERS, "page": page, "filters": request.GET, "items": items, "areas": names,
        "rows": [{**_row(x, items, names), "ret": ours.get((x.institution, x.period))} for x in page], "totals": queries.totals(mine, holder, main_form(), year, every), "batch": batch,
        "verdicts": queries.VERDICTS, "progress": [{**p, "name": names.get(p["area"], p["area"]), "share": 100 * p["done"] // max(p["all"], 1)}
                                                   for p in queries.progress(every)],
        "asked": [_row(x, items, names) for x in asked[:20]], "asked_n": len(asked), "area": area, "area_name": names.get(area, ""),
        "round": round_, "may": "review" in verbs_of(request.user), "adoptable": [_row(x, items, names) for x in adoptable],
        "suggested": UNDECIDED_WORD, "typed": {}, **more}, status=status)


def _row(x: queries.Line, items: dict[str, dict[str, str]], names: dict[str, str]) -> dict[str, Any]:
    about = books.item_words(items, x.item)
    return {"x": x, "item": about, "area": names.get(x.area, x.area), "period": books.period_word(x.period),
            "c": x.correction, "state": STATES.get(x.correction.state) if x.correction else ""}


@needs("see")
def compare(request: HttpRequest) -> HttpResponse:
    """Ours against the platform's, unit × item × period: what is the same, who mends what is not, what was explained."""
    return _table(request)


@needs("review")
def waiting(request: HttpRequest) -> HttpResponse:
    """The line of the first page that counts what nobody has decided on; comparing all cells may take seconds, so that page asks for it afterwards."""
    year = _year(request)
    n = queries.undecided_in(scope(request.user, "review"), main_form(), year, closed_to(request.user))
    return render(request, "exchange/waiting.html", {"year": year, "n": n, "counted": True})


@needs("see")
def compare_xlsx(request: HttpRequest) -> HttpResponse:
    """What the filter shows, as a workbook."""
    year, holder = _year(request), _holder(request)
    lines = _narrowed(request, _open_to(request, queries.table(scope(request.user, "see"), holder, main_form(), year)))
    return workbook_response(books.differences(year, holder, lines), f"两边对照-{year}.xlsx")


@require_POST
@needs("review")
def decide(request: HttpRequest) -> HttpResponse:
    """For the chosen cells: the platform mends, ours mends, or the difference is explained. What was typed stays on a refusal."""
    year, holder = _year(request), _holder(request)
    keys, verb = request.POST.getlist("cell"), request.POST.get("verb", "")
    reason, word = request.POST.get("reason", ""), request.POST.get("word", "")
    try:
        chosen = actions.differences_at(holder, main_form(), year, keys)
        mine = scope(request.user, "review")
        lines = queries.lines_of(year)
        chosen = [d for d in chosen if d.institution in lines and mine.covers(lines[d.institution].office.path, lines[d.institution].institution.key)]
        if not chosen:
            raise refuse("exchange.none", T("没有选中不一致的数", "no differing value is chosen"), do=T("在表里勾选，再点一次", "tick lines in the table, then press again"))
        if verb == "explain":
            n = actions.explain(request.user, chosen, holder=holder, form=main_form(), year=year, reason=reason)
            messages.success(request, str(T("已说明 {n} 项", "{n} explained", n=n)))
        elif verb in ("platform", "ours"):
            n = actions.decide(request.user, book(), chosen, verb, holder=holder, form=main_form(), reason=reason, word=word, confirmed_on=_day(request))
            messages.success(request, str(T("{n} 项列入更正清单", "{n} put on the list of corrections", n=n) if verb == "platform" else
                                          T("{n} 项定为本库更正，请单位确认", "{n} for ours to mend, once the unit confirms", n=n)))
        else:
            raise refuse("exchange.verb", T("没有选办法", "no way was chosen"), T("平台更正、本库更正、说明", "platform to mend, ours to mend, explain"))
    except Refused as refused:
        return _table(request, 422, problems=refused.problems, typed={"cells": set(keys), "reason": reason, "word": word, "day": request.POST.get("day", "")})
    return HttpResponseRedirect(_back(request, "compare"))


def _day(request: HttpRequest) -> dt.date | None:
    text = request.POST.get("day", "").strip()
    if not text:
        return None
    try:
        found = parse_date(text)
    except ValueError:
        found = None
    if found is None:
        raise refuse("exchange.day", T("“{d}”不是日期", "“{d}” is no date", d=text[:20]), T("如 2023-03-16", "such as 2023-03-16"), where=Place(field="day"))
    return found


def _back(request: HttpRequest, name: str) -> str:
    """The page with the filter the person came with; only our own parameters are taken over."""
    from urllib.parse import urlencode

    kept = {k: request.POST[k] for k in ("year", "holder", "area", "show", "item", "verdict", "q", "page") if request.POST.get(k)}
    return reverse(name) + ("?" + urlencode(kept) if kept else "")


@require_POST
@needs("review")
def adopt(request: HttpRequest) -> HttpResponse:
    """Ours follow the platform where the unit confirmed it; refused without whose word it is."""
    rows = _mine(request, Correction.objects.filter(pk__in=[k for x in request.POST.getlist("line") if (k := whole(x))], side="ours"))
    if not rows:
        raise refuse("exchange.none", T("没有选中要改的数", "nothing chosen"), do=T("勾选后再点", "tick lines first"))
    n = actions.adopt(request.user, book(), rows, word=request.POST.get("word", ""), confirmed_on=_day(request))
    messages.success(request, str(T("经填报单位确认，本库改了 {n} 项，报表待重新审核", "{n} of ours changed on the unit's word; the returns are to be reviewed again", n=n)))
    return HttpResponseRedirect(_back(request, "compare"))


# --- lists of corrections --------------------------------------------------------------------------------------------


def _mine(request: HttpRequest, rows: Iterable[Correction], verb: str = "review") -> list[Correction]:
    """Those of the corrections that lie in the person's scope."""
    mine, found = scope(request.user, verb), []
    lines: dict[int, dict[int, Any]] = {}
    for c in rows:
        if c.year not in lines:
            lines[c.year] = queries.lines_of(c.year)
        s = lines[c.year].get(c.institution_id)
        if s is not None and mine.covers(s.office.path, s.institution.key):
            found.append(c)
    return found


def _offices(request: HttpRequest, rows: list[tuple[Correction, Any]]) -> list[Office]:
    """The offices of the person's scope that have lines: areas and departments."""
    paths = {s.office.path for _, s in rows}
    return [o for o in Office.objects.filter(active=True).exclude(parent=None) if any(p.startswith(o.path) for p in paths)
            and scope(request.user, "see").covers_line(o.path)]


@needs("see")
def corrections(request: HttpRequest) -> HttpResponse:
    """Everything asked of the platform, by county and department: old, new, why, whose word, and what the next import found."""
    year, mine = _year(request), scope(request.user, "see")
    rows = queries.listed(mine, main_form(), year, closed=closed_to(request.user))
    offices = _offices(request, rows)
    chosen = next((o for o in offices if o.code == request.GET.get("office")), None)
    shown = [(c, s) for c, s in rows if chosen is None or s.office.path.startswith(chosen.path)]
    if request.GET.get("left"):
        shown = [(c, s) for c, s in shown if c.state != "done"]
    counts = {state: sum(c.state == state for c, _ in shown) for state in STATES}
    return render(request, "exchange/corrections.html", {
        "title": T("更正清单", "List of corrections"), "year": year, "years": years(), "offices": offices, "chosen": chosen, "filters": request.GET,
        "rows": books.lines(year, shown), "counts": counts, "states": STATES, "lists": queries.lists_in(mine, main_form(), year),
        "may": "review" in verbs_of(request.user), "left": [r for r in shown if r[0].state != "done"]})


@needs("see")
def corrections_xlsx(request: HttpRequest) -> HttpResponse:
    """The list of one office (``?office=``), or a workbook for each area in one archive."""
    year = _year(request)
    rows = queries.listed(scope(request.user, "see"), main_form(), year, closed=closed_to(request.user))
    if request.GET.get("left"):
        rows = [r for r in rows if r[0].state != "done"]
    offices = _offices(request, rows)
    if request.GET.get("office"):
        office = next((o for o in offices if o.code == request.GET["office"]), None)
        if office is None:
            raise Http404
        mine = [r for r in rows if r[1].office.path.startswith(office.path)]
        return workbook_response(books.corrections(year, mine, office.name), f"更正清单-{office.name}-{year}.xlsx")
    out, areas = io.BytesIO(), [o for o in offices if o.kind in ("county", "zone", "direct")] or offices
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for o in areas:
            mine = [r for r in rows if r[1].office.path.startswith(o.path)]
            archive.writestr(zipfile.ZipInfo(f"更正清单-{o.name}-{year}.xlsx", (2020, 1, 1, 0, 0, 0)), books.corrections(year, mine, o.name))
    return download(out.getvalue(), f"更正清单-{year}.zip", "application/zip")


def download(data: bytes, name: str, kind: str) -> HttpResponse:
    from urllib.parse import quote

    response = HttpResponse(data, content_type=kind)
    response.headers["Content-Disposition"] = f"attachment; filename=\"{quote(name)}\"; filename*=UTF-8''{quote(name)}"
    return response


@require_POST
@needs("review")
def issue(request: HttpRequest) -> HttpResponse:
    """Hand an office its list, numbered."""
    office = next((o for o in Office.objects.filter(code=request.POST.get("office", "")) if scope(request.user, "review").covers_line(o.path)), None)
    if office is None:
        raise Http404
    made = actions.issue(request.user, office, form=main_form(), year=_year(request))
    messages.success(request, str(T("{o} 第 {n} 次更正清单，{k} 项", "list {n} for {o}: {k} lines", o=office.name, n=made.number, k=made.lines.count())))
    return HttpResponseRedirect(reverse("correction-list", args=[made.pk]))


@needs("see")
def one_list(request: HttpRequest, pk: int) -> HttpResponse:
    """A list as it was handed over, with what became of each line; made to be printed. ``?xlsx=1``: as a workbook."""
    row = get_object_or_404(CorrectionList.objects.select_related("office", "by"), pk=pk)
    if not scope(request.user, "see").covers_line(row.office.path):
        raise Http404
    handed = set(row.lines.exclude(institution__in=closed_to(request.user)).values_list("pk", flat=True))
    rows = _with_standing(row, handed)
    if request.GET.get("xlsx"):
        return workbook_response(books.corrections(row.year, rows, row.office.name, row.number), f"更正清单-{row.office.name}-{row.year}-第{row.number}次.xlsx")
    counts = {state: sum(c.state == state for c, _ in rows) for state in STATES}
    return render(request, "exchange/correction_list.html", {
        "title": T("更正清单　{o}　第 {n} 次", "Corrections: {o}, list {n}", o=row.office.name, n=row.number), "list": row, "rows": books.lines(row.year, rows),
        "counts": counts, "states": STATES, "year": row.year})


def _with_standing(row: CorrectionList, handed: set[int]) -> list[tuple[Correction, Any]]:
    lines = queries.lines_of(row.year)
    found = [(c, lines[c.institution_id]) for c in row.lines.select_related("institution", "by", "checked__file") if c.institution_id in lines and c.pk in handed]
    return sorted(found, key=lambda r: (r[1].office.path, r[1].name, r[0].period, r[0].item))


@needs("review")
def new_correction(request: HttpRequest) -> HttpResponse:
    """Enter a line by hand: unit, item, period, what it should be, why and on whose word."""
    year = _year(request)
    typed = request.POST if request.method == "POST" else request.GET
    problems: Any = ()
    if request.method == "POST":
        try:
            made = _entered(request, year)
            messages.success(request, str(T("已列入更正清单", "put on the list")))
            return HttpResponseRedirect(reverse("corrections") + f"?year={made.year}")
        except Refused as refused:
            problems = refused.problems
    mine = scope(request.user, "review")
    units = sorted(((s.institution.key, s.name) for s in queries.lines_of(year).values() if s.in_scope and mine.covers(s.office.path, s.institution.key)), key=lambda u: u[1])
    return render(request, "exchange/new_correction.html", {
        "title": T("加一条更正", "Add a correction"), "year": year, "items": books.items(year), "units": units, "typed": typed, "problems": problems,
        "suggested": UNDECIDED_WORD}, status=422 if problems else 200)


def _entered(request: HttpRequest, year: int) -> Correction:
    """The line as typed. Raises ``Refused`` with every problem it can name."""
    code, period = request.POST.get("unit", "").strip(), request.POST.get("period", "").strip()
    code = code.rsplit("　", 1)[-1].strip()
    unit = Institution.objects.filter(key=code).first()
    s = queries.lines_of(year).get(unit.pk) if unit else None
    if unit is None or s is None or not scope(request.user, "review").covers(s.office.path, unit.key):
        raise refuse("exchange.unit", T("本范围内没有单位“{c}”", "no unit “{c}” in your scope", c=code[:40]), T("统一社会信用代码", "its credit code"), where=Place(field="unit"))
    try:
        Period.parse(period)
    except ValueError as error:
        raise refuse("exchange.period", T("“{p}”不是统计期", "“{p}” is no period", p=period[:20]), T("2022 或 2022-03", "2022 or 2022-03"), where=Place(field="period")) from error
    return actions.correct(request.user, book(), unit, form=main_form(), period=period, item=request.POST.get("item", ""), new=request.POST.get("new", ""),
                           reason=request.POST.get("reason", ""), word=request.POST.get("word", ""), confirmed_on=_day(request), origin="finding" if request.POST.get("origin") == "finding" else "hand")


@require_POST
@needs("review")
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a line out, with a reason."""
    rows = _mine(request, Correction.objects.filter(pk=pk).select_related("institution"))
    if not rows:
        raise Http404
    actions.withdraw(request.user, rows[0], request.POST.get("reason", ""))
    messages.success(request, str(T("已撤回", "withdrawn")))
    return HttpResponseRedirect(reverse("corrections") + f"?year={rows[0].year}")


# --- what an import changed ------------------------------------------------------------------------------------------


def _import(request: HttpRequest, pk: int) -> Import:
    row = get_object_or_404(Import.objects.select_related("file", "on_behalf", "by"), pk=pk)
    if row.on_behalf is None or not any(row.on_behalf.path.startswith(p) for p in scope(request.user, "see").lines):
        raise Http404
    return row


def _changes(request: HttpRequest, row: Import) -> list[dict[str, Any]]:
    """The changed cells in words, narrowed by side, area and item."""
    b, names = book(), books.areas()
    closed = closed_to(request.user)
    found = [c for c in queries.changes(row) if c.institution not in closed]
    standing: dict[int, Any] = {}
    for year in {int(c.period[:4]) for c in found}:
        standing |= queries.lines_of(year)
    rows = []
    for c in found:
        s, item = standing.get(c.institution), b.items.get(c.item)
        if (request.GET.get("side") and c.side != request.GET["side"]) or (request.GET.get("area") and (s is None or s.area != request.GET["area"])):
            continue
        rows.append({"c": c, "name": s.name if s else str(c.institution), "area": names.get(s.area, s.area) if s else "", "item": str(item.label) if item else fact_word(c.item),
                     "unit": item.unit if item else "", "side": str(HOLDERS.get(c.side, T("本库", "ours"))), "number": item is not None})
    return sorted(rows, key=lambda r: (r["side"], r["area"], r["name"], r["c"].period, r["item"]))


def fact_word(code: str) -> str:
    """What a fact is called."""
    b = book()
    kind, _, about = code.partition(".")
    if kind in ("target", "indicator") and about:
        label = b.indicators[about].label if about in b.indicators else b.composites[about].label if about in b.composites else b.items[about].label if about in b.items else about
        return str(T("平台下达：{l}", "target: {l}", l=label) if kind == "target" else T("平台算的：{l}", "platform's own: {l}", l=label))
    return str({"status": T("填报状态", "status"), "quota_warning": T("定额预警", "quota warning")}.get(code, code))


@needs("import", "ledger", "edit_register", "log")
def changes(request: HttpRequest, pk: int) -> HttpResponse:
    """What importing again changed: unit × item × period, before and now. What came for the first time is only counted."""
    row = _import(request, pk)
    rows = _changes(request, row)
    return render(request, "exchange/changes.html", {
        "title": T("这次变了哪些数", "What this import changed"), "import": row, "page": Paginator(rows, 100).get_page(request.GET.get("page")), "total": len(rows),
        "filters": request.GET, "areas": books.areas(), "holders": HOLDERS, "counts": {k: v for k, v in row.counts.items() if k in ("answers", "platform")}})


@needs("import", "ledger", "edit_register", "log")
def changes_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The same as a workbook."""
    row = _import(request, pk)
    data = [[x["side"], x["area"], x["name"], x["item"], x["c"].period, *((books.number(v) for v in (x["c"].before, x["c"].now)) if x["number"] else (x["c"].before, x["c"].now)),
             x["unit"]] for x in _changes(request, row)]
    columns = [Column(T("哪一边", "side"), 12), Column(T("统计归口", "line"), 10), Column(T("单位", "institution"), 28), Column(T("指标", "item"), 20),
               Column(T("统计期", "period"), 10), Column(T("原来", "before"), 16), Column(T("现在", "now"), 16), Column(T("计量单位", "unit"), 9)]
    return workbook_response(list_workbook(T("变化的数", "Changed values"), columns, data, notes=[row.file.name]), "这次变了哪些数.xlsx")


# --- what the platform says beside the items -------------------------------------------------------------------------


def _facts(mine: Scope, closed: Collection[int], holder: str, year: int) -> tuple[list[str], list[dict[str, Any]]]:
    """The facts that are known for a year, and per unit what is said."""
    lines, names = queries.lines_of(year), books.areas()
    found: dict[int, dict[str, Any]] = {}
    for (institution, _), row in sorted(queries.current_rows(holder, main_form(), year).items(), key=lambda r: r[1].period):
        facts = {k: v for k, v in row.values.items() if queries.is_fact(k) and v is not None}
        s = lines.get(institution)
        if facts and s is not None and institution not in closed and mine.covers(s.office.path, s.institution.key):
            entry = found.setdefault(institution, {"s": s, "area": names.get(s.area, s.area), "facts": {}, "at": row.at})
            entry["facts"] |= facts
    columns = sorted({k for e in found.values() for k in e["facts"]}, key=lambda k: (k != "status", k != "quota_warning", k))
    return columns, sorted(found.values(), key=lambda e: (e["s"].area, e["s"].name))


@needs("see")
def platform(request: HttpRequest) -> HttpResponse:
    """What the platform says of each unit: status, warnings, targets, its own indicators. ``?xlsx=1``: as a workbook."""
    from jieneng.returns.moves import STATES as RETURN_STATES

    year, holder = _year(request), _holder(request)
    columns, rows = _facts(scope(request.user, "see"), closed_to(request.user), holder, year)
    area, status = request.GET.get("area", ""), request.GET.get("status", "")
    counts: dict[str, int] = {}
    for e in rows:
        if s := e["facts"].get("status"):
            counts[s] = counts.get(s, 0) + 1
    rows = [e for e in rows if (not area or e["s"].area == area) and (not status or e["facts"].get("status") == status)]
    words = {k: str(RETURN_STATES.get(k, k)) for k in counts}
    cells: list[dict[str, Any]] = [{"e": e, "cells": [words.get(e["facts"].get(c, ""), e["facts"].get(c, "")) for c in columns]} for e in rows]
    heads = [fact_word(c) for c in columns]
    if request.GET.get("xlsx"):
        data = [[x["e"]["area"], x["e"]["s"].name, x["e"]["s"].institution.key, *x["cells"]] for x in cells]
        return workbook_response(list_workbook(T("平台情况", "What the platform says"), [
            Column(T("统计归口", "line"), 10), Column(T("单位", "institution"), 28), Column(T("信用代码", "code"), 22), *(Column(T(h, h), 16) for h in heads)], data), f"平台情况-{year}.xlsx")
    return render(request, "exchange/platform.html", {
        "title": T("平台情况：每家单位的状态、指标和预警", "What the platform says of each unit"), "year": year, "years": years(), "holder": holder, "holders": HOLDERS,
        "heads": heads, "page": Paginator(cells, 50).get_page(request.GET.get("page")), "counts": [(k, words[k], n) for k, n in sorted(counts.items())],
        "areas": books.areas(), "filters": request.GET, "total": len(rows)})
