"""The pages of filling in: by people with names, with and without htmx."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.urls import reverse

from jieneng.core.words import speaking
from jieneng.filling.models import Draft
from jieneng.returns.models import Return
from tests.filling.make import good_values, open_year, the_year
from tests.people_by_name import SCHOOL_ONE

pytestmark = pytest.mark.django_db
WANG = "wangxiuying"


@pytest.fixture
def year(city: dict[str, Any]) -> Any:
    return the_year(city, open_year(city))


@pytest.fixture
def address(year: Any) -> str:
    return reverse("filling-year", args=[year.round.pk, year.institution.pk])


def test_home_of_a_reporter_leads_straight_to_the_form(sign_in: Any, address: str) -> None:
    client = sign_in(WANG)
    assert client.get(reverse("filling")).headers["Location"] == address
    assert reverse("filling") in client.get("/").content.decode()


def test_the_year_sheet_shows_boxes_last_year_and_what_is_left(sign_in: Any, address: str) -> None:
    text = sign_in(WANG).get(address).content.decode()
    assert 'name="2022-07.water_m3"' in text and 'name="2022-07.petrol_l"' not in text
    assert "都没有用，不用填" in text and "住校生" in text and "不动产证" in text and "空着是“还没填”" in text
    assert "去年同期" in text and 'style="' not in text and "<script>" not in text
    with speaking("en"):
        client = sign_in(WANG)
        client.post("/language/", {"language": "en"})
        english = client.get(address).content.decode()
    assert "The year on one sheet" in english and not re.findall(r">[^<]*填报[^<]*<", english.split("<main")[1])


def test_htmx_answers_with_the_part_after_the_save_is_done(sign_in: Any, address: str) -> None:
    response = sign_in(WANG).post(address, {"seen": "0", "2022-07.water_m3": "8,200", "2022-07.gas_m3": "三"}, headers={"HX-Request": "true"})
    text = response.content.decode()
    assert response.status_code == 200 and "已保存" in text and 'name="seen" value="1"' in text and "<html" not in text
    assert "“三”不是数字" in text and "没有用就填 0" in text
    assert "2022-07-gas_m3&quot;: &quot;e&quot;" in text and "sum-water_m3&quot;: &quot;8,200&quot;" in text
    assert Draft.objects.get().values["2022-07.gas_m3"] == "三"


def test_checks_while_typing_take_less_than_fifty_milliseconds(sign_in: Any, city: dict[str, Any], year: Any) -> None:
    values = good_values(year)
    started, n = time.perf_counter(), 5
    for _ in range(n):
        year.judge(values)
    took = (time.perf_counter() - started) / n
    assert took < 0.05, f"{took * 1000:.1f} ms for twelve months"


def test_without_javascript_buttons_save_declare_and_file(sign_in: Any, city: dict[str, Any], year: Any, address: str) -> None:
    client = sign_in(WANG)
    response = client.post(address, {"seen": "0", "unuse": "coal_t,heat_gj", "2022-01.water_m3": "7"})
    assert response.status_code == 302 and Draft.objects.get().values == {"unused.coal_t": "1", "unused.heat_gj": "1", "2022-01.water_m3": "7"}
    client.post(address, {"seen": "1", "use": "heat_gj"})
    assert Draft.objects.get().values["unused.heat_gj"] == ""
    client.post(address, {"seen": "2", "same": "1"})
    assert Draft.objects.get().values["all.area_m2"] == "2000"
    short = client.post(address, {"seen": "3", "do": "file"})
    assert short.status_code == 422 and "还有" in short.content.decode() and 'role="alert"' in short.content.decode()
    values = good_values(year)
    done = client.post(address, {"seen": "3", "do": "file", **values})
    assert done.status_code == 302, re.findall(r"<li><a href=[^>]*>([^<]*)", done.content.decode())
    assert Return.objects.filter(institution=year.institution, round=year.round, state="filed").count() == 12
    after = client.get(address).content.decode()
    assert "已经报送" in after and "readonly" in after


def test_the_month_page_has_its_references_and_files_one_month(sign_in: Any, year: Any, address: str) -> None:
    client, march = sign_in(WANG), address + "2022-03/"
    text = client.get(march).content.decode()
    assert "去年同月" in text and "1,003" in text and "自动相加" in text
    values = {k: v for k, v in good_values(year).items() if k.startswith(("2022-03.", "all.", "unused."))}
    assert client.post(march, {"seen": "0", "do": "file", **values}).status_code == 302
    assert Return.objects.filter(institution=year.institution, round=year.round, state="filed").count() == 1
    assert client.get(address + "2022-13/").status_code == 404


def test_large_type_asks_one_question_on_each_screen(sign_in: Any, address: str) -> None:
    client, first = sign_in(WANG), address + "easy/1/"
    text = client.get(first).content.decode()
    assert text.count("<h1>") == 1 and "回到标准版" in text and text.count('inputmode="decimal"') == 1
    response = client.post(first, {"seen": "0", "all.land_area_m2": "5000", "go": "2"})
    assert response.headers["Location"].endswith("/easy/2/")
    assert Draft.objects.get().values == {"all.land_area_m2": "5000"}
    assert client.get(address + "easy/9999/").status_code == 200


def test_the_second_of_two_tabs_is_told_on_the_page(sign_in: Any, address: str) -> None:
    client = sign_in(WANG)
    client.post(address, {"seen": "0", "2022-07.water_m3": "820"}, headers={"HX-Request": "true"})
    told = client.post(address, {"seen": "0", "2022-07.water_m3": "830"}, headers={"HX-Request": "true"}).content.decode()
    assert "王秀英" in told and "820" in told and "830" in told and "没有覆盖对方的数" in told
    assert Draft.objects.get().values["2022-07.water_m3"] == "820"


def test_strangers_find_nothing(sign_in: Any, address: str, year: Any) -> None:
    for who, status in (("lihui", 404), ("wangli", 403), ("suncha", 403), ("luren", 403)):
        for url in (address, address + "2022-03/", address + "easy/1/", address + "workbook.xlsx", address + "hand-in/"):
            response = sign_in(who).get(url)
            assert response.status_code == status, (who, url)
            assert "示例第一小学" not in response.content.decode("utf-8", "replace")
    assert sign_in(WANG).get("/filling/999/1/").status_code == 404 and SCHOOL_ONE


def test_formula_and_markup_in_a_box_stay_text(sign_in: Any, address: str) -> None:
    client = sign_in(WANG)
    client.post(address, {"seen": "0", "2022-07.water_m3": '"><script>x</script>', "why.2022-07.Y01p": "=cmd()"})
    text = client.get(address).content.decode()
    assert "<script>x" not in text and "&lt;script&gt;" in text
