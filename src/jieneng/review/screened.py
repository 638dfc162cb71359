"""What may be read of first screenings (初筛), always from a scope: the table by place, the candidates, how far the records went on since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet

from jieneng.core.period import Period
from jieneng.core.words import T, language
from jieneng.people.models import Office, User
from jieneng.people.scope import Scope
from jieneng.records.workbook import Column, list_workbook
from jieneng.registry.models import Standing
from jieneng.registry.queries import closed_to, standings, within
from jieneng.returns.models import Revision, SnapshotRecord
from jieneng.rulebook.types import Book

from .models import Candidate, ReviewRun, Screening
from .queries import nearest

FIRST, OF_AREA = 5000, 20
"""Candidates that a screening keeps: so many of the whole list, and so many of each area."""
NATION = T("全国", "the nation")


def latest_screening(year: int | None = None) -> Screening | None:
    """The newest screening (of a year)."""
    rows = Screening.objects.select_related("snapshot", "round", "by")
    return (rows.filter(round__year=year) if year else rows).first()


def areas_under(scope: Scope) -> set[str]:
    """The areas whose offices a scope covers. The screening is for who looks over more than one."""
    return {a for path, a in Office.objects.exclude(area="").values_list("path", "area") if scope.covers_line(path)}


def candidates_in(screening: Screening, scope: Scope, person: User) -> QuerySet[Candidate]:
    """The candidates inside a scope (by the line that counts for the year), by rank, without sensitive units closed to the person."""
    rows = screening.candidates.filter(institution__in=within(scope, Period("year", screening.round.year)))
    return rows.exclude(institution__in=closed_to(person)).select_related("institution")


def reviewed(screening: Screening, scope: Scope) -> ReviewRun | None:
    """The newest review of candidates of a screening, made by an office that the scope covers or lies under."""
    return nearest(screening.reviews.select_related("office", "round"), scope)


@dataclass(frozen=True)
class Older:
    """How a screening stands to the records: returns changed since its snapshot, a newer snapshot of the year, rules changed since."""

    returns: int
    snapshot: SnapshotRecord | None
    rules: bool

    def __bool__(self) -> bool:
        return bool(self.returns or self.snapshot or self.rules)


def older(screening: Screening, book: Book) -> Older:
    """What has changed since the screening's snapshot was frozen."""
    changed = Revision.objects.filter(ret__round=screening.round, at__gt=screening.snapshot.cutoff, number=F("ret__revision")).count()
    newer = SnapshotRecord.objects.filter(year=screening.round.year, at__gt=screening.snapshot.at).first()
    return Older(changed, newer, screening.rulebook != book.hash)


# ---- the table by place ----

@dataclass
class Place:
    """One line of the table. ``left``, ``totals``: cell → what is left beyond the line, and the published total, in the cell's unit. ``deeper``: it has places below it.

    ``partial``: lines of its areas lie outside the scope, so that no total is that of what is added up here: no share can be told.
    """

    code: str
    name: str
    institutions: int = 0
    candidates: int = 0
    units: int = 0
    before: int = 0
    units_before: int = 0
    edits: int = 0
    edit_units: int = 0
    deeper: bool = False
    partial: bool = False
    left: dict[str, float] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)

    def add(self, row: Sequence[Any]) -> None:
        """Add a line of ``Screening.places``."""
        for name, value in zip(("institutions", "candidates", "units", "before", "units_before", "edits", "edit_units"), row[2:9], strict=True):
            setattr(self, name, getattr(self, name) + int(value))
        for cell, value in row[9].items():
            self.left[cell] = self.left.get(cell, 0.0) + float(value)

    def share(self, cell: str) -> float | None:
        """What is left beyond the line as a share of the place's total; None where that is not known."""
        if self.partial:
            return None
        total = self.totals.get(cell, 0.0)
        return self.left.get(cell, 0.0) / total if total > 0 else 0.0

    @property
    def worst(self) -> tuple[str, float | None]:
        """The total that is worst off, and by which share; None where that is not known."""
        if self.partial:
            return "", None
        return max(((c, self.share(c) or 0.0) for c in sorted(self.totals)), key=lambda pair: pair[1], default=("", 0.0))


def parent_of(area: str, book: Book) -> str:
    """The area above one: by the book's divisions, else by its division code (GB/T 2260: two digits a province, four a city); "" above a province.

    >>> from jieneng.rulebook import load
    >>> [parent_of(a, load("cn")) for a in ("341800SZ", "341823", "110105", "110100", "110000")]
    ['341800', '341800', '110100', '110000', '']
    """
    if area in book.divisions:
        return book.divisions[area].parent
    if len(area) != 6 or not area.isdigit() or area.endswith("0000"):
        return ""
    return f"{area[:2]}0000" if area.endswith("00") else f"{area[:4]}00"


def chain(area: str, book: Book) -> list[str]:
    """An area and all above it, itself first, the nation ("") last.

    >>> from jieneng.rulebook import load
    >>> chain("341823", load("cn"))
    ['341823', '341800', '340000', '']
    """
    found = [area]
    while found[-1]:
        found.append(parent_of(found[-1], book))
    return found


def area_name(area: str, book: Book) -> str:
    return str(book.divisions[area].name) if area in book.divisions else area or str(NATION)


@dataclass
class Table:
    """The places right below one, and all of them together. ``above``: code and name of what stands above it within the scope, the topmost first."""

    place: str
    name: str
    rows: list[Place]
    whole: Place
    above: list[tuple[str, str]]


def table_of(screening: Screening, scope: Scope, book: Book, place: str | None = None) -> Table | None:
    """The table of a place, by default of the narrowest that holds all a scope sees; None for a place that is not among those.

    Only reporting lines inside the scope are added up, and only the totals of their areas.
    """
    mine = [r for r in screening.places if scope.covers_line(r[0])]
    chains = {a: chain(a, book) for a in {r[1] for r in mine}}
    if not chains:
        return None
    common = set.intersection(*(set(c) for c in chains.values()))
    top = next(a for a in next(iter(chains.values())) if a in common)
    inside = {a for c in chains.values() for a in c[:c.index(top) + 1]}
    here = top if place is None else place
    if here not in inside:
        return None
    below: dict[str, Place] = {}
    whole = Place(here, area_name(here, book))
    areas_of: dict[str, set[str]] = {}
    for row in mine:
        if here not in (up := chains[row[1]]):
            continue
        at = up.index(here)
        code = up[at - 1] if at else here
        made = below.setdefault(code, Place(code, str(T("{p}本级", "{p} itself", p=area_name(code, book))) if code == here else area_name(code, book)))
        made.deeper |= at > 1
        made.add(row)
        whole.add(row)
        areas_of.setdefault(code, set()).add(row[1])
    if list(below) == [here]:
        below[here].name = whole.name  # nothing stands beside it
    foreign = {r[1] for r in screening.places if not scope.covers_line(r[0])}
    for code, areas in areas_of.items():
        below[code].partial = bool(areas & foreign)
        whole.partial |= below[code].partial
        for cell, of in screening.totals.items():
            below[code].totals[cell] = sum(of.get(a, 0.0) for a in areas)
            whole.totals[cell] = whole.totals.get(cell, 0.0) + below[code].totals[cell]
    up = next(c for c in chains.values() if here in c)
    above = [(a, area_name(a, book)) for a in reversed(up[up.index(here) + 1:up.index(top) + 1])]
    return Table(here, area_name(here, book), sorted(below.values(), key=lambda p: p.code), whole, above)


def areas_in(screening: Screening, place: str, book: Book) -> set[str]:
    """The areas of a screening that lie in a place, itself among them."""
    return {a for a in {r[1] for r in screening.places} if place in chain(a, book)}


# ---- names and workbooks ----

def named(year: int, institutions: Iterable[int]) -> dict[int, Standing]:
    """Institution → its standing at the end of a year."""
    return {s.institution_id: s for s in standings(Period("year", year).last_day).filter(institution__in=set(institutions))}


def label_of(cell: str, book: Book) -> str:
    """A published total in words."""
    for table in (book.composites, book.items):
        if cell in table:
            return str(table[cell].label)
    return cell


def unit_of(item: str, book: Book) -> str:
    """The unit of an item in words; blank for an item or unit that the book does not know."""
    code = book.items[item].unit if item in book.items else ""
    return str(book.units[code].label) if code in book.units else code


PLACES = (Column(T("地区", "place"), 18), Column(T("代码", "code"), 10), Column(T("比较的单位", "institutions"), 11), Column(T("候选（单位指标）", "candidates"), 11), Column(T("候选涉及单位", "of units"), 11),
          Column(T("线以上候选", "before the line"), 11), Column(T("线以上单位", "units before the line"), 11), Column(T("不通过表内检查的报表", "returns failing a check"), 13), Column(T("涉及单位", "of units"), 10))


def places_workbook(screening: Screening, table: Table, book: Book) -> bytes:
    """The table by place, each published total with a column of its own."""
    cells = sorted(table.whole.totals)
    columns = [*PLACES, *(Column(T(f"线以下余下影响：{label_of(c, book)}", f"left beyond the line: {label_of(c, book)}"), 15, "0.000%") for c in cells)]
    rows = [[p.name, p.code, p.institutions, p.candidates, p.units, p.before, p.units_before, p.edits, p.edit_units, *(None if (share := p.share(c)) is None else Decimal(f"{share:.6f}") for c in cells)]
            for p in [*table.rows, table.whole]]
    return list_workbook(T("{y} 年初筛：{p}分地区", "First screening of {y}: {p} by place", y=screening.round.year, p=table.name), columns, rows, notes(screening))


def notes(screening: Screening) -> list[str]:
    """Of which snapshot and by which rules."""
    return [str(T("快照 {s}", "snapshot {s}", s=screening.snapshot_id)), str(T("规则 {r}", "rules {r}", r=screening.review)),
            str(T("线以下合计影响不超过任一县区合计的 {p}", "beyond the line no area’s total moves by more than {p}", p=f"{screening.counts['share']:.1%}"))]


CANDIDATES = (Column(T("序号", "rank"), 7), Column(T("单位", "institution"), 30), Column(T("县区", "area"), 14), Column(T("指标", "item"), 16), Column(T("时间", "when"), 10),
              Column(T("看上去", "what it looks like"), 56),
              Column(T("可能差多少", "how far off"), 14, "#,##0.##"), Column(T("单位（计量）", "unit"), 10), Column(T("疑点程度", "doubt"), 10, "0%"), Column(T("占本地同类合计", "share of its cell"), 12, "0.00%"))


def candidates_workbook(screening: Screening, rows: Sequence[Candidate], book: Book) -> bytes:
    """Candidates as a list workbook, in the order in which to look at them."""
    names = named(screening.round.year, [c.institution_id for c in rows])

    def pick(text: Mapping[str, str]) -> str:
        return text.get(language()) or text.get("zh") or ""

    data = []
    for c in rows:
        item = book.items.get(c.item)
        standing = names.get(c.institution_id)
        data.append([c.rank, standing.name if standing else c.institution.key, area_name(c.area, book), str(item.label) if item else c.item, when(screening.round.year, c.month), pick(c.says),
                     Decimal(f"{c.off:.2f}"), unit_of(c.item, book), Decimal(f"{c.doubt:.4f}"), Decimal(f"{c.share:.6f}")])
    return list_workbook(T("{y} 年初筛候选（按影响排序）", "Candidates of the first screening of {y}, by what they may move", y=screening.round.year), CANDIDATES, data, notes(screening))


def when(year: int, month: int) -> str:
    """A month, or the whole year, in words."""
    return f"{year}-{month:02}" if month else str(T("全年", "whole year"))
