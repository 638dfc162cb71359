"""Who is laid beside a candidate of the first screening, so that it can be reviewed alone: the place it is reviewed in, whole where that is a city's
size, else its like and a seeded sample of them. Pure.

The groups that values are compared in are those of the review itself (``panel.grouped``): type and area, then type and parent region, then the
wider type. Medians over some dozens of each county's institutions stand for those over all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .robust import Array

WHOLE = 2000
"""Institutions up to which a place is reviewed whole, as its own review does: nothing is sampled, and the findings are the same."""
LIKE, KIN = 40, 8
"""Of a larger place: from each area at most so many of a candidate's type (some hundreds in a city), and of other types that its type widens to."""
SEED = 20221231


class Beside(NamedTuple):
    """Rows that make the panel, and for how many institutions each stands. ``stands`` None: everybody is there."""

    rows: Array
    stands: Array | None


def chosen(ids: Array, areas: Sequence[str], types: Sequence[str], wanted: Collection[int], wide: Mapping[str, str], *, whole: int = WHOLE, like: int = LIKE, kin: int = KIN,
           seed: int = SEED) -> Beside:
    """The panel of the candidates ``wanted`` (institutions) of one place. ``wide``: type → the kind that it widens to ("" for none)."""
    if len(ids) <= whole:
        return Beside(np.arange(len(ids)), None)
    here = np.isin(ids, np.array(sorted(wanted), np.int64))
    kind = np.array([wide.get(t, "") or t for t in types], object)
    mine = {types[n] for n in np.flatnonzero(here).tolist()}
    near = {wide.get(t, "") or t for t in mine}
    groups: dict[tuple[str, str], list[int]] = {}
    for n, key in enumerate(zip(areas, types, strict=True)):
        if kind[n] in near:
            groups.setdefault(key, []).append(n)
    rows, stands = [], []
    dice = np.random.default_rng(seed)
    for (_, type_), group in sorted(groups.items()):
        members = np.array(group)
        others = members[~here[members]]
        drawn = np.sort(dice.permutation(others)[:like if type_ in mine else kin])
        # a candidate stands for itself, who was drawn for those who were not
        rows += [members[here[members]], drawn]
        stands += [np.ones(int(here[members].sum())), np.full(len(drawn), len(others) / max(len(drawn), 1))]
    both, weight = np.concatenate(rows), np.concatenate(stands)
    order = np.argsort(both)
    return Beside(both[order], weight[order])
