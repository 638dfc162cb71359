"""A worksheet of many like rows, written without asking again at every cell what cannot be: a department's has 180,000.

xlsxwriter's own writing of a cell finds out whether its place was given as "A1", whether its formula calls a function newer than 2010, and
which of ten types it is. Here places are numbers, formulas use only what every program has had since 2007, and most cells are a number,
a day, a text, a formula or empty; what is not, xlsxwriter writes as ever. The file is the same byte for byte.
"""

from __future__ import annotations

import math
from typing import Any

from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import CellFormulaTuple, CellNumberTuple, Worksheet


class QuickSheet(Worksheet):
    """For ``Workbook.add_worksheet(name, QuickSheet)``: rows and columns by number only."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = [xl_col_to_name(n) for n in range(256)]
        self.bare = False

    def write_number(self, row: int, col: int, number: float, cell_format: Any = None) -> int:
        if not math.isfinite(number):
            raise ValueError(f"no number for a cell: {number}")
        if self._check_dimensions(row, col):
            return -1
        self.table[row][col] = CellNumberTuple(number, cell_format)
        return 0

    def write_blank(self, row: int, col: int, blank: Any, cell_format: Any = None) -> int:
        return int(self._write_blank(row, col, blank, cell_format))

    def write_string(self, row: int, col: int, string: str, cell_format: Any = None) -> int:
        return int(self._write_string(row, col, string, cell_format))

    def write_formula(self, row: int, col: int, formula: str, cell_format: Any = None, value: Any = 0) -> int:
        if self._check_dimensions(row, col):
            return -1
        self.table[row][col] = CellFormulaTuple(formula.removeprefix("="), cell_format, value)
        return 0

    def _write_rows(self) -> None:
        # whether a cell without a format of its own has none: no row and no column lends it one
        self.bare = not self.row_info and all(c.column_format is None for c in self.col_info.values())
        super()._write_rows()

    def _calculate_spans(self) -> None:
        """From which to which column each sixteen rows reach."""
        if self.comments:
            super()._calculate_spans()
            return
        reach: dict[int, tuple[int, int]] = {}
        for row, cells in self.table.items():
            if cells:
                low, high = reach.get(row // 16, (self.xls_colmax, 0))
                reach[row // 16] = min(low, *cells), max(high, *cells)
        self.row_spans = {block: f"{low + 1}:{high + 1}" for block, (low, high) in reach.items()}

    def _write_cell(self, row: int, col: int, cell: Any) -> None:
        """One cell as XML, the same that xlsxwriter writes for it."""
        kind = type(cell).__name__
        if (cell.format is None and not self.bare) or col >= len(self.letters) or kind not in _KNOWN:
            super()._write_cell(row, col, cell)
            return
        start = f'<c r="{self.letters[col]}{row + 1}"' if cell.format is None else f'<c r="{self.letters[col]}{row + 1}" s="{cell.format._get_xf_index()}"'
        if kind in ("Number", "Datetime"):
            self.fh.write(f"{start}><v>{cell.number:.16G}</v></c>")
        elif kind == "Blank":
            self.fh.write(f"{start}/>")
        elif kind == "String":
            self.fh.write(f'{start} t="s"><v>{cell.string}</v></c>')
        else:
            text = cell.formula.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            value = cell.value
            if isinstance(value, str) and value:
                super()._write_cell(row, col, cell)
                return
            self.fh.write(f"{start}><f>{text}</f><v>{value}</v></c>")


_KNOWN = frozenset({"Number", "Datetime", "Blank", "String", "Formula"})
