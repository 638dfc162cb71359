"""The verbs of a sitting (会审会): call it, set groups, sign people in, put questions, give opinions, sign sheets, write minutes, close.

A group never reviews its own area, and no two groups review the same one. Opinions advise: a decision on a finding is made in
``deciding`` by who may review the institution.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from django.db.models import Max
from django.utils import timezone

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.queries import area_offices
from jieneng.people.scope import forbidden, require, scope
from jieneng.records.events import action, fingerprint, record
from jieneng.returns.models import Round
from jieneng.review.models import ReviewFinding

from .models import ADVICE, Attendance, Group, OpinionSheet, Question, Sitting


def call(person: User, round_: Round, office: Office, *, place: str, day: dt.date | None, hour: str = "", chair: str = "") -> Sitting:
    """Call a sitting of an office for a round. Raises ``Refused`` without place or day."""
    require(person, "review", office.path)
    wrong = [] if place.strip() else [Problem("sitting.place", T("没有写地点", "no place"), where=Place(field="place"))]
    if day is None:
        wrong.append(Problem("sitting.day", T("没有写日期", "no day"), T("年-月-日", "year-month-day"), where=Place(field="day")))
    if wrong:
        raise Refused(*wrong)
    with action():
        number = (Sitting.objects.filter(round=round_, office=office).aggregate(n=Max("number"))["n"] or 0) + 1
        made = Sitting.objects.create(round=round_, office=office, number=number, place=place.strip()[:120], day=day, hour=hour.strip()[:20], chair=chair.strip()[:60], by=person, at=timezone.now())
        record(person, "sitting.call", "sitting", made.pk, line=office.path, data={"year": round_.year, "number": number, "place": made.place, "day": day.isoformat() if day else ""})
    return made


def _mine(person: User, sitting: Sitting, *, open_: bool = True) -> None:
    """The right to run the sitting. Raises ``Refused`` for one that is closed."""
    require(person, "review", sitting.office.path)
    if open_ and sitting.closed_at is not None:
        raise refuse("sitting.closed", T("会审会已经结束", "the sitting is closed"), do=T("另开一场", "call another one"))


def set_groups(person: User, sitting: Sitting, groups: Sequence[tuple[Iterable[str], Iterable[str]]]) -> list[Group]:
    """Say who reviews whom: for each group its areas and the areas it reviews. Questions follow their area's group.

    Raises ``Refused`` for a group that reviews its own, an area reviewed twice or sent to two groups, or an unknown one; and once an opinion was given.
    """
    _mine(person, sitting)
    known = {o.area: o.name for o in area_offices()}
    wrong: list[Problem] = []
    member_of: dict[str, int] = {}
    reviewed_by: dict[str, int] = {}
    for n, (members, reviews) in enumerate(groups, 1):
        members, reviews = set(members), set(reviews)
        for area in sorted((members | reviews) - known.keys()):
            wrong.append(Problem("sitting.area", T("没有地区 {a}", "no area {a}", a=area[:20])))
        for area in sorted(members & reviews):
            wrong.append(Problem("sitting.own", T("第 {n} 组有{a}的人，又审{a}", "group {n} has people of {a} and reviews {a}", n=n, a=known.get(area, area)),
                                 T("交叉审核：不审本县区", "cross-review: never one’s own"), T("把{a}换给别的组", "give {a} to another group", a=known.get(area, area))))
        for table, areas, what in ((member_of, members, T("参加", "sits in")), (reviewed_by, reviews, T("被", "is reviewed by"))):
            for area in sorted(areas):
                if area in table:
                    wrong.append(Problem("sitting.twice", T("{a}{w}第 {x}、{y} 两组", "{a} {w} groups {x} and {y}", a=known.get(area, area), w=str(what), x=table[area], y=n)))
                table[area] = n
        if not members or not reviews:
            wrong.append(Problem("sitting.empty", T("第 {n} 组没有选成员或没有选审谁", "group {n} has no members or reviews nobody", n=n)))
    if wrong:
        raise Refused(*wrong)
    with action():
        if sitting.questions.exclude(opinion="").exists():
            raise refuse("sitting.begun", T("已经有组写了意见，不能再改分组", "opinions were given: groups stay"), do=T("另开一场", "call another sitting"))
        sitting.questions.update(group=None)
        sitting.groups.all().delete()
        made = [Group.objects.create(sitting=sitting, number=n, members=sorted(m), reviews=sorted(r)) for n, (m, r) in enumerate(groups, 1)]
        for group in made:
            sitting.questions.filter(finding__area__in=group.reviews).update(group=group)
        record(person, "sitting.groups", "sitting", sitting.pk, line=sitting.office.path, data={"year": sitting.round.year, "groups": [[g.members, g.reviews] for g in made]})
    return made


def put_questions(person: User, sitting: Sitting, findings: Iterable[ReviewFinding]) -> int:
    """Put findings on the list, the worst first; those that are on it stay. Returns how many are new."""
    _mine(person, sitting)
    with action():
        held = set(sitting.questions.values_list("finding_id", flat=True))
        number = sitting.questions.aggregate(n=Max("number"))["n"] or 0
        groups = {area: g for g in sitting.groups.all() for area in g.reviews}
        new = [f for f in findings if f.pk not in held]
        for n, f in enumerate(new, number + 1):
            if f.run.round_id != sitting.round_id:
                raise refuse("sitting.round", T("疑点不是这一年的", "the finding is of another year"))
            Question.objects.create(sitting=sitting, number=n, finding=f, group=groups.get(f.area))
        if new:
            record(person, "sitting.questions", "sitting", sitting.pk, line=sitting.office.path, data={"year": sitting.round.year, "number": len(new)})
    return len(new)


def expect(person: User, sitting: Sitting, area: str, name: str, post: str = "") -> Attendance:
    """Enter who is to come for an area."""
    _mine(person, sitting)
    if not name.strip() or area not in {o.area for o in area_offices()}:
        raise refuse("sitting.name", T("没有写姓名或县区", "name or area is missing"))
    with action():
        row, made = Attendance.objects.get_or_create(sitting=sitting, area=area, name=name.strip()[:60], defaults={"post": post.strip()[:80]})
        if made:
            record(person, "sitting.expect", "sitting", sitting.pk, line=sitting.office.path, data={"year": sitting.round.year, "area": area, "name": row.name})
    return row


def came(person: User, row: Attendance) -> None:
    """Mark that somebody came (签到)."""
    _mine(person, row.sitting)
    with action():
        if Attendance.objects.filter(pk=row.pk, came_at=None).update(came_at=timezone.now()):
            record(person, "sitting.came", "sitting", row.sitting_id, line=row.sitting.office.path, data={"year": row.sitting.round.year, "area": row.area, "name": row.name})


def may_opine(person: User, question: Question) -> bool:
    """Whether a person gives the opinion on a question: who reviews in an area of its group, or runs the sitting."""
    mine = scope(person, "review")
    if mine.covers_line(question.sitting.office.path):
        return True
    offices = {o.area: o.path for o in area_offices()}
    return question.group is not None and any(mine.covers_line(offices[a]) for a in question.group.members if a in offices)


def opine(person: User, question: Question, opinion: str, advice: str) -> None:
    """Give the group's opinion on a question and what it advises. It may be written again until the area's sheet is signed."""
    if not may_opine(person, question):
        raise forbidden(person, "review")
    if question.sitting.closed_at is not None:
        raise refuse("sitting.closed", T("会审会已经结束", "the sitting is closed"))
    wrong = [] if opinion.strip() else [Problem("sitting.opinion", T("没有写意见", "no opinion"), T("查了什么凭证、看到什么", "which vouchers, what they say"), where=Place(field="opinion"))]
    if advice not in ADVICE:
        wrong.append(Problem("sitting.advice", T("没有选建议", "no advice"), T("退回核实、核实无误或接受说明", "send back, right, or accept the explanation"), where=Place(field="advice")))
    if wrong:
        raise Refused(*wrong)
    with action():
        if question.sitting.sheets.filter(area=question.finding.area).exists():
            raise refuse("sitting.signed", T("这个县区的意见书已签，不能再改", "the sheet of this area is signed"))
        question.opinion, question.advice, question.opined_by, question.opined_at = opinion.strip()[:500], advice, person, timezone.now()
        question.save(update_fields=["opinion", "advice", "opined_by", "opined_at"])
        record(person, "sitting.opinion", "question", question.pk, line=question.sitting.office.path, data={
            "year": question.sitting.round.year, "number": question.number, "institution": question.finding.institution_id, "advice": advice, "opinion": question.opinion})


def content_of(sitting: Sitting, area: str) -> str:
    """Fingerprint of the opinions on an area."""
    return fingerprint([[q.number, q.finding_id, q.advice, q.opinion] for q in sitting.questions.filter(finding__area=area)])


def sign_sheet(person: User, sitting: Sitting, area: str, signed_by: str, signed_on: dt.date | None) -> OpinionSheet:
    """Record that the opinion on an area was signed. Refused while a question of it has no opinion."""
    _mine(person, sitting)
    mine = sitting.questions.filter(finding__area=area)
    if not signed_by.strip() or signed_on is None:
        raise refuse("sitting.signer", T("没有写签字人或日期", "signer or day is missing"), where=Place(field="signed_by"))
    if waiting := mine.filter(opinion="").count():
        raise refuse("sitting.waiting", T("还有 {n} 个问题没有意见", "{n} questions have no opinion yet", n=waiting), do=T("写完意见再签", "give them first, then sign"))
    with action():
        row, made = OpinionSheet.objects.get_or_create(sitting=sitting, area=area, defaults={
            "signed_by": signed_by.strip()[:120], "signed_on": signed_on, "content": content_of(sitting, area), "by": person, "at": timezone.now()})
        if not made:
            raise refuse("sitting.signed", T("这个县区的意见书已签", "the sheet of this area is signed already"))
        record(person, "sitting.sign", "sitting", sitting.pk, line=sitting.office.path, data={
            "year": sitting.round.year, "area": area, "signed_by": row.signed_by, "signed_on": signed_on.isoformat(), "content": row.content, "number": mine.count()})
    return row


def write_minutes(person: User, sitting: Sitting, text: str, *, close: bool = False) -> None:
    """Write the minutes, and close the sitting if asked."""
    _mine(person, sitting)
    if close and not text.strip():
        raise refuse("sitting.minutes", T("没有写纪要，不能结束", "no minutes yet"), where=Place(field="minutes"))
    with action():
        sitting.minutes = text.strip()[:8000]
        sitting.closed_at = timezone.now() if close else None
        sitting.save(update_fields=["minutes", "closed_at"])
        record(person, "sitting.close" if close else "sitting.minutes", "sitting", sitting.pk, line=sitting.office.path, data={
            "year": sitting.round.year, "number": sitting.number, "content": fingerprint(sitting.minutes)})
