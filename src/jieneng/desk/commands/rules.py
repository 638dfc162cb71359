"""``jieneng rulebook``: check, show, diff, gaps. Needs no workspace."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jieneng.core.problem import Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.rulebook.types import Book

from . import Out, Verb


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["check", "show", "diff", "gaps"])
    parser.add_argument("names", nargs="*", metavar="NAME", help=str(T("show consumption@2022；diff consumption@2019 consumption@2022；check [规则库…]",
                                                                       "show consumption@2022; diff consumption@2019 consumption@2022; check [BOOK…]")))
    parser.add_argument("--book", default="cn", help=str(T("规则库（缺省 cn）", "rulebook (default cn)")))
    parser.add_argument("--extra", type=Path, action="append", default=[], metavar="DIR", help=str(T("叠加的规则文件夹", "a folder of rules laid over it")))


def run(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """check, show, diff or gaps."""
    from jieneng.rulebook import commands, load

    extra = tuple(args.extra)
    if args.what == "check":
        lines, problems = commands.check(args.names, extra)
        for code in args.names or commands.books():
            problems += _declarations(load(code, extra))
        for line in lines:
            out.line(line)
        if problems:
            raise Refused(*problems)
        return {"books": lines}
    book = load(args.book, extra)
    needed = {"show": 1, "diff": 2, "gaps": 0}[args.what]
    if len(args.names) != needed:
        raise refuse("cli.names", T("{w} 要 {n} 个名字", "{w} takes {n} names", w=args.what, n=needed),
                     expected=T("{l}", "{l}", l="、".join(sorted(book.forms))))
    lines = {"show": lambda: commands.show(book, args.names[0]), "diff": lambda: commands.diff(book, *args.names),
             "gaps": lambda: commands.gaps(book)}[args.what]()
    for line in lines:
        out.line(line)
    return {"lines": lines}


def _declarations(book: Book) -> list[Problem]:
    """Everything that is wrong in a book's documents and tables: the loader hands them on, the room that uses them reads them."""
    from jieneng.reports.layout import layout_of
    from jieneng.reports.spec import read_spec

    problems: list[Problem] = []
    readers: list[Callable[[], object]] = [partial(read_spec, book, code, 2022) for code in book.documents]
    readers += [partial(layout_of, book, code) for code in book.tables]
    for read in readers:
        try:
            read()
        except Refused as refusal:
            problems += refusal.problems
    return problems


VERBS = [Verb("rulebook", T("规则库：检查、查看、比较、空白", "rulebook: check, show, diff, gaps"), arguments, run, django=False)]
