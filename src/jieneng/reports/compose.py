"""Compose a document: ask for every figure, refuse all that are missing by name, bind each printed number, write the proof."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jieneng.core.figure import Figure
from jieneng.core.formula import Needs, Value, read
from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T

from . import marks, official
from .spec import SLOT, Check, Recipe, Shape, Spec

CONTEXT = 10
"""Characters kept on each side of a number, by which it is found when its bookmark is gone."""
FORMAT = 2
"""Version of the proof file. 1 had no shape, checks and coverage."""


@dataclass(frozen=True)
class Composed:
    """The docx and its proof: one entry per printed number."""

    docx: bytes
    proof: dict[str, Any]


def checksum(proof: Mapping[str, Any]) -> str:
    """SHA-256 over a proof without its checksum and the docx's hash; it also stands in the docx as a property."""
    content = {k: v for k, v in proof.items() if k not in ("checksum", "docx")}
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def compose(spec: Spec, resolve: Callable[[Recipe], Figure], *, snapshot: str, as_of: dt.date, rulebook: str, chain: Mapping[str, Any],
            dated: dt.date | None = None) -> Composed:
    """Fill a specification. Raises ``Refused`` naming every figure that is not there; nothing is ever invented.

    ``as_of`` is the day the numbers stand for and is printed; ``dated`` is the day of signing, by default the same.
    """
    figures, problems = _ask(spec, resolve)
    printed = {n: spec.recipes[n].shape.show(f) for n, f in figures.items() if f.exact is not None or f.text}
    problems += _unfit(spec, printed)
    if problems:
        raise Refused(*problems)
    if wrong := failing(spec, {n: number_of(spec.recipes[n].shape, f) for n, f in figures.items()}):
        raise Refused(*(Problem("document.arithmetic", c.says, do=T("核对这几个数的依据：{h}", "look into: {h}", h=c.holds)) for c in wrong))
    blocks = [official.Block(level, SLOT.sub(lambda m: marks.bound(m.group(1), printed[m.group(1)]), text)) for level, text in spec.blocks]
    blocks.append(official.Block("p", _basis(spec, figures, as_of)))
    title = official.broken(spec.title)
    proof: dict[str, Any] = {
        "format": FORMAT, "document": spec.code, "year": spec.year, "snapshot": snapshot, "as_of": as_of.isoformat(), "rulebook": rulebook,
        "chain": dict(chain), "title": title, "blocks": [{"level": b.level, "text": _shown(b.text)} for b in blocks],
        "checks": [{"holds": c.holds, "says": {"zh": c.says.zh, "en": c.says.en}} for c in spec.checks],
        "figures": _entries(spec, blocks, figures, printed)}
    proof["checksum"] = checksum(proof)
    data = official.write(official.Sheet(
        spec.title, blocks, spec.signed, dated or as_of, issuer=spec.head.get("issuer", ""), number=spec.head.get("number", ""),
        to=spec.head.get("to", ""), bold=spec.bold,
        properties={"jieneng.snapshot": snapshot, "jieneng.as_of": as_of.isoformat(), "jieneng.proof": proof["checksum"]}))
    proof["docx"] = hashlib.sha256(data).hexdigest()
    return Composed(data, proof)


def _ask(spec: Spec, resolve: Callable[[Recipe], Figure]) -> tuple[dict[str, Figure], list[Problem]]:
    """Every figure, and a problem for each that is unknown or whose recipe was refused (a factor without a value)."""
    figures: dict[str, Figure] = {}
    problems: list[Problem] = []
    for name, recipe in spec.recipes.items():
        why = ""
        try:
            figures[name] = resolve(recipe)
        except Refused as refusal:
            why = str(refusal)
        else:
            if figures[name].exact is None and not figures[name].text:
                why = figures[name].note or "—"
        if why:
            problems.append(Problem(
                "document.missing", T("缺“{l}”（{n}）：{why}", "“{l}” ({n}) is missing: {why}", l=recipe.label, n=name, why=why),
                do=T("补上记录后再编制；缺的数不会编造", "add the records and compose again; a missing number is never invented"), where=Place(field=name)))
    return figures, problems


def _unfit(spec: Spec, printed: Mapping[str, str]) -> list[Problem]:
    """Entered texts that cannot stand in a document: line ends, control characters, private use, over-long."""
    return [Problem("document.text", T("“{l}”（{n}）里有不能印出的字符 {c}", "“{l}” ({n}) holds a character that cannot be printed: {c}",
                                       l=spec.recipes[n].label, n=n, c=marks.unprintable(text) or "—"),
                    do=T("在台账里改正后再编制", "mend it in the ledger and compose again"), where=Place(field=n))
            for n, text in printed.items() if not text or marks.unprintable(text)]


def number_of(shape: Shape, figure: Figure) -> Decimal | None:
    """The number as printed, signed also where a word says rise or fall; None for a figure of words."""
    return None if figure.exact is None or figure.text else shape.rounded(figure.exact)


def failing(spec: Spec, numbers: Mapping[str, Decimal | None]) -> list[Check]:
    """The checks that printed numbers break. A check with an unknown is not applied."""
    return [c for c in spec.checks if read(c.holds, Value({n: numbers.get(n) for n in read(c.holds, Needs())})) is False]


def _basis(spec: Spec, figures: Mapping[str, Figure], as_of: dt.date) -> str:
    """The closing note: what day the numbers stand for, and which of them do not cover everybody."""
    partial: dict[tuple[int, int], list[str]] = {}
    for name, f in figures.items():
        if f.coverage and not f.coverage.full:
            partial.setdefault((f.coverage.covered, f.coverage.members), []).append(spec.recipes[name].label.zh)
    said = "".join(f"{'、'.join(labels)}按{a}家计算，统计范围{b}家。" for (a, b), labels in partial.items())
    return f"（数据截至{official.in_full(as_of)}。{said}）"


def _shown(text: str) -> list[dict[str, str]]:
    """A paragraph as pieces for the page: plain texts and bound numbers."""
    return [{"text": p.text, "id": p.id} if p.id else {"text": p.text} for p in marks.pieces(text)]


def _entries(spec: Spec, blocks: list[official.Block], figures: Mapping[str, Figure], printed: Mapping[str, str]) -> list[dict[str, Any]]:
    """One entry per printed place of a number, with its context and its figure."""
    entries, names = [], marks.Names()
    for n, block in enumerate(blocks):
        text = marks.plain(block.text)
        for start, end, name in marks.spans(block.text):
            recipe = spec.recipes[name]
            entries.append({
                "id": name, "bookmark": names.take(name), "block": n, "label": {"zh": recipe.label.zh, "en": recipe.label.en},
                "printed": printed[name], "before": text[max(0, start - CONTEXT):start], "after": text[end:end + CONTEXT],
                "shape": recipe.shape.as_json(), "figure": figures[name].as_json()})
    return entries
