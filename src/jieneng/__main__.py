"""The ``jieneng`` command: finds the verb, opens the workspace for it, and says in words what went wrong.

Exit status: 0 done; 1 refused, in words; 2 a fault of ours, with a number under which the log holds the rest; 130 interrupted.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import json
import os
import sys
import tempfile
import traceback
import uuid
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from jieneng import __version__
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import LANGUAGES, T, language, set_language

if TYPE_CHECKING:
    from jieneng.desk.commands import Out, Verb

PARSER_WORDS = {
    "usage: ": "用法：", "positional arguments": "参数", "options": "选项", "show this help message and exit": "显示这段说明",
    "show program's version number and exit": "显示版本",
    "the following arguments are required: %s": "还缺：%s", "unrecognized arguments: %s": "不认识：%s", "expected one argument": "要一个值",
    "expected at least one argument": "至少要一个值", "invalid choice: %(value)r (choose from %(choices)s)": "没有 %(value)r，可用：%(choices)s",
    "invalid %(type)s value: %(value)r": "%(value)r 不是 %(type)s", "argument %(argument_name)s: %(message)s": "%(argument_name)s：%(message)s",
    "ambiguous option: %(option)s could match %(matches)s": "%(option)s 不明确，可能是 %(matches)s", "not allowed with argument %s": "不能与 %s 同用",
}
"""What argparse says, in Chinese; it asks ``gettext``, for which we have no catalogue (docs/adr/0001)."""


def _verbs() -> list[Verb]:
    from jieneng.desk.commands import accounts, example, exchange, intake, numbers, ops, rounds, rules, sheets, sitting

    return [v for module in (ops, rules, accounts, intake, exchange, rounds, sheets, sitting, numbers, example) for v in module.VERBS]


class _Parser(argparse.ArgumentParser):
    """Refuses in words, with status 1: 2 is kept for faults of ours."""

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"{self.prog}: {message}\n" + str(T("帮助：{p} --help\n", "help: {p} --help\n", p=self.prog)))


def _parser(verbs: Sequence[Verb]) -> _Parser:
    if language() == "zh":
        setattr(argparse, "_", lambda text: PARSER_WORDS.get(text, text))  # noqa: B010  a private name of argparse
    common = _Parser(add_help=False)
    given: dict[str, Any] = {"default": argparse.SUPPRESS}  # so that a verb's parser does not undo what stood before the verb
    common.add_argument("--home", type=Path, metavar="DIR", help=str(T(
        "工作区（缺省：环境变量 JIENENG_HOME 或 ./jieneng-home）", "the workspace (default: JIENENG_HOME or ./jieneng-home)")), **given)
    common.add_argument("--lang", choices=LANGUAGES, help=str(T("语言", "language")), **given)
    common.add_argument("--json", type=Path, metavar="FILE", help=str(T("把结果另存为 JSON", "also write the result as JSON")), **given)
    parser = _Parser(prog="jieneng", parents=[common], description=str(T("公共机构节约能源资源管理", "Energy and resources of public institutions")))
    parser.add_argument("--version", action="version", version=f"jieneng {__version__}", help=str(T("显示版本", "show the version")))
    subs = parser.add_subparsers(dest="verb", metavar=str(T("办什么", "VERB")))
    for verb in verbs:
        # argparse takes a lone % of a help for a format, not that of a description
        sub = subs.add_parser(verb.name, help=str(verb.help).replace("%", "%%"), description=str(verb.help), parents=[common])
        verb.arguments(sub)
        sub.set_defaults(_verb=verb)
    return parser


def _speak(argv: Sequence[str]) -> None:
    """The language must be known before the parser is made, for its help."""
    for n, word in enumerate(argv):
        code = argv[n + 1] if word == "--lang" and n + 1 < len(argv) else word.partition("--lang=")[2]
        if code in LANGUAGES:
            set_language(code)


def _fault(home: Path, argv: Sequence[str]) -> tuple[str, Path | None]:
    """Keep the inside of a fault in a log of the workspace, or of the machine where there is none; people get its number."""
    number = uuid.uuid4().hex[:8]
    text = f"--- {number} {dt.datetime.now().astimezone().isoformat(timespec='seconds')} jieneng {__version__} {' '.join(argv[:1])}\n{traceback.format_exc()}\n"
    for log in (*((home / "logs" / "faults.log",) if (home / "workspace.json").exists() else ()), Path(tempfile.gettempdir()) / "jieneng-faults.log"):
        with suppress(OSError):
            log.parent.mkdir(exist_ok=True)
            with open(log, "a", encoding="utf-8") as out:
                out.write(text)
            return number, log
    return number, None


def _run(verb: Verb, args: argparse.Namespace, out: Out) -> dict[str, Any] | None:
    """Open the workspace as the verb needs it, and run it."""
    from jieneng.desk.ops import workspace
    from jieneng.desk.ops.restore import finish

    if not verb.django:
        return verb.run(args, out)
    finish(args.home)  # a restore that was killed between its two renames is completed first
    workspace.require_whole(args.home, sqlite=not os.environ.get("JIENENG_DATABASE_URL"))
    if workspace.give_back_reserve(args.home):  # with nothing left a WAL database cannot even be read
        print(T("磁盘快满了：备用空间已放出，请马上腾出空间", "the disk is all but full: the reserve was given back, make room now"), file=sys.stderr)
    with ExitStack() as held:
        held.enter_context(workspace.using(args.home, alone=verb.alone))
        import django

        django.setup()
        if not verb.any_version:
            from jieneng.desk.ops.versions import require_in_step

            require_in_step(args.home)
        return verb.run(args, out)


def _keep(path: Path | None, data: dict[str, Any]) -> None:
    """The result for machines, whole or not at all."""
    if path is not None:
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(data, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")
        os.replace(temporary, path)


def _attempt(args: argparse.Namespace, argv: Sequence[str]) -> int:
    """Run the verb; turn everything that can go wrong into words and a status."""
    from jieneng.desk.commands import Out
    from jieneng.desk.ops.explain import explain

    try:
        if args.json is not None and not args.json.parent.is_dir():
            raise refuse("cli.json", T("没有文件夹 {f}", "there is no folder {f}", f=str(args.json.parent)))
        result = dict(_run(args._verb, args, Out()) or {})
        code = int(result.pop("exit", 0))
        _keep(args.json, {"ok": code == 0, **result})
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print(T("已中断：没有办完的一步没有留下改动", "interrupted: the step under way left no change"), file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read our lines has gone (… | head)
        return 1
    except Exception as error:
        refusal = error if isinstance(error, Refused) else explain(error, args.home)
        if refusal is None:
            number, log = _fault(args.home, argv)
            print(T("程序出错，编号 {n}：{e}", "a fault of ours, number {n}: {e}", n=number, e=type(error).__name__) if log is None
                  else T("程序出错，编号 {n}，详情在 {f}", "a fault of ours, number {n}; details in {f}", n=number, f=str(log)), file=sys.stderr)
            with suppress(OSError):
                _keep(args.json, {"ok": False, "fault": number})
            return 2
        for problem in refusal.problems:
            print(problem, file=sys.stderr)
        with suppress(OSError):
            _keep(args.json, {"ok": False, "problems": [p.as_json() for p in refusal.problems]})
        return 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    gc.set_threshold(50_000, 20, 50)  # an import makes millions of small objects and hardly a cycle: looking for one each 700 costs a tenth of it
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # an old console without Chinese shows question marks, not a fault
    _speak(argv)
    parser = _parser(_verbs())
    args = parser.parse_args(argv)
    if not args.verb:
        parser.print_help()
        return 1
    args.home = Path(getattr(args, "home", None) or os.environ.get("JIENENG_HOME") or "jieneng-home").resolve()
    args.json = getattr(args, "json", None)
    os.environ["JIENENG_HOME"] = str(args.home)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jieneng.desk.settings")
    return _attempt(args, argv)


if __name__ == "__main__":
    raise SystemExit(main())
