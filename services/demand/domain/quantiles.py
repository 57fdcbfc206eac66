"""The levels every forecast has, and what makes a set of quantiles fit to be shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEVELS: tuple[float, ...] = (
    *(0.01, 0.025, 0.05),
    *(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    *(0.95, 0.975, 0.98, 0.99, 0.995, 0.999),
)


class NotANumber(ValueError):
    """A method gave something that is not a finite number."""


def tidy(quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Makes [period, level] quantiles showable: never below 0, never crossing.

    Crossing is mended by sorting each period (Chernozhukov, Fernández-Val and Galichon,
    2010: the sorted curve is never further from the truth). Raises NotANumber rather
    than hide a value that is not finite.
    """
    if not np.isfinite(quantiles).all():
        raise NotANumber("a quantile is not a finite number")
    return np.sort(np.maximum(quantiles, 0.0), axis=1)


def tidy_mean(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """A mean of demand is never below 0; NotANumber when it is not finite."""
    if not np.isfinite(mean).all():
        raise NotANumber("a mean is not a finite number")
    return np.maximum(mean, 0.0)


def blend(members: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean of several methods, quantile by quantile (it beat the median every time)."""
    return np.asarray(np.mean(np.stack(members), axis=0), dtype=np.float64)
