"""The checks of an edition as cell formulas, from the same text that judges a page and a city: verdict, words, values.

A verdict is 2 (does not hold), 1 (holds) or 0 (not applied: its condition is not true, or something is unknown), as the engine's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from jieneng.core.cell import ASKED_NOT, LONGEST, Cell, Number, Truth
from jieneng.core.formula import Needs, read
from jieneng.core.problem import refuse
from jieneng.core.words import T, language
from jieneng.rulebook.types import Check, Form

FAILS, HOLDS, NOT_APPLIED = 2, 1, 0
LET_GO = 3
"""In a row whose unit has a waiver for the check: it does not hold, and need not."""
Ref = Callable[[str], str | None]
"""Name of an item (``area_m2``, ``last_year.area_m2``) → the cell it stands in; None where the sheet has no such cell."""


def usable(form: Form) -> list[Check]:
    """The checks that machines judge; duties of the office are none."""
    return [c for c in form.checks if not c.process]


def needed(check: Check) -> frozenset[str]:
    """The names a check reads."""
    texts = [check.holds, *check.let.values(), *([check.when] if check.when else [])]
    return frozenset().union(*(read(t, Needs()) for t in texts)) - frozenset(check.let)


def before(form: Form) -> list[str]:
    """The names that look back, in order: ``last_year.area_m2`` …"""
    return sorted({n for c in usable(form) for n in needed(c) if "." in n})


def _reading(check: Check, ref: Ref) -> tuple[Cell, dict[str, Number]]:
    lets: dict[str, Number] = {}
    reading = Cell(lambda name: lets.get(name) or ref(name) or ASKED_NOT)
    for name, text in check.let.items():
        found = read(text, reading)
        assert isinstance(found, Number), "the loader lets only numbers be named"
        lets[name] = found
    return reading, lets


def verdict(check: Check, ref: Ref) -> str:
    """The formula (without its ``=``) that says 2, 1 or 0. Refused where it is longer than a cell may hold."""
    reading, _ = _reading(check, ref)
    holds = read(check.holds, reading)
    assert isinstance(holds, Truth)
    text = f"IF({holds.false},{FAILS},IF({holds.true},{HOLDS},{NOT_APPLIED}))"
    if check.when:
        when = read(check.when, reading)
        assert isinstance(when, Truth)
        text = f"IF({when.true},{text},{NOT_APPLIED})"
    if len(text) >= LONGEST:
        raise refuse("filling.formula", T("规则 {r} 写成单元格公式有 {n} 个字，超过 {m}", "rule {r} as a cell formula has {n} characters, more than {m}",
                                          r=check.id, n=len(text), m=LONGEST), do=T("把规则拆成几条", "split the rule"))
    return text


def let_go(formula: str) -> str:
    """The verdict of a check that is waived for a unit: as ``formula`` says, but what does not hold is let go."""
    return f"CHOOSE({formula}+1,{NOT_APPLIED},{HOLDS},{LET_GO})"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _shown(cell: str) -> str:
    """A cell's number as ``returns.examine.plain`` writes it: grouped, no trailing zeros, a dash for nothing."""
    return f'IF(COUNT({cell})=0,"—",IF({cell}=INT({cell}),TEXT({cell},"#,##0"),TEXT({cell},"#,##0.####")))'


def words(check: Check, ref: Ref) -> str:
    """The formula of the words of a failed check, with the values it saw: the same as on the page."""
    _, lets = _reading(check, ref)
    text = check.says.zh if language() == "zh" else check.says.en
    by_word = {name.replace(".", "_"): name for name in needed(check)}
    parts = []
    for n, part in enumerate(re.split(r"\{(\w+)\}", text)):
        if n % 2 == 0:
            parts += [_quoted(part)] if part else []
        elif part in lets:
            value = f"({lets[part].text}/{10 ** lets[part].extent.places})"
            parts.append(f'IF({lets[part].known or "TRUE"},TEXT({value},"#,##0.####"),"—")')
        else:
            cell = ref(by_word.get(part, part))
            parts.append(_shown(cell) if cell else '"—"')
    return "&".join(parts) or '""'


def named(check: Check, labels: Mapping[str, str]) -> str:
    """The words of a check without values: each stands by the number of its column (〔150〕)."""
    text = check.says.zh if language() == "zh" else check.says.en
    return re.sub(r"\{(\w+)\}", lambda m: f"〔{labels.get(m[1], m[1])}〕", text)


def said(check: Check, values: Mapping[str, Decimal | None]) -> str:
    """What the words formula gives for values, for tests and for the result stored beside it."""
    from jieneng.returns.examine import plain

    return str(check.says(**{k.replace(".", "_"): plain(v) for k, v in values.items()}))
