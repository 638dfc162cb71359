"""What returns, figures and the reading of workbooks give to the register's pages (see ``registry.given``)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db.models import Count, F
from django.http import HttpRequest

from jieneng import engine
from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.figures import calculate as calculating
from jieneng.figures import overview as figures
from jieneng.registry import queries as register
from jieneng.registry.given import gives
from jieneng.registry.models import Institution
from jieneng.returns import pages as returns_pages
from jieneng.returns import queries as returns
from jieneng.returns.freeze import part
from jieneng.returns.intake.grid import shown
from jieneng.returns.intake.guard import column_letters
from jieneng.returns.intake.opening import open_table
from jieneng.returns.models import Return, Revision, Round
from jieneng.returns.moves import STATES
from jieneng.rulebook.types import Ledger, LedgerField

PEOPLE_ITEMS = ("area_m2", "people")
FEW = 2_000
"""Rows of a workbook of changes that are read."""


def _answers(institutions: Sequence[int], year: int) -> Any:
    return Revision.objects.filter(ret__institution__in=institutions, ret__round__year=year, ret__round__form=returns.main_form(),
                                   number=F("ret__revision")).order_by("ret__period").values_list("ret__institution_id", "answers")


LINEAGE = Ledger("lineage", T("名录沿革", "lineage of the register"), T("一条沿革", "a link"), ("parent", "child"), "kind", (
    LedgerField("parent", T("原单位", "parent"), "number"), LedgerField("child", T("承接单位", "child"), "number"),
    LedgerField("since", T("日期", "from"), "date"), LedgerField("kind", T("变更", "kind"), "text")), ())
"""Who came from whom, as every snapshot carries it: what later happens to the register moves no like-for-like that was made from it."""


@part("lineage")
def lineage() -> dict[str, Any]:
    """The mergers and splits that hold now; nothing where there are none."""
    found = register.lineage()
    if not found:
        return {}
    return {"lineage": (LINEAGE, ({"record": n, "revision": 1, "key": f"{parent}>{child}", "line": "", "parent": Decimal(parent), "child": Decimal(child),
                                   "since": since.isoformat(), "kind": kind} for n, (parent, child, since, kind) in enumerate(found, 1)))}


@gives("sizes")
def sizes(institutions: Sequence[int], year: int) -> dict[int, dict[str, str]]:
    """Area and people as last answered in the year."""
    result: dict[int, dict[str, str]] = {}
    for pk, answers in _answers(institutions, year):
        found = result.setdefault(pk, {})
        found.update({i: answers[i] for i in PEOPLE_ITEMS if answers.get(i) is not None})
    return result


@gives("used")
def used(institutions: Sequence[int], year: int) -> dict[int, set[str]]:
    """The items that each answered above zero in the year; who answered nothing is not there."""
    result: dict[int, set[str]] = {}
    for pk, answers in _answers(institutions, year):
        result.setdefault(pk, set()).update(i for i, v in answers.items() if v is not None and Decimal(v) > 0)
    return result


@gives("years")
def years() -> list[int]:
    return [r.year for r in Round.objects.filter(form=returns.main_form()).order_by("-year")]


@gives("panels")
def panels(request: HttpRequest, institution: Institution, inside: bool) -> dict[str, Any]:
    """Its returns by year (for those who may see inside) and its figures; of a sensitive unit no month."""
    found = figures.institution_figures(institution.pk)
    if not inside:
        found["monthly"] = None
    return {**found, "years": returns_pages.institution_years(request.scope, institution) if inside else [], "states": STATES}


@gives("owed")
def owed(institutions: Sequence[int], since: dt.date) -> dict[int, int]:
    """How many returns of each are still to be filed for months from a day on."""
    rows = Return.objects.filter(institution__in=institutions, state__in=("expected", "draft", "returned"), period__gte=f"{since:%Y-%m}")
    return dict(rows.values_list("institution").annotate(n=Count("pk")))


@gives("energy")
def energy(institutions: Sequence[int], year: int) -> dict[int, Any]:
    """Energy of a year by institution in tce, exact, from the newest snapshot that holds it; empty where nothing is frozen."""
    record = returns.latest_snapshot()
    book = returns.book()
    name = next(iter(figures.shown(book, "composites")), "")
    if record is None or not name or not institutions or not any(p.startswith(str(year)) for p in returns.opened(record).periods):
        return {}
    made = calculating.calculate(book, engine.connect(), returns.opened(record), [name], period=Period("year", year), by="institution",
                                 where={"institution": tuple(institutions)})
    return {int(f.subject["code"]): f.exact for f in made if f.exact is not None}


@gives("rows")
def rows(path: Path, name: str) -> Iterator[tuple[str, int, dict[str, str]]]:
    """The cells of a workbook, read in the limited child process. Raises ``Refused`` as every reading of a file does."""
    with open_table(path, name=name) as table:
        for sheet in table.sheets:
            for n, row in enumerate(sheet.rows):
                if n >= FEW:
                    break
                yield sheet.name, row.number, {column_letters(i): shown(c) for i, c in enumerate(row.cells, 1) if c}
