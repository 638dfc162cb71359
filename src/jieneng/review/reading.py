"""From the records to a panel: the current revisions of three years, as they stand, accepted or not."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from django.db.models import F, TextField
from django.db.models.functions import Cast

from jieneng import engine
from jieneng.core.period import Period
from jieneng.registry.models import Standing
from jieneng.registry.queries import standings
from jieneng.returns.models import Revision, Round
from jieneng.rulebook.reviews import Review
from jieneng.rulebook.types import Book

from . import given, pricing, weather
from .panel import Panel, grouped

YEARS = 3
SOME = 500
"""Institutions asked for at a time, where not all are."""


def review_for(book: Book, form: str, year: int) -> Review | None:
    """The review of a form in force for a year."""
    fit = [r for r in book.reviews.values() if r.form == form and r.years_from <= year]
    return max(fit, key=lambda r: r.years_from) if fit else None


def items_of(review: Review) -> set[str]:
    """Every item the review reads."""
    found: set[str] = set()
    for j in (*review.quantities, *review.stocks):
        found |= {j.item, j.beside, *j.per} - {""}
    return found


def members(year: int, line: str = "", most: int | None = None, only: Collection[int] | None = None) -> list[Standing]:
    """Who is reviewed under a line ("" for all), as they stand at the end of the year, by id; or of those ``only`` these. Of more than ``most``
    only those who report to the office of the line itself."""
    rows = standings(Period("year", year).last_day).filter(office__path__startswith=line or "/")
    if only is not None:
        rows = rows.filter(institution__in=only)
    elif most is not None and rows.count() > most:
        rows = rows.filter(office__path=line)
    return sorted((s for s in rows if s.in_scope), key=lambda s: s.institution_id)


def panel(book: Book, review: Review, round_: Round, line: str = "", only: Collection[int] | None = None) -> tuple[Panel, dict[tuple[int, str], tuple[int, int]], str]:
    """The panel of a round's year with two years before it; who stands under ``line`` ("" for all), or of those ``only`` these institutions.

    Also (institution, period) → (return, revision), and a fingerprint of the state of the round: which revision of which return.
    """
    year = round_.year
    rounds = {r.year: r for r in Round.objects.filter(form=round_.form, year__gt=year - YEARS, year__lte=year)}
    years = tuple(y for y in range(year - YEARS + 1, year + 1) if y in rounds)
    rows = members(year, line, only=only)
    ids = np.array([s.institution_id for s in rows], np.int64)
    periods = 12 if round_.rhythm == "month" else 1
    wanted = sorted(items_of(review) & set(book.items))
    cube = np.full((len(wanted), len(ids), len(years), periods), np.nan)
    refs: dict[tuple[int, str], tuple[int, int]] = {}
    state = hashlib.sha256()
    current = _revisions(rounds.values(), only)
    returns, whose, spans, of_year, numbers, texts = zip(*current, strict=True) if current else ((),) * 6
    columns = engine.answer_columns(texts, wanted)
    institutions = np.array(whose, np.int64)
    n = np.minimum(np.searchsorted(ids, institutions), max(len(ids) - 1, 0))
    where = {p: _place(p, periods) for p in set(spans)}
    place, t = np.array([where[p] for p in spans], int), np.array(of_year, int)
    inside = (ids[n] == institutions) & (place >= 0) if len(ids) else np.zeros(len(returns), bool)
    for k, y in enumerate(years):
        mine = inside & (t == y)
        for i, item in enumerate(wanted):
            cube[i, n[mine], k, place[mine]] = columns[item][mine]
    for k in np.flatnonzero(inside & (t == year)).tolist():
        refs[whose[k], spans[k]] = (returns[k], numbers[k])
        state.update(f"{returns[k]}:{numbers[k]};".encode())
    made = Panel(years, periods, ids, [s.name for s in rows], [s.area for s in rows], [s.type for s in rows], _levels(book, rows),
                 {d.code: (d.name.zh, d.name.en) for d in book.divisions.values()})
    made.values = {item: cube[i] for i, item in enumerate(wanted) if np.isfinite(cube[i]).any()}
    parents = {d.code: d.parent for d in book.divisions.values()}
    weather.lay(made, given.degrees(years), parents)
    pricing.lay(made, given.prices(book, year), parents)
    return made, refs, state.hexdigest()


def _place(period: str, periods: int) -> int:
    """Where the answers of a period stand; −1 for a period of another length, such as the months of a year before in a round answered once a year."""
    if periods == 1:
        return 0 if len(period) == 4 else -1
    return int(period[5:7]) - 1 if len(period) == 7 and period[5:7].isdecimal() else -1


def _revisions(rounds: Iterable[Round], only: Collection[int] | None = None) -> list[tuple[int, int, str, int, int, str]]:
    """The current revision of every return of the rounds, by return: return, institution, period, year, number, its answers as they are kept."""
    rows = Revision.objects.filter(ret__round__in=list(rounds), number=F("ret__revision"))
    said = rows.order_by("ret_id").annotate(text=Cast("answers", TextField())).values_list("ret_id", "ret__institution_id", "ret__period", "ret__round__year", "number", "text")
    if only is None:
        return list(said)
    ids = sorted(only)
    return sorted(r for n in range(0, len(ids), SOME) for r in said.filter(ret__institution__in=ids[n:n + SOME]))


def _levels(book: Book, rows: list[Any]) -> list[Any]:
    regions = {d.code: (d.name.zh, d.name.en) for d in book.divisions.values()}
    parents = {d.code: d.parent for d in book.divisions.values()}
    types = {t.code: (t.label.zh, t.label.en) for t in book.types.values()}
    up = {t.code: t.parent for t in book.types.values()}
    return grouped([s.area for s in rows], [s.type for s in rows], regions, parents, types, up)


def weights(book: Book, review: Review, year: int) -> dict[str, float]:
    """Item → tce per unit, by the factors in force at the end of the year; 1 for items that are their own total."""
    from jieneng.rulebook import factor_value

    found: dict[str, float] = {}
    on = Period("year", year).last_day
    for q in review.quantities:
        found[q.item] = 1.0
        if q.cell in book.composites:
            composite = book.composites[q.cell]
            for term in composite.terms:
                if term.item == q.item:
                    w = float(composite.scale)
                    for f in term.factors:
                        w *= float(factor_value(book, f, on).value)
                    found[q.item] = w
    return found

