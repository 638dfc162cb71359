"""The shape of a form when it is filled in, all from its edition: pairs of quantity and cost, sums that are computed, what holds all year."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from jieneng.core.formula import parse
from jieneng.core.words import T, language
from jieneng.returns.examine import Examiner
from jieneng.rulebook.types import Book, Form, Item

EVERY = "all"
"""Stands for the period of a value that holds in all of them."""


@dataclass(frozen=True)
class Entry:
    """One item as it is asked for. ``parts``: it is their sum and never typed."""

    item: Item
    number: str
    label: T
    required: bool
    parts: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return self.item.code


@dataclass(frozen=True)
class Pair:
    """A quantity and its cost (None where the form asks for none). ``family``: the top quantity it belongs to."""

    quantity: Entry
    cost: Entry | None
    family: str

    @property
    def entries(self) -> tuple[Entry, ...]:
        return (self.quantity, *((self.cost,) if self.cost else ()))

    @property
    def computed(self) -> bool:
        return bool(self.quantity.parts)


@dataclass(frozen=True)
class Shape:
    """``entries`` in the form's order; ``pairs`` are the flows (typed per period), ``standing`` what holds all year."""

    form: Form
    entries: dict[str, Entry]
    pairs: tuple[Pair, ...]
    standing: tuple[Entry, ...]

    @cached_property
    def families(self) -> dict[str, tuple[Pair, ...]]:
        """Top quantity → its pairs, parts before their sum: what is declared not used is declared for all of them."""
        found: dict[str, list[Pair]] = {}
        for p in self.pairs:
            found.setdefault(p.family, []).append(p)
        return {k: tuple(v) for k, v in found.items()}

    @cached_property
    def _items(self) -> dict[str, frozenset[str]]:
        return {k: frozenset(e.code for p in pairs for e in p.entries) for k, pairs in self.families.items()}

    @cached_property
    def examiner(self) -> Examiner:
        """The checks of the form, read once."""
        return Examiner(self.form)

    def family_items(self, family: str) -> frozenset[str]:
        return self._items.get(family, frozenset())


def sums(form: Form) -> dict[str, tuple[str, ...]]:
    """Which items are the sum of which: read from the edition's own balance checks, ``abs(total_item - total(part, part)) <= …``.

    An item that a check holds to be the sum of others is computed from them, so that check can never fail on our page.
    """
    found: dict[str, tuple[str, ...]] = {}
    for check in form.checks:
        match parse(check.holds).body:
            case ast.Compare(left=ast.Call(func=ast.Name(id="abs"), args=[ast.BinOp(
                    left=ast.Name(id=whole), op=ast.Sub(), right=ast.Call(func=ast.Name(id="total"), args=parts))])) if (
                    len(parts) > 1 and all(isinstance(p, ast.Name) for p in parts)):
                found[whole] = tuple(p.id for p in parts if isinstance(p, ast.Name))
    asked = {i.item for i in form.items}
    return {whole: parts for whole, parts in found.items() if {whole, *parts} <= asked}


_MADE: dict[tuple[str, str], Shape] = {}
"""Shapes by book and edition: a book never changes, a new one has another hash."""


def _shape(form: Form, by_code: Mapping[str, Item]) -> Shape:
    added = sums(form)
    entries = {fi.item: Entry(by_code[fi.item], fi.number, fi.label or by_code[fi.item].label, fi.required, added.get(fi.item, ()))
               for fi in form.items}
    costs = {e.item.parent: e for e in entries.values() if e.item.kind == "cost" and e.item.parent}
    part_of = {part: whole for whole, parts in added.items() for part in parts}
    pairs: list[Pair] = []

    def cost_of(code: str) -> Entry | None:
        if code in part_of:  # the cost of the second part is the second part of the whole's cost
            whole = part_of[code]
            cost = costs.get(whole)
            at = added[whole].index(code)
            return entries[cost.parts[at]] if cost and at < len(cost.parts) else None
        return costs.get(code)

    for e in entries.values():
        if e.item.over_time != "sum" or e.item.kind == "cost" or e.code in part_of:
            continue
        pairs += [Pair(entries[part], cost_of(part), e.code) for part in e.parts]
        pairs.append(Pair(e, cost_of(e.code), e.code))
    paired = {e.code for p in pairs for e in p.entries}
    lone = [Pair(e, None, e.code) for e in entries.values() if e.item.over_time == "sum" and e.code not in paired]
    standing = tuple(e for e in entries.values() if e.item.over_time != "sum")
    return Shape(form, entries, (*pairs, *lone), standing)


def shape_of(book: Book, form: Form) -> Shape:
    """The shape of a form of this book."""
    key = (book.hash, form.name)
    if key not in _MADE:
        if len(_MADE) > 64:
            _MADE.clear()
        _MADE[key] = _shape(form, book.items)
    return _MADE[key]


WORDS = ("person", "vehicle", "piece", "time", "money")
"""Families whose units are words in Chinese (人, 辆, 元); the others have a sign."""


def unit_sign(book: Book, code: str) -> str:
    """A unit as it is printed in a box: m³, kWh, 人, 元; in large type its word (``unit_word``)."""
    unit = book.units.get(code)
    if unit is None:
        return code
    return unit.label.zh if language() == "zh" and unit.family in WORDS else unit.label.en


def unit_word(book: Book, code: str) -> str:
    """A unit as a word: 立方米, 千瓦时."""
    return str(book.units[code].label) if code in book.units else code


def computed(shape: Shape, answers: dict[str, Decimal | None]) -> None:
    """Put the sums in: known where every part is."""
    for e in shape.entries.values():
        if e.parts:
            parts = [answers.get(p) for p in e.parts]
            known = [p for p in parts if p is not None]
            answers[e.code] = sum(known, Decimal(0)) if len(known) == len(parts) else None
