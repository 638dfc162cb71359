"""Strict at the door: one broken file per mistake, each told by code, file and line; the shipped books are whole."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from jieneng.core.problem import Refused
from jieneng.rulebook import commands, convert, factor_value, form_for, load, unit_code

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(p for p in BROKEN.iterdir() if p.is_dir())


def expectation(folder: Path) -> tuple[str, str, int]:
    """The file of a case that says what must be told, and where."""
    for path in sorted(folder.rglob("*.yaml")):
        if found := re.match(r"# expect (\S+) line (\d+)", path.read_text(encoding="utf-8")):
            return f"{folder.name}/{path.relative_to(folder).as_posix()}", found[1], int(found[2])
    raise AssertionError(folder)


@pytest.mark.parametrize("folder", CASES, ids=lambda p: p.name)
def test_each_mistake_is_told_with_file_and_line(folder: Path) -> None:
    file, code, line = expectation(folder)
    with pytest.raises(Refused) as told:
        load("cn", (folder,))
    found = [(p.code, p.where.file, p.where.line) for p in told.value.problems]
    assert any(c == code and abs(at - line) <= 1 for c, _, at in found), found
    assert all(where.startswith(folder.name) for _, where, _ in found if code != "form.overlap"), found
    assert all(p.found.zh and p.found.en for p in told.value.problems) and file


def test_every_kind_of_problem_has_its_broken_file() -> None:
    source = "".join(p.read_text(encoding="utf-8") for p in (Path(commands.__file__).with_name(n) for n in ("loading.py", "reading.py")))
    codes = set(re.findall(r'tell\(\s*"([a-z.]+)"', source))
    tested = {expectation(f)[1] for f in CASES}
    rare = {"yaml.size", "yaml.encoding", "yaml.tag", "shape.text", "shape.list", "value.empty", "value.integer", "form.twice", "check.twice", "form.replace", "book.head"}
    assert codes - tested == rare & codes, codes - tested - rare


@pytest.mark.parametrize("text, code", [
    ("x_kwh:\n  label: {zh: 甲, en: ''}\n  unit: kWh\n  kind: quantity\n  over_time: sum\n  source: ours\n", "value.empty"),
    ("x_kwh:\n  label: {zh: 甲, en: a}\n  unit: [kWh]\n  kind: quantity\n  over_time: sum\n  source: ours\n", "shape.text"),
    ("x_kwh: !!python/object:os.system {}\n", "yaml.tag")])
def test_rarer_mistakes(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "items.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as told:
        load("cn", (tmp_path,))
    assert code in {p.code for p in told.value.problems}


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    (tmp_path / "items.yaml").write_bytes("电".encode("gb18030"))
    with pytest.raises(Refused, match="UTF-8"):
        load("cn", (tmp_path,))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    for name in ("missing-unit", "factor-bad-date", "composite-item"):
        shutil.copytree(BROKEN / name, tmp_path, dirs_exist_ok=True)
    with pytest.raises(Refused) as told:
        load("cn", (tmp_path,))
    assert {"key.missing", "value.date", "composite.item"} <= {p.code for p in told.value.problems}


@pytest.mark.parametrize("code", commands.books())
def test_the_shipped_books_are_whole_and_their_cases_come_out(code: str) -> None:
    lines, problems = commands.check([code])
    assert problems == [] and lines
    book = load(code)
    assert all(i.source for i in book.items.values()) and all(v.source.title for f in book.factors.values() for v in f.values)
    assert re.fullmatch(r"[0-9a-f]{64}", book.hash) and load(code).hash == book.hash


def test_a_wrong_case_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(commands.BOOKS / "cn", tmp_path / "cn")
    path = tmp_path / "cn" / "cases" / "published.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("'3.412'", "'3.413'"), encoding="utf-8")
    monkeypatch.setattr(commands, "BOOKS", tmp_path)
    _, problems = commands.run_cases(load("cn"))
    assert [p.code for p in problems] == ["case.fails"] and "3.412" in str(problems[0])


def test_chongqing_2015_lies_in_what_its_printed_inputs_allow() -> None:
    ran, problems = commands.run_cases(load("cn"))
    assert ran >= 5 and problems == []


def test_editions_by_data_year() -> None:
    cn = load("cn")
    assert [form_for(cn, "consumption", y).edition for y in (2019, 2021, 2022, 2024, 2025, 2031)] == ["2019", "2019", "2022", "2022", "2025", "2025"]
    with pytest.raises(Refused, match="2018"):
        form_for(cn, "consumption", 2018)
    assert "pv_generation_kwh" not in {i.item for i in form_for(cn, "consumption", 2021).items}
    assert "dc_other_energy_tce" not in {i.item for i in form_for(cn, "data_centre", 2022).items}


def test_factors_hold_from_their_day_and_vintages_are_frozen() -> None:
    cn = load("cn")
    assert factor_value(cn, "co2.grid", dt.date(2022, 6, 1)).value == Decimal("0.6782")
    assert factor_value(cn, "co2.grid", dt.date(2030, 1, 1)).vintage == "2023"
    assert factor_value(cn, "co2.grid", dt.date(2023, 6, 1), vintage="2021").value == Decimal("0.7075")
    with pytest.raises(Refused, match="没有值"):
        factor_value(cn, "co2.grid", dt.date(2019, 1, 1))


@pytest.mark.parametrize("value, a, b, expected", [
    ("1.5", "万kWh", "kWh", "15000"), ("1", "GJ", "kJ", "1000000"), ("3", "吨", "kg", "3000"), ("7", "升", "m3", "7/1000"), ("1", "万元", "yuan", "10000"), ("2", "㎡", "m2", "2")])
def test_units_convert_exactly(value: str, a: str, b: str, expected: str) -> None:
    assert convert(load("cn"), Decimal(value), a, b) == Fraction(expected)


@pytest.mark.parametrize("a, b", [("kWh", "m3"), ("GJ", "kWh"), ("furlong", "kWh"), ("kwhs", "kWh")])
def test_units_are_never_guessed(a: str, b: str) -> None:
    with pytest.raises(Refused):
        convert(load("cn"), Decimal(1), a, b)


def test_aliases_ignore_width_case_and_space() -> None:
    assert unit_code(load("cn"), " Ｋｗｈ ") == "kWh" and unit_code(load("cn"), "千瓦 时") == "kWh"


def test_what_is_not_known_is_listed() -> None:
    told = commands.gaps(load("cn"))
    assert len(told) >= 8 and any("表号" in t for t in told)
