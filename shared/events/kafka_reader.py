"""One member of a Kafka consumer group, owned by one thread."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import (
    IllegalArgumentError,
    IllegalStateError,
    KafkaConfigurationError,
    KafkaError,
)

from shared.errors import Unavailable
from shared.events.event import Event, instant
from shared.events.log import Delivery
from shared.telemetry import get_log

OUR_FAULT = (IllegalArgumentError, KafkaConfigurationError)  # trying again would not help
TIME = re.compile(r"[0-9]{1,16}")  # microseconds, to the year 2286
RETRY_SECONDS = 0.5
COMMIT_MS = 5_000
LAG_MS = 2_000


class _Watch(ConsumerRebalanceListener):  # type: ignore[misc]  # the client has no types
    """Calls back when this member's partitions change."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def on_partitions_revoked(self, _: object, /) -> None:
        self._changed()

    def on_partitions_assigned(self, _: object, /) -> None:
        self._changed()


class KafkaSubscription:
    """A Subscription on Kafka. Builds its client inside `poll`, and again when it breaks."""

    def __init__(
        self,
        common: Mapping[str, Any],
        broker_there: Callable[[], bool],
        group: str,
        topics: Sequence[str],
    ) -> None:
        self._common = common
        self._broker_there = broker_there
        self._group = group
        self._topics = list(topics)
        self._lines = get_log("kafka")
        self._consumer: Any = None
        self._paused = False
        self._committed: dict[Any, int] = {}

    def poll(self, timeout_s: float, limit: int) -> Sequence[Delivery]:
        try:
            consumer = self._open()
            if consumer is None:
                time.sleep(min(timeout_s, RETRY_SECONDS))
                return []
            if self._paused:
                consumer.pause(*consumer.assignment())
            _keep_joining(consumer)
            found = consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=limit)
            if found and self._paused:  # partitions that came while it rested
                for place, records in found.items():
                    consumer.seek(place, records[0].offset)
                return []
        except OUR_FAULT:
            raise
        except KafkaError as error:
            self._lines.warning("kafka does not answer", error_type=type(error).__name__)
            self._drop()
            time.sleep(min(timeout_s, RETRY_SECONDS))
            return []
        return [delivery_of(record) for records in found.values() for record in records]

    def _open(self) -> Any:
        if self._consumer is None:
            if not self._broker_there():
                return None
            self._consumer = KafkaConsumer(
                **self._common,
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                partition_assignment_strategy=[CooperativeStickyAssignor],
                allow_auto_create_topics=False,
                session_timeout_ms=10_000,
                heartbeat_interval_ms=3_000,
                request_timeout_ms=15_000,
                metadata_max_age_ms=3_000,  # topics may be made after we came
                fetch_max_wait_ms=100,
            )
            self._consumer.subscribe(self._topics, listener=_Watch(self._committed.clear))
        return self._consumer

    def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._committed.clear()
        if consumer is not None:
            try:
                consumer.close(autocommit=False, timeout_ms=2_000)
            except KafkaError as error:
                self._lines.debug("left without a word", error_type=type(error).__name__)

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        done: dict[Any, int] = {}
        for delivery in deliveries:
            place = TopicPartition(delivery.event.topic, delivery.partition)
            done[place] = max(delivery.offset + 1, done.get(place, 0))
        consumer = self._consumer
        if consumer is None:
            raise _not_stored()
        mine = consumer.assignment()
        offsets = {
            place: OffsetAndMetadata(offset, "", -1)
            for place, offset in done.items()
            if place in mine
        }
        if not offsets:
            return
        try:
            consumer.commit(offsets, timeout_ms=COMMIT_MS)
        except KafkaError:
            raise _not_stored() from None
        self._committed.update({place: found.offset for place, found in offsets.items()})

    def lag(self) -> Mapping[str, int]:
        consumer = self._consumer
        lag: dict[str, int] = {}
        if consumer is None:
            return lag
        try:
            places = list(consumer.assignment())
            ends = consumer.end_offsets(places, timeout_ms=LAG_MS) if places else {}
            for place, end in ends.items():
                if place not in self._committed:
                    self._committed[place] = consumer.committed(place, timeout_ms=LAG_MS) or 0
                lag[place.topic] = lag.get(place.topic, 0) + max(0, end - self._committed[place])
        except (KafkaError, IllegalStateError):
            raise Unavailable("EVENTS_AWAY", "Kafka did not say how far it is.") from None
        return lag

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        if self._consumer is not None:
            self._consumer.resume(*self._consumer.paused())

    def close(self) -> None:
        self._drop()


def _keep_joining(consumer: Any) -> None:
    """Reminds the client of a join that outlasted the poll in which it began.

    kafka-python 3.0.12 forgets such a join when new topic metadata was its cause: as
    leader it already holds its plan for "unchanged", never takes up the answer, sends
    no heartbeats and is thrown out of the group. There is no public way to say it;
    the version is pinned, and the suite of every log holds a test of it.
    """
    coordinator = consumer._coordinator
    if coordinator._join_task is not None:
        coordinator.request_rejoin()


def _not_stored() -> Unavailable:
    return Unavailable(
        "EVENTS_AWAY", "Kafka did not store how far this group has read; it comes again."
    )


def delivery_of(record: Any) -> Delivery:
    """A Kafka record as an event; what is missing in its headers stays empty."""
    headers = {name: _text(value) for name, value in record.headers or ()}
    told = headers.pop("event-time", "")
    event = Event(
        id=headers.pop("event-id", ""),
        topic=record.topic,
        key=_text(record.key),
        payload=record.value or b"",
        time=instant(int(told) if TIME.fullmatch(told) else max(0, record.timestamp) * 1000),
        headers=headers,
    )
    return Delivery(event, record.partition, record.offset)


def _text(value: bytes | None) -> str:
    """Whatever a stranger wrote, as text that any database can store."""
    return (value or b"").decode("utf-8", "replace").replace("\0", "\ufffd")
