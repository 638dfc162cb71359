"""The review of 2022 as it stands in the example city: a run, some decisions, a sitting with groups and opinions, a sample.

Everything through the verbs, so the log tells it; opinions are made up.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from jieneng.people.models import Office
from jieneng.returns.models import Round
from jieneng.review.actions import run_review
from jieneng.review.models import ReviewFinding, ReviewRun
from jieneng.rulebook.types import Book
from jieneng.sitting import deciding, meeting, sampling

GROUPS = ((("341802", "341823"), ("341882", "341821")), (("341882", "341881"), ("341802", "341824", "341825", "341871")),
          (("341821", "341824", "341825"), ("341881", "341823", "341800SZ")))
PEOPLE = (("341802", "示例何雅", "宣州区机关事务中心"), ("341823", "示例吴强", "泾县机关事务中心"), ("341882", "示例方宁", "广德市机关事务中心"), ("341821", "示例金平", "郎溪县机关事务中心"))
QUESTIONS, CAME = 24, 3
OPINIONS = {True: ("sent_back", "桌上凭证与填报数不符，与建议值相近，建议退回单位核实更正（样例）"), False: ("right", "与账单逐月核对一致（样例）")}


def review_2022(who: Any, county: Any, book: Book, round_: Round, office: Office) -> ReviewRun:
    """The run, five decisions, the sitting and the sample. ``county``: who gives the opinions of his own group; the others are typed in by ``who``."""
    run = run_review(who, book, round_, office)
    findings = list(run.findings.select_related("run__round", "institution").order_by("rank")[:60])
    _decide(who, book, findings)
    _sit(who, county, round_, office, findings[5:5 + QUESTIONS])
    sampling.draw(who, office, round_.year, seed="示例-2022")
    return run


def _decide(who: Any, book: Book, findings: list[ReviewFinding]) -> None:
    """The first with a suggestion go back, others are found right or explained: as a morning at the desk leaves it."""
    for n, f in enumerate(findings[:5]):
        if f.suggested and n < 3:
            deciding.send_back(who, book, f, "账单和往年都对不上，请核对原始凭证（样例）")
        elif n == 3:
            deciding.found_right(who, f, "与电费账单核对一致（样例）")
        elif f.expected:
            deciding.accept_explanation(who, f, "当年合并周边教学点，有编办批复（样例）", until=dt.date(2023, 12, 31))


def _sit(who: Any, county: Any, round_: Round, office: Office, findings: list[ReviewFinding]) -> None:
    """A sitting under way: three groups, some opinions given, two decided."""
    made = meeting.call(who, round_, office, place="市政务中心三楼会议室（样例）", day=dt.date(2023, 3, 15), hour="上午9时", chair="示例主持")
    meeting.set_groups(who, made, GROUPS)
    meeting.put_questions(who, made, findings)
    for n, (area, name, post) in enumerate(PEOPLE):
        row = meeting.expect(who, made, area, name, post)
        if n < CAME:
            meeting.came(who, row)
    for question in made.questions.select_related("sitting__office", "sitting__round", "finding", "group").order_by("number")[:7]:
        advice, opinion = OPINIONS[bool(question.finding.suggested)]
        meeting.opine(county if meeting.may_opine(county, question) else who, question, opinion, advice)
