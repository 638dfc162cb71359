"""What one draft of a document changed against the one before it: numbers, wording, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jieneng.core.words import T


@dataclass(frozen=True)
class Change:
    """A number (or a figure of words) as it was and as it is; one of them is empty where it came or went."""

    id: str
    label: Mapping[str, str]
    old: str
    new: str


@dataclass(frozen=True)
class Compared:
    """The changes of a draft: its numbers, how many paragraphs read otherwise, and the snapshot if it is another one."""

    before: int
    changes: list[Change]
    paragraphs: int
    snapshot: tuple[str, str] | None

    @property
    def says(self) -> str:
        """与第 1 稿比：改动 1 处：1.6821 → 1.6921。"""
        parts = []
        if self.changes:
            shown = "；".join(f"{c.old or '—'} → {c.new or '—'}" for c in self.changes[:3]) + ("…" if len(self.changes) > 3 else "")
            parts.append(str(T("改动 {n} 处：{c}", "{n} changes: {c}", n=len(self.changes), c=shown)))
        if self.paragraphs:
            parts.append(str(T("文字有 {n} 段不同", "{n} paragraphs read otherwise", n=self.paragraphs)))
        if not parts:
            parts.append(str(T("数和文字都没有改动", "no number and no text changed")))
        return str(T("与第 {n} 稿比：", "Against draft {n}: ", n=self.before)) + "，".join(parts)


def _printed(proof: Mapping[str, Any]) -> dict[str, tuple[str, Mapping[str, str]]]:
    return {e["id"]: (e["printed"], e["label"]) for e in proof["figures"]}


def _skeletons(proof: Mapping[str, Any]) -> list[str]:
    """The paragraphs without their numbers and without the closing note, which says the day."""
    return ["".join(f"{{{p['id']}}}" if "id" in p else p["text"] for p in b["text"]) for b in proof["blocks"][:-1]]


def compared(old: Mapping[str, Any], new: Mapping[str, Any], number: int) -> Compared:
    """Two proofs of one document; ``number`` is that of the older draft."""
    was, now = _printed(old), _printed(new)
    changes = [Change(k, (now.get(k) or was[k])[1], was.get(k, ("", {}))[0], now.get(k, ("", {}))[0])
               for k in [*now, *(k for k in was if k not in now)] if was.get(k, ("", {}))[0] != now.get(k, ("", {}))[0]]
    before, after = _skeletons(old), _skeletons(new)
    paragraphs = sum(b not in before for b in after) + max(0, sum(b not in after for b in before) - sum(b not in before for b in after))
    return Compared(number, changes, paragraphs, (old["snapshot"], new["snapshot"]) if old["snapshot"] != new["snapshot"] else None)
