"""The pages of a sitting: the list, one sitting with groups, questions, sign-in and papers, and the projector."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.queries import area_offices, offices_in
from jieneng.people.scope import scope
from jieneng.records.workbook import workbook_response
from jieneng.returns.asking import day
from jieneng.returns.models import Round
from jieneng.returns.queries import book, main_form
from jieneng.review.models import ReviewFinding
from jieneng.review.queries import latest

from . import meeting, papers, queries, rooms, sheets, showing
from .models import ADVICE, VERDICTS, Question, Sitting
from .pages import ICONS

TAKE = 30
"""Questions put at once, from the top of the queue."""


def _sitting(request: HttpRequest, pk: int) -> Sitting:
    found = next((s for s in rooms.sittings_of(request.user) if s.pk == pk), None)
    if found is None:
        raise Http404
    return found


@needs("review", "log")
def sittings(request: HttpRequest) -> HttpResponse:
    """All sittings a person may look at; call a new one."""
    rounds = list(Round.objects.filter(form=main_form()).select_related("office").order_by("-year"))
    mine = scope(request.user, "review")
    offices = [o for o in [*{r.office for r in rounds}, *area_offices()] if mine.covers_line(o.path)]
    if request.method == "POST":
        round_ = get_object_or_404(Round, pk=whole(request.POST.get("round")) or 0)
        office = next((o for o in offices if str(o.pk) == request.POST.get("office", "")), None)
        if office is None:
            raise Http404
        made = meeting.call(request.user, round_, office, place=request.POST.get("place", ""), day=day(request.POST.get("day", ""), "day"), hour=request.POST.get("hour", ""), chair=request.POST.get("chair", ""))
        messages.success(request, str(T("已开会审会，下一步：分组、列问题", "the sitting is called; next: groups and questions")))
        return HttpResponseRedirect(reverse("sitting", args=[made.pk]))
    rows = [{"s": s, "n": rooms.counters(rooms.questions_of(request.user, s))} for s in rooms.sittings_of(request.user)]
    return render(request, "sitting/sittings.html", {"title": T("会审会", "Sittings"), "rows": rows, "rounds": rounds, "offices": offices})


@needs("review", "log")
def sitting(request: HttpRequest, pk: int) -> HttpResponse:
    """One sitting: groups, questions, who came, opinion sheets, papers, minutes."""
    row = _sitting(request, pk)
    shown = rooms.questions_of(request.user, row)
    areas = [(o.area, o.name) for o in area_offices()]
    runs = scope(request.user, "review").covers_line(row.office.path)
    groups = rooms.groups_of(row, shown)
    signed = {s.area: s for s in row.sheets.all()}
    asked = [(a, n) for a, n in areas if any(q.question.finding.area == a for q in shown)]
    return render(request, "sitting/sitting.html", {
        "title": T("{y} 年度会审会", "Sitting {y}", y=row.round.year), "sitting": row, "rows": shown, "n": rooms.counters(shown), "groups": groups, "areas": areas, "runs": runs and row.closed_at is None,
        "slots": _slots(row), "attendance": [(dict(areas).get(a.area, a.area), a) for a in row.attendance.all()], "came": row.attendance.filter(came_at__isnull=False).count(),
        "signed": [{"area": a, "name": n, "sheet": signed.get(a), "waiting": sum(q.question.finding.area == a and not q.question.opinion for q in shown)} for a, n in asked],
        "papers": [(k, v) for k, v in papers.PAPERS.items() if k != "opinion"], "settled": papers.settled(row, shown),
        "partial": {} if rooms.looks(request.user).covers_line(row.office.path) else papers.PARTIAL, "verdicts": list(ADVICE.items()), "labels": VERDICTS,
        "today": timezone.localdate(), "pair": rooms.before_after(row), "icons": ICONS, "whole": runs, "begun": any(r.question.opinion for r in shown)})


def _slots(row: Sitting) -> list[dict[str, Any]]:
    """The groups as boxes to fill in: those there are, and room for three."""
    held = list(row.groups.all())
    return [{"n": n + 1, "members": held[n].members if n < len(held) else [], "reviews": held[n].reviews if n < len(held) else []} for n in range(max(3, len(held) + 1))]


@require_POST
@needs("review")
def sitting_do(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """One verb on a sitting."""
    row, post = _sitting(request, pk), request.POST
    if verb == "groups":
        numbers = sorted({k.split("-")[1] for k in post if k.startswith(("members-", "reviews-"))})
        pairs = [(post.getlist(f"members-{n}"), post.getlist(f"reviews-{n}")) for n in numbers]
        meeting.set_groups(request.user, row, [p for p in pairs if p[0] or p[1]])
    elif verb == "questions":
        _put(request, row)
    elif verb == "expect":
        meeting.expect(request.user, row, post.get("area", ""), post.get("name", ""), post.get("post", ""))
    elif verb == "came":
        meeting.came(request.user, get_object_or_404(row.attendance, pk=whole(post.get("who")) or 0))
    elif verb == "sheet":
        meeting.sign_sheet(request.user, row, post.get("area", ""), post.get("signed_by", ""), day(post.get("signed_on", ""), "signed_on"))
    elif verb in ("minutes", "close"):
        meeting.write_minutes(request.user, row, post.get("minutes", ""), close=verb == "close")
    else:
        raise Http404
    messages.success(request, str(T("已记下", "kept")))
    return HttpResponseRedirect(reverse("sitting", args=[pk]))


def _put(request: HttpRequest, row: Sitting) -> None:
    """The findings above the stopping line that nobody decided on, the worst first."""
    run = latest(row.round, request.scope)
    if run is None:
        raise Http404
    q = queries.queue(run, request.scope, request.user)
    waiting = [e.pk for e in q.before_line if not q.is_decided(e)][:TAKE]
    found = {f.pk: f for f in ReviewFinding.objects.filter(pk__in=waiting).select_related("run")}
    meeting.put_questions(request.user, row, [found[pk] for pk in waiting])


@require_POST
@needs("review")
def opinion(request: HttpRequest, pk: int) -> HttpResponse:
    """The group's opinion on a question."""
    question = get_object_or_404(Question.objects.select_related("sitting__office", "sitting__round", "finding", "group"), pk=pk)
    _sitting(request, question.sitting_id)
    if not any(r.question.pk == pk for r in rooms.questions_of(request.user, question.sitting)):
        raise Http404
    meeting.opine(request.user, question, request.POST.get("opinion", ""), request.POST.get("advice", ""))
    messages.success(request, str(T("第 {n} 题的意见已记下", "opinion on question {n} kept", n=question.number)))
    return HttpResponseRedirect(f"{reverse('sitting', args=[question.sitting_id])}#q{question.number}")


@needs("review", "log")
def screen(request: HttpRequest, pk: int) -> HttpResponse:
    """The projector: one question, counters, groups, opinion; a screen of 16:9 without scrolling. For who looks over the whole sitting."""
    row = _sitting(request, pk)
    if not rooms.looks(request.user).covers_line(row.office.path):
        raise Http404
    shown = rooms.questions_of(request.user, row)
    asked = request.GET.get("n", "")
    waiting = [r for r in shown if r.decision is None]
    now = next((r for r in shown if str(r.question.number) == asked), waiting[0] if waiting else shown[-1] if shown else None)
    at = shown.index(now) if now else 0
    run = latest(row.round, rooms.looks(request.user))
    q = queries.queue(run, rooms.looks(request.user), request.user) if run else None
    finding = now.question.finding if now else None
    rulebook = book()
    signed = {s.area for s in row.sheets.all()}
    areas = {o.area: o.name for o in area_offices()}
    return render(request, "sitting/screen.html", {
        "title": T("会审会（投影）", "Sitting (projector)"), "sitting": row, "now": now, "n": rooms.counters(shown), "groups": rooms.groups_of(row, shown), "left": q.left() if q else None,
        "limit": float(run.line.get("share", 0)) if run else 0, "values": showing.values_of(rulebook, finding)[:2] if finding else [], "finding": finding,
        "low": showing.rough(finding.low) if finding else "", "high": showing.rough(finding.high) if finding else "",
        "expected": showing.rough(finding.expected) if finding else "", "unit": showing.unit_for(rulebook, finding) if finding else "",
        "label": showing.called(rulebook, finding.items[0]) if finding and finding.items else "",
        "following": [r for r in shown[at + 1:] if r.decision is None][:3], "before": shown[at - 1] if at else None, "after": shown[at + 1] if at + 1 < len(shown) else None,
        "signed": [areas.get(a, a) for a in sorted(signed)], "unsigned": len({r.question.finding.area for r in shown} - signed), "labels": VERDICTS,
        "until": timezone.localdate().replace(year=row.round.year, month=12, day=31), "open": row.closed_at is None and scope(request.user, "review").covers_line(row.office.path),
        "verdict": VERDICTS[now.decision.verdict] if now and now.decision else None, "clock": timezone.localtime()})


@needs("review", "log")
def questions_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """Questions, opinions and decisions as a workbook: the result of the sitting."""
    row = _sitting(request, pk)
    data = sheets.questions_workbook(row, [(r.question, r.name, r.decision) for r in rooms.questions_of(request.user, row)], rooms.looks(request.user).covers_line(row.office.path))
    return workbook_response(data, f"会审会问题与意见-{row.round.year}.xlsx")


@needs("review", "log")
def paper(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """One paper of the sitting as docx."""
    row, area = _sitting(request, pk), request.GET.get("area", "")
    if code not in papers.PAPERS or (code == "opinion" and area not in {o.area for o in area_offices()}):
        raise Http404
    name = quote(papers.name_of(row, code, area if code == "opinion" else ""))
    part = "" if rooms.looks(request.user).covers_line(row.office.path) else "、".join(o.name for o in offices_in(request.user, "review") if o.kind != "department") or "本单位"
    response = HttpResponse(papers.paper(row, code, rooms.questions_of(request.user, row), area, part), content_type=papers.DOCX)
    response.headers["Content-Disposition"] = f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
    return response
