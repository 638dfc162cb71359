"""The grid for paper forms: what is typed is the unit's draft, totals are compared with the paper, filing rests on the unit's word."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from jieneng.core.problem import Refused
from jieneng.desk.telling import tell
from jieneng.filling import actions
from jieneng.filling import grid as grids
from jieneng.filling.amounts import number
from jieneng.filling.controls import differences, save_controls, unreadable
from jieneng.filling.models import Control, Draft
from jieneng.records.models import Event
from jieneng.returns.models import OnBehalf, Return, Revision
from tests.filling.make import open_year
from tests.filling.test_chain import nothing_wrong
from tests.people_by_name import HOSPITAL, SCHOOL_ONE, SCHOOL_TWO
from tests.returns.whose import move_to

pytestmark = pytest.mark.django_db
CHEN = "chengang"
WORD: dict[str, Any] = {"word": "各校校长", "confirmed_on": dt.date(2023, 1, 20)}


@pytest.fixture
def stage(city: dict[str, Any]) -> dict[str, Any]:
    round_ = open_year(city, rhythm="year", last_year=False)
    return {**city, "round": round_, "office": city["offices"]["341823-jyj"]}


def key_in(s: dict[str, Any], key: str, given: dict[str, str], who: str = CHEN, seen: int = 0) -> Any:
    return grids.save_row(s["people"][who], s["round"], s["office"], s["institutions"][key], "2022", given, seen)


def the_grid(s: dict[str, Any], who: str = CHEN) -> grids.Grid:
    return grids.grid_of(s["people"][who], s["round"], s["office"], "2022")


def paper() -> Any:
    return io.BytesIO(b"%PDF-1.4 paper"), "纸表.pdf"


def file_grid(s: dict[str, Any], units: set[int], *, shown: grids.Grid | None = None, **more: Any) -> grids.Filed:
    """File what a page showed: the grid as it stands, or as it stood."""
    g = shown or the_grid(s)
    return grids.file_grid(s["people"][CHEN], g, units, **{"seen": {r.pk: r.version for r in g.rows}, **WORD, "voucher": paper(), **more})


def controls(s: dict[str, Any], given: dict[str, str], who: str = CHEN, seen: int | None = None) -> Any:
    return save_controls(s["people"][who], s["round"], s["office"], "2022", given, seen=the_grid(s).version if seen is None else seen)


def whole(s: dict[str, Any], water: str = "10") -> dict[str, str]:
    g = the_grid(s)
    return {**{f"{'all' if e.code in g.holds else '2022'}.{e.code}": "0" for e in g.columns}, "2022.water_m3": water, "2022.water_cost_yuan": "20", "all.area_m2": "2000", "all.people": "100"}


def test_rows_are_the_units_of_the_office_and_what_is_keyed_in_is_their_draft(stage: dict[str, Any]) -> None:
    g = the_grid(stage)
    assert [r.standing.name for r in g.rows] == ["示例第一小学", "示例第二小学"] and not any(e.parts for e in g.columns)
    key_in(stage, SCHOOL_ONE, {"2022.water_m3": "12", "all.people": "9x", "2021.water_m3": "1", "why.2022.L05": "x"})
    assert Draft.objects.get().values == {"2022.water_m3": "12", "all.people": "9x"}  # as typed, also where it is no number; nothing else
    assert Return.objects.get(round=stage["round"], institution=stage["institutions"][SCHOOL_ONE]).state == "draft"
    for who in ("wangxiuying", "heping", "suncha"):
        with pytest.raises(Refused):
            key_in(stage, SCHOOL_ONE, {"2022.water_m3": "13"}, who=who, seen=1)
    with pytest.raises(Refused):
        key_in(stage, HOSPITAL, {"2022.water_m3": "13"}, who="zhoumin")


def test_totals_are_compared_with_the_paper(stage: dict[str, Any]) -> None:
    key_in(stage, SCHOOL_ONE, {"2022.water_m3": "12.5", "2022.gas_m3": "3"})
    key_in(stage, SCHOOL_TWO, {"2022.water_m3": "１，０００"})
    one = stage["institutions"][SCHOOL_ONE].pk
    controls(stage, {"column.water_m3": "1,012.5", "column.gas_m3": "4", f"row.{one}": "15.5", "x.y": "1"})
    assert differences(the_grid(stage)) == {"column.gas_m3": Decimal(-1)}
    assert "教育局" in tell(Event.objects.get(verb="filling.control")).sentence
    with pytest.raises(Refused) as refused:
        file_grid(stage, {one})
    assert refused.value.problems[0].code == "grid.control" and "-1" in str(refused.value)


def test_good_rows_are_filed_on_the_units_word_and_the_others_are_told(stage: dict[str, Any]) -> None:
    one, two = (stage["institutions"][k].pk for k in (SCHOOL_ONE, SCHOOL_TWO))
    key_in(stage, SCHOOL_ONE, whole(stage))
    key_in(stage, SCHOOL_TWO, {"2022.water_m3": "三吨"})
    with pytest.raises(Refused) as refused:
        file_grid(stage, set(), word="", confirmed_on=None, voucher=None)
    assert {p.code for p in refused.value.problems} == {"decide.word", "decide.day", "decide.voucher", "grid.none"}
    filed = file_grid(stage, {one, two})
    assert filed.n == 1 and {p.where.field for p in filed.problems} >= {f"{two}:2022.water_m3"}
    revision = Revision.objects.get()
    assert revision.answers["water_m3"] == "10" and revision.answers["petrol_l"] == "0" and revision.sources["water_m3"][3] == "10"
    assert revision.batch is not None and revision.batch.file.name == "纸表.pdf" and OnBehalf.objects.get().word == "各校校长"
    assert Return.objects.get(institution=one, round=stage["round"]).state == "filed" and Return.objects.get(institution=two, round=stage["round"]).state == "draft"
    assert Draft.objects.get(institution=two).values["2022.water_m3"] == "三吨"
    nothing_wrong()


def test_blank_is_nothing_only_when_it_is_said_to_be(stage: dict[str, Any]) -> None:
    one = stage["institutions"][SCHOOL_ONE].pk
    key_in(stage, SCHOOL_ONE, {"2022.water_m3": "10", "2022.water_cost_yuan": "20", "2022.petrol_vehicle_l": "5", "all.area_m2": "2000", "all.people": "100"})
    filed = file_grid(stage, {one})
    assert filed.n == 0 and filed.problems[0].code == "grid.blank" and not Revision.objects.exists()
    controls(stage, {f"row.{one}": "1"})
    assert file_grid(stage, {one}, blank_zero=True).problems[0].code == "grid.row"
    controls(stage, {f"row.{one}": "2,135"})
    assert file_grid(stage, {one}, blank_zero=True).n == 1
    answers = Revision.objects.get().answers
    assert answers["gas_m3"] == "0" and answers["petrol_l"] == "5"  # sums follow what was typed


def test_the_page_saves_rows_with_and_without_scripts(stage: dict[str, Any], sign_in: Any) -> None:
    client, url = sign_in(CHEN), reverse("grid", args=[stage["round"].pk, stage["office"].pk])
    one = stage["institutions"][SCHOOL_ONE].pk
    page = client.get(url).content.decode()
    assert "示例第一小学" in page and f'form="row-{one}"' in page and "<noscript>" in page
    told = client.post(url, {"row": one, "seen": "0", "period": "2022", "2022.water_m3": "3.2万"}, headers={"X-Requested-With": "fetch"})
    assert told.json()["version"] == 1 and told.json()["marks"] == {"2022.water_m3": "e"} and "32,000" in told.json()["says"][0]
    assert client.post(url, {"row": one, "seen": "1", "period": "2022", "2022.water_m3": "32"}).status_code == 302
    assert Draft.objects.get().values["2022.water_m3"] == "32"
    bad = client.post(url, {"do": "file", "period": "2022", "unit": one, f"seen-{one}": "2", "word": "校长", "confirmed_on": "2023-01-20", "voucher": SimpleUploadedFile("纸.jpg", b"jpg")})
    assert bad.status_code == 422 and "格空着" in bad.content.decode()
    assert client.post(url, {"do": "file", "period": "2022", "unit": one, f"seen-{one}": "2", "word": "校长", "confirmed_on": "2023-01-20", "blank_zero": "1", "voucher": SimpleUploadedFile("纸.jpg", b"jpg")}).status_code == 302
    assert sign_in("heping").get(url).status_code == 404
    stage["round"].mode = "A"
    stage["round"].save()
    assert "没有要录的单位" in client.get(url).content.decode()


def test_what_the_keyer_never_saw_is_not_filed(stage: dict[str, Any], sign_in: Any) -> None:
    one, two = (stage["institutions"][k].pk for k in (SCHOOL_ONE, SCHOOL_TWO))
    for key in (SCHOOL_ONE, SCHOOL_TWO):
        key_in(stage, key, whole(stage))
    client, url = sign_in(CHEN), reverse("grid", args=[stage["round"].pk, stage["office"].pk])
    page = client.get(url).content.decode()
    assert f'name="seen-{one}" value="1"' in page
    actions.save(stage["people"]["wangxiuying"], stage["round"], stage["institutions"][SCHOOL_ONE], {"2022.water_m3": "999"}, seen=1)
    given = {"do": "file", "period": "2022", "unit": [one, two], f"seen-{one}": "1", f"seen-{two}": "1", "word": "校长", "confirmed_on": "2023-01-20"}
    told = client.post(url, {**given, "voucher": SimpleUploadedFile("纸.jpg", b"jpg")})
    text = told.content.decode()
    assert told.status_code == 422 and "示例第一小学：王秀英改过" in text and 'value="999"' in text and f'name="seen-{one}" value="2"' in text
    assert [r.ret.institution_id for r in Revision.objects.all()] == [two]  # the rest is filed
    for seen in ({}, {f"seen-{one}": "²"}, {f"seen-{one}": "1"}):  # a page that does not say what it showed showed nothing
        assert client.post(url, {"do": "file", "period": "2022", "unit": one, **seen, "word": "校长", "confirmed_on": "2023-01-20", "voucher": SimpleUploadedFile("纸.jpg", b"jpg")}).status_code == 422
    assert Revision.objects.count() == 1
    assert file_grid(stage, {one}).n == 1 and Revision.objects.get(ret__institution=one).answers["water_m3"] == "999"  # seen now, and ticked again


def test_a_unit_of_which_nothing_was_shown_is_left_out_when_something_comes_in(stage: dict[str, Any]) -> None:
    one, shown = stage["institutions"][SCHOOL_ONE].pk, the_grid(stage)
    key_in(stage, SCHOOL_ONE, whole(stage))
    assert file_grid(stage, {one}, shown=shown, blank_zero=True).problems[0].code == "grid.changed" and not Revision.objects.exists()


def test_two_who_type_totals_keep_both(stage: dict[str, Any], sign_in: Any) -> None:
    controls(stage, {"column.water_m3": "10"}, seen=0)
    kept = controls(stage, {"column.gas_m3": "5", "column.water_m3": ""}, "wangli", seen=0)  # a page opened before: its empty box is no change
    assert the_grid(stage).controls == {"column.water_m3": "10", "column.gas_m3": "5"} and [o.now for o in kept.others] == ["10"] and not kept.conflicts
    kept = controls(stage, {"column.water_m3": "11", "column.gas_m3": "6"}, "wangli", seen=0)
    assert [(c.field, c.now, c.mine, c.who) for c in kept.conflicts] == [("column.water_m3", "10", "11", "陈刚"), ("column.gas_m3", "5", "6", "汪立")]
    assert controls(stage, {"column.water_m3": ""}, seen=2).changed == 1 and the_grid(stage).controls == {"column.gas_m3": "5"}
    said = [e.data["changes"] for e in Event.objects.filter(verb="filling.control").order_by("seq")]
    assert said == [{"column.water_m3": [None, "10"]}, {"column.gas_m3": [None, "5"]}, {"column.water_m3": ["10", ""]}]  # one event for each change, none for none
    client, url = sign_in(CHEN), reverse("grid", args=[stage["round"].pk, stage["office"].pk])
    told = client.post(url, {"row": "control", "seen": "1", "period": "2022", "column.gas_m3": "7"}, headers={"X-Requested-With": "fetch"}).json()
    assert told["version"] == 3 and told["values"]["column.gas_m3"] == "5" and "您录的是 7" in told["says"][0]
    assert "您录的是 7" in client.post(url, {"row": "control", "seen": "1", "period": "2022", "column.gas_m3": "7"}, follow=True).content.decode()


@pytest.mark.parametrize("text", ["1e9999999", "1E13", "5²", "①", "9" * 400, "NaN", "Infinity", "-", "十", "\x00", ""])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize("rubbish", ["1e9999999", "5²"])
def test_a_total_that_is_no_number_is_told_and_cleared(stage: dict[str, Any], sign_in: Any, rubbish: str) -> None:
    client, url = sign_in(CHEN), reverse("grid", args=[stage["round"].pk, stage["office"].pk])
    one = stage["institutions"][SCHOOL_ONE].pk
    key_in(stage, SCHOOL_ONE, whole(stage))
    Control.objects.create(round=stage["round"], office=stage["office"], period="2022", values={"column.water_m3": rubbish, f"row.{one}": "1e999999"}, by=stage["people"][CHEN], at=dt.datetime.now(dt.UTC))
    page = client.get(url).content.decode()
    assert "不是数字" in page and 'name="clear" value="column.water_m3"' in page and unreadable(the_grid(stage)) >= {f"row.{one}"}
    with pytest.raises(Refused) as refused:
        file_grid(stage, {one})
    assert {p.code for p in refused.value.problems} == {"grid.unreadable"} and rubbish in str(refused.value)
    for key in ("column.water_m3", f"row.{one}"):
        client.post(url, {"row": "control", "seen": the_grid(stage).version, "period": "2022", "clear": key})
    assert the_grid(stage).controls == {} and file_grid(stage, {one}).n == 1


def test_what_two_typed_into_one_cell_is_told_and_shown_as_it_stands(stage: dict[str, Any], sign_in: Any) -> None:
    client, url = sign_in(CHEN), reverse("grid", args=[stage["round"].pk, stage["office"].pk])
    one = stage["institutions"][SCHOOL_ONE]
    key_in(stage, SCHOOL_ONE, {"2022.water_m3": "10"})
    actions.save(stage["people"]["wangxiuying"], stage["round"], one, {"2022.water_m3": "999", "2022.gas_m3": "4"}, seen=1)
    post = {"row": one.pk, "seen": "1", "period": "2022", "2022.water_m3": "12", "2022.gas_m3": ""}
    told = client.post(url, post, headers={"X-Requested-With": "fetch"}).json()
    assert told["values"] == {"2022.water_m3": "999", "2022.gas_m3": "4"} and "您录的是 12" in told["says"][0]
    assert "您录的是 12" in client.post(url, post, follow=True).content.decode()
    assert Draft.objects.get().values["2022.water_m3"] == "999"


def test_a_unit_is_keyed_in_where_its_return_is(stage: dict[str, Any]) -> None:
    """It moves in 2023, and again some day to come: 2022 stays with the office of the end of 2022."""
    one = stage["institutions"][SCHOOL_ONE]
    for since in (dt.date(2023, 6, 1), dt.date.today() + dt.timedelta(days=60)):
        move_to(one, stage["offices"]["341824"], since)
    assert key_in(stage, SCHOOL_ONE, whole(stage)).changed and file_grid(stage, {one.pk}).n == 1
    with pytest.raises(Refused):
        key_in(stage, SCHOOL_ONE, {"2022.water_m3": "1"}, who="heping", seen=1)
