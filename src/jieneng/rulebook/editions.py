"""Editions side by side: what changed from one to another in words, what a year's figures are made of, where a series breaks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from jieneng.core.formula import Needs, read
from jieneng.core.problem import refuse
from jieneng.core.words import T

from .types import Book, Check, Factor, FactorValue, Form, FormItem

KINDS = {
    "added": T("新增指标", "items added"), "dropped": T("取消指标", "items dropped"), "replaced": T("替换指标（序列断开）", "items replaced (the series breaks)"),
    "renamed": T("改名（序列不断）", "renamed (the series goes on)"), "item": T("填法变化", "how an item is asked"), "check": T("审核规则", "checks"),
    "factor": T("系数", "factors"), "form": T("报表", "form"), "note": T("说明", "notes")}
"""Kinds of change, in the order in which they are told."""


@dataclass(frozen=True)
class Change:
    """One difference between two editions. ``kind``: a key of ``KINDS``; ``code``: of the item, check or factor."""

    kind: str
    code: str
    says: T


def form_named(book: Book, name: str) -> Form:
    """An edition by its name (``consumption@2022``). Raises ``Refused`` naming those there are."""
    if name not in book.forms:
        raise refuse("form.none", T("没有 {n}", "there is no {n}", n=name), expected=T("{l}", "{l}", l="、".join(sorted(book.forms))))
    return book.forms[name]


def changes(book: Book, old: str, new: str) -> list[Change]:
    """What changed from one edition of a form to another, in words, by kind. Raises ``Refused`` where there is no such edition,
    or where the two are not editions of one form."""
    a, b = form_named(book, old), form_named(book, new)
    if a.code != b.code:
        raise refuse("form.other", T("{a} 和 {b} 不是同一张报表", "{a} and {b} are not editions of one form", a=a.name, b=b.name),
                     expected=T("{l}", "{l}", l="、".join(f.name for f in book.forms.values() if f.code == a.code)))
    found = [*_items(book, a, b), *_checks(a, b), *_factors(book, b), *_form(a, b)]
    order = list(KINDS)
    return sorted(found, key=lambda c: order.index(c.kind))


def _items(book: Book, a: Form, b: Form) -> Iterator[Change]:
    was, now = {i.item: i for i in a.items}, {i.item: i for i in b.items}
    replaced = {i.replaces: i.item for i in b.items if i.replaces in was and i.replaces not in now}
    for code, item in was.items():
        if code in replaced:
            yield Change("replaced", code, T(
                "替换：{a}（{x}）→ {b}（{y}）：是另一个量，{z} 年起的数不能与以前相比", "replaced: {a} ({x}) → {b} ({y}): another quantity, figures from {z} on do not compare with earlier ones",
                a=_label(book, item), x=code, b=_label(book, now[replaced[code]]), y=replaced[code], z=b.years_from))
        elif code not in now:
            yield Change("dropped", code, T("取消：{l}（{c}）", "dropped: {l} ({c})", l=_label(book, item), c=code))
    for code, item in now.items():
        if code in was:
            yield from _asked(book, was[code], item)
        elif code not in replaced.values():
            more = str(T("，可不填", ", optional")) if not item.required else ""
            yield Change("added", code, T("新增：{l}（{c}）{m}", "added: {l} ({c}){m}", l=_label(book, item), c=code, m=more))


def _listed(parts: Sequence[T], zh: str = "、", en: str = ", ") -> T:
    """Texts one after another; a dash where there is none."""
    found = parts[0] if parts else T("—", "—")
    for part in parts[1:]:
        found = T("{a}" + zh + "{b}", "{a}" + en + "{b}", a=found, b=part)
    return found


def _label(book: Book, item: FormItem) -> T:
    return item.label or book.items[item.item].label


def _asked(book: Book, was: FormItem, now: FormItem) -> Iterator[Change]:
    before, after = _label(book, was), _label(book, now)
    if before != after:
        yield Change("renamed", now.item, T("改名：{a} → {b}（同一个量，序列不断）", "renamed: {a} → {b} (the same quantity, the series goes on)", a=before, b=after))
    if was.number != now.number:
        yield Change("item", now.item, T("{l} 代码 {a} → {b}", "{l}: number {a} → {b}", l=after, a=was.number or "—", b=now.number or "—"))
    if was.required != now.required:
        how = T("改为必填", "must now be answered") if now.required else T("改为可不填", "may now be left out")
        yield Change("item", now.item, T("{l}：{h}", "{l}: {h}", l=after, h=how))


def _checks(a: Form, b: Form) -> Iterator[Change]:
    rules, later = ({c.id: c for c in (*form.checks, *form.across)} for form in (a, b))
    for id, check in rules.items():
        if id not in later:
            yield Change("check", id, T("取消审核规则 {c}（{h}）", "check {c} dropped ({h})", c=id, h=check.holds))
        elif said := _differs(check, later[id]):
            yield Change("check", id, T("审核规则 {c} 变了：{w}", "check {c} changed: {w}", c=id, w=said))
    for id, check in later.items():
        if id not in rules:
            yield Change("check", id, T("新增审核规则 {c}：{h}（{s}）", "check {c} added: {h} ({s})", c=id, h=check.holds, s=check.severity.label))


def _differs(a: Check, b: Check) -> T | None:
    """How a check changed: what must hold, when it applies, how grave it is; else that its words did."""
    parts: list[T] = []
    if a.holds != b.holds:
        parts.append(T("{a} → {b}", "{a} → {b}", a=a.holds, b=b.holds))
    if a.when != b.when:
        parts.append(T("适用条件 {a} → {b}", "applies when {a} → {b}", a=a.when or "—", b=b.when or "—"))
    if a.severity != b.severity:
        parts.append(T("级别 {a} → {b}", "severity {a} → {b}", a=a.severity.label, b=b.severity.label))
    if a.let != b.let:
        parts.append(T("中间量变了", "its named parts changed"))
    if not parts and (a.says, a.do, a.suggest) != (b.says, b.do, b.suggest):
        parts.append(T("提示文字或建议值变了", "its words or suggested values changed"))
    if not parts:
        return None
    return _listed(parts, "；", "; ")


def _factors(book: Book, b: Form) -> Iterator[Change]:
    """Factors of the form's items that take a new value in the years of the new edition: from when, what before, what then, by which source."""
    first, last = dt.date(b.years_from, 1, 1), dt.date(b.years_to or 9998, 12, 31)
    asked = {i.item for i in b.items}
    used = {f for c in book.composites.values() for t in c.terms if t.item in asked for f in t.factors}
    for factor in (f for f in book.factors.values() if f.code in used):
        for value in factor.values:
            before = _before(factor, value)
            if before is not None and first <= value.since <= last and before.value != value.value:
                where = f"（{value.region}）" if value.region else ""
                yield Change("factor", factor.code, T(
                    "系数 {l}{r} {d} 起：{a} → {b} {u}（{s}）", "factor {l}{r} from {d}: {a} → {b} {u} ({s})", l=factor.label, r=where,
                    d=value.since.isoformat(), a=str(before.value), b=str(value.value), u=factor.unit, s=value.source.title))


def _before(factor: Factor, value: FactorValue) -> FactorValue | None:
    earlier = [v for v in factor.values if v.region == value.region and v.since < value.since]
    return max(earlier, key=lambda v: v.since, default=None)


def _form(a: Form, b: Form) -> Iterator[Change]:
    if a.title != b.title:
        yield Change("form", b.code, T("报表改名：{a} → {b}", "the form is renamed: {a} → {b}", a=a.title, b=b.title))
    if a.rhythm != b.rhythm:
        yield Change("form", b.code, T("报送周期 {a} → {b}", "rhythm {a} → {b}", a=" / ".join(a.rhythm), b=" / ".join(b.rhythm)))
    for note in b.notes:
        if note not in a.notes:
            yield Change("note", b.code, T("说明：{n}", "note: {n}", n=note))


def at_year(book: Book, year: int, form: str = "") -> Book:
    """The book as a data year reads it: composites with the terms of that year, items by the name that the year's edition of
    ``form`` (default: the main form) gives them. The book itself where nothing differs; its hash stays."""
    composites = {c.code: y for c in book.composites.values() if (y := c.in_year(year)) is not c}
    edition = _edition(book, form or str(book.settings.get("main_form", "")), year)
    items = {i.item: replace(book.items[i.item], label=i.label) for i in (edition.items if edition else ())
             if i.label is not None and i.label != book.items[i.item].label}
    if not composites and not items:
        return book
    return replace(book, composites={**book.composites, **composites}, items={**book.items, **items})


def _edition(book: Book, form: str, year: int) -> Form | None:
    return next((f for f in book.forms.values() if f.code == form and f.years_from <= year and (f.years_to is None or year <= f.years_to)), None)


def not_asked(book: Book, form: str, item: str, year: int) -> T | None:
    """Why nobody can have answered an item in a year: its edition does not ask it (any more). None where it does."""
    edition = _edition(book, form, year)
    if edition is None or any(i.item == item for i in edition.items):
        return None
    label = book.items[item].label
    if (now := next((i for i in edition.items if i.replaces == item), None)) is not None:
        return T("{e}年版不再填报“{i}”，代之以“{n}”（另一个量）", "edition {e} no longer asks “{i}”; “{n}” took its place (another quantity)",
                 e=edition.edition, i=label, n=_label(book, now))
    return T("{e}年版不填报“{i}”", "edition {e} does not ask “{i}”", e=edition.edition, i=label)


def breaks(book: Book, form: str, name: str, before: int, now: int) -> list[T]:
    """Why the figures of two data years are not of one measure: an item asked in one only, a total made of other items.

    Empty where they are. ``name``: item, composite or indicator; an indicator breaks where anything it reads does.
    """
    if name in book.indicators:
        found = [t for n in sorted(read(book.indicators[name].formula, Needs())) for t in breaks(book, form, n.removeprefix("base."), before, now)]
        return list(dict.fromkeys(found))
    if name in book.composites:
        c = book.composites[name]
        was, after = ([t.item for t in c.in_year(y).terms] for y in (before, now))
        gone, came = [i for i in was if i not in after], [i for i in after if i not in was]
        if not gone and not came:
            return []
        words = [_listed([book.items[i].label for i in side]) for side in (gone, came)]
        return [T("{c}的口径变了：{a} 年计“{x}”，{b} 年计“{y}”", "{c} is made of other items: “{x}” in {a}, “{y}” in {b}", c=c.label, a=before, b=now, x=words[0], y=words[1])]
    return [t for t in (not_asked(book, form, name, y) for y in (now, before)) if t is not None][:1]


def successor(book: Book, form: str, item: str, year: int) -> str:
    """The item that a data year's edition asks in the place of another; the item itself where it is asked, or nothing took its place."""
    editions = sorted((f for f in book.forms.values() if f.code == form and f.years_from <= year), key=lambda f: f.years_from)
    for edition in editions:
        item = next((i.item for i in edition.items if i.replaces == item), item)
    return item
