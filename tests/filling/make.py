"""A round in which 市直 and schools file here (mode C), with last year beside it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from jieneng.filling.queries import Year, year_of
from jieneng.returns import actions
from jieneng.returns.models import Round
from jieneng.returns.queries import book
from tests.figures.make import file_all
from tests.people_by_name import SCHOOL_ONE

PAGE = "filling-year"


def open_year(city: dict[str, Any], year: int = 2022, *, rhythm: str = "month", last_year: bool = True, mode: str = "C") -> Round:
    """Last year filed and accepted; this year's round open, to be filed here."""
    if last_year:
        file_all(city, year - 1)
    return actions.open_round(city["people"]["zhoumin"], book(), form="consumption", year=year, office=city["offices"]["341800"], rhythm=rhythm,
                              mode=mode, deadline=dt.date(year + 1, 2, 28))


def the_year(city: dict[str, Any], round_: Round, key: str = SCHOOL_ONE) -> Year:
    found = year_of(book(), round_, city["institutions"][key])
    assert found is not None
    return found


def good_values(year: Year) -> dict[str, str]:
    """Everything a year needs, like last year: nothing stands in its way."""
    values = {f"all.{e.code}": "0" for e in year.shape.standing}
    values |= {"all.area_m2": "2000", "all.people": "101", "all.authorised_staff": "5"}
    for family in year.shape.families:
        if family not in ("electricity_kwh", "water_m3", "gas_m3"):
            values[f"unused.{family}"] = "1"
    for p in year.periods:
        values |= {f"{p}.electricity_kwh": "1,010", f"{p}.electricity_cost_yuan": "600", f"{p}.water_m3": "10", f"{p}.water_cost_yuan": "20",
                   f"{p}.gas_m3": "3", f"{p}.gas_cost_yuan": "10"}
    return values
