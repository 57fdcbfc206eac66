"""The hour-of-week profile and level, learnt day after day, and what it takes for a bad count."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.orientation.domain.volume.hours import DAY, Counts, Days

WEEK = 7
BURN_IN = 28  # days that set the first profile; nothing before them is taught
LEVEL_STEP = 0.3  # share of yesterday's surprise that moves the level; chosen on 2016-2018
PROFILE_STEP = 0.05  # share of a surprise that moves the hour-of-week profile; likewise
HOLIDAY_SHARE = 0.3  # a holiday says less about the days after it
LARGEST_DAY_MOVE = 0.2
LARGEST_HOUR_MOVE = 0.5
UNDER_RECORDED = 1 / 3  # of what was expected: a breakdown of the recording, not a quiet hour
CAPPED = 2.0  # times what was expected: a storm or a backlog, not the season
NOISE = 6.0  # standard deviations of a Poisson count under which nothing is called odd
SMALLEST = 0.02  # calls an hour, so that an hour that never rang keeps a logarithm


def believable(calls: Counts, expected: Counts) -> Counts:
    """The counts that may teach: NaN where under-recorded, capped where out of all proportion."""
    noise = NOISE * np.sqrt(expected)
    lost = (calls < UNDER_RECORDED * expected) & (expected - calls > noise)
    return np.where(
        lost, np.nan, np.minimum(calls, np.maximum(CAPPED * expected, expected + noise))
    )


@dataclass(slots=True)
class Season:
    """What each hour of a day should bring before the day begins; `learn` moves it on."""

    profile: NDArray[np.float64] = field(repr=False)  # [day of week, hour], logarithms
    level: float
    day: int = 0

    @classmethod
    def begin(cls, days: Days) -> Season:
        """From the medians of the first four weeks, lightly held towards their mean."""
        weeks = days.calls[:BURN_IN].reshape(-1, WEEK, DAY)
        counted = np.isfinite(weeks)
        overall = max(float(weeks[counted].mean()) if counted.any() else 0.0, SMALLEST)
        each = np.nanmedian(np.where(counted.any(axis=0), weeks, overall), axis=0)
        profile = np.log((each + 0.05 * overall) / (1.05 * overall))
        return cls(profile, float(np.log(overall)))

    def copy(self) -> Season:
        return Season(self.profile.copy(), self.level, self.day)

    def expected(self) -> Counts:
        """Calls of each hour of the next day, were every hour to come once."""
        due = np.exp(self.level + self.profile[self.day % WEEK])
        return np.asarray(np.maximum(due, SMALLEST))

    def learn(self, calls: Counts, *, holiday: NDArray[np.bool_]) -> Counts:
        """Takes in one day (per happening of the hour) and gives back what was believable."""
        expected = self.expected()
        row = self.day % WEEK
        self.day += 1
        kept = believable(calls, expected)
        told = np.isfinite(kept)
        if told.sum() < DAY // 2:
            return kept
        weight = HOLIDAY_SHARE if holiday.mean() >= 0.5 else 1.0
        day = kept[told].sum() / expected[told].sum() - 1
        day = weight * float(np.clip(day, -LARGEST_DAY_MOVE, LARGEST_DAY_MOVE))
        surprise = np.where(told, kept / expected - 1, 0.0) - 0.5 * day
        self.level += LEVEL_STEP * day
        self.profile[row] += (
            PROFILE_STEP * weight * np.clip(surprise, -LARGEST_HOUR_MOVE, LARGEST_HOUR_MOVE)
        )
        return kept
