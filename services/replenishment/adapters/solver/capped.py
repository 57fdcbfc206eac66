"""The bound on allocations: the sites that share one are planned together, exactly.

A price on an allocation proves little where it is a few large packs: at the price that
halves the wish, half a pack is ordered. Once every row's least cost is known for each
amount ordered in all, the best division of the whole packs is a shortest path over
them, and what it costs above the priced bound is proven too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from services.replenishment.adapters.solver.compiled import compiled
from services.replenishment.adapters.solver.coupling import Coupling
from services.replenishment.adapters.solver.grid import BIG, Grid
from services.replenishment.adapters.solver.links import packed
from services.replenishment.adapters.solver.sweeps import to_here
from services.replenishment.domain.problem import Floats, Ints

MOST_STATES = 2_000_000  # packs of the cap times states of its rows: larger ones keep their price


class Capped:
    """The caps that several rows share, with the rows of each."""

    def __init__(self, coupling: Coupling, grid: Grid) -> None:
        self._grid, self._row = grid, coupling.cap_rows
        problem = coupling.problem
        cap = problem.rows.cap[grid.rows]
        owner = self._row[cap]  # coupling row of each entry; -1 for none
        states = np.bincount(owner[owner >= 0], grid.width[owner >= 0], coupling.count)
        many = np.flatnonzero((states > 0) & (states * (coupling.room + 1) <= MOST_STATES))
        self._limits: Ints = many
        members = [np.flatnonzero(owner == limit) for limit in many]
        self._entries = np.concatenate([np.zeros(0, dtype=np.int64), *members]).astype(np.int64)
        sizes = np.array([0, *(len(one) for one in members)])
        self._starts: Ints = np.cumsum(sizes).astype(np.int64)
        self._most: Ints = np.rint(coupling.room[many]).astype(np.int64)

    def lift(self, prices: Floats, link: Floats) -> float:
        """EUR by which the priced bound rises when these caps are kept exactly.

        `prices` [R] of the limits must be those in the grid's tables, `link` [all stages]
        those of the order days.
        """
        grid = self._grid
        places = (self._entries, self._starts, self._most, prices[self._limits])
        return float(_lift(packed(grid), grid.step_packs, link, places))


@compiled
def _lift(grid: Any, step_packs: Any, link: Any, places: Any) -> Any:
    _, width, _, table, stage, _, jump, line, now, slope = grid
    entries, starts, most, prices = places
    lifted = 0.0
    for c in range(len(most)):
        shared = np.full(most[c] + 1, BIG)
        shared[0] = 0.0
        priced = -prices[c] * most[c]
        for i in entries[starts[c] : starts[c + 1]]:
            w, step = width[i], step_packs[i]
            before, reached = np.full(w, BIG), np.empty(w)
            before[0] = 0.0
            for s in range(stage[i + 1] - stage[i]):
                u, place = stage[i] + s, table[i] + s * w
                to_here(before, slope[:, u], jump[i], line[i], reached)
                for y in range(w):
                    before[y] = min(before[y], reached[y] + link[u]) + now[place + y]
            priced += before.min()
            divided = np.full(most[c] + 1, BIG)
            for y in range(w):
                if before[y] >= BIG:
                    continue
                for k in range(y * step, most[c] + 1):
                    divided[k] = min(divided[k], shared[k - y * step] + before[y])
            shared = divided
        best = BIG
        for k in range(most[c] + 1):
            best = min(best, shared[k] - prices[c] * k)
        lifted += max(0.0, best - priced)
    return lifted
