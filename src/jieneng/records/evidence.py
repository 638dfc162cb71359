"""Evidence (佐证材料): a received file put forward for a return or a ledger line."""

from __future__ import annotations

from typing import Any, BinaryIO

from django.db.models import QuerySet

from jieneng.people.scope import require

from . import files
from .events import action, record
from .models import Evidence

KINDS = ("return", "ledger", "institution")


def of(kind: str, key: object) -> QuerySet[Evidence]:
    """The evidence of one thing, newest last."""
    return Evidence.objects.filter(object_type=kind, object_id=str(key)).select_related("file", "by").order_by("at")


def attach(person: Any, kind: str, key: object, stream: BinaryIO, name: str, label: str, *, line: str, right: str) -> Evidence:
    """Keep a file and put it forward for something under ``line``; needs ``right`` there."""
    require(person, right, line)
    with action():
        row = Evidence.objects.create(object_type=kind, object_id=str(key), file=files.receive(stream, name, person),
                                      label=(label or name)[:120], by=person)
        record(person, "evidence.attach", kind, key, line=line, data={"file": row.file.sha256, "name": row.file.name, "label": row.label})
    return row
