"""What the platform holds is kept apart; differences are found, decided, explained, mended and ticked; nobody but the unit changes a number."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.core.words import speaking
from jieneng.desk.telling import tell
from jieneng.exchange import actions, queries
from jieneng.exchange.models import Correction, PlatformRow
from jieneng.people.scope import scope
from jieneng.records.events import faults
from jieneng.records.models import Event
from jieneng.returns.intake import Draft, From
from jieneng.returns.models import Return, Revision, Round
from jieneng.returns.queries import book
from tests.exchange.make import drafts, off_by_ten, take
from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, JINGXIAN, JIXI, JIXI_SCHOOL, SCHOOL_ONE
from tests.returns.whose import move_to

pytestmark = pytest.mark.django_db
FORM = "consumption"


@pytest.fixture
def stage(city: dict[str, Any]) -> dict[str, Any]:
    file_all(city, 2022)
    return city


def table(city: dict[str, Any], who: str = "zhoumin", holder: str = "platform") -> list[queries.Line]:
    return queries.table(scope(city["people"][who], "see"), holder, FORM, 2022)


def test_an_equal_export_leaves_nothing_to_do_and_no_revision(stage: dict[str, Any]) -> None:
    before = Revision.objects.count()
    outcome, _ = take(stage)
    assert (outcome.new, outcome.changed, outcome.problems) == (48, 0, []) and Revision.objects.count() == before
    assert table(stage) == [] and queries.blockers(Round.objects.get(), stage["offices"]["341800"]) == []
    row = PlatformRow.objects.get(institution=stage["institutions"][SCHOOL_ONE], period="2022-03")
    assert row.sources["electricity_kwh"][1:3] == ["平台", "C3"] and row.content == row.fingerprint()


def test_the_same_again_changes_nothing_and_a_change_is_told_cell_by_cell(stage: dict[str, Any]) -> None:
    take(stage)
    outcome, batch = take(stage)
    assert (outcome.new, outcome.changed, outcome.same, outcome.cells) == (0, 0, 48, 0) and list(queries.changes(batch)) == []
    outcome, batch = take(stage, off_by_ten(SCHOOL_ONE))
    assert (outcome.changed, outcome.same, outcome.cells) == (1, 47, 1)
    [change] = queries.changes(batch)
    assert (change.side, change.period, change.item, change.before, change.now) == ("platform", "2022-03", "electricity_kwh", "1003", "10030")
    assert PlatformRow.objects.filter(number=2).count() == 1


def test_a_difference_is_seen_in_its_scope_only_and_blocks_sign_off(stage: dict[str, Any]) -> None:
    take(stage, off_by_ten(JIXI_SCHOOL))
    assert [(x.verdict, x.ours, x.theirs) for x in table(stage)] == [("undecided", "4003", "40030")]
    assert table(stage, "wangli") == [] and len(table(stage, "heping")) == 1
    round_ = Round.objects.get()
    assert len(queries.blockers(round_, stage["offices"]["341800"])) == 1 and queries.blockers(round_, stage["offices"]["341823"]) == []


def test_platform_to_mend_goes_on_the_list_and_the_next_import_ticks_it(stage: dict[str, Any]) -> None:
    zhou = stage["people"]["zhoumin"]
    take(stage, off_by_ten(SCHOOL_ONE))
    found = actions.differences_at("platform", FORM, 2022, [table(stage)[0].key])
    actions.decide(zhou, book(), found, "platform", holder="platform", form=FORM, reason="账单 1,003", word="经填报单位确认：王秀英")
    line = Correction.objects.get()
    assert (line.old, line.new, line.state, line.origin) == ("10030", "1003", "open", "compare") and table(stage)[0].verdict == "theirs"
    for factor, state, now in ((10, "not_done", "10030"), (2, "other", "2006"), (1, "done", "1003"), (10, "not_done", "10030")):
        outcome, batch = take(stage, off_by_ten(SCHOOL_ONE, factor=factor))
        line.refresh_from_db()
        assert (line.state, line.found, line.checked, outcome.ticked) == (state, now, batch, {state: 1})
        assert queries.progress(table(stage)) == [{"area": "341823", "all": 1, "done": int(state == "done"), "left": int(state != "done")}]


def test_a_list_is_numbered_and_holds_what_is_left(stage: dict[str, Any]) -> None:
    zhou, county = stage["people"]["zhoumin"], stage["offices"]["341823"]
    school = stage["institutions"][SCHOOL_ONE]
    take(stage, off_by_ten(SCHOOL_ONE))
    with pytest.raises(Refused, match="没有要更正"):
        actions.issue(zhou, county, form=FORM, year=2022)
    actions.correct(zhou, book(), school, form=FORM, period="2022-03", item="electricity_kwh", new="1,003", reason="账单", word="建议值")
    actions.correct(zhou, book(), school, form=FORM, period="2022-04", item="water_m3", new="11", reason="账单", word="建议值")
    first = actions.issue(zhou, county, form=FORM, year=2022)
    take(stage)  # the first is mended there, the second is not
    second = actions.issue(zhou, county, form=FORM, year=2022)
    assert (first.number, first.lines.count(), second.number, second.lines.count()) == (1, 2, 2, 1)
    assert Event.objects.filter(verb="correction.issue").count() == 2


def test_what_was_explained_holds_for_these_two_values_only(stage: dict[str, Any]) -> None:
    zhou = stage["people"]["zhoumin"]
    take(stage, off_by_ten(SCHOOL_ONE))
    assert actions.explain(zhou, actions.differences_at("platform", FORM, 2022, [table(stage)[0].key]), holder="platform", form=FORM, year=2022, reason="平台含商铺") == 1
    assert [(x.verdict, x.reason) for x in table(stage)] == [("explained", "平台含商铺")]
    assert queries.blockers(Round.objects.get(), stage["offices"]["341800"]) == []
    take(stage, off_by_ten(SCHOOL_ONE, factor=20))
    assert [x.verdict for x in table(stage)] == ["undecided"]


def test_ours_follow_only_on_the_units_word_and_say_where_from(stage: dict[str, Any]) -> None:
    zhou = stage["people"]["zhoumin"]
    _, batch = take(stage, off_by_ten(SCHOOL_ONE, factor=2))
    counts = batch.counts
    actions.decide(zhou, book(), actions.differences_at("platform", FORM, 2022, [table(stage)[0].key]), "ours", holder="platform", form=FORM, reason="平台按新账单", word="待确认")
    assert table(stage)[0].verdict == "ours" and Return.objects.get(institution=stage["institutions"][SCHOOL_ONE], period="2022-03").revision == 1
    with pytest.raises(Refused, match="谁说的"):
        actions.adopt(zhou, book(), list(Correction.objects.all()), word=" ")
    assert actions.adopt(zhou, book(), list(Correction.objects.all()), word="王秀英电话确认", confirmed_on=dt.date(2023, 3, 16)) == 1
    ret = Return.objects.get(institution=stage["institutions"][SCHOOL_ONE], period="2022-03")
    revision = ret.revisions.get(number=2)
    assert revision.answers["electricity_kwh"] == "2006" and revision.sources["electricity_kwh"][:3] == [batch.pk, "平台", "C3"]
    assert revision.answers["water_m3"] == "10" and ret.state == "filed"
    batch.refresh_from_db()
    assert batch.counts == counts and [x.verdict for x in table(stage)] == ["same"] and faults()[1] == []


def test_a_unit_that_moved_since_is_still_its_old_lines_in_the_year_it_reported_there(stage: dict[str, Any]) -> None:
    """Export taken in by the office of the period, correction adopted by the city above it; the office it moved to is told that it is not its unit."""
    _, made = take(stage, off_by_ten(SCHOOL_ONE, factor=2))
    actions.decide(stage["people"]["zhoumin"], book(), actions.differences_at("platform", FORM, 2022, [table(stage)[0].key]), "ours", holder="platform", form=FORM, reason="平台按新账单", word="待确认")
    move_to(stage["institutions"][SCHOOL_ONE], stage["offices"][JIXI], dt.date(2023, 6, 1))
    given = [d for d in drafts(stage, change=off_by_ten(SCHOOL_ONE, factor=3)) if d.identifier == SCHOOL_ONE]

    def brought(who: str, office: str) -> tuple[int, set[str]]:
        told = actions.take_platform(stage["people"][who], form=FORM, holder="platform", drafts=given, batch=made, office=stage["offices"][office])
        return told.changed, {p.code for p in told.problems}

    with pytest.raises(Refused):
        actions.adopt(stage["people"]["heping"], book(), list(Correction.objects.all()), word="王秀英")
    assert actions.adopt(stage["people"]["zhoumin"], book(), list(Correction.objects.all()), word="王秀英") == 1
    assert brought("heping", JIXI) == (0, {"import.outside"})
    assert brought("wangli", JINGXIAN) == (1, set())


@pytest.mark.parametrize("new, reason, word, says", [
    ("x", "账单", "王", "不是数"), ("1e99", "账单", "王", "不是数"), ("NaN", "账单", "王", "不是数"), ("10030", "账单", "王", "不用更正"),
    ("1003", " ", "王", "没有写理由"), ("1003", "账单", "", "谁说的")])
def test_a_line_without_value_reason_or_word_is_refused(stage: dict[str, Any], new: str, reason: str, word: str, says: str) -> None:
    take(stage, off_by_ten(SCHOOL_ONE))
    before = Event.objects.count()
    with pytest.raises(Refused, match=says):
        actions.correct(stage["people"]["zhoumin"], book(), stage["institutions"][SCHOOL_ONE], form=FORM, period="2022-03", item="electricity_kwh", new=new,
                        reason=reason, word=word)
    assert not Correction.objects.exists() and Event.objects.count() == before


def test_a_neighbour_may_neither_correct_nor_explain_nor_take_in(stage: dict[str, Any]) -> None:
    take(stage, off_by_ten(SCHOOL_ONE))
    he = stage["people"]["heping"]
    found = actions.differences_at("platform", FORM, 2022, [table(stage)[0].key])
    for verb in (lambda: actions.explain(he, found, holder="platform", form=FORM, year=2022, reason="x"),
                 lambda: actions.decide(he, book(), found, "platform", holder="platform", form=FORM, reason="x", word="x"),
                 lambda: actions.issue(he, stage["offices"]["341823"], form=FORM, year=2022), lambda: take(stage, who="heping")):
        with pytest.raises(Refused, match="不能办理"):
            verb()


def test_a_year_of_the_platform_is_compared_with_the_months_of_ours(stage: dict[str, Any]) -> None:
    year = [Draft(SCHOOL_ONE, "uscc", Period("year", 2022), From("年.xls", "年", "A1", 1), answers={
        "electricity_kwh": Decimal(12 * 1000 + 78), "area_m2": Decimal(2000), "people": Decimal(107), "water_m3": Decimal(121)})]
    take(stage, drafts=year)
    assert [(x.item, x.ours, x.theirs) for x in table(stage)] == [("water_m3", "120", "121")]
    assert queries.compared("platform", FORM, 2022).cells == {stage["institutions"][SCHOOL_ONE].pk: 4}


def test_ours_follow_a_new_export_but_not_over_what_was_changed_here(stage: dict[str, Any]) -> None:
    take(stage)
    zhou = stage["people"]["zhoumin"]
    mended = drafts(stage, change=off_by_ten(SCHOOL_ONE, month=3, factor=5))
    from jieneng.returns import actions as returns
    from tests.exchange.make import batch

    returns.import_answers(zhou, book(), form=FORM, drafts=mended, batch=batch(stage, "本库.xlsx"), office=stage["offices"]["341800"])
    fresh = drafts(stage, change=lambda k, m, a: off_by_ten(SCHOOL_ONE, month=4)(k, m, off_by_ten(SCHOOL_ONE, month=3, factor=7)(k, m, a)))
    kept = {(d.identifier, str(d.period)): set(d.answers) for d in actions.followed(FORM, "platform", fresh)}
    assert "electricity_kwh" in kept[SCHOOL_ONE, "2022-04"] and "electricity_kwh" not in kept[SCHOOL_ONE, "2022-03"]


def test_the_provinces_figures_are_a_version_apart(stage: dict[str, Any]) -> None:
    take(stage)
    take(stage, off_by_ten(HOSPITAL), holder="province")
    assert table(stage) == [] and [x.theirs for x in table(stage, holder="province")] == ["30030"]


def test_facts_beside_the_items_are_kept_and_no_difference(stage: dict[str, Any]) -> None:
    given = drafts(stage)
    for d in given:
        d.facts.update({"status": "filed", "target.energy_per_area": "12.5"})
    take(stage, drafts=given)
    row = PlatformRow.objects.filter(period="2022-12").first()
    assert row is not None and row.values["status"] == "filed" and row.values["target.energy_per_area"] == "12.5" and table(stage) == []


def test_each_verb_is_told_in_both_languages(stage: dict[str, Any]) -> None:
    zhou = stage["people"]["zhoumin"]
    take(stage, off_by_ten(SCHOOL_ONE))
    line = actions.correct(zhou, book(), stage["institutions"][SCHOOL_ONE], form=FORM, period="2022-03", item="electricity_kwh", new="1003", reason="账单", word="建议值")
    actions.issue(zhou, stage["offices"]["341823"], form=FORM, year=2022)
    actions.withdraw(zhou, line, "看错了")
    actions.explain(zhou, actions.differences_at("platform", FORM, 2022, [table(stage)[0].key]), holder="platform", form=FORM, year=2022, reason="含商铺")
    told = {e.verb: tell(e).sentence for e in Event.objects.all()}
    assert "示例第一小学" in told["correction.add"] and "10030→1003" in told["correction.add"] and "账单" in told["correction.add"]
    assert "泾县" in told["correction.issue"] and "看错了" in told["correction.withdraw"] and "含商铺" in told["difference.explain"]
    with speaking("en"):
        assert all(ord(c) < 0x2E80 for e in Event.objects.filter(verb="correction.issue") for c in tell(e).sentence.split("泾县")[1])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from(["electricity_kwh", "water_m3"]), st.integers(0, 5)), max_size=6))
def test_compared_is_what_a_plain_comparison_finds(values: list[tuple[int, str, int]]) -> None:
    """Without a database: the same cells by the dictionaries themselves."""
    ours = {(m, i): str(v) for m, i, v in values}
    theirs = {(m, i): str((v + m) % 6) for m, i, v in values}
    item = book_items()
    plain = {k for k in theirs if ours.get(k) != theirs[k]}
    assert {k for k in theirs if not queries._equal(item[k[1]], ours.get(k), theirs[k], False)} == plain


def book_items() -> Any:
    from jieneng.rulebook import load

    return load("cn").items
