"""Rounds, findings, and one return."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, Count, F, IntegerField, Min, Q, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.asked import year as asked_year
from jieneng.core.period import Period
from jieneng.core.problem import Refused, Severity, refuse
from jieneng.core.words import T, language
from jieneng.people.access import needs
from jieneng.people.models import Office, User
from jieneng.people.queries import area_offices, root_office
from jieneng.people.scope import scope
from jieneng.records.jobs import enqueue
from jieneng.records.models import Event
from jieneng.records.workbook import Column, list_workbook, workbook_response
from jieneng.registry.models import Institution
from jieneng.registry.queries import closed_to, insider, standing_for, standing_of, standings
from jieneng.rulebook import form_for

from . import actions, part_lines, queries
from . import freeze as freezing
from .advice import advice
from .asks import Ask, open_asks
from .chain import actions as chain_actions
from .chain import queries as chain
from .chain.blockers import blockers
from .gate import Gate
from .history import history
from .models import OnBehalf, Return, ReturnAsk, ReturnFinding, Round, SnapshotRecord, Waiver
from .moves import MOVES, STATES, VERBS
from .plan.queries import MODES, plan_of, stage, steps_of
from .ranges import packed, unpacked
from .waivers import checks_with_parts, waivers_of

SEVERITIES = ("must", "explain", "note")
LISTED = 200
"""How many returns a list on a page names; the rest are counted."""


def progress(request: HttpRequest, round_: Round) -> dict[str, Any]:
    """A round with its states, folded per institution, by area."""
    states = queries.institution_states(request.scope, round_)
    where: dict[int, str] = {}
    for s in standings(Period("year", round_.year).last_day):
        where[s.institution_id] = s.area
        if s.covered_by_id is None and states.get(s.institution_id) == "covered":
            del states[s.institution_id]  # covered for a part of the year only: the register's count at its end is the one said
    areas: dict[str, dict[str, int]] = {}
    for institution, state in states.items():
        counts = areas.setdefault(where.get(institution, ""), {})
        counts[state] = counts.get(state, 0) + 1
    names = {o.area: o for o in area_offices()}
    rows = [
        {"area": names[a].name if a in names else a, "code": a, "counts": c,
         "total": sum(n for s, n in c.items() if s not in ("covered", "exempt")), "accepted": c.get("accepted", 0) + c.get("signed", 0),
         "bars": [{"state": s, "label": str(STATES[s]), "n": c[s]} for s in STATES if c.get(s)]}
        for a, c in sorted(areas.items())
    ]
    totals: dict[str, int] = {}
    by_return = dict(queries.returns_in(request.scope).filter(round=round_).exclude(state__in=("covered", "exempt"))
                     .values_list("state").annotate(n=Count("id")).order_by())
    for counts in areas.values():
        for state, n in counts.items():
            totals[state] = totals.get(state, 0) + n
    reporting = sum(n for s, n in totals.items() if s not in ("covered", "exempt"))
    done = sum(totals.get(s, 0) for s in ("filed", "dept_ok", "county_ok", "accepted", "signed"))
    signoff = round_.signoff_set.select_related("by").order_by("-at").first()
    edition = form_for(queries.book(), round_.form, round_.year)
    plan, today = plan_of(round_), timezone.localdate()
    mixed = sorted({plan.mode(o.path) for o in area_offices()} or {round_.mode})
    return {"round": round_, "edition": edition, "signoff": signoff, "rows": rows, "modes": [MODES[m][0] for m in mixed],
            "calendar": [{"name": x.name, "date": x.until, "note": "", "state": stage(x, today), "since": x.since} for x in steps_of(round_)], "totals": totals, "reporting": reporting, "done": done,
            "accepted": totals.get("accepted", 0) + totals.get("signed", 0), "late": reporting - done,
            "returns": sum(by_return.values()), "returns_accepted": by_return.get("accepted", 0) + by_return.get("signed", 0),
            "returns_waiting": sum(by_return.get(s, 0) for s in ("filed", "dept_ok", "county_ok")), "steps": _steps(round_, by_return, signoff),
            "legend": [{"state": s, "label": str(STATES[s]), "n": totals[s]} for s in STATES if totals.get(s)]}


def _steps(round_: Round, by_return: dict[str, int], signoff: Any) -> list[dict[str, Any]]:
    """The steps of a round in order, and which is next (收报 → 审核 → 审核通过 → 封存 → 审定)."""
    snapshot = queries.latest_snapshot(round_.year)
    left = sum(by_return.get(s, 0) for s in ("expected", "draft", "returned"))
    unread = sum(by_return.get(s, 0) for s in ("filed", "dept_ok", "county_ok"))
    n = T("{n} 份", "{n} returns", n=f"{left:,}")
    steps = [(T("收报", "Collect"), not left, n if left else ""),
             (T("审核", "Review"), not left and not unread, T("{n} 份待审", "{n} to review", n=f"{unread:,}") if unread else ""),
             (T("审核通过", "Accept"), not left and not unread, ""),
             (T("封存", "Freeze"), snapshot is not None, ""), (T("审定", "Sign off"), signoff is not None, "")]
    now = next((k for k, (_, done, _) in enumerate(steps) if not done), len(steps))
    dates = {3: snapshot.cutoff if snapshot else None, 4: signoff.at if signoff else None}
    return [{"name": name, "date": dates.get(k), "note": note, "state": "now" if k == now else "done" if done else "next"}
            for k, (name, done, note) in enumerate(steps)]


def _listed(ids: Iterable[int], words: str = "") -> list[dict[str, Any]]:
    """Returns as lines of a list: unit, period, the way there."""
    wanted = list(ids)
    rows = Return.objects.filter(pk__in=wanted[:LISTED]).select_related("institution").order_by("institution_id", "period")
    lines = []
    for r in rows:
        standing = standing_of(r.institution, Period.parse(r.period).last_day)
        lines.append({"pk": r.pk, "name": standing.name if standing else r.institution.key, "period": r.period})
    return lines


def _outside(groups: Iterable[tuple[str, str, Sequence[int]]]) -> list[dict[str, Any]]:
    """Groups of a list of what a snapshot leaves out: round, state, how many, and the first of them by name."""
    return [{"round": r, "state": state, "n": len(ids), "lines": _listed(ids), "more": max(0, len(ids) - LISTED)} for r, state, ids in groups]


@needs("freeze", "sign")
def before_freeze(request: HttpRequest, year: int, what: str) -> HttpResponse:
    """Before a year is frozen or signed: what would not be in it, and which errors are in it because they were kept."""
    office = root_office()
    if what not in ("freeze", "sign") or office is None:
        raise Http404
    if not scope(request.user, what).covers_line(office.path):
        raise city_only(office)
    upto = list(Round.objects.filter(year__lte=year).order_by("-year", "form"))
    if not any(r.year == year for r in upto):
        raise Http404
    groups: dict[tuple[str, str], list[int]] = {}
    for r in upto:
        for pk, state in freezing.waiting(r).values_list("pk", "state"):
            groups.setdefault((str(r.year), state), []).append(pk)
    kept = freezing.kept(upto).values_list("ret_id", flat=True).distinct()
    round_ = next(r for r in upto if r.year == year)
    title = T("封存 {y} 年之前", "Before {y} is frozen", y=year) if what == "freeze" else T("审定 {y} 年之前", "Before {y} is signed off", y=year)
    return render(request, "returns/before.html", {
        "title": title, "year": year, "what": what, "round": round_, "office": office, "blockers": blockers(round_, office) if what == "sign" else [], "snapshot": queries.latest_snapshot(year),
        "groups": _outside((r, s, ids) for (r, s), ids in groups.items()), "out": sum(map(len, groups.values())),
        "kept": _listed(kept), "kept_n": kept.count()})


@needs("see")
def snapshot(request: HttpRequest, pk: str) -> HttpResponse:
    """One snapshot: when, of what, and what it does not hold. Units are named to those who see the whole office."""
    row, office = get_object_or_404(SnapshotRecord, pk=pk), root_office()
    whole = office is not None and request.scope.covers_line(office.path)
    event = Event.objects.filter(verb="snapshot.freeze", object_id=pk).first()
    held = sorted(unpacked(event.data.get("kept", ""))) if event else []
    groups = [(x["round"].rpartition(" ")[2], x["state"], sorted(unpacked(x.get("ids", ""))), x["returns"]) for x in row.left_out]
    shown = _outside((r, s, ids) for r, s, ids, _ in groups) if whole else []
    for group, (*_, n) in zip(shown, groups, strict=False):
        group["n"] = n
    return render(request, "returns/snapshot.html", {
        "title": T("{y} 年快照", "Snapshot of {y}", y=row.year), "row": row, "others": [s for s in queries.snapshots() if s.year == row.year and s.pk != row.pk], "groups": shown, "whole": whole,
        "out": sum(n for *_, n in groups), "kept": _listed(held) if whole else [], "kept_n": len(held)})


def city_only(office: Office) -> Refused:
    """What a county is told that asks for what only the top office does."""
    return refuse("people.forbidden", T("由市局审定：封存和审定由{o}办理", "done by the top office: {o} freezes and signs off", o=office.name),
                  do=T("本级办完审核通过即可", "your part is done when the returns are accepted"))


@needs("see")
def rounds(request: HttpRequest) -> HttpResponse:
    """Every round with its progress, its snapshots, and what can be done next."""
    form = queries.main_form()
    return render(request, "returns/rounds.html", {
        "title": T("统计任务", "Rounds"),
        "rounds": [progress(request, r) for r in queries.rounds(form)],
        "snapshots": queries.snapshots(),
        "whole": (office := root_office()) is not None and request.scope.covers_line(office.path), "offices": _handing(request, office), "next_year": timezone.localdate().year - 1, "form": form,
    })


def _handing(request: HttpRequest, top: Office | None) -> list[Office]:
    """The offices whose totals a person looks at first: the own ones, or the top."""
    lines = request.scope.lines
    found = list(Office.objects.filter(path__in=lines, active=True))
    return found or ([top] if top is not None and request.scope.covers_line(top.path) else [])


@require_POST
@needs("sign")
def open_round(request: HttpRequest) -> HttpResponse:
    """Open a round for a year."""
    text = request.POST.get("year", "")
    if (year := asked_year(text)) is None or not 2000 <= year <= 2100:
        messages.error(request, str(T("“{y}”不是年份，应为四位数字", "“{y}” is not a year, expected four digits", y=text)))
        return HttpResponseRedirect(reverse("rounds"))
    office = root_office()
    if office is None:
        raise Http404
    round_ = actions.open_round(request.user, queries.book(), form=queries.main_form(), year=year,
                                office=office, mode=request.POST.get("mode", "A"))
    messages.success(request, str(T("{y} 年统计任务已建，应报 {n} 份", "Round {y} opened, {n} returns expected",
                                    y=text, n=round_.returns.count())))
    return HttpResponseRedirect(reverse("rounds"))


@require_POST
@needs("accept")
def accept_round(request: HttpRequest, pk: int) -> HttpResponse:
    """Pass every filed return of a round in scope that holds no error, in the person's own word: 县级审核 or 市级审核."""
    round_ = get_object_or_404(Round, pk=pk)
    own = chain.own_level(request.user)
    if own is None:
        raise Http404
    states = ("filed", "dept_ok", "county_ok") if own[0] == "accepted" else ("filed", "dept_ok")
    rows = queries.held_by(own[1], Return.objects.filter(round=round_, state__in=states))
    done = chain_actions.batch(request.user, chain.PASS[own[0]], rows)
    messages.success(request, str(T("审核通过 {n} 份；{left} 份有“错误”，没有通过", "{n} accepted; {left} hold errors and were not",
                                    n=done.done, left=done.errors)))
    return HttpResponseRedirect(reverse("rounds"))


@require_POST
@needs("sign")
def sign_round(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign the total of a round, bound to the year's newest snapshot and its control totals."""
    round_ = get_object_or_404(Round, pk=pk)
    snapshot = queries.latest_snapshot(round_.year)
    office = root_office()
    if office is None:
        raise Http404
    if not request.scope.covers_line(office.path):
        raise city_only(office)
    if snapshot is None:
        raise refuse("signoff.no_snapshot", T("{y} 年还没有封存", "{y} is not frozen yet", y=round_.year), do=T("先封存，看过合计再审定", "freeze, look at the totals, then sign"))
    totals = queries.opened(snapshot).manifest["totals"].get(f"{round_.form}@{round_.edition}", {}).get("items", {})
    actions.sign_off(request.user, round_, office, snapshot, totals)
    messages.success(request, str(T("{y} 年已审定", "{y} signed off", y=round_.year)))
    return HttpResponseRedirect(reverse("rounds"))


@require_POST
@needs("freeze")
def freeze_year(request: HttpRequest, year: int) -> HttpResponse:
    """Freeze a year as a job with progress."""
    office = root_office()
    last = Event.objects.order_by("-seq").first()
    version = request.POST.get("version", "city")
    if version not in ("city", "province", "nation"):
        raise refuse("freeze.version", T("没有版本“{v}”", "there is no version “{v}”", v=version), expected=T("市报送版、省审定版、国家核定版", "city, province, nation"))
    job = enqueue("freeze", {"year": year, "version": version}, by=request.user, line=office.path if office else "",
                  key=f"freeze:{year}:{version}:{last.seq if last else 0}")
    return HttpResponseRedirect(reverse("job", args=[job.pk]))


def _findings(request: HttpRequest) -> Any:
    """The findings of current revisions in scope, narrowed by the filters in the address."""
    rows = ReturnFinding.objects.filter(ret__in=queries.returns_in(request.scope)).exclude(ret__institution__in=closed_to(request.user)).filter(
        revision=F("ret__revision")).select_related("ret__institution", "ret__round")
    if year := request.GET.get("year", ""):
        rows = rows.filter(ret__round__year=asked_year(year)) if asked_year(year) else rows.none()
    if severity := request.GET.get("severity", ""):
        rows = rows.filter(severity=severity)
    if rule := request.GET.get("rule", ""):
        rows = rows.filter(rule=rule)
    if institution := request.GET.get("institution", ""):
        rows = rows.filter(ret__institution_id=whole(institution)) if whole(institution) else rows.none()
    order = {s: n for n, s in enumerate(SEVERITIES)}
    rank = Case(*[When(severity=s, then=Value(n)) for s, n in order.items()], output_field=IntegerField())
    return rows.annotate(rank=rank).order_by("rank", "-ret__round__year", "rule", "ret__institution_id", "ret__period")


def _named(rows: list[ReturnFinding]) -> list[dict[str, Any]]:
    """Findings with the names of their institutions."""
    named = []
    for f in rows:
        standing = standing_of(f.ret.institution, Period.parse(f.ret.period).last_day)
        named.append({"finding": f, "name": standing.name if standing else f.ret.institution.key,
                      "area": standing.area if standing else "", "says": f.says, "do": f.do, "period": f.ret.period})
    return named


SAME = ("rank", "ret__round__year", "rule", "ret__institution_id")
"""What the findings of one mistake have in common: it is told once, whatever number of months it runs through."""


def _together(rows: Any, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings of some groups, those that say the same once, with the months in which they do: twelve months of one wrong area are one line."""
    wanted = Q()
    for g in groups:
        wanted |= Q(ret__round__year=g["ret__round__year"], rule=g["rule"], ret__institution_id=g["ret__institution_id"])
    lines: dict[tuple[Any, ...], list[ReturnFinding]] = {}
    for f in rows.filter(wanted) if groups else []:
        lines.setdefault((*(getattr(f, n) for n in ("rank", "rule")), f.ret.round.year, f.ret.institution_id, f.severity, str(f.says)), []).append(f)
    named = _named([same[0] for same in lines.values()])
    for line, same in zip(named, lines.values(), strict=True):
        months = [int(f.ret.period[5:7]) for f in same if len(f.ret.period) == 7]
        if len(months) > 1:
            line["period"] = T("{y} 年 {m} 月", "{y}, months {m}", y=same[0].ret.round.year, m=packed(months).replace("-", "–").replace(",", "、"))
    return named


@needs("review", "see")
def findings(request: HttpRequest) -> HttpResponse:
    """What the edition's own checks found, gravest first; what one mistake says in many months is one line."""
    rows = _findings(request)
    groups = rows.values(*SAME).annotate(first=Min("ret__period")).order_by("rank", "-ret__round__year", "rule", "ret__institution_id")
    page = Paginator(groups, 25).get_page(request.GET.get("page"))
    counts = dict(rows.values_list("severity").annotate(n=Count("id")).order_by())
    rules = rows.values("rule").annotate(n=Count("id")).order_by("-n")
    return render(request, "returns/findings.html", {
        "title": T("审核问题", "Findings"), "page": page, "rows": _together(rows, list(page.object_list)), "counts": counts,
        "rules": rules, "years": [r.year for r in queries.rounds(queries.main_form())], "filters": request.GET})


@needs("review", "see")
def findings_xlsx(request: HttpRequest) -> HttpResponse:
    """The filtered findings as a workbook."""
    code = language()
    areas = {o.area: o.name for o in area_offices()}
    data = [[n["finding"].ret.institution.key, n["name"], areas.get(n["area"], n["area"]), n["finding"].ret.period, n["finding"].rule,
             str(Severity(n["finding"].severity).label), n["says"].get(code, ""), n["do"].get(code, "")] for n in _named(list(_findings(request)))]
    columns = [Column(T("信用代码", "code"), 22), Column(T("单位", "institution"), 30), Column(T("统计归口", "line"), 10),
               Column(T("统计期", "period"), 10), Column(T("规则", "rule"), 8), Column(T("级别", "severity"), 8),
               Column(T("疑点", "finding"), 60), Column(T("怎么办", "what to do"), 40)]
    return workbook_response(list_workbook(T("审核问题", "Findings"), columns, data), _file_name(request))


def _file_name(request: HttpRequest) -> str:
    """审核问题-2022-错误.xlsx: what the filter shows."""
    year, severity = request.GET.get("year", ""), request.GET.get("severity", "")
    parts = [str(T("审核问题", "findings")), year if asked_year(year) else "", str(Severity(severity).label) if severity in SEVERITIES else ""]
    return "-".join(p for p in parts if p) + ".xlsx"


def visible_return(request: HttpRequest, pk: int) -> Return:
    """A return in the person's scope, or 404.

    Of a sensitive unit only totals are seen from outside; who held its line in the period is not outside for the period's return.
    """
    row = get_object_or_404(Return.objects.select_related("round", "institution"), pk=pk)
    if not queries.returns_in(request.scope).filter(pk=pk).exists():
        raise Http404
    if closed_to(request.user, [row.institution_id]) and not insider(request.user, queries.lines_of([row]).get(row.pk, "-"), row.institution.key):
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
    beside = _beside(row)
    open_findings = list(row.findings.filter(revision=row.revision))
    flagged = {i for f in open_findings for i in f.items}
    lines = []
    for fi in form.items:
        item = book.items[fi.item]
        value = current.answers.get(fi.item) if current else None
        lines.append({
            "item": fi.item, "flagged": fi.item in flagged, "last_year": beside["last_year"].get(fi.item), "last_month": beside["last_month"].get(fi.item),
            "number": fi.number, "label": fi.label or item.label, "unit": item.unit, "value": value,
            "asked": True, "source": (current.sources.get(fi.item) if current else None),
            "old": before.answers.get(fi.item) if before and before.answers.get(fi.item) != value else None,
        })
    standing, today = standing_for(row.institution, Period.parse(row.period)), standing_for(row.institution)
    let_go = waivers_of(row.institution, row.round.form)
    must = any(f.severity == "must" and f.rule not in let_go for f in open_findings)
    own, gate = chain.own_level(request.user), Gate(request.user)
    path = standing.office.path if standing else "-"
    word = chain.PASS[own[0]] if own else ""
    possible = [
        {"verb": v, "label": str(VERBS[v]), "reason": m.reason, "keep": v == word and must} for (s, v), m in MOVES.items()
        if s == row.state and v in (word, "send_back", "take_back", "reopen") and gate.allows(s, v, path, row.institution.key)
    ]
    asked = {a.item: a for a in open_asks([row])}
    for line in lines:
        line["ask"] = asked.get(line["item"])
    advised = _advised(form, row, open_findings, beside)
    fill = filling_of(request.user, row, path, list(asked.values()))
    order = (word, "send_back", "take_back", "reopen")
    possible.sort(key=lambda p: order.index(str(p["verb"])))
    return render(request, "returns/return.html", {
        "title": T("{name} {period}", "{name} {period}", name=standing.name if standing else row.institution.key,
                   period=str(Period.parse(row.period).label)),
        "ret": row, "standing": standing, "lines": lines, "form": form, "current": current, "revisions": revisions[::-1],
        "part_tables": part_lines.tables_of(book, current, before) if current else [], "findings": advised, "fill": fill, "ask_rows": _ask_rows(advised), "possible": possible,
        "may_waive": _may(request, "accept", today.office.path if today else "-"), "may_enter": gate.allows(row.state, "import", path, row.institution.key) and all(_may(request, v, path) for v in ("import", "review")),
        "waivers": Waiver.objects.filter(institution=row.institution, form=row.round.form, revoked="").select_related("by"), "checks": checks_with_parts(form),
        "on_word": OnBehalf.objects.filter(batch__revisions__ret=row).select_related("by", "batch__file").distinct(), "today": timezone.localdate(), "must": must, "history": history(row), "neighbours": beside["links"],
        "monthly": Period.parse(row.period).kind == "month"})


def filling_of(person: User, row: Return, path: str, asked: Sequence[ReturnAsk]) -> dict[str, Any] | None:
    """Where the person fills a return in that is with the unit: the address (at the item that came back), and the one value proposed.

    None where the unit's numbers are not typed here (A), or the person does not file for it.
    """
    if row.state not in ("expected", "draft", "returned") or not scope(person, "file").covers(path, row.institution.key) or not plan_of(row.round).files_here(path):
        return None
    at = f"#{row.period}-{asked[0].item}" if asked else ""
    return {"url": reverse("filling-year", args=[row.round_id, row.institution_id]) + at, "back": row.state == "returned",
            "value": asked[0].suggested if len(asked) == 1 else ""}


def _ask_rows(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of the form that sends a return back: one for each item in doubt, with the value a rule suggests, and two blank ones."""
    rows: dict[str, dict[str, Any]] = {}
    for f in findings:
        for a in f["advice"]:
            if a["other"] is None:
                rows.setdefault(a["item"], {"item": a["item"], "value": a["value"], "reason": f["says"]})
        for item in f["items"][:1] if not f["advice"] else ():
            rows.setdefault(item, {"item": item, "value": None, "reason": f["says"]})
    return [*list(rows.values())[:6], {}, {}]


def _beside(row: Return) -> dict[str, Any]:
    """The answers of last month and of a year ago as they stand, and the ways to those returns and to the next one."""
    period = Period.parse(row.period)
    month = period.kind == "month"
    wanted = {"last_year": str(period.last_year), **({"last_month": str(period.previous)} if month else {})}
    following = str(Period.month(period.year + period.index // 12, period.index % 12 + 1)) if month else str(period.year + 1)
    found = {r.period: r for r in Return.objects.filter(institution=row.institution_id, round__form=row.round.form,
                                                        period__in=[*wanted.values(), following])}
    result: dict[str, Any] = {"last_year": {}, "last_month": {}, "links": {}}
    for side, text in wanted.items():
        if (other := found.get(text)) is None:
            continue
        current = other.revisions.filter(number=other.revision).first()
        result[side] = queries.answers_of(current) if current else {}
    result["links"] = {"last_year": found.get(wanted["last_year"]), "previous": found.get(wanted.get("last_month", wanted["last_year"])),
                       "next": found.get(following)}
    return result


def _advised(form: Any, row: Return, findings: list[ReturnFinding], beside: dict[str, Any]) -> list[dict[str, Any]]:
    """The findings of a return with the values their rules suggest, and where the value in doubt stands."""
    current = row.revisions.filter(number=row.revision).first()
    answers = queries.answers_of(current) if current else {}
    checks = {c.id: c for c in form.checks}
    labels, book = {i.item: i for i in form.items}, queries.book()
    told = []
    for f in sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.rule)):
        made = advice(checks[f.rule], answers, beside["last_year"], beside["last_month"]) if f.rule in checks else []
        told.append({"severity": f.severity, "rule": f.rule, "says": f.says, "do": f.do, "items": f.items, "advice": [
            {"label": (labels[a.item].label if a.item in labels else "") or book.items[a.item].label, "found": a.found, "value": a.value,
             "unit": book.items[a.item].unit, "item": a.item, "other": beside["links"].get(a.side) if a.side else None} for a in made]})
    return told


def _may(request: HttpRequest, right: str, path: str) -> bool:
    return scope(request.user, right).covers_line(path)


ONE_BY_ONE = ("accept", "pass_county", "pass_department", "send_back", "take_back", "reopen")
"""The verbs of the page of one return. Signing is not among them: a total is signed, with its snapshot (``sign_round``)."""


@require_POST
@needs("review", "accept", "sign")
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Do one verb to one return."""
    if verb not in ONE_BY_ONE:
        raise Http404
    row = visible_return(request, pk)
    items, whys, values = (request.POST.getlist(f"ask-{name}") for name in ("item", "reason", "value"))
    asks = [Ask(row.pk, item, why, value) for item, why, value in zip(items, whys, values, strict=False) if item and (why.strip() or value.strip())]
    actions.act(request.user, verb, Return.objects.filter(pk=row.pk), reason=request.POST.get("reason", ""),
                keep=request.POST.get("keep") == "1", asks=asks)
    messages.success(request, str(T("已{verb}", "Done: {verb}", verb=str(VERBS[verb]))))
    return HttpResponseRedirect(reverse("return", args=[pk]))


def institution_years(seen: Any, institution: Institution) -> list[dict[str, Any]]:
    """The returns of an institution by year, with the state of each month."""
    rows = queries.returns_in(seen).filter(institution=institution).select_related("round").order_by("-round__year", "period")
    years: dict[int, list[Return]] = {}
    for r in rows.filter(~Q(state="")):
        years.setdefault(r.round.year, []).append(r)
    return [{"year": y, "returns": rs} for y, rs in years.items()]


