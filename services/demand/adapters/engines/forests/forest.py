"""Leaf-draw forests: the leaves of random trees hand out whole paths that followed like rows.

The trees are LightGBM's random forest grown on the mean, over the path, of log(1 + ratio);
a leaf then is a set of past rows that looked alike, and what followed them, scaled to the
series at hand, is what may follow here (a quantile forest, Meinshausen 2006, of paths).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from services.demand.adapters.engines.forests.grid import sorted_quantiles
from services.demand.adapters.engines.forests.panel import Array, Ints
from services.demand.adapters.engines.forests.table import Origin, Rows

# Series whose draws are held in memory at once.
CHUNK = 128


@dataclass(frozen=True, slots=True)
class ForestShape:
    """How a forest is grown. `scale`: name of the sizes that paths are divided by.

    `target_cap`: the split target is the mean ratio, at most this, instead of the mean of
    log(1 + ratio); none when 0.
    """

    scale: str
    trees: int = 100
    leaves: int = 1000
    least_rows: int = 12
    draws: int = 30
    target_cap: float = 0.0


@dataclass(frozen=True, slots=True)
class LeafIndex:
    """Rows of each leaf of one tree: `members[offsets[leaf] : offsets[leaf + 1]]`."""

    members: Ints
    offsets: Ints


@dataclass(frozen=True, slots=True)
class PathForest:
    """A grown forest; `ratios` [r, H] are the training paths in their series' own size."""

    shape: ForestShape
    booster: Any
    ratios: NDArray[np.float32]
    raw: NDArray[np.float32]
    leaves: tuple[LeafIndex, ...]
    seed: int


def grow(rows: Rows, shape: ForestShape, seed: int) -> PathForest:
    """Grows the trees and notes which rows fell into which leaf."""
    ratios = rows.paths / rows.origin.sizes[shape.scale][:, None]
    if shape.target_cap:
        target = np.minimum(ratios.mean(1), shape.target_cap)
    else:
        target = np.log1p(ratios).mean(1)
    booster = lightgbm.train(
        _parameters(shape, len(rows), seed),
        lightgbm.Dataset(rows.origin.values, label=target, params={"max_bin": 63}),
        num_boost_round=shape.trees,
    )
    placed = booster.predict(rows.origin.values, pred_leaf=True, num_threads=1)
    placed = np.asarray(placed, dtype=np.int64).reshape(len(rows), -1)
    index = tuple(index_leaves(placed[:, tree], target) for tree in range(placed.shape[1]))
    return PathForest(
        shape, booster, ratios.astype(np.float32), rows.paths.astype(np.float32), index, seed
    )


def _parameters(shape: ForestShape, rows: int, seed: int) -> dict[str, Any]:
    return {
        "objective": "regression",
        "boosting": "rf",
        "bagging_fraction": 0.632,
        "bagging_freq": 1,
        "feature_fraction": 0.8,
        "feature_fraction_bynode": 0.35,
        "num_leaves": max(2, min(shape.leaves, rows // shape.least_rows)),
        "min_data_in_leaf": shape.least_rows,
        "max_bin": 63,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }


def index_leaves(placed: Ints, target: Array) -> LeafIndex:
    """Rows by leaf and, inside a leaf, by target: so even draws take even shares of it."""
    members = np.lexsort((target, placed))
    counts = np.bincount(placed, minlength=int(placed.max()) + 1)
    return LeafIndex(members, np.concatenate([[0], np.cumsum(counts)]))


def ladder(shape: ForestShape, trees: int, seed: int) -> Array:
    """[trees, draws] places in (0, 1) that draws are taken at, one in each even step."""
    jitter = np.random.default_rng(seed).random((trees, shape.draws))
    return np.asarray((np.arange(shape.draws)[None, :] + jitter) / shape.draws)


def drawn_rows(forest: PathForest, at: Origin) -> Ints:
    """[n, trees * draws] the training rows whose paths are handed to each row of `at`."""
    placed = forest.booster.predict(at.values, pred_leaf=True, num_threads=1)
    placed = np.asarray(placed, dtype=np.int64).reshape(len(at.series), -1)
    steps = ladder(forest.shape, len(forest.leaves), forest.seed)
    parts = []
    for tree, index in enumerate(forest.leaves):
        first = index.offsets[placed[:, tree]]
        count = index.offsets[placed[:, tree] + 1] - first
        inside = np.floor(steps[tree][None, :] * count[:, None]).astype(np.int64)
        parts.append(index.members[first[:, None] + inside])
    return np.concatenate(parts, axis=1)


def curves(forest: PathForest, at: Origin) -> Array:
    """Quantiles on the grid, [n, H, G], of the periods that the forest was grown on.

    A draw is at most the larger of the neighbour's own amount and three times the most
    this series used lately: a ratio to a tiny size must not become a mountain.
    """
    chosen = drawn_rows(forest, at)
    size = at.sizes[forest.shape.scale].astype(np.float32)
    made = []
    for start in range(0, len(chosen), CHUNK):
        part = slice(start, start + CHUNK)
        highest = np.maximum(forest.raw[chosen[part]], at.cap[part, None, None])
        paths = np.minimum(forest.ratios[chosen[part]] * size[part, None, None], highest)
        ordered = np.sort(paths.transpose(0, 2, 1), axis=2)
        made.append(sorted_quantiles(ordered.astype(np.float64)))
    return np.concatenate(made)
