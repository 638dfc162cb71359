"""From files to drafts: what people send (U3), cells that are not numbers (U5), duplicates, shapes, registers, ledgers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.returns.intake import IntakeResult, parse_layout, read_file

from . import corpus

BASE = """\
layout: t
title: {zh: 试, en: test}
book: test
reads: %(reads)s
form: consumption
file: {kind: %(kind)s}
identifier: {column: 代码, scheme: platform}
name: {column: 名称, optional: true}
"""
WIDE = """\
period: {value: 2022}
items:
  - {column: 电, item: electricity_kwh, unit: kWh, basis: site}
  - {column: 水, item: water_m3, unit: m3, optional: true}
"""
HEAD = ["代码", "名称", "电", "水"]


def read(tmp_path: Path, data: bytes | Sequence[Sequence[Any]], layout: str = WIDE, *, reads: str = "answers", name: str = "a.xlsx",
         **kw: Any) -> IntakeResult:
    """Read rows (as a workbook) or bytes by a layout."""
    path = tmp_path / "received"
    path.write_bytes(data if isinstance(data, bytes) else corpus.workbook(data, **kw))
    kind = "csv" if name.endswith(".csv") else "xlsx"
    return read_file(path, parse_layout(BASE % {"kind": kind, "reads": reads} + layout), corpus.a_book(), name=name)


def answers(result: IntakeResult) -> dict[tuple[str, str], dict[str, str | None]]:
    return {(d.identifier, str(d.period)): {i: None if v is None else f"{v:f}".rstrip("0").rstrip(".") for i, v in d.answers.items()}
            for d in result.drafts}


def told(result: IntakeResult) -> list[tuple[str, str]]:
    """Code and cell of every problem."""
    return [(p.code, p.where.cell) for p in result.problems]


def noted(result: IntakeResult) -> list[str]:
    return [p.code for p in result.notes]


def test_a_plain_table(tmp_path: Path) -> None:
    result = read(tmp_path, [HEAD, ["1", "甲", 1.5, "1,234"], ["2", "乙", "", 0]])
    assert answers(result) == {("1", "2022"): {"electricity_kwh": "1.5", "water_m3": "1234"},
                               ("2", "2022"): {"electricity_kwh": None, "water_m3": "0"}}
    first = result.drafts[0]
    assert first.name == "甲" and first.period == Period.parse("2022") and (first.file, first.sheet, first.cell, first.row) == ("a.xlsx", "表1", "A2", 2)
    assert first.sources["water_m3"] == {"sheet": "表1", "cell": "D2", "raw": "1,234", "unit": "m3", "rounded": False}
    assert first.answers["electricity_kwh"] == Decimal("1.5000") and first.answers["electricity_kwh"].as_tuple().exponent == -4
    assert result.counts == {"sheets": 1, "rows": 2, "answered": 3, "missing": 1, "drafts": 2, "bodies": 0, "ledger_rows": 0, "problems": 0}
    assert not result.problems and not result.notes and result.layout == "t"


def test_raw_value_and_unit_are_kept_beside_the_conversion(tmp_path: Path) -> None:
    layout = WIDE.replace("unit: kWh", "unit: {column: 单位}")
    result = read(tmp_path, [[*HEAD, "单位"], ["1", "甲", "1.23456789", 1, "万千瓦时"], ["2", "乙", 3, 1, "GJ"], ["3", "丙", 7, 1, "度"]], layout)
    assert [d.answers["electricity_kwh"] for d in result.drafts] == [Decimal("12345.6789"), Decimal("833.3333"), Decimal("7.0000")]
    assert [(d.sources["electricity_kwh"]["raw"], d.sources["electricity_kwh"]["unit"], d.sources["electricity_kwh"]["rounded"])
            for d in result.drafts] == [("1.23456789", "万千瓦时", False), ("3", "GJ", True), ("7", "度", False)]


def test_unknown_units_are_refused_by_name_per_row(tmp_path: Path) -> None:
    layout = WIDE.replace("unit: kWh", "unit: {column: 单位}")
    result = read(tmp_path, [[*HEAD, "单位"], ["1", "甲", 1, 1, "吨"], ["2", "乙", 2, 2, ""], ["3", "丙", 3, 3, "m3"], ["4", "丁", 4, 4, "kWh"]], layout)
    assert told(result) == [("unit-unknown", "C2"), ("unit-missing", "C3"), ("unit-unknown", "C4")]
    assert "吨" in str(result.problems[0]) and result.problems[0].where.field == "electricity_kwh"
    assert answers(result) == {("1", "2022"): {"water_m3": "1"}, ("2", "2022"): {"water_m3": "2"}, ("3", "2022"): {"water_m3": "3"},
                               ("4", "2022"): {"electricity_kwh": "4", "water_m3": "4"}}


def test_what_is_not_plainly_a_number_is_a_problem_and_the_rest_goes_in(tmp_path: Path) -> None:
    rows = [HEAD, ["1", "a", "1.2万", 1], ["2", "b", {"t": "e", "v": "#N/A"}, 2], ["3", "c", {"f": "1+1"}, 3], ["4", "d", {"v": 44621, "s": 1}, 4],
            ["5", "e", True, 5], ["6", "f", "1e13", 6], ["7", "g", "９００", 7], ["8", "h", "—", 8], ["9", "i", None, 9]]
    result = read(tmp_path, rows)
    assert told(result) == [("cell-number", "C2"), ("cell-error", "C3"), ("formula-uncalculated", "C4"), ("cell-date", "C5"),
                            ("cell-type", "C6"), ("magnitude", "C7")]
    got = answers(result)
    assert all("electricity_kwh" not in got[(str(n), "2022")] for n in range(1, 7)), "not named stays as it was"
    assert [got[(str(n), "2022")]["electricity_kwh"] for n in (7, 8, 9)] == ["900", None, None]
    assert [got[(str(n), "2022")]["water_m3"] for n in range(1, 10)] == [str(n) for n in range(1, 10)]
    assert result.problem_counts.total() == 6 and all(p.where.sheet == "表1" and p.do for p in result.problems if p.code != "cell-type")


def test_title_rows_several_header_rows_and_merged_cells(tmp_path: Path) -> None:
    layout = WIDE.replace("period: {value: 2022}", "period: {title: '(\\d{4})年'}\nheader: {row: auto, rows: 2}") \
        .replace("column: 电,", "column: 电/数量（千瓦时）,").replace("column: 水,", "column: 水/数量,")
    rows = [["某市公共机构 2021年度 消费状况"], ["填报单位：市局", None, None, "单位：见表头"],
            ["代码", "名称", "电", None, "水", None], [None, None, "数量\n(千瓦时)", "金额", "数量", "金额"], ["1", "甲", 10, 6, 20, 9]]
    result = read(tmp_path, rows, layout, merge=["A1:F1", "A3:A4", "B3:B4", "C3:D3", "E3:F3"])
    assert answers(result) == {("1", "2021"): {"electricity_kwh": "10", "water_m3": "20"}} and not result.problems


def test_total_lines_section_titles_and_repeated_headers_are_no_institutions(tmp_path: Path) -> None:
    rows = [HEAD, ["宣州区", None, None, None], ["1", "甲", 1, 1], ["2", "乙", 2, 2], [None, "小 计", 3, 3], HEAD, ["3", "丙", 4, 4],
            ["合计", None, 7, 7], [None, "全市合计：", 7, 7], ["4", "合计划生育服务站", 5, 5]]
    result = read(tmp_path, rows, merge=["A2:D2"])
    assert sum(d.answers["electricity_kwh"] or 0 for d in result.drafts) == 12 and not result.problems
    assert [result.counts[k] for k in ("total_lines", "section_lines", "repeated_headers", "rows")] == [3, 1, 1, 4]
    assert result.drafts[-1].name == "合计划生育服务站", "a name with a code is an institution whatever it begins with"


def test_the_end_of_a_table(tmp_path: Path) -> None:
    rows = [HEAD, ["1", "甲", 1, 1], [], ["2", "乙", 2, 2], ["填表人：王秀英", None, None, "2023年1月"], ["3", "丙", 3, 3]]
    assert told(read(tmp_path, rows)) == [("cell-number", "D5")], "without the layout's help the last line is a row like others"
    stopped = read(tmp_path, rows, WIDE + "stop: {at: [填表人]}\n")
    assert [d.identifier for d in stopped.drafts] == ["1", "2"]
    blank = read(tmp_path, rows, WIDE + "stop: {first_column_blank: true}\n")
    assert [d.identifier for d in blank.drafts] == ["1"]


def test_rows_the_layout_skips_are_counted(tmp_path: Path) -> None:
    layout = WIDE + "rows: {skip_where: [{column: 状态, equals: [停用, 撤 销]}, {column: 电, blank: true}, {column: 名称, matches: ^测试}]}\n"
    result = read(tmp_path, [[*HEAD, "状态"], ["1", "甲", 1, 1, "停用"], ["2", "乙", 1, 1, "撤销"], ["3", "丙", None, 1, ""], ["4", "测试", 1, 1, ""],
                             ["5", "戊", 1, 1, "在用"]], layout)
    assert [d.identifier for d in result.drafts] == ["5"] and result.counts["skipped"] == 4


def test_rows_without_a_code_are_told(tmp_path: Path) -> None:
    result = read(tmp_path, [HEAD, [None, "甲", 1, 1], ["-", "乙", 1, 1], ["3", "丙", 1, 1]])
    assert told(result) == [("identifier-missing", "A2"), ("identifier-missing", "A3")] and "甲" in str(result.problems[0])
    assert result.counts["unnamed"] == 2 and len(result.drafts) == 1


def test_codes_stored_as_numbers(tmp_path: Path) -> None:
    result = read(tmp_path, [HEAD, [Decimal("123418001234567890"), "甲", 1, 1], [77, "乙", 1, 1], ["1.23E+17", "丙", 1, 1]])
    assert told(result) == [("identifier-eaten", "A2"), ("identifier-eaten", "A4")] and [d.identifier for d in result.drafts] == ["77"]


def test_equal_rows_are_one_and_unlike_rows_are_none(tmp_path: Path) -> None:
    rows = [HEAD, ["1", "甲", 1, 1], ["2", "乙", 2, 2], ["1", "甲", "1.0", 1], ["2", "乙", 2, 3], ["2", "乙", 2, 2], ["3", "丙", 3, 3]]
    result = read(tmp_path, rows)
    assert [d.identifier for d in result.drafts] == ["1", "3"]
    assert told(result) == [("rows-differ", "A5"), ("rows-differ", "A6")] and "表1!A3" in str(result.problems[0]) and "water_m3" in str(result.problems[0])
    assert noted(result) == ["rows-same"] and result.counts["duplicates"] == 1


def test_two_sheets_that_complete_each_other(tmp_path: Path) -> None:
    layout = WIDE.replace("basis: site}", "basis: site, optional: true}")
    sheets = {"电": corpus.sheet_xml([["代码", "电"], ["1", 5]]), "水": corpus.sheet_xml([["代码", "水"], ["1", 6]]),
              "说明": corpus.sheet_xml([["本表由各单位填报"], ["一、", "二、"]]), "空": corpus.sheet_xml([])}
    result = read(tmp_path, corpus.pack(corpus.parts(sheets)), layout)
    assert answers(result) == {("1", "2022"): {"electricity_kwh": "5", "water_m3": "6"}}
    assert result.drafts[0].sources["water_m3"]["sheet"] == "水" and "sheet-other" in noted(result) and not result.problems


def test_sheets_by_name_and_pattern_and_period_from_the_sheet(tmp_path: Path) -> None:
    sheets = {"2022年1月": corpus.sheet_xml([HEAD, ["1", "甲", 5, 5]]), "2022年2月": corpus.sheet_xml([HEAD, ["1", "甲", 6, 6]]), "附": corpus.sheet_xml([HEAD, ["1", "甲", 7, 7]])}
    data = corpus.pack(corpus.parts(sheets))
    layout = WIDE.replace("{value: 2022}", "{sheet: '(\\d{4})年(\\d+)月'}")
    result = read(tmp_path, data, layout + "sheets: {match: 年}\n")
    assert sorted(answers(result)) == [("1", "2022-01"), ("1", "2022-02")] and not result.problems
    assert told(read(tmp_path, data, layout)) == [("pattern", "")], "told once, with the sheet"
    named = read(tmp_path, data, layout + "sheets: [2022年2月, 2022年3月]\n")
    assert sorted(answers(named)) == [("1", "2022-02")] and told(named) == [("sheet-missing", "")]


def test_hidden_sheets_rows_and_columns_are_read_and_said(tmp_path: Path) -> None:
    shown = corpus.sheet_xml([HEAD, ["1", "甲", 1, 1], ["2", "乙", 2, 2]], hidden=[3], columns='<cols><col min="3" max="3" hidden="1" width="9"/></cols>')
    data = corpus.pack(corpus.parts({"明": shown, "暗": corpus.sheet_xml([HEAD, ["3", "丙", 3, 3]])}, hidden=["暗"]))
    result = read(tmp_path, data)
    assert [d.identifier for d in result.drafts] == ["1", "2", "3"]
    assert noted(result) == ["columns-hidden", "rows-hidden", "sheet-hidden"] and "3" in str(result.notes[1])
    without = read(tmp_path, data, WIDE + "hidden: false\n")
    assert [d.identifier for d in without.drafts] == ["1"] and without.counts["hidden_skipped"] == 1


def test_one_number_merged_over_two_rows_belongs_to_neither(tmp_path: Path) -> None:
    result = read(tmp_path, [HEAD, ["1", "甲", 10, 1], ["2", "乙", None, 2], ["3", "丙", 5, None]], merge=["C2:C3", "C4:D4"])
    assert told(result) == [("merged-value", "C2"), ("merged-value", "C3"), ("merged-value", "C4"), ("merged-value", "D4")]
    assert answers(result) == {("1", "2022"): {"water_m3": "1"}, ("2", "2022"): {"water_m3": "2"}}


def test_merged_names_and_codes_are_repeated_for_their_rows(tmp_path: Path) -> None:
    rows = [["代码", "名称", "月", "电"], ["1", "甲", "2022-01", 1], [None, None, "2022-02", 2], ["2", "乙", "2022-01", 3], [None, None, "2022-02", 4]]
    layout = WIDE.replace("{value: 2022}", "{column: 月}")
    result = read(tmp_path, rows, layout, merge=["A2:A3", "B2:B3", "A4:A5", "B4:B5"])
    assert {k: v["electricity_kwh"] for k, v in answers(result).items()} == {
        ("1", "2022-01"): "1", ("1", "2022-02"): "2", ("2", "2022-01"): "3", ("2", "2022-02"): "4"}
    filled = layout.replace("period:", "period: {column: 月}\n#").replace("{column: 代码, scheme: platform}", "x")
    assert told(read(tmp_path, rows, filled)) == [("identifier-missing", "A3"), ("identifier-missing", "A5")], "blank is not merged"
    path = tmp_path / "b"
    path.write_bytes(corpus.workbook(rows))
    down = parse_layout((BASE % {"kind": "xlsx", "reads": "answers"} + layout).replace("scheme: platform", "scheme: platform, fill_down: true"))
    assert len(read_file(path, down, corpus.a_book(), name="b.xlsx").drafts) == 4


def test_headers_that_are_missing_elsewhere_or_twice(tmp_path: Path) -> None:
    rows = [["年度表"], HEAD, ["1", "甲", 1, 1]]
    with pytest.raises(Refused, match="第 2 行"):
        read(tmp_path, rows)
    with pytest.raises(Refused, match="电") as refused:
        read(tmp_path, [["代码", "名称", "用电"], ["1", "甲", 1]])
    assert refused.value.problems[0].code == "columns-missing" and "用电" in str(refused.value)
    with pytest.raises(Refused, match="出现了 2 次") as twice:
        read(tmp_path, [["代码", "电", "电"], ["1", 1, 2]])
    assert "B, C" in str(twice.value)
    second = read(tmp_path, [["代码", "电", "电", "水"], ["1", 1, 2, 3]], WIDE.replace("column: 水,", "column: 电#2,"))
    assert answers(second)[("1", "2022")] == {"electricity_kwh": "1", "water_m3": "2"}


def test_a_csv_of_a_chinese_office(tmp_path: Path) -> None:
    text = '代码,"名称",电,水\r\n\t0012,"示例\r\n小学",１２３,—\r\n="0013",示例医院,"1,234.5",5\r\n合计,,1357.5,5\r\n'
    for encoding in ("gbk", "utf-8", "utf-8-sig", "utf-16"):
        result = read(tmp_path, text.encode(encoding), name="最终版(2).csv")
        assert answers(result) == {("0012", "2022"): {"electricity_kwh": "123", "water_m3": None}, ("0013", "2022"): {"electricity_kwh": "1234.5", "water_m3": "5"}}
        assert result.drafts[0].name == "示例小学" and (result.drafts[1].at.line, result.drafts[1].cell) == (4, "A3")
        assert result.counts["total_lines"] == 1 and not result.problems


def test_files_that_do_not_fit_the_layout(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="表样要的是"):
        read_file(_write(tmp_path, "代码,电\n1,2\n".encode()), parse_layout(BASE % {"kind": "xlsx", "reads": "answers"} + WIDE), corpus.a_book(),
                  name="a.csv")
    for data in ([], [[]], [[""]]):
        with pytest.raises(Refused):
            read(tmp_path, data)
    with pytest.raises(Refused):
        read(tmp_path, corpus.bombs()["deep xml"])
    empty = read(tmp_path, [HEAD])
    assert empty.drafts == [] and noted(empty) == ["sheet-no-rows"]


def _write(tmp_path: Path, data: bytes) -> Path:
    (tmp_path / "w").write_bytes(data)
    return tmp_path / "w"


def test_returns_in_which_nothing_is_answered_make_no_draft(tmp_path: Path) -> None:
    result = read(tmp_path, [HEAD, ["1", "甲", None, "-"], ["2", "乙", 0, None]])
    assert [d.identifier for d in result.drafts] == ["2"] and result.counts["unanswered"] == 1 and noted(result) == ["unanswered"]


def test_a_name_of_the_file_that_tells_otherwise_is_noted(tmp_path: Path) -> None:
    assert noted(read(tmp_path, [HEAD, ["1", "甲", 1, 1]], name="平台导出.xls")) == ["file-name"]


# --- shapes ----------------------------------------------------------------------------------------------------------

LONG = """\
shape: long
long: {item: 指标, value: 数值, skip: [电价]}
unit: {column: 计量单位}
period: {column: 期, format: YYYYMM}
items:
  - {column: 用电量, item: electricity_kwh, basis: site}
  - {column: 用水量, item: water_m3}
"""


def test_long_tables(tmp_path: Path) -> None:
    head = ["代码", "期", "指标", "计量单位", "数值"]
    result = read(tmp_path, [head, ["1", "202201", "用电量", "万度", 1.5], ["1", "202201", "用水量", "立方米", 7], ["1", "202202", "用电量", "度", 8],
                             ["1", "202201", "电价", "元", 1], ["1", "202201", "用气量", "m3", 1], ["2", "202201", "用电量", "度", 1],
                             ["2", "202201", "用电量", "度", 2], ["2", "202201", "用水量", "m3", 3], ["2", "202201", "用水量", "m3", 3],
                             ["2", "202201", "用电量", "度", 1]], LONG)
    assert answers(result) == {("1", "2022-01"): {"electricity_kwh": "15000", "water_m3": "7"}, ("1", "2022-02"): {"electricity_kwh": "8"},
                               ("2", "2022-01"): {"water_m3": "3"}}
    assert told(result) == [("item-unknown", "C6"), ("rows-differ", "A8")] and "用气量" in str(result.problems[0])
    assert result.drafts[0].sources["electricity_kwh"]["cell"] == "E2" and result.counts["duplicates"] == 1


MONTHS = """\
shape: months
months: {item: 指标, year: {file: '(20\\d\\d)'}}
items:
  - {column: 电（千瓦时）, item: electricity_kwh, unit: kWh, basis: site}
  - {column: 水（吨）, item: water_m3, unit: 吨水}
"""


def test_months_side_by_side(tmp_path: Path) -> None:
    head = ["代码", "名称", "指标", *[f"{m}月" for m in range(1, 13)], "合计"]
    rows = [head, ["1", "甲", "电(千瓦时)", *range(1, 13), 78], [None, None, "水（吨）", 1, None, "三", *[None] * 9, 1]]
    result = read(tmp_path, rows, MONTHS, name="消费状况2021.xlsx", merge=["A2:A3", "B2:B3"])
    assert len(result.drafts) == 12 and sum(d.answers["electricity_kwh"] or 0 for d in result.drafts) == 78
    march = next(d for d in result.drafts if str(d.period) == "2021-03")
    assert march.answers == {"electricity_kwh": Decimal("3.0000")} and march.sources["electricity_kwh"]["cell"] == "F2"
    assert told(result) == [("cell-number", "F3")]
    assert next(d for d in result.drafts if str(d.period) == "2021-02").answers["water_m3"] is None


def test_year_and_month_in_two_columns_and_dates_of_1904(tmp_path: Path) -> None:
    layout = WIDE.replace("{value: 2022}", "{year: {column: 年}, month: {column: 月}}")
    result = read(tmp_path, [[*HEAD, "年", "月"], ["1", "甲", 1, 1, 2022, "3月"], ["2", "乙", 1, 1, "2022年", 4], ["3", "丙", 1, 1, 2022, 13]], layout)
    assert [str(d.period) for d in result.drafts] == ["2022-03", "2022-04"] and told(result) == [("cell-period", "E4")]
    layout = WIDE.replace("{value: 2022}", "{column: 期, format: [date, excel-serial]}")
    result = read(tmp_path, [[*HEAD, "期"], ["1", "甲", 1, 1, {"v": 43159, "s": 1}], ["2", "乙", 1, 1, 43159]], layout, date1904=True)
    assert [str(d.period) for d in result.drafts] == ["2022-03", "2022-03"]


# --- registers and ledgers -------------------------------------------------------------------------------------------

REGISTER = """\
area: {column: 县区, map: {宣州区: 341802, 郎溪县: 341821}}
type: {column: 性质, map: {机关: organ, 学校: education}, optional: true}
department: {column: 主管部门, optional: true}
since: {column: 成立日期, optional: true}
in_scope: {column: 是否纳入, optional: true}
covered_by: {column: 代报单位, optional: true}
aliases: {uscc: {column: 信用代码, optional: true}}
extra: {contact: {column: 联络员, optional: true}}
"""


def test_a_register(tmp_path: Path) -> None:
    head = ["代码", "名称", "县区", "性质", "主管部门", "成立日期", "是否纳入", "代报单位", "信用代码", "联络员"]
    rows = [head, ["1", "示例\n小学", "宣州 区", "学校", "教育局", "1999年9月1日", "是", None, "12341802mb0000001x", "王秀英"],
            ["2", "示例教学点", "341802", "学校", None, {"v": 44621, "s": 1}, "否", "1", None, None],
            ["3", "示例局", "广德市", "机关", None, "去年", "大概", None, Decimal("123418021234567890"), None], ["4", None, "宣州区", "机关", *[None] * 6]]
    result = read(tmp_path, rows, REGISTER, reads="register")
    first, second, third = result.bodies
    assert (first.name, first.area, first.type, first.department, first.since, first.in_scope) == ("示例小学", "341802", "education", "教育局", dt.date(1999, 9, 1), True)
    assert first.aliases == {"uscc": "12341802MB0000001X"} and first.extra == {"contact": "王秀英"} and (first.sheet, first.cell) == ("表1", "A2")
    assert (second.area, second.since, second.in_scope, second.covered_by) == ("341802", dt.date(2022, 3, 1), False, "1")
    assert (third.area, third.since, third.in_scope, third.aliases) == ("", None, None, {})
    assert told(result) == [("map", "C4"), ("identifier-eaten", "I4"), ("cell-date", "F4"), ("cell-truth", "G4"), ("name-missing", "B5")]


def test_register_lines_twice(tmp_path: Path) -> None:
    head = ["代码", "名称", "县区"]
    result = read(tmp_path, [head, ["1", "甲", "宣州区"], ["1", "甲", "宣州区"], ["2", "乙", "宣州区"], ["2", "乙校", "宣州区"]], REGISTER, reads="register")
    assert [b.identifier for b in result.bodies] == ["1"] and told(result) == [("rows-differ", "A5")] and noted(result) == ["rows-same"]


def test_register_and_answers_in_one_table(tmp_path: Path) -> None:
    layout = REGISTER + WIDE.replace("{value: 2022}", "{column: 年}")
    rows = [["代码", "名称", "县区", "年", "电"], ["1", "新名", "宣州区", 2022, 2], ["1", "旧名", "宣州区", 2021, 1]]
    result = read(tmp_path, rows, layout, reads="[register, answers]")
    assert [b.name for b in result.bodies] == ["新名"] and len(result.drafts) == 2 and noted(result) == ["name-changed"]
    assert result.drafts[0].area == "341802"
    wrong = read(tmp_path, [rows[0], ["1", "甲", "天长市", 2022, 2]], layout, reads="[register, answers]")
    assert told(wrong) == [("map", "C2")], "told once, though the body and the draft both ask"


LEDGER = """\
layout: l
title: {zh: 台账, en: Ledger}
book: test
reads: ledger:contracts
file: {kind: xlsx}
area: {column: 县区, optional: true}
fields:
  - {column: 编号, field: no}
  - {column: 名称, field: name}
  - {column: 类型, field: type, map: {太阳能: pv}, keep: true}
  - {column: 签订, field: signed_on}
  - {column: 投资（元）, field: amount, unit: yuan}
  - {column: 年度, field: year, optional: true}
"""


def test_a_ledger(tmp_path: Path) -> None:
    head = ["编号", "名称", "类型", "签订", "投资\n(元)", "年度", "县区"]
    rows = [head, ["A-1", "甲", "太阳能", "2022年3月18日", "5,827,300", "2022年", "宣州区"], ["A-2", "乙", "托管", {"v": 44621, "s": 1}, "约10万", 2022, None],
            [None, "丙", "光伏", None, 1, None, None], ["A-4", "丁", "风电", None, None, "明年", None], ["A-1", "甲", "太阳能", "2022年3月18日", 5827300, 2022, "宣州区"],
            ["A-2", "乙二", "托管", None, None, None, None], ["合计", None, None, None, 99, None, None]]
    path = _write(tmp_path, corpus.workbook(rows))
    result = read_file(path, parse_layout(LEDGER), corpus.a_book(), name="台账.xlsx")
    assert [r.key for r in result.ledger_rows] == [("A-1",), ("A-4",)]
    first = result.ledger_rows[0]
    assert first.values == {"no": "A-1", "name": "甲", "type": "pv", "signed_on": dt.date(2022, 3, 18), "amount": Decimal("582.7300"), "year": 2022}
    assert first.sources["amount"] == {"sheet": "表1", "cell": "E2", "raw": "5,827,300", "unit": "yuan", "rounded": False} and first.area == "宣州区"
    assert told(result) == [("cell-number", "E3"), ("field-missing", "A4"), ("choice", "C5"), ("cell-period", "F5"), ("rows-differ", "A7")]
    assert result.counts["total_lines"] == 1 and result.counts["duplicates"] == 1


def test_layouts_are_checked_before_the_file_is_opened(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_file(tmp_path / "no", parse_layout(BASE % {"kind": "xlsx", "reads": "answers"} + WIDE.replace("unit: m3", "unit: 方")), corpus.a_book())
    assert refused.value.problems[0].code == "layout-book"


def test_many_problems_are_counted_and_cut(tmp_path: Path) -> None:
    result = read(tmp_path, [HEAD, *[[str(n), "甲", "x", "y"] for n in range(3000)]])
    assert len(result.problems) == 5000 and result.problem_counts["cell-number"] == 6000 and result.counts["problems"] == 6000
