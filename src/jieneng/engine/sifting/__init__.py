"""First screening (初筛) of a whole nation's wide year: which values of which institutions deserve the full review.

Two years lie beside each other, some thousands of institutions at a time (``blocks``); each institution and item gives a line of ``traits``;
medians of like institutions come from the traits, not from the files (``likes``); the form's checks are judged in doubles that know how far
they may be wrong, and exactly where that matters (``rough``). Everything is +, −, ×, ÷ of doubles, medians that are values themselves, and
a logarithm at the end; ``plain`` does the same with loops. What is compared and how far out is doubtful comes with the ``Sieve``, which
the review makes from the rulebook's own parameters.

    n o c d     months of the quantity now and a year ago, of its cost now and a year ago (doubles; NaN where not answered)
    r           now ÷ a year ago over the months both have (four or more)
    q           of each month: its change ÷ that of the other months; w the farthest from 1 (w ≥ 1 either way), rest the mean of the others
    x           the year per size       p, v   the price now ÷ a year ago; the month whose price is farthest from the others'

Sources: Hidiroglou & Berthelot, Survey Methodology 12, 1986; Iglewicz & Hoaglin 1993 (median and MAD).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from jieneng.rulebook.types import Check

SIGMA, MEAN = 1.4826, 1.2533
"""What a median and a mean of absolute deviations are multiplied by to be a standard deviation of a normal distribution."""
HISTORY = 4
"""Months that both years must have for one to be compared with the other."""
PEERS_FLOOR, PRICE_FLOOR = 0.3, 0.03
SLIP = 4.0
"""By how many times itself an amount may be wrong, in earnest: most of what a power of ten would make of it."""
LARGE_COPY = 1000
"""A single whole number equal to last year's says something from here on; smaller ones meet by chance."""
TRAITS = ("r", "x", "rest", "p", "vrest")
"""What is compared with like institutions."""
FOUND = ("institution", "area", "amount", "before", "safe", "r", "expected", "month", "q", "monthly", "x", "like", "level", "peers", "price", "v", "zy", "zx", "zm", "zp",
         "zv", "same", "flat", "missing", "zeros", "outside", "total", "fine")
"""The columns of a candidate; ``area`` is a place in ``Sifted.areas``."""
COUNTS = ("month", "level", "peers", "same", "flat", "missing", "zeros", "outside", "area")


@dataclass(frozen=True)
class Quantity:
    """An item to be sifted. ``weight``: what one unit counts in its published total; ``floor``: smallest spread of ln of its change."""

    item: str
    beside: str = ""
    cell: str = ""
    weight: float = 1.0
    per: str = ""
    floor: float = 0.02
    stock: bool = False


@dataclass(frozen=True)
class Sieve:
    """What is sifted and by which parameters. ``show``, ``least``: spreads from which a value is doubtful, by itself and with ``large`` of its
    area's total hanging on it. ``up``, ``wide``: area → the region, type → the kind that its group widens to."""

    form: str
    year: int
    months: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    checks: tuple[Check, ...]
    up: Mapping[str, str]
    wide: Mapping[str, str]
    peers: int
    strength: float
    hb: tuple[float, float, float]
    show: float
    least: float
    large: float


@dataclass
class Sifted:
    """Candidates: per item the columns of ``FOUND`` as arrays, by institution; failing edits as (institution, check, first month, how many)."""

    candidates: dict[str, dict[str, np.ndarray]]
    edits: list[tuple[int, str, int, int]]
    institutions: int
    pairs: int
    """Institutions, and pairs of institution and item with anything to look at, that were looked at."""
    totals: dict[tuple[str, str], float]
    """Cell and area → the published total, robustly."""
    areas: list[str]


class Wide(Protocol):
    """What holds the wide files of a form: a snapshot."""

    def wide(self, form: str) -> list[str]: ...

    def columns(self, name: str) -> list[str]: ...

    def file(self, name: str) -> Path: ...


def items_read(sieve: Sieve, there: frozenset[str]) -> tuple[list[Quantity], list[str]]:
    """The quantities that the files have, and all items that they and the checks read. ``there``: the columns of the files."""
    from .rough import items_of

    has = {c.rpartition("__")[0] for c in there if c.rpartition("__")[2] in sieve.months}
    quantities = [q for q in sieve.quantities if q.item in has]
    read = {i for q in quantities for i in (q.item, q.beside, q.per)} | items_of(sieve.checks)
    return quantities, sorted(read & has)
