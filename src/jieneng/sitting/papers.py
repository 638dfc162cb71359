"""The papers of a sitting as docx: notice, sign-in sheet, agenda, list of questions, opinion sheet, minutes (GB/T 9704 page and type).

They are in Chinese, as they go round in the office.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.utils import timezone

from jieneng.core.amount import decimal_of
from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T, speaking
from jieneng.people.queries import area_offices
from jieneng.reports.letters import signing_name
from jieneng.reports.official import Block, Sheet, Table, in_full, write
from jieneng.returns.queries import book
from jieneng.rulebook import unit_words

from .models import ADVICE, VERDICTS, Sitting
from .rooms import Shown, counters, totals_before_after

PAPERS: dict[str, T] = {"notice": T("会议通知", "notice"), "sign-in": T("签到表", "sign-in sheet"), "agenda": T("会议议程", "agenda"), "questions": T("审核问题清单", "list of questions"),
                        "opinion": T("审核意见书", "opinion sheet"), "minutes": T("会审纪要", "minutes")}


def settled(sitting: Sitting, rows: list[Shown]) -> bool:
    """Whether there is anything to write up: a question decided, or what the convener wrote."""
    return bool(sitting.minutes.strip()) or any(r.decision for r in rows)


def _p(text: str) -> Block:
    return Block("p", text)


def _names() -> dict[str, str]:
    return {o.area: o.name for o in area_offices()}


def _title(sitting: Sitting, what: str) -> list[str]:
    return [f"{sitting.round.year}年度", "公共机构", "能源资源消费统计", "会审会", what]


def _when(sitting: Sitting) -> str:
    return in_full(sitting.day) + (sitting.hour or "")


def _group_table(sitting: Sitting) -> Table:
    names = _names()
    rows = [[f"第{g.number}组", "、".join(names.get(a, a) for a in g.members), "、".join(names.get(a, a) for a in g.reviews)] for g in sitting.groups.all()]
    return Table(["组别", "参加县区", "审核县区"], rows or [["—", "—", "—"]], [1, 3, 3])


def _notice(sitting: Sitting, rows: list[Shown], area: str) -> Sheet:
    blocks: list[Block | Table] = [_p(f"为做好{sitting.round.year}年度公共机构能源资源消费统计数据会审工作，定于{_when(sitting)}召开会审会。现将有关事项通知如下："),
              Block("h1", "一、时间和地点"), _p(f"{_when(sitting)}，{sitting.place}。"),
              Block("h1", "二、参加人员"), _p("各县（市、区）、市直有关单位统计人员，名单见签到表。"),
              Block("h1", "三、分组交叉审核"), _p("各组不审核本县区的报表："), _group_table(sitting),
              Block("h1", "四、请带材料"), _p("本县区审核问题涉及单位的电费、水费、燃气、燃油等账单和凭证，建筑面积、用能人数的依据，统计台账。"),
              Block("h1", "五、其他"), _p("审核人员不改数：需要更正的退回填报单位核实，由填报单位确认。")]
    return Sheet(_title(sitting, "通知"), blocks, signed=signing_name(sitting.office), date=timezone.localdate(sitting.at), to="各县（市、区）机关事务管理部门，市直有关单位")


def _sign_in(sitting: Sitting, rows: list[Shown], area: str) -> Sheet:
    names = _names()
    table = [[names.get(a.area, a.area), a.name, a.post, f"{timezone.localtime(a.came_at):%H:%M}" if a.came_at else "", ""] for a in sitting.attendance.all()]
    blank = [["", "", "", "", ""]] * max(4, 12 - len(table))
    return Sheet(_title(sitting, "签到表"), [_p(f"时间：{_when(sitting)}　地点：{sitting.place}"), Table(["县区", "姓名", "单位职务", "到会时间", "签名"], [*table, *blank], [3, 3, 4, 3, 4])])


def _agenda(sitting: Sitting, rows: list[Shown], area: str) -> Sheet:
    steps = ["签到，领取审核问题清单和意见书", f"主持人{sitting.chair or '（待定）'}说明会审要求和分组", f"各组交叉审核，共{sitting.questions.count()}个问题，凭证在桌", "逐题投影，宣读意见，定结论",
             "各组在意见书上签字", "宣布会审结果，布置更正清单和抽查"]
    blocks: list[Block | Table] = [_p(f"时间：{_when(sitting)}　地点：{sitting.place}"), *[_p(f"{n}. {s}。") for n, s in enumerate(steps, 1)], _p("分组如下："), _group_table(sitting)]
    return Sheet(_title(sitting, "议程"), blocks)


def _question_rows(rows: list[Shown]) -> list[list[str]]:
    return [[str(r.question.number), r.area, r.name, r.question.finding.says.get("zh", ""), _suggested(r), _stake(r)] for r in rows]


def _suggested(r: Shown) -> str:
    values = r.question.finding.suggested
    if not values:
        return "—"
    items, lines = book().items, []
    for period, item, value in values[:3]:
        unit = unit_words(book(), items[item].unit, "zh") if item in items else ""
        lines.append(f"{Period.parse(period).label.zh}{items[item].label.zh if item in items else ''} {Decimal(value):,f} {unit}")
    return "；".join(lines) + (f"等{len(values)}处" if len(values) > 3 else "")


def _stake(r: Shown) -> str:
    """What hangs on it: tonnes of coal equivalent, else its share of the local total of its kind (water, cost)."""
    f = r.question.finding
    if f.tce >= 0.05:
        return f"{f.tce:,.1f} tce"
    return "不影响合计" if not f.share else f"占同类 {f.share:.1%}" if f.share >= 0.0005 else "不到同类的 0.1%"


def _questions(sitting: Sitting, rows: list[Shown], area: str) -> Sheet:
    table = Table(["题号", "县区", "单位", "疑点", "建议值", "影响"], _question_rows(rows) or [["—"] * 6], [2, 3, 5, 9, 5, 3])
    return Sheet(_title(sitting, "审核问题清单"), [_p(f"共{len(rows)}个问题，按影响从大到小排列。"), table])


def _opinion(sitting: Sitting, rows: list[Shown], area: str) -> Sheet:
    name = _names().get(area, area)
    mine = [r for r in rows if r.question.finding.area == area]
    sheet = sitting.sheets.filter(area=area).first()
    group = next((g for g in sitting.groups.all() if area in g.reviews), None)
    table = [[str(r.question.number), r.name, r.question.finding.says.get("zh", ""), r.question.opinion or "", ADVICE[r.question.advice].zh if r.question.advice else ""] for r in mine]
    by = f"第{group.number}组（{'、'.join(_names().get(a, a) for a in group.members)}）" if group else "审核组"
    signed = f"审核人（签字）：{sheet.signed_by}　{in_full(sheet.signed_on)}" if sheet else "审核人（签字）：　　　　　　　　　　　　年　　月　　日"
    return Sheet([f"{sitting.round.year}年度", name, "能源资源消费统计", "审核意见书"],
                 [_p(f"经{by}审核{name}{sitting.round.year}年度公共机构能源资源消费统计报表，对{len(mine)}个问题提出以下意见："),
                  Table(["题号", "单位", "疑点", "审核意见", "建议"], table or [["—"] * 5], [2, 4, 8, 7, 4]), _p(signed), _p("被审县区（签字）：　　　　　　　　　　　　年　　月　　日")])


def _totals(sitting: Sitting) -> list[Block | Table]:
    """Every published total before and after the sitting, by the two snapshots; nothing where there are not two yet."""
    found = totals_before_after(sitting)
    if found is None:
        return []
    (before, after), lines = found

    def amount(value: Any, places: int) -> str:
        return "—" if value is None else f"{decimal_of(value, places):,.{places}f}".replace("-", "−")

    rows = [[name or "合计", amount(e0, 1), amount(e1, 1), amount(None if e0 is None or e1 is None else e1 - e0, 1), amount(w0, 0), amount(w1, 0), amount(None if w0 is None or w1 is None else w1 - w0, 0)]
            for name, (e0, w0, e1, w1) in lines]
    said = f"会审前按{in_full(timezone.localdate(before.cutoff))}封存的数，会审后按{in_full(timezone.localdate(after.cutoff))}封存的数；能源单位为吨标准煤，水单位为立方米。"
    return [Block("h1", "会审前后各县区合计"), _p(said), Table(["县区", "能源会审前", "会审后", "增减", "用水会审前", "会审后", "增减"], rows, [3, 4, 4, 3, 4, 4, 3], frozenset(range(1, 7)))]


def _minutes(sitting: Sitting, rows: list[Shown], area: str) -> Sheet:
    n = counters(rows)
    came = sitting.attendance.filter(came_at__isnull=False).count()
    decided = [[str(r.question.number), r.area, r.name, VERDICTS[r.decision.verdict].zh if r.decision else "未议", r.decision.reason if r.decision else "—"] for r in rows]
    text = [_p(line) for line in sitting.minutes.splitlines() if line.strip()]
    blocks: list[Block | Table] = [_p(f"{_when(sitting)}，{signing_name(sitting.office)}在{sitting.place}召开会审会，{f'{sitting.chair}主持，' if sitting.chair else ''}{came}人到会。会议交叉审核了{len(rows)}个问题，"
                 f"已议{n['done']}个：退回核实{n['sent_back']}个，核实无误{n['right']}个，接受说明{n['explained']}个；未议{n['waiting']}个。"),
              *text, Block("h1", "会审结论"), Table(["题号", "县区", "单位", "结论", "理由"], decided or [["—"] * 5], [2, 3, 5, 4, 7])]
    return Sheet(_title(sitting, "纪要"), blocks, signed=signing_name(sitting.office), date=sitting.day)


PARTIAL = {"questions": "不是全部问题", "minutes": "非正式纪要"}
"""Papers of which who does not look over the whole sitting has only a part, and what that part is not."""
MAKE: dict[str, Callable[[Sitting, list[Shown], str], Sheet]] = {"notice": _notice, "sign-in": _sign_in, "agenda": _agenda, "questions": _questions, "opinion": _opinion, "minutes": _minutes}


def paper(sitting: Sitting, code: str, rows: list[Shown], area: str = "", part: str = "") -> bytes:
    """One paper as docx bytes: the questions that the person sees, in Chinese.

    ``part``: who sees only a part of the questions; list and minutes then say so, and the minutes are not signed. Raises ``Refused`` for minutes
    of a sitting at which nothing was decided yet.
    """
    if code == "minutes" and not settled(sitting, rows):
        raise refuse("minutes.nothing", T("还没有议定的问题，不出纪要", "nothing is decided yet: there are no minutes"), do=T("议定问题以后再出", "they can be had once questions are decided"))
    with speaking("zh"):
        made = MAKE[code](sitting, rows, area)
        if part and code in PARTIAL:
            made = replace(made, blocks=[_p(f"（{part}可见部分，{PARTIAL[code]}）"), *made.blocks])
        if code == "minutes":
            made = replace(made, signed="", date=None) if part else replace(made, blocks=[*made.blocks, *_totals(sitting)])
        return write(made)


def name_of(sitting: Sitting, code: str, area: str = "") -> str:
    """The file name of a paper."""
    return f"{sitting.round.year}年会审会{PAPERS[code].zh}{('-' + _names().get(area, area)) if area else ''}.docx"


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
__all__ = ["DOCX", "PAPERS", "name_of", "paper", "settled"]
