"""What all engines that speak SQL share: a question becomes one tree, is printed in the engine's dialect, its rows are read.

An engine says how a file becomes a table, how a statement is run and how a result is kept for a moment; it may answer some
questions by a shorter way of its own (``DuckDB`` by its table of parts).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp, select

from jieneng.core.period import Period
from jieneng.rulebook.types import Check

from .answers import lacking, ledger_answer, read_groups, read_spread
from .questions import (
    Ask,
    Cell,
    Group,
    Indicator,
    LedgerAnswer,
    Spread,
    Total,
    Uncovered,
    as_known,
    asked_of,
    bare,
    bodies_usable,
    check_asks,
    check_groups,
    check_indicator,
    check_where,
    known_items,
    knows_due,
    periods_of,
)
from .screening import Failing, Screened, counts_query, failing_query, judged_query, some_failing_query, usable
from .sifting import Quantity, Sieve, Sifted, Wide, items_read
from .snapshot import Snapshot
from .sql import column, conditions, in_row
from .statements import (
    base_query,
    cells_query,
    covered_query,
    institutions_query,
    ledger_query,
    members_query,
    names_query,
    ranks_query,
    spread_query,
    sum_query,
    uncovered_query,
)

if TYPE_CHECKING:
    from .sifting.gathering import Near, Part

Rows = list[tuple[Any, ...]]
NEAR = 500
"""Institutions whose decimals are asked for at a time."""


class Relational(ABC):
    """An engine that speaks SQL. ``dialect`` is sqlglot's name of its language."""

    dialect: str

    # -- what an engine says ------------------------------------------------------------------------------------------

    @abstractmethod
    def run(self, query: Any) -> Rows:
        """Print the tree in this engine's dialect and fetch."""

    @abstractmethod
    def _show(self, table: str, snapshot: Wide, files: Sequence[str]) -> None:
        """The files of a snapshot (of which each may lack columns of another) as one table."""

    @abstractmethod
    def _keep(self, table: str, query: exp.Select | str) -> None:
        """The rows of a query as a table that stays for a moment."""

    @abstractmethod
    def _drop(self, table: str) -> None:
        """Let go of what ``_keep`` kept; nothing where there is none."""

    def text(self, query: Any) -> str:
        """A tree in this engine's dialect."""
        return query if isinstance(query, str) else str(query.sql(dialect=self.dialect))

    # -- what may have a shorter way ------------------------------------------------------------------------------------

    def _sums(self, asks: tuple[Ask, ...], period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> Any:
        return sum_query(asks, period, by, where, complete)

    def _institutions(self, asks: tuple[Ask, ...], period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any],
                      complete: Sequence[str]) -> exp.Select:
        return institutions_query(asks, period, by, where, complete)

    def _members(self, period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any], bodies: bool) -> Any:
        return members_query(period, by, where, bodies, due)

    def _covered(self, needs: Sequence[Sequence[str]], period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any]) -> Any:
        return covered_query(needs, period, by, where, due)

    def _uncovered(self, items: Sequence[str], period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any], bodies: bool,
                   limit: int, everyone: bool) -> Any:
        return uncovered_query(items, period, by, where, bodies, limit, everyone, due)

    # -- the tables ---------------------------------------------------------------------------------------------------

    def _returns(self, snapshot: Snapshot, form: str) -> bool:
        """Show the returns of all editions of a form; whether there are any."""
        names = snapshot.forms(form)
        if names:
            self._show("returns", snapshot, names)
        return bool(names)

    def _bodies(self, snapshot: Snapshot, period: Period, by: Sequence[str], where: Mapping[str, Any]) -> bool:
        """Show those that had to answer, where they can be told."""
        there = bodies_usable(snapshot, period, by, where)
        if there:
            self._show("bodies", snapshot, ["bodies.parquet"])
        return there

    def _ledger(self, snapshot: Snapshot, kind: str, where: Mapping[str, Any], name: str = "") -> list[str]:
        """Show a ledger; its columns."""
        file = f"ledgers/{kind}.parquet"
        self._show(f"ledger_{kind}", snapshot, [file])
        columns = snapshot.columns(file)
        check_where({**where, **({name: ""} if name else {})}, frozenset(columns))
        return columns

    # -- the questions ------------------------------------------------------------------------------------------------

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
        rows = self.run(self._sums(wanted, period, knows_due(snapshot, form), by, where, complete))
        groups = read_groups(rows, wanted, by, len(periods_of(period)))
        for group in groups:
            group.totals = {a.item: group.totals.get(a.item, Total(None, 0, 0)) for a in asks}
        return groups if by else [g for g in groups if g.rows]

    def spread(self, snapshot: Snapshot, indicator: Indicator, *, form: str, period: Period, by: Sequence[str] = (),
               where: Mapping[str, Any] | None = None, quantiles: Sequence[float] = (0.25, 0.5, 0.75), ranked: Sequence[int] = ()) -> list[Spread]:
        where = where or {}
        check_indicator(indicator, by, quantiles)
        check_where(where)
        if (indicator.items | asked_of(indicator.complete)) - known_items(snapshot, form) or not self._returns(snapshot, form):
            return []
        complete = as_known(snapshot, form, indicator.complete)
        amounts = self._institutions(indicator.asks, period, knows_due(snapshot, form), by, where, complete)
        rows = self.run(spread_query(amounts, indicator, by, quantiles))
        ranks = self.run(ranks_query(amounts, indicator, by, ranked)) if ranked and rows else []
        return read_spread(rows, ranks, by, quantiles)

    def members(self, snapshot: Snapshot, form: str, period: Period, *, by: Sequence[str] = (),
                where: Mapping[str, Any] | None = None, expected: bool = True) -> dict[tuple[Any, ...], int]:
        where = where or {}
        check_groups(by)
        check_where(where)
        if not self._returns(snapshot, form):
            return {}
        bodies = expected and self._bodies(snapshot, period, by, where)
        rows = self.run(self._members(period, knows_due(snapshot, form), by, where, bodies))
        return {tuple(r[:-1]): int(r[-1]) for r in rows if r[-1]}

    def covered(self, snapshot: Snapshot, form: str, period: Period, needs: Sequence[Sequence[str]], *, by: Sequence[str] = (),
                where: Mapping[str, Any] | None = None) -> dict[tuple[Any, ...], list[int]]:
        check_groups(by)
        check_where(where or {})
        known = known_items(snapshot, form)
        asked = [as_known(snapshot, form, n) for n in needs if not asked_of(n) - known]
        if not self._returns(snapshot, form):
            return {}
        found = {}
        for row in self.run(self._covered(asked, period, knows_due(snapshot, form), by, where or {})):
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
        rows = self.run(self._uncovered(asked, period, knows_due(snapshot, form), by, where, bodies, limit, len(asked) < len(items)))
        return [lacking(tuple(row[:width]), int(row[width]), row[width + 1] or "", bool(row[width + 2]), items,
                        dict(zip(asked, row[width + 4:], strict=True)), int(row[width + 3] or 1)) for row in rows]

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
        return {int(who): name for who, name in self.run(names_query(period, institutions))}

    def screen(self, snapshot: Snapshot, form: str, checks: Sequence[Check], period: Period, *,
               where: Mapping[str, Any] | None = None, limit: int = 100) -> list[Screened]:
        check_where(where or {})
        checks = usable(checks)
        if not checks or not self._returns(snapshot, form):
            return []
        items, base = frozenset(known_items(snapshot, form)), base_query(period)
        try:
            # each return is judged once; who fails is looked up afterwards, so that no name is carried through
            self._keep("judged", judged_query(checks, items, base, where or {}, ("return_id",), self.dialect))
            rows, *counts = self.run(counts_query(checks, None))[0]
            failing = [n for n in range(len(checks)) if counts[2 * n + 1]]
            if failing:
                self._keep("failing", some_failing_query(failing, base))
            found = []
            for n, check in enumerate(checks):
                holds, fails = counts[2 * n: 2 * n + 2]
                named = self.run(failing_query(select("*").from_("failing"), limit, n)) if fails else []
                found.append(Screened(check.id, holds + fails, fails, rows - holds - fails, tuple(Failing(*r) for r in named)))
            return found
        finally:
            for table in ("failing", "judged"):
                self._drop(table)

    def sift(self, snapshot: Wide, sieve: Sieve) -> Sifted:
        from .sifting.gathering import gathered  # numbers in arrays: only who screens a nation waits for them

        names = snapshot.wide(sieve.form)
        there = frozenset(c for n in names for c in snapshot.columns(n))
        quantities, items = items_read(sieve, there)
        if not names:
            return Sifted({}, [], 0, 0, {}, [])
        return gathered(self._judged_blocks(snapshot, names, sieve, quantities, items), sieve, quantities, lambda near: self._exactly(snapshot, names, sieve, near))

    def _judged_blocks(self, snapshot: Wide, names: Sequence[str], sieve: Sieve, quantities: Sequence[Quantity], items: Sequence[str]) -> Iterable[Part]:
        """The wide years in blocks, each read and judged: here, by Arrow, on all processors."""
        from .sifting.gathering import parts_of

        return parts_of([snapshot.file(n) for n in names], sieve, quantities, items)

    def _exactly(self, snapshot: Wide, names: Sequence[str], sieve: Sieve, near: Near) -> list[bool]:
        """Whether a check fails in a month, of what doubles cannot tell: from the decimals themselves."""
        from .sifting.plain import Months

        self._show("wide", snapshot, names)
        checks, who = usable(sieve.checks), sorted({i for i, _, _ in near})
        columns = [c for c in dict.fromkeys(c for n in names for c in snapshot.columns(n)) if c in ("institution", "year") or c.rpartition("__")[2] in sieve.months]
        rows: dict[int, dict[int, Mapping[str, Any]]] = {}
        for k in range(0, len(who), NEAR):
            some = exp.In(this=column("institution"), expressions=[exp.Literal.number(i) for i in who[k:k + NEAR]])
            for row in self.run(select(*[column(c) for c in columns], copy=False).from_("wide").where(some)):
                said = dict(zip(columns, row, strict=True))
                rows.setdefault(said["institution"], {})[said["year"]] = said
        return [Months(rows[i].get(sieve.year, {}), rows[i].get(sieve.year - 1, {}), sieve, frozenset(columns)).fails(checks[n], m) for i, n, m in near]

    def ledger(self, snapshot: Snapshot, kind: str, *, take: str, column: str = "", where: Mapping[str, Any] | None = None
               ) -> LedgerAnswer:
        self._ledger(snapshot, kind, where or {}, column)
        return ledger_answer(take, self.run(ledger_query(kind, take, column, where or {})))

    def ledger_rows(self, snapshot: Snapshot, kind: str, where: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        names = self._ledger(snapshot, kind, where or {})
        query = select(*[column(n) for n in names]).from_(exp.to_table(f"ledger_{kind}", quoted=True)).order_by(in_row(column("key")))
        for condition in conditions(where or {}):
            query = query.where(condition)
        return [dict(zip(names, row, strict=True)) for row in self.run(query)]
