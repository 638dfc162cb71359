"""Drafts against each other, the words a template claims, the rows behind a count, and the proof as a workbook."""

from __future__ import annotations

import io
from typing import Any

import pytest
from openpyxl import load_workbook

from jieneng.core.problem import Refused
from jieneng.records.models import Event
from jieneng.reports import actions, queries
from jieneng.reports.models import DocumentVersion
from jieneng.returns.freeze import freeze
from jieneng.returns.queries import book

from .test_document import CONTRACT, enter, ready

pytestmark = pytest.mark.django_db
__all__ = ["ready"]


def composed(city: dict[str, Any]) -> DocumentVersion:
    zhou = city["people"]["zhoumin"]
    return actions.compose(zhou, "annual-summary", 2022, freeze(zhou, book(), 2022))


def test_a_draft_says_what_it_changed_against_the_last(ready: dict[str, Any], sign_in: Any) -> None:
    first = composed(ready)
    assert queries.against_last(first) is None
    same = composed(ready)
    against = queries.against_last(same)
    assert against is not None and against.says == "与第 1 稿比：数和文字都没有改动" and against.snapshot is not None
    enter(ready, "energy_contracts", _key="HT-2", no="HT-2", name="光伏一", type="pv", investment_10k_yuan="582.73", capacity_kwp="1010", **CONTRACT)
    third = composed(ready)
    against = queries.against_last(third)
    assert against is not None and against.says == "与第 2 稿比：改动 1 处：1.6821 → 1.6921"
    client = sign_in("zhoumin")
    page, listed = client.get(f"/documents/version/{third.pk}/").content.decode(), client.get("/documents/").content.decode()
    assert "与第 2 稿比：改动 1 处：1.6821 → 1.6921" in page and "与第 2 稿比：改动 1 处：1.6821 → 1.6921" in listed
    assert "2022 年总结里的能耗统计是 2021 年的" in page


def test_all_tendered_is_borne_out_by_the_ledger_or_refused(ready: dict[str, Any]) -> None:
    version = composed(ready)
    claim = next(w for w in version.proof["wordings"] if w["id"] == "all_tendered")
    assert claim["says"] == "已完成招标的项目数（3） ＝ 完成合同能源管理项目数（3）" and claim["figures"]
    assert "均完成招标。" in "".join(p["text"] for b in version.proof["blocks"] for p in b["text"])
    enter(ready, "energy_contracts", no="HT-5", name="还在采购", type="pv", **{**CONTRACT, "stage": "tendering"})
    with pytest.raises(Refused, match="“均完成招标”不成立") as told:
        composed(ready)
    assert "（3）" in str(told.value) and "（4）" in str(told.value) and DocumentVersion.objects.count() == 1


def test_fixed_wording_is_marked_until_a_person_confirms_it_by_name(ready: dict[str, Any], sign_in: Any) -> None:
    version = composed(ready)
    url, client = f"/documents/version/{version.pk}/", sign_in("zhoumin")
    page = client.get(url).content.decode()
    assert "模板固定用语，须人工确认" in page and "1 处用语待确认" in page and "对照节约型机关创建名单" in page
    assert client.post(url + "confirm/", {"wording": "all_built", "reason": " "}).status_code == 422 and not Event.objects.filter(verb="document.confirm").exists()
    with pytest.raises(Refused, match="没有要确认的"):
        actions.confirm(ready["people"]["zhoumin"], version, "all_tendered", "看了")
    assert client.post(url + "confirm/", {"wording": "all_built", "reason": "创建名单 2022-11-18"}).status_code == 302
    page = client.get(url).content.decode()
    assert "处用语待确认" not in page and "周敏" in page and "创建名单 2022-11-18" in page
    from jieneng.desk.telling import tell

    assert tell(Event.objects.get(verb="document.confirm")).sentence == "周敏 确认用语 2022 年年度工作总结第 1 稿：“全面建成”；创建名单 2022-11-18"
    again = composed(ready)  # another draft is confirmed anew
    assert "1 处用语待确认" in client.get(f"/documents/version/{again.pk}/").content.decode()


def test_a_count_shows_the_dates_by_which_its_lines_were_chosen(ready: dict[str, Any], sign_in: Any) -> None:
    version = composed(ready)
    panel = sign_in("zhoumin").get(f"/documents/version/{version.pk}/figure/contracts/").content.decode()
    assert "中标日期" in panel and panel.count("2022-03-01") == 3 and "582.73" in panel and "582.7300" not in panel
    solar = sign_in("zhoumin").get(f"/documents/version/{version.pk}/figure/solar/").content.decode()
    assert "分布式光伏" in solar and ">pv<" not in solar


def test_the_proof_opens_as_a_workbook_with_recipe_rows_and_cells(ready: dict[str, Any], sign_in: Any) -> None:
    version = composed(ready)
    response = sign_in("suncha").get(f"/documents/version/{version.pk}/proof.xlsx")
    workbook = load_workbook(io.BytesIO(response.content))
    assert workbook.sheetnames == ["数字与算法", "依据的台账", "依据的报表", "用语"]
    figures, lines, returns, wordings = workbook.worksheets
    told = {r[1]: r for r in figures.iter_rows(min_row=4, values_only=True)}
    assert len(told) == len({e["id"] for e in version.proof["figures"]})
    assert told["装机总容量"][0] == "1.6821" and told["装机总容量"][2] == "1,682.1" and "合同能源与光伏" in told["装机总容量"][6] and "逐位一致" in told["装机总容量"][9]
    assert "省局通报" in told["全部完成的全省名次"][8] and "能源消费总量" in told["单位建筑面积能耗"][5]
    rows = [r for r in lines.iter_rows(min_row=4, values_only=True) if r[0].startswith("1.6821") and r[4] == "装机容量"]
    assert sum(r[5] for r in rows if r[5]) == pytest.approx(1682.1) and {r[2] for r in rows} == {"HT-1", "HT-2", "HT-3"} and all("周敏" in r[8] for r in rows if r[5])
    power = [r for r in returns.iter_rows(min_row=4, values_only=True) if "“电消费量”2021年" in r[1] and r[3].endswith(".xlsx")]
    assert power and power[0][4] == "消费状况" and ":" in power[0][5]
    expected = sum(1000 * n + m for n in range(1, 5) for m in range(1, 13))
    assert sum(r[7] for r in power) == expected and sum(r[6] for r in power) == 48
    assert [r[0] for r in wordings.iter_rows(min_row=4, values_only=True)] == ["均完成招标", "全面建成"]
    assert workbook.worksheets[0].page_setup.orientation == "landscape"
