"""Answers that are remembered: a snapshot never changes, so the same question of it has the same answer for ever.

A page of figures asks some sixty questions of a city's year; the person who opens it a second time, and the next person with the
same scope, get what was computed before. What is remembered is shared by all threads of a process, what is handed out never is. A
file that was damaged since is still told at once, and a proof asks ``afresh``: it computes again.
"""

from __future__ import annotations

import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from .questions import Engine, Group
from .snapshot import Snapshot

VALUES = 400_000
"""Values (keys, numbers, texts) that all answers kept may hold together, some tens of MB; what was used longest ago goes first."""
LARGEST = 400
"""Rows of an answer that is kept: the institutions of a county, not those of a nation."""
QUESTIONS = frozenset({"sums", "spread", "members", "covered", "uncovered", "names", "ledger"})
"""What is remembered. Cells, rows and screenings are pages of a list, or large, or asked once."""
_ASKED = {name: inspect.signature(getattr(Engine, name)) for name in QUESTIONS}


def _key(value: Any) -> Any:
    """An argument as something that can be a key, each kind told apart: True is not 1, a mapping is not the sequence of its pairs."""
    if isinstance(value, Mapping):
        return (Mapping, *((_key(k), _key(v)) for k, v in sorted(value.items(), key=lambda pair: str(pair[0]))))
    if isinstance(value, (list, tuple)):
        return (list, *(_key(v) for v in value))  # a question means the same by either
    if isinstance(value, (set, frozenset)):
        return (set, frozenset(_key(v) for v in value))
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value), *(_key(getattr(value, f.name)) for f in fields(value)))
    return (type(value), value)


def _own(answer: Any) -> Any:
    """A copy of what in an answer can be changed; what cannot is shared."""
    if isinstance(answer, list):
        return [_own(a) for a in answer]
    if isinstance(answer, dict):
        return {k: _own(v) for k, v in answer.items()}
    return Group(dict(answer.keys), answer.members, answer.rows, dict(answer.totals)) if isinstance(answer, Group) else answer


def _values(answer: Any) -> int:
    """How many values an answer holds."""
    if isinstance(answer, Mapping):
        return 1 + sum(_values(k) + _values(v) for k, v in answer.items())
    if isinstance(answer, (list, tuple)):
        return 1 + sum(map(_values, answer))
    return sum(_values(getattr(answer, f.name)) for f in fields(answer)) if is_dataclass(answer) else 1


def _read(snapshot: Snapshot, question: str, of: str) -> tuple[str, ...]:
    """The files that a question about a form or a ledger reads."""
    files = [f"ledgers/{of}.parquet"] if question == "ledger" else ["bodies.parquet", *snapshot.forms(of)]
    return tuple(n for n in files if n in snapshot.manifest["files"])


class Memory:
    """The answers of a process, by engine, snapshot and question."""

    def __init__(self) -> None:
        self.kept: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self.values = 0
        self.lock = threading.Lock()

    def get(self, key: Any) -> Any:
        with self.lock:
            if key not in self.kept:
                return None
            self.kept.move_to_end(key)
            return self.kept[key][0]

    def put(self, key: Any, answer: Any, values: int) -> None:
        """Keep an answer that holds so many values; the ones used longest ago make room for it."""
        with self.lock:
            if key in self.kept:
                self.values -= self.kept.pop(key)[1]
            self.kept[key] = answer, values
            self.values += values
            while self.values > VALUES:
                self.values -= self.kept.popitem(last=False)[1][1]


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
            said = _ASKED[name].bind(self.engine, snapshot, *args, **more)  # the same whether by place, by name or by default
            said.apply_defaults()
            question = {k: v for k, v in said.arguments.items() if k not in ("self", "snapshot")}
            key = (self.address, str(snapshot.folder), snapshot.manifest_hash, name, _key(question))
            kept = self.memory.get(key)
            if kept is None:
                answer = ask(snapshot, *args, **more)
                if not hasattr(answer, "__len__") or len(answer) <= LARGEST:
                    files = _read(snapshot, name, question["kind" if name == "ledger" else "form"])
                    self.memory.put(key, (_own(answer), files), _values(answer) + _values(question))
                return answer
            for file in kept[1]:
                snapshot.file(file)  # raises for one that is missing or not as frozen
            return _own(kept[0])

        return asked


def afresh(engine: Engine) -> Engine:
    """The engine that computes, whatever was answered before."""
    return engine.engine if isinstance(engine, Remembering) else engine
