"""Credit codes: wrong ones told in words, right ones let through (GB 32100—2015)."""

import csv

import pytest

from jieneng.registry.credit_code import ALPHABET, check_digit, fault
from tests.shared import shared


def test_the_offices_own_code_is_right_though_its_division_is_another() -> None:
    assert fault("1234170048628740X7") is None


@pytest.mark.parametrize("first", ["A", "N", "Y"])
def test_codes_that_begin_with_a_letter_are_valid(first: str) -> None:
    code17 = first + "234170048628740X"
    assert fault(code17 + check_digit(code17)) is None


@pytest.mark.parametrize("place", range(18))
def test_one_wrong_character_is_found_anywhere(place: int) -> None:
    good = "1234170048628740X7"
    for c in ALPHABET:
        if c != good[place]:
            assert fault(good[:place] + c + good[place + 1:]) is not None


def test_length_and_letters_are_named() -> None:
    assert "17" in str(fault("1234170048628740X"))
    assert "I" in str(fault("I234170048628740X7"))


def test_real_and_false_codes_met_in_public() -> None:
    path = shared("data/uscc-real-a/uscc_public_institutions_a.csv")
    with open(path, encoding="utf-8-sig", newline="") as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == 31
    for row in rows:
        real = row["uscc_check_digit_ok"] == "true" and row["org_code_check_ok"] == "true"
        assert (fault(row["code"]) is None) == real, row


def test_a_code_right_by_chance_is_still_false() -> None:
    assert check_digit("12345678901234567") == "8"
    assert "9" in str(fault("123456789012345678"))
