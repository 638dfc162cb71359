"""Declarations of the review (会审) beyond the edits of a form: parameters, what is judged with what, rules with their words, quotas.

``reviews/*.yaml`` holds one review of one form; ``quotas/*.yaml`` dated quota tables of a place. Strict: unknown keys, names
that are no items, words with unknown places, numbers out of their range are told by file and line.
"""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from jieneng.core.problem import Severity
from jieneng.core.words import T

from .reading import Door, Node, Reader
from .types import Source

FORECAST = {"least": 8, "strength": 4, "floor": "0.02", "nu": 3, "size_classes": 4, "weight_of_stakes": "0.15", "unseen": "0.05",
            "hb_u": "0.4", "hb_a": "0.05", "hb_c": "20"}
ERRORS = {"factor": "0.002", "unit": "0.002", "digit": "0.006", "share": "0.02", "copied": "0.002", "swapped": "0.001", "exchanged": "0.0005", "gross": "0.0005", "one_sided": "0.3"}
PLACES = frozenset(("item", "other", "unit", "months", "found", "expected", "low", "high", "suggested", "factor", "group", "peers", "before", "share", "n"))
"""What the words of a rule may name in braces."""
KINDS = ("factor", "digit", "share", "gross", "copied", "repeated", "swapped", "exchanged", "cost-in", "twice", "missing", "zero", "cost", "change", "level", "above-quota",
         "below-guide", "price", "slip", "batch", "ratio", "weighty", "edit")


@dataclass(frozen=True)
class Judging:
    """A quantity (or stock) to be judged: with which cost, what it weighs (``cell``: a composite or the item), its usual wrong units."""

    item: str
    beside: str = ""
    cell: str = ""
    units: Mapping[str, tuple[Decimal, T]] = field(default_factory=dict)
    """Name → by what the true value is multiplied when that unit is used by mistake, and the unit's name."""
    per: tuple[str, ...] = ()
    """Sizes by which peers are compared: items such as area_m2, people."""
    heating: Decimal = Decimal(0)
    """The share of it that follows the heating degree days, where temperatures are loaded."""


@dataclass(frozen=True)
class ReviewRule:
    """A rule of layers 2 to 4: its number, what it finds (``kind``), how grave, and its words.

    ``inside``: gravity and words for what lies where it was expected and is listed for its weight alone.
    """

    id: str
    kind: str
    layer: int
    severity: Severity
    says: T
    do: T
    inside: ReviewRule | None = None


@dataclass(frozen=True)
class Quota:
    """A quota of a place for a kind of institution: an indicator's binding and guide value, dated and sourced.

    ``words``: only institutions whose names hold one of them; ``within``: only in this area (of the office that keeps it).
    """

    code: str
    region: str
    type: str
    indicator: str
    constraint: Decimal
    guide: Decimal | None
    since: dt.date
    source: Source
    until: dt.date | None = None
    words: tuple[str, ...] = ()
    within: str = ""
    sample: bool = False


@dataclass(frozen=True)
class Price:
    """A local price in yuan per unit of the item, for a place and a kind of institution ("" for all): what is usual, the span in which
    cost ÷ quantity should lie, or both. ``within``: only in this area (of the office that keeps it)."""

    item: str
    region: str
    type: str
    low: Decimal | None
    high: Decimal | None
    since: dt.date
    source: Source
    usual: Decimal | None = None
    until: dt.date | None = None
    within: str = ""
    sample: bool = False

    @property
    def typical(self) -> Decimal:
        """What is usual; where only a span is given, its middle on the scale of ratios."""
        return self.usual if self.usual is not None else ((self.low or Decimal(0)) * (self.high or Decimal(0))).sqrt()

    @property
    def titles(self) -> tuple[str, str]:
        """Its source in words, Chinese and English."""
        title = self.source.title
        return (title + ("（样例）" if self.sample and "样例" not in title else ""), title + (" (sample)" if self.sample else ""))


@dataclass(frozen=True)
class Review:
    """How the returns of one form are reviewed. ``line``: the share of a published total that may stay in doubt."""

    code: str
    edition: str
    form: str
    years_from: int
    title: T
    line: Decimal
    show: Decimal
    forecast: Mapping[str, Decimal]
    errors: Mapping[str, Decimal]
    quantities: tuple[Judging, ...]
    stocks: tuple[Judging, ...]
    rules: tuple[ReviewRule, ...]
    source: Source | None

    def rule(self, kind: str) -> ReviewRule | None:
        return next((r for r in self.rules if r.kind == kind), None)


def read_review(node: Node, door: Door, source: Callable[[Node | None], Source | None], items: Mapping[str, Any], composites: Mapping[str, Any]) -> Review:
    """One review. Problems go to ``door``."""
    r = Reader(node, door)
    code, edition, form = r.text("review"), r.text("edition"), r.text("form")
    line, show = _share(r, "line"), _share(r, "show")
    forecast, errors = _numbers(r, "forecast", FORECAST), _numbers(r, "errors", ERRORS, most=Decimal(1))
    if sum(v for k, v in errors.items() if k != "one_sided") >= Decimal("0.5"):
        door.tell("review.errors", node, T("errors 加起来超过一半", "the shares of errors add up to more than half"),
                  do=T("它们是各种差错在全部数据中的比例", "they are shares of all values"))
    if forecast["unseen"] >= Decimal("0.5"):
        door.tell("review.range", node, T("unseen 应小于 0.5：它是容许多估差错的机会，越小越稳妥", "unseen should be below 0.5: it is a chance of being wrong, the smaller the safer"))
    quantities = tuple(_judging(n, door, items, composites) for n in r.list("quantities"))
    stocks = tuple(_judging(n, door, items, composites) for n in r.list("stocks", False))
    rules = tuple(_rule(n, door) for n in r.list("rules"))
    for what, names in (("id", [x.id for x in rules]), ("kind", [x.kind for x in rules])):
        for name in sorted({x for x in names if names.count(x) > 1}):
            door.tell("review.twice", node, T("规则 {w}“{n}”写了两次", "rule {w} “{n}” stands twice", w=what, n=name))
    made = Review(code, edition, form, r.integer("years_from"), r.words("title") or T("?", "?"), line, show, forecast, errors, quantities, stocks, rules,
                  source(r.get("source")))
    r.done()
    return made


def _share(r: Reader, key: str) -> Decimal:
    value = r.number(key)
    if not 0 < value < 1:
        r.door.tell("review.range", r.node, T("“{k}”应在 0 和 1 之间", "“{k}” should lie between 0 and 1", k=key))
    return value


def _numbers(r: Reader, key: str, known: Mapping[str, Any], most: Decimal = Decimal(1000)) -> dict[str, Decimal]:
    found = {k: Decimal(str(v)) for k, v in known.items()}
    inner = Reader(r.get(key, False) or Node({}, r.node.file, r.node.line), r.door)
    for name in known:
        found[name] = inner.number(name, found[name])
        if not 0 < found[name] <= most:
            r.door.tell("review.range", inner.node, T("“{k}”应大于 0，不超过 {m}", "“{k}” should be above 0 and at most {m}", k=name, m=most))
    inner.done()
    return found


def _judging(n: Node, door: Door, items: Mapping[str, Any], composites: Mapping[str, Any]) -> Judging:
    r = Reader(n, door)
    item, beside, cell, per = r.text("item"), r.text("beside", ""), r.text("cell", ""), r.texts("per", False)
    for name in (item, beside, *per):
        if name and name not in items:
            door.tell("review.item", n, T("没有指标“{i}”", "there is no item “{i}”", i=name))
    if cell and cell not in items and cell not in composites:
        door.tell("review.cell", n, T("没有“{c}”这个合计", "there is no total “{c}”", c=cell))
    heating = r.number("heating", Decimal(0))
    if not 0 <= heating <= 1:
        door.tell("review.range", n, T("“{k}”应在 0 和 1 之间", "“{k}” should lie between 0 and 1", k="heating"))
    units = {}
    for name, node in r.map("units", False).items():
        u = Reader(node, door)
        factor = u.number("times")
        if factor <= 0 or factor == 1:
            door.tell("review.range", node, T("times 应是不等于 1 的正数", "times should be positive and not 1"))
        units[name] = (factor, u.words("label") or T("?", "?"))
        u.done()
    r.done()
    return Judging(item, beside, cell or item, units, per, heating)


def _rule(n: Node, door: Door) -> ReviewRule:
    r = Reader(n, door)
    made = _worded(r, n, door, r.text("id"), r.one_of("kind", KINDS), r.integer("layer"))
    if (node := r.get("inside", False)) is not None:
        inner = Reader(node, door)
        made = replace(made, inside=_worded(inner, node, door, made.id, made.kind, made.layer))
        inner.done()
    r.done()
    return made


def _worded(r: Reader, n: Node, door: Door, id_: str, kind: str, layer: int) -> ReviewRule:
    """How grave a rule is and its words, whose places must be known ones."""
    made = ReviewRule(id_, kind, layer, Severity(r.one_of("severity", ("must", "explain", "note"))), r.words("says") or T("?", "?"), r.words("do") or T("?", "?"))
    for text in (made.says.zh, made.says.en, made.do.zh, made.do.en):
        for _, name, form, conversion in string.Formatter().parse(text):
            if name is not None and (name not in PLACES or form or conversion):
                door.tell("review.words", n, T("文字里的 {{{p}}} 不认识", "the words name {{{p}}}, which is unknown", p=name),
                          expected=T("{list}", "{list}", list="、".join(sorted(PLACES))))
    return made


def read_quotas(node: Node, door: Door, source: Callable[[Node | None], Source | None], indicators: Mapping[str, Any], types: Mapping[str, Any]) -> list[Quota]:
    """A quota table: ``quotas:`` a list. Guide above binding value, unknown indicator or type are problems."""
    r, made = Reader(node, door), []
    table = r.text("table")
    for n in r.list("quotas"):
        q = Reader(n, door)
        indicator, kind, guide = q.text("indicator"), q.text("type"), q.get("guide", False)
        low = Decimal(str(guide.value)) if guide is not None else None
        top, region, since, where = q.number("constraint"), q.text("region"), q.date("since"), source(q.get("source"))
        if indicator not in indicators:
            door.tell("quota.indicator", n, T("没有指标“{i}”", "there is no indicator “{i}”", i=indicator))
        if kind not in types:
            door.tell("quota.type", n, T("没有单位性质“{t}”", "there is no kind “{t}”", t=kind))
        if top <= 0 or (low is not None and not 0 < low <= top):
            door.tell("quota.order", n, T("应有 0 < 引导值 ≤ 约束值", "expected 0 < guide ≤ constraint"))
        q.done()
        made.append(Quota(f"{table}/{indicator}/{kind}", region, kind, indicator, top, low, since, where or Source("?")))
    r.done()
    return made


def read_prices(node: Node, door: Door, source: Callable[[Node | None], Source | None], items: Mapping[str, Any]) -> list[Price]:
    """A local price table: ``prices:`` a list of spans in yuan per unit of the item."""
    r, made = Reader(node, door), []
    r.text("table")
    for n in r.list("prices"):
        q = Reader(n, door)
        item, low, high, usual, until = q.text("item"), q.number("low"), q.number("high"), q.get("usual", False), q.get("until", False)
        typical = q.number("usual") if usual is not None else None
        if item not in items:
            door.tell("price.item", n, T("没有指标“{i}”", "there is no item “{i}”", i=item))
        if not 0 < low <= (typical if typical is not None else high) <= high:
            door.tell("price.order", n, T("应有 0 < 下限 ≤ 平常价 ≤ 上限", "expected 0 < low ≤ usual ≤ high"))
        where = source(q.get("source")) or Source("?")
        made.append(Price(item, q.text("region"), q.text("type", ""), low, high, q.date("since"), where, typical, q.date("until") if until is not None else None,
                          sample=where.kind == "sample"))
        q.done()
    r.done()
    return made
