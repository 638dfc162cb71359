"""Chance that can be repeated: a stream of numbers per name, the same on every machine.

Only ``random.random`` is used, whose sequence for a seed Python keeps from version to version; every other way of
drawing is written here.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

X = TypeVar("X")


class Dice:
    """A stream of chance named by ``names``: adding an institution does not move the numbers of another."""

    def __init__(self, *names: object) -> None:
        self._next = random.Random("|".join(map(str, names))).random  # noqa: S311 (an example, not a secret)

    def chance(self, share: float) -> bool:
        """True in ``share`` of the cases."""
        return self._next() < share

    def between(self, low: float, high: float, lean: float = 1.0) -> float:
        """A number from low to high; ``lean`` above 1 draws it towards low."""
        return low + (high - low) * self._next() ** lean

    def whole(self, low: int, high: int, lean: float = 1.0) -> int:
        """A whole number from low to high, both possible."""
        return min(high, low + int((high - low + 1) * self._next() ** lean))

    def around(self, spread: float) -> float:
        """A factor around 1, bell-shaped, ``spread`` its standard deviation; its inverse is as likely as itself."""
        bell = (self._next() + self._next() + self._next() + self._next() - 2) * 1.7320508
        return 1 + spread * bell if bell >= 0 else 1 / (1 - spread * bell)

    def pick(self, things: Sequence[X]) -> X:
        """One of them."""
        return things[int(self._next() * len(things))]
