"""A figure is a number with its recipe: parts down to selections of a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .amount import decimal_of


@dataclass(frozen=True)
class Selection:
    """Which rows of which snapshot: the leaf of every recipe. ``where`` maps a column to a value or values.

    ``kind`` is ``returns`` or ``ledger:<kind>``. ``column`` is what is added, counted or listed; ``take`` says how:
    sum, last, mean (over the months of ``period``), count, distinct, list, value. ``complete`` names items that an
    institution must have answered to be covered. ``line`` in ``where`` is a prefix of the reporting line.
    """

    snapshot: str
    kind: str
    column: str
    take: str
    period: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    complete: tuple[str, ...] = ()
    rows: int = 0
    members: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "snapshot": self.snapshot, "kind": self.kind, "column": self.column, "take": self.take,
            "period": self.period, "where": dict(self.where), "complete": list(self.complete),
            "rows": self.rows, "members": self.members,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Selection:
        where = {k: tuple(v) if isinstance(v, list) else v for k, v in data["where"].items()}
        return cls(**{**data, "where": where, "complete": tuple(data["complete"])})


@dataclass(frozen=True)
class FactorUsed:
    """A dated factor that was read while a figure was made."""

    name: str
    value: str
    unit: str
    since: str
    source: str
    region: str = ""
    vintage: str = ""


@dataclass(frozen=True)
class Coverage:
    """How many members a group figure rests on, of how many there are."""

    covered: int
    members: int

    @property
    def full(self) -> bool:
        return self.covered == self.members


@dataclass(frozen=True)
class Figure:
    """The node of every recipe. ``exact`` is a rational number or None (unknown, 算不出: ``note`` says why).

    A figure of words (a list of names, an entered text) has ``text`` and no number. ``formula`` is the text by which it
    follows from its parts (by their names), kept so that it can be proved long after the rulebook has changed.
    """

    name: str
    label: Mapping[str, str]
    unit: str
    period: str
    subject: Mapping[str, str]
    exact: Fraction | None
    how: str
    parts: tuple[Figure | Selection, ...] = ()
    factors: tuple[FactorUsed, ...] = ()
    coverage: Coverage | None = None
    text: str = ""
    note: str = ""
    source: str = ""
    rulebook: str = ""
    formula: str = ""

    @property
    def value(self) -> Decimal | None:
        """The number with nine places, half-even; None when unknown."""
        return None if self.exact is None else decimal_of(self.exact)

    def walk(self) -> Iterator[Figure | Selection]:
        """This figure and everything below it, depth first."""
        yield self
        for part in self.parts:
            if isinstance(part, Figure):
                yield from part.walk()
            else:
                yield part

    def selections(self) -> tuple[Selection, ...]:
        return tuple(p for p in self.walk() if isinstance(p, Selection))

    def as_json(self) -> dict[str, Any]:
        """Lossless: ``exact`` is kept as ``"numerator/denominator"``."""
        return {
            "name": self.name, "label": dict(self.label), "unit": self.unit, "period": self.period,
            "subject": dict(self.subject), "exact": None if self.exact is None else str(self.exact),
            "value": None if self.value is None else str(self.value), "how": self.how,
            "parts": [p.as_json() for p in self.parts], "factors": [vars(f) for f in self.factors],
            "coverage": vars(self.coverage) if self.coverage else None,
            "text": self.text, "note": self.note, "source": self.source, "rulebook": self.rulebook,
            "formula": self.formula,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Figure:
        parts = tuple(Figure.from_json(p) if "parts" in p else Selection.from_json(p) for p in data["parts"])
        return cls(
            name=data["name"], label=data["label"], unit=data["unit"], period=data["period"], subject=data["subject"],
            exact=None if data["exact"] is None else Fraction(data["exact"]), how=data["how"], parts=parts,
            factors=tuple(FactorUsed(**f) for f in data["factors"]),
            coverage=Coverage(**data["coverage"]) if data["coverage"] else None,
            text=data["text"], note=data["note"], source=data["source"], rulebook=data["rulebook"],
            formula=data.get("formula", ""),
        )
