"""Forecasts for items too new to judge: their class's level, as wide as the class is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Periods of an item's own that weigh as much as its class, at least and at most: few where
# single periods are alike and the class is mixed, many where it is the other way round.
LEAST_PRIOR, MOST_PRIOR = 0.05, 24.0
# Spread of log levels within a class nobody knows: a factor of 2.7 either way.
UNKNOWN_SPREAD = 1.0
# No amount of anything is smaller: the logarithm of a level must be a number.
LEAST_LEVEL = 1e-9
GRID = (np.arange(199) + 0.5) / 199
KEPT = 2000


@dataclass(frozen=True, slots=True)
class ClassLevel:
    """What the items of a class have in common.

    `level` is the geometric mean of their means, `spread` the standard deviation of the
    logarithms, `ratios` the sorted amounts of single periods over their series' mean.
    """

    level: float
    spread: float
    ratios: Array
    members: int


def learn(histories: Iterable[tuple[str, Array]]) -> Mapping[str, ClassLevel]:
    """Class levels from (item class, values) of the series long enough to judge.

    The class "" holds every series and stands in for a class without members.
    """
    grouped: dict[str, list[Array]] = {}
    for name, values in histories:
        if np.any(values > 0):
            grouped.setdefault(name, []).append(values)
            if name:
                grouped.setdefault("", []).append(values)
    return {name: _level(members) for name, members in grouped.items()}


def _level(members: Sequence[Array]) -> ClassLevel:
    means = np.log([float(values.mean()) for values in members])
    # two members say little of the spread: shrink it toward the unknown one
    spread = float(
        np.sqrt((np.sum((means - means.mean()) ** 2) + UNKNOWN_SPREAD**2) / len(members))
    )
    ratios = np.sort(np.concatenate([values / values.mean() for values in members]))
    if len(ratios) > KEPT:
        ratios = np.quantile(ratios, (np.arange(KEPT) + 0.5) / KEPT)
    return ClassLevel(float(np.exp(means.mean())), spread, ratios, len(members))


def nobody() -> ClassLevel:
    """A class of which nothing is known: about one unit a period, exponential amounts."""
    return ClassLevel(1.0, 2 * UNKNOWN_SPREAD, -np.log1p(-GRID), 0)


def prior_weight(known: ClassLevel) -> float:
    """Periods that the class is worth: the variance of one period over that between items.

    Both relative to a level; the usual weights of an empirical Bayes estimate.
    """
    weight = float(np.var(known.ratios)) / known.spread**2
    return float(np.clip(weight, LEAST_PRIOR, MOST_PRIOR))


def predict(values: Array, known: ClassLevel, levels: Sequence[float]) -> tuple[float, Array]:
    """(mean, quantiles) of one period: own mean and class level weighed by data held.

    Levels of a class scatter in ratio, so they are weighed as logarithms. Nothing used so far
    counts as at most one usual use still to come: it is not a level of 0. The distribution is
    the product of two: where the level may lie (narrower with each period of its own) and how
    single periods scatter around a level.
    """
    n = len(values)
    weight = n / (n + prior_weight(known))
    used = known.ratios[known.ratios > 0]
    usual = known.level * float(used.mean() if len(used) else 1.0)
    own = float(values.mean()) if np.any(values > 0) else usual / (n + 1)
    both = np.log(np.maximum([own, known.level], LEAST_LEVEL))
    centre = float(np.exp(weight * both[0] + (1 - weight) * both[1]))
    # Levels scatter log-normally around the centre; the logistic curve is close to the
    # normal one and needs no table.
    spread = known.spread * float(np.sqrt(1 - weight))
    steps = np.exp(spread * np.log(GRID / (1 - GRID)) / 1.702)
    ratios = np.quantile(known.ratios, GRID)
    amounts = centre * (steps[:, None] * ratios[None, :]).ravel()
    return float(amounts.mean()), np.asarray(np.quantile(amounts, levels), dtype=np.float64)
