"""Events in words: who did what to which unit, month and line. Every verb that is recorded anywhere has its words here.

A teller reads the event's data and the records as they stand now (names of units, titles of ledgers); what it cannot find
any more it tells by its number. Events are never changed by being told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jieneng.core.words import T
from jieneng.records.models import Event

from . import accounts, register, returns, review
from .told import Told, names_of
from .verbs import VERBS

TELLERS: dict[str, Callable[[Told, dict[str, Any]], None]] = {
    "register.import": register.register_import, "register.change": register.standing, "register.batch": register.change,
    "register.undo": register.change, "register.pair": register.pair, "office.*": register.office, "contact.*": register.of_institution,
    "voucher.*": register.of_institution, "ledger.import": register.ledger_import, "ledger.*": register.ledger_line,
    "export.register": register.register_export, "platform.register": register.register_ticked, "register_line.*": register.register_line,
    "round.open": returns.round_open, "round.sign_off": returns.sign_off, "round.office": returns.plan, "round.step": returns.plan,
    "round.strict": returns.plan, "round.show": returns.plan, "round.extend": returns.extend, "round.submit": returns.submission,
    "round.take_back": returns.submission, "remind.*": returns.remind, "office.mailbox": returns.mailbox, "filling.workbook": returns.workbook,
    "filling.*": returns.signed, "waiver.*": returns.waiver, "behalf.*": returns.behalf, "round.signatures": returns.plan,
    "returns.import": returns.returns_import, "returns.*": returns.returns, "snapshot.freeze": returns.freeze,
    "review.run": review.review, "review.candidates": review.review, "review.screen": review.screen, "review.*": review.explanation,
    "decision.*": review.decision, "sitting.*": review.sitting, "sample.*": review.sample, "platform.import": review.platform_import,
    "correction.issue": review.correction_list, "correction.ask": review.explained, "correction.settle": review.explained,
    "correction.*": review.correction, "difference.explain": review.explained, "layout.save": review.layout, "export.layout": review.layout,
    "export.template": review.layout,
    "document.compose": accounts.compose, "document.confirm": accounts.confirm, "evidence.attach": accounts.evidence, "account.*": accounts.account,
    "client.*": accounts.account, "workspace.*": accounts.workspace, "backup.*": accounts.workspace, "log.verify": accounts.verify,
}
"""Verb, or its first word and ``.*``, and who tells it."""


def tell(event: Event) -> Told:
    """One event in words."""
    told = Told(event, VERBS.get(event.verb, T("{v}", "{v}", v=event.verb)))
    teller = TELLERS.get(event.verb) or TELLERS.get(event.verb.partition(".")[0] + ".*")
    if teller:
        teller(told, event.data)
    return told


__all__ = ["VERBS", "Told", "names_of", "tell"]
