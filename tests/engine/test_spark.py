"""Spark answers as DuckDB and plain Python do, to the last digit: one large made-up city, every question, all checks of the form."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.engine import Ask, Indicator, Snapshot, connect
from jieneng.engine.on_spark import Address, reachable
from tests.engine.make import ITEMS, row, snapshot
from tests.engine.test_agreement import AREAS, ASKS, BEFORE, EVERY_MONTH, YEAR, body, frozen
from tests.engine.test_screen import FORM
from tests.engine.test_screen import ITEMS as ALL
from tests.engine.test_spread import LEVELS, PER_AREA

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
EVIL = "x' OR '1'='1\\' -- ${env:HOME} `\""


def amount(dice: random.Random) -> str | None:
    """Nothing, zero, small with many places, negative, or as large as amounts go."""
    return dice.choice([None, "0", f"{dice.uniform(0, 9e3):.4f}", f"{dice.uniform(0, 9e3):.4f}", f"-{dice.uniform(0, 9):.3f}", f"{dice.randrange(10**15, 10**16) / 10**4:.4f}"])


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Sixty institutions in two years and two editions, with gaps, moves within a year, and some that filed nothing."""
    dice, rows, bodies = random.Random(22), [], []
    for who in range(60):
        for year in (2021, 2022):
            due = dice.choice([None, 0, EVERY_MONTH, EVERY_MONTH, 0b111])
            whole = dice.random() < 0.5  # half of them answer every month
            for month in range(1, 13) if whole else dice.sample(range(1, 13), dice.randrange(0, 5)):
                area = dice.choice(AREAS) if dice.random() < 0.1 else AREAS[who % 3]
                given = {i: f"{dice.uniform(1, 9e4):.4f}" if whole and i != "water_m3" else amount(dice) for i in ITEMS}
                rows.append({**row(who, f"{year}-{month:02}", area, due=due, **given), "department": EVIL if who % 7 == 0 else ""})
        bodies.append(body(who, AREAS[who % 3], dice.random() < 0.8, dice.choice([EVERY_MONTH, 0b111, 1 << 18])))
    return frozen(tmp_path_factory.mktemp("city"), rows, bodies)


def same(spark: str, made: Snapshot, question: str, *args: Any, **more: Any) -> Any:
    """The one answer of the three engines."""
    one, two, three = (getattr(connect(e), question)(made, *args, **more) for e in (spark, "duckdb:", "plain:"))
    assert two == three
    assert one == two
    return one


@pytest.mark.parametrize(("by", "where", "complete", "period"), [
    ((), {}, (), YEAR),
    (("type", "area"), {}, ("electricity_kwh*", "people"), YEAR),
    (("area", "period"), {"line": ("/341800/341802/", "/341800/341821/")}, (), Period.parse("2022H1")),
    (("institution",), {"area": (None, "341821")}, ("area_m2*",), Period.parse("2022Q1")),
    (("area",), {"area": ()}, (), YEAR),
    ((), {"department": EVIL}, (), YEAR),
    (("area",), {}, ("electricity_kwh*", "2021:electricity_kwh*"), YEAR),
    (("institution",), {"area": None}, ("2022:electricity_kwh",), BEFORE),
])
def test_sums(spark: str, city: Snapshot, by: tuple, where: dict, complete: tuple, period: Period) -> None:
    found = same(spark, city, "sums", ASKS, form="consumption", period=period, by=by, where=where, complete=complete)
    assert bool(found) == (where != {"area": ()})


def test_who_is_a_member_covered_or_lacks_what(spark: str, city: Snapshot) -> None:
    q1 = Period.parse("2022Q1")
    assert same(spark, city, "members", "consumption", YEAR)
    for by, where, expected in ((("area", "type"), {}, True), (("institution",), {"area": (None, "341821")}, False)):
        assert same(spark, city, "members", "consumption", q1, by=by, where=where, expected=expected)
        assert same(spark, city, "uncovered", "consumption", q1, ["electricity_kwh*", "people"], by=by, where=where, expected=expected)
    assert same(spark, city, "covered", "consumption", YEAR, [["electricity_kwh*"], ["area_m2", "people*"], []], by=("area",))


def test_cells_and_names(spark: str, city: Snapshot) -> None:
    ask = {"form": "consumption", "period": YEAR}
    assert len(same(spark, city, "cells", "area_m2", take="last", complete=("electricity_kwh*", "2021:electricity_kwh"), **ask)) > 5
    assert len(same(spark, city, "cells", "water_m3", where={"area": AREAS[0]}, limit=5, offset=3, **ask)) == 5
    assert same(spark, city, "names", "consumption", YEAR, [1, 2, 3, 999])


@pytest.mark.parametrize(("by", "complete"), [((), ()), (("type", "area:2"), ("electricity_kwh*",)), (("area",), ("2021:electricity_kwh",))])
def test_ranks_and_quantiles_to_the_last_bit(spark: str, city: Snapshot, by: tuple, complete: tuple) -> None:
    indicator = Indicator(PER_AREA.upper, PER_AREA.lower, complete)
    assert same(spark, city, "spread", indicator, form="consumption", period=YEAR, by=by, quantiles=LEVELS, ranked=range(9))


def test_all_checks_of_the_form(spark: str, tmp_path: Path) -> None:
    dice = random.Random(5)
    rows = [row(who, f"{year}-{month:02}", **{i: amount(dice) for i in ALL}) for who in range(20) for year in (2021, 2022) for month in (1, 2, 12)]
    found = same(spark, snapshot(tmp_path, rows, items=ALL), "screen", "consumption", FORM.checks, YEAR, where={"type": "education"}, limit=3)
    assert sum(s.failed for s in found) > 50 and sum(s.not_applied for s in found) > 50


def test_a_path_with_signs_that_hadoop_reads_as_wildcards(spark: str, tmp_path: Path) -> None:
    home = tmp_path / "市[1] {a}"
    home.mkdir()
    (found,) = connect(spark).sums(snapshot(home, [row(1, "2022-01", electricity_kwh="7")]), [Ask("electricity_kwh")], form="consumption", period=YEAR)
    assert found.totals["electricity_kwh"].value == 7


def test_what_the_cluster_cannot_do_is_told_in_one_line(spark: str) -> None:
    with pytest.raises(Refused) as caught:
        connect(spark).run("SELECT nothing FROM nowhere")
    (problem,) = caught.value.problems
    assert problem.code == "engine.failed" and "nowhere" in str(problem) and "\n" not in str(problem)


def test_a_cluster_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(Refused) as caught:
        connect("spark://127.0.0.1:1")
    assert caught.value.problems[0].code == "engine.unreachable" and "127.0.0.1:1" in str(caught.value)


def test_without_java_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused) as caught:
        reachable(Address.parse("spark://127.0.0.1:1"))
    assert caught.value.problems[0].code == "engine.no_java"


@pytest.mark.parametrize("url", ["spark://", "spark://host", "spark://host:x", "spark://host:1/x", "spark://host:1?memory=1g",
                                 "spark://host:1?spark.sql.ansi.enabled=false"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="engine"):
        connect(url)


def test_an_address_with_settings_and_a_second_master() -> None:
    found = Address.parse("spark://a:7077,b:7078?spark.executor.memory=2g")
    assert (found.master, dict(found.settings)) == ("spark://a:7077,b:7078", {"spark.executor.memory": "2g"})


def test_the_engine_is_a_setting(monkeypatch: pytest.MonkeyPatch, spark: str, city: Snapshot) -> None:
    """No room above says which engine: the environment does."""
    assert type(connect(fresh=True)).__name__ == "DuckDB"
    monkeypatch.setenv("JIENENG_ENGINE", spark)
    assert connect(fresh=True) is connect(spark, fresh=True) and type(connect(fresh=True)).__name__ == "Spark"
