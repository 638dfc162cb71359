"""One test, all engines: who is covered, the same members in two years, ledgers; and what an engine refuses to guess."""

from __future__ import annotations

import random
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieneng.core.period import Period
from jieneng.engine import Ask, Snapshot, connect, write_snapshot
from jieneng.engine import snapshot as writing
from jieneng.rulebook import load
from tests.engine.cluster import ENGINES
from tests.engine.make import ITEMS, row, snapshot

YEAR, BEFORE = Period.parse("2022"), Period.parse("2021")
HERE = ["duckdb:", "plain:"]
"""The engines that start at once: for many small made-up cities. Spark answers for one large one (``test_spark``)."""
ASKS = [Ask("electricity_kwh"), Ask("area_m2", "last"), Ask("people", "mean")]
AREAS = ["341802", "341821", None]
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


EVERY_MONTH = 0xFFF


def body(institution: int, area: str | None, expected: bool = True, due: int = EVERY_MONTH) -> dict[str, Any]:
    return {"institution": institution, "code": f"c{institution}", "name": f"名录{institution}", "line": f"/341800/{area}/", "area": area,
            "department": "", "territory": area, "type": "organ" if institution % 2 else "education", "in_scope": True,
            "covered_by": None, "expected": expected, "due": due}


def frozen(home: Path, rows: list[dict[str, Any]], bodies: list[dict[str, Any]]) -> Snapshot:
    """Two editions: returns of 2021 are of the one without people, so that it is not asked there."""
    old = [{k: v for k, v in r.items() if k != "people"} for r in rows if r["year"] == 2021]
    return write_snapshot(
        home, cutoff="2023-03-14T09:00:00+08:00", rulebook={"code": "cn", "hash": "x"}, round={"year": 2022}, bodies=bodies, ledgers={},
        returns={"consumption@2019": ([i for i in ITEMS if i != "people"], old),
                 "consumption@2022": (ITEMS, [r for r in rows if r["year"] == 2022])}, left_out=[], chain_head={"seq": 1, "hash": "0"})


@st.composite
def cities(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two years of a few institutions with gaps, zeros and moves; some are on the list and filed nothing."""
    amounts = st.one_of(st.none(), st.just("0"), st.decimals(min_value=-10, max_value=10**6, places=3).map(str))
    rows, bodies = [], []
    for who in range(draw(st.integers(1, 5))):
        for year in (2021, 2022):
            due = draw(st.sampled_from([None, 0, EVERY_MONTH, 0b111, 0b11]))
            for month in draw(st.lists(st.integers(1, 12), unique=True, max_size=4)):
                area = draw(st.sampled_from(AREAS))
                rows.append(row(who, f"{year}-{month:02}", area, due=due, **{i: draw(amounts) for i in ITEMS}))
        bodies.append(body(who, draw(st.sampled_from(AREAS)), draw(st.booleans()), draw(st.sampled_from([EVERY_MONTH, 0b111, 1 << 18]))))
    return draw(st.permutations(rows)), bodies


@given(city=cities(), by=st.sampled_from([(), ("area",), ("type", "area"), ("institution",)]),
       where=st.sampled_from([{}, {"area": "341802"}, {"area": (None, "341821")}, {"line": "/341800/341802/"}, {"institution": 1}, {"institution": 2, "area": "341802"}]), year=st.sampled_from([YEAR, BEFORE, Period.parse("2022Q1"), Period.parse("2022-02"), Period.parse("2022H2")]),
       items=st.sampled_from([["electricity_kwh", "people"], ["electricity_kwh*", "people"], ["electricity_kwh*", "area_m2*"]]))
@quick
def test_who_is_covered_is_the_same_on_all_engines(city: tuple, by: tuple, where: dict, year: Period, items: list[str]) -> None:
    with tempfile.TemporaryDirectory() as home:
        made = frozen(Path(home), *city)
        for expected in (True, False):
            members = [connect(e).members(made, "consumption", year, by=by, where=where, expected=expected) for e in HERE]
            lacking = [connect(e).uncovered(made, "consumption", year, items, by=by, where=where, expected=expected) for e in HERE]
            assert members[0] == members[1] and lacking[0] == lacking[1]
            groups = connect().sums(made, [], form="consumption", period=year, by=by, where=where, complete=items)
            covered = {tuple(g.keys.values()): g.members for g in groups}
            needs = [items, ["area_m2*"], []]
            counts = [connect(e).covered(made, "consumption", year, needs, by=by, where=where) for e in HERE]
            assert counts[0] == counts[1] and {k: n[0] for k, n in counts[0].items() if n[0]} == covered
            for key, n in members[0].items():
                assert covered.get(key, 0) + sum(u.keys == key for u in lacking[0]) == n


@given(city=cities(), by=st.sampled_from([(), ("area",), ("institution",)]), where=st.sampled_from([{}, {"area": "341802"}, {"area": None}, {"institution": 1}]))
@quick
def test_like_for_like_takes_the_same_members_in_both_years(city: tuple, by: tuple, where: dict) -> None:
    with tempfile.TemporaryDirectory() as home:
        made, found = frozen(Path(home), *city), []
        for engine in HERE:
            now = connect(engine).sums(made, ASKS, form="consumption", period=YEAR, by=by, where=where,
                                       complete=("electricity_kwh*", "2021:electricity_kwh*"))
            then = connect(engine).sums(made, ASKS, form="consumption", period=BEFORE, by=by, where=where,
                                        complete=("electricity_kwh*", "2022:electricity_kwh*"))
            found.append((now, then))
            assert {tuple(g.keys.values()): g.members for g in now} == {tuple(g.keys.values()): g.members for g in then}
        assert found[0] == found[1]


@given(city=cities(), seed=st.integers(0, 9))
@quick
def test_the_order_of_rows_never_matters(city: tuple, seed: int) -> None:
    rows, bodies = city
    other = rows[:]
    random.Random(seed).shuffle(other)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        answers = [connect().sums(frozen(Path(h), r, bodies), ASKS, form="consumption", period=YEAR, by=("area", "period"))
                   for h, r in ((one, rows), (two, other))]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_cells_of_covered_institutions_only(tmp_path: Path, engine: str) -> None:
    rows = [row(1, "2022-01", electricity_kwh="1", people="3"), row(2, "2022-01", electricity_kwh="2"), row(1, "2021-01", electricity_kwh="9")]
    made = frozen(tmp_path, rows, [])
    ask = {"form": "consumption", "period": YEAR}
    assert [c.institution for c in connect(engine).cells(made, "electricity_kwh", **ask)] == [2, 1]
    assert [c.institution for c in connect(engine).cells(made, "electricity_kwh", complete=("people",), **ask)] == [1]
    assert [c.institution for c in connect(engine).cells(made, "electricity_kwh", complete=("2021:electricity_kwh",), **ask)] == [1]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_those_that_filed_nothing_are_members_and_are_named(tmp_path: Path, engine: str) -> None:
    made = frozen(tmp_path, [row(1, "2022-01", electricity_kwh="1"), row(2, "2022-01")], [body(i, "341802") for i in (1, 2, 3)])
    assert connect(engine).members(made, "consumption", YEAR) == {(): 3}
    assert connect(engine).members(made, "consumption", BEFORE) == {}
    lacking = connect(engine).uncovered(made, "consumption", YEAR, ["electricity_kwh"], by=("area",))
    assert [(u.keys, u.name, u.missing) for u in lacking] == [(("341802",), "名录3", ()), (("341802",), "示例2", ("electricity_kwh",))]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_what_means_nothing_is_refused(tmp_path: Path, engine: str) -> None:
    made, it = frozen(tmp_path, [row(1, "2022-01", electricity_kwh="1")], []), connect(engine)
    with pytest.raises(ValueError, match="cannot filter by"):
        it.sums(made, ASKS, form="consumption", period=YEAR, where={"region": "341802"})
    with pytest.raises(ValueError, match="cannot filter by"):
        it.cells(made, "people", form="consumption", period=YEAR, where={"region": "341802"})
    with pytest.raises(ValueError, match="over_time"):
        it.sums(made, [Ask("people", "median")], form="consumption", period=YEAR)
    with pytest.raises(ValueError, match="asked twice"):
        it.sums(made, [Ask("people"), Ask("people", "mean")], form="consumption", period=YEAR)
    assert it.sums(made, ASKS, form="heating", period=YEAR) == [] and it.members(made, "heating", YEAR) == {}


def test_an_address_that_is_no_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="expected duckdb:, plain: or spark://host:7077"):
        connect("mysql://")


@pytest.fixture
def contracts(tmp_path: Path) -> Snapshot:
    ledger = load("cn").ledgers["energy_contracts"]
    lines = [("1", "示例一院", "341802", "pv", "operating", "2022-03-01", "120.5"), ("2", "示例二中", "341821", "pv", "signed", "2022-07-09", None),
             ("3", "示例三局", "341802", "trusteeship", "signed", None, "30")]
    rows = [{"record": int(no), "revision": 1, "key": no, "line": f"/341800/{area}/", "no": no, "name": name, "area": area, "type": type_,
             "stage": stage, "signed_on": day, "investment_10k_yuan": money, "year": "2022"} for no, name, area, type_, stage, day, money in lines]
    return snapshot(tmp_path, [row(1, "2022-01")], ledgers={"energy_contracts": (ledger, rows)})


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize(("take", "column", "where", "value", "texts"), [
    ("count", "", {}, 3, ()),
    ("count", "", {"type": "pv", "area": ("341802", "341823")}, 1, ()),
    ("count", "", {"line": "/341800/341802/"}, 2, ()),
    ("count", "", {"signed_on": {"from": "2022-03-01", "to": "2022-06-30"}}, 1, ()),
    ("sum", "investment_10k_yuan", {}, Fraction("150.5"), ()),
    ("sum", "investment_10k_yuan", {"area": "341821"}, None, ()),
    ("distinct", "area", {}, 2, ()),
    ("list", "name", {"type": "pv"}, 2, ("示例一院", "示例二中")),
    ("value", "investment_10k_yuan", {"no": "3"}, 30, ("30.0000",)),
    ("value", "name", {"no": "3"}, None, ("示例三局",)),
    ("value", "name", {"type": "pv"}, None, ("示例一院", "示例二中")),
    ("value", "name", {"no": "9"}, None, ()),
])
def test_ledgers(contracts: Snapshot, engine: str, take: str, column: str, where: dict, value: Any, texts: tuple) -> None:
    answer = connect(engine).ledger(contracts, "energy_contracts", take=take, column=column, where=where)
    assert (answer.value, answer.texts) == (value, texts)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_ledger_lines_as_frozen(contracts: Snapshot, engine: str) -> None:
    rows = connect(engine).ledger_rows(contracts, "energy_contracts", {"type": "pv"})
    assert [r["key"] for r in rows] == ["1", "2"] and rows[1]["investment_10k_yuan"] is None and str(rows[0]["signed_on"]) == "2022-03-01"
    with pytest.raises(ValueError, match="cannot filter by"):
        connect(engine).ledger(contracts, "energy_contracts", take="count", where={"nothing": 1})


def months_of(institution: int, months: range, due: int, **answers: Any) -> list[dict[str, Any]]:
    return [row(institution, f"2022-{m:02}", due=due, **{"electricity_kwh": "1", **answers}) for m in months]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize(("period", "whole"), [("2022", {1, 2}), ("2022Q1", {1, 3, 4}), ("2022H2", {1, 2, 3}), ("2022-04", {1, 3})])
def test_covered_is_who_answered_each_time_it_was_due(tmp_path: Path, engine: str, period: str, whole: set[int]) -> None:
    """1 the whole year; 2 opened in July; 3 without May, due all year; 4 filed until March, due all year; 5 answers nothing in February."""
    rows = [*months_of(1, range(1, 13), EVERY_MONTH), *months_of(2, range(7, 13), 0b111111000000),
            *[r for r in months_of(3, range(1, 13), EVERY_MONTH) if r["month"] != 5], *months_of(4, range(1, 4), EVERY_MONTH),
            *[{**r, "electricity_kwh": None if r["month"] == 2 else "1"} for r in months_of(5, range(1, 3), EVERY_MONTH)]]
    made, at = frozen(tmp_path, rows, [body(6, "341802", due=0b111)]), Period.parse(period)
    found = connect(engine).sums(made, [], form="consumption", period=at, by=("institution",), complete=("electricity_kwh*",))
    assert {g.keys["institution"] for g in found} == whole
    assert connect(engine).covered(made, "consumption", at, [["electricity_kwh*"]]) == {(): [len(whole)]}
    lacking = {u.institution: (u.missing, u.partial) for u in connect(engine).uncovered(made, "consumption", at, ["electricity_kwh*"])}
    assert set(lacking) | whole == {r["institution"] for r in rows if Period.parse(r["period"]) in at} | ({6} if period in ("2022", "2022Q1") else set())
    assert lacking.get(3, ((), ("electricity_kwh",))) == ((), ("electricity_kwh",)) and lacking.get(6, ((), ())) == ((), ())


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_snapshot_that_does_not_know_what_was_due_takes_one_answer_for_enough(tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "KEYS", tuple(k for k in writing.KEYS if k[0] != "due"))
    monkeypatch.setattr(writing, "BODIES", tuple(k for k in writing.BODIES if k[0] != "due"))
    made = frozen(tmp_path, [{k: v for k, v in r.items() if k != "due"} for r in months_of(1, range(1, 2), 0)],
                  [{k: v for k, v in body(2, "341802").items() if k != "due"}])
    monkeypatch.undo()
    assert connect(engine).covered(made, "consumption", YEAR, [["electricity_kwh*"]]) == {(): [1]}
    assert connect(engine).members(made, "consumption", YEAR) == {(): 2}
    (group,) = connect(engine).sums(made, ASKS, form="consumption", period=YEAR, complete=("electricity_kwh*",))
    assert group.members == 1
    assert [u.institution for u in connect(engine).uncovered(made, "consumption", YEAR, ["electricity_kwh*"])] == [2]
