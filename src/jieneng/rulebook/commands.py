"""What ``jieneng rulebook`` prints: check, show, diff, gaps; and the worked cases that are the tests of a book."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from jieneng.core.formula import Value, read
from jieneng.core.problem import Problem
from jieneng.core.words import T

from .editions import changes, form_named
from .loading import BOOKS, load
from .lookup import factor_value
from .reading import Door, Node, Reader, read_yaml
from .types import Book


def books() -> list[str]:
    """The books that are shipped."""
    return sorted(p.name for p in BOOKS.iterdir() if (p / "book.yaml").exists())


def show(book: Book, name: str) -> list[str]:
    """A resolved edition (``consumption@2022``), line by line."""
    form = form_named(book, name)
    lines = [f"{form.title} {form.name}", f"  {form.issuer} {form.document}",
             str(T("  数据年份 {a} 起", "  data years from {a}", a=form.years_from)) + (str(T("，至 {b}", " to {b}", b=form.years_to)) if form.years_to else "")]
    for fi in form.items:
        item = book.items[fi.item]
        lines.append(f"  {fi.number or '—':>5} {fi.label or item.label}  {item.unit}  {fi.item}" + ("" if fi.required else str(T("  可不填", "  optional"))))
    for c in (*form.checks, *form.across):
        lines.append(f"  {c.id:>5} {c.severity.label}  {c.holds}" + (f"  [{c.when}]" if c.when else ""))
    lines += [f"  ! {n}" for n in form.notes]
    return lines


def diff(book: Book, old: str, new: str) -> list[str]:
    """What changed between two editions, in words: one line each, by kind (items, checks, factors and from when)."""
    return [str(c.says) for c in changes(book, old, new)] or [str(T("没有变化", "no change"))]


def gaps(book: Book) -> list[str]:
    """What the public record does not hold, and what follows."""
    return [f"{g.topic}: {g.missing} → {g.consequence}" for g in book.gaps]


def check(codes: Sequence[str] = (), extra: tuple[Path, ...] = ()) -> tuple[list[str], list[Problem]]:
    """Read books strictly and run their worked cases: lines to print, and every case that does not come out."""
    lines: list[str] = []
    problems: list[Problem] = []
    for code in codes or books():
        book = load(code, extra)
        ran, wrong = run_cases(book)
        problems += wrong
        lines.append(str(T("{c}：{f} 份报表，{i} 个指标，{k} 个系数，{n} 个算例，{g} 处空白已说明，{h}", "{c}: {f} forms, {i} items, {k} factors, {n} cases, {g} gaps said, {h}",
                           c=code, f=len(book.forms), i=len(book.items), k=len(book.factors), n=ran, g=len(book.gaps), h=book.hash[:12])))
    return lines, problems


def run_cases(book: Book) -> tuple[int, list[Problem]]:
    """The worked examples beside the rules, readable by the person who knows the rule: they are the tests of a book."""
    folder, door, ran = BOOKS / book.code / "cases", Door(), 0
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else []:
        node = read_yaml(path, f"{book.code}/cases/{path.name}", door)
        for case in node or []:
            ran += 1
            _case(book, case, door)
    return ran, door.problems


def _case(book: Book, node: Node, door: Door) -> None:
    """One case: given sums, then a composite, indicator or formula must lie in an interval, or equal a value."""
    r = Reader(node, door)
    name, year = r.text("case"), r.integer("year")
    given = {k: Fraction(str(v.value)) for k, v in r.map("given").items()}
    for what, expected in r.map("then").items():
        got = _value(book, what, given, year)
        low, high = _bounds(expected)
        if not low <= got <= high:
            door.tell("case.fails", expected, T("算例“{n}”：{w} 得 {g}", "case “{n}”: {w} gives {g}", n=name, w=what, g=f"{float(got):.6g}"),
                      expected=T("{a} 到 {b}", "{a} to {b}", a=f"{float(low):.6g}", b=f"{float(high):.6g}"))
    r.text("source", "")
    r.done()


def _bounds(node: Node) -> tuple[Fraction, Fraction]:
    if isinstance(node.value, list):
        low, high = (Fraction(str(n.value)) for n in node.value)
        return low, high
    return Fraction(str(node.value)), Fraction(str(node.value))


def _value(book: Book, what: str, given: dict[str, Fraction], year: int) -> Fraction:
    """A composite, one of its terms (``energy_tce.coal_t``), an indicator, or a formula over what is given."""
    import datetime as dt

    composite, _, only = what.partition(".")
    if composite in book.composites:
        c = book.composites[composite]
        total = Fraction(0)
        for term in c.terms:
            if term.item not in given or (only and term.item != only) or not term.holds(year):
                continue
            value = given[term.item] * Fraction(c.scale)
            for f in term.factors:
                vintage = c.vintage if any(v.vintage == c.vintage for v in book.factors[f].values) else ""
                value *= Fraction(factor_value(book, f, dt.date(year, 12, 31), "", vintage).value)
            total += value
        return total
    sums: dict[str, Any] = {**given, **{n: _value(book, n, given, year) for n in book.composites if n in what or n in book.indicators.get(what, _NONE).formula}}
    text = book.indicators[what].formula if what in book.indicators else what
    result = read(text, Value(sums, places=None))
    return Fraction(result) if result is not None else Fraction(10) ** 30


class _None:
    formula = ""


_NONE: Any = _None()
