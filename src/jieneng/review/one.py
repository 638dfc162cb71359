"""One return while it is typed: the same forecasts and hypotheses as for the whole round, made ready once, asked in milliseconds."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jieneng.rulebook.reviews import Judging, Review
from jieneng.rulebook.types import Book

from . import errors, exchanged, patterns
from .assess import Assessor
from .expect import OWN_YEAR, Expected, Forecast
from .forecast import levels, monthly, prices, yearly
from .found import Found
from .panel import Panel
from .robust import Array
from .wording import Said, Speaker


@dataclass
class _Item:
    """What is known of an item before the return is typed."""

    judging: Judging
    expected: Expected
    price: Expected | None
    before: Array | None
    usual: Array | None
    step: float


@dataclass
class Ready:
    """A round made ready: the forecasts of every institution and month. Pure; as good as the panel it was made from."""

    panel: Panel
    review: Review
    assessor: Assessor
    items: list[_Item] = field(default_factory=list)

    def row(self, institution: int) -> int | None:
        """The row of an institution; None where it is not in the panel."""
        at = np.flatnonzero(self.panel.ids == institution)
        return int(at[0]) if len(at) else None


def ready(panel: Panel, review: Review, weights: Mapping[str, float]) -> Ready:
    """Make a round ready (some seconds for a city). The last year of the panel is the one being typed; what is there may be partial."""
    assessor = Assessor(panel, review, weights)
    made = Ready(panel, review, assessor)
    for q in review.quantities:
        values = panel.values.get(q.item)
        if values is None or not np.nansum(values) > 0:
            continue
        costs = panel.of(q.beside) if q.beside else None
        price = prices(values, costs, panel.groups, assessor.knobs, panel.prices.get(q.item)) if costs is not None and np.nansum(costs) > 0 else None
        if panel.periods == 12:
            expected = _with_years_before(monthly(assessor.heated(q, values), panel.groups, assessor.sizes(q), assessor.knobs), values, panel, assessor)
        else:
            expected = yearly(assessor.heated(q, values)[:, :, 0], panel.groups, assessor.sizes(q), assessor.knobs)
        usual = patterns.copied(values)[1] if values.shape[1] > 1 else None
        made.items.append(_Item(q, expected, price, values[:, -2] if values.shape[1] > 1 else None, usual, patterns.step_of(values[:, -1])))
    return made


def _with_years_before(expected: Expected, values: Array, panel: Panel, assessor: Assessor) -> Expected:
    """Early in the year there is no level of this year to go by: the months of last year stand in."""
    if values.shape[1] < 2:
        return expected
    earlier = monthly(values[:, :-1], panel.groups, [], assessor.knobs)
    lead, known = _own_year(expected), np.sum(np.isfinite(values[:, -1]), axis=1) >= 3
    drift = levels(values[:, -2:])
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.where(known, np.nan_to_num(np.log(drift[:, -1] / drift[:, -2])), 0.0)
    mu = np.where(np.isfinite(lead.mu) & known[:, None], lead.mu, _own_year(earlier).mu + moved[:, None])
    scale = np.where(np.isfinite(lead.scale), lead.scale, _own_year(earlier).scale * 1.5)
    return Expected([Forecast(p.basis, mu, scale, p.weight) if p is lead else p for p in expected.parts], expected.nu, expected.level, expected.size)


def _own_year(expected: Expected) -> Forecast:
    return next(p for p in expected.parts if p.basis == OWN_YEAR)


def one(made: Ready, institution: int, month: int, answers: Mapping[str, Any]) -> list[Found]:
    """What the review says of one return: ``month`` 1–12 (0 for an annual one), answers item → number or None. Under 50 ms."""
    row = made.row(institution)
    if row is None:
        return []
    period = max(month - 1, 0)
    cell = np.array([row * made.panel.periods + period])
    found: list[Found] = []
    slots: list[exchanged.Slot] = []
    for item in made.items:
        q = item.judging
        value, cost = (answers.get(name) for name in (q.item, q.beside))
        if value is None:
            continue
        now = np.array([[float(value)]])
        spent = np.array([[float(cost)]]) if cost is not None and item.price is not None else None
        expected, price = _cell(item.expected, cell), _cell(item.price, cell) if item.price and spent is not None else None
        before = item.before.ravel()[cell] if item.before is not None else np.array([np.nan])
        same = (now == before[:, None]) & (now > 0)
        judged = errors.judge(now, expected, made.assessor.prior, cost=spent, price=price, factors={n: float(f) for n, (f, _) in q.units.items()}, copied=same,
                              usual=item.usual[row:row + 1] if item.usual is not None else 0.001, step=item.step)
        slots.append(exchanged.Slot(q, now, spent, expected, price, judged))
        if not len(judged.rows) or judged.suspicion[0] < made.assessor.show:
            continue
        found.append(_found(made, row, month, q, now, spent, before, judged, expected, price))
    return _exchanged(made, row, month, slots, found)


def _exchanged(made: Ready, row: int, month: int, slots: list[exchanged.Slot], found: list[Found]) -> list[Found]:
    """Two items in each other's rows are one finding, in the place of what is said of each."""
    pairs = exchanged.find(slots, made.assessor.prior, made.assessor.show)
    if not pairs:
        return found
    helper = copy.copy(made.assessor)
    helper.found = found
    for f in (told := exchanged.told(helper, slots, pairs, [np.full((1, 1), np.nan)] * len(slots), False)):
        f.row, f.months, f.suggested = row, (month,) if month else (), [(month, item, v) for _, item, v in f.suggested]
    exchanged.replace(helper, told, slots)
    return helper.found


def _cell(e: Expected, cell: Array) -> Expected:
    made = e.at(cell)
    for part in made.parts:
        part.mu, part.scale = part.mu[:, None], part.scale[:, None]
        if isinstance(part.weight, np.ndarray):
            part.weight = part.weight[:, None]
    made.level, made.size = e.level.ravel()[cell][:, None] if e.level.size > cell[0] else np.array([[-1]]), e.size.ravel()[cell][:, None] if e.size.size > cell[0] else np.array([[0]])
    return made


def _found(made: Ready, row: int, month: int, q: Judging, now: Array, spent: Array | None, before: Array, judged: Any, expected: Expected, price: Expected | None) -> Found:
    """The finding of one cell, by the same words as those of a round."""
    helper = copy.copy(made.assessor)
    helper.found = []
    values = np.stack([before[:, None], now], axis=1)
    costs = np.stack([np.full((1, 1), np.nan), spent], axis=1) if spent is not None else None
    helper._add(q, 0, str(judged.kind[0]), str(judged.name[0]), str(judged.field[0]), [0], judged, [0], values, costs, price, expected)
    f = helper.found[0]
    f.row, f.months = row, (month,) if month else ()
    f.suggested = [(month, item, v) for _, item, v in f.suggested]
    return f


def say(book: Book, made: Ready, found: list[Found]) -> list[Said]:
    """The findings in words."""
    speaker = Speaker(book, made.review, made.panel)
    return [s for s in (speaker.say(f) for f in found) if s is not None]
