"""The master programme: prices of the limits from the group plans known so far (GLOP)."""

from __future__ import annotations

import hashlib
import time

import numpy as np
from ortools.linear_solver import pywraplp

from services.replenishment.adapters.solver.coupling import HARD, Coupling
from services.replenishment.domain.problem import Floats

# The last basis is a good start for the next solve, and only kept where nothing rewrites the
# programme in between.
FROM_LAST_BASIS = "use_preprocessing: false use_scaling: false"
FROM_SCRATCH = "use_preprocessing: true use_scaling: true"


class Master:
    """Mixes group plans so that the limits are kept at least cost.

    Its value, with all plans of all groups, would be the best bound that prices can
    prove; with some of them it lies above, and its prices say which plans are missing.
    """

    def __init__(self, coupling: Coupling, fixed_use: Floats, groups: int) -> None:
        self._solver = pywraplp.Solver.CreateSolver("GLOP")
        self._solver.SetSolverSpecificParametersAsString(FROM_LAST_BASIS)
        infinity = self._solver.infinity()
        self._objective = self._solver.Objective()
        self._objective.SetMinimization()
        self._infinity = infinity
        self._one = [self._solver.Constraint(1.0, 1.0) for _ in range(groups)]
        self._limits = []
        for room, penalty in zip(coupling.room - fixed_use, coupling.penalty, strict=True):
            limit = self._solver.Constraint(-infinity, float(room))
            over = self._solver.NumVar(0.0, infinity, "")
            limit.SetCoefficient(over, -1.0)
            self._objective.SetCoefficient(over, float(penalty))
            self._limits.append(limit)
        self._seen: set[bytes] = set()
        self._weights: list[pywraplp.Variable] = []

    def add(self, group: int, cost: float, use: Floats) -> bool:
        """Makes one plan of a group known; False when it was already."""
        plan = np.r_[group, np.round(cost, 6), np.round(use, 6)].tobytes()
        mark = hashlib.blake2b(plan, digest_size=16).digest()
        if mark in self._seen:
            return False
        self._seen.add(mark)
        weight = self._solver.NumVar(0.0, self._infinity, "")
        self._objective.SetCoefficient(weight, cost)
        self._one[group].SetCoefficient(weight, 1.0)
        for row in np.flatnonzero(use):
            self._limits[row].SetCoefficient(weight, float(use[row]))
        self._weights.append(weight)
        return True

    def solve(self, seconds: float) -> tuple[float, Floats] | None:
        """Value and prices [R] of the limits; None when GLOP gave up, or time did."""
        until = time.monotonic() + seconds
        solved = self._solved(seconds)
        if not solved and time.monotonic() < until:
            self._solver.SetSolverSpecificParametersAsString(FROM_SCRATCH)
            solved = self._solved(until - time.monotonic())
            self._solver.SetSolverSpecificParametersAsString(FROM_LAST_BASIS)
        if not solved:
            return None
        prices = np.array([-limit.dual_value() for limit in self._limits])
        return self._objective.Value(), np.clip(prices, 0.0, HARD)

    def _solved(self, seconds: float) -> bool:
        if seconds < float("inf"):
            self._solver.SetTimeLimit(max(1, int(1000 * seconds)))
        return bool(self._solver.Solve() == pywraplp.Solver.OPTIMAL)

    def weights(self) -> Floats:
        return np.array([weight.solution_value() for weight in self._weights])
