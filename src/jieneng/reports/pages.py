"""Documents with their proof panel, and the summary tables."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng import engine
from jieneng.core.figure import Figure, Selection
from jieneng.core.formula import Value, read
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.core.words import T
from jieneng.fieldwork.queries import words_of
from jieneng.figures.prove import Proof, prove
from jieneng.people.access import needs
from jieneng.people.queries import root_office, verbs_of
from jieneng.people.scope import scope
from jieneng.records import files
from jieneng.records.workbook import workbook_response
from jieneng.returns import queries as returns
from jieneng.returns.models import Round, SnapshotRecord
from jieneng.rulebook.types import Ledger, LedgerField

from . import actions, prooffile, queries
from .layout import layout_of
from .models import DocumentVersion
from .readback import LIMIT, compare


def _whole_line(request: HttpRequest) -> bool:
    """Documents speak of the whole office: only those whose scope is all of it see them."""
    office = root_office()
    return office is not None and scope(request.user, "see").covers_line(office.path)


def _version(request: HttpRequest, pk: int) -> DocumentVersion:
    row = get_object_or_404(DocumentVersion.objects.select_related("document", "snapshot", "file", "created_by"), pk=pk)
    if not _whole_line(request):
        raise Http404
    return row


@needs("see", "compose")
def documents(request: HttpRequest) -> HttpResponse:
    """Which documents there are, their drafts, and composing a new one."""
    book = returns.book()
    snapshots = returns.snapshots()
    year = snapshots[0].year if snapshots else timezone.localdate().year - 1
    whole = _whole_line(request)
    shown = [{
        "code": code, "title": raw.get("label", {}).get("zh", code), "year": year,
        "versions": [(v, queries.against_last(v)) for v in DocumentVersion.objects.filter(document__code=code).select_related("document", "created_by")
                     .order_by("-pk")[:25]] if whole else [],
    } for code, raw in book.documents.items()]
    return render(request, "reports/documents.html", {
        "title": T("年度总结", "Annual summary"), "documents": shown, "snapshots": snapshots, "whole": whole,
        "may_compose": "compose" in verbs_of(request.user)})


@require_POST
@needs("compose")
def compose(request: HttpRequest, code: str, year: int) -> HttpResponse:
    """Compose a draft; what is missing is named, and nothing is written."""
    snapshot = get_object_or_404(SnapshotRecord, pk=request.POST.get("snapshot", ""))
    version = actions.compose(request.user, code, year, snapshot)
    return HttpResponseRedirect(reverse("document", args=[version.pk]))


def _proofs(row: DocumentVersion) -> dict[str, Proof]:
    """Every figure of a version proved again, by bookmark."""
    book = returns.book()
    try:
        opened = returns.opened(row.snapshot)
    except Refused as refusal:
        return {e["bookmark"]: Proof(False, 0, 0, [str(refusal)]) for e in row.proof["figures"]}
    done: dict[str, Proof] = {}
    result = {}
    for e in row.proof["figures"]:
        if e["id"] not in done:
            done[e["id"]] = prove(book, engine.connect(), opened, Figure.from_json(e["figure"]))
        result[e["bookmark"]] = done[e["id"]]
    return result


@needs("see", "compose")
def version(request: HttpRequest, pk: int) -> HttpResponse:
    """The draft as it reads, every number a link to its proof; a returned docx is compared here."""
    row = _version(request, pk)
    proofs = _proofs(row)
    entered = {e["id"] for e in row.proof["figures"] if e["figure"]["source"]}
    returned = None
    if request.method == "POST" and request.FILES.get("file"):
        data = request.FILES["file"].read(LIMIT + 1)
        other = queries.version_of(data)
        if other.pk != row.pk:
            return HttpResponseRedirect(reverse("document", args=[other.pk]))
        returned = compare(data, row.proof)
    chosen = request.GET.get("figure", "") or (row.proof["figures"][0]["id"] if row.proof["figures"] else "")
    wordings = _borne_out(row)
    return render(request, "reports/version.html", {
        "wordings": wordings, "against": queries.against_last(row), "may_confirm": "compose" in verbs_of(request.user), "statistics_year": row.document.year - 1,
        "open_wordings": sum(w["state"] != "ok" for w in wordings),
        "title": "".join(row.proof["title"]), "draft": row, "blocks": _blocks(row, proofs, entered, {w["id"]: w["state"] for w in wordings}), "returned": returned,
        "counts": {"proved": sum(p.ok for b, p in proofs.items() if not _is_entered(row, b)), "wrong": sum(not p.ok for p in proofs.values()),
                   "entered": sum(_is_entered(row, b) for b in proofs)},
        "intact": files.intact(row.file), "panel": _panel(row, chosen, proofs), "snapshot": row.snapshot})


def _borne_out(row: DocumentVersion) -> list[dict[str, Any]]:
    """The draft's wordings: ok (borne out by figures proved again, or confirmed), open (nobody confirmed), wrong."""
    found, book = queries.wordings(row), returns.book()
    for w in found:
        if not w["holds"]:
            w["state"] = "ok" if w["event"] else "open"
            continue
        try:
            opened = returns.opened(row.snapshot)
            figures = {x["id"]: Figure.from_json(x["figure"]) for x in w["figures"]}
            true = read(w["holds"], Value({k: f.value for k, f in figures.items()})) is True
            w["state"] = "ok" if true and all(prove(book, engine.connect(), opened, f).ok for f in figures.values()) else "wrong"
        except Refused:
            w["state"] = "wrong"
    return found


@require_POST
@needs("compose")
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm words that no figure bears out."""
    row = _version(request, pk)
    actions.confirm(request.user, row, request.POST.get("wording", ""), request.POST.get("reason", ""))
    messages.success(request, str(T("已确认，记入办理记录", "confirmed, and kept in the event log")))
    return HttpResponseRedirect(reverse("document", args=[row.pk]))


def _is_entered(row: DocumentVersion, bookmark: str) -> bool:
    return any(e["bookmark"] == bookmark and e["figure"]["source"] for e in row.proof["figures"])


def _blocks(row: DocumentVersion, proofs: dict[str, Proof], entered: set[str], claims: dict[str, str]) -> list[dict[str, Any]]:
    state = {e["id"]: proofs[e["bookmark"]].ok for e in row.proof["figures"]}
    return [{"level": b["level"], "pieces": [
        {**p, "tone": claims[p["wording"]]} if "wording" in p else {**p, "tone": "" if "id" not in p else "bad" if not state[p["id"]] else "ext" if p["id"] in entered else ""} for p in b["text"]]}
        for b in row.proof["blocks"]]


def _panel(row: DocumentVersion, chosen: str, proofs: dict[str, Proof]) -> dict[str, Any] | None:
    entry = next((e for e in row.proof["figures"] if e["id"] == chosen), None)
    if entry is None:
        return None
    figure = Figure.from_json(entry["figure"])
    rows = _ledger_rows(row, figure)
    return {"entry": entry, "figure": figure, "proof": proofs[entry["bookmark"]], "rows": rows,
            "traceable": any(s.kind.startswith("returns:") for s in figure.selections())}


def _ledger_rows(row: DocumentVersion, figure: Figure) -> dict[str, Any] | None:
    """The frozen ledger lines behind a figure."""
    leaf = next((s for s in figure.selections() if s.kind.startswith("ledger:")), None)
    if leaf is None:
        return None
    kind = leaf.kind.partition(":")[2]
    ledger = returns.book().ledgers[kind]
    try:
        lines = engine.connect().ledger_rows(returns.opened(row.snapshot), kind, leaf.where)
    except Refused:
        return None
    shown = _telling(ledger, leaf)
    return {"ledger": ledger, "fields": shown, "lines": [
        {"pk": r["record"], "name": r[ledger.name] or r["key"], "values": [(f, _frozen_words(f, r[f.code])) for f in shown]}
        for r in lines]}


def _frozen_words(f: LedgerField, value: Any) -> str:
    """A frozen value in words; a number without the zeros that its column fills up with."""
    if value in (None, ""):
        return ""
    text = words_of(f, str(value))
    return text.rstrip("0").rstrip(".") if f.type == "number" and "." in text else text


def _telling(ledger: Ledger, leaf: Selection) -> list[LedgerField]:
    """The fields that show why a line counts: what was taken, what it was chosen by, else what the list shows of it; at most two."""
    by_code = {f.code: f for f in ledger.fields}
    chosen = [leaf.column, *(c for c in leaf.where if by_code.get(c) and by_code[c].type != "year"), *(c for c in ledger.columns if by_code[c].type in ("number", "date"))]
    return [by_code[c] for c in dict.fromkeys(chosen) if c in by_code and c != ledger.name][:2]


@needs("see", "compose")
def figure(request: HttpRequest, pk: int, figure: str) -> HttpResponse:
    """The proof panel of one number."""
    row = _version(request, pk)
    panel = _panel(row, figure, _proofs(row))
    if panel is None:
        raise Http404
    return render(request, "reports/panel.html", {"draft": row, "panel": panel, "snapshot": row.snapshot})


@needs("see", "compose")
def docx(request: HttpRequest, pk: int) -> HttpResponse:
    """The clean docx."""
    row = _version(request, pk)
    return FileResponse(open(files.path_of(row.file.sha256), "rb"), as_attachment=True, filename=row.file.name,
                        content_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document")


@needs("see", "compose")
def proof(request: HttpRequest, pk: int) -> HttpResponse:
    """The proof file."""
    row = _version(request, pk)
    response = HttpResponse(json.dumps(row.proof, ensure_ascii=False, indent=1), content_type="application/json; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="proof-{row.pk}.json"'
    return response


def _period(text: str) -> Period:
    """The period an address names, or 404."""
    try:
        return Period.parse(text)
    except ValueError:
        raise Http404 from None


def _periods(year: int) -> list[Period]:
    """The periods of a year that a table may be made for: its halves and quarters where returns came by month."""
    monthly = Round.objects.filter(form=returns.main_form(), year=year, rhythm="month").exists()
    parts = [Period("half", year, n) for n in (1, 2)] + [Period("quarter", year, n) for n in (1, 2, 3, 4)]
    return [Period("year", year), *(parts if monthly else [])]


@needs("see", "compose")
def proof_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The proof as a workbook: figures, recipes in words, rows with file, sheet and cell."""
    row = _version(request, pk)
    data = prooffile.workbook(row, returns.book(), returns.opened(row.snapshot), _proofs(row), queries.wordings(row))
    return workbook_response(data, f"{''.join(row.proof['title'])}（第{row.number}稿）依据.xlsx")


@needs("see")
def tables(request: HttpRequest) -> HttpResponse:
    """The summary tables there are, for a snapshot and a period, to be downloaded."""
    book, snapshots = returns.book(), returns.snapshots()
    snapshot = next((s for s in snapshots if s.pk == request.GET.get("snapshot")), snapshots[0] if snapshots else None)
    periods = _periods(snapshot.year) if snapshot else []
    period = next((p for p in periods if str(p) == request.GET.get("period")), periods[0] if periods else None)
    return render(request, "reports/tables.html", {
        "title": T("汇总表", "Summary tables"), "snapshots": snapshots, "snapshot": snapshot, "periods": periods, "period": period,
        "tables": [(code, layout_of(book, code), book.tables[code].get("title", {})) for code in book.tables], "whole": _whole_line(request)})


@needs("see")
def table(request: HttpRequest, code: str, period: str) -> HttpResponse:
    """A summary table as xlsx, inside the person's scope."""
    pk, span = request.GET.get("snapshot", ""), _period(period)
    snapshot = get_object_or_404(SnapshotRecord, pk=pk) if pk else returns.latest_snapshot(span.year)
    book = returns.book()
    if snapshot is None or code not in book.tables:
        raise Http404
    title = layout_of(book, code).title
    return workbook_response(actions.table(request.user, code, span, snapshot), f"{title}（{span.label.say('zh')}）.xlsx")
