"""Screening: the checks of a form over all its returns at once. The same text judges one return while a person types.

A check whose condition is not true, or whose answer is unknown, is not applied, and counted as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp, select

from jieneng.core.formula import Value, read
from jieneng.core.period import Period
from jieneng.rulebook.types import Check

from .column import Column, Number
from .sql import column, conditions, in_row

BEFORE = ("last_year", "last_month")
NOT_APPLIED, HOLDS, FAILS = 0, 1, 2


@dataclass(frozen=True)
class Failing:
    """A return that fails a check."""

    institution: int
    code: str
    name: str
    period: str
    return_id: int
    revision: int


@dataclass(frozen=True)
class Screened:
    """What a check says of all returns: how many it applied to, how many fail, and the first of those."""

    check: str
    applied: int
    failed: int
    not_applied: int
    rows: tuple[Failing, ...]


def usable(checks: Sequence[Check]) -> list[Check]:
    """The checks that machines judge; duties of the office (``process``) are no findings."""
    return [c for c in checks if not c.process]


def verdict(check: Check, items: frozenset[str], dialect: str) -> Any:
    """What a check says of a row: true, false, or NULL where it is not applied. Its text is evaluated once."""

    def name(text: str) -> Any:
        prefix, _, item = text.rpartition(".")
        if item in items and prefix in ("", *BEFORE):
            return column(item, prefix or "base")
        return lets.get(text, exp.null())  # not asked, or nothing that a snapshot holds: unknown

    lets: dict[str, Number] = {}
    reading = Column(name, dialect=dialect)
    for let, text in check.let.items():
        found = read(text, reading)
        assert isinstance(found, Number), "the loader lets only numbers be named"
        lets[let] = found
    holds = read(check.holds, reading).sql
    return exp.Case(ifs=[exp.If(this=read(check.when, reading).sql, true=holds)]) if check.when else holds


def judged_query(checks: Sequence[Check], items: frozenset[str], base: exp.Select, where: Mapping[str, Any],
                 keys: Sequence[str], dialect: str) -> exp.Select:
    """Every return with what each check says of it; last year's and last month's return beside it where a check looks back."""
    judged = [exp.alias_(verdict(c, items, dialect), f"s{n}", quoted=True) for n, c in enumerate(checks)]
    query = select(*[column(k, "base") for k in keys]).from_("base")
    looks = {c.table for v in judged for c in v.find_all(exp.Column)}
    if "last_year" in looks:
        same = exp.EQ(this=column("institution", "base"), expression=column("institution", "last_year"))
        year = exp.EQ(this=column("year", "last_year"), expression=exp.Sub(this=column("year", "base"), expression=exp.Literal.number(1)))
        month: Any = exp.NullSafeEQ(this=column("month", "last_year"), expression=column("month", "base"))
        query = query.join("returns", join_type="left", join_alias="last_year", on=exp.and_(same, year, month))
    if "last_month" in looks:
        same = exp.EQ(this=column("institution", "base"), expression=column("institution", "last_month"))
        month = exp.EQ(this=_index("last_month"), expression=exp.Sub(this=_index("base"), expression=exp.Literal.number(1)))
        query = query.join("returns", join_type="left", join_alias="last_month", on=exp.and_(same, month))
    for condition in conditions(where, "base"):
        query = query.where(condition)
    return query.select(*judged, copy=False).with_("base", base, copy=False)


def _index(table: str) -> Any:
    """Months counted through the years; null for an annual return."""
    years = exp.Mul(this=column("year", table), expression=exp.Literal.number(12))
    return exp.Add(this=years, expression=column("month", table))


def counts_query(checks: Sequence[Check], judged: exp.Select | None) -> exp.Select:
    """Rows in all, and per check how many hold and how many fail. ``judged`` None: a table of that name is there."""
    columns: list[Any] = [exp.Count(this=exp.Star())]
    for n in range(len(checks)):
        for wanted in (column(f"s{n}"), exp.Not(this=column(f"s{n}"))):
            columns.append(exp.Count(this=exp.Case(ifs=[exp.If(this=wanted, true=exp.Literal.number(1))])))
    query = select(*[exp.alias_(c, f"c{n}", quoted=True) for n, c in enumerate(columns)], copy=False).from_("judged")
    return query if judged is None else query.with_("judged", judged, copy=False)


def failing_query(judged: exp.Select, limit: int, n: int = 0) -> exp.Select:
    """The returns that fail check ``n`` of ``judged``, by period, code and id."""
    keys = [column(k) for k in ("institution", "code", "name", "period", "return_id", "revision")]
    return select(*keys).from_("judged").where(exp.Not(this=column(f"s{n}"))).order_by(
        *[in_row(column(k)) for k in ("period", "code", "return_id")]).limit(limit).with_("judged", judged, copy=False)


def some_failing_query(checks: Sequence[int], base: exp.Select) -> exp.Select:
    """The returns that fail any of these checks, from a table ``judged`` of return ids."""
    keys = [column(k, "base") for k in ("institution", "code", "name", "period", "return_id", "revision")]
    fails = [exp.Not(this=column(f"s{n}", "judged")) for n in checks]
    return select(*keys, *[column(f"s{n}", "judged") for n in checks]).from_("base").join(
        "judged", on=exp.EQ(this=column("return_id", "base"), expression=column("return_id", "judged"))).where(exp.or_(*fails)).with_("base", base)


def judge(check: Check, row: Mapping[str, Any], before: Mapping[str, Mapping[str, Any]], items: frozenset[str]) -> int:
    """The same of one row in plain Python, by the Value reading. ``before``: last_year and last_month → that row."""

    class Known(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            prefix, _, item = name.rpartition(".")
            if item not in items:
                return None
            return (row if not prefix else before.get(prefix, {})).get(item)

        def __contains__(self, name: object) -> bool:
            return True

    values = Known()
    for name, text in check.let.items():
        values[name] = read(text, Value(values))
    if check.when and read(check.when, Value(values)) is not True:
        return NOT_APPLIED
    holds = read(check.holds, Value(values))
    return NOT_APPLIED if holds is None else HOLDS if holds else FAILS


def before(row: Mapping[str, Any], prefix: str) -> tuple[int, str] | None:
    """Institution and period of the row that stands beside this one as last year's or last month's."""
    period = Period.parse(row["period"])
    if prefix == "last_month" and period.kind != "month":
        return None
    return row["institution"], str(period.previous if prefix == "last_month" else period.last_year)
