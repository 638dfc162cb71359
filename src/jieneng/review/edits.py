"""Findings that need no forecast: what the form's own checks said, quotas, local prices, a file handed in twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from django.db.models import F

from jieneng.core.period import Period
from jieneng.returns.models import ReturnFinding, Round
from jieneng.rulebook.reviews import Review
from jieneng.rulebook.types import Book

from .assess import Found
from .panel import Panel

SUSPICION = {"must": 1.0, "explain": 0.3, "note": 0.1}


def of_form(panel: Panel, round_: Round, made: Sequence[Found]) -> list[Found]:
    """The findings of the form's checks, one per institution and rule. What a finding of the review already speaks of is put there."""
    at = {int(k): n for n, k in enumerate(panel.ids)}
    by: dict[tuple[int, str], list[ReturnFinding]] = {}
    rows = ReturnFinding.objects.filter(ret__round=round_, revision=F("ret__revision")).select_related("ret").order_by("ret__period", "pk")
    for r in rows.iterator(chunk_size=2000):
        if r.ret.institution_id in at:
            by.setdefault((at[r.ret.institution_id], r.rule), []).append(r)
    spoken: dict[tuple[int, str], Found] = {}
    for f in made:
        if f.suspicion >= 0.2:
            spoken.setdefault((f.row, f.item), f)
    found = []
    for (row, rule), group in by.items():
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


def quotas(book: Book, panel: Panel, review: Review, year: int) -> list[Found]:
    """Institutions above the binding value, or below the guide value, of a quota of their place and kind."""
    from jieneng.core.formula import Needs, read

    found = []
    on = Period("year", year).last_day
    for quota in book.quotas:
        if quota.since > on or quota.indicator not in book.indicators:
            continue
        names = sorted(read(book.indicators[quota.indicator].formula, Needs()))
        for row in range(len(panel)):
            if panel.types[row] != quota.type or not _inside(book, panel.areas[row], quota.region):
                continue
            value = _indicator(book, panel, quota.indicator, names, row, review, year)
            if value is None:
                continue
            over = value > float(quota.constraint)
            under = quota.guide is not None and value < float(quota.guide)
            if over or under:
                f = Found(row, quota.indicator, "above-quota" if over else "below-guide", (), value, float(quota.constraint),
                          float(quota.guide) if quota.guide is not None else float("nan"), float(quota.constraint), 0.25, name=quota.code, basis="quota")
                f.group = (quota.source.title, quota.source.title)
                found.append(f)
    return found


def _inside(book: Book, area: str, region: str) -> bool:
    """Whether an area lies in a region, by the divisions of the book."""
    seen = area
    for _ in range(6):
        if seen == region:
            return True
        made = book.divisions.get(seen)
        if made is None or not made.parent:
            return False
        seen = made.parent
    return False


def _indicator(book: Book, panel: Panel, code: str, names: Sequence[str], row: int, review: Review, year: int) -> float | None:
    """An indicator of one institution for the year, in doubles; None where something it needs is unknown."""
    from fractions import Fraction

    from jieneng.core.formula import Value, read
    from jieneng.rulebook import factor_value

    on, values = Period("year", year).last_day, {}
    for name in names:
        if name in book.composites:
            total = 0.0
            for term in book.composites[name].terms:
                cells = panel.of(term.item)[row, -1]
                weight = float(book.composites[name].scale)
                for factor in term.factors:
                    weight *= float(factor_value(book, factor, on).value)
                total += weight * float(np.nansum(cells))
            values[name] = Fraction(total)
        else:
            cells = panel.of(name)[row, -1]
            known = cells[np.isfinite(cells)]
            if not len(known):
                return None
            how = book.items[name].over_time if name in book.items else "sum"
            values[name] = Fraction(float(known.sum() if how == "sum" else known[-1] if how == "last" else known.mean()))
    made = read(book.indicators[code].formula, Value(values, places=None))
    return float(made) if made is not None and not isinstance(made, bool) else None


def local_prices(book: Book, panel: Panel, review: Review) -> list[Found]:
    """Months whose price lies outside the local table."""
    found = []
    on = Period("year", panel.years[-1]).last_day
    beside = {q.item: q.beside for q in review.quantities}
    for price in book.prices:
        if price.since > on or not beside.get(price.item):
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            z = panel.of(beside[price.item])[:, -1] / panel.of(price.item)[:, -1]
            out = np.isfinite(z) & (z > 0) & ((z < float(price.low)) | (z > float(price.high)))
        for row in np.flatnonzero(out.any(axis=1)).tolist():
            if not _inside(book, panel.areas[row], price.region) or price.type not in ("", panel.types[row]):
                continue
            at = np.flatnonzero(out[row])
            f = Found(int(row), price.item, "price", tuple(int(m) + 1 for m in at) if panel.periods == 12 else (), float(np.median(z[row, at])),
                      low=float(price.low), high=float(price.high), suspicion=0.3, basis="price", other=beside[price.item])
            f.amount = 0.1 * float(np.nansum(panel.of(price.item)[row, -1, at]))
            f.group = (price.source.title, price.source.title)
            found.append(f)
    return found
