"""Machine rooms and heating sources in a draft: as many as a unit has, each with its own small form.

Fields of a draft: ``part.data_centre-1`` whether it is there (``1``; taken away: blank, and what was typed stays), ``name.data_centre-1``
its name, ``data_centre-1.dc_racks`` a value, ``why.data_centre-1.L09`` the explanation of a finding of it, ``why.data_centre.L12`` of one
over all of them. They belong to the closing return of the year.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jieneng.core.problem import Problem
from jieneng.returns.advice import advice
from jieneng.returns.models import Revision
from jieneng.returns.parts import (
    KEY,
    LONGEST_NAME,
    MOST,
    Part,
    examine,
    form_of,
    label,
    number_of,
    read_parts,
    year_of_answers,
)

from .amounts import plain, read_amount
from .judge import Answers, Found, Judged
from .shape import Entry, Shape, computed, unit_sign

if TYPE_CHECKING:
    from .queries import Year

OWN = ("part", "name")
"""First words of the fields that say which parts there are."""


def key_in(at: str) -> str:
    """The part that a field belongs to; blank for a field of no part."""
    first, _, rest = at.partition(".")
    if first in OWN:
        return rest
    if first == "why":
        first = rest.partition(".")[0]
    return first if KEY.fullmatch(first) else ""


def is_part_field(at: str, kinds: Iterable[str]) -> bool:
    """Whether a field is about parts: of one, or an explanation over all of a form."""
    return bool(key_in(at)) or (at.startswith("why.") and at.split(".")[1] in set(kinds))


def in_order(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda k: (form_of(k), number_of(k)))


def prefilled(filed: Mapping[str, Any] | None, last_year: Mapping[str, Any]) -> dict[str, str]:
    """The fields as they stand in the filed return; in a return not filed yet the parts of last year by name, without values."""
    values: dict[str, str] = {}
    for p in read_parts(last_year if filed is None else filed):
        values |= {f"part.{p.key}": "1", f"name.{p.key}": p.name}
        if filed is not None:
            values |= {f"{p.key}.{i}": plain(v) for i, v in p.answers.items() if v is not None}
    return values


def keys_of(values: Mapping[str, str], kinds: Iterable[str], there: bool = True) -> list[str]:
    """The parts that a draft says are there; with ``there`` false those it took away."""
    known = set(kinds)
    found = [k.partition(".")[2] for k, v in values.items() if k.startswith("part.") and bool(v) is there]
    return in_order(k for k in found if KEY.fullmatch(k) and form_of(k) in known)


def next_key(year: Year, kind: str) -> str:
    """The key of a part to be added: a number that no part of this institution ever had. Blank where there are as many as there may be."""
    if len(keys_of(year.values, [kind])) >= MOST:
        return ""
    return f"{kind}-{max([0, *(number_of(k) for k in _ever(year, kind))]) + 1}"


def _ever(year: Year, kind: str) -> set[str]:
    """Every part of a kind that the institution has or had: in revisions of whatever year, and in the draft."""
    rows = Revision.objects.filter(ret__institution=year.institution).exclude(parts={}).values_list("parts", flat=True)
    found = {k for parts in rows for k in parts} | {k.partition(".")[2] for k in (*year.values, *year.draft.values) if k.startswith("part.")}
    return {k for k in found if KEY.fullmatch(k) and form_of(k) == kind}


def fields_of(year: Year, given: Iterable[str]) -> set[str]:
    """The fields of parts that the draft may hold: of those it knows, and of those that ``given`` adds."""
    if year.closing not in year.open:
        return set()
    known = {k.partition(".")[2] for k in (*year.values, *given) if k.startswith("part.")}
    found: set[str] = set()
    for key in (k for k in known if KEY.fullmatch(k) and form_of(k) in year.kinds):
        shape = year.kinds[form_of(key)]
        found |= {f"part.{key}", f"name.{key}", *(f"{key}.{e.code}" for e in shape.entries.values() if not e.parts)}
        found |= {f"why.{key}.{c.id}" for c in shape.form.checks}
    return found | {f"why.{code}.{c.id}" for code, shape in year.kinds.items() for c in shape.form.across}


def _read(year: Year, values: Mapping[str, str], key: str) -> tuple[Part, dict[str, Problem], list[str]]:
    """One part as it is typed, what is no number in it, and which required fields are empty."""
    shape, problems = year.kinds[form_of(key)], dict[str, Problem]()
    answers: Answers = {}
    for e in shape.entries.values():
        if not e.parts:
            at = f"{key}.{e.code}"
            read = read_amount(values.get(at, ""), e.item, unit_sign(year.book, e.item.unit), at)
            if isinstance(read, Problem):
                problems[at] = read
            answers[e.code] = None if isinstance(read, Problem) else read
    computed(shape, answers)
    name = values.get(f"name.{key}", "").strip()[:LONGEST_NAME]
    missing = [] if name else [f"name.{key}"]
    missing += [at for e in shape.entries.values() if e.required and not e.parts and answers[e.code] is None and (at := f"{key}.{e.code}") not in problems]
    return Part(key, name, {e.code: answers[e.code] for e in shape.entries.values()}), problems, missing


def judge_parts(year: Year, judged: Judged, values: Mapping[str, str], waived: Mapping[str, str]) -> None:
    """Add what there is to say of the parts to what was judged of the months; their return is the closing one."""
    judged.closing = year.closing
    keys = keys_of(values, year.kinds)
    if not keys:
        return
    for key in keys:
        part, problems, missing = _read(year, values, key)
        judged.parts.append(part)
        judged.problems |= problems
        judged.missing.setdefault(year.closing, []).extend(missing)
    whole = year_of_answers(year.book, year.shape.form, {p: judged.answers[p] for p in year.periods})
    before = {p.key: p for p in read_parts(year.last_parts)}
    answers = {p.key: p.answers for p in judged.parts}
    for told in examine(year.book, [s.form for s in year.kinds.values()], judged.parts, year=whole, last_year=list(before.values())):
        form, f = year.kinds[form_of(told.part)].form, told.finding
        mine = [told.part] if told.part in answers else [k for k in keys if form_of(k) == told.part]
        check = next(c for c in (*form.checks, *form.across) if c.id == f.rule)
        proposed = advice(check, answers[told.part], before[told.part].answers if told.part in before else None) if told.part in answers else []
        found = Found(year.closing, f, tuple(f"{k}.{i}" for k in mine for i in f.items if i in year.kinds[form.code].entries), tuple(proposed),
                      waived=waived.get(f.rule, ""), part=told.part)
        judged.found.append(replace(found, reason=values.get(found.key, "").strip()))
    judged.sort()


def entry_of(year: Year, at: str) -> Entry | None:
    """The item that a field holds a value of, of the main form or of a part's."""
    first, _, code = at.partition(".")
    shape: Shape | None = year.kinds.get(form_of(first)) if KEY.fullmatch(first) else year.shape
    return shape.entries.get(code) if shape else None


def label_of(year: Year, key: str) -> str:
    """What a part is called: its name, or the how-manieth it is."""
    return str(label(year.kinds[form_of(key)].form, key, year.values.get(f"name.{key}", "").strip()))


def zeros(year: Year, key: str, typed: Mapping[str, str]) -> dict[str, str]:
    """What the button “空着的都没有，填 0” fills in of a part."""
    shape = year.kinds.get(form_of(key)) if key in keys_of(year.values, year.kinds) else None
    fields = [f"{key}.{e.code}" for e in shape.entries.values() if not e.parts] if shape else []
    return {at: "0" for at in fields if not typed.get(at, year.values.get(at, "")).strip()}


def totals(year: Year, judged: Judged, kind: str) -> dict[str, Decimal | None]:
    """The sum over the parts of a kind, for the foot of its section."""
    from jieneng.returns.parts import sum_of

    return sum_of(year.book, year.kinds[kind].form, [p for p in judged.parts if p.form == kind])
