"""Files that people send and files that attackers send, made here: workbooks part by part, archives byte by byte."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from jieneng.core.words import T
from jieneng.returns.intake.guard import column_letters
from jieneng.rulebook.types import Book, Form, FormItem, InstitutionType, Item, Ledger, LedgerField, Unit

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def t(text: str) -> T:
    return T(text, text)


def a_book(**more: Any) -> Book:
    """A small book of rules: electricity, water, area, a ledger; every unit a person might write."""
    units = [("kWh", "energy", "1", ("千瓦时", "度")), ("万kWh", "energy", "10000", ("万千瓦时", "万度")),
             ("GJ", "energy", "2500/9", ()), ("m3", "volume", "1", ("立方米", "吨水")), ("m2", "area", "1", ("平方米", "㎡")),
             ("亩", "area", "2000/3", ()), ("人", "count", "1", ()), ("yuan", "money", "1", ("元",)),
             ("万元", "money", "10000", ("10k_yuan",)), ("kWp", "power", "1", ())]
    items = [("electricity_kwh", "kWh", "quantity", "site"), ("water_m3", "m3", "quantity", ""), ("area_m2", "m2", "area", ""),
             ("people", "人", "count", "")]
    ledger = Ledger(
        "contracts", t("合同台账"), t("合同"), ("no",), "name",
        (LedgerField("no", t("合同编号"), "text", required=True), LedgerField("name", t("名称"), "text"),
         LedgerField("type", T("类型", "type"), "choice", choices={"pv": T("光伏", "solar"), "trust": T("托管", "trusteeship")}),
         LedgerField("signed_on", t("签订日期"), "date"), LedgerField("amount", t("投资"), "number", "万元"),
         LedgerField("year", t("年度"), "year")),
        ("no", "name"))
    form = Form("consumption", "2022", t("消费状况"), "", "", 2019, None, ("month", "year"),
                tuple(FormItem(i[0]) for i in items), ())
    book = {
        "code": "test", "title": t("测试"), "units": {u[0]: Unit(u[0], u[1], u[2], t(u[0]), u[3]) for u in units},
        "items": {i[0]: Item(i[0], t(i[0]), i[1], i[2], "sum", basis=i[3]) for i in items},
        "factors": {}, "composites": {}, "indicators": {}, "forms": {form.name: form},
        "types": {"organ": InstitutionType("organ", t("机关")), "education": InstitutionType("education", t("教育"))},
        "divisions": {}, "ledgers": {"contracts": ledger}, "documents": {}, "tables": {}, "settings": {}, "gaps": (), "hash": "h",
    }
    return Book(**{**book, **more})


# --- workbooks -------------------------------------------------------------------------------------------------------


def cell_xml(row: int, column: int, value: Any) -> str:
    """A cell: None empty, text inline, numbers as given; a dict gives raw XML pieces (f formula, v value, t type, s style)."""
    at = f'r="{column_letters(column)}{row}"'
    if value is None:
        return f"<c {at}/>"
    if isinstance(value, dict):
        inner = "".join(f"<{k}>{escape(str(value[k]))}</{k}>" for k in ("f", "v") if k in value)
        return f'<c {at} s="{value.get("s", 0)}"' + (f' t="{value["t"]}"' if "t" in value else "") + f">{inner}</c>"
    if isinstance(value, bool):
        return f'<c {at} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float | Decimal):
        return f"<c {at}><v>{value}</v></c>"
    return f'<c {at} t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def sheet_xml(rows: Sequence[Sequence[Any]], *, merge: Sequence[str] = (), hidden: Sequence[int] = (), first: int = 1,
              columns: str = "") -> str:
    body = "".join(
        f'<row r="{n}"' + (' hidden="1"' if n in hidden else "") + ">"
        + "".join(cell_xml(n, m, v) for m, v in enumerate(row, 1)) + "</row>"
        for n, row in enumerate(rows, first)
    )
    merged = f'<mergeCells count="{len(merge)}">' + "".join(f'<mergeCell ref="{m}"/>' for m in merge) + "</mergeCells>"
    return f'{HEAD}<worksheet xmlns="{MAIN}">{columns}<sheetData>{body}</sheetData>{merged if merge else ""}</worksheet>'


STYLES = (f'{HEAD}<styleSheet xmlns="{MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
          '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
          '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>')


def parts(sheets: Mapping[str, str], *, hidden: Sequence[str] = (), book: str = "", date1904: bool = False) -> dict[str, bytes]:
    """The parts of a workbook; ``sheets`` maps a name to its XML (sheet_xml). ``book`` is put into workbook.xml."""
    numbers = dict(enumerate(sheets, 1))
    overrides = "".join(f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="application/vnd.openxmlformats-'
                        'officedocument.spreadsheetml.worksheet+xml"/>' for n in numbers)
    made = {
        "[Content_Types].xml": f'{HEAD}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/'
                               'vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
                               '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
                               f'spreadsheetml.sheet.main+xml"/>{overrides}</Types>',
        "_rels/.rels": f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" '
                       'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><workbookPr{" date1904=" + chr(34) + "1" + chr(34) if date1904 else ""}/>'
                           "<sheets>" + "".join(
                               f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"'
                               + (' state="hidden"' if name in hidden else "") + "/>" for n, name in numbers.items())
                           + f"</sheets>{book}</workbook>",
        "xl/_rels/workbook.xml.rels": f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">' + "".join(
            f'<Relationship Id="rId{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers)
            + f'<Relationship Id="rId999" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": STYLES,
    }
    made |= {f"xl/worksheets/sheet{n}.xml": sheets[name] for n, name in numbers.items()}
    return {k: v.encode() for k, v in made.items()}


def pack(members: Mapping[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None) -> bytes:
    """Members as an archive; ``change`` may bend each entry before it is written."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (2022, 3, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(info)
            archive.writestr(info, data)
    return out.getvalue()


def workbook(rows: Sequence[Sequence[Any]], **kw: Any) -> bytes:
    """A workbook with one sheet, 表1."""
    own = {k: kw.pop(k) for k in ("merge", "hidden_rows", "first", "columns") if k in kw}
    own = {("hidden" if k == "hidden_rows" else k): v for k, v in own.items()}
    return pack(parts({"表1": sheet_xml(rows, **own)}, **kw))


def lying(data: bytes, name: str, size: int) -> bytes:
    """The archive with another unpacked size claimed for one member, in both places."""
    out = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo(name)
        start = archive.start_dir
        true = archive.read(name)
        for entry in archive.infolist():
            if entry.filename == name:
                break
            start += 46 + len(entry.filename.encode()) + len(entry.extra) + len(entry.comment)
    struct.pack_into("<I", out, info.header_offset + 22, size)
    struct.pack_into("<I", out, start + 24, size)
    # the checksum of the claimed beginning, so that a careless reader sees no fault
    crc = zlib.crc32(true[:size])
    struct.pack_into("<I", out, info.header_offset + 14, crc)
    struct.pack_into("<I", out, start + 16, crc)
    return bytes(out)


def bombs() -> dict[str, bytes]:
    """U1: archives and workbooks made to exhaust whoever opens them, each bounded on disk."""
    ordinary = parts({"表1": sheet_xml([["名称", "数"], ["甲", 1]])})

    def with_sheet(xml: str) -> bytes:
        return pack({**ordinary, "xl/worksheets/sheet1.xml": xml.encode()})

    ns = f'<worksheet xmlns="{MAIN}"><sheetData>'
    end = "</sheetData></worksheet>"
    far = f'{ns}<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>{end}'
    implicit = ns + "".join(f"<row><c><v>{n * 7919 % 999_983}</v></c></row>" for n in range(210_000)) + end
    varied = "".join(f'<row r="{n}" ht="{n * 7919 % 999_983}"/>' for n in range(100_000))
    strings = f'<sst xmlns="{MAIN}" count="4294967295" uniqueCount="4294967295"><si><t>x</t></si></sst>'
    linked = parts({"表1": sheet_xml([["名称"], [{"t": "s", "v": 0}]])})
    linked["xl/sharedStrings.xml"] = strings.encode()
    linked["xl/_rels/workbook.xml.rels"] = linked["xl/_rels/workbook.xml.rels"].replace(
        b"</Relationships>", f'<Relationship Id="rId5" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'.encode())
    spaces = pack({**ordinary, "xl/worksheets/sheet1.xml": (ns + " " * (30 << 20) + end).encode()})
    return {
        "spaces": spaces,
        "huge part": pack({**ordinary, "xl/media/a.bin": b"\0" * (101 << 20)}),
        "all parts": pack({**ordinary, **{f"xl/m{n}.bin": zlib.compress(bytes(range(256))) * 300_000 for n in range(9)}}),
        "members": pack({**ordinary, **{f"xl/x{n}": b"" for n in range(20_000)}}),
        "nested": pack({**ordinary, "xl/embeddings/inner.bin": pack(ordinary)}),
        "nested name": pack({**ordinary, "xl/embeddings/inner.xlsx": b"x"}),
        "far cell": with_sheet(far),
        "wide row": with_sheet(ns + '<row r="1">' + "".join(cell_xml(1, c, 1) for c in range(1, 500)) + "</row>" + end),
        "many rows": with_sheet(implicit),
        "lying count": pack(linked),
        "lying size": lying(with_sheet(ns + varied + end), "xl/worksheets/sheet1.xml", 100),
        "deep xml": with_sheet(ns + "".join(f'<row x="{n * 7919 % 999_983}">' for n in range(200_000)) + "</row>" * 200_000 + end),
        "entities": with_sheet(f'<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa">]>{ns}<row r="1"><c r="A1" t="inlineStr"><is><t>&a;</t></is></c></row>{end}'),
        "utf-16 part": pack({**ordinary, "xl/worksheets/sheet1.xml": far.encode("utf-16")}),
        "macro": pack({**ordinary, "xl/vbaProject.bin": b"x"}),
        "macro type": pack({**ordinary, "[Content_Types].xml": ordinary["[Content_Types].xml"].replace(b"sheet.main", b"sheet.macroEnabled.main")}),
        "path": pack({**ordinary, "../../evil.xml": b"<a/>"}),
        "absolute": pack({**ordinary, "/etc/evil.xml": b"<a/>"}),
        "link": pack({**ordinary, "xl/link": b"/etc/passwd"}, lambda i: setattr(i, "external_attr", 0o120777 << 16 if i.filename == "xl/link" else 0)),
        "double": pack({**ordinary, "XL/Workbook.xml": b"<a/>"}),
        "external": pack({**ordinary, "xl/worksheets/_rels/sheet1.xml.rels": (
            f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="a" Type="{OFFICE}/externalLinkPath" '
            'Target="file:///etc/passwd" TargetMode="External"/></Relationships>').encode()}),
    }


def disguises() -> dict[str, tuple[str, bytes]]:
    """U2: files that are not what their name says: name, bytes."""
    good = workbook([["名称", "数"], ["甲", 1]])
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    return {
        "empty": ("a.xlsx", b""),
        "html": ("导出.xls", b"<html><head><meta charset='gbk'></head><body><table><tr><td>1</td></tr></table></body></html>"),
        "html bom": ("导出.xls", b"\xef\xbb\xbf\r\n <TABLE><tr><td>1</td></tr></TABLE>"),
        "xml": ("导出.xls", b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>'),
        "csv": ("a.xlsx", "名称,数\n甲,1\n".encode()),
        "password": ("a.xlsx", ole + "EncryptedPackage".encode("utf-16-le")),
        "old macros": ("a.xls", ole + "Workbook_VBA_PROJECT".encode("utf-16-le")),
        "word": ("a.xls", ole + "WordDocument".encode("utf-16-le")),
        "docx": ("a.xlsx", pack({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<a/>"})),
        "zip": ("a.xlsx", pack({"readme.txt": b"x"})),
        "png": ("a.csv", b"\x89PNG\r\n\x1a\n" + b"\0" * 50),
        "jpeg": ("a.xlsx", b"\xff\xd8\xff\xe0" + b"\0" * 50),
        "pdf": ("a.pdf", b"%PDF-1.7\n"),
        "binary": ("a.csv", bytes(range(256)) * 4),
        "cut": ("a.xlsx", good[: len(good) // 2]),
    }
