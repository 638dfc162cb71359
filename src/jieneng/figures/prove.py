"""Proof: run every selection of a figure again, redo the arithmetic above it, compare to the last digit."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from jieneng.core.amount import decimal_of
from jieneng.core.figure import Figure, Selection
from jieneng.core.formula import Needs, Value, read
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.engine import Ask, Engine, Snapshot
from jieneng.rulebook.types import Book


MEMBERS = "members"
"""A selection that counts institutions instead of adding a column."""
CHANGE = "now ÷ before − 1"
"""The recipe of a relative change: its two parts are the later and the earlier figure."""


@dataclass
class Proof:
    """Whether a figure recomputes, from how many leaves, and what does not."""

    ok: bool = True
    leaves: int = 0
    cells: int = 0
    faults: list[str] = field(default_factory=list)

    def fail(self, what: str) -> None:
        self.ok = False
        self.faults.append(what)


def leaf_value(engine: Engine, snapshot: Snapshot, leaf: Selection) -> tuple[Fraction | None, str, int]:
    """The number (or text) of a selection, computed again, and the rows behind it."""
    if leaf.kind.startswith("ledger:"):
        answer = engine.ledger(snapshot, leaf.kind.partition(":")[2], take=leaf.take, column=leaf.column, where=leaf.where)
        text = "、".join(answer.texts) if leaf.take in ("list", "value") else ""
        return (Fraction(len(answer.texts)) if leaf.take == "list" else answer.value), text, answer.rows
    if leaf.take == MEMBERS:
        counted = engine.sums(snapshot, [], form=leaf.kind.partition(":")[2], period=Period.parse(leaf.period), where=leaf.where)
        return (Fraction(counted[0].members), "", counted[0].rows) if counted else (None, "", 0)
    groups = engine.sums(snapshot, [Ask(leaf.column, leaf.take)], form=leaf.kind.partition(":")[2], period=Period.parse(leaf.period),
                         where=leaf.where, complete=leaf.complete)
    if not groups:
        return None, "", 0
    total = groups[0].totals[leaf.column]
    return total.value, "", total.cells


def prove(book: Book, engine: Engine, snapshot: Snapshot, figure: Figure) -> Proof:
    """Recompute a figure from its recipe and the snapshot's rows. A damaged snapshot makes the proof fail in words.

    The formulas of indicators are read again from ``book``.
    """
    proof = Proof()
    try:
        value, text = _value(engine, snapshot, figure, proof, book)
    except Refused as refusal:
        proof.fail(str(refusal))
        return proof
    if value != figure.exact:
        proof.fail(f"{figure.name}: {_show(figure.exact)} ≠ {_show(value)}")
    if figure.text and text != figure.text:
        proof.fail(f"{figure.name}: “{figure.text}” ≠ “{text}”")
    return proof


def _show(value: Fraction | None) -> str:
    return "—" if value is None else str(decimal_of(value, 6))


def _value(engine: Engine, snapshot: Snapshot, figure: Figure, proof: Proof, book: Book) -> tuple[Fraction | None, str]:
    leaves = [p for p in figure.parts if isinstance(p, Selection)]
    if leaves:
        return _from_leaf(engine, snapshot, figure, leaves[0], proof)
    parts: dict[str, Fraction | None] = {}
    values: list[Fraction | None] = []
    for part in figure.parts:
        assert isinstance(part, Figure)
        value, _ = _value(engine, snapshot, part, proof, book)
        if value != part.exact:
            proof.fail(f"{part.name}: {_show(part.exact)} ≠ {_show(value)}")
        parts[part.name] = value
        values.append(value)
    if figure.how == CHANGE:
        return (values[0] / values[1] - 1 if values[0] is not None and values[1] else None), ""
    if figure.name in book.indicators:
        formula = book.indicators[figure.name].formula
        return read(formula, Value({n: parts.get(n) for n in read(formula, Needs())}, places=None)), ""
    known = [v for v in values if v is not None]
    return (sum(known, Fraction(0)) if known and figure.exact is not None else None), ""


def _from_leaf(engine: Engine, snapshot: Snapshot, figure: Figure, leaf: Selection, proof: Proof) -> tuple[Fraction | None, str]:
    """A leaf's value times the factors that the figure read, and its scale."""
    value, text, cells = leaf_value(engine, snapshot, leaf)
    proof.leaves += 1
    proof.cells += cells
    if cells != leaf.rows:
        proof.fail(f"{leaf.column}: {leaf.rows} cells ≠ {cells}")
    if value is None:
        # nobody answered an item whose absence counts as zero (declared in the book): zero lines prove a zero
        return (Fraction(0) if figure.exact == 0 else None), text
    for factor in figure.factors:
        value *= Fraction(factor.value)
    return value, text


def trace_lines(figure: Figure, snapshot: Snapshot, engine: Engine, language: str = "zh") -> list[str]:
    """The calculation tree for a terminal, with a proof line under every leaf."""
    lines: list[str] = []

    def walk(node: Any, depth: int) -> None:
        pad = "  " * depth
        if isinstance(node, Selection):
            value, text, cells = leaf_value(engine, snapshot, node)
            where = ", ".join(f"{k}={v}" for k, v in node.where.items())
            words = f"{cells} cells of {node.members} institutions" if node.kind.startswith("returns") else f"{cells} lines"
            lines.append(f"{pad}{node.kind} {node.column} {node.take} [{where}] {words} in snapshot {snapshot.id}: "
                         f"{text or _show(value)}" + (", proved" if cells == node.rows else ", NOT PROVED"))
            return
        label = node.label.get(language) or node.name
        value = node.text or ("—" if node.exact is None else str(decimal_of(node.exact, 4)))
        lines.append(f"{pad}{label} = {value} {node.unit}   {node.how}" + (f"   ({node.note})" if node.note else ""))
        for part in node.parts:
            walk(part, depth + 1)

    walk(figure, 0)
    return lines


__all__ = ["CHANGE", "MEMBERS", "Proof", "leaf_value", "prove", "trace_lines"]
