"""What every request passes: security headers, language, sign-in, and refusals told in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import resolve, reverse
from django.utils import timezone, translation

from jieneng.core.problem import Place, Refused, refuse
from jieneng.core.words import LANGUAGES, T, speaking

from . import delegations, factors, signing
from .api.door import missing

Respond = Callable[[HttpRequest], HttpResponse]
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
OPEN = {"sign-in", "sign-in-code", "set-language", "health"}
"""Addresses that need no sign-in. Everything else does: deny by default. The API asks for a token itself, and knows no sessions."""
OWN = {"me", "session-end", "factor", "delegate", "delegation-end", "act-for", "change-password", "sign-out"}
"""Pages about oneself: also who acts for another is himself there."""
FIRST = ("change-password", "sign-out")


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
    """Nothing without sign-in but the open addresses; sessions end; a one-time or old password is changed first, a factor asked for is set up."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            found = resolve(request.path_info)
            name = found.url_name
        except Exception:
            found = name = None  # an unknown address: 404 for those signed in, sign-in for others
        if name in OPEN or (found is not None and found.namespaces == ["api"]):
            return self.get_response(request)
        if found is None and request.path_info.startswith("/api/v1/"):
            return missing()
        user = request.user
        if not user.is_authenticated:
            return redirect_to_login(request.get_full_path(), reverse("sign-in"))
        now = timezone.now()
        if signing.over(request) or user.password_over(now):
            logout(request)
            return redirect_to_login(request.get_full_path(), reverse("sign-in"))
        if (user.must_change_password or user.password_old(now)) and name not in FIRST:
            return HttpResponseRedirect(reverse("change-password"))
        if name not in (*FIRST, "factor", "change-password") and factors.required(user) and not factors.active(user):
            return HttpResponseRedirect(reverse("factor"))
        self._act_for(request, name)
        user.held_once = {}  # for this request: see people.scope.held
        return self.get_response(request)

    def _act_for(self, request: HttpRequest, name: str | None) -> None:
        """Who chose to act for another does so on every page but those about himself, until he stops or it is over."""
        if "acting" not in request.session:
            return
        delegation = delegations.usable(request.user, request.session["acting"])
        if delegation is None:
            del request.session["acting"]
            messages.warning(request, str(T("委托已经结束，现在是您自己的权限", "the delegation is over: you have your own rights again")))
        elif name not in OWN:
            request.user.acting = delegation


class Refusals:
    """A ``Refused`` that no page caught becomes a page (or an htmx part) that says it in words."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Respond, args: tuple[Any, ...], kwargs: dict[str, Any]) -> HttpResponse | None:
        """A character that nobody types and no text of a database holds (U+0000) is refused before any page sees it."""
        if request.resolver_match is not None and request.resolver_match.namespaces == ["api"]:
            return None  # the API answers in its own terms
        sent = [request.GET, request.POST] if request.method == "POST" else [request.GET]
        where = next((k for given in sent for k, values in given.lists() if any("\0" in x for x in (k, *values))), None)
        if where is None and any("\0" in v for v in kwargs.values() if isinstance(v, str)):
            where = ""
        return None if where is None else self.process_exception(request, refuse(
            "form.character", T("有不能用的字符（U+0000）", "a character that cannot be used (U+0000)"), do=T("删掉再写一次", "delete it and write it again"), where=Place(field=where.replace("\0", ""))))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        forbidden = any(p.code == "people.forbidden" for p in exception.problems)
        busy = any(p.code == "people.busy" for p in exception.problems)
        back, problems = request.headers.get("Referer", ""), [p.spoken for p in exception.problems]
        if request.method == "POST" and not forbidden and not busy and back.startswith(request.build_absolute_uri("/")):
            for problem in problems:
                messages.error(request, str(problem))
            return HttpResponseRedirect(back)
        response = render(request, "desk/refused_plain.html" if busy else "desk/refused.html",
                          {"problems": problems, "title": T("没有办成", "Not done")}, status=503 if busy else 403 if forbidden else 422)
        if busy:
            response.headers["Retry-After"] = "30"
        return response
