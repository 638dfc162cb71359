"""Composing: every number bound and proved on paper, all that is missing named at once, nothing invented."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import replace
from fractions import Fraction

import pytest

from jieneng.core.figure import Figure
from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T
from jieneng.reports import readback
from jieneng.reports.compose import checksum

from .make import composed, covered, figure, specification


def fields(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {p.where.field for p in refused.value.problems}


def test_the_numbers_of_the_year_stand_in_the_text() -> None:
    made = composed()
    text = "".join(readback.contents(made.docx).paragraphs)
    assert "完成2021年度1130家公共机构能源资源消费统计上报和会审，单位建筑面积能耗同比下降1.78%，系全省第三个全面完成的地级市。" in text
    assert "项目9个，其中托管1个、光伏8个，累计引入社会资本582.73万元，装机总容量1.6821兆瓦。" in text
    assert "（数据截至2023年1月31日。）" in text and text.endswith("宣城市机关事务管理局（样例）2023年1月31日")


def test_every_missing_figure_is_named_at_once_and_nothing_is_made() -> None:
    def no_factor() -> Figure:
        raise refuse("factor.none", T("系数没有值", "the factor has no value"))

    with pytest.raises(Refused) as told:
        composed({"money": None, "power": figure("power", None, note="台账里没有记录"), "change": no_factor, "rank": figure("rank", None)})
    assert fields(told) == {"money", "power", "change", "rank"}
    assert "台账里没有记录" in str(told.value) and "系数没有值" in str(told.value)


def test_zero_is_a_number_and_is_printed() -> None:
    entries = {e["id"]: e["printed"] for e in composed({"solar": 0, "money": 0, "contracts": 1}).proof["figures"]}
    assert entries["solar"] == "0" and entries["money"] == "0.00"


@pytest.mark.parametrize("bad", ["第三\x0b个", "第三个\n", "第\ue000三个", "第\u202e三个", "第\ud800个"])
def test_an_entered_text_that_cannot_be_printed_is_refused_by_name(bad: str) -> None:
    with pytest.raises(Refused) as told:
        composed({"rank": bad})
    assert fields(told) == {"rank"} and "U+" in str(told.value)


@pytest.mark.parametrize("odd", ["第三个<w:p/>&amp;", "𠮷䶮", "{contracts}", "=1+1", "]]>", "“三”"])
def test_an_entered_text_is_kept_exactly(odd: str) -> None:
    made = composed({"rank": odd})
    assert next(e for e in made.proof["figures"] if e["id"] == "rank")["printed"] == odd
    assert next(f.text for f in readback.read_back(made.docx) if f.name == "_jn_rank") == "省" + odd + "全"


def test_wrong_arithmetic_is_never_printed() -> None:
    with pytest.raises(Refused, match="分项之和多于总数"):
        composed({"solar": 9})
    assert composed({"solar": 7}).docx, "其中 need not be all"


def test_who_is_not_covered_is_said() -> None:
    made = composed({"change": covered("change", Fraction("-0.0178"), 1125, 1130), "bodies": covered("bodies", 1130, 1130, 1130)})
    assert "（数据截至2023年1月31日。数change按1125家计算，统计范围1130家。）" in readback.contents(made.docx).paragraphs


def test_the_proof_holds_what_was_printed_and_why() -> None:
    made = composed()
    entry = next(e for e in made.proof["figures"] if e["id"] == "money")
    assert (entry["printed"], entry["bookmark"], entry["before"][-4:], entry["after"]) == ("582.73", "_jn_money", "社会资本", "万元，装机总容量1.")
    assert Figure.from_json(entry["figure"]).exact == Fraction("582.73")
    assert made.proof["docx"] == hashlib.sha256(made.docx).hexdigest()
    assert (made.proof["as_of"], made.proof["snapshot"], made.proof["rulebook"]) == ("2023-01-31", "2023-01-31-abc", "f" * 64)
    assert readback.proof_mark(made.docx) == made.proof["checksum"] == checksum(json.loads(json.dumps(made.proof)))


def test_the_checksum_moves_with_everything_in_the_proof() -> None:
    marks = {composed().proof["checksum"], composed({"money": 1}).proof["checksum"],
             composed(spec=replace(specification(), title=("别的",))).proof["checksum"]}
    assert len(marks) == 3 and composed().docx == composed().docx


def test_a_figure_printed_twice_has_two_bookmarks() -> None:
    spec = replace(specification(), blocks=(*specification().blocks, ("p", "共{contracts}个。")))
    made = composed(spec=spec)
    assert [e["bookmark"] for e in made.proof["figures"] if e["id"] == "contracts"] == ["_jn_contracts", "_jn_contracts__2"]
    assert {r["state"] for r in readback.compare(made.docx, made.proof)} == {"same"}


def test_the_day_of_signing_is_not_the_day_of_the_numbers() -> None:
    made = composed(dated=dt.date(2023, 2, 2))
    text = readback.contents(made.docx).paragraphs
    assert text[-1] == "2023年2月2日" and "（数据截至2023年1月31日。）" in text
