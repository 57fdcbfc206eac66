"""Distributions as quantiles on one fine grid of levels, and how several become one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.demand.adapters.engines.forests.panel import Array

# Every level a forecast is asked for is on the grid; beyond its ends the ends hold.
GRID: Array = np.array(
    [
        *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.0175, 0.025, 0.0375),
        *np.round(np.arange(0.05, 0.951, 0.025), 3),
        *(0.9625, 0.975, 0.98, 0.985, 0.99, 0.995, 0.9975, 0.999, 0.9995),
    ]
)
# The share of probability that each grid level stands for.
WEIGHTS: Array = np.diff(np.concatenate([[0.0], (GRID[1:] + GRID[:-1]) / 2, [1.0]]))


def at_levels(curves: Array, levels: Sequence[float] | Array) -> Array:
    """[..., q] quantiles at any levels, read between the lines of [..., G] on the grid."""
    wanted = np.clip(np.asarray(levels, dtype=np.float64), GRID[0], GRID[-1])
    right = np.clip(np.searchsorted(GRID, wanted), 1, len(GRID) - 1)
    share = (wanted - GRID[right - 1]) / (GRID[right] - GRID[right - 1])
    return np.asarray(curves[..., right - 1] * (1 - share) + curves[..., right] * share)


def sorted_quantiles(draws: Array) -> Array:
    """[..., G] quantiles of equally likely draws [..., k] that are sorted along the last axis."""
    k = draws.shape[-1]
    place = np.clip(GRID * k - 0.5, 0, k - 1)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, k - 1)
    share = place - low
    return np.asarray(draws[..., low] * (1 - share) + draws[..., high] * share)


def weighted_quantiles(values: Array, weights: Array) -> Array:
    """[..., G] quantiles of values [..., k] with weights of the same shape (sum > 0)."""
    order = np.argsort(values, axis=-1, kind="stable")
    values = np.take_along_axis(values, order, -1)
    weights = np.take_along_axis(weights, order, -1)
    total = np.cumsum(weights, axis=-1)
    middle = (total - weights / 2) / total[..., -1:]
    flat_v, flat_m = values.reshape(-1, values.shape[-1]), middle.reshape(-1, values.shape[-1])
    out = np.stack([np.interp(GRID, m, v) for m, v in zip(flat_m, flat_v, strict=True)])
    return out.reshape(*values.shape[:-1], len(GRID))


def mixture(curves: Sequence[Array], shares: Sequence[float]) -> Array:
    """The distribution that is drawn from each member with its share: densities add up."""
    used = [(curve, share) for curve, share in zip(curves, shares, strict=True) if share > 0]
    if len(used) == 1:
        return used[0][0]
    values = np.concatenate([curve for curve, _ in used], axis=-1)
    weights = np.concatenate([WEIGHTS * share for _, share in used])
    return weighted_quantiles(values, np.broadcast_to(weights, values.shape))


def average(curves: Sequence[Array], shares: Sequence[float]) -> Array:
    """The members' mean, quantile by quantile."""
    total = sum(shares)
    parts = [curve * (share / total) for curve, share in zip(curves, shares, strict=True)]
    return np.asarray(np.sum(parts, axis=0))


def mean_of(curves: Array) -> Array:
    """[...] mean of distributions [..., G]."""
    return np.asarray(curves @ WEIGHTS)
