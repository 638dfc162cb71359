"""The limited child: what it reads, what it may not do, and what its death looks like."""

from __future__ import annotations

import datetime as dt
import io
import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from jieneng.core.problem import Refused
from jieneng.returns.intake import child, opening
from jieneng.returns.intake.grid import Row
from jieneng.returns.intake.guard import Limits

from . import corpus


def rows_of(path: Path, **kw: object) -> dict[str, list[Row]]:
    with opening.open_table(path, **kw) as table:  # type: ignore[arg-type]
        return {s.name: list(s.rows) for s in table.sheets}


def cells_of(data: bytes, tmp_path: Path, name: str = "a.xlsx") -> list[list[str]]:
    (tmp_path / name).write_bytes(data)
    return [r.cells for r in next(iter(rows_of(tmp_path / name).values()))]


def in_child(code: str, **limits: int) -> str:
    """Run Python lines in a process that has put the limits on; gives what it printed."""
    text = "import sys\nfrom jieneng.returns.intake import child, guard\n" \
           f"child.limit(guard.Limits(**{limits!r}))\n" + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    return done.stdout + ("" if done.returncode == 0 else f"status {done.returncode}")


def test_types_of_cells(tmp_path: Path) -> None:
    data = corpus.workbook([
        ["文字", 1, 1.1, 0.1, 1e-7, 1e21, -0.0, 12345678901234, True, {"v": 44621, "s": 1}, {"v": 44621.5, "s": 1}, None, " 空 "],
        [{"t": "e", "v": "#DIV/0!"}, {"f": "1+1", "v": 2}, {"f": "1+1"}, {"f": 'A1&""', "t": "str", "v": ""}, "a\nb", "𠮷䶮"],
    ])
    first, second = cells_of(data, tmp_path)
    assert first == ["t文字", "n1", "n1.1", "n0.1", "n1e-07", "n1e+21", "n0", "n12345678901234", "b1", "d2022-03-01",
                     "d2022-03-01T12:00:00", "", "t 空 "]
    assert second == ["e#DIV/0!", "n2", "f", "", "ta\nb", "t𠮷䶮"]


def test_error_and_formula_cells_alone_in_a_row_are_seen(tmp_path: Path) -> None:
    assert cells_of(corpus.workbook([["a"], [None, {"t": "e", "v": "#N/A"}]]), tmp_path) == [["ta"], ["", "e#N/A"]]


def test_a_book_that_asks_to_be_recalculated_has_no_zero_results(tmp_path: Path) -> None:
    """xlsxwriter and openpyxl leave 0 or nothing where a formula was never calculated."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write_formula("A1", "=1+1")
    sheet.write_formula("B1", "=1+1", None, 2)
    book.close()
    assert cells_of(out.getvalue(), tmp_path) == [["f", "n2"]]
    other = openpyxl.Workbook()
    assert other.active is not None
    other.active["A1"] = "=1+1"
    other.active["B1"] = 5
    other.save(tmp_path / "o.xlsx")
    assert [r.cells for r in rows_of(tmp_path / "o.xlsx")["Sheet"]] == [["f", "n5"]]
    kept = corpus.workbook([[{"f": "0*1", "v": 0}]])
    assert cells_of(kept, tmp_path) == [["n0"]], "a calculated zero is a zero"


def test_dates_counted_from_1904(tmp_path: Path) -> None:
    data = corpus.workbook([[{"v": 43159, "s": 1}, 43159]], date1904=True)
    (tmp_path / "a.xlsx").write_bytes(data)
    with opening.open_table(tmp_path / "a.xlsx") as table:
        sheet = next(iter(table.sheets))
        assert sheet.date1904 and next(iter(sheet.rows)).cells == ["d2022-03-01", "n43159"]


def test_what_is_hidden_or_merged_is_told(tmp_path: Path) -> None:
    shown = corpus.sheet_xml([["a", "b"], ["c"], ["d"]], hidden=[2], merge=["A1:B1"],
                             columns='<cols><col min="2" max="3" hidden="1" width="9"/></cols>')
    (tmp_path / "a.xlsx").write_bytes(corpus.pack(corpus.parts({"明": shown, "暗": corpus.sheet_xml([["x"]])}, hidden=["暗"])))
    with opening.open_table(tmp_path / "a.xlsx") as table:
        seen = [(s.name, s.hidden, s.hidden_rows, s.hidden_columns, s.merged) for s in table.sheets]
    assert seen == [("明", False, frozenset({2}), frozenset({2, 3}), [(1, 1, 1, 2)]), ("暗", True, frozenset(), frozenset(), [])]


def test_only_the_sheets_asked_for_are_read(tmp_path: Path) -> None:
    data = corpus.pack(corpus.parts({n: corpus.sheet_xml([[n]]) for n in ("甲", "乙", "丙")}))
    (tmp_path / "a.xlsx").write_bytes(data)
    assert list(rows_of(tmp_path / "a.xlsx", sheets=["乙"])) == ["乙"]


@pytest.mark.parametrize(("data", "encoding"), [
    ("名称,数\n示例,1\n".encode(), "utf-8"), ("名称,数\n示例,1\n".encode("utf-8-sig"), "utf-8"),
    ("名称,数\n示例,1\n".encode("utf-16"), "utf-16"), ("名称,数\n示例,1\n".encode("gbk"), "gb18030"),
    ("名称,数\r\n示例,1\r\n".encode("gb18030"), "gb18030"), ("名称;数\r示例;1\r".encode(), "utf-8"),
    ("sep=\t\r\n名称\t数\r\n示例\t1\r\n".encode("utf-16"), "utf-16"), ("名称|数\n示例|1".encode(), "utf-8")])
def test_text_files_of_every_encoding_and_delimiter(data: bytes, encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with opening.open_table(tmp_path / "a.csv") as table:
        rows = [r.cells for r in next(iter(table.sheets)).rows]
    assert rows == [["t名称", "t数"], ["t示例", "t1"]] and table.encoding == encoding


def test_rows_and_lines_of_a_text_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes('sep=,\r\n名称,址\n"甲","一\n二"\n\n乙,三\r'.encode())
    rows = rows_of(tmp_path / "a.csv")[""]
    assert [(r.number, r.line, r.cells) for r in rows] == [
        (1, 2, ["t名称", "t址"]), (2, 3, ["t甲", "t一\n二"]), (4, 6, ["t乙", "t三"])]


@pytest.mark.parametrize(("data", "code"), [
    (b'a,b\n"x"y,1\n', "text-broken"), (b'a,b\n"x,1\n', "text-broken"), (b"a,b\n\x81\xff,1\n", "text-encoding"),
    ("a,b\n\0,1\n".encode("utf-16"), "text-nul")])
def test_broken_text_is_refused_with_its_line(data: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(Refused) as refused:
        rows_of(tmp_path / "a.csv")
    assert refused.value.problems[0].code == code


def test_an_old_workbook_is_read(tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not here to make an .xls")
    (tmp_path / "a.xlsx").write_bytes(corpus.workbook([["名称", "数"], ["示例", 1.5]]))
    subprocess.run([office, "--headless", "--convert-to", "xls", "--outdir", str(tmp_path), str(tmp_path / "a.xlsx"),
                    f"-env:UserInstallation=file://{tmp_path}/profile"], capture_output=True, timeout=120, check=True)
    for name in ("a.xls", "最终版(2).et"):
        with opening.open_table(tmp_path / "a.xls", name=name) as table:
            assert table.kind == "xls"
            assert [r.cells for r in next(iter(table.sheets)).rows] == [["t名称", "t数"], ["t示例", "n1.5"]]


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [
    "import socket; socket.socket()", "open('/tmp/jieneng-no', 'w')", "import os; os.remove('/tmp/jieneng-no')",
    "import subprocess; subprocess.run(['true'])", "import os; os.fork()", "import os; os.open('/tmp/jieneng-no', os.O_CREAT)"])
def test_no_network_no_writing_no_programs(code: str) -> None:
    assert in_child(f"try:\n    {code}\nexcept PermissionError: print('refused')") == "refused\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of Linux")
def test_memory_and_time_are_limited() -> None:
    assert in_child("try:\n    bytearray(600 << 20)\nexcept MemoryError: print('none')", memory=400 << 20) == "none\n"
    assert in_child("while True: pass", cpu=1).startswith("status -")


def test_systems_without_limits_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: no resource module, no namespaces; the file is read all the same, and it is said."""
    wrapper = tmp_path / "jieneng_no_limits.py"
    wrapper.write_text("import sys\nsys.modules['resource'] = None\nsys.platform = 'win32'\n"
                       "from jieneng.returns.intake import child\nsys.exit(child.main(sys.argv[1:]))\n")
    real = subprocess.Popen

    def other(command: list[str], **kw: object) -> object:
        at = command.index("-m")
        return real([*command[:at], str(wrapper), command[-1]], **kw)  # type: ignore[call-overload]

    monkeypatch.setattr(opening.subprocess, "Popen", other)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with opening.open_table(tmp_path / "a.csv") as table:
        assert len(list(next(iter(table.sheets)).rows)) == 2
        assert "内存上限" in str(table.notes[0]) and "断网" in str(table.notes[0])


@pytest.mark.parametrize(("code", "said"), [
    ("import os; os.kill(os.getpid(), 6)", "child-died"), ("import time; time.sleep(30)", "child-time"),
    ("sys.exit(3)", "child-died"), ("print('{}', end='')", "child-died"), ("import os; os.kill(os.getpid(), 24)", "child-time")])
def test_a_dead_or_late_child_is_a_refused_file(code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.Popen
    monkeypatch.setattr(opening.subprocess, "Popen", lambda command, **kw: real(
        [sys.executable, "-c", f"import sys\nprint('{{\"missing\": []}}', flush=True)\n{code}"], **kw))
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(Refused) as refused:
        rows_of(tmp_path / "a.csv", limits=Limits(wall=2))
    assert refused.value.problems[0].code == said and refused.value.problems[0].where.file == "a.csv"


def test_too_much_output_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + "x,y\n" * 5000)
    with pytest.raises(Refused) as refused:
        rows_of(tmp_path / "a.csv", limits=Limits(output=20_000))
    assert refused.value.problems[0].code == "child-output"


def test_a_reader_that_stops_early_leaves_no_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen
    monkeypatch.setattr(opening.subprocess, "Popen", lambda *a, **k: started.append(real(*a, **k)) or started[-1])
    (tmp_path / "a.csv").write_text("a,b\n" + "x,y\n" * 100_000)
    with opening.open_table(tmp_path / "a.csv") as table:
        next(iter(next(iter(table.sheets)).rows))
    assert started[0].poll() is not None


def test_progress_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(corpus.workbook([[n] for n in range(12_000)]))
    seen: list[tuple[int, int]] = []
    rows_of(tmp_path / "a.xlsx", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(5000, 12_000), (10_000, 12_000)]


def test_the_server_never_loads_the_workbook_reader_and_the_room_needs_no_django() -> None:
    code = ("import sys\nfrom jieneng.returns.intake import read_file, parse_layout, check_layout, look\n"
            "print([m for m in ('django', 'python_calamine', 'duckdb') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout == "[]\n"


def test_no_secret_of_the_server_goes_to_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIENENG_SECRET_KEY", "s")
    monkeypatch.setenv("PYTHONPATH", "/x")
    given = opening.environment("/r")
    assert "JIENENG_SECRET_KEY" not in given and given["PYTHONPATH"].startswith("/r") and given["PYTHONPATH"].endswith("/x")


def test_numbers_as_their_shortest_decimal() -> None:
    assert [child.number(x) for x in (5.0, 0.1, 1e22, 123456789.123, 2)] == ["5", "0.1", "1e+22", "123456789.123", "2"]
    assert child.encode(dt.time(12)) == "h12:00:00" and child.encode("a\0b") == "u"


def test_the_options_travel_as_one_argument() -> None:
    options = {"kind": "csv", "limits": Limits().as_json()}
    assert Limits.from_json(json.loads(json.dumps(options))["limits"]) == Limits()
