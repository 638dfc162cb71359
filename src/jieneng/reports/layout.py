"""How a summary table is declared in a rulebook, read strictly. Needs no Django: ``rulebook check`` calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jieneng.core.problem import Problem, Refused
from jieneng.core.words import T
from jieneng.rulebook.editions import not_asked, successor
from jieneng.rulebook.types import Book

GROUPS = ("area", "department", "type", "territory")
MAX_PLACES = 4


@dataclass(frozen=True)
class Ratio:
    """A column that is another by a third, as an indicator is: never summed."""

    of: str
    by: str
    times: int


@dataclass(frozen=True)
class Column:
    """A column of a table: a figure's name, how many decimals, and of what it is a ratio."""

    name: str
    places: int
    ratio: Ratio | None


@dataclass(frozen=True)
class Layout:
    """A table as declared."""

    title: str
    by: str
    columns: tuple[Column, ...]
    landscape: bool
    identification: Mapping[str, str]
    notes: tuple[str, ...]
    total_first: bool = False

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]


def layout_in(book: Book, code: str, year: int) -> Layout:
    """A table for a data year: a column whose item that year's edition replaced shows what took its place, and a note says so.
    Raises ``Refused`` as ``layout_of`` does."""
    layout, form, columns, notes = layout_of(book, code), str(book.settings["main_form"]), [], []
    for column in layout.columns:
        now = successor(book, form, column.name, year)
        columns.append(replace(column, name=now))
        if now != column.name and (why := not_asked(book, form, column.name, year)) is not None:
            notes.append(why.say("zh") + "。")
    return replace(layout, columns=tuple(columns), notes=(*layout.notes, *notes))


def layout_of(book: Book, code: str) -> Layout:
    """The declaration of a table, checked. Raises ``Refused`` with everything that is wrong."""
    raw = book.tables.get(code)
    if raw is None:
        raise Refused(Problem("table.none", T("没有汇总表“{c}”", "there is no table “{c}”", c=code), T("{l}", "{l}", l="、".join(book.tables) or "—")))
    problems: list[Problem] = []

    def tell(where: str, zh: str, en: str, **args: Any) -> None:
        problems.append(Problem("table.spec", T(zh, en, **args), where=book.place("tables", code, where)))

    known, needed = {"table", "title", "by", "columns", "sample", "identification", "notes", "paper", "total"}, {"table", "title", "by", "columns", "sample"}
    for key in sorted(set(raw) - known):
        tell(key, "不认识的键“{k}”", "unknown key “{k}”", k=key)
    for key in sorted(needed - set(raw)):
        tell(key, "缺“{k}”", "“{k}” is missing", k=key)
    if str(raw.get("by")) not in GROUPS:
        tell("by", "by 应是 {g}", "by must be one of {g}", g="、".join(GROUPS))
    if str(raw.get("sample")) != "true":
        tell("sample", "版式没有公开，sample 只能是 true", "the layout is not public; sample must be true")
    if str(raw.get("paper", "landscape")) not in ("landscape", "portrait"):
        tell("paper", "paper 应是 landscape 或 portrait", "paper must be landscape or portrait")
    if str(raw.get("total", "last")) not in ("first", "last"):
        tell("total", "total 应是 first 或 last", "total must be first or last")
    columns = tuple(_column(tell, book, n, c) for n, c in enumerate(raw.get("columns") or []))
    if len({c.name for c in columns}) != len(columns) or not columns:
        tell("columns", "没有栏目，或有重复的栏目", "no columns, or a column twice")
    title, identification, notes = raw.get("title"), raw.get("identification") or {}, raw.get("notes") or []
    if not isinstance(title, Mapping) or not title.get("zh"):
        tell("title", "缺中文标题", "the Chinese title is missing")
    if not isinstance(identification, Mapping):
        tell("identification", "应是键和值", "expected keys and values")
    if not isinstance(notes, list) or not all(isinstance(n, Mapping) and n.get("zh") for n in notes):
        tell("notes", "每条说明要有中文", "each note needs its Chinese")
    if problems:
        raise Refused(*problems)
    return Layout(str(raw["title"]["zh"]), str(raw["by"]), columns, str(raw.get("paper", "landscape")) == "landscape",
                  {str(k): str(v) for k, v in identification.items()}, tuple(str(n["zh"]) for n in notes),
                  str(raw.get("total", "last")) == "first")


def _column(tell: Any, book: Book, n: int, data: Any) -> Column:
    where = f"columns[{n}]"
    if not isinstance(data, Mapping) or set(data) - {"name", "places", "ratio"} or "name" not in data:
        tell(where, "栏目写 name、places，可写 ratio", "a column has name, places and may have ratio")
        return Column("", 0, None)
    name, places, ratio = str(data["name"]), str(data.get("places", "0")), data.get("ratio")
    if name not in {*book.items, *book.composites, *book.indicators}:
        tell(where, "没有“{n}”", "there is no “{n}”", n=name)
    if not places.isdigit() or int(places) > MAX_PLACES:
        tell(where, "places 是 0 到 {m}", "places is 0 to {m}", m=MAX_PLACES)
        places = "0"
    if name in book.indicators and ratio is None:
        tell(where, "指标不能相加，要写 ratio", "an indicator cannot be added; write its ratio")
    if ratio is None:
        return Column(name, int(places), None)
    if not isinstance(ratio, Mapping) or set(ratio) - {"of", "by", "times"} or not {"of", "by"} <= set(ratio) or not str(ratio.get("times", "1")).isdigit():
        tell(where, "ratio 写 of、by，可写 times（整数）", "ratio has of, by and may have times (a whole number)")
        return Column(name, int(places), None)
    return Column(name, int(places), Ratio(str(ratio["of"]), str(ratio["by"]), int(ratio.get("times", 1))))
