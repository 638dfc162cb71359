"""What the fields of a row say, by the specs of a layout: texts, codes, periods, dates, units. Faults become problems."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from jieneng.core.amount import stored
from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T
from jieneng.rulebook import convert
from jieneng.rulebook.types import Book

from . import cells as c
from .checking import check_layout
from .drafts import IntakeResult
from .grid import shown
from .layout import Layout, PeriodSpec, Spec
from .lines import Line, Rows

ONE = Fraction(1)
"""The factor of most cells, known by being this one: comparing rationals at every cell is dear."""


class Units:
    """Factors between units of a book, each asked for once. None where a unit is unknown or of another family."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.known: dict[tuple[str, str], Fraction | None] = {}

    def factor(self, unit_from: str, unit_to: str) -> Fraction | None:
        key = (unit_from, unit_to)
        if key not in self.known:
            try:
                factor = Fraction(convert(self.book, Decimal(1), unit_from, unit_to))
                self.known[key] = ONE if factor == 1 else factor
            except Refused:
                self.known[key] = None
        return self.known[key]

    def check(self, layout: Layout) -> None:
        """Raises ``Refused`` with everything in the layout that the book does not have."""
        wrong = check_layout(layout, self.book, lambda a, b: self.factor(a, b) is not None)
        if wrong:
            raise Refused(*wrong)


def fitted(value: Decimal, factor: Fraction) -> tuple[Decimal, bool]:
    """``stored(value × factor)``, without the detour over rationals for the most usual cell, which needs neither.

    Raises ``ValueError`` beyond the bound of records.
    """
    return stored(value if factor is ONE else Fraction(value) * factor)


class Fields(Rows):
    """Reads the fields of rows. Blanks are filled from above, and maps are looked up, as the layout says."""

    def __init__(self, layout: Layout, book: Book, result: IntakeResult) -> None:
        super().__init__(layout, book, result)
        self.units = Units(book)
        self.missing = {c.norm(m) for m in layout.missing}
        self.above: dict[int, str] = {}
        self.maps: dict[int, dict[str, str]] = {}
        self.told: set[str] = set()

    def _fault(self, fault: c.Fault, place: Place, name: str = "") -> None:
        self.result.problem(
            Problem(
                fault.code,
                fault.found,
                fault.expected,
                fault.do,
                Place(place.file, place.line, place.sheet, place.cell, name),
            )
        )

    def _place(self, spec: Spec, line: Line) -> Place:
        return line.place(spec.columns[0]) if spec.columns else self._at(line.sheet)

    def _raw(self, spec: Spec, line: Line) -> str:
        """The cell (typed) of a one-column spec, the blank filled from above where the layout says so."""
        cell = line.cell(spec.columns[0])
        if not spec.fill_down:
            return cell
        if shown(cell).strip():
            self.above[id(spec)] = cell
            return cell
        return self.above.get(id(spec), "")

    def _found(self, spec: Spec, line: Line) -> str:
        """The text a spec gives, before its map. Raises Fault."""
        if spec.value is not None:
            return spec.value
        if spec.pattern:
            return self._searched(spec, line)[0]
        if len(spec.columns) > 1:
            return spec.join.join(t for t in (c.text_of(line.cell(n)) for n in spec.columns) if t)
        return c.text_of(self._raw(spec, line))

    def _searched(self, spec: Spec, line: Line) -> tuple[str, ...]:
        """The groups of a pattern over the sheet's name, the file's name or the title; the whole match where it has none."""
        text = line.sheet.name if spec.sheet else self.result.file if spec.file else line.header.title
        found = re.search(spec.pattern, text)
        if found is None:
            what = (
                T("工作表名", "sheet name")
                if spec.sheet
                else T("文件名", "file name")
                if spec.file
                else T("标题", "title")
            )
            raise c.Fault(
                "pattern",
                T(
                    "{w}“{t}”里找不到“{p}”",
                    "“{p}” is not found in the {w} “{t}”",
                    w=what,
                    t=c.brief(text),
                    p=spec.pattern,
                ),
            )
        return tuple(g or "" for g in found.groups()) or (found.group(),)

    def _mapped(self, spec: Spec, text: str) -> str:
        """Through the spec's map. Raises Fault for what the map does not have."""
        if not text and spec.blank:
            self.result.count("blank_taken_as_" + spec.blank)
            return spec.blank
        if not spec.map or not text:
            return text
        if id(spec) not in self.maps:
            self.maps[id(spec)] = {c.norm(k): v for k, v in spec.map.items()}
        table = self.maps[id(spec)]
        if (key := c.norm(text)) in table:
            return table[key]
        if text in spec.map.values() or spec.keep:
            return text
        raise c.Fault(
            "map",
            T("“{v}”对不上代码", "“{v}” stands for no code", v=c.brief(text)),
            T("{a}", "{a}", a="、".join(list(spec.map)[:20])),
            T("改正这一格，或在表样的 map 里补上", "mend the cell, or add it to the layout’s map"),
        )

    def _field(self, name: str, line: Line) -> str:
        """A named field of the layout as text, "" where the layout or the row does not say; a fault becomes a problem."""
        spec = self.layout.fields.get(name)
        return self._text(spec, line, name) if spec else ""

    def _text(self, spec: Spec, line: Line, name: str) -> str:
        try:
            text = self._found(spec, line)
            return "" if c.norm(text) in self.missing else self._mapped(spec, text)
        except c.Fault as fault:
            self._once(fault, spec, line, name)
            return ""

    def _once(self, fault: c.Fault, spec: Spec, line: Line, name: str) -> None:
        """A problem of a pattern is told once per sheet, that of a cell each time."""
        if spec.columns:
            self._fault(fault, self._place(spec, line), name)
        elif (mark := f"{line.sheet.name}|{id(spec)}") not in self.told:
            self.told.add(mark)
            self._fault(fault, self._at(line.sheet), name)

    def _called(self, line: Line) -> str:
        """The name that stands in the row, for a message; "" where there is none."""
        spec = self.layout.fields.get("name")
        return c.brief(shown(line.cell(spec.columns[0]))).strip() if spec and spec.columns else ""

    def _identifier(self, line: Line) -> str | None:
        """The row's code; None after the problem was told."""
        spec = self.layout.identifier
        if spec is None:
            return ""
        try:
            if len(spec.columns) == 1:
                text = c.identifier(self._raw(spec, line), self.layout.scheme)
            else:
                text = c.identifier("t" + self._found(spec, line), self.layout.scheme)
            text = self._mapped(spec, "" if c.norm(text) in self.missing else text)
        except c.Fault as fault:
            if name := self._called(line):
                fault.found = T("“{n}”的{f}", "“{n}”: {f}", n=name, f=fault.found)
            self._fault(fault, self._place(spec, line), "identifier")
            return None
        if not text:
            content = next((c.brief(shown(x)) for x in line.cells if x), "")
            self.result.count("unnamed")
            self._fault(
                c.Fault(
                    "identifier-missing",
                    T("这一行没有单位代码（内容：{c}）", "the row has no code (it says: {c})", c=content),
                    do=T(
                        "补上单位代码；如果是说明文字，用表样的 stop 或 rows 跳过",
                        "add the code; if it is a remark, skip it by the layout’s stop or rows",
                    ),
                ),
                self._place(spec, line),
                "identifier",
            )
            return None
        return text

    def _period(self, spec: PeriodSpec | None, line: Line) -> Period | None:
        """The row's period; None after the problem was told."""
        if spec is None:
            return None
        main = spec.whole or spec.year
        if main is None:
            return None
        try:
            if spec.whole is not None:
                return self._whole_period(spec.whole, spec.of, line)
            year = self._number_of(main, line)
            month = self._number_of(spec.month, line) if spec.month else None
            return c.make_period(year, month, f"{year}-{month}")
        except c.Fault as fault:
            self._once(fault, main, line, "period")
            return None

    def _whole_period(self, spec: Spec, of: str, line: Line) -> Period:
        if spec.value is not None:
            return Period.parse(spec.value)
        if spec.pattern:
            groups = self._searched(spec, line)
            month = groups[1] if len(groups) > 1 and of != "year" else ""
            return c.make_period(_whole(groups[0]), _whole(month) if month else None, "-".join(groups))
        cell = self._raw(spec, line)
        if len(spec.columns) > 1 or spec.map:
            cell = "t" + self._mapped(spec, self._found(spec, line))
        if not cell:
            raise c.Fault("period-missing", T("没有统计期", "the period is missing"))
        return c.period(cell, spec.formats, of, line.sheet.date1904)

    def _number_of(self, spec: Spec, line: Line) -> int:
        """A year or month that stands alone: 2022, 2022年, 3月."""
        return _whole(self._mapped(spec, self._found(spec, line)))

    def _stored(self, value: Decimal, factor: Fraction, cell: str) -> tuple[Decimal, bool]:
        try:
            return fitted(value, factor)
        except ValueError as error:
            raise c.magnitude(shown(cell)) from error

    def _unit(self, spec: Spec, line: Line) -> str:
        if spec.value and not spec.map:
            return spec.value
        chosen = spec if spec.value is not None or spec.columns or spec.pattern else self.layout.unit
        unit = self._mapped(chosen, self._found(chosen, line)) if chosen else ""
        if not unit:
            raise c.Fault(
                "unit-missing", T("没有计量单位", "the unit is missing"), do=T("补上计量单位", "add the unit")
            )
        return unit

    def _alias(self, spec: Spec, line: Line, name: str) -> str:
        try:
            if len(spec.columns) != 1:
                return self._text(spec, line, name)
            text = c.identifier(self._raw(spec, line), name)
            return "" if c.norm(text) in self.missing else self._mapped(spec, text)
        except c.Fault as fault:
            self._fault(fault, self._place(spec, line), name)
            return ""

    def _typed(self, spec: Spec, line: Line, kind: str) -> Any:
        """A date (since, until) or a truth (in_scope); None where the row does not say or says it wrongly (told)."""
        try:
            cell = (
                self._raw(spec, line)
                if len(spec.columns) == 1 and not spec.map
                else "t" + self._mapped(spec, self._found(spec, line))
            )
            if c.norm(shown(cell)) in self.missing:
                return None
            return c.truth(cell) if kind == "in_scope" else c.date(cell, spec.formats, line.sheet.date1904)
        except c.Fault as fault:
            self._once(fault, spec, line, kind)
            return None


def _whole(text: str) -> int:
    """``2022``, ``2022年`` or ``3月`` as a whole number. Raises Fault."""
    found = re.fullmatch(r"(\d{1,4})(?:年度|年|月份|月)?", c.norm(text))
    if not found:
        raise c.Fault("cell-period", T("“{v}”不是年或月", "“{v}” is no year or month", v=c.brief(text)))
    return int(found.group(1))
