"""Errors of back-tests, scaled and pooled over like series: honest intervals for rare demand.

A single rarely used item has too few errors of its own to know its 95 % level; a pool of
like items has thousands. Errors are divided by the size of their series, pooled by share
of empty periods and by periods ahead, and multiplied back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Borders between buckets of the share of empty periods.
BORDERS = (0.3, 0.5, 0.7, 0.9)
# A pool thinner than this borrows from the neighbouring ones.
ENOUGH = 200
# A pool is handed to other processes: no more than this is kept of one place.
KEPT = 2000
# Periods ahead are told apart one by one up to here, then ever more coarsely.
EXACT = 12
ORIGINS = 3


@dataclass(frozen=True, slots=True)
class ScaledErrors:
    """Errors of one series from one origin: actual minus forecast, over the series' size."""

    bucket: int
    errors: Array


def bucket_of(values: Array) -> int:
    """The bucket of a history by its share of periods without use."""
    return int(np.searchsorted(BORDERS, np.mean(values <= 0), side="right"))


def size_of(values: Array) -> float:
    """How large a series' errors may be: its own spread, and a little more.

    Never 0: one more use than none ever was must stay possible. The spread served the
    pool better than the mean or the recent level on all four intermittent sets tried.
    """
    used = values[values > 0]
    least = min(float(used.min()), 1.0) if len(used) else 1.0
    return float(values.std()) + 0.3 * least


def origins_of(periods: int, horizon: int, shortest: int) -> Sequence[tuple[int, int]]:
    """(periods known, periods ahead) of the back-tests that a history has room for.

    At most a third of the history is ever held back, so a long horizon is tested on as
    many periods as there are and its last errors stand for what lies beyond.
    """
    ahead = min(horizon, max(1, periods // 3))
    return [
        (known, ahead)
        for origin in range(ORIGINS)
        if (known := periods - ahead - origin * max(1, ahead // 2)) >= shortest
    ]


def step_of(ahead: int) -> int:
    """The pool's place for a forecast `ahead` periods on (0 is the first)."""
    return ahead if ahead < EXACT else EXACT + int(4 * math.log2(ahead / EXACT))


class Pool:
    """Scaled errors of many back-tests; gives the quantiles of a new forecast's error."""

    def __init__(self, errors: Iterable[ScaledErrors]) -> None:
        by_place: dict[tuple[int, int], list[float]] = {}
        for one in errors:
            for ahead, error in enumerate(one.errors):
                by_place.setdefault((one.bucket, step_of(ahead)), []).append(float(error))
        self._places = {place: _thinned(np.sort(found)) for place, found in by_place.items()}
        self._steps = max((step for _, step in by_place), default=-1)
        self._known: dict[tuple[int, int], Array] = {}

    def __len__(self) -> int:
        return sum(len(found) for found in self._places.values())

    def errors(self, bucket: int, ahead: int) -> Array:
        """The pool's errors for a bucket, `ahead` periods on (0 is the first).

        Too few are topped up: first from the neighbouring periods of the same bucket,
        then from its whole bucket, then from the neighbouring buckets.
        """
        step = min(step_of(ahead), self._steps)
        if (bucket, step) not in self._known:
            self._known[bucket, step] = self._gather(bucket, step)
        return self._known[bucket, step]

    def _gather(self, bucket: int, step: int) -> Array:
        # (buckets away, steps away) that a ring takes in, from near to far
        everything = (len(BORDERS), self._steps)
        rings = ((0, 0), (0, 1), (0, self._steps), (1, self._steps), everything)
        found: Array = np.empty(0)
        for buckets, steps in rings:
            parts = [
                part
                for (b, s), part in self._places.items()
                if abs(b - bucket) <= buckets and abs(s - step) <= steps
            ]
            found = np.concatenate(parts) if parts else np.empty(0)
            if len(found) >= ENOUGH:
                break
        return np.sort(found)

    def quantiles(self, mean: Array, size: float, bucket: int, levels: Sequence[float]) -> Array:
        """[period, level] quantiles around a mean; raises ValueError on an empty pool."""
        if not len(self):
            raise ValueError("no back-test could be made")
        rows = [
            mean[ahead] + size * conservative(self.errors(bucket, ahead), levels)
            for ahead in range(len(mean))
        ]
        return np.stack(rows)


def _thinned(errors: Array) -> Array:
    """At most KEPT of the sorted errors, evenly by rank, both ends included."""
    if len(errors) <= KEPT:
        return errors
    return np.asarray(errors[np.linspace(0, len(errors) - 1, KEPT).astype(int)])


def conservative(errors: Array, levels: Sequence[float]) -> Array:
    """Quantiles that allow for a small pool: above the middle one rank further out.

    The finite-sample rule of split conformal prediction, taken on both sides.
    """
    n = len(errors)
    wanted = np.asarray(levels, dtype=np.float64)
    ranks = np.where(wanted >= 0.5, np.ceil((n + 1) * wanted), np.floor((n + 1) * wanted)) - 1
    return np.asarray(errors[np.clip(ranks, 0, n - 1).astype(int)], dtype=np.float64)
