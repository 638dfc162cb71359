"""Year on year, and beside it like for like (同口径): only members that are covered in both years (every month due), in the same group.

A change of a group mixes what the members did with who the members are: institutions opened, closed, moved, or did not
answer. The second number leaves that out. Bodies that merged or split between the two years are one and the same over both
(``lineage``): the base of a merged one is the sum of its parents.

Where an edition of the survey stands between the two years, an item that took the place of another is not compared (the note
says why), and a total made of other items than a year ago says so: a break in a series is never silent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jieneng.core.figure import Coverage, Figure
from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.engine import Engine, Snapshot
from jieneng.rulebook import at_year, breaks
from jieneng.rulebook.types import Book

from .calculate import calculate
from .lineage import Families, families_between
from .prove import CHANGE
from .scene import composites_of, form_with, needs, owed


@dataclass(frozen=True)
class YearOnYear:
    """One figure of a group, this year and last, and the same of the members that are covered in both.

    ``change`` and ``like`` are figures themselves (a ratio, 0.05 for five per cent more), with both years as their parts,
    so that they are proved like any other. Their ``exact`` is None where a year is unknown or last year is zero.
    ``factors`` is the part of the change that comes from factors published anew for the year (this year's sums with last
    year's grid factor below the line): None where they stayed the same.
    """

    now: Figure
    before: Figure | None
    change: Figure
    like: Figure
    factors: Figure | None = None


def year_on_year(book: Book, engine: Engine, snapshot: Snapshot, names: Sequence[str], *, period: Period, by: str | None = None,
                 where: Mapping[str, Any] | None = None, form: str = "") -> list[YearOnYear]:
    """Each name in each group of ``period``, against the same span one year before. Same arguments as ``calculate``."""
    last, result = period.last_year, []
    held = _frozen(book, str(last.year))
    given = form
    families = families_between(engine, snapshot, last, period) if "institution" not in (where or {}) else Families((), frozenset())
    for name in names:
        form = given or form_with(book, name)
        broken = "；".join(str(b) for b in breaks(book, form, name, last.year, period.year))

        def made(at: Period, like: tuple[str, ...] = (), name: str = name, where: Mapping[str, Any] | None = where, form: str = form) -> dict[str, Figure]:
            found = calculate(book, engine, snapshot, [name], period=at, by=by, where=where, form=form, like=like)
            return {f.subject.get("code", ""): f for f in found}

        need, need_last = (owed(book, needs(at_year(book, at.year, form), name)) for at in (period, last))
        frozen = held if any(held.composites[c] is not book.composites[c] for c in composites_of(book, name)) else book
        now, before = made(period), made(last)
        apart = families.without(where or {})
        plain_now = made(period, (*need, *_of(last, need_last)), where=apart)
        plain_before = made(last, (*need_last, *_of(period, need)), where=apart)
        like_now, like_before = families.joined(book, engine, snapshot, name, (period, last), by, where or {}, form, plain_now, plain_before)
        old = {f.subject.get("code", ""): f for f in calculate(frozen, engine, snapshot, [name], period=period, by=by, where=where, form=form)
               } if frozen is not book else {}
        for code, figure in now.items():
            result.append(YearOnYear(
                figure, before.get(code), _broken(change(figure, before.get(code)), broken),
                _broken(_like(change(like_now.get(code), like_before.get(code), figure), like_now.get(code), figure), broken),
                _factors(figure, old.get(code))))
    return result


def _broken(figure: Figure, why: str) -> Figure:
    """A change across a break of the series, with the reason in front of whatever else is said."""
    return replace(figure, note="；".join(dict.fromkeys(n for n in (why, figure.note) if n))) if why else figure


def _frozen(book: Book, vintage: str) -> Book:
    """The book with the factors that are published yearly held at a year; the book itself when none is."""
    dated = {f.code for f in book.factors.values() if any(v.vintage == vintage for v in f.values) and any(v.vintage != vintage for v in f.values)}
    held = {c.code: replace(c, vintage=vintage) for c in book.composites.values()
            if not c.vintage and any(f in dated for t in c.terms for f in t.factors)}
    return replace(book, composites={**book.composites, **held}) if held else book


def _factors(now: Figure, old: Figure | None) -> Figure | None:
    """How much of a change comes from factors alone."""
    if old is None or now.exact is None or not old.exact or old.exact == now.exact:
        return None
    label = {"zh": now.label["zh"] + "同比：因子变化", "en": now.label["en"] + ", change by factors"}
    return replace(change(now, old), name=f"{now.name}.factors", label=label)


def _of(period: Period, items: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{period}:{i}" for i in items) or (f"{period}:",)


def change(now: Figure | None, before: Figure | None, like: Figure | None = None) -> Figure:
    """The relative change between two figures as a figure. ``like`` gives name and subject where ``now`` is not there."""
    shown = now or like
    assert shown is not None
    exact, note = None, ""
    if now is None or before is None:
        note = str(T("没有可比的去年数", "nothing of last year to compare with"))
    elif now.exact is None or before.exact is None:
        note = now.note if now.exact is None else before.note
    elif before.exact == 0:
        note = str(T("去年是 0", "last year was zero"))
    else:
        exact = now.exact / before.exact - 1
    parts = (now, before) if now is not None and before is not None else ()
    return Figure(f"{shown.name}.change", {"zh": shown.label["zh"] + "同比", "en": shown.label["en"] + ", change on last year"}, "",
                  shown.period, shown.subject, exact, CHANGE, parts, note=note, rulebook=shown.rulebook)


def _like(figure: Figure, now: Figure | None, all_now: Figure) -> Figure:
    """The change like for like: labelled as that, with how many of this year's members it rests on."""
    members = all_now.coverage.members if all_now.coverage else 0
    covered = now.coverage.members if now is not None and now.coverage else 0
    label = {"zh": all_now.label["zh"] + "同比（同口径）", "en": all_now.label["en"] + ", change like for like"}
    return replace(figure, name=f"{all_now.name}.like", label=label, coverage=Coverage(covered, members))
