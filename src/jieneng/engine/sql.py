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


def literal(value: Any) -> exp.Expression:
    """A value as a literal: whole numbers as numbers, everything else as text."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    return exp.Literal.number(value) if isinstance(value, int) else text(str(value))


def number(expression: exp.Expression) -> exp.Cast:
    """Cast to decimal(38,4) before adding, so that no sum overflows."""
    return exp.Cast(this=expression, to=WIDE.copy())


def conditions(where: Mapping[str, Any]) -> list[exp.Expression]:
    """``where`` as conditions: a value, any of several, ``line`` as a prefix, or ``{"from": …, "to": …}``."""
    found: list[exp.Expression] = []
    for name, value in where.items():
        if isinstance(value, Mapping):
            if value.get("from") not in (None, ""):
                found.append(exp.GTE(this=column(name), expression=literal(value["from"])))
            if value.get("to") not in (None, ""):
                found.append(exp.LTE(this=column(name), expression=literal(value["to"])))
            continue
        options = list(value) if isinstance(value, (tuple, list)) else [value]
        if name == "line":
            parts: list[exp.Expression] = [exp.StartsWith(this=column(name), expression=text(str(v))) for v in options]
            found.append(exp.or_(*parts) if parts else exp.false())
        elif options:
            found.append(exp.In(this=column(name), expressions=[literal(v) for v in options]))
        else:
            found.append(exp.false())
    return found


def both(parts: Sequence[exp.Expression]) -> exp.Expression | None:
    return exp.and_(*parts) if parts else None
