"""Jobs: claimed once, held by a lease, done exactly once, given up in words (faults.md K3, K6, J1–J3)."""

import datetime as dt

import pytest
from django.utils import timezone

from jieneng.core.late import arrive
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.records import jobs
from jieneng.records.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def zhou() -> User:
    return User.objects.create_user("zhoumin", None, name="周敏")


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> dict:
    table: dict = {}
    arrive()  # what is announced names itself in the true table
    monkeypatch.setattr(jobs, "KINDS", table)
    return table


def test_the_same_request_makes_one_job(zhou: User, kinds: dict) -> None:
    kinds["k"] = lambda job, report: {}
    assert jobs.enqueue("k", {}, by=zhou, key="one").pk == jobs.enqueue("k", {}, by=zhou, key="one").pk
    assert Job.objects.count() == 1


def test_a_job_runs_and_keeps_its_result(zhou: User, kinds: dict) -> None:
    def run(job: Job, report: jobs.Report) -> dict:
        report(1, 2, T("一", "one"))
        return {"sum": job.args["a"] + 1}

    kinds["k"] = run
    jobs.enqueue("k", {"a": 1}, by=zhou, key="one")
    done = jobs.run_one("w")
    assert done is not None and (done.state, done.result, done.attempts) == ("done", {"sum": 2}, 1)
    assert jobs.run_one("w") is None


def test_two_workers_one_claim(zhou: User, kinds: dict) -> None:
    kinds["k"] = lambda job, report: {}
    jobs.enqueue("k", {}, by=zhou, key="one")
    assert jobs.claim("a") is not None
    assert jobs.claim("b") is None


def test_a_silent_worker_loses_its_job_and_cannot_finish_it(zhou: User, kinds: dict) -> None:
    kinds["k"] = lambda job, report: {"by": job.worker}
    jobs.enqueue("k", {}, by=zhou, key="one")
    late = jobs.claim("late")
    assert late is not None
    Job.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    taken = jobs.run_one("fresh")
    assert taken is not None and taken.result == {"by": "fresh"}
    with pytest.raises(jobs.TakenOver):
        jobs.finish(late, {"by": "late"})
    with pytest.raises(jobs.TakenOver):
        jobs.reporter(late)(1, 1, None)
    assert Job.objects.get().result == {"by": "fresh"}


def test_a_refusal_is_kept_in_both_languages(zhou: User, kinds: dict) -> None:
    def run(job: Job, report: jobs.Report) -> dict:
        raise refuse("x.y", T("不行", "no"))

    kinds["k"] = run
    jobs.enqueue("k", {}, by=zhou, key="one")
    failed = jobs.run_one("w")
    assert failed is not None and failed.state == "failed"
    assert failed.error["problems"][0]["found"] == {"zh": "不行", "en": "no"}


def test_a_job_that_always_breaks_is_tried_three_times_then_given_up(zhou: User, kinds: dict) -> None:
    def run(job: Job, report: jobs.Report) -> dict:
        raise ZeroDivisionError

    kinds["k"] = run
    kinds["good"] = lambda job, report: {}
    jobs.enqueue("k", {}, by=zhou, key="bad")
    jobs.enqueue("good", {}, by=zhou, key="good")
    for _ in range(5):
        jobs.run_one("w")
        Job.objects.filter(not_before__isnull=False).update(not_before=timezone.now() - dt.timedelta(seconds=1))
    assert Job.objects.get(key="bad").state == "failed"
    assert Job.objects.get(key="bad").attempts == 3
    assert Job.objects.get(key="good").state == "done"


def test_a_job_killed_three_times_is_given_up_in_words(zhou: User, kinds: dict) -> None:
    kinds["k"] = lambda job, report: {}
    jobs.enqueue("k", {}, by=zhou, key="one")
    for _ in range(3):
        assert jobs.claim("w") is not None
        Job.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert jobs.claim("w") is None
    assert Job.objects.get().state == "failed"
    assert "3" in Job.objects.get().error["problems"][0]["found"]["zh"]
