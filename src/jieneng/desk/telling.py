"""Events in words: who did what to which unit, month and line. Every verb that is recorded anywhere has its words here.

A teller reads the event's data and the records as they stand now (names of units, titles of ledgers); what it cannot find
any more it tells by its number. Events are never changed by being told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.exchange.models import HOLDERS, LINE_STATES, STATES
from jieneng.exchange.register_lines import said as to_be_done
from jieneng.fieldwork.models import LedgerRecord
from jieneng.fieldwork.queries import differences, words_of
from jieneng.filling.signing import PARTS
from jieneng.people.models import Office, User
from jieneng.people.roles import ROLES
from jieneng.records.models import Event
from jieneng.registry.contacts import ROLES as ROLES_OF_CONTACTS
from jieneng.registry.models import Institution, Standing
from jieneng.registry.planning import TOLD
from jieneng.reports.models import DocumentVersion
from jieneng.returns import moves
from jieneng.returns.models import Import, Return, Signoff, Submission
from jieneng.returns.queries import book
from jieneng.returns.ranges import unpacked
from jieneng.review.models import ReviewFinding

FEW = 3
VERBS: dict[str, T] = {
    "register.import": T("导入名录", "imported the register"), "register.change": T("变更名录登记", "changed the standing of"),
    "register.batch": T("办理名录变更", "changed the register"), "register.undo": T("撤回名录变更", "took back a change of the register"),
    "register.pair": T("判断疑似重复", "decided on a pair"), "office.add": T("新设机构", "added the office"), "office.rename": T("机构更名", "renamed the office"),
    "office.move": T("调整机构隶属", "moved the office"), "office.close": T("撤销机构", "closed the office"), "contact.set": T("登记联系人", "entered a contact of"),
    "contact.export": T("导出带电话的联络员名单", "exported the liaison list with numbers"), "voucher.add": T("放入佐证材料", "put a paper in the folder of"),
    "voucher.withdraw": T("撤下佐证材料", "took a paper out of the folder of"),
    "round.open": T("新建统计任务", "opened the round"), "round.sign_off": T("审定", "signed off"),
    "returns.import": T("导入报表", "imported returns"), "returns.accept": T("审核通过", "accepted"), "returns.send_back": T("退回", "sent back"),
    "returns.reopen": T("重新打开", "reopened"), "returns.sign": T("审定", "signed off"), "returns.exempt": T("登记免报", "marked exempt"),
    "returns.cover": T("登记代报", "marked as covered"), "returns.pass_department": T("部门审核", "reviewed (department)"),
    "returns.pass_county": T("县级审核", "reviewed (county)"), "returns.take_back": T("撤回审核", "took back the pass of"), "returns.include": T("恢复应报", "expects again"),
    "round.office": T("改方式或截止日", "changed mode or deadline of"), "round.step": T("改日历", "changed the calendar of"), "round.extend": T("单独延期", "extended the deadline of"),
    "round.strict": T("改逐级报送的规定", "changed whether totals go up office by office in"), "round.show": T("选定指标显示的版本", "chose the version that figures show for"),
    "round.submit": T("报送合计", "handed up the totals of"), "round.take_back": T("撤回合计", "took back the totals of"), "remind.send": T("催报", "reminded"),
    "remind.phones": T("导出催报电话名单", "took the list of phones for"), "office.mailbox": T("改科室邮箱", "changed the mailbox of"),
    "filling.workbook": T("交回工作簿", "handed in the workbook"), "returns.save": T("填写", "filled in"), "returns.file": T("报送", "filed"),
    "returns.withdraw": T("撤回", "took back what it filed:"), "filling.sign": T("签名", "signed"), "filling.hand_back": T("退回填表人", "handed back inside the unit"),
    "filling.control": T("照纸表录入合计", "typed the paper's totals for"),
    "waiver.grant": T("豁免审核规则", "waived a check for"), "waiver.revoke": T("收回豁免", "revoked a waiver of"),
    "behalf.enter": T("经填报单位确认后代改", "entered on the unit’s word:"), "round.signatures": T("改单位内签名的规定", "changed whether units sign in turn in"),
    "snapshot.freeze": T("封存快照", "froze a snapshot of"), "ledger.save": T("登记台账", "saved a line of"),
    "ledger.import": T("导入台账", "imported lines of"), "ledger.withdraw": T("撤销台账", "withdrew a line of"),
    "document.compose": T("编制", "composed"), "document.confirm": T("确认用语", "confirmed the wording of"),
    "review.screen": T("初筛", "screened"), "review.candidates": T("会审初筛的候选", "reviewed candidates of the first screening of"),
    "review.run": T("会审", "reviewed"), "review.explain": T("登记说明（核实无误）", "recorded an explanation for"),
    "review.revoke": T("撤销说明", "revoked an explanation for"),
    "decision.sent_back": T("退回核实（附建议值）", "sent back to verify"), "decision.right": T("核实无误", "found right as reported"),
    "decision.explained": T("接受说明", "accepted the explanation for"), "decision.on_word": T("经填报单位确认后代改", "changed on the unit’s word"), "decision.undo": T("撤销会审意见", "undid a decision on"),
    "sitting.call": T("召开会审会", "called a sitting"), "sitting.groups": T("会审会分组", "set the groups of a sitting"), "sitting.questions": T("会审会列出问题", "put questions to a sitting"),
    "sitting.expect": T("登记参会人员", "entered who comes to a sitting"), "sitting.came": T("会审会签到", "signed in to a sitting"), "sitting.opinion": T("写审核意见", "gave an opinion on"),
    "sitting.sign": T("签审核意见书", "recorded a signed opinion sheet"), "sitting.minutes": T("写会审纪要", "wrote the minutes"), "sitting.close": T("结束会审会", "closed a sitting"),
    "sample.draw": T("抽取 5% 抽查名单", "drew the sample for checks"), "sample.check": T("填抽查结果", "entered a check on site of"),
    "evidence.attach": T("附上佐证材料", "attached evidence to"),
    "workspace.init": T("建立工作区", "made the workspace"), "backup.make": T("备份", "backed up"), "backup.restore": T("恢复备份", "restored a backup"),
    "platform.import": T("导入平台的数", "imported what the platform holds from"), "correction.add": T("列入更正", "asked for a correction of"),
    "correction.ask": T("退回的列入更正清单", "put on the list of corrections what was sent back:"), "correction.settle": T("审核通过，不再要求更正", "passed as it stands, no correction asked any more:"),
    "correction.withdraw": T("撤回更正", "withdrew the correction of"), "correction.issue": T("发更正清单", "handed over the list of corrections to"),
    "correction.adopt": T("经单位确认代改", "changed on the unit's word"), "difference.explain": T("说明两边差异", "explained differences:"),
    "layout.save": T("保存表样", "saved the layout"), "export.layout": T("按表样导出", "exported by the layout"), "export.template": T("照表样填出", "filled a table by the layout"),
    "export.register": T("导出平台上要办的名录变更", "exported the register changes for the platform"),
    "platform.register": T("核对平台名录", "checked the platform's register"), "register_line.withdraw": T("标为不用在平台上办", "said that nothing is to be done on the platform for"),
    "account.create": T("新建账号", "created the account"), "account.appoint": T("授予角色", "gave a role to"),
    "account.dismiss": T("撤销角色", "took a role from"), "account.disable": T("停用账号", "disabled the account"),
    "account.password": T("设置密码", "set the password of"), "account.sign_in": T("登录", "signed in as"),
    "account.lock": T("因密码多次不对锁定", "locked after wrong passwords"), "account.unlock": T("解除锁定", "unlocked"),
    "account.end_session": T("结束一处登录", "ended a session of"), "account.end_sessions": T("结束登录", "ended sessions of"),
    "account.factor_on": T("开启两步验证", "turned on the second factor of"), "account.factor_off": T("关闭两步验证", "turned off the second factor of"),
    "account.recovery_codes": T("换恢复码", "renewed the recovery codes of"), "account.factor_rule": T("设定两步验证要求", "set who is asked for a second factor in"),
    "account.delegate": T("委托代办", "delegated work of"), "account.delegate_end": T("结束委托", "ended a delegation of"),
    "account.handover": T("办理交接", "handed over the work of"), "account.bulk": T("批量建账号", "made accounts from a workbook"),
    "client.create": T("新建数据接口", "made the API client"), "client.renew": T("换接口令牌", "renewed the token of"), "client.revoke": T("停用数据接口", "revoked the API client"),
    "log.verify": T("校验办理记录", "verified the event log"),
}
REGISTER = {"name": T("名称", "name"), "office": T("统计归口", "line"), "area": T("地区", "area"), "department": T("主管部门", "department"),
            "territory": T("所在地", "territory"), "type": T("类型", "type"), "in_scope": T("纳入统计", "in scope"),
            "covered_by": T("代报单位", "covered by"), "sensitive": T("敏感单位", "sensitive")}


@dataclass
class Told:
    """An event in words. ``object`` is what it was done to, ``url`` leads there for those who hold ``right``; ``says`` is the rest."""

    event: Event
    verb: T
    object: str = ""
    says: str = ""
    url: str = ""
    right: str = "see"
    changes: list[dict[str, str]] = field(default_factory=list)
    facts: list[tuple[T, str]] = field(default_factory=list)
    returns: list[int] = field(default_factory=list)

    @property
    def who(self) -> str:
        """The person; what was done by a command at the server has no person's name."""
        return self.event.who

    @property
    def sentence(self) -> str:
        """周敏 退回 郎溪县示例医院 2022-02：原因…"""
        head = " ".join(p for p in (self.who, str(self.verb), self.object) if p)
        return head + (str(T("：", ": ")) + self.says if self.says else "")


def tell(event: Event) -> Told:
    """One event in words."""
    told = Told(event, VERBS.get(event.verb, T("{v}", "{v}", v=event.verb)))
    teller = TELLERS.get(event.verb) or TELLERS.get(event.verb.partition(".")[0] + ".*")
    if teller:
        teller(told, event.data)
    return told


def _joined(parts: Iterable[str]) -> str:
    return str(T("；", "; ")).join(p for p in parts if p)


def _n(data: Mapping[str, Any], key: str) -> int:
    return int(data.get(key) or 0)


def _counts(data: Mapping[str, Any], unit: T) -> str:
    """新增 9 条、变化 0、不变 0；2 处没有读入."""
    said = [str(T("新增 {a} {u}，变化 {b}，不变 {c}", "{a} new {u}, {b} changed, {c} the same",
                  a=f"{_n(data, 'new'):,}", u=str(unit), b=f"{_n(data, 'changed'):,}", c=f"{_n(data, 'same'):,}"))]
    if n := _n(data, "findings"):
        said.append(str(T("审核问题 {n} 项", "{n} findings", n=f"{n:,}")))
    if n := _n(data, "refused") + _n(data, "unread"):
        said.append(str(T("{n} 处没有读入", "{n} places not taken in", n=f"{n:,}")))
    return _joined(said)


def _file(told: Told, pk: Any) -> None:
    """The file of an import, and the page of its result."""
    batch = Import.objects.select_related("file").filter(pk=pk).first() if str(pk or "").isdigit() else None
    if batch is not None:
        told.object, told.url = f"“{batch.file.name}”", reverse("import", args=[batch.pk])
        told.facts.append((T("表样", "layout"), batch.layout))


def _register_import(told: Told, data: dict[str, Any]) -> None:
    _file(told, data.get("import"))
    told.says = _counts(data, T("家", "institutions"))


def _returns_import(told: Told, data: dict[str, Any]) -> None:
    _file(told, told.event.object_id)
    told.says = _joined([_counts(data, T("份", "returns")), str(T("读入即市级已审", "accepted as soon as read")) if data.get("accepted") else ""])
    told.returns = sorted(unpacked(data.get("returns", "")))


def _ledger_title(event: Event) -> tuple[str, Any]:
    code = event.object_type.partition(":")[2]
    ledger = book().ledgers.get(code)
    return (str(ledger.title) if ledger else code), ledger


def _ledger_import(told: Told, data: dict[str, Any]) -> None:
    title, _ = _ledger_title(told.event)
    _file(told, told.event.object_id)
    told.object = f"{title} {told.object}".strip()
    told.says = _counts(data, T("条", "lines"))
    told.facts.append((T("编号", "keys"), "、".join(data.get("keys", []))))


def _ledger_line(told: Told, data: dict[str, Any]) -> None:
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
        told.says = _joined([str(T("新登一条（{k}）", "a new line ({k})", k=told.event.object_id)), reason])
    else:
        told.says = _joined([*(f"{c['label']} {c['old'] or '—'}→{c['new'] or '—'}" for c in told.changes), reason])


def names_of(returns: Iterable[int]) -> list[tuple[Return, str]]:
    """Returns with their institutions' names, in the order given."""
    wanted = list(returns)
    rows = {r.pk: r for r in Return.objects.filter(pk__in=wanted).select_related("institution", "round")}
    names: dict[int, str] = {}
    for s in Standing.objects.filter(institution__in={r.institution_id for r in rows.values()}).order_by("since"):
        names[s.institution_id] = s.name
    return [(rows[pk], names.get(rows[pk].institution_id, rows[pk].institution.key)) for pk in wanted if pk in rows]


def _month(text: str) -> str:
    return str(Period.parse(text).label)


def _parts_said(found: Mapping[str, int]) -> list[str]:
    """What became of machine rooms and heating sources with a filing."""
    words = {"opened": T("新增机房、热源 {n} 处", "machine rooms and heating sources added: {n}", n=found.get("opened", 0)),
             "closed": T("不再有的机房、热源 {n} 处", "machine rooms and heating sources no longer there: {n}", n=found.get("closed", 0)),
             "renamed": T("改名的机房、热源 {n} 处", "machine rooms and heating sources renamed: {n}", n=found.get("renamed", 0))}
    return [str(w) for k, w in words.items() if found.get(k)]


def _returns(told: Told, data: dict[str, Any]) -> None:
    told.returns = sorted(unpacked(data.get("returns", "")))
    first = names_of(told.returns[:FEW])
    units = [f"{name} {_month(ret.period)}" for ret, name in first]
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
    told.says = _joined(said)
    was = {s: len(unpacked(ids)) for s, ids in (data.get("from") or {}).items()}
    told.facts.append((T("原来的状态", "states before"), "、".join(f"{moves.STATES.get(s, s)} {n:,}" for s, n in was.items())))


def _standing(told: Told, data: dict[str, Any]) -> None:
    pk = told.event.object_id
    last = Standing.objects.filter(institution_id=pk).order_by("-since").first() if pk.isdigit() else None
    told.object = last.name if last else pk
    told.url = reverse("institution", args=[int(pk)]) if last else ""
    before, after = data.get("before") or {}, data.get("after") or {}
    told.changes = [{"label": str(REGISTER.get(k, k)), "old": _register_value(k, before.get(k)), "new": _register_value(k, v)} for k, v in after.items()]
    told.says = _joined([*(f"{c['label']} {c['old']}→{c['new']}" for c in told.changes),
                         str(T("{d} 起", "from {d}", d=data["since"])) if data.get("since") else "",
                         str(T("原因：{r}", "reason: {r}", r=data["reason"])) if data.get("reason") else "", data.get("document") or ""])


def _change(told: Told, data: dict[str, Any]) -> None:
    """A batch of changes: what kinds, of whom, on what paper; a single one opens its page."""
    changes, ids = data.get("changes") or [], data.get("institutions") or []
    names = [s.name for s in Standing.objects.filter(pk__in=(data.get("standings") or [])[:FEW])]
    told.object = "、".join(names) + (str(T("等 {n} 家", " and others, {n} in all", n=f"{len(set(ids)):,}")) if len(set(ids)) > len(names) else "")
    kinds = Counter(c["kind"] for c in changes)
    told.says = _joined(["、".join(f"{TOLD.get(k, k)} {n}" for k, n in kinds.items()), *([str(T("{d} 起", "from {d}", d=changes[0]["since"]))] if len(changes) == 1 else []),
                         *dict.fromkeys(str(c["reason"]) for c in changes[:FEW]), *dict.fromkeys(str(c["document"]) for c in changes[:FEW]),
                         str(T("{n} 处没有办", "{n} not done", n=data["refused"])) if data.get("refused") else ""])
    told.url = reverse("change", args=[changes[0]["id"]]) if len(changes) == 1 else reverse("changes")


def _pair(told: Told, data: dict[str, Any]) -> None:
    names = [s.name if (s := Standing.objects.filter(institution_id=pk).order_by("-since").first()) else str(pk) for pk in (told.event.object_id, data.get("second"))]
    told.object = "、".join(names)
    told.says = _joined([str(T("是同一家", "one body") if data.get("same") else T("是两家", "two bodies")), str(data.get("reason", ""))])
    told.url = reverse("tidy")
    told.right = "edit_register"


def _office(told: Told, data: dict[str, Any]) -> None:
    found = Office.objects.filter(code=told.event.object_id).first()
    names = {o.code: o.name for o in Office.objects.filter(code__in=[str(data.get(k) or "") for k in ("before", "after", "parent")])}
    told.object = found.name if found else told.event.object_id
    moved = " → ".join(names.get(str(data[k]), str(data[k])) for k in ("before", "after") if data.get(k)) or names.get(str(data.get("parent")), "")
    told.says = _joined([moved, str(T("{d} 起", "from {d}", d=data["since"])) if data.get("since") else "", str(data.get("reason", "")), str(data.get("document", ""))])
    told.url = reverse("offices")


def _of_institution(told: Told, data: dict[str, Any]) -> None:
    """Something of one institution: its contact (the part, never a name) or a paper of its folder."""
    pk = told.event.object_id
    last = Standing.objects.filter(institution_id=pk).order_by("-since").first() if pk.isdigit() and told.event.object_type == "institution" else None
    told.object = last.name if last else pk
    if "role" in data:
        told.says = _joined([str(ROLES_OF_CONTACTS.get(data["role"], data["role"])), str(T("{d} 起", "from {d}", d=data.get("since", ""))),
                             str(T("前任已交接", "handed over")) if data.get("handed_over") else ""])
        told.url = reverse("institution", args=[int(pk)]) if last else ""
    elif "voucher" in data:
        kind = book().vouchers.get(str(data.get("kind")))
        told.says = _joined([str(T("{y} 年", "{y}", y=data.get("year", ""))), str(kind.label) if kind else str(data.get("kind", "")), str(data.get("name", "")), str(data.get("reason", ""))])
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


def _workbook(told: Told, data: dict[str, Any]) -> None:
    found = Institution.objects.filter(key=data.get("institution", "")).first()
    last = found.standings.order_by("-since").first() if found else None
    told.object = f"“{data.get('name', '')}”"
    told.says = _joined([f"{last.name if last else data.get('institution', '')} {data.get('year', '')}",
                         str(T("改了 {n} 格", "{n} fields changed", n=_n(data, "changed"))),
                         str(T("{n} 处要看", "{n} to look at", n=_n(data, "problems"))) if _n(data, "problems") else ""])


def _round_open(told: Told, data: dict[str, Any]) -> None:
    form = book().forms.get(str(data.get("form", "")))
    told.object = str(T("{y} 年{f}", "{f} of {y}", y=data.get("year", ""), f=str(form.title) if form else str(data.get("form", ""))))
    told.says = str(T("应报 {n} 份", "{n} returns expected", n=f"{_n(data, 'returns'):,}"))
    told.url = reverse("rounds")


def _sign_off(told: Told, data: dict[str, Any]) -> None:
    found = Signoff.objects.select_related("office", "round").filter(pk=told.event.object_id).first() if told.event.object_id.isdigit() else None
    told.object = str(T("{o} {y} 年度总量", "the totals of {o} for {y}", o=found.office.name, y=found.round.year)) if found else str(data.get("round", ""))
    told.says = str(T("依据快照 {s}", "by snapshot {s}", s=data.get("snapshot", "")))
    told.url = reverse("figures") + f"?snapshot={data.get('snapshot', '')}"


def _freeze(told: Told, data: dict[str, Any]) -> None:
    counts = data.get("counts") or {}
    told.object = str(T("{y} 年度", "{y}", y=data.get("year", "")))
    lines, held = data.get("left_out") or [], unpacked(data.get("kept", ""))
    out = sum(_n(x, "returns") for x in lines)
    counts_by: dict[str, int] = {}
    for x in lines:
        counts_by[x["state"]] = counts_by.get(x["state"], 0) + _n(x, "returns")
    by_state = str(T("（{s}）", " ({s})", s="、".join(f"{moves.STATES.get(s, s)} {n:,}" for s, n in counts_by.items())))
    told.says = _joined([str(T("报表 {r} 份、台账 {l} 条、单位 {b} 家", "{r} returns, {l} ledger lines, {b} institutions", r=f"{_n(counts, 'returns'):,}",
                               l=f"{_n(counts, 'ledgers'):,}", b=f"{_n(counts, 'bodies'):,}")),
                         str(T("没有审核通过、没有封进去的 {n} 份", "{n} not accepted and left out", n=f"{out:,}")) + by_state if out else "",
                         str(T("经确认保留“错误”的 {n} 份", "{n} with errors kept after confirmation", n=len(held))) if held else ""])
    told.url = reverse("snapshot", args=[told.event.object_id])
    told.facts.append((T("快照", "snapshot"), told.event.object_id))


def _document_name(told: Told, data: dict[str, Any]) -> None:
    label = (book().documents.get(str(data.get("code", ""))) or {}).get("label") or {}
    title = str(T(label.get("zh") or str(data.get("code", "")), label.get("en") or label.get("zh") or str(data.get("code", "") or "—")))
    told.object = str(T("{y} 年{t}第 {n} 稿", "{t} {y}, draft {n}", y=data.get("year", ""), t=title, n=data.get("number", "")))
    if told.event.object_id.isdigit() and DocumentVersion.objects.filter(pk=told.event.object_id).exists():
        told.url = reverse("document", args=[int(told.event.object_id)])


def _compose(told: Told, data: dict[str, Any]) -> None:
    _document_name(told, data)
    told.says = str(T("{n} 个数，取自快照 {s}", "{n} figures from snapshot {s}", n=data.get("figures", 0), s=data.get("snapshot", "")))


def _confirm(told: Told, data: dict[str, Any]) -> None:
    _document_name(told, data)
    told.says = _joined([f"“{data.get('text', '')}”", str(data.get("reason", ""))])


def _evidence(told: Told, data: dict[str, Any]) -> None:
    pk = told.event.object_id
    if told.event.object_type == "ledger":
        row = LedgerRecord.objects.filter(pk=pk).first() if pk.isdigit() else None
        ledger = book().ledgers.get(row.kind) if row else None
        told.object = f"{ledger.title}“{row.key}”" if row and ledger else pk
        told.url = reverse("ledger-record", args=[row.kind, row.pk]) if row and not row.withdrawn else ""
    elif told.event.object_type == "submission":
        _submission_paper(told, pk)
    elif pk.isdigit() and (found := names_of([int(pk)])):
        told.object, told.url = f"{found[0][1]} {_month(found[0][0].period)}", reverse("return", args=[int(pk)])
    told.says = "　".join(dict.fromkeys(str(data[k]) for k in ("label", "name") if data.get(k)))


def _submission_paper(told: Told, pk: str) -> None:
    found = Submission.objects.filter(pk=pk).select_related("office", "round").first() if pk.isdigit() else None
    if found is not None:
        told.object = str(T("{o} {y} 年合计", "the totals of {o} for {y}", o=found.office.name, y=found.round.year))
        told.url = reverse("round-totals", args=[found.round_id, found.office_id])


def _review(told: Told, data: dict[str, Any]) -> None:
    told.object = str(T("{y} 年", "{y}", y=data.get("year", "")))
    told.says = str(T("疑点 {n} 条（错误 {a}、需核实 {b}、提示 {c}）", "{n} findings ({a} errors, {b} to verify, {c} notes)", n=data.get("findings", 0), a=data.get("must", 0),
                      b=data.get("explain", 0), c=data.get("note", 0)))


def _screen(told: Told, data: dict[str, Any]) -> None:
    told.object = str(T("{y} 年", "{y}", y=data.get("year", "")))
    told.says = str(T("快照 {s}：{n} 家，候选 {c} 个，看完前 {k} 个可停", "snapshot {s}: {n} institutions, {c} candidates, one may stop after {k}", s=data.get("snapshot", ""),
                      n=f"{data.get('institutions', 0):,}", c=f"{data.get('candidates', 0):,}", k=f"{data.get('line', 0):,}"))
    told.url, told.right = f"{reverse('screening')}?screening={told.event.object_id}", "review"


def _explanation(told: Told, data: dict[str, Any]) -> None:
    standing = Standing.objects.filter(institution=data.get("institution")).order_by("-since").first()
    items = book().items
    told.object = standing.name if standing else str(data.get("institution", ""))
    told.says = _joined(["、".join(str(items[i].label) if i in items else str(i) for i in data.get("items", [])), str(data.get("reason", "")),
                         str(T("到 {d} 为止", "until {d}", d=data["until"])) if data.get("until") else ""])


def _decision(told: Told, data: dict[str, Any]) -> None:
    _explanation(told, {k: v for k, v in data.items() if k != "until"})
    values = "，".join(f"{p} {v}" for p, _, v in (data.get("values") or [])[:FEW])
    told.says = _joined([str(data.get("period", "")), told.says, str(T("建议值或确认值：{v}", "values: {v}", v=values)) if values else "",
                         str(T("确认人 {w}，{d}", "confirmed by {w}, {d}", w=data["word"], d=data.get("confirmed_on", ""))) if data.get("word") else ""])
    finding = ReviewFinding.objects.filter(pk=data.get("finding") or 0).select_related("run").first()
    if finding is not None:
        told.url = f"{reverse('review', args=[finding.run.round_id])}?f={finding.pk}"


def _sitting(told: Told, data: dict[str, Any]) -> None:
    told.object = str(T("{y} 年", "{y}", y=data.get("year", "")))
    unit = Standing.objects.filter(institution=data.get("institution")).order_by("-since").first() if data.get("institution") else None
    if told.event.object_type == "sitting":
        told.url, told.right = reverse("sitting", args=[told.event.object_id]), "review"
    verb = told.event.verb
    number = str(T("{n} 个问题", "{n} questions", n=data.get("number", 0))) if verb in ("sitting.questions", "sitting.sign") else ""
    question = str(T("第 {n} 题", "question {n}", n=data["number"])) if verb == "sitting.opinion" else ""
    told.says = _joined([question, unit.name if unit else "", _office_by_area(data.get("area", "")), str(data.get("name", "")), str(data.get("place", "")), str(data.get("day", "")),
                         str(data.get("signed_by", "")), str(data.get("opinion", "")), number])


def _office_by_area(area: str) -> str:
    found = Office.objects.filter(area=area, kind__in=("county", "zone", "direct")).first() if area else None
    return found.name if found else area


def _sample(told: Told, data: dict[str, Any]) -> None:
    told.object = str(T("{y} 年", "{y}", y=data.get("year", "")))
    told.url, told.right = reverse("sample", args=[told.event.object_id]), "review"
    if told.event.verb == "sample.draw":
        told.says = str(T("{n} 家抽 {k} 家，种子 {s}", "{k} of {n}, seed {s}", n=data.get("size", 0), k=data.get("number", 0), s=data.get("seed", "")))
        return
    _explanation(told, {**data, "until": ""})
    words = {"agrees": T("一致", "agrees"), "differs": T("不一致", "differs")}
    told.says = _joined([str(data.get("period", "")), told.says, str(T("填报 {a}，表读数 {b}", "reported {a}, by the meter {b}", a=data.get("reported") or "—", b=data.get("reading", ""))),
                         str(words.get(data.get("result", ""), "")), str(data.get("note", ""))])


def _account(told: Told, data: dict[str, Any]) -> None:
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
        told.says = str(T("{n} 处", "{n} of them", n=_n(data, "ended")))
    elif verb == "handover":
        told.says = _joined([str(T("交给 {t}，{n} 项职责", "to {t}, {n} roles", t=_person(data.get("to")), n=_n(data, "rights"))), str(data.get("note") or "")])
        told.url = reverse("handover-note", args=[_n(data, "handover")])
    elif verb == "bulk":
        told.says = str(T("新建 {n} 个，没有建 {m} 处", "{n} made, {m} not", n=_n(data, "made"), m=_n(data, "refused")))
    if data.get("role"):
        office = Office.objects.filter(code=data.get("office", "")).first()
        role = str(ROLES[data["role"]].label) if data["role"] in ROLES else str(data["role"])
        told.says = f"{role} · {office.name if office else data.get('institution') or data.get('office') or ''}"
        if verb in ("delegate", "delegate_end"):
            told.says = _joined([str(T("由 {t} 代办", "done by {t}", t=_person(data.get("to")))), told.says, str(T("到 {d}", "until {d}", d=data["until"])) if data.get("until") else "",
                                 str(data.get("reason") or "")])
        elif verb == "factor_rule":
            told.says += str(T("：要求", ": asked") if data.get("on") else T("：不再要求", ": no longer asked"))
        elif told.event.object_type == "client":
            told.says = _joined([told.says, str(T("可写", "may write") if data.get("writes") else T("只读", "read only")), str(T("到 {d}", "until {d}", d=str(data.get("expires"))[:10]))])
    elif told.event.verb == "account.password":
        own = user is not None and told.event.actor_id == user.pk
        told.says = str(T("一次性密码，72 小时内有效", "a one-time password, valid for 72 hours") if data.get("one_time") else
                        T("本人改的", "changed by the person") if own else T("代为设置", "set for the person"))


def _person(username: Any) -> str:
    found = User.objects.filter(username=username or "").first()
    return found.name if found and found.name else str(username or "—")


def _workspace(told: Told, data: dict[str, Any]) -> None:
    told.object = told.event.object_id if told.event.verb != "workspace.init" else ""
    told.says = str(T("规则库 {b}", "rulebook {b}", b=data["book"])) if data.get("book") else ""
    if told.event.verb == "backup.make":
        told.object = f"“{told.event.object_id}”"
        told.says = _joined([str(T("{m} MB，{n} 个文件", "{m} MB, {n} files", m=f"{_n(data, 'bytes') / 1e6:,.1f}", n=f"{_n(data, 'files'):,}")),
                             str(T("备份时查出 {n} 处不符", "{n} faults found while backing up", n=data["faults"])) if data.get("faults") else ""])
    elif told.event.verb == "backup.restore":
        told.object = f"“{data.get('from') or told.event.object_id}”"


def _verify(told: Told, data: dict[str, Any]) -> None:
    told.says = str(T("{n} 条，链头 #{s}，{r}", "{n} events, head #{s}: {r}", n=f"{_n(data, 'count'):,}", s=(data.get("head") or {}).get("seq", ""),
                      r=str(T("全部相符", "all agree") if not data.get("faults") else T("{k} 处不符", "{k} faults", k=len(data["faults"])))))
    told.url, told.right = reverse("certificate", args=[told.event.seq]), "log"


def _year(data: dict[str, Any]) -> str:
    return str(T("{y} 年度统计任务", "the {y} round", y=data.get("year", "")))


def _office_name(code: Any) -> str:
    found = Office.objects.filter(code=str(code or "")).first()
    return found.name if found else str(code or "")


def _units(data: dict[str, Any]) -> str:
    """How many, and the first few by name."""
    ids = sorted(unpacked(data.get("units", "")))
    names: dict[int, str] = {}
    for s in Standing.objects.filter(institution__in=ids[:FEW]).order_by("since"):
        names[s.institution_id] = s.name
    return str(T("{n} 家（{few}{more}）", "{n} institutions ({few}{more})", n=f"{len(ids):,}", few="、".join(names.values()), more="…" if len(ids) > FEW else ""))


def _plan(told: Told, data: dict[str, Any]) -> None:
    told.object, told.url = _year(data), reverse("round-plan", args=[int(told.event.object_id)]) if told.event.object_id.isdigit() else ""
    if told.event.verb == "round.office":
        told.object = f"{_office_name(data.get('office'))}（{_year(data)}）"
        labels = {"mode": T("方式", "mode"), "deadline": T("截止", "due")}
        before, after = data.get("before") or {}, data.get("after") or {}
        told.changes = [{"label": str(labels[k]), "old": before.get(k) or "—", "new": after.get(k) or str(T("沿用上级", "as above"))} for k in labels if before.get(k, "") != after.get(k, "")]
        told.says = _joined(f"{c['label']} {c['old']}→{c['new']}" for c in told.changes)
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


def _extend(told: Told, data: dict[str, Any]) -> None:
    last = Standing.objects.filter(institution_id=data.get("institution")).order_by("-since").first()
    told.object, told.url = last.name if last else "", reverse("institution", args=[data["institution"]]) if last else ""
    until = str(T("延到 {d}", "until {d}", d=data["until"])) if data.get("until") else str(T("取消延期", "taken back"))
    told.says = _joined([until, str(T("原因：{r}", "reason: {r}", r=data.get("reason", "")))])


def _submission(told: Told, data: dict[str, Any]) -> None:
    found = Submission.objects.filter(pk=told.event.object_id).select_related("office").first() if told.event.object_id.isdigit() else None
    told.object = str(T("{o} {y} 年（第 {n} 次）", "{o} for {y} (no. {n})", o=_office_name(data.get("office")), y=data.get("year", ""), n=data.get("number", "")))
    told.url = reverse("round-totals", args=[found.round_id, found.office_id]) if found else ""
    counts = data.get("counts") or {}
    told.says = _joined([str(T("{i} 家 {r} 份", "{i} institutions, {r} returns", i=f"{_n(counts, 'institutions'):,}", r=f"{_n(counts, 'returns'):,}")) if counts else "",
                         data.get("note") or "", str(T("原因：{r}", "reason: {r}", r=data["reason"])) if data.get("reason") else ""])


def _remind(told: Told, data: dict[str, Any]) -> None:
    if told.event.verb == "remind.phones":
        told.object, told.says = _year(data), _units(data)
        return
    told.object = str(data.get("name") or data.get("target", ""))
    words = {"inside": T("站内消息 {n} 人", "{n} messages"), "mail": T("邮件 {n} 封", "{n} e-mails"), "webhook": T("工作群 {n} 次", "{n} to the webhook")}
    told.says = _joined([_units(data), "、".join(str(words[k](n=v)) for k, v in (data.get("channels") or {}).items() if v and k in words)])


def _mailbox(told: Told, data: dict[str, Any]) -> None:
    told.object = _office_name(data.get("office"))
    told.says = str(T("已设", "set") if data.get("set") else T("已去掉", "taken away"))


def _cell(told: Told, institution: Any, period: str, item: str) -> None:
    """A unit, an item and a period as the object, leading to the unit."""
    last = Standing.objects.filter(institution_id=institution).order_by("-since").first()
    known = book().items.get(item)
    told.object = " ".join((last.name if last else str(institution), str(known.label) if known else item, _month(period) if period else ""))
    told.url = reverse("institution", args=[int(institution)]) if last else ""


def _correction(told: Told, data: dict[str, Any]) -> None:
    _cell(told, data.get("institution"), str(data.get("period", "")), str(data.get("item", "")))
    moved = f"{data['old'] if data.get('old') is not None else '—'}→{data.get('new')}" if "new" in data else ""
    side = str(T("在平台改", "on the platform") if data.get("side") == "platform" else T("本库改", "ours")) if data.get("side") else ""
    told.says = _joined([side, moved, str(T("理由：{r}", "reason: {r}", r=data["reason"])) if data.get("reason") else "", data.get("word") or "", *_lines_gone(data)])


def _lines_gone(data: dict[str, Any]) -> list[str]:
    """The lines of the list of corrections that were replaced, and those that stand on the unit's word and were left: the first few by what they asked."""
    said = []
    for key, words in (("replaced", T("替代了原来的 {n} 条：{l}", "in place of {n} lines: {l}")), ("kept", T("单位已确认的 {n} 条不动：{l}", "left {n} lines on the unit's word: {l}"))):
        lines = data.get(key) or []
        few = [f"{c.get('old') or '—'}→{c['new'] if c.get('new') is not None else T('请核实', 'to be checked')}（{c.get('word') or '—'}{' ' if c.get('confirmed_on') else ''}{c.get('confirmed_on', '')}）"
               for c in lines[:FEW]]
        said += [str(words(n=len(lines), l="、".join(few) + ("…" if len(lines) > FEW else "")))] if lines else []
    return said


def _correction_list(told: Told, data: dict[str, Any]) -> None:
    office = Office.objects.filter(code=data.get("office", "")).first()
    told.object = office.name if office else str(data.get("office", ""))
    told.says = str(T("{y} 年第 {n} 次，{k} 项", "{y}, list {n}: {k} lines", y=data.get("year", ""), n=data.get("number", ""), k=len(data.get("lines", []))))
    told.url = reverse("correction-list", args=[int(told.event.object_id)]) if told.event.object_id.isdigit() else ""


def _platform_import(told: Told, data: dict[str, Any]) -> None:
    _file(told, told.event.object_id)
    ticked = data.get("ticked") or {}
    told.says = _joined([_counts(data, T("份", "returns")), str(T("更正清单核对：{s}", "corrections: {s}", s="、".join(f"{STATES.get(k, k)} {n}" for k, n in ticked.items()))) if ticked else ""])
    told.facts.append((T("谁的数", "whose"), str(HOLDERS.get(str(data.get("holder", "")), ""))))


def _explained(told: Told, data: dict[str, Any]) -> None:
    cells = data.get("cells") or [[c["institution"], c["period"], c["item"]] for c in data.get("kept") or []]
    if len(cells) == 1:
        _cell(told, cells[0][0], str(cells[0][1]), str(cells[0][2]))
    else:
        told.object = str(T("{n} 项", "{n} values", n=len(cells)))
    told.says = _joined([str(T("理由：{r}", "reason: {r}", r=data["reason"])) if data.get("reason") else "", *_lines_gone(data)])


def _register_export(told: Told, data: dict[str, Any]) -> None:
    told.object, told.right, told.url = "", "see", reverse("register-export")
    told.says = str(T("{n} 家", "{n} institutions", n=data.get("lines", "")))


def _register_ticked(told: Told, data: dict[str, Any]) -> None:
    _file(told, told.event.object_id)
    ticked = data.get("ticked") or {}
    told.says = _joined([str(T("{n} 家", "{n} institutions", n=data.get("bodies", ""))),
                         str(T("名录变更：{s}", "register changes: {s}", s="、".join(f"{LINE_STATES.get(k, k)} {n}" for k, n in ticked.items()))) if ticked else ""])


def _register_line(told: Told, data: dict[str, Any]) -> None:
    _cell(told, data.get("institution"), "", "")
    told.object = told.object.strip()
    told.says = _joined([to_be_done(data.get("what") or []), str(T("理由：{r}", "reason: {r}", r=data.get("reason", "")))])
def _unit(key: str) -> str:
    last = Standing.objects.filter(institution__key=key).order_by("-since").first()
    return last.name if last else key


def _signed(told: Told, data: dict[str, Any]) -> None:
    """Which parts of a unit signed: never the names, which stay under the return."""
    if told.event.verb == "filling.control":
        told.object = f"{_office_name(data.get('office'))} {data.get('period', '')}"
        told.says = str(T("{n} 个合计", "{n} totals", n=len(data["changes"]))) if data.get("changes") else ""
        return
    told.object = f"{_unit(str(data.get('institution', '')))} {_year(data)}"
    told.says = _joined(["、".join(str(PARTS.get(p, p)) for p in data.get("parts", [])), str(data.get("reason", ""))])


def _waiver(told: Told, data: dict[str, Any]) -> None:
    pk = told.event.object_id
    last = Standing.objects.filter(institution_id=pk).order_by("-since").first() if pk.isdigit() else None
    told.object, told.url = last.name if last else pk, reverse("institution", args=[int(pk)]) if last else ""
    told.says = _joined([str(data.get("rule", "")), str(T("至 {d}", "until {d}", d=data["until"])) if data.get("until") else "", str(T("原因：{r}", "reason: {r}", r=data.get("reason", "")))])


def _behalf(told: Told, data: dict[str, Any]) -> None:
    told.returns = sorted(unpacked(data.get("returns", "")))
    first = names_of(told.returns[:FEW])
    told.object = "、".join(f"{name} {_month(ret.period)}" for ret, name in first) + ("…" if len(told.returns) > len(first) else "")
    if len(told.returns) == 1 and first:
        told.url = reverse("return", args=[first[0][0].pk])
    told.says = _joined([str(T("{w} 于 {d} 确认", "confirmed by {w} on {d}", w=data.get("word", ""), d=data.get("confirmed_on", ""))), str(data.get("reason", ""))])


def _layout(told: Told, data: dict[str, Any]) -> None:
    told.object = f"“{told.event.object_id}”"
    told.right = "import"
    if told.event.verb == "layout.save":
        told.says = str(T("第 {n} 版", "version {n}", n=data.get("number", "")))
        told.url = reverse("layout", args=[told.event.object_id])
    elif told.event.verb == "export.template":
        told.says = str(T("{f}，{p}，{u} 家 {c} 格", "{f}, {p}: {u} units, {c} cells", f=data.get("name", ""), p=data.get("period", ""), u=data.get("units", ""), c=data.get("cells", "")))
    else:
        told.says = str(T("{p}，{u} 家 {r} 行", "{p}: {u} units, {r} rows", p=data.get("period", ""), u=data.get("units", ""), r=data.get("rows", "")))


TELLERS: dict[str, Callable[[Told, dict[str, Any]], None]] = {
    "register.import": _register_import, "register.change": _standing, "register.batch": _change, "register.undo": _change, "register.pair": _pair,
    "office.*": _office, "contact.*": _of_institution, "voucher.*": _of_institution, "round.open": _round_open, "round.sign_off": _sign_off,
    "round.office": _plan, "round.step": _plan, "round.strict": _plan, "round.show": _plan, "round.extend": _extend, "round.submit": _submission,
    "round.take_back": _submission, "remind.*": _remind, "office.mailbox": _mailbox,
    "filling.workbook": _workbook, "filling.*": _signed, "waiver.*": _waiver, "behalf.*": _behalf, "round.signatures": _plan,
    "returns.import": _returns_import, "returns.*": _returns, "snapshot.freeze": _freeze, "ledger.import": _ledger_import, "ledger.*": _ledger_line,
    "document.compose": _compose, "document.confirm": _confirm, "evidence.attach": _evidence, "review.run": _review, "review.candidates": _review, "review.screen": _screen, "review.*": _explanation,
    "decision.*": _decision, "sitting.*": _sitting, "sample.*": _sample, "account.*": _account, "client.*": _account,
    "platform.import": _platform_import, "correction.issue": _correction_list, "correction.ask": _explained, "correction.settle": _explained, "correction.*": _correction, "difference.explain": _explained,
    "layout.save": _layout, "export.layout": _layout, "export.template": _layout, "export.register": _register_export, "platform.register": _register_ticked,
    "register_line.*": _register_line, "workspace.*": _workspace, "backup.*": _workspace, "log.verify": _verify,
}
