"""Verb that tells whether a printed return matches the records: verify-sheet."""

from __future__ import annotations

import argparse
from typing import Any

from jieneng.core.words import T

from . import Out, Verb
from .intake import person


def verify_sheet_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", help=str(T("报表下面二维码旁的校验码，JN1-…", "the code beside the QR code at the foot of the sheet, JN1-…")))
    parser.add_argument("--as", dest="as_user", metavar="USER", help=str(T("以哪个账号办理（缺省：控制台账号）", "act as this account (default: the console's)")))


def verify_sheet(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Same, an older revision, unknown, or altered; ends with 0 only for the same."""
    from jieneng.filling.sheet import verify
    from jieneng.filling.show import spans
    from jieneng.people.scope import require

    who = person(args)
    found = verify(args.code, require(who, "see"), who)
    out.say(found.words)
    if found.why:
        out.line(f"  {found.why}")
    if found.sheet:
        out.line(f"  {found.sheet.standing.name} {found.sheet.round.year}")
    unsigned = found.sheet.unsigned if found.sheet and found.kind in ("same", "older") else []
    if unsigned:
        out.line("  " + str(T("{p}为代改、代录或导入，单位没有签名", "{p}: entered or imported for the unit, not signed by it", p=spans(unsigned))))
    for period, item, then, now in found.changes[:50]:
        out.line(f"  {period}\t{item}\t{'—' if then is None else then} → {'—' if now is None else now}")
    return {"verdict": found.kind, "unsigned": unsigned, "unit": found.sheet.institution.key if found.sheet else None, "changes": [
        {"period": p, "item": i, "then": None if a is None else str(a), "now": None if b is None else str(b)} for p, i, a, b in found.changes], "exit": 0 if found.kind == "same" else 1}


VERBS = [Verb("verify-sheet", T("核验打印的报表", "verify a printed return"), verify_sheet_arguments, verify_sheet)]
