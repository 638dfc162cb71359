"""The command: help for every verb in both languages, refusals in words, faults with a number, results for machines."""

from __future__ import annotations

import argparse
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import jieneng.__main__ as command
from jieneng import __version__
from jieneng.core.problem import refuse
from jieneng.core.words import T, set_language
from jieneng.desk.commands import Out, Verb, no_arguments
from jieneng.desk.ops import workspace as room
from tests.desk.conftest import CHECKOUT, Workspace

NAMES = ["init", "serve", "work", "doctor", "verify", "backup", "restore", "upgrade", "rulebook", "user", "open", "import", "review", "accept", "freeze",
         "figures", "tables", "report", "trace", "example", "round", "remind", "status"]


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Commands set language and environment for their process; put both back."""
    monkeypatch.setenv("JIENENG_HOME", os.environ.get("JIENENG_HOME", ""))
    monkeypatch.setattr(argparse, "_", argparse._)  # type: ignore[attr-defined]
    yield
    set_language("zh")


def test_every_verb_of_the_decisions_is_there() -> None:
    assert [n for n in NAMES if n not in {v.name for v in command._verbs()}] == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_verb_has_help_in_both_languages(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in command._verbs():
        with pytest.raises(SystemExit) as end:
            command.main([verb.name, "--help", "--lang", language])
        said = capsys.readouterr().out
        assert end.value.code == 0 and verb.help.say(language) in said
        assert ("用法" in said) == (language == "zh")
        if language == "en":
            assert not [c for c in said if "一" <= c <= "鿿"], f"{verb.name}: Chinese in the English help"
        set_language("zh")


@pytest.mark.parametrize("words, said", [
    ([], "办什么"), (["fly"], "fly"), (["restore"], "还缺"), (["doctor", "--wings"], "不认识"), (["serve", "--port", "x"], "--port"), (["open"], "--year")])
def test_wrong_words_are_refused_in_words(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = command.main(words)
    except SystemExit as end:
        code = int(str(end.code))
    heard = capsys.readouterr()
    assert code == 1 and said in heard.out + heard.err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.main(["--version"])
    assert end.value.code == 0 and __version__ in capsys.readouterr().out


def verb(run: Any) -> Verb:
    return Verb("try", T("试", "try"), no_arguments, run, django=False)


def attempt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Any, *words: str) -> int:
    """Run one verb of the test's own."""
    monkeypatch.setattr(command, "_verbs", lambda: [verb(run)])
    return command.main(["--home", str(tmp_path / "h"), "try", *words])


def test_done_and_its_result_for_machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert attempt(monkeypatch, tmp_path, lambda args, out: {"n": 3}, "--json", str(tmp_path / "r.json")) == 0
    assert json.loads((tmp_path / "r.json").read_text()) == {"ok": True, "n": 3}


def test_a_refusal_is_words_and_status_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(args: argparse.Namespace, out: Out) -> None:
        raise refuse("x.y", T("不行", "no"), do=T("换一个", "another"))

    assert attempt(monkeypatch, tmp_path, run, "--json", str(tmp_path / "r.json")) == 1
    heard = capsys.readouterr()
    assert "不行" in heard.err and "换一个" in heard.err and "Traceback" not in heard.err and heard.out == ""
    data = json.loads((tmp_path / "r.json").read_text())
    assert data["ok"] is False and data["problems"][0]["found"] == {"zh": "不行", "en": "no"}


def test_a_fault_of_ours_is_a_number_and_status_2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(args: argparse.Namespace, out: Out) -> None:
        raise ZeroDivisionError("secret inside")

    room.prepare(tmp_path / "h")
    room.describe(tmp_path / "h", "cn", "1")
    assert attempt(monkeypatch, tmp_path, run, "--json", str(tmp_path / "r.json")) == 2
    said, number = capsys.readouterr().err, json.loads((tmp_path / "r.json").read_text())["fault"]
    assert number in said and "secret" not in said and len(said.strip().splitlines()) == 1
    log = (tmp_path / "h" / "logs" / "faults.log").read_text()
    assert number in log and "ZeroDivisionError: secret inside" in log


def test_a_fault_without_a_workspace_is_kept_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(args: argparse.Namespace, out: Out) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(command.tempfile, "gettempdir", lambda: str(tmp_path))
    assert attempt(monkeypatch, tmp_path, run) == 2
    assert "Traceback" in (tmp_path / "jieneng-faults.log").read_text() and not (tmp_path / "h").exists()
    assert "Traceback" not in capsys.readouterr().err


def test_interrupted_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(args: argparse.Namespace, out: Out) -> None:
        raise KeyboardInterrupt

    assert attempt(monkeypatch, tmp_path, run) == 130 and "中断" in capsys.readouterr().err


def test_the_language_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(args: argparse.Namespace, out: Out) -> None:
        out.say(T("好", "good"))

    for words, said in ((["--lang", "en"], "good"), (["--lang=en"], "good"), (["--lang", "zh"], "好")):
        assert attempt(monkeypatch, tmp_path, run, *words) == 0
        assert capsys.readouterr().out.strip() == said


def test_a_result_that_cannot_be_kept_is_said_before_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    worked: list[int] = []
    assert attempt(monkeypatch, tmp_path, lambda args, out: worked.append(1), "--json", str(tmp_path / "no" / "r.json")) == 1
    assert worked == []


def test_progress_is_lines_at_most_every_five_seconds_without_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("jieneng.desk.commands.time.monotonic", lambda: now[0])
    with Out().progress("导入") as report:
        for n in range(100):
            now[0] += 0.2
            report(n, 100, T("行", "rows"))
    lines = capsys.readouterr().err.strip().splitlines()
    assert 2 <= len(lines) <= 5 and all("/ 100" in line and "\r" not in line for line in lines)


# --- with a real workspace, as people run it ---------------------------------------------------------------------------


def test_init_makes_a_workspace_only_its_owner_can_read(tmp_path: Path) -> None:
    w = Workspace(tmp_path / "new")
    ran = w.done("init", "--book", "cn")
    assert ran.json["book"] == "cn" and ran.json["office"] == "341800"
    if os.name != "nt":
        assert stat.S_IMODE(w.path.stat().st_mode) == 0o700 and stat.S_IMODE((w.path / "secret.key").stat().st_mode) == 0o600
    assert (w.path / "reserve").stat().st_size == 64 << 20
    offices = dict(w.sql("SELECT code, kind FROM people_office"))
    assert offices["341800"] == "city" and len(offices) == 10 and sorted(offices.values()).count("county") == 7
    assert w.sql("SELECT username, substr(password, 1, 1) FROM people_user") == [("console", "!")], "nobody can sign in yet"
    assert w.sql("SELECT seq, verb FROM records_event") == [(1, "workspace.init")]
    assert w.run("verify", "--deep").failed == set()


def test_init_again_or_over_other_files_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    before = workspace.tree()
    assert workspace.run("init").code == 1 and workspace.tree() == before
    other = Workspace(tmp_path / "other")
    other.path.mkdir()
    (other.path / "thesis.doc").write_text("mine")
    ran = other.run("init")
    assert ran.code == 1 and "thesis.doc" in ran.err and [p.name for p in other.path.iterdir()] == ["thesis.doc"]


def test_init_with_an_unknown_book_makes_nothing(tmp_path: Path) -> None:
    w = Workspace(tmp_path / "new")
    ran = w.run("init", "--book", "atlantis")
    assert ran.code == 1 and "atlantis" in ran.err and not w.path.exists()


def test_init_of_the_other_book(tmp_path: Path) -> None:
    w = Workspace(tmp_path / "new")
    w.done("init", "--book", "open-benchmarking")
    assert w.run("verify").failed == set()


def test_no_workspace_is_said_with_what_to_do(tmp_path: Path) -> None:
    w = Workspace(tmp_path / "nothing")
    for name in ("verify", "figures"):
        ran = w.run(name, *(["--period", "2022"] if name == "figures" else []))
        assert ran.code == 1 and "init" in ran.err and not w.path.exists()


def test_a_lost_database_is_not_made_anew(workspace: Workspace, backed_up: Path) -> None:
    """SQLite would make an empty one; then every figure would be gone without a word."""
    made = workspace.done("backup")
    (workspace.path / "records.sqlite3").unlink()
    ran = workspace.run("verify")
    assert ran.code == 1 and Path(made.json["file"]).name in ran.err
    assert not (workspace.path / "records.sqlite3").exists()


@pytest.mark.parametrize("statement, word", [
    ("INSERT INTO django_migrations (app, name, applied) VALUES ('returns', '9999_x', '2030-01-01')", "新版"),
    ("DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'axes')", "upgrade")])
def test_another_version_s_data_is_not_touched(workspace: Workspace, statement: str, word: str) -> None:
    """M3: both versions are named."""
    workspace.sql(statement)
    workspace.path.joinpath("workspace.json").write_text(json.dumps({**json.loads(workspace.path.joinpath("workspace.json").read_text()), "version": "7.7.7"}))
    before = workspace.tree()
    for words in (("figures", "--period", "2022"), ("serve", "--port", "1"), ("freeze", "--period", "2022")):
        ran = workspace.run(*words)
        assert ran.code == 1 and "7.7.7" in ran.err and __version__ in ran.err and word in ran.err
    assert workspace.tree() == before
    if word == "新版":
        assert workspace.run("upgrade").code == 1 and workspace.tree() == before


def test_upgrade_backs_up_first_and_brings_it_in_step(workspace: Workspace) -> None:
    workspace.sql("DROP TABLE reports_documentversion", "DROP TABLE reports_document", "DELETE FROM django_migrations WHERE app = 'reports'")
    ran = workspace.done("upgrade")
    assert ran.json["steps"] and Path(ran.json["backup"]).exists()
    assert workspace.run("verify").failed == set()
    assert json.loads((workspace.path / "workspace.json").read_text())["version"] == __version__


def test_upgrade_without_room_begins_nothing(workspace: Workspace) -> None:
    before = workspace.tree()
    ran = workspace.run("upgrade", env={"JIENENG_FLOOR_MB": "99999999"})
    assert ran.code == 1 and "MB" in ran.err and workspace.tree() == before


def test_the_rulebook_needs_neither_django_nor_a_workspace(tmp_path: Path) -> None:
    script = ("import sys; from jieneng.__main__ import main; code = main(sys.argv[1:]); "
              "assert 'django' not in sys.modules and 'duckdb' not in sys.modules; sys.exit(code)")
    for words in (["check"], ["show", "consumption@2022"], ["diff", "consumption@2019", "consumption@2022"], ["gaps"]):
        done = subprocess.run([sys.executable, "-c", script, "rulebook", *words], cwd=tmp_path, env=Workspace(tmp_path).environment(), capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.strip(), done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "home"], "nothing is made where it is run"


def test_a_broken_rulebook_is_named_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "bad.yaml").write_text("factor: {{\n")
    ran = Workspace(tmp_path / "w").run("rulebook", "check", "--extra", tmp_path / "extra")
    assert ran.code == 1 and "bad.yaml:" in ran.err


def test_who_reads_us_may_leave(workspace: Workspace) -> None:
    """``jieneng review | head -1`` is no fault."""
    words = " ".join(f"'{w}'" for w in workspace.command("rulebook", "show", "consumption@2022"))
    done = subprocess.run(["bash", "-c", f"{words} | head -1"], env=workspace.environment(), cwd=CHECKOUT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "编号" not in done.stderr and done.stdout


def test_an_old_console_shows_question_marks_not_a_fault(tmp_path: Path) -> None:
    env = {**Workspace(tmp_path).environment(), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-m", "jieneng", "--help"], env=env, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0 and b"?" in done.stdout


def test_accounts_from_the_console(workspace: Workspace) -> None:
    made = workspace.done("user", "add", "xinren", "--name", "新人", "--role", "county", "--office", "341824")
    password = made.json["password"]
    assert len(password) == 19 and made.out.count(password) == 1
    assert workspace.sql("SELECT must_change_password FROM people_user WHERE username = 'xinren'") == [(1,)]
    assert not [r for r in workspace.sql("SELECT data FROM records_event") if password in r[0]], "never in the log"
    listed = workspace.done("user", "list")
    assert "console" not in listed.out and {"username": "xinren", "name": "新人", "active": True, "roles": ["county@341824"]} in listed.json["users"]
    again = workspace.done("user", "password", "xinren").json["password"]
    assert again != password
    workspace.done("user", "dismiss", "xinren", "--role", "county")
    workspace.done("user", "disable", "xinren")
    row = next(u for u in workspace.done("user", "list").json["users"] if u["username"] == "xinren")
    assert row["active"] is False and row["roles"] == []
    assert workspace.run("verify").failed == set()


@pytest.mark.parametrize("words, said", [
    (("add",), "用户名"), (("add", "zhoumin", "--name", "周敏"), "已经有了"), (("add", "x"), "姓名"), (("add", "a b", "--name", "甲"), "空格"),
    (("add", "x", "--name", "甲", "--role", "county", "--office", "999"), "999"), (("add", "x", "--name", "甲", "--role", "king", "--office", "341800"), "king"),
    (("add", "x", "--name", "甲", "--role", "county"), "范围"), (("add", "x", "--name", "甲", "--role", "reporter", "--institution", "no"), "名录库"),
    (("disable", "nobody"), "nobody"), (("appoint", "zhaoxi", "--role", "security_admin", "--office", "341800"), "同一个人"),
    (("password", "console"), "console"), (("dismiss", "zhoumin", "--role", "county"), "没有这个角色")])
def test_refused_accounts_leave_nothing(workspace: Workspace, words: tuple[str, ...], said: str) -> None:
    before = workspace.sql("SELECT username, is_active FROM people_user"), workspace.sql("SELECT * FROM people_appointment"), workspace.sql("SELECT seq FROM records_chainhead")
    ran = workspace.run("user", *words)
    assert ran.code == 1 and said in ran.err, ran.err
    assert before == (workspace.sql("SELECT username, is_active FROM people_user"), workspace.sql("SELECT * FROM people_appointment"), workspace.sql("SELECT seq FROM records_chainhead"))


# --- what every verb owes ----------------------------------------------------------------------------------------------


def test_every_verb_and_every_account_verb_is_in_the_page() -> None:
    page = (CHECKOUT / "docs" / "how-to" / "commands.md").read_text(encoding="utf-8")
    chinese, english = page.split("## English")
    for v in command._verbs():
        assert f"`jieneng {v.name}" in chinese, v.name
        assert f"`{v.name}" in english, v.name
    for word in ("list", "add", "appoint", "dismiss", "disable", "password", "check", "show", "diff", "gaps", "build", "load", "accounts"):
        assert f"`{word}" in page or f" {word}`" in page or f" {word} " in page, word


def test_every_argument_is_explained() -> None:
    for v in command._verbs():
        parser = argparse.ArgumentParser(add_help=False)
        v.arguments(parser)
        assert [a.dest for a in parser._actions if not a.help and not a.choices] == [], v.name


@pytest.mark.parametrize("words", [("verify",), ("figures", "--period", "2022"), ("backup",), ("upgrade",), ("user", "list"), ("trace", "people", "--period", "2022")])
def test_without_a_workspace_the_answer_for_machines_is_written_too(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = Workspace(tmp_path / "nothing").run(*words)
    assert ran.code == 1 and ran.json["ok"] is False and ran.json["problems"][0]["code"] == "workspace.none"


@pytest.mark.parametrize("language, proved", [("zh", "已核对"), ("en", "proved")])
def test_a_trace_ends_in_file_and_cell_and_a_proof(workspace: Workspace, language: str, proved: str) -> None:
    ran = workspace.done("trace", "electricity_kwh", "--period", "2022", "--region", "341824", "--lang", language)
    *_, cell, last = ran.out.strip().splitlines()
    assert "2022.csv D" in cell and last.startswith(proved)
    assert ran.json["proved"] is True and ran.json["cells"][0] == {
        "institution": "12341824MB0000043E", "period": "2022-01", "value": "4001.0000", "file": "2022.csv", "sheet": "", "cell": ran.json["cells"][0]["cell"]}
    assert sum(4000 + m for m in range(1, 13)) + 5 == int(ran.json["figure"]["exact"])


@pytest.mark.parametrize("words, said", [
    (("trace",), "--period"), (("trace", "happiness", "--period", "2022"), "happiness"), (("trace", "electricity_kwh", "--period", "soon"), "soon"),
    (("trace", "electricity_kwh", "--period", "2022", "--region", "999999"), "2022"), (("figures", "--period", "2022", "--indicator", "happiness"), "happiness"),
    (("figures", "--period", "2022", "--as", "nobody"), "nobody"), (("import", "no.csv", "--layout", "no.yaml"), "no.yaml"), (("open", "--year", "1890"), "1890"),
    (("open", "--year", "2022", "--form", "poems"), "poems"), (("review", "--period", "x"), "x"), (("freeze", "--period", "2019"), "2019"),
    (("freeze", "--period", "2022", "--as", "wangli"), ""), (("report", "poem", "--year", "2022", "--out", "x.docx"), "poem"),
    (("trace", "--doc", "no.docx", "--number", "1"), "no.docx"), (("report", "annual-summary", "--year", "2022", "--out", "no/x.docx"), "no"),
    (("tables", "--period", "2022", "--out", "w/reserve"), "reserve"), (("import", "w/records.sqlite3", "--layout", "w/records.sqlite3"), "UTF-8"), (("tables", "--period", "2022-13", "--out", "t"), "2022-13"), (("restore", "no.zip"), "no.zip"), (("rulebook", "show", "poems@2022"), "poems"),
    (("rulebook", "show"), "show"), (("rulebook", "diff", "consumption@2019"), "diff"), (("trace", "electricity_kwh", "--period", "2022", "--snapshot", "none"), "")])
def test_what_cannot_be_done_is_said_in_words(workspace: Workspace, words: tuple[str, ...], said: str) -> None:
    before = workspace.sql("SELECT seq FROM records_chainhead")
    ran = workspace.run(*words, cwd=workspace.path.parent)
    assert ran.code == 1 and said in ran.err and ran.err.strip(), ran.out + ran.err
    assert ran.json["ok"] is False and ran.json["problems"], "and for machines"
    assert workspace.sql("SELECT seq FROM records_chainhead") == before
