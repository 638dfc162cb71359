"""The manual: both languages in step, links that lead somewhere, examples that work as printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from jieneng.desk.manual import ABOUT, Chapter, chapters, search
from jieneng.desk.urls import urlpatterns
from jieneng.rulebook import breaks, changes, load
from tests.desk.conftest import Workspace

BOTH = [(c, language) for language in ("zh", "en") for c in chapters(language)]


def fences(chapter: Chapter, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", chapter.source, re.M | re.S)


def chapter(name: str, language: str = "zh") -> Chapter:
    return next(c for c in chapters(language) if c.name == name)


def test_both_languages_have_the_same_chapters_sections_and_examples() -> None:
    assert [c.name for c in chapters("zh")] == [c.name for c in chapters("en")] != []
    for zh, en in zip(chapters("zh"), chapters("en"), strict=True):
        assert [s.anchor for s in zh.sections] == [s.anchor for s in en.sections], zh.name
        for kind in ("yaml", "csv"):
            assert fences(zh, kind) == fences(en, kind)


@pytest.mark.parametrize(("chapter", "language"), BOTH, ids=[f"{c.name}-{lang}" for c, lang in BOTH])
def test_links_and_pictures_lead_somewhere(chapter: Chapter, language: str) -> None:
    names = {c.name for c in chapters(language)}
    html = chapter.html(lambda name: f"/manual/{name}/", lambda file: f"/static/desk/manual/{file}")
    for target in re.findall(r'href="([^"]+)"', html):
        found = re.fullmatch(r"/manual/([a-z-]+)/(?:#(s\d+))?", target)
        assert found and found[1] in names, target
    for file in re.findall(r'src="/static/([^"]+)"', html):
        assert finders.find(file), file


def test_html_in_a_chapter_is_shown_not_run() -> None:
    evil = Chapter("x", "x", "# x\n\n## y\n\n<script>alert(1)</script> [a](javascript:alert(1))\n", ())
    html = evil.html(str, str)
    assert "<script" not in html and 'href="javascript' not in html


def test_a_line_broken_in_chinese_text_is_no_space() -> None:
    html = Chapter("x", "x", "# x\n\n怎么核、\n什么情况\nand so\non\n", ()).html(str, str)
    assert "怎么核、什么情况" in html and "and so\non" in html


@pytest.mark.parametrize(("chapter", "language"), BOTH, ids=[f"{c.name}-{lang}" for c, lang in BOTH])
def test_every_command_it_prints_is_understood(chapter: Chapter, language: str) -> None:
    """Each printed command line parses with the real parser: no verb or option that is not there."""
    from jieneng.__main__ import _parser, _verbs
    for line in "".join(fences(chapter, "sh")).splitlines():
        words = shlex.split(line)
        if words[0] == "jieneng":
            _parser(_verbs()).parse_args(words[1:])


def test_the_example_of_the_import_chapter_works_as_printed(tmp_path: Path) -> None:
    """A new workspace, the printed table and layout, the printed command: 12,345 kWh, and what stood in the cell beside it."""
    w = Workspace(tmp_path / "office")
    w.done("init", "--book", "cn")
    text = chapter("import")
    (tmp_path / "三月.csv").write_text(fences(text, "csv")[0], encoding="utf-8")
    (tmp_path / "county-monthly.yaml").write_text(fences(text, "yaml")[0], encoding="utf-8")
    ran = w.done("import", tmp_path / "三月.csv", "--layout", tmp_path / "county-monthly.yaml", "--open")
    assert "12345" in str(w.sql("SELECT answers FROM returns_revision")), ran.out
    assert "1.2345" in str(w.sql("SELECT sources FROM returns_revision"))
    assert len(w.sql("SELECT id FROM returns_revision")) == 2


def test_the_edition_of_its_chapter_can_be_put_there_as_printed(tmp_path: Path) -> None:
    """The four printed files in a folder: the rules are whole, and the difference says what the chapter says it has."""
    for text in fences(chapter("editions"), "yaml"):
        path = tmp_path / text.partition("\n")[0].removeprefix("# rulebooks/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    book = load("cn", (tmp_path / "2026",))
    kinds = {c.kind for c in changes(book, "consumption@2025", "consumption@2026")}
    assert kinds >= {"added", "dropped", "renamed", "replaced", "check", "factor"}
    assert not breaks(book, "consumption", "energy_tce", 2024, 2025) and breaks(book, "consumption", "energy_tce", 2025, 2026)


def test_search_finds_sections_by_all_words_and_marks_them() -> None:
    hits = search("zh", "同口径 覆盖")
    assert hits and all("同口径" in h.section.title + h.section.text for h in hits)
    assert any("<mark>同口径</mark>" in h.line or "<mark>覆盖</mark>" in h.line for h in hits)
    assert search("en", "like FOR") and not search("zh", "没有这样的词") and not search("zh", " ")
    assert "<b>" not in "".join(h.line for h in search("en", "<b>"))


def test_pages_lead_to_their_chapter() -> None:
    """Help on a page opens the chapter about it; every name in the table is a page and a chapter."""
    names = {c.name for c in chapters("zh")}
    assert set(ABOUT.values()) <= names and set(ABOUT) <= {str(getattr(p, "name", "")) for p in urlpatterns}


@pytest.mark.django_db
def test_a_chapter_that_is_not_there_is_404(client: Client, django_user_model: type) -> None:
    client.force_login(django_user_model.objects.create(username="kexin"))
    assert client.get(reverse("manual-chapter", args=["nothing"])).status_code == 404
    page = client.get(reverse("manual"), {"q": "<script>"})
    assert page.status_code == 200 and b"<script>alert" not in page.content
