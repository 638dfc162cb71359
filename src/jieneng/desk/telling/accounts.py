"""Tellers of accounts, documents, vouchers and the workspace."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from jieneng.core.words import T
from jieneng.fieldwork.models import LedgerRecord
from jieneng.people.models import Office, User
from jieneng.people.roles import ROLES
from jieneng.reports.models import DocumentVersion
from jieneng.returns.queries import book

from .returns import submission_paper
from .told import Told, joined, month_of, names_of, person_name, whole_of


def _document_name(told: Told, data: dict[str, Any]) -> None:
    label = (book().documents.get(str(data.get("code", ""))) or {}).get("label") or {}
    title = str(T(label.get("zh") or str(data.get("code", "")), label.get("en") or label.get("zh") or str(data.get("code", "") or "—")))
    told.object = str(T("{y} 年{t}第 {n} 稿", "{t} {y}, draft {n}", y=data.get("year", ""), t=title, n=data.get("number", "")))
    if told.event.object_id.isdigit() and DocumentVersion.objects.filter(pk=told.event.object_id).exists():
        told.url = reverse("document", args=[int(told.event.object_id)])


def compose(told: Told, data: dict[str, Any]) -> None:
    _document_name(told, data)
    told.says = str(T("{n} 个数，取自快照 {s}", "{n} figures from snapshot {s}", n=data.get("figures", 0), s=data.get("snapshot", "")))


def confirm(told: Told, data: dict[str, Any]) -> None:
    _document_name(told, data)
    told.says = joined([f"“{data.get('text', '')}”", str(data.get("reason", ""))])


def evidence(told: Told, data: dict[str, Any]) -> None:
    pk = told.event.object_id
    if told.event.object_type == "ledger":
        row = LedgerRecord.objects.filter(pk=pk).first() if pk.isdigit() else None
        ledger = book().ledgers.get(row.kind) if row else None
        told.object = f"{ledger.title}“{row.key}”" if row and ledger else pk
        told.url = reverse("ledger-record", args=[row.kind, row.pk]) if row and not row.withdrawn else ""
    elif told.event.object_type == "submission":
        submission_paper(told, pk)
    elif pk.isdigit() and (found := names_of([int(pk)])):
        told.object, told.url = f"{found[0][1]} {month_of(found[0][0].period)}", reverse("return", args=[int(pk)])
    told.says = "　".join(dict.fromkeys(str(data[k]) for k in ("label", "name") if data.get(k)))


def account(told: Told, data: dict[str, Any]) -> None:
    user = User.objects.filter(username=told.event.object_id).first()
    told.object = f"{user.name}（{user.username}）" if user and user.name else told.event.object_id
    told.url, told.right = reverse("accounts"), "accounts"
    verb = told.event.verb.partition(".")[2]
    if verb in ("factor_rule", "bulk"):
        place = Office.objects.filter(code=told.event.object_id).first()
        told.object = place.name if verb == "factor_rule" and place else ""
    if verb in ("sign_in", "lock", "end_session"):
        told.says = " · ".join(str(data[k]) for k in ("from", "device") if data.get(k))
    elif verb in ("end_sessions", "unlock"):
        told.says = str(T("{n} 处", "{n} of them", n=whole_of(data, "ended")))
    elif verb == "handover":
        told.says = joined([str(T("交给 {t}，{n} 项职责", "to {t}, {n} roles", t=person_name(data.get("to")), n=whole_of(data, "rights"))), str(data.get("note") or "")])
        told.url = reverse("handover-note", args=[whole_of(data, "handover")])
    elif verb == "bulk":
        told.says = str(T("新建 {n} 个，没有建 {m} 处", "{n} made, {m} not", n=whole_of(data, "made"), m=whole_of(data, "refused")))
    if data.get("role"):
        office = Office.objects.filter(code=data.get("office", "")).first()
        role = str(ROLES[data["role"]].label) if data["role"] in ROLES else str(data["role"])
        told.says = f"{role} · {office.name if office else data.get('institution') or data.get('office') or ''}"
        if verb in ("delegate", "delegate_end"):
            told.says = joined([str(T("由 {t} 代办", "done by {t}", t=person_name(data.get("to")))), told.says, str(T("到 {d}", "until {d}", d=data["until"])) if data.get("until") else "",
                                 str(data.get("reason") or "")])
        elif verb == "factor_rule":
            told.says += str(T("：要求", ": asked") if data.get("on") else T("：不再要求", ": no longer asked"))
        elif told.event.object_type == "client":
            told.says = joined([told.says, str(T("可写", "may write") if data.get("writes") else T("只读", "read only")), str(T("到 {d}", "until {d}", d=str(data.get("expires"))[:10]))])
    elif told.event.verb == "account.password":
        own = user is not None and told.event.actor_id == user.pk
        told.says = str(T("一次性密码，72 小时内有效", "a one-time password, valid for 72 hours") if data.get("one_time") else
                        T("本人改的", "changed by the person") if own else T("代为设置", "set for the person"))


def workspace(told: Told, data: dict[str, Any]) -> None:
    told.object = told.event.object_id if told.event.verb != "workspace.init" else ""
    told.says = str(T("规则库 {b}", "rulebook {b}", b=data["book"])) if data.get("book") else ""
    if told.event.verb == "backup.make":
        told.object = f"“{told.event.object_id}”"
        told.says = joined([str(T("{m} MB，{n} 个文件", "{m} MB, {n} files", m=f"{whole_of(data, 'bytes') / 1e6:,.1f}", n=f"{whole_of(data, 'files'):,}")),
                             str(T("备份时查出 {n} 处不符", "{n} faults found while backing up", n=data["faults"])) if data.get("faults") else ""])
    elif told.event.verb == "backup.restore":
        told.object = f"“{data.get('from') or told.event.object_id}”"


def verify(told: Told, data: dict[str, Any]) -> None:
    told.says = str(T("{n} 条，链头 #{s}，{r}", "{n} events, head #{s}: {r}", n=f"{whole_of(data, 'count'):,}", s=(data.get("head") or {}).get("seq", ""),
                      r=str(T("全部相符", "all agree") if not data.get("faults") else T("{k} 处不符", "{k} faults", k=len(data["faults"])))))
    told.url, told.right = reverse("certificate", args=[told.event.seq]), "log"
