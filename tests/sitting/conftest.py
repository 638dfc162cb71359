"""The small city with three years filed, and a run of the review with findings by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, JIXI_SCHOOL, SCHOOL_ONE, SCHOOL_TWO
from tests.sitting.make import add, make_run


@pytest.fixture
def reviewed(city: dict[str, Any]) -> dict[str, Any]:
    """``run`` and its ``findings``: two of 泾县, the hospital of 市直, one of 绩溪, the worst first."""
    file_all(city, 2022)
    run = make_run(city)
    findings = [add(run, city, key, rank) for rank, key in enumerate((SCHOOL_ONE, HOSPITAL, SCHOOL_TWO, JIXI_SCHOOL), 1)]
    return {**city, "run": run, "round": run.round, "findings": findings}
