"""The best few plans of every row at given prices: what the integer finish chooses from.

At the prices that prove the bound, a plan of a row is `over` EUR dearer than the row's
least cost. Nothing that holds a plan dearer than the gap can beat the best plan known,
so the plans that matter are those nearest to the least cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from services.replenishment.adapters.solver.compiled import compiled
from services.replenishment.adapters.solver.grid import BIG, Grid
from services.replenishment.adapters.solver.links import packed
from services.replenishment.adapters.solver.sweeps import backward_row
from services.replenishment.domain.problem import Floats, Ints

HALVINGS = 12


def nearby(grid: Grid, shape: tuple[int, int], link: Floats, most: int, widest: float) -> Ints:
    """[most, N, T] steps: each row's cheapest plans at the prices `link` [all stages].

    Only plans within `widest` EUR of the row's least cost; where there are fewer than
    `most`, the last one is repeated.
    """
    found = np.zeros((grid.count, most, shape[1]), dtype=np.int64)
    _nearby_rows(packed(grid), link, np.zeros(len(grid.base)), found, widest)
    plans = np.zeros((most, *shape), dtype=np.int64)
    plans[:, grid.rows] = found.transpose(1, 0, 2)
    return plans


@compiled
def _nearby_rows(grid: Any, link: Any, ahead: Any, found: Any, widest: Any) -> Any:
    _, width, stages, table, stage, day, jump, line, now, slope = grid
    most = found.shape[1]
    scratch = np.empty(width.max() if len(width) else 0)
    path = np.zeros(stages.max() + 1 if len(width) else 1, dtype=np.int64)
    value = np.zeros(len(path))
    for i in range(len(width)):
        w, u, v = width[i], stage[i], stage[i + 1]
        shape = (stages[i], w)
        mine = ahead[table[i] : table[i + 1]].reshape(shape)
        costs = now[table[i] : table[i + 1]].reshape(shape)
        terms = (slope[:, u:v], jump[i], line[i])
        least = backward_row(costs, terms, link[u:v], mine, scratch[:w])
        low, high = 0.0, widest
        tables, reach = (costs, mine, link[u:v]), (path, value, day[u:v])
        if _list(tables, terms, least + high, reach, found[i]) > most:
            for _ in range(HALVINGS):
                middle = 0.5 * (low + high)
                count = _list(tables, terms, least + middle, reach, found[i])
                if count > most:
                    high = middle
                else:
                    low = middle
        count = _list(tables, terms, least + low + 1e-9, reach, found[i])
        count = min(max(count, 1), most)
        for k in range(count, most):
            found[i, k] = found[i, count - 1]


@compiled
def _list(  # noqa: C901  one compiled loop over plain arrays
    tables: Any, terms: Any, ceiling: Any, reach: Any, found: Any
) -> Any:
    """Lists the plans of one row that cost at most `ceiling`; their number, or `most` + 1.

    path[s + 1] is the state after stage s and value[s] the cost before it. The last plan
    tried at a stage is in path[s + 1], so the walk needs no other memory.
    """
    (costs, ahead, link), (slope, jump, line), most = tables, terms, len(found)
    path, value, day = reach
    stages, width = costs.shape
    count, s = 0, 0
    path[0], value[0] = 0, 0.0
    path[1] = -1
    while s >= 0:
        at = path[s]
        target = at if path[s + 1] < 0 else path[s + 1] + 1
        spent = BIG
        while target < width:
            if target == at:
                price = 0.0
            elif link[s] >= BIG:
                target = width
                break
            else:
                price = BIG
                for way in range(len(jump)):
                    if target - at >= jump[way]:
                        price = min(price, slope[way, s] * (target - at))
                price += line + link[s]
            if value[s] + price + ahead[s, target] <= ceiling:
                spent = value[s] + price + costs[s, target]
                break
            target += 1
        if target >= width:
            s -= 1
            continue
        path[s + 1] = target
        if s + 1 < stages:
            s += 1
            value[s] = spent
            path[s + 1] = -1
            continue
        if count == most:
            return most + 1
        found[count] = 0
        for k in range(stages):
            found[count, day[k]] = path[k + 1] - path[k]
        count += 1
    return count
