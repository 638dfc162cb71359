"""What every request passes: security headers, language, sign-in, and refusals told in words."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import resolve, reverse
from django.utils import timezone, translation

from jieneng.core.problem import Refused
from jieneng.core.words import LANGUAGES, T, speaking

Respond = Callable[[HttpRequest], HttpResponse]
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
OPEN = {"sign-in", "set-language", "health"}
"""Addresses that need no sign-in. Everything else does: deny by default."""


class Headers:
    """CSP without inline script or style, no sniffing, no caching of signed-in pages."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CSP)
        response.headers.setdefault("Permissions-Policy", "geolocation=(), camera=(), microphone=()")
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class Language:
    """Speak the person's language, or what the visitor chose, or Chinese."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        code = request.session.get("language") or getattr(request.user, "language", "") or "zh"
        code = code if code in LANGUAGES else "zh"
        with speaking(code), translation.override("zh-hans" if code == "zh" else "en"):
            response = self.get_response(request)
            response.headers["Content-Language"] = "zh-CN" if code == "zh" else "en"
            return response


class SignedIn:
    """Nothing without sign-in but the open addresses; idle sessions end; a one-time password must be changed first."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            name = resolve(request.path_info).url_name
        except Exception:
            name = None  # an unknown address: 404 for those signed in, sign-in for others
        if name in OPEN:
            return self.get_response(request)
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), reverse("sign-in"))
        now = time.time()
        if now - request.session.get("seen", now) > settings.SESSION_IDLE:
            logout(request)
            return redirect_to_login(request.get_full_path(), reverse("sign-in"))
        request.session["seen"] = now
        if request.user.password_over(timezone.now()):
            logout(request)
            return redirect_to_login(request.get_full_path(), reverse("sign-in"))
        if request.user.must_change_password and name not in ("change-password", "sign-out"):
            return HttpResponseRedirect(reverse("change-password"))
        return self.get_response(request)


class Refusals:
    """A ``Refused`` that no page caught becomes a page (or an htmx part) that says it in words."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        forbidden = any(p.code == "people.forbidden" for p in exception.problems)
        back = request.headers.get("Referer", "")
        if request.method == "POST" and not forbidden and back.startswith(request.build_absolute_uri("/")):
            for problem in exception.problems:
                messages.error(request, str(problem))
            return HttpResponseRedirect(back)
        return render(
            request, "desk/refused.html",
            {"problems": exception.problems, "title": T("没有办成", "Not done")},
            status=403 if forbidden else 422,
        )
