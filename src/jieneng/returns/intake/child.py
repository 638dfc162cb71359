"""The limited child process that opens foreign files: ``python -m jieneng.returns.intake.child OPTIONS < file``.

Why: python-calamine ends the whole process on some workbooks of 2 KB, and unpacking can take any amount of memory. Here
memory, processor time, open files and writing are limited and the network is off; when this process dies, the file is
refused and nothing else happens. The file comes in as standard input, rows go out as lines of JSON (grid.py).

Where the system has no such limits (Windows) only time and the amount of output are limited, by the parent, and
``limits_missing`` says so.
"""

from __future__ import annotations

import contextlib
import csv
import ctypes
import datetime as dt
import io
import json
import os
import sys
import xml.parsers.expat
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T
from jieneng.returns.intake.guard import SAVE_AS, Limits, column_number, look_inside, too_wide

MAX_MERGED = 50_000
_NETWORK, _USER = 0x40000000, 0x10000000  # CLONE_NEWNET, CLONE_NEWUSER
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def limit(limits: Limits) -> list[str]:
    """Put the limits in force in this process; gives the names of those that this system does not have."""
    missing = []
    try:
        import resource
    except ImportError:
        missing += ["memory", "cpu", "writes"]
    else:
        wanted = {
            "RLIMIT_AS": ("memory", limits.memory),
            "RLIMIT_CPU": ("cpu", limits.cpu),
            "RLIMIT_FSIZE": ("writes", 0),
            "RLIMIT_NOFILE": ("files", 64),
            "RLIMIT_CORE": ("core", 0),
        }
        for name, (word, most) in wanted.items():
            try:
                resource.setrlimit(getattr(resource, name), (most, most))
            except (AttributeError, ValueError, OSError):  # macOS has no working RLIMIT_AS
                missing.append(word)
    if not _without_network():
        missing.append("network")
    sys.addaudithook(_no)
    return missing


def _without_network() -> bool:
    """A network namespace of our own (Linux); elsewhere the audit hook below is all there is."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return libc.unshare(_NETWORK) == 0 or libc.unshare(_USER | _NETWORK) == 0
    except (OSError, AttributeError):
        return False


def _no(event: str, args: tuple[Any, ...]) -> None:
    """No sockets, no programs and no writing from Python, on every system."""
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork")):
        raise PermissionError(event)
    if event == "open" and len(args) > 2 and isinstance(args[2], int) and args[2] & _WRITING:
        raise PermissionError(event)
    if event in ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "shutil.rmtree"):
        raise PermissionError(event)


class _Out:
    """Standard output as lines of JSON."""

    def __init__(self) -> None:
        self.file = sys.stdout.buffer

    def say(self, what: Any) -> None:
        self.file.write(json.dumps(what, ensure_ascii=True, separators=(",", ":")).encode() + b"\n")


def number(value: float | int) -> str:
    """A number as its shortest decimal that reads back the same: 5.0 is ``5``, 0.1 is ``0.1``."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return repr(value)


def encode(value: Any) -> str:
    """A value of calamine as a cell of grid.py."""
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        return "u" if "\x00" in value else "t" + value
    if isinstance(value, bool):
        return "b1" if value else "b0"
    if isinstance(value, int | float | Decimal):
        return "n" + (f"{value:f}" if isinstance(value, Decimal) else number(value))
    if isinstance(value, dt.datetime | dt.date):
        return "d" + value.isoformat()
    return "h" + str(value)


# --- text files ------------------------------------------------------------------------------------------------------


def decode(data: bytes, encoding: str) -> tuple[str, str]:
    """Bytes as text and the encoding that fitted. Never replaces what does not fit: that is refused."""
    if encoding in ("auto", "utf-16") and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        order = ["utf-16"]
    elif encoding == "auto":
        order = ["utf-8-sig", "gb18030"]
    else:
        order = ["utf-8-sig" if encoding == "utf-8" else encoding]
    for name in order:
        with contextlib.suppress(UnicodeDecodeError):
            text = data.decode(name)
            if "\x00" in text:
                raise refuse(
                    "text-nul",
                    T("文件里有 NUL 字符，不是正常的文本", "the file has NUL characters; it is no proper text"),
                    do=T("从原系统重新导出", "export it again from where it comes"),
                )
            return text, name.replace("-sig", "")
    raise refuse(
        "text-encoding",
        T("文字编码认不出来", "the encoding of the text is not known"),
        T("UTF-8、UTF-16（带 BOM）或 GB18030", "UTF-8, UTF-16 with BOM, or GB18030"),
        T("用 WPS 打开，另存为 xlsx", "open it in WPS and save it as xlsx"),
    )


def sniff(text: str) -> str:
    """The delimiter whose first records agree best in their number of fields; a comma when none divides anything."""
    best, chosen = (0.0, 0), ","
    for mark in ",;\t|":
        widths = []
        try:
            for record in csv.reader(io.StringIO(text[:200_000], newline=""), delimiter=mark):
                if record:
                    widths.append(len(record))
                if len(widths) >= 50:
                    break
        except csv.Error:
            continue
        if not widths or max(widths) < 2:
            continue
        usual = max(set(widths), key=lambda w: (widths.count(w), w))
        if usual > 1 and (score := (widths.count(usual) / len(widths), usual)) > best:
            best, chosen = score, mark
    return chosen


def read_text(data: bytes, options: dict[str, Any], limits: Limits, out: _Out) -> None:
    """A CSV file as one sheet without a name."""
    text, encoding = decode(data, options.get("encoding", "auto"))
    skipped = 0
    delimiter = options.get("delimiter", "auto")
    if text[:4].lower() == "sep=" and text[4:5] not in ("", "\r", "\n"):
        # Excel's own first line; not part of the table and not counted by spreadsheets
        delimiter = text[4] if delimiter == "auto" else delimiter
        end = min((i for i in (text.find("\n"), text.find("\r")) if i >= 0), default=len(text))
        end += 2 if text[end : end + 2] == "\r\n" else 1
        text, skipped = text[end:], 1
    if delimiter == "auto":
        delimiter = sniff(text)
    out.say({"text": {"encoding": encoding, "delimiter": delimiter}})
    out.say({"sheet": {"name": ""}})
    csv.field_size_limit(limits.cell_text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = skipped
    rows = 0
    try:
        for rows, record in enumerate(reader, 1):
            while record and not record[-1].strip():
                record.pop()
            if rows > limits.rows or len(record) > limits.columns:
                raise too_wide(rows, len(record), limits)
            if record:
                out.say([rows, before + 1, ["t" + c if c else "" for c in record]])
            if rows % 5000 == 0:
                out.say({"progress": rows})
            before = reader.line_num + skipped
    except csv.Error as error:
        raise refuse(
            "text-broken",
            T(
                "第 {n} 行的引号或分隔不成对：{e}",
                "line {n}: quotes or delimiters do not match: {e}",
                n=reader.line_num + skipped,
                e=str(error),
            ),
            do=T("改正这一行，或用 WPS 打开后另存为 xlsx", "mend the line, or open it in WPS and save it as xlsx"),
        ) from error


# --- Parquet ---------------------------------------------------------------------------------------------------------


def read_parquet(data: bytes, limits: Limits, out: _Out) -> None:
    """A Parquet file as one sheet whose first row is its column names; rows come in batches."""
    from jieneng.engine import table_rows

    rows = table_rows(io.BytesIO(data))
    names = next(rows)
    if len(names) > limits.columns:
        raise too_wide(1, len(names), limits)
    out.say({"sheet": {"name": ""}})
    out.say([1, 1, ["t" + str(n) for n in names]])
    for at, row in enumerate(rows, 2):
        if at > limits.rows:
            raise too_wide(at, len(row), limits)
        cells = [encode(v) for v in row]
        if any(len(c) > limits.cell_text for c in cells):
            raise refuse("table-text", T("第 {n} 行有一格文字太长", "row {n} has a cell with too much text", n=at))
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            out.say([at, at, cells])
        if at % 5000 == 0:
            out.say({"progress": at})


# --- workbooks -------------------------------------------------------------------------------------------------------

_MARKS = (b't="e"', b"t='e'", b"<f", b":f>", b":f ", b"hidden")
Specials = dict[tuple[int, int], str]


class _SheetXml:
    """What calamine does not tell: error cells, formulas without a calculated result, hidden rows and columns."""

    def __init__(self, recalculate: bool) -> None:
        self.recalculate = recalculate
        self.cells: Specials = {}
        self.hidden_rows: list[int] = []
        self.hidden_columns: list[int] = []
        self.row = self.column = 0
        self.type, self.formula, self.value, self.inside = "", False, "", False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rsplit(":", 1)[-1]
        if tag == "c":
            at = attributes.get("r", "")
            letters = at.rstrip("0123456789")
            self.column = column_number(letters) if letters else self.column + 1
            self.type, self.formula, self.value = attributes.get("t", ""), False, ""
        elif tag == "row":
            at = attributes.get("r", "")
            self.row, self.column = int(at) if at.isdigit() else self.row + 1, 0
            if attributes.get("hidden") in ("1", "true"):
                self.hidden_rows.append(self.row)
        elif tag == "f":
            self.formula = True
        elif tag == "v":
            self.inside = True
        elif tag == "col" and attributes.get("hidden") in ("1", "true"):
            low, high = int(attributes.get("min", "0")), int(attributes.get("max", "0"))
            self.hidden_columns.extend(range(low, min(high, low + 1000) + 1))

    def text(self, data: str) -> None:
        if self.inside and len(self.value) < 100:
            self.value += data

    def end(self, name: str) -> None:
        tag = name.rsplit(":", 1)[-1]
        if tag == "v":
            self.inside = False
        elif tag == "c":
            value = self.value.strip()
            if self.type == "e":
                self.cells[(self.row, self.column)] = "e" + (value or "#?")
            elif self.formula and (not value and self.type != "str"):
                self.cells[(self.row, self.column)] = "f"
            elif self.formula and self.recalculate and value in ("", "0"):
                # writers that do not calculate leave 0 and ask the next program to recalculate
                self.cells[(self.row, self.column)] = "f"


def _parse(data: bytes, handler: Any) -> None:
    """Run expat over ``data``; declarations of entities and types were refused before (guard)."""
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = handler.start
    if hasattr(handler, "end"):
        parser.EndElementHandler = handler.end
        parser.CharacterDataHandler = handler.text
    parser.Parse(data, True)


class _Attributes:
    """Collects the attributes of the elements of some names."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.found: list[tuple[str, dict[str, str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rsplit(":", 1)[-1]
        if tag in self.names:
            self.found.append((tag, attributes))


class _Package:
    """The parts of an xlsx that say which sheet lies where, which start the dates have, and what was not calculated."""

    def __init__(self, file: BinaryIO) -> None:
        self.zip = zipfile.ZipFile(file)
        self.names = {n.lower(): n for n in self.zip.namelist()}
        book = _Attributes("workbookPr", "calcPr", "sheet")
        links = _Attributes("Relationship")
        path = self._main()
        folder, last = path.rpartition("/")[::2]
        _parse(self._read(path), book)
        _parse(self._read(f"{folder}/_rels/{last}.rels"), links)
        targets = {a.get("Id", ""): a.get("Target", "") for _, a in links.found}
        self.date1904 = any(a.get("date1904") in ("1", "true") for t, a in book.found if t == "workbookPr")
        self.recalculate = any(a.get("fullCalcOnLoad") in ("1", "true") for t, a in book.found if t == "calcPr")
        self.parts: dict[str, str] = {}
        for tag, attributes in book.found:
            if tag == "sheet":
                mark = next((v for k, v in attributes.items() if k.rsplit(":", 1)[-1] == "id"), "")
                target = targets.get(mark, "")
                self.parts[attributes.get("name", "")] = (
                    target[1:] if target.startswith("/") else f"{folder}/{target}".lstrip("/")
                )

    def _main(self) -> str:
        roots = _Attributes("Relationship")
        _parse(self._read("_rels/.rels"), roots)
        for _, attributes in roots.found:
            if attributes.get("Type", "").endswith("/officeDocument"):
                return attributes.get("Target", "").lstrip("/")
        return "xl/workbook.xml"

    def _read(self, name: str) -> bytes:
        return self.zip.read(self.names[name.lower()])

    def sheet(self, name: str) -> _SheetXml:
        """The side facts of a sheet. The slow walk is taken only where the bytes show a reason."""
        facts = _SheetXml(self.recalculate)
        data = self._read(self.parts[name])
        if any(mark in data for mark in _MARKS):
            _parse(data, facts)
        return facts


def read_workbook(data: bytes, kind: str, options: dict[str, Any], limits: Limits, out: _Out) -> None:
    """An xlsx or xls as its sheets, in order, those alone that the options name."""
    import python_calamine as calamine

    package = None
    try:
        if kind == "xlsx":
            look_inside(io.BytesIO(data), limits)
            package = _Package(io.BytesIO(data))
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except calamine.PasswordError as error:
        raise refuse(
            "file-password",
            T("文件有打开密码", "the file is protected by a password"),
            do=T("去掉密码后另存再交", "remove the password, save, and send it again"),
        ) from error
    except (calamine.CalamineError, KeyError, ValueError, xml.parsers.expat.ExpatError, zipfile.BadZipFile) as error:
        raise _damaged(error) from error
    out.say({"book": {"sheets": len(book.sheet_names), "recalculate": bool(package and package.recalculate)}})
    wanted = set(options.get("sheets") or ())
    for meta in book.sheets_metadata:
        hidden = meta.visible != calamine.SheetVisibleEnum.Visible
        if meta.typ != calamine.SheetTypeEnum.WorkSheet or (wanted and meta.name not in wanted):
            continue
        try:
            sheet = book.get_sheet_by_name(meta.name)
            facts = package.sheet(meta.name) if package else _SheetXml(False)
            _sheet(sheet, meta.name, hidden, facts, package, limits, out)
        except (calamine.CalamineError, KeyError, ValueError, xml.parsers.expat.ExpatError) as error:
            raise _damaged(error) from error


def _damaged(error: BaseException) -> Refused:
    return refuse(
        "file-damaged",
        T(
            "工作簿损坏或格式不对（{e}）",
            "the workbook is damaged or of a wrong form ({e})",
            e=" ".join(str(error).split())[:120],
        ),
        do=SAVE_AS,
    )


def _sheet(
    sheet: Any, name: str, hidden: bool, facts: _SheetXml, package: _Package | None, limits: Limits, out: _Out
) -> None:
    """One sheet: its head, then each row that holds something."""
    merged = sheet.merged_cell_ranges or []
    if len(merged) > MAX_MERGED:
        raise refuse(
            "table-merged", T("合并单元格太多（{n} 处）", "too many merged cells ({n})", n=len(merged)), do=SAVE_AS
        )
    start, end = sheet.start, sheet.end
    if end and (end[0] + 1 > limits.rows or end[1] + 1 > limits.columns):
        raise too_wide(end[0] + 1, end[1] + 1, limits)
    out.say(
        {
            "sheet": {
                "name": name,
                "hidden": hidden,
                "height": (end[0] + 1) if end else 0,
                "merged": [[a[0] + 1, a[1] + 1, b[0] + 1, b[1] + 1] for a, b in merged],
                "hidden_rows": facts.hidden_rows,
                "hidden_columns": sorted(set(facts.hidden_columns)),
                "date1904": bool(package and package.date1904),
            }
        }
    )
    by_row: dict[int, list[tuple[int, str]]] = {}
    for (row, column), cell in facts.cells.items():
        by_row.setdefault(row, []).append((column, cell))
    offset = [""] * (start[1] if start else 0)
    last = 0
    for last, cells in enumerate(_rows(sheet), 1):
        _row(last, offset + [encode(v) for v in cells], by_row.pop(last, []), limits, out)
        if last % 5000 == 0:
            out.say({"progress": last})
    for row in sorted(by_row):  # rows that hold nothing but errors or uncalculated formulas
        _row(row, [], by_row[row], limits, out)


def _rows(sheet: Any) -> Iterator[list[Any]]:
    if sheet.start is not None:
        yield from sheet.iter_rows()


def _row(number_: int, cells: list[str], special: list[tuple[int, str]], limits: Limits, out: _Out) -> None:
    for column, cell in special:
        if column > limits.columns or number_ > limits.rows:
            raise too_wide(number_, column, limits)
        cells += [""] * (column - len(cells))
        cells[column - 1] = cell
    while cells and not cells[-1]:
        cells.pop()
    if cells:
        out.say([number_, 0, cells])


def _answer(options: dict[str, Any], limits: Limits, out: _Out) -> None:
    """What is asked for: rows of a table, members of an archive, or a filled copy."""
    kind = options["kind"]
    if kind == "patch":
        from jieneng.returns.intake.patch import fill

        fill(sys.stdin.buffer, limits, out.say)
        return
    data = sys.stdin.buffer.read(limits.file + 1)
    if kind == "csv":
        read_text(data, options, limits, out)
    elif kind == "parquet":
        read_parquet(data, limits, out)
    elif kind == "archive":
        from jieneng.returns.intake.archive import read_archive

        read_archive(data, limits, out.say)
    else:
        read_workbook(data, kind, options, limits, out)


def main(arguments: list[str]) -> int:
    """Read standard input as the options say. Ends with 0 when a verdict was said, rows or refusal."""
    options = json.loads(arguments[0])
    limits = Limits.from_json(options["limits"])
    missing = limit(limits)
    out = _Out()
    out.say({"missing": missing})
    try:
        _answer(options, limits, out)
        out.say({"end": True})
    except Refused as refused:
        out.say({"refused": [p.as_json() for p in refused.problems]})
    except MemoryError:
        out.say(
            {
                "refused": [
                    refuse(
                        "child-memory",
                        T(
                            "读这个文件要用的内存超过 {m} MB",
                            "reading this file needs more than {m} MB",
                            m=limits.memory >> 20,
                        ),
                        do=SAVE_AS,
                    )
                    .problems[0]
                    .as_json()
                ]
            }
        )
    except BaseException as error:  # a panic inside the reader is no Exception
        out.say({"refused": [_damaged(error).problems[0].as_json()]})
    out.file.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
