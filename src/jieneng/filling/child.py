"""The limited child process for many workbooks in one archive: ``python -m jieneng.filling.child OPTIONS < zip``.

The same limits as for one file (``returns.intake.child``), put in force once: starting a process for each of a thousand workbooks would
take minutes. Members are read one after another; a refusal ends only its member, and when this process dies the parent goes on with
the next member in a new one.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from typing import Any

import python_calamine as calamine

from jieneng.core.problem import Problem, Refused
from jieneng.core.words import T
from jieneng.returns.intake.child import _Out, _Package, _row, encode, limit
from jieneng.returns.intake.guard import Limits, look_at, look_inside, shown_name, too_wide

_UNCALCULATED = re.compile(rb'<c [^>]*?>\s*(?:<f[^>]*>[^<]*</f>|<f[^>]*/>)\s*(?:<v></v>|<v/>)?\s*</c>')
_MARKED, _FACTS = "t#items", ("t#basis", "t#parts", "tformat")
LITTLE = 80
"""Rows of a sheet that holds no answers: enough for the identity and what figures rest on."""


class _Rows:
    """Collects what ``_row`` says of a sheet."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []

    def say(self, what: Any) -> None:
        if isinstance(what, list):
            self.rows.append([what[0], what[2]])


def _sides(package: _Package | None, name: str) -> dict[int, list[tuple[int, str]]]:
    """Error cells and formulas without a result, by row: the slow walk over the sheet's XML only where its bytes show one."""
    if package is None:
        return {}
    data = package._read(package.parts[name])
    if b't="e"' not in data and all(b't="str"' in m.group(0)[:80] for m in _UNCALCULATED.finditer(data)):
        return {}
    found: dict[int, list[tuple[int, str]]] = {}
    for (row, column), cell in package.sheet(name).cells.items():
        found.setdefault(row, []).append((column, cell))
    return found


def _workbook(data: bytes, kind: str, limits: Limits) -> list[tuple[str, list[list[Any]]]]:
    """The sheets that bear marks: rows with their number. Others (the list of checks) are passed over."""
    if kind == "xlsx":
        look_inside(io.BytesIO(data), limits)
    package = _Package(io.BytesIO(data)) if kind == "xlsx" else None
    book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    found = []
    for meta in book.sheets_metadata:
        if meta.typ != calamine.SheetTypeEnum.WorkSheet:
            continue
        rows = book.get_sheet_by_name(meta.name).to_python(skip_empty_area=False)
        if len(rows) > limits.rows or (rows and len(rows[0]) > limits.columns):
            raise too_wide(len(rows), len(rows[0]), limits)
        first = {encode(r[0]) for r in rows[:LITTLE] if r}
        if _MARKED not in first and not first & set(_FACTS):
            continue
        sides, out = _sides(package, meta.name) if _MARKED in first else {}, _Rows()
        for n, row in enumerate(rows if _MARKED in first else rows[:LITTLE], 1):
            _row(n, [encode(v) for v in row], sides.get(n, []), limits, out)  # type: ignore[arg-type]
        found.append((meta.name, out.rows))
    return found


def member_name(info: zipfile.ZipInfo) -> str:
    """The name as its writer meant it: archives of Windows keep GBK names without saying so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return info.filename


def _one(archive: zipfile.ZipFile, info: zipfile.ZipInfo, n: int, limits: Limits, out: _Out) -> None:
    name = shown_name(member_name(info))
    out.say({"m": n, "begin": name})
    try:
        if info.file_size > limits.member or info.file_size > max(1, info.compress_size) * limits.ratio:
            raise Refused(Problem("zip.member", T("解开后太大", "too large when unpacked"), do=T("单独交这一个文件", "hand this file in alone")))
        with archive.open(info) as f:
            data = f.read(limits.member + 1)
        kind = look_at(data[:8192] if data[:4] != b"\xd0\xcf\x11\xe0" else data, len(data), name, limits).kind
        if kind not in ("xlsx", "xls"):
            raise Refused(Problem("zip.kind", T("不是工作簿", "no workbook"), T("xlsx", "xlsx")))
        out.say({"m": n, "done": _workbook(data, kind, limits)})
    except Refused as refused:
        out.say({"m": n, "refused": [p.as_json() for p in refused.problems]})
    except MemoryError:
        out.say({"m": n, "refused": [Problem("child-memory", T("读这个文件要用的内存太多", "reading this file needs too much memory")).as_json()]})
    except BaseException as error:  # a panic inside the reader is no Exception
        out.say({"m": n, "refused": [Problem("file-damaged", T("工作簿损坏或格式不对（{e}）", "the workbook is damaged ({e})", e=type(error).__name__)).as_json()]})


def main(arguments: list[str]) -> int:
    """Read the archive from standard input, beginning with the member ``start``."""
    options = json.loads(arguments[0])
    limits = Limits.from_json(options["limits"])
    limit(limits)
    out = _Out()
    data = sys.stdin.buffer.read(limits.file + 1)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = [i for i in archive.infolist() if not i.is_dir() and "__MACOSX" not in i.filename]
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        out.say({"refused": [Problem("zip.damaged", T("压缩包损坏（{e}）", "the archive is damaged ({e})", e=str(error)[:80])).as_json()]})
        out.file.flush()
        return 0
    out.say({"members": len(members)})
    for n, info in enumerate(members[:limits.members]):
        if n >= options["start"]:
            _one(archive, info, n, limits, out)
            out.file.flush()
    out.say({"end": True})
    out.file.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
