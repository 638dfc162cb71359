"""The round of 2022 as it stands after the city's freeze: mixed modes, deadlines, extensions, totals handed up, some returns sent back
after the province looked, and a first reminder. Everything through the actions, so the log tells it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db.models import F

from jieneng.people.models import Office
from jieneng.registry.queries import standings
from jieneng.returns import actions as returns
from jieneng.returns.asks import Ask
from jieneng.returns.chain import actions as chain
from jieneng.returns.chase import actions as chase
from jieneng.returns.models import Return, ReturnFinding, Revision, Round
from jieneng.returns.plan import actions as plan
from jieneng.rulebook.types import Book

DIRECT, FIRST, SECOND = "341800SZ", "341825", "341824"
RETURNED = ("341823", "341802", "341881", "341800SZ")
"""Areas of which a few returns came back after the province's review (made up)."""
EACH = 6


def plan_round(who: Any, round_: Round) -> None:
    """市直 files here, 绩溪 is prefilled here, the others come by the platform; 市直 a week earlier."""
    offices = {o.code: o for o in Office.objects.filter(code__in=(DIRECT, SECOND))}
    plan.set_office(who, round_, offices[DIRECT], mode="C", deadline=dt.date(2023, 2, 21))
    plan.set_office(who, round_, offices[SECOND], mode="B", deadline=None)
    rows = list(standings(dt.date(2022, 12, 31)).filter(in_scope=True, covered_by=None, type="education").order_by("institution__key")[:4])
    for n, s in enumerate(rows):
        plan.extend(who, round_, s.institution, dt.date(2023, 3, 5 + n), "校舍搬迁，账单三月初才出（样例）")


def review_levels(who: Any, book: Book, round_: Round) -> None:
    """Two counties pass their returns in their own word and hand their totals up, before the city accepts."""
    must = ReturnFinding.objects.filter(severity="must", revision=F("ret__revision"), ret__round=round_).values("ret")
    for code in (FIRST, SECOND):
        office = Office.objects.get(code=code)
        members = standings(dt.date(2022, 12, 31)).filter(office__path__startswith=office.path).values("institution")
        rows = Return.objects.filter(round=round_, institution__in=members, state="filed").exclude(pk__in=must)
        chain.batch(who, "pass_county", rows)
        if not Return.objects.filter(round=round_, institution__in=members, state="filed").exists():
            chain.hand_up(who, book, round_, office, "汇总表已盖章（样例）")


def _asked(ret: Return, known: bool) -> Ask:
    """What the province asks about: the item, and of a unit that files here the value on the bill (made up), for the unit to confirm."""
    if not known:
        return Ask(ret.pk, "electricity_kwh", "与账单不一致，请核对抄表日期（样例）")
    typed = Revision.objects.get(ret=ret, number=ret.revision).answers.get("electricity_kwh")
    return Ask(ret.pk, "electricity_kwh", "账单上的数不同，请核对抄表日期（样例）", str(int(Decimal(typed) * 97 / 100)) if typed else "")


def after_freeze(who: Any, round_: Round) -> None:
    """The province asks about a few: reopened with the reason; and the first reminder goes out."""
    for code in RETURNED:
        office = Office.objects.get(code=code)
        members = standings(dt.date(2022, 12, 31)).filter(office__path__startswith=office.path).order_by("institution__key").values_list("institution_id", flat=True)
        rows = Return.objects.filter(round=round_, period="2022-12", state="accepted", institution__in=list(members)[3:200:200 // EACH][:EACH])
        asks = [_asked(r, code == DIRECT) for r in rows]
        if rows.exists():
            returns.act(who, "reopen", rows, reason="省局审核：12 月用电与账单不一致，请核对抄表日期（样例）", asks=asks)
    chase.remind(who, round_, ["office:341823", "office:341802"])
