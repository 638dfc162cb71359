"""``rulebook check`` reads an office's own documents and tables as strictly as the shipped ones, with file and line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jieneng.rulebook import load
from jieneng.rulebook.loading import BOOKS


def check(*names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "jieneng", "--lang", "zh", "rulebook", "check", *names], capture_output=True, text=True, env=dict(os.environ), check=False)


def test_the_shipped_books_are_whole_and_an_own_declaration_is_told_by_file_and_line(tmp_path: Path) -> None:
    assert check().returncode == 0
    own = tmp_path / "ours"
    for kind, name, old, new in (("documents", "annual-summary", "from: members, of: statistics", "from: members, of: moon"),
                                 ("tables", "type-summary", "{name: coal_t, places: 2}", "{name: coal_t, places: 9}")):
        text = (BOOKS / "cn" / kind / f"{name}.yaml").read_text(encoding="utf-8")
        assert old in text
        (own / kind).mkdir(parents=True)
        (own / kind / f"{name}.yaml").write_text(text.replace(old, new), encoding="utf-8")
    lines = [n for n, line in enumerate((own / "documents/annual-summary.yaml").read_text(encoding="utf-8").splitlines(), 1) if "of: moon" in line]
    done = check("cn", "--extra", str(own))
    said = done.stdout + done.stderr
    assert done.returncode != 0 and f"ours/documents/annual-summary.yaml:{lines[0]}" in said and "of 应是" in said, said
    assert "ours/tables/type-summary.yaml:" in said and "places 是 0 到" in said, said


def test_a_part_that_is_not_written_stands_where_its_nearest_part_does() -> None:
    book = load("cn")
    whole, missing = book.place("documents", "annual-summary", "head.issuer"), book.place("documents", "annual-summary", "")
    assert (whole.file, whole.line) == (missing.file, missing.line) and whole.line > 0 and whole.field == "head.issuer"
    assert book.place("documents", "annual-summary", "paragraphs[1]").line == book.place("documents", "annual-summary", "paragraphs[0]").line + 1
