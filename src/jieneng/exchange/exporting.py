"""Out by layout, the mirror of import: what a layout reads it also writes, so that a file made here reads back to the same values.

Wide, long and months; xlsx and CSV. Texts of people are neutralised against being taken for formulas; reading restores them.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import xlsxwriter

from jieneng.core.amount import decimal_of
from jieneng.core.period import Period
from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.scope import require
from jieneng.records.events import action, record
from jieneng.records.workbook import Sheet, dangerous, safe_text
from jieneng.registry.models import Alias, Standing
from jieneng.registry.queries import closed_to
from jieneng.returns.intake import Layout, Units
from jieneng.returns.intake.layout import Spec
from jieneng.returns.queries import book
from jieneng.rulebook.types import Book

from . import queries
from .books import TO_CHECK
from .models import STATES, Correction

Row = dict[str, Any]
"""Column name → value (Decimal, text or None)."""


@dataclass
class Body:
    """One unit to be written: its identifiers by scheme, what the register says, its answers by period."""

    codes: dict[str, str]
    said: dict[str, str]
    answers: dict[str, dict[str, str | None]] = field(default_factory=dict)


def write(person: User, layout: Layout, *, period: Period, area: str = "") -> tuple[bytes, str]:
    """The units of the person's scope by a layout: content and a file name. Raises ``Refused`` for what the layout cannot write.

    Answers are those of our current revisions in ``period`` (a year: all its months, or the yearly return).
    """
    mine = require(person, "see")
    b = book()
    Units(b).check(layout)
    if layout.ledger:
        raise refuse("export.ledger", T("台账从台账页导出", "ledgers are exported from their own page"), where=Place(file=layout.place))
    bodies = _bodies(mine, closed_to(person), layout, period, area)
    sheets = _sheets(layout, b, bodies, period)
    columns = layout.columns()
    data = _csv(layout, sheets, columns) if layout.kind == "csv" else _xlsx(layout, sheets, period, columns)
    with action():
        record(person, "export.layout", "layout", layout.code, line=min((x for x in mine.lines), default=""), data={
            "layout": layout.code, "hash": layout.hash, "period": str(period), "area": area, "units": len(bodies), "rows": sum(len(r) for _, r in sheets)})
    return data, f"{layout.code}-{period}.{'csv' if layout.kind == 'csv' else 'xlsx'}"


def _bodies(mine: Any, closed: set[int], layout: Layout, period: Period, area: str) -> list[Body]:
    """The units a person may see whole; of ``closed`` ones (sensitive units, to those who only look on) there are totals alone."""
    lines = [s for s in queries.lines_of(period.year).values()
             if s.institution_id not in closed and mine.covers(s.office.path, s.institution.key) and (not area or s.area == area)]
    ids = {s.institution_id for s in lines}
    other = _codes(ids)
    answers: dict[int, dict[str, dict[str, str | None]]] = {}
    if any(f.part_of for f in book().forms.values() if f.code == layout.form):
        return _part_bodies(lines, other, queries.our_parts(layout.form, period.year, ids), str(Period("year", period.year)))
    if "answers" in layout.reads:
        for (i, p), said in queries.our_answers(layout.form, period.year, ids).items():
            if Period.parse(p) in period:
                answers.setdefault(i, {})[p] = said
    found = [Body({s.institution.scheme: s.institution.key, **other.get(s.institution_id, {})}, _said(s), answers.get(s.institution_id, {}))
             for s in sorted(lines, key=lambda s: (s.office.path, s.name))]
    return [x for x in found if x.answers] if "answers" in layout.reads and "register" not in layout.reads else found


def _part_bodies(lines: Sequence[Standing], other: Mapping[int, dict[str, str]], parts: Mapping[int, list[tuple[str, dict[str, str | None]]]], year: str) -> list[Body]:
    """Of a form that is a part of another: a row for each machine room or heating source, with its name."""
    return [Body({s.institution.scheme: s.institution.key, **other.get(s.institution_id, {})}, {**_said(s), "part": name}, {year: said})
            for s in sorted(lines, key=lambda s: (s.office.path, s.name)) for name, said in parts.get(s.institution_id, [])]


def _said(s: Standing) -> dict[str, str]:
    return {"name": s.name, "area": s.area, "department": s.department, "territory": s.territory, "type": s.type, "since": s.since.isoformat(),
            "in_scope": "是" if s.in_scope else "否", "covered_by": s.covered_by.key if s.covered_by else ""}


SAID = ("old", "reason", "word", "state", "found", "number")
"""What a list of corrections says beside who, when, which item and what it should be: names under a layout's ``extra``."""


def corrections(layout: Layout, year: int, rows: Sequence[tuple[Correction, Standing]]) -> bytes:
    """A list of corrections as a layout of the long shape says: ``long.value`` is what it should be, ``extra`` may name ``SAID``.

    Columns stand in the order of the layout's lines: the office's own. Raises ``Refused`` for what the layout cannot write.
    """
    b = book()
    units = Units(b)
    units.check(layout)
    if layout.shape != "long" or layout.long is None or not layout.long.value.columns or layout.ledger:
        raise refuse("export.corrections", T("更正清单一行一项，表样“{c}”不是", "a list of corrections has a row per item; layout “{c}” has not", c=layout.code),
                     T("shape: long", "shape: long"), T("照手册“更正清单的表样”写一个", "write one as in the how-to on layouts"), Place(file=layout.place))
    named = {i.item: i for i in layout.items}
    if lacking := sorted({c.item for c, _ in rows if c.item} - set(named)):
        raise refuse("export.items", T("表样里没有指标：{i}", "the layout lacks the items: {i}", i="、".join(str(b.items[i].label) if i in b.items else i for i in lacking)),
                     do=T("在表样的 items 里补上", "add them to the layout’s items"), where=Place(file=layout.place))
    numbers, codes = queries.numbers_of(b, layout.form, year), _codes({s.institution_id for _, s in rows})
    made = []
    for c, s in rows:
        row = _lead(layout, Body({s.institution.scheme: s.institution.key, **codes.get(s.institution_id, {})}, _said(s)))
        _when(layout, row, c.period)
        unit, column = _unit(layout, named[c.item].unit, b, c.item) if c.item else ("", None)
        _put(row, layout.long.item, named[c.item].column if c.item else "整份报表")
        _put(row, column, unit if column else "")
        row[layout.long.value.columns[0]] = in_unit(c.new, c.item, unit, b, units) if c.new is not None else str(TO_CHECK)
        said = {"old": in_unit(c.old, c.item, unit, b, units), "found": in_unit(c.found, c.item, unit, b, units), "reason": c.reason, "word": c.word,
                "state": str(STATES[c.state]), "number": numbers.get(c.item, "")}
        for name, spec in layout.extra.items():
            _put(row, spec, said.get(name, ""))
        made.append(row)
    columns = list(dict.fromkeys(n for spec in sorted(layout.specs(), key=lambda x: x.line) for n in spec.columns))
    sheets = [(layout.sheets[0] if layout.sheets else "Sheet1", made)]
    return _csv(layout, sheets, columns) if layout.kind == "csv" else _xlsx(layout, sheets, Period("year", year), columns)


def _codes(institutions: set[int]) -> dict[int, dict[str, str]]:
    """Institution → its other identifiers by scheme."""
    other: dict[int, dict[str, str]] = {}
    for a in Alias.objects.filter(institution__in=institutions):
        other.setdefault(a.institution_id, {})[a.scheme] = a.value
    return other


# --- rows ------------------------------------------------------------------------------------------------------------


def _sheets(layout: Layout, b: Book, bodies: Sequence[Body], period: Period) -> list[tuple[str, list[Row]]]:
    """Sheet name → rows. Where the sheets' names tell the period, a sheet for each."""
    units = Units(b)
    rows: dict[str, list[Row]] = {}
    for body in bodies:
        periods = sorted(body.answers) if "answers" in layout.reads else [""]
        if layout.shape == "months":
            name = layout.sheets[0] if layout.sheets else "Sheet1"
            rows.setdefault(name, []).extend(_month_rows(layout, b, units, body, period))
            continue
        for p in periods:
            name = _sheet_name(layout, p, period)
            rows.setdefault(name, []).extend(_rows(layout, b, units, body, p))
    return sorted(rows.items()) or [("Sheet1", [])]


def _sheet_name(layout: Layout, p: str, period: Period) -> str:
    spec = layout.period.whole if layout.period else None
    if spec is not None and spec.sheet:
        return str(Period.parse(p).label.zh)
    if spec is not None and (spec.title or spec.file) and p and Period.parse(p) != period:
        raise refuse("export.period", T("这个表样一张表只有一个统计期，期间是 {p}", "this layout holds one period a table, found {p}", p=p),
                     do=T("逐月导出：--period 2022-03", "export month by month: --period 2022-03"))
    return layout.sheets[0] if layout.sheets else "Sheet1"


def _put(row: Row, spec: Spec | None, text: Any) -> None:
    """Write a field where a layout reads it: back through its map, into its one column. Fixed values and patterns are not written."""
    if spec is None or not spec.columns:
        return
    if len(spec.columns) > 1:
        for column, part in zip(spec.columns, str(text).split(spec.join, len(spec.columns) - 1), strict=False):
            row[column] = part
        return
    back = {v: k for k, v in reversed(list(spec.map.items()))}
    row[spec.columns[0]] = back.get(text, text) if isinstance(text, str) else text


def _lead(layout: Layout, body: Body) -> Row:
    """Identifier and register fields."""
    row: Row = {}
    code = body.codes.get(layout.scheme)
    if layout.identifier is not None:
        if code is None:
            raise refuse("export.code", T("“{n}”没有 {s} 编号", "“{n}” has no code of kind {s}", n=body.said["name"], s=layout.scheme),
                         do=T("先导入带编号的名录", "import a register with these codes first"))
        _put(row, layout.identifier, code)
    for name, spec in layout.fields.items():
        _put(row, spec, body.said.get(name, ""))
    for scheme, spec in layout.aliases.items():
        _put(row, spec, body.codes.get(scheme, ""))
    return row


def _when(layout: Layout, row: Row, p: str) -> None:
    spec = layout.period
    if spec is None or not p:
        return
    when = Period.parse(p)
    if spec.whole is not None and spec.whole.columns:
        row[spec.whole.columns[0]] = written(when, spec.whole.formats)
    for part, value in ((spec.year, str(when.year)), (spec.month, str(when.index) if when.kind == "month" else "")):
        _put(row, part, value)


def written(when: Period, formats: Sequence[str]) -> str:
    """A period as the layout's first format writes it; the plain form where there is none."""
    form = next((f for f in formats if f not in ("date", "excel-serial")), "YYYY-MM" if when.kind == "month" else "YYYY")
    if when.kind != "month" and "M" in form:
        form = "YYYY"
    day = "01"
    for token, value in (("YYYY", str(when.year)), ("YY", f"{when.year % 100:02}"), ("MM", f"{when.index:02}"), ("DD", day), ("M", str(when.index)), ("D", "1")):
        if token in form and not (token in ("M", "D") and token * 2 in form):
            form = form.replace(token, value, 1)
    return form


def in_unit(text: str | None, item: str, unit: str, b: Book, units: Units) -> Decimal | None:
    """A stored amount in the layout's unit, exactly."""
    if text is None:
        return None
    factor = units.factor(b.items[item].unit, unit)
    return decimal_of(Fraction(Decimal(text)) * (factor if factor is not None else Fraction(1)), 9) if factor not in (None, 1) else Decimal(text)


def _unit(layout: Layout, spec: Spec, b: Book, item: str) -> tuple[str, Spec | None]:
    """The unit an item is written in, and the column that says so (None: the head does)."""
    chosen = spec if spec.value is not None or spec.columns else layout.unit
    if chosen is None or chosen.columns:
        return b.items[item].unit, chosen
    return chosen.value or b.items[item].unit, None


def _rows(layout: Layout, b: Book, units: Units, body: Body, p: str) -> list[Row]:
    lead = _lead(layout, body)
    _when(layout, lead, p)
    said = body.answers.get(p, {})
    if layout.shape == "wide":
        for spec in layout.items:
            unit, column = _unit(layout, spec.unit, b, spec.item)
            lead[spec.column] = in_unit(said.get(spec.item), spec.item, unit, b, units)
            _put(lead, column, str(b.units[unit].label.zh) if column else "")
        return [lead]
    if layout.long is None:
        return []
    out = []
    for spec in layout.items:
        if spec.item in said:
            unit, column = _unit(layout, spec.unit, b, spec.item)
            row = {**lead, layout.long.value.columns[0]: in_unit(said[spec.item], spec.item, unit, b, units)}
            _put(row, layout.long.item, spec.column)
            _put(row, column, unit if column else "")
            out.append(row)
    return out


def _month_rows(layout: Layout, b: Book, units: Units, body: Body, period: Period) -> list[Row]:
    if layout.months is None:
        return []
    lead, out = _lead(layout, body), []
    _put(lead, layout.months.year, str(period.year))
    for spec in layout.items:
        unit, column = _unit(layout, spec.unit, b, spec.item)
        row = dict(lead)
        _put(row, layout.months.item, spec.column)
        _put(row, column, unit if column else "")
        for n, name in enumerate(layout.months.columns, 1):
            row[name] = in_unit(body.answers.get(str(Period.month(period.year, n)), {}).get(spec.item), spec.item, unit, b, units)
        out.append(row)
    return out


# --- files -----------------------------------------------------------------------------------------------------------


def _heads(layout: Layout, columns: Sequence[str]) -> list[list[str]]:
    """The header rows: a name ``A/B`` stands over as many rows as the header has."""
    names = [n.partition("#")[0] if n.rpartition("#")[2].isdigit() and "#" in n else n for n in columns]
    deep = layout.header_rows
    parts = [n.split("/", deep - 1) if deep > 1 else [n] for n in names]
    return [[p[k] if k < len(p) else p[-1] for p in parts] for k in range(deep)]


def _title(layout: Layout, period: Period) -> str:
    return f"{layout.title.zh} {period.label.zh}"


def _xlsx(layout: Layout, sheets: Sequence[tuple[str, list[Row]]], period: Period, columns: Sequence[str]) -> bytes:
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    made.set_properties({"title": layout.code, "created": dt.datetime(2020, 1, 1)})
    head, at = made.add_format({"bold": True, "border": 1, "text_wrap": True}), max(layout.header_row, 1)
    for name, rows in sheets:
        sheet = made.add_worksheet(name[:31])
        writer = Sheet(made, sheet)
        if at > 1:
            writer.put(0, 0, _title(layout, period))
        for k, labels in enumerate(_heads(layout, columns)):
            for n, label in enumerate(labels):
                writer.put(at - 1 + k, n, label, head)
        for k, row in enumerate(rows, at - 1 + layout.header_rows):
            for n, column in enumerate(columns):
                writer.put(k, n, row.get(column))
        sheet.freeze_panes(at - 1 + layout.header_rows, 0)
        sheet.set_column(0, max(len(columns) - 1, 0), 14)
    made.close()
    return out.getvalue()


def _csv(layout: Layout, sheets: Sequence[tuple[str, list[Row]]], columns: Sequence[str]) -> bytes:
    """UTF-8 with BOM (or the encoding the layout names), texts that could be formulas behind an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="," if layout.delimiter == "auto" else layout.delimiter)
    for _ in range(max(layout.header_row, 1) - 1):
        writer.writerow([layout.title.zh])
    for labels in _heads(layout, columns):
        writer.writerow([_guarded(x) for x in labels])
    for _, rows in sheets:
        for row in rows:
            writer.writerow([_guarded(row.get(c)) for c in columns])
    text = out.getvalue()
    return text.encode("gb18030") if layout.encoding == "gb18030" else text.encode("utf-8-sig")


def _guarded(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return queries.amount_text(value) or ""
    text = safe_text(str(value))
    return "'" + text if dangerous(text) else text
