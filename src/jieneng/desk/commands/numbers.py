"""Verbs that give numbers out: figures, tables, report, trace, export."""

from __future__ import annotations

import argparse
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.desk.ops.workspace import write_durably

from . import Out, Verb, content, period, target
from .intake import person


def _snapshot(args: argparse.Namespace) -> Any:
    from jieneng.returns import queries
    from jieneng.returns.models import SnapshotRecord

    if getattr(args, "snapshot", None):
        found = SnapshotRecord.objects.filter(pk=args.snapshot).first()
    elif day := getattr(args, "as_of", None):
        found = queries.snapshot_at(day, period(args.period).year) or queries.snapshot_at(day)
        if found is None:
            raise refuse("cli.as_of", T("{d} 还没有封存的快照", "nothing was frozen yet on {d}", d=day.isoformat()),
                         do=T("写一个更晚的日子，或不写 --as-of", "name a later day, or leave --as-of out"))
    else:
        year = period(args.period).year if getattr(args, "period", None) else None
        found = queries.latest_snapshot(year) or queries.latest_snapshot()
    if found is None:
        raise refuse("cli.snapshot", T("还没有封存的快照", "there is no snapshot yet"), do=T("先运行 jieneng freeze", "run jieneng freeze first"))
    return found


def _which(parser: argparse.ArgumentParser) -> None:
    """Which snapshot: by its id, or as of a day."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--snapshot", metavar="ID", help=str(T("快照编号（缺省：最新的）", "id of the snapshot (default: the newest)")))
    which.add_argument("--as-of", dest="as_of", type=_day, metavar="2023-03-31", help=str(T(
        "那一天有效的快照（截止时间不晚于那天）", "the snapshot in force on that day")))


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(T("“{t}”不是日期，应如 2023-03-31", "“{t}” is not a date such as 2023-03-31", t=text))) from error


def _where(args: argparse.Namespace) -> dict[str, Any]:
    from jieneng.figures.overview import where_of
    from jieneng.people.scope import require

    return where_of(require(person(args), "see")) or {}


def figures_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--period", required=True, help="2022, 2022H1, 2022Q1, 2022-03")
    parser.add_argument("--by", choices=["region", "department", "type", "institution"], help=str(T("分组", "grouping")))
    parser.add_argument("--indicator", action="append", metavar="NAME", help=str(T("指标、综合量或项目（可多次）", "indicator, composite or item (may be repeated)")))
    _which(parser)
    parser.add_argument("--as", dest="as_user", metavar="USER", help=str(T("以哪个账号办理（缺省：控制台账号）", "act as this account (default: the console's)")))


def figures(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Figures of a period, by group, with coverage."""
    from jieneng import engine
    from jieneng.figures import overview as view
    from jieneng.figures.calculate import calculate
    from jieneng.returns import queries

    book, snapshot = queries.book(), _snapshot(args)
    names = args.indicator or [*view.shown(book, "composites"), *view.shown(book, "indicators")]
    for name in names:
        if name not in book.indicators and name not in book.composites and name not in book.items:
            raise refuse("cli.indicator", T("没有指标 {n}", "there is no figure {n}", n=name),
                         expected=T("{k}", "{k}", k="、".join([*book.indicators, *book.composites])))
    by = {"region": "area", None: None}.get(args.by, args.by)
    found = calculate(book, engine.connect(), queries.opened(snapshot), names, period=period(args.period), by=by, where=_where(args))
    labels = view.group_names(book, by or "")
    for f in found:
        code = f.subject.get("code", "")
        value = str(T("算不出", "unknown")) if f.exact is None else f"{f.value:,.{view.places_of(book, f.name)}f}"
        cover = f"{f.coverage.covered}/{f.coverage.members}" if f.coverage else ""
        out.line(f"{labels.get(code) or f.subject.get('name') or code or '—'}\t{out.pick(f.label)}\t{value} {f.unit}\t{cover}\t{f.note}")
    return {"snapshot": snapshot.pk, "figures": [f.as_json() for f in found]}


def tables_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--period", required=True, help="2022, 2022H1, 2022Q1, 2022-03")
    parser.add_argument("--out", type=Path, required=True, help=str(T("放到哪个文件夹", "folder to write into")))
    _which(parser)
    parser.add_argument("--as", dest="as_user", metavar="USER", help=str(T("以哪个账号办理（缺省：控制台账号）", "act as this account (default: the console's)")))


def tables(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """All summary tables of a period as xlsx, each a file of the folder."""
    from jieneng.reports import actions
    from jieneng.returns import queries

    snapshot, made, span = _snapshot(args), [], period(args.period)
    if args.out.exists() and not args.out.is_dir():
        raise refuse("cli.folder", T("{f} 是一个文件", "{f} is a file", f=str(args.out)), do=T("写一个文件夹", "name a folder"))
    args.out.mkdir(parents=True, exist_ok=True)
    for code in queries.book().tables:
        data = actions.table(person(args), code, span, snapshot)
        path = args.out / f"{code}-{span}.xlsx"
        write_durably(path, data, 0o644)
        out.say(T("已写 {f}", "written: {f}", f=str(path)))
        made.append(str(path))
    return {"snapshot": snapshot.pk, "files": made}


def report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("document", metavar="CODE", help=str(T("公文代码，如 annual-summary", "code of the document, such as annual-summary")))
    parser.add_argument("--year", type=int, required=True, help="2022")
    parser.add_argument("--out", type=Path, required=True, help="F.docx")
    parser.add_argument("--snapshot", metavar="ID", help=str(T("快照编号（缺省：最新的）", "id of the snapshot (default: the newest)")))
    parser.add_argument("--as", dest="as_user", metavar="USER", help=str(T("以哪个账号办理（缺省：控制台账号）", "act as this account (default: the console's)")))


def report(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Compose an official document; it refuses a missing figure by name. The proof file lies beside it."""
    import json

    from jieneng.reports import actions

    proof = target(target(args.out).with_suffix(".proof.json"))
    version = actions.compose(person(args), args.document, args.year, _snapshot(args))
    write_durably(args.out, actions.docx_of(version), 0o644)
    write_durably(proof, json.dumps(version.proof, ensure_ascii=False, indent=1).encode(), 0o644)
    out.say(T("已写 {f}（{n} 个数）和 {p}", "written: {f} ({n} figures) and {p}", f=str(args.out), n=len(version.proof["figures"]), p=str(proof)))
    return {"version": version.pk, "file": str(args.out), "proof": str(proof), "figures": len(version.proof["figures"])}


def trace_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("indicator", nargs="?", metavar="NAME", help=str(T("指标、综合量或项目，如 energy_per_area", "indicator, composite or item, such as energy_per_area")))
    parser.add_argument("--period", help="2022, 2022H1, 2022Q1, 2022-03")
    parser.add_argument("--region", metavar="CODE", help=str(T("只算这个地区", "this area only")))
    parser.add_argument("--institution", metavar="KEY", help=str(T("只算这一家", "this institution only")))
    parser.add_argument("--doc", type=Path, help=str(T("公文 docx", "a document")))
    parser.add_argument("--number", metavar="TEXT", help=str(T("公文里印着的数，如 582.73", "a number as printed in the document, such as 582.73")))
    _which(parser)
    parser.add_argument("--as", dest="as_user", metavar="USER", help=str(T("以哪个账号办理（缺省：控制台账号）", "act as this account (default: the console's)")))


def trace(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Unfold a figure down to its returns, file, sheet and cell, and prove it again."""
    if args.doc:
        return _trace_document(args, out)
    if not args.indicator or not args.period:
        raise refuse("cli.trace", T("写明指标和 --period，或 --doc 和 --number", "name a figure and --period, or --doc and --number"))
    from jieneng import engine
    from jieneng.figures.calculate import calculate
    from jieneng.figures.prove import prove, trace_lines
    from jieneng.registry.models import Institution
    from jieneng.returns import queries

    book, snapshot = queries.book(), _snapshot(args)
    where: dict[str, Any] = _where(args)
    by = None
    if args.region:
        by, where = "area", {**where, "area": args.region}
    if args.institution:
        found = Institution.objects.filter(key=args.institution).first()
        by, where = "institution", {**where, "institution": found.pk if found else -1}
    try:
        made = calculate(book, engine.connect(), queries.opened(snapshot), [args.indicator], period=period(args.period), by=by, where=where)
    except KeyError:
        raise refuse("cli.indicator", T("没有指标 {n}", "there is no figure {n}", n=args.indicator)) from None
    if not made:
        raise refuse("cli.trace", T("{p} 没有数据", "no data for {p}", p=args.period))
    figure, opened = made[0], queries.opened(snapshot)
    for line in trace_lines(figure, opened, engine.connect(), out.language):
        out.line(line)
    cells = _cells(args, figure, opened, out)
    proof = prove(book, engine.connect(), opened, figure)
    out.say(T("已核对：{n} 个选择、{c} 个数据格重新计算，逐位一致", "proved: {n} selections and {c} cells recomputed, equal to the last digit", n=proof.leaves, c=proof.cells)
            if proof.ok else T("核对不上：{f}", "not proved: {f}", f="；".join(proof.faults)))
    return {"figure": figure.as_json(), "proved": proof.ok, "faults": proof.faults, "cells": cells}


def _cells(args: argparse.Namespace, figure: Any, opened: Any, out: Out) -> list[dict[str, Any]]:
    """The cells behind the figure's largest leaf, each with file, sheet and cell."""
    from jieneng import engine
    from jieneng.returns.models import Import, Revision

    leaves = [s for s in figure.selections() if s.kind.startswith("returns:") and s.rows]
    if not leaves:
        return []
    leaf = leaves[0]
    cells = engine.connect().cells(opened, leaf.column, form=leaf.kind.partition(":")[2], period=period(leaf.period), where=leaf.where,
                                   take=leaf.take, limit=3)
    shown = []
    for c in cells:
        revision = Revision.objects.filter(ret=c.return_id, number=c.revision).first()
        source = (revision.sources.get(leaf.column) if revision else None) or [None, "", "", "", ""]
        batch = Import.objects.select_related("file").filter(pk=source[0]).first()
        name = batch.file.name if batch else "—"
        out.line(f"      {c.period} {c.name} {leaf.column} = {c.value:,f}   {name} {'!'.join(str(p) for p in source[1:3] if p)}" + (f" “{source[3]} {source[4]}”" if source[3] else ""))
        for key, p in (revision.parts if revision else {}).items():
            if (said := p["answers"].get(leaf.column)) is not None:
                out.line(f"        {p['name']} = {Decimal(said):,f}   {_place(revision.sources.get(f'{key}.{leaf.column}'))}")
        shown.append({"institution": c.code, "period": c.period, "value": str(c.value), "file": name, "sheet": source[1], "cell": source[2]})
    return shown


def _place(source: list[Any] | None) -> str:
    """File, sheet and cell of a value; nothing where it was typed here."""
    from jieneng.returns.models import Import

    if not source:
        return ""
    batch = Import.objects.select_related("file").filter(pk=source[0]).first()
    return f"{batch.file.name if batch else ''} {'!'.join(str(p) for p in source[1:3] if p)}".strip()


def _trace_document(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Follow a number printed in a document back to its figure and prove it."""
    from jieneng import engine
    from jieneng.core.figure import Figure
    from jieneng.figures.prove import prove, trace_lines
    from jieneng.reports import queries as reports
    from jieneng.returns import queries
    from jieneng.returns.models import SnapshotRecord

    if not args.number:
        raise refuse("cli.trace", T("写明 --number", "name --number"))
    found = reports.find_number(content(args.doc), args.number)
    if not found:
        raise refuse("cli.number", T("文稿里没有受控的数 {n}", "the document holds no bound number {n}", n=args.number))
    results = []
    for entry in found:
        figure = Figure.from_json(entry["figure"])
        record = SnapshotRecord.objects.get(pk=entry["snapshot"])
        opened = queries.opened(record)
        for line in trace_lines(figure, opened, engine.connect(), out.language):
            out.line(line)
        if figure.source:
            out.say(T("出处：{s}", "source: {s}", s=figure.source))
        proof = prove(queries.book(), engine.connect(), opened, figure)
        out.say(T("已核对", "proved") if proof.ok else T("核对不上：{f}", "not proved: {f}", f="；".join(proof.faults)))
        results.append({"id": entry["id"], "figure": figure.as_json(), "proved": proof.ok})
    return {"found": results}


def screening_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--period", required=True, help="2022")
    parser.add_argument("--limit", type=int, default=30, help=str(T("最多列多少条（缺省 30）", "list at most so many (default 30)")))
    parser.add_argument("--by-place", nargs="?", const="", metavar="CODE", help=str(
        T("分地区的表（缺省：范围内最上面一级；写代码看它下面的）", "the table by place (default: the topmost of your scope; with a code, what is below it)")))
    parser.add_argument("--review", type=int, metavar="N", help=str(T("再会审前 N 个候选的单位，同类放在旁边", "then review the institutions of the first N candidates, their like beside them")))
    parser.add_argument("--latest", action="store_true", help=str(T("不重新初筛，用最近一次的", "do not screen anew: use the last one")))
    parser.add_argument("--xlsx", type=Path, metavar="FILE", help=str(T("写成工作簿：会审的疑点，或分地区的表，或候选", "write a workbook: the findings reviewed, or the table by place, or the candidates")))
    _which(parser)
    parser.add_argument("--as", dest="as_user", metavar="USER", help=str(T("以哪个账号办理（缺省：控制台账号）", "act as this account (default: the console's)")))


def screening(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """First screening of a frozen year: which values deserve the full review, by what hangs on them, by place. Kept for its page; no return is changed."""
    from jieneng.people.scope import require
    from jieneng.returns import queries
    from jieneng.review import screened
    from jieneng.review import screening as verbs

    who, year, book = person(args), period(args.period).year, queries.book()
    mine = require(who, "review")
    if args.xlsx:
        target(args.xlsx)
    kept = screened.latest_screening(year) if args.latest else None
    if kept is None:
        with out.progress(str(T("初筛", "screening"))) as progress:
            kept = verbs.screen(who, book, _snapshot(args), progress=lambda n, total, message: progress(n, total, message))
    counts = kept.counts
    out.say(T("{i} 家，{p} 个单位指标；初筛留下 {n} 个，另有 {e} 处表内检查不通过", "{i} institutions, {p} values of a year; {n} remain, and {e} checks of the form fail", i=f"{counts['institutions']:,}",
              p=f"{counts['values']:,}", n=f"{counts['candidates']:,}", e=f"{counts['edits']:,}"))
    out.say(T("看完前 {n} 个，余下的合计影响不超过任一县区合计的 {s}", "after the first {n}, what is left moves no area's total by more than {s}", n=f"{counts['line']:,}", s=f"{counts['share']:.1%}"))
    made: dict[str, Any] = {"screening": kept.pk, "snapshot": kept.snapshot_id, "institutions": counts["institutions"], "values": counts["values"], "candidates": counts["candidates"],
                            "line": counts["line"], "edits": counts["edits"]}
    rows = list(screened.candidates_in(kept, mine, who)[:max(args.limit, 0)])
    made["first"] = _list_candidates(kept, rows, book, out)
    if args.by_place is not None:
        made["places"] = _list_places(kept, mine, book, args, out)
    if args.review:
        made["reviewed"] = _review_candidates(who, kept, mine, args, out)
    elif args.xlsx and args.by_place is None:
        _written(args.xlsx, screened.candidates_workbook(kept, rows, book), out)
    return made


def _list_candidates(kept: Any, rows: list[Any], book: Any, out: Out) -> list[dict[str, Any]]:
    from jieneng.review import screened

    names = screened.named(kept.round.year, [c.institution_id for c in rows])
    out.say(T("序号  单位  指标  时间  可能差多少  疑点程度  占本地同类合计  看上去", "rank  institution  item  time  how far off  doubt  share of its cell  looks like"))
    for c in rows:
        item = book.items[c.item]
        unit = book.units[item.unit].label.say(out.language) if item.unit in book.units else ""
        name = names[c.institution_id].name if c.institution_id in names else c.institution.key
        out.line(f"{c.rank:5} {name}  {item.label.say(out.language)}  {screened.when(kept.round.year, c.month)}  {c.off:,.0f} {unit}  {c.doubt:.0%}  {c.share:.2%}  {out.pick(c.says)}")
    return [{"rank": c.rank, "institution": c.institution_id, "item": c.item, "month": c.month, "off": c.off, "doubt": c.doubt, "share": c.share, "factor": c.factor, "says": c.says} for c in rows]


def _list_places(kept: Any, mine: Any, book: Any, args: argparse.Namespace, out: Out) -> list[dict[str, Any]]:
    """The table by place, and its workbook where one is asked for and no review follows."""
    from jieneng.review import screened

    table = screened.table_of(kept, mine, book, args.by_place or None)
    if table is None:
        raise refuse("screening.place", T("初筛里没有地区 {p}", "the screening has no place {p}", p=args.by_place), do=T("不写代码，看最上面一级", "leave the code out to see the topmost places"))
    out.say(T("地区  比较的单位  候选  涉及单位  线以上  不通过表内检查  余下影响（能耗）  余下影响（最大的一项）",
              "place  institutions  candidates  units  before the line  failing checks  left (energy)  left (worst total)"))
    for p in [*table.rows, table.whole]:
        cell, worst = p.worst
        energy, share = ("—" if v is None else f"{v:.2%}" for v in (p.share("energy_tce"), worst))
        out.line(f"{p.code or '—'} {p.name}\t{p.institutions:,}\t{p.candidates:,}\t{p.units:,}\t{p.before:,}\t{p.edits:,}\t{energy}\t{share} {screened.label_of(cell, book) if cell else ''}")
    if args.xlsx and not args.review:
        _written(args.xlsx, screened.places_workbook(kept, table, book), out)
    return [{"code": p.code, "name": p.name, "institutions": p.institutions, "candidates": p.candidates, "units": p.units, "before": p.before, "units_before": p.units_before,
             "edits": p.edits, "edit_units": p.edit_units, "left": {c: p.share(c) for c in sorted(p.totals)}} for p in table.rows]


def _review_candidates(who: Any, kept: Any, mine: Any, args: argparse.Namespace, out: Out) -> dict[str, Any]:
    from jieneng.returns import queries
    from jieneng.review import queries as reviews
    from jieneng.review import screening as verbs

    with out.progress(str(T("会审候选", "reviewing the candidates"))) as progress:
        run = verbs.review_candidates(who, queries.book(), kept, args.review, progress=lambda n, total, message: progress(n, total, message))
    found = list(reviews.findings_in(run, mine))
    names = reviews.names(run, found)
    out.say(T("会审了 {i} 家（前 {c} 个候选），同类在旁共 {b} 家；错误 {a}，需核实 {e}，提示 {n}；{s} 秒",
              "reviewed {i} institutions (of the first {c} candidates), of {b} laid out; errors {a}, to verify {e}, notes {n}; {s} s",
              i=run.counts["institutions"], c=run.counts["candidates"], b=run.counts["beside"], a=run.counts["must"], e=run.counts["explain"], n=run.counts["note"], s=run.seconds))
    for f in found[:args.limit]:
        out.line(f"{f.rank:4} {f.severity:8} {f.rule:5} {names.get(f.institution_id, f.institution.key)}  {out.pick(f.says)}")
    if args.xlsx:
        _written(args.xlsx, reviews.as_workbook(run, found), out)
    return {"run": run.pk, "counts": run.counts, "seconds": run.seconds, "findings": [
        {"rank": f.rank, "code": f.institution.key, "period": f.period, "rule": f.rule, "kind": f.kind, "items": f.items, "suspicion": f.suspicion, "tce": f.tce, "share": f.share, "says": f.says} for f in found]}


def _written(path: Path, data: bytes, out: Out) -> None:
    write_durably(path, data, 0o644)
    out.say(T("已写 {f}", "written: {f}", f=str(path)))


VERBS = [
    Verb("figures", T("汇总与指标", "figures"), figures_arguments, figures),
    Verb("tables", T("汇总表 xlsx", "summary tables as xlsx"), tables_arguments, tables),
    Verb("report", T("编制公文 docx", "compose a document"), report_arguments, report),
    Verb("screening", T("初筛：全国全省封存数里哪些值得会审", "first screening of a frozen year"), screening_arguments, screening),
    Verb("trace", T("一个数是怎么来的", "where a number comes from"), trace_arguments, trace),
]
