"""Layout files: every part of the format, and one broken file per mistake, each told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieneng.core.problem import Refused
from jieneng.returns.intake.checking import check_layout
from jieneng.returns.intake.layout import MISSING, Layout, Spec, period_pattern
from jieneng.returns.intake.parsing import load_layout, parse_layout

from .corpus import a_book

GOOD = """\
layout: a
title: {zh: 一, en: One}
book: test
reads: answers
form: consumption
file: {kind: xlsx}
identifier: {column: 代码, scheme: uscc}
period: {value: 2022}
items:
  - {column: 电, item: electricity_kwh, unit: kWh, basis: site}
"""


def convertible(unit_from: str, unit_to: str) -> bool:
    return (unit_from, unit_to) in {("kWh", "kWh"), ("万kWh", "kWh"), ("m3", "m3"), ("yuan", "万元")}


def told(text: str) -> list[tuple[int, str]]:
    """Line and words of every problem of a layout text."""
    with pytest.raises(Refused) as refused:
        parse_layout(text, "l.yaml")
    assert all(p.where.file == "l.yaml" and p.where.line > 0 for p in refused.value.problems), refused.value
    return [(p.where.line, str(p)) for p in refused.value.problems]


def test_a_layout_is_read_with_its_defaults() -> None:
    layout = parse_layout(GOOD)
    assert (layout.code, layout.reads, layout.form, layout.kind, layout.shape) == ("a", ("answers",), "consumption", "xlsx", "wide")
    assert layout.identifier is not None and layout.identifier.columns == ("代码",) and layout.scheme == "uscc"
    assert layout.missing == MISSING and layout.header_row == 1 and layout.hidden
    assert layout.items[0].unit == Spec(value="kWh", line=10)
    assert layout.columns() == ["代码", "电"] and len(layout.hash) == 64


def test_scalars_are_text_as_written() -> None:
    text = GOOD + "area: {column: 地区, map: {no: 0341, 是: yes, 甲: 1_0}}\nmissing: [null, ~, 0x1]\n"
    layout = parse_layout(text)
    assert layout.fields["area"].map == {"no": "0341", "是": "yes", "甲": "1_0"}
    assert layout.missing == ("", "null", "~", "0x1")


@pytest.mark.parametrize(("old", "new", "line", "words"), [
    ("layout: a", "layot: a", 1, "layot"),
    ("book: test\n", "", 1, "book"),
    ("book: test", "book: test\nbook: test", 4, "写了两次"),
    ("book: test", "book: [a, b]", 3, "一段文字"),
    ("reads: answers", "reads: answer", 4, "answer"),
    ("reads: answers", "reads: 'ledger:'", 4, "不认识"),
    ("title: {zh: 一, en: One}", "title: {zh: 一}", 2, "zh 和 en"),
    ("form: consumption\n", "", 1, "form"),
    ("{kind: xlsx}", "{kind: ods}", 6, "ods"),
    ("{kind: xlsx}", "{kind: csv, encoding: latin-1}", 6, "latin-1"),
    ("{kind: xlsx}", "{kind: csv, delimiter: 逗号}", 6, "逗号"),
    ("{kind: xlsx}", "{kind: csv}\nsheets: 表1", 1, "CSV"),
    (", scheme: uscc", "", 7, "identifier.scheme"),
    (", scheme: uscc", ", scheme: USCC 1", 7, "identifier.scheme"),
    ("column: 代码,", "column: 代码, value: x,", 7, "写了 2 个"),
    ("{column: 代码, scheme: uscc}", "{scheme: uscc}", 7, "写了 0 个"),
    ("identifier: {column: 代码, scheme: uscc}\n", "", 1, "identifier"),
    ("period: {value: 2022}\n", "", 1, "period"),
    ("{value: 2022}", "{value: 22}", 8, "22"),
    ("{value: 2022}", "{sheet: '(['}", 8, "匹配式"),
    ("{value: 2022}", "{column: 期, format: MM-DD}", 8, "MM-DD"),
    ("{value: 2022}", "{column: 期, of: week}", 8, "week"),
    (", unit: kWh", "", 10, "没写计量单位"),
    (", unit: kWh", ", unit: kWh, units: kWh", 10, "units"),
    (", item: electricity_kwh", "", 10, "缺“item”"),
    ("basis: site}", "basis: site}\n  - {column: 电, item: water_m3, unit: m3}", 11, "写了两次"),
    ("items:\n  - {column: 电, item: electricity_kwh, unit: kWh, basis: site}\n", "", 1, "items"),
    ("period:", "header: {row: 0}\nperiod:", 8, "header.row"),
    ("period:", "header: {row: 2, rows: 99}\nperiod:", 8, "header.rows"),
    ("period:", "stop: {lables: [合计]}\nperiod:", 8, "lables"),
    ("period:", "rows: {skip_where: [{column: 状态}]}\nperiod:", 8, "equals"),
    ("period:", "hidden: 是\nperiod:", 8, "hidden"),
    ("period:", "shape: tall\nperiod:", 8, "tall"),
    ("period:", "shape: long\nperiod:", 1, "long"),
    ("period:", "long: {item: 指标, value: 数}\nperiod:", 8, "不相符"),
    ("period:", "shape: months\nmonths: {item: 指标, columns: [1月], year: 年}\nperiod:", 9, "12"),
    ("period:", "shape: months\nmonths: {item: 指标, year: 年}\nperiod:", 10, "period"),
    ("period:", "aliases: 平台编号\nperiod:", 8, "键值对"),
    ("period:", "area: &a {value: x}\nperiod:", 8, "锚点"),
    ("period:", "area: *a\nperiod:", 8, "锚点"),
    ("period:", "area: !!python/name:os.system x\nperiod:", 8, "标签"),
    ("period:", "area: {a: b\nperiod:", 9, "YAML"),
    ("period:", "? [a]\n: b\nperiod:", 8, "键应是一段文字"),
    ("period:", "area: " + "[" * 20 + "]" * 20 + "\nperiod:", 8, "嵌套太深"),
])
def test_one_broken_file_per_mistake(old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    assert any(at == line and words in text for at, text in told(GOOD.replace(old, new, 1))), told(GOOD.replace(old, new, 1))


def test_all_mistakes_are_told_at_once() -> None:
    broken = GOOD.replace("book: test", "boook: test").replace("reads: answers", "reads: x").replace(", unit: kWh", "")
    assert {1, 3, 4} <= {line for line, _ in told(broken)}


@pytest.mark.parametrize("text", ["", "x", "- a", "[" * 5000, "a: " + "{" * 5000, "\x00", "a: \ud800", "%YAML 9.9\n---\na: b",
                                  "x: y\n" * 60000])
def test_no_other_exception_than_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_layout(text)


@given(st.text(max_size=200))
def test_any_text_is_a_layout_or_refused(text: str) -> None:
    try:
        parse_layout(text)
    except Refused as refused:
        assert refused.problems


@given(st.lists(st.sampled_from(GOOD.splitlines()), min_size=1, max_size=14), st.text("{}[]:,&*!|>- \n'\"#?%@", max_size=8),
       st.integers(0, 200))
def test_any_mixture_of_lines_is_a_layout_or_refused(lines: list[str], noise: str, at: int) -> None:
    text = "\n".join(lines)
    try:
        assert isinstance(parse_layout(text[:at] + noise + text[at:]), Layout)
    except Refused as refused:
        assert all(str(p) for p in refused.problems)


def test_a_file_that_is_not_there_or_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="打不开"):
        load_layout(tmp_path / "no.yaml")
    (tmp_path / "g.yaml").write_bytes("layout: 甲".encode("gbk"))
    with pytest.raises(Refused, match="UTF-8"):
        load_layout(tmp_path / "g.yaml")
    (tmp_path / "b.yaml").write_text(GOOD, encoding="utf-8-sig")
    assert load_layout(tmp_path / "b.yaml").code == "a"


@pytest.mark.parametrize(("old", "new", "words"), [
    ("book: test", "book: cn", "cn"),
    ("form: consumption", "form: consumtion", "consumption"),
    ("item: electricity_kwh", "item: electricity_kw", "electricity_kwh"),
    ("unit: kWh", "unit: 度电", "度电"),
    ("unit: kWh", "unit: m3", "m3"),
    (", basis: site", "", "basis: site"),
    ("basis: site", "basis: source", "source"),
    ("period:", "type: {column: 性质, map: {学校: school}}\nperiod:", "school"),
])
def test_what_the_book_does_not_have_is_told_with_the_line(old: str, new: str, words: str) -> None:
    problems = check_layout(parse_layout(GOOD.replace(old, new, 1)), a_book(), convertible)
    assert len(problems) == 1 and words in str(problems[0]) and problems[0].where.line > 0


def test_a_good_layout_has_nothing_against_the_book() -> None:
    assert check_layout(parse_layout(GOOD), a_book(), convertible) == []


LEDGER = """\
layout: l
title: {zh: 台账, en: Ledger}
book: test
reads: ledger:contracts
file: {kind: xlsx}
fields:
  - {column: 编号, field: no}
  - {column: 投资（元）, field: amount, unit: yuan}
  - {column: 类型, field: type, map: {光伏: pv}}
"""


def test_ledger_layouts_are_checked_against_the_ledger() -> None:
    assert check_layout(parse_layout(LEDGER), a_book(), convertible) == []
    for old, new, words in [("field: amount", "field: amonut", "amount"), ("unit: yuan", "unit: kWh", "kWh"),
                            ("光伏: pv", "光伏: solar", "solar"), ("  - {column: 编号, field: no}\n", "", "no"),
                            ("ledger:contracts", "ledger:cars", "cars")]:
        problems = check_layout(parse_layout(LEDGER.replace(old, new)), a_book(), convertible)
        assert problems and words in str(problems[0]), (old, problems)
    with pytest.raises(Refused, match="写了两次"):
        parse_layout(LEDGER + "  - {column: 乙, field: no}\n")


@pytest.mark.parametrize(("form", "text", "year", "month"), [
    ("YYYY-MM", "2022-03", "2022", "03"), ("YYYY年M月", "2022年3月", "2022", "3"), ("YYYYMM", "202212", "2022", "12"),
    ("MM/DD/YYYY", "12/31/2015", "2015", "12"), ("YYYY.M", "2022.3", "2022", "3")])
def test_period_formats(form: str, text: str, year: str, month: str) -> None:
    found = period_pattern(form).fullmatch(text)
    assert found and (found["y"], found["m"]) == (year, month)
    assert period_pattern(form).fullmatch(text + "x") is None


def test_every_key_of_the_reader_is_in_the_manual() -> None:
    from jieneng.returns.intake import parsing as module

    manual = (Path(__file__).parents[3] / "docs/how-to/layouts.md").read_text(encoding="utf-8")
    for key in (*module._KEYS, *module._SPEC_KEYS, *module.SHAPES, *module.ENCODINGS, *module.FORMATS):
        assert f"{key}" in manual, key
