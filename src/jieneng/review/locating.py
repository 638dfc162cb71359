"""Which fields to change, for every return that fails checks of its form: the smallest set, beside the finding that tells of the failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db.models import F

from jieneng.core.formula import Needs, read
from jieneng.returns.models import ReturnFinding, Revision, Round
from jieneng.rulebook import form_for
from jieneng.rulebook.types import Book, Check

from .edits import of_panel
from .found import Found
from .locate import Located, fits, locate
from .panel import Panel

DOUBTED = 0.5
"""What a field costs to change that the review doubts anyway; any other costs 1."""
MOST = 2000
"""Returns looked at in one run: beyond them the batch is wrong, not its fields."""


def within(checks: Sequence[Check]) -> list[Check]:
    """The checks that speak of one return alone: an earlier year does not say which field is wrong."""
    return [c for c in checks if not c.process and not c.let and not any("." in n for n in read(c.holds, Needs()))]


def place(book: Book, round_: Round, panel: Panel, made: Sequence[Found]) -> None:
    """Put into ``located`` of each finding the fields of its returns whose change would satisfy the checks that fail.

    A finding tells of a failing check as its own (kind ``edit``) or beside itself (``also``).
    """
    checks = within(form_for(book, round_.form, round_.year).checks)
    names = {c.id for c in checks}
    rows = {int(k): n for n, k in enumerate(panel.ids)}
    failing = of_panel(ReturnFinding.objects.filter(ret__round=round_, revision=F("ret__revision"), rule__in=names), panel).order_by("ret_id", "rule")
    rules: dict[int, list[str]] = {}
    for ret, rule in failing.values_list("ret_id", "rule")[:MOST]:
        rules.setdefault(ret, []).append(rule)
    doubted: dict[int, dict[str, float]] = {}
    meant: dict[int, dict[tuple[str, int], float]] = {}
    tellers: dict[tuple[int, str], list[Found]] = {}
    for f in made:
        if f.kind != "edit" and f.suspicion >= 0.2:
            doubted.setdefault(f.row, {})[f.item] = DOUBTED
            meant.setdefault(f.row, {}).update(_meant(book, f))
        for rule in (*f.also, *((f.name,) if f.kind == "edit" else ())):
            tellers.setdefault((f.row, rule), []).append(f)
    said = Revision.objects.filter(ret__in=rules, number=F("ret__revision")).values_list("ret_id", "ret__institution_id", "ret__period", "answers")
    items = sorted({n for c in checks for n in (*read(c.holds, Needs()), *(read(c.when, Needs()) if c.when else ()))})
    solved: dict[tuple[int, tuple[tuple[str, str | None], ...]], Located] = {}
    for ret, institution, period, answers in said.order_by("ret_id"):
        row = rows.get(institution)
        if row is None:
            continue
        asked = tuple((i, answers.get(i)) for i in items)
        if (row, asked) not in solved:  # most months of a year say the same of vehicles and people
            solved[row, asked] = locate(checks, _amounts(dict(asked)), doubted.get(row))
        found = _suggested(checks, dict(asked), solved[row, asked], meant.get(row, {}), int(period[5:7]) if len(period) == 7 else 0)
        for f in {id(f): f for rule in rules[ret] for f in tellers.get((row, rule), [])}.values():
            mine = [(period, item, value) for item, value in sorted(found.items())]
            f.located += [x for x in mine if x not in f.located]


def _meant(book: Book, f: Found) -> dict[tuple[str, int], float]:
    """(Item, month) → what the review takes to be meant; month 0 for all of them, which only stocks can be."""
    stock = f.item in book.items and book.items[f.item].over_time != "sum"
    found = {(item, m): v for m, item, v in f.suggested if m or stock}
    return found or ({(f.item, m): f.expected for m in (f.months or (0,))} if stock and f.kind in ("zero", "change", "slip") else {})


def _suggested(checks: Sequence[Check], answers: Mapping[str, str | None], found: Located, meant: Mapping[tuple[str, int], float], month: int) -> dict[str, float]:
    """The located fields with the values the review suggests, where the checks hold with those: the solver knows only the edge of what fits."""
    values = {item: meant.get((item, month), meant.get((item, 0), value)) for item, value in found.fields.items()}
    tried = {**_amounts(answers), **{item: Decimal(str(round(v, 4))) for item, v in values.items()}}
    return values if values != found.fields and fits(checks, tried) else dict(found.fields)


def _amounts(answers: Mapping[str, str | None]) -> dict[str, Decimal | None]:
    return {k: None if v is None else Decimal(v) for k, v in answers.items()}
