"""What each role is told: the auditor reads imports and a plain status, a county is told why a page is empty, rights are taken away."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jieneng.desk import accounts
from jieneng.desk.ops import doctor
from jieneng.desk.pages import PLAIN
from jieneng.people.models import Appointment, User
from jieneng.people.scope import scope
from jieneng.records.models import Event

pytestmark = pytest.mark.django_db


def text(client: Client, url: str) -> str:
    return client.get(url).content.decode()


def test_the_auditor_reads_imports_and_may_not_import(city: dict[str, Any], sign_in: Any) -> None:
    page = text(sign_in("suncha"), "/imports/")
    assert "只能查看" in page and 'type="file"' not in page
    assert sign_in("suncha").post("/imports/", {"layout": "x"}).status_code == 403
    assert 'type="file"' in text(sign_in("zhoumin"), "/imports/")
    assert 'href="/imports/"' in text(sign_in("suncha"), "/")


def test_status_is_plain_for_the_auditor_and_technical_for_the_administrator(city: dict[str, Any], sign_in: Any) -> None:
    assert {c.id for c in doctor.run()} == set(PLAIN), "each check has its plain words"
    auditor, admin = text(sign_in("suncha"), "/status/"), text(sign_in("zhaoxi"), "/status/")
    for technical in ("jieneng.D0", "journal_mode", "synchronous", "inode", "个文件", "SQLite"):
        assert technical not in auditor, technical
    assert "jieneng.D001" in admin and "详情" in admin and "详情" not in auditor
    assert "断电不丢已保存的数据" in auditor


def test_a_county_is_told_why_pages_of_the_whole_are_not_its_own(city: dict[str, Any], sign_in: Any) -> None:
    home = text(sign_in("wangli"), "/")
    assert 'href="/documents/"' not in home and 'href="/documents/"' in text(sign_in("zhoumin"), "/")
    assert "由宣城市编制，不在您的范围内" in text(sign_in("wangli"), "/documents/")
    page = text(sign_in("wangli"), "/ledgers/external_facts/")
    assert "您的范围（泾县）内还没有登记" in page and "宣城市登记的属于全市" in page
    assert "还没有登记。" in text(sign_in("zhoumin"), "/ledgers/external_facts/")


def test_a_role_is_taken_away_on_the_page(city: dict[str, Any], sign_in: Any) -> None:
    wang = city["people"]["wangli"]
    held = Appointment.objects.get(user=wang)
    page = text(sign_in("qianan"), "/accounts/")
    assert 'value="dismiss"' in page and page.count('name="appointment"') == Appointment.objects.filter(until=None).exclude(user__username="qianan").count() + 1
    assert sign_in("qianan").post("/accounts/", {"verb": "dismiss", "user": wang.pk, "appointment": held.pk}).status_code == 302
    assert not scope(wang, "see") and Event.objects.latest("seq").verb == "account.dismiss"
    assert sign_in("zhoumin").post("/accounts/", {"verb": "dismiss", "user": wang.pk, "appointment": held.pk}).status_code == 403
    other = Appointment.objects.get(user__username="chengang")
    assert sign_in("qianan").post("/accounts/", {"verb": "dismiss", "user": wang.pk, "appointment": other.pk}).status_code == 404


def signed_in(username: str, password: str) -> Any:
    return Client().post("/sign-in/", {"username": username, "password": password})


def test_a_one_time_password_ends_after_72_hours(city: dict[str, Any]) -> None:
    user, password = accounts.create_user(city["people"]["qianan"], "xinren", "新人")
    assert signed_in("xinren", password).status_code == 302
    User.objects.filter(pk=user.pk).update(password_until=timezone.now() - dt.timedelta(seconds=1))
    late = signed_in("xinren", password)
    assert late.status_code == 200 and "一次性密码已过期" in late.content.decode()
    assert "一次性密码已过期" not in signed_in("xinren", "guess").content.decode()
    assert abs((accounts.create_user(None, "b", "乙")[0].password_until - timezone.now()) - dt.timedelta(hours=72)) < dt.timedelta(minutes=1)
    user.refresh_from_db()
    again = accounts.reset_password(city["people"]["qianan"], user)
    assert signed_in("xinren", again).status_code == 302


def test_a_session_that_outlives_the_one_time_password_ends(city: dict[str, Any]) -> None:
    user, password = accounts.create_user(None, "xinren", "新人")
    client = Client()
    client.post("/sign-in/", {"username": "xinren", "password": password})
    assert client.get("/").headers["Location"] == "/password/"
    User.objects.filter(pk=user.pk).update(password_until=timezone.now())
    assert client.get("/password/").headers["Location"].startswith("/sign-in/")


def test_ones_own_new_password_does_not_end(city: dict[str, Any]) -> None:
    user, password = accounts.create_user(None, "xinren", "新人")
    client = Client()
    client.post("/sign-in/", {"username": "xinren", "password": password})
    response = client.post("/password/", {"old": password, "new": "a-long-own-password-9", "again": "a-long-own-password-9"})
    assert response.status_code == 302
    user.refresh_from_db()
    assert user.password_until is None and not user.must_change_password
