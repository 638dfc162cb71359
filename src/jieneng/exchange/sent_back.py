"""A return sent back in a round that is filed on the platform (modes A and B) is a line of the list of corrections too: there it is mended.

A line without a suggested value asks for a value to be checked (``new`` is None): the item of an open finding, or, where no rule found
anything, the whole return (``item`` is empty). The next import ticks it done when the value moved; passing the return settles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.records.events import record
from jieneng.registry.models import Standing
from jieneng.registry.queries import standings
from jieneng.returns.actions import PASSES
from jieneng.returns.after import AFTER, Asked
from jieneng.returns.models import Return, ReturnFinding, Round
from jieneng.returns.plan.queries import plan_of

from .actions import as_amount, as_said, replace, shared_line
from .models import Correction
from .queries import current_rows, day_of, our_answers

WORD = T("退回核实，请单位核实后在平台改", "sent back, for the unit to check and change on the platform")


def follow(person: User, verb: str, returns: Sequence[Return], reason: str, asked: Asked) -> None:
    """Called by ``returns.actions.act`` in its own transaction, its rights checked."""
    by_round: dict[int, list[Return]] = {}
    for r in returns:
        by_round.setdefault(r.round_id, []).append(r)
    for round_ in Round.objects.filter(pk__in=by_round):
        rows = by_round[round_.pk]
        lines = {s.institution_id: s for s in standings(day_of(round_.year)).filter(institution__in={r.institution_id for r in rows})}
        if verb in PASSES:
            _settle(person, round_, rows, lines)
        else:
            plan = plan_of(round_)
            _ask(person, round_, [r for r in rows if r.institution_id in lines and plan.mode(lines[r.institution_id].office.path) != "C"], lines, reason, asked)


AFTER.append(follow)


def _ask(person: User, round_: Round, rows: Sequence[Return], lines: Mapping[int, Standing], reason: str, asked: Asked) -> None:
    """A line for each value in doubt. A line that stands already is left where it asks no less, and always where the unit gave its word on a
    day (``confirmed_on``): no reviewer's suggestion takes that away. What is replaced, and what was left against the ask, the event says."""
    wanted = _wanted(rows, asked)
    whose = {r.institution_id for r in rows}
    theirs, ours = current_rows("platform", round_.form, round_.year, whose), our_answers(round_.form, round_.year, whose)
    standing = {(c.institution_id, c.period, c.item): c for c in Correction.objects.filter(
        institution__in=whose, form=round_.form, year=round_.year, holder="platform", side="platform").exclude(state="withdrawn")}
    made: list[Correction] = []
    replaced: list[Correction] = []
    kept: list[Correction] = []
    cells = list(wanted)
    for institution, period, item in cells:
        new = wanted[institution, period, item]
        row = theirs.get((institution, period))
        old = (row.values.get(item) if row else ours.get((institution, period), {}).get(item)) if item else None
        there = standing.get((institution, period, item))
        if (new is not None and new == old) or (there is not None and there.state != "done" and new in (None, there.new)):
            continue
        if there is not None and there.confirmed_on is not None:
            kept.append(there)
            if there.state == "done" and (whole := (institution, period, "")) not in wanted:  # it asks nothing more: the doubt is one of the whole return
                wanted[whole] = None
                cells.append(whole)
            continue
        replaced += [there] if there is not None else []
        made.append(Correction(institution_id=institution, form=round_.form, year=round_.year, period=period, item=item, side="platform", old=old, new=new,
                               reason=reason.strip()[:300], word=str(WORD), origin="returned", by=person))
    if not made and not kept:
        return
    gone = replace(replaced)
    Correction.objects.bulk_create(made, batch_size=500)
    record(person, "correction.ask", "corrections", len(made), line=shared_line(lines[r.institution_id].office.path for r in rows), data={
        "year": round_.year, "reason": reason.strip()[:300], "lines": [c.pk for c in made], "cells": [[c.institution_id, c.period, c.item, c.old, c.new] for c in made],
        **({"replaced": gone} if gone else {}), **({"kept": [as_said(c) for c in kept]} if kept else {})})


def _wanted(rows: Sequence[Return], asked: Asked) -> dict[tuple[int, str, str], str | None]:
    """(institution, period, item) → the value suggested, or None: to be checked."""
    doubts: dict[int, dict[str, str | None]] = {}
    current = {r.pk: r.revision for r in rows}
    for ret, revision, items in ReturnFinding.objects.filter(ret__in=current, severity__in=("must", "explain")).values_list("ret_id", "revision", "items"):
        if revision == current[ret]:
            doubts.setdefault(ret, {}).update(dict.fromkeys(items))
    found: dict[tuple[int, str, str], str | None] = {}
    for r in rows:
        said: Mapping[str, str | None] = {i: as_amount(v) if v else None for i, v in asked.get((r.institution_id, r.period), {}).items()} or doubts.get(r.pk) or {"": None}
        found.update({(r.institution_id, r.period, item): new for item, new in said.items()})
    return found


def _settle(person: User, round_: Round, rows: Sequence[Return], lines: Mapping[int, Standing]) -> None:
    """What was only to be checked is settled when the return is passed as it stands."""
    passed = {(r.institution_id, r.period) for r in rows}
    left = Correction.objects.filter(institution__in={i for i, _ in passed}, form=round_.form, year=round_.year, new=None, origin="returned")
    mine = [c for c in left.exclude(state__in=("done", "withdrawn")) if (c.institution_id, c.period) in passed]
    if mine:
        Correction.objects.filter(pk__in=[c.pk for c in mine]).update(state="withdrawn")
        record(person, "correction.settle", "corrections", len(mine), line=shared_line(lines[c.institution_id].office.path for c in mine if c.institution_id in lines), data={
            "year": round_.year, "lines": [c.pk for c in mine], "cells": [[c.institution_id, c.period, c.item, c.old, c.new] for c in mine]})
