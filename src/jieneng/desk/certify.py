"""The verb of the event log itself: check the whole chain against every head kept outside it, and keep the result."""

from __future__ import annotations

from jieneng.people.models import User
from jieneng.people.queries import root_office
from jieneng.people.scope import forbidden, scope
from jieneng.records.events import action, head, hold, record
from jieneng.records.models import Event

from .ops import invariants


def certify(person: User) -> Event:
    """The event that holds the result: head and count as they were, and every fault. Nobody writes meanwhile."""
    if not scope(person, "log") and not scope(person, "operate"):
        raise forbidden(person, "log")
    office = root_office()
    with action():
        hold()
        before = head()
        result = invariants.chain(invariants.Look())
        return record(person, "log.verify", "log", before["seq"], line=office.path if office else "",
                      data={"head": before, "count": result.count, "faults": result.faults})
