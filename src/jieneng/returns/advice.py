"""Suggested values (建议值): what a value would be if a rule's guess is right. Shown to people, never written by the system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from jieneng.core.compiled import compiled
from jieneng.core.formula import Answer, Needs, read
from jieneng.rulebook.types import Check

Answers = Mapping[str, Decimal | None]


@dataclass(frozen=True)
class Advice:
    """One value in doubt: the item, whether it stands in this return or in last year's, what is there and what may be meant."""

    item: str
    side: str
    found: Decimal
    value: Decimal


def advice(check: Check, answers: Answers, last_year: Answers | None = None, last_month: Answers | None = None) -> list[Advice]:
    """What the check suggests for these answers. Nothing where something it needs is unknown."""
    sides: dict[str, Answers] = {"": answers, "last_year": last_year or {}, "last_month": last_month or {}}
    made = []
    for target, text in check.suggest.items():
        side, _, item = target.rpartition(".")
        values: dict[str, Answer] = {n: sides.get(n.rpartition(".")[0], {}).get(n.rpartition(".")[2]) for n in read(text, Needs())}
        value, found = compiled(text)(values), sides.get(side, {}).get(item)
        if isinstance(value, Decimal) and found is not None and value != found:
            made.append(Advice(item, side, found, value))
    return made
