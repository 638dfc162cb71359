"""What a review finds, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .robust import Array
from .stakes import Line


@dataclass
class Found:
    """One finding before it is put into words. ``months`` empty: the whole year. Amounts in the item's unit."""

    row: int
    item: str
    kind: str
    months: tuple[int, ...]
    found: float
    expected: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    suspicion: float = 0.0
    name: str = ""
    where: str = "quantity"
    basis: str = ""
    level: int = -1
    peers: int = 0
    before: float = float("nan")
    other: str = ""
    suggested: list[tuple[int, str, float]] = field(default_factory=list)
    """(month or 0, item, value)."""
    mean: float = 0.0
    square: float = 0.0
    amount: float = 0.0
    """E|reported − true|."""
    tce: float = 0.0
    share: float = 0.0
    score: float = 0.0
    explanation: int = 0
    """The explanation that covers it."""
    ratio: float = float("nan")
    """Of a batch: the share of its institutions."""
    also: tuple[str, ...] = ()
    """Checks of the form that fail on the same."""
    words: tuple[str, Any, Any, int] | None = None
    """Of a check of the form: severity, its words, how many returns."""
    degrees: tuple[float, float, str] | None = None
    """Heating degree days of its months then and now, and the station, where the expectation was moved by them."""
    outside: tuple[float, int, int] | None = None
    """Its change lies beyond the bounds of its like (Hidiroglou–Berthelot): the change, the level of the group and its size."""
    twin: tuple[str, float] | None = None
    """The other item of two in each other's rows, and by how much it is off."""
    outside_price: tuple[float, float, float, tuple[str, str]] | None = None
    """Its price, the span of the local table it lies outside of, and whose table that is."""
    together: float = float("nan")
    """Of a whole year judged by most of its months: what all its months add up to, where that is something else."""
    single: list[tuple[int, float, float, float, float]] = field(default_factory=list)
    """Of each of its months: the month, found, expected, and the bounds."""
    located: list[tuple[str, str, float]] = field(default_factory=list)
    """Period, item and value: the smallest set of fields whose change satisfies the form's checks (``locate``)."""
    group: tuple[str, str] | None = None
    """Where it is not a group of the panel: what it is compared with."""


@dataclass
class Assessed:
    """All findings in order, the line, and the totals by area they may move."""

    found: list[Found]
    line: Line
    places: list[tuple[str, str]]
    """(cell, area) per total."""
    totals: Array
