"""The other learner: a ridge regression an hour of the day, each leaning on the hours beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.orientation.domain.volume.features import CATEGORICAL, Matrix
from services.orientation.domain.volume.hours import DAY, Counts

# Chosen by rolling over 2017 and 2018 of the New York file, where anything near did as well.
HARMONICS = 6  # of the year
BESIDE = {-2: 0.09, -1: 0.3, 0: 1.0, 1: 0.3, 2: 0.09}  # weight of the rows of other hours
# Prior variance of a coefficient is about 0.2; the noise of a ratio is about 1.5 / expected.
PENALTY_TIMES_CALLS = 7.5
LOWEST, HIGHEST = -0.6, 1.0  # of calls over expected calls, less one
KINDS = 32  # more than any almanac has
# How freely each kind of column may move, against a residual of the past.
CONSTANT, YEARLY, YEARLY_AT_WEEKENDS, WEEKLY, HOLIDAYS = 3.0, 0.1, 0.05, 0.1, 0.3
CALENDAR = frozenset(
    (
        *CATEGORICAL,
        "hour",
        "weekday",
        "hour_of_week",
        "day_of_year",
        "day_of_month",
        "years",
        "days_since_holiday",
        "days_to_holiday",
        "times",
        "log_expected",
    )
)


def design(features: Matrix, names: Sequence[str]) -> NDArray[np.float64]:
    """The regression's columns: calendar as waves and marks, residuals of the past as they are."""
    place = {name: at for at, name in enumerate(names)}
    column = {name: features[:, place[name]].astype(int) for name in ("weekday", *CATEGORICAL)}
    turn = 2 * np.pi * features[:, place["day_of_year"]].astype(float) / 365.25
    waves = np.stack(
        [wave(turn * times) for times in range(1, HARMONICS + 1) for wave in (np.cos, np.sin)],
        axis=1,
    )
    weekend = (column["weekday"] >= 5)[:, None]
    past = features[:, [at for name, at in place.items() if name not in CALENDAR]].astype(float)
    return np.hstack(
        [
            np.full((len(features), 1), CONSTANT),
            YEARLY * waves,
            YEARLY_AT_WEEKENDS * waves * weekend,
            WEEKLY * np.eye(7)[column["weekday"]],
            *(HOLIDAYS * np.eye(KINDS)[column[name]][:, 1:] for name in CATEGORICAL),
            np.clip(np.nan_to_num(past), LOWEST, HIGHEST),
        ]
    )


@dataclass(frozen=True, slots=True)
class LinearCorrector:
    names: tuple[str, ...] = field(repr=False)
    weights: NDArray[np.float64] = field(repr=False)  # [hour of the day, column]

    def correction(self, features: Matrix) -> Counts:
        hour = features[:, self.names.index("hour")].astype(int)
        ratio = (design(features, self.names) * self.weights[hour]).sum(axis=1)
        return np.asarray(np.log1p(np.clip(ratio, LOWEST, HIGHEST)))


@dataclass(frozen=True, slots=True)
class LinearLearner:
    """Least squares on calls over expected calls; nothing is drawn."""

    def learn(
        self,
        features: Matrix,
        names: Sequence[str],
        expected: Counts,
        calls: Counts,
    ) -> LinearCorrector:
        hour = features[:, list(names).index("hour")].astype(int)
        usual = float(expected.mean())
        grams, sides = [], []
        for at in range(DAY):
            mine = hour == at
            columns = design(features[mine], names)
            ratio = np.clip(calls[mine] / expected[mine] - 1, LOWEST, HIGHEST)
            weighted = columns * (expected[mine] / usual)[:, None]
            grams.append(weighted.T @ columns)
            sides.append(weighted.T @ ratio)
        penalty = PENALTY_TIMES_CALLS / usual * np.eye(len(sides[0]))
        weights = []
        for at in range(DAY):
            gram, side = penalty.copy(), np.zeros(len(penalty))
            for step, share in BESIDE.items():
                gram += share * grams[(at + step) % DAY]
                side += share * sides[(at + step) % DAY]
            weights.append(np.linalg.solve(gram, side))
        return LinearCorrector(tuple(names), np.stack(weights))
