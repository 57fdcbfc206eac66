"""The embedded log and SQLite when the process that uses them is killed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from shared.testing.suites.faults import FaultSuite


@pytest.mark.slow
class TestFaults(FaultSuite):
    @pytest.fixture
    def events_url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/events.db"

    @pytest.fixture
    def new_database(self, tmp_path: Path) -> Callable[[], str]:
        numbers = count()
        return lambda: f"sqlite:///{tmp_path}/store-{next(numbers)}.db"
