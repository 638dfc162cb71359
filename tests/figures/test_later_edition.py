"""An edition dropped into a workspace's folder: forms, import by layout, review, figures and tables follow, and old years stay."""

from __future__ import annotations

import io
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.test import Client

from jieneng import engine
from jieneng.core.figure import Figure
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.fieldwork.intake import bring_in
from jieneng.figures.calculate import calculate
from jieneng.figures.compare import year_on_year
from jieneng.figures.prove import prove
from jieneng.records import files
from jieneng.reports.actions import table
from jieneng.returns import actions
from jieneng.returns.freeze import freeze
from jieneng.returns.models import Import, Return, ReturnFinding, Round, SnapshotRecord
from jieneng.returns.queries import book, opened
from tests.figures.make import file_all
from tests.people_by_name import SCHOOL_ONE
from tests.rulebook.later import write_later

pytestmark = pytest.mark.django_db
NAMES = ["energy_tce", "co2_t", "co2_t_2021", "electricity_kwh", "gas_m3", "heat_gj", "energy_per_area", "water_per_person"]
LAYOUT = """layout: later
title: {zh: 二〇二六, en: Of 2026}
book: cn
reads: answers
form: consumption
file: {kind: csv, encoding: utf-8, delimiter: ","}
header: {row: 1}
identifier: {column: 代码, scheme: uscc}
period: {column: 统计期, format: YYYY-MM}
items:
- {column: 电, item: electricity_kwh, unit: kWh}
- {column: 水, item: water_m3, unit: m3}
- {column: 充电量, item: charging_kwh, unit: kWh}
- {column: 气, item: gas_m3, unit: m3}
- {column: 热力, item: heat_metered_gj, unit: GJ}
- {column: 面积, item: area_m2, unit: m2}
- {column: 人数, item: people, unit: person}
- {column: 编制, item: authorised_staff, unit: person}
- {column: 充电桩, item: charging_posts, unit: piece}
- {column: 煤, item: coal_t, unit: t}
- {column: 汽油, item: petrol_l, unit: L}
- {column: 柴油, item: diesel_l, unit: L}
- {column: 其他, item: other_energy_tce, unit: tce}
"""


def csv_of(city: dict[str, Any]) -> bytes:
    """Twelve months of 2026: 100 m³ of gas and 2 GJ a month each; the first school charges more than it draws in March."""
    lines = ["代码,统计期,电,水,充电量,气,热力,面积,人数,编制,充电桩,煤,汽油,柴油,其他"]
    for key in city["institutions"]:
        for month in range(1, 13):
            charging = 1500 if (key, month) == (SCHOOL_ONE, 3) else 50
            lines.append(f"{key},2026-{month:02},1000,10,{charging},100,2,2000,100,200,3,0,0,0,0")
    return "\n".join(lines).encode()


def figures(record: SnapshotRecord, year: int, by: str | None = None) -> list[Figure]:
    return calculate(book(), engine.connect(), opened(record), NAMES, period=Period("year", year), by=by)


def worth(found: list[Figure]) -> list[tuple[Any, ...]]:
    return [(f.name, f.subject, f.exact, f.unit, f.coverage) for f in found]


@pytest.fixture
def later(city: dict[str, Any], home: Path) -> dict[str, Any]:
    """2025 filed and frozen by what is shipped; then the folder, and 2026 by a layout."""
    zhou, office = city["people"]["zhoumin"], city["offices"]["341800"]
    file_all(city, 2025)
    old = freeze(zhou, book(), 2025)
    before = [worth(figures(old, 2025)), worth(figures(old, 2025, "area"))]
    write_later(home / "rulebooks")
    received = files.receive(io.BytesIO(csv_of(city)), "2026.csv", zhou)
    batch = bring_in(zhou, received, LAYOUT, office=office, layout_name="later.yaml", open_rounds=True)
    return {**city, "zhou": zhou, "old": old, "before": before, "batch": batch}


def test_forms_import_and_review_follow(later: dict[str, Any]) -> None:
    batch: Import = later["batch"]
    assert Round.objects.get(year=2026).edition == "2026"
    assert [p["code"] for p in batch.problems] == ["import.not_asked"], "what the edition no longer asks is said once"
    assert "充电桩" in str(batch.problems[0]) and "48" in str(batch.problems[0]) and "K2" in str(batch.problems[0])
    assert Return.objects.filter(round__year=2026, state="filed").count() == 48
    found = ReturnFinding.objects.filter(ret__round__year=2026)
    assert list(found.filter(rule="N01").values_list("ret__institution__key", "ret__period")) == [(SCHOOL_ONE, "2026-03")]
    assert "充电量 1500 kWh，多于电 1000 kWh" in found.get(rule="N01").says["zh"].replace(",", "")
    assert not found.filter(rule="L06").exists(), "a dropped check falls away (200 authorised, 100 users)"


def frozen(later: dict[str, Any]) -> SnapshotRecord:
    for rule in ReturnFinding.objects.filter(ret__round__year=2026, severity="must"):
        raise AssertionError(rule.says)
    actions.act(later["zhou"], "accept", Return.objects.filter(round__year=2026, state="filed"))
    return freeze(later["zhou"], book(), 2026)


def test_figures_follow_and_old_years_do_not_move(later: dict[str, Any]) -> None:
    record = frozen(later)
    found = {f.name: f for f in figures(record, 2026)}
    gas, months = 4 * 100, 6
    tce = (Fraction("0.1229") * 48_000 + gas * months * (Fraction("1.33") + Fraction("1.3")) + Fraction("34.12") * 2 * 48) / 1000
    assert found["energy_tce"].exact == tce
    assert found["gas_m3"].label["zh"] == "天然气消费量（含液化天然气）"
    assert found["heat_gj"].exact is None and "代之以“热力消费量（按热量收费）”" in found["heat_gj"].note
    for f in found.values():
        proof = prove(book(), engine.connect(), opened(record), f)
        assert proof.ok, proof.faults
    # the same year from the same snapshot, and from the new one: to the last digit
    assert [worth(figures(later["old"], 2025)), worth(figures(later["old"], 2025, "area"))] == later["before"]
    assert [worth(figures(record, 2025)), worth(figures(record, 2025, "area"))] == later["before"]
    assert {f.name: f for f in figures(record, 2025)}["gas_m3"].label["zh"] == "天然气消费量"


def test_a_comparison_over_the_break_is_footnoted_or_refused(later: dict[str, Any]) -> None:
    record = frozen(later)
    made = year_on_year(book(), engine.connect(), opened(record), ["energy_tce", "heat_metered_gj", "gas_m3", "energy_per_area"], period=Period("year", 2026))
    by_name = {y.now.name: y for y in made}
    assert by_name["energy_tce"].change.exact is not None and by_name["energy_tce"].change.note.startswith("能源消费总量的口径变了：2025 年计“热力消费量”")
    assert "口径变了" in by_name["energy_tce"].like.note and by_name["energy_tce"].like.exact is not None, "like for like, each year by its own terms"
    assert by_name["heat_metered_gj"].change.exact is None and "2025年版不填报" in by_name["heat_metered_gj"].change.note
    assert "口径" not in by_name["gas_m3"].change.note and "口径变了" in by_name["energy_per_area"].change.note
    for y in made:
        assert prove(book(), engine.connect(), opened(record), y.change).ok


def test_the_summary_table_follows_for_the_year_and_its_halves(later: dict[str, Any]) -> None:
    frozen(later)
    record = SnapshotRecord.objects.get(year=2026)

    def heads(period: str) -> tuple[list[Any], list[Any], str]:
        sheet = openpyxl.load_workbook(io.BytesIO(table(later["zhou"], "region-summary", Period.parse(period), record)), data_only=True).active
        rows = [list(r) for r in sheet.iter_rows(values_only=True)]
        return rows[3], next(r for r in rows if r[0] == "合计"), "\n".join(str(r[0]) for r in rows)

    names, total, text = heads("2026H2")
    assert "热力消费量（按热量收费）" in names and "天然气消费量（含液化天然气）" in names and "热力消费量" not in names
    assert Decimal(str(total[names.index("热力消费量（按热量收费）")])) == 2 * 24 and "2026年版不再填报“热力消费量”" in text
    assert Decimal(str(total[names.index("能源消费总量")])) == pytest.approx(Decimal("2.94960") + Decimal("3.12") + Decimal("1.63776"))
    names, total, text = heads("2025")
    assert "热力消费量" in names and "天然气消费量" in names and "不再填报" not in text


def test_the_pages_say_it(later: dict[str, Any], sign_in: Any) -> None:
    frozen(later)
    client: Client = sign_in("zhoumin")
    page = client.get("/figures/", {"period": "2026"}).content.decode()
    assert "与去年口径不同" in page and "能源消费总量的口径变了" in page
    assert "与去年口径不同" not in client.get("/figures/", {"period": "2025"}).content.decode()
    rules = client.get("/rules/").content.decode()
    assert "替换：热力消费量（heat_gj）" in rules and "新增审核规则 N01" in rules and "2026-07-01 起：1.33 → 1.3" in rules


def test_an_edition_half_written_stops_with_its_name_and_the_old_one_stays_in_force(later: dict[str, Any], home: Path) -> None:
    """M6: a bad file in the folder is told by file and line; taken away again, all is as it was."""
    path = home / "rulebooks" / "later" / "forms" / "consumption-2026.yaml"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[:len(whole) // 2], encoding="utf-8")
    with pytest.raises(Refused, match=r"consumption-2026\.yaml"):
        book()
    path.write_text(whole, encoding="utf-8")
    assert [worth(figures(later["old"], 2025)), worth(figures(later["old"], 2025, "area"))] == later["before"]
    (home / "rulebooks" / ".half" / "forms").mkdir(parents=True)
    (home / "rulebooks" / ".half" / "forms" / "x.yaml").write_text("form: [", encoding="utf-8")
    assert book().hash, "a folder that is still being copied (its name begins with a dot) is not read"
