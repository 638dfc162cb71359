"""Tellers of the review, sittings, samples, the two-sided table and its lists."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from jieneng.core.words import T
from jieneng.exchange.models import HOLDERS, STATES
from jieneng.people.models import Office
from jieneng.registry.models import Standing
from jieneng.returns.queries import book
from jieneng.review.models import ReviewFinding

from .told import FEW, Told, counts, file_of, joined, month_of, office_by_area


def review(told: Told, data: dict[str, Any]) -> None:
    told.object = str(T("{y} 年", "{y}", y=data.get("year", "")))
    told.says = str(T("疑点 {n} 条（错误 {a}、需核实 {b}、提示 {c}）", "{n} findings ({a} errors, {b} to verify, {c} notes)", n=data.get("findings", 0), a=data.get("must", 0),
                      b=data.get("explain", 0), c=data.get("note", 0)))


def screen(told: Told, data: dict[str, Any]) -> None:
    told.object = str(T("{y} 年", "{y}", y=data.get("year", "")))
    told.says = str(T("快照 {s}：{n} 家，候选 {c} 个，看完前 {k} 个可停", "snapshot {s}: {n} institutions, {c} candidates, one may stop after {k}", s=data.get("snapshot", ""),
                      n=f"{data.get('institutions', 0):,}", c=f"{data.get('candidates', 0):,}", k=f"{data.get('line', 0):,}"))
    told.url, told.right = f"{reverse('screening')}?screening={told.event.object_id}", "review"


def explanation(told: Told, data: dict[str, Any]) -> None:
    standing = Standing.objects.filter(institution=data.get("institution")).order_by("-since").first()
    items = book().items
    told.object = standing.name if standing else str(data.get("institution", ""))
    told.says = joined(["、".join(str(items[i].label) if i in items else str(i) for i in data.get("items", [])), str(data.get("reason", "")),
                         str(T("到 {d} 为止", "until {d}", d=data["until"])) if data.get("until") else ""])


def decision(told: Told, data: dict[str, Any]) -> None:
    explanation(told, {k: v for k, v in data.items() if k != "until"})
    values = "，".join(f"{p} {v}" for p, _, v in (data.get("values") or [])[:FEW])
    told.says = joined([str(data.get("period", "")), told.says, str(T("建议值或确认值：{v}", "values: {v}", v=values)) if values else "",
                         str(T("确认人 {w}，{d}", "confirmed by {w}, {d}", w=data["word"], d=data.get("confirmed_on", ""))) if data.get("word") else ""])
    finding = ReviewFinding.objects.filter(pk=data.get("finding") or 0).select_related("run").first()
    if finding is not None:
        told.url = f"{reverse('review', args=[finding.run.round_id])}?f={finding.pk}"


def sitting(told: Told, data: dict[str, Any]) -> None:
    told.object = str(T("{y} 年", "{y}", y=data.get("year", "")))
    unit = Standing.objects.filter(institution=data.get("institution")).order_by("-since").first() if data.get("institution") else None
    if told.event.object_type == "sitting":
        told.url, told.right = reverse("sitting", args=[told.event.object_id]), "review"
    verb = told.event.verb
    number = str(T("{n} 个问题", "{n} questions", n=data.get("number", 0))) if verb in ("sitting.questions", "sitting.sign") else ""
    question = str(T("第 {n} 题", "question {n}", n=data["number"])) if verb == "sitting.opinion" else ""
    told.says = joined([question, unit.name if unit else "", office_by_area(data.get("area", "")), str(data.get("name", "")), str(data.get("place", "")), str(data.get("day", "")),
                         str(data.get("signed_by", "")), str(data.get("opinion", "")), number])


def sample(told: Told, data: dict[str, Any]) -> None:
    told.object = str(T("{y} 年", "{y}", y=data.get("year", "")))
    told.url, told.right = reverse("sample", args=[told.event.object_id]), "review"
    if told.event.verb == "sample.draw":
        told.says = str(T("{n} 家抽 {k} 家，种子 {s}", "{k} of {n}, seed {s}", n=data.get("size", 0), k=data.get("number", 0), s=data.get("seed", "")))
        return
    explanation(told, {**data, "until": ""})
    words = {"agrees": T("一致", "agrees"), "differs": T("不一致", "differs")}
    told.says = joined([str(data.get("period", "")), told.says, str(T("填报 {a}，表读数 {b}", "reported {a}, by the meter {b}", a=data.get("reported") or "—", b=data.get("reading", ""))),
                         str(words.get(data.get("result", ""), "")), str(data.get("note", ""))])


def cell_of(told: Told, institution: Any, period: str, item: str) -> None:
    """A unit, an item and a period as the object, leading to the unit."""
    last = Standing.objects.filter(institution_id=institution).order_by("-since").first()
    known = book().items.get(item)
    told.object = " ".join((last.name if last else str(institution), str(known.label) if known else item, month_of(period) if period else ""))
    told.url = reverse("institution", args=[int(institution)]) if last else ""


def correction(told: Told, data: dict[str, Any]) -> None:
    cell_of(told, data.get("institution"), str(data.get("period", "")), str(data.get("item", "")))
    moved = f"{data['old'] if data.get('old') is not None else '—'}→{data.get('new')}" if "new" in data else ""
    side = str(T("在平台改", "on the platform") if data.get("side") == "platform" else T("本库改", "ours")) if data.get("side") else ""
    told.says = joined([side, moved, str(T("理由：{r}", "reason: {r}", r=data["reason"])) if data.get("reason") else "", data.get("word") or "", *_lines_gone(data)])


def _lines_gone(data: dict[str, Any]) -> list[str]:
    """The lines of the list of corrections that were replaced, and those that stand on the unit's word and were left: the first few by what they asked."""
    said = []
    for key, words in (("replaced", T("替代了原来的 {n} 条：{l}", "in place of {n} lines: {l}")), ("kept", T("单位已确认的 {n} 条不动：{l}", "left {n} lines on the unit's word: {l}"))):
        lines = data.get(key) or []
        few = [f"{c.get('old') or '—'}→{c['new'] if c.get('new') is not None else T('请核实', 'to be checked')}（{c.get('word') or '—'}{' ' if c.get('confirmed_on') else ''}{c.get('confirmed_on', '')}）"
               for c in lines[:FEW]]
        said += [str(words(n=len(lines), l="、".join(few) + ("…" if len(lines) > FEW else "")))] if lines else []
    return said


def correction_list(told: Told, data: dict[str, Any]) -> None:
    office = Office.objects.filter(code=data.get("office", "")).first()
    told.object = office.name if office else str(data.get("office", ""))
    told.says = str(T("{y} 年第 {n} 次，{k} 项", "{y}, list {n}: {k} lines", y=data.get("year", ""), n=data.get("number", ""), k=len(data.get("lines", []))))
    told.url = reverse("correction-list", args=[int(told.event.object_id)]) if told.event.object_id.isdigit() else ""


def platform_import(told: Told, data: dict[str, Any]) -> None:
    file_of(told, told.event.object_id)
    ticked = data.get("ticked") or {}
    told.says = joined([counts(data, T("份", "returns")), str(T("更正清单核对：{s}", "corrections: {s}", s="、".join(f"{STATES.get(k, k)} {n}" for k, n in ticked.items()))) if ticked else ""])
    told.facts.append((T("谁的数", "whose"), str(HOLDERS.get(str(data.get("holder", "")), ""))))


def explained(told: Told, data: dict[str, Any]) -> None:
    cells = data.get("cells") or [[c["institution"], c["period"], c["item"]] for c in data.get("kept") or []]
    if len(cells) == 1:
        cell_of(told, cells[0][0], str(cells[0][1]), str(cells[0][2]))
    else:
        told.object = str(T("{n} 项", "{n} values", n=len(cells)))
    told.says = joined([str(T("理由：{r}", "reason: {r}", r=data["reason"])) if data.get("reason") else "", *_lines_gone(data)])


def layout(told: Told, data: dict[str, Any]) -> None:
    told.object = f"“{told.event.object_id}”"
    told.right = "import"
    if told.event.verb == "layout.save":
        told.says = str(T("第 {n} 版", "version {n}", n=data.get("number", "")))
        told.url = reverse("layout", args=[told.event.object_id])
    elif told.event.verb == "export.template":
        told.says = str(T("{f}，{p}，{u} 家 {c} 格", "{f}, {p}: {u} units, {c} cells", f=data.get("name", ""), p=data.get("period", ""), u=data.get("units", ""), c=data.get("cells", "")))
    else:
        told.says = str(T("{p}，{u} 家 {r} 行", "{p}: {u} units, {r} rows", p=data.get("period", ""), u=data.get("units", ""), r=data.get("rows", "")))
