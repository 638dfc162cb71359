"""What a document says and where its numbers come from: a declaration of the rulebook, checked strictly.

    title        words: the title is broken between them, by meaning
    head         issuer (发文机关标志), number (发文字号), to (主送机关): each may be left out
    paragraphs   one mapping each, h1, h2, h3, runin or p, with the text; {name} stands for a figure
    figures      name → {label, from, …, format}; from:
                   indicator   name: an item, composite or indicator; where: area, department, territory, type
                   members     how many institutions stand in the snapshot with a return of the year; where as above
                   change      name, against the year before; take: like for the members covered in both (同口径)
                   ledger      ledger, take, column, where (its fields)
                   external    the same of external_facts: an entered fact, printed with its source in the proof
                   wording     text: words that claim something (均完成招标), with either holds: a formula over figures, which
                               must be true, or confirm: what a person has to look at, who then confirms it by name
                 a figure that only checks and wordings use need not stand in the text
    checks       holds: a formula over figures as they are printed; says: what is wrong where it does not hold

``{year}`` is the document's year and ``{statistics_year}`` the year before, whose statistics it reports (``of`` chooses).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from jieneng.core.amount import decimal_of
from jieneng.core.figure import Figure
from jieneng.core.formula import FormulaError, Needs, is_truth, read
from jieneng.core.problem import Problem, Refused
from jieneng.core.words import T
from jieneng.rulebook.types import Book, LedgerField

from .marks import END, ID, MIDDLE, START, unprintable
from .official import LEVELS

KINDS = ("indicator", "members", "change", "ledger", "external", "wording")
TAKES = ("count", "sum", "distinct", "list", "value")
FILTERS = ("area", "department", "territory", "type")
"""Columns by which figures of returns may be narrowed."""
SLOT = re.compile(r"\{([A-Za-z0-9_]+)\}")
YEARS = {"year": 0, "statistics": -1}
MAX_PLACES = 9


@dataclass(frozen=True)
class Shape:
    """How a figure is printed: scale, fixed places (or as few as needed), the words of a rise or fall, the suffix.

    ``same`` is printed alone where a change rounds to nothing.
    """

    places: int = 0
    scale: Fraction = Fraction(1)
    trim: bool = False
    suffix: str = ""
    rise: str = ""
    fall: str = ""
    same: str = ""

    def rounded(self, exact: Fraction) -> Decimal:
        """The number as printed, half-even, before any words."""
        return decimal_of(exact * self.scale, self.places)

    def show(self, figure: Figure) -> str:
        """The printed text: no thousands separators (official documents)."""
        if figure.text:
            return figure.text
        assert figure.exact is not None
        value, word = self.rounded(figure.exact), ""
        if self.rise:
            if not value:
                return self.same
            word, value = (self.rise if value > 0 else self.fall), abs(value)
        text = f"{value or abs(value):.{self.places}f}"
        if self.trim and "." in text:
            text = text.rstrip("0").rstrip(".")
        return word + text + self.suffix

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "scale": str(self.scale)}


@dataclass(frozen=True)
class Recipe:
    """Where one printed number comes from. ``year`` is that of its statistics; ``take`` and ``column`` are a ledger's; a change may take ``like``."""

    id: str
    label: T
    kind: str
    shape: Shape
    name: str = ""
    year: int = 0
    where: Mapping[str, Any] = field(default_factory=dict)
    ledger: str = ""
    take: str = ""
    column: str = ""
    text: str = ""
    holds: str = ""
    confirm: T | None = None


@dataclass(frozen=True)
class Check:
    """Arithmetic that must hold between printed numbers."""

    holds: str
    says: T


@dataclass(frozen=True)
class Spec:
    """A document's specification for one year. ``title`` is in words; ``head`` holds issuer, number, to."""

    code: str
    year: int
    title: tuple[str, ...]
    blocks: tuple[tuple[str, str], ...]
    recipes: Mapping[str, Recipe]
    signed: str
    sample: bool
    head: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    bold: frozenset[str] = frozenset()

    @property
    def wordings(self) -> dict[str, Recipe]:
        """The texts that claim something, by id."""
        return {n: r for n, r in self.recipes.items() if r.kind == "wording"}


class _Door:
    """Where problems gather, so that all are told at once."""

    def __init__(self, book: Book, code: str, year: int) -> None:
        self.book, self.code, self.year = book, code, year
        self.problems: list[Problem] = []

    def tell(self, where: str, zh: str, en: str, **args: Any) -> None:
        self.problems.append(Problem("document.spec", T(zh, en, **args), where=self.book.place("documents", self.code, where)))

    def keys(self, where: str, data: Any, allowed: set[str], required: set[str]) -> dict[str, Any]:
        """A mapping with no unknown and no missing key; an empty one where it is none."""
        if not isinstance(data, Mapping):
            self.tell(where, "应是键和值", "expected keys and values")
            return {}
        for key in sorted(set(map(str, data)) - allowed):
            self.tell(where, "不认识的键“{k}”", "unknown key “{k}”", k=key)
        for key in sorted(required - set(data)):
            self.tell(where, "缺“{k}”", "“{k}” is missing", k=key)
        return dict(data)

    def entries(self, where: str, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.tell(where, "应是列表", "expected a list")
            return []
        return data

    def text(self, where: str, value: Any) -> str:
        """A text with its years filled in. Marks of ours and what cannot be printed are problems."""
        if not isinstance(value, (str, int)):
            self.tell(where, "应是文字", "expected a text")
            return ""
        text = str(value).replace("{year}", str(self.year)).replace("{statistics_year}", str(self.year - 1))
        if bad := unprintable(text):
            self.tell(where, "有不能印出的字符 {c}", "a character that cannot be printed: {c}", c=bad)
            return re.sub(f"[{START}{MIDDLE}{END}]", "", text)
        return text

    def yes(self, where: str, value: Any) -> bool:
        if str(value) not in ("true", "false", "True", "False"):
            self.tell(where, "应是 true 或 false", "expected true or false")
        return str(value).lower() == "true"

    def words(self, where: str, data: Any) -> T:
        if not isinstance(data, Mapping) or set(data) != {"zh", "en"} or not all(isinstance(v, str) and v for v in data.values()):
            self.tell(where, "要有中英文 {a}zh: …, en: …{b}", "needs {a}zh: …, en: …{b}", a="{", b="}")
            return T(where, where)
        return T(data["zh"], data["en"])


def read_spec(book: Book, code: str, year: int) -> Spec:
    """The specification of a document for a year. Raises ``Refused`` with everything that is wrong in it."""
    raw = book.documents.get(code)
    if raw is None:
        raise Refused(Problem("document.none", T("没有公文“{c}”", "there is no document “{c}”", c=code),
                              T("{l}", "{l}", l="、".join(book.documents) or "—")))
    if not dt.MINYEAR < year - 1 < dt.MAXYEAR:
        raise Refused(Problem("document.year", T("年份不对：{y}", "not a year: {y}", y=year)))
    door = _Door(book, code, year)
    data = door.keys(code, raw, {"document", "title", "label", "head", "paragraphs", "figures", "checks", "signed", "sample", "notes", "options"},
                     {"document", "title", "label", "paragraphs", "figures"})
    if data.get("document") != code:
        door.tell("document", "与文件名不同", "differs from the file's name")
    door.words("label", data.get("label"))
    figures = data.get("figures")
    recipes = {str(n): _recipe(door, book, str(n), entry) for n, entry in (figures.items() if isinstance(figures, Mapping) else ())}
    if not isinstance(figures, Mapping):
        door.tell("figures", "应是键和值", "expected keys and values")
    blocks = _blocks(door, data.get("paragraphs"), recipes)
    checks = tuple(_check(door, n, c, recipes) for n, c in enumerate(door.entries("checks", data.get("checks", []))))
    used = {s for _, text in blocks for s in SLOT.findall(text)} | _named(door, recipes, checks)
    for name in sorted(set(recipes) - used):
        door.tell(f"figures.{name}", "正文里没有用到", "not used in the text")
    title = tuple(door.text(f"title[{n}]", w) for n, w in enumerate(door.entries("title", data.get("title"))))
    if not "".join(title):
        door.tell("title", "标题是空的", "the title is empty")
    head = {k: door.text(f"head.{k}", v) for k, v in door.keys("head", data.get("head", {}), {"issuer", "number", "to"}, set()).items()}
    options = door.keys("options", data.get("options", {}), {"bold_level_2", "bold_level_3"}, set())
    bold = frozenset(f"h{k[-1]}" for k, v in options.items() if door.yes(f"options.{k}", v))
    signed, sample = door.text("signed", data.get("signed", "")), door.yes("sample", data.get("sample", "false"))
    if door.problems:
        raise Refused(*door.problems)
    return Spec(code, year, title, tuple(blocks), recipes, signed, sample, head, checks, bold)


def _blocks(door: _Door, data: Any, recipes: Mapping[str, Recipe]) -> list[tuple[str, str]]:
    blocks = []
    for n, entry in enumerate(door.entries("paragraphs", data)):
        where = f"paragraphs[{n}]"
        if not isinstance(entry, Mapping) or len(entry) != 1 or next(iter(entry)) not in LEVELS:
            door.tell(where, "每段写一个 {l}", "each paragraph is one of {l}", l="、".join(LEVELS))
            continue
        level, value = next(iter(entry.items()))
        text = door.text(where, value)
        for slot in SLOT.findall(text):
            if slot not in recipes:
                door.tell(where, "没有说明“{s}”从哪里来", "nothing says where “{s}” comes from", s=slot)
        rest = SLOT.sub("", text)
        if any(c in rest for c in "{}｛｝"):
            door.tell(where, "大括号没有配对，或是全角的", "a brace that is not paired, or full-width")
        if level == "runin" and "。" not in rest:
            door.tell(where, "runin 的标题要以“。”结束", "the heading of a runin must end with “。”")
        if not text.strip():
            door.tell(where, "空段", "an empty paragraph")
        blocks.append((level, text))
    return blocks


def _named(door: _Door, recipes: Mapping[str, Recipe], checks: Sequence[Check]) -> set[str]:
    """The figures that checks and wordings rest on. A wording over what is no figure is a problem."""
    used: set[str] = set()
    for where, holds in [*((f"checks[{n}]", c.holds) for n, c in enumerate(checks)), *((f"figures.{n}.holds", r.holds) for n, r in recipes.items() if r.holds)]:
        try:
            names = read(holds, Needs())
        except FormulaError:
            continue  # told where it was read
        if where.startswith("figures") and (strange := sorted(n for n in names if n not in recipes or recipes[n].kind == "wording")):
            door.tell(where, "没有“{n}”这个数", "there is no figure “{n}”", n="、".join(strange))
        used |= set(names)
    return used


RETURNS = {"label", "from", "name", "of", "where", "format"}
ALLOWED = {"indicator": RETURNS, "members": RETURNS - {"name"}, "change": RETURNS | {"take"},
           "ledger": {"label", "from", "ledger", "take", "column", "where", "format"},
           "external": {"label", "from", "take", "column", "where", "format"}, "wording": {"label", "from", "text", "holds", "confirm"}}


def _recipe(door: _Door, book: Book, name: str, entry: Any) -> Recipe:
    where = f"figures.{name}"
    if not ID.fullmatch(name) or name in ("year", "statistics_year"):
        door.tell(where, "代号用字母、数字和单个 _，最多 30 个", "an id is letters, digits and single _, at most 30")
    kind = str(entry.get("from", "")) if isinstance(entry, Mapping) else ""
    if kind not in KINDS:
        door.tell(where, "from 应是 {k}", "from must be one of {k}", k="、".join(KINDS))
        return Recipe(name, T(name, name), "", Shape())
    needed = {"text"} if kind == "wording" else {"format", "name"} if kind in ("indicator", "change") else {"format"}
    data = door.keys(where, entry, ALLOWED[kind], {"label", "from"} | needed)
    label = door.words(f"{where}.label", data.get("label"))
    if kind == "wording":
        return _wording(door, where, data, name, label)
    shape = _shape(door, f"{where}.format", data.get("format", {}))
    if kind == "change" and not shape.rise:
        door.tell(f"{where}.format", "变化要写 rise、fall、same 三个词", "a change needs the words rise, fall and same")
    if kind in ("ledger", "external"):
        return _of_ledger(door, book, where, data, Recipe(name, label, kind, shape))
    target = str(data.get("name", ""))
    if kind != "members" and target not in {*book.indicators, *book.composites, *book.items}:
        door.tell(where, "没有指标“{n}”", "there is no figure “{n}”", n=target)
    of = str(data.get("of", "statistics"))
    if of not in YEARS:
        door.tell(where, "of 应是 {y}", "of must be one of {y}", y="、".join(YEARS))
    if (take := str(data.get("take", ""))) not in ("", "like"):
        door.tell(where, "take 只能是 like（同口径）", "take can only be like (like for like)")
    filters = _filters_of_returns(door, book, f"{where}.where", data.get("where", {}))
    return Recipe(name, label, kind, shape, target, door.year + YEARS.get(of, 0), filters, take=take)


def _wording(door: _Door, where: str, data: Mapping[str, Any], name: str, label: T) -> Recipe:
    """Words that claim something: true by a formula, or confirmed by a person; never both, never neither."""
    holds = str(data.get("holds", ""))
    if bool(holds) == ("confirm" in data):
        door.tell(where, "写 holds（由事实成立）或 confirm（由人确认），二者之一", "write holds (true by facts) or confirm (by a person), one of them")
    try:
        if holds and not is_truth(holds):
            door.tell(f"{where}.holds", "holds 应是条件", "holds must be a condition")
    except FormulaError as error:
        door.tell(f"{where}.holds", "{e}", "{e}", e=str(error))
    if any(c in str(data.get("text", "")) for c in "{}"):
        door.tell(f"{where}.text", "用语里不能有大括号", "a wording holds no braces")
    confirm = door.words(f"{where}.confirm", data["confirm"]) if "confirm" in data else None
    return Recipe(name, label, "wording", Shape(), text=door.text(f"{where}.text", data.get("text", "")), holds=holds, confirm=confirm)


def _filters_of_returns(door: _Door, book: Book, where: str, data: Any) -> dict[str, Any]:
    known = {"area": book.divisions, "territory": book.divisions, "type": book.types}
    filters: dict[str, Any] = {}
    for key, value in door.keys(where, data, set(FILTERS), set()).items():
        values = tuple(door.text(f"{where}.{key}", v) for v in (value if isinstance(value, list) else [value]))
        for v in values:
            if key in known and v not in known[key]:
                door.tell(f"{where}.{key}", "没有“{v}”", "there is no “{v}”", v=v)
        filters[key] = values if isinstance(value, list) else values[0]
    return filters


def _of_ledger(door: _Door, book: Book, where: str, data: Mapping[str, Any], recipe: Recipe) -> Recipe:
    kind = str(data.get("ledger", "external_facts" if recipe.kind == "external" else ""))
    take, column = str(data.get("take", "value" if recipe.kind == "external" else "")), str(data.get("column", ""))
    if kind not in book.ledgers:
        door.tell(where, "没有台账“{l}”", "there is no ledger “{l}”", l=kind)
        return recipe
    fields = {f.code: f for f in book.ledgers[kind].fields}
    if take not in TAKES or (take != "count") != bool(column):
        door.tell(where, "take 应是 {t}；count 不写 column，其余要写", "take must be one of {t}; count has no column, all others need one", t="、".join(TAKES))
    if column and column not in fields:
        door.tell(where, "台账没有“{f}”这一栏", "the ledger has no field “{f}”", f=column)
    elif take == "sum" and fields[column].type != "number":
        door.tell(where, "“{f}”不是数，不能求和", "“{f}” is no number and cannot be added", f=column)
    filters = {}
    for key, value in door.keys(f"{where}.where", data.get("where", {}), set(fields), set()).items():
        if key in fields:
            filters[key] = _filter(door, f"{where}.where.{key}", value, fields[key])
    return Recipe(recipe.id, recipe.label, recipe.kind, recipe.shape, ledger=kind, take=take, column=column, where=filters)


def _filter(door: _Door, where: str, value: Any, column: LedgerField) -> Any:
    """A filter's value by the type of its field: a text, a year, a day; a list is any of; {from, to} is inclusive."""
    if isinstance(value, list):
        return tuple(_filter(door, where, v, column) for v in value)
    if isinstance(value, Mapping):
        edges = door.keys(where, value, {"from", "to"}, set())
        if column.type not in ("date", "year"):
            door.tell(where, "只有日期和年度可以写起止", "only days and years may have from and to")
        return {k: _filter(door, where, v, column) for k, v in edges.items()}
    text = door.text(where, value)
    if column.type == "year":
        if re.fullmatch(r"\d{4}", text):
            return int(text)
        door.tell(where, "应是四位年份", "expected a year of four digits")
    elif column.type == "date":
        try:
            dt.date.fromisoformat(text)
        except ValueError:
            door.tell(where, "应是日期，如 2022-01-31", "expected a day, like 2022-01-31")
    elif column.type == "choice" and text not in column.choices:
        door.tell(where, "没有“{v}”这一项，应是 {c}", "there is no choice “{v}”; expected {c}", v=text, c="、".join(column.choices))
    elif column.type == "number":
        door.tell(where, "不能按数筛选", "a number cannot be a filter")
    return text


def _shape(door: _Door, where: str, data: Any) -> Shape:
    data = door.keys(where, data, {"places", "scale", "trim", "suffix", "rise", "fall", "same"}, set())
    words = {k: door.text(f"{where}.{k}", data.get(k, "")) for k in ("suffix", "rise", "fall", "same")}
    if len({bool(words[k]) for k in ("rise", "fall", "same")}) != 1:
        door.tell(where, "rise、fall、same 要么都写，要么都不写", "rise, fall and same are written all or none")
    places, scale = str(data.get("places", "0")), str(data.get("scale", "1"))
    if not places.isascii() or not places.isdigit() or int(places) > MAX_PLACES:
        door.tell(where, "places 是 0 到 {m} 的整数", "places is a whole number from 0 to {m}", m=MAX_PLACES)
        places = "0"
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12}|/[1-9][0-9]{0,11})?", scale) or not Fraction(scale):
        door.tell(where, "scale 是有理数，如 1/10000", "scale is a rational, like 1/10000")
        scale = "1"
    return Shape(int(places), Fraction(scale), door.yes(f"{where}.trim", data.get("trim", "false")), **words)


def _check(door: _Door, n: int, data: Any, recipes: Mapping[str, Recipe]) -> Check:
    where = f"checks[{n}]"
    data = door.keys(where, data, {"holds", "says"}, {"holds", "says"})
    holds = str(data.get("holds", ""))
    try:
        for name in sorted(read(holds, Needs()) - set(recipes)):
            door.tell(where, "没有“{n}”这个数", "there is no figure “{n}”", n=name)
        if not is_truth(holds):
            door.tell(where, "holds 应是条件", "holds must be a condition")
    except FormulaError as error:
        door.tell(where, "{e}", "{e}", e=str(error))
    return Check(holds, door.words(f"{where}.says", data.get("says")))
