"""Completeness and reminders (催报): the table, who has not filed, what to paste, whom to phone."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.models import Office
from jieneng.people.queries import area_offices
from jieneng.people.scope import scope
from jieneng.records.events import action, record
from jieneng.records.jobs import enqueue
from jieneng.records.models import MailAddress
from jieneng.records.notify import mail_on, set_mailbox, webhook_on
from jieneng.records.workbook import Column, list_workbook, workbook_response
from jieneng.registry.queries import closed_to

from ..asking import office, round_of
from ..models import Round
from ..moves import STATES
from ..plan.queries import plan_of
from ..queries import book, main_form
from ..ranges import packed
from . import queries, wording
from .queries import Target, Unit

BY = {"area": T("县区", "area"), "department": T("主管部门", "department"), "type": T("机构类型", "type")}
CORE = ("expected", "draft", "returned", "filed")
"""States that have their column even when nobody is in them."""
STATE_FILTERS = {"late": T("未报完：未报、填报中、退回", "not complete"), "never": T("一份也没报过", "never answered"), "overdue": T("逾期", "overdue"),
                 "extended": T("单独延期", "extended"), "stale": T("退回超过 3 天未改", "sent back over 3 days ago"), "done": T("已报（退回不算）", "filed"),
                 "passed": T("市级已审", "accepted"), **{s: STATES[s] for s in queries.SHOWN}}


def _wanted(request: HttpRequest, round_: Round, rows: list[Unit], today: dt.date) -> list[Unit]:
    """The rows that the filters in the address leave, the most consequential first."""
    get = request.GET
    closed = closed_to(request.user)  # counted in every total, listed only to those who need more
    rows = [u for u in rows if u.pk not in closed]
    state = get.get("state") or "late"
    returned = queries.returned_on(rows, round_) if state == "stale" else {}
    tests = {"late": lambda u: u.late, "never": lambda u: u.never, "overdue": lambda u: u.overdue(today), "extended": lambda u: u.extended,
             "done": lambda u: u.done, "passed": lambda u: u.passed, "all": lambda u: True,
             "stale": lambda u: u.pk in returned and returned[u.pk] < (today - dt.timedelta(days=queries.STALE)).isoformat()}
    rows = [u for u in rows if (tests[state](u) if state in tests else u.state == state)]
    for name in ("area", "department", "type"):
        if value := get.get(name, ""):
            rows = [u for u in rows if getattr(u, name) == ("" if value == "-" else value)]
    if q := get.get("q", "").strip():
        rows = [u for u in rows if q in u.name or u.key.startswith(q)]
    return sorted(rows, key=lambda u: (-(u.weight or 0), u.line, u.key))


@needs("see")
def latest(request: HttpRequest) -> HttpResponse:
    """Completeness of the newest round; without one, the page of rounds says what to do."""
    round_ = Round.objects.filter(form=main_form()).order_by("-year").first()
    return HttpResponseRedirect(reverse("chase", args=[round_.pk]) if round_ else reverse("rounds"))


@needs("see")
def chase(request: HttpRequest, pk: int) -> HttpResponse:
    """The table by area, department or type; each day; and the list of who is not complete."""
    round_, today = round_of(pk), timezone.localdate()
    plan = plan_of(round_)
    every = queries.units(request.scope, round_, plan)
    by = request.GET.get("by", "area") if request.GET.get("by") in queries.GROUPS else "area"
    review, keeps = scope(request.user, "review"), scope(request.user, "edit_register")
    wanted = _wanted(request, round_, every, today)
    page = Paginator(wanted, 100 if request.GET.get("per") == "100" else 25).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    liaison = queries.contacts([u for u in shown if review.covers_line(u.line)], today)
    reminded = queries.reminded_units(round_)
    offices = {o.path: o for o in Office.objects.filter(active=True)}
    targets = queries.targets(every, review, round_) if review else []
    whole = queries.line("", str(T("合计", "Total")), every)
    late = [u for u in every if u.late]
    areas = {o.area: o.name for o in area_offices()}
    shown_states = [s for s in queries.SHOWN if s in CORE or whole.counts.get(s)]
    return render(request, "returns/chase.html", {
        "title": T("催报与完整率", "Completeness and reminders"), "round": round_, "by": by, "groups": list(BY.items()), "head": BY[by],
        "lines": [(x, [(s, x.counts.get(s, 0)) for s in shown_states]) for x in queries.grouped(book(), every, by)],
        "whole_cells": [(s, whole.counts.get(s, 0)) for s in shown_states], "whole": whole, "states": shown_states, "page": page, "count": len(wanted), "today": today,
        "rows": [{"u": u, "area": areas.get(u.area, u.area), "contact": liaison.get(u.pk), "phone": _masked(liaison[u.pk].phone) if u.pk in liaison else "",
                  "calls": keeps.covers_line(u.line), "last": reminded.get(u.pk), "over": u.overdue(today), "office": offices.get(u.line)} for u in shown],
        "weight_share": sum(u.weight or 0 for u in wanted) / whole.weight if whole.weight else None, "filters": request.GET,
        "state_options": [(k, v) for k, v in STATE_FILTERS.items() if k != "late"], "areas": sorted({(u.area, areas.get(u.area, u.area)) for u in every}),
        "departments": sorted({u.department for u in every if u.department}), "chart": _chart(round_, every, today),
        "gaps": _gaps(round_, every, late, today), "targets": [t for t in targets if t.institution is None], "singles": [t for t in targets if t.institution is not None],
        "fresh": [t for t in targets if not t.reminded(today)], "reminded_today": {t.key for t in targets if t.reminded(today)}, "review": bool(review),
        "mail": mail_on(), "webhook": webhook_on(), "boxes": dict(MailAddress.objects.values_list("office_id", "address")),
        "sign_all": scope(request.user, "sign").covers_line(round_.office.path)})


def _masked(phone: str) -> str:
    """A phone number with two digits hidden, as lists show it."""
    return phone if len(phone) < 6 else phone[:-4] + "**" + phone[-2:]


def _gaps(round_: Round, every: list[Unit], late: list[Unit], today: dt.date) -> list[dict[str, Any]]:
    """Where it still lacks: each count opens its list."""
    returned = queries.returned_on(late, round_)
    stale = (today - dt.timedelta(days=queries.STALE)).isoformat()
    return [{"label": T("一份也没报过", "never answered"), "n": sum(u.never for u in late), "state": "never"},
            {"label": T("报了一部分", "filed in part"), "n": sum(u.state == "draft" for u in late), "state": "draft"},
            {"label": T("退回超过 3 天未改", "sent back over 3 days ago"), "n": sum(d < stale for d in returned.values()), "state": "stale"},
            {"label": T("过了截止日", "past the deadline"), "n": sum(u.overdue(today) for u in late), "state": "overdue"},
            {"label": T("单独延期", "extended"), "n": sum(u.extended for u in every), "state": "extended"}]


def _chart(round_: Round, rows: list[Unit], today: dt.date) -> dict[str, Any] | None:
    """Filed by each day, as a share; none when everything came on one day."""
    days = queries.daily(rows)
    if len(days) < 2:
        return None
    total = len(rows)
    return {"kind": "line", "label": T("每日进度", "By day"), "unit": "%", "x": [d.strftime("%m-%d") for d, _ in days], "places": 1,
            "series": [{"name": str(T("已报率", "filed")), "values": [round(n * 100 / total, 1) for _, n in days]}], "head": T("日期", "Day"),
            "source": T("截止 {d}", "due {d}", d=round_.deadline.isoformat() if round_.deadline else "—")}


@needs("see")
def chase_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The list that the filters show, as a workbook. Names and phones of people stay out (P14)."""
    round_, today = round_of(pk), timezone.localdate()
    areas, reminded = {o.area: o.name for o in area_offices()}, queries.reminded_units(round_)
    every = queries.units(request.scope, round_)
    data = [[areas.get(u.area, u.area), u.key, u.name, u.department, str(STATES[u.state]), u.filed, u.returns, u.weight, u.deadline, str(T("逾期", "overdue")) if u.overdue(today) else "",
             reminded[u.pk].day if u.pk in reminded else None] for u in _wanted(request, round_, every, today)]
    columns = [Column(T("县区", "area"), 10), Column(T("信用代码", "code"), 22), Column(T("单位", "institution"), 30), Column(T("主管部门", "department"), 20),
               Column(T("状态", "state"), 10), Column(T("已报份数", "filed"), 9), Column(T("应报份数", "due"), 9), Column(T("上年能耗 tce", "last year tce"), 12, "#,##0.0"),
               Column(T("截止", "due by"), 12), Column(T("逾期", "overdue"), 8), Column(T("上次提醒", "last reminded"), 12)]
    whole = queries.line("", "", every)
    note = str(T("已报率 {a}，审核通过率 {b}（退回不算已报）", "filed {a}, accepted {b} (sent back not counted)", a=_pct(whole.rate), b=_pct(whole.pass_rate)))
    return workbook_response(list_workbook(T("{y} 年度未报完名单", "Not complete {y}", y=round_.year), columns, data, notes=[note]), f"催报名单-{round_.year}.xlsx")


def _pct(value: float | None) -> str:
    return "—" if value is None else f"{value:.1%}"


@require_POST
@needs("review")
def chase_phones(request: HttpRequest, pk: int) -> HttpResponse:
    """The list for phone calls, with liaison officers and landlines: only units one may review, and the taking is an event (P14)."""
    round_, today = round_of(pk), timezone.localdate()
    rows = sorted((u for u in queries.units(request.scope, round_) if u.late), key=lambda u: (u.line, u.key))
    liaison, areas = queries.contacts(rows, today), {o.area: o.name for o in area_offices()}
    with action():
        record(request.user, "remind.phones", "round", round_.pk, line=request.scope.lines[0] if request.scope.lines else "",
               data={"year": round_.year, "units": packed(u.pk for u in rows), "number": len(rows)})
    data = []
    for u in rows:
        c = liaison.get(u.pk)
        data.append([areas.get(u.area, u.area), u.department, u.name, str(STATES[u.state]), c.name if c else "", c.office_name if c else "", c.phone if c else "", u.deadline, ""])
    columns = [Column(T("县区", "area"), 10), Column(T("主管部门", "department"), 20), Column(T("单位", "institution"), 30), Column(T("状态", "state"), 10),
               Column(T("联络员", "liaison"), 10), Column(T("科室", "office"), 12), Column(T("办公电话", "landline"), 16), Column(T("截止", "due by"), 12), Column(T("通话记录", "notes"), 30)]
    notes = [str(T("含个人信息，只用于催报，用后删除", "holds personal data: for reminding only, delete after use"))]
    return workbook_response(list_workbook(T("{y} 年度催报电话", "Calls {y}", y=round_.year), columns, data, notes=notes), f"催报电话-{round_.year}.xlsx")


@require_POST
@needs("review")
def chase_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Remind those chosen, or all that were not reminded today; a job with progress."""
    round_, today = round_of(pk), timezone.localdate()
    every = {t.key: t for t in queries.targets(queries.units(request.scope, round_), request.scope, round_)}
    keys = [k for k in request.POST.getlist("target") if k in every] if request.POST.get("some") else [k for k, t in every.items() if not t.reminded(today)]
    if not keys:
        messages.info(request, str(T("没有要提醒的：没有选，或今天都提醒过", "nobody to remind: none chosen, or all were reminded today")))
        return HttpResponseRedirect(reverse("chase", args=[pk]))
    stamp = timezone.now().strftime("%Y%m%d%H%M%S%f")
    job = enqueue("remind", {"round": round_.pk, "targets": keys}, by=request.user, line=request.scope.lines[0] if request.scope.lines else "",
                  key=f"remind:{round_.pk}:{request.user.pk}:{stamp}")
    return HttpResponseRedirect(reverse("job", args=[job.pk]))


def _target(request: HttpRequest, round_: Round, key: str) -> Target:
    found = next((t for t in queries.targets(queries.units(request.scope, round_), request.scope, round_) if t.key == key), None)
    if found is None:
        raise Http404
    return found


@needs("review")
def chase_target(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """One reminder as it goes out: text to paste, picture to paste, who was reminded when; and the office's mailbox."""
    round_, today = round_of(pk), timezone.localdate()
    if request.method == "POST":
        where = office(request, request.scope)
        set_mailbox(request.user, where, request.POST.get("address", ""))
        messages.success(request, str(T("邮箱已存", "mailbox kept")))
        return HttpResponseRedirect(reverse("chase-target", args=[pk, key]))
    target = _target(request, round_, key)
    pages = -(-len(target.units) // wording.NAMED)
    box = MailAddress.objects.filter(office=target.office).first()
    return render(request, "returns/chase_target.html", {
        "title": T("提醒 {o}", "Remind {o}", o=target.name), "round": round_, "target": target, "text": wording.text(round_, target, today), "pages": range(1, pages + 1),
        "reminders": round_.reminders.filter(target=key).select_related("by"), "today": target.reminded(today), "box": box, "mail": mail_on(), "webhook": webhook_on(),
        "sign": scope(request.user, "sign").covers_line(target.office.path)})


@needs("review")
def chase_picture(request: HttpRequest, pk: int, key: str, page: int) -> HttpResponse:
    """The list of a reminder as an SVG picture."""
    round_ = round_of(pk)
    target = _target(request, round_, key)
    if not 1 <= page <= -(-len(target.units) // wording.NAMED):
        raise Http404
    response = HttpResponse(wording.picture(round_, target, timezone.localdate(), page), content_type="image/svg+xml; charset=utf-8")
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'none'"
    return response
