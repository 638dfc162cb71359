"""Received files: kept by content, never by name."""

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieneng.core.problem import Refused
from jieneng.people.models import User
from jieneng.records import files

pytestmark = pytest.mark.django_db


@pytest.fixture
def received(settings, tmp_path: Path):
    settings.HOME = tmp_path
    zhou = User.objects.create_user("zhoumin", None, name="周敏")
    return lambda data, name="表.xlsx": files.receive(io.BytesIO(data), name, zhou)


def test_a_file_is_named_by_its_content(received, tmp_path: Path) -> None:
    row = received(b"hello")
    assert row.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert files.path_of(row.sha256).read_bytes() == b"hello"
    assert files.intact(row)


def test_the_same_content_is_kept_once(received, tmp_path: Path) -> None:
    assert received(b"x", "a.csv").pk == received(b"x", "b.csv").pk
    assert len([p for p in (tmp_path / "received").rglob("*") if p.is_file()]) == 1


def test_damage_is_seen(received) -> None:
    row = received(b"hello")
    files.path_of(row.sha256).write_bytes(b"hellO")
    assert not files.intact(row)


def test_too_large_is_refused_and_leaves_nothing(received, settings, tmp_path: Path) -> None:
    settings.UPLOAD_LIMIT = 1 << 20
    with pytest.raises(Refused, match="1 MB"):
        received(b"x" * ((1 << 20) + 1))
    assert [p for p in (tmp_path / "received").rglob("*") if p.is_file()] == []


@given(st.text())
def test_a_name_is_never_a_path(name: str) -> None:
    safe = files.safe_name(name)
    assert safe and "/" not in safe and "\\" not in safe and "\0" not in safe and safe not in (".", "..")
    assert len(safe) <= 200 and "\u202e" not in safe


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\Windows\\x.xlsx", "a\u202egnp.exe", "..", "", "表\n格.xlsx", "x" * 5000 + ".xlsx"])
def test_hostile_names(name: str) -> None:
    safe = files.safe_name(name)
    assert Path(safe).name == safe and ".." not in (safe,)
