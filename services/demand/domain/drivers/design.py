"""Columns of the regression that drivers are tried in: a series' own past, and one driver.

Everything is on a log scale, log(y + c), where effects of drivers multiply. Row t of a design
holds what is known after period t and foresees period t + step; nothing later is ever used.
"""

from __future__ import annotations

import numpy as np

from services.demand.domain.drivers.driver import Driver, Kind, filled_forward
from services.demand.domain.tables import Array, Ints

FAST, SLOW = 0.3, 0.06
"""Weights of the newest period in the two exponential means of a series."""
MEMORY = 6
"""Seasons that the usual shape of a season is taken from."""
SMOOTHED = 7
"""Periods over which a noisy signal is averaged as well."""


def offset(history: Array) -> float:
    """c of log(y + c): half a standard deviation of counting, so that small counts stay tame."""
    return 0.5 + 0.5 * float(np.sqrt(max(history.mean(), 0.0))) if len(history) else 0.5


def latent(history: Array) -> Array:
    return np.asarray(np.log(np.maximum(history, 0.0) + offset(history)))


def smoothed(values: Array, weight: float) -> Array:
    """[T] exponential mean, starting from the mean of the first eight values."""
    made = np.empty(len(values))
    level = float(values[:8].mean())
    for t, value in enumerate(values):
        level += weight * (value - level)
        made[t] = level
    return made


def own_columns(z: Array, step: int, season: int) -> Array:
    """[T, p] a series' own past: level, slope of the last periods, shape of the season."""
    fast, slow = smoothed(z, FAST), smoothed(z, SLOW)
    change = np.diff(z, prepend=z[0])
    columns = [z - fast, fast - slow, slow]
    columns += [np.concatenate([np.zeros(k), change[: len(z) - k]]) for k in range(3)]
    if season > 1:
        columns.append(_season(z - slow, step, season))
    return np.stack(columns, axis=1)


def _season(away: Array, step: int, season: int) -> Array:
    """[T] mean distance from the level at the place in the season of period t + step."""
    total, seen = np.zeros(len(away)), np.zeros(len(away))
    for back in range(1, MEMORY + 1):
        ago = -(-step // season) * season - step + (back - 1) * season
        if ago >= len(away):
            break
        total[ago:] += away[: len(away) - ago]
        seen[ago:] += 1.0
    return total / np.maximum(seen, 1.0)


def driver_columns(driver: Driver, row: int, length: int, step: int, lag: int) -> Array:
    """[T, k] one driver as row t knows it when period t + step is foreseen.

    A calendar: the period foreseen and the one before it. A signal: its log `lag` periods
    before the period foreseen, or its newest where that has not come yet, its mean over the
    periods before, and its last two changes.
    """
    values = driver.of(row)
    target = np.arange(length) + step
    if driver.kind is Kind.CALENDAR:
        now = np.nan_to_num(values[np.minimum(target, len(values) - 1)])
        before = np.nan_to_num(values[np.minimum(target, len(values) - 1) - 1])
        return np.stack([now, before], axis=1)
    place = np.minimum(target - lag, np.arange(length))
    logs = log_signal(values[:length])
    if len(logs) < length:
        logs = np.concatenate([logs, np.full(length - len(logs), logs[-1] if len(logs) else 0.0)])
    mean = _running_mean(logs, SMOOTHED)
    change = np.diff(logs, prepend=logs[0])
    earlier = np.concatenate([[0.0], change[:-1]])
    place = np.maximum(place, 0)
    return np.stack([logs[place], mean[place], change[place], earlier[place]], axis=1)


def log_signal(values: Array) -> Array:
    """The log of a signal, gaps bridged by the last known value."""
    bridged = np.maximum(filled_forward(values), 0.0)
    return np.asarray(np.log(bridged + offset(bridged)))


def _running_mean(values: Array, window: int) -> Array:
    total = np.cumsum(np.concatenate([[0.0], values]))
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(end - window, 0)
    return np.asarray((total[end] - total[begin]) / (end - begin))


def targets(z: Array, step: int) -> Array:
    """[T] z of period t + step less z of period t; NaN where that has not come yet."""
    made = np.full(len(z), np.nan)
    if step < len(z):
        made[: len(z) - step] = z[step:] - z[: len(z) - step]
    return made


def steps_tried(ahead: int) -> Ints:
    """The periods ahead that a driver is judged on: the next, the middle and the last."""
    return np.unique([1, (ahead + 1) // 2, ahead]).astype(np.int64)
