"""Many workbooks in one archive, from the server's side: one limited child for all of them; whose death costs one member."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jieneng
from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.returns.intake.guard import Limits
from jieneng.returns.intake.opening import environment
from jieneng.rulebook.types import Book

from .reading import Read, understand
from .shape import Shape

Progress = Callable[[int, int], None]
LIMITS = Limits(file=200 << 20, columns=1000, cpu=900, wall=1200)
DIED = T("读这个文件的程序中途停止（文件内部不正常）", "the program that reads the file stopped (abnormal inside)")


def read_archive(path: Path, name: str, book: Book, shapes: dict[str, Shape], progress: Progress | None = None,
                 limits: Limits = LIMITS) -> Iterator[Read]:
    """Each workbook of an archive, in order; one that cannot be taken comes with its problems and no rows. Raises ``Refused`` for the archive."""
    start, total = 0, 0
    while True:
        died_at = None
        for said in _lines(path, start, limits):
            if "members" in said:
                total = said["members"]
                if total > limits.members:
                    raise refuse("zip.many", T("压缩包里有 {n} 个文件，超过 {m} 个", "the archive has {n} files, more than {m}", n=total, m=limits.members),
                                 do=T("分几个压缩包交", "hand in several archives"), where=Place(file=name))
            elif "died" in said:
                died_at = said["died"]
                if died_at is None:
                    raise refuse("child-died", DIED, where=Place(file=name))
                yield Read(said["name"], problems=[Problem("child-died", DIED, where=Place(file=said["name"]))])
            elif "problems" in said:
                raise Refused(*[_problem(p, name) for p in said["problems"]])
            else:
                yield _read(said, book, shapes)
                if progress:
                    progress(said["m"] + 1, total)
        if died_at is None:
            return
        start = died_at + 1


def _read(said: dict[str, Any], book: Book, shapes: dict[str, Shape]) -> Read:
    if "refused" in said:
        return Read(said["name"], problems=[_problem(p, said["name"]) for p in said["refused"]])
    try:
        return understand(said["sheets"], said["name"], book, shapes)
    except Refused as refused:
        return Read(said["name"], problems=[p if p.where.file else replace(p, where=Place(file=said["name"])) for p in refused.problems])


def _lines(path: Path, start: int, limits: Limits) -> Iterator[dict[str, Any]]:
    """What one child says, put together per member; ``died`` with the member's number where it ended without a verdict."""
    root = str(Path(jieneng.__file__).resolve().parents[1])
    options = json.dumps({"start": start, "limits": limits.as_json()})
    with Path(path).open("rb") as file:
        child = subprocess.Popen([sys.executable, "-P", "-B", "-X", "utf8", "-m", "jieneng.filling.child", options], stdin=file, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, cwd=root, env=environment(root))
    timer = threading.Timer(limits.wall, child.kill)
    timer.daemon = True
    timer.start()
    now: dict[str, Any] | None = None
    ended = False
    try:
        assert child.stdout is not None
        for line in child.stdout:
            if not line.endswith(b"\n"):
                break
            said = json.loads(line)
            if "begin" in said:
                now = {"m": said["m"], "name": said["begin"]}
            elif "m" in said and now is not None:
                yield {**now, **({"refused": said["refused"]} if "refused" in said else {"sheets": [(n, [(r, c) for r, c in rows]) for n, rows in said["done"]]})}
                now = None
            elif "refused" in said:
                yield {"problems": said["refused"]}
            elif "end" in said:
                ended = True
            elif "members" in said:
                yield said
        if not ended:
            yield {"died": now["m"] if now else None, "name": now["name"] if now else ""}
    finally:
        timer.cancel()
        if child.poll() is None:
            child.kill()
        if child.stdout:
            child.stdout.close()
        child.wait()


def _problem(data: dict[str, Any], name: str) -> Problem:
    def words(part: dict[str, str] | None) -> T | None:
        return T(part["zh"], part["en"]) if part else None

    where = {k: v for k, v in data.get("where", {}).items() if k in ("line", "sheet", "cell", "field")}
    return Problem(data["code"], words(data["found"]) or T("?", "?"), words(data.get("expected")), words(data.get("do")), Place(file=name, **where))
