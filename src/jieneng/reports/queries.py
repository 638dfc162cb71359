"""What may be read of documents."""

from __future__ import annotations

from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.records.models import Event

from . import readback
from .drafts import Compared, compared
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


def wordings(version: DocumentVersion) -> list[dict[str, Any]]:
    """What a draft claims in words, each with who confirmed it, on what ground; the last word counts."""
    said = {e.data.get("wording"): e for e in Event.objects.filter(verb="document.confirm", object_type="document", object_id=str(version.pk)).order_by("seq")}
    return [{**w, "event": said.get(w["id"]), "confirmed": f"{e.actor_name} {e.at[:10]}：{e.data['reason']}" if (e := said.get(w["id"])) else ""}
            for w in version.proof.get("wordings", [])]


def against_last(version: DocumentVersion) -> Compared | None:
    """What a draft changed against the one before it; None for the first."""
    last = version.document.versions.filter(number__lt=version.number).order_by("-number").first()
    return compared(last.proof, version.proof, last.number) if last else None
