"""From latent mean and variance to amounts: quantiles by period and the mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from services.demand.adapters.engines.gp_panel.panel import Array, Widths
from services.demand.adapters.engines.gp_panel.power import to_amounts

CORE, TAIL = 0.9, 0.975
"""Levels at which widths are compared with what came true: ends of the central 80 and 95 %."""
NODES = 64


def student_scale(variance: Array, degrees: Array) -> Array:
    """Scale of the t with this variance; `degrees` [n] against variance [n, ...]."""
    degrees = degrees.reshape(-1, *([1] * (variance.ndim - 1)))
    return np.asarray(np.sqrt(np.maximum(variance, 0.0) * (degrees - 2.0) / degrees))


def stretched(
    levels: Sequence[float] | Array, degrees: Array, widths: Widths, horizon: int
) -> Array:
    """[n, h, q]: t quantiles times the measured widths, from core to tail by a straight line;
    h is 1 where all periods share their widths.

    Stays increasing in the level, since the widths rise or fall less than the quantiles do.
    """
    probability = np.asarray(levels, dtype=np.float64)
    t = stdtrit(degrees[:, None], probability[None, :])
    core, tail = stdtrit(degrees, CORE)[:, None], stdtrit(degrees, TAIL)[:, None]
    toward = np.clip((np.abs(t) - core) / (tail - core), 0.0, 1.0)[:, None]
    apart = 1 if widths.before is None else horizon
    middle, end = (width[None, :, None] for width in widths.ahead(apart))
    return np.asarray(t[:, None] * (middle + (end - middle) * toward))


def quantiles(
    mean: Array,
    variance: Array,
    degrees: Array,
    levels: Sequence[float],
    *,
    power: float,
    widths: Widths,
) -> Array:
    """[n, h, q] of amounts; never negative, never crossing when levels increase."""
    step = stretched(levels, degrees, widths, mean.shape[1])
    scale = student_scale(variance, degrees)
    return to_amounts(mean[:, :, None] + scale[:, :, None] * step, power)


def means(mean: Array, variance: Array, degrees: Array, *, power: float, widths: Widths) -> Array:
    """[n, h]: the mean amount, over evenly likely quantiles."""
    nodes = (np.arange(NODES) + 0.5) / NODES
    found = quantiles(mean, variance, degrees, nodes.tolist(), power=power, widths=widths)
    return np.asarray(found.mean(axis=2))
