"""Machine rooms after they are accepted: in a snapshot, in figures, down to the room's cell, and under verify."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.urls import reverse

from jieneng import engine
from jieneng.core.period import Period
from jieneng.desk.ops import invariants
from jieneng.figures.calculate import calculate
from jieneng.figures.prove import prove
from jieneng.filling import actions
from jieneng.filling.sheet import sheet_of, verify
from jieneng.people.scope import scope
from jieneng.returns import actions as returns
from jieneng.returns.difference import difference
from jieneng.returns.freeze import freeze
from jieneng.returns.models import Return, Revision
from jieneng.returns.parts import Change
from jieneng.returns.queries import book, opened
from tests.filling.make import good_values, open_year, the_year
from tests.filling.test_parts import closing, room
from tests.people_by_name import SCHOOL_TWO

pytestmark = pytest.mark.django_db
YEAR = Period("year", 2022)
ENOUGH = {"2022.electricity_kwh": "12,120", "2022.electricity_cost_yuan": "7,200"}


@pytest.fixture
def frozen(city: dict[str, Any]) -> Any:
    """Two schools filed their year: one with two machine rooms, one with a single one that says nothing of its racks."""
    round_, people = open_year(city, rhythm="year", last_year=False), city["people"]
    one, two = the_year(city, round_), the_year(city, round_, SCHOOL_TWO)
    actions.save(people["wangxiuying"], round_, one.institution, {
        **good_values(one), **ENOUGH, **room(1, "一号机房"), **room(2, "二号机房", dc_racks="4", dc_it_electricity_kwh="1000"), "data_centre-2.dc_reserved_racks": "0"}, seen=0)
    actions.file(people["wangxiuying"], round_, one.institution, one.periods, seen=1)
    actions.save(people["lihui"], round_, two.institution, {**good_values(two), **ENOUGH, **room(1, "机房")}, seen=0)
    actions.file(people["lihui"], round_, two.institution, two.periods, seen=1)
    # as an import may bring it: a value that nobody gave
    last = Return.objects.get(round=round_, institution=two.institution, period="2022")
    revision = Revision.objects.get(ret=last, number=1)
    revision.parts["data_centre-1"]["answers"]["dc_racks"] = None
    revision.save()
    returns.act(people["zhoumin"], "accept", Return.objects.filter(round=round_, state="filed"))
    return one, freeze(people["zhoumin"], book(), 2022)


def test_parts_are_frozen_added_up_and_followed_down_to_the_room(sign_in: Any, frozen: Any) -> None:
    year, record = frozen
    snapshot, calculator = opened(record), engine.connect()
    assert snapshot.counts["parts"] == 3 and engine.verify_snapshot(snapshot.folder, deep=True)[1] == []
    rows = engine.read_table(snapshot.file("parts/data_centre@2022.parquet"))
    assert [(r["part"], r["part_name"], r["dc_racks"]) for r in rows] == [(1, "一号机房", Decimal(10)), (2, "二号机房", Decimal(4)), (1, "机房", None)]
    found = {f.name: f for f in calculate(book(), calculator, snapshot, ["electricity_kwh", "dc_electricity_kwh", "dc_racks", "dc_eue"], period=YEAR)}
    assert found["dc_electricity_kwh"].exact == 4000 + 2000 + 4000 and found["dc_electricity_kwh"].coverage is not None and found["dc_electricity_kwh"].coverage.members == 2
    assert found["dc_eue"].exact == Fraction(10000, 7000) and found["electricity_kwh"].exact and prove(book(), calculator, snapshot, found["dc_eue"]).ok
    # a room that says nothing of its racks: that institution is not covered, and its sum is not taken for one
    assert found["dc_racks"].exact == 14 and found["dc_racks"].coverage is not None and found["dc_racks"].coverage.covered == 1
    last = closing(year)
    client = sign_in("zhoumin")
    cell = client.get(reverse("trace-cell"), {"return": last.pk, "revision": 1, "item": "dc_electricity_kwh"}).content.decode()
    assert "6,000" in cell and "一号机房" in cell and "二号机房" in cell
    alone = client.get(reverse("trace-cell"), {"return": last.pk, "revision": 1, "item": "dc_electricity_kwh", "part": "data_centre-2"}).content.decode()
    assert "二号机房 · 机房总用电量" in alone and "2,000" in alone
    overview = client.get(reverse("figures")).content.decode()
    assert "公共机构数据中心机房能源消费状况" in overview and "2 家有机房" in overview


def test_verify_finds_a_room_that_was_changed_past_the_system(frozen: Any) -> None:
    year, record = frozen
    count, faults = invariants._still_said(record)
    assert count > 0 and faults == []
    Revision.objects.filter(ret=closing(year), number=1).update(parts={"data_centre-1": {"name": "一号机房", "answers": {"dc_racks": "99"}}})
    faults = invariants._still_said(record)[1]
    assert len(faults) == 1 and "parts not what was frozen" in faults[0]


def test_the_sheet_its_code_the_return_page_and_the_api_show_the_rooms(sign_in: Any, city: dict[str, Any], frozen: Any) -> None:
    year, record = frozen
    client, keys = sign_in("zhoumin"), [year.round.pk, year.institution.pk]
    sheet = client.get(reverse("sheet", args=keys)).content.decode()
    assert "一号机房" in sheet and "公共机构数据中心机房能源消费状况" in sheet and ">6,000<" in sheet
    then = sheet_of(year.round, year.institution)
    page = client.get(reverse("return", args=[closing(year).pk])).content.decode()
    assert "二号机房" in page and "IT设备用电量" in page
    # sent back, and one room has fewer racks: the old sheet is older, and says where
    returns.act(city["people"]["zhoumin"], "reopen", Return.objects.filter(pk=closing(year).pk), reason="机柜数不对")
    actions.save(city["people"]["wangxiuying"], year.round, year.institution, {"data_centre-1.dc_racks": "9", "part.data_centre-2": ""}, seen=1)
    actions.file(city["people"]["wangxiuying"], year.round, year.institution, ["2022"], seen=2)
    assert then is not None
    verdict = verify(then.code, scope(city["people"]["zhoumin"], "see"), city["people"]["zhoumin"])
    assert verdict.kind == "older" and ("2022", Change("data_centre-1", "一号机房", "dc_racks", "10", "9")) in verdict.part_changes
    checked = client.get(reverse("verify"), {"code": then.code}).content.decode()
    assert "一号机房 机柜总数量" in checked
    page = client.get(reverse("return", args=[closing(year).pk])).content.decode()
    assert "<del>10</del>" in page and "这一版不再有：二号机房" in page
    # two snapshots: what moved is told by room
    returns.act(city["people"]["zhoumin"], "accept", Return.objects.filter(pk=closing(year).pk))
    after = freeze(city["people"]["zhoumin"], book(), 2022)
    lines = difference(book(), record, after, scope(city["people"]["zhoumin"], "see")).lines
    assert ("一号机房", "dc_racks", Decimal(10), Decimal(9)) in [(m.part, m.item, m.before, m.after) for m in lines]
    assert "一号机房 机柜总数量" in client.get(reverse("snapshot-against", args=[record.pk, after.pk])).content.decode()
