"""Outbox, relay, consumer and inbox on the embedded log and SQLite."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from shared.testing.suites.exchange import ExchangeSuite
from shared.testing.suites.refusals import RefusalSuite


class Embedded:
    """Where these suites run."""

    @pytest.fixture
    def events_url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/events.db"

    @pytest.fixture
    def new_database(self, tmp_path: Path) -> Callable[[], str]:
        numbers = count()
        return lambda: f"sqlite:///{tmp_path}/store-{next(numbers)}.db"


class TestExchange(Embedded, ExchangeSuite):
    pass


class TestRefusals(Embedded, RefusalSuite):
    pass
