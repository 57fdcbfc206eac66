"""The bound: what every plan costs at least, at the best prices found so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from services.replenishment.adapters.solver.capped import Capped
from services.replenishment.adapters.solver.coupling import Coupling
from services.replenishment.adapters.solver.grid import Grid
from services.replenishment.adapters.solver.links import Links
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import Floats, Ints

# Prices tried near the best in a round: at least, at most, of so many rows in all; how near.
TRIES, MOST_TRIES, ROWS_TRIED, NUDGE = 8, 40, 4000, 0.1


@dataclass(frozen=True, slots=True)
class Parts:
    """What the bound is made of."""

    coupling: Coupling
    grid: Grid
    capped: Capped
    links: Links


class Bound:
    """Every value it takes is proven; `prices` and `shares` are those of the highest."""

    def __init__(
        self, parts: Parts, floors: Floats, start: Prices | None, stop: Callable[[], bool]
    ) -> None:
        self._parts, self._stop, self._floors = parts, stop, floors
        coupling, grid, links = parts.coupling, parts.grid, parts.links
        self.fixed, self.fixed_use = coupling.fixed(grid)
        self.value = -np.inf
        self.prices: Floats = floors
        if start is not None:
            self.prices = np.maximum(coupling.numbered(start), floors)
            links.start_from(start.share)
        coupling.apply(grid, self.prices)
        self.shares: Floats = links.price.copy()

    def named(self) -> Prices:
        coupling, links = self._parts.coupling, self._parts.links
        return coupling.named(self.prices, links.named(self.shares))

    def at(self, prices: Floats, sweeps: int) -> None:
        """Tries the prices [R]; they are left in the grid's tables."""
        coupling, links = self._parts.coupling, self._parts.links
        coupling.apply(self._parts.grid, prices)
        free = float(prices @ (coupling.room - self.fixed_use))
        self._keep(self.fixed + links.restart() - free, prices)
        for _ in range(sweeps):
            if self._stop():
                return
            swept = links.sweep()
            lift = self._parts.capped.lift(prices, links.price)
            self._keep(self.fixed + swept - free + lift, prices)

    def _keep(self, value: float, prices: Floats) -> None:
        if value > self.value:
            self.value, self.prices = value, prices
            self.shares = self._parts.links.price.copy()

    def sharpen(self, random: np.random.Generator) -> None:
        """Prices near the best ones: whole allocations lift some more than others."""
        coupling, links = self._parts.coupling, self._parts.links
        tries = min(MOST_TRIES, max(TRIES, ROWS_TRIED // coupling.problem.rows.count))
        for _ in range(tries if self._parts.capped.any else 0):
            if self._stop():
                return
            width = NUDGE * random.random() ** 2
            nudged = np.exp(random.normal(0.0, width, coupling.count))
            prices = np.clip(self.prices * nudged, self._floors, coupling.penalty)
            links.price[:] = self.shares
            self.at(prices, 1)

    def divided(self, prices: Floats, steps: Ints) -> Ints:
        """[N, T] `steps` with every allocation divided as the bound divides it."""
        return self._parts.capped.divide(prices, self._parts.links.price, steps)
