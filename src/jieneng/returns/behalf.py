"""Entering for a unit on the unit's own word (经填报单位确认后代改、代录): who confirmed, when, and the voucher are always kept.

Nobody but the respondent changes a reported number: without a word, a day and a paper nothing is written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from django.utils import timezone

from jieneng.core.amount import typed_amount
from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records import files
from jieneng.records.events import action, record
from jieneng.registry.models import Standing
from jieneng.registry.queries import lines_for, standing_for
from jieneng.rulebook.types import Book

from .actions import Outcome, common_line, import_answers
from .intake import Draft, From
from .models import Import, OnBehalf, Return, Round
from .ranges import packed

CONFIRMED = "confirmed"
"""The layout name of what was entered on a unit's word: its file is the voucher, its cells are none."""
Value = tuple[str, str, str]
"""Period, item, text as typed."""


def said(word: str, confirmed_on: dt.date | None, voucher: object) -> list[Problem]:
    """What is missing of a unit's word: who, when, on what paper."""
    wrong: list[Problem] = []
    if not word.strip():
        wrong.append(Problem("decide.word", T("没有写填报单位是谁确认的", "not said who of the unit confirmed it"), T("姓名和职务，如“王秀英，统计员”", "name and post"), where=Place(field="word")))
    if confirmed_on is None or confirmed_on > timezone.localdate():
        wrong.append(Problem("decide.day", T("没有写确认日期，或日期在今天以后", "no day of confirmation, or one that is still to come"), where=Place(field="confirmed_on")))
    if voucher is None:
        wrong.append(Problem("decide.voucher", T("没有附凭证", "no voucher"),
                             T("盖章的更正说明、账单或往来函的扫描件、照片", "a scan or photo of the stamped correction, a bill or a letter"), where=Place(field="voucher")))
    return wrong


def checked(values: Sequence[Value], allowed: Collection[str], reason: str, word: str, confirmed_on: dt.date | None, voucher: object) -> list[tuple[str, str, Decimal]]:
    """The values as amounts. Raises ``Refused`` for whatever is missing, all at once."""
    wrong: list[Problem] = []
    if not reason.strip():
        wrong.append(Problem("decide.reason", T("没有写理由", "no reason is given"), do=T("写明依据", "say on what evidence"), where=Place(field="reason")))
    wrong += said(word, confirmed_on, voucher)
    changes: list[tuple[str, str, Decimal]] = []
    for period, item, text in values:
        at = Place(field=f"value-{period}-{item}")
        if item not in allowed:
            wrong.append(Problem("decide.item", T("这张表没有指标“{i}”", "this form has no item “{i}”", i=item[:40]), where=at))
            continue
        try:
            changes.append((period, item, typed_amount(text, field=at.field)))
        except Refused as error:
            wrong += [Problem("decide.value", p.found, p.expected, p.do, at) for p in error.problems]
    if not values:
        wrong.append(Problem("decide.values", T("没有写改成多少", "no value to change to"), where=Place(field="value")))
    if wrong:
        raise Refused(*wrong)
    return changes


def carry_in(person: User, book: Book, standing: Standing, form: str, changes: Iterable[tuple[str, str, Decimal]], voucher: tuple[BinaryIO, str]) -> Import:
    """Changed values as a new revision whose source is the voucher, inside the caller's action; it waits for review again.

    A body that moved within the year: the lowest office over those to which its periods report; who has no right there is refused.
    """
    changes = list(changes)
    office = _over(standing, {Period.parse(p) for p, _, _ in changes})
    paper = files.receive(voucher[0], voucher[1], person)
    batch = Import.objects.create(file=paper, layout=CONFIRMED, layout_hash=CONFIRMED, layout_text="", reads="answers", on_behalf=office, by=person)
    drafts: dict[str, Draft] = {}
    for period, item, value in changes:
        key, scheme = standing.institution.key, standing.institution.scheme
        draft = drafts.setdefault(period, Draft(key, scheme, Period.parse(period), From(paper.name, "", "", 0), standing.name))
        draft.answers[item] = value
        draft.sources[item] = {"sheet": "", "cell": "", "raw": f"{value.normalize():f}", "unit": ""}
    outcome: Outcome = import_answers(person, book, form=form, drafts=list(drafts.values()), batch=batch, office=office)
    if outcome.problems:
        raise Refused(*outcome.problems)
    return batch


def _over(standing: Standing, periods: Collection[Period]) -> Office:
    """The office to which an institution reports for these periods; where it moved between them, the lowest one over all."""
    lines = set(lines_for((standing.institution_id, p) for p in periods).values())
    return standing.office if lines <= {standing.office.path} else Office.objects.get(path=common_line(lines))


def keep(person: User, batch: Import, line: str, *, word: str, confirmed_on: dt.date | None, reason: str, **more: Any) -> OnBehalf:
    """Whose word an import rests on, with its event, inside the caller's action."""
    assert confirmed_on is not None
    row = OnBehalf.objects.create(batch=batch, word=word.strip()[:120], confirmed_on=confirmed_on, reason=reason.strip()[:300], by=person)
    record(person, "behalf.enter", "import", batch.pk, line=line, data={
        "behalf": row.pk, "confirmed_on": confirmed_on.isoformat(), "reason": row.reason, "voucher": batch.file.sha256, "word": row.word, **more})
    return row


def change(person: User, book: Book, ret: Return, values: Sequence[tuple[str, str]], *, reason: str, word: str, confirmed_on: dt.date | None,
           voucher: tuple[BinaryIO, str] | None) -> OnBehalf:
    """Change values of a return for its unit after the unit confirmed them. Needs ``import`` and ``review`` over it: whoever reviews a
    return may also enter it, the office of the line on the day that counts for its period (``registry.queries.standing_for``).

    Raises ``Refused`` for whatever is missing, all at once, and for a return that is signed.
    """
    standing = standing_for(ret.institution, Period.parse(ret.period))
    line = standing.office.path if standing else "?"
    for right in ("import", "review"):
        require(person, right, line, ret.institution.key)
    assert standing is not None
    form = _items(book, ret.round)
    changes = checked([(ret.period, item, text) for item, text in values], form, reason, word, confirmed_on, voucher)
    assert voucher is not None
    with action():
        batch = carry_in(person, book, standing, ret.round.form, changes, voucher)
        return keep(person, batch, line, word=word, confirmed_on=confirmed_on, reason=reason, returns=packed([ret.pk]),
                    values=[[p, i, f"{v.normalize():f}"] for p, i, v in changes])


def _items(book: Book, round_: Round) -> frozenset[str]:
    from jieneng.rulebook import form_for

    return frozenset(i.item for i in form_for(book, round_.form, round_.year).items)
