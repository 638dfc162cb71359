"""The grid in which an office keys in the paper forms of its units: a row for each unit, a column for each item, one period at a time.

What is typed is the unit's own draft, saved without asking. Control totals from the paper stand beside it. It is filed on the unit's
word: who signed the paper, when, and the photographed or scanned paper itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import BinaryIO

from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records import files
from jieneng.records.events import action
from jieneng.registry.models import Institution, Standing
from jieneng.registry.queries import day_for, standings
from jieneng.returns import behalf
from jieneng.returns.actions import import_answers
from jieneng.returns.intake import Draft as IntakeDraft
from jieneng.returns.intake import From
from jieneng.returns.models import Import, Return, Round
from jieneng.returns.plan.queries import plan_of
from jieneng.returns.queries import book
from jieneng.returns.ranges import packed
from jieneng.rulebook import form_for

from . import actions
from .access import year_to_write
from .amounts import read_amount
from .controls import differences, unit_of, unreadable
from .judge import field_of
from .models import Control, Draft, DraftSave
from .queries import OPEN, Year, year_of
from .shape import EVERY, Entry, Shape, computed, shape_of, unit_sign

ROWS = 120
"""Units on one grid: an office with more keys them in department by department."""
PAPER = "paper"
"""The layout name of what was keyed in from paper: its file is the paper, its cells are none."""


@dataclass
class Row:
    """One unit: its return of the period, and what its draft says. ``values``: field → text."""

    standing: Standing
    ret: Return
    version: int
    values: Mapping[str, str]

    @property
    def pk(self) -> int:
        return self.standing.institution_id

    @property
    def open(self) -> bool:
        return self.ret.state in OPEN


@dataclass
class Grid:
    """The units of an office in one period, the items asked of them, the control totals typed."""

    round: Round
    office: Office
    period: str
    shape: Shape
    columns: list[Entry]
    rows: list[Row]
    controls: dict[str, str] = field(default_factory=dict)
    version: int = 0
    elsewhere: int = 0

    @property
    def holds(self) -> frozenset[str]:
        """What holds all year: typed once for all periods."""
        return frozenset(e.code for e in self.shape.standing)

    def field(self, row: Row, code: str) -> str:
        return field_of(row.values, self.period, code, code in self.holds)

    def amounts(self, row: Row) -> dict[str, Decimal | None]:
        """What the row says as numbers; what is none is left out of sums."""
        read = {e.code: read_amount(row.values.get(self.field(row, e.code), ""), e.item, unit_sign(book(), e.item.unit), "") for e in self.columns}
        return {code: v if isinstance(v, Decimal) else None for code, v in read.items()}


def _columns(shape: Shape) -> list[Entry]:
    """What a paper form asks: quantities with their costs, then what holds all year; sums are never typed."""
    typed = [e for pair in shape.pairs for e in pair.entries if not e.parts and e.required]
    return [*typed, *(e for e in shape.standing if e.required)]


def grid_of(person: User, round_: Round, office: Office, period: str) -> Grid:
    """The grid of an office. Needs ``import`` there. Raises ``Refused`` for a period the round does not have, and for too many units."""
    require(person, "import", office.path)
    the_book = book()
    shape = shape_of(the_book, form_for(the_book, round_.form, round_.year))
    p, plan = Period.parse(period), plan_of(round_)
    here = {s.institution_id: s for s in standings(day_for(p)).filter(office__path__startswith=office.path).order_by("name") if plan.files_here(s.office.path)}
    returns = {r.institution_id: r for r in Return.objects.filter(round=round_, period=period, institution__in=here).exclude(state__in=("exempt", "covered")).select_related("institution", "round")}
    if len(returns) > ROWS:
        raise refuse("grid.many", T("{o}有 {n} 家，一张表放不下", "{o} has {n} units, too many for one grid", o=office.name, n=len(returns)),
                     do=T("按主管部门或乡镇分开录", "key them in department by department"))
    drafts = {d.institution_id: d for d in Draft.objects.filter(round=round_, institution__in=returns)}
    rows = [_row(the_book, round_, here[i], returns[i], drafts.get(i)) for i in here if i in returns]
    kept = Control.objects.filter(round=round_, office=office, period=period).first()
    elsewhere = standings(day_for(p)).filter(office__path__startswith=office.path, in_scope=True, covered_by=None).count() - len(returns)
    return Grid(round_, office, period, shape, _columns(shape), rows, dict(kept.values) if kept else {}, kept.version if kept else 0, max(0, elsewhere))


def _row(the_book: object, round_: Round, standing: Standing, ret: Return, draft: Draft | None) -> Row:
    if ret.revision:  # filed once, or under review: what was filed stands in it
        year = year_of(book(), round_, standing.institution)
        assert year is not None
        return Row(standing, ret, year.draft.version, year.values)
    return Row(standing, ret, draft.version if draft else 0, draft.values if draft else {})


def save_row(person: User, round_: Round, office: Office, institution: Institution, period: str, given: Mapping[str, str], seen: int) -> actions.Saved:
    """Keep what was keyed in of one unit in one period, as typed, in the unit's draft."""
    _inside(office, institution, period)
    mine = {k: v for k, v in given.items() if k.partition(".")[0] in (period, EVERY)}
    return actions.save(person, round_, institution, mine, seen=seen, right="import", period=period)


def _inside(office: Office, institution: Institution, period: str) -> None:
    if not standings(day_for(Period.parse(period))).filter(institution=institution, office__path__startswith=office.path).exists():
        raise refuse("grid.unit", T("这家单位不在{o}", "this unit is not under {o}", o=office.name))


@dataclass
class Filed:
    """What filing a grid did: how many went in, what did not and why (field ``INSTITUTION:FIELD``), the import it is."""

    n: int = 0
    problems: list[Problem] = field(default_factory=list)
    batch: Import | None = None


def file_grid(person: User, grid: Grid, units: Collection[int], *, seen: Mapping[int, int], word: str, confirmed_on: dt.date | None,
              voucher: tuple[BinaryIO, str] | None, blank_zero: bool = False, note: str = "") -> Filed:
    """File the rows of these units on their word. Good rows go in; the others stay drafts and are told, each with its field.

    ``seen``: unit → the version of its draft that the page showed; a row that somebody changed since is not filed.
    ``blank_zero``: what is blank on the paper is nothing used (declared by who keys it in). A column that differs from its control total
    needs a ``note``; a row that differs from its own is not filed; a control that is no number is mended or cleared first.
    """
    require(person, "import", grid.office.path)
    filed = Filed()
    with action():
        now = _locked(person, grid, units)
        chosen = [r for r in now.rows if r.pk in units and r.open]
        apart = differences(now)
        if wrong := [*behalf.said(word, confirmed_on, voucher), *_as_a_whole(now, chosen, apart, note)]:
            raise Refused(*wrong)
        assert voucher is not None
        drafts: list[IntakeDraft] = []
        for row in chosen:
            if changed := _changed(row, grid.round, seen.get(row.pk)):
                filed.problems.append(changed)
                continue
            year = year_to_write(person, grid.round, row.standing.institution, "import", grid.period)
            problems = _in_the_way(now, row, year, apart, blank_zero)
            filed.problems += problems
            drafts += [] if problems else [_paper(now, row, year, voucher[1])]
        if drafts:
            received = files.receive(voucher[0], voucher[1], person)
            filed.batch = Import.objects.create(file=received, layout=PAPER, layout_hash=PAPER, layout_text="", reads="answers", on_behalf=grid.office, by=person)
            outcome = import_answers(person, book(), form=grid.round.form, drafts=drafts, batch=filed.batch, office=grid.office)
            filed.problems += outcome.problems
            filed.n = outcome.new + outcome.changed
            behalf.keep(person, filed.batch, grid.office.path, word=word, confirmed_on=confirmed_on, reason=note, returns=packed(outcome.returns),
                        controls=now.controls, blank_zero=blank_zero)
    return filed


def _locked(person: User, grid: Grid, units: Collection[int]) -> Grid:
    """The grid as it stands, once nobody else can save the chosen drafts until the caller's action is over."""
    chosen = sorted(r.pk for r in grid.rows if r.pk in units)
    for pk in chosen:  # a unit of which nothing is typed yet has none that could be locked
        Draft.objects.get_or_create(round=grid.round, institution_id=pk)
    list(Draft.objects.select_for_update().filter(round=grid.round, institution__in=chosen).order_by("pk").values_list("pk"))
    return grid_of(person, grid.round, grid.office, grid.period)


def _as_a_whole(grid: Grid, chosen: list[Row], apart: Mapping[str, Decimal], note: str) -> list[Problem]:
    """What keeps all of a grid from being filed: nothing chosen, a control that is no number, columns that differ and not said why."""
    wrong = []
    if not chosen:
        wrong.append(Problem("grid.none", T("没有选要报的单位", "no unit chosen"), do=T("勾选录好的行", "tick the rows that are done")))
    rows, labels = {r.pk: r.standing.name for r in chosen}, {f"column.{e.code}": str(e.label) for e in grid.columns}
    for key in sorted(unreadable(grid)):
        if name := labels.get(key) or rows.get(unit_of(key) or 0):
            wrong.append(Problem("grid.unreadable", T("{n}的纸表合计“{x}”不是数字", "the paper's total of {n}, “{x}”, is no number", n=name, x=grid.controls[key]),
                                 T("如 1,234.5", "such as 1,234.5"), T("改成数字，或清掉", "make it a number, or clear it"), Place(field=key)))
    if (columns := [e for e in grid.columns if f"column.{e.code}" in apart]) and not note.strip():
        wrong.append(Problem("grid.control", T("合计和纸表不符：{c}", "totals differ from the paper: {c}", c="、".join(f"{e.label} {apart[f'column.{e.code}']:+f}" for e in columns)),
                             do=T("找出录错的格；纸表自己加错的，写明", "find the wrong cell; where the paper was added up wrongly, say so"), where=Place(field="note")))
    return wrong


def _changed(row: Row, round_: Round, seen: int | None) -> Problem | None:
    """That a row is no longer what the page showed, with who changed it."""
    if row.version == seen:
        return None
    last = DraftSave.objects.filter(draft__round=round_, draft__institution=row.pk).select_related("by").last()
    return Problem("grid.changed", T("{n}：{w}改过，和您看到的不一样", "{n}: changed by {w} since you looked", n=row.standing.name, w=last.by.shown if last else "—"),
                   do=T("看改了什么，再勾选代报", "look at what changed, then tick it again"), where=Place(field=f"{row.pk}:"))


def _in_the_way(grid: Grid, row: Row, year: Year, apart: Mapping[str, Decimal], blank_zero: bool) -> list[Problem]:
    """Why a row is not filed: no number, blank where that was not declared to be nothing, another sum than on the paper."""
    judged, name = year.judge(), row.standing.name
    found = [Problem(p.code, T("{n}：{w}", "{n}: {w}", n=name, w=str(p.found)), p.expected, p.do, Place(field=f"{row.pk}:{k}")) for k, p in judged.problems.items()
             if k.partition(".")[0] in (grid.period, EVERY)]
    missing = judged.missing.get(grid.period, [])
    if missing and not blank_zero:
        found.append(Problem("grid.blank", T("{n}：还有 {k} 格空着", "{n}: {k} cells are blank", n=name, k=len(missing)),
                             do=T("补上，或声明“纸表上空着的就是没有用”", "fill them in, or declare that blank on the paper means none"),
                             where=Place(field=f"{row.pk}:{missing[0]}")))
    if (d := apart.get(f"row.{row.pk}")) is not None:
        found.append(Problem("grid.row", T("{n}：这一行合计和纸表差 {d}", "{n}: the row differs from the paper by {d}", n=name, d=f"{d:+f}"),
                             do=T("逐格对一遍", "check each cell"), where=Place(field=f"{row.pk}:")))
    return found


def _paper(grid: Grid, row: Row, year: Year, file_name: str) -> IntakeDraft:
    """The row as a return that was received on paper; what is required and blank is nothing."""
    read = year.judge().answers[grid.period]
    answers: dict[str, Decimal | None] = {}
    for e in year.shape.entries.values():
        value = read.get(e.code)
        if not e.parts and (e.required or value is not None):
            answers[e.code] = Decimal(0) if value is None else value
    computed(year.shape, answers)
    filled = {code: v for code, v in answers.items() if v is not None}
    sources = {code: {"sheet": "", "cell": "", "raw": year.values.get(field_of(year.values, grid.period, code, code in grid.holds), ""), "unit": ""} for code in filled}
    return IntakeDraft(identifier=row.standing.institution.key, scheme=row.standing.institution.scheme, period=Period.parse(grid.period), at=From(file=file_name, sheet="", cell="", row=0),
                       name=row.standing.name, answers=dict(filled), sources=sources)


def periods_of(round_: Round) -> list[str]:
    """The periods of a round."""
    return [str(p) for p in (Period("year", round_.year).months if round_.rhythm == "month" else (Period("year", round_.year),))]


def next_open(round_: Round, institutions: Iterable[int]) -> str:
    """The first period in which one of the institutions still has something to file; else the first."""
    open_ = Return.objects.filter(round=round_, institution__in=list(institutions), state__in=OPEN).order_by("period").values_list("period", flat=True).first()
    return open_ or periods_of(round_)[0]
