"""A document's declaration is read strictly; numbers are printed as documents print them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from jieneng.core.problem import Refused
from jieneng.reports.spec import Shape, Spec, read_spec
from jieneng.rulebook import load

from .make import figure


def changed(change: Callable[[dict[str, Any]], Any], year: int = 2022) -> Spec:
    """The shipped declaration with one change."""
    cn = load("cn")
    raw = copy.deepcopy(dict(cn.documents["annual-summary"]))
    change(raw)
    return read_spec(dataclasses.replace(cn, documents={"annual-summary": raw}), "annual-summary", year)


def told(change: Callable[[dict[str, Any]], Any]) -> str:
    with pytest.raises(Refused) as refusal:
        changed(change)
    assert all(p.where.file == "cn/documents/annual-summary.yaml" and p.where.field for p in refusal.value.problems)
    return str(refusal.value)


def test_the_shipped_summary_is_read_for_any_year() -> None:
    for year in (2022, 2023):
        spec = changed(lambda raw: None, year)
        assert spec.sample and len(spec.recipes) >= 17 and f"{year}年" in spec.title
        assert spec.recipes["energy"].year == year - 1, "a summary reports the statistics of the year before"
        assert spec.recipes["contracts"].where["tendered_on"] == {"from": f"{year}-01-01", "to": f"{year}-12-31"}
        assert spec.recipes["bins"].where == {"year": year} and spec.recipes["rank"].where == {"code": "creation_rank", "year": year}
        assert f"完成{year - 1}年度" in spec.blocks[1][1]


@pytest.mark.parametrize(("change", "words"), [
    (lambda r: r["figures"]["energy"].update(name="nothing"), ["figures.energy", "没有指标“nothing”"]),
    (lambda r: r["figures"]["energy"].update(colour="red"), ["figures.energy", "不认识的键“colour”"]),
    (lambda r: r["figures"]["energy"].update({"from": "air"}), ["figures.energy", "from 应是"]),
    (lambda r: r["figures"]["energy"].pop("label"), ["缺“label”", "中英文"]),
    (lambda r: r["figures"]["energy"].update(take="like"), ["不认识的键“take”"]),
    (lambda r: r["figures"]["energy"].update(of="tomorrow"), ["of 应是"]),
    (lambda r: r["figures"]["energy"].update(where={"area": "999999"}), ["figures.energy.where.area", "没有“999999”"]),
    (lambda r: r["figures"]["energy"].update(where={"name": "x"}), ["不认识的键“name”"]),
    (lambda r: r["figures"]["energy"]["format"].update(places="-1"), ["places 是"]),
    (lambda r: r["figures"]["energy"]["format"].update(scale="1/0"), ["scale 是"]),
    (lambda r: r["figures"]["energy"]["format"].update(scale="9" * 40), ["scale 是"]),
    (lambda r: r["figures"]["per_area_change"]["format"].pop("same"), ["rise、fall、same"]),
    (lambda r: r["figures"]["per_area_like"].update(take="sum"), ["take 只能是 like"]),
    (lambda r: r["figures"]["bins"].update(column="weight"), ["没有“weight”这一栏"]),
    (lambda r: r["figures"]["bins"].update(column="unit"), ["不能求和"]),
    (lambda r: r["figures"]["bins"].update(take="count"), ["count 不写 column"]),
    (lambda r: r["figures"]["bins"].update(ledger="nothing"), ["没有台账“nothing”"]),
    (lambda r: r["figures"]["bins"].update(where={"year": "22"}), ["四位年份"]),
    (lambda r: r["figures"]["bins"].update(where={"issued_on": "2022/1/1"}), ["应是日期"]),
    (lambda r: r["figures"]["bins"].update(where={"kind": "round"}), ["没有“round”这一项", "two_way"]),
    (lambda r: r["figures"]["bins"].update(where={"count": "8"}), ["不能按数筛选"]),
    (lambda r: r["figures"]["bins"].update(where={"unit": {"from": "a"}}), ["起止"]),
    (lambda r: r["figures"].update({"数": r["figures"]["bins"]}), ["代号用字母"]),
    (lambda r: r["figures"].update(unused=r["figures"]["bins"]), ["figures.unused", "没有用到"]),
    (lambda r: r.update(figures=["x"]), ["figures", "应是键和值"]),
    (lambda r: r["figures"].update(bins="128"), ["figures.bins"]),
    (lambda r: r["paragraphs"].append({"p": "{nowhere}"}), ["没有说明“nowhere”"]),
    (lambda r: r["paragraphs"].append({"h9": "x"}), ["每段写一个"]),
    (lambda r: r["paragraphs"].append({"p": "｛bins｝"}), ["大括号"]),
    (lambda r: r["paragraphs"].append({"p": "{ bins }"}), ["大括号"]),
    (lambda r: r["paragraphs"].append({"p": " "}), ["空段"]),
    (lambda r: r["paragraphs"].append({"p": "a\ue000b"}), ["U+E000"]),
    (lambda r: r["paragraphs"].append({"runin": "没有句号"}), ["runin"]),
    (lambda r: r.update(paragraphs={"p": "x"}), ["应是列表"]),
    (lambda r: r.update(title=[]), ["标题是空的"]),
    (lambda r: r.pop("title"), ["缺“title”"]),
    (lambda r: r.update(head={"issuer": "局", "seal": "x"}), ["head", "不认识的键“seal”"]),
    (lambda r: r.update(document="other"), ["与文件名不同"]),
    (lambda r: r.update(options={"bold_level_2": "maybe"}), ["true 或 false"]),
    (lambda r: r["checks"].append({"holds": "bins +", "says": {"zh": "x", "en": "x"}}), ["checks[2]", "第"]),
    (lambda r: r["checks"].append({"holds": "bins < moon", "says": {"zh": "x", "en": "x"}}), ["没有“moon”"]),
    (lambda r: r["checks"].append({"holds": "bins + 1", "says": {"zh": "x", "en": "x"}}), ["应是条件"]),
    (lambda r: r["checks"].append({"holds": "bins > 1"}), ["缺“says”"]),
])
def test_each_mistake_is_told_by_its_field(change: Callable[[dict[str, Any]], Any], words: list[str]) -> None:
    text = told(change)
    assert all(w in text for w in words), text


def test_all_mistakes_are_told_at_once() -> None:
    def spoil(raw: dict[str, Any]) -> None:
        raw["figures"]["energy"].update(name="nothing", colour="red")
        raw["paragraphs"] += [{"p": "{nowhere}"}, {"h9": "x"}]

    with pytest.raises(Refused) as refusal:
        changed(spoil)
    assert len(refusal.value.problems) == 4


def test_an_unknown_document_names_those_there_are() -> None:
    with pytest.raises(Refused, match="annual-summary"):
        read_spec(load("cn"), "letter", 2022)


@pytest.mark.parametrize("year", [0, 1, 99999])
def test_a_year_that_is_none_is_refused(year: int) -> None:
    with pytest.raises(Refused, match="年份"):
        read_spec(load("cn"), "annual-summary", year)


PERCENT = Shape(2, Fraction(100), suffix="%", rise="上升", fall="下降", same="持平")


@pytest.mark.parametrize(("shape", "value", "text"), [
    (Shape(2, Fraction(1, 10000)), "60396.18", "6.04"),
    (Shape(), "1130", "1130"),
    (Shape(4, Fraction(1, 1000)), "1682.1", "1.6821"),
    (Shape(4, Fraction(1, 1000)), "1700", "1.7000"),
    (Shape(4, trim=True), "1.5", "1.5"),
    (Shape(2, trim=True), "100", "100"),
    (Shape(), "0.5", "0"),
    (Shape(), "1.5", "2"),  # half to even
    (Shape(1), "-0.04", "0.0"),
    (Shape(1), "-2.25", "-2.2"),
    (Shape(2, suffix="%"), "97.8303", "97.83%"),
    (Shape(2), "1234567.891", "1234567.89"),
    (PERCENT, "-0.01784", "下降1.78%"),
    (PERCENT, "0.01784", "上升1.78%"),
    (PERCENT, "0.000049", "持平"),
    (PERCENT, "-0.000049", "持平"),
    (Shape(2), "1/3", "0.33"),
])
def test_numbers_are_printed_as_documents_print_them(shape: Shape, value: str, text: str) -> None:
    assert shape.show(figure("x", Fraction(value))) == text
