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
from jieneng.filling import grid as grids
from jieneng.filling.models import Draft
from jieneng.records.models import Event
from jieneng.returns.models import OnBehalf, Return, Revision
from tests.filling.make import open_year
from tests.filling.test_chain import nothing_wrong
from tests.people_by_name import HOSPITAL, SCHOOL_ONE, SCHOOL_TWO

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
    grids.save_controls(stage["people"][CHEN], stage["round"], stage["office"], "2022", {"column.water_m3": "1,012.5", "column.gas_m3": "4", f"row.{one}": "15.5", "x.y": "1"})
    assert grids.differences(the_grid(stage)) == {"column.gas_m3": Decimal(-1)}
    assert "教育局" in tell(Event.objects.get(verb="filling.control")).sentence
    with pytest.raises(Refused) as refused:
        grids.file_grid(stage["people"][CHEN], the_grid(stage), {one}, **WORD, voucher=paper())
    assert refused.value.problems[0].code == "grid.control" and "-1" in str(refused.value)


def test_good_rows_are_filed_on_the_units_word_and_the_others_are_told(stage: dict[str, Any]) -> None:
    one, two = (stage["institutions"][k].pk for k in (SCHOOL_ONE, SCHOOL_TWO))
    key_in(stage, SCHOOL_ONE, whole(stage))
    key_in(stage, SCHOOL_TWO, {"2022.water_m3": "三吨"})
    with pytest.raises(Refused) as refused:
        grids.file_grid(stage["people"][CHEN], the_grid(stage), set(), word="", confirmed_on=None, voucher=None)
    assert {p.code for p in refused.value.problems} == {"decide.word", "decide.day", "decide.voucher", "grid.none"}
    filed = grids.file_grid(stage["people"][CHEN], the_grid(stage), {one, two}, **WORD, voucher=paper())
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
    filed = grids.file_grid(stage["people"][CHEN], the_grid(stage), {one}, **WORD, voucher=paper())
    assert filed.n == 0 and filed.problems[0].code == "grid.blank" and not Revision.objects.exists()
    grids.save_controls(stage["people"][CHEN], stage["round"], stage["office"], "2022", {f"row.{one}": "1"})
    assert grids.file_grid(stage["people"][CHEN], the_grid(stage), {one}, **WORD, voucher=paper(), blank_zero=True).problems[0].code == "grid.row"
    grids.save_controls(stage["people"][CHEN], stage["round"], stage["office"], "2022", {f"row.{one}": "2,135"})
    assert grids.file_grid(stage["people"][CHEN], the_grid(stage), {one}, **WORD, voucher=paper(), blank_zero=True).n == 1
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
    bad = client.post(url, {"do": "file", "period": "2022", "unit": one, "word": "校长", "confirmed_on": "2023-01-20", "voucher": SimpleUploadedFile("纸.jpg", b"jpg")})
    assert bad.status_code == 422 and "格空着" in bad.content.decode()
    assert client.post(url, {"do": "file", "period": "2022", "unit": one, "word": "校长", "confirmed_on": "2023-01-20", "blank_zero": "1", "voucher": SimpleUploadedFile("纸.jpg", b"jpg")}).status_code == 302
    assert sign_in("heping").get(url).status_code == 404
    stage["round"].mode = "A"
    stage["round"].save()
    assert "没有要录的单位" in client.get(url).content.decode()
