"""The kinds of long work this room does, as jobs with progress."""

from __future__ import annotations

from typing import Any

from jieneng.core.words import T
from jieneng.records.jobs import Report, kind
from jieneng.records.models import Job

from . import freeze as freezing
from .chase import actions as chasing
from .models import Round
from .queries import book


@kind("freeze")
def freeze(job: Job, report: Report) -> dict[str, Any]:
    """Freeze a year. ``args``: year, version."""
    record = freezing.freeze(
        job.by, book(), int(job.args["year"]), version=job.args.get("version", "city"),
        progress=lambda done, total: report(done, total, T("正在封存快照", "freezing the snapshot")))
    return {"snapshot": record.pk, "counts": record.counts}


@kind("remind")
def remind(job: Job, report: Report) -> dict[str, Any]:
    """Remind who has not filed. ``args``: round, targets (keys). Run again it reminds nobody twice on a day."""
    round_ = Round.objects.get(pk=job.args["round"])
    return chasing.remind(job.by, round_, job.args["targets"], progress=lambda done, total: report(done, total, T("正在提醒", "reminding")))
