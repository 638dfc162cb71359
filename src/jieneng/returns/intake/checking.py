"""A layout against a book: items, units, energy bases, fields and codes that the book does not have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from decimal import Decimal

from jieneng.core.problem import Place, Problem
from jieneng.core.words import T
from jieneng.rulebook import convert, unit_code
from jieneng.rulebook.types import Book

from .layout import Layout

_Wrong = Callable[..., None]


def check_layout(layout: Layout, book: Book, convertible: Callable[[str, str], bool]) -> list[Problem]:
    """What the layout asks of a book that the book does not have: items, units, bases, fields, codes.

    ``convertible(unit_from, unit_to)`` tells whether a unit is known and of the same family.
    """
    problems: list[Problem] = []

    def wrong(line: int, found: T, expected: T | None = None, do: T | None = None) -> None:
        problems.append(Problem("layout-book", found, expected, do, Place(file=layout.place, line=line)))

    if layout.book != book.code:
        wrong(
            1,
            T(
                "表样用规则库“{a}”，现在用的是“{b}”",
                "the layout is for book “{a}”, this is “{b}”",
                a=layout.book,
                b=book.code,
            ),
        )
        return problems
    forms = {f.code for f in book.forms.values()}
    if layout.form and layout.form not in forms:
        wrong(
            1,
            T("规则库没有报表“{f}”", "the book has no form “{f}”", f=layout.form),
            T("{a}", "{a}", a=", ".join(sorted(forms))),
        )
    _check_part(layout, book, wrong)
    for spec in layout.items:
        item = book.items.get(spec.item)
        if item is None:
            wrong(
                spec.line,
                T("规则库没有指标“{i}”", "the book has no item “{i}”", i=spec.item),
                do=_nearest(spec.item, list(book.items)),
            )
            continue
        unit = spec.unit.value if spec.unit.value is not None else (layout.unit.value if layout.unit else None)
        if unit is not None and not convertible(unit, item.unit):
            wrong(
                spec.line,
                T(
                    "“{c}”的单位“{u}”不认识或不能换成“{v}”",
                    "“{c}”: unit “{u}” is unknown or cannot become “{v}”",
                    c=spec.column,
                    u=unit,
                    v=item.unit,
                ),
            )
        if unit is not None and not spec.confirmed and (other := _in_header(spec.column, unit, item.label.zh, convertible, book)):
            wrong(
                spec.line,
                T(
                    "列名“{c}”写的单位是“{o}”，表样写的是“{u}”",
                    "column “{c}” names the unit “{o}”, the layout says “{u}”",
                    c=spec.column,
                    o=other,
                    u=unit,
                ),
                T("同一个单位", "the same unit"),
                T(
                    "照列名改 unit；查实列名写错了的，在这一行写 confirmed: true",
                    "set unit as the column says; if the column's name is wrong, write confirmed: true on this line",
                ),
            )
        if item.basis != spec.basis:
            wrong(
                spec.line,
                T(
                    "“{c}”的能量口径写“{a}”，指标“{i}”是“{b}”",
                    "“{c}”: basis “{a}”, but item “{i}” has “{b}”",
                    c=spec.column,
                    a=spec.basis,
                    i=spec.item,
                    b=item.basis,
                ),
                do=T("在这一行写 basis: {b}", "write basis: {b} on this line", b=item.basis) if item.basis else None,
            )
    for fact in layout.facts:
        code = fact.fact.partition(".")[2]
        if code and code not in book.indicators and code not in book.composites and code not in book.items:
            wrong(fact.line, T("规则库没有指标“{i}”", "the book has no indicator “{i}”", i=code), do=_nearest(code, [*book.indicators, *book.composites]))
    _check_codes(layout, book, wrong)
    if layout.ledger:
        _check_ledger(layout, book, convertible, wrong)
    return problems


def _check_part(layout: Layout, book: Book, wrong: _Wrong) -> None:
    """A form that is a part of another (机房) has a row for each part and says its name; no other form does."""
    form = next((f for f in book.forms.values() if f.code == layout.form), None)
    if form is None or "answers" not in layout.reads:
        return
    if form.part_of and "part" not in layout.fields:
        wrong(1, T("“{f}”一处一行，布局没写哪一列是{p}名称", "“{f}” has a row for each part; the layout does not say which column names the {p}", f=form.code, p=form.part or form.title),
              T("part: 列名", "part: the column"))
    if "part" in layout.fields and not form.part_of:
        wrong(layout.fields["part"].line, T("“{f}”没有分处填的，不写 part", "“{f}” has no parts; leave part out", f=form.code))
    if form.part_of and (layout.holder or layout.facts or "register" in layout.reads):
        wrong(1, T("机房、热源的表只读成本处的数，不写 holder、facts、reads: register", "a table of parts is read as our own; leave out holder, facts and reads: register"))


_BRACKETS = re.compile(r"[（(\[]([^（()）\[\]]+)[)）\]]\s*(?:#\d+)?$")


def _in_header(column: str, unit: str, of: str, convertible: Callable[[str, str], bool], book: Book) -> str:
    """A unit that a column's name ends in, where it is another than ``unit``; "" where it says none or the same.

    A unit that says more closely what the column says is the same: 吨水 of 用水量（吨）, since what it adds stands in the item's name ``of``.
    """
    bracket = _BRACKETS.search(column)
    tail = bracket.group(1) if bracket else column.rpartition("_")[2] if "_" in column else ""
    if not tail or not convertible(tail, tail) or (unit.startswith(tail) and (more := unit.removeprefix(tail)) and more in of):
        return ""
    named, said = unit_code(book, tail), unit_code(book, unit)
    if named == said or (convertible(named, said) and convert(book, Decimal(1), named, said) == 1):
        return ""
    return tail


def _check_codes(layout: Layout, book: Book, wrong: _Wrong) -> None:
    """Codes that a map or a fixed value gives must exist in the book (where the book lists such codes)."""
    for name, known in (("area", book.divisions), ("territory", book.divisions), ("type", book.types)):
        spec = layout.fields.get(name)
        if spec is None or not known:
            continue
        for code in [*spec.map.values(), *([] if spec.value is None or spec.map else [spec.value])]:
            if code and code not in known:
                wrong(
                    spec.line, T("“{n}”的代码“{c}”不在规则库", "“{n}”: code “{c}” is not in the book", n=name, c=code)
                )


def _check_ledger(layout: Layout, book: Book, convertible: Callable[[str, str], bool], wrong: _Wrong) -> None:
    ledger = book.ledgers.get(layout.ledger)
    if ledger is None:
        wrong(
            1,
            T("规则库没有台账“{k}”", "the book has no ledger “{k}”", k=layout.ledger),
            T("{a}", "{a}", a=", ".join(sorted(book.ledgers))),
        )
        return
    known = {f.code: f for f in ledger.fields}
    for spec in layout.ledger_fields:
        field_ = known.get(spec.field)
        if field_ is None:
            wrong(
                spec.line,
                T("台账“{k}”没有字段“{f}”", "ledger “{k}” has no field “{f}”", k=layout.ledger, f=spec.field),
                do=_nearest(spec.field, list(known)),
            )
            continue
        unit = spec.unit.value if spec.unit else None
        if unit is not None and not convertible(unit, field_.unit):
            wrong(
                spec.line,
                T(
                    "单位“{u}”不认识或不能换成“{v}”",
                    "unit “{u}” is unknown or cannot become “{v}”",
                    u=unit,
                    v=field_.unit,
                ),
            )
        if field_.choices:
            for code in spec.spec.map.values():
                if code and code not in field_.choices:
                    wrong(
                        spec.line,
                        T("字段“{f}”没有选项“{c}”", "field “{f}” has no choice “{c}”", f=spec.field, c=code),
                        T("{a}", "{a}", a=", ".join(field_.choices)),
                    )
    given = {f.field for f in layout.ledger_fields}
    for code in ledger.key:
        if code not in given:
            wrong(1, T("缺台账的主键字段“{f}”", "the ledger's key field “{f}” is missing", f=code))


def _nearest(word: str, known: list[str]) -> T | None:
    close = difflib.get_close_matches(word, known, n=3)
    return T("是不是 {a}", "perhaps {a}", a=", ".join(close)) if close else None
