"""What a document says and where its numbers come from: read from the rulebook, checked strictly.

    paragraphs   one mapping each: h1, h2, runin or p with the text; {name} stands for a figure
    figures      name → {label, from, …, format}
      from: indicator | members | change | ledger | external
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from jieneng.core.amount import decimal_of
from jieneng.core.figure import Figure
from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T
from jieneng.rulebook.types import Book

LEVELS = ("h1", "h2", "runin", "p")
KINDS = ("indicator", "members", "change", "ledger", "external")
TAKES = ("count", "sum", "distinct", "list", "value")
_SLOT = re.compile(r"\{([A-Za-z0-9_]+)\}")
YEARS = {"year": 0, "statistics": -1}


@dataclass(frozen=True)
class Shape:
    """How a figure is printed: scale first, then fixed places (or as few as needed up to ``places``), then the sign's word."""

    places: int = 0
    scale: Fraction = Fraction(1)
    trim: bool = False
    rise: str = ""
    fall: str = ""

    def show(self, figure: Figure) -> str:
        """The printed text: no thousands separators (official documents), half-even."""
        if figure.text:
            return figure.text
        assert figure.exact is not None
        value = figure.exact * self.scale
        word = ""
        if self.rise or self.fall:
            word, value = (self.rise if value >= 0 else self.fall), abs(value)
        text = f"{decimal_of(value, self.places):.{self.places}f}"
        if self.trim and "." in text:
            text = text.rstrip("0").rstrip(".")
        return word + text


@dataclass(frozen=True)
class Recipe:
    """Where one printed number comes from."""

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


@dataclass(frozen=True)
class Spec:
    """A document's specification for one year."""

    code: str
    year: int
    title: tuple[str, ...]
    blocks: tuple[tuple[str, str], ...]
    recipes: Mapping[str, Recipe]
    signed: str
    sample: bool


class _Door:
    def __init__(self, file: str) -> None:
        self.file, self.problems = file, []  # type: ignore[var-annotated]

    def tell(self, where: str, zh: str, en: str, **args: Any) -> None:
        self.problems.append(Problem("document.spec", T(zh, en, **args), where=Place(file=self.file, field=where)))


def _keys(door: _Door, where: str, data: Any, allowed: set[str], required: set[str]) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        door.tell(where, "应是键和值", "expected keys and values")
        return {}
    for key in sorted(set(data) - allowed):
        door.tell(where, "不认识的键“{k}”", "unknown key “{k}”", k=key)
    for key in sorted(required - set(data)):
        door.tell(where, "缺“{k}”", "“{k}” is missing", k=key)
    return data


def read_spec(book: Book, code: str, year: int) -> Spec:
    """The specification of a document for a year. Raises ``Refused`` with everything that is wrong in it."""
    raw = book.documents.get(code)
    if raw is None:
        raise Refused(Problem("document.none", T("没有公文“{c}”", "there is no document “{c}”", c=code),
                              T("{l}", "{l}", l="、".join(book.documents) or "—")))
    door = _Door(f"{book.code}/documents/{code}.yaml")
    data = _keys(door, code, raw, {"document", "title", "label", "paragraphs", "figures", "signed", "sample", "notes"},
                 {"document", "title", "label", "paragraphs", "figures"})
    years = {"year": str(year), "statistics_year": str(year - 1)}

    def filled(text: str) -> str:
        return re.sub(r"\{(year|statistics_year)\}", lambda m: years[m.group(1)], text)

    recipes = {name: _recipe(door, book, name, entry, year) for name, entry in dict(data.get("figures") or {}).items()}
    blocks = []
    for n, entry in enumerate(data.get("paragraphs") or []):
        if not isinstance(entry, Mapping) or len(entry) != 1 or next(iter(entry)) not in LEVELS:
            door.tell(f"paragraphs[{n}]", "每段写一个 h1、h2、runin 或 p", "each paragraph is one of h1, h2, runin, p")
            continue
        level, text = next(iter(entry.items()))
        text = filled(str(text))
        for slot in _SLOT.findall(text):
            if slot not in recipes:
                door.tell(f"paragraphs[{n}]", "没有说明“{s}”从哪里来", "nothing says where “{s}” comes from", s=slot)
        blocks.append((level, text))
    used = {s for _, text in blocks for s in _SLOT.findall(text)}
    for name in sorted(set(recipes) - used):
        door.tell(f"figures.{name}", "正文里没有用到", "not used in the text")
    if door.problems:
        raise Refused(*door.problems)
    title = tuple(filled(str(t)) for t in data["title"])
    return Spec(code, year, title, tuple(blocks), recipes, str(data.get("signed", "")), str(data.get("sample", "false")) == "true")


def _recipe(door: _Door, book: Book, name: str, entry: Any, year: int) -> Recipe:
    where = f"figures.{name}"
    data = _keys(door, where, entry, {"label", "from", "name", "of", "where", "ledger", "take", "column", "format"}, {"label", "from", "format"})
    kind = str(data.get("from", ""))
    if kind not in KINDS:
        door.tell(where, "from 应是 {k}", "from must be one of {k}", k="、".join(KINDS))
    label = data.get("label") or {}
    if not isinstance(label, Mapping) or not label.get("zh") or not label.get("en"):
        door.tell(where, "label 要有中英文", "label needs zh and en")
        label = {"zh": name, "en": name}
    target = str(data.get("name", ""))
    if kind in ("indicator", "change") and target not in {*book.indicators, *book.composites, *book.items}:
        door.tell(where, "没有指标“{n}”", "there is no figure “{n}”", n=target)
    ledger, take, column = str(data.get("ledger", "external_facts" if kind == "external" else "")), str(data.get("take", "value")), str(data.get("column", ""))
    if kind in ("ledger", "external"):
        if ledger not in book.ledgers:
            door.tell(where, "没有台账“{l}”", "there is no ledger “{l}”", l=ledger)
        else:
            fields = {f.code for f in book.ledgers[ledger].fields}
            for used in [*([column] if column else []), *dict(data.get("where") or {})]:
                if used not in fields:
                    door.tell(where, "台账没有“{f}”这一栏", "the ledger has no field “{f}”", f=used)
        if take not in TAKES or (take != "count" and not column):
            door.tell(where, "take 应是 {t}，除 count 外要写 column", "take must be one of {t}; all but count need a column", t="、".join(TAKES))
    of = str(data.get("of", "statistics"))
    if of not in YEARS:
        door.tell(where, "of 应是 {y}", "of must be one of {y}", y="、".join(YEARS))
    filters = {k: _filter(v, year) for k, v in dict(data.get("where") or {}).items()}
    return Recipe(name, T(str(label["zh"]), str(label["en"])), kind, _shape(door, where, data.get("format") or {}), target,
                  year + YEARS.get(of, 0), filters, ledger, take, column)


def _filter(value: Any, year: int) -> Any:
    """A filter's value: {year} is the document's year; a list is any of; a mapping is from–to. Years are numbers."""
    if isinstance(value, list):
        return tuple(_filter(v, year) for v in value)
    if isinstance(value, Mapping):
        return {k: _filter(v, year) for k, v in value.items()}
    text = str(value).replace("{year}", str(year))
    return int(text) if re.fullmatch(r"\d{4}", text) else text


def _shape(door: _Door, where: str, data: Any) -> Shape:
    data = _keys(door, where + ".format", data, {"places", "scale", "trim", "rise", "fall"}, set())
    try:
        return Shape(int(data.get("places", 0)), Fraction(str(data.get("scale", "1"))), str(data.get("trim", "false")) == "true",
                     str(data.get("rise", "")), str(data.get("fall", "")))
    except (ValueError, ZeroDivisionError):
        door.tell(where + ".format", "places 是整数，scale 是有理数", "places is a whole number, scale a rational")
        return Shape()
