"""Decisions on findings: by whom, what follows, what is undone, and that nobody changes a number alone."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest

from jieneng.core.problem import Refused
from jieneng.exchange.models import Correction
from jieneng.people.scope import Scope
from jieneng.records.models import Event
from jieneng.returns.models import Return, Revision
from jieneng.returns.plan import actions as plan
from jieneng.returns.queries import book
from jieneng.review.models import Explanation
from jieneng.sitting import deciding, queries
from jieneng.sitting.models import Decision
from tests.people_by_name import SCHOOL_ONE
from tests.sitting.make import add, make_run

pytestmark = pytest.mark.django_db
WHOLE = Scope(lines=("/341800/",))


def of_school_one(reviewed: dict[str, Any]) -> Return:
    return Return.objects.get(institution=reviewed["institutions"][SCHOOL_ONE], round=reviewed["round"], period="2022-03")


def test_wangli_sends_back_in_mode_a_and_the_platform_is_to_follow(reviewed: dict[str, Any]) -> None:
    before = of_school_one(reviewed)
    made = deciding.send_back(reviewed["people"]["wangli"], book(), reviewed["findings"][0], "与账单不符")
    line = Correction.objects.get(pk=made.passed_on[0])
    assert (line.period, line.item, line.new, line.side, line.origin, line.reason) == ("2022-03", "electricity_kwh", "5000", "platform", "finding", "与账单不符")
    assert line.confirmed_on is None  # the unit has not confirmed yet
    after = of_school_one(reviewed)
    assert (after.state, after.revision) == (before.state, before.revision)  # nothing of ours moved
    assert Event.objects.filter(verb="decision.sent_back", object_id=str(made.pk)).count() == 1


def test_in_mode_c_the_return_itself_goes_back_with_the_suggestion(reviewed: dict[str, Any], sign_in: Any) -> None:
    plan.set_office(reviewed["people"]["zhoumin"], reviewed["round"], reviewed["offices"]["341823"], mode="C", deadline=None)
    made = deciding.send_back(reviewed["people"]["zhoumin"], book(), reviewed["findings"][0], "与账单不符")
    assert of_school_one(reviewed).state == "returned"
    assert "5000" in Event.objects.filter(verb__in=("returns.send_back", "returns.reopen")).latest("seq").data["reason"]
    assert not Correction.objects.exists()
    with pytest.raises(Refused) as refusal:
        deciding.undo(reviewed["people"]["zhoumin"], made)
    assert refusal.value.problems[0].code == "decide.moved" and not made.can_be_undone
    page = sign_in("zhoumin").get(f"/review/{reviewed['round'].pk}/?f={made.finding_id}").content.decode()
    assert "已退回核实" in page and f"/review/decision/{made.pk}/undo/" not in page, "no key that can only be refused"


def test_a_lasting_explanation_ends_on_no_day_though_the_form_has_one(reviewed: dict[str, Any], sign_in: Any) -> None:
    first, second = reviewed["findings"][:2]
    for finding, more in ((first, {"lasting": "1"}), (second, {})):
        sign_in("zhoumin").post(f"/review/finding/{finding.pk}/explain/", {"reason": "新病房楼", "until": "2022-12-31", **more})
    ends = dict(Explanation.objects.values_list("institution", "until"))
    assert ends[first.institution_id] is None and ends[second.institution_id] == dt.date(2022, 12, 31)


def test_nobody_decides_for_a_neighbour_nor_without_a_reason_nor_twice(reviewed: dict[str, Any]) -> None:
    people, finding = reviewed["people"], reviewed["findings"][0]
    for name in ("heping", "wangxiuying", "suncha", "wusheng", "luren"):
        with pytest.raises(Refused) as refusal:
            deciding.found_right(people[name], finding, "核对过")
        assert refusal.value.problems[0].code == "people.forbidden", name
    with pytest.raises(Refused) as refusal:
        deciding.found_right(people["wangli"], finding, "  ")
    assert refusal.value.problems[0].code == "decide.reason"
    deciding.found_right(people["wangli"], finding, "账单一致")
    with pytest.raises(Refused) as refusal:
        deciding.send_back(people["zhoumin"], book(), finding, "再看")
    assert refusal.value.problems[0].code == "decide.done" and "汪立" in str(refusal.value)
    assert Decision.objects.count() == 1


def test_an_accepted_explanation_is_remembered_and_revoked_when_undone(reviewed: dict[str, Any]) -> None:
    zhou = reviewed["people"]["zhoumin"]
    made = deciding.accept_explanation(zhou, reviewed["findings"][0], "新楼投用", until=dt.date(2023, 12, 31))
    kept = Explanation.objects.get()
    assert (kept.items, kept.until, kept.direction, made.explanation_id) == (["electricity_kwh"], dt.date(2023, 12, 31), "down", kept.pk)
    deciding.undo(zhou, made)
    kept.refresh_from_db()
    assert kept.revoked_by == zhou and queries.decided(reviewed["round"]) == {}
    deciding.found_right(zhou, reviewed["findings"][0], "再核对，无误")  # open again


def test_undoing_withdraws_the_line_of_corrections(reviewed: dict[str, Any]) -> None:
    zhou = reviewed["people"]["zhoumin"]
    made = deciding.send_back(zhou, book(), reviewed["findings"][0], "与账单不符")
    deciding.undo(zhou, made)
    assert Correction.objects.get().state == "withdrawn"
    with pytest.raises(Refused):
        deciding.undo(zhou, made)


def test_a_change_needs_word_day_voucher_and_value_all_told_at_once(reviewed: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refusal:
        deciding.change_on_word(reviewed["people"]["zhoumin"], book(), reviewed["findings"][0], values=[("2022-03", "electricity_kwh", "五千")], reason="", word="", confirmed_on=None, voucher=None)
    assert {p.code for p in refusal.value.problems} == {"decide.reason", "decide.word", "decide.day", "decide.voucher", "decide.value"}
    assert not Decision.objects.exists()


def test_a_change_on_the_units_word_is_a_revision_that_leads_to_the_voucher_and_waits_for_review(reviewed: dict[str, Any]) -> None:
    zhou, number = reviewed["people"]["zhoumin"], of_school_one(reviewed).revision
    made = deciding.change_on_word(zhou, book(), reviewed["findings"][0], values=[("2022-03", "electricity_kwh", "5,000")], reason="电费单 3 月", word="王秀英，统计员",
                                   confirmed_on=dt.date(2023, 3, 10), voucher=(io.BytesIO(b"%PDF-1.4 stamped"), "更正说明.pdf"))
    row = of_school_one(reviewed)
    revision = Revision.objects.get(ret=row, number=row.revision)
    assert (row.revision, row.state, revision.answers["electricity_kwh"]) == (number + 1, "filed", "5000")
    assert revision.batch is not None and revision.batch.file.name == "更正说明.pdf" and made.voucher == revision.batch.file
    assert (made.word, made.confirmed_on, made.verdict) == ("王秀英，统计员", dt.date(2023, 3, 10), "on_word")
    assert Correction.objects.get().confirmed_on == dt.date(2023, 3, 10)  # the platform is to follow, on the same word
    with pytest.raises(Refused):
        deciding.undo(zhou, made)


def test_a_later_run_keeps_a_decision_as_long_as_the_values_stay(reviewed: dict[str, Any]) -> None:
    deciding.found_right(reviewed["people"]["zhoumin"], reviewed["findings"][0], "账单一致")
    later = make_run(reviewed)
    same, moved = add(later, reviewed, SCHOOL_ONE, 3, suggested=5100.0), add(later, reviewed, SCHOOL_ONE, 4, found=501.0)
    q = queries.queue(later, WHOLE, reviewed["people"]["zhoumin"])
    marks = {e.pk: q.is_decided(e) for e in q.entries}
    assert marks == {same.pk: True, moved.pk: False}


def test_what_is_left_falls_as_the_worst_are_decided(reviewed: dict[str, Any]) -> None:
    zhou, run = reviewed["people"]["zhoumin"], reviewed["run"]

    def q() -> queries.Queue:
        return queries.queue(run, WHOLE, zhou)

    assert q().left() == 0.2 and q().left(2) == 0.05
    deciding.found_right(zhou, reviewed["findings"][1], "账单一致")  # the second: the first still waits
    assert q().left() == 0.2
    deciding.found_right(zhou, reviewed["findings"][0], "账单一致")
    assert q().left() == 0.05 and q().left(1) == 0.004
    assert [(a["area"], a["all"], a["done"]) for a in q().by_area()] == [("341800SZ", 1, 1), ("341823", 2, 1)]


def test_a_county_has_its_own_line_within_its_own_findings(reviewed: dict[str, Any]) -> None:
    """The city's steps fall only as the city's list is worked off without a gap; wangli's own fall with each of his."""
    wangli, run, county = reviewed["people"]["wangli"], reviewed["run"], Scope(lines=("/341800/341823/",))

    def q() -> queries.Queue:
        return queries.queue(run, county, wangli)

    first = q()
    assert [e.rank for e in first.entries] == [1, 3] and [first.number(e) for e in first.entries] == [1, 2]
    # 12.5 and 4.17 tce of 100, each wrong 9 times of 10, above 0.1 % below the line; never more than the run's own 20 % and 5 %
    assert (first.stop, first.steps[1], first.steps[2]) == (2, pytest.approx(0.001 + 12.5 / 3 / 0.9 / 100), 0.001) and first.left() == first.steps[0] <= 0.2
    assert first.left(1) == first.steps[1] and first.left(99) == 0.001
    deciding.found_right(wangli, reviewed["findings"][2], "账单一致")  # his second: it counts at once
    assert q().left() < first.left() and q().left(1) == 0.001 and "您还有 1 项没核；核完后余下的对合计的影响不超过 0.1%" in str(q().line_words())
    before = q().left()
    deciding.found_right(reviewed["people"]["zhoumin"], reviewed["findings"][1], "账单一致")  # another's changes nothing here
    assert q().left() == before
    assert queries.waiting(run, county, wangli).share == before


def test_the_county_sees_its_own_numbers_on_the_page(reviewed: dict[str, Any], sign_in: Any) -> None:
    page = sign_in("wangli").get(f"/review/{reviewed['round'].pk}/?more=2").content.decode()
    assert "核到第 2 项为止" in page and '<span class="rk">2</span>' in page and '<span class="rk">3</span>' not in page
    assert "合计可能差 0.1%，不含别人范围内的疑点" in page and "停核线以上您还有 2 项没核" in page
    assert "核到第 3 项为止" in sign_in("zhoumin").get(f"/review/{reviewed['round'].pk}/").content.decode()
