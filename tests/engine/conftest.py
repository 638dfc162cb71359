"""The engines that one test runs on, and the Spark cluster that the session shares."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.engine import cluster


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster: the one named in JIENENG_TEST_SPARK, else one started for the session. Skipped, with the reason, where
    there is no Java (``./run test`` installs it, and in CI nothing runs without it)."""
    from jieneng.engine import on_spark

    if there := os.environ.get("JIENENG_TEST_SPARK"):
        yield there
        on_spark.disconnect()
        return
    if why := cluster.missing():
        pytest.skip(why)
    started = cluster.Cluster(tmp_path_factory.mktemp("spark"))
    try:
        yield started.url
    finally:
        on_spark.disconnect()
        started.stop()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """``parametrize("engine", ENGINES, indirect=True)``: the address of an engine."""
    return str(request.getfixturevalue("spark") if request.param == "spark" else request.param)
