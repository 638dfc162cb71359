"""The annual summary: every number bound, proved, read back; a missing one stops it by name; exactly the affected numbers move."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from lxml import etree

from jieneng import engine
from jieneng.core.figure import Figure
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.fieldwork import actions as ledgers
from jieneng.figures.models import FigureRecord
from jieneng.figures.prove import prove
from jieneng.records.models import Event
from jieneng.reports import actions, queries, readback
from jieneng.reports.models import DocumentVersion
from jieneng.returns import queries as returns
from jieneng.returns.freeze import freeze
from jieneng.returns.queries import book
from tests.figures.make import file_all

pytestmark = pytest.mark.django_db
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def enter(city: dict[str, Any], ledger: str, **values: str) -> Any:
    key = values.pop("_key", "")
    return ledgers.save(city["people"]["zhoumin"], book().ledgers[ledger], values, office=city["offices"]["341800"], key=key,
                        reason="验收单（样例）" if key else "")


CONTRACT = {"area": "341823", "stage": "tendered", "tendered_on": "2022-03-01", "year": "2022"}


@pytest.fixture
def ready(city: dict[str, Any]) -> dict[str, Any]:
    """Three years filed, the ledgers entered; not yet frozen."""
    for year in (2020, 2021, 2022):
        file_all(city, year)
    enter(city, "energy_contracts", no="HT-1", name="托管", type="trusteeship", **CONTRACT)
    enter(city, "energy_contracts", no="HT-2", name="光伏一", type="pv", investment_10k_yuan="582.73", capacity_kwp="1000", **CONTRACT)
    enter(city, "energy_contracts", no="HT-3", name="光伏二", type="pv", capacity_kwp="682.1", **CONTRACT)
    enter(city, "energy_contracts", no="HT-4", name="明年的", type="pv", capacity_kwp="9", **{**CONTRACT, "tendered_on": "2023-01-05"})
    for n, (unit, batch, count) in enumerate((("甲", "1", "20"), ("乙", "2", "100"), ("甲", "3", "8")), 1):
        enter(city, "waste_bins", no=f"B-{n}", batch=batch, issued_on="2022-05-01", unit=unit, kind="two_way", count=count, counted_as="piece", year="2022")
    enter(city, "external_facts", code="creation_rank", year="2022", label="名次", value="第三个", source_document="省局通报（样例）", issued_by="省局", dated="2022-11-30")
    return city


def composed(city: dict[str, Any]) -> DocumentVersion:
    zhou = city["people"]["zhoumin"]
    return actions.compose(zhou, "annual-summary", 2022, freeze(zhou, book(), 2022))


def printed(version: DocumentVersion) -> dict[str, str]:
    return {e["id"]: e["printed"] for e in version.proof["figures"]}


def test_ten_and_more_figures_from_returns_ledgers_and_an_outside_fact(ready: dict[str, Any]) -> None:
    version = composed(ready)
    found = printed(version)
    assert len(found) >= 10
    assert {k: found[k] for k in ("institutions", "contracts", "trusteeship", "solar", "investment", "capacity", "bin_units", "bin_batches", "bins", "rank")} == {
        "institutions": "4", "contracts": "3", "trusteeship": "1", "solar": "2", "investment": "582.73", "capacity": "1.6821", "bin_units": "2",
        "bin_batches": "3", "bins": "128", "rank": "第三个"}
    assert "省局通报" in next(e for e in version.proof["figures"] if e["id"] == "rank")["figure"]["source"]
    assert Event.objects.filter(verb="document.compose").count() == 1 and FigureRecord.objects.count() == len(version.proof["figures"])


def test_every_figure_is_proved_from_the_snapshot(ready: dict[str, Any]) -> None:
    version = composed(ready)
    opened = returns.opened(version.snapshot)
    for e in version.proof["figures"]:
        proof = prove(book(), engine.connect(), opened, Figure.from_json(e["figure"]))
        assert proof.ok and proof.leaves, (e["id"], proof.faults)


def test_changing_one_capacity_moves_exactly_the_affected_number(ready: dict[str, Any]) -> None:
    before = printed(composed(ready))
    enter(ready, "energy_contracts", _key="HT-3", no="HT-3", name="光伏二", type="pv", capacity_kwp="700", **CONTRACT)
    after = printed(composed(ready))
    assert {k for k in before if before[k] != after[k]} == {"capacity"} and after["capacity"] == "1.7000"


def test_the_old_document_does_not_move(ready: dict[str, Any]) -> None:
    first = composed(ready)
    data = actions.docx_of(first)
    enter(ready, "energy_contracts", _key="HT-3", no="HT-3", name="光伏二", type="pv", capacity_kwp="700", **CONTRACT)
    composed(ready)
    first.refresh_from_db()
    assert printed(first)["capacity"] == "1.6821" and actions.docx_of(first) == data
    assert prove(book(), engine.connect(), returns.opened(first.snapshot),
                 Figure.from_json(next(e for e in first.proof["figures"] if e["id"] == "capacity")["figure"])).ok


def test_a_version_is_never_changed_nor_deleted(ready: dict[str, Any]) -> None:
    version = composed(ready)
    version.number = 9
    with pytest.raises(TypeError, match="never changed"):
        version.save()
    with pytest.raises(TypeError, match="never deleted"):
        version.delete()
    version.refresh_from_db()
    assert version.number == 1


def test_a_missing_figure_stops_it_by_name_and_nothing_is_written(ready: dict[str, Any]) -> None:
    ledgers.withdraw(ready["people"]["zhoumin"], book().ledgers["external_facts"], "creation_rank", "撤回")
    for no in ("HT-2", "HT-3"):
        ledgers.withdraw(ready["people"]["zhoumin"], book().ledgers["energy_contracts"], no, "撤回")
    with pytest.raises(Refused) as told:
        composed(ready)
    assert {p.where.field for p in told.value.problems} == {"rank", "investment", "capacity"}
    assert "全省名次" in str(told.value) and not DocumentVersion.objects.exists()


def test_only_the_city_office_composes(ready: dict[str, Any]) -> None:
    record = freeze(ready["people"]["zhoumin"], book(), 2022)
    for who in ("wangli", "suncha", "wangxiuying", "wusheng"):
        with pytest.raises(Refused, match="不能办理"):
            actions.compose(ready["people"][who], "annual-summary", 2022, record)


def body(data: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        assert z.testzip() is None and len(z.namelist()) == len(set(z.namelist()))
        return etree.fromstring(z.read("word/document.xml"))


def test_the_docx_is_set_as_the_standard_wants(ready: dict[str, Any]) -> None:
    data = actions.docx_of(composed(ready))
    root = body(data)
    section = root.find(f".//{W}sectPr")
    assert (section.find(W + "pgSz").get(W + "w"), section.find(W + "pgSz").get(W + "h")) == ("11906", "16838")
    margins = section.find(W + "pgMar")
    assert [margins.get(W + k) for k in ("top", "bottom", "left", "right", "footer")] == ["2098", "1984", "1587", "1474", "1440"]
    grid = section.find(W + "docGrid")
    assert dict(grid.attrib) == {W + "type": "lines", W + "linePitch": "579"}
    assert root.find(f".//{W}sdt") is None
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        styles = z.read("word/styles.xml").decode()
        settings = z.read("word/settings.xml").decode()
        assert 'compatibilityMode' in settings and 'w:val="15"' in settings and "evenAndOddHeaders" in settings
        assert not any(n.startswith(("customXml", "docProps/thumbnail")) for n in z.namelist())
    for name in ("公文标题", "公文正文", "公文一级标题", "公文二级标题"):
        assert name in styles
    assert "Theme" not in re.sub(r"<w:latentStyles.*?</w:latentStyles>", "", styles, flags=re.S).split("<w:style ")[1]


def test_bookmarks_are_paired_wide_and_hidden(ready: dict[str, Any]) -> None:
    version = composed(ready)
    root = body(actions.docx_of(version))
    starts = {e.get(W + "id"): e.get(W + "name") for e in root.iter(W + "bookmarkStart")}
    ends = [e.get(W + "id") for e in root.iter(W + "bookmarkEnd")]
    assert sorted(starts) == sorted(ends) and len(set(starts.values())) == len(starts)
    assert all(n.startswith("_jn_") and len(n) <= 40 for n in starts.values())
    found = {f.name: f for f in readback.read_back(actions.docx_of(version))}
    for e in version.proof["figures"]:
        f = found[e["bookmark"]]
        assert e["printed"] in f.text and len(f.text) <= len(e["printed"]) + 2
        assert f.text == e["before"][-1:] + e["printed"] + e["after"][:1]


def test_a_number_in_the_docx_leads_back_to_its_figure(ready: dict[str, Any]) -> None:
    version = composed(ready)
    data = actions.docx_of(version)
    assert [e["id"] for e in queries.find_number(data, "582.73")] == ["investment"]
    assert queries.find_number(data, "582.74") == []


def test_what_leaders_changed_is_listed(ready: dict[str, Any]) -> None:
    version = composed(ready)
    data = actions.docx_of(version)

    def edit(change: Any) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for n in old.namelist():
                text = old.read(n)
                new.writestr(n, change(text.decode()).encode() if n == "word/document.xml" else text)
        return out.getvalue()

    assert {r["state"] for r in queries.changes(data)[1]} == {"same"}
    changed = {r["id"]: (r["state"], r["now"]) for r in queries.changes(edit(lambda x: x.replace("1.6821", "1.6812")))[1]}
    assert changed["capacity"] == ("arithmetic", "1.6812") and changed["investment"][0] == "same"
    unnamed = {r["id"]: (r["state"], r["by"]) for r in queries.changes(edit(lambda x: x.replace("_jn_capacity", "gone")))[1]}
    assert unnamed["capacity"] == ("same", "context") and unnamed["investment"] == ("same", "bookmark")
    tracked = edit(lambda x: x.replace("1.6821", '</w:t></w:r><w:del w:id="91"><w:r><w:delText>1.6821</w:delText></w:r></w:del>'
                                                 '<w:ins w:id="92"><w:r><w:t>1.7000</w:t></w:r></w:ins><w:r><w:t>'))
    assert {r["id"]: r["now"] for r in queries.changes(tracked)[1]}["capacity"] == "1.7000"


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04 cut"])
def test_a_foreign_file_is_refused_in_words(db: None, data: bytes) -> None:
    with pytest.raises(Refused):
        readback.read_back(data)
    with pytest.raises(Refused, match="不是本系统"):
        queries.version_of(data)


def test_the_summary_table_adds_by_formulas(ready: dict[str, Any]) -> None:
    from openpyxl import load_workbook

    zhou = ready["people"]["zhoumin"]
    record = freeze(zhou, book(), 2022)
    data = actions.table(zhou, "region-summary", Period("year", 2022), record)
    sheet = load_workbook(io.BytesIO(data)).active
    cached = load_workbook(io.BytesIO(data), data_only=True).active
    total = next(r for r in range(1, 40) if sheet.cell(r, 1).value == "合计")
    heads = [c.value for c in sheet[4]]
    for n, head in enumerate(heads[1:], 2):
        assert str(sheet.cell(total, n).value).startswith("="), head
        column = [cached.cell(r, n).value for r in range(6, total)]
        if "人均" not in head and "单位建筑" not in head:
            assert cached.cell(total, n).value == pytest.approx(sum(column))
    energy, area = heads.index("能源消费总量") + 1, heads.index("建筑面积") + 1
    assert cached.cell(total, heads.index("单位建筑面积能耗") + 1).value == pytest.approx(cached.cell(total, energy).value * 1000 / cached.cell(total, area).value)
    assert "样例版式" in sheet["A3"].value and record.pk in sheet["A3"].value
    assert sheet.page_setup.paperSize in (9, "9") and sheet.page_setup.orientation == "landscape" and sheet.print_title_rows
    mine = actions.table(ready["people"]["wangli"], "region-summary", Period("year", 2022), record)
    names = {load_workbook(io.BytesIO(mine)).active.cell(r, 1).value for r in range(6, 9)}
    assert "泾县" in names and "绩溪县" not in names and "市直" not in names


def test_the_day_of_the_numbers_is_the_day_here_not_in_greenwich(ready: dict[str, Any]) -> None:
    zhou = ready["people"]["zhoumin"]
    record = freeze(zhou, book(), 2022)
    record.cutoff = dt.datetime(2023, 1, 31, 20, 0, tzinfo=dt.UTC)
    version = actions.compose(zhou, "annual-summary", 2022, record, dated=dt.date(2023, 2, 2))
    assert version.as_of == dt.date(2023, 2, 1) and "（数据截至2023年2月1日。" in "".join(readback.contents(actions.docx_of(version)).paragraphs)


def test_a_returned_draft_is_compared_on_its_page(ready: dict[str, Any], sign_in: Any) -> None:
    version = composed(ready)
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(actions.docx_of(version))) as old, zipfile.ZipFile(data, "w") as new:
        for n in old.namelist():
            new.writestr(n, old.read(n).replace(b"1.6821", b"1.6812"))
    page = sign_in("zhoumin").post(reverse("document", args=[version.pk]), {"file": SimpleUploadedFile("改.docx", data.getvalue())})
    text = page.content.decode()
    assert page.status_code == 200 and "算式不符" in text and "1.6812" in text and "应为 1.6821" in text
