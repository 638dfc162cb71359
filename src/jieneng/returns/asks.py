"""What is asked about single items of a return that is sent back (退回事项), each with its reason and the value it may be meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from jieneng.core.amount import amount_text, typed_amount
from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.rulebook import form_for

from .models import Return, ReturnAsk
from .queries import book

MANY = 400
"""At most so many asks in one go: what more there is is said once, in the reason."""


@dataclass(frozen=True)
class Ask:
    """One item of one return: why it comes back, and the value proposed (text as typed; blank: none)."""

    ret: int
    item: str
    reason: str
    suggested: str = ""


def together_said(asks: Sequence[Ask]) -> str:
    """The reasons of the asks in one line, each once."""
    return "；".join(dict.fromkeys(a.reason.strip() for a in asks if a.reason.strip()))[:300]


def within(asks: Sequence[Ask]) -> Sequence[Ask]:
    """The asks of one go, at most ``MANY``: all that is kept of them, here and in other rooms. Raises ``Refused`` for an item asked twice of one return."""
    first: dict[tuple[int, str], int] = {}
    twice = [(n, a) for n, a in enumerate(asks) if first.setdefault((a.ret, a.item), n) != n]
    if twice:
        raise Refused(*[Problem("ask.twice", T("指标“{i}”写了两次", "the item “{i}” is asked twice", i=a.item[:40]), T("一份报表里每个指标一行", "one line for each item of a return"),
                                T("合成一行，原因写在一起，建议值只留一个", "make them one: the reasons together, one proposed value"), Place(field=f"ask-{n}")) for n, a in twice[:20]])
    return asks[:MANY]


def suggested(rows: Sequence[Return], asks: Sequence[Ask]) -> dict[tuple[int, str], dict[str, str]]:
    """(institution, period) → item → the value proposed, blank where none is: what other rooms are told (``after``)."""
    found: dict[tuple[int, str], dict[str, str]] = {}
    by_pk = {r.pk: r for r in rows}
    for a in asks:
        if (ret := by_pk.get(a.ret)) is not None:
            found.setdefault((ret.institution_id, ret.period), {})[a.item] = a.suggested.strip()
    return found


def ask(person: User, rows: Sequence[Return], asks: Sequence[Ask]) -> list[list[Any]]:
    """Keep the asks (``within``) of returns that are being sent back, inside the caller's action. Returns what the event says of them.

    Raises ``Refused`` for an item the form does not ask, an ask without a reason, or a proposed value that is no number.
    """
    by_pk, wrong, made = {r.pk: r for r in rows}, [], []
    forms = {r.round_id: form_for(book(), r.round.form, r.round.year) for r in rows if any(a.ret == r.pk for a in asks)}
    for n, a in enumerate(asks):
        ret = by_pk.get(a.ret)
        if ret is None:
            continue
        if a.item not in {i.item for i in forms[ret.round_id].items}:
            wrong.append(Problem("ask.item", T("这张表没有指标“{i}”", "this form has no item “{i}”", i=a.item[:40]), where=Place(field=f"ask-{n}")))
        if not a.reason.strip():
            wrong.append(Problem("ask.reason", T("没有写这一项为什么退回", "not said why this item comes back"), do=T("写一句，填报单位能看到", "one sentence; the unit sees it"),
                                 where=Place(field=f"ask-{n}")))
        value = ""
        try:
            value = amount_text(typed_amount(a.suggested, field=f"ask-{n}")) if a.suggested.strip() else ""
        except Refused as error:
            wrong += [Problem("ask.value", T("建议值{w}", "the proposed value {w}", w=str(p.found)), p.expected, p.do, p.where) for p in error.problems]
        made.append(ReturnAsk(ret=ret, revision=ret.revision, item=a.item[:60], reason=a.reason.strip()[:300], suggested=value, by=person))
    if wrong:
        raise Refused(*wrong)
    ReturnAsk.objects.bulk_create(made)
    return [[m.ret_id, m.item, m.reason, m.suggested] for m in made]


def open_asks(returns: Iterable[Return]) -> list[ReturnAsk]:
    """The asks that wait for an answer: of returns that are with the unit, about the revision that stands."""
    ids = [r.pk for r in returns if r.state == "returned"]
    return [] if not ids else list(ReturnAsk.objects.filter(ret__in=ids, revision=F("ret__revision")).select_related("ret", "by"))
