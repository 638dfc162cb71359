"""The three summary tables agree: with each other, with plain-Python sums of the accepted answers, and after LibreOffice recalculates."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.reports import actions
from jieneng.reports.layout import layout_of
from jieneng.returns.freeze import freeze
from jieneng.returns.models import Return, Revision
from jieneng.returns.queries import book
from tests.figures.make import file_all
from tests.people_by_name import JIXI_SCHOOL

pytestmark = pytest.mark.django_db
CODES = ("region-summary", "department-summary", "type-summary")
SUMS = ("electricity_kwh", "water_m3", "coal_t", "gas_m3", "petrol_l", "diesel_l")


@pytest.fixture
def stage(city: dict[str, Any]) -> dict[str, Any]:
    file_all(city, 2022)
    return {**city, "record": freeze(city["people"]["zhoumin"], book(), 2022)}


def sheet_of(data: bytes, values: bool = True) -> Any:
    return load_workbook(io.BytesIO(data), data_only=values).active


def lines(sheet: Any) -> dict[str, int]:
    """Row numbers by the name in the first column, below the heads."""
    return {str(sheet.cell(r, 1).value): r for r in range(6, sheet.max_row + 1) if sheet.cell(r, 1).value}


def total_row(sheet: Any) -> int:
    found = lines(sheet)
    return found.get("合计") or found["总计"]


def exactly(value: Any) -> Fraction:
    """What a cell holds, as the nine decimals it was written with."""
    return Fraction(Decimal(repr(value)).quantize(Decimal("0.000000001"))) if value is not None else Fraction(0)


def plain(stage: dict[str, Any], item: str, months: tuple[str, ...], key: str = "") -> Fraction:
    """The accepted answers of an item added up in plain Python."""
    total = Fraction(0)
    for ret in Return.objects.filter(round__year=2022, accepted__gt=0, period__in=months).select_related("institution"):
        if key and ret.institution.key != key:
            continue
        answer = Revision.objects.get(ret=ret, number=ret.accepted).answers.get(item)
        total += Fraction(answer) if answer is not None else 0
    return total


@pytest.mark.parametrize("period", ["2022", "2022H1", "2022Q3", "2022-02"])
def test_totals_are_equal_to_the_last_digit(stage: dict[str, Any], period: str) -> None:
    span = Period.parse(period)
    months = tuple(str(m) for m in span.months)
    names = layout_of(book(), CODES[0]).names
    totals: dict[str, list[Fraction]] = {n: [] for n in names}
    for code in CODES:
        assert layout_of(book(), code).names == names
        data = actions.table(stage["people"]["zhoumin"], code, span, stage["record"])
        sheet, formulas = sheet_of(data), sheet_of(data, values=False)
        row = total_row(sheet)
        for n, name in enumerate(names, 2):
            totals[name].append(exactly(sheet.cell(row, n).value))
            if name in SUMS:
                rows = [r for text, r in lines(sheet).items() if r != row and isinstance(sheet.cell(r, 2).value, (int, float))]
                assert sum(exactly(sheet.cell(r, n).value) for r in rows) == totals[name][-1], (code, name)
                assert str(formulas.cell(row, n).value).startswith("=SUM("), (code, name)
        assert f"（{span.label.say('zh')}）" in sheet.cell(1, 1).value and sheet.page_setup.orientation == "landscape"
    for name, found in totals.items():
        assert len(set(found)) == 1, name
    for item in SUMS:
        assert totals[item][0] == plain(stage, item, months), item
    assert totals["electricity_kwh"][0] > 0


def test_a_planted_wrong_row_would_be_seen(stage: dict[str, Any]) -> None:
    before = actions.table(stage["people"]["zhoumin"], "type-summary", Period("year", 2022), stage["record"])
    shown = lines(sheet_of(before))
    assert {"教育事业", "卫生事业", "合计"} <= set(shown)
    months = tuple(str(m) for m in Period("year", 2022).months)
    sheet = sheet_of(before)
    assert exactly(sheet.cell(shown["教育事业"], 2).value) != plain(stage, "electricity_kwh", months)
    jixi = sheet_of(actions.table(stage["people"]["heping"], "region-summary", Period("year", 2022), stage["record"]))
    assert exactly(jixi.cell(lines(jixi)["绩溪县"], 2).value) == plain(stage, "electricity_kwh", months, JIXI_SCHOOL)


def test_departments_stand_by_area_and_a_department_sees_its_institutions(stage: dict[str, Any]) -> None:
    year = Period("year", 2022)
    city = lines(sheet_of(actions.table(stage["people"]["zhoumin"], "department-summary", year, stage["record"])))
    assert [n for n in city if n.startswith(("总计", "泾县", "绩溪", "市直"))] == ["总计", "市直 （直报，没有主管部门）", "泾县 教育局", "绩溪县 （直报，没有主管部门）"]
    own = lines(sheet_of(actions.table(stage["people"]["chengang"], "department-summary", year, stage["record"])))
    assert [n for n in own if n.startswith(("总计", "示例"))] == ["总计", "示例第一小学", "示例第二小学"]


def test_an_unknown_table_and_a_wrong_period_are_refused_in_words(stage: dict[str, Any], sign_in: Any) -> None:
    with pytest.raises(Refused, match="没有汇总表"):
        actions.table(stage["people"]["zhoumin"], "moon", Period("year", 2022), stage["record"])
    zhou = sign_in("zhoumin")
    assert zhou.get("/tables/type-summary/2022Q9.xlsx").status_code == 404
    response = zhou.get("/tables/type-summary/2022Q1.xlsx")
    assert response.status_code == 200 and "2022" in response.headers["Content-Disposition"]
    page = zhou.get("/tables/?period=2022Q1").content.decode()
    assert "部门汇总表" in page and "分类汇总表" in page and "行政区域汇总表" in page and "2022年一季度" in page and "/tables/type-summary/2022Q1.xlsx" in page


def without_cached_values(data: bytes) -> bytes:
    """The workbook as if its formulas had never been computed, so that whoever opens it must."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = source.read(name)
            if name.startswith("xl/worksheets/sheet"):
                part = re.sub(rb"(</f>)<v>[^<]*</v>", rb"\1", part)
            target.writestr(name, part)
    return out.getvalue()


@pytest.mark.skipif(shutil.which("soffice") is None, reason="soffice (LibreOffice) is not installed")
def test_libreoffice_recalculates_to_the_same_totals(stage: dict[str, Any], tmp_path: Path) -> None:
    made = {}
    for code in CODES:
        made[code] = actions.table(stage["people"]["zhoumin"], code, Period("year", 2022), stage["record"])
        (tmp_path / f"{code}.xlsx").write_bytes(without_cached_values(made[code]))
    done = tmp_path / "done"
    subprocess.run(["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir",
                    str(done), *(str(tmp_path / f"{c}.xlsx") for c in CODES)], check=True, capture_output=True, timeout=180)
    for code in CODES:
        ours, theirs = sheet_of(made[code]), sheet_of((done / f"{code}.xlsx").read_bytes())
        row = total_row(ours)
        assert total_row(theirs) == row
        for n in range(2, len(layout_of(book(), code).names) + 2):
            a, b = ours.cell(row, n).value, theirs.cell(row, n).value
            assert b is not None and b == pytest.approx(a, rel=1e-12, abs=1e-9), (code, n)
