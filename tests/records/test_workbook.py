"""Lists as workbooks: numbers are numbers, texts are never formulas, the first rows say what it is."""

from __future__ import annotations

import io
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from openpyxl import load_workbook

from jieneng.core.words import T, speaking
from jieneng.records.workbook import Column, dangerous, list_workbook, workbook_response

COLUMNS = [Column(T("名称", "name"), 20), Column(T("数", "number"))]


def sheet(*rows: tuple[Any, Any], notes: tuple[str, ...] = ()) -> Any:
    return load_workbook(io.BytesIO(list_workbook(T("名录库", "Register"), COLUMNS, rows, notes))).active


def test_the_first_rows_say_what_it_is_and_when() -> None:
    made = sheet(("示例学校", 1), notes=("2022-12-31 时点", "宣州区"))
    assert made["A1"].value == "名录库" and "导出" in made["A2"].value and "2022-12-31 时点；宣州区" in made["A2"].value
    assert [c.value for c in made[3]] == ["名称", "数"] and made.freeze_panes == "B4" and made.auto_filter.ref == "A3:B4"
    assert made.print_title_rows == "$3:$3" and made.page_setup.orientation == "landscape"


@pytest.mark.parametrize(("value", "form"), [
    (2022, "0"), (1130, "0"), (Decimal("1130.0000"), "#,##0"), (Decimal("1682.1000"), "#,##0.####"), (Fraction(1, 3), "#,##0.####"),
    (0.5, "#,##0.####"), (Decimal(0), "#,##0"),
])
def test_numbers_are_numbers_in_a_form_that_fits(value: Any, form: str) -> None:
    cell = sheet(("示例学校", value))["B4"]
    assert cell.data_type == "n" and cell.value == pytest.approx(float(value)) and cell.number_format == form


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "\n=1", "＝1", "＋1", "－1", "＠A1", "\u200b=1", "\ufeff=1", "  =1"])
def test_no_text_is_ever_a_formula(text: str) -> None:
    cell = sheet((text, None))["A4"]
    assert dangerous(text) and cell.data_type in ("s", "inlineStr") and cell.quotePrefix


@pytest.mark.parametrize("text", ["示例学校", "341802", "a=b", "1-2", "𠮷䶮", "http://example.org"])
def test_other_texts_are_as_they_were(text: str) -> None:
    cell = sheet((text, None))["A4"]
    assert not dangerous(text) and cell.value == text and cell.data_type == "s" and not cell.quotePrefix and cell.hyperlink is None


def test_nothing_is_blank_and_truth_is_a_word() -> None:
    made = sheet(("示例", None), ("", True))
    assert made["B4"].value is None and made["A5"].value is None and made["B5"].value == "是"
    with speaking("en"):
        assert sheet(("x", False))["B4"].value == "no"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN")])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="no number"):
        sheet(("示例", value))


def test_the_download_keeps_its_chinese_name() -> None:
    response = workbook_response(b"x", "名录库.xlsx")
    assert response.headers["Content-Disposition"].endswith("filename*=UTF-8''%E5%90%8D%E5%BD%95%E5%BA%93.xlsx")
