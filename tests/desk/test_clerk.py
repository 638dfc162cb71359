"""What a clerk met on the first days: nothing of the program shows, each line of home leads to where it can be done, and what is searched for is found."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import RequestFactory
from django.urls import reverse

from jieneng.desk import finding
from jieneng.exchange import actions as exchange
from jieneng.people.models import BY_COMMAND, Appointment, User
from jieneng.records.events import action, record
from jieneng.returns import actions
from jieneng.returns.asks import Ask
from jieneng.returns.models import Return, Round
from jieneng.returns.plan.actions import set_office
from jieneng.returns.queries import book
from tests.figures.make import file_all
from tests.people_by_name import CITY_LINE, HOSPITAL, JINGXIAN, SCHOOL_ONE

pytestmark = pytest.mark.django_db


def text(client: Any, url: str, **more: Any) -> str:
    return client.get(url, **more).content.decode()


def sent_back(city: dict[str, Any], mode: str) -> Return:
    """One month of a school that came back with a value proposed, in a round of this mode there."""
    file_all(city, 2022, accept=False)
    zhou, round_ = city["people"]["zhoumin"], Round.objects.get(year=2022)
    set_office(zhou, round_, city["offices"][JINGXIAN], mode=mode, deadline=dt.date(2023, 2, 21))
    row = Return.objects.get(institution__key=SCHOOL_ONE, period="2022-12")
    actions.act(zhou, "send_back", Return.objects.filter(pk=row.pk), reason="核对抄表日期",
                asks=[Ask(row.pk, "electricity_kwh", "账单上的数不同", "17123")])
    return row


def test_the_calendar_of_a_round_is_said_in_the_language_in_force(city: dict[str, Any], sign_in: Any) -> None:
    file_all(city, 2022)
    zh = text(sign_in("wangli"), "/rounds/")
    assert "布置通知" in zh and "&#x27;zh&#x27;" not in zh and "notice" not in zh
    client = sign_in("wangli")
    client.post("/language/", {"language": "en"})
    en = text(client, "/rounds/")
    assert "units file" in en and "&#x27;zh&#x27;" not in en and "布置通知" not in en


def test_a_reporter_goes_from_home_straight_to_the_cell_that_came_back(city: dict[str, Any], sign_in: Any) -> None:
    row = sent_back(city, "C")
    there = reverse("filling-year", args=[row.round_id, row.institution_id]) + "#2022-12-electricity_kwh"
    home = text(sign_in("wangxiuying"), "/")
    assert f'href="{there}"' in home and "账单上的数不同；建议值 17,123" in home
    page = text(sign_in("wangxiuying"), reverse("return", args=[row.pk]))
    assert f'href="{there}"' in page and "去核实、改数（建议值 17,123）" in page
    assert 'id="2022-12-electricity_kwh"' in text(sign_in("wangxiuying"), there), "the cell is on that page"
    for who in ("wangli", "zhoumin", "chengang"):
        assert there not in text(sign_in(who), reverse("return", args=[row.pk])), "nobody but the unit changes a number"


def test_where_the_platform_is_filed_home_leads_to_the_return_and_the_reason_is_said(city: dict[str, Any], sign_in: Any) -> None:
    row = sent_back(city, "A")
    home = text(sign_in("wangxiuying"), "/")
    assert f'href="{reverse("return", args=[row.pk])}"' in home and "账单上的数不同" in home
    page = text(sign_in("wangxiuying"), reverse("return", args=[row.pk]))
    assert "去核实、改数" not in page and re.search(r'<tr class="ask"><td></td><td colspan="6".*账单上的数不同；建议值 <b>17,123</b>', page)


def test_ones_own_day_is_said_beside_the_citys(city: dict[str, Any], sign_in: Any) -> None:
    sent_back(city, "C")
    assert "您的期限 2023-02-21（宣城市 2023-02-28）" in text(sign_in("wangxiuying"), "/")
    assert "您的期限 2023-02-21（宣城市 2023-02-28）" in text(sign_in("wangli"), "/")
    assert "您的期限" not in text(sign_in("zhoumin"), "/") and "您的期限" not in text(sign_in("heping"), "/")


def test_what_is_filed_is_not_asked_for_any_more(city: dict[str, Any], sign_in: Any) -> None:
    file_all(city, 2022)
    round_ = Round.objects.get(year=2022)
    set_office(city["people"]["zhoumin"], round_, city["offices"][JINGXIAN], mode="C", deadline=None)
    page = text(sign_in("wangxiuying"), reverse("filling-year", args=[round_.pk, city["institutions"][SCHOOL_ONE].pk]))
    assert re.search(r"已于 \d{4}-\d\d-\d\d \d\d:\d\d 报送（逾期）", page) and "还可以填" not in page
    set_office(city["people"]["zhoumin"], round_, city["offices"][JINGXIAN], mode="A", deadline=None)
    other = text(sign_in("wangxiuying"), reverse("filling-year", args=[round_.pk, city["institutions"][SCHOOL_ONE].pk]))
    assert "导入" in other and "（逾期）" not in other, "when the unit filed on the platform is not known here"
    set_office(city["people"]["zhoumin"], round_, city["offices"][JINGXIAN], mode="C", deadline=None)
    Return.objects.filter(institution__key=SCHOOL_ONE, period="2022-12").update(state="returned")
    again = text(sign_in("wangxiuying"), reverse("filling-year", args=[round_.pk, city["institutions"][SCHOOL_ONE].pk]))
    assert "还可以填" in again and "已于" not in again


def test_home_counts_the_corrections_of_ones_own_units(city: dict[str, Any], sign_in: Any) -> None:
    file_all(city, 2022)
    zhou = city["people"]["zhoumin"]
    for key in (SCHOOL_ONE, HOSPITAL):
        exchange.correct(zhou, book(), city["institutions"][key], form="consumption", period="2022-03", item="water_m3", new="5", reason="账单", word="单位王秀英")
    assert "更正清单没有办完" in text(sign_in("wangli"), "/") and "待核对 1" in text(sign_in("wangli"), "/")
    assert "待核对 2" in text(sign_in("zhoumin"), "/")
    assert "更正清单没有办完" not in text(sign_in("heping"), "/") and "更正清单没有办完" not in text(sign_in("wangxiuying"), "/")


def test_files_that_an_office_above_brought_are_named_with_ones_own_share_only(city: dict[str, Any], sign_in: Any) -> None:
    batch = file_all(city, 2022)
    page = text(sign_in("wangli"), "/imports/")
    assert "上级代您导入的" in page and batch.file.name in page and ">24<" in page and ">48<" not in page
    assert f"/imports/{batch.pk}/" not in page and sign_in("wangli").get(f"/imports/{batch.pk}/").status_code == 404
    assert "最近一次导入" in text(sign_in("wangli"), "/") and "上级代您导入的" not in text(sign_in("zhoumin"), "/imports/")
    assert "最近一次导入" not in text(sign_in("wangxiuying"), "/")


def test_a_return_links_its_file_for_who_may_open_it_and_names_it_for_others(city: dict[str, Any], sign_in: Any) -> None:
    batch = file_all(city, 2022)
    pk, file = Return.objects.get(institution__key=SCHOOL_ONE, period="2022-03").pk, f"/files/{batch.file.sha256}/"
    assert f'href="{file}"' in text(sign_in("zhoumin"), f"/returns/{pk}/")
    for who in ("wangli", "wangxiuying"):
        page = text(sign_in(who), f"/returns/{pk}/")
        assert file not in page and batch.file.name in page and sign_in(who).get(file).status_code == 404


def test_a_reporters_menu_is_the_units_own_and_other_roles_keep_theirs(city: dict[str, Any], sign_in: Any) -> None:
    file_all(city, 2022)
    menu = re.search(r'<nav class="sn.*?</nav>', text(sign_in("wangxiuying"), "/"), re.S)
    assert menu and "填报" in menu[0] and "佐证材料" in menu[0]
    for word in ("催报", "两边对照", "汇总表", "用能定额", "气温", "更正清单", "审核"):
        assert word not in menu[0], word
    home = text(sign_in("wangxiuying"), "/")
    assert "部门进度" not in home and "看完整率" not in home and "我的报表" in home and "打印" in home
    assert sign_in("wangxiuying").get("/corrections/").status_code == 200, "what is not in the menu opens all the same"
    for who in ("wusheng", "linjian", "wangli"):
        assert "催报" in re.search(r'<nav class="sn.*?</nav>', text(sign_in(who), "/"), re.S)[0], who  # type: ignore[index]


def test_the_log_keeps_ones_own_lines_together_and_no_command_has_a_persons_name(city: dict[str, Any], sign_in: Any) -> None:
    console = User.objects.create_user("console", None, name="控制台")
    Appointment.objects.create(user=console, role="city", office=city["offices"]["341800"], since=dt.date(2000, 1, 1))
    for line in (JINGXIAN, CITY_LINE, CITY_LINE, JINGXIAN):
        with action():
            record(console, "round.open", "round", "1", line=city["offices"][line].path, data={"year": 2022})
    page = text(sign_in("wangli"), "/events/")
    body = re.search(r"<tbody>.*</tbody>", page, re.S)
    assert body and str(BY_COMMAND) in body[0] and "控制台" not in body[0] and "不在您的范围内" not in body[0]
    folded = re.search(r"<details class=\"cb.*?</details>", page, re.S)
    assert folded and "不在您的范围内" in folded[0] and re.search(r"<span class=\"nw\">\d+–\d+</span>", folded[0])


def test_searching_finds_pages_the_manual_files_and_numbers_by_right_and_scope(city: dict[str, Any], sign_in: Any) -> None:
    batch = file_all(city, 2022)
    for key in (SCHOOL_ONE, HOSPITAL):
        exchange.correct(city["people"]["zhoumin"], book(), city["institutions"][key], form="consumption", period="2022-03", item="water_m3", new="17123", reason="账单", word="单位")
    for word, url in (("催报", "/chase/"), ("更正清单", "/corrections/"), ("完整率", "/chase/"), ("会审", "/review/"), ("疑点", "/review/"), ("审核问题", "/findings/"),
                      ("佐证材料", "/papers/"), ("两边对照", "/compare/"), ("联络员", "/register/liaison/"), ("用能定额", "/ledgers/quotas/"), ("折标系数", "/rules/")):
        assert f'href="{url}"' in text(sign_in("wangli"), "/search/", data={"q": word}).split("<main")[1], word
    assert "/manual/" in text(sign_in("wangli"), "/search/", data={"q": "封存"}).split("<main")[1]
    number = text(sign_in("wangli"), "/search/", data={"q": "17,123"}).split("<main")[1]
    assert "示例第一小学" in number and "示例市医院" not in number
    assert "示例市医院" in text(sign_in("zhoumin"), "/search/", data={"q": "17123"})
    assert f"/imports/{batch.pk}/" in text(sign_in("zhoumin"), "/search/", data={"q": "2022.xlsx"}) and f"/imports/{batch.pk}/" not in text(sign_in("wangli"), "/search/", data={"q": "2022.xlsx"})
    for monster in ("1e9999999", "0E-300000000", "NaN", "-Infinity", "5²"):
        assert "/corrections/?" not in text(sign_in("wangli"), "/search/", data={"q": monster}).split("<main")[1], monster
    nothing = text(sign_in("wangli"), "/search/", data={"q": "没有这个"}).split("<main")[1]
    assert "没有这样的单位" in nothing and 'href="/corrections/"' in nothing
    assert sign_in("wangli").get("/search/", {"q": "示例第一"}).headers["Location"] == reverse("institution", args=[city["institutions"][SCHOOL_ONE].pk])
    assert sign_in("wangli").get("/search/", {"q": ""}).headers["Location"] == "/register/"


@pytest.mark.parametrize("who", ["chengang", "wangxiuying", "suncha"])
def test_every_page_that_searching_offers_opens(city: dict[str, Any], sign_in: Any, who: str) -> None:
    request = RequestFactory().get("/")
    request.user = city["people"][who]
    client, offered = sign_in(who), list(finding.pages(request))
    assert len(offered) > 12
    for page in offered:
        assert client.get(page["url"]).status_code in (200, 302), page
