"""No template has inline script, inline style or event attributes, and none fetches anything from elsewhere (strict CSP)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src" / "jieneng"
TEMPLATES = sorted(SRC.rglob("templates/**/*.html"))
OURS = [*sorted((SRC / "desk" / "static" / "desk").glob("*.*"))]
FORBIDDEN = {
    "style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "style element": re.compile(r"<style\b", re.I),
    "event attribute": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=\s*[\"']", re.I),
    "htmx evaluation": re.compile(r"\bhx-on\b|\bhx-on:|hx-(?:vals|headers|vars)\s*=\s*[\"']\s*js:|hx-trigger=\"[^\"]*\[", re.I),
    "javascript address": re.compile(r"(?:href|src|action)\s*=\s*[\"']?\s*javascript:", re.I),
    "outside address": re.compile(r"(?:href|src|action|poster|data)\s*=\s*[\"']?\s*(?:https?:)?//", re.I),
    "inline script": re.compile(r"<script\b(?![^>]*\bsrc=)(?![^>]*application/json)", re.I),
}


def faults(text: str) -> list[str]:
    """The names of the rules that a template's text breaks."""
    return [name for name, pattern in FORBIDDEN.items() if pattern.search(text)]


def test_there_are_templates_to_look_at() -> None:
    assert {"base.html", "login.html", "500.html"} <= {p.name for p in TEMPLATES}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(SRC)))
def test_template_keeps_the_policy(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(("text", "rule"), [
    ('<p style="color:red">', "style attribute"),
    ("<style>p{}</style>", "style element"),
    ('<button onclick="go()">', "event attribute"),
    ('<div hx-on:click="x()">', "htmx evaluation"),
    ('<div hx-trigger="click[ctrlKey]">', "htmx evaluation"),
    ('<a href="javascript:void(0)">', "javascript address"),
    ('<img src="https://example.com/a.png">', "outside address"),
    ('<link href="//example.com/a.css">', "outside address"),
    ("<script>alert(1)</script>", "inline script"),
])
def test_the_scan_sees_each_fault(text: str, rule: str) -> None:
    assert rule in faults(text)


def test_the_scan_lets_data_and_own_files_pass() -> None:
    assert faults('<script type="application/json">{}</script><script src="/static/desk/app.js"></script><a href="/x/">x</a>') == []


@pytest.mark.parametrize("path", OURS, ids=lambda p: p.name)
def test_own_static_files_fetch_nothing_from_elsewhere(path: Path) -> None:
    found = set(re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}[^\s\"')]*", path.read_text(encoding="utf-8")))
    assert {u for u in found if "www.w3.org" not in u} == set()
    assert not re.search(r"\beval\(|new Function\(|innerHTML|document\.write", path.read_text(encoding="utf-8"))
