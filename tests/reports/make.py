"""Hand-made figures and a small specification, for documents without a database."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from lxml import etree

from jieneng.core.figure import Coverage, Figure
from jieneng.core.words import T
from jieneng.reports.compose import Composed, compose
from jieneng.reports.spec import Check, Recipe, Shape, Spec

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
CHANGE = Shape(2, Fraction(100), suffix="%", rise="上升", fall="下降", same="持平")
SHAPES = {"bodies": Shape(), "contracts": Shape(), "trust": Shape(), "solar": Shape(), "money": Shape(2), "power": Shape(4, Fraction(1, 1000)),
          "change": CHANGE, "rank": Shape()}
TEXTS = (
    ("h1", "一、能耗统计"),
    ("p", "完成2021年度{bodies}家公共机构能源资源消费统计上报和会审，单位建筑面积能耗同比{change}，系全省{rank}全面完成的地级市。"),
    ("h1", "二、合同能源管理"),
    ("runin", "（一）合同能源。全年完成合同能源管理项目{contracts}个，其中托管{trust}个、光伏{solar}个，累计引入社会资本{money}万元，装机总容量{power}兆瓦。"),
)
VALUES: dict[str, Any] = {"bodies": 1130, "contracts": 9, "trust": 1, "solar": 8, "money": Fraction("582.73"), "power": Fraction("1682.1"),
                          "change": Fraction("-0.017812"), "rank": "第三个"}


def figure(name: str, value: Any, **more: Any) -> Figure:
    """A figure of a number, of words, or unknown (None)."""
    text = value if isinstance(value, str) else ""
    exact = None if value is None or text else Fraction(value)
    return Figure(name, {"zh": name, "en": name}, "", "2021", {}, exact, "", text=text, source="省局通报（样例）" if text else "", **more)


def specification(**change: Any) -> Spec:
    """Eight figures in one page; keyword arguments take the place of its fields."""
    recipes = {n: Recipe(n, T(f"数{n}", f"figure {n}"), "indicator", s) for n, s in SHAPES.items()}
    given: dict[str, Any] = {
        "code": "test", "year": 2022, "title": ("宣城市", "公共机构", "节能", "2022年", "工作总结", "（样例）"), "blocks": TEXTS, "recipes": recipes,
        "signed": "宣城市机关事务管理局（样例）", "sample": True,
        "checks": (Check("trust + solar <= contracts", T("分项之和多于总数", "the parts exceed the whole")),)}
    return Spec(**{**given, **change})


def composed(values: Mapping[str, Any] | None = None, spec: Spec | None = None, **more: Any) -> Composed:
    """The small document, with some values changed; a value may be a ready figure or a function that makes or refuses one."""
    all_values = {**VALUES, **(values or {})}

    def resolve(recipe: Recipe) -> Figure:
        value = all_values[recipe.id]
        if callable(value):
            value = value()
        return value if isinstance(value, Figure) else figure(recipe.id, value)

    return compose(spec or specification(), resolve, snapshot="2023-01-31-abc", as_of=dt.date(2023, 1, 31), rulebook="f" * 64, chain={"n": 1}, **more)


def covered(name: str, value: Any, some: int, members: int) -> Figure:
    return figure(name, value, coverage=Coverage(some, members))


def body(data: bytes, part: str = "word/document.xml") -> Any:
    """A part of a docx, which must be a sound zip without doubled names."""
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        assert z.testzip() is None and len(z.namelist()) == len(set(z.namelist()))
        return etree.fromstring(z.read(part))


def edited(data: bytes, change: Callable[[str], str], part: str = "word/document.xml") -> bytes:
    """The docx as if somebody had edited the XML of a part; the change must change something."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for n in old.namelist():
            text = old.read(n)
            if n == part:
                after = change(text.decode())
                assert after != text.decode(), "the edit changed nothing"
                text = after.encode()
            new.writestr(n, text)
    return out.getvalue()


def typed_over(old: str, new: str) -> Callable[[str], str]:
    """Somebody types over a printed value: its text changes, the bookmarks around it stay."""
    return lambda xml: re.sub(f"(>[^<]*){re.escape(old)}", lambda m: m.group(1) + new, xml, count=1)
