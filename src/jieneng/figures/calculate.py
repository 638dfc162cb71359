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

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from jieneng.core.amount import decimal_of
from jieneng.core.figure import Coverage, FactorUsed, Figure, Selection
from jieneng.core.formula import Needs, Value, Words, read
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.core.words import T
from jieneng.engine import EVERY, Ask, Engine, Group, Snapshot, Total, Uncovered
from jieneng.rulebook import at_year, factor_value
from jieneng.rulebook.editions import not_asked
from jieneng.rulebook.types import Book, Composite, FactorValue, Indicator, Term

SCALE = "scale"
"""The name under which a change of unit stands among the factors of a figure."""
NAMED = 3
"""How many institutions a note names."""
LISTED = 5000
"""How many uncovered institutions are fetched to be named."""

Complete = tuple[str, ...]


@dataclass(frozen=True)
class Factors:
    """The product of a term's factors and scale for one span of months and one region, what was read, what stood in."""

    product: Fraction
    used: tuple[FactorUsed, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """What every figure of one calculation shares, and what was already asked."""

    book: Book
    engine: Engine
    snapshot: Snapshot
    form: str
    period: Period
    by: str | None
    where: Mapping[str, Any]
    like: Complete = ()
    wanted: dict[Complete, set[str]] = field(default_factory=dict)
    tables: dict[Complete, dict[str, Group]] = field(default_factory=dict)
    lacking: dict[Complete, dict[str, list[Uncovered]]] = field(default_factory=dict)
    factors: dict[Any, Factors] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    needed: dict[Complete, dict[str, int]] = field(default_factory=dict)

    @functools.cached_property
    def label(self) -> str:
        return str(self.period)

    @functools.cached_property
    def filed(self) -> tuple[str, ...]:
        """The months of the period of which there are returns; none where ``where`` chooses months itself."""
        months = {str(m) for m in self.period.months}
        return () if "period" in self.where else tuple(p for p in self.snapshot.form_periods(self.form) if p in months)

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.by,) if self.by else ()

    def want(self, complete: Sequence[str], items: Sequence[str]) -> None:
        """Announce items that will be asked of the members that answered ``complete``."""
        self.wanted.setdefault(_sorted(complete), set()).update(items)

    def groups(self, complete: Sequence[str] = ()) -> dict[str, Group]:
        """Code → group, with the totals of all items announced for ``complete``."""
        complete = _sorted(complete)
        if complete not in self.tables:
            self.tables[complete] = {_key(_code(self, g)): g for g in self.sums(sorted(self.wanted.get(complete, ())), complete)}
        return self.tables[complete]

    def sums(self, items: Sequence[str], complete: Sequence[str], by: Sequence[str] = (), extra: Mapping[str, Any] | None = None
             ) -> list[Group]:
        asks = [Ask(i, self.book.items[i].over_time) for i in items]
        return self.engine.sums(self.snapshot, asks, form=self.form, period=self.period, by=(*self.keys, *by),
                                where={**self.where, **(extra or {})}, complete=complete)

    @property
    def expected(self) -> bool:
        """Whether all that had to answer count as members: known for the main form, and not asked of like for like."""
        return self.form == self.book.settings["main_form"] and not self.like

    def members(self) -> dict[str, int]:
        """Code → institutions that answered or had to."""
        if not self.counts:
            if self.like:
                self.counts.update({k: g.members for k, g in self.groups(self.like).items()})
            else:
                found = self.engine.members(self.snapshot, self.form, self.period, by=self.keys, where=self.where, expected=self.expected)
                self.counts.update({_key(k[0] if self.by else ""): n for k, n in found.items()})
        return self.counts

    def need(self, *needs: Complete) -> None:
        """Announce what coverage will be asked of; one question to the engine answers all."""
        for need in needs:
            self.needed.setdefault(need, {})

    def covered(self, need: Complete) -> dict[str, int]:
        """Code → institutions that answered all of ``need``."""
        self.need(need)
        if open_ := [n for n, table in self.needed.items() if not table]:
            found = self.engine.covered(self.snapshot, self.form, self.period, open_, by=self.keys, where=self.where)
            for key, counts in found.items():
                for n, count in zip(open_, counts, strict=True):
                    self.needed[n][_key(key[0] if self.by else "")] = count
        return self.needed[need]

    def uncovered(self, need: Sequence[str]) -> dict[str, list[Uncovered]]:
        """Code → institutions that did not answer all of ``need``."""
        need = _sorted(need)
        if need not in self.lacking:
            table: dict[str, list[Uncovered]] = {}
            for u in self.engine.uncovered(self.snapshot, self.form, self.period, need, by=self.keys, where=self.where,
                                           expected=self.expected, limit=LISTED):
                table.setdefault(_key(u.keys[0] if self.by else ""), []).append(u)
            self.lacking[need] = table
        return self.lacking[need]

    def subject(self, code: Any) -> dict[str, str]:
        if not self.by:
            return {}
        name = ""
        if self.by in ("area", "territory") and code in self.book.divisions:
            name = str(self.book.divisions[code].name)
        elif self.by == "type" and code in self.book.types:
            name = str(self.book.types[code].label)
        return {"kind": self.by, "code": _key(code), "name": name}

    def leaf(self, item: str, code: Any, complete: Sequence[str], total: Total, extra: Mapping[str, Any] | None = None) -> Selection:
        where = {**self.where, **({self.by: code} if self.by else {}), **(extra or {})}
        return Selection(self.snapshot.id, f"returns:{self.form}", item, self.book.items[item].over_time, self.label, where,
                         tuple(complete), total.cells, total.members)


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
    scene = Scene(book, engine, snapshot, form, period, by, where or {}, _sorted(like))
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


def form_with(book: Book, name: str) -> str:
    """The form whose items a figure rests on: the main one, or a part of it (机房, 热源) where only that asks them all."""
    main = str(book.settings["main_form"])
    asked: dict[str, set[str]] = {}
    for f in book.forms.values():
        asked.setdefault(f.code, set()).update(i.item for i in f.items)
    wanted = rests_on(book, name)
    return main if wanted <= asked.get(main, set()) else next((c for c in asked if wanted <= asked[c]), main)


def rests_on(book: Book, name: str) -> set[str]:
    """Every item that a figure reads."""
    if name in book.indicators:
        return {i for n in read(book.indicators[name].formula, Needs()) for i in rests_on(book, n.removeprefix("base."))}
    return {t.item for t in book.composites[name].terms} if name in book.composites else {name}


def needs(book: Book, name: str) -> Complete:
    """The items that an institution must have answered to be covered by a figure."""
    if name in book.indicators:
        return _sorted({i for n in read(book.indicators[name].formula, Needs()) for i in needs(book, n)})
    if name in book.composites:
        return _sorted({t.item for t in book.composites[name].terms if t.missing == "unknown"})
    return (book.items[name].code,)


def composites_of(book: Book, name: str) -> list[str]:
    """The composites that a figure rests on."""
    if name in book.indicators:
        return [n for n in read(book.indicators[name].formula, Needs()) if n in book.composites]
    return [name] if name in book.composites else []


def owed(book: Book, items: Sequence[str]) -> Complete:
    """Items as in ``Engine.sums(complete=…)``: what is added over time must be answered each time it was due."""
    return _sorted([i + EVERY if book.items[i].over_time == "sum" else i for i in items])


def _sorted(items: Sequence[str] | set[str]) -> Complete:
    return tuple(sorted(set(items)))


def _label(text: T) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _code(scene: Scene, group: Group) -> Any:
    return group.keys[scene.by] if scene.by else ""


def _key(code: Any) -> str:
    return "" if code is None else str(code)


def _items(scene: Scene, item: str, complete: Sequence[str]) -> list[Figure]:
    """An item's total in each group."""
    info, groups, members, need = scene.book.items[item], scene.groups(complete), scene.members(), owed(scene.book, (item,))
    words = {"sum": "", "last": str(T("最后一个已填月份", "last month answered")), "mean": str(T("已填月份平均", "mean of months answered"))}
    how = " · ".join(w for w in ("Σ", words[info.over_time]) if w)
    figures = []
    for key, group in groups.items():
        total, code = group.totals[item], _code(scene, group)
        covered = total.members if complete else scene.covered(need).get(key, 0)
        coverage = Coverage(covered, max(members.get(key, 0), group.members))
        notes = [_nobody(scene, item)] if total.value is None else []
        if not complete:
            notes += _who(scene, key, coverage, need) + _gaps(scene)
        figures.append(Figure(
            item, _label(info.label), info.unit, scene.label, scene.subject(code), total.value, how,
            (scene.leaf(item, code, complete, total),), coverage=coverage, rulebook=scene.book.hash, note="；".join(notes)))
    return figures


def _nobody(scene: Scene, item: str) -> str:
    if (why := not_asked(scene.book, scene.form, item, scene.period.year)) is not None:
        return str(why)
    return str(T("没有单位填报“{i}”", "nobody answered “{i}”", i=str(scene.book.items[item].label)))


def _who(scene: Scene, key: str, coverage: Coverage, need: Sequence[str]) -> list[str]:
    """Who is not covered, by name, and what each lacks: nothing filed, an item never answered, or some months of it."""
    if coverage.full:
        return []
    named, comma = [], str(T("、", ", "))
    for u in scene.uncovered(need).get(key, [])[:NAMED]:
        lack = comma.join(str(scene.book.items[i].label) for i in u.missing)
        if lack:
            said = T("（缺{i}）", " (lacks {i})", i=lack)
        elif u.partial:
            said = T("（缺月）", " (lacks months)") if scene.period.kind != "month" else T("（没有填齐）", " (incomplete)")
        else:
            said = T("（未报）", " (filed nothing)")
        named.append(u.name + str(said))
    n = coverage.members - coverage.covered
    if not named:
        return [str(T("{n} 家没有填齐", "{n} did not answer all", n=n))]
    more = str(T("等", " and others")) if n > len(named) else ""
    return [str(T("{n} 家没有填齐：{who}{more}", "{n} did not answer all: {who}{more}", n=n, who=comma.join(named), more=more))]


def _gaps(scene: Scene) -> list[str]:
    """Months of the period that nobody filed yet."""
    filed, months = scene.filed, len(scene.period.months)
    if not filed or len(filed) == months:
        return []
    return [str(T("{a} 个月中有数据的 {b} 个月", "{b} of {a} months have data", a=months, b=len(filed)))]


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
        notes += [_nobody(scene, i) for i in missing]
        if not inside:
            notes += _who(scene, key, coverage, need)
        notes += _gaps(scene)
        figures.append(Figure(
            composite.code, _label(composite.label), composite.unit, scene.label, scene.subject(_code(scene, group)),
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
            key = _key(_code(scene, group))
            if key in pieces:
                region = _key(group.keys.get("area")) if regional else ""
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
        term.item, _label(scene.book.items[term.item].label), composite.unit, scene.label, scene.subject(_code(scene, group)),
        sum(known, Fraction(0)) if known else None, "Σ · " + str(T("系数分段", "factor by part")), tuple(pieces),
        note="；".join(notes) if known else _nobody(scene, term.item), rulebook=scene.book.hash)


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
    note = "；".join(dict.fromkeys(factors.notes)) if total.value is not None else _nobody(scene, term.item)
    return Figure(term.item, _label(item.label), composite.unit, _span_label(span) if span else scene.label,
                  scene.subject(_code(scene, group)), exact, how, (scene.leaf(term.item, _code(scene, group), complete, total, extra),),
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
    complete = _sorted((*scene.like, *need))
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
        notes += _who(scene, key, coverage, need) if not scene.like else []
        figures.append(Figure(
            indicator.code, _label(indicator.label), indicator.unit, scene.label, scene.subject(_code(scene, group)), exact, how,
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
    wanting = {i for u in scene.uncovered(need).get(_key(_code(scene, group)), []) for i in (*u.missing, *u.partial)}
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
    found = [(_key(g.keys[by]), g.totals[selection.column]) for g in groups if g.totals[selection.column].value is not None]
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
    return Figure(name or f"{kind}.{take}", _label(label or ledger.title), unit or (field.unit if field else ""), "", {"kind": "ledger", "code": kind},
                  None if missing else exact, how, (leaf,), text=text, source=source, rulebook=book.hash,
                  note=str(T("台账“{t}”里没有符合条件的记录", "no line of ledger “{t}” matches", t=str(ledger.title))) if missing else "")
