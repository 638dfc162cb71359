"""Register changes to be keyed in on the platform: the list since a day, or since one's last export; posted: the workbook."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from jieneng.core.problem import Place, Refused, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.records.workbook import workbook_response

from . import books, register_changes


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
    page = Paginator(found, 100).get_page(request.GET.get("page"))
    return render(request, "exchange/register_changes.html", {
        "title": T("平台上要办的：账号和名录变更", "To be done on the platform: accounts and register changes"), "page": page, "total": len(found), "said": said, "since": text, "problems": problems,
        "rows": [{"x": x, "before": names.get(x.before.area, x.before.area) if x.before else "", "after": names.get(x.after.area, x.after.area)} for x in page]},
        status=422 if problems else 200)
