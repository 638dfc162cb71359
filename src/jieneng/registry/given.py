"""What rooms above give to the register's pages and verbs, named when Django starts (the register cannot import them).

    sizes(institutions, year)        {institution: {"area_m2": text, "people": text}} as last answered in the year
    years()                          the years that have rounds, newest first
    panels(request, institution, inside)   what the page of one institution shows of returns and figures
    used(institutions, year)         {institution: items answered above zero in the year}
    owed(institutions, since)        {institution: returns that are open for months from a day on}
    energy(institutions, year)       {institution: energy of the year in tce, from the newest snapshot}
    follow(person, institutions, reason)   what follows from a change of standing for what the bodies still have to answer
    rows(path, name)                 the cells of a workbook as rows of (sheet, row number, {column letter: text})
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jieneng.core.late import arrive

GIVEN: dict[str, Callable[..., Any]] = {}


def gives(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Name the function that gives ``name``."""

    def register(give: Callable[..., Any]) -> Callable[..., Any]:
        GIVEN[name] = give
        return give

    return register


def given(name: str, *args: Any) -> Any:
    """Ask for it. Raises ``KeyError`` where no room gives it: a program error, not a person's."""
    arrive()
    return GIVEN[name](*args)
