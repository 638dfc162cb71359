"""The API: scope like the pages, tokens, once only, no lost update, errors in four parts (faults.md A1, A2, R1–R3, P2, P4)."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jieneng.core.problem import Refused
from jieneng.desk import accounts, clients
from jieneng.desk.api import door
from jieneng.people.models import ApiAnswer, ApiClient, Appointment
from jieneng.records import events
from jieneng.records.models import Event, ReceivedFile
from jieneng.returns.actions import act
from jieneng.returns.models import Return, ReturnFinding, Revision
from tests.api.make import CLIENTS, Api, codes
from tests.people_by_name import HOSPITAL, JINGXIAN, JIXI, JIXI_SCHOOL, ROOT, SCHOOL_ONE, SCHOOL_TWO

pytestmark = pytest.mark.django_db
NAMES = {SCHOOL_ONE: "示例第一小学", SCHOOL_TWO: "示例第二小学", HOSPITAL: "示例市医院", JIXI_SCHOOL: "绩溪示例中学"}
SEES = {"city": set(NAMES), "city-reads": set(NAMES), "province": set(NAMES), "county": {SCHOOL_ONE, SCHOOL_TWO}, "department": {SCHOOL_ONE, SCHOOL_TWO},
        "neighbour": {JIXI_SCHOOL}, "reporter": {SCHOOL_ONE}}
READS = ("institutions", "rounds", "returns?size=200", "findings", "figures?name=energy_tce&period=2022", "figures?name=energy_tce&period=2022&by=area",
         "figures?name=electricity_kwh&period=2022&by=institution", "figures?name=energy_per_area&period=2022&by=department", "figures/recipe?name=energy_tce&period=2022")


def state() -> list[Any]:
    """What a refused write must leave as it was."""
    return [list(Return.objects.order_by("pk").values_list("pk", "state", "revision", "accepted")), Revision.objects.count(), ReturnFinding.objects.count(),
            Event.objects.count(), ApiAnswer.objects.count()]


# ---- scope: operation × client ----

def test_every_operation_is_walked(stage: dict[str, Any]) -> None:
    from jieneng.desk.api.pages import described

    walked = {"/api/v1/" + r.partition("?")[0] for r in READS} | {"/api/v1/institutions/{key}", "/api/v1/returns/{pk}", "/api/v1/returns/{pk}/{verb}", "/api/v1/answers",
                                                                      "/api/v1/drafts/{key}/{year}", "/api/v1/drafts/{key}/{year}/file"}
    assert set(described()["paths"]) == walked


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_reads_its_scope_and_not_a_foreign_word(stage: dict[str, Any], api: Any, name: str) -> None:
    mine, before = api(name), Event.objects.count()
    for path in READS:
        answer = mine.get(path)
        assert answer.status_code == 200, (path, answer.content)
        text = answer.content.decode()
        for key in set(NAMES) - SEES[name]:
            assert key not in text and NAMES[key] not in text, (path, key)
        if name in ("county", "department", "reporter"):
            assert "绩溪" not in text and JIXI not in text, path
    assert {i["key"] for i in mine.get("institutions").json()["items"]} == SEES[name]
    assert {r["institution"] for r in mine.get("returns", year=2023, size=200).json()["items"]} == SEES[name]
    for key in NAMES:
        assert mine.get(f"institutions/{key}").status_code == (200 if key in SEES[name] else 404)
        row = Return.objects.get(institution=stage["institutions"][key], period="2023-03")
        answer = mine.get(f"returns/{row.pk}")
        assert answer.status_code == (200 if key in SEES[name] else 404)
        if key not in SEES[name]:
            assert answer.content == mine.get("returns/999999").content, "not yours and never was are answered alike"
    assert Event.objects.count() == before


WRITERS = {"city": {"send_back", "accept", "pass_department", "pass_county"}, "county": {"send_back", "pass_department", "pass_county"},
           "department": {"send_back", "pass_department"}}


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_does_what_its_role_may_and_the_rest_changes_nothing(api: Any, ret: Return, name: str) -> None:
    for verb in ("send_back", "accept", "pass_department", "pass_county", "sign", "exempt"):
        before = state()
        answer = api(name).post(f"returns/{ret.pk}/{verb}", {"reason": "核对"}, key=f"walk-{name}-{verb}", match=f'"{ret.pk}-1-filed"')
        if verb in WRITERS.get(name, set()):
            assert answer.status_code == 200, answer.content
            Return.objects.filter(pk=ret.pk).update(state="filed", accepted=0)
        else:
            assert answer.status_code in (403, 404), (verb, answer.content)
            assert state() == before


def test_amounts_are_decimal_texts_and_lead_back(api: Any, stage: dict[str, Any], ret: Return) -> None:
    body = api("county").get(f"returns/{ret.pk}").json()
    assert body["answers"]["electricity_kwh"] == "1003" and body["units"]["electricity_kwh"] == "kWh" and body["edition"] and body["etag"] == f'"{ret.pk}-1-filed"'
    figure = api("city").get("figures", name="electricity_kwh", period="2022").json()["items"][0]
    assert Decimal(figure["value"]) == sum(1000 * n + m for n in range(1, 5) for m in range(1, 13)) and (figure["covered"], figure["members"]) == (4, 4)
    recipe = Api(stage["tokens"]["city"]).client.get(figure["recipe"], headers={"Authorization": f"Bearer {stage['tokens']['city']}"}).json()
    assert recipe["id"] == figure["id"] and recipe["proved"] is True and recipe["cells"] == 48


def test_search_pages_and_filters(api: Any) -> None:
    city = api("city")
    assert [i["name"] for i in city.get("institutions", q="sldyxx").json()["items"]] == ["示例第一小学"]
    pages = [city.get("institutions", page=n, size=3).json() for n in (1, 2, 3)]
    assert [len(p["items"]) for p in pages] == [3, 1, 0] and {p["total"] for p in pages} == {4}
    assert city.get("returns", year=2023, state="filed", size=1).json()["total"] == 48 and city.get("returns", period="2022-05").json()["total"] == 4
    assert city.get("institutions", type="health").json()["total"] == 1


@pytest.mark.parametrize("path, code", [
    ("institutions?size=1000000", "api.invalid"), ("institutions?page=0", "api.invalid"), ("institutions?aera=341823", "api.parameter"),
    ("institutions?q=a&q=b", "api.parameter"), ("returns?state=lost", "api.state"), ("returns?year=20x2", "api.invalid"), ("findings?severity=bad", "api.severity"),
    ("figures?name=nothing&period=2022", "api.figure"), ("figures?name=energy_tce&period=2022-13", "api.period"), ("figures?name=energy_tce&period=2022&by=line", "api.by"),
    ("figures?period=2022", "api.invalid"), ("institutions?q=%00", "api.text"), ("institutions?on=tomorrow", "api.invalid")])
def test_bad_parameters_are_told_in_four_parts(api: Any, path: str, code: str) -> None:
    answer = api("city").get(path)
    assert answer.status_code == 422 and codes(answer)[0] == code
    for p in answer.json()["problems"]:
        assert set(p) == {"code", "found", "expected", "do", "where"} and p["found"]["zh"] and p["found"]["en"]


# ---- tokens ----

@pytest.mark.parametrize("head", [{}, {"Authorization": "Bearer"}, {"Authorization": "Bearer jn_guess"}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer " + "x" * 5000}])
def test_without_a_good_token_nothing(stage: dict[str, Any], head: dict[str, str]) -> None:
    for path in ("institutions", "returns/1", "answers"):
        answer = Client().get("/api/v1/" + path, headers=head)
        assert answer.status_code in (401, 405), path
        if answer.status_code == 401:
            assert codes(answer) == ["api.token"] and answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_session_and_a_token_in_the_address_open_nothing(stage: dict[str, Any], sign_in_any: Any) -> None:
    client = sign_in_any("zhoumin")
    assert client.get("/register/").status_code == 200 and client.get("/api/v1/institutions").status_code == 401
    assert Client().get("/api/v1/institutions", {"token": stage["tokens"]["city"]}).status_code == 401


@pytest.fixture
def sign_in_any(stage: dict[str, Any]) -> Any:
    def as_person(username: str) -> Client:
        client = Client()
        client.force_login(stage["people"][username])
        return client
    return as_person


def test_revoked_expired_renewed_and_stopped_end_at_once(stage: dict[str, Any], api: Any) -> None:
    qian, county = stage["people"]["qianan"], ApiClient.objects.get(user__username="api-county")
    assert api("county").get("rounds").status_code == 200
    new = clients.renew(qian, county)
    assert api("county").get("rounds").status_code == 401 and Api(new).get("rounds").status_code == 200
    ApiClient.objects.filter(pk=county.pk).update(expires=timezone.now())
    assert Api(new).get("rounds").status_code == 401
    department = ApiClient.objects.get(user__username="api-department")
    clients.revoke(qian, department)
    assert api("department").get("rounds").status_code == 401
    with pytest.raises(Refused):
        clients.renew(qian, department)
    accounts.disable(qian, ApiClient.objects.get(user__username="api-neighbour").user)
    assert api("neighbour").get("rounds").status_code == 401
    ApiClient.objects.get(user__username="api-city").user.appointments.all().delete()
    assert api("city").get("rounds").status_code == 403
    verbs = list(Event.objects.filter(object_type="client").order_by("seq").values_list("verb", flat=True))
    assert verbs == ["client.create"] * len(CLIENTS) + ["client.renew", "client.revoke"] and events.faults()[1] == []


def test_a_token_is_shown_once_and_kept_as_a_hash(stage: dict[str, Any], sign_in_any: Any) -> None:
    security = sign_in_any("qianan")
    form = {"verb": "create", "name": "jyj", "label": "教育局平台", "role": "department", "office": stage["offices"]["341823-jyj"].pk, "days": "30"}
    page = security.post("/accounts/clients/", form).content.decode()
    token = re.search(r"jn_[\w-]{40,}", page)[0]  # type: ignore[index]
    assert Api(token).get("institutions").json()["total"] == 2
    later = security.get("/accounts/clients/").content.decode()
    assert token not in later and token[:9] in later and "教育局平台" in later and "10.5.0.1" in later
    assert token not in str(list(ApiClient.objects.values())) + str(list(Event.objects.values()))
    client = ApiClient.objects.get(user__username="api-jyj")
    assert not client.user.has_usable_password() and not client.writes and client.expires < timezone.now() + dt.timedelta(days=31)
    assert "教育局平台" not in security.get("/accounts/").content.decode() and "教育局平台" in security.get("/accounts/?state=api").content.decode()
    for bad in ({"role": "auditor"}, {"role": "security_admin"}, {"name": "A b"}, {"days": "9999"}, {"label": ""}):
        assert security.post("/accounts/clients/", {**form, "name": "other", **bad}).status_code == 422, bad


def test_a_county_s_security_administrator_makes_clients_of_the_county_only(stage: dict[str, Any]) -> None:
    user, _ = accounts.create_user(None, "xiananquan", "县安全")
    accounts.appoint(None, user, "security_admin", office=stage["offices"][JINGXIAN])
    with pytest.raises(Refused):
        clients.create(user, "abc", "x", "county", office=stage["offices"][ROOT])
    with pytest.raises(Refused):
        clients.revoke(user, ApiClient.objects.get(user__username="api-neighbour"))
    clients.create(user, "abc", "x", "county", office=stage["offices"][JINGXIAN])


def test_too_many_requests_are_told_when_to_come_back_and_others_are_unharmed(stage: dict[str, Any], api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.time, "monotonic", lambda: 1000.0)  # all in one moment, however slow the machine
    ApiClient.objects.filter(user__username="api-county").update(per_minute=5)
    statuses = [api("county").get("rounds").status_code for _ in range(8)]
    assert statuses == [200] * 5 + [429] * 3 and api("county").get("rounds").headers["Retry-After"] == "60" and api("city").get("rounds").status_code == 200
    guesses = [Api("jn_guess", address="10.6.6.6").get("rounds").status_code for _ in range(40)]
    assert guesses.count(401) == 30 and guesses[-1] == 429 and api("city").get("rounds").status_code == 200


# ---- once only, and no lost update ----

def test_the_same_key_is_done_once_and_answered_alike(api: Any, ret: Return) -> None:
    county, tag = api("county"), f'"{ret.pk}-1-filed"'
    first = county.post(f"returns/{ret.pk}/send_back", {"reason": "电量偏大"}, key="key-00001", match=tag)
    after = state()
    again = [county.post(f"returns/{ret.pk}/send_back", {"reason": "电量偏大"}, key="key-00001", match=tag) for _ in range(4)]
    assert first.status_code == 200 and {a.content for a in again} == {first.content} and {a.headers["ETag"] for a in again} == {first.headers["ETag"]}
    assert all(a.headers["Idempotent-Replayed"] == "true" for a in again) and state() == after
    assert Event.objects.filter(verb="returns.send_back").count() == 1 and Event.objects.latest("seq").data["reason"] == "电量偏大"
    other = county.post(f"returns/{ret.pk}/send_back", {"reason": "别的"}, key="key-00001", match=tag)
    assert other.status_code == 422 and codes(other) == ["api.key_reused"] and state() == after
    assert api("city").post(f"returns/{ret.pk}/accept", {}, key="key-00001", match=tag).status_code == 412, "keys belong to a client"


def test_a_refusal_keeps_no_key(api: Any, ret: Return) -> None:
    county, tag = api("county"), f'"{ret.pk}-1-filed"'
    before = state()
    assert codes(county.post(f"returns/{ret.pk}/send_back", {"reason": " "}, key="key-00002", match=tag)) == ["returns.reason"]
    assert codes(county.post(f"returns/{ret.pk}/reopen", {"reason": "x"}, key="key-00002", match=tag)) == ["returns.move"]
    assert state() == before
    assert county.post(f"returns/{ret.pk}/send_back", {"reason": "写明了"}, key="key-00002", match=tag).status_code == 200


def test_writes_need_a_key_a_version_and_the_right_to_write(api: Any, ret: Return) -> None:
    county, url, before = api("county"), f"returns/{ret.pk}/send_back", state()
    for answer, status, code in (
        (county.post(url, {"reason": "x"}, match='"1"'), 400, "api.key"), (county.post(url, {"reason": "x"}, key="short", match='"1"'), 400, "api.key"),
        (county.post(url, {"reason": "x"}, key="key-00003"), 428, "api.if_match"), (county.post(url, {"reason": "x"}, key="key-00003", match='"1-0-filed"'), 412, "api.stale"),
        (county.post(url, {"reason": "x"}, key="key-00003", match="*"), 412, "api.stale"),
        (api("city-reads").post(url, {"reason": "x"}, key="key-00003", match=f'"{ret.pk}-1-filed"'), 403, "api.read_only"),
        (county.post(url, {"reason": "x", "state": "signed"}, key="key-00003", match='"1"'), 422, "api.invalid")):
        assert (answer.status_code, codes(answer)) == (status, [code])
    assert state() == before


def test_the_second_to_change_is_told(api: Any, ret: Return) -> None:
    tag = api("county").get(f"returns/{ret.pk}").headers["ETag"]
    assert api("city").post(f"returns/{ret.pk}/pass_county", {}, key="key-00004", match=tag).status_code == 200
    late = api("county").post(f"returns/{ret.pk}/send_back", {"reason": "晚了"}, key="key-00005", match=tag)
    assert late.status_code == 412 and late.json()["problems"][0]["expected"]["zh"] == f'"{ret.pk}-1-county_ok"'
    fresh = api("county").get(f"returns/{ret.pk}", headers={"If-None-Match": tag})
    assert fresh.status_code == 200 and api("county").get(f"returns/{ret.pk}", headers={"If-None-Match": fresh.headers["ETag"]}).status_code == 304


# ---- answers ----

def entry(period: str = "2023-03", revision: int = 1, institution: str = SCHOOL_ONE, **answers: Any) -> dict[str, Any]:
    return {"institution": institution, "period": period, "revision": revision, "answers": answers or {"electricity_kwh": "4321.5"}}


def test_answers_become_a_revision_that_leads_back_to_the_body(api: Any, stage: dict[str, Any], ret: Return) -> None:
    answer = api("county").post("answers", {"office": JINGXIAN, "entries": [entry()]}, key="key-00010")
    assert answer.status_code == 200 and {k: answer.json()[k] for k in ("new", "changed", "same", "problems")} == {"new": 0, "changed": 1, "same": 0, "problems": []}
    ret.refresh_from_db()
    revision = ret.revisions.get(number=2)
    assert (ret.revision, ret.state, revision.answers["electricity_kwh"], revision.answers["water_m3"]) == (2, "filed", "4321.5", "10")
    assert revision.sources["electricity_kwh"][2] == "entries[0].answers.electricity_kwh" and revision.by.username == "api-county"
    received = ReceivedFile.objects.get(pk=revision.batch.file_id)
    from jieneng.records.files import path_of

    assert json.loads(path_of(received.sha256).read_text())["entries"][0]["answers"] == {"electricity_kwh": "4321.5"}
    again = api("county").post("answers", {"office": JINGXIAN, "entries": [entry(revision=2)]}, key="key-00011").json()
    assert again["same"] == 1 and events.faults()[1] == []


@pytest.mark.parametrize("bad, code, where", [
    (entry(institution="12341823MB9999999X"), "import.unknown", "entries[1].institution"), (entry(institution=JIXI_SCHOOL), "import.unknown", "entries[1].institution"), (entry(revision=0), "api.stale", "entries[1].revision"),
    (entry(period="2023-3x"), "api.period", "entries[1].period"), (entry(electricity_mwh="1"), "api.item", "entries[1].answers.electricity_mwh"),
    (entry(electricity_kwh="一万"), "api.amount", "entries[1].answers.electricity_kwh"), (entry(electricity_kwh="1e99"), "api.amount", None),
    (entry(electricity_kwh="NaN"), "api.amount", None), (entry(electricity_kwh="0.00001"), "api.amount", None), (entry("2023-04", 1), "api.twice", "entries[1]")])
def test_a_bad_entry_is_named_and_the_good_ones_go_in(api: Any, bad: dict[str, Any], code: str, where: str | None) -> None:
    good = entry("2023-04", electricity_kwh="777")
    answer = api("county").post("answers", {"office": JINGXIAN, "entries": [good, bad]}, key="key-00012")
    assert answer.status_code == 200 and answer.json()["changed"] == 1 and codes(answer) == [code], answer.content.decode()
    assert where is None or answer.json()["problems"][0]["where"]["field"] == where
    assert "绩溪" not in answer.content.decode()


def test_answers_for_an_office_that_is_not_yours_are_refused_like_one_that_is_not_there(api: Any) -> None:
    before = state()
    for name, office in (("county", JIXI), ("county", "nowhere"), ("county", ROOT), ("reporter", JINGXIAN), ("province", ROOT)):
        answer = api(name).post("answers", {"office": office, "entries": [entry()]}, key="key-00013")
        assert answer.status_code == 403 and codes(answer) == ["people.forbidden"], (name, office)
    assert state() == before


# ---- one's own year ----

OWN = f"drafts/{SCHOOL_ONE}/2023"


def sent_back(stage: dict[str, Any], period: str = "2023-03") -> Return:
    act(stage["people"]["wangli"], "send_back", Return.objects.filter(institution=stage["institutions"][SCHOOL_ONE], period=period), reason="再核")
    return Return.objects.get(institution=stage["institutions"][SCHOOL_ONE], period=period)


def test_a_reporters_client_saves_and_files_its_own_year(api: Any, stage: dict[str, Any]) -> None:
    ret, mine = sent_back(stage), api("reporter")
    read = mine.get(OWN).json()
    assert (read["open"], read["version"], read["states"]["2023-03"]) == (["2023-03"], 0, "returned") and read["fields"]["2023-03.water_m3"] == "10"
    saved = mine.post(OWN, {"seen": 0, "fields": {"2023-03.electricity_kwh": "一千"}}, key="own-00001")
    assert saved.status_code == 200 and saved.json()["version"] == 1 and "2023-03.electricity_kwh" in [p["where"]["field"] for p in saved.json()["problems"]]
    before = state()
    refused = mine.post(OWN + "/file", {"seen": 1, "periods": ["2023-03"]}, key="own-00002")
    assert refused.status_code == 422 and "2023-03.electricity_kwh" in [p["where"]["field"] for p in refused.json()["problems"]] and state() == before
    assert codes(mine.post(OWN, {"seen": 0, "fields": {"2023-03.electricity_kwh": "3"}}, key="own-00003")) == ["api.stale"] and state() == before
    ready = mine.post(OWN, {"seen": 1, "fields": {"2023-03.electricity_kwh": "1003"}}, key="own-00004").json()
    assert ready["problems"] == [], ready["problems"]
    done = mine.post(OWN + "/file", {"seen": 2, "periods": ["2023-03"]}, key="own-00005")
    again = mine.post(OWN + "/file", {"seen": 2, "periods": ["2023-03"]}, key="own-00005")
    assert done.status_code == 200 and done.json()["filed"] == 1 and again.content == done.content and again.headers["Idempotent-Replayed"] == "true"
    ret.refresh_from_db()
    assert (ret.state, ret.revision) == ("filed", 2) and ret.revisions.get(number=2).by.username == "api-reporter" and events.faults()[1] == []
    assert codes(mine.post(OWN, {"seen": 2, "fields": {"2023-03.electricity_kwh": "5"}}, key="own-00006")) == ["filling.closed"]


@pytest.mark.parametrize("name, path, body, status, code", [
    ("reporter", f"drafts/{SCHOOL_TWO}/2023", None, 404, "api.missing"), ("reporter", "drafts/nobody/2023", None, 404, "api.missing"), ("reporter", f"drafts/{SCHOOL_ONE}/1999", None, 404, "api.missing"),
    ("reporter", f"drafts/{SCHOOL_ONE}/2022", None, 422, "api.mode"), ("county", OWN, None, 403, "people.forbidden"),
    ("reporter", OWN, {"seen": 0, "fields": {"2023-03.electricity_mwh": "1"}}, 422, "api.field"), ("reporter", OWN, {"seen": 0, "fields": {}}, 422, "api.invalid"),
    ("reporter", OWN + "/file", {"seen": 0, "periods": ["2022-03"]}, 422, "api.period"), ("reporter", f"drafts/{SCHOOL_ONE}/2022", {"seen": 0, "fields": {"2022-03.water_m3": "1"}}, 422, "api.mode")])
def test_only_ones_own_and_only_where_it_is_filed_here(api: Any, stage: dict[str, Any], name: str, path: str, body: Any, status: int, code: str) -> None:
    sent_back(stage)
    before = state()
    answer = api(name).get(path) if body is None else api(name).post(path, body, key="own-00010")
    assert (answer.status_code, codes(answer)) == (status, [code]) and state() == before


def ended(name: str) -> None:
    """The client's account holds nothing any more; its token still stands."""
    rows = Appointment.objects.filter(user__username=f"api-{name}")
    assert rows.update(since=dt.date(2020, 1, 1), until=timezone.localdate() - dt.timedelta(days=1))


@pytest.mark.parametrize(("name", "path", "body", "match"), [
    ("reporter", OWN, {"seen": 0, "fields": {"2023-03.water_m3": "7"}}, ""), ("reporter", OWN + "/file", {"seen": 0, "periods": ["2023-03"]}, ""),
    ("county", "answers", {"office": JINGXIAN, "entries": [entry(institution=SCHOOL_ONE)]}, ""), ("county", "returns/{pk}/pass_county", {}, '"{pk}-1-filed"')])
def test_a_kept_answer_is_not_given_to_one_whose_right_has_ended(api: Any, stage: dict[str, Any], ret: Return, name: str, path: str, body: Any, match: str) -> None:
    if name == "reporter":
        sent_back(stage)
    url, tag = path.format(pk=ret.pk), match.format(pk=ret.pk)
    first = api(name).post(url, body, key="key-ended", match=tag)
    assert first.status_code == 200, first.content
    assert api(name).post(url, body, key="key-ended", match=tag).content == first.content
    ended(name)
    before = state()
    again = api(name).post(url, body, key="key-ended", match=tag)
    assert (again.status_code, codes(again)) == (403, ["people.forbidden"]) and "Idempotent-Replayed" not in again.headers and state() == before


def test_a_kept_answer_about_a_return_that_left_the_scope_is_not_there(api: Any, stage: dict[str, Any], ret: Return) -> None:
    tag = f'"{ret.pk}-1-filed"'
    assert api("county").post(f"returns/{ret.pk}/pass_county", {}, key="key-moved", match=tag).status_code == 200
    Appointment.objects.filter(user__username="api-county").update(office=stage["offices"][JIXI])
    assert api("county").post(f"returns/{ret.pk}/pass_county", {}, key="key-moved", match=tag).status_code == 404


def test_answers_are_not_taken_where_units_file_on_the_platform(api: Any, stage: dict[str, Any]) -> None:
    answer = api("neighbour").post("answers", {"office": JIXI, "entries": [entry(institution=JIXI_SCHOOL)]}, key="key-00016")
    assert answer.status_code == 200 and codes(answer) == ["api.mode"] and answer.json()["changed"] == 0


def test_answers_to_keys_are_forgotten_after_their_time_when_the_client_writes(api: Any, stage: dict[str, Any], ret: Return) -> None:
    old = timezone.now() - door.KEPT - dt.timedelta(hours=1)
    for name in ("county", "city"):
        row = ApiAnswer.objects.create(client=ApiClient.objects.get(user__username=f"api-{name}"), key=f"old-{name}-1", request="x")
        ApiAnswer.objects.filter(pk=row.pk).update(at=old)
    ApiAnswer.objects.create(client=ApiClient.objects.get(user__username="api-county"), key="new-00001", request="x")
    assert api("county").post(f"returns/{ret.pk}/send_back", {"reason": "电量偏大"}, key="key-00017", match=f'"{ret.pk}-1-filed"').status_code == 200
    assert set(ApiAnswer.objects.values_list("key", flat=True)) == {"old-city-1", "new-00001", "key-00017"}


def test_when_the_log_cannot_be_written_nothing_has_happened(api: Any, ret: Return, monkeypatch: pytest.MonkeyPatch) -> None:
    from jieneng.returns import actions

    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(actions, "record", full)
    before = state()
    for path, body in ((f"returns/{ret.pk}/send_back", {"reason": "x"}), ("answers", {"office": JINGXIAN, "entries": [entry()]})):
        answer = api("county").post(path, body, key="key-00014", match=f'"{ret.pk}-1-filed"')
        assert answer.status_code == 500 and codes(answer) == ["api.fault"] and "No space" not in answer.content.decode() and "Traceback" not in answer.content.decode()
    assert state() == before


def test_unknown_addresses_and_methods_are_told_so(api: Any) -> None:
    assert api("city").get("nothing").status_code == 404 and codes(api("city").get("nothing")) == ["api.missing"]
    assert api("city").post("institutions", {}, key="key-00015").status_code == 405


def test_the_documentation_works_without_any_outside_request(sign_in_any: Any) -> None:
    client = sign_in_any("luren")
    page = client.get("/api/").content.decode()
    assert "/api/v1/returns/{pk}/{verb}" in page and "Idempotency-Key" in page and "http://cdn" not in page and "https://" not in page
    described = json.loads(client.get("/api/openapi.json").content)
    assert described["openapi"].startswith("3.") and Client().get("/api/openapi.json").status_code == 302


HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "api.md"


def printed_requests() -> list[list[str]]:
    """The curl lines of the how-to, as words."""
    blocks = re.findall(r"^```sh\n(.*?)^```", HOW_TO.read_text(encoding="utf-8"), re.M | re.S)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_the_how_to_works_as_printed(api: Any, stage: dict[str, Any], ret: Return) -> None:
    """Each curl line is sent as it stands, with the options curl would read."""
    lines = printed_requests()
    assert len(lines) == 10 and all(w[0] == "curl" for w in lines)
    seen: list[str] = []
    for words in lines:
        known = {"$TOKEN": stage["tokens"]["county"], "$OWN": stage["tokens"]["reporter"], "$API": "/api/v1", "$RETURN": str(ret.pk), "$ETAG": f'"{ret.pk}-{Return.objects.get(pk=ret.pk).revision}-filed"'}
        for name, value in known.items():
            words = [w.replace(name, value) for w in words]
        head = dict(w.split(": ", 1) for before, w in itertools.pairwise(words) if before == "-H")
        body = next((w for before, w in itertools.pairwise(words) if before == "-d"), None)
        client = Client()
        if body is None:
            answer = client.get(words[-1], headers=head)
        else:
            json.loads(body)
            answer = client.post(words[-1], body, content_type=head.pop("Content-Type"), headers=head)
        assert answer.status_code == 200, (words[-1], answer.content.decode())
        seen.append(answer.content.decode())
    assert '"version": 1' in seen[8] and '"filed": 1' in seen[9]
    assert "示例第一小学" in seen[0] and '"total": 24' in seen[1] and '"changed": 1' in seen[5] and '"state": "returned"' in seen[7]
