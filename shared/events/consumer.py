"""The consumer: one thread that feeds a service's handlers from the event log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from shared.clock import Clock
from shared.errors import TooMuch, Unavailable
from shared.events.intake import Handler, Intake, Outcome
from shared.events.log import Delivery, EventLog, Subscription
from shared.telemetry import Telemetry, get_log
from shared.tracing import NO_TRACES, Tracer

if TYPE_CHECKING:
    from shared.storage.database import Database

POLL_SECONDS = 0.2
POLL_LIMIT = 500
# A batch is one transaction: long enough to be cheap, short enough that a call which
# wants to write to the same SQLite file hardly notices.
BATCH_SECONDS, LARGEST_BATCH = 0.010, 200
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
RETRY_SECONDS, LAG_SECONDS, PRUNE_SECONDS = 1.0, 5.0, 600.0


class ConsumerMetrics:
    """Declared before they are emitted."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.consumed = telemetry.counter(
            "events_consumed", "Facts handled, each counted once.", ["topic"]
        )
        self.duplicates = telemetry.counter(
            "events_duplicate", "Events that had been handled before.", ["topic"]
        )
        self.dead = telemetry.counter(
            "events_dead", "Events sent to a dead-letter topic.", ["topic"]
        )
        self.waiting = telemetry.gauge(
            "events_waiting", "Facts that wait for something not yet known."
        )
        self.lag = telemetry.gauge(
            "consumer_lag_events", "Events in the log that are not handled yet.", ["topic"]
        )
        self.up = telemetry.gauge("consumer_up", "1 while the consumer works, 0 once it gave up.")


class Consumer:
    """Reads the topics of `handlers` as a member of `group`.

    Each event is handled in one transaction of the service with its inbox row, so a
    fact counts once however often it is delivered. What a raised Refusal means is in
    shared.errors. Any other exception, or `poison_limit` dead letters in a row, stops
    the consumer with its offset kept and calls `on_failure` with the reason, on the
    consumer's thread.
    """

    def __init__(
        self,
        log: EventLog,
        database: Database,
        *,
        group: str,
        handlers: Mapping[type[Message], Handler],
        clock: Clock,
        telemetry: Telemetry,
        poison_limit: int = 1000,
        on_failure: Callable[[str], None] | None = None,
        keep_ids: timedelta = timedelta(days=30),
        longest_wait: timedelta = timedelta(days=30),
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._log = log
        self._database = database
        self._group = group
        self.intake = Intake(
            database, group, handlers, clock, longest_wait=longest_wait, tracer=tracer
        )
        self._metrics = ConsumerMetrics(telemetry)
        for topic in self.intake.topics:  # a count that starts at 0 is seen to rise
            self._metrics.dead.labels(topic)
            self._metrics.consumed.labels(topic)
            self._metrics.lag.labels(topic)
        self._poison_limit = poison_limit
        self._on_failure = on_failure
        self._keep_ids = keep_ids
        self._lines = get_log("consumer")
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._batch = 1
        self._dead_in_a_row = 0
        self._next = {"retry": 0.0, "lag": 0.0, "prune": time.monotonic() + PRUNE_SECONDS}
        self.failure: str | None = None

    @property
    def healthy(self) -> bool:
        """False before the start, after the end and once it gave up."""
        return self.failure is None and self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begins to read in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)
        self._thread.start()

    def stop(self, grace_s: float = 10.0) -> None:
        """Finishes the event at hand, commits, leaves the group."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(grace_s)
            self._thread = None

    def _run(self) -> None:
        subscription = self._log.subscribe(self._group, self.intake.topics)
        self._metrics.up.set(1)
        try:
            while not self._stopping.is_set():
                self._turn(subscription)
        except Exception as error:  # noqa: BLE001  a fault of ours: said, and the service stops
            self._give_up(type(error).__name__)
        finally:
            self._metrics.up.set(0)
            subscription.close()

    def _give_up(self, reason: str) -> None:
        if self.failure is None:
            self._lines.error("consumer stopped", error_type=reason, group=self._group)
            if self._on_failure is not None:
                self._on_failure(reason)
            self.failure = reason
        self._stopping.set()

    def _turn(self, subscription: Subscription) -> None:
        deliveries = subscription.poll(POLL_SECONDS, POLL_LIMIT)
        done = 0
        while done < len(deliveries) and not self._stopping.is_set():
            part = deliveries[done : done + self._batch]
            self._handle(subscription, part)
            if not self._stopping.is_set():
                done += len(part)
        if done:
            self._commit(subscription, deliveries[:done])
        try:
            self._chores(subscription)
        except (Unavailable, TooMuch) as refusal:
            self._lines.warning("consumer pauses", reason=refusal.reason)
            self._rest(subscription, FIRST_PAUSE)

    def _handle(self, subscription: Subscription, part: Sequence[Delivery]) -> None:
        """Handles a part for good, or until told to stop."""
        if len(part) > 1:
            began = time.monotonic()
            try:
                outcomes = self.intake.together(part)
            except Exception as error:  # noqa: BLE001  whatever it is, it happens again alone
                self._batch = 1
                self._lines.debug("one by one", error_type=type(error).__name__)
            else:
                for delivery, outcome in zip(part, outcomes, strict=True):
                    self._count(delivery.event.topic, outcome)
                self._adapt(time.monotonic() - began)
                return
        for delivery in part:
            began = time.monotonic()
            self._alone(subscription, delivery)
            if self._stopping.is_set():
                return
            if len(part) == 1:
                self._adapt(time.monotonic() - began)

    def _adapt(self, seconds: float) -> None:
        if seconds < BATCH_SECONDS / 2:
            self._batch = min(self._batch * 2, LARGEST_BATCH)
        elif seconds > BATCH_SECONDS:
            self._batch = max(self._batch // 2, 1)

    def _alone(self, subscription: Subscription, delivery: Delivery) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                outcomes = self.intake.alone(delivery)
            except (Unavailable, TooMuch) as refusal:
                self._lines.warning(
                    "consumer pauses",
                    reason=refusal.reason,
                    message=refusal.message,
                    topic=delivery.event.topic,
                    delay_s=pause,
                )
                self._rest(subscription, pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                for outcome in outcomes:
                    self._count(delivery.event.topic, outcome)
                return

    def _rest(self, subscription: Subscription, seconds: float) -> None:
        """Waits, and lets the log know that this member lives."""
        subscription.pause()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stopping.is_set():
            subscription.poll(min(POLL_SECONDS, seconds), 1)
        subscription.resume()

    def _count(self, topic: str, outcome: Outcome) -> None:
        if outcome is Outcome.DEAD:
            self._metrics.dead.labels(topic).inc()
            self._dead_in_a_row += 1
            self._lines.warning("dead letter", topic=topic, count=self._dead_in_a_row)
            if self._dead_in_a_row >= self._poison_limit:
                self._give_up("TOO_MANY_DEAD_LETTERS")
        elif outcome is Outcome.HANDLED:
            self._metrics.consumed.labels(topic).inc()
            self._dead_in_a_row = 0
        elif outcome is Outcome.DUPLICATE:
            self._metrics.duplicates.labels(topic).inc()

    def _commit(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        try:
            subscription.commit(deliveries)
        except Unavailable as refusal:  # they come again and are recognised
            self._lines.warning("offsets not stored", reason=refusal.reason)

    def _chores(self, subscription: Subscription) -> None:
        if self._database.facts_ready.is_set() or self._is_time("retry", RETRY_SECONDS):
            self._database.facts_ready.clear()
            self._retry_waiting()
        if self._is_time("lag", LAG_SECONDS):
            for topic, count in subscription.lag().items():
                self._metrics.lag.labels(topic).set(count)
            self._metrics.waiting.set(self.intake.count_waiting())
        if self._log.retention is not None and self._is_time("prune", PRUNE_SECONDS):
            # Twice as long as the log keeps events: it deletes late, never early.
            self.intake.prune(max(self._keep_ids, 2 * self._log.retention))

    def _is_time(self, chore: str, every_s: float) -> bool:
        if time.monotonic() < self._next[chore]:
            return False
        self._next[chore] = time.monotonic() + every_s
        return True

    def _retry_waiting(self) -> None:
        for row in self.intake.due(POLL_LIMIT):
            if self._stopping.is_set():
                return
            self._count(row.topic, self.intake.again(row))
