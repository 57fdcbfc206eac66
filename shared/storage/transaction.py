"""One transaction of a service: its rows, the facts they cause, the facts that waited."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import Connection, MetaData, insert, update

from shared.clock import Clock
from shared.events.event import Event, event_of
from shared.events.rows import EVENT_COLUMNS, event_row
from shared.storage.batches import Batch
from shared.storage.schema import Plumbing, plumbing_tables


@cache
def _telling() -> Batch:
    return Batch(insert(plumbing_tables(MetaData()).outbox), EVENT_COLUMNS)


class Transaction:
    """Everything done through it is committed together or not at all.

    Use it inside its `with` block and in one thread.
    """

    def __init__(
        self, connection: Connection, plumbing: Plumbing, clock: Clock, producer: str
    ) -> None:
        self.connection = connection
        self.plumbing = plumbing
        self._clock = clock
        self._producer = producer
        self._outgoing: list[tuple[Any, ...]] = []
        self._known: dict[str, None] = {}
        self.published = False
        self.announced = False

    def publish(self, message: Message, *, event_id: str | None = None) -> None:
        """Tells the fact `message` to the world if and when this transaction commits.

        Pass an `event_id` derived from the fact when the same fact may be told twice.
        Change the rows it is about first: on PostgreSQL their lock is what keeps two
        facts about one key in order. Refuses TooMuch EVENT_TOO_LARGE.
        """
        self.publish_event(
            event_of(message, clock=self._clock, event_id=event_id, producer=self._producer)
        )

    def publish_event(self, event: Event) -> None:
        """The same for an event that is already made, such as a dead letter."""
        self._outgoing.append(event_row(event))

    def announce(self, what: str) -> None:
        """Says that `what` ("item:ABC") is known now: facts that wait for it are handled."""
        self._known[what] = None

    def flush(self) -> None:
        """Writes what was published and announced so far; commit does it too."""
        if self._outgoing:
            _telling().write(self.connection, self._outgoing)
            self._outgoing = []
            self.published = True
        waiting = self.plumbing.waiting
        names, self._known = list(self._known), {}
        self.announced = self.announced or bool(names)
        for start in range(0, len(names), 500):
            self.connection.execute(
                update(waiting)
                .where(waiting.c.waits_for.in_(names[start : start + 500]))
                .values(next_try_us=0)
            )
