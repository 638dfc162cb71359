"""What a workbook is made of: a year of one institution, or the units of an office, with last year beside and the identity it carries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.problem import Problem
from jieneng.core.words import T, language
from jieneng.people.models import Office
from jieneng.registry.queries import day_for, standings
from jieneng.returns.examine import Examiner
from jieneng.returns.models import Return, Revision, Round, Waiver
from jieneng.returns.plan.queries import plan_of
from jieneng.returns.queries import answers_of
from jieneng.returns.waivers import says, waivers_by_body
from jieneng.rulebook import form_for
from jieneng.rulebook.types import Book

from . import part_sheets, workbook
from .judge import field_of
from .queries import OPEN, Year
from .reading import Read
from .shape import Shape, computed, shape_of
from .workbook import Line, Spec

Answers = Mapping[str, Decimal | None]
Comments = dict[tuple[str, str], list[str]]


def identity(round_: Round, kind: str, key: str, book: Book) -> dict[str, str]:
    """What a workbook is: of which round and edition, for whom, by which rules."""
    return {"form": round_.form, "edition": round_.edition, "year": str(round_.year), "round": str(round_.pk), "kind": kind, "key": key,
            "rulebook": book.hash, "issued": timezone.localtime().isoformat(timespec="seconds")}


def _notes(deadline: dt.date | None) -> list[str]:
    due = [str(T("{d} 截止", "due {d}", d=deadline.isoformat()))] if deadline else []
    return [*due, str(T("只填白格；空着是还没填，没有用填 0", "fill the white cells; empty means not answered, 0 means none")),
            str(T("灰格是去年的数，紫格自动相加；✗ 处看“审核”表", "grey is last year, violet is computed; see “Checks” for ✗"))]


def _before(earlier: Mapping[str, Answers], period: str, now: Mapping[str, Answers]) -> dict[str, Decimal | None]:
    """Last year's and last month's values of a period, by the names rules know them by."""
    p = Period.parse(period)
    found = {f"last_year.{k}": v for k, v in earlier.get(str(p.last_year), {}).items()}
    if p.kind == "month":
        month = now.get(str(p.previous)) or earlier.get(str(p.previous), {})
        found |= {f"last_month.{k}": v for k, v in month.items()}
    return found


def basis_choices(book: Book) -> dict[str, list[str]]:
    """Item → what a figure may rest on, in the language in force."""
    return {k: [b[language()] for b in v] for k, v in book.settings.get("filling", {}).get("basis", {}).items()}


def institution_spec(year: Year, *, comments: Comments | None = None, read: Read | None = None) -> Spec:
    """The workbook of one institution: its draft as it stands, or as a workbook that came back holds it."""
    judged, key = year.judge(), year.institution.key
    standing = {e.code for e in year.shape.standing}
    waived = let_go(year.waivers)
    lines = []
    for n, p in enumerate(year.periods):
        values, texts = dict(judged.answers[p]), {}
        if read is not None and (row := read.rows.get((key, p))):
            values = {c: cell.value for c, cell in row.items()}
            texts = {c: cell.raw for c, cell in row.items() if cell.problem and cell.raw}
            computed(year.shape, values)
        elif n and not read:  # what holds all year is typed once: below it stands a formula
            values |= {c: None for c in standing if field_of(year.values, p, c, True).startswith("all.")}
        if read is None:
            texts = {at.partition(".")[2]: year.values[at] for at in judged.problems if at.startswith(f"{p}.")}
        lines.append(Line(key, str(Period.parse(p).label), p, values, _before(year.earlier, p, judged.answers), year.returns[p].state not in OPEN, texts, waived))
    choices = {k: v for k, v in basis_choices(year.book).items() if k in standing}
    return Spec(year.book, year.shape, f"{year.standing.name} {year.round.year} {year.shape.form.title}", identity(year.round, "institution", key, year.book), lines,
                _notes(year.deadline), beside_all=True, carry=True, basis=choices, comments=comments or {}, parts=part_sheets.sheets_of(year, judged, read),
                chosen={k: (year.values.get(f"basis.{k}", ""), year.values.get(f"reason.{k}", "")) for k in choices})


def let_go(waivers: Mapping[str, Waiver]) -> dict[str, str]:
    """Rule → who let it go, until when and why."""
    return {rule: str(says(w)) for rule, w in waivers.items()}


def units_of(round_: Round, office: Office) -> list[tuple[str, str, Return]]:
    """The returns of an office's units: key, name, return, by unit and period. Exempt and covered ones are left out."""
    names = {s.institution_id: (s.institution.key, s.name) for s in standings(day_for(Period("year", round_.year))) if s.office.path.startswith(office.path)}
    rows = Return.objects.filter(round=round_, institution__in=names).exclude(state__in=("exempt", "covered")).order_by("institution_id", "period")
    return [(*names[r.institution_id], r) for r in rows]


def office_spec(book: Book, round_: Round, office: Office, *, comments: Comments | None = None, rows: Mapping[tuple[str, str], Any] | None = None) -> Spec:
    """The workbook of a department or county: a row for each unit and period, or only the ``rows`` that came back."""
    shape = shape_of(book, form_for(book, round_.form, round_.year))
    units = units_of(round_, office)
    bodies = {r.institution_id for _, _, r in units}
    earlier: dict[int, dict[str, Answers]] = {}
    back = Revision.objects.filter(ret__institution__in=bodies, ret__round__form=round_.form, ret__round__year__in=(round_.year - 1, round_.year))
    for revision in back.select_related("ret").order_by("number").only("ret__institution_id", "ret__period", "answers").iterator(chunk_size=2000):
        earlier.setdefault(revision.ret.institution_id, {})[revision.ret.period] = answers_of(revision)
    allowed = {body: let_go(of) for body, of in waivers_by_body(bodies, round_.form).items()}
    lines = []
    for key, name, ret in units:
        came = rows.get((key, ret.period)) if rows is not None else None
        if rows is not None and came is None:
            continue
        mine = earlier.get(ret.institution_id, {})
        values: dict[str, Decimal | None] = dict(mine.get(ret.period, {}))
        texts: dict[str, str] = {}
        if came is not None:
            values = {c: cell.value for c, cell in came.items()}
            texts = {c: cell.raw for c, cell in came.items() if cell.problem and cell.raw}
            computed(shape, values)
        lines.append(Line(key, name, ret.period, values, _before(mine, ret.period, mine), ret.state not in (*OPEN, "filed"), texts, allowed.get(ret.institution_id, {})))
    return Spec(book, shape, f"{office.name} {round_.year} {shape.form.title}", identity(round_, "office", office.code, book), lines, _notes(plan_of(round_).deadline(office.path)), comments=comments or {})


def remarks(shape: Shape, reads: Iterable[Read], earlier: Mapping[str, Mapping[str, Answers]], waived: Mapping[str, Mapping[str, str]] | None = None) -> Comments:
    """What to say beside each cell of workbooks that came back: problems, and findings of the checks reckoned anew. (mark, item) → texts.

    ``waived``: institution's key → rule → who let it go, until when and why; said instead of what to do.
    """
    examiner, notes = Examiner(shape.form), Comments()
    for read in reads:
        for key, part in read.parts.items():
            for code, cell in part.cells.items():
                if cell.problem:
                    notes.setdefault((key, code), []).append(_words(cell.problem))
        told = {k: {c: cell.value for c, cell in row.items()} for k, row in read.rows.items()}
        mine: dict[str, dict[str, dict[str, Decimal | None]]] = {}
        for (key, period), answers in told.items():
            computed(shape, answers)
            mine.setdefault(key, {})[period] = answers
        for (key, period), row in read.rows.items():
            mark = f"{key}|{period}"
            for code, cell in row.items():
                if cell.problem:
                    notes.setdefault((mark, code), []).append(_words(cell.problem))
            before = _before(earlier.get(key, {}), period, mine[key])
            sides = [{k.partition(".")[2]: v for k, v in before.items() if k.startswith(s)} for s in ("last_year.", "last_month.")]
            for f in examiner.examine(told[key, period], *sides).findings:
                do = (waived or {}).get(key, {}).get(f.rule) or f.do
                for code in [i for i in f.items if i in row] or list(f.items)[:1]:
                    notes.setdefault((mark, code), []).append(f"{f.severity.label} {f.rule}: {f.says}" + (f" {do}" if do else ""))
    return notes


def _words(p: Problem) -> str:
    return "。".join(str(x) for x in (p.found, p.expected, p.do) if x)


def make(spec: Spec) -> bytes:
    """The workbook as a file."""
    return workbook.make(spec)


