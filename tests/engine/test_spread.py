"""Ranks and quantiles: doubles, and yet the same to the last bit on every engine, because each does the same steps in the same order."""

from __future__ import annotations

import random
import statistics
import tempfile
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieneng.core.period import Period
from jieneng.engine import Indicator, Rank, Term, connect
from jieneng.engine.plain import quantile
from tests.engine.cluster import ENGINES
from tests.engine.make import row, snapshot
from tests.engine.test_agreement import cities, frozen

YEAR = Period.parse("2022")
D = Decimal
PER_AREA = Indicator((Term("electricity_kwh", factor=D("0.1229")), Term("people", "mean", D("0.5"))), (Term("area_m2", "last"),), ("electricity_kwh",))
LEVELS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
WORST = D("987654321098.7653")
"""More digits than a double has."""


@given(city=cities(), by=st.sampled_from([(), ("area",), ("type", "area:2"), ("area:4",), ("period",)]), period=st.sampled_from([YEAR, Period.parse("2022Q1")]),
       where=st.sampled_from([{}, {"area": "341802"}]), complete=st.sampled_from([(), ("electricity_kwh*",), ("area_m2", "2021:electricity_kwh")]),
       lower=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_duckdb_gives_the_plain_answer(city: tuple, by: tuple, period: Period, where: dict, complete: tuple, lower: bool) -> None:
    indicator = Indicator(PER_AREA.upper, PER_AREA.lower if lower else (), complete)
    with tempfile.TemporaryDirectory() as home:
        made = frozen(Path(home), *city)
        found = [connect(e).spread(made, indicator, form="consumption", period=period, by=by, where=where, quantiles=LEVELS, ranked=(0, 2, 3))
                 for e in ("duckdb:", "plain:")]
    assert found[0] == found[1]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_median_and_ranks_by_hand(tmp_path: Path, engine: str) -> None:
    """Four schools; one without an area, one whose area is zero: of neither is anything known."""
    rows = [row(n, "2022-01", electricity_kwh=str(10 * n), area_m2=area) for n, area in ((2, "100"), (4, "100"), (6, "50"), (8, None), (10, "0"))]
    rows += [row(12, "2022-01", "110101", electricity_kwh="20", area_m2="100"), row(14, "2022-01", "110102", electricity_kwh="20", area_m2="100")]
    indicator = Indicator((Term("electricity_kwh"),), (Term("area_m2", "last"),))
    beijing, anhui = connect(engine).spread(snapshot(tmp_path, rows), indicator, form="consumption", period=YEAR, by=("type", "area:2"),
                                            quantiles=(0.5,), ranked=(4, 6, 8, 12, 14))
    assert (anhui.keys, anhui.members, anhui.least, anhui.quantiles, anhui.most) == (("education", "34"), 3, 0.2, (0.4,), 1.2)
    assert anhui.ranks == (Rank(6, 1.2, 1), Rank(4, 0.4, 2))
    assert beijing.keys == ("education", "11") and beijing.ranks == (Rank(12, 0.2, 1), Rank(14, 0.2, 1)), "equal numbers share a place"


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_large_amounts_become_the_nearest_double(tmp_path: Path, engine: str) -> None:
    made = snapshot(tmp_path, [row(1, "2022-01", electricity_kwh=str(WORST)), row(1, "2022-02", electricity_kwh=str(-WORST)), row(2, "2022-01", electricity_kwh=str(WORST))])
    (found,) = connect(engine).spread(made, Indicator((Term("electricity_kwh"),)), form="consumption", period=YEAR)
    assert (found.least, found.most) == (0.0, float(WORST))


def test_casts_of_decimals_give_the_nearest_double() -> None:
    """What the agreement rests on, over all magnitudes of sums."""
    dice = random.Random(2)
    for limit in (10**9, 10**18, 10**24):
        amounts = [D(dice.randrange(1 - limit, limit)).scaleb(-4) for _ in range(4000)]
        with duckdb.connect() as duck:
            cast = duck.execute("SELECT CAST(CAST(v AS DECIMAL(38, 4)) AS DOUBLE) FROM (SELECT unnest($1) AS v)", [[str(a) for a in amounts]]).fetchall()
        assert [c for (c,) in cast] == [float(a) for a in amounts]


def test_what_means_nothing_is_refused(tmp_path: Path) -> None:
    made = snapshot(tmp_path, [row(1, "2022-01", electricity_kwh="1")])
    for engine in ("duckdb:", "plain:"):
        ask = {"form": "consumption", "period": YEAR}
        with pytest.raises(ValueError, match="quantiles"):
            connect(engine).spread(made, PER_AREA, quantiles=(50,), **ask)
        with pytest.raises(ValueError, match="cannot group by"):
            connect(engine).spread(made, PER_AREA, by=("code:2",), **ask)
        with pytest.raises(ValueError, match="needs a term"):
            connect(engine).spread(made, Indicator(()), **ask)
        assert connect(engine).spread(made, Indicator((Term("pv_generation_kwh"),)), **ask) == []
        assert connect(engine).spread(made, PER_AREA, **ask) == [], "nobody's number is known"


def test_the_large_city_agrees_to_the_last_bit(tmp_path: Path) -> None:
    """Numbers of every size and a tenth as a quantile: what the engines' own PERCENTILE_CONT gives differs here in the last bit."""
    dice = random.Random(4)
    rows = [row(n, "2022-01", dice.choice(["341802", "341821"]), electricity_kwh=f"{dice.uniform(1, 10 ** dice.randrange(1, 9)):.4f}",
                area_m2=f"{dice.uniform(1, 9e3):.4f}") for n in range(200)]
    made = snapshot(tmp_path, rows)
    for by in ((), ("area",), ("type", "area")):
        indicator = Indicator((Term("electricity_kwh", factor=D("0.1229")),), (Term("area_m2", "last"),))
        found = [connect(e).spread(made, indicator, form="consumption", period=YEAR, by=by, quantiles=LEVELS) for e in ("duckdb:", "plain:")]
        assert found[0] == found[1] and len(found[0]) == 2 ** len(by)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_the_quantile_is_the_one_of_the_textbook(values: list[float]) -> None:
    values.sort()
    assert quantile(values, 0.5) == pytest.approx(statistics.median(values)) and quantile(values, 0.0) == values[0] and quantile(values, 1.0) == values[-1]
