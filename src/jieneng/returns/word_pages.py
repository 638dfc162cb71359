"""What an office does for one unit on its word or by its own leave: entering values the unit confirmed, waiving a check until a day."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.rulebook import form_for

from . import behalf, waivers
from .asking import day
from .models import Waiver
from .pages import visible_return
from .queries import book


@require_POST
@needs("import")
def enter(request: HttpRequest, pk: int) -> HttpResponse:
    """Change values for the unit after it confirmed them (经填报单位确认后代改), with who, when and the voucher."""
    row, post = visible_return(request, pk), request.POST
    values = [(item, text) for item, text in zip(post.getlist("item"), post.getlist("value"), strict=False) if item and text.strip()]
    upload = request.FILES.get("voucher")
    made = behalf.change(request.user, book(), row, values, reason=post.get("reason", ""), word=post.get("word", ""), confirmed_on=day(post.get("confirmed_on", ""), "confirmed_on"),
                         voucher=(upload.file, upload.name or "") if upload else None)
    messages.success(request, str(T("已代改，凭证 {f} 已收下；等审核", "entered; voucher {f} kept; it waits for review", f=made.batch.file.name)))
    return HttpResponseRedirect(reverse("return", args=[pk]))


@require_POST
@needs("accept")
def waiver(request: HttpRequest, pk: int) -> HttpResponse:
    """Waive a check for the unit until a day, or end a waiver."""
    row, post = visible_return(request, pk), request.POST
    if post.get("revoke"):
        found = get_object_or_404(Waiver, pk=whole(post["revoke"]) or 0, institution=row.institution)
        waivers.revoke(request.user, found, post.get("reason", ""))
        messages.success(request, str(T("豁免已收回", "the waiver was revoked")))
    else:
        waivers.grant(request.user, row.institution, form_for(book(), row.round.form, row.round.year), post.get("rule", ""), until=day(post.get("until", ""), "until"), reason=post.get("reason", ""))
        messages.success(request, str(T("已豁免；单位填报时能看到", "waived; the unit sees it while filling in")))
    return HttpResponseRedirect(reverse("return", args=[pk]))
