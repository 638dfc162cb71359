"""The embedded engine: DuckDB in this process, over the snapshot's own files, nothing copied."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from jieneng.core.period import Period

from . import parts
from .duck import open_duckdb
from .questions import Ask, bare, periods_of
from .relational import Relational, Rows
from .sifting import Wide
from .statements import base_query, covered_query, due_now, owed, sum_query

PARTS = 2
"""How many periods' parts an engine keeps: a year and the one before."""


@dataclass
class _Parts:
    """A temporary table of ``parts``: item → how it goes over time, and whether the absent were listed."""

    table: str
    items: dict[str, str]
    absent: bool = False


def _frozen(where: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """``where`` as something that can be a key."""
    return tuple(sorted(((k, tuple(v) if isinstance(v, (list, tuple)) else v) for k, v in where.items()), key=lambda x: x[0]))


@functools.lru_cache(maxsize=1024)
def _sum_text(asks: tuple[Ask, ...], period: Period, by: tuple[str, ...], where: tuple[tuple[str, Any], ...], complete: tuple[str, ...],
              table: str = "returns") -> str:
    return _read_from(table, sum_query(asks, period, by, dict(where), complete))


@functools.lru_cache(maxsize=256)
def _covered_text(needs: tuple[tuple[str, ...], ...], period: Period, due: bool, by: tuple[str, ...], where: tuple[tuple[str, Any], ...], table: str) -> str:
    return _read_from(table, covered_query(needs, period, by, dict(where), due))


def _read_from(table: str, query: Any) -> str:
    """A statement on the returns as text, with ``table`` in their place."""
    if table != "returns":
        for each in query.find_all(exp.Table):
            if each.name == "returns":
                each.set("this", exp.to_identifier(table))
    return str(query.sql(dialect=DuckDB.dialect))


class DuckDB(Relational):
    """The embedded engine. One per thread."""

    dialect = "duckdb"

    def __init__(self) -> None:
        self.connection = open_duckdb()
        self.views: dict[str, str] = {}
        self.parts: dict[tuple[str, Period], _Parts] = {}
        self.alone: tuple[str, int] | None = None

    def run(self, query: Any) -> Rows:
        return self.connection.execute(self.text(query)).fetchall()

    def _show(self, table: str, snapshot: Wide, files: Sequence[str]) -> None:
        paths = [str(snapshot.file(f)) for f in files]
        if self.views.get(table) != "|".join(paths):
            self.connection.read_parquet(paths, union_by_name=True).create_view(table, replace=True)
            self.views[table] = "|".join(paths)

    def _keep(self, table: str, query: exp.Select | str) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {self.text(query)}")

    def _drop(self, table: str) -> None:
        self.connection.execute(f"DROP TABLE IF EXISTS temp.{table}")

    # -- the shorter way for one institution: its own rows --------------------------------------------------------------

    def _alone(self, where: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What is left of ``where`` when it names one institution, whose rows (all periods of the returns in view) are then the table
        ``alone``; else None. A page of an institution asks some twenty questions: the files are read once, and since its number is in none
        of the statements, these are written once for all institutions."""
        one = where.get("institution")
        if type(one) is not int or any(isinstance(v, Mapping) for v in where.values()):  # a mapping is no key of a cache
            return None
        if self.alone != (key := (self.views["returns"], one)):
            self.alone = None
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE alone AS SELECT * FROM returns WHERE institution = {one}")  # noqa: S608  a whole number
            self.alone = key
        return {k: v for k, v in where.items() if k != "institution"}

    # -- the shorter way: from parts where the question goes by place ---------------------------------------------------

    def _parts(self, period: Period, due: bool, asks: Sequence[Ask], complete: Sequence[str] = ()) -> _Parts:
        """The table of parts of the returns in view that holds what is asked, made when there is none. ``PARTS`` are kept."""
        key, over_time, items = (self.views["returns"], period), {a.item: a.over_time for a in asks}, [bare(i) for i in complete]
        found = self.parts.pop(key, None)
        if found is None or any(found.items.get(i) != o for i, o in over_time.items()) or not set(items) <= set(found.items):
            known = {**dict.fromkeys(items, "sum"), **(found.items if found else {}), **over_time}
            used = {p.table for p in self.parts.values()}
            free = [f"parts{n}" for n in range(PARTS) if f"parts{n}" not in used]
            name = found.table if found else free[0] if free else self.parts.pop(next(iter(self.parts))).table
            self._keep(name, parts.parts_query(known, base_query(period), owed(period, due)))
            self.connection.execute(parts.moved_update(name, known))
            found = _Parts(name, known)
        self.parts[key] = found
        return found

    def _absent(self, found: _Parts, period: Period, due: bool) -> str:
        """The table of those that had to answer in the period and filed nothing."""
        name = f"absent_{found.table}"
        if not found.absent:
            self._keep(name, parts.absent_query(found.table, due_now(period) if due else None))
            found.absent = True
        return name

    def _sums(self, asks: tuple[Ask, ...], period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> Any:
        if (rest := self._alone(where)) is not None:
            return _sum_text(asks, period, tuple(by), _frozen(rest), tuple(complete), "alone")
        if not parts.fits(by, where, complete) or "institution" in where:
            if any(isinstance(v, Mapping) for v in where.values()):  # no key of a cache; rare
                return sum_query(asks, period, by, where, complete)
            return _sum_text(asks, period, tuple(by), _frozen(where), tuple(complete))
        return parts.sums_of_parts(self._parts(period, due, asks, complete).table, asks, len(periods_of(period)), by, where, complete)

    def _institutions(self, asks: tuple[Ask, ...], period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any],
                      complete: Sequence[str]) -> exp.Select:
        if not parts.fits(by, where, complete):
            return super()._institutions(asks, period, due, by, where, complete)
        return parts.institutions_of_parts(self._parts(period, due, asks, complete).table, asks, by, where, complete)

    def _members(self, period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any], bodies: bool) -> Any:
        if not parts.fits(by, where) or "institution" in where:
            return super()._members(period, due, by, where, bodies)
        found = self._parts(period, due, ())
        return parts.members_of_parts(found.table, self._absent(found, period, due) if bodies else "", by, where)

    def _covered(self, needs: Sequence[Sequence[str]], period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any]) -> Any:
        if (rest := self._alone(where)) is not None:
            return _covered_text(tuple(tuple(n) for n in needs), period, due, tuple(by), _frozen(rest), "alone")
        if not parts.fits(by, where):
            return super()._covered(needs, period, due, by, where)
        return parts.covered_of_parts(self._parts(period, due, (), [i for n in needs for i in n]).table, needs, by, where)

    def _uncovered(self, items: Sequence[str], period: Period, due: bool, by: Sequence[str], where: Mapping[str, Any], bodies: bool,
                   limit: int, everyone: bool) -> Any:
        if not parts.fits(by, where):
            return super()._uncovered(items, period, due, by, where, bodies, limit, everyone)
        kept = self._parts(period, due, (), items)
        return parts.uncovered_of_parts(kept.table, self._absent(kept, period, due) if bodies else "", items, by, where, limit, everyone)
