"""A formula unrolled once into functions of its answers, for judging many returns: the same as ``read(text, Value(answers))``.

Each piece asks the Value reading what it means, so the semantics are those of ``Value`` by construction; only the walk
over the text is saved (a tenth of the time on the checks of a city).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .formula import Answer, Value, read

Step = Callable[[Mapping[str, Any]], Any]
_VALUE = Value({})


class _Steps:
    """The reading whose pieces are functions of the answers."""

    def number(self, value: Decimal) -> Step:
        return lambda answers: value

    def name(self, name: str) -> Step:
        return lambda answers: answers[name]

    def negative(self, value: Step) -> Step:
        return lambda answers: _VALUE.negative(value(answers))

    def arithmetic(self, op: str, left: Step, right: Step) -> Step:
        return lambda answers: _VALUE.arithmetic(op, left(answers), right(answers))

    def compare(self, op: str, left: Step, right: Step) -> Step:
        return lambda answers: _VALUE.compare(op, left(answers), right(answers))

    def logic(self, op: str, parts: Sequence[Step]) -> Step:
        return lambda answers: _VALUE.logic(op, [p(answers) for p in parts])

    def negate(self, part: Step) -> Step:
        return lambda answers: _VALUE.negate(part(answers))

    def call(self, function: str, parts: Sequence[Step], known: bool) -> Step:
        return lambda answers: _VALUE.call(function, [p(answers) for p in parts], known)


@functools.lru_cache(maxsize=4096)
def compiled(text: str) -> Callable[[Mapping[str, Any]], Answer]:
    """The formula as a function of a mapping with every name it needs. Raises ``FormulaError`` for a bad text."""
    return read(text, _Steps())
