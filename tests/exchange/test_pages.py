"""The pages: deciding keeps what was typed, lists are issued and printed, a layout is learned, tried and saved with its version."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from jieneng.exchange import queries
from jieneng.exchange.actions import correct, issue
from jieneng.exchange.layouts import code_for
from jieneng.exchange.models import Correction, LayoutVersion, PlatformRow
from jieneng.fieldwork.layouts import choices
from jieneng.people.scope import scope
from jieneng.records.jobs import run_one
from jieneng.records.models import Event
from jieneng.returns.actions import act
from jieneng.returns.models import Import, Return, Revision, Round
from jieneng.returns.queries import book
from tests.exchange.make import off_by_ten, take
from tests.figures.make import file_all
from tests.people_by_name import SCHOOL_ONE

pytestmark = pytest.mark.django_db
EXPORT = ("国家平台汇总,,,\n统一社会信用代码,统计期,用电量（千瓦时）,填报状态\n" + f"{SCHOOL_ONE},2022-03,1003,已上报\n{SCHOOL_ONE},2022-04,9999,已退回\n").encode("gb18030")


@pytest.fixture
def stage(city: dict[str, Any]) -> dict[str, Any]:
    file_all(city, 2022)
    return city


def test_deciding_without_a_reason_keeps_what_was_typed_and_chosen(stage: dict[str, Any], sign_in: Any) -> None:
    take(stage, off_by_ten(SCHOOL_ONE))
    cell = f"{stage['institutions'][SCHOOL_ONE].pk}.2022-03.electricity_kwh"
    response = sign_in("zhoumin").post(reverse("compare-decide"), {"year": "2022", "cell": cell, "verb": "platform", "reason": "", "word": "王秀英电话"})
    page = response.content.decode()
    assert response.status_code == 422 and "王秀英电话" in page and f'value="{cell}" aria-label' in page and " checked" in page and "没有写理由" in page
    response = sign_in("zhoumin").post(reverse("compare-decide"), {"year": "2022", "cell": cell, "verb": "platform", "reason": "账单", "word": "王秀英电话", "day": "2023-03-16"})
    assert response.status_code == 302 and Correction.objects.get().confirmed_on is not None
    assert "平台更正" in sign_in("zhoumin").get(reverse("compare") + "?year=2022&show=open").content.decode()


def test_home_asks_for_what_is_undecided_in_ones_own_scope(stage: dict[str, Any], sign_in: Any) -> None:
    take(stage, off_by_ten(SCHOOL_ONE))
    zhou, wang = sign_in("zhoumin"), sign_in("wangli")
    assert 'hx-get="/compare/waiting/?year=2022"' in wang.get("/").content.decode() and "compare/waiting" not in sign_in("wangxiuying").get("/").content.decode()
    waiting = {who: client.get("/compare/waiting/?year=2022").content.decode() for who, client in (("zhoumin", zhou), ("wangli", wang), ("heping", sign_in("heping")))}
    n = queries.undecided_in(scope(stage["people"]["zhoumin"], "review"), "consumption", 2022)
    assert n == sum(x.verdict == "undecided" for x in queries.table(scope(stage["people"]["zhoumin"], "review"), "platform", "consumption", 2022)) > 0
    assert f">{n}</a>" in waiting["zhoumin"] and "verdict=undecided" in waiting["wangli"] and "都有结论" in waiting["heping"]
    assert sign_in("wangxiuying").get("/compare/waiting/?year=2022").status_code == 403


def test_a_county_decides_nothing_for_its_neighbour(stage: dict[str, Any], sign_in: Any) -> None:
    take(stage, off_by_ten(SCHOOL_ONE))
    cell = f"{stage['institutions'][SCHOOL_ONE].pk}.2022-03.electricity_kwh"
    response = sign_in("heping").post(reverse("compare-decide"), {"year": "2022", "cell": cell, "verb": "explain", "reason": "x"})
    assert response.status_code == 422 and "示例第一小学" not in response.content.decode() and not Event.objects.filter(verb="difference.explain").exists()


def test_lists_come_as_a_zip_of_workbooks_and_as_one(stage: dict[str, Any], sign_in: Any) -> None:
    take(stage, off_by_ten(SCHOOL_ONE))
    client = sign_in("zhoumin")
    form = {"year": "2022", "unit": f"示例第一小学　{SCHOOL_ONE}", "period": "2022-03", "item": "electricity_kwh", "new": "1,003", "reason": "账单", "word": "王秀英"}
    assert client.post(reverse("correction-new"), {**form, "new": "一千"}).status_code == 422
    assert client.post(reverse("correction-new"), form).status_code == 302
    data = client.get(reverse("corrections-xlsx") + "?year=2022")
    with zipfile.ZipFile(io.BytesIO(data.content)) as z:
        assert z.namelist() == ["更正清单-泾县-2022.xlsx"]
    assert client.get(reverse("corrections-xlsx") + "?year=2022&office=341824").status_code == 404
    issued = client.post(reverse("corrections-issue"), {"office": "341823", "year": "2022"})
    page = client.get(issued.url).content.decode()
    assert "第 1 次" in page and "10,030" in page and "王秀英" in page
    assert client.get(issued.url + "?xlsx=1").content[:2] == b"PK"
    assert sign_in("heping").get(issued.url).status_code == 404


def test_a_layout_is_learned_tried_saved_and_used(stage: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("zhoumin")
    learned = client.post(reverse("layouts"), {"file": SimpleUploadedFile("最终版(2).csv", EXPORT)})
    page = client.get(learned.url).content.decode()
    assert "单位代码：统一社会信用代码" in page and "1003" in page
    tried = client.post(learned.url, {"code": "platform-2022", "zh": "平台 2022", "verb": "try"}).content.decode()
    assert "报表 2 份" in tried and not LayoutVersion.objects.exists()
    assert client.post(learned.url, {"code": "平台", "zh": "x", "verb": "save"}).status_code == 422
    saved = client.post(learned.url, {"code": "platform-2022", "zh": "平台 2022", "verb": "save"})
    assert saved.status_code == 302 and "第 1 版" in client.get(saved.url).content.decode()
    client.post(learned.url, {"code": "platform-2022", "zh": "平台 2022", "verb": "save"})
    assert LayoutVersion.objects.count() == 1  # the same again is no new version
    client.post(learned.url, {"code": "platform-2022", "zh": "平台二〇二二", "verb": "save"})
    assert [v.number for v in LayoutVersion.objects.order_by("number")] == [1, 2] and Event.objects.filter(verb="layout.save").count() == 2
    assert "platform-2022" in {c.code for c in choices(book())}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("a/一.csv", EXPORT)
    client.post(reverse("imports"), {"file": SimpleUploadedFile("一批.zip", archive.getvalue()), "layout": "platform-2022", "take": "platform", "office": str(stage["offices"]["341800"].pk)})
    job = run_one()
    assert job is not None and job.state == "done", job and job.error
    batch = Import.objects.get(pk=job.result["import"])
    assert batch.counts["platform"]["new"] == 2
    row = PlatformRow.objects.get(period="2022-04")
    assert row.values == {"electricity_kwh": "9999", "status": "returned"}
    page = client.get(reverse("platform") + "?year=2022").content.decode()
    assert "退回" in page and "示例第一小学" in page


def test_after_teaching_the_same_file_is_imported_as_the_platforms(stage: dict[str, Any], sign_in: Any) -> None:
    """No code typed: the title stands for it everywhere. In mode A what nobody said is the platform's; what was changed here is not overwritten."""
    client, wangli = sign_in("wangli"), str(stage["offices"]["341823"].pk)
    strange = EXPORT.replace(SCHOOL_ONE.encode(), SCHOOL_ONE[::-1].replace("0", "O", 1)[::-1].encode(), 1)
    learned = client.post(reverse("layouts"), {"file": SimpleUploadedFile("泾县-最终版(2).csv", strange)})
    saved = client.post(learned.url, {"code": "", "zh": "泾县最终版试读", "verb": "save"})
    made = LayoutVersion.objects.get()
    assert made.code == "jxzzbsd" and code_for("泾县最终版试读") == "jxzzbsd" and code_for("泾县最终版试毒") == "jxzzbsd-2"
    page = client.get(saved.url).content.decode()
    assert "<h1>表样：泾县最终版试读" in page and "用这个文件继续导入" in page and "统一社会信用代码" in page
    sha256 = learned.url.rstrip("/").rpartition("/")[2]
    page = client.get(f"{reverse('imports')}?layout={made.code}&file={sha256}").content.decode()
    assert "泾县-最终版(2).csv" in page and f'<option value="{made.code}" selected>' in page and f'value="{sha256}"' in page and "读入后即为县级已审" in page
    assert "读入后即为市级已审" in sign_in("zhoumin").get(reverse("imports")).content.decode()
    assert 'name="held"' not in sign_in("heping").get(f"{reverse('imports')}?file={sha256}").content.decode()  # only who brought it in
    before = Revision.objects.count()
    assert client.post(reverse("imports"), {"held": sha256, "layout": made.code, "take": "", "office": wangli}).status_code == 302
    job = run_one()
    assert job is not None and job.state == "done", job and job.error
    batch = Import.objects.get(pk=job.result["import"])
    assert PlatformRow.objects.get(batch=batch).values["electricity_kwh"] == "9999" and Revision.objects.count() == before
    tried = client.post(learned.url, {"code": "", "zh": "泾县最终版试读", "verb": "try"})
    assert tried.context["tried"]["n"] == len(batch.problems) == 1 and "名录里可能是这一家" in tried.content.decode()
    assert made.title["zh"] in client.get(reverse("imports")).content.decode()


def test_codes_that_a_spreadsheet_ate_are_no_tick(stage: dict[str, Any], sign_in: Any) -> None:
    """Merged heads stand once; a code stored as a number is said before anything is read."""
    made = Workbook()
    sheet = made.active
    sheet.append(["泾县2022年度公共机构能源资源消费", None, None, None])
    sheet.append(["单位名称", "统一社会信用代码", "统计期", "电/消费量（千瓦时）"])
    sheet.append(["示例第一小学", SCHOOL_ONE, "2022-03", 1])
    for n in range(9):
        sheet.append([f"示例第{n}小学", f"1234182300000{n:03d}0X" if n < 8 else 123418250009912345, "2022-03", 1])
    sheet.merge_cells("A1:D1")
    out = io.BytesIO()
    made.save(out)
    learned = sign_in("wangli").post(reverse("layouts"), {"file": SimpleUploadedFile("平台.xlsx", out.getvalue())})
    page = sign_in("wangli").get(learned.url).content.decode()
    assert "有 1 个单位代码存成了数字，尾数已丢" in page and "都认出来了" not in page and "1 个尾数已丢" in page
    assert page.count("泾县2022年度公共机构能源资源消费") == 1 and 'colspan="4"' in page


def test_lists_speak_of_units_and_months_in_words(stage: dict[str, Any], sign_in: Any) -> None:
    """m³ and 2022年3月 in both workbooks; a whole return that was sent back is 退回 on both sides, not unanswered."""
    client, one = sign_in("zhoumin"), stage["institutions"][SCHOOL_ONE]
    take(stage, lambda key, month, a: {**a, "water_m3": a["water_m3"] + 1} if key == SCHOOL_ONE and month == 3 and a.get("water_m3") is not None else a)
    correct(stage["people"]["zhoumin"], book(), one, form="consumption", period="2022-03", item="water_m3", new="7", reason="账单", word="王秀英", confirmed_on=None)
    for name in ("compare-xlsx", "corrections-xlsx"):
        sheet = load_workbook(io.BytesIO(client.get(reverse(name) + "?year=2022&office=341823").content)).active
        row = next(r for r in sheet.iter_rows(min_row=4, values_only=True) if "示例第一小学" in r)
        assert "m³" in row and "2022年3月" in row, row
    Correction.objects.create(institution=one, form="consumption", year=2022, period="2022-05", item="", side="platform", reason="请核对", word="", origin="returned", by=stage["people"]["zhoumin"])
    page = client.get(reverse("compare") + "?year=2022&show=open").content.decode()
    assert "整份报表" in page and "未填" not in page.partition("整份报表")[2].partition("</tr>")[0]


def test_sheets_are_one_page_a_unit_in_the_forms_order(stage: dict[str, Any], sign_in: Any) -> None:
    take(stage, off_by_ten(SCHOOL_ONE))
    page = sign_in("wangli").get(reverse("reference-sheets") + "?year=2022").content.decode()
    assert page.count("ex-sheet") == 2 and "平台 10,030" in page and page.index(">101<") < page.index(">110<") < page.index(">120<")
    assert sign_in("wangli").get(reverse("reference-sheets") + "?year=2022&xlsx=1").content[:2] == b"PK"


@pytest.mark.parametrize("query", ["?year=x&holder=y&area=1&item=2&verdict=3&page=z", "?year=9999", "?holder=nation&show=explained", "?q=%EF%BC%9F"])
def test_self_made_addresses_never_break(stage: dict[str, Any], sign_in: Any, query: str) -> None:
    for name in ("compare", "compare-xlsx", "corrections", "platform", "reference-sheets"):
        assert sign_in("zhoumin").get(reverse(name) + query).status_code == 200, name


def test_a_sensitive_unit_stands_in_no_line_for_those_who_only_look_on(stage: dict[str, Any], sign_in: Any) -> None:
    take(stage, off_by_ten(SCHOOL_ONE))
    url = reverse("compare") + "?year=2022"
    assert "示例第一小学" in sign_in("suncha").get(url).content.decode()
    stage["institutions"][SCHOOL_ONE].standings.update(sensitive=True)
    assert "示例第一小学" not in sign_in("suncha").get(url).content.decode()
    assert "示例第一小学" in sign_in("zhoumin").get(url).content.decode()


def test_a_sensitive_unit_stands_in_no_list_of_those_who_only_look_on(stage: dict[str, Any], sign_in: Any) -> None:
    """Lists of corrections, changes of an import, what the platform says, reference sheets, reminders: totals alone (孙查 looks on)."""
    take(stage, off_by_ten(SCHOOL_ONE))
    correct(stage["people"]["zhoumin"], book(), stage["institutions"][SCHOOL_ONE], form="consumption", period="2022-03", item="electricity_kwh", new="1003", reason="账单", word="王")
    listed = issue(stage["people"]["zhoumin"], stage["offices"]["341823"], form="consumption", year=2022)
    _, batch = take(stage, name="平台2.xls")
    round_ = Round.objects.get(year=2022)
    act(stage["people"]["zhoumin"], "reopen", Return.objects.filter(institution__key=SCHOOL_ONE, period="2022-05"), reason="再核")
    pages = [reverse("corrections") + "?year=2022", reverse("correction-list", args=[listed.pk]), reverse("import-changes", args=[batch.pk]),
             reverse("reference-sheets") + "?year=2022", reverse("chase", args=[round_.pk])]
    books = [reverse("correction-list", args=[listed.pk]) + "?xlsx=1", reverse("import-changes-xlsx", args=[batch.pk]), reverse("reference-sheets") + "?year=2022&xlsx=1",
             reverse("chase-xlsx", args=[round_.pk])]

    def names(who: str) -> list[bool]:
        client = sign_in(who)
        told = ["示例第一小学" in client.get(url).content.decode() for url in pages]
        for url in books:
            cells = [str(c.value) for sheet in load_workbook(io.BytesIO(client.get(url).content)) for row in sheet.iter_rows() for c in row]
            told.append(any("示例第一小学" in c for c in cells))
        return told

    assert all(names("suncha"))
    stage["institutions"][SCHOOL_ONE].standings.update(sensitive=True)
    assert not any(names("suncha")) and all(names("zhoumin"))
