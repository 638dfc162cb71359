"""Imports with progress, and the pages every ledger has: list, record, new, workbook in and out."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T, language
from jieneng.exchange.models import LINE_STATES
from jieneng.people.access import needs
from jieneng.people.models import Office
from jieneng.people.queries import offices_in, root_office, verbs_of
from jieneng.people.scope import Scope, forbidden, require, scope
from jieneng.records import files
from jieneng.records.jobs import enqueue
from jieneng.records.models import Job, ReceivedFile
from jieneng.records.workbook import Column, list_workbook, workbook_response
from jieneng.returns.intake import told
from jieneng.returns.models import Import, Revision, Round
from jieneng.returns.plan.queries import plan_of
from jieneng.returns.queries import book, main_form, returns_in
from jieneng.rulebook.types import Ledger, LedgerField

from . import actions, queries, workbooks
from .intake import TAKEN, import_key, needed_rights, tables_of
from .layouts import Choice, choices
from .models import LedgerRecord
from .queries import words_of


def _offices(request: HttpRequest, *verbs: str) -> list[Office]:
    """Offices (not departments) on whose behalf the person may do any of the verbs."""
    found = {o.pk: o for v in verbs for o in offices_in(request.user, v) if o.kind != "department"}
    return sorted(found.values(), key=lambda o: o.path)


@needs("import", "ledger", "edit_register", "log")
def imports(request: HttpRequest) -> HttpResponse:
    """Bring a file in; earlier imports with what went in and what did not."""
    offices = _offices(request, "import", "ledger", "edit_register")
    shown = choices(book())
    if request.method == "POST":
        if not offices:
            raise forbidden(request.user, "import")
        return _start_import(request, offices, {c.code: c for c in shown})
    lines = scope(request.user, "see").lines
    rows = [i for i in Import.objects.select_related("file", "on_behalf", "by")[:500]
            if i.on_behalf and any(i.on_behalf.path.startswith(p) for p in lines)]
    page, called = Paginator(rows, 25).get_page(request.GET.get("page")), _titles(shown)
    for row in page:
        row.called = called.get(row.layout, row.layout)
    running = Job.objects.filter(kind="import", state__in=("ready", "running"), by=request.user)
    return render(request, "fieldwork/imports.html", {
        "title": T("导入", "Imports"), "page": page,
        "offices": offices, "layouts": shown, "running": running, "taken": TAKEN, "chosen": request.GET, "held": _held(request, request.GET.get("file", "")),
        "for_me": _by_others(scope(request.user, "see")), "accepted": _accepted(request), "beside": bool(offices) and _beside(offices[0])})


def _titles(shown: list[Choice]) -> dict[str, str]:
    """A layout's code → what people call it; our own workbook of returns has no layout file."""
    return {"workbook": str(T("本系统的工作簿", "our own workbook")), **{c.code: c.title for c in shown}}


def _accepted(request: HttpRequest) -> T | None:
    """What returns are once this person has accepted them, said by who accepts; None where the right is missing."""
    mine, top = scope(request.user, "accept"), root_office()
    if not mine:
        return None
    return T("市级已审", "accepted by the city") if top is not None and mine.covers_line(top.path) else T("县级已审", "passed by the county")


def _beside(office: Office) -> bool:
    """Whether the office works beside the national platform (mode A), where a table that says nothing of it is taken for the platform's export."""
    newest = Round.objects.filter(form=main_form()).select_related("office").order_by("-year").first()
    return newest is None or plan_of(newest).mode(office.path) == "A"


def _held(request: HttpRequest, sha256: str) -> ReceivedFile | None:
    """A file that the person brought in before, to be imported without choosing it again."""
    return ReceivedFile.objects.filter(sha256=sha256, by=request.user).first() if sha256 else None


def _by_others(mine: Scope) -> list[dict[str, Any]]:
    """Files that an office above imported and that brought returns of one's own units: which, by whom, when, and how many returns and units.

    What else was in them is not said: such an import opens no page of its own here.
    """
    root = root_office()
    if not mine.lines or (root is not None and mine.covers_line(root.path)):
        return []
    rows = Revision.objects.filter(ret__in=returns_in(mine), batch__reads="answers").exclude(batch__on_behalf=None)
    for line in mine.lines:
        rows = rows.exclude(batch__on_behalf__path__startswith=line)
    found = rows.values("batch__file__name", "batch__on_behalf__name", "batch__at").annotate(n=Count("ret", distinct=True), units=Count("ret__institution", distinct=True))
    return [{"name": r["batch__file__name"], "office": r["batch__on_behalf__name"], "at": r["batch__at"], "n": r["n"], "units": r["units"]} for r in found.order_by("-batch__at")[:25]]


def _start_import(request: HttpRequest, offices: list[Office], layouts: dict[str, Any]) -> HttpResponse:
    """Keep the files as received, then hand each to the worker. The person may leave the page."""
    uploads, held = request.FILES.getlist("file"), _held(request, request.POST.get("held", ""))
    choice = layouts.get(request.POST.get("layout", ""))
    office = next((o for o in offices if str(o.pk) == request.POST.get("office", "")), None)
    missing = [label for label, value in (
        (T("文件", "file"), uploads or held), (T("表样", "layout"), choice), (T("代表单位", "on behalf of"), office)) if not value]
    if missing or choice is None or office is None:
        raise refuse("import.incomplete", T("还没有选：{what}", "not chosen yet: {what}", what="、".join(map(str, missing))))
    for right in needed_rights(choice.layout):
        require(request.user, right, office.path)
    accept, take = request.POST.get("accept") == "1", request.POST.get("take", "")
    if take and take not in TAKEN:
        raise refuse("import.take", T("不认识“{t}”", "unknown “{t}”", t=take[:40]), T("{a}", "{a}", a="、".join(map(str, TAKEN.values()))))
    part = any(f.part_of for f in book().forms.values() if f.code == choice.layout.form)
    if not take and not choice.layout.holder and "answers" in choice.layout.reads and not part and _beside(office):
        take = "both"  # kept as the platform's word; ours follow only where nobody changed them
    received = [files.receive(upload.file, upload.name, request.user) for upload in uploads] or ([held] if held else [])
    rows = [row for one in received for row in tables_of(request.user, one)]
    job = None
    for row in rows:
        job = enqueue("import", {
            "file": row.sha256, "layout": choice.text, "layout_name": choice.code + ".yaml", "office": office.code,
            "accept": accept, "take": take}, by=request.user, line=office.path, key=import_key(row, choice.text, office, accept, take))
    if job is not None and len(rows) == 1:
        return HttpResponseRedirect(reverse("job", args=[job.pk]))
    return HttpResponseRedirect(reverse("imports"))


def _visible_import(request: HttpRequest, pk: int) -> Import:
    row = get_object_or_404(Import.objects.select_related("file", "on_behalf", "by"), pk=pk)
    lines = scope(request.user, "see").lines
    if row.on_behalf is None or not any(row.on_behalf.path.startswith(p) for p in lines):
        raise Http404
    return row


@needs("import", "ledger", "edit_register", "log")
def one_import(request: HttpRequest, pk: int) -> HttpResponse:
    """One import: counts and every problem with sheet and cell."""
    row = _visible_import(request, pk)
    part = row.revisions.select_related("ret").first() if row.layout == "workbook" else None
    return render(request, "fieldwork/import.html", {
        "round": part.ret.round_id if part else None, "title": row.file.name, "import": row, "called": _titles(choices(book())).get(row.layout, row.layout), "intact": files.intact(row.file),
        "page": Paginator(told.alike(book(), row.problems, _ledger_of(row)), 50).get_page(request.GET.get("page")), "places": len(row.problems),
        "counts": {k: v for k, v in row.counts.items() if k not in ("read", "register_lines")},
        "ticked": [(str(LINE_STATES[k]), n) for k, n in row.counts.get("register_lines", {}).items()], "read": row.counts.get("read", {})})


@needs("import", "ledger", "edit_register", "log")
def problems_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The problems of an import as a workbook, to hand to whoever must mend the file."""
    row, code = _visible_import(request, pk), language()

    def text(p: dict[str, Any], part: str) -> str:
        return (p.get(part) or {}).get(code, "")

    data = [[p["where"].get("file", ""), p["where"].get("sheet", ""), p["where"].get("cell", ""), p["where"].get("line"), told.word(book(), p["where"].get("field", ""), _ledger_of(row)),
             text(p, "found"), text(p, "expected"), text(p, "do")] for p in row.problems]
    columns = [Column(T("文件", "file"), 30), Column(T("工作表", "sheet"), 16), Column(T("单元格", "cell"), 10), Column(T("行", "line"), 7), Column(T("项目", "field"), 16),
               Column(T("看到的", "found"), 60), Column(T("应为", "expected"), 40), Column(T("怎么办", "what to do"), 40)]
    return workbook_response(list_workbook(T("没有读入的", "Not taken in"), columns, data, notes=[row.file.name]),
                             f"没有读入的（{row.file.name.rpartition('.')[0] or row.file.name}）.xlsx")


def _ledger_of(row: Import) -> str:
    """The ledger an import brought lines of, or ""."""
    found = re.search(r"^reads:\s*ledger:([\w-]+)", row.layout_text, re.M)
    return found.group(1) if found else ""


def _ledger(kind: str) -> Ledger:
    found = book().ledgers.get(kind)
    if found is None:
        raise Http404
    return found


def _lines(request: HttpRequest, ledger: Ledger) -> list[dict[str, Any]]:
    """The lines in scope with their current values, narrowed by the filters in the address."""
    rows = queries.records(scope(request.user, "see"), ledger.code)
    current = queries.current(rows)
    by_code = {f.code: f for f in ledger.fields}
    q = request.GET.get("q", "").strip().lower()
    result = []
    for row in rows:
        values = current[row.pk].values
        cells = [{"field": by_code[c], "text": words_of(by_code[c], values.get(c, "")), "raw": values.get(c, "")}
                 for c in ledger.columns]
        if q and q not in " ".join([row.key, *(c["text"] for c in cells)]).lower():
            continue
        if any(request.GET.get(f.code) and values.get(f.code) != request.GET[f.code]
               for f in ledger.fields if f.type in ("choice", "year")):
            continue
        result.append({"row": row, "cells": cells, "values": values,
                       "name": words_of(by_code[ledger.name], values.get(ledger.name, "")) or row.key})
    return result


def _totals(ledger: Ledger, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The sums of number columns over what the filter shows, each saying what was added; none where nothing can be added.

    A number whose unit is chosen (个, 组, 套) is added up for each unit apart.
    """
    by_code = {f.code: f for f in ledger.fields}
    columns = [by_code[c] for c in ledger.columns]
    if not any(f.type == "number" and f.added for f in columns):
        return []
    return [{"field": f, "parts": _added(f, columns, lines) if f.type == "number" and f.added else []} for f in columns]


def _added(f: LedgerField, columns: list[LedgerField], lines: list[dict[str, Any]]) -> list[dict[str, str]]:
    """One sum for each unit, with the choices it is made of: 128 个（四分类桶 54、二分类桶 74）."""
    fields = {c.code: c for c in columns}
    found = []
    filled = [x["values"] for x in lines if x["values"].get(f.code)]
    for unit in sorted({v.get(f.unit_from, "") for v in filled} if f.unit_from else {""} if filled else set()):
        mine = [v for v in filled if not f.unit_from or v.get(f.unit_from, "") == unit]
        made_of = []
        for c in columns:
            if c.type == "choice" and c.code != f.unit_from and f.unit_from and len({v.get(c.code) for v in mine}) > 1:
                made_of.append("、".join(f"{t} {sum(Decimal(v[f.code]) for v in mine if v.get(c.code) == k):,f}"
                                        for k, t in c.choices.items() if any(v.get(c.code) == k for v in mine)))
        found.append({"sum": f"{sum((Decimal(v[f.code]) for v in mine), Decimal(0)):,f}", "unit": words_of(fields[f.unit_from], unit) if f.unit_from in fields else "",
                      "of": "；".join(made_of), "lines": str(len(mine))})
    return found


@needs("see")
def ledger(request: HttpRequest, kind: str) -> HttpResponse:
    """One ledger: search, filters, totals of what is shown, in and out as xlsx."""
    declared = _ledger(kind)
    lines, root = _lines(request, declared), root_office()
    mine = offices_in(request.user)
    return render(request, "fieldwork/ledger.html", {
        "narrowed": any(v for k, v in request.GET.items() if k != "page"), "mine": mine[0].name if mine else "—",
        "whole": root is not None and scope(request.user, "see").covers_line(root.path),
        "title": declared.title, "ledger": declared, "page": Paginator(lines, 25).get_page(request.GET.get("page")),
        "totals": _totals(declared, lines), "total": len(lines), "filters": request.GET,
        "columns": [f for c in declared.columns for f in declared.fields if f.code == c],
        "choices": [f for f in declared.fields if f.type == "choice"],
        "may_edit": "ledger" in verbs_of(request.user)})


@needs("see")
def ledger_xlsx(request: HttpRequest, kind: str) -> HttpResponse:
    """What the filter shows, as a workbook that can be read back in."""
    declared = _ledger(kind)
    return workbook_response(workbooks.exported(declared, [line["values"] for line in _lines(request, declared)]), f"{declared.title.zh}.xlsx")


@needs("ledger")
def template_xlsx(request: HttpRequest, kind: str) -> HttpResponse:
    """An empty workbook with this ledger's columns, lists to pick from, required marks and examples."""
    declared = _ledger(kind)
    return workbook_response(workbooks.template(declared), f"{declared.title.zh}（空表）.xlsx")


class LineForm(forms.Form):
    """The form of one ledger line, built from its declaration. Checks are the verbs' own (``actions.checked``)."""

    def __init__(self, declared: Ledger, *args: Any, locked: bool = False, reason: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.declared = declared
        for f in declared.fields:
            field: forms.Field
            if f.type == "choice":
                field = forms.ChoiceField(choices=[("", "—"), *((c, str(t)) for c, t in f.choices.items())])
            elif f.type == "date":
                field = forms.CharField(widget=forms.DateInput(attrs={"type": "date"}))
            elif f.type == "number":
                field = forms.CharField(widget=forms.TextInput(attrs={"inputmode": "decimal"}))
            else:
                field = forms.CharField()
            field.required, field.label = False, str(f.label)
            field.help_text = str(f.help) if f.help else ""
            field.widget.attrs["data-unit"] = f.unit
            if f.required:
                field.widget.attrs["aria-required"] = "true"
            if locked and f.code in declared.key:
                field.widget.attrs["readonly"] = "readonly"
            self.fields[f.code] = field
        self.fields["reason"] = forms.CharField(required=False, label=str(T("变更原因", "Reason for change")), max_length=300)
        if reason:
            self.fields["reason"].widget.attrs["aria-required"] = "true"

    def tell(self, refusal: Refused) -> None:
        """Put each problem beside its field; the rest on top. What was typed stays in the boxes."""
        for p in refusal.problems:
            name = p.where.field if p.where.field in self.fields else None
            text = str(p.found) + (str(T("；应为：", "; expected: ")) + str(p.expected) if p.expected else "")
            self.add_error(name, text + (str(T("。", ". ")) + str(p.do) if p.do else ""))


def _line_page(request: HttpRequest, declared: Ledger, row: LedgerRecord | None) -> HttpResponse:
    offices = _offices(request, "ledger")
    editable = bool(offices) and (row is None or scope(request.user, "ledger").covers_line(row.office.path))
    current = row.revisions.get(number=row.revision) if row else None
    frozen = queries.frozen_in(row) if row else ""
    form = LineForm(declared, request.POST or None, initial=current.values if current else {}, locked=row is not None, reason=bool(frozen))
    if request.method == "POST":
        if not offices:
            raise forbidden(request.user, "ledger")
        form.is_valid()
        values = {f.code: form.cleaned_data.get(f.code, "") for f in declared.fields}
        try:
            saved = actions.save(
                request.user, declared, values, office=offices[0],
                key=row.key if row else "", seen=whole(request.POST.get("seen"), 9) or 0 if row else None,
                reason=form.cleaned_data.get("reason", ""))
        except Refused as refusal:
            if any(p.code == "people.forbidden" for p in refusal.problems):
                raise
            form.tell(refusal)
        else:
            messages.success(request, str(T("已保存“{key}”", "Saved “{key}”", key=saved.key)))
            return HttpResponseRedirect(reverse("ledger-record", args=[declared.code, saved.pk]))
    title = (words_of(next(f for f in declared.fields if f.code == declared.name), current.values.get(declared.name, "")) or row.key) \
        if row and current else T("新登一条：{record}", "New: {record}", record=str(declared.record))
    history = list(row.revisions.select_related("by", "batch__file").order_by("-number")) if row else []
    sources = queries.origins(declared, history)
    return render(request, "fieldwork/record.html", {
        "title": title, "ledger": declared, "row": row, "form": form, "current": current, "editable": editable,
        "history": _history(declared, history), "frozen": frozen,
        "lines": [{"field": f, "text": words_of(f, current.values.get(f.code, "")), "origin": _origin(f, sources.get(f.code))} for f in declared.fields]
        if current else []},
        status=422 if form.errors else 200)


def _origin(f: LedgerField, origin: queries.Origin | None) -> dict[str, Any] | None:
    """Where a value came from, in words: the cell and what stood there, or who entered it when."""
    if origin is None:
        return None
    cell, raw = origin.cell, str((origin.cell or {}).get("raw") or "")
    return {"revision": origin.revision, "file": origin.revision.batch.file if cell and origin.revision.batch else None,
            "cell": f"{cell.get('sheet', '')} {cell.get('cell', '')}".strip() if cell else "", "raw": words_of(f, raw) if raw in f.choices else raw}


def _history(declared: Ledger, revisions: list[Any]) -> list[dict[str, Any]]:
    """Revisions, newest first, each with what it changed."""
    result = []
    for n, rev in enumerate(revisions):
        before = revisions[n + 1].values if n + 1 < len(revisions) else {}
        result.append({"rev": rev, "changes": queries.differences(declared, before, rev.values) if before else [], "first": not before})
    return result


@needs("ledger")
def new(request: HttpRequest, kind: str) -> HttpResponse:
    """Enter a line by hand."""
    return _line_page(request, _ledger(kind), None)


@needs("see")
def one(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """One line with its history; those who keep the ledger can change it."""
    rows = queries.records(scope(request.user, "see"), kind)
    row = get_object_or_404(rows, pk=pk)
    if request.method == "POST":
        require(request.user, "ledger", row.office.path)
    return _line_page(request, _ledger(kind), row)


@require_POST
@needs("ledger")
def withdraw(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Take a line out, with a reason."""
    row = get_object_or_404(queries.records(scope(request.user, "ledger"), kind), pk=pk)
    actions.withdraw(request.user, _ledger(kind), row.key, request.POST.get("reason", ""))
    messages.success(request, str(T("已撤销“{key}”", "Withdrawn: “{key}”", key=row.key)))
    return HttpResponseRedirect(reverse("ledger", args=[kind]))
