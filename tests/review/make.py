"""Panels with known answers for tests of the review."""

from __future__ import annotations

import numpy as np

from jieneng.review.panel import Panel, grouped
from jieneng.rulebook import load
from jieneng.rulebook.reviews import Review

SEASON = np.array([1.2, 0.8, 0.95, 0.85, 0.9, 1.1, 1.3, 1.1, 1.0, 0.85, 0.95, 1.2])
WEIGHTS = {"electricity_kwh": 0.0001229, "water_m3": 1.0, "gas_m3": 0.00133}


def review() -> Review:
    return load("cn").reviews["joint@2022"]


def panel(n: int = 60, seed: int = 7, noise: float = 0.06) -> Panel:
    """``n`` schools in two areas over three years: electricity and cost with a price of 0.58, area, people."""
    dice = np.random.default_rng(seed)
    area = dice.integers(1000, 9000, n).astype(float)
    kwh = np.round((area * 2.2)[:, None, None] * SEASON * np.exp(dice.normal(0, noise, (n, 3, 12))) * np.array([1.0, 1.03, 0.98])[None, :, None])
    price = 0.58 * np.exp(dice.normal(0, 0.01, (n, 3, 12)))
    areas = ["341823" if i % 2 else "341824" for i in range(n)]
    made = Panel((2020, 2021, 2022), 12, np.arange(100, 100 + n), [f"示例{i}" for i in range(n)], areas, ["education"] * n,
                 grouped(areas, ["education"] * n, {"341823": ("泾县", "Jing County")}, {"341823": "341800", "341824": "341800"}, {"education": ("教育事业", "education")}, {}))
    made.values = {"electricity_kwh": kwh, "electricity_cost_yuan": np.round(kwh * price, 2), "area_m2": np.repeat(np.repeat(area[:, None, None], 3, 1), 12, 2),
                   "people": np.repeat(np.repeat(np.round(area[:, None, None] / 12), 3, 1), 12, 2)}
    return made
