"""statsforecast's methods on one series: mean and quantiles from their own intervals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from statsforecast.models import (
    IMAPA,
    TSB,
    AutoCES,
    AutoETS,
    DynamicOptimizedTheta,
    SeasonalNaive,
)
from statsforecast.utils import ConformalIntervals

from services.demand.ports import Array

TSB_ALPHA = 0.1
# What statsforecast sets when a user leaves it out.
WINDOWS = 2


@dataclass(frozen=True, slots=True)
class Curve:
    """A forecast of one series: `mean` [h], `quantiles` [h, q]; `stood_in`: the method failed
    and the last value stands for it."""

    mean: Array
    quantiles: Array
    stood_in: bool = False


def _conformal(horizon: int, values: Array) -> ConformalIntervals | None:
    if len(values) <= WINDOWS * horizon + 1:
        return None
    return ConformalIntervals(h=horizon, n_windows=WINDOWS)


def _models() -> Mapping[str, Callable[[int, Any], Any]]:
    return {
        "SeasonalNaive": lambda season, _: SeasonalNaive(season_length=season),
        "AutoETS": lambda season, _: AutoETS(season_length=season),
        "DynamicOptimizedTheta": lambda season, _: DynamicOptimizedTheta(season_length=season),
        "AutoCES": lambda season, _: AutoCES(season_length=season),
        "IMAPA": lambda _, intervals: IMAPA(prediction_intervals=intervals),
        "TSB": lambda _, intervals: TSB(TSB_ALPHA, TSB_ALPHA, prediction_intervals=intervals),
    }


CONFORMAL = frozenset({"IMAPA", "TSB"})


@dataclass(frozen=True, slots=True)
class Native:
    """One method by name, as a user of the library would call it; safe to hand to a process."""

    method: str
    season: int
    horizon: int
    levels: tuple[float, ...]

    def __call__(self, values: Array) -> Curve:
        season = self.season if len(values) > 2 * self.season else 1
        wide = self.method not in CONFORMAL
        intervals = None if wide else _conformal(self.horizon, values)
        asked = sorted({interval_of(level) for level in self.levels if level != 0.5})
        model = _models()[self.method](season, intervals)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                level = asked if wide or intervals is not None else None
                made = model.forecast(y=values, h=self.horizon, level=level)
        except Exception:  # noqa: BLE001  # a library's failure on one series must not stop a run
            return self._stand_in(values)
        mean = np.asarray(made["mean"], dtype=np.float64)
        curve = _quantiles(made, self.levels)
        if not (np.isfinite(mean).all() and np.isfinite(curve).all()):
            return self._stand_in(values)
        return Curve(mean, curve)

    def _stand_in(self, values: Array) -> Curve:
        level = float(values[-1]) if len(values) else 0.0
        return Curve(
            np.full(self.horizon, level),
            np.full((self.horizon, len(self.levels)), level),
            stood_in=True,
        )


def interval_of(level: float) -> float:
    """The central interval, in percent, one of whose ends is the quantile `level`."""
    return round(abs(2 * level - 1) * 100, 6)


def _quantiles(made: Mapping[str, Any], levels: Sequence[float]) -> Array:
    columns = []
    for level in levels:
        name = f"{'hi' if level > 0.5 else 'lo'}-{interval_of(level)}"
        plain = f"{'hi' if level > 0.5 else 'lo'}-{interval_of(level):g}"
        column = made["mean"] if level == 0.5 else made.get(name, made.get(plain, made["mean"]))
        columns.append(column)
    return np.stack(columns, axis=1).astype(np.float64)
