"""Whose a return is after a body has moved: the office of the line on the day that counts, for every verb alike."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.people.scope import scope
from jieneng.registry.models import Institution, Standing
from jieneng.registry.queries import closed_to, day_for, lines_for, standing_for
from jieneng.returns import actions, behalf, waivers
from jieneng.returns.models import Return, Waiver
from jieneng.returns.queries import book, held_by, returns_in
from jieneng.rulebook import form_for
from tests.figures.make import file_all
from tests.people_by_name import JINGXIAN, JIXI, SCHOOL_ONE, SCHOOL_TWO
from tests.returns.whose import bring_in, move_to

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
MARCH = "2022-03"


@pytest.fixture
def filed(city: dict[str, Any]) -> dict[str, Any]:
    """2022 reported, nothing reviewed."""
    file_all(city, 2022, accept=False)
    return city


def march(city: dict[str, Any], key: str = SCHOOL_ONE) -> Any:
    return Return.objects.filter(institution=city["institutions"][key], period=MARCH)


def on_word(city: dict[str, Any], who: str, key: str = SCHOOL_ONE) -> None:
    behalf.change(city["people"][who], book(), march(city, key).get(), [("water_m3", "55")], reason="更正", word="王秀英", confirmed_on=TODAY,
                  voucher=(io.BytesIO(b"%PDF-1.4 x"), "更正.pdf"))


@pytest.mark.parametrize("since", [TODAY + dt.timedelta(days=60), dt.date(2023, 6, 1)], ids=["next", "after the period"])
def test_a_move_leaves_the_return_to_who_held_the_line_in_its_period(filed: dict[str, Any], since: dt.date) -> None:
    """Reviewed, imported and entered on the unit's word by the office of the period; not by the one it goes to."""
    move_to(filed["institutions"][SCHOOL_ONE], filed["offices"][JIXI], since)
    with pytest.raises(Refused):
        actions.act(filed["people"]["heping"], "send_back", march(filed), reason="核对")
    with pytest.raises(Refused):
        on_word(filed, "heping")
    told = bring_in(filed, "heping", JIXI, SCHOOL_ONE, MARCH, {"water_m3": 55})
    assert [p.code for p in told.problems] == ["import.outside"]
    assert march(filed).get().revision == 1
    on_word(filed, "wangli")
    assert bring_in(filed, "wangli", JINGXIAN, SCHOOL_ONE, MARCH, {"water_m3": 57}).changed == 1
    assert actions.act(filed["people"]["wangli"], "send_back", march(filed), reason="核对") == 1


def test_a_move_that_has_begun_gives_the_periods_after_it_to_the_new_office(filed: dict[str, Any]) -> None:
    """Moved in the middle of the year: March is the old office's, September the new one's; each enters what it reviews."""
    move_to(filed["institutions"][SCHOOL_ONE], filed["offices"][JIXI], dt.date(2022, 6, 15))
    september = Return.objects.filter(institution=filed["institutions"][SCHOOL_ONE], period="2022-09")
    assert actions.act(filed["people"]["heping"], "send_back", september, reason="核对") == 1
    with pytest.raises(Refused):
        actions.act(filed["people"]["wangli"], "send_back", Return.objects.filter(pk__in=[september.get().pk, march(filed).get().pk]), reason="核对")
    on_word(filed, "wangli")
    on_word(filed, "zhoumin", SCHOOL_TWO)  # the city stands above both


def test_the_day_that_counts_is_the_periods_last_and_never_later_than_today(city: dict[str, Any]) -> None:
    one, two = (city["institutions"][k] for k in (SCHOOL_ONE, SCHOOL_TWO))
    move_to(one, city["offices"][JIXI], TODAY + dt.timedelta(days=1))
    now, past = Period("year", TODAY.year + 1), Period("year", 2022)
    assert (day_for(), day_for(now), day_for(past)) == (TODAY, TODAY, dt.date(2022, 12, 31))
    jing, jixi = city["offices"][JINGXIAN].path, city["offices"][JIXI].path
    Standing.objects.filter(institution=two).update(since=TODAY + dt.timedelta(days=1), office=city["offices"][JIXI])  # only ever stood there
    late = Institution.objects.create(key="late")
    wanted = [(one.pk, now), (one.pk, past), (two.pk, past), (late.pk, past)]
    found = lines_for(wanted)
    assert found[two.pk, past] == jixi and found[one.pk, now].startswith(jing) and found[one.pk, past].startswith(jing) and (late.pk, past) not in found
    for i, p in wanted:
        standing = standing_for(Institution.objects.get(pk=i), p)
        assert (standing.office.path if standing else None) == found.get((i, p))


def test_a_sensitive_unit_is_opened_to_its_next_office_on_the_day_it_goes_there(city: dict[str, Any]) -> None:
    one = city["institutions"][SCHOOL_ONE]
    Standing.objects.filter(institution=one).update(sensitive=True)
    closed = lambda who: one.pk in closed_to(city["people"][who], [one.pk])  # noqa: E731
    moved = move_to(one, city["offices"][JIXI], TODAY + dt.timedelta(days=60))
    assert not closed("wangli") and closed("heping")
    Standing.objects.filter(pk=moved.pk).update(since=TODAY)
    assert closed("wangli") and not closed("heping")


def test_a_waiver_is_given_by_the_office_of_today(city: dict[str, Any]) -> None:
    one, form = city["institutions"][SCHOOL_ONE], form_for(book(), "consumption", 2022)
    rule = next(c.id for c in form.checks if not c.process)
    give = lambda who: waivers.grant(city["people"][who], one, form, rule, until=TODAY, reason="核对过")  # noqa: E731
    moved = move_to(one, city["offices"][JIXI], TODAY + dt.timedelta(days=60))
    with pytest.raises(Refused):
        give("heping")
    waivers.revoke(city["people"]["wangli"], give("wangli"), "核对过了")
    Standing.objects.filter(pk=moved.pk).update(since=TODAY)
    with pytest.raises(Refused):
        give("wangli")
    give("heping")
    assert Waiver.objects.filter(revoked="").count() == 1


def test_a_sensitive_unit_that_moved_shows_its_old_returns_to_who_reviews_them(filed: dict[str, Any], sign_in: Any) -> None:
    one = filed["institutions"][SCHOOL_ONE]
    Standing.objects.filter(institution=one).update(sensitive=True)
    move_to(one, filed["offices"][JIXI], dt.date(2022, 6, 15))
    september = Return.objects.get(institution=one, period="2022-09")
    old = sign_in("wangli")
    page = old.get(reverse("return", args=[march(filed).get().pk]))
    assert page.status_code == 200 and "send_back" in page.content.decode()
    assert old.get(reverse("return", args=[september.pk])).status_code == 404
    new = sign_in("heping").get(reverse("return", args=[march(filed).get().pk])).content.decode()
    assert "send_back" not in new  # sees what came before, and that it is not theirs to review


def test_a_unit_that_moved_does_not_stand_in_the_way_of_passing_the_others(filed: dict[str, Any], sign_in: Any) -> None:
    """The queue of a level holds what is its own: the old office's months there, the new one's here, and nothing before a move begins."""
    one, round_ = filed["institutions"][SCHOOL_ONE], march(filed).get().round
    moved = move_to(one, filed["offices"][JIXI], TODAY + dt.timedelta(days=60))
    assert not returns_in(scope(filed["people"]["heping"], "see")).filter(institution=one).exists()
    Standing.objects.filter(pk=moved.pk).update(since=dt.date(2022, 6, 15))
    every = Return.objects.filter(round=round_)
    for who, months in (("wangli", 5), ("heping", 7)):
        mine = held_by(scope(filed["people"][who], "accept"), every)
        assert mine.filter(institution=one).count() == months and mine.count() == months + 12
        assert returns_in(scope(filed["people"][who], "see")).filter(institution=one).count() == 12  # seen by both
        page = sign_in(who).get(reverse("round-pass", args=[round_.pk])).content.decode()
        assert page.count("示例第一小学") >= 1
        answer = sign_in(who).post(reverse("round-pass", args=[round_.pk]), {"verb": "pass_county", "state": "filed", "all": "1"})
        assert answer.status_code == 302
        assert set(mine.values_list("state", flat=True)) == {"county_ok"}
    assert held_by(scope(filed["people"]["zhoumin"], "accept"), every).count() == every.count()
    assert held_by(scope(filed["people"]["wangxiuying"], "see"), every).count() == 12
