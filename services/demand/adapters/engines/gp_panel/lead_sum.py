"""The sum over a lead time: what an order has to cover."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from services.demand.adapters.engines.gp_panel.panel import Array
from services.demand.adapters.engines.gp_panel.power import to_amounts

ROW_CHUNK = 512


def roots(
    mean: Array, covariance: Array, *, lead: int, power: float, draws: int, seed: int
) -> tuple[Array, Array, Array]:
    """([n] mean of the sum, [n] mean and [n] deviation of its square root).

    The same seeded normal draws, each with its mirror image, serve all series; only their
    first two moments are used, so that far quantiles do not hang on a few draws.
    """
    half = np.random.default_rng(seed).standard_normal((draws // 2, lead))
    normal = np.concatenate([half, -half])
    n = len(mean)
    total, centre, spread = np.empty(n), np.empty(n), np.empty(n)
    for start in range(0, n, ROW_CHUNK):
        rows = slice(start, start + ROW_CHUNK)
        paths = normal @ _factor(covariance[rows, :lead, :lead]).transpose(0, 2, 1)
        sums = to_amounts(mean[rows, None, :lead] + paths, power).sum(axis=2)
        total[rows] = sums.mean(axis=1)
        root = np.sqrt(sums)
        centre[rows], spread[rows] = root.mean(axis=1), root.std(axis=1)
    return total, centre, spread


def _factor(covariance: Array) -> Array:
    """[n, l, l]: Cholesky factors, a hair of variance added so that they exist."""
    lead = covariance.shape[1]
    hair = 1e-9 * np.trace(covariance, axis1=1, axis2=2) + 1e-12
    return np.asarray(np.linalg.cholesky(covariance + hair[:, None, None] * np.eye(lead)))


def quantiles(
    centre: Array, spread: Array, degrees: Array, levels: Sequence[float], stretch: float
) -> Array:
    """[n, q]: a t on the square root of the sum, its distance from the median stretched."""
    t = stdtrit(degrees[:, None], np.asarray(levels)[None, :])
    unit = np.sqrt((degrees - 2.0) / degrees)[:, None]
    root = centre[:, None] + stretch * spread[:, None] * unit * t
    return np.asarray(np.maximum(root, 0.0) ** 2)
