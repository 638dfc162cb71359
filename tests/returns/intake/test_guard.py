"""What is refused before anything is opened, and in which words (U1, U2, U7)."""

from __future__ import annotations

import io
import random
import resource
import time
import zipfile
from pathlib import Path

import pytest

from jieneng.core.problem import Refused
from jieneng.core.words import speaking
from jieneng.returns.intake.guard import Limits, column_letters, column_number, extension, look, look_inside, shown_name
from jieneng.returns.intake.opening import open_table

from . import corpus

BOMBS = {
    "spaces": "archive-size", "huge part": "archive-size", "all parts": "archive-size", "members": "archive-members",
    "nested": "archive-nested", "nested name": "archive-nested", "far cell": "table-size", "wide row": "table-size",
    "many rows": "table-size", "lying count": "child-died", "lying size": "file-damaged", 
    "entities": "xml-dtd", "utf-16 part": "xml-encoding", "macro": "file-macros", "macro type": "file-macros",
    "path": "archive-path", "absolute": "archive-path", "link": "archive-link", "double": "archive-double",
    "external": "xml-external",
}
DISGUISES = {
    "empty": ("file-empty", "空"), "html": ("file-disguised", "网页"), "html bom": ("file-disguised", "网页"),
    "xml": ("file-disguised", "XML"), "csv": ("file-disguised", "CSV"), "password": ("file-password", "密码"),
    "old macros": ("file-macros", "宏"), "word": ("file-disguised", "Word"), "docx": ("file-disguised", "Word"),
    "zip": ("file-disguised", "压缩包"), "png": ("file-disguised", "PNG"), "jpeg": ("file-disguised", "JPEG"),
    "pdf": ("file-kind", "PDF"), "binary": ("file-disguised", "二进制"), "cut": ("file-damaged", "损坏"),
}


def opened(path: Path, name: str = "", limits: Limits | None = None) -> list[tuple[str, int]]:
    """Sheets of a file with their numbers of rows."""
    with open_table(path, name=name, limits=limits) as table:
        return [(s.name, sum(1 for _ in s.rows)) for s in table.sheets]


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    return corpus.bombs()


def test_the_list_of_bombs_is_complete(bombs: dict[str, bytes]) -> None:
    assert set(bombs) == {*BOMBS, "deep xml"}


def test_xml_nested_200_000_deep_harms_nobody(bombs: dict[str, bytes], tmp_path: Path) -> None:
    """It holds no cell; read_file refuses it as an empty table (test_reader)."""
    (tmp_path / "a.xlsx").write_bytes(bombs["deep xml"])
    assert opened(tmp_path / "a.xlsx") == [("表1", 0)]


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_refused_in_words_within_ten_seconds(kind: str, bombs: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(bombs[kind])
    assert path.stat().st_size < 4 << 20, "the corpus itself stays small"
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(Refused) as refused:
        opened(path)
    assert time.monotonic() - start < 10
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 50 * 1024, "the server's own memory"
    problem = refused.value.problems[0]
    assert problem.code == BOMBS[kind], str(problem)
    assert problem.do is not None and problem.where.file == "a.xlsx"
    with speaking("en"):
        assert str(problem).isascii() or "“" in str(problem)


@pytest.mark.parametrize("kind", DISGUISES)
def test_disguises_are_named_for_what_they_are(kind: str, tmp_path: Path) -> None:
    name, data = corpus.disguises()[kind]
    path = tmp_path / "received"
    path.write_bytes(data)
    with pytest.raises(Refused) as refused:
        opened(path, name)
    problem = refused.value.problems[0]
    code, word = DISGUISES[kind]
    assert problem.code == code and word in str(problem), str(problem)
    assert problem.do is not None and problem.where.file == name


def test_an_ordinary_workbook_with_a_web_link_is_read(tmp_path: Path) -> None:
    made = corpus.parts({"表1": corpus.sheet_xml([["名称"], ["甲"]])})
    made["xl/worksheets/_rels/sheet1.xml.rels"] = (
        f'<Relationships xmlns="{corpus.PACKAGE}/relationships"><Relationship Id="a" Type="{corpus.OFFICE}/hyperlink" '
        'Target="http://example.org/" TargetMode="External"/></Relationships>').encode()
    (tmp_path / "a.xlsx").write_bytes(corpus.pack(made))
    assert opened(tmp_path / "a.xlsx") == [("表1", 2)]


def test_a_wrong_extension_over_the_right_content_is_read_and_said(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(corpus.workbook([["名称"], ["甲"]]))
    seen = look(tmp_path / "f", "平台导出.xls")
    assert seen.kind == "xlsx" and "xlsx" in str(seen.surprise)
    assert look(tmp_path / "f", "平台导出.xlsx").surprise is None
    assert look(tmp_path / "f", "最终版(2).et").surprise is None


def test_the_size_limit_is_looked_at_first(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" * 1000)
    with pytest.raises(Refused) as refused:
        look(path, limits=Limits(file=1000))
    assert refused.value.problems[0].code == "file-too-large"
    with pytest.raises(Refused, match="打不开"):
        look(tmp_path / "no.csv")


def test_limits_of_rows_and_columns_of_text_files(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text("a\n" * 300)
    (tmp_path / "wide.csv").write_text(",".join(["a"] * 30) + "\n")
    (tmp_path / "cell.csv").write_text("a," + "b" * 5000 + "\n")
    limits = Limits(rows=200, columns=20, cell_text=1000)
    for name, code in (("long.csv", "table-size"), ("wide.csv", "table-size"), ("cell.csv", "text-broken")):
        with pytest.raises(Refused) as refused:
            opened(tmp_path / name, limits=limits)
        assert refused.value.problems[0].code == code


def test_the_used_rectangle_counts_what_holds_something(tmp_path: Path) -> None:
    """Formatted empty cells down to the last row are no data; two far corners are."""
    empty = [[1, 2]] + [[None, None]] * 3000
    (tmp_path / "a.xlsx").write_bytes(corpus.workbook(empty))
    assert opened(tmp_path / "a.xlsx", limits=Limits(rows=100)) == [("表1", 1)]
    corners: list[list[object]] = [[1]] + [[]] * 80 + [[None] * 90 + [1]]
    (tmp_path / "b.xlsx").write_bytes(corpus.workbook(corners))
    with pytest.raises(Refused) as refused:
        opened(tmp_path / "b.xlsx", limits=Limits(cells=5000))
    assert refused.value.problems[0].code == "table-size"


def test_a_workbook_cut_or_bent_at_any_byte_is_read_or_refused() -> None:
    """U2, on the directory check alone: no exception but Refused."""
    data = corpus.workbook([["名称", "数"], ["甲", 1.5]])
    chance = random.Random(20220301)
    limits = Limits()
    cases = [data[:n] for n in range(0, len(data), 13)]
    for _ in range(400):
        bent = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            bent[chance.randrange(len(bent))] ^= 1 << chance.randrange(8)
        cases.append(bytes(bent))
    refused = 0
    for case in cases:
        try:
            look_inside(io.BytesIO(case), limits)
        except Refused:
            refused += 1
    assert refused > len(data) // 13


def test_unpacking_counts_what_comes_out_not_what_is_claimed(bombs: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(bombs["lying size"])) as archive:
        assert archive.getinfo("xl/worksheets/sheet1.xml").file_size == 100
        assert len(archive.read("xl/worksheets/sheet1.xml")) == 100, "a careless reader is content with the claim"
    with pytest.raises(Refused):
        look_inside(io.BytesIO(bombs["lying size"]), Limits())


@pytest.mark.parametrize(("name", "good"), [
    ("../../etc/passwd.csv", "passwd.csv"), ("C:\\a\\b.xlsx", "b.xlsx"), ("a\r\nb\x00.csv", "ab.csv"), ("报\u202exslx.表", "报xslx.表"),
    ("/", ""), ("x" * 5000 + ".csv", "x" * 80 + "…" + "x" * 35 + ".csv")])
def test_names_of_files_are_only_shown(name: str, good: str) -> None:
    assert shown_name(name) == good


def test_extensions_and_columns() -> None:
    assert (extension("最终版(2).XLSX"), extension("无"), extension("a.b/c")) == ("xlsx", "", "")
    assert [column_letters(n) for n in (1, 26, 27, 702, 703, 16384)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
    assert all(column_number(column_letters(n)) == n for n in range(1, 20000))
