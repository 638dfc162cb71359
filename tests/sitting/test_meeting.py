"""The sitting: nobody reviews his own, opinions come from the group, sheets and minutes close it."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import Any

import pytest
from docx import Document
from openpyxl import load_workbook

from jieneng.core.problem import Refused
from jieneng.returns.freeze import freeze
from jieneng.returns.queries import book
from jieneng.sitting import deciding, meeting, papers, rooms
from jieneng.sitting.models import Sitting
from tests.figures.make import file_all
from tests.people_by_name import JIXI_SCHOOL, SCHOOL_ONE

pytestmark = pytest.mark.django_db
GROUPS = ((("341823",), ("341824",)), (("341824", "341800SZ"), ("341823",)))


@pytest.fixture
def sitting(reviewed: dict[str, Any]) -> Sitting:
    """Two groups: 泾县 reviews 绩溪, 绩溪 and 市直 review 泾县; four questions."""
    zhou = reviewed["people"]["zhoumin"]
    made = meeting.call(zhou, reviewed["round"], reviewed["offices"]["341800"], place="三楼会议室", day=dt.date(2023, 3, 15), chair="周敏")
    meeting.set_groups(zhou, made, GROUPS)
    assert meeting.put_questions(zhou, made, reviewed["findings"]) == 4
    assert meeting.put_questions(zhou, made, reviewed["findings"]) == 0
    return made


def test_a_group_never_reviews_its_own_nor_two_groups_the_same(reviewed: dict[str, Any], sitting: Sitting) -> None:
    zhou = reviewed["people"]["zhoumin"]
    with pytest.raises(Refused) as refusal:
        meeting.set_groups(zhou, sitting, [(["341823"], ["341823"]), (["341824"], ["341823"])])
    assert {p.code for p in refusal.value.problems} == {"sitting.own", "sitting.twice"}
    assert [g.reviews for g in sitting.groups.all()] == [["341824"], ["341823"]]
    with pytest.raises(Refused):
        meeting.set_groups(reviewed["people"]["wangli"], sitting, GROUPS)


def test_heping_of_jixi_sees_the_questions_on_jingxian_he_reviews_and_his_own_and_no_others(reviewed: dict[str, Any], sitting: Sitting, sign_in: Any) -> None:
    seen = rooms.questions_of(reviewed["people"]["heping"], sitting)
    assert {(r.question.finding.institution.key, r.opines) for r in seen} == {(SCHOOL_ONE, True), ("12341823MB0000026X", True), (JIXI_SCHOOL, False)}
    page = sign_in("heping").get(f"/sittings/{sitting.pk}/").content.decode()
    assert "示例第一小学" in page and "示例市医院" not in page
    # the rest of the neighbour's returns stay closed
    assert sign_in("heping").get(f"/register/{reviewed['institutions'][SCHOOL_ONE].pk}/").status_code == 404
    assert sign_in("heping").get(f"/sittings/{sitting.pk}/screen/").status_code == 404


def test_the_group_advises_and_only_who_may_review_decides(reviewed: dict[str, Any], sitting: Sitting) -> None:
    he, first = reviewed["people"]["heping"], sitting.questions.get(number=1)
    meeting.opine(he, first, "经查 3 月电费单为 5,000 千瓦时", "sent_back")
    with pytest.raises(Refused):
        deciding.send_back(he, meeting_book(), first.finding, "退回")
    with pytest.raises(Refused):
        meeting.opine(reviewed["people"]["wangli"], first, "我县没有问题", "right")  # one's own
    with pytest.raises(Refused) as refusal:
        meeting.opine(he, first, "", "later")
    assert {p.code for p in refusal.value.problems} == {"sitting.opinion", "sitting.advice"}
    assert rooms.counters(rooms.questions_of(reviewed["people"]["zhoumin"], sitting)) == {
        "all": 4, "done": 0, "waiting": 4, "sent_back": 0, "right": 0, "explained": 0, "opinions": 1}


def meeting_book() -> Any:
    from jieneng.returns.queries import book

    return book()


def test_a_sheet_is_signed_once_all_its_questions_have_an_opinion_and_then_they_stay(reviewed: dict[str, Any], sitting: Sitting) -> None:
    zhou, he = reviewed["people"]["zhoumin"], reviewed["people"]["heping"]
    questions = [q for q in sitting.questions.all() if q.finding.area == "341823"]
    meeting.opine(he, questions[0], "账单不符", "sent_back")
    with pytest.raises(Refused) as refusal:
        meeting.sign_sheet(zhou, sitting, "341823", "何平、李某", dt.date(2023, 3, 15))
    assert refusal.value.problems[0].code == "sitting.waiting"
    meeting.opine(he, questions[1], "账单一致", "right")
    sheet = meeting.sign_sheet(zhou, sitting, "341823", "何平、李某", dt.date(2023, 3, 15))
    assert sheet.content == meeting.content_of(sitting, "341823")
    with pytest.raises(Refused) as refusal:
        meeting.opine(he, questions[1], "改主意", "sent_back")
    assert refusal.value.problems[0].code == "sitting.signed"


def test_minutes_close_the_sitting(reviewed: dict[str, Any], sitting: Sitting) -> None:
    zhou = reviewed["people"]["zhoumin"]
    with pytest.raises(Refused):
        meeting.write_minutes(zhou, sitting, " ", close=True)
    row = meeting.expect(zhou, sitting, "341823", "示例何雅", "机关事务中心")
    meeting.came(zhou, row)
    meeting.write_minutes(zhou, sitting, "议定：三日内核实。", close=True)
    with pytest.raises(Refused) as refusal:
        meeting.came(zhou, row)
    assert refusal.value.problems[0].code == "sitting.closed"


def test_there_are_no_minutes_before_anything_is_decided_and_a_part_says_that_it_is_one(reviewed: dict[str, Any], sitting: Sitting, sign_in: Any) -> None:
    url, heping = f"/sittings/{sitting.pk}/papers/minutes.docx", sign_in("heping")
    with pytest.raises(Refused) as refusal:
        papers.paper(sitting, "minutes", rooms.questions_of(reviewed["people"]["zhoumin"], sitting))
    assert refusal.value.problems[0].code == "minutes.nothing" and "还没有议定的问题" in sign_in("zhoumin").get(f"/sittings/{sitting.pk}/").content.decode()
    deciding.found_right(reviewed["people"]["zhoumin"], sitting.questions.get(number=1).finding, "账单一致")

    def said(client: Any) -> str:
        return "\n".join(p.text for p in Document(io.BytesIO(client.get(url).content)).paragraphs)

    assert "（绩溪县可见部分，非正式纪要）" in said(heping) and "\n宣城市\n" not in said(heping) + "\n"
    whole = said(sign_in("zhoumin"))
    assert "非正式纪要" not in whole and "宣城市机关事务管理部门" in whole.splitlines() and "交叉审核了4个问题" in whole, "an office signs, not an area"


def test_minutes_tell_every_total_before_and_after_to_who_looks_over_the_whole(reviewed: dict[str, Any], sitting: Sitting, sign_in: Any) -> None:
    zhou, url = reviewed["people"]["zhoumin"], f"/sittings/{sitting.pk}/papers/minutes.docx"
    deciding.found_right(zhou, sitting.questions.get(number=1).finding, "账单一致")

    def tables(who: str) -> list[list[list[str]]]:
        return [[[c.text for c in r.cells] for r in t.rows] for t in Document(io.BytesIO(sign_in(who).get(url).content)).tables]

    freeze(zhou, book(), 2022)
    assert len(tables("zhoumin")) == 1, "one snapshot tells no change"
    file_all(reviewed, 2022, change=lambda key, month, given: {**given, "water_m3": given["water_m3"] + 40} if (key, month) == (SCHOOL_ONE, 3) else given)
    freeze(zhou, book(), 2022)
    rows = {r[0]: r for r in tables("zhoumin")[1]}
    assert rows["泾县"][6] == rows["合计"][6] == "40" and rows["绩溪县"][6] == "0" and rows["合计"][3] == "0.0"
    assert len(tables("heping")) == 1
    book_of = {who: load_workbook(io.BytesIO(sign_in(who).get(f"/sittings/{sitting.pk}/questions.xlsx").content)) for who in ("zhoumin", "heping")}
    totals = {r[0]: r for r in book_of["zhoumin"]["会审前后合计"].iter_rows(values_only=True)}
    assert totals["泾县"][6] == totals["合计"][6] == 40 and totals["合计"][3] == 0 and book_of["heping"].sheetnames == ["2022 年会审会问题与意见"]


@pytest.mark.parametrize("code", papers.PAPERS)
def test_every_paper_is_a_document_that_says_what_it_must(reviewed: dict[str, Any], sitting: Sitting, code: str) -> None:
    zhou = reviewed["people"]["zhoumin"]
    deciding.found_right(zhou, reviewed["findings"][1], "病房楼账单一致")
    meeting.expect(zhou, sitting, "341823", "示例何雅")
    data = papers.paper(sitting, code, rooms.questions_of(zhou, sitting), "341823" if code == "opinion" else "")
    document = Document(io.BytesIO(data))
    text = "\n".join(p.text for p in document.paragraphs) + "\n".join(c.text for t in document.tables for r in t.rows for c in r.cells)
    wanted = {"notice": ("三楼会议室", "交叉审核", "绩溪县"), "sign-in": ("示例何雅", "签名"), "agenda": ("交叉审核，共4个问题", "主持人周敏"), "questions": ("示例市医院", "2022年3月电消费量 5,000 kWh"),
              "opinion": ("审核意见书", "示例第一小学", "第2组"), "minutes": ("核实无误1个", "病房楼账单一致", "未议3个")}[code]
    assert all(w in text for w in wanted), text
    assert ("示例市医院" in text) is (code in ("questions", "minutes"))
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
