"""Lists as workbooks: real numbers, neutralised texts, title and filter in the first rows, head repeated on paper.

A text that a spreadsheet could take for a formula (it begins with = + - @, a tab or a line break, or their full-width
forms, also after invisible marks) is written as text with a leading apostrophe-like mark: the cell's type is string and
Excel's "quote prefix" is set, so nothing is ever computed from what people typed (faults.md U6).
"""

from __future__ import annotations

import datetime as dt
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import quote

import xlsxwriter
from django.http import HttpResponse
from django.utils import timezone

from jieneng.core.amount import decimal_of
from jieneng.core.words import T

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DANGEROUS = re.compile("^[\ufeff\u200b\u200e\u200f\u00a0\\s]*[=+\\-@\uff1d\uff0b\uff0d\uff20\\t\\r\\n\\x00]")
LINE = 16.5
"""Points of a line of text in a row."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Column:
    """A column: its head in both languages, its width in characters, and how its numbers are shown where they are not plain amounts (``0.0%``)."""

    head: T
    width: int = 14
    number: str = ""


def dangerous(text: str) -> bool:
    """Whether a spreadsheet might read a text as a formula."""
    return bool(_DANGEROUS.match(text))


def safe_text(text: str) -> str:
    """A text without the control characters that no workbook can hold."""
    return _CONTROL.sub("", text)[:32_000]


def wide(text: str) -> int:
    """Width in columns of half-width characters, of the longest line."""
    return max((sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) for line in text.split("\n")), default=0)


def height(cells: Iterable[tuple[str, float]], line: float = LINE) -> float:
    """The height of a row whose texts wrap at their columns' widths: not every program finds it by itself."""
    return line * min(25, max((sum(max(1, math.ceil(wide(part) * 1.08 / max(1, width - 1))) for part in text.split("\n")) for text, width in cells), default=1))


class Sheet:
    """A worksheet whose ``put`` writes every value by its type and never a formula from people's text."""

    def __init__(self, book: xlsxwriter.Workbook, sheet: Any) -> None:
        self.book, self.sheet = book, sheet
        self.quoted = {None: book.add_format({"quote_prefix": True})}

    def style(self, **properties: Any) -> Any:
        """A format of the book that texts keep also where they must be quoted."""
        made = self.book.add_format(properties)
        self.quoted[made] = self.book.add_format({**properties, "quote_prefix": True})
        return made

    def put(self, row: int, column: int, value: Any, style: Any = None) -> None:
        """Number, date, text or nothing. A number that no workbook can hold (NaN, infinity) is refused as ``ValueError``."""
        if value is None or value == "":
            self.sheet.write_blank(row, column, None, style)
        elif isinstance(value, bool):
            self.sheet.write_string(row, column, str(T("是", "yes") if value else T("否", "no")), style)
        elif isinstance(value, (int, float, Decimal, Fraction)):
            number = float(decimal_of(value, 9) if isinstance(value, Fraction) else value)
            if not math.isfinite(number):
                raise ValueError(f"no number for a cell: {value}")
            self.sheet.write_number(row, column, number, style)
        elif isinstance(value, (dt.date, dt.datetime)):
            self.sheet.write_string(row, column, value.isoformat()[:16], style)
        else:
            text = safe_text(str(value))
            self.sheet.write_string(row, column, text, style if not dangerous(text) else self.quoted.get(style, self.quoted[None]))

    def across(self, row: int, last: int, value: Any, style: Any = None) -> None:
        """The same over a row's columns 0 to ``last``, merged."""
        self.sheet.merge_range(row, 0, row, last, "", style)
        self.put(row, 0, value, style)


@dataclass(frozen=True)
class Listed:
    """A list on a sheet of its own, beside the first."""

    title: T
    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    notes: Sequence[str] = ()


def list_workbook(title: T, columns: Sequence[Column], rows: Iterable[Sequence[Any]], notes: Sequence[str] = (), more: Sequence[Listed] = ()) -> bytes:
    """A list as xlsx: title, as-of and filter above, heads, rows; set up for A4 landscape with the head repeated. ``more``: further lists, a sheet each."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    book.set_properties({"title": str(title), "created": dt.datetime(2020, 1, 1)})
    for listed in (Listed(title, columns, rows, notes), *more):
        _list_sheet(book, listed)
    book.close()
    return out.getvalue()


def _list_sheet(book: xlsxwriter.Workbook, listed: Listed) -> None:
    title, columns, rows, notes = listed.title, listed.columns, listed.rows, listed.notes
    sheet = book.add_worksheet(str(title)[:28].replace("/", " "))
    writer = Sheet(book, sheet)
    bold = book.add_format({"bold": True, "font_size": 14})
    grey = book.add_format({"font_color": "#5b6976", "font_size": 9})
    head = book.add_format({"bold": True, "bg_color": "#eef2f6", "bottom": 1, "text_wrap": True, "valign": "vcenter"})
    top = {"valign": "top", "border": 1, "border_color": "#c3cdd7"}
    text = writer.style(text_wrap=True, **top)
    count = book.add_format({"num_format": "0", **top})
    whole, broken = book.add_format({"num_format": "#,##0", **top}), book.add_format({"num_format": "#,##0.####", **top})
    own = {n: book.add_format({"num_format": c.number, **top}) for n, c in enumerate(columns) if c.number}
    writer.put(0, 0, str(title), bold)
    said = [str(T("{d} 导出", "exported {d}", d=timezone.localtime().strftime("%Y-%m-%d %H:%M"))), *notes]
    writer.put(1, 0, "；".join(said), grey)
    for n, column in enumerate(columns):
        writer.put(2, n, str(column.head), head)
        sheet.set_column(n, n, column.width)
    lines = 0
    sheet.set_row(2, height([(str(c.head), c.width) for c in columns]))
    for lines, row in enumerate(rows, 1):
        if (tall := height([(v, c.width) for v, c in zip(row, columns, strict=False) if isinstance(v, str)])) > LINE:
            sheet.set_row(2 + lines, tall)
        for n, value in enumerate(row):
            plain = _number_format(value, count, whole, broken)
            writer.put(2 + lines, n, value, (own.get(n, plain) if plain else None) or text)
    sheet.freeze_panes(3, 1)
    if lines:
        sheet.autofilter(2, 0, 2 + lines, max(0, len(columns) - 1))
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(2)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    sheet.set_footer("&C&P / &N")


def _number_format(value: Any, count: Any, whole: Any, broken: Any) -> Any:
    """Years and counts bare; amounts grouped, without the lone point that ``#,##0.####`` leaves behind a whole number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, Fraction)) or not math.isfinite(value):
        return None
    if isinstance(value, int):
        return count
    return whole if round(Fraction(value), 4).denominator == 1 else broken


def workbook_response(data: bytes, name: str) -> HttpResponse:
    """A workbook as a download, with its name by RFC 6266."""
    response = HttpResponse(data, content_type=XLSX)
    response.headers["Content-Disposition"] = f"attachment; filename=\"{quote(name)}\"; filename*=UTF-8''{quote(name)}"
    return response
