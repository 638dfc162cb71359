"""From a panel to findings: each quantity with its cost, each stock, months and year, patterns; then stakes, order and line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jieneng.rulebook.reviews import Judging, Review

from . import changes, errors, exchanged, lining, patterns, sizes, weather
from .errors import BOTH, COPIED, COST, COST_IN, DIGIT, FACTOR, GROSS, SHARE, SWAPPED, Judged, Prior
from .exchanged import Slot, Work
from .expect import Expected
from .forecast import LOCAL, Knobs, levels, logs, monthly, of_year, prices, yearly
from .found import Assessed, Found
from .panel import Panel
from .robust import Array, by_group, median
from .stakes import CERTAIN, score
from .unseen import Rest, keep


class Assessor:
    """One review of one panel. ``weights``: item → tce per unit (or 1 for what is its own cell)."""

    def __init__(self, panel: Panel, review: Review, weights: Mapping[str, float], lower: Callable[[list[Found]], Any] | None = None,
                 others: Callable[[list[Found]], list[Found]] | None = None, stands: Array | None = None, totals: Mapping[tuple[str, str], float] | None = None) -> None:
        """``lower``: lowers the suspicion of what is explained; ``others``: findings of other origin, given those made so far.

        ``stands``: for how many institutions each row stands, where the panel is a sample; ``totals``: cell and area → the total that such a panel does not know.
        """
        self.lower, self.others = lower, others
        self.stands, self.known = np.ones(len(panel)) if stands is None else stands, totals or {}
        self.panel, self.review, self.weights = panel, review, weights
        f, e = review.forecast, review.errors
        self.knobs = Knobs(int(f["least"]), float(f["strength"]), float(f["floor"]), float(f["nu"]), size_bins=int(f["size_classes"]))
        self.prior = Prior(**{k: float(v) for k, v in e.items()})
        self.found: list[Found] = []
        self.rest: dict[str, Rest] = {}
        """Per item, what is not on the list."""
        self.clean: dict[str, Array] = {}
        """Per item, the review year with suggested values where one is all but certain: (n,) sums."""
        self.show = float(review.show)
        self.least = self.show / 50
        """Doubts smaller than ``show`` are listed only where much hangs on them."""
        self.area = np.unique(np.array(panel.areas), return_inverse=True)[1] if len(panel) else np.zeros(0, int)
        self.rough = self._rough()

    def run(self) -> Assessed:
        works = [self.begin(q) for q in self.review.quantities if q.item in self.panel.values and np.nansum(self.panel.of(q.item)) > 0]
        exchanged.of_years(self, works, CERTAIN)
        for work in works:
            self.go_on(work)
        exchanged.of_months(self, works, CERTAIN)
        for work in works:
            self.finish(work)
        stocks = [self.stock(s) for s in self.review.stocks if s.item in self.panel.values and np.nansum(self.panel.of(s.item)) > 0]
        exchanged.of_stocks(self, stocks)
        self._batches()
        if self.others:
            self.found += self.others(self.found)
        if self.lower:
            self.lower(self.found)
        return self.ordered()

    def _batches(self) -> None:
        """A whole area's values that repeat last year's: told once, for the largest institution among them."""
        for q in self.review.quantities:
            values = self.panel.values.get(q.item)
            if values is None or values.shape[1] < 2:
                continue
            rows, share, groups = patterns.batches(values, self.area, self.knobs.least)
            for area in groups:
                members = np.flatnonzero(rows & (self.area == area))
                size = np.nansum(values[members, -1], axis=1)
                head = int(members[size.argmax()])
                self.found = [f for f in self.found if not (f.kind == "copied" and f.item == q.item and f.row in set(members.tolist()))]
                made = Found(head, q.item, "batch", (), float(size.sum()), suspicion=0.99, basis="own-level", peers=len(members), amount=0.05 * float(size.sum()))
                made.ratio = float(share[area])
                made.group = self.panel.area_label(head)
                self.found.append(made)

    def _rough(self) -> dict[str, Array]:
        """Cell → about what each institution's area has in it: the middle of the years, good enough to tell large from small."""
        found: dict[str, Array] = {}
        for q in self.review.quantities:
            if q.item in self.panel.values:
                year = np.nan_to_num(median(np.nansum(self.panel.of(q.item), axis=2)))
                found[q.cell] = found.get(q.cell, np.zeros(len(self.panel))) + self.weights.get(q.item, 1.0) * year
        return {cell: self._of_area(cell, v)[self.area] for cell, v in found.items()}

    def _of_area(self, cell: str, values: Array) -> Array:
        """A cell's total by area: what the rows stand for, or what is known of the area where the rows are a sample of it."""
        areas = sorted(set(self.panel.areas))
        made: Array = np.bincount(self.area, values * self.stands, len(areas))
        return np.array([max(v, self.known.get((cell, a), 0.0)) for v, a in zip(made, areas, strict=True)]) if self.known else made

    def _matters(self, q: Judging, judged: Judged, per: int) -> Array:
        """The cells that become findings: doubtful enough, or a little doubtful with half the line hanging on them."""
        size = self.weights.get(q.item, 1.0) * np.sqrt(judged.square / np.maximum(judged.suspicion, 1e-12))
        large = size >= 0.4 * float(self.review.line) * self.rough[q.cell][judged.rows // per]
        found: Array = (judged.suspicion >= self.show) | ((judged.suspicion >= self.least) & large)
        return found

    def sizes(self, q: Judging) -> list[Array]:
        """ln of the sizes by which peers are compared: the last value known."""
        found = []
        for item in q.per:
            values = self.panel.of(item).reshape(len(self.panel), -1)
            found.append(logs(median(values[:, -12:] if self.panel.periods == 12 else values[:, -1:])))
        return found

    def heated(self, q: Judging, values: Array) -> Array:
        """The values with earlier years moved to this year's cold, where temperatures are loaded and the item heats."""
        return weather.moved(values, self.panel.hdd, float(q.heating))

    # -- quantities ---------------------------------------------------------------------------------------------------

    def begin(self, q: Judging) -> Work:
        """The year first, by its middle months; what is wrong in all of it is put right before single months are looked at."""
        values, costs = self.panel.of(q.item).copy(), self.panel.of(q.beside).copy() if q.beside else None
        price = prices(values, costs, self.panel.groups, self.knobs, self.panel.prices.get(q.item)) if costs is not None and np.nansum(costs) > 0 else None
        work = Work(q, values, costs if price is not None else None, price)
        work.rest.append(self._year(work))
        return work

    def go_on(self, work: Work) -> None:
        """The months of a year that is put right."""
        q, values, costs, price = work.judging, work.values, work.costs, work.price
        work.clean = values[:, -1]
        if self.panel.periods == 12:
            expected = monthly(self.heated(q, values), self.panel.groups, self.sizes(q), self.knobs)
            judged = self._judge(values, costs, expected, price, q)
            wanted = self._matters(q, judged, 12)
            work.months = Slot(q, values[:, -1], costs[:, -1] if costs is not None else None, expected, price, judged)
            work.clean = self._months(q, values, costs, price, expected, judged, wanted)
            work.rest.append(keep(values[:, -1], expected, self.prior, judged, wanted))
            self.found += changes.left_out(q, values, expected)
            self._same(q, values, expected)

    def finish(self, work: Work) -> None:
        """What is known of a quantity once its months are: what is on no list, its changes and its level."""
        q = work.judging
        self.rest[q.item] = Rest.of(work.rest)
        self.clean[q.item] = np.nansum(work.clean, axis=1)
        self.found += changes.told(self, q)
        self._level(q, self.clean[q.item])

    def _judge(self, values: Array, costs: Array | None, expected: Expected, price: Expected | None, q: Judging) -> Judged:
        now = values[:, -1]
        same, usual = patterns.copied(values) if values.shape[1] > 1 else (None, None)
        return errors.judge(now, expected, self.prior, cost=costs[:, -1] if costs is not None else None, price=price, factors={n: float(f) for n, (f, _) in q.units.items()},
                            copied=same, usual=0.001 if usual is None else usual, step=patterns.step_of(now))

    def _months(self, q: Judging, values: Array, costs: Array | None, price: Expected | None, expected: Expected, judged: Judged, wanted: Array) -> Array:
        """Months in doubt, those of one kind told together. Returns the months with suggested values where one is all but certain."""
        now = values[:, -1]
        clean = now.copy()
        mu, scale, _basis = expected.best()
        with np.errstate(invalid="ignore"):
            double = patterns.twice(now, mu, scale)
            runs = patterns.repeats(values)
        many: dict[tuple[int, str, str, str, bool], list[int]] = {}
        for k in np.flatnonzero(wanted):
            row, month = divmod(int(judged.rows[k]), 12)
            kind, name, where = str(judged.kind[k]), str(judged.name[k]), str(judged.field[k])
            if kind == SHARE and where != COST and runs[row, month]:
                kind, name, where = "repeated", "", "quantity"
            elif kind == SHARE and where != COST and double[row, month]:
                kind = "twice"
            many.setdefault((row, kind, name, where, bool(judged.suspicion[k] >= self.show)), []).append(int(k))
            if judged.suspicion[k] > CERTAIN and where != COST:
                clean[row, month] = judged.suggested[k]
        for (row, kind, name, where, _), ks in many.items():
            at = [int(judged.rows[k]) % 12 for k in ks]
            self._add(q, row, kind, name, where, at, judged, ks, values, costs, price, expected)
        return clean

    def _add(self, q: Judging, row: int, kind: str, name: str, where: str, at: list[int], judged: Judged, ks: list[int], values: Array,
             costs: Array | None, price: Expected | None, expected: Expected) -> None:
        """One finding of the cells ``ks`` of one institution, which are the periods ``at`` of the last year of ``values``."""
        mu, scale, basis = (table[row, at] for table in expected.best())
        spans, on_cost = 2.5 * np.minimum(scale, 1.0), where == COST
        meant, source = np.exp(mu), values[:, -1]
        if on_cost:
            assert costs is not None and price is not None
            centre, wide, ground = price.best()
            meant, source, spans = source[row, at] * np.exp(centre[row, at]), costs[:, -1], 2.5 * wide[row, at]
        keep = 1 - np.prod(1 - np.clip(judged.suspicion[ks], 0, 1 - 1e-12))
        months = tuple(int(m) + 1 for m in at) if source.shape[1] == 12 else ()
        made = Found(row, q.beside if on_cost else q.item, "cost" if on_cost else kind, months, float(source[row, at].sum()), float(np.nansum(meant)),
                     float(np.nansum(meant * np.exp(-spans))), float(np.nansum(meant * np.exp(spans))), float(keep), name, where,
                     expected.parts[int(basis[0])].basis if basis[0] >= 0 else "", int(expected.level[row, at[0]]), int(expected.size[row, at[0]]),
                     float((costs if on_cost and costs is not None else values)[row, -2, at].sum()) if values.shape[1] > 1 else float("nan"), q.item if on_cost else q.beside)
        made.single = [(m, float(source[row, m - 1]), float(v), float(v * np.exp(-s)), float(v * np.exp(s))) for m, v, s in zip(months, meant, spans, strict=True)] if months else []
        if on_cost and price is not None:
            made.basis, made.level, made.peers = price.parts[int(ground[row, at[0]])].basis, int(price.level[row, at[0]]), int(price.size[row, at[0]])
            made.group = self.panel.prices[q.item].titles[row] if made.basis == LOCAL else None
        if not on_cost and q.heating and self.panel.hdd is not None and values.shape[1] > 1:
            now, then = (float(self.panel.hdd[row, t, at if months else slice(None)].sum()) for t in (-1, -2))
            if np.isfinite(now + then) and then > 0:
                made.degrees = then, now, self.panel.stations[row]
        for k, m in zip(ks, at, strict=True):
            number = m + 1 if months else 0
            if kind in (FACTOR, DIGIT, SWAPPED, COST_IN) and not on_cost:
                made.suggested.append((number, q.item, float(judged.suggested[k])))
            if on_cost or (where == BOTH and kind in (FACTOR, SWAPPED)):
                made.suggested.append((number, q.beside, float(judged.suggested_cost[k])))
        if on_cost:
            made.amount = float(judged.cost_error[ks].sum())
        else:
            made.mean, made.square, made.amount = float(judged.error[ks].sum()), float(judged.square[ks].sum()), float(judged.absolute[ks].sum())
        self.found.append(made)

    def _same(self, q: Judging, values: Array, expected: Expected) -> None:
        """A run of equal months; most of a year equal to the year before: told once, with all its months."""
        mu, scale, basis = expected.best()
        now = values[:, -1]
        tables = [("repeated", patterns.flat(values), 0.9)]
        if values.shape[1] > 1:
            tables.append(("copied", patterns.copied_year(values), 0.98))
        for kind, table, suspicion in tables:
            for row in np.flatnonzero(table.any(axis=1)):
                at = np.flatnonzero(table[row])
                self.found = [f for f in self.found if not (f.row == row and f.item == q.item and f.kind in ("repeated", "copied", SHARE, "twice"))]
                meant = np.exp(mu[row, at])
                off = np.nan_to_num(np.abs(now[row, at] - meant))
                total = float(np.nansum(meant))
                b = int(basis[row, at[0]])
                self.found.append(Found(
                    int(row), q.item, kind, tuple(int(m) + 1 for m in at), float(now[row, at].sum()), total, float(np.nansum(meant * np.exp(-2.5 * scale[row, at]))),
                    float(np.nansum(meant * np.exp(2.5 * scale[row, at]))), suspicion, basis=expected.parts[b].basis if b >= 0 else "",
                    level=int(expected.level[row, at[0]]), peers=int(expected.size[row, at[0]]), other=q.beside, square=float((off**2).sum()),
                    amount=max(float(off.sum()), 0.05 * total)))

    # -- the year -----------------------------------------------------------------------------------------------------

    def _year(self, work: Work) -> Rest:
        """The year against earlier years. What is wrong in all its months is put right in ``values`` and ``costs``. Returns the rest."""
        q, values, costs, price = work.judging, work.values, work.costs, work.price
        history = self.heated(q, values)
        sums = levels(history) if self.panel.periods == 12 else history[:, :, 0]
        expected = yearly(sums, self.panel.groups, self.sizes(q), self.knobs)
        paid, usual = None, None
        if price is not None and costs is not None:
            z = median(logs(costs) - logs(values), 2)
            paid, usual = (sums * np.exp(z))[:, :, None], of_year(price)
        judged = self._judge(sums[:, :, None], paid, expected, usual, q)
        work.year = Slot(q, sums[:, -1:], paid[:, -1] if paid is not None else None, expected, usual, judged)
        wanted = self._matters(q, judged, 1)
        by_month = (judged.kind == COPIED) & (self.panel.periods == 12)  # copies are told by the month
        rest = keep(sums[:, -1:], expected, self.prior, judged, wanted | by_month)
        wanted &= ~by_month
        for k in np.flatnonzero(wanted):
            row, kind, name, where = int(judged.rows[k]), str(judged.kind[k]), str(judged.name[k]), str(judged.field[k])
            self._add(q, row, kind, name, where, [0], judged, [int(k)], sums[:, :, None], paid, usual, expected)
            self._as_reported(self.found[-1], values if where != COST or costs is None else costs)
            if judged.suspicion[k] > CERTAIN and costs is not None and kind == SWAPPED:
                values[row, -1], costs[row, -1] = costs[row, -1].copy(), values[row, -1].copy()
            elif judged.suspicion[k] > CERTAIN:
                if where != COST and np.isfinite(judged.suggested[k]):
                    values[row, -1] *= judged.suggested[k] / sums[row, -1]
                if costs is not None and paid is not None and where != "quantity" and np.isfinite(judged.suggested_cost[k]):
                    costs[row, -1] *= judged.suggested_cost[k] / paid[row, -1, 0]
        return rest

    def _as_reported(self, f: Found, values: Array) -> None:
        """A whole year is judged by most of its months; what is said are the sums people can add up, where the two agree within a tenth."""
        months = values[f.row, -1]
        total = float(np.nansum(months)) if np.isfinite(months).any() else float("nan")
        if values.shape[1] > 1 and np.isfinite(values[f.row, -2]).any():
            f.before = float(np.nansum(values[f.row, -2]))
        if not (total > 0 and f.found > 0) or self.panel.periods == 1:
            return
        if abs(total / f.found - 1) > 0.1:
            f.together = total
            return
        f.suggested = [(m, item, v * total / f.found) if item == f.item else (m, item, v) for m, item, v in f.suggested]
        f.found = total

    def _level(self, q: Judging, total: Array) -> None:
        """Unlike its peers though like its own past: per m² or person, more than 4.5 robust spreads out (ln scale)."""
        size = next(iter(self.sizes(q)), None)
        if size is None:
            return
        per = logs(total) - size
        middle, level, n = by_group(per, self.panel.groups, self.knobs.least)
        wide, _, _ = by_group(np.abs(per - middle), self.panel.groups, self.knobs.least)
        told = {f.row for f in self.found if f.item in (q.item, *q.per) and f.kind != "missing"}
        with np.errstate(invalid="ignore"):
            far = np.abs(per - middle) > np.maximum(4.5 * 1.4826 * wide, np.log(3))
        for row in np.flatnonzero(far & (n >= self.knobs.least) & (level <= 1)):
            if int(row) in told:
                continue
            self.found.append(Found(int(row), q.item, "level", (), float(np.exp(per[row])), float(np.exp(middle[row])), suspicion=self.show, basis="peers",
                                    level=int(level[row]), peers=int(n[row]), other=q.per[0], amount=0.02 * float(total[row])))

    # -- stocks -------------------------------------------------------------------------------------------------------

    def stock(self, s: Judging) -> Slot:
        """Floor area, people, vehicles …: a value a year, its middle month; months unlike it; the pair in each other's box."""
        values = self.panel.of(s.item)
        year = median(values, 2)
        expected = yearly(year, self.panel.groups, [], self.knobs)
        for part in expected.parts:
            part.scale = np.maximum(part.scale, 0.06)  # a tenth more or less is the form's own check
        pair, ratio = None, None
        if s.beside and np.nansum(self.panel.of(s.beside)) > 0:
            pair = median(self.panel.of(s.beside), 2)[:, :, None]
            ratio = prices(year[:, :, None], pair, self.panel.groups, self.knobs)
            for part in ratio.parts:
                part.scale = np.maximum(part.scale, 0.1)
        judged = self._judge(year[:, :, None], pair, expected, ratio, s)
        mu = expected.best()[0]
        with np.errstate(invalid="ignore"):
            unchanged = np.abs(logs(year[:, -1:]) - mu).ravel()[judged.rows] < 0.09
        for k in np.flatnonzero((judged.suspicion >= self.show) & (judged.field != COST) & (judged.kind != COPIED) & ~unchanged):
            kind = str(judged.kind[k])
            self._add(s, int(judged.rows[k]), kind, str(judged.name[k]), str(judged.field[k]), [0], judged, [int(k)], year[:, :, None], pair, ratio, expected)
            made = self.found[-1]
            if kind in (SHARE, GROSS, FACTOR, DIGIT):
                made.kind = "change"
            if kind in (FACTOR, DIGIT) and made.suggested and made.before > 0 and abs(made.suggested[0][2] / made.before - 1) < 0.03:
                made.suggested = [(0, s.item, made.before)]  # sizes mostly stay what they were
        self.found += sizes.months(self, s, values, year, mu)
        self.clean[s.item] = np.where(np.isfinite(mu[:, 0]), np.exp(mu[:, 0]), year[:, -1])
        return Slot(s, year[:, -1:], pair[:, -1] if pair is not None else None, expected, ratio, judged)

    # -- stakes -------------------------------------------------------------------------------------------------------

    def ordered(self) -> Assessed:
        """Shares of the cells, the order, and the line."""
        cells = {q.item: q.cell for q in self.review.quantities}
        areas, area = sorted(set(self.panel.areas)), self.area
        fine = self.panel.groups[0] if self.panel.levels else np.zeros(len(self.panel), int)
        names = sorted({cells[i] for i in self.rest})
        per_row = {c: np.zeros(len(self.panel)) for c in names}
        for item in self.rest:
            per_row[cells[item]] += self.weights.get(item, 1.0) * np.nan_to_num(self.clean[item])
        totals = np.concatenate([self._of_area(c, per_row[c]) for c in names]) if names else np.zeros(0)
        fine_totals = {c: np.bincount(fine, v * self.stands) for c, v in per_row.items()}
        energy = per_row.get("energy_tce", np.zeros(len(self.panel))) * self.stands
        told = {(f.row, f.item) for f in self.found if f.kind != "level"}
        per = {q.item: q.per for q in self.review.quantities}
        self.found = [f for f in self.found if f.kind != "level" or not any((f.row, i) in told for i in (f.item, *per[f.item]))]
        power = float(self.review.forecast["weight_of_stakes"])
        for f in self.found:
            self._stake(f, cells, fine, fine_totals, energy)
            f.score = float(score(f.suspicion, f.share, power))
        self.found.sort(key=lambda f: (-f.score, f.row, f.item, f.months))

        def place(item: str, row: Any) -> Any:
            return names.index(cells[item]) * len(areas) + area[row]

        listed, line = lining.draw(self, totals, place)
        return Assessed(listed, line, [(c, a) for c in names for a in areas], totals)

    def size(self, f: Found) -> float:
        """How far the total would be off if the finding is right, signed."""
        size = (f.square / max(f.suspicion, 1e-9)) ** 0.5 if f.square > 0 else f.amount
        return float(self.weights.get(f.item, 1.0) * np.copysign(size, f.mean or 1.0))

    def _stake(self, f: Found, cells: Mapping[str, str], fine: Array, fine_totals: Mapping[str, Array], energy: Array) -> None:
        """tce (or m³, yuan) at stake and its share of the cell. A stock moves an indicator: the energy it divides stands for it."""
        if f.item in cells:
            w, cell = self.weights.get(f.item, 1.0), cells[f.item]
            total = float(fine_totals[cell][fine[f.row]]) if cell in fine_totals else 0.0
            f.share = min(1.0, w * f.amount / total) if total > 0 else 0.0
            f.tce = w * f.amount if cell == "energy_tce" else 0.0
            return
        same = fine == fine[f.row]
        if f.item in self.clean:
            total = float(np.nansum((self.clean[f.item] * self.stands)[same]))
        else:
            total = float(np.nansum((self.panel.of(f.item)[:, -1] * self.stands[:, None])[same]))
        f.share = min(1.0, f.amount / total) if total > 0 else 0.0
        if f.item in ("area_m2", "people"):
            f.tce = f.share * float(energy[same].sum())
