"""Tellers of the register, contacts and ledgers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.urls import reverse

from jieneng.core.words import T
from jieneng.exchange.models import LINE_STATES
from jieneng.exchange.register_lines import said as to_be_done
from jieneng.fieldwork.models import LedgerRecord
from jieneng.fieldwork.queries import differences, words_of
from jieneng.people.models import Office
from jieneng.records.models import Event
from jieneng.registry.contacts import ROLES as ROLES_OF_CONTACTS
from jieneng.registry.models import Institution, Standing
from jieneng.registry.planning import TOLD
from jieneng.returns.queries import book

from .review import cell_of
from .told import FEW, Told, counts, file_of, joined

REGISTER = {"name": T("名称", "name"), "office": T("统计归口", "line"), "area": T("地区", "area"), "department": T("主管部门", "department"),
            "territory": T("所在地", "territory"), "type": T("类型", "type"), "in_scope": T("纳入统计", "in scope"),
            "covered_by": T("代报单位", "covered by"), "sensitive": T("敏感单位", "sensitive")}


def register_import(told: Told, data: dict[str, Any]) -> None:
    file_of(told, data.get("import"))
    told.says = counts(data, T("家", "institutions"))


def _ledger_title(event: Event) -> tuple[str, Any]:
    code = event.object_type.partition(":")[2]
    ledger = book().ledgers.get(code)
    return (str(ledger.title) if ledger else code), ledger


def ledger_import(told: Told, data: dict[str, Any]) -> None:
    title, _ = _ledger_title(told.event)
    file_of(told, told.event.object_id)
    told.object = f"{title} {told.object}".strip()
    told.says = counts(data, T("条", "lines"))
    told.facts.append((T("编号", "keys"), "、".join(data.get("keys", []))))


def ledger_line(told: Told, data: dict[str, Any]) -> None:
    title, ledger = _ledger_title(told.event)
    row = LedgerRecord.objects.filter(kind=told.event.object_type.partition(":")[2], key=told.event.object_id).first()
    before, after = data.get("before") or {}, data.get("after") or {}
    name = ""
    if ledger is not None and (values := after or (row.revisions.get(number=row.revision).values if row else {})):
        shown = next((f for f in ledger.fields if f.code == ledger.name), None)
        name = words_of(shown, values.get(ledger.name, "")) if shown else ""
    told.object = f"{title}“{name or told.event.object_id}”"
    if row is not None and not row.withdrawn:
        told.url = reverse("ledger-record", args=[row.kind, row.pk])
    told.changes = differences(ledger, before, after) if ledger is not None and after else []
    reason = str(T("原因：{r}", "reason: {r}", r=data["reason"])) if data.get("reason") else ""
    if told.event.verb == "ledger.save" and not before:
        told.says = joined([str(T("新登一条（{k}）", "a new line ({k})", k=told.event.object_id)), reason])
    else:
        told.says = joined([*(f"{c['label']} {c['old'] or '—'}→{c['new'] or '—'}" for c in told.changes), reason])


def standing(told: Told, data: dict[str, Any]) -> None:
    pk = told.event.object_id
    last = Standing.objects.filter(institution_id=pk).order_by("-since").first() if pk.isdigit() else None
    told.object = last.name if last else pk
    told.url = reverse("institution", args=[int(pk)]) if last else ""
    before, after = data.get("before") or {}, data.get("after") or {}
    told.changes = [{"label": str(REGISTER.get(k, k)), "old": _register_value(k, before.get(k)), "new": _register_value(k, v)} for k, v in after.items()]
    told.says = joined([*(f"{c['label']} {c['old']}→{c['new']}" for c in told.changes),
                         str(T("{d} 起", "from {d}", d=data["since"])) if data.get("since") else "",
                         str(T("原因：{r}", "reason: {r}", r=data["reason"])) if data.get("reason") else "", data.get("document") or ""])


def change(told: Told, data: dict[str, Any]) -> None:
    """A batch of changes: what kinds, of whom, on what paper; a single one opens its page."""
    changes, ids = data.get("changes") or [], data.get("institutions") or []
    names = [s.name for s in Standing.objects.filter(pk__in=(data.get("standings") or [])[:FEW])]
    told.object = "、".join(names) + (str(T("等 {n} 家", " and others, {n} in all", n=f"{len(set(ids)):,}")) if len(set(ids)) > len(names) else "")
    kinds = Counter(c["kind"] for c in changes)
    told.says = joined(["、".join(f"{TOLD.get(k, k)} {n}" for k, n in kinds.items()), *([str(T("{d} 起", "from {d}", d=changes[0]["since"]))] if len(changes) == 1 else []),
                         *dict.fromkeys(str(c["reason"]) for c in changes[:FEW]), *dict.fromkeys(str(c["document"]) for c in changes[:FEW]),
                         str(T("{n} 处没有办", "{n} not done", n=data["refused"])) if data.get("refused") else ""])
    told.url = reverse("change", args=[changes[0]["id"]]) if len(changes) == 1 else reverse("changes")


def pair(told: Told, data: dict[str, Any]) -> None:
    names = [s.name if (s := Standing.objects.filter(institution_id=pk).order_by("-since").first()) else str(pk) for pk in (told.event.object_id, data.get("second"))]
    told.object = "、".join(names)
    told.says = joined([str(T("是同一家", "one body") if data.get("same") else T("是两家", "two bodies")), str(data.get("reason", ""))])
    told.url = reverse("tidy")
    told.right = "edit_register"


def office(told: Told, data: dict[str, Any]) -> None:
    found = Office.objects.filter(code=told.event.object_id).first()
    names = {o.code: o.name for o in Office.objects.filter(code__in=[str(data.get(k) or "") for k in ("before", "after", "parent")])}
    told.object = found.name if found else told.event.object_id
    moved = " → ".join(names.get(str(data[k]), str(data[k])) for k in ("before", "after") if data.get(k)) or names.get(str(data.get("parent")), "")
    told.says = joined([moved, str(T("{d} 起", "from {d}", d=data["since"])) if data.get("since") else "", str(data.get("reason", "")), str(data.get("document", ""))])
    told.url = reverse("offices")


def of_institution(told: Told, data: dict[str, Any]) -> None:
    """Something of one institution: its contact (the part, never a name) or a paper of its folder."""
    pk = told.event.object_id
    last = Standing.objects.filter(institution_id=pk).order_by("-since").first() if pk.isdigit() and told.event.object_type == "institution" else None
    told.object = last.name if last else pk
    if "role" in data:
        told.says = joined([str(ROLES_OF_CONTACTS.get(data["role"], data["role"])), str(T("{d} 起", "from {d}", d=data.get("since", ""))),
                             str(T("前任已交接", "handed over")) if data.get("handed_over") else ""])
        told.url = reverse("institution", args=[int(pk)]) if last else ""
    elif "voucher" in data:
        kind = book().vouchers.get(str(data.get("kind")))
        told.says = joined([str(T("{y} 年", "{y}", y=data.get("year", ""))), str(kind.label) if kind else str(data.get("kind", "")), str(data.get("name", "")), str(data.get("reason", ""))])
        told.url = reverse("vouchers", args=[int(pk), int(data["year"])]) if last else ""
    else:
        told.says = str(T("{n} 家", "{n} institutions", n=data.get("count", 0)))
        found = Office.objects.filter(code=pk).first()
        told.object = found.name if found else pk


def _register_value(key: str, value: Any) -> str:
    text = "" if value in (None, "None") else str(value)
    if text in ("True", "False"):
        return str(T("是", "yes") if text == "True" else T("否", "no"))
    if key == "type" and text in book().types:
        return str(book().types[text].label)
    if key in ("area", "territory") and text in book().divisions:
        return str(book().divisions[text].name)
    if key == "covered_by" and text:
        found = Institution.objects.filter(key=text).first()
        last = found.standings.order_by("-since").first() if found else None
        return last.name if last else text
    return text or "—"


def register_export(told: Told, data: dict[str, Any]) -> None:
    told.object, told.right, told.url = "", "see", reverse("register-export")
    told.says = str(T("{n} 家", "{n} institutions", n=data.get("lines", "")))


def register_ticked(told: Told, data: dict[str, Any]) -> None:
    file_of(told, told.event.object_id)
    ticked = data.get("ticked") or {}
    told.says = joined([str(T("{n} 家", "{n} institutions", n=data.get("bodies", ""))),
                         str(T("名录变更：{s}", "register changes: {s}", s="、".join(f"{LINE_STATES.get(k, k)} {n}" for k, n in ticked.items()))) if ticked else ""])


def register_line(told: Told, data: dict[str, Any]) -> None:
    cell_of(told, data.get("institution"), "", "")
    told.object = told.object.strip()
    told.says = joined([to_be_done(data.get("what") or []), str(T("理由：{r}", "reason: {r}", r=data.get("reason", "")))])
