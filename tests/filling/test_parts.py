"""Machine rooms and heating sources of a unit: none, one or several, each with its own small form, by people with names."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.urls import reverse

from jieneng.core.problem import Refused
from jieneng.desk.telling import tell
from jieneng.filling import actions
from jieneng.filling.models import Draft, DraftSave
from jieneng.records.models import Event
from jieneng.returns.behalf import change
from jieneng.returns.models import Return, ReturnFinding, Revision
from jieneng.returns.queries import book
from tests.filling.make import good_values, open_year, the_year
from tests.people_by_name import SCHOOL_ONE

pytestmark = pytest.mark.django_db
WANG = "wangxiuying"
ROOM = {"dc_area_m2": "60", "dc_racks": "10", "dc_reserved_racks": "2", "dc_it_power_kw": "20", "dc_cooling_power_kw": "8", "dc_distribution_power_kw": "2",
        "dc_ups_kva": "40", "dc_it_electricity_kwh": "3000", "dc_cooling_electricity_kwh": "900", "dc_distribution_electricity_kwh": "100"}


def room(n: int, name: str, **other: str) -> dict[str, str]:
    key = f"data_centre-{n}"
    return {f"part.{key}": "1", f"name.{key}": name, **{f"{key}.{i}": v for i, v in {**ROOM, **other}.items()}}


@pytest.fixture
def year(city: dict[str, Any]) -> Any:
    return the_year(city, open_year(city, last_year=False))


@pytest.fixture
def address(year: Any) -> str:
    return reverse("filling-year", args=[year.round.pk, year.institution.pk])


def closing(year: Any) -> Return:
    return Return.objects.filter(round=year.round, institution=year.institution).order_by("-period")[0]


def test_rooms_are_added_taken_away_and_come_back_with_what_was_typed(sign_in: Any, city: dict[str, Any], year: Any, address: str) -> None:
    client = sign_in(WANG)
    text = client.get(address).content.decode()
    assert "添加一处机房" in text and "没有机房就不用填" in text and 'name="data_centre-1' not in text
    added = client.post(address, {"seen": "0", "part-add": "data_centre-1"})
    assert added.status_code == 302 and added.headers["Location"].endswith("#data_centre")
    client.post(address, {"seen": "1", "name.data_centre-1": "一号机房", "data_centre-1.dc_racks": "12", "part-add": "data_centre-2"})
    text = client.get(address).content.decode()
    assert 'name="data_centre-2.dc_racks"' in text and 'value="一号机房"' in text and "合计" in text.split('id="data_centre"')[1]
    client.post(address, {"seen": "2", "part-drop": "data_centre-1"})
    text = client.get(address).content.decode()
    assert 'name="data_centre-1.dc_racks"' not in text and "已删除：" in text and "一号机房" in text
    # its number is its own for ever: the next one is the third
    client.post(address, {"seen": "3", "part-add": "data_centre-3"})
    assert 'name="data_centre-3.dc_racks"' in client.get(address).content.decode()
    assert 'value="data_centre-4"' in client.get(address).content.decode()
    client.post(address, {"seen": "4", "part-add": "data_centre-3"})  # pressed twice: still one
    client.post(address, {"seen": "4", "part-add": "data_centre-9"})  # no page offered that
    client.post(address, {"seen": "4", "part-back": "data_centre-1"})
    text = client.get(address).content.decode()
    assert re.search(r'name="data_centre-1.dc_racks" value="12"', text)
    assert Return.objects.get(pk=closing(year).pk).state == "draft" and DraftSave.objects.count() == 5


def test_a_room_is_filed_with_the_closing_return_and_stands_under_its_fingerprint(sign_in: Any, city: dict[str, Any], year: Any) -> None:
    wang = city["people"][WANG]
    given = {**good_values(year), **room(1, "一号机房"), **room(2, "二号机房", dc_racks="4", dc_reserved_racks="0")}
    actions.save(wang, year.round, year.institution, given, seen=0)
    judged = the_year(city, year.round).judge()
    assert [p.name for p in judged.parts] == ["一号机房", "二号机房"] and judged.in_the_way(year.periods) == 0
    assert judged.parts[0].answers["dc_electricity_kwh"] == Decimal(4000)  # computed from its parts, never typed
    assert actions.file(wang, year.round, year.institution, year.periods, seen=1) == 12
    last, first = closing(year), Return.objects.get(round=year.round, institution=year.institution, period="2022-01")
    revision = Revision.objects.get(ret=last, number=1)
    assert list(revision.parts) == ["data_centre-1", "data_centre-2"] and revision.parts["data_centre-2"]["answers"]["dc_racks"] == "4"
    assert Revision.objects.get(ret=first).parts == {}
    assert revision.fingerprint() == revision.content
    event = Event.objects.filter(verb="returns.file").last()
    assert event is not None and event.data["parts"] == {"opened": ["data_centre-1", "data_centre-2"]}
    revision.parts["data_centre-1"]["answers"]["dc_racks"] = "11"
    assert revision.fingerprint() != revision.content  # changed past the system


def test_each_room_is_judged_and_all_of_them_beside_the_year(sign_in: Any, city: dict[str, Any], year: Any) -> None:
    wang = city["people"][WANG]
    given = {**good_values(year), **room(1, "一号机房", dc_reserved_racks="11"), **room(2, "二号机房", dc_reserved_racks="12", dc_it_electricity_kwh="9000")}
    actions.save(wang, year.round, year.institution, given, seen=0)
    with pytest.raises(Refused) as refused:
        actions.file(wang, year.round, year.institution, year.periods, seen=1)
    said = [str(p.found) for p in refused.value.problems]
    assert "一号机房：预留机柜 11 个，多于机柜总数 10 个" in said and "二号机房：预留机柜 12 个，多于机柜总数 10 个" in said
    # 1,010 kWh a month: the two rooms together use more than the year
    assert "各机房总用电 14,000 kWh，多于全年电消费量 12,120 kWh" in said
    assert {p.where.field for p in refused.value.problems} >= {"data_centre-1.dc_racks", "data_centre-2.dc_racks", "data_centre-1.dc_electricity_kwh"}


def test_empty_and_unreadable_values_of_a_room_stand_in_the_way_by_name(sign_in: Any, city: dict[str, Any], year: Any, address: str) -> None:
    client = sign_in(WANG)
    response = client.post(address, {"seen": "0", **good_values(year), "part.data_centre-1": "1", "data_centre-1.dc_racks": "三"}, headers={"HX-Request": "true"})
    text = response.content.decode()
    assert "第 1 处机房 机柜总数量" in text and "“三”不是数字" in text and 'href="#data_centre-1-dc_racks"' in text
    assert re.search(r"第 1 处机房还有 \d+ 项没有填", text)
    client.post(address, {"seen": "1", "name.data_centre-1": "机房", "data_centre-1.dc_racks": "0", "part-zero": "data_centre-1"})
    values = Draft.objects.get().values
    assert values["data_centre-1.dc_area_m2"] == "0" and values["data_centre-1.dc_racks"] == "0"
    assert client.post(address, {"seen": "2", "do": "file"}).status_code == 302
    assert Revision.objects.get(ret=closing(year)).parts["data_centre-1"]["name"] == "机房"


def test_next_year_knows_the_rooms_and_one_is_closed(city: dict[str, Any], year: Any) -> None:
    wang = city["people"][WANG]
    actions.save(wang, year.round, year.institution, {**good_values(year), **room(1, "一号机房"), **room(2, "老机房")}, seen=0)
    actions.file(wang, year.round, year.institution, year.periods, seen=1)
    after = the_year(city, open_year(city, 2023, last_year=False))
    assert after.values["name.data_centre-2"] == "老机房" and "data_centre-1.dc_racks" not in after.values
    given = {**good_values(after), **room(1, "中心机房"), "part.data_centre-2": ""}
    actions.save(wang, after.round, after.institution, given, seen=0)
    assert actions.file(wang, after.round, after.institution, after.periods, seen=1) == 12
    event = Event.objects.filter(verb="returns.file").last()
    assert event is not None and event.data["parts"] == {"closed": ["data_centre-2"], "renamed": ["data_centre-1"]}
    assert "不再有的机房、热源 1 处" in str(tell(event).says) and "改名的机房、热源 1 处" in str(tell(event).says)
    assert Revision.objects.get(ret=closing(year)).parts["data_centre-2"]["name"] == "老机房"  # last year stays as it was filed


def test_heating_is_explained_where_it_takes_more_than_the_year(city: dict[str, Any], year: Any) -> None:
    wang = city["people"][WANG]
    heat = {e.code: "0" for e in year.kinds["heating"].entries.values() if not e.parts} | {"heating_own_area_m2": "800", "heating_days": "90", "heating_gas_m3": "50"}
    given = {**good_values(year), "part.heating-1": "1", "name.heating-1": "燃气锅炉", **{f"heating-1.{i}": v for i, v in heat.items()}}
    actions.save(wang, year.round, year.institution, given, seen=0)
    found = [f for f in the_year(city, year.round).judge().found if f.blocks]
    assert [str(f.finding.says) for f in found] == ["采暖用天然气 50 m³，多于全年的 36 m³"] and found[0].key == "why.heating.L11g"
    actions.save(wang, year.round, year.institution, {found[0].key: "采暖季跨年，账单记在去年"}, seen=1)
    assert actions.file(wang, year.round, year.institution, year.periods, seen=2) == 12
    kept = ReturnFinding.objects.get(ret=closing(year), rule="L11g")
    assert kept.part == "heating" and Revision.objects.get(ret=closing(year)).reason == "采暖季跨年，账单记在去年"


def test_an_import_of_consumption_keeps_the_rooms_and_judges_them_by_the_same_words(city: dict[str, Any], year: Any) -> None:
    wang = city["people"][WANG]
    actions.save(wang, year.round, year.institution, {**good_values(year), **room(1, "一号机房")}, seen=0)
    actions.file(wang, year.round, year.institution, year.periods, seen=1)
    paper = (BytesIO(b"%PDF-1.4 stamped"), "更正说明.pdf")
    # 11 × 1,010 and 0 in December is still more than the room's 4,000; February to December without current is less
    for period, value in [(f"2022-{m:02}", "0") for m in range(2, 13)]:
        change(city["people"]["zhoumin"], book(), Return.objects.get(round=year.round, institution=year.institution, period=period), [("electricity_kwh", value)],
               reason="电表更换", word="王秀英", confirmed_on=dt.date(2023, 3, 1), voucher=paper)
    revision = Revision.objects.get(ret=closing(year), number=2)
    assert revision.parts["data_centre-1"]["name"] == "一号机房" and revision.answers["electricity_kwh"] == "0"
    found = ReturnFinding.objects.get(ret=closing(year), revision=2, part="data_centre")
    assert found.rule == "L12" and found.says["zh"] == "各机房总用电 4,000 kWh，多于全年电消费量 1,010 kWh" and found.severity == "must"


def test_month_page_large_type_and_english(sign_in: Any, city: dict[str, Any], year: Any, address: str) -> None:
    client = sign_in(WANG)
    client.post(address, {"seen": "0", **good_values(year), **room(1, "一号机房", dc_racks="")})
    december = client.get(reverse("filling-month", args=[year.round.pk, year.institution.pk, "2022-12"])).content.decode()
    march = client.get(reverse("filling-month", args=[year.round.pk, year.institution.pk, "2022-03"])).content.decode()
    assert 'name="data_centre-1.dc_racks"' in december and 'name="data_centre-1.dc_racks"' not in march and "机房、热源每年一填" in march
    steps = int(re.search(r"一共 (\d+) 项", client.get(reverse("filling-easy", args=[year.round.pk, year.institution.pk, 1])).content.decode())[1])  # type: ignore[index]
    last = client.get(reverse("filling-easy", args=[year.round.pk, year.institution.pk, steps])).content.decode()
    assert "一号机房 配电及附属设备用电量是多少" in last and 'name="data_centre-1.dc_distribution_electricity_kwh"' in last
    client.post("/language/", {"language": "en"})
    english = client.get(address).content.decode()
    section = english.split('id="data_centre"')[1].split("</section>")[0]
    assert "one more machine room" in section and "racks" in section and not re.search("[一-鿿]", section.replace("一号机房", "").replace("算", ""))


def test_fields_that_are_no_part_of_the_form_are_not_kept(city: dict[str, Any], year: Any) -> None:
    wang = city["people"][WANG]
    given = {"part.consumption-1": "1", "part.data_centre-0": "1", "part.data_centre-1": "", "data_centre-2.dc_racks": "1", "name.data_centre-1 x": "1", "water_m3-1.dc_racks": "1"}
    actions.save(wang, year.round, year.institution, given, seen=0)
    assert set(Draft.objects.get().values) <= {"part.data_centre-1"}


def test_who_sees_only_another_unit_finds_no_room(sign_in: Any, city: dict[str, Any], year: Any, address: str) -> None:
    assert year.institution.key == SCHOOL_ONE
    assert sign_in("lihui").get(address).status_code in (403, 404)
