"""Register changes to be keyed in on the platform: what is to be handed out, and what became of what was."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.problem import Place, Refused, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.queries import verbs_of
from jieneng.people.scope import scope
from jieneng.records.workbook import workbook_response
from jieneng.registry.queries import closed_to

from . import books, register_changes, register_lines
from .models import LINE_STATES, RegisterLine


def day(text: str) -> dt.date | None:
    """A typed day; None for none. Raises ``Refused``."""
    if not text.strip():
        return None
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError as error:
        raise refuse("export.since", T("“{d}”不是日期", "“{d}” is no date", d=text.strip()[:20]), T("如 2023-01-01", "such as 2023-01-01"), where=Place(field="since")) from error


@needs("see")
def changes(request: HttpRequest) -> HttpResponse:
    """What is to be done on the platform: accounts opened, renamed, moved, closed. Posted: the workbook, and the log says so."""
    text = (request.POST if request.method == "POST" else request.GET).get("since", "")
    problems: Any = ()
    found: list[register_changes.RegisterChange] = []
    said: T | None = None
    try:
        since = day(text)
        if request.method == "POST":
            data, _ = register_changes.export(request.user, since=since)
            return workbook_response(data, f"平台账号和名录变更-{timezone.localdate().isoformat()}.xlsx")
        found, said = register_changes.listed(request.user, since)
    except Refused as refused:
        problems = refused.problems
    names = books.areas()
    page = Paginator(found, 25).get_page(request.GET.get("page"))
    return render(request, "exchange/register_changes.html", {
        "title": T("平台上要办的：账号和名录变更", "To be done on the platform: accounts and register changes"), "page": page, "total": len(found), "said": said, "since": text, "problems": problems,
        "rows": [{"x": x, "before": names.get(x.before.area, x.before.area) if x.before else "", "after": names.get(x.after.area, x.after.area)} for x in page]},
        status=422 if problems else 200)


def _rows(request: HttpRequest) -> list[dict[str, Any]]:
    """The lines that the filters leave, in words."""
    get = request.GET
    return register_lines.shown(register_lines.listed(scope(request.user, "see"), closed=closed_to(request.user), left=bool(get.get("left")),
                                                      state=get.get("state", "") if get.get("state") in LINE_STATES else "", area=get.get("area", "")))


@needs("see")
def lines(request: HttpRequest) -> HttpResponse:
    """What was handed out to be done on the platform and what the next import of its register found. ``?xlsx=1``: as a workbook."""
    rows = _rows(request)
    if request.GET.get("xlsx"):
        return workbook_response(register_lines.workbook(rows), f"平台名录变更办理情况-{timezone.localdate().isoformat()}.xlsx")
    counts = {state: sum(r["x"].state == state for r in rows) for state in LINE_STATES}
    return render(request, "exchange/register_lines.html", {
        "title": T("平台名录变更：办了没有", "Register changes on the platform: done or not"), "page": Paginator(rows, 25).get_page(request.GET.get("page")), "total": len(rows),
        "counts": counts, "states": {k: v for k, v in LINE_STATES.items() if k != "withdrawn"}, "areas": books.areas(), "filters": request.GET,
        "may": "edit_register" in verbs_of(request.user)})


@require_POST
@needs("edit_register")
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that a change need not be done on the platform, with a reason."""
    row = get_object_or_404(RegisterLine.objects.select_related("after__office"), pk=pk)
    if not scope(request.user, "edit_register").covers_line(row.after.office.path):
        raise Http404
    register_lines.withdraw(request.user, row, request.POST.get("reason", ""))
    messages.success(request, str(T("已标为不用办", "no longer asked")))
    return HttpResponseRedirect(reverse("register-lines"))
