"""Answers that are remembered are the computed ones, are told apart by all that was asked, and never hide damage."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.engine import Ask, Engine, LedgerAnswer, Snapshot, afresh, connect
from jieneng.engine import remembering as room
from tests.engine.make import row
from tests.engine.test_agreement import body, frozen

YEAR = Period.parse("2022")
ASKS = [Ask("electricity_kwh")]


class Counting:
    """An engine that counts what is asked of it."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.asked = engine, 0

    def __getattr__(self, name: str) -> Any:
        def ask(*args: Any, **more: Any) -> Any:
            self.asked += 1
            return getattr(self.engine, name)(*args, **more)

        return ask


@pytest.fixture
def made(tmp_path: Path) -> Snapshot:
    rows = [row(n, "2022-01", "341802" if n < 3 else "341821", electricity_kwh=str(n)) for n in range(1, 5)]
    return frozen(tmp_path, rows, [body(n, "341802" if n < 3 else "341821") for n in range(1, 6)])


@pytest.fixture
def engine() -> Any:
    return room.Remembering(Counting(connect(fresh=True)), "duckdb:", room.Memory())


def test_asked_again_nothing_is_computed_and_the_answer_is_the_same(engine: Any, made: Snapshot) -> None:
    for question, args, more in (("sums", [ASKS], {"form": "consumption", "period": YEAR, "by": ("area",)}), ("members", ["consumption", YEAR], {"by": ["area"]}),
                                 ("uncovered", ["consumption", YEAR, ["electricity_kwh"]], {}), ("covered", ["consumption", YEAR, [["electricity_kwh"]]], {})):
        before = engine.engine.asked
        first, second = (getattr(engine, question)(made, *args, **more) for _ in range(2))
        assert first == second == getattr(connect(fresh=True), question)(made, *args, **more) and first
        assert engine.engine.asked == before + 1, question


def test_whatever_differs_in_the_question_is_another_question(engine: Any, made: Snapshot) -> None:
    ask: dict[str, Any] = {"form": "consumption", "period": YEAR}
    others: list[dict[str, Any]] = [{"where": {"area": ["341802"]}}, {"where": {"area": {"not": ["341802"]}}}, {"by": ("area",)}, {"period": Period.parse("2022-01")},
                                    {"complete": ("electricity_kwh",)}, {"where": {"line": "/341800/341802/"}}]
    engine.sums(made, ASKS, **ask)
    for n, other in enumerate(others, 2):
        assert engine.sums(made, ASKS, **{**ask, **other}) == connect(fresh=True).sums(made, ASKS, **{**ask, **other})
        assert engine.engine.asked == n, other
    engine.sums(made, [Ask("electricity_kwh", "mean")], **ask)
    assert engine.engine.asked == len(others) + 2


def test_another_snapshot_in_the_same_folder_is_another(engine: Any, made: Snapshot, tmp_path: Path) -> None:
    engine.sums(made, ASKS, form="consumption", period=YEAR)
    (tmp_path / "b").mkdir()
    second = frozen(tmp_path / "b", [row(1, "2022-01", "341802", electricity_kwh="70")], [])
    assert engine.sums(second, ASKS, form="consumption", period=YEAR)[0].totals["electricity_kwh"].value == 70


def test_damage_since_is_told_and_what_is_handed_out_is_the_asker_s_own(engine: Any, made: Snapshot) -> None:
    ask: dict[str, Any] = {"form": "consumption", "period": YEAR}
    answer = engine.sums(made, ASKS, **ask)
    answer.clear()
    assert engine.sums(made, ASKS, **ask)
    file = made.folder / "returns" / "consumption@2022.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(Refused):
        engine.sums(made, ASKS, **ask)


def test_a_proof_computes_again() -> None:
    remembered = connect()
    assert isinstance(remembered, room.Remembering) and afresh(remembered) is connect(fresh=True) and afresh(afresh(remembered)) is afresh(remembered)


def test_what_an_asker_does_to_an_answer_reaches_nobody_else(engine: Any, made: Snapshot) -> None:
    def asked() -> tuple[Any, Any]:
        return (engine.sums(made, ASKS, form="consumption", period=YEAR, by=("area",)), engine.covered(made, "consumption", YEAR, [["electricity_kwh"]]))

    right = [(g.keys, g.members, g.rows, g.totals) for g in connect(fresh=True).sums(made, ASKS, form="consumption", period=YEAR, by=("area",))]
    for _ in range(3):  # the one whose question was computed, and those who were told what was kept
        groups, counts = asked()
        assert [(g.keys, g.members, g.rows, g.totals) for g in groups] == right and counts == {(): [4]}
        groups[0].keys["area"], groups[0].members = "elsewhere", 99
        groups[0].totals.clear()
        counts[()].append(7)


def test_a_ledger_may_be_asked_by_name_and_by_place(tmp_path: Path) -> None:
    class Ledger:
        asked = 0

        def ledger(self, snapshot: Any, kind: str, *, take: str, column: str = "", where: Any = None) -> LedgerAnswer:
            Ledger.asked += 1
            return LedgerAnswer(None, (kind, take, column), 1)

    snapshot: Any = SimpleNamespace(folder=tmp_path, manifest_hash="h", manifest={"files": {}}, forms=lambda form: ())
    engine = room.Remembering(Ledger(), "x:", room.Memory())  # type: ignore[arg-type]
    assert engine.ledger(snapshot, kind="vouchers", take="count") == engine.ledger(snapshot, "vouchers", take="count", where=None)
    assert Ledger.asked == 1
    with pytest.raises(TypeError):
        engine.ledger(snapshot, take="count")


@pytest.mark.parametrize(("one", "other"), [(True, 1), (1, 1.0), (0, False), ("1", 1), ({"a": 1}, [("a", 1)]), ({"a": 1}, ("map", ("a", 1))), ([1, True], [True, 1]),
                                            ({1}, [1]), (Ask("x"), ("x", "sum")), ({"not": [1]}, {"not": [True]}), (None, ())])
def test_values_of_another_kind_are_another_question(one: Any, other: Any) -> None:
    assert room._key(one) != room._key(other) and room._key(one) == room._key(one)


def test_a_list_and_a_tuple_ask_the_same() -> None:
    assert room._key({"b": [1, (2,)], "a": None}) == room._key({"a": None, "b": (1, [2])})


def test_no_more_values_are_kept_than_are_allowed_whatever_an_answer_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "VALUES", 100)
    memory = room.Memory()
    for key, values in (("a", 40), ("b", 40), ("a", 50), ("c", 30)):
        memory.put(key, key, values)
        assert memory.values == sum(n for _, n in memory.kept.values()) <= 100
    assert list(memory.kept) == ["a", "c"] and memory.get("a") == "a"
    memory.put("d", "d", 50)  # c was used before a
    assert list(memory.kept) == ["a", "d"]
    memory.put("e", "e", 101)
    assert memory.values == 0 and memory.get("e") is None


def test_large_answers_are_not_kept_and_old_ones_make_room(monkeypatch: pytest.MonkeyPatch, engine: Any, made: Snapshot) -> None:
    wheres: list[Any] = [["341802"], ["341821"], {"not": ["341821"]}]
    for n, area in enumerate(wheres):
        engine.sums(made, ASKS, form="consumption", period=YEAR, where={"area": area})
        if n == 0:
            monkeypatch.setattr(room, "VALUES", engine.memory.values * 5 // 2)
    assert len(engine.memory.kept) == 2
    monkeypatch.setattr(room, "LARGEST", 1)
    for _ in range(2):
        engine.sums(made, ASKS, form="consumption", period=YEAR, by=("institution",))
    assert engine.engine.asked == 5 and len(engine.memory.kept) == 2
