"""The manual's pages: contents with search, and one chapter."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import mark_safe

from jieneng.core.words import T, language
from jieneng.people.access import anyone

from . import chapters, search


@anyone
def contents(request: HttpRequest) -> HttpResponse:
    """All chapters with their sections; with ``?q=`` the places where the words stand."""
    words = request.GET.get("q", "").strip()[:100]
    hits = [{"chapter": h.chapter, "section": h.section, "line": mark_safe(h.line)} for h in search(language(), words)]  # noqa: S308 (escaped there)
    return render(request, "desk/manual.html", {"title": T("使用手册", "Manual"), "chapters": chapters(language()), "q": words, "hits": hits})


@anyone
def chapter(request: HttpRequest, name: str) -> HttpResponse:
    """One chapter, with what comes before and after it."""
    every = chapters(language())
    n = next((n for n, c in enumerate(every) if c.name == name), None)
    if n is None:
        raise Http404
    body = every[n].html(lambda other: reverse("manual-chapter", args=[other]), lambda file: static(f"desk/manual/{file}"))
    return render(request, "desk/manual_chapter.html", {
        "title": every[n].title, "chapter": every[n], "body": mark_safe(body),  # noqa: S308 (our own file, HTML in it is escaped)
        "before": every[n - 1] if n else None, "after": every[n + 1] if n + 1 < len(every) else None, "chapters": every})
