"""Jobs with progress, the event log, and files as received."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from jieneng.core.words import T
from jieneng.people.access import anyone, needs
from jieneng.people.scope import scope

from . import files
from .models import Event, Job, ReceivedFile


@anyone
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """A job of one's own (or of an office in scope), with its progress; the part alone for htmx polling."""
    row = get_object_or_404(Job.objects.select_related("by"), pk=pk)
    if row.by_id != request.user.pk and not scope(request.user, "see").covers_line(row.line or "-"):
        raise Http404
    part = request.headers.get("HX-Request") == "true"
    response = render(request, "records/job_part.html" if part else "records/job.html",
                      {"job": row, "title": T("正在办理", "Under way")})
    if part and row.state in ("done", "failed"):
        response.headers["HX-Refresh"] = "true"
    return response


@needs("log", "see")
def events_list(request: HttpRequest) -> HttpResponse:
    """Who did what: an auditor reads all, others what happened in their own lines."""
    rows = Event.objects.select_related("actor").order_by("-seq")
    everything = bool(scope(request.user, "log"))
    if not everything:
        rows = rows.filter(request.scope.q("line", "object_id")).exclude(line="")
    if verb := request.GET.get("verb", ""):
        rows = rows.filter(verb=verb)
    if q := request.GET.get("q", "").strip():
        rows = rows.filter(object_id__icontains=q) | rows.filter(actor_name__icontains=q)
    verbs = sorted(set(Event.objects.values_list("verb", flat=True)))
    return render(request, "records/events.html", {
        "title": T("办理记录", "Event log"), "verbs": verbs, "q": q, "verb": verb,
        "page": Paginator(rows, 25).get_page(request.GET.get("page"))})


@needs("see")
def received(request: HttpRequest, sha256: str) -> HttpResponse:
    """A file as received, to those in whose scope it was imported. Fixed type, attachment, own sandbox (U8)."""
    row = get_object_or_404(ReceivedFile, sha256=sha256)
    lines = [*row.import_set.values_list("on_behalf__path", flat=True),
             *Event.objects.filter(verb="evidence.attach", data__file=sha256).values_list("line", flat=True)]
    if row.by_id != request.user.pk and not any(
            request.scope.covers_line(line or "-") for line in lines):
        raise Http404
    path = files.path_of(row.sha256)
    if not path.exists():
        raise Http404
    response = FileResponse(open(path, "rb"), as_attachment=True, filename=row.name,  # noqa: SIM115  closed by the response
                            content_type="application/octet-stream")
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-File-Intact"] = "yes" if files.intact(row) else "no"
    return response
