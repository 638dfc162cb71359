"""Sets with several items as panels of the product: the example city before its errors, and the open sets that have more than one carrier or a size a year."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from jieneng.review.panel import Panel, grouped
from jieneng.rulebook import load
from jieneng.rulebook.reviews import Judging, Review

from .reviewsets import Set, cambridge, toronto, yale

Array = np.ndarray[Any, Any]


@dataclass
class PanelSet:
    """A panel with the review that judges it. ``weights``: item → its part of the total; ``pairs``: items that stand side by side on the form."""

    name: str
    panel: Panel
    review: Review
    weights: Mapping[str, float]
    pairs: Sequence[tuple[str, str]]
    others: Callable[[list[Any]], list[Any]] | None = None
    sizes: tuple[str, ...] = ("area_m2", "people")
    places: Mapping[str, int] = field(default_factory=dict)
    """Decimals an item is kept with; none unless said."""

    @property
    def amounts(self) -> list[Judging]:
        return [q for q in self.review.quantities if q.item in self.panel.values and np.nansum(self.panel.of(q.item)) > 0]


def product() -> None:
    """The product's modules that need its settings, with an empty workspace where none is named."""
    import django
    from django.apps import apps

    if not apps.ready:
        os.environ.setdefault("JIENENG_HOME", tempfile.mkdtemp())
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jieneng.desk.settings")
        django.setup()


def city(seed: int = 2022) -> PanelSet:
    """The example city as every body should have answered: 1,130 institutions, 36 months, the items that the review reads."""
    product()
    from jieneng.desk.example.answers import true_answers
    from jieneng.desk.example.city import YEARS, build_city
    from jieneng.desk.example.items import AT, PLACES
    from jieneng.review import reading

    book = load("cn")
    review = book.reviews["joint@2022"]
    made, known = build_city(seed), {}
    bodies = sorted(made.reporting[YEARS[-1]], key=lambda b: b.code)
    for (code, year), months in true_answers(seed, made).items():
        known[code, year] = np.array(months, float).T
    panel = Panel(YEARS, 12, np.arange(len(bodies)), [b.name for b in bodies], [b.area for b in bodies], [b.type for b in bodies], reading._levels(book, bodies))
    for item in sorted(reading.items_of(review) & set(AT)):
        n, blank = AT[item], np.full(12, np.nan)
        cube = np.array([[known[b.code, y][n] if (b.code, y) in known else blank for y in YEARS] for b in bodies])
        panel.values[item] = cube / 10.0 ** PLACES[n]
    neighbours = [("electricity_kwh", "water_m3"), ("water_m3", "gas_m3"), ("electricity_kwh", "gas_m3"), ("petrol_l", "diesel_l"), ("gas_m3", "petrol_l")]
    return PanelSet("city", panel, review, reading.weights(book, review, YEARS[-1]), neighbours, None,
                    places={i: PLACES[AT[i]] for i in panel.values})


def _review(quantities: Sequence[Judging], stocks: Sequence[Judging]) -> Review:
    return replace(load("cn").reviews["joint@2022"], quantities=tuple(quantities), stocks=tuple(stocks))


def _panel(s: Set, buildings: Sequence[str], kinds: Sequence[str], periods: int, years: int) -> Panel:
    whole = tuple(range(s.year - years + 1, s.year + 1))
    return Panel(whole, periods, np.arange(len(buildings)), list(buildings), list(kinds), ["x"] * len(buildings), grouped(kinds, ["x"] * len(buildings), {}, {}, {}, {}))


def carriers(s: Set, separator: str = "/") -> PanelSet:
    """Series named building/carrier as one institution with several items, no costs; each carrier is its own total."""
    names = [k.rsplit(separator, 1) for k in s.keys]
    buildings, items = sorted({b for b, _ in names}), sorted({c for _, c in names})
    made = _panel(s, buildings, ["all"] * len(buildings), s.values.shape[2] if s.values.ndim == 3 else 1, s.values.shape[1])
    row = {b: n for n, b in enumerate(buildings)}
    cube = s.values if s.values.ndim == 3 else s.values[:, :, None]
    area = np.full(len(buildings), np.nan)
    for item in items:
        made.values[item] = np.full((len(buildings), *cube.shape[1:]), np.nan)
    for n, (b, item) in enumerate(names):
        made.values[item][row[b]] = cube[n]
        area[row[b]] = np.exp(s.sizes[0][n])
    made.values["size"] = np.broadcast_to(area[:, None, None], (len(buildings), *cube.shape[1:])).copy()
    judged = [Judging(i, cell=i, per=("size",)) for i in items]
    pairs = [(a, b) for n, a in enumerate(items) for b in items[n + 1:]]
    return PanelSet(s.name, made, _review(judged, ()), dict.fromkeys(items, 1.0), pairs, sizes=())


def sized(s: Set, area: Array) -> PanelSet:
    """One quantity a year with the floor area reported in each year: (n, years)."""
    made = _panel(s, s.keys, [str(g) for g in s.groups[0]], 1, s.values.shape[1])
    made.values = {"electricity_kwh": s.values[:, :, None].copy(), "area_m2": area[:, :, None].copy()}
    review = _review([Judging("electricity_kwh", cell="electricity_kwh", per=("area_m2",))], [Judging("area_m2")])
    return PanelSet(s.name, made, review, {"electricity_kwh": 1.0}, [], sizes=("area_m2",))


def toronto_area() -> PanelSet:
    """Toronto with the floor area of each of five years."""
    from .reviewsets import _num, _rows

    s = toronto()
    at, area = {k: n for n, k in enumerate(s.keys)}, np.full(s.values.shape, np.nan)
    for r in _rows("toronto-public-2011-2015/toronto_public_2011_2015.csv"):
        if r["operation_name"] in at and s.year - 5 < int(r["year"]) <= s.year:
            area[at[r["operation_name"]], int(r["year"]) - s.year + 4] = np.round(_num(r["floor_area_sf"]))
    return sized(s, area)


PANELS: dict[str, Callable[[], PanelSet]] = {
    "city": city, "yale-items": lambda: carriers(yale()), "cambridge-items": lambda: carriers(cambridge()), "toronto-area": toronto_area}
