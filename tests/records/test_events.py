"""The chain of events: any change, removal or cut is found and located (faults.md C5, X10)."""

import json

import pytest
from django.db import transaction

from jieneng.people.models import User
from jieneng.records import events
from jieneng.records.models import ChainHead, Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain() -> list[Event]:
    zhou = User.objects.create_user("zhoumin", "a long enough password", name="周敏")
    with events.action():
        return [events.record(zhou, "test.did", "thing", n, data={"n": n, "字": "节能"}) for n in range(12)]


def test_sm3_is_the_standard_one() -> None:
    # GB/T 32905—2016, annex A, example 1
    assert events.sm3(b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_an_untouched_chain_is_whole(chain: list[Event]) -> None:
    assert events.faults() == (12, [])
    assert events.head() == {"seq": 12, "hash": chain[-1].hash}


def test_events_outside_an_action_are_refused(chain: list[Event]) -> None:
    with pytest.raises(RuntimeError):
        events.record(None, "x", "y", 1)


def test_no_event_when_the_action_fails(chain: list[Event]) -> None:
    with pytest.raises(ZeroDivisionError), events.action():
        events.record(None, "x", "y", 1)
        _ = 1 / 0
    assert events.faults() == (12, [])


@pytest.mark.parametrize("column, value", [("data", {"n": 99}), ("verb", "other"), ("actor_name", "别人"), ("at", "2020-01-01T00:00:00+08:00")])
def test_a_changed_field_is_located(chain: list[Event], column: str, value: object) -> None:
    Event.objects.filter(seq=5).update(**{column: value})
    count, wrong = events.faults()
    assert count == 12
    assert [w.split(":")[0] for w in wrong] == ["5"]


def test_a_removed_event_is_located(chain: list[Event]) -> None:
    Event.objects.filter(seq=7).delete()
    assert any(w.startswith("7: missing") for w in events.faults()[1])


def test_two_swapped_events_are_located(chain: list[Event]) -> None:
    a, b = chain[3], chain[4]
    Event.objects.filter(pk=a.pk).update(seq=100)
    Event.objects.filter(pk=b.pk).update(seq=a.seq)
    Event.objects.filter(pk=a.pk).update(seq=b.seq)
    assert any(w.startswith("4:") for w in events.faults()[1])


def test_a_cut_tail_is_found_by_the_head(chain: list[Event]) -> None:
    Event.objects.filter(seq__gt=7).delete()
    assert any("head of the chain" in w for w in events.faults()[1])


def test_a_rewritten_tail_is_found_by_an_anchor(chain: list[Event]) -> None:
    anchor = {**events.head(), "where": "backup"}
    Event.objects.filter(seq__gt=7).delete()
    ChainHead.objects.update(seq=7, hash=chain[6].hash)
    with events.action():
        for n in range(5):
            events.record(None, "test.did", "thing", n)
    assert events.faults()[1] == []  # inside, all looks well …
    assert any("anchored in backup" in w for w in events.faults([anchor])[1])  # … the anchor knows better


def test_one_action_is_one_transaction_id(chain: list[Event]) -> None:
    with events.action():
        one = events.record(None, "a", "b", 1)
        with events.action():
            two = events.record(None, "a", "b", 2)
    assert one.transaction == two.transaction != chain[0].transaction


def test_the_hash_is_over_what_the_database_gives_back(chain: list[Event]) -> None:
    stored = Event.objects.get(seq=3)
    assert json.loads(events.content(stored))["data"] == {"n": 2, "字": "节能"}
    assert events.sm3(events.content(stored)) == stored.hash


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_action_leaves_no_gap() -> None:
    with events.action():
        events.record(None, "a", "b", 1)
    try:
        with transaction.atomic(), events.action():
            events.record(None, "a", "b", 2)
            raise KeyError
    except KeyError:
        pass
    with events.action():
        assert events.record(None, "a", "b", 3).seq == 2
