"""What machine rooms and heating sources add up to and how they are judged, without a database; and what a book may say of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jieneng.core.problem import Refused
from jieneng.returns.parts import (
    Part,
    changed,
    changes,
    closing,
    examine,
    form_of,
    number_of,
    part_forms,
    read_parts,
    stored,
    sum_of,
    year_of_answers,
)
from jieneng.rulebook import form_for, load

BOOK = load("cn")
FORMS = {f.code: f for f in part_forms(BOOK, "consumption", 2022)}
MAIN = form_for(BOOK, "consumption", 2022)
AMOUNTS = st.none() | st.decimals(min_value=0, max_value=10**9, places=4)


def test_which_forms_are_parts_and_of_which_return() -> None:
    assert list(FORMS) == ["data_centre", "heating"] and part_forms(BOOK, "heating", 2022) == ()
    assert closing(["2022-01", "2022-11", "2022-12"]) == "2022-12" and closing(["2022"]) == "2022" and closing([]) == ""
    assert (form_of("data_centre-12"), number_of("data_centre-12"), form_of("heating")) == ("data_centre", 12, "heating")


@settings(max_examples=60, deadline=None)
@given(st.lists(AMOUNTS, min_size=1, max_size=4))
def test_a_sum_over_parts_is_whole_or_unknown_and_storing_loses_nothing(values: list[Decimal | None]) -> None:
    parts = [Part(f"data_centre-{n}", f"机房{n}", {i.item: None for i in FORMS["data_centre"].items} | {"dc_racks": v}) for n, v in enumerate(values, 1)]
    added = sum_of(BOOK, FORMS["data_centre"], parts)["dc_racks"]
    assert added == (None if None in values else sum(v for v in values if v is not None))
    assert read_parts(stored(parts)) == parts
    days = sum_of(BOOK, FORMS["heating"], [Part(f"heating-{n}", "", {"heating_days": v}) for n, v in enumerate(values, 1)])["heating_days"]
    assert days == (values[0] if len(values) == 1 else None)  # days are not added up


@settings(max_examples=40, deadline=None)
@given(st.lists(AMOUNTS, min_size=12, max_size=12))
def test_the_year_beside_the_parts_is_whole_or_unknown(months: list[Decimal | None]) -> None:
    year = year_of_answers(BOOK, MAIN, {f"2022-{m:02}": {"electricity_kwh": v, "area_m2": v} for m, v in enumerate(months, 1)})
    known = [v for v in months if v is not None]
    assert year["electricity_kwh"] == (sum(known) if len(known) == 12 else None)
    assert year["area_m2"] == (known[-1] if known else None)


def test_a_rule_over_forms_is_not_applied_where_something_is_unknown() -> None:
    room = Part("data_centre-1", "机房", {"dc_electricity_kwh": Decimal(10), "dc_it_electricity_kwh": Decimal(6)})
    over = [f.finding.rule for f in examine(BOOK, tuple(FORMS.values()), [room], year={"electricity_kwh": Decimal(9)})]
    assert over == ["L12"] and examine(BOOK, tuple(FORMS.values()), [room], year={}) == []
    silent = Part("data_centre-2", "二号", {"dc_electricity_kwh": None})
    assert examine(BOOK, tuple(FORMS.values()), [room, silent], year={"electricity_kwh": Decimal(9)}) == []
    later = {f.code: f for f in part_forms(BOOK, "consumption", 2025)}["heating"]
    by_area = Part("heating-1", "热力站", {"heating_heat_metered_gj": Decimal(5), "heating_by_heat_m2": Decimal(0)})
    assert [f.finding.rule for f in examine(BOOK, [later], [by_area], year={"heat_gj": Decimal(4)})] == ["L15", "L11h"]


def test_what_became_of_parts_between_two_revisions() -> None:
    was = {"data_centre-1": {"name": "甲", "answers": {"dc_racks": "1"}}, "data_centre-2": {"name": "乙", "answers": {"dc_racks": "2"}}}
    now = {"data_centre-1": {"name": "丙", "answers": {"dc_racks": "3"}}, "data_centre-10": {"name": "丁", "answers": {"dc_racks": "4"}}}
    assert changed(was, now) == {"opened": ["data_centre-10"], "closed": ["data_centre-2"], "renamed": ["data_centre-1"]} and changed(was, was) == {}
    assert [(c.key, c.before, c.after) for c in changes(was, now)] == [("data_centre-1", "1", "3"), ("data_centre-2", "2", None), ("data_centre-10", None, "4")]


@pytest.mark.parametrize(("old", "new", "code"), [
    ("part_of: consumption", "part_of: nothing", "form.part"), ("part: {zh: 机房, en: machine room}\n", "", "form.part"),
    ("dc_electricity_kwh <= year.electricity_kwh", "dc_electricity_kwh <= year.nothing", "formula.item"), ("dc_electricity_kwh <= year.electricity_kwh", "nothing <= year.electricity_kwh", "formula.item")])
def test_what_a_book_says_wrongly_of_parts_is_told_with_its_file(tmp_path: Path, old: str, new: str, code: str) -> None:
    import jieneng.rulebook as shipped

    text = (Path(shipped.__file__).parent / "books" / "cn" / "forms" / "data_centre-2019.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "forms").mkdir()
    (tmp_path / "forms" / "data_centre-2019.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(Refused) as told:
        load("cn", (tmp_path,))
    assert code in {p.code for p in told.value.problems} and all("data_centre" in p.where.file for p in told.value.problems)
