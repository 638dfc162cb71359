"""Statutory summary tables as xlsx: rows by group, totals that are formulas, set up for A4, marked as sample layout."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from jieneng.core.amount import decimal_of
from jieneng.core.figure import Figure
from jieneng.core.period import Period
from jieneng.records.workbook import Sheet, wide
from jieneng.rulebook.types import Book

from .layout import MAX_PLACES, Column, Layout, layout_in

HEAD, UNITS, FIRST = 3, 4, 5
"""Rows (from 0) of the heads, of the units, and of the first group."""
UNKNOWN = "算不出"
FIRST_COLUMN = {"area": "地区（统计归口）", "department": "主管部门", "type": "公共机构类型", "territory": "所在地", "institution": "单位"}
LONG = 30
"""From so many rows on they are lower, so that the table stays within a few sheets."""


class _Table:
    """One table while it is written."""

    def __init__(self, book: Book, layout: Layout, workbook: Any, rows: Sequence[tuple[str, Sequence[Figure | None]]],
                 whole: Sequence[Figure | None]) -> None:
        self.book, self.layout, self.rows, self.whole = book, layout, rows, whole
        self.top = FIRST + layout.total_first
        self.total = FIRST if layout.total_first else FIRST + len(rows)
        self.sheet = workbook.add_worksheet("".join(c for c in layout.title if c not in "[]:*?/\\")[:28])
        self.writer = Sheet(workbook, self.sheet)
        self.last, self.notes = len(layout.columns), list(layout.notes)
        self.style = self._styles()

    def _styles(self) -> dict[str, Any]:
        box = {"border": 1, "font_name": "仿宋_GB2312", "font_size": 11, "valign": "vcenter"}
        small = {"font_size": 10, "font_name": "仿宋_GB2312", "valign": "vcenter"}
        styles = {
            "title": {"font_size": 18, "align": "center", "valign": "vcenter", "font_name": "方正小标宋简体"}, "small": small,
            "note": {**small, "text_wrap": True}, "sample": {**small, "font_color": "#8a4f00", "text_wrap": True},
            "head": {**box, "font_name": "黑体", "text_wrap": True, "align": "center"}, "unit": {**box, "align": "center", "font_size": 10},
            "name": {**box, "align": "left"}, "total": {**box, "font_name": "黑体", "align": "left"}, "none": {**box, "align": "center"}}
        for places in range(MAX_PLACES + 1):
            form = "#,##0" + ("." + "0" * places if places else "")
            styles[f"n{places}"] = {**box, "align": "right", "num_format": form}
            styles[f"t{places}"] = {**box, "align": "right", "num_format": form, "bold": True}
        return {k: self.writer.style(**v) for k, v in styles.items()}

    def head(self, period: str, said: str, by: str) -> None:
        """Title, the form's legal identification (blank where unknown), what this sheet is, heads and units."""
        put, across = self.writer.put, self.writer.across
        across(0, self.last, f"{self.layout.title}（{period}）", self.style["title"])
        across(1, self.last, "　　".join(f"{k}：{v or '　　　　'}" for k, v in self.layout.identification.items()), self.style["small"])
        across(2, self.last, said, self.style["sample"])
        put(HEAD, 0, FIRST_COLUMN[by], self.style["head"])
        put(UNITS, 0, "甲", self.style["unit"])
        for n, column in enumerate(self.layout.columns, 1):
            put(HEAD, n, _label(self.book, column.name), self.style["head"])
            put(UNITS, n, _unit(self.book, column.name), self.style["unit"])

    def body(self) -> None:
        """The groups' rows: real numbers, 算不出 where one is unknown, nothing where nothing was asked."""
        for r, (name, figures) in enumerate(self.rows, self.top):
            self.writer.put(r, 0, name, self.style["name"])
            for n, (figure, column) in enumerate(zip(figures, self.layout.columns, strict=True), 1):
                self._cell(r, n, figure, f"n{column.places}")

    def _cell(self, row: int, n: int, figure: Figure | None, style: str) -> None:
        if figure is None or figure.exact is None:
            self.writer.put(row, n, UNKNOWN if figure is not None else None, self.style["none"])
        else:
            self.writer.put(row, n, figure.exact, self.style[style])

    def totals(self) -> None:
        """The total row. A formula wherever it says the same as the figure; else the figure, and a note says why."""
        row = self.total
        self.writer.put(row, 0, "总计" if self.layout.total_first else "合计", self.style["total"])
        places = {c.name: n for n, c in enumerate(self.layout.columns, 1)}
        for n, (column, figure) in enumerate(zip(self.layout.columns, self.whole, strict=True), 1):
            style = f"t{column.places}"
            formula = self._formula(row, n, column, figure, places)
            if formula and figure is not None and figure.exact is not None:
                self.sheet.write_formula(row, n, formula, self.style[style], float(decimal_of(figure.exact, 9)))
            else:
                self._cell(row, n, figure, style)
        self._coverage()

    def _formula(self, row: int, n: int, column: Column, figure: Figure | None, places: Mapping[str, int]) -> str:
        """The formula of a total, or "" where none gives the figure exactly."""
        if figure is None or figure.exact is None:
            return ""
        whole = {c.name: f.exact for c, f in zip(self.layout.columns, self.whole, strict=True) if f is not None}
        if column.ratio:
            of, by = whole.get(column.ratio.of), whole.get(column.ratio.by)
            if of is None or not by or of * column.ratio.times / by != figure.exact:
                self.notes.append(f"{_label(self.book, column.name)}的合计只含填报完整的单位，不等于本表两栏合计之比。")
                return ""
            a, b = xl_col_to_name(places[column.ratio.of]), xl_col_to_name(places[column.ratio.by])
            return f'=IF({b}{row + 1}=0,"",{a}{row + 1}*{column.ratio.times}/{b}{row + 1})'
        shown = [figures[n - 1] for _, figures in self.rows]
        if sum((f.exact for f in shown if f is not None and f.exact is not None), Fraction(0)) != figure.exact:
            self.notes.append(f"{_label(self.book, column.name)}的合计含没有单列数的行（{UNKNOWN}的）已报部分，不等于各行之和。")
            return ""
        letter = xl_col_to_name(n)
        return f"=SUM({letter}{self.top + 1}:{letter}{self.top + len(self.rows)})" if self.rows else ""

    def _coverage(self) -> None:
        """Which totals do not rest on everybody, in one note for each number of members."""
        partial: dict[tuple[int, int], list[str]] = {}
        for column, f in zip(self.layout.columns, self.whole, strict=True):
            if f is not None and f.coverage and not f.coverage.full:
                partial.setdefault((f.coverage.covered, f.coverage.members), []).append(_label(self.book, column.name))
        for (covered, members), labels in partial.items():
            which = "各栏" if len(labels) == len(self.layout.columns) else "、".join(labels)
            self.notes.append(f"{which}：填报完整的 {covered} 家，应报 {members} 家。")

    def foot(self) -> int:
        """Notes and the line for signatures; the last row."""
        row = FIRST + len(self.rows) + 1
        room = sum(self.widths()) * 1.1
        for n, note in enumerate(self.notes, 1):
            text = f"{'注：' if n == 1 else '　　'}{n}. {note}"
            self.writer.across(row, self.last, text, self.style["note"])
            self.sheet.set_row(row, 18 * (1 + int(wide(text) // room)))
            row += 1
        self.writer.across(row, self.last, "单位负责人：　　　　　　统计负责人：　　　　　　填表人：　　　　　　报出日期：　　　　年　　月　　日", self.style["small"])
        self.sheet.set_row(row, 24)
        return row

    def widths(self) -> list[float]:
        """Columns as wide as their largest number needs, so that the paper is used; heads wrap."""
        first = max([wide(name) for name, _ in self.rows] + [16]) * 1.15
        result = [min(first, 32.0)]
        for n, column in enumerate(self.layout.columns):
            figures = [f[n] for _, f in self.rows] + [self.whole[n]]
            longest = max((len(f"{decimal_of(f.exact, column.places):,}") for f in figures if f is not None and f.exact is not None), default=4)
            result.append(max(longest * 1.2 + 1, wide(_unit(self.book, column.name)) + 1, wide(_label(self.book, column.name)) / 2 + 2, 8))
        return result

    def paper(self, last_row: int) -> None:
        sheet = self.sheet
        for n, w in enumerate(self.widths()):
            sheet.set_column(n, n, w)
        for row, height in ((0, 34), (1, 18), (2, 32), (HEAD, 58), (UNITS, 22)):
            sheet.set_row(row, height)
        for row in range(FIRST, FIRST + len(self.rows) + 1):
            sheet.set_row(row, 30 if len(self.rows) < LONG else 22)
        sheet.set_paper(9)
        if self.layout.landscape:
            sheet.set_landscape()
        else:
            sheet.set_portrait()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0, UNITS)
        sheet.set_margins(left=0.5, right=0.5, top=0.7, bottom=0.7)
        sheet.center_horizontally()
        sheet.print_area(0, 0, last_row, self.last)
        sheet.set_footer("&R第 &P 页　共 &N 页")
        sheet.freeze_panes(FIRST, 1)


def write_table(book: Book, code: str, period: Period, snapshot: str, rows: Sequence[tuple[str, Sequence[Figure | None]]],
                whole: Sequence[Figure | None], scope: str, as_of: str, by: str = "") -> bytes:
    """The table as xlsx. ``rows``: name and figures in the columns' order; ``whole``: the figures of the total row.

    Totals are formulas with the exact total as their cached value, wherever the formula gives exactly that; indicators
    are ratios and never summed. ``scope`` says whose numbers these are; ``by`` what the rows are, where that is not the layout's.
    """
    layout, out = layout_in(book, code, period.year), io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    workbook.set_properties({"title": layout.title, "comments": f"snapshot {snapshot}", "created": dt.datetime(2020, 1, 1)})
    table = _Table(book, layout, workbook, rows, whole)
    label = period.label.say("zh")
    table.head(label, f"样例版式：表号和栏目布局没有公开，以正式制度为准。统计期 {label}，数据截至 {as_of}，快照 {snapshot}。{scope}", by or layout.by)
    table.body()
    table.totals()
    table.paper(table.foot())
    workbook.close()
    return out.getvalue()


def _label(book: Book, name: str) -> str:
    for table in (book.indicators, book.composites, book.items):
        if name in table:
            return str(table[name].label.zh)
    return name


def _unit(book: Book, name: str) -> str:
    for table in (book.indicators, book.composites, book.items):
        if name in table:
            unit = str(table[name].unit)
            return str(book.units[unit].label.zh) if unit in book.units else unit
    return ""
