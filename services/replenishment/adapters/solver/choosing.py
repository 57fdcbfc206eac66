"""The integer choice among known plans: for some rows at once, by SCIP, the others fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver import pywraplp

from services.replenishment.adapters.solver.coupling import HARD
from services.replenishment.domain.problem import Flags, Floats, Ints

TINY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The plans of every row, and what is true of them: see `mixing`."""

    used: NDArray[np.bool_]  # [N, P, T]
    cost: Floats  # [N, P]
    use: NDArray[np.float32]  # [N, P, U]
    held: Flags  # [N, P]
    limit: Ints  # [N, U]
    room: Floats  # [R + 1]
    penalty: Floats  # [R + 1]
    group: Ints  # [N]
    order_cost: Floats  # [G]


@dataclass(frozen=True, slots=True, eq=False)
class Present:
    """The mix that is to be improved."""

    chosen: Ints  # [N]
    total: Floats  # [R + 1]
    counts: Ints  # [G, T]


@dataclass(frozen=True, slots=True)
class Patience:
    """When the choice ends: whichever comes first."""

    seconds: float
    nodes: int


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    slots: Ints  # [N]
    best: bool  # proven the best one among the plans allowed


def choose(
    known: Known, present: Present, rows: Ints, keep: Flags, patience: Patience
) -> Choice | None:
    """The best choice found for `rows`, among the plans that `keep` [N, P] allows.

    None when SCIP found nothing, not even the present mix.
    """
    model = _Model(known, present, rows, keep)
    return model.solve(patience)


class _Model:
    def __init__(self, known: Known, present: Present, rows: Ints, keep: Flags) -> None:
        self._known, self._present, self._rows = known, present, rows
        self._solver = pywraplp.Solver.CreateSolver("SCIP")
        self._infinity = self._solver.infinity()
        self._objective = self._solver.Objective()
        self._objective.SetMinimization()
        self._slots: list[NDArray[np.int64]] = []
        self._picks: list[list[pywraplp.Variable]] = []
        for row in rows:
            slots = np.flatnonzero(keep[row] & known.held[row])
            self._slots.append(slots)
            self._picks.append(self._row(row, slots))
        self._order_days()
        self._limits()

    def _row(self, row: int, slots: Ints) -> list[pywraplp.Variable]:
        one = self._solver.Constraint(1.0, 1.0)
        picks = []
        for slot in slots:
            pick = self._solver.BoolVar("")
            one.SetCoefficient(pick, 1.0)
            self._objective.SetCoefficient(pick, float(self._known.cost[row, slot]))
            picks.append(pick)
        return picks

    def _order_days(self) -> None:
        """A day that no fixed row orders on costs its order once, whoever opens it."""
        known, present = self._known, self._present
        others = present.counts.copy()
        np.subtract.at(
            others, known.group[self._rows], known.used[self._rows, present.chosen[self._rows]]
        )
        opened: dict[tuple[int, int], pywraplp.Variable] = {}
        for row, slots, picks in zip(self._rows, self._slots, self._picks, strict=True):
            group = int(known.group[row])
            used = known.used[row, slots]
            for day in np.flatnonzero(used.any(axis=0) & (others[group] == 0)):
                place = (group, int(day))
                if place not in opened:
                    opened[place] = self._solver.BoolVar("")
                    self._objective.SetCoefficient(opened[place], float(known.order_cost[group]))
                link = self._solver.Constraint(-self._infinity, 0.0)
                link.SetCoefficient(opened[place], -1.0)
                for k in np.flatnonzero(used[:, day]):
                    link.SetCoefficient(picks[k], 1.0)
        self._opened = opened

    def _limits(self) -> None:
        """Only the limits that some choice of these rows could exceed."""
        known, present, rows = self._known, self._present, self._rows
        room = known.room - present.total
        np.add.at(room, known.limit[rows], known.use[rows, present.chosen[rows]])
        highest = np.zeros(len(room))
        for row, slots in zip(rows, self._slots, strict=True):
            np.add.at(highest, known.limit[row], known.use[row, slots].max(axis=0))
        limits: dict[int, pywraplp.Constraint] = {}
        for r in np.flatnonzero(highest > room + TINY):
            limits[int(r)] = self._solver.Constraint(-self._infinity, float(room[r]))
            if known.penalty[r] == HARD:
                continue
            # what lies above the limit already is paid whatever these rows do
            over = self._solver.NumVar(max(0.0, -float(room[r])), self._infinity, "")
            limits[int(r)].SetCoefficient(over, -1.0)
            self._objective.SetCoefficient(over, float(known.penalty[r]))
        for row, slots, picks in zip(rows, self._slots, self._picks, strict=True):
            for u in np.flatnonzero([int(r) in limits for r in known.limit[row]]):
                limit = limits[int(known.limit[row, u])]
                for k in np.flatnonzero(known.use[row, slots, u]):
                    limit.SetCoefficient(picks[k], float(known.use[row, slots[k], u]))

    def solve(self, patience: Patience) -> Choice | None:
        present = self._present
        hint = [
            (pick, float(slot == present.chosen[row]))
            for row, slots, picks in zip(self._rows, self._slots, self._picks, strict=True)
            for slot, pick in zip(slots, picks, strict=True)
        ]
        self._solver.SetHint([pick for pick, _ in hint], [value for _, value in hint])
        if patience.seconds < float("inf"):
            self._solver.SetTimeLimit(max(1, int(patience.seconds * 1000)))
        self._solver.SetSolverSpecificParametersAsString(f"limits/nodes = {patience.nodes}\n")
        status = self._solver.Solve()
        if status not in {pywraplp.Solver.OPTIMAL, pywraplp.Solver.FEASIBLE}:
            return None
        chosen = present.chosen.copy()
        for row, slots, picks in zip(self._rows, self._slots, self._picks, strict=True):
            values = [pick.solution_value() for pick in picks]
            chosen[row] = slots[int(np.argmax(values))]
        return Choice(chosen, best=status == pywraplp.Solver.OPTIMAL)
