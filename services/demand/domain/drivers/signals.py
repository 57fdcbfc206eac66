"""Signals as the service keeps them, day by day, laid on the grid of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from services.demand.domain.drivers.driver import Driver, Kind
from services.demand.domain.drivers.switch import LEAST_PERIODS
from services.demand.domain.panels import days_of
from services.demand.domain.periods import EPOCH, Period, number_of
from services.demand.domain.tables import Array, Days

CALLS = "calls "
"""What the name of every signal of emergency calls begins with."""
MOST_GROUPS = 6
"""Groups of calls that are tried, those with the most calls: each one tried asks for more proof
of all, and costs time."""


@dataclass(frozen=True, slots=True)
class Signal:
    """An amount of 0 or more by day: `values` [days] from day `first` (days since 1970) on.

    NaN where not known, which is not 0. A value stands on the day on which it became known.
    `added`: the values of a period add up (calls); others are averaged (rates of a week).
    """

    name: str
    first: int
    values: Array = field(repr=False)
    added: bool

    def on(self, periods: Days, end: np.datetime64) -> Driver | None:
        """The signal over these periods, the last of which ends before `end`; None when fewer
        than LEAST_PERIODS of them are known, or nothing ever changed."""
        made, reach = self._laid(periods, end)
        known = made[np.isfinite(made)]
        if reach < LEAST_PERIODS or np.ptp(known) == 0:
            return None
        return Driver(self.name, Kind.SIGNAL, made[None])

    def known_periods(self, period: Period, until: date) -> int:
        """How many of the newest LEAST_PERIODS periods before a day are known."""
        now = number_of(until, period)
        starts = days_of(now - LEAST_PERIODS, LEAST_PERIODS + 1, period)
        return self._laid(starts[:-1], starts[-1])[1]

    def _laid(self, periods: Days, end: np.datetime64) -> tuple[Array, int]:
        """(values by period, how many of them count as known)."""
        edges = np.append(periods, end).astype("datetime64[D]").astype(np.int64)
        place = np.searchsorted(edges, self.first + np.arange(len(self.values)), side="right") - 1
        inside = (place >= 0) & (place < len(periods)) & np.isfinite(self.values)
        total = np.bincount(place[inside], weights=self.values[inside], minlength=len(periods))
        seen = np.bincount(place[inside], minlength=len(periods))
        if self.added:
            # half a period of calls is not a quiet one
            made = np.where(seen >= np.diff(edges), total, np.nan)
        else:
            made = np.where(seen > 0, total / np.maximum(seen, 1), np.nan)
        return made, int(np.isfinite(made).sum()) if self.added else _reach(made)


def _reach(values: Array) -> int:
    """Periods since the first known one: a rate of weeks holds for the days between."""
    known = np.flatnonzero(np.isfinite(values))
    return len(values) - int(known[0]) if len(known) else 0


def call_signals(calls: Mapping[tuple[date, str], int], until: date) -> tuple[Signal, ...]:
    """The groups with the most calls, by day, from the first day that was listened to until the
    day before `until`.

    A day without a single call of any group was not listened to: it is not known, and not 0.
    """
    counted = {(day, group): n for (day, group), n in calls.items() if day < until and n > 0}
    if not counted:
        return ()
    first = (min(day for day, _ in counted) - EPOCH).days
    length = (until - EPOCH).days - first
    total: dict[str, Array] = {}
    for (day, group), n in counted.items():
        total.setdefault(group, np.zeros(length))[(day - EPOCH).days - first] += n
    heard = np.sum(list(total.values()), axis=0) > 0
    most = sorted(total, key=lambda group: (-total[group].sum(), group))[:MOST_GROUPS]
    return tuple(
        Signal(f"{CALLS}{group}", first, np.where(heard, total[group], np.nan), added=True)
        for group in sorted(most)
    )


def too_short(signals: Sequence[Signal], grids: Iterable[Period], until: date) -> str:
    """Which signals are known for too short a time to be tried, in words; "" for none."""
    told = []
    for period in sorted(grids, key=lambda grid: grid.value):
        known = {one.name: one.known_periods(period, until) for one in signals}
        few = {name: count for name, count in known.items() if count < LEAST_PERIODS}
        if few:
            names = ", ".join(f"{name} ({count})" for name, count in few.items())
            told.append(f"By {period.word}: {names}.")
    if not told:
        return ""
    return (
        "These signals were not tried, since a back-test cannot tell one from chance before "
        f"{LEAST_PERIODS} periods of it are known. {' '.join(told)}"
    )


@dataclass(frozen=True, slots=True)
class Reported:
    """One value of a signal from outside, and the day on which it was published."""

    name: str
    published: date
    value: float


def reported_signals(values: Iterable[Reported], until: date) -> tuple[Signal, ...]:
    """Signals from outside by name; what was published on `until` or later is not yet known."""
    by_name: dict[str, list[Reported]] = {}
    for one in values:
        if one.published < until:
            by_name.setdefault(one.name, []).append(one)
    return tuple(_signal(name, by_name[name], until) for name in sorted(by_name))


def _signal(name: str, values: Sequence[Reported], until: date) -> Signal:
    first = (min(one.published for one in values) - EPOCH).days
    total = np.zeros((until - EPOCH).days - first)
    count = np.zeros(len(total))
    for one in values:
        place = (one.published - EPOCH).days - first
        total[place] += one.value
        count[place] += 1
    made = np.where(count > 0, total / np.maximum(count, 1.0), np.nan)
    return Signal(name, first, made, added=False)
