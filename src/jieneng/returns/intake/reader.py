"""From the rows of an opened table to drafts, register lines and ledger rows, by a layout and a book.

``read_file`` does all of it; ``read_table`` is the pure part (rows in, results out). Good rows always go in; what is
wrong is named with sheet and cell, and nothing is guessed.
"""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T
from jieneng.rulebook.types import Book

from . import cells as c
from .drafts import BodyRow, Draft, IntakeResult, LedgerRow
from .fields import Fields, Units
from .grid import Sheet, Table, cell_name, shown
from .guard import Limits, look, shown_name
from .header import LOOK, Header, Merged, find_header
from .layout import Layout, PeriodSpec, Spec
from .lines import Line
from .merging import Bodies, Drafts, Ledgers
from .opening import Progress, open_table

_FAMILY = {"csv": "CSV", "xlsx": "xlsx", "xls": "xlsx", "parquet": "Parquet"}


def read_file(
    path: Path,
    layout: Layout,
    book: Book,
    *,
    name: str | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> IntakeResult:
    """Read the file at ``path`` (received under ``name``) by a layout.

    Raises ``Refused`` when the file as a whole cannot be read or the layout asks for what the book does not have.
    ``progress(rows done, rows of the sheet or 0)`` is called now and then.
    """
    Units(book).check(layout)
    shown_as = shown_name(name or Path(path).name)
    seen = look(path, name or "", limits)
    result = IntakeResult(layout.code, layout.hash, shown_as)
    if seen.surprise:
        result.note("file-name", seen.surprise)
    is_, wants = (_FAMILY[k] for k in (seen.kind, layout.kind))
    if is_ != wants:
        raise Refused(
            Problem(
                "file-layout",
                T("文件是 {a}，表样要的是 {b}", "the file is {a}, the layout wants {b}", a=is_, b=wants),
                do=T("选对应的表样", "choose the layout that fits"),
                where=Place(file=shown_as),
            )
        )
    with open_table(
        path,
        name=shown_as,
        limits=limits,
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        sheets=layout.sheets,
        progress=progress,
        seen=seen,
    ) as table:
        return read_table(table, layout, book, result)


def read_table(table: Table, layout: Layout, book: Book, result: IntakeResult) -> IntakeResult:
    """Read the sheets of an opened table. Raises ``Refused`` when no sheet fits the layout."""
    reading = Reading(layout, book, result)
    for note in table.notes:
        result.note("limits", note)
    unread: list[Problem] = []
    found: list[str] = []
    for sheet in table.sheets:
        if not _wanted(layout, sheet.name):
            continue
        if sheet.hidden and not layout.hidden:
            result.note(
                "sheet-hidden", T("隐藏的工作表“{s}”没有读", "the hidden sheet “{s}” was not read", s=sheet.name)
            )
            continue
        found.append(sheet.name)
        unread += reading.sheet(sheet)
    result.encoding = table.encoding
    for name in layout.sheets:
        if name not in found:
            result.problem(
                Problem(
                    "sheet-missing",
                    T("没有工作表“{s}”", "there is no sheet “{s}”", s=name),
                    where=Place(file=result.file),
                )
            )
    if not result.counts.get("sheets"):
        raise Refused(
            *(
                unread
                or [
                    Problem(
                        "table-empty",
                        T("文件里没有能读的表", "the file has no table that can be read"),
                        do=T("核对是不是选对了文件和表样", "check the file and the layout"),
                        where=Place(file=result.file),
                    )
                ]
            )
        )
    named = bool(layout.sheets or layout.sheets_match)
    for problem in unread:
        if named or problem.code != "sheet-other":
            result.problem(problem)
        else:
            result.note(
                "sheet-other",
                T(
                    "工作表“{s}”不是这种表，没有读",
                    "sheet “{s}” is not such a table and was not read",
                    s=problem.where.sheet,
                ),
                problem.where,
            )
    reading.finish()
    return result


def _wanted(layout: Layout, sheet: str) -> bool:
    if layout.sheets_match:
        return re.search(layout.sheets_match, sheet) is not None
    return not layout.sheets or sheet in layout.sheets


_OWN = ("name", "area", "department", "territory", "type", "line", "part")


class Reading(Fields):
    """The reading of one file: what is carried from row to row."""

    def __init__(self, layout: Layout, book: Book, result: IntakeResult) -> None:
        super().__init__(layout, book, result)
        self.drafts, self.bodies = Drafts(layout.shape == "wide", book), Bodies("answers" in layout.reads)
        self.ledgers = Ledgers()
        self.met: dict[tuple[str, Period | None], int] = {}
        self.items = {c.norm(i.column): i for i in layout.items}
        named = layout.months or layout.long
        self.not_wanted = {c.norm(s) for s in (named.skip if named else ())}

    def sheet(self, sheet: Sheet) -> list[Problem]:
        """Read one sheet; gives the problems for which it was not read."""
        rows = iter(sheet.rows)
        merged = Merged(sheet.merged)
        top = max(LOOK, self.layout.header_row + self.layout.header_rows) + 8
        begin = []
        for row in rows:
            begin.append(row)
            if row.number >= top:
                break
        if not begin:
            if sheet.name in self.layout.sheets or not sheet.name:
                return [Problem("table-empty", T("表是空的", "the table is empty"), where=self._at(sheet))]
            return []
        header = find_header(begin, sheet, self.layout, merged, self.result.file)
        if isinstance(header, list):
            return header
        self.result.count("sheets")
        self._say_hidden(sheet, header)
        self.above = {}
        read = 0
        for line in self._lines(itertools.chain(begin, rows), sheet, header, merged):
            read += 1
            self._row(line)
        if not read:
            self.result.note(
                "sheet-no-rows", T("表头下面没有数据", "there is no data below the header"), self._at(sheet)
            )
        return []

    def _say_hidden(self, sheet: Sheet, header: Header) -> None:
        if sheet.hidden:
            self.result.note(
                "sheet-hidden",
                T("读了隐藏的工作表“{s}”", "the hidden sheet “{s}” was read", s=sheet.name),
                self._at(sheet),
            )
        used = [n for n, at in header.columns.items() if at in sheet.hidden_columns]
        if used:
            self.result.note(
                "columns-hidden",
                T("读了隐藏的列：{n}", "hidden columns were read: {n}", n="、".join(used)),
                self._at(sheet),
            )

    # --- rows by kind ---

    def _row(self, line: Line) -> None:
        self.result.count("rows")
        if self.ledger is not None:
            self._ledger_row(line)
            return
        code = self._identifier(line)
        if code is None:
            return
        period: Period | None = None
        if "answers" in self.layout.reads:
            spec = PeriodSpec(year=self.layout.months.year) if self.layout.months else self.layout.period
            period = self._period(spec, line)
        if self.layout.repeats:
            code = self._numbered(code, period, line)
        if "register" in self.layout.reads:
            self._body(line, code, period)
        if period is not None:
            {"wide": self._wide, "long": self._long, "months": self._months}[self.layout.shape](line, code, period)

    def _numbered(self, code: str, period: Period | None, line: Line) -> str:
        """The second row of a code in a period is another institution where the layout says so: ``code#2``, and it is noted."""
        times = self.met[code, period] = self.met.get((code, period), 0) + 1
        if times == 1:
            return code
        self.result.count("repeated")
        self.result.note(
            "code-repeated",
            T(
                "“{c}”{p}第 {n} 次出现，按另一个单位收，编为 {c}#{n}",
                "“{c}” stands {n} times in {p}; taken as another institution, {c}#{n}",
                c=code,
                p=period.label if period else "",
                n=times,
            ),
            line.place(self.telling[0]),
        )
        return f"{code}#{times}"

    def _own(self, line: Line) -> dict[str, str]:
        """What the row says of its institution, read (and complained about) once per row."""
        if not line.own:
            line.own = {n: self._field(n, line) for n in _OWN}
        return line.own

    def _facts(self, draft: Draft, line: Line) -> None:
        """What the row says beside the items: amounts as decimals, the rest as text; "" where it says nothing."""
        for spec in self.layout.facts:
            if spec.amount and spec.spec.columns:
                cell = line.cell(spec.spec.columns[0])
                try:
                    said = "" if cell[:1] in ("", "t") and c.norm(shown(cell)) in self.missing else f"{c.number(cell):f}"
                except c.Fault as fault:
                    self._fault(fault, line.place(spec.spec.columns[0]), spec.fact)
                    continue
            else:
                said = self._text(spec.spec, line, spec.fact)
            if spec.spec.columns and not line.column(spec.spec.columns[0]):
                continue
            draft.facts[spec.fact] = said

    def _draft(self, line: Line, code: str, period: Period) -> Draft:
        own = self._own(line)
        at = line.origin(self.telling[0] if self.telling else "")
        return Draft(
            code,
            self.layout.scheme,
            period,
            at,
            own["name"],
            own["area"],
            own["department"],
            own["territory"],
            own["type"],
            own["line"],
            own["part"],
        )

    def _wide(self, line: Line, code: str, period: Period) -> None:
        draft = self._draft(line, code, period)
        for item in self.layout.items:
            if line.column(item.column):
                self._answer(draft, line, item.column, item.item, item.unit)
        self._facts(draft, line)
        self.drafts.add(draft, self.result)

    def _item(self, spec: Spec, line: Line) -> Any:
        """The item a row of the long or months shape is about; None when it is not wanted or not known (told)."""
        try:
            name = self._mapped(spec, self._found(spec, line))
            if not name:
                raise c.Fault("item-missing", T("没有指标名称", "the name of the item is missing"))
        except c.Fault as fault:
            self._fault(fault, self._place(spec, line))
            return None
        key = c.norm(name)
        if key in self.items:
            return self.items[key]
        if key in self.not_wanted:
            self.result.count("skipped")
        else:
            self._fault(
                c.Fault(
                    "item-unknown",
                    T("不认识的指标“{i}”", "unknown item “{i}”", i=c.brief(name)),
                    do=T("在表样的 items 里补上，或写进 skip", "add it to the layout’s items, or to skip"),
                ),
                self._place(spec, line),
            )
        return None

    def _long(self, line: Line, code: str, period: Period) -> None:
        spec = self.layout.long
        item = self._item(spec.item, line) if spec else None
        if spec and item:
            draft = self._draft(line, code, period)
            self._answer(draft, line, spec.value.columns[0] if spec.value.columns else "", item.item, item.unit)
            self.drafts.add(draft, self.result)

    def _months(self, line: Line, code: str, period: Period) -> None:
        spec = self.layout.months
        item = self._item(spec.item, line) if spec else None
        if spec and item:
            for month, column in enumerate(spec.columns, 1):
                draft = self._draft(line, code, Period.month(period.year, month))
                self._answer(draft, line, column, item.item, item.unit)
                self.drafts.add(draft, self.result)

    def _answer(self, draft: Draft, line: Line, column: str, item: str, unit_spec: Spec) -> None:
        """One cell as the answer to an item: converted, rounded to four places, with where it came from."""
        cell = line.cell(column)
        try:
            self._merged_once(line, column)
            if cell[:1] in ("", "t") and c.norm(shown(cell)) in self.missing:
                draft.answers[item] = None
                self.result.count("missing")
                return
            value = c.number(cell)
            unit = self._unit(unit_spec, line)
            wanted = self.book.items[item].unit
            factor = self.units.factor(unit, wanted)
            if factor is None:
                raise c.Fault(
                    "unit-unknown",
                    T(
                        "计量单位“{u}”不认识，或不能换成“{w}”",
                        "unit “{u}” is unknown, or cannot become “{w}”",
                        u=c.brief(unit),
                        w=wanted,
                    ),
                    do=T("改正单位，或请管理员在规则库里加上", "mend the unit, or have it added to the book"),
                )
            amount, rounded = self._stored(value, factor, cell)
        except c.Fault as fault:
            self._fault(fault, line.place(column), item)
            return
        draft.answers[item] = amount
        draft.sources[item] = {
            "sheet": line.sheet.name,
            "cell": cell_name(line.number, line.column(column)),
            "raw": shown(cell),
            "unit": unit,
            "rounded": rounded,
        }
        self.result.count("answered")

    def _merged_once(self, line: Line, column: str) -> None:
        """One number over several rows, or over several columns that are read, belongs to no one of them."""
        if line.number not in line.merged.by_row:
            return
        area = line.merged.around(line.number, line.column(column))
        if area is None:
            return
        read = [n for n in line.header.columns.values() if area[1] <= n <= area[3]]
        if area[2] > area[0] or len(read) > 1:
            raise c.Fault(
                "merged-value",
                T(
                    "一个数占了几格（{a}:{b} 合并）",
                    "one number stands over several cells ({a}:{b} merged)",
                    a=cell_name(area[0], area[1]),
                    b=cell_name(area[2], area[3]),
                ),
                T("每行每列各写各的数", "a number for each row and column"),
                T("拆开合并，分清各单位的数", "unmerge and divide the number"),
            )

    def _body(self, line: Line, code: str, period: Period | None) -> None:
        own = self._own(line)
        if not own["name"]:
            spec = self.layout.fields["name"]
            fault = c.Fault("name-missing", T("“{i}”没有名称", "“{i}” has no name", i=code))
            self._fault(fault, self._place(spec, line), "name")
            return
        body = BodyRow(
            code,
            self.layout.scheme,
            own["name"],
            line.origin(self.telling[0]),
            own["area"],
            own["department"],
            own["territory"],
            own["type"],
            own["line"],
            covered_by=self._field("covered_by", line),
            period=period,
        )
        body.aliases = {k: t for k, s in self.layout.aliases.items() if (t := self._alias(s, line, k))}
        body.extra = {k: t for k, s in self.layout.extra.items() if (t := self._text(s, line, k))}
        for name in ("since", "until", "in_scope"):
            spec_ = self.layout.fields.get(name)
            if spec_ is not None:
                setattr(body, name, self._typed(spec_, line, name))
        self.bodies.add(body, self.result)

    # --- ledgers ---

    def _ledger_row(self, line: Line) -> None:
        ledger = self.ledger
        if ledger is None:
            return
        fields = {f.code: f for f in ledger.fields}
        values: dict[str, Any] = {}
        sources: dict[str, dict[str, Any]] = {}
        bad: set[str] = set()
        for spec in self.layout.ledger_fields:
            if spec.spec.columns and not any(line.column(n) for n in spec.spec.columns):
                continue
            try:
                value, cell, unit = self._ledger_value(spec.spec, spec.unit, fields[spec.field], line)
            except c.Fault as fault:
                self._once(fault, spec.spec, line, spec.field)
                bad.add(spec.field)
                continue
            if value is None or value == "":
                continue
            values[spec.field] = value
            place = self._place(spec.spec, line)
            sources[spec.field] = {
                "sheet": place.sheet,
                "cell": place.cell,
                "raw": cell,
                "unit": unit,
                "rounded": False,
            }
        needed = [f for f in ledger.fields if (f.required or f.code in ledger.key) and f.code not in values]
        for f in needed:
            if f.code not in bad:
                at = next((s.spec for s in self.layout.ledger_fields if s.field == f.code), None)
                self._fault(
                    c.Fault(
                        "field-missing",
                        T("“{f}”没有填，这一行不收", "“{f}” is missing; the row is not taken", f=f.label),
                    ),
                    self._place(at, line) if at else self._at(line.sheet, cell_name(line.number, 1)),
                    f.code,
                )
        code = self._identifier(line) if self.layout.identifier else ""
        if needed or code is None:
            return
        row = LedgerRow(
            ledger.code,
            tuple(str(values[k]) for k in ledger.key),
            values,
            sources,
            line.origin(self.telling[0] if self.telling else ""),
            self._field("area", line),
            code,
            self.layout.scheme,
            self._field("name", line),
        )
        self.ledgers.add(row, self.result)

    def _ledger_value(self, spec: Spec, unit_spec: Spec | None, f: Any, line: Line) -> tuple[Any, str, str]:
        """A ledger's field by its type: value, raw text, unit as received."""
        cell = (
            self._raw(spec, line)
            if len(spec.columns) == 1 and not spec.map
            else "t" + self._mapped(spec, self._found(spec, line))
        )
        raw = shown(cell)
        if cell[:1] in ("", "t") and c.norm(raw) in self.missing:
            return None, raw, ""
        if f.type == "number":
            value = c.number(cell)
            unit = self._unit(unit_spec, line) if unit_spec else f.unit
            factor = self.units.factor(unit, f.unit) if unit_spec and unit != f.unit else Fraction(1)
            if factor is None:
                raise c.Fault(
                    "unit-unknown",
                    T(
                        "计量单位“{u}”不认识，或不能换成“{w}”",
                        "unit “{u}” is unknown, or cannot become “{w}”",
                        u=c.brief(unit),
                        w=f.unit,
                    ),
                )
            return self._stored(value, factor, cell)[0], raw, unit
        if f.type == "date":
            return c.date(cell, spec.formats, line.sheet.date1904), raw, ""
        if f.type == "year":
            return (
                c.period(
                    cell, spec.formats or ("YYYY", "YYYY年", "YYYY年度", "date"), "year", line.sheet.date1904
                ).year,
                raw,
                "",
            )
        text = (
            c.identifier(cell, "")
            if f.code in (self.ledger.key if self.ledger else ()) and cell[:1] == "n"
            else c.text_of(cell)
        )
        if f.type == "choice" and text not in f.choices:
            by_label = {c.norm(label.say(code)): k for k, label in f.choices.items() for code in ("zh", "en")}
            if c.norm(text) not in by_label:
                raise c.Fault(
                    "choice",
                    T("“{f}”没有“{v}”这一项", "“{f}” has no choice “{v}”", f=f.label, v=c.brief(text)),
                    T("{a}", "{a}", a="、".join(str(v) for v in f.choices.values())),
                )
            return by_label[c.norm(text)], raw, ""
        return text, raw, ""

    def finish(self) -> None:
        """Hand over what was collected, and count it."""
        everything = self.drafts.all()
        self.result.drafts = [d for d in everything if any(v is not None for v in d.answers.values()) or any(d.facts.values())]
        if silent := len(everything) - len(self.result.drafts):
            self.result.count("unanswered", silent)
            self.result.note(
                "unanswered",
                T("{n} 份一项也没填，按未报处理", "{n} returns answer nothing and count as not filed", n=silent),
            )
        self.result.bodies = self.bodies.all()
        self.result.ledger_rows = self.ledgers.all()
        self.result.counts.update(
            drafts=len(self.result.drafts),
            bodies=len(self.result.bodies),
            ledger_rows=len(self.result.ledger_rows),
            problems=sum(self.result.problem_counts.values()),
        )
