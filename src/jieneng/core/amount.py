"""Amounts: decimals with four places and a bound, as records and snapshots keep them (decimal(18,4))."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from fractions import Fraction

PLACES = 4
QUANTUM = Decimal(1).scaleb(-PLACES)
LIMIT = Decimal(10) ** 12
"""Magnitudes are bounded at intake: |x| < 10¹² (decisions, "Numbers")."""
_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)


def stored(value: Decimal | Fraction | int) -> tuple[Decimal, bool]:
    """Value as stored (four places, half-even) and whether rounding changed it.

    Raises ``ValueError`` for a value that is not finite or not below 10¹² in magnitude.
    """
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"not a number: {value}")
    exact = Fraction(value)
    if abs(exact) >= Fraction(LIMIT):
        raise ValueError(f"{value}: magnitude must be below 10¹²")
    scaled = round(exact * 10**PLACES)  # Fraction rounds half to even
    result = _WIDE.scaleb(Decimal(scaled), -PLACES)
    return result, Fraction(result) != exact


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
