"""The workbook of a year: one per institution, or one per department with a row for each unit and period.

The cells themselves carry the checks (``rules.py``). Last year's values stand beside the empty cells; sums are formulas; a sheet that
nobody sees says what the workbook is. What comes back is read by marks, never by names or places of sheets (``reading.py``).
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import xlsxwriter
from django.core.signing import Signer
from xlsxwriter.utility import xl_col_to_name

from jieneng.core.cell import LIMIT
from jieneng.core.words import T
from jieneng.records.quick_sheet import QuickSheet
from jieneng.records.workbook import Sheet, height
from jieneng.returns.examine import Examiner
from jieneng.rulebook.types import Book

from . import part_sheets, rules
from .shape import Entry, Shape, unit_sign

FORMAT = "jieneng-filling/1"
IDENTITY, SHEET, CHECKS, BASIS = "_jieneng", T("填报", "Fill in"), T("审核", "Checks"), T("基本信息依据", "Basis")
HEAD = 5
"""Rows above the data: title, notes, codes (hidden), heads, units."""
FIRST = 5
"""Columns before the items: mark (hidden), unit or month, period, result, first thing to look at."""


@dataclass
class Line:
    """A row: whose and for which period, what is known already, what stands beside. ``locked``: filed, not to be changed."""

    key: str
    name: str
    period: str
    values: Mapping[str, Decimal | None] = field(default_factory=dict)
    before: Mapping[str, Decimal | None] = field(default_factory=dict)
    locked: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    """Texts that are no numbers, kept as they came: item → text."""
    waived: Mapping[str, str] = field(default_factory=dict)
    """Rule → who let it go for this unit, until when and why: what fails it is marked, and stands in nobody's way."""

    @property
    def mark(self) -> str:
        return f"{self.key}|{self.period}"


@dataclass
class Spec:
    """What a workbook is to hold. ``comments``: (mark, item) → texts put beside the cell. ``basis``: item → its bases to choose from."""

    book: Book
    shape: Shape
    title: str
    identity: Mapping[str, str]
    lines: Sequence[Line]
    notes: Sequence[str] = ()
    beside_all: bool = False
    carry: bool = False
    basis: Mapping[str, Sequence[str]] = field(default_factory=dict)
    chosen: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    comments: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[part_sheets.PartSheet] = ()


def sign(identity: Mapping[str, str]) -> str:
    """The signature over what a workbook says it is."""
    return Signer(salt="jieneng.filling.workbook").signature(json.dumps(dict(identity), ensure_ascii=False, sort_keys=True))


class _Writer:
    """Writes one workbook."""

    def __init__(self, spec: Spec) -> None:
        self.spec, self.shape = spec, spec.shape
        self.out = io.BytesIO()
        self.book = xlsxwriter.Workbook(self.out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
        self.book.set_properties({"title": spec.title, "created": dt.datetime(2020, 1, 1)})
        self.sheet = self.book.add_worksheet(str(SHEET), QuickSheet)
        self.put = Sheet(self.book, self.sheet).put
        self.checks = rules.usable(spec.shape.form)
        self.columns = self._columns()
        self.at = {code: n for n, code in enumerate(self.columns, FIRST)}
        self.last = HEAD + len(spec.lines)
        self._styles()

    def _columns(self) -> list[str]:
        """Item, or last year's of an item, in order; then the checks."""
        back = set(rules.before(self.shape.form))
        found: list[str] = []
        for code in self.shape.entries:
            found.append(code)
            if self.spec.beside_all or f"last_year.{code}" in back:
                found.append(f"last_year.{code}")
            if f"last_month.{code}" in back:
                found.append(f"last_month.{code}")
        return found + [f"check.{c.id}" for c in self.checks]

    def _styles(self) -> None:
        make, line = self.book.add_format, {"border": 1, "border_color": "#c3cdd7"}
        self.plain = make({"valign": "vcenter", **line})
        self.wrap = make({"text_wrap": True, "valign": "top", **line})
        self.head = make({"bold": True, "bg_color": "#eef2f6", "text_wrap": True, "valign": "vcenter", "align": "center", **line})
        self.grey = make({"font_color": "#5b6976", "bg_color": "#f7f9fb", "num_format": "#,##0.####;-#,##0.####;0", **line})
        self.input = make({"locked": False, "num_format": "#,##0.####;-#,##0.####;0", **line})
        self.done = make({"bg_color": "#eef2f6", "num_format": "#,##0.####;-#,##0.####;0", **line})
        self.sum = make({"bg_color": "#e8e4f5", "num_format": "#,##0.####;-#,##0.####;0", **line})
        self.mark = make({"num_format": '[=2]"✗";[=1]"✓";""', "align": "center", "font_color": "#5b6976", **line})
        self.let_go = make({"num_format": f'[={rules.LET_GO}]"{T("免", "waived")}";[=1]"✓";""', "align": "center", "font_color": "#5b6976", **line})
        self.title, self.small = make({"bold": True, "font_size": 14}), make({"font_color": "#5b6976", "font_size": 9})
        self.wrong, self.doubt = make({"bg_color": "#fdecea", "font_color": "#b1271d"}), make({"bg_color": "#fff2d9", "font_color": "#8a4f00"})
        self.choose = make({"locked": False, "text_wrap": True, **line})

    def cell(self, row: int, code: str, fixed: bool = False) -> str:
        """The address of a column's cell in a row counted from 0."""
        return f"{'$' if fixed else ''}{xl_col_to_name(self.at[code])}{'$' if fixed else ''}{row + 1}"

    def ref(self, row: int) -> rules.Ref:
        """The cells of names as a check in this row sees them."""

        def find(name: str) -> str | None:
            return self.cell(row, name) if name in self.at else None

        return find

    def write(self) -> bytes:
        self._heads()
        rows = _Rows(self)
        for n, line in enumerate(self.spec.lines):
            rows.write(HEAD + n, line, n)
        self._finish()
        self._checks()
        for part in self.spec.parts:
            part_sheets.write(self, part, self.spec.comments)
        if self.spec.basis:
            self._basis()
        self._identity()
        self.book.close()
        return self.out.getvalue()

    def _heads(self) -> None:
        self.put(0, 1, self.spec.title, self.title)
        self.put(1, 1, "；".join(self.spec.notes), self.small)
        self.sheet.write_string(2, 0, "#items")
        for n, (zh, en, width) in enumerate((("", "", 2), ("单位", "Unit", 26) if not self.spec.carry else ("月份", "Month", 9),
                                              ("统计期", "Period", 9), ("结果", "Result", 16), ("先看这一处", "Look here first", 34))):
            if n:
                self.put(3, n, str(T(zh, en)), self.head)
                self.sheet.write_blank(4, n, None, self.head)
            self.sheet.set_column(n, n, width, None, {"hidden": n == 0})
        for code, n in self.at.items():
            self.sheet.write_string(2, n, code)
            side, _, item = code.rpartition(".")
            if side == "check":
                self.put(3, n, item, self.head)
                self.sheet.write_blank(4, n, None, self.head)
                continue
            e = self.shape.entries[item]
            label = {"": f"{e.number} {e.label}".strip(), "last_year": str(T("去年同期", "a year ago")), "last_month": str(T("上月", "last month"))}[side]
            self.put(3, n, label + (str(T("（自动相加）", " (computed)")) if e.parts and not side else ""), self.head)
            self.put(4, n, self._unit(e), self.head)
            self.sheet.set_column(n, n, 12 if not side else 10)
        first, last = (self.at[f"check.{c.id}"] for c in (self.checks[0], self.checks[-1])) if self.checks else (0, 0)
        if self.checks:
            self.sheet.set_column(first, last, 5, None, {"level": 1})
        self.sheet.set_row(2, None, None, {"hidden": True})
        self.sheet.set_row(3, 48)

    def _unit(self, e: Entry) -> str:
        return unit_sign(self.spec.book, e.item.unit)

    def _finish(self) -> None:
        """Lists, limits, locks, colours and print set-up of the sheet."""
        first, last = HEAD, max(HEAD, self.last - 1)
        for e in self.shape.entries.values():
            if e.parts:
                continue
            kind = {"validate": "integer", "maximum": int(LIMIT) - 1} if e.item.kind == "count" else {"validate": "decimal", "maximum": float(LIMIT) - 0.001}
            self.sheet.data_validation(first, self.at[e.code], last, self.at[e.code], {
                **kind, "criteria": "between", "minimum": 0, "ignore_blank": True, "error_title": str(T("填的不是能用的数", "not a usable number")),
                "error_message": str(T("应为 0 或更大的{k}，单位 {u}。没有用就填 0，还不知道就空着。", "0 or more, {k}, in {u}. Write 0 where nothing was used; leave it empty while unknown.",
                                       k=str(T("整数", "whole") if e.item.kind == "count" else T("数", "a number")), u=self._unit(e)))[:250]})
        for c in self.checks:
            mark, style = f"${xl_col_to_name(self.at[f'check.{c.id}'])}{first + 1}", self.wrong if c.severity == "must" else self.doubt
            for item in sorted(n for n in rules.needed(c) if n in self.at and "." not in n):
                self.sheet.conditional_format(first, self.at[item], last, self.at[item], {"type": "formula", "criteria": f"={mark}=2", "format": style})
        self.sheet.freeze_panes(HEAD, FIRST)
        self.sheet.protect("", {"format_columns": True, "format_rows": True, "autofilter": True, "sort": True, "objects": True})
        self.sheet.set_paper(9)
        self.sheet.set_landscape()
        self.sheet.fit_to_pages(1, 0)
        self.sheet.repeat_rows(3, 4)

    def _checks(self) -> None:
        """Every rule with its words, how many rows fail it, and the first of them with the values it saw."""
        sheet = self.book.add_worksheet(str(CHECKS))
        put = Sheet(self.book, sheet).put
        heads = (("规则", "Rule", 8), ("级别", "Severity", 10), ("说的是", "Says", 52), ("怎么办", "What to do", 40), ("几行", "Rows", 7), ("第几行", "First", 7),
                 ("哪一行", "Where", 24), ("填的数", "With its values", 64))
        put(0, 0, str(T("制度自带的逻辑检查：和网页、会审用同一条规则，同一个结论", "The edition's own checks: one rule, one verdict in workbook, page and review")), self.title)
        for n, (zh, en, width) in enumerate(heads):
            put(2, n, str(T(zh, en)), self.head)
            sheet.set_column(n, n, width)
        labels = {**{k: e.number or str(e.label) for k, e in self.shape.entries.items()}}
        labels |= {f"last_year_{k}": str(T("去年 {x}", "last year {x}", x=v)) for k, v in labels.items()} | {f"last_month_{k}": str(T("上月 {x}", "last month {x}", x=v)) for k, v in labels.items()}
        first, last = HEAD + 1, max(HEAD + 1, self.last)
        for n, c in enumerate(self.checks, 3):
            text = rules.named(c, labels)
            put(n, 0, c.id, self.wrap)
            put(n, 1, str(c.severity.label), self.wrap)
            put(n, 2, text, self.wrap)
            put(n, 3, str(c.do), self.wrap)
            column = xl_col_to_name(self.at[f"check.{c.id}"])
            whole = f"'{SHEET}'!${column}${first}:${column}${last}"
            sheet.write_formula(n, 4, f"=COUNTIF({whole},2)", self.wrap)
            sheet.write_formula(n, 5, f'=IF(E{n + 1}=0,"",MATCH(2,{whole},0))', self.wrap, "")
            who = f"INDEX('{SHEET}'!$B${first}:$B${last},F{n + 1})&\" \"&INDEX('{SHEET}'!$C${first}:$C${last},F{n + 1})"
            sheet.write_formula(n, 6, f'=IF(E{n + 1}=0,"",{who})', self.wrap, "")
            sheet.write_formula(n, 7, f'=IF(E{n + 1}=0,"",{rules.words(c, self._index(first, last, n))})', self.wrap, "")
            sheet.set_row(n, height([(text, 52), (str(c.do), 40), (text, 64)]))
        sheet.freeze_panes(3, 1)
        sheet.protect("", {"format_columns": True, "format_rows": True})
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)

    def _index(self, first: int, last: int, n: int) -> rules.Ref:
        def find(name: str) -> str | None:
            if name not in self.at:
                return None
            column = xl_col_to_name(self.at[name])
            return f"INDEX('{SHEET}'!${column}${first}:${column}${last},$F{n + 1})"

        return find

    def _basis(self) -> None:
        """What area and people rest on, to be chosen from a list, and why they changed."""
        sheet = self.book.add_worksheet(str(BASIS))
        put = Sheet(self.book, sheet).put
        sheet.write_string(0, 0, "#basis")
        for n, (zh, en, width) in enumerate((("", "", 2), ("指标", "Item", 16), ("口径", "Definition", 60), ("依据（点选）", "Basis (choose)", 20), ("变动原因", "Reason for change", 40))):
            if n:
                put(1, n, str(T(zh, en)), self.head)
            sheet.set_column(n, n, width, None, {"hidden": n == 0})
        for n, (code, choices) in enumerate(self.spec.basis.items(), 2):
            e = self.shape.entries[code]
            sheet.write_string(n, 0, f"#{code}")
            put(n, 1, str(e.label), self.wrap)
            put(n, 2, str(e.item.definition or ""), self.wrap)
            basis, reason = self.spec.chosen.get(code, ("", ""))
            put(n, 3, basis, self.choose)
            put(n, 4, reason, self.choose)
            sheet.data_validation(n, 3, n, 3, {"validate": "list", "source": list(choices)})
            sheet.set_row(n, 34)
        sheet.protect()

    def _identity(self) -> None:
        """What this workbook is, with a signature. Very hidden; read back, never shown."""
        sheet = self.book.add_worksheet(IDENTITY)
        facts = {**self.spec.identity, "format": FORMAT}
        for n, (k, v) in enumerate([*sorted(facts.items()), ("signature", sign(facts))]):
            sheet.write_string(n, 0, k)
            sheet.write_string(n, 1, v)
        sheet.very_hidden()
        sheet.protect()


_RESULTS = {"bad": T(" 格不是数、太大或小于 0", " cells are no numbers, too large or below 0"), "fails": T(" 处要看", " to look at"),
            "empty": T(" 格还没填", " cells are empty"), "ok": T("可以交", "ready")}
ROW, ABOVE = "§", "¶"
"""Where a formula written once for a column has the number of its row, and of the row above."""


@dataclass(frozen=True)
class _Item:
    """A column of amounts: where, whose, from which side, and its formula where it has one."""

    column: int
    code: str
    item: str
    side: str
    entry: Entry
    formula: str


class _Rows:
    """Writes the rows of units and periods. Everything that is the same in all rows is made once, formulas too."""

    def __init__(self, writer: _Writer) -> None:
        self.w, self.spec, self.sheet = writer, writer.spec, writer.sheet
        self.examiner = Examiner(writer.shape.form)
        self.items = [self._item(code, column) for code, column in writer.at.items() if not code.startswith("check.")]
        self.checks = [(c.id, writer.at[f"check.{c.id}"], rules.verdict(c, self._there)) for c in writer.checks]
        self.result, self.first = self._results()

    def _there(self, name: str) -> str | None:
        """The cell of a name in the row being written."""
        return f"{xl_col_to_name(self.w.at[name])}{ROW}" if name in self.w.at else None

    def _item(self, code: str, column: int) -> _Item:
        side, _, item = code.rpartition(".")
        e, formula = self.w.shape.entries[item], ""
        if e.parts and not side:
            parts = [str(self._there(p)) for p in e.parts]
            formula = f'IF(COUNT({",".join(parts)})={len(parts)},{"+".join(parts)},"")'
        elif self.spec.carry and not side and e in self.w.shape.standing:
            above = f"{xl_col_to_name(column)}{ABOVE}"
            formula = f'IF({above}="","",{above})'
        return _Item(column, code, item, side, e, formula)

    def _results(self) -> tuple[str, str]:
        """The formula that says how a row stands, and the one that says where to look first."""
        first, last = xl_col_to_name(FIRST), xl_col_to_name(FIRST + len(self.items) - 1)
        inputs = f"{first}{ROW}:{last}{ROW}"
        required = [str(self._there(e.code)) for e in self.w.shape.entries.values() if e.required and not e.parts]
        marks = f"{self._there(f'check.{self.checks[0][0]}')}:{self._there(f'check.{self.checks[-1][0]}')}" if self.checks else ""
        bad = f'(SUMPRODUCT(ISTEXT({inputs})*(LEN({inputs})>0))+COUNTIF({inputs},">={LIMIT:f}")+COUNTIF({inputs},"<0"))'
        fails, empty = (f"COUNTIF({marks},2)" if marks else "0"), f"({len(required)}-COUNT({','.join(required)}))" if required else "0"
        w = {k: str(v) for k, v in _RESULTS.items()}
        result = (f'IF({bad}>0,"✗ "&{bad}&"{w["bad"]}",IF({fails}>0,"✗ "&{fails}&"{w["fails"]}",'
                  f'IF({empty}>0,"… "&{empty}&"{w["empty"]}","✓ {w["ok"]}")))')
        words = f"'{CHECKS}'!$C$4:$C${3 + len(self.checks)}"
        return result, f'IF({fails}=0,"",INDEX({words},MATCH(2,{marks},0)))' if marks else ""

    def write(self, row: int, line: Line, n: int) -> None:
        """One row: whose, its amounts, its verdicts. ``n``: which line it is."""
        w, sheet, number = self.w, self.sheet, str(row + 1)
        sheet.write_string(row, 0, f"#{line.mark}")
        w.put(row, 1, line.name, w.plain)
        sheet.write_string(row, 2, line.period, w.plain)
        style = w.done if line.locked else w.input
        for i in self.items:
            if i.side:
                self._amount(row, i.column, line.before.get(i.code), w.grey)
                continue
            value = line.values.get(i.item)
            if i.entry.parts:
                sheet.write_formula(row, i.column, i.formula.replace(ROW, number), w.sum, "" if value is None else float(value))
            elif i.item in line.texts:
                w.put(row, i.column, line.texts[i.item], w.input)
            elif value is None and i.formula and n and not line.locked:
                sheet.write_formula(row, i.column, i.formula.replace(ABOVE, str(row)), w.input, "")
            else:
                self._amount(row, i.column, value, style)
            if texts := self.spec.comments.get((line.mark, i.item)):
                sheet.write_comment(row, i.column, "\n".join(texts), {"x_scale": 2, "y_scale": 1 + 0.4 * len(texts)})
        self._verdicts(row, line, number)

    def _amount(self, row: int, column: int, value: Decimal | None, style: object) -> None:
        if value is None:
            self.sheet.write_blank(row, column, None, style)
        else:
            self.sheet.write_number(row, column, float(value), style)

    def _verdicts(self, row: int, line: Line, number: str) -> None:
        """The verdicts of a row and what they come to, with the results that are true as it is written."""
        w, sheet, failed = self.w, self.sheet, set()
        if any(v is not None for v in line.values.values()):
            last_year, last_month = ({k.partition(".")[2]: v for k, v in line.before.items() if k.startswith(side)} for side in ("last_year.", "last_month."))
            failed = set(self.examiner.failing(line.values, last_year, last_month))
        for code, column, formula in self.checks:
            formula = formula.replace(ROW, number)
            if code in line.waived:
                sheet.write_formula(row, column, rules.let_go(formula), w.let_go, rules.LET_GO if code in failed else 0)
                sheet.write_comment(row, column, line.waived[code], {"x_scale": 2})
            else:
                sheet.write_formula(row, column, formula, w.mark, 2 if code in failed else 0)
        sheet.write_formula(row, 3, self.result.replace(ROW, number), w.plain, "")
        if self.first:
            sheet.write_formula(row, 4, self.first.replace(ROW, number), w.wrap, "")


def make(spec: Spec) -> bytes:
    """The workbook as a file."""
    return _Writer(spec).write()
