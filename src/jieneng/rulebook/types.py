"""What a book of rules holds, as frozen dataclasses: the law of one country or programme as dated data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from jieneng.core.problem import Place, Severity
from jieneng.core.words import T


@dataclass(frozen=True)
class Source:
    """Where a value comes from. ``kind``: law, standard, practice, derived, sample. A sample is said to be one."""

    title: str
    clause: str = ""
    url: str = ""
    kind: str = "practice"
    note: str = ""


@dataclass(frozen=True)
class Item:
    """Something reported. The code ends in its unit (``electricity_kwh``).

    over_time: sum, last (month answered last) or mean (of the months answered); over_bodies: sum or none.
    kind: quantity, cost, area, count. ``energy`` tells whether it is part of comprehensive energy.
    """

    code: str
    label: T
    unit: str
    kind: str
    over_time: str
    over_bodies: str = "sum"
    basis: str = ""
    definition: T | None = None
    parent: str = ""
    source: Source | None = None


@dataclass(frozen=True)
class FormItem:
    """An item as an edition of a form asks for it: its number on the form (表内代码), and whether it must be answered.

    ``replaces``: the item that this edition asked no longer and put this one in the place of: another quantity, so that the
    series breaks (a renamed item keeps its code and has a ``label`` here instead).
    """

    item: str
    number: str = ""
    label: T | None = None
    required: bool = True
    replaces: str = ""


@dataclass(frozen=True)
class Check:
    """One line of the edits: must hold where it applies. Texts name items and ``let`` names in braces."""

    id: str
    severity: Severity
    holds: str
    says: T
    do: T
    when: str = ""
    let: Mapping[str, str] = field(default_factory=dict)
    source: Source | None = None
    process: bool = False
    suggest: Mapping[str, str] = field(default_factory=dict)
    """What a value would be if the rule's guess is right: item (or ``last_year.item``) → formula. Shown, never written."""


@dataclass(frozen=True)
class Form:
    """An edition of a questionnaire (``consumption@2022``).

    ``number``, ``approver``, ``approval``, ``valid_until``: its legal identification as printed at the head (表号、批准机关、批准文号、有效期至);
    blank where it is not known, and then printed blank.

    ``part_of``: the form whose returns carry it, once for each ``part`` (机房, 供热热源) that an institution has: none, one or several.
    ``across``: its checks over forms. There an item stands for its sum over the parts, and ``year.electricity_kwh`` for the year of the
    form that carries them.
    """

    code: str
    edition: str
    title: T
    issuer: str
    document: str
    years_from: int
    years_to: int | None
    rhythm: tuple[str, ...]
    items: tuple[FormItem, ...]
    checks: tuple[Check, ...]
    source: Source | None = None
    notes: tuple[T, ...] = ()
    number: str = ""
    approver: str = ""
    approval: str = ""
    valid_until: str = ""
    part_of: str = ""
    part: T | None = None
    across: tuple[Check, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.code}@{self.edition}"


@dataclass(frozen=True)
class FactorValue:
    """One dated value of a factor. Holds from ``since`` until the next of the same region and vintage series."""

    value: Decimal
    since: dt.date
    source: Source
    region: str = ""
    vintage: str = ""
    published: dt.date | None = None


@dataclass(frozen=True)
class Factor:
    """A dated factor, quota, threshold or price. ``unit`` reads "per": ``kgce/kWh``."""

    code: str
    label: T
    unit: str
    values: tuple[FactorValue, ...]


@dataclass(frozen=True)
class Term:
    """One addend of a composite: item × factor × factor …; ``missing`` says what an unanswered item does.

    ``years_from`` and ``years_to`` bound the data years in which it is added (0 and None: always), so that an item which takes the
    place of another counts from its edition on and earlier years stay as they were.
    """

    item: str
    factors: tuple[str, ...]
    missing: str = "unknown"
    years_from: int = 0
    years_to: int | None = None

    def holds(self, year: int) -> bool:
        """Whether it is added in a data year."""
        return self.years_from <= year and (self.years_to is None or year <= self.years_to)


@dataclass(frozen=True)
class Composite:
    """A weighted sum of items (total energy in tce, CO₂ in t). ``scale`` turns factor units into ``unit``.

    ``vintage``: "" reads the factor in force in the period; a year freezes it (a second series, never a rewrite).
    """

    code: str
    label: T
    unit: str
    terms: tuple[Term, ...]
    scale: Decimal = Decimal(1)
    vintage: str = ""
    source: Source | None = None

    def in_year(self, year: int) -> Composite:
        """The composite with the terms of a data year; itself where they are the same in every year."""
        terms = tuple(t for t in self.terms if t.holds(year))
        return self if len(terms) == len(self.terms) else replace(self, terms=terms)


@dataclass(frozen=True)
class Indicator:
    """A formula over sums of items and composites; the same text for a school, a city and the nation."""

    code: str
    label: T
    unit: str
    formula: str
    places: int
    source: Source | None = None
    better: str = "lower"


@dataclass(frozen=True)
class Unit:
    """A unit of a family; ``to_base`` is exact (a rational text like ``1000`` or ``1/3``)."""

    code: str
    family: str
    to_base: str
    label: T
    aliases: tuple[str, ...] = ()
    source: Source | None = None


@dataclass(frozen=True)
class LedgerField:
    """A field of a ledger. type: text, number, date, choice, institution, year.

    ``unit_from`` names the choice that says what a number counts (个, 组, 套): numbers of different ones are never added up.
    """

    code: str
    label: T
    type: str
    unit: str = ""
    required: bool = False
    choices: Mapping[str, T] = field(default_factory=dict)
    help: T | None = None
    unit_from: str = ""
    added: bool = True
    """Whether a number may be added up (a temperature may not)."""


@dataclass(frozen=True)
class Ledger:
    """A kind of ledger (台账): its fields, its key, and how it is listed."""

    code: str
    title: T
    record: T
    key: tuple[str, ...]
    name: str
    fields: tuple[LedgerField, ...]
    columns: tuple[str, ...]
    group: str = ""
    source: Source | None = None


@dataclass(frozen=True)
class Division:
    """An administrative division or an area of the statistical line."""

    code: str
    name: T
    level: str
    parent: str
    source: Source | None = None


@dataclass(frozen=True)
class InstitutionType:
    """A kind of institution (单位性质)."""

    code: str
    label: T
    parent: str = ""
    source: Source | None = None


@dataclass(frozen=True)
class VoucherKind:
    """A paper that belongs in the folder of an institution and year (佐证材料).

    ``items``: what it supports. ``types``: for institutions of these types only (none: all). ``required``: asked of each of
    them that reports one of the items (or of all, where it supports none). ``photo``: a picture, never asked of sensitive units.
    """

    code: str
    label: T
    items: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    required: bool = False
    photo: bool = False
    help: T | None = None
    source: Source | None = None


@dataclass(frozen=True)
class Gap:
    """Something the public record does not hold. Said, never invented."""

    topic: T
    missing: T
    consequence: T


@dataclass(frozen=True)
class Book:
    """A whole book, resolved. ``hash`` is SHA-256 over the resolved content; it goes with every finding and figure."""

    code: str
    title: T
    items: Mapping[str, Item]
    units: Mapping[str, Unit]
    factors: Mapping[str, Factor]
    composites: Mapping[str, Composite]
    indicators: Mapping[str, Indicator]
    forms: Mapping[str, Form]
    types: Mapping[str, InstitutionType]
    divisions: Mapping[str, Division]
    ledgers: Mapping[str, Ledger]
    documents: Mapping[str, Any]
    tables: Mapping[str, Any]
    settings: Mapping[str, Any]
    gaps: tuple[Gap, ...]
    hash: str
    reviews: Mapping[str, Any] = field(default_factory=dict)
    quotas: tuple[Any, ...] = ()
    prices: tuple[Any, ...] = ()
    places: Mapping[str, Mapping[str, Place]] = field(default_factory=dict)
    vouchers: Mapping[str, VoucherKind] = field(default_factory=dict)

    def place(self, kind: str, code: str, where: str) -> Place:
        """Where a part of a document's or table's declaration stands, with file and line: the nearest part that is written."""
        found, at = self.places.get(f"{kind}/{code}", {}), where
        while at and at not in found:
            at = at[:max(at.rfind("."), at.rfind("["), 0)]
        if at not in found:
            return Place(file=f"{self.code}/{kind}/{code}.yaml", field=where)
        return Place(file=found[at].file, line=found[at].line, field=where)
