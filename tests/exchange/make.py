"""A platform's export for tests: drafts like those a layout gives, and the file behind them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from jieneng.core.period import Period
from jieneng.exchange import actions
from jieneng.records.events import action
from jieneng.records.models import ReceivedFile
from jieneng.returns.intake import Draft, From
from jieneng.returns.models import Import
from tests.figures.make import answers


def batch(city: dict[str, Any], name: str = "2022年度汇总-最终版(2).xls") -> Import:
    """An import by 周敏 for the whole city."""
    zhou = city["people"]["zhoumin"]
    received, _ = ReceivedFile.objects.get_or_create(sha256=f"{abs(hash(name)):064x}"[:64], defaults={"size": 1, "name": name, "by": zhou})
    with action():
        return Import.objects.create(file=received, layout="platform", layout_hash="x", layout_text="", reads="answers", on_behalf=city["offices"]["341800"], by=zhou)


def drafts(city: dict[str, Any], year: int = 2022, change: Any = None, whole_year: bool = False) -> list[Draft]:
    """What the platform would export of what was filed, ``change(key, month, answers)`` having been at it."""
    made = []
    for n, key in enumerate(city["institutions"], 1):
        for month in range(1, 13):
            given: dict[str, Decimal | None] = answers(year, n, month)
            if change:
                given = change(key, month, given)
            sources = {i: {"sheet": "平台", "cell": f"C{month}", "raw": "", "unit": ""} for i in given}
            made.append(Draft(key, "uscc", Period.month(year, month), From("平台.xls", "平台", f"A{month}", month), answers=given, sources=sources))
    return made


def take(city: dict[str, Any], change: Any = None, who: str = "zhoumin", **more: Any) -> tuple[actions.Outcome, Import]:
    """The platform's export of 2022 taken in."""
    made = batch(city, more.pop("name", "平台.xls"))
    given = more.pop("drafts", None) or drafts(city, change=change)
    return actions.take_platform(city["people"][who], form="consumption", holder=more.pop("holder", "platform"), drafts=given, batch=made, office=city["offices"]["341800"]), made


def off_by_ten(school: str, month: int = 3, item: str = "electricity_kwh", factor: int = 10) -> Any:
    """A change: one unit's one month ten times what it should be."""

    def change(key: str, m: int, given: dict[str, Decimal | None]) -> dict[str, Decimal | None]:
        return {**given, item: (given[item] or Decimal(0)) * factor} if (key, m) == (school, month) else given

    return change
