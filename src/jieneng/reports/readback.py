"""Read a document's bound numbers back: from Word, WPS or LibreOffice, with tracked changes, and compare with the proof."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from jieneng.core.problem import refuse
from jieneng.core.words import T

from .official import PREFIX

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
NUMBER = re.compile(r"[+\-−]?\d[\d,，]*(?:\.\d+)?(?:[%％‰])?")
LIMIT = 64 << 20


@dataclass(frozen=True)
class Found:
    """One bookmark of ours in a document: its name, the number read, and the text it spans."""

    name: str
    number: str
    text: str


def _xml(data: bytes) -> Any:
    """The body of a docx. Refuses what is not one, holds a DTD, or unpacks too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo("word/document.xml")
            if info.file_size > LIMIT:
                raise refuse("docx.size", T("这个 docx 太大", "this docx is too large"))
            body = archive.read(info)
    except (zipfile.BadZipFile, KeyError, RuntimeError) as error:
        raise refuse("docx.kind", T("这不是 docx 文件", "this is not a docx file"), do=T("用 WPS 或 Word 另存为 docx", "save it as docx in WPS or Word")) from error
    if b"<!DOCTYPE" in body[:4096]:
        raise refuse("docx.dtd", T("这个 docx 里有不允许的内容", "this docx holds what is not allowed"))
    try:
        return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
    except etree.XMLSyntaxError as error:
        raise refuse("docx.broken", T("这个 docx 已损坏", "this docx is broken")) from error


def number_in(text: str) -> str:
    """The number a wide bookmark holds: the token that ends just before the last character, else the only one; else ""."""
    tokens = list(NUMBER.finditer(text))
    for token in tokens:
        if token.end() in (len(text) - 1, len(text)) and (token.end() == len(text) - 1 or len(tokens) == 1):
            return token.group()
    return tokens[0].group() if len(tokens) == 1 else ""


def read_back(data: bytes) -> list[Found]:
    """Every bookmark of ours with its number: deleted text is left out, inserted text counts."""
    open_marks: dict[str, tuple[str, list[str]]] = {}
    found: list[Found] = []
    for element in _xml(data).iter():
        if element.tag == W + "bookmarkStart" and (element.get(W + "name") or "").startswith(PREFIX):
            open_marks[element.get(W + "id")] = (element.get(W + "name"), [])
        elif element.tag == W + "bookmarkEnd" and element.get(W + "id") in open_marks:
            name, texts = open_marks.pop(element.get(W + "id"))
            text = "".join(texts)
            found.append(Found(name, number_in(text), text))
        elif element.tag == W + "t" and element.text and not any(p.tag == W + "del" for p in element.iterancestors()):
            for _, texts in open_marks.values():
                texts.append(element.text)
    return found


def proof_mark(data: bytes) -> str:
    """The checksum of the proof that the document carries as a property, or ""."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            body = archive.read("docProps/custom.xml").decode("utf-8", "replace")
    except (zipfile.BadZipFile, KeyError):
        return ""
    match = re.search(r'name="jieneng\.proof"[^>]*>\s*<vt:lpwstr>([0-9a-f]{64})<', body)
    return match.group(1) if match else ""


def compare(data: bytes, proof: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each bound number of a returned document against its proof: same, changed, unreadable or no longer traced."""
    read: dict[str, Found] = {}
    for f in read_back(data):
        read.setdefault(re.sub(r"_Copy_\d+$", "", f.name), f)
    result = []
    for entry in proof["figures"]:
        now_there = read.get(entry["bookmark"])
        printed = entry["printed"]
        if now_there is None:
            state, now = "lost", ""
        elif printed in now_there.text:
            state, now = "same", printed
        elif now_there.number:
            state, now = "changed", now_there.number
        else:
            state, now = "unreadable", now_there.text
        result.append({"id": entry["id"], "printed": printed, "now": now, "state": state})
    return result
