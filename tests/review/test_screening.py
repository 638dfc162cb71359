"""The verbs of the first screening: who may, what is kept, the table by place, and that candidates reviewed alone get their place's own findings."""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jieneng import engine
from jieneng.core.problem import Refused
from jieneng.desk.commands import Out, numbers
from jieneng.desk.ops import replay_review
from jieneng.desk.telling import tell
from jieneng.people.models import Office
from jieneng.people.scope import Scope, scope
from jieneng.records import jobs
from jieneng.records.models import Event
from jieneng.registry.models import Standing
from jieneng.returns.actions import open_round
from jieneng.returns.freeze import freeze
from jieneng.returns.models import Round, SnapshotRecord
from jieneng.returns.queries import book
from jieneng.review import actions, beside, queries, reading, screened, screening, sifting
from jieneng.review.models import Candidate, ReviewFinding, ReviewRun, Screening
from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, JIXI, JIXI_SCHOOL, SCHOOL_ONE
from tests.review.example_wide import Files

pytestmark = pytest.mark.django_db


def wrong(key: str, month: int, a: dict[str, Any]) -> dict[str, Any]:
    """The hospital's March one place too long, as is accepted; the water of the school in 绩溪 threefold."""
    if (key, month) == (HOSPITAL, 3):
        return {**a, "electricity_kwh": a["electricity_kwh"] * 10}
    return {**a, "water_m3": a["water_m3"] * 3, "water_cost_yuan": a["water_cost_yuan"] * 3} if key == JIXI_SCHOOL else a


@pytest.fixture
def town(city: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Three years filed, the last with two errors, frozen; only electricity and water are sifted, which is quicker. One school went to 绩溪 in 2022."""
    for year in (2020, 2021):
        file_all(city, year, change=lambda k, m, a: {**a, "electricity_kwh": a["electricity_kwh"] + 7 * m})
    file_all(city, 2022, change=wrong)
    old = Standing.objects.get(institution=city["institutions"][SCHOOL_ONE])
    Standing.objects.create(institution=old.institution, since=dt.date(2022, 2, 1), name=old.name, initials=old.initials, office=city["offices"][JIXI], area=JIXI, territory=JIXI, type=old.type)
    snapshot = freeze(city["people"]["zhoumin"], book(), 2022)
    whole = sifting.sieve
    monkeypatch.setattr(sifting, "sieve", lambda *a: replace(s := whole(*a), quantities=tuple(q for q in s.quantities if q.item in ("electricity_kwh", "water_m3")), checks=()))
    return {**city, "snapshot": snapshot}


def differ(faults: list[str], what: str, rows: Any, events: Any) -> int:
    have, told = sorted(map(str, rows)), sorted(map(str, events))
    faults += [] if have == told else [f"{what}: {have} {told}"]
    return len(have)


def said(run: ReviewRun, institutions: set[int]) -> list[tuple[Any, ...]]:
    """The findings of some institutions as they are kept, in their order."""
    names = [f.attname for f in ReviewFinding._meta.fields if f.attname not in ("id", "run_id", "rank")]
    return [tuple(row) for row in run.findings.filter(institution__in=institutions).order_by("rank").values_list(*names)]


def test_a_screening_is_kept_told_and_reviewed(town: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zhou, ids = town["people"]["zhoumin"], {k: i.pk for k, i in town["institutions"].items()}
    monkeypatch.setattr(screening, "BEAT", 0.01)
    args = argparse.Namespace(period="2022", limit=5, as_user="zhoumin", snapshot=None, as_of=None, by_place="", review=2, latest=False, xlsx=tmp_path / "疑点.xlsx")
    made = numbers.screening(args, Out())
    kept = Screening.objects.get()
    assert (made["screening"], made["institutions"], kept.snapshot, kept.manifest) == (kept.pk, 4, town["snapshot"], town["snapshot"].manifest_hash)
    first = {c["institution"]: c for c in reversed(made["first"])}
    assert {"item": "electricity_kwh", "month": 3, "factor": "×10^1"}.items() <= first[ids[HOSPITAL]].items() and "多写了一位" in first[ids[HOSPITAL]]["says"]["zh"]
    assert [(p["code"], p["institutions"]) for p in made["places"]] == [("341800SZ", 1), ("341823", 1), ("341824", 2)], "where each stood at the end of the year"
    assert sum(p["candidates"] for p in made["places"]) == made["candidates"] == Candidate.objects.count() and "341824 绩溪县" in capsys.readouterr().out and args.xlsx.exists()
    event = Event.objects.get(verb="review.screen")
    assert "4 家" in tell(event).sentence and "疑点" in tell(Event.objects.get(verb="review.candidates")).sentence and event.data["content"] == kept.fingerprint()
    faults: list[str] = []
    replay_review._screenings(faults, differ)
    replay_review._runs(faults, differ)
    assert faults == []
    Candidate.objects.filter(rank=1).update(doubt=0.123)
    replay_review._screenings(faults, differ)
    assert len(faults) == 1 and faults[0].startswith("screenings")

    alone = ReviewRun.objects.get()
    wanted = {c.institution_id for c in screened.candidates_in(kept, scope(zhou, "review"), zhou)[:2]}
    full = actions.run_review(zhou, book(), Round.objects.get(year=2022), town["offices"]["341800"])
    assert len(said(alone, wanted)) == alone.findings.count() > 0 and said(alone, wanted) == said(full, wanted), "equal, words and all: nothing is sampled in a city"
    assert queries.latest(full.round, scope(zhou, "review")) == full and screened.reviewed(kept, scope(town["people"]["heping"], "review")) == alone


def test_who_may_and_in_whose_part(town: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    people, ids = town["people"], {k: i.pk for k, i in town["institutions"].items()}
    plain = engine.connect("plain:")
    monkeypatch.setattr(screening.engine, "connect", lambda: plain)  # loops are quicker for four
    for who, word in (("heping", "全部单位"), ("wangxiuying", "不能办理"), ("suncha", "不能办理")):
        with pytest.raises(Refused, match=word):
            screening.screen(people[who], book(), town["snapshot"])
    assert not Screening.objects.exists()
    job = jobs.enqueue("screening", {"snapshot": town["snapshot"].pk}, by=people["zhoumin"], key="s")
    done = jobs.run_one()
    assert done is not None and (done.pk, done.state) == (job.pk, "done"), done.error if done else ""
    kept = Screening.objects.get(pk=done.result["screening"])
    seen = {who: {c.institution_id for c in screened.candidates_in(kept, scope(people[who], "review"), people[who])} for who in ("heping", "wangli")}
    assert ids[SCHOOL_ONE] not in seen["wangli"] and ids[JIXI_SCHOOL] in seen["heping"] and not seen["wangli"] & seen["heping"]
    monkeypatch.setattr(beside, "WHOLE", 2)
    jobs.enqueue("candidates", {"screening": kept.pk, "count": 500}, by=people["heping"], key="c")
    done = jobs.run_one()
    assert done is not None and done.state == "done", done.error if done else ""
    run = ReviewRun.objects.get(pk=done.result["run"])
    assert run.counts["sampled"] == 1 and run.office == town["offices"][JIXI] and {f.institution_id for f in run.findings.all()} <= seen["heping"]
    for who, count in (("zhoumin", 0), ("zhoumin", 501), ("wangxiuying", 3)):
        with pytest.raises(Refused):
            screening.review_candidates(people[who], book(), kept, count)


def test_what_a_county_ran_does_not_hide_the_citys() -> None:
    def run(path: str) -> ReviewRun:
        return ReviewRun(office=Office(path=path))

    county, city, root, other = run("/c/x/"), run("/c/"), run("/"), run("/d/")
    at = lambda *lines: Scope(lines)  # noqa: E731
    assert queries.nearest([county, city, root], at("/c/")) is city and queries.nearest([county, city], at("/c/x/")) is county
    assert queries.nearest([county, other], at("/c/")) is county and queries.nearest([other], at("/c/")) is None and queries.nearest([root], at("/c/x/")) is root


def test_a_candidate_is_reviewed_in_its_city() -> None:
    kinds = {"/n/": "nation", "/n/34/": "province", "/n/34/3418/": "city", "/n/34/3418/341823/": "county", "/n/34/sz/": "direct"}
    assert [screening.place_of(p, kinds) for p in ("/n/34/3418/341823/jyj/", "/n/34/3418/", "/n/34/sz/", "/n/34/sz/dept/", "/n/x/")] == ["/n/34/3418/", "/n/34/3418/", "/n/34/sz/", "/n/34/sz/", "/n/x/"]


def test_an_engine_that_runs_out_of_time_is_told_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def sift(self, files: Any, sieve: Any) -> Any:
            raise TimeoutError("the cluster does not answer")

    monkeypatch.setattr(screening.engine, "connect", Slow)
    beats: list[int] = []
    with pytest.raises(TimeoutError, match="cluster"):
        screening._sifted(None, None, lambda: beats.append(1))  # type: ignore[arg-type]
    assert beats == [1]


def test_nothing_accepted_is_told_and_who_left_is_not_reviewed(city: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot may hold other forms of the year alone; a candidate may have left the statistics before it is reviewed."""
    zhou = city["people"]["zhoumin"]
    round_ = open_round(zhou, book(), form="consumption", year=2022, office=city["offices"]["341800"], rhythm="month")
    monkeypatch.setattr(screening, "opened", lambda snapshot: Files(Path("none")))
    with pytest.raises(Refused, match="没有 2022 年审核通过的数"):
        screening.screen(zhou, book(), SnapshotRecord(id="s", year=2022))
    assert not Screening.objects.exists()
    review = reading.review_for(book(), "consumption", 2022)
    assert review is not None
    made = screening._reviewed(book(), review, Screening(round=round_), city["offices"]["341800"].path, {10**9}, lambda: None)
    assert (made.found, made.reviewed, made.beside) == ([], 0, 0)


def test_months_are_no_history_of_a_return_of_the_year() -> None:
    assert [reading._place(p, 1) for p in ("2021", "2021-12")] == [0, -1] and [reading._place(p, 12) for p in ("2021", "2021-12")] == [-1, 11]
