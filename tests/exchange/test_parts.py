"""Tables of machine rooms in and out by layout: a row for each room, good rows go in, the others are told by cell; what goes out reads back."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.exchange import exporting
from jieneng.fieldwork import intake
from jieneng.returns import actions
from jieneng.returns.intake import parse_layout, read_file
from jieneng.returns.models import Import, Return, ReturnFinding, Revision, Round
from jieneng.returns.queries import book
from jieneng.returns.waivers import grant
from jieneng.review.actions import run_review
from jieneng.rulebook import form_for
from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, SCHOOL_ONE, SCHOOL_TWO

pytestmark = pytest.mark.django_db
LAYOUT = """layout: rooms
title: {zh: 机房表, en: rooms}
book: cn
reads: answers
form: data_centre
file: {kind: csv}
identifier: {column: 信用代码, scheme: uscc}
name: 单位名称
part: 数据中心名称
period: {value: '2022'}
items:
- {column: 机柜总数量, item: dc_racks, unit: 个}
- {column: 预留机柜数量, item: dc_reserved_racks, unit: 个}
- {column: 机房总用电量（万千瓦时）, item: dc_electricity_kwh, unit: 万kWh}
- {column: IT设备用电量（千瓦时）, item: dc_it_electricity_kwh, unit: kWh}
"""
HEAD = "信用代码,单位名称,数据中心名称,机柜总数量,预留机柜数量,机房总用电量（万千瓦时）,IT设备用电量（千瓦时）"


def bring(city: dict[str, Any], path: Path, *rows: str) -> Import:
    path.write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    person = city["people"]["zhoumin"]
    return intake.bring_in(person, intake.receive_path(person, path), LAYOUT, office=city["offices"]["341800"])


def batch_round() -> Round:
    return Round.objects.get(form="consumption", year=2022)


def closing(city: dict[str, Any], key: str) -> Return:
    return Return.objects.get(institution=city["institutions"][key], period="2022-12")


def test_rooms_come_in_row_by_row_and_go_out_again(city: dict[str, Any], tmp_path: Path) -> None:
    file_all(city, 2022)
    Revision.objects.filter(ret__institution=city["institutions"][HOSPITAL]).delete()
    Return.objects.filter(institution=city["institutions"][HOSPITAL]).update(revision=0, accepted=0, state="expected")
    rows = (f"{SCHOOL_ONE},示例第一小学,一号机房,10,2,0.4,3000", f"{SCHOOL_ONE},示例第一小学,二号机房,4,5,0.2,1500", f"{SCHOOL_TWO},示例第二小学,机房,3,0,三,900",
            f"{SCHOOL_TWO},示例第二小学,,3,0,0.1,900", f"{HOSPITAL},示例医院,机房,3,0,0.1,900")
    batch = bring(city, tmp_path / "rooms.csv", *rows)
    assert batch.counts["answers"]["changed"] == 2
    told = {(p["where"].get("line"), p["where"].get("cell")): p["found"]["zh"] for p in batch.problems}
    said = " ".join(told.values())
    assert len(batch.problems) == 3 and "三" in said and "没有写机房名称" in said and "还没有报公共机构能源资源消费状况" in said
    revision = Revision.objects.get(ret=closing(city, SCHOOL_ONE), number=2)
    rooms = revision.parts
    assert [p["name"] for p in rooms.values()] == ["一号机房", "二号机房"] and rooms["data_centre-1"]["answers"]["dc_electricity_kwh"] == "4000"
    assert revision.sources["data_centre-1.dc_electricity_kwh"][3:] == ["0.4", "万kWh"] and revision.answers["electricity_kwh"]
    assert Revision.objects.get(ret=closing(city, SCHOOL_TWO), number=2).parts["data_centre-1"]["answers"] | {} == {
        **dict.fromkeys(rooms["data_centre-1"]["answers"]), "dc_racks": "3", "dc_reserved_racks": "0", "dc_it_electricity_kwh": "900"}
    found = {(f.part, f.rule): f.says["zh"] for f in ReturnFinding.objects.filter(ret=closing(city, SCHOOL_ONE), revision=2)}
    assert found["data_centre-2", "L09"] == "二号机房：预留机柜 5 个，多于机柜总数 4 个"
    # the review of the round speaks in the same words, of the two rooms apart; a waiver of the check lets it go
    zhou = city["people"]["zhoumin"]
    run = run_review(zhou, book(), batch_round(), city["offices"]["341800"])
    assert [f.says["zh"] for f in run.findings.filter(rule="L09")] == ["二号机房：预留机柜 5 个，多于机柜总数 4 个。"]
    grant(zhou, city["institutions"][SCHOOL_ONE], form_for(book(), "consumption", 2022), "L09", until=timezone.localdate(), reason="扩容中")
    assert closing(city, SCHOOL_ONE).pk not in actions.open_must([closing(city, SCHOOL_ONE)])
    # the same again changes nothing; a corrected room keeps its number, and the other stays as it was
    assert bring(city, tmp_path / "again.csv", *rows[:2]).counts["answers"]["same"] == 1
    bring(city, tmp_path / "later.csv", f"{SCHOOL_ONE},示例第一小学,二号机房,6,5,0.2,1500")
    later = Revision.objects.get(ret=closing(city, SCHOOL_ONE), number=3).parts
    assert later["data_centre-2"]["answers"]["dc_racks"] == "6" and later["data_centre-1"] == rooms["data_centre-1"]
    # out by the same layout, a row for each room, and it reads back
    data, name = exporting.write(city["people"]["zhoumin"], parse_layout(LAYOUT), period=Period("year", 2022))
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert lines[0] == HEAD.split(",") and [x[2] for x in lines[1:]] == ["一号机房", "二号机房", "机房"]
    path = tmp_path / name
    path.write_bytes(data)
    back = {(d.identifier, d.part): d.answers for d in read_file(path, parse_layout(LAYOUT), book(), name=name).drafts}
    assert back[SCHOOL_ONE, "二号机房"]["dc_racks"] == 6 and back[SCHOOL_ONE, "一号机房"]["dc_electricity_kwh"] == Decimal(4000)


def test_a_table_of_rooms_is_refused_as_the_platforms_and_has_no_round_of_its_own(city: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Refused, match="part"):
        read_file(tmp_path / "none.csv", parse_layout(LAYOUT.replace("part: 数据中心名称\n", "")), book(), name="none.csv")
    with pytest.raises(Refused, match="part"):
        read_file(tmp_path / "none.csv", parse_layout(LAYOUT.replace("form: data_centre", "form: consumption").split("items:")[0] + "items:\n- {column: 电, item: electricity_kwh, unit: kWh}\n"),
                  book(), name="none.csv")
    with pytest.raises(Refused, match="不单独开统计任务"):
        actions.open_round(city["people"]["zhoumin"], book(), form="data_centre", year=2022, office=city["offices"]["341800"])
    path = tmp_path / "rooms.csv"
    path.write_text(HEAD + f"\n{SCHOOL_ONE},示例第一小学,一号机房,10,2,0.4,3000\n", encoding="utf-8")
    person = city["people"]["zhoumin"]
    with pytest.raises(Refused, match="本处"):
        intake.bring_in(person, intake.receive_path(person, path), LAYOUT, office=city["offices"]["341800"], take="platform")
