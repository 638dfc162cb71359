"""Pages that draw on several rooms: home, search, rules, status."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.problem import refuse
from jieneng.core.words import LANGUAGES, T
from jieneng.exchange import queries as exchange
from jieneng.fieldwork.models import LedgerRecord
from jieneng.figures import overview as figures
from jieneng.people.access import anyone, needs
from jieneng.people.queries import held, verbs_of
from jieneng.people.roles import ROLES
from jieneng.people.scope import scope
from jieneng.records import evidence
from jieneng.records.models import Job
from jieneng.registry import queries as register_queries
from jieneng.returns import queries as returns
from jieneng.returns.chase import queries as chase
from jieneng.returns.models import Round
from jieneng.returns.plan.queries import plan_of
from jieneng.rulebook import changes
from jieneng.rulebook.editions import KINDS
from jieneng.rulebook.types import Book

from . import finding
from . import home as homes
from .context import only_files
from .ops import doctor


def health(request: HttpRequest) -> HttpResponse:
    """Whether the site answers: for a supervisor or a proxy."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Chinese or English, for this session and this person."""
    code = request.POST.get("language", "zh")
    if code in LANGUAGES:
        request.session["language"] = code
        if request.user.is_authenticated:
            get_user_model().objects.filter(pk=request.user.pk).update(language=code)
    back = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(back if safe else "/")


@anyone
def home(request: HttpRequest) -> HttpResponse:
    """Today's work first, then the state of the round, then the four indicators with their proof."""
    verbs = verbs_of(request.user)
    if "see" not in verbs:
        target = "accounts" if "accounts" in verbs else "status" if "operate" in verbs else ""
        if target:
            return HttpResponseRedirect(reverse(target))
        return render(request, "desk/no_role.html", {"title": T("还没有授权", "No rights yet")})
    mine = scope(request.user, "see")
    request.scope = mine
    round_ = Round.objects.filter(form=returns.main_form()).order_by("-year").first()
    plan = plan_of(round_) if round_ else None
    units = chase.units(mine, round_, plan) if round_ else []
    by, filing = "area" if len({u.area for u in units}) > 1 else "department", only_files(verbs)
    lines = [] if filing else chase.grouped(returns.book(), units, by)
    return render(request, "desk/home.html", {
        "title": T("工作台", "Desk"), "today": timezone.localdate(), "tasks": homes.tasks(request, verbs, round_, units, plan), "round": round_,
        "two_sides": round_ is not None and "review" in verbs and exchange.held("platform", round_.form, round_.year),
        "roles": [ROLES[a.role].label for a in held(request.user)], "card": homes.card(request, round_, units) if round_ else None, "lines": lines[:9],
        "by": by, "shown": chase.SHOWN, "filing": filing, "own_years": homes.own_years(request) if filing else [],
        "strip": homes.year_strip(round_, timezone.localdate()) if round_ else None,
        "biggest": homes.biggest(request, round_, {u.pk: u.name for u in units}) if round_ and "review" in verbs else [], **figures.home_figures(mine)})


@needs("see")
def search(request: HttpRequest) -> HttpResponse:
    """Find an institution by name, pinyin initials or code, a page, a chapter of the manual, a file, a correction. The one institution opens at once."""
    q = request.GET.get("q", "").strip()[:100]
    if not q:
        return HttpResponseRedirect(reverse("register"))
    rows = register_queries.search(register_queries.seen(request.scope, timezone.localdate()), q).order_by("office__path", "institution__key")
    units, found = list(rows[:finding.FEW]), finding.find(request, q)
    if len(units) == 1 and not found.direct:
        return HttpResponseRedirect(reverse("institution", args=[units[0].institution_id]))
    usual = [p for p in finding.pages(request) if p["url"] in {reverse(n) for n in ("chase-latest", "corrections", "imports", "filling", "review-start", "figures")}]
    return render(request, "desk/search.html", {"title": T("查找", "Search"), "q": q, "units": units, "count": rows.count(), "found": found,
                                                "usual": usual, "units_first": bool(units) or not (found.direct or found.manual), "two": bool(found.pages or found.manual) or (found.direct and not units)})


def _evidence_target(request: HttpRequest, kind: str, key: str) -> tuple[str, str, str]:
    """The office line a piece of evidence belongs to, the right it takes, and the page to go back to; 404 outside the scope."""
    mine = scope(request.user, "see")
    if whole(key) is None:
        raise Http404
    if kind == "ledger":
        row = LedgerRecord.objects.select_related("office").filter(pk=key).first()
        if row is None or not mine.covers_line(row.office.path):
            raise Http404
        return row.office.path, "ledger", reverse("ledger-record", args=[row.kind, row.pk])
    if kind == "return":
        ret = returns.returns_in(mine).select_related("institution").filter(pk=key).first()
        if ret is None:
            raise Http404
        standing = register_queries.standing_of(ret.institution, timezone.localdate())
        return standing.office.path if standing else "-", "import", reverse("return", args=[ret.pk])
    raise Http404


@require_POST
@needs("import", "ledger")
def attach(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """Put a file forward as evidence for a return or a ledger line."""
    line, right, back = _evidence_target(request, kind, key)
    upload = request.FILES.get("file")
    if upload is None:
        raise refuse("evidence.file", T("还没有选文件", "no file chosen"))
    evidence.attach(request.user, kind, key, upload.file, upload.name or "", request.POST.get("label", "").strip(), line=line, right=right)
    messages.success(request, str(T("已收下“{n}”", "“{n}” received", n=upload.name)))
    return HttpResponseRedirect(back)


@anyone
def rules(request: HttpRequest) -> HttpResponse:
    """The book of rules, read-only: factors with their sources, indicators, checks, and what is not known."""
    book = returns.book()
    forms = sorted((f for f in book.forms.values() if f.code == returns.main_form()), key=lambda f: f.years_from, reverse=True)
    return render(request, "desk/rules.html", {"title": T("规则与折标系数", "Rules and factors"), "book": book, "forms": forms, "editions": _editions(book)})


def _editions(book: Book) -> list[dict[str, Any]]:
    """Each edition against the one before, newest first, the main form's before the others': what changed, by kind."""
    main, found = returns.main_form(), []
    for code in sorted({f.code for f in book.forms.values()}, key=lambda c: (c != main, c)):
        editions = sorted((f for f in book.forms.values() if f.code == code), key=lambda f: f.years_from)
        for old, new in itertools.pairwise(editions):
            groups = [(KINDS[kind], list(group)) for kind, group in itertools.groupby(changes(book, old.name, new.name), key=lambda c: c.kind)]
            found.append({"old": old, "new": new, "groups": groups})
    return sorted(found, key=lambda e: (-e["new"].years_from, e["new"].code != main, e["new"].code))


PLAIN = {
    "jieneng.D001": T("数据库程序", "the database program"), "jieneng.D002": T("断电不丢已保存的数据", "a power cut loses nothing that was saved"),
    "jieneng.D003": T("程序和数据库版本一致", "program and database are of one version"), "jieneng.D004": T("磁盘空间够用", "there is room on the disk"),
    "jieneng.D005": T("空间用尽时还能抢救的备用空间", "room kept back for when the disk is full"), "jieneng.D006": T("别人读不到系统的文件", "nobody else can read the system's files"),
    "jieneng.D007": T("规则库完好", "the rulebook is whole"), "jieneng.D008": T("长任务没有卡住", "no long task is stuck"),
    "jieneng.D009": T("一天内有备份", "there is a backup of the last day"), "jieneng.D010": T("没有中断留下的残余", "nothing is left over from interruptions"),
    "jieneng.D011": T("系统时钟准确", "the clock is right"), "jieneng.D012": T("能生成 PDF", "PDF can be made"),
    "jieneng.D013": T("有中文字体", "there is a Chinese font"), "jieneng.D014": T("备份工具可用", "the tools for backups work"),
    "jieneng.D015": T("计算引擎可用", "the engine that computes works"),
}
"""What each check is about, for those who do not run the server."""
JOBS = {"import": T("导入文件", "importing a file"), "freeze": T("封存快照", "freezing a snapshot"), "compose": T("编制文稿", "composing a document")}


@needs("operate", "log")
def status(request: HttpRequest) -> HttpResponse:
    """Whether the system is well, in plain words; how it is set up is for the person who runs the server. Nothing of the business."""
    checks = doctor.run()
    return render(request, "desk/status.html", {
        "title": T("系统状态", "System status"), "checks": [(c, PLAIN.get(c.id, c.label)) for c in checks], "technical": "operate" in verbs_of(request.user),
        "worst": "fail" if any(c.state == "fail" for c in checks) else "warn" if any(c.state == "warn" for c in checks) else "ok",
        "jobs": [(j, JOBS.get(j.kind, j.kind)) for j in Job.objects.order_by("-id")[:25]]})
