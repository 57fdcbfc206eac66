"""TSB with the pooled errors of like series: for small pools of rarely used items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.demand.domain.routing import Group
from services.demand.domain.tables import Array, Asked, Flags, HistoryTable, Ints, TableForecast

# Series with this share of empty periods or more are pooled apart.
BORDERS = (0.1, 0.3, 0.5, 0.7, 0.9)
LEAST_POOL = 150
ORIGINS = 12
# Standard deviations between origins that a level is moved by: it then holds at five of six.
PRUDENCE = 1.0
# Series an origin that make half of what they show believed.
HALF_BELIEVED = 20.0
# Levels are moved in full up to the first and not at all from the second on: of single periods,
# and of sums of several. Sums that overlap are few and hold less of what a drift can do.
SINGLE, SUMS = (0.9, 0.975), (0.97, 1.0)
# Levels at which origins are compared.
FINE = np.append(np.arange(0.5, 0.996, 0.005), 0.9999)
# No amount of anything is smaller: below it a size would be 0 and errors not finite.
LEAST_UNIT = 1e-9


def tsb_means(values: Array, alive: Flags, alpha: float, beta: float) -> Array:
    """[n, T + 1] means: place t is what is foreseen from the first t periods.

    Teunter, Syntetos and Babai (2011), Eur. J. Oper. Res. 214: the chance of use (weight
    `beta`) and the amount used (weight `alpha`) are smoothed apart.
    """
    n, length = values.shape
    chance, amount, seen = np.zeros(n), np.zeros(n), np.zeros(n)
    made = np.zeros((n, length + 1))
    for t in range(length):
        live = alive[:, t]
        used = (values[:, t] > 0) & live
        rate = np.maximum(beta, 1.0 / (seen + 1.0))
        chance = np.where(live, chance + rate * (used - chance), chance)
        moved = np.where(amount == 0, values[:, t], amount + alpha * (values[:, t] - amount))
        amount = np.where(used, moved, amount)
        seen = seen + live
        made[:, t + 1] = chance * amount
    return made


def usual_means(values: Array, alive: Flags) -> Array:
    """[n, T + 1] the mean of all periods so far: place t knows the first t; 0 before any."""
    begun = np.pad(alive, ((0, 0), (1, 0))).cumsum(axis=1)
    return np.asarray(
        np.pad(values * alive, ((0, 0), (1, 0))).cumsum(axis=1) / np.maximum(begun, 1)
    )


def prudent_levels(
    levels: Sequence[float], rank: Array, origin: Ints, fade: tuple[float, float] = SINGLE
) -> Array:
    """[q] levels to read instead, so that upper ones hold at five of six new origins.

    rank: the place, 0 to 1, of each past error among all; origin: when each was made. A common
    level that drifts moves all errors of one origin together; what shares differ by from origin
    to origin beyond chance is added, little of it where few series tell. Levels to 0.7 stay, as
    do those at the end of the fade, where the width of single errors already holds surprises.
    """
    wanted = np.asarray(levels, dtype=np.float64)
    groups = [np.sort(rank[origin == one]) for one in np.unique(origin)]
    if len(groups) < 2:
        return wanted
    shares = np.stack([np.searchsorted(g, FINE, side="right") / len(g) for g in groups])
    chance = FINE * (1.0 - FINE) * np.mean([1.0 / len(g) for g in groups])
    spread = np.sqrt(np.maximum(shares.var(axis=0, ddof=1) - chance, 0.0))
    spread *= len(rank) / (len(rank) + HALF_BELIEVED * len(groups))
    moved = np.clip((FINE - 0.7) / 0.15, 0.0, 1.0) * np.clip(
        (fade[1] - FINE) / (fade[1] - fade[0]), 0.0, 1.0
    )
    held = np.maximum.accumulate(FINE - PRUDENCE * moved * spread)
    return np.asarray(np.where(wanted < FINE[0], wanted, np.interp(wanted, held, FINE)))


@dataclass(frozen=True, slots=True)
class PooledTsb:
    """The mean of TSB; quantiles from errors of back-tests, scaled and pooled by zero share."""

    smoothing: float = 0.2
    name: str = "TSB, pooled errors"
    serves: frozenset[Group] = frozenset({Group.RARE, Group.REGULAR})
    home: Group | None = Group.RARE
    slow: bool = False

    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        pool = _Errors(table, tsb_means(table.values, table.alive, self.smoothing, self.smoothing))
        horizon, levels, lead = asked.horizon, asked.levels, asked.lead
        quantiles = np.stack([pool.quantiles(h, 1, levels) for h in range(horizon)], axis=1)
        mean = np.repeat(pool.means[:, -1:], horizon, axis=1)
        n = len(table.ids)
        return TableForecast(
            levels,
            mean,
            np.maximum(quantiles, 0.0),
            mean[:, :lead].sum(axis=1) if lead else None,
            np.maximum(pool.quantiles(0, lead, levels), 0.0) if lead else None,
            methods=(self.name,) * n,
            reasons=("",) * n,
        )


class _Errors:
    """Errors of the newest back-tests, divided by each series' size.

    The size is that of the mean foreseen, or of the usual amount where that is larger: an item
    nearly forgotten would otherwise err by many times its size when it is used again, and lend
    that error to all of its pool.
    """

    def __init__(self, table: HistoryTable, means: Array) -> None:
        self.means = means
        self._larger = np.maximum(means, usual_means(table.values, table.alive))
        self._table = table
        used = ((table.values > 0) & table.alive).sum(axis=1)
        share = 1.0 - used / np.maximum(table.lengths, 1)
        self._bucket = np.searchsorted(BORDERS, share, side="right")
        positive = table.values[table.values > 0]
        self._unit = float(np.clip(positive.min(), LEAST_UNIT, 1.0)) if len(positive) else 1.0

    def _size(self, mean: Array, periods: int) -> Array:
        return np.asarray(
            periods * mean + 0.5 * np.sqrt(periods * self._unit * mean) + 0.1 * self._unit
        )

    def quantiles(self, skipped: int, periods: int, levels: Sequence[float]) -> Array:
        """[n, q] of the sum over `periods` periods that start after `skipped` more."""
        errors, owners, origin = self._pool(skipped, periods)
        everyone = np.sort(errors) if len(errors) else np.zeros(1)
        mine = self._bucket[owners]
        pools = {}
        for bucket in np.unique(self._bucket):
            like = np.sort(errors[mine == bucket])
            pools[bucket] = like if len(like) >= LEAST_POOL else everyone
        rank = np.empty(len(errors))
        for bucket, pool in pools.items():
            who = mine == bucket
            rank[who] = (np.searchsorted(pool, errors[who], side="right") - 0.5) / len(pool)
        read = prudent_levels(levels, rank, origin, SINGLE if periods == 1 else SUMS)
        centre = periods * self.means[:, -1]
        size = self._size(self._larger[:, -1], periods)
        made = np.empty((len(centre), len(levels)))
        for bucket, pool in pools.items():
            place = (np.arange(len(pool)) + 0.5) / len(pool)
            who = self._bucket == bucket
            shift = np.interp(read, place, pool)
            made[who] = centre[who, None] + size[who, None] * shift[None, :]
        return made

    def _pool(self, skipped: int, periods: int) -> tuple[Array, Ints, Ints]:
        """Errors, whose they are, and the origin that each was made at."""
        table = self._table
        last = table.length - skipped - periods
        none = np.empty(0, dtype=np.int64)
        found, owners, origins = [np.empty(0)], [none], [none]
        for known in range(max(3, last - ORIGINS + 1), last + 1):
            old = np.flatnonzero(table.start <= known - 3)
            window = table.values[old, known + skipped : known + skipped + periods]
            error = window.sum(axis=1) - periods * self.means[old, known]
            found.append(error / self._size(self._larger[old, known], periods))
            owners.append(old)
            origins.append(np.full(len(old), known))
        return np.concatenate(found), np.concatenate(owners), np.concatenate(origins)
