"""What every figure of one calculation asks of the engine, asked once: sums, members, who answered and who did not.

What a figure rests on comes from the rulebook; what lacks is told by name.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from jieneng.core.figure import Coverage, FactorUsed, Selection
from jieneng.core.formula import Needs, read
from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.engine import EVERY, Ask, Engine, Group, Snapshot, Total, Uncovered
from jieneng.rulebook.editions import not_asked
from jieneng.rulebook.types import Book

NAMED = 3
"""How many institutions a note names."""
LISTED = 5000
"""How many uncovered institutions are fetched to be named."""

Complete = tuple[str, ...]


@dataclass(frozen=True)
class Factors:
    """The product of a term's factors and scale for one span of months and one region, what was read, what stood in."""

    product: Fraction
    used: tuple[FactorUsed, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """What every figure of one calculation shares, and what was already asked."""

    book: Book
    engine: Engine
    snapshot: Snapshot
    form: str
    period: Period
    by: str | None
    where: Mapping[str, Any]
    like: Complete = ()
    wanted: dict[Complete, set[str]] = field(default_factory=dict)
    tables: dict[Complete, dict[str, Group]] = field(default_factory=dict)
    lacking: dict[Complete, dict[str, list[Uncovered]]] = field(default_factory=dict)
    factors: dict[Any, Factors] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    needed: dict[Complete, dict[str, int]] = field(default_factory=dict)

    @functools.cached_property
    def label(self) -> str:
        return str(self.period)

    @functools.cached_property
    def filed(self) -> tuple[str, ...]:
        """The months of the period of which there are returns; none where ``where`` chooses months itself."""
        months = {str(m) for m in self.period.months}
        return () if "period" in self.where else tuple(p for p in self.snapshot.form_periods(self.form) if p in months)

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.by,) if self.by else ()

    def want(self, complete: Sequence[str], items: Sequence[str]) -> None:
        """Announce items that will be asked of the members that answered ``complete``."""
        self.wanted.setdefault(in_order(complete), set()).update(items)

    def groups(self, complete: Sequence[str] = ()) -> dict[str, Group]:
        """Code → group, with the totals of all items announced for ``complete``."""
        complete = in_order(complete)
        if complete not in self.tables:
            self.tables[complete] = {key_of(code_of(self, g)): g for g in self.sums(sorted(self.wanted.get(complete, ())), complete)}
        return self.tables[complete]

    def sums(self, items: Sequence[str], complete: Sequence[str], by: Sequence[str] = (), extra: Mapping[str, Any] | None = None
             ) -> list[Group]:
        asks = [Ask(i, self.book.items[i].over_time) for i in items]
        return self.engine.sums(self.snapshot, asks, form=self.form, period=self.period, by=(*self.keys, *by),
                                where={**self.where, **(extra or {})}, complete=complete)

    @property
    def expected(self) -> bool:
        """Whether all that had to answer count as members: known for the main form, and not asked of like for like."""
        return self.form == self.book.settings["main_form"] and not self.like

    def members(self) -> dict[str, int]:
        """Code → institutions that answered or had to."""
        if not self.counts:
            if self.like:
                self.counts.update({k: g.members for k, g in self.groups(self.like).items()})
            else:
                found = self.engine.members(self.snapshot, self.form, self.period, by=self.keys, where=self.where, expected=self.expected)
                self.counts.update({key_of(k[0] if self.by else ""): n for k, n in found.items()})
        return self.counts

    def need(self, *needs: Complete) -> None:
        """Announce what coverage will be asked of; one question to the engine answers all."""
        for need in needs:
            self.needed.setdefault(need, {})

    def covered(self, need: Complete) -> dict[str, int]:
        """Code → institutions that answered all of ``need``."""
        self.need(need)
        if open_ := [n for n, table in self.needed.items() if not table]:
            found = self.engine.covered(self.snapshot, self.form, self.period, open_, by=self.keys, where=self.where)
            for key, counts in found.items():
                for n, count in zip(open_, counts, strict=True):
                    self.needed[n][key_of(key[0] if self.by else "")] = count
        return self.needed[need]

    def uncovered(self, need: Sequence[str]) -> dict[str, list[Uncovered]]:
        """Code → institutions that did not answer all of ``need``."""
        need = in_order(need)
        if need not in self.lacking:
            table: dict[str, list[Uncovered]] = {}
            for u in self.engine.uncovered(self.snapshot, self.form, self.period, need, by=self.keys, where=self.where,
                                           expected=self.expected, limit=LISTED):
                table.setdefault(key_of(u.keys[0] if self.by else ""), []).append(u)
            self.lacking[need] = table
        return self.lacking[need]

    def subject(self, code: Any) -> dict[str, str]:
        if not self.by:
            return {}
        name = ""
        if self.by in ("area", "territory") and code in self.book.divisions:
            name = str(self.book.divisions[code].name)
        elif self.by == "type" and code in self.book.types:
            name = str(self.book.types[code].label)
        return {"kind": self.by, "code": key_of(code), "name": name}

    def leaf(self, item: str, code: Any, complete: Sequence[str], total: Total, extra: Mapping[str, Any] | None = None) -> Selection:
        where = {**self.where, **({self.by: code} if self.by else {}), **(extra or {})}
        return Selection(self.snapshot.id, f"returns:{self.form}", item, self.book.items[item].over_time, self.label, where,
                         tuple(complete), total.cells, total.members)


def form_with(book: Book, name: str) -> str:
    """The form whose items a figure rests on: the main one, or a part of it (机房, 热源) where only that asks them all."""
    main = str(book.settings["main_form"])
    asked: dict[str, set[str]] = {}
    for f in book.forms.values():
        asked.setdefault(f.code, set()).update(i.item for i in f.items)
    wanted = rests_on(book, name)
    return main if wanted <= asked.get(main, set()) else next((c for c in asked if wanted <= asked[c]), main)


def rests_on(book: Book, name: str) -> set[str]:
    """Every item that a figure reads."""
    if name in book.indicators:
        return {i for n in read(book.indicators[name].formula, Needs()) for i in rests_on(book, n.removeprefix("base."))}
    return {t.item for t in book.composites[name].terms} if name in book.composites else {name}


def needs(book: Book, name: str) -> Complete:
    """The items that an institution must have answered to be covered by a figure."""
    if name in book.indicators:
        return in_order({i for n in read(book.indicators[name].formula, Needs()) for i in needs(book, n)})
    if name in book.composites:
        return in_order({t.item for t in book.composites[name].terms if t.missing == "unknown"})
    return (book.items[name].code,)


def composites_of(book: Book, name: str) -> list[str]:
    """The composites that a figure rests on."""
    if name in book.indicators:
        return [n for n in read(book.indicators[name].formula, Needs()) if n in book.composites]
    return [name] if name in book.composites else []


def owed(book: Book, items: Sequence[str]) -> Complete:
    """Items as in ``Engine.sums(complete=…)``: what is added over time must be answered each time it was due."""
    return in_order([i + EVERY if book.items[i].over_time == "sum" else i for i in items])


def in_order(items: Sequence[str] | set[str]) -> Complete:
    return tuple(sorted(set(items)))


def both_languages(text: T) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def code_of(scene: Scene, group: Group) -> Any:
    return group.keys[scene.by] if scene.by else ""


def key_of(code: Any) -> str:
    return "" if code is None else str(code)


def nobody(scene: Scene, item: str) -> str:
    if (why := not_asked(scene.book, scene.form, item, scene.period.year)) is not None:
        return str(why)
    return str(T("没有单位填报“{i}”", "nobody answered “{i}”", i=str(scene.book.items[item].label)))


def who_lacks(scene: Scene, key: str, coverage: Coverage, need: Sequence[str]) -> list[str]:
    """Who is not covered, by name, and what each lacks: nothing filed, an item never answered, or some months of it."""
    if coverage.full:
        return []
    named, comma = [], str(T("、", ", "))
    for u in scene.uncovered(need).get(key, [])[:NAMED]:
        lack = comma.join(str(scene.book.items[i].label) for i in u.missing)
        if lack:
            said = T("（缺{i}）", " (lacks {i})", i=lack)
        elif u.partial:
            said = T("（缺月）", " (lacks months)") if scene.period.kind != "month" else T("（没有填齐）", " (incomplete)")
        else:
            said = T("（未报）", " (filed nothing)")
        named.append(u.name + str(said))
    n = coverage.members - coverage.covered
    if not named:
        return [str(T("{n} 家没有填齐", "{n} did not answer all", n=n))]
    more = str(T("等", " and others")) if n > len(named) else ""
    return [str(T("{n} 家没有填齐：{who}{more}", "{n} did not answer all: {who}{more}", n=n, who=comma.join(named), more=more))]


def months_without(scene: Scene) -> list[str]:
    """Months of the period that nobody filed yet."""
    filed, months = scene.filed, len(scene.period.months)
    if not filed or len(filed) == months:
        return []
    return [str(T("{a} 个月中有数据的 {b} 个月", "{b} of {a} months have data", a=months, b=len(filed)))]
