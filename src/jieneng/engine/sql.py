"""Small pieces of SQL trees: names are always quoted, values always literals, so no text of people is ever SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp

WIDE = exp.DataType.build("DECIMAL(38, 4)")


def column(name: str, table: str | None = None) -> exp.Column:
    """A quoted column, of a table if given."""
    return exp.column(name, table=table, quoted=True)


def text(value: str) -> exp.Literal:
    return exp.Literal.string(value)


def literal(value: Any) -> Any:
    """A value as a literal: whole numbers as numbers, everything else as text."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    return exp.Literal.number(value) if isinstance(value, int) else text(str(value))


def number(expression: exp.Expression) -> exp.Cast:
    """Cast to decimal(38,4) before adding, so that no sum overflows."""
    return exp.Cast(this=expression, to=WIDE.copy())


def as_(expression: Any, name: str) -> Any:
    """An expression under a quoted name."""
    return exp.alias_(expression, name, quoted=True, copy=False)


def key(name: str, table: str | None = None) -> Any:
    """A key of a grouping: a column, or the first characters of one (``area:2``)."""
    name, _, length = name.partition(":")
    return exp.Left(this=column(name, table), expression=exp.Literal.number(length)) if length else column(name, table)


def in_row(expression: Any) -> exp.Ordered:
    """Ordered upwards, those without one last: engines differ where it is not said."""
    return exp.Ordered(this=expression)


def double(amount: exp.Expression) -> Any:
    """The double nearest to a decimal; that every engine's cast finds it is a test (``test_spread``)."""
    return exp.Cast(this=amount, to=exp.DataType.build("DOUBLE"))


def answered(expression: exp.Expression) -> Any:
    return exp.Not(this=exp.Is(this=expression, expression=exp.Null()))


def conditions(where: Mapping[str, Any], table: str | None = None) -> list[Any]:
    """``where`` as conditions: a value (None: without one), any of several, none of several (``not``), ``line`` as a prefix, or a span."""
    found: list[Any] = []
    for name, value in where.items():
        if isinstance(value, Mapping) and "not" in value:
            found.append(exp.Not(this=exp.In(this=column(name, table), expressions=[literal(v) for v in value["not"]])))
            continue
        if isinstance(value, Mapping):
            if value.get("from") not in (None, ""):
                found.append(exp.GTE(this=column(name, table), expression=literal(value["from"])))
            if value.get("to") not in (None, ""):
                found.append(exp.LTE(this=column(name, table), expression=literal(value["to"])))
            continue
        options = list(value) if isinstance(value, (tuple, list)) else [value]
        parts: list[Any] = []
        if None in options:
            parts.append(exp.Is(this=column(name, table), expression=exp.Null()))
            options = [o for o in options if o is not None]
        if name == "line":
            parts += [exp.StartsWith(this=column(name, table), expression=text(str(v))) for v in options]
        elif options:
            parts.append(exp.In(this=column(name, table), expressions=[literal(v) for v in options]))
        found.append(exp.or_(*parts, copy=False) if parts else exp.false())
    return found


def both(parts: Sequence[Any]) -> Any:
    return exp.and_(*parts, copy=False)
