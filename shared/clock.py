"""Time as a collaborator: whoever needs the hour is given a clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """Starts at a given instant and runs on at the usual speed.

    Lets a real day of the past, or a simulated one, be played today.
    """

    start: datetime
    _origin: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return self.start.astimezone(UTC) + timedelta(seconds=time.monotonic() - self._origin)


@dataclass(slots=True)
class FixedClock:
    """Stands still until it is told to move; for tests."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

    def advance(self, by: timedelta) -> None:
        self.instant += by


def clock_from(start: datetime | None) -> Clock:
    """The machine's clock, or one that starts at `start` when an operator asks for it."""
    return SystemClock() if start is None else ShiftedClock(start)


def today(clock: Clock, zone: str = "Europe/Paris") -> date:
    """The calendar day at the given place."""
    return clock.now().astimezone(ZoneInfo(zone)).date()
