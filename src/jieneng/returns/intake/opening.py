"""Opening a foreign file from the server's side: start the child, stream its rows, turn its death into words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jieneng
from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T

from .grid import Row, Sheet, Table
from .guard import SAVE_AS, Limits, Look, look, shown_name

Progress = Callable[[int, int], None]
_MISSING = {
    "memory": T("内存上限", "a limit of memory"),
    "cpu": T("处理器时间上限", "a limit of processor time"),
    "writes": T("禁止写盘", "a bar on writing"),
    "files": T("打开文件数上限", "a limit of open files"),
    "core": T("禁止转储", "a bar on dumps"),
    "network": T("断网", "being cut off the network"),
}


def limits_missing(names: Sequence[str]) -> T | None:
    """What to say about limits of the child that this system does not have; None when all are in force."""
    if not names:
        return None
    zh = "、".join(_MISSING[n].say("zh") for n in names if n in _MISSING)
    en = ", ".join(_MISSING[n].say("en") for n in names if n in _MISSING)
    return T(f"本机读文件的子进程没有：{zh}（系统不支持）", f"on this system the reading process lacks {en}")


@contextmanager
def open_table(
    path: Path,
    *,
    name: str = "",
    limits: Limits | None = None,
    encoding: str = "auto",
    delimiter: str = "auto",
    sheets: Sequence[str] = (),
    progress: Progress | None = None,
    seen: Look | None = None,
) -> Iterator[Table]:
    """The table in a file, after a look at it. Sheets and rows come as they are read: use them in order, once.

    Raises ``Refused`` at once or while rows come: not a table, beyond a limit, damaged, or the child died.
    """
    limits = limits or Limits()
    shown = shown_name(name or Path(path).name)
    seen = seen or look(path, name, limits)
    options = {
        "kind": seen.kind,
        "encoding": encoding,
        "delimiter": delimiter,
        "sheets": list(sheets),
        "limits": limits.as_json(),
    }
    root = str(Path(jieneng.__file__).resolve().parents[1])
    with Path(path).open("rb") as file:
        child = subprocess.Popen(
            [sys.executable, "-P", "-B", "-X", "utf8", "-m", "jieneng.returns.intake.child", json.dumps(options)],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=root,
            env=environment(root),
        )
    stream = _Stream(child, limits, shown, progress)
    ended = threading.Event()
    threading.Thread(target=stream.watch, args=(ended,), daemon=True).start()
    try:
        table = Table(seen.kind, ())
        stream.start(table)
        table.sheets = stream.sheets()
        yield table
    finally:
        ended.set()
        if child.poll() is None:
            child.kill()
        if child.stdout:
            child.stdout.close()
        child.wait()


_KEPT = ("SYSTEMROOT", "SYSTEMDRIVE", "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")


def environment(root: str) -> dict[str, str]:
    """What a Python needs to start (Windows, portable editions); no secrets of the server go to the child."""
    kept = {k: os.environ[k] for k in _KEPT if k in os.environ}
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH", "")) if p)
    return {**kept, "PYTHONPATH": path, "LANG": "C.UTF-8"}


class _Stream:
    """The child's lines, in order: what it is, then for each sheet its head and its rows, then the end."""

    def __init__(self, child: subprocess.Popen[bytes], limits: Limits, name: str, progress: Progress | None) -> None:
        self.child, self.limits, self.name, self.progress = child, limits, name, progress
        self.read, self.late, self.height = 0, False, 0
        self.waiting: float | None = None
        self.head: dict[str, Any] | None = None
        self.ended = False

    def watch(self, ended: threading.Event) -> None:
        """Kill a child that says nothing for ``wall`` seconds. What the reader itself takes does not count: on a slow or busy machine a
        large table may take its time, and the child's own work is bounded by ``cpu``."""
        while not ended.wait(min(1.0, self.limits.wall / 4)):
            since = self.waiting
            if since is not None and time.monotonic() - since > self.limits.wall:
                self.late = True
                self.child.kill()
                return

    def line(self) -> Any:
        """The next line; a refusal or the child's death is raised."""
        if self.child.stdout is None:
            raise RuntimeError("the child has no output")
        self.waiting = time.monotonic()
        data = self.child.stdout.readline(self.limits.output)
        self.waiting = None
        self.read += len(data)
        if self.read >= self.limits.output:
            raise self.refused("child-output", T("表里的文字太多", "the table holds too much text"))
        if not data.endswith(b"\n"):
            raise self.dead()
        said = json.loads(data)
        if isinstance(said, dict) and "refused" in said:
            raise Refused(*(problem_of(p, self.name) for p in said["refused"]))
        return said

    def start(self, table: Table) -> None:
        """Everything before the first sheet."""
        while True:
            said = self.line()
            if "missing" in said:
                note = limits_missing(said["missing"])
                table.notes += [note] if note else []
            elif "text" in said:
                table.encoding, table.delimiter = said["text"]["encoding"], said["text"]["delimiter"]
            elif "sheet" in said:
                self.head = said["sheet"]
                return
            elif "end" in said:
                self.ended = True
                return

    def sheets(self) -> Iterator[Sheet]:
        while self.head is not None:
            head, self.head = self.head, None
            self.height = int(head.get("height", 0))
            rows = self.rows()
            yield Sheet(
                name=head["name"],
                rows=rows,
                hidden=bool(head.get("hidden")),
                height=self.height,
                merged=[(m[0], m[1], m[2], m[3]) for m in head.get("merged", ())],
                hidden_rows=frozenset(head.get("hidden_rows", ())),
                hidden_columns=frozenset(head.get("hidden_columns", ())),
                date1904=bool(head.get("date1904")),
            )
            for _ in rows:  # a reader may leave a sheet early
                pass

    def rows(self) -> Iterator[Row]:
        while not self.ended:
            said = self.line()
            if isinstance(said, list):
                yield Row(said[0], said[2], said[1])
            elif "progress" in said:
                if self.progress:
                    self.progress(said["progress"], self.height)
            elif "sheet" in said:
                self.head = said["sheet"]
                return
            elif "end" in said:
                self.ended = True

    def refused(self, code: str, found: T) -> Refused:
        return Refused(Problem(code, found, do=SAVE_AS, where=Place(file=self.name)))

    def dead(self) -> Refused:
        """The child ended without a verdict."""
        status = self.child.wait()
        if self.late or status in (-9, -24):  # killed, SIGXCPU
            return self.refused(
                "child-time",
                T(
                    "读这个文件超过了时限（{c} 秒）",
                    "reading this file took too long ({c} seconds)",
                    c=self.limits.wall if self.late else self.limits.cpu,
                ),
            )
        return self.refused(
            "child-died",
            T(
                "读这个文件的程序中途停止（文件内部不正常，或超过 {m} MB 内存）",
                "the program that reads the file stopped (abnormal inside, or above {m} MB of memory)",
                m=self.limits.memory >> 20,
            ),
        )


def problem_of(data: dict[str, Any], name: str) -> Problem:
    def words(part: dict[str, str] | None) -> T | None:
        return T(part["zh"], part["en"]) if part else None

    where = {k: v for k, v in data.get("where", {}).items() if k in ("line", "sheet", "cell", "field")}
    return Problem(
        data["code"],
        words(data["found"]) or T("?", "?"),
        words(data.get("expected")),
        words(data.get("do")),
        Place(file=name, **where),
    )
