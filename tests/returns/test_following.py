"""A closing exempts what is still open after its day; taking it back, or opening again, asks for it again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse

from jieneng.core.problem import Refused
from jieneng.desk.ops.replay import returns as replayed
from jieneng.desk.ops.replay import tell
from jieneng.records.models import Event
from jieneng.registry import actions as register
from jieneng.registry import changes
from jieneng.registry.planning import Line
from jieneng.returns.actions import act
from jieneng.returns.freeze import counted, freeze
from jieneng.returns.models import Return, Round
from jieneng.returns.queries import book
from tests.figures.make import file_all
from tests.people_by_name import JIXI_SCHOOL, SCHOOL_ONE, SCHOOL_TWO
from tests.returns.test_rounds import opened

pytestmark = pytest.mark.django_db


def states(round_: Round, key: str = SCHOOL_ONE) -> str:
    """One letter for each month: e(xpected), x (exempt), r(eturned), a(ccepted) …"""
    letters = {"exempt": "x"}
    return "".join(letters.get(s, s[0]) for s in Return.objects.filter(round=round_, institution__key=key).order_by("period").values_list("state", flat=True))


def close(city: dict[str, Any], day: dt.date, key: str = SCHOOL_ONE, who: str = "zhoumin") -> Any:
    (change,), _ = changes.apply(city["people"][who], [Line("close", key, day, "撤校", "示例编办〔2022〕1号")])
    return change


def sound() -> bool:
    return replayed(tell())[1] == []


def test_a_closing_exempts_the_months_after_it_and_taking_it_back_asks_again(city: dict[str, Any]) -> None:
    round_ = opened(city)
    change = close(city, dt.date(2022, 9, 15))
    assert states(round_) == "e" * 8 + "x" * 4 and states(round_, SCHOOL_TWO) == "e" * 12
    said = Event.objects.get(verb="returns.exempt").data
    assert said["register"] and "撤销，2022-09-15起：撤校（示例编办〔2022〕1号）" in said["reason"]
    changes.undo(city["people"]["zhoumin"], change, dt.date(2022, 11, 10), "没有撤成")
    assert states(round_) == "e" * 8 + "xx" + "ee" and sound()  # the months between stay as they were decided


def test_what_a_person_exempted_stays_exempt(city: dict[str, Any]) -> None:
    round_ = opened(city)
    by_hand = Return.objects.filter(round=round_, institution__key=SCHOOL_ONE, period="2022-12")
    act(city["people"]["zhoumin"], "exempt", by_hand, reason="停用")
    changes.undo(city["people"]["zhoumin"], close(city, dt.date(2022, 9, 1)), dt.date(2022, 10, 1), "没有撤成")
    assert states(round_) == "e" * 8 + "x" + "ee" + "x"


def test_a_return_that_was_sent_back_comes_back_as_sent_back_and_counts_meanwhile_for_nothing(city: dict[str, Any]) -> None:
    file_all(city, 2022)
    zhou, round_ = city["people"]["zhoumin"], Round.objects.get(year=2022)
    act(zhou, "reopen", Return.objects.filter(round=round_, institution__key=SCHOOL_ONE, period__gte="2022-11"), reason="再核")
    before = counted([round_]).count()
    change = close(city, dt.date(2022, 12, 1))
    assert states(round_) == "a" * 10 + "rx" and counted([round_]).count() == before - 1
    assert freeze(zhou, book(), 2022).counts["returns"] == before - 1
    with pytest.raises(Refused, match="报过数"):
        act(zhou, "include", Return.objects.filter(round=round_, state="exempt"), reason="x")
    changes.undo(zhou, change, dt.date(2022, 12, 20), "没有撤成")
    assert states(round_) == "a" * 10 + "rr" and sound()


def test_one_body_changed_by_hand_is_followed_too_and_a_county_follows_its_own(city: dict[str, Any]) -> None:
    round_ = opened(city, rhythm="year")
    unit = city["institutions"][JIXI_SCHOOL]
    register.change_standing(city["people"]["heping"], unit, dt.date(2022, 7, 1), "停办", in_scope=False)
    assert states(round_, JIXI_SCHOOL) == "x" and states(round_) == "e"
    register.change_standing(city["people"]["heping"], unit, dt.date(2022, 9, 1), "复办", in_scope=True)
    assert states(round_, JIXI_SCHOOL) == "e" and sound()


def test_a_sent_back_return_can_be_exempt_with_a_reason_and_taken_up_again_on_the_page(city: dict[str, Any], sign_in: Any) -> None:
    file_all(city, 2022, accept=False)
    round_ = Round.objects.get(year=2022)
    act(city["people"]["zhoumin"], "send_back", Return.objects.filter(round=round_, institution__key=SCHOOL_ONE, period="2022-03"), reason="再核")
    client, url = sign_in("wangli"), reverse("round-plan", args=[round_.pk])
    assert client.post(url, {"do": "exempt", "unit": SCHOOL_ONE, "reason": " "}).status_code == 422
    client.post(url, {"do": "exempt", "unit": SCHOOL_ONE, "reason": "已撤并"})
    assert states(round_) == "ffxfffffffff"
    client.post(url, {"do": "include", "unit": SCHOOL_ONE, "reason": "没有撤"})
    assert states(round_) == "ffrfffffffff" and sound()
    page = client.get(reverse("return", args=[Return.objects.get(round=round_, institution__key=SCHOOL_ONE, period="2022-03").pk])).content.decode()
    assert reverse("vouchers", args=[city["institutions"][SCHOOL_ONE].pk, 2022]) in page
