"""Received files: kept as received, named by content, written so that a file under its final name is whole."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db.models import Q

from jieneng.core.problem import refuse
from jieneng.core.words import T

from .models import Event, ReceivedFile

_BAD = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|‪-‮⁦-⁩]")


def safe_name(name: str) -> str:
    """The last part of a name as shown: no path, no control or direction marks, at most 200 characters."""
    name = _BAD.sub("_", Path(str(name).replace("\\", "/")).name).strip(" .") or "file"
    stem, dot, ext = name.rpartition(".")
    return name if len(name) <= 200 else (stem[:180] + dot + ext[:16])


def folder() -> Path:
    return Path(settings.HOME) / "received"


def path_of(sha256: str) -> Path:
    """Where the content of a file lies. Raises ``ValueError`` for anything that is not a SHA-256."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(sha256)
    return folder() / sha256[:2] / sha256


def sync_folder(path: Path) -> None:
    """fsync a folder so that a name in it survives a power cut (not available on Windows)."""
    if os.name == "nt":
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def receive(source: Path | BinaryIO, name: str, person: Any) -> ReceivedFile:
    """Keep a file as received: temporary name, fsync, rename, fsync of the folder; then its row."""
    stream = open(source, "rb") if isinstance(source, Path) else source  # noqa: SIM115
    folder().mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    fd, temporary = tempfile.mkstemp(prefix=".part-", dir=folder())
    try:
        with os.fdopen(fd, "wb") as out:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                size += len(chunk)
                if size > settings.UPLOAD_LIMIT:
                    raise refuse(
                        "upload.size",
                        T("文件超过 {limit} MB", "the file is larger than {limit} MB", limit=settings.UPLOAD_LIMIT >> 20),
                        do=T("拆成几个文件再传", "split it into several files"),
                    )
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        final = path_of(digest.hexdigest())
        final.parent.mkdir(exist_ok=True)
        if not final.exists():
            os.replace(temporary, final)
            sync_folder(final.parent)
            sync_folder(folder())
    finally:
        if isinstance(source, Path):
            stream.close()
        Path(temporary).unlink(missing_ok=True)
    row, _ = ReceivedFile.objects.get_or_create(
        sha256=digest.hexdigest(), defaults={"size": size, "name": safe_name(name), "by": person}
    )
    return row


def intact(row: ReceivedFile) -> bool:
    """Whether the content is still what its name says."""
    path = path_of(row.sha256)
    if not path.exists():
        return False
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() == row.sha256


def may_open(person: Any, mine: Any, row: ReceivedFile) -> bool:
    """Who opens a received file: who brought it, and whose scope covers the line it was imported for, attached to, or drawn for as a voucher of a check on site."""
    if row.by_id == person.pk:
        return True
    things = row.evidence_set.values_list("object_id", flat=True)  # what it was put forward for: their events are found by it, not by reading all
    events = Event.objects.filter(Q(verb="evidence.attach", object_id__in=list(things), data__file=row.sha256) | Q(verb="sample.check", data__voucher=row.sha256))
    lines = [*row.import_set.values_list("on_behalf__path", flat=True), *events.values_list("line", flat=True)]
    return any(mine.covers_line(line or "-") for line in lines)
