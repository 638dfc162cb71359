"""Verbs that run a round: round (plan, mode, deadline, extend, exempt, pass, hand-up, show, compare), remind, status."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable
from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T

from . import Out, Verb
from .intake import person

WHAT = ("plan", "mode", "deadline", "extend", "exempt", "include", "strict", "signatures", "pass", "hand-up", "show", "compare")


def _round(year: int) -> Any:
    from jieneng.returns import queries
    from jieneng.returns.models import Round

    found = Round.objects.select_related("office").filter(form=queries.main_form(), year=year).first()
    if found is None:
        raise refuse("cli.round", T("{y} 年还没有统计任务", "there is no round for {y}", y=year), do=T("先运行 jieneng open --year {y}", "run jieneng open --year {y} first", y=year))
    return found


def _office(code: str | None) -> Any:
    from .intake import _office as office

    return office(code)


def _institution(text: str | None) -> Any:
    from jieneng.registry.models import Institution, Standing

    found = Institution.objects.filter(key=text or "").first()
    if found is None:
        named = set(Standing.objects.filter(name=text or "").values_list("institution_id", flat=True))
        found = Institution.objects.get(pk=named.pop()) if len(named) == 1 else None
    if found is None:
        raise refuse("cli.unit", T("没有单位“{u}”", "there is no institution “{u}”", u=text or "—"), do=T("写信用代码或全称", "give the credit code or the full name"))
    return found


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(T("“{t}”不是日期，应如 2023-02-28", "“{t}” is not a date such as 2023-02-28", t=text))) from error


def _as(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as", dest="as_user", metavar="USER", help=str(T("以哪个账号办理（缺省：控制台账号）", "act as this account (default: the console's)")))


def round_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=WHAT, help=str(T(
        "plan 看安排；mode、deadline 按单位设方式和截止日；extend 单独延期；exempt、include 免报和恢复；strict 逐级报送；"
        "signatures 单位内三级签名；pass 审核通过；hand-up 报送合计；show 选版本；compare 比两份快照",
        "plan: show it; mode, deadline: set for an office; extend: one unit; exempt, include; strict: totals go up office by office; "
        "signatures: units sign in turn; pass: review; hand-up: totals; show: choose the version; compare: two snapshots")))
    parser.add_argument("--year", type=int, required=True, help="2022")
    parser.add_argument("--office", metavar="CODE", help=str(T("单位代码（缺省：本级）", "code of the office (default: the top one)")))
    parser.add_argument("--unit", metavar="KEY", help=str(T("填报单位：信用代码或全称", "institution: credit code or full name")))
    parser.add_argument("--mode", choices=["A", "B", "C", "inherit"], help=str(T("A 平台先行，B 本处预填，C 本处填报，inherit 沿用上级", "A platform first, B prefilled here, C filed here, inherit: as above")))
    parser.add_argument("--until", type=_day, metavar="2023-03-05", help=str(T("日子", "day")))
    parser.add_argument("--reason", default="", help=str(T("原因", "reason")))
    parser.add_argument("--off", action="store_true", help=str(T("关掉（strict、signatures）、取消（extend）", "off (strict, signatures), take back (extend)")))
    parser.add_argument("--version", choices=["newest", "city", "province", "nation"], help=str(T("指标显示的版本", "version that figures show")))
    parser.add_argument("--snapshot", nargs=2, metavar="ID", help=str(T("两份快照的编号（缺省：最新两份）", "two snapshots (default: the newest two)")))
    _as(parser)


def round_(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """One thing about a round."""
    return DO[args.what](args, out)


def _plan(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    from jieneng.people.models import Office
    from jieneng.people.scope import require
    from jieneng.returns.plan.queries import MODES, plan_of, steps_of

    found, mine = _round(args.year), require(person(args), "see")
    plan = plan_of(found)
    steps = [{"code": s.code, "name": s.name, "since": s.since.isoformat(), "until": s.until.isoformat()} for s in steps_of(found)]
    for s in steps:
        out.line(f"  {s['since']} – {s['until']}  {out.pick(s['name'])}")
    rows = []
    for o in Office.objects.filter(active=True, kind__in=("city", "county", "zone", "direct")):
        if not mine.covers_line(o.path):
            continue
        day = plan.deadline(o.path)
        rows.append({"office": o.code, "name": o.name, "mode": plan.mode(o.path), "deadline": day.isoformat() if day else None})
        out.line(f"{o.code}\t{o.name}\t{MODES[plan.mode(o.path)][0]}\t{day or '—'}\t{MODES[plan.mode(o.path)][1]}")
    return {"round": str(found), "steps": steps, "offices": rows, "extended": len(plan.extended)}


def _set(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    from jieneng.returns.models import RoundOffice
    from jieneng.returns.plan import actions

    found, office = _round(args.year), _office(args.office)
    if (args.what == "mode" and args.mode is None) or (args.what == "deadline" and args.until is None):
        raise refuse("cli.round", T("还缺 --mode 或 --until", "--mode or --until is missing"))
    old = RoundOffice.objects.filter(round=found, office=office).first()
    top = office.pk == found.office_id
    mode = "" if args.mode == "inherit" else args.mode or (found.mode if top else old.mode if old else "")
    actions.set_office(person(args), found, office, mode=mode, deadline=args.until or (None if top else old.deadline if old else None))
    out.say(T("{o}：已改", "{o}: changed", o=office.name))
    return {"office": office.code, "mode": mode, "deadline": args.until.isoformat() if args.until else None}


def _unit(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    from jieneng.returns.actions import act
    from jieneng.returns.following import OPEN, due_again
    from jieneng.returns.models import Return
    from jieneng.returns.plan import actions

    found, unit = _round(args.year), _institution(args.unit)
    if args.what == "extend":
        if args.until is None and not args.off:
            raise refuse("cli.round", T("还缺 --until，取消用 --off", "--until is missing; --off takes it back"))
        actions.extend(person(args), found, unit, None if args.off else args.until, args.reason)
        out.say(T("已记单独延期", "extension noted"))
        return {"unit": unit.key, "until": None if args.off else args.until.isoformat()}
    rows = Return.objects.filter(round=found, institution=unit)
    n = act(person(args), "exempt", rows.filter(state__in=OPEN), reason=args.reason) if args.what == "exempt" else due_again(person(args), rows, args.reason)
    out.say(T("{n} 份报表", "{n} returns", n=n))
    return {"unit": unit.key, "returns": n}


def _strict(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    from jieneng.returns.plan import actions

    change = actions.set_strict if args.what == "strict" else actions.set_signatures
    change(person(args), _round(args.year), not args.off)
    out.say(T("已改", "changed"))
    return {args.what: not args.off}


def _pass(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    from jieneng.people.scope import forbidden
    from jieneng.returns.chain import actions, queries
    from jieneng.returns.models import Return
    from jieneng.returns.moves import VERBS
    from jieneng.returns.queries import held_by

    who = person(args)
    own = queries.own_level(who)
    if own is None:
        raise forbidden(who, "review")
    verb = queries.PASS[own[0]]
    rows = held_by(own[1], Return.objects.filter(round=_round(args.year), state__in=queries.ORDER[:queries.ORDER.index(own[0])]))
    if args.office:
        from jieneng.people.scope import Scope

        rows = held_by(Scope((_office(args.office).path,)), rows)
    done = actions.batch(who, verb, rows)
    out.say(T("{v}：{n} 份；{e} 份有“错误”，没有通过", "{v}: {n} returns; {e} hold errors and were not passed", v=str(VERBS[verb]), n=done.done, e=done.errors))
    return {"verb": verb, "passed": done.done, "errors": done.errors}


def _hand_up(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    from jieneng.returns import queries
    from jieneng.returns.chain import actions

    office = _office(args.office)
    row = actions.hand_up(person(args), queries.book(), _round(args.year), office, args.reason)
    out.say(T("{o} 合计已报送（第 {n} 次）：{i} 家 {r} 份", "{o}: totals handed up (no. {n}): {i} institutions, {r} returns", o=office.name, n=row.number, i=row.counts["institutions"], r=row.counts["returns"]))
    return {"office": office.code, "number": row.number, "totals": row.totals, "counts": row.counts}


def _show(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    from jieneng.returns.plan import actions

    if args.version is None:
        raise refuse("cli.round", T("还缺 --version", "--version is missing"))
    actions.show(person(args), _round(args.year), "" if args.version == "newest" else args.version)
    out.say(T("已改", "changed"))
    return {"version": args.version}


def _compare(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    from jieneng.people.scope import require
    from jieneng.returns import queries
    from jieneng.returns.difference import difference
    from jieneng.returns.models import SnapshotRecord

    mine = require(person(args), "see")
    rows = list(SnapshotRecord.objects.filter(pk__in=args.snapshot) if args.snapshot else SnapshotRecord.objects.filter(year=args.year)[:2])
    if len(rows) != 2:
        raise refuse("cli.compare", T("要有两份快照才能比", "two snapshots are needed"))
    before, after = sorted(rows, key=lambda s: s.cutoff)
    found = difference(queries.book(), before, after, mine)
    out.say(T("{n} 份报表不同，{m} 处", "{n} returns differ in {m} places", n=found.returns, m=len(found.lines)))
    for m in found.lines[:50]:
        out.line(f"  {m.name}\t{m.period}\t{m.item}\t{'—' if m.before is None else m.before} → {'—' if m.after is None else m.after}\t{m.why}")
    return {"before": before.pk, "after": after.pk, "returns": found.returns,
            "lines": [{"name": m.name, "period": m.period, "item": m.item, "before": None if m.before is None else str(m.before), "after": None if m.after is None else str(m.after), "why": m.why} for m in found.lines]}


DO: dict[str, Callable[[argparse.Namespace, Out], dict[str, Any]]] = {
    "plan": _plan, "mode": _set, "deadline": _set, "extend": _unit, "exempt": _unit, "include": _unit, "strict": _strict, "signatures": _strict, "pass": _pass, "hand-up": _hand_up, "show": _show, "compare": _compare}


def remind_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--year", type=int, required=True, help="2022")
    parser.add_argument("--to", action="append", metavar="KEY", help=str(T("只提醒：office:代码 或 unit:信用代码（可多次）", "only: office:CODE or unit:KEY (may be repeated)")))
    parser.add_argument("--dry-run", action="store_true", help=str(T("只列出要提醒谁和写什么，不发", "only list whom and what, send nothing")))
    _as(parser)


def remind(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Remind the areas and departments that have not filed; nobody twice on a day."""
    from django.utils import timezone

    from jieneng.returns.chase import actions, wording

    found, who, today = _round(args.year), person(args), timezone.localdate()
    wanted = actions.chosen(who, found, args.to)
    if args.dry_run:
        for t in wanted:
            out.line(("  " + str(T("今天已提醒", "reminded today")) + " " if t.reminded(today) else "  ") + f"{t.key}\t" + wording.text(found, t, today).split("\n")[0])
        return {"targets": [{"key": t.key, "name": str(t.name), "units": len(t.units), "reminded_today": t.reminded(today), "text": wording.text(found, t, today)} for t in wanted]}
    with out.progress(str(T("提醒", "reminding"))) as progress:
        done = actions.remind(who, found, args.to, progress=lambda n, total: progress(n, total, None))
    out.say(T("提醒 {a} 个，今天已提醒过跳过 {b} 个；外发 {c} 条，没有发出 {d} 条", "{a} reminded, {b} skipped (reminded today); {c} sent outside, {d} failed",
              a=done["reminded"], b=done["skipped"], c=done["sent"], d=done["failed"]))
    return {**done}


def status_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--year", type=int, required=True, help="2022")
    parser.add_argument("--by", choices=["area", "department", "type"], default="area", help=str(T("按地区、部门或类型（缺省 area）", "grouping (default area)")))
    parser.add_argument("--list", action="store_true", dest="listed", help=str(T("列出没有报完的单位", "list who is not complete")))
    _as(parser)


def status(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """报送率 and 审核通过率 of a round, by group."""
    from jieneng.people.scope import require
    from jieneng.registry.queries import closed_to
    from jieneng.returns import queries
    from jieneng.returns.chase import queries as chase
    from jieneng.returns.moves import STATES

    found = _round(args.year)
    who = person(args)
    units, closed = chase.units(require(who, "see"), found), closed_to(who)
    lines = chase.grouped(queries.book(), units, args.by)
    whole = chase.line("", str(T("合计", "total")), units)
    for row in [*lines, whole]:
        rates = "\t".join("—" if r is None else f"{r:.1%}" for r in (row.rate, row.pass_rate, row.weight_rate))
        out.line(f"{row.label or '—'}\t{row.done}/{row.total}\t{rates}\t" + " ".join(f"{STATES[s]} {n}" for s, n in row.cells if n))
    late = [u for u in units if u.late and u.pk not in closed]
    if args.listed:
        for u in late:
            out.line(f"  {u.key}\t{u.name}\t{STATES[u.state]}\t{u.deadline or '—'}")
    return {"total": chase.as_dict(whole), "groups": [chase.as_dict(x) for x in lines], "late": [{"code": u.key, "name": u.name, "state": u.state} for u in late]}


VERBS = [
    Verb("round", T("统计任务的安排、审核、合计、版本", "plan, review, totals and version of a round"), round_arguments, round_),
    Verb("remind", T("催报", "remind who has not filed"), remind_arguments, remind),
    Verb("status", T("报送率和审核通过率", "completeness of a round"), status_arguments, status),
]
