"""The questions as SQL trees: filter, join, group, sum, count. Engines only add; Python multiplies and divides.

``last`` and ``mean`` over the months of a period are still only adding: the last answered month of each institution is a
filter, a mean is a sum grouped by the number of months answered, divided in Python as a fraction. Both look at the whole
period of an institution, so the parts of any grouping add up to the whole exactly, even when it moved during the year.

One statement answers all items asked: rows are added per institution first, institutions per group second. No row is
touched in Python and nothing is counted with DISTINCT, so that a national year of 19 million rows takes the same path.
Every statement reads the tables ``returns``, ``bodies`` or ``ledger_<kind>``, and is printed in the dialect of its engine.

Trees grow in place (``copy=False``): by default each step copies all that was built before, which took longer than DuckDB's answer.
So a node stands in one place of one tree; what is wanted twice is copied by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlglot import exp, select

from jieneng.core.period import Period

from .questions import EVERY, STANDING, Ask, Indicator, Term, bare, due_bits, periods_of, split_complete
from .sql import answered, as_, both, column, conditions, double, in_row, key, literal, number


def base_query(period: Period) -> exp.Select:
    """The rows of the form that lie in the period."""
    return select("*", copy=False).from_("returns", copy=False).where(exp.In(this=column("period"), expressions=[literal(p) for p in periods_of(period)]), copy=False)


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
    keys = [k for k in by if k.partition(":")[0] in STANDING]
    for n, (period, items) in enumerate(split_complete(complete)[1].items()):
        name, rows = f"like{n}", f"then{n}"
        found = select(*[as_(key(k), f"k{i}") for i, k in enumerate(keys)], column("institution"), copy=False).distinct(copy=False).from_(rows, copy=False)
        if items:
            inner = select(column("institution"), copy=False).from_(rows, copy=False).group_by(column("institution"), copy=False).having(_answered_all(items, period), copy=False)
            found = found.where(exp.In(this=column("institution"), query=inner.subquery(copy=False)), copy=False)
        for condition in conditions({k: v for k, v in where.items() if k in STANDING}):
            found = found.where(condition, copy=False)
        tables |= {rows: base_query(period), name: found}
        same = [exp.NullSafeEQ(this=key(k, "base"), expression=column(f"k{i}", name)) for i, k in enumerate(keys)]
        same.append(exp.NullSafeEQ(this=column("institution", "base"), expression=column("institution", name)))
        query = query.join(name, on=both(same), copy=False)
    return query, tables


def _whole(asks: Sequence[Ask], complete: Sequence[str], period: Period) -> exp.Select | None:
    """What is known of each institution over the whole period; None when nothing needs to be."""
    columns: list[Any] = []
    for n, ask in enumerate(asks):
        if ask.over_time == "last":
            case = exp.Case(ifs=[exp.If(this=answered(column(ask.item)), true=column("period"))])
            columns.append(exp.alias_(exp.Max(this=case), f"last{n}", quoted=True, copy=False))
        elif ask.over_time == "mean":
            columns.append(exp.alias_(exp.Count(this=column(ask.item)), f"months{n}", quoted=True, copy=False))
    if not columns and not complete:
        return None
    query = select(column("institution"), *columns, copy=False).from_("base", copy=False).group_by(column("institution"), copy=False)
    if complete:
        query = query.having(_answered_all(complete, period), copy=False)
    return query


def institutions_query(asks: Sequence[Ask], period: Period, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> exp.Select:
    """Per group (k0, k1 …) and institution: its ``lines``, and per item n its sum ``s``, answered cells ``n``, and for a mean the
    months ``m`` that it answered."""
    whole = _whole(asks, split_complete(complete)[0], period)
    keys = [key(k, "base") for k in by]
    columns: list[Any] = [as_(k, f"k{i}") for i, k in enumerate(keys)]
    columns += [column("institution", "base"), as_(exp.Count(this=exp.Star()), "lines")]
    for n, ask in enumerate(asks):
        value: Any = column(ask.item, "base")
        if ask.over_time == "last":
            same = exp.EQ(this=column("period", "base"), expression=column(f"last{n}", "whole"))
            value = exp.Case(ifs=[exp.If(this=same, true=value)])
        columns += [as_(exp.Sum(this=value), f"s{n}"), as_(exp.Count(this=value.copy()), f"n{n}")]
        if ask.over_time == "mean":
            columns.append(as_(exp.Max(this=column(f"months{n}", "whole")), f"m{n}"))
    query = select(*columns, copy=False).from_("base", copy=False).group_by(*[k.copy() for k in keys], column("institution", "base"), copy=False)
    if whole is not None:
        query = query.join("whole", on=exp.EQ(this=column("institution", "base"), expression=column("institution", "whole")), copy=False)
    for condition in conditions(where, "base"):
        query = query.where(condition, copy=False)
    query, tables = _like(query, complete, by, where)
    query = query.with_("base", base_query(period), copy=False)
    if whole is not None:
        query = query.with_("whole", whole, copy=False)
    for name, table in tables.items():
        query = query.with_(name, table, copy=False)
    return query


def totals_query(institutions: Any, asks: Sequence[Ask], months: int, by: Sequence[str]) -> exp.Select:
    """Per group: keys, members, rows; per item its sum, answering members, answered cells; a mean has one sum per number
    of months answered (up to ``months``) instead of the one sum. ``institutions``: a row each, as ``institutions_query`` gives it."""
    outer: list[Any] = [*_keys(by), exp.Count(this=exp.Star()), exp.Sum(this=column("lines"))]
    for n, ask in enumerate(asks):
        total = column(f"s{n}")
        if ask.over_time == "mean":
            for answered_ in range(1, months + 1):
                same = exp.EQ(this=column(f"m{n}"), expression=exp.Literal.number(answered_))
                outer.append(exp.Sum(this=exp.Case(ifs=[exp.If(this=same, true=total.copy())])))
        else:
            outer.append(exp.Sum(this=total))
        outer += [exp.Count(this=column(f"s{n}")), exp.Sum(this=column(f"n{n}"))]
    query = _over(institutions, select(*[as_(c, f"c{n}") for n, c in enumerate(outer)], copy=False).from_("amounts", copy=False))
    return query.group_by(*_keys(by), copy=False) if by else query


def sum_query(asks: Sequence[Ask], period: Period, by: Sequence[str], where: Mapping[str, Any], complete: Sequence[str]) -> exp.Select:
    """The totals of ``asks`` per group, as ``totals_query`` says."""
    return totals_query(institutions_query(asks, period, by, where, complete), asks, len(periods_of(period)), by)


def _keys(by: Sequence[str]) -> list[Any]:
    return [column(f"k{i}") for i in range(len(by))]


def _over(institutions: Any, query: exp.Select, name: str = "amounts") -> exp.Select:
    """``query`` with ``institutions`` as its table; their own tables come before. ``institutions`` stay as they are: two statements may be made over them."""
    bare_ = institutions.copy()
    tables = list(bare_.ctes)
    bare_.set("with_", None)
    for each in tables:
        query = query.with_(each.alias, each.this, copy=False)
    return query.with_(name, bare_, copy=False)


def _valued(institutions: Any, indicator: Indicator, by: Sequence[str]) -> exp.Select:
    """Per group and institution the number ``v``: doubles, added in the order of the terms."""
    def side(terms: Sequence[Term], first: int) -> Any:
        total: Any = None
        for n, term in enumerate(terms, first):
            part = double(column(f"s{n}"))
            if term.over_time == "mean":
                part = exp.Div(this=part, expression=double(column(f"m{n}")), typed=True)
            part = exp.Mul(this=part, expression=double(exp.Literal.number(f"{term.factor:f}")))
            total = part if total is None else exp.Add(this=total, expression=part)
        return total

    value = [as_(side(indicator.upper, 0), "u")]
    result: Any = column("u")
    if indicator.lower:
        value.append(as_(side(indicator.lower, len(indicator.upper)), "l"))
        result = exp.Case(ifs=[exp.If(this=exp.GT(this=column("l"), expression=exp.Literal.number(0)),
                                      true=exp.SafeDivide(this=column("u"), expression=column("l")))])
    sides = _over(institutions, select(*_keys(by), column("institution"), *value, copy=False).from_("amounts", copy=False))
    return _over(sides, select(*_keys(by), column("institution"), as_(result, "v"), copy=False).from_("sides", copy=False), "sides")


def spread_query(institutions: Any, indicator: Indicator, by: Sequence[str], quantiles: Sequence[float]) -> exp.Select:
    """Per group: keys, how many institutions have a number, the least, per quantile the two numbers beside it, the most.

    Not PERCENTILE_CONT: DuckDB and Spark interpolate by different steps, which differ in the last bit. Engines sort; Python interpolates.
    """
    v = column("v")
    order = exp.Order(expressions=[in_row(v.copy())])
    place = exp.Window(this=exp.Anonymous(this="ROW_NUMBER"), partition_by=_keys(by), order=order)
    members = exp.Window(this=exp.Count(this=exp.Star()), partition_by=_keys(by))
    numbered = select(*_keys(by), v.copy(), as_(place, "place"), as_(members, "members"), copy=False).from_("valued", copy=False).where(answered(v.copy()), copy=False)
    columns: list[Any] = [exp.Max(this=column("members")), exp.Min(this=v.copy())]
    for q in quantiles:
        at = exp.Mul(this=exp.paren(exp.Sub(this=column("members"), expression=exp.Literal.number(1)), copy=False), expression=double(exp.Literal.number(f"{Decimal(str(q)):f}")))
        below = exp.Cast(this=exp.Floor(this=at), to=exp.DataType.build("BIGINT"))
        for beside in (1, 2):
            same = exp.EQ(this=column("place"), expression=exp.Add(this=below.copy(), expression=exp.Literal.number(beside)))
            columns.append(exp.Max(this=exp.Case(ifs=[exp.If(this=same, true=v.copy())])))
    columns.append(exp.Max(this=v.copy()))
    query = select(*_keys(by), *[as_(c, f"c{n}") for n, c in enumerate(columns)], copy=False).from_("numbered", copy=False)
    query = _over(_over(_valued(institutions, indicator, by), numbered, "valued"), query, "numbered")
    return query.group_by(*_keys(by), copy=False) if by else query


def ranks_query(institutions: Any, indicator: Indicator, by: Sequence[str], ranked: Sequence[int]) -> exp.Select:
    """Per group the institutions ``ranked``: keys, id, number, place from the largest."""
    order = exp.Order(expressions=[exp.Ordered(this=column("v"), desc=True)])
    place = exp.Window(this=exp.Anonymous(this="RANK"), partition_by=_keys(by), order=order)
    every = select(*_keys(by), column("institution"), column("v"), as_(place, "place"), copy=False).from_("valued", copy=False).where(answered(column("v")), copy=False)
    every = _over(_valued(institutions, indicator, by), every, "valued")
    query = select(*_keys(by), column("institution"), column("v"), column("place"), copy=False).from_("ranked", copy=False).where(
        exp.In(this=column("institution"), expressions=[literal(int(i)) for i in ranked]), copy=False).order_by(in_row(column("place")), in_row(column("institution")), copy=False)
    return _over(every, query, "ranked")


def cells_query(item: str, period: Period, where: Mapping[str, Any], take: str, complete: Sequence[str], limit: int, offset: int
                ) -> exp.Select:
    """The answered cells of an item; with ``take`` last only those of each institution's last answered month."""
    names = ("institution", "code", "name", "area", "period", item, "return_id", "revision", "status")
    query = select(*[column(n, "base") for n in names], copy=False).from_("base", copy=False).where(answered(column(item, "base")), copy=False).order_by(
        in_row(column("period", "base")), exp.Ordered(this=column(item, "base"), desc=True), in_row(column("return_id", "base"))
    , copy=False).limit(limit, copy=False).offset(offset, copy=False).with_("base", base_query(period), copy=False)
    for condition in conditions(where, "base"):
        query = query.where(condition, copy=False)
    if take == "last":
        newest = select(column("institution"), exp.alias_(exp.Max(this=column("period")), "p", quoted=True, copy=False), copy=False).from_("base", copy=False).where(
            answered(column(item)), copy=False).group_by(column("institution"), copy=False)
        query = query.with_("newest", newest, copy=False).join("newest", on=exp.and_(
            exp.EQ(this=column("institution", "base"), expression=column("institution", "newest")),
            exp.EQ(this=column("period", "base"), expression=column("p", "newest")), copy=False), copy=False)
    if own := split_complete(complete)[0]:
        inner = select(column("institution"), copy=False).from_("base", copy=False).group_by(column("institution"), copy=False).having(_answered_all(own, period), copy=False)
        query = query.where(exp.In(this=column("institution", "base"), query=inner.subquery(copy=False)), copy=False)
    query, tables = _like(query, complete, (), where)
    for name, table in tables.items():
        query = query.with_(name, table, copy=False)
    return query


def _standing(period: Period, by: Sequence[str], where: Mapping[str, Any], expected: bool, due: bool) -> Any:
    """Keys and institution: of every row, and of every body that had to answer (in the period, where that is known) and filed nothing."""
    keys = [exp.alias_(column(k), f"k{i}", quoted=True, copy=False) for i, k in enumerate(by)]
    rows = select(*keys, column("institution"), copy=False).distinct(copy=False).from_("base", copy=False)
    filed = select(column("institution"), copy=False).from_("base", copy=False)
    bodies = select(*[k.copy() for k in keys], column("institution"), copy=False).from_("bodies", copy=False).where(column("expected"), copy=False).where(
        exp.Not(this=exp.In(this=column("institution"), query=filed.subquery(copy=False))), copy=False)
    if due:
        bodies = bodies.where(due_now(period), copy=False)
    for condition in conditions(where):
        rows, bodies = rows.where(condition, copy=False), bodies.where(condition.copy(), copy=False)
    return exp.union(rows, bodies, distinct=True, copy=False) if expected else rows


def members_query(period: Period, by: Sequence[str], where: Mapping[str, Any], expected: bool, due: bool = True) -> exp.Select:
    """Per group the number of institutions that answered or had to."""
    keys = [column(f"k{i}") for i in range(len(by))]
    query = select(*keys, exp.alias_(exp.Count(this=exp.Star()), "n", quoted=True, copy=False), copy=False).from_("standing", copy=False)
    if by:
        query = query.group_by(*[k.copy() for k in keys], copy=False)
    return query.with_("base", base_query(period), copy=False).with_("standing", _standing(period, by, where, expected, due), copy=False)


def covered_query(needs: Sequence[Sequence[str]], period: Period, by: Sequence[str], where: Mapping[str, Any], due: bool = True) -> exp.Select:
    """Per group the number of institutions that answered all of each of ``needs``: one row per institution, then one per group."""
    items = sorted({bare(i) for need in needs for i in need})
    counts = [exp.alias_(exp.Count(this=column(i)), f"n{k}", quoted=True, copy=False) for k, i in enumerate(items)]
    found = select(column("institution"), exp.alias_(owed(period, due), "owed", quoted=True, copy=False), *counts, copy=False).from_("base", copy=False).group_by(column("institution"), copy=False)
    keys = [exp.alias_(column(k), f"k{i}", quoted=True, copy=False) for i, k in enumerate(by)]
    parts = select(*keys, column("institution"), copy=False).distinct(copy=False).from_("base", copy=False)
    for condition in conditions(where):
        parts = parts.where(condition, copy=False)

    def holds(need: Sequence[str]) -> Any:
        each = [exp.GTE(this=column(f"n{items.index(bare(i))}", "found"), expression=column("owed", "found") if i.endswith(EVERY) else
                        exp.Literal.number(1)) for i in need]
        return exp.Count(this=exp.Case(ifs=[exp.If(this=both(each), true=exp.Literal.number(1))]) if each else exp.Star())

    outer = [column(f"k{i}", "parts") for i in range(len(by))]
    query = select(*outer, *[exp.alias_(holds(need), f"h{n}", quoted=True, copy=False) for n, need in enumerate(needs)], copy=False).from_("parts", copy=False).join(
        "found", on=exp.EQ(this=column("institution", "parts"), expression=column("institution", "found")), copy=False)
    if by:
        query = query.group_by(*[c.copy() for c in outer], copy=False)
    return query.with_("base", base_query(period), copy=False).with_("found", found, copy=False).with_("parts", parts, copy=False)


def uncovered_query(items: Sequence[str], period: Period, by: Sequence[str], where: Mapping[str, Any], expected: bool,
                    limit: int, everyone: bool = False, due: bool = True) -> exp.Select:
    """Per group the institutions that lack an item: keys, id, name, whether nothing was filed, the answers owed, those per item.

    ``everyone``: all are listed, because some item was never asked at all.
    """
    counts = [exp.alias_(exp.Count(this=column(bare(i))), f"n{k}", quoted=True, copy=False) for k, i in enumerate(items)]
    counts.append(exp.alias_(owed(period, due), "owed", quoted=True, copy=False))
    newest = exp.alias_(exp.ArgMax(this=column("name"), expression=column("period")), "name", quoted=True, copy=False)
    found = select(column("institution"), newest, *counts, copy=False).from_("base", copy=False).group_by(column("institution"), copy=False)
    name: Any = column("name", "found")
    if expected:
        name = exp.Coalesce(this=name, expressions=[column("name", "bodies")])
    keys = [column(f"k{i}", "standing") for i in range(len(by))]
    some = [exp.Coalesce(this=column(f"n{k}", "found"), expressions=[exp.Literal.number(0)]) for k in range(len(items))]
    empty = exp.Is(this=column("institution", "found"), expression=exp.Null())
    name = exp.alias_(name, "name", quoted=True, copy=False)
    query = select(*keys, column("institution", "standing"), name, empty, column("owed", "found"), *some, copy=False).from_("standing", copy=False).join(
        "found", join_type="left", on=exp.EQ(this=column("institution", "standing"), expression=column("institution", "found")), copy=False)
    if expected:
        query = query.join("bodies", join_type="left", on=exp.EQ(
            this=column("institution", "standing"), expression=column("institution", "bodies")), copy=False)
    least = [column("owed", "found") if i.endswith(EVERY) else exp.Literal.number(1) for i in items]
    lacking = [empty.copy(), *(exp.LT(this=s.copy(), expression=o) for s, o in zip(some, least, strict=True))]
    if not everyone:
        query = query.where(exp.or_(*lacking, copy=False), copy=False)
    query = query.order_by(*[in_row(k.copy()) for k in keys], in_row(column("name")), in_row(column("institution", "standing")), copy=False)
    query = query.limit(limit, copy=False)
    return query.with_("base", base_query(period), copy=False).with_("standing", _standing(period, by, where, expected, due), copy=False).with_("found", found, copy=False)


def names_query(period: Period, institutions: Sequence[int]) -> exp.Select:
    """The newest name of each institution within the period."""
    newest = exp.ArgMax(this=column("name"), expression=column("period"))
    return select(column("institution"), exp.alias_(newest, "name", quoted=True, copy=False), copy=False).from_("base", copy=False).where(
        exp.In(this=column("institution"), expressions=[literal(int(i)) for i in institutions]), copy=False).group_by(
        column("institution"), copy=False).with_("base", base_query(period), copy=False)


def ledger_query(kind: str, take: str, name: str, where: Mapping[str, Any]) -> exp.Select:
    """The statement behind one ledger answer; the number of lines always comes with it."""
    source = exp.to_table(f"ledger_{kind}", quoted=True)
    lines = exp.Count(this=exp.Star())
    if take == "count":
        query = select(lines, lines.copy(), copy=False)
    elif take == "sum":
        query = select(exp.Sum(this=number(column(name))), exp.Count(this=column(name)), copy=False)
    elif take == "distinct":
        query = select(exp.Count(this=exp.Distinct(expressions=[column(name)])), lines, copy=False)
    elif take in ("list", "value"):
        query = select(column(name), copy=False).distinct(copy=False).order_by(in_row(column(name)), copy=False) if take == "list" else select(column(name), copy=False)
    else:
        raise ValueError(f"take {take!r}: expected count, sum, distinct, list or value")
    query = query.from_(source, copy=False)
    for condition in conditions(where):
        query = query.where(condition, copy=False)
    return query
