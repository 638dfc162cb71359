"""Layer-1 edits on one return: pure; the same rule text is read as a column over all returns by the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from jieneng.core.compiled import compiled
from jieneng.core.formula import Answer, Needs, read
from jieneng.core.problem import Finding
from jieneng.rulebook.types import Check, Form

Answers = Mapping[str, Decimal | None]


@dataclass
class Verdict:
    """The findings of one return, and how many rules could not be applied because something is unknown."""

    findings: list[Finding] = field(default_factory=list)
    applied: int = 0
    not_applied: int = 0


class Examiner:
    """The checks of a form, read once: what each needs is known before any return is looked at."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.items = frozenset(i.item for i in form.items)
        self.checks: list[tuple[Check, frozenset[str]]] = []
        self.sides: list[list[tuple[str, str, str]]] = []
        for check in form.checks:
            if check.process:
                continue
            texts = [check.holds, *check.let.values()] + ([check.when] if check.when else [])
            needs = frozenset().union(*(read(t, Needs()) for t in texts)) - frozenset(check.let)
            self.checks.append((check, needs))
            self.sides.append([(name, name.rpartition(".")[0], name.rpartition(".")[2]) for name in needs])

    @property
    def looks_back(self) -> bool:
        """Whether any check needs last year's or last month's answers."""
        return any("." in name for _, needs in self.checks for name in needs)

    def examine(self, answers: Answers, last_year: Answers | None = None, last_month: Answers | None = None, *, year: Answers | None = None) -> Verdict:
        """Judge one return. Unknown condition or unknown result: the rule is not applied, and counted as such.

        ``year``: the year of the main form, for the checks over forms of its parts (``returns.parts``).
        """
        verdict = Verdict()
        for check, needs, holds, values in self._judged(answers, last_year, last_month, year):
            if holds is None:
                verdict.not_applied += 1
                continue
            verdict.applied += 1
            if holds is False:
                verdict.findings.append(finding(check, needs, values))
        return verdict

    def failing(self, answers: Answers, last_year: Answers | None = None, last_month: Answers | None = None) -> list[str]:
        """The rules that a return fails, without the words of a finding."""
        return [check.id for check, _, holds, _ in self._judged(answers, last_year, last_month) if holds is False]

    def _judged(self, answers: Answers, last_year: Answers | None, last_month: Answers | None, year: Answers | None = None
                ) -> Iterator[tuple[Check, frozenset[str], Answer, dict[str, Answer]]]:
        """Each check with its answer (None: not applied) and the values it saw."""
        nothing: Answers = {}
        sides: dict[str, Answers] = {"": answers, "last_year": last_year or nothing, "last_month": last_month or nothing, "year": year or nothing}
        for (check, needs), names in zip(self.checks, self.sides, strict=True):
            values: dict[str, Answer] = {name: sides.get(side, nothing).get(item) for name, side, item in names}
            for name, text in check.let.items():
                values[name] = compiled(text)(values)
            if check.when and compiled(check.when)(values) is not True:
                yield check, needs, None, values
            else:
                yield check, needs, compiled(check.holds)(values), values


def finding(check: Check, needs: Iterable[str], values: Mapping[str, object]) -> Finding:
    """What a failed check says, with the values it saw."""
    shown = {name.replace(".", "_"): plain(v) for name, v in values.items()}
    items = tuple(sorted(n for n in needs if "." not in n))
    return Finding(check.id, check.severity, items, check.says(**shown), check.do(**shown),
                   check.source.title if check.source else "")


def plain(value: object) -> str:
    """A value as a person reads it: thousands separated, no trailing zeros, an unknown as words."""
    if value is None:
        return "—"
    if isinstance(value, Decimal):
        text = f"{value:,.4f}".rstrip("0").rstrip(".")
        return "0" if text in ("-0", "") else text
    return str(value)
