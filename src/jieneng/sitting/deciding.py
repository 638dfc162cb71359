"""The verbs on a finding: send back with a suggested value, found right, accept an explanation, change on the unit's own word; and undo.

Nobody but the respondent changes a reported number: no verb here takes a suggestion over by itself. Each checks the right over the
institution and records its event in one transaction.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, BinaryIO

from django.utils import timezone

from jieneng.core.amount import amount_text
from jieneng.core.period import Period
from jieneng.core.problem import Place, refuse
from jieneng.core.words import T
from jieneng.exchange import actions as exchange
from jieneng.exchange.models import Correction
from jieneng.exchange.queries import current_rows
from jieneng.people.models import User
from jieneng.people.scope import require
from jieneng.records.events import action, record
from jieneng.registry.models import Standing
from jieneng.registry.queries import standing_for
from jieneng.returns import actions as returns
from jieneng.returns import behalf
from jieneng.returns.asks import Ask
from jieneng.returns.models import Return
from jieneng.returns.plan.queries import plan_of
from jieneng.review import actions as review
from jieneng.review.models import ReviewFinding
from jieneng.rulebook.types import Book

from .models import VERDICTS, Decision
from .queries import mark_of
from .showing import suggested_lines


def _reason(text: str) -> str:
    if not text.strip():
        raise refuse("decide.reason", T("没有写理由", "no reason is given"), T("核对了什么、依据是什么", "what was checked, on what evidence"),
                     T("写一句，如“与供电公司账单核对”", "one sentence, such as “compared with the bill”"), Place(field="reason"))
    return text.strip()[:300]


def _standing(person: User, finding: ReviewFinding, right: str = "review") -> Standing:
    """The institution's standing on the day that counts for the year reviewed, once the right over it is checked."""
    found = standing_for(finding.institution, Period("year", finding.run.round.year))
    require(person, right, found.office.path if found else "?", finding.institution.key)
    assert found is not None
    return found


def _open(finding: ReviewFinding) -> str:
    """The mark of a finding that nobody has decided on. Raises ``Refused`` naming who did."""
    mark = mark_of(finding)
    if (other := Decision.objects.filter(round=finding.run.round, mark=mark, undone_at=None).select_related("by").first()) is not None:
        raise refuse("decide.done", T("{n} 已在 {d} 办理：{v}", "{n} decided it on {d}: {v}", n=other.by.shown, d=f"{timezone.localtime(other.at):%m-%d %H:%M}", v=str(VERDICTS[other.verdict])),
                     do=T("要改先撤销那一次", "undo that one first"))
    return mark


def _keep(person: User, finding: ReviewFinding, standing: Standing, verdict: str, reason: str, **more: Any) -> Decision:
    """The decision and its event, inside the caller's transaction."""
    made = Decision.objects.create(
        round=finding.run.round, finding=finding, institution=finding.institution, mark=_open(finding), verdict=verdict, reason=reason,
        mode=plan_of(finding.run.round).mode(standing.office.path), by=person, at=timezone.now(), **more)
    record(person, f"decision.{verdict}", "decision", made.pk, line=standing.office.path, data={
        "institution": finding.institution_id, "finding": finding.pk, "rule": finding.rule, "period": finding.period, "items": finding.items, "reason": reason,
        "values": made.values, "mark": made.mark, "year": finding.run.round.year, **({"word": made.word, "confirmed_on": made.confirmed_on.isoformat() if made.confirmed_on else "",
        "voucher": made.voucher.sha256 if made.voucher else ""} if made.word else {})})
    return made


def _pass_on(person: User, book: Book, made: Decision, word: str) -> None:
    """Mode A: a line of the list of corrections for each value. Where the platform holds it already, ours is to follow."""
    if made.mode != "A":
        return
    round_ = made.round
    lines = []
    for period, item, value in made.values:
        row = current_rows("platform", round_.form, Period.parse(period).year, [made.institution_id]).get((made.institution_id, period))
        holds = row is not None and row.values.get(item) == exchange.as_amount(value)
        if holds and made.verdict == "on_word":
            continue  # ours was changed, the platform had it right
        lines.append(exchange.correct(person, book, made.institution, form=round_.form, period=period, item=item, new=value, reason=made.reason, word=word,
                                      side="ours" if holds else "platform", confirmed_on=made.confirmed_on, origin="finding").pk)
    made.passed_on = lines
    made.save(update_fields=["passed_on"])


def send_back(person: User, book: Book, finding: ReviewFinding, reason: str) -> Decision:
    """Send a finding back with its suggested value (退回核实，附建议值).

    Mode A: a line of the list of corrections; the unit confirms and changes it on the platform. Modes B and C: the returns themselves go
    back, as the table of moves allows (in B with a line of the list as well, since the platform is where it is entered). Raises ``Refused`` without a reason or where the finding is decided already.
    """
    standing, reason = _standing(person, finding), _reason(reason)
    with action():
        made = _keep(person, finding, standing, "sent_back", reason, values=suggested_lines(book, finding))
        if made.mode == "A":
            _pass_on(person, book, made, str(T("建议值，请单位核实", "suggested, for the unit to check")))
        else:
            _return_back(person, finding, f"{reason}{_suggestion(made)}", reason, made.values)
    return made


def _suggestion(made: Decision) -> str:
    return "；建议值：" + "，".join(f"{p} {v}" for p, _, v in made.values[:12]) if made.values else ""


def _return_back(person: User, finding: ReviewFinding, reason: str, why: str, values: list[Any]) -> None:
    """The returns a finding speaks of go back to the unit with its suggested values, to be confirmed there; those that wait there already stay."""
    year = finding.run.round.year
    periods = [f"{year}-{m:02}" for m in finding.months] or [p for p, _, _ in finding.suggested] or None
    rows = Return.objects.filter(round=finding.run.round, institution=finding.institution, revision__gt=0).exclude(state="returned")
    if periods and rows.filter(period__in=periods).exists():
        rows = rows.filter(period__in=periods)
    suggested = {(str(p), str(item)): str(v) for p, item, v in values}
    for states, verb in ((("filed", "dept_ok", "county_ok"), "send_back"), (("accepted", "signed"), "reopen")):
        part = rows.filter(state__in=states)
        back = list(part.values_list("pk", "period"))
        if back:
            asks = [Ask(pk, item, why, v) for pk, period in back for (p, item), v in suggested.items() if p == period]
            returns.act(person, verb, part, reason=reason[:300], asks=asks)


def found_right(person: User, finding: ReviewFinding, reason: str) -> Decision:
    """Looked at, and right as reported (核实无误)."""
    standing, reason = _standing(person, finding), _reason(reason)
    with action():
        return _keep(person, finding, standing, "right", reason)


def accept_explanation(person: User, finding: ReviewFinding, reason: str, *, until: dt.date | None, lasting: bool = False) -> Decision:
    """Accept the unit's explanation (接受说明): it is remembered for this item and direction until its last day, or, where
    it is ``lasting``, as the new level with no last day: the day is for what passes, and the form has one filled in."""
    standing, reason = _standing(person, finding), _reason(reason)
    with action():
        _open(finding)
        kept = review.explain_finding(person, finding, reason=reason, until=None if lasting else until, shift=lasting)
        return _keep(person, finding, standing, "explained", reason, explanation=kept)


def change_on_word(person: User, book: Book, finding: ReviewFinding, *, values: list[tuple[str, str, str]], reason: str, word: str, confirmed_on: dt.date | None,
                   voucher: tuple[BinaryIO, str] | None) -> Decision:
    """Change values for the unit after it confirmed them (经填报单位确认后代改): who confirmed, when, and the voucher are all required.

    A new revision whose source is the voucher; it waits for review again. Raises ``Refused`` for whatever is missing, all at once.
    """
    standing = _standing(person, finding, "import")
    require(person, "review", standing.office.path, finding.institution.key)
    changes = behalf.checked(values, finding.items, reason, word, confirmed_on, voucher)
    assert voucher is not None
    with action():
        _open(finding)
        batch = behalf.carry_in(person, book, standing, finding.run.round.form, changes, voucher)
        made = _keep(person, finding, standing, "on_word", reason.strip()[:300], values=[[p, i, amount_text(v)] for p, i, v in changes], word=word.strip()[:120],
                     confirmed_on=confirmed_on, voucher=batch.file)
        _pass_on(person, book, made, made.word)
    return made


def undo(person: User, decision: Decision) -> None:
    """Take a decision back, where nothing has followed from it that cannot be: an explanation is revoked, a line of corrections withdrawn.

    A return that went back to its unit, or a value changed on the unit's word, is not undone here: what follows is a new step.
    """
    finding = decision.finding
    standing = _standing(person, finding)
    with action():
        row = Decision.objects.select_for_update().get(pk=decision.pk)
        if row.undone_at is not None:
            raise refuse("decide.undone", T("这一次已经撤销过", "it was undone already"))
        if row.verdict == "on_word":
            raise refuse("decide.moved", T("数已按单位的确认改过，不能撤销", "the value was changed on the unit’s word and is not taken back"),
                         do=T("要再改，请单位再确认一次", "to change it again, ask the unit again"))
        if row.verdict == "sent_back" and row.mode != "A":
            raise refuse("decide.moved", T("报表已经退回给单位，不能撤销", "the return is with the unit and is not fetched back"),
                         do=T("等单位重报后再审", "review it when the unit files again"))
        row.undone_by, row.undone_at = person, timezone.now()
        row.save(update_fields=["undone_by", "undone_at"])
        if row.explanation is not None and row.explanation.revoked_at is None:
            review.revoke(person, row.explanation, str(T("撤销会审意见", "the decision was undone")))
        for line in Correction.objects.filter(pk__in=row.passed_on).exclude(state="withdrawn"):
            exchange.withdraw(person, line, str(T("撤销会审意见", "the decision was undone")))
        record(person, "decision.undo", "decision", row.pk, line=standing.office.path, data={
            "institution": row.institution_id, "period": finding.period, "items": finding.items, "verdict": row.verdict, "year": finding.run.round.year})
