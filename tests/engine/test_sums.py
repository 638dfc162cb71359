"""One test, all engines: DuckDB against plain Python, on gaps, zeros, missing months, moves and mixed editions."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieneng.core.period import Period
from jieneng.engine import Ask, connect
from tests.engine.cluster import ENGINES
from tests.engine.make import ITEMS, row, snapshot

YEAR = Period.parse("2022")
HERE = ["duckdb:", "plain:"]
"""The engines that start at once: for many small made-up cities. Spark answers for one large one (``test_spark``)."""
ASKS = [Ask("electricity_kwh"), Ask("water_m3"), Ask("area_m2", "last"), Ask("people", "mean")]
amounts = st.one_of(st.none(), st.just("0"), st.decimals(min_value=0, max_value=10**11, places=4).map(str),
                    st.decimals(min_value=-1000, max_value=1000, places=2).map(str))


@st.composite
def returns(draw: st.DrawFn) -> list[dict]:
    """Up to a few dozen monthly returns; an institution may move to another area during the year."""
    rows = []
    for institution in range(draw(st.integers(1, 5))):
        for month in draw(st.lists(st.integers(1, 12), unique=True, max_size=8)):
            area = draw(st.sampled_from(["341802", "341821", "341823"]))
            rows.append(row(institution, f"2022-{month:02}", area, **{i: draw(amounts) for i in ITEMS}))
    return draw(st.permutations(rows))


@given(rows=returns(), by=st.sampled_from([(), ("area",), ("type",), ("period",), ("area", "period"), ("institution",)]),
       where=st.sampled_from([{}, {"area": "341802"}, {"line": ("/341800/341802/", "/341800/341821/")}, {"institution": 1}, {"area": ()}]),
       complete=st.sampled_from([(), ("electricity_kwh",), ("electricity_kwh", "people")]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_duckdb_gives_the_plain_answer(rows: list[dict], by: tuple, where: dict, complete: tuple) -> None:
    with tempfile.TemporaryDirectory() as home:
        made = snapshot(Path(home), rows)
        answers = [connect(e).sums(made, ASKS, form="consumption", period=YEAR, by=by, where=where, complete=complete) for e in HERE]
        assert answers[0] == answers[1]
        for take in ("sum", "last"):
            cells = [connect(e).cells(made, "people", form="consumption", period=YEAR, where=where, take=take, limit=50) for e in HERE]
            assert cells[0] == cells[1]


@given(rows=returns(), by=st.sampled_from(["area", "type", "institution"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_parts_of_any_grouping_add_up_to_the_whole(rows: list[dict], by: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        made = snapshot(Path(home), rows)
        whole = connect().sums(made, ASKS, form="consumption", period=YEAR)
        parts = connect().sums(made, ASKS, form="consumption", period=YEAR, by=(by,))
        for ask in ASKS:
            known = [g.totals[ask.item].value for g in parts if g.totals[ask.item].value is not None]
            assert (sum(known, Fraction(0)) if known else None) == (whole[0].totals[ask.item].value if whole else None)


@pytest.fixture
def year(tmp_path: Path):
    """Two schools: one complete, one that moved in July and did not answer people in May."""
    rows = []
    for m in range(1, 13):
        rows.append(row(1, f"2022-{m:02}", electricity_kwh="100.5", water_m3="0", area_m2="1000" if m < 7 else "1200", people=str(100 + m)))
        rows.append(row(2, f"2022-{m:02}", "341802" if m < 7 else "341821", electricity_kwh="10", water_m3=None,
                        area_m2="500", people=None if m == 5 else "60"))
    return snapshot(tmp_path, rows)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_sum_last_and_mean(year, engine: str) -> None:
    (all_,) = connect(engine).sums(year, ASKS, form="consumption", period=YEAR)
    assert all_.totals["electricity_kwh"].value == Fraction("1326")
    assert all_.totals["area_m2"].value == 1700  # last month answered
    assert all_.totals["people"].value == Fraction(sum(range(101, 113)), 12) + 60  # mean of the months answered
    assert all_.totals["water_m3"].value == 0 and all_.totals["water_m3"].members == 1  # zero is an answer, a gap is not
    assert (all_.members, all_.rows) == (2, 24)


def test_one_institution_after_another_and_one_snapshot_after_another_are_never_mixed_up(year, tmp_path: Path) -> None:
    later = snapshot(tmp_path / "later", [row(1, "2022-03", electricity_kwh="7"), row(2, "2022-03", electricity_kwh="9")], cutoff="2023-04-01T09:00:00+08:00")
    engine = connect("duckdb:", fresh=True)
    asked = [(of, pk) for of in (year, later, year) for pk in (1, 2, 3, 1)]
    found = [engine.sums(of, ASKS[:1], form="consumption", period=YEAR, where={"institution": pk}) for of, pk in asked]
    assert [g[0].totals["electricity_kwh"].value if g else None for g in found] == [1206, 120, None, 1206, 7, 9, None, 7, 1206, 120, None, 1206]
    (moved,) = engine.sums(year, ASKS[:1], form="consumption", period=YEAR, where={"institution": 2, "area": "341821"})
    assert moved.totals["electricity_kwh"].value == 60, "what else is asked of the place still holds"


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_school_that_moved_is_counted_once(year, engine: str) -> None:
    groups = {g.keys["area"]: g for g in connect(engine).sums(year, ASKS, form="consumption", period=YEAR, by=("area",))}
    assert groups["341821"].totals["area_m2"].value == 500 and groups["341802"].totals["area_m2"].value == 1200
    assert groups["341802"].totals["people"].value + groups["341821"].totals["people"].value == Fraction(sum(range(101, 113)), 12) + 60


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_quarters_are_sums_of_their_months(year, engine: str) -> None:
    quarters = [connect(engine).sums(year, ASKS[:1], form="consumption", period=Period.parse(f"2022Q{q}"))[0] for q in range(1, 5)]
    assert sum(q.totals["electricity_kwh"].value for q in quarters) == Fraction("1326")


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_an_item_nobody_was_asked_is_unknown(year, engine: str) -> None:
    (all_,) = connect(engine).sums(year, [Ask("pv_generation_kwh")], form="consumption", period=YEAR)
    assert all_.totals["pv_generation_kwh"].value is None
    assert connect(engine).sums(year, ASKS, form="consumption", period=YEAR, complete=("pv_generation_kwh",)) == []


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_editions_side_by_side(tmp_path: Path, engine: str) -> None:
    made = snapshot(tmp_path, {
        "consumption@2019": (["electricity_kwh"], [row(1, "2021-03", electricity_kwh="1")]),
        "consumption@2022": (["electricity_kwh", "pv_generation_kwh"], [row(1, "2022-03", electricity_kwh="2", pv_generation_kwh="7")])})
    asks = [Ask("electricity_kwh"), Ask("pv_generation_kwh")]
    (old,) = connect(engine).sums(made, asks, form="consumption", period=Period.parse("2021"))
    (new,) = connect(engine).sums(made, asks, form="consumption", period=YEAR)
    assert old.totals["electricity_kwh"].value == 1 and old.totals["pv_generation_kwh"].value is None
    assert new.totals["pv_generation_kwh"].value == 7


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_names_of_people_are_never_sql(tmp_path: Path, engine: str) -> None:
    evil = "x' OR '1'='1"
    made = snapshot(tmp_path, [row(1, "2022-01", electricity_kwh="5"), {**row(2, "2022-01", electricity_kwh="7"), "department": evil}])
    for value, expected in ((evil, 7), ('"; DROP VIEW returns; --', None)):
        found = connect(engine).sums(made, ASKS[:1], form="consumption", period=YEAR, where={"department": value})
        assert (found[0].totals["electricity_kwh"].value if found else None) == expected


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("complete", [(), ("2022:electricity_kwh",)])
def test_all_but_some(year, engine: str, complete: tuple) -> None:
    (other,) = connect(engine).sums(year, ASKS, form="consumption", period=YEAR, where={"institution": {"not": [1]}}, complete=complete)
    assert (other.members, other.totals["electricity_kwh"].value) == (1, 120)


def test_only_known_columns_may_group(year) -> None:
    with pytest.raises(ValueError, match="cannot group"):
        connect().sums(year, ASKS, form="consumption", period=YEAR, by=("name; DROP",))


def test_the_largest_amounts_add_exactly(tmp_path: Path) -> None:
    made = snapshot(tmp_path, [row(i, "2022-01", electricity_kwh="999999999999.9999") for i in range(2000)])
    (all_,) = connect().sums(made, ASKS[:1], form="consumption", period=YEAR)
    assert all_.totals["electricity_kwh"].value == Fraction(Decimal("999999999999.9999")) * 2000
