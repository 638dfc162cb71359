"""The formula language: one line of text, several readings.

Python's own expression syntax with a closed list of what may appear: names (dotted ones reach ``last_year.``,
``last_month.``, ``body.``, ``threshold.``, ``base.``), plain numbers, ``+ - *``, comparisons (chained too), ``and or not``
and the functions of ``FUNCTIONS``. There is no division sign: ``ratio(a, b)`` is unknown where ``b`` is zero or unknown.
There are no strings. Nothing is ever evaluated as Python.

    read("ratio(a, b) <= 0.3", Value({"a": Decimal(3), "b": Decimal(10)}))   True      one return, or exact sums
    read("ratio(a, b) <= 0.3", Needs())                                      {a, b}    what to load
    read("ratio(a, b) <= 0.3", Words({}))                                    a ÷ b ≤ 0.3

The Column reading (all returns at once, as SQL) lives in ``jieneng.engine.column``; its answers are the same, which the
rules below make possible.

**Unknown** is a third answer (Kleene): false and unknown = false, true or unknown = true, else unknown; arithmetic and
comparisons with an unknown are unknown; ``min``, ``max``, ``total`` are unknown if any operand is, unless all operands stand
in ``known(…)``: ``total(known(a, b))`` leaves the unknown ones out and is unknown only if none is known. ``missing(x)`` is
true or false, never unknown. ``truth_table()`` prints all of it.

**Numbers** are exact. A name stands for an amount as stored: less than 10¹² in magnitude, four places. Sums, differences
and products are exact decimals. ``ratio`` is rounded to nine places, and unknown where it reaches 10¹² (no amount is that
large). Both sides of a comparison are rounded to nine places. Ties go away from zero (四舍五入), as DuckDB and Spark round:
half-even, Python's habit, cannot be had from an engine without writing every operand of a ratio six times.

**Width.** ``Extents`` finds the largest number a formula can come to. What might need more than 38 digits, as the product
of three amounts, is refused when it is read, with a hint, instead of overflowing in an engine on the day of the review.
"""

from __future__ import annotations

import ast
import functools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any, NoReturn, Protocol, TypeVar, cast, overload

from .words import T

MAX_LENGTH = 2000
MAX_NODES = 400
MAX_DEPTH = 30
MAX_CALLS = 6
"""Functions within functions: a column repeats some operands, so each level may double its SQL."""
PREFIXES = ("last_month", "last_year", "body", "threshold", "base")
FUNCTIONS = {"missing": (1, 1), "ratio": (2, 2), "total": (1, 60), "abs": (1, 1), "min": (1, 60), "max": (1, 60),
             "known": (1, 60), "change_from_base": (1, 1)}
"""Function → least and most operands. ``known`` stands only directly inside total, min and max."""
PLACES = 9
"""Places of a ratio, and of both sides of a comparison (decisions, "Numbers")."""
WHOLE = 12
"""Whole digits of an amount and of a ratio: magnitudes are below 10¹² (``core.amount.LIMIT``)."""
STORED = 4
"""Places of an amount (``core.amount.PLACES``)."""
DIGITS = 38
"""The widest decimal of DuckDB and of Spark."""

Answer = Decimal | Fraction | bool | None
R = TypeVar("R")


class FormulaError(ValueError):
    """A text that is not a formula: the text, the column (from 1), what was found there, what to do."""

    def __init__(self, text: str, column: int, found: T, do: T) -> None:
        super().__init__(text, column, found, do)
        self.text, self.column, self.found, self.do = text, column, found, do

    def __str__(self) -> str:
        return str(T("第 {c} 列：{f}。{d}（{t}）", "column {c}: {f}. {d} ({t})", c=self.column, f=str(self.found),
                     d=str(self.do), t=self.text[:120]))


class CannotRead(Exception):
    """Raised by a reading that cannot answer; ``read`` adds the place and raises a ``FormulaError``."""

    def __init__(self, found: T, do: T) -> None:
        super().__init__(found, do)
        self.found, self.do = found, do


class Reading(Protocol[R]):
    """What each piece of a formula means to one reader. ``R`` is a number or a truth in that reader's terms."""

    def number(self, value: Decimal) -> R: ...
    def name(self, name: str) -> R: ...
    def negative(self, value: R) -> R: ...
    def arithmetic(self, op: str, left: R, right: R) -> R: ...
    def compare(self, op: str, left: R, right: R) -> R: ...
    def logic(self, op: str, parts: Sequence[R]) -> R: ...
    def negate(self, part: R) -> R: ...
    def call(self, function: str, parts: Sequence[R], known: bool) -> R: ...


# -- the text: closed signs first, then a closed set of nodes -------------------------------------------------------

_TOKEN = re.compile(r" *(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_.]))"
                    r"|<=|>=|==|!=|[-+*<>(),]|\.(?![0-9]))")
_NUMBER, _TRUTH = "number", "truth"
_KIND_WORDS = {_NUMBER: T("数", "a number"), _TRUTH: T("条件", "a condition")}
_ARITHMETIC: dict[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_COMPARE: dict[type, str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_SPLIT = T("拆成几条", "split it")
_HINTS = (
    ("/÷", T("没有除号", "there is no division sign"), T("写 ratio(分子, 分母)", "write ratio(a, b)")),
    ("=", T("单个等号", "a single ="), T("相等写 ==", "write == for equal")),
    ("%％", T("没有百分号", "there is no percent sign"), T("30% 写 0.3", "write 0.3 for 30%")),
    ("\"'“”‘’", T("不能写文字", "texts may not be written"), T("直接写项目代码，不加引号", "write the item's code, without quotes")),
    ("（）＋－＊＞＜＝，．。　≤≥≠×", T("全角或印刷符号“{x}”", "full-width or printed sign “{x}”"),
     T("改用半角：( ) + - * > < , . <= >= == !=", "use plain ( ) + - * > < , . <= >= == !=")),
)


@dataclass(frozen=True)
class Formula:
    """A checked text: ``body`` holds only nodes of the language. ``lead`` is the blank space before it."""

    text: str
    lead: int
    body: ast.expr

    def error(self, node: ast.AST, found: T, do: T) -> FormulaError:
        return FormulaError(self.text, self.lead + getattr(node, "col_offset", 0) + 1, found, do)

    def digits(self, node: ast.expr) -> Decimal:
        """A number as written, so that 0.1 is 0.1."""
        end = node.end_col_offset or 0
        return Decimal(self.text[self.lead + node.col_offset:self.lead + end])


def _check_signs(text: str) -> None:
    """Refuse every sign outside the language, and numbers that no amount can reach."""
    at, end = 0, len(text.rstrip(" "))
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            start = at + len(text[at:]) - len(text[at:].lstrip(" "))
            sign = text[start]
            for signs, found, do in _HINTS:
                if sign in signs:
                    raise FormulaError(text, start + 1, found(x=sign), do)
            raise FormulaError(text, start + 1, T("读不懂“{x}”", "cannot read “{x}”", x=text[start:start + 12]),
                               T("数写成 12 或 0.5，名字用字母、数字和下划线", "write numbers as 12 or 0.5, names in letters, digits and _"))
        if digits := token["number"]:
            whole, _, places = digits.partition(".")
            if len(whole) > WHOLE or len(places) > PLACES:
                raise FormulaError(text, token.start("number") + 1, T("数太长：{x}", "too long a number: {x}", x=digits[:40]),
                                   T("整数不超过 {w} 位，小数不超过 {p} 位", "at most {w} whole digits and {p} places", w=WHOLE, p=PLACES))
        at = token.end()


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Formula:
    """The checked formula of a text. Raises ``FormulaError``, never anything else."""
    if len(text) > MAX_LENGTH:
        raise FormulaError(text, 1, T("式子超过 {n} 个字", "longer than {n} characters", n=MAX_LENGTH), _SPLIT)
    flat = re.sub(r"[\t\r\n]", " ", text)
    _check_signs(flat)
    lead = len(flat) - len(flat.lstrip(" "))
    try:
        body = ast.parse(flat[lead:], mode="eval").body
        nodes = sum(1 for _ in ast.walk(body))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        offset = getattr(error, "offset", None)  # None or 0 where the text ends too early
        column = lead + offset if offset else len(flat.rstrip(" ")) + 1
        raise FormulaError(text, column, T("读不懂这个式子", "not a readable formula"),
                           T("看看括号和符号", "check brackets and signs")) from None
    if nodes > MAX_NODES:
        raise FormulaError(text, 1, T("式子太长", "too long a formula"), _SPLIT)
    formula = Formula(flat, lead, body)
    _kind(formula, body)
    _walk(formula, body, Extents())
    return formula


def is_truth(text: str) -> bool:
    """Whether a formula is a condition (true, false, unknown) rather than a number. Raises ``FormulaError``."""
    formula = parse(text)
    return _kind(formula, formula.body) == _TRUTH


def _dotted(formula: Formula, node: ast.Attribute) -> str:
    if not isinstance(node.value, ast.Name) or node.value.id not in PREFIXES:
        raise formula.error(node, T("点号前面只能是 {p}", "before a dot only {p}", p="、".join(PREFIXES)),
                            T("改写成例如 last_year.项目", "write for example last_year.item"))
    return f"{node.value.id}.{node.attr}"


def _kind(f: Formula, node: ast.AST, depth: int = 0, calls: int = 0) -> str:
    """Whether a node is a number or a truth, refusing all that is not in the language."""
    if depth > MAX_DEPTH or calls > MAX_CALLS:
        raise f.error(node, T("式子套得太深", "nested too deep"), _SPLIT)
    operands: Sequence[ast.AST]
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return _NUMBER
        case ast.Name(id=name):
            if name in FUNCTIONS or name in PREFIXES:
                raise f.error(node, T("“{n}”不能当作名字", "“{n}” is no name", n=name), T("函数后面写括号，前缀后面写点号", "write name(…) or prefix.item"))
            return _NUMBER
        case ast.Attribute():
            _dotted(f, node)
            return _NUMBER
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            kind, of, operands = _NUMBER, _NUMBER, [inner]
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            kind, of, operands = _TRUTH, _TRUTH, [inner]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            kind, of, operands = _NUMBER, _NUMBER, [left, right]
        case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(o) in _COMPARE for o in ops):
            kind, of, operands = _TRUTH, _NUMBER, [left, *rest]
        case ast.BoolOp(values=values):
            kind, of, operands = _TRUTH, _TRUTH, values
        case ast.Call():
            operands = _operands(f, node)
            kind, of, calls = _TRUTH if _function(node) == "missing" else _NUMBER, _NUMBER, calls + 1
        case _:
            raise f.error(node, T("不认识的写法：{x}", "not in the language: {x}", x=type(node).__name__),
                          T("只能用名字、数、+ - *、比较、and or not 和 {f}", "use names, numbers, + - *, comparisons, and or not, {f}",
                            f=" ".join(FUNCTIONS)))
    for part in operands:
        if _kind(f, part, depth + 1, calls) != of:
            other = _TRUTH if of == _NUMBER else _NUMBER
            raise f.error(part, T("这里是{a}", "this is {a}", a=str(_KIND_WORDS[other])), T("应为{b}", "expected {b}", b=str(_KIND_WORDS[of])))
    return kind


def _function(node: ast.AST) -> str:
    """The name of the function of a call without keywords; empty for anything else."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords else ""


def _inside(node: ast.Call) -> tuple[list[ast.expr], bool]:
    """The operands of a call, and whether they stand in ``known(…)``."""
    if _function(node) in ("total", "min", "max") and len(node.args) == 1 and _function(node.args[0]) == "known":
        return cast(ast.Call, node.args[0]).args, True
    return node.args, False


def _operands(f: Formula, node: ast.Call) -> list[ast.expr]:
    """The operands of a call, refusing unknown functions and wrong operands."""
    function = _function(node)
    if function not in FUNCTIONS:
        raise f.error(node, T("没有这个函数", "no such function"), T("可以用：{f}", "there are: {f}", f=" ".join(FUNCTIONS)))
    if function == "known":
        raise f.error(node, T("known 只能单独写在 total、min、max 里面", "known stands only, and alone, inside total, min, max"),
                      T("写 total(known(a, b))", "write total(known(a, b))"))
    args, _ = _inside(node)
    least, most = FUNCTIONS[function]
    if not least <= len(args) <= most:
        raise f.error(node, T("{f} 要 {a} 到 {b} 个数", "{f} takes {a} to {b} operands", f=function, a=least, b=most),
                      T("补上或去掉", "add or remove some"))
    if function == "missing" and not isinstance(args[0], ast.Name | ast.Attribute):
        raise f.error(node, T("missing 里面只能是一个名字", "missing takes one name"), T("写 missing(项目)", "write missing(item)"))
    if function == "change_from_base" and not isinstance(args[0], ast.Name):
        raise f.error(node, T("change_from_base 里面只能是一个不带点号的名字", "change_from_base takes one plain name"),
                      T("写 change_from_base(项目)", "write change_from_base(item)"))
    return args


# -- reading ------------------------------------------------------------------------------------------------------------

@overload
def read(text: str, reading: Value) -> Any: ...
@overload
def read(text: str, reading: Needs) -> frozenset[str]: ...
@overload
def read(text: str, reading: Words) -> T: ...
@overload
def read(text: str, reading: Reading[R]) -> R: ...
def read(text: str, reading: Reading[Any]) -> Any:
    """Walk a formula and ask ``reading`` what each piece means. Raises ``FormulaError``.

    ``Value`` gives an ``Answer``: which one follows from the text (``is_truth``) and from ``places``.
    """
    formula = parse(text)
    return _walk(formula, formula.body, reading)


def _walk(f: Formula, node: ast.AST, r: Reading[R]) -> R:
    def of(part: ast.AST) -> R:
        return _walk(f, part, r)

    def ask(question: Callable[..., R], *operands: Any) -> R:
        try:
            return question(*operands)
        except CannotRead as problem:
            raise f.error(node, problem.found, problem.do) from None

    match node:
        case ast.Constant():
            return ask(r.number, f.digits(node))
        case ast.Name(id=name):
            return ask(r.name, name)
        case ast.Attribute():
            return ask(r.name, _dotted(f, node))
        case ast.UnaryOp(op=op, operand=inner):
            return ask(r.negative if isinstance(op, ast.USub) else r.negate, of(inner))
        case ast.BinOp(left=left, op=op, right=right):
            return ask(r.arithmetic, _ARITHMETIC[type(op)], of(left), of(right))
        case ast.Compare(left=left, ops=ops, comparators=rest):
            parts = [of(p) for p in (left, *rest)]
            pairs = [ask(r.compare, _COMPARE[type(o)], parts[i], parts[i + 1]) for i, o in enumerate(ops)]
            return pairs[0] if len(pairs) == 1 else ask(r.logic, "and", pairs)
        case ast.BoolOp(op=op, values=values):
            return ask(r.logic, "and" if isinstance(op, ast.And) else "or", [of(v) for v in values])
        case ast.Call():
            function = _function(node)
            args, known = _inside(node)
            if function == "change_from_base":
                name = cast(ast.Name, args[0]).id
                change = ask(r.call, "ratio", [ask(r.name, name), ask(r.name, "base." + name)], False)
                return ask(r.arithmetic, "-", change, ask(r.number, Decimal(1)))
            return ask(r.call, function, [of(a) for a in args], known)
    raise AssertionError(f"{type(node).__name__} got past the check")  # pragma: no cover


def no_name(name: str) -> NoReturn:
    """Tell that a reading knows no such name."""
    raise CannotRead(T("没有“{n}”这个名字", "there is no name “{n}”", n=name), T("看看项目代码", "check the item's code"))


# -- how large a number can become ----------------------------------------------------------------------------------

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

_PREFIX_WORDS = {"last_year": ("去年同期", "last year's "), "last_month": ("上月", "last month's "), "base": ("基期", "base "),
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
