"""Out by layout is the mirror of in: what is written reads back to the same values; texts are no formulas."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.exchange import exporting, queries
from jieneng.registry.models import Standing
from jieneng.returns.intake import parse_layout, read_file
from jieneng.returns.queries import book
from tests.figures.make import file_all
from tests.people_by_name import SCHOOL_ONE

pytestmark = pytest.mark.django_db
HEAD = """layout: out
title: {zh: 能耗表, en: table}
book: cn
reads: answers
form: consumption
"""
WHO = "identifier: {column: 信用代码, scheme: uscc}\nname: 单位名称\ntype: {column: 性质, map: {教育事业: education, 卫生事业: health}}\n"
SHAPES = {
    "wide by column": HEAD + "file: {kind: xlsx}\nheader: {row: 3, rows: 2}\n" + WHO + "period: {column: 统计期, format: YYYY年M月}\nitems:\n"
    "- {column: 电/数量（万千瓦时）, item: electricity_kwh, unit: 10^4 kWh}\n- {column: 水/数量, item: water_m3, unit: m3}\n",
    "wide by sheet": HEAD + "file: {kind: xlsx}\n" + WHO + "period: {sheet: '(\\d{4})年(\\d{1,2})月'}\nitems:\n- {column: 电, item: electricity_kwh, unit: kWh}\n- {column: 水, item: water_m3, unit: m3}\n",
    "year and month, csv": HEAD + "file: {kind: csv, encoding: gb18030}\n" + WHO + "period: {year: {column: 年}, month: {column: 月}}\nitems:\n- {column: 电, item: electricity_kwh, unit: MWh}\n- {column: 水, item: water_m3, unit: m3}\n",
    "long": HEAD + "file: {kind: xlsx}\n" + WHO + "period: {column: 期}\nshape: long\nlong: {item: 指标, value: 数值}\nunit: {column: 单位}\nitems:\n- {column: 用电, item: electricity_kwh}\n- {column: 用水, item: water_m3}\n",
    "months": HEAD + "file: {kind: xlsx}\nheader: {row: 2}\n" + WHO + "shape: months\nmonths: {item: 指标, year: {title: '(\\d{4})年'}}\nitems:\n- {column: 用电, item: electricity_kwh, unit: kWh}\n- {column: 用水, item: water_m3, unit: m3}\n",
}


@pytest.fixture
def stage(city: dict[str, Any]) -> dict[str, Any]:
    file_all(city, 2022)
    return city


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_reads_back_to_the_same_values(stage: dict[str, Any], tmp_path: Path, shape: str) -> None:
    layout = parse_layout(SHAPES[shape])
    data, name = exporting.write(stage["people"]["zhoumin"], layout, period=Period("year", 2022))
    path = tmp_path / name
    path.write_bytes(data)
    result = read_file(path, layout, book(), name=name)
    assert result.problems == [], result.problems[:3]
    read = {(d.identifier, str(d.period)): {i: queries.amount_text(v) for i, v in d.answers.items()} for d in result.drafts}
    ours = queries.our_answers("consumption", 2022)
    keys = {pk: key for key, pk in ((k, i.pk) for k, i in stage["institutions"].items())}
    assert read == {(keys[i], p): {x: a[x] for x in ("electricity_kwh", "water_m3")} for (i, p), a in ours.items()} and len(read) == 48
    assert result.drafts[0].type in ("education", "health")


def test_only_the_scope_is_written_and_the_event_says_what(stage: dict[str, Any]) -> None:
    from jieneng.records.models import Event

    data, _ = exporting.write(stage["people"]["wangxiuying"], parse_layout(SHAPES["wide by column"]), period=Period.month(2022, 3))
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        text = "".join(z.read(n).decode() for n in z.namelist() if n.endswith(".xml"))
    assert SCHOOL_ONE in text and "示例第二小学" not in text
    assert Event.objects.get(verb="export.layout").data["units"] == 1


def test_a_sensitive_unit_is_not_written_for_those_who_only_look_on(stage: dict[str, Any]) -> None:
    from jieneng.records.models import Event

    Standing.objects.filter(institution__key=SCHOOL_ONE).update(sensitive=True)
    for who in ("zhoumin", "suncha"):
        exporting.write(stage["people"][who], parse_layout(SHAPES["wide by column"]), period=Period.month(2022, 3))
    assert [e.data["units"] for e in Event.objects.filter(verb="export.layout").order_by("seq")] == [4, 3]


def test_names_that_look_like_formulas_stay_texts_and_read_back(stage: dict[str, Any], tmp_path: Path) -> None:
    Standing.objects.filter(institution=stage["institutions"][SCHOOL_ONE]).update(name="=HYPERLINK(1)")
    for shape in ("wide by column", "year and month, csv"):
        layout = parse_layout(SHAPES[shape])
        data, name = exporting.write(stage["people"]["wangxiuying"], layout, period=Period("year", 2022))
        (tmp_path / name).write_bytes(data)
        assert {d.name for d in read_file(tmp_path / name, layout, book(), name=name).drafts} == {"=HYPERLINK(1)"}
        assert "'=HYPERLINK" in data.decode("gb18030") if shape.endswith("csv") else b"<f>" not in data


def test_what_a_layout_cannot_write_is_refused_in_words(stage: dict[str, Any]) -> None:
    title = HEAD + "file: {kind: xlsx}\nheader: {row: 2}\n" + WHO + "period: {title: '(\\d{4})年(\\d{1,2})月'}\nitems:\n- {column: 电, item: electricity_kwh, unit: kWh}\n"
    with pytest.raises(Refused, match="逐月导出"):
        exporting.write(stage["people"]["zhoumin"], parse_layout(title), period=Period("year", 2022))
    assert exporting.write(stage["people"]["zhoumin"], parse_layout(title), period=Period.month(2022, 3))[0][:2] == b"PK"
    platform = SHAPES["wide by sheet"].replace("scheme: uscc", "scheme: platform")
    with pytest.raises(Refused, match="编号"):
        exporting.write(stage["people"]["zhoumin"], parse_layout(platform), period=Period("year", 2022))
