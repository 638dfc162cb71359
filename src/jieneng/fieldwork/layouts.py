"""Which layouts a person may choose from: those shipped with the example and those the office saved in its home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from jieneng.core.problem import Refused
from jieneng.exchange.layouts import folder
from jieneng.returns.intake import Layout, parse_layout
from jieneng.rulebook.types import Book, Ledger, LedgerField

GUIDE = "填写说明"
"""The sheet of our own workbooks that says how to fill them in; it is never read."""


@dataclass(frozen=True)
class Choice:
    """A layout file that can be chosen."""

    code: str
    title: str
    text: str
    layout: Layout


def own(ledger: Ledger, book: str) -> str:
    """The layout of this product's own workbooks of a ledger (empty template and export), so that they can be read back."""
    fields = []
    for f in ledger.fields:
        entry: dict[str, Any] = {"column": head(f), "field": f.code, "optional": "true"}
        if f.type == "choice":
            entry["map"] = {text.zh: code for code, text in f.choices.items()}
        fields.append(entry)
    return yaml.safe_dump({
        "layout": f"own-{ledger.code.replace('_', '-')}", "title": {"zh": f"{ledger.title.zh}：本系统的空表或导出表", "en": f"{ledger.title.en}: our own template or export"},
        "book": book, "reads": f"ledger:{ledger.code}", "file": {"kind": "xlsx"}, "sheets": {"match": f"^(?!{GUIDE}).*"}, "header": {"row": "3"}, "fields": fields}, allow_unicode=True, sort_keys=False)


def head(f: LedgerField) -> str:
    """The head of a column in our own workbooks: always Chinese, so that a file made in either language reads back."""
    return f"{f.label.zh}（{f.unit}）" if f.unit else f.label.zh


def choices(book: Book) -> list[Choice]:
    """The readable layouts for a book: the office's own files, and those of our own ledger workbooks."""
    found = []
    for ledger in book.ledgers.values():
        text = own(ledger, book.code)
        layout = parse_layout(text, f"own-{ledger.code}.yaml")
        found.append(Choice(layout.code, str(layout.title), text, layout))
    for path in sorted(folder().glob("*.yaml")) if folder().is_dir() else []:
        text = path.read_text(encoding="utf-8")
        try:
            layout = parse_layout(text, path.name)
        except Refused:
            continue  # a broken file is told by `jieneng doctor`, and cannot be chosen
        if layout.book == book.code:
            found.append(Choice(layout.code, str(layout.title), text, layout))
    return found
