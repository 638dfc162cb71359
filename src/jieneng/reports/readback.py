"""Read a document's bound numbers back: from Word, WPS or LibreOffice, with tracked changes, and compare with the proof.

    same        the printed text still stands there
    changed     another number or text stands there; nothing of ours says it is wrong (an entered fact, or other rounding)
    arithmetic  the number there contradicts the records, or the sums between the numbers no longer hold (算式不符)
    unreadable  something stands there that is not one number
    conflict    a copied sentence says something else than the sentence it was copied from
    lost        no longer traced: bookmark and context are gone. An equal number elsewhere is never taken for it

Nothing of the file is trusted: size, zip and XML are limited, no entity is expanded, nothing is fetched.
"""

from __future__ import annotations

import io
import itertools
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from lxml import etree

from jieneng.core.formula import FormulaError, Needs, Value, read
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T

from .marks import PREFIX

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
NUMBER = re.compile(r"[+\-−]?\d+(?:[,，]\d{3})*(?:\.\d+)?[%％‰]?", re.ASCII)
LONGEST = 40
"""Characters of a number; a longer one is not read."""
_COPY = re.compile(r"_Copy_\d+$")
LIMIT = 32 << 20
PARTS = 2000
GAP = 40
"""A number found by its context is at most this long."""
LEAST = 6
"""Characters of context on both sides together, without which a number is not looked for."""


@dataclass(frozen=True)
class Found:
    """One bookmark of ours in a document: its name, the number read, and the text it spans."""

    name: str
    number: str
    text: str


@dataclass
class Contents:
    """A document as it reads now: our bookmarks in order, and the paragraphs' texts; deletions left out."""

    marks: list[Found] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)


def _part(data: bytes, name: str) -> bytes:
    """One part of a docx. Refuses what is not one, or unpacks too large."""
    if len(data) > LIMIT:
        raise refuse("docx.size", T("这个 docx 太大", "this docx is too large"))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if len(archive.infolist()) > PARTS or archive.getinfo(name).file_size > LIMIT:
                raise refuse("docx.size", T("这个 docx 太大", "this docx is too large"))
            return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, NotImplementedError, ValueError, EOFError, OSError) as error:
        raise refuse("docx.kind", T("这不是 docx 文件", "this is not a docx file"), do=T("用 WPS 或 Word 另存为 docx", "save it as docx in WPS or Word")) from error


def _tree(body: bytes) -> Any:
    """XML without a DTD. Refuses a broken one."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False))
    except etree.XMLSyntaxError as error:
        raise refuse("docx.broken", T("这个 docx 已损坏", "this docx is broken")) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise refuse("docx.dtd", T("这个 docx 里有不允许的内容", "this docx holds what is not allowed"))
    return root


def number_in(text: str) -> str:
    """The number a wide bookmark holds: the token that ends just before the last character, else the only one; else ""."""
    tokens = list(NUMBER.finditer(text))
    if any(a.end() == b.start() for a, b in itertools.pairwise(tokens)):  # 97.83%0
        return ""
    for token in tokens:
        if token.end() == len(text) - 1:
            return token.group()
    return tokens[0].group() if len(tokens) == 1 else ""


_CHARACTERS = {W + "tab": "\t", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "-"}
_GONE = {W + "del", W + "moveFrom", FALLBACK}
"""Deleted and moved-away text does not count, nor the second copy of a drawing's text for old programs."""


class _Reader:
    """Walks the body once: what is open of our bookmarks collects text, each paragraph its own."""

    def __init__(self) -> None:
        self.contents, self.open = Contents(), {}  # type: ignore[var-annotated]
        self.lines: list[list[str]] = []

    def walk(self, root: Any) -> Contents:
        gone = 0
        for event, element in etree.iterwalk(root, events=("start", "end")):
            tag = element.tag
            if tag in _GONE:
                gone += 1 if event == "start" else -1
            elif tag == W + "p":
                if event == "start":
                    self.lines.append([])
                else:
                    self.contents.paragraphs.append("".join(self.lines.pop()))
            elif event == "start":
                self._inside(tag, element, gone > 0)
        for name, texts in self.open.values():  # a bookmark that never ends
            self._close(name, texts)
        return self.contents

    def _inside(self, tag: Any, element: Any, gone: bool) -> None:
        if tag == W + "bookmarkStart" and (element.get(W + "name") or "").startswith(PREFIX):
            if not gone:
                self.open[element.get(W + "id")] = (element.get(W + "name"), [])
        elif tag == W + "bookmarkEnd" and element.get(W + "id") in self.open:
            self._close(*self.open.pop(element.get(W + "id")))
        elif not gone and (tag == W + "t" or tag in _CHARACTERS):
            text = (element.text or "") if tag == W + "t" else _CHARACTERS[tag]
            for _, texts in self.open.values():
                texts.append(text)
            if self.lines:
                self.lines[-1].append(text)

    def _close(self, name: str, texts: list[str]) -> None:
        text = "".join(texts)
        self.contents.marks.append(Found(name, number_in(text), text))


def contents(data: bytes) -> Contents:
    """What stands in a docx now. Raises ``Refused`` for a file that is none."""
    return _Reader().walk(_tree(_part(data, "word/document.xml")))


def read_back(data: bytes) -> list[Found]:
    """Every bookmark of ours with its number: deleted text is left out, inserted text counts."""
    return contents(data).marks


def proof_mark(data: bytes) -> str:
    """The checksum of the proof that the document carries as a property, or ""."""
    try:
        root = _tree(_part(data, "docProps/custom.xml"))
    except Refused:
        return ""
    for entry in root:
        value = "".join(entry.itertext()).strip() if entry.get("name") == "jieneng.proof" else ""
        if re.fullmatch("[0-9a-f]{64}", value):
            return value
    return ""


# -- comparing ----------------------------------------------------------------------------------------------------------

def compare(data: bytes, proof: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each bound number of a returned document against its proof, in the proof's order.

    id, bookmark, label (both languages), printed, now, state; ``by`` says how it was found (bookmark, context, or ""), ``why`` what
    the arithmetic says.
    """
    there = contents(data)
    named: dict[str, list[Found]] = {}
    for f in there.marks:
        named.setdefault(_COPY.sub("", f.name), []).append(f)
    result = [_state(entry, named.get(entry["bookmark"], []), there.paragraphs) for entry in proof["figures"]]
    _check_sums(result, proof)
    return result


def _state(entry: Mapping[str, Any], found: list[Found], paragraphs: list[str]) -> dict[str, Any]:
    out = {"id": entry["id"], "bookmark": entry["bookmark"], "label": entry["label"], "printed": entry["printed"],
           "now": "", "state": "lost", "by": "", "why": ""}
    values = list(dict.fromkeys(_now(entry, f.text) for f in found if f.text))
    if not values:
        by_context = _by_context(entry, paragraphs)
        if by_context is None:
            # an empty bookmark: what stood in it was deleted, and the sentence around it is another one
            return {**out, "state": "unreadable", "by": "bookmark"} if found else out
        return _judged(entry, by_context, {**out, "by": "context"})
    if len(values) > 1:
        return {**out, "now": " / ".join(text or "?" for text, _ in values), "state": "conflict", "by": "bookmark"}
    text, readable = values[0]
    if not readable:
        return {**out, "now": text, "state": "unreadable", "by": "bookmark"}
    return _judged(entry, text, {**out, "by": "bookmark"})


def _stands(printed: str, text: str) -> bool:
    """Whether a text holds the printed value whole: ``9`` does not stand in ``19`` nor in ``9.5%``."""
    left = r"(?<![\d.,，+\-−])" if printed[:1].isdigit() else ""
    right = r"(?![\d%％‰]|[.,，]\d)" if printed[-1:].isdigit() else ""
    return re.search(left + re.escape(printed) + right, text) is not None


def _now(entry: Mapping[str, Any], text: str) -> tuple[str, bool]:
    """What a bookmark says now, and whether that could be read."""
    printed, before, after = entry["printed"], entry["before"][-1:], entry["after"][:1]
    said = NUMBER.search(printed)
    if text == before + printed + after or (_stands(printed, text) and (said is None or number_in(text) == said.group())):
        return printed, True
    middle = text
    if before and middle.startswith(before):
        middle = middle[len(before):]
    if after and middle.endswith(after):
        middle = middle[:-len(after)]
    if NUMBER.fullmatch(printed):
        number = number_in(text)
        return (number, True) if number else (text, False)
    numbers = NUMBER.findall(middle)
    if said:  # words and a number: 下降1.78%
        return (middle, True) if len(numbers) == 1 and middle else (text, False)
    framed = text == before + middle + after and bool(middle)
    return (middle, True) if framed else (text, False)


def _by_context(entry: Mapping[str, Any], paragraphs: Iterable[str]) -> str | None:
    """The value between the characters that stood around it, if exactly one place has both; else None."""
    before, after = entry["before"], entry["after"]
    if len(before) + len(after) < LEAST or not before or not after:
        return None
    pattern = re.compile(re.escape(before) + f"(.{{1,{GAP}}}?)" + re.escape(after))
    found = [m.group(1) for p in paragraphs for m in pattern.finditer(p)]
    if len(found) != 1:
        return None
    value = found[0]
    if value == entry["printed"]:
        return value
    return value if len(NUMBER.findall(value)) == (1 if NUMBER.search(entry["printed"]) else 0) else None


def plain_number(text: str) -> Decimal | None:
    """The one number in a printed text, without its sign of percent and separators."""
    found = NUMBER.findall(text)
    if len(found) != 1 or len(found[0]) > LONGEST:
        return None
    return Decimal(found[0].rstrip("%％‰").replace(",", "").replace("，", "").replace("−", "-"))


def _sign(text: str) -> str:
    return text[-1:] if text[-1:] in "%％‰" else ""


def _value(entry: Mapping[str, Any], text: str) -> Decimal | None:
    """What a printed text says in the figure's own scale; None where its words are not ours."""
    shape = entry.get("shape") or {}
    if shape.get("same") and text == shape["same"]:
        return Decimal(0)
    number = plain_number(text)
    if _sign(text) != _sign(entry["printed"]):  # 582.73% is not 582.73
        return None
    if number is None or not shape.get("rise"):
        return number
    if text.startswith(shape["fall"]):
        return -number
    return number if text.startswith(shape["rise"]) else None


def _judged(entry: Mapping[str, Any], now: str, out: dict[str, Any]) -> dict[str, Any]:
    """Same, changed, or contradicting the records."""
    if now == entry["printed"]:
        return {**out, "now": now, "state": "same"}
    figure, shape = entry["figure"], entry.get("shape")
    if figure["exact"] is None or figure["source"] or figure["text"] or not shape:
        return {**out, "now": now, "state": "changed"}
    exact, value = Fraction(figure["exact"]) * Fraction(shape["scale"]), _value(entry, now)
    if value is None:
        return {**out, "now": now, "state": "arithmetic", "why": str(T("应为 {p}", "should be {p}", p=entry["printed"]))}
    places = max(0, -int(value.as_tuple().exponent))
    if abs(exact - Fraction(value)) <= Fraction(1, 2 * 10**places) and str(value).strip("-0.") != "":
        return {**out, "now": now, "state": "changed", "why": str(T("取位不同，与记录相符", "rounded otherwise, agrees with the records"))}
    return {**out, "now": now, "state": "arithmetic", "why": str(T("按记录应为 {p}", "by the records it is {p}", p=entry["printed"]))}


def _check_sums(result: list[dict[str, Any]], proof: Mapping[str, Any]) -> None:
    """The proof's checks on the numbers as they stand now: where one fails, what was changed in it is wrong."""
    entries = {e["bookmark"]: e for e in proof["figures"]}
    numbers: dict[str, Decimal | None] = {}
    for r in result:
        if r["state"] in ("same", "changed", "arithmetic"):
            numbers.setdefault(r["id"], _value(entries[r["bookmark"]], r["now"]))
    for check in proof.get("checks", []):
        try:
            names = read(check["holds"], Needs())
            if read(check["holds"], Value({n: numbers.get(n) for n in names})) is not False:
                continue
        except (FormulaError, ArithmeticError):
            continue
        for r in result:
            if r["id"] in names and r["state"] == "changed":
                r["state"], r["why"] = "arithmetic", str(T(**check["says"]))


def find_number(data: bytes, proof: Mapping[str, Any], number: str) -> list[dict[str, Any]]:
    """The proof's entries whose number stands, or stood, in a document as ``number``, with what stands there now."""
    states = {r["bookmark"]: r for r in compare(data, proof)}
    return [{**e, "now": states[e["bookmark"]]["now"], "state": states[e["bookmark"]]["state"]} for e in proof["figures"]
            if number in _spoken(e["printed"]) or number in _spoken(states[e["bookmark"]]["now"])]


def _spoken(printed: str) -> set[str]:
    """The ways a person may name a printed value: as it stands, its number, its number without the sign of percent."""
    numbers = NUMBER.findall(printed)
    return {printed, *numbers, *(n.rstrip("%％‰") for n in numbers)} if printed else set()
