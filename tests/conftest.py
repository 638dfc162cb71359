"""Fixtures every test may use: a home of its own, the small city with its people, and a Spark cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests import people_by_name as names


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole rooms on PostgreSQL first: two tests of many minutes, which one worker would begin when the other has nothing left."""
    items.sort(key=lambda i: "postgresql" not in i.path.parent.name)


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> Path:
    """A workspace folder of the test's own; ``settings.HOME`` points there."""
    from jieneng.returns import queries

    folder = tmp_path / "home"
    folder.mkdir()
    names.make_home(folder)
    settings.HOME = folder
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    queries._opened.cache_clear()
    return folder


@pytest.fixture
def city(db: None) -> dict[str, Any]:
    """Offices, people by name, and four institutions."""
    return names.make_city()


@pytest.fixture
def sign_in(city: dict[str, Any]) -> Any:
    """``sign_in("zhoumin")`` gives a client signed in as that person."""

    def as_person(username: str) -> Client:
        client = Client()
        client.force_login(city["people"][username])
        return client

    return as_person


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster: the one named in JIENENG_TEST_SPARK, else one started for the session. Skipped, with the reason, where
    there is no Java (``./run test`` installs it, and in CI nothing runs without it)."""
    from jieneng.engine import on_spark
    from tests.engine import cluster

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
