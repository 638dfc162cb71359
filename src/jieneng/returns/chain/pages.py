"""Passing returns in one's own word, in batch and one by one; and the totals that an office hands up, with what goes along."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from jieneng.core.asked import whole
from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.models import Office
from jieneng.people.queries import area_offices
from jieneng.people.scope import scope
from jieneng.records import evidence
from jieneng.records.workbook import Column, list_workbook, workbook_response
from jieneng.registry.queries import FEW, day_for, standings
from jieneng.rulebook import form_for

from ..asking import round_of
from ..models import Return, ReturnFinding, Round, Submission
from ..moves import MOVES, STATES, VERBS
from ..queries import book, held_by, latest_snapshot, opened, shown_snapshot
from . import actions, queries
from .blockers import blockers

WORDS = {"dept_ok": T("部门审核", "Department review"), "county_ok": T("县级审核", "County review"), "accepted": T("市级审核", "City review")}
TABS = ("filed", "dept_ok", "county_ok", "accepted", "returned")


@needs("review", "see")
def passing(request: HttpRequest, pk: int) -> HttpResponse:
    """The returns of a round by institution, to be passed, sent back or taken back in the person's own word."""
    round_ = round_of(pk)
    own = queries.own_level(request.user)
    if request.method == "POST":
        return _pass(request, round_, own)
    mine = own[1] if own else request.scope
    level = own[0] if own else ""
    rows = held_by(mine, Return.objects.filter(round=round_))
    counts: dict[str, set[int]] = {s: set() for s in TABS}
    for institution, found in rows.filter(state__in=TABS).values_list("institution_id", "state"):
        counts[found].add(institution)
    state = request.GET.get("state") if request.GET.get("state") in TABS else _first(counts, level)
    wanted: dict[int, int] = {}
    for institution in rows.filter(state=state).values_list("institution_id", flat=True):
        wanted[institution] = wanted.get(institution, 0) + 1
    findings: dict[int, dict[str, int]] = {}
    for institution, severity in ReturnFinding.objects.filter(ret__in=rows.filter(state=state), revision=F("ret__revision")).values_list("ret__institution_id", "severity"):
        by = findings.setdefault(institution, {})
        by[severity] = by.get(severity, 0) + 1
    names = {o.area: o.name for o in area_offices()}
    everyone = standings(day_for(Period("year", round_.year))).order_by("office__path", "institution__key")
    units = [s for s in (everyone if len(wanted) > FEW else everyone.filter(institution__in=list(wanted))) if s.institution_id in wanted]
    areas = sorted({(s.area, names.get(s.area, s.area)) for s in units})
    if area := request.GET.get("area", ""):
        units = [s for s in units if s.area == area]
    if q := request.GET.get("q", "").strip():
        units = [s for s in units if q in s.name or s.institution.key.startswith(q)]
    page = Paginator(units, 100 if request.GET.get("per") == "100" else 25).get_page(request.GET.get("page"))
    firsts = {i: p for p, i in rows.filter(state=state, institution__in=[s.institution_id for s in page.object_list]).order_by("-period").values_list("pk", "institution_id")}
    verbs = _verbs(state or "", level)
    return render(request, "returns/passing.html", {
        "title": WORDS[level] if level else T("审核进度", "Review"), "round": round_, "level": level, "state": state, "page": page, "verbs": verbs, "filters": request.GET,
        "tabs": [{"state": s, "label": STATES[s], "n": len(counts[s])} for s in TABS], "n": len(units),
        "errors": sum("must" in findings.get(s.institution_id, {}) for s in units),
        "rows": [{"s": s, "n": wanted[s.institution_id], "findings": findings.get(s.institution_id, {}), "area": names.get(s.area, s.area), "first": firsts.get(s.institution_id)} for s in page.object_list],
        "areas": areas})


def _first(counts: dict[str, set[int]], level: str) -> str:
    """What this level has to do first: what the level below passed, else what was filed."""
    order = {"dept_ok": ("filed",), "county_ok": ("dept_ok", "filed"), "accepted": ("county_ok", "dept_ok", "filed")}.get(level, ("filed",))
    for state in order:
        if counts[state]:
            return state
    return "filed"


def _verbs(state: str, level: str) -> list[dict[str, Any]]:
    """What a level may do with returns in a state, the own word first."""
    if not level:
        return []
    order = [queries.PASS[level], "send_back", "take_back", "reopen"]
    found = []
    for verb in order:
        step = MOVES.get((state, verb))
        if step is None or (step.top and level != "accepted") or (step.right == "accept" and level == "dept_ok") or (step.right == "sign" and level != "accepted"):
            continue
        found.append({"verb": verb, "label": VERBS[verb], "reason": step.reason, "own": verb == queries.PASS[level]})
    return found


def _pass(request: HttpRequest, round_: Round, own: Any) -> HttpResponse:
    """Do one verb to the returns of the institutions that were ticked, or of all on the list."""
    post = request.POST
    verb, state = post.get("verb", ""), post.get("state", "")
    if own is None or (state, verb) not in MOVES or verb not in {v["verb"] for v in _verbs(state, own[0])}:
        raise Http404
    rows = held_by(own[1], Return.objects.filter(round=round_, state=state))
    if post.get("all") != "1":
        chosen = [k for x in post.getlist("unit") if (k := whole(x))]
        if not chosen:
            raise refuse("passing.none", T("没有选单位", "no institution chosen"), do=T("先勾选，或选“全部”", "tick some, or choose “all”"))
        rows = rows.filter(institution__in=chosen)
    elif area := post.get("area", ""):
        inside = standings(day_for(Period("year", round_.year))).filter(area=area).values("institution")
        rows = rows.filter(institution__in=inside)
    done = actions.batch(request.user, verb, rows, post.get("reason", ""))
    messages.success(request, str(T("{v}：{n} 份", "{v}: {n} returns", v=str(VERBS[verb]), n=done.done)) + (
        str(T("；{e} 份有“错误”，没有通过", "; {e} hold errors and were not passed", e=done.errors)) if done.errors else ""))
    return HttpResponseRedirect(reverse("round-pass", args=[round_.pk]) + f"?state={state}")


@needs("see")
def totals(request: HttpRequest, pk: int, office: int) -> HttpResponse:
    """Totals of an office: control totals against last year, who is missing, what is open, what stands in the way, what was handed up with what."""
    round_, where = round_of(pk), get_object_or_404(Office, pk=office)
    if not request.scope.covers_line(where.path) or not where.path.startswith(round_.office.path):
        raise Http404
    if request.method == "POST":
        return _hand_up(request, round_, where)
    facts = _facts(round_, where)
    below = list(Office.objects.filter(parent=where, active=True).order_by("path"))
    standing = {s.office_id: s for s in queries.submissions(round_).filter(withdrawn="").order_by("number")}
    history = list(queries.submissions(round_).filter(office=where))
    may = scope(request.user, queries.right_of(where)).covers_line(where.path)
    return render(request, "returns/totals.html", {
        "title": T("{o} {y} 年合计", "{o}: totals {y}", o=where.name, y=round_.year), "round": round_, "mine": where, **facts, "history": history,
        "files": {s.pk: list(evidence.of("submission", s.pk)) for s in history}, "may": may, "top": where.pk == round_.office_id, "snapshot": latest_snapshot(round_.year),
        "below": [{"office": o, "submission": standing.get(o.pk), "members": _count(round_, o)} for o in below if o.kind != "department" or o.pk in standing or where.kind != "city"],
        "signoff": round_.signoff_set.select_related("by").order_by("-at").first() if where.pk == round_.office_id else None})


def _count(round_: Round, office: Office) -> int:
    return len(queries.under(round_, office))


def _facts(round_: Round, office: Office) -> dict[str, Any]:
    """What is known of an office's totals now."""
    rules = book()
    members = queries.under(round_, office)
    counts = queries.by_state(round_, members)
    now = queries.totals_of(rules, round_, members)
    before_round = Round.objects.filter(form=round_.form, year=round_.year - 1).first()
    before = _before(rules, before_round, office) if before_round else {}
    labels = {i.item: i for i in form_for(rules, round_.form, round_.year).items}
    rows = []
    for item, value in now.sums.items():
        old = before.get(item)
        rows.append({"item": item, "label": labels[item].label or rules.items[item].label, "number": labels[item].number, "unit": rules.items[item].unit, "value": value,
                     "old": old, "change": Fraction(value - old) / Fraction(old) if old else None, "difference": value - old if old is not None else None})
    standing = queries.standing_submission(round_, office)
    late = _missing(round_, members)
    missing = [s for i, s in members.standings.items() if i in late]
    return {"rows": [r for r in rows if r["value"] or r["old"]], "counts": counts, "now": now, "waiting": queries.waiting(counts, queries.level_of(office)),
            "level": STATES[queries.level_of(office)], "missing": missing[:60], "missing_n": len(missing), "findings": queries.open_findings(round_, members),
            "blockers": blockers(round_, office), "standing": standing, "stale": bool(standing and standing.content != now.content), "members": len(members)}


def _before(rules: Any, round_: Round, office: Office) -> dict[str, Decimal | None]:
    """Last year's totals: from the newest snapshot that holds the year, else from the returns as they stand."""
    record = shown_snapshot(round_.year) or shown_snapshot(round_.year + 1)
    if record is not None and any(p.startswith(str(round_.year)) for p in opened(record).periods):
        return queries.frozen_totals(rules, record, round_, office)
    return dict(queries.totals_of(rules, round_, queries.under(round_, office)).sums)


def _missing(round_: Round, members: queries.Members) -> set[int]:
    late = Return.objects.filter(round=round_, state__in=("expected", "draft", "returned")).values_list("institution_id", "period")
    return {institution for institution, period in late if members.holds(institution, period)}


def _hand_up(request: HttpRequest, round_: Round, office: Office) -> HttpResponse:
    """Hand up, take back, or attach a paper to what was handed up."""
    todo = request.POST.get("do", "")
    if todo == "hand-up":
        row = actions.hand_up(request.user, book(), round_, office, request.POST.get("note", ""))
        _attach(request, row)
        messages.success(request, str(T("{o} 合计已报送（第 {n} 次）", "{o}: totals handed up (no. {n})", o=office.name, n=row.number)))
    elif todo in ("take-back", "attach"):
        found = queries.standing_submission(round_, office)
        if found is None:
            raise refuse("totals.none", T("还没有报送过", "nothing was handed up"))
        if todo == "take-back":
            actions.take_back(request.user, found, request.POST.get("reason", ""))
            messages.success(request, str(T("已撤回", "taken back")))
        elif not _attach(request, found):
            raise refuse("evidence.file", T("还没有选文件", "no file chosen"))
        else:
            messages.success(request, str(T("附件已收下", "received")))
    else:
        raise Http404
    return HttpResponseRedirect(reverse("round-totals", args=[round_.pk, office.pk]))


PAPERS = {"table": T("盖章汇总表扫描件", "stamped table, scanned"), "report": T("统计分析报告", "analysis report"), "other": T("其他", "other")}


def _attach(request: HttpRequest, row: Submission) -> int:
    """Keep the files that came with a form: received files with their hash."""
    n = 0
    for kind, label in PAPERS.items():
        for upload in request.FILES.getlist(f"file-{kind}"):
            evidence.attach(request.user, "submission", row.pk, upload.file, upload.name or "", label.zh, line=row.office.path, right=queries.right_of(row.office))
            n += 1
    return n


@needs("see")
def totals_xlsx(request: HttpRequest, pk: int, office: int) -> HttpResponse:
    """The control totals of an office as a workbook, to be printed, stamped and scanned."""
    round_, where = round_of(pk), get_object_or_404(Office, pk=office)
    if not request.scope.covers_line(where.path) or not where.path.startswith(round_.office.path):
        raise Http404
    facts = _facts(round_, where)
    data = [[r["number"], str(r["label"]), r["unit"], r["value"], r["old"], r["difference"], None if r["change"] is None else Decimal(str(round(float(r["change"]) * 100, 1)))] for r in facts["rows"]]
    columns = [Column(T("代码", "no."), 8), Column(T("指标", "item"), 34), Column(T("单位", "unit"), 12), Column(T("{y} 年", "{y}", y=round_.year), 18),
               Column(T("{y} 年", "{y}", y=round_.year - 1), 18), Column(T("增减", "difference"), 16), Column(T("增减 %", "change %"), 10)]
    notes = [str(T("{n} 家 {r} 份", "{n} institutions, {r} returns", n=facts["now"].institutions, r=facts["now"].returns)),
             *([str(T("还差 {n} 家", "{n} missing", n=facts["missing_n"]))] if facts["missing_n"] else []), facts["now"].content[:16]]
    return workbook_response(list_workbook(T("{o} {y} 年合计", "{o} totals {y}", o=where.name, y=round_.year), columns, data, notes=notes), f"合计-{where.name}-{round_.year}.xlsx")
