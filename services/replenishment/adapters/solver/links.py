"""The bound on shared orders: each order day's cost is split among the rows it serves.

An order to a supplier costs its group once a day, however many lines it has. Let every
row pay a share >= 0 for ordering on a day, the shares of a group summing to the cost of
the order. Then no plan costs less than the sum of the rows' own least costs, whatever
the shares: that is the bound. Sweeping over the days, the shares of one day are set so
that every row is left with the same advantage from that day (the remaining cost is
spread like water in a vessel); the bound never falls from one sweep to the next.
"""

from __future__ import annotations

import numpy as np

from services.replenishment.adapters.solver.cores import Shares
from services.replenishment.adapters.solver.grid import Grid
from services.replenishment.adapters.solver.sweeps import start_rows, there_and_back
from services.replenishment.domain.problem import Floats, Problem


def packed(grid: Grid, groups: slice = slice(None)) -> tuple[object, ...]:
    """The grid as the compiled loops take it, for these groups (all arrays are whole)."""
    last = None if groups.stop is None else groups.stop + 1
    return (
        grid.starts[groups.start : last],
        grid.width,
        grid.stages,
        grid.table,
        grid.stage,
        grid.day,
        grid.jump,
        grid.line,
        grid.now,
        grid.slope,
    )


class Links:
    """Shares of every row and stage, improved by sweeps forward and backward."""

    def __init__(self, problem: Problem, grid: Grid) -> None:
        self._grid, self._cost, self._count = grid, problem.order_cost, problem.rows.count
        self._shares = Shares(grid)
        self.ahead: Floats = np.zeros(len(grid.base))
        self.price: Floats = self._even()
        self._least: Floats = np.zeros(grid.count)

    def _even(self) -> Floats:
        """Equal shares, to begin with."""
        grid = self._grid
        owner = np.repeat(grid.group, grid.stages)
        place = owner * (grid.day.max(initial=0) + 1) + grid.day
        sharing = np.bincount(place)[place] if len(place) else np.zeros(0)
        shares: Floats = self._cost[owner] / np.maximum(sharing, 1)
        return shares

    def start_from(self, share: Floats) -> None:
        """Begins with the shares [N, T] of another solve, scaled to the cost of each order."""
        grid = self._grid
        owner = np.repeat(grid.group, grid.stages)
        place = owner * (grid.day.max(initial=0) + 1) + grid.day
        asked = np.maximum(share[np.repeat(grid.rows, grid.stages), grid.day], 0.0)
        together = np.bincount(place, asked)[place] if len(place) else np.zeros(0)
        scaled = self._cost[owner] * asked / np.where(together > 0.0, together, 1.0)
        self.price = np.where(together > 0.0, scaled, self._even())

    def named(self, price: Floats) -> Floats:
        """[N, T] of shares [all stages]."""
        grid = self._grid
        share = np.zeros((self._count, grid.arrived.shape[1]))
        share[np.repeat(grid.rows, grid.stages), grid.day] = price
        return share

    def restart(self) -> float:
        """Fills `ahead` at the present shares, after other prices moved; the rows' cost."""

        def start(groups: slice) -> None:
            start_rows(packed(self._grid, groups), self.price, self.ahead, self._least)

        self._shares.run(start)
        return float(self._least.sum())

    def sweep(self) -> float:
        """There and back; needs `ahead`. The rows' cost at the new shares."""

        def sweep(groups: slice) -> None:
            grid, cost = packed(self._grid, groups), self._cost[groups]
            there_and_back(grid, cost, self.price, self.ahead, self._least)

        self._shares.run(sweep)
        return float(self._least.sum())
