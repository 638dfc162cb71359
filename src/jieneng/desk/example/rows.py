"""The answers as an export prints them: one row per body and month, with what was typed wrong in its cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from .answers import Answers
from .city import Body, City
from .items import AT, ITEMS, PLACES, asked
from .planted import Mark, Planted

Cell = int | float | str | None
"""A number, a text, or None for a blank cell."""
TYPES = {
    "organ": "国家机关", "education": "教育事业", "science": "科技事业", "culture": "文化事业", "health": "卫生事业",
    "sports": "体育事业", "other_service": "其他事业", "social_group": "社会团体",
}  # fmt: skip


@dataclass(slots=True)
class Row:
    """One body in one month. ``marks``: item code (or "code", "period") → the marks that want to know the cell."""

    body: Body
    code: str
    year: int
    month: int
    cells: list[Cell]
    marks: dict[str, Mark] = field(default_factory=dict)
    period: str = ""


def number(value: Decimal | None) -> Cell:
    """An amount as a spreadsheet holds it."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


_SCALES = tuple(10**places for places in PLACES)


def _plain(scaled: int, at: int) -> Cell:
    scale = _SCALES[at]
    return scaled if scale == 1 else 0 if not scaled else scaled / scale


def entered(city: City, answers: Answers, planted: Planted, area: str, year: int) -> Iterator[Row]:
    """The rows of one area and year as they were entered: by body, then by month."""
    width = len(asked(year))
    for body in city.reporting[year]:
        if body.area != area:
            continue
        marks = planted.by_return.get((body.code, year), {})
        for month, scaled in enumerate(answers[body.code, year], 1):
            row = Row(body, body.code, year, month, [_plain(v, n) for n, v in enumerate(scaled[:width])])
            if marks:
                row.marks = {item: mark for (m, item), mark in marks.items() if m == month}
                for item, mark in row.marks.items():
                    row.cells[AT[item]] = number(mark.wrong)
            yield row


LABELS = tuple(item.label for item in ITEMS)
