"""The Cell reading: a formula as the text of a spreadsheet formula, with the same answers as ``core.formula.Value``.

    read("ratio(a, b) <= 0.3", Cell({"a": "C5", "b": "D5"}))  →  Truth, whose ``true`` and ``false`` are formulas

Only functions that Excel 2007, WPS and LibreOffice have and agree on: ``IF AND OR NOT COUNT ROUND ABS MIN MAX SUM``.

**Unknown.** A spreadsheet knows no third truth, so a condition is two formulas, "it is true" and "it is false"; where neither
holds it is unknown, and Kleene's rules are ``AND`` and ``OR`` of the two. A cell is known where ``COUNT`` counts it: a blank, a
text and the result ``""`` are not answered, a zero is. Nothing is reckoned with cells that are not known.

**Numbers.** A spreadsheet reckons in doubles, in which 0.1 + 0.2 is not 0.3. So every amount is taken as a whole number of its last
place (four), and stays whole: sums, differences and products of whole doubles are exact below 2⁵³, comparisons look at whole
numbers. Spreadsheets keep 15 digits of what is typed, therefore ``LIMIT``: a sheet must refuse amounts of 10¹¹ and more (its rows say
so and give no verdict); of the rest every sum is exact, and a product of two amounts while it stays below 9 × 10¹⁵ last places.
A ratio is rounded to nine places, ties away from zero, as ``ROUND`` does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from .formula import AMOUNT, PLACES, RATIO, STORED, WHOLE, Extent, compare_places, no_name, widest, written

LIMIT = Decimal(10) ** 11
"""Amounts of this magnitude and more have more than the 15 digits that a cell keeps."""
LONGEST = 8192
"""Characters of a formula in a cell (ECMA-376, and every spreadsheet program)."""
ASKED_NOT = ""
"""Given as the cell of a name: not asked, never answered."""
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "<>", "!=": "="}
_SIGN = {"==": "=", "!=": "<>"}


@dataclass(frozen=True)
class Number:
    """A number: ``text`` gives it in units of its last place, right only where ``known``. ``refs`` are the cells it rests on;
    ``also`` are further conditions for being known, each safe to ask at any time."""

    text: str
    extent: Extent
    refs: frozenset[str] = frozenset()
    also: tuple[str, ...] = ()

    @property
    def known(self) -> str:
        """The formula that is TRUE where the number is known; empty where it always is."""
        return _known([self])


@dataclass(frozen=True)
class Truth:
    """A condition: TRUE in ``true`` where it holds, TRUE in ``false`` where it does not; unknown where neither."""

    true: str
    false: str


Piece = Number | Truth
Name = str | Number


class Cell:
    """Formulas as spreadsheet text. ``names`` gives the cell of each name (``ASKED_NOT``: nothing), or the ``Number`` of a ``let``.

    A name it lacks is a ``FormulaError``.
    """

    def __init__(self, names: Mapping[str, Name] | Callable[[str], Name | None]) -> None:
        self.find: Callable[[str], Name | None] = names.get if isinstance(names, Mapping) else names

    def number(self, value: Decimal) -> Number:
        extent = written(value)
        return Number(f"{int(value.scaleb(extent.places))}", extent)

    def name(self, name: str) -> Number:
        found = self.find(name)
        if found is None:
            no_name(name)
        if isinstance(found, Number):
            return found
        if found == ASKED_NOT:
            return Number("0", AMOUNT, also=("FALSE",))
        return Number(f"ROUND({found}*{10**STORED},0)", AMOUNT, frozenset({found}))

    def negative(self, value: Piece) -> Number:
        n = _number(value)
        return Number(f"(-{n.text})", n.extent, n.refs, n.also)

    def arithmetic(self, op: str, left: Piece, right: Piece) -> Number:
        a, b = _number(left), _number(right)
        if op == "*":
            extent, sides = a.extent.times(b.extent), (a.text, b.text)
        else:
            extent, places = a.extent.plus(b.extent), max(a.extent.places, b.extent.places)
            sides = (_at(a, places), _at(b, places))
        return _joined(f"({sides[0]}{op}{sides[1]})", extent, [a, b])

    def compare(self, op: str, left: Piece, right: Piece) -> Truth:
        a, b = _number(left), _number(right)
        places = compare_places(a.extent, b.extent)
        left_text, right_text, known = _at(a, places), _at(b, places), _known([a, b])
        holds, fails = (f"{left_text}{sign}{right_text}" for sign in (_SIGN.get(op, op), _OPPOSITE[op]))
        return Truth(holds, fails) if not known else Truth(f"IF({known},{holds},FALSE)", f"IF({known},{fails},FALSE)")

    def logic(self, op: str, parts: Sequence[Piece]) -> Truth:
        truths = [_truth(p) for p in parts]
        true, false = ",".join(t.true for t in truths), ",".join(t.false for t in truths)
        return Truth(f"AND({true})", f"OR({false})") if op == "and" else Truth(f"OR({true})", f"AND({false})")

    def negate(self, part: Piece) -> Truth:
        truth = _truth(part)
        return Truth(truth.false, truth.true)

    def call(self, function: str, parts: Sequence[Piece], known: bool) -> Piece:
        numbers = [_number(p) for p in parts]
        match function:
            case "missing":
                answered = numbers[0].known or "TRUE"
                return Truth(f"NOT({answered})", answered)
            case "abs":
                return _joined(f"ABS({numbers[0].text})", numbers[0].extent, numbers)
            case "ratio":
                return _ratio(*numbers)
            case "total":
                extent = functools.reduce(Extent.plus, [n.extent for n in numbers])
                sides = [_at(n, extent.places) for n in numbers]
                if not known:
                    return _joined(f"({'+'.join(sides)})", extent, numbers)
                return Number(f"({'+'.join(_or(n, s, '0') for n, s in zip(numbers, sides, strict=True))})", extent, also=(_any(numbers),))
        extent = widest([n.extent for n in numbers])
        sides, name = [_at(n, extent.places) for n in numbers], function.upper()
        if not known:
            return _joined(f"{name}({','.join(sides)})", extent, numbers)
        beyond = "1E300" if function == "min" else "-1E300"
        return Number(f"{name}({','.join(_or(n, s, beyond) for n, s in zip(numbers, sides, strict=True))})", extent, also=(_any(numbers),))


def _ratio(over: Number, under: Number) -> Number:
    """The quotient in units of its ninth place; unknown where the lower side is 0 or the quotient reaches 10¹²."""
    over.extent.over(under.extent)  # tells what is too wide
    shift = PLACES + under.extent.places - over.extent.places
    scaled = f"{over.text}/{under.text}*{10**shift}" if shift >= 0 else f"{over.text}/{under.text}/{10**-shift}"
    both = _joined(f"ROUND({scaled},0)", RATIO, [over, under])
    small = f"IF({under.text}=0,FALSE,ABS({scaled})<1E{WHOLE + PLACES})"
    known = _known([over, under])
    return Number(both.text, RATIO, both.refs, (*both.also, f"IF({known},{small},FALSE)" if known else small))


def _known(numbers: Sequence[Number]) -> str:
    """TRUE where all are known; empty where they always are."""
    refs: frozenset[str] = frozenset().union(*(n.refs for n in numbers))
    also = tuple(dict.fromkeys(a for n in numbers for a in n.also))
    counted = f"COUNT({','.join(sorted(refs))})={len(refs)}" if refs and not also else ""
    texts = [*([counted] if counted else []), *also]
    if not texts:
        return ""
    return texts[0] if len(texts) == 1 else f"AND({','.join(texts)})"


def _joined(text: str, extent: Extent, parts: Sequence[Number]) -> Number:
    """A number that is known where all its parts are."""
    return Number(text, extent, frozenset().union(*(p.refs for p in parts)), tuple(dict.fromkeys(a for p in parts for a in p.also)))


def _or(n: Number, text: str, otherwise: str) -> str:
    """The text where the number is known, something else where it is not."""
    return f"IF({n.known},{text},{otherwise})" if n.known else text


def _any(numbers: Sequence[Number]) -> str:
    """TRUE where at least one is known."""
    return "TRUE" if any(not n.known for n in numbers) else f"OR({','.join(n.known for n in numbers)})"


def _at(n: Number, places: int) -> str:
    """The number in units of another place; fewer are rounded, ties away from zero."""
    shift = places - n.extent.places
    if shift == 0:
        return n.text
    if shift > 0 and n.text.isdigit():
        return str(int(n.text) * 10**shift)
    return f"{n.text}*{10**shift}" if shift > 0 else f"ROUND({n.text}/{10**-shift},0)"


def _number(piece: Piece) -> Number:
    assert isinstance(piece, Number), "the formula was checked: a condition never stands for a number"
    return piece


def _truth(piece: Piece) -> Truth:
    assert isinstance(piece, Truth), "the formula was checked: a number never stands for a condition"
    return piece
