"""A printed value that knows its figure, while the text is still text: START id MIDDLE value END, of private use characters.

They become wide bookmarks when the docx is written; none of the three may be left then, and no value may bring one along.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

START, MIDDLE, END = "\ue000", "\ue001", "\ue002"
PREFIX = "_jn_"
"""Bookmarks of ours begin with it; the leading underscore hides them in Word's list."""
ID = re.compile(r"(?=.{1,30}$)[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*")
"""Leaves room for the prefix and a running number (``__2``) within the 40 characters of a bookmark's name."""
_MARK = re.compile(f"{START}([A-Za-z0-9_]+){MIDDLE}([^{START}{MIDDLE}{END}]*){END}")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
"""What no printed value may hold: control characters, line ends, direction overrides, private use, lone surrogates."""


@dataclass(frozen=True)
class Piece:
    """Part of a text; ``id`` names the figure of a bound value, else it is empty."""

    text: str
    id: str = ""


def unprintable(text: str) -> str:
    """The first character of a value that cannot be printed, as its code point (U+000B), or ""."""
    found = _UNPRINTABLE.search(text)
    return f"U+{ord(found.group()):04X}" if found else ""


def bound(identifier: str, text: str) -> str:
    """A value that knows its figure, to be put into a text. Raises ``ValueError`` for an unfit id or value."""
    if not ID.fullmatch(identifier):
        raise ValueError(f"bookmark {identifier!r}: letters, digits and single _, at most 30")
    if not text or (bad := unprintable(text)):
        raise ValueError(f"bookmark {identifier!r}: nothing to print" if not text else f"bookmark {identifier!r}: {bad}")
    return f"{START}{identifier}{MIDDLE}{text}{END}"


def pieces(text: str) -> list[Piece]:
    """A text as plain and bound pieces, in order. Raises ``ValueError`` if a mark is left over."""
    found: list[Piece] = []
    position = 0
    for m in _MARK.finditer(text):
        if m.start() > position:
            found.append(Piece(text[position:m.start()]))
        found.append(Piece(m.group(2), m.group(1)))
        position = m.end()
    if position < len(text):
        found.append(Piece(text[position:]))
    if any(c in p.text for p in found for c in (START, MIDDLE, END)):
        raise ValueError("a mark was left in the text")
    return found


def plain(text: str) -> str:
    """A text with its bound values as they are printed."""
    return "".join(p.text for p in pieces(text))


def spans(text: str) -> list[tuple[int, int, str]]:
    """Where the bound values stand in ``plain(text)``: (start, end, id)."""
    found, at = [], 0
    for p in pieces(text):
        if p.id:
            found.append((at, at + len(p.text), p.id))
        at += len(p.text)
    return found


class Names:
    """Bookmark names in the order of the document: a figure printed twice gets a number behind its name."""

    def __init__(self) -> None:
        self.times: dict[str, int] = {}

    def take(self, identifier: str) -> str:
        """The next name for a figure: ``_jn_x``, then ``_jn_x__2`` (no id holds a double underscore)."""
        self.times[identifier] = n = self.times.get(identifier, 0) + 1
        return PREFIX + identifier + (f"__{n}" if n > 1 else "")
