"""From sums to figures: conversion, indicators, coverage. Exact rationals throughout; each figure keeps its recipe.

    composite = scale × Σ item × factor (of the month or year, of the region where the factor has one)
    indicator = formula over sums, on the members that answered everything it needs

Factors are applied to grouped sums: multiplying after adding is exact because a factor is the same for all rows of a
group; where it varies by month or region, that joins the group keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from jieneng.core.figure import Coverage, FactorUsed, Figure, Selection
from jieneng.core.formula import Needs, Value, Words, read
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.core.words import T
from jieneng.engine import Ask, Engine, Group, Snapshot
from jieneng.rulebook import factor_value
from jieneng.rulebook.types import Book, Composite, FactorValue, Indicator, Term


SCALE = "scale"
"""The name under which a change of unit stands among the factors of a figure."""


@dataclass(frozen=True)
class Scene:
    """What every figure of one calculation shares."""

    book: Book
    engine: Engine
    snapshot: Snapshot
    form: str
    period: Period
    by: str | None
    where: Mapping[str, Any]

    def sums(self, items: Sequence[str], by: Sequence[str] = (), complete: Sequence[str] = ()) -> list[Group]:
        asks = [Ask(i, self.book.items[i].over_time) for i in items]
        keys = ((self.by,) if self.by else ()) + tuple(by)
        return self.engine.sums(self.snapshot, asks, form=self.form, period=self.period, by=keys, where=self.where, complete=complete)

    def subject(self, code: Any) -> dict[str, str]:
        return {"kind": self.by, "code": "" if code is None else str(code)} if self.by else {}

    def leaf(self, item: str, code: Any, complete: Sequence[str], group: Group | None, extra: Mapping[str, Any] | None = None) -> Selection:
        where = {**self.where, **({self.by: code} if self.by else {}), **(extra or {})}
        total = group.totals.get(item) if group else None
        return Selection(self.snapshot.id, f"returns:{self.form}", item, self.book.items[item].over_time, str(self.period), where,
                         tuple(complete), total.cells if total else 0, total.members if total else 0)


def calculate(book: Book, engine: Engine, snapshot: Snapshot, names: Sequence[str], *, period: Period, by: str | None = None,
              where: Mapping[str, Any] | None = None, form: str = "") -> list[Figure]:
    """Figures by name (item, composite or indicator) for a period, one per group of ``by`` (or one in all).

    ``by``: area, department, type, territory, institution or None. Raises ``KeyError`` for an unknown name.
    """
    scene = Scene(book, engine, snapshot, form or str(book.settings["main_form"]), period, by, where or {})
    result: list[Figure] = []
    for name in names:
        if name in book.indicators:
            result += _indicators(scene, book.indicators[name])
        elif name in book.composites:
            result += _composites(scene, book.composites[name], ())
        else:
            result += _items(scene, name, ())
    if by == "institution":
        labels = engine.names(snapshot, scene.form, period, sorted({int(f.subject["code"]) for f in result}))
        result = [replace(f, subject={**f.subject, "name": labels.get(int(f.subject["code"]), "")}) for f in result]
    return result


def _label(text: T) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _code(scene: Scene, group: Group) -> Any:
    return group.keys[scene.by] if scene.by else ""


def _items(scene: Scene, item: str, complete: Sequence[str]) -> list[Figure]:
    """An item's total in each group."""
    info = scene.book.items[item]
    figures = []
    for group in scene.sums([item], complete=complete):
        total, code = group.totals[item], _code(scene, group)
        figures.append(Figure(
            item, _label(info.label), info.unit, str(scene.period), scene.subject(code), total.value,
            {"sum": "Σ", "last": "Σ · " + str(T("最后一个已填月份", "last month answered")), "mean": "Σ · " + str(T("已填月份平均", "mean of months answered"))}[info.over_time],
            (scene.leaf(item, code, complete, group),), coverage=Coverage(total.members, group.members), rulebook=scene.book.hash,
            note="" if total.value is not None else _nobody(scene, item)))
    return figures


def _nobody(scene: Scene, item: str) -> str:
    return str(T("没有单位填报“{i}”", "nobody answered “{i}”", i=str(scene.book.items[item].label)))


def _factors(scene: Scene, term: Term, vintage: str, period: Period, region: str) -> tuple[Fraction, list[FactorUsed], list[str]]:
    """The product of a term's factors for one period and region, what was read, and notes on what stood in."""
    product, used, notes = Fraction(1), [], []
    for code in term.factors:
        factor = scene.book.factors[code]
        has_vintage = any(v.vintage == vintage for v in factor.values)
        value = _value(scene, code, period, region, vintage if has_vintage else "", notes)
        product *= Fraction(value.value)
        used.append(FactorUsed(code, str(value.value), factor.unit, value.since.isoformat(), value.source.title, value.region, value.vintage))
    return product, used, notes


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


def _steps(scene: Scene, term: Term) -> bool:
    """Whether a term's factors change inside the period, so that its sums are taken by row period."""
    days = [m.first_day for m in scene.period.months]
    for code in term.factors:
        sinces = {v.since for v in scene.book.factors[code].values}
        if any(days[0] < s <= days[-1] for s in sinces):
            return True
    return False


def _regional(scene: Scene, term: Term) -> bool:
    return any(v.region for code in term.factors for v in scene.book.factors[code].values)


def _composites(scene: Scene, composite: Composite, complete: Sequence[str]) -> list[Figure]:
    """A weighted sum in each group: one part per item, each the sum times its factors."""
    needed = [t.item for t in composite.terms if t.missing == "unknown"]
    whole = {_key(_code(scene, g)): g for g in scene.sums([t.item for t in composite.terms], complete=complete)}
    covered = {_key(_code(scene, g)): g.members for g in scene.sums([], complete=tuple({*complete, *needed}))} if needed else None
    parts: dict[Any, list[Figure]] = {k: [] for k in whole}
    for term in composite.terms:
        for key, part in _term(scene, composite, term, whole, complete).items():
            parts[key].append(part)
    figures = []
    for key, group in whole.items():
        code, mine = _code(scene, group), parts[key]
        known = [p.exact for p in mine if p.exact is not None]
        missing = [t.item for t, p in zip(composite.terms, mine, strict=True) if p.exact is None and t.missing == "unknown"]
        notes = list(dict.fromkeys(n for p in mine for n in [p.note] if n and p.exact is not None))
        notes += [_nobody(scene, i) for i in missing]
        figures.append(Figure(
            composite.code, _label(composite.label), composite.unit, str(scene.period), scene.subject(code),
            sum(known, Fraction(0)) if not missing and known else None, "Σ", tuple(mine),
            coverage=Coverage(covered.get(key, 0) if covered is not None else group.members, group.members),
            note="；".join(notes), rulebook=scene.book.hash))
    return figures


def _key(code: Any) -> str:
    return "" if code is None else str(code)


def _term(scene: Scene, composite: Composite, term: Term, whole: Mapping[str, Group], complete: Sequence[str]) -> dict[str, Figure]:
    """One item's share of a composite in every group."""
    steps, regional = _steps(scene, term), _regional(scene, term)
    by = [k for k, use in (("period", steps), ("area", regional)) if use and k != scene.by]
    pieces: dict[str, list[Figure]] = {k: [] for k in whole}
    groups = scene.sums([term.item], by=by, complete=complete) if by else list(whole.values())
    for group in groups:
        key = _key(_code(scene, group))
        if key not in pieces:
            continue
        period = Period.parse(group.keys["period"]) if "period" in by else scene.period
        region = str(group.keys.get("area", "") or "") if regional else ""
        extra = {k: group.keys[k] for k in by}
        pieces[key].append(_piece(scene, composite, term, group, period, region, extra, complete))
    result = {}
    for key, found in pieces.items():
        if not by:
            result[key] = found[0]
            continue
        known = [p.exact for p in found if p.exact is not None]
        result[key] = Figure(
            term.item, found[0].label if found else _label(scene.book.items[term.item].label), composite.unit, str(scene.period),
            scene.subject(whole[key].keys.get(scene.by) if scene.by else ""), sum(known, Fraction(0)) if known else None,
            "Σ · " + str(T("系数分段", "factor by part")), tuple(found),
            note=next((p.note for p in found if p.note), ""), rulebook=scene.book.hash)
    return result


def _piece(scene: Scene, composite: Composite, term: Term, group: Group, period: Period, region: str, extra: Mapping[str, Any],
           complete: Sequence[str]) -> Figure:
    """The sum of one item times its factors: 371,240,000 kWh × 0.1229 kgce/kWh."""
    item, total = scene.book.items[term.item], group.totals[term.item]
    product, used, notes = _factors(scene, term, composite.vintage, period, region)
    if composite.scale != 1:
        used.append(FactorUsed(SCALE, str(composite.scale), "", "", str(T("计量单位换算", "change of unit"))))
    exact = None if total.value is None else total.value * product * Fraction(composite.scale)
    if total.value is None and term.missing == "zero":
        exact = Fraction(0)
    how = " × ".join([_shown(total.value) + " " + item.unit, *(f"{f.value} {f.unit}".strip() for f in used)])
    leaf = scene.leaf(term.item, _code(scene, group), complete, group, extra)
    note = "；".join(dict.fromkeys(notes)) if total.value is not None else "" if term.missing == "zero" else _nobody(scene, term.item)
    if total.value is None and term.missing == "zero":
        how = str(T("没有填报，按 0 计", "not answered, counts as zero"))
    return Figure(term.item, _label(item.label), composite.unit, str(period if extra.get("period") else scene.period),
                  scene.subject(_code(scene, group)), exact, how, (leaf,), tuple(used), note=note, rulebook=scene.book.hash)


def _shown(value: Fraction | None) -> str:
    if value is None:
        return "—"
    text = f"{float(value):,.4f}" if value.denominator == 1 and abs(value) > 10**15 else f"{round(value * 10000) / 10000:,.4f}"
    return text.rstrip("0").rstrip(".")


def _indicators(scene: Scene, indicator: Indicator) -> list[Figure]:
    """A formula over sums, on the members that answered all it needs; how many that are is said."""
    names = sorted(read(indicator.formula, Needs()), key=indicator.formula.index)
    complete: set[str] = set()
    for n in names:
        if n in scene.book.composites:
            complete |= {t.item for t in scene.book.composites[n].terms if t.missing == "unknown"}
        else:
            complete.add(n)
    need = tuple(sorted(complete))
    members = {_key(_code(scene, g)): g.members for g in scene.sums([])}
    covered = {_key(_code(scene, g)): g.members for g in scene.sums([], complete=need)}
    parts: dict[str, dict[str, Figure]] = {}
    for n in names:
        made = _composites(scene, scene.book.composites[n], need) if n in scene.book.composites else _items(scene, n, need)
        for f in made:
            parts.setdefault(f.subject.get("code", ""), {})[n] = f
    labels = {n: (scene.book.composites[n].label if n in scene.book.composites else scene.book.items[n].label) for n in names}
    how = read(indicator.formula, Words(labels))
    figures = []
    for key, count in members.items():
        mine = parts.get(key, {})
        answers = {n: mine[n].exact if n in mine else None for n in names}
        exact = read(indicator.formula, Value(answers, places=None))
        figures.append(Figure(
            indicator.code, _label(indicator.label), indicator.unit, str(scene.period), scene.subject(key), exact, str(how),
            tuple(mine[n] for n in names if n in mine), coverage=Coverage(covered.get(key, 0), count), rulebook=scene.book.hash,
            note=_why(scene, key, need, covered.get(key, 0)) if exact is None else "；".join(dict.fromkeys(f.note for f in mine.values() if f.note))))
    return figures


def _why(scene: Scene, key: str, need: Sequence[str], covered: int) -> str:
    """Why an indicator is unknown: the denominator is zero, or nobody answered everything; the items short are named."""
    if covered:
        return str(T("分母是 0", "the denominator is zero"))
    short = []
    for group in scene.sums(need):
        if _key(_code(scene, group)) == key:
            short = [f"{scene.book.items[i].label}（{group.totals[i].members}/{group.members}）" for i in need
                     if group.totals[i].members < group.members]
    return str(T("没有一家把需要的都填齐：{items}", "nobody answered all that is needed: {items}", items="、".join(short) or "—"))


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
    """A selection by area or institution, largest first; the parts add up to it exactly."""
    form = selection.kind.partition(":")[2]
    period = Period.parse(selection.period)
    groups = engine.sums(snapshot, [Ask(selection.column, selection.take)], form=form, period=period, by=(by,),
                         where={**selection.where, **(extra or {})}, complete=selection.complete)
    found = [(g, g.totals[selection.column]) for g in groups if g.totals[selection.column].value is not None]
    whole = sum((t.value for _, t in found if t.value is not None), Fraction(0))
    names = engine.names(snapshot, form, period, [int(g.keys[by]) for g, _ in found]) if by == "institution" else {}
    parts = [Part(str(g.keys[by]), names.get(int(g.keys[by]), "") if by == "institution" else "", t.value or Fraction(0), t.members,
                  t.cells, (t.value or Fraction(0)) / whole if whole else None) for g, t in found]
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
    words = {"count": T("条数", "count"), "sum": T("之和", "sum"), "distinct": T("去重计数", "distinct"), "list": T("名单", "list"), "value": T("登记值", "entered")}
    field = next((f for f in ledger.fields if f.code == column), None)
    how = f"{ledger.title} · {str(field.label) if field else ''}{words[take]}"
    text = "、".join(answer.texts) if take in ("list", "value") else ""
    exact = answer.value if take != "list" else Fraction(len(answer.texts))
    missing = not answer.texts if take in ("list", "value") else answer.value is None
    return Figure(name or f"{kind}.{take}", _label(label or ledger.title), unit or (field.unit if field else ""), "", {"kind": "ledger", "code": kind},
                  None if missing else exact, how, (leaf,), text=text, source=source, rulebook=book.hash,
                  note=str(T("台账“{t}”里没有符合条件的记录", "no line of ledger “{t}” matches", t=str(ledger.title))) if missing else "")
