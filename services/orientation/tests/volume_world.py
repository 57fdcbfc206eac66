"""A generated town whose calls per hour are known in truth, and a learner that learns nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.orientation.domain.volume.features import Matrix
from services.orientation.domain.volume.hours import Counts, Hours, hours_from

START = np.datetime64("2024-01-01T00", "h")
OVER_DISPERSION = 0.01


@dataclass(frozen=True, slots=True)
class Town:
    """What truly happens: the mean of each hour, and one draw of it."""

    truth: Counts = field(repr=False)
    hours: Hours

    def split(self, days: int) -> tuple[Hours, Hours]:
        """The history, and the last `days` days."""
        at = self.hours.calls.size - 24 * days
        start = self.hours.start + np.timedelta64(at, "h")
        return Hours(self.hours.start, self.hours.calls[:at]), Hours(start, self.hours.calls[at:])


def town(days: int = 168, *, level: float = 80.0, seed: int = 7) -> Town:
    """Hours of the day and days of the week matter; counts are over-dispersed."""
    instants = hours_from(START, days * 24)
    hour = np.arange(instants.size) % 24
    weekday = np.arange(instants.size) // 24 % 7
    shape = 1 + 0.45 * np.sin((hour - 9) / 24 * 2 * np.pi)
    truth = level * shape * np.where(weekday >= 5, 1.2, 1.0)
    draw = np.random.default_rng(seed)
    size = 1 / OVER_DISPERSION
    calls = draw.negative_binomial(size, size / (size + truth)).astype(np.float64)
    return Town(truth, Hours(START, calls))


def write_hours(path: Path, hours: Hours) -> Path:
    table = pa.table(
        {
            "hour_start_local": pa.array(hours.instants.astype("datetime64[us]")),
            "calls_total": pa.array(hours.calls, from_pandas=True).cast(pa.int16()),
        }
    )
    pq.write_table(table, path)
    return path


class NothingLearnt:
    """Leaves the season as it is."""

    def correction(self, features: Matrix) -> Counts:
        return np.zeros(len(features))

    def learn(
        self, features: Matrix, names: Sequence[str], expected: Counts, calls: Counts
    ) -> NothingLearnt:
        assert features.shape == (calls.size, len(names))
        assert np.isfinite(calls).all()
        assert (expected > 0).all()
        return self
