"""The ``jieneng`` command."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
import uuid
from pathlib import Path

from jieneng import __version__
from jieneng.core.problem import Refused
from jieneng.core.words import T, set_language


def _verbs() -> list:
    from jieneng.desk.commands import accounts, example, intake, numbers, ops, rules

    return [v for module in (ops, rules, accounts, intake, numbers, example) for v in module.VERBS]


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    for flags, options in (
        (("--home",), {"type": Path, "default": argparse.SUPPRESS, "metavar": "DIR", "help": str(T("工作区（缺省：JIENENG_HOME 或 ./jieneng-home）", "the workspace (default: JIENENG_HOME or ./jieneng-home)"))}),
        (("--lang",), {"choices": ["zh", "en"], "default": argparse.SUPPRESS, "help": str(T("语言", "language"))}),
        (("--json",), {"type": Path, "default": argparse.SUPPRESS, "metavar": "FILE", "help": str(T("把结果另存为 JSON", "also write the result as JSON"))}),
    ):
        common.add_argument(*flags, **options)
    parser = argparse.ArgumentParser(prog="jieneng", parents=[common], description=str(T("公共机构节约能源资源管理", "Energy and resources of public institutions")))
    parser.add_argument("--version", action="version", version=f"jieneng {__version__}")
    subs = parser.add_subparsers(dest="verb", metavar=str(T("办什么", "VERB")))
    for verb in _verbs():
        sub = subs.add_parser(verb.name, help=str(verb.help), description=str(verb.help), parents=[common])
        verb.arguments(sub)
        sub.set_defaults(_verb=verb)
    return parser


def _write(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1, default=str), encoding="utf-8")


def _fault(home: Path) -> str:
    """Keep the inside of a fault in a log of the workspace; people get its number."""
    number = uuid.uuid4().hex[:8]
    logs = home / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        with open(logs / "faults.log", "a", encoding="utf-8") as log:
            log.write(f"--- {number}\n{traceback.format_exc()}\n")
    except OSError:
        traceback.print_exc()
    return number


def main(argv: list[str] | None = None) -> int:
    """Run one verb. 0 done; 1 refused, in words; 2 a fault of ours, with a number."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if "--lang" in argv[:-1] and argv[argv.index("--lang") + 1] in ("zh", "en"):
        set_language(argv[argv.index("--lang") + 1])
    parser = _parser()
    args = parser.parse_args(argv)
    if not getattr(args, "verb", None):
        parser.print_help()
        return 1
    home = Path(getattr(args, "home", None) or os.environ.get("JIENENG_HOME", "jieneng-home")).resolve()
    args.home, args.json = home, getattr(args, "json", None)
    os.environ["JIENENG_HOME"] = str(home)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jieneng.desk.settings")
    from jieneng.desk.commands import Out

    out = Out()
    try:
        from jieneng.desk.ops.restore import finish

        finish(home)  # a restore that was killed between its two renames is completed first
        if args._verb.django:
            if not (home / "workspace.json").exists():
                from jieneng.desk.ops.workspace import none_here

                raise none_here(home)
            import django

            django.setup()
        result = args._verb.run(args, out)
    except Refused as refusal:
        for problem in refusal.problems:
            print(problem, file=sys.stderr)
        if args.json:
            _write(args.json, {"ok": False, "problems": [p.as_json() for p in refusal.problems]})
        return 1
    except KeyboardInterrupt:
        print(T("已中断，没有改动", "interrupted, nothing was changed"), file=sys.stderr)
        return 130
    except Exception as error:
        if "no such table" in str(error) or "does not exist" in str(error):
            print(T("数据库还没有建好或版本不同：运行 jieneng upgrade", "the database is not set up for this version: run jieneng upgrade"), file=sys.stderr)
        number = _fault(home)
        print(T("程序出错，编号 {n}，详情在 {f}", "a fault of ours, number {n}; details in {f}", n=number, f=str(home / "logs" / "faults.log")), file=sys.stderr)
        return 2
    code = int((result or {}).pop("exit", 0)) if isinstance(result, dict) else 0
    if args.json:
        _write(args.json, {"ok": code == 0, **(result or {})})
    return code


if __name__ == "__main__":
    raise SystemExit(main())
