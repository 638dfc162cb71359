"""The pages on which a person files a year: the year sheet, one month, large type, and the workbook out and in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jieneng.core.asked import whole
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.registry.models import Institution
from jieneng.registry.queries import standing_for
from jieneng.returns.models import Round
from jieneng.returns.plan.queries import plan_of
from jieneng.returns.queries import book, main_form

from . import actions, parts, show, signing
from .amounts import plain
from .queries import OPEN, Year, year_of, years_in
from .shape import EVERY, unit_word
from .signing import PARTS

REST = "*"
"""What the button declares not used: every family in which nothing is typed."""


def visible_year(request: HttpRequest, round_pk: int, institution_pk: int) -> Year:
    """The year of an institution of the person's own, or 404."""
    institution = get_object_or_404(Institution, pk=institution_pk)
    round_ = get_object_or_404(Round, pk=round_pk)
    year = year_of(book(), round_, institution)
    if year is None or not request.scope.covers(year.standing.office.path, institution.key):
        raise Http404
    return year


@needs("file")
def mine(request: HttpRequest) -> HttpResponse:
    """What this person has to fill in, newest first; straight to the form where there is only one."""
    rows = []
    for round_, institution in years_in(request.scope, main_form()):
        standing = standing_for(institution, Period("year", round_.year))
        plan, line = plan_of(round_), standing.office.path if standing else ""
        states = list(round_.returns.filter(institution=institution).values_list("state", flat=True))
        rows.append({"round": round_, "name": standing.name if standing else institution.key, "open": sum(s in OPEN for s in states), "n": len(states),
                     "returned": "returned" in states, "mode": show.MODES[plan.mode(line)], "here": plan.files_here(line), "due": plan.deadline(line, institution.pk),
                     "url": reverse("filling-year", args=[round_.pk, institution.pk])})
    waiting = [r for r in rows if r["open"] and r["here"]]
    if len(waiting) == 1:
        return HttpResponseRedirect(waiting[0]["url"])
    return render(request, "filling/mine.html", {"title": T("填报", "Filling in"), "rows": rows})


def _posted(request: HttpRequest) -> dict[str, str]:
    """The fields of the form: those with a point in their name."""
    return {k: v for k, v in request.POST.items() if "." in k}


def _number(text: str) -> int:
    return whole(text, 9) or 0


Asked = Callable[[Year], list[str]]
"""The periods that a page is about, of the year as it stands; raises where the year has no such page."""


def _handle(request: HttpRequest, round_pk: int, institution_pk: int, asked: Asked, page: str, extra: Mapping[str, Any]) -> HttpResponse:
    """Save what came; for htmx answer with the part that changes; for a button go on, or show the page again with what is wrong.

    Whether the year is the person's is asked where it is saved, in the same transaction, and nowhere before: a page of somebody
    else's is 404 as when it is looked at.
    """
    if request.POST.get("do", "") in ("withdraw", "hand-back"):
        return _taken_back(request, visible_year(request, round_pk, institution_pk), asked)
    round_, institution = get_object_or_404(Round, pk=round_pk), get_object_or_404(Institution, pk=institution_pk)
    periods: list[str] = []

    def given(year: Year) -> dict[str, str]:
        periods.extend(asked(year))
        return {**_posted(request), **_buttons(request, year)}

    try:
        saved = actions.save(request.user, round_, institution, given, seen=_number(request.POST.get("seen", "")),
                             mine=request.POST.getlist("mine"), waiting=request.POST.getlist("waiting"))
    except Refused as refused:
        if any(p.code in ("people.forbidden", "filling.none") for p in refused.problems):
            raise Http404 from refused
        if request.headers.get("HX-Request"):
            year = visible_year(request, round_pk, institution_pk)
            return render(request, "filling/said.html", {"refused": refused.problems, "version": year.draft.version, "saved_at": year.draft.at})
        raise
    year = saved.year
    judged = year.judge()
    if request.headers.get("HX-Request"):
        return render(request, "filling/said.html", show.said(
            year, judged, periods, others=saved.others, conflicts=saved.conflicts, acknowledged=True))
    if request.POST.get("do") in ("file", "confirm") and not saved.conflicts:
        return _file(request, year, periods, page, extra)
    if saved.conflicts or saved.others:
        return _page(request, year, periods, page, {**extra, "others": saved.others, "conflicts": saved.conflicts})
    if go := request.POST.get("go", ""):
        return HttpResponseRedirect(reverse("filling-easy", args=[year.round.pk, year.institution.pk, max(1, _number(go))]))
    messages.success(request, str(T("已保存", "Saved")))
    moved = next((at for name in ("part-add", "part-drop", "part-back", "part-zero") if (at := request.POST.get(name, ""))), "")
    return HttpResponseRedirect(request.path + (f"#{parts.form_of(moved)}" if parts.form_of(moved) in year.kinds else ""))


def _file(request: HttpRequest, year: Year, periods: list[str], page: str, extra: Mapping[str, Any]) -> HttpResponse:
    """File, sign, or confirm the proposed values and file; where something stands in the way, the page again with what it is."""
    confirming, names = request.POST.get("do") == "confirm", {part: request.POST.get(f"sign-{part}", "") for part in PARTS}
    try:
        if confirming:
            n = actions.confirm(request.user, year.round, year.institution, periods, seen=year.draft.version)
        else:
            n = actions.file(request.user, year.round, year.institution, periods, seen=year.draft.version, names=names)
    except Refused as refused:
        if any(not p.where.field for p in refused.problems):
            raise
        again = visible_year(request, year.round.pk, year.institution.pk)
        said = [p for p in refused.problems if p.code.startswith("signing.")]
        return _page(request, again, periods, page, {**extra, "tried": not said, "signing": said, "names": names}, status=422)
    if n:
        messages.success(request, str(T("已报 {n} 份；审核的部门能看到了", "{n} filed; the reviewer sees them now", n=n)))
    elif confirming:
        messages.success(request, str(T("建议值已填好；签名后再报送", "The proposed values are in; sign, then file")))
    else:
        messages.success(request, str(T("已签名；等下一位复核签名", "Signed; the next signature is awaited")))
    return HttpResponseRedirect(request.path)


def _taken_back(request: HttpRequest, year: Year, asked: Asked) -> HttpResponse:
    """Withdraw what was filed, or hand a signed draft back inside the unit: verbs that save nothing."""
    asked(year)
    if request.POST["do"] == "withdraw":
        n = actions.withdraw(request.user, year.round, year.institution, request.POST.get("withdraw-reason", ""))
        messages.success(request, str(T("已撤回 {n} 份，可以接着改", "{n} withdrawn; go on filling in", n=n)))
    else:
        signing.hand_back(request.user, year.round, year.institution, request.POST.get("sign-reason", ""))
        messages.success(request, str(T("已退回填表人，签名作废", "Handed back; the signatures are void")))
    return HttpResponseRedirect(request.path)


def _buttons(request: HttpRequest, year: Year) -> dict[str, str]:
    """What the buttons that fill several fields at once fill: not used, used after all, as last year, a proposed value."""
    given: dict[str, str] = {}
    for family in request.POST.get("unuse", "").split(","):
        if family in year.shape.families:
            given[f"unused.{family}"] = "1"
    if request.POST.get("unuse") == REST:
        typed = {k.partition(".")[2] for k, v in {**year.values, **_posted(request)}.items() if v.strip() and k.partition(".")[0] in year.returns}
        given |= {f"unused.{f}": "1" for f in year.shape.families if not typed & year.shape.family_items(f)}
    if (family := request.POST.get("use", "")) in year.shape.families:
        given[f"unused.{family}"] = ""
    if request.POST.get("same"):
        last = year.last_year((year.open or year.periods)[-1])
        given |= {f"{EVERY}.{e.code}": plain(last[e.code]) for e in year.shape.standing
                  if last.get(e.code) is not None and not request.POST.get(f"{EVERY}.{e.code}", year.values.get(f"{EVERY}.{e.code}", "")).strip()}
    given |= _part_buttons(request, year)
    if "=" in (proposed := request.POST.get("take", "")):
        at, _, text = proposed.partition("=")
        given[at] = text
    return given


def _part_buttons(request: HttpRequest, year: Year) -> dict[str, str]:
    """What the buttons of machine rooms and heating sources fill in: one more, one taken away or back, and zero in what is empty."""
    if year.closing not in year.open:
        return {}
    post = request.POST
    known = {k.partition(".")[2] for k in year.values if k.startswith("part.")}
    # the button names the part it adds: pressed twice, or sent along by a save of the page, it adds one
    wanted = post.get("part-add", "")
    given = {f"part.{wanted}": "1"} if parts.form_of(wanted) in year.kinds and (wanted in known or wanted == parts.next_key(year, parts.form_of(wanted))) else {}
    given |= {f"part.{key}": there for name, there in (("part-drop", ""), ("part-back", "1")) if (key := post.get(name, "")) in known}
    return given | (parts.zeros(year, post["part-zero"], _posted(request)) if post.get("part-zero") else {})


def _page(request: HttpRequest, year: Year, periods: list[str], page: str, extra: Mapping[str, Any], status: int = 200) -> HttpResponse:
    judged = year.judge()
    marks = show.invalid(judged)
    extra = dict(extra)
    context = {**show.header(year), **show.filing(year, request.user, periods, extra.pop("names", None)), **show.said(year, judged, periods, others=extra.pop("others", ()), conflicts=extra.pop("conflicts", ())),
               "progress": show.progress(year, judged, periods), "periods": periods, **extra}
    build = {"year": _year_context, "month": _month_context, "easy": _easy_context}[page]
    return render(request, f"filling/{page}.html", {**context, **build(year, judged, marks, context)}, status=status)


def _year_context(year: Year, judged: Any, marks: Mapping[str, str], context: Mapping[str, Any]) -> dict[str, Any]:
    families = show.families(year, judged)
    used = {f["code"] for f in families["used"]}
    pairs = [p for p in year.shape.pairs if p.family in used]
    columns = show.columns(year, judged, marks, pairs)
    rows = [{"period": p, "label": show.month_words(p), "state": year.returns[p].state, "closed": year.returns[p].state not in OPEN,
             "url": reverse("filling-month", args=[year.round.pk, year.institution.pk, p]),
             "cells": [{**show.box(year, judged, marks, e, p), "k": n} for n, pair in enumerate(pairs) for e in pair.entries]} for p in year.periods]
    return {"title": T("全年一张表", "The year on one sheet") if len(year.periods) > 1 else T("只报全年", "The whole year at once"), "families": families, "columns": columns, "rows": rows,
            "sections": show.part_sections(year, judged, marks), "standing_boxes": show.standing_boxes(year, judged, marks), "idle_all": ",".join(f["code"] for f in families["idle"]),
            "questions": show.questions(year, [e.code for p in pairs for e in p.entries])}


def _month_context(year: Year, judged: Any, marks: Mapping[str, str], context: Mapping[str, Any]) -> dict[str, Any]:
    period = context["period"]
    p = Period.parse(period)
    before = judged.answers.get(str(p.previous)) or year.earlier.get(str(p.previous), {})
    lines = []
    for pair in year.shape.pairs:
        off = bool(year.values.get(f"unused.{pair.family}"))
        lines.append({"title": show.short(pair.quantity), "number": pair.quantity.number, "part": pair.family != pair.quantity.code, "off": off, "computed": pair.computed,
                      "family": pair.family, "last_month": before.get(pair.quantity.code), "last_year": year.last_year(period).get(pair.quantity.code),
                      "month_change": show.change(judged.answers[period].get(pair.quantity.code), before.get(pair.quantity.code)),
                      "year_change": show.change(judged.answers[period].get(pair.quantity.code), year.last_year(period).get(pair.quantity.code)),
                      "boxes": [{**show.box(year, judged, marks, e, period), **({"value": "0", "off": True} if off else {})} for e in pair.entries]})
    position = year.periods.index(period)
    near = {n: year.periods[at] for n, at in (("previous", position - 1), ("next", position + 1)) if 0 <= at < len(year.periods)}
    return {"title": T("{p}　能源资源消费状况", "{p}: consumption", p=str(p.label)), "lines_in": lines, "standing_boxes": show.standing_boxes(year, judged, marks, period),
            "sections": show.part_sections(year, judged, marks) if period == year.closing else [], "kinds": [s.form.part for s in year.kinds.values()],
            "closing": {"label": show.month_words(year.closing), "url": reverse("filling-month", args=[year.round.pk, year.institution.pk, year.closing])},
            "closed": year.returns[period].state not in OPEN, "state": year.returns[period].state, "questions": show.questions(year, year.shape.entries),
            "near": {n: {"url": reverse("filling-month", args=[year.round.pk, year.institution.pk, x]), "label": show.month_words(x)} for n, x in near.items()}}


def _steps(year: Year) -> list[list[str]]:
    """The questions of the large-type form, in order: what holds all year, then each item with its cost, month by month."""
    steps = [[f"{EVERY}.{e.code}"] for e in year.shape.standing if e.required]
    for pair in year.shape.pairs:
        if not pair.computed and pair.quantity.required and not year.values.get(f"unused.{pair.family}"):
            steps += [[f"{p}.{e.code}" for e in pair.entries] for p in year.open]
    if year.closing in year.open:
        for key in parts.keys_of(year.values, year.kinds):
            steps += [[f"{key}.{e.code}"] for e in year.kinds[parts.form_of(key)].entries.values() if e.required and not e.parts]
    return steps


def _easy_context(year: Year, judged: Any, marks: Mapping[str, str], context: Mapping[str, Any]) -> dict[str, Any]:
    steps = _steps(year)
    n = min(max(1, context["step"]), len(steps))
    fields = steps[n - 1]
    if key := parts.key_in(fields[0]):
        return _easy_part(year, judged, marks, context, steps, n, key)
    first = fields[0].partition(".")
    period = first[0] if first[0] != EVERY else (year.open or year.periods)[-1]
    entries = [year.shape.entries[at.partition(".")[2]] for at in fields]
    boxes = [{**show.box(year, judged, marks, x, period, at), "unit": unit_word(year.book, x.item.unit)} for x, at in zip(entries, fields, strict=True)]
    p, e = Period.parse(period), year.shape.entries[first[2]]
    before = (judged.answers.get(str(p.previous)) or year.earlier.get(str(p.previous), {})).get(e.code)
    family = next((f for f in year.shape.families if e.code in year.shape.family_items(f)), "")
    return {**_easy_place(year, steps, n), "title": T("第 {n} 项　{x}，一共 {all} 项", "Question {n} of {all}: {x}", n=n, all=len(steps), x=show.short(e)), "boxes": boxes,
            "question": T("{p} {x}是多少？", "{x}, {p}?", p="" if first[0] == EVERY else show.month_words(period), x=str(e.label)),
            "compare": [(T("上个月", "last month"), before if first[0] != EVERY else None), (T("去年同期", "a year ago"), boxes[0]["last"])],
            "family": family, "lines": [x for x in context["lines"] if {f["id"] for f in x["fields"]} & {b["id"] for b in boxes}],
            "problems": [x for x in context["problems"] if x["field"] in fields], "definition": e.item.definition, "guides": show.questions(year, [e.code])}


def _easy_place(year: Year, steps: list[list[str]], n: int) -> dict[str, Any]:
    """How far one has come, and what lies before and after."""
    done = sum(all(year.values.get(at) for at in s) for s in steps)
    near = {"before": show.field_label(year, steps[n - 2][0]) if n > 1 else "", "after": show.field_label(year, steps[n][0]) if n < len(steps) else ""}
    return {"n": n, "all": len(steps), "done": done, "near": near,
            "share": {"done": f"{done * 100 / len(steps):.2f}%", "now": f"{(n - 1) * 100 / len(steps):.2f}%", "width": f"{100 / len(steps):.2f}%"}}


def _easy_part(year: Year, judged: Any, marks: Mapping[str, str], context: Mapping[str, Any], steps: list[list[str]], n: int, key: str) -> dict[str, Any]:
    """A question about one machine room or heating source."""
    e, part = parts.entry_of(year, steps[n - 1][0]), next(p for p in judged.parts if p.key == key)
    if e is None:
        raise Http404
    box = {**show.part_box(year, judged, marks, part, e), "unit": unit_word(year.book, e.item.unit)}
    return {**_easy_place(year, steps, n), "title": T("第 {n} 项　{x}，一共 {all} 项", "Question {n} of {all}: {x}", n=n, all=len(steps), x=str(e.label)), "boxes": [box],
            "question": T("{p} {x}是多少？", "{x}, {p}?", p=parts.label_of(year, key), x=str(e.label)), "compare": [(T("去年", "last year"), box["last"])], "family": "",
            "lines": [x for x in context["lines"] if box["id"] in {f["id"] for f in x["fields"]}], "problems": [x for x in context["problems"] if x["field"] == box["field"]],
            "definition": e.item.definition, "guides": []}


@require_http_methods(["GET", "POST"])
@needs("file")
def fill_year(request: HttpRequest, round_pk: int, institution_pk: int) -> HttpResponse:
    """The year on one sheet, or the one column of a form that is answered once a year."""
    if request.method == "POST":
        return _handle(request, round_pk, institution_pk, _all, "year", {})
    year = visible_year(request, round_pk, institution_pk)
    return _page(request, year, _all(year), "year", {})


def _all(year: Year) -> list[str]:
    """The periods that may be filled in; of a year that is filed, all of them."""
    return year.open or year.periods


@require_http_methods(["GET", "POST"])
@needs("file")
def fill_month(request: HttpRequest, round_pk: int, institution_pk: int, period: str) -> HttpResponse:
    """One month: each item with last month, last year and its finding under it."""

    def asked(year: Year) -> list[str]:
        if period not in year.returns:
            raise Http404
        return [period]

    if request.method == "POST":
        return _handle(request, round_pk, institution_pk, asked, "month", {"period": period})
    year = visible_year(request, round_pk, institution_pk)
    return _page(request, year, asked(year), "month", {"period": period})


@require_http_methods(["GET", "POST"])
@needs("file")
def fill_easy(request: HttpRequest, round_pk: int, institution_pk: int, step: int) -> HttpResponse:
    """The same in large type: one question on each screen."""
    if request.method == "POST":
        return _handle(request, round_pk, institution_pk, _asked_easily, "easy", {"step": step})
    year = visible_year(request, round_pk, institution_pk)
    if not _steps(year) or not year.open:
        return render(request, "filling/easy_done.html", {**show.header(year), **show.filing(year, request.user, year.periods), "title": T("报送好了", "Filed")})
    return _page(request, year, year.open, "easy", {"step": step})


def _asked_easily(year: Year) -> list[str]:
    """The periods that the large type asks about; refused where there is nothing left to ask."""
    if not _steps(year) or not year.open:
        raise actions.closed(year)
    return year.open
