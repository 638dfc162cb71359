"""The folder of an institution and year (佐证材料): what is in it, what is missing, and the verbs that put in and take out.

A file is known by its content, never by its name; kept as received, except that a photo loses the place it was taken at (faults.md
U9); never shown in the browser, always handed out as a download of one fixed type. A sensitive unit has no photos at all.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.scope import require, scope
from jieneng.records import files
from jieneng.records.events import action, record
from jieneng.records.rules import book
from jieneng.records.workbook import Column, list_workbook
from jieneng.rulebook.types import VoucherKind

from .contacts import line_of
from .models import Institution, Standing, Voucher

RIGHTS = ("file", "edit_register", "import")
LIMIT = 20 << 20
"""Bytes of one paper."""
FOLDER_LIMIT = 300
PICTURES = ("jpeg", "png")
ACCEPTED = {"pdf": "PDF", "jpeg": "JPEG", "png": "PNG", "xlsx": "xlsx", "docx": "docx", "ofd": "OFD", "office": "xls / doc / et / wps"}


def content_kind(data: bytes) -> str:
    """What a file is, by its content: a key of ``ACCEPTED``, or "" for everything else."""
    if data[:5] == b"%PDF-":
        return "pdf"
    if data[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "office"
    if data[:4] == b"PK\x03\x04":
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as z:
                names = z.namelist()[:2000]
        except (zipfile.BadZipFile, ValueError, OSError):
            return ""
        if any(n.endswith("vbaProject.bin") for n in names):
            return ""
        found = [k for k, n in (("xlsx", "xl/workbook.xml"), ("docx", "word/document.xml"), ("ofd", "OFD.xml")) if n in names]
        return found[0] if found else ""
    return ""


def without_place(data: bytes) -> bytes:
    """A JPEG or PNG without its EXIF, XMP and comment parts: the pixels are untouched, where it was taken is gone."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(data)
    out, at = bytearray(data[:2]), 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, size = data[at + 1], int.from_bytes(data[at + 2:at + 4], "big")
        if marker == 0xDA or size < 2:  # the picture itself, or nothing that can be skipped
            break
        if marker not in (0xE1, 0xED, 0xFE):
            out += data[at:at + 2 + size]
        at += 2 + size
    return bytes(out + data[at:])


def _png(data: bytes) -> bytes:
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        size, name = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        if name not in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
            out += data[at:at + 12 + size]
        at += 12 + size
    return bytes(out)


def rights_in(user: User, path: str, key: str) -> bool:
    """Whether a person may put papers in an institution's folder."""
    return any(scope(user, v).covers(path, key) for v in RIGHTS)


def folder(institution: Institution, year: int) -> QuerySet[Voucher]:
    """What is in the folder of a year, by kind."""
    return institution.vouchers.filter(year=year, withdrawn="").select_related("file", "by")


@dataclass(frozen=True)
class Wanted:
    """A kind of paper in a folder: whether it is asked for, and what is there."""

    kind: VoucherKind
    asked: bool
    rows: Sequence[Voucher]

    @property
    def missing(self) -> bool:
        return self.asked and not self.rows


def asked(kind: VoucherKind, standing: Standing, used: Iterable[str] | None) -> bool:
    """Whether a paper is asked of an institution. ``used``: the items it reported above zero in the year (None: not known, then all)."""
    if not kind.required or (kind.types and standing.type not in kind.types) or (kind.photo and standing.sensitive):
        return False
    return not kind.items or used is None or bool(set(kind.items) & set(used))


def contents(standing: Standing, rows: Iterable[Voucher], used: Iterable[str] | None, kinds: Mapping[str, VoucherKind]) -> list[Wanted]:
    """The folder by kind, in the order of the rulebook; a kind that the book no longer has stands at the end."""
    by_kind: dict[str, list[Voucher]] = {}
    for row in rows:
        by_kind.setdefault(row.kind, []).append(row)
    gone = {c: VoucherKind(c, T(c, c)) for c in by_kind if c not in kinds}
    return [Wanted(k, asked(k, standing, used), by_kind.get(k.code, ())) for k in (*kinds.values(), *gone.values())
            if not (k.photo and standing.sensitive and k.code not in by_kind)]


def add(person: User, institution: Institution, year: int, kind: str, stream: BinaryIO, name: str, label: str = "", items: Sequence[str] = ()) -> Voucher:
    """Put a paper in the folder. Raises ``Refused`` for a kind the rulebook does not have, a file that is none of ``ACCEPTED``, a photo of a sensitive unit."""
    standing, declared = line_of(institution), book().vouchers.get(kind)
    if not rights_in(person, standing.office.path, institution.key):
        require(person, "edit_register", standing.office.path)
    if declared is None:
        raise refuse("voucher.kind", T("没有这一类材料：{k}", "there is no such kind of paper: {k}", k=kind), where=Place(field="kind"))
    if not 1990 <= year <= timezone.localdate().year + 1:
        raise refuse("voucher.year", T("年度 {y} 不对", "{y} is no year to file for", y=year), where=Place(field="year"))
    if strange := set(items) - set(book().items):
        raise refuse("voucher.item", T("没有这个指标：{i}", "there is no such item: {i}", i="、".join(sorted(strange))), where=Place(field="items"))
    data = stream.read(min(LIMIT, settings.UPLOAD_LIMIT) + 1)
    if len(data) > min(LIMIT, settings.UPLOAD_LIMIT):
        raise refuse("voucher.size", T("文件超过 {m} MB", "the file is larger than {m} MB", m=LIMIT >> 20), do=T("扫描时选 200 dpi，或拆成几个文件", "scan at 200 dpi, or split it"),
                     where=Place(field="file"))
    what = content_kind(data)
    if not what:
        raise refuse("voucher.type", T("“{n}”不是能收的文件", "“{n}” is no file that is taken", n=files.safe_name(name)), expected=T("{l}", "{l}", l="、".join(ACCEPTED.values())),
                     do=T("另存为 PDF 或照片再传；带宏的工作簿不收", "save it as PDF or a photo; workbooks with macros are not taken"), where=Place(field="file"))
    if standing.sensitive and (what in PICTURES or declared.photo):
        raise refuse("voucher.photo", T("“{n}”是敏感单位，不收照片", "“{n}” is a sensitive unit: no photos", n=standing.name), do=T("改交 PDF 账单", "hand in the bill as PDF"),
                     where=Place(field="file"))
    if what in PICTURES:
        data = without_place(data)
    return _keep(person, standing, institution, year, kind, data, name, label, list(items) or list(declared.items))


def _keep(person: User, standing: Standing, institution: Institution, year: int, kind: str, data: bytes, name: str, label: str, items: list[str]) -> Voucher:
    with action():
        if folder(institution, year).count() >= FOLDER_LIMIT:
            raise refuse("voucher.many", T("这一年已有 {n} 份材料", "there are {n} papers in this year already", n=FOLDER_LIMIT), do=T("合并成一个 PDF", "join them into one PDF"))
        received = files.receive(io.BytesIO(data), name, person)
        if folder(institution, year).filter(kind=kind, file=received).exists():
            raise refuse("voucher.twice", T("这份文件已经在里面了", "this very file is in the folder already"), where=Place(field="file"))
        row = Voucher.objects.create(institution=institution, year=year, kind=kind, file=received, label=(label.strip() or files.safe_name(name))[:120],
                                     items=items, by=person)
        record(person, "voucher.add", "institution", institution.pk, line=standing.office.path, data={
            "voucher": row.pk, "year": year, "kind": kind, "file": received.sha256, "name": received.name, "content": row.fingerprint()})
    return row


def withdraw(person: User, row: Voucher, reason: str) -> None:
    """Take a paper out of its folder, with a reason; the file stays as received."""
    standing = line_of(row.institution)
    if not rights_in(person, standing.office.path, row.institution.key):
        require(person, "edit_register", standing.office.path)
    if not reason.strip():
        raise refuse("voucher.reason", T("没有写原因", "no reason given"), do=T("写一句为什么撤下", "say in a line why"))
    with action():
        if Voucher.objects.filter(pk=row.pk, withdrawn="").update(withdrawn=reason.strip()[:200]):
            record(person, "voucher.withdraw", "institution", row.institution_id, line=standing.office.path, data={
                "voucher": row.pk, "year": row.year, "kind": row.kind, "reason": reason.strip()[:200]})


def zipped(standing: Standing, year: int, found: Sequence[Wanted]) -> bytes:
    """The folder as a zip: one folder per kind, numbered names, and an index as xlsx with hash, size and what is missing.

    Raises ``Refused`` naming a file that is not what it was when it was received.
    """
    out = io.BytesIO()
    lines: list[list[Any]] = []
    items = book().items
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for n, wanted in enumerate(found, 1):
            for m, row in enumerate(wanted.rows, 1):
                if not files.intact(row.file):
                    raise refuse("voucher.damaged", T("“{n}”已损坏或丢失", "“{n}” is damaged or missing", n=row.file.name), do=T("从备份恢复", "restore it from a backup"))
                path = f"{n:02}-{files.safe_name(wanted.kind.label.zh)}/{m:02}-{row.file.name}"
                info = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                z.writestr(info, files.path_of(row.file.sha256).read_bytes())
                lines.append([str(wanted.kind.label), row.label, path, "、".join(str(items[i].label) for i in row.items if i in items), row.file.size,
                              timezone.localtime(row.at).date().isoformat(), row.file.sha256])
            if wanted.missing:
                lines.append([str(wanted.kind.label), str(T("缺", "missing")), "", "、".join(str(items[i].label) for i in wanted.kind.items if i in items), None, "", ""])
        columns = [Column(T("类别", "kind"), 24), Column(T("材料", "paper"), 30), Column(T("文件", "file"), 44), Column(T("支撑的指标", "supports"), 30),
                   Column(T("字节", "bytes"), 10), Column(T("收到", "received"), 12), Column(T("SHA-256", "SHA-256"), 66)]
        z.writestr(zipfile.ZipInfo("00-目录.xlsx", (2020, 1, 1, 0, 0, 0)), list_workbook(T("佐证材料目录", "Index of papers"), columns, lines, notes=[f"{standing.name} {year}"]))
    return out.getvalue()
