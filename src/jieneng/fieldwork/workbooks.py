"""The workbooks of a ledger: what the list shows, and the template with its lists, required marks and examples."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from typing import Any

import xlsxwriter

from jieneng.core.words import T
from jieneng.records.workbook import Column, Sheet, height, list_workbook, wide
from jieneng.rulebook.types import Ledger, LedgerField

from .layouts import GUIDE, head
from .queries import typed

ROWS = 500
"""Rows of the template that carry lists and checks."""
EXAMPLES = {"date": "2022-03-18", "year": "2022", "number": "156.5"}
LIST_LIMIT = 255
"""Characters that a list typed into a validation may hold."""


def _width(f: LedgerField, texts: Sequence[str]) -> int:
    """Wide enough for most of its contents; the rest wraps, so that a page across holds all columns in a readable size."""
    return max(min(max([wide(t) for t in texts] + [0]) + 1, 16), min(wide(head(f)), 8) + 2, 7)


def exported(ledger: Ledger, lines: Sequence[Mapping[str, Any]]) -> bytes:
    """Lines as a workbook that can be read back in; choices in Chinese words, whatever the language of the page."""
    data = []
    for values in lines:
        line = typed(ledger, dict(values))
        data.append([f.choices[line[f.code]].zh if f.type == "choice" and line[f.code] else line[f.code] for f in ledger.fields])
    columns = [Column(T(head(f), head(f)), _width(f, [str(r[n]) for r in data if r[n] is not None])) for n, f in enumerate(ledger.fields)]
    return list_workbook(ledger.title, columns, data)


def template(ledger: Ledger) -> bytes:
    """An empty workbook of a ledger: required columns marked, choices as lists to pick from, and a sheet that explains each column."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    book.set_properties({"title": str(ledger.title), "created": dt.datetime(2020, 1, 1)})
    sheet, guide = book.add_worksheet(ledger.title.zh[:28].replace("/", " ")), book.add_worksheet(GUIDE)
    writer = Sheet(book, sheet)
    box = {"border": 1, "text_wrap": True, "valign": "vcenter"}
    title, must = writer.style(bold=True, font_size=14), writer.style(font_size=9, font_color="#b42318", bold=True, text_wrap=True)
    may = writer.style(font_size=9, font_color="#5b6976", text_wrap=True)
    heads = {True: writer.style(bold=True, bg_color="#fdecea", **box), False: writer.style(bold=True, bg_color="#eef2f6", **box)}
    writer.put(0, 0, f"{ledger.title.zh}（空表：从第 4 行填起，各栏怎么填见“{GUIDE}”）", title)
    sheet.set_row(1, 26)
    widths = [max(_width(f, [c.zh for c in f.choices.values()]), 11) for f in ledger.fields]
    sheet.set_row(2, height([(head(f), w) for f, w in zip(ledger.fields, widths, strict=True)]) + 4)
    for n, f in enumerate(ledger.fields):
        writer.put(1, n, ("必填" if f.required else "选填") + {"choice": "，点选", "date": "，日期", "year": "，四位年份", "number": "，数"}.get(f.type, ""),
                   must if f.required else may)
        writer.put(2, n, head(f), heads[f.required])
        sheet.set_column(n, n, widths[n], book.add_format({"num_format": "@"}) if f.type in ("text", "date") else None)
        _validate(sheet, n, f)
    sheet.freeze_panes(3, 1)
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(2)
    _explain(Sheet(book, guide), ledger, book)
    book.close()
    return out.getvalue()


def _validate(sheet: Any, n: int, f: LedgerField) -> None:
    """Pick from the list, or a year of four digits; refused in the workbook before it ever reaches us."""
    if f.type == "choice":
        words = [c.zh for c in f.choices.values()]
        if len(",".join(words)) <= LIST_LIMIT:
            sheet.data_validation(3, n, 2 + ROWS, n, {"validate": "list", "source": words, "error_title": f.label.zh[:32], "error_message": "请从列表里选"})
    elif f.type == "year":
        sheet.data_validation(3, n, 2 + ROWS, n, {"validate": "integer", "criteria": "between", "minimum": 1990, "maximum": 2099,
                                                  "error_title": f.label.zh[:32], "error_message": "请写四位年份，如 2022"})


def _explain(writer: Sheet, ledger: Ledger, book: Any) -> None:
    box = {"border": 1, "text_wrap": True, "valign": "top"}
    bold, cell = writer.style(bold=True, bg_color="#eef2f6", **box), writer.style(**box)
    for n, (text, width) in enumerate((("栏目", 20), ("必填", 8), ("填什么", 36), ("示例", 18), ("说明", 40))):
        writer.put(0, n, text, bold)
        writer.sheet.set_column(n, n, width)
    kinds = {"text": "文字", "number": "数（只写数字）", "date": "日期（年-月-日）", "year": "四位年份", "institution": "单位名称"}
    columns = (20, 8, 36, 18, 40)
    for row, f in enumerate(ledger.fields, 1):
        what = "从列表里选：" + "、".join(c.zh for c in f.choices.values()) if f.choices else kinds.get(f.type, "文字")
        example = next(iter(f.choices.values())).zh if f.choices else EXAMPLES.get(f.type, f"示例{f.label.zh}")
        note = (f.help.zh if f.help else "") + ("编号，同一编号再导入就是改这一条。" if f.code in ledger.key else "")
        texts = (head(f), "是" if f.required else "", what, example, note)
        writer.sheet.set_row(row, height(zip(texts, columns, strict=True)))
        for n, text in enumerate(texts):
            writer.put(row, n, text, cell)
    writer.sheet.set_paper(9)
    writer.sheet.set_landscape()
    writer.sheet.fit_to_pages(1, 0)
