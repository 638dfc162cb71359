"""One rule, one verdict: the page (Examiner), the workbook (recalculated by LibreOffice) and the bulk review (engine), on random returns.

Unknowns, exact balances, ratios at their threshold to the last place and values of fourteen digits are among them. The full size of
10,000 runs under ``JIENENG_RETURNS=10000``, as ``./run bench workbooks --full`` does.
"""

from __future__ import annotations

import os
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from jieneng.core.cell import ASKED_NOT, Cell, Number, Truth
from jieneng.core.formula import TRUTH_CASES, FormulaError, read
from jieneng.core.period import Period
from jieneng.core.problem import Severity
from jieneng.core.words import T, speaking
from jieneng.engine import connect
from jieneng.engine.screening import judge
from jieneng.filling import rules
from jieneng.filling.shape import computed, shape_of
from jieneng.filling.workbook import Line, Spec, make
from jieneng.returns.examine import Examiner
from jieneng.rulebook import load
from jieneng.rulebook.types import Check
from tests.engine.make import row as snapshot_row
from tests.engine.make import snapshot
from tests.filling.office import needs_office, resave_all

BOOK = load("cn")
FORM = BOOK.forms["consumption@2022"]
SHAPE = shape_of(BOOK, FORM)
N = int(os.environ.get("JIENENG_RETURNS", "400"))


def amounts(dice: random.Random, code: str, near: Decimal | None = None) -> Decimal | None:
    """A value as people and accidents make them; None in a sixth of cases."""
    kind = dice.randrange(12)
    whole = SHAPE.entries[code].item.kind == "count"
    if kind < 2:
        return None
    if kind < 4:
        return Decimal(0)
    if near is not None and kind < 8:  # at the thresholds: 10 % either way, a hundredfold, and one last place beside them
        times = dice.choice([Decimal("1.1"), Decimal("0.9"), Decimal(100), Decimal("0.01"), Decimal(1)])
        value = (near * times + dice.choice([-1, 0, 0, 1]) * Decimal("0.0001")).quantize(Decimal("0.0001"))
    elif kind < 10:
        value = Decimal(dice.randrange(0, 3000)) / dice.choice([1, 10, 10_000])
    else:
        value = Decimal(dice.randrange(0, 10**14)) / 10_000
    value = min(max(value, Decimal(0)), Decimal(10) ** 11 - 1)
    return value.to_integral_value() if whole else value.quantize(Decimal("0.0001"))


def some_returns(n: int, seed: int = 2022) -> list[Line]:
    """Rows of many institutions, two years: the row's own answers and last year's."""
    dice, lines = random.Random(seed), []
    back = ("area_m2", "people", "electricity_kwh")
    for k in range(n):
        before = {f"last_year.{c}": amounts(dice, c) for c in back}
        values = {c: amounts(dice, c, before.get(f"last_year.{c}")) for c in SHAPE.entries}
        if dice.random() < 0.2:  # ratios that tie in the ninth place
            before["last_year.area_m2"], values["area_m2"] = Decimal(200_000), Decimal(220_000) + dice.choice([Decimal("0.0001"), Decimal("0.0002"), Decimal(0)])
        computed(SHAPE, values)
        lines.append(Line(f"c{k}", f"示例{k}", "2022-03", values, before))
    return lines


def verdicts(path: Path) -> dict[str, dict[str, int]]:
    """What the cells of a recalculated workbook say: key → rule → 2, 1, 0."""
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("填报").to_python(skip_empty_area=False)
    head = next(r for r in rows if r[0] == "#items")
    columns = {str(c)[6:]: n for n, c in enumerate(head) if str(c).startswith("check.")}
    return {str(r[0])[1:].partition("|")[0]: {rule: int(r[n]) for rule, n in columns.items()} for r in rows if str(r[0]).startswith("#c")}


def truth_workbook(path: Path) -> None:
    """Every row of the truth table as a cell: T, F, U or the number."""
    names = {"x": "A1", "y": "B1", "z": "C1"}
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("t")
    sheet.write_number(0, 1, 2)
    sheet.write_number(0, 2, -5)
    reading = Cell(lambda n: names.get(n, ASKED_NOT if n == "base.y" else None))
    for n, (text, _) in enumerate(TRUTH_CASES, 1):
        piece = read(text, reading)
        if isinstance(piece, Truth):
            sheet.write_formula(n, 0, f'=IF({piece.true},"T",IF({piece.false},"F","U"))')
        else:
            assert isinstance(piece, Number)
            sheet.write_formula(n, 0, f'=IF({piece.known or "TRUE"},TEXT({piece.text}/{10**piece.extent.places},"0.####"),"U")')
    book.close()


@pytest.fixture(scope="module")
def recalculated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All workbooks of this file, through LibreOffice at once."""
    folder = tmp_path_factory.mktemp("office")
    lines, few = some_returns(N), some_returns(100, seed=7)
    paths = {n: folder / f"{n}.xlsx" for n in ("returns", "truth", "zh", "en")}
    paths["returns"].write_bytes(make(Spec(BOOK, SHAPE, "随机", {"form": "consumption"}, lines)))
    truth_workbook(paths["truth"])
    for language in ("zh", "en"):
        with speaking(language):
            paths[language].write_bytes(make(Spec(BOOK, SHAPE, "t", {}, few)))
    made = dict(zip(paths, resave_all(list(paths.values()), folder), strict=True))
    return {**made, "lines": lines, "few": few}


@needs_office
@pytest.mark.office
def test_page_workbook_and_bulk_review_give_one_verdict(recalculated: dict[str, Any], tmp_path: Path) -> None:
    lines, cells = recalculated["lines"], verdicts(recalculated["returns"])
    rows: list[dict[str, Any]] = []
    for k, line in enumerate(lines):
        given = {c: str(v) for c, v in line.values.items() if v is not None}
        rows.append(snapshot_row(k, "2022-03", **given))
        rows.append(snapshot_row(k, "2021-03", **{c.partition(".")[2]: str(v) for c, v in line.before.items() if v is not None}))
    items = list(SHAPE.entries)
    screened = {s.check: s for s in connect().screen(snapshot(tmp_path / "s", rows, items=items), "consumption", FORM.checks, Period.parse("2022-03"), limit=N)}
    examiner, seen = Examiner(FORM), {0: 0, 1: 0, 2: 0}
    failing: dict[str, set[str]] = {}
    for line in lines:
        last = {c.partition(".")[2]: v for c, v in line.before.items()}
        page = {f.rule for f in examiner.examine(line.values, last).findings}
        for c in rules.usable(FORM):
            state = judge(c, line.values, {"last_year": last}, frozenset(items))
            assert cells[line.key][c.id] == state, (c.id, line.key, {n: line.values.get(n, line.before.get(n)) for n in rules.needed(c)})
            assert (c.id in page) == (state == rules.FAILS)
            seen[state] += 1
            if state == rules.FAILS:
                failing.setdefault(c.id, set()).add(line.key)
    for name, s in screened.items():
        assert {f"c{f.institution}" for f in s.rows} == failing.get(name, set()), name
    assert min(seen.values()) > N, seen  # all three answers are common among them, unknown included


@needs_office
@pytest.mark.office
def test_the_truth_table_in_cells(recalculated: dict[str, Any]) -> None:
    made = CalamineWorkbook.from_path(str(recalculated["truth"])).get_sheet_by_index(0).to_python(skip_empty_area=False)
    for n, (text, answer) in enumerate(TRUTH_CASES, 1):
        want = "U" if answer is None else {True: "T", False: "F"}[answer] if isinstance(answer, bool) else f"{answer:f}"
        assert str(made[n][0]).rstrip(".") == want, text


@needs_office
@pytest.mark.office
@pytest.mark.parametrize("language", ["zh", "en"])
def test_words_of_a_failed_check_are_those_of_the_page(recalculated: dict[str, Any], language: str) -> None:
    with speaking(language):
        rows = CalamineWorkbook.from_path(str(recalculated[language])).get_sheet_by_index(1).to_python(skip_empty_area=False)
        examiner, told = Examiner(FORM), 0
        found = [(line, {f.rule: str(f.says) for f in examiner.examine(line.values, {c.partition(".")[2]: v for c, v in line.before.items()}).findings})
                 for line in recalculated["few"]]
        for r in rows[3:]:
            first = next(((line, says) for line, says in found if r[0] in says), None)
            if first is not None:
                assert r[7] == first[1][r[0]], r[0]
                assert str(r[6]).startswith(first[0].name)
                told += 1
    assert told >= 10


def check(holds: str, **more: Any) -> Check:
    return Check("X", Severity.must, holds, T("错 {a}", "wrong {a}"), T("改", "mend"), **more)


def test_a_check_that_does_not_fit_a_cell_is_refused_in_words() -> None:
    from jieneng.core.problem import Refused

    long = " or ".join(["ratio(total(known(a, b, c)), total(known(d, e, f))) > 1"] * 12)
    with pytest.raises(Refused) as refused:
        rules.verdict(check(long), lambda n: f"$ZZ{n}100000")
    assert "8192" in str(refused.value)


def test_a_name_without_a_cell_is_unknown_and_a_let_is_a_number() -> None:
    assert rules.verdict(check("missing(a)"), lambda n: None) == "IF(FALSE,2,IF(NOT(FALSE),1,0))"
    text = rules.verdict(check("t <= 1", let={"t": "ratio(a, b)"}), {"a": "A1", "b": "B1"}.get)
    assert "COUNT(A1,B1)=2" in text
    with pytest.raises(FormulaError):
        read("nothing > 1", Cell({}))
