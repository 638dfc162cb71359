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
from jieneng.desk.ops.replay import objects, tell
from jieneng.exchange import exporting, queries, register_changes
from jieneng.exchange.actions import correct
from jieneng.exchange.models import RegisterLine
from jieneng.fieldwork.intake import bring_in
from jieneng.people.scope import scope
from jieneng.records import files
from jieneng.records.models import Event
from jieneng.registry import changes
from jieneng.registry.models import Standing
from jieneng.registry.planning import Line
from jieneng.returns.intake import parse_layout
from jieneng.returns.models import Import
from jieneng.returns.queries import book
from tests.exchange.make import off_by_ten, take
from tests.exchange.test_template import LAYOUT, template
from tests.figures.make import file_all
from tests.people_by_name import JIXI_SCHOOL, SCHOOL_ONE, SCHOOL_TWO

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


REGISTER = """layout: platform-register
title: {zh: 平台名录, en: register}
book: cn
reads: register
file: {kind: csv}
identifier: {column: 代码, scheme: uscc}
name: 名称
area: {column: 地区, map: {泾县: "341823", 绩溪县: "341824"}}
in_scope: 在用
"""


def platform_register(city: dict[str, Any], *rows: tuple[str, str, str, str], take: str = "platform") -> Import:
    """The platform's register (code, name, area, state), brought in by 周敏 as its own."""
    text = "代码,名称,地区,在用\n" + "".join(",".join(r) + "\n" for r in rows)
    received = files.receive(io.BytesIO(text.encode()), "平台名录.csv", city["people"]["zhoumin"])
    return bring_in(city["people"]["zhoumin"], received, REGISTER, office=city["offices"]["341800"], take=take)


def states() -> dict[str, str]:
    return {x.institution.key: x.state for x in RegisterLine.objects.exclude(state="withdrawn").select_related("institution")}


def hand_out(city: dict[str, Any], who: str = "zhoumin") -> int:
    """A rename in 泾县 and a closing in 绩溪, handed out since the new year."""
    rename(city, SCHOOL_ONE, "示例中心小学", dt.date(2023, 1, 5))
    changes.apply(city["people"]["zhoumin"], [Line("close", JIXI_SCHOOL, dt.date(2023, 2, 1), "撤校", "示例编办〔2023〕2号")])
    return register_changes.export(city["people"][who], since=dt.date(2023, 1, 1))[1]


def test_lines_handed_out_are_ticked_by_the_platforms_register_which_writes_nothing_of_ours(city: dict[str, Any], sign_in: Any) -> None:
    assert hand_out(city) == 2 and states() == {SCHOOL_ONE: "open", JIXI_SCHOOL: "open"}
    before = list(Standing.objects.values_list("pk", flat=True))
    batch = platform_register(city, (SCHOOL_ONE, "示例第一小学", "泾县", "是"), (JIXI_SCHOOL, "绩溪县示例小学", "绩溪县", "是"))
    assert states() == {SCHOOL_ONE: "not_done", JIXI_SCHOOL: "not_done"} and batch.counts["register_lines"] == {"not_done": 2}
    page = sign_in("zhoumin").get(reverse("register-lines")).content.decode()
    assert "还没办" in page and "改名称：示例第一小学" in page
    assert "还没办 2" in sign_in("zhoumin").get(reverse("import", args=[batch.pk])).content.decode()
    platform_register(city, (SCHOOL_ONE, "示例中心小学 ", "泾县", "是"), (JIXI_SCHOOL, "绩溪县示例小学", "绩溪县", "否"))
    assert states() == {SCHOOL_ONE: "done", JIXI_SCHOOL: "done"} and list(Standing.objects.values_list("pk", flat=True)) == before
    sheet = load_workbook(io.BytesIO(sign_in("wangli").get(reverse("register-lines") + "?xlsx=1").content)).active
    texts = [str(c.value) for row in sheet.iter_rows() for c in row]
    assert "示例中心小学" in texts and "绩溪县示例小学" not in texts and "已办" in texts
    assert Event.objects.filter(verb="platform.register").count() == 2 and not [f for f in objects(tell())[1] if "import" in f]


def test_a_body_the_table_lacks_counts_only_in_an_area_it_names(city: dict[str, Any]) -> None:
    hand_out(city)
    platform_register(city, (SCHOOL_TWO, "示例第二小学", "泾县", "是"))
    assert states() == {SCHOOL_ONE: "not_done", JIXI_SCHOOL: "open"}  # 绩溪 is not in the table: nothing is known of it
    take(city)  # figures: the old name proves nothing, the new one does
    assert states()[SCHOOL_ONE] == "not_done"


def test_figures_under_the_new_name_tick_a_rename(city: dict[str, Any]) -> None:
    hand_out(city)
    text = f"代码,名称,月份,电\n{SCHOOL_ONE},示例中心小学,2022-03,5\n"
    layout = ("layout: p\ntitle: {zh: 平台, en: platform}\nbook: cn\nreads: answers\nform: consumption\nholder: platform\nfile: {kind: csv}\nshape: wide\nname: 名称\n"
              "identifier: {column: 代码, scheme: uscc}\nperiod: {column: 月份, format: YYYY-MM}\nitems:\n- {column: 电, item: electricity_kwh, unit: kWh}\n")
    received = files.receive(io.BytesIO(text.encode()), "平台.csv", city["people"]["zhoumin"])
    bring_in(city["people"]["zhoumin"], received, layout, office=city["offices"]["341800"])
    assert states() == {SCHOOL_ONE: "done", JIXI_SCHOOL: "open"}


def test_a_later_change_takes_over_what_the_earlier_line_still_asks(city: dict[str, Any]) -> None:
    hand_out(city)
    register_changes.export(city["people"]["zhoumin"], since=dt.date(2023, 1, 1))
    assert RegisterLine.objects.count() == 2  # the same again is the same line
    changes.apply(city["people"]["zhoumin"], [Line("type", SCHOOL_ONE, dt.date(2023, 2, 5), "转型", "示例编办〔2023〕3号", type="other")])
    register_changes.export(city["people"]["zhoumin"])
    line = RegisterLine.objects.exclude(state="withdrawn").get(institution__key=SCHOOL_ONE)
    assert line.what == ["renamed", "type"] and line.before is not None and line.before.name == "示例第一小学"
    platform_register(city, (SCHOOL_ONE, "示例中心小学", "泾县", "是"))  # its table has no type
    assert states()[SCHOOL_ONE] == "other"
    rename(city, SCHOOL_ONE, "示例第一小学", dt.date(2023, 3, 1))
    changes.apply(city["people"]["zhoumin"], [Line("type", SCHOOL_ONE, dt.date(2023, 3, 2), "转回", "示例编办〔2023〕4号", type=line.before.type)])
    register_changes.export(city["people"]["zhoumin"])
    assert SCHOOL_ONE not in states()  # as the platform always had it


def test_who_only_looks_on_takes_a_copy_and_sensitive_units_stay_out(city: dict[str, Any], sign_in: Any) -> None:
    assert hand_out(city, "suncha") == 2 and not RegisterLine.objects.exists()
    changes.apply(city["people"]["zhoumin"], [Line("sensitive", SCHOOL_ONE, dt.date(2023, 2, 7), "敏感", "示例〔2023〕5号")])
    assert register_changes.export(city["people"]["suncha"], since=dt.date(2023, 1, 1))[1] == 1
    assert register_changes.export(city["people"]["zhoumin"], since=dt.date(2023, 1, 1))[1] == 2
    assert "示例中心小学" not in sign_in("suncha").get(reverse("register-lines")).content.decode()
    line = RegisterLine.objects.get(institution__key=SCHOOL_ONE)
    assert sign_in("heping").post(reverse("register-line-drop", args=[line.pk]), {"reason": "x"}).status_code == 404
    assert sign_in("wangli").post(reverse("register-line-drop", args=[line.pk]), {"reason": " "}).status_code == 422
    assert sign_in("wangli").post(reverse("register-line-drop", args=[line.pk]), {"reason": "平台自动改名"}).status_code == 302
    assert SCHOOL_ONE not in states()


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
    with pytest.raises(Refused, match="表样里没有指标"):
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
    handed = run("--what", "register-changes", "--since", "1990-01-01")["lines"]
    assert run("--what", "register-lines")["states"]["open"] == handed > 0
    run("--what", "corrections", "--layout", tmp_path / "c.yaml", "--period", "2022")
    assert [c.value for c in load_workbook(tmp_path / "out.xlsx").active[1]][:2] == ["为什么", "原来的数"]
    with pytest.raises(Refused, match="没有写期间"):
        run("--what", "sheets")


def test_what_the_platform_has_already_needs_no_account(city: dict[str, Any]) -> None:
    """The first export begins where the platform stands: what was imported from it is not asked for again; what was renamed since is."""
    wangli = city["people"]["wangli"]
    everything, _ = register_changes.listed(wangli, None)
    assert {x.what for x in everything} == {("new",)} and len(everything) > 1
    file_all(city, 2022)
    take(city)
    rename(city, SCHOOL_ONE, "示例第一小学总校", dt.date(2023, 3, 1))
    rest, said = register_changes.listed(wangli, None)
    assert [(x.after.name, x.what) for x in rest] == [("示例第一小学总校", ("renamed",))] and f"平台已有 {len(everything) - 1} 家，不用办" in str(said)
