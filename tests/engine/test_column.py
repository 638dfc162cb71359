"""The Column reading: the same verdict as Value, on DuckDB, for all that the language lets through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from jieneng.core.formula import TRUTH_ANSWERS, TRUTH_CASES, FormulaError, Value, is_truth, read
from jieneng.engine import connect, write_table
from jieneng.engine.column import Column, Number, Truth
from jieneng.engine.sql import column
from tests.core.formulas import NAMES, answers, conditions, let_through, numbers

D = Decimal
Answers = Mapping[str, Decimal | None]
BIG, TINY = D("999999999999.9999"), D("0.0001")


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def judged(duck: duckdb.DuckDBPyConnection, texts: Sequence[str], rows: Sequence[Answers]) -> list[tuple[Any, ...]]:
    """The answers of formulas over rows, each name a decimal(18,4) column."""
    names = sorted(rows[0])
    duck.execute("CREATE OR REPLACE TEMP TABLE returns ({})".format(", ".join(f'"{n}" DECIMAL(18, 4)' for n in names)))
    duck.executemany("INSERT INTO returns VALUES ({})".format(", ".join("?" for _ in names)), [[r[n] for n in names] for r in rows])
    reading = Column({n: column(n) for n in names})
    return duck.execute(exp.select(*[read(t, reading).sql for t in texts]).from_("returns").sql("duckdb")).fetchall()


@pytest.mark.parametrize(("text", "answer"), TRUTH_CASES)
def test_column_follows_the_truth_table(duck: duckdb.DuckDBPyConnection, text: str, answer: object) -> None:
    assert judged(duck, [text], [TRUTH_ANSWERS]) == [(answer,)]
    assert isinstance(read(text, Column(lambda n: column(n))), Truth if is_truth(text) else Number)


@given(conditions(), st.lists(answers(), min_size=1, max_size=4))
@example("ratio(a, 3) - 33333333333 == 0.333333333", [{**dict.fromkeys(NAMES), "a": D(10**11)}])
@example("ratio(a, b) == 0.000000001", [{**dict.fromkeys(NAMES), "a": TINY, "b": D(200000)}])
@example("ratio(a, b) < 999999999999", [{**dict.fromkeys(NAMES), "a": BIG, "b": D("0.9999")}])
@example("ratio(a * b, c) == a or ratio(a * b, c) == -a", [{**dict.fromkeys(NAMES), "a": BIG, "b": BIG, "c": -BIG}])
@example("a * b * 0.05 == 0.000000001 and a * c * 0.05 == -0.000000001", [{**dict.fromkeys(NAMES), "a": TINY, "b": TINY, "c": -TINY}])
@settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
def test_one_verdict_in_value_and_column(duck: duckdb.DuckDBPyConnection, text: str, rows: list[Answers]) -> None:
    assert judged(duck, [text], rows) == [(read(text, Value(row)),) for row in rows]


@given(numbers(9).filter(let_through), st.lists(answers(), min_size=1, max_size=4))
@settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
def test_one_number_in_value_and_column(duck: duckdb.DuckDBPyConnection, text: str, rows: list[Answers]) -> None:
    """Not only the verdict: every number is the same to its last digit."""
    assert judged(duck, [text], rows) == [(read(text, Value(row)),) for row in rows]


WIDE = ["a * b", "a * b * 0.999999", "ratio(a * b, c)", "ratio(a * b, 0.0001)", "ratio(a, b) * c", "ratio(a, b * c)", "a * b - c * d",
        "a * 999999999999 * 999999999", "total(a, b, c, d) * total(a, b)", "ratio(ratio(a, b), ratio(c, d))", "abs(a * b) == a * b",
        "a * b <= 0.3 * c * d", "-a * b", "min(a * b, ratio(c, d)) * 0.1", "total(known(a * b, c * d))", "ratio(0.000000001, a)",
        "ratio(a, 0.000000001)", "ratio(a * 0.00001, b * 0.00001)", "0.999999999 * a * b", "ratio(a * 999999999, b * 0.00001)"]


@pytest.mark.parametrize("text", [t for t in WIDE if let_through(t)])
def test_nothing_overflows_at_the_bounds(duck: duckdb.DuckDBPyConnection, text: str) -> None:
    """Every combination of the largest, the smallest, their negatives, zero and a gap."""
    ends = (BIG, -BIG, TINY, -TINY, D(0), D(10**11), None)
    rows: list[Answers] = [{"a": a, "b": b, "c": c, "d": d} for a in ends for b in ends for c in (BIG, TINY, None) for d in (-BIG, D("0.3"))]
    assert judged(duck, [text], rows) == [(read(text, Value(row)),) for row in rows]


def test_few_of_the_wide_ones_are_refused() -> None:
    assert sum(let_through(t) for t in WIDE) >= len(WIDE) - 3


def test_exactly_on_a_threshold(duck: duckdb.DuckDBPyConnection) -> None:
    """A change of exactly 30 %, 1,596 times: doubles misjudge many of them, the reading none."""
    rows: list[Answers] = [{"a": D(n) / 10 * D("1.3"), "b": D(n) / 10} for n in range(1, 1597)]
    found = judged(duck, ["abs(ratio(a, b) - 1) <= 0.3", "abs(ratio(a, b) - 1) < 0.3", "abs(ratio(a + 0.0001, b) - 1) > 0.3"], rows)
    assert found == [(True, False, True)] * 1596
    doubles = duck.execute("SELECT count(*) FROM returns WHERE NOT abs(a::DOUBLE / b::DOUBLE - 1) <= 0.3").fetchone()
    assert doubles is not None and doubles[0] > 400, "the trap is there for doubles"


def test_sums_are_exact_where_doubles_are_not(duck: duckdb.DuckDBPyConnection) -> None:
    pairs = [(D(10**7 * k) + D(k) / 7, D(3 * 10**9 + k) / 11) for k in range(1, 400)]
    rows: list[Answers] = [{"a": (a := p.quantize(TINY)), "b": (b := q.quantize(TINY)), "c": a + b} for p, q in pairs]
    assert judged(duck, ["a + b == c", "a + b == c + 0.0001", "c - b == a"], rows) == [(True, False, True)] * len(rows)
    wrong = duck.execute("SELECT count(*) FROM returns WHERE round(a::DOUBLE + b::DOUBLE, 9) <> round(c::DOUBLE, 9)").fetchone()
    assert wrong is not None and wrong[0] > 20, "the trap is there for doubles"


def test_a_let_keeps_its_nine_places(duck: duckdb.DuckDBPyConnection) -> None:
    rows: list[Answers] = [{"a": D(10), "b": D(3)}, {"a": None, "b": D(3)}, {"a": D(10), "b": D(0)}]
    judged(duck, ["a > b"], rows)
    plain = Column({"a": column("a"), "b": column("b")})
    change = read("ratio(a, b)", plain)
    assert isinstance(change, Number)
    for text in ("change == 3.333333333", "change * b == 9.999999999", "missing(change)", "min(change, a) < 5", "total(known(change, b)) > 4"):
        tree = read(text, Column({"change": change, "a": column("a"), "b": column("b")})).sql
        by_value = [read(text, Value({**row, "change": read("ratio(a, b)", Value(row))})) for row in rows]
        assert duck.execute(exp.select(tree).from_("returns").sql("duckdb")).fetchall() == [(v,) for v in by_value]
    wide = read("a * b", plain)
    assert isinstance(wide, Number)
    with pytest.raises(FormulaError, match="38"):
        read("wide * a", Column({"wide": wide, "a": column("a")}))


def test_not_asked_larger_than_any_amount_and_booleans(duck: duckdb.DuckDBPyConnection) -> None:
    duck.execute("CREATE OR REPLACE TEMP TABLE returns AS SELECT 10000000000000::DECIMAL(18, 4) AS a, true AS b, NULL::DECIMAL(18, 4) AS c")
    reading = Column({"a": column("a"), "b": column("b"), "c": column("c"), "never": exp.null()})
    texts = ["a * a > 0", "min(a, 1) > 0", "b == 1", "missing(never)", "never > 0 or b == 1", "missing(b)", "total(known(never, c, b)) == 1"]
    found = duck.execute(exp.select(*[read(t, reading).sql for t in texts]).from_("returns").sql("duckdb")).fetchall()
    assert found == [(None, None, True, True, True, False, True)]


def test_an_unknown_name_is_told_with_its_place() -> None:
    with pytest.raises(FormulaError) as caught:
        read("a + bb > 1", Column({"a": column("a")}))
    assert caught.value.column == 5 and "bb" in str(caught.value)


def test_names_of_people_never_become_sql() -> None:
    tree = read("a > 1", Column({"a": column('x" > 0 OR "1')})).sql
    assert [c.name for c in parse_one(tree.sql("duckdb"), dialect="duckdb").find_all(exp.Column)] == ['x" > 0 OR "1']


@pytest.mark.parametrize("text", ["abs(ratio(a, b) - 1) <= 0.3", "min(a * b, 3) > total(known(a, b))", "not (missing(a) or a == b)"])
def test_prints_for_spark(text: str) -> None:
    """Decimals only, division by TRY_DIVIDE, quoting with backticks; Spark's parser in sqlglot reads it back."""
    tree = read(text, Column({"a": column("a"), "b": column("b")}, dialect="spark")).sql
    printed = tree.sql("spark")
    assert "TRY_CAST(`a` AS DECIMAL(16, 4))" in printed and " CAST(`a`" not in printed, "what is too large is unknown, not an error"
    assert "INT128" not in printed and "DOUBLE" not in printed and "//" not in printed and '"' not in printed
    assert ("TRY_DIVIDE" in printed) == ("ratio" in text)
    assert parse_one(printed, dialect="spark").sql("spark") == printed


def test_nesting_stays_small() -> None:
    """The deepest nesting the language lets through repeats operands; its SQL must stay printable."""
    deepest = "max(a, ratio(min(a, ratio(max(a, ratio(a, b)), b)), b))"
    assert len(read(deepest, Column({"a": column("a"), "b": column("b")})).sql.sql("duckdb")) < 100_000


def test_dialect_by_name() -> None:
    with pytest.raises(ValueError, match="expected one of duckdb, spark"):
        Column({}, dialect="oracle")


# -- the same on Spark: many formulas in a statement, in its compiled and its interpreted way ------------------------------------------


@pytest.fixture
def session(spark: str) -> Any:
    return connect(spark).session  # type: ignore[attr-defined]


def judged_on_spark(session: Any, folder: Path, texts: Sequence[str], rows: Sequence[Answers], compiled: bool) -> list[tuple[Any, ...]]:
    """As ``judged``, from a Parquet file, in its order."""
    names, places = sorted(rows[0]), [f"{n:05}" for n in range(len(rows))]
    write_table(folder / "rows.parquet", [("n", "text"), *((n, "number") for n in names)], [{**r, "n": n} for n, r in zip(places, rows, strict=True)])
    session.read.parquet(f"file://{folder}/rows.parquet").createOrReplaceTempView("formulas")
    reading = Column({n: column(n) for n in names}, dialect="spark")
    query = exp.select(column("n"), *[exp.alias_(read(t, reading).sql, f"f{n}") for n, t in enumerate(texts)]).from_("formulas")
    session.conf.set("spark.sql.codegen.wholeStage", str(compiled).lower())
    session.conf.set("spark.sql.codegen.factoryMode", "CODEGEN_ONLY" if compiled else "NO_CODEGEN")
    try:
        return [tuple(r)[1:] for r in sorted(session.sql(query.sql("spark")).collect())]
    finally:
        session.conf.set("spark.sql.codegen.wholeStage", "false")
        session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")


def by_value(texts: Sequence[str], rows: Sequence[Answers]) -> list[tuple[Any, ...]]:
    return [tuple(read(t, Value(row)) for t in texts) for row in rows]


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_spark_follows_the_truth_table(session: Any, tmp_path: Path) -> None:
    texts = [t for t, _ in TRUTH_CASES]
    rows = [{k: v if v is None else D(v) for k, v in TRUTH_ANSWERS.items()}]
    assert judged_on_spark(session, tmp_path, texts, rows, compiled=False) == [tuple(a for _, a in TRUTH_CASES)]


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.parametrize("compiled", [True, False])
def test_spark_at_the_bounds_and_on_thresholds(session: Any, tmp_path: Path, compiled: bool) -> None:
    ends = (BIG, -BIG, TINY, -TINY, D(0), D(10**11), None)
    rows: list[Answers] = [{"a": a, "b": b, "c": c, "d": d} for a in ends for b in ends for c in (BIG, TINY, None) for d in (-BIG, D("0.3"))]
    rows += [{"a": D(n) / 10 * D("1.3"), "b": D(n) / 10, "c": D(n) / 7 // TINY * TINY, "d": D(3)} for n in range(1, 400)]
    texts = [*(t for t in WIDE if let_through(t)), "abs(ratio(a, b) - 1) <= 0.3", "abs(ratio(a, b) - 1) < 0.3", "ratio(a, 3) - 33333333333 == 0.333333333"]
    assert judged_on_spark(session, tmp_path, texts, rows, compiled) == by_value(texts, rows)


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.parametrize("seed", [1, 2])
def test_spark_on_random_formulas(session: Any, tmp_path: Path, seed: int) -> None:
    """Sixty conditions and numbers in one statement over forty rows."""
    drawn: list[tuple[list[str], list[Answers]]] = []

    @given(st.lists(conditions(), min_size=30, max_size=30), st.lists(numbers(9).filter(let_through), min_size=30, max_size=30),
           st.lists(answers(), min_size=40, max_size=40))
    @settings(max_examples=2, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @hypothesis_seed(seed)
    def draw(claims: list[str], amounts: list[str], rows: list[Answers]) -> None:
        drawn.append(([*claims, *amounts], rows))

    draw()
    texts, rows = drawn[-1]  # the first example that is drawn is the simplest
    assert judged_on_spark(session, tmp_path, texts, rows, compiled=seed == 1) == by_value(texts, rows)
