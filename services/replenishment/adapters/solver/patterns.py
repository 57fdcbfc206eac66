"""Which order days each group uses: a local search with exact costs for every row.

Given the open days of a group, each row's best plan is exact. One pass forward over the
tables then tells what closing any open day would cost and what opening any closed day
would save, so a whole neighbourhood is judged at the price of two passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from services.replenishment.adapters.solver.blocks import BIG
from services.replenishment.adapters.solver.links import move_on
from services.replenishment.adapters.solver.passes import Tables, backward, paths
from services.replenishment.domain.problem import Flags, Floats, Ints, Problem

TINY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Cost of the groups at a pattern, and what one flip of a day would save."""

    cost: Floats  # [G]
    gain: Floats  # [G, T] saved by flipping the day; -BIG where no row may order


class Patterns:
    """Search over [group, day] flags, all groups side by side."""

    def __init__(self, problem: Problem, tables: Sequence[Tables]) -> None:
        self._tables = tables
        self._group, self._cost = problem.rows.group, problem.order_cost
        self._rows, self._days = problem.rows.count, problem.days
        self.possible: Flags = np.zeros((len(self._cost), self._days), dtype=bool)
        for table in tables:
            stage, column = np.nonzero(table.block.never == 0.0)
            group = self._group[table.block.rows[column]]
            self.possible[group, table.block.days[stage, column]] = True

    def _closed(self, table: Tables, pattern: Flags) -> Floats:
        """[S, n] price of each order day: nothing when open, out of reach when closed."""
        block = table.block
        opened = pattern[self._group[block.rows][None, :], block.days]
        return np.where(opened, block.never, BIG)

    def judge(self, pattern: Flags) -> Judged:
        groups = len(self._cost)
        cost = (pattern & self.possible).sum(axis=1) * self._cost
        saved = np.zeros(groups * self._days)
        for table in self._tables:
            block, link = table.block, self._closed(table, pattern)
            group = self._group[block.rows]
            cost = cost + np.bincount(group, backward(table, link), groups)
            advantage = np.empty(link.shape)
            for stage in range(block.stages):
                behind, ahead = table.behind[stage], table.ahead[stage]
                reached = table.ordered_to(stage, behind)
                advantage[stage] = (behind + ahead).min(axis=0) - (reached + ahead).min(axis=0)
                if stage + 1 < block.stages:
                    move_on(table, stage, reached, link[stage])
            place = (group * self._days + block.days).ravel()
            worth = np.maximum(advantage - block.never, 0.0).ravel()
            saved += np.bincount(place, worth, len(saved))
        saving = saved.reshape(groups, self._days)
        gain = np.where(pattern, self._cost[:, None] - saving, saving - self._cost[:, None])
        return Judged(cost, np.where(self.possible, gain, -BIG))

    def search(
        self, start: Flags, kicks: int, random: np.random.Generator, stop: Callable[[], bool]
    ) -> tuple[Flags, Floats]:
        """The best pattern found from `start`, and its cost by group.

        Descends by the best flip of every group at once; then, `kicks` times, flips one
        promising day of each group at random and descends again.
        """
        best, best_cost = self._descend(start & self.possible, stop)
        for _ in range(kicks):
            if stop():
                break
            pattern, cost = self._descend(self._kicked(best, random), stop)
            better = cost < best_cost - TINY
            best = np.where(better[:, None], pattern, best)
            best_cost = np.where(better, cost, best_cost)
        return best, best_cost

    def _kicked(self, pattern: Flags, random: np.random.Generator) -> Flags:
        gain = self.judge(pattern).gain
        noise = random.gumbel(size=gain.shape) * self._cost[:, None]
        place = np.where(self.possible, gain + noise, -np.inf).argmax(axis=1)
        kicked = pattern.copy()
        some = self.possible.any(axis=1)
        kicked[some, place[some]] ^= True
        return kicked

    def _descend(self, pattern: Flags, stop: Callable[[], bool]) -> tuple[Flags, Floats]:
        judged = self.judge(pattern)
        best, best_cost = pattern, judged.cost
        for _ in range(4 * self._days):
            place = judged.gain.argmax(axis=1)
            groups = np.flatnonzero(judged.gain[np.arange(len(place)), place] > TINY)
            if not len(groups) or stop():
                break
            pattern = best.copy()
            pattern[groups, place[groups]] ^= True
            judged = self.judge(pattern)
            better = judged.cost < best_cost - TINY
            best = np.where(better[:, None], pattern, best)
            best_cost = np.where(better, judged.cost, best_cost)
            if not better[groups].any():
                break
            worse = groups[~better[groups]]
            judged.gain[worse] = -BIG
        return best, best_cost

    def orders(self, pattern: Flags) -> Ints:
        """[N, T] steps of each row's best plan on the open days."""
        steps = np.zeros((self._rows, self._days), dtype=np.int64)
        for table in self._tables:
            link = self._closed(table, pattern)
            backward(table, link)
            sizes = paths(table, link)
            stage, column = np.nonzero(sizes)
            block = table.block
            steps[block.rows[column], block.days[stage, column]] = sizes[stage, column]
        return steps
