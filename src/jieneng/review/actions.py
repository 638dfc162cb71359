"""The verbs of the review: run it, accept an explanation, revoke one. Each checks the right and records its event."""

from __future__ import annotations

import datetime as dt
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records.events import action, record
from jieneng.registry.models import Institution
from jieneng.registry.queries import standing_of
from jieneng.returns.models import Round
from jieneng.rulebook.reviews import Review
from jieneng.rulebook.types import Book

from . import edits, given, locating, reading
from .assess import Assessor
from .explaining import Explained, lower, rebase
from .found import Assessed, Found
from .models import Explanation, ReviewFinding, ReviewRun, Screening
from .panel import Panel
from .wording import Speaker

Progress = Callable[[int, int, T | None], None]
STEPS = (T("读取三年的报表", "reading three years of returns"), T("逐项审核", "judging every item"), T("写下疑点", "writing the findings"))


def run_review(person: User, book: Book, round_: Round, office: Office, *, progress: Progress | None = None) -> ReviewRun:
    """Review all returns of a round under an office, as they stand now, and keep the ranked findings.

    Nothing of a return is changed. Raises ``Refused`` where the rulebook has no review of the form or nothing was filed.
    """
    require(person, "review", office.path)
    review = reading.review_for(book, round_.form, round_.year)
    if review is None:
        raise refuse("review.none", T("规则库里没有 {f} 的会审规则", "the rulebook has no review of {f}", f=round_.form),
                     do=T("在 reviews/ 里补上", "add one to reviews/"))
    begin = time.monotonic()
    tell = progress or (lambda done, total, message: None)
    tell(0, 3, STEPS[0])
    panel, refs, state = reading.panel(book, review, round_, office.path)
    if not refs:
        raise refuse("review.nothing", T("{year} 年还没有报来的报表", "nothing has been filed for {year} yet", year=round_.year),
                     do=T("先导入或填报", "import or file returns first"))
    tell(1, 3, STEPS[1])
    found = assessed(book, review, round_, panel)
    tell(2, 3, STEPS[2])
    with action():
        run = new_run(person, book, review, round_, office, state, {**line_of(found), "history": panel.history})
        speaker = Speaker(book, review, panel)
        rows = [r for r in (row_of(run, speaker, f, panel, refs, rank) for rank, f in enumerate(found.found, 1)) if r is not None]
        ReviewFinding.objects.bulk_create(rows, batch_size=500)
        run.counts = {"institutions": len(panel), "findings": len(rows), "before_line": found.line.count, **severities(rows)}
        run.seconds = round(time.monotonic() - begin, 2)
        run.save(update_fields=["counts", "seconds"])
        record(person, "review.run", "review", run.pk, line=office.path, data={
            "round": round_.pk, "year": round_.year, "review": run.review, "state": state, "rulebook": book.hash, **run.counts})
    tell(3, 3, None)
    return run


def assessed(book: Book, review: Review, round_: Round, panel: Panel, **sample: Any) -> Assessed:
    """The whole review of a panel: forecasts, checks of the form, quotas, prices, located fields, explanations. ``sample``: as ``Assessor`` takes it."""
    known, tables = explanations(panel.ids), given.quotas(book, Period("year", round_.year).last_day)
    rebase(panel, known)

    def others(made: list[Found]) -> list[Found]:
        more = [*edits.of_form(panel, round_, made), *edits.quotas(book, panel, tables, round_.year), *edits.local_prices(panel, review, made)]
        locating.place(book, round_, panel, [*made, *more])
        return more

    return Assessor(panel, review, reading.weights(book, review, round_.year), lambda made: lower(made, known, round_.year), others=others, **sample).run()


def new_run(person: User, book: Book, review: Review, round_: Round, office: Office, state: str, line: dict[str, Any], screening: Screening | None = None) -> ReviewRun:
    """A run without its findings, inside the action that goes on to write them."""
    return ReviewRun.objects.create(
        round=round_, screening=screening, office=office, review=f"{review.code}@{review.edition}", rulebook=book.hash, state=state, by=person, at=timezone.now(),
        parameters={"line": str(review.line), "show": str(review.show), **{f"forecast.{k}": str(v) for k, v in review.forecast.items()},
                    **{f"errors.{k}": str(v) for k, v in review.errors.items()}}, line=line, seconds=0.0)


def severities(rows: Iterable[ReviewFinding]) -> dict[str, int]:
    """How many findings of each severity."""
    found = Counter(r.severity for r in rows)
    return {s: found[s] for s in ("must", "explain", "note")}


def explanations(institutions: Iterable[int]) -> list[Explained]:
    """The explanations in force of these institutions, by the row they have in the panel."""
    at = {int(k): n for n, k in enumerate(institutions)}
    return [Explained(e.pk, at[e.institution_id], tuple(e.items), e.direction, e.low, e.high, e.since, e.until, e.shift, e.ratio)
            for e in Explanation.objects.filter(revoked_at=None).order_by("pk") if e.institution_id in at]


def line_of(found: Assessed) -> dict[str, Any]:
    """The stopping line for storing: after how many findings, and what each total may be off by then."""
    return {"count": found.line.count, "reached": found.line.reached, "share": found.line.share, "fewer": float(f"{found.line.fewer:.8g}"),
            "steps": [round(s, 5) for s in found.line.steps],
            "left": [{"cell": c, "area": a, "left": round(float(v), 5), "total": round(float(t), 3)}
                     for (c, a), v, t in zip(found.places, found.line.left, found.totals, strict=True)]}


def _number(value: float) -> float | None:
    return float(f"{value:.8g}") if math.isfinite(value) else None


def row_of(run: ReviewRun, speaker: Speaker, f: Found, panel: Panel, refs: dict[tuple[int, str], tuple[int, int]], rank: int) -> ReviewFinding | None:
    """A finding as a row, in words; None where the review has no rule of its kind."""
    year, said = panel.years[-1], speaker.say(f)
    if said is None:
        return None
    institution = int(panel.ids[f.row])
    period = f"{year}-{f.months[0]:02}" if len(f.months) == 1 else str(year)
    ret = refs.get((institution, period), (None, 0))[0]
    return ReviewFinding(
        run=run, rank=rank, institution_id=institution, area=panel.areas[f.row], type=panel.types[f.row], ret_id=ret, period=period, months=list(f.months),
        rule=said.rule.id, kind=f.kind, layer=said.rule.layer, severity=said.rule.severity.value, items=[i for i in (f.item, f.other if f.kind in ("swapped", "exchanged", "cost-in") else "") if i],
        found=_number(f.found), expected=_number(f.expected), low=_number(f.low), high=_number(f.high),
        suggested=[[f"{year}-{m:02}" if m else str(year), item, plain(v)] for m, item, v in f.suggested],
        located=[[p, item, plain(v)] for p, item, v in f.located], suspicion=round(f.suspicion, 6), tce=round(f.tce, 4), share=round(f.share, 8), score=round(f.score, 8), says=said.says.as_json(),
        why=said.why.as_json(), do=said.do.as_json(), explanation_id=f.explanation or None)


def plain(value: float) -> str:
    """A suggested value as text: at most four places, as amounts are kept."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return text or "0"


def explain(person: User, institution: Institution, *, items: Sequence[str], direction: str, low: float, high: float, since: dt.date, until: dt.date | None,
            reason: str, shift: bool = False, ratio: float = 1.0) -> Explanation:
    """Accept an explanation. It lowers the suspicion of later findings of its kind and is shown beside them.

    low, high: found ÷ expected that it covers. Raises ``Refused`` for what covers nothing, never ends, or gives no reason.
    """
    standing = standing_of(institution, max(since, timezone.localdate()))
    require(person, "review", standing.office.path if standing else "?", institution.key)
    if not items:
        raise refuse("explain.items", T("没有写是哪些指标", "no item is named"), do=T("至少选一项", "name at least one"))
    if direction not in ("up", "down", "either") or not 0 <= low <= high:
        raise refuse("explain.size", T("方向或幅度不对：{d}，{a} 至 {b}", "direction or size is wrong: {d}, {a} to {b}", d=direction, a=low, b=high),
                     expected=T("增、减或增减；0 ≤ 下限 ≤ 上限", "up, down or either; 0 ≤ low ≤ high"))
    if not reason.strip():
        raise refuse("explain.reason", T("没有写原因", "no reason is given"), do=T("写明原因和依据", "say why, and on what evidence"))
    if not shift and until is None:
        raise refuse("explain.until", T("没有写到什么时候为止", "it does not say until when"), expected=T("截止日，或注明是长期变化", "a last day, or a lasting change"))
    if until is not None and until < since:
        raise refuse("explain.dates", T("截止日早于起始日", "it ends before it begins"))
    if shift and not ratio > 0:
        raise refuse("explain.ratio", T("长期变化要写新旧水平之比", "a lasting change needs the ratio of new to old level"))
    with action():
        made = Explanation.objects.create(institution=institution, items=list(items), direction=direction, low=low, high=high, since=since, until=until,
                                          shift=shift, ratio=ratio, reason=reason.strip(), by=person, at=timezone.now())
        record(person, "review.explain", "explanation", made.pk, line=standing.office.path if standing else "", data={
            "institution": institution.pk, "items": list(items), "direction": direction, "since": since.isoformat(),
            "until": until.isoformat() if until else "", "shift": shift, "reason": made.reason, "content": made.fingerprint()})
    return made


def explain_finding(person: User, finding: ReviewFinding, *, reason: str, until: dt.date | None = None, shift: bool = False) -> Explanation:
    """Accept what was found as right (核实无误): the explanation covers findings of the same item and direction, up to a fifth beyond this one."""
    ratio = (finding.found or 0.0) / finding.expected if finding.expected else 0.0
    year = finding.run.round.year
    since = Period.parse(finding.period).first_day
    return explain(person, finding.institution, items=finding.items[:1], direction="up" if ratio > 1 else "down", low=min(ratio * 0.8, 1.0), high=max(ratio * 1.2, 1.0),
                   since=since, until=until if until or shift else dt.date(year, 12, 31), reason=reason, shift=shift, ratio=ratio if shift else 1.0)


def revoke(person: User, explanation: Explanation, reason: str) -> None:
    """Take an explanation back; it stays on record. Raises ``Refused`` for one that is revoked already or without a reason."""
    standing = standing_of(explanation.institution, timezone.localdate())
    line = standing.office.path if standing else "?"
    require(person, "review", line, explanation.institution.key)
    if not reason.strip():
        raise refuse("explain.reason", T("没有写原因", "no reason is given"), do=T("写明为什么撤销", "say why it is revoked"))
    with action():
        done = Explanation.objects.filter(pk=explanation.pk, revoked_at=None).update(revoked_by=person, revoked_at=timezone.now(), revoked_reason=reason.strip())
        if done != 1:
            raise refuse("explain.revoked", T("这条说明已经撤销", "this explanation is revoked already"))
        record(person, "review.revoke", "explanation", explanation.pk, line=line, data={
            "institution": explanation.institution_id, "items": explanation.items, "reason": reason.strip()})


__all__ = ["assessed", "explain", "explain_finding", "explanations", "line_of", "new_run", "plain", "revoke", "row_of", "run_review", "severities"]
