"""The Column reading: a formula as SQL over all returns at once, with the same answers as ``core.formula.Value``.

    read("ratio(a, b) <= 0.3", Column({"a": column("a"), "b": column("b")}))  →  Number or Truth, whose ``sql`` is a tree

Names are amounts as snapshots keep them (``decimal(18,4)``, below 10¹² in magnitude; anything larger, which intake never
lets in, counts as not answered), booleans, or a ``Number`` that another formula gave (a ``let``).

**One verdict, without doubles.** Each number knows its ``Extent``, so every step is a decimal of exactly the width it may
need, and ``core.formula`` has refused what might need more than 38 digits: nothing can overflow, nothing is cast to a
double, nothing needs TRY. ``+ -`` and comparisons stay decimal; products are cast first, to more than 18 digits, because
DuckDB multiplies narrow decimals in 64 bits and aborts (*measured*, 2.0.0: decimal(16,4) × decimal(16,4)). A ratio was to be
a double rounded to nine places; but a double has no nine places left from 10⁷ on (10¹¹ ÷ 3 − 33333333333 gives
0.333332062), and DuckDB and Spark round it differently. So whole numbers are divided to ten places, cut, and rounded to
nine with ties away from zero: about 1 µs a row on one core.

**Unknown** is NULL. SQL's ``AND``, ``OR``, ``NOT`` are Kleene's already; ``LEAST`` and ``GREATEST`` skip NULLs, which is what
``known`` wants, and are guarded otherwise.

**Dialects.** One tree but for the ratio: DuckDB divides whole numbers of 128 bits, Spark decimals whose quotient ends at ten places
(Spark rounds a quotient to places that depend on the widths of both sides: twice rounded it would differ). Spark must be told
``decimalOperations.allowPrecisionLoss=false``, else it drops places of wide products (``on_spark.SETTINGS``). Both are executed by the tests.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from jieneng.core.formula import (
    AMOUNT,
    DIGITS,
    PLACES,
    RATIO,
    Extent,
    compare_places,
    no_name,
    ratio_shift,
    widest,
    written,
)

NARROW = 18
"""Up to this many digits DuckDB keeps a decimal in 64 bits."""
DIALECTS = ("duckdb", "spark")
_COMPARE: dict[str, type[exp.Binary]] = {"<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE, "==": exp.EQ, "!=": exp.NEQ}
_ARITHMETIC: dict[str, type[exp.Binary]] = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul}
_WHOLE = exp.DataType.build("HUGEINT", dialect="duckdb")


@dataclass(frozen=True)
class Number:
    """A number in SQL. It is NULL exactly where one of ``unknown`` is NULL."""

    sql: exp.Expr
    extent: Extent
    unknown: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True)
class Truth:
    """A condition in SQL: true, false or NULL."""

    sql: exp.Expr


Piece = Number | Truth
Name = exp.Expr | Number


class Column:
    """Formulas as SQL. ``names`` gives the column (or other expression, or ``Number``) of each name.

    A name it lacks is a ``FormulaError``: "not asked" must be said by ``exp.null()``. With names that are ``Number`` wider
    than amounts a formula may become too wide: a ``FormulaError`` too, as ``core.formula.Extents`` tells beforehand.
    """

    def __init__(self, names: Mapping[str, Name] | Callable[[str], Name | None], *, dialect: str = "duckdb") -> None:
        if dialect not in DIALECTS:
            raise ValueError(f"dialect {dialect!r}: expected one of {', '.join(DIALECTS)}")
        self.find: Callable[[str], Name | None] = names.get if isinstance(names, Mapping) else names
        self.dialect = dialect

    def number(self, value: Decimal) -> Number:
        extent = written(value)
        return Number(_cast(exp.Literal.number(f"{value:f}"), extent), extent)

    def name(self, name: str) -> Number:
        found = self.find(name)
        if found is None:
            no_name(name)
        if isinstance(found, Number):
            return found
        amount = _try_cast(found.copy(), AMOUNT)
        return Number(amount, AMOUNT, (amount,))

    def negative(self, value: Piece) -> Number:
        n = _number(value)
        return Number(exp.Neg(this=_bracket(n.sql)), n.extent, n.unknown)

    def arithmetic(self, op: str, left: Piece, right: Piece) -> Number:
        a, b = _number(left), _number(right)
        if op == "*":
            narrow = max(a.extent.digits, b.extent.digits) <= NARROW
            extent, sides = a.extent.times(b.extent), [_cast(a.sql, a.extent, NARROW + 1 if narrow else 0), _fitted(b)]
        else:
            extent, sides = a.extent.plus(b.extent), [_at(n, max(a.extent.places, b.extent.places)) for n in (a, b)]
        sql = _ARITHMETIC[op](this=_bracket(sides[0]), expression=_bracket(sides[1]))
        return Number(sql, extent, _together([a, b]))

    def compare(self, op: str, left: Piece, right: Piece) -> Truth:
        a, b = _number(left), _number(right)
        places = compare_places(a.extent, b.extent)
        return Truth(_COMPARE[op](this=_bracket(_at(a, places)), expression=_bracket(_at(b, places))))

    def logic(self, op: str, parts: Sequence[Piece]) -> Truth:
        join = exp.and_ if op == "and" else exp.or_
        return Truth(join(*[p.sql for p in parts]))

    def negate(self, part: Piece) -> Truth:
        return Truth(exp.Not(this=exp.paren(part.sql)))

    def call(self, function: str, parts: Sequence[Piece], known: bool) -> Piece:
        numbers = [_number(p) for p in parts]
        match function:
            case "missing":
                return Truth(_any_null(numbers[0].unknown) or exp.false())
            case "abs":
                return Number(exp.Abs(this=numbers[0].sql.copy()), numbers[0].extent, numbers[0].unknown)
            case "ratio":
                return self._ratio(*numbers)
            case "total":
                return _known_total(numbers) if known else functools.reduce(lambda a, b: self.arithmetic("+", a, b), numbers)
        return _extreme(exp.Least if function == "min" else exp.Greatest, numbers, known)

    def _ratio(self, over: Number, under: Number) -> Number:
        over.extent.over(under.extent)  # tells what is too wide
        sql = (_quotient if self.dialect == "duckdb" else _quotient_of_decimals)(over, under)
        ratio = _try_cast(sql, RATIO)
        return Number(ratio, RATIO, (ratio,))


def _quotient(over: Number, under: Number) -> exp.Expr:
    """The quotient cut after ten places, from whole numbers; NULL where the lower side is 0 or the result 10¹² or more."""
    shift, keep = ratio_shift(over.extent, under.extent), PLACES + 1
    zero_is_unknown = exp.Nullif(this=_whole(under, shift - keep), expression=exp.Literal.number(0))
    cut = exp.IntDiv(this=_whole(over, shift), expression=zero_is_unknown)
    digits = RATIO.digits + 1
    last = exp.Cast(this=exp.Literal.number(f"{Decimal(1).scaleb(-keep):f}"), to=_decimal(keep, keep))
    return exp.Mul(this=_try_cast(cut, digits), expression=last)


def _quotient_of_decimals(over: Number, under: Number) -> exp.Expr:
    """The same on Spark, whose whole numbers end at 64 bits: what remains beyond ten places is taken from the upper side first, so
    that the quotient ends there and no width of Spark's own choosing can round it. NULL where the lower side is 0 or it is too large."""
    keep = PLACES + 1
    last = exp.Cast(this=exp.Literal.number(f"{Decimal(1).scaleb(-keep):f}"), to=_decimal(keep, keep))
    rest = exp.Anonymous(this="TRY_MOD", expressions=[_fitted(over), exp.Mul(this=_bracket(_fitted(under)), expression=last)])
    ending = exp.Cast(this=exp.Sub(this=_bracket(_fitted(over)), expression=rest), to=_decimal(DIGITS, under.extent.places + keep))
    return exp.SafeDivide(this=ending, expression=_fitted(under))


def _whole(n: Number, shift: int) -> exp.Expr:
    """``n`` × 10^shift as a whole number. ``shift`` is at least the places of ``n``."""
    places = n.extent.places
    if places == 0:
        units: exp.Expr = exp.Cast(this=n.sql.copy(), to=_WHOLE.copy())
    elif n.extent.digits + places < DIGITS:
        power = exp.Cast(this=exp.Literal.number(10**places), to=_decimal(places + 1, 0))
        units = exp.Cast(this=exp.Mul(this=_cast(n.sql, n.extent, NARROW + 1), expression=power), to=_WHOLE.copy())
    else:  # too wide to be multiplied as a decimal: its digits without the point
        digits = exp.Cast(this=_cast(n.sql, n.extent), to=exp.DataType.build("TEXT"))
        bare = exp.Anonymous(this="REPLACE", expressions=[digits, exp.Literal.string("."), exp.Literal.string("")])
        units = exp.Cast(this=bare, to=_WHOLE.copy())
    if shift == places:
        return units
    return exp.paren(exp.Mul(this=units, expression=exp.Cast(this=exp.Literal.number(10 ** (shift - places)), to=_WHOLE.copy())))


def _known_total(parts: Sequence[Number]) -> Number:
    """The sum of those that are known, unknown if none is."""
    extent = functools.reduce(Extent.plus, [p.extent for p in parts])
    zeros = [exp.Coalesce(this=_at(p, extent.places), expressions=[exp.Literal.number(0)]) for p in parts]
    total: exp.Expr = zeros[0]
    for zero in zeros[1:]:
        total = exp.Add(this=total, expression=zero)
    return _unless(exp.and_(*[_any_null(p.unknown) or exp.false() for p in parts]), Number(total, extent))


def _extreme(function: type[exp.Func], parts: Sequence[Number], known: bool) -> Number:
    """The least or greatest; NULLs are skipped if ``known``."""
    extent = widest([p.extent for p in parts])
    sides = [_at(p, extent.places) for p in parts]
    sql: exp.Expr = function(this=sides[0], expressions=sides[1:], ignore_nulls=True) if len(sides) > 1 else sides[0]
    if known:
        return Number(sql, extent, (sql,))
    unknown = _together(parts)
    null = _any_null(unknown)
    return Number(sql if null is None or len(sides) == 1 else _unless(null, Number(sql, extent)).sql, extent, unknown)


def _unless(condition: exp.Expr, number: Number) -> Number:
    sql = exp.Case(ifs=[exp.If(this=exp.Not(this=exp.paren(condition)), true=number.sql)])
    return Number(sql, number.extent, (sql,))


def _together(parts: Sequence[Number]) -> tuple[exp.Expr, ...]:
    return tuple(dict.fromkeys(u for p in parts for u in p.unknown))


def _any_null(unknown: Sequence[exp.Expr]) -> exp.Expr | None:
    """Whether one of these is NULL; None if there is none that could be."""
    return exp.or_(*[exp.Is(this=_bracket(u), expression=exp.Null()) for u in unknown]) if unknown else None


def _number(piece: Piece) -> Number:
    assert isinstance(piece, Number), "the formula was checked: a condition never stands for a number"
    return piece


def _decimal(digits: int, places: int) -> exp.DataType:
    return exp.DataType.build(f"DECIMAL({digits}, {places})")


def _type(extent: Extent) -> exp.DataType:
    return _decimal(extent.digits, extent.places)


def _cast(sql: exp.Expr, extent: Extent, least: int = 0) -> exp.Expr:
    """Cast to the decimal an extent needs, of at least ``least`` digits; a cast to the same type, or of a written number, is not repeated."""
    to = _decimal(max(extent.digits, least), extent.places)
    if isinstance(sql, exp.Cast) and sql.to == to:
        return sql.copy()
    inner = sql.this if isinstance(sql, exp.Cast) and isinstance(sql.this, exp.Literal) else sql
    return exp.Cast(this=inner.copy(), to=to)


def _try_cast(sql: exp.Expr, to: Extent | int) -> exp.TryCast:
    """NULL where it does not fit. ``safe``: else sqlglot prints a plain CAST for Spark, which is an error there."""
    return exp.TryCast(this=sql, to=_decimal(to, 0) if isinstance(to, int) else _type(to), safe=True)


def _fitted(n: Number) -> exp.Expr:
    """``n`` as a decimal no wider than it needs: engines widen with every sum, and a product adds the widths."""
    return _cast(n.sql, n.extent)


def _at(n: Number, places: int) -> exp.Expr:
    """``n`` with these places; fewer are rounded, ties away from zero, as casts do."""
    return n.sql.copy() if n.extent.places == places else _cast(n.sql, n.extent.at(places))


def _bracket(sql: exp.Expr) -> exp.Expr:
    return exp.paren(sql) if isinstance(sql, exp.Binary | exp.Neg | exp.Not) else sql.copy()
