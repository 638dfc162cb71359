"""The reminder as a letter (催报函) by office, docx on the page of GB/T 9704, beside the text, the picture and the workbook of a reminder.

In Chinese, as it goes round in the office. Its wording is a sample: the office looks it over, gives it a number and prints it on its own head.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from jieneng.core.words import T, speaking
from jieneng.people.models import Office
from jieneng.people.queries import area_offices, office_in_full
from jieneng.records.files import safe_name
from jieneng.registry.queries import standings
from jieneng.returns.chase.queries import Target, Unit
from jieneng.returns.models import Round
from jieneng.returns.moves import STATES
from jieneng.returns.plan.queries import Plan, plan_of

from .official import Annex, Block, Sheet, Table, in_full, write

HOW = {"A": "请督促有关单位登录国家平台填报。", "B": "请督促有关单位按填报对照单录入国家平台。", "C": "请督促有关单位在本级节能管理系统填报。"}
HOW_ONE = {"A": "请督促该单位登录国家平台填报。", "B": "请督促该单位按填报对照单录入国家平台。", "C": "请督促该单位在本级节能管理系统填报。"}
HOW_UNIT = {"A": "请登录国家平台填报。", "B": "请按填报对照单录入国家平台。", "C": "请在本级节能管理系统填报。"}
"""Where figures are entered, by the mode of the round there."""


def _to(target: Target) -> str:
    """主送机关."""
    if target.institution is not None or target.own:
        return target.units[0].name if len(target.units) == 1 else "各有关单位"
    return office_in_full(target.office)


def signing_name(office: Office) -> str:
    """落款: how the office calls itself. An area's department of this work is a body of the register too: where one alone on its own line is
    named 机关事务…, that is its name; else as ``office_in_full``."""
    own = office.path if office.kind != "city" else next((o.path for o in area_offices() if o.kind == "direct" and o.path.startswith(office.path)), office.path)
    known = list(standings(timezone.localdate()).filter(office__path__startswith=own, name__contains="机关事务", in_scope=True).values_list("name", flat=True)[:2])
    return known[0] if len(known) == 1 and office.kind in ("city", "county", "zone") else office_in_full(office)


def _due(units: Iterable[Unit], today: dt.date) -> str:
    days = sorted({u.deadline for u in units if u.deadline})
    if not days:
        return ""
    last = in_full(days[-1])
    also = "（单独延期的以批准的日期为准）" if len(days) > 1 else ""
    return f"报送截止日为{last}{also}，现已逾期。" if days[-1] < today else f"报送截止日为{last}{also}。"


def _state(u: Unit, year: int) -> str:
    """The state of one unit's return in words: 2022年度……统计报表退回，应报12份，已报11份."""
    return f"{year}年度公共机构能源资源消费统计报表{STATES[u.state].zh}" + (f"，应报{u.returns}份，已报{u.filed}份" if u.returns > 1 else "")


def _blocks(round_: Round, target: Target, plan: Plan, today: dt.date) -> list[Block | Table]:
    n, states, u = len(target.units), Counter(u.state for u in target.units), target.units[0]
    mode, since = plan.mode(u.line), f"截至{in_full(today)}，"
    if n == 1 and (target.institution is not None or target.own):
        first, how = f"{since}你单位{_state(u, round_.year)}。", HOW_UNIT[mode]
    elif n == 1:
        first, how = f"{since}{u.name}{_state(u, round_.year)}。", HOW_ONE[mode]
    else:
        parts = "、".join(f"{STATES[s].zh}{states[s]}家" for s in ("expected", "draft", "returned") if states[s])
        whose = f"{target.office.name}直属单位中" if target.own and target.office.kind != "department" else target.office.name
        first = f"{since}{whose}还有{n}家单位没有报完{round_.year}年度公共机构能源资源消费统计报表，其中{parts}（名单附后）。"
        how = (HOW_UNIT if target.own else HOW)[mode]
    back = "退回的报表请按审核意见核实，改后重报；核实无误的请写明原因。" if states["returned"] else ""
    return [Block("p", first), Block("p", _due(target.units, today) + how + back), Block("p", "请收到后抓紧办理。已报送的，无需再报。")]


@dataclass(frozen=True)
class Signed:
    """Who signs a letter: the office as it calls itself, and whom to ask (blank: written in by hand)."""

    office: str
    name: str = ""
    phone: str = ""


def sheet(round_: Round, target: Target, signed: Signed, today: dt.date, plan: Plan) -> Sheet:
    """The letter before it is written: what is missing, by when, where it is entered; of more than one unit the list is its annex."""
    annexes: tuple[Annex, ...] = ()
    if target.institution is None and len(target.units) > 1:
        rows = [[str(k), u.name, u.department or "—", STATES[u.state].zh, f"{u.filed}/{u.returns}", u.deadline.isoformat() if u.deadline else "—"] for k, u in enumerate(target.units, 1)]
        annexes = (Annex([f"{round_.year}年度", "统计报表", "未报完单位名单"], [Table(["序号", "单位", "主管部门", "状态", "已报/应报", "截止"], rows, [2, 8, 5, 3, 3, 4])]),)
    note = f"联系人：{signed.name or '　　　　　'}　联系电话：{signed.phone or '　　　　　　'}"
    return Sheet(["关于尽快报送", f"{round_.year}年度", "公共机构能源资源消费", "统计报表的函"], _blocks(round_, target, plan, today), signed=signed.office, date=today, to=_to(target),
                 note=note, annexes=annexes)


def letter(round_: Round, target: Target, signed: Signed, today: dt.date, plan: Plan | None = None) -> bytes:
    """One letter as docx bytes."""
    with speaking("zh"):
        return write(sheet(round_, target, signed, today, plan or plan_of(round_)))


def name_of(round_: Round, target: Target) -> str:
    """The file name of a letter."""
    name = target.name.say("zh") if isinstance(target.name, T) else target.name
    return safe_name(f"催报函-{name}-{round_.year}.docx")


def zipped(round_: Round, targets: Iterable[Target], signed: Signed, today: dt.date) -> bytes:
    """The letters to all offices, one docx each; the same names told apart by the code of the office."""
    out, plan = io.BytesIO(), plan_of(round_)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        taken: set[str] = set()
        for t in targets:
            name = name_of(round_, t)
            name = name if name not in taken else f"{t.office.code}-{name}"
            taken.add(name)
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, letter(round_, t, signed, today, plan))
    return out.getvalue()
