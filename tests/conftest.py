"""Fixtures every test may use: a home of its own, and the small city with its people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests import people_by_name as names


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
