"""The sample: at least five in a hundred of every stratum, none again within three years, the same from the same seed, drawn once."""

from __future__ import annotations

import datetime as dt
import io
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from jieneng.core.problem import Refused
from jieneng.people.models import Office
from jieneng.records.models import Event
from jieneng.registry.models import Contact, Institution, Standing
from jieneng.sitting import sampling
from jieneng.sitting.models import Sample, SampleUnit
from tests.people_by_name import make_institution

pytestmark = pytest.mark.django_db


@pytest.fixture
def many(city: dict[str, Any]) -> dict[str, Any]:
    """45 more schools in 泾县 and 21 in 绩溪."""
    for n in range(45):
        make_institution(f"TESTJX{n:012}", f"示例泾县{n}", city["offices"]["341823-jyj"])
    for n in range(21):
        make_institution(f"TESTJI{n:012}", f"示例绩溪{n}", city["offices"]["341824"])
    return city


def test_each_area_gives_its_share_and_the_list_is_the_same_from_the_seed(many: dict[str, Any]) -> None:
    made = sampling.draw(many["people"]["zhoumin"], many["offices"]["341800"], 2022, seed="摇号 17")
    assert {s["code"]: (s["size"], s["drawn"]) for s in made.strata} == {"341800SZ": (1, 1), "341823": (47, 3), "341824": (22, 2)}
    assert sampling.drawn_again(made) and Event.objects.get(verb="sample.draw").data["seed"] == "摇号 17"
    other, _ = sampling.drawn(sampling.frame(many["offices"]["341800"], 2022), many["offices"]["341800"], 2022, "摇号 18")
    assert [s.institution_id for _, s in other] != list(made.units.values_list("institution_id", flat=True))
    with pytest.raises(Refused) as refusal:
        sampling.draw(many["people"]["zhoumin"], many["offices"]["341800"], 2022)
    assert refusal.value.problems[0].code == "sample.drawn" and "摇号 17" in str(refusal.value)


def test_none_is_drawn_again_within_three_years_and_then_may_be(many: dict[str, Any]) -> None:
    zhou, office = many["people"]["zhoumin"], many["offices"]["341800"]
    drawn = {y: set(sampling.draw(zhou, office, y, seed="同一个种子").units.values_list("institution_id", flat=True)) for y in (2020, 2021, 2022)}
    assert not (drawn[2020] & drawn[2021]) and not ((drawn[2020] | drawn[2021]) & drawn[2022])
    # 市直 has one institution: drawn in 2020, nobody is left for two years, and the table says so
    short = {y: {s["code"]: (s["wanted"], s["drawn"]) for s in Sample.objects.get(year=y).strata}["341800SZ"] for y in drawn}
    assert short == {2020: (1, 1), 2021: (1, 0), 2022: (1, 0)}
    fourth = sampling.draw(zhou, office, 2023, seed="同一个种子")
    assert drawn[2020] <= set(fourth.units.values_list("institution_id", flat=True))  # three years are over


def test_sensitive_and_covered_ones_are_not_drawn_and_a_county_draws_its_own_by_type(many: dict[str, Any]) -> None:
    Standing.objects.filter(name="示例泾县0").update(sensitive=True)
    Standing.objects.filter(name="示例泾县1").update(in_scope=False)
    made = sampling.draw(many["people"]["wangli"], Office.objects.get(code="341823"), 2022, seed="1")
    assert [(s["code"], s["by"], s["size"], s["sensitive"]) for s in made.strata] == [("education", "type", 46, 1)]
    names = set(Standing.objects.filter(institution__in=made.units.values("institution")).values_list("name", flat=True))
    assert not names & {"示例泾县0", "示例泾县1"}
    with pytest.raises(Refused):
        sampling.draw(many["people"]["wangli"], Office.objects.get(code="341824"), 2022)


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 130), min_size=1, max_size=4), seed=st.text(max_size=8), percent=st.integers(5, 20))
def test_every_stratum_gives_at_least_its_share_whatever_the_sizes(sizes: list[int], seed: str, percent: int) -> None:
    rows = [Standing(institution=Institution(pk=k * 1000 + n, key=f"{k}-{n:04}"), area=str(k), type="education") for k, size in enumerate(sizes) for n in range(size)]
    taken, table = sampling.drawn(rows, Office(pk=0), 2022, seed, percent)
    for t in table:
        mine = [s for code, s in taken if code == t["code"]]
        assert len(mine) == t["drawn"] == math.ceil(t["size"] * percent / 100) and len(mine) * 100 >= t["size"] * percent
        assert len({s.institution_id for s in mine}) == len(mine)


def test_a_check_on_site_keeps_reading_voucher_and_what_was_reported(reviewed: dict[str, Any]) -> None:
    zhou = reviewed["people"]["zhoumin"]
    unit = sampling.draw(zhou, reviewed["offices"]["341800"], 2022, seed="2").units.first()
    assert unit is not None
    with pytest.raises(Refused) as refusal:
        sampling.check(zhou, unit, item="electricity_kwh", period="2022年", reading="约五百", result="differs", checked_on=None)
    assert {p.code for p in refusal.value.problems} == {"sample.reading", "sample.day", "sample.note", "sample.period"}
    done = sampling.check(zhou, unit, item="electricity_kwh", period="2022-03", reading="1,234.5", result="differs", checked_on=dt.date(2023, 4, 1), note="抄表日差 6 天",
                          voucher=(io.BytesIO(b"\xff\xd8\xff photo"), "电表.jpg"))
    said = sampling.reported(unit, "electricity_kwh", "2022-03")
    assert said is not None and (done.reading, done.reported) == ("1234.5", f"{said:f}".removesuffix(".0000")) and done.voucher is not None
    assert Event.objects.get(verb="sample.check").data["voucher"] == done.voucher.sha256
    assert SampleUnit.objects.get(pk=unit.pk).result == "differs"


@pytest.mark.parametrize(("period", "reading", "result", "note", "code"), [
    ("2022-03", "+1", "agrees", "", "sample.note"), ("2022-03", "+1", "agrees", "抄表日差 2 天", ""), ("2022-03", "+0", "agrees", "", ""), ("2022-03", "+0", "differs", "差得多", "sample.result"),
    ("2022", "+0", "agrees", "", ""), ("2019-03", "5", "agrees", "", "sample.unreported"), ("2019-03", "5", "differs", "在用，没有填报", "")])
def test_a_result_is_what_the_two_numbers_say_or_is_explained(reviewed: dict[str, Any], sign_in: Any, period: str, reading: str, result: str, note: str, code: str) -> None:
    sample = sampling.draw(reviewed["people"]["zhoumin"], reviewed["offices"]["341800"], 2022, seed="2")
    unit = sample.units.first()
    assert unit is not None
    said = sampling.reported(unit, "electricity_kwh", period)
    if period == "2022":
        months = [sampling.reported(unit, "electricity_kwh", f"2022-{m:02}") for m in range(1, 13)]
        assert said == sum(m for m in months if m is not None) and None not in months
    form = {"unit": unit.pk, "item": "electricity_kwh", "period": period, "reading": str(said + int(reading)) if said is not None else reading, "result": result, "note": note, "checked_on": "2023-04-01"}
    here, zhou = f"/samples/{sample.pk}/", sign_in("zhoumin")
    response = zhou.post(f"{here}check/", form, headers={"referer": f"http://testserver{here}"})
    page = zhou.get(response.headers["Location"]).content.decode()
    unit.refresh_from_db()
    assert unit.result == ("" if code else result)
    if code:
        assert f'value="{form["reading"]}"' in page and '<details class="dec" open>' in page and "note: " not in page, "what was typed is kept, fields have no code names"
    elif said is not None and int(reading):
        assert "，相差 " in page


def test_the_list_holds_telephone_numbers_only_for_reviewers_and_leaves_a_trace(reviewed: dict[str, Any], sign_in: Any) -> None:
    sample = sampling.draw(reviewed["people"]["zhoumin"], reviewed["offices"]["341800"], 2022, seed="2")
    unit = sample.units.first()
    assert unit is not None
    Contact.objects.create(institution=unit.institution, role="liaison", name="示例王秀", phone="0563-3021234", since=dt.date(2022, 1, 1))
    url = f"/samples/{sample.pk}.xlsx"

    def cells(response: Any) -> str:
        return str(list(load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True)))

    assert "0563" not in cells(sign_in("zhoumin").get(url)) and not Event.objects.filter(verb="contact.export").exists()
    assert "示例王秀 0563-3021234" in cells(sign_in("zhoumin").post(url)) and Event.objects.get(verb="contact.export").data["count"] == sample.units.count()
    assert sign_in("suncha").post(url).status_code == 403
