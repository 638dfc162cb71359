"""The text: which signs and nodes are of the language, and the walk that asks a reading what each piece means."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast, overload

from jieneng.core.words import T

from .extent import Extents
from .language import (
    FUNCTIONS,
    MAX_CALLS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_NODES,
    PLACES,
    PREFIXES,
    WHOLE,
    CannotRead,
    FormulaError,
    R,
    Reading,
)

if TYPE_CHECKING:
    from .readings import Needs, Value, Words

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
