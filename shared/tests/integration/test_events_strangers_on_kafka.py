"""Records that no service of ours wrote: none stops a consumer, each is kept aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaProducer

from shared.events import event_of, topic_of
from shared.events.topics import dead_topic
from shared.testing.facts import a_fact, tell
from shared.testing.party import Party, until
from shared.testing.suites.event_log import take

STRANGE: list[dict[str, Any]] = [
    {"key": None, "value": b"{}", "headers": []},
    {"key": b"k", "value": None, "headers": []},
    {"key": b"\xff\x00k", "value": b"x", "headers": [("event-id", b"\xff\x00")]},
    {"key": b"k", "value": b"\xff", "headers": [("event-id", b"a" * 300)]},
    {"key": b"k", "value": b"\xff", "headers": [("event-id", b"i"), ("event-time", b"9" * 40)]},
    {"key": b"k", "value": b"\xff", "headers": [("event-id", b"j"), ("event-time", b"noon")]},
    {"key": b"k", "value": b"", "headers": [("event-id", b"l"), ("schema", b"\x00")]},
]


@pytest.fixture
def receiver(real_kafka: str, real_postgres: Callable[[], str]) -> Iterator[Party]:
    name = f"receiver-{uuid4().hex[:8]}"
    party = Party(name, real_postgres(), real_kafka).make_tables()
    yield party
    party.close()


@pytest.mark.real
def test_no_strange_record_stops_the_consumer(receiver: Party, real_kafka: str) -> None:
    kind = a_fact()
    topic = topic_of(kind)
    receiver.relay.start([topic])
    receiver.log.create_topics([topic, dead_topic(topic)])
    producer = KafkaProducer(bootstrap_servers=real_kafka.removeprefix("kafka://").split(","))
    for record in STRANGE:
        producer.send(topic, **record)
    producer.flush()
    producer.close()
    receiver.log.publish([event_of(tell(kind, "s", 1), clock=receiver.clock)])
    receiver.hear({kind: receiver.write_down})
    assert until(lambda: receiver.metric("events_dead_total") == len(STRANGE))
    assert until(lambda: receiver.stored() == [("s", "1")])
    assert receiver.failures == []
    member = receiver.log.subscribe(f"undertaker-{receiver.name}", [dead_topic(topic)])
    letters = take(member, len(STRANGE))
    member.close()
    assert len(letters) == len(STRANGE)
    assert {letter.event.headers["reason"] for letter in letters} == {
        "EVENT_ID_MISSING",
        "EVENT_UNREADABLE",
        "EVENT_SCHEMA_UNKNOWN",
    }


@pytest.mark.real
def test_a_value_that_the_database_cannot_hold_is_a_dead_letter(
    receiver: Party, real_kafka: str
) -> None:
    kind = a_fact()
    receiver.log.create_topics([topic_of(kind), dead_topic(topic_of(kind))])
    told = [tell(kind, "with a \0 inside", 1), tell(kind, "x" * 60, 2), tell(kind, "s", 3)]
    receiver.log.publish(
        [event_of(fact, clock=receiver.clock, event_id=f"{n}") for n, fact in enumerate(told)]
    )
    receiver.hear({kind: receiver.write_down})
    assert until(lambda: receiver.stored() == [("s", "3")])
    assert until(lambda: receiver.metric("events_dead_total") == 2)
    assert receiver.failures == []
