"""Reminders as letters: one office's docx, or those of all offices in a zip."""

from __future__ import annotations

from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.queries import offices_in
from jieneng.people.scope import scope
from jieneng.returns.asking import round_of
from jieneng.returns.chase import queries
from jieneng.returns.chase.queries import Target
from jieneng.returns.models import Round

from . import letters

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def _targets(request: HttpRequest, round_: Round) -> list[Target]:
    """Whom the person reminds: what they may review, as on the page of reminders."""
    return queries.targets(queries.units(request.scope, round_), scope(request.user, "review"), round_)


def _signed(request: HttpRequest) -> letters.Signed:
    """Who signs: the highest office in which the person reviews; whom to ask is the person."""
    office = min(offices_in(request.user, "review"), key=lambda o: o.path, default=None)
    return letters.Signed(letters.signing_name(office) if office else "", request.user.name, request.user.phone)


def _sent(data: bytes, name: str, kind: str) -> HttpResponse:
    response = HttpResponse(data, content_type=kind)
    response.headers["Content-Disposition"] = f"attachment; filename=\"{quote(name)}\"; filename*=UTF-8''{quote(name)}"
    return response


@needs("review")
def letter(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """One reminder as a letter."""
    round_ = round_of(pk)
    target = next((t for t in _targets(request, round_) if t.key == key), None)
    if target is None:
        raise Http404
    return _sent(letters.letter(round_, target, _signed(request), timezone.localdate()), letters.name_of(round_, target), DOCX)


@needs("review")
def every(request: HttpRequest, pk: int) -> HttpResponse:
    """The letters to all offices that have not filed everything, in a zip."""
    round_ = round_of(pk)
    offices = [t for t in _targets(request, round_) if t.institution is None]
    if not offices:
        messages.info(request, str(T("没有要催的县区和部门，不用发函", "no area or department is behind: no letter is needed")))
        return HttpResponseRedirect(reverse("chase", args=[pk]))
    return _sent(letters.zipped(round_, offices, _signed(request), timezone.localdate()), f"催报函-{round_.year}.zip", "application/zip")
