"""What leaves as workbooks: the queue with its decisions, the questions of a sitting, the sample, questions of integrity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone

from jieneng.core.problem import Severity
from jieneng.core.words import T, language
from jieneng.people.queries import area_offices
from jieneng.records.workbook import Column, Listed, list_workbook
from jieneng.registry.contacts import ROLES
from jieneng.registry.models import Contact, Standing
from jieneng.returns.queries import book
from jieneng.review.models import ReviewFinding
from jieneng.rulebook import unit_words

from .models import ADVICE, VERDICTS, Question, Sample, SampleUnit, Sitting
from .queries import Entry, Queue
from .rooms import totals_before_after
from .sampling import apart


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


def _totals(sitting: Sitting) -> list[Listed]:
    """A sheet with what each area's totals were before and after, by the two snapshots; none where there are not two yet."""
    found = totals_before_after(sitting)
    if found is None:
        return []
    (before, after), lines = found

    def change(old: Any, new: Any) -> Any:
        return None if old is None or new is None else new - old

    columns = [Column(T("县区", "area"), 16)]
    for what, number in ((T("能源（tce）", "energy (tce)"), "#,##0.0"), (T("用水（m³）", "water (m³)"), "#,##0")):
        columns += [Column(T("{w} 会审前", "{w} before", w=what), 18, number), Column(T("{w} 会审后", "{w} after", w=what), 18, number), Column(T("{w} 增减", "{w} change", w=what), 16, number)]
    data = [[name or str(T("合计", "total")), e0, e1, change(e0, e1), w0, w1, change(w0, w1)] for name, (e0, w0, e1, w1) in lines]
    said = T("会审前：{a} 封存；会审后：{b} 封存", "before: frozen on {a}; after: frozen on {b}", a=timezone.localdate(before.cutoff).isoformat(), b=timezone.localdate(after.cutoff).isoformat())
    return [Listed(T("会审前后合计", "Totals before and after"), columns, data, [str(said)])]


def questions_workbook(sitting: Sitting, rows: Sequence[tuple[Question, str, Any]], whole: bool) -> bytes:
    """The questions of a sitting with opinions and decisions: the result of the sitting; for who looks over the ``whole`` of it also the totals before and after."""
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
                         [f"{sitting.day.isoformat()} {sitting.place}"], _totals(sitting) if whole else [])


def sample_workbook(sample: Sample, rows: Sequence[tuple[SampleUnit, Standing | None]], people: Mapping[int, Mapping[str, Contact]] | None = None) -> bytes:
    """The units drawn, with empty columns to fill in on site, and what was found. ``people``: whom to call there by role; with them the list holds personal data."""
    words = {"agrees": str(T("一致", "agrees")), "differs": str(T("不一致", "differs"))}
    rules = book()
    labels: dict[str, str] = {**{t.code: str(t.label) for t in rules.types.values()}, **{o.area: o.name for o in area_offices()}}
    columns = [Column(T("序号", "no."), 6), Column(T("层", "stratum"), 12), Column(T("单位", "institution"), 28), Column(T("统一社会信用代码", "credit code"), 21), Column(T("主管部门", "department"), 18)]
    if people is not None:
        columns += [Column(label, 18) for label in ROLES.values()]
    columns += [Column(T("统计期", "period"), 9), Column(T("指标", "item"), 14), Column(T("计量单位", "unit"), 8), Column(T("填报数", "reported"), 12), Column(T("现场表读数", "meter reading"), 12),
                Column(T("相差", "apart"), 8, "+0.0%;-0.0%;0.0%"), Column(T("结果", "result"), 8), Column(T("核查日期", "day"), 11), Column(T("说明", "note"), 24), Column(T("核查人", "by"), 10)]
    data = []
    for u, s in rows:
        line: list[Any] = [u.number, labels.get(u.stratum, u.stratum), s.name if s else u.institution.key, u.institution.key, s.department if s else ""]
        if people is not None:
            line += [" ".join(part for part in (c.name, c.office_name, c.phone) if part) if (c := people.get(u.institution_id, {}).get(role)) else "" for role in ROLES]
        item = rules.items.get(u.item)
        line += [u.period, str(item.label) if item else u.item, unit_words(rules, item.unit, language()) if item else "", Decimal(u.reported) if u.reported else None,
                 Decimal(u.reading) if u.reading else None, apart(u), words.get(u.result, ""), u.checked_on, u.note, u.by.shown if u.by else ""]
        data.append(line)
    notes = [str(T("种子 {s}，每层不少于 {p}%，三年内不重复，{d} 抽取", "seed {s}, at least {p}% of each stratum, none repeated within three years, drawn {d}", s=sample.seed, p=sample.percent,
                   d=timezone.localtime(sample.at).strftime("%Y-%m-%d")))]
    if people is not None:
        notes.append(str(T("含个人信息，只用于工作联系，用后删除", "holds personal data: for work only, delete after use")))
    return list_workbook(T("{y} 年抽查名单", "Sample for checks {y}", y=sample.year), columns, data, notes)
