"""What pages of this room read from a request: a day, a round in scope, an office in scope."""

from __future__ import annotations

import datetime as dt

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from jieneng.core.asked import whole
from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.models import Office
from jieneng.people.scope import Scope

from .models import Round


def day(text: str, field: str) -> dt.date | None:
    """A day as typed; nothing for an empty box. Raises ``Refused`` for what is no day."""
    text = text.strip()
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise refuse("form.day", T("“{t}”不是日期", "“{t}” is not a date", t=text[:20]), expected=T("年-月-日，如 2023-02-28", "year-month-day such as 2023-02-28"),
                     where=Place(field=field)) from error


def office(request: HttpRequest, scope: Scope, field: str = "office") -> Office:
    """The office that a form names, inside the scope; 404 otherwise."""
    text = request.POST.get(field) or request.GET.get(field) or ""
    found = Office.objects.filter(pk=whole(text)).first() if whole(text) else None
    if found is None or not scope.covers_line(found.path):
        raise Http404
    return found


def round_of(pk: int) -> Round:
    return get_object_or_404(Round.objects.select_related("office"), pk=pk)
