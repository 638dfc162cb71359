"""Official documents (党政机关公文, GB/T 9704—2012) as docx.

Values of page, grid, faces and spacing are those measured for this product: a grid by lines of 579 twips, exact line
spacing 579, character spacing −5, widow control off: 22 lines of 28 characters. A printed number is bound to its figure
by a wide bookmark (one character either side), never by a content control.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from docx import Document as new_document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Twips

CELL = 315
AREA = 8845
LINE = 579
FANGSONG, KAITI, HEITI, XBS, SONG, TIMES = "仿宋_GB2312", "楷体_GB2312", "黑体", "方正小标宋简体", "宋体", "Times New Roman"
START, MIDDLE, END = "\ue000", "\ue001", "\ue002"
"""A bound value stands in a text as START id MIDDLE text END until the bookmarks are set."""
PREFIX = "_jn_"
_MARK = re.compile(f"{START}([A-Za-z0-9_]{{1,36}}){MIDDLE}([^{START}{MIDDLE}{END}]*){END}")


@dataclass(frozen=True)
class Block:
    """One paragraph: level title, h1, h2, runin (a 楷体 heading up to its 。 and then body), p, blank, sign or date."""

    level: str
    text: str


@dataclass
class Sheet:
    """A document before it is written."""

    title: Sequence[str]
    blocks: Sequence[Block]
    signed: str = ""
    date: str = ""
    properties: dict[str, str] = field(default_factory=dict)


def bound(identifier: str, text: str) -> str:
    """A value that knows its figure, to be put into a text."""
    if not re.fullmatch(r"[A-Za-z0-9_]{1,36}", identifier):
        raise ValueError(f"bookmark {identifier!r}: letters, digits and _, at most 36")
    return f"{START}{identifier}{MIDDLE}{text}{END}"


def plain(text: str) -> str:
    """A text with its bound values as they are printed."""
    return _MARK.sub(lambda m: m.group(2), text)


def width(text: str) -> int:
    """Width in twips: 315 a full-width character, 155 a digit or letter, 64 for each change between the two."""
    total, before = 0, ""
    for c in text:
        kind = "wide" if unicodedata.east_asian_width(c) in "WF" else "narrow"
        total += (CELL if kind == "wide" else 155) + (64 if before and before != kind else 0)
        before = kind
    return total


def _fonts(rpr: Any, east: str, latin: str) -> None:
    for old in rpr.findall(qn("w:rFonts")):
        rpr.remove(old)
    fonts = OxmlElement("w:rFonts")
    for name, value in (("ascii", latin), ("hAnsi", latin), ("eastAsia", east), ("cs", latin)):
        fonts.set(qn(f"w:{name}"), value)
    style = rpr.find(qn("w:rStyle"))
    rpr.insert(0 if style is None else 1, fonts)


def _sub(parent: Any, tag: str, **attributes: str) -> Any:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), value)
    parent.append(element)
    return element


def _rpr(parent: Any, east: str, latin: str, half_points: int, spacing: bool = True) -> None:
    """Run properties in schema order: rFonts, spacing, sz, szCs."""
    rpr = parent.get_or_add_rPr()
    for child in list(rpr):
        rpr.remove(child)
    _fonts(rpr, east, latin)
    if spacing:
        _sub(rpr, "w:spacing", val="-5")
    _sub(rpr, "w:sz", val=str(half_points))
    _sub(rpr, "w:szCs", val=str(half_points))


def _ppr(paragraph_or_style: Any, *, keep: bool = False, indent: dict[str, str] | None = None, jc: str = "both", outline: str = "",
         grid: bool = True, line: int = LINE, size: bool = True) -> None:
    """Paragraph properties in schema order: keepNext, widowControl, snapToGrid, spacing, ind, jc, outlineLvl."""
    ppr = paragraph_or_style.get_or_add_pPr()
    style = ppr.find(qn("w:pStyle"))
    for child in list(ppr):
        if child is not style:
            ppr.remove(child)
    if keep:
        _sub(ppr, "w:keepNext")
    _sub(ppr, "w:widowControl", val="0")
    if not grid:
        _sub(ppr, "w:snapToGrid", val="0")
    _sub(ppr, "w:spacing", before="0", after="0", line=str(line), lineRule="exact")
    if indent:
        _sub(ppr, "w:ind", **indent)
    _sub(ppr, "w:jc", val=jc)
    if outline:
        _sub(ppr, "w:outlineLvl", val=outline)


FIRST = {"firstLineChars": "200", "firstLine": "630"}
STYLES: dict[str, tuple[str, str, str, int, dict[str, Any]]] = {
    # level: (style name, East Asian face, Latin face, half-points, paragraph)
    "title": ("公文标题", XBS, XBS, 44, {"jc": "center", "grid": False}),
    "h1": ("公文一级标题", HEITI, TIMES, 32, {"indent": FIRST, "keep": True, "outline": "0"}),
    "h2": ("公文二级标题", KAITI, TIMES, 32, {"indent": FIRST, "keep": True, "outline": "1"}),
    "p": ("公文正文", FANGSONG, TIMES, 32, {"indent": FIRST}),
    "blank": ("公文空行", FANGSONG, TIMES, 32, {"jc": "left"}),
    "sign": ("公文落款", FANGSONG, TIMES, 32, {"jc": "left", "keep": True}),
}


def _base() -> Any:
    """An empty document with our own page, grid, defaults and styles; nothing of the template's theme is left."""
    doc = new_document()
    section = doc.sections[0]
    section.page_width, section.page_height = Twips(11906), Twips(16838)
    section.top_margin, section.bottom_margin = Twips(2098), Twips(1984)
    section.left_margin, section.right_margin = Twips(1587), Twips(1474)
    section.header_distance, section.footer_distance = Twips(851), Twips(1440)
    for old in section._sectPr.findall(qn("w:docGrid")):
        section._sectPr.remove(old)
    _sub(section._sectPr, "w:docGrid", type="lines", linePitch=str(LINE))
    styles = doc.styles
    for style in list(styles):
        if style.name != "Normal" and style.type == WD_STYLE_TYPE.PARAGRAPH and style.name not in ("Header", "Footer"):
            style.delete()
    normal = styles["Normal"]
    _ppr(normal.element)
    _rpr(normal.element, FANGSONG, TIMES, 32)
    defaults = styles.element.find(qn("w:docDefaults"))
    rpr = defaults.find(qn("w:rPrDefault")).find(qn("w:rPr"))
    for child in list(rpr):
        rpr.remove(child)
    _fonts(rpr, FANGSONG, TIMES)
    _sub(rpr, "w:lang", val="en-US", eastAsia="zh-CN")
    for name, east, latin, size, more in STYLES.values():
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = normal
        _ppr(style.element, **more)
        _rpr(style.element, east, latin, size, spacing=size == 32)
    _settings(doc)
    _page_numbers(doc, section)
    return doc


def _settings(doc: Any) -> None:
    doc.settings.odd_and_even_pages_header_footer = True
    root = doc.settings.element
    compat = root.find(qn("w:compat"))
    if compat is None:
        compat = _sub(root, "w:compat")
    for old in compat.findall(qn("w:compatSetting")):
        if old.get(qn("w:name")) == "compatibilityMode":
            compat.remove(old)
    _sub(compat, "w:compatSetting", name="compatibilityMode", uri="http://schemas.microsoft.com/office/word", val="15")


def _page_numbers(doc: Any, section: Any) -> None:
    """— 1 — in 宋体 14 pt, right on odd pages and left on even ones, one character from the edge."""
    for footer, side in ((section.footer, "right"), (section.even_page_footer, "left")):
        footer.is_linked_to_previous = False
        paragraph = footer.paragraphs[0]
        _ppr(paragraph._p, jc=side, indent={side: "280"}, grid=False, line=280)
        for kind, text in (("t", "— "), ("begin", ""), ("instr", " PAGE "), ("end", ""), ("t", " —")):
            run = paragraph.add_run()
            _rpr(run._r, SONG, SONG, 28, spacing=False)
            if kind == "t":
                run.text = text
            elif kind == "instr":
                instruction = _sub(run._r, "w:instrText")
                instruction.set(qn("xml:space"), "preserve")
                instruction.text = text
            else:
                _sub(run._r, "w:fldChar", fldCharType=kind)


class _Ids:
    """Bookmark ids are unique in a document, names too: a figure printed twice gets a number behind its name."""

    def __init__(self) -> None:
        self.next, self.names = 1, {}  # type: ignore[var-annotated]

    def take(self, identifier: str) -> tuple[str, str]:
        self.names[identifier] = self.names.get(identifier, 0) + 1
        name = PREFIX + identifier + (f"_{self.names[identifier]}" if self.names[identifier] > 1 else "")
        self.next += 1
        return str(self.next), name


def _segments(text: str) -> tuple[str, list[tuple[int, int, str]]]:
    """The printed text, and the bound spans in it (start, end, id)."""
    out, spans, position = "", [], 0
    for m in _MARK.finditer(text):
        out += text[position:m.start()]
        spans.append((len(out), len(out) + len(m.group(2)), m.group(1)))
        out += m.group(2)
        position = m.end()
    out += text[position:]
    if any(c in out for c in (START, MIDDLE, END)):
        raise ValueError("a mark was left in the text")
    return out, spans


def _write(paragraph: Any, text: str, ids: _Ids, faces: Sequence[tuple[int, tuple[str, str, int] | None]] = ()) -> None:
    """Runs split at every bookmark edge; the bookmark reaches one character before and after its number."""
    shown, spans = _segments(text)
    wide = [(max(0, a - 1), min(len(shown), b + 1), i) for a, b, i in spans]
    edges = sorted({0, len(shown), *(a for a, _, _ in wide), *(b for _, b, _ in wide), *(at for at, _ in faces)})
    marks = [(a, b, *ids.take(i)) for a, b, i in wide]
    for n, start in enumerate(edges):
        for a, b, number, _ in marks:
            if b == start and b > a:
                paragraph._p.append(_element("w:bookmarkEnd", id=number))
        for a, _b, number, name in marks:
            if a == start:
                paragraph._p.append(_element("w:bookmarkStart", id=number, name=name))
        if n + 1 < len(edges):
            run = paragraph.add_run(shown[start:edges[n + 1]])
            face = next((f for at, f in reversed(faces) if at <= start), None)
            if face:
                _rpr(run._r, *face)


def _element(tag: str, **attributes: str) -> Any:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), value)
    return element


def _signature(doc: Any, body: str, date: str) -> None:
    """落款 without seal: the body's name ends two cells from the edge, the date begins two cells after its start."""
    left = AREA - 2 * CELL - width(body)
    date_left = left + 2 * CELL
    if date_left + width(date) > AREA - 2 * CELL:
        date_left = AREA - 2 * CELL - width(date)
        left = date_left - 2 * CELL
    for text, indent, keep in ((body, left, True), (date, date_left, False)):
        paragraph = doc.add_paragraph(style="公文落款")
        _ppr(paragraph._p, jc="left", indent={"left": str(max(0, indent))}, keep=keep)
        paragraph.add_run(text)


def write(sheet: Sheet) -> bytes:
    """A document as docx bytes: deterministic for the same content."""
    doc, ids = _base(), _Ids()
    for old in list(doc.element.body):
        if old.tag == qn("w:p"):
            doc.element.body.remove(old)
    title = doc.add_paragraph(style="公文标题")
    for n, line in enumerate(sheet.title):
        if n:
            title.add_run().add_break()
        _write(title, line, ids)
    doc.add_paragraph(style="公文空行")
    for n, block in enumerate(sheet.blocks):
        last = n == len(sheet.blocks) - 1
        if block.level == "runin":
            paragraph = doc.add_paragraph(style="公文正文")
            head = plain(block.text).find("。") + 1
            _write(paragraph, block.text, ids, [(0, (KAITI, TIMES, 32)), (head, None)])
        else:
            paragraph = doc.add_paragraph(style=STYLES[block.level][0])
            _write(paragraph, block.text, ids)
        if last and sheet.signed:
            _ppr(paragraph._p, keep=True, indent=FIRST)
    if sheet.signed:
        doc.add_paragraph(style="公文空行")
        _signature(doc, sheet.signed, sheet.date)
    properties = doc.core_properties
    properties.author, properties.title, properties.comments = "节能", plain("".join(sheet.title)), ""
    for name in ("created", "modified", "last_printed"):
        import datetime as dt

        setattr(properties, name, dt.datetime(2020, 1, 1))
    out = io.BytesIO()
    doc.save(out)
    return _with_properties(out.getvalue(), sheet.properties)


def _with_properties(data: bytes, properties: dict[str, str]) -> bytes:
    """Add custom document properties (the checksum of the proof), and drop the template's thumbnail and custom XML."""
    from xml.sax.saxutils import escape

    rows = "".join(
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{n}" name="{escape(k)}"><vt:lpwstr>{escape(v)}</vt:lpwstr></property>'
        for n, (k, v) in enumerate(sorted(properties.items()), 2))
    custom = ('<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/'
              'custom-properties" xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">' + rows + "</Properties>")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            if name.startswith(("customXml/", "docProps/thumbnail")):
                continue
            body = old.read(name)
            if name == "[Content_Types].xml":
                body = body.replace(b"</Types>", b'<Override PartName="/docProps/custom.xml" ContentType="application/vnd.openxmlformats-officedocument.'
                                    b'custom-properties+xml"/></Types>')
            elif name == "_rels/.rels":
                body = re.sub(rb'<Relationship [^>]*thumbnail[^>]*/>', b"", body)
                body = body.replace(b"</Relationships>", b'<Relationship Id="rIdCustom" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
                                    b'relationships/custom-properties" Target="docProps/custom.xml"/></Relationships>')
            elif name == "word/_rels/document.xml.rels":
                body = re.sub(rb'<Relationship [^>]*customXml[^>]*/>', b"", body)
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, body)
        info = zipfile.ZipInfo("docProps/custom.xml", (2020, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        new.writestr(info, custom)
    return out.getvalue()
