"""Scope: what a person reaches with each verb, today; nothing by default (faults.md P12, A4)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from jieneng.core.problem import Refused
from jieneng.people import queries
from jieneng.people.models import Appointment, Office, User
from jieneng.people.roles import APART, ROLES, VERBS
from jieneng.people.scope import Scope, held, require, scope
from jieneng.registry.models import Institution
from tests.people_by_name import JINGXIAN, JIXI, PEOPLE, ROOT, SCHOOL_ONE

pytestmark = pytest.mark.django_db


def path(city: dict[str, Any], code: str) -> str:
    return city["offices"][code].path


def test_every_verb_belongs_to_a_role_and_the_administrators_do_no_business() -> None:
    assert frozenset().union(*(r.verbs for r in ROLES.values())) == VERBS.keys()
    assert ROLES["system_admin"].verbs == {"operate"} and ROLES["security_admin"].verbs == {"accounts"}
    assert ROLES["auditor"].verbs == {"see", "log", "integrity"}
    holders = {v: {r for r, role in ROLES.items() if v in role.verbs} for v in ("accounts", "operate", "log")}
    assert holders == {"accounts": {"security_admin"}, "operate": {"system_admin"}, "log": {"auditor"}} and set(APART) == {"system_admin", "security_admin", "auditor"}


@pytest.mark.parametrize("username, role, office", [(u, r, o) for u, (_, r, o, _) in PEOPLE.items() if o])
def test_each_reaches_what_lies_under_the_office_and_no_more(city: dict[str, Any], username: str, role: str, office: str) -> None:
    person = city["people"][username]
    for verb in VERBS:
        mine = scope(person, verb)
        if username == "jiuren" or verb not in ROLES[role].verbs:
            assert not mine
            continue
        for code, other in city["offices"].items():
            assert mine.covers_line(other.path) == other.path.startswith(path(city, office)), (verb, code)


def test_a_reporter_reaches_one_institution(city: dict[str, Any]) -> None:
    mine = scope(city["people"]["wangxiuying"], "file")
    assert mine == Scope((), (SCHOOL_ONE,))
    assert mine.covers(path(city, "341823-jyj"), SCHOOL_ONE) and not mine.covers(path(city, "341823-jyj"), "other")
    assert not mine.covers_line(path(city, "341823-jyj"))


def test_the_query_gives_what_the_scope_covers(city: dict[str, Any]) -> None:
    for username in PEOPLE:
        mine = scope(city["people"][username], "see")
        found = set(Institution.objects.filter(mine.q("standings__office__path", "key")).values_list("key", flat=True))
        assert found == {k for k, i in city["institutions"].items() if mine.covers(i.standings.get().office.path, k)}, username


@pytest.mark.parametrize("since, until, holds", [(-1, None, True), (0, None, True), (1, None, False), (-9, -1, False), (-9, 0, True), (-9, 9, True)])
def test_appointments_hold_from_day_to_day(city: dict[str, Any], since: int, until: int | None, holds: bool) -> None:
    from django.utils import timezone

    today = timezone.localdate()
    luren = city["people"]["luren"]
    Appointment.objects.create(user=luren, role="county", office=city["offices"][JIXI], since=today + dt.timedelta(days=since),
                               until=None if until is None else today + dt.timedelta(days=until))
    assert bool(scope(luren, "review")) == holds


def test_the_stopped_the_anonymous_and_the_unknown_role_hold_nothing(city: dict[str, Any]) -> None:
    wangli = city["people"]["wangli"]
    User.objects.filter(pk=wangli.pk).update(is_active=False)
    assert held(User.objects.get(pk=wangli.pk)) == [] and held(AnonymousUser()) == []  # type: ignore[arg-type]
    Appointment.objects.filter(user=city["people"]["heping"]).update(role="emperor")
    assert held(city["people"]["heping"]) == [] and queries.verbs_of(city["people"]["heping"]) == frozenset()
    with pytest.raises(KeyError):
        scope(city["people"]["zhoumin"], "fly")


def test_two_appointments_add_up_verb_by_verb(city: dict[str, Any]) -> None:
    wangli = city["people"]["wangli"]
    Appointment.objects.create(user=wangli, role="inspector", office=city["offices"][ROOT], since=dt.date(2020, 1, 1))
    assert scope(wangli, "see").covers_line(path(city, JIXI))
    assert not scope(wangli, "review").covers_line(path(city, JIXI)) and scope(wangli, "review").covers_line(path(city, JINGXIAN))


def test_a_code_that_begins_like_another_is_not_below_it(city: dict[str, Any]) -> None:
    root = city["offices"][ROOT]
    longer = Office.objects.create(code=JINGXIAN + "9", name="像", kind="county", parent=root, path=f"{root.path}{JINGXIAN}9/")
    assert not scope(city["people"]["wangli"], "see").covers_line(longer.path)


def test_a_missing_right_is_told_in_words_with_what_to_do(city: dict[str, Any]) -> None:
    with pytest.raises(Refused) as told:
        require(city["people"]["wangli"], "freeze")
    (problem,) = told.value.problems
    assert problem.code == "people.forbidden" and "汪立" in str(problem) and "封存" in str(problem) and problem.do is not None
    with pytest.raises(Refused):
        require(city["people"]["wangli"], "review", path(city, JIXI))
    assert require(city["people"]["wangli"], "review", path(city, JINGXIAN)).covers_line(path(city, JINGXIAN))


def test_the_offices_that_stand_for_areas(city: dict[str, Any]) -> None:
    assert {o.kind for o in queries.area_offices()} == {"county", "direct"}
    assert [o.code for o in queries.offices_in(city["people"]["wangli"])] == [JINGXIAN, "341823-jyj"]
    root = queries.root_office()
    assert root is not None and root.code == ROOT
