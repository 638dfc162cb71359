"""What may be read of drafts: the year of one institution in one round, always from a scope."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from jieneng.core.period import Period
from jieneng.people.scope import Scope
from jieneng.registry.models import Institution, Standing
from jieneng.registry.queries import standing_for
from jieneng.returns.asks import open_asks
from jieneng.returns.models import Return, ReturnAsk, Revision, Round, Waiver
from jieneng.returns.parts import closing, part_forms
from jieneng.returns.plan.queries import plan_of
from jieneng.returns.queries import answers_of, returns_in
from jieneng.returns.waivers import says, waivers_of
from jieneng.rulebook import form_for
from jieneng.rulebook.types import Book

from . import parts
from .amounts import plain
from .judge import Judged, judge
from .models import Control, Draft
from .shape import EVERY, Shape, shape_of

OPEN = ("expected", "draft", "returned")
"""States in which the reporter has the pen."""


@dataclass
class Year:
    """The year of one institution in one round: its returns, its draft, and what stands beside it.

    ``kinds``: the forms that are parts of this one (机房, 热源), by code; ``filed_parts`` those of the closing return as it was last filed,
    ``last_parts`` those of last year's.
    """

    book: Book
    round: Round
    institution: Institution
    standing: Standing
    shape: Shape
    returns: dict[str, Return]
    draft: Draft
    earlier: dict[str, Mapping[str, Decimal | None]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    mode: str = "A"
    deadline: dt.date | None = None
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    asks: list[ReturnAsk] = field(default_factory=list)
    kinds: dict[str, Shape] = field(default_factory=dict)
    filed_parts: Mapping[str, Any] = field(default_factory=dict)
    last_parts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def closing(self) -> str:
        """The period whose return carries the parts."""
        return closing(self.returns)

    @property
    def periods(self) -> list[str]:
        return list(self.returns)

    @property
    def open(self) -> list[str]:
        """The periods that may be filled in now."""
        return [p for p, r in self.returns.items() if r.state in OPEN]

    @property
    def signs(self) -> bool:
        """Whether the unit signs in turn before it files (a setting of rounds, for mode C)."""
        return self.round.signatures and self.mode == "C"

    def last_year(self, period: str) -> Mapping[str, Decimal | None]:
        return self.earlier.get(str(Period.parse(period).last_year), {})

    def judge(self, values: Mapping[str, str] | None = None) -> Judged:
        """What there is to say of the draft (or of other values) in all its periods."""
        said, waived = self.values if values is None else values, {rule: str(says(w)) for rule, w in self.waivers.items()}
        judged = judge(self.book, self.shape, said, self.periods, self.earlier, waived)
        parts.judge_parts(self, judged, said, waived)
        return judged


def prefilled(shape: Shape, current: Mapping[str, Mapping[str, Decimal | None]]) -> dict[str, str]:
    """The fields as they stand in filed returns, so that nothing is asked twice. What is the same in all of them is given once."""
    values: dict[str, str] = {}
    for e in shape.entries.values() if current else ():
        if e.parts:
            continue
        given = {p: plain(a.get(e.code)) for p, a in current.items() if a.get(e.code) is not None}
        if e in shape.standing and len(set(given.values())) == 1:
            values[f"{EVERY}.{e.code}"] = next(iter(given.values()))
        else:
            values |= {f"{p}.{e.code}": v for p, v in given.items()}
    return values


def year_of(book: Book, round_: Round, institution: Institution, draft: Draft | None = None) -> Year | None:
    """The year of an institution in a round, with last year's answers beside it. None where it has nothing to answer.

    ``draft``: the draft as it was read already (and locked, to write); it is read here without one.
    """
    rows = Return.objects.filter(round=round_, institution=institution).exclude(state__in=("exempt", "covered")).order_by("period")
    returns = {r.period: r for r in rows}
    standing = standing_for(institution, Period("year", round_.year))
    if not returns or standing is None:
        return None
    shape = shape_of(book, form_for(book, round_.form, round_.year))
    draft = draft or Draft.objects.filter(round=round_, institution=institution).select_related("by").first() or Draft(round=round_, institution=institution)
    plan, line = plan_of(round_, institution), standing.office.path
    year = Year(book, round_, institution, standing, shape, returns, draft, mode=plan.mode(line), deadline=plan.deadline(line, institution.pk),
                waivers=waivers_of(institution, round_.form), asks=open_asks(rows))
    rows_ = Revision.objects.filter(ret__institution=institution, ret__round__form=round_.form, ret__round__year__in=(round_.year - 1, round_.year))
    latest = {r.ret.period: r for r in rows_.select_related("ret").only("number", "answers", "parts", "ret__period").order_by("number")}
    year.earlier = {p: answers_of(r) for p, r in latest.items()}
    filed = {p: a for p, a in year.earlier.items() if p in returns and returns[p].revision}
    closed = prefilled(shape, {p: a for p, a in filed.items() if returns[p].state not in OPEN})
    _lay_parts(year, latest)
    given = prefilled(shape, filed) | parts.prefilled(year.filed_parts if returns[year.closing].revision else None, year.last_parts)
    year.values = {**given, **draft.values} if draft.version else given
    # what is filed stands as filed, whatever the draft still says
    done = {p for p in returns if returns[p].state not in OPEN}
    year.values = {k: v for k, v in year.values.items() if k.partition(".")[0] not in done} | {
        k: v for k, v in closed.items() if k.partition(".")[0] in done}
    if year.closing in done:
        year.values = {k: v for k, v in year.values.items() if not parts.is_part_field(k, year.kinds)} | parts.prefilled(year.filed_parts, {})
    if done and (common := {k: v for k, v in closed.items() if k.startswith(EVERY + ".")}):
        year.values |= {f"{p}.{k.partition('.')[2]}": v for k, v in common.items() for p in done}
    return year


def _lay_parts(year: Year, latest: Mapping[str, Revision]) -> None:
    """Which parts there may be, those last filed, and those of the year before."""
    year.kinds = {f.code: shape_of(year.book, f) for f in part_forms(year.book, year.round.form, year.round.year)}
    if year.returns[year.closing].revision and year.closing in latest:
        year.filed_parts = latest[year.closing].parts
    before = latest.get(closing([p for p in latest if Period.parse(p).year < year.round.year]))
    year.last_parts = {k: p for k, p in before.parts.items() if parts.form_of(k) in year.kinds} if before else {}


def years_in(scope: Scope, form: str) -> list[tuple[Round, Institution]]:
    """The rounds and institutions of a scope that have something to answer, newest first."""
    rows = returns_in(scope).filter(round__form=form).exclude(state__in=("exempt", "covered"))
    pairs = rows.values_list("round_id", "institution_id").distinct()
    rounds, bodies = Round.objects.in_bulk({r for r, _ in pairs}), Institution.objects.in_bulk({i for _, i in pairs})
    return sorted(((rounds[r], bodies[i]) for r, i in pairs), key=lambda x: (-x[0].year, x[1].key))


def at_version(draft: Draft | Control, version: int) -> dict[str, str]:
    """The own values of a draft (or of control totals) as they stood after a save (0: before the first)."""
    values = dict(draft.values)
    if draft.pk and draft.version > version:
        for save in draft.saves.filter(version__gt=version).order_by("-version"):
            for k, (before, _) in save.changes.items():
                if before is None:
                    values.pop(k, None)
                else:
                    values[k] = before
    return values
