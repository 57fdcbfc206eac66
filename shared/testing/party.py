"""A small service for the suites: it tells facts, hears facts and keeps a ledger of both."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import BigInteger, Column, MetaData, String, Table, select

from shared.clock import Clock, SystemClock
from shared.errors import Refusal
from shared.events import Consumer, Event, EventLog, Handler, Relay, open_log, topic_of
from shared.storage import Database, Transaction
from shared.storage.schema import COUNTER, plumbing_tables
from shared.telemetry import Telemetry
from shared.testing.audit import Audit, audit
from shared.testing.facts import tell


def ledger_table(metadata: MetaData) -> Table:
    """One row each time a fact was handled: counting twice would show."""
    return Table(
        "ledger",
        metadata,
        Column("id", COUNTER, primary_key=True, autoincrement=True),
        Column("subject", String(50), nullable=False),
        Column("number", BigInteger, nullable=False),
    )


class Party:
    """One process of a service, in miniature: database, log, relay and consumer."""

    def __init__(
        self,
        name: str,
        database_url: str,
        events_url: str,
        *,
        clock: Clock | None = None,
        log: EventLog | None = None,
    ) -> None:
        self.name = name
        self.clock = clock or SystemClock()
        self.telemetry = Telemetry(name)
        self.database = Database.open(database_url, clock=self.clock, producer=name)
        self.log = log or open_log(events_url, client_id=name)
        metadata = MetaData()
        self.ledger = ledger_table(metadata)
        self._metadata = metadata
        plumbing_tables(metadata)
        self.relay = Relay(self.log, self.database, self.clock, self.telemetry)
        self.consumer: Consumer | None = None
        self.failures: list[str] = []
        self.sent: dict[str, list[str]] = {}

    def make_tables(self) -> Party:
        """Makes its tables if they are not there."""
        with self.database.transaction() as tx:
            self._metadata.create_all(tx.connection)
        return self

    def tell(self, kind: type[Message], subject: str, number: int) -> None:
        """Publishes one fact in a transaction of its own, and remembers that it did.

        Its id comes from the fact: told again after a lost answer, it is the same fact.
        """
        with self.database.transaction() as tx:
            tx.publish(tell(kind, subject, number), event_id=f"{topic_of(kind)}/{number}")
        self.note(subject, number)

    def note(self, subject: str, number: int) -> None:
        """Remembers a fact as sent."""
        self.sent.setdefault(subject, []).append(str(number))

    def write_down(self, tx: Transaction, message: Any, _: Event, /) -> None:
        """The plain handler: one row of the ledger for each fact."""
        row = {"subject": message.subject, "number": message.number}
        tx.connection.execute(self.ledger.insert(), [row])

    def hear(
        self, handlers: Mapping[type[Message], Handler], *, group: str = "", **options: Any
    ) -> Consumer:
        """Starts a consumer."""
        self.consumer = Consumer(
            self.log,
            self.database,
            group=group or self.name,
            handlers=handlers,
            clock=self.clock,
            telemetry=self.telemetry,
            on_failure=self.failures.append,
            **options,
        )
        self.consumer.start()
        return self.consumer

    def stored(self) -> list[tuple[str, str]]:
        """The ledger, in the order in which it was written."""
        with self.database.read() as tx:
            rows = tx.connection.execute(select(self.ledger).order_by(self.ledger.c.id)).all()
        return [(row.subject, str(row.number)) for row in rows]

    def audit(self, sent: Mapping[str, list[str]]) -> Audit:
        """Compares what another party sent with this ledger."""
        return audit(sent, self.stored())

    def metric(self, name: str) -> float:
        """The sum of one metric over its labels."""
        return sum(
            sample.value
            for family in self.telemetry.registry.collect()
            for sample in family.samples
            if sample.name == f"larrey_{name}"
        )

    def stop(self) -> None:
        """Stops its threads, keeps its database."""
        if self.consumer is not None:
            self.consumer.stop()
        self.relay.stop()

    def close(self) -> None:
        """Stops and lets go of everything."""
        self.stop()
        self.log.close()
        self.database.close()


def until(happened: Callable[[], bool], within_s: float = 30.0) -> bool:
    """Waits for something; a database that is away counts as "not yet"."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if happened():
                return True
        except Refusal:
            time.sleep(0.2)
        time.sleep(0.02)
    return False
