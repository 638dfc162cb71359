"""Words to write SQL in: sums, quotients, masks and cases of columns, built without copying what they are made of.

A trait of twelve months is an expression of thousands of nodes; sqlglot's own operators copy both sides each time.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any, ClassVar

from sqlglot import exp, select

from .sql import as_, column


class Term(exp.Expression, exp.Func):
    """An expression in brackets (a function without a name) whose operators do not copy it: a sum of twelve months would be copied twelve
    times, each time it grows."""

    _sql_names: ClassVar = [""]
    arg_types: ClassVar = {"this": True}

    def _with(self, kind: type[exp.Binary], other: Any) -> Term:
        return Term(this=kind(this=self, expression=other))

    def __add__(self, other: Any) -> Any:
        return self._with(exp.Add, other)

    def __sub__(self, other: Any) -> Any:
        return self._with(exp.Sub, other)

    def __mul__(self, other: Any) -> Any:
        return self._with(exp.Mul, other)

    def __gt__(self, other: Any) -> Any:
        return self._with(exp.GT, other)

    def __ge__(self, other: Any) -> Any:
        return self._with(exp.GTE, other)

    def __lt__(self, other: Any) -> Any:
        return self._with(exp.LT, other)


def col(name: str, table: str | None = None) -> Any:
    return Term(this=column(name, table))


def num(value: float) -> Any:
    return Term(this=exp.Cast(this=exp.Literal.number(repr(float(value))), to=exp.DataType(this=exp.DataType.Type.DOUBLE)))


def whole(value: int) -> Any:
    return exp.Literal.number(value)


def per(over: Any, under: Any) -> Any:
    """Over ÷ under; NULL where under is 0."""
    return Term(this=exp.Div(this=over, expression=exp.Nullif(this=under, expression=num(0))))


def same(left: Any, right: Any) -> Any:
    return exp.EQ(this=left, expression=right)


def case(when: Any, then: Any, other: Any = None) -> Any:
    return Term(this=exp.Case(ifs=[exp.If(this=when, true=then)], default=other))


def first(cases: Sequence[tuple[Any, Any]], other: Any = None) -> Any:
    """The value of the first condition that is true."""
    return Term(this=exp.Case(ifs=[exp.If(this=when, true=then) for when, then in cases], default=other))


def added(parts: Sequence[Any]) -> Any:
    return functools.reduce(operator.add, parts)


def some(parts: Sequence[Any]) -> Any:
    return exp.paren(functools.reduce(lambda a, b: exp.Or(this=a, expression=b), parts), copy=False)


def all_(*parts: Any) -> Any:
    return exp.paren(functools.reduce(lambda a, b: exp.And(this=a, expression=b), parts), copy=False)


def count(parts: Sequence[Any]) -> Any:
    """How many of these conditions are true."""
    return added([case(p, whole(1), whole(0)) for p in parts])


def known(value: Any) -> Any:
    return exp.Not(this=exp.Is(this=value, expression=exp.Null()))


def unknown(value: Any) -> Any:
    return exp.Is(this=value, expression=exp.Null())


def most(parts: Sequence[Any]) -> Any:
    return Term(this=exp.Greatest(this=parts[0], expressions=list(parts[1:]), ignore_nulls=True)) if len(parts) > 1 else parts[0]


def least(parts: Sequence[Any]) -> Any:
    return Term(this=exp.Least(this=parts[0], expressions=list(parts[1:]), ignore_nulls=True)) if len(parts) > 1 else parts[0]


def or_0(value: Any) -> Any:
    return Term(this=exp.Coalesce(this=value, expressions=[num(0)]))


def one_if(condition: Any) -> Any:
    """1 where it is true, 0 where it is false: sums of products of these are several times as quick as CASE."""
    return Term(this=exp.Cast(this=condition, to=exp.DataType(this=exp.DataType.Type.DOUBLE)))


def distance(value: Any) -> Any:
    return Term(this=exp.Abs(this=value))


def away(value: Any) -> Any:
    """How many times a quotient lies from 1, either way: 1 or more."""
    return most([value, per(num(1), value)])


def ln(value: Any) -> Any:
    return Term(this=exp.Ln(this=value))


def middle(value: Any, at: float = 0.5) -> Any:
    """The value at a share of the ordered values: one of them, never between two."""
    order = exp.Order(expressions=[exp.Ordered(this=value)])
    return exp.WithinGroup(this=exp.PercentileDisc(this=exp.Literal.number(at)), expression=order)


def rows_of(table: str, alias: str) -> Any:
    return exp.alias_(exp.to_table(table), alias, table=True, copy=False)


def taken(*columns: Any) -> exp.Select:
    return select(*columns, copy=False)


def over(query: exp.Select, name: str, top: exp.Select) -> exp.Select:
    """``top`` reads from ``query`` by a name."""
    return top.from_(query.subquery(name, copy=False), copy=False)


def added_to(query: exp.Select, **more: Any) -> exp.Select:
    """Every column of a query and some more."""
    return over(query, "t", taken("*", *[as_(v, k) for k, v in more.items()]))


def cols(letter: str, months: int) -> list[Any]:
    return [col(f"{letter}{m}") for m in range(months)]
