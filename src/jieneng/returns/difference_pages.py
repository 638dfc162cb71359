"""The difference between two snapshots as a page and as a workbook."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.queries import area_offices
from jieneng.records.workbook import Column, list_workbook, workbook_response

from .difference import Moved, difference
from .models import SnapshotRecord
from .queries import book


def _two(pk: str, other: str) -> tuple[SnapshotRecord, SnapshotRecord]:
    """Both snapshots, the earlier first."""
    a, b = get_object_or_404(SnapshotRecord, pk=pk), get_object_or_404(SnapshotRecord, pk=other)
    return (a, b) if a.cutoff <= b.cutoff else (b, a)


def _label(rules: Any, m: Moved) -> str:
    """An item in words, of a machine room or heating source with its name before it."""
    return f"{m.part} {rules.items[m.item].label}".strip()


@needs("see")
def against(request: HttpRequest, pk: str, other: str) -> HttpResponse:
    """What moved between two snapshots and why."""
    rules = book()
    before, after = _two(pk, other)
    found = difference(rules, before, after, request.scope)
    names = {o.area: o.name for o in area_offices()}
    sums: list[dict[str, Any]] = [{"label": rules.items[i].label, "unit": rules.items[i].unit, "value": v, "n": sum(m.item == i for m in found.lines)}
                                  for i, v in found.by_item().items()]
    page = Paginator(found.lines, 100 if request.GET.get("per") == "100" else 25).get_page(request.GET.get("page"))
    return render(request, "returns/against.html", {
        "title": T("{y} 年两份快照的差别", "Two snapshots of {y}", y=after.year), "before": before, "after": after, "found": found, "sums": sums, "page": page,
        "rows": [{"m": m, "area": names.get(m.area, m.area), "label": _label(rules, m), "unit": rules.items[m.item].unit} for m in page.object_list]})


@needs("see")
def against_xlsx(request: HttpRequest, pk: str, other: str) -> HttpResponse:
    """The same, every line, as a workbook."""
    rules = book()
    before, after = _two(pk, other)
    found = difference(rules, before, after, request.scope)
    names = {o.area: o.name for o in area_offices()}
    data = [[names.get(m.area, m.area), m.name, m.period, _label(rules, m), rules.items[m.item].unit, m.before, m.after, m.difference,
             f"{m.revisions[0]}→{m.revisions[1]}", m.why] for m in found.lines]
    columns = [Column(T("县区", "area"), 10), Column(T("单位", "institution"), 30), Column(T("统计期", "period"), 10), Column(T("指标", "item"), 26), Column(T("计量单位", "unit"), 10),
               Column(T("原数", "before"), 16), Column(T("现数", "after"), 16), Column(T("增减", "difference"), 16), Column(T("版次", "revision"), 9), Column(T("原因", "why"), 40)]
    notes = [f"{before.pk} → {after.pk}"]
    return workbook_response(list_workbook(T("{y} 年快照差别", "Snapshots of {y}", y=after.year), columns, data, notes=notes), f"快照差别-{after.year}.xlsx")
