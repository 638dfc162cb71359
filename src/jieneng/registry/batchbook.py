"""Changes as a workbook: the template with its lists to pick from, and the lines of one that comes back, each problem by its cell."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import xlsxwriter

from jieneng.core.problem import Place, Problem, refuse
from jieneng.core.words import T
from jieneng.people.models import Office
from jieneng.records.workbook import Sheet, height
from jieneng.rulebook.types import Book

from .planning import HOW, KINDS, Line, plain

ROWS, HEAD = 1000, 3
SHEET, LISTS = "名录变更", "选项"


@dataclass(frozen=True)
class Field:
    """A column of the workbook: its head, and which part of a line it is."""

    code: str
    head: str
    width: int
    help: str
    example: str = ""


FIELDS: tuple[Field, ...] = (
    Field("kind", "变更", 10, "从列表里选", "合并"),
    Field("key", "统一社会信用代码", 22, "变更的单位；新设的写新代码"),
    Field("present", "现名（核对用）", 26, "写了就和名录核对，防止代码抄错一行", "泾县示例村小（甲）"),
    Field("since", "起始日期", 12, "从哪天起，年-月-日", "2022-09-01"),
    Field("name", "新名称", 26, "更名、新设、拆出的新单位、并入的新单位"),
    Field("other", "对方代码", 22, "合并：并入哪家；拆分：拆出的新代码；代报：由谁代报"),
    Field("how", "代报情形", 16, "代报才填，从列表里选"),
    Field("office", "归口机构", 22, "调整归口、新设、拆分到别处才填，从列表里选"),
    Field("type", "单位类型", 12, "新设、改类型才填，从列表里选"),
    Field("territory", "所在地", 14, "新设、改所在地才填，从列表里选"),
    Field("ends", "原单位撤销", 10, "拆分后原单位不再报的写“是”；取消敏感单位也写“是”"),
    Field("reason", "原因", 20, "必填", "撤并"),
    Field("document", "依据文号", 24, "必填：哪个文件", "示例编办〔2022〕9号"),
)
HEADS = {plain(f.head): f.code for f in FIELDS}


def choices(book: Book, offices: Iterable[Office]) -> dict[str, dict[str, str]]:
    """For each column to pick in: what is written → its code."""
    return {
        "kind": {t.zh: c for c, t in KINDS.items()}, "how": {t.zh: c for c, t in HOW.items()},
        "office": {f"{o.code} {o.name}": o.code for o in offices}, "type": {t.label.zh: c for c, t in book.types.items()},
        "territory": {f"{c} {d.name.zh}": c for c, d in book.divisions.items()}, "ends": {"是": "1", "否": ""},
    }


def template(book: Book, offices: Sequence[Office]) -> bytes:
    """An empty workbook of changes: what is required marked, lists to pick from on a sheet of their own, one column explained below the other."""
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    made.set_properties({"title": SHEET, "created": dt.datetime(2020, 1, 1)})
    sheet, lists, guide = made.add_worksheet(SHEET), made.add_worksheet(LISTS), made.add_worksheet("填写说明")
    writer, picks = Sheet(made, sheet), Sheet(made, lists)
    box = {"border": 1, "text_wrap": True, "valign": "vcenter"}
    head, must, note = writer.style(bold=True, bg_color="#eef2f6", **box), writer.style(bold=True, bg_color="#fdecea", **box), writer.style(font_size=9, font_color="#5b6976")
    text = made.add_format({"num_format": "@"})
    writer.put(0, 0, "名录变更（空表：从第 4 行填起；几家合并成一家，写几行，“对方代码”写同一家）", writer.style(bold=True, font_size=14))
    writer.put(1, 0, "每行都要有日期、原因和依据文号。先传上来看效果，再决定办不办。", note)
    sheet.set_row(HEAD - 1, 32)
    table = choices(book, offices)
    for n, f in enumerate(FIELDS):
        writer.put(HEAD - 1, n, f.head, must if f.code in ("kind", "key", "since", "reason", "document") else head)
        sheet.set_column(n, n, f.width, text)
        if f.code in table:
            for row, word in enumerate(table[f.code]):
                picks.put(row, n, word)
            column = xlsxwriter.utility.xl_col_to_name(n)
            sheet.data_validation(HEAD, n, HEAD + ROWS, n, {
                "validate": "list", "source": f"='{LISTS}'!${column}$1:${column}${max(1, len(table[f.code]))}", "error_title": f.head, "error_message": "请从列表里选"})
    sheet.freeze_panes(HEAD, 2)
    lists.protect()
    explain, cell = Sheet(made, guide), None
    cell = explain.style(**box)
    bold = explain.style(bold=True, bg_color="#eef2f6", **box)
    for n, (word, width) in enumerate((("栏目", 18), ("怎么填", 50), ("示例", 24))):
        explain.put(0, n, word, bold)
        guide.set_column(n, n, width)
    for row, f in enumerate(FIELDS, 1):
        guide.set_row(row, height([(f.head, 18), (f.help, 50), (f.example, 24)]))
        for n, word in enumerate((f.head, f.help, f.example)):
            explain.put(row, n, word, cell)
    for page in (sheet, guide):
        page.set_paper(9)
        page.set_landscape()
        page.fit_to_pages(1, 0)
    made.close()
    return out.getvalue()


Rows = Iterable[tuple[str, int, Mapping[str, str]]]


def lines(rows: Rows, book: Book, offices: Sequence[Office], file: str = "") -> tuple[list[Line], list[Problem]]:
    """The lines of a workbook that came back. ``rows``: sheet, row number, {column letter: text}.

    Columns are found by their heads, wherever they were moved to. Raises ``Refused`` when no sheet has the heads.
    """
    table = choices(book, offices)
    made: list[Line] = []
    problems: list[Problem] = []
    heads: dict[str, dict[str, str]] = {}
    for sheet, number, cells in rows:
        if sheet in (LISTS, "填写说明"):
            continue
        if sheet not in heads:
            found = {letter: HEADS[plain(text)] for letter, text in cells.items() if plain(text) in HEADS}
            if {"kind", "key", "since"} <= set(found.values()):
                heads[sheet] = found
            continue
        values = {code: cells.get(letter, "").strip() for letter, code in heads[sheet].items()}
        if not any(values.values()):
            continue
        where = {code: Place(file=file, sheet=sheet, cell=f"{letter}{number}", line=number) for letter, code in heads[sheet].items()}
        line = _line(values, where, table, problems)
        if line is not None:
            made.append(line)
    if not heads:
        raise refuse("change.sheet", T("没有找到名录变更表的表头", "no sheet has the heads of a list of changes"), expected=T("变更、统一社会信用代码、起始日期 …", "变更, 统一社会信用代码, 起始日期 …"),
                     do=T("下载空表，把内容贴进去", "download the template and paste the contents into it"), where=Place(file=file))
    return made, problems


def _line(values: Mapping[str, str], where: Mapping[str, Place], table: Mapping[str, Mapping[str, str]], problems: list[Problem]) -> Line | None:
    """One row as a line; what cannot be read is told by its cell and the row is left out."""
    bad = len(problems)
    picked: dict[str, str] = {}
    for code, options in table.items():
        word = values.get(code, "")
        codes = set(options.values())
        folded = {plain(k): v for k, v in options.items()}
        if not word:
            picked[code] = ""
        elif plain(word) in folded:
            picked[code] = folded[plain(word)]
        elif word in codes:
            picked[code] = word
        else:
            problems.append(Problem("change.choice", T("“{w}”不在列表里", "“{w}” is not in the list", w=word), T("{l}", "{l}", l="、".join(list(options)[:12])),
                                    T("从单元格的下拉列表里选", "pick from the list of the cell"), where[code]))
    since: dt.date | None = None
    if not values.get("kind"):
        problems.append(Problem("change.kind", T("没有写是什么变更", "which change is not said"), where=where["kind"]))
    try:
        since = dt.date.fromisoformat(values.get("since", "")[:10].replace("/", "-").replace(".", "-"))
    except ValueError:
        problems.append(Problem("change.day", T("“{d}”不是日期", "“{d}” is not a date", d=values.get("since", "")), T("2022-09-01", "2022-09-01"), where=where["since"]))
    if len(problems) > bad or since is None:
        return None
    return Line(kind=picked["kind"], key=values.get("key", "").upper(), since=since, reason=values.get("reason", ""), document=values.get("document", ""),
                present=values.get("present", ""), name=values.get("name", ""), other=values.get("other", "").upper(), office=picked["office"], type=picked["type"],
                territory=picked["territory"], how=picked["how"], ends=bool(picked["ends"]), place=where["key"])
