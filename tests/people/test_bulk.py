"""Accounts from a workbook: the template reads back, errors by cell, good rows in, passwords shown once and kept nowhere."""

from __future__ import annotations

import io
import re
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jieneng.desk import accounts
from jieneng.desk.bulk_accounts import HEADS
from jieneng.people.models import Appointment, User
from jieneng.people.scope import held
from jieneng.records.models import Event
from tests.people_by_name import JINGXIAN, SCHOOL_ONE

pytestmark = pytest.mark.django_db
GOOD = [("xujing", "徐静", "0563-1234567", "县市区机关事务部门", "泾县", ""), ("majun", "马俊", "", "填报人", "", SCHOOL_ONE), ("luolan", "罗兰", "", "reporter", "", "示例第二小学")]


def workbook(client: Client, *rows: tuple[str, ...]) -> bytes:
    """The template as downloaded, filled by hand."""
    book = openpyxl.load_workbook(io.BytesIO(client.get("/accounts/template.xlsx").content))
    sheet = book["账号"]
    assert [c.value for c in sheet[1]] == list(HEADS)
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def upload(client: Client, data: bytes, name: str = "账号.xlsx") -> str:
    answer = client.post("/accounts/bulk/", {"file": SimpleUploadedFile(name, data)})
    assert answer.status_code == 302, answer.content.decode()[:300]
    return str(answer.headers["Location"])


def test_the_template_offers_roles_and_the_offices_of_ones_scope(city: dict[str, Any], sign_in: Any) -> None:
    book = openpyxl.load_workbook(io.BytesIO(sign_in("qianan").get("/accounts/template.xlsx").content))
    assert {r[1].value for r in book["机关"].iter_rows(min_row=2)} == set(city["offices"]) and book["说明"]["A1"].value == "用户名"
    rules = [v.formula1 for v in book["账号"].data_validations.dataValidation]
    assert any("填报人" in r for r in rules) and any("机关" in r for r in rules)


def test_nothing_is_made_before_one_has_looked(city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("qianan")
    before = (User.objects.count(), Event.objects.count())
    page = client.get(upload(client, workbook(client, *GOOD))).content.decode()
    assert "徐静" in page and "能建 3 个，要改 0 处" in page and before == (User.objects.count(), Event.objects.count())


def test_good_rows_go_in_and_each_can_sign_in_once_with_the_slip(city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("qianan")
    url = upload(client, workbook(client, *GOOD))
    page = client.post(url, {"as": "slips"}).content.decode()
    passwords = re.findall(r"<code class=\"otp\">([\w-]{19})</code>", page)
    assert len(set(passwords)) == 3 and "72" not in passwords
    assert Client().post("/sign-in/", {"username": "xujing", "password": passwords[0]}).status_code == 302
    new = {u.username: u for u in User.objects.filter(username__in=[g[0] for g in GOOD])}
    assert [(a.role, a.office.code) for a in held(new["xujing"])] == [("county", JINGXIAN)] and held(new["majun"])[0].institution_key == SCHOOL_ONE
    assert new["xujing"].phone == "0563-1234567" and all(u.must_change_password for u in new.values())
    kept = str(list(Event.objects.values())) + str(list(User.objects.values()))
    assert not any(p in kept for p in passwords) and "0563-1234567" not in str(list(Event.objects.values()))
    event = Event.objects.get(verb="account.bulk")
    assert event.data["made"] == 3 and Event.objects.filter(verb="account.create").count() == 3
    again = client.post(url, {"as": "slips"}).content.decode()
    assert "没有新建账号" in again and User.objects.filter(username="xujing").count() == 1 and not any(p in again for p in passwords)


def test_passwords_as_a_workbook(city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("qianan")
    answer = client.post(upload(client, workbook(client, GOOD[0])), {"as": "xlsx"})
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    row = [c.value for c in sheet[4]]
    assert row[:2] == ["xujing", "徐静"] and User.objects.get(username="xujing").check_password(row[4])


BAD = [
    (("", "甲", "", "审计", "宣城市", ""), "A"), (("has blank", "甲", "", "审计", "宣城市", ""), "A"), (("zhoumin", "甲", "", "审计", "宣城市", ""), "A"), (("XuJing", "甲", "", "审计", "宣城市", ""), "A"),
    (("a1", "", "", "审计", "宣城市", ""), "B"), (("a2", "甲", "", "市长", "宣城市", ""), "D"), (("a3", "甲", "", "", "", ""), "D"), (("a4", "甲", "", "审计", "广德市", ""), "E"), (("a5", "甲", "", "审计", "", ""), "E"),
    (("a6", "甲", "", "填报人", "", ""), "F"), (("a7", "甲", "", "填报人", "", "没有这家"), "F")]


@pytest.mark.parametrize("row, column", BAD)
def test_a_bad_row_is_named_by_its_cell_and_the_good_one_goes_in(city: dict[str, Any], sign_in: Any, row: tuple[str, ...], column: str) -> None:
    client = sign_in("qianan")
    url = upload(client, workbook(client, GOOD[0], row))
    page = client.get(url).content.decode()
    assert f"账号 {column}3" in page and "能建 1 个，要改 1 处" in page
    problems = openpyxl.load_workbook(io.BytesIO(client.get(url + "problems.xlsx").content)).active
    assert [c.value for c in problems[4]][1] == f"{column}3"
    client.post(url, {"as": "slips"})
    assert User.objects.filter(username="xujing").exists() and Appointment.objects.filter(user__username="xujing").count() == 1
    assert not User.objects.filter(username__in=["a1", "a2", "a3", "a4", "a5", "a6", "a7"]).exists()


def test_a_row_whose_roles_may_not_go_together_is_left_out_whole(city: dict[str, Any], sign_in: Any) -> None:
    user, _ = accounts.create_user(None, "xiananquan", "县安全")
    accounts.appoint(None, user, "security_admin", office=city["offices"][JINGXIAN])
    client = Client()
    User.objects.filter(pk=user.pk).update(must_change_password=False)
    client.force_login(User.objects.get(pk=user.pk))
    page = client.get(upload(client, workbook(sign_in("qianan"), GOOD[0], ("he2", "贺", "", "县市区机关事务部门", "绩溪县", "")))).content.decode()
    assert "您的范围里没有机关“绩溪县”" in page and "能建 1 个" in page


@pytest.mark.parametrize("data, name", [(b"", "a.xlsx"), (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "a.xlsx"), ("甲,乙\n1,2\n".encode(), "a.csv")])
def test_a_file_that_is_no_table_of_accounts_is_refused_in_words(city: dict[str, Any], sign_in: Any, data: bytes, name: str) -> None:
    client = sign_in("qianan")
    answer = client.post("/accounts/bulk/", {"file": SimpleUploadedFile(name, data)})
    answer = client.get(answer.headers["Location"]) if answer.status_code == 302 else answer
    assert answer.status_code in (200, 422) and User.objects.count() == 14


def test_another_s_file_is_not_found(city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("qianan")
    url = upload(client, workbook(client, GOOD[0]))
    user, _ = accounts.create_user(None, "er", "二")
    accounts.appoint(None, user, "security_admin", office=city["offices"][JINGXIAN])
    User.objects.filter(pk=user.pk).update(must_change_password=False)
    other = Client()
    other.force_login(User.objects.get(pk=user.pk))
    assert other.get(url).status_code == 404 and other.post(url, {"as": "slips"}).status_code == 404


def test_a_county_sees_the_accounts_of_the_county(city: dict[str, Any]) -> None:
    user, _ = accounts.create_user(None, "er", "二")
    accounts.appoint(None, user, "security_admin", office=city["offices"][JINGXIAN])
    seen = set(accounts.visible(user).values_list("username", flat=True))
    assert {"wangli", "chengang", "wangxiuying", "linjian", "luren"} <= seen and not {"heping", "zhoumin", "suncha", "qianan"} & seen
    client = Client()
    User.objects.filter(pk=user.pk).update(must_change_password=False)
    client.force_login(User.objects.get(pk=user.pk))
    page = client.get("/accounts/").content.decode()
    assert "汪立" in page and "何平" not in page and "周敏" not in page
    assert "何平" not in client.get("/accounts/sign-ins/").content.decode()
