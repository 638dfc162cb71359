"""commands: the verbs of ``jieneng``, one module per family; each module lists its ``VERBS``.

A verb gets parsed arguments and an ``Out``; it returns a plain mapping, which ``--json FILE`` writes. What it cannot do it
raises as ``Refused``; nobody sees a trace-back.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T, language


class Out:
    """What a command says: lines, progress, problems; in the language asked for."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    @property
    def language(self) -> str:
        return language()

    def say(self, text: T) -> None:
        self.line(str(text))

    def line(self, text: str) -> None:
        if not self.quiet:
            print(text, flush=True)

    def pick(self, text: Mapping[str, str]) -> str:
        """A stored text in the language in force."""
        return text.get(language()) or text.get("zh") or ""

    def problem(self, data: Mapping[str, Any]) -> None:
        """One stored problem, with its place."""
        where = data.get("where") or {}
        place = " ".join(str(where[k]) for k in ("sheet", "cell", "line", "field") if where.get(k))
        parts = [self.pick(data["found"])]
        if data.get("expected"):
            parts.append(str(T("应为：", "expected: ")) + self.pick(data["expected"]))
        if data.get("do"):
            parts.append(self.pick(data["do"]))
        self.line(f"  {place}: {'；'.join(parts)}")

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int, T | None], None]]:
        """A progress line, at most four a second on a terminal and one every five seconds elsewhere; none for short work."""
        last, every, shown = [time.monotonic()], 0.25 if sys.stderr.isatty() else 5.0, [False]

        def report(done: int, total: int, message: T | None = None) -> None:
            now = time.monotonic()
            if self.quiet or now - last[0] < every:
                return
            last[0], shown[0] = now, True
            text = f"{what} {message or ''} {done:,}" + (f" / {total:,}" if total else "")
            print(("\r" + text + "\033[K") if sys.stderr.isatty() else text, end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)

        yield report
        if shown[0] and sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Verb:
    """One verb: its name, what it is for, its arguments and what it does.

    ``django`` False: runs without a workspace. ``alone``: while it runs nobody else may use the workspace. ``any_version``: may run
    while the database is not at the program's version.
    """

    name: str
    help: T
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Out], dict[str, Any] | None]
    django: bool = True
    alone: bool = False
    any_version: bool = False


def period(text: str) -> Period:
    """The period that was asked for. Raises ``Refused`` for what is none."""
    try:
        return Period.parse(text)
    except ValueError as error:
        raise refuse("cli.period", T("“{t}”不是统计期", "“{t}” is not a period", t=text), expected=T("2022、2022Q1、2022-03", "2022, 2022Q1, 2022-03")) from error


def content(path: Path) -> bytes:
    """What a file holds. Raises ``Refused`` when there is none under that name."""
    if not path.is_file():
        raise refuse("cli.file", T("没有文件 {f}", "there is no file {f}", f=str(path)))
    return path.read_bytes()


def text(path: Path) -> str:
    """A text file as text. Raises ``Refused``."""
    try:
        return content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse("cli.text", T("{f} 不是 UTF-8 文字", "{f} is not UTF-8 text", f=str(path))) from error


def target(path: Path) -> Path:
    """A file to be written, known to be possible before the work begins. Raises ``Refused``."""
    if path.is_dir():
        raise refuse("cli.out", T("{f} 是一个文件夹", "{f} is a folder", f=str(path)), do=T("写明文件名", "name the file"))
    if not path.parent.is_dir():
        raise refuse("cli.folder", T("没有文件夹 {f}", "there is no folder {f}", f=str(path.parent)))
    return path


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """For verbs that take none."""
