"""The master programme: prices of the limits from the group plans known so far (GLOP)."""

from __future__ import annotations

import hashlib
import time

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver import pywraplp

from services.replenishment.adapters.solver.coupling import HARD, Coupling
from services.replenishment.domain.problem import Floats, Ints

# The last basis is a good start for the next solve, and only kept where nothing rewrites the
# programme in between.
FROM_LAST_BASIS = "use_preprocessing: false use_scaling: false"
FROM_SCRATCH = "use_preprocessing: true use_scaling: true"


FULL, TINY = 0.95, 1e-6  # from this share of its room on, a limit is taken in
TWICE = 2


class _Asleep:
    """What the plans use of the limits that are left out: much smaller than inside GLOP."""

    def __init__(self) -> None:
        self._new: list[tuple[int, NDArray[np.int32], NDArray[np.float32]]] = []
        self._column = np.zeros(0, dtype=np.int32)
        self._row = np.zeros(0, dtype=np.int32)
        self._use = np.zeros(0, dtype=np.float32)

    def add(self, column: int, rows: Ints, use: Floats) -> None:
        self._new.append((column, rows.astype(np.int32), use.astype(np.float32)))

    def _gather(self) -> None:
        if self._new:
            columns, rows, uses = zip(*self._new, strict=True)
            owner = np.repeat(np.array(columns, dtype=np.int32), [len(one) for one in rows])
            self._column = np.concatenate([self._column, owner])
            self._row = np.concatenate([self._row, *rows])
            self._use = np.concatenate([self._use, *uses])
            self._new = []

    def used(self, weights: Floats, limits: int) -> Floats:
        """[R] what the mix uses."""
        self._gather()
        used = np.bincount(self._row, self._use * weights[self._column], limits)
        return used.astype(np.float64)

    def taken(self, row: int) -> list[tuple[int, float]]:
        """The columns that use this limit, and how much; they are forgotten here."""
        mine = self._row == row
        found = list(zip(self._column[mine].tolist(), self._use[mine].tolist(), strict=True))
        self._column, self._row, self._use = (
            self._column[~mine],
            self._row[~mine],
            self._use[~mine],
        )
        return found


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
        self._room = coupling.room - fixed_use
        self._awake = np.zeros(coupling.count, dtype=bool)
        self._asleep = _Asleep()
        self._mix: Floats = np.zeros(0)

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
        rows = np.flatnonzero(use)
        for row in rows[self._awake[rows]]:
            self._limits[row].SetCoefficient(weight, float(use[row]))
        rest = rows[~self._awake[rows]]
        self._asleep.add(len(self._weights), rest, use[rest])
        self._weights.append(weight)
        return True

    def solve(self, seconds: float) -> tuple[float, Floats] | None:
        """Value and prices [R] of the limits; None when GLOP gave up, or time did.

        Limits that no mix has come near yet are left out: they are most of the shelves,
        and most of the memory. Where the mix exceeds one, it is taken in and GLOP asked
        again, once; what that one exceeds is left to the next call.
        """
        until = time.monotonic() + seconds
        for _ in range(TWICE):
            if not self._found(until):
                return None
            prices = np.array([-limit.dual_value() for limit in self._limits])
            value = self._objective.Value()
            self._mix = np.array([weight.solution_value() for weight in self._weights])
            if not self._wake():
                break
        return value, np.clip(prices, 0.0, HARD)

    def _wake(self) -> bool:
        """Takes in the limits that the mix comes near; whether it exceeds one of them."""
        used = self._asleep.used(self._mix, len(self._room))
        near = ~self._awake & (used > FULL * np.maximum(self._room, 0.0) + TINY)
        for row in np.flatnonzero(near).tolist():
            for column, use in self._asleep.taken(row):
                self._limits[row].SetCoefficient(self._weights[column], use)
        self._awake |= near
        return bool((near & (used > self._room + TINY)).any())

    def _found(self, until: float) -> bool:
        solved = self._solved(until - time.monotonic())
        if not solved and time.monotonic() < until:
            self._solver.SetSolverSpecificParametersAsString(FROM_SCRATCH)
            solved = self._solved(until - time.monotonic())
            self._solver.SetSolverSpecificParametersAsString(FROM_LAST_BASIS)
        return solved

    def _solved(self, seconds: float) -> bool:
        if seconds < float("inf"):
            self._solver.SetTimeLimit(max(1, int(1000 * seconds)))
        return bool(self._solver.Solve() == pywraplp.Solver.OPTIMAL)

    def weights(self) -> Floats:
        """[columns] of the last mix."""
        return self._mix
