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

from .sql import both, column, conditions

PLACE = ("code", "line", "area", "department", "territory", "type")
NOTHING = exp.Literal.number(0)


def parts_query(items: Mapping[str, str], base: exp.Select, owed: Any) -> exp.Select:
    """The table ``parts`` as it is first made: every institution by itself. ``owed``: how many answers it owes."""
    keys = [column(k) for k in ("institution", *PLACE)]
    made: list[Any] = [_as(exp.ArgMax(this=column("name"), expression=column("period")), "name"), _as(exp.Max(this=column("period")), "period"),
                       _as(_small(exp.Count(this=exp.Star())), "lines"), _as(exp.false(), "moved"), _as(_small(owed), "owed")]
    for item, over_time in items.items():
        made += [_as(_small(exp.Count(this=column(item))), f"n_{item}"), _as(_small(exp.Count(this=column(item))), f"m_{item}")]
        if over_time == "last":
            answered = exp.Case(ifs=[exp.If(this=exp.Not(this=exp.Is(this=column(item), expression=exp.Null())), true=column("period"))])
            made += [_as(exp.ArgMax(this=column(item), expression=column("period")), f"l_{item}"), _as(exp.Max(this=answered), f"t_{item}")]
        else:  # |x| < 10¹² and at most 19 rows: the sum fits where the values do
            made.append(_as(_narrow(exp.Sum(this=column(item))), f"s_{item}"))
    return select(*keys, *made, copy=False).from_("base").group_by(*[k.copy() for k in keys]).with_("base", base)


def moved_update(table: str, items: Mapping[str, str]) -> str:
    """What makes the rows of institutions that moved know the whole institution."""
    whole: list[Any] = [column("institution"), _as(exp.ArgMax(this=column("name"), expression=column("period")), "name"),
                        _as(exp.Max(this=column("owed")), "owed")]
    into = ["moved = true", 'name = w."name"', 'owed = w."owed"']
    for item, over_time in items.items():
        whole.append(_as(exp.Sum(this=column(f"n_{item}")), f"m_{item}"))
        into.append(f'"m_{item}" = w."m_{item}"')
        if over_time == "last":
            whole.append(_as(exp.Max(this=column(f"t_{item}")), f"t_{item}"))
            into.append(f'"l_{item}" = CASE WHEN {table}."t_{item}" = w."t_{item}" THEN {table}."l_{item}" END')
    query = select(*whole, copy=False).from_(table).group_by(column("institution")).having(
        exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1)))
    return f"UPDATE {table} SET {', '.join(into)} FROM ({query.sql(dialect='duckdb')}) AS w WHERE {table}.institution = w.institution"  # noqa: S608


def absent_query(table: str, due: Any = None) -> exp.Select:
    """The bodies that had to answer (``due``: in this period, where that is known) and filed nothing."""
    filed = select(column("institution")).from_(table)
    query = select("*").from_("bodies").where(column("expected")).where(exp.Not(this=exp.In(this=column("institution"), query=filed.subquery())))
    return query if due is None else query.where(due)


def _enough(item: str) -> Any:
    """Whether an item of ``complete`` was answered: once, or as often as it was due where it is marked."""
    name = item.removesuffix("*")
    return exp.GTE(this=column(f"m_{name}"), expression=exp.Literal.number(1) if name == item else column("owed"))


def sums_of_parts(table: str, asks: Sequence[tuple[str, str]], months: int, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]
                  ) -> exp.Select:
    """The same columns as ``sums.sum_query``, which reads the returns."""
    one: list[Any] = [column("lines")]
    many: list[Any] = [_as(_small(exp.Sum(this=column("lines"))), "lines")]
    outer: list[Any] = [*_keys(by), exp.Count(this=exp.Star()), exp.Sum(this=column("lines"))]
    for n, (item, over_time) in enumerate(asks):
        value = column(f"{'l' if over_time == 'last' else 's'}_{item}")
        cells: Any = column(f"n_{item}")
        if over_time == "last":
            cells = exp.Case(ifs=[exp.If(this=exp.Is(this=value.copy(), expression=exp.Null()), true=NOTHING.copy())], default=exp.Literal.number(1))
        one += [_as(value.copy(), f"s{n}"), _as(cells, f"n{n}")]
        many += [_as(_narrow(exp.Sum(this=value.copy())), f"s{n}"), _as(_small(exp.Sum(this=cells.copy())), f"n{n}")]
        total = column(f"s{n}")  # DuckDB adds decimal(18,4) to decimal(38,4) by itself, and twice as fast as when cast first
        if over_time == "mean":
            one.append(_as(column(f"m_{item}"), f"m{n}"))
            many.append(_as(exp.Max(this=column(f"m_{item}")), f"m{n}"))
            for answered in range(1, months + 1):
                same = exp.EQ(this=column(f"m{n}"), expression=exp.Literal.number(answered))
                outer.append(exp.Sum(this=exp.Case(ifs=[exp.If(this=same, true=total.copy())])))
        else:
            outer.append(exp.Sum(this=total))
        outer += [exp.Count(this=column(f"s{n}")), exp.Sum(this=column(f"n{n}"))]
    inside = [*conditions(where), *[_enough(i) for i in complete]]
    moved = _of(table, by, many, [column("moved"), *inside]).group_by(*[column(k) for k in by], column("institution"))
    query = select(*[_as(c, f"c{n}") for n, c in enumerate(outer)], copy=False).from_("some").with_(
        "some", exp.union(_of(table, by, one, [_still(), *inside]), moved, distinct=False))
    return query.group_by(*_keys(by)) if by else query


def members_of_parts(table: str, absent: str, by: Sequence[str], where: Mapping[str, Any]) -> exp.Select:
    """The same columns as ``sums.members_query``. ``absent``: the table of those that filed nothing, or none."""
    inside = conditions(where)
    everyone = [_of(table, by, [column("institution")], [_still(), *inside]),
                _of(table, by, [column("institution")], [column("moved"), *inside]).distinct()]
    if absent:
        everyone.append(_of(absent, by, [column("institution")], inside))
    query = select(*_keys(by), _as(exp.Count(this=exp.Star()), "n"), copy=False).from_("everyone").with_("everyone", _all(everyone))
    return query.group_by(*_keys(by)) if by else query


def covered_of_parts(table: str, needs: Sequence[Sequence[str]], by: Sequence[str], where: Mapping[str, Any]) -> exp.Select:
    """The same columns as ``sums.covered_query``."""
    inside = conditions(where)
    holds = [_as(both([_enough(i) for i in need]) if need else exp.true(), f"h{n}") for n, need in enumerate(needs)]
    everyone = [_of(table, by, [column("institution"), *holds], [_still(), *inside]),
                _of(table, by, [column("institution"), *holds], [column("moved"), *inside]).distinct()]
    counts = [_as(exp.Count(this=exp.Case(ifs=[exp.If(this=column(f"h{n}"), true=exp.Literal.number(1))])), f"c{n}") for n in range(len(needs))]
    query = select(*_keys(by), *counts, copy=False).from_("everyone").with_("everyone", _all(everyone))
    return query.group_by(*_keys(by)) if by else query


def uncovered_of_parts(table: str, absent: str, items: Sequence[str], by: Sequence[str], where: Mapping[str, Any], limit: int, everyone: bool
                       ) -> exp.Select:
    """The same columns as ``sums.uncovered_query``."""
    inside = conditions(where)
    lacking = [] if everyone else [exp.not_(both([_enough(i) for i in items])) if items else exp.false()]
    some = [_as(column(f"m_{i.removesuffix('*')}"), f"m{n}") for n, i in enumerate(items)]
    columns = [column("institution"), column("name"), _as(exp.false(), "empty"), column("owed"), *some]
    listed = [_of(table, by, columns, [_still(), *inside, *lacking]), _of(table, by, columns, [column("moved"), *inside, *lacking]).distinct()]
    if absent:
        none = [_as(NOTHING.copy(), f"m{n}") for n in range(len(items))]
        listed.append(_of(absent, by, [column("institution"), column("name"), _as(exp.true(), "empty"), _as(NOTHING.copy(), "owed"), *none], inside))
    return select("*").from_("listed").order_by(*_keys(by), column("name"), column("institution")).limit(limit).with_("listed", _all(listed))


def fits(by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str] = ()) -> bool:
    """Whether a question goes by place only, and asks of no other period."""
    return {*by, *where} <= {"institution", *PLACE} and not any(":" in c for c in complete)


def _of(table: str, by: Sequence[str], columns: Sequence[Any], conditions_: Sequence[Any]) -> exp.Select:
    """The keys as k0, k1 …, and these columns."""
    keys = [_as(column(k), f"k{i}") for i, k in enumerate(by)]
    query = select(*keys, *[c.copy() for c in columns], copy=False).from_(table)
    return query.where(both([c.copy() for c in conditions_])) if conditions_ else query


def _keys(by: Sequence[str]) -> list[Any]:
    return [column(f"k{i}") for i in range(len(by))]


def _still() -> Any:
    return exp.Not(this=column("moved"))


def _all(queries: Sequence[Any]) -> Any:
    return exp.union(*queries, distinct=False)


def _as(expression: Any, name: str) -> Any:
    return exp.alias_(expression, name, quoted=True)


def _small(count: Any) -> Any:
    """A number of months: one byte instead of eight."""
    return exp.Cast(this=count, to=exp.DataType.build("UTINYINT", dialect="duckdb"))


def _narrow(total: Any) -> Any:
    """The sum of one institution's months: as wide as a value."""
    return exp.Cast(this=total, to=exp.DataType.build("DECIMAL(18, 4)"))
