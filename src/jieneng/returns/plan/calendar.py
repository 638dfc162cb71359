"""The calendar a round is planned by (reality.md 2): statistics of year N are collected in the first months of N+1. All days can be changed."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass

from jieneng.core.words import T


@dataclass(frozen=True)
class Step:
    """A step with the days it runs from and to, both included."""

    code: str
    name: T
    since: dt.date
    until: dt.date


def default_steps(year: int) -> tuple[Step, ...]:
    """The usual calendar for the statistics of ``year``. Source: practice of the trade (样例, no document names these days).

    >>> [s.until.isoformat() for s in default_steps(2022)][:2]
    ['2023-01-10', '2023-02-28']
    """
    y = year + 1
    return (
        Step("notice", T("布置通知", "notice"), dt.date(y, 1, 3), dt.date(y, 1, 10)),
        Step("units", T("单位报送", "units file"), dt.date(y, 1, 11), dt.date(y, 2, calendar.monthrange(y, 2)[1])),
        Step("county", T("县级审核", "county review"), dt.date(y, 3, 1), dt.date(y, 3, 10)),
        Step("sitting", T("全市会审", "city sitting"), dt.date(y, 3, 13), dt.date(y, 3, 17)),
        Step("province", T("报省局", "to the province"), dt.date(y, 3, 20), dt.date(y, 3, 31)),
        Step("nation", T("省、国家审核", "province and nation review"), dt.date(y, 4, 1), dt.date(y, 4, 30)),
    )
