"""What happened to one return, from the events that list it: sent back, filed, accepted, kept, reopened, with who, when and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jieneng.core.words import T
from jieneng.records.models import Event

from .models import Extension, Import, Return, Waiver
from .moves import VERBS
from .ranges import unpacked

IMPORT, KEPT = T("导入", "imported"), T("经确认保留“错误”，审核通过", "accepted, errors kept after confirmation")

ON_WORD = {"confirmed": T("经填报单位确认后代改", "entered on the unit’s word"), "paper": T("按盖章纸表代录", "keyed in from the signed paper")}
"""Layout of an import → what it was: ``behalf.CONFIRMED``, and the grid's (``filling.grid.PAPER``)."""


def _lines(paths: Iterable[str]) -> set[str]:
    """Every office an event about these lines may be filed under: an event of many returns stands higher up."""
    found = {"", "/"}
    for path in paths:
        parts = path.strip("/").split("/")
        found |= {"/" + "/".join(parts[:n]) + "/" for n in range(1, len(parts) + 1)}
    return found


def history(ret: Return) -> list[dict[str, Any]]:
    """The events of a return, newest first, in words; with what was allowed its unit: a later day to file, a check waived while it was open."""
    told = _of_return(ret)
    last = told[0]["seq"] if told and ret.state == "signed" else None
    told += [x for x in _of_unit(ret) if last is None or x["seq"] < last]
    return sorted(told, key=lambda x: -x["seq"])


def _line(event: Event, verb: str, what: T, reason: str, **more: Any) -> dict[str, Any]:
    return {"at": event.at, "day": event.at[:16].replace("T", " "), "seq": event.seq, "who": event.who, "verb": verb, "what": what, "reason": reason,
            "kept": False, "many": 1, **more}


def _of_return(ret: Return) -> list[dict[str, Any]]:
    paths = ret.institution.standings.values_list("office__path", flat=True)
    rows = Event.objects.filter(verb__startswith="returns.", line__in=_lines(paths), at__gte=ret.round.opened_at.date().isoformat()).select_related("actor").order_by("-seq")
    told = []
    for event in rows.iterator(chunk_size=500):
        returns = unpacked(event.data.get("returns", ""))
        if ret.pk not in returns:
            continue
        verb = event.verb.removeprefix("returns.")
        kept = ret.pk in unpacked(event.data.get("kept", ""))
        what, reason = (_import(event) if verb == "import" else (KEPT if kept else VERBS.get(verb, T("{v}", "{v}", v=verb)), event.data.get("reason", "")))
        told.append(_line(event, verb, what, reason, kept=kept, many=len(returns)))
    return told


def _import(event: Event) -> tuple[T, str]:
    """An import in words; of one that rests on the unit's word: who gave it, when, and why, from the event written along with it."""
    layout = Import.objects.filter(pk=event.object_id).values_list("layout", flat=True).first()
    if layout not in ON_WORD:
        return IMPORT, ""
    said = next((d for d in Event.objects.filter(transaction=event.transaction).order_by("seq").values_list("data", flat=True) if d.get("word")), None)
    if said is None:
        return ON_WORD[layout], ""
    return T("{w}（{p}，{d} 确认）", "{w} ({p}, confirmed on {d})", w=ON_WORD[layout], p=said["word"], d=said.get("confirmed_on", "")), said.get("reason", "")


def _of_unit(ret: Return) -> list[dict[str, Any]]:
    """What an office allowed the unit for this return: single extensions of its round, and waivers of its form that held at some time since."""
    extensions = {str(pk) for pk in Extension.objects.filter(round=ret.round, institution=ret.institution).values_list("pk", flat=True)}
    opened = ret.round.opened_at.date()
    waivers = set(Waiver.objects.filter(institution=ret.institution, form=ret.round.form, until__gte=opened).values_list("pk", flat=True))
    told = []
    for event in Event.objects.filter(verb="round.extend", object_id__in=extensions).select_related("actor") if extensions else ():
        until = event.data.get("until")
        what = T("单独延期至 {d}", "may file until {d}", d=until) if until else T("取消单独延期", "single extension taken back")
        told.append(_line(event, "extend", what, event.data.get("reason", "")))
    for event in Event.objects.filter(verb__startswith="waiver.", object_id=str(ret.institution_id)).select_related("actor") if waivers else ():
        if event.data.get("waiver") in waivers:
            grant, rule = event.verb == "waiver.grant", event.data.get("rule", "")
            what = T("豁免规则 {r}，至 {d}", "check {r} waived until {d}", r=rule, d=event.data.get("until", "")) if grant else T("收回对规则 {r} 的豁免", "waiver of {r} revoked", r=rule)
            told.append(_line(event, event.verb, what, event.data.get("reason", "")))
    return told


def why_returned(returns: Iterable[Return]) -> dict[int, str]:
    """The last reason with which each of the returns was sent back or reopened."""
    wanted = {r.pk for r in returns}
    reasons: dict[int, str] = {}
    for event in Event.objects.filter(verb__in=("returns.send_back", "returns.reopen")).order_by("seq").iterator(chunk_size=500):
        for pk in wanted & unpacked(event.data.get("returns", "")):
            reasons[pk] = event.data.get("reason", "")
    return reasons
