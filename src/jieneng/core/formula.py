"""The formula language: one line of text, several readings.

Python's own expression syntax, parsed with ``ast`` and a closed list of what may appear: names (dotted ones reach
``last_year.``, ``last_month.``, ``body.``, ``threshold.``, ``base.``), numbers, ``+ - *``, comparisons (chained too),
``and or not``, and the functions of ``FUNCTIONS``. There is no division sign: ``ratio(a, b)`` is unknown where ``b`` is
zero or unknown. Nothing is ever evaluated as Python.

Unknown is a third answer (Kleene): false and unknown = false, true or unknown = true, else unknown; arithmetic and
comparisons with an unknown are unknown; ``min``, ``max``, ``total`` are unknown if any operand is, unless written inside
``known(…)``, which leaves the unknown operands out. ``missing(x)`` is true or false, never unknown.

A reading answers what each piece means: ``Value`` (one return, or exact sums), ``Needs`` (which names), ``Words`` (the
text for people); the Column reading (all returns at once, as SQL) lives in ``jieneng.engine.column``.
"""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any, Protocol

from .words import T

MAX_LENGTH = 2000
MAX_NODES = 400
MAX_DEPTH = 30
PREFIXES = ("last_month", "last_year", "body", "threshold", "base")
FUNCTIONS = {"missing": (1, 1), "ratio": (2, 2), "total": (1, 60), "abs": (1, 1), "min": (1, 60), "max": (1, 60),
             "known": (1, 60), "change_from_base": (1, 1)}
"""Function → least and most operands. ``known`` stands only directly inside total, min and max."""
PLACES = 9
"""Both sides of a comparison are rounded to nine places (decisions.md, "Numbers"): exactly on a threshold, binary
floats and decimals disagree otherwise."""

Answer = Decimal | Fraction | bool | None


class FormulaError(ValueError):
    """A text that is not a formula: what was found, in which column, what to do."""

    def __init__(self, text: str, column: int, found: T, do: T) -> None:
        self.text, self.column, self.found, self.do = text, column, found, do
        super().__init__(str(T("第 {c} 列：{f}。{d}（{t}）", "column {c}: {f}. {d} ({t})", c=column, f=str(found), d=str(do),
                               t=text[:120].replace("{", "{").replace("}", "}"))))


class Reading(Protocol):
    """What each piece of a formula means to one reader."""

    def number(self, value: Decimal) -> Any: ...
    def name(self, name: str) -> Any: ...
    def negative(self, value: Any) -> Any: ...
    def arithmetic(self, op: str, left: Any, right: Any) -> Any: ...
    def compare(self, op: str, left: Any, right: Any) -> Any: ...
    def logic(self, op: str, parts: Sequence[Any]) -> Any: ...
    def negate(self, part: Any) -> Any: ...
    def call(self, function: str, parts: Sequence[Any], known: bool) -> Any: ...


_ARITHMETIC: dict[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_COMPARE: dict[type, str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
COMPARE: dict[str, Any] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}
_TRUTH = "truth"
_NUMBER = "number"


def _fail(text: str, node: ast.AST | None, found: T, do: T) -> FormulaError:
    return FormulaError(text, getattr(node, "col_offset", 0) + 1, found, do)


def _dotted(text: str, node: ast.Attribute) -> str:
    if not isinstance(node.value, ast.Name) or node.value.id not in PREFIXES:
        raise _fail(text, node, T("点号前面只能是 {p}", "before a dot only {p}", p="、".join(PREFIXES)),
                    T("改写成例如 last_year.项目", "write for example last_year.item"))
    return f"{node.value.id}.{node.attr}"


def _kind(text: str, node: ast.AST, depth: int = 0) -> str:
    """Whether a node is a number or a truth, refusing all that is not in the language."""
    if depth > MAX_DEPTH:
        raise _fail(text, node, T("式子套得太深", "nested too deep"), T("拆成几条", "split it"))
    match node:
        case ast.Constant(value=bool()):
            raise _fail(text, node, T("不能写 True、False", "True and False may not be written"), T("写出条件本身", "write the condition"))
        case ast.Constant(value=int() | float()):
            return _NUMBER
        case ast.Name():
            return _NUMBER
        case ast.Attribute():
            _dotted(text, node)
            return _NUMBER
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            _want(text, inner, _NUMBER, depth)
            return _NUMBER
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            _want(text, inner, _TRUTH, depth)
            return _TRUTH
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            _want(text, left, _NUMBER, depth)
            _want(text, right, _NUMBER, depth)
            return _NUMBER
        case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(o) in _COMPARE for o in ops):
            for part in (left, *rest):
                _want(text, part, _NUMBER, depth)
            return _TRUTH
        case ast.BoolOp(values=values):
            for part in values:
                _want(text, part, _TRUTH, depth)
            return _TRUTH
        case ast.Call():
            return _call_kind(text, node, depth)
        case ast.BinOp(op=ast.Div() | ast.FloorDiv()):
            raise _fail(text, node, T("没有除号", "there is no division sign"), T("写 ratio(分子, 分母)", "write ratio(a, b)"))
    raise _fail(text, node, T("不认识的写法：{x}", "not in the language: {x}", x=type(node).__name__),
                T("只能用名字、数、+ - *、比较、and or not 和 {f}", "use names, numbers, + - *, comparisons, and or not, {f}",
                  f=" ".join(FUNCTIONS)))


def _want(text: str, node: ast.AST, kind: str, depth: int) -> None:
    found = _kind(text, node, depth + 1)
    if found != kind:
        words = {_NUMBER: T("数", "a number"), _TRUTH: T("条件", "a condition")}
        raise _fail(text, node, T("这里是{a}", "this is {a}", a=str(words[found])),
                    T("应为{b}", "expected {b}", b=str(words[kind])))


def _call_kind(text: str, node: ast.Call, depth: int) -> str:
    function = node.func.id if isinstance(node.func, ast.Name) else ""
    if function not in FUNCTIONS or node.keywords:
        raise _fail(text, node, T("没有这个函数", "no such function"), T("可以用：{f}", "there are: {f}", f=" ".join(FUNCTIONS)))
    least, most = FUNCTIONS[function]
    args = node.args
    if function == "known":
        raise _fail(text, node, T("known 只能写在 total、min、max 里面", "known stands only inside total, min, max"),
                    T("写 total(known(a, b))", "write total(known(a, b))"))
    if function in ("total", "min", "max") and len(args) == 1 and _is_known(args[0]):
        args = args[0].args  # type: ignore[attr-defined]
    if not least <= len(args) <= most:
        raise _fail(text, node, T("{f} 要 {a} 到 {b} 个数", "{f} takes {a} to {b} operands", f=function, a=least, b=most),
                    T("补上或去掉", "add or remove some"))
    if function in ("missing", "change_from_base"):
        if not isinstance(args[0], ast.Name | ast.Attribute):
            raise _fail(text, node, T("{f} 里面只能是一个名字", "{f} takes one name", f=function), T("写 {f}(项目)", "write {f}(item)", f=function))
        if function == "change_from_base" and not isinstance(args[0], ast.Name):
            raise _fail(text, node, T("change_from_base 里面不能带点号", "change_from_base takes a plain name"),
                        T("写 change_from_base(项目)", "write change_from_base(item)"))
    for part in args:
        _want(text, part, _NUMBER, depth)
    return _TRUTH if function == "missing" else _NUMBER


def _is_known(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "known" and not node.keywords


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> ast.expr:
    """The checked tree of a formula. Raises ``FormulaError``, never anything else."""
    if len(text) > MAX_LENGTH:
        raise _fail(text, None, T("式子超过 {n} 个字", "longer than {n} characters", n=MAX_LENGTH), T("拆成几条", "split it"))
    try:
        tree = ast.parse(text.strip(), mode="eval")
        nodes = sum(1 for _ in ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FormulaError(text, getattr(error, "offset", 1) or 1, T("读不懂这个式子", "not a readable formula"),
                           T("看看括号和符号", "check brackets and signs")) from None
    if nodes > MAX_NODES:
        raise _fail(text, None, T("式子太长", "too long a formula"), T("拆成几条", "split it"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and not Decimal(str(node.value)).is_finite():
            raise _fail(text, node, T("数太大", "number too large"), T("改小", "use a smaller one"))
    _kind(text, tree.body)
    return tree.body


def is_truth(text: str) -> bool:
    """Whether a formula is a condition (true, false, unknown) rather than a number."""
    return _kind(text, parse(text)) == _TRUTH


def read(text: str, reading: Any) -> Any:
    """Walk a formula and ask ``reading`` what each piece means. Raises ``FormulaError``."""
    return _walk(text.strip(), parse(text), reading)


def _walk(text: str, node: ast.AST, r: Any) -> Any:
    match node:
        case ast.Constant():
            # the digits as written, so that 0.1 is 0.1
            written = ast.get_source_segment(text, node) or str(node.value)
            return r.number(Decimal(written.replace("_", "")) if written.replace("_", "").replace(".", "", 1).isdigit() else Decimal(str(node.value)))
        case ast.Name(id=name):
            return r.name(name)
        case ast.Attribute():
            return r.name(_dotted(text, node))
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return r.negative(_walk(text, inner, r))
        case ast.UnaryOp(operand=inner):
            return r.negate(_walk(text, inner, r))
        case ast.BinOp(left=left, op=op, right=right):
            return r.arithmetic(_ARITHMETIC[type(op)], _walk(text, left, r), _walk(text, right, r))
        case ast.Compare(left=left, ops=ops, comparators=rest):
            parts = [_walk(text, p, r) for p in (left, *rest)]
            pairs = [r.compare(_COMPARE[type(o)], parts[i], parts[i + 1]) for i, o in enumerate(ops)]
            return pairs[0] if len(pairs) == 1 else r.logic("and", pairs)
        case ast.BoolOp(op=op, values=values):
            return r.logic("and" if isinstance(op, ast.And) else "or", [_walk(text, v, r) for v in values])
        case ast.Call(func=ast.Name(id=function), args=args):
            known = len(args) == 1 and _is_known(args[0])
            inner_args = args[0].args if known else args  # type: ignore[attr-defined]
            if function == "change_from_base":
                name = inner_args[0].id  # type: ignore[attr-defined]
                change = r.call("ratio", [r.name(name), r.name("base." + name)], False)
                return r.arithmetic("-", change, r.number(Decimal(1)))
            return r.call(function, [_walk(text, a, r) for a in inner_args], known)
    raise AssertionError(node)


_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)


_NINE = Decimal(1).scaleb(-PLACES)


def _rounded(value: Decimal | Fraction | int) -> Decimal | Fraction:
    """A side of a comparison, rounded to nine places half-even; a Decimal that has no more is left as it is."""
    if isinstance(value, Decimal):
        return value if value.as_tuple().exponent >= -PLACES else value.quantize(_NINE, context=_CONTEXT)  # type: ignore[operator]
    return Fraction(round(Fraction(value) * 10**PLACES), 10**PLACES)


def _pair(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides in one kind of number: Decimals if both are, else exact rationals."""
    a, b = _rounded(left), _rounded(right)
    return (a, b) if isinstance(a, Decimal) and isinstance(b, Decimal) else (Fraction(a), Fraction(b))


class Value:
    """One return's answers, or exact sums: Decimal, True, False or None (unknown).

    ``places`` 9: ratios are rounded to nine places as the Column reading does. ``places`` None: everything is exact
    rational arithmetic (``Fraction``), for indicators over sums.
    """

    def __init__(self, answers: Mapping[str, Any], *, places: int | None = PLACES) -> None:
        self.answers, self.places = answers, places

    def _as(self, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        return Fraction(value) if self.places is None else value

    def number(self, value: Decimal) -> Any:
        return self._as(value)

    def name(self, name: str) -> Any:
        if name not in self.answers:
            raise KeyError(name)
        return self._as(self.answers[name])

    def negative(self, value: Any) -> Any:
        return None if value is None else -value

    def arithmetic(self, op: str, left: Any, right: Any) -> Any:
        if left is None or right is None:
            return None
        if self.places is None:
            return left + right if op == "+" else left - right if op == "-" else left * right
        left, right = Decimal(left), Decimal(right)
        do = {"+": _CONTEXT.add, "-": _CONTEXT.subtract, "*": _CONTEXT.multiply}[op]
        return do(left, right)

    def compare(self, op: str, left: Any, right: Any) -> bool | None:
        if left is None or right is None:
            return None
        return COMPARE[op](*_pair(left, right))

    def logic(self, op: str, parts: Sequence[bool | None]) -> bool | None:
        decisive = op == "or"
        if any(p is decisive for p in parts):
            return decisive
        return None if any(p is None for p in parts) else not decisive

    def negate(self, part: bool | None) -> bool | None:
        return None if part is None else not part

    def call(self, function: str, parts: Sequence[Any], known: bool) -> Any:
        if function == "missing":
            return parts[0] is None
        if known:
            parts = [p for p in parts if p is not None]
        if not parts or any(p is None for p in parts):
            return None
        if function == "abs":
            return abs(parts[0])
        if function == "ratio":
            if not parts[1]:
                return None
            exact = Fraction(parts[0]) / Fraction(parts[1])
            if self.places is None:
                return exact
            return _CONTEXT.scaleb(Decimal(round(exact * 10**self.places)), -self.places)
        if function == "total":
            total = parts[0]
            for p in parts[1:]:
                total = self.arithmetic("+", total, p)
            return total
        return min(parts) if function == "min" else max(parts)


class _Steps:
    """The Value reading unrolled once: each piece becomes a function of the answers. Same semantics, by construction."""

    def __init__(self) -> None:
        self.value = Value({})

    def number(self, value: Decimal) -> Any:
        return lambda answers: value

    def name(self, name: str) -> Any:
        return lambda answers: answers[name]

    def negative(self, value: Any) -> Any:
        return lambda answers: self.value.negative(value(answers))

    def arithmetic(self, op: str, left: Any, right: Any) -> Any:
        return lambda answers: self.value.arithmetic(op, left(answers), right(answers))

    def compare(self, op: str, left: Any, right: Any) -> Any:
        return lambda answers: self.value.compare(op, left(answers), right(answers))

    def logic(self, op: str, parts: Sequence[Any]) -> Any:
        return lambda answers: self.value.logic(op, [p(answers) for p in parts])

    def negate(self, part: Any) -> Any:
        return lambda answers: self.value.negate(part(answers))

    def call(self, function: str, parts: Sequence[Any], known: bool) -> Any:
        return lambda answers: self.value.call(function, [p(answers) for p in parts], known)


@functools.lru_cache(maxsize=4096)
def compiled(text: str) -> Any:
    """A formula as a function of its answers, for judging many returns: the same as ``read(text, Value(answers))``."""
    return read(text, _Steps())


class Needs:
    """The names a formula reads: what to load, what a change touches."""

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


_PREFIX_WORDS = {"last_year": T("去年同期", "last year's "), "last_month": T("上月", "last month's "), "base": T("基期", "base "),
                 "body": T("单位", "the body's "), "threshold": T("核对线", "threshold ")}
_SIGNS = {"*": "×", "-": "−", "<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}


class Words:
    """A formula as people read it: 能源消费总量 ÷ 建筑面积. Both languages; labels name the items."""

    def __init__(self, labels: Mapping[str, T]) -> None:
        self.labels = labels

    @staticmethod
    def _join(template_zh: str, template_en: str, parts: Sequence[T]) -> T:
        zh = template_zh.replace("§", "{}").format(*[p.zh for p in parts])
        en = template_en.replace("§", "{}").format(*[p.en for p in parts])
        return _plain(zh, en)

    def number(self, value: Decimal) -> T:
        return _plain(f"{value:f}", f"{value:f}")

    def name(self, name: str) -> T:
        prefix, _, rest = name.rpartition(".")
        label = self.labels.get(name) or self.labels.get(rest) or _plain(rest, rest)
        if not prefix:
            return _plain(label.zh, label.en)
        before = _PREFIX_WORDS[prefix]
        return _plain(before.zh + label.zh, before.en + label.en)

    def negative(self, value: T) -> T:
        return self._join("−§", "−§", [value])

    def arithmetic(self, op: str, left: T, right: T) -> T:
        sign = _SIGNS.get(op, op)
        if op == "*":
            left, right = _bracket(left), _bracket(right)
        return self._join(f"§ {sign} §", f"§ {sign} §", [left, right])

    def compare(self, op: str, left: T, right: T) -> T:
        sign = _SIGNS.get(op, op)
        return self._join(f"§ {sign} §", f"§ {sign} §", [left, right])

    def logic(self, op: str, parts: Sequence[T]) -> T:
        zh, en = (" 且 ", " and ") if op == "and" else (" 或 ", " or ")
        return _plain(zh.join(p.zh for p in parts), en.join(p.en for p in parts))

    def negate(self, part: T) -> T:
        return self._join("不是（§）", "not (§)", [part])

    def call(self, function: str, parts: Sequence[T], known: bool) -> T:
        if function == "ratio":
            return self._join("§ ÷ §", "§ ÷ §", [_bracket(parts[0]), _bracket(parts[1])])
        if function == "missing":
            return self._join("§未填", "§ not answered", parts)
        zh = {"total": "合计", "abs": "绝对值", "min": "最小", "max": "最大"}[function]
        known_zh, known_en = ("（只算已填）", " of those answered") if known else ("", "")
        return _plain(f"{zh}{known_zh}（{'、'.join(p.zh for p in parts)}）", f"{function}{known_en}({', '.join(p.en for p in parts)})")


def _plain(zh: str, en: str) -> T:
    return T(zh, en)


def _bracket(text: T) -> T:
    return _plain(f"（{text.zh}）", f"({text.en})") if " " in text.zh else text


def truth_table() -> list[tuple[str, dict[str, Answer], Answer]]:
    """Formula, operands and answer for every combination of true, false and unknown, and for gaps in arithmetic.

    ``t`` is written as ``1 > 0``, ``f`` as ``0 > 1`` and ``u`` as ``x > 0`` with x not answered.
    """
    words = {"t": "1 > 0", "f": "0 > 1", "u": "x > 0"}
    x: dict[str, Answer] = {"x": None, "y": Decimal(2)}
    rows: list[tuple[str, dict[str, Answer], Answer]] = []
    texts = [f"({words[a]}) {op} ({words[b]})" for op in ("and", "or") for a in words for b in words]
    texts += [f"not ({words[a]})" for a in words]
    texts += ["x + y", "y - x", "x * y", "x < y", "x == x", "missing(x)", "missing(y)", "ratio(y, x)", "ratio(y, 0)",
              "total(x, y)", "total(known(x, y))", "min(x, y)", "min(known(x, y))", "max(x, y)", "max(known(x, y))",
              "total(known(x, x))", "abs(x)", "0 < y < 3", "0 < x < 3", "3 < y < x", "0 * x"]
    for text in texts:
        rows.append((text, x, read(text, Value(x))))
    return rows
