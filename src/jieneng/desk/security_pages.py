"""Pages of the security administrator: sign-in log and lock-outs, accounts from a workbook, hand-over, clients of the API."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.models import ApiClient, Handover, Office
from jieneng.people.origin import device
from jieneng.people.queries import offices_in, root_office
from jieneng.people.roles import ROLES
from jieneng.records import files
from jieneng.records.events import action
from jieneng.records.models import ReceivedFile
from jieneng.records.workbook import Column, list_workbook, workbook_response

from . import accounts, bulk_accounts, clients, handovers, signing

RESULTS = {"ok": T("登录", "signed in"), "wrong": T("密码不对", "wrong password"), "locked": T("锁定", "locked"), "slowed": T("被限速", "slowed"),
           "over": T("一次性密码过期", "one-time password over"), "code": T("密码对，等验证码", "right password, code asked"), "code_wrong": T("验证码不对", "wrong code")}


# ---- the sign-in log ----

def _log(request: HttpRequest) -> Any:
    result = request.GET.get("result", "")
    return signing.log_of(request.user, q=request.GET.get("q", "").strip()[:60], result=result if result in RESULTS else "")


@needs("accounts")
def sign_ins(request: HttpRequest) -> HttpResponse:
    """Who tried to sign in, from where, with what result; who is locked now."""
    mine = {u.username for u in accounts.visible(request.user)}
    locks = [x for x in signing.lockouts() if x.username in mine]
    page = Paginator(_log(request), 50).get_page(request.GET.get("page"))
    return render(request, "accounts/sign_ins.html", {
        "title": T("登录记录", "Sign-in log"), "page": page, "results": RESULTS, "locks": locks, "waves": signing.waves(),
        "search": T("账号、姓名、地址", "account, name or address"),
        "filters": [{"name": "result", "label": T("结果", "result"), "options": list(RESULTS.items())}]})


@needs("accounts")
def sign_ins_xlsx(request: HttpRequest) -> HttpResponse:
    """The log as filtered, as a workbook (the newest 20,000 lines)."""
    columns = [Column(T("时间", "time"), 18), Column(T("用户名", "user name"), 18), Column(T("姓名", "name"), 14), Column(T("结果", "result"), 18),
               Column(T("地址", "address"), 18), Column(T("设备", "device"), 26)]
    rows = [(timezone.localtime(r.at).strftime("%Y-%m-%d %H:%M:%S"), r.username, r.user.name if r.user else "", str(RESULTS[r.result]), r.address, device(r.agent))
            for r in _log(request)[:20_000]]
    return workbook_response(list_workbook(T("登录记录", "Sign-in log"), columns, rows), str(T("登录记录.xlsx", "sign-ins.xlsx")))


@require_POST
@needs("accounts")
def unlock(request: HttpRequest) -> HttpResponse:
    """End the lock-outs of a name."""
    user = get_object_or_404(accounts.visible(request.user), username=request.POST.get("username", ""))
    signing.unlock(request.user, user)
    messages.success(request, str(T("“{n}”可以再登录了", "“{n}” can sign in again", n=user.name)))
    return HttpResponseRedirect(reverse("sign-ins"))


# ---- many accounts from a workbook ----

@needs("accounts")
def template(request: HttpRequest) -> HttpResponse:
    """The empty workbook."""
    return workbook_response(bulk_accounts.template(request.user), str(T("账号空表.xlsx", "accounts-template.xlsx")))


@needs("accounts")
def bulk(request: HttpRequest) -> HttpResponse:
    """Hand in a filled workbook: it is kept, read, and shown before anything is made."""
    if request.method == "POST":
        upload = request.FILES.get("file")
        if upload is None:
            raise refuse("bulk.none", T("没有选文件", "no file chosen"), do=T("选填好的 xlsx", "choose the filled workbook"))
        row = files.receive(upload.file, upload.name, request.user)
        return HttpResponseRedirect(reverse("accounts-bulk-file", args=[row.sha256]))
    return render(request, "accounts/bulk.html", {"title": T("批量建账号", "Accounts from a workbook"), "guide": bulk_accounts.GUIDE})


@needs("accounts")
def bulk_file(request: HttpRequest, sha256: str) -> HttpResponse:
    """What the workbook says: good rows and bad cells; on POST the good rows go in and their one-time passwords are shown, once."""
    received = get_object_or_404(ReceivedFile, sha256=sha256, by=request.user)
    if request.method == "POST":
        made, reading = bulk_accounts.create(request.user, received)
        site = request.build_absolute_uri("/")
        if request.POST.get("as") == "xlsx" and made:
            return workbook_response(bulk_accounts.slips_workbook(made, site), str(T("一次性密码.xlsx", "one-time-passwords.xlsx")))
        return render(request, "accounts/slips.html", {"title": T("一次性密码条", "Slips with one-time passwords"), "made": made, "reading": reading, "site": site,
                                                       "office": root_office(), "until": timezone.localtime() + accounts.ONE_TIME})
    reading = bulk_accounts.read(request.user, files.path_of(received.sha256), received.name)
    return render(request, "accounts/bulk_file.html", {"title": T("批量建账号：先看一遍", "Accounts from a workbook: a look first"), "reading": reading, "file": received})


@needs("accounts")
def bulk_problems(request: HttpRequest, sha256: str) -> HttpResponse:
    """The cells that are wrong, as a workbook to work from."""
    received = get_object_or_404(ReceivedFile, sha256=sha256, by=request.user)
    reading = bulk_accounts.read(request.user, files.path_of(received.sha256), received.name)
    columns = [Column(T("工作表", "sheet"), 14), Column(T("单元格", "cell"), 10), Column(T("看到的", "found"), 40), Column(T("应为", "expected"), 40), Column(T("怎么办", "what to do"), 40)]
    rows = [(p.where.sheet, p.where.cell, str(p.found), str(p.expected or ""), str(p.do or "")) for p in reading.problems]
    return workbook_response(list_workbook(T("没有读入的", "Not taken in"), columns, rows, [received.name]), str(T("没有读入的.xlsx", "problems.xlsx")))


# ---- hand-over ----

@needs("accounts")
def handover(request: HttpRequest, pk: int) -> HttpResponse:
    """What a person holds and what is open; choose the successor, and it goes over in one action."""
    leaver = get_object_or_404(accounts.visible(request.user).filter(api_client__isnull=True), pk=pk)
    accounts.reach(request.user, leaver)
    shown: dict[str, str] | None = None
    if request.method == "POST":
        post = request.POST
        with action():
            if post.get("new_username", "").strip():
                successor, password = accounts.create_user(request.user, post["new_username"], post.get("new_name", ""))
                shown = {"username": successor.username, "password": password}
            else:
                successor = accounts.visible(request.user).filter(username=post.get("successor", "").strip()).first()
                if successor is None:
                    raise refuse("handover.successor", T("没有账号“{u}”", "there is no account “{u}”", u=post.get("successor", "") or "—"),
                                 do=T("写已有的用户名，或填新账号的用户名和姓名", "write an existing user name, or name and user name of a new account"))
            made = handovers.hand_over(request.user, leaver, successor, note=post.get("note", ""), disable=post.get("disable") == "1")
        if shown is None:
            return HttpResponseRedirect(reverse("handover-note", args=[made.pk]))
        return _note(request, made, shown)
    return render(request, "accounts/handover.html", {"title": T("交接：{n}", "Hand-over: {n}", n=leaver.name), "leaver": leaver, "listing": handovers.listing(leaver)})


@needs("accounts")
def handover_note(request: HttpRequest, pk: int) -> HttpResponse:
    """The note to print and sign."""
    made = get_object_or_404(Handover.objects.select_related("leaver", "successor", "by"), pk=pk)
    if not accounts.visible(request.user).filter(pk__in=(made.leaver_id, made.successor_id)).exists():
        raise Http404
    return _note(request, made, None)


def _note(request: HttpRequest, made: Handover, shown: dict[str, str] | None) -> HttpResponse:
    return render(request, "accounts/handover_note.html", {"title": T("交接单", "Hand-over note"), "made": made, "listing": made.listing, "shown": shown, "office": root_office()})


# ---- clients of the API ----

def _clients(request: HttpRequest) -> Any:
    mine = accounts.visible(request.user)
    return ApiClient.objects.select_related("user", "made_by").filter(user__in=mine)


@needs("accounts")
def api_clients(request: HttpRequest) -> HttpResponse:
    """The programs that may use the API, their rights, when they were last seen; make one, renew or end it."""
    shown = None
    if request.method == "POST":
        shown = _client_verb(request)
        if shown is None:
            return HttpResponseRedirect(reverse("clients"))
    rows = [(c, clients.shown(c), next((a for a in accounts.current(c.user)), None)) for c in _clients(request)]
    return render(request, "accounts/clients.html", {
        "title": T("数据接口", "Clients of the API"), "rows": rows, "shown": shown, "offices": offices_in(request.user, "accounts"),
        "roles": {r: ROLES[r] for r in clients.CLIENT_ROLES}})


def _client_verb(request: HttpRequest) -> dict[str, str] | None:
    """create, renew (both show a token, once) or revoke."""
    post, me = request.POST, request.user

    def number(key: str, usual: int) -> int:
        text = post.get(key, "").strip()
        found = whole(text, 8)
        return usual if not text else -1 if found is None else found

    if post.get("verb") == "create":
        office = Office.objects.filter(pk=max(0, number("office", 0))).first()
        client, token = clients.create(me, post.get("name", "").strip(), post.get("label", "").strip(), post.get("role", ""), office=office,
                                       institution_key=post.get("institution", "").strip(), writes=post.get("writes") == "1",
                                       days=number("days", 180), per_minute=number("per_minute", 120))
        return {"name": client.user.username, "token": token}
    client = get_object_or_404(_clients(request), pk=max(0, number("client", 0)))
    if post.get("verb") == "renew":
        return {"name": client.user.username, "token": clients.renew(me, client)}
    if post.get("verb") == "revoke":
        clients.revoke(me, client)
        messages.success(request, str(T("“{n}”已停用", "“{n}” revoked", n=client.user.name)))
    return None
