"""Returns: rounds, import, revisions, moves, corrections, freeze, sign-off: the rules that bind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from jieneng.core.problem import Refused
from jieneng.records import events
from jieneng.records.models import Event
from jieneng.returns import actions, queries
from jieneng.returns.freeze import freeze
from jieneng.returns.models import Import, Return, ReturnFinding, Revision, Round, Signoff, SnapshotRecord
from jieneng.returns.queries import book
from jieneng.returns.ranges import packed
from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, JIXI_SCHOOL, SCHOOL_ONE

pytestmark = pytest.mark.django_db


def of(city: dict[str, Any], key: str, period: str = "2022-03") -> Return:
    return Return.objects.get(institution=city["institutions"][key], period=period)


def test_a_round_expects_everybody_in_scope_once(city: dict[str, Any]) -> None:
    zhou, office = city["people"]["zhoumin"], city["offices"]["341800"]
    for _ in range(2):
        round_ = actions.open_round(zhou, book(), form="consumption", year=2022, office=office, rhythm="month")
    assert round_.returns.count() == 48 and Event.objects.filter(verb="round.open").count() == 1
    assert round_.edition == "2022"
    assert actions.open_round(zhou, book(), form="consumption", year=2021, office=office, rhythm="month").edition == "2019"


def test_importing_the_same_again_changes_nothing(city: dict[str, Any]) -> None:
    file_all(city, 2022)
    before = list(Revision.objects.values_list("pk", flat=True))
    file_all(city, 2022)
    assert list(Revision.objects.values_list("pk", flat=True)) == before
    assert Import.objects.order_by("pk").last().counts["answers"]["same"] == 48


def test_a_changed_value_is_a_new_revision_and_the_old_stays(city: dict[str, Any]) -> None:
    file_all(city, 2022)
    file_all(city, 2022, change=lambda key, month, a: {**a, "water_m3": Decimal(99)} if (key, month) == (SCHOOL_ONE, 3) else a)
    ret = of(city, SCHOOL_ONE)
    assert [r.answers["water_m3"] for r in ret.revisions.all()] == ["10", "99"] and ret.revision == ret.accepted == 2
    assert Revision.objects.filter(number=2).count() == 1


def test_not_answered_is_kept_apart_from_zero(city: dict[str, Any]) -> None:
    file_all(city, 2022, change=lambda key, month, a: {**a, "water_m3": None, "coal_t": Decimal(0)})
    answers = of(city, SCHOOL_ONE).revisions.get().answers
    assert answers["water_m3"] is None and answers["coal_t"] == "0" and "lpg_kg" in answers


def test_edits_speak_with_the_values_they_saw(city: dict[str, Any]) -> None:
    file_all(city, 2021)
    file_all(city, 2022, change=lambda key, month, a: {**a, "petrol_l": Decimal(620), "petrol_vehicle_l": Decimal(480), "petrol_other_l": Decimal(120)}
             if key == SCHOOL_ONE and month == 3 else {**a, "electricity_kwh": a["electricity_kwh"] * 10000} if key == HOSPITAL and month == 3 else a)
    found = {f.rule: f for f in ReturnFinding.objects.filter(ret__period="2022-03")}
    assert found["L03"].severity == "must" and "620" in found["L03"].says["zh"] and "480" in found["L03"].says["zh"] and "620" in found["L03"].says["en"]
    assert found["U01f"].ret == of(city, HOSPITAL) and found["L14"].severity == "explain"
    assert all(f.do["zh"] and f.do["en"] for f in found.values())


def test_sending_back_needs_a_reason_and_the_right_place(city: dict[str, Any]) -> None:
    file_all(city, 2022, accept=False)
    ret = Return.objects.filter(pk=of(city, SCHOOL_ONE).pk)
    with pytest.raises(Refused, match="原因"):
        actions.act(city["people"]["wangli"], "send_back", ret)
    for who in ("heping", "wangxiuying", "suncha", "luren"):
        with pytest.raises(Refused, match="不能办理"):
            actions.act(city["people"][who], "send_back", ret, reason="看看")
    assert actions.act(city["people"]["wangli"], "send_back", ret, reason="水表多写一位，建议 10") == 1
    assert of(city, SCHOOL_ONE).state == "returned"
    event = Event.objects.get(verb="returns.send_back")
    assert event.data["reason"].startswith("水表") and event.line == city["offices"]["341823-jyj"].path


def test_a_verb_is_done_to_all_or_none(city: dict[str, Any]) -> None:
    file_all(city, 2022, accept=False)
    rows = Return.objects.filter(period="2022-03")
    with pytest.raises(Refused):  # 汪立 may accept in 泾县 only
        actions.act(city["people"]["wangli"], "accept", rows)
    assert set(rows.values_list("state", flat=True)) == {"filed"}
    assert not Event.objects.filter(verb="returns.accept").exists()


def test_a_correction_counts_only_when_it_is_accepted(city: dict[str, Any]) -> None:
    zhou = city["people"]["zhoumin"]
    file_all(city, 2022)
    first = freeze(zhou, book(), 2022)
    file_all(city, 2022, accept=False, change=lambda key, month, a: {**a, "electricity_kwh": Decimal(5)} if (key, month) == (JIXI_SCHOOL, 3) else a)
    ret = of(city, JIXI_SCHOOL)
    assert (ret.state, ret.revision, ret.accepted) == ("filed", 2, 1)
    second = freeze(zhou, book(), 2022)
    totals = [queries.opened(s).manifest["totals"]["consumption@2022"]["items"]["electricity_kwh"]["2022-03"][0] for s in (first, second)]
    assert totals[0] == totals[1]
    actions.act(zhou, "accept", Return.objects.filter(pk=ret.pk))
    third = freeze(zhou, book(), 2022)
    assert Decimal(queries.opened(third).manifest["totals"]["consumption@2022"]["items"]["electricity_kwh"]["2022-03"][0]) == Decimal(totals[0]) - 4003 + 5
    assert queries.opened(first).manifest["totals"]["consumption@2022"]["items"]["electricity_kwh"]["2022-03"][0] == totals[0]


def test_what_is_left_out_is_said(city: dict[str, Any]) -> None:
    file_all(city, 2022, accept=False)
    zhou = city["people"]["zhoumin"]
    with pytest.raises(Refused, match="审核通过"):
        freeze(zhou, book(), 2022)
    actions.act(zhou, "accept", Return.objects.filter(institution=city["institutions"][SCHOOL_ONE]))
    record = freeze(zhou, book(), 2022)
    assert record.counts["returns"] == 12
    left = Return.objects.filter(state="filed").values_list("pk", flat=True)
    assert record.left_out == [{"round": "consumption@2022 2022", "state": "filed", "returns": 36, "ids": packed(left), "why": "not accepted at the cut-off"}]


def test_last_years_total_does_not_move_because_a_school_moved_today(city: dict[str, Any]) -> None:
    import datetime as dt

    from jieneng.registry.actions import change_standing

    zhou = city["people"]["zhoumin"]
    file_all(city, 2022)
    change_standing(zhou, city["institutions"][SCHOOL_ONE], dt.date(2023, 9, 1), "划出", office=city["offices"]["341824"])
    record = freeze(zhou, book(), 2022)
    from jieneng.core.period import Period
    from jieneng.figures.overview import compute

    areas = {f.subject["code"]: f.coverage.members for f in compute(book(), record, ["electricity_kwh"], Period("year", 2022), "area", {})}
    assert areas == {"341823": 2, "341824": 1, "341800SZ": 1}


def test_signing_binds_a_snapshot_and_closes_the_year(city: dict[str, Any]) -> None:
    zhou, office = city["people"]["zhoumin"], city["offices"]["341800"]
    file_all(city, 2022)
    record, round_ = freeze(zhou, book(), 2022), Round.objects.get(year=2022)
    file_all(city, 2022, accept=False, change=lambda key, month, a: {**a, "water_m3": Decimal(1)} if (key, month) == (SCHOOL_ONE, 3) else a)
    with pytest.raises(Refused, match="没有审核通过"):
        actions.sign_off(zhou, round_, office, record, {})
    actions.act(zhou, "accept", Return.objects.filter(state="filed"))
    with pytest.raises(Refused, match="更正"):
        actions.sign_off(zhou, round_, office, record, {})
    again = freeze(zhou, book(), 2022)
    with pytest.raises(Refused):
        actions.sign_off(city["people"]["wangli"], round_, office, again, {})
    signed = actions.sign_off(zhou, round_, office, again, {"x": 1})
    assert Signoff.objects.get() == signed and set(Return.objects.values_list("state", flat=True)) == {"signed"}
    with pytest.raises(AssertionError, match="不允许导入"):  # the import says so; file_all wants no problems
        file_all(city, 2022, change=lambda key, month, a: {**a, "water_m3": Decimal(7)})
    assert Revision.objects.filter(answers__water_m3="7").count() == 0


def test_an_import_by_a_county_stays_inside_its_line(city: dict[str, Any]) -> None:
    from jieneng.core.period import Period
    from jieneng.records.events import action
    from jieneng.records.models import ReceivedFile
    from jieneng.returns.intake import Draft, From

    zhou, wang = city["people"]["zhoumin"], city["people"]["wangli"]
    actions.open_round(zhou, book(), form="consumption", year=2022, office=city["offices"]["341800"], rhythm="month")
    received = ReceivedFile.objects.create(sha256="0" * 64, size=1, name="泾县.xlsx", by=wang)
    with action():
        batch = Import.objects.create(file=received, layout="t", layout_hash="x", layout_text="", reads="answers", on_behalf=city["offices"]["341823"], by=wang)
    drafts = [Draft(identifier=key, scheme="uscc", period=Period.month(2022, 3), at=From("泾县.xlsx", "表", f"A{n}", n),
                    answers={"water_m3": Decimal(1)}, sources={}) for n, key in enumerate([SCHOOL_ONE, JIXI_SCHOOL, "12341823MB9999999X"], 1)]
    outcome = actions.import_answers(wang, book(), form="consumption", drafts=drafts, batch=batch, office=city["offices"]["341823"])
    assert [p.code for p in outcome.problems] == ["import.outside", "import.unknown"] and outcome.new == 1
    assert [p.where.cell for p in outcome.problems] == ["A2", "A3"]
    with pytest.raises(Refused):
        actions.import_answers(wang, book(), form="consumption", drafts=drafts, batch=batch, office=city["offices"]["341800"])


def test_everything_that_happened_is_in_an_unbroken_chain(city: dict[str, Any]) -> None:
    file_all(city, 2022)
    freeze(city["people"]["zhoumin"], book(), 2022)
    count, wrong = events.faults([{**SnapshotRecord.objects.get().chain, "where": "snapshot"}])
    assert wrong == [] and count == Event.objects.count() >= 4


def test_one_mistake_in_twelve_months_is_one_line(city: dict[str, Any], sign_in: Any) -> None:
    """What says the same of one unit is told once with its months; what says otherwise in some of them stands apart."""
    file_all(city, 2022)
    ReturnFinding.objects.all().delete()
    for r in Return.objects.filter(round__year=2022, institution=city["institutions"][SCHOOL_ONE]):
        other = r.period in ("2022-02", "2022-04", "2022-05")
        ReturnFinding.objects.create(ret=r, revision=r.revision, rule="Y01a", severity="explain", items=["area_m2"], rulebook="x",
                                     says={"zh": "面积 3,850，去年 385" if other else "面积 385，去年 3,850", "en": "area"})
    page = sign_in("wangli").get("/findings/?year=2022").content.decode()
    assert page.count("<tr><th scope=\"row\">") == 2 and "2022 年 1、3、6–12 月" in page and "2022 年 2、4–5 月" in page and "共 1 条" in page
    assert "示例第一小学" not in sign_in("heping").get("/findings/").content.decode()
