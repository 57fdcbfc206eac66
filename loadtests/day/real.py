"""The real Apache Kafka and the real PostgreSQL of `make run-real`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from loadtests.day.processes import SERVICES, Transport
from shared.testing.kafka import KafkaBroker
from shared.testing.postgres import PostgresServer, fresh_database

KAFKA = "LARREY_KAFKA_URL"
POSTGRES = "LARREY_POSTGRES_URL"


@contextmanager
def real_transport(
    folder: Path, environ: Mapping[str, str], console: Console
) -> Iterator[Transport]:
    """Starts both servers, or uses those that LARREY_KAFKA_URL and LARREY_POSTGRES_URL name.

    Each run gets databases of its own; the outside Kafka must allow topics to be made.
    """
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        events_url = environ.get(KAFKA)
        if not events_url:
            console.print("Starting Apache Kafka ...")
            events_url = stack.enter_context(KafkaBroker(folder=folder / "kafka")).url
        server_url = environ.get(POSTGRES)
        if not server_url:
            console.print("Starting PostgreSQL ...")
            server_url = stack.enter_context(PostgresServer()).address("postgres")
        databases = {name: fresh_database(server_url) for name in SERVICES}
        yield Transport("real Apache Kafka and PostgreSQL", events_url, databases)
