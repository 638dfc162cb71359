"""Changes in batches: one line typed or a workbook, what it would do, then done; every change with its paper; pairs that look alike."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core import signing
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jieneng.core.asked import whole
from jieneng.core.asked import year as asked_year
from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.access import needs
from jieneng.people.models import Office
from jieneng.people.queries import offices_in
from jieneng.people.scope import require, scope
from jieneng.records import files
from jieneng.records.rules import book
from jieneng.records.workbook import Column, list_workbook, workbook_response

from . import batchbook, changes, queries
from .credit_code import fault
from .given import given
from .models import Change, Institution, Pair, Standing
from .pages import LABELS, area_name, area_names, visible, year_asked
from .planning import FIELDS, HOW, KINDS, TOLD, Line, Plan, plan

SALT = "register.batch"
SHOWN = 200
ALIKE = {"code": T("信用代码里的组织机构代码相同", "the organisation code inside the credit codes is the same"),
         "name": T("名称相同（只差写法）", "the same name but for its writing"), "near": T("同地同类，名称读音相同或只差通用字", "same place and kind, names sound alike or differ in common words only")}


def _packed(lines: Sequence[Line]) -> str:
    """Lines as a signed text that the preview hands back: what was looked at is what is done."""
    return signing.dumps([{**dataclasses.asdict(x), "since": x.since.isoformat()} for x in lines], salt=SALT, compress=True)


def _unpacked(text: str) -> list[Line]:
    try:
        rows = signing.loads(text, salt=SALT, max_age=24 * 3600)
    except signing.BadSignature as error:
        raise refuse("change.stale", T("这份预览已过期", "this preview is out of date"), do=T("再传一次", "send it again")) from error
    return [Line(**{**r, "since": dt.date.fromisoformat(r["since"]), "place": Place(**r["place"])}) for r in rows]


def _offices(request: HttpRequest) -> list[Office]:
    return offices_in(request.user, "edit_register")


def _typed(request: HttpRequest) -> list[Line]:
    """The one line of the form. Several codes (one a line) give several lines: bodies that merge, or change alike."""
    post = {k: str(v).strip() for k, v in request.POST.items()}
    try:
        since = dt.date.fromisoformat(post.get("since", ""))
    except ValueError:
        raise refuse("change.day", T("“{d}”不是日期", "“{d}” is not a date", d=post.get("since", "")), expected=T("2022-09-01", "2022-09-01"), where=Place(field="since")) from None
    keys = [k.upper() for k in post.get("key", "").replace(",", " ").replace("，", " ").split()]
    if not keys:
        raise refuse("change.unit", T("没有写信用代码", "no credit code given"), where=Place(field="key"))
    return [Line(kind=post.get("kind", ""), key=k, since=since, reason=post.get("reason", ""), document=post.get("document", ""), name=post.get("name", ""),
                 other=post.get("other", "").upper(), office=post.get("office", ""), type=post.get("type", ""), territory=post.get("territory", ""),
                 how=post.get("how", ""), ends=bool(post.get("ends")), place=Place(field=k, line=n)) for n, k in enumerate(keys, 1)]


def _uploaded(request: HttpRequest) -> tuple[list[Line], list[Problem]]:
    """The lines of a workbook, kept as received and read in the limited child process."""
    upload = request.FILES["file"]
    row = files.receive(upload.file, upload.name or "", request.user)
    found = list(given("rows", files.path_of(row.sha256), row.name))
    return batchbook.lines(found, book(), _offices(request), row.name)


def _shown(made: Plan) -> list[dict[str, Any]]:
    """Steps in words: who, what changes from what to what, last year's energy and what it becomes, returns that stay open."""
    keys = {e.key for s in made.steps for e in s.effects} | {k for s in made.steps for link in s.links for k in link}
    ids = dict(Institution.objects.filter(key__in=keys).values_list("key", "pk"))
    offices = {o.pk: o.name for o in Office.objects.filter(pk__in={e.after["office_id"] for s in made.steps for e in s.effects})}
    rows = []
    for step in made.steps[:SHOWN]:
        units = [{"key": e.key, "pk": ids.get(e.key), "name": e.name, "new": not e.before, "changes": _changed(e.before, e.after, offices)} for e in step.effects]
        names = {s.institution.key: s.name for s in Standing.objects.filter(institution__key__in={k for x in step.links for k in x}).select_related("institution").order_by("since")}
        links = [(names.get(a, a), names.get(b, b)) for a, b in step.links] if not step.effects else []
        rows.append({"links": links, "step": step, "kind": TOLD[step.kind], "units": units, "base": _base(step, ids), "owed": _owed(step, ids)})
    return rows


def _changed(before: Any, after: Any, offices: dict[int, str]) -> list[dict[str, str]]:
    rules = book()

    def word(field: str, values: Any) -> str:
        value = values.get(field)
        if field == "office_id":
            return offices.get(value) or next((o.name for o in Office.objects.filter(pk=value or 0)), "—")
        if field == "covered_by_id":
            return next((s.name for s in Standing.objects.filter(institution_id=value or 0).order_by("-since")), "—")
        if field == "type":
            return str(rules.types[value].label) if value in rules.types else value or "—"
        if field == "territory":
            return str(rules.divisions[value].name) if value in rules.divisions else value or "—"
        if isinstance(value, bool):
            return str(T("是", "yes") if value else T("否", "no"))
        return str(value or "—")

    fields = [f for f in FIELDS if f not in ("covered_how", "area", "department") and (not before or before.get(f) != after.get(f))]
    return [{"label": str(LABELS[f.removesuffix("_id")]), "old": word(f, before) if before else "", "new": word(f, after)} for f in fields]


def _base(step: Any, ids: dict[str, int]) -> dict[str, Any] | None:
    """A merger or split: last year's energy of those it comes from, which is the base of those it leaves (同口径)."""
    if not step.links:
        return None
    parents = {k for k, _ in step.links}
    children = {k for _, k in step.links}
    year = step.since.year - 1
    old = given("energy", [ids[k] for k in parents | children if k in ids], year)
    if not old:
        return {"year": year, "known": False}
    total = sum(old.values())
    return {"year": year, "known": True, "count": len(old), "total": float(total), "parents": len(parents), "children": len(children), "kind": "merge" if step.kind in ("merge", "into") else "split"}


def _owed(step: Any, ids: dict[str, int]) -> int:
    leaving = [ids[e.key] for e in step.effects if e.key in ids and e.before.get("in_scope") and not (e.after["in_scope"] and not e.after.get("covered_by_id"))]
    return sum(given("owed", leaving, step.since).values()) if leaving else 0


@needs("edit_register", "see")
def changes_list(request: HttpRequest) -> HttpResponse:
    """Every change with its day, paper and reason; the form and the workbook for new ones, with what they would do before it is done."""
    keeps, year = bool(scope(request.user, "edit_register")), year_asked(request)[0]
    problems: Sequence[Problem] = ()
    if request.method == "POST":
        require(request.user, "edit_register")
        try:
            lines, unread = _uploaded(request) if request.FILES.get("file") else (_typed(request), [])
            made = plan(request.user, lines, book().types, book().divisions)
        except Refused as refusal:
            if any(p.code == "people.forbidden" for p in refusal.problems):
                raise
            problems = refusal.problems
        else:
            return _preview(request, lines, unread, made)
    rows = queries.changes_in(scope(request.user, "see"))
    if kind := request.GET.get("kind", ""):
        rows = rows.filter(kind=kind)
    if wanted := asked_year(request.GET.get("year")):
        rows = rows.filter(since__year=wanted)
    page = Paginator(rows.prefetch_related("standings__institution", "links"), 25).get_page(request.GET.get("page"))
    post = request.POST if request.method == "POST" else request.GET
    return render(request, "registry/changes.html", {
        "title": T("名录变更", "Changes of the register"), "page": page, "rows": [_told(request, c) for c in page.object_list], "keeps": keeps, "problems": problems, "year": year,
        "kinds": [(k, str(w)) for k, w in KINDS.items()], "all_kinds": [(k, str(w)) for k, w in TOLD.items()], "how": [(k, str(w)) for k, w in HOW.items()],
        "offices": _offices(request) if keeps else [], "types": book().types.values(), "divisions": book().divisions.values(), "post": post,
        "chosen": request.POST.get("kind") if request.method == "POST" else request.GET.get("do", "rename"),
        "years": sorted({c.since.year for c in queries.changes_in(scope(request.user, "see"))}, reverse=True)}, status=422 if problems else 200)


def _told(request: HttpRequest, change: Change) -> dict[str, Any]:
    """One change in a list: kind, the units it touches that the person sees, paper."""
    mine = scope(request.user, "see")
    standings = [s for s in change.standings.select_related("institution", "office") if mine.covers(s.office.path, s.institution.key)]
    return {"change": change, "kind": TOLD.get(change.kind, change.kind), "units": standings[:4], "more": max(0, len(standings) - 4), "area": area_name(standings[0].area) if standings else "",
            "undone": Change.objects.filter(undoes=change).first(),
            "links": _linked(request, change) if not standings else []}


def _preview(request: HttpRequest, lines: list[Line], unread: list[Problem], made: Plan) -> HttpResponse:
    return render(request, "registry/preview.html", {
        "title": T("名录变更：先看效果", "Changes: what they would do"), "steps": _shown(made), "more": max(0, len(made.steps) - SHOWN), "problems": [*unread, *made.problems],
        "total": len(made.steps), "units": made.units, "packed": _packed(lines), "unread": len(unread)}, status=200 if made.steps else 422)


@require_POST
@needs("edit_register")
def apply(request: HttpRequest) -> HttpResponse:
    """Do what the preview showed: all of it, or the lines that can be done."""
    lines = _unpacked(request.POST.get("lines", ""))
    done, made = changes.apply(request.user, lines, types=book().types, places=book().divisions, good_only=request.POST.get("good") == "1")
    messages.success(request, str(T("已办 {n} 项变更，{u} 家", "{n} changes done, {u} institutions", n=len(done), u=made.units)))
    if made.problems:
        messages.warning(request, str(T("{n} 处没有办，原因见上一页", "{n} were not done for the reasons shown", n=len(made.problems))))
    return HttpResponseRedirect(reverse("change", args=[done[0].pk]) if len(done) == 1 else reverse("changes"))


def _visible_change(request: HttpRequest, pk: int) -> Change:
    found = queries.changes_in(scope(request.user, "see")).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@needs("see")
def one_change(request: HttpRequest, pk: int) -> HttpResponse:
    """One change: what each body was and became, on what paper; and the way to take it back by a later day."""
    change = _visible_change(request, pk)
    mine = scope(request.user, "see")
    units = []
    for s in change.standings.select_related("institution", "office", "covered_by"):
        if not mine.covers(s.office.path, s.institution.key):
            continue
        before = Standing.objects.filter(institution=s.institution_id, since__lt=s.since).select_related("office").order_by("-since").first()
        was, now = ({f: getattr(x, f) for f in FIELDS} if x else {} for x in (before, s))
        closed = s.sensitive or bool(before and before.sensitive)
        units.append({"s": s, "new": before is None, "changes": [c for c in _changed(was, now, {}) if not (closed and c["label"] == str(LABELS["territory"]))]})
    keeps = scope(request.user, "edit_register").covers_line(change.line)
    undone = Change.objects.filter(undoes=change).first()
    return render(request, "registry/change.html", {
        "title": T("{k}（{d} 起）", "{k} (from {d})", k=str(TOLD.get(change.kind, change.kind)), d=change.since.isoformat()), "change": change, "units": units,
        "links": _linked(request, change), "undone": undone, "may_undo": keeps and undone is None and change.kind not in ("undo", "office"), "today": timezone.localdate()})


def _linked(request: HttpRequest, change: Change) -> list[tuple[str, str]]:
    """Who came from whom in a change, by the names the person may see."""
    mine, names = scope(request.user, "see"), {}
    ids = {pk for x in change.links.all() for pk in (x.parent_id, x.child_id)}
    for s in Standing.objects.filter(institution__in=ids).select_related("office", "institution").order_by("since"):
        names[s.institution_id] = s.name if mine.covers(s.office.path, s.institution.key) else str(T("（范围外的单位）", "(outside your scope)"))
    return [(names.get(x.parent_id, "—"), names.get(x.child_id, "—")) for x in change.links.all()]


@require_POST
@needs("edit_register")
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a change back from a later day on."""
    change = get_object_or_404(queries.changes_in(request.scope), pk=pk)
    try:
        since = dt.date.fromisoformat(request.POST.get("since", ""))
    except ValueError:
        raise refuse("change.day", T("“{d}”不是日期", "“{d}” is not a date", d=request.POST.get("since", "")), expected=T("2022-09-01", "2022-09-01")) from None
    back = changes.undo(request.user, change, since, request.POST.get("reason", ""), request.POST.get("document", ""))
    messages.success(request, str(T("已撤回：{d} 起恢复原来的登记，此前的日子不动", "taken back: from {d} it stands as before; earlier days stay as they were", d=since.isoformat())))
    return HttpResponseRedirect(reverse("change", args=[back.pk]))


@needs("edit_register")
def template_xlsx(request: HttpRequest) -> HttpResponse:
    """The empty workbook of changes, with this person's offices to pick from."""
    return workbook_response(batchbook.template(book(), _offices(request)), "名录变更（空表）.xlsx")


@needs("see")
def changes_xlsx(request: HttpRequest) -> HttpResponse:
    """变更清单: every change of the filter, one line per institution."""
    rows = queries.changes_in(request.scope)
    if kind := request.GET.get("kind", ""):
        rows = rows.filter(kind=kind)
    if wanted := asked_year(request.GET.get("year")):
        rows = rows.filter(since__year=wanted)
    data, areas = [], area_names()
    for c in rows.prefetch_related("links"):
        into = {x.parent_id: x.child.key for x in c.links.select_related("child")}
        for s in c.standings.select_related("institution", "office"):
            if request.scope.covers(s.office.path, s.institution.key):
                data.append([c.since.isoformat(), str(TOLD.get(c.kind, c.kind)), s.institution.key, s.name, areas.get(s.area, s.area), s.department,
                             str(T("是", "yes") if s.in_scope and not s.covered_by_id else T("否", "no")), into.get(s.institution_id, ""), c.reason, c.document, c.by.shown])
    columns = [Column(T("日期", "from"), 12), Column(T("变更", "change"), 12), Column(T("统一社会信用代码", "credit code"), 22), Column(T("变更后名称", "name then"), 30),
               Column(T("统计归口", "line"), 12), Column(T("主管部门", "department"), 18), Column(T("自己报数", "reports itself"), 10),
               Column(T("并入（拆出）", "into"), 22), Column(T("原因", "reason"), 20), Column(T("依据", "paper"), 24), Column(T("办理人", "by"), 10)]
    return workbook_response(list_workbook(T("名录变更清单", "Changes of the register"), columns, data), "名录变更清单.xlsx")


# ---- what looks wrong ----

def _nothing(rows: Sequence[Standing], year: int) -> list[dict[str, Any]]:
    """三无 candidates: bodies that report no premises, nobody and no use at all in a year (two of the three are enough to ask)."""
    ids = [s.institution_id for s in rows]
    used, sizes = given("used", ids, year), given("sizes", ids, year)
    items = book().items
    found = []
    for s in rows:
        if s.institution_id not in used:
            continue  # nothing was filed: that is a matter of reminding, not of the register
        mine, size = used[s.institution_id], sizes.get(s.institution_id, {})
        signs = [w for w, yes in ((T("无场所（面积 0 或未填）", "no premises (area 0 or not answered)"), "area_m2" not in mine),
                                  (T("无人员（人数 0 或未填）", "nobody (people 0 or not answered)"), "people" not in mine),
                                  (T("无活动（能耗、用水都是 0）", "no use (energy and water all 0)"), not any(items[i].kind == "quantity" for i in mine if i in items))) if yes]
        if len(signs) >= 2:
            found.append({"s": s, "signs": signs, "size": size})
    return found


@needs("edit_register")
def tidy(request: HttpRequest) -> HttpResponse:
    """What looks wrong in the register: pairs that may be one body, codes that cannot be right, bodies with nothing (三无)."""
    if request.method == "POST":
        first, _ = visible(request, whole(request.POST.get("first")) or 0)
        second, _ = visible(request, whole(request.POST.get("second")) or 0)
        same = request.POST.get("verdict") == "same"
        changes.decide(request.user, first, second, same, request.POST.get("reason", ""))
        if same:
            messages.success(request, str(T("记下了：是同一家。下一步办合并，写明依据。", "noted: one body. Next enter the merger, with its paper.")))
            return HttpResponseRedirect(reverse("changes") + f"?do=merge&key={first.key}&other={second.key}")
        messages.success(request, str(T("记下了：是两家，以后不再问。", "noted: two bodies; not asked again.")))
        return HttpResponseRedirect(reverse("tidy"))
    year = year_asked(request)[0]
    rows = list(queries.seen(request.scope, timezone.localdate()).filter(in_scope=True, covered_by=None).order_by("office__path", "institution__key"))
    pairs = queries.alike(rows)
    codes = [(s, wrong) for s in rows if s.institution.scheme == "uscc" and (wrong := fault(s.institution.key)) is not None]
    return render(request, "registry/tidy.html", {
        "title": T("名录体检", "Register check"), "pairs": [(p, ALIKE[p.why]) for p in pairs], "codes": codes[:200], "nothing": _nothing(rows, year)[:200], "year": year,
        "decided": _decided(request), "count": len(rows)})


def _decided(request: HttpRequest) -> list[dict[str, Any]]:
    found = []
    for p in Pair.objects.select_related("first", "second", "by").order_by("-pk")[:50]:
        names = []
        for i in (p.first, p.second):
            s = i.standings.select_related("office").order_by("-since").first()
            if s is None or not request.scope.covers(s.office.path, i.key):
                break
            names.append(s.name)
        else:
            found.append({"pair": p, "names": names})
    return found


@needs("edit_register")
def tidy_xlsx(request: HttpRequest) -> HttpResponse:
    """The same as a workbook, to be worked through away from the screen."""
    year = year_asked(request)[0]
    rows = list(queries.seen(request.scope, timezone.localdate()).filter(in_scope=True, covered_by=None).order_by("office__path", "institution__key"))
    data = [[str(T("像是同一家", "may be one body")), p.first.institution.key, p.first.name, p.second.institution.key, p.second.name, str(ALIKE[p.why])] for p in queries.alike(rows)]
    data += [[str(T("代码不对", "code cannot be right")), s.institution.key, s.name, "", "", str(w)] for s in rows if s.institution.scheme == "uscc" and (w := fault(s.institution.key))]
    data += [[str(T("三无单位线索", "premises, people and use missing")), r["s"].institution.key, r["s"].name, "", "", "；".join(map(str, r["signs"]))] for r in _nothing(rows, year)]
    columns = [Column(T("情形", "what"), 16), Column(T("代码", "code"), 22), Column(T("单位", "institution"), 30), Column(T("另一家代码", "the other's code"), 22),
               Column(T("另一家", "the other"), 30), Column(T("依据", "why"), 50)]
    return workbook_response(list_workbook(T("名录体检", "Register check"), columns, data, notes=[str(year)]), "名录体检.xlsx")


__all__ = ["apply", "changes_list", "changes_xlsx", "one_change", "template_xlsx", "tidy", "tidy_xlsx", "undo"]
