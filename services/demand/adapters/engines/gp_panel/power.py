"""The power scale on which amounts have about the same noise whatever their size."""

from __future__ import annotations

import numpy as np

from services.demand.adapters.engines.gp_panel.panel import Array

SHIFT = 0.375
"""Added to amounts, so that the noise of small counts is even too (Anscombe, 1948)."""


def to_latent(amounts: Array, power: float) -> Array:
    """((y + 0.375)^power - 1) / power."""
    return np.asarray(((amounts + SHIFT) ** power - 1.0) / power)


def to_amounts(latent: Array, power: float) -> Array:
    """The way back, never below 0."""
    base = np.maximum(power * latent + 1.0, 0.0)
    return np.asarray(np.maximum(base ** (1.0 / power) - SHIFT, 0.0))


def counting_noise(level: Array, power: float) -> Array:
    """Variance of a Poisson count of mean `level` on the latent scale (delta method)."""
    return np.asarray((level + SHIFT) ** (2.0 * power - 1.0))
