"""What the head of a column says: its role, the item by the concepts of its words, the unit written in it.

Pure. The words are data (``words.yaml``, and the labels of the book's items in every edition, Chinese and English). What is not
certain says so: nothing here decides, a person confirms.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jieneng.core.problem import Refused
from jieneng.core.words import T
from jieneng.rulebook import convert, unit_code
from jieneng.rulebook.types import Book

from .cells import norm

_BRACKET = re.compile(r"[（(\[【]([^（()）\[\]【】]*)[)）\]】]")
_CODE = re.compile(r"^\s*(\d{2,4})(?:[.、:：\s_-]+|(?=[^\d.%]))")
_UNIT_TOKENS = frozenset(("kwh", "mwh", "wh", "yuan", "m3", "m2", "l", "kg", "t", "gj", "mj", "tce", "kgce", "kw", "kbtu", "mmbtu", "ft2", "mcf", "therm"))
_PLURAL = {"vehicles": "vehicle"}


@dataclass(frozen=True)
class Meaning:
    """What one column (or one name of an item) seems to be. ``sure``: found word for word; else ``why`` says what is open."""

    role: str
    item: str = ""
    unit: str = ""
    sure: bool = False
    why: T = field(default_factory=lambda: T("没有认出来", "not recognised"))


@functools.cache
def words() -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parent / "words.yaml").read_text(encoding="utf-8"))


@functools.cache
def _phrases() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Phrases with their concepts, longest first; noise has none."""
    found = {norm(k): tuple(v) for k, v in words()["concepts"].items()} | {norm(n): () for n in words()["noise"]}
    return tuple(sorted(found.items(), key=lambda p: -len(p[0])))


def concepts(text: str) -> tuple[frozenset[str], str]:
    """The concepts a text speaks of, and what was left unread of it (letters and signs that no word covers)."""
    left, found = norm(text), set[str]()
    for phrase, meant in _phrases():
        if phrase in left:
            found.update(meant)
            left = left.replace(phrase, "\x00")
    return frozenset(found), re.sub(r"[\x00\W_]+", "", left)


def concepts_of(code: str) -> frozenset[str]:
    """The concepts of an item, from its code without its unit: ``petrol_vehicle_cost_yuan`` is petrol, vehicle, cost."""
    parts = code.split("_")
    while len(parts) > 1 and parts[-1] in _UNIT_TOKENS:
        parts.pop()
    return frozenset(_PLURAL.get(p, p) for p in parts)


class Recogniser:
    """The words of one book, ready to be looked up."""

    def __init__(self, book: Book, form: str) -> None:
        self.book = book
        editions = [f for f in book.forms.values() if f.code == form]
        asked = list(dict.fromkeys(i.item for f in editions for i in f.items)) or list(book.items)
        self.items = {code: book.items[code] for code in asked}
        self.by_number = {i.number.lstrip("0") or "0": i.item for f in editions for i in f.items if i.number}
        self.by_label: dict[str, set[str]] = {}
        for code, item in self.items.items():
            labels = [item.label.zh, item.label.en, code, *(x for f in editions for i in f.items if i.item == code and i.label for x in (i.label.zh, i.label.en))]
            for label in labels:
                self.by_label.setdefault(norm(label), set()).add(code)
        self.concepts = {code: concepts_of(code) for code in self.items}
        self.roles = {norm(w): role for role, listed in words()["roles"].items() for w in listed}

    # --- units ---

    def unit(self, text: str) -> str:
        """The unit a text names, as written there; "" where it names none."""
        text = text.strip().removeprefix("单位").lstrip(":：").strip()
        if not text or len(text) > 16:
            return ""
        try:
            unit_code(self.book, text)
        except Refused:
            return ""
        return text

    def fits(self, unit: str, item: str) -> bool:
        """Whether a unit can become the item's unit."""
        from decimal import Decimal

        try:
            convert(self.book, Decimal(1), unit, self.items[item].unit)
        except (Refused, KeyError):
            return False
        return True

    def split(self, label: str) -> tuple[str, str, str]:
        """A label as (words, unit, number on the form): ``110 电（千瓦时）`` is 电, 千瓦时, 110."""
        unit, number = "", ""
        if (code := _CODE.match(label)) and (code.group(1).lstrip("0") or "0") in self.by_number:
            number, label = code.group(1).lstrip("0") or "0", label[code.end():]
        kept = label
        for bracket in _BRACKET.finditer(label):
            if named := self.unit(bracket.group(1)):
                unit, kept = named, kept.replace(bracket.group(0), " ")
            elif (inside := bracket.group(1).strip().lstrip("0")) in self.by_number:
                number, kept = inside, kept.replace(bracket.group(0), " ")
        parts = [p for p in re.split(r"[/\n]", kept) if p.strip()]
        if not unit and len(parts) > 1 and (named := self.unit(parts[-1])):
            unit, parts = named, parts[:-1]
        if not unit and parts and (tail := re.search(r"[_\s,，:：]([^\s_,，:：]+)$", parts[-1].strip())) and (named := self.unit(tail.group(1))):
            unit, parts[-1] = named, parts[-1][:parts[-1].rfind(tail.group(1))]
        return "/".join(parts), unit, number

    # --- roles ---

    def role(self, label: str) -> tuple[str, bool]:
        """The role a label names, and whether it does word for word; "" where it names none."""
        last = label.split("/")[-1]
        for text in (label, last):
            if (found := self.roles.get(norm(_BRACKET.sub("", text)))) is not None:
                return found, True
        whole = norm(label)
        near = sorted((w for w in self.roles if len(w) >= 3 and w in whole), key=len, reverse=True)
        return (self.roles[near[0]], False) if near else ("", False)

    def item(self, label: str) -> Meaning | None:
        """The item a label speaks of; None where it speaks of none."""
        text, unit, number = self.split(label)
        exact = {c for key in (norm(label), norm(text), norm(text.split("/")[-1])) for c in self.by_label.get(key, ())}
        named, left = concepts(text.replace("/", "|"))
        if unit and self._money(unit) and "cost" not in named and named:
            named |= {"cost"}
        candidates = [c for c in self.items if self.concepts[c] == named] if named else []
        if len(candidates) > 1 and unit:
            candidates = [c for c in candidates if self.fits(unit, c)]
        by_number = self.by_number.get(number, "") if number else ""
        return self._settled(exact, candidates, named, by_number, unit, left, bool(text.strip()))

    def _money(self, unit: str) -> bool:
        return self.book.units[unit_code(self.book, unit)].family == "money"

    def _settled(self, exact: set[str], candidates: Sequence[str], named: frozenset[str], by_number: str, unit: str, left: str, worded: bool) -> Meaning | None:
        """One answer from what label, concepts and number say; not sure where they differ or leave something unread."""
        said = T("按名称", "by its name")
        if len(exact) == 1 and not (by_number and by_number not in exact):
            item, sure = next(iter(exact)), True
        elif by_number:
            item, sure = by_number, by_number in candidates or not worded
            said = T("按表内代码", "by its number on the form")
        elif len(candidates) == 1:
            item, sure = candidates[0], not left
            said = T("按词义", "by its words")
        elif candidates or (named and (near := self._near(named, unit))):
            item, sure = (candidates or near)[0], False
            said = T("可能是这一项，也可能是：{o}", "may be this one, or: {o}", o="、".join(str(self.items[c].label) for c in (candidates or near)[1:4]) or "—")
        else:
            return None
        if unit and not self.fits(unit, item):
            return Meaning("item", item, unit, False, T("单位“{u}”和这项对不上", "unit “{u}” does not fit this item", u=unit))
        if not unit:
            return Meaning("item", item, "", False, T("{w}；表头没有写计量单位，请选", "{w}; the head names no unit, choose it", w=said))
        if sure:
            return Meaning("item", item, unit, True, said)
        return Meaning("item", item, unit, False, T("{w}，请确认", "{w}; please confirm", w=said))

    def _near(self, named: Iterable[str], unit: str) -> list[str]:
        """Items that share most concepts with what is named, those whose unit fits alone where a unit is known."""
        wanted = frozenset(named)
        scored = [(len(wanted & c) / len(wanted | c), code) for code, c in self.concepts.items() if wanted & c and (not unit or self.fits(unit, code))]
        best = max((s for s, _ in scored), default=0.0)
        return [code for s, code in scored if s == best] if best >= 0.5 else []

    def meaning(self, label: str) -> Meaning:
        """What a column head is: a role by its words, else an item, else nothing known."""
        role, exact = self.role(label)
        if role and exact:
            return _as_role(role, True)
        found = self.item(label)
        if found is not None:
            return found
        if role:
            return _as_role(role, False)
        return Meaning("skip")


def _as_role(role: str, sure: bool) -> Meaning:
    said = T("按名称", "by its name") if sure else T("名称里有这个词，请确认", "its name holds the word; please confirm")
    return Meaning(role, sure=sure, why=said)
