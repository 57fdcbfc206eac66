"""The pytest plugin of the house: real peers that a whole test run shares.

`LARREY_TEST_KAFKA` (kafka://host:port) and `LARREY_TEST_POSTGRES`
(postgresql://user@host:port/name, allowed to make databases) name outside ones instead.
What cannot be had fails with its exact error; it is never skipped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import hypothesis
import pytest

from shared.testing.kafka import KafkaBroker
from shared.testing.postgres import PostgresServer, fresh_database

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

pytest.register_assert_rewrite("shared.testing.suites")


@pytest.fixture(scope="session")
def real_kafka() -> Iterator[str]:
    """The address of a running Apache Kafka: kafka://127.0.0.1:port."""
    named = os.environ.get("LARREY_TEST_KAFKA")
    if named:
        yield named
        return
    with KafkaBroker() as broker:
        yield broker.url


@pytest.fixture(scope="session")
def real_postgres() -> Iterator[Callable[[], str]]:
    """Makes a new, empty PostgreSQL database at each call and returns its address."""
    named = os.environ.get("LARREY_TEST_POSTGRES")
    if named:
        yield lambda: fresh_database(named)
        return
    with PostgresServer() as server:
        yield server.fresh


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Notes a measured figure: printed (see it with -s) and kept in the run's record."""

    def note(line: str) -> None:
        record_property("measured", line)
        print(line)  # noqa: T201  measured figures are what it is for

    return note
