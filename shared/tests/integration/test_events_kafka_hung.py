"""A broker that hangs with a batch in hand: the sender is told, ends, and goes on afterwards."""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import Unavailable
from shared.events import Event
from shared.events.kafka import KafkaLog, TopicShape
from shared.testing.kafka import KafkaBroker


@pytest.mark.real
@pytest.mark.slow
def test_a_batch_that_a_hung_broker_never_answers_is_away_and_leaves_no_old_sender() -> None:
    with KafkaBroker() as broker:
        log = KafkaLog(
            broker.servers,
            client_id="hung",
            shape=TopicShape(1, 1, None),
            security={},
            delivery_timeout=timedelta(seconds=20),
        )
        log.create_topics(["suite.hung"])

        def told(name: str) -> list[Event]:
            return [
                Event(f"{name}-{n}", "suite.hung", "k", b"x", datetime.now(UTC)) for n in range(9)
            ]

        log.publish(told("before"))
        threads = threading.active_count()
        pid = broker.nodes[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        log._delivery_ms = -4_000  # its own patience ends in 1 s, long before the client's
        try:
            with pytest.raises(Unavailable, match="EVENTS_AWAY"):
                log.publish(told("hung"))
            assert threading.active_count() < threads
        finally:
            os.kill(pid, signal.SIGCONT)
        log._delivery_ms = 20_000
        log.publish(told("after"))
        log.close()
