"""The kinds of long work of this room, and what it adds to every snapshot: all ledgers as they stand."""

from __future__ import annotations

from typing import Any

from jieneng.people.models import Office
from jieneng.records.jobs import Report, kind
from jieneng.records.models import Job, ReceivedFile
from jieneng.returns.freeze import part
from jieneng.returns.queries import book

from .intake import bring_in
from .queries import tables


@part("ledgers")
def ledgers() -> dict[str, Any]:
    """kind → (declaration, rows)."""
    return tables(book())


@kind("import")
def import_file(job: Job, report: Report) -> dict[str, Any]:
    """Import a received file. ``args``: file (SHA-256), layout (text), office (code), accept, take."""
    batch = bring_in(
        job.by, ReceivedFile.objects.get(sha256=job.args["file"]), job.args["layout"],
        office=Office.objects.get(code=job.args["office"]), accept=bool(job.args.get("accept")),
        layout_name=job.args.get("layout_name", ""), take=job.args.get("take", ""), progress=report)
    return {"import": batch.pk, "counts": batch.counts, "problems": len(batch.problems)}
