"""Tellers of rounds, returns, filling in and the chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from jieneng.core.words import T
from jieneng.filling.signing import PARTS
from jieneng.registry.models import Institution, Standing
from jieneng.returns import moves
from jieneng.returns.models import Signoff, Submission
from jieneng.returns.queries import book
from jieneng.returns.ranges import unpacked

from .told import (
    FEW,
    Told,
    counts,
    file_of,
    joined,
    month_of,
    names_of,
    office_name,
    unit_name,
    units_of,
    whole_of,
    year_of,
)


def returns_import(told: Told, data: dict[str, Any]) -> None:
    file_of(told, told.event.object_id)
    told.says = joined([counts(data, T("份", "returns")), str(T("读入即市级已审", "accepted as soon as read")) if data.get("accepted") else ""])
    told.returns = sorted(unpacked(data.get("returns", "")))


def _parts_said(found: Mapping[str, int]) -> list[str]:
    """What became of machine rooms and heating sources with a filing."""
    words = {"opened": T("新增机房、热源 {n} 处", "machine rooms and heating sources added: {n}", n=found.get("opened", 0)),
             "closed": T("不再有的机房、热源 {n} 处", "machine rooms and heating sources no longer there: {n}", n=found.get("closed", 0)),
             "renamed": T("改名的机房、热源 {n} 处", "machine rooms and heating sources renamed: {n}", n=found.get("renamed", 0))}
    return [str(w) for k, w in words.items() if found.get(k)]


def returns(told: Told, data: dict[str, Any]) -> None:
    told.returns = sorted(unpacked(data.get("returns", "")))
    first = names_of(told.returns[:FEW])
    units = [f"{name} {month_of(ret.period)}" for ret, name in first]
    if len(told.returns) == 1 and first:
        told.object, told.url = units[0], reverse("return", args=[first[0][0].pk])
    else:
        told.object = str(T("{n} 份报表（{few}{more}）", "{n} returns ({few}{more})", n=f"{len(told.returns):,}", few="、".join(units),
                            more="…" if len(told.returns) > len(units) else ""))
    said = []
    if data.get("reason"):
        said.append(str(data["reason"]) if told.event.verb == "returns.send_back" else str(T("原因：{r}", "reason: {r}", r=data["reason"])))
    if kept := len(unpacked(data.get("kept", ""))):
        said.append(str(T("经确认保留“错误” {n} 份", "errors kept after confirmation in {n}", n=kept)))
    said += _parts_said({k: len(keys) for k, keys in (data.get("parts") or {}).items()})
    told.says = joined(said)
    was = {s: len(unpacked(ids)) for s, ids in (data.get("from") or {}).items()}
    told.facts.append((T("原来的状态", "states before"), "、".join(f"{moves.STATES.get(s, s)} {n:,}" for s, n in was.items())))


def workbook(told: Told, data: dict[str, Any]) -> None:
    found = Institution.objects.filter(key=data.get("institution", "")).first()
    last = found.standings.order_by("-since").first() if found else None
    told.object = f"“{data.get('name', '')}”"
    told.says = joined([f"{last.name if last else data.get('institution', '')} {data.get('year', '')}",
                         str(T("改了 {n} 格", "{n} fields changed", n=whole_of(data, "changed"))),
                         str(T("{n} 处要看", "{n} to look at", n=whole_of(data, "problems"))) if whole_of(data, "problems") else ""])


def round_open(told: Told, data: dict[str, Any]) -> None:
    form = book().forms.get(str(data.get("form", "")))
    told.object = str(T("{y} 年{f}", "{f} of {y}", y=data.get("year", ""), f=str(form.title) if form else str(data.get("form", ""))))
    told.says = str(T("应报 {n} 份", "{n} returns expected", n=f"{whole_of(data, 'returns'):,}"))
    told.url = reverse("rounds")


def sign_off(told: Told, data: dict[str, Any]) -> None:
    found = Signoff.objects.select_related("office", "round").filter(pk=told.event.object_id).first() if told.event.object_id.isdigit() else None
    told.object = str(T("{o} {y} 年度总量", "the totals of {o} for {y}", o=found.office.name, y=found.round.year)) if found else str(data.get("round", ""))
    told.says = str(T("依据快照 {s}", "by snapshot {s}", s=data.get("snapshot", "")))
    told.url = reverse("figures") + f"?snapshot={data.get('snapshot', '')}"


def freeze(told: Told, data: dict[str, Any]) -> None:
    counts = data.get("counts") or {}
    told.object = str(T("{y} 年度", "{y}", y=data.get("year", "")))
    lines, held = data.get("left_out") or [], unpacked(data.get("kept", ""))
    out = sum(whole_of(x, "returns") for x in lines)
    counts_by: dict[str, int] = {}
    for x in lines:
        counts_by[x["state"]] = counts_by.get(x["state"], 0) + whole_of(x, "returns")
    by_state = str(T("（{s}）", " ({s})", s="、".join(f"{moves.STATES.get(s, s)} {n:,}" for s, n in counts_by.items())))
    told.says = joined([str(T("报表 {r} 份、台账 {l} 条、单位 {b} 家", "{r} returns, {l} ledger lines, {b} institutions", r=f"{whole_of(counts, 'returns'):,}",
                               l=f"{whole_of(counts, 'ledgers'):,}", b=f"{whole_of(counts, 'bodies'):,}")),
                         str(T("没有审核通过、没有封进去的 {n} 份", "{n} not accepted and left out", n=f"{out:,}")) + by_state if out else "",
                         str(T("经确认保留“错误”的 {n} 份", "{n} with errors kept after confirmation", n=len(held))) if held else ""])
    told.url = reverse("snapshot", args=[told.event.object_id])
    told.facts.append((T("快照", "snapshot"), told.event.object_id))


def submission_paper(told: Told, pk: str) -> None:
    found = Submission.objects.filter(pk=pk).select_related("office", "round").first() if pk.isdigit() else None
    if found is not None:
        told.object = str(T("{o} {y} 年合计", "the totals of {o} for {y}", o=found.office.name, y=found.round.year))
        told.url = reverse("round-totals", args=[found.round_id, found.office_id])


def plan(told: Told, data: dict[str, Any]) -> None:
    told.object, told.url = year_of(data), reverse("round-plan", args=[int(told.event.object_id)]) if told.event.object_id.isdigit() else ""
    if told.event.verb == "round.office":
        told.object = f"{office_name(data.get('office'))}（{year_of(data)}）"
        labels = {"mode": T("方式", "mode"), "deadline": T("截止", "due")}
        before, after = data.get("before") or {}, data.get("after") or {}
        told.changes = [{"label": str(labels[k]), "old": before.get(k) or "—", "new": after.get(k) or str(T("沿用上级", "as above"))} for k in labels if before.get(k, "") != after.get(k, "")]
        told.says = joined(f"{c['label']} {c['old']}→{c['new']}" for c in told.changes)
    elif told.event.verb == "round.step":
        name = data.get("step") or {}
        told.says = str(T(name.get("zh") or "—", name.get("en") or "—")) + (str(T("（删去）", " (removed)")) if data.get("removed") else f" {data.get('since')} – {data.get('until')}")
    elif told.event.verb == "round.signatures":
        told.says = str(T("填表人、统计负责人、单位负责人依次签名", "in turn: filled in by, head of statistics, head of the unit") if data.get("signatures") else T("不要求签名", "not required"))
    elif told.event.verb == "round.strict":
        told.says = str(T("县区都报送合计后才能审定", "signed only after every area handed up") if data.get("strict") else T("不要求逐级报送", "not required"))
    elif told.event.verb == "round.show":
        words = {"city": T("市报送版", "city version"), "province": T("省审定版", "province version"), "nation": T("国家核定版", "national version")}
        told.says = str(words.get(str(data.get("version")), T("最新的快照", "the newest snapshot")))


def extend(told: Told, data: dict[str, Any]) -> None:
    last = Standing.objects.filter(institution_id=data.get("institution")).order_by("-since").first()
    told.object, told.url = last.name if last else "", reverse("institution", args=[data["institution"]]) if last else ""
    until = str(T("延到 {d}", "until {d}", d=data["until"])) if data.get("until") else str(T("取消延期", "taken back"))
    told.says = joined([until, str(T("原因：{r}", "reason: {r}", r=data.get("reason", "")))])


def submission(told: Told, data: dict[str, Any]) -> None:
    found = Submission.objects.filter(pk=told.event.object_id).select_related("office").first() if told.event.object_id.isdigit() else None
    told.object = str(T("{o} {y} 年（第 {n} 次）", "{o} for {y} (no. {n})", o=office_name(data.get("office")), y=data.get("year", ""), n=data.get("number", "")))
    told.url = reverse("round-totals", args=[found.round_id, found.office_id]) if found else ""
    counts = data.get("counts") or {}
    told.says = joined([str(T("{i} 家 {r} 份", "{i} institutions, {r} returns", i=f"{whole_of(counts, 'institutions'):,}", r=f"{whole_of(counts, 'returns'):,}")) if counts else "",
                         data.get("note") or "", str(T("原因：{r}", "reason: {r}", r=data["reason"])) if data.get("reason") else ""])


def remind(told: Told, data: dict[str, Any]) -> None:
    if told.event.verb == "remind.phones":
        told.object, told.says = year_of(data), units_of(data)
        return
    told.object = str(data.get("name") or data.get("target", ""))
    words = {"inside": T("站内消息 {n} 人", "{n} messages"), "mail": T("邮件 {n} 封", "{n} e-mails"), "webhook": T("工作群 {n} 次", "{n} to the webhook")}
    told.says = joined([units_of(data), "、".join(str(words[k](n=v)) for k, v in (data.get("channels") or {}).items() if v and k in words)])


def mailbox(told: Told, data: dict[str, Any]) -> None:
    told.object = office_name(data.get("office"))
    told.says = str(T("已设", "set") if data.get("set") else T("已去掉", "taken away"))


def signed(told: Told, data: dict[str, Any]) -> None:
    """Which parts of a unit signed: never the names, which stay under the return."""
    if told.event.verb == "filling.control":
        told.object = f"{office_name(data.get('office'))} {data.get('period', '')}"
        told.says = str(T("{n} 个合计", "{n} totals", n=len(data["changes"]))) if data.get("changes") else ""
        return
    told.object = f"{unit_name(str(data.get('institution', '')))} {year_of(data)}"
    told.says = joined(["、".join(str(PARTS.get(p, p)) for p in data.get("parts", [])), str(data.get("reason", ""))])


def waiver(told: Told, data: dict[str, Any]) -> None:
    pk = told.event.object_id
    last = Standing.objects.filter(institution_id=pk).order_by("-since").first() if pk.isdigit() else None
    told.object, told.url = last.name if last else pk, reverse("institution", args=[int(pk)]) if last else ""
    told.says = joined([str(data.get("rule", "")), str(T("至 {d}", "until {d}", d=data["until"])) if data.get("until") else "", str(T("原因：{r}", "reason: {r}", r=data.get("reason", "")))])


def behalf(told: Told, data: dict[str, Any]) -> None:
    told.returns = sorted(unpacked(data.get("returns", "")))
    first = names_of(told.returns[:FEW])
    told.object = "、".join(f"{name} {month_of(ret.period)}" for ret, name in first) + ("…" if len(told.returns) > len(first) else "")
    if len(told.returns) == 1 and first:
        told.url = reverse("return", args=[first[0][0].pk])
    told.says = joined([str(T("{w} 于 {d} 确认", "confirmed by {w} on {d}", w=data.get("word", ""), d=data.get("confirmed_on", ""))), str(data.get("reason", ""))])
