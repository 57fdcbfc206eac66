"""Compiled loops of the search over order days: judge a set of open days, and plan on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from services.replenishment.adapters.solver.compiled import compiled
from services.replenishment.adapters.solver.grid import BIG
from services.replenishment.adapters.solver.sweeps import backward_row, to_here


@compiled
def judge_days(grid: Any, opened: Any, ahead: Any, cost: Any, saved: Any) -> Any:
    """Adds to cost [G] what the rows cost on the open days [G, T], and to saved [G, T] what
    the right to order on each day would save them (or saves them, where it is open)."""
    starts, width, stages, table, stage, day, jump, line, now, slope = grid
    largest = width.max() if len(width) else 0
    scratch, before, reached = np.empty(largest), np.empty(largest), np.empty(largest)
    link = np.empty(stages.max() if len(stages) else 0)
    for g in range(len(starts) - 1):
        for i in range(starts[g], starts[g + 1]):
            w, u, v = width[i], stage[i], stage[i + 1]
            shape = (stages[i], w)
            mine = ahead[table[i] : table[i + 1]].reshape(shape)
            costs = now[table[i] : table[i + 1]].reshape(shape)
            for s in range(v - u):
                link[s] = 0.0 if opened[g, day[u + s]] else BIG
            cost[g] += backward_row(
                costs, (slope[:, u:v], jump[i], line[i]), link[: v - u], mine, scratch[:w]
            )
            for y in range(w):
                before[y] = BIG
            before[0] = 0.0
            for s in range(v - u):
                to_here(before[:w], slope[:, u + s], jump[i], line[i], reached[:w])
                without, ordering = BIG, BIG
                for y in range(w):
                    without = min(without, before[y] + mine[s, y])
                    ordering = min(ordering, reached[y] + mine[s, y])
                    left = min(before[y], reached[y] + link[s])
                    before[y] = left + costs[s, y]
                if without > ordering:
                    saved[g, day[u + s]] += without - ordering


@compiled
def plan_rows(grid: Any, link: Any, ahead: Any, steps: Any) -> Any:
    """steps [n, T]: a least-cost plan of every row of the groups at the prices `link`.

    Ties are broken the same way every time: no order before an order, fewer steps
    before more.
    """
    starts, width, stages, table, stage, day, jump, line, now, slope = grid
    scratch = np.empty(width.max() if len(width) else 0)
    for i in range(starts[0], starts[-1]):
        w, u, v = width[i], stage[i], stage[i + 1]
        shape = (stages[i], w)
        mine = ahead[table[i] : table[i + 1]].reshape(shape)
        costs = now[table[i] : table[i + 1]].reshape(shape)
        terms = (slope[:, u:v], jump[i], line[i])
        backward_row(costs, terms, link[u:v], mine, scratch[:w])
        at = 0
        for s in range(v - u):
            if link[u + s] >= BIG:
                continue
            best, target = mine[s, at] - 1e-12, at
            for way in range(jump.shape[1]):
                rate = slope[way, u + s]
                for y in range(at + jump[i, way], w):
                    value = mine[s, y] + rate * (y - at) + line[i] + link[u + s]
                    if value < best:
                        best, target = value, y
            steps[i, day[u + s]] = target - at
            at = target
