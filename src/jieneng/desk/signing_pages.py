"""Signing in and out, the second factor at the door, and everybody's own account: sessions, factor, delegations."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import views as auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.access import anyone
from jieneng.people.models import Delegation, Office, SignIn, User
from jieneng.people.queries import held
from jieneng.people.roles import APART, ROLES

from . import delegations, factors, signing
from .account_pages import SignInForm

PENDING = 5 * 60
"""Seconds between the right password and the right code."""


class Door(auth.LoginView):
    """User name and password; then, for those who have a second factor, its code."""

    authentication_form = SignInForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        typed = request.POST.get("username", "")
        if wait := signing.slowed(request, typed):
            signing.note(request, typed, "slowed")
            response = self.render_to_response(self.get_context_data(form=_Kept(typed), slow=wait), status=429)
            response.headers["Retry-After"] = str(wait)
            return response
        result: HttpResponse = super().post(request, *args, **kwargs)
        return result

    def form_invalid(self, form: Any) -> HttpResponse:
        typed = self.request.POST.get("username", "")
        if getattr(self.request, "axes_locked_out", False):
            signing.locked(self.request, typed)
        elif any(e.code == "over" for e in form.non_field_errors().as_data()):
            signing.note(self.request, typed, "over")
        elif typed and self.request.POST.get("password"):
            signing.note(self.request, typed, "wrong")
        result: HttpResponse = super().form_invalid(form)
        return result

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if factors.active(user) is None:
            signing.enter(self.request, user)
            return HttpResponseRedirect(self.get_success_url())
        self.request.session.flush()  # a new id: nobody who knew the one before can finish this sign-in
        self.request.session["pending"] = {"user": user.pk, "at": time.time(), "next": self.get_success_url(), "hash": user.get_session_auth_hash()}
        signing.note(self.request, user.username, "code", user)
        return HttpResponseRedirect(reverse("sign-in-code"))


class _Kept(forms.Form):
    """The sign-in form with the name that was typed, shown again without trying it."""

    username = forms.CharField(required=False)

    def __init__(self, username: str) -> None:
        super().__init__(initial={"username": username[:60]})


def code(request: HttpRequest) -> HttpResponse:
    """The six digits after the password, or a recovery code; five tries, five minutes."""
    pending = request.session.get("pending") or {}
    user = User.objects.filter(pk=pending.get("user") or 0, is_active=True).first()
    if user is None or time.time() - pending.get("at", 0) > PENDING or user.get_session_auth_hash() != pending.get("hash"):
        request.session.pop("pending", None)
        return HttpResponseRedirect(reverse("sign-in"))
    left, wrong = signing.code_tries_left(user), False
    if request.method == "POST" and left > 0:
        how = factors.check(user, request.POST.get("code", "")[:40])
        if how:
            following = pending.get("next") or "/"
            safe = url_has_allowed_host_and_scheme(following, allowed_hosts={request.get_host()})
            request.session.pop("pending", None)
            signing.enter(request, user)
            if how == "recovery":
                messages.warning(request, str(T("用掉了一个恢复码，还剩 {n} 个", "one recovery code used up, {n} left", n=user.recovery_codes.filter(used_at=None).count())))
            return HttpResponseRedirect(following if safe else "/")
        signing.note(request, user.username, "code_wrong", user)
        left, wrong = left - 1, True
    if left <= 0:
        request.session.pop("pending", None)
    return render(request, "registration/code.html", {"left": left, "wrong": wrong, "lost": factors.open_seed(user.second_factor.seed) is None},
                  status=429 if left <= 0 else 200)


class Out(auth.LogoutView):
    """Ends the session on the server, and asks the browser to forget what it kept (S2, 剩余信息保护)."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        signing.forget(request.session.session_key)
        response: HttpResponse = super().post(request, *args, **kwargs)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


# ---- my account ----

@anyone
def me(request: HttpRequest) -> HttpResponse:
    """What I hold, where I am signed in, my second factor, who acts for me and for whom I act."""
    user: User = request.user
    given, taken = delegations.open_(user)
    mine = [a for a in held(user) if a.role not in APART]
    return render(request, "accounts/me.html", {
        "title": T("我的账号", "My account"), "me": user, "held": held(user), "sessions": signing.sessions_of(user), "here": request.session.session_key,
        "log": SignIn.objects.filter(user=user)[:10], "factor": factors.active(user), "required": factors.required(user),
        "codes_left": user.recovery_codes.filter(used_at=None).count(), "given": given, "taken": taken, "mine": mine,
        "acting_now": request.session.get("acting"), "today": timezone.localdate(), "last_day": timezone.localdate() + delegations.LONGEST})


@anyone
@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """End one of one's sessions, or all others."""
    if request.POST.get("all") == "1":
        n = signing.end_sessions(request.user, request.user, keep=request.session.session_key)
        messages.success(request, str(T("已结束其他 {n} 处登录", "{n} other sessions ended", n=n)))
    else:
        pk = request.POST.get("session", "")
        signing.end_session(request.user, whole(pk) or 0)
        messages.success(request, str(T("已结束", "ended")))
    return HttpResponseRedirect(reverse("me"))


@anyone
def factor(request: HttpRequest) -> HttpResponse:
    """Turn the second factor on (QR code, first code, recovery codes once), renew its codes, turn it off. All ask for the password again."""
    user: User = request.user
    verb, codes = request.POST.get("verb", ""), None
    if request.method == "POST":
        if not user.check_password(request.POST.get("password", "")):
            messages.error(request, str(T("密码不对，没有改动", "the password is not right; nothing was changed")))
            return HttpResponseRedirect(reverse("factor"))
        if verb == "confirm":
            codes = factors.confirm(user, request.POST.get("code", "")[:20])
        elif verb == "renew":
            codes = factors.renew_codes(user)
        elif verb == "off":
            factors.turn_off(user, user)
            messages.success(request, str(T("两步验证已关", "the second factor is off")))
            return HttpResponseRedirect(reverse("me"))
    on = factors.active(user)
    text, picture = ("", "") if on else factors.begin(user)
    return render(request, "accounts/factor.html", {
        "title": T("两步验证", "Second factor"), "on": on, "seed": text, "picture": picture, "codes": codes, "required": factors.required(user)})


def _day(text: str, what: T) -> dt.date:
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError as error:
        raise refuse("delegation.day", T("{w}“{d}”不是日期", "{w}: “{d}” is not a date", w=str(what), d=text), T("2023-03-31 这样", "like 2023-03-31")) from error


@anyone
@require_POST
def delegate(request: HttpRequest) -> HttpResponse:
    """Let a colleague act for me."""
    post, user = request.POST, request.user
    mine = next((a for a in held(user) if str(a.pk) == post.get("appointment", "")), None)
    if mine is None:
        raise refuse("delegation.scope", T("没有选委托哪一项职责", "no role chosen"), do=T("从列表里选自己的一项职责", "choose one of your own roles"))
    to = User.objects.filter(username=post.get("to", "").strip()).first()
    if to is None:
        raise delegations.nobody(post.get("to", ""))
    office = mine.office
    if office is not None and (inner := post.get("office", "").strip()):
        office = Office.objects.filter(path__startswith=mine.office.path).filter(code=inner).first() or Office.objects.filter(
            path__startswith=mine.office.path, name=inner).first()
        if office is None:
            raise refuse("delegation.scope", T("您的范围里没有机关“{o}”", "there is no office “{o}” in your scope", o=inner), do=T("写名称或代码；不写就是全部", "write its name or code; leave it empty for all"))
    delegations.delegate(user, to, mine.role, office=office, institution_key=mine.institution_key, reason=post.get("reason", ""),
                         since=_day(post["since"], T("开始日", "first day")) if post.get("since") else None, until=_day(post.get("until", ""), T("到期日", "last day")))
    messages.success(request, str(T("已委托“{n}”代办", "{n} may act for you now", n=to.name)))
    return HttpResponseRedirect(reverse("me"))


@anyone
@require_POST
def end_delegation(request: HttpRequest, pk: int) -> HttpResponse:
    """End a delegation one gave or holds."""
    row = get_object_or_404(Delegation.objects.filter(giver=request.user) | Delegation.objects.filter(to=request.user), pk=pk)
    delegations.end(request.user, row)
    messages.success(request, str(T("委托已结束", "the delegation has ended")))
    return HttpResponseRedirect(reverse("me"))


@anyone
@require_POST
def act_for(request: HttpRequest) -> HttpResponse:
    """Begin to act for another under a delegation, or stop."""
    pk = request.POST.get("delegation", "")
    if not pk:
        request.session.pop("acting", None)
        return HttpResponseRedirect(reverse("home"))
    found = delegations.usable(request.user, whole(pk) or 0)
    if found is None:
        raise refuse("delegation.over", T("这项委托已经结束，或不是给您的", "that delegation is over, or was not given to you"))
    request.session["acting"] = found.pk
    messages.success(request, str(T("现在代“{n}”办理：{r}", "acting for {n} now: {r}", n=found.giver.name, r=str(ROLES[found.role].label))))
    return HttpResponseRedirect(reverse("home"))
