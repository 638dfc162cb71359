"""The verbs of the chain: pass many returns in one's own word, hand totals up, take them back."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records.events import action, hold, record
from jieneng.records.notify import notify
from jieneng.rulebook.types import Book

from ..actions import act, open_must
from ..models import Return, Round, Submission
from ..moves import MOVES
from ..telling import keepers_of
from . import queries
from .blockers import blockers


@dataclass(frozen=True)
class Passed:
    """What a batch did: done, left because of errors, left because the table of moves does not allow it now."""

    done: int
    errors: int
    other: int


def batch(person: User, verb: str, returns: QuerySet[Return], reason: str = "") -> Passed:
    """Do a verb to those of the returns that it can be done to, all in one action; who holds an error is not passed."""
    rows = list(returns.order_by("pk"))
    able = [r for r in rows if (r.state, verb) in MOVES]
    bad = open_must(able) if verb in queries.PASS.values() else set()
    good = [r.pk for r in able if r.pk not in bad]
    done = act(person, verb, Return.objects.filter(pk__in=good), reason=reason) if good else 0
    return Passed(done, len(bad), len(rows) - len(able))


def hand_up(person: User, book: Book, round_: Round, office: Office, note: str = "") -> Submission:
    """Answer for an office's totals and hand them up (报送合计). Refused while returns have not got the office's own word."""
    require(person, queries.right_of(office), office.path)
    with action():
        hold()  # two at one moment: the second gets the next number
        members = queries.under(round_, office)
        counts = queries.by_state(round_, members)
        if left := queries.waiting(counts, queries.level_of(office)):
            raise refuse("totals.waiting", T("还有 {n} 份报表没有审核", "{n} returns are not reviewed yet", n=left),
                         do=T("审核通过，或登记免报后再报送", "pass them, or mark them exempt, then hand up"))
        if not counts:
            raise refuse("totals.none", T("{o} 没有应报的单位", "{o} has nothing to report", o=office.name))
        if in_the_way := blockers(round_, office):
            raise refuse("totals.blocked", T("还不能报送：{w}", "not to be handed up yet: {w}", w="；".join(str(w) for w in in_the_way)))
        totals = queries.totals_of(book, round_, members)
        last = Submission.objects.filter(round=round_, office=office).order_by("-number").first()
        if last is not None and not last.withdrawn and last.content == totals.content:
            raise refuse("totals.same", T("合计已经报送，没有变化", "these totals are handed up already"))
        row = Submission.objects.create(
            round=round_, office=office, number=last.number + 1 if last else 1, totals={i: f"{v:f}" for i, v in totals.sums.items()},
            counts={"institutions": totals.institutions, "returns": totals.returns, "states": counts}, content=totals.content, note=note.strip()[:300], by=person)
        record(person, "round.submit", "submission", row.pk, line=office.path, data={
            "year": round_.year, "office": office.code, "number": row.number, "totals": row.totals, "counts": row.counts, "content": row.content, "note": row.note})
        above = office.parent
        if above is not None:
            notify(keepers_of(above.path), f"submitted:{row.pk}", T("{o} 报送 {y} 年合计（第 {n} 次）", "{o} handed up its totals for {y} (no. {n})", o=office.name, y=round_.year, n=row.number))
    return row


def take_back(person: User, row: Submission, reason: str) -> None:
    """Take totals back that were handed up, with the reason; the office above is told."""
    require(person, queries.right_of(row.office), row.office.path)
    if not reason.strip():
        raise refuse("totals.reason", T("没有写撤回的原因", "no reason given"), do=T("写明原因，上级能看到", "say why; the office above sees it"))
    with action():
        if Submission.objects.filter(pk=row.pk, withdrawn="").update(withdrawn=reason.strip()[:300]) != 1:
            raise refuse("totals.gone", T("已经撤回过", "it was taken back already"))
        record(person, "round.take_back", "submission", row.pk, line=row.office.path,
               data={"year": row.round.year, "office": row.office.code, "number": row.number, "reason": reason.strip()})
        if row.office.parent is not None:
            notify(keepers_of(row.office.parent.path), f"taken-back:{row.pk}", T("{o} 撤回 {y} 年合计", "{o} took its totals for {y} back", o=row.office.name, y=row.round.year),
                   T("{r}", "{r}", r=reason.strip()))
