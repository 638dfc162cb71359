"""What may be read of documents."""

from __future__ import annotations

from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T

from . import readback
from .models import DocumentVersion


def version_of(data: bytes) -> DocumentVersion:
    """The version a docx was composed as, by the checksum it carries. Raises ``Refused`` for a document not of ours."""
    mark = readback.proof_mark(data)
    version = DocumentVersion.objects.filter(proof__checksum=mark).order_by("-pk").first() if mark else None
    if version is None:
        raise refuse("document.foreign", T("这份文稿不是本系统编制的，或者属性被删掉了", "this document was not composed here, or its properties were removed"),
                     do=T("用本系统编制的 docx", "use a docx composed here"))
    return version


def find_number(data: bytes, number: str) -> list[dict[str, Any]]:
    """The entries of the proof whose number stands, or stood, in a document as ``number``, with ``now``, ``state`` and ``snapshot``."""
    version = version_of(data)
    return [{**e, "snapshot": version.proof["snapshot"]} for e in readback.find_number(data, version.proof, number)]


def changes(data: bytes) -> tuple[DocumentVersion, list[dict[str, Any]]]:
    """What a returned document changed against its proof."""
    version = version_of(data)
    return version, readback.compare(data, version.proof)
