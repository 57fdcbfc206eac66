"""What a forest may know of each series at one origin: features of the past, and scales.

Every feature is computed from a panel that ends at the origin, so none can look past it.
Amounts are divided by the series' own scale, so that large and small sites can share leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.demand.adapters.engines.forests.grouping import group_features
from services.demand.adapters.engines.forests.panel import Array, SparsePanel
from services.demand.adapters.engines.forests.stock_features import column_features

LAGS = 12
WINDOWS = (3, 6, 12, 24)


@dataclass(frozen=True, slots=True)
class Table:
    """Features of some series at one origin: `values` [n, F] (NaN: not known), named."""

    values: Array
    names: tuple[str, ...]


def scales(panel: SparsePanel) -> dict[str, Array]:
    """Sizes of each series at the end of its panel, [n] each, never 0, in base units.

    `ew`: half the exponential mean (0.3), half the larger of the means of 12 and 24
    periods. `nz`: half the mean, half the mean of the amounts used. `c2`: the mean, + 2.
    `one`: 1, raw units.
    """
    y = np.where(panel.alive, panel.y, np.nan)
    mean = recent_mean(y, y.shape[1])
    recent = np.maximum(recent_mean(y, 12), recent_mean(y, 24))
    used = np.where(panel.y > 0, panel.y, 0.0).sum(1) / np.maximum((panel.y > 0).sum(1), 1)
    return {
        "ew": 0.5 * exponential_mean(panel, 0.3) + 0.5 * recent + 0.5,
        "nz": 0.5 * mean + 0.5 * used + 0.5,
        "c2": mean + 2.0,
        "one": np.ones(len(panel.ids)),
    }


def recent_mean(values: Array, periods: int) -> Array:
    """[n] mean of the last `periods` known values of [n, T]; 0 where none is known."""
    last = values[:, -periods:]
    known = np.isfinite(last)
    return np.asarray(np.where(known, last, 0.0).sum(1) / np.maximum(known.sum(1), 1))


def exponential_mean(panel: SparsePanel, alpha: float) -> Array:
    """[n] mean of each history with weights (1 - alpha)^age."""
    weights = (1.0 - alpha) ** np.arange(panel.periods)[::-1] * panel.alive
    return np.asarray((weights * panel.y).sum(1) / np.maximum(weights.sum(1), 1e-12))


def features(panel: SparsePanel) -> Table:
    """Features of all series of a panel at its end."""
    made: dict[str, Array] = {}
    size = scales(panel)["ew"]
    made.update(_demand_features(panel, size))
    made.update(column_features(panel, size))
    made.update(group_features(panel, size))
    return Table(np.column_stack(list(made.values())), tuple(made))


def _demand_features(panel: SparsePanel, size: Array) -> Mapping[str, Array]:
    y = np.where(panel.alive, panel.y, np.nan)
    n, periods = y.shape
    made: dict[str, Array] = {"log_scale": np.log(size)}
    for lag in range(LAGS):
        made[f"lag_{lag}"] = y[:, -1 - lag] / size if lag < periods else np.full(n, np.nan)
    for window in WINDOWS:
        last = y[:, -window:]
        known = np.isfinite(last)
        count = np.maximum(known.sum(1), 1)
        mean = recent_mean(y, window)
        spread = np.where(known, last - mean[:, None], 0.0)
        made[f"mean_{window}"] = mean / size
        made[f"spread_{window}"] = np.sqrt((spread**2).sum(1) / count) / size
        made[f"zero_share_{window}"] = ((last == 0) & known).sum(1) / count
        made[f"most_{window}"] = np.where(known, last, 0.0).max(1) / size
    made["zero_share"] = 1.0 - (panel.y > 0).sum(1) / np.maximum(panel.alive.sum(1), 1)
    for alpha in (0.1, 0.5):
        made[f"exponential_{alpha}"] = exponential_mean(panel, alpha) / size
    made["growth"] = np.log((recent_mean(y, 3) + 0.5) / (recent_mean(y, 12) + 0.5))
    made.update(_use_features(panel, size))
    made.update(_season_features(panel, y, size))
    made["age"] = panel.alive.sum(1).astype(np.float64)
    return made


def _use_features(panel: SparsePanel, size: Array) -> Mapping[str, Array]:
    """Recency and amounts of the periods with use."""
    used = panel.y > 0
    count = used.sum(1)
    some = np.maximum(count, 1)
    since = np.where(count > 0, np.argmax(used[:, ::-1], axis=1), panel.alive.sum(1))
    amount = np.where(used, panel.y, 0.0).sum(1) / some
    variance = np.where(used, (panel.y - amount[:, None]) ** 2, 0.0).sum(1) / some
    last = panel.y[np.arange(len(since)), np.maximum(panel.periods - 1 - since, 0)]
    return {
        "since_use": since.astype(np.float64),
        "since_use_in_gaps": since * count / np.maximum(panel.alive.sum(1), 1),
        "amount_used": amount / size,
        "log_amount_used": np.log1p(amount),
        "amount_variation": np.sqrt(variance) / np.maximum(amount, 1e-9),
        "last_amount": last / size,
        "uses": count.astype(np.float64),
    }


def _season_features(panel: SparsePanel, y: Array, size: Array) -> Mapping[str, Array]:
    """Where in the season the origin is, and what the next periods were a season ago."""
    season = panel.season
    if season < 2:
        return {}
    made = {"season_place": np.full(len(size), float(panel.periods % season))}
    if panel.periods >= season:
        ago = y[:, panel.periods - season :][:, : min(3, season)]
        made["season_ago_mean"] = recent_mean(ago, ago.shape[1]) / size
        made["season_ago_next"] = ago[:, 0] / size
    else:
        made["season_ago_mean"] = made["season_ago_next"] = np.full(len(size), np.nan)
    return made
