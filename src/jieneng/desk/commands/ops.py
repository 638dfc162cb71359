"""Verbs for whoever runs the server: init, serve, work, doctor, verify, backup, restore, upgrade."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.desk.ops import workspace

from . import Out, Verb, no_arguments


def init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--book", default="cn", help=str(T("规则库", "rulebook")))


def init(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Make a workspace: folders, key, database, offices, console account."""
    from jieneng.rulebook import load

    load(args.book)  # a wrong name is refused before anything is made
    workspace.prepare(args.home)
    import django

    django.setup()
    from jieneng.desk.ops.making import init as make

    made = make(args.home, args.book)
    out.say(T("已建工作区 {h}，规则库 {b}", "workspace {h} made, book {b}", h=str(args.home), b=args.book))
    return made


def serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--address", default="127.0.0.1", help=str(T("监听地址（缺省只在本机）", "address to listen on (default: this machine only)")))
    parser.add_argument("--open", action="store_true", help=str(T("打开浏览器", "open a browser")))
    parser.add_argument("--threads", type=int, default=8)


def serve(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Serve the site and do long work; one server per workspace, stopped by Ctrl+C or SIGTERM."""
    from django.core.management import call_command

    with workspace.lock(args.home):
        call_command("migrate", check=True, verbosity=0)
        workspace.keep_reserve(args.home)
        children = [subprocess.Popen(_server(args), env=_environment(args)), subprocess.Popen(_worker(args), env=_environment(args))]
        url = f"http://{'localhost' if args.address in ('127.0.0.1', '0.0.0.0') else args.address}:{args.port}/"  # noqa: S104
        out.say(T("网站在 {u}，Ctrl+C 停止", "serving at {u}, Ctrl+C to stop", u=url))
        if args.open:
            threading.Thread(target=_browse, args=(url,), daemon=True).start()
        return _watch(args, children)


def _environment(args: argparse.Namespace) -> dict[str, str]:
    hosts = os.environ.get("JIENENG_HOSTS", "localhost,127.0.0.1,[::1]")
    if args.address not in hosts and args.address != "0.0.0.0":  # noqa: S104
        hosts += "," + args.address
    return {**os.environ, "JIENENG_HOME": str(args.home), "JIENENG_HOSTS": hosts, "JIENENG_PARENT": str(os.getpid())}


def _server(args: argparse.Namespace) -> list[str]:
    return [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", args.address, "--port", str(args.port), "--workers", "1",
            "--blocking-threads", str(args.threads), "--no-ws", "--log-level", "warning", "--respawn-failed-workers", "jieneng.desk.wsgi:application"]


def _worker(args: argparse.Namespace) -> list[str]:
    return [sys.executable, "-m", "jieneng", "--home", str(args.home), "work"]


def _browse(url: str) -> None:
    import webbrowser

    time.sleep(2)
    webbrowser.open(url)


def _watch(args: argparse.Namespace, children: list[subprocess.Popen]) -> dict[str, Any]:
    """Keep both children running until asked to stop; a dead worker is started again, a dead server ends it all."""
    stop = threading.Event()
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda *_: stop.set())
    code = 0
    while not stop.wait(0.5):
        if children[0].poll() is not None:
            code = children[0].returncode or 1
            break
        if children[1].poll() is not None:
            time.sleep(1)
            children[1] = subprocess.Popen(_worker(args), env=_environment(args))
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
    return {"exit": code}


def work(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Do long work until stopped (``serve`` starts one of these); ends by itself when its server is gone."""
    from jieneng.records import jobs

    stopped = threading.Event()
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda *_: stopped.set())
    parent = int(os.environ.get("JIENENG_PARENT", "0"))

    def over() -> bool:
        return stopped.is_set() or (parent > 1 and os.name != "nt" and os.getppid() != parent)

    jobs.work(over)
    return {}


def doctor(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Look over machine and workspace: each check with its id and what helps."""
    from jieneng.desk.ops import doctor as checks

    found = checks.run()
    for c in found:
        out.line(f"{ {'ok': '✓', 'warn': '!', 'fail': '✗'}[c.state] } {c.id} {c.label}: {c.found}" + (f"\n      → {c.hint}" if c.hint else ""))
    bad = [c for c in found if c.state == "fail"]
    return {"checks": [c.as_json() for c in found], "exit": 1 if bad else 0}


def verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deep", action="store_true", help=str(T("全部重算", "recompute everything")))
    parser.add_argument("--anchor", action="append", default=[], metavar="SEQ:HASH", help=str(T("外部保存的链头", "a head of the chain kept outside")))


def verify(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Check the invariants; changes nothing. Ends 0 when all hold, else 1."""
    from jieneng.desk.ops import invariants

    anchors = []
    for text in args.anchor:
        seq, _, value = text.partition(":")
        if not seq.isdigit() or len(value) != 64:
            raise refuse("cli.anchor", T("锚点写成 序号:SM3，收到 {t}", "write an anchor as SEQ:SM3, got {t}", t=text))
        anchors.append({"seq": int(seq), "hash": value, "where": "--anchor"})
    results = invariants.run(deep=args.deep, anchors=anchors)
    for r in results:
        out.line(f"{'✓' if r.ok else '✗'} {r.id} {r.label}: {T('看了 {n}', 'looked at {n}', n=r.count)}")
        for fault in r.faults[:20]:
            out.line(f"      {fault}")
        if r.faults and r.hint:
            out.line(f"      → {r.hint}")
    return {"invariants": [r.as_json() for r in results], "exit": 0 if all(r.ok for r in results) else 1}


def backup_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, help=str(T("文件或文件夹（缺省：工作区 backups）", "file or folder (default: backups of the workspace)")))


def backup(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """One file with everything, consistent while people work; verified by reading it back."""
    from jieneng.desk.ops import backup as backups

    with out.progress(str(T("备份", "backup"))) as progress:
        path, manifest = backups.backup(args.home, args.out, lambda n, total: progress(n, total, None))
    out.say(T("已写并读回核对 {p}（{n} 个文件）", "written and read back: {p} ({n} files)", p=str(path), n=len(manifest["files"])))
    out.say(T("链头 {s}:{h}（抄在别处，可用 verify --anchor 核对）", "chain head {s}:{h} (keep it elsewhere; check it with verify --anchor)",
              s=manifest["chain"]["seq"], h=manifest["chain"]["hash"]))
    return {"file": str(path), "chain": manifest["chain"], "files": len(manifest["files"])}


def restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path)


def restore(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Put a backup in place of the workspace: checked first, swapped by rename; the old one stays beside it."""
    from jieneng.desk.ops import restore as restoring

    kept = restoring.restore(args.home, args.file, out.say)
    out.say(T("已恢复到 {h}", "restored to {h}", h=str(args.home)) if kept is None else
            T("已恢复到 {h}，原来的在 {k}", "restored to {h}, the old one is {k}", h=str(args.home), k=str(kept)))
    return {"home": str(args.home), "kept": str(kept) if kept else None}


def upgrade(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Bring the workspace to this version: own backup first, then migrations, then verify."""
    from django.core.management import call_command

    from jieneng.desk.ops import backup as backups
    from jieneng.desk.ops import invariants

    with workspace.lock(args.home):
        path, _ = backups.backup(args.home, None, lambda n, total: None)
        out.say(T("升级前已备份到 {p}", "backed up before the upgrade: {p}", p=str(path)))
        call_command("migrate", verbosity=0)
        bad = [r for r in invariants.run(deep=False) if not r.ok]
    for r in bad:
        out.line(f"✗ {r.id} {r.label}: {'；'.join(r.faults[:3])}")
    return {"backup": str(path), "exit": 1 if bad else 0}


VERBS = [
    Verb("init", T("建立工作区", "make a workspace"), init_arguments, init, django=False),
    Verb("serve", T("开网站", "serve the site"), serve_arguments, serve),
    Verb("work", T("办长任务", "do long work"), no_arguments, work),
    Verb("doctor", T("体检", "look over machine and workspace"), no_arguments, doctor),
    Verb("verify", T("核对不变式", "check the invariants"), verify_arguments, verify),
    Verb("backup", T("备份", "back up"), backup_arguments, backup),
    Verb("restore", T("恢复", "restore"), restore_arguments, restore, django=False),
    Verb("upgrade", T("升级", "upgrade"), no_arguments, upgrade),
]
