"""Repeatable parts of a return (机房、热源): none, one or several of an institution, each with its own small form of the edition.

A revision of the closing return of a year (December's, or the year's) holds them beside its answers, each under ``form-number``:

    {"data_centre-1": {"name": "一号机房", "answers": {"dc_racks": "12", "dc_ups_kva": null}}}

A number belongs to one part for ever: next year it is the same room, and a part that is gone never gives its number to another. Where a
value came from stands in the revision's ``sources`` under ``data_centre-1.dc_racks``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from jieneng.core.amount import amount_text
from jieneng.core.period import Period
from jieneng.core.problem import Finding
from jieneng.core.words import T
from jieneng.rulebook.types import Book, Form

from .examine import Answers, Examiner

KEY = re.compile(r"([a-z][a-z0-9_]*)-([1-9][0-9]{0,2})")
MOST = 30
"""Parts of one kind that an institution may have: more is a mistake of the pen."""
LONGEST_NAME = 40


@dataclass(frozen=True)
class Part:
    """One part as it is judged: its key, its name as people call it, its answers."""

    key: str
    name: str
    answers: Answers = field(default_factory=dict)

    @property
    def form(self) -> str:
        return form_of(self.key)


@dataclass(frozen=True)
class PartFinding:
    """A finding of a part (``part``: its key) or over forms (``part``: the code of the form)."""

    part: str
    finding: Finding


def form_of(key: str) -> str:
    """The code of the form that a part fills in; of a form's own code itself."""
    return key.rpartition("-")[0] or key


def number_of(key: str) -> int:
    return int(key.rpartition("-")[2])


def part_forms(book: Book, form: str, year: int) -> tuple[Form, ...]:
    """The forms that are parts of another in a data year, as the book orders them."""
    return tuple(f for f in book.forms.values() if f.part_of == form and f.years_from <= year and (f.years_to is None or year <= f.years_to))


def closing(periods: Iterable[str]) -> str:
    """The period whose return carries the parts: the last of the year. Blank where there is none."""
    return max(periods, key=lambda p: (Period.parse(p).last_day, p), default="")


def label(form: Form, key: str, name: str) -> T:
    """What a part is called: its name; without one the how-manieth it is."""
    return T("{n}", "{n}", n=name) if name else T("第 {n} 处{p}", "{p} no. {n}", n=number_of(key), p=form.part or form.title)


def stored(parts: Iterable[Part]) -> dict[str, Any]:
    """Parts as a revision holds them, in the order of form and number."""
    made = sorted(parts, key=lambda p: (p.form, number_of(p.key)))
    return {p.key: {"name": p.name, "answers": {k: None if v is None else amount_text(v) for k, v in p.answers.items()}} for p in made}


def read_parts(said: Mapping[str, Any]) -> list[Part]:
    """The parts of a revision, answers as decimals."""
    return [Part(key, p["name"], {k: None if v is None else Decimal(v) for k, v in p["answers"].items()}) for key, p in said.items()]


def sum_of(book: Book, form: Form, parts: Sequence[Part]) -> dict[str, Decimal | None]:
    """The form of an institution: each item over all its parts. Unknown where a part does not answer it, never smaller.

    What cannot be added over bodies (采暖天数) is known only where there is one part.
    """
    found: dict[str, Decimal | None] = {}
    for item in form.items:
        values = [p.answers.get(item.item) for p in parts]
        known = [v for v in values if v is not None]
        whole = len(known) == len(values) and bool(values) and (len(values) == 1 or book.items[item.item].over_bodies == "sum")
        found[item.item] = sum(known, Decimal(0)) if whole else None
    return found


def year_of_answers(book: Book, form: Form, answers: Mapping[str, Answers]) -> dict[str, Decimal | None]:
    """The year of the main form out of its returns (period → answers, of every period that is due). A sum or mean is known where every
    period is answered; what is counted once a year is that of the last period answered."""
    order = sorted(answers, key=lambda p: (Period.parse(p).last_day, p))
    found: dict[str, Decimal | None] = {}
    for fi in form.items:
        values = [answers[p].get(fi.item) for p in order]
        known = [v for v in values if v is not None]
        over = book.items[fi.item].over_time
        if over == "last":
            found[fi.item] = known[-1] if known else None
        elif not known or len(known) < len(values):
            found[fi.item] = None
        else:
            whole = sum(known, Decimal(0))
            found[fi.item] = whole if over == "sum" else (whole / len(known)).quantize(Decimal("0.0001"))
    return found


def examine(book: Book, forms: Sequence[Form], parts: Sequence[Part], *, year: Answers, last_year: Sequence[Part] = ()) -> list[PartFinding]:
    """Judge the parts of one institution: each by its form's checks, all of a form together by its checks over forms.

    ``year``: the year of the form that carries them, as ``year_of_answers`` gives it. The page, an import and the review judge by this.
    """
    before = {p.key: p.answers for p in last_year}
    found: list[PartFinding] = []
    for form in forms:
        mine = [p for p in parts if p.form == form.code]
        examiner = examiner_of(form)
        for p in mine:
            for f in examiner.examine(p.answers, before.get(p.key)).findings:
                found.append(PartFinding(p.key, replace(f, says=T("{n}：{s}", "{n}: {s}", n=label(form, p.key, p.name), s=f.says))))
        if mine and form.across:
            found += [PartFinding(form.code, f) for f in over_forms(form).examine(sum_of(book, form, mine), year=year).findings]
    return found


_READ: dict[tuple[int, str], tuple[Form, Examiner]] = {}


def _kept(form: Form, kind: str) -> Examiner:
    """The examiner of a form; kept, since a city's import asks for it thousands of times."""
    key = (id(form), kind)
    if key not in _READ or _READ[key][0] is not form:
        if len(_READ) > 64:
            _READ.clear()
        _READ[key] = form, Examiner(form if kind == "own" else replace(form, checks=form.across))
    return _READ[key][1]


def examiner_of(form: Form) -> Examiner:
    """By a form's own checks."""
    return _kept(form, "own")


def over_forms(form: Form) -> Examiner:
    """By a form's checks over forms."""
    return _kept(form, "across")


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[str]]:
    """What became of parts from one revision to the next, by key: opened, renamed, closed. What events say of them; nothing where nothing did."""
    found = {"opened": sorted(after.keys() - before.keys()), "closed": sorted(before.keys() - after.keys()),
             "renamed": sorted(k for k in after.keys() & before.keys() if after[k]["name"] != before[k]["name"])}
    return {k: v for k, v in found.items() if v}


@dataclass(frozen=True)
class Change:
    """One value of a part that differs between two revisions."""

    key: str
    name: str
    item: str
    before: str | None
    after: str | None


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every value of parts in which two revisions differ; of a part that one of them lacks, what the other says."""
    lines = []
    for key in sorted(before.keys() | after.keys(), key=lambda k: (form_of(k), number_of(k))):
        old, new = (side.get(key, {"name": "", "answers": {}}) for side in (before, after))
        lines += [Change(key, new["name"] or old["name"], i, old["answers"].get(i), new["answers"].get(i))
                  for i in dict.fromkeys([*old["answers"], *new["answers"]]) if old["answers"].get(i) != new["answers"].get(i)]
    return lines
