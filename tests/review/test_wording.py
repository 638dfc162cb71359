"""What a finding says to people: in words of the office, in both languages, nothing that contradicts its own numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest

from jieneng.core.problem import Severity
from jieneng.review.assess import Assessor
from jieneng.review.found import Found
from jieneng.review.wording import Said, Speaker, _times
from jieneng.rulebook import load
from tests.review.make import WEIGHTS, panel, review

P = panel()
SPEAKER = Speaker(load("cn"), review(), P)
MONTHS = [(4, 115.0, 100.0, 80.0, 125.0), (11, 89.0, 104.0, 85.0, 127.0)]


def said(kind: str, **more: object) -> Said:
    given = {"row": 3, "item": "electricity_kwh", "kind": kind, "months": (), "found": 100.0, "expected": 110.0, "low": 90.0, "high": 130.0, "suspicion": 0.1,
             "basis": "last-year", "level": 0, "peers": 30, "before": 108.0, **more}
    made = SPEAKER.say(Found(**given))  # type: ignore[arg-type]
    assert made is not None
    return made


def test_what_lies_where_it_was_expected_is_a_note_that_says_why_it_is_listed() -> None:
    inside = said("share")
    assert inside.rule.id == "H03" and inside.rule.severity is Severity.note
    assert inside.says.zh == "2022年全年电消费量 100 千瓦时，在合理范围（90 至 130 千瓦时）之内，比预计少 9%。"
    assert "没有看出明显问题" in inside.why.zh and "Nothing looks clearly wrong" in inside.why.en and "核实无误" in inside.do.zh
    for doubted in (said("share", suspicion=0.9), said("share", low=101.0), said("share", together=150.0)):
        assert doubted.rule.severity is Severity.explain and "之内" not in doubted.says.zh and "明显问题" not in doubted.why.zh


def test_months_that_go_apart_are_told_each() -> None:
    words = said("share", months=(4, 11), found=204.0, expected=204.0, low=165.0, high=252.0, single=MONTHS, suspicion=0.5)
    assert "合计与预计相近，但4月多 15%、11月少 14%" in words.says.zh and "Apr 15% more, Nov 14% less" in words.says.en
    words = said("share", months=(4, 11), found=204.0, expected=204.0, low=165.0, high=252.0, single=[(4, 115.0, 100.0, 101.0, 110.0), MONTHS[1]])
    assert words.rule.severity is Severity.explain, "one month lies outside its own bounds"


def test_a_bill_entered_twice_names_the_month_it_seems_to_hold() -> None:
    now = P.of("electricity_kwh")[3, -1]
    found = float(now[6] + now[7])
    words = said("twice", months=(8,), found=found, expected=float(now[7]), single=[(8, found, float(now[7]), 0.0, found)])
    assert f"与7月 {now[6]:,.0f} 之和" in words.says.zh and "of Jul together" in words.says.en


def test_two_boxes_exchanged_are_both_told_and_stocks_know_no_whole_year() -> None:
    words = said("swapped", item="area_m2", other="electricity_cost_yuan", found=34080.0, suggested=[(0, "area_m2", 10740.0), (0, "electricity_cost_yuan", 34080.0)])
    assert "2022年建筑面积 34,080 平方米与电消费费用（10,740 元）像是填反了" in words.says.zh and "whole year" not in words.says.en


def test_slips_of_a_stock_are_named_and_people_are_whole() -> None:
    words = said("change", item="people", found=710.0, expected=71.0, low=61.1, high=82.5, suggested=[(0, "people", 71.0)])
    assert "像是多写了一位" in words.says.zh and "71（61 至 82）人" in words.says.zh
    assert "像是按“万元”填的" in said("cost", item="electricity_cost_yuan", name="÷10^4").says.zh


def test_copies_rest_on_the_comparison_and_not_on_a_forecast() -> None:
    words = said("copied", months=tuple(range(1, 13)), single=[])
    assert "逐月与去年同月比较，12 个月" in words.why.zh and "走势" not in words.why.zh and "in all 100 kWh" in words.says.en
    words = said("repeated", months=(9, 10), found=82.0, single=[(9, 41.0, 40.0, 1.0, 99.0), (10, 41.0, 40.0, 1.0, 99.0)])
    assert "每月 41 千瓦时" in words.says.zh and "逐月与上个月比较" in words.why.zh


@pytest.mark.parametrize(("found", "zh", "en"), [(120, "比预计多 20%", "20% more than expected"), (100.2, "与预计相近", "close to expected"), (440, "是预计的 4.4 倍", "4.4 times expected"),
                                                 (19, "只有预计的 19%", "only 19% of expected"), (0.01, "不到预计的 1%", "under 1% of expected"), (0, "", "")])
def test_how_far_apart(found: float, zh: str, en: str) -> None:
    assert _times(found, 100, ("预计", "expected")) == (zh, en)


def test_every_finding_of_a_panel_reads_as_sentences() -> None:
    p = panel(noise=0.1)
    p.values["electricity_kwh"][4, 2, 5] /= 10000
    p.values["electricity_kwh"][9, 2] *= 1.8
    p.values["electricity_kwh"][11, 2, 3] = p.values["electricity_kwh"][11, 1, 3]
    p.values["people"][7, 2, 8:] = 0
    p.values["area_m2"][12, 2] *= 10
    p.values["electricity_kwh"][20, 2, 7] = np.nan
    speaker = Speaker(load("cn"), review(), p)
    every = [s for s in map(speaker.say, Assessor(p, review(), WEIGHTS).run().found) if s is not None]
    assert len(every) >= 5
    for s in every:
        for text in (s.says, s.why, s.do):
            assert text.zh.endswith(("。", "？")) and text.en.endswith((".", "?")) and text.en[0].isupper(), text
            assert not re.search(r"nan|inf\b|\{|\}|  |（）|\(\)|[\u4e00-\u9fff] [\u4e00-\u9fff]|0%[^.\d]*0%|\b0\.0+\b", text.zh), text.zh
            assert not re.search(r"nan|inf\b|\{|\}|  |\(\)|[\u4e00-\u9fff]", text.en), text.en
