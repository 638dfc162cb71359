"""Rows about the same thing: equal ones are one, with a note; unlike ones are a problem, and none of them is taken."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from jieneng.core.period import Period
from jieneng.core.problem import Problem
from jieneng.core.words import T
from jieneng.rulebook.types import Book

from .drafts import BodyRow, Draft, From, IntakeResult, LedgerRow

_DO = T("查清哪一行是对的，只留一行再导入", "find out which row is right, keep that one, and import again")


def _twice(result: IntakeResult, what: T, one: From, other: From, items: Sequence[T] = ()) -> None:
    """The problem of two unlike rows, told at the second, naming the first and the items that differ."""
    differ = T("（{a}）", " ({b})", a="、".join(i.say("zh") for i in items), b=", ".join(i.say("en") for i in items)) if items else ""
    result.problem(
        Problem(
            "rows-differ",
            T(
                "{w}有两行，数据不同：{a} 和 {b}{i}",
                "{w} has two unlike rows: {a} and {b}{i}",
                w=what,
                a=str(one.place),
                b=str(other.place),
                i=differ,
            ),
            do=_DO,
            where=other.place,
        )
    )


def _same(result: IntakeResult, what: T, one: From, other: From) -> None:
    result.count("duplicates")
    result.note(
        "rows-same",
        T(
            "{w}有两行，数据相同，只收一次：{a} 和 {b}",
            "{w} has two equal rows, taken once: {a} and {b}",
            w=what,
            a=str(one.place),
            b=str(other.place),
        ),
        other.place,
    )


def _whose(draft: Draft) -> T:
    """Whose return of when, for the words of a problem."""
    who = f"{draft.name}（{draft.identifier}）" if draft.name else draft.identifier
    return T("{i} 的 {p}", "{i}, {p},", i=f"{who} {draft.part}" if draft.part else who, p=draft.period.label)


class Drafts:
    """Drafts by identifier, period and part. In a wide table a row is one whole; otherwise each item stands for itself."""

    def __init__(self, whole_rows: bool, book: Book) -> None:
        self.whole, self.book = whole_rows, book
        self.kept: dict[tuple[str, Period, str], Draft] = {}
        self.barred: dict[tuple[str, Period, str], set[str] | None] = {}

    def add(self, draft: Draft, result: IntakeResult) -> None:
        key = (draft.identifier, draft.period, draft.part)
        if self.whole and key in self.barred:
            _twice(result, _whose(draft), draft.at, draft.at)
            return
        for item in self.barred.get(key) or ():
            draft.answers.pop(item, None)
        old = self.kept.get(key)
        if old is None:
            self.kept[key] = draft
            return
        shared = [i for i in draft.answers if i in old.answers]
        unlike = [i for i in shared if draft.answers[i] != old.answers[i]]
        if unlike:
            _twice(result, _whose(draft), old.at, draft.at, [self.book.items[i].label for i in unlike[:6] if i in self.book.items])
            if self.whole:
                del self.kept[key]
                self.barred[key] = None
                return
            barred = self.barred.setdefault(key, set()) or set()
            barred.update(unlike)
            self.barred[key] = barred
            for item in unlike:
                old.answers.pop(item, None)
                old.sources.pop(item, None)
                draft.answers.pop(item, None)
        elif shared or (self.whole and not draft.answers):
            _same(result, _whose(draft), old.at, draft.at)
        for fact, said in draft.facts.items():
            old.facts.setdefault(fact, said)
        for item, value in draft.answers.items():
            if item not in old.answers:
                old.answers[item] = value
                if item in draft.sources:
                    old.sources[item] = draft.sources[item]

    def all(self) -> list[Draft]:
        return list(self.kept.values())


class Bodies:
    """Register lines by identifier. Where rows have periods, the latest row tells the name, and a change is noted."""

    def __init__(self, with_periods: bool) -> None:
        self.with_periods = with_periods
        self.kept: dict[str, BodyRow] = {}
        self.barred: set[str] = set()

    def add(self, body: BodyRow, result: IntakeResult) -> None:
        what = T("{i}", "{i}", i=body.identifier)
        if body.identifier in self.barred:
            _twice(result, what, body.at, body.at)
            return
        old = self.kept.get(body.identifier)
        if old is None:
            self.kept[body.identifier] = body
        elif self.with_periods and old.period and body.period:
            if old.name != body.name:
                result.note(
                    "name-changed",
                    T(
                        "{i} 的名称从“{a}”变为“{b}”",
                        "{i} is called “{a}” and “{b}”",
                        i=body.identifier,
                        a=old.name,
                        b=body.name,
                    ),
                    body.at.place,
                )
            if old.period < body.period:
                self.kept[body.identifier] = body
        elif old.says() == body.says():
            _same(result, what, old.at, body.at)
        else:
            _twice(result, what, old.at, body.at)
            del self.kept[body.identifier]
            self.barred.add(body.identifier)

    def all(self) -> list[BodyRow]:
        return list(self.kept.values())


class Ledgers:
    """Ledger rows by key."""

    def __init__(self) -> None:
        self.kept: dict[Hashable, LedgerRow] = {}
        self.barred: set[Hashable] = set()

    def add(self, row: LedgerRow, result: IntakeResult) -> None:
        what = T("{i}", "{i}", i=" / ".join(row.key))
        old = self.kept.get(row.key)
        if row.key in self.barred:
            _twice(result, what, row.at, row.at)
        elif old is None:
            self.kept[row.key] = row
        elif old.values == row.values and (old.area, old.identifier) == (row.area, row.identifier):
            _same(result, what, old.at, row.at)
        else:
            _twice(result, what, old.at, row.at)
            del self.kept[row.key]
            self.barred.add(row.key)

    def all(self) -> list[LedgerRow]:
        return list(self.kept.values())
