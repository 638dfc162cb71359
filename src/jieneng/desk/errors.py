"""Pages for what went wrong. They keep the person's text where they can and never show the inside."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was too old or came from elsewhere; what was typed is shown again so that it is not lost (S4, P3)."""
    typed = {k: v for k, v in request.POST.items() if "password" not in k and k != "csrfmiddlewaretoken"}
    return render(request, "403_csrf.html", {"typed": typed}, status=403)
