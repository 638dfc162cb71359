"""What rooms above give to the review, named in a module that their ``AppConfig`` announces
(``later(module, to="review.given")``, core/late.py): tables an office keeps.

    from jieneng.review.given import QUOTAS
    QUOTAS.append(quotas)             # (day) → the quotas in force on it
    DEGREES.append(degrees)           # (years) → the months whose temperatures are known
    PRICES.append(prices)             # (year) → the local prices in force in some of it
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

from jieneng.core.late import arrive
from jieneng.rulebook.reviews import Price, Quota
from jieneng.rulebook.types import Book

from .weather import Degrees

QUOTAS: list[Callable[[dt.date], Iterable[Quota]]] = []
PRICES: list[Callable[[int], Iterable[Price]]] = []
DEGREES: list[Callable[[Sequence[int]], Iterable[Degrees]]] = []


def quotas(book: Book, day: dt.date) -> list[Quota]:
    """The quotas of the rulebook and those the offices keep, in force on a day. Of one code the offices' own holds."""
    arrive("review.given")
    kept = [q for give in QUOTAS for q in give(day)]
    known = {q.code for q in kept}
    shipped = [q for q in book.quotas if q.since <= day and (q.until is None or day <= q.until)]
    return [*kept, *(q for q in shipped if q.code not in known)]


def degrees(years: Sequence[int]) -> list[Degrees]:
    """Heating degree days by region and month."""
    arrive("review.given")
    return [d for give in DEGREES for d in give(years)]


def prices(book: Book, year: int) -> list[Price]:
    """The local prices the offices keep, then those of the rulebook, in force in some of a year."""
    arrive("review.given")
    return [p for p in [*(p for give in PRICES for p in give(year)), *book.prices] if p.since.year <= year and (p.until is None or p.until.year >= year)]
