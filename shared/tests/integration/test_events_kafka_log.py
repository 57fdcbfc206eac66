"""A real Apache Kafka keeps what every event log promises."""

from __future__ import annotations

import pytest

from shared.testing.guarded import free_ports
from shared.testing.suites.event_log import EventLogSuite


@pytest.mark.real
class TestKafkaLog(EventLogSuite):
    @pytest.fixture
    def url(self, real_kafka: str) -> str:
        return real_kafka

    @pytest.fixture
    def away_url(self) -> str:
        return f"kafka://127.0.0.1:{free_ports(1)[0]}"
