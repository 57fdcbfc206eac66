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

    @property
    def any(self) -> bool:
        """Whether there is a cap to divide."""
        return len(self._limits) > 0

    def divide(self, prices: Floats, link: Floats, steps: Ints) -> Ints:
        """[N, T] `steps` with the rows of these caps as the best division has them.

        `prices` and `link` as `lift` takes them.
        """
        grid = self._grid
        found = np.zeros((grid.count, steps.shape[1]), dtype=np.int64)
        places = (self._entries, self._starts, self._most, prices[self._limits])
        _divide((packed(grid), link), grid.step_packs, places, found)
        divided: Ints = steps.copy()
        divided[grid.rows[self._entries]] = found[self._entries]
        return divided


@compiled
def _lift(grid: Any, step_packs: Any, link: Any, places: Any) -> Any:
    entries, starts, most, prices = places
    lifted = 0.0
    for c in range(len(most)):
        members = entries[starts[c] : starts[c + 1]]
        shared, taken = np.empty(most[c] + 1), np.zeros((0, 0), dtype=np.int64)
        priced = _divided((grid, link), step_packs, members, (shared, taken))
        priced -= prices[c] * most[c]
        best = BIG
        for k in range(most[c] + 1):
            best = min(best, shared[k] - prices[c] * k)
        lifted += max(0.0, best - priced)
    return lifted


@compiled
def _divide(tables: Any, step_packs: Any, places: Any, found: Any) -> Any:
    """Fills `found` [entries, T] with the plans of the cheapest division of every cap."""
    entries, starts, most, prices = places
    for c in range(len(most)):
        members = entries[starts[c] : starts[c + 1]]
        shared = np.empty(most[c] + 1)
        taken = np.zeros((len(members), most[c] + 1), dtype=np.int64)
        _divided(tables, step_packs, members, (shared, taken))
        k = int(np.argmin(shared - prices[c] * np.arange(most[c] + 1)))
        for m in range(len(members) - 1, -1, -1):
            y = taken[m, k]
            _walk_back(tables, members[m], y, found[members[m]])
            k -= y * step_packs[members[m]]


@compiled
def _divided(tables: Any, step_packs: Any, members: Any, out: Any) -> Any:
    """Least cost of ordering k packs in all, and what each row takes of them, if asked for.

    out: shared [most + 1] EUR, taken [rows or none, most + 1] steps. Returns what the rows
    cost at least on their own.
    """
    shared, taken = out
    shared[:] = BIG
    shared[0] = 0.0
    alone = 0.0
    for m in range(len(members)):
        i = members[m]
        step, ends = step_packs[i], _values(tables, i)[-1]
        alone += ends.min()
        divided = np.full(len(shared), BIG)
        for y in range(len(ends)):
            if ends[y] >= BIG:
                continue
            for k in range(y * step, len(shared)):
                whole = shared[k - y * step] + ends[y]
                if whole < divided[k]:
                    divided[k] = whole
                    if len(taken):
                        taken[m, k] = y
        shared[:] = divided
    return alone


@compiled
def _values(tables: Any, i: Any) -> Any:
    """[stages + 1, width] EUR: least cost of a row of being in a state after each stage."""
    (_, width, _, table, stage, _, jump, line, now, slope), link = tables
    w, stages = width[i], stage[i + 1] - stage[i]
    values, reached = np.full((stages + 1, w), BIG), np.empty(w)
    values[0, 0] = 0.0
    for s in range(stages):
        u, place = stage[i] + s, table[i] + s * w
        to_here(values[s], slope[:, u], jump[i], line[i], reached)
        for y in range(w):
            values[s + 1, y] = min(values[s, y], reached[y] + link[u]) + now[place + y]
    return values


@compiled
def _walk_back(tables: Any, i: Any, end: Any, found: Any) -> Any:
    """Fills found [T] with the row's cheapest plan that orders `end` steps in all."""
    (_, _, _, _, stage, day, jump, line, _, slope), link = tables
    values, y = _values(tables, i), end
    for s in range(len(values) - 2, -1, -1):
        u = stage[i] + s
        least, start = values[s, y], y
        for at in range(y):
            for way in range(len(jump[i])):
                if y - at >= jump[i, way]:
                    cost = values[s, at] + line[i] + link[u] + slope[way, u] * (y - at)
                    if cost < least:
                        least, start = cost, at
        found[day[u]] = y - start
        y = start
