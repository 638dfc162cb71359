"""The parts of a docx around its text: styles, settings, page numbers, properties, and the zip itself.

Nothing comes from a template, so there is no theme font, no foreign style and no author but ours. Values of page, grid,
faces and spacing are those measured for this product: a grid by lines of 579 twips, exact line spacing 579, character
spacing −5, widow control off give 22 lines of 28 characters. Every element is put in the order the schema wants.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from lxml import etree

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
CELL = 315
"""One character of the grid: 16 pt less 0.25 pt, in twips."""
AREA = 8845
"""Width of the text area in twips; 28 characters are 8820."""
LINE = 579
FANGSONG, KAITI, HEITI, XBS, SONG, TIMES = "仿宋_GB2312", "楷体_GB2312", "黑体", "方正小标宋简体", "宋体", "Times New Roman"
RED = "FF0000"

PPR_ORDER = ("pStyle", "keepNext", "keepLines", "pageBreakBefore", "framePr", "widowControl", "numPr", "pBdr", "shd", "tabs", "kinsoku",
             "wordWrap", "overflowPunct", "autoSpaceDE", "autoSpaceDN", "snapToGrid", "spacing", "ind", "jc", "outlineLvl", "rPr")
RPR_ORDER = ("rStyle", "rFonts", "b", "i", "color", "spacing", "w", "kern", "sz", "szCs", "u", "lang")

FIRST = {"firstLineChars": "200", "firstLine": str(2 * CELL)}
"""First line two cells in; both ways of saying it, since LibreOffice drops the one in characters."""
NARROW = {"grid": False, "line": 400}
"""Cells of tables: off the grid, lines of 20 pt."""

STYLES: dict[str, tuple[str, str, str, int, dict[str, Any], dict[str, Any]]] = {
    # level: (name, East Asian face, Latin face, half-points, paragraph, run)
    "issuer": ("公文发文机关标志", XBS, XBS, 72, {"jc": "center", "before": 1701, "line": 1000}, {"color": RED, "spacing": 0}),
    "number": ("公文发文字号", FANGSONG, TIMES, 32, {"jc": "center", "rule": RED}, {}),
    "title": ("公文标题", XBS, XBS, 44, {"jc": "center", "grid": False, "line": LINE}, {"spacing": 0}),
    "to": ("公文主送机关", FANGSONG, TIMES, 32, {"jc": "left"}, {}),
    "h1": ("公文一级标题", HEITI, TIMES, 32, {"indent": FIRST, "keep": True, "outline": 0}, {}),
    "h2": ("公文二级标题", KAITI, TIMES, 32, {"indent": FIRST, "keep": True, "outline": 1}, {}),
    "h3": ("公文三级标题", FANGSONG, TIMES, 32, {"indent": FIRST, "keep": True, "outline": 2}, {}),
    "p": ("公文正文", FANGSONG, TIMES, 32, {"indent": FIRST}, {}),
    "blank": ("公文空行", FANGSONG, TIMES, 32, {"jc": "left"}, {}),
    "annexes": ("公文附件说明", FANGSONG, TIMES, 32, {"jc": "left", "tab": 6 * CELL}, {}),
    "sign": ("公文落款", FANGSONG, TIMES, 32, {"jc": "left"}, {}),
    "note": ("公文附注", FANGSONG, TIMES, 32, {"indent": FIRST}, {}),
    "annex": ("公文附件标记", HEITI, HEITI, 32, {"jc": "left", "newpage": True, "keep": True}, {}),
    "table": ("公文表格", FANGSONG, TIMES, 24, {"jc": "left", **NARROW}, {"spacing": 0}),
    "tablehead": ("公文表头", HEITI, TIMES, 24, {"jc": "center", **NARROW}, {"spacing": 0}),
    "footer": ("公文页码", SONG, SONG, 28, {"jc": "right", "grid": False, "line": 280}, {"spacing": 0}),
}
IDS = {level: "Gw" + level.title() for level in STYLES}


def el(tag: str, *children: Any, **attributes: Any) -> Any:
    """An element of the w: namespace; attributes too, but for ``r_id`` (of r:) and ``xml_space`` (xml:space)."""
    element = etree.Element(f"{{{W}}}{tag}")
    for name, value in attributes.items():
        if name == "xml_space":
            element.set("{http://www.w3.org/XML/1998/namespace}space", value)
        else:
            element.set(f"{{{R}}}id" if name == "r_id" else f"{{{W}}}{name}", str(value))
    for child in children:
        if isinstance(child, str):
            element.text = child
        elif child is not None:
            element.append(child)
    return element


def _sorted(tag: str, children: list[Any], order: tuple[str, ...]) -> Any:
    return el(tag, *sorted(children, key=lambda c: order.index(etree.QName(c).localname)))


def ppr(*, style: str = "", keep: bool | None = None, newpage: bool = False, rule: str = "", tab: int = 0, grid: bool | None = None,
        before: int | None = None, line: int | None = None, indent: Mapping[str, Any] | None = None, jc: str = "",
        outline: int | None = None, widow: bool | None = None) -> Any:
    """Paragraph properties in schema order; what is not given is not written and comes from the style."""
    parts = []
    if style:
        parts.append(el("pStyle", val=style))
    if keep is not None:
        parts.append(el("keepNext", val=int(keep)))
    if newpage:
        parts.append(el("pageBreakBefore"))
    if widow is not None:
        parts.append(el("widowControl", val=int(widow)))
    if rule:
        parts.append(el("pBdr", el("bottom", val="single", sz=8, space=7, color=rule)))
    if tab:
        parts.append(el("tabs", el("tab", val="left", pos=tab)))
    if grid is not None:
        parts.append(el("snapToGrid", val=int(grid)))
    if line is not None or before is not None:
        parts.append(el("spacing", before=before or 0, after=0, line=line or LINE, lineRule="exact"))
    if indent:
        parts.append(el("ind", **indent))
    if jc:
        parts.append(el("jc", val=jc))
    if outline is not None:
        parts.append(el("outlineLvl", val=outline))
    return _sorted("pPr", parts, PPR_ORDER)


def rpr(east: str = "", latin: str = "", size: int = 0, *, bold: bool | None = None, color: str = "", spacing: int | None = None,
        hint: bool = False) -> Any:
    """Run properties in schema order. Names of faces go into all four attributes; ``hint`` draws quotes full width in Word."""
    parts = []
    fonts = {k: v for k, v in (("ascii", latin), ("hAnsi", latin), ("eastAsia", east), ("cs", latin)) if v}
    if hint:
        fonts = {"hint": "eastAsia", **fonts}
    if fonts:
        parts.append(el("rFonts", **fonts))
    if bold is not None:
        parts.append(el("b", val=int(bold)))
    if color:
        parts.append(el("color", val=color))
    if spacing is not None:
        parts.append(el("spacing", val=spacing))
    if size:
        parts += [el("sz", val=size), el("szCs", val=size)]
    return _sorted("rPr", parts, RPR_ORDER) if parts else None


def styles(bold: frozenset[str] = frozenset()) -> Any:
    """Normal, and one style per kind of paragraph with its Chinese name, based on it. ``bold``: levels that an office prints bold."""
    defaults = rpr(FANGSONG, TIMES)
    defaults.append(el("lang", val="en-US", eastAsia="zh-CN"))
    root = etree.Element(f"{{{W}}}styles", nsmap={"w": W})
    root.append(el("docDefaults", el("rPrDefault", defaults), el("pPrDefault")))
    root.append(el("style", el("name", val="Normal"), el("qFormat"), ppr(widow=False, before=0, line=LINE, jc="both"),
                   rpr(FANGSONG, TIMES, 32, spacing=-5), type="paragraph", default=1, styleId="Normal"))
    root.append(el("style", el("name", val="Default Paragraph Font"), el("uiPriority", val=1), el("semiHidden"),
                   type="character", default=1, styleId="DefaultParagraphFont"))
    margins = el("tblCellMar", *(el(side, w=w, type="dxa") for side, w in (("top", 0), ("left", 108), ("bottom", 0), ("right", 108))))
    root.append(el("style", el("name", val="Normal Table"), el("uiPriority", val=99), el("semiHidden"),
                   el("tblPr", el("tblInd", w=0, type="dxa"), margins), type="table", default=1, styleId="TableNormal"))
    for level, (name, east, latin, size, paragraph, run) in STYLES.items():
        more = {**run, "bold": True} if level in bold else run
        root.append(el("style", el("name", val=name), el("basedOn", val="Normal"), el("qFormat"), ppr(**paragraph),
                       rpr(east, latin, size, **more), type="paragraph", customStyle=1, styleId=IDS[level]))
    return root


def settings() -> Any:
    """Odd and even pages differ; compatibility 15, else every table sits left by its cell margin."""
    root = etree.Element(f"{{{W}}}settings", nsmap={"w": W})
    root.extend([el("zoom", percent=100), el("defaultTabStop", val=2 * CELL), el("evenAndOddHeaders"),
                 el("characterSpacingControl", val="doNotCompress"),
                 el("compat", el("compatSetting", name="compatibilityMode", uri="http://schemas.microsoft.com/office/word", val=15)),
                 el("themeFontLang", val="en-US", eastAsia="zh-CN")])
    return root


def font_table() -> Any:
    """The faces by name. The GB2312 ones are also known without that ending on newer machines."""
    root = etree.Element(f"{{{W}}}fonts", nsmap={"w": W})
    for name, other, family in ((FANGSONG, "仿宋", "modern"), (KAITI, "楷体", "modern"), (HEITI, "SimHei", "modern"),
                                (XBS, "", "auto"), (SONG, "SimSun", "auto"), (TIMES, "", "roman")):
        root.append(el("font", el("altName", val=other) if other else None, el("charset", val="00" if name == TIMES else "86"),
                       el("family", val=family), el("pitch", val="variable"), name=name))
    return root


def footer(side: str) -> Any:
    """— 1 — in 宋体 14 pt, one character from the edge: right on odd pages, left on even ones."""
    root = etree.Element(f"{{{W}}}ftr", nsmap={"w": W, "r": R})
    runs = [el("t", "— ", xml_space="preserve"), el("fldChar", fldCharType="begin"), el("instrText", " PAGE ", xml_space="preserve"),
            el("fldChar", fldCharType="separate"), el("t", "1"), el("fldChar", fldCharType="end"), el("t", " —", xml_space="preserve")]
    root.append(el("p", ppr(style=IDS["footer"], jc=side, indent={side: 280}),
                   *(el("r", rpr(SONG, SONG, 28, hint=True), run) for run in runs)))
    return root


def section() -> Any:
    """A4 with the margins of the standard (37, 35, 28, 26 mm) and the grid by lines."""
    return el("sectPr", el("footerReference", type="default", r_id="rId4"), el("footerReference", type="even", r_id="rId5"),
              el("pgSz", w=11906, h=16838),
              el("pgMar", top=2098, right=1474, bottom=1984, left=1587, header=851, footer=1440, gutter=0),
              el("cols"), el("docGrid", type="lines", linePitch=LINE))


def _text(root: Any) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def _xml(tag: str, namespaces: dict[str | None, str]) -> Any:
    uri, _, local = tag.rpartition("}")
    return etree.Element(f"{uri}}}{local}", nsmap=namespaces)


def _content_types() -> Any:
    uri = f"{PACKAGE}/content-types"
    root = _xml(f"{{{uri}}}Types", {None: uri})
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    for extension, kind in (("rels", "application/vnd.openxmlformats-package.relationships+xml"), ("xml", "application/xml")):
        etree.SubElement(root, f"{{{uri}}}Default", Extension=extension, ContentType=kind)
    for part, kind in (("word/document", f"{word}.document.main+xml"), ("word/styles", f"{word}.styles+xml"),
                       ("word/settings", f"{word}.settings+xml"), ("word/fontTable", f"{word}.fontTable+xml"),
                       ("word/footer1", f"{word}.footer+xml"), ("word/footer2", f"{word}.footer+xml"),
                       ("docProps/core", "application/vnd.openxmlformats-package.core-properties+xml"),
                       ("docProps/app", "application/vnd.openxmlformats-officedocument.extended-properties+xml"),
                       ("docProps/custom", "application/vnd.openxmlformats-officedocument.custom-properties+xml")):
        etree.SubElement(root, f"{{{uri}}}Override", PartName=f"/{part}.xml", ContentType=kind)
    return root


def _relationships(*targets: tuple[str, str]) -> Any:
    uri = f"{PACKAGE}/relationships"
    root = _xml(f"{{{uri}}}Relationships", {None: uri})
    for n, (kind, target) in enumerate(targets, 1):
        etree.SubElement(root, f"{{{uri}}}Relationship", Id=f"rId{n}", Type=kind, Target=target)
    return root


def _core(title: str, author: str, made: str) -> Any:
    cp, dc, terms = f"{PACKAGE}/metadata/core-properties", "http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/"
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    root = _xml(f"{{{cp}}}coreProperties", {"cp": cp, "dc": dc, "dcterms": terms, "xsi": xsi})
    for tag, value in ((f"{{{dc}}}title", title), (f"{{{dc}}}creator", author), (f"{{{dc}}}language", "zh-CN"),
                       (f"{{{cp}}}lastModifiedBy", author)):
        etree.SubElement(root, tag).text = value
    for name in ("created", "modified"):
        stamp = etree.SubElement(root, f"{{{terms}}}{name}")
        stamp.set(f"{{{xsi}}}type", "dcterms:W3CDTF")
        stamp.text = f"{made}T00:00:00Z"
    return root


def _custom(properties: Mapping[str, str]) -> Any:
    uri, vt = f"{OFFICE}/custom-properties", f"{OFFICE}/docPropsVTypes"
    root = _xml(f"{{{uri}}}Properties", {None: uri, "vt": vt})
    for n, (name, value) in enumerate(sorted(properties.items()), 2):
        entry = etree.SubElement(root, f"{{{uri}}}property", fmtid="{D5CDD505-2E9C-101B-9397-08002B2CF9AE}", pid=str(n), name=name)
        etree.SubElement(entry, f"{{{vt}}}lpwstr").text = value
    return root


def _app() -> Any:
    uri = f"{OFFICE}/extended-properties"
    root = _xml(f"{{{uri}}}Properties", {None: uri})
    etree.SubElement(root, f"{{{uri}}}Application").text = "jieneng"
    return root


def package(document: Any, *, title: str, author: str, made: str, properties: Mapping[str, str], bold: frozenset[str] = frozenset()) -> bytes:
    """The whole docx around ``word/document.xml``. The same content gives the same bytes."""
    core = f"{PACKAGE}/relationships/metadata/core-properties"
    parts = {
        "[Content_Types].xml": _content_types(),
        "_rels/.rels": _relationships((f"{R}/officeDocument", "word/document.xml"), (core, "docProps/core.xml"),
                                      (f"{R}/extended-properties", "docProps/app.xml"), (f"{R}/custom-properties", "docProps/custom.xml")),
        "docProps/app.xml": _app(), "docProps/core.xml": _core(title, author, made), "docProps/custom.xml": _custom(properties),
        "word/_rels/document.xml.rels": _relationships(
            (f"{R}/styles", "styles.xml"), (f"{R}/settings", "settings.xml"), (f"{R}/fontTable", "fontTable.xml"),
            (f"{R}/footer", "footer1.xml"), (f"{R}/footer", "footer2.xml")),
        "word/document.xml": document, "word/fontTable.xml": font_table(), "word/footer1.xml": footer("right"),
        "word/footer2.xml": footer("left"), "word/settings.xml": settings(), "word/styles.xml": styles(bold),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, root in parts.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, _text(root))
    return out.getvalue()
