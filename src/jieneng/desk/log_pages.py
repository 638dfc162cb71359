"""The event log in words, one event whole, and the certificate of the chain."""

from __future__ import annotations

import itertools
import json

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.queries import root_office, verbs_of
from jieneng.people.scope import scope
from jieneng.records.models import Event

from .certify import certify
from .telling import VERBS, names_of, tell


def _visible(request: HttpRequest) -> tuple[QuerySet[Event], bool]:
    """The events a person may read, and whether that is all of them: auditors read all, others their own lines."""
    rows = Event.objects.select_related("actor").order_by("-seq")
    if scope(request.user, "log"):
        return rows, True
    return rows.filter(scope(request.user, "see").q("line", "object_id")).exclude(line=""), False


@needs("log", "see")
def events_list(request: HttpRequest) -> HttpResponse:
    """Who did what to which unit, newest first; numbers outside one's own scope are named as such."""
    rows, everything = _visible(request)
    verb, q = request.GET.get("verb", ""), request.GET.get("q", "").strip()
    if verb:
        rows = rows.filter(verb=verb)
    if q:
        rows = rows.filter(object_id__icontains=q) | rows.filter(actor_name__icontains=q)
    page = Paginator(rows, 25).get_page(request.GET.get("page"))
    verbs = set(_visible(request)[0].order_by().values_list("verb", flat=True).distinct())
    return render(request, "desk/events.html", {
        "title": T("办理记录", "Event log"), "verbs": [(v, str(VERBS.get(v, v))) for v in VERBS if v in verbs], "q": q, "verb": verb,
        "page": page, "rows": [tell(e) for e in page.object_list], "gaps": [] if everything or verb or q else _gaps([e.seq for e in page.object_list]), "everything": everything,
        "mine": verbs_of(request.user)})


def _gaps(seqs: list[int]) -> list[tuple[int, int]]:
    """The numbers that lie between the events of a page (newest first) and are not on it, as ranges."""
    return [(below + 1, above - 1) for above, below in itertools.pairwise(seqs) if above - below > 1]


@needs("log", "see")
def one_event(request: HttpRequest, seq: int) -> HttpResponse:
    """One event whole: what it changed, what it touched, and the record as it is hashed."""
    rows, _ = _visible(request)
    event = get_object_or_404(rows, seq=seq)
    told = tell(event)
    page = Paginator(told.returns, 50).get_page(request.GET.get("page"))
    return render(request, "desk/event.html", {
        "title": T("办理记录第 {n} 号", "Event {n}", n=seq), "told": told, "event": event, "page": page, "touched": names_of(page.object_list),
        "mine": verbs_of(request.user), "together": [tell(e) for e in rows.filter(transaction=event.transaction).exclude(pk=event.pk)[:20]],
        "raw": json.dumps(event.data, ensure_ascii=False, indent=1)})


@require_POST
@needs("log", "operate")
def verify_log(request: HttpRequest) -> HttpResponse:
    """Check the whole chain against every head kept outside it; the result is an event, and printed from there."""
    return HttpResponseRedirect(reverse("certificate", args=[certify(request.user).seq]))


@needs("log", "operate")
def certificate(request: HttpRequest, seq: int) -> HttpResponse:
    """The certificate of one check of the chain, to be printed and signed."""
    event = get_object_or_404(Event, seq=seq, verb="log.verify")
    first = Event.objects.order_by("seq").first()
    if first is None:
        raise Http404
    return render(request, "desk/certificate.html", {
        "title": T("办理记录校验证明", "Certificate of the event log"), "event": event, "data": event.data, "office": root_office(),
        "first": first, "last": Event.objects.filter(seq=event.data["head"]["seq"]).first(), "printed": timezone.localtime()})
