"""Jobs with progress, files as received, and the person's own messages. The event log is in ``desk.log_pages``, which can tell it in words."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.words import T
from jieneng.people.access import anyone, needs
from jieneng.people.scope import scope

from . import files, notify
from .models import Job, ReceivedFile


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


@needs("see")
def received(request: HttpRequest, sha256: str) -> HttpResponse:
    """A file as received, to those in whose scope it was imported. Fixed type, attachment, own sandbox (U8)."""
    row = get_object_or_404(ReceivedFile, sha256=sha256)
    if not files.may_open(request.user, request.scope, row):
        raise Http404
    path = files.path_of(row.sha256)
    if not path.exists():
        raise Http404
    response = FileResponse(open(path, "rb"), as_attachment=True, filename=row.name,  # noqa: SIM115  closed by the response
                            content_type="application/octet-stream")
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-File-Intact"] = "yes" if files.intact(row) else "no"
    return response


@anyone
def inbox(request: HttpRequest) -> HttpResponse:
    """The person's own messages, newest first."""
    page = Paginator(notify.messages_of(request.user), 25).get_page(request.GET.get("page"))
    return render(request, "records/messages.html", {"title": T("消息", "Messages"), "page": page, "unread_count": notify.unread(request.user)})


@require_POST
@anyone
def mark_read(request: HttpRequest) -> HttpResponse:
    """Mark one of the person's own messages as read (and go where it leads), or all of them."""
    text = request.POST.get("message", "")
    if not text:
        notify.mark_read(request.user)
        return HttpResponseRedirect(reverse("messages"))
    row = get_object_or_404(notify.messages_of(request.user), pk=whole(text) or 0)
    notify.mark_read(request.user, row.pk)
    return HttpResponseRedirect(row.url if request.POST.get("open") and row.url.startswith("/") else reverse("messages"))
