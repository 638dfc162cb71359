"""Verbs that bring data in and judge it: open, import, review, accept, freeze."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T

from . import Out, Verb, period, target, text


def _office(code: str | None) -> Any:
    from jieneng.people.models import Office
    from jieneng.people.queries import root_office

    found = Office.objects.filter(code=code).first() if code else root_office()
    if found is None:
        known = "、".join(Office.objects.exclude(kind="department").values_list("code", flat=True))
        raise refuse("cli.office", T("没有单位 {c}", "there is no office {c}", c=code or "—"), expected=T("{k}", "{k}", k=known))
    return found


def person(args: argparse.Namespace) -> Any:
    """The account in whose name a command runs: ``--as``, or the console account."""
    from jieneng.people.models import User
    from jieneng.people.queries import console

    name = getattr(args, "as_user", None)
    if not name:
        return console()
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise refuse("cli.user", T("没有账号 {u}", "there is no account {u}", u=name))
    return found


def _as(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as", dest="as_user", metavar="USER", help=str(T("以哪个账号办理（缺省：控制台账号）", "act as this account (default: the console's)")))


def open_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--year", type=int, required=True, help="2022")
    parser.add_argument("--form", help=str(T("报表代码（缺省：规则库的主表）", "form code (default: the book's main form)")))
    parser.add_argument("--rhythm", choices=["month", "quarter", "half", "year"], help=str(T("多久报一次（缺省：报表的第一种）", "how often (default: the form's first)")))
    parser.add_argument("--mode", choices=["A", "B", "C"], default="A", help=str(T("A 平台先行，B 本处预填，C 本处填报", "A: the platform first, B: prefilled here, C: filled in here")))
    _as(parser)


def open_(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Open a round for a year."""
    from jieneng.returns import actions, queries

    round_ = actions.open_round(person(args), queries.book(), form=args.form or queries.main_form(), year=args.year,
                                office=_office(None), rhythm=args.rhythm or "", mode=args.mode)
    n = round_.returns.count()
    out.say(T("{r}：应报 {n} 份", "{r}: {n} returns expected", r=str(round_), n=n))
    return {"round": str(round_), "returns": n}


def import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=str(T("要导入的文件", "files to import")))
    parser.add_argument("--layout", type=Path, help=str(T("表样文件", "the layout file")))
    parser.add_argument("--guess", action="store_true", help=str(T("不导入，从表头认出一个表样，写到 --out（缺省：印出来）", "import nothing: propose a layout from the header, into --out (default: printed)")))
    parser.add_argument("--out", type=Path, help=str(T("--guess 写到哪个文件", "the file --guess writes")))
    parser.add_argument("--on-behalf", metavar="OFFICE", help=str(T("代表哪个单位（缺省：本级）", "on behalf of this office (default: the top one)")))
    parser.add_argument("--accept", action="store_true", help=str(T("读入即为市级已审", "accepted as soon as read")))
    parser.add_argument("--take", choices=["ours", "both", "platform", "province", "nation"], default="", help=str(T(
        "报表的数当作：ours 本库，platform 平台的数（只对照），both 平台的数且本库跟着更新，province 省审定，nation 国家核定",
        "take answers as: ours, platform (to compare only), both (and ours follow), province, nation")))
    parser.add_argument("--open", action="store_true", dest="open_rounds", help=str(T("没有统计任务就新建", "open missing rounds")))
    _as(parser)


def import_(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Bring files in by a layout; good rows go in, problems are named by sheet and cell."""
    from jieneng.fieldwork.intake import bring_in, receive_path, tables_of

    if args.guess:
        from .exchange import guess

        return guess(args, out)
    if args.layout is None:
        raise refuse("cli.layout", T("没有写表样", "no layout given"), T("--layout 表样.yaml", "--layout LAYOUT.yaml"),
                     T("还没有表样的，先用 --guess 从表头认一个", "where there is none yet, let --guess propose one from the header"))
    layout = text(args.layout)
    office, who, done = _office(args.on_behalf), person(args), []
    for path in args.files:
        if not path.is_file():
            raise refuse("cli.file", T("没有文件 {f}", "there is no file {f}", f=str(path)))
    for row in [row for path in args.files for row in tables_of(who, receive_path(who, path))]:
        with out.progress(row.name) as progress:
            batch = bring_in(who, row, layout, office=office, accept=args.accept, layout_name=args.layout.name, take=args.take,
                             open_rounds=args.open_rounds, progress=lambda n, total, message: progress(n, total, message))
        counts = {k: v for k, v in batch.counts.items() if k != "read"}
        for what, c in counts.items():
            out.say(T("{f} {w}：新 {a}，变 {b}，同 {c}，没有读入 {d}", "{f} {w}: new {a}, changed {b}, same {c}, not taken {d}",
                      f=row.name, w=what, a=c["new"], b=c["changed"], c=c["same"], d=c["refused"]))
        if held := sum(c.get("held", 0) for c in counts.values()):
            out.say(T("{n} 份有“错误”，没有通过，留待审核", "{n} hold errors and were not accepted", n=held))
        for p in batch.problems[:20]:
            out.problem(p)
        if len(batch.problems) > 20:
            out.say(T("… 共 {n} 处，全部见“导入”页或 --json", "… {n} in all; see the page Imports or --json", n=len(batch.problems)))
        done.append({"file": row.name, "import": batch.pk, "counts": batch.counts, "problems": batch.problems})
    return {"imports": done}


def review_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--period", required=True, help="2022")
    parser.add_argument("--severity", choices=["must", "explain", "note"], help=str(T("只列：must 错误，explain 需核实，note 提示", "only: must errors, explain to verify, note notes")))
    parser.add_argument("--limit", type=int, default=30, help=str(T("最多列多少条（缺省 30）", "list at most so many (default 30)")))
    parser.add_argument("--latest", action="store_true", help=str(T("不重新会审，列出最近一次的", "do not review anew: list the last one")))
    parser.add_argument("--xlsx", type=Path, metavar="FILE", help=str(T("疑点清单写成工作簿", "write the list as a workbook")))
    _as(parser)


def review(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Review a round: the findings ranked by what they may move, with the line after which one may stop."""
    from jieneng.desk.ops.workspace import write_durably
    from jieneng.people.queries import root_office
    from jieneng.people.scope import require
    from jieneng.returns import queries as returns
    from jieneng.returns.models import Round
    from jieneng.review import actions, queries

    who = person(args)
    mine = require(who, "review")
    year = period(args.period).year
    round_ = Round.objects.filter(form=returns.main_form(), year=year).first()
    if round_ is None:
        raise refuse("cli.round", T("{y} 年没有统计任务", "there is no round for {y}", y=year), do=T("先运行 jieneng open", "run jieneng open first"))
    if args.xlsx:
        target(args.xlsx)
    run = queries.latest(round_, mine) if args.latest else None
    if run is None:
        root = root_office()
        office = root if root and mine.covers_line(root.path) else who.appointments.filter(office__isnull=False).first().office
        with out.progress(str(T("会审", "reviewing"))) as progress:
            run = actions.run_review(who, returns.book(), round_, office, progress=lambda n, total, message: progress(n, total, message))
    rows = queries.findings_in(run, mine)
    if args.severity:
        rows = rows.filter(severity=args.severity)
    listed = list(rows)
    name = queries.names(run, listed)
    out.say(T("错误 {a}，需核实 {b}，提示 {c}；{s} 秒", "errors {a}, to verify {b}, notes {c}; {s} s", a=run.counts["must"], b=run.counts["explain"], c=run.counts["note"], s=run.seconds))
    out.say(queries.line_words(run))
    for f in listed[:args.limit]:
        stake = f"{f.tce:,.1f} tce · " if f.tce >= 0.05 else ""
        out.line(f"{f.rank:4} {f.severity:8} {f.rule:5} {name.get(f.institution_id, f.institution.key)}：{out.pick(f.says)}（{stake}{f.share:.2%}）" if out.language == "zh"
                 else f"{f.rank:4} {f.severity:8} {f.rule:5} {name.get(f.institution_id, f.institution.key)}: {out.pick(f.says)} ({stake}{f.share:.2%})")
        out.line(f"     {out.pick(f.why)}")
    if args.xlsx:
        write_durably(args.xlsx, queries.as_workbook(run, listed), 0o644)
        out.say(T("已写 {f}", "written: {f}", f=str(args.xlsx)))
    return {"run": run.pk, "counts": run.counts, "line": run.line, "seconds": run.seconds, "findings": [
        {"rank": f.rank, "code": f.institution.key, "period": f.period, "months": f.months, "rule": f.rule, "kind": f.kind, "layer": f.layer, "severity": f.severity, "items": f.items,
         "found": f.found, "expected": f.expected, "low": f.low, "high": f.high, "suggested": f.suggested, "suspicion": f.suspicion, "tce": f.tce, "share": f.share,
         "says": f.says, "why": f.why, "do": f.do, "explanation": f.explanation.reason if f.explanation else ""} for f in listed]}


def accept_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--year", type=int, required=True, help="2022")
    parser.add_argument("--with-findings", action="store_true", help=str(T("有“错误”的也通过", "also those with errors")))
    parser.add_argument("--reason", default="", help=str(T("保留“错误”的原因（--with-findings 时必写）", "why errors are kept (needed with --with-findings)")))
    _as(parser)


def accept(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Accept every filed return of a year that holds no error."""
    from django.db.models import F

    from jieneng.people.scope import require
    from jieneng.returns import actions, queries
    from jieneng.returns.models import Return, ReturnFinding

    mine = require(person(args), "accept")
    rows = queries.held_by(mine, Return.objects.filter(round__year=args.year, state__in=("filed", "dept_ok", "county_ok")))
    if not args.with_findings:
        must = ReturnFinding.objects.filter(ret__in=rows, severity="must", revision=F("ret__revision")).values("ret")
        left = rows.filter(pk__in=must).count()
        rows = Return.objects.filter(pk__in=rows.values("pk")).exclude(pk__in=must)
    else:
        left = 0
    n = actions.act(person(args), "accept", rows, reason=args.reason, keep=args.with_findings)
    out.say(T("审核通过 {n} 份；{left} 份有“错误”，没有通过", "{n} accepted; {left} hold errors and were not", n=n, left=left))
    return {"accepted": n, "left": left}


def freeze_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--period", required=True, help="2022")
    parser.add_argument("--version", choices=["city", "province", "nation"], default="city", help=str(T(
        "city 市报送版，province 省审定版，nation 国家核定版", "city as submitted, province as reviewed, nation as approved")))
    _as(parser)


def freeze(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Freeze the accepted returns and all ledgers into a snapshot."""
    from jieneng.returns import freeze as freezing
    from jieneng.returns import queries

    with out.progress(str(T("封存", "freezing"))) as progress:
        made = freezing.freeze(person(args), queries.book(), period(args.period).year, version=args.version,
                               progress=lambda n, total: progress(n, total, None))
    out.say(T("快照 {s}：报表 {r}，台账 {l}", "snapshot {s}: {r} returns, {l} ledger lines", s=made.pk, r=made.counts["returns"], l=made.counts["ledgers"]))
    for left in made.left_out:
        out.say(T("没有计入：{r} {s} {n} 份", "left out: {r} {s} {n}", r=left["round"], s=left["state"], n=left["returns"]))
    return {"snapshot": made.pk, "counts": made.counts, "left_out": made.left_out}


VERBS = [
    Verb("open", T("新建统计任务", "open a round"), open_arguments, open_),
    Verb("import", T("按表样导入文件", "import files by a layout"), import_arguments, import_),
    Verb("review", T("会审：按影响排序的疑点", "review: findings by what they may move"), review_arguments, review),
    Verb("accept", T("审核通过没有错误的报表", "accept returns without errors"), accept_arguments, accept),
    Verb("freeze", T("封存快照", "freeze a snapshot"), freeze_arguments, freeze),
]
