"""From a folder of declarations to a ``Book``: strict, complete, with every mistake named by file and line."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from jieneng.core.formula import FormulaError, Needs, is_truth, read
from jieneng.core.problem import Refused, Severity, refuse
from jieneng.core.words import T

from .reading import Door, Node, Reader, bilingual, day, places, read_yaml
from .reviews import Price, Quota, Review, read_prices, read_quotas, read_review
from .types import (
    Book,
    Check,
    Composite,
    Division,
    Factor,
    FactorValue,
    Form,
    FormItem,
    Gap,
    Indicator,
    InstitutionType,
    Item,
    Ledger,
    LedgerField,
    Source,
    Term,
    Unit,
    VoucherKind,
)

BOOKS = Path(__file__).parent / "books"
KINDS = ("quantity", "cost", "area", "count", "ratio")
SOURCE_KINDS = ("law", "standard", "practice", "derived", "sample", "open-data")
LEDGER_TYPES = ("text", "number", "date", "choice", "year")


class _Builder:
    """Reads the files of one book into tables; formulas and names are checked once all is read."""

    def __init__(self) -> None:
        self.door = Door()
        self.sources: dict[str, Source] = {}
        self.units: dict[str, Unit] = {}
        self.items: dict[str, Item] = {}
        self.item_nodes: dict[str, Node] = {}
        self.factors: dict[str, Factor] = {}
        self.composites: dict[str, Composite] = {}
        self.indicators: dict[str, Indicator] = {}
        self.nodes: dict[tuple[str, str], Node] = {}
        self.forms: dict[str, Form] = {}
        self.drafts: list[tuple[Node, Reader]] = []
        self.types: dict[str, InstitutionType] = {}
        self.divisions: dict[str, Division] = {}
        self.ledgers: dict[str, Ledger] = {}
        self.vouchers: dict[str, VoucherKind] = {}
        self.documents: dict[str, Any] = {}
        self.tables: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        self.gaps: list[Gap] = []
        self.reviews: dict[str, Review] = {}
        self.quotas: list[Quota] = []
        self.prices: list[Price] = []
        self.head: dict[str, Any] = {}

    # -- pieces -------------------------------------------------------------------------------------------------

    def source(self, node: Node | None, required: bool = True) -> Source | None:
        """A source: the name of one in sources.yaml, with an optional clause or note, or one written out."""
        if node is None:
            return None
        if isinstance(node.value, str):
            if node.value not in self.sources:
                self.door.tell("source.unknown", node, T("没有出处“{s}”", "there is no source “{s}”", s=node.value),
                               do=T("写进 sources.yaml", "add it to sources.yaml"))
                return None
            return self.sources[node.value]
        r = Reader(node, self.door)
        if r.has("from"):
            base = self.source(r.get("from"))
            clause, note = r.text("clause", ""), r.text("note", "")
            kind = r.one_of("kind", SOURCE_KINDS, base.kind if base else "practice")
            r.done()
            return dataclasses.replace(base, clause=clause, note=note, kind=kind) if base else None
        found = Source(r.text("title"), r.text("clause", ""), r.text("url", ""), r.one_of("kind", SOURCE_KINDS), r.text("note", ""))
        r.done()
        return found

    def read_sources(self, node: Node) -> None:
        for code, n in Reader(node, self.door).node.value.items():
            if (made := self.source(n)) is not None:
                self.sources[code] = made

    def read_units(self, node: Node) -> None:
        for code, n in Reader(node, self.door).node.value.items():
            r = Reader(n, self.door)
            to_base = r.text("to_base")
            try:
                if Fraction(to_base) <= 0:
                    raise ValueError
            except (ValueError, ZeroDivisionError):
                self.door.tell("unit.factor", n, T("“{v}”不是正的有理数", "“{v}” is not a positive rational", v=to_base))
                to_base = "1"
            self.units[code] = Unit(code, r.text("family"), to_base, r.words("label") or T("?", "?"), r.texts("aliases", False),
                                    self.source(r.get("source", False)))
            r.done()

    def read_items(self, node: Node) -> None:
        for code, n in Reader(node, self.door).node.value.items():
            r = Reader(n, self.door)
            unit = r.text("unit")
            if unit and unit not in self.units:
                self.door.tell("unit.unknown", r.node.value.get("unit"), T("没有单位“{u}”", "there is no unit “{u}”", u=unit),
                               do=T("写进 units.yaml", "add it to units.yaml"))
            self.items[code] = Item(
                code, r.words("label") or T("?", "?"), unit, r.one_of("kind", KINDS),
                r.one_of("over_time", ("sum", "last", "mean")), r.one_of("over_bodies", ("sum", "none"), "sum"),
                r.text("basis", ""), r.words("definition", False), r.text("parent", ""), self.source(r.get("source")))
            self.item_nodes[code] = n
            r.done()

    def read_factors(self, node: Node) -> None:
        for code, n in Reader(node, self.door).node.value.items():
            r = Reader(n, self.door)
            before = self.factors.get(code)
            more = before is not None and r.text("extends", "") == "previous"
            unit = before.unit if more and before else r.text("unit")
            label = before.label if more and before else r.words("label") or T("?", "?")
            values = list(before.values) if more and before else []
            for v in r.list("values"):
                rv = Reader(v, self.door)
                published = rv.get("published", False)
                source = self.source(rv.get("source"))
                values.append(FactorValue(
                    rv.number("value"), rv.date("since"), source or Source("?"), rv.text("region", ""), rv.text("vintage", ""),
                    day(published, self.door) if published is not None else None))
                rv.done()
            r.done()
            series = [(v.region, v.since, v.vintage) for v in values]
            if len(set(series)) != len(series):
                self.door.tell("factor.twice", n, T("“{c}”同一天起有两个值", "“{c}” has two values from one day", c=code))
            if not values:
                self.door.tell("factor.none", n, T("“{c}”没有值", "“{c}” has no value", c=code))
            if before is not None and (lost := [v for v in before.values if _worth(v) not in {_worth(w) for w in values}]):
                self.door.tell("factor.rewritten", n, T("“{c}”{d} 起的值原来是 {v}，这里改没了", "“{c}” was {v} from {d}; here that value is lost",
                                                        c=code, d=lost[0].since.isoformat(), v=str(lost[0].value)),
                               do=T("写 extends: previous，只写新的值和起始日；另一套值另起一个代码，旧数不动",
                                    "write extends: previous and only the new values with their days; another series gets a code of its own, old figures stay"))
            self.factors[code] = Factor(code, label, unit, tuple(sorted(values, key=lambda v: (v.region, v.since))))

    def read_composites(self, node: Node) -> None:
        for code, n in Reader(node, self.door).node.value.items():
            r = Reader(n, self.door)
            terms = []
            for tn in r.list("terms"):
                rt = Reader(tn, self.door)
                terms.append(Term(rt.text("item"), rt.texts("factors", False), rt.one_of("missing", ("unknown", "zero"), "unknown"),
                                  rt.integer("years_from", 0), rt.integer("years_to", 0) or None))
                rt.done()
            self.composites[code] = Composite(
                code, r.words("label") or T("?", "?"), r.text("unit"), tuple(terms), r.number("scale", Decimal(1)),
                r.text("vintage", ""), self.source(r.get("source")))
            self.nodes[("composite", code)] = n
            r.done()

    def read_indicators(self, node: Node) -> None:
        for code, n in Reader(node, self.door).node.value.items():
            r = Reader(n, self.door)
            self.indicators[code] = Indicator(
                code, r.words("label") or T("?", "?"), r.text("unit"), r.text("formula"), r.integer("places"),
                self.source(r.get("source")), r.one_of("better", ("lower", "higher", "neither"), "lower"))
            self.nodes[("indicator", code)] = n
            r.done()

    def read_check(self, n: Node) -> Check:
        r = Reader(n, self.door)
        check = Check(
            r.text("id"), Severity(r.one_of("severity", ("must", "explain", "note"))), r.text("holds"),
            r.words("says") or T("?", "?"), r.words("do") or T("?", "?"), r.text("when", ""),
            {k: str(v.value) for k, v in r.map("let", False).items()}, self.source(r.get("source")),
            r.text("process", "false") == "true",
            {k: str(v.value) for k, v in r.map("suggest", False).items()})
        r.done()
        return check

    def read_ledger(self, node: Node) -> None:
        r = Reader(node, self.door)
        code, fields = r.text("ledger"), []
        for fn in r.list("fields"):
            f = Reader(fn, self.door)
            choices = {k: bilingual(v, self.door) for k, v in f.map("choices", False).items()}
            kind = f.one_of("type", LEDGER_TYPES)
            if (kind == "choice") != bool(choices):
                self.door.tell("ledger.choices", fn, T("choice 要列出选项，别的类型不要", "a choice lists its choices, others do not"))
            fields.append(LedgerField(f.text("code"), f.words("label") or T("?", "?"), kind, f.text("unit", ""),
                                      f.text("required", "false") == "true", choices, f.words("help", False), f.text("unit_from", ""), f.text("added", "true") == "true"))
            f.done()
        names = {f.code for f in fields}
        for given, fn in zip(fields, r.list("fields"), strict=True):
            if given.unit_from and not any(f.code == given.unit_from and f.choices for f in fields):
                self.door.tell("ledger.unit", fn, T("“{f}”的 unit_from 应是一个选项栏", "unit_from of “{f}” must be a choice", f=given.code))
        key, columns, name = r.texts("key"), r.texts("columns"), r.text("name")
        for used in (*key, *columns, name):
            if used not in names:
                self.door.tell("ledger.field", node, T("没有“{f}”这一栏", "there is no field “{f}”", f=used))
        self.ledgers[code] = Ledger(code, r.words("title") or T("?", "?"), r.words("record") or T("?", "?"), key, name,
                                    tuple(fields), columns, r.text("group", ""), self.source(r.get("source")))
        r.done()

    def read_vouchers(self, node: Node) -> None:
        """Which papers belong in an institution's folder of a year; items and types must be declared."""
        for code, n in Reader(node, self.door).node.value.items():
            r = Reader(n, self.door)
            items, types = r.texts("items", False), r.texts("types", False)
            for name, known in ((items, self.items), (types, self.types)):
                for strange in [x for x in name if x not in known]:
                    self.door.tell("voucher.unknown", n, T("“{c}”里的“{i}”没有声明过", "“{i}” in “{c}” is not declared", c=code, i=strange),
                                   do=T("写指标或单位类型的代码", "write the code of an item or a type"))
            self.vouchers[code] = VoucherKind(
                code, r.words("label") or T("?", "?"), items, types, r.text("required", "false") == "true", r.text("photo", "false") == "true",
                r.words("help", False), self.source(r.get("source")))
            r.done()

    def read_places(self, node: Node) -> None:
        r = Reader(node, self.door)
        for n in r.list("divisions"):
            d = Reader(n, self.door)
            code = d.text("code")
            self.divisions[code] = Division(code, d.words("name") or T("?", "?"), d.text("level"), d.text("parent", ""),
                                            self.source(d.get("source", False)))
            d.done()
        for n in r.list("types", False):
            d = Reader(n, self.door)
            code = d.text("code")
            self.types[code] = InstitutionType(code, d.words("label") or T("?", "?"), d.text("parent", ""), self.source(d.get("source", False)))
            d.done()
        r.done()

    # -- forms --------------------------------------------------------------------------------------------------

    def build_forms(self, nodes: list[Node]) -> None:
        """Editions in the order of their years; one may extend the previous and say only what changes."""
        readers = [Reader(n, self.door) for n in nodes]
        readers.sort(key=lambda r: (r.text("form"), r.integer("years_from")))
        for r in readers:
            self._form(r)
        by_code: dict[str, list[Form]] = {}
        for form in self.forms.values():
            by_code.setdefault(form.code, []).append(form)
        for code, editions in by_code.items():
            editions.sort(key=lambda f: f.years_from)
            for a, b in itertools.pairwise(editions):
                node = self.nodes[("form", b.name)]
                if a.years_to is None:
                    # a later edition ends the open one before it, so a new file alone is enough
                    self.forms[a.name] = dataclasses.replace(a, years_to=b.years_from - 1)
                elif a.years_to >= b.years_from:
                    self.door.tell("form.overlap", node, T("{a} 与 {b} 年份重叠", "{a} and {b} overlap", a=a.name, b=b.name))
                elif a.years_to + 1 < b.years_from:
                    self.door.tell("form.gap", node, T("{a} 与 {b} 之间缺年份", "years are missing between {a} and {b}", a=a.name, b=b.name))
            self._still_asked(code, editions)
        self._parts()

    def _parts(self) -> None:
        """Forms that are parts of another: it must be there, and what their checks over forms read must be asked by it in the same years."""
        for form in [f for f in self.forms.values() if f.part_of]:
            node = self.nodes[("form", form.name)]
            whole = [f for f in self.forms.values() if f.code == form.part_of and f.years_from <= (form.years_to or f.years_from) and form.years_from <= (f.years_to or form.years_from)]
            if not whole or any(f.part_of for f in whole) or form.part is None:
                self.door.tell("form.part", node, T("{f} 是“{w}”的组成部分，但这些年没有那张报表，或没写 part", "{f} is a part of “{w}”, which is not there in its years, or part is missing",
                                                       f=form.name, w=form.part_of), do=T("part_of 写主表的代码，part 写一处叫什么（机房）", "part_of names the main form, part says what one is called"))
                continue
            everywhere = set.intersection(*({i.item for i in f.items} for f in whole))
            kept = []
            for check in form.across:
                beside = {n.removeprefix("year.") for n in _all_names(check) if n.startswith("year.")}
                if strange := sorted(beside - set(self.items)):
                    self.door.tell("formula.item", node, T("{c} 用了没有的“{n}”", "{c} reads “{n}”, which is not there", c=check.id, n="、".join(strange)))
                if beside <= everywhere:  # else it falls away with what is no longer asked
                    kept.append(check)
            self.forms[form.name] = dataclasses.replace(form, across=tuple(kept))

    def _still_asked(self, code: str, editions: Sequence[Form]) -> None:
        """A total must not go on adding what an edition no longer asks: it would be unknown for ever, with nobody told why."""
        for a, b in itertools.pairwise(editions):
            in_force = [f for f in self.forms.values() if f.years_from <= b.years_from <= (f.years_to or b.years_from)]
            gone = {i.item for i in a.items} - {i.item for f in in_force for i in f.items}
            for c in self.composites.values():
                for term in c.in_year(b.years_from).terms:
                    if term.item in gone and term.missing == "unknown":
                        self.door.tell("composite.dropped", self.nodes[("form", b.name)],
                                       T("综合量“{c}”要加“{i}”，{f} 不再填报它", "composite “{c}” adds “{i}”, which {f} no longer asks", c=c.code, i=term.item, f=b.name),
                                       do=T("在 composites.yaml 里重写“{c}”：那一项加 years_to: {y}，代替它的一项加 years_from: {z}",
                                            "restate “{c}” in composites.yaml: years_to: {y} on that term, years_from: {z} on what takes its place",
                                            c=c.code, y=b.years_from - 1, z=b.years_from))

    def _form_item(self, n: Node) -> FormItem:
        r = Reader(n, self.door)
        item = r.text("item")
        if item not in self.items:
            self.door.tell("form.item", n, T("没有指标“{i}”", "there is no item “{i}”", i=item), do=T("写进 items.yaml", "add it to items.yaml"))
        made = FormItem(item, r.text("number", ""), r.words("label", False), r.text("required", "true") == "true")
        r.done()
        return made

    def _form(self, r: Reader) -> None:
        code, edition = r.text("form"), r.text("edition")
        items: dict[str, FormItem] = {}
        checks: dict[str, Check] = {}
        across: dict[str, Check] = {}
        before = None
        if r.text("extends", "") == "previous":
            earlier = [f for f in self.forms.values() if f.code == code]
            before = max(earlier, key=lambda f: f.years_from) if earlier else None
            if before is None:
                self.door.tell("form.previous", r.node, T("{f} 没有前一版", "{f} has no previous edition", f=code))
            else:
                items = {i.item: dataclasses.replace(i, replaces="") for i in before.items}
                checks, across = {c.id: c for c in before.checks}, {c.id: c for c in before.across}
        self._changes(r, items, checks)
        listed: set[str] = set()
        for n in r.list("items", False):
            made = self._form_item(n)  # one that the previous edition has is restated: number, name or whether it must be answered
            if made.item in listed:
                self.door.tell("form.twice", n, T("指标“{i}”列了两次", "item “{i}” is listed twice", i=made.item))
            items[made.item] = made
            listed.add(made.item)
        for n in r.list("checks", False):
            check = self.read_check(n)
            if check.id in checks and before is None:
                self.door.tell("check.twice", n, T("规则“{c}”写了两次", "check “{c}” stands twice", c=check.id))
            checks[check.id] = check
            self._check_formulas(check, n, set(items))
        for n in r.list("across", False):
            check = self.read_check(n)
            across[check.id] = check
            self._check_formulas(check, n, {*items, *(f"year.{i}" for i in self.items)})
        years_to = r.text("years_to", "")
        form = Form(code, edition, r.words("title") or T("?", "?"), r.text("issuer"), r.text("document"), r.integer("years_from"),
                    int(years_to) if years_to.isdigit() else None, r.texts("rhythm"), tuple(items.values()), tuple(checks.values()),
                    self.source(r.get("source")), tuple(bilingual(n, self.door) for n in r.list("notes", False)),
                    **{key: r.text(key, "") for key in ("number", "approver", "approval", "valid_until")},
                    part_of=r.text("part_of", before.part_of if before else ""), part=r.words("part", False) or (before.part if before else None),
                    across=tuple(c for c in across.values() if {n for n in _all_names(c) if not n.startswith("year.")} <= set(items)))
        if form.name in self.forms:
            self.door.tell("form.edition", r.node, T("{f} 有两份", "{f} stands twice", f=form.name))
        # checks that read an item no longer asked fall away with it
        kept = tuple(c for c in form.checks if _names(c) <= {i.item for i in form.items})
        self.forms[form.name] = dataclasses.replace(form, checks=kept)
        self.nodes[("form", form.name)] = r.node
        r.done()

    def _changes(self, r: Reader, items: dict[str, FormItem], checks: dict[str, Check]) -> None:
        if not r.has("changes"):
            return
        c = Reader(r.get("changes"), self.door)
        for n in c.list("drop", False):
            if items.pop(str(n.value), None) is None:
                self.door.tell("form.drop", n, T("前一版没有“{i}”", "the previous edition has no “{i}”", i=str(n.value)))
        for old, n in c.map("relabel", False).items():
            if old not in items:
                self.door.tell("form.relabel", n, T("前一版没有“{i}”", "the previous edition has no “{i}”", i=old))
            else:
                items[old] = dataclasses.replace(items[old], label=bilingual(n, self.door))
        for old, n in c.map("replace", False).items():
            if old not in items:
                self.door.tell("form.replace", n, T("前一版没有“{i}”", "the previous edition has no “{i}”", i=old))
                continue
            order = list(items.values())
            place = [i.item for i in order].index(old)
            order[place] = dataclasses.replace(self._form_item(n), replaces=old)
            items.clear()
            items.update({i.item: i for i in order})
        for n in c.list("drop_checks", False):
            checks.pop(str(n.value), None)
        c.done()

    def _check_formulas(self, check: Check, node: Node, items: set[str]) -> None:
        lets = set(check.let)
        for what, text in [("holds", check.holds), *([("when", check.when)] if check.when else []), *check.let.items(), *check.suggest.items()]:
            names = self._formula(text, node, want_truth=what in ("holds", "when"))
            for name in sorted(names - lets):
                base = name if name.startswith("year.") else name.rpartition(".")[2]
                if base not in items:
                    self.door.tell("formula.item", node, T("{c} 用了这一版没有的“{n}”", "{c} reads “{n}”, which this edition lacks",
                                                           c=check.id, n=name))

    def _formula(self, text: str, node: Node, want_truth: bool) -> frozenset[str]:
        try:
            if is_truth(text) != want_truth:
                self.door.tell("formula.kind", node, T("“{t}”应是{k}", "“{t}” should be {k}", t=text,
                                                       k=str(T("条件", "a condition") if want_truth else T("数", "a number"))))
            return read(text, Needs())
        except FormulaError as error:
            self.door.tell("formula.bad", node, T("式子“{t}”：{f}", "formula “{t}”: {f}", t=text, f=str(error.found)), do=error.do)
            return frozenset()

    # -- after all is read --------------------------------------------------------------------------------------

    def close(self) -> None:
        """Names used by composites and indicators must exist."""
        for code, c in self.composites.items():
            node = self.nodes[("composite", code)]
            if c.unit not in self.units:
                self.door.tell("unit.unknown", node, T("没有单位“{u}”", "there is no unit “{u}”", u=c.unit))
            for term in c.terms:
                if term.item not in self.items:
                    self.door.tell("composite.item", node, T("没有指标“{i}”", "there is no item “{i}”", i=term.item))
                for f in term.factors:
                    if f not in self.factors:
                        self.door.tell("composite.factor", node, T("没有系数“{f}”", "there is no factor “{f}”", f=f))
        for code, i in self.indicators.items():
            node = self.nodes[("indicator", code)]
            for name in sorted(self._formula(i.formula, node, want_truth=False)):
                base = name.removeprefix("base.")
                if base not in self.items and base not in self.composites:
                    self.door.tell("indicator.name", node, T("没有“{n}”", "there is no “{n}”", n=name))
                elif base in self.items and self.items[base].over_bodies == "none":
                    self.door.tell("indicator.additive", node, T("“{n}”不能跨单位相加", "“{n}” cannot be added over bodies", n=name))


def _worth(value: FactorValue) -> tuple[Any, ...]:
    return value.value, value.since, value.region, value.vintage


def _names(check: Check) -> set[str]:
    return {n.rpartition(".")[2] for n in _all_names(check)}


def _all_names(check: Check) -> set[str]:
    """The names a check reads, with the side they stand on (``last_year.``, ``year.``)."""
    names: set[str] = set()
    for text in (check.holds, *check.let.values(), *((check.when,) if check.when else ())):
        try:
            names |= read(text, Needs())
        except FormulaError:
            return set()
    return names - set(check.let)


def _folders(code: str, extra: Sequence[Path]) -> list[tuple[str, Path]]:
    shipped = BOOKS / code
    folders = [(code, shipped)] if shipped.is_dir() else []
    folders += [(p.name, p) for p in extra]
    if not folders:
        known = sorted(p.name for p in BOOKS.iterdir() if (p / "book.yaml").exists())
        raise refuse("book.unknown", T("没有规则库“{c}”", "there is no book “{c}”", c=code),
                     expected=T("{list}", "{list}", list="、".join(known)))
    return folders


SINGLE = {"sources.yaml": "read_sources", "units.yaml": "read_units", "items.yaml": "read_items", "composites.yaml": "read_composites",
          "indicators.yaml": "read_indicators", "places.yaml": "read_places", "vouchers.yaml": "read_vouchers"}
ORDER = ["sources.yaml", "units.yaml", "items.yaml", "places.yaml", "composites.yaml", "indicators.yaml", "vouchers.yaml"]


def _read_all(b: _Builder, folders: list[tuple[str, Path]]) -> None:
    forms: list[Node] = []
    for name in ORDER:
        for label, folder in folders:
            if (folder / name).exists() and (node := read_yaml(folder / name, f"{label}/{name}", b.door)) is not None:
                getattr(b, SINGLE[name])(node)
    for label, folder in folders:
        for path in sorted(folder.rglob("*.yaml")):
            relative = path.relative_to(folder)
            place = f"{label}/{relative.as_posix()}"
            room = relative.parts[0] if len(relative.parts) > 1 else ""
            if (not room and path.name in SINGLE) or room == "cases":
                continue
            node = read_yaml(path, place, b.door)
            if node is None:
                continue
            if not room and path.name == "book.yaml":
                _head(b, node)
            elif not room and path.name == "gaps.yaml":
                b.gaps += [_gap(b, n) for n in node]
            elif room == "factors":
                b.read_factors(node)
            elif room == "forms":
                forms.append(node)
            elif room == "ledgers":
                b.read_ledger(node)
            elif room == "reviews":
                made = read_review(node, b.door, b.source, b.items, b.composites)
                b.reviews[f"{made.code}@{made.edition}"] = made
            elif room == "quotas":
                b.quotas += read_quotas(node, b.door, b.source, b.indicators, b.types)
            elif room == "prices":
                b.prices += read_prices(node, b.door, b.source, b.items)
            elif room == "documents":
                b.documents[path.stem] = node
            elif room == "tables":
                b.tables[path.stem] = node
            else:
                b.door.tell("file.unknown", node, T("不认识的文件", "a file that does not belong here"),
                            expected=T("{list}", "{list}", list="、".join([*ORDER, "book.yaml", "gaps.yaml", "factors/ forms/ ledgers/ documents/ tables/ reviews/ quotas/ prices/ cases/"])))
    b.build_forms(forms)


def _head(b: _Builder, node: Node) -> None:
    r = Reader(node, b.door)
    b.head["code"], b.head["title"] = r.text("book"), r.words("title")
    settings = r.get("settings")
    b.settings.update(settings.plain() if settings is not None and isinstance(settings.value, dict) else {})
    r.done()


def _gap(b: _Builder, node: Node) -> Gap:
    r = Reader(node, b.door)
    made = Gap(r.words("topic") or T("?", "?"), r.words("missing") or T("?", "?"), r.words("consequence") or T("?", "?"))
    r.done()
    return made


def _canonical(value: Any) -> Any:
    if isinstance(value, T):
        return {"zh": value.zh, "en": value.en}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _canonical(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Node):
        return value.plain()
    if isinstance(value, Mapping):
        return {str(k): _canonical(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(v) for v in value]
    return str(value) if isinstance(value, (Decimal, dt.date)) else value


@functools.lru_cache(maxsize=16)
def load(code: str = "cn", extra: tuple[Path, ...] = (), stamp: tuple[tuple[str, int, int], ...] = ()) -> Book:
    """Read a book with further folders laid over it. Raises ``Refused`` with every problem, by file and line.

    A folder in ``extra`` holds the same files; what it declares is added to, or takes the place of, what is shipped, so
    a later edition dropped into a workspace needs no new program. ``stamp``: what tells that its files changed, for the cache.
    """
    b = _Builder()
    _read_all(b, _folders(code, extra))
    if not b.head:
        b.door.tell("book.head", None, T("{c} 缺 book.yaml", "{c} has no book.yaml", c=code))
    b.close()
    if b.door.problems:
        raise Refused(*b.door.problems)
    parts: dict[str, Any] = {
        "items": b.items, "units": b.units, "factors": b.factors, "composites": b.composites, "indicators": b.indicators,
        "forms": b.forms, "types": b.types, "divisions": b.divisions, "ledgers": b.ledgers, "vouchers": b.vouchers,
        "documents": {k: n.plain() for k, n in b.documents.items()}, "tables": {k: n.plain() for k, n in b.tables.items()},
        "settings": b.settings, "gaps": tuple(b.gaps), "reviews": b.reviews, "quotas": tuple(b.quotas), "prices": tuple(b.prices)}
    text = json.dumps(_canonical(parts), ensure_ascii=False, sort_keys=True)
    where = {f"{kind}/{k}": places(n) for kind, nodes in (("documents", b.documents), ("tables", b.tables)) for k, n in nodes.items()}
    return Book(code=b.head["code"], title=b.head["title"], hash=hashlib.sha256(text.encode()).hexdigest(), places=where, **parts)
