"""Amounts: rounded as records keep them, and typed numbers read within their bound in a bounded time."""

from __future__ import annotations

import tracemalloc
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieneng.core.amount import LIMIT, stored, typed_amount
from jieneng.core.problem import Refused

HUGE = ("0E-300000000", "1E-300000000", "1E300000000", "-1e9999999", "9" * 5000, "0." + "0" * 5000 + "1")


@given(st.decimals(min_value=-LIMIT + 1, max_value=LIMIT - 1, allow_nan=False, allow_infinity=False, places=9))
def test_a_decimal_is_stored_as_its_rational_would_be(value: Decimal) -> None:
    assert stored(value) == stored(Fraction(value))
    assert str(stored(value)[0]) == str(stored(Fraction(value))[0])


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1000000000000", "-1E12", "1E300000000"])
def test_what_is_not_finite_or_not_below_the_bound_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        stored(Decimal(text))


def test_a_monstrous_exponent_takes_no_room() -> None:
    tracemalloc.start()
    for text in HUGE:
        try:
            stored(Decimal(text))
        except ValueError as error:
            assert "10¹²" in str(error) 
        for least in (Decimal(0), None):
            if text != "0E-300000000":
                with pytest.raises(Refused):
                    typed_amount(text, least=least)
    assert typed_amount("0E-300000000") == 0 and f"{typed_amount('0E-300000000'):f}" == "0"
    assert stored(Decimal("1E-300000000")) == (0, True) and stored(Decimal("0E-300000000")) == (0, False)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2_000_000, most


@pytest.mark.parametrize(("text", "value"), [
    ("2631000", "2631000"), (" 2,631,000.50 ", "2631000.5"), ("２６３１０００．５", "2631000.5"), ("1，234", "1234"), ("1.2E5", "120000"), (".5", "0.5"),
    ("5.", "5"), ("-0", "0"), ("007", "7"), ("1.20000000", "1.2"), ("999999999999.9999", "999999999999.9999")])
def test_a_number_is_read_as_people_type_it(text: str, value: str) -> None:
    assert f"{typed_amount(text):f}" == value


@pytest.mark.parametrize(("text", "code"), [
    ("", "number"), ("x", "number"), ("1_000", "number"), ("1,5", "number"), ("1.2万", "number"), ("NaN", "number"), ("Infinity", "number"), (".", "number"), ("e5", "number"),
    ("1 2 3 . 4 . 5", "number"), ("½", "number"), ("²x", "number"), ("1000000000000", "large"), ("1E12", "large"), ("0.00001", "places"), ("-1", "least")])
def test_what_is_no_amount_is_refused_at_its_field(text: str, code: str) -> None:
    with pytest.raises(Refused) as told:
        typed_amount(text, field="value")
    one, = told.value.problems
    assert one.code == f"amount.{code}" and one.where.field == "value" and one.expected and one.do


@given(st.decimals(min_value=-10**11, max_value=10**11, places=4))
def test_what_is_written_out_is_read_back(value: Decimal) -> None:
    read = typed_amount(f"{value:,f}", least=None)
    assert read == value and str(read) == f"{read:f}" and read == read.quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
