"""Own password, and the accounts page of the security administrator."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import password_validation, update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone

from jieneng.core.asked import whole
from jieneng.core.words import T
from jieneng.people.access import anyone, needs
from jieneng.people.models import Appointment, FactorRule, Office, User
from jieneng.people.queries import offices_in
from jieneng.people.roles import ROLES
from jieneng.records.events import action
from jieneng.records.workbook import Column, list_workbook, workbook_response

from . import accounts as actions
from . import factors, signing


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
        before = request.session.session_key
        actions.set_password(user, user, form.cleaned_data["new"], one_time=False)
        update_session_auth_hash(request, user)
        signing.moved(before, request.session.session_key)
        signing.end_sessions(user, user, keep=request.session.session_key)
        messages.success(request, str(T("密码已改", "Password changed")))
        return HttpResponseRedirect(reverse("home"))
    return render(request, "accounts/password.html", {"form": form, "title": T("修改密码", "Change password")})


STATES = {"active": T("可用", "active"), "once": T("一次性密码", "one-time password"), "disabled": T("已停用", "disabled"), "none": T("没有角色", "no role"),
          "api": T("数据接口", "API")}


def _rows(request: HttpRequest) -> Any:
    """The accounts that the filters in the address show."""
    now = Q(until=None) | Q(until__gte=timezone.localdate())
    current = Appointment.objects.select_related("office").filter(now)
    people = actions.visible(request.user).prefetch_related(Prefetch("appointments", current, "now")).order_by("username")
    if q := request.GET.get("q", "").strip():
        people = people.filter(Q(username__icontains=q) | Q(name__icontains=q) | Q(pk__in=current.filter(Q(office__name__icontains=q) | Q(institution_key=q)).values("user")))
    if role := request.GET.get("role", ""):
        people = people.filter(pk__in=current.filter(role=role).values("user"))
    state = request.GET.get("state", "")
    people = people.filter(api_client__isnull=state != "api")
    if state == "disabled":
        people = people.filter(is_active=False)
    elif state == "once":
        people = people.filter(is_active=True, must_change_password=True)
    elif state == "active":
        people = people.filter(is_active=True, must_change_password=False)
    elif state == "none":
        people = people.exclude(pk__in=current.values("user"))
    return people


@needs("accounts")
def accounts(request: HttpRequest) -> HttpResponse:
    """Accounts and what each holds; new ones get a one-time password, shown once."""
    shown = None
    if request.method == "POST":
        shown = _account_verb(request)
        if shown is None:
            return HttpResponseRedirect(reverse("accounts"))
    page = Paginator(_rows(request), 25).get_page(request.GET.get("page"))
    offices = offices_in(request.user, "accounts")
    filters = [{"name": "role", "label": T("角色", "role"), "options": [(c, r.label) for c, r in ROLES.items()]},
               {"name": "state", "label": T("状态", "state"), "options": list(STATES.items())}]
    rules = [r for r in FactorRule.objects.select_related("office").order_by("office__path", "role") if request.scope.covers_line(r.office.path)]
    return render(request, "accounts/accounts.html", {
        "title": T("账号与权限", "Accounts and rights"), "page": page, "people": [(p, p.password_over(timezone.now())) for p in page], "roles": ROLES, "shown": shown,
        "offices": offices, "me": request.user, "filters": filters, "rules": rules, "locks": len(signing.lockouts()),
        "asked": {c: r for c, r in ROLES.items() if c != "reporter"}, "total": page.paginator.count,
        "search": T("用户名、姓名、单位", "user name, name or office")})


@needs("accounts")
def accounts_xlsx(request: HttpRequest) -> HttpResponse:
    """The list as a workbook: who holds what, without telephone numbers and without passwords."""
    columns = [Column(T("用户名", "user name"), 18), Column(T("姓名", "name"), 14), Column(T("角色与范围", "roles and scope"), 50), Column(T("状态", "state"), 14), Column(T("上次登录", "last sign-in"), 18)]
    rows = [(p.username, p.name, "；".join(f"{ROLES[a.role].label} · {a.office.name if a.office else a.institution_key}" for a in p.now),
             str(STATES["disabled" if not p.is_active else "once" if p.must_change_password else "active"]),
             timezone.localtime(p.last_login).strftime("%Y-%m-%d %H:%M") if p.last_login else "") for p in _rows(request)]
    return workbook_response(list_workbook(T("账号与权限", "Accounts and rights"), columns, rows), str(T("账号与权限.xlsx", "accounts.xlsx")))


def _account_verb(request: HttpRequest) -> dict[str, str] | None:
    """One of: create, appoint, dismiss, disable, reset, end (sessions), factor_off, factor_rule. Returns the one-time password to show, if one was made."""
    me: User = request.user
    verb, post = request.POST.get("verb", ""), request.POST
    if verb == "create":
        with action():  # with its role, or not at all
            user, password = actions.create_user(me, post.get("username", "").strip(), post.get("name", "").strip())
            _appoint(me, user, post)
        return {"username": user.username, "password": password}
    if verb == "factor_rule":
        office = get_object_or_404(Office, pk=_number(post.get("office")))
        factors.ask(me, post.get("role", ""), office, post.get("on") == "1")
        return None
    who = {"username": post["username"].strip()} if post.get("username") else {"pk": _number(post.get("user"))}
    user = get_object_or_404(actions.visible(me), **who)
    if verb == "appoint":
        _appoint(me, user, post)
    elif verb == "disable":
        actions.disable(me, user)
    elif verb == "dismiss":
        actions.dismiss(me, get_object_or_404(Appointment, pk=_number(post.get("appointment")), user=user))
        messages.success(request, str(T("已撤销“{n}”的角色", "role of “{n}” taken away", n=user.name)))
    elif verb == "reset":
        return {"username": user.username, "password": actions.reset_password(me, user)}
    elif verb == "end":
        n = signing.end_sessions(me, user)
        messages.success(request, str(T("已结束“{m}”的 {n} 处登录", "{n} sessions of “{m}” ended", m=user.name, n=n)))
    elif verb == "factor_off":
        factors.turn_off(me, user)
        messages.success(request, str(T("已关掉“{m}”的两步验证", "second factor of “{m}” turned off", m=user.name)))
    return None


def _number(text: Any) -> int:
    """A key from a form; 0, which is nobody's, for anything that is none."""
    return whole(str(text or "")) or 0


def _appoint(me: User, user: User, post: dict) -> Appointment:
    office = Office.objects.filter(pk=_number(post.get("office"))).first()
    return actions.appoint(me, user, post.get("role", ""), office=office, institution_key=post.get("institution", "").strip())
