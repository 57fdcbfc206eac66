"""Every plan of a group that was ever found, and mixtures of them by weight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.replenishment.adapters.solver.coupling import Coupling, Use
from services.replenishment.adapters.solver.master import Master
from services.replenishment.domain.problem import Floats, Ints

MOST_KEPT = 400  # whole plans remembered; later ones only feed the prices


class Book:
    """Feeds the master programme, and draws whole plans from its mix."""

    def __init__(self, coupling: Coupling, fixed_use: Floats) -> None:
        problem = coupling.problem
        self._coupling, self._group = coupling, problem.rows.group
        self._order_cost = problem.order_cost
        self._master = Master(coupling, fixed_use, len(problem.order_cost))
        self._kept: list[NDArray[np.signedinteger]] = []
        self._owner: list[int] = []  # of each column of the master: its group
        self._weights: Floats = np.zeros(0)  # of the last mix; later columns have none yet
        self._origin: list[int] = []  # and the kept plan that it is a part of, or -1

    def enter(self, use: Use, steps: Ints) -> None:
        """Makes the plan of every group in `steps` [N, T] known."""
        used = np.zeros((len(self._order_cost), steps.shape[1]), dtype=bool)
        row, day = np.nonzero(steps)
        used[self._group[row], day] = True
        cost = np.bincount(self._group, use.cost, len(used)) + used.sum(axis=1) * self._order_cost
        together = self._coupling.by_group(use)
        origin = len(self._kept) if len(self._kept) < MOST_KEPT else -1
        new = False
        for group in range(len(used)):
            if self._master.add(group, float(cost[group]), together[group]):
                self._owner.append(group)
                self._origin.append(origin)
                new = True
        if new and origin >= 0:
            self._kept.append(steps.astype(np.min_scalar_type(-1 - int(steps.max(initial=0)))))

    def prices(self, seconds: float) -> tuple[float, Floats] | None:
        """Value of the best mix, fixed cost left out, and prices [R] of the limits."""
        solved = self._master.solve(seconds)
        if solved is not None:
            self._weights = np.clip(self._master.weights(), 0.0, None)
        return solved

    @property
    def mixed(self) -> bool:
        """Whether there is a mix to draw from."""
        return bool(len(self._weights))

    def draw(self, random: np.random.Generator) -> Ints:
        """Steps [N, T] of one plan per group, drawn with the weights of the last mix."""
        weights = self._weights
        owner, origin = (
            np.array(self._owner)[: len(weights)],
            np.array(self._origin)[: len(weights)],
        )
        weights = np.where(origin < 0, 0.0, weights)
        # The largest of log(weight) + Gumbel noise is a draw with these weights.
        with np.errstate(divide="ignore"):
            score = np.log(weights) + random.gumbel(size=len(weights))
        order = np.lexsort((score, owner))
        last = np.flatnonzero(np.r_[owner[order][1:] != owner[order][:-1], True])
        picked = np.zeros(len(self._order_cost), dtype=np.int64)
        picked[owner[order][last]] = origin[order][last]
        whole = np.zeros((len(self._group), self._kept[0].shape[1]), dtype=np.int64)
        for kept in np.unique(picked[self._group]):
            rows = picked[self._group] == kept
            whole[rows] = self._kept[kept][rows]
        return whole
