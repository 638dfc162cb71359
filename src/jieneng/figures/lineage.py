"""Like for like over mergers and splits: bodies that came from one another are taken as one over both years.

A merged body's base is the sum of its parents, the parts of a split are compared together with the body they were split from. The
links are those that the snapshot carries (its ``lineage``): what happens to the register later moves nothing made from it. A family
counts where it is whole: all its members that had to answer did, in both years, in one and the same group.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from jieneng.core.figure import Coverage, Figure
from jieneng.core.formula import Needs, Value, read
from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.engine import Engine, Snapshot
from jieneng.registry.queries import families as grouped
from jieneng.rulebook.types import Book

from .calculate import calculate
from .scene import needs

LINEAGE = "lineage"


@dataclass(frozen=True)
class Families:
    """The families that came about between two periods. ``mixed``: those whose day lies inside a period, so that members overlap in it."""

    groups: tuple[frozenset[int], ...]
    mixed: frozenset[int]

    def without(self, where: Mapping[str, Any]) -> Mapping[str, Any]:
        """A filter that leaves all their members out."""
        members = sorted({pk for g in self.groups for pk in g})
        return {**where, "institution": {"not": members}} if members else where

    def joined(self, book: Book, engine: Engine, snapshot: Snapshot, name: str, periods: tuple[Period, Period], by: str | None, where: Mapping[str, Any],
               form: str, now: dict[str, Figure], before: dict[str, Figure]) -> tuple[dict[str, Figure], dict[str, Figure]]:
        """The like-for-like figures of both periods by group: of those alike, and of every whole family beside them."""
        found: tuple[dict[str, list[Figure]], dict[str, list[Figure]]] = ({k: [f] for k, f in now.items()}, {k: [f] for k, f in before.items()})
        overlaps = any(book.items[i.rstrip("*")].over_time != "sum" for i in needs(book, name))
        for n, members in enumerate(self.groups):
            if overlaps and n in self.mixed:
                continue  # their area and people would count twice in the year of the change
            pair = [_whole(calculate(book, engine, snapshot, [name], period=p, by=by, where={**where, "institution": tuple(sorted(members))}, form=form)) for p in periods]
            if pair[0] is None or pair[1] is None or pair[0].subject.get("code") != pair[1].subject.get("code"):
                continue
            for table, figure in zip(found, pair, strict=True):
                if figure is not None:
                    table.setdefault(figure.subject.get("code", ""), []).append(figure)
        return tuple({k: _sum(book, name, v) for k, v in t.items()} for t in found)  # type: ignore[return-value]


def _whole(figures: Sequence[Figure]) -> Figure | None:
    """The one figure of a family, where all its members stand in one group and answered; None elsewhere."""
    known = [f for f in figures if f.exact is not None]
    if len(figures) != 1 or len(known) != 1 or known[0].coverage is None or not known[0].coverage.full:
        return None
    return known[0]


def _sum(book: Book, name: str, figures: Sequence[Figure]) -> Figure:
    """Figures of separate members as one: sums added; an indicator's formula over its added parts."""
    known = [f for f in figures if f.exact is not None]
    if len(known) < 2:
        return known[0] if known else figures[0]
    first = figures[0]
    covers = [f.coverage for f in known if f.coverage is not None]
    coverage = Coverage(sum(c.covered for c in covers), sum(c.members for c in covers))
    note = str(T("含合并、拆分前后按同一批单位计的 {n} 组", "with {n} families of merged or split bodies, taken as the same over both years", n=len(known) - 1))
    if name not in book.indicators:
        return replace(first, exact=sum((f.exact for f in known if f.exact is not None), Fraction(0)), how="Σ", parts=tuple(known), coverage=coverage, note=note, factors=())
    formula = book.indicators[name].formula
    parts = {n: _sum(book, n, [p for f in known for p in f.parts if isinstance(p, Figure) and p.name == n]) for n in sorted(read(formula, Needs()), key=formula.index)}
    exact = read(formula, Value({n: f.exact for n, f in parts.items()}, places=None))
    return replace(first, exact=exact, parts=tuple(parts.values()), coverage=coverage, note=note)


def families_between(engine: Engine, snapshot: Snapshot, last: Period, period: Period) -> Families:
    """The families of the links whose day lies after the first day of ``last`` and not after the end of ``period``."""
    if f"ledgers/{LINEAGE}.parquet" not in snapshot.manifest["files"]:
        return Families((), frozenset())
    days: dict[tuple[int, int], dt.date] = {}
    for row in engine.ledger_rows(snapshot, LINEAGE):
        since = row["since"] if isinstance(row["since"], dt.date) else dt.date.fromisoformat(str(row["since"]))
        if last.first_day < since <= period.last_day:
            days[int(row["parent"]), int(row["child"])] = since
    groups = tuple(grouped(days))
    mixed = {n for n, g in enumerate(groups) for (a, _), day in days.items() if a in g and any(p.first_day < day <= p.last_day for p in (last, period))}
    return Families(groups, frozenset(mixed))
