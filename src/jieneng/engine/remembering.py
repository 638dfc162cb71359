"""Answers that are remembered: a snapshot never changes, so the same question of it has the same answer for ever.

A page of figures asks some sixty questions of a city's year; the person who opens it a second time, and the next person with the
same scope, get what was computed before. What is remembered is shared by all threads of a process. A file that was damaged
since is still told at once, and a proof asks ``afresh``: it computes again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from .questions import Engine
from .snapshot import Snapshot

ANSWERS = 4096
"""Answers that are kept, the ones used last."""
LARGEST = 400
"""Rows of an answer that is kept: the institutions of a county, not those of a nation."""
QUESTIONS = frozenset({"sums", "spread", "members", "covered", "uncovered", "names", "ledger"})
"""What is remembered. Cells, rows and screenings are pages of a list, or large, or asked once."""


def _key(value: Any) -> Any:
    """An argument as something that can be a key."""
    if isinstance(value, Mapping):
        return ("map", *((k, _key(v)) for k, v in sorted(value.items())))
    if isinstance(value, (list, tuple)):
        return tuple(_key(v) for v in value)
    return frozenset(value) if isinstance(value, set) else value


def _read(snapshot: Snapshot, question: str, of: str) -> tuple[str, ...]:
    """The files that a question about a form or a ledger reads."""
    files = [f"ledgers/{of}.parquet"] if question == "ledger" else ["bodies.parquet", *snapshot.forms(of)]
    return tuple(n for n in files if n in snapshot.manifest["files"])


class Memory:
    """The answers of a process, by engine, snapshot and question."""

    def __init__(self) -> None:
        self.kept: OrderedDict[Any, Any] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: Any) -> Any:
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
            return self.kept.get(key)

    def put(self, key: Any, answer: Any) -> None:
        with self.lock:
            self.kept[key] = answer
            while len(self.kept) > ANSWERS:
                self.kept.popitem(last=False)


MEMORY = Memory()


class Remembering:
    """An engine that first looks whether it was asked before."""

    def __init__(self, engine: Engine, address: str, memory: Memory = MEMORY) -> None:
        self.engine, self.address, self.memory = engine, address, memory

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.engine, name)
        return self._remembered(name, found) if name in QUESTIONS else found

    def _remembered(self, name: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def asked(snapshot: Snapshot, *args: Any, **more: Any) -> Any:
            key = (self.address, str(snapshot.folder), snapshot.manifest_hash, name, _key(args), _key(more))
            kept = self.memory.get(key)
            if kept is None:
                answer = ask(snapshot, *args, **more)
                kept = (answer, _read(snapshot, name, more.get("form") or args[0]))
                if not hasattr(answer, "__len__") or len(answer) <= LARGEST:
                    self.memory.put(key, kept)
            else:
                for file in kept[1]:
                    snapshot.file(file)  # raises for one that is missing or not as frozen
            answer = kept[0]
            return type(answer)(answer) if isinstance(answer, (list, dict)) else answer

        return asked


def afresh(engine: Engine) -> Engine:
    """The engine that computes, whatever was answered before."""
    return engine.engine if isinstance(engine, Remembering) else engine
