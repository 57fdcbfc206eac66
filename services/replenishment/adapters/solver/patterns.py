"""Which order days each group uses: a local search with exact costs for every row.

Given the open days of a group, each row's best plan is exact. One pass forward over the
tables then tells what closing any open day would cost and what opening any closed day
would save, so a whole neighbourhood is judged at the price of two passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from services.replenishment.adapters.solver.cores import Shares
from services.replenishment.adapters.solver.days import judge_days, plan_rows
from services.replenishment.adapters.solver.grid import BIG, Grid
from services.replenishment.adapters.solver.links import packed
from services.replenishment.domain.problem import Flags, Floats, Ints, Problem

TINY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Cost of the groups at a pattern, and what one flip of a day would save."""

    cost: Floats  # [G]
    gain: Floats  # [G, T] saved by flipping the day; -BIG where no row may order


class Patterns:
    """Search over [group, day] flags, all groups side by side; `ahead` is room to work in."""

    def __init__(self, problem: Problem, grid: Grid, ahead: Floats) -> None:
        self._grid, self._cost, self._days = grid, problem.order_cost, problem.days
        self._rows, self._shares = problem.rows.count, Shares(grid)
        self._owner = np.repeat(grid.group, grid.stages)
        self._ahead = ahead
        self.possible: Flags = np.zeros((len(self._cost), self._days), dtype=bool)
        self.possible[self._owner, grid.day] = True

    def judge(self, pattern: Flags) -> Judged:
        cost = (pattern & self.possible).sum(axis=1) * self._cost
        saved = np.zeros(self.possible.shape)

        def judge(groups: slice) -> None:
            grid = packed(self._grid, groups)
            judge_days(grid, pattern[groups], self._ahead, cost[groups], saved[groups])

        self._shares.run(judge)
        gain = np.where(pattern, self._cost[:, None] - saved, saved - self._cost[:, None])
        return Judged(cost, np.where(self.possible, gain, -BIG))

    def search(
        self, start: Flags, kicks: int, random: np.random.Generator, stop: Callable[[], bool]
    ) -> Flags:
        """The best pattern found from `start`.

        Descends by the best flip of every group at once; then, `kicks` times, flips one
        promising day of each group at random and descends again.
        """
        best, best_cost, gain = self._descend(start & self.possible, stop)
        for _ in range(kicks):
            if stop():
                break
            kicked = self._kicked(best, gain, random)
            pattern, cost, new_gain = self._descend(kicked, stop)
            better = cost < best_cost - TINY
            best = np.where(better[:, None], pattern, best)
            best_cost = np.where(better, cost, best_cost)
            gain = np.where(better[:, None], new_gain, gain)
        return best

    def _kicked(self, pattern: Flags, gain: Floats, random: np.random.Generator) -> Flags:
        noise = random.gumbel(size=gain.shape) * self._cost[:, None]
        place = np.where(self.possible, gain + noise, -np.inf).argmax(axis=1)
        kicked = pattern.copy()
        some = self.possible.any(axis=1)
        kicked[some, place[some]] ^= True
        return kicked

    def _descend(self, pattern: Flags, stop: Callable[[], bool]) -> tuple[Flags, Floats, Floats]:
        judged = self.judge(pattern)
        best, best_cost, best_gain = pattern, judged.cost, judged.gain
        gain = judged.gain.copy()
        for _ in range(4 * self._days):
            place = gain.argmax(axis=1)
            groups = np.flatnonzero(gain[np.arange(len(place)), place] > TINY)
            if not len(groups) or stop():
                break
            pattern = best.copy()
            pattern[groups, place[groups]] ^= True
            judged = self.judge(pattern)
            better = judged.cost < best_cost - TINY
            best = np.where(better[:, None], pattern, best)
            best_cost = np.where(better, judged.cost, best_cost)
            best_gain = np.where(better[:, None], judged.gain, best_gain)
            if not better[groups].any():
                break
            gain = best_gain.copy()
            gain[groups[~better[groups]]] = -BIG
        return best, best_cost, best_gain

    def used(self, price: Floats) -> Flags:
        """Days on which some row would order at the prices [all stages] of the links."""
        steps = self._plans(price)
        pattern = np.zeros_like(self.possible)
        entry, day = np.nonzero(steps)
        pattern[self._grid.group[entry], day] = True
        return pattern

    def orders(self, pattern: Flags) -> Ints:
        """[N, T] steps of each row's best plan on the open days."""
        opened = pattern[self._owner, self._grid.day]
        steps = np.zeros((self._rows, self._days), dtype=np.int64)
        steps[self._grid.rows] = self._plans(np.where(opened, 0.0, BIG))
        return steps

    def _plans(self, link: Floats) -> Ints:
        steps = np.zeros((self._grid.count, self._days), dtype=np.int64)

        def plan(groups: slice) -> None:
            plan_rows(packed(self._grid, groups), link, self._ahead, steps)

        self._shares.run(plan)
        return steps
