"""The manual: Markdown chapters beside this file, one folder per language, served at ``/manual/``.

A chapter is ``NN-name.md``: its first heading is its title, its ``##`` headings get anchors ``s1``, ``s2`` … that are the same in
both languages (a test holds the two in step). A link to ``NN-name.md`` leads to that chapter, an image ``images/x.png`` to the
site's own files. HTML in a chapter is shown as text, never interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

HERE = Path(__file__).parent
ABOUT = {
    "home": "what", "rounds": "rounds", "round-plan": "rounds", "round-pass": "rounds", "round-totals": "rounds", "chase": "rounds", "chase-target": "rounds",
    "snapshot-against": "rounds", "messages": "rounds",
    "accounts": "people", "accounts-bulk": "people", "sign-ins": "people", "handover": "people", "me": "people", "factor": "people",
    "clients": "people", "api-docs": "people",
    "register": "register", "institution": "register",
    "offices": "register", "changes": "register", "change": "register", "tidy": "register", "liaison": "register", "liaison-handover": "register", "vouchers": "register", "papers": "register",
    "imports": "import", "import": "import", "job": "import", "findings": "first-hour", "return": "first-hour",
    "compare": "platform", "corrections": "platform", "correction-list": "platform", "correction-new": "platform", "platform": "platform",
    "reference-sheets": "platform", "layouts": "platform", "layout-guess": "platform", "layout": "platform", "import-changes": "platform",
    "review": "review", "screening": "review", "sittings": "review", "sitting": "review", "samples": "review", "sample": "review", "integrity": "review",
    "figures": "figures", "trace": "figures", "documents": "figures", "document": "figures", "rules": "editions",
    "filling": "filling", "filling-year": "filling", "filling-month": "filling", "filling-upload": "filling", "filling-units": "filling", "sheet": "filling", "verify": "filling", "grid": "filling",
}
"""Address name → the chapter that explains the page."""
CJK = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef“”‘’—…·]")


@dataclass(frozen=True, slots=True)
class Section:
    """One ``##`` part of a chapter: ``anchor``, heading, and its words for searching."""

    anchor: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter read from ``number-name.md``."""

    name: str
    title: str
    source: str
    sections: tuple[Section, ...]

    def html(self, page: Callable[[str], str], image: Callable[[str], str]) -> str:
        """The chapter as HTML. ``page`` gives the address of a chapter by name, ``image`` that of a picture."""
        parser = _parser()
        tokens = parser.parse(self.source)
        _anchor(tokens)
        _join(tokens)
        for token in _inline(tokens):
            if token.type == "link_open" and (found := re.fullmatch(r"\d\d-([a-z-]+)\.md(#s\d+)?", str(token.attrs.get("href", "")))):
                token.attrs["href"] = page(found[1]) + (found[2] or "")
            if token.type == "image":
                token.attrs["src"] = image(str(token.attrs["src"]).removeprefix("images/"))
                token.attrs["loading"] = "lazy"
        # the page prints the title itself; wide tables and code scroll within themselves
        body = parser.renderer.render(tokens[3:], parser.options, {})
        return body.replace("<table>", '<div class="tw" tabindex="0"><table class="t dense">').replace("</table>", "</table></div>")


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def _anchor(tokens: list[Token]) -> None:
    """Number the second-level headings: ``id="s1"`` …"""
    for n, token in enumerate((t for t in tokens if t.type == "heading_open" and t.tag == "h2"), 1):
        token.attrs["id"] = f"s{n}"


def _join(tokens: list[Token]) -> None:
    """A line broken within Chinese text is no space."""
    inline = _inline(tokens)
    for before, token, after in zip(inline, inline[1:], inline[2:], strict=False):
        if token.type == "softbreak" and CJK.search(before.content[-1:]) and CJK.search(after.content[:1]):
            token.type = "text"


def _words(token: Token) -> str:
    return "".join(c.content for c in token.children or () if c.type in ("text", "code_inline")) or token.content


def _read(path: Path) -> Chapter:
    source = path.read_text(encoding="utf-8")
    tokens = _parser().parse(source)
    if len(tokens) < 3 or tokens[0].tag != "h1":
        raise ValueError(f"{path.name}: a chapter begins with its title (# …)")
    sections: list[list[str]] = []
    for before, token in zip([tokens[0], *tokens], tokens, strict=False):
        if token.type == "inline" and before.type == "heading_open" and before.tag == "h2":
            sections.append([_words(token)])
        elif sections and (token.type == "inline" or token.type == "fence"):
            sections[-1].append(_words(token))
    return Chapter(path.stem[3:], _words(tokens[1]), source,
                   tuple(Section(f"s{n}", words[0], "\n".join(words[1:])) for n, words in enumerate(sections, 1)))


@cache
def chapters(language: str) -> tuple[Chapter, ...]:
    """All chapters of a language, in order.

    Raises:
        ValueError: a file without a title.
    """
    return tuple(_read(path) for path in sorted((HERE / language).glob("[0-9][0-9]-*.md")))


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a word stands: the chapter, the section, and the line with the word marked (safe HTML)."""

    chapter: Chapter
    section: Section
    line: str


def search(language: str, words: str, most: int = 40) -> list[Hit]:
    """Sections that hold every one of ``words``; each with the first line that holds one of them."""
    wanted = [w.casefold() for w in words.split()]
    hits: list[Hit] = []
    for chapter in chapters(language) if wanted else ():
        for section in chapter.sections:
            whole = f"{section.title}\n{section.text}"
            if all(w in whole.casefold() for w in wanted):
                line = next(s for s in whole.split("\n") if any(w in s.casefold() for w in wanted))
                hits.append(Hit(chapter, section, _marked(line, wanted)))
    return hits[:most]


def _marked(line: str, wanted: list[str]) -> str:
    at = max(0, min(line.casefold().find(w) for w in wanted if w in line.casefold()) - 40)
    part = ("…" if at else "") + line[at:at + 160] + ("…" if len(line) > at + 160 else "")
    pattern = "|".join(re.escape(w) for w in wanted)
    return "".join(f"<mark>{escape(s)}</mark>" if n % 2 else escape(s) for n, s in enumerate(re.split(f"({pattern})", part, flags=re.IGNORECASE)))
