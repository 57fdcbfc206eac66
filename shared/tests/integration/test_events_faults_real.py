"""A real Kafka and a real PostgreSQL break in the middle of the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from google.protobuf.message import Message

from shared.testing.kafka import KafkaBroker
from shared.testing.party import Party
from shared.testing.postgres import PostgresServer
from shared.testing.suites.faults import FaultSuite

KAFKA_PAUSE_S = 30.0
POSTGRES_PAUSE_S = 5.0


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    with KafkaBroker() as broker:
        yield broker


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.mark.real
@pytest.mark.slow
class TestFaults(FaultSuite):
    """On peers of its own, since it breaks them."""

    @pytest.fixture
    def events_url(self, broker: KafkaBroker) -> str:
        return broker.url

    @pytest.fixture
    def new_database(self, server: PostgresServer) -> Callable[[], str]:
        return server.fresh

    def test_kafka_stopped_for_half_a_minute(
        self, sender: Party, receiver: Party, kind: type[Message], broker: KafkaBroker
    ) -> None:
        self.outage(
            sender, receiver, kind, stop=broker.stop, start=broker.start, pause_s=KAFKA_PAUSE_S
        )

    def test_kafka_killed_and_started_again(
        self, sender: Party, receiver: Party, kind: type[Message], broker: KafkaBroker
    ) -> None:
        self.outage(sender, receiver, kind, stop=broker.kill, start=broker.start, pause_s=1.0)

    def test_postgres_restarted_in_the_middle(
        self, sender: Party, receiver: Party, kind: type[Message], server: PostgresServer
    ) -> None:
        self.outage(
            sender, receiver, kind, stop=server.stop, start=server.start, pause_s=POSTGRES_PAUSE_S
        )

    def test_postgres_killed_in_the_middle(
        self, sender: Party, receiver: Party, kind: type[Message], server: PostgresServer
    ) -> None:
        self.outage(sender, receiver, kind, stop=server.kill, start=server.start, pause_s=1.0)
