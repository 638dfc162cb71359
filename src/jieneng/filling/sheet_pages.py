"""The pages of the printed return: the A4 sheet with its code, the stamped scan back, and whether a sheet matches."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jieneng.core.amount import stored
from jieneng.core.period import Period
from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.scope import scope
from jieneng.registry import vouchers
from jieneng.registry.models import Contact, Institution
from jieneng.registry.queries import closed_to, insider, standing_for
from jieneng.returns.models import OnBehalf, Round
from jieneng.returns.part_lines import tables_of
from jieneng.returns.queries import book

from .amounts import plain
from .shape import unit_sign
from .sheet import Sheet, qr, sheet_of, verify
from .show import month_words, spans
from .signing import PARTS

STAMPED = "stamped_return"
"""The kind of paper in the folder that a stamped scan is."""


def spaced(code: str) -> list[str]:
    """A code in parts that are read and typed without losing one's place, and that no line breaks: what it names, then its digits by fours.

    >>> spaced("JN1-3-50-1+12:1-75E9DA8B3D6A40D456CF18BD3B009401")[:3]
    ['JN1-3-50-1+12:1-', '75E9', 'DA8B']
    """
    head, digits = code[:-32], code[-32:]
    return [head, *(digits[n:n + 4] for n in range(0, 32, 4))]


def _visible(request: HttpRequest, round_pk: int, institution_pk: int) -> tuple[Round, Institution]:
    institution, round_ = get_object_or_404(Institution, pk=institution_pk), get_object_or_404(Round, pk=round_pk)
    standing = standing_for(institution, Period("year", round_.year))
    if standing is None or not request.scope.covers(standing.office.path, institution.key) or closed_to(request.user, [institution.pk]):
        raise Http404
    return round_, institution


def rows_of(sheet: Sheet) -> list[dict[str, Any]]:
    """The lines of a sheet in the form's order: a value for each period, and the year's."""
    answers, the_book = sheet.answers, book()
    standing, asked = {e.code for e in sheet.shape.standing}, len({*sheet.asked, *sheet.revisions})
    rows = []
    for e in sheet.shape.entries.values():
        values = [answers[p].get(e.code) for p in sheet.revisions]
        known = [v for v in values if v is not None]
        missing = asked - len(known) if known and e.item.over_time == "sum" else 0
        rows.append({"number": e.number, "label": e.label, "unit": unit_sign(the_book, e.item.unit), "cells": values, "whole": None if missing else _whole(known, e.item.over_time),
                     "missing": missing, "standing": e.code in standing, "part": e.item.parent, "places": 2 if the_book.units[e.item.unit].family == "money" else None})
    return rows


def _whole(known: list[Decimal], over_time: str) -> Decimal | None:
    """The year's value of an item from its months: their sum, the last, or their mean (``rulebook.types.Item.over_time``)."""
    if not known:
        return None
    return sum(known, Decimal(0)) if over_time == "sum" else known[-1] if over_time == "last" else Decimal(plain(stored(Fraction(sum(known)) / len(known))[0]))


def _scans(sheet: Sheet, request: HttpRequest) -> list[dict[str, Any]]:
    """The stamped scans in the folder of the year, each with whether it is of the sheet as it stands."""
    rows = vouchers.folder(sheet.institution, sheet.round.year).filter(kind=STAMPED).order_by("-id")
    see = scope(request.user, "see")
    return [{"row": r, "verdict": verify(r.label.rpartition(" ")[2], see, request.user)} for r in rows]


def _reasons(sheet: Sheet) -> list[tuple[str, str]]:
    """What was explained when it was filed, each reason once, with the periods it is about."""
    said: dict[str, list[str]] = {}
    for p, r in sheet.revisions.items():
        if r.reason:
            said.setdefault(r.reason, []).append(month_words(p))
    return [("、".join(ps) if len(ps) < len(sheet.revisions) else str(T("全年", "all year")), reason) for reason, ps in said.items()]


def _signers(sheet: Sheet, named: bool) -> dict[str, str]:
    """Part → the name under the whole sheet: only where one filing made all of it. Names are for those who work with the unit (``named``)."""
    return {part: name if named else str(T("（已签名）", "(signed)")) for part, name, *_ in sheet.filing.signed} if sheet.filing else {}


def _apart(sheet: Sheet, on_word: list[OnBehalf], named: bool) -> list[tuple[str, T]]:
    """Where the sheet rests on several filings, or on what nobody of the unit signed: which periods, and what is known of them."""
    if sheet.filing:
        return []
    said: list[tuple[str, T]] = []
    for f in sheet.different:
        names = "、".join(f"{PARTS[part]} {name}" if named else str(PARTS[part]) for part, name, *_ in f.signed if part in PARTS)
        said.append((spans(p for p, of in sheet.filings.items() if of.pk == f.pk), T("第 {n} 次报送，{s}签名", "filing no. {n}, signed: {s}", n=f.number, s=names + (" " if named else ""))))
    words = {"word": T("代改（代录），未签名", "entered for the unit; not signed"), "import": T("导入，未签名", "imported; not signed"), "": T("没有签名记录", "no signature on record")}
    apart: dict[str, list[str]] = {}
    for p in sheet.unsigned:
        batch = sheet.revisions[p].batch_id
        apart.setdefault("" if batch is None else "word" if any(o.batch_id == batch for o in on_word) else "import", []).append(p)
    return [*said, *((spans(ps), words[k]) for k, ps in apart.items())]


def context_of(sheet: Sheet, request: HttpRequest) -> dict[str, Any]:
    """What the printed sheet shows."""
    named = insider(request.user, sheet.standing.office.path, sheet.institution.key)  # names and numbers of people: as on the institution's card
    signed = _signers(sheet, named)
    on_word = list(OnBehalf.objects.filter(batch__in=[r.batch_id for r in sheet.revisions.values() if r.batch_id]).select_related("batch__file", "by"))
    contacts = Contact.objects.filter(institution=sheet.institution, role="statistics", until=None).values_list("phone", flat=True) if named else []
    return {"sheet": sheet, "form": sheet.shape.form, "standing": sheet.standing, "round": sheet.round, "monthly": len(sheet.revisions) > 1 or sheet.round.rhythm == "month",
            "columns": [month_words(p) for p in sheet.revisions], "rows": rows_of(sheet), "reasons": _reasons(sheet), "on_word": on_word, "named": named, "phone": next(iter(contacts), ""),
            "apart": _apart(sheet, on_word, named),
            "signers": [(PARTS[p], signed.get(p, "")) for p in reversed(PARTS)], "filed_at": max(r.at for r in sheet.revisions.values()), "qr": qr(sheet.code), "code": spaced(sheet.code),
            "part_tables": [t for r in sheet.revisions.values() if r.parts for t in tables_of(book(), r)]}


@require_http_methods(["GET", "POST"])
@needs("see")
def sheet(request: HttpRequest, round_pk: int, institution_pk: int) -> HttpResponse:
    """The return as it is printed on A4, with legal identification, signatures and code; the stamped scan comes back here."""
    round_, institution = _visible(request, round_pk, institution_pk)
    found = sheet_of(round_, institution)
    here = reverse("sheet", args=[round_pk, institution_pk])
    if found is None:
        raise refuse("sheet.none", T("还没有报送，没有可以打印的报表", "nothing is filed yet: there is no return to print"), do=T("报送以后再打印", "print it once it is filed"))
    if request.method == "POST":
        upload = request.FILES.get("file")
        if upload is None:
            raise refuse("sheet.file", T("还没有选扫描件", "no scan chosen"), do=T("选签字盖章后的扫描件（PDF 或照片）", "choose the scan of the signed and stamped sheet"), where=Place(field="file"))
        code = request.POST.get("code", "").strip() or found.code
        vouchers.add(request.user, institution, round_.year, STAMPED, upload.file, upload.name or "", label=f"{T('盖章报表', 'stamped return')} {code}"[:120])
        messages.success(request, str(T("扫描件已收下，放在 {y} 年佐证材料里", "the scan is kept with the papers of {y}", y=round_.year)))
        return HttpResponseRedirect(here)
    return render(request, "filling/sheet.html", {
        "title": T("{n} {y} 年报表", "{n}: return of {y}", n=found.standing.name, y=round_.year), **context_of(found, request), "scans": _scans(found, request),
        "may_scan": vouchers.rights_in(request.user, found.standing.office.path, institution.key)})


@needs("see")
def check(request: HttpRequest) -> HttpResponse:
    """Whether a printed sheet matches: scan or type its code."""
    code = request.GET.get("code", "").strip()[:200]
    context: dict[str, Any] = {"title": T("核验报表", "Verify a printed return"), "code": code}
    if code:
        verdict = verify(code, request.scope, request.user)
        context |= {"verdict": verdict}
        if verdict.sheet is not None:
            entries = verdict.sheet.shape.entries
            context |= context_of(verdict.sheet, request)
            context["changes"] = [{"period": p, "label": entries[i].label, "number": entries[i].number, "then": a, "now": b} for p, i, a, b in verdict.changes]
            context["changes"] += [{"period": p, "label": f"{c.name} {book().items[c.item].label}", "number": "", "then": None if c.before is None else Decimal(c.before),
                                    "now": None if c.after is None else Decimal(c.after)} for p, c in verdict.part_changes]
    return render(request, "filling/verify.html", context)



