"""What may be read of reviews, always from a scope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet

from jieneng.core.period import Period
from jieneng.core.problem import Severity
from jieneng.core.words import T, language
from jieneng.people.scope import Scope
from jieneng.records.workbook import Column, list_workbook
from jieneng.registry.queries import standings, within
from jieneng.returns.models import Revision, Round

from .models import Explanation, ReviewFinding, ReviewRun


def latest(round_: Round, scope: Scope) -> ReviewRun | None:
    """The newest review of a round whose office the scope covers, or lies under."""
    return nearest(ReviewRun.objects.filter(round=round_, screening=None).select_related("office", "round"), scope)


def nearest(runs: Iterable[ReviewRun], scope: Scope) -> ReviewRun | None:
    """Of runs, the newest first: the first whose office is the scope's own or stands above it, else the first of an office within it. What a
    county ran for itself does not hide the city's."""
    within = None
    for run in runs:
        if any(line.startswith(run.office.path) for line in scope.lines):
            return run
        if within is None and scope.covers_line(run.office.path):
            within = run
    return within


def stale(run: ReviewRun) -> int:
    """How many returns of the round have changed since the review."""
    return Revision.objects.filter(ret__round=run.round, at__gt=run.at, number=F("ret__revision")).count()


def findings_in(run: ReviewRun, scope: Scope) -> QuerySet[ReviewFinding]:
    """The findings of a run inside a scope (by the line that counts for the year reviewed), by rank."""
    return run.findings.filter(institution__in=within(scope, Period("year", run.round.year))).select_related("institution", "explanation")


def explanations_in(scope: Scope) -> QuerySet[Explanation]:
    """All explanations of who is inside a scope today, newest first, revoked ones too."""
    return Explanation.objects.filter(institution__in=within(scope)).select_related("institution", "by")


def names(run: ReviewRun, rows: Iterable[ReviewFinding]) -> dict[int, str]:
    """Institution → its name at the end of the year reviewed."""
    wanted = {r.institution_id for r in rows}
    found = standings(Period("year", run.round.year).last_day).filter(institution__in=wanted)
    return dict(found.values_list("institution_id", "name"))


COLUMNS = (Column(T("序号", "rank"), 6), Column(T("单位", "institution"), 28), Column(T("统计期", "period"), 10), Column(T("规则", "rule"), 7), Column(T("程度", "severity"), 9),
           Column(T("疑点", "what was found"), 60), Column(T("依据", "why"), 50), Column(T("怎么办", "what to do"), 44), Column(T("建议值", "suggested"), 22),
           Column(T("影响（吨标准煤）", "at stake (tce)"), 14, "#,##0.0"), Column(T("占本地同类合计", "share of its cell"), 14, "0.0%"), Column(T("已登记的说明", "explanation on record"), 30))


def as_workbook(run: ReviewRun, rows: Iterable[ReviewFinding]) -> bytes:
    """The findings as a list workbook, in the order in which to look at them."""
    rows = list(rows)
    name = names(run, rows)

    def pick(text: Mapping[str, str]) -> str:
        return text.get(language()) or text.get("zh") or ""

    def cells(r: ReviewFinding) -> list[Any]:
        suggested = "；".join(f"{p} {v}" for p, _, v in r.suggested[:12])
        return [r.rank, name.get(r.institution_id, r.institution.key), r.period, r.rule, str(Severity(r.severity).label), pick(r.says), pick(r.why), pick(r.do), suggested,
                Decimal(str(round(r.tce, 2))), Decimal(str(round(r.share, 4))), r.explanation.reason if r.explanation else ""]

    return list_workbook(T("{y} 年会审疑点（按影响排序）", "Findings of the review of {y}, by what they may move", y=run.round.year), COLUMNS,
                         [cells(r) for r in rows], [str(line_words(run))])


def line_words(run: ReviewRun) -> T:
    """The stopping line in words; a review of candidates alone has none."""
    if run.screening_id is not None:
        return T("只审初筛前 {n} 个候选的单位", "only the institutions of the first {n} candidates of the first screening", n=run.counts.get("candidates", 0))
    share, count = f"{run.line.get('share', 0):.1%}", run.line.get("count", 0)
    if run.line.get("reached") and not run.line.get("history", True):
        return T("核完前 {n} 条，余下的估计不超过任一县区合计的 {s}；但没有往年数据，只能和同类单位比，这个估计不可靠，请多看一些",
                 "after the first {n} findings, what is left is estimated to move no area's total by more than {s}; without earlier years that is not to be relied on: look at more",
                 n=count, s=share)
    if run.line.get("reached"):
        return T("核完前 {n} 条，余下的合计影响不超过任一县区合计的 {s}，可不逐项核实", "after the first {n} findings, what is left moves no area's total by more than {s} and need not be looked at one by one",
                 n=count, s=share)
    worst = max(run.line.get("left") or [{"left": 0.0}], key=lambda p: p["left"])
    return T("全部 {n} 条核完，仍不能保证每个县区合计的偏差都在 {s} 以内（最大 {w}）", "even after all {n} findings some area's total may be off by more than {s} (at most {w})",
             n=count, s=share, w=f"{worst['left']:.1%}")
