"""Freezes the small city and hands its snapshot out: run by ``test_figures_by_engine`` in a process whose record store is PostgreSQL."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.figures.make import frozen


@pytest.mark.django_db
def test_freeze(city: dict[str, Any], home: Path) -> None:
    assert connection.vendor == "postgresql"
    made = frozen(city)
    shutil.copytree(home / "snapshots" / made.pk, Path(os.environ["JIENENG_TEST_OUT"]) / made.pk)
