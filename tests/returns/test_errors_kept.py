"""An error stands in the way of accepting; what is kept, left out and sent back is said by name, everywhere."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from jieneng.core.problem import Refused
from jieneng.desk.telling import tell
from jieneng.records.models import Event
from jieneng.returns import actions, queries
from jieneng.returns.freeze import freeze
from jieneng.returns.models import Return, Round
from jieneng.returns.ranges import unpacked
from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, SCHOOL_ONE

pytestmark = pytest.mark.django_db


def wrong(factor: str, key: str = SCHOOL_ONE, month: int = 3) -> Any:
    """Electricity of one return multiplied."""
    return lambda k, m, a: {**a, "electricity_kwh": a["electricity_kwh"] * Decimal(factor)} if (k, m) == (key, month) else a


@pytest.fixture
def doubtful(city: dict[str, Any]) -> Return:
    """示例第一小学 filled in 2022-03 in 10⁴ kWh; all others are accepted."""
    file_all(city, 2021)
    file_all(city, 2022, change=wrong("0.0001"))
    return Return.objects.get(institution=city["institutions"][SCHOOL_ONE], period="2022-03")


def test_reading_in_as_accepted_leaves_what_holds_an_error(city: dict[str, Any], doubtful: Return) -> None:
    assert (doubtful.state, doubtful.accepted) == ("filed", 0)
    assert Return.objects.filter(round__year=2022, state="accepted").count() == 47
    assert Event.objects.filter(verb="returns.import").latest("seq").data["held"] == 1


def test_wang_li_cannot_pass_an_error_without_keeping_it(city: dict[str, Any], doubtful: Return) -> None:
    wang, rows = city["people"]["wangli"], Return.objects.filter(pk=doubtful.pk)
    for how in ({}, {"keep": True}, {"keep": True, "reason": "  "}, {"reason": "看过了"}):
        with pytest.raises(Refused, match="错误"):
            actions.act(wang, "pass_county", rows, **how)
    doubtful.refresh_from_db()
    assert doubtful.state == "filed" and not Event.objects.filter(verb="returns.pass_county").exists()
    actions.act(wang, "pass_county", rows, keep=True, reason="停电检修，已看电费单")
    doubtful.refresh_from_db()
    event = Event.objects.get(verb="returns.pass_county")
    assert doubtful.state == "county_ok" and unpacked(event.data["kept"]) == {doubtful.pk}
    assert "经确认保留“错误” 1 份" in tell(event).sentence


def test_a_clean_return_is_accepted_as_before(city: dict[str, Any]) -> None:
    file_all(city, 2022, accept=False)
    assert actions.act(city["people"]["zhoumin"], "accept", Return.objects.filter(round__year=2022)) == 48
    assert "kept" not in Event.objects.get(verb="returns.accept").data


def test_the_page_sends_back_first_and_keeps_only_with_a_reason(city: dict[str, Any], sign_in: Any, doubtful: Return) -> None:
    client, url = sign_in("wangli"), f"/returns/{doubtful.pk}/"
    page = client.get(url).content.decode()
    assert 'btn btn-primary">退回核实' in page and 'name="keep"' in page and "经确认保留，审核通过" in page
    client.post(url + "pass_county/")
    doubtful.refresh_from_db()
    assert doubtful.state == "filed"
    client.post(url + "pass_county/", {"keep": "1", "reason": "停电检修"})
    page = client.get(url).content.decode()
    assert "经确认保留“错误”" in page and "停电检修" in page


def test_why_it_came_back_stays_on_the_return(city: dict[str, Any], sign_in: Any, doubtful: Return) -> None:
    sign_in("wangli").post(f"/returns/{doubtful.pk}/send_back/", {"reason": "按电费单改成千瓦时"})
    page = sign_in("zhoumin").get(f"/returns/{doubtful.pk}/").content.decode()
    assert "按电费单改成千瓦时" in page and "汪立" in page and "退回核实" in page
    other = Return.objects.get(institution=city["institutions"][HOSPITAL], period="2022-03")
    assert "按电费单改成千瓦时" not in sign_in("zhoumin").get(f"/returns/{other.pk}/").content.decode()


def test_a_value_too_small_gets_a_suggestion(city: dict[str, Any], sign_in: Any, doubtful: Return) -> None:
    assert [f.rule for f in doubtful.findings.all() if f.severity == "must"] == ["U01e"]
    page = sign_in("wangli").get(f"/returns/{doubtful.pk}/").content.decode()
    assert "像是填成了万kWh" in page and "建议值 0.1003 → <b>1,003</b> kWh" in page


def test_last_years_mistake_is_laid_at_last_year(city: dict[str, Any], sign_in: Any) -> None:
    file_all(city, 2021, change=wrong("0.0001"))
    file_all(city, 2022)
    this = Return.objects.get(institution=city["institutions"][SCHOOL_ONE], period="2022-03")
    last = Return.objects.get(institution=city["institutions"][SCHOOL_ONE], period="2021-03")
    assert [f.rule for f in this.findings.all() if f.severity == "must"] == ["U01f"]
    page = sign_in("wangli").get(f"/returns/{this.pk}/").content.decode()
    assert "去年同期像是填成了万kWh" in page and f'去年 <a href="/returns/{last.pk}/">2021-03</a>' in page and "0.1003 → <b>1,003</b>" in page


def test_zhou_min_sees_what_a_snapshot_leaves_out_before_and_after(city: dict[str, Any], sign_in: Any, doubtful: Return) -> None:
    client = sign_in("zhoumin")
    before = client.get("/rounds/2022/before/freeze/").content.decode()
    assert "1 份不进快照" in before and "示例第一小学 2022-03" in before and f"/returns/{doubtful.pk}/" in before
    assert "示例第一小学 2022-03" in client.get("/rounds/2022/before/sign/").content.decode()
    record = freeze(city["people"]["zhoumin"], queries.book(), 2022)
    assert unpacked(record.left_out[0]["ids"]) == {doubtful.pk}
    assert "示例第一小学 2022-03" in client.get(f"/snapshots/{record.pk}/").content.decode()
    assert "没有封进去的 1 份（已报 1）" in tell(Event.objects.get(verb="snapshot.freeze")).sentence
    actions.act(city["people"]["zhoumin"], "accept", Return.objects.filter(pk=doubtful.pk), keep=True, reason="看过电费单")
    before = client.get("/rounds/2022/before/freeze/").content.decode()
    assert "没有遗漏" in before and "经确认保留“错误”的 1 份" in before and "示例第一小学 2022-03" in before


def test_a_county_sees_neither_the_button_nor_the_names(city: dict[str, Any], sign_in: Any, doubtful: Return) -> None:
    record, wang = freeze(city["people"]["zhoumin"], queries.book(), 2022), sign_in("wangli")
    assert "/before/" not in wang.get("/rounds/").content.decode() and "/before/2022" not in wang.get("/rounds/").content.decode()
    refused = wang.post(f"/rounds/{Round.objects.get(year=2022).pk}/sign/")
    assert refused.status_code == 403 and "由市局审定" in refused.content.decode()
    assert wang.get("/rounds/2022/before/sign/").status_code == 403
    assert "示例第一小学" not in sign_in("heping").get(f"/snapshots/{record.pk}/").content.decode()


def test_numbers_by_institution_and_by_return_add_up_everywhere(city: dict[str, Any], sign_in: Any, doubtful: Return) -> None:
    zhou = city["people"]["zhoumin"]
    actions.act(zhou, "send_back", Return.objects.filter(pk=doubtful.pk), reason="单位")
    client = sign_in("zhoumin")
    from jieneng.people.scope import scope

    states = queries.institution_states(scope(zhou, "see"), Round.objects.get(year=2022))
    assert sorted(states.values()) == ["accepted", "accepted", "accepted", "returned"]
    progress = client.get("/rounds/").context["rounds"][0]
    assert (progress["done"], progress["late"], progress["reporting"]) == (3, 1, 4)
    assert [t["n"] for t in client.get("/").context["tasks"] if "没有报" in t["subject"].zh or "没报完" in t["subject"].zh] == [1]
    assert (progress["returns_accepted"], progress["returns"]) == (47, 48) and progress["returns_waiting"] == 0
    assert sum(sum(r["counts"].values()) for r in progress["rows"]) == sum(progress["totals"].values()) == 4
    assert [s["state"] for s in progress["steps"]][:1] == ["now"]


def test_lists_as_workbooks_speak_chinese(city: dict[str, Any], sign_in: Any, doubtful: Return) -> None:
    from urllib.parse import quote

    from python_calamine import CalamineWorkbook

    client = sign_in("zhoumin")
    response = client.get("/findings.xlsx?year=2022&severity=must")
    assert quote("审核问题-2022-错误.xlsx") in response.headers["Content-Disposition"]
    import io

    rows = CalamineWorkbook.from_filelike(io.BytesIO(response.content)).get_sheet_by_index(0).to_python()
    assert rows[3][2] == "泾县" and rows[3][5] == "错误"
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(client.get("/register.xlsx?year=2022").content)).get_sheet_by_index(0).to_python()
    assert sheet[2][-3:] == ["面积（m²）", "人数", "备注"] and all(line[-3] > 0 for line in sheet[3:])
