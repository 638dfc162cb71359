"""A snapshot with known answers in the workspace of a test: three years, four institutions, through the real actions."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from jieneng.core.period import Period
from jieneng.records.events import action
from jieneng.records.models import ReceivedFile
from jieneng.returns import actions
from jieneng.returns.freeze import freeze
from jieneng.returns.intake import Draft, From
from jieneng.returns.models import Import, SnapshotRecord
from jieneng.returns.queries import book
from jieneng.rulebook import form_for


def answers(year: int, n: int, month: int) -> dict[str, Decimal | None]:
    """Simple answers for institution number ``n`` in a month."""
    zero = {i.item: Decimal(0) for i in form_for(book(), "consumption", year).items}
    return {**zero, "electricity_kwh": Decimal(1000 * n + month), "electricity_cost_yuan": Decimal(600 * n), "water_m3": Decimal(10 * n),
            "water_cost_yuan": Decimal(20 * n), "area_m2": Decimal(2000 * n), "people": Decimal(100 * n + month),
            "authorised_staff": Decimal(5 * n), "gas_m3": Decimal(3), "gas_cost_yuan": Decimal(10)}


def file_all(city: dict[str, Any], year: int, *, accept: bool = True, change: Any = None) -> Import:
    """File twelve months of a year for all four institutions as the city office would import them."""
    zhou, office = city["people"]["zhoumin"], city["offices"]["341800"]
    received, _ = ReceivedFile.objects.get_or_create(sha256=f"{year:064x}", defaults={"size": 1, "name": f"{year}.xlsx", "by": zhou})
    with action():
        batch = Import.objects.create(file=received, layout="test", layout_hash="x", layout_text="", reads="answers", on_behalf=office, by=zhou)
    actions.open_round(zhou, book(), form="consumption", year=year, office=office, rhythm="month", deadline=dt.date(year + 1, 2, 28))
    drafts = []
    for n, key in enumerate(city["institutions"], 1):
        for month in range(1, 13):
            given = answers(year, n, month)
            if change:
                given = change(key, month, given)
            sources = {i: {"sheet": "消费状况", "cell": f"{chr(65 + k % 26)}{month}", "raw": "", "unit": ""} for k, i in enumerate(given)}
            drafts.append(Draft(identifier=key, scheme="uscc", period=Period.month(year, month),
                                at=From(file=received.name, sheet="消费状况", cell=f"A{month}", row=month), answers=given, sources=sources))
    outcome = actions.import_answers(zhou, book(), form="consumption", drafts=drafts, batch=batch, office=office, accept=accept)
    assert outcome.problems == [], outcome.problems
    return batch


def frozen(city: dict[str, Any], year: int = 2022) -> SnapshotRecord:
    """Two years filed, accepted and frozen."""
    file_all(city, year - 1)
    file_all(city, year)
    return freeze(city["people"]["zhoumin"], book(), year)
