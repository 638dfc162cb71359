"""The formula language in core: what may be said, what it means for one return, what it needs, how it reads."""

from __future__ import annotations

import ast
import pickle
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jieneng.core.amount import LIMIT, PLACES
from jieneng.core.formula import (
    AMOUNT,
    FUNCTIONS,
    STORED,
    TRUTH_ANSWERS,
    TRUTH_CASES,
    WHOLE,
    Extent,
    Extents,
    FormulaError,
    Needs,
    Value,
    Words,
    is_truth,
    parse,
    read,
    truth_table,
)
from jieneng.core.words import T, speaking

from .formulas import NAMES, answers, conditions, numbers

D = Decimal


# -- meaning -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("text", "answer"), TRUTH_CASES)
def test_value_follows_the_truth_table(text: str, answer: object) -> None:
    found = read(text, Value(TRUTH_ANSWERS))
    assert found == answer and (found is answer or isinstance(found, Decimal))
    exact = read(text, Value(TRUTH_ANSWERS, places=None))
    assert exact == answer and not isinstance(exact, Decimal)


def test_truth_table_names_every_function_and_all_nine_pairs() -> None:
    texts = [text for text, _ in TRUTH_CASES]
    assert all(any(f + "(" in text for text in texts) for f in FUNCTIONS)
    assert len({t for t in texts if " and " in t}) == 9 and len({t for t in texts if " or " in t and "missing" not in t}) == 9


def test_printed_truth_table_is_the_generated_one() -> None:
    page = Path(__file__).parents[2] / "docs" / "truth-table.md"
    assert page.read_text(encoding="utf-8") == truth_table()


def test_bounds_are_those_of_stored_amounts() -> None:
    assert LIMIT == 10**WHOLE and PLACES == STORED and Extent(int(LIMIT) * 10**PLACES - 1, PLACES) == AMOUNT


def test_exactly_on_a_threshold() -> None:
    """A change of exactly 30 %: binary floats misjudge many of the 1,596; the language none."""
    by_floats = 0
    for tenths in range(1, 1597):
        before = D(tenths) / 10
        now = before * D("1.3")
        assert read("abs(ratio(a, b) - 1) <= 0.3", Value({"a": now, "b": before})) is True
        assert read("abs(ratio(a, b) - 1) < 0.3", Value({"a": now, "b": before})) is False
        assert read("abs(ratio(a, b) - 1) <= 0.3", Value({"a": now, "b": before}, places=None)) is True
        assert read("abs(ratio(a, b) - 1) <= 0.3", Value({"a": now + D("0.0001"), "b": before})) is False
        by_floats += abs(float(now) / float(before) - 1) > 0.3
    assert by_floats > 400


@given(st.integers(10**11, 10**16 // 2 - 1), st.integers(10**11, 10**16 // 2 - 1), st.integers(-1, 1))
def test_sums_are_exact_at_any_magnitude(a: int, b: int, off: int) -> None:
    given_ = {"a": D(a).scaleb(-4), "b": D(b).scaleb(-4), "c": D(a + b + off).scaleb(-4)}
    assert read("a + b == c", Value(given_)) is (off == 0)
    assert read("c - b - a == 0", Value(given_)) is (off == 0)


@pytest.mark.parametrize(("over", "under", "ratio"), [
    ("1", "3", "0.333333333"), ("-1", "3", "-0.333333333"), ("2", "3", "0.666666667"),
    ("0.0001", "200000", "0.000000001"), ("-0.0001", "200000", "-0.000000001"),  # a tie goes away from zero
    ("0.0001", "200000.0001", "0.000000000"), ("999999999999.9999", "1", "999999999999.999900000"),
    ("999999999999.9999", "0.9999", None), ("-999999999999.9999", "0.5", None), ("5", "0", None),
])
def test_ratio_has_nine_places_and_a_bound(over: str, under: str, ratio: str | None) -> None:
    found = read("ratio(a, b)", Value({"a": D(over), "b": D(under)}))
    assert found == (None if ratio is None else D(ratio)) and (ratio is None or str(found) == str(D(ratio)))


@pytest.mark.parametrize("places", [9, None])
def test_both_sides_of_a_comparison_are_rounded_to_nine_places(places: int | None) -> None:
    reading = Value({"a": D("0.0001"), "b": D("-0.0001")}, places=places)
    assert read("a * a * 0.05 == 0.000000001", reading) is True, "a tie goes away from zero"
    assert read("a * b * 0.05 == -0.000000001", reading) is True
    assert read("a * a * 0.04 == 0", reading) is True
    assert read("a * a * 0.05 > 0.000000001", reading) is False


def test_exact_reading_keeps_rationals_without_bound() -> None:
    assert read("ratio(a, b)", Value({"a": Fraction(10**20), "b": D(3)}, places=None)) == Fraction(10**20, 3)
    assert read("a * b", Value({"a": Fraction(1, 3), "b": 3}, places=None)) == 1
    assert read("ratio(1, 3) == 0.333333333", Value({}, places=None)) is True, "comparisons look at nine places"


def test_value_takes_what_an_answer_can_be() -> None:
    assert read("a + b", Value({"a": Fraction(1, 3), "b": 2})) == D("2.333333333")
    assert read("body.metered == 1", Value({"body.metered": True})) is True
    for bad in (0.1, D("NaN"), D("Infinity")):
        with pytest.raises(TypeError, match="expected a finite"):
            read("a", Value({"a": bad}))  # type: ignore[dict-item]


def test_change_from_base_reads_the_base() -> None:
    assert read("change_from_base(e)", Value({"e": D(94), "base.e": D(100)})) == D("-0.06")
    assert read("change_from_base(e)", Needs()) == {"e", "base.e"}


@given(numbers().filter(lambda t: _ok(t)), answers())
@settings(max_examples=300, deadline=None)
def test_value_agrees_with_plain_arithmetic(text: str, given_: dict[str, Decimal | None]) -> None:
    """Without ratios, a number is what Python's own fractions make of the same text."""
    if "ratio" in text or "change" in text:
        return
    gaps = [n for n in read(text, Needs()) if given_[n] is None]
    found = read(text, Value(given_))
    if gaps and "known" not in text:
        assert found is None
    if not gaps:
        assert Fraction(found) == _plainly(ast.parse(text, mode="eval").body, given_)


def _ok(text: str) -> bool:
    try:
        return parse(text) is not None
    except FormulaError:
        return False


def _plainly(node: ast.AST, given_: dict[str, Decimal | None]) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    if isinstance(node, (ast.Name, ast.Attribute)):
        value = given_[ast.unparse(node)]
        assert value is not None
        return Fraction(value)
    if isinstance(node, ast.UnaryOp):
        return -_plainly(node.operand, given_)
    if isinstance(node, ast.BinOp):
        a, b = _plainly(node.left, given_), _plainly(node.right, given_)
        return a + b if isinstance(node.op, ast.Add) else a - b if isinstance(node.op, ast.Sub) else a * b
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if node.func.id == "known":
        raise AssertionError("handled by its caller")
    args = node.args
    if len(args) == 1 and isinstance(args[0], ast.Call) and getattr(args[0].func, "id", "") == "known":
        args = args[0].args
    parts = [_plainly(a, given_) for a in args]
    return {"total": sum, "min": min, "max": max, "abs": lambda p: abs(p[0])}[node.func.id](parts)  # type: ignore[operator,return-value]


@given(conditions(), answers())
@settings(max_examples=300, deadline=None)
def test_more_answers_never_turn_a_verdict_round(text: str, given_: dict[str, Decimal | None]) -> None:
    """Kleene: what is decided with a gap stays decided when the gap is filled (apart from missing and known)."""
    if "missing" in text or "known" in text:
        return
    verdict = read(text, Value(given_))
    if verdict is not None:
        filled = {n: D(7) if v is None else v for n, v in given_.items()}
        assert read(text, Value(filled)) is verdict


# -- what may be said ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("text", "column", "word"), [
    ("a / b > 1", 3, "ratio"), ("a ÷ b", 3, "ratio"), ("a = b", 3, "=="), ("a > 30%", 7, "0.3"), ("a > '030'", 5, "quotes"),
    ("a （b）", 3, "plain"), ("a ≥ 1", 3, "plain"), ("  a $ b", 5, "“$ b”"), ("1e5 > a", 1, "1e5"), ("a > 0x10", 5, "0x10"),
    ("a > 1_000", 5, "1_000"), (".5 > a", 1, "number"), ("a > 1234567890123", 5, "12"), ("a > 0.1234567891", 5, "9"),
    ("a ** 2 > 1", 1, "not in the language"), ("a if b > 1 else c", 1, "not in the language"), ("a > None", 5, "not in the language"),
    ("a > True", 5, "not in the language"), ("+a", 1, "not in the language"), ("a is b", 1, "not in the language"),
    ("(a, b)", 1, "not in the language"), ("total(*a)", 7, "not in the language"), ("await a", 1, "not in the language"),
    ("a and b", 1, "condition"), ("  a + (b > 1)", 8, "number"), ("not a", 5, "condition"), ("(a > b) > c", 2, "number"),
    ("missing(a > 1)", 1, "one name"), ("missing(3)", 1, "one name"), ("change_from_base(last_year.a)", 1, "plain name"),
    ("known(a)", 1, "total(known"), ("total(known(a), b)", 7, "total(known"), ("abs(known(a))", 5, "total(known"),
    ("sum(a)", 1, "no such function"), ("min()", 1, "1 to 60"), ("ratio(a)", 1, "2 to 2"), ("ratio(a, b, c)", 1, "2 to 2"),
    ("a.b > 1", 1, "last_year"), ("last_year.a.b", 1, "last_year"), ("a().b", 1, "before a dot"), ("total > 1", 1, "no name"),
    ("last_year > 1", 1, "no name"), ("a >", 4, "brackets"), ("((a)", 1, "brackets"), ("", 1, "brackets"), ("   ", 1, "brackets"),
    ("a b", 3, "brackets"), ("lambda", 7, "brackets"), ("a\nb", 3, "brackets"), ("a * b * c > 0", 1, "38"),
    ("0 < ratio(a * b, c * d)", 5, "38"), ("min(" * 7 + "a" + ")" * 7, 29, "deep"), ("-" * 31 + "a", 32, "deep"),
    ("a + " * 40 + "a", 1, "deep"), ("(" * 250 + "a", 201, "brackets"), ("a" * 2001, 1, "2000"),
    ("total(" + ", ".join("a" * 61) + ")", 1, "60"), ("-" * 1900 + "a", 1, "too long"),
])
def test_each_fault_is_told_with_its_place(text: str, column: int, word: str) -> None:
    with pytest.raises(FormulaError) as caught, speaking("en"):
        try:
            read(text, Needs())
        except FormulaError as error:
            message = str(error)
            assert word in message and f"column {error.column}" in message
            raise
    error = caught.value
    assert error.text == text and error.column == column
    assert "第" in str(error) and error.found.say("zh") and error.do.say("zh")


def test_errors_travel_between_processes() -> None:
    with pytest.raises(FormulaError) as caught:
        parse("a / b")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value) and copy.column == 3


def test_an_unknown_name_is_told_with_its_place() -> None:
    with pytest.raises(FormulaError) as caught:
        read("a + bb > 1", Value({"a": D(1)}))
    assert caught.value.column == 5 and "bb" in str(caught.value)


PIECES = st.sampled_from([*FUNCTIONS, *NAMES, "(", ")", ",", ".", "+", "-", "*", "/", "<", "<=", "==", "=", "!=", " ", "and", "or",
                          "not", "1", "0.5", "1e9", "None", "lambda", "if", "else", ":", "[", "{", "}", "'", "\n", "\t", "\0", "，",
                          "é", "x", "**", "in", "is", "await", "yield", "_", "f'{x}'", "\\", "#", "\u2028", "１"])


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join), st.lists(PIECES, max_size=25).map(" ".join)))
@example("(" * 150 + "a" + ")" * 150)
@example("not " * 450 + "a > 1")
@example("9" * 1990)
@example("a" + ".a" * 900)
@example("total(" * 300 + "a" + ")" * 300)
@example("a < " * 390 + "a")
@settings(max_examples=2000, deadline=None)
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        needs = read(text, Needs())
    except FormulaError as error:
        assert error.column >= 1 and str(error) and error.do.say("en")
        with pytest.raises(FormulaError):
            is_truth(text)
        return
    assert is_truth(text) in (True, False)
    assert read(text, Value(dict.fromkeys(needs))) in (None, True, False) or not needs or "known" not in text
    assert str(read(text, Words({})))


# -- width ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", [
    "a * b", "a * b * 0.001", "ratio(a * b, c)", "ratio(a, b) * c", "ratio(a, b * c)", "a * b <= 0.3 * c * d", "a * 1000000 * 1000000",
    "ratio(a * 1000, b) <= 100 * ratio(c, d)", "total(a, b, c) * a", "ratio(ratio(a, b), ratio(c, d))",
])
def test_what_people_write_is_let_through(text: str) -> None:
    assert parse(text)


@pytest.mark.parametrize("text", ["a * b * c", "ratio(a, b) * ratio(c, d)", "ratio(a * b, c * d)", "a * b == ratio(c, d) * a * 100"])
def test_what_may_overflow_is_refused(text: str) -> None:
    with pytest.raises(FormulaError, match="38"):
        parse(text)


@given(numbers().filter(_ok), answers())
@settings(max_examples=400, deadline=None)
def test_no_number_is_larger_than_its_extent(text: str, given_: dict[str, Decimal | None]) -> None:
    extent, found = read(text, Extents()), read(text, Value(given_))
    if found is not None:
        units = Fraction(found) * 10**extent.places
        assert units.denominator == 1 and abs(units) <= extent.most


# -- needs and words ------------------------------------------------------------------------------------------------------

@given(st.one_of(numbers().filter(_ok), conditions()))
@settings(max_examples=300, deadline=None)
def test_needs_are_the_names_written_and_words_show_their_labels(text: str) -> None:
    names = {n for n in re.findall(r"[a-z_]+\.?[a-z_]*", text) if n in NAMES}
    if "change_from_base" in text:
        names |= {"a", "base.a"}
    assert read(text, Needs()) == names
    labels = {n: T(f"项目{i}号", f"item no {i}") for i, n in enumerate(NAMES)}
    said = read(text, Words(labels))
    for n in names:
        assert labels[n].zh in said.zh and labels[n].en in said.en


@pytest.mark.parametrize(("text", "zh", "en"), [
    ("ratio(energy, area) <= 30", "能耗 ÷ 面积 ≤ 30", "energy ÷ area ≤ 30"),
    ("ratio(energy * 1000, area)", "（能耗 × 1000） ÷ 面积", "(energy × 1000) ÷ area"),
    ("area - (energy - 1)", "面积 − （能耗 − 1）", "area − (energy − 1)"),
    ("area - energy - 1", "面积 − 能耗 − 1", "area − energy − 1"),
    ("(area + 1) * energy", "（面积 + 1） × 能耗", "(area + 1) × energy"),
    ("-(area + 1)", "−（面积 + 1）", "−(area + 1)"),
    ("(area > 1 or energy > 1) and missing(area)", "（面积 > 1 或 能耗 > 1） 且 面积未填", "(area > 1 or energy > 1) and area not answered"),
    ("not area == 1", "不是（面积 = 1）", "not (area = 1)"),
    ("0 < area < 5", "0 < 面积 且 面积 < 5", "0 < area and area < 5"),
    ("total(known(area, energy)) != 0", "合计（只算已填）（面积、能耗） ≠ 0", "total of those answered(area, energy) ≠ 0"),
    ("last_year.area > other", "去年同期面积 > other", "last year's area > other"),
    ("change_from_base(energy)", "能耗 ÷ 基期能耗 − 1", "energy ÷ base energy − 1"),
    ("threshold.up", "涨幅上限", "ceiling"),
])
def test_words(text: str, zh: str, en: str) -> None:
    labels = {"energy": T("能耗", "energy"), "area": T("面积", "area"), "threshold.up": T("涨幅上限", "ceiling")}
    said = read(text, Words(labels))
    assert (said.zh, said.en) == (zh, en)


def test_words_keep_braces_and_arguments_of_labels() -> None:
    said = read("a + b", Words({"a": T("用{x}", "use {x}", x="电"), "b": T("{花}", "{b}")}))
    assert (str(said), said.say("en")) == ("用电 + {花}", "use 电 + {b}")
