"""The figures that pages show: home, one institution, and the annual table by area, department or type."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from jieneng import engine
from jieneng.core.amount import decimal_of
from jieneng.core.figure import Figure
from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.people.queries import area_offices
from jieneng.people.scope import Scope
from jieneng.returns import queries as returns
from jieneng.returns.models import SnapshotRecord
from jieneng.rulebook import breaks
from jieneng.rulebook.types import Book

from .calculate import calculate
from .compare import YearOnYear, year_on_year
from .scene import form_with, rests_on

MEASURES = {"composites": "composites", "indicators": "indicators", "items": "items"}


def where_of(scope: Scope) -> dict[str, Any] | None:
    """The rows of a snapshot inside a scope; None when nothing is. A reporter sees its own institution's rows."""
    if scope.lines:
        return {"line": scope.lines}
    if scope.institutions:
        return {"code": scope.institutions}
    return None


def places_of(book: Book, name: str) -> int:
    """Decimals a figure is shown with: fixed by the indicator; one for energy and carbon, none for items."""
    if name in book.indicators:
        return book.indicators[name].places
    return 1 if name in book.composites else 0


def label_of(book: Book, name: str) -> Any:
    for table in (book.indicators, book.composites, book.items):
        if name in table:
            return table[name].label
    raise KeyError(name)


def unit_of(book: Book, name: str) -> str:
    for table in (book.indicators, book.composites, book.items):
        if name in table:
            return table[name].unit
    raise KeyError(name)


def shown(book: Book, what: str) -> list[str]:
    """The figures of the annual table, named by the book (settings: overview)."""
    return list(book.settings["overview"][what])


def by_subject(figures: Sequence[Figure]) -> dict[str, dict[str, Figure]]:
    """name → subject code → figure."""
    table: dict[str, dict[str, Figure]] = {}
    for f in figures:
        table.setdefault(f.name, {})[f.subject.get("code", "")] = f
    return table


def trace_url(figure: Figure, snapshot: str) -> str:
    """The page that unfolds a figure."""
    return reverse("trace") + "?" + urlencode({
        "name": figure.name, "period": figure.period, "by": figure.subject.get("kind", ""),
        "code": figure.subject.get("code", ""), "snapshot": snapshot})


def compute(book: Book, snapshot: SnapshotRecord, names: Sequence[str], period: Period, by: str | None,
            where: Mapping[str, Any]) -> list[Figure]:
    """Figures of a period by a grouping, on the embedded engine."""
    return calculate(book, engine.connect(), returns.opened(snapshot), names, period=period, by=by, where=where)


def compared(book: Book, snapshot: SnapshotRecord, names: Sequence[str], period: Period, where: Mapping[str, Any],
             by: str | None = None) -> dict[str, YearOnYear]:
    """Each figure of a period against the same span of the year before, and like for like (同口径) beside it, by name."""
    found = year_on_year(book, engine.connect(), returns.opened(snapshot), names, period=period, by=by, where=where)
    return {y.now.name: y for y in found}


def broken(book: Book, names: Sequence[str], before: int, now: int) -> list[T]:
    """Where the series of some figures break between two data years, each said once."""
    return list(dict.fromkeys(t for n in names for t in breaks(book, form_with(book, n), n, before, now)))


def part_figures(book: Book, snapshot: SnapshotRecord, period: Period, where: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Machine rooms and heating sources of a year: for each form how many institutions have them and the figures that the book names
    (settings: overview.parts). Nothing for a form that nobody filled in."""
    made = []
    for code, names in dict(book.settings["overview"].get("parts", {})).items():
        form = next((f for f in book.forms.values() if f.code == code and f.years_from <= period.year and (f.years_to is None or period.year <= f.years_to)), None)
        asked = {i.item for i in form.items} if form else set()
        known = [n for n in names if rests_on(book, n) <= asked]
        found = {f.name: f for f in compute(book, snapshot, known, period, None, where)} if known and period.kind == "year" else {}
        if form is not None and found:
            made.append({"form": form, "part": form.part, "members": next(iter(found.values())).coverage, "lines": [
                {"name": n, "label": label_of(book, n), "figure": found[n], "places": places_of(book, n)} for n in known if n in found]})
    return made


def home_figures(scope: Scope) -> dict[str, Any]:
    """The four indicators of the newest snapshot, with the change against the year before."""
    snapshot, where = returns.shown_snapshot(), where_of(scope)
    if snapshot is None or where is None:
        return {"snapshot": None, "indicators": []}
    book = returns.book()
    names = shown(book, "indicators")
    found = compared(book, snapshot, names, Period("year", snapshot.year), where)
    rows = [{"label": label_of(book, n), "figure": found[n].now, "places": places_of(book, n), "change": found[n].change.exact,
             "like": found[n].like.exact, "url": trace_url(found[n].now, snapshot.pk)} for n in names if n in found]
    return {"snapshot": snapshot, "indicators": rows, "compared": snapshot.year - 1 if any(
        r["change"] is not None for r in rows) else None, "breaks": broken(book, names, snapshot.year - 1, snapshot.year)}


def institution_figures(pk: int) -> dict[str, Any]:
    """One institution's energy and indicators over the years of the newest snapshot, and its months."""
    snapshot = returns.shown_snapshot()
    if snapshot is None:
        return {"snapshot": None, "history_rows": []}
    book = returns.book()
    years = sorted({int(p[:4]) for p in returns.opened(snapshot).periods})[-5:]
    names = shown(book, "composites")[:1] + shown(book, "items") + shown(book, "indicators")
    found: dict[int, dict[str, Figure]] = {}
    for year in years:
        # grouped by itself, so that the trace of each number is this institution's
        figures = compute(book, snapshot, names, Period("year", year), "institution", {"institution": pk})
        if any(f.exact is not None for f in figures):
            found[year] = {f.name: f for f in figures}
    rows = [{"label": label_of(book, n), "unit": unit_of(book, n), "places": places_of(book, n),
             "figures": [found[y].get(n) for y in found]} for n in names]
    pairs = list(itertools.pairwise(found))
    return {"snapshot": snapshot, "history_years": list(found), "history_rows": rows if found else [],
            "history_breaks": list(dict.fromkeys(t for a, b in pairs for t in broken(book, names, a, b))),
            "not_frozen": snapshot.year if snapshot.year not in found else None,
            "monthly": monthly(book, snapshot, pk) if found else None}


def monthly(book: Book, snapshot: SnapshotRecord, pk: int) -> dict[str, Any] | None:
    """The main item month by month, this year and last: the data of a line chart and its table."""
    item = str(book.settings["overview"]["chart"])
    series: dict[int, list[Decimal | None]] = {}
    for year in (snapshot.year, snapshot.year - 1):
        groups = engine.connect().sums(
            returns.opened(snapshot), [engine.Ask(item, book.items[item].over_time)], form=returns.main_form(),
            period=Period("year", year), by=("period",), where={"institution": pk})
        values = {g.keys["period"]: g.totals[item].value for g in groups}
        months = [str(m) for m in Period("year", year).months]
        if not set(values) & set(months):
            continue
        series[year] = [None if (v := values.get(m)) is None else decimal_of(v, 0) for m in months]
    if snapshot.year not in series:
        return None
    return {"kind": "line", "label": str(book.items[item].label), "unit": book.items[item].unit,
            "x": [str(m) for m in range(1, 13)],
            "series": [{"name": str(y), "values": [None if v is None else float(v) for v in vs], "dashed": y != snapshot.year}
                       for y, vs in series.items()]}


def group_names(book: Book, by: str) -> dict[str, str]:
    """The names of the groups of a grouping, by code."""
    if by == "area":
        return {o.area: o.name for o in area_offices()}
    if by == "type":
        return {t.code: str(t.label) for t in book.types.values()}
    if by == "territory":
        return {d.code: str(d.name) for d in book.divisions.values()}
    return {}
