"""The Spark cluster that the session's tests of engines share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine import cluster


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster; skipped, with the reason, where there is no Java (``./run test`` in CI has it)."""
    if why := cluster.missing():
        pytest.skip(why)
    from jieneng.engine import on_spark

    started = cluster.Cluster(tmp_path_factory.mktemp("spark"))
    try:
        yield started.url
    finally:
        on_spark.disconnect()
        started.stop()
