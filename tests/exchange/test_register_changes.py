"""What is to be keyed in on the platform: new, renamed, moved and closed bodies, since a day and since the last export."""

from __future__ import annotations

import argparse
import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from jieneng.core.problem import Refused
from jieneng.desk.commands import Out
from jieneng.desk.commands import exchange as commands
from jieneng.exchange import exporting, queries, register_changes
from jieneng.exchange.actions import correct
from jieneng.people.scope import scope
from jieneng.records.models import Event
from jieneng.registry import changes
from jieneng.registry.planning import Line
from jieneng.returns.intake import parse_layout
from jieneng.returns.queries import book
from tests.exchange.make import off_by_ten, take
from tests.exchange.test_template import LAYOUT, template
from tests.figures.make import file_all
from tests.people_by_name import JIXI_SCHOOL, SCHOOL_ONE

pytestmark = pytest.mark.django_db


def rename(city: dict[str, Any], key: str, name: str, since: dt.date) -> None:
    changes.apply(city["people"]["zhoumin"], [Line("rename", key, since, "更名", "示例编办〔2023〕1号", name=name)])


def found(city: dict[str, Any], who: str = "zhoumin", **more: Any) -> dict[str, tuple[str, ...]]:
    return {x.after.institution.key: x.what for x in register_changes.changes(scope(city["people"][who], "see"), **more)}


def test_since_a_day_only_what_stands_otherwise_is_told_inside_the_scope(city: dict[str, Any]) -> None:
    rename(city, SCHOOL_ONE, "示例中心小学", dt.date(2023, 1, 5))
    changes.apply(city["people"]["zhoumin"], [Line("close", JIXI_SCHOOL, dt.date(2023, 2, 1), "撤校", "示例编办〔2023〕2号")])
    assert found(city, since=dt.date(2023, 1, 1)) == {SCHOOL_ONE: ("renamed",), JIXI_SCHOOL: ("closed",)}
    assert found(city, since=dt.date(2023, 1, 6)) == {JIXI_SCHOOL: ("closed",)}
    assert found(city, who="heping", since=dt.date(2023, 1, 1)) in ({SCHOOL_ONE: ("renamed",)}, {JIXI_SCHOOL: ("closed",)})
    assert set(found(city, since=dt.date(1990, 1, 1)).values()) == {("new",)}  # what closed since then never was on the platform
    rename(city, SCHOOL_ONE, "示例第一小学", dt.date(2023, 3, 1))
    assert SCHOOL_ONE not in found(city, since=dt.date(2023, 1, 1))  # and back again


def test_the_next_export_begins_where_the_last_ended_whatever_its_day(city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("zhoumin")
    assert client.post(reverse("register-export"), {"since": ""}).content[:2] == b"PK"
    rename(city, SCHOOL_ONE, "=示例中心小学", dt.date(2020, 1, 5))  # entered late: its day lies before the last export
    page = client.get(reverse("register-export")).content.decode()
    assert "=示例中心小学" in page and "改名称" in page and "上次导出以来" in page
    sheet = load_workbook(io.BytesIO(client.post(reverse("register-export"), {"since": ""}).content)).active
    cell = next(c for row in sheet.iter_rows() for c in row if c.value == "=示例中心小学")
    assert cell.quotePrefix and cell.data_type != "f"
    assert "没有变更" in client.get(reverse("register-export")).content.decode()
    assert [e.data["lines"] for e in Event.objects.filter(verb="export.register").order_by("seq")][1] == 1
    assert client.get(reverse("register-export") + "?since=昨天").status_code == 422


LIST = """layout: ours
title: {zh: 更正, en: corrections}
book: cn
reads: answers
form: consumption
file: {kind: xlsx}
extra: {reason: 为什么, old: 原来的数}
long: {item: 项目, value: 应改为}
shape: long
period: {column: 月份, format: YYYY年M月}
name: 单位
identifier: {column: 代码, scheme: uscc}
unit: {column: 计量}
items:
- {column: 用电, item: electricity_kwh}
"""


def test_a_list_of_corrections_stands_in_the_offices_own_columns(city: dict[str, Any]) -> None:
    file_all(city, 2022)
    take(city, off_by_ten(SCHOOL_ONE))
    correct(city["people"]["zhoumin"], book(), city["institutions"][SCHOOL_ONE], form="consumption", period="2022-03", item="electricity_kwh", new="1003", reason="账单", word="王秀英")
    rows = queries.listed(scope(city["people"]["zhoumin"], "see"), "consumption", 2022)
    data = exporting.corrections(parse_layout(LIST), 2022, rows)
    table = list(load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True))
    assert table == [("为什么", "原来的数", "项目", "应改为", "月份", "单位", "代码", "计量"),
                     ("账单", 10030, "用电", 1003, "2022年3月", "示例第一小学", SCHOOL_ONE, "kWh")]
    correct(city["people"]["zhoumin"], book(), city["institutions"][SCHOOL_ONE], form="consumption", period="2022-03", item="water_m3", new="7", reason="账单", word="王秀英")
    with pytest.raises(Refused, match="布局里没有指标"):
        exporting.corrections(parse_layout(LIST), 2022, queries.listed(scope(city["people"]["zhoumin"], "see"), "consumption", 2022))


def test_the_commands_fill_a_template_and_write_the_lists(city: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file_all(city, 2022)
    (tmp_path / "省表.xlsx").write_bytes(template([SCHOOL_ONE]))
    (tmp_path / "l.yaml").write_text(LAYOUT, encoding="utf-8")
    (tmp_path / "c.yaml").write_text(LIST, encoding="utf-8")

    def run(*words: object) -> dict[str, Any]:
        parser = argparse.ArgumentParser()
        commands.export_arguments(parser)
        return commands.export(parser.parse_args([*map(str, words), "--as", "zhoumin", "--out", str(tmp_path / "out.xlsx")]), Out())

    done = run("--template", tmp_path / "省表.xlsx", "--layout", tmp_path / "l.yaml", "--period", "2022-03")
    assert done["counts"]["cells"] == 2 and load_workbook(tmp_path / "out.xlsx")["填报"]["D5"].value == 0.1003
    assert "表里没有行：示例第二小学" in capsys.readouterr().out
    assert run("--what", "register-changes", "--since", "1990-01-01")["lines"] > 0
    run("--what", "corrections", "--layout", tmp_path / "c.yaml", "--period", "2022")
    assert [c.value for c in load_workbook(tmp_path / "out.xlsx").active[1]][:2] == ["为什么", "原来的数"]
    with pytest.raises(Refused, match="没有写期间"):
        run("--what", "sheets")
