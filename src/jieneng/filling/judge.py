"""Judging a draft: what is typed, read as numbers, against the checks of the edition. Pure but for nothing: no database.

The same ``Examiner`` judges imports and reviews; here it judges while a person types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from jieneng.core.period import Period
from jieneng.core.problem import Finding, Problem, Severity
from jieneng.core.words import T
from jieneng.returns.advice import Advice, advice
from jieneng.returns.parts import Part
from jieneng.rulebook.types import Book

from .amounts import read_amount
from .shape import EVERY, Shape, computed, unit_sign

Answers = dict[str, Decimal | None]
EARLIER = Mapping[str, Mapping[str, Decimal | None]]
"""Period → answers: last year's, and those of this year that are no longer in the draft's hands."""


@dataclass(frozen=True)
class Found:
    """A finding of one period in the draft: its fields, its words, what a value may be meant to be, and the reason given for it."""

    period: str
    finding: Finding
    fields: tuple[str, ...]
    advice: tuple[Advice, ...] = ()
    reason: str = ""
    blames_last_year: bool = False
    waived: str = ""
    part: str = ""
    """The part it is about (``data_centre-1``), or the form over whose parts it speaks; blank: the return itself."""

    @property
    def all_year(self) -> bool:
        """Whether it speaks of what holds all year: then it is one finding for all periods, and one reason answers it."""
        return bool(self.fields) and all(at.startswith(EVERY + ".") for at in self.fields)

    @property
    def key(self) -> str:
        """The field its explanation is typed in: of a value that holds all year, the reason for its change."""
        if self.part:
            return f"why.{self.part}.{self.finding.rule}"
        if self.all_year:
            return f"reason.{self.fields[0].partition('.')[2]}" if len(self.fields) == 1 else f"why.{EVERY}.{self.finding.rule}"
        return f"why.{self.period}.{self.finding.rule}"

    @property
    def once(self) -> tuple[object, ...]:
        """What makes it one finding: of a value that holds all year it is the same in every period."""
        return self.finding.rule, self.part, self.fields if self.all_year else self.period

    @property
    def explainable(self) -> bool:
        """Whether a reason is enough: not for an error, except one that is laid at last year's value."""
        return self.finding.severity != Severity.must or self.blames_last_year

    @property
    def blocks(self) -> bool:
        """Whether it stands in the way of filing as things are."""
        return self.finding.severity != Severity.note and not self.waived and not (self.explainable and self.reason)


@dataclass
class Judged:
    """``answers`` by period; ``problems`` by field; ``found`` in order; ``missing`` required fields nobody answered, by period."""

    answers: dict[str, Answers] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    missing: dict[str, list[str]] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    closing: str = ""

    def inside(self, periods: Iterable[str]) -> set[str]:
        """The first words of the fields that hold values of these periods: their own, those of all year, those of parts with the closing one."""
        wanted = set(periods)
        return {*wanted, EVERY, *(p.key for p in self.parts if self.closing in wanted)}

    def sort(self) -> None:
        """Errors first, then by period."""
        order = {"must": 0, "explain": 1, "note": 2}
        self.found.sort(key=lambda f: (order[f.finding.severity.value], f.period))

    def totals(self, codes: Iterable[str]) -> dict[str, Decimal | None]:
        """Sum over the periods of each item; None where no period is answered."""
        result: dict[str, Decimal | None] = {}
        for code in codes:
            known = [a[code] for a in self.answers.values() if a.get(code) is not None]
            result[code] = sum((v for v in known if v is not None), Decimal(0)) if known else None
        return result

    def in_the_way(self, periods: Iterable[str]) -> int:
        """How many things stand in the way of filing these periods."""
        wanted = set(periods)
        once, inside = {f.once for f in self.found if f.period in wanted and f.blocks}, self.inside(wanted)
        return (len(once) + len({at for p, m in self.missing.items() if p in wanted for at in m})
                + sum(k.partition(".")[0] in inside for k in self.problems))


def field_of(values: Mapping[str, str], period: str, code: str, standing: bool) -> str:
    """The field in which an item of a period stands: its own, or for what holds all year the common one."""
    own = f"{period}.{code}"
    return own if own in values or not standing else f"{EVERY}.{code}"


def unused(shape: Shape, values: Mapping[str, str]) -> frozenset[str]:
    """Every item that is declared not used."""
    return frozenset().union(*(shape.family_items(f) for f in shape.families if values.get(f"unused.{f}")))


def read_answers(book: Book, shape: Shape, values: Mapping[str, str], periods: Iterable[str]) -> tuple[dict[str, Answers], dict[str, Problem]]:
    """What the draft says as numbers, by period, and what is no number. Declared not used is zero; sums are computed."""
    problems: dict[str, Problem] = {}
    not_used, standing = unused(shape, values), {e.code for e in shape.standing}
    result: dict[str, Answers] = {}
    for period in periods:
        answers: Answers = {}
        for e in shape.entries.values():
            if e.code in not_used:
                answers[e.code] = Decimal(0)
            elif not e.parts:
                at = field_of(values, period, e.code, e.code in standing)
                read = read_amount(text, e.item, unit_sign(book, e.item.unit), at) if (text := values.get(at, "")) else None  # most are empty
                if isinstance(read, Problem):
                    problems[at] = read
                answers[e.code] = None if isinstance(read, Problem) else read
        computed(shape, answers)
        result[period] = answers
    return result, problems


def judge(book: Book, shape: Shape, values: Mapping[str, str], periods: Iterable[str], earlier: EARLIER,
          waived: Mapping[str, str] | None = None) -> Judged:
    """Everything there is to say of a draft's periods. ``waived``: rule → who let it go until when, and why."""
    wanted, judged, allowed = list(periods), Judged(), waived or {}
    judged.answers, judged.problems = read_answers(book, shape, values, wanted)
    examiner, standing = shape.examiner, {e.code for e in shape.standing}
    checks = {c.id: c for c in shape.form.checks}
    now: dict[str, Mapping[str, Decimal | None]] = {**earlier, **judged.answers}
    for text in wanted:
        period, answers = Period.parse(text), judged.answers[text]
        last_year = earlier.get(str(period.last_year))
        last_month = now.get(str(period.previous)) if period.kind == "month" else None
        for f in examiner.examine(answers, last_year, last_month).findings:
            check = checks[f.rule]
            found = Found(text, f, tuple(field_of(values, text, i, i in standing) for i in f.items if i in shape.entries),
                          tuple(advice(check, answers, last_year, last_month)),
                          blames_last_year=bool(check.suggest) and all(k.startswith("last_year.") for k in check.suggest), waived=allowed.get(f.rule, ""))
            judged.found.append(replace(found, reason=values.get(found.key, "").strip()))
        judged.missing[text] = [
            at for e in shape.entries.values() if e.required and not e.parts and answers[e.code] is None
            and (at := field_of(values, text, e.code, e.code in standing)) not in judged.problems]
    judged.sort()
    return judged


def not_answered(label: T) -> T:
    """The words for a required value nobody gave."""
    return T("{x}还没有填；没有用就填 0", "{x} is not answered yet; write 0 where nothing was used", x=str(label))
