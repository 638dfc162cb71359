"""Proof: run every selection of a figure again, redo the arithmetic above it, compare to the last digit."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from jieneng.core.amount import decimal_of
from jieneng.core.figure import FactorUsed, Figure, Selection
from jieneng.core.formula import FormulaError, Needs, Value, read
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.core.words import T, speaking
from jieneng.engine import Ask, Engine, Snapshot, afresh
from jieneng.rulebook.types import Book

MEMBERS = "members"
"""A selection that counts institutions instead of adding a column."""
CHANGE = "now ÷ before − 1"
"""The recipe of a relative change: its two parts are the later and the earlier figure."""


@dataclass
class Proof:
    """Whether a figure recomputes, from how many leaves, and what does not. ``notes``: what could not be looked at."""

    ok: bool = True
    leaves: int = 0
    cells: int = 0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fail(self, what: str) -> None:
        self.ok = False
        self.faults.append(what)


@dataclass(frozen=True)
class Again:
    """A selection computed again: its number or text, and the rows and members behind it."""

    value: Fraction | None
    text: str
    rows: int
    members: int


def leaf_again(engine: Engine, snapshot: Snapshot, leaf: Selection) -> Again:
    """Run a selection. Raises ``Refused`` when the file it reads is not as it was frozen."""
    kind, _, name = leaf.kind.partition(":")
    if kind == "ledger":
        answer = engine.ledger(snapshot, name, take=leaf.take, column=leaf.column, where=leaf.where)
        text = "、".join(answer.texts) if leaf.take in ("list", "value") else ""
        return Again(Fraction(len(answer.texts)) if leaf.take == "list" else answer.value, text, answer.rows, answer.rows)
    asks = [] if leaf.take == MEMBERS else [Ask(leaf.column, leaf.take)]
    groups = engine.sums(snapshot, asks, form=name, period=Period.parse(leaf.period), where=leaf.where, complete=leaf.complete)
    if not groups:
        return Again(None, "", 0, 0)
    if leaf.take == MEMBERS:
        return Again(Fraction(groups[0].members), "", groups[0].rows, groups[0].members)
    total = groups[0].totals[leaf.column]
    return Again(total.value, "", total.cells, total.members)


def leaf_value(engine: Engine, snapshot: Snapshot, leaf: Selection) -> tuple[Fraction | None, str, int]:
    """The number (or text) of a selection, computed again, and the rows behind it."""
    again = leaf_again(engine, snapshot, leaf)
    return again.value, again.text, again.rows


def prove(book: Book, engine: Engine, snapshot: Snapshot, figure: Figure) -> Proof:
    """Recompute a figure from its recipe and the snapshot's rows.

    A damaged snapshot, and a recipe that cannot be run, make the proof fail in words. Factors are compared with ``book``
    while it is the rulebook that the figure was made with; later the ones kept in the figure stand, and that is noted.
    """
    proof = Proof()
    if figure.rulebook and figure.rulebook != book.hash:
        proof.notes.append(str(T("规则库已更新，系数和公式按生成时记下的", "the rulebook has changed; factors and formulas are those kept with the figure")))
    try:
        value, text = _value(afresh(engine), snapshot, figure, proof, book)
    except Refused as refusal:
        proof.fail(str(refusal))
        return proof
    except (ValueError, KeyError, TypeError, FormulaError) as error:
        proof.fail(str(T("算法读不出来：{e}", "the recipe cannot be run: {e}", e=str(error).replace("{", "(").replace("}", ")"))))
        return proof
    _same(figure, value, proof)
    if figure.text and text != figure.text:
        proof.fail(f"{figure.name}: “{figure.text}” ≠ “{text}”")
    if not proof.leaves and figure.exact is not None:
        proof.fail(str(T("{n} 没有取数依据", "{n} rests on no selection", n=figure.name)))
    return proof


def _show(value: Fraction | None) -> str:
    return "—" if value is None else str(decimal_of(value, 6))


def _same(figure: Figure, value: Fraction | None, proof: Proof) -> None:
    if value != figure.exact:
        proof.fail(f"{figure.name}: {_show(figure.exact)} ≠ {_show(value)}")


def _value(engine: Engine, snapshot: Snapshot, figure: Figure, proof: Proof, book: Book) -> tuple[Fraction | None, str]:
    leaves = [p for p in figure.parts if isinstance(p, Selection)]
    if leaves:
        if len(figure.parts) != 1:
            proof.fail(f"{figure.name}: {len(figure.parts)} parts beside a selection")
        return _from_leaf(engine, snapshot, figure, leaves[0], proof, book)
    parts: dict[str, Fraction | None] = {}
    values: list[Fraction | None] = []
    for part in figure.parts:
        assert isinstance(part, Figure)
        value, _ = _value(engine, snapshot, part, proof, book)
        _same(part, value, proof)
        parts[part.name] = value
        values.append(value)
    if figure.how == CHANGE:
        return (values[0] / values[1] - 1 if len(values) == 2 and values[0] is not None and values[1] else None), ""
    formula = figure.formula
    if figure.name in book.indicators and figure.rulebook == book.hash:
        formula = book.indicators[figure.name].formula
    if formula:
        return read(formula, Value({n: parts.get(n) for n in read(formula, Needs())}, places=None)), ""
    known = [v for v in values if v is not None]
    return (sum(known, Fraction(0)) if known and figure.exact is not None else None), ""


def _from_leaf(engine: Engine, snapshot: Snapshot, figure: Figure, leaf: Selection, proof: Proof, book: Book) -> tuple[Fraction | None, str]:
    """A leaf's value times the factors that the figure read, and its scale."""
    if leaf.snapshot != snapshot.id:
        proof.fail(str(T("{n} 取自快照 {a}，不是 {b}", "{n} was taken from snapshot {a}, not {b}", n=figure.name, a=leaf.snapshot, b=snapshot.id)))
    again = leaf_again(engine, snapshot, leaf)
    proof.leaves += 1
    proof.cells += again.rows
    if (again.rows, again.members) != (leaf.rows, leaf.members):
        proof.fail(f"{leaf.column}: {leaf.rows} / {leaf.members} ≠ {again.rows} / {again.members}")
    for factor in figure.factors:
        _known(figure, factor, proof, book)
    if again.value is None:
        # nobody answered an item whose absence counts as zero (declared in the book): zero lines prove a zero
        return (Fraction(0) if figure.exact == 0 else None), again.text
    value = again.value
    for factor in figure.factors:
        value *= Fraction(factor.value)
    return value, again.text


def _known(figure: Figure, factor: FactorUsed, proof: Proof, book: Book) -> None:
    """A factor that a figure says it read must stand in the rulebook that it says it was read from."""
    if figure.rulebook != book.hash:
        return
    if factor.name in book.factors:
        known = any((v.value, v.since.isoformat(), v.region, v.vintage) == (Decimal(factor.value), factor.since, factor.region, factor.vintage)
                    for v in book.factors[factor.name].values)
    else:
        known = any(c.scale == Decimal(factor.value) for c in book.composites.values() if any(t.item == figure.name for t in c.terms))
    if not known:
        proof.fail(str(T("规则库里没有系数 {f} = {v}", "the rulebook has no factor {f} = {v}", f=factor.name, v=factor.value)))


def trace_lines(figure: Figure, snapshot: Snapshot, engine: Engine, language: str = "zh") -> list[str]:
    """The calculation tree for a terminal, with a proof line under every leaf. Raises ``Refused`` on a damaged snapshot."""
    lines: list[str] = []

    def walk(node: Any, depth: int) -> None:
        pad = "  " * depth
        if isinstance(node, Selection):
            lines.append(pad + _leaf_line(engine, snapshot, node))
            return
        label = node.label.get(language) or node.name
        value = node.text or ("—" if node.exact is None else str(decimal_of(node.exact, 4)))
        cover = f"   {T('覆盖', 'covers')} {node.coverage.covered}/{node.coverage.members}" if node.coverage else ""
        lines.append(f"{pad}{label} = {value} {node.unit}".rstrip() + f"   {node.how}{cover}" + (f"   （{node.note}）" if node.note else ""))
        for part in node.parts:
            walk(part, depth + 1)

    with speaking(language):
        walk(figure, 0)
    return lines


def _leaf_line(engine: Engine, snapshot: Snapshot, leaf: Selection) -> str:
    """What a selection chooses, and whether it still gives the same rows."""
    again = leaf_again(engine, snapshot, leaf)
    same = (again.rows, again.members, leaf.snapshot) == (leaf.rows, leaf.members, snapshot.id)
    where = ", ".join(f"{k}={v}" for k, v in leaf.where.items())
    if leaf.kind.startswith("returns"):
        count = T("{r} 个数据格、{m} 家", "{r} cells of {m} institutions", r=again.rows, m=again.members)
    else:
        count = T("{r} 条", "{r} lines", r=again.rows)
    proved = T("已核对", "proved") if same else T("核对不上", "NOT PROVED")
    return (f"{leaf.kind} {leaf.column} {leaf.take} {leaf.period} [{where}] {count} "
            f"{T('快照', 'in snapshot')} {snapshot.id}: {again.text or _show(again.value)}, {proved}")


__all__ = ["CHANGE", "MEMBERS", "Again", "Proof", "leaf_again", "leaf_value", "prove", "trace_lines"]
