"""Verbs for whoever runs the server: init, serve, work, doctor, verify, backup, restore, upgrade."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.desk.ops import workspace

from . import Out, Verb, no_arguments

MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


def init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--book", default="cn", help=str(T("规则库（缺省 cn）", "rulebook (default cn)")))


def init(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Make a workspace: folders, key, database, offices, console account."""
    from jieneng.rulebook import load

    load(args.book)  # a wrong name is refused before anything is made
    workspace.need_space(args.home, workspace.RESERVE_SIZE)
    workspace.prepare(args.home)
    with workspace.using(args.home, alone=True):
        import django

        django.setup()
        from jieneng.desk.ops.making import init as make

        made = make(args.home, args.book)
    out.say(T("已建工作区 {h}，规则库 {b}", "workspace {h} made, book {b}", h=str(args.home), b=args.book))
    return made


def serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8000, help=str(T("端口（缺省 8000）", "port (default 8000)")))
    parser.add_argument("--address", default="127.0.0.1", help=str(T("监听地址（缺省只在本机）", "address to listen on (default: this machine only)")))
    parser.add_argument("--site", action="append", default=[], metavar="NAME", help=str(T("大家用的主机名（可多次）", "a host name people use (may be repeated)")))
    parser.add_argument("--open", action="store_true", help=str(T("打开浏览器", "open a browser")))
    parser.add_argument("--workers", type=int, default=1, help=str(T("网站进程数（缺省 1）", "processes of the site (default 1)")))
    parser.add_argument("--threads", type=int, default=8, help=str(T("每个进程的线程数（缺省 8）", "threads of each (default 8)")))


def serve(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Serve the site and do long work; one server per workspace, stopped by Ctrl+C or SIGTERM."""
    from jieneng.desk.ops import serving

    site = serving.Site(args.home, args.address, args.port, args.workers, args.threads, tuple(args.site))
    return {"exit": serving.serve(site, out.say, _browse if args.open else None)}


def _browse(url: str) -> None:
    """Open the site where there is a screen; never a text browser in the terminal that the server runs in."""
    import webbrowser

    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def work(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Do long work until stopped (``serve`` starts one of these); ends at once when its server is gone."""
    from jieneng.desk.ops import guard
    from jieneng.records import jobs

    stopped = threading.Event()
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda *_: stopped.set())
    guard.watch(args.home)
    jobs.work(stopped.is_set)
    return {}


def doctor(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Look over machine and workspace: each check with its id and what helps. Ends 1 when one fails."""
    from jieneng.desk.ops import doctor as checks

    found = checks.run()
    for c in found:
        out.line(f"{MARKS[c.state]} {c.id} {c.label}: {c.found}" + (f"\n      → {c.hint}" if c.hint else ""))
    return {"checks": [c.as_json() for c in found], "exit": 1 if any(c.state == "fail" for c in found) else 0}


def verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deep", action="store_true", help=str(T("全部重算", "recompute everything")))
    parser.add_argument("--anchor", action="append", default=[], metavar="SEQ:SM3", help=str(T("外部保存的链头（可多次）", "a head of the chain kept outside (may be repeated)")))


def _anchor(text: str) -> dict[str, Any]:
    seq, _, value = text.partition(":")
    if not seq.isdigit() or len(value) != 64:
        raise refuse("cli.anchor", T("锚点写成 序号:SM3，收到 {t}", "write an anchor as SEQ:SM3, got {t}", t=text))
    return {"seq": int(seq), "hash": value, "where": "--anchor"}


def verify(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Check the invariants; changes nothing. Ends 0 when all hold, else 1."""
    from jieneng.desk.ops import invariants

    results = []
    anchors = [_anchor(t) for t in args.anchor]
    for r in invariants.run(deep=args.deep, anchors=anchors):
        results.append(r)
        looked = T("看了 {n}", "looked at {n}", n=f"{r.count:,}") if r.count else T("没有可看的", "there is nothing to look at")
        out.line(f"{'✓' if r.ok else '✗'} {r.id} {r.label}: {looked}")
        for fault in r.faults[:20]:
            out.line(f"      {fault}")
        if len(r.faults) > 20:
            out.say(T("      … 共 {n} 处", "      … {n} in all", n=len(r.faults)))
        if r.faults and r.hint:
            out.line(f"      → {r.hint}")
    return {"invariants": [r.as_json() for r in results], "exit": 0 if all(r.ok for r in results) else 1}


def backup_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FILE", help=str(T("文件或文件夹（缺省：工作区的 backups）", "file or folder (default: backups of the workspace)")))


def backup(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """One file with everything, consistent while people work; verified by reading it back."""
    from jieneng.desk.ops import backup as backups
    from jieneng.desk.ops import versions

    with out.progress(str(T("备份", "backup"))) as progress:
        path, manifest = backups.backup(args.home, args.out, lambda n, total: progress(n, total, None))
    if versions.steps() == ([], []):
        backups.note(path, manifest)
    out.say(T("已写并读回核对 {p}（{n} 个文件）", "written and read back: {p} ({n} files)", p=str(path), n=len(manifest["files"])))
    for fault in manifest["faults"]:
        out.say(T("原件缺失或已损坏，没有进备份：{f}", "missing or damaged here, not in the backup: {f}", f=fault))
    out.say(T("链头 {s}:{h}（抄在别处，可用 verify --anchor 核对）", "chain head {s}:{h} (keep it elsewhere; check it with verify --anchor)",
              s=manifest["chain"]["seq"], h=manifest["chain"]["hash"]))
    return {"file": str(path), "chain": manifest["chain"], "files": len(manifest["files"]), "faults": manifest["faults"]}


def restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help=str(T("备份文件", "the backup file")))
    parser.add_argument("--with-faults", action="store_true", help=str(T(
        "备份时已有的损坏也照样恢复（逐条列出）", "restore although the data was damaged when it was backed up (each fault is listed)")))


def restore(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Put a backup in place of the workspace: checked first, swapped by rename; the old one stays beside it."""
    from jieneng.desk.ops import restore as restoring

    with out.progress(str(T("恢复", "restore"))) as progress:
        done = restoring.restore(args.home, args.file, out.say, with_faults=args.with_faults, progress=lambda n, total: progress(n, total, None))
    out.say(T("已恢复到 {h}", "restored to {h}", h=str(args.home)) if done.kept is None else
            T("已恢复到 {h}；原来的在 {k}，确认无误后可以删掉", "restored to {h}; the old one is {k} and may be deleted once all is well", h=str(args.home), k=str(done.kept)))
    later = done.head_now["seq"] - done.head_then["seq"]
    if later > 0:
        out.say(T("备份以后的 {n} 条办理记录（含备份那一条）只在原来的数据里", "{n} events after the backup (with that of the backup itself) are in the old data only", n=later))
    for fault in done.faults:
        out.line(f"      {fault}")
    return {"home": str(args.home), "kept": str(done.kept) if done.kept else None, "head_then": done.head_then, "head_now": done.head_now,
            "faults": done.faults}


def upgrade(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Bring the workspace to this version: own backup first, then migrations, then verify."""
    from django.core.management import call_command

    from jieneng.desk.ops import backup as backups
    from jieneng.desk.ops import invariants, versions
    from jieneng.desk.ops.explain import explain

    missing, unknown = versions.steps()
    theirs = str(workspace.described(args.home).get("version", "?"))
    if unknown:
        raise versions.newer(theirs, unknown)
    workspace.need_space(args.home, 3 * workspace.size(args.home))
    with out.progress(str(T("升级前备份", "backup before the upgrade"))) as progress:
        path, manifest = backups.backup(args.home, None, lambda n, total: progress(n, total, None))
    out.say(T("升级前已备份到 {p}", "backed up before the upgrade: {p}", p=str(path)))
    try:
        call_command("migrate", verbosity=0)
    except Exception as error:
        raise explain(error, args.home) or refuse(
            "upgrade.migrate", T("数据库没有升级成：{e}", "the database was not upgraded: {e}", e=str(error)),
            do=T("再运行一次 jieneng upgrade；不行就用原来的程序恢复：jieneng restore {p}",
                 "run jieneng upgrade again; failing that restore with the former program: jieneng restore {p}", p=str(path))) from error
    backups.note(path, manifest)
    workspace.set_version(args.home)
    bad = [r for r in invariants.run(deep=False) if not r.ok]
    out.say(T("已升级，补了 {n} 步", "upgraded, {n} steps", n=len(missing)))
    for r in bad:
        out.line(f"✗ {r.id} {r.label}: {'；'.join(r.faults[:3])}")
    return {"backup": str(path), "steps": missing, "exit": 1 if bad else 0}


VERBS = [
    Verb("init", T("建立工作区", "make a workspace"), init_arguments, init, django=False),
    Verb("serve", T("开网站", "serve the site"), serve_arguments, serve),
    Verb("work", T("办长任务", "do long work"), no_arguments, work),
    Verb("doctor", T("体检", "look over machine and workspace"), no_arguments, doctor, any_version=True),
    Verb("verify", T("核对不变式", "check the invariants"), verify_arguments, verify, any_version=True),
    Verb("backup", T("备份", "back up"), backup_arguments, backup, any_version=True),
    Verb("restore", T("恢复", "restore"), restore_arguments, restore, django=False),
    Verb("upgrade", T("升级", "upgrade"), no_arguments, upgrade, alone=True, any_version=True),
]
