"""Stores that the tests of the demand service may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.demand.adapters.store.books import SqlStore
from services.demand.adapters.store.tables import tables
from services.demand.main import MIGRATIONS
from services.demand.tests.situations import MONDAY
from shared.clock import FixedClock
from shared.storage import Database


def open_store(url: str) -> SqlStore:
    """A store with its tables made, at `url`."""
    database = Database.open(url, clock=FixedClock(MONDAY), producer="demand")
    database.migrate(str(MIGRATIONS))
    return SqlStore(database, tables())


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_store(f"sqlite:///{tmp_path / 'demand.db'}")
    yield store
    store.database.close()


@pytest.fixture
def postgres_store(real_postgres: Callable[[], str]) -> Iterator[SqlStore]:
    store = open_store(real_postgres())
    yield store
    store.database.close()
