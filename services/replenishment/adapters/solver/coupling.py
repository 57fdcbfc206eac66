"""What ties the groups together: budgets, caps and shelves, and the prices put on them.

Each limit is one coupling row. A plan uses `use[r]` of row r; what exceeds `room[r]`
costs `penalty[r]` (a cap is hard: its penalty has no ceiling).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from services.replenishment.adapters.solver.compiled import compiled
from services.replenishment.adapters.solver.grid import Grid, arrivals, spoiling_anyway
from services.replenishment.adapters.solver.shelving import Shelves, each_shelves
from services.replenishment.domain.check import expected, waiting
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import NO_BREAK, NO_CAP, Floats, Ints, Problem
from shared.errors import Malformed

HARD = 1e7  # EUR a pack over a cap: dearer than any shortage


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """What the plan of each row costs on its own, and what it uses of the limits."""

    cost: Floats  # [N] EUR: holding, shortage, lines, less discounts
    spend: Floats  # [N, W] EUR
    packs: Ints  # [N]
    fill: Floats | None  # [N, T] m3


class Coupling:
    """Numbers the coupling rows: first budgets, then caps, then shelves."""

    def __init__(self, problem: Problem) -> None:
        rows = problem.rows
        self.problem = problem
        self.week = np.arange(problem.days) // 7
        self._budget = np.full(problem.weekly_budget.shape, -1)
        limited = np.isfinite(problem.weekly_budget)
        self._budget[limited] = np.arange(limited.sum())
        shared = np.bincount(rows.cap[rows.cap != NO_CAP], minlength=len(problem.caps)) > 1
        self._cap = np.full(len(problem.caps) + 1, -1)  # the last one stands for NO_CAP
        self._cap[:-1][shared] = limited.sum() + np.arange(shared.sum())
        first = int(limited.sum() + shared.sum())
        room = [problem.weekly_budget[limited], problem.caps[shared].astype(float)]
        penalty = [np.full(limited.sum(), problem.budget_penalty), np.full(shared.sum(), HARD)]
        self._shelf = None
        if problem.storage is not None:
            capacity = problem.storage.capacity
            self._shelf = first + np.arange(capacity.size).reshape(capacity.shape)
            room.append(capacity.ravel())
            penalty.append(np.minimum(problem.storage.prices.ravel(), HARD))
        self.room: Floats = np.concatenate(room)
        self.penalty: Floats = np.concatenate(penalty)
        self.hard = self.penalty == HARD

    @property
    def count(self) -> int:
        return len(self.room)

    @property
    def cap_rows(self) -> Ints:
        """[C + 1] coupling row of each cap; -1 where only one row has it, and for NO_CAP."""
        return self._cap

    def named(self, prices: Floats, share: Floats) -> Prices:
        """The prices [R] of the limits by what they belong to, beside the shares [N, T]."""
        padded = self._padded(prices)
        shelf = np.zeros((0, self.problem.days)) if self._shelf is None else padded[self._shelf]
        return Prices(padded[self._budget], padded[self._cap[:-1]], shelf, share)

    def numbered(self, named: Prices) -> Floats:
        """The prices [R] of the limits of this problem, none above its penalty."""
        prices = np.zeros(self.count)
        given = [(self._budget, named.budget), (self._cap[:-1], named.cap)]
        if self._shelf is not None and len(named.shelf):
            given.append((self._shelf, named.shelf))
        for place, price in given:
            prices[place[place >= 0]] = price[place >= 0]
        clipped: Floats = np.clip(prices, 0.0, self.penalty)
        return clipped

    def floors(self, limit: Ints, allowed: Ints) -> Floats:
        """[R] least prices at which no plan gains by leaving the tables.

        `limit` [N] is how far the tables reach and `allowed` [N] how far the problem lets
        plans go, its caps included; both in steps.

        A discount is part of the cost and the price of what is bought is not, so one more
        pack of a discounted line gains `off x price` and costs its holding to the end. In
        a problem that allows more than the tables hold, budgets must be priced so that
        this never pays. Malformed DISCOUNT_UNLIMITED where no budget stands in the way.
        """
        rows, floors = self.problem.rows, np.zeros(self.count)
        off = np.where(rows.break_packs == NO_BREAK, 0.0, rows.break_discount).max(
            axis=1, initial=0.0
        )
        free = (off > 0) & (rows.price > 0) & (limit < allowed)
        row, day = np.nonzero(rows.order_days & free[:, None])
        kept = np.maximum(self.problem.days - day - rows.lead[row], 0)
        gain = off[row] * rows.price[row] - rows.holding[row] * rows.pack[row] * kept
        floor = np.maximum(gain / (rows.price[row] * (1.0 - off[row])), 0.0)
        place = self._budget[rows.site[row], self.week[day]]
        if (floor > np.append(self.penalty, 0.0)[place]).any():
            raise Malformed(
                "DISCOUNT_UNLIMITED",
                "A price break takes off more than holding the packs costs, and no budget limits "
                "the buying: it would pay to order without end. Limit the packs or the budget.",
                field="break_discount",
            )
        np.maximum.at(floors, place[place >= 0], floor[place >= 0])
        return floors

    def _padded(self, prices: Floats) -> Floats:
        return np.append(prices, 0.0)  # index -1: not limited, free

    def apply(self, grid: Grid, prices: Floats, factor: Floats | None = None) -> None:
        """Puts the prices [R], times a factor per row [N], into the grid's tables.

        A bound may only be taken where there is no factor: all rows must see one price.
        """
        padded, rows = self._padded(prices), self.problem.rows
        entry = np.repeat(np.arange(grid.count), grid.stages)
        row = grid.rows[entry]
        money = padded[self._budget[rows.site[row], self.week[grid.day]]]
        pack = padded[self._cap[rows.cap[row]]] * grid.step_packs[entry]
        if factor is not None:
            money, pack = money * factor[row], pack * factor[row]
        off = grid.off[entry].T  # [W, all stages]
        slope = grid.step_price[entry] * (money * (1.0 - off) - off) + pack
        grid.slope = np.ascontiguousarray(slope)
        if self._shelf is not None and self.problem.storage is not None:
            daily = padded[self._shelf[self.problem.storage.place[grid.rows]]]  # [n, T]
            if factor is not None:
                daily = daily * factor[grid.rows, None]
            grid.now = grid.base
            if daily.any():
                grid.now = grid.base.copy()
                now = grid.now

                def add(shelves: Shelves) -> None:
                    part, ends = shelves.part, slice(shelves.part.start, shelves.part.stop + 1)
                    places = grid.width[part], grid.table[ends], grid.arrived[part], shelves.start
                    _add_shelves(places, np.ascontiguousarray(daily[part]), shelves.table, now)

                each_shelves(self.problem, grid, add)

    def fixed(self, grid: Grid) -> tuple[float, Floats]:
        """Cost and use [R] that no order changes: before first arrivals, rows never ordered."""
        problem, rows = self.problem, self.problem.rows
        stages, leads = arrivals(problem, grid.rows), rows.leads()
        total = 0.0
        for came, lead, daily in zip(stages, leads, waiting(problem), strict=True):
            daily[grid.rows] *= came < 0
            total += float(lead.chance @ daily.sum(axis=1))
        use = np.zeros(self.count)
        if problem.storage is not None and self._shelf is not None:
            on_hand, _ = expected(problem, np.zeros((rows.count, problem.days), dtype=np.int64))
            before = np.ones(on_hand.shape, dtype=bool)
            before[grid.rows] = grid.arrived < 0
            fill = np.where(before, problem.storage.volume[:, None] * on_hand, 0.0)
            np.add.at(use, self._shelf[problem.storage.place], fill)
        return total - spoiling_anyway(problem, grid), use

    def use_of(self, grid: Grid, steps: Ints) -> Use:
        """What the plans `steps` [N, T] cost and use, row by row, above what is fixed."""
        problem = self.problem
        count, days = steps.shape
        cost, packs = np.zeros(count), np.zeros(count, dtype=np.int64)
        spend = np.zeros((count, problem.weeks))
        fill = np.zeros((count, days if problem.storage is not None else 0))

        def add(shelves: Shelves) -> None:
            p, ends = shelves.part, slice(shelves.part.start, shelves.part.stop + 1)
            stages = grid.stage[ends]
            _add_up(
                (grid.rows[p], grid.width[p], grid.table[ends], stages, grid.day, grid.arrived[p]),
                (grid.jump[p], grid.off[p], grid.line[p], grid.step_price[p], grid.step_packs[p]),
                (grid.base, shelves.table, shelves.start),
                steps,
                (cost, packs, spend, fill),
            )

        each_shelves(problem, grid, add)
        return Use(cost, spend, packs, None if problem.storage is None else fill)

    def rows_of(self) -> Ints:
        """[N, U] coupling rows that each row of the problem may use; -1 stands for none."""
        rows = self.problem.rows
        parts = [self._budget[rows.site], self._cap[rows.cap][:, None]]
        if self._shelf is not None and self.problem.storage is not None:
            parts.append(self._shelf[self.problem.storage.place])
        joined: Ints = np.concatenate(parts, axis=1)
        return joined

    def as_rows(self, use: Use) -> Floats:
        """[N, U] what each row uses, in the order of `rows_of`."""
        parts = [use.spend, use.packs[:, None].astype(float)]
        if use.fill is not None:
            parts.append(use.fill)
        return np.concatenate(parts, axis=1)

    def by_group(self, use: Use) -> Floats:
        """[G, R] what the rows of each group use together."""
        total = np.zeros((len(self.problem.order_cost), self.count + 1))
        limit = self.rows_of()
        group = np.broadcast_to(self.problem.rows.group[:, None], limit.shape)
        np.add.at(total, (group, limit), self.as_rows(use))
        return total[:, :-1]

    def over(self, use: Floats) -> float:
        """EUR of penalty for a total use [R], fixed use included."""
        return float((np.maximum(use - self.room, 0.0) * self.penalty).sum())


@compiled
def _add_shelves(places: Any, daily: Any, shelf: Any, now: Any) -> Any:
    """Adds to every stage what its days' expected volume costs at the prices [n, T]."""
    width, table, arrived, start = places
    for i in range(len(width)):
        for d in range(daily.shape[1]):
            s = arrived[i, d]
            if s < 0 or daily[i, d] == 0.0:
                continue
            for y in range(width[i]):
                now[table[i] + s * width[i] + y] += daily[i, d] * shelf[start[i] + d * width[i] + y]


@compiled
def _add_up(places: Any, terms: Any, tables: Any, steps: Any, found: Any) -> Any:
    """Cost, packs, EUR by week and m3 by day of every row's plan."""
    rows, width, table, stage, day, arrived = places
    jump, off, line, step_price, step_packs = terms
    base, shelf, shelf_start = tables
    cost, packs, spend, fill = found
    for i in range(len(rows)):
        row, state = rows[i], 0
        reached = np.zeros(stage[i + 1] - stage[i], dtype=np.int64)
        for s in range(stage[i + 1] - stage[i]):
            d = day[stage[i] + s]
            size = steps[row, d]
            state += size
            reached[s] = state
            cost[row] += base[table[i] + s * width[i] + state]
            if size == 0:
                continue
            best = 0.0
            for way in range(jump.shape[1]):
                if size >= jump[i, way]:
                    best = max(best, off[i, way])
            full = size * step_price[i]
            cost[row] += line[i] - full * best
            spend[row, d // 7] += full * (1.0 - best)
        packs[row] = state * step_packs[i]
        for d in range(fill.shape[1]):
            if arrived[i, d] >= 0:
                at = shelf_start[i] + d * width[i] + reached[arrived[i, d]]
                fill[row, d] = shelf[at]
