"""Editions side by side: what changed is told in words, a total follows what is asked, and where a series breaks it is said."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from jieneng.core.problem import Refused
from jieneng.core.words import T, speaking
from jieneng.rulebook import at_year, breaks, changes, commands, form_for, load
from tests.rulebook.later import write_later

CN = load("cn")


def told(*names: str, book: object = CN) -> dict[str, list[str]]:
    """What changed between two editions: kind → codes."""
    found: dict[str, list[str]] = {}
    for c in changes(book, *names):  # type: ignore[arg-type]
        found.setdefault(c.kind, []).append(c.code)
    return found


def test_edition_2025_is_what_the_notice_says() -> None:
    """statistics.md 2: four things dropped, heat billed by heat put in the place of heat; everything else goes on."""
    assert told("consumption@2022", "consumption@2025")["dropped"] == ["land_area_m2", "charging_posts", "solar_thermal_m2", "pv_capacity_kw", "geothermal_kw"]
    assert told("data_centre@2022", "data_centre@2025") == {"dropped": ["dc_ups_kva"]}
    heat = told("heating@2022", "heating@2025")
    assert heat["replaced"] == ["heating_heat_gj"] and "added" not in heat and "dropped" not in heat
    form = form_for(CN, "heating", 2025)
    item = next(i for i in form.items if i.item == "heating_heat_metered_gj")
    assert (item.number, item.replaces) == ("360", "heating_heat_gj")
    assert [i.number for i in form.items] == [i.number for i in form_for(CN, "heating", 2024).items], "it stands in the same place"
    assert all(f.source and f.source.kind == "law" for f in CN.forms.values() if f.edition == "2025")
    assert any("2025" in g.topic.zh for g in CN.gaps), "what the notice leaves open is said"


def test_the_words_of_a_difference_in_both_languages() -> None:
    lines = commands.diff(CN, "heating@2022", "heating@2025")
    assert "不能与以前相比" in lines[0] and "采暖热力消费量（按热量收费）" in lines[0]
    with speaking("en"):
        assert "replaced: heating heat (heating_heat_gj)" in commands.diff(CN, "heating@2022", "heating@2025")[0]
    assert commands.diff(CN, "heating@2019", "heating@2022") == ["没有变化"]
    grid = [c for c in changes(CN, "consumption@2019", "consumption@2022") if c.kind == "factor"]
    assert [c.code for c in grid] == ["co2.grid", "co2.grid"] and "2022-01-01 起：0.7075 → 0.6782" in str(grid[0].says)


def test_every_kind_of_change_is_told(tmp_path: Path) -> None:
    book = load("cn", (write_later(tmp_path),))
    found = told("consumption@2025", "consumption@2026", book=book)
    assert found["added"] == ["charging_kwh"] and found["replaced"] == ["heat_gj"] and found["renamed"] == ["gas_m3"]
    assert found["check"] == ["L05", "L06", "N01"] and found["factor"] == ["tce.gas"] and found["item"] == ["other_energy_tce"]
    words = "\n".join(commands.diff(book, "consumption@2025", "consumption@2026"))
    for line in ("新增：充电量（charging_kwh）", "改名：天然气消费量 → 天然气消费量（含液化天然气）（同一个量，序列不断）", "取消审核规则 L06",
                 "审核规则 L05 变了：级别 需核实 → 错误", "新增审核规则 N01：charging_kwh <= electricity_kwh（需核实）",
                 "系数 天然气 2026-07-01 起：1.33 → 1.3 kgce/m3（本系统约定）", "其他能源消费量：改为可不填"):
        assert line in words


def test_two_forms_are_not_compared() -> None:
    with pytest.raises(Refused, match="不是同一张报表"):
        changes(CN, "heating@2022", "consumption@2022")
    with pytest.raises(Refused, match="没有 consumption@1999"):
        changes(CN, "consumption@1999", "consumption@2022")


def test_a_later_edition_ends_the_one_before_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    book = load("cn", (write_later(tmp_path),))
    assert form_for(book, "consumption", 2026).edition == "2026" and form_for(book, "consumption", 2025).edition == "2025"
    assert form_for(book, "consumption", 2025) == dataclasses.replace(form_for(CN, "consumption", 2025), years_to=2025)
    assert form_for(book, "consumption", 2022) == form_for(CN, "consumption", 2022)
    assert book.hash != CN.hash
    # inherited by the edition after, a replaced item is no break any more
    third = (tmp_path / "third" / "forms")
    third.mkdir(parents=True)
    (third / "consumption-2028.yaml").write_text("form: consumption\nedition: '2028'\ntitle: {zh: 状况, en: Consumption}\nissuer: 局\ndocument: 文\nyears_from: '2028'\n"
                                                 "rhythm: [month]\nsource: ours\nextends: previous\n", encoding="utf-8")
    book = load("cn", (tmp_path / "later", tmp_path / "third"))
    assert not any(i.replaces for i in form_for(book, "consumption", 2028).items)
    assert breaks(book, "consumption", "energy_tce", 2027, 2028) == []


def test_a_year_reads_the_names_and_the_terms_of_its_edition(tmp_path: Path) -> None:
    book = load("cn", (write_later(tmp_path),))
    old, new = at_year(book, 2025), at_year(book, 2026)
    assert [t.item for t in old.composites["energy_tce"].terms] == [t.item for t in CN.composites["energy_tce"].terms]
    assert "heat_metered_gj" in [t.item for t in new.composites["energy_tce"].terms] and "heat_gj" not in [t.item for t in new.composites["energy_tce"].terms]
    assert (old.items["gas_m3"].label.zh, new.items["gas_m3"].label.zh) == ("天然气消费量", "天然气消费量（含液化天然气）")
    assert old.hash == new.hash == book.hash and at_year(CN, 2026) is CN


def test_where_a_series_breaks(tmp_path: Path) -> None:
    book = load("cn", (write_later(tmp_path),))
    assert [str(t) for t in breaks(book, "consumption", "energy_tce", 2025, 2026)] == ["能源消费总量的口径变了：2025 年计“热力消费量”，2026 年计“热力消费量（按热量收费）”"]
    assert breaks(book, "consumption", "energy_per_area", 2025, 2026) == breaks(book, "consumption", "energy_tce", 2025, 2026), "an indicator breaks with what it reads"
    assert [t.say("en") for t in breaks(book, "consumption", "heat_gj", 2025, 2026)] == [
        "edition 2026 no longer asks “heat consumption”; “heat (billed by heat)” took its place (another quantity)"]
    assert [str(t) for t in breaks(book, "consumption", "heat_metered_gj", 2025, 2026)] == ["2025年版不填报“热力消费量（按热量收费）”"]
    assert breaks(book, "consumption", "gas_m3", 2025, 2026) == [], "a renamed item goes on"
    assert breaks(book, "consumption", "energy_tce", 2022, 2025) == []
    assert isinstance(breaks(book, "consumption", "charging_posts", 2024, 2025)[0], T)


def test_an_edition_that_would_make_a_total_unknown_is_refused(tmp_path: Path) -> None:
    folder = write_later(tmp_path)
    (folder / "composites.yaml").unlink()
    with pytest.raises(Refused) as refused:
        load("cn", (folder,))
    assert {p.code for p in refused.value.problems} == {"composite.dropped"}
    assert "energy_tce" in str(refused.value.problems[0].found) and "years_to: 2025" in str(refused.value.problems[0].do)
    assert refused.value.problems[0].where.file == "later/forms/consumption-2026.yaml"


def test_a_value_once_in_force_is_never_rewritten(tmp_path: Path) -> None:
    folder = write_later(tmp_path)
    path = folder / "factors" / "gas.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("extends: previous", "label: {zh: 天然气, en: gas}\n  unit: kgce/m3"), encoding="utf-8")
    with pytest.raises(Refused, match="2000-01-01 起的值原来是"):
        load("cn", (folder,))
