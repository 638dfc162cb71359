"""Several tables in one ZIP archive: opened in the limited child like any foreign file, each member handed back whole.

Names are shown, never used as paths; names written by old Windows tools (GBK without the flag) are read as such. A workbook is
itself an archive: content decides, not the name.
"""

from __future__ import annotations

import base64
import io
import json
import re
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import jieneng
from jieneng.core.problem import Place, Refused, refuse
from jieneng.core.words import T

from .guard import Limits, extension, look, shown_name, unpacked_member

TABLES = ("xlsx", "xls", "et", "csv", "txt", "parquet")
MEMBERS = 200
"""How many files one archive may bring."""
_IGNORED = re.compile(r"(^|/)(__MACOSX/|\.|~\$|Thumbs\.db$|desktop\.ini$)", re.I)
_PIECE = 1 << 20


def unpack(path: Path, *, name: str = "", limits: Limits | None = None) -> list[tuple[str, bytes]] | None:
    """The tables in an archive, as (shown name, content), in the archive's order; None for a file that is no archive of tables.

    Raises ``Refused`` for an archive beyond a limit, damaged, with a password, with two members of one name, or without a table.
    """
    limits = limits or Limits()
    with Path(path).open("rb") as file:
        if file.read(2) != b"PK":
            return None
    if extension(name) in ("xlsx", "xlsm", "et"):
        return None  # said to be a workbook: if it is not one, reading it says so
    look(path, name, limits)
    from .opening import environment

    root = str(Path(jieneng.__file__).resolve().parents[1])
    with Path(path).open("rb") as file:
        child = subprocess.Popen(
            [sys.executable, "-P", "-B", "-X", "utf8", "-m", "jieneng.returns.intake.child", json.dumps({"kind": "archive", "limits": limits.as_json()})],
            stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root, env=environment(root))
    timer = threading.Timer(limits.wall, child.kill)
    timer.daemon = True
    timer.start()
    try:
        return _collected(child, shown_name(name or Path(path).name), limits)
    finally:
        timer.cancel()
        if child.poll() is None:
            child.kill()
        if child.stdout:
            child.stdout.close()
        child.wait()


def _collected(child: subprocess.Popen[bytes], name: str, limits: Limits) -> list[tuple[str, bytes]] | None:
    """What the child says, put together. Its death is a refusal."""
    where, found, ended = Place(file=name), [], False
    parts: list[bytes] = []
    assert child.stdout is not None
    while line := child.stdout.readline(limits.output):
        if not line.endswith(b"\n"):
            break
        said = json.loads(line)
        if "refused" in said:
            from .opening import problem_of

            raise Refused(*(problem_of(p, name) for p in said["refused"]))
        if "workbook" in said:
            return None
        if "member" in said:
            parts = []
            found.append((shown_name(said["member"]), parts))
        elif "piece" in said:
            parts.append(base64.b64decode(said["piece"]))
        elif "end" in said:
            ended = True
            break
    if not ended:
        raise refuse("child-died", T("解开压缩包的程序中途停止", "the program that unpacks the archive stopped"),
                     do=T("解开以后，把表格文件逐个交来", "unpack it and send the tables one by one"), where=where)
    if not found:
        raise refuse("archive-empty", T("压缩包里没有表格文件", "the archive holds no table"), T("xlsx、xls、et、csv", "xlsx, xls, et, csv"), where=where)
    return [(n, b"".join(p)) for n, p in found]


def _name(info: zipfile.ZipInfo) -> str:
    """A member's name: UTF-8 where it says so, else GBK as Chinese Windows writes it, else as zipfile read it."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return info.filename


def read_archive(data: bytes, limits: Limits, say: Any) -> None:
    """In the child: say each table of the archive in pieces, counting. A workbook is said to be one."""
    try:
        members = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        raise refuse("file-damaged", T("压缩包损坏，目录读不出来", "the archive is damaged: its directory cannot be read"),
                     do=T("重新压缩一次", "make it again")) from error
    if any(i.filename.lower() == "[content_types].xml" for i in members):
        say({"workbook": True})
        return
    tables = _tables(members, limits)
    total, file = 0, io.BytesIO(data)
    for name, info in tables:
        say({"member": name})
        held, length = b"", 0
        for piece in unpacked_member(file, info):
            length, total, held = length + len(piece), total + len(piece), held + piece
            if length > limits.file or total > limits.unpacked or (length > _PIECE and length > limits.ratio * max(info.compress_size, 1)):
                raise refuse("archive-size", T("压缩包解开后太大", "the archive is too large once unpacked"),
                             T("每个不超过 {a} MB，合计不超过 {b} MB", "at most {a} MB each, {b} MB in all", a=limits.file >> 20, b=limits.unpacked >> 20),
                             T("分成几个压缩包", "make several archives"))
            if len(held) >= _PIECE:
                say({"piece": base64.b64encode(held).decode()})
                held = b""
        if held:
            say({"piece": base64.b64encode(held).decode()})


def _tables(members: list[zipfile.ZipInfo], limits: Limits) -> list[tuple[str, zipfile.ZipInfo]]:
    """The members that are tables by their names, each name once; links, passwords and archives in archives are refused."""
    found: list[tuple[str, zipfile.ZipInfo]] = []
    if len(members) > limits.members:
        raise refuse("archive-members", T("压缩包里有 {n} 个文件", "the archive has {n} members", n=len(members)), T("不超过 {m} 个", "at most {m}", m=MEMBERS))
    for info in members:
        name = _name(info).replace("\\", "/")
        if info.is_dir() or _IGNORED.search(name):
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            raise refuse("archive-link", T("压缩包里有链接", "the archive holds a link"))
        if info.flag_bits & 1:
            raise refuse("file-password", T("压缩包有密码", "the archive is protected by a password"), do=T("去掉密码再压缩", "make it without a password"))
        if extension(name) in ("zip", "rar", "7z", "gz"):
            raise refuse("archive-nested", T("压缩包里还有压缩包：{n}", "an archive inside the archive: {n}", n=shown_name(name)),
                         do=T("解开里层的再压缩", "unpack the inner one first"))
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refuse("archive-method", T("压缩方法不认识", "unknown compression method"), do=T("用普通 zip 再压缩一次", "make a plain zip"))
        if extension(name) in TABLES:
            found.append((name, info))
    if len(found) > MEMBERS:
        raise refuse("archive-members", T("压缩包里有 {n} 个表格", "the archive has {n} tables", n=len(found)), T("不超过 {m} 个", "at most {m}", m=MEMBERS),
                     T("分成几个压缩包", "make several archives"))
    return found
