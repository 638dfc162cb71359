"""How large a number can become: what could need more than 38 digits is refused when the text is read."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from jieneng.core.words import T

from .language import DIGITS, PLACES, STORED, WHOLE, CannotRead


@dataclass(frozen=True)
class Extent:
    """The numbers an expression can come to: ``places`` decimals, and at most ``most`` when these are counted as units.

    >>> AMOUNT.digits, AMOUNT.places
    (16, 4)
    """

    most: int
    places: int

    def __post_init__(self) -> None:
        if self.digits > DIGITS:
            raise CannotRead(T("结果可能超过 {n} 位数", "the result may need more than {n} digits", n=DIGITS),
                             T("少乘几个数；ratio 两边的乘积拆到比较号两边", "multiply fewer amounts; move factors of a ratio to the other side"))

    @property
    def digits(self) -> int:
        return max(len(str(self.most)), self.places, 1)

    def at(self, places: int) -> Extent:
        """The same numbers with more places, or rounded to fewer."""
        shift = places - self.places
        return Extent(self.most * 10**shift if shift >= 0 else self.most // 10**-shift + 1, places)

    def plus(self, other: Extent) -> Extent:
        places = max(self.places, other.places)
        return Extent(self.at(places).most + other.at(places).most, places)

    def times(self, other: Extent) -> Extent:
        return Extent(self.most * other.most, self.places + other.places)

    def over(self, other: Extent) -> Extent:
        """The extent of a ratio; both sides must fit as whole numbers with one place more than a ratio keeps."""
        shift = ratio_shift(self, other)
        self.at(shift)
        other.at(shift - PLACES - 1)
        return RATIO


AMOUNT = Extent(10 ** (WHOLE + STORED) - 1, STORED)
RATIO = Extent(10 ** (WHOLE + PLACES) - 1, PLACES)


def ratio_shift(over: Extent, under: Extent) -> int:
    """By which power of ten the upper side is multiplied so that whole numbers divide to ten places."""
    return max(PLACES + 1 + under.places, over.places)


def compare_places(left: Extent, right: Extent) -> int:
    """The places at which two numbers are compared: their own, at most nine."""
    return min(PLACES, max(left.places, right.places))


class Extents:
    """How large a formula can become. ``names``: extents of names that are no stored amounts (results of ``let``).

    A number gives an ``Extent``; a condition gives that of its operands' comparison, which has no meaning.
    """

    def __init__(self, names: Mapping[str, Extent] | None = None) -> None:
        self.names = names or {}

    def number(self, value: Decimal) -> Extent:
        return written(value)

    def name(self, name: str) -> Extent:
        return self.names.get(name, AMOUNT)

    def negative(self, value: Extent) -> Extent:
        return value

    def arithmetic(self, op: str, left: Extent, right: Extent) -> Extent:
        return left.times(right) if op == "*" else left.plus(right)

    def compare(self, op: str, left: Extent, right: Extent) -> Extent:
        places = compare_places(left, right)
        return widest([left.at(places), right.at(places)])

    def logic(self, op: str, parts: Sequence[Extent]) -> Extent:
        return parts[0]

    def negate(self, part: Extent) -> Extent:
        return part

    def call(self, function: str, parts: Sequence[Extent], known: bool) -> Extent:
        if function == "ratio":
            return parts[0].over(parts[1])
        return functools.reduce(Extent.plus, parts) if function == "total" else widest(parts)


def written(value: Decimal) -> Extent:
    """The extent of a number written in a formula."""
    places = max(0, -int(value.as_tuple().exponent))
    return Extent(abs(int(value.scaleb(places))), places)


def widest(parts: Sequence[Extent]) -> Extent:
    """The extent that holds each of ``parts``."""
    places = max(p.places for p in parts)
    return Extent(max(p.at(places).most for p in parts), places)
