"""Delegation and hand-over: what one may do for another, where, until when, and what the records say of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from jieneng.core.problem import Refused
from jieneng.desk import accounts, delegations, handovers
from jieneng.desk.telling import tell
from jieneng.people.models import Delegation, Handover, User
from jieneng.people.scope import held, scope
from jieneng.records import events, jobs
from jieneng.records.models import Event
from jieneng.returns.models import Return
from tests.figures.make import file_all
from tests.people_by_name import JINGXIAN, JIXI, PASSWORD, ROOT, SCHOOL_ONE

pytestmark = pytest.mark.django_db


def tomorrow(days: int = 1) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=days)


@pytest.fixture
def given(city: dict[str, Any]) -> Delegation:
    """汪立 (county office of 泾县) lets 陈刚 (its education department) act for her until next week."""
    p = city["people"]
    return delegations.delegate(p["wangli"], p["chengang"], "county", office=city["offices"][JINGXIAN], until=tomorrow(7), reason="出差")


def filed(city: dict[str, Any]) -> Return:
    file_all(city, 2022, accept=False)
    return Return.objects.get(institution=city["institutions"][SCHOOL_ONE], period="2022-03")


def test_who_acts_for_another_does_what_was_delegated_and_nothing_of_his_own(city: dict[str, Any], given: Delegation, sign_in: Any) -> None:
    ret, client = filed(city), sign_in("chengang")
    url = f"/returns/{ret.pk}/pass_county/"
    assert client.post(url).status_code == 403, "on his own he is of the department"
    assert client.post("/me/act-for/", {"delegation": given.pk}).status_code == 302
    page = client.get("/register/").content.decode()
    assert "正在代“汪立”办理" in page and "泾县" in page
    assert client.post(url).status_code == 302
    event = Event.objects.latest("seq")
    assert (event.verb, event.actor, event.actor_name, event.data["for"]) == ("returns.pass_county", city["people"]["chengang"], "陈刚（代汪立）", "wangli")
    assert tell(event).sentence.startswith("陈刚（代汪立） 县级审核 示例第一小学") and events.faults()[1] == []
    client.post("/me/act-for/", {"delegation": ""})
    assert client.post(f"/returns/{ret.pk}/send_back/", {"reason": "核对"}).status_code == 403, "what the county passed is no longer the department's"
    other = Return.objects.get(institution=ret.institution, period="2022-04")
    assert client.post(f"/returns/{other.pk}/send_back/", {"reason": "核对"}).status_code == 302
    assert Event.objects.latest("seq").actor_name == "陈刚"


def test_pages_about_oneself_stay_ones_own(city: dict[str, Any], given: Delegation, sign_in: Any) -> None:
    client = sign_in("chengang")
    client.post("/me/act-for/", {"delegation": given.pk})
    assert "主管部门统计员" in client.get("/me/").content.decode()
    client.post("/password/", {"old": PASSWORD, "new": "Quite-my-own-77", "again": "Quite-my-own-77"})
    assert [e.actor_name for e in Event.objects.filter(verb="account.password")] == ["陈刚"]


@pytest.mark.parametrize("change", ["ended", "over", "role lost", "giver stopped", "holder stopped"])
def test_it_ends_with_its_day_and_with_the_giver_s_own_right(city: dict[str, Any], given: Delegation, sign_in: Any, change: str) -> None:
    client, wang, chen = sign_in("chengang"), city["people"]["wangli"], city["people"]["chengang"]
    client.post("/me/act-for/", {"delegation": given.pk})
    if change == "ended":
        delegations.end(wang, given)
    elif change == "over":
        Delegation.objects.update(until=tomorrow(-1))
    elif change == "role lost":
        accounts.dismiss(None, wang.appointments.get())
    elif change == "giver stopped":
        accounts.disable(None, wang)
    else:
        accounts.disable(None, chen)
    answer = client.get("/register/")
    if change == "holder stopped":
        assert answer.status_code == 302
        return
    assert "正在代" not in answer.content.decode() and "委托已经结束" in answer.content.decode()
    chen.acting = Delegation.objects.select_related("giver", "to", "office").get()
    assert held(chen) == [] and not scope(chen, "see")


def test_only_ones_own_role_and_scope_and_never_handed_on(city: dict[str, Any], given: Delegation) -> None:
    p, o = city["people"], city["offices"]

    def refused(code: str, giver: str, to: str, role: str, office: str, until: dt.date, reason: str = "出差") -> None:
        before = (Delegation.objects.count(), Event.objects.count())
        with pytest.raises(Refused) as told:
            delegations.delegate(p[giver], p[to], role, office=o[office], until=until, reason=reason)
        assert told.value.problems[0].code == code and before == (Delegation.objects.count(), Event.objects.count())

    refused("delegation.scope", "wangli", "heping", "county", JIXI, tomorrow())
    refused("delegation.scope", "wangli", "heping", "county", ROOT, tomorrow())
    refused("delegation.scope", "chengang", "heping", "county", JINGXIAN, tomorrow())  # held by delegation only
    refused("delegation.role", "qianan", "heping", "security_admin", ROOT, tomorrow())
    refused("delegation.role", "suncha", "heping", "auditor", ROOT, tomorrow())
    refused("account.apart", "wangli", "qianan", "county", JINGXIAN, tomorrow())
    refused("delegation.to", "wangli", "wangli", "county", JINGXIAN, tomorrow())
    refused("delegation.until", "wangli", "heping", "county", JINGXIAN, tomorrow(-1))
    refused("delegation.until", "wangli", "heping", "county", JINGXIAN, tomorrow(400))
    refused("delegation.reason", "wangli", "heping", "county", JINGXIAN, tomorrow(), " ")
    p["chengang"].acting = given
    refused("delegation.on", "chengang", "heping", "county", JINGXIAN, tomorrow())


def test_a_part_of_ones_scope(city: dict[str, Any]) -> None:
    zhou, he = city["people"]["zhoumin"], city["people"]["heping"]
    d = delegations.delegate(zhou, he, "city", office=city["offices"][JINGXIAN], until=tomorrow(), reason="休假")
    he.acting = d
    assert scope(he, "review").covers_line(city["offices"][JINGXIAN].path) and not scope(he, "review").covers_line(city["offices"][JIXI].path)


def test_by_the_page_and_back(city: dict[str, Any], sign_in: Any) -> None:
    client, mine = sign_in("wangli"), city["people"]["wangli"].appointments.get()
    form = {"appointment": mine.pk, "to": "chengang", "until": tomorrow(3).isoformat(), "reason": "抽调"}
    assert client.post("/me/delegate/", {**form, "until": "下周"}).status_code == 422 and client.post("/me/delegate/", {**form, "to": "ghost"}).status_code == 422
    foreign = city["people"]["heping"].appointments.get()
    assert client.post("/me/delegate/", {**form, "appointment": foreign.pk}).status_code == 422 and not Delegation.objects.exists()
    assert client.post("/me/delegate/", form).status_code == 302
    d = Delegation.objects.get()
    assert "“陈刚”代我" in client.get("/me/").content.decode() and "我代“汪立”" in sign_in("chengang").get("/me/").content.decode()
    assert sign_in("heping").post(f"/me/delegations/{d.pk}/end/").status_code == 404
    assert sign_in("heping").post("/me/act-for/", {"delegation": d.pk}).status_code == 422
    assert sign_in("chengang").post(f"/me/delegations/{d.pk}/end/").status_code == 302
    assert [e.verb for e in Event.objects.filter(object_type="account").order_by("seq")] == ["account.delegate", "account.delegate_end"]
    assert tell(Event.objects.get(verb="account.delegate")).sentence == f"汪立 委托代办 汪立（wangli）：由 陈刚 代办；县市区机关事务部门 · 泾县；到 {tomorrow(3)}；抽调"


def test_a_job_started_for_another_is_done_for_another(city: dict[str, Any], given: Delegation, monkeypatch: pytest.MonkeyPatch) -> None:
    chen, seen = city["people"]["chengang"], {}
    chen.acting = given
    monkeypatch.setitem(jobs.KINDS, "probe", lambda job, report: seen.update(acting=job.by.acting, may=bool(scope(job.by, "accept"))) or {})
    jobs.enqueue("probe", {}, by=chen, key="probe")
    assert jobs.run_one().state == "done" and seen == {"acting": given, "may": True}  # type: ignore[union-attr]
    jobs.enqueue("probe", {}, by=chen, key="probe2")
    delegations.end(None, given)
    jobs.run_one()
    assert seen["may"] is False


# ---- hand-over ----

def test_everything_goes_over_in_one_action_and_is_printed(city: dict[str, Any], given: Delegation, sign_in: Any) -> None:
    filed(city)
    wang, qian = city["people"]["wangli"], sign_in("qianan")
    out = sign_in("wangli")
    page = qian.get(f"/accounts/{wang.pk}/handover/").content.decode()
    assert "报表：已报" in page and "泾县" in page and "委托给“陈刚”代办" in page
    answer = qian.post(f"/accounts/{wang.pk}/handover/", {"new_username": "xinlianluo", "new_name": "新联络", "note": "钥匙、U 盾、电话表", "disable": "1"})
    note = answer.content.decode()
    new, made = User.objects.get(username="xinlianluo"), Handover.objects.get()
    assert "移交人签字" in note and "只显示这一次" in note and "钥匙" in note
    assert [(a.role, a.office.code) for a in held(new)] == [("county", JINGXIAN)] and held(wang) == [] and not User.objects.get(pk=wang.pk).is_active
    assert Delegation.objects.get().ended_at is not None and out.get("/").status_code == 302
    again = qian.get(f"/handovers/{made.pk}/").content.decode()
    assert "钥匙" in again and "只显示这一次" not in again
    event = Event.objects.get(verb="account.handover")
    assert event.data["to"] == "xinlianluo" and len({e.transaction for e in Event.objects.filter(seq__gte=event.seq - 3)}) == 1
    assert "交给 新联络，1 项职责" in tell(event).sentence


def test_a_reporter_hands_over_the_returns_that_wait(city: dict[str, Any]) -> None:
    file_all(city, 2022)
    Return.objects.filter(institution=city["institutions"][SCHOOL_ONE], period="2022-03").update(state="returned")
    listed = handovers.listing(city["people"]["wangxiuying"])
    assert listed["rights"][0]["where"] == SCHOOL_ONE and [(w["what"]["zh"], w["n"]) for w in listed["work"]] == [("报表：退回", 1)]
    made = handovers.hand_over(city["people"]["qianan"], city["people"]["wangxiuying"], city["people"]["lihui"])
    assert {a.institution_key for a in held(city["people"]["lihui"])} >= {SCHOOL_ONE} and made.listing == listed


def test_a_hand_over_that_cannot_be_is_refused_whole(city: dict[str, Any], sign_in: Any) -> None:
    qian, wang = city["people"]["qianan"], city["people"]["wangli"]
    for leaver, successor, code in (("wangli", "wangli", "handover.successor"), ("luren", "wangli", "handover.nothing"), ("wangli", "zhaoxi", "account.apart"),
                                    ("wangli", "suncha", "")):
        before = Event.objects.count()
        if not code:
            handovers.hand_over(qian, city["people"][leaver], city["people"][successor])  # an auditor may hold business too
            continue
        with pytest.raises(Refused) as told:
            handovers.hand_over(qian, city["people"][leaver], city["people"][successor])
        assert told.value.problems[0].code == code and Event.objects.count() == before and held(wang) and not Handover.objects.exists()
    for person in ("zhoumin", "zhaoxi", "suncha"):
        assert sign_in(person).get(f"/accounts/{city['people']['heping'].pk}/handover/").status_code == 403
