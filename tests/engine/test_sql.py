"""The statements as printed, kept as files beside: a change of what an engine is asked shows in review.

To renew them after an intended change: ``JIENENG_RENEW_SQL=1 pytest tests/engine/test_sql.py``, then read the difference.
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from jieneng.core.period import Period
from jieneng.core.problem import Severity
from jieneng.core.words import T
from jieneng.engine.questions import Ask, Indicator, Term
from jieneng.engine.screening import judged_query
from jieneng.engine.statements import (
    base_query,
    cells_query,
    covered_query,
    institutions_query,
    ledger_query,
    members_query,
    names_query,
    ranks_query,
    spread_query,
    sum_query,
    uncovered_query,
)
from jieneng.rulebook.types import Check

HERE = Path(__file__).parent / "sql"
QUARTER = Period.parse("2022Q1")
ASKS = [Ask("electricity_kwh"), Ask("area_m2", "last"), Ask("people", "mean")]
QUERIES = {
    "sums": sum_query([Ask("electricity_kwh"), Ask("water_m3")], QUARTER, (), {}, ()),
    "sums-by-area": sum_query(ASKS, QUARTER, ("area",), {"line": ("/341800/341802/", "/341800/341821/")}, ("electricity_kwh", "people")),
    "sums-like-for-like": sum_query(ASKS[:1], QUARTER, ("area",), {"type": "organ"}, ("electricity_kwh", "2021Q1:electricity_kwh")),
    "sums-without-area": sum_query(ASKS[:1], QUARTER, (), {"area": None, "department": ()}, ()),
    "cells-last": cells_query("area_m2", QUARTER, {"institution": 7}, "last", (), 100, 0),
    "members": members_query(QUARTER, ("area",), {}, True),
    "uncovered": uncovered_query(["electricity_kwh", "people"], QUARTER, ("area",), {}, True, 1000),
    "names": names_query(QUARTER, [1, 2]),
    "ledger-sum": ledger_query("waste_bins", "sum", "count", {"kind": "two_way", "issued_on": {"from": "2022-01-01", "to": "2022-12-31"}}),
    "ledger-list": ledger_query("waste_bins", "list", "unit", {}),
    "covered": covered_query([["electricity_kwh*", "people"], ["area_m2"]], QUARTER, ("area",), {}),
    "quoting": sum_query(ASKS[:1], QUARTER, (), {"department": "x' OR '1'='1"}, ()),
}


INDICATOR = Indicator((Term("electricity_kwh", factor=Decimal("0.1229")), Term("people", "mean")), (Term("area_m2", "last"),), ("electricity_kwh*",))
INSTITUTIONS = institutions_query(INDICATOR.asks, QUARTER, ("type", "area:2"), {}, INDICATOR.complete)
DOUBLES = {
    "spread": spread_query(INSTITUTIONS, INDICATOR, ("type", "area:2"), (0.25, 0.5)),
    "ranks": ranks_query(INSTITUTIONS, INDICATOR, ("type", "area:2"), (1, 2)),
}
CHECKED = {"judged": [Check("X", Severity.must, "abs(ratio(electricity_kwh, last_year.electricity_kwh) - 1) <= 0.3", T("错", "wrong"), T("改", "mend")),
                      Check("Y", Severity.must, "people * area_m2 > 0.5", T("错", "wrong"), T("改", "mend"), when="not missing(water_m3)")]}


def printed(name: str, dialect: str) -> str:
    if name in CHECKED:
        items = frozenset({"electricity_kwh", "people", "area_m2", "water_m3"})
        return str(judged_query(CHECKED[name], items, base_query(QUARTER), {}, ("return_id",), dialect).sql(dialect=dialect, pretty=True))
    return str({**QUERIES, **DOUBLES}[name].sql(dialect=dialect, pretty=True))


@pytest.mark.parametrize("name", [*QUERIES, *DOUBLES, *CHECKED])
@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_statement_is_the_one_kept(name: str, dialect: str) -> None:
    path, text = HERE / dialect / f"{name}.sql", printed(name, dialect) + "\n"
    if os.environ.get("JIENENG_RENEW_SQL") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_no_statement_is_kept_that_nothing_prints(dialect: str) -> None:
    assert {p.stem for p in (HERE / dialect).glob("*.sql")} == {*QUERIES, *DOUBLES, *CHECKED}


@pytest.mark.parametrize("name", QUERIES)
def test_engines_only_add(name: str) -> None:
    """No product, quotient or rounding inside an engine: those are done in Python, on exact sums. (Ranks and checks do their own.)"""
    from sqlglot import exp

    assert not list(QUERIES[name].find_all(exp.Div, exp.Mul, exp.Round, exp.Avg, exp.Mod))
