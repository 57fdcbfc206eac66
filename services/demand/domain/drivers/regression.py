"""Ridge regression, fitted again and again as time goes on: what it would have foreseen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from services.demand.domain.tables import Array, Flags

RIDGE = 3.0
"""Weight of the prior, in observations: standardised coefficients are pulled towards 0."""
WARM_UP = 8
"""First rows, whose exponential means have hardly begun."""
BLOCKS = 10
"""Times that a back-test fits anew."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Coefficients of raw columns, and the spread of the errors inside the fit."""

    centre: Array = field(repr=False)
    slopes: Array = field(repr=False)
    level: float
    errors: Array = field(repr=False)

    def __call__(self, rows: Array) -> Array:
        return np.asarray(self.level + (rows - self.centre) @ self.slopes)


def fit(columns: Array, target: Array) -> Fitted:
    """Least squares with a pull of RIDGE observations towards no effect.

    columns [m, p], target [m], both finite.
    """
    centre, spread = columns.mean(axis=0), columns.std(axis=0)
    usable = spread > 1e-9
    scaled = (columns - centre) * np.where(usable, 1.0 / np.where(usable, spread, 1.0), 0.0)
    level = float(target.mean())
    gram = scaled.T @ scaled + RIDGE * np.eye(columns.shape[1])
    slopes = np.linalg.solve(gram, scaled.T @ (target - level))
    errors = target - level - scaled @ slopes
    return Fitted(
        centre, np.where(usable, slopes / np.where(usable, spread, 1.0), 0.0), level, errors
    )


@dataclass(frozen=True, slots=True)
class Rolled:
    """A back-test: `made` [T] foreseen changes, NaN where none was tried; `true` [T]."""

    made: Array
    true: Array

    @property
    def tried(self) -> Flags:
        return np.isfinite(self.made) & np.isfinite(self.true)


def roll(columns: Array, target: Array, step: int, first: int) -> Rolled:
    """What a fit on the past alone foresaw, from row `first` on, fitted anew BLOCKS times."""
    length = len(target)
    made = np.full(length, np.nan)
    last = length - step
    if first >= last:
        return Rolled(made, target)
    block = max(step, -(-(last - first) // BLOCKS))
    for start in range(first, last, block):
        # a row is learnt from once the period that it foresees has come
        known = slice(WARM_UP, start - step + 1)
        if known.stop - known.start < 2 * columns.shape[1]:
            continue
        fitted = fit(columns[known], target[known])
        part = slice(start, min(start + block, last))
        made[part] = fitted(columns[part])
    return Rolled(made, target)
