"""Amounts: decimals with four places and a bound, as records and snapshots keep them (decimal(18,4))."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from fractions import Fraction
from typing import overload

from .problem import Place, Problem, Refused
from .words import T

PLACES = 4
QUANTUM = Decimal(1).scaleb(-PLACES)
WHOLE = 12
LIMIT = Decimal(10) ** WHOLE
"""Magnitudes are bounded at intake: |x| < 10¹² (decisions, "Numbers")."""
_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)


def stored(value: Decimal | Fraction | int) -> tuple[Decimal, bool]:
    """Value as stored (four places, half-even) and whether rounding changed it.

    Raises ``ValueError`` for a value that is not finite or not below 10¹² in magnitude.
    """
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"not a number: {value}")
    if isinstance(value, Decimal):
        # decided by the exponent: 1E-300000000 as a rational, or written out, would take hundreds of megabytes
        if value and value.adjusted() >= WHOLE:
            raise ValueError(f"{value:.9E}: magnitude must be below 10¹²")
        rounded = _WIDE.add(_WIDE.quantize(value, QUANTUM), 0)  # + 0 turns -0 into 0
        return rounded, rounded != value
    exact = Fraction(value)
    if abs(exact) >= Fraction(LIMIT):
        raise ValueError(f"{value}: magnitude must be below 10¹²")
    scaled = round(exact * 10**PLACES)  # Fraction rounds half to even
    result = _WIDE.scaleb(Decimal(scaled), -PLACES)
    return result, Fraction(result) != exact


@overload
def amount_text(value: Decimal) -> str: ...
@overload
def amount_text(value: None) -> None: ...
@overload
def amount_text(value: Decimal | None) -> str | None: ...
def amount_text(value: Decimal | None) -> str | None:
    """An amount as it is stored and typed: no exponent, no trailing zeros, so that equal amounts are equal texts. None for the unknown.

    >>> amount_text(Decimal("12.500")), amount_text(Decimal("-0.0")), amount_text(Decimal("1E3")), amount_text(None)
    ('12.5', '0', '1000', None)
    """
    if value is None:
        return None
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text


def flat(text: str) -> str:
    """Full-width digits and signs as plain ones, without any blank space. ² and ① stay what they are: NFKC makes digits of them, and 52 of 5²."""
    plain = "".join(c if unicodedata.category(c) == "No" else unicodedata.normalize("NFKC", c) for c in text)
    return "".join(plain.split()).replace("−", "-").replace("，", ",")


MOST = 60
"""Characters of a typed number that are looked at; nobody types a longer one."""
_TYPED = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)?(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,10})?")


def typed_amount(text: str, *, field: str = "", least: Decimal | None = Decimal(0)) -> Decimal:
    """A number as people type it (full-width digits, thousands grouped, 1.2E5), exact, without trailing zeros. The one reader of typed numbers
    that come without an item: what a unit confirmed, a proposed value, a control total.

    Raises ``Refused`` with one problem at ``field``: no number (``amount.number``), not below 10¹² in magnitude (``amount.large``), more than four
    places (``amount.places``; nothing is rounded in silence), below ``least`` (``amount.least``; None: any sign). Takes no longer for 0E-300000000
    than for 0.
    """
    plain = flat(text[:MOST + 1])
    shown, where = text.strip()[:30], Place(field=field)
    if len(plain) > MOST or not _TYPED.fullmatch(plain) or not any(x.isdigit() for x in plain.lower().partition("e")[0]):
        raise Refused(Problem("amount.number", T("“{v}”不是数", "“{v}” is no number", v=shown), T("只有数字，如 2631000 或 12.5", "digits only, such as 2631000 or 12.5"),
                              T("核对后再写一次", "check it and write it again"), where))
    value = Decimal(plain.replace(",", ""))
    wrong = _beyond(value, least)
    if wrong is not None:
        code, expected, do = wrong
        raise Refused(Problem(f"amount.{code}", T("“{v}”不能用", "“{v}” cannot be used", v=shown), expected, do, where))
    kept, _ = stored(value)
    return _WIDE.to_integral_value(kept) if kept == _WIDE.to_integral_value(kept) else _WIDE.normalize(kept)


def _beyond(value: Decimal, least: Decimal | None) -> tuple[str, T, T] | None:
    """Why a number is not an amount that can be kept: code, expected, what to do."""
    try:
        _, rounded = stored(value)
    except ValueError:
        return "large", T("绝对值小于一万亿（10¹²）", "below 10¹² in magnitude"), T("核对单位和小数点", "check the unit and the decimal point")
    if rounded:
        return "places", T("最多 {n} 位小数", "at most {n} decimals", n=PLACES), T("四舍五入后再填", "round it first")
    if least is not None and value < least:
        return "least", T("不小于 {n}", "not below {n}", n=least), T("看是不是多了负号", "see whether the minus is a slip")
    return None


def decimal_of(value: Fraction | Decimal, places: int = 9) -> Decimal:
    """A rational as a Decimal of ``places`` places, half-even."""
    return _WIDE.scaleb(Decimal(round(Fraction(value) * 10**places)), -places)


def exactly(value: Fraction) -> Decimal | None:
    """The Decimal equal to ``value``, or None where no finite decimal is."""
    ctx = Context(prec=60, traps=[Inexact])
    try:
        return ctx.divide(Decimal(value.numerator), Decimal(value.denominator))
    except Inexact:
        return None


@dataclass(frozen=True)
class Amount:
    """A Decimal with a unit. Adding unlike units is an error.

    >>> Amount(Decimal("1.5"), "kWh") + Amount(Decimal("2"), "kWh")
    Amount(value=Decimal('3.5'), unit='kWh')
    """

    value: Decimal
    unit: str

    def __add__(self, other: Amount) -> Amount:
        if self.unit != other.unit:
            raise ValueError(f"cannot add {other.unit} to {self.unit}")
        return Amount(self.value + other.value, self.unit)
