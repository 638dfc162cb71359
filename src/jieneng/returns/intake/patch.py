"""Filling cells of a foreign workbook and touching nothing else: the sheets' XML is cut and joined at the cells, no more.

Why not a workbook library: reading and writing a workbook anew loses what the library does not know (drop-down lists over other
sheets, pictures, charts, rich text in a cell). Here each part that is not filled stays byte for byte as received; a filled sheet
changes in the cells named. Results that formulas had before are dropped and the workbook is marked for calculation on opening,
so that no number from before the filling stands beside the new ones. Runs in the limited child like any reading (guard, child).
"""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
import tempfile
import threading
import xml.parsers.expat
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

import jieneng
from jieneng.core.problem import Place, Refused, refuse
from jieneng.core.words import T

from .grid import cell_name
from .guard import SAVE_AS, Limits, column_number, look, look_inside, shown_name

Cells = Mapping[str, Mapping[tuple[int, int], Decimal | str]]
"""Sheet → (row, column), both from 1 → a number, or a text that is never a formula."""
_FORMULA = re.compile(rb"<(?:[\w.-]+:)?f[\s/>]")
_PIECE = 1 << 20
_AFTER = ("sheets", "functionGroups", "externalReferences", "definedNames")
"""Elements of a workbook that stand before its ``calcPr`` (ECMA-376 part 1, 18.2.27)."""


@dataclass
class Patched:
    """The filled copy. ``formulas``: (sheet, cell) that were left alone because a formula stands there."""

    data: bytes
    formulas: list[tuple[str, str]] = field(default_factory=list)


def fill_cells(path: Path, cells: Cells, *, name: str = "", limits: Limits | None = None) -> Patched:
    """A copy of the workbook at ``path`` with ``cells`` filled. Raises ``Refused``: no xlsx, beyond a limit, damaged, or the child died."""
    limits, shown = limits or Limits(), shown_name(name or Path(path).name)
    only_xlsx(path, name, limits)
    order = json.dumps({s: [[r, c, f"{v.normalize():f}" if isinstance(v, Decimal) else None, None if isinstance(v, Decimal) else v] for (r, c), v in sorted(at.items())]
                        for s, at in cells.items()}).encode()
    from .opening import environment

    root = str(Path(jieneng.__file__).resolve().parents[1])
    with tempfile.TemporaryFile() as given:
        given.write(order + b"\n" + Path(path).read_bytes())
        given.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-P", "-B", "-X", "utf8", "-m", "jieneng.returns.intake.child", json.dumps({"kind": "patch", "limits": limits.as_json()})],
            stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root, env=environment(root))
    timer = threading.Timer(limits.wall, child.kill)
    timer.daemon = True
    timer.start()
    try:
        return _collected(child, shown, limits)
    finally:
        timer.cancel()
        if child.poll() is None:
            child.kill()
        if child.stdout:
            child.stdout.close()
        child.wait()


def only_xlsx(path: Path, name: str = "", limits: Limits | None = None) -> None:
    """Refuses what is no workbook of the new kind, in words."""
    seen = look(path, name, limits)
    if seen.kind != "xlsx":
        what = {"xls": T("旧版工作簿（xls）", "an old workbook (xls)"), "csv": T("文本（CSV）", "text (CSV)")}.get(seen.kind, T("{k} 文件", "a {k} file", k=seen.kind))
        raise refuse("template.kind", T("这是{w}", "this is {w}", w=what), T("xlsx 工作簿：原样填在里面", "an xlsx workbook, which is filled as it is"), SAVE_AS,
                     Place(file=shown_name(name or Path(path).name)))


def _collected(child: subprocess.Popen[bytes], name: str, limits: Limits) -> Patched:
    """What the child says, put together. Its death is a refusal."""
    from .opening import problem_of

    pieces: list[bytes] = []
    size, made = 0, Patched(b"")
    assert child.stdout is not None
    while line := child.stdout.readline(4 * _PIECE):
        if not line.endswith(b"\n"):
            break
        said = json.loads(line)
        if "refused" in said:
            raise Refused(*(problem_of(p, name) for p in said["refused"]))
        if "piece" in said:
            pieces.append(base64.b64decode(said["piece"]))
            size += len(pieces[-1])
            if size > limits.unpacked:
                break
        elif "formula" in said:
            made.formulas.append((said["formula"][0], said["formula"][1]))
        elif "end" in said:
            made.data = b"".join(pieces)
            return made
    raise refuse("child-died", T("填表的程序中途停止（文件内部不正常，或超过内存、时间上限）", "the program that fills the workbook stopped (abnormal inside, or beyond memory or time)"),
                 do=SAVE_AS, where=Place(file=name))


# --- in the child ----------------------------------------------------------------------------------------------------


def fill(source: BinaryIO, limits: Limits, say: Any) -> None:
    """In the child: a line of JSON with the cells, then the workbook; says the filled copy in pieces."""
    from .child import _Package

    order = json.loads(source.readline(limits.output))
    data = source.read(limits.file + 1)
    look_inside(io.BytesIO(data), limits)
    package = _Package(io.BytesIO(data))
    changed: dict[str, bytes] = {}
    wanted = {package.parts[s].lower(): (s, cells) for s, cells in order.items() if s in package.parts}
    missed = sorted(set(order) - set(package.parts))
    if missed:
        raise refuse("sheet-missing", T("没有工作表“{s}”", "there is no sheet “{s}”", s=missed[0]))
    formulas = False
    for part in package.parts.values():
        key = part.lower()
        raw = package.zip.read(package.names[key])
        name, cells = wanted.get(key, ("", []))
        if cells or _FORMULA.search(raw):
            formulas = formulas or bool(_FORMULA.search(raw))
            sheet = _Sheet(raw, {(r, c): (n, t) for r, c, n, t in cells})
            changed[package.names[key]] = sheet.joined()
            for at in sheet.formulas:
                say({"formula": [name, cell_name(*at)]})
            if sheet.wanted:
                row, column = next(iter(sheet.wanted))
                raise refuse("template.cell", T("工作表“{s}”里找不到 {c}", "sheet “{s}” has no cell {c}", s=name, c=cell_name(row, column)), do=SAVE_AS)
    if formulas:
        main = package.names[package._main().lower()]
        changed[main] = _recalculated(package.zip.read(main))
    out = _zipped(package.zip, changed)
    for start in range(0, len(out), _PIECE):
        say({"piece": base64.b64encode(out[start:start + _PIECE]).decode()})


def _zipped(archive: zipfile.ZipFile, changed: Mapping[str, bytes]) -> bytes:
    """The archive again: same parts, names, order and dates; those that changed with their new content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for info in archive.infolist():
            again = zipfile.ZipInfo(info.filename, info.date_time)
            again.compress_type, again.external_attr = info.compress_type, info.external_attr
            made.writestr(again, changed[info.filename] if info.filename in changed else archive.read(info))
    return out.getvalue()


def _spliced(data: bytes, edits: Sequence[tuple[int, int, bytes]]) -> bytes:
    """``data`` with stretches (start, end) replaced; stretches do not overlap."""
    out, at = [], 0
    for start, end, text in sorted(edits, key=lambda e: (e[0], e[1])):
        out += [data[at:start], text]
        at = end
    return b"".join([*out, data[at:]])


class _Walk(ABC):
    """Elements of a part with where their tags begin and end in its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.edits = data, list[tuple[int, int, bytes]]()
        self.starts: list[int] = []
        self.parser = xml.parsers.expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    def walk(self) -> None:
        self.parser.Parse(self.data, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.starts.append(self.parser.CurrentByteIndex)
        self.opened(name.rsplit(":", 1)[-1], name, attributes)

    def _end(self, name: str) -> None:
        start, at = self.starts.pop(), self.parser.CurrentByteIndex
        stretch = self.data[start:at]
        empty = stretch.endswith(b"/>") and stretch.count(b"<") == 1  # <c/>: expat stands behind it; else before </c>
        self.closed(name.rsplit(":", 1)[-1], name, start, at, at if empty else self.data.index(b">", at) + 1)

    @abstractmethod
    def opened(self, tag: str, name: str, attributes: dict[str, str]) -> None:
        """What to do where an element begins."""

    @abstractmethod
    def closed(self, tag: str, name: str, start: int, inner_end: int, end: int) -> None:
        """What to do where an element ends."""


class _Sheet(_Walk):
    """A sheet's XML with cells filled. ``wanted``: what is still to be filled; ``formulas``: cells left alone."""

    def __init__(self, data: bytes, wanted: dict[tuple[int, int], tuple[str | None, str | None]]) -> None:
        super().__init__(data)
        self.wanted, self.formulas = wanted, list[tuple[int, int]]()
        self.by_row: dict[int, list[int]] = {}
        for row, column in sorted(wanted):
            self.by_row.setdefault(row, []).append(column)
        self.row = self.column = 0
        self.formula, self.inside = False, False
        self.held: tuple[int, int] | None = None
        self.attributes: dict[str, str] = {}
        self.row_style, self.columns = "", list[tuple[int, int, str]]()

    def joined(self) -> bytes:
        self.walk()
        return _spliced(self.data, self.edits)

    def opened(self, tag: str, name: str, attributes: dict[str, str]) -> None:
        if tag == "col" and attributes.get("style"):
            self.columns.append((int(attributes.get("min", "0")), int(attributes.get("max", "0")), attributes["style"]))
        elif tag == "row":
            at = attributes.get("r", "")
            self.row, self.column = int(at) if at.isdigit() else self.row + 1, 0
            self.row_style = attributes.get("s", "") if attributes.get("customFormat") in ("1", "true") else ""
        elif tag == "c":
            letters = attributes.get("r", "").rstrip("0123456789")
            column = column_number(letters) if letters else self.column + 1
            self._insert(column, name, self.parser.CurrentByteIndex)
            self.column, self.attributes, self.formula, self.inside, self.held = column, attributes, False, True, None
        elif tag == "f" and self.inside:
            self.formula = True

    def closed(self, tag: str, name: str, start: int, inner_end: int, end: int) -> None:
        if tag == "v" and self.inside:
            self.held = (start, end)
        elif tag == "c":
            self._cell(name, start, end)
            self.inside = False
        elif tag == "row" and self.by_row.get(self.row):
            prefix = name[:-3]
            if inner_end == end:  # <row/>: opened to take the cells
                cells = self._made(self.by_row.pop(self.row), prefix + "c")
                self.edits.append((end - 2, end, b">" + cells + f"</{name}>".encode()))
            else:
                self._insert(1 << 20, prefix + "c", inner_end)

    def _cell(self, name: str, start: int, end: int) -> None:
        at = (self.row, self.column)
        if at in self.wanted:
            self.by_row[self.row].remove(self.column)
            value = self.wanted.pop(at)
            if self.formula:
                self.formulas.append(at)
            else:
                self.edits.append((start, end, _written(name, at, {k: v for k, v in self.attributes.items() if k not in ("r", "t")}, value)))
        if self.formula and self.held:
            self.edits.append((*self.held, b""))

    def _insert(self, before: int, name: str, place: int) -> None:
        """Cells of this row that the sheet does not hold and that stand before a column."""
        columns = [c for c in self.by_row.get(self.row, ()) if c < before]
        if columns:
            self.by_row[self.row] = [c for c in self.by_row[self.row] if c >= before]
            self.edits.append((place, place, self._made(columns, name)))

    def _made(self, columns: Sequence[int], name: str) -> bytes:
        out = b""
        for c in columns:
            style = self.row_style or next((s for low, high, s in self.columns if low <= c <= high), "")
            out += _written(name, (self.row, c), {"s": style} if style else {}, self.wanted.pop((self.row, c)))
        return out


def _written(name: str, at: tuple[int, int], attributes: Mapping[str, str], value: tuple[str | None, str | None]) -> bytes:
    """A cell's XML: a number, or a text in place, which no program takes for a formula."""
    prefix, (number, text) = name[:-1], value
    kept = "".join(f' {k}="{escape(v, {chr(34): "&quot;"})}"' for k, v in attributes.items())
    if number is not None:
        return f'<{name} r="{cell_name(*at)}"{kept}><{prefix}v>{number}</{prefix}v></{name}>'.encode()
    return f'<{name} r="{cell_name(*at)}"{kept} t="inlineStr"><{prefix}is><{prefix}t>{escape(text or "")}</{prefix}t></{prefix}is></{name}>'.encode()


class _Book(_Walk):
    """Where a workbook says how it is calculated, or where it would say so."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.depth, self.place, self.prefix = 0, 0, ""
        self.calc: tuple[int, str, dict[str, str]] | None = None

    def opened(self, tag: str, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if tag == "calcPr" and self.depth == 2:
            self.calc = (self.parser.CurrentByteIndex, name, attributes)

    def closed(self, tag: str, name: str, start: int, inner_end: int, end: int) -> None:
        self.depth -= 1
        if self.depth == 1 and tag in _AFTER:
            self.place, self.prefix = end, name[:-len(tag)]


def _recalculated(data: bytes) -> bytes:
    """The workbook's part, saying that everything is to be calculated on opening."""
    book = _Book(data)
    book.walk()
    if book.calc is None:
        return _spliced(data, [(book.place, book.place, f'<{book.prefix}calcPr fullCalcOnLoad="1"/>'.encode())])
    start, name, attributes = book.calc
    if attributes.get("fullCalcOnLoad") in ("1", "true"):
        return data
    if "fullCalcOnLoad" in attributes:
        end = data.index(b">", start)
        return data[:start] + re.sub(rb'fullCalcOnLoad\s*=\s*["\'][^"\']*["\']', b'fullCalcOnLoad="1"', data[start:end]) + data[end:]
    at = start + 1 + len(name.encode())
    return _spliced(data, [(at, at, b' fullCalcOnLoad="1"')])
