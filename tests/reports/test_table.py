"""The summary table: totals are formulas wherever they tell the truth, unknown is said, texts stay texts, the paper is set up."""

from __future__ import annotations

import copy
import dataclasses
import io
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from openpyxl import load_workbook

from jieneng.core.figure import Figure
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.reports.layout import layout_of
from jieneng.reports.table import write_table
from jieneng.rulebook import load

from .make import covered, figure

NAMES = [c["name"] for c in load("cn").tables["region-summary"]["columns"]]


def row(scale: int, **change: Any) -> list[Figure | None]:
    """Figures of one group: each amount is its place times ``scale``; indicators follow from them."""
    values: dict[str, Any] = {n: Fraction(k * scale, 3) for k, n in enumerate(NAMES, 1)}
    values["energy_per_area"] = values["energy_tce"] * 1000 / values["area_m2"]
    values["energy_per_person"] = values["energy_tce"] * 1000 / values["people"]
    values["water_per_person"] = values["water_m3"] / values["people"]
    values |= change
    return [v if isinstance(v, Figure) else figure(n, v) for n, v in values.items()]


def written(rows: list[tuple[str, list[Figure | None]]], whole: list[Figure | None]) -> tuple[Any, Any]:
    """The sheet with formulas, and the sheet with their cached values."""
    data = write_table(load("cn"), "region-summary", Period("year", 2022), "2023-01-31-abc", rows, whole, "统计范围 9 家。", "2023-01-31")
    return load_workbook(io.BytesIO(data)).active, load_workbook(io.BytesIO(data), data_only=True).active


def texts(sheet: Any) -> str:
    return "\n".join(str(c.value) for r in sheet.iter_rows() for c in r if isinstance(c.value, str))


AREAS = [("宣州区", row(1)), ("郎溪县", row(2))]


def test_totals_are_formulas_with_their_exact_value() -> None:
    formulas, values = written(AREAS, row(3))
    total = next(r for r in range(1, 30) if formulas.cell(r, 1).value == "合计")
    assert total == 8 and [formulas.cell(r, 1).value for r in (6, 7)] == ["宣州区", "郎溪县"]
    for n, f in enumerate(row(3), 2):
        assert f is not None and f.exact is not None
        assert str(formulas.cell(total, n).value).startswith("=") and values.cell(total, n).value == pytest.approx(float(f.exact), abs=1e-9)
        assert isinstance(values.cell(6, n).value, (int, float))
    area, energy = NAMES.index("area_m2") + 2, NAMES.index("energy_tce") + 2
    assert formulas.cell(total, 2).value == "=SUM(B6:B7)"
    letters = [formulas.cell(8, n).column_letter for n in (area, energy)]
    assert formulas.cell(total, NAMES.index("energy_per_area") + 2).value == f'=IF({letters[0]}8=0,"",{letters[1]}8*1000/{letters[0]}8)'


def test_an_unknown_group_is_said_and_never_makes_a_smaller_sum() -> None:
    unknown = figure("heat_gj", None)
    formulas, values = written([("宣州区", row(1, heat_gj=unknown)), ("郎溪县", row(2))], row(3))
    n = NAMES.index("heat_gj") + 2
    assert values.cell(6, n).value == "算不出"
    assert formulas.cell(8, n).value == pytest.approx(float(NAMES.index("heat_gj") + 1)), "the figure itself, not the sum of what is shown"
    assert "不等于各行之和" in texts(formulas)


def test_an_unknown_total_is_unknown_and_what_was_not_asked_is_blank() -> None:
    formulas, _ = written([("宣州区", row(1, coal_t=figure("coal_t", None)))], row(1, coal_t=figure("coal_t", None)))
    assert formulas.cell(7, NAMES.index("coal_t") + 2).value == "算不出"
    blank = [None if n == "gas_m3" else f for n, f in zip(NAMES, row(1), strict=True)]
    formulas, _ = written([("宣州区", blank)], blank)
    assert formulas.cell(6, NAMES.index("gas_m3") + 2).value is None and formulas.cell(7, NAMES.index("gas_m3") + 2).value is None


def test_an_indicator_on_fewer_members_is_a_value_with_a_note() -> None:
    formulas, _ = written(AREAS, row(3, energy_per_area=covered("energy_per_area", Fraction("8.1"), 8, 9)))
    assert formulas.cell(8, NAMES.index("energy_per_area") + 2).value == 8.1
    assert "不等于本表两栏合计之比" in texts(formulas) and "单位建筑面积能耗：填报完整的 8 家，应报 9 家。" in texts(formulas)


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\t=1", "＝1"])
def test_a_name_is_never_a_formula(name: str) -> None:
    formulas, _ = written([(name, row(1))], row(1))
    cell = formulas.cell(6, 1)
    assert cell.data_type == "s" and cell.quotePrefix and cell.border.left.style == "thin"


def test_the_paper_is_a4_across_with_head_repeated_and_says_it_is_a_sample() -> None:
    formulas, _ = written(AREAS, row(3))
    assert (formulas.page_setup.paperSize, formulas.page_setup.orientation) == (9, "landscape")
    assert formulas.page_setup.fitToWidth in (1, None) and formulas.page_setup.fitToHeight == 0 and formulas.print_title_rows == "$1:$5"
    said = texts(formulas)
    assert all(w in said for w in ("样例版式", "数据截至 2023-01-31", "快照 2023-01-31-abc", "统计期 2022年", "统计范围 9 家", "表号：", "制定机关：", "有效期至："))
    assert formulas.freeze_panes == "B6"


def told(change: Callable[[dict[str, Any]], Any]) -> str:
    cn = load("cn")
    raw = copy.deepcopy(dict(cn.tables["region-summary"]))
    change(raw)
    with pytest.raises(Refused) as refusal:
        layout_of(dataclasses.replace(cn, tables={"region-summary": raw}), "region-summary")
    assert all(p.where.file == "cn/tables/region-summary.yaml" for p in refusal.value.problems)
    return str(refusal.value)


@pytest.mark.parametrize(("change", "words"), [
    (lambda r: r.update(colour="red"), "colour"),
    (lambda r: r.update(by="moon"), "by 应是"),
    (lambda r: r.pop("title"), "缺“title”"),
    (lambda r: r.update(sample="false"), "sample 只能是 true"),
    (lambda r: r.update(paper="a3"), "paper 应是"),
    (lambda r: r["columns"].append({"name": "nothing"}), "没有“nothing”"),
    (lambda r: r["columns"].append({"name": "coal_t"}), "重复"),
    (lambda r: r["columns"].append({"name": "lpg_kg", "places": "9"}), "places 是"),
    (lambda r: r["columns"].append({"name": "co2_per_area"}), "指标不能相加"),
    (lambda r: r["columns"].append({"name": "co2_per_area", "ratio": {"of": "co2_t"}}), "ratio 写"),
    (lambda r: r.update(notes=["x"]), "每条说明"),
    (lambda r: r.update(columns=[]), "没有栏目"),
])
def test_a_declaration_is_read_strictly(change: Callable[[dict[str, Any]], Any], words: str) -> None:
    assert words in told(change)


def test_a_ratio_of_columns_that_are_not_there_is_a_value() -> None:
    cn = load("cn")
    raw = copy.deepcopy(dict(cn.tables["region-summary"]))
    raw["columns"] = [c for c in raw["columns"] if c["name"] in ("energy_tce", "energy_per_area")]
    book = dataclasses.replace(cn, tables={"region-summary": raw})
    figures = [figure("energy_tce", 10), figure("energy_per_area", Fraction("8.5"))]
    sheet = load_workbook(io.BytesIO(write_table(book, "region-summary", Period("year", 2022), "x", [("宣州区", figures)], figures, "", "2023-01-31"))).active
    assert sheet.cell(7, 2).value == "=SUM(B6:B6)" and sheet.cell(7, 3).value == 8.5


def test_an_unknown_table_names_those_there_are() -> None:
    with pytest.raises(Refused, match="region-summary"):
        layout_of(load("cn"), "nothing")
