"""Sums of one period kept per institution, so that many questions on it read the returns once (DuckDB only).

A national year is 19 million rows, its institutions 1.6 million. The first question makes a table ``parts``: one row per
institution and place where it stood, with each item's sum, number of answers and last answer. All other groupings,
filters by place, coverages and lists of who lacks what are then answered from it. The few institutions with more than one
place in the period (``moved``) know in each of their rows what the whole institution answered:

    s  sum          n  answers in this place          m  answers of the institution in the period
    l  its last answer, where this place holds it     t  the period of the last answer in this place

``owed`` is how many answers the institution owes in the period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp, select

from .questions import Ask
from .sql import as_, both, column, conditions, in_row, key
from .statements import totals_query

PLACE = ("code", "line", "area", "department", "territory", "type")
NOTHING = exp.Literal.number(0)


def parts_query(items: Mapping[str, str], base: exp.Select, owed: Any) -> exp.Select:
    """The table ``parts`` as it is first made: every institution by itself. ``owed``: how many answers it owes."""
    keys = [column(k) for k in ("institution", *PLACE)]
    made: list[Any] = [as_(exp.ArgMax(this=column("name"), expression=column("period")), "name"), as_(exp.Max(this=column("period")), "period"),
                       as_(_small(exp.Count(this=exp.Star())), "lines"), as_(exp.false(), "moved"), as_(_small(owed), "owed")]
    for item, over_time in items.items():
        made += [as_(_small(exp.Count(this=column(item))), f"n_{item}"), as_(_small(exp.Count(this=column(item))), f"m_{item}")]
        if over_time == "last":
            answered = exp.Case(ifs=[exp.If(this=exp.Not(this=exp.Is(this=column(item), expression=exp.Null())), true=column("period"))])
            made += [as_(exp.ArgMax(this=column(item), expression=column("period")), f"l_{item}"), as_(exp.Max(this=answered), f"t_{item}")]
        else:  # |x| < 10¹² and at most 19 rows: the sum fits where the values do
            made.append(as_(_narrow(exp.Sum(this=column(item))), f"s_{item}"))
    return select(*keys, *made, copy=False).from_("base", copy=False).group_by(*[k.copy() for k in keys], copy=False).with_("base", base, copy=False)


def moved_update(table: str, items: Mapping[str, str]) -> str:
    """What makes the rows of institutions that moved know the whole institution."""
    whole: list[Any] = [column("institution"), as_(exp.ArgMax(this=column("name"), expression=column("period")), "name"),
                        as_(exp.Max(this=column("owed")), "owed")]
    into = ["moved = true", 'name = w."name"', 'owed = w."owed"']
    for item, over_time in items.items():
        whole.append(as_(exp.Sum(this=column(f"n_{item}")), f"m_{item}"))
        into.append(f'"m_{item}" = w."m_{item}"')
        if over_time == "last":
            whole.append(as_(exp.Max(this=column(f"t_{item}")), f"t_{item}"))
            into.append(f'"l_{item}" = CASE WHEN {table}."t_{item}" = w."t_{item}" THEN {table}."l_{item}" END')
    query = select(*whole, copy=False).from_(table, copy=False).group_by(column("institution"), copy=False).having(
        exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1)), copy=False)
    return f"UPDATE {table} SET {', '.join(into)} FROM ({query.sql(dialect='duckdb')}) AS w WHERE {table}.institution = w.institution"  # noqa: S608


def absent_query(table: str, due: Any = None) -> exp.Select:
    """The bodies that had to answer (``due``: in this period, where that is known) and filed nothing."""
    filed = select(column("institution"), copy=False).from_(table, copy=False)
    query = select("*", copy=False).from_("bodies", copy=False).where(column("expected"), copy=False).where(exp.Not(this=exp.In(this=column("institution"), query=filed.subquery(copy=False))), copy=False)
    return query if due is None else query.where(due, copy=False)


def _enough(item: str) -> Any:
    """Whether an item of ``complete`` was answered: once, or as often as it was due where it is marked."""
    name = item.removesuffix("*")
    return exp.GTE(this=column(f"m_{name}"), expression=exp.Literal.number(1) if name == item else column("owed"))


def institutions_of_parts(table: str, asks: Sequence[Ask], by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> Any:
    """The same columns as ``statements.institutions_query``, which reads the returns."""
    one: list[Any] = [column("institution"), column("lines")]
    many: list[Any] = [column("institution"), as_(_small(exp.Sum(this=column("lines"))), "lines")]
    for n, ask in enumerate(asks):
        value = column(f"{'l' if ask.over_time == 'last' else 's'}_{ask.item}")
        cells: Any = column(f"n_{ask.item}")
        if ask.over_time == "last":
            cells = exp.Case(ifs=[exp.If(this=exp.Is(this=value.copy(), expression=exp.Null()), true=NOTHING.copy())], default=exp.Literal.number(1))
        one += [as_(value.copy(), f"s{n}"), as_(cells, f"n{n}")]
        many += [as_(_narrow(exp.Sum(this=value.copy())), f"s{n}"), as_(_small(exp.Sum(this=cells.copy())), f"n{n}")]
        if ask.over_time == "mean":
            one.append(as_(column(f"m_{ask.item}"), f"m{n}"))
            many.append(as_(exp.Max(this=column(f"m_{ask.item}")), f"m{n}"))
    inside = [*conditions(where), *[_enough(i) for i in complete]]
    moved = _of(table, by, many, [column("moved"), *inside]).group_by(*[key(k) for k in by], column("institution"), copy=False)
    return exp.union(_of(table, by, one, [_still(), *inside]), moved, distinct=False, copy=False)


def sums_of_parts(table: str, asks: Sequence[Ask], months: int, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> exp.Select:
    """The same columns as ``statements.sum_query``; DuckDB adds decimal(18,4) to decimal(38,4) by itself, twice as fast as when cast first."""
    return totals_query(institutions_of_parts(table, asks, by, where, complete), asks, months, by)


def members_of_parts(table: str, absent: str, by: Sequence[str], where: Mapping[str, Any]) -> exp.Select:
    """The same columns as ``statements.members_query``. ``absent``: the table of those that filed nothing, or none."""
    inside = conditions(where)
    everyone = [_of(table, by, [column("institution")], [_still(), *inside]),
                _of(table, by, [column("institution")], [column("moved"), *inside]).distinct(copy=False)]
    if absent:
        everyone.append(_of(absent, by, [column("institution")], inside))
    query = select(*_keys(by), as_(exp.Count(this=exp.Star()), "n"), copy=False).from_("everyone", copy=False).with_("everyone", _all(everyone), copy=False)
    return query.group_by(*_keys(by), copy=False) if by else query


def covered_of_parts(table: str, needs: Sequence[Sequence[str]], by: Sequence[str], where: Mapping[str, Any]) -> exp.Select:
    """The same columns as ``statements.covered_query``."""
    inside = conditions(where)
    holds = [as_(both([_enough(i) for i in need]) if need else exp.true(), f"h{n}") for n, need in enumerate(needs)]
    everyone = [_of(table, by, [column("institution"), *holds], [_still(), *inside]),
                _of(table, by, [column("institution"), *holds], [column("moved"), *inside]).distinct(copy=False)]
    counts = [as_(exp.Count(this=exp.Case(ifs=[exp.If(this=column(f"h{n}"), true=exp.Literal.number(1))])), f"c{n}") for n in range(len(needs))]
    query = select(*_keys(by), *counts, copy=False).from_("everyone", copy=False).with_("everyone", _all(everyone), copy=False)
    return query.group_by(*_keys(by), copy=False) if by else query


def uncovered_of_parts(table: str, absent: str, items: Sequence[str], by: Sequence[str], where: Mapping[str, Any], limit: int, everyone: bool
                       ) -> exp.Select:
    """The same columns as ``statements.uncovered_query``."""
    inside = conditions(where)
    lacking = [] if everyone else [exp.not_(both([_enough(i) for i in items]), copy=False) if items else exp.false()]
    some = [as_(column(f"m_{i.removesuffix('*')}"), f"m{n}") for n, i in enumerate(items)]
    columns = [column("institution"), column("name"), as_(exp.false(), "empty"), column("owed"), *some]
    listed = [_of(table, by, columns, [_still(), *inside, *lacking]), _of(table, by, columns, [column("moved"), *inside, *lacking]).distinct(copy=False)]
    if absent:
        none = [as_(NOTHING.copy(), f"m{n}") for n in range(len(items))]
        listed.append(_of(absent, by, [column("institution"), column("name"), as_(exp.true(), "empty"), as_(NOTHING.copy(), "owed"), *none], inside))
    return select("*", copy=False).from_("listed", copy=False).order_by(*map(in_row, [*_keys(by), column("name"), column("institution")]), copy=False).limit(limit, copy=False).with_("listed", _all(listed), copy=False)


def fits(by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str] = ()) -> bool:
    """Whether a question goes by place only, and asks of no other period."""
    return {*(b.partition(":")[0] for b in by), *where} <= {"institution", *PLACE} and not any(":" in c for c in complete)


def _of(table: str, by: Sequence[str], columns: Sequence[Any], conditions_: Sequence[Any]) -> exp.Select:
    """The keys as k0, k1 …, and these columns."""
    keys = [as_(key(k), f"k{i}") for i, k in enumerate(by)]
    query = select(*keys, *[c.copy() for c in columns], copy=False).from_(table, copy=False)
    return query.where(both([c.copy() for c in conditions_]), copy=False) if conditions_ else query


def _keys(by: Sequence[str]) -> list[Any]:
    return [column(f"k{i}") for i in range(len(by))]


def _still() -> Any:
    return exp.Not(this=column("moved"))


def _all(queries: Sequence[Any]) -> Any:
    return exp.union(*queries, distinct=False, copy=False)


def _small(count: Any) -> Any:
    """A number of months: one byte instead of eight."""
    return exp.Cast(this=count, to=exp.DataType.build("UTINYINT", dialect="duckdb"))


def _narrow(total: Any) -> Any:
    """The sum of one institution's months: as wide as a value."""
    return exp.Cast(this=total, to=exp.DataType.build("DECIMAL(18, 4)"))
