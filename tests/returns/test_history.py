"""What a return's own page tells: whatever an office did for its unit stands there with who, why and until when."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from jieneng.filling.grid import PAPER
from jieneng.returns import actions, behalf, waivers
from jieneng.returns.history import ON_WORD, history
from jieneng.returns.models import Return, Round
from jieneng.returns.plan import actions as plan
from jieneng.returns.queries import book
from jieneng.rulebook import form_for
from tests.people_by_name import ROOT, SCHOOL_ONE, SCHOOL_TWO
from tests.returns.whose import bring_in

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


@pytest.fixture
def ret(city: dict[str, Any]) -> Return:
    actions.open_round(city["people"]["zhoumin"], book(), form="consumption", year=2022, office=city["offices"][ROOT], rhythm="month", deadline=dt.date(2023, 2, 28))
    return Return.objects.get(institution=city["institutions"][SCHOOL_ONE], period="2022-03")


def test_a_waiver_an_extension_and_an_entry_on_its_word_stand_in_the_returns_history(city: dict[str, Any], ret: Return, sign_in: Any) -> None:
    people, one = city["people"], ret.institution
    bring_in(city, "zhoumin", ROOT, SCHOOL_ONE, "2022-03", {"water_m3": 10})
    plan.extend(people["zhoumin"], ret.round, one, dt.date(2023, 3, 20), "校区搬迁")
    plan.extend(people["zhoumin"], ret.round, one, None, "搬完了")
    form = form_for(book(), "consumption", 2022)
    rule = next(c.id for c in form.checks if not c.process)
    let_go = waivers.grant(people["wangli"], one, form, rule, until=TODAY, reason="寄宿制，已核对")
    waivers.revoke(people["wangli"], let_go, "改为走读")
    behalf.change(people["wangli"], book(), ret, [("water_m3", "12")], reason="账单补到", word="王秀英", confirmed_on=dt.date(2023, 1, 20), voucher=(io.BytesIO(b"%PDF-1.4 x"), "账单.pdf"))
    ret.refresh_from_db()
    told = [(h["who"], str(h["what"]), h["reason"]) for h in history(ret)]
    assert told == [
        ("汪立", "经填报单位确认后代改（王秀英，2023-01-20 确认）", "账单补到"), ("汪立", f"收回对规则 {rule} 的豁免", "改为走读"), ("汪立", f"豁免规则 {rule}，至 {TODAY}", "寄宿制，已核对"),
        ("周敏", "取消单独延期", "搬完了"), ("周敏", "单独延期至 2023-03-20", "校区搬迁"), ("周敏", "导入", "")]
    page = sign_in("wangli").get(reverse("return", args=[ret.pk])).content.decode()
    assert all(what in page and reason in page for _, what, reason in told)


def test_nothing_of_another_unit_round_or_time_stands_there(city: dict[str, Any], ret: Return) -> None:
    people, form = city["people"], form_for(book(), "consumption", 2022)
    rule = next(c.id for c in form.checks if not c.process)
    zhou, other, later = people["zhoumin"], city["institutions"][SCHOOL_TWO], actions.open_round(
        people["zhoumin"], book(), form="consumption", year=2023, office=city["offices"][ROOT], rhythm="year", deadline=dt.date(2024, 2, 28))
    plan.extend(zhou, ret.round, other, dt.date(2023, 3, 20), "别的单位")
    plan.extend(zhou, later, ret.institution, dt.date(2024, 3, 20), "下一年")
    waivers.grant(zhou, other, form, rule, until=TODAY, reason="别的单位")
    assert history(ret) == []
    bring_in(city, "zhoumin", ROOT, SCHOOL_ONE, "2022-03", {"water_m3": 10})
    Return.objects.filter(pk=ret.pk).update(state="signed")
    waivers.grant(zhou, ret.institution, form, rule, until=TODAY, reason="审定以后")
    ret.refresh_from_db()
    assert [h["verb"] for h in history(ret)] == ["import"]  # closed before the waiver was given
    waivers_of_open = history(Return.objects.get(institution=ret.institution, round=later))
    assert [h["verb"] for h in waivers_of_open] == ["waiver.grant", "extend"] and Round.objects.count() == 2


def test_the_words_for_paper_are_those_of_the_grid() -> None:
    assert set(ON_WORD) == {behalf.CONFIRMED, PAPER}
