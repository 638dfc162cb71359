"""The kind of long work of this room: workbooks of an office's units, one file or many in an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jieneng.core.words import T
from jieneng.people.models import Office
from jieneng.records import files
from jieneng.records.jobs import Report, kind
from jieneng.records.models import Job, ReceivedFile
from jieneng.returns.models import Round
from jieneng.returns.queries import book
from jieneng.rulebook import form_for

from . import actions
from .many import read_archive
from .reading import Read, read_workbook
from .shape import shape_of


def reads_of(round_: Round, received: ReceivedFile, report: Report | None = None) -> list[Read]:
    """The workbooks of a received file: itself, or the members of an archive. A workbook that cannot be taken comes with its problems."""
    the_book = book()
    shape = shape_of(the_book, form_for(the_book, round_.form, round_.year))
    shapes, path = {shape.form.name: shape}, files.path_of(received.sha256)
    if received.name.lower().endswith(".zip"):
        def reading(done: int, total: int) -> None:
            if report:
                report(done, total, T("正在读取", "reading"))

        return list(read_archive(Path(path), received.name, the_book, shapes, reading))
    return [read_workbook(Path(path), received.name, the_book, shapes)]


@kind("workbooks")
def workbooks(job: Job, report: Report) -> dict[str, Any]:
    """Bring in workbooks of an office's units. ``args``: file (SHA-256), round, office (code)."""
    round_ = Round.objects.get(pk=job.args["round"])
    received = ReceivedFile.objects.get(sha256=job.args["file"])
    batch = actions.take_units(job.by, round_, Office.objects.get(code=job.args["office"]), received, reads_of(round_, received, report))
    return {"import": batch.pk, "counts": batch.counts, "problems": len(batch.problems)}
