"""What may be read of the platform beside our own: current rows, the two-sided table, lists of corrections, changes of an import."""

from __future__ import annotations

import datetime as dt
import functools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max, QuerySet

from jieneng.core.amount import amount_text
from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.people.models import Office
from jieneng.people.scope import Scope
from jieneng.registry.models import Standing
from jieneng.registry.queries import standings
from jieneng.returns.chain.blockers import BLOCKERS
from jieneng.returns.models import Import, Return, Revision, Round
from jieneng.returns.parts import form_of
from jieneng.returns.queries import book as the_book
from jieneng.rulebook import form_for
from jieneng.rulebook.types import Book, Item

from .models import Correction, CorrectionList, Explained, PlatformRow

VERDICTS: dict[str, T] = {
    "undecided": T("待核实", "to be checked"), "theirs": T("平台更正", "platform to mend"), "ours": T("本库更正", "ours to mend"),
    "explained": T("已说明", "explained"), "same": T("一致", "the same"),
}
"""What is to become of a cell. The first three are open; 为零或全部说明 = none of them left."""
OPEN = ("undecided", "theirs", "ours")
Cell = tuple[int, str, str]
"""(institution, period, item)"""


def is_fact(name: str) -> bool:
    """Whether a name in a platform row is no item: a status, a warning, a target, an indicator of the platform's own."""
    return name in ("status", "quota_warning") or name.startswith(("target.", "indicator."))


# --- current values --------------------------------------------------------------------------------------------------


def current_rows(holder: str, form: str, year: int, institutions: Iterable[int] | None = None) -> dict[tuple[int, str], PlatformRow]:
    """What the holder says now: (institution, period) → its newest row."""
    rows = PlatformRow.objects.filter(holder=holder, form=form, year=year)
    if institutions is not None:
        rows = rows.filter(institution__in=set(institutions))
    return {(r.institution_id, r.period): r for r in rows.order_by("number")}


def our_parts(form: str, year: int, institutions: Iterable[int]) -> dict[int, list[tuple[str, dict[str, str | None]]]]:
    """What we hold of a form that is a part of another (机房, 热源): institution → name and stored texts of each part, of current revisions."""
    rows = Revision.objects.filter(ret__round__year=year, ret__institution__in=set(institutions), number=F("ret__revision")).exclude(parts={})
    return {i: [(p["name"], p["answers"]) for k, p in parts.items() if form_of(k) == form] for i, parts in rows.values_list("ret__institution_id", "parts")}


def our_answers(form: str, year: int, institutions: Iterable[int] | None = None) -> dict[tuple[int, str], dict[str, str | None]]:
    """What we hold: (institution, period) → answers of the current revision as stored texts."""
    rows = Revision.objects.filter(ret__round__form=form, ret__round__year=year)
    if institutions is not None:
        rows = rows.filter(ret__institution__in=set(institutions))
    return {(i, p): a for i, p, a in rows.order_by("number").values_list("ret__institution_id", "ret__period", "answers").iterator(chunk_size=4000)}


def over_months(item: Item, values: list[str | None]) -> str | None:
    """Months of ours as one value of a longer period, by the item's own rule; unknown where a summed month is missing."""
    known = [Decimal(v) for v in values if v is not None]
    if not known or (item.over_time == "sum" and len(known) != len(values)):
        return None
    if item.over_time == "sum":
        return amount_text(sum(known, Decimal(0)))
    if item.over_time == "last":
        return amount_text(known[-1])
    return amount_text((sum(known, Decimal(0)) / len(known)).quantize(Decimal("0.0001")))


def _equal(item: Item, ours: str | None, theirs: str | None, longer: bool) -> bool:
    """Whether two texts are the same value. A mean over months may be printed whole by the other side."""
    if ours == theirs:
        return True
    if ours is None or theirs is None:
        return False
    return longer and item.over_time == "mean" and abs(Decimal(ours) - Decimal(theirs)) <= Decimal("0.5")


@dataclass(frozen=True)
class Difference:
    """One cell in which ours and the holder's value are not the same. Texts as stored; None: not answered."""

    institution: int
    period: str
    item: str
    ours: str | None
    theirs: str | None

    @property
    def cell(self) -> Cell:
        return (self.institution, self.period, self.item)


@dataclass(frozen=True)
class Compared:
    """All differences of a year and how many cells were compared, by institution."""

    differences: tuple[Difference, ...]
    cells: dict[int, int]
    alone: int
    """Cells the holder has in a period in which we hold nothing to compare with (another rhythm, nothing filed)."""


def compared(holder: str, form: str, year: int) -> Compared:
    """Ours against a holder, cell by cell. Read once for a state of the records: the key says when something was added."""
    revisions = Revision.objects.filter(ret__round__form=form, ret__round__year=year).aggregate(a=Max("pk"), n=Count("pk"))
    rows = PlatformRow.objects.filter(holder=holder, form=form, year=year).aggregate(a=Max("pk"), n=Count("pk"))
    key = (str(settings.HOME), revisions["a"], revisions["n"], rows["a"], rows["n"], the_book().hash)
    return _compared(holder, form, year, key)


@functools.lru_cache(maxsize=16)
def _compared(holder: str, form: str, year: int, key: Any) -> Compared:
    items = the_book().items
    ours, found, cells, alone = our_answers(form, year), [], Counter[int](), 0
    for (institution, period), row in sorted(current_rows(holder, form, year).items()):
        values = {i: v for i, v in row.values.items() if i in items}
        mine, longer = ours.get((institution, period)), False
        if mine is None and (months := Period.parse(period).months) and any((institution, str(m)) in ours for m in months):
            longer = True
            parts = [ours.get((institution, str(m)), {}) for m in months]
            mine = {i: over_months(items[i], [p.get(i) for p in parts]) for i in values}
        if mine is None:
            alone += len(values)
            continue
        cells[institution] += len(values)
        if all(mine.get(i) == v for i, v in values.items()):
            continue
        found += [Difference(institution, period, i, mine.get(i), v) for i, v in values.items() if not _equal(items[i], mine.get(i), v, longer)]
    return Compared(tuple(found), dict(cells), alone)


# --- the two-sided table ---------------------------------------------------------------------------------------------


@dataclass
class Line:
    """A line of the two-sided table: a difference (or a correction that was asked for) with what is to become of it."""

    institution: int
    name: str
    area: str
    path: str
    period: str
    item: str
    ours: str | None
    theirs: str | None
    verdict: str
    reason: str = ""
    word: str = ""
    correction: Correction | None = None
    number: str = ""

    @property
    def key(self) -> str:
        """The cell as one text, for forms: institution.period.item."""
        return f"{self.institution}.{self.period}.{self.item}"

    @property
    def open(self) -> bool:
        return self.verdict in OPEN


def day_of(year: int) -> dt.date:
    return Period("year", year).last_day


def lines_of(year: int) -> dict[int, Standing]:
    """institution → its standing at the end of the year."""
    return {s.institution_id: s for s in standings(day_of(year))}


def explained(holder: str, form: str, year: int) -> dict[Cell, Explained]:
    rows = Explained.objects.filter(holder=holder, form=form, year=year)
    return {(e.institution_id, e.period, e.item): e for e in rows}


def corrections(form: str, year: int, holder: str = "") -> QuerySet[Correction]:
    """Corrections that stand (not withdrawn)."""
    rows = Correction.objects.filter(form=form, year=year).exclude(state="withdrawn").select_related("institution", "by", "checked__file")
    return rows.filter(holder=holder) if holder else rows


def _verdict(d: Difference, asked: dict[tuple[Cell, str], Correction], told: dict[Cell, Explained]) -> tuple[str, str, str, Correction | None]:
    for side, verdict in (("platform", "theirs"), ("ours", "ours")):
        if (c := asked.get((d.cell, side))) is not None and c.state != "done":
            return verdict, c.reason, c.word, c
    e = told.get(d.cell)
    if e is not None and (e.ours, e.theirs) == (d.ours, d.theirs):
        return "explained", e.reason, "", None
    return "undecided", "", "", None


def table(scope: Scope, holder: str, form: str, year: int) -> list[Line]:
    """The two-sided table of a year inside a scope: open lines first, then explained, then those that came to agree."""
    numbers = numbers_of(the_book(), form, year)
    lines, found = lines_of(year), compared(holder, form, year)
    asked = {((c.institution_id, c.period, c.item), c.side): c for c in corrections(form, year, holder)}
    told, result, seen = explained(holder, form, year), [], set()

    def line(cell: Cell, ours: str | None, theirs: str | None, verdict: str, reason: str, word: str, c: Correction | None) -> None:
        s = lines.get(cell[0])
        if s is None or not scope.covers(s.office.path, s.institution.key):
            return
        result.append(Line(cell[0], s.name, s.area, s.office.path, cell[1], cell[2], ours, theirs, verdict, reason, word, c, numbers.get(cell[2], "")))

    for d in found.differences:
        line(d.cell, d.ours, d.theirs, *_verdict(d, asked, told))
        seen.add(d.cell)
    rest = [(cell, c) for (cell, side), c in asked.items() if cell not in seen]
    if rest:
        whose = {cell[0] for cell, _ in rest}
        ours, theirs = our_answers(form, year, whose), current_rows(holder, form, year, whose)
        for cell, c in rest:
            row = theirs.get((cell[0], cell[1]))
            now = row.values.get(cell[2]) if row else None
            waiting = c.side == "platform" and c.state != "done" and (c.new is None or now != c.new)
            line(cell, ours.get((cell[0], cell[1]), {}).get(cell[2]), now, "theirs" if waiting else "same", c.reason, c.word, c)
    order = list(VERDICTS)
    return sorted(result, key=lambda x: (order.index(x.verdict), x.area, x.name, x.period, x.number))


def held(holder: str, form: str, year: int) -> bool:
    """Whether anything of a year was imported from a holder: then there are two sides."""
    return PlatformRow.objects.filter(holder=holder, form=form, year=year).exists()


def undecided_in(scope: Scope, form: str, year: int, closed: Collection[int] = ()) -> int:
    """How many differences with the platform inside a scope nobody has decided on (待核实), as the table counts them."""
    asked = {((c.institution_id, c.period, c.item), c.side): c for c in corrections(form, year, "platform")}
    told = explained("platform", form, year)
    waiting = [d.institution for d in compared("platform", form, year).differences if d.institution not in closed and _verdict(d, asked, told)[0] == "undecided"]
    known = {s.institution_id: s for s in standings(day_of(year)).filter(institution__in=set(waiting)).select_related("office", "institution")}
    return sum(i in known and scope.covers(known[i].office.path, known[i].institution.key) for i in waiting)


def numbers_of(book: Book, form: str, year: int) -> dict[str, str]:
    """item → its number on the form, in the form's own order (the order the platform asks in)."""
    return {i.item: i.number for i in form_for(book, form, year).items}


def totals(scope: Scope, holder: str, form: str, year: int, lines: Iterable[Line]) -> dict[str, Any]:
    """How many cells were compared inside the scope, and how many are of each verdict."""
    whose = {i for i, s in lines_of(year).items() if scope.covers(s.office.path, s.institution.key)}
    found = compared(holder, form, year)
    cells = sum(n for i, n in found.cells.items() if i in whose)
    counts = Counter(x.verdict for x in lines)
    differing = sum(1 for d in found.differences if d.institution in whose)
    return {"cells": cells, "institutions": sum(1 for i in found.cells if i in whose), "agree": cells - differing, "share": f"{(cells - differing) * 1000 // cells / 10:.1f}%" if cells else "",
            **{v: counts.get(v, 0) for v in VERDICTS}, "open": sum(counts.get(v, 0) for v in OPEN)}


def blockers(round_: Round, office: Office) -> list[T]:
    """What stands between an office and its sign-off: differences with the platform neither mended nor explained (为零或全部说明)."""
    if not held("platform", round_.form, round_.year):
        return []
    n = Counter(x.verdict for x in table(Scope(lines=(office.path,)), "platform", round_.form, round_.year))
    said = []
    for verdict in OPEN:
        if n[verdict]:
            said.append(T("两边对照还有 {n} 项{v}，为零或全部说明后才能审定", "{n} differences with the platform: {v}; sign when none is left or all are explained",
                          n=n[verdict], v=VERDICTS[verdict]))
    return said


BLOCKERS.append(blockers)


# --- corrections by office -------------------------------------------------------------------------------------------


def progress(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Per area: lines asked of the platform, how many are done, how many are not."""
    found: dict[str, Counter[str]] = {}
    for x in lines:
        if x.correction is not None and x.correction.side == "platform":
            c = found.setdefault(x.area, Counter())
            c["all"] += 1
            c["done" if x.correction.state == "done" else "left"] += 1
    return [{"area": a, "all": c["all"], "done": c["done"], "left": c["left"]} for a, c in sorted(found.items())]


def listed(scope: Scope, form: str, year: int, side: str = "platform", closed: Collection[int] = ()) -> list[tuple[Correction, Standing]]:
    """The corrections of a side inside a scope but for the sensitive units of ``closed``, with whose they are; in the order of unit, period and form."""
    lines, order = lines_of(year), list(numbers_of(the_book(), form, year))
    rows = [(c, lines[c.institution_id]) for c in corrections(form, year).filter(side=side) if c.institution_id in lines]
    rows = [(c, s) for c, s in rows if c.institution_id not in closed and scope.covers(s.office.path, s.institution.key)]
    return sorted(rows, key=lambda r: (r[1].office.path, r[1].name, r[0].period, order.index(r[0].item) if r[0].item in order else 999))


def states_in(scope: Scope, form: str, year: int, side: str = "platform", closed: Collection[int] = ()) -> Counter[str]:
    """How many corrections of a side stand in which state inside a scope: as ``listed``, of the units that have any and no others."""
    rows = list(Correction.objects.filter(form=form, year=year, side=side).exclude(state="withdrawn").values_list("institution", "state"))
    known = standings(day_of(year)).filter(institution__in={pk for pk, _ in rows} - set(closed)).values_list("institution", "office__path", "institution__key")
    mine = {pk for pk, path, key in known if scope.covers(path, key)}
    return Counter(state for pk, state in rows if pk in mine)


def lists_in(scope: Scope, form: str, year: int) -> list[CorrectionList]:
    rows = CorrectionList.objects.filter(form=form, year=year).select_related("office", "by")
    return [x for x in rows if scope.covers_line(x.office.path)]


# --- what an import changed ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One cell that an import changed: ``side`` "ours" or a holder; before and now as stored texts."""

    institution: int
    side: str
    period: str
    item: str
    before: str | None
    now: str | None


def changes(batch: Import) -> Iterator[Change]:
    """The cells an import changed, ours and the platform's: what was there for the first time is no change."""
    rows = PlatformRow.objects.filter(batch=batch, number__gt=1)
    before = _before(PlatformRow.objects.filter(institution__in=rows.values("institution")), rows)
    for row in rows.order_by("institution_id", "period").iterator():
        old = before.get((row.institution_id, row.holder, row.form, row.period, row.number - 1), {})
        for item in sorted(set(row.values) | set(old)):
            if old.get(item) != row.values.get(item):
                yield Change(row.institution_id, row.holder, row.period, item, old.get(item), row.values.get(item))
    mine = Revision.objects.filter(batch=batch, number__gt=1).select_related("ret")
    was = {(r.ret_id, r.number): r.answers for r in Revision.objects.filter(ret__in=mine.values("ret")).only("ret_id", "number", "answers")}
    for rev in mine.order_by("ret__institution_id", "ret__period").iterator():
        old = was.get((rev.ret_id, rev.number - 1), {})
        for item in sorted(set(rev.answers) | set(old)):
            if old.get(item) != rev.answers.get(item):
                yield Change(rev.ret.institution_id, "ours", rev.ret.period, item, old.get(item), rev.answers.get(item))


def _before(all_rows: QuerySet[PlatformRow], rows: QuerySet[PlatformRow]) -> dict[tuple[int, str, str, str, int], dict[str, Any]]:
    wanted = {(r.institution_id, r.holder, r.form, r.period, r.number - 1) for r in rows.only("institution_id", "holder", "form", "period", "number")}
    if not wanted:
        return {}
    found = {}
    for r in all_rows.iterator():
        key = (r.institution_id, r.holder, r.form, r.period, r.number)
        if key in wanted:
            found[key] = r.values
    return found


def last_import(holder: str, form: str, year: int) -> Import | None:
    """The newest import that brought rows of a holder."""
    row = PlatformRow.objects.filter(holder=holder, form=form, year=year).select_related("batch__file").order_by("-pk").first()
    return row.batch if row else None


def return_of(institution: int, form: str, period: str) -> Return | None:
    return Return.objects.filter(institution=institution, round__form=form, period=period).first()
