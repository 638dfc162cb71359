"""Official documents (党政机关公文, GB/T 9704—2012) as docx: the body. What surrounds it is in ``parts``.

A printed number is bound to its figure by a wide bookmark (one character either side), never by a content control, which
editors lose or multiply. Neighbouring bookmarks may overlap.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from .marks import Names, plain, spans
from .parts import AREA, CELL, IDS, KAITI, R, W, el, package, ppr, rpr, section

LEVELS = ("h1", "h2", "h3", "runin", "p")
DIGIT = 155
"""Width of a digit in Times New Roman at 16 pt, in twips, less the spacing of the grid."""
SEAM = 64
"""What an editor puts between a Chinese character and a digit."""
_BOTH_SCRIPTS = re.compile("[“”‘’…—·]")


@dataclass(frozen=True)
class Block:
    """One paragraph of the text: level h1, h2, h3, runin (a 楷体 heading up to its 。 and then body) or p."""

    level: str
    text: str


@dataclass(frozen=True)
class Table:
    """A table as wide as the text area. ``widths`` are shares; a column is of numbers (right) or texts (left).

    Units stand in the head; cells may hold bound values.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[int]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Annex:
    """An annex on its own page: mark 附件1, its title in words, and its content."""

    title: Sequence[str]
    content: Sequence[Block | Table]


@dataclass(frozen=True)
class Sheet:
    """A document before it is written. ``title`` is given in words; it is broken between them, by meaning.

    ``issuer`` and ``number`` make the red head (a summary may have none); ``to`` is 主送机关. ``date`` is the day of signing.
    ``bold``: levels that this office prints bold (h2, h3).
    """

    title: Sequence[str]
    blocks: Sequence[Block | Table]
    signed: str = ""
    date: dt.date | None = None
    issuer: str = ""
    number: str = ""
    to: str = ""
    note: str = ""
    annexes: Sequence[Annex] = ()
    sealed: bool = False
    bold: frozenset[str] = frozenset()
    properties: dict[str, str] = field(default_factory=dict)


def in_full(day: dt.date) -> str:
    """A date as documents write it, without leading zeros: 2023年2月2日."""
    return f"{day.year}年{day.month}月{day.day}日"


def _kind(c: str) -> str:
    return "wide" if unicodedata.east_asian_width(c) in "WFA" and not c.isascii() else "narrow"


def width(text: str) -> int:
    """Width in twips at 16 pt: 315 a full-width character, 155 a digit or letter, 64 for each change between the two."""
    seams = sum(_kind(a) != _kind(b) for a, b in itertools.pairwise(text))
    return sum(CELL if _kind(c) == "wide" else DIGIT for c in text) + SEAM * seams


def cells(text: str) -> float:
    """Width in full-width characters; a digit or letter is half of one."""
    return sum(1.0 if _kind(c) == "wide" else 0.5 for c in text)


LONGEST, COMFORT = 20, 18
"""At most 20 characters of 22 pt fit a line of the title; from 18 it touches both edges and is better broken."""


def _shape(lengths: Sequence[float]) -> int:
    """0 for a trapezoid or rhombus, 1 for lines of equal length, 2 for an hourglass."""
    steps = [b - a for a, b in itertools.pairwise(lengths)]
    if any(abs(s) < 1 for s in steps):
        return 1
    signs = [s > 0 for s in steps]
    return 0 if signs == sorted(signs, reverse=True) else 2


def broken(words: Sequence[str]) -> list[str]:
    """A title in lines, cut between words only: the fewest lines that fit, none of one or two characters, no bracket torn
    from its words, and among those a trapezoid or rhombus, as even as may be. One that fits comfortably stays one line.
    """
    words = [w for w in words if w]
    whole = "".join(words)
    if cells(whole) <= COMFORT or len(words) < 2:
        return [whole]
    for count in range(2, len(words) + 1):
        best: tuple[tuple[float, ...], list[str]] | None = None
        for cuts in itertools.combinations(range(1, len(words)), count - 1):
            edges = [0, *cuts, len(words)]
            lines = ["".join(words[a:b]) for a, b in itertools.pairwise(edges)]
            lengths = [cells(line) for line in lines]
            torn = any(a[-1] in "《（“〔" or b[0] in "》）”〕、，。：" for a, b in itertools.pairwise(lines))
            if torn or max(lengths) > LONGEST or min(lengths) <= 2:
                continue
            score = (_shape(lengths), max(lengths) - min(lengths), lengths[0])
            if best is None or score < best[0]:
                best = (score, lines)
        if best:
            return best[1]
    return [whole]


class _Body:
    """Paragraphs as they are written, with the bookmarks' names and numbers."""

    def __init__(self, bold: frozenset[str]) -> None:
        self.names, self.next, self.bold = Names(), 0, bold
        self.out: list[Any] = []

    def paragraph(self, level: str, text: str = "", **direct: Any) -> Any:
        """One paragraph in the style of its level; ``direct`` properties are those that differ from the style."""
        p = el("p", ppr(style=IDS[level], **direct))
        self.write(p, text)
        self.out.append(p)
        return p

    def write(self, p: Any, text: str, lead: int = 0) -> None:
        """Runs split at every edge of a bookmark; it reaches one character before and after its number.

        The first ``lead`` characters are a heading within the paragraph, in 楷体.
        """
        shown = plain(text)
        marks = []
        for a, b, identifier in spans(text):
            self.next += 1
            marks.append((max(0, a - 1), min(len(shown), b + 1), self.next, self.names.take(identifier)))
        edges = sorted({0, lead, len(shown), *(m[0] for m in marks), *(m[1] for m in marks)})
        for n, start in enumerate(edges):
            for _, end, number, _ in marks:
                if end == start:
                    p.append(el("bookmarkEnd", id=number))
            for begin, _, number, name in marks:
                if begin == start:
                    p.append(el("bookmarkStart", id=number, name=name))
            if n + 1 < len(edges):
                p.append(self._run(shown[start:edges[n + 1]], start < lead))

    def _run(self, text: str, heading: bool) -> Any:
        hint = bool(_BOTH_SCRIPTS.search(text))
        face = rpr(KAITI, bold=True if "h2" in self.bold else None, hint=hint) if heading else rpr(hint=hint)
        return el("r", face, el("t", text, xml_space="preserve"))

    def lines(self, level: str, texts: Sequence[str], **direct: Any) -> None:
        """One paragraph of several lines, broken where we say."""
        p = self.paragraph(level, texts[0], **direct)
        for text in texts[1:]:
            p.append(el("r", el("br")))
            self.write(p, text)


def _head(body: _Body, sheet: Sheet) -> None:
    """发文机关标志, 发文字号 with the red line below, and two empty lines; nothing where the document has no head."""
    if sheet.issuer:
        size = min(72, 2 * math.floor(442 / max(1.0, cells(sheet.issuer))))
        p = body.paragraph("issuer")
        p.append(el("r", rpr(size=size), el("t", sheet.issuer, xml_space="preserve")))
        body.paragraph("blank")
        body.paragraph("blank")
        body.paragraph("number", sheet.number)
        body.paragraph("blank")
        body.paragraph("blank")


def _annex_list(body: _Body, annexes: Sequence[Annex]) -> None:
    """附件：1. name; turn-over lines begin under the name's first character; no mark after it. It keeps with the signature."""
    body.paragraph("blank", keep=True)
    names = ["".join(plain(w) for w in a.title) for a in annexes]
    for n, name in enumerate(names, 1):
        mark = f"{n}." if len(names) > 1 else ""
        indent = {"left": 6 * CELL, "hanging": (4 if n == 1 else 1) * CELL} if mark else {"left": 5 * CELL, "hanging": 3 * CELL}
        p = el("p", ppr(style=IDS["annexes"], keep=True, indent=indent))
        p.append(el("r", el("t", ("附件：" if n == 1 else "") + mark, xml_space="preserve"), el("tab") if mark else None))
        p.append(el("r", el("t", name, xml_space="preserve")))
        body.out.append(p)


def signature(name: str, date: str, sealed: bool = False) -> tuple[int, int]:
    """Left indents of the signing office and of the date, in twips (落款): see the standard, 7.3.5.

    Without a seal the name ends two cells from the edge and the date begins two cells after the name's first character;
    with one the date ends four cells from the edge and the name is centred above it.
    """
    name_width, date_width = width(name), width(date)
    if sealed:
        date_left = AREA - 4 * CELL - date_width
        left = date_left + (date_width - name_width) // 2
        if left + name_width > AREA - 2 * CELL:
            left = AREA - 2 * CELL - name_width
            date_left = left + (name_width - date_width) // 2
    else:
        left = AREA - 2 * CELL - name_width
        date_left = left + 2 * CELL
        if date_left + date_width > AREA - 2 * CELL:
            date_left = AREA - 2 * CELL - date_width
            left = date_left - 2 * CELL
    return max(0, left), max(0, date_left)


def _table(body: _Body, table: Table) -> None:
    """Fixed widths on the grid and on each cell; the head repeats on each page, a row is never split."""
    share = AREA / sum(table.widths)
    widths = [round(w * share) for w in table.widths]
    widths[-1] += AREA - sum(widths)
    borders = el("tblBorders", *(el(side, val="single", sz=4) for side in ("top", "left", "bottom", "right", "insideH", "insideV")))
    margins = el("tblCellMar", *(el(side, w=80, type="dxa") for side in ("left", "right")))
    t = el("tbl", el("tblPr", el("tblW", w=AREA, type="dxa"), el("tblInd", w=0, type="dxa"), borders, el("tblLayout", type="fixed"), margins),
           el("tblGrid", *(el("gridCol", w=w) for w in widths)))
    for n, row in enumerate([table.head, *table.rows]):
        line = el("tr", el("trPr", el("cantSplit"), el("tblHeader") if n == 0 else None))
        for k, (text, w) in enumerate(zip(row, widths, strict=True)):
            p = el("p", ppr(style=IDS["tablehead" if n == 0 else "table"], jc="right" if n and k in table.numbers else ""))
            body.write(p, text)
            line.append(el("tc", el("tcPr", el("tcW", w=w, type="dxa"), el("vAlign", val="center")), p))
        t.append(line)
    body.out.append(t)


def _content(body: _Body, content: Sequence[Block | Table], signed: bool = False) -> None:
    for n, block in enumerate(content):
        if isinstance(block, Table):
            _table(body, block)
            body.paragraph("blank")
            continue
        # a signature alone on a page is not allowed: the last paragraph keeps with it
        direct: dict[str, Any] = {"keep": True} if signed and n == len(content) - 1 else {}
        if block.level == "runin":
            p = el("p", ppr(style=IDS["p"], **direct))
            body.write(p, block.text, lead=plain(block.text).find("。") + 1)
            body.out.append(p)
        else:
            body.paragraph(block.level, block.text, **direct)


def write(sheet: Sheet) -> bytes:
    """A document as docx bytes, the same for the same content. Raises ``ValueError`` for an unknown level or a mark left over."""
    for block in sheet.blocks:
        if isinstance(block, Block) and block.level not in LEVELS:
            raise ValueError(f"level {block.level!r}: expected one of {LEVELS}")
    body = _Body(sheet.bold)
    title = broken(sheet.title)
    _head(body, sheet)
    body.lines("title", title)
    body.paragraph("blank")
    if sheet.to:
        body.paragraph("to", sheet.to + "：")
    _content(body, sheet.blocks, bool(sheet.signed))
    if sheet.annexes:
        _annex_list(body, sheet.annexes)
    if sheet.signed:
        date = in_full(sheet.date) if sheet.date else ""
        left, date_left = signature(sheet.signed, date, sheet.sealed)
        body.paragraph("blank", keep=True)
        body.paragraph("sign", sheet.signed, keep=bool(date), indent={"left": left})
        if date:
            body.paragraph("sign", date, indent={"left": date_left})
    if sheet.note:
        body.paragraph("note", f"（{sheet.note}）")
    for n, annex in enumerate(sheet.annexes, 1):
        body.paragraph("annex", f"附件{n if len(sheet.annexes) > 1 else ''}")
        body.paragraph("blank", keep=True)
        body.lines("title", broken(annex.title), keep=True)
        body.paragraph("blank", keep=True)
        _content(body, annex.content)
    return package(_document(body), title="".join(title), author=sheet.signed or "jieneng",
                   made=(sheet.date or dt.date(2000, 1, 1)).isoformat(), properties=sheet.properties, bold=sheet.bold)


def _document(body: _Body) -> Any:
    root = etree.Element(f"{{{W}}}document", nsmap={"w": W, "r": R})
    root.append(el("body", *body.out, section()))
    return root

