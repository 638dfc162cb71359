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


def test_a_change_of_a_frozen_line_needs_its_reason(city: dict[str, Any], contracts: Any, zhou: Any, sign_in: Any) -> None:
    from jieneng.returns.freeze import freeze
    from tests.figures.make import file_all

    row = save(city, contracts)
    save(city, contracts, key="HT-1", seen=1, capacity_kwp="213")  # nothing rests on it yet
    file_all(city, 2022)
    record = freeze(zhou, book(), 2022)
    with pytest.raises(Refused, match=record.pk) as told:
        save(city, contracts, key="HT-1", seen=2, capacity_kwp="214")
    assert told.value.problems[0].where.field == "reason"
    page = sign_in("zhoumin").post(f"/ledgers/energy_contracts/{row.pk}/", {**LINE, "capacity_kwp": "214", "seen": "2"})
    assert page.status_code == 422 and "改动要写原因" in page.content.decode() and 'value="214"' in page.content.decode()
    page = sign_in("zhoumin").post(f"/ledgers/energy_contracts/{row.pk}/", {**LINE, "capacity_kwp": "214", "seen": "2", "reason": "验收单"})
    assert page.status_code == 302 and LedgerRecord.objects.get().revision == 3
    save(city, contracts, no="HT-9")  # what came after the snapshot is not in it
    save(city, contracts, no="HT-9", key="HT-9", seen=1, capacity_kwp="1")


def test_cells_that_did_not_change_keep_their_source(city: dict[str, Any], zhou: Any, contracts: Any, sign_in: Any) -> None:
    save(city, contracts)
    data = sign_in("zhoumin").get("/ledgers/energy_contracts.xlsx").content
    LedgerRevision.objects.all().delete()
    LedgerRecord.objects.all().delete()
    bring(city, zhou, data, "own-energy-contracts")
    row = LedgerRecord.objects.get()
    text = sign_in("zhoumin").get(f"/ledgers/energy_contracts/{row.pk}/").content.decode().split("数据来源")[1]
    assert text.count("台账.xlsx") == 9 and "“pv”" not in text and "341823" not in text and "周敏 填写" not in text
    save(city, contracts, key="HT-1", seen=1, capacity_kwp="166")
    text = sign_in("zhoumin").get(f"/ledgers/energy_contracts/{row.pk}/").content.decode().split("数据来源")[1]
    assert text.count("台账.xlsx") == 8 and text.count("周敏 填写") == 1


def test_codes_in_a_source_are_told_in_words(contracts: Any) -> None:
    from jieneng.fieldwork.pages import _origin
    from jieneng.fieldwork.queries import Origin

    kind = next(f for f in contracts.fields if f.code == "type")
    revision = LedgerRevision(values={"type": "pv"}, sources={})
    assert _origin(kind, Origin(revision, {"sheet": "台账", "cell": "E6", "raw": "pv"})) == {"revision": revision, "file": None, "cell": "台账 E6", "raw": "分布式光伏"}


def test_totals_say_what_they_add_and_never_mix_units(city: dict[str, Any], zhou: Any, sign_in: Any) -> None:
    bins, office = book().ledgers["waste_bins"], city["offices"]["341800"]
    line = {"batch": "1", "issued_on": "2022-03-01", "unit": "甲", "year": "2022"}
    for no, kind, count, counted in (("1", "four_way", "54", "piece"), ("2", "two_way", "74", "piece"), ("3", "four_way", "5", "group")):
        actions.save(zhou, bins, {**line, "no": no, "kind": kind, "count": count, "counted_as": counted}, office=office)
    foot = sign_in("zhoumin").get("/ledgers/waste_bins/").content.decode().split("<tfoot>")[1]
    assert "128 <span" in foot and "二分类桶 74、四分类桶 54" in foot and "133" not in foot and ">组<" in foot
    facts = book().ledgers["external_facts"]
    actions.save(zhou, facts, {"code": "x", "year": "2022", "label": "甲", "value": "乙", "source_document": "丙"}, office=office)
    assert "<tfoot>" not in sign_in("zhoumin").get("/ledgers/external_facts/").content.decode()


def test_the_template_has_lists_marks_and_examples_and_its_guide_is_not_read(city: dict[str, Any], zhou: Any, sign_in: Any) -> None:
    from openpyxl import load_workbook

    response = sign_in("zhoumin").get("/ledgers/energy_contracts/template.xlsx")
    assert "%E5%90%88%E5%90%8C%E8%83%BD%E6%BA%90" in response.headers["Content-Disposition"]
    workbook = load_workbook(io.BytesIO(response.content))
    sheet, guide = workbook.worksheets
    marks = {sheet.cell(3, n).value: sheet.cell(2, n).value for n in range(1, sheet.max_column + 1)}
    assert marks["项目名称"] == "必填" and marks["类型"] == "必填，点选" and marks["中标日期"] == "选填，日期"
    lists = [v.formula1 for v in sheet.data_validations.dataValidation if v.type == "list"]
    assert '"能源费用托管型,节能效益分享型,分布式光伏"' in lists
    told = {guide.cell(r, 1).value: guide.cell(r, 4).value for r in range(2, guide.max_row + 1)}
    assert told["中标日期"] == "2022-03-18" and told["类型"] == "能源费用托管型" and guide.title == "填写说明"
    for n, value in enumerate(("HT-7", "示例项目", "泾县", "示例学校", "分布式光伏", "运行", "", "2022-03-18"), 1):
        sheet.cell(4, n).value = value
    sheet.cell(4, list(marks).index("年度") + 1).value = 2022
    out = io.BytesIO()
    workbook.save(out)
    batch = bring(city, zhou, out.getvalue(), "own-energy-contracts")
    assert batch.problems == [] and LedgerRecord.objects.get().key == "HT-7"


def test_the_event_of_an_import_agrees_with_its_problems(city: dict[str, Any], zhou: Any, sign_in: Any) -> None:
    from openpyxl import load_workbook

    workbook = load_workbook(io.BytesIO(sign_in("zhoumin").get("/ledgers/waste_bins/template.xlsx").content))
    sheet = workbook.worksheets[0]
    for n, value in enumerate(("B1", "1", "2022-03-01", "甲", "二分类桶", "很多", "个", "2022"), 1):  # a number that cannot be read
        sheet.cell(4, n).value = value
    for n, value in enumerate(("B2", "1", "2022-03-01", "", "二分类桶", "3", "个", "2022"), 1):  # a required field left out
        sheet.cell(5, n).value = value
    out = io.BytesIO()
    workbook.save(out)
    batch = bring(city, zhou, out.getvalue(), "own-waste-bins")
    event = Event.objects.get(verb="ledger.import")
    assert len(batch.problems) >= 2 and event.data["refused"] + event.data["unread"] == len(batch.problems), (batch.problems, event.data)
