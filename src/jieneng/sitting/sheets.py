"""What leaves as workbooks: the queue with its decisions, the questions of a sitting, the sample, questions of integrity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone

from jieneng.core.problem import Severity
from jieneng.core.words import T, language
from jieneng.people.queries import area_offices
from jieneng.records.workbook import Column, list_workbook
from jieneng.review.models import ReviewFinding

from .models import ADVICE, VERDICTS, Question, Sample, SampleUnit, Sitting
from .queries import Entry, Queue


def pick(text: Mapping[str, str]) -> str:
    """A stored text in the language in force."""
    return text.get(language()) or text.get("zh") or ""


def _suggested(finding: ReviewFinding) -> str | Decimal:
    """The suggested value: a number where it is one value of the finding's own period, else each with its period."""
    if len(finding.suggested) == 1 and finding.suggested[0][0] == finding.period:
        return Decimal(finding.suggested[0][2])
    return "；".join(f"{p} {v}" for p, _, v in finding.suggested[:12])


def _round(value: float, places: int) -> Decimal:
    return Decimal(str(round(value, places)))


def queue_workbook(q: Queue, rows: Sequence[tuple[Entry, ReviewFinding]], filters: str, lang: str) -> bytes:
    """The queue as it is shown: what was found, what was decided, by whom and when."""
    areas = {o.area: o.name for o in area_offices()}
    columns = [Column(T("序号", "rank"), 6), Column(T("县区", "area"), 9), Column(T("主管部门", "department"), 16), Column(T("单位", "institution"), 26), Column(T("统计期", "period"), 9),
               Column(T("规则", "rule"), 8), Column(T("程度", "severity"), 8), Column(T("疑点", "found"), 46), Column(T("依据", "why"), 46), Column(T("怎么办", "what to do"), 34), Column(T("建议值", "suggested"), 22),
               Column(T("影响（tce）", "at stake (tce)"), 10, "#,##0.0"), Column(T("占本地同类", "share of its cell"), 10, "0.0%"), Column(T("办理", "decision"), 12), Column(T("理由", "reason"), 30),
               Column(T("办理人", "by"), 9), Column(T("时间", "at"), 15), Column(T("确认人", "confirmed by"), 14)]
    data = []
    for e, f in rows:
        s, d = q.names.get(e.institution), q.decided.get(e.mark)
        data.append([q.number(e), areas.get(e.area, e.area), s.department if s else "", s.name if s else "", f.period, e.rule, str(Severity(e.severity).label), pick(f.says), pick(f.why), pick(f.do),
                     _suggested(f), _round(e.tce, 2), _round(e.share, 4), str(VERDICTS[d.verdict]) if d else "", d.reason if d else "", d.by.shown if d else "",
                     timezone.localtime(d.at).strftime("%Y-%m-%d %H:%M") if d else "", d.word if d else ""])
    notes = [str(q.line_words()), str(T("筛选：{f}", "filter: {f}", f=filters)) if filters else str(T("全部", "all"))]
    return list_workbook(T("{y} 年会审疑点与办理", "Review of {y}: findings and decisions", y=q.run.round.year), columns, data, notes)


def questions_workbook(sitting: Sitting, rows: Sequence[tuple[Question, str, Any]]) -> bytes:
    """The questions of a sitting with opinions and decisions: the result of the sitting."""
    areas = {o.area: o.name for o in area_offices()}
    columns = [Column(T("题号", "no."), 6), Column(T("组", "group"), 6), Column(T("被审县区", "area"), 10), Column(T("单位", "institution"), 26), Column(T("统计期", "period"), 9), Column(T("疑点", "found"), 46),
               Column(T("建议值", "suggested"), 20), Column(T("影响（tce）", "at stake (tce)"), 10, "#,##0.0"), Column(T("组的意见", "opinion"), 40), Column(T("组的建议", "advice"), 12),
               Column(T("会审结论", "decision"), 12),
               Column(T("理由", "reason"), 30), Column(T("办理人", "by"), 9)]
    data = []
    for question, name, d in rows:
        f = question.finding
        data.append([question.number, question.group.number if question.group else None, areas.get(f.area, f.area), name, f.period, pick(f.says), _suggested(f), _round(f.tce, 2), question.opinion,
                     str(ADVICE[question.advice]) if question.advice else "", str(VERDICTS[d.verdict]) if d else str(T("还没议", "waiting")), d.reason if d else "", d.by.shown if d else ""])
    return list_workbook(T("{y} 年会审会问题与意见", "Sitting {y}: questions and opinions", y=sitting.round.year), columns, data,
                         [f"{sitting.day.isoformat()} {sitting.place}"])


def sample_workbook(sample: Sample, rows: Sequence[tuple[SampleUnit, str]]) -> bytes:
    """The units drawn, with empty columns to fill in on site, and what was found."""
    words = {"agrees": str(T("一致", "agrees")), "differs": str(T("不一致", "differs"))}
    columns = [Column(T("序号", "no."), 6), Column(T("层", "stratum"), 12), Column(T("单位", "institution"), 30), Column(T("统计期", "period"), 9), Column(T("指标", "item"), 16), Column(T("填报数", "reported"), 14),
               Column(T("现场表读数", "meter reading"), 14), Column(T("结果", "result"), 10), Column(T("核查日期", "day"), 12), Column(T("说明", "note"), 30), Column(T("核查人", "by"), 12)]
    data = [[u.number, _stratum(u.stratum), name, u.period, u.item, Decimal(u.reported) if u.reported else None, Decimal(u.reading) if u.reading else None, words.get(u.result, ""),
             u.checked_on, u.note, u.by.shown if u.by else ""]
            for u, name in rows]
    notes = [str(T("种子 {s}，每层不少于 {p}%，三年内不重复，{d} 抽取", "seed {s}, at least {p}% of each stratum, none repeated within three years, drawn {d}", s=sample.seed, p=sample.percent,
                   d=timezone.localtime(sample.at).strftime("%Y-%m-%d")))]
    return list_workbook(T("{y} 年抽查名单", "Sample for checks {y}", y=sample.year), columns, data, notes)


def _stratum(code: str) -> str:
    return next((o.name for o in area_offices() if o.area == code), code)
