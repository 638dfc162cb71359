"""The workspace as its reader meets it: queue, filters, decisions with undo, a refused form that keeps what was typed, workbooks, events in words."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jieneng.core.words import speaking
from jieneng.desk.telling import VERBS, tell
from jieneng.people.access import RIGHTS
from jieneng.records.models import Event, Job
from jieneng.registry.models import Standing
from jieneng.returns.actions import open_round
from jieneng.returns.queries import book
from jieneng.review.models import ReviewFinding
from jieneng.sitting import deciding, meeting, sampling
from jieneng.sitting.models import Decision
from tests.people_by_name import HOSPITAL, SCHOOL_ONE
from tests.sitting.make import add, make_run

pytestmark = pytest.mark.django_db


def url(reviewed: dict[str, Any], more: str = "") -> str:
    return f"/review/{reviewed['round'].pk}/{more}"


def test_the_queue_begins_with_the_worst_and_says_where_to_stop(reviewed: dict[str, Any], sign_in: Any) -> None:
    page = sign_in("zhoumin").get(url(reviewed)).content.decode()
    names = [page.index(n) for n in ("示例第一小学", "示例市医院", "示例第二小学", "绩溪示例中学")]
    assert names == sorted(names) and "可不逐项核实（合计影响 ≤ 0.5%）" in page and "以下 1 项" in page
    assert "电 500 千瓦时像少写一位" in page and "去年同月 4,900" in page and "请核对账单" in page and "5,000" in page  # found, why, what to do, suggested
    assert sign_in("zhoumin").get("/review/").headers["Location"] == url(reviewed)


@pytest.mark.parametrize(("query", "shown"), [
    ("?area=341823", {"示例第一小学", "示例第二小学"}), ("?q=dysx", set()), ("?q=dyxx", {"示例第一小学"}), ("?q=市医院", {"示例市医院"}), ("?show=rest", {"绩溪示例中学"}),
    ("?show=done", {"示例市医院"}), ("?verdict=right", {"示例市医院"}), ("?verdict=explained", set()), ("?layer=2&show=open&area=341800SZ", set()), ("?department=教育局", {"示例第一小学", "示例第二小学"})])
def test_filters_stand_in_the_address_and_go_into_the_workbook(reviewed: dict[str, Any], sign_in: Any, query: str, shown: set[str]) -> None:
    deciding.found_right(reviewed["people"]["zhoumin"], reviewed["findings"][1], "账单一致")
    sheet = openpyxl.load_workbook(io.BytesIO(sign_in("zhoumin").get(f"/review/{reviewed['round'].pk}.xlsx{query}").content)).active
    assert {row[3] for row in sheet.iter_rows(min_row=4, values_only=True)} == shown
    page = sign_in("zhoumin").get(url(reviewed, query))
    assert page.status_code == 200 and (bool(shown) or "没有符合条件的疑点" in page.content.decode())


def test_a_decision_leads_to_the_next_and_is_undone_from_the_bar(reviewed: dict[str, Any], sign_in: Any) -> None:
    zhou, (first, second, *_) = sign_in("zhoumin"), reviewed["findings"]
    response = zhou.post(f"/review/finding/{first.pk}/right/", {"reason": "12 张电费账单一致"})
    made = Decision.objects.get()
    assert response.headers["Location"] == url(reviewed, f"?f={second.pk}&done={made.pk}")
    page = zhou.get(response.headers["Location"]).content.decode()
    assert 'data-key="u"' in page and f"/review/decision/{made.pk}/undo/" in page
    zhou.post(f"/review/decision/{made.pk}/undo/")
    made.refresh_from_db()
    assert made.undone_by == reviewed["people"]["zhoumin"]


def test_several_findings_are_decided_together_each_for_itself_and_errors_one_by_one(reviewed: dict[str, Any], sign_in: Any) -> None:
    zhou, here, (first, second, third, last) = sign_in("zhoumin"), f"/review/{reviewed['round'].pk}/many/", reviewed["findings"]
    ReviewFinding.objects.filter(pk=second.pk).update(severity="must")
    page = zhou.get(url(reviewed)).content.decode()
    assert "成批办理（本页 3 项）" in page and f'name="finding" value="{second.pk}"' not in page
    refused = zhou.post(here + "right/", {"finding": [first.pk, third.pk], "reason": ""})
    assert refused.status_code == 422 and not Decision.objects.exists()
    done = zhou.post(here + "right/?show=open", {"all": "1", "here": [first.pk, second.pk, third.pk], "reason": "与全年账单合计一致"}, follow=True)
    assert "2 项；1 项“错误”没办" in done.content.decode()
    assert {(d.finding_id, d.verdict) for d in Decision.objects.all()} == {(first.pk, "right"), (third.pk, "right")}
    response = zhou.post(here + "explain/", {"finding": [first.pk, last.pk], "reason": "新建实训楼", "until": "2023-12-31"}, follow=True)
    assert "接受说明 1 项；1 项没办" in response.content.decode() and Decision.objects.get(finding=last).explanation is not None
    assert sign_in("wangli").post(here + "right/", {"finding": last.pk, "reason": "x"}).status_code == 404, "not of his county"
    assert zhou.post(here + "right/", {"finding": second.pk, "reason": "x"}).status_code == 422 and not Decision.objects.filter(finding=second).exists()


def test_a_finding_shows_amounts_in_its_own_unit_and_only_the_totals_it_moves(reviewed: dict[str, Any], sign_in: Any) -> None:
    zhou, run = sign_in("zhoumin"), reviewed["run"]
    level = add(run, reviewed, SCHOOL_ONE, 5, item="water_m3", found=45.4, suggested=None, kind="level", rule="H14")
    type(level).objects.filter(pk=level.pk).update(low=None, high=None, expected=12.6)
    quota = add(run, reviewed, SCHOOL_ONE, 6, item="electricity_per_area", found=52.9, suggested=None, kind="above-quota", rule="H15")
    type(quota).objects.filter(pk=quota.pk).update(low=None, high=44.0)
    area = add(run, reviewed, SCHOOL_ONE, 7, item="area_m2", found=38200.0, suggested=3820.0, kind="change", rule="H13")
    page = {f.pk: zhou.get(url(reviewed, f"?f={f.pk}")).content.decode() for f in (level, quota, area, reviewed["findings"][0])}
    assert "同类中位数" in page[level.pk] and "m³/人" in page[level.pk] and "— – —" not in page[level.pk]
    assert "单位建筑面积电耗" in page[quota.pk] and ">≤ 44" in page[quota.pk] and "electricity_per_area" not in page[quota.pk].replace("?name=electricity_per_area", "")
    assert "更正以后" not in page[area.pk], "floor area moves no total"
    assert "更正以后" in page[reviewed["findings"][0].pk] and "tce" in page[reviewed["findings"][0].pk]


def test_an_old_tab_finds_the_same_finding_in_the_new_review_or_is_told(reviewed: dict[str, Any], sign_in: Any) -> None:
    zhou, (first, second, *_) = sign_in("zhoumin"), reviewed["findings"]
    made = deciding.found_right(reviewed["people"]["zhoumin"], first, "账单一致")
    again = make_run(reviewed)
    same = add(again, reviewed, SCHOOL_ONE, 1)
    page = zhou.get(url(reviewed, f"?f={first.pk}"))
    assert page.status_code == 200 and page.context["finding"].pk == same.pk and "账单一致" in page.content.decode()
    gone = zhou.get(url(reviewed, f"?f={second.pk}"))
    assert gone.status_code == 200 and "重新审核后，原来那条疑点已经没有了" in gone.content.decode()
    assert zhou.post(f"/review/decision/{made.pk}/undo/", follow=True).status_code == 200
    assert zhou.post(f"/review/{again.round_id}/many/right/", {"finding": [first.pk, second.pk], "reason": "与账单一致"}).status_code == 302
    assert {d.finding_id for d in Decision.objects.filter(undone_at=None)} == {first.pk, second.pk}, "what was ticked on the older page"
    assert zhou.get(url(reviewed, "?f=999999")).status_code == 404 and sign_in("heping").get(url(reviewed, f"?f={first.pk}")).status_code == 404


def test_a_refused_form_comes_back_with_what_was_typed(reviewed: dict[str, Any], sign_in: Any) -> None:
    zhou, first = sign_in("zhoumin"), reviewed["findings"][0]
    here = url(reviewed, f"?f={first.pk}")
    response = zhou.post(f"/review/finding/{first.pk}/on-word/", {"word": "王秀英，统计员", "reason": "电费单"}, headers={"referer": f"http://testserver{here}"})
    page = zhou.get(response.headers["Location"]).content.decode()
    assert "没有附凭证" in page and 'value="王秀英，统计员"' in page and not Decision.objects.exists()


def test_zhoumin_changes_on_the_units_word_from_the_page_and_the_county_cannot_reach_another(reviewed: dict[str, Any], sign_in: Any) -> None:
    first, hospital = reviewed["findings"][:2]
    form = {"value:2022-03:electricity_kwh": "5,000", "word": "王秀英，统计员", "confirmed_on": "2023-03-10", "reason": "电费单", "voucher": SimpleUploadedFile("更正说明.pdf", b"%PDF-1.4 x")}
    assert sign_in("heping").post(f"/review/finding/{first.pk}/on-word/", form).status_code == 404
    assert sign_in("wangli").get(url(reviewed, f"?f={hospital.pk}")).status_code == 404
    response = sign_in("zhoumin").post(f"/review/finding/{first.pk}/on-word/", {**form, "voucher": SimpleUploadedFile("更正说明.pdf", b"%PDF-1.4 x")})
    assert response.status_code == 302 and Decision.objects.get().verdict == "on_word"
    assert "单位已更正" in sign_in("zhoumin").get(url(reviewed, f"?f={first.pk}")).content.decode()


def test_a_sensitive_unit_is_in_the_queue_of_its_reviewers_only(reviewed: dict[str, Any], sign_in: Any) -> None:
    Standing.objects.filter(institution=reviewed["institutions"][HOSPITAL]).update(sensitive=True)
    assert "示例市医院" in sign_in("zhoumin").get(url(reviewed)).content.decode()
    assert "示例市医院" not in sign_in("suncha").get(url(reviewed)).content.decode()
    assert sign_in("suncha").get(url(reviewed, f"?f={reviewed['findings'][1].pk}")).status_code == 404


def test_without_a_review_the_page_says_what_to_do_and_starts_one(city: dict[str, Any], sign_in: Any) -> None:
    round_ = open_round(city["people"]["zhoumin"], book(), form="consumption", year=2022, office=city["offices"]["341800"], rhythm="year")
    page = sign_in("zhoumin").get(f"/review/{round_.pk}/").content.decode()
    assert "还没有会审" in page and "开始会审" in page
    assert "开始会审" not in sign_in("wangli").get(f"/review/{round_.pk}/").content.decode()
    assert sign_in("zhoumin").post(f"/review/{round_.pk}/run/").status_code == 302 and Job.objects.get().kind == "review"
    assert sign_in("wangli").post(f"/review/{round_.pk}/run/").status_code == 404


def test_the_projector_puts_one_question_and_goes_on_to_the_next(reviewed: dict[str, Any], sign_in: Any) -> None:
    zhou = reviewed["people"]["zhoumin"]
    sitting = meeting.call(zhou, reviewed["round"], reviewed["offices"]["341800"], place="会议室", day=reviewed["run"].at.date())
    meeting.put_questions(zhou, sitting, reviewed["findings"])
    client = sign_in("zhoumin")
    page = client.get(f"/sittings/{sitting.pk}/screen/").content.decode()
    assert "第 1 题" in page and "示例第一小学" in page and 'data-key="r"' in page
    response = client.post(f"/review/finding/{reviewed['findings'][0].pk}/right/", {"reason": "账单一致", "sitting": sitting.pk})
    page = client.get(response.headers["Location"]).content.decode()
    assert "第 2 题" in page and "示例市医院" in page
    assert 'data-key="r"' not in sign_in("suncha").get(f"/sittings/{sitting.pk}/screen/").content.decode()  # the auditor only looks


def test_every_event_of_the_room_is_told_in_both_languages(reviewed: dict[str, Any]) -> None:
    zhou, (first, second, third, fourth) = reviewed["people"]["zhoumin"], reviewed["findings"]
    deciding.undo(zhou, deciding.send_back(zhou, book(), first, "账单不符"))
    deciding.accept_explanation(zhou, second, "新病房楼", until=None, lasting=True)
    sitting = meeting.call(zhou, reviewed["round"], reviewed["offices"]["341800"], place="会议室", day=reviewed["run"].at.date())
    meeting.set_groups(zhou, sitting, [(["341824"], ["341823"])])
    meeting.put_questions(zhou, sitting, [first, third, fourth])
    meeting.opine(zhou, sitting.questions.get(number=1), "账单 5,000", "sent_back")
    sampling.draw(zhou, reviewed["offices"]["341800"], 2022, seed="9")
    for event in Event.objects.filter(verb__regex="^(decision|sitting|sample)"):
        assert event.verb in VERBS, event.verb
        for lang in ("zh", "en"):
            with speaking(lang):
                sentence = tell(event).sentence
                assert "周敏" in sentence and len(sentence) > 8 and "None" not in sentence, sentence
    with speaking("zh"):
        told = tell(Event.objects.get(verb="decision.sent_back"))
        assert "示例第一小学" in told.sentence and "5000" in told.sentence and "账单不符" in told.sentence
        assert "种子 9" in tell(Event.objects.get(verb="sample.draw")).sentence


def test_every_page_of_the_room_asks_for_a_right() -> None:
    mine = {k: v for k, v in RIGHTS.items() if k.startswith("jieneng.sitting.")}
    assert len(mine) == 27 and all(mine.values())
    assert {v for k, v in mine.items() if "integrity" in k} == {("integrity",)}


def test_the_first_page_says_what_waits_in_the_review_and_for_whom(reviewed: dict[str, Any], sign_in: Any) -> None:
    for who, n, tce in (("zhoumin", 3, "22.9"), ("wangli", 2, "16.7")):
        page = sign_in(who).get("/").content.decode()
        at = page.index("会审疑点要逐项核实")
        assert f"余下影响 {tce} 吨标准煤" in page and f"/review/{reviewed['round'].pk}/?show=line" in page and f"{n}" in page[at - 300:at], who
    for finding in reviewed["findings"]:
        deciding.found_right(reviewed["people"]["zhoumin"], finding, "账单一致")
    assert "会审疑点要逐项核实" not in sign_in("wangli").get("/").content.decode()
    assert "会审疑点要逐项核实" not in sign_in("wangxiuying").get("/").content.decode()


def test_the_fields_to_change_stand_beside_the_finding(reviewed: dict[str, Any], sign_in: Any) -> None:
    finding = reviewed["findings"][0]
    finding.located = [["2022-03", "petrol_l", "661.81"]]
    finding.save()
    page = sign_in("zhoumin").get(url(reviewed, f"?f={finding.pk}")).content.decode()
    assert "最少改下面几格" in page and "<b>662</b>" in page.replace("661.8</b>", "662</b>")
