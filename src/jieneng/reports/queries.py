"""What may be read of documents."""

from __future__ import annotations

from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T

from .models import DocumentVersion
from .readback import compare, proof_mark, read_back


def version_of(data: bytes) -> DocumentVersion:
    """The version a docx was composed as, by the checksum it carries. Raises ``Refused`` for a document not of ours."""
    mark = proof_mark(data)
    for version in DocumentVersion.objects.order_by("-pk"):
        if mark and version.proof["checksum"] == mark:
            return version
    raise refuse("document.foreign", T("这份文稿不是本系统编制的，或者属性被删掉了", "this document was not composed here, or its properties were removed"),
                 do=T("用本系统编制的 docx", "use a docx composed here"))


def find_number(data: bytes, number: str) -> list[dict[str, Any]]:
    """The entries of the proof whose number stands in a document as ``number``."""
    version = version_of(data)
    names = {f.name for f in read_back(data) if f.number == number or number in f.text}
    return [{**e, "snapshot": version.proof["snapshot"]} for e in version.proof["figures"] if e["bookmark"] in names and e["printed"] == number]


def changes(data: bytes) -> tuple[DocumentVersion, list[dict[str, str]]]:
    """What a returned document changed against its proof."""
    version = version_of(data)
    return version, compare(data, version.proof)
