"""Sums on DuckDB: filter, join, group, sum, count. Engines only add; Python multiplies and divides.

``last`` and ``mean`` over the months of a period are still only adding: the last answered month of each institution is a
filter, a mean is a sum grouped by the number of months answered, divided in Python as a fraction. Both look at the whole
period of an institution, so the parts of any grouping add up to the whole exactly, even when it moved during the year.

One statement answers all items asked: rows are added per institution first, institutions per group second. No row is
touched in Python and nothing is counted with DISTINCT, so that a national year of 19 million rows takes the same path.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from sqlglot import exp, select

from jieneng.core.period import Period
from jieneng.rulebook.types import Check

from . import parts
from .duck import open_duckdb
from .screening import Failing, Screened, counts_query, failing_query, judged_query, some_failing_query, usable
from .snapshot import BODIES, KEYS, Snapshot, due_bit
from .sql import answered, both, column, conditions, literal, number

GROUPS = ("period", "area", "department", "territory", "type", "institution", "line", "status")
COLUMNS = frozenset(k for k, _ in KEYS)
STANDING = frozenset({"institution", "code", "line", "area", "department", "territory", "type"})
"""Columns that say where an institution stands, in whatever period."""
EVERY = "*"
"""After an item in ``complete``: answered in every period that was due, not only once."""
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


class Engine(Protocol):
    """What figures ask of an engine. Every engine gives the same answers, to the last digit.

    ``where`` maps a column of the file to a value or to several (any of them); ``line`` is a prefix of the reporting
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


def base_query(period: Period) -> exp.Select:
    """The rows of the form that lie in the period."""
    return select("*").from_("returns").where(exp.In(this=column("period"), expressions=[literal(p) for p in periods_of(period)]))


def due_now(period: Period) -> Any:
    """Whether a body had to answer in the period."""
    bits = exp.BitwiseAnd(this=column("due"), expression=exp.Literal.number(due_bits(period)))
    return exp.NEQ(this=bits, expression=exp.Literal.number(0))


def owed(period: Period, due: bool = True) -> Any:
    """How many answers an institution owes in the period, at least one; over its rows, which all say the same of a year."""
    if not due:
        return exp.Literal.number(1)
    found = exp.Coalesce(this=exp.Max(this=column("due")), expressions=[exp.Literal.number(0)])
    bits = exp.BitwiseAnd(this=found, expression=exp.Literal.number(due_bits(period)))
    return exp.Greatest(this=exp.Anonymous(this="BIT_COUNT", expressions=[bits]), expressions=[exp.Literal.number(1)])


def _answered_all(items: Sequence[str], period: Period) -> Any:
    return both([exp.GTE(this=exp.Count(this=column(bare(i))), expression=owed(period) if i.endswith(EVERY) else exp.Literal.number(1))
                 for i in items])


def _like(query: exp.Select, complete: Sequence[str], by: Sequence[str], where: Mapping[str, Any]) -> tuple[exp.Select, dict[str, exp.Select]]:
    """Join to ``base`` those that answered in the other periods named by ``complete``; and the tables this needs."""
    tables: dict[str, exp.Select] = {}
    keys = [k for k in by if k in STANDING]
    for n, (period, items) in enumerate(split_complete(complete)[1].items()):
        name, rows = f"like{n}", f"then{n}"
        found = select(*[column(k) for k in keys], column("institution")).distinct().from_(rows)
        if items:
            inner = select(column("institution")).from_(rows).group_by(column("institution")).having(_answered_all(items, period))
            found = found.where(exp.In(this=column("institution"), query=inner.subquery()))
        for condition in conditions({k: v for k, v in where.items() if k in STANDING}):
            found = found.where(condition)
        tables |= {rows: base_query(period), name: found}
        same = [exp.NullSafeEQ(this=column(k, "base"), expression=column(k, name)) for k in (*keys, "institution")]
        query = query.join(name, on=both(same))
    return query, tables


def _whole(asks: Sequence[Ask], complete: Sequence[str], period: Period) -> exp.Select | None:
    """What is known of each institution over the whole period; None when nothing needs to be."""
    columns: list[Any] = []
    for n, ask in enumerate(asks):
        if ask.over_time == "last":
            case = exp.Case(ifs=[exp.If(this=answered(column(ask.item)), true=column("period"))])
            columns.append(exp.alias_(exp.Max(this=case), f"last{n}", quoted=True))
        elif ask.over_time == "mean":
            columns.append(exp.alias_(exp.Count(this=column(ask.item)), f"months{n}", quoted=True))
    if not columns and not complete:
        return None
    query = select(column("institution"), *columns).from_("base").group_by(column("institution"))
    if complete:
        query = query.having(_answered_all(complete, period))
    return query


def sum_query(asks: Sequence[Ask], period: Period, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> exp.Select:
    """Per group: keys, members, rows; per item its sum, answering members, answered cells; a mean has one sum per number
    of months answered instead of the one sum."""
    whole = _whole(asks, split_complete(complete)[0], period)
    columns: list[Any] = [exp.alias_(column(k, "base"), f"k{i}", quoted=True) for i, k in enumerate(by)]
    columns += [column("institution", "base"), exp.alias_(exp.Count(this=exp.Star()), "lines", quoted=True)]
    outer: list[Any] = [column(f"k{i}") for i in range(len(by))]
    outer += [exp.Count(this=exp.Star()), exp.Sum(this=column("lines"))]
    for n, ask in enumerate(asks):
        value: Any = column(ask.item, "base")
        if ask.over_time == "last":
            same = exp.EQ(this=column("period", "base"), expression=column(f"last{n}", "whole"))
            value = exp.Case(ifs=[exp.If(this=same, true=value)])
        columns += [exp.alias_(exp.Sum(this=value), f"sum{n}", quoted=True),
                    exp.alias_(exp.Count(this=value.copy()), f"cells{n}", quoted=True)]
        if ask.over_time == "mean":
            columns.append(exp.alias_(exp.Max(this=column(f"months{n}", "whole")), f"months{n}", quoted=True))
            for months in range(1, len(periods_of(period)) + 1):
                same = exp.EQ(this=column(f"months{n}"), expression=exp.Literal.number(months))
                outer.append(exp.Sum(this=exp.Case(ifs=[exp.If(this=same, true=column(f"sum{n}"))])))
        else:
            outer.append(exp.Sum(this=column(f"sum{n}")))
        outer += [exp.Count(this=column(f"sum{n}")), exp.Sum(this=column(f"cells{n}"))]
    parts = select(*columns).from_("base").group_by(*[column(k, "base") for k in by], column("institution", "base"))
    if whole is not None:
        parts = parts.join("whole", on=exp.EQ(this=column("institution", "base"), expression=column("institution", "whole")))
    for condition in conditions(where, "base"):
        parts = parts.where(condition)
    parts, tables = _like(parts, complete, by, where)
    query = select(*[exp.alias_(c, f"c{n}", quoted=True) for n, c in enumerate(outer)]).from_("parts")
    if by:
        query = query.group_by(*[column(f"k{i}") for i in range(len(by))])
    query = query.with_("base", base_query(period))
    if whole is not None:
        query = query.with_("whole", whole)
    for name, table in tables.items():
        query = query.with_(name, table)
    return query.with_("parts", parts)


def cells_query(item: str, period: Period, where: Mapping[str, Any], take: str, complete: Sequence[str], limit: int, offset: int
                ) -> exp.Select:
    """The answered cells of an item; with ``take`` last only those of each institution's last answered month."""
    names = ("institution", "code", "name", "area", "period", item, "return_id", "revision", "status")
    query = select(*[column(n, "base") for n in names]).from_("base").where(answered(column(item, "base"))).order_by(
        column("period", "base"), exp.Ordered(this=column(item, "base"), desc=True), column("return_id", "base")
    ).limit(limit).offset(offset).with_("base", base_query(period))
    for condition in conditions(where, "base"):
        query = query.where(condition)
    if take == "last":
        newest = select(column("institution"), exp.alias_(exp.Max(this=column("period")), "p", quoted=True)).from_("base").where(
            answered(column(item))).group_by(column("institution"))
        query = query.with_("newest", newest).join("newest", on=exp.and_(
            exp.EQ(this=column("institution", "base"), expression=column("institution", "newest")),
            exp.EQ(this=column("period", "base"), expression=column("p", "newest"))))
    if own := split_complete(complete)[0]:
        inner = select(column("institution")).from_("base").group_by(column("institution")).having(_answered_all(own, period))
        query = query.where(exp.In(this=column("institution", "base"), query=inner.subquery()))
    query, tables = _like(query, complete, (), where)
    for name, table in tables.items():
        query = query.with_(name, table)
    return query


def _standing(period: Period, by: Sequence[str], where: Mapping[str, Any], expected: bool, due: bool) -> Any:
    """Keys and institution: of every row, and of every body that had to answer (in the period, where that is known) and filed nothing."""
    keys = [exp.alias_(column(k), f"k{i}", quoted=True) for i, k in enumerate(by)]
    rows = select(*keys, column("institution")).distinct().from_("base")
    filed = select(column("institution")).from_("base")
    bodies = select(*[k.copy() for k in keys], column("institution")).from_("bodies").where(column("expected")).where(
        exp.Not(this=exp.In(this=column("institution"), query=filed.subquery())))
    if due:
        bodies = bodies.where(due_now(period))
    for condition in conditions(where):
        rows, bodies = rows.where(condition), bodies.where(condition.copy())
    return exp.union(rows, bodies, distinct=True) if expected else rows


def members_query(period: Period, by: Sequence[str], where: Mapping[str, Any], expected: bool, due: bool = True) -> exp.Select:
    """Per group the number of institutions that answered or had to."""
    keys = [column(f"k{i}") for i in range(len(by))]
    query = select(*keys, exp.alias_(exp.Count(this=exp.Star()), "n", quoted=True)).from_("standing")
    if by:
        query = query.group_by(*[k.copy() for k in keys])
    return query.with_("base", base_query(period)).with_("standing", _standing(period, by, where, expected, due))


def covered_query(needs: Sequence[Sequence[str]], period: Period, by: Sequence[str], where: Mapping[str, Any], due: bool = True) -> exp.Select:
    """Per group the number of institutions that answered all of each of ``needs``: one row per institution, then one per group."""
    items = sorted({bare(i) for need in needs for i in need})
    counts = [exp.alias_(exp.Count(this=column(i)), f"n{k}", quoted=True) for k, i in enumerate(items)]
    found = select(column("institution"), exp.alias_(owed(period, due), "owed", quoted=True), *counts).from_("base").group_by(column("institution"))
    keys = [exp.alias_(column(k), f"k{i}", quoted=True) for i, k in enumerate(by)]
    parts = select(*keys, column("institution")).distinct().from_("base")
    for condition in conditions(where):
        parts = parts.where(condition)

    def holds(need: Sequence[str]) -> Any:
        each = [exp.GTE(this=column(f"n{items.index(bare(i))}", "found"), expression=column("owed", "found") if i.endswith(EVERY) else
                        exp.Literal.number(1)) for i in need]
        return exp.Count(this=exp.Case(ifs=[exp.If(this=both(each), true=exp.Literal.number(1))]) if each else exp.Star())

    outer = [column(f"k{i}", "parts") for i in range(len(by))]
    query = select(*outer, *[exp.alias_(holds(need), f"h{n}", quoted=True) for n, need in enumerate(needs)]).from_("parts").join(
        "found", on=exp.EQ(this=column("institution", "parts"), expression=column("institution", "found")))
    if by:
        query = query.group_by(*[c.copy() for c in outer])
    return query.with_("base", base_query(period)).with_("found", found).with_("parts", parts)


def uncovered_query(items: Sequence[str], period: Period, by: Sequence[str], where: Mapping[str, Any], expected: bool,
                    limit: int, everyone: bool = False, due: bool = True) -> exp.Select:
    """Per group the institutions that lack an item: keys, id, name, whether nothing was filed, the answers owed, those per item.

    ``everyone``: all are listed, because some item was never asked at all.
    """
    counts = [exp.alias_(exp.Count(this=column(bare(i))), f"n{k}", quoted=True) for k, i in enumerate(items)]
    counts.append(exp.alias_(owed(period, due), "owed", quoted=True))
    newest = exp.alias_(exp.ArgMax(this=column("name"), expression=column("period")), "name", quoted=True)
    found = select(column("institution"), newest, *counts).from_("base").group_by(column("institution"))
    name: Any = column("name", "found")
    if expected:
        name = exp.Coalesce(this=name, expressions=[column("name", "bodies")])
    keys = [column(f"k{i}", "standing") for i in range(len(by))]
    some = [exp.Coalesce(this=column(f"n{k}", "found"), expressions=[exp.Literal.number(0)]) for k in range(len(items))]
    empty = exp.Is(this=column("institution", "found"), expression=exp.Null())
    name = exp.alias_(name, "name", quoted=True)
    query = select(*keys, column("institution", "standing"), name, empty, column("owed", "found"), *some).from_("standing").join(
        "found", join_type="left", on=exp.EQ(this=column("institution", "standing"), expression=column("institution", "found")))
    if expected:
        query = query.join("bodies", join_type="left", on=exp.EQ(
            this=column("institution", "standing"), expression=column("institution", "bodies")))
    least = [column("owed", "found") if i.endswith(EVERY) else exp.Literal.number(1) for i in items]
    lacking = [empty.copy(), *(exp.LT(this=s.copy(), expression=o) for s, o in zip(some, least, strict=True))]
    if not everyone:
        query = query.where(exp.or_(*lacking))
    query = query.order_by(*[k.copy() for k in keys], column("name"), column("institution", "standing"))
    query = query.limit(limit)
    return query.with_("base", base_query(period)).with_("standing", _standing(period, by, where, expected, due)).with_("found", found)


def lacking(keys: tuple[Any, ...], institution: int, name: str, empty: bool, items: Sequence[str], given: Mapping[str, int], owed: int
            ) -> Uncovered:
    """What an institution lacks, from the number of answers to each item and the number it owes."""
    if empty:
        return Uncovered(keys, institution, name, ())
    return Uncovered(keys, institution, name, tuple(bare(i) for i in items if not given.get(i)),
                     tuple(bare(i) for i in items if i.endswith(EVERY) and 0 < given.get(i, 0) < owed))


def names_query(period: Period, institutions: Sequence[int]) -> exp.Select:
    """The newest name of each institution within the period."""
    newest = exp.ArgMax(this=column("name"), expression=column("period"))
    return select(column("institution"), exp.alias_(newest, "name", quoted=True)).from_("base").where(
        exp.In(this=column("institution"), expressions=[literal(int(i)) for i in institutions])).group_by(
        column("institution")).with_("base", base_query(period))


def _frozen(where: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """``where`` as something that can be a key."""
    return tuple(sorted((k, tuple(v) if isinstance(v, (list, tuple)) else v) for k, v in where.items()))


@functools.lru_cache(maxsize=1024)
def _sum_text(dialect: str, asks: tuple[Ask, ...], period: Period, by: tuple[str, ...], where: tuple[tuple[str, Any], ...],
              complete: tuple[str, ...]) -> str:
    return sum_query(asks, period, by, dict(where), complete).sql(dialect=dialect)


def read_groups(rows: Sequence[Sequence[Any]], asks: Sequence[Ask], by: Sequence[str], months: int) -> list[Group]:
    """The rows of ``sum_query`` as groups; means are divided here, as fractions."""
    groups = []
    for row in rows:
        at = len(by)
        group = Group(dict(zip(by, row, strict=False)), members=int(row[at]), rows=int(row[at + 1] or 0))
        at += 2
        for ask in asks:
            if ask.over_time == "mean":
                sums = [(n, row[at + n - 1]) for n in range(1, months + 1) if row[at + n - 1] is not None]
                value = sum((Fraction(s) / n for n, s in sums), Fraction(0)) if sums else None
                at += months
            else:
                value = None if row[at] is None else Fraction(row[at])
                at += 1
            group.totals[ask.item] = Total(value, int(row[at] or 0), int(row[at + 1] or 0))
            at += 2
        groups.append(group)
    return sorted(groups, key=lambda g: in_order(tuple(g.keys.values())))


PARTS = 2
"""How many periods' parts an engine keeps: a year and the one before."""


@dataclass
class _Parts:
    """A temporary table of ``parts``: item → how it goes over time, and whether the absent were listed."""

    table: str
    items: dict[str, str]
    absent: bool = False


class DuckDB:
    """The embedded engine: views over the snapshot's own files, nothing copied. One per thread."""

    dialect = "duckdb"

    def __init__(self) -> None:
        self.connection = open_duckdb()
        self.views: dict[str, str] = {}
        self.parts: dict[tuple[str, Period], _Parts] = {}

    def _parts(self, period: Period, due: bool, asks: Sequence[Ask], complete: Sequence[str] = ()) -> _Parts:
        """The table of parts of the returns in view that holds what is asked, made when there is none. ``PARTS`` are kept."""
        key, over_time, items = (self.views["returns"], period), {a.item: a.over_time for a in asks}, [bare(i) for i in complete]
        found = self.parts.pop(key, None)
        if found is None or any(found.items.get(i) != o for i, o in over_time.items()) or not set(items) <= set(found.items):
            known = {**dict.fromkeys(items, "sum"), **(found.items if found else {}), **over_time}
            used = {p.table for p in self.parts.values()}
            free = [f"parts{n}" for n in range(PARTS) if f"parts{n}" not in used]
            name = found.table if found else free[0] if free else self.parts.pop(next(iter(self.parts))).table
            self._temporary(name, parts.parts_query(known, base_query(period), owed(period, due)))
            self.connection.execute(parts.moved_update(name, known))
            found = _Parts(name, known)
        self.parts[key] = found
        return found

    def _absent(self, found: _Parts, period: Period, due: bool) -> str:
        """The table of those that had to answer in the period and filed nothing."""
        name = f"absent_{found.table}"
        if not found.absent:
            self._temporary(name, parts.absent_query(found.table, due_now(period) if due else None))
            found.absent = True
        return name

    def _view(self, name: str, key: str, files: Sequence[Path]) -> None:
        if self.views.get(name) != key:
            self.connection.read_parquet([str(f) for f in files], union_by_name=True).create_view(name, replace=True)
            self.views[name] = key

    def _returns(self, snapshot: Snapshot, form: str) -> bool:
        names = snapshot.forms(form)
        files = [snapshot.file(n) for n in names]
        if files:
            self._view("returns", f"{snapshot.folder}|{form}", files)
        return bool(files)

    def _bodies(self, snapshot: Snapshot, period: Period, by: Sequence[str], where: Mapping[str, Any]) -> bool:
        """Whether those that had to answer can be told: bodies stand as at the end of the snapshot's own year."""
        usable = snapshot.year == period.year and {*by, *where} <= _BODY_COLUMNS
        if usable:
            file = snapshot.file("bodies.parquet")
            self._view("bodies", str(file), [file])
        return usable

    def run(self, query: Any) -> list[tuple[Any, ...]]:
        """Print the tree in this engine's dialect and fetch."""
        text = query if isinstance(query, str) else query.sql(dialect=self.dialect)
        return self.connection.execute(text).fetchall()

    def sums(self, snapshot: Snapshot, asks: Sequence[Ask], *, form: str, period: Period, by: Sequence[str] = (),
             where: Mapping[str, Any] | None = None, complete: Sequence[str] = ()) -> list[Group]:
        where = where or {}
        check_groups(by)
        check_where(where)
        check_asks(asks)
        known = known_items(snapshot, form)
        if asked_of(complete) - known or not self._returns(snapshot, form):
            return []
        complete = as_known(snapshot, form, complete)
        wanted = tuple(a for a in asks if a.item in known)
        groups = read_groups(self.run(self._sums(wanted, period, knows_due(snapshot, form), by, where, complete)), wanted, by, len(periods_of(period)))
        for group in groups:
            group.totals = {a.item: group.totals.get(a.item, Total(None, 0, 0)) for a in asks}
        return groups if by else [g for g in groups if g.rows]

    def _sums(self, asks: tuple[Ask, ...], period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> Any:
        """From parts where the question goes by place; one institution alone is read from the returns."""
        if not parts.fits(by, where, complete) or "institution" in where:
            return _sum_text(self.dialect, asks, period, tuple(by), _frozen(where), tuple(complete))
        pairs = [(a.item, a.over_time) for a in asks]
        return parts.sums_of_parts(self._parts(period, due, asks, complete).table, pairs, len(periods_of(period)), by, where, complete)

    def members(self, snapshot: Snapshot, form: str, period: Period, *, by: Sequence[str] = (),
                where: Mapping[str, Any] | None = None, expected: bool = True) -> dict[tuple[Any, ...], int]:
        where = where or {}
        check_groups(by)
        check_where(where)
        if not self._returns(snapshot, form):
            return {}
        bodies = expected and self._bodies(snapshot, period, by, where)
        due = knows_due(snapshot, form)
        if parts.fits(by, where):
            found = self._parts(period, due, ())
            rows = self.run(parts.members_of_parts(found.table, self._absent(found, period, due) if bodies else "", by, where))
        else:
            rows = self.run(members_query(period, by, where, bodies, due))
        return {tuple(r[:-1]): int(r[-1]) for r in rows if r[-1]}

    def covered(self, snapshot: Snapshot, form: str, period: Period, needs: Sequence[Sequence[str]], *, by: Sequence[str] = (),
                where: Mapping[str, Any] | None = None) -> dict[tuple[Any, ...], list[int]]:
        check_groups(by)
        check_where(where or {})
        known = known_items(snapshot, form)
        asked = [as_known(snapshot, form, n) for n in needs if not asked_of(n) - known]
        if not self._returns(snapshot, form):
            return {}
        due = knows_due(snapshot, form)
        if parts.fits(by, where or {}):
            kept = self._parts(period, due, (), [i for n in asked for i in n])
            rows = self.run(parts.covered_of_parts(kept.table, asked, by, where or {}))
        else:
            rows = self.run(covered_query(asked, period, by, where or {}, due))
        found = {}
        for row in rows:
            counts = iter(row[len(by):])
            found[tuple(row[:len(by)])] = [0 if asked_of(n) - known else int(next(counts)) for n in needs]
        return found

    def uncovered(self, snapshot: Snapshot, form: str, period: Period, items: Sequence[str], *, by: Sequence[str] = (),
                  where: Mapping[str, Any] | None = None, expected: bool = True, limit: int = 1000) -> list[Uncovered]:
        where = where or {}
        check_groups(by)
        check_where(where)
        if not self._returns(snapshot, form):
            return []
        known, width = known_items(snapshot, form), len(by)
        items = as_known(snapshot, form, items)
        asked = [i for i in items if bare(i) in known]
        bodies = expected and self._bodies(snapshot, period, by, where)
        due, everyone = knows_due(snapshot, form), len(asked) < len(items)
        if parts.fits(by, where):
            kept = self._parts(period, due, (), asked)
            absent = self._absent(kept, period, due) if bodies else ""
            query = parts.uncovered_of_parts(kept.table, absent, asked, by, where, limit, everyone)
        else:
            query = uncovered_query(asked, period, by, where, bodies, limit, everyone, due)
        return [lacking(tuple(row[:width]), int(row[width]), row[width + 1] or "", bool(row[width + 2]), items,
                        dict(zip(asked, row[width + 4:], strict=True)), int(row[width + 3] or 1)) for row in self.run(query)]

    def cells(self, snapshot: Snapshot, item: str, *, form: str, period: Period, where: Mapping[str, Any] | None = None,
              take: str = "sum", complete: Sequence[str] = (), limit: int = 100, offset: int = 0) -> list[Cell]:
        check_where(where or {})
        if ({item} | asked_of(complete)) - known_items(snapshot, form) or not self._returns(snapshot, form):
            return []
        complete = as_known(snapshot, form, complete)
        return [Cell(*row) for row in self.run(cells_query(item, period, where or {}, take, complete, limit, offset))]

    def names(self, snapshot: Snapshot, form: str, period: Period, institutions: Sequence[int]) -> dict[int, str]:
        if not institutions or not self._returns(snapshot, form):
            return {}
        return dict(self.run(names_query(period, institutions)))

    def screen(self, snapshot: Snapshot, form: str, checks: Sequence[Check], period: Period, *,
               where: Mapping[str, Any] | None = None, limit: int = 100) -> list[Screened]:
        check_where(where or {})
        checks = usable(checks)
        if not checks or not self._returns(snapshot, form):
            return []
        items, base = frozenset(known_items(snapshot, form)), base_query(period)
        # each return is judged once; who fails is looked up afterwards, so that no name is carried through
        self._temporary("judged", judged_query(checks, items, base, where or {}, ("return_id",)))
        rows, *counts = self.run(counts_query(checks, None))[0]
        failing = [n for n in range(len(checks)) if counts[2 * n + 1]]
        if failing:
            self._temporary("failing", some_failing_query(failing, base))
        found = []
        for n, check in enumerate(checks):
            holds, fails = counts[2 * n: 2 * n + 2]
            named = self.run(failing_query(select("*").from_("failing"), limit, n)) if fails else []
            found.append(Screened(check.id, holds + fails, fails, rows - holds - fails, tuple(Failing(*r) for r in named)))
        for name in ("judged", "failing"):
            self.connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
        return found

    def _temporary(self, name: str, query: exp.Select) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query.sql(dialect=self.dialect)}")

    def _ledger(self, snapshot: Snapshot, kind: str, where: Mapping[str, Any], name: str = "") -> None:
        file = snapshot.file(f"ledgers/{kind}.parquet")
        self._view(f"ledger_{kind}", str(file), [file])
        columns = frozenset(snapshot.columns(f"ledgers/{kind}.parquet"))
        check_where({**where, **({name: ""} if name else {})}, columns)

    def ledger(self, snapshot: Snapshot, kind: str, *, take: str, column: str = "", where: Mapping[str, Any] | None = None
               ) -> LedgerAnswer:
        self._ledger(snapshot, kind, where or {}, column)
        return ledger_answer(take, self.run(ledger_query(kind, take, column, where or {})))

    def ledger_rows(self, snapshot: Snapshot, kind: str, where: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        self._ledger(snapshot, kind, where or {})
        query = select("*").from_(exp.to_table(f"ledger_{kind}", quoted=True)).order_by(column("key"))
        for condition in conditions(where or {}):
            query = query.where(condition)
        cursor = self.connection.execute(query.sql(dialect=self.dialect))
        names = [d[0] for d in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def ledger_query(kind: str, take: str, name: str, where: Mapping[str, Any]) -> exp.Select:
    """The statement behind one ledger answer; the number of lines always comes with it."""
    source = exp.to_table(f"ledger_{kind}", quoted=True)
    lines = exp.Count(this=exp.Star())
    if take == "count":
        query = select(lines, lines.copy())
    elif take == "sum":
        query = select(exp.Sum(this=number(column(name))), exp.Count(this=column(name)))
    elif take == "distinct":
        query = select(exp.Count(this=exp.Distinct(expressions=[column(name)])), lines)
    elif take in ("list", "value"):
        query = select(column(name)).distinct().order_by(column(name)) if take == "list" else select(column(name))
    else:
        raise ValueError(f"take {take!r}: expected count, sum, distinct, list or value")
    query = query.from_(source)
    for condition in conditions(where):
        query = query.where(condition)
    return query


def ledger_answer(take: str, rows: list[tuple[Any, ...]]) -> LedgerAnswer:
    """Rows of ``ledger_query`` as an answer. A value that is not there once is unknown."""
    if take in ("count", "sum", "distinct"):
        value, lines = rows[0]
        return LedgerAnswer(None if value is None else Fraction(value), (), lines)
    found = [r[0] for r in rows if r[0] not in (None, "")]
    if take == "list":
        return LedgerAnswer(Fraction(len(found)), tuple(str(v) for v in found), len(rows))
    if len(found) != 1:
        return LedgerAnswer(None, tuple(str(v) for v in found), len(rows))
    only = found[0]
    return LedgerAnswer(Fraction(only) if isinstance(only, (int, Decimal)) else None, (str(only),), 1)


_local = threading.local()


def connect(url: str = "duckdb:") -> Engine:
    """An engine by address: ``duckdb:`` (default, one per thread) or ``plain:`` (plain Python).

    Raises ``ValueError`` for another address.
    """
    if url == "plain:":
        from .plain import Plain

        return Plain()
    if url != "duckdb:":
        raise ValueError(f"engine {url!r}: expected duckdb: or plain:")
    if getattr(_local, "process", None) != os.getpid():  # DuckDB's own threads do not survive a fork
        _local.process, _local.duckdb = os.getpid(), DuckDB()
    return _local.duckdb
