"""Many rows at once: what the database refuses is told as Django tells it, and every text comes back as it was. On both record stores (tests/postgresql)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieneng.records.bulk import put
from jieneng.returns.models import Return, ReturnFinding
from tests.filling.make import open_year

pytestmark = pytest.mark.django_db
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20) | st.sampled_from(["\\N", "\\.", "a\tb\nc\\", '"', ""])


@pytest.fixture
def first(city: dict[str, Any]) -> Return:
    made = Return.objects.filter(round=open_year(city, last_year=False)).first()
    assert made is not None
    return made


def test_a_row_that_is_there_already_is_an_integrity_error(first: Return) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        put([Return(round=first.round, institution=first.institution, period=first.period, state="expected")])
    assert Return.objects.filter(pk=first.pk).exists(), "and the transaction around it goes on"


def test_a_text_that_is_too_long_is_a_data_error(first: Return) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite does not measure texts")
    with pytest.raises(DataError), transaction.atomic():
        put([ReturnFinding(ret=first, revision=0, rule="x" * 5000, severity="note", items=[], says={}, rulebook="")])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(st.none() | TEXT, max_size=4), said=st.dictionaries(TEXT, TEXT, max_size=3), rule=TEXT)
def test_every_text_comes_back_as_it_was(first: Return, items: list[str | None], said: dict[str, str], rule: str) -> None:
    ReturnFinding.objects.all().delete()
    put([ReturnFinding(ret=first, revision=0, rule=rule, severity="note", items=items, says=said, rulebook="\\N")])
    row = ReturnFinding.objects.get()
    assert (row.items, row.says, row.rule, row.rulebook) == (items, said, rule, "\\N")
