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

from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records import files
from jieneng.records.events import action, record
from jieneng.registry.models import Institution, Standing
from jieneng.registry.queries import standings
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
from .judge import field_of
from .models import Control, Draft
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
    here = {s.institution_id: s for s in standings(p.last_day).filter(office__path__startswith=office.path).order_by("name") if plan.files_here(s.office.path)}
    returns = {r.institution_id: r for r in Return.objects.filter(round=round_, period=period, institution__in=here).exclude(state__in=("exempt", "covered")).select_related("institution", "round")}
    if len(returns) > ROWS:
        raise refuse("grid.many", T("{o}有 {n} 家，一张表放不下", "{o} has {n} units, too many for one grid", o=office.name, n=len(returns)),
                     do=T("按主管部门或乡镇分开录", "key them in department by department"))
    drafts = {d.institution_id: d for d in Draft.objects.filter(round=round_, institution__in=returns)}
    rows = [_row(the_book, round_, here[i], returns[i], drafts.get(i)) for i in here if i in returns]
    kept = Control.objects.filter(round=round_, office=office, period=period).first()
    elsewhere = standings(p.last_day).filter(office__path__startswith=office.path, in_scope=True, covered_by=None).count() - len(returns)
    return Grid(round_, office, period, shape, _columns(shape), rows, dict(kept.values) if kept else {}, max(0, elsewhere))


def _row(the_book: object, round_: Round, standing: Standing, ret: Return, draft: Draft | None) -> Row:
    if ret.revision:  # filed once, or under review: what was filed stands in it
        year = year_of(book(), round_, standing.institution)
        assert year is not None
        return Row(standing, ret, year.draft.version, year.values)
    return Row(standing, ret, draft.version if draft else 0, draft.values if draft else {})


def save_row(person: User, round_: Round, office: Office, institution: Institution, period: str, given: Mapping[str, str], seen: int) -> actions.Saved:
    """Keep what was keyed in of one unit in one period, as typed, in the unit's draft."""
    _inside(round_, office, institution)
    mine = {k: v for k, v in given.items() if k.partition(".")[0] in (period, EVERY)}
    return actions.save(person, round_, institution, mine, seen=seen, right="import")


def _inside(round_: Round, office: Office, institution: Institution) -> None:
    if not standings(Period("year", round_.year).last_day).filter(institution=institution, office__path__startswith=office.path).exists():
        raise refuse("grid.unit", T("这家单位不在{o}", "this unit is not under {o}", o=office.name))


def save_controls(person: User, round_: Round, office: Office, period: str, given: Mapping[str, str]) -> Control:
    """Keep the control totals typed from paper. The first of a grid leaves an event; what they were when the grid was filed goes with that."""
    require(person, "import", office.path)
    values = {k: v.strip()[:40] for k, v in given.items() if k.partition(".")[0] in ("row", "column") and v.strip()}
    with action():
        row, made = Control.objects.update_or_create(round=round_, office=office, period=period, defaults={"values": values, "by": person, "at": timezone.now()})
        if made:
            record(person, "filling.control", "control", row.pk, line=office.path, data={"year": round_.year, "period": period, "office": office.code, "controls": values})
    return row


def number(text: str) -> Decimal | None:
    """A control total as typed; None for nothing or no number."""
    clean = text.strip().replace(",", "").replace("，", "").translate(str.maketrans("０１２３４５６７８９．", "0123456789."))
    try:
        value = Decimal(clean)
    except ArithmeticError:
        return None
    return value if value.is_finite() else None


def differences(grid: Grid) -> dict[str, Decimal]:
    """Control → typed sum minus paper's, where a control is given and they differ. A row's control adds up all that stands in it."""
    amounts = {r.pk: grid.amounts(r) for r in grid.rows}
    sums: dict[str, Decimal] = {f"row.{pk}": sum((v for v in a.values() if v is not None), Decimal(0)) for pk, a in amounts.items()}
    sums |= {f"column.{e.code}": sum((v for a in amounts.values() if (v := a[e.code]) is not None), Decimal(0)) for e in grid.columns}
    found = {k: sums[k] - paper for k, text in grid.controls.items() if k in sums and (paper := number(text)) is not None}
    return {k: d for k, d in found.items() if d}


@dataclass
class Filed:
    """What filing a grid did: how many went in, what did not and why (field ``INSTITUTION:FIELD``), the import it is."""

    n: int = 0
    problems: list[Problem] = field(default_factory=list)
    batch: Import | None = None


def file_grid(person: User, grid: Grid, units: Collection[int], *, word: str, confirmed_on: dt.date | None, voucher: tuple[BinaryIO, str] | None,
              blank_zero: bool = False, note: str = "") -> Filed:
    """File the rows of these units on their word. Good rows go in; the others stay drafts and are told, each with its field.

    ``blank_zero``: what is blank on the paper is nothing used (declared by who keys it in). A column that differs from its control total
    needs a ``note``; a row that differs from its own is not filed.
    """
    require(person, "import", grid.office.path)
    wrong = behalf.said(word, confirmed_on, voucher)
    chosen = [r for r in grid.rows if r.pk in units and r.open]
    if not chosen:
        wrong.append(Problem("grid.none", T("没有选要报的单位", "no unit chosen"), do=T("勾选录好的行", "tick the rows that are done")))
    apart = differences(grid)
    if (columns := [e for e in grid.columns if f"column.{e.code}" in apart]) and not note.strip():
        wrong.append(Problem("grid.control", T("合计和纸表不符：{c}", "totals differ from the paper: {c}", c="、".join(f"{e.label} {apart[f'column.{e.code}']:+f}" for e in columns)),
                             do=T("找出录错的格；纸表自己加错的，写明", "find the wrong cell; where the paper was added up wrongly, say so"), where=Place(field="note")))
    if wrong:
        raise Refused(*wrong)
    assert voucher is not None
    filed = Filed()
    with action():
        drafts: list[IntakeDraft] = []
        for row in chosen:
            year = year_to_write(person, grid.round, row.standing.institution, "import")
            problems = _in_the_way(grid, row, year, apart, blank_zero)
            filed.problems += problems
            drafts += [] if problems else [_paper(grid, row, year, voucher[1])]
        if drafts:
            received = files.receive(voucher[0], voucher[1], person)
            filed.batch = Import.objects.create(file=received, layout=PAPER, layout_hash=PAPER, layout_text="", reads="answers", on_behalf=grid.office, by=person)
            outcome = import_answers(person, book(), form=grid.round.form, drafts=drafts, batch=filed.batch, office=grid.office)
            filed.problems += outcome.problems
            filed.n = outcome.new + outcome.changed
            behalf.keep(person, filed.batch, grid.office.path, word=word, confirmed_on=confirmed_on, reason=note, returns=packed(outcome.returns),
                        controls=grid.controls, blank_zero=blank_zero)
    return filed


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
