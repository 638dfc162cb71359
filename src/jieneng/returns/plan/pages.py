"""The plan of a round on one page: calendar, who enters what where, deadlines, single extensions, exemptions, which version is shown."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.models import Office
from jieneng.people.scope import scope
from jieneng.registry.models import Institution
from jieneng.registry.queries import seen

from ..actions import act
from ..asking import day, office, round_of
from ..following import OPEN, due_again
from ..models import Extension, Return, Round
from ..queries import returns_in
from . import actions
from .queries import MODES, plan_of, stage, steps_of

KINDS = ("county", "zone", "direct", "department")


@needs("see")
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """The plan, and for those who sign there the forms to change it."""
    round_ = round_of(pk)
    if request.method == "POST":
        return _change(request, round_)
    today, made, mine = timezone.localdate(), plan_of(round_), request.scope
    sign = scope(request.user, "sign")
    offices = [o for o in Office.objects.filter(active=True, kind__in=KINDS, path__startswith=round_.office.path) if mine.covers_line(o.path)]
    named = {s.institution_id: s.name for s in seen(mine, Period("year", round_.year).last_day)}
    counts: dict[str, int] = {}
    for path in seen(mine, Period("year", round_.year).last_day).filter(in_scope=True, covered_by=None).values_list("office__path", flat=True):
        for o in offices:
            if path.startswith(o.path):
                counts[o.path] = counts.get(o.path, 0) + 1
    own = {o.path for o in offices if o.path in made.modes or o.path in made.deadlines}
    rows = [{"office": o, "mode": made.mode(o.path), "own_mode": made.modes.get(o.path, ""), "own_deadline": made.deadlines.get(o.path), "words": MODES[made.mode(o.path)],
             "deadline": made.deadline(o.path), "n": counts.get(o.path, 0), "inherits": o.path not in made.modes, "may": sign.covers_line(o.path)}
            for o in offices if o.kind != "department" or o.path in own]
    extensions = [e for e in Extension.objects.filter(round=round_, institution__in=named).select_related("by").order_by("-id") if e.until is not None and made.extended.get(e.institution_id) == e.until]
    seen_once: set[int] = set()
    extended = [{"e": e, "name": named[e.institution_id]} for e in extensions if not (e.institution_id in seen_once or seen_once.add(e.institution_id))]  # type: ignore[func-returns-value]
    exempt = sorted({(named[i], i) for i in returns_in(mine).filter(round=round_, state="exempt").values_list("institution_id", flat=True) if i in named})
    return render(request, "returns/plan.html", {
        "title": T("{y} 年统计任务安排", "Plan of the {y} round", y=round_.year), "round": round_, "modes": MODES, "rows": rows, "top": MODES[round_.mode],
        "steps": [{"s": s, "stage": stage(s, today)} for s in steps_of(round_)], "extended": extended, "exempt": exempt,
        "sign_all": sign.covers_line(round_.office.path), "sign": bool(sign), "register": bool(scope(request.user, "edit_register")), "today": today,
        "departments": [o for o in offices if o.kind == "department" and o.path not in own and sign.covers_line(o.path)],
        "versions": [("", T("最新的快照", "the newest snapshot")), ("city", T("市报送版", "city version")), ("province", T("省审定版", "province version")), ("nation", T("国家核定版", "national version"))]})


def _institution(request: HttpRequest, round_: Round) -> Institution:
    """The unit that a form names by name or code, inside the scope. Raises ``Refused`` when none or several fit."""
    text = request.POST.get("unit", "").strip()
    rows = seen(request.scope, Period("year", round_.year).last_day).filter(institution__returns__round=round_).distinct()
    exact = list(rows.filter(institution__key=text)[:2]) or list(rows.filter(name=text)[:2]) or (list(rows.filter(name__contains=text)[:2]) if text else [])
    if len(exact) != 1:
        raise refuse("round.unit", T("没有唯一的单位“{t}”", "no single institution “{t}”", t=text[:40]) if text else T("没有写单位", "no institution named"),
                     do=T("写全称或统一社会信用代码", "give the full name or the credit code"), where=Place(field="unit"))
    return exact[0].institution


def _change(request: HttpRequest, round_: Round) -> HttpResponse:
    """One change of the plan."""
    person, post = request.user, request.POST
    todo = post.get("do", "")
    told: T | None = None
    if todo == "office":
        where = office(request, request.scope)
        actions.set_office(person, round_, where, mode=post.get("mode", ""), deadline=day(post.get("deadline", ""), "deadline"))
        told = T("{o}：已改", "{o}: changed", o=where.name)
    elif todo == "step":
        since, until = day(post.get("since", ""), "since"), day(post.get("until", ""), "until")
        if since is None or until is None:
            raise refuse("round.step", T("起止日没有写全", "both days are needed"), where=Place(field="since"))
        name = post.get("name", "").strip()[:40]
        code = post.get("code", "") or f"own-{timezone.now():%H%M%S%f}"
        old = next((s for s in steps_of(round_) if s.code == code), None)
        if not name and old is None:
            raise refuse("round.step", T("没有写这一步叫什么", "the step has no name"), where=Place(field="name"))
        words = T(name, name) if name and (old is None or name not in old.name.values()) else T(old.name["zh"], old.name["en"])  # type: ignore[union-attr]
        actions.set_step(person, round_, code, words, since, until)
        told = T("日历已改", "calendar changed")
    elif todo == "remove-step":
        actions.remove_step(person, round_, post.get("code", ""))
        told = T("已删去", "removed")
    elif todo == "extend":
        unit, until = _institution(request, round_), day(post.get("until", ""), "until")
        actions.extend(person, round_, unit, until, post.get("reason", ""))
        told = T("已记单独延期", "extension noted") if until else T("延期已取消", "extension taken back")
    elif todo in ("exempt", "include"):
        unit = _institution(request, round_)
        rows, why = Return.objects.filter(round=round_, institution=unit), post.get("reason", "")
        n = act(person, todo, rows.filter(state__in=OPEN), reason=why) if todo == "exempt" else due_again(person, rows, why)
        if not n:
            raise refuse("round.exempt", T("这家没有可以办理的报表", "nothing can be done to the returns of this institution"),
                         do=T("已报的先退回，退回后可以登记免报", "send back what was filed first; then it can be exempt"))
        told = T("{n} 份报表已登记免报", "{n} returns are exempt", n=n) if todo == "exempt" else T("{n} 份报表恢复应报", "{n} returns are expected again", n=n)
    elif todo == "strict":
        actions.set_strict(person, round_, post.get("strict") == "1")
        told = T("已改", "changed")
    elif todo == "signatures":
        actions.set_signatures(person, round_, post.get("signatures") == "1")
        told = T("已改", "changed")
    elif todo == "show":
        actions.show(person, round_, post.get("version", ""))
        told = T("以后的指标按所选版本显示", "figures now show the version chosen")
    else:
        raise Http404
    messages.success(request, str(told))
    return HttpResponseRedirect(reverse("round-plan", args=[round_.pk]))


def who_enters(round_: Round, path: str) -> dict[str, Any]:
    """Who enters what for the units under an office, in words: for pages of other rooms."""
    made = plan_of(round_)
    name, who, here = MODES[made.mode(path)]
    return {"mode": made.mode(path), "name": name, "who": who, "here": here, "files_here": made.files_here(path), "deadline": made.deadline(path)}
