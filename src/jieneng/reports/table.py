"""Statutory summary tables as xlsx: rows by group, totals that are formulas, set up for A4, marked as sample layout."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from jieneng.core.amount import decimal_of
from jieneng.core.figure import Figure
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.records.workbook import Sheet
from jieneng.rulebook.types import Book


def layout_of(book: Book, code: str) -> Mapping[str, Any]:
    """The declaration of a table, checked. Raises ``Refused`` naming what is wrong."""
    table = book.tables.get(code)
    if table is None:
        raise refuse("table.none", T("没有汇总表“{c}”", "there is no table “{c}”", c=code), expected=T("{l}", "{l}", l="、".join(book.tables) or "—"))
    known = {"table", "title", "by", "columns", "sample", "identification", "notes"}
    if strange := sorted(set(table) - known):
        raise refuse("table.key", T("汇总表 {c} 有不认识的键：{k}", "table {c} has unknown keys: {k}", c=code, k="、".join(strange)))
    for column in table["columns"]:
        if column["name"] not in {*book.items, *book.composites, *book.indicators}:
            raise refuse("table.column", T("汇总表 {c} 没有“{n}”", "table {c}: there is no “{n}”", c=code, n=column["name"]))
    return table


def write_table(book: Book, code: str, year: int, snapshot: str, rows: Sequence[tuple[str, Sequence[Figure | None]]],
                whole: Sequence[Figure | None], coverage: str, as_of: str) -> bytes:
    """The table as xlsx. ``rows``: name and figures in the columns' order; ``whole``: the figures of the total row.

    Totals of amounts are SUM formulas with the exact total as their cached value; indicators are ratios and never summed:
    their total is a formula over the total row where the table holds both operands, else the value.
    """
    table = layout_of(book, code)
    columns, out = table["columns"], io.BytesIO()
    book_ = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book_.set_properties({"title": str(table["title"]["zh"]), "comments": f"snapshot {snapshot}", "created": dt.datetime(2020, 1, 1)})
    sheet = book_.add_worksheet(str(table["title"]["zh"])[:28])
    put = Sheet(book_, sheet).put
    style = _styles(book_)
    last = len(columns)
    sheet.merge_range(0, 0, 0, last, f"{table['title']['zh']}（{year} 年）", style["title"])
    identification = table.get("identification") or {}
    left = "　".join(f"{k}：{v or '　　　　'}" for k, v in identification.items())
    sheet.merge_range(1, 0, 1, last, left, style["small"])
    sheet.merge_range(2, 0, 2, last, f"样例版式：表号和栏目布局没有公开，以正式制度为准。数据截至 {as_of}，快照 {snapshot}。{coverage}", style["sample"])
    put(3, 0, "地区（统计归口）", style["head"])
    put(4, 0, "甲", style["unit"])
    for n, column in enumerate(columns, 1):
        put(3, n, _label(book, column["name"]), style["head"])
        put(4, n, _unit(book, column["name"]), style["unit"])
    for r, (name, figures) in enumerate(rows):
        put(5 + r, 0, name, style["name"])
        for n, (figure, column) in enumerate(zip(figures, columns, strict=True), 1):
            put(5 + r, n, _number(figure, column), style[_places(column)])
    _totals(sheet, put, style, columns, whole, len(rows))
    foot = 6 + len(rows) + 1
    for n, note in enumerate(table.get("notes") or []):
        sheet.merge_range(foot + n, 0, foot + n, last, str(note["zh"]), style["small"])
    sheet.merge_range(foot + len(table.get("notes") or []), 0, foot + len(table.get("notes") or []), last,
                      "单位负责人：　　　　　　统计负责人：　　　　　　填表人：　　　　　　报出日期：　　　　年　　月　　日", style["small"])
    _paper(sheet, last, foot + len(table.get("notes") or []))
    book_.close()
    return out.getvalue()


def _styles(book: Any) -> dict[str, Any]:
    box = {"border": 1, "font_name": "仿宋_GB2312", "font_size": 10, "valign": "vcenter"}
    styles = {
        "title": {"bold": True, "font_size": 16, "align": "center", "font_name": "方正小标宋简体"}, "small": {"font_size": 9, "font_name": "仿宋_GB2312"},
        "sample": {"font_size": 9, "font_color": "#8a4f00", "font_name": "仿宋_GB2312", "text_wrap": True, "valign": "vcenter"},
        "head": {**box, "font_name": "黑体", "text_wrap": True, "align": "center"}, "unit": {**box, "align": "center", "font_size": 9},
        "name": {**box, "align": "left"}, "total": {**box, "bold": True, "align": "left"}}
    for places in range(5):
        form = "#,##0" + ("." + "0" * places if places else "")
        styles[f"n{places}"] = {**box, "align": "right", "num_format": form}
        styles[f"t{places}"] = {**box, "align": "right", "num_format": form, "bold": True}
    return {k: book.add_format(v) for k, v in styles.items()}


def _places(column: Mapping[str, Any], total: bool = False) -> str:
    return ("t" if total else "n") + str(min(4, int(column.get("places", 0))))


def _label(book: Book, name: str) -> str:
    for table in (book.indicators, book.composites, book.items):
        if name in table:
            return table[name].label.zh
    return name


def _unit(book: Book, name: str) -> str:
    for table in (book.indicators, book.composites, book.items):
        if name in table:
            unit = table[name].unit
            return book.units[unit].label.zh if unit in book.units else unit
    return ""


def _number(figure: Figure | None, column: Mapping[str, Any]) -> Any:
    if figure is None or figure.exact is None:
        return "算不出" if figure is not None else None
    return decimal_of(figure.exact, 9)


def _totals(sheet: Any, put: Any, style: dict[str, Any], columns: Sequence[Mapping[str, Any]], whole: Sequence[Figure | None], count: int) -> None:
    """The total row: formulas, so that a change in a cell shows."""
    row = 5 + count
    put(row, 0, "合计", style["total"])
    places = {c["name"]: n for n, c in enumerate(columns, 1)}
    for n, (column, figure) in enumerate(zip(columns, whole, strict=True), 1):
        value = float(decimal_of(figure.exact, 9)) if figure is not None and figure.exact is not None else 0
        letter = xl_col_to_name(n)
        formula = f"=SUM({letter}6:{letter}{row})"
        if ratio := column.get("ratio"):
            over, under = places.get(ratio["of"]), places.get(ratio["by"])
            if over is None or under is None:
                put(row, n, _number(figure, column), style[_places(column, True)])
                continue
            a, b = xl_col_to_name(over), xl_col_to_name(under)
            formula = f'=IF({b}{row + 1}=0,"",{a}{row + 1}*{ratio.get("times", 1)}/{b}{row + 1})'
        sheet.write_formula(row, n, formula, style[_places(column, True)], value)


def _paper(sheet: Any, last: int, foot: int) -> None:
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, last, 13)
    sheet.set_row(2, 26)
    sheet.set_row(3, 44)
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(3, 4)
    sheet.set_margins(left=0.5, right=0.5, top=0.7, bottom=0.7)
    sheet.center_horizontally()
    sheet.print_area(0, 0, foot, last)
    sheet.set_footer("&R第 &P 页　共 &N 页")
    sheet.freeze_panes(5, 1)
