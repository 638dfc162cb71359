"""The proof of a document as a workbook that a clerk can open: figures with their recipe in words, and the rows behind them.

Ledger lines are listed one by one with file, sheet and cell. Returns are too many for that: for each file and sheet behind a
selection it says how many cells were taken, where they lie and what they add up to; adding these up gives the selection.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import xlsxwriter

from jieneng import engine
from jieneng.core.figure import Figure, Selection
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.core.words import T, language
from jieneng.engine import Snapshot
from jieneng.fieldwork.models import LedgerRevision
from jieneng.fieldwork.queries import origins, words_of
from jieneng.figures.prove import CHANGE, MEMBERS, Proof
from jieneng.records.workbook import Sheet, height
from jieneng.returns.models import Import, Revision
from jieneng.rulebook.types import Book

from .models import DocumentVersion

ALL = 10_000_000
TAKES = {"sum": T("相加", "added up"), "last": T("取最后一个已填月份", "the last month answered"), "mean": T("各月平均", "mean of the months"),
         "count": T("数条数", "lines counted"), "distinct": T("去重计数", "distinct values counted"), "list": T("列名", "listed"),
         "value": T("取原文", "taken as it stands"), MEMBERS: T("数家数", "institutions counted")}
WHERE = {"line": T("归口", "line"), "area": T("地区", "area"), "type": T("类型", "type"), "department": T("主管部门", "department"),
         "territory": T("所在地", "territory"), "institution": T("单位", "institution"), "code": T("单位", "institution"), "period": T("月份", "months")}
CELL = re.compile(r"([A-Z]{1,3})(\d+)")


def words(book: Book, leaf: Selection) -> tuple[str, str]:
    """A selection in words: what is taken from where, and by which conditions."""
    kind, _, name = leaf.kind.partition(":")
    if kind == "ledger":
        ledger = book.ledgers.get(name)
        fields = {f.code: f for f in ledger.fields} if ledger else {}
        column = str(fields[leaf.column].label) if leaf.column in fields else leaf.column
        what = str(T("台账“{l}”{c}：{t}", "ledger “{l}” {c}: {t}", l=str(ledger.title) if ledger else name, c=column, t=str(TAKES.get(leaf.take, leaf.take))))
        return what, "；".join(f"{fields[k].label if k in fields else WHERE.get(k, k)}：{_value(fields.get(k), v)}" for k, v in leaf.where.items())
    item = book.items.get(leaf.column)
    if leaf.take == MEMBERS:
        return str(T("报表{p}：数家数", "returns {p}: institutions counted", p=str(Period.parse(leaf.period).label))), "；".join(
            f"{WHERE.get(k, k)}：{_value(None, v)}" for k, v in leaf.where.items())
    what = str(T("报表“{i}”{p}：{t}", "returns “{i}” {p}: {t}", i=str(item.label) if item else leaf.column, p=str(Period.parse(leaf.period).label) if leaf.period else "",
                 t=str(TAKES.get(leaf.take, leaf.take))))
    return what, "；".join(f"{WHERE.get(k, k)}：{_value(None, v)}" for k, v in leaf.where.items())


def _value(f: Any, value: Any) -> str:
    if isinstance(value, Mapping):
        return str(T("{a} 至 {b}", "{a} to {b}", a=value.get("from", "…"), b=value.get("to", "…")))
    if isinstance(value, list | tuple):
        return "、".join(_value(f, v) for v in value)
    return words_of(f, str(value)) if f is not None else str(value)


def unit_of(book: Book, code: str) -> str:
    """A unit as people write it."""
    found = book.units.get(code)
    return str(found.label) if found else code


def recipe(book: Book, figure: Figure) -> str:
    """How a figure follows from its parts, in words."""
    parts = [p for p in figure.parts if isinstance(p, Figure)]
    factors = "；".join(f"{f.name} = {f.value} {f.unit}（{f.source}，{f.since} 起）" for f in figure.factors)
    made = "；".join(f"{_label(p)} {_exact(p)}{unit_of(book, p.unit)}" for p in parts[:12])
    how = str(T("本年 ÷ 上年 − 1", "this year ÷ the year before − 1")) if figure.how == CHANGE else figure.how
    return "；".join(t for t in (how, made, factors) if t)


def _label(figure: Figure) -> str:
    return figure.label.get(language()) or figure.label.get("zh") or figure.name


def _exact(figure: Figure) -> str:
    if figure.text:
        return figure.text
    value = figure.value
    if value is None:
        return str(T("算不出", "unknown"))
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass
class Span:
    """Cells of one sheet of one file behind a selection."""

    cells: int = 0
    total: Decimal = Decimal(0)
    columns: set[str] = field(default_factory=set)
    rows: set[int] = field(default_factory=set)

    def take(self, cell: str, value: Decimal) -> None:
        self.cells += 1
        self.total += value
        if found := CELL.fullmatch(cell):
            self.columns.add(found[1])
            self.rows.add(int(found[2]))

    @property
    def where(self) -> str:
        if not self.rows:
            return ""
        order = sorted(self.columns, key=lambda c: (len(c), c))
        return f"{order[0]}{min(self.rows)}:{order[-1]}{max(self.rows)}"


class _Sources:
    """The cells that returns' revisions came from, read once for all selections of a document."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.known: dict[tuple[int, int], dict[str, Any]] = {}
        self.files = {i.pk: i.file.name for i in Import.objects.select_related("file")}

    def spans(self, leaf: Selection) -> dict[tuple[str, str], Span]:
        found: dict[tuple[str, str], Span] = {}
        cells = engine.connect().cells(self.snapshot, leaf.column, form=leaf.kind.partition(":")[2], period=Period.parse(leaf.period), where=leaf.where,
                                       take=leaf.take, complete=leaf.complete, limit=ALL)
        self._read({(c.return_id, c.revision) for c in cells})
        for c in cells:
            source = self.known.get((c.return_id, c.revision), {}).get(leaf.column) or [None, "", "", "", ""]
            found.setdefault((self.files.get(source[0], "—"), source[1] or ""), Span()).take(source[2] or "", c.value)
        return found

    def _read(self, wanted: set[tuple[int, int]]) -> None:
        missing = wanted - self.known.keys()
        ids = sorted({r for r, _ in missing})
        for start in range(0, len(ids), 500):
            for ret, number, sources in Revision.objects.filter(ret__in=ids[start:start + 500]).values_list("ret_id", "number", "sources"):
                self.known[(ret, number)] = sources


class _Book:
    """The workbook while it is written: sheets of one look, A4 across, heads repeated."""

    def __init__(self, out: io.BytesIO, title: str) -> None:
        self.book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
        self.title = title

    def sheet(self, name: str, note: str, columns: Sequence[tuple[str, int]], rows: Sequence[Sequence[Any]]) -> None:
        sheet = self.book.add_worksheet(name)
        writer = Sheet(self.book, sheet)
        box = {"border": 1, "text_wrap": True, "valign": "top", "font_size": 10}
        head, cell, number = (writer.style(bold=True, bg_color="#eef2f6", **box), writer.style(**box), writer.style(num_format="#,##0.##########", **box))
        writer.put(0, 0, f"{self.title}　{name}", writer.style(bold=True, font_size=14))
        writer.put(1, 0, note, writer.style(font_size=9, font_color="#5b6976"))
        for n, (text, width) in enumerate(columns):
            writer.put(2, n, text, head)
            sheet.set_column(n, n, width)
        for r, row in enumerate(rows, 3):
            sheet.set_row(r, height([(str(v), w) for v, (_, w) in zip(row, columns, strict=True)], 13))
            for n, value in enumerate(row):
                writer.put(r, n, value, number if isinstance(value, Decimal) else cell)
        sheet.freeze_panes(3, 1)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(2)
        sheet.set_footer("&C&P / &N")


def workbook(row: DocumentVersion, book: Book, snapshot: Snapshot, proofs: Mapping[str, Proof], wordings: Sequence[Mapping[str, Any]]) -> bytes:
    """The proof of a version as xlsx: numbers, ledger lines, files of returns, wordings."""
    out = io.BytesIO()
    entries: dict[str, Mapping[str, Any]] = {}
    for e in row.proof["figures"]:
        entries.setdefault(e["id"], e)
    figures = {k: Figure.from_json(e["figure"]) for k, e in entries.items()}
    made = _Book(out, "".join(row.proof["title"]))
    basis = str(T("快照 {s}，数据截至 {d}，规则库 {r}", "snapshot {s}, as of {d}, rulebook {r}", s=row.snapshot_id, d=row.as_of.isoformat(), r=row.rulebook[:12]))
    made.sheet(str(T("数字与算法", "Figures")), basis, [
        (str(T("正文里的数", "printed")), 14), (str(T("指的是", "what it is")), 26), (str(T("准确值", "exact value")), 18), (str(T("单位", "unit")), 10),
        (str(T("统计期", "period")), 10), (str(T("算法", "recipe")), 60), (str(T("取数", "taken from")), 44), (str(T("覆盖", "coverage")), 14),
        (str(T("出处、说明", "source, note")), 30), (str(T("重算", "recomputed")), 14)],
        [_figure_row(book, e, figures[k], proofs[e["bookmark"]]) for k, e in entries.items()])
    leaves = _leaves(entries, figures, wordings)
    made.sheet(str(T("依据的台账", "Ledger lines")), basis, [
        (str(T("用于", "used for")), 30), (str(T("台账", "ledger")), 16), (str(T("编号", "key")), 16), (str(T("名称", "name")), 30), (str(T("栏目", "field")), 14),
        (str(T("值", "value")), 16), (str(T("文件", "file")), 26), (str(T("工作表", "sheet")), 10), (str(T("单元格或填写人", "cell, or who entered it")), 18)],
        [line for leaf, used in leaves if leaf.kind.startswith("ledger:") for line in _ledger_lines(book, snapshot, leaf, "、".join(used))])
    sources = _Sources(snapshot)
    made.sheet(str(T("依据的报表", "Returns")), basis + str(T("；同一取数各行的合计相加即得总数（平均的除外）", "; the sums of one selection add up to it (but for means)")), [
        (str(T("用于", "used for")), 40), (str(T("取数", "selection")), 40), (str(T("条件", "conditions")), 24), (str(T("文件", "file")), 30),
        (str(T("工作表", "sheet")), 14), (str(T("单元格范围", "cells within")), 16), (str(T("格数", "cells")), 10), (str(T("合计", "sum")), 20)],
        [line for group in _alike(leaves) for line in _return_lines(book, sources, group)])
    made.sheet(str(T("用语", "Wordings")), basis, [
        (str(T("正文里的话", "wording")), 20), (str(T("成立的依据", "borne out by")), 70), (str(T("谁确认", "confirmed by")), 40)],
        [[w["text"], w["says"] or (w["confirm"] or {}).get(language(), ""), w.get("confirmed", "") or ("" if w["holds"] else str(T("还没有人确认", "nobody yet")))]
         for w in wordings])
    made.book.close()
    return out.getvalue()


def _figure_row(book: Book, entry: Mapping[str, Any], figure: Figure, proof: Proof) -> list[Any]:
    leaves = list(dict.fromkeys("，".join(t for t in words(book, s) if t) for s in figure.selections()))
    cover = f"{figure.coverage.covered:,} / {figure.coverage.members:,}" if figure.coverage else ""
    done = str(T("逐位一致（{c} 行）", "equal to the last digit ({c} rows)", c=f"{proof.cells:,}")) if proof.ok else "；".join(proof.faults)
    return [entry["printed"], entry["label"].get(language(), entry["label"]["zh"]), _exact(figure), unit_of(book, figure.unit), figure.period, recipe(book, figure),
            "\n".join(leaves[:20]), cover, "；".join(t for t in (figure.source, figure.note) if t), done]


def _leaves(entries: Mapping[str, Any], figures: Mapping[str, Figure], wordings: Sequence[Mapping[str, Any]]) -> list[tuple[Selection, list[str]]]:
    """Every selection once, with the printed numbers (or wordings) that rest on it."""
    found: dict[str, tuple[Selection, list[str]]] = {}
    told = [(f"{entries[k]['printed']}（{entries[k]['label']['zh']}）", f) for k, f in figures.items()]
    told += [(f"“{w['text']}”", Figure.from_json(x["figure"])) for w in wordings for x in w["figures"]]
    for name, figure in told:
        for leaf in figure.selections():
            used = found.setdefault(str(leaf.as_json()), (leaf, []))[1]
            if name not in used:
                used.append(name)
    return list(found.values())


def _ledger_lines(book: Book, snapshot: Snapshot, leaf: Selection, used: str) -> list[list[Any]]:
    """The frozen lines behind a selection, the values it took, and the cell (or person) each came from."""
    ledger = book.ledgers.get(leaf.kind.partition(":")[2])
    if ledger is None:
        return []
    rows = engine.connect().ledger_rows(snapshot, ledger.code, leaf.where)
    fields = [f for f in ledger.fields if f.code == leaf.column or (f.code in leaf.where and f.code != leaf.column)]
    history: dict[int, list[LedgerRevision]] = {}
    for r in LedgerRevision.objects.filter(record__in=[r["record"] for r in rows]).select_related("by", "batch__file").order_by("-number"):
        history.setdefault(r.record_id, []).append(r)
    lines = []
    for row in rows:
        came = origins(ledger, [r for r in history.get(row["record"], []) if r.number <= row["revision"]])
        for f in fields or [next(f for f in ledger.fields if f.code == ledger.name)]:
            raw = row.get(f.code)
            value = raw if isinstance(raw, Decimal) else words_of(f, str(raw)) if raw not in (None, "") else ""
            origin = came.get(f.code)
            cell = origin.cell if origin else None
            file = origin.revision.batch.file.name if origin and cell and origin.revision.batch else ""
            lines.append([used, str(ledger.title), row["key"], str(row.get(ledger.name) or ""), str(f.label), value, file, (cell or {}).get("sheet", ""),
                          (cell or {}).get("cell", "") if cell else f"{origin.revision.by.shown} {origin.revision.at:%Y-%m-%d}" if origin else ""])
    return lines


def _alike(leaves: Sequence[tuple[Selection, list[str]]]) -> list[list[tuple[Selection, list[str]]]]:
    """Selections of returns that take the same cells but for who is covered, the widest first."""
    groups: dict[str, list[tuple[Selection, list[str]]]] = {}
    for leaf, used in leaves:
        if leaf.kind.startswith("returns:") and leaf.take != MEMBERS:
            groups.setdefault(f"{leaf.kind} {leaf.column} {leaf.take} {leaf.period} {sorted(leaf.where.items())}", []).append((leaf, used))
    return [sorted(g, key=lambda x: -x[0].rows) for g in groups.values()]


def _return_lines(book: Book, sources: _Sources, group: Sequence[tuple[Selection, list[str]]]) -> list[list[Any]]:
    """The widest selection of a group by file and sheet; of the others, how many cells they leave out."""
    widest, used = group[0]
    what, where = words(book, widest)
    same = dict.fromkeys(n for leaf, names in group if leaf.rows == widest.rows for n in names)
    try:
        spans = sources.spans(widest)
    except Refused as refusal:
        return [["、".join(used), what, where, str(refusal), "", "", "", ""]]
    lines: list[list[Any]] = [["、".join(same), what, where, file, sheet, span.where, Decimal(span.cells), span.total] for (file, sheet), span in sorted(spans.items())]
    return lines + [["、".join(names), what, str(T("同上各格，只取填报完整的 {m} 家", "the same cells, of the {m} complete institutions only", m=f"{leaf.members:,}")),
                     "", "", "", Decimal(leaf.rows), ""] for leaf, names in group if leaf.rows != widest.rows]
