"""Teaching a layout: the guess beside the first rows of the file, corrected by dropdowns, tried on the file, saved for everyone."""

from __future__ import annotations

import os
import re
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T, language
from jieneng.people.access import needs
from jieneng.people.models import User
from jieneng.people.scope import scope
from jieneng.records import files
from jieneng.records.models import ReceivedFile
from jieneng.records.workbook import Column, list_workbook, workbook_response
from jieneng.returns.intake import Guess, confirmed, guess_file, layout_text, parse_layout, read_file, told, unpack
from jieneng.returns.intake.guess import known_codes
from jieneng.returns.queries import book, main_form

from . import layouts as saved_layouts
from .actions import whose
from .models import LayoutVersion

HELD = "templates"
"""Key of a session: the tables to be filled that it brought in. The same one is sent to many, and is kept once."""
ROLES: list[tuple[str, T]] = [
    ("skip", T("不读", "not read")), ("identifier.uscc", T("单位代码：统一社会信用代码", "code: credit code")),
    ("identifier.platform", T("单位代码：平台编号", "code: platform id")), ("alias.platform", T("另一编号：平台编号", "other id: platform's")),
    ("name", T("单位名称", "name")), ("area", T("统计归口地区", "area (line)")), ("department", T("主管部门", "department")), ("type", T("单位性质", "type")),
    ("territory", T("所在地", "territory")), ("period", T("统计期", "period")), ("year", T("年份", "year")), ("month", T("月份", "month")),
    ("item_name", T("指标名称（一行一项）", "name of the item (a row each)")), ("value", T("数值（一行一项）", "value (a row each)")), ("unit", T("计量单位列", "unit, per row")),
    ("fact.status", T("平台填报状态", "platform's status")), ("fact.quota_warning", T("平台定额预警", "platform's quota warning")),
    ("in_scope", T("是否纳入统计", "in scope")), ("covered_by", T("代报单位代码", "covered by")), ("since", T("起始日期", "since")),
    ("extra.sensitive", T("敏感单位", "sensitive")), ("extra.reason", T("变更原因", "reason of change")), ("extra.document", T("变更依据", "paper of change")),
    ("extra.contact", T("联络员", "liaison")), ("extra.contact_office", T("联络员科室", "liaison's office")), ("extra.contact_phone", T("联络员电话", "liaison's phone")),
]

FIRST = 12
"""Kinds of problems that a trial shows on the page; all of them are in the workbook."""


@needs("import", "edit_register")
def layouts(request: HttpRequest) -> HttpResponse:
    """All layouts with author and version; a file to learn a new one from."""
    if request.method == "POST":
        upload = request.FILES.get("file")
        if upload is None:
            raise refuse("layout.file", T("还没有选文件", "no file chosen"))
        row = files.receive(upload.file, upload.name, request.user)
        found = unpack(files.path_of(row.sha256), name=row.name)
        if found:
            import io

            row = files.receive(io.BytesIO(found[0][1]), found[0][0], request.user)
        return HttpResponseRedirect(reverse("layout-guess", args=[row.sha256]))
    return render(request, "exchange/layouts.html", {"title": T("表样：教系统认一张表", "Layouts: teaching the system a table"), "rows": saved_layouts.saved()})


def _received(request: HttpRequest, sha256: str) -> ReceivedFile:
    """A file the person brought in, or one imported in their scope; else 404."""
    row = get_object_or_404(ReceivedFile, sha256=sha256)
    lines = row.import_set.values_list("on_behalf__path", flat=True)
    held = sha256 in (request.session.get(HELD) or [])
    if row.by_id != request.user.pk and not held and not any(request.scope.covers_line(x or "-") for x in lines):
        raise Http404
    return row


@needs("import", "edit_register")
def guess(request: HttpRequest, sha256: str) -> HttpResponse:
    """What the header seems to say, beside the first rows. Confirmed or corrected, tried on the whole file, then saved."""
    row = _received(request, sha256)
    proposed = guess_file(files.path_of(row.sha256), book(), form=main_form(), name=row.name)
    typed: dict[str, str] = {"code": "", "zh": re.sub(r"\.[A-Za-z]+$", "", row.name)[:60], "period": ""}
    problems: Any = ()
    tried = None
    if request.method == "POST":
        typed = {k: request.POST.get(k, "").strip() for k in typed}
        proposed = _corrected(request, proposed)
        try:
            code = typed["code"] or saved_layouts.code_for(typed["zh"], row.name)
            text = layout_text(proposed, book(), form=main_form(), code=code, title=T(typed["zh"] or "?", typed["zh"] or "?"), period=typed["period"])
            tried = _tried(row, text, request.user)
            if request.POST.get("verb") == "problems":
                return workbook_response(_problems_xlsx(row, tried), "读不出的.xlsx")
            if request.POST.get("verb") == "save":
                made = saved_layouts.save(request.user, text)
                messages.success(request, str(T("表样“{c}”第 {n} 版已保存，大家都能用", "layout “{c}”, version {n}, saved for everyone", c=typed["zh"] or made.code, n=made.number)))
                if request.GET.get("for") == "template":
                    return HttpResponseRedirect(reverse("export-fill", args=[row.sha256]) + f"?layout={made.code}")
                return HttpResponseRedirect(reverse("layout", args=[made.code]) + f"?file={row.sha256}")
        except Refused as refused:
            problems = refused.problems
    return render(request, "exchange/guess.html", {
        "title": T("这张表怎么读", "How this table is read"), "file": row, "guess": proposed, "typed": typed, "problems": problems, "tried": tried,
        "columns": _shown(proposed.columns, "c"), "names": _shown(proposed.names, "n"), "roles": ROLES, "items": _items(), "units": _units(),
        "alike": "、".join(proposed.alike), "left": "、".join(s for s in proposed.sheets if s and s not in proposed.alike),
        "period": _period_words(proposed), "codes": _code_choices(proposed), "preview": _preview(proposed), "unsure": len(proposed.unsure) + sum(bool(c.eaten) for c in proposed.columns),
        "eaten": sum(c.eaten for c in proposed.columns), "unknown": sum(c.unknown for c in proposed.columns)}, status=422 if problems else 200)


def _corrected(request: HttpRequest, proposed: Guess) -> Guess:
    """The guess with what the person chose; only roles, items and units that exist are taken."""
    known = {code for code, _ in ROLES} | {f"item:{i}" for i in book().items} | {f"month.{m}" for m in range(1, 13)}
    roles, units = dict[str, str](), dict[str, str]()
    codes: dict[str, dict[str, str]] = {}
    for key, value in request.POST.items():
        kind, _, at = key.partition("-")
        if kind == "role" and value in known:
            roles[at] = value
        elif kind == "unit" and (value == "" or value in book().units):
            units[at] = value
        elif kind == "code" and (m := re.fullmatch(r"(area|territory|type)-(\d{1,2})", at)):
            seen = list(proposed.codes.get(m.group(1), {}))
            if int(m.group(2)) < len(seen) and (value == "" or value in known_codes(book(), m.group(1)).values()):
                codes.setdefault(m.group(1), {})[seen[int(m.group(2))]] = value
    return confirmed(proposed, roles, {k: v or "" for k, v in units.items()}, codes)


def _preview(g: Guess) -> list[list[dict[str, Any]]]:
    """The first rows, cell by cell; in the head a merged cell stands once, over the columns and rows that it spans."""
    head = (g.header_row or g.header_rows) + g.header_rows - 1
    while 0 < head < len(g.rows) and sum(bool(a.strip()) and a == b for a, b in zip(g.rows[head - 1], g.rows[head], strict=False)) > 1:
        head += 1  # the line of the items' numbers, under which merged heads run on
    rows = g.rows[:head + 4]
    start = max(0, len(rows) - 12)
    rows, head = rows[start:], head - start
    width = max((len(r) for r in rows), default=0)
    grid = [[*r, *[""] * (width - len(r))] for r in rows]
    spans: list[list[dict[str, Any]]] = [[] for _ in grid]
    taken: set[tuple[int, int]] = set()
    for at, line in enumerate(grid):
        for n, text in enumerate(line):
            if (at, n) in taken:
                continue
            wide, deep = 1, 1
            if at < head and text.strip():
                while n + wide < width and line[n + wide] == text and (at, n + wide) not in taken:
                    wide += 1
                while at + deep < head and all(grid[at + deep][n + k] == text for k in range(wide)):
                    deep += 1
            taken |= {(at + d, n + k) for d in range(deep) for k in range(wide)}
            spans[at].append({"text": text, "wide": wide, "deep": deep, "head": at < head})
    return spans


def _tried(row: ReceivedFile, text: str, person: User) -> dict[str, Any]:
    """What the whole file would bring when read by the layout: counts and the first problems, units looked up in the register as an import
    does. Nothing is written."""
    layout = parse_layout(text, "layout.yaml")
    if layout.identifier is None:
        raise refuse("layout.identifier", T("没有单位代码这一列", "no column of codes"), where=Place(file=row.name))
    result = read_file(files.path_of(row.sha256), layout, book(), name=row.name)
    registered = {(b.scheme, b.identifier) for b in result.bodies}  # a table that brings the register along
    lines = scope(person, "import").lines or scope(person, "edit_register").lines
    strangers: list[Problem] = []
    good = whose((d for d in result.drafts if (d.scheme, d.identifier) not in registered), os.path.commonpath(lines).rstrip("/") + "/" if lines else "-", strangers)
    drafts = len(good) + sum((d.scheme, d.identifier) in registered for d in result.drafts)
    problems = [p.as_json() for p in (*result.problems, *strangers)]
    found = told.alike(book(), problems, layout.ledger)
    return {"counts": result.counts, "problems": found[:FIRST], "rest": max(0, len(found) - FIRST), "all": problems, "ledger": layout.ledger,
            "n": result.counts.get("problems", 0) + len(strangers), "strangers": len(strangers), "drafts": drafts, "bodies": len(result.bodies)}


def _problems_xlsx(row: ReceivedFile, tried: dict[str, Any]) -> bytes:
    """Every place that could not be read, one a row."""
    code = language()
    data = [[told.place_of(p), told.word(book(), p["where"].get("field", ""), tried["ledger"]), *((p.get(part) or {}).get(code, "") for part in ("found", "expected", "do"))] for p in tried["all"]]
    return list_workbook(T("读不出的", "Not read"), [Column(T("位置", "place"), 20), Column(T("项目", "field"), 16), Column(T("看到的", "found"), 60), Column(T("应为", "expected"), 40),
                                                    Column(T("怎么办", "what to do"), 40)], data, notes=[row.name])


def _shown(columns: Any, kind: str) -> list[dict[str, Any]]:
    from jieneng.rulebook import unit_code

    found = []
    for n, c in enumerate(columns):
        unit = c.meaning.unit
        try:
            unit = unit_code(book(), unit) if unit else ""
        except Refused:
            unit = ""
        found.append({"key": f"{kind}{c.at}" if kind == "c" else f"n{n}", "c": c, "role": f"item:{c.meaning.item}" if c.meaning.item else c.meaning.role, "unit": unit,
                      "sample": "、".join(list(dict.fromkeys(v for v in c.sample if v))[:3])[:60], "month": c.meaning.role.startswith("month.")})
    return found


def _items() -> list[tuple[str, str]]:
    b = book()
    forms = [f for f in b.forms.values() if f.code == main_form()]
    numbers = {i.item: i.number for f in forms for i in f.items}
    return [(f"item:{c}", f"{numbers[c]} {b.items[c].label}".strip()) for c in numbers]


def _units() -> list[tuple[str, str]]:
    return [(u.code, str(u.label)) for u in book().units.values()]


def _period_words(g: Guess) -> str:
    if g.period:
        where = {"sheet": T("工作表名“{s}”", "the sheet's name “{s}”", s=g.sheet), "title": T("表头上面的标题", "the title above the header"), "file": T("文件名", "the file's name")}
        return str(T("从{w}里取", "taken from {w}", w=where[next(iter(g.period))]))
    return ""


def _code_choices(g: Guess) -> list[dict[str, Any]]:
    return [{"role": role, "label": next((c.label for c in g.columns if c.meaning.role == role), role), "known": sorted((v, k) for k, v in known_codes(book(), role).items()),
             "values": [{"key": f"code-{role}-{n}", "value": v, "code": code} for n, (v, code) in enumerate(values.items())]} for role, values in g.codes.items()]


@needs("import", "edit_register")
def one(request: HttpRequest, code: str) -> HttpResponse:
    """One layout with its versions."""
    versions = list(LayoutVersion.objects.filter(code=code).select_related("by").order_by("-number"))
    path = next((p for p in saved_layouts.folder().glob("*.yaml") if p.stem == code), None)
    if path is None:
        raise Http404
    text = path.read_text(encoding="utf-8", errors="replace")
    layout, wrong = None, ""
    try:
        layout = saved_layouts.check(text, path.name)
    except Refused as refused:
        wrong = str(refused)
    sha256 = request.GET.get("file", "")
    return render(request, "exchange/layout.html", {
        "title": T("表样：{c}", "Layout: {c}", c=str(layout.title) if layout else code), "code": code, "versions": versions, "text": text, "wrong": wrong,
        "columns": saved_layouts.columns_of(layout) if layout else [], "file": _received(request, sha256) if sha256 else None})
