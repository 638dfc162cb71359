"""A look at a foreign file before anything opens it: length, extension, first bytes, then the archive's directory.

Order and limits are those of the threat study (uploads, U): each step is cheaper than the next. ``look`` runs in the
server and reads a few kilobytes; ``look_inside`` unpacks in 64 KiB pieces, counting, and runs in the limited child.
What is refused is refused in words: what the file is, and how to save it properly.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from jieneng.core.problem import Place, Refused, refuse
from jieneng.core.words import T

MiB = 1024 * 1024
_CHUNK = 65536


@dataclass(frozen=True)
class Limits:
    """What is the most that is read. Sizes in bytes, times in seconds. Settings, printed on the page and in the docs."""

    file: int = 50 * MiB
    members: int = 2000
    member: int = 100 * MiB
    unpacked: int = 200 * MiB
    ratio: int = 200
    rows: int = 200_000
    columns: int = 400
    cells: int = 20_000_000
    cell_text: int = 40_000
    output: int = 512 * MiB
    memory: int = 1024 * MiB
    cpu: int = 60
    wall: int = 180

    def as_json(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Limits:
        return cls(**{f.name: int(data[f.name]) for f in fields(cls) if f.name in data})


@dataclass(frozen=True)
class Look:
    """What a file is: ``kind`` is csv, xlsx or xls; ``size`` in bytes; ``surprise`` says that its name tells otherwise."""

    kind: str
    size: int
    surprise: T | None = None


SAVE_AS = T(
    "用 WPS 或 Excel 打开，“另存为”Excel 工作簿（.xlsx）后再交",
    "open it in WPS or Excel and save it as a workbook (.xlsx)",
)
_KINDS: tuple[tuple[bytes, str, T], ...] = (
    (b"PK\x03\x04", "zip", T("压缩包", "a ZIP archive")),
    (b"PK\x05\x06", "empty-zip", T("空的压缩包", "an empty ZIP archive")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole", T("旧版 Office 文件", "an old Office file")),
    (b"\x89PNG", "image", T("PNG 图片", "a PNG picture")),
    (b"\xff\xd8\xff", "image", T("JPEG 图片", "a JPEG picture")),
    (b"GIF8", "image", T("GIF 图片", "a GIF picture")),
    (b"BM", "image", T("BMP 图片", "a BMP picture")),
    (b"II*\x00", "image", T("TIFF 图片", "a TIFF picture")),
    (b"MM\x00*", "image", T("TIFF 图片", "a TIFF picture")),
    (b"%PDF", "pdf", T("PDF 文件", "a PDF file")),
    (b"{\\rtf", "rtf", T("RTF 文档", "an RTF document")),
    (b"Rar!", "archive", T("RAR 压缩包", "a RAR archive")),
    (b"7z\xbc\xaf", "archive", T("7z 压缩包", "a 7z archive")),
    (b"\x1f\x8b", "archive", T("gzip 压缩包", "a gzip archive")),
    (b"PAR1", "parquet", T("Parquet 文件", "a Parquet file")),
    (b"SQLite format 3", "sqlite", T("SQLite 数据库", "an SQLite database")),
    (b"MZ", "program", T("Windows 程序", "a Windows program")),
    (b"\x7fELF", "program", T("Linux 程序", "a Linux program")),
)
_HTML = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body|table|meta|style|script)\b", re.I)
_XML = re.compile(rb"\s*<\?xml|\s*<Workbook\b", re.I)


def shown_name(name: str) -> str:
    """A file name fit to be shown: its last part, without control and direction characters, at most 120 long."""
    last = re.split(r"[\\/]", name)[-1]
    clean = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    return clean if len(clean) <= 120 else clean[:80] + "…" + clean[-39:]


def extension(name: str) -> str:
    """The extension in small letters, without the dot; "" if there is none."""
    last = shown_name(name)
    return last.rsplit(".", 1)[1].lower().strip() if "." in last else ""


def look(path: Path, name: str = "", limits: Limits | None = None) -> Look:
    """What the file at ``path`` (received under ``name``) is, from its length, extension and first bytes.

    Raises ``Refused``: empty, too large, password, macros, picture, PDF, HTML or anything that is no table.
    """
    limits = limits or Limits()
    shown = shown_name(name or Path(path).name)
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            head = file.read(8192)
            old = head.startswith(b"\xd0\xcf\x11\xe0")
            rest = file.read(limits.file) if old and size <= limits.file else b""
    except OSError as error:
        raise refuse(
            "file-unreadable",
            T("文件打不开：{e}", "the file cannot be opened: {e}", e=error.strerror or "?"),
            where=Place(file=shown),
        ) from error
    return look_at(head + rest if old else head, size, shown, limits)


def look_at(head: bytes, size: int, name: str, limits: Limits) -> Look:
    """The same from its first bytes (all of them for an old Office file)."""
    where = Place(file=name)
    ext = extension(name)
    if size == 0:
        raise refuse(
            "file-empty",
            T("文件是空的（0 字节）", "the file is empty (0 bytes)"),
            do=T("重新导出或重新复制一次", "export or copy it again"),
            where=where,
        )
    if size > limits.file:
        raise refuse(
            "file-too-large",
            T("文件有 {a} MB", "the file has {a} MB", a=size // MiB),
            T("不超过 {b} MB", "at most {b} MB", b=limits.file // MiB),
            T("去掉图片，或按县区分成几个文件", "remove pictures, or split it by county"),
            where,
        )
    kind, what = _what(head)
    if kind == "zip":
        return Look(
            "xlsx", size, _surprise(ext, ("xlsx", "xlsm", "et", ""), T("新版工作簿（xlsx）", "a workbook (xlsx)"))
        )
    if kind == "parquet":
        return Look("parquet", size, _surprise(ext, ("parquet", "pq", ""), T("Parquet 文件", "a Parquet file")))
    if kind == "ole":
        _look_ole(head, where)
        return Look("xls", size, _surprise(ext, ("xls", "et", ""), T("旧版工作簿（xls）", "an old workbook (xls)")))
    if kind == "text":
        if ext in ("xlsx", "xls", "xlsm", "et", "ods"):
            raise refuse(
                "file-disguised",
                T(
                    "文件名是 .{e}，内容其实是文本（CSV 一类）",
                    "named .{e}, but it is really text (such as CSV)",
                    e=ext,
                ),
                do=T("把扩展名改成 .csv，或{s}", "rename it to .csv, or {s}", s=SAVE_AS),
                where=where,
            )
        return Look("csv", size, None)
    code = "file-disguised" if ext in ("xlsx", "xls", "csv", "txt", "et") else "file-kind"
    raise refuse(
        code,
        T("这是{w}，不是表格", "this is {w}, not a table", w=what),
        T("xlsx 工作簿或 CSV", "an xlsx workbook or CSV"),
        SAVE_AS if kind in ("html", "xml") else T("请交表格文件本身", "send the table itself"),
        where,
    )


def _what(head: bytes) -> tuple[str, T]:
    for magic, kind, what in _KINDS:
        if (
            head.startswith(magic)
            and not (magic == b"BM" and not _binary(head))
            and not (magic == b"MZ" and not _binary(head))
        ):
            return kind, what
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image", T("WebP 图片", "a WebP picture")
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) and not _HTML.match(head[3:]):
        return "text", T("文本", "text")
    plain = head[3:] if head.startswith(b"\xef\xbb\xbf") else head
    if _HTML.match(plain):
        return "html", T(
            "网页（HTML），常见于从网站“导出 Excel”", "a web page (HTML), as many sites’ “export to Excel” gives"
        )
    if _XML.match(plain):
        return "xml", T("XML 文件", "an XML file")
    if _binary(head):
        return "binary", T("认不出的二进制文件（含 NUL 字节）", "an unknown binary file (with NUL bytes)")
    return "text", T("文本", "text")


def _binary(head: bytes) -> bool:
    """Whether bytes are no text: NULs, or many control characters."""
    control = sum(b < 9 or 13 < b < 32 for b in head)
    return b"\x00" in head or control * 20 > len(head)


def _surprise(ext: str, fitting: tuple[str, ...], what: T) -> T | None:
    if ext in fitting:
        return None
    return T("文件名是 .{e}，内容是{w}，按内容读", "named .{e}, but it is {w}; read as that", e=ext, w=what)


def _look_ole(data: bytes, where: Place) -> None:
    """An old Office file must be a workbook without password and macros. Stream names are UTF-16 in its directory."""

    def has(stream: str) -> bool:
        return stream.encode("utf-16-le") in data

    if has("EncryptedPackage") or has("EncryptionInfo"):
        raise refuse(
            "file-password",
            T("文件有打开密码", "the file is protected by a password"),
            do=T("去掉密码后另存再交", "remove the password, save, and send it again"),
            where=where,
        )
    if has("_VBA_PROJECT"):
        raise refuse("file-macros", T("文件含有宏", "the file holds macros"), do=SAVE_AS, where=where)
    if not (has("Workbook") or has("Book")):
        what = T("Word 文档", "a Word document") if has("WordDocument") else T("旧版 Office 文件", "an old Office file")
        raise refuse(
            "file-disguised", T("这是{w}，不是表格", "this is {w}, not a table", w=what), do=SAVE_AS, where=where
        )


# --- inside an archive -----------------------------------------------------------------------------------------------

_NESTED = (".zip", ".xlsx", ".xlsm", ".docx", ".pptx", ".ods", ".rar", ".7z", ".gz", ".jar", ".xls", ".doc", ".ppt")
_ARCHIVES = (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b\x08")
_MACRO = re.compile(r"vbaproject|macrosheets/|vbadata|/activex/", re.I)
_REL = re.compile(rb"<(?:[\w.-]+:)?Relationship\b[^>]*>")
_CELL = re.compile(rb"<(?:[\w.-]+:)?c\s(?:[^>]*?\s)?r\s*=\s*[\"']([A-Za-z]{1,4})([0-9]{1,9})[\"'][^>]*(?<!/)>")


def _bad(code: str, found: T, do: T | None = None, expected: T | None = None) -> Refused:
    return refuse(code, found, expected, do or SAVE_AS)


def look_inside(file: BinaryIO, limits: Limits) -> None:
    """Check a workbook's archive: directory, sizes counted while unpacking, forbidden parts, used rectangle.

    Raises ``Refused`` in words. Memory: one 64 KiB piece, the tail of a tag, and the directory.
    """
    size = file.seek(0, 2)
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (
        zipfile.BadZipFile,
        ValueError,
        OverflowError,
        NotImplementedError,
        OSError,
        struct.error,
        EOFError,
    ) as error:
        raise _bad(
            "file-damaged",
            T("工作簿损坏，压缩目录读不出来", "the workbook is damaged: its directory cannot be read"),
            T("重新下载或重新保存后再交", "download or save it again, then send it"),
        ) from error
    _directory(members, size, limits)
    total = 0
    for info in members:
        if info.is_dir():
            continue
        total = _member(file, info, limits, total)
    names = {i.filename.lower() for i in members}
    if "[content_types].xml" not in names or not any(n.startswith("xl/") or n.endswith("workbook.xml") for n in names):
        what = _office(names)
        raise _bad("file-disguised", T("这是{w}，不是工作簿", "this is {w}, not a workbook", w=what))


def _office(names: set[str]) -> T:
    if any(n.startswith("word/") for n in names):
        return T("Word 文档", "a Word document")
    if any(n.startswith("ppt/") for n in names):
        return T("演示文稿", "a presentation")
    if "content.xml" in names:
        return T("OpenDocument 文件", "an OpenDocument file")
    return T("普通压缩包", "a plain ZIP archive")


def _directory(members: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    """What the directory alone shows: number, names, links, encryption, overlaps, macros, nested archives."""
    if len(members) > limits.members:
        raise _bad(
            "archive-members",
            T("压缩包里有 {n} 个文件", "the archive has {n} members", n=len(members)),
            expected=T("不超过 {m} 个", "at most {m}", m=limits.members),
        )
    if sum(i.compress_size for i in members) > size:
        raise _bad("archive-lies", T("压缩包里的文件互相重叠", "members of the archive overlap"))
    seen: set[str] = set()
    for info in members:
        name = info.filename
        parts = re.split(r"[\\/]", name)
        if ".." in parts or name.startswith(("/", "\\")) or ":" in name or info.orig_filename != name:
            raise _bad("archive-path", T("压缩包里有不正常的文件名", "the archive has a member with an abnormal name"))
        if stat.S_ISLNK(info.external_attr >> 16):
            raise _bad("archive-link", T("压缩包里有链接", "the archive holds a link"))
        if info.flag_bits & 1:
            raise _bad("file-password", T("文件有打开密码", "the file is protected by a password"))
        if name.lower() in seen:
            raise _bad("archive-double", T("压缩包里有两个同名文件", "the archive has two members of one name"))
        seen.add(name.lower())
        if _MACRO.search(name):
            raise _bad("file-macros", T("工作簿含有宏或控件", "the workbook holds macros or controls"))
        if name.lower().endswith(_NESTED):
            raise _bad(
                "archive-nested",
                T("工作簿里还嵌着别的文件", "another file is embedded in the workbook"),
                T("删掉嵌入的对象后再存", "delete the embedded objects and save"),
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _bad("archive-method", T("压缩方法不认识", "unknown compression method"))
        if info.file_size > limits.member:
            raise _too_big(limits)


def _too_big(limits: Limits) -> Refused:
    return _bad(
        "archive-size",
        T("工作簿解开后太大", "the workbook is too large once unpacked"),
        T("删掉多余的空白行列和图片后再存", "delete surplus rows, columns and pictures, and save"),
        T(
            "每个部分不超过 {a} MB，合计不超过 {b} MB，压缩比不超过 {r}",
            "at most {a} MB a part, {b} MB in all, a ratio of {r}",
            a=limits.member // MiB,
            b=limits.unpacked // MiB,
            r=limits.ratio,
        ),
    )


def unpacked_member(file: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The member's true bytes, unpacked here since zipfile stops at the length that the archive claims."""
    damaged = _bad(
        "file-damaged",
        T("工作簿损坏（{n} 读不出来）", "the workbook is damaged ({n} cannot be read)", n=shown_name(info.filename)),
        T("重新下载或重新保存后再交", "download or save it again, then send it"),
    )
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise damaged
    file.seek(struct.unpack("<HH", header[26:30])[0] + struct.unpack("<HH", header[26:30])[1], 1)
    left, crc, length = info.compress_size, 0, 0
    inflate = zlib.decompressobj(-15) if info.compress_type == zipfile.ZIP_DEFLATED else None
    while left:
        piece = file.read(min(left, _CHUNK))
        if not piece:
            raise damaged
        left -= len(piece)
        while piece:
            try:
                out = inflate.decompress(piece, _CHUNK) if inflate else piece
            except zlib.error as error:
                raise damaged from error
            piece = inflate.unconsumed_tail if inflate else b""
            crc, length = zlib.crc32(out, crc), length + len(out)
            yield out
            if inflate and not out:
                break
    while inflate and not inflate.eof:
        out = inflate.decompress(b"", _CHUNK)  # output that was pending when the input ended
        if not out:
            break
        crc, length = zlib.crc32(out, crc), length + len(out)
        yield out
    if crc != info.CRC or length != info.file_size or (inflate and not inflate.eof):
        raise damaged


def _member(file: BinaryIO, info: zipfile.ZipInfo, limits: Limits, total: int) -> int:
    """Unpack one part piece by piece, counting and looking; gives the running total."""
    name = info.filename.lower()
    xml = name.endswith((".xml", ".rels", ".vml"))
    rectangle, tail, length = _Rectangle(limits), b"", 0
    for piece in unpacked_member(file, info):
        if length == 0 and piece.startswith(_ARCHIVES):
            raise _bad("archive-nested", T("工作簿里还嵌着别的压缩包", "an archive is nested in the workbook"))
        length += len(piece)
        total += len(piece)
        if length > limits.member or total > limits.unpacked:
            raise _too_big(limits)
        if length > MiB and length > limits.ratio * max(info.compress_size, 1):
            raise _too_big(limits)
        if xml:
            tail = _scan(name, tail + piece, rectangle)
    return total


def _scan(name: str, text: bytes, rectangle: _Rectangle) -> bytes:
    """Look at a stretch of XML; gives the unfinished tag at its end, to be seen again with the next stretch."""
    if b"\x00" in text or text.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _bad("xml-encoding", T("工作簿内部不是 UTF-8", "the workbook is not UTF-8 inside"))
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise _bad("xml-dtd", T("工作簿内部有 DTD 声明", "the workbook has a DTD inside"))
    if name.endswith(".rels"):
        for tag in _REL.findall(text):
            flat = tag.replace(b"&#", b"").lower()
            if b"external" in flat and b"/hyperlink" not in flat:
                raise _bad(
                    "xml-external",
                    T("工作簿链接到别的文件", "the workbook links to another file"),
                    T(
                        "在“数据”里断开链接，把公式粘贴成数值，再保存",
                        "break the links, paste the formulas as values, and save",
                    ),
                )
    elif name == "[content_types].xml" and b"macroEnabled" in text:
        raise _bad("file-macros", T("工作簿是启用宏的格式", "the workbook is of a macro-enabled kind"))
    else:
        rectangle.see(text)
    at = text.rfind(b"<")
    tail = text[at:] if at >= 0 and b">" not in text[at:] else b""
    if len(tail) > MiB:
        raise _bad("xml-deep", T("工作簿内部结构不正常", "the inside of the workbook is abnormal"))
    return tail


class _Rectangle:
    """The used rectangle of a sheet, from the cells that hold something (an empty formatted cell closes itself)."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.top, self.bottom, self.left, self.right = 10**9, 0, 10**9, 0

    def see(self, text: bytes) -> None:
        found = _CELL.findall(text)
        if not found:
            return
        rows = [int(r) for r in {r for _, r in found}]
        columns = [column_number(c.decode()) for c in {c for c, _ in found}]
        self.top, self.bottom = min(self.top, *rows), max(self.bottom, *rows)
        self.left, self.right = min(self.left, *columns), max(self.right, *columns)
        limits = self.limits
        area = (self.bottom - self.top + 1) * (self.right - self.left + 1)
        if self.bottom > limits.rows or self.right > limits.columns or area > limits.cells:
            raise too_wide(self.bottom, self.right, limits)


def too_wide(rows: int, columns: int, limits: Limits) -> Refused:
    """The refusal for a table beyond the limits of rows, columns or cells."""
    return _bad(
        "table-size",
        T("表用到第 {r} 行、第 {c} 列", "the table reaches row {r} and column {c}", r=rows, c=columns),
        T(
            "删掉数据以外的行和列（选中后“删除”，不只是清除内容），再保存",
            "delete the rows and columns beyond the data (delete, not clear), and save",
        ),
        T(
            "不超过 {r} 行、{c} 列、{n} 万格",
            "at most {r} rows, {c} columns and {n}0,000 cells",
            r=limits.rows,
            c=limits.columns,
            n=limits.cells // 10000,
        ),
    )


def column_number(letters: str) -> int:
    """``A`` is 1, ``AA`` is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


@lru_cache(maxsize=16_384)  # as many columns as a sheet may have
def column_letters(number: int) -> str:
    """1 is ``A``, 27 is ``AA``.

    >>> column_letters(column_number("XFD"))
    'XFD'
    """
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
