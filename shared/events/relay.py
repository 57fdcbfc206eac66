"""The relay: carries a service's outbox to the event log, in order, at least once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from shared.clock import Clock
from shared.errors import Refusal, TooMuch, Unavailable
from shared.events.event import instant
from shared.events.log import EventLog
from shared.events.rows import event_from_row
from shared.events.topics import with_dead
from shared.telemetry import Telemetry, get_log

if TYPE_CHECKING:
    from shared.storage.database import Database
    from shared.storage.turns import Turn

BATCH = 500
IDLE_SECONDS = 0.25
# After a batch that left nothing behind the relay waits this long, so that facts of the next
# moments travel together: one at a time costs as much as many. When many come it waits longer.
GATHER_SECONDS, GATHER_MANY_SECONDS, MANY = 0.05, 0.15, 20
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


class Relay:
    """Publishes what the outbox holds and deletes it once the log has acknowledged.

    One relay of a service works at a time, the others stand by. A crash between
    publishing and deleting publishes again under the same event ids, which consumers
    recognise. While the log or the database is away the facts stay in the outbox.
    """

    def __init__(
        self,
        log: EventLog,
        database: Database,
        clock: Clock,
        telemetry: Telemetry,
        *,
        on_failure: Callable[[str], None] | None = None,
    ) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._on_failure = on_failure
        self._lines = get_log("relay")
        self._published = telemetry.counter(
            "events_published", "Facts acknowledged by the event log.", ["topic"]
        )
        self._depth = telemetry.gauge("outbox_depth", "Facts that wait to be published.")
        self._oldest_us: int | None = None
        age = telemetry.gauge("outbox_age_seconds", "Age of the oldest unpublished fact.")
        age.set_function(self._age)
        self._topics: list[str] = []
        self._turn: Turn | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.failure: str | None = None

    def start(self, topics: Sequence[str] = ()) -> None:
        """Begins to carry; first makes `topics` and their dead-letter topics if missing."""
        self._topics = with_dead(list(topics))
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Carries what is left if the log answers, then gives the turn back."""
        self._stopping.set()
        self._database.outbox_grew.set()
        if self._thread is not None:
            self._thread.join(grace_s)
            self._thread = None

    def _run(self) -> None:
        pause = FIRST_PAUSE
        try:
            while not self._stopping.is_set():
                try:
                    self._work()
                    pause = FIRST_PAUSE
                except (Unavailable, TooMuch) as refusal:
                    self._lines.warning(
                        "relay pauses",
                        reason=refusal.reason,
                        message=refusal.message,
                        delay_s=pause,
                    )
                    self._give_back()
                    self._stopping.wait(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
            self._last_pass()
        except Exception as error:  # noqa: BLE001  a fault of ours: said, and the service stops
            self.failure = type(error).__name__
            self._lines.error("relay stopped", error_type=self.failure)
            if self._on_failure is not None:
                self._on_failure(self.failure)
        finally:
            self._give_back()

    def _work(self) -> None:
        if self._topics:
            self._log.create_topics(self._topics)
            self._topics = []
        self._database.outbox_grew.clear()
        carried = self.step()
        if carried == 0:
            self._database.outbox_grew.wait(IDLE_SECONDS)
        elif carried < BATCH:
            self._stopping.wait(GATHER_MANY_SECONDS if carried >= MANY else GATHER_SECONDS)

    def _last_pass(self) -> None:
        try:
            while self.step() == BATCH:
                continue
        except Refusal:
            return  # what is left stays in the outbox for the next start

    def step(self) -> int:
        """Carries one batch if it is this relay's turn; returns how many were carried."""
        if self._turn is None:
            self._turn = self._database.try_turn("relay")
            if self._turn is None:
                return 0
        outbox = self._database.plumbing.outbox
        with self._database.read() as tx:
            rows = tx.connection.execute(select(outbox).order_by(outbox.c.id).limit(BATCH)).all()
            full = len(rows) == BATCH
            depth = (
                tx.connection.execute(select(func.count()).select_from(outbox)).scalar_one()
                if full
                else len(rows)
            )
        self._depth.set(depth)
        self._oldest_us = rows[0].event_time_us if rows else None
        if not rows:
            return 0
        events = [event_from_row(row) for row in rows]
        self._log.publish(events)
        with self._turn.connection() as connection:
            # Not simply "up to": a smaller number may be committed later. Of numbers that
            # follow one another none is missing in between.
            for first, last in stretches([row.id for row in rows]):
                connection.execute(delete(outbox).where(outbox.c.id.between(first, last)))
        for topic, count in Counter(event.topic for event in events).items():
            self._published.labels(topic).inc(count)
        self._depth.set(depth - len(rows))
        self._oldest_us = rows[-1].event_time_us if full else None
        return len(rows)

    def _age(self) -> float:
        oldest = self._oldest_us
        if oldest is None:
            return 0.0
        return max(0.0, (self._clock.now() - instant(oldest)).total_seconds())

    def _give_back(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()


def stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each stretch of rising numbers that follow one another."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def drain(relay: Relay, *, timeout_s: float = 10.0) -> None:
    """Carries until the outbox is empty; for commands and tests without a thread."""
    end = time.monotonic() + timeout_s
    while relay.step() and time.monotonic() < end:
        continue
