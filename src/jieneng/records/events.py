"""The chain of events: every action writes here, in the same transaction as what it changed.

hash = SM3(canonical JSON of the event with the hash before it). Removal or change of any event breaks the chain at a
known place; cutting the tail is found by the heads anchored in backups, snapshots and documents (faults.md X10).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from cryptography.hazmat.primitives import hashes
from django.db import transaction
from django.utils import timezone

from .models import ChainHead, Event

_transaction: ContextVar[str] = ContextVar("jieneng_transaction", default="")


def sm3(data: bytes) -> str:
    """SM3 (GB/T 32905) as hex."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize().hex()


def content(event: Event) -> bytes:
    """The canonical bytes of an event, as hashed."""
    return json.dumps(
        {
            "seq": event.seq, "at": event.at, "actor": event.actor_id, "actor_name": event.actor_name,
            "verb": event.verb, "object_type": event.object_type, "object_id": event.object_id, "line": event.line,
            "data": event.data, "transaction": event.transaction, "previous": event.previous,
        },
        ensure_ascii=False, sort_keys=True, separators=(",", ":"),
    ).encode()


def fingerprint(value: Any) -> str:
    """SM3 of what a row says, the same before it is stored and after any database gives it back."""
    return sm3(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())


def together(fingerprints: Iterable[str]) -> str:
    """One fingerprint of many rows, in whatever order: a batch's event carries it (faults.md P5, V1)."""
    return sm3("\n".join(sorted(fingerprints)).encode())


@contextmanager
def action() -> Iterator[str]:
    """One action: one database transaction with one id, carried by each of its events."""
    if current := _transaction.get():
        with transaction.atomic():
            yield current
        return
    token = _transaction.set(uuid.uuid4().hex)
    try:
        with transaction.atomic():
            yield _transaction.get()
    finally:
        _transaction.reset(token)


def record(
    person: Any, verb: str, object_type: str, object_id: object, *, line: str = "", data: dict[str, Any] | None = None
) -> Event:
    """Append one event. Must run inside ``action()``: no event, no action. ``person`` None is the system itself.

    Of a person who acts for another the event says so: 李四（代周敏）, and ``data["for"]`` names the one who delegated.
    """
    if not _transaction.get():
        raise RuntimeError("events are recorded inside action() only")
    head = hold()
    name = getattr(person, "name", "") or ("系统" if person is None else person.username)
    if (acting := getattr(person, "acting", None)) is not None:
        name = f"{name[:28]}（代{acting.giver.name[:28]}）"
        data = {**(data or {}), "for": acting.giver.username}
    event = Event(
        seq=head.seq + 1, at=timezone.localtime().isoformat(timespec="microseconds"), actor=person, actor_name=name, verb=verb,
        object_type=object_type, object_id=str(object_id), line=line,
        # through JSON once, so that what is hashed is what any database gives back
        data=json.loads(json.dumps(data or {}, ensure_ascii=False, default=str)),
        transaction=_transaction.get(), previous=head.hash,
    )
    event.hash = sm3(content(event))
    event.save(force_insert=True)
    ChainHead.objects.filter(pk=1).update(seq=event.seq, hash=event.hash)
    return event


def hold() -> ChainHead:
    """Lock the head of the chain for the rest of this action: whoever writes events waits."""
    locked = ChainHead.objects.select_for_update()
    if (row := locked.filter(pk=1).first()) is not None:
        return row
    ChainHead.objects.get_or_create(pk=1)  # the first event of a workspace: of two at once one makes it, and the other waits for it
    return locked.get(pk=1)


def head() -> dict[str, Any]:
    """The head of the chain, to be anchored outside: sequence and hash."""
    row = ChainHead.objects.filter(pk=1).first()
    return {"seq": row.seq, "hash": row.hash} if row else {"seq": 0, "hash": "0" * 64}


def faults(anchors: list[dict[str, Any]] | None = None) -> tuple[int, list[str]]:
    """Check the whole chain: how many events were looked at, and what is wrong, located by sequence number."""
    wrong: list[str] = []
    previous, expected, seen = "0" * 64, 1, {0: "0" * 64}
    count = 0
    for event in Event.objects.order_by("seq").iterator(chunk_size=2000):
        count += 1
        if event.seq != expected:
            wrong.append(f"{expected}: missing (next is {event.seq})")
        elif event.previous != previous:
            wrong.append(f"{event.seq}: does not follow the event before it")
        if sm3(content(event)) != event.hash:
            wrong.append(f"{event.seq}: content changed")
        previous, expected = event.hash, event.seq + 1
        seen[event.seq] = event.hash
    now = head()
    if now["seq"] != expected - 1 or now["hash"] != previous:
        wrong.append(f"{now['seq']}: head of the chain is not the last event ({expected - 1})")
    for anchor in anchors or []:
        if seen.get(anchor["seq"]) != anchor["hash"]:
            wrong.append(f"{anchor['seq']}: older than or unlike the head anchored in {anchor.get('where', '?')}")
    return count, wrong
