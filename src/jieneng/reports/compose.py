"""Compose a document: ask for every figure, refuse all that are missing by name, bind each printed number, write the proof."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
FORMAT = 3
"""Version of the proof file. 1 had no shape, checks and coverage; 2 no wordings."""


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
    given = spec.blocks
    printed = {n: spec.recipes[n].shape.show(f) for n, f in figures.items() if f.exact is not None or f.text}
    problems += _unfit(spec, printed)
    if problems:
        raise Refused(*problems)
    numbers = {n: number_of(spec.recipes[n].shape, f) for n, f in figures.items()}
    if wrong := failing(spec, numbers):
        raise Refused(*(Problem("document.arithmetic", c.says, do=T("核对这几个数的依据：{h}", "look into: {h}", h=c.holds)) for c in wrong))
    if untrue := _untrue(spec, numbers):
        raise Refused(*untrue)
    printed |= {n: r.text for n, r in spec.wordings.items()}
    spec = replace(spec, blocks=tuple((level, _worded(spec, text)) for level, text in spec.blocks))
    blocks = [official.Block(level, SLOT.sub(lambda m: marks.bound(m.group(1), printed[m.group(1)]), text)) for level, text in spec.blocks]
    blocks.append(official.Block("p", _basis(spec, figures, as_of)))
    title = official.broken(spec.title)
    proof: dict[str, Any] = {
        "format": FORMAT, "document": spec.code, "year": spec.year, "snapshot": snapshot, "as_of": as_of.isoformat(), "rulebook": rulebook,
        "chain": dict(chain), "title": title, "blocks": _shown(given, spec, printed, blocks[-1].text),
        "wordings": _wordings(spec, figures),
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
        if recipe.kind == "wording":
            continue
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


def _untrue(spec: Spec, numbers: Mapping[str, Decimal | None]) -> list[Problem]:
    """The wordings that the figures do not bear out, or of which they cannot tell."""
    return [Problem("document.wording", T("“{t}”不成立或无法判断：{h}", "“{t}” is not borne out, or cannot be told: {h}", t=r.text, h=_filled(r.holds, spec, numbers)),
                    do=T("补全台账，或改模板用语", "complete the ledger, or change the wording of the template"), where=Place(field=n))
            for n, r in spec.wordings.items() if r.holds and read(r.holds, Value({k: numbers.get(k) for k in read(r.holds, Needs())})) is not True]


def _filled(holds: str, spec: Spec, numbers: Mapping[str, Decimal | None]) -> str:
    """A condition with the words and values of its figures: 已完成招标的项目数（8） ＝ 项目数（9）."""
    said = re.sub(r"[A-Za-z_][A-Za-z0-9_]*", lambda m: f"{spec.recipes[m.group()].label}（{numbers.get(m.group())}）" if m.group() in spec.recipes else m.group(), holds)
    for sign, shown in (("==", "＝"), ("!=", "≠"), ("<=", "≤"), (">=", "≥")):
        said = said.replace(sign, shown)
    return said


def _worded(spec: Spec, text: str) -> str:
    """A text with its wordings in place: they stand in the docx as any other text."""
    return SLOT.sub(lambda m: spec.recipes[m.group(1)].text if spec.recipes[m.group(1)].kind == "wording" else m.group(), text)


def _wordings(spec: Spec, figures: Mapping[str, Figure]) -> list[dict[str, Any]]:
    """What the text claims in words: the figures that bear it out, or what a person has to look at."""
    return [{"id": n, "text": r.text, "label": r.label.as_json(), "holds": r.holds, "confirm": r.confirm.as_json() if r.confirm else None,
             "says": _filled(r.holds, spec, {k: number_of(spec.recipes[k].shape, f) for k, f in figures.items()}) if r.holds else "",
             "figures": [{"id": k, "figure": figures[k].as_json()} for k in sorted(read(r.holds, Needs()))] if r.holds else []}
            for n, r in spec.wordings.items()]


def _shown(given: Sequence[tuple[str, str]], spec: Spec, printed: Mapping[str, str], note: str) -> list[dict[str, Any]]:
    """The text for the page: each paragraph as plain pieces, bound numbers and wordings."""
    blocks = []
    for level, text in given:
        pieces, at = [], 0
        for slot in SLOT.finditer(text):
            if slot.start() > at:
                pieces.append({"text": text[at:slot.start()]})
            name = slot.group(1)
            pieces.append({"text": printed[name], "wording" if spec.recipes[name].kind == "wording" else "id": name})
            at = slot.end()
        if at < len(text):
            pieces.append({"text": text[at:]})
        blocks.append({"level": level, "text": pieces})
    return [*blocks, {"level": "p", "text": [{"text": note}]}]


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
