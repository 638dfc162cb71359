"""Tables of a place: quotas, prices and temperatures come in by layout, are checked, seen below, and used by the review."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jieneng.core.problem import Refused
from jieneng.desk.example import layout_path
from jieneng.desk.example.exports import write_ledgers
from jieneng.desk.telling import tell
from jieneng.fieldwork import actions
from jieneng.fieldwork.intake import bring_in
from jieneng.fieldwork.models import LedgerRecord
from jieneng.people.models import Office
from jieneng.records import files
from jieneng.records.models import Event
from jieneng.returns.models import Round
from jieneng.returns.queries import book
from jieneng.review import given, pricing
from jieneng.review.actions import run_review
from jieneng.review.panel import Panel
from tests.figures.make import file_all
from tests.people_by_name import JIXI_SCHOOL, SCHOOL_ONE

pytestmark = pytest.mark.django_db
QUOTA = {"code": "T-1", "standard": "示例标准", "region": "341800", "type": "education", "indicator": "electricity_per_area", "constraint": "5", "guide": "1",
         "basis": "none", "since": "2021-01-01", "source_document": "表 1（样例）", "status": "sample"}
PRICE = {"code": "P-1", "list": "示例价目", "region": "341800", "item": "electricity_kwh", "price": "0.6", "low": "0.5", "high": "0.7", "since": "2021-01-01",
         "source_document": "表 2（样例）", "status": "sample"}
MONTH = {"station": "示例站", "period": "2022-01", "region": "341800", "mean": "3", "source_document": "年鉴（样例）", "status": "sample"}


def keep(city: dict[str, Any], kind: str, who: str = "zhoumin", office: str = "341800", **more: Any) -> LedgerRecord:
    return actions.save(city["people"][who], book().ledgers[kind], {**{"quotas": QUOTA, "prices": PRICE, "temperatures": MONTH}[kind], **more}, office=city["offices"][office])


@pytest.mark.parametrize("kind, change, field", [
    ("quotas", {"region": "310000"}, "region"), ("quotas", {"guide": "6"}, "constraint"), ("quotas", {"constraint": "-1", "guide": ""}, "constraint"),
    ("quotas", {"until": "2020-01-01"}, "until"), ("quotas", {"indicator": "energy_per_area"}, "basis"), ("quotas", {"type": "zoo"}, "type"),
    ("prices", {"region": "310000"}, "region"), ("prices", {"price": "0"}, "price"), ("prices", {"low": "0.65"}, "price"), ("prices", {"high": ""}, "high"),
    ("prices", {"until": "2020-01-01"}, "until"), ("prices", {"item": "pv_generation_kwh"}, "item"),
    ("temperatures", {"period": "2022-13"}, "period"), ("temperatures", {"period": "2022-02-30"}, "period"), ("temperatures", {"mean": "231"}, "mean"),
    ("temperatures", {"hdd": "-3"}, "hdd"), ("temperatures", {"region": "宣城"}, "region")])
def test_what_no_table_can_say_is_refused_with_its_field(city: dict[str, Any], kind: str, change: dict[str, str], field: str) -> None:
    with pytest.raises(Refused) as told:
        keep(city, kind, **change)
    assert [p.where.field for p in told.value.problems] == [field] and not LedgerRecord.objects.exists()


def test_the_example_tables_come_in_by_their_layouts_and_bad_rows_name_their_cell(city: dict[str, Any], tmp_path: Path) -> None:
    zhou, root = city["people"]["zhoumin"], city["offices"]["341800"]
    written = {p.stem: p for p in write_ledgers(tmp_path)}
    for kind, n in (("quotas", 6), ("prices", 6), ("temperatures", 36)):
        layout = layout_path(kind).read_text(encoding="utf-8")
        batch = bring_in(zhou, files.receive(written[kind], written[kind].name, zhou), layout, office=root)
        assert batch.counts["ledger"] == {"new": n, "changed": 0, "same": 0, "refused": 0} and batch.problems == []
        assert str(book().ledgers[kind].title) in tell(Event.objects.get(verb="ledger.import", object_id=str(batch.pk))).sentence
    from openpyxl import load_workbook

    sheet = load_workbook(written["quotas"])
    sheet.active["G5"], sheet.active["C6"] = "很多", "999999"
    out = io.BytesIO()
    sheet.save(out)
    batch = bring_in(zhou, files.receive(io.BytesIO(out.getvalue()), "定额2.xlsx", zhou), layout_path("quotas").read_text(encoding="utf-8"), office=root)
    assert {p["where"]["cell"] for p in batch.problems} == {"G5", "C6"} and batch.counts["ledger"]["same"] == 4


def test_degree_days_as_given_of_days_and_of_the_month(city: dict[str, Any]) -> None:
    keep(city, "temperatures")
    keep(city, "temperatures", period="2021-01", hdd="480")
    for day in range(1, 29):
        keep(city, "temperatures", period=f"2022-02-{day:02}", mean="8" if day % 2 else "20")
    keep(city, "temperatures", period="2022-03-01")
    found = {(d.year, d.month): d.hdd for d in given.degrees((2021, 2022))}
    assert found == {(2022, 1): 465.0, (2021, 1): 480.0, (2022, 2): 140.0}  # March lacks thirty days
    assert all(d.sample and d.within == "" for d in given.degrees((2022,)))


def test_what_the_city_keeps_is_seen_below_and_what_a_county_keeps_holds_there_alone(city: dict[str, Any], sign_in: Any) -> None:
    keep(city, "quotas")
    mine = keep(city, "quotas", who="wangli", office="341823", code="T-2", constraint="9", guide="")
    assert "T-1" in sign_in("wangli").get("/ledgers/quotas/").content.decode() and "T-2" not in sign_in("heping").get("/ledgers/quotas/").content.decode()
    assert sign_in("heping").get(f"/ledgers/quotas/{mine.pk}/").status_code == 404
    within = {q.code: q.within for q in given.quotas(book(), dt.date(2022, 12, 31))}
    assert within == {"T-1": "", "T-2": "341823"}
    with pytest.raises(Refused):
        actions.save(city["people"]["wangli"], book().ledgers["quotas"], QUOTA, office=Office.objects.get(code="341800"), key="T-1", seen=1)
    keep(city, "quotas", code="T-3", basis="equal", indicator="energy_per_area")
    assert "T-3" not in {q.code for q in given.quotas(book(), dt.date(2022, 12, 31))}, "by equal value: not comparable"


def test_the_review_uses_both_and_says_so(city: dict[str, Any]) -> None:
    """Schools at 6 kWh/m² against 5; gas in a January twice as cold as the one before."""
    for year, mean in ((2020, "3"), (2021, "12"), (2022, "0")):
        keep(city, "temperatures", period=f"{year}-01", mean=mean)
    keep(city, "quotas")
    keep(city, "quotas", code="T-2", words="不在的、第二", constraint="1", guide="")
    for year in (2020, 2021):
        file_all(city, year)
    file_all(city, 2022, accept=False, change=lambda k, m, a: {**a, "gas_m3": a["gas_m3"] * 40} if (k, m) == (JIXI_SCHOOL, 1) else a)
    run = run_review(city["people"]["zhoumin"], book(), Round.objects.get(year=2022), city["offices"]["341800"])
    over = run.findings.filter(kind="above-quota")
    assert over.filter(institution=city["institutions"][SCHOOL_ONE]).exists()
    assert all("示例标准" in f.why["zh"] and "样例" in f.why["zh"] for f in over)
    assert {f.institution.standings.first().name: f.high for f in over} == {n: 1.0 if "第二" in n else 5.0 for n in (f.institution.standings.first().name for f in over)}
    gas = run.findings.get(institution=city["institutions"][JIXI_SCHOOL], items=["gas_m3"], months=[1])
    assert "采暖度日数去年 186，今年 558" in gas.why["zh"] and "示例站" in gas.why["zh"] and "degree days" in gas.why["en"]


def test_prices_of_the_place_hold_for_their_time_kind_and_area(city: dict[str, Any]) -> None:
    keep(city, "prices", until="2022-06-30")
    keep(city, "prices", code="P-2", price="0.66", since="2022-07-01", low="", high="")
    keep(city, "prices", code="P-3", type="education", price="0.55", since="2022-07-01")
    keep(city, "prices", who="wangli", office="341823", code="P-4", price="0.9", low="", high="", region="341823")
    keep(city, "prices", code="P-5", since="2023-01-01")
    known = given.prices(book(), 2022)
    assert {p.source.title for p in known} == {"示例价目"} and len(known) == 4 and all(p.sample for p in known)
    areas, kinds = ["341823", "341824", "341824"], ["organ", "organ", "education"]
    p = Panel((2021, 2022), 12, np.arange(3), ["甲", "乙", "丙"], areas, kinds, [])
    pricing.lay(p, known, {"341823": "341800", "341824": "341800"})
    usual = p.prices["electricity_kwh"].usual
    assert usual[:, [0, 11]].tolist() == [[0.9, 0.9], [0.6, 0.66], [0.6, 0.55]] and np.isnan(p.prices["electricity_kwh"].low[1, 11])
    assert p.prices["electricity_kwh"].titles[2] == ("示例价目（样例）", "示例价目 (sample)")
