"""Findings that need no forecast: what the form's own checks said, quotas, local prices, a file handed in twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import F, QuerySet

from jieneng.core.formula import CannotRead, FormulaError, Needs, read
from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.returns.models import ReturnFinding, Round
from jieneng.rulebook import factor_value
from jieneng.rulebook.reviews import Quota, Review
from jieneng.rulebook.types import Book

from .found import Found
from .panel import Panel
from .robust import Array
from .weather import line_of

FEW = 4000
"""Institutions that a query may name one by one."""
SUSPICION = {"must": 1.0, "explain": 0.3, "note": 0.1}


def of_panel(rows: QuerySet[ReturnFinding], panel: Panel) -> QuerySet[ReturnFinding]:
    """Those of the panel's institutions: asked of the database where the panel is a part of many."""
    return rows.filter(ret__institution__in=panel.ids.tolist()) if len(panel) <= FEW else rows


def of_form(panel: Panel, round_: Round, made: Sequence[Found]) -> list[Found]:
    """The findings of the form's checks, one per institution, rule and (of machine rooms and heating sources) part. What a finding of the review already speaks of is put there."""
    at = {int(k): n for n, k in enumerate(panel.ids)}
    by: dict[tuple[int, str, str], list[ReturnFinding]] = {}
    rows = of_panel(ReturnFinding.objects.filter(ret__round=round_, revision=F("ret__revision")), panel).select_related("ret").order_by("ret__period", "pk")
    for r in rows.iterator(chunk_size=2000):
        if r.ret.institution_id in at:
            by.setdefault((at[r.ret.institution_id], r.rule, r.part), []).append(r)
    spoken: dict[tuple[int, str], Found] = {}
    for f in made:
        if f.suspicion >= 0.2:
            spoken.setdefault((f.row, f.item), f)
    found = []
    for (row, rule, _), group in by.items():
        first = group[0]
        told = next((spoken[row, i] for i in first.items if (row, i) in spoken), None)
        months = tuple(sorted({int(r.ret.period[5:7]) for r in group if len(r.ret.period) == 7}))
        if told is not None and (not told.months or set(months) & set(told.months)):
            told.also = (*told.also, rule)
            continue
        item = next((i for i in first.items if i in panel.values), first.items[0] if first.items else "")
        value = panel.of(item)[row, -1]
        f = Found(row, item, "edit", months, float(np.nansum(value[[m - 1 for m in months]])) if months and panel.periods == 12 else float(np.nansum(value)),
                  suspicion=SUSPICION[first.severity], name=rule)
        f.amount = 0.1 * f.found
        f.words = (first.severity, first.says, first.do, len(group))
        found.append(f)
    return found


def quotas(book: Book, panel: Panel, tables: Sequence[Quota], year: int) -> list[Found]:
    """Institutions above the binding value, or below the guide value, of a quota of their place and kind: the narrowest that fits each.

    Of several quotas of one indicator the one that names words of the institution's name goes first, then the one of the nearest region.
    """
    parents = {d.code: d.parent for d in book.divisions.values()}
    above = {a: line_of(a, parents) for a in set(panel.areas)}
    found: list[Found] = []
    for code in sorted({q.indicator for q in tables} & set(book.indicators)):
        mine = [q for q in tables if q.indicator == code]
        values = _indicator(book, panel, code, year)
        for row in np.flatnonzero(np.isfinite(values)).tolist():
            fit = [q for q in mine if panel.types[row] == q.type and q.region in above[panel.areas[row]] and (not q.within or q.within in above[panel.areas[row]])
                   and (not q.words or any(w in panel.names[row] for w in q.words))]
            if not fit:
                continue
            q = min(fit, key=lambda q: (not q.words, above[panel.areas[row]].index(q.region), q.code))
            value, top, low = float(values[row]), float(q.constraint), float(q.guide) if q.guide is not None else float("nan")
            if value > top or value < low:
                f = Found(row, code, "above-quota" if value > top else "below-guide", (), value, top if value > top else low, low, top, 0.25, name=q.code, basis="quota")
                named = q.source.title if q.code in q.source.title else f"{q.source.title} {q.code}"
                f.group = (named + ("（样例）" if q.sample and "样例" not in named else ""), named + (" (sample)" if q.sample and "样例" not in named and "sample" not in named else ""))
                f.ratio = value / top - 1 if value > top else 1 - value / low
                found.append(f)
    return found


class _Rows:
    """Reads a formula over all institutions at once, in doubles; NaN is unknown."""

    def __init__(self, names: Mapping[str, Array]) -> None:
        self.names = names

    def number(self, value: Decimal) -> Any:
        return float(value)

    def name(self, name: str) -> Any:
        return self.names[name]

    def negative(self, value: Any) -> Any:
        return -value

    def arithmetic(self, op: str, left: Any, right: Any) -> Any:
        return left + right if op == "+" else left - right if op == "-" else left * right

    def compare(self, op: str, left: Any, right: Any) -> Any:
        raise CannotRead(T("不是数", "not a number"), T("定额的指标是一个数", "a quota's indicator is a number"))

    def logic(self, op: str, parts: Sequence[Any]) -> Any:
        return self.compare(op, None, None)

    def negate(self, part: Any) -> Any:
        return self.compare("not", None, None)

    def call(self, function: str, parts: Sequence[Any], known: bool) -> Any:
        if function == "ratio":
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(parts[1] > 0, parts[0] / parts[1], np.nan)
        if function == "total":
            return np.nansum(parts, axis=0) if known else np.sum(parts, axis=0)
        return self.compare(function, None, None)


def _indicator(book: Book, panel: Panel, code: str, year: int) -> Array:
    """An indicator of every institution for the year (n,); NaN where something it needs is unknown."""
    formula = book.indicators[code].formula
    names = {name: _year(book, panel, name, year) for name in read(formula, Needs())}
    try:
        made: Array = read(formula, _Rows(names))
    except (CannotRead, FormulaError):
        return np.full(len(panel), np.nan)
    return made


def _year(book: Book, panel: Panel, name: str, year: int) -> Array:
    """An item, or a composite of items, of the year (n,): sums, the last or the mean month, as the item is kept over months.

    A part of a composite that was not answered counts as none of it (a unit without coal leaves coal empty); an institution of
    whose parts none was answered is unknown.
    """
    if name in book.composites:
        composite, on = book.composites[name], Period("year", year).last_day
        total, some = np.zeros(len(panel)), np.zeros(len(panel), bool)
        for term in composite.terms:
            weight = float(composite.scale)
            for factor in term.factors:
                weight *= float(factor_value(book, factor, on).value)
            cells = panel.of(term.item)[:, -1]
            total += weight * np.nansum(cells, axis=1)
            some |= np.isfinite(cells).any(axis=1)
        return np.where(some, total, np.nan)
    cells = panel.of(name)[:, -1]
    known = np.isfinite(cells)
    how = book.items[name].over_time if name in book.items else "sum"
    if how == "last":
        last = cells.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
        made: Array = np.where(known.any(axis=1), cells[np.arange(len(cells)), last], np.nan)
        return made
    total = np.nansum(cells, axis=1)
    return np.where(known.any(axis=1), total if how == "sum" else total / np.maximum(known.sum(axis=1), 1), np.nan)


def local_prices(panel: Panel, review: Review, made: Sequence[Found] = ()) -> list[Found]:
    """Months whose price lies outside the local table. What is told already of the amount or its cost in those months is only told so beside it."""
    found = []
    for q in review.quantities:
        local = panel.prices.get(q.item)
        if local is None or not q.beside:
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            z = panel.of(q.beside)[:, -1] / panel.of(q.item)[:, -1]
            out = np.isfinite(z) & (z > 0) & ((z < local.low) | (z > local.high))
        told: dict[int, list[Found]] = {}
        for f in made:
            if {f.item, f.other} & {q.item, q.beside} and f.suspicion >= float(review.show):
                told.setdefault(f.row, []).append(f)
        for row in np.flatnonzero(out.any(axis=1)).tolist():
            at, (zh, en) = np.flatnonzero(out[row]), local.titles[row]
            months = tuple(int(m) + 1 for m in at) if panel.periods == 12 else ()
            f = Found(row, q.item, "price", months, float(np.median(z[row, at])), low=float(local.low[row, at[0]]), high=float(local.high[row, at[0]]), suspicion=0.3,
                      basis="price", other=q.beside)
            spoken = [g for g in told.get(row, []) if not g.months or not months or set(months) & set(g.months)]
            for g in spoken:
                g.outside_price = f.found, f.low, f.high, (zh, en)
            if spoken:
                continue
            f.amount = 0.1 * float(np.nansum(panel.of(q.item)[row, -1, at]))
            f.group = (zh, en)
            found.append(f)
    return found
