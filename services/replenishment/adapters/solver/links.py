"""The bound on shared orders: each order day's cost is split among the rows it serves.

An order to a supplier costs its group once a day, however many lines it has. Let every
row pay a share `link[i, t]` >= 0 for ordering on day t, the shares of a group summing to
the cost of the order. Then no plan costs less than the sum of the rows' own least costs,
whatever the shares: that is the bound. Sweeping over the days, the shares of one day are
set so that every row is left with the same advantage from that day (the remaining cost
is spread like water in a vessel); the bound never falls from one sweep to the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.replenishment.adapters.solver.passes import Tables, backward
from services.replenishment.domain.problem import Floats, Ints, Problem

FLOOR = -1e7  # EUR: an advantage below this is "never", and kept small for the sums


def share(advantage: Floats, group: Ints, cost: Floats) -> Floats:
    """Splits `cost[g]` among the members of each group by their advantage.

    Every member pays max(0, advantage + s) with one s per group, such that the shares
    sum to the cost.
    """
    value = np.maximum(advantage, FLOOR)
    order = np.lexsort((-value, group))
    sorted_group, sorted_value = group[order], value[order]
    starts = np.flatnonzero(np.r_[True, sorted_group[1:] != sorted_group[:-1]])
    sizes = np.diff(np.r_[starts, len(order)])
    running = np.cumsum(sorted_value)
    running -= np.repeat(running[starts] - sorted_value[starts], sizes)
    rank = np.arange(len(order)) - np.repeat(starts, sizes) + 1
    level = (cost[sorted_group] - running) / rank
    paying = np.add.reduceat((sorted_value + level > 0).astype(np.int64), starts)
    chosen = level[starts + np.maximum(paying, 1) - 1]
    shares = np.empty(len(order))
    shares[order] = np.maximum(sorted_value + np.repeat(chosen, sizes), 0.0)
    return shares


class Links:
    """Shares of every row and stage, improved by sweeps forward and backward."""

    def __init__(self, problem: Problem, tables: Sequence[Tables]) -> None:
        self._tables = tables
        self._count = problem.rows.count
        self._cost = problem.order_cost
        self._group = np.concatenate(
            [problem.rows.group[t.block.rows] for t in tables] or [np.zeros(0, dtype=np.int64)]
        )
        self._places = np.cumsum([0, *(t.block.count for t in tables)])
        self._stages = tables[0].block.stages if tables else 0
        self.price = [t.block.never.copy() for t in tables]
        for stage in range(self._stages):
            self._set(stage, [np.zeros(t.block.count) for t in tables])

    def _set(self, stage: int, advantages: list[Floats]) -> None:
        """Splits the order cost of one stage of every group by the rows' advantage."""
        never = [t.block.never[stage] for t in self._tables]
        advantage = np.concatenate(advantages) - np.concatenate(never)
        shares = share(advantage, self._group, self._cost)
        for place, price in enumerate(self.price):
            price[stage] = shares[self._places[place] : self._places[place + 1]] + never[place]

    def restart(self) -> Floats:
        """Fills `ahead` at the present shares, after other prices moved; least costs [N]."""
        least = np.zeros(self._count)
        for table, price in zip(self._tables, self.price, strict=True):
            least[table.block.rows] = backward(table, price)
        return least

    def forward(self) -> None:
        """One sweep from the first day to the last; needs `ahead`, fills `behind`."""
        for stage in range(self._stages):
            placed = [t.ordered_to(stage, t.behind[stage]) for t in self._tables]
            self._set(
                stage,
                [
                    _advantage(t.behind[stage] + t.ahead[stage], reached + t.ahead[stage])
                    for t, reached in zip(self._tables, placed, strict=True)
                ],
            )
            if stage + 1 == self._stages:
                return
            for table, reached, price in zip(self._tables, placed, self.price, strict=True):
                move_on(table, stage, reached, price[stage])

    def backward(self) -> Floats:
        """One sweep from the last day to the first; needs `behind`, fills `ahead`.

        Returns the rows' least costs [N] at the new shares: their sum is the bound.
        """
        least = np.zeros(self._count)
        after = [np.zeros(t.block.base.shape[1:]) for t in self._tables]
        for stage in range(self._stages - 1, -1, -1):
            for table, rest in zip(self._tables, after, strict=True):
                np.add(table.block.stage[stage], rest, out=table.ahead[stage])
            started = [t.ordered_from(stage, t.ahead[stage]) for t in self._tables]
            self._set(
                stage,
                [
                    _advantage(t.behind[stage] + t.ahead[stage], t.behind[stage] + begun)
                    for t, begun in zip(self._tables, started, strict=True)
                ],
            )
            for place, (table, begun) in enumerate(zip(self._tables, started, strict=True)):
                np.add(begun, self.price[place][stage], out=after[place])
                np.minimum(table.ahead[stage], after[place], out=after[place])
        for table, rest in zip(self._tables, after, strict=True):
            least[table.block.rows] = rest[0]
        return least


def _advantage(without: Floats, ordering: Floats) -> Floats:
    """[n] what each row would pay at most to order, given its best costs by state."""
    gained: Floats = without.min(axis=0) - ordering.min(axis=0)
    return gained


def move_on(table: Tables, stage: int, reached: Floats, price: Floats) -> None:
    """Fills `behind` of the next stage; uses up `reached`, the cost of ordering now."""
    reached += price
    np.minimum(reached, table.behind[stage], out=reached)
    np.add(reached, table.block.stage[stage], out=table.behind[stage + 1])
