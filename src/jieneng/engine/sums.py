"""Sums on DuckDB: filter, join, group, sum, count. Engines only add; Python multiplies and divides.

``last`` and ``mean`` over the months of a period are still only adding: the last answered month of each institution is a
filter, a mean is a sum grouped by the number of months answered, divided in Python as a fraction. Both look at the whole
period of an institution, so the parts of any grouping add up to the whole exactly, even when it moved during the year.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

import duckdb
from sqlglot import exp, select

from jieneng.core.period import Period

from . import tables
from .snapshot import KEYS, Snapshot
from .sql import both, column, conditions, literal, number

GROUPS = ("period", "area", "department", "territory", "type", "institution", "line", "status")


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
class LedgerAnswer:
    """What a ledger says: a number, texts, and the number of lines it rests on."""

    value: Fraction | None
    texts: tuple[str, ...]
    rows: int


class Engine(Protocol):
    """What figures ask of an engine. Every engine gives the same answers, to the last digit."""

    def sums(self, snapshot: Snapshot, asks: Sequence[Ask], *, form: str, period: Period, by: Sequence[str] = (),
             where: Mapping[str, Any] | None = None, complete: Sequence[str] = ()) -> list[Group]: ...

    def cells(self, snapshot: Snapshot, item: str, *, form: str, period: Period, where: Mapping[str, Any] | None = None,
              take: str = "sum", limit: int = 100, offset: int = 0) -> list[Cell]: ...

    def names(self, snapshot: Snapshot, form: str, period: Period, institutions: Sequence[int]) -> dict[int, str]: ...

    def ledger(self, snapshot: Snapshot, kind: str, *, take: str, column: str = "", where: Mapping[str, Any] | None = None
               ) -> LedgerAnswer: ...

    def ledger_rows(self, snapshot: Snapshot, kind: str, where: Mapping[str, Any] | None = None) -> list[dict[str, Any]]: ...


def periods_of(period: Period) -> tuple[str, ...]:
    """The row periods that lie in a period: its months, and itself."""
    inside = {str(m) for m in period.months} | {str(period)}
    if period.kind == "year":
        inside |= {f"{period.year}H{i}" for i in (1, 2)} | {f"{period.year}Q{i}" for i in range(1, 5)}
    return tuple(sorted(inside))


def known_items(snapshot: Snapshot, form: str) -> set[str]:
    """The items that any edition of a form in the snapshot asks."""
    keys = {k for k, _ in KEYS}
    return {c for name in snapshot.forms(form) for c in tables.column_names(snapshot.file(name)) if c not in keys}


def base_query(period: Period) -> exp.Select:
    """The rows of the form that lie in the period."""
    return select("*").from_("returns").where(exp.In(this=column("period"), expressions=[literal(p) for p in periods_of(period)]))


def filtered_query(where: Mapping[str, Any], complete: Sequence[str]) -> exp.Select:
    """The rows inside ``where``, of institutions that answered all of ``complete`` somewhere in the period."""
    query = select("base.*").from_("base")
    if complete:
        having = both([exp.GT(this=exp.Count(this=column(i)), expression=exp.Literal.number(0)) for i in complete])
        inner = select(column("institution")).from_("base").group_by(column("institution")).having(having)
        query = query.where(exp.In(this=column("institution", "base"), query=inner.subquery()))
    for condition in conditions(where):
        query = query.where(condition)
    return query


def _with(query: exp.Select, period: Period, where: Mapping[str, Any], complete: Sequence[str]) -> exp.Select:
    return query.with_("base", base_query(period)).with_("picked", filtered_query(where, complete))


def sum_query(items: Sequence[str], period: Period, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> exp.Select:
    """Rows and members per group, and for each item its sum, answered cells and answering members."""
    keys = [column(k) for k in by]
    columns: list[exp.Expression] = [*keys, exp.Count(this=exp.Star()), exp.Count(this=exp.Distinct(expressions=[column("institution")]))]
    for i in items:
        answered = exp.Case(ifs=[exp.If(this=exp.Not(this=exp.Is(this=column(i), expression=exp.Null())), true=column("institution"))])
        columns += [exp.Sum(this=number(column(i))), exp.Count(this=column(i)), exp.Count(this=exp.Distinct(expressions=[answered]))]
    columns = [exp.alias_(c, f"c{n}", quoted=True) for n, c in enumerate(columns)]
    query = select(*columns).from_("picked")
    if by:
        query = query.group_by(*keys).order_by(*[column(k) for k in by])
    return _with(query, period, where, complete)


def last_query(item: str, period: Period, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> exp.Select:
    """The value of each institution's last answered month in the period, summed per group."""
    newest = select(column("institution"), exp.alias_(exp.Max(this=column("period")), "p", quoted=True)).from_("base").where(
        exp.Not(this=exp.Is(this=column(item), expression=exp.Null()))).group_by(column("institution"))
    keys = [column(k, "picked") for k in by]
    on = exp.and_(exp.EQ(this=column("institution", "picked"), expression=column("institution", "newest")),
                  exp.EQ(this=column("period", "picked"), expression=column("p", "newest")))
    columns = [exp.alias_(c, f"c{n}", quoted=True) for n, c in enumerate(
        [*keys, exp.Sum(this=number(column(item, "picked"))), exp.Count(this=column(item, "picked")),
         exp.Count(this=exp.Distinct(expressions=[column("institution", "picked")]))])]
    query = select(*columns).from_("picked").join("newest", on=on)
    if by:
        query = query.group_by(*keys)
    return _with(query, period, where, complete).with_("newest", newest)


def mean_query(item: str, period: Period, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> exp.Select:
    """Sums per group and number of months that the institution answered in the period."""
    months = select(column("institution"), exp.alias_(exp.Count(this=column(item)), "n", quoted=True)).from_("base").group_by(
        column("institution"))
    keys = [column(k, "picked") for k in by]
    on = exp.EQ(this=column("institution", "picked"), expression=column("institution", "months"))
    columns = [exp.alias_(c, f"c{n}", quoted=True) for n, c in enumerate(
        [*keys, column("n", "months"), exp.Sum(this=number(column(item, "picked"))), exp.Count(this=column(item, "picked")),
         exp.Count(this=exp.Distinct(expressions=[column("institution", "picked")]))])]
    query = select(*columns).from_("picked").join("months", on=on).where(
        exp.Not(this=exp.Is(this=column(item, "picked"), expression=exp.Null()))).group_by(*keys, column("n", "months"))
    return _with(query, period, where, complete).with_("months", months)


class DuckDB:
    """The embedded engine. One per thread; views over the snapshot's own files, nothing copied."""

    dialect = "duckdb"

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.views: dict[str, str] = {}

    def _view(self, name: str, key: str, files: Sequence[str]) -> None:
        if self.views.get(name) != key:
            self.connection.read_parquet(list(files), union_by_name=True).create_view(name, replace=True)
            self.views[name] = key

    def _returns(self, snapshot: Snapshot, form: str) -> bool:
        names = snapshot.forms(form)
        if not names:
            return False
        self._view("returns", f"{snapshot.folder}|{form}", [str(snapshot.file(n)) for n in names])
        return True

    def run(self, query: exp.Expression) -> list[tuple[Any, ...]]:
        """Print the tree in this engine's dialect and fetch."""
        return self.connection.execute(query.sql(dialect=self.dialect)).fetchall()

    def sums(self, snapshot: Snapshot, asks: Sequence[Ask], *, form: str, period: Period, by: Sequence[str] = (),
             where: Mapping[str, Any] | None = None, complete: Sequence[str] = ()) -> list[Group]:
        """Exact totals per group. An item that no edition in the snapshot asks has value None."""
        check_groups(by)
        if not self._returns(snapshot, form):
            return []
        where, known = where or {}, known_items(snapshot, form)
        if set(complete) - known:
            return []
        adding = [a.item for a in asks if a.over_time == "sum" and a.item in known]
        width = len(by)
        groups: dict[tuple[Any, ...], Group] = {}
        for row in self.run(sum_query(adding, period, by, where, complete)):
            group = Group(dict(zip(by, row, strict=False)), members=row[width + 1], rows=row[width])
            for n, item in enumerate(adding):
                total, cells, members = row[width + 2 + 3 * n: width + 5 + 3 * n]
                group.totals[item] = Total(None if total is None else Fraction(total), members, cells)
            groups[tuple(row[:width])] = group
        for ask in asks:
            if ask.over_time == "last" and ask.item in known:
                for row in self.run(last_query(ask.item, period, by, where, complete)):
                    if row[width + 1] and tuple(row[:width]) in groups:
                        groups[tuple(row[:width])].totals[ask.item] = Total(Fraction(row[width]), row[width + 2], row[width + 1])
            elif ask.over_time == "mean" and ask.item in known:
                self._means(groups, ask.item, self.run(mean_query(ask.item, period, by, where, complete)), width)
        if not by and groups and not groups[()].rows:
            return []
        for group in groups.values():
            for ask in asks:
                group.totals.setdefault(ask.item, Total(None, 0, 0))
        return list(groups.values())

    @staticmethod
    def _means(groups: dict[tuple[Any, ...], Group], item: str, rows: list[tuple[Any, ...]], width: int) -> None:
        for row in rows:
            group = groups.get(tuple(row[:width]))
            if group is None:
                continue
            n, total, cells, members = row[width:width + 4]
            before = group.totals.get(item, Total(None, 0, 0))
            group.totals[item] = Total((before.value or 0) + Fraction(total) / n, before.members + members, before.cells + cells)

    def cells(self, snapshot: Snapshot, item: str, *, form: str, period: Period, where: Mapping[str, Any] | None = None,
              take: str = "sum", limit: int = 100, offset: int = 0) -> list[Cell]:
        """The reported values behind a selection, by period then largest first. ``take`` last: only the months that count."""
        if not self._returns(snapshot, form) or item not in known_items(snapshot, form):
            return []
        names = ("institution", "code", "name", "area", "period", item, "return_id", "revision", "status")
        query = select(*[column(n, "picked") for n in names]).from_("picked").where(
            exp.Not(this=exp.Is(this=column(item, "picked"), expression=exp.Null()))).order_by(
                column("period", "picked"), exp.Ordered(this=column(item, "picked"), desc=True), column("return_id", "picked")
            ).limit(limit).offset(offset)
        query = _with(query, period, where or {}, ())
        if take == "last":
            newest = select(column("institution"), exp.alias_(exp.Max(this=column("period")), "p", quoted=True)).from_("base").where(
                exp.Not(this=exp.Is(this=column(item), expression=exp.Null()))).group_by(column("institution"))
            query = query.with_("newest", newest).join("newest", on=exp.and_(
                exp.EQ(this=column("institution", "picked"), expression=column("institution", "newest")),
                exp.EQ(this=column("period", "picked"), expression=column("p", "newest"))))
        return [Cell(*row) for row in self.run(query)]

    def names(self, snapshot: Snapshot, form: str, period: Period, institutions: Sequence[int]) -> dict[int, str]:
        """The names of institutions as in their last row of the period."""
        if not institutions or not self._returns(snapshot, form):
            return {}
        newest = exp.Anonymous(this="max_by", expressions=[column("name"), column("period")])
        query = select(column("institution"), exp.alias_(newest, "name", quoted=True)).from_("base").where(
            exp.In(this=column("institution"), expressions=[literal(i) for i in institutions])).group_by(column("institution"))
        return dict(self.run(query.with_("base", base_query(period))))

    def _ledger(self, snapshot: Snapshot, kind: str) -> None:
        file = snapshot.file(f"ledgers/{kind}.parquet")
        self._view(f"ledger_{kind}", str(file), [str(file)])

    def ledger(self, snapshot: Snapshot, kind: str, *, take: str, column: str = "", where: Mapping[str, Any] | None = None
               ) -> LedgerAnswer:
        """Count lines, sum a column, count distinct values, list them, or give the one value."""
        self._ledger(snapshot, kind)
        query = ledger_query(kind, take, column, where or {})
        return ledger_answer(take, self.run(query))

    def ledger_rows(self, snapshot: Snapshot, kind: str, where: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The lines of a ledger as frozen, by key."""
        self._ledger(snapshot, kind)
        query = select("*").from_(exp.to_table(f"ledger_{kind}", quoted=True)).order_by(column("key"))
        for condition in conditions(where or {}):
            query = query.where(condition)
        cursor = self.connection.execute(query.sql(dialect=self.dialect))
        names = [d[0] for d in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def check_groups(by: Sequence[str]) -> None:
    """Only the columns meant for it may group. Raises ``ValueError``."""
    if strange := set(by) - set(GROUPS):
        raise ValueError(f"cannot group by {sorted(strange)}; possible: {GROUPS}")


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
    """An engine by address: ``duckdb:`` (default, one per thread) or ``plain:`` (plain Python)."""
    if url == "plain:":
        from .plain import Plain

        return Plain()
    if url != "duckdb:":
        raise ValueError(f"engine {url!r}: expected duckdb: or plain:")
    if not hasattr(_local, "duckdb"):
        _local.duckdb = DuckDB()
    return _local.duckdb
