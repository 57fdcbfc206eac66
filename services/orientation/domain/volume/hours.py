"""The hourly series of calls, and its cutting into days that end where the history ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.errors import Malformed

Counts = NDArray[np.float64]
Instants = NDArray[np.datetime64]
HOUR = np.timedelta64(1, "h")
DAY = 24
# Four weeks set the first profile, the rest must teach and judge a model.
SHORTEST_DAYS = 84


@dataclass(frozen=True, slots=True)
class Hours:
    """Calls of each wall-clock hour from `start` on; NaN where nothing was recorded."""

    start: np.datetime64
    calls: Counts = field(repr=False)

    @property
    def end(self) -> np.datetime64:
        """The hour that follows the last one."""
        return self.start + self.calls.size * HOUR

    @property
    def instants(self) -> Instants:
        return hours_from(self.start, self.calls.size)


def hours_from(start: np.datetime64, count: int) -> Instants:
    first = start.astype("datetime64[h]")
    return np.asarray(first + np.arange(count) * HOUR)


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days of 24 hours, each beginning at the hour of the day the forecast begins."""

    start: np.datetime64
    calls: Counts = field(repr=False)  # [day, 24]
    known: int  # days of history; the ones after it are to be forecast

    @property
    def instants(self) -> Instants:
        return hours_from(self.start, self.calls.size).reshape(-1, DAY)


def cut(history: Hours, ahead: int) -> Days:
    """The whole days of the history and then `ahead` empty ones.

    Refuses a history under twelve weeks, or one that mostly holds no record.
    """
    known = history.calls.size // DAY
    if known < SHORTEST_DAYS:
        raise Malformed(
            "HISTORY_TOO_SHORT",
            f"The history holds {known} whole days; give at least {SHORTEST_DAYS}, better two "
            "years.",
            field="history",
        )
    odd = history.calls.size - known * DAY
    past = history.calls[odd:].reshape(known, DAY)
    if np.isfinite(past).mean() < 0.5 or not np.nansum(past[-SHORTEST_DAYS:]) > 0:
        raise Malformed(
            "HISTORY_EMPTY",
            "Most hours of the history, or all of its last weeks, hold no call: give a file "
            "with the counts of each hour in calls_total.",
            field="history.calls_total",
        )
    calls = np.vstack([past, np.full((ahead, DAY), np.nan)])
    return Days(history.start + odd * HOUR, calls, known)


def fill(days: Days, actuals: Counts) -> Days:
    """The same days with what happened after the history, as far as it is told."""
    calls = days.calls.copy()
    flat = calls.reshape(-1)
    flat[days.known * DAY : days.known * DAY + actuals.size] = actuals
    return Days(days.start, calls, days.known)
