"""The workspace of the review (会审工作台): the queue by what is at stake, one finding beside it, and what is decided on it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T, language
from jieneng.exchange.queries import listed
from jieneng.people.access import found, needs
from jieneng.people.queries import area_offices
from jieneng.people.scope import scope
from jieneng.records.jobs import enqueue
from jieneng.records.models import Job
from jieneng.records.workbook import workbook_response
from jieneng.registry.naming import plain
from jieneng.registry.queries import closed_to
from jieneng.returns.asking import day, round_of
from jieneng.returns.models import Round
from jieneng.returns.plan.queries import MODES, plan_of
from jieneng.returns.queries import book, main_form
from jieneng.review.models import Explanation, ReviewFinding, ReviewRun
from jieneng.review.queries import latest, stale
from jieneng.review.screened import areas_under

from . import deciding, queries, sheets, showing
from .models import VERDICTS, Decision, Sample, Sitting
from .queries import Entry, Queue

LAYERS = {"1": T("逻辑", "edits"), "2": T("单位", "units"), "3": T("离群", "outliers"), "4": T("影响", "stakes")}
MANY = 100
"""How many findings are decided in one go at most."""
SHOW = {"open": T("未核实", "waiting"), "done": T("已核实", "decided"), "line": T("需逐项核实", "to be looked at"), "rest": T("可不逐项核实", "below the line")}
ICONS = {"sent_back": "arrow-back-up", "right": "circle-check", "explained": "message-check", "on_word": "check"}


@needs("review", "log")
def start(request: HttpRequest) -> HttpResponse:
    """The workspace of the newest round that was reviewed, else of the newest."""
    rounds = showing.newest_rounds(main_form())
    best = next((r for r in rounds if latest(r, request.scope)), rounds[0] if rounds else None)
    return HttpResponseRedirect(reverse("review", args=[best.pk]) if best else reverse("rounds"))


def chosen(request: HttpRequest, q: Queue) -> list[Entry]:
    """The entries that the filters in the address leave, by rank."""
    get, rows = request.GET, list(q.entries)
    for name in ("area", "severity", "layer", "rule"):
        if value := get.get(name, ""):
            rows = [e for e in rows if str(getattr(e, name)) == value]
    if department := get.get("department", ""):
        rows = [e for e in rows if e.institution in q.names and q.names[e.institution].department == department]
    if (verdict := get.get("verdict", "")) in VERDICTS:
        rows = [e for e in rows if q.is_decided(e) and q.decided[e.mark].verdict == verdict]
    tests = {"open": lambda e: not q.is_decided(e), "done": q.is_decided, "line": lambda e: e.rank <= q.line, "rest": lambda e: e.rank > q.line}
    if (show := get.get("show", "")) in tests:
        rows = [e for e in rows if tests[show](e)]
    if text := plain(get.get("q", "")):
        rows = [e for e in rows if e.institution in q.names and (text in plain(q.names[e.institution].name) or text.lower() in q.names[e.institution].initials
                                                                 or q.names[e.institution].institution.key.startswith(get["q"].strip()))]
    return rows


@needs("review", "log")
def workspace(request: HttpRequest, pk: int) -> HttpResponse:
    """The queue with its stopping line and counters, and the finding that is looked at."""
    round_ = round_of(pk)
    run = latest(round_, request.scope)
    review = scope(request.user, "review")
    base = {"title": T("会审工作台", "Review workspace"), "round": round_, "rounds": showing.newest_rounds(round_.form), "mode": MODES[round_.mode][0], "may": bool(review),
            "may_run": review.covers_line(round_.office.path), "integrity": bool(scope(request.user, "integrity")), "wide": len(areas_under(request.scope)) > 1, "filters": request.GET,
            "job": Job.objects.filter(kind="review", args__round=round_.pk, state__in=("ready", "running")).order_by("-pk").first() if review else None,
            "sitting": Sitting.objects.filter(round=round_).first(), "sample": Sample.objects.filter(year=round_.year).first()}
    if run is None:
        return render(request, "sitting/workspace.html", {**base, "run": None})
    q = queries.queue(run, request.scope, request.user)
    rows = chosen(request, q)
    finding = _shown(request, q, rows)
    areas = {o.area: o.name for o in area_offices()}
    page = Paginator(rows, 25).get_page(request.GET.get("page") or _page_of(rows, finding))
    what_if = request.GET.get("more", "")
    more = min(whole(what_if, 9) or 0, 9999)
    context = {
        **base, "run": run, "q": q, "page": page, "rows": _rows(q, list(page.object_list), areas), "count": len(rows), "line_words": q.line_words(), "stale": stale(run),
        "institutions": len({e.institution for e in q.entries}), "must_look": q.before_line, "must_units": len({e.institution for e in q.before_line}),
        "done": sum(q.is_decided(e) for e in q.entries), "left": q.left(), "limit": float(run.line.get("share", 0)), "more": more, "left_if": q.left(more) if more else None,
        "below": len(q.entries) - len(q.before_line), "by_area": [{**r, "name": areas.get(r["area"], r["area"])} for r in q.by_area()],
        "strip": showing.decline(q.steps, sum(q.is_decided(e) for e in q.before_line), q.stop, float(run.line.get("share", 0))),
        "areas": sorted({(e.area, areas.get(e.area, e.area)) for e in q.entries}), "departments": sorted({s.department for s in q.names.values() if s.department}),
        "layers": [(k, v) for k, v in LAYERS.items() if any(str(e.layer) == k for e in q.entries)], "shows": list(SHOW.items()), "verdicts": list(VERDICTS.items()),
        "filters_kept": _kept(request), "undoable": _undoable(request, round_), "corrections": len(listed(scope(request.user, "see"), round_.form, round_.year, closed=closed_to(request.user))),
    }
    context["many"] = [r for r in context["rows"] if not r["decision"] and r["e"].severity != "must"] if review else []
    if finding is not None:
        context |= detail(request, q, rows, finding, areas)
    return render(request, "sitting/workspace.html", context)


def _page_of(rows: list[Entry], finding: ReviewFinding | None) -> int:
    at = next((n for n, e in enumerate(rows) if finding is not None and e.pk == finding.pk), 0)
    return at // 25 + 1


def _shown(request: HttpRequest, q: Queue, rows: list[Entry]) -> ReviewFinding | None:
    """The finding asked for; without one, the first that waits."""
    if (asked := whole(request.GET.get("f"))) is not None:
        row = queries.finding_in(q.run, request.scope, request.user, asked) or _again(request, q, asked)
        if row is not None:
            return row
    first = next((e for e in rows if not q.is_decided(e)), rows[0] if rows else None)
    return queries.finding_in(q.run, request.scope, request.user, first.pk) if first else None


def _again(request: HttpRequest, q: Queue, asked: int) -> ReviewFinding | None:
    """A finding of an earlier review of the round, as this one has it; None, and said so, where it is no longer found. Another's stays unknown."""
    row = found(ReviewFinding.objects.filter(pk=asked, run__round=q.run.round).select_related("run").first())
    old = found(queries.finding_in(row.run, request.scope, request.user, asked))
    same = next((e for e in q.entries if e.mark == queries.mark_of(old)), None)
    if same is None:
        messages.info(request, str(T("重新审核后，原来那条疑点已经没有了", "after the new review that finding is no longer there")))
    return queries.finding_in(q.run, request.scope, request.user, same.pk) if same else None


def _rows(q: Queue, entries: list[Entry], areas: dict[str, str]) -> list[dict[str, Any]]:
    says = {f.pk: f for f in ReviewFinding.objects.filter(pk__in=[e.pk for e in entries])}
    rules = book()
    return [{"e": e, "number": q.number(e), "name": q.names[e.institution].name if e.institution in q.names else "", "area": areas.get(e.area, e.area), "says": says[e.pk].says,
             "items": "、".join(str(showing.called(rules, i)) for i in e.items), "decision": q.decided.get(e.mark),
             "verdict": VERDICTS[q.decided[e.mark].verdict] if e.mark in q.decided else None, "period": says[e.pk].period, "above": e.rank <= q.line} for e in entries]


def _undoable(request: HttpRequest, round_: Round) -> Decision | None:
    """The decision just made, if it can be undone."""
    asked = request.GET.get("done", "")
    row = Decision.objects.filter(pk=whole(asked), round=round_, by=request.user, undone_at=None).first() if whole(asked) else None
    return row if row is not None and row.can_be_undone else None


def detail(request: HttpRequest, q: Queue, rows: list[Entry], finding: ReviewFinding, areas: dict[str, str]) -> dict[str, Any]:
    """All about one finding: four parts, chart, what stands beside it, and what may be done."""
    rulebook, standing = book(), q.names.get(finding.institution_id)
    at = next((n for n, e in enumerate(rows) if e.pk == finding.pk), None)
    decision = q.decided.get(queries.mark_of(finding))
    path = standing.office.path if standing else ""
    mine = scope(request.user, "review").covers(path, finding.institution.key)
    history = Decision.objects.filter(round=finding.run.round, institution=finding.institution_id).select_related("by", "undone_by", "finding", "voucher").order_by("at")
    return {
        "finding": finding, "standing": standing, "area_name": areas.get(finding.area, finding.area), "values": showing.values_of(rulebook, finding), "found": showing.spoken(finding.found),
        "low": showing.rough(finding.low), "high": showing.rough(finding.high), "expected": showing.rough(finding.expected), "unit": showing.unit_for(rulebook, finding),
        "chart": showing.chart_of(rulebook, finding), "totals": showing.totals_of(rulebook, q.run, finding),
        "others": showing.same_return(finding), "states": showing.states_of(finding), "decision": decision, "verdict": VERDICTS[decision.verdict] if decision else None, "mine": mine, "filters_kept": _kept(request),
        "may_change": mine and scope(request.user, "import").covers(path, finding.institution.key) and all(i in rulebook.items for i in finding.items), "mode_here": plan_of(finding.run.round).mode(path),
        "before": rows[at - 1] if at else None, "after": rows[at + 1] if at is not None and at + 1 < len(rows) else None, "place": at + 1 if at is not None else None,
        "history": [{"d": d, "what": VERDICTS[d.verdict]} for d in history], "until": dt.date(finding.run.round.year, 12, 31), "today": timezone.localdate(), "icons": ICONS,
        "known": Explanation.objects.filter(institution=finding.institution_id, revoked_at=None).select_related("by")[:3],
        "months": "、".join(str(m) for m in finding.months) if len(finding.months) > 1 else "", "kept": request.session.pop("decide.kept", None),
        "located": showing.located(rulebook, finding),
        "suggested": [{"period": p, "item": i, "value": v, "label": rulebook.items[i].label if i in rulebook.items else i, "unit": rulebook.items[i].unit if i in rulebook.items else ""}
                      for p, i, v in showing.suggested_lines(rulebook, finding)],
    }


def _kept(request: HttpRequest) -> str:
    """The filters in the address, without the finding."""
    get = request.GET.copy()
    for key in ("f", "done", "more", "page"):
        get.pop(key, None)
    return str(get.urlencode())


@require_POST
@needs("review")
def decide(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """One decision on one finding; then on to the next that waits."""
    finding = get_object_or_404(ReviewFinding.objects.select_related("run__round", "institution"), pk=pk)
    if queries.finding_in(finding.run, request.scope, request.user, pk) is None:
        raise Http404
    post, here = request.POST, reverse("review", args=[finding.run.round_id])
    keep = _kept(request)
    try:
        made = _do(request, verb, finding)
    except Refused:
        request.session["decide.kept"] = {"verb": verb, **{k: str(v)[:300] for k, v in post.items() if k != "csrfmiddlewaretoken"}}
        raise
    if (sitting := whole(post.get("sitting"))) is not None:
        return HttpResponseRedirect(reverse("sitting-screen", args=[sitting]))
    q = queries.queue(latest(finding.run.round, request.scope) or finding.run, request.scope, request.user)
    waiting = [e for e in chosen(request, q) if not q.is_decided(e)] or [e for e in q.entries if not q.is_decided(e)]
    after = next((e for e in waiting if e.rank > finding.rank), waiting[0] if waiting else None)
    name = q.names[finding.institution_id].name if finding.institution_id in q.names else ""
    messages.success(request, str(T("{v}：{u}。{m}", "{v}: {u}. {m}", v=str(VERDICTS[made.verdict]), u=name, m=_then(made))))
    return HttpResponseRedirect(f"{here}?{keep + '&' if keep else ''}{f'f={after.pk}&' if after else ''}done={made.pk}")


def _then(made: Decision) -> str:
    if made.verdict == "sent_back":
        return str(T("已列入更正清单", "it is on the list of corrections") if made.mode == "A" else T("报表已退回，单位会看到建议值", "the return went back with the suggested value"))
    if made.verdict == "explained":
        return str(T("说明已记住，下次同样的疑点会带上它", "the explanation is remembered beside later findings of the kind"))
    if made.verdict == "on_word":
        return str(T("新的一版等待重新审核", "the new revision waits for review"))
    return ""


def _do(request: HttpRequest, verb: str, finding: ReviewFinding) -> Decision:
    post, reason = request.POST, request.POST.get("reason", "")
    if verb == "send-back":
        return deciding.send_back(request.user, book(), finding, reason)
    if verb == "right":
        return deciding.found_right(request.user, finding, reason)
    if verb == "explain":
        return deciding.accept_explanation(request.user, finding, reason, until=day(post.get("until", ""), "until"), lasting=bool(post.get("lasting")))
    if verb == "on-word":
        upload = request.FILES.get("voucher")
        values = [(p, i, post[k]) for k in post if k.startswith("value:") and post[k].strip() for _, p, i in [k.split(":", 2)]]
        return deciding.change_on_word(request.user, book(), finding, values=values, reason=reason, word=post.get("word", ""),
                                       confirmed_on=day(post.get("confirmed_on", ""), "confirmed_on"), voucher=(upload.file, upload.name or "") if upload else None)
    raise Http404


@require_POST
@needs("review")
def decide_many(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """One answer for several findings: right as reported, or one explanation. Each is decided for itself; what could not be is told. Errors go one by one."""
    round_, post = round_of(pk), request.POST
    found(latest(round_, request.scope))
    asked = {n for v in post.getlist("here" if post.get("all") else "finding") if (n := whole(v)) is not None}
    if verb not in ("right", "explain"):
        raise Http404
    known = ReviewFinding.objects.filter(pk__in=sorted(asked)[:MANY], run__round=round_).select_related("run__round").order_by("pk")
    seen = [row for f in known if (row := queries.finding_in(f.run, request.scope, request.user, f.pk)) is not None]  # of an older run too: the page may be older than the review
    if asked and not seen:
        raise Http404
    done, left = 0, []
    for row in (r for r in seen if r.severity != "must"):
        try:
            _do(request, verb, row)
            done += 1
        except Refused as refusal:
            left.append(refusal)
    if not done:
        request.session["decide.kept"] = {"verb": "many", **{k: post.get(k, "")[:300] for k in ("reason", "until")}}
        raise left[0] if left else refuse("decide.many", T("没有勾选疑点", "no finding was chosen"), do=T("勾选要一起办的，“错误”请逐项办", "choose those to decide together; errors go one by one"))
    said = str(T("；{n} 项没办：{w}", "; {n} not: {w}", n=len(left), w=str(left[0].problems[0].found))) if left else ""
    if apart := sum(r.severity == "must" for r in seen):
        said += str(T("；{n} 项“错误”没办，请逐项办", "; {n} errors not: they go one by one", n=apart))
    if len(asked) > MANY:
        said += str(T("；一次最多 {m} 项，还有 {n} 项没办", "; {m} at once at most, {n} not yet", m=MANY, n=len(asked) - MANY))
    messages.success(request, str(T("{v} {n} 项{s}", "{v}: {n}{s}", v=str(VERDICTS["right" if verb == "right" else "explained"]), n=done, s=said)))
    keep = _kept(request)
    return HttpResponseRedirect(reverse("review", args=[round_.pk]) + (f"?{keep}" if keep else ""))


@require_POST
@needs("review")
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo a decision, where nothing that cannot be undone has followed from it."""
    row = get_object_or_404(Decision.objects.select_related("finding__run__round", "finding__institution", "explanation__institution", "institution"), pk=pk)
    if queries.finding_in(row.finding.run, request.scope, request.user, row.finding_id) is None:
        raise Http404
    deciding.undo(request.user, row)
    messages.success(request, str(T("已撤销", "undone")))
    return HttpResponseRedirect(f"{reverse('review', args=[row.round_id])}?f={row.finding_id}")


@require_POST
@needs("review")
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Review a round anew: a job with progress."""
    round_ = round_of(pk)
    if not request.scope.covers_line(round_.office.path):
        raise Http404
    stamp = timezone.now().strftime("%Y%m%d%H%M%S%f")
    job = enqueue("review", {"round": round_.pk, "office": round_.office_id}, by=request.user, line=round_.office.path, key=f"review:{round_.pk}:{stamp}")
    return HttpResponseRedirect(reverse("job", args=[job.pk]))


@needs("review", "log")
def findings_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The queue as the filters show it, with decisions, as a workbook."""
    round_ = round_of(pk)
    run: ReviewRun = found(latest(round_, request.scope))
    q = queries.queue(run, request.scope, request.user)
    rows = chosen(request, q)
    full = {f.pk: f for f in ReviewFinding.objects.filter(run=run).select_related("explanation")}
    filters = "，".join(f"{k}={v}" for k, v in request.GET.items() if v and k not in ("f", "page", "done", "more"))
    data = sheets.queue_workbook(q, [(e, full[e.pk]) for e in rows], filters, language())
    return workbook_response(data, f"会审疑点-{round_.year}.xlsx")
