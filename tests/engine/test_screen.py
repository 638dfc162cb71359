"""One rule, one verdict: the text over all returns in SQL, over rows in Python, and while one return is looked at."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieneng.core.period import Period
from jieneng.core.problem import Severity
from jieneng.core.words import T
from jieneng.engine import Snapshot, connect
from jieneng.returns.examine import Examiner
from jieneng.rulebook import load
from jieneng.rulebook.types import Check
from tests.engine.cluster import ENGINES
from tests.engine.make import row, snapshot

YEAR = Period.parse("2022")
HERE = ["duckdb:", "plain:"]
"""The engines that start at once: for many small made-up cities. Spark answers for one large one (``test_spark``)."""
FORM = load("cn").forms["consumption@2022"]
ITEMS = [i.item for i in FORM.items]


def check(holds: str, when: str = "", let: dict[str, str] | None = None) -> Check:
    return Check("X", Severity.must, holds, T("错", "wrong"), T("改", "mend"), when=when, let=let or {})


amounts = st.one_of(st.none(), st.just("0"), st.integers(0, 30).map(str), st.decimals(min_value=0, max_value=10**8, places=4).map(str))


@st.composite
def returns(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = []
    for who in (1, 2):
        for year in (2021, 2022):
            for month in draw(st.lists(st.sampled_from([1, 2, 12]), unique=True)):
                given = {i: v for i in ITEMS if (v := draw(amounts)) is not None}
                if draw(st.booleans()):  # addends that just meet their sum
                    given["petrol_l"] = str(Decimal(given.get("petrol_vehicle_l", "0")) + Decimal(given.get("petrol_other_l", "0")))
                if draw(st.booleans()) and "area_m2" in given and rows:
                    given["area_m2"] = str((Decimal(rows[0].get("area_m2") or "0") * Decimal("1.1")).quantize(Decimal("0.0001")))
                rows.append(row(who, f"{year}-{month:02}", **given))
    return rows


@given(rows=returns())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_all_checks_of_the_form_give_one_verdict(rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as home:
        made = snapshot(Path(home), rows, items=ITEMS)
        for period in (YEAR, Period.parse("2022-01")):
            screened = [connect(e).screen(made, "consumption", FORM.checks, period) for e in HERE]
            assert screened[0] == screened[1]
        by_period = {(r["institution"], r["period"]): {i: None if r.get(i) is None else Decimal(r[i]) for i in ITEMS} for r in rows}
        examined: dict[str, set[tuple[int, str]]] = {}
        for (who, text), answers in by_period.items():
            period = Period.parse(text)
            if period.year == 2022:
                verdict = Examiner(FORM).examine(answers, by_period.get((who, str(period.last_year))), by_period.get((who, str(period.previous))))
                for finding in verdict.findings:
                    examined.setdefault(finding.rule, set()).add((who, text))
        bulk = {s.check: {(f.institution, f.period) for f in s.rows} for s in connect().screen(made, "consumption", FORM.checks, YEAR) if s.failed}
        assert bulk == examined


@pytest.fixture
def one(tmp_path: Path) -> Snapshot:
    """One return with a = 3 and a gap; last month and last year beside it."""
    rows = [row(1, "2022-02", electricity_kwh="3", water_m3="0.1"), row(1, "2022-01", electricity_kwh="2"), row(1, "2021-02", electricity_kwh="1")]
    return snapshot(tmp_path, rows, items=ITEMS)


SAID: list[tuple[str, str, dict[str, str] | None, str]] = [
    ("electricity_kwh == 3", "", None, "holds"), ("electricity_kwh == 4", "", None, "fails"), ("people > 0", "", None, "unknown"),
    ("electricity_kwh == 4", "people > 0", None, "unknown"), ("electricity_kwh == 4", "electricity_kwh > 5", None, "unknown"),
    ("last_month.electricity_kwh == 2 and last_year.electricity_kwh == 1", "", None, "holds"),
    ("last_month.people > 0", "", None, "unknown"), ("threshold.any > 0", "", None, "unknown"), ("body.area > 0", "", None, "unknown"),
    ("people > 0 and electricity_kwh == 4", "", None, "fails"), ("people > 0 or electricity_kwh == 3", "", None, "holds"),
    ("not (people > 0 or electricity_kwh == 4)", "", None, "unknown"), ("missing(people)", "", None, "holds"),
    ("total(known(electricity_kwh, people)) == 3", "", None, "holds"), ("total(electricity_kwh, people) == 3", "", None, "unknown"),
    ("total(known(people, coal_t)) >= 0", "", None, "unknown"),
    ("min(known(electricity_kwh, people)) == 3", "", None, "holds"), ("max(electricity_kwh, people) >= 3", "", None, "unknown"),
    ("min(electricity_kwh, water_m3) == 0.1 and max(electricity_kwh, water_m3) == 3", "", None, "holds"),
    ("electricity_kwh * 0.1 == 0.3", "", None, "holds"), ("electricity_kwh * water_m3 == 0.3", "", None, "holds"),
    ("ratio(electricity_kwh, 0) > 0", "", None, "unknown"), ("ratio(1, electricity_kwh) == 0.333333333", "", None, "holds"),
    ("ratio(electricity_kwh, last_year.electricity_kwh) - 1 == change", "", {"change": "ratio(electricity_kwh, last_year.electricity_kwh) - 1"}, "holds"),
    ("-electricity_kwh + 4 == 1", "", None, "holds"), ("1 < electricity_kwh <= 3", "", None, "holds"), ("1 < electricity_kwh < 3", "", None, "fails"),
]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_what_a_check_says(one: Snapshot, engine: str) -> None:
    """All cases in one question: what each says, and who fails."""
    checks = [replace(check(holds, when, let), id=f"X{n}") for n, (holds, when, let, _) in enumerate(SAID)]
    found = connect(engine).screen(one, "consumption", checks, Period.parse("2022-02"))
    for said, (holds, when, _, state) in zip(found, SAID, strict=True):
        expected = {"holds": (1, 0, 0), "fails": (1, 1, 0), "unknown": (0, 0, 1)}[state]
        assert (said.applied, said.failed, said.not_applied) == expected, (holds, when)
        assert [(f.institution, f.period, f.return_id) for f in said.rows] == ([(1, "2022-02", 1266)] if state == "fails" else []), (holds, when)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_exactly_on_a_threshold_all_readings_agree(tmp_path: Path, engine: str) -> None:
    """A change of exactly 10 or 30 per cent: binary floats get half of these wrong."""
    rows, expected = [], 0
    for who in range(1, 400):
        before = Decimal(who) * Decimal("7.3")
        rows += [row(who, "2021-01", area_m2=str(before), people=str(before)),
                 row(who, "2022-01", area_m2=str(before * Decimal("1.1")), people=str(before * Decimal("0.7")))]
        expected += 1
    made = snapshot(tmp_path, rows, items=ITEMS)
    checks = [check("abs(ratio(area_m2, last_year.area_m2) - 1) <= 0.1"), check("abs(ratio(people, last_year.people) - 1) >= 0.3")]
    assert [(s.applied, s.failed) for s in connect(engine).screen(made, "consumption", checks, YEAR)] == [(expected, 0)] * 2


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_large_amounts_do_not_abort(tmp_path: Path, engine: str) -> None:
    big = "999999999999.9999"
    made = snapshot(tmp_path, [row(1, "2022-01", electricity_kwh=big, people=big)], items=ITEMS)
    checks = [check("electricity_kwh * 1000 > electricity_kwh"), check("electricity_kwh * people > electricity_kwh"), check(
        "total(electricity_kwh, people, electricity_kwh) * 1.5 > people")]
    assert [s.failed for s in connect(engine).screen(made, "consumption", checks, YEAR)] == [0, 0, 0]
