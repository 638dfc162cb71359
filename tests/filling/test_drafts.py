"""Drafts: nothing typed is lost, nobody overwrites another unseen, blank is not zero, and filing is whole or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from jieneng.core.problem import Problem, Refused
from jieneng.filling import actions
from jieneng.filling.amounts import read_amount, same
from jieneng.filling.models import Draft, DraftSave
from jieneng.filling.queries import at_version
from jieneng.filling.shape import shape_of, sums
from jieneng.records.models import Event
from jieneng.returns.models import Return, ReturnFinding, Revision
from jieneng.returns.queries import book
from jieneng.rulebook import load
from tests.filling.make import good_values, open_year, the_year
from tests.people_by_name import HOSPITAL, SCHOOL_ONE, SCHOOL_TWO

pytestmark = pytest.mark.django_db
WANG = "wangxiuying"
FORM = load("cn").forms["consumption@2022"]


@pytest.fixture
def year(city: dict[str, Any]) -> Any:
    return the_year(city, open_year(city))


def put(city: dict[str, Any], year: Any, given: dict[str, str], *, seen: int = 0, who: str = WANG, **more: Any) -> actions.Saved:
    return actions.save(city["people"][who], year.round, year.institution, given, seen=seen, **more)


def test_what_is_typed_is_kept_as_typed_and_the_return_is_being_filled_in(city: dict[str, Any], year: Any) -> None:
    saved = put(city, year, {"2022-03.water_m3": "1.2万", "2022-03.electricity_kwh": "１，０１０", "nonsense.x": "1", "2022-03.petrol_l": "5"})
    draft = Draft.objects.get()
    assert draft.values == {"2022-03.water_m3": "1.2万", "2022-03.electricity_kwh": "１，０１０"}  # unknown fields and sums are not taken
    assert saved.changed == 2 and draft.version == 1 and DraftSave.objects.count() == 1
    assert set(Return.objects.filter(institution=year.institution, round=year.round, state="draft").values_list("period", flat=True)) == {"2022-03"}
    judged = saved.year.judge()
    assert judged.answers["2022-03"]["electricity_kwh"] == Decimal(1010)
    assert "12,000" in str(judged.problems["2022-03.water_m3"])
    event = Event.objects.get(verb="returns.save")
    put(city, year, {"2022-03.water_m3": "12000"}, seen=1)
    assert Event.objects.filter(verb="returns.save").count() == 1 and event  # later saves are in the draft's own history


def test_the_same_again_changes_nothing(city: dict[str, Any], year: Any) -> None:
    put(city, year, {"2022-03.water_m3": "12"})
    again = put(city, year, {"2022-03.water_m3": "12"}, seen=1)
    assert again.changed == 0 and Draft.objects.get().version == 1


def test_a_number_shown_grouped_is_nobody_s_change(city: dict[str, Any], year: Any) -> None:
    """A page opened again shows 1,010 and sends all its fields with every save: no version, no conflict with who changes it meanwhile."""
    put(city, year, {"2022-03.electricity_kwh": "1010.50", "2022-04.electricity_kwh": "900"})
    again = put(city, year, {"2022-03.electricity_kwh": "1,010.5", "2022-04.electricity_kwh": "900", "2022-05.electricity_kwh": "7"}, seen=1)
    assert again.changed == 1 and not again.conflicts and Draft.objects.get().values["2022-03.electricity_kwh"] == "1010.50"
    put(city, year, {"2022-03.electricity_kwh": "2020"}, seen=2)
    other = put(city, year, {"2022-03.electricity_kwh": "1,010.5", "2022-06.electricity_kwh": "8"}, seen=2)
    assert not other.conflicts and Draft.objects.get().values["2022-03.electricity_kwh"] == "2020"
    assert not same("1,01", "101") and not same("x1", "x 1") and same("１，０１０", "1010.0")


def test_two_tabs_each_other_is_told_and_nothing_is_overwritten(city: dict[str, Any], year: Any) -> None:
    put(city, year, {"2022-03.water_m3": "12", "2022-04.water_m3": "9"})
    put(city, year, {"2022-03.water_m3": "820", "2022-04.water_m3": "9"}, seen=1)  # the first tab
    second = put(city, year, {"2022-03.water_m3": "830", "2022-04.water_m3": "10"}, seen=1)
    assert [(c.field, c.was, c.now, c.mine, c.who) for c in second.conflicts] == [("2022-03.water_m3", "12", "820", "830", "王秀英")]
    assert Draft.objects.get().values["2022-03.water_m3"] == "820" and Draft.objects.get().values["2022-04.water_m3"] == "10"
    # undecided: another save of the same page still does not push it through
    put(city, year, {"2022-03.water_m3": "830", "2022-04.water_m3": "11"}, seen=3, waiting=["2022-03.water_m3"])
    assert Draft.objects.get().values["2022-03.water_m3"] == "820" and Draft.objects.get().values["2022-04.water_m3"] == "11"
    put(city, year, {"2022-03.water_m3": "830"}, seen=4, mine=["2022-03.water_m3"])
    assert Draft.objects.get().values["2022-03.water_m3"] == "830"


def test_a_stale_tab_does_not_take_back_what_the_other_did(city: dict[str, Any], year: Any) -> None:
    put(city, year, {"2022-03.water_m3": "12", "2022-05.water_m3": ""})
    put(city, year, {"2022-05.water_m3": "77"}, seen=1)
    stale = put(city, year, {"2022-03.water_m3": "13", "2022-05.water_m3": ""}, seen=1)
    assert Draft.objects.get().values == {"2022-03.water_m3": "13", "2022-05.water_m3": "77"}
    assert [(o.field, o.now) for o in stale.others] == [("2022-05.water_m3", "77")] and not stale.conflicts


def test_every_version_can_be_had_again(city: dict[str, Any], year: Any) -> None:
    for n, text in enumerate(("1", "2", "", "3")):
        put(city, year, {"2022-03.water_m3": text}, seen=n)
    draft = Draft.objects.get()
    assert [at_version(draft, v).get("2022-03.water_m3") for v in range(5)] == [None, "1", "2", "", "3"]


def test_others_may_not_write_and_a_round_on_the_platform_is_not_filled_here(city: dict[str, Any], year: Any) -> None:
    for who in ("lihui", "wangli", "chengang", "suncha", "luren", "zhoumin"):
        with pytest.raises(Refused) as refused:
            put(city, year, {"2022-03.water_m3": "1"}, who=who)
        assert refused.value.problems[0].code == "people.forbidden", who
    type(year.round).objects.update(mode="A")
    year.round.refresh_from_db()
    with pytest.raises(Refused) as refused:
        put(city, year, {"2022-03.water_m3": "1"})
    assert refused.value.problems[0].code == "filling.mode" and not Draft.objects.exists()


def test_blank_is_not_zero_and_what_is_declared_is(city: dict[str, Any], year: Any) -> None:
    saved = put(city, year, {"2022-03.water_m3": "0", "unused.coal_t": "1"})
    judged = saved.year.judge()
    answers = judged.answers["2022-03"]
    assert answers["water_m3"] == 0 and answers["coal_t"] == 0 and answers["coal_cost_yuan"] == 0 and answers["gas_m3"] is None
    assert "2022-03.gas_m3" in judged.missing["2022-03"] and "2022-03.water_m3" not in judged.missing["2022-03"]


def test_sums_are_computed_from_the_edition(city: dict[str, Any], year: Any) -> None:
    assert sums(FORM) == {"petrol_l": ("petrol_vehicle_l", "petrol_other_l"), "petrol_cost_yuan": ("petrol_vehicle_cost_yuan", "petrol_other_cost_yuan"),
                          "diesel_l": ("diesel_vehicle_l", "diesel_other_l"), "diesel_cost_yuan": ("diesel_vehicle_cost_yuan", "diesel_other_cost_yuan")}
    saved = put(city, year, {"2022-03.petrol_vehicle_l": "10.5", "2022-03.petrol_other_l": "2", "2022-04.petrol_vehicle_l": "1"})
    judged = saved.year.judge()
    assert judged.answers["2022-03"]["petrol_l"] == Decimal("12.5") and judged.answers["2022-04"]["petrol_l"] is None
    pairs = {p.quantity.code: p.cost.code if p.cost else "" for p in shape_of(load("cn"), FORM).pairs}
    assert pairs["petrol_other_l"] == "petrol_other_cost_yuan" and pairs["electricity_kwh"] == "electricity_cost_yuan" and pairs["pv_generation_kwh"] == ""


def test_filing_is_whole_or_not_at_all(city: dict[str, Any], year: Any) -> None:
    saved = put(city, year, good_values(year) | {"2022-05.water_m3": "", "2022-06.gas_m3": "三方"})
    with pytest.raises(Refused) as refused:
        actions.file(city["people"][WANG], year.round, year.institution, year.periods, seen=saved.year.draft.version)
    assert {p.where.field for p in refused.value.problems} == {"2022-05.water_m3", "2022-06.gas_m3"}
    assert not Revision.objects.filter(ret__round=year.round).exists()
    put(city, year, {"2022-05.water_m3": "10", "2022-06.gas_m3": "3"}, seen=1)
    assert actions.file(city["people"][WANG], year.round, year.institution, year.periods, seen=2) == 12
    rows = Return.objects.filter(round=year.round, institution=year.institution)
    assert {(r.state, r.revision) for r in rows} == {("filed", 1)}
    answers = Revision.objects.get(ret__round=year.round, ret__period="2022-05").answers
    assert answers["water_m3"] == "10" and answers["electricity_kwh"] == "1010" and answers["coal_t"] == "0" and answers["petrol_l"] == "0" and answers["lpg_kg"] == "0"
    with pytest.raises(Refused) as again:
        put(city, year, {"2022-05.water_m3": "11"}, seen=2)
    assert again.value.problems[0].code == "filling.closed"


def test_a_draft_changed_since_it_was_looked_at_is_not_filed(city: dict[str, Any], year: Any) -> None:
    put(city, year, good_values(year))
    put(city, year, {"2022-05.water_m3": "9"}, seen=1)
    with pytest.raises(Refused) as refused:
        actions.file(city["people"][WANG], year.round, year.institution, year.periods, seen=1)
    assert refused.value.problems[0].code == "filling.changed" and "王秀英" in str(refused.value)


def test_what_must_be_verified_is_filed_with_its_reason_and_an_error_is_not(city: dict[str, Any], year: Any) -> None:
    saved = put(city, year, good_values(year) | {"all.people": "150", "2022-07.electricity_kwh": "1"})
    found = {f.finding.rule for f in saved.year.judge().found}
    assert found == {"Y01p", "U01e"}
    with pytest.raises(Refused) as refused:
        actions.file(city["people"][WANG], year.round, year.institution, year.periods, seen=1)
    assert len(refused.value.problems) == 2  # people, once for all months, and July
    put(city, year, {"reason.people": "新招两个班", "why.2022-07.U01e": "放假"}, seen=1)
    with pytest.raises(Refused) as refused:
        actions.file(city["people"][WANG], year.round, year.institution, year.periods, seen=2)
    assert [p.where.field for p in refused.value.problems] == ["2022-07.electricity_kwh"]  # an error is mended, not explained
    put(city, year, {"2022-07.electricity_kwh": "1000"}, seen=2)
    assert actions.file(city["people"][WANG], year.round, year.institution, year.periods, seen=3) == 12
    revision = Revision.objects.get(ret__round=year.round, ret__period="2022-07")
    assert revision.reason == "新招两个班" and ReturnFinding.objects.filter(ret=revision.ret, rule="Y01p").exists()


def test_a_return_sent_back_comes_with_all_that_was_filed(city: dict[str, Any], year: Any) -> None:
    from jieneng.returns import actions as returns

    put(city, year, good_values(year))
    actions.file(city["people"][WANG], year.round, year.institution, year.periods, seen=1)
    march = Return.objects.filter(round=year.round, institution=year.institution, period="2022-03")
    returns.act(city["people"]["wangli"], "send_back", march, reason="水表抄错")
    again = the_year(city, year.round)
    assert again.open == ["2022-03"] and again.values["2022-03.water_m3"] == "10"
    saved = put(city, again, {"2022-03.water_m3": "12", "2022-04.water_m3": "99"}, seen=1)
    assert saved.changed == 1  # April is not open
    actions.file(city["people"][WANG], year.round, year.institution, ["2022-03"], seen=2)
    assert Revision.objects.get(ret=march.get(), number=2).answers["water_m3"] == "12"


def test_a_round_answered_once_a_year_has_one_column(city: dict[str, Any]) -> None:
    year = the_year(city, open_year(city, 2023, rhythm="year", last_year=False), HOSPITAL)
    assert year.periods == ["2023"]
    from jieneng.people.models import Appointment

    Appointment.objects.filter(user__username=WANG).update(institution_key=HOSPITAL)
    saved = put(city, year, good_values(year))
    assert actions.file(city["people"][WANG], year.round, year.institution, ["2023"], seen=saved.year.draft.version) == 1


def test_events_tell_what_happened_and_replay_agrees(city: dict[str, Any], year: Any) -> None:
    from jieneng.desk.ops import replay
    from jieneng.desk.telling import tell

    put(city, year, good_values(year))
    actions.file(city["people"][WANG], year.round, year.institution, year.periods, seen=1)
    event = Event.objects.get(verb="returns.file")
    assert "王秀英" in tell(event).sentence and "报送" in tell(event).sentence
    told = replay.tell()
    assert replay.returns(told)[1] == []
    assert not [f for f in replay.objects(told)[1] if "filed" in f]
    Revision.objects.filter(ret__round=year.round, ret__period="2022-03").update(answers={"water_m3": "1"})
    assert any("2022" in f or "filed" in f for f in replay.objects(replay.tell())[1])


@given(text=st.text(max_size=30))
def test_any_text_is_a_number_nothing_or_a_problem_in_words(text: str) -> None:
    read = read_amount(text, load("cn").items["water_m3"], "m³", "f")
    assert read is None or isinstance(read, Decimal) or (isinstance(read, Problem) and read.expected and read.do)
    if isinstance(read, Decimal):
        assert 0 <= read < 10**12 and read == round(read, 4)


@pytest.mark.parametrize(("text", "answer"), [
    ("1,234.5", "1234.5"), ("１２３", "123"), (" 12 000 ", "12000"), ("0", "0"), (".5", "0.5"), ("", None), ("　", None)])
def test_numbers_as_people_type_them(text: str, answer: str | None) -> None:
    read = read_amount(text, load("cn").items["water_m3"], "m³", "f")
    assert read == (None if answer is None else Decimal(answer))


@pytest.mark.parametrize(("text", "code"), [
    ("3.2万", "times"), ("12 kWh", "number"), ("-5", "negative"), ("1,23", "comma"), ("1.23456", "places"), ("1000000000000", "large"), ("=1+1", "number"), ("1e5", "number")])
def test_what_cannot_be_right_says_so(text: str, code: str) -> None:
    read = read_amount(text, load("cn").items["water_m3"], "m³", "f")
    assert isinstance(read, Problem) and read.code == f"filling.{code}" and read.expected and read.do and read.where.field == "f"


def test_people_are_whole() -> None:
    read = read_amount("96.5", load("cn").items["people"], "人", "f")
    assert isinstance(read, Problem) and read.code == "filling.whole"


def test_questions_and_bases_are_data_and_samples_are_marked() -> None:
    data = book().settings["filling"]
    items = {FORM.items[n].item for n in range(len(FORM.items))}
    for q in data["questions"]:
        assert set(q["items"]) <= items and q["q"]["zh"] and q["q"]["en"] and q["a"]["zh"] and q["a"]["en"]
        assert q["kind"] == "sample" or q["source"], q["q"]["zh"]
    assert set(data["basis"]) <= items
    asked = " ".join(q["q"]["zh"] for q in data["questions"])
    assert all(word in asked for word in ("住院", "住校生", "保安", "租", "充电桩", "食堂"))
    assert SCHOOL_ONE != SCHOOL_TWO


def test_a_save_of_the_page_reads_the_year_once(sign_in: Any, city: dict[str, Any], django_assert_max_num_queries: Any) -> None:
    year = the_year(city, open_year(city))
    client, address = sign_in(WANG), reverse("filling-year", args=[year.round.pk, year.institution.pk])
    for n in range(2):  # the first save begins the month's return: an event more
        said = client.post(address, {"seen": str(n), "2022-07.water_m3": str(10 + n)}, headers={"HX-Request": "true"})
        assert said.status_code == 200
    with django_assert_max_num_queries(22):
        said = client.post(address, {"seen": "2", "2022-07.water_m3": "82"}, headers={"HX-Request": "true"})
    assert 'data-kept="1"' in said.content.decode() and Draft.objects.get().values["2022-07.water_m3"] == "82"


def test_a_year_of_somebody_else_is_not_found_and_leaves_no_draft(sign_in: Any, city: dict[str, Any]) -> None:
    year = the_year(city, open_year(city))
    for page, more in (("filling-year", []), ("filling-month", ["2022-07"]), ("filling-easy", [1])):
        address = reverse(page, args=[year.round.pk, year.institution.pk, *more])
        for sent in ({"seen": "0", "2022-07.water_m3": "82"}, {"do": "withdraw", "withdraw-reason": "x"}):
            assert sign_in("lihui").post(address, sent, headers={"HX-Request": "true"}).status_code == 404, (page, sent)
    assert not Draft.objects.exists()
    assert sign_in(WANG).post(reverse("filling-month", args=[year.round.pk, year.institution.pk, "2022-13"]), {"seen": "0"}).status_code == 404
    assert not Draft.objects.exists()
