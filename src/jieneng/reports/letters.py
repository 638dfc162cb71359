"""The reminder as a letter (催报函) by office, docx on the page of GB/T 9704, beside the text, the picture and the workbook of a reminder.

In Chinese, as it goes round in the office. Its wording is a sample: the office looks it over, gives it a number and prints it on its own head.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections import Counter
from collections.abc import Iterable

from jieneng.core.words import speaking
from jieneng.records.files import safe_name
from jieneng.returns.chase.queries import Target, Unit
from jieneng.returns.models import Round
from jieneng.returns.moves import STATES
from jieneng.returns.plan.queries import Plan, plan_of

from .official import Annex, Block, Sheet, Table, in_full, write

HOW = {"A": "请督促有关单位登录国家平台填报。", "B": "请督促有关单位按填报对照单录入国家平台。", "C": "请督促有关单位在本级节能管理系统填报。"}
HOW_UNIT = {"A": "请登录国家平台填报。", "B": "请按填报对照单录入国家平台。", "C": "请在本级节能管理系统填报。"}
"""Where figures are entered, by the mode of the round there."""


def _to(target: Target) -> str:
    """主送机关: an area's name stands for its department of this work."""
    return f"{target.name}机关事务管理部门" if target.institution is None and target.office.kind in ("county", "zone") and "机关事务" not in target.name else target.name


def _due(units: Iterable[Unit], today: dt.date) -> str:
    days = sorted({u.deadline for u in units if u.deadline})
    if not days:
        return ""
    last = in_full(days[-1])
    also = "（单独延期的以批准的日期为准）" if len(days) > 1 else ""
    return f"报送截止日为{last}{also}，现已逾期。" if days[-1] < today else f"报送截止日为{last}{also}。"


def _blocks(round_: Round, target: Target, plan: Plan, today: dt.date) -> list[Block | Table]:
    n, states = len(target.units), Counter(u.state for u in target.units)
    mode = plan.mode(target.units[0].line)
    if target.institution is not None:
        u = target.units[0]
        first = f"截至{in_full(today)}，你单位{round_.year}年度公共机构能源资源消费统计报表{STATES[u.state].zh}" + (f"，应报{u.returns}份，已报{u.filed}份" if u.returns > 1 else "") + "。"
        how = HOW_UNIT[mode]
    else:
        parts = "、".join(f"{STATES[s].zh}{states[s]}家" for s in ("expected", "draft", "returned") if states[s])
        first = f"截至{in_full(today)}，{target.name}还有{n}家单位没有报完{round_.year}年度公共机构能源资源消费统计报表，其中{parts}（名单附后）。"
        how = HOW[mode]
    back = "退回的报表请按审核意见核实，改后重报；核实无误的请写明原因。" if states["returned"] else ""
    return [Block("p", first), Block("p", _due(target.units, today) + how + back), Block("p", "请收到后抓紧办理。已经报完的，请不必理会本函。")]


def sheet(round_: Round, target: Target, signed: str, today: dt.date, plan: Plan) -> Sheet:
    """The letter before it is written: what is missing, by when, where it is entered, and the list as its annex."""
    annexes: tuple[Annex, ...] = ()
    if target.institution is None:
        rows = [[str(k), u.name, u.department or "—", STATES[u.state].zh, f"{u.filed}/{u.returns}", u.deadline.isoformat() if u.deadline else "—"] for k, u in enumerate(target.units, 1)]
        annexes = (Annex([f"{round_.year}年度", "统计报表", "未报完单位名单"], [Table(["序号", "单位", "主管部门", "状态", "已报/应报", "截止"], rows, [2, 8, 5, 3, 3, 4])]),)
    return Sheet(["关于尽快报送", f"{round_.year}年度", "公共机构能源资源消费", "统计报表的函"], _blocks(round_, target, plan, today), signed=signed, date=today, to=_to(target),
                 note="联系人：　　　　　联系电话：　　　　　　", annexes=annexes)


def letter(round_: Round, target: Target, signed: str, today: dt.date, plan: Plan | None = None) -> bytes:
    """One letter as docx bytes."""
    with speaking("zh"):
        return write(sheet(round_, target, signed, today, plan or plan_of(round_)))


def name_of(round_: Round, target: Target) -> str:
    """The file name of a letter."""
    return safe_name(f"催报函-{target.name}-{round_.year}.docx")


def zipped(round_: Round, targets: Iterable[Target], signed: str, today: dt.date) -> bytes:
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
