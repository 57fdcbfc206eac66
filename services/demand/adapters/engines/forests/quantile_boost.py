"""Gradient-boosted quantiles, one small LightGBM model a level.

All periods ahead share one model that is told how far ahead it looks (direct forecasting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from services.demand.adapters.engines.forests.grid import GRID
from services.demand.adapters.engines.forests.panel import Array, Ints
from services.demand.adapters.engines.forests.table import Origin, Rows

BOOST_LEVELS: tuple[float, ...] = (
    *(0.025, 0.1, 0.2, 0.3, 0.4, 0.5),
    *(0.6, 0.7, 0.8, 0.9, 0.975),
)
# So few pairs cannot tell neighbouring levels apart: every other one is learnt.
FEW_PAIRS = 4000


@dataclass(frozen=True, slots=True)
class BoostShape:
    """`most`: pairs of row and period ahead that are learnt from, at most."""

    rounds: int = 90
    rate: float = 0.08
    leaves: int = 31
    least_rows: int = 20
    most: int = 100_000


@dataclass(frozen=True, slots=True)
class Boost:
    """Fitted models, one a level."""

    levels: tuple[float, ...]
    models: tuple[Any, ...]


def _long(at: Origin, pairs: Ints, ahead: int) -> NDArray[np.float32]:
    """Features of (row, period ahead) pairs: the row's, the step, and one season ago."""
    row, step = pairs // ahead, pairs % ahead
    ago = at.ago[row, step] / at.sizes["ew"][row].astype(np.float32)
    return np.column_stack([at.values[row], step.astype(np.float32), ago]).astype(np.float32)


def _parameters(shape: BoostShape, seed: int) -> dict[str, Any]:
    return {
        "learning_rate": shape.rate,
        "num_leaves": shape.leaves,
        "min_data_in_leaf": shape.least_rows,
        "feature_fraction": 0.3,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "max_bin": 63,
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }


def fit(rows: Rows, shape: BoostShape, seed: int) -> Boost:
    """Fits all levels on ratios to the size `ew`, weighted by the square root of the size."""
    ahead = rows.paths.shape[1]
    pairs = np.flatnonzero(np.isfinite(rows.paths.reshape(-1)))
    if len(pairs) > shape.most:
        generator = np.random.default_rng(seed)
        pairs = np.sort(generator.choice(pairs, shape.most, replace=False))
    size = rows.origin.sizes["ew"][pairs // ahead]
    amounts = rows.paths.reshape(-1)[pairs]
    x = _long(rows.origin, pairs, ahead)
    base = _parameters(shape, seed)
    data = lightgbm.Dataset(
        x, amounts / size, weight=np.sqrt(bounded(size)), params=base, free_raw_data=False
    ).construct()
    levels = BOOST_LEVELS if len(pairs) >= FEW_PAIRS else BOOST_LEVELS[1::2]
    models = tuple(
        lightgbm.train({**base, "objective": "quantile", "alpha": level}, data, shape.rounds)
        for level in levels
    )
    return Boost(levels, models)


def bounded(size: Array) -> Array:
    """Sizes, none above three times their 99 % quantile: no series may drown the others."""
    return np.asarray(np.minimum(size, 3.0 * np.quantile(size, 0.99)))


def curves(boost: Boost, at: Origin, ahead: int, shape_of_tails: Array) -> Array:
    """[n, ahead, G] quantiles; beyond the learnt levels the tails of [n, ahead, G] are lent."""
    n = len(at.series)
    x = _long(at, np.arange(n * ahead), ahead)
    size = np.repeat(at.sizes["ew"], ahead)
    found = [np.asarray(model.predict(x, num_threads=1)) * size for model in boost.models]
    known = np.sort(np.maximum(np.stack(found, axis=-1), 0.0), axis=-1)
    return with_tails(known.reshape(n, ahead, -1), boost.levels, shape_of_tails)


def with_tails(known: Array, levels: tuple[float, ...], lent: Array) -> Array:
    """[..., G] from [..., q] quantiles at `levels`: lines between, borrowed tails beyond.

    Above the highest level the quantile grows as the lent one grows (in ratio, from a
    floor of one unit); below the lowest it shrinks likewise.
    """
    low, high = int(np.searchsorted(GRID, levels[0])), int(np.searchsorted(GRID, levels[-1]))
    place = np.interp(GRID, levels, np.arange(len(levels)))
    left = np.minimum(np.floor(place).astype(np.int64), len(levels) - 2)
    share = place - left
    inside = known[..., left] * (1 - share) + known[..., left + 1] * share
    above = (lent + 1.0) / (lent[..., high : high + 1] + 1.0)
    below = (lent + 1e-6) / (lent[..., low : low + 1] + 1e-6)
    inside[..., high:] = known[..., -1:] * above[..., high:] + (above[..., high:] - 1.0)
    inside[..., :low] = known[..., :1] * np.minimum(below[..., :low], 1.0)
    return np.asarray(np.maximum(inside, 0.0))
