"""What becomes of one event inside the service's own transaction (STYLE: the refusal table)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from google.protobuf.message import Message
from sqlalchemy import Row, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError

from shared.clock import Clock
from shared.errors import Malformed, Missing, Refusal, TooMuch, Unavailable
from shared.events.event import Event, check_identity, decode, micros, topic_of
from shared.events.log import Delivery
from shared.events.rows import event_columns, event_from_row
from shared.events.topics import dead_topic
from shared.tracing import NO_TRACES, Tracer, traceparent

if TYPE_CHECKING:
    from shared.storage.database import Database
    from shared.storage.transaction import Transaction

SECOND = 1_000_000
LONGEST_RETRY_SECONDS = 300


class Handler(Protocol):
    """Applies one fact. Raising a Refusal decides what becomes of it."""

    def __call__(self, tx: Transaction, message: Any, event: Event, /) -> None: ...


class Outcome(Enum):
    HANDLED = "handled"
    DUPLICATE = "duplicate"
    WAITING = "waiting"
    DEAD = "dead"


class NeedsCare(Exception):
    """A batch holds something that must be handled one by one."""


@dataclass(frozen=True, slots=True)
class Road:
    """How events of one topic are read and handled."""

    message_type: type[Message]
    handler: Handler


class Intake:
    """Handles events exactly once in effect: inbox row, changes and new facts together."""

    def __init__(
        self,
        database: Database,
        group: str,
        handlers: Mapping[type[Message], Handler],
        clock: Clock,
        *,
        longest_wait: timedelta,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._tracer = tracer
        self._database = database
        self._group = group
        self._clock = clock
        self._longest_wait_us = longest_wait // timedelta(microseconds=1)
        self._roads = {topic_of(kind): Road(kind, do) for kind, do in handlers.items()}
        self._inbox = database.plumbing.inbox
        self._waiting = database.plumbing.waiting

    @property
    def topics(self) -> list[str]:
        return list(self._roads)

    def together(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """All in one transaction. Any exception: nothing happened, go one by one."""
        with self._database.transaction() as tx:
            self._nothing_waits(tx, deliveries)
            fresh = self._claim(tx, [identity(d) for d in deliveries])
            outcomes = []
            for delivery in deliveries:
                name = identity(delivery)
                outcomes.append(Outcome.HANDLED if name in fresh else Outcome.DUPLICATE)
                if name in fresh:
                    fresh.remove(name)
                    self._handle(tx, delivery.event)
        return outcomes

    def alone(self, delivery: Delivery) -> list[Outcome]:
        """One event in its own transaction, after earlier ones of its key that wait.

        Raises Unavailable or TooMuch when it must be tried again; anything that is no
        Refusal is a fault of ours.
        """
        event, name = delivery.event, identity(delivery)
        before = [self.again(row) for row in self._earlier(event)]
        try:
            with self._database.transaction() as tx:
                if not self._claim(tx, [name]):
                    return [*before, Outcome.DUPLICATE]
                self._handle(tx, event)
        except (Unavailable, TooMuch):
            raise
        except Refusal as refusal:
            with self._database.transaction() as tx:
                if not self._claim(tx, [name]):
                    return [*before, Outcome.DUPLICATE]
                return [*before, self._set_aside(tx, event, name, refusal)]
        return [*before, Outcome.HANDLED]

    def due(self, limit: int) -> Sequence[Row[Any]]:
        """Waiting facts whose turn has come, oldest first."""
        waiting = self._waiting
        with self._database.read() as tx:
            return tx.connection.execute(
                select(waiting)
                .where(waiting.c.consumer == self._group, waiting.c.next_try_us <= self._now())
                .order_by(waiting.c.id)
                .limit(limit)
            ).all()

    def count_waiting(self) -> int:
        """How many facts wait."""
        query = select(func.count()).where(self._waiting.c.consumer == self._group)
        with self._database.read() as tx:
            return tx.connection.execute(query).scalar_one()

    def again(self, row: Row[Any]) -> Outcome:
        """Tries a waiting fact once more."""
        event = event_from_row(row)
        mine = self._waiting.c.id == row.id
        try:
            with self._database.transaction() as tx:
                if not tx.connection.execute(delete(self._waiting).where(mine)).rowcount:
                    return Outcome.DUPLICATE  # another replica was quicker
                self._handle(tx, event)
        except (Unavailable, TooMuch):
            raise
        except Refusal as refusal:
            stays = isinstance(refusal, Missing) and refusal.waits_for
            too_old = self._now() - row.since_us > self._longest_wait_us
            with self._database.transaction() as tx:
                if stays and not too_old:
                    self._wait_longer(tx, row, str(stays))
                    return Outcome.WAITING
                if tx.connection.execute(delete(self._waiting).where(mine)).rowcount:
                    tx.publish_event(self._dead_letter(event, event.id, refusal))
            return Outcome.DEAD
        return Outcome.HANDLED

    def prune(self, older_than: timedelta) -> int:
        """Forgets ids handled longer ago than that; returns how many."""
        limit = self._now() - older_than // timedelta(microseconds=1)
        with self._database.transaction() as tx:
            query = delete(self._inbox).where(self._inbox.c.handled_us < limit)
            return tx.connection.execute(query).rowcount

    def _now(self) -> int:
        return micros(self._clock.now())

    @contextmanager
    def _trace_of(self, event: Event) -> Iterator[None]:
        before = traceparent.get()
        parent = event.headers.get("traceparent", "")
        span = self._tracer.begin(f"{event.topic} handle", parent, event=True)
        problem = ""
        try:
            yield
        except Refusal as refusal:
            problem = refusal.reason
            raise
        except BaseException as error:
            problem = type(error).__name__
            raise
        finally:
            span.end(problem)
            traceparent.set(before)

    def _handle(self, tx: Transaction, event: Event) -> None:
        check_identity(event)
        road = self._roads[event.topic]
        with self._trace_of(event):
            try:
                road.handler(tx, decode(event, road.message_type), event)
            except DataError:
                raise Malformed(
                    "EVENT_NOT_STORABLE",
                    "A value of the event does not fit its column, or holds a NUL character: "
                    "correct it where it is made.",
                    field="payload",
                ) from None

    def _claim(self, tx: Transaction, names: Sequence[str]) -> set[str]:
        """Writes inbox rows; returns the ids that were not there yet.

        Two members that got the same event meet here: the later one waits for the
        earlier one's commit and then sees a duplicate. Sorted, so that two batches
        cannot wait for each other.
        """
        dialect = tx.connection.dialect.name
        build = postgresql.insert if dialect == "postgresql" else sqlite.insert
        statement = build(self._inbox).on_conflict_do_nothing().returning(self._inbox.c.event_id)
        now = self._now()
        rows = [
            {"consumer": self._group, "event_id": name, "handled_us": now}
            for name in sorted(set(names))
        ]
        return set(tx.connection.execute(statement, rows).scalars())

    def _nothing_waits(self, tx: Transaction, deliveries: Sequence[Delivery]) -> None:
        waiting = self._waiting
        keys = sorted({(d.event.topic, d.event.key) for d in deliveries})
        query = select(waiting.c.id).where(
            waiting.c.consumer == self._group,
            tuple_(waiting.c.topic, waiting.c.event_key).in_(keys),
        )
        if tx.connection.execute(query.limit(1)).first() is not None:
            raise NeedsCare

    def _earlier(self, event: Event) -> Sequence[Row[Any]]:
        """Facts of the same key that came before and still wait, oldest first."""
        waiting = self._waiting
        with self._database.read() as tx:
            return tx.connection.execute(
                select(waiting)
                .where(
                    waiting.c.consumer == self._group,
                    waiting.c.topic == event.topic,
                    waiting.c.event_key == event.key,
                )
                .order_by(waiting.c.id)
            ).all()

    def _set_aside(self, tx: Transaction, event: Event, name: str, refusal: Refusal) -> Outcome:
        if not (isinstance(refusal, Missing) and refusal.waits_for):
            tx.publish_event(self._dead_letter(event, name, refusal))
            return Outcome.DEAD
        now = self._now()
        row = {
            **event_columns(event),
            "consumer": self._group,
            "waits_for": refusal.waits_for,
            "reason": refusal.reason,
            "since_us": now,
            "attempts": 1,
            # Soon once more: what it waits for may be being written at this moment.
            "next_try_us": now + SECOND,
        }
        tx.connection.execute(insert(self._waiting), [row])
        return Outcome.WAITING

    def _wait_longer(self, tx: Transaction, row: Row[Any], waits_for: str) -> None:
        pause = min(2**row.attempts, LONGEST_RETRY_SECONDS) * SECOND
        tx.connection.execute(
            update(self._waiting)
            .where(self._waiting.c.id == row.id)
            .values(
                waits_for=waits_for,
                attempts=min(row.attempts + 1, 30),
                next_try_us=self._now() + pause,
            )
        )

    def _dead_letter(self, event: Event, name: str, refusal: Refusal) -> Event:
        digest = hashlib.blake2b(f"{self._group}\0{name}".encode(), digest_size=16)
        headers = {
            **event.headers,
            "reason": refusal.reason,
            "message": refusal.message,
            "source-topic": event.topic,
            "source-event-id": event.id[:200],
            "group": self._group,
        }
        return replace(
            event, id=f"dead-{digest.hexdigest()}", topic=dead_topic(event.topic), headers=headers
        )


def identity(delivery: Delivery) -> str:
    """The id that makes an event count once; its place in the log if it came without."""
    try:
        check_identity(delivery.event)
    except Refusal:
        return f"{delivery.event.topic}/{delivery.partition}/{delivery.offset}"[-200:]
    return delivery.event.id
