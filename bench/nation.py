"""A made-up nation: institutions, where they stand, and what they answered for two years. Seeded: the same seed, the same nation.

Provinces carry their real codes; the cities and counties under them are counted up in the same scheme (no name or figure
of a real institution is used). Types, sizes and seasons are roughly those of public institutions. Planted: cells left
open, months not filed, zeros, mistakes of a factor of 10,000 (万kWh), a hundredth of the institutions moving in mid-year.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

YEARS = (2021, 2022)
EDITIONS = {2021: "2019", 2022: "2022"}
ITEMS = ["area_m2", "people", "authorised_staff", "electricity_kwh", "electricity_cost_yuan", "water_m3", "water_cost_yuan", "coal_t", "gas_m3",
         "gas_cost_yuan", "petrol_l", "diesel_l", "heat_gj", "other_energy_tce"]
PROVINCES = (11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65)
CITIES, COUNTIES = 11, 9
NORTH = frozenset((11, 12, 13, 14, 15, 21, 22, 23, 37, 41, 61, 62, 63, 64, 65))
TYPES = ("organ", "education", "science", "culture", "health", "sports", "other_service", "social_group")
SHARES = (0.31, 0.42, 0.01, 0.04, 0.12, 0.01, 0.07, 0.02)
AREA = (2_500, 6_000, 4_000, 2_000, 7_000, 5_000, 1_800, 900)
KWH = (5.0, 2.2, 6.0, 4.0, 9.0, 5.0, 4.0, 3.5)
"""Per type: median floor area in m², and kWh per m² and month."""
DEPARTMENTS = ("教育局", "卫生健康委", "公安局", "财政局", "文化和旅游局", "")
SEASON = np.array([1.15, 0.75, 0.95, 0.85, 0.9, 1.1, 1.25, 1.05, 1.0, 0.85, 0.95, 1.2])
UNIT = 10_000
"""Values are whole ten-thousandths, so that nothing here is rounded."""
PLACES = pa.array([f".{n:04}".rstrip("0").rstrip(".") for n in range(UNIT)])


def counties() -> list[str]:
    """The codes of all counties, in order."""
    return [f"{p}{c:02}{k:02}" for p in PROVINCES for c in range(1, CITIES + 1) for k in range(1, COUNTIES + 1)]


def path(county: str) -> str:
    """The line along which a county's returns go up."""
    return f"/100000/{county[:2]}0000/{county[:4]}00/{county}/"


@dataclass(frozen=True)
class Span:
    """Some institutions (numbered from ``first``, from 1) with all they answered. ``values``: item → [institution, month]."""

    first: int
    county: np.ndarray
    type: np.ndarray
    department: np.ndarray
    moved: np.ndarray
    filed: np.ndarray
    values: dict[str, np.ndarray]
    answered: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.county)

    def standings(self) -> Iterator[tuple[int, str, str, str, str]]:
        """Institution, since, county, department, type; those that moved have a second one since July 2022."""
        names = counties()
        for n in range(len(self)):
            place = int(self.county[n])
            who = (DEPARTMENTS[self.department[n]], TYPES[self.type[n]])
            yield self.first + n, "2019-01-01", names[place], *who
            if self.moved[n]:
                yield self.first + n, "2022-07-01", names[(place + 1) % len(names)], *who

    def answers(self, year: int) -> tuple[np.ndarray, np.ndarray, pa.Array]:
        """Institution, month and answers of the returns filed in a year, in order; the answers as the record store keeps them."""
        columns = slice(12 * (year - YEARS[0]), 12 * (year - YEARS[0]) + 12)
        filed = self.filed[:, columns]
        institution, month = np.nonzero(filed)
        parts: list[Any] = []
        for n, item in enumerate(ITEMS):
            whole, rest = np.divmod(self.values[item][:, columns][filed], UNIT)
            text = pc.binary_join_element_wise('"', pa.array(whole).cast(pa.string()), PLACES.take(pa.array(rest)), '"', "")
            parts += [f'{"{" if not n else ", "}"{item}": ', pc.if_else(pa.array(self.answered[item][:, columns][filed]), text, "null")]
        return institution + self.first, month + 1, pc.binary_join_element_wise(*parts, "}", "")


def spans(institutions: int, seed: int, size: int = 5_000) -> Iterator[Span]:
    """The whole nation, a span at a time: memory does not grow with it."""
    for first in range(0, institutions, size):
        yield span(first + 1, min(size, institutions - first), seed)


def span(first: int, n: int, seed: int) -> Span:
    """The institutions ``first`` … ``first + n − 1``."""
    dice = np.random.default_rng([seed, first])
    months = 12 * len(YEARS)
    county = dice.integers(0, len(counties()), n)
    kind = dice.choice(len(TYPES), n, p=SHARES)
    north = np.array([p in NORTH for p in PROVINCES])[county // (CITIES * COUNTIES)]
    area = np.round(np.array(AREA)[kind] * np.exp(dice.normal(0, 0.9, n)), 1) + 20
    people = np.maximum(3, np.round(area / 25 * np.exp(dice.normal(0, 0.4, n))))
    season = np.tile(SEASON, len(YEARS))[None, :] * np.exp(dice.normal(0, 0.12, (n, months)))

    def fixed(values: np.ndarray, places: int) -> np.ndarray:
        """Rounded to some places, in ten-thousandths."""
        return np.round(values * 10**places).astype(np.int64) * 10 ** (4 - places)

    grown = np.where(np.arange(months) >= 12, np.where(dice.random(n) < 0.06, 1.3, 1.0)[:, None], 1.0)
    kwh = fixed((area * np.array(KWH)[kind])[:, None] * season, 0)
    kwh = np.where(dice.random((n, months)) < 0.0004, kwh * UNIT // 10, kwh)
    water = fixed(people[:, None] * 1.6 * season, 0)
    gas = fixed(np.where(dice.random(n) < 0.25, area * 0.25, 0)[:, None] * season, 1)
    heat = fixed((np.where(north, area * 0.06, 0)[:, None] * season)
                 * np.isin(np.arange(months) % 12, (0, 1, 2, 10, 11))[None, :], 2)
    values = {
        "area_m2": fixed(area[:, None] * grown, 2), "people": fixed(people[:, None] * np.exp(dice.normal(0, 0.01, (n, months))), 0),
        "authorised_staff": fixed(np.ceil(people * 0.6)[:, None] * np.ones((1, months)), 0),
        "electricity_kwh": kwh, "electricity_cost_yuan": fixed(kwh / UNIT * 0.58, 2),
        "water_m3": water, "water_cost_yuan": fixed(water / UNIT * 2.94, 2),
        "coal_t": fixed(np.where(north & (dice.random(n) < 0.03), area * 0.001, 0)[:, None] * season, 3),
        "gas_m3": gas, "gas_cost_yuan": fixed(gas / UNIT * 3.2, 2),
        "petrol_l": fixed(np.where(dice.random(n) < 0.4, people * 2, 0)[:, None] * season, 2),
        "diesel_l": fixed(np.where(dice.random(n) < 0.08, people * 1.1, 0)[:, None] * season, 2),
        "heat_gj": heat, "other_energy_tce": fixed(np.where(dice.random(n) < 0.01, 0.3, 0)[:, None] * season, 4),
    }
    values["electricity_cost_yuan"] = np.where(dice.random((n, months)) < 0.003, 0, values["electricity_cost_yuan"])
    filed = dice.random((n, months)) >= 0.004
    filed &= (dice.random(n) >= 0.002)[:, None]
    answered = {item: dice.random((n, months)) >= 0.02 for item in ITEMS}
    answered["other_energy_tce"] &= (dice.random(n) >= 0.1)[:, None]
    return Span(first, county, kind, dice.integers(0, len(DEPARTMENTS), n), dice.random(n) < 0.01, filed, values, answered)
