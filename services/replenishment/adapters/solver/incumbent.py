"""The best plan so far, judged by the rules and the cost that never saw the solver."""

from __future__ import annotations

import numpy as np

from services.replenishment.domain.check import check, cost
from services.replenishment.domain.problem import Ints, Problem


class Incumbent:
    """Begins with ordering nothing, which always is a plan."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.orders: Ints = np.zeros((problem.rows.count, problem.days), dtype=np.int64)
        self.cost = cost(problem, self.orders).total
        self._told: Ints | None = None

    def offer(self, steps: Ints) -> None:
        """Takes over the plan `steps` [N, T] where it keeps the rules and costs less."""
        orders = steps * self._problem.rows.multiple[:, None]
        if check(self._problem, orders):
            return
        total = cost(self._problem, orders).total
        if total < self.cost:
            self.cost, self.orders = total, orders

    def news(self) -> Ints | None:
        """The plan where it is a better one than at the last asking."""
        better = self.orders is not self._told
        self._told = self.orders
        return self.orders if better else None
