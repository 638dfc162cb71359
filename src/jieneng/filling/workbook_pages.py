"""The pages of workbooks: one institution's out and in with a marked copy, an office's units out and in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from jieneng.core.problem import Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.models import Office
from jieneng.people.queries import offices_in
from jieneng.people.scope import require
from jieneng.records import files
from jieneng.records.jobs import enqueue
from jieneng.records.models import ReceivedFile
from jieneng.records.workbook import workbook_response
from jieneng.registry.models import Institution
from jieneng.returns.models import Revision, Round
from jieneng.returns.queries import answers_of, book, main_form
from jieneng.returns.waivers import waivers_by_body
from jieneng.rulebook import form_for

from . import actions, issue
from .pages import visible_year
from .queries import Year
from .reading import Read
from .shape import shape_of
from .show import header
from .work import reads_of


def file_name(*parts: object) -> str:
    return "-".join(files.safe_name(str(p)) for p in parts) + ".xlsx"


@needs("file")
def workbook(request: HttpRequest, round_pk: int, institution_pk: int) -> HttpResponse:
    """The workbook of a year with the draft as it stands, last year beside it, and the checks in its cells."""
    year = visible_year(request, round_pk, institution_pk)
    return workbook_response(issue.make(issue.institution_spec(year)), file_name(year.standing.name, year.round.year, T("填报", "fill-in")))


def _own(year: Year, read: Read) -> Read:
    """The workbook, if it is this institution's of this round; refused in words otherwise."""
    if read.identity.get("round") != str(year.round.pk):
        raise refuse("workbook.round", T("这是 {y} 年度的工作簿", "this workbook is of {y}", y=read.identity.get("year", "?")),
                     T("{y} 年度", "{y}", y=year.round.year), T("下载这一年的工作簿再填", "download the workbook of this year"))
    if not any(key == year.institution.key for key, _ in read.rows):
        raise refuse("workbook.unit", T("这不是{n}的工作簿", "this is not the workbook of {n}", n=year.standing.name), do=T("看看是不是拿错了文件", "see whether it is the right file"))
    return read


@require_http_methods(["GET", "POST"])
@needs("file")
def hand_in(request: HttpRequest, round_pk: int, institution_pk: int) -> HttpResponse:
    """Hand a workbook in: its numbers go into the draft, what is wrong is listed with sheet and cell, and a marked copy can be fetched."""
    year = visible_year(request, round_pk, institution_pk)
    context: dict[str, Any] = {**header(year), "title": T("交回工作簿", "Hand in the workbook")}
    if request.method == "POST":
        upload = request.FILES.get("file")
        if upload is None:
            raise refuse("workbook.none", T("还没有选文件", "no file chosen"), do=T("选下载后填好的工作簿", "choose the workbook you filled in"))
        require(request.user, "file", year.standing.office.path, year.institution.key)
        received = files.receive(upload.file, upload.name, request.user)
        try:
            read = _own(year, reads_of(year.round, received)[0])
            saved = actions.take_workbook(request.user, year.round, year.institution, received, read)
        except Refused as refused:
            if any(p.code == "people.forbidden" for p in refused.problems):
                raise
            return render(request, "filling/hand_in.html", {**context, "problems": refused.problems, "file": received}, status=422)
        problems: list[Problem] = [*read.problems, *[c.problem for c in read.cells if c.problem]]
        judged = saved.year.judge()
        found = [f for f in judged.found if f.period in saved.year.open]
        messages.success(request, str(T("工作簿里的数已带入，改了 {n} 格；看过以后再报送", "the numbers were taken over, {n} fields changed; look at them, then file", n=saved.changed)))
        if not problems and not found:
            return HttpResponseRedirect(reverse("filling-year", args=[round_pk, institution_pk]))
        return render(request, "filling/hand_in.html", {**context, "problems": problems, "found": found, "file": received, "taken": True})
    return render(request, "filling/hand_in.html", context)


def _received(request: HttpRequest, sha256: str) -> ReceivedFile:
    return get_object_or_404(ReceivedFile, sha256=sha256, by=request.user)


@needs("file")
def marked(request: HttpRequest, round_pk: int, institution_pk: int, sha256: str) -> HttpResponse:
    """The workbook as it came back, with a comment beside every cell that is wrong or to be looked at."""
    year, received = visible_year(request, round_pk, institution_pk), _received(request, sha256)
    read = _own(year, reads_of(year.round, received)[0])
    notes = issue.remarks(year.shape, [read], {year.institution.key: year.earlier}, {year.institution.key: issue.let_go(year.waivers)})
    return workbook_response(issue.make(issue.institution_spec(year, comments=notes, read=read)), file_name(year.standing.name, year.round.year, T("标注", "marked")))


def _round(pk: int) -> Round:
    return get_object_or_404(Round, pk=pk, form=main_form())


def _offices(request: HttpRequest) -> list[Office]:
    return offices_in(request.user, "import")


@require_http_methods(["GET", "POST"])
@needs("import")
def units(request: HttpRequest, round_pk: int) -> HttpResponse:
    """An office's workbooks: out with a row for each unit, in again, also many in one archive. Reading is a job with progress."""
    round_, offices = _round(round_pk), _offices(request)
    if request.method == "POST":
        office = next((o for o in offices if str(o.pk) == request.POST.get("office", "")), None)
        upload = request.FILES.get("file")
        if office is None or upload is None:
            raise refuse("workbook.incomplete", T("还没有选单位或文件", "no office or no file chosen"), do=T("选好再交", "choose both"))
        require(request.user, "import", office.path)
        received = files.receive(upload.file, upload.name, request.user)
        job = enqueue("workbooks", {"file": received.sha256, "round": round_.pk, "office": office.code}, by=request.user, line=office.path,
                      key=f"workbooks:{round_.pk}:{office.pk}:{received.sha256[:32]}:{timezone.now():%Y%m%d%H%M}")
        return HttpResponseRedirect(reverse("job", args=[job.pk]))
    return render(request, "filling/units.html", {"title": T("单位工作簿", "Workbooks of units"), "round": round_, "offices": [
        {"office": o, "url": reverse("filling-units-workbook", args=[round_.pk, o.pk])} for o in offices]})


@needs("import")
def units_workbook(request: HttpRequest, round_pk: int, office_pk: int) -> HttpResponse:
    """The workbook of an office: a row for each unit and period."""
    round_, office = _round(round_pk), next((o for o in _offices(request) if o.pk == office_pk), None)
    if office is None:
        raise Http404
    return workbook_response(issue.make(issue.office_spec(book(), round_, office)), file_name(office.name, round_.year, T("填报", "fill-in")))


@needs("import")
def units_marked(request: HttpRequest, round_pk: int, sha256: str) -> HttpResponse:
    """What came back from an office's units in one workbook, with a comment beside every cell to look at."""
    round_, received = _round(round_pk), _received(request, sha256)
    mine = [o for o in _offices(request) if received.import_set.filter(on_behalf=o).exists()]
    if not mine:
        raise Http404
    the_book, reads = book(), reads_of(round_, received)
    shape = shape_of(the_book, form_for(the_book, round_.form, round_.year))
    rows = {k: row for r in reads for k, row in r.rows.items()}
    earlier: dict[str, dict[str, Any]] = {}
    back = Revision.objects.filter(ret__institution__key__in={k for k, _ in rows}, ret__round__form=round_.form, ret__round__year=round_.year - 1)
    for r in back.select_related("ret__institution").order_by("number"):
        earlier.setdefault(r.ret.institution.key, {})[r.ret.period] = answers_of(r)
    keys = dict(Institution.objects.filter(key__in={k for k, _ in rows}).values_list("pk", "key"))
    waived = {keys[body]: issue.let_go(of) for body, of in waivers_by_body(keys, round_.form).items()}
    spec = issue.office_spec(the_book, round_, mine[0], comments=issue.remarks(shape, reads, earlier, waived), rows=rows)
    return workbook_response(issue.make(spec), file_name(mine[0].name, round_.year, T("标注", "marked")))
