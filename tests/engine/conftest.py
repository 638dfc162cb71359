"""The engines that one test runs on."""

from __future__ import annotations

import pytest


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """``parametrize("engine", ENGINES, indirect=True)``: the address of an engine."""
    return str(request.getfixturevalue("spark") if request.param == "spark" else request.param)
