"""From sums to figures: conversion, indicators, coverage. Exact rationals throughout; each figure keeps its recipe.

    composite = scale × Σ item × factor (of the month or year, of the region where the factor has one)
    indicator = formula over sums, on the members that answered everything it needs

Factors are applied to grouped sums: multiplying after adding is exact because a factor is the same for all rows of a
group; where it varies by month or region, that joins the group keys. All sums that the figures of one call need on the
same members come from one question to the engine.

A composite adds what was reported. Who did not report all of it, for every month that was due, is not covered: the coverage
says how many, the note says who and what; an indicator and a comparison leave them out, so that a part of a year is never
taken for a year. An institution, or a group, of which nobody answered an item is unknown (算不出), never smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from jieneng.core.amount import decimal_of
from jieneng.core.figure import Coverage, FactorUsed, Figure, Selection
from jieneng.core.formula import Needs, Value, Words, read
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.core.words import T
from jieneng.engine import Ask, Engine, Group, Snapshot
from jieneng.rulebook import at_year, factor_value
from jieneng.rulebook.types import Book, Composite, FactorValue, Indicator, Term

from .scene import (
    Complete,
    Factors,
    Scene,
    both_languages,
    code_of,
    form_with,
    in_order,
    key_of,
    months_without,
    needs,
    nobody,
    owed,
    who_lacks,
)

SCALE = "scale"
"""The name under which a change of unit stands among the factors of a figure."""


def calculate(book: Book, engine: Engine, snapshot: Snapshot, names: Sequence[str], *, period: Period, by: str | None = None,
              where: Mapping[str, Any] | None = None, form: str = "", like: Complete = ()) -> list[Figure]:
    """Figures by name (item, composite or indicator) for a period, one per group of ``by`` (or one in all).

    Items go by the name that the year's edition gives them, and composites add the terms of that year (``rulebook.at_year``).
    ``by``: area, department, type, territory, institution or None. ``like``: items that must also have been answered in
    another period (``2021:electricity_kwh``, see ``Engine.sums``); ``year_on_year`` makes them. Raises ``KeyError`` for an
    unknown name, ``Refused`` when the snapshot is damaged or a factor has no value at all. ``form``: default the one that asks what the
    figure rests on (``form_with``).
    """
    if not form:
        forms = [form_with(book, n) for n in names]
        if len(set(forms)) > 1:
            return [f for n, of in zip(names, forms, strict=True) for f in calculate(book, engine, snapshot, [n], period=period, by=by, where=where, form=of, like=like)]
        form = forms[0] if forms else str(book.settings["main_form"])
    book = at_year(book, period.year, form)
    scene = Scene(book, engine, snapshot, form, period, by, where or {}, in_order(like))
    for name in names:
        _announce(scene, name)
    result: list[Figure] = []
    for name in names:
        if name in book.indicators:
            result += _indicators(scene, book.indicators[name])
        elif name in book.composites:
            result += _composites(scene, book.composites[name], scene.like)
        else:
            result += _items(scene, name, scene.like)
    if by == "institution":
        labels = engine.names(snapshot, scene.form, period, sorted({int(f.subject["code"]) for f in result}))
        result = [replace(f, subject={**f.subject, "name": labels.get(int(f.subject["code"]), "")}) for f in result]
    return result


def _announce(scene: Scene, name: str) -> None:
    """Say what a figure will ask, so that one question to the engine answers all figures."""
    book = scene.book
    scene.want(scene.like, ())
    if not scene.like:
        scene.need(owed(book, needs(book, name)))
    if name in book.indicators:
        complete = (*scene.like, *owed(book, needs(book, name)))
        for n in read(book.indicators[name].formula, Needs()):
            scene.want(complete, [t.item for t in book.composites[n].terms] if n in book.composites else [n])
    elif name in book.composites:
        scene.want(scene.like, [t.item for t in book.composites[name].terms])
    else:
        scene.want(scene.like, [book.items[name].code])


def _items(scene: Scene, item: str, complete: Sequence[str]) -> list[Figure]:
    """An item's total in each group."""
    info, groups, members, need = scene.book.items[item], scene.groups(complete), scene.members(), owed(scene.book, (item,))
    words = {"sum": "", "last": str(T("最后一个已填月份", "last month answered")), "mean": str(T("已填月份平均", "mean of months answered"))}
    how = " · ".join(w for w in ("Σ", words[info.over_time]) if w)
    figures = []
    for key, group in groups.items():
        total, code = group.totals[item], code_of(scene, group)
        covered = total.members if complete else scene.covered(need).get(key, 0)
        coverage = Coverage(covered, max(members.get(key, 0), group.members))
        notes = [nobody(scene, item)] if total.value is None else []
        if not complete:
            notes += who_lacks(scene, key, coverage, need) + months_without(scene)
        figures.append(Figure(
            item, both_languages(info.label), info.unit, scene.label, scene.subject(code), total.value, how,
            (scene.leaf(item, code, complete, total),), coverage=coverage, rulebook=scene.book.hash, note="；".join(notes)))
    return figures


def _read_factors(scene: Scene, composite: Composite, term: Term, period: Period, region: str) -> Factors:
    """The product of a term's factors for one period and region. The same question is answered once."""
    asked = (term, composite.vintage, composite.scale, period, region)
    if asked not in scene.factors:
        product = Fraction(1)
        used: list[FactorUsed] = []
        notes: list[str] = []
        for code in term.factors:
            factor = scene.book.factors[code]
            frozen = composite.vintage if any(v.vintage == composite.vintage for v in factor.values) else ""
            value = _value(scene, code, period, region, frozen, notes)
            product *= Fraction(value.value)
            used.append(FactorUsed(code, str(value.value), factor.unit, value.since.isoformat(), value.source.title, value.region, value.vintage))
        if composite.scale != 1:
            product *= Fraction(composite.scale)
            used.append(FactorUsed(SCALE, str(composite.scale), "", "", str(T("计量单位换算", "change of unit"))))
        scene.factors[asked] = Factors(product, tuple(used), tuple(notes))
    return scene.factors[asked]


def _value(scene: Scene, code: str, period: Period, region: str, vintage: str, notes: list[str]) -> FactorValue:
    """The factor in force; for a period before the first published value, the first, and it is said."""
    factor = scene.book.factors[code]
    try:
        found = factor_value(scene.book, code, period.first_day, region, vintage)
    except Refused:
        early = [v for v in factor.values if v.region in ("", region)]
        if not early:
            raise
        found = min(early, key=lambda v: v.since)
        notes.append(str(T("{f}没有 {y} 年的值，用了 {v} 年的", "no value of {f} for {y}; that of {v} was used",
                           f=str(factor.label), y=period.year, v=found.vintage or found.since.year)))
        return found
    if found.vintage and not vintage and found.vintage != str(period.year):
        notes.append(str(T("{f}没有 {y} 年的值，用了 {v} 年的", "no value of {f} for {y}; that of {v} was used",
                           f=str(factor.label), y=period.year, v=found.vintage)))
    return found

def _spans(scene: Scene, term: Term, composite: Composite) -> list[tuple[str, ...]]:
    """The row periods in which a term's factors stay the same; one empty span when they do not change at all."""
    first, last = scene.period.first_day, scene.period.last_day
    values = [v for code in term.factors for v in scene.book.factors[code].values]
    if composite.vintage:
        values = [v for v in values if v.vintage != composite.vintage]
    changes = sorted({v.since for v in values if first < v.since <= last})
    if not changes:
        return [()]
    rows = [p for p in scene.snapshot.form_periods(scene.form) if Period.parse(p) in scene.period]
    if given := scene.where.get("period"):
        rows = [p for p in rows if p == given or p in given]
    spans: dict[int, list[str]] = {}
    for p in rows:
        spans.setdefault(sum(c <= Period.parse(p).first_day for c in changes), []).append(p)
    return [tuple(s) for _, s in sorted(spans.items())] or [()]


def _regional(scene: Scene, term: Term) -> bool:
    return any(v.region for code in term.factors for v in scene.book.factors[code].values)


def _composites(scene: Scene, composite: Composite, complete: Sequence[str]) -> list[Figure]:
    """A weighted sum in each group: one part per item, each the sum times its factors."""
    need = owed(scene.book, needs(scene.book, composite.code))
    inside = set(need) <= set(complete)
    whole = scene.groups(complete)
    covered = {k: g.members for k, g in whole.items()} if inside else scene.covered(need) if not complete else {
        k: g.members for k, g in scene.groups((*complete, *need)).items()}
    parts: dict[str, list[Figure]] = {k: [] for k in whole}
    for term in composite.terms:
        for key, part in _term(scene, composite, term, complete).items():
            parts[key].append(part)
    figures = []
    for key, group in whole.items():
        mine = parts[key]
        known = [p.exact for p in mine if p.exact is not None]
        missing = [t.item for t, p in zip(composite.terms, mine, strict=True) if p.exact is None and t.missing == "unknown"]
        members = group.members if complete else max(scene.members().get(key, 0), group.members)
        coverage = Coverage(covered.get(key, 0), members)
        notes = list(dict.fromkeys(p.note for p in mine if p.note and p.exact is not None))
        notes += [nobody(scene, i) for i in missing]
        if not inside:
            notes += who_lacks(scene, key, coverage, need)
        notes += months_without(scene)
        figures.append(Figure(
            composite.code, both_languages(composite.label), composite.unit, scene.label, scene.subject(code_of(scene, group)),
            sum(known, Fraction(0)) if not missing and known else None, "Σ", tuple(mine), coverage=coverage,
            note="；".join(notes), rulebook=scene.book.hash))
    return figures


def _term(scene: Scene, composite: Composite, term: Term, complete: Sequence[str]) -> dict[str, Figure]:
    """One item's share of a composite in every group: sum × factors, in spans and regions where the factors differ."""
    whole = scene.groups(complete)
    spans, regional = _spans(scene, term, composite), _regional(scene, term)
    if spans == [()] and not regional:
        return {key: _piece(scene, composite, term, g, scene.period, "", {}, complete) for key, g in whole.items()}
    by = ("area",) if regional and scene.by != "area" else ()
    pieces: dict[str, list[Figure]] = {k: [] for k in whole}
    for span in spans:
        extra: dict[str, Any] = {"period": span} if span else {}
        for group in scene.sums([term.item], complete, by, extra):
            key = key_of(code_of(scene, group))
            if key in pieces:
                region = key_of(group.keys.get("area")) if regional else ""
                at = Period.parse(span[0]) if span else scene.period
                place = {**extra, **({"area": group.keys["area"]} if by else {})}
                pieces[key].append(_piece(scene, composite, term, group, at, region, place, complete))
    return {key: _joined(scene, composite, term, whole[key], found) for key, found in pieces.items()}


def _joined(scene: Scene, composite: Composite, term: Term, group: Group, pieces: Sequence[Figure]) -> Figure:
    """The pieces of a term whose factors differ by month or region, added up."""
    if len(pieces) == 1 and pieces[0].selections()[0].rows == group.totals[term.item].cells:
        return pieces[0]
    known = [p.exact for p in pieces if p.exact is not None]
    notes = list(dict.fromkeys(p.note for p in pieces if p.note and p.exact is not None))
    return Figure(
        term.item, both_languages(scene.book.items[term.item].label), composite.unit, scene.label, scene.subject(code_of(scene, group)),
        sum(known, Fraction(0)) if known else None, "Σ · " + str(T("系数分段", "factor by part")), tuple(pieces),
        note="；".join(notes) if known else nobody(scene, term.item), rulebook=scene.book.hash)


def _piece(scene: Scene, composite: Composite, term: Term, group: Group, period: Period, region: str, extra: Mapping[str, Any],
           complete: Sequence[str]) -> Figure:
    """The sum of one item times its factors: 371,240,000 kWh × 0.1229 kgce/kWh."""
    item, total = scene.book.items[term.item], group.totals[term.item]
    try:
        factors = _read_factors(scene, composite, term, period, region)
    except Refused:
        if total.value is not None:
            raise
        factors = Factors(Fraction(0), (), ())  # nobody reports it there, so a place without a factor wants none
    used = factors.used
    exact = None if total.value is None else total.value * factors.product
    if total.value is None and term.missing == "zero":
        exact = Fraction(0)
    how = " × ".join([_shown(total.value) + " " + item.unit, *(f"{f.value} {f.unit}".strip() for f in used)])
    span = extra.get("period", ())
    note = "；".join(dict.fromkeys(factors.notes)) if total.value is not None else nobody(scene, term.item)
    return Figure(term.item, both_languages(item.label), composite.unit, _span_label(span) if span else scene.label,
                  scene.subject(code_of(scene, group)), exact, how, (scene.leaf(term.item, code_of(scene, group), complete, total, extra),),
                  used, note=note, rulebook=scene.book.hash)


def _span_label(span: Sequence[str]) -> str:
    return span[0] if len(span) == 1 else f"{span[0]}/{span[-1]}"


def _shown(value: Fraction | None) -> str:
    if value is None:
        return "—"
    text = f"{decimal_of(value, 4):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _indicators(scene: Scene, indicator: Indicator) -> list[Figure]:
    """A formula over sums, on the members that answered all it needs; how many that are is said."""
    book = scene.book
    names = sorted(read(indicator.formula, Needs()), key=indicator.formula.index)
    need = owed(book, needs(book, indicator.code))
    complete = in_order((*scene.like, *need))
    parts: dict[str, dict[str, Figure]] = {}
    for n in names:
        for f in _composites(scene, book.composites[n], complete) if n in book.composites else _items(scene, n, complete):
            parts.setdefault(f.subject.get("code", ""), {})[n] = f
    labels = {n: (book.composites[n] if n in book.composites else book.items[n]).label for n in names}
    how = str(read(indicator.formula, Words(labels)))
    covered, figures = scene.groups(complete), []
    members = scene.members()
    for key, group in scene.groups(scene.like).items():
        mine = parts.get(key, {})
        answers = {n: mine[n].exact if n in mine else None for n in names}
        exact = read(indicator.formula, Value(answers, places=None))
        coverage = Coverage(covered[key].members if key in covered else 0, max(members.get(key, 0), group.members))
        notes = _why(scene, indicator, answers, mine, need, group) if exact is None else [f.note for f in mine.values() if f.note]
        notes += who_lacks(scene, key, coverage, need) if not scene.like else []
        figures.append(Figure(
            indicator.code, both_languages(indicator.label), indicator.unit, scene.label, scene.subject(code_of(scene, group)), exact, how,
            tuple(mine[n] for n in names if n in mine), coverage=coverage, rulebook=book.hash, formula=indicator.formula,
            note="；".join(dict.fromkeys(p for n in notes for p in n.split("；")))))
    return figures


def _why(scene: Scene, indicator: Indicator, answers: Mapping[str, Fraction | None], parts: Mapping[str, Figure], need: Sequence[str],
         group: Group) -> list[str]:
    """Why an indicator is unknown: what nobody answered, or that nobody answered all of it, or a zero below the line."""
    missing = [n for n, v in answers.items() if v is None]
    if not missing:
        return [str(T("分母是 0", "the denominator is zero"))]
    said = [parts[n].note for n in missing if n in parts and parts[n].note]
    if said:
        return said
    wanting = {i for u in scene.uncovered(need).get(key_of(code_of(scene, group)), []) for i in (*u.missing, *u.partial)}
    words = "、".join(str(scene.book.items[i].label) for i in sorted(wanting))
    return [str(T("没有一家填齐（缺过：{i}）", "nobody answered all (some lack {i})", i=words))] if words else []


@dataclass(frozen=True)
class Part:
    """One line below a selection: its share of the sum."""

    code: str
    name: str
    exact: Fraction
    members: int
    cells: int
    share: Fraction | None


def expand(engine: Engine, snapshot: Snapshot, selection: Selection, by: str, extra: Mapping[str, Any] | None = None) -> list[Part]:
    """A selection by area, institution or period, largest first; the parts add up to it exactly."""
    form = selection.kind.partition(":")[2]
    period = Period.parse(selection.period)
    groups = engine.sums(snapshot, [Ask(selection.column, selection.take)], form=form, period=period, by=(by,),
                         where={**selection.where, **(extra or {})}, complete=selection.complete)
    found = [(key_of(g.keys[by]), g.totals[selection.column]) for g in groups if g.totals[selection.column].value is not None]
    whole = sum((t.value for _, t in found if t.value is not None), Fraction(0))
    names = engine.names(snapshot, form, period, [int(code) for code, _ in found]) if by == "institution" else {}
    parts = [Part(code, names.get(int(code), "") if by == "institution" else "", t.value or Fraction(0), t.members, t.cells,
                  (t.value or Fraction(0)) / whole if whole else None) for code, t in found]
    return sorted(parts, key=lambda p: (-p.exact, p.code))


def ledger_figure(book: Book, engine: Engine, snapshot: Snapshot, *, kind: str, take: str, column: str = "",
                  where: Mapping[str, Any] | None = None, name: str = "", label: T | None = None, unit: str = "") -> Figure:
    """A figure from a frozen ledger: a count, a sum, distinct values, a list of names, or an entered fact with its source."""
    ledger = book.ledgers[kind]
    answer = engine.ledger(snapshot, kind, take=take, column=column, where=where or {})
    leaf = Selection(snapshot.id, f"ledger:{kind}", column, take, "", dict(where or {}), (), answer.rows, answer.rows)
    source = ""
    if kind == "external_facts":
        rows = engine.ledger_rows(snapshot, kind, where)
        source = "；".join(f"{r['source_document']}（{r['issued_by'] or '—'}，{r['dated'] or '—'}）" for r in rows)
    words = {"count": T("条数", "count"), "sum": T("之和", "sum"), "distinct": T("去重计数", "distinct"), "list": T("名单", "list"),
             "value": T("登记值", "entered")}
    field = next((f for f in ledger.fields if f.code == column), None)
    how = f"{ledger.title} · {str(field.label) if field else ''}{words[take]}"
    text = "、".join(answer.texts) if take in ("list", "value") else ""
    exact = answer.value if take != "list" else Fraction(len(answer.texts))
    missing = not answer.texts if take in ("list", "value") else answer.value is None
    return Figure(name or f"{kind}.{take}", both_languages(label or ledger.title), unit or (field.unit if field else ""), "", {"kind": "ledger", "code": kind},
                  None if missing else exact, how, (leaf,), text=text, source=source, rulebook=book.hash,
                  note=str(T("台账“{t}”里没有符合条件的记录", "no line of ledger “{t}” matches", t=str(ledger.title))) if missing else "")
