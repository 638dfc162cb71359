"""Verbs beside the national platform: propose a layout, export by a layout, compare, lists of corrections."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T

from . import Out, Verb, period, target, text
from .intake import _as, _office, person


def guess(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """``import --guess``: a layout from the header of each file, with what is unsure said; nothing is imported."""
    from jieneng.returns.intake import guess_file, layout_text
    from jieneng.returns.queries import book, main_form

    if args.out and len(args.files) > 1:
        raise refuse("cli.out", T("--out 一次认一个文件", "--out takes one file at a time"))
    done = []
    for path in args.files:
        if not path.is_file():
            raise refuse("cli.file", T("没有文件 {f}", "there is no file {f}", f=str(path)))
        found = guess_file(path, book(), form=main_form(), name=path.name)
        written = layout_text(found, book(), form=main_form(), code="guessed")
        if args.out:
            target(args.out).write_text(written, encoding="utf-8")
        else:
            out.line(written)
        columns = found.names or found.columns
        sure = sum(c.meaning.sure for c in columns if c.meaning.role != "skip")
        out.say(T("{f}：工作表 {s}，表头第 {r} 行；认准 {a} 列，拿不准 {b} 处", "{f}: sheet {s}, header in row {r}; {a} columns sure, {b} unsure",
                  f=path.name, s="、".join(found.alike) or "—", r=found.header_row or "auto", a=sure, b=len(found.unsure)))
        for p in found.unsure[:40]:
            out.problem(p.as_json())
        done.append({"file": path.name, "layout": written, "sheet": found.sheet, "header": [found.header_row, found.header_rows],
                     "unsure": [p.as_json() for p in found.unsure]})
    return {"guesses": done}


def export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--layout", type=Path, help=str(T("表样文件：照它读的样子写出来", "the layout file: written as it is read")))
    parser.add_argument("--what", choices=["corrections", "sheets", "differences", "register-changes", "register-lines"], help=str(T(
        "corrections 更正清单（可加 --layout 按自己的列序），sheets 填报对照单，differences 两边对照，register-changes 平台上要办的名录变更，register-lines 办了没有",
        "corrections (with --layout: your own columns), reference sheets, the two-sided table, or register changes to be keyed in on the platform; register-lines: done or not")))
    parser.add_argument("--since", metavar="DAY", help=str(T("register-changes 从哪天起（缺省：上次导出以来）", "register-changes since this day (default: since the last export)")))
    parser.add_argument("--template", type=Path, metavar="FILE", help=str(T(
        "照这个 xlsx 填一份（按 --layout 认格，缺省从表头认），别的都不动", "fill a copy of this xlsx (cells by --layout, else from its header), touching nothing else")))
    parser.add_argument("--period", help="2022, 2022-03")
    parser.add_argument("--office", help=str(T("哪个单位的（缺省：全部）", "of which office (default: all)")))
    parser.add_argument("--out", type=Path, required=True, help=str(T("写到哪个文件", "the file to write")))
    _as(parser)


def export(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Write our figures by a layout (the mirror of import), or a list of corrections, reference sheets, the two-sided table."""
    from jieneng.exchange import exporting

    if args.what == "register-changes":
        return _register(args, out)
    if args.what == "register-lines":
        return _register_lines(args, out)
    if args.period is None:
        raise refuse("cli.period", T("没有写期间", "no period given"), T("--period 2022 或 2022-03", "--period 2022 or 2022-03"))
    if args.template is not None and args.what is None:
        return _filled(args, out)
    if (args.layout is None) == (args.what is None) and args.what != "corrections":
        raise refuse("cli.export", T("--layout 和 --what 写一个", "give one of --layout and --what"))
    path, when, office = target(args.out), period(args.period), _office(args.office) if args.office else None
    if args.layout is not None and args.what is None:
        from jieneng.returns.intake import parse_layout

        layout = parse_layout(text(args.layout), args.layout.name)
        data, _ = exporting.write(person(args), layout, period=when, area=office.area if office else "")
    else:
        data = _made(args.what, person(args), when.year, office, args.layout)
    path.write_bytes(data)
    out.say(T("已写 {f}", "wrote {f}", f=str(path)))
    return {"file": str(path), "bytes": len(data)}


def _filled(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """``export --template``: a copy of a foreign workbook, filled; what has no row, and what was left alone, said."""
    from jieneng.exchange import office_template
    from jieneng.exchange.template_pages import guessed
    from jieneng.fieldwork.intake import receive_path
    from jieneng.returns.intake import parse_layout

    if not args.template.is_file():
        raise refuse("cli.file", T("没有文件 {f}", "there is no file {f}", f=str(args.template)))
    path, when, who, office = target(args.out), period(args.period), person(args), _office(args.office) if args.office else None
    row = receive_path(who, args.template)
    layout = parse_layout(text(args.layout), args.layout.name) if args.layout else guessed(row, when)
    made, _ = office_template.write(who, row, layout, period=when, area=office.area if office else "")
    path.write_bytes(made.data)
    counts = made.counts()
    out.say(T("已写 {f}：填 {c} 格，{u} 家；{e} 格本库没有数", "wrote {f}: {c} cells of {u} units; {e} cells for which we hold nothing", f=str(path), c=counts["cells"], u=counts["units"], e=counts["empty"]))
    for s in made.absent:
        out.say(T("表里没有行：{n} {k}", "no row for {n} {k}", n=s.name, k=s.institution.key))
    for at, name, code in made.strangers:
        out.say(T("对不上单位：{a} {n} {k}", "no unit known here: {a} {n} {k}", a=at, n=name, k=code))
    for p in made.problems[:40]:
        out.problem(p.as_json())
    return {"file": str(path), "bytes": len(made.data), "counts": counts, "absent": [s.institution.key for s in made.absent],
            "strangers": made.strangers, "problems": [p.as_json() for p in made.problems]}


def _register(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """``export --what register-changes``: what is to be keyed in on the platform."""
    from jieneng.exchange import register_changes
    from jieneng.exchange.register_pages import day

    path, since = target(args.out), day(args.since or "")
    data, n = register_changes.export(person(args), since=since, office=_office(args.office) if args.office else None)
    path.write_bytes(data)
    out.say(T("已写 {f}：{n} 家", "wrote {f}: {n} institutions", f=str(path), n=n))
    return {"file": str(path), "bytes": len(data), "lines": n}


def _register_lines(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """``export --what register-lines``: what was handed out and whether it was done."""
    from jieneng.exchange import register_lines
    from jieneng.people.scope import Scope, require
    from jieneng.registry.queries import closed_to

    path, who, office = target(args.out), person(args), _office(args.office) if args.office else None
    mine = require(who, "see")
    narrowed = Scope(lines=(office.path,)) if office is not None and mine.covers_line(office.path) else mine
    found = register_lines.listed(narrowed, closed=closed_to(who))
    data = register_lines.workbook(register_lines.shown(found))
    path.write_bytes(data)
    counts = {state: sum(x.state == state for x in found) for state in register_lines.LINE_STATES}
    out.say(T("已写 {f}：{n} 家，已办 {a}，还没办 {b}", "wrote {f}: {n} lines, {a} done, {b} not done", f=str(path), n=len(found), a=counts["done"], b=counts["not_done"]))
    return {"file": str(path), "bytes": len(data), "lines": len(found), "states": counts}


def _made(what: str, who: Any, year: int, office: Any, by: Path | None = None) -> bytes:
    from jieneng.exchange import books, queries
    from jieneng.people.scope import Scope, require
    from jieneng.registry.queries import closed_to
    from jieneng.returns.queries import main_form

    mine, closed = require(who, "see"), closed_to(who)
    narrowed = Scope(lines=(office.path,)) if office is not None and mine.covers_line(office.path) else mine
    name = office.name if office else str(T("全部", "all"))
    if what == "corrections" and by is not None:
        from jieneng.exchange.exporting import corrections
        from jieneng.returns.intake import parse_layout

        return corrections(parse_layout(text(by), by.name), year, queries.listed(narrowed, main_form(), year, closed=closed))
    if what == "corrections":
        return books.corrections(year, queries.listed(narrowed, main_form(), year, closed=closed), name)
    if what == "differences":
        return books.differences(year, "platform", [x for x in queries.table(narrowed, "platform", main_form(), year) if x.institution not in closed])
    lines = [s for s in queries.lines_of(year).values() if s.in_scope and not s.covered_by_id and s.institution_id not in closed and narrowed.covers(s.office.path, s.institution.key)]
    return books.sheets(year, sorted(lines, key=lambda s: (s.office.path, s.name)))


def compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--year", type=int, required=True, help="2022")
    parser.add_argument("--holder", choices=["platform", "province", "nation"], default="platform", help=str(T("和谁对照", "compared with whom")))
    parser.add_argument("--limit", type=int, default=30, help=str(T("最多列多少条（缺省 30）", "list at most so many (default 30)")))
    _as(parser)


def compare(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """The two-sided table: how many cells agree, who mends what, and the first of those that are open."""
    from jieneng.exchange import queries
    from jieneng.people.scope import require
    from jieneng.registry.queries import closed_to
    from jieneng.returns.queries import book, main_form

    who = person(args)
    mine, closed = require(who, "see"), closed_to(who)
    lines = [x for x in queries.table(mine, args.holder, main_form(), args.year) if x.institution not in closed]
    totals = queries.totals(mine, args.holder, main_form(), args.year, lines)
    out.say(T("对照 {c} 格，一致 {a}，待核实 {u}，平台更正 {t}，本库更正 {o}，已说明 {e}", "{c} cells: {a} the same, {u} to be checked, {t} for the platform, {o} for us, {e} explained",
              c=totals["cells"], a=totals["agree"], u=totals["undecided"], t=totals["theirs"], o=totals["ours"], e=totals["explained"]))
    for x in lines[:args.limit]:
        out.line(f"{queries.VERDICTS[x.verdict]!s:6} {x.name} {x.period} {book().items[x.item].label}: {x.ours} / {x.theirs} {x.reason}")
    return {"totals": totals, "lines": [{"institution": x.institution, "period": x.period, "item": x.item, "ours": x.ours, "theirs": x.theirs,
                                         "verdict": x.verdict, "reason": x.reason} for x in lines]}


VERBS = [
    Verb("export", T("按表样导出，或导出更正清单、对照单", "export by a layout; corrections, reference sheets"), export_arguments, export),
    Verb("compare", T("本库和国家平台两边对照", "ours against the national platform"), compare_arguments, compare),
]
