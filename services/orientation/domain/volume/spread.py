"""How far counts stray from their mean: a negative binomial, corrected by what came before.

The dispersion is learnt by moments from the errors of real forecasts. Where each count fell
in its negative binomial is kept for a year, hour by hour; a 90 % quantile is then read at
whatever level has held 90 % of those counts (split conformal, rolling). A count lies at or
below the quantile of a level just when its own step of the distribution begins below that
level, so it is where steps begin that is kept: few calls an hour are whole numbers far apart,
and the middle of the step would hold too many of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.orientation.domain.volume.hours import DAY, Counts

LEVELS = (0.1, 0.5, 0.9)
KEPT_DAYS = 365
RECENT_DAYS = 28
RECENT_SHARE = 0.4  # weight of the last four weeks in the dispersion
FIRST_DISPERSION = 0.01  # before any error was seen: about ten per cent beside Poisson
LARGEST_ERROR = 5.0  # standard deviations; beyond, an error counts as this large
FEWEST = 60  # counts of an hour of the day under which the levels stay as they are
SMALLEST_MEAN = 1e-9


def cumulative(mean: Counts, dispersion: float | Counts) -> Counts:
    """P(count <= k) for each mean (rows) and k = 0, 1, ...; variance mean + dispersion mean²."""
    mean = np.maximum(np.asarray(mean, dtype=np.float64), SMALLEST_MEAN)
    size = 1.0 / np.maximum(np.broadcast_to(dispersion, mean.shape), 1e-6)
    far = mean + 12 * np.sqrt(mean + mean**2 / size) + 20
    counts = np.arange(int(far.max()) + 1)
    again = mean / (mean + size)
    steps = np.log((counts[None, :-1] + size[:, None]) * again[:, None] / counts[1:])
    first = size * np.log(size / (size + mean))
    logs = first[:, None] + np.concatenate(
        [np.zeros((mean.size, 1)), np.cumsum(steps, axis=1)], axis=1
    )
    return np.asarray(np.minimum(np.cumsum(np.exp(logs), axis=1), 1.0))


def places(calls: Counts, mean: Counts, dispersion: float) -> Counts:
    """P(fewer than each count), 0 to 1: where its own step of the distribution begins."""
    found = np.full(calls.shape, np.nan)
    told = np.isfinite(calls) & (mean > 0)
    if not told.any():
        return found
    table = cumulative(mean[told], dispersion)
    below = np.minimum(np.rint(calls[told]).astype(int), table.shape[1]) - 1
    found[told] = np.where(below >= 0, table[np.arange(below.size), np.maximum(below, 0)], 0.0)
    return found


def quantiles(mean: Counts, dispersion: float | Counts, levels: Counts) -> Counts:
    """The smallest counts that hold `levels` [row, level] of the mass; 0 for a mean of 0."""
    table = cumulative(mean, dispersion)
    found = np.stack([(table < level[:, None]).sum(axis=1) for level in levels.T], axis=1)
    found = np.where(mean[:, None] > 0, found, 0)
    return np.asarray(np.maximum.accumulate(found, axis=1), dtype=np.float64)


def moments(calls: Counts, mean: Counts) -> tuple[float, float]:
    """Sums of (error² - mean) and mean², whose quotient is the dispersion."""
    told = np.isfinite(calls) & (mean > 0)
    due = mean[told]
    limit = LARGEST_ERROR * np.sqrt(due + FIRST_DISPERSION * due**2)
    error = np.clip(calls[told] - due, -limit, limit)
    return float((error**2 - due).sum()), float((due**2).sum())


@dataclass(slots=True)
class Spread:
    """Learns from each day forecast, after the fact."""

    places: list[Counts] = field(default_factory=list, repr=False)
    sums: list[tuple[float, float]] = field(default_factory=list, repr=False)

    @property
    def dispersion(self) -> float:
        """Of the last year, drawn towards the last four weeks; never negative."""
        if not self.sums:
            return FIRST_DISPERSION
        year, recent = _dispersion(self.sums), _dispersion(self.sums[-RECENT_DAYS:])
        return (1 - RECENT_SHARE) * year + RECENT_SHARE * recent

    def learn(self, calls: Counts, mean: Counts) -> None:
        """Takes in what one day of 24 hours brought beside its forecast."""
        self.places.append(places(calls, mean, self.dispersion))
        self.sums.append(moments(calls, mean))
        del self.places[:-KEPT_DAYS], self.sums[:-KEPT_DAYS]

    def levels(self) -> Counts:
        """For each hour of the day [24, level]: where the counts of the past year lay.

        An hour is judged with the hours beside it; too few counts leave the level alone.
        """
        wanted = np.tile(np.asarray(LEVELS), (DAY, 1))
        if not self.places:
            return wanted
        past = np.stack(self.places)
        for hour in range(DAY):
            beside = past[:, [(hour - 1) % DAY, hour, (hour + 1) % DAY]]
            seen = np.sort(beside[np.isfinite(beside)])
            if seen.size < FEWEST:
                continue
            for place, level in enumerate(LEVELS):
                rank = np.clip(level * (seen.size + 1) - 1, 0, seen.size - 1)
                wanted[hour, place] = np.interp(rank, np.arange(seen.size), seen)
        return wanted

    def quantiles(self, mean: Counts, *, dispersion: float | None = None) -> Counts:
        """[24, level] counts of the next day; a longer wait brings its own dispersion."""
        used = self.dispersion if dispersion is None else dispersion
        return quantiles(mean, used, self.levels())


def _dispersion(sums: list[tuple[float, float]]) -> float:
    over: NDArray[np.float64] = np.asarray(sums).sum(axis=0)
    return max(float(over[0] / over[1]), 0.0) if over[1] > 0 else FIRST_DISPERSION
