"""The integer finish: the rows' known plans are mixed at the true cost of the whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from services.replenishment.adapters.solver.coupling import Coupling, Use
from services.replenishment.domain.problem import Floats, Ints

SLOTS = 16  # plans remembered per row; slot 0 is "order nothing"
TINY = 1e-9


class Finish:
    """Remembers the plans each row was given, and keeps the best mix of them so far.

    The true cost of a mix counts an order day of a group once, and every limit as it
    is, so whatever prices made the plans is forgotten here. The mix only ever improves.
    """

    def __init__(self, coupling: Coupling, fixed_use: Floats, nothing: Use) -> None:
        problem = coupling.problem
        count, days = problem.rows.count, problem.days
        self._coupling = coupling
        self._group = problem.rows.group
        self._order_cost = problem.order_cost
        self._members = [
            np.flatnonzero(self._group == group) for group in range(len(self._order_cost))
        ]
        self._limit = coupling.rows_of()  # [N, U]
        self._room = np.append(coupling.room, np.inf)
        self._penalty = np.append(coupling.penalty, 0.0)
        self._steps = np.zeros((count, SLOTS, days), dtype=np.int32)
        self._cost = np.full((count, SLOTS), np.inf)
        self._use = np.zeros((count, SLOTS, self._limit.shape[1]))
        self._filled = np.ones(count, dtype=np.int64)
        self._cost[:, 0] = nothing.cost
        self._use[:, 0] = coupling.as_rows(nothing)
        self._fixed_use = fixed_use
        self._counts: Ints = np.zeros((len(self._order_cost), days), dtype=np.int64)
        self._chosen: Ints = np.zeros(count, dtype=np.int64)
        self._total: Floats = np.append(fixed_use, 0.0)
        self._put(self._chosen)

    @property
    def steps(self) -> Ints:
        """[N, T] of the present mix."""
        mixed: Ints = self._steps[np.arange(len(self._chosen)), self._chosen].astype(np.int64)
        return mixed

    def remember(self, steps: Ints, use: Use) -> Ints:
        """Keeps the rows' plans and returns the slot of each; the oldest make room."""
        known = (self._steps == steps[:, None, :]).all(axis=2) & np.isfinite(self._cost)
        slot: Ints = known.argmax(axis=1)
        new = np.flatnonzero(~known.any(axis=1))
        place = 1 + (self._filled[new] - 1) % (SLOTS - 1)
        place = np.where(place == self._chosen[new], 1 + place % (SLOTS - 1), place)
        self._filled[new] += 1
        self._steps[new, place] = steps[new]
        self._cost[new, place] = use.cost[new]
        self._use[new, place] = self._coupling.as_rows(use)[new]
        slot[new] = place
        return slot

    def start_from(
        self, slots: Ints, random: np.random.Generator, stop: Callable[[], bool]
    ) -> None:
        """Improves `slots` on their own, and keeps the result if it beats the present mix."""
        before = self._cost_now(), self._chosen, self._counts, self._total
        self._put(slots)
        self._settle(random, stop)
        if self._cost_now() >= before[0]:
            _, self._chosen, self._counts, self._total = before

    def _put(self, slots: Ints) -> None:
        rows = np.arange(len(slots))
        self._chosen = slots.copy()
        self._total = np.append(self._fixed_use, 0.0)
        np.add.at(self._total, self._limit, self._use[rows, slots])
        self._counts = np.zeros_like(self._counts)
        np.add.at(self._counts, self._group, (self._steps[rows, slots] > 0).astype(np.int64))

    def _cost_now(self) -> float:
        own = self._cost[np.arange(len(self._chosen)), self._chosen].sum()
        orders = ((self._counts > 0).sum(axis=1) * self._order_cost).sum()
        everywhere = np.arange(len(self._room))
        return float(own + orders) + self._over(everywhere, 0.0)

    def take(self, slots: Ints, random: np.random.Generator, stop: Callable[[], bool]) -> None:
        """Adopts whole groups of `slots` into the mix where that helps, then settles."""
        for group in random.permutation(len(self._members)):
            self._adopt(int(group), slots)
        self._settle(random, stop)

    def _settle(
        self, random: np.random.Generator, stop: Callable[[], bool], passes: int = 6
    ) -> None:
        """Moves row by row to its best plan until none moves."""
        choosable = np.flatnonzero(self._filled > 1)
        for _ in range(passes):
            moved = 0
            for row in random.permutation(choosable):
                moved += self._move(int(row))
                if stop():
                    return
            if not moved:
                return

    def _adopt(self, group: int, slots: Ints) -> None:
        rows = self._members[group]
        rows = rows[self._chosen[rows] != slots[rows]]
        if not len(rows):
            return
        old, new = self._chosen[rows], slots[rows]
        use = np.zeros(len(self._total))
        np.add.at(use, self._limit[rows], self._use[rows, new] - self._use[rows, old])
        touched = np.flatnonzero(use)
        counts = self._counts[group] + (
            (self._steps[rows, new] > 0).sum(axis=0) - (self._steps[rows, old] > 0).sum(axis=0)
        )
        change = (self._cost[rows, new] - self._cost[rows, old]).sum()
        change += self._order_cost[group] * ((counts > 0).sum() - (self._counts[group] > 0).sum())
        change += self._over(touched, use[touched]) - self._over(touched, 0.0)
        if change < -TINY:
            self._chosen[rows] = new
            self._counts[group] = counts
            self._total += use

    def _over(self, limits: Ints, more: Floats | float) -> float:
        excess = np.maximum(self._total[limits] + more - self._room[limits], 0.0)
        return float(excess @ self._penalty[limits])

    def _move(self, row: int) -> int:
        limit, group, present = self._limit[row], self._group[row], self._chosen[row]
        used = self._steps[row] > 0
        others = self._counts[group] - used[present]
        opened = (used & (others == 0)).sum(axis=1) * self._order_cost[group]
        left = self._total[limit] - self._use[row, present] - self._room[limit]
        over = np.maximum(left + self._use[row], 0.0) @ self._penalty[limit]
        cost = self._cost[row] + opened + over
        best = int(cost.argmin())
        if cost[best] >= cost[present] - TINY:
            return 0
        self._chosen[row] = best
        self._counts[group] = others + used[best]
        np.add.at(self._total, limit, self._use[row, best] - self._use[row, present])
        return 1
