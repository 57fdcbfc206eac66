"""Calls of each sector: its share of the total, learnt by hour of the week from the past year."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from services.orientation.domain.volume.hours import DAY, Counts
from services.orientation.domain.volume.scores import scores
from services.orientation.domain.volume.season import WEEK
from services.orientation.domain.volume.spread import LEVELS, Spread

KEPT_WEEKS = 52
WEEK_DECAY = 0.98  # of what a week counts, week by week; 0.95 to 1 did as well on 2018
PRIOR_CALLS = 500.0  # calls that the share of the last four weeks counts for in each hour
RECENT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Sectors:
    """Counts of each sector on the hours of the total; NaN where nothing was recorded."""

    names: tuple[str, ...]
    calls: Counts = field(repr=False)  # [hour, sector]

    def then(self, later: Counts) -> Sectors:
        return Sectors(self.names, np.vstack([self.calls, later]))


@dataclass(frozen=True, slots=True)
class SectorForecast:
    """One row an hour; means add up to the mean of the total."""

    names: tuple[str, ...]
    mean: Counts = field(repr=False)  # [hour, sector]
    levels: Counts = field(repr=False)  # [hour, sector, 10 / 50 / 90 %]

    def cut(self, hours: int) -> SectorForecast:
        return SectorForecast(self.names, self.mean[:hours], self.levels[:hours])

    def scores(self, calls: Counts) -> dict[str, dict[str, float]]:
        """Sector → how good its forecasts were; a sector without a call has none."""
        return {
            name: scores(self.mean[:, at], self.levels[:, at], calls[:, at])
            for at, name in enumerate(self.names)
            if np.nansum(calls[:, at]) > 0
        }


def shares(calls: Counts, day: int) -> Counts:
    """[24, sector]: who gets which part of the calls of a day, from the days before it.

    `calls` is [day, 24, sector]. The same weekday of the past year counts, each hour with the
    hours beside it; few calls lean on the shares of the last four weeks.
    """
    back = np.arange(1, KEPT_WEEKS + 1) * WEEK
    back = back[back <= day]
    weights = WEEK_DECAY ** np.arange(back.size)
    past = np.nan_to_num(calls[day - back])
    sums: Counts = np.tensordot(weights, past, axes=1) if back.size else np.zeros(calls.shape[1:])
    sums = sums + np.roll(sums, 1, axis=0) + np.roll(sums, -1, axis=0)
    recent = np.nan_to_num(calls[max(0, day - RECENT_DAYS) : day]).sum(axis=(0, 1))
    whole = recent.sum()
    count = calls.shape[2]
    prior = recent / whole if whole > 0 else np.full(count, 1.0 / count)
    mixed: Counts = sums + PRIOR_CALLS * prior
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))


def divide(
    sectors: Sectors, odd: int, told: Counts, *, first: int, begin: int, known: int
) -> SectorForecast:
    """The forecasts from day `begin` on, of the means that were told of the days from `first`.

    `odd` hours before the first whole day are left out. The days before `begin` teach how far
    each sector strays; a day from `known` on is not known and teaches nothing.
    """
    days = told.size // DAY
    flat = np.full(((first + days) * DAY, len(sectors.names)), np.nan)
    given = sectors.calls[odd : odd + flat.shape[0]]
    flat[: given.shape[0]] = given
    calls = np.asarray(flat.reshape(-1, DAY, len(sectors.names)))
    spreads = [Spread() for _ in sectors.names]
    means, levels = [], []
    for number, total in enumerate(told.reshape(-1, DAY)):
        day = first + number
        mean = shares(calls, day) * total[:, None]
        if day >= begin:
            means.append(mean)
            levels.append(
                np.stack([s.quantiles(mean[:, at]) for at, s in enumerate(spreads)], axis=1)
            )
        if day < known:
            for at, spread in enumerate(spreads):
                spread.learn(calls[day, :, at], mean[:, at])
    count = len(sectors.names)
    return SectorForecast(
        sectors.names,
        np.concatenate(means).reshape(-1, count),
        np.concatenate(levels).reshape(-1, count, len(LEVELS)),
    )
