"""Annual figures with drill-down, and the page that unfolds any figure down to sheet and cell."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from jieneng import engine
from jieneng.core.amount import decimal_of
from jieneng.core.asked import whole
from jieneng.core.figure import Figure, Selection
from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T, language
from jieneng.people.access import needs
from jieneng.records.workbook import Column, list_workbook, workbook_response
from jieneng.registry.queries import closed_to, standing_of
from jieneng.returns import queries as returns
from jieneng.returns.models import Import, Return, Revision, SnapshotRecord
from jieneng.returns.parts import part_forms, read_parts, sum_of
from jieneng.rulebook import at_year, unit_words

from . import overview as view
from .calculate import SCALE, calculate, expand
from .prove import prove

GROUPINGS = {"area": T("地区（归口）", "line"), "department": T("部门", "department"), "type": T("类型", "type"),
             "institution": T("单位", "institution")}


def _snapshot(request: HttpRequest) -> SnapshotRecord | None:
    """The snapshot an address names, or the one in force on a day (``as_of``), or the newest."""
    if text := request.GET.get("as_of", ""):
        try:
            day = dt.date.fromisoformat(text)
        except ValueError as error:
            raise refuse("figures.day", T("“{t}”不是日期", "“{t}” is not a date", t=text), expected=T("2023-03-31", "2023-03-31")) from error
        return returns.snapshot_at(day)
    if pk := request.GET.get("snapshot", ""):
        found = SnapshotRecord.objects.filter(pk=pk).first()
        if found is None:
            raise Http404
        return found
    return returns.shown_snapshot()


def _where(request: HttpRequest) -> dict[str, Any]:
    where = view.where_of(request.scope)
    if where is None:
        raise Http404
    return where


def _table(request: HttpRequest) -> dict[str, Any] | None:
    """The annual table that the address asks for: groups down, figures across, the whole at the foot."""
    snapshot = _snapshot(request)
    if snapshot is None:
        return None
    book = returns.book()
    by = request.GET.get("by", "area")
    by = by if by in GROUPINGS else "area"
    periods = _periods(snapshot)
    period = next((p for p in periods if str(p) == request.GET.get("period", "")), Period("year", snapshot.year))
    book = at_year(book, period.year)
    where = _where(request)
    area = request.GET.get("area", "")
    inner = {**where, "area": area} if area else where
    names = view.shown(book, "composites") + view.shown(book, "items") + view.shown(book, "indicators")
    table = view.by_subject(view.compute(book, snapshot, names, period, by, inner))
    # of one area the foot is that area's figure, so that its trace is the same number
    against = view.compared(book, snapshot, names, period, inner, "area" if area else None)
    labels = view.group_names(book, by)
    codes = sorted(table.get(names[0], {}), key=lambda c: (-(table[names[0]][c].exact or 0), c))
    rows = [{"code": c, "name": labels.get(c) or next(iter(table.values()))[c].subject.get("name") or c or "—",
             "figures": [table[n].get(c) for n in names],
             "coverage": table[names[0]][c].coverage} for c in codes]
    return {
        "snapshot": snapshot, "period": period, "periods": periods, "by": by, "area": area, "rows": rows,
        "columns": [{"name": n, "label": view.label_of(book, n), "unit": view.unit_of(book, n),
                     "places": view.places_of(book, n)} for n in names],
        "whole": [_line(book, n, against.get(n)) for n in names],
        "indicators": [_line(book, n, against.get(n)) for n in view.shown(book, "indicators")],
        "compared": period.last_year.label if any(y.change.exact is not None for y in against.values()) else None,
        "breaks": view.broken(book, names, period.last_year.year, period.year) if any(y.before for y in against.values()) else [],
        "parts": view.part_figures(book, snapshot, period, inner),
        "by_factors": any(y.factors for y in against.values())}


def _line(book: Any, name: str, found: Any) -> dict[str, Any]:
    """One figure of the whole, with its change and the change like for like."""
    return {"figure": found.now if found else None, "places": view.places_of(book, name), "label": view.label_of(book, name),
            "unit": view.unit_of(book, name), "change": found.change.exact if found else None, "like": found.like.exact if found else None,
            "factors": found.factors.exact if found and found.factors else None}


def _periods(snapshot: SnapshotRecord) -> list[Period]:
    """The years the snapshot holds, newest first, each with its halves and quarters where it was answered by month."""
    found: list[Period] = []
    held = {Period.parse(p) for p in returns.opened(snapshot).periods}
    for year in sorted({p.year for p in held}, reverse=True):
        parts = [Period(kind, year, i) for kind, n in (("half", 2), ("quarter", 4)) for i in range(1, n + 1)]
        found += [Period("year", year), *(p for p in parts if any(h in p for h in held))]
    return found


@needs("see")
def overview(request: HttpRequest) -> HttpResponse:
    """Figures of a year: every number opens its proof; coverage is said."""
    table = _table(request)
    limit = 100
    context: dict[str, Any] = {"title": T("汇总与指标", "Figures"), "groupings": GROUPINGS, "snapshots": returns.snapshots()}
    if table is not None:
        context |= table
        context["more"] = max(0, len(table["rows"]) - limit)
        context["chart"] = _chart(table)
        context["rows"] = table["rows"][:limit]
    return render(request, "figures/overview.html", context)


def _chart(table: dict[str, Any]) -> dict[str, Any] | None:
    """The first column as bars, largest first."""
    if len(table["rows"]) < 2:
        return None
    column, rows = table["columns"][0], table["rows"][:20]
    label = column["label"]
    if len(table["rows"]) > len(rows):
        label = T(f"{label.zh}（最多的 {len(rows)} 个）", f"{label.en} (the largest {len(rows)})")
    return {"kind": "bars", "label": str(label), "unit": column["unit"], "x": [r["name"] for r in rows],
            "series": [{"name": str(table["period"].label), "values": [
                None if r["figures"][0] is None or r["figures"][0].exact is None else float(round(r["figures"][0].exact, 1))
                for r in rows]}]}


@needs("see")
def overview_xlsx(request: HttpRequest) -> HttpResponse:
    """The same table as a workbook: with coverage, the change and like for like below, snapshot and cut-off above."""
    table = _table(request)
    if table is None:
        raise Http404
    book = returns.book()
    columns = [Column(GROUPINGS[table["by"]], 28), Column(T("覆盖", "covered"), 9), Column(T("单位数", "units"), 9)] + [
        Column(T(f"{c['label'].zh}（{unit_words(book, c['unit'], 'zh')}）", f"{c['label'].en} ({unit_words(book, c['unit'], 'en')})"), 17)
        for c in table["columns"]]

    def line(name: str, figures: list[Figure | None], coverage: Any) -> list[Any]:
        shown = [None if f is None or f.exact is None else decimal_of(f.exact, c["places"]) for f, c in zip(figures, table["columns"], strict=True)]
        return [name, *((coverage.covered, coverage.members) if coverage else (None, None)), *shown]

    whole = [w["figure"] for w in table["whole"]]
    data = [line(r["name"], r["figures"], r["coverage"]) for r in table["rows"]]
    data.append(line(str(T("合计", "total")), whole, whole[0].coverage if whole and whole[0] else None))
    for key, name in (("change", T("较上年", "against last year")), ("like", T("同口径", "like for like")), ("factors", T("其中因子变化", "by factors"))):
        if table["compared"] and any(w[key] is not None for w in table["whole"]):
            data.append([str(name), None, None, *(None if w[key] is None else f"{decimal_of(w[key] * 100, 1):+}%" for w in table["whole"])])
    snapshot = table["snapshot"]
    notes = [str(T("{p}，快照 {s}，截止 {c}", "{p}, snapshot {s}, cut-off {c}", p=str(table["period"].label), s=snapshot.pk,
                   c=timezone.localtime(snapshot.cutoff).strftime("%Y-%m-%d %H:%M")))]
    notes += [str(b) for b in table["breaks"]]
    name = T("汇总与指标-{p}-{g}.xlsx", "figures-{p}-{g}.xlsx", p=str(table["period"]), g=str(GROUPINGS[table["by"]]))
    return workbook_response(list_workbook(T("汇总与指标", "Figures"), columns, data, notes=notes), str(name))


def asked(request: HttpRequest) -> tuple[SnapshotRecord, Figure]:
    """The figure an address names, computed inside the person's scope; 404 when it is not there for them."""
    snapshot = _snapshot(request)
    get = request.GET
    book = returns.book()
    try:
        period = Period.parse(get.get("period", ""))
    except ValueError as error:
        raise Http404 from error
    name, by, code = get.get("name", ""), get.get("by", ""), get.get("code", "")
    known = name in book.indicators or name in book.composites or name in book.items
    if snapshot is None or not known or (by and by not in (*GROUPINGS, "territory")):
        raise Http404
    where = _where(request)
    if by == "institution" and whole(code) is None:
        raise Http404
    if by == "institution" and period.kind != "year" and closed_to(request.user, [int(code)]):
        raise Http404  # of a sensitive unit only the year's totals are seen from outside
    if by:
        where = {**where, by: int(code) if by == "institution" else code}
    figures = calculate(book, engine.connect(), returns.opened(snapshot), [name], period=period, by=by or None,
                             where=where)
    found = [f for f in figures if f.subject.get("code", "") == code]
    if not found:
        raise Http404
    return snapshot, found[0]


@needs("see")
def trace(request: HttpRequest) -> HttpResponse:
    """How a figure came about: proof line, calculation tree, factors with their sources."""
    snapshot, figure = asked(request)
    book = returns.book()
    proof = prove(book, engine.connect(), returns.opened(snapshot), figure)
    return render(request, "figures/trace.html", {
        "title": T("{label} 是怎么来的", "Where {label} comes from", label=figure.label[language()]),
        "figure": figure, "snapshot": snapshot, "proof": proof, "places": view.places_of(book, figure.name),
        "whole": figure.coverage is None or figure.coverage.full, "subject": _subject(book, figure), "factors": _factors(figure), "query": request.GET.urlencode()})


def _subject(book: Any, figure: Figure) -> str:
    kind, code = figure.subject.get("kind", ""), figure.subject.get("code", "")
    return view.group_names(book, kind).get(code) or figure.subject.get("name", "") or code


def _factors(figure: Figure) -> list[Any]:
    """Every factor that was read, once."""
    seen = {}
    for node in figure.walk():
        if isinstance(node, Figure):
            for f in node.factors:
                if f.name != SCALE:
                    seen[(f.name, f.since, f.region, f.vintage)] = f
    return list(seen.values())


def _node(figure: Figure, path: list[int]) -> Figure | Selection:
    node: Figure | Selection = figure
    for step in path:
        if not isinstance(node, Figure) or step >= len(node.parts):
            raise Http404
        node = node.parts[step]
    return node


@needs("see")
def branch(request: HttpRequest) -> HttpResponse:
    """One more level of the tree: a leaf unfolded by area, then by institution, then into cells."""
    snapshot, figure = asked(request)
    text = request.GET.get("path", "")
    steps = [whole(p, 6) for p in text.split(".") if p]
    node = _node(figure, [p for p in steps if p is not None]) if None not in steps else None
    if not isinstance(node, Selection):
        raise Http404
    level, extra = request.GET.get("level", "area"), {}
    for name in ("area", "institution"):
        if value := request.GET.get("in_" + name, ""):
            if name == "institution" and whole(value) is None:
                raise Http404
            extra[name] = int(value) if name == "institution" else value
    book, opened = returns.book(), returns.opened(snapshot)
    if level == "cells":
        closed = closed_to(request.user)
        cells = engine.connect().cells(opened, node.column, form=node.kind.partition(":")[2], period=Period.parse(node.period),
                                       where={**node.where, **extra}, take=node.take, complete=node.complete,
                                       limit=200, offset=0)
        return render(request, "figures/cells.html", {"cells": [c for c in cells if c.institution not in closed], "column": node.column, "item": book.items[node.column]})
    parts = expand(engine.connect(), opened, node, "area" if level == "area" else "institution", extra)
    names = view.group_names(book, "area") if level == "area" else {}
    return render(request, "figures/branch.html", {
        "parts": [{"part": p, "name": names.get(p.code) or p.name or p.code} for p in parts[:200]], "more": max(0, len(parts) - 200),
        "level": level, "path": text, "query": request.GET.urlencode(), "item": book.items[node.column], "get": request.GET})


@needs("see")
def cell(request: HttpRequest) -> HttpResponse:
    """One value: the return it stands in, the file, sheet and cell it came from, and its neighbours in that file."""
    pk = request.GET.get("return", "")
    item = request.GET.get("item", "")
    ret = returns.returns_in(request.scope).filter(pk=whole(pk)).first() if whole(pk) else None
    book = returns.book()
    if ret is None or item not in book.items or closed_to(request.user, [ret.institution_id]):
        raise Http404
    number = request.GET.get("revision", "")
    revision = ret.revisions.filter(number=whole(number)).select_related("by", "batch__file").first() if whole(number) is not None else None
    if revision is None:
        raise Http404
    source = revision.sources.get(item)
    key = request.GET.get("part", "")
    if key:
        source = revision.sources.get(f"{key}.{item}")
    batch = Import.objects.select_related("file").filter(pk=source[0]).first() if source else None
    return render(request, "figures/cell.html", {
        "ret": ret, "revision": revision, "item": book.items[item], "value": _value_of(revision, item, key), "source": source,
        "batch": batch, "name": _name_at(ret), "part": revision.parts[key]["name"] if key in revision.parts else "",
        "part_rows": _part_rows(revision, item) if not key else []})


def _part_rows(revision: Revision, item: str) -> list[dict[str, Any]]:
    """The machine rooms or heating sources whose values a sum is made of, each with the way to its cell."""
    return [{"key": k, "name": p["name"], "value": p["answers"][item]} for k, p in revision.parts.items() if item in p["answers"]]


def _value_of(revision: Revision, item: str, key: str) -> Any:
    """One value of a return: an answer, that of a part, or the sum over its parts."""
    if key:
        return revision.parts.get(key, {"answers": {}})["answers"].get(item)
    mine = [p for p in read_parts(revision.parts) if item in p.answers]
    if item in revision.answers or not mine:
        return revision.answers.get(item)
    form = next((f for f in part_forms(returns.book(), revision.ret.round.form, revision.ret.round.year) if f.code == mine[0].form), None)
    value = sum_of(returns.book(), form, mine).get(item) if form else None
    return None if value is None else f"{value:f}"


def _name_at(ret: Return) -> str:
    standing = standing_of(ret.institution, Period.parse(ret.period).last_day)
    return standing.name if standing else ret.institution.key
