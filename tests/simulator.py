"""A simulator of the national platform: holds values and statuses of its own, exports them in its untidy form, and a clerk keys corrections in.

It knows nothing of the product but the files that pass between: its exports, and the list of corrections as an office receives it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import python_calamine

from jieneng.desk.example import messy
from jieneng.desk.example.answers import true_answers
from jieneng.desk.example.city import build_city
from jieneng.desk.example.items import AT, ITEMS
from jieneng.desk.example.rows import Cell, Row

Key = tuple[str, int, str]
"""Credit code, month, item."""


@dataclass(frozen=True)
class Asked:
    """One line of a list of corrections as the clerk reads it."""

    code: str
    month: int
    item: str
    old: float
    new: float


@dataclass
class Platform:
    """``rows``: what the platform holds; ``mistakes``: where it holds what no unit has; ``codes``: those its own register spoils."""

    rows: list[Row]
    codes: messy.Codes
    statuses: dict[str, str] = field(default_factory=dict)
    mistakes: dict[Key, tuple[Cell, Cell]] = field(default_factory=dict)

    def held(self, code: str, month: int, item: str) -> Cell:
        return self._row(code, month).cells[AT[item]]

    def _row(self, code: str, month: int) -> Row:
        return next(r for r in self.rows if r.code == code and r.month == month)

    def hold(self, code: str, month: int, item: str, value: Cell) -> None:
        self._row(code, month).cells[AT[item]] = value

    def export(self, folder: Path) -> messy.Mess:
        """The four files of today."""
        return messy.write_messy(folder, self.rows, self.statuses, self.codes)

    def mend_codes(self) -> None:
        """The register of the platform is put right by those it belongs to, and the line of old figures is gone."""
        self.codes = messy.Codes()

    def key_in(self, asked: Sequence[Asked], *, wrong: Iterable[int] = (), forgotten: Iterable[int] = ()) -> None:
        """The clerk keys a list in: every line, but those ``forgotten`` not, and those ``wrong`` with the last two digits transposed or one more."""
        wrong, forgotten = set(wrong), set(forgotten)
        for n, line in enumerate(asked):
            if n in forgotten:
                continue
            value: Cell = int(line.new) if line.new == int(line.new) else line.new
            self.hold(line.code, line.month, line.item, value + 1 if n in wrong and isinstance(value, int | float) else value)


def asked_in(book: bytes) -> list[Asked]:
    """The lines of a list of corrections (xlsx)."""
    rows = python_calamine.load_workbook(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    at = next(n for n, row in enumerate(rows) if "信用代码" in row)
    head = {str(name): n for n, name in enumerate(rows[at])}
    by_label = {i.label: i.code for i in ITEMS} | {i.number: i.code for i in ITEMS if i.number}
    lines = []
    for row in rows[at + 1 :]:
        code = str(row[head["信用代码"]]).strip()
        if len(code) != 18:
            continue
        month = re.search(r"(\d{1,2})月", str(row[head["统计期"]]))
        assert month, row
        item = by_label.get(str(row[head["代码"]]).strip()) or by_label[str(row[head["指标"]]).strip()]
        lines.append(Asked(code, int(month.group(1)), item, float(row[head["原数"]]), float(row[head["应为"]])))
    return lines


_TRUE: list[Row] = []


def true_rows() -> list[Row]:
    """What the units of the four counties really used in 2022: made once, copied each time."""
    if not _TRUE:
        city = build_city(2022)
        _TRUE.extend(messy.chosen(city, true_answers(2022, city), most=12))
    return [replace(r, cells=list(r.cells), marks={}) for r in _TRUE]


_FACTORS = ((messy.JING, 3, "electricity_kwh", 10), (messy.JING, 6, "water_m3", 10), (messy.JIXI, 9, "electricity_kwh", 0.1), (messy.JINGDE, 2, "water_m3", 10),
            (messy.NINGGUO, 11, "electricity_kwh", 10), (messy.NINGGUO, 5, "electricity_kwh", 0.1))  # fmt: skip


def platform() -> Platform:
    """The platform as it stands in March: six values keyed in wrong, three codes spoilt, one unit sent back and one not filed."""
    rows = true_rows()
    codes = messy.codes_of(rows)
    spoilt = {codes.letter, codes.short, codes.number}
    found = Platform(rows, codes)
    used: set[str] = set(spoilt)
    for area, month, item, factor in _FACTORS:
        # in the middle of the county: not the units that other slips are planted in
        units = list(dict.fromkeys(r.code for r in rows if r.body.area == area))
        code = next(c for c in units[6:] if c not in used and _large(found.held(c, month, item)))
        used.add(code)
        right = found.held(code, month, item)
        assert isinstance(right, int)
        wrong = round(right * factor)
        found.mistakes[code, month, item] = (right, wrong)
        found.hold(code, month, item, wrong)
    quiet = [c for c in dict.fromkeys(r.code for r in rows) if c not in used]
    found.statuses = {quiet[-1]: "未报", quiet[-2]: "退回"}
    return found


def _large(value: Cell) -> bool:
    return isinstance(value, int) and value >= 100 and value % 10 != 0
