"""Outbox, relay, consumer and inbox on a real Apache Kafka and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.testing.suites.exchange import ExchangeSuite
from shared.testing.suites.refusals import RefusalSuite


class Real:
    """Where these suites run."""

    @pytest.fixture
    def events_url(self, real_kafka: str) -> str:
        return real_kafka

    @pytest.fixture
    def new_database(self, real_postgres: Callable[[], str]) -> Callable[[], str]:
        return real_postgres


@pytest.mark.real
class TestExchange(Real, ExchangeSuite):
    pass


@pytest.mark.real
class TestRefusals(Real, RefusalSuite):
    pass
