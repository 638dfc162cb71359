"""The review as a job with progress."""

from __future__ import annotations

from typing import Any

from jieneng.people.models import Office
from jieneng.records.jobs import Report, kind
from jieneng.records.models import Job
from jieneng.returns.models import Round
from jieneng.returns.queries import book

from .actions import run_review


@kind("review")
def review(job: Job, report: Report) -> dict[str, Any]:
    """Review a round. ``args``: round, office (their ids)."""
    round_, office = Round.objects.get(pk=job.args["round"]), Office.objects.get(pk=job.args["office"])
    run = run_review(job.by, book(), round_, office, progress=report)
    return {"run": run.pk, **run.counts}
