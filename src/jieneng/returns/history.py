"""What happened to one return, from the events that list it: sent back, filed, accepted, kept, reopened, with who, when and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jieneng.core.words import T
from jieneng.records.models import Event

from .models import Return
from .moves import VERBS
from .ranges import unpacked

IMPORT, KEPT = T("导入", "imported"), T("经确认保留“错误”，审核通过", "accepted, errors kept after confirmation")


def _lines(paths: Iterable[str]) -> set[str]:
    """Every office an event about these lines may be filed under: an event of many returns stands higher up."""
    found = {"", "/"}
    for path in paths:
        parts = path.strip("/").split("/")
        found |= {"/" + "/".join(parts[:n]) + "/" for n in range(1, len(parts) + 1)}
    return found


def history(ret: Return) -> list[dict[str, Any]]:
    """The events of a return, newest first, in words."""
    paths = ret.institution.standings.values_list("office__path", flat=True)
    rows = Event.objects.filter(verb__startswith="returns.", line__in=_lines(paths), at__gte=ret.round.opened_at.date().isoformat()).order_by("-seq")
    told = []
    for event in rows.iterator(chunk_size=500):
        if ret.pk not in unpacked(event.data.get("returns", "")):
            continue
        verb = event.verb.removeprefix("returns.")
        kept = ret.pk in unpacked(event.data.get("kept", ""))
        told.append({"at": event.at, "day": event.at[:16].replace("T", " "), "seq": event.seq, "who": event.actor_name, "verb": verb,
                     "what": KEPT if kept else IMPORT if verb == "import" else VERBS.get(verb, T("{v}", "{v}", v=verb)),
                     "reason": event.data.get("reason", ""), "kept": kept, "many": len(unpacked(event.data.get("returns", "")))})
    return told


def why_returned(returns: Iterable[Return]) -> dict[int, str]:
    """The last reason with which each of the returns was sent back or reopened."""
    wanted = {r.pk for r in returns}
    reasons: dict[int, str] = {}
    for event in Event.objects.filter(verb__in=("returns.send_back", "returns.reopen")).order_by("seq").iterator(chunk_size=500):
        for pk in wanted & unpacked(event.data.get("returns", "")):
            reasons[pk] = event.data.get("reason", "")
    return reasons
