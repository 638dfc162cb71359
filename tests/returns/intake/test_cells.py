"""Single cells: what is a number, a code, a date, a period, and what is not and is therefore not guessed (U5)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieneng.core.amount import stored
from jieneng.returns.intake import cells as c
from jieneng.returns.intake.fields import fitted


@pytest.mark.parametrize(("cell", "value"), [
    ("t1234.5", "1234.5"), ("t1,234.5", "1234.5"), ("t12,345,678", "12345678"), ("t１２３", "123"), ("t１，２３４．５", "1234.5"),
    ("t 12 ", "12"), ("t\u300012\u00a0", "12"), ("t\u200b12\ufeff", "12"), ("t-5", "-5"), ("t−5", "-5"), ("t－５", "-5"), ("t+5", "5"),
    ("t.5", "0.5"), ("t5.", "5"), ("t1e3", "1000"), ("t-0", "0"), ('t="0012"', "12"), ("t'-5", "-5"), ("n0.1", "0.1"), ("n1e-07", "1e-7"),
    ("t0.1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890")])
def test_numbers_are_exact(cell: str, value: str) -> None:
    assert c.number(cell) == Decimal(value)


@pytest.mark.parametrize(("cell", "code"), [
    ("t1.2万", "cell-number"), ("t12万", "cell-number"), ("t约300", "cell-number"), ("t30kWh", "cell-number"), ("t1 234", "cell-number"),
    ("t1.234,5", "cell-number"), ("t1,23", "cell-number"), ("t12,34,567", "cell-number"), ("t１２，３", "cell-number"), ("t5%", "cell-number"),
    ("t(5)", "cell-number"), ("t--5", "cell-number"), ("t1/2", "cell-number"), ("tNaN", "cell-number"), ("tinf", "cell-number"),
    ("t十二", "cell-number"), ("t0x10", "cell-number"), ("t1_000", "cell-number"), ("t٣", "cell-number"), ("t²", "cell-number"),
    ("t1e400", "magnitude"), ("t1e999", "magnitude"), ("t1e-400", "magnitude"), ("n1e+16", "magnitude"), ("t" + "9" * 40, "magnitude"),
    ("t0." + "1" * 100, "magnitude"), ("t99999999999999999.9", "magnitude"),
    ("e#DIV/0!", "cell-error"), ("f", "formula-uncalculated"), ("u", "cell-nul"), ("b1", "cell-type"), ("h12:00:00", "cell-type"),
    ("d2022-03-01", "cell-date")])
def test_what_is_not_plainly_a_number_is_not_guessed(cell: str, code: str) -> None:
    with pytest.raises(c.Fault) as fault:
        c.number(cell)
    assert fault.value.code == code


@given(st.text(max_size=40), st.sampled_from("tnbdhefu"))
def test_any_cell_is_a_number_or_a_fault(text: str, kind: str) -> None:
    if kind in "nd":
        return  # only what the child writes stands there
    try:
        assert c.number(kind + text).is_finite()
    except c.Fault as fault:
        assert str(fault.found)


@given(st.decimals(-10**11, 10**11, places=6))
def test_any_ordinary_number_comes_back_however_it_is_written(value: Decimal) -> None:
    assert c.number(f"t{value}") == value
    assert c.number(f"t {value:,} ") == value
    assert c.number("t" + f"{value:f}".translate(str.maketrans("0123456789.-", "０１２３４５６７８９．－"))) == value


@pytest.mark.parametrize(("cell", "scheme", "code"), [
    ("t12341800MB1234567X", "uscc", "12341800MB1234567X"), ("t１２３４１８００mb1234567x ", "uscc", "12341800MB1234567X"),
    ("t\t0012", "platform", "0012"), ('t="0012"', "platform", "0012"), ("n12", "platform", "12"), ("tA-7 b", "platform", "A-7 b"), ("", "uscc", "")])
def test_codes(cell: str, scheme: str, code: str) -> None:
    assert c.identifier(cell, scheme) == code


@pytest.mark.parametrize(("cell", "code"), [
    ("n1.2341800123456789e+17", "identifier-eaten"), ("n1234567890123456", "identifier-eaten"), ("t1.23418E+17", "identifier-eaten"),
    ("n1.5", "identifier-eaten"), ("d2022-03-01", "identifier-type"), ("b1", "identifier-type"), ("e#N/A", "cell-error"),
    ("t" + "1" * 65, "identifier-long")])
def test_codes_that_a_spreadsheet_has_spoilt(cell: str, code: str) -> None:
    with pytest.raises(c.Fault) as fault:
        c.identifier(cell, "uscc")
    assert fault.value.code == code


@pytest.mark.parametrize(("cell", "text"), [
    ("t示例\n小学", "示例小学"), ("t示例 \r\n 小学", "示例小学"), ("tOne\nParkway", "One Parkway"), ("t'=1+1", "=1+1"), ("t'@x", "@x"),
    ("t'普通", "'普通"), ("t＝1", "＝1"), ("t'＝1", "＝1"), ("t𠮷䶮", "𠮷䶮"), ("t a  b ", "a  b"), ("t\u202eabc", "\u202eabc"), ("t\ufeffabc\u200b ", "abc"), ("t<b>", "<b>")])
def test_texts_are_kept(cell: str, text: str) -> None:
    assert c.text_of(cell) == text


@pytest.mark.parametrize(("cell", "formats", "of", "period"), [
    ("t2022", (), "", "2022"), ("n2022", (), "", "2022"), ("t2022年", (), "", "2022"), ("t2022年度", (), "", "2022"), ("t2022-03", (), "", "2022-03"),
    ("t2022/3", (), "", "2022-03"), ("t2022年3月", (), "", "2022-03"), ("t２０２２年０３月", (), "", "2022-03"), ("t2022 年 3 月份", (), "", "2022-03"),
    ("n202212", (), "", "2022-12"), ("d2022-03-31", (), "", "2022-03"), ("d2015-12-31T00:00:00", (), "year", "2015"),
    ("t12/31/2015", ("MM/DD/YYYY",), "year", "2015"), ("n44621", ("excel-serial",), "", "2022-03"), ("t2022.3", ("YYYY.M",), "", "2022-03")])
def test_periods(cell: str, formats: tuple[str, ...], of: str, period: str) -> None:
    assert str(c.period(cell, formats, of, False)) == period


@pytest.mark.parametrize(("cell", "formats"), [
    ("n44621", ()), ("t2022-13", ()), ("t2022年13月", ()), ("t202", ()), ("t22-03", ()), ("t三月", ()), ("n2022.1", ()), ("t1066", ()),
    ("t2022-3-99", ("YYYY-M-D",)), ("n12", ("excel-serial",)), ("e#N/A", ()), ("f", ()), ("d2022-03-01", ("YYYY-MM",))])
def test_what_is_no_period(cell: str, formats: tuple[str, ...]) -> None:
    with pytest.raises(c.Fault):
        c.period(cell, formats, "", False)


def test_dates_and_day_numbers() -> None:
    for cell in ("d2022-03-18", "t2022-3-18", "t2022/03/18", "t2022年3月18日", "t2022.3.18", "n20220318", "t20220318"):
        assert c.date(cell, (), False) == dt.date(2022, 3, 18)
    assert c.date("t2022年3月", ("YYYY年M月",), False) == dt.date(2022, 3, 1)
    assert c.date("n44638", ("date", "excel-serial"), False) == dt.date(2022, 3, 18)
    assert c.date("n43176", ("excel-serial",), True) == dt.date(2022, 3, 18)
    for cell in ("t2022-02-30", "n44638", "t明天", ""):
        with pytest.raises(c.Fault):
            c.date(cell, (), False)


def test_truths() -> None:
    assert [c.truth(f"t{x}") for x in ("是", "否", "TRUE", "0", "√", "×")] == [True, False, True, False, True, False]
    assert c.truth("b1") is True
    with pytest.raises(c.Fault):
        c.truth("t大概")


@given(st.one_of(st.decimals(-2 * 10**12, 2 * 10**12), st.decimals(-10, 10, places=4), st.decimals(-10**11, 10**11, places=5)),
       st.sampled_from([Fraction(1), Fraction(10000), Fraction(2500, 9)]))
def test_amounts_are_fitted_as_core_stores_them(value: Decimal, factor: Fraction) -> None:
    try:
        expected: tuple[Decimal, bool] | None = stored(Fraction(value) * factor)
    except ValueError:
        expected = None
    try:
        got = fitted(value, factor)
    except ValueError:
        assert expected is None
    else:
        assert got == expected and str(got[0]) == str(expected[0] + 0), (got, expected)


def test_matching_ignores_width_case_spaces_and_breaks() -> None:
    assert c.norm("用电量\n（千瓦时）") == c.norm("用电量 (千瓦时)") == c.norm("用电量(千瓦时)\u200b")
    assert c.norm("Electricity(KBTU)") == c.norm("electricity (kBtu)") and c.norm("甲") != c.norm("乙")
