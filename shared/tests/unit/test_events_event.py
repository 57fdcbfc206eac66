"""An event is made from a message, carries it whole and never shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from larrey.catalogue.v1 import catalogue_pb2
from larrey.replenishment.v1 import events_pb2
from shared.clock import FixedClock
from shared.errors import Malformed
from shared.events.event import (
    Event,
    check_identity,
    decode,
    event_of,
    instant,
    micros,
    topic_of,
)
from shared.events.topics import with_dead
from shared.testing.facts import a_fact, tell
from shared.tracing import traceparent

CLOCK = FixedClock(datetime(2026, 1, 5, 6, tzinfo=UTC))
INSTANTS = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001  the strategy wants bounds without zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001  the same
    timezones=st.timezones(),
)


def test_the_message_names_its_topic_and_its_key() -> None:
    event = event_of(events_pb2.ItemPut(item_id="I1"), clock=CLOCK, producer="replenishment")
    assert topic_of(events_pb2.ItemPut) == event.topic == "larrey.replenishment.item-put.v1"
    assert event.key == "I1"
    assert event.time == CLOCK.now()
    assert event.headers == {
        "schema": "larrey.replenishment.v1.ItemPut",
        "content-type": "application/protobuf",
        "producer": "replenishment",
    }


def test_a_message_without_a_topic_cannot_be_published() -> None:
    with pytest.raises(TypeError, match="it cannot be published"):
        event_of(catalogue_pb2.Item(), clock=CLOCK)


def test_a_fact_about_nothing_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="item_id is empty"):
        event_of(events_pb2.ItemPut(), clock=CLOCK)


def test_every_event_has_an_id_of_its_own_unless_it_is_given() -> None:
    fact = events_pb2.ItemPut(item_id="I1")
    assert event_of(fact, clock=CLOCK).id != event_of(fact, clock=CLOCK).id
    assert event_of(fact, clock=CLOCK, event_id="same").id == "same"


def test_the_payload_never_shows_in_a_repr() -> None:
    event = event_of(tell(a_fact(), "s", 1, "something secret"), clock=CLOCK)
    assert b"secret" in event.payload
    assert "secret" not in repr(event)


def test_the_trace_of_the_work_at_hand_travels_with_the_fact() -> None:
    token = traceparent.set("00-aa-bb-01")
    try:
        event = event_of(events_pb2.ItemPut(item_id="I1"), clock=CLOCK)
    finally:
        traceparent.reset(token)
    assert event.headers["traceparent"] == "00-aa-bb-01"
    assert "traceparent" not in event_of(events_pb2.ItemPut(item_id="I1"), clock=CLOCK).headers


@given(subject=st.text(min_size=1), number=st.integers(-(2**63), 2**63 - 1), note=st.text())
def test_what_is_decoded_is_what_was_told(subject: str, number: int, note: str) -> None:
    kind = a_fact("larrey.testing.law.v1")
    fact = tell(kind, subject, number, note)
    assert decode(event_of(fact, clock=CLOCK), kind) == fact


@given(INSTANTS)
def test_an_instant_comes_back_to_the_microsecond(moment: datetime) -> None:
    assert instant(micros(moment)) == moment.astimezone(UTC)
    assert instant(micros(moment)).utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_an_id_that_nobody_could_keep_is_refused(name: str) -> None:
    event = Event(name, "t", "k", b"", CLOCK.now())
    with pytest.raises(Malformed, match="EVENT_ID_MISSING"):
        check_identity(event)


def test_every_topic_has_one_dead_letter_topic_and_those_have_none() -> None:
    assert with_dead(["a", "b", "a", "b.dead"]) == ["a", "a.dead", "b", "b.dead"]
