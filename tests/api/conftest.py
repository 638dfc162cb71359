"""The small city with 2021 and 2022 filed and frozen, and one client of the API for each role; made once for this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command

from jieneng.desk.api import door
from jieneng.returns.models import Return, Round
from jieneng.returns.plan.actions import set_office
from tests.api.make import Api, make_clients
from tests.figures.make import file_all, frozen
from tests.people_by_name import JINGXIAN, make_city, make_home


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Two years frozen; of 2023 nothing is reviewed yet."""
    home = tmp_path_factory.mktemp("api")
    make_home(home)
    before, django_settings.HOME = django_settings.HOME, home
    hashers, django_settings.PASSWORD_HASHERS = django_settings.PASSWORD_HASHERS, ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with django_db_blocker.unblock():
        city = make_city()
        record = frozen(city)
        file_all(city, 2023, accept=False)
        set_office(city["people"]["zhoumin"], Round.objects.get(year=2023), city["offices"][JINGXIAN], mode="C", deadline=None)
        yield {**city, "record": record, "tokens": make_clients(city), "home": home}
        call_command("flush", interactive=False, verbosity=0)
    django_settings.HOME, django_settings.PASSWORD_HASHERS = before, hashers


@pytest.fixture(autouse=True)
def home(settings: Any, stage: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home made for this file; rates start anew with each test."""
    settings.HOME = stage["home"]
    monkeypatch.setattr(door, "RATE", door.Rate())
    return stage["home"]


@pytest.fixture
def api(db: None, stage: dict[str, Any]) -> Any:
    """``api("county")`` is that client's side of the line."""
    return lambda name: Api(stage["tokens"][name])


@pytest.fixture
def ret(db: None, stage: dict[str, Any]) -> Return:
    """示例第一小学, March 2023: filed, not reviewed."""
    from tests.people_by_name import SCHOOL_ONE

    return Return.objects.get(institution=stage["institutions"][SCHOOL_ONE], period="2023-03")
