"""What the child hands over: sheets as flat rows of cells, each cell a text whose first letter tells its type.

======  =======================================================  =====================
letter  type                                                     example
======  =======================================================  =====================
(none)  empty                                                    ``""``
``t``   text, as written                                         ``"t示例小学"``
``n``   number, shortest exact decimal                           ``"n1234.5"``
``d``   date, or date and time (ISO)                             ``"d2022-03-01"``
``h``   time of day or span                                      ``"h12:00:00"``
``b``   truth                                                    ``"b1"``
``e``   error cell                                               ``"e#N/A"``
``f``   formula without a result that was calculated             ``"f"``
``u``   unreadable (NUL in a text)                               ``"u"``
======  =======================================================  =====================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from jieneng.core.words import T

from .guard import column_letters

EMPTY = ""


@dataclass(frozen=True)
class Row:
    """A row that holds something: its number as a spreadsheet shows it, its line in a text file, its cells from A on."""

    number: int
    cells: list[str]
    line: int = 0


@dataclass
class Sheet:
    """A sheet: what is known before its rows, and the rows (once). Rows and columns of ``merged`` count from 1."""

    name: str
    rows: Iterable[Row]
    hidden: bool = False
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()
    date1904: bool = False
    height: int = 0


@dataclass
class Table:
    """An opened file: its sheets, to be read in order, and what was said about it (encoding, limits not in force)."""

    kind: str
    sheets: Iterable[Sheet]
    notes: list[T] = field(default_factory=list)
    encoding: str = ""
    delimiter: str = ""


def cell_name(row: int, column: int) -> str:
    """``cell_name(3, 2)`` is ``B3``; both count from 1."""
    return f"{column_letters(column)}{row}"


def shown(cell: str) -> str:
    """A cell as words, for messages and for keeping as received."""
    if not cell:
        return ""
    if cell[0] == "b":
        return "TRUE" if cell[1:] == "1" else "FALSE"
    return cell[1:]
