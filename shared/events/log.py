"""The port to an event log: what every transport promises, whichever carries the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from shared.events.event import Event


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as a subscription handed it out, with its place in the log."""

    event: Event
    partition: int
    offset: int


class Subscription(Protocol):
    """One member of a group reading some topics. Used by one thread only."""

    def poll(self, timeout_s: float, limit: int) -> Sequence[Delivery]:
        """The next events in order of each key; empty when none came in time.

        Never raises when the log is away: it comes back by itself. While paused it
        returns nothing, and still tells the log that this member lives.
        """
        ...

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Marks these as done for the group. Raises Unavailable: they will come again."""
        ...

    def lag(self) -> Mapping[str, int]:
        """Events not yet committed by the group, per topic that this member reads now."""
        ...

    def pause(self) -> None:
        """Hands out nothing until `resume`."""
        ...

    def resume(self) -> None:
        """Hands events out again."""
        ...

    def close(self) -> None:
        """Leaves the group, so that another member takes over at once."""
        ...


class EventLog(Protocol):
    """Keeps facts in order per key and hands them to groups at least once."""

    @property
    def retention(self) -> timedelta | None:
        """How long the log keeps an event; None is for ever."""
        ...

    @property
    def reachable(self) -> bool:
        """Whether the log answered last time it was asked."""
        ...

    def publish(self, events: Sequence[Event]) -> None:
        """Appends `events` in order and returns when all are acknowledged.

        Raises Unavailable when some may not be in the log (send all of them again,
        they are recognised by their id) and TooMuch when one is over the size limit
        (none was sent).
        """
        ...

    def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """Joins `group`; a group that was never seen starts at the first event."""
        ...

    def create_topics(self, names: Sequence[str]) -> None:
        """Makes the topics that are not there yet. Raises Unavailable."""
        ...

    def close(self) -> None:
        """Waits for what was sent and lets go of the log."""
        ...
