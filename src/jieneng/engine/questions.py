"""What may be asked of an engine, and what it answers: the one protocol that every engine keeps to the last digit.

Nothing here computes: the questions in plain words, the types of their answers, and what all engines check of a question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

from jieneng.core.period import Period
from jieneng.rulebook.types import Check

from .screening import Screened
from .sifting import Sieve, Sifted, Wide
from .snapshot import BODIES, KEYS, Snapshot, due_bit

GROUPS = ("period", "area", "department", "territory", "type", "institution", "line", "status")
COLUMNS = frozenset(k for k, _ in KEYS)
STANDING = frozenset({"institution", "code", "line", "area", "department", "territory", "type"})
"""Columns that say where an institution stands, in whatever period."""
EVERY = "*"
"""After an item in ``complete``: answered in every period that was due, not only once."""
PREFIX = {"area:2": 2, "area:4": 4}
"""In ``by`` of ``spread``: the province and the city that an area's division code begins with (GB/T 2260)."""
_BODY_COLUMNS = frozenset(k for k, _ in BODIES)


@dataclass(frozen=True)
class Ask:
    """An item and how it goes over time: sum, last or mean."""

    item: str
    over_time: str = "sum"


@dataclass(frozen=True)
class Total:
    """The exact total of an item in a group; ``value`` None when nobody answered."""

    value: Fraction | None
    members: int
    cells: int


@dataclass
class Group:
    """One group: its keys, how many institutions and rows it has, and the total of each item asked."""

    keys: dict[str, Any]
    members: int
    rows: int
    totals: dict[str, Total] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One reported value with its return."""

    institution: int
    code: str
    name: str
    area: str
    period: str
    value: Decimal
    return_id: int
    revision: int
    status: str


@dataclass(frozen=True)
class Uncovered:
    """An institution that does not answer all that a figure needs: ``missing`` names the items it never answered, ``partial``
    those it answered in some of the periods that were due; both empty: nothing was filed."""

    keys: tuple[Any, ...]
    institution: int
    name: str
    missing: tuple[str, ...]
    partial: tuple[str, ...] = ()


@dataclass(frozen=True)
class LedgerAnswer:
    """What a ledger says: a number, texts, and the number of lines it rests on."""

    value: Fraction | None
    texts: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Term:
    """An institution's total of an item, times a factor (a coefficient as dated; kgce per kWh for example)."""

    item: str
    over_time: str = "sum"
    factor: Decimal = Decimal(1)


@dataclass(frozen=True)
class Indicator:
    """A number of one institution: the sum of ``upper``, over the sum of ``lower`` where there is one.

    Unknown where a term is unknown or the lower side is not above zero. ``complete`` as in ``sums``.
    """

    upper: tuple[Term, ...]
    lower: tuple[Term, ...] = ()
    complete: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[Term, ...]:
        return (*self.upper, *self.lower)

    @property
    def asks(self) -> tuple[Ask, ...]:
        """What must be added for it."""
        return tuple(Ask(t.item, t.over_time) for t in self.terms)

    @property
    def items(self) -> set[str]:
        return {t.item for t in self.terms}


@dataclass(frozen=True)
class Rank:
    """An institution's number and its place in the group, the largest first; equal numbers share a place."""

    institution: int
    value: float
    rank: int


@dataclass(frozen=True)
class Spread:
    """How an indicator is spread over the institutions of a group: how many have one, the least, the quantiles asked, the most.

    Doubles, for comparing and ranking; a printed figure is never made from them.
    """

    keys: tuple[Any, ...]
    members: int
    least: float
    quantiles: tuple[float, ...]
    most: float
    ranks: tuple[Rank, ...] = ()


class Engine(Protocol):
    """What figures ask of an engine. Every engine gives the same answers, to the last digit.

    ``where`` maps a column of the file to a value or to several (any of them), or to ``{"not": […]}`` (none of them); ``line`` is a prefix of the reporting
    line. It chooses what is added; what is known of an institution (its last answered month, how many months it
    answered, whether it is ``complete``) always comes from all its rows in the period.
    """

    def sums(self, snapshot: Snapshot, asks: Sequence[Ask], *, form: str, period: Period, by: Sequence[str] = (),
             where: Mapping[str, Any] | None = None, complete: Sequence[str] = ()) -> list[Group]:
        """Exact totals per group, ordered by keys. An item that no edition in the snapshot asks has value None.

        ``complete``: only institutions that answered each of these items at least once in the period, or in every period that
        was due where the item ends in ``*`` (a snapshot from before 2026-11 does not know what was due: once is enough there).
        An item written ``2021:electricity_kwh`` must have been answered in that other period, by an institution that stood inside
        ``where`` and in the same group then too (同口径: the same members in both periods).
        """

    def spread(self, snapshot: Snapshot, indicator: Indicator, *, form: str, period: Period, by: Sequence[str] = (),
               where: Mapping[str, Any] | None = None, quantiles: Sequence[float] = (0.25, 0.5, 0.75), ranked: Sequence[int] = ()) -> list[Spread]:
        """Ranks and quantiles of an indicator of institutions, per group, ordered by keys; groups without a known number are left out.

        ``by`` may also hold ``area:2`` and ``area:4``: the province and city in an area's code. Quantiles are interpolated
        as by ``PERCENTILE_CONT``. ``ranked``: the institutions whose rank is told, by rank then id. Exact totals are cast to doubles
        and every engine does the same steps on them in the same order, so that these too agree to the last bit.
        """

    def members(self, snapshot: Snapshot, form: str, period: Period, *, by: Sequence[str] = (),
                where: Mapping[str, Any] | None = None, expected: bool = True) -> dict[tuple[Any, ...], int]:
        """Institutions per group: those with a return in the period, and those ``expected`` to answer that did not.

        Who was expected is known for the year that the snapshot was made for, as the bodies stood at its end.
        """

    def covered(self, snapshot: Snapshot, form: str, period: Period, needs: Sequence[Sequence[str]], *, by: Sequence[str] = (),
                where: Mapping[str, Any] | None = None) -> dict[tuple[Any, ...], list[int]]:
        """Institutions per group that answered all of each of ``needs`` (items as in ``complete``, of this period only)."""

    def uncovered(self, snapshot: Snapshot, form: str, period: Period, items: Sequence[str], *, by: Sequence[str] = (),
                  where: Mapping[str, Any] | None = None, expected: bool = True, limit: int = 1000) -> list[Uncovered]:
        """The institutions that ``members`` counts and that did not answer all ``items`` (as in ``complete``), by keys, name and id."""

    def cells(self, snapshot: Snapshot, item: str, *, form: str, period: Period, where: Mapping[str, Any] | None = None,
              take: str = "sum", complete: Sequence[str] = (), limit: int = 100, offset: int = 0) -> list[Cell]:
        """The reported values behind a selection, by period then largest first. ``take`` last: only the months that count."""

    def names(self, snapshot: Snapshot, form: str, period: Period, institutions: Sequence[int]) -> dict[int, str]:
        """The names of institutions as in their last row of the period."""

    def screen(self, snapshot: Snapshot, form: str, checks: Sequence[Check], period: Period, *,
               where: Mapping[str, Any] | None = None, limit: int = 100) -> list[Screened]:
        """Every check over all returns of the period: applied, failed, not applied, and the first failing returns."""

    def sift(self, snapshot: Wide, sieve: Sieve) -> Sifted:
        """The first screening of a year: the values that deserve the full review, and the checks of the form that fail, from the wide years."""

    def ledger(self, snapshot: Snapshot, kind: str, *, take: str, column: str = "", where: Mapping[str, Any] | None = None
               ) -> LedgerAnswer:
        """Count lines, sum a column, count distinct values, list them, or give the one value.

        ``where`` may also hold ``{"from": …, "to": …}`` (inclusive). A value that is not there exactly once is unknown.
        """

    def ledger_rows(self, snapshot: Snapshot, kind: str, where: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The lines of a ledger as frozen, by key."""


def periods_of(period: Period) -> tuple[str, ...]:
    """The row periods that lie in a period: its months, and itself."""
    whole = [Period(kind, period.year, i) for kind, n in (("year", 1), ("half", 2), ("quarter", 4)) for i in range(1, n + 1)]
    return tuple(sorted({str(p) for p in (*whole, *period.months) if p in period}))


def due_bits(period: Period) -> int:
    """The bits (``due_bit``) of all row periods that lie in a period."""
    return sum(due_bit(Period.parse(p)) for p in periods_of(period))


def bare(item: str) -> str:
    """An item of ``complete`` without its mark."""
    return item.removesuffix(EVERY)


def knows_due(snapshot: Snapshot, form: str) -> bool:
    """Whether the snapshot says what was due."""
    return all("due" in snapshot.columns(n) for n in snapshot.forms(form))


def as_known(snapshot: Snapshot, form: str, complete: Sequence[str]) -> tuple[str, ...]:
    """``complete`` as the snapshot can answer it: where it does not know what was due, an answer is enough."""
    return tuple(complete) if knows_due(snapshot, form) else tuple(dict.fromkeys(bare(i) for i in complete))


def known_items(snapshot: Snapshot, form: str) -> set[str]:
    """The items that any edition of a form in the snapshot asks."""
    return {i for name in snapshot.forms(form) for i in snapshot.items(name)}


def check_groups(by: Sequence[str]) -> None:
    """Only the columns meant for it may group. Raises ``ValueError``."""
    if strange := set(by) - set(GROUPS):
        raise ValueError(f"cannot group by {sorted(strange)}; possible: {GROUPS}")


def check_where(where: Mapping[str, Any], columns: frozenset[str] = COLUMNS) -> None:
    """Only columns that the file has may filter. Raises ``ValueError``: a filter that means nothing is never ignored."""
    if strange := set(where) - columns:
        raise ValueError(f"cannot filter by {sorted(strange)}; possible: {sorted(columns)}")


def check_asks(asks: Sequence[Ask]) -> None:
    """Raises ``ValueError`` for a way over time that is not sum, last or mean, or an item asked twice."""
    if strange := {a.over_time for a in asks} - {"sum", "last", "mean"}:
        raise ValueError(f"over_time {sorted(strange)}: expected sum, last or mean")
    if len({a.item for a in asks}) != len(asks):
        raise ValueError(f"an item is asked twice: {[a.item for a in asks]}")


def check_indicator(indicator: Indicator, by: Sequence[str], quantiles: Sequence[float]) -> None:
    """Raises ``ValueError`` for an indicator, a grouping or a quantile that means nothing."""
    check_groups([b for b in by if b not in PREFIX])
    check_asks(indicator.asks)
    if not indicator.upper:
        raise ValueError("an indicator needs a term")
    if strange := [q for q in quantiles if not 0 <= q <= 1]:
        raise ValueError(f"quantiles {strange}: expected 0 to 1")


def bodies_usable(snapshot: Snapshot, period: Period, by: Sequence[str], where: Mapping[str, Any]) -> bool:
    """Whether those that had to answer can be told: bodies stand as at the end of the snapshot's own year."""
    return snapshot.year == period.year and {*by, *where} <= _BODY_COLUMNS


def split_complete(complete: Sequence[str]) -> tuple[list[str], dict[Period, list[str]]]:
    """What must be answered in the period itself, and what in which other period (``2021:`` alone: only be there)."""
    own: list[str] = []
    other: dict[Period, list[str]] = {}
    for text in complete:
        period, colon, item = text.rpartition(":")
        if colon:
            other.setdefault(Period.parse(period), []).extend([item] if item else [])
        else:
            own.append(item)
    return own, other


def asked_of(complete: Sequence[str]) -> set[str]:
    """The items that ``complete`` names, of whatever period."""
    return {bare(text.rpartition(":")[2]) for text in complete} - {""}


def in_order(key: Sequence[Any]) -> tuple[tuple[bool, Any], ...]:
    """How groups are ordered on every engine: by key, those without one last."""
    return tuple((k is None, "" if k is None else k) for k in key)
