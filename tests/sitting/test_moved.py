"""Whose a finding is: the line that counts for the year reviewed, not any line the unit ever had; and the county's what-if by the run's own scale."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from jieneng.core.period import Period
from jieneng.people.scope import scope
from jieneng.registry.models import Standing
from jieneng.registry.queries import within
from jieneng.review import queries as reviews
from jieneng.review.models import Explanation
from jieneng.sitting import meeting, queries, rooms, stopping
from tests.people_by_name import JIXI, SCHOOL_ONE

pytestmark = pytest.mark.django_db


def move(city: dict[str, Any], since: dt.date) -> None:
    """示例第一小学 goes from 泾县 (wangli) to 绩溪 (heping)."""
    old = Standing.objects.get(institution=city["institutions"][SCHOOL_ONE])
    Standing.objects.create(institution=old.institution, since=since, name=old.name, initials=old.initials, office=city["offices"][JIXI], area=JIXI, territory=JIXI, type=old.type)


def test_a_unit_that_moved_in_an_earlier_year_is_the_new_countys(reviewed: dict[str, Any], sign_in: Any) -> None:
    move(reviewed, dt.date(2021, 3, 1))
    run, first, who = reviewed["run"], reviewed["findings"][0], {n: reviewed["people"][n] for n in ("wangli", "heping")}
    explained = Explanation.objects.create(institution=first.institution, items=["electricity_kwh"], direction="up", low=1, high=2, since=dt.date(2022, 1, 1), reason="x", by=who["heping"], at=run.at)
    sitting = meeting.call(reviewed["people"]["zhoumin"], run.round, reviewed["offices"]["341800"], place="会议室", day=dt.date(2023, 3, 15))
    meeting.put_questions(reviewed["people"]["zhoumin"], sitting, [first])
    for name, his in (("wangli", False), ("heping", True)):
        mine = scope(who[name], "review")
        assert (first in list(reviews.findings_in(run, mine)), queries.finding_in(run, mine, who[name], first.pk) is not None) == (his, his), name
        assert (first.pk in {e.pk for e in queries.queue(run, mine, who[name]).entries}) is his
        assert (explained in list(reviews.explanations_in(mine))) is his and bool(rooms.questions_of(who[name], sitting)) is his
        page = sign_in(name).get(f"/review/{run.round_id}/?f={first.pk}")
        assert page.status_code == (200 if his else 404) and (his or "示例第一小学" not in page.content.decode())


def test_who_held_the_line_in_the_year_keeps_it(reviewed: dict[str, Any]) -> None:
    move(reviewed, dt.date(2023, 1, 1))
    first, (wangli, heping) = reviewed["findings"][0], (scope(reviewed["people"][n], "review") for n in ("wangli", "heping"))
    assert first in list(reviews.findings_in(reviewed["run"], wangli)) and first not in list(reviews.findings_in(reviewed["run"], heping))
    before, after, year = first.institution_id, Period("year", 2023), Period("year", 2018)
    assert {"institution": before} in list(within(heping, after)) and {"institution": before} not in list(within(wangli, after))
    assert {"institution": before} in list(within(wangli, year)), "registered later: it stands as it did first"


def test_the_countys_what_if_takes_small_suspicions_as_the_run_did(reviewed: dict[str, Any]) -> None:
    run, cells = reviewed["run"], queries.cells_of(reviewed["round"])
    run.findings.update(suspicion=0.2)
    run.line |= {"fewer": 0.01, "steps": [0.9] * 6}
    run.save()
    entries = [e for e in queries.entries(run) if e.area == "341823"]
    assert [d.suspicion for d in stopping.own_doubts(run.line, cells, entries).doubts] == pytest.approx([0.002] * 2)
    kept = {k: v for k, v in run.line.items() if k != "fewer"}
    assert [d.suspicion for d in stopping.own_doubts(kept, cells, entries).doubts] == pytest.approx([0.2] * 2), "a run that did not keep it"
    at_first = queries.queue(run, scope(reviewed["people"]["wangli"], "review"), reviewed["people"]["wangli"]).left()
    assert at_first == pytest.approx(0.001), "two doubts that hardly ever come true leave what the run left"
