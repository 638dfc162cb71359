"""Rounds as offices run them: modes and days by office, extensions, words by level, totals handed up, reminders sent once, two snapshots compared."""

from __future__ import annotations

import datetime as dt
import http.server
import io
import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from jieneng.core.problem import Refused
from jieneng.core.words import T, speaking
from jieneng.desk.ops import replay
from jieneng.desk.telling import tell
from jieneng.records.jobs import run_one
from jieneng.records.models import Event, Notification, Outgoing
from jieneng.records.notify import deliver, put_out, set_mailbox
from jieneng.registry.models import Contact, Standing
from jieneng.returns import actions, waivers
from jieneng.returns.chain import actions as chain
from jieneng.returns.chain import blockers as hook
from jieneng.returns.chain import queries as levels
from jieneng.returns.chase import actions as chase
from jieneng.returns.chase import queries as counting
from jieneng.returns.chase import wording
from jieneng.returns.difference import difference
from jieneng.returns.freeze import freeze
from jieneng.returns.models import Extension, Reminder, Return, Round, Submission
from jieneng.returns.plan import actions as plan
from jieneng.returns.plan.calendar import default_steps
from jieneng.returns.plan.queries import plan_of
from jieneng.returns.queries import book, shown_snapshot
from jieneng.rulebook import form_for
from tests.figures.make import file_all
from tests.people_by_name import CITY_LINE, HOSPITAL, JINGXIAN, JIXI, JIXI_SCHOOL, SCHOOL_ONE, SCHOOL_TWO

pytestmark = pytest.mark.django_db


def opened(city: dict[str, Any], year: int = 2022, rhythm: str = "month") -> Round:
    return actions.open_round(city["people"]["zhoumin"], book(), form="consumption", year=year, office=city["offices"]["341800"], rhythm=rhythm)


def of(city: dict[str, Any], *keys: str) -> Any:
    return Return.objects.filter(institution__in=[city["institutions"][k] for k in keys])


def units(city: dict[str, Any], who: str, round_: Round) -> dict[str, counting.Unit]:
    from jieneng.people.scope import scope

    return {u.key: u for u in counting.units(scope(city["people"][who], "see"), round_)}


# ---- plan ----

def test_a_round_comes_with_its_calendar_and_a_day(city: dict[str, Any]) -> None:
    round_ = opened(city)
    assert round_.deadline == dt.date(2023, 2, 28) and round_.steps.count() == len(default_steps(2022)) == 6
    assert next(s.until for s in default_steps(2023) if s.code == "units") == dt.date(2024, 2, 29)  # a leap year


def test_mode_and_day_are_taken_from_the_nearest_office(city: dict[str, Any]) -> None:
    round_, zhou, wang = opened(city), city["people"]["zhoumin"], city["people"]["wangli"]
    offices = city["offices"]
    plan.set_office(zhou, round_, offices[CITY_LINE], mode="C", deadline=dt.date(2023, 2, 20))
    plan.set_office(wang, round_, offices["341823-jyj"], mode="B", deadline=None)
    made = plan_of(round_)
    assert [made.mode(offices[o].path) for o in ("341800", JINGXIAN, "341823-jyj", CITY_LINE)] == ["A", "A", "B", "C"]
    assert made.deadline(offices[CITY_LINE].path) == dt.date(2023, 2, 20) and made.deadline(offices["341823-jyj"].path) == dt.date(2023, 2, 28)
    assert made.files_here(offices[CITY_LINE].path) and not made.files_here(offices[JINGXIAN].path)
    plan.set_office(zhou, round_, offices[CITY_LINE], mode="", deadline=None)
    assert plan_of(round_).mode(offices[CITY_LINE].path) == "A" and round_.offices.count() == 1


@pytest.mark.parametrize("who", ["heping", "chengang", "wangxiuying", "suncha", "luren"])
def test_only_who_signs_there_changes_the_plan(city: dict[str, Any], who: str) -> None:
    round_ = opened(city)
    with pytest.raises(Refused, match="不能办理"):
        plan.set_office(city["people"][who], round_, city["offices"][JINGXIAN], mode="C", deadline=None)
    assert not round_.offices.exists()


def test_one_unit_may_file_later_and_the_newest_word_counts(city: dict[str, Any]) -> None:
    round_, zhou, school = opened(city), city["people"]["zhoumin"], city["institutions"][SCHOOL_ONE]
    for until, reason, said in ((dt.date(2023, 3, 5), "", "原因"), (dt.date(2023, 2, 1), "搬迁", "不晚于")):
        with pytest.raises(Refused, match=said):
            plan.extend(zhou, round_, school, until, reason)
    plan.extend(zhou, round_, school, dt.date(2023, 3, 5), "校舍搬迁")
    made, line = plan_of(round_), city["offices"]["341823-jyj"].path
    assert made.deadline(line, school.pk) == dt.date(2023, 3, 5) and made.deadline(line) == dt.date(2023, 2, 28)
    assert made.overdue(line, school.pk, dt.date(2023, 3, 6)) and not made.overdue(line, school.pk, dt.date(2023, 3, 1))
    plan.extend(zhou, round_, school, None, "账单提前到了")
    assert plan_of(round_).deadline(line, school.pk) == dt.date(2023, 2, 28) and Extension.objects.count() == 2
    with pytest.raises(Refused):
        plan.extend(city["people"]["wangli"], round_, school, dt.date(2023, 3, 9), "县里同意")  # the city decides


def test_exempt_and_back_again(city: dict[str, Any]) -> None:
    round_, wang = opened(city), city["people"]["wangli"]
    assert actions.act(wang, "exempt", of(city, SCHOOL_ONE), reason="停办") == 12
    assert SCHOOL_ONE not in units(city, "zhoumin", round_) and len(units(city, "zhoumin", round_)) == 3
    assert actions.act(wang, "include", of(city, SCHOOL_ONE), reason="恢复办学") == 12
    assert units(city, "zhoumin", round_)[SCHOOL_ONE].state == "expected"


# ---- words by level ----

def test_each_level_says_its_own_word_and_no_other(city: dict[str, Any]) -> None:
    file_all(city, 2022, accept=False)
    people, mine = city["people"], of(city, SCHOOL_ONE, SCHOOL_TWO)
    for who, word in (("chengang", "pass_county"), ("chengang", "accept"), ("wangli", "accept"), ("wangxiuying", "pass_department")):
        with pytest.raises(Refused, match="不能办理"):
            actions.act(people[who], word, mine)
    assert chain.batch(people["chengang"], "pass_department", mine).done == 24
    assert set(mine.values_list("state", flat=True)) == {"dept_ok"}
    actions.act(people["chengang"], "take_back", mine)
    assert set(mine.values_list("state", flat=True)) == {"filed"}
    assert chain.batch(people["wangli"], "pass_county", mine).done == 24
    with pytest.raises(Refused, match="不能办理"):
        actions.act(people["chengang"], "send_back", mine, reason="再看看")  # the county has spoken
    assert actions.act(people["zhoumin"], "accept", mine) == 24
    with pytest.raises(Refused, match="不能办理"):
        actions.act(people["wangli"], "reopen", mine, reason="改一处")
    assert replay.tell().faults == [] and replay.returns(replay.tell())[1] == []


def test_no_level_passes_over_an_error(city: dict[str, Any]) -> None:
    file_all(city, 2022, accept=False, change=lambda key, month, a: {**a, "petrol_l": Decimal(620), "petrol_vehicle_l": Decimal(480), "petrol_other_l": Decimal(120)}
             if key == SCHOOL_ONE and month == 3 else a)
    wang = city["people"]["wangli"]
    done = chain.batch(wang, "pass_county", of(city, SCHOOL_ONE))
    assert (done.done, done.errors) == (11, 1)
    with pytest.raises(Refused, match="错误"):
        actions.act(wang, "pass_county", of(city, SCHOOL_ONE).filter(state="filed"))


def test_an_import_accepted_by_a_county_is_the_countys_word(city: dict[str, Any]) -> None:
    from jieneng.core.period import Period
    from jieneng.records.events import action
    from jieneng.records.models import ReceivedFile
    from jieneng.returns.intake import Draft, From
    from jieneng.returns.models import Import
    from tests.figures.make import answers

    wang, office = city["people"]["wangli"], city["offices"][JINGXIAN]
    opened(city)
    received = ReceivedFile.objects.create(sha256="c" * 64, size=1, name="泾县.xlsx", by=wang)
    with action():
        batch = Import.objects.create(file=received, layout="t", layout_hash="x", layout_text="", reads="answers", on_behalf=office, by=wang)
    bad = {"petrol_l": Decimal(620), "petrol_vehicle_l": Decimal(480), "petrol_other_l": Decimal(120)}
    drafts = [Draft(identifier=SCHOOL_ONE, scheme="uscc", period=Period.month(2022, m), at=From(file="泾县.xlsx", sheet="s", cell=f"A{m}", row=m),
                    answers={**answers(2022, 1, m), **(bad if m == 2 else {})}, sources={}) for m in (1, 2)]
    outcome = actions.import_answers(wang, book(), form="consumption", drafts=drafts, batch=batch, office=office, accept=True)
    states = dict(of(city, SCHOOL_ONE).filter(period__in=("2022-01", "2022-02")).values_list("period", "state"))
    assert states == {"2022-01": "county_ok", "2022-02": "filed"} and outcome.held == 1
    # what was let go for this unit holds nothing back
    rules = {f.rule for f in of(city, SCHOOL_ONE).get(period="2022-02").findings.filter(severity="must")}
    for rule in rules:
        waivers.grant(wang, city["institutions"][SCHOOL_ONE], form_for(book(), "consumption", 2022), rule, until=timezone.localdate(), reason="核对过")
    again = [replace(drafts[1], answers={**drafts[1].answers, "water_m3": Decimal(11)})]
    outcome = actions.import_answers(wang, book(), form="consumption", drafts=again, batch=batch, office=office, accept=True)
    assert rules and outcome.held == 0 and of(city, SCHOOL_ONE).get(period="2022-02").state == "county_ok"
    assert replay.returns(replay.tell())[1] == []


def test_pages_pass_in_batch_and_one_by_one(city: dict[str, Any], sign_in: Any) -> None:
    file_all(city, 2022, accept=False)
    round_ = Round.objects.get(year=2022)
    url = reverse("round-pass", args=[round_.pk])
    page = sign_in("chengang").get(url).content.decode()
    assert "部门审核通过" in page and "市级审核通过" not in page and "示例市医院" not in page
    pk = city["institutions"][SCHOOL_ONE].pk
    sign_in("chengang").post(url, {"verb": "pass_department", "state": "filed", "unit": [pk]})
    assert set(of(city, SCHOOL_ONE).values_list("state", flat=True)) == {"dept_ok"} and set(of(city, SCHOOL_TWO).values_list("state", flat=True)) == {"filed"}
    assert sign_in("chengang").post(url, {"verb": "accept", "state": "dept_ok", "all": "1"}).status_code == 404
    assert sign_in("wangli").post(url, {"verb": "pass_county", "state": "filed"}).status_code in (302, 422)  # nobody ticked: said in words
    assert not Event.objects.filter(verb="returns.pass_county").exists()
    foreign = city["institutions"][JIXI_SCHOOL].pk
    sign_in("wangli").post(url, {"verb": "pass_county", "state": "filed", "unit": [foreign]})
    assert set(of(city, JIXI_SCHOOL).values_list("state", flat=True)) == {"filed"}
    one = of(city, SCHOOL_TWO).get(period="2022-03")
    page = sign_in("wangli").get(reverse("return", args=[one.pk])).content.decode()
    assert "县级审核通过" in page and "市级审核通过" not in page
    sign_in("wangli").post(reverse("return-act", args=[one.pk, "pass_county"]))
    assert of(city, SCHOOL_TWO).get(period="2022-03").state == "county_ok"


# ---- totals ----

def test_totals_go_up_office_by_office_with_their_papers(city: dict[str, Any], sign_in: Any) -> None:
    file_all(city, 2021)
    file_all(city, 2022, accept=False)
    round_, wang, office = Round.objects.get(year=2022), city["people"]["wangli"], city["offices"][JINGXIAN]
    with pytest.raises(Refused, match="24 份报表没有审核"):
        chain.hand_up(wang, book(), round_, office)
    chain.batch(wang, "pass_county", of(city, SCHOOL_ONE, SCHOOL_TWO))
    with pytest.raises(Refused, match="不能办理"):
        chain.hand_up(city["people"]["heping"], book(), round_, office)
    url = reverse("round-totals", args=[round_.pk, office.pk])
    paper = io.BytesIO(b"%PDF-1.4 stamped")
    paper.name = "盖章.pdf"
    assert sign_in("wangli").post(url, {"do": "hand-up", "note": "第一次", "file-table": paper}).status_code == 302
    row = Submission.objects.get()
    # schools 1 and 2: Σ (1000 n + month) over twelve months
    assert row.totals["electricity_kwh"] == str(12 * 3000 + 2 * 78) and row.counts["returns"] == 24
    page = sign_in("zhoumin").get(url).content.decode()
    assert "盖章.pdf" in page and "36,156" in page and "已报送" in page
    assert Notification.objects.get(user=city["people"]["zhoumin"], key=f"submitted:{row.pk}").subject["zh"].startswith("泾县")
    with pytest.raises(Refused, match="没有变化"):
        chain.hand_up(wang, book(), round_, office)
    file_all(city, 2022, accept=False, change=lambda key, month, a: {**a, "electricity_kwh": Decimal(1100)} if (key, month) == (SCHOOL_ONE, 3) else a)
    assert "报送后又有更正" in sign_in("wangli").get(url).content.decode()
    chain.batch(wang, "pass_county", of(city, SCHOOL_ONE))
    assert chain.hand_up(wang, book(), round_, office).number == 2
    again = levels.standing_submission(round_, office)
    assert again is not None and again.number == 2
    chain.take_back(wang, again, "数字还要再核")
    with pytest.raises(Refused, match="撤回过"):
        chain.take_back(wang, again, "再撤")
    assert levels.standing_submission(round_, office).number == 1  # type: ignore[union-attr]
    assert not [f for f in replay.objects(replay.tell())[1] if f.startswith(("totals", "evidence", "reminders", "extensions"))]


def test_what_stands_in_the_way_of_signing(city: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    zhou, office = city["people"]["zhoumin"], city["offices"]["341800"]
    file_all(city, 2022)
    record, round_ = freeze(zhou, book(), 2022), Round.objects.get(year=2022)
    plan.set_strict(zhou, round_, True)
    with pytest.raises(Refused, match="泾县、绩溪县"):
        actions.sign_off(zhou, round_, office, record, {})
    plan.set_strict(zhou, round_, False)
    monkeypatch.setattr(hook, "BLOCKERS", [*hook.BLOCKERS, lambda r, o: [T("两边还有 3 项不一致", "3 differences are open")]])
    with pytest.raises(Refused, match="3 项不一致"):
        actions.sign_off(zhou, round_, office, record, {})
    monkeypatch.setattr(hook, "BLOCKERS", [])
    assert actions.sign_off(zhou, round_, office, record, {}).snapshot == record


# ---- versions ----

def test_two_snapshots_compared_say_what_moved_and_why(city: dict[str, Any], sign_in: Any) -> None:
    zhou = city["people"]["zhoumin"]
    file_all(city, 2022)
    first = freeze(zhou, book(), 2022)
    ret = of(city, JIXI_SCHOOL).filter(period="2022-03")
    actions.act(zhou, "reopen", ret, reason="省局：水表倒装")
    file_all(city, 2022, change=lambda key, month, a: {**a, "water_m3": Decimal(41)} if (key, month) == (JIXI_SCHOOL, 3) else a)
    second = freeze(zhou, book(), 2022, version="province")
    from jieneng.people.scope import scope

    found = difference(book(), first, second, scope(zhou, "see"))
    assert [(m.name, m.period, m.item, m.before, m.after, m.why) for m in found.lines] == [("绩溪示例中学", "2022-03", "water_m3", Decimal(40), Decimal(41), "省局：水表倒装")]
    assert found.by_item() == {"water_m3": Decimal(1)} and (found.returns, found.added, found.removed) == (1, 0, 0)
    assert difference(book(), first, second, scope(city["people"]["wangli"], "see")).lines == []
    data = sign_in("zhoumin").get(reverse("snapshot-against-xlsx", args=[second.pk, first.pk])).content
    cells = [c for r in openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True) for c in r]
    assert 40 in cells and 41 in cells and "省局：水表倒装" in cells
    round_ = Round.objects.get(year=2022)
    assert shown_snapshot(2022) == second
    plan.show(zhou, round_, "city")
    assert shown_snapshot(2022) == first and "市报送版" in sign_in("zhoumin").get("/figures/").content.decode()
    plan.show(zhou, round_, "nation")
    assert shown_snapshot(2022) == second  # there is none yet: the newest


# ---- completeness and reminders ----

def test_both_rates_and_a_return_sent_back_is_not_filed(city: dict[str, Any]) -> None:
    file_all(city, 2021)
    freeze(city["people"]["zhoumin"], book(), 2021)
    file_all(city, 2022, accept=False)
    round_, zhou = Round.objects.get(year=2022), city["people"]["zhoumin"]
    actions.act(zhou, "send_back", of(city, SCHOOL_ONE).filter(period="2022-03"), reason="水多写一位")
    actions.act(zhou, "accept", of(city, HOSPITAL).filter(round=round_))
    every = list(units(city, "zhoumin", round_).values())
    whole = counting.line("", "", every)
    assert (whole.total, whole.done, whole.passed, whole.rate, whole.pass_rate) == (4, 3, 1, 0.75, 0.25)
    weights = {u.key: u.weight for u in every}
    assert whole.weighed == 4 and whole.weight_rate == pytest.approx(1 - weights[SCHOOL_ONE] / sum(weights.values()))
    by = {x.code: (x.total, x.done) for x in counting.grouped(book(), every, "area")}
    assert by == {JINGXIAN: (2, 1), JIXI: (1, 1), CITY_LINE: (1, 1)}
    assert sum(n for _, n in [counting.daily(every)[-1]]) == 3


def test_reminders_go_to_areas_and_departments_and_straight_only_to_the_citys_own(city: dict[str, Any]) -> None:
    from jieneng.people.scope import scope

    round_, people = opened(city), city["people"]
    every = list(units(city, "zhoumin", round_).values())
    assert [t.key for t in counting.targets(every, scope(people["zhoumin"], "review"), round_)] == [f"office:{JINGXIAN}", f"office:{JIXI}", f"unit:{HOSPITAL}"]
    mine = list(units(city, "wangli", round_).values())
    assert [t.key for t in counting.targets(mine, scope(people["wangli"], "review"), round_)] == ["office:341823-jyj"]
    # units that no office below answers for are one list: a department's, and a county's without a department
    for who, key in (("chengang", "own:341823-jyj"), ("heping", f"own:{JIXI}")):
        (own,) = counting.targets(list(units(city, who, round_).values()), scope(people[who], "review"), round_)
        assert own.key == key and own.own and all(scope(people[who], "review").covers(u.line, u.key) for u in own.units), who


def test_a_county_reminds_its_own_units_each_of_itself_only(city: dict[str, Any], sign_in: Any) -> None:
    round_, wang = opened(city), city["people"]["wangli"]
    Standing.objects.filter(institution=city["institutions"][SCHOOL_TWO]).update(office=city["offices"][JINGXIAN], department="")
    Standing.objects.filter(institution=city["institutions"][SCHOOL_ONE]).update(office=city["offices"][JINGXIAN], department="")
    page = sign_in("wangli").get(reverse("chase", args=[round_.pk])).content.decode()
    assert "泾县直属单位（不归部门）" in page and "都报完了" not in page and "没有联络员" in page
    text = sign_in("wangli").get(reverse("chase-target", args=[round_.pk, f"own:{JINGXIAN}"])).content.decode()
    assert "示例第一小学" in text and "示例第二小学" in text
    assert chase.remind(wang, round_, day=dt.date(2023, 2, 24))["reminded"] == 1
    for who, other in (("wangxiuying", "第二小学"), ("lihui", "第一小学")):
        told = Notification.objects.get(user=city["people"][who])
        assert other not in str(told.subject) + str(told.body), "a unit hears of itself only"
    assert not Notification.objects.filter(user=wang).exists()
    event = Event.objects.filter(verb="remind.send").latest("seq")
    assert event.data["name"] == "泾县直属单位（不归部门）" and "泾县直属单位" in tell(event).sentence


def test_nobody_is_reminded_twice_on_a_day(city: dict[str, Any]) -> None:
    round_, zhou, wang = opened(city), city["people"]["zhoumin"], city["people"]["wangli"]
    day = dt.date(2023, 2, 24)
    assert chase.remind(zhou, round_, day=day)["reminded"] == 3
    again = chase.remind(zhou, round_, day=day)
    assert (again["reminded"], again["skipped"]) == (0, 3)
    assert chase.remind(zhou, round_, [f"office:{JINGXIAN}"], day=day + dt.timedelta(days=1))["reminded"] == 1
    assert Reminder.objects.count() == Event.objects.filter(verb="remind.send").count() == 4
    note = Notification.objects.filter(user=wang).latest("pk")
    assert note.subject["zh"] == "【节能】泾县：2022 年度年报还有 2 家未报完（名单附后），2 月 28 日截止。" and "示例第一小学" in note.body["zh"]
    assert not [n for n in Notification.objects.filter(user=city["people"]["heping"]) if "泾县" in n.subject["zh"]]
    with pytest.raises(Refused, match="没有要提醒的"):
        chase.remind(wang, round_, [f"office:{JIXI}"], day=day)
    assert mail.outbox == [] and not Outgoing.objects.exists()  # nothing leaves the machine unless configured
    event = tell(Event.objects.filter(verb="remind.send").first())
    assert "泾县" in event.sentence and "2 家" in event.sentence


def test_mail_goes_to_the_offices_mailbox_once_when_configured(city: dict[str, Any], settings: Any) -> None:
    settings.MAIL_URL, settings.EMAIL_BACKEND = "file", "django.core.mail.backends.locmem.EmailBackend"
    round_, zhou = opened(city), city["people"]["zhoumin"]
    with pytest.raises(Refused, match="邮箱"):
        set_mailbox(zhou, city["offices"][JINGXIAN], "不是邮箱")
    set_mailbox(zhou, city["offices"][JINGXIAN], "jx@example.gov.cn")
    for _ in range(2):
        chase.remind(zhou, round_)
    assert [(m.to, "示例第一小学" in m.body) for m in mail.outbox] == [(["jx@example.gov.cn"], True)]
    assert "jx@example" not in str(list(Event.objects.values_list("data", flat=True)))


def test_the_webhook_is_posted_to_where_the_configuration_says_and_nowhere_else(city: dict[str, Any], settings: Any) -> None:
    got: list[bytes] = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/hook" else 302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/hook")
            self.end_headers()

        def log_message(self, *args: Any) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.WEBHOOK_URL = f"http://127.0.0.1:{server.server_address[1]}/hook"
    chase.remind(city["people"]["zhoumin"], opened(city))
    assert len(got) == 2 and all("节能" in g.decode() for g in got)  # two areas; a unit is never named in a group
    settings.WEBHOOK_URL = f"http://127.0.0.1:{server.server_address[1]}/elsewhere"
    put_out("x", "webhook", "s", "b")
    assert deliver() == {"sent": 0, "failed": 1} and len(got) == 3 and deliver() == {"sent": 0, "failed": 0}
    server.shutdown()


def test_the_job_reminds_and_the_page_shows_who_was_reminded_when(city: dict[str, Any], sign_in: Any) -> None:
    round_, client = opened(city), sign_in("zhoumin")
    response = client.post(reverse("chase-send", args=[round_.pk]), {"some": "1", "target": [f"office:{JINGXIAN}", "office:none"]})
    assert response.status_code == 302 and "/jobs/" in response.url
    done = run_one()
    assert done is not None and done.state == "done" and done.result["reminded"] == 1
    page = client.get(reverse("chase", args=[round_.pk])).content.decode()
    assert "今天已提醒" in page and "周敏" in page and "发催报通知（2 个）" in page
    assert "1</span>" in sign_in("wangli").get("/").content.decode()  # unread, in the top bar
    inbox = sign_in("wangli").get("/messages/").content.decode()
    assert "泾县：2022 年度年报还有 2 家" in inbox
    note = Notification.objects.get(user=city["people"]["wangli"])
    assert sign_in("heping").post("/messages/read/", {"message": note.pk}).status_code == 404
    assert sign_in("wangli").post("/messages/read/", {"message": note.pk, "open": "1"}).url == reverse("chase", args=[round_.pk])
    assert Notification.objects.get(pk=note.pk).read_at is not None


def test_text_and_picture_to_paste(city: dict[str, Any], sign_in: Any) -> None:
    round_ = opened(city)
    client = sign_in("zhoumin")
    page = client.get(reverse("chase-target", args=[round_.pk, f"office:{JINGXIAN}"])).content.decode()
    assert "教育局：示例第一小学（未报）、示例第二小学（未报）" in page
    picture = client.get(reverse("chase-picture", args=[round_.pk, f"office:{JINGXIAN}", 1]))
    assert picture["Content-Type"].startswith("image/svg+xml") and "示例第二小学" in picture.content.decode() and "<script" not in picture.content.decode()
    assert client.get(reverse("chase-picture", args=[round_.pk, f"office:{JINGXIAN}", 2])).status_code == 404
    assert sign_in("wangli").get(reverse("chase-target", args=[round_.pk, f"office:{JIXI}"])).status_code == 404
    from jieneng.people.scope import scope

    target = counting.targets(list(units(city, "zhoumin", round_).values()), scope(city["people"]["zhoumin"], "review"), round_)[0]
    with speaking("en"):
        assert wording.text(round_, target, dt.date(2023, 3, 2)).startswith("[Energy] 泾县: 2 institutions have not filed all of 2022")


def test_phones_are_taken_by_reviewers_only_and_the_taking_is_recorded(city: dict[str, Any], sign_in: Any) -> None:
    round_ = opened(city)
    for key, name, phone in ((SCHOOL_ONE, "张示例", "0563-5021234"), (JIXI_SCHOOL, "方示例", "0563-8155678")):
        Contact.objects.create(institution=city["institutions"][key], role="联络员", name=name, phone=phone, office_name="总务处", since=dt.date(2020, 1, 1))
    url, listed = reverse("chase-phones", args=[round_.pk]), reverse("chase-xlsx", args=[round_.pk])
    def text(data: bytes) -> str:
        return str([c for r in openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True) for c in r])
    calls = text(sign_in("wangli").post(url).content)
    assert "0563-5021234" in calls and "张示例" in calls and "方示例" not in calls
    assert Event.objects.filter(verb="remind.phones", actor=city["people"]["wangli"]).count() == 1
    assert "张示例" not in text(sign_in("wangli").get(listed).content)
    page = sign_in("wangli").get(reverse("chase", args=[round_.pk])).content.decode()
    assert "0563-502**34" in page and "0563-5021234" not in page
    for who in ("suncha", "wangxiuying", "wusheng"):
        assert sign_in(who).post(url).status_code == 403
        assert "0563-502" not in sign_in(who).get(reverse("chase", args=[round_.pk])).content.decode()


def test_a_return_that_comes_back_is_told_to_office_and_reporter(city: dict[str, Any]) -> None:
    file_all(city, 2022, accept=False)
    actions.act(city["people"]["zhoumin"], "send_back", of(city, SCHOOL_ONE).filter(period="2022-03"), reason="水表多写一位")
    for who, told in (("chengang", 1), ("wangxiuying", 1), ("lihui", 0), ("heping", 0)):
        assert Notification.objects.filter(user=city["people"][who]).count() == told, who
    assert Notification.objects.get(user=city["people"]["wangxiuying"]).body["zh"] == "水表多写一位"


# ---- home ----

def test_home_says_by_role_what_to_do_and_by_when(city: dict[str, Any], sign_in: Any) -> None:
    file_all(city, 2022, accept=False)
    round_ = Round.objects.get(year=2022)
    for who, said in (("chengang", "待部门审核"), ("wangli", "待县级审核"), ("zhoumin", "待市级审核")):
        page = sign_in(who).get("/").content.decode()
        assert said in page and "全年节奏" in page and ("已逾期" in page or "已截止" in page), who
    assert "待市级审核" not in sign_in("suncha").get("/").content.decode()
    actions.act(city["people"]["zhoumin"], "send_back", of(city, SCHOOL_ONE).filter(period="2022-03"), reason="看看")
    page = sign_in("wangxiuying").get("/").content.decode()
    assert "退回，要核实" in page and "示例第二小学" not in page
    chain.batch(city["people"]["heping"], "pass_county", of(city, JIXI_SCHOOL))
    assert "合计可以报送了" in sign_in("heping").get("/").content.decode()
    assert reverse("round-totals", args=[round_.pk, city["offices"][JIXI].pk]) in sign_in("heping").get("/").content.decode()


def test_the_plan_page_changes_the_plan_and_says_what_is_wrong(city: dict[str, Any], sign_in: Any) -> None:
    round_, client = opened(city), sign_in("zhoumin")
    url = reverse("round-plan", args=[round_.pk])
    client.post(url, {"do": "office", "office": city["offices"][CITY_LINE].pk, "mode": "C", "deadline": "2023-02-20"})
    assert "单位在本系统填报" in client.get(url).content.decode()
    client.post(url, {"do": "step", "code": "county", "since": "2023-03-02", "until": "2023-03-12"})
    assert round_.steps.get(code="county").until == dt.date(2023, 3, 12) and round_.steps.get(code="county").name["en"] == "county review"
    client.post(url, {"do": "extend", "unit": "示例市医院", "until": "2023-03-08", "reason": "账单没到"})
    assert Extension.objects.get().institution == city["institutions"][HOSPITAL]
    before = Event.objects.count()
    for data, said in (({"do": "extend", "unit": "示例", "until": "2023-03-08", "reason": "x"}, "没有唯一的单位"), ({"do": "step", "code": "county", "since": "2023-03-09", "until": "2023-03-01"}, "早于起日"),
                       ({"do": "office", "office": city["offices"][JIXI].pk, "mode": "C", "deadline": "下周"}, "不是日期")):
        response = client.post(url, data, follow=True)
        assert said in response.content.decode(), data
    assert client.post(url, {"do": "fly"}).status_code == 404 and Event.objects.count() == before
    assert sign_in("wangli").post(url, {"do": "office", "office": city["offices"][JIXI].pk, "mode": "C"}).status_code == 404
