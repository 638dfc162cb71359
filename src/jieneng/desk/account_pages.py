"""Own password, and the accounts page of the security administrator."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import password_validation, update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone

from jieneng.core.words import T
from jieneng.people.access import anyone, needs
from jieneng.people.models import Appointment, Office, User
from jieneng.people.queries import CONSOLE
from jieneng.people.roles import ROLES

from . import accounts as actions


class SignInForm(AuthenticationForm):
    """User name and password; a one-time password that is over opens nothing, and says so only to who knows it."""

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if user.password_over(timezone.now()):
            raise forms.ValidationError(str(T("这个一次性密码已过 72 小时，不能再用。请安全管理员重设。",
                                              "This one-time password is older than 72 hours and no longer good. Ask the security administrator for a new one.")), code="over")


class PasswordForm(forms.Form):
    """Old password once, the new one twice."""

    old = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))
    new = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))
    again = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))

    def __init__(self, user: User, data: object = None) -> None:
        self.user = user
        super().__init__(data)
        for name, label in (("old", T("现在的密码", "Present password")), ("new", T("新密码", "New password")),
                            ("again", T("再输一次新密码", "New password again"))):
            self.fields[name].label = str(label)

    def clean(self) -> dict[str, str]:
        data = super().clean() or {}
        if "old" in data and not self.user.check_password(data["old"]):
            self.add_error("old", str(T("现在的密码不对", "the present password is not right")))
        if data.get("new") != data.get("again"):
            self.add_error("again", str(T("两次输入不一样", "the two are not the same")))
        elif data.get("new"):
            try:
                password_validation.validate_password(data["new"], self.user)
            except forms.ValidationError as error:
                self.add_error("new", error)
        return data


@anyone
def change_password(request: HttpRequest) -> HttpResponse:
    """Everybody changes their own password here; after a one-time password this is the only page."""
    user: User = request.user
    form = PasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.set_password(user, user, form.cleaned_data["new"], one_time=False)
        update_session_auth_hash(request, user)
        messages.success(request, str(T("密码已改", "Password changed")))
        return HttpResponseRedirect(reverse("home"))
    return render(request, "accounts/password.html", {"form": form, "title": T("修改密码", "Change password")})


@needs("accounts")
def accounts(request: HttpRequest) -> HttpResponse:
    """Accounts and what each holds; new ones get a one-time password, shown once."""
    shown = None
    if request.method == "POST":
        shown = _account_verb(request)
        if shown is None:
            return HttpResponseRedirect(reverse("accounts"))
    current = Prefetch("appointments", Appointment.objects.select_related("office").filter(Q(until=None) | Q(until__gte=timezone.localdate())), "now")
    people = User.objects.exclude(username=CONSOLE).prefetch_related(current).order_by("username")
    return render(request, "accounts/accounts.html", {
        "title": T("账号与权限", "Accounts and rights"), "people": [(p, p.password_over(timezone.now())) for p in people], "roles": ROLES, "shown": shown,
        "offices": Office.objects.filter(active=True).exclude(kind="department"), "me": request.user,
    })


def _account_verb(request: HttpRequest) -> dict[str, str] | None:
    """One of: create, appoint, dismiss, disable, reset. Returns the one-time password to show, if one was made."""
    me: User = request.user
    verb, post = request.POST.get("verb", ""), request.POST
    if verb == "create":
        user, password = actions.create_user(me, post.get("username", "").strip(), post.get("name", "").strip())
        _appoint(me, user, post)
        return {"username": user.username, "password": password}
    user = get_object_or_404(User.objects.exclude(username=CONSOLE), pk=post.get("user"))
    if verb == "appoint":
        _appoint(me, user, post)
    elif verb == "disable":
        actions.disable(me, user)
    elif verb == "dismiss":
        actions.dismiss(me, get_object_or_404(Appointment, pk=post.get("appointment") or 0, user=user))
        messages.success(request, str(T("已撤销“{n}”的角色", "role of “{n}” taken away", n=user.name)))
    elif verb == "reset":
        return {"username": user.username, "password": actions.reset_password(me, user)}
    return None


def _appoint(me: User, user: User, post: dict) -> Appointment:
    office = Office.objects.filter(pk=post.get("office") or 0).first()
    return actions.appoint(me, user, post.get("role", ""), office=office, institution_key=post.get("institution", "").strip())
