"""Exact dynamic programmes over all rows of a block at once, forward and backward.

`ahead[k]` is the least cost from stage k on once its order was placed (what arrives is
counted), `behind[k]` the least cost before stage k. Their sum over the states gives, for
every row and order day, the best cost with and without an order on that day: that is how
an order day is judged without solving anything again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from services.replenishment.adapters.solver.blocks import BIG, Block, Jump
from services.replenishment.domain.problem import Floats, Ints


@dataclass(slots=True, eq=False)
class Tables:
    """The working state of one block: slopes at the present prices, and both passes."""

    block: Block
    slopes: list[Floats] = field(default_factory=list)  # per way: [S, n] EUR a step
    ahead: Floats = field(init=False)  # [S, K + 1, n]
    behind: Floats = field(init=False)  # [S, K + 1, n]

    def __post_init__(self) -> None:
        shape = self.block.base.shape
        self.ahead = np.zeros(shape)
        self.behind = np.full(shape, BIG)
        self.behind[0, 0] = 0.0

    def ordered_from(self, stage: int, cost: Floats) -> Floats:
        """[K + 1, n] least cost of ordering at `stage` from each state, order price left out."""
        return self._best(stage, cost, upward=True)

    def ordered_to(self, stage: int, cost: Floats) -> Floats:
        """[K + 1, n] least cost of reaching each state by an order at `stage`."""
        return self._best(stage, cost, upward=False)

    def _best(self, stage: int, cost: Floats, *, upward: bool) -> Floats:
        block, lane = self.block, self.block.lanes[stage]
        every = len(lane.columns) == block.count
        some = cost if every else cost[:, lane.columns]
        best: Floats | None = None
        for way, slopes in zip(lane.ways, self.slopes, strict=True):
            slope = slopes[stage] if every else slopes[stage, lane.columns]
            found = _jump(way, some, slope * block.steps, upward=upward)
            best = found if best is None else np.minimum(best, found, out=best)
        assert best is not None  # noqa: S101 - a block has at least one way
        best += block.line if every else block.line[lane.columns]
        if every:
            return best
        full = np.full(cost.shape, BIG)
        full[:, lane.columns] = best
        return full


def _jump(way: Jump, cost: Floats, climb: Floats, *, upward: bool) -> Floats:
    padded = np.empty((cost.shape[0] + 1, cost.shape[1]))
    padded[-1] = BIG
    if upward:
        np.add(cost, climb, out=padded[:-1])
        np.minimum.accumulate(padded[-2::-1], axis=0, out=padded[-2::-1])
        found = padded.ravel()[way.up]
        found -= climb
    else:
        np.subtract(cost, climb, out=padded[:-1])
        np.minimum.accumulate(padded[:-1], axis=0, out=padded[:-1])
        found = padded.ravel()[way.down]
        found += climb
    return found


def backward(tables: Tables, link: Floats) -> Floats:
    """Fills `ahead` at the order-day prices `link` [S, n], which
    are BIG where a row may not order; returns the least costs [n]."""
    block = tables.block
    after = np.zeros(block.base.shape[1:])
    for stage in range(block.stages - 1, -1, -1):
        after = tables.ahead[stage] = block.stage[stage] + after
        placed = tables.ordered_from(stage, after)
        placed += link[stage]
        after = np.minimum(after, placed)
    least: Floats = after[0]
    return least


def paths(tables: Tables, link: Floats) -> Ints:
    """[S, n] steps ordered at each stage by a least-cost plan; `ahead` must be filled.

    Ties are broken the same way every time: no order before an order, fewer steps
    before more.
    """
    block = tables.block
    orders = np.zeros((block.stages, block.count), dtype=np.int64)
    state = np.zeros(block.count, dtype=np.int64)
    column = np.arange(block.count)
    levels = np.arange(block.base.shape[1])[:, None]
    for stage in range(block.stages):
        ahead = tables.ahead[stage]
        size = levels - state
        best = np.full(block.count, np.inf)
        target = state.copy()
        for way, slopes in zip(block.ways, tables.slopes, strict=True):
            cost = np.where(size >= way.jump, ahead + slopes[stage] * size, BIG * 2)
            place = cost.argmin(axis=0)
            value = cost[place, column]
            better = value < best
            target = np.where(better, place, target)
            best = np.where(better, value, best)
        placed = best + block.line + link[stage] < ahead[state, column] - 1e-12
        orders[stage] = np.where(placed, target - state, 0)
        state = np.where(placed, target, state)
    return orders
