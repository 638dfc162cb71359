"""What is reviewed, laid out: one array per item, institutions down, years and periods across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .robust import Array

if TYPE_CHECKING:
    from .pricing import Local


@dataclass
class Level:
    """One way to group institutions, finest first: a number for each, and the words for each number."""

    codes: Array
    labels: Mapping[int, tuple[str, str]]
    """Number → Chinese and English."""


@dataclass
class Panel:
    """The returns of some years. ``values``: item → (n, years, periods), NaN where not answered; the last year is reviewed.

    ``periods`` is 12 for monthly returns and 1 for annual ones.
    """

    years: tuple[int, ...]
    periods: int
    ids: Array
    names: Sequence[str]
    areas: Sequence[str]
    types: Sequence[str]
    levels: list[Level]
    area_names: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    values: dict[str, Array] = field(default_factory=dict)
    hdd: Array | None = None
    """Heating degree days (n, years, periods), NaN where no temperatures are loaded; ``stations``: whose."""
    stations: Sequence[str] = ()
    prices: dict[str, Local] = field(default_factory=dict)
    """Item → the local prices of its last year, where a table is loaded (``pricing``)."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def groups(self) -> list[Array]:
        return [level.codes for level in self.levels]

    def of(self, item: str) -> Array:
        """The values of an item; all unknown where nobody was asked."""
        found = self.values.get(item)
        return np.full((len(self), len(self.years), self.periods), np.nan) if found is None else found

    @property
    def history(self) -> bool:
        """Whether anything of an earlier year is known: without it values are only compared with those of like institutions."""
        return any(bool((v[:, :-1] > 0).any()) for v in self.values.values())

    def area_label(self, row: int) -> tuple[str, str]:
        """The area of a row in words."""
        return self.area_names.get(self.areas[row], (self.areas[row], self.areas[row]))

    def label(self, level: int, row: int) -> tuple[str, str]:
        """The words for the group of a row at a level; beyond the last one it is everyone."""
        if not 0 <= level < len(self.levels):
            return "全部单位", "all institutions"
        return self.levels[level].labels[int(self.levels[level].codes[row])]


def grouped(areas: Sequence[str], types: Sequence[str], region_names: Mapping[str, tuple[str, str]], parents: Mapping[str, str],
            type_names: Mapping[str, tuple[str, str]], type_parents: Mapping[str, str]) -> list[Level]:
    """Groups that widen: area and kind, parent region and kind, parent region and parent kind."""

    def level(keys: list[tuple[str, str]]) -> Level:
        known = sorted(set(keys))
        number = {k: n for n, k in enumerate(known)}
        words = {}
        for key, n in number.items():
            region, kind = region_names.get(key[0], (key[0], key[0])), type_names.get(key[1], (key[1] or "未分类", key[1] or "unclassified"))
            words[n] = (region[0] + kind[0], f"{kind[1]}, {region[1]}")
        return Level(np.array([number[k] for k in keys]), words)

    up = [parents.get(a, "") or a for a in areas]
    wide = [type_parents.get(t, "") or t for t in types]
    made = [level(list(zip(areas, types, strict=True))), level(list(zip(up, types, strict=True)))]
    if wide != list(types):
        made.append(level(list(zip(up, wide, strict=True))))
    return made
