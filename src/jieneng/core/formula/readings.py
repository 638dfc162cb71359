"""The readings for one return or exact sums: its value, the names it needs, the text in words; and the truth table."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any

from jieneng.core.words import T

from .language import PLACES, WHOLE, Answer, no_name

# -- one return, or exact sums ---------------------------------------------------------------------------------------

_CONTEXT = Context(prec=200, rounding=ROUND_HALF_UP)  # five times the widest result: never rounds by itself
_LAST_PLACE = Decimal(1).scaleb(-PLACES)
_NOTHING, _TOO_LARGE = Decimal(0).scaleb(-PLACES), Decimal(10) ** WHOLE
_DECIMALS = {"+": _CONTEXT.add, "-": _CONTEXT.subtract, "*": _CONTEXT.multiply}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}


def _nearest(value: Fraction, places: int) -> int:
    """``value`` in units of its last place, ties away from zero."""
    over, under = abs(value.numerator) * 10**places, value.denominator
    units = (2 * over + under) // (2 * under)
    return -units if value < 0 else units


def _rounded(value: Decimal | Fraction | bool) -> Decimal | Fraction:
    """As both sides of a comparison are rounded."""
    if isinstance(value, Decimal):
        return _CONTEXT.quantize(value, _LAST_PLACE)
    return Fraction(_nearest(Fraction(value), PLACES), 10**PLACES)


def _quotient(over: Decimal, under: Decimal) -> Decimal | None:
    """The ratio of two amounts in nine places, ties away from zero; None where ``under`` is zero or the ratio reaches 10¹².

    Two hundred digits decide every tie: operands have 38 at most, so what is no tie is further from one than 10⁻⁶⁰.
    """
    if not under:
        return None
    value = _CONTEXT.quantize(_CONTEXT.divide(over, under), _LAST_PLACE)
    if not value:
        return _NOTHING
    return value if abs(value) < _TOO_LARGE else None


class Value:
    """One return's answers, or exact sums: a Decimal, True, False or None (unknown).

    ``places`` 9: the answers are stored amounts, ratios are rounded to nine places, as in a column. ``places`` None: all
    is exact rational arithmetic and a number comes as a ``Fraction`` without bound, for indicators over sums; comparisons
    still look at nine places. True counts as 1 and False as 0. A name that is not among ``answers`` is a
    ``FormulaError``: "not asked" must be said by None. A float is a ``TypeError``.
    """

    def __init__(self, answers: Mapping[str, Decimal | Fraction | int | bool | None], *, places: int | None = PLACES) -> None:
        self.answers, self.places = answers, places

    def number(self, value: Decimal) -> Answer:
        return Fraction(value) if self.places is None else value

    def name(self, name: str) -> Answer:
        if name not in self.answers:
            no_name(name)
        value = self.answers[name]
        if value is None:
            return None
        if isinstance(value, float) or (isinstance(value, Decimal) and not value.is_finite()):
            raise TypeError(f"{name} = {value!r}: expected a finite Decimal, Fraction or int")
        if self.places is None:
            return Fraction(value)
        if isinstance(value, Fraction):
            return Decimal(_nearest(value, self.places)).scaleb(-self.places, _CONTEXT)
        return Decimal(value)

    def negative(self, value: Answer) -> Answer:
        return self.arithmetic("-", self.number(Decimal(0)), value)

    def arithmetic(self, op: str, left: Answer, right: Answer) -> Answer:
        if left is None or right is None:
            return None
        if isinstance(left, Decimal) and isinstance(right, Decimal):
            return _DECIMALS[op](left, right)
        a, b = Fraction(left), Fraction(right)
        return a + b if op == "+" else a - b if op == "-" else a * b

    def compare(self, op: str, left: Answer, right: Answer) -> Answer:
        if left is None or right is None:
            return None
        return _COMPARISONS[op](_rounded(left), _rounded(right))

    def logic(self, op: str, parts: Sequence[Answer]) -> Answer:
        decisive = op == "or"
        if any(p is decisive for p in parts):
            return decisive
        return None if any(p is None for p in parts) else not decisive

    def negate(self, part: Answer) -> Answer:
        return None if part is None else not part

    def call(self, function: str, parts: Sequence[Answer], known: bool) -> Answer:
        if function == "missing":
            return parts[0] is None
        numbers = [p for p in parts if p is not None]
        if not numbers or (len(numbers) < len(parts) and not known):
            return None
        match function:
            case "abs":
                return numbers[0] if numbers[0] >= 0 else self.negative(numbers[0])
            case "ratio":
                if isinstance(numbers[0], Decimal) and isinstance(numbers[1], Decimal) and self.places == PLACES:
                    return _quotient(numbers[0], numbers[1])
                return self._ratio(Fraction(numbers[0]), Fraction(numbers[1]))
            case "total":
                return functools.reduce(functools.partial(self.arithmetic, "+"), numbers, self.number(Decimal(0)))
        return min(numbers) if function == "min" else max(numbers)

    def _ratio(self, over: Fraction, under: Fraction) -> Answer:
        if not under:
            return None
        if self.places is None:
            return over / under
        units = _nearest(over / under, self.places)
        return Decimal(units).scaleb(-self.places, _CONTEXT) if abs(units) < 10 ** (WHOLE + self.places) else None


# -- what a formula needs ---------------------------------------------------------------------------------------------

class Needs:
    """The names a formula reads, dotted ones with their prefix: what to load, what a change touches."""

    def number(self, value: Decimal) -> frozenset[str]:
        return frozenset()

    def name(self, name: str) -> frozenset[str]:
        return frozenset({name})

    def negative(self, value: frozenset[str]) -> frozenset[str]:
        return value

    def arithmetic(self, op: str, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
        return left | right

    compare = arithmetic

    def logic(self, op: str, parts: Sequence[frozenset[str]]) -> frozenset[str]:
        return frozenset().union(*parts)

    def negate(self, part: frozenset[str]) -> frozenset[str]:
        return part

    def call(self, function: str, parts: Sequence[frozenset[str]], known: bool) -> frozenset[str]:
        return frozenset().union(*parts)


# -- a formula in words --------------------------------------------------------------------------------------------------

_PREFIX_WORDS = {"last_year": ("去年同期", "last year's "), "year": ("全年", "the year's "), "last_month": ("上月", "last month's "), "base": ("基期", "base "),
                 "body": ("单位", "the body's "), "threshold": ("核对线", "threshold ")}
_SIGNS = {"*": "×", "-": "−", "<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
_OR, _AND, _CLAIM, _SUM, _PRODUCT, _ATOM = range(6)


class Phrase(T):
    """A piece of a formula in words, which knows how tightly it binds."""

    __slots__ = ("rank",)

    def __init__(self, zh: str, en: str, rank: int = _ATOM) -> None:
        super().__init__(zh, en)
        self.rank = rank

    def within(self, rank: int) -> Phrase:
        """In brackets where it binds less tightly than ``rank``."""
        return self if self.rank >= rank else Phrase(f"（{self.zh}）", f"({self.en})")


class Words:
    """A formula as people read it, in both languages: 能源消费总量 ÷ 建筑面积 ≤ 30.

    ``labels`` names the items; a dotted name is looked up whole, then without its prefix; else the code itself is shown.
    """

    def __init__(self, labels: Mapping[str, T]) -> None:
        self.labels = labels

    def number(self, value: Decimal) -> Phrase:
        return Phrase(f"{value:f}", f"{value:f}")

    def name(self, name: str) -> Phrase:
        if label := self.labels.get(name):
            return Phrase(label.say("zh"), label.say("en"))
        prefix, _, rest = name.rpartition(".")
        label = self.labels.get(rest, T(rest, rest))
        zh, en = _PREFIX_WORDS.get(prefix, ("", ""))
        return Phrase(zh + label.say("zh"), en + label.say("en"))

    def negative(self, value: Phrase) -> Phrase:
        inner = value.within(_PRODUCT)
        return Phrase(f"−{inner.zh}", f"−{inner.en}", _PRODUCT)

    def arithmetic(self, op: str, left: Phrase, right: Phrase) -> Phrase:
        rank = _PRODUCT if op == "*" else _SUM
        return self._sign(op, left.within(rank), right.within(rank + (op == "-")), rank)

    def compare(self, op: str, left: Phrase, right: Phrase) -> Phrase:
        return self._sign(op, left, right, _CLAIM)

    @staticmethod
    def _sign(op: str, left: Phrase, right: Phrase, rank: int) -> Phrase:
        sign = _SIGNS.get(op, op)
        return Phrase(f"{left.zh} {sign} {right.zh}", f"{left.en} {sign} {right.en}", rank)

    def logic(self, op: str, parts: Sequence[Phrase]) -> Phrase:
        rank = _AND if op == "and" else _OR
        inner = [p.within(rank + 1) for p in parts]
        return Phrase((" 且 " if op == "and" else " 或 ").join(p.zh for p in inner), f" {op} ".join(p.en for p in inner), rank)

    def negate(self, part: Phrase) -> Phrase:
        return Phrase(f"不是（{part.zh}）", f"not ({part.en})", _CLAIM)

    def call(self, function: str, parts: Sequence[Phrase], known: bool) -> Phrase:
        if function == "ratio":
            return self._sign("÷", parts[0].within(_ATOM), parts[1].within(_ATOM), _PRODUCT)
        if function == "missing":
            return Phrase(f"{parts[0].zh}未填", f"{parts[0].en} not answered", _CLAIM)
        zh = {"total": "合计", "abs": "绝对值", "min": "最小", "max": "最大"}[function]
        known_zh, known_en = ("（只算已填）", " of those answered") if known else ("", "")
        return Phrase(f"{zh}{known_zh}（{'、'.join(p.zh for p in parts)}）", f"{function}{known_en}({', '.join(p.en for p in parts)})")


# -- the truth table -----------------------------------------------------------------------------------------------------

TRUTH_ANSWERS: Mapping[str, Decimal | None] = {"x": None, "y": Decimal(2), "z": Decimal(-5), "base.y": None}
"""What the names of ``TRUTH_CASES`` stand for: x is not answered."""
_T, _F, _U = "y > 0", "y < 0", "x > 0"
TRUTH_CASES: tuple[tuple[str, Decimal | bool | None], ...] = (
    (f"{_T} and {_T}", True), (f"{_T} and {_F}", False), (f"{_T} and {_U}", None),
    (f"{_F} and {_T}", False), (f"{_F} and {_F}", False), (f"{_F} and {_U}", False),
    (f"{_U} and {_T}", None), (f"{_U} and {_F}", False), (f"{_U} and {_U}", None),
    (f"{_T} or {_T}", True), (f"{_T} or {_F}", True), (f"{_T} or {_U}", True),
    (f"{_F} or {_T}", True), (f"{_F} or {_F}", False), (f"{_F} or {_U}", None),
    (f"{_U} or {_T}", True), (f"{_U} or {_F}", None), (f"{_U} or {_U}", None),
    (f"not {_T}", False), (f"not {_F}", True), (f"not {_U}", None),
    ("x == x", None), ("x != x", None), ("x < y", None), ("y <= x", None),
    ("0 < y < 3", True), ("0 < x < 3", None), ("3 < y < x", False), ("z < y < x", None),
    ("x + y", None), ("y - x", None), ("x * y", None), ("0 * x", None), ("-x", None), ("abs(x)", None), ("abs(z)", Decimal(5)),
    ("missing(x)", True), ("missing(y)", False), ("not missing(x)", False), ("missing(x) or x > 0", True),
    ("ratio(z, y)", Decimal("-2.5")), ("ratio(y, x)", None), ("ratio(x, y)", None), ("ratio(y, 0)", None), ("ratio(0, 0)", None),
    ("ratio(0, y)", Decimal(0)), ("change_from_base(y)", None),
    ("total(y, z)", Decimal(-3)), ("total(x, y)", None), ("total(known(x, y))", Decimal(2)), ("total(known(x, x))", None),
    ("min(y, z)", Decimal(-5)), ("min(x, z)", None), ("min(known(x, y))", Decimal(2)), ("min(known(x, x))", None),
    ("max(y, z)", Decimal(2)), ("max(x, y)", None), ("max(known(x, z))", Decimal(-5)), ("max(known(x, x))", None),
)
"""Formula and answer, written by hand: every reading is tested against it."""


def truth_table() -> str:
    """The truth table as the page ``docs/truth-table.md``."""
    said = {True: "真 true", False: "假 false", None: "未知 unknown"}
    lines = [
        "# 公式语言的真值表 Truth table of the formula language", "",
        "由 `jieneng.core.formula.truth_table()` 打印，测试保证一致；各种读法（单份报表、整列）都按此表测试。",
        "Printed by `jieneng.core.formula.truth_table()`; a test keeps it so, and every reading is tested against it.", "",
        "x 未填 not answered，y = 2，z = −5，base.y 未填 not answered。", "",
        "| 式子 formula | 结果 answer |", "| --- | --- |",
    ]
    for text, answer in TRUTH_CASES:
        shown = said[answer] if answer is None or isinstance(answer, bool) else f"{answer:f}"
        lines.append(f"| `{text}` | {shown} |")
    return "\n".join(lines) + "\n"
