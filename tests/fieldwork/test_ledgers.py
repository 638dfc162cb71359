"""Ledgers: entered, imported, exported and read back, revised, frozen; nobody overwrites another unseen."""

from __future__ import annotations

import io
from typing import Any

import pytest

from jieneng.core.problem import Refused
from jieneng.fieldwork import actions
from jieneng.fieldwork.intake import bring_in
from jieneng.fieldwork.layouts import choices
from jieneng.fieldwork.models import LedgerRecord, LedgerRevision
from jieneng.records import files
from jieneng.records.models import Event
from jieneng.returns.queries import book

pytestmark = pytest.mark.django_db
LINE = {"no": "HT-1", "name": "示例屋顶光伏", "area": "341823", "type": "pv", "stage": "tendered", "tendered_on": "2022-03-18", "year": "2022",
        "investment_10k_yuan": "66.8", "capacity_kwp": "212.4"}


@pytest.fixture
def contracts():
    return book().ledgers["energy_contracts"]


@pytest.fixture
def zhou(city: dict[str, Any]):
    return city["people"]["zhoumin"]


def save(city: dict[str, Any], contracts: Any, who: str = "zhoumin", **more: Any) -> LedgerRecord:
    key = more.pop("key", "")
    seen = more.pop("seen", None)
    return actions.save(city["people"][who], contracts, {**LINE, **more}, office=city["offices"]["341800"], key=key, seen=seen)


def test_a_line_belongs_to_the_area_it_names(city: dict[str, Any], contracts: Any) -> None:
    row = save(city, contracts)
    assert row.office.code == "341823" and row.revision == 1
    event = Event.objects.get(verb="ledger.save")
    assert event.data["before"] is None and event.data["after"]["capacity_kwp"] == "212.4" and event.line == row.office.path


def test_the_same_again_changes_nothing(city: dict[str, Any], contracts: Any) -> None:
    save(city, contracts)
    save(city, contracts, key="HT-1", seen=1)
    assert LedgerRevision.objects.count() == 1 and Event.objects.filter(verb="ledger.save").count() == 1


def test_a_change_is_a_revision_and_the_old_one_stays(city: dict[str, Any], contracts: Any) -> None:
    save(city, contracts)
    row = save(city, contracts, key="HT-1", seen=1, capacity_kwp="213")
    assert [r.values["capacity_kwp"] for r in row.revisions.all()] == ["212.4", "213"]


def test_the_second_to_save_is_told_who_was_first(city: dict[str, Any], contracts: Any) -> None:
    save(city, contracts)
    save(city, contracts, who="wangli", key="HT-1", seen=1, capacity_kwp="213")
    with pytest.raises(Refused, match="汪立"):
        save(city, contracts, key="HT-1", seen=1, capacity_kwp="214")
    assert LedgerRevision.objects.count() == 2


@pytest.mark.parametrize("field, value, word", [
    ("capacity_kwp", "二百", "不是数"), ("capacity_kwp", "1e400", "不是数"), ("capacity_kwp", "NaN", "不是数"), ("tendered_on", "2022-13-01", "不是日期"),
    ("year", "22", "不是年份"), ("type", "wind", "没有“wind”"), ("name", " ", "还没有填"), ("hacked", "1", "没有“hacked”")])
def test_what_cannot_be_is_refused_with_its_field(city: dict[str, Any], contracts: Any, field: str, value: str, word: str) -> None:
    with pytest.raises(Refused, match=word):
        save(city, contracts, **{field: value})
    assert not LedgerRecord.objects.exists()


def test_all_problems_of_a_line_are_told_at_once(city: dict[str, Any], contracts: Any) -> None:
    with pytest.raises(Refused) as told:
        save(city, contracts, year="x", type="y", capacity_kwp="z")
    assert {p.where.field for p in told.value.problems} == {"year", "type", "capacity_kwp"}


def test_a_neighbour_may_not(city: dict[str, Any], contracts: Any) -> None:
    save(city, contracts)
    with pytest.raises(Refused, match="不能办理"):
        save(city, contracts, who="heping", key="HT-1", seen=1, capacity_kwp="1")
    with pytest.raises(Refused, match="不能办理"):
        actions.withdraw(city["people"]["chengang"], contracts, "HT-1", "不要了")


def test_withdrawing_wants_a_reason_and_keeps_the_record(city: dict[str, Any], contracts: Any, zhou: Any) -> None:
    save(city, contracts)
    with pytest.raises(Refused, match="原因"):
        actions.withdraw(zhou, contracts, "HT-1", " ")
    actions.withdraw(zhou, contracts, "HT-1", "登重了")
    assert LedgerRecord.objects.get().withdrawn and LedgerRevision.objects.count() == 1


def bring(city: dict[str, Any], zhou: Any, data: bytes, code: str) -> Any:
    layout = next(c for c in choices(book()) if c.code == code)
    received = files.receive(io.BytesIO(data), "台账.xlsx", zhou)
    return bring_in(zhou, received, layout.text, office=city["offices"]["341800"], layout_name="own.yaml")


def test_what_was_exported_reads_back_unchanged(city: dict[str, Any], contracts: Any, zhou: Any, sign_in: Any) -> None:
    save(city, contracts)
    save(city, contracts, no="HT-2", name="=1+1 公式样的名字", area="341824", investment_10k_yuan="", remark="-5 @x")
    for language in ("zh", "en"):
        client = sign_in("zhoumin")
        client.post("/language/", {"language": language})
        data = client.get("/ledgers/energy_contracts.xlsx").content
        batch = bring(city, zhou, data, "own-energy-contracts")
        assert batch.problems == [], batch.problems
        assert batch.counts["ledger"] == {"new": 0, "changed": 0, "same": 2, "refused": 0}
    assert b"<f>" not in __import__("zipfile").ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")


def test_a_filled_template_goes_in_and_bad_rows_are_named(city: dict[str, Any], zhou: Any, sign_in: Any) -> None:
    from openpyxl import load_workbook

    data = sign_in("zhoumin").get("/ledgers/waste_bins/template.xlsx").content
    workbook = load_workbook(io.BytesIO(data))
    sheet = workbook.active
    heads = [c.value for c in sheet[3]]
    good = {"配发单行号": "B-1", "配发批次": "1", "配发日期": "2022-03-01", "领用单位": "示例单位", "品类": "二分类桶", "数量": 12, "计数单位": "个", "年度": "2022"}
    for n, row in enumerate([good, {**good, "配发单行号": "B-2", "数量": "一打"}, {**good, "配发单行号": "B-3", "品类": "五分类桶"}], 4):
        for name, value in row.items():
            sheet.cell(n, heads.index(name) + 1, value)
    out = io.BytesIO()
    workbook.save(out)
    batch = bring(city, zhou, out.getvalue(), "own-waste-bins")
    assert batch.counts["ledger"]["new"] == 1
    assert {p["where"]["cell"] for p in batch.problems} == {"F5", "E6"}
