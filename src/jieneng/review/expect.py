"""What a value should be, before it is looked at: a mixture of forecasts on the log scale, each with its own spread.

Every forecast is one way of knowing: own level and season with the peers' change, the same month last year, the own
long-run level, the peers' median per m² or per person. A value is as likely as the mixture says; it is suspicious only if
none of the ways explains it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .robust import Array

LAST_YEAR, OWN_LEVEL, OWN_YEAR, PEERS, BETWEEN = "last-year", "own-level", "own-year", "peers", "between"


@dataclass
class Forecast:
    """One way of knowing, for each institution and period: centre and spread of ln(value), and its weight."""

    basis: str
    mu: Array
    scale: Array
    weight: float | Array


@dataclass
class Expected:
    """The mixture for all cells (n, periods) of one item. Degrees of freedom ``nu`` of the Student distribution."""

    parts: list[Forecast]
    nu: float = 4.0
    level: Array = field(default_factory=lambda: np.zeros(0))
    """How wide the group had to be (level of ``by_group``), and how many it holds."""
    size: Array = field(default_factory=lambda: np.zeros(0))
    _best: tuple[Array, Array, Array] | None = None
    _known: list[tuple[Array, Array, Array]] | None = None

    def density(self, logs: Array, rows: Array | None = None) -> Array:
        """ln p of ln(value); ``rows`` picks flat cells: logs then has shape (cells,). What is known is sorted
        out once: asked for by every hypothesis."""
        if rows is not None:
            return self.at(rows).density(logs)
        self._known = known = self._known or self._sorted_out()
        total, every = np.zeros(logs.shape), np.zeros(logs.shape)
        for mu, scale, weight in known:
            total = total + weight * student((logs - mu) / scale, self.nu) / scale
            every = every + weight
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Array = np.log(total / every)
        return found

    def _sorted_out(self) -> list[tuple[Array, Array, Array]]:
        """Centre, spread and weight of each forecast; weight 0 where it is not known."""
        found = []
        for part in self.parts:
            there = np.isfinite(part.mu) & np.isfinite(part.scale)
            found.append((np.where(there, part.mu, 0.0), np.where(there, part.scale, 1.0), np.where(there, part.weight, 0.0)))
        return found

    def mass(self, y: Array, reach: float) -> Array:
        """P(ln x within ``reach`` of ``y``), cell by cell, by the distribution function of t with three degrees of freedom."""
        total = known = np.zeros(y.shape)
        for p in self.parts:
            w = np.where(np.isfinite(p.mu) & np.isfinite(p.scale), p.weight, 0.0)
            total = total + np.nan_to_num(w * (below((y + reach - p.mu) / p.scale) - below((y - reach - p.mu) / p.scale)))
            known = known + w
        return np.divide(total, known, out=np.zeros(total.shape), where=known > 0)

    def at(self, rows: Array) -> Expected:
        """The same for some flat cells only, as columns (cells,)."""
        parts = [Forecast(p.basis, p.mu.ravel()[rows], p.scale.ravel()[rows],
                          np.broadcast_to(p.weight, p.mu.shape).ravel()[rows] if isinstance(p.weight, np.ndarray) else p.weight) for p in self.parts]
        return Expected(parts, self.nu, np.zeros(0), np.zeros(0))

    def best(self) -> tuple[Array, Array, Array]:
        """Centre, spread and number of the basis that leads: the first in order that is known. Made once: asked for by every finding."""
        if self._best is None:
            self._best = self._lead()
        return self._best

    def _lead(self) -> tuple[Array, Array, Array]:
        mu, scale = np.full(self.parts[0].mu.shape, np.nan), np.full(self.parts[0].mu.shape, np.nan)
        basis = np.full(mu.shape, -1)
        for n, part in enumerate(self.parts):
            fill = np.isnan(mu) & np.isfinite(part.mu) & np.isfinite(part.scale)
            mu, scale = np.where(fill, part.mu, mu), np.where(fill, part.scale, scale)
            basis = np.where(fill, n, basis)
        return mu, scale, basis


def student(z: Array, nu: float) -> Array:
    """Density of Student's t with ``nu`` degrees of freedom, unit scale."""
    from math import gamma, pi, sqrt

    c = gamma((nu + 1) / 2) / (sqrt(nu * pi) * gamma(nu / 2))
    wide = 1 + z * z / nu
    p: Array = c / (wide * wide) if nu == 3 else c * wide ** (-(nu + 1) / 2)  # the rulebook's three degrees: no power to take
    return p


def below(z: Array) -> Array:
    """P(T ≤ z) for Student's t with three degrees of freedom."""
    u = z / np.sqrt(3)
    p: Array = 0.5 + (u / (1 + u * u) + np.arctan(u)) / np.pi
    return p


def shrunk(own: Array, n: Array, group: Array, strength: float, floor: float) -> Array:
    """Own spread pulled to that of its like: √((n·own² + k·group²)/(n + k)), never below ``floor``."""
    own = np.where(np.isfinite(own), own, 0.0)
    n = np.where(np.isfinite(own), n, 0)
    both: Array = np.sqrt((n * own**2 + strength * group**2) / (n + strength))
    return np.maximum(both, floor)
