"""Layout files: how an outside table is to be read, as strict YAML. Data, not code: nothing in it is evaluated.

Format with examples: docs/how-to/layouts.md. Every scalar is text (``no``, ``0341`` and ``2015`` mean what they look
like). Unknown and doubled keys, missing parts and wrong words are refused all at once, each with file and line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
KINDS = ("csv", "xlsx", "parquet")
ENCODINGS = ("auto", "utf-8", "utf-16", "gb18030")
DELIMITERS = {"auto": "auto", ",": ",", ";": ";", "|": "|", "\t": "\t", "tab": "\t"}
SHAPES = ("wide", "long", "months")
SOURCES = ("column", "columns", "value", "sheet", "file", "title")
MISSING = ("", "-", "--", "—", "——", "/", "NA", "N/A", "#N/A", "null")
TOTALS = ("合计", "总计", "小计", "累计", "本页合计", "total", "grand total", "subtotal")
FORMATS = ("date", "excel-serial")
_TOKEN = re.compile(r"YYYY|YY|MON|MM|DD|M|D")
_PARTS = {
    "YYYY": r"(?P<y>\d{4})",
    "YY": r"(?P<yy>\d{2})",
    "MON": r"(?P<mon>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
    "MM": r"(?P<m>\d{2})",
    "M": r"(?P<m>\d{1,2})",
    "DD": r"(?P<d>\d{2})",
    "D": r"(?P<d>\d{1,2})",
}


@dataclass(frozen=True)
class Spec:
    """Where one field comes from: a column (or several, joined), a fixed value, or a pattern over sheet, file or title.

    A pattern gives its first group, or the whole match. ``map`` turns what is found into what we call it.
    """

    columns: tuple[str, ...] = ()
    join: str = "-"
    value: str | None = None
    sheet: str = ""
    file: str = ""
    title: str = ""
    map: Mapping[str, str] = field(default_factory=dict)
    keep: bool = False
    fill_down: bool = False
    optional: bool = False
    blank: str = ""
    formats: tuple[str, ...] = ()
    line: int = 0

    @property
    def pattern(self) -> str:
        return self.sheet or self.file or self.title


@dataclass(frozen=True)
class PeriodSpec:
    """One field read by ``formats``, or a year and (perhaps) a month from two fields. ``of``: cut to ``year``."""

    whole: Spec | None = None
    year: Spec | None = None
    month: Spec | None = None
    of: str = ""
    line: int = 0


@dataclass(frozen=True)
class ItemSpec:
    """A column that holds an item (wide), or the name an item goes by in the table (long, months)."""

    column: str
    item: str
    unit: Spec
    basis: str = ""
    optional: bool = False
    confirmed: bool = False
    line: int = 0


@dataclass(frozen=True)
class LongSpec:
    """One row per institution, period and item: the columns of the item's name and its value."""

    item: Spec
    value: Spec
    skip: tuple[str, ...] = ()


@dataclass(frozen=True)
class MonthsSpec:
    """One row per institution, year and item with twelve columns, January first."""

    item: Spec
    columns: tuple[str, ...]
    year: Spec
    skip: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowTest:
    """A row for which this holds is skipped: a column equal to one of ``equals``, blank, or matching ``matches``."""

    column: str
    equals: tuple[str, ...] = ()
    blank: bool = False
    matches: str = ""
    line: int = 0


@dataclass(frozen=True)
class FieldSpec:
    """A ledger's field and where it comes from."""

    field: str
    spec: Spec
    unit: Spec | None = None
    line: int = 0


@dataclass(frozen=True)
class FactSpec:
    """Something a platform says beside the items: its status of the unit, a target, a warning, an indicator of its own."""

    fact: str
    spec: Spec
    line: int = 0

    @property
    def amount(self) -> bool:
        return self.fact.startswith(("target.", "indicator."))


FACTS = ("status", "quota_warning")
HOLDERS = ("platform", "province", "nation")


@dataclass(frozen=True)
class Layout:
    """One outside table. ``sheets``: names; empty = all; ``sheets_match`` a pattern. ``header_row`` 0 = look for it."""

    code: str
    title: T
    book: str
    reads: tuple[str, ...]
    kind: str
    form: str = ""
    ledger: str = ""
    encoding: str = "auto"
    delimiter: str = "auto"
    sheets: tuple[str, ...] = ()
    sheets_match: str = ""
    hidden: bool = True
    header_row: int = 1
    header_rows: int = 1
    totals: tuple[str, ...] = TOTALS
    stop_blank: bool = False
    stop_at: tuple[str, ...] = ()
    skip: tuple[RowTest, ...] = ()
    identifier: Spec | None = None
    scheme: str = ""
    repeats: bool = False
    fields: Mapping[str, Spec] = field(default_factory=dict)
    aliases: Mapping[str, Spec] = field(default_factory=dict)
    extra: Mapping[str, Spec] = field(default_factory=dict)
    period: PeriodSpec | None = None
    missing: tuple[str, ...] = MISSING
    shape: str = "wide"
    items: tuple[ItemSpec, ...] = ()
    unit: Spec | None = None
    long: LongSpec | None = None
    months: MonthsSpec | None = None
    ledger_fields: tuple[FieldSpec, ...] = ()
    facts: tuple[FactSpec, ...] = ()
    holder: str = ""
    place: str = ""
    hash: str = ""

    def specs(self) -> list[Spec]:
        """Every place the layout reads from."""
        found = [self.identifier, *self.fields.values(), *self.aliases.values(), *self.extra.values(), self.unit]
        found += [
            Spec(columns=(i.column,), optional=i.optional, line=i.line) for i in self.items if self.shape == "wide"
        ]
        found += [i.unit for i in self.items]
        if self.period:
            found += [self.period.whole, self.period.year, self.period.month]
        if self.long:
            found += [self.long.item, self.long.value]
        if self.months:
            found += [self.months.item, self.months.year, Spec(columns=self.months.columns)]
        found += [f.spec for f in self.facts]
        found += [f.spec for f in self.ledger_fields] + [f.unit for f in self.ledger_fields]
        found += [Spec(columns=(t.column,), line=t.line) for t in self.skip]
        return [s for s in found if s is not None]

    def columns(self, needed: bool = False) -> list[str]:
        """The column names the layout speaks of, in order, once each; ``needed`` leaves out the optional ones."""
        names = [c for s in self.specs() if not (needed and s.optional) for c in s.columns]
        return list(dict.fromkeys(names))


def period_pattern(form: str) -> re.Pattern[str]:
    """The pattern of a period format such as ``YYYY年M月``. Raises ``ValueError`` for one without a year."""
    if "YY" not in form:
        raise ValueError(f"period format {form!r} has no YYYY")
    out, at = "", 0
    for token in _TOKEN.finditer(form):
        out += re.escape(form[at : token.start()]) + _PARTS[token.group()]
        at = token.end()
    return re.compile(out + re.escape(form[at:]))


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Node:
    """A YAML node with its line: a mapping, a list or a text."""

    value: dict[str, _Node] | list[_Node] | str
    line: int


class _Door:
    """Reads nodes strictly and collects every problem before anything is refused."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def wrong(self, node: _Node | int, found: T, expected: T | None = None, do: T | None = None) -> None:
        line = node if isinstance(node, int) else node.line
        self.problems.append(Problem("layout", found, expected, do, Place(file=self.file, line=line)))

    def keys(self, node: _Node, known: tuple[str, ...], where: str) -> dict[str, _Node]:
        """The mapping at ``node``, every key of which must be known."""
        if not isinstance(node.value, dict):
            self.wrong(node, T("“{w}”不是键值对", "“{w}” is not a mapping", w=where))
            return {}
        for key, child in node.value.items():
            if key not in known:
                self.wrong(
                    child,
                    T("“{w}”里有不认识的键“{k}”", "unknown key “{k}” in “{w}”", k=key, w=where),
                    T("{a}", "one of {a}", a=", ".join(known)),
                )
        return {k: v for k, v in node.value.items() if k in known}

    def text(self, node: _Node | None, where: str, default: str = "") -> str:
        if node is None:
            return default
        if isinstance(node.value, str):
            return node.value
        self.wrong(node, T("“{w}”应是一段文字", "“{w}” must be one text", w=where))
        return default

    def texts(self, node: _Node | None, where: str) -> tuple[str, ...]:
        if node is None:
            return ()
        if isinstance(node.value, list):
            return tuple(self.text(n, where) for n in node.value)
        return (self.text(node, where),)

    def choice(self, node: _Node | None, known: tuple[str, ...], where: str, default: str) -> str:
        text = self.text(node, where, default)
        if node is not None and text not in known:
            self.wrong(
                node,
                T("“{w}: {t}”不认识", "“{w}: {t}” is not known", w=where, t=text),
                T("{a}", "one of {a}", a=", ".join(known)),
            )
            return default
        return text

    def flag(self, node: _Node | None, where: str, default: bool = False) -> bool:
        return self.choice(node, ("true", "false"), where, str(default).lower()) == "true"

    def number(self, node: _Node | None, where: str, default: int, low: int, high: int) -> int:
        text = self.text(node, where, str(default))
        if not re.fullmatch(r"[0-9]{1,6}", text) or not low <= int(text) <= high:
            self.wrong(
                node or 1,
                T(
                    "“{w}: {t}”不是 {a}–{b} 的整数",
                    "“{w}: {t}” is no whole number from {a} to {b}",
                    w=where,
                    t=text,
                    a=low,
                    b=high,
                ),
            )
            return default
        return int(text)

    def pattern(self, node: _Node | None, where: str) -> str:
        """A regular expression; kept short, since it runs on names of sheets and files and on title lines only."""
        text = self.text(node, where)
        try:
            if len(text) > 200:
                raise re.error("longer than 200 characters")
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            self.wrong(node or 1, T("“{w}”的匹配式写错了：{e}", "“{w}”: bad pattern: {e}", w=where, e=str(error)))
            return ""
        return text


def _tree(text: str, file: str) -> _Node:
    """YAML as nodes with lines. Anchors, tags, doubled keys and deep nesting are refused."""

    def bad(line: int, found: T) -> Refused:
        return refuse("layout", found, where=Place(file=file, line=line))

    def walk(node: yaml.Node, depth: int) -> _Node:
        line = node.start_mark.line + 1
        if depth > MAX_DEPTH:
            raise bad(line, T("嵌套太深", "nested too deeply"))
        if isinstance(node, yaml.ScalarNode):
            return _Node(str(node.value), line)
        if isinstance(node, yaml.SequenceNode):
            return _Node([walk(n, depth + 1) for n in node.value], line)
        out: dict[str, _Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise bad(key.start_mark.line + 1, T("键应是一段文字", "a key must be one text"))
            if key.value in out:
                raise bad(key.start_mark.line + 1, T("键“{k}”写了两次", "key “{k}” is written twice", k=key.value))
            out[str(key.value)] = walk(value, depth + 1)
        return _Node(out, line)

    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken | yaml.TagToken):
                raise bad(
                    token.start_mark.line + 1, T("不用锚点、引用和标签", "anchors, aliases and tags are not used")
                )
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or getattr(error, "reason", None) or "?"
        raise bad(mark.line + 1 if mark else 1, T("不是正确的 YAML：{e}", "not valid YAML: {e}", e=why)) from error
    except RecursionError as error:
        raise bad(1, T("嵌套太深", "nested too deeply")) from error
    if root is None:
        raise bad(1, T("文件是空的", "the file is empty"))
    return walk(root, 0)


_SPEC_KEYS = (*SOURCES, "join", "map", "keep", "fill_down", "optional", "blank", "format")


def _spec(door: _Door, node: _Node, where: str, extra: tuple[str, ...] = ()) -> Spec:
    """A field's source; a bare text is a column."""
    if isinstance(node.value, str):
        return Spec(columns=(node.value,), line=node.line)
    got = door.keys(node, _SPEC_KEYS + extra, where)
    named = [k for k in SOURCES if k in got]
    if len(named) != 1:
        door.wrong(
            node,
            T("“{w}”的来源应写一个，写了 {n} 个", "“{w}” needs one source, found {n}", w=where, n=len(named)),
            T("{a} 之一", "one of {a}", a=", ".join(SOURCES)),
        )
    mapping: dict[str, str] = {}
    if "map" in got:
        if isinstance(got["map"].value, dict):
            mapping = {k: door.text(v, f"{where}.map") for k, v in got["map"].value.items()}
        else:
            door.wrong(got["map"], T("“{w}.map”不是键值对", "“{w}.map” is not a mapping", w=where))
    columns = door.texts(got.get("columns"), f"{where}.columns")
    if "column" in got:
        columns = (door.text(got["column"], f"{where}.column"),)
    formats = door.texts(got.get("format"), f"{where}.format")
    for form in formats:
        _check_format(door, got["format"], form)
    return Spec(
        columns=columns,
        join=door.text(got.get("join"), f"{where}.join", "-"),
        value=door.text(got["value"], f"{where}.value") if "value" in got else None,
        sheet=door.pattern(got.get("sheet"), f"{where}.sheet"),
        file=door.pattern(got.get("file"), f"{where}.file"),
        title=door.pattern(got.get("title"), f"{where}.title"),
        map=mapping,
        keep=door.flag(got.get("keep"), f"{where}.keep"),
        fill_down=door.flag(got.get("fill_down"), f"{where}.fill_down"),
        optional=door.flag(got.get("optional"), f"{where}.optional"),
        blank=door.text(got.get("blank"), f"{where}.blank"),
        formats=formats,
        line=node.line,
    )


def _check_format(door: _Door, node: _Node, form: str) -> None:
    if form in FORMATS:
        return
    try:
        period_pattern(form)
    except (ValueError, re.error) as error:
        door.wrong(
            node,
            T("格式“{f}”写错了", "bad format “{f}”", f=form),
            T("由 YYYY、MM、M、DD、D 组成，或 date、excel-serial", "made of YYYY, MM, M, DD, D; or date, excel-serial"),
        )
        del error


def _unit(door: _Door, node: _Node, where: str) -> Spec:
    """A unit: a bare text is the unit itself, not a column."""
    if isinstance(node.value, str):
        return Spec(value=node.value, line=node.line)
    return _spec(door, node, where)


def _need(door: _Door, got: Mapping[str, _Node], key: str, node: _Node, where: str) -> _Node | None:
    if key not in got:
        door.wrong(node, T("“{w}”缺“{k}”", "“{w}” lacks “{k}”", w=where, k=key))
        return None
    return got[key]


def _items(door: _Door, node: _Node | None, where: str) -> tuple[ItemSpec, ...]:
    """The list of items: which column (or name), which item, which unit and energy basis."""
    if node is None:
        return ()
    if not isinstance(node.value, list):
        door.wrong(node, T("“{w}”应是一列", "“{w}” must be a list", w=where))
        return ()
    found: dict[str, ItemSpec] = {}
    items: list[ItemSpec] = []
    for entry in node.value:
        got = door.keys(entry, ("column", "item", "unit", "basis", "optional", "confirmed"), where)
        column, item = _need(door, got, "column", entry, where), _need(door, got, "item", entry, where)
        unit = got.get("unit")
        spec = ItemSpec(
            column=door.text(column, f"{where}.column"),
            item=door.text(item, f"{where}.item"),
            unit=_unit(door, unit, f"{where}.unit") if unit else Spec(line=entry.line),
            basis=door.text(got.get("basis"), f"{where}.basis"),
            optional=door.flag(got.get("optional"), f"{where}.optional"),
            confirmed=door.flag(got.get("confirmed"), f"{where}.confirmed"),
            line=entry.line,
        )
        if spec.column and spec.column in found:
            door.wrong(entry, T("“{c}”写了两次", "“{c}” is written twice", c=spec.column))
        found[spec.column] = spec
        items.append(spec)
    return tuple(items)


def _sheets(door: _Door, node: _Node | None) -> tuple[tuple[str, ...], str]:
    if node is None or node.value == "all":
        return (), ""
    if isinstance(node.value, dict):
        got = door.keys(node, ("match",), "sheets")
        return (), door.pattern(_need(door, got, "match", node, "sheets"), "sheets.match")
    return door.texts(node, "sheets"), ""


def _tests(door: _Door, node: _Node | None) -> tuple[RowTest, ...]:
    """rows.skip_where: conditions of which one is enough for a row to be skipped."""
    if node is None:
        return ()
    got = door.keys(node, ("skip_where",), "rows")
    tests = got.get("skip_where")
    if tests is None or not isinstance(tests.value, list):
        door.wrong(node, T("“rows.skip_where”应是一列", "“rows.skip_where” must be a list"))
        return ()
    out = []
    for entry in tests.value:
        each = door.keys(entry, ("column", "equals", "blank", "matches"), "rows.skip_where")
        column = door.text(_need(door, each, "column", entry, "rows.skip_where"), "column")
        if sum(k in each for k in ("equals", "blank", "matches")) != 1:
            door.wrong(
                entry, T("每个条件写 equals、blank、matches 之一", "each test has one of equals, blank, matches")
            )
        out.append(
            RowTest(
                column,
                door.texts(each.get("equals"), "equals"),
                door.flag(each.get("blank"), "blank"),
                door.pattern(each.get("matches"), "matches"),
                entry.line,
            )
        )
    return tuple(out)


def _period(door: _Door, node: _Node | None) -> PeriodSpec | None:
    if node is None:
        return None
    if isinstance(node.value, dict) and "year" in node.value:
        got = door.keys(node, ("year", "month"), "period")
        month = got.get("month")
        return PeriodSpec(
            year=_spec(door, got["year"], "period.year"),
            line=node.line,
            month=_spec(door, month, "period.month") if month else None,
        )
    whole = _spec(door, node, "period", ("of",))
    of = door.choice(node.value.get("of"), ("year", "month"), "period.of", "") if isinstance(node.value, dict) else ""
    if whole.value is not None and not re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2]))?", whole.value):
        door.wrong(
            node,
            T("“period.value: {v}”不是年或月", "“period.value: {v}” is no year or month", v=whole.value),
            T("如 2022 或 2022-03", "like 2022 or 2022-03"),
        )
    return PeriodSpec(whole=whole, of=of, line=node.line)


FIELDS = ("name", "area", "department", "territory", "type", "line", "since", "until", "in_scope", "covered_by")
_KEYS = (
    "layout",
    "title",
    "book",
    "reads",
    "form",
    "file",
    "sheets",
    "hidden",
    "header",
    "stop",
    "rows",
    "identifier",
    *FIELDS,
    "aliases",
    "extra",
    "period",
    "missing",
    "shape",
    "items",
    "unit",
    "long",
    "months",
    "fields",
    "facts",
    "holder",
    "source",
    "notes",
)


def _reads(door: _Door, node: _Node | None) -> tuple[tuple[str, ...], str]:
    """What the table holds: answers, register, both, or one ledger."""
    words = door.texts(node, "reads")
    ledger = ""
    for word in words:
        if word.startswith("ledger:") and len(word) > 7 and len(words) == 1:
            ledger = word[7:]
        elif word not in ("answers", "register") and node:
            door.wrong(
                node,
                T("“reads: {w}”不认识", "“reads: {w}” is not known", w=word),
                T(
                    "answers、register、[register, answers] 或 ledger:台账代码",
                    "answers, register, [register, answers] or ledger:<kind>",
                ),
            )
    return (("ledger",) if ledger else words), ledger


def _shapes(door: _Door, got: dict[str, _Node], root: _Node) -> tuple[str, LongSpec | None, MonthsSpec | None]:
    shape = door.choice(got.get("shape"), SHAPES, "shape", "wide")
    long = months = None
    for other in ("long", "months"):
        if (other in got) != (shape == other):
            door.wrong(
                got.get(other, root),
                T(
                    "“shape: {s}”与“{o}”一节不相符",
                    "“shape: {s}” and section “{o}” do not go together",
                    s=shape,
                    o=other,
                ),
            )
            return shape, None, None
    if shape == "long":
        part = door.keys(got["long"], ("item", "value", "skip"), "long")
        item, value = _need(door, part, "item", got["long"], "long"), _need(door, part, "value", got["long"], "long")
        if item and value:
            long = LongSpec(
                _spec(door, item, "long.item"),
                _spec(door, value, "long.value"),
                door.texts(part.get("skip"), "long.skip"),
            )
    if shape == "months":
        part = door.keys(got["months"], ("item", "columns", "year", "skip"), "months")
        item, year = (
            _need(door, part, "item", got["months"], "months"),
            _need(door, part, "year", got["months"], "months"),
        )
        columns = door.texts(part.get("columns"), "months.columns") or tuple(f"{m}月" for m in range(1, 13))
        if len(columns) != 12:
            door.wrong(
                got["months"],
                T(
                    "“months.columns”应有 12 列，写了 {n} 列",
                    "“months.columns” needs 12 names, found {n}",
                    n=len(columns),
                ),
            )
        if item and year:
            months = MonthsSpec(
                _spec(door, item, "months.item"),
                columns,
                _spec(door, year, "months.year"),
                door.texts(part.get("skip"), "months.skip"),
            )
    return shape, long, months


def _ledger_fields(door: _Door, node: _Node | None) -> tuple[FieldSpec, ...]:
    if node is None:
        return ()
    if not isinstance(node.value, list):
        door.wrong(node, T("“fields”应是一列", "“fields” must be a list"))
        return ()
    out: list[FieldSpec] = []
    for entry in node.value:
        spec = _spec(door, entry, "fields", ("field", "unit"))
        got = entry.value if isinstance(entry.value, dict) else {}
        name = door.text(_need(door, got, "field", entry, "fields"), "field")
        unit = _unit(door, got["unit"], "fields.unit") if "unit" in got else None
        if any(name == f.field for f in out):
            door.wrong(entry, T("字段“{f}”写了两次", "field “{f}” is written twice", f=name))
        out.append(FieldSpec(name, spec, unit, entry.line))
    return tuple(out)


def _facts(door: _Door, node: _Node | None) -> tuple[FactSpec, ...]:
    """What a platform says beside the items: a list of sources, each with the fact it is."""
    if node is None:
        return ()
    if not isinstance(node.value, list):
        door.wrong(node, T("“facts”应是一列", "“facts” must be a list"))
        return ()
    out: list[FactSpec] = []
    for entry in node.value:
        spec = _spec(door, entry, "facts", ("fact",))
        got = entry.value if isinstance(entry.value, dict) else {}
        fact = door.text(_need(door, got, "fact", entry, "facts"), "fact")
        if fact and fact not in FACTS and not fact.startswith(("target.", "indicator.")):
            door.wrong(entry, T("不认识的内容“{f}”", "unknown fact “{f}”", f=fact),
                       T("{a}、target.指标代码、indicator.指标代码", "{a}, target.<indicator> or indicator.<indicator>", a="、".join(FACTS)))
        if any(fact == f.fact for f in out):
            door.wrong(entry, T("“{f}”写了两次", "“{f}” is written twice", f=fact))
        out.append(FactSpec(fact, spec, entry.line))
    return tuple(out)


def _named_specs(door: _Door, node: _Node | None, where: str) -> dict[str, Spec]:
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        door.wrong(node, T("“{w}”不是键值对", "“{w}” is not a mapping", w=where))
        return {}
    return {k: _spec(door, v, f"{where}.{k}") for k, v in node.value.items()}


def _complete(door: _Door, layout: Layout, root: _Node) -> None:
    """What a layout of this kind must have."""

    def must(ok: bool, key: str) -> None:
        if not ok:
            door.wrong(
                root, T("缺“{k}”（reads: {r}）", "“{k}” is missing (reads: {r})", k=key, r=", ".join(layout.reads))
            )

    if "answers" in layout.reads:
        must(bool(layout.form), "form")
        must(layout.identifier is not None, "identifier")
        must(layout.period is not None or layout.shape == "months", "period")
        must(bool(layout.items or layout.facts), "items")
        if layout.shape == "months" and layout.period is not None:
            door.wrong(
                layout.period.line,
                T(
                    "“shape: months”的年份写在 months.year，不写 period",
                    "with “shape: months” the year is months.year; leave period out",
                ),
            )
    if "register" in layout.reads:
        must(layout.identifier is not None, "identifier")
        must("name" in layout.fields, "name")
    if layout.ledger:
        must(bool(layout.ledger_fields), "fields")
    for item in layout.items:
        if item.unit == Spec(line=item.unit.line) and layout.unit is None:
            door.wrong(
                item.line,
                T("“{c}”没写计量单位", "“{c}” names no unit", c=item.column),
                T("unit: kWh 或 unit: {{column: 列名}}", "unit: kWh or unit: {{column: name}}", _=""),
            )
    if layout.kind == "csv" and (layout.sheets or layout.sheets_match):
        door.wrong(root, T("CSV 没有工作表，去掉“sheets”", "a CSV has no sheets: leave “sheets” out"))


def parse_layout(text: str, file: str = "layout.yaml") -> Layout:
    """A layout from YAML text. Raises ``Refused`` with every problem, each with ``file`` and line."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise refuse(
            "layout", T("布局文件超过 256 KB", "the layout file is larger than 256 KB"), where=Place(file=file)
        )
    root = _tree(text, file)
    door = _Door(file)
    got = door.keys(root, _KEYS, "layout")
    for key in ("layout", "title", "book", "reads", "file"):
        _need(door, got, key, root, "layout")
    title = door.keys(got["title"], ("zh", "en"), "title") if "title" in got else {}
    zh, en = (door.text(title.get(k), f"title.{k}") for k in ("zh", "en"))
    if "title" in got and not (zh and en):
        door.wrong(got["title"], T("标题要有 zh 和 en", "a title needs zh and en"))
    reads, ledger = _reads(door, got.get("reads"))
    file_part = door.keys(got["file"], ("kind", "encoding", "delimiter"), "file") if "file" in got else {}
    header = door.keys(got["header"], ("row", "rows"), "header") if "header" in got else {}
    auto = "row" in header and header["row"].value == "auto"
    stop = door.keys(got["stop"], ("labels", "first_column_blank", "at"), "stop") if "stop" in got else {}
    identifier, scheme, repeats = _identifier(door, got.get("identifier"))
    shape, long, months = _shapes(door, got, root)
    sheets, match = _sheets(door, got.get("sheets"))
    layout = Layout(
        code=door.text(got.get("layout"), "layout"),
        title=T(zh or "?", en or "?"),
        book=door.text(got.get("book"), "book"),
        reads=reads,
        ledger=ledger,
        form=door.text(got.get("form"), "form"),
        kind=door.choice(file_part.get("kind"), KINDS, "file.kind", "csv"),
        encoding=door.choice(file_part.get("encoding"), ENCODINGS, "file.encoding", "auto"),
        delimiter=DELIMITERS[door.choice(file_part.get("delimiter"), tuple(DELIMITERS), "file.delimiter", "auto")],
        sheets=sheets,
        sheets_match=match,
        hidden=door.flag(got.get("hidden"), "hidden", True),
        header_row=0 if auto else door.number(header.get("row"), "header.row", 1, 1, 1000),
        header_rows=door.number(header.get("rows"), "header.rows", 1, 1, 8),
        totals=door.texts(stop["labels"], "stop.labels") if "labels" in stop else TOTALS,
        stop_blank=door.flag(stop.get("first_column_blank"), "stop.first_column_blank"),
        stop_at=door.texts(stop.get("at"), "stop.at"),
        skip=_tests(door, got.get("rows")),
        identifier=identifier,
        scheme=scheme,
        repeats=repeats,
        fields={k: _spec(door, got[k], k) for k in FIELDS if k in got},
        aliases=_named_specs(door, got.get("aliases"), "aliases"),
        extra=_named_specs(door, got.get("extra"), "extra"),
        period=_period(door, got.get("period")),
        missing=("", *door.texts(got["missing"], "missing")) if "missing" in got else MISSING,
        shape=shape,
        items=_items(door, got.get("items"), "items"),
        unit=_unit(door, got["unit"], "unit") if "unit" in got else None,
        long=long,
        months=months,
        ledger_fields=_ledger_fields(door, got.get("fields")),
        facts=_facts(door, got.get("facts")),
        holder=door.choice(got.get("holder"), HOLDERS, "holder", ""),
        place=file,
        hash=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
    )
    _complete(door, layout, root)
    if door.problems:
        raise Refused(*door.problems)
    return layout


def _identifier(door: _Door, node: _Node | None) -> tuple[Spec | None, str, bool]:
    if node is None:
        return None, "", False
    spec = _spec(door, node, "identifier", ("scheme", "repeats"))
    got = node.value if isinstance(node.value, dict) else {}
    scheme = door.text(got.get("scheme"), "identifier.scheme")
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", scheme):
        door.wrong(
            node,
            T("“identifier.scheme”要写识别码的种类", "“identifier.scheme” must say what kind of code it is"),
            T("如 uscc、platform、osebuilding", "such as uscc, platform, osebuilding"),
        )
    repeats = door.choice(got.get("repeats"), ("number", "refuse"), "identifier.repeats", "refuse") == "number"
    return spec, scheme, repeats


def load_layout(path: Path) -> Layout:
    """The layout in a file. Raises ``Refused`` (unreadable, not UTF-8, or wrong, with lines)."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise refuse(
            "layout",
            T("布局文件打不开：{e}", "cannot open the layout file: {e}", e=error.strerror or "?"),
            where=Place(file=str(path)),
        ) from error
    except UnicodeDecodeError as error:
        raise refuse(
            "layout", T("布局文件不是 UTF-8", "the layout file is not UTF-8"), where=Place(file=str(path))
        ) from error
    return parse_layout(text, str(path))
