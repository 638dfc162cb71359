"""Questions of integrity: returns that look copied, batches that repeat last year, edits in a row before a deadline.

They are questions, not verdicts, and go to the city's reviewers and the auditor only. Thresholds are samples (样例) of this house.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Count, F

from jieneng.returns.models import Revision, Round
from jieneng.returns.plan.queries import plan_of
from jieneng.rulebook.types import Book

from .queries import names_of

MONTHS = 6
"""At least so many months with an amount before two rows of months are compared (样例)."""
REPEATED = 0.8
"""From this share of a return's months alike to last year's it counts as repeating (样例)."""
BATCH = 5
"""A batch is asked about from so many such institutions on (样例)."""
IN_A_ROW = 3
DAYS = 2
"""So many revisions of one return within so many days before its deadline (样例)."""


Months = dict[int, dict[str, tuple[str | None, ...]]]


@dataclass(frozen=True)
class Asked:
    """A question: its kind, who it is about, and the facts in short."""

    kind: str
    institutions: tuple[int, ...]
    names: tuple[str, ...]
    item: str
    number: int
    detail: str


def questions(book: Book, round_: Round) -> list[Asked]:
    """All questions of a round. Reads the year's current revisions and last year's once."""
    now, before = _months(round_), {}
    last = Round.objects.filter(form=round_.form, year=round_.year - 1).first()
    if last is not None:
        before = _months(last)
    rows = [*_copies(book, now), *_repeats(book, round_, now, before), *_edits(round_)]
    names = names_of(round_.year, {i for r in rows for i in r.institutions})
    return [Asked(r.kind, r.institutions, tuple(names[i].name if i in names else str(i) for i in r.institutions), r.item, r.number, r.detail) for r in rows]


def _months(round_: Round) -> Months:
    """Institution → item → its twelve months as stored texts."""
    found: dict[int, dict[str, list[str | None]]] = {}
    rows = Revision.objects.filter(ret__round=round_, number=F("ret__revision")).values_list("ret__institution_id", "ret__period", "answers")
    for institution, period, answers in rows.iterator(chunk_size=4000):
        if len(period) != 7:
            continue
        mine = found.setdefault(institution, {})
        for item, value in answers.items():
            mine.setdefault(item, [None] * 12)[int(period[5:7]) - 1] = value
    return {i: {item: tuple(v) for item, v in rows.items()} for i, rows in found.items()}


def _flows(book: Book) -> list[str]:
    """The items that vary from month to month: quantities and costs, not area and people."""
    return [i.code for i in book.items.values() if i.over_time == "sum"]


def _used(row: tuple[str | None, ...]) -> int:
    return sum(v is not None and float(v) != 0 for v in row)


def _copies(book: Book, now: Months) -> list[Asked]:
    """Institutions whose months of an item are the same to the last digit."""
    found: dict[tuple[int, ...], list[tuple[str, int]]] = defaultdict(list)
    for item in _flows(book):
        alike: dict[tuple[str | None, ...], list[int]] = defaultdict(list)
        for institution, rows in now.items():
            row = rows.get(item)
            if row and _used(row) >= MONTHS and len({v for v in row if v}) > 2:
                alike[row].append(institution)
        for row, who in alike.items():
            if len(who) > 1:
                found[tuple(sorted(who))].append((item, _used(row)))
    return [Asked("copy", who, (), "、".join(str(book.items[i].label) for i, _ in items), max(n for _, n in items), "") for who, items in sorted(found.items())]


def _repeats(book: Book, round_: Round, now: Months, before: Months) -> list[Asked]:
    """Imports in which several institutions say last year's months again."""
    flows = _flows(book)
    same: list[int] = []
    for institution, rows in now.items():
        pairs = [(a, b) for item in flows for a, b in zip(rows.get(item, ()), before.get(institution, {}).get(item, ()), strict=False) if a not in (None, "0") or b not in (None, "0")]
        if len(pairs) >= MONTHS and sum(a == b for a, b in pairs) >= REPEATED * len(pairs):
            same.append(institution)
    batches: dict[int, set[int]] = defaultdict(set)
    names: dict[int, str] = {}
    rows = Revision.objects.filter(ret__round=round_, ret__institution__in=same, number=F("ret__revision"), batch__isnull=False)
    for institution, batch, name in rows.values_list("ret__institution_id", "batch_id", "batch__file__name").distinct():
        batches[batch].add(institution)
        names[batch] = name
    large = [Asked("repeat", tuple(sorted(who)), (), "", len(who), names[b]) for b, who in sorted(batches.items()) if len(who) >= BATCH]
    told = {i for r in large for i in r.institutions}
    return [*large, *(Asked("repeat-one", (i,), (), "", 1, "") for i in sorted(set(same) - told))]


def _edits(round_: Round) -> list[Asked]:
    """Returns changed several times in the last days before their deadline."""
    plan = plan_of(round_)
    many = Revision.objects.filter(ret__round=round_).values("ret").annotate(n=Count("pk")).filter(n__gte=IN_A_ROW).values("ret")
    lines = {i: s.office.path for i, s in names_of(round_.year, Revision.objects.filter(ret__in=many).values_list("ret__institution_id", flat=True).distinct()).items()}
    found: dict[tuple[int, str], list[dt.datetime]] = defaultdict(list)
    for institution, period, at in Revision.objects.filter(ret__in=many).order_by("at").values_list("ret__institution_id", "ret__period", "at"):
        due = plan.deadline(lines.get(institution, ""), institution)
        if due is not None and dt.timedelta(0) <= due - at.date() <= dt.timedelta(days=DAYS):
            found[institution, period].append(at)
    return [Asked("edits", (i,), (), period, len(times), f"{times[0]:%m-%d %H:%M} – {times[-1]:%m-%d %H:%M}") for (i, period), times in sorted(found.items()) if len(times) >= IN_A_ROW]
