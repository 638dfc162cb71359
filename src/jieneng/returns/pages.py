"""Rounds, findings, and one return."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, Count, F, IntegerField, Q, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T, language
from jieneng.people.access import needs
from jieneng.people.queries import area_offices, root_office
from jieneng.people.scope import scope
from jieneng.records.jobs import enqueue
from jieneng.records.models import Event
from jieneng.records.workbook import Column, list_workbook, workbook_response
from jieneng.registry.models import Institution
from jieneng.registry.queries import standing_of, standings
from jieneng.rulebook import form_for

from . import actions, queries
from .models import Return, ReturnFinding, Round
from .moves import MOVES, STATES, VERBS

SEVERITIES = ("must", "explain", "note")


def progress(request: HttpRequest, round_: Round) -> dict[str, Any]:
    """A round with its states, folded per institution, by area."""
    states = queries.institution_states(request.scope, round_)
    where = {s.institution_id: s.area for s in standings(Period("year", round_.year).last_day)}
    areas: dict[str, dict[str, int]] = {}
    for institution, state in states.items():
        counts = areas.setdefault(where.get(institution, ""), {})
        counts[state] = counts.get(state, 0) + 1
    names = {o.area: o for o in area_offices()}
    rows = [
        {"area": names[a].name if a in names else a, "code": a, "counts": c,
         "total": sum(n for s, n in c.items() if s not in ("covered", "exempt")),
         "bars": [{"state": s, "label": str(STATES[s]), "n": c[s]} for s in STATES if c.get(s)]}
        for a, c in sorted(areas.items())
    ]
    totals: dict[str, int] = {}
    for counts in areas.values():
        for state, n in counts.items():
            totals[state] = totals.get(state, 0) + n
    reporting = sum(n for s, n in totals.items() if s not in ("covered", "exempt"))
    done = sum(totals.get(s, 0) for s in ("filed", "dept_ok", "county_ok", "accepted", "signed"))
    signoff = round_.signoff_set.select_related("by").order_by("-at").first()
    edition = form_for(queries.book(), round_.form, round_.year)
    return {"round": round_, "edition": edition, "signoff": signoff, "rows": rows, "totals": totals, "reporting": reporting, "done": done,
            "accepted": totals.get("accepted", 0) + totals.get("signed", 0),
            "legend": [{"state": s, "label": str(STATES[s]), "n": totals[s]} for s in STATES if totals.get(s)]}


@needs("see")
def rounds(request: HttpRequest) -> HttpResponse:
    """Every round with its progress, its snapshots, and what can be done next."""
    form = queries.main_form()
    return render(request, "returns/rounds.html", {
        "title": T("统计任务", "Rounds"),
        "rounds": [progress(request, r) for r in queries.rounds(form)],
        "snapshots": queries.snapshots(), "next_year": timezone.localdate().year - 1, "form": form,
    })


@require_POST
@needs("sign")
def open_round(request: HttpRequest) -> HttpResponse:
    """Open a round for a year."""
    text = request.POST.get("year", "")
    if not text.isdigit() or not 2000 <= int(text) <= 2100:
        messages.error(request, str(T("“{y}”不是年份，应为四位数字", "“{y}” is not a year, expected four digits", y=text)))
        return HttpResponseRedirect(reverse("rounds"))
    office = root_office()
    if office is None:
        raise Http404
    round_ = actions.open_round(request.user, queries.book(), form=queries.main_form(), year=int(text),
                                office=office, mode=request.POST.get("mode", "A"))
    messages.success(request, str(T("{y} 年统计任务已建，应报 {n} 份", "Round {y} opened, {n} returns expected",
                                    y=text, n=round_.returns.count())))
    return HttpResponseRedirect(reverse("rounds"))


@require_POST
@needs("accept")
def accept_round(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept every filed return of a round in scope that has no finding of severity must."""
    round_ = get_object_or_404(Round, pk=pk)
    rows = queries.returns_in(request.scope).filter(round=round_, state__in=("filed", "dept_ok", "county_ok"))
    open_must = ReturnFinding.objects.filter(ret__in=rows, severity="must").values("ret")
    clean = Return.objects.filter(pk__in=rows.values("pk")).exclude(pk__in=open_must)
    left = rows.filter(pk__in=open_must).count()
    n = actions.act(request.user, "accept", clean)
    messages.success(request, str(T("审核通过 {n} 份；{left} 份有“错误”，没有通过", "{n} accepted; {left} hold errors and were not",
                                    n=n, left=left)))
    return HttpResponseRedirect(reverse("rounds"))


@require_POST
@needs("sign")
def sign_round(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign the total of a round, bound to the year's newest snapshot and its control totals."""
    round_ = get_object_or_404(Round, pk=pk)
    snapshot = queries.latest_snapshot(round_.year)
    office = root_office()
    if office is None or not request.scope.covers_line(office.path):
        raise Http404
    if snapshot is None:
        raise refuse("signoff.no_snapshot", T("{y} 年还没有封存", "{y} is not frozen yet", y=round_.year), do=T("先封存，看过合计再审定", "freeze, look at the totals, then sign"))
    totals = queries.opened(snapshot).manifest["totals"].get(f"{round_.form}@{round_.edition}", {}).get("items", {})
    actions.sign_off(request.user, round_, office, snapshot, totals)
    messages.success(request, str(T("{y} 年已审定，依据快照 {s}", "{y} signed on snapshot {s}", y=round_.year, s=snapshot.pk)))
    return HttpResponseRedirect(reverse("rounds"))


@require_POST
@needs("freeze")
def freeze_year(request: HttpRequest, year: int) -> HttpResponse:
    """Freeze a year as a job with progress."""
    office = root_office()
    last = Event.objects.order_by("-seq").first()
    job = enqueue("freeze", {"year": year}, by=request.user, line=office.path if office else "",
                  key=f"freeze:{year}:{last.seq if last else 0}")
    return HttpResponseRedirect(reverse("job", args=[job.pk]))


def _findings(request: HttpRequest) -> Any:
    """The findings of current revisions in scope, narrowed by the filters in the address."""
    rows = ReturnFinding.objects.filter(ret__in=queries.returns_in(request.scope)).filter(
        revision=F("ret__revision")).select_related("ret__institution", "ret__round")
    if year := request.GET.get("year", ""):
        rows = rows.filter(ret__round__year=year) if year.isdigit() else rows.none()
    if severity := request.GET.get("severity", ""):
        rows = rows.filter(severity=severity)
    if rule := request.GET.get("rule", ""):
        rows = rows.filter(rule=rule)
    if institution := request.GET.get("institution", ""):
        rows = rows.filter(ret__institution_id=institution) if institution.isdigit() else rows.none()
    order = {s: n for n, s in enumerate(SEVERITIES)}
    rank = Case(*[When(severity=s, then=Value(n)) for s, n in order.items()], output_field=IntegerField())
    return rows.annotate(rank=rank).order_by("rank", "-ret__round__year", "rule", "ret__institution_id", "ret__period")


def _named(rows: list[ReturnFinding]) -> list[dict[str, Any]]:
    """Findings with the names of their institutions."""
    named = []
    for f in rows:
        standing = standing_of(f.ret.institution, Period.parse(f.ret.period).last_day)
        named.append({"finding": f, "name": standing.name if standing else f.ret.institution.key,
                      "area": standing.area if standing else "", "says": f.says, "do": f.do})
    return named


@needs("review", "see")
def findings(request: HttpRequest) -> HttpResponse:
    """What the edition's own checks found, gravest first."""
    rows = _findings(request)
    page = Paginator(rows, 25).get_page(request.GET.get("page"))
    counts = dict(rows.values_list("severity").annotate(n=Count("id")).order_by())
    rules = rows.values("rule").annotate(n=Count("id")).order_by("-n")
    return render(request, "returns/findings.html", {
        "title": T("审核问题", "Findings"), "page": page, "rows": _named(list(page.object_list)), "counts": counts,
        "rules": rules, "years": [r.year for r in queries.rounds(queries.main_form())], "filters": request.GET})


@needs("review", "see")
def findings_xlsx(request: HttpRequest) -> HttpResponse:
    """The filtered findings as a workbook."""
    code = language()
    data = [[n["finding"].ret.institution.key, n["name"], n["area"], n["finding"].ret.period, n["finding"].rule,
             n["finding"].severity, n["says"].get(code, ""), n["do"].get(code, "")] for n in _named(list(_findings(request)))]
    columns = [Column(T("信用代码", "code"), 22), Column(T("单位", "institution"), 30), Column(T("统计归口", "line"), 10),
               Column(T("统计期", "period"), 10), Column(T("规则", "rule"), 8), Column(T("级别", "severity"), 8),
               Column(T("疑点", "finding"), 60), Column(T("怎么办", "what to do"), 40)]
    return workbook_response(list_workbook(T("审核问题", "Findings"), columns, data), "findings.xlsx")


def visible_return(request: HttpRequest, pk: int) -> Return:
    """A return in the person's scope, or 404."""
    row = get_object_or_404(Return.objects.select_related("round", "institution"), pk=pk)
    if not queries.returns_in(request.scope).filter(pk=pk).exists():
        raise Http404
    return row


@needs("see")
def one_return(request: HttpRequest, pk: int) -> HttpResponse:
    """One return: what was answered, where each value came from, its findings, revisions and events."""
    row = visible_return(request, pk)
    book = queries.book()
    form = form_for(book, row.round.form, row.round.year)
    revisions = list(row.revisions.select_related("by", "batch__file"))
    current = revisions[-1] if revisions else None
    before = revisions[-2] if len(revisions) > 1 else None
    lines = []
    for fi in form.items:
        item = book.items[fi.item]
        value = current.answers.get(fi.item) if current else None
        lines.append({
            "number": fi.number, "label": fi.label or item.label, "unit": item.unit, "value": value,
            "asked": True, "source": (current.sources.get(fi.item) if current else None),
            "old": before.answers.get(fi.item) if before and before.answers.get(fi.item) != value else None,
        })
    standing = standing_of(row.institution, Period.parse(row.period).last_day)
    possible = [
        {"verb": v, "label": str(VERBS[v]), "reason": m.reason} for (s, v), m in MOVES.items()
        if s == row.state and v in ("send_back", "accept", "reopen")
        and _may(request, m.right, standing.office.path if standing else "-")
    ]
    return render(request, "returns/return.html", {
        "title": T("{name} {period}", "{name} {period}", name=standing.name if standing else row.institution.key,
                   period=str(Period.parse(row.period).label)),
        "ret": row, "standing": standing, "lines": lines, "form": form, "current": current, "revisions": revisions[::-1],
        "findings": row.findings.filter(revision=row.revision), "possible": possible})


def _may(request: HttpRequest, right: str, path: str) -> bool:
    return scope(request.user, right).covers_line(path)


@require_POST
@needs("review", "accept", "sign", "file")
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Do one verb to one return."""
    if verb not in ("send_back", "accept", "reopen", "sign", "pass_department", "pass_county"):
        raise Http404
    row = visible_return(request, pk)
    actions.act(request.user, verb, Return.objects.filter(pk=row.pk), reason=request.POST.get("reason", ""))
    messages.success(request, str(T("已{verb}", "Done: {verb}", verb=str(VERBS[verb]))))
    return HttpResponseRedirect(reverse("return", args=[pk]))


def institution_years(seen: Any, institution: Institution) -> list[dict[str, Any]]:
    """The returns of an institution by year, with the state of each month."""
    rows = queries.returns_in(seen).filter(institution=institution).select_related("round").order_by("-round__year", "period")
    years: dict[int, list[Return]] = {}
    for r in rows.filter(~Q(state="")):
        years.setdefault(r.round.year, []).append(r)
    return [{"year": y, "returns": rs} for y, rs in years.items()]


