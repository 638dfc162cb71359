"""The table of moves: state × verb → state, and which right it takes. Tested as a table, drawn in the docs from it."""

from __future__ import annotations

from dataclasses import dataclass

from jieneng.core.problem import refuse
from jieneng.core.words import T

STATES: dict[str, T] = {
    "expected": T("未报", "not filed"),
    "draft": T("填报中", "being filled in"),
    "filed": T("已报", "filed"),
    "returned": T("退回", "sent back"),
    "dept_ok": T("部门已审", "reviewed by department"),
    "county_ok": T("县级已审", "reviewed by county"),
    "accepted": T("市级已审", "accepted by city"),
    "signed": T("已审定", "signed off"),
    "exempt": T("免报", "exempt"),
    "covered": T("代报", "covered by another"),
}


@dataclass(frozen=True)
class Move:
    """Where a verb leads, the right it takes, whether a reason must be given, and whether it is the top office's own word (``top``)."""

    to: str
    right: str
    reason: bool = False
    top: bool = False


VERBS: dict[str, T] = {
    "save": T("保存", "save"),
    "file": T("上报", "file"),
    "withdraw": T("撤回", "withdraw"),
    "import": T("导入", "import"),
    "send_back": T("退回核实", "send back"),
    "pass_department": T("部门审核通过", "pass at department"),
    "pass_county": T("县级审核通过", "pass at county"),
    "accept": T("市级审核通过", "accept"),
    "sign": T("审定", "sign off"),
    "take_back": T("撤回审核通过", "take the pass back"),
    "reopen": T("重新打开", "reopen"),
    "exempt": T("免报", "exempt"),
    "include": T("恢复应报", "expect again"),
    "cover": T("由其他单位代报", "mark as covered"),
}

_OPEN = ("expected", "draft", "returned")
_UNDER_REVIEW = ("filed", "dept_ok", "county_ok")

MOVES: dict[tuple[str, str], Move] = {
    **{(s, "save"): Move("draft" if s != "returned" else "returned", "file") for s in _OPEN},
    **{(s, "file"): Move("filed", "file") for s in _OPEN},
    # taken back by the unit itself while no reviewer has said anything
    ("filed", "withdraw"): Move("draft", "file"),
    # a platform export may bring a new value for a return under review: a new revision, to be reviewed again
    **{(s, "import"): Move("filed", "import") for s in (*_OPEN, *_UNDER_REVIEW)},
    # what the city accepted only the city takes back, by whatever way: a county or department asks it to reopen
    ("accepted", "import"): Move("filed", "accept", top=True),
    **{(s, "send_back"): Move("returned", "review", reason=True) for s in ("filed", "dept_ok")},
    # what the county has passed is no longer the department's to send back
    ("county_ok", "send_back"): Move("returned", "accept", reason=True),
    ("filed", "pass_department"): Move("dept_ok", "review"),
    **{(s, "pass_county"): Move("county_ok", "accept") for s in ("filed", "dept_ok")},
    ("dept_ok", "take_back"): Move("filed", "review"),
    ("county_ok", "take_back"): Move("filed", "accept"),
    # 市级已审 is the city's word: a county's is pass_county
    **{(s, "accept"): Move("accepted", "accept", top=True) for s in _UNDER_REVIEW},
    ("accepted", "sign"): Move("signed", "sign"),
    ("accepted", "reopen"): Move("returned", "accept", reason=True, top=True),
    ("signed", "reopen"): Move("returned", "sign", reason=True, top=True),
    **{(s, "exempt"): Move("exempt", "edit_register", reason=True) for s in _OPEN},
    # an exemption taken back: what never held anything is expected, what had been sent back is with its unit again
    ("exempt", "include"): Move("expected", "edit_register", reason=True),
    ("exempt", "reopen"): Move("returned", "edit_register", reason=True),
    ("expected", "cover"): Move("covered", "edit_register", reason=True),
}


def move(state: str, verb: str) -> Move:
    """The move, or ``Refused`` naming what is possible instead."""
    if state not in STATES or verb not in VERBS:
        raise KeyError((state, verb))
    if (found := MOVES.get((state, verb))) is not None:
        return found
    possible = [str(VERBS[v]) for (s, v) in MOVES if s == state]
    raise refuse(
        "returns.move",
        T("报表是“{state}”，不能{verb}", "the return is “{state}” and cannot be: {verb}",
          state=str(STATES[state]), verb=str(VERBS[verb])),
        do=T("现在可以：{possible}", "possible now: {possible}", possible="、".join(possible) or "—"),
    )


def as_mermaid() -> str:
    """The table as a state diagram for the docs."""
    lines = ["stateDiagram-v2"]
    for (state, verb), m in MOVES.items():
        lines.append(f"    {state} --> {m.to}: {verb} ({m.right})")
    return "\n".join(lines)
