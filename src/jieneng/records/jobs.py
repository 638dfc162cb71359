"""Long work: enqueue, claim, report progress, finish. Jobs are idempotent: run again, they give the same result.

A kind of job is a function ``run(job, report) -> dict`` named by ``@kind("import")``; rooms name theirs when Django
starts. ``report(done, total, message)`` renews the lease and refuses once the job was taken over by another worker.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
import time
from collections.abc import Callable
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from jieneng.core.late import arrive
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Delegation

from .models import Job

LEASE = dt.timedelta(seconds=30)
ATTEMPTS = 3
Report = Callable[[int, int, T | None], None]
Runner = Callable[[Job, Report], dict[str, Any]]
KINDS: dict[str, Runner] = {}
log = logging.getLogger("jieneng.jobs")


class TakenOver(Exception):
    """The lease ran out and another worker has the job."""


def kind(name: str) -> Callable[[Runner], Runner]:
    """Name the function that does a kind of job."""

    def register(run: Runner) -> Runner:
        if KINDS.get(name, run) is not run:
            raise ValueError(f"two functions for jobs of kind {name}")
        KINDS[name] = run
        return run

    return register


def enqueue(name: str, args: dict[str, Any], *, by: Any, key: str, line: str = "") -> Job:
    """Ask for a job; the same ``key`` gives the job that is already there (P2)."""
    arrive()
    if name not in KINDS:
        raise KeyError(name)
    if (acting := getattr(by, "acting", None)) is not None:
        args = {**args, "acting": acting.pk}  # done later, it is still done for another
    job, _ = Job.objects.get_or_create(key=key, defaults={"kind": name, "args": args, "by": by, "line": line})
    return job


def worker_name() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


def claim(worker: str) -> Job | None:
    """Take one job that is ready, or one whose worker fell silent. Exactly one worker wins."""
    now = timezone.now()
    due = models.Q(state="ready") & (models.Q(not_before__isnull=True) | models.Q(not_before__lte=now))
    silent = models.Q(state="running", lease_until__lt=now)
    for job in Job.objects.filter(due | silent).order_by("id")[:5]:
        if job.attempts >= ATTEMPTS:
            _give_up(job, T("办了 {n} 次都中断了", "interrupted {n} times", n=job.attempts))
            continue
        won = Job.objects.filter(pk=job.pk, fence=job.fence, state=job.state).update(
            state="running", fence=job.fence + 1, worker=worker, lease_until=now + LEASE,
            attempts=job.attempts + 1, started_at=job.started_at or now,
        )
        if won == 1:
            return Job.objects.get(pk=job.pk)
    return None


def _give_up(job: Job, why: T) -> None:
    Job.objects.filter(pk=job.pk, fence=job.fence).update(
        state="failed", finished_at=timezone.now(), lease_until=None,
        error={"problems": [{"code": "job.interrupted", "found": why.as_json()}]},
    )


def reporter(job: Job) -> Report:
    """The function a job calls as it goes on; at most four times a second it writes."""
    last = [0.0]

    def report(done: int, total: int, message: T | None = None) -> None:
        if time.monotonic() - last[0] < 0.25 and done < total:
            return
        last[0] = time.monotonic()
        kept = Job.objects.filter(pk=job.pk, fence=job.fence, state="running").update(
            done=done, total=total, lease_until=timezone.now() + LEASE, message=message.as_json() if message else {}
        )
        if kept != 1:
            raise TakenOver(job.pk)

    return report


def finish(job: Job, result: dict[str, Any]) -> None:
    """Mark done, inside the same transaction as the work. Raises ``TakenOver`` for a worker that came too late."""
    won = Job.objects.filter(pk=job.pk, fence=job.fence, state="running").update(
        state="done", result=result, finished_at=timezone.now(), lease_until=None
    )
    if won != 1:
        raise TakenOver(job.pk)


def run_one(worker: str | None = None) -> Job | None:
    """Claim one job and do it. Returns it as it stands afterwards, or None when there was nothing to do."""
    job = claim(worker or worker_name())
    if job is None:
        return None
    try:
        arrive()
        run = KINDS.get(job.kind)
        if run is None:
            raise refuse("job.unknown", T("不认识的任务：{kind}", "unknown kind of job: {kind}", kind=job.kind))
        if acting := job.args.get("acting"):
            job.by.acting = Delegation.objects.select_related("giver", "to", "office").get(pk=acting)
        result = run(job, reporter(job))
        with transaction.atomic():
            finish(job, result)
    except TakenOver:
        log.warning("job %s was taken over", job.pk)
    except Refused as refusal:
        Job.objects.filter(pk=job.pk, fence=job.fence).update(
            state="failed", finished_at=timezone.now(), lease_until=None,
            error={"problems": [p.as_json() for p in refusal.problems]},
        )
    except Exception as fault:
        log.exception("job %s failed", job.pk)
        _retry(job, fault)
    return Job.objects.get(pk=job.pk)


def _retry(job: Job, fault: Exception) -> None:
    """Put a job back with a growing pause, or give it up in words after the third attempt (J3)."""
    if job.attempts >= ATTEMPTS:
        _give_up(job, T("程序出错：{name}。已试 {n} 次", "program error: {name}, tried {n} times",
                        name=type(fault).__name__, n=job.attempts))
        return
    Job.objects.filter(pk=job.pk, fence=job.fence).update(
        state="ready", lease_until=None, not_before=timezone.now() + dt.timedelta(seconds=5 * 3 ** (job.attempts - 1))
    )


def work(stop: Callable[[], bool], pause: float = 0.5) -> None:
    """Do jobs until ``stop()``."""
    from django.db import close_old_connections

    while not stop():
        close_old_connections()
        if run_one() is None:
            time.sleep(pause)
