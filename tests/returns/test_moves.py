"""The table of moves, walked as a table."""

import pytest

from jieneng.core.problem import Refused
from jieneng.people.roles import VERBS as RIGHTS
from jieneng.returns.moves import MOVES, STATES, VERBS, as_mermaid, move


def test_every_move_names_known_words() -> None:
    for (state, verb), m in MOVES.items():
        assert state in STATES and m.to in STATES and verb in VERBS and m.right in RIGHTS


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_all_pairs_are_allowed_or_refused_in_words(state: str, verb: str) -> None:
    if (state, verb) in MOVES:
        assert move(state, verb) == MOVES[(state, verb)]
    else:
        with pytest.raises(Refused) as told:
            move(state, verb)
        assert str(STATES[state]) in str(told.value)


def test_every_state_is_reached_and_no_open_state_is_a_trap() -> None:
    reached = {"expected"}
    while True:
        more = {m.to for (s, _), m in MOVES.items() if s in reached} | reached
        if more == reached:
            break
        reached = more
    assert reached == set(STATES)
    for state in set(STATES) - {"exempt", "covered"}:
        assert any(s == state for s, _ in MOVES)


def test_sending_back_always_wants_a_reason() -> None:
    assert all(m.reason for (_, v), m in MOVES.items() if v in ("send_back", "reopen"))


def test_a_signed_return_is_only_reopened() -> None:
    assert {v for s, v in MOVES if s == "signed"} == {"reopen"}


def test_the_diagram_has_a_line_for_every_move() -> None:
    assert len(as_mermaid().splitlines()) == len(MOVES) + 1


def test_the_drawing_in_the_docs_is_this_table() -> None:
    from pathlib import Path

    text = (Path(__file__).resolve().parents[2] / "docs" / "states.md").read_text(encoding="utf-8")
    assert as_mermaid() in text
