"""Vendored files are what VERSIONS.txt says; every icon and class that a template names exists."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings

from jieneng.desk.context import LEDGER_ICONS, MENU
from jieneng.desk.templatetags.jn import MARKS, STATUS, icon_names
from jieneng.returns.moves import STATES

SRC = Path(__file__).resolve().parents[2] / "src" / "jieneng"
STATIC = SRC / "desk" / "static" / "desk"
VENDOR = STATIC / "vendor"
TEMPLATES = sorted(SRC.rglob("templates/**/*.html"))


def test_vendored_files_have_their_sums() -> None:
    text = (VENDOR / "VERSIONS.txt").read_text(encoding="utf-8")
    sums = dict(re.findall(r"^(\S+\.(?:css|js))  .*\n  sha256 ([0-9a-f]{64})", text, re.M))
    assert set(sums) == {p.name for p in VENDOR.iterdir() if p.suffix in (".css", ".js")}
    for name, wanted in sums.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == wanted, name


@pytest.mark.parametrize("name", ["tabler", "htmx", "echarts", "tabler-icons"])
def test_licences_are_kept(name: str) -> None:
    assert (VENDOR / f"LICENSE.{name}.txt").stat().st_size > 400


def test_no_source_maps_to_miss() -> None:
    """A sourceMappingURL without its file breaks ManifestStaticFilesStorage."""
    assert [p.name for p in STATIC.rglob("*") if p.suffix in (".css", ".js") and "sourceMappingURL" in p.read_text(encoding="utf-8")] == []


def test_files_can_be_collected_under_hashed_names(tmp_path: Path) -> None:
    storages = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}
    with override_settings(STATIC_ROOT=str(tmp_path), STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
    assert (tmp_path / "staticfiles.json").exists() and list(tmp_path.glob("desk/ui.*.css"))


def test_old_chromium_reads_the_stylesheets() -> None:
    """UI.md 2: no oklch, color-mix, light-dark; in ours no :has, container queries or nesting either."""
    ours = re.sub(r"/\*.*?\*/", "", (STATIC / "ui.css").read_text(encoding="utf-8"), flags=re.S)
    for text in (ours, (VENDOR / "tabler.min.css").read_text(encoding="utf-8")):
        assert not re.search(r"oklch\(|color-mix\(|light-dark\(", text)
    assert not re.search(r":has\(|@container|@layer|^\s*&", ours, re.M)


def test_every_icon_named_exists() -> None:
    names = {m for p in TEMPLATES for m in re.findall(r'{% icon "([^"]+)"', p.read_text(encoding="utf-8"))}
    names |= {m for p in SRC.rglob("*.py") for m in re.findall(r'\bicon\("([a-z0-9-]+)"\)', p.read_text(encoding="utf-8"))}
    names |= {entry[1] for _, entries in MENU for entry in entries} | set(LEDGER_ICONS.values())
    names |= {s[1] for s in STATUS.values()} | {m[1] for m in MARKS.values()}
    assert names - icon_names() == set()


def test_every_state_of_a_return_has_its_badge_and_word() -> None:
    assert {s: str(STATUS[s][0]) for s in STATES} == {s: str(w) for s, w in STATES.items()}


def test_every_class_used_is_defined() -> None:
    css = (STATIC / "ui.css").read_text(encoding="utf-8") + (VENDOR / "tabler.min.css").read_text(encoding="utf-8")
    defined = set(re.findall(r"\.(-?[_a-zA-Z][\w-]*)", css))
    used: dict[str, set[str]] = {}
    for p in TEMPLATES:
        text = re.sub(r"{#.*?#}", "", p.read_text(encoding="utf-8"))
        for value in re.findall(r'\sclass="((?:{%.*?%}|{{.*?}}|[^"{])*)"', text):
            for word in re.sub(r"{{.*?}}", "{}", re.sub(r"{%.*?%}", " ", value)).split():
                if "{" not in word:
                    used.setdefault(word, set()).add(p.name)
    missing = {c: sorted(files) for c, files in used.items() if c not in defined}
    assert missing == {}
