"""The words of a reminder: one subject, one day, one list. The same for a message, an e-mail, a chat, and the picture of the list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from html import escape

from jieneng.core.words import T, language

from ..models import Round
from ..moves import STATES
from .queries import Target, Unit

NAMED = 60
"""How many names a text or one picture lists; the rest are counted and on the next picture."""


def day_words(day: dt.date | None, over: bool = False) -> T:
    """2 月 28 日截止."""
    if day is None:
        return T("请尽快报送", "please file soon")
    zh, en = ("已截止", "they were due on") if over else ("截止", "they are due by")
    return T("{m} 月 {d} 日{c}", "{ce} {e}", m=day.month, d=day.day, c=zh, ce=en, e=day.strftime("%-d %B"))


def subject(round_: Round, target: Target, today: dt.date) -> T:
    """【节能】泾县：2022 年度年报还有 68 家未报完（名单附后），2 月 28 日截止。"""
    day = max((u.deadline for u in target.units if u.deadline), default=None) if target.institution is None else target.units[0].deadline
    over = day is not None and day < today
    when = day_words(day, over)
    zh, en = when.say("zh"), when.say("en")
    if target.institution is not None:
        state = STATES[target.units[0].state]
        return T("【节能】{o}：{y} 年度年报{s}，{c}。", "[Energy] {o}: the {y} returns are {se}; {ce}.", o=target.name, y=round_.year,
                 s=state.say("zh"), se=state.say("en"), c=zh, ce=en)
    return T("【节能】{o}：{y} 年度年报还有 {n} 家未报完（名单附后），{c}。", "[Energy] {o}: {n} institutions have not filed all of {y} (list below); {ce}.",
             o=target.name, y=round_.year, n=len(target.units), c=zh, ce=en)


def lines(units: Sequence[Unit], limit: int = NAMED) -> list[str]:
    """The names by department and state: 教体局：示例小学（未报）、示例中学（退回）."""
    groups: dict[str, list[str]] = {}
    for u in units[:limit]:
        state = str(STATES[u.state]) + (f" {u.filed}/{u.returns}" if u.returns > 1 and u.filed else "")
        groups.setdefault(u.department or str(T("不归部门的单位", "no department")), []).append(f"{u.name}（{state}）")
    found = [f"{department}：{'、'.join(names)}" for department, names in groups.items()]
    if len(units) > limit:
        found.append(str(T("……另有 {n} 家", "… and {n} more", n=len(units) - limit)))
    return found


def text(round_: Round, target: Target, today: dt.date) -> str:
    """What is pasted into a chat or sent by e-mail."""
    said = [str(subject(round_, target, today))]
    if target.institution is None:
        said += lines(target.units)
    return "\n".join(said)


ROW, TOP, WIDTH = 34, 116, 760


def picture(round_: Round, target: Target, today: dt.date, page: int = 1) -> str:
    """The list as an SVG picture to put into a chat: title, day, number, unit, department, state. ``page`` counts from 1."""
    part = target.units[(page - 1) * NAMED:page * NAMED]
    height = TOP + ROW * max(1, len(part)) + 44
    font = 'font-family="Microsoft YaHei,PingFang SC,Noto Sans CJK SC,sans-serif"'
    heads = ((24, T("序号", "No.")), (84, T("单位", "Institution")), (430, T("主管部门", "Department")), (660, T("状态", "State")))
    fills = {"expected": "#44525f", "draft": "#44525f", "returned": "#8a4f00"}
    body = []
    for n, u in enumerate(part):
        y = TOP + n * ROW
        if n % 2:
            body.append(f'<rect x="12" y="{y}" width="{WIDTH - 24}" height="{ROW}" fill="#f7f9fb"/>')
        for x, cell, fill in ((24, str((page - 1) * NAMED + n + 1), "#5b6976"), (84, _cut(u.name, 32), "#1b2733"), (430, _cut(u.department or "—", 20), "#44525f"),
                              (660, str(STATES[u.state]), fills.get(u.state, "#1b2733"))):
            body.append(f'<text x="{x}" y="{y + 23}" font-size="15" fill="{fill}">{escape(cell)}</text>')
    title = str(T("{o}　{y} 年度年报未报完 {n} 家", "{o}: {n} have not filed all of {y}", o=target.name, y=round_.year, n=len(target.units)))
    day = max((u.deadline for u in target.units if u.deadline), default=None)
    note = str(T("{t} 统计　截止 {d}", "as of {t}, due {d}", t=today.isoformat(), d=day.isoformat() if day else "—"))
    head = "".join(f'<text x="{x}" y="104" font-size="13" font-weight="600" fill="#44525f">{escape(str(w))}</text>' for x, w in heads)
    pages = -(-len(target.units) // NAMED) or 1
    foot = str(T("第 {a}/{b} 张", "picture {a} of {b}", a=page, b=pages)) if pages > 1 else ""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" lang="{language()}" {font}>'
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/><rect width="{WIDTH}" height="8" fill="#12345c"/>'
            f'<text x="24" y="46" font-size="21" font-weight="600" fill="#1b2733">{escape(title)}</text>'
            f'<text x="24" y="72" font-size="14" fill="#5b6976">{escape(note)}</text><rect x="12" y="84" width="{WIDTH - 24}" height="32" fill="#eef2f6"/>'
            f'{head}{"".join(body)}<text x="24" y="{height - 16}" font-size="13" fill="#5b6976">{escape(foot)}</text></svg>')


def _cut(text_: str, width: int) -> str:
    """A text cut to so many half-width columns."""
    from jieneng.records.workbook import wide

    while wide(text_) > width:
        text_ = text_[:-2] + "…"
    return text_
