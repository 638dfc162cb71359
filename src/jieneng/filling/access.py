"""The year of an institution, opened for writing: by its own people, or by an office that enters for it."""

from __future__ import annotations

from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.scope import require
from jieneng.registry.models import Institution
from jieneng.registry.queries import standing_for
from jieneng.returns.models import Round
from jieneng.returns.queries import book

from .models import Draft
from .queries import Year, year_of


def year_to_write(person: User, round_: Round, institution: Institution, right: str = "file", period: str = "", draft: Draft | None = None) -> Year:
    """The year, once the right over the institution is checked; with a ``period``, over whoever its return is (``registry.queries.standing_for``).
    ``draft``: its draft, where that is locked already.

    Raises ``Refused`` where it has nothing to answer.
    """
    year = year_of(book(), round_, institution, draft)
    if year is None:
        raise refuse("filling.none", T("这个单位在这次统计任务里没有要填的报表", "this institution has nothing to answer in this round"))
    standing = (standing_for(institution, Period.parse(period)) if period else None) or year.standing
    require(person, right, standing.office.path, institution.key)
    return year
