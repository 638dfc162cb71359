"""Compose a document: ask for every figure, refuse all that are missing by name, bind each printed number, write the proof."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jieneng.core.figure import Figure
from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T

from . import official
from .spec import Recipe, Spec

CONTEXT = 10
_SLOT = re.compile(r"\{([A-Za-z0-9_]+)\}")


@dataclass(frozen=True)
class Composed:
    """The docx and its proof: one entry per printed number."""

    docx: bytes
    proof: dict[str, Any]


def checksum(entries: list[dict[str, Any]]) -> str:
    """SHA-256 over the entries of a proof; it also stands in the docx as a property."""
    return hashlib.sha256(json.dumps(entries, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def compose(spec: Spec, resolve: Callable[[Recipe], Figure], *, snapshot: str, as_of: dt.date, rulebook: str, chain: Mapping[str, Any]) -> Composed:
    """Fill a specification. Raises ``Refused`` naming every figure that is not there; nothing is ever invented."""
    figures = {name: resolve(recipe) for name, recipe in spec.recipes.items()}
    missing = [
        Problem("document.missing", T("缺“{l}”（{n}）：{why}", "“{l}” ({n}) is missing: {why}", l=str(spec.recipes[n].label), n=n, why=f.note or "—"),
                do=T("补上记录后再编制；缺的数不会编造", "add the records and compose again; a missing number is never invented"), where=Place(field=n))
        for n, f in figures.items() if f.exact is None and not f.text]
    if missing:
        raise Refused(*missing)
    printed = {name: spec.recipes[name].shape.show(f) for name, f in figures.items()}
    blocks = [official.Block(level, _SLOT.sub(lambda m: official.bound(m.group(1), printed[m.group(1)]), text)) for level, text in spec.blocks]
    entries = _entries(spec, blocks, figures, printed)
    proof: dict[str, Any] = {
        "document": spec.code, "year": spec.year, "snapshot": snapshot, "as_of": as_of.isoformat(), "rulebook": rulebook,
        "chain": dict(chain), "title": list(spec.title), "blocks": [{"level": b.level, "text": _shown(b.text)} for b in blocks],
        "figures": entries, "checksum": checksum(entries)}
    date = f"{as_of.year}年{as_of.month}月{as_of.day}日"
    note = official.Block("p", f"（数据截至{date}。）")
    data = official.write(official.Sheet(spec.title, [*blocks, note], spec.signed, date,
                                         {"jieneng.snapshot": snapshot, "jieneng.proof": proof["checksum"]}))
    proof["docx"] = hashlib.sha256(data).hexdigest()
    return Composed(data, proof)


def _shown(text: str) -> list[dict[str, str]]:
    """A paragraph as pieces for the page: plain texts and bound numbers."""
    pieces: list[dict[str, str]] = []
    position = 0
    for m in official._MARK.finditer(text):
        if m.start() > position:
            pieces.append({"text": text[position:m.start()]})
        pieces.append({"text": m.group(2), "id": m.group(1)})
        position = m.end()
    if position < len(text):
        pieces.append({"text": text[position:]})
    return pieces


def _entries(spec: Spec, blocks: list[official.Block], figures: Mapping[str, Figure], printed: Mapping[str, str]) -> list[dict[str, Any]]:
    """One entry per printed place of a number, with its context and its figure."""
    entries, times = [], {}  # type: ignore[var-annotated]
    for n, block in enumerate(blocks):
        text = official.plain(block.text)
        shift = 0
        for m in official._MARK.finditer(block.text):
            name = m.group(1)
            start = m.start() - shift
            end = start + len(m.group(2))
            shift += (m.end() - m.start()) - len(m.group(2))
            times[name] = times.get(name, 0) + 1
            entries.append({
                "id": name, "bookmark": official.PREFIX + name + (f"_{times[name]}" if times[name] > 1 else ""), "block": n,
                "label": {"zh": spec.recipes[name].label.zh, "en": spec.recipes[name].label.en}, "printed": printed[name],
                "before": text[max(0, start - CONTEXT):start], "after": text[end:end + CONTEXT], "figure": figures[name].as_json()})
    return entries
