"""The first page: work first (count, subject, by when, one button per line), then the round, the indicators, the calendar of the year."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.exchange import queries as exchange
from jieneng.filling.queries import years_in
from jieneng.people.models import Office, User
from jieneng.people.queries import root_office
from jieneng.people.scope import scope
from jieneng.records import notify
from jieneng.records.models import Job
from jieneng.registry.queries import closed_to, standing_for
from jieneng.returns import pages as returns_pages
from jieneng.returns import queries as returns
from jieneng.returns.asks import open_asks
from jieneng.returns.chain import queries as chain
from jieneng.returns.chase import queries as chase
from jieneng.returns.history import why_returned
from jieneng.returns.models import Return, ReturnAsk, ReturnFinding, Revision, Round, Submission
from jieneng.returns.plan.queries import Plan, stage, steps_of
from jieneng.review.queries import latest, stale
from jieneng.sitting.queries import waiting

LONG = 60
"""Days after which the day is named instead of counted."""
SOON = 7
"""Days before a day when its work is marked as due."""


def _over(due: dt.date, today: dt.date) -> T:
    """How long a day has passed; of one long ago, the day itself."""
    days = (today - due).days
    return T("已逾期 {n} 天", "{n} days overdue", n=days) if days <= LONG else T("{d} 已截止", "was due {d}", d=due.isoformat())


class Tasks:
    """The lines of the list, each with its day."""

    def __init__(self, today: dt.date) -> None:
        self.today, self.rows = today, []  # type: ignore[var-annotated]

    def add(self, n: int, unit: T, subject: T, detail: T, url: str, button: T, icon: str, tone: str, due: dt.date | None = None) -> None:
        """One line; none for nothing to do."""
        if not n:
            return
        late = due is not None and due < self.today
        when = _over(due, self.today) if due and late else T("{m} 月 {d} 日前", "by {e}", m=due.month, d=due.day, e=due.strftime("%-d %b")) if due else None
        self.rows.append({"n": n, "unit": unit, "subject": subject, "detail": detail, "url": url, "button": button, "icon": icon, "tone": tone, "when": when,
                          "hot": "e" if late else "w" if due and (due - self.today).days <= SOON else ""})


UNITS, ITEMS, RETURNS = T("家", "units"), T("项", "items"), T("份", "returns")


def tasks(request: HttpRequest, verbs: frozenset[str], round_: Round | None, units: list[chase.Unit], plan: Plan | None) -> list[dict[str, Any]]:
    """What this person must do, by role."""
    today = timezone.localdate()
    made = Tasks(today)
    if unread := notify.unread(request.user):
        made.add(unread, T("条", "new"), T("消息没有读", "Unread messages"), _newest(request.user), reverse("messages"), T("去看", "Read"), "bell", "pri")
    if round_ is not None and plan is not None:
        steps = {s.code: s.until for s in steps_of(round_)}
        if "file" in verbs:
            _reporter(request, made, round_, plan)
        else:
            _late(made, verbs, round_, units)
        if "review" in verbs:
            _joint(request, made, round_, steps)
            _review(request, made, round_, steps)
            _corrections(request, made, round_)
        if "sign" in verbs or "review" in verbs:
            _totals(request, made, round_, steps)
        if "freeze" in verbs:
            _freeze(request, made, round_)
    for job in Job.objects.filter(by=request.user, state="failed").order_by("-id")[:1]:
        made.add(1, T("件", "task"), T("有一项长任务没有办成", "A long task failed"), T("打开看原因", "open to see why"), reverse("job", args=[job.pk]), T("去看", "Open"), "alert-triangle", "err")
    return sorted(made.rows, key=lambda r: {"e": 0, "w": 1}.get(r["hot"], 2))


def _newest(user: User) -> T:
    row = notify.messages_of(user).filter(read_at=None).first()
    subject = row.subject if row else {}
    return T("{z}", "{e}", z=subject.get("zh", ""), e=subject.get("en", ""))


def _reporter(request: HttpRequest, made: Tasks, round_: Round, plan: Plan) -> None:
    """A reporter's own returns: sent back first, then what is missing where filing is here."""
    mine = returns.returns_in(scope(request.user, "file")).filter(round=round_).order_by("period")
    back = list(mine.filter(state="returned"))
    if back:
        asked = open_asks(back[:1])
        way = returns_pages.filling_of(request.user, back[0], _line(back[0]), asked)
        why = why_returned(back[:1]).get(back[0].pk)
        said = _asked(asked) or (T("{p}：{r}", "{p}: {r}", p=Period.parse(back[0].period).label, r=why) if why else T("打开看原因和建议", "open to see why"))
        made.add(len(back), RETURNS, T("报表退回，要核实", "Returns came back to be checked"), said,
                 way["url"] if way else reverse("return", args=[back[0].pk]), T("去核实", "Check"), "arrow-back-up", "warn", _deadline(plan, back[0]))
    missing = list(mine.filter(state__in=("expected", "draft")))
    if missing and plan.files_here(_line(missing[0])):
        made.add(len(missing), RETURNS, T("{y} 年度报表没有报", "Returns of {y} not filed", y=round_.year), T("截止前报送", "file before the day"),
                 reverse("filling"), T("去填", "Fill in"), "pencil", "pri", _deadline(plan, missing[0]))


def own_years(request: HttpRequest) -> list[dict[str, Any]]:
    """The returns of a reporter's own units, newest year first: where to fill in, print, and lay papers down. At most six lines."""
    found = []
    for round_, institution in years_in(scope(request.user, "file"), returns.main_form())[:6]:
        standing = standing_for(institution, Period("year", round_.year))
        rows = returns.returns_in(request.scope).filter(round=round_, institution=institution)
        states = returns.folded(rows.values_list("institution_id", "state"))
        found.append({"year": round_.year, "round": round_.pk, "institution": institution.pk, "name": standing.name if standing else institution.key,
                      "state": states.get(institution.pk, "expected"), "filed": rows.filter(revision__gt=0).exists()})
    return found


def _asked(asked: list[ReturnAsk]) -> T | None:
    """What the first return that came back is asked about, in a line."""
    if not asked:
        return None
    first = asked[0]
    item = returns.book().items.get(first.item)
    value = T("；建议值 {v}", "; proposed {v}", v=f"{Decimal(first.suggested):,f}") if first.suggested else ""
    return T("{p} {i}：{r}{v}", "{p} {i}: {r}{v}", p=Period.parse(first.ret.period).label, i=item.label if item else first.item, r=first.reason, v=value)


def _line(row: Return) -> str:
    standing = standing_for(row.institution, Period.parse(row.period))
    return standing.office.path if standing else ""


def _deadline(plan: Plan, row: Return) -> dt.date | None:
    return plan.deadline(_line(row), row.institution_id)


def _late(made: Tasks, verbs: frozenset[str], round_: Round, units: list[chase.Unit]) -> None:
    late = [u for u in units if u.late]
    by = {s: sum(u.state == s for u in late) for s in chase.LATE}
    made.add(len(late), UNITS, T("{y} 年度年报还没报完", "have not filed all of {y}", y=round_.year),
             T("未报 {a}，填报中 {b}，退回待改 {c}", "{a} not filed, {b} in part, {c} sent back", a=by["expected"], b=by["draft"], c=by["returned"]),
             reverse("chase", args=[round_.pk]), T("去催报", "Remind") if "review" in verbs else T("看名单", "List"), "calendar-due", "warn",
             max((u.deadline for u in late if u.deadline), default=None))


def _joint(request: HttpRequest, made: Tasks, round_: Round, steps: dict[str, dt.date]) -> None:
    """What waits in the review (会审), the worst first: how many must be looked at, what hangs on them, what the worst total may still be off by."""
    mine = scope(request.user, "review")
    run = latest(round_, mine)
    if run is None:
        return
    left = waiting(run, mine, request.user)
    level = (chain.own_level(request.user) or ("accepted",))[0]
    made.add(left.count, ITEMS, T("会审疑点要逐项核实", "Findings of the review to look at"),
             T("余下影响 {t} 吨标准煤；最差的一处合计还可能差 {s}{m}", "{t} tce hang on them; the worst total may be {s} off{m}", t=f"{left.tce:,.1f}", s=f"{left.share:.1%}",
               m=str(T("；审后又有 {n} 份变动", "; {n} returns changed since", n=n)) if (n := stale(run)) else ""),
             reverse("review", args=[round_.pk]) + "?show=line", T("去会审", "Review"), "flag-check", "err" if left.share > float(run.line.get("share", 0)) else "pri",
             steps.get("sitting" if level == "accepted" else "county"))


def _review(request: HttpRequest, made: Tasks, round_: Round, steps: dict[str, dt.date]) -> None:
    own = chain.own_level(request.user)
    if own is None:
        return
    level, mine = own
    due = steps.get("sitting" if level == "accepted" else "county" if level == "county_ok" else "units")
    rows = returns.returns_in(mine).filter(round=round_)
    before = chain.ORDER[:chain.ORDER.index(level)]
    waiting = rows.filter(state__in=before)
    findings = ReturnFinding.objects.filter(ret__in=rows.filter(state__in=(*before, "returned")), revision=F("ret__revision"))
    must, explain = findings.filter(severity="must").count(), findings.filter(severity="explain").count()
    made.add(waiting.count(), RETURNS, {"dept_ok": T("报表待部门审核", "Returns for the department to review"), "county_ok": T("报表待县级审核", "Returns for the county to review"),
                                        "accepted": T("报表待市级审核", "Returns for the city to review")}[level],
             T("没有“错误”的可一次通过", "those without errors at once"), reverse("round-pass", args=[round_.pk]), T("去审核", "Review"), "checks", "pri", due)
    made.add(must, ITEMS, T("审核问题：错误", "Findings: errors"), T("不更正不能通过；确认无误的写原因保留", "mended, or kept with a reason"),
             reverse("findings") + f"?year={round_.year}&severity=must", T("去核实", "Check"), "alert-octagon", "err", due)
    made.add(explain, ITEMS, T("审核问题：需核实", "Findings: to verify"), T("按规则逐项列出，附数值", "listed by rule, with values"),
             reverse("findings") + f"?year={round_.year}&severity=explain", T("去核实", "Check"), "list-search", "pri", due)


def _corrections(request: HttpRequest, made: Tasks, round_: Round) -> None:
    """What units were asked to change on the platform and the last import did not find done."""
    states = exchange.states_in(scope(request.user, "review"), round_.form, round_.year, closed=closed_to(request.user))
    made.add(states["not_done"] + states["other"] + states["open"], ITEMS, T("更正清单没有办完", "Corrections not done yet"),
             T("还没改 {a}，改成别的数 {b}，待核对 {c}", "{a} not done, {b} changed to something else, {c} not checked yet", a=states["not_done"], b=states["other"], c=states["open"]),
             reverse("corrections") + f"?year={round_.year}&left=1", T("去看", "Open"), "list-check", "warn")


def _totals(request: HttpRequest, made: Tasks, round_: Round, steps: dict[str, dt.date]) -> None:
    """Offices of one's own whose returns are all passed and whose totals were not handed up."""
    due = steps.get("county")
    top = root_office()
    for office in Office.objects.filter(path__in=scope(request.user, "review").lines, active=True):
        if top is None or office.pk == top.pk or not scope(request.user, chain.right_of(office)).covers_line(office.path):
            continue
        members = chain.under(round_, office)
        counts = chain.by_state(round_, members)
        handed = Submission.objects.filter(round=round_, office=office, withdrawn="").exists()
        if counts and not handed and not chain.waiting(counts, chain.level_of(office)):
            made.add(1, ITEMS, T("{o}合计可以报送了", "{o}: the totals can be handed up", o=office.name), T("看控制合计、和上年的差，附盖章表", "look at control totals, attach the stamped table"),
                     reverse("round-totals", args=[round_.pk, office.pk]), T("去报送", "Hand up"), "send", "pri", due)


def _freeze(request: HttpRequest, made: Tasks, round_: Round) -> None:
    """What the top office does with a year: freeze it, then sign it."""
    snapshot = returns.latest_snapshot(round_.year)
    rows = Return.objects.filter(round=round_).exclude(state__in=("exempt", "covered"))
    if snapshot is None and rows.filter(accepted__gt=0).exists():
        made.add(1, T("个", "year"), T("{y} 年度还没有封存", "{y} is not frozen yet", y=round_.year), T("封存后才有指标和公文里的数", "figures need a snapshot"),
                 reverse("before", args=[round_.year, "freeze"]), T("去封存", "Freeze"), "snowflake", "pri")
    elif snapshot is not None and not round_.signoff_set.exists() and not rows.exclude(state="accepted").exists():
        made.add(1, T("个", "year"), T("{y} 年度可以审定了", "{y} can be signed off", y=round_.year), T("全部审核通过，已封存", "all accepted, and frozen"),
                 reverse("before", args=[round_.year, "sign"]), T("去审定", "Sign off"), "lock", "pri")


def card(request: HttpRequest, round_: Round, units: list[chase.Unit]) -> dict[str, Any]:
    """The round at a glance: who has filed, how much that weighs, what came in yesterday."""
    whole = chase.line("", "", units)
    today = timezone.localdate()
    fresh = Revision.objects.filter(ret__round=round_, ret__in=returns.returns_in(request.scope), number=1, at__gte=timezone.now() - dt.timedelta(days=1)).values("ret__institution").distinct().count()
    own = days.pop() if len(days := {u.deadline for u in units}) == 1 else round_.deadline
    left = (own - today).days if own else None
    begun = sum(not u.never for u in units)
    return {"whole": whole, "own": own if own != round_.deadline else None, "overdue": sum(u.overdue(today) for u in units), "one_day": fresh >= begun,
            "returned": whole.counts.get("returned", 0), "extended": sum(u.extended for u in units), "fresh": fresh, "left": left,
            "over": _over(own, today) if own and left is not None and left < 0 else None, "imported": _imported(request) if request.scope.lines else None}


def _imported(request: HttpRequest) -> dt.datetime | None:
    """When figures of units in one's scope last came in with a file, whoever brought it."""
    mine = Revision.objects.filter(ret__in=returns.returns_in(request.scope)).filter(batch__reads="answers", batch__on_word=None)
    return mine.order_by("-id").values_list("batch__at", flat=True).first()


LEFT, WIDTH = 84, 1000


def year_strip(round_: Round, today: dt.date) -> dict[str, Any]:
    """The calendar of the round as a strip over the twelve months after the year it is about: boxes in percent of the year, for an SVG."""
    first = dt.date(round_.year + 1, 1, 1)
    days = (dt.date(round_.year + 2, 1, 1) - first).days
    span = WIDTH - LEFT

    def at(day: dt.date) -> float:
        return LEFT + min(max((day - first).days, 0), days) * span / days

    boxes = []
    for n, s in enumerate(steps_of(round_)):
        x, end = at(s.since), at(s.until + dt.timedelta(days=1))
        fill, ink = {"done": ("#e4f3e9", "#1a6b3b"), "now": ("#e8f0fa", "#123d75"), "next": ("#f7f9fb", "#44525f")}[stage(s, today)]
        boxes.append({
            "x": f"{x:.1f}", "w": f"{max(end - x, 6):.1f}", "y": 34 + n * 26, "fill": fill, "ink": ink, "name": s.name, "since": s.since, "until": s.until, "tx": f"{max(end, x + 6) + 6:.1f}", "ty": 34 + n * 26 + 16})
    months = [{"n": m, "x": f"{at(dt.date(round_.year + 1, m, 1)):.1f}"} for m in range(1, 13)]
    now = f"{at(today):.1f}" if first <= today < dt.date(round_.year + 2, 1, 1) else None
    return {"boxes": boxes, "months": months, "now": now, "height": 40 + len(boxes) * 26, "year": round_.year + 1}


def biggest(request: HttpRequest, round_: Round, names: dict[int, str]) -> list[dict[str, Any]]:
    """A few open errors and questions of the round, gravest first."""
    rows = ReturnFinding.objects.filter(ret__in=returns.returns_in(request.scope).filter(round=round_).exclude(state__in=("accepted", "signed")), revision=F("ret__revision"), severity__in=("must", "explain"))
    return [{"f": f, "name": names.get(f.ret.institution_id, f.ret.institution.key)} for f in rows.select_related("ret__institution").order_by("-severity", "ret_id")[:5]]
