"""The integer finish: the rows' known plans are mixed at the true cost of the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from services.replenishment.adapters.solver.annealing import Walk, anneal, partners
from services.replenishment.adapters.solver.choosing import Known, Present
from services.replenishment.adapters.solver.cores import side_by_side
from services.replenishment.adapters.solver.coupling import Coupling, Use
from services.replenishment.adapters.solver.mixing import adopt, settle, whole
from services.replenishment.domain.problem import Floats, Ints

SLOTS, MOST_SLOTS = 16, 96  # plans remembered per row; slot 0 is "order nothing"
ALL_SLOTS = 64_000  # of all rows together, where that is more
MANY_ROWS, FEW_SLOTS = 30_000, 8  # where memory is what runs out first
PASSES = 8


class Finish:
    """Remembers the plans each row was given, and keeps the best mix of them so far.

    The true cost of a mix counts an order day of a group once, and every limit as it
    is, so whatever prices made the plans is forgotten here. The mix only ever improves.
    """

    def __init__(self, coupling: Coupling, fixed_use: Floats, nothing: Use) -> None:
        problem = coupling.problem
        count, days = problem.rows.count, problem.days
        self._coupling, self._fixed_use = coupling, fixed_use
        self._group = problem.rows.group
        self._groups = len(problem.order_cost)
        self._members = np.argsort(self._group, kind="stable")
        self._starts = np.searchsorted(self._group[self._members], np.arange(self._groups + 1))
        limit = coupling.rows_of()  # [N, U]
        self._partners = astuple(partners(coupling))
        self._limits = (
            np.where(limit < 0, coupling.count, limit),
            np.append(coupling.room, np.inf),
            np.append(coupling.penalty, 0.0),
            self._group,
            problem.order_cost,
        )
        least = SLOTS if count < MANY_ROWS else FEW_SLOTS
        self.slots = min(MOST_SLOTS, max(least, ALL_SLOTS // max(1, count)))
        self._steps: NDArray[np.signedinteger] = np.zeros((count, self.slots, days), dtype=np.int16)
        self._used = np.zeros((count, self.slots, days), dtype=np.bool_)
        self._cost = np.full((count, self.slots), np.inf)
        # single precision will do: what a mix costs is worked out again before it is kept
        self._use = np.zeros((count, self.slots, limit.shape[1]), dtype=np.float32)
        self._filled = np.ones(count, dtype=np.int64)
        self._cost[:, 0] = nothing.cost
        self._use[:, 0] = coupling.as_rows(nothing)
        self._chosen: Ints = np.zeros(count, dtype=np.int64)
        self._total: Floats = np.zeros(0)
        self._counts: Ints = np.zeros((0, 0), dtype=np.int64)
        self._put(self._chosen)

    @property
    def _known(self) -> tuple[object, ...]:
        return self._used, self._cost, self._use, self._filled

    @property
    def _state(self) -> tuple[object, ...]:
        return self._chosen, self._total, self._counts

    @property
    def steps(self) -> Ints:
        """[N, T] of the present mix."""
        mixed: Ints = self._steps[np.arange(len(self._chosen)), self._chosen].astype(np.int64)
        return mixed

    @property
    def cost(self) -> float:
        """EUR of the present mix, above what is fixed."""
        return float(whole(self._known, self._limits, self._state))

    def remember(self, steps: Ints, use: Use) -> Ints:
        """Keeps the rows' plans and returns the slot of each; the oldest make room."""
        held = np.arange(self.slots)[None, :] < self._filled[:, None]
        if steps.max(initial=0) > np.iinfo(self._steps.dtype).max:
            self._steps = self._steps.astype(np.int64)
        known = (self._steps == steps[:, None, :]).all(axis=2) & held
        slot: Ints = known.argmax(axis=1)
        new = np.flatnonzero(~known.any(axis=1))
        place = 1 + (self._filled[new] - 1) % (self.slots - 1)
        place = np.where(place == self._chosen[new], 1 + place % (self.slots - 1), place)
        self._filled[new] += 1
        self._steps[new, place] = steps[new]
        self._used[new, place] = steps[new] > 0
        self._cost[new, place] = use.cost[new]
        self._use[new, place] = self._coupling.as_rows(use)[new]
        slot[new] = place
        return slot

    def start_from(
        self, slots: Ints, random: np.random.Generator, stop: Callable[[], bool]
    ) -> None:
        """Improves `slots` on their own, and keeps the result if it beats the present mix."""
        cost, before = self.cost, (self._chosen, self._total, self._counts)
        self._put(slots)
        self._settle(random, stop)
        if self.cost >= cost:
            self._chosen, self._total, self._counts = before

    @property
    def known(self) -> Known:
        """Every plan that is remembered, for a choice among them."""
        held = np.arange(self.slots)[None, :] < self._filled[:, None]
        return Known(self._used, self._cost, self._use, held, *self._limits)

    @property
    def present(self) -> Present:
        return Present(self._chosen, self._total, self._counts)

    def adopt_choice(self, slots: Ints) -> None:
        """Takes over a choice of plans where the whole then costs less."""
        cost, before = self.cost, (self._chosen, self._total, self._counts)
        self._put(slots)
        if self.cost >= cost:
            self._chosen, self._total, self._counts = before

    def anneal(self, near: Ints, many: Ints, walks: list[Walk]) -> None:
        """Walks side by side among the plans `near` [N, K], of which `many` [N] count; keeps
        the best mix that one of them met."""
        present = (self._chosen, self._total, self._counts)

        def walk(one: Walk) -> tuple[float, Ints]:
            state = tuple(part.copy() for part in present)
            best, room = self._chosen.copy(), self._chosen.copy()
            walked, cooling = (near, many, best, room), astuple(one)
            mix = (self._known, self._limits, state)
            return float(anneal(mix, walked, cooling, self._partners)), best

        self._put(min(side_by_side(walk, walks), key=itemgetter(0))[1])

    def take(self, slots: Ints, random: np.random.Generator, stop: Callable[[], bool]) -> None:
        """Adopts whole groups of `slots` into the mix where that helps, then settles."""
        order = random.permutation(self._groups)
        groups = (self._members, self._starts, order)
        adopt(self._known, self._limits, self._state, groups, slots)
        self._settle(random, stop)

    def _put(self, slots: Ints) -> None:
        rows = np.arange(len(slots))
        self._chosen = slots.astype(np.int64)
        self._total = np.append(self._fixed_use, 0.0)
        np.add.at(self._total, self._limits[0], self._use[rows, slots])
        self._counts = np.zeros((self._groups, self._steps.shape[2]), dtype=np.int64)
        np.add.at(self._counts, self._group, self._used[rows, slots].astype(np.int64))

    def _settle(self, random: np.random.Generator, stop: Callable[[], bool]) -> None:
        """Moves row by row to its best plan until none moves."""
        rows = np.flatnonzero(self._filled > 1)
        for _ in range(PASSES):
            moved = settle(self._known, self._limits, self._state, random.permutation(rows))
            if not moved or stop():
                return
