"""The review's declarations are strict; quotas and local prices come from files of the office."""

from __future__ import annotations

from pathlib import Path

import pytest

from jieneng.core.problem import Refused
from jieneng.rulebook import load
from jieneng.rulebook.reviews import KINDS

HEAD = """review: other
edition: '1'
form: consumption
years_from: 2019
title: {zh: 甲, en: a}
line: '0.005'
show: '0.2'
source: {title: 样例, kind: sample}
"""
RULE = """rules:
- id: X1
  kind: factor
  layer: 2
  severity: must
  says: {zh: "{found}", en: "{found}"}
  do: {zh: 看, en: look}
"""
GOOD = HEAD + "quantities:\n- {item: water_m3}\n" + RULE


@pytest.mark.parametrize("text, code", [
    (GOOD.replace("'0.005'", "'1.5'"), "review.range"), (GOOD + "more: 1\n", "key.unknown"), (GOOD.replace("water_m3", "wasser"), "review.item"),
    (GOOD.replace("{item: water_m3}", "{item: water_m3, cell: nowhere}"), "review.cell"), (GOOD.replace('zh: "{found}"', 'zh: "{found.__class__}"'), "review.words"),
    (GOOD.replace('zh: "{found}"', 'zh: "{secret}"'), "review.words"), (GOOD + RULE.partition("\n")[2], "review.twice"),
    (GOOD.replace("kind: factor", "kind: magic"), "value.choice"), (HEAD + "errors: {share: '0.6'}\nquantities:\n- {item: water_m3}\n" + RULE, "review.errors"),
    (HEAD + "forecast: {nu: '-1'}\nquantities:\n- {item: water_m3}\n" + RULE, "review.range"),
    (HEAD + "forecast: {unseen: '0.9'}\nquantities:\n- {item: water_m3}\n" + RULE, "review.range"), (GOOD.replace("source: {title: 样例, kind: sample}\n", ""), "key.missing")])
def test_each_mistake_is_told_with_file_and_line(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "r.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as told:
        load("cn", (tmp_path,))
    assert code in {p.code for p in told.value.problems} and all(p.where.line for p in told.value.problems)


def test_a_workspace_adds_a_review_and_the_hash_moves(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "r.yaml").write_text(GOOD, encoding="utf-8")
    made = load("cn", (tmp_path,))
    assert set(made.reviews) == {"joint@2022", "other@1"} and made.hash != load("cn").hash


def test_every_kind_has_its_rule_and_the_shipped_ones_say_they_are_samples() -> None:
    review = load("cn").reviews["joint@2022"]
    assert {r.kind for r in review.rules} == set(KINDS) - {"edit"} and review.source is not None and review.source.kind == "sample"


QUOTA = """table: 样例定额
quotas:
- {region: '341800', type: education, indicator: energy_per_area, constraint: '5', guide: '1', since: '2022-01-01', source: {title: 样例定额表, kind: sample}}
"""
PRICE = """table: 样例价格
prices:
- {item: electricity_kwh, region: '341800', type: education, low: '0.5', high: '0.65', since: '2022-01-01', source: {title: 样例价格表, kind: sample}}
"""


@pytest.mark.parametrize("folder, text, code", [
    ("quotas", QUOTA.replace("energy_per_area", "beauty"), "quota.indicator"), ("quotas", QUOTA.replace("'1', since", "'9', since"), "quota.order"),
    ("quotas", QUOTA.replace("type: education", "type: zoo"), "quota.type"), ("prices", PRICE.replace("'0.5'", "'0.9'"), "price.order"),
    ("prices", PRICE.replace("electricity_kwh", "strom"), "price.item"), ("quotas", QUOTA.replace(", source: {title: 样例定额表, kind: sample}", ""), "key.missing")])
def test_tables_of_the_office_are_strict_too(tmp_path: Path, folder: str, text: str, code: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "t.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as told:
        load("cn", (tmp_path,))
    assert code in {p.code for p in told.value.problems}


def test_above_quota_below_guide_and_prices_outside_the_table(tmp_path: Path) -> None:
    from jieneng.review import edits, pricing
    from jieneng.review.wording import Speaker
    from tests.review.make import panel

    for folder, text in (("quotas", QUOTA), ("prices", PRICE)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t.yaml").write_text(text, encoding="utf-8")
    book, p = load("cn", (tmp_path,)), panel()
    for item in ("gas_m3", "coal_t", "petrol_l", "diesel_l", "heat_gj", "other_energy_tce"):
        p.values[item] = p.values["electricity_kwh"] * 0
    p.values["electricity_kwh"][0, 2] *= 3
    p.values["electricity_kwh"][1, 2] *= 0.1
    p.values["electricity_cost_yuan"][2, 2, 4] *= 1.5
    review = book.reviews["joint@2022"]
    found = edits.quotas(book, p, book.quotas, 2022)
    assert {(f.row, f.kind) for f in found} == {(0, "above-quota"), (1, "below-guide")}
    pricing.lay(p, book.prices, {d.code: d.parent for d in book.divisions.values()})
    price = [f for f in edits.local_prices(p, review) if f.row == 2]
    assert [f.months for f in price] == [(5,)] and price[0].found == pytest.approx(0.87, rel=0.1)
    words = [Speaker(book, review, p).say(f) for f in [*found, *price]]
    assert all(w is not None and "样例" in w.why.say("zh") for w in words)
