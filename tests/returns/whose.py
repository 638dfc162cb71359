"""Bodies that move from one office to another, and answers brought in by one of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from jieneng.core.period import Period
from jieneng.people.models import Office
from jieneng.records.events import action
from jieneng.records.models import ReceivedFile
from jieneng.registry.models import Institution, Standing
from jieneng.returns import actions
from jieneng.returns.intake import Draft, From
from jieneng.returns.models import Import
from jieneng.returns.queries import book


def move_to(institution: Institution, office: Office, since: dt.date) -> Standing:
    """Another statistical line from a day on, everything else as it was."""
    row = institution.standings.order_by("-since")[0]
    row.pk, row._state.adding = None, True
    row.since, row.office, row.area, row.department = since, office, office.area, ""
    row.save(force_insert=True)
    return row


def bring_in(city: dict[str, Any], who: str, office: str, key: str, period: str, given: Mapping[str, int | Decimal | None]) -> actions.Outcome:
    """Values of one return, imported by a person on behalf of an office."""
    person, on_behalf = city["people"][who], city["offices"][office]
    received, _ = ReceivedFile.objects.get_or_create(sha256=f"{period:0>64}", defaults={"size": 1, "name": "水表.xlsx", "by": person})
    with action():
        batch = Import.objects.create(file=received, layout="t", layout_hash="x", layout_text="", reads="answers", on_behalf=on_behalf, by=person)
    one = Draft(identifier=key, scheme="uscc", period=Period.parse(period), at=From(received.name, "Sheet1", "A2", 2), answers={k: None if v is None else Decimal(v) for k, v in given.items()})
    return actions.import_answers(person, book(), form="consumption", drafts=[one], batch=batch, office=on_behalf)
