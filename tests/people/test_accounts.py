"""Accounts: made without rights, given rights inside one's own scope, three administrators apart, never without an event
(faults.md P12, A5, S6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jieneng.core.problem import Refused
from jieneng.desk import accounts
from jieneng.people.models import Appointment, User
from jieneng.people.queries import CONSOLE
from jieneng.people.roles import APART, ROLES
from jieneng.people.scope import held, scope
from jieneng.records import events
from jieneng.records.models import Event
from tests.people_by_name import JINGXIAN, JIXI, PASSWORD, PEOPLE, ROOT, SCHOOL_ONE

pytestmark = pytest.mark.django_db


@pytest.fixture
def qianan(city: dict[str, Any]) -> User:
    """The security administrator."""
    return city["people"]["qianan"]


@pytest.fixture
def county_security(city: dict[str, Any]) -> User:
    """A security administrator of one county only."""
    user, _ = accounts.create_user(None, "xiananquan", "县安全")
    accounts.appoint(None, user, "security_admin", office=city["offices"][JINGXIAN])
    return user


def refused(code: str, do: Callable[[], object]) -> None:
    """It is refused with this code, and leaves neither row nor event."""
    before = (Event.objects.count(), list(User.objects.order_by("pk").values()), list(Appointment.objects.order_by("pk").values()))
    with pytest.raises(Refused) as told:
        do()
    assert [p.code for p in told.value.problems] == [code]
    assert before == (Event.objects.count(), list(User.objects.order_by("pk").values()), list(Appointment.objects.order_by("pk").values()))


def last() -> Event:
    event = Event.objects.order_by("-seq").first()
    assert event is not None
    return event


def test_a_new_account_has_no_right_and_a_password_for_once(city: dict[str, Any], qianan: User) -> None:
    user, password = accounts.create_user(qianan, " xinren ", " 新人 ")
    assert (user.username, user.name) == ("xinren", "新人") and user.must_change_password and user.check_password(password)
    assert held(user) == [] and last().verb == "account.create" and last().actor_id == qianan.pk
    assert password not in str(list(Event.objects.values())) and len(set(password.replace("-", ""))) > 5
    assert accounts.create_user(qianan, "xinren2", "新人")[1] != password


def test_with_a_password_for_once_only_the_password_can_be_changed(city: dict[str, Any], qianan: User) -> None:
    user, password = accounts.create_user(qianan, "xinren", "新人")
    accounts.appoint(qianan, user, "county", office=city["offices"][JIXI])
    client = Client()
    answer = client.post("/sign-in/", {"username": "xinren", "password": password})
    assert answer.status_code == 302
    assert client.get("/register/").headers["Location"] == "/password/"
    accounts.set_password(user, user, "a much longer one 2022", one_time=False)
    again = Client()
    again.force_login(User.objects.get(pk=user.pk))
    assert again.get("/register/").status_code == 200
    assert client.get("/register/").headers["Location"].startswith("/sign-in/"), "a changed password ends the other sessions"


@pytest.mark.parametrize("username, name, code", [
    ("", "甲", "account.empty"), ("x", "", "account.empty"), ("a b", "甲", "account.name"), ("a\u0000b", "甲", "account.name"), ("a\u202eb", "甲", "account.name"),
    ("x" * 61, "甲", "account.name"), ("x", "甲" * 61, "account.name"), ("zhoumin", "甲", "account.taken"), ("ZhouMin", "甲", "account.taken")])
def test_names_that_are_refused(city: dict[str, Any], qianan: User, username: str, name: str, code: str) -> None:
    refused(code, lambda: accounts.create_user(qianan, username, name))


def test_the_name_of_a_stopped_account_is_never_used_again(city: dict[str, Any], qianan: User) -> None:
    accounts.disable(qianan, city["people"]["heping"])
    refused("account.taken", lambda: accounts.create_user(qianan, "heping", "另一个何平"))


@pytest.mark.parametrize("username", [u for u in PEOPLE if u != "qianan"])
def test_nobody_else_keeps_accounts(city: dict[str, Any], username: str) -> None:
    person, luren = city["people"][username], city["people"]["luren"]
    refused("people.forbidden", lambda: accounts.create_user(person, "x", "甲"))
    refused("people.forbidden", lambda: accounts.appoint(person, city["people"]["heping"], "county", office=city["offices"][JINGXIAN]))
    refused("people.forbidden", lambda: accounts.disable(person, city["people"]["lihui"]))
    if luren != person:
        refused("people.forbidden", lambda: accounts.reset_password(person, luren))
    appointment = city["people"]["lihui"].appointments.get()
    refused("people.forbidden", lambda: accounts.dismiss(person, appointment))


@pytest.mark.parametrize("first", [*APART, "county", "inspector"])
@pytest.mark.parametrize("second", [*APART, "city", "assessor"])
def test_three_administrators_apart(city: dict[str, Any], qianan: User, first: str, second: str) -> None:
    """Every pair: two administrators' roles never; business beside the auditor only."""
    user, _ = accounts.create_user(qianan, "xinren", "新人")
    root = city["offices"][ROOT]
    accounts.appoint(qianan, user, first, office=root)
    both = {first, second}
    apart = len(both & set(APART)) > 1 or (both & {"system_admin", "security_admin"} and both - set(APART))
    if apart:
        refused("account.apart", lambda: accounts.appoint(qianan, user, second, office=root))
    else:
        accounts.appoint(qianan, user, second, office=root)
        assert {a.role for a in held(user)} == both


def test_apart_also_from_what_begins_later_and_free_of_what_has_ended(city: dict[str, Any], qianan: User) -> None:
    user, _ = accounts.create_user(qianan, "xinren", "新人")
    root, today = city["offices"][ROOT], timezone.localdate()
    later = accounts.appoint(qianan, user, "system_admin", office=root, since=today + dt.timedelta(days=30))
    refused("account.apart", lambda: accounts.appoint(qianan, user, "security_admin", office=root))
    accounts.dismiss(qianan, later)
    accounts.appoint(qianan, user, "security_admin", office=root)


def test_nobody_gives_rights_to_himself_or_stops_himself(city: dict[str, Any], qianan: User) -> None:
    refused("account.self", lambda: accounts.appoint(qianan, qianan, "security_admin", office=city["offices"][JIXI]))
    refused("account.self", lambda: accounts.disable(qianan, qianan))


def test_a_county_s_security_administrator_stays_in_the_county(city: dict[str, Any], county_security: User) -> None:
    user, _ = accounts.create_user(county_security, "xinren", "新人")
    for code in (ROOT, JIXI):
        refused("people.forbidden", lambda code=code: accounts.appoint(county_security, user, "county", office=city["offices"][code]))
    accounts.appoint(county_security, user, "county", office=city["offices"][JINGXIAN])
    accounts.appoint(county_security, city["people"]["luren"], "reporter", institution_key=SCHOOL_ONE)
    for name in ("zhoumin", "heping", "suncha"):
        refused("people.forbidden", lambda name=name: accounts.disable(county_security, city["people"][name]))
        refused("people.forbidden", lambda name=name: accounts.reset_password(county_security, city["people"][name]))
    accounts.disable(county_security, city["people"]["wangli"])


@pytest.mark.parametrize("role, office, key, code", [
    ("king", ROOT, "", "account.role"), ("county", "", SCHOOL_ONE, "account.scope"), ("county", "", "", "account.scope"), ("reporter", ROOT, "", "account.scope"),
    ("reporter", "", "", "account.scope"), ("county", ROOT, SCHOOL_ONE, "account.scope"), ("reporter", "", "no such code", "account.institution")])
def test_a_role_is_given_over_the_kind_of_scope_it_has(city: dict[str, Any], qianan: User, role: str, office: str, key: str, code: str) -> None:
    refused(code, lambda: accounts.appoint(qianan, city["people"]["luren"], role, office=city["offices"][office] if office else None, institution_key=key))


def test_every_role_can_be_given(city: dict[str, Any], qianan: User) -> None:
    for n, (role, what) in enumerate(ROLES.items()):
        user, _ = accounts.create_user(qianan, f"u{n}", "某")
        given = accounts.appoint(qianan, user, role, office=city["offices"][ROOT] if what.scope == "office" else None,
                                 institution_key=SCHOOL_ONE if what.scope == "institution" else "")
        assert [a.pk for a in held(user)] == [given.pk]
        assert last().data["role"] == role and last().object_id == f"u{n}"


def test_a_right_taken_away_ends_at_once_and_once(city: dict[str, Any], qianan: User) -> None:
    wangli = city["people"]["wangli"]
    appointment = wangli.appointments.get()
    assert scope(wangli, "review")
    accounts.dismiss(qianan, appointment)
    assert not scope(wangli, "review") and last().verb == "account.dismiss" and last().data["role"] == "county"
    count = Event.objects.count()
    accounts.dismiss(qianan, appointment)
    assert Event.objects.count() == count


def test_a_stopped_account_is_out_at_the_next_request(city: dict[str, Any], qianan: User, sign_in: Any) -> None:
    client = sign_in("wangli")
    assert client.get("/register/").status_code == 200
    accounts.disable(qianan, city["people"]["wangli"])
    assert client.get("/register/").headers["Location"].startswith("/sign-in/")
    count = Event.objects.filter(verb="account.disable").count()
    accounts.disable(qianan, city["people"]["wangli"])
    assert Event.objects.filter(verb="account.disable").count() == count == 1


def test_another_s_password_is_only_ever_for_once(city: dict[str, Any], qianan: User) -> None:
    refused("account.one_time", lambda: accounts.set_password(qianan, city["people"]["wangli"], "chosen by another", one_time=False))
    password = accounts.reset_password(qianan, city["people"]["wangli"])
    wangli = User.objects.get(username="wangli")
    assert wangli.must_change_password and wangli.check_password(password) and not wangli.check_password(PASSWORD)
    assert last().verb == "account.password" and last().data == {"one_time": True}


def test_the_console_account_cannot_be_touched(city: dict[str, Any], qianan: User) -> None:
    console = User.objects.create_user(CONSOLE, None, name="控制台")
    for do in (lambda: accounts.disable(qianan, console), lambda: accounts.reset_password(None, console),
               lambda: accounts.appoint(qianan, console, "city", office=city["offices"][ROOT])):
        refused("account.console", do)
    assert not console.has_usable_password()


def test_no_event_no_account(city: dict[str, Any], qianan: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """P7: when the log cannot be written, nothing has happened."""
    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(accounts, "record", full)
    wangli, count = city["people"]["wangli"], User.objects.count()
    for do in (lambda: accounts.create_user(qianan, "x", "甲"), lambda: accounts.disable(qianan, wangli), lambda: accounts.reset_password(qianan, wangli),
               lambda: accounts.appoint(qianan, city["people"]["luren"], "county", office=city["offices"][JIXI]),
               lambda: accounts.dismiss(qianan, wangli.appointments.get())):
        with pytest.raises(OSError):
            do()
    fresh = User.objects.get(pk=wangli.pk)
    assert User.objects.count() == count and fresh.is_active and fresh.check_password(PASSWORD) and held(fresh) and not held(city["people"]["luren"])


def test_every_verb_of_accounts_is_in_an_unbroken_chain(city: dict[str, Any], qianan: User) -> None:
    user, _ = accounts.create_user(qianan, "x", "甲")
    accounts.dismiss(qianan, accounts.appoint(qianan, user, "county", office=city["offices"][JIXI]))
    accounts.reset_password(qianan, user)
    accounts.disable(qianan, user)
    verbs = list(Event.objects.filter(object_type="account").order_by("seq").values_list("verb", flat=True))
    assert verbs == ["account.create", "account.appoint", "account.dismiss", "account.password", "account.disable"]
    assert events.faults()[1] == []
