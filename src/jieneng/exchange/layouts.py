"""Layouts that people taught: saved into the home, shared by everyone of the office, each saving a version with its author."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings

from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.queries import root_office
from jieneng.people.scope import require
from jieneng.records.events import action, hold, record
from jieneng.records.files import sync_folder
from jieneng.registry.actions import initials
from jieneng.returns.intake import Layout, Units, parse_layout, told
from jieneng.returns.intake.layout import Spec
from jieneng.returns.queries import book
from jieneng.rulebook import unit_words

from .models import LayoutVersion


def folder() -> Path:
    """The office's own layouts."""
    return Path(settings.HOME) / "layouts"


def check(text: str, name: str = "layout.yaml") -> Layout:
    """The layout, checked against the workspace's book. Raises ``Refused`` with every mistake."""
    layout = parse_layout(text, name)
    Units(book()).check(layout)
    return layout


def save(person: User, text: str) -> LayoutVersion:
    """Save a layout for everyone: checked, written whole or not at all, a new version with its author. The same again changes nothing."""
    root = root_office()
    require(person, "import", None)
    layout = check(text)
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", layout.code):
        raise refuse("layout.code", T("表样代码“{c}”不能用", "“{c}” cannot be a layout's code", c=layout.code[:40]),
                     T("小写字母、数字、短横线，如 platform-2022", "small letters, digits, hyphens, such as platform-2022"), where=Place(field="code"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    with action():
        hold()
        last = LayoutVersion.objects.filter(code=layout.code).order_by("-number").first()
        if last is not None and last.hash == digest:
            return last
        if last is None and (folder() / f"{layout.code}.yaml").exists():
            raise refuse("layout.taken", T("已经有表样“{c}”，是管理员放进来的文件", "layout “{c}” exists as a file put there by the operator", c=layout.code),
                         do=T("换一个代码", "choose another code"), where=Place(field="code"))
        made = LayoutVersion.objects.create(code=layout.code, number=last.number + 1 if last else 1, title=layout.title.as_json(), text=text, hash=digest, by=person)
        record(person, "layout.save", "layout", layout.code, line=root.path if root else "", data={
            "code": layout.code, "number": made.number, "hash": digest, "reads": list(layout.reads)})
        _write(folder() / f"{layout.code}.yaml", text)  # last: what is not on the disk is not saved
    return made


def code_for(title: str, name: str = "") -> str:
    """A code for a layout called by its title, where the person typed none: the title's initials, else what of the file's name is letters.

    The same title gives the same code, so that saving again is a new version; a title that another layout has taken the initials of gets a number.
    """
    stem = next((s for s in (re.sub(r"[^a-z0-9]+", "-", initials(t).lower()).strip("-")[:40] for t in (title, name.rpartition(".")[0])) if re.search(r"[a-z]", s)), "") or "table"
    last = {v.code: v.title.get("zh", "") for v in LayoutVersion.objects.order_by("number")}
    for n in range(1, 1000):
        code = stem if n == 1 else f"{stem}-{n}"
        if last.get(code, "") == title or (code not in last and not (folder() / f"{code}.yaml").exists()):
            return code
    return stem


def columns_of(layout: Layout) -> list[tuple[str, str, str]]:
    """What a layout reads, for people: the head of a column (or where else it stands), what it is, its unit."""
    b = book()
    rows = [(_where(layout.identifier), str(T("单位代码", "code of the unit")), "")] if layout.identifier else []
    rows += [(_where(spec), told.word(b, name), "") for name, spec in {**layout.fields, **layout.extra}.items()]
    if layout.period:
        rows += [(_where(spec), str(what), "") for spec, what in ((layout.period.whole, T("统计期", "period")), (layout.period.year, T("年份", "year")), (layout.period.month, T("月份", "month"))) if spec]
    for item in layout.items:
        rows.append((item.column, told.word(b, item.item), unit_words(b, item.unit.value) if item.unit.value else "、".join(item.unit.columns)))
    rows += [(_where(f.spec), told.word(b, f.field, layout.ledger), "") for f in layout.ledger_fields]
    return rows + [(_where(f.spec), told.word(b, f.fact.partition(".")[2] or f.fact), "") for f in layout.facts]


def _where(spec: Spec | None) -> str:
    """Where a value stands: the heads of its columns, the sheet's name, the title, the file's name, or a fixed value."""
    if spec is None:
        return ""
    if spec.columns:
        return " + ".join(spec.columns)
    if spec.value is not None:
        return str(T("固定：{v}", "fixed: {v}", v=spec.value))
    return str(T("工作表名", "the sheet's name") if spec.sheet else T("表上的标题", "the title") if spec.title else T("文件名", "the file's name"))


def _write(path: Path, text: str) -> None:
    """Temporary name, fsync, rename, fsync of the folder."""
    path.parent.mkdir(exist_ok=True)
    fd, temporary = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def saved() -> list[dict[str, Any]]:
    """Every layout in the home: its code, title, and who saved which version when (none for files an operator put there)."""
    newest = {v.code: v for v in LayoutVersion.objects.select_related("by").order_by("number")}
    rows = []
    for path in sorted(folder().glob("*.yaml")) if folder().is_dir() else []:
        version, text = newest.get(path.stem), path.read_text(encoding="utf-8", errors="replace")
        try:
            layout: Layout | None = check(text, path.name)
            wrong = ""
        except Exception as error:  # a broken file is shown with what is wrong with it
            layout, wrong = None, str(error)
        rows.append({"code": path.stem, "layout": layout, "version": version, "wrong": wrong})
    return rows
