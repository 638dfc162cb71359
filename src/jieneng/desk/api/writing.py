"""What may be written, by the same verbs as the pages: answers on behalf of an office, and reviews of one return."""

from __future__ import annotations

import io
import json
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router

from jieneng.core.amount import stored
from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, refuse
from jieneng.core.words import T
from jieneng.people.models import Office
from jieneng.people.scope import require
from jieneng.records import files
from jieneng.registry.queries import by_identifier, lines_for
from jieneng.returns import actions
from jieneng.returns import queries as returns
from jieneng.returns.intake import Draft, From
from jieneng.returns.models import Import, Return, Round
from jieneng.returns.moves import MOVES
from jieneng.returns.plan.queries import plan_of
from jieneng.rulebook import form_for
from jieneng.rulebook.types import Book

from . import door, shapes
from .reading import one, status, tag_of

router = Router()
VERBS = ("send_back", "accept", "reopen", "pass_department", "pass_county", "take_back")
LAYOUT = "api"


def _may_act(request: HttpRequest, pk: int, verb: str, given: shapes.Act) -> None:
    """The return is in scope, and the verb is one the client holds in some state of it."""
    one(request, pk)
    door.reach(request, *sorted({m.right for (_, v), m in MOVES.items() if v == verb and v in VERBS}))


def _may_deliver(request: HttpRequest, given: shapes.Delivery) -> Office:
    """The office that answers are brought in on behalf of; outside the scope and never there are answered alike."""
    office = Office.objects.filter(code=given.office).first()
    require(request.user, "import", office.path if office else "/-/")
    assert office is not None
    return office


@router.post("/returns/{pk}/{verb}", summary="退回 send_back、通过 accept、重新打开 reopen、部门审核 pass_department、县级审核 pass_county、撤回审核通过 take_back",
             response={200: shapes.ReturnOut, shapes.ERRORS: shapes.Problems}, tags=["报表 / Returns"],
             openapi_extra={"parameters": [
                 {"in": "header", "name": "Idempotency-Key", "required": True, "schema": {"type": "string", "minLength": 8, "maxLength": 100, "pattern": "^[A-Za-z0-9_.:-]+$"}},
                 {"in": "header", "name": "If-Match", "required": True, "schema": {"type": "string", "maxLength": 80}}]})
@door.once(_may_act)
def act(request: HttpRequest, pk: shapes.Number, verb: str, given: shapes.Act) -> Any:
    """Send back, accept, reopen, pass at department or county, take a pass back: ``send_back accept reopen pass_department pass_county take_back``."""
    door.only(request, ())
    if verb not in VERBS:
        raise Http404
    row = one(request, pk)
    held = Return.objects.select_for_update().select_related("round", "institution").get(pk=row.pk)
    door.matched(request, tag_of(held))
    actions.act(request.user, verb, Return.objects.filter(pk=held.pk), reason=given.reason, keep=given.keep)
    held.refresh_from_db()
    return status(held, {}), tag_of(held)


@router.post("/answers", summary="代表一个机关报数：每项各自成一版，好的进来，坏的点名；没提到的项目不动",
             response={200: shapes.Delivered, shapes.ERRORS: shapes.Problems}, tags=["报表 / Returns"],
             openapi_extra={"parameters": [
                 {"in": "header", "name": "Idempotency-Key", "required": True, "schema": {"type": "string", "minLength": 8, "maxLength": 100, "pattern": "^[A-Za-z0-9_.:-]+$"}}]})
@door.once(_may_deliver)
def deliver(request: HttpRequest, given: shapes.Delivery) -> Any:
    """Bring answers in on behalf of an office, as an import does: a new revision each, filed, with its findings.

    Only where figures are entered here (modes B and C of the round). Entries stand for themselves: good ones go in, bad ones are named by their place (``entries[3].answers.electricity_kwh``). What
    an entry does not name stays as it was. The body is kept as received, and every value leads back to it.
    """
    door.only(request, ())
    person, book, office = request.user, returns.book(), _may_deliver(request, given)
    form = given.form or returns.main_form()
    if form not in {f.code for f in book.forms.values()}:
        raise refuse("api.form", T("没有报表“{f}”", "there is no form “{f}”", f=form), T("{l}", "{l}", l="、".join(sorted({f.code for f in book.forms.values()}))), where=Place(field="form"))
    problems: list[Problem] = []
    drafts = _drafts(given, form, book, office, problems)
    if not drafts:
        return {"batch": None, "new": 0, "changed": 0, "same": 0, "findings": 0, "problems": [p.as_json() for p in problems]}, ""
    body = json.dumps(json.loads(request.body), ensure_ascii=False, indent=1).encode()
    received = files.receive(io.BytesIO(body), f"{person.username}.json", person)
    batch = Import.objects.create(file=received, layout=LAYOUT, layout_hash="", layout_text="", reads="answers", on_behalf=office, by=person)
    outcome = actions.import_answers(person, book, form=form, drafts=drafts, batch=batch, office=office, unread=len(problems))
    problems += outcome.problems
    batch.problems = [p.as_json() for p in problems]
    batch.save(update_fields=["problems"])
    counts = outcome.counts()
    return {"batch": batch.pk, "new": counts["new"], "changed": counts["changed"], "same": counts["same"], "findings": counts["findings"],
            "problems": batch.problems}, ""


def _drafts(given: shapes.Delivery, form: str, book: Book, office: Office, problems: list[Problem]) -> list[Draft]:
    """The entries that can be tried; problems for the others. What reports elsewhere is answered like what never was."""
    everyone = {key: (pk, scheme) for (scheme, key), pk in by_identifier().items()}
    asked = {(everyone[e.institution][0], p) for e in given.entries if e.institution in everyone and (p := _period(e.period)) is not None}
    lines = {at: line for at, line in lines_for(asked).items() if line.startswith(office.path)}
    ids = {pk for pk, _ in lines}
    # locked in the order of their keys, as an import does: whoever changes them meanwhile waits
    plans = {r.year: plan_of(r) for r in Round.objects.filter(form=form)}
    now = {(r.institution_id, r.period): r for r in Return.objects.select_for_update().filter(round__form=form, institution__in=ids).order_by("pk")}
    drafts: list[Draft] = []
    seen: set[tuple[int, str]] = set()
    for n, entry in enumerate(given.entries):
        place = Place(field=f"entries[{n}]")
        period = _period(entry.period)
        if period is None:
            problems.append(Problem("api.period", T("统计期“{p}”不对", "“{p}” is no period", p=entry.period), T("2022 或 2022-03", "2022 or 2022-03"), where=Place(field=f"entries[{n}].period")))
            continue
        pk, scheme = everyone.get(entry.institution, (0, ""))
        if (pk, period) not in lines:
            problems.append(Problem("import.unknown", T("“{k}”不在这个单位的名录里", "“{k}” is not in the register of this office", k=entry.institution),
                                    do=T("核对代码，或交给它归口的单位报", "check the code, or hand it to the office it reports to"), where=Place(field=f"entries[{n}].institution")))
            continue
        if (pk, str(period)) in seen:
            problems.append(Problem("api.twice", T("同一单位同一期给了两次", "the same institution and period stand twice"), do=T("合成一项", "make them one"), where=place))
            continue
        seen.add((pk, str(period)))
        if (plan := plans.get(period.year)) is not None and not plan.files_here(lines[pk, period]):
            problems.append(Problem("api.mode", T("{y} 年的统计任务是方式 A（平台先行），不在这里报", "the round of {y} is of mode A (platform first): it is not filed here", y=period.year),
                                    T("方式 B 或 C", "mode B or C"), T("在国家平台填报；平台的导出表在“导入”页读入", "file it on the national platform; its export is read on the page of imports"),
                                    Place(field=f"entries[{n}].period")))
            continue
        ret = now.get((pk, str(period)))
        if ret is not None and ret.revision != entry.revision:
            problems.append(Problem("api.stale", T("您读的是第 {a} 版，现在是第 {b} 版", "you saw revision {a}; it is at {b} now", a=entry.revision, b=ret.revision),
                                    do=T("重新读，核对以后再报", "read it again, check, then send it"), where=Place(field=f"entries[{n}].revision")))
            continue
        answers, wrong = _amounts(entry, n, form, period, book)
        if wrong:
            problems += wrong
            continue
        at = From(file=f"entries[{n}]", sheet="", cell=f"entries[{n}]", row=n)
        sources = {i: {"sheet": "", "cell": f"entries[{n}].answers.{i}", "raw": "", "unit": ""} for i in answers}
        drafts.append(Draft(identifier=entry.institution, scheme=scheme, period=period, at=at, answers=answers, sources=sources))
    return drafts


def _period(text: str) -> Period | None:
    try:
        return Period.parse(text)
    except ValueError:
        return None


def _amounts(entry: shapes.Entry, n: int, form: str, period: Period, book: Book) -> tuple[dict[str, Decimal | None], list[Problem]]:
    """Item → amount as stored; problems for items that the form does not ask and values that are no amounts. Whole or not at all."""
    asked = {i.item for i in form_for(book, form, period.year).items}
    found: dict[str, Decimal | None] = {}
    wrong: list[Problem] = []
    for item, value in entry.answers.items():
        place = Place(field=f"entries[{n}].answers.{item[:60]}")
        if item not in asked:
            wrong.append(Problem("api.item", T("{y} 年的表里没有“{i}”", "the form of {y} does not ask “{i}”", y=period.year, i=item[:60]),
                                 do=T("项目名见“规则与折标系数”页", "items are on the page of rules"), where=place))
            continue
        if value is None:
            found[item] = None
            continue
        try:
            amount, rounded = stored(Decimal(str(value)))
        except (InvalidOperation, ValueError):
            amount, rounded = Decimal(0), True
        if rounded:
            wrong.append(Problem("api.amount", T("“{v}”不是能存的数", "“{v}” is no amount that can be kept", v=str(value)[:40]),
                                 T("按 {u} 计的小数，最多四位小数，小于一万亿", "a decimal in {u}, four places at most, below 10¹²", u=book.items[item].unit), where=place))
        else:
            found[item] = amount
    return found, wrong
