"""The review, the first screening and the review of its candidates as jobs with progress."""

from __future__ import annotations

from typing import Any

from jieneng.people.models import Office
from jieneng.records.jobs import Report, kind
from jieneng.records.models import Job
from jieneng.returns.models import Round, SnapshotRecord
from jieneng.returns.queries import book

from .actions import run_review
from .models import Screening


@kind("review")
def review(job: Job, report: Report) -> dict[str, Any]:
    """Review a round. ``args``: round, office (their ids)."""
    round_, office = Round.objects.get(pk=job.args["round"]), Office.objects.get(pk=job.args["office"])
    run = run_review(job.by, book(), round_, office, progress=report)
    return {"run": run.pk, **run.counts}


@kind("screening")
def screening(job: Job, report: Report) -> dict[str, Any]:
    """Screen a frozen year. ``args``: snapshot (its id)."""
    from .screening import screen  # brings the engine

    made = screen(job.by, book(), SnapshotRecord.objects.get(pk=job.args["snapshot"]), progress=report)
    return {"screening": made.pk, **made.counts}


@kind("candidates")
def candidates(job: Job, report: Report) -> dict[str, Any]:
    """Review the first candidates of a screening. ``args``: screening (its id), count."""
    from .screening import review_candidates

    run = review_candidates(job.by, book(), Screening.objects.select_related("round").get(pk=job.args["screening"]), job.args["count"], progress=report)
    return {"screening": run.screening_id, "run": run.pk, **run.counts}
