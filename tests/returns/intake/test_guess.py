"""A layout proposed from a header: what is sure, what is not, and that reading by it gives what the table holds."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieneng.core.problem import Refused
from jieneng.core.words import T
from jieneng.returns.intake import Units, confirmed, guess_file, layout_text, parse_layout, read_file, unpack
from jieneng.returns.intake.drafts import IntakeResult
from jieneng.returns.intake.grid import Row, Sheet, Table
from jieneng.returns.intake.guess import Guess, guess_table
from jieneng.returns.intake.reader import read_table
from jieneng.returns.intake.recognise import Recogniser, concepts
from jieneng.rulebook import load

BOOK = load("cn")
KNOWS = Recogniser(BOOK, "consumption")
SCHOOL, OTHER = "12341823MB0000018A", "12341823MB0000026X"


def table(*rows: list[str], name: str = "Sheet1", merged: tuple[tuple[int, int, int, int], ...] = ()) -> Table:
    """Typed cells (``t`` text, ``n`` number) as an opened table."""
    return Table("xlsx", [Sheet(name, [Row(n, list(r)) for n, r in enumerate(rows, 1)], merged=list(merged))])


def guess(*rows: list[str], name: str = "Sheet1", merged: tuple[tuple[int, int, int, int], ...] = (), file: str = "表.xlsx") -> Guess:
    return guess_table(table(*rows, name=name, merged=merged), BOOK, form="consumption", file=file)


@pytest.mark.parametrize("label, item, unit, sure", [
    ("电消费量（千瓦时）", "electricity_kwh", "千瓦时", True), ("用电量(万千瓦时)", "electricity_kwh", "万千瓦时", True), ("110 电/千瓦时", "electricity_kwh", "千瓦时", True),
    ("电/费用 （元）", "electricity_cost_yuan", "元", True), ("电费（万元）", "electricity_cost_yuan", "万元", True), ("电（元）", "electricity_cost_yuan", "元", True),
    ("水/数量（吨水）", "water_m3", "吨水", True), ("汽油/其中：车用（升）", "petrol_vehicle_l", "升", True), ("汽油/其中：车用（元）", "petrol_vehicle_cost_yuan", "元", True),
    ("车辆（辆）/其中：汽油车", "petrol_vehicles", "辆", True), ("Electricity consumption (kWh)", "electricity_kwh", "kWh", True), ("Water cost (RMB)", "water_cost_yuan", "RMB", True),
    ("1501 汽油车辆用油量 升", "petrol_vehicle_l", "升", True), ("建筑面积㎡", "area_m2", "", False), ("用电量", "electricity_kwh", "", False), ("用水（元）", "water_cost_yuan", "元", True),
    ("电（吨）", "electricity_kwh", "吨", False)])
def test_heads_say_which_item_and_unit(label: str, item: str, unit: str, sure: bool) -> None:
    m = KNOWS.meaning(label)
    assert (m.item, m.unit, m.sure) == (item, unit, sure), m


@pytest.mark.parametrize("label, role", [("统一社会\n信用代码", "identifier.uscc"), ("单位名称", "name"), ("所属地区", "area"), ("填报状态", "fact.status"), ("序号", "skip"),
                                         ("平台单位编号", "identifier.platform"), ("Institution name", "name"), ("宇宙射线", "skip")])
def test_heads_say_which_role(label: str, role: str) -> None:
    assert KNOWS.meaning(label).role == role


def test_every_label_of_every_edition_is_recognised_as_its_item() -> None:
    for code, item in KNOWS.items.items():
        for label in (item.label.zh, item.label.en):
            assert (m := KNOWS.item(label)) is not None and m.item == code, label


def test_concepts_leave_what_no_word_covers() -> None:
    assert concepts("其他能源消费费用") == (frozenset(("other", "energy", "cost")), "") and concepts("神秘用电")[1] == "神秘"


def test_title_rows_merged_heads_and_units_are_read_and_the_layout_reads_the_table_back() -> None:
    rows = [["t宣州区2022年度能耗表"], ["t制表单位"], ["t信用代码", "t单位名称", "t电", "t", "t水", "t"], ["t", "t", "t数量（万千瓦时）", "t费用（元）", "t数量（立方米）", "t费用（元）"],
            ["t" + SCHOOL, "t示例小学", "n1.5", "n9000", "n30", "n60"], ["t" + OTHER, "t示例二小", "n2", "n12000", "n40", "n80"]]
    merged = ((3, 1, 4, 1), (3, 2, 4, 2), (3, 3, 3, 4), (3, 5, 3, 6))
    found = guess(*rows, merged=merged)
    assert (found.header_row, found.header_rows, found.unsure) == (3, 2, []) and "title" in found.period
    layout = parse_layout(layout_text(found, BOOK, form="consumption", code="x"))
    result = read_table(table(*rows, merged=merged), layout, BOOK, IntakeResult("x", "", "表.xlsx"))
    assert result.problems == [] and [(d.identifier, str(d.period), str(d.answers["electricity_kwh"])) for d in result.drafts] == [
        (SCHOOL, "2022", "15000.0000"), (OTHER, "2022", "20000.0000")]


def test_content_decides_which_column_is_the_credit_code() -> None:
    found = guess(["t编码", "t单位名称", "t用电量（度）"], ["t" + SCHOOL, "t甲", "n1"], ["t" + OTHER, "t乙", "n2"])
    assert found.columns[0].meaning.role == "identifier.uscc" and found.columns[0].meaning.sure


def test_an_unknown_unit_is_never_guessed() -> None:
    found = guess(["t信用代码", "t统计期", "t用电量"], ["t" + SCHOOL, "t2022-03", "n1"])
    assert any("计量单位" in str(p) for p in found.unsure)
    layout = parse_layout(layout_text(found, BOOK, form="consumption"))
    with pytest.raises(Refused, match=r"单位“\?”"):
        Units(BOOK).check(layout)
    mended = confirmed(found, {}, {"c3": "10^4 kWh"})
    Units(BOOK).check(parse_layout(layout_text(mended, BOOK, form="consumption")))


def test_values_that_stand_for_no_code_are_named_and_can_be_chosen() -> None:
    found = guess(["t信用代码", "t单位名称", "t统计归口"], ["t" + SCHOOL, "t甲", "t泾县"], ["t" + OTHER, "t乙", "t经开区"])
    assert any("经开区" in str(p) for p in found.unsure)
    mended = confirmed(found, {}, {}, {"area": {"经开区": "341871"}})
    layout = parse_layout(layout_text(mended, BOOK, form="consumption"))
    assert layout.fields["area"].map["经开区"] == "341871" and layout.fields["area"].map["泾县"] == "341823" and not mended.unsure


def test_two_columns_that_look_alike_are_not_both_read() -> None:
    found = guess(["t信用代码", "t年份", "t电（千瓦时）", "t用电量（千瓦时）"], ["t" + SCHOOL, "n2022", "n1", "n2"])
    assert [c.meaning.role for c in found.columns] == ["identifier.uscc", "year", "item", "skip"]


def test_what_is_no_table_is_refused_in_words() -> None:
    with pytest.raises(Refused, match="表头"):
        guess(["n1", "n2"], ["n3", "n4"])


def workbook(*rows: list[object]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("汇总")
    for n, row in enumerate(rows):
        sheet.write_row(n, 0, row)
    book.close()
    return out.getvalue()


def test_a_file_is_guessed_and_read_by_what_was_guessed(tmp_path: Path) -> None:
    path = tmp_path / "最终版(2).et"  # WPS calls its spreadsheets so; inside it is OOXML
    path.write_bytes(workbook(["2022年3月汇总"], ["社会信用代码", "单位名称", "110 电（千瓦时）", "填报状态"], [SCHOOL, "示例小学", 1003, "已上报"]))
    found = guess_file(path, BOOK, form="consumption", name=path.name)
    layout = parse_layout(layout_text(found, BOOK, form="consumption", title=T("平台", "platform")))
    result = read_file(path, layout, BOOK, name=path.name)
    assert result.problems == [] and str(result.drafts[0].period) == "2022-03" and result.drafts[0].facts == {"status": "filed"}


def zipped(members: dict[str, bytes], flag: bool = True) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items():
            z.writestr(name, data)
    return out.getvalue()


def test_a_zip_brings_its_tables_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(zipped({"县/泾县.csv": b"a,b\n", "县/说明.docx": b"x", "__MACOSX/._泾县.csv": b"x", "总.xlsx": workbook(["a"])}))
    found = unpack(path, name="一起.zip")
    assert found is not None and [(n, d[:2]) for n, d in found] == [("泾县.csv", b"a,"), ("总.xlsx", b"PK")]
    path.write_bytes(workbook(["a"]))
    assert unpack(path, name="其实是工作簿.zip") is None and unpack(path, name="a.xlsx") is None
    path.write_bytes(b"a,b\n1,2\n")
    assert unpack(path, name="a.zip") is None


@pytest.mark.parametrize("members, says", [({"a.zip": b"PK"}, "还有压缩包"), ({"a.docx": b"x"}, "没有表格"), ({f"{n}.csv": b"x" for n in range(201)}, "201"),
                                           ({"a.csv": b"0" * 60_000_000}, "太大")])
def test_zips_beyond_a_limit_are_refused_in_words(tmp_path: Path, members: dict[str, bytes], says: str) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(members))
    with pytest.raises(Refused, match=says):
        unpack(path, name="a.zip")


WORDS = st.sampled_from(["电", "水", "（元）", "(kWh)", "/", "110", "信用代码", "单位名称", "2022年", "1月", "#2", "合计", "{", "\n", "：", "其中", "=1+1", "\u200b", "?", "[", "指标", "数值", "计量单位"])
CELLS = st.one_of(st.just(""), st.builds("".join, st.lists(WORDS, min_size=1, max_size=4)).map("t{}".format), st.text(max_size=12).map("t{}".format),
                  st.integers(-9, 10**13).map("n{}".format), st.sampled_from(["e#N/A", "f", "u", "b1", "d2022-03-01", "t" + SCHOOL]))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(CELLS, max_size=8), max_size=8), st.text(max_size=10))
def test_no_table_crashes_the_guess_and_what_it_writes_is_a_layout_or_refused(rows: list[list[str]], name: str) -> None:
    try:
        found = guess(*rows, name=name or "x")
        text = layout_text(found, BOOK, form="consumption")
        layout = parse_layout(text)
        Units(BOOK).check(layout)
        read_table(table(*rows, name=name or "x"), layout, BOOK, IntakeResult("x", "", "表.xlsx"))
    except Refused as refused:
        assert all(str(p.found) for p in refused.problems)
