"""The chain inside a unit and between it and its reviewers: signatures in turn, withdrawing, items sent back, waivers, entering on the unit's word."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from jieneng.core.problem import Refused
from jieneng.desk.ops import replay
from jieneng.desk.telling import tell
from jieneng.filling import actions, signing
from jieneng.filling.models import Filing, Signature
from jieneng.records.models import Event
from jieneng.returns import actions as returns
from jieneng.returns import behalf, waivers
from jieneng.returns.asks import Ask
from jieneng.returns.models import OnBehalf, Return, ReturnAsk, Revision, Waiver
from jieneng.returns.plan import actions as plan
from jieneng.returns.queries import book
from jieneng.sitting import deciding
from tests.filling.make import good_values, open_year, the_year
from tests.people_by_name import SCHOOL_ONE
from tests.sitting.make import add, make_run

pytestmark = pytest.mark.django_db
WANG, COUNTY, CITY = "wangxiuying", "wangli", "zhoumin"
NAMES = {"filler": "王秀英", "statistics": "李主任", "head": "张校长"}


@pytest.fixture
def filled(city: dict[str, Any]) -> Any:
    """A year of a school, typed and right, answered once a year."""
    year = the_year(city, open_year(city, rhythm="year", last_year=False))
    return actions.save(city["people"][WANG], year.round, year.institution, good_values(year), seen=0).year


def sign_in_turn(city: dict[str, Any], year: Any) -> None:
    plan.set_signatures(city["people"][CITY], year.round, True)
    year.round.refresh_from_db()


def put(city: dict[str, Any], year: Any, given: dict[str, str], who: str = WANG) -> Any:
    from jieneng.filling.models import Draft

    return actions.save(city["people"][who], year.round, year.institution, given, seen=Draft.objects.get().version).year


def file(city: dict[str, Any], year: Any, names: dict[str, str] | None = None) -> int:
    from jieneng.filling.models import Draft

    return actions.file(city["people"][WANG], year.round, year.institution, year.periods, seen=Draft.objects.get().version, names=names)


def state(year: Any) -> str:
    return Return.objects.get(round=year.round, institution=year.institution).state


def nothing_wrong() -> None:
    """Events told again lead to the records as they are (the small city was made without events for its register and accounts)."""
    told = replay.tell()
    assert replay.returns(told)[1] == []
    assert [f for f in replay.objects(told)[1] if not f.startswith(("standings", "accounts", "rights"))] == []


def test_three_sign_in_turn_and_only_the_last_files(city: dict[str, Any], filled: Any) -> None:
    sign_in_turn(city, filled)
    assert file(city, filled, {"filler": "王秀英"}) == 0 and state(filled) == "draft"
    with pytest.raises(Refused) as refused:
        file(city, filled, {"head": "张校长"})
    assert {p.where.field for p in refused.value.problems} == {"sign-head", "sign-statistics"}
    assert file(city, filled, {"statistics": "李主任"}) == 0
    assert file(city, filled, {"head": "张校长"}) == 1 and state(filled) == "filed"
    filing = Filing.objects.get()
    assert [(p, n) for p, n, *_ in filing.signed] == list(NAMES.items()) and filing.revisions == {"2022": 1}
    assert Signature.objects.filter(filing=filing).count() == 3
    nothing_wrong()
    said = tell(Event.objects.filter(verb="filling.sign").first()).sentence
    assert "填表人" in said and not any("李主任" in str(e.data) for e in Event.objects.all())  # names stay under the return


def test_one_person_signs_all_three_at_once(city: dict[str, Any], filled: Any) -> None:
    sign_in_turn(city, filled)
    assert file(city, filled, NAMES) == 1
    assert [s.name for s in Signature.objects.all()] == list(NAMES.values())


def test_a_changed_value_lets_signatures_lapse_and_handing_back_voids_them(city: dict[str, Any], filled: Any) -> None:
    sign_in_turn(city, filled)
    file(city, filled, {"filler": "王秀英", "statistics": "李主任"})
    year = put(city, filled, {"2022.water_m3": "11"})
    assert signing.wanting(year, year.open) == list(signing.PARTS)
    year = put(city, filled, {"2022.water_m3": "10"})  # back to what was signed
    assert signing.wanting(year, year.open) == ["head"]
    with pytest.raises(Refused):
        signing.hand_back(city["people"][WANG], year.round, year.institution, " ")
    assert signing.hand_back(city["people"][WANG], year.round, year.institution, "电费少一月") == 2
    assert signing.wanting(the_year(city, year.round), year.open) == list(signing.PARTS)
    nothing_wrong()


def test_no_signatures_are_asked_outside_mode_c(city: dict[str, Any], filled: Any) -> None:
    sign_in_turn(city, filled)
    plan.set_office(city["people"][CITY], filled.round, city["offices"]["341823-jyj"], mode="B", deadline=None)
    assert not the_year(city, filled.round).signs and file(city, filled) == 1
    assert [(p, n) for p, n, *_ in Filing.objects.get().signed] == [("filler", "王秀英")]


def test_withdrawn_while_nobody_has_taken_it_up(city: dict[str, Any], filled: Any) -> None:
    file(city, filled)
    for who in ("lihui", COUNTY, CITY):
        with pytest.raises(Refused) as refused:
            actions.withdraw(city["people"][who], filled.round, filled.institution)
        assert refused.value.problems[0].code == "people.forbidden"
    assert actions.withdraw(city["people"][WANG], filled.round, filled.institution, "少填一项") == 1 and state(filled) == "draft"
    year = put(city, filled, {"2022.water_m3": "12"})
    assert file(city, year) == 1 and Revision.objects.get(ret__round=year.round, number=2).answers["water_m3"] == "12"
    returns.act(city["people"][COUNTY], "pass_county", Return.objects.filter(round=year.round, institution=year.institution))
    with pytest.raises(Refused) as refused:
        actions.withdraw(city["people"][WANG], year.round, year.institution)
    assert refused.value.problems[0].code == "filling.not_filed"
    nothing_wrong()


def test_what_a_reviewer_decided_on_is_not_withdrawn(city: dict[str, Any], filled: Any) -> None:
    file(city, filled)
    finding = add(make_run(city), city, SCHOOL_ONE, 1, item="water_m3", suggested=9.0)
    type(finding).objects.update(period="2022", months=[], suggested=[["2022", "water_m3", "9"]])
    finding.refresh_from_db()
    made = deciding.found_right(city["people"][COUNTY], finding, "对过账单")
    with pytest.raises(Refused) as refused:
        actions.withdraw(city["people"][WANG], filled.round, filled.institution)
    assert refused.value.problems[0].code == "filling.taken_up" and "汪立" in str(refused.value)
    deciding.undo(city["people"][COUNTY], made)
    deciding.send_back(city["people"][COUNTY], book(), finding, "与账单不符")  # the suggestion goes with it, to be confirmed
    ask = ReturnAsk.objects.get()
    assert (ask.item, ask.suggested, ask.reason) == ("water_m3", "9", "与账单不符")


def test_an_item_sent_back_is_changed_confirmed_or_answered(city: dict[str, Any], filled: Any) -> None:
    file(city, filled)
    rows = Return.objects.filter(round=filled.round, institution=filled.institution)
    pk = rows.get().pk
    with pytest.raises(Refused) as refused:
        returns.act(city["people"][COUNTY], "send_back", rows, asks=[Ask(pk, "nonsense", "", "-3")])
    assert {p.code for p in refused.value.problems} == {"ask.item", "ask.reason", "ask.value"} or refused.value.problems[0].code == "returns.reason"
    returns.act(city["people"][COUNTY], "send_back", rows, asks=[Ask(pk, "water_m3", "与水费单不符", "12"), Ask(pk, "gas_m3", "少一个月", "")])
    event = Event.objects.filter(verb="returns.send_back").get()
    assert event.data["reason"] == "与水费单不符；少一个月" and len(event.data["asks"]) == 2
    year = the_year(city, filled.round)
    with pytest.raises(Refused) as refused:
        file(city, year)
    assert {p.where.field for p in refused.value.problems} == {f"answer.{a.pk}" for a in year.asks}
    with pytest.raises(Refused):  # the other item is still open: nothing is filed, and the value is not left half taken
        actions.confirm(city["people"][WANG], year.round, year.institution, year.periods, seen=year.draft.version)
    assert the_year(city, year.round).values["2022.water_m3"] == "10"
    gas = next(a for a in year.asks if a.item == "gas_m3")
    year = put(city, year, {f"answer.{gas.pk}": "食堂停用一个月"})
    assert actions.confirm(city["people"][WANG], year.round, year.institution, year.periods, seen=year.draft.version) == 1
    revision = Revision.objects.get(ret=pk, number=2)
    assert revision.answers["water_m3"] == "12" and "确认建议值 12" in revision.reason and "食堂停用一个月" in revision.reason
    nothing_wrong()


def test_a_waiver_says_who_why_and_until_and_lets_the_check_go(city: dict[str, Any]) -> None:
    blank = the_year(city, open_year(city))
    year = actions.save(city["people"][WANG], blank.round, blank.institution, good_values(blank) | {"2022-07.electricity_kwh": "1"}, seen=0).year
    form, unit, today = year.shape.form, year.institution, timezone.localdate()
    assert [f.finding.rule for f in year.judge().found if f.blocks] == ["U01e"]
    for who, until in ((WANG, today), ("chengang", today), ("heping", today), (COUNTY, today - dt.timedelta(days=1)), (COUNTY, today + dt.timedelta(days=400))):
        with pytest.raises(Refused):
            waivers.grant(city["people"][who], unit, form, "U01e", until=until, reason="停电改造")
    made = waivers.grant(city["people"][COUNTY], unit, form, "U01e", until=today + dt.timedelta(days=30), reason="停电改造")
    assert file(city, year) == 12
    revision = Revision.objects.get(ret__round=year.round, ret__period="2022-07")
    assert "U01e 汪立 豁免" in revision.reason and "停电改造" in revision.reason
    rows = Return.objects.filter(pk=revision.ret_id)
    assert returns.open_must(list(rows)) == set()  # no error stands in the way of passing it while it holds
    Waiver.objects.update(until=today - dt.timedelta(days=1))
    assert waivers.waivers_of(unit, "consumption") == {} and returns.open_must(list(rows)) == {revision.ret_id}
    Waiver.objects.update(until=made.until)
    waivers.revoke(city["people"][COUNTY], made, "改造完了")
    assert waivers.waived() == set()
    nothing_wrong()


def test_entering_on_the_units_word_needs_word_day_and_voucher(city: dict[str, Any], filled: Any) -> None:
    file(city, filled)
    ret = Return.objects.get(round=filled.round, institution=filled.institution)
    with pytest.raises(Refused) as refused:
        behalf.change(city["people"]["chengang"], book(), ret, [("water_m3", "x")], reason="", word="", confirmed_on=None, voucher=None)
    assert {p.code for p in refused.value.problems} == {"decide.reason", "decide.word", "decide.day", "decide.voucher", "decide.value"}
    paper = (io.BytesIO(b"%PDF-1.4 letter"), "更正说明.pdf")
    with pytest.raises(Refused):
        behalf.change(city["people"][WANG], book(), ret, [("water_m3", "12")], reason="x", word="x", confirmed_on=timezone.localdate(), voucher=paper)
    made = behalf.change(city["people"]["chengang"], book(), ret, [("water_m3", "12")], reason="水表抄错", word="王秀英，统计员", confirmed_on=timezone.localdate(), voucher=paper)
    ret.refresh_from_db()
    assert ret.revision == 2 and Revision.objects.get(ret=ret, number=2).answers["water_m3"] == "12"
    assert OnBehalf.objects.get() == made and made.batch.file.name == "更正说明.pdf"
    assert "王秀英，统计员" in tell(Event.objects.get(verb="behalf.enter")).sentence
    with pytest.raises(Refused) as refused:  # entered for it: not the unit's own filing any more
        actions.withdraw(city["people"][WANG], filled.round, filled.institution)
    assert refused.value.problems[0].code == "filling.not_own"
    nothing_wrong()


def test_damage_to_a_filing_is_found(city: dict[str, Any], filled: Any) -> None:
    file(city, filled)
    Filing.objects.update(signed=[["filler", "别人", "x", ""]])
    assert any("filings" in f for f in replay.objects(replay.tell())[1])


def test_the_pages_sign_withdraw_and_confirm(city: dict[str, Any], filled: Any, sign_in: Any) -> None:
    sign_in_turn(city, filled)
    client, url = sign_in(WANG), reverse("filling-year", args=[filled.round.pk, filled.institution.pk])
    page = client.get(url).content.decode()
    assert 'name="sign-filler" value="王秀英"' in page and 'name="sign-head"' in page
    wrong = client.post(url, {"seen": "1", "do": "file", "sign-filler": ""})
    assert wrong.status_code == 422 and "没有写填表人的姓名" in wrong.content.decode()
    assert client.post(url, {"seen": "1", "do": "file", **{f"sign-{p}": n for p, n in NAMES.items()}}).status_code == 302 and state(filled) == "filed"
    page = client.get(url).content.decode()
    assert "张校长" in page and 'value="withdraw"' in page
    assert client.post(url, {"do": "withdraw", "withdraw-reason": "再看看"}).status_code == 302 and state(filled) == "draft"
    client.post(url, {"seen": "1", "do": "file", **{f"sign-{p}": n for p, n in NAMES.items()}})
    county, ret = sign_in(COUNTY), Return.objects.get(round=filled.round, institution=filled.institution)
    assert "ask-item" in county.get(reverse("return", args=[ret.pk])).content.decode()
    assert county.post(reverse("return-act", args=[ret.pk, "send_back"]), {"ask-item": ["water_m3", ""], "ask-value": ["12", ""], "ask-reason": ["与水费单不符", ""]}).status_code == 302
    assert "与水费单不符" in county.get(reverse("return", args=[ret.pk])).content.decode()
    page = client.get(url).content.decode()
    assert "改为建议值" in page and 'value="confirm"' in page
    assert client.post(url, {"seen": "1", "do": "confirm"}).status_code == 302
    assert the_year(city, filled.round).values["2022.water_m3"] == "12" and state(filled) == "returned"  # the names come first


def test_large_type_signs_and_files_without_leaving_it(city: dict[str, Any], filled: Any, sign_in: Any) -> None:
    from jieneng.filling.models import Draft

    sign_in_turn(city, filled)
    client, version = sign_in(WANG), Draft.objects.get().version
    last = reverse("filling-easy", args=[filled.round.pk, filled.institution.pk, 9999])
    assert 'name="sign-head"' in client.get(last).content.decode() and 'name="sign-head"' not in client.get(last.replace("9999", "1")).content.decode()
    wrong = client.post(last, {"seen": version, "do": "file", "sign-head": "张校长"})
    assert wrong.status_code == 422 and "没有写填表人的姓名" in wrong.content.decode() and 'value="张校长"' in wrong.content.decode()
    assert client.post(last, {"seen": version, "do": "file", "sign-filler": "王秀英"}).headers["Location"] == last and state(filled) == "draft"
    assert "已签名；等下一位复核签名" in client.get(last).content.decode()
    assert client.post(last, {"seen": version, "do": "file", "sign-statistics": "李科长", "sign-head": "张校长"}).headers["Location"] == last and state(filled) == "filed"
    page = client.get(last)
    assert page.status_code == 200 and "报表已经报送" in page.content.decode() and 'class="easy"' in page.content.decode()
