"""Filling a table that was sent to the office: upload it, see what goes where by a layout (a saved one, or the guess), take the copy."""

from __future__ import annotations

from typing import Any

import yaml
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from jieneng.core.period import Period
from jieneng.core.problem import Place, Refused, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.queries import verbs_of
from jieneng.records import files
from jieneng.records.models import ReceivedFile
from jieneng.records.workbook import XLSX
from jieneng.returns.intake import Layout, guess_file, layout_text, parse_layout
from jieneng.returns.intake.patch import only_xlsx
from jieneng.returns.intake.slots import NAME
from jieneng.returns.queries import book, main_form

from . import layouts as saved_layouts
from . import office_template
from .layout_pages import HELD
from .pages import _year, download

GUESS = "guess"


def usable() -> list[Layout]:
    """The saved layouts by which a workbook of returns is filled."""
    found = (r["layout"] for r in saved_layouts.saved())
    return [x for x in found if x is not None and "answers" in x.reads and x.kind == "xlsx" and not x.ledger]


def guessed(row: ReceivedFile, period: Period) -> Layout:
    """The layout that the table's head suggests; rows by name where it has no column of codes. Raises ``Refused`` for what is unsure."""
    found = guess_file(files.path_of(row.sha256), book(), form=main_form(), name=row.name)
    told = bool(found.period) or any(c.meaning.role in ("period", "year", "month") for c in found.columns)
    said: dict[str, Any] = yaml.safe_load(layout_text(found, book(), form=main_form(), code=GUESS, period="" if told else str(period)))
    if "identifier" not in said and "name" in said:
        said["identifier"] = {"column": said["name"] if isinstance(said["name"], str) else said["name"]["column"], "scheme": NAME}
    layout = parse_layout(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), f"{row.name}.yaml")
    if found.sheet and not layout.sheets:
        layout = parse_layout(yaml.safe_dump({**said, "sheets": found.sheet}, allow_unicode=True, sort_keys=False), f"{row.name}.yaml")
    return layout


@needs("see")
def templates(request: HttpRequest) -> HttpResponse:
    """Upload the table to be filled; it is kept as received."""
    problems: Any = ()
    if request.method == "POST":
        try:
            upload = request.FILES.get("file")
            if upload is None:
                raise refuse("template.file", T("还没有选文件", "no file chosen"), where=Place(field="file"))
            row = files.receive(upload.file, upload.name, request.user)
            only_xlsx(files.path_of(row.sha256), row.name)
            request.session[HELD] = [*(request.session.get(HELD) or [])[-19:], row.sha256]
            return HttpResponseRedirect(reverse("export-fill", args=[row.sha256]))
        except Refused as refused:
            problems = refused.problems
    return render(request, "exchange/templates.html", {"title": T("照别人的表样填", "Fill a table that was sent"), "layouts": usable(), "problems": problems},
                  status=422 if problems else 200)


def _received(request: HttpRequest, sha256: str) -> ReceivedFile:
    """A file this person, or this session, brought in; else 404."""
    row = get_object_or_404(ReceivedFile, sha256=sha256)
    if row.by_id != request.user.pk and sha256 not in (request.session.get(HELD) or []):
        raise Http404
    return row


def _asked(request: HttpRequest) -> tuple[str, str]:
    given = request.POST if request.method == "POST" else request.GET
    return given.get("layout", "") or GUESS, (given.get("period", "") or str(_year(request))).strip()


def _period(text: str) -> Period:
    try:
        return Period.parse(text)
    except ValueError as error:
        raise refuse("export.period", T("“{p}”不是统计期", "“{p}” is no period", p=text[:20]), T("2022 或 2022-03", "2022 or 2022-03"), where=Place(field="period")) from error


def _layout(row: ReceivedFile, code: str, period: Period) -> Layout:
    if code == GUESS:
        return guessed(row, period)
    found = next((x for x in usable() if x.code == code), None)
    if found is None:
        raise refuse("export.layout", T("没有表样“{c}”", "there is no layout “{c}”", c=code[:40]), do=T("重新选一个", "choose another"), where=Place(field="layout"))
    return found


@needs("see")
def fill(request: HttpRequest, sha256: str) -> HttpResponse:
    """What goes where, and what does not; posted: the filled copy."""
    row = _received(request, sha256)
    code, text = _asked(request)
    made: office_template.Filling | None = None
    problems: Any = ()
    try:
        period = _period(text)
        layout = _layout(row, code, period)
        if request.method == "POST":
            done, name = office_template.write(request.user, row, layout, period=period)
            return download(done.data, name, XLSX)
        made = office_template.fill(request.user, row, layout, period=period)
    except Refused as refused:
        problems = refused.problems
    b = book()
    cells = Paginator(made.filled if made else [], 50).get_page(request.GET.get("page"))
    return render(request, "exchange/template.html", {
        "title": T("填哪些格：{n}", "What is filled: {n}", n=row.name), "file": row, "made": made, "counts": made.counts() if made else {}, "problems": problems, "layouts": usable(), "code": code,
        "period": text, "page": cells, "rows": [{"f": f, "item": b.items[f.item].label} for f in cells], "teach": {"import", "edit_register"} & verbs_of(request.user),
        "told": made.problems[:40] if made else []}, status=422 if problems else 200)
