"""Which layouts a person may choose from: those shipped with the example and those the office saved in its home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from jieneng.core.problem import Refused
from jieneng.returns.intake import Layout, parse_layout


@dataclass(frozen=True)
class Choice:
    """A layout file that can be chosen."""

    code: str
    title: str
    text: str
    layout: Layout


def folder() -> Path:
    """The office's own layouts."""
    return Path(settings.HOME) / "layouts"


def choices(book: str) -> list[Choice]:
    """The readable layouts for a book, by code."""
    found = []
    for path in sorted(folder().glob("*.yaml")) if folder().is_dir() else []:
        text = path.read_text(encoding="utf-8")
        try:
            layout = parse_layout(text, path.name)
        except Refused:
            continue  # a broken file is told by `jieneng doctor`, and cannot be chosen
        if layout.book == book:
            found.append(Choice(layout.code, str(layout.title), text, layout))
    return found
