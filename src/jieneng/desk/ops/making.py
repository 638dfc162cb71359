"""``jieneng init``: a workspace with its offices, the console account and the first event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import call_command

from jieneng.people.models import Appointment, Office, User
from jieneng.people.queries import CONSOLE
from jieneng.records.events import action, record
from jieneng.records.models import Event
from jieneng.rulebook import load
from jieneng.rulebook.types import Book

from . import workspace

AREAS = ("county", "zone", "direct")


def offices(book: Book) -> Office:
    """The root office and its areas, from the book's divisions."""
    root = book.divisions[str(book.settings["root"])]
    top, _ = Office.objects.get_or_create(code=root.code, defaults={
        "name": root.name.zh, "name_en": root.name.en, "kind": "city", "path": f"/{root.code}/", "area": root.code})
    for d in book.divisions.values():
        if d.parent == root.code and d.level in AREAS:
            Office.objects.get_or_create(code=d.code, defaults={
                "name": d.name.zh, "name_en": d.name.en, "kind": d.level, "parent": top, "path": f"{top.path}{d.code}/", "area": d.code})
    return top


def init(home: Path, book_code: str) -> dict[str, Any]:
    """Make everything a workspace needs; killed half-way it is no workspace, and running it again goes on."""
    import datetime as dt

    book = load(book_code)
    call_command("migrate", verbosity=0)
    with action():
        top = offices(book)
        console, new = User.objects.get_or_create(username=CONSOLE, defaults={"name": "控制台"})
        if new:
            console.set_unusable_password()
            console.save(update_fields=["password"])
            Appointment.objects.create(user=console, role="city", office=top, since=dt.date(2000, 1, 1))
        if not Event.objects.filter(verb="workspace.init").exists():  # a killed init had come this far
            record(None, "workspace.init", "workspace", home.name, line=top.path, data={"book": book.code, "rulebook": book.hash})
    return workspace.describe(home, book_code, top.code)
